"""The router on a small shop (it knows nothing of any business), and its measured accuracy on Acme."""

from datetime import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.bundle import Article, Assistant, Bundle, Contact, Hours, Limits, Playbook, PlaybookKind, Span
from firstline.route import Route, Router
from firstline.tools import Declaration, Slot, Tool
from firstline.types import PlaybookId
from tests.support.route_accuracy import count_false_declines, load_acme, run_trials

GREET, GOODS, ORDERS, PERSON, OTHER = map(PlaybookId, ("greet", "goods", "orders", "person", "other"))


def playbook(
    name: PlaybookId, kind: PlaybookKind, when: str, *, en: str, zh: str, tools: tuple[str, ...] = ()
) -> Playbook:
    return Playbook(
        id=name,
        title={"en": name.title()},
        kind=kind,
        when=when,
        utterances={"en": tuple(en.split("; ")), "zh": tuple(zh.split("；"))},
        tools=tools,
        instructions="Be kind.",
    )


PLAYBOOKS = (
    playbook(
        GREET,
        "greet",
        "The customer greets or thanks.",
        en="hello; hi there; good morning; thank you; bye; who are you",
        zh="你好；早上好；谢谢；再见；你是谁",
    ),
    playbook(
        GOODS,
        "answer",
        "Questions about goods, sizes, delivery times or returns.",
        en="which sizes do the boots come in; how long does delivery take; can I return shoes; are the boots "
        "waterproof; do you ship abroad; what is the jacket made of; is there a warranty on bags",
        zh="靴子有哪些尺码；多久能送到；鞋子可以退吗；靴子防水吗；你们送到国外吗；夹克是什么材料；包有保修吗",
    ),
    playbook(
        ORDERS,
        "act",
        "The customer asks about their own order or wants to cancel it.",
        en="where is my order; cancel my order; has my parcel left; change my order; I ordered the wrong thing; "
        "track my package; when will my order come",
        zh="我的订单到哪了；取消我的订单；包裹发出了吗；改一下订单；我买错了；查快递；我的订单什么时候到",
        tools=("find_order",),
    ),
    playbook(
        PERSON,
        "hand_off",
        "The customer is angry or asks for a person.",
        en="I want to complain; your service is terrible; this is outrageous; give me a human",
        zh="我要投诉；服务太差了；太过分了；转人工",
    ),
    playbook(
        OTHER,
        "decline",
        "Everything else.",
        en="tell me a joke; what's the weather; write a poem; who won the game; give me a recipe; what is 2 + 2",
        zh="讲个笑话；天气怎么样；写首诗；谁赢了比赛；给我一个菜谱；二加二等于几",
    ),
)

FIND_ORDER = Tool(
    name="find_order",
    description="Find an order.",
    input_schema={},
    declaration=Declaration(
        effect="read",
        requires="anonymous",
        timeout_seconds=5,
        label={"en": "Looking"},
        slots={
            "order": Slot(ask={"en": "Which order?"}, pattern=r"\bS-\d{4}\b"),
            "carrier": Slot(ask={"en": "Which carrier?"}, values={"turtle post": "turtle"}),
        },
    ),
)


def article(slug: str, title: str, body: str) -> Article:
    return Article(slug=slug, locale="en", title=title, url=f"/help/en/{slug}", body=body)


def build_shop(playbooks: tuple[Playbook, ...] = PLAYBOOKS) -> Bundle:
    return Bundle(
        name="shop", folder=Path("shop"), revision="0", business={"en": "Shop"}, locales=("en", "zh"),
        assistant=Assistant(name="Sam", title={"en": "Assistant"}), accent="#000000", contact=Contact(),
        hours=Hours(timezone="UTC", weekly={"mon": (Span(opens=time(9), closes=time(17)),)}),
        welcome={"en": "Hi."}, starters=(), fallback={"en": "Sorry."}, unknown={"en": "?"}, acknowledgement="Yes.",
        competitors=(), links=(), limits=Limits(), demo_customers=(), identity="", context=(), policy="",
        playbooks={one.id: one for one in playbooks}, examples=(),
        articles=(
            article("wax", "Caring for leather", "Rub beeswax into the leather twice a year, and let it dry."),
            article("repair", "Repairs", "A cobbler mends soles and zips; the repair takes two weeks."),
        ),
        tools={"find_order": FIND_ORDER},
    )  # fmt: skip


@cache
def shop_router() -> Router:
    return Router(build_shop())


def choose(text: str, *, after: PlaybookId | None = None, asked: bool = False, last_locale: str = "en") -> Route:
    return shop_router().choose(text, last_playbook=after, last_locale=last_locale, asked=asked)


def test_signs_without_a_word_are_a_greeting_and_a_question_mark_is_none() -> None:
    assert choose("👍👍").playbook == GREET
    assert choose("?").playbook != GREET


@pytest.mark.parametrize(
    "text", ["I do not need a person, track my package", "I don't need an agent for my order", "不用转人工，查快递"]
)
def test_whoever_wants_no_person_is_taken_for_no_complaint(text: str) -> None:
    assert choose(text).playbook == ORDERS


def test_a_correction_with_actually_in_it_is_still_an_answer() -> None:
    assert choose("it's actually S-1234, sorry", after=ORDERS, asked=True).playbook == ORDERS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello!", GREET),
        ("do the boots come in size 45?", GOODS),
        ("how long is the delivery to Norway", GOODS),
        ("where's my order", ORDERS),
        ("please cancle my ordr", ORDERS),
        ("I'd like to complain about the service", PERSON),
        ("tell me another joke", OTHER),
        ("这双靴子防水吗", GOODS),
        ("我的包裹到哪了", ORDERS),
        ("写一首诗", OTHER),
    ],
)
def test_a_message_goes_to_the_playbook_that_speaks_of_it(text: str, expected: PlaybookId) -> None:
    assert choose(text).playbook == expected


def test_gibberish_is_nobodys_business() -> None:
    assert choose("asdf qwer zxcv").playbook in {None, OTHER}


@pytest.mark.parametrize("text", ["S", "…", ""])
def test_what_nothing_is_like_gets_no_playbook(text: str) -> None:
    assert choose(text).playbook is None


def test_a_message_in_a_language_without_utterances_gets_no_playbook_but_its_language() -> None:
    route = choose("¿Está disponible la chaqueta en color rojo?")

    assert (route.playbook, route.locale) == (None, "es")


def test_an_id_tells_the_playbook_in_any_language() -> None:
    assert choose("¿Dónde está S-1234?").playbook == ORDERS
    assert choose("S-1234").playbook == ORDERS


def test_a_value_of_a_tool_leans_to_its_playbook() -> None:
    assert choose("turtle post").playbook == ORDERS
    assert choose("rabbit post").playbook != ORDERS


@pytest.mark.parametrize(
    "text", ["S-77", "yes please", "the red one", "on Monday", "Ann Miller", "12 Elm Street", "17"]
)
def test_the_answer_to_a_question_stays_in_the_act(text: str) -> None:
    assert choose(text, after=ORDERS, asked=True).playbook == ORDERS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("which sizes do the boots come in?", GOODS),
        ("never mind, are the boots waterproof?", GOODS),
        ("I want to complain", PERSON),
        ("give me a recipe please", OTHER),
    ],
)
def test_another_subject_leaves_the_act_although_a_question_was_asked(text: str, expected: PlaybookId) -> None:
    assert choose(text, after=ORDERS, asked=True).playbook == expected


def test_a_follow_up_stays_with_its_subject() -> None:
    assert choose("and the green one?", after=GOODS).playbook == GOODS
    assert choose("那绿色的呢", after=GOODS, last_locale="zh").playbook == GOODS
    assert choose("and the green one?").playbook != GOODS


def test_small_talk_and_declining_are_never_stuck_to() -> None:
    assert choose("the green one", after=OTHER, asked=True).playbook is None
    assert choose("the green one", after=GREET, asked=True).playbook is None


def test_a_last_playbook_that_is_gone_does_not_matter() -> None:
    assert choose("hello", after=PlaybookId("gone"), asked=True).playbook == GREET


def test_words_of_the_knowledge_lead_to_an_answer_and_not_to_declining() -> None:
    with_knowledge = choose("what about beeswax and leather")

    assert with_knowledge.playbook == GOODS
    assert choose("what about marmalade and kangaroos").playbook != GOODS


def test_a_wish_for_a_person_is_told_and_leads_to_the_hand_off() -> None:
    route = choose("speek to a humen", after=ORDERS, asked=True)

    assert route.wants_human
    assert route.playbook == PERSON
    assert not choose("are you human?").wants_human


def test_a_wish_is_told_in_languages_without_utterances_too() -> None:
    route = choose("Quiero hablar con una persona")

    assert route.wants_human
    assert route.playbook == PERSON


def test_the_score_is_a_probability_and_the_runner_up_another_playbook() -> None:
    route = choose("where is my order")

    assert 0.5 < route.score <= 1.0
    assert route.runner_up not in {None, route.playbook}


def test_the_same_bundle_routes_the_same_way() -> None:
    first, second = Router(build_shop()), Router(build_shop())
    text = "can I change the order of my boots"

    assert first.choose(text, last_playbook=None, last_locale="en", asked=False) == second.choose(
        text, last_playbook=None, last_locale="en", asked=False
    )


def test_a_bundle_without_playbooks_has_no_route() -> None:
    route = Router(build_shop(playbooks=())).choose("hello", last_playbook=None, last_locale="en", asked=False)

    assert route == Route(playbook=None, locale="en", wants_human=False, score=0.0, runner_up=None)


@given(text=st.text(max_size=200), asked=st.booleans(), after=st.sampled_from([None, *(one.id for one in PLAYBOOKS)]))
def test_no_text_breaks_it(text: str, asked: bool, after: PlaybookId | None) -> None:
    route = choose(text, after=after, asked=asked)

    assert route.locale
    assert 0.0 <= route.score <= 1.0


def test_a_very_long_message_is_judged_by_its_beginning() -> None:
    assert (
        choose("where is my order " + "lorem ipsum " * 100_000).playbook
        == choose("where is my order " + "lorem ipsum " * 200).playbook
    )


@cache
def acme_router() -> Router:
    return Router(load_acme())


@pytest.mark.parametrize("group", ["en", "zh", "elsewhere"])
def test_nine_of_ten_labelled_messages_go_where_a_reader_would_send_them(group: str) -> None:
    trials = list(run_trials(acme_router(), group))

    assert sum(trial.right for trial in trials) >= 0.88 * len(trials)


@pytest.mark.parametrize("group", ["en", "zh"])
def test_hardly_anything_on_topic_is_declined(group: str) -> None:
    declined, on_topic = count_false_declines(list(run_trials(acme_router(), group)), "off_topic")

    assert declined <= 0.02 * on_topic
