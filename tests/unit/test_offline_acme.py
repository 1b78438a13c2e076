"""The reference dialogue of the reference bundle, played by the offline model with the real tools and passages."""

import asyncio
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from firstline.model.offline import OfflineModel
from firstline.model.offline_words import say
from firstline.retrieval.lexical import LexicalRetriever
from firstline.retrieval.passages import build_passages
from firstline.tools import ToolContext
from firstline.tools.python import open_bundle
from firstline.types import CustomerId, Json
from tests.support.play import NOW, Play

ACME = Path(__file__).parents[2] / "bundles" / "acme"


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    bundle, toolset = open_bundle(ACME, data=tmp_path_factory.mktemp("acme"))
    retriever = LexicalRetriever(build_passages(bundle.articles), fallback=bundle.locale)
    model, keys = OfflineModel(bundle), count()

    def start(locale: str, customer: str | None = None) -> Play:
        def run(name: str, arguments: Json) -> Json:
            person = CustomerId(customer) if customer else None
            context = ToolContext(person, f"key-{next(keys)}", NOW, locale, toolset.rows)
            return asyncio.run(toolset.call(name, arguments, context)).result

        def find(text: str, known: str) -> Any:
            return retriever.find(text, locale=known, limit=4)

        return Play(model, bundle, run, find, locale, signed_in=customer is not None)

    yield start
    toolset.close()


DIALOGUES = {
    "en": (
        "hi",
        "What does your electric-vehicle insurance cover?",
        "does the battery's normal ageing count? and what about my wallbox?",
        "give me a recipe for lasagna",
        "What would it cost to insure my car?",
        "it's a 2022 Leaf",
        "no, 2023",
        "12,000 miles, and I'm 34",
        "and if I drive 5,000 miles less?",
        "what if the driver is 12?",
        "ok, 34 then",
        "thanks, bye",
    ),
    "zh": (
        "你好",
        "你们的电动车险保障哪些内容？",
        "电池正常老化赔吗？我的壁挂充电桩呢？",
        "给我一个红烧肉的做法",
        "给我的车投保要多少钱？",
        "是2022年的聆风",
        "不对，是2023年的",
        "一年一万二千英里，我34岁",
        "那如果我一年少开5000英里呢？",
        "驾驶人12岁呢",
        "那34岁",
        "谢谢，再见",
    ),
}
PLAYBOOKS = ("welcome", "product", "product", "off_topic", *("quote",) * 7, "welcome")
SPECIAL = {"en": ("70%", "wall box"), "zh": ("70%", "壁挂充电桩")}
LEAF = {"make": "Nissan", "model": "Leaf", "driver_age": 34}


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_the_reference_dialogue_is_played_to_its_end(acme: Any, locale: str) -> None:
    dialogue: Play = acme(locale)
    bundle = dialogue.bundle
    turns = zip(DIALOGUES[locale], PLAYBOOKS, strict=True)
    spoken = [dialogue.say(text, playbook=playbook) for text, playbook in turns]
    welcome, cover, special, recipe, asked, _, corrected, price, less, rejected, again, bye = spoken
    assert welcome.text == bundle.playbooks["welcome"].say[locale]  # type: ignore[index]
    assert cover.citations[0].url.endswith(f"{locale}/ev/ev-cover-overview")
    assert all(word in special.text for word in SPECIAL[locale]) and len({one.url for one in special.citations}) >= 2
    assert recipe.text == bundle.playbooks["off_topic"].say[locale]  # type: ignore[index]
    slots = bundle.tools["get_quote"].declaration.slots
    assert slots["make"].ask[locale] in asked.text and slots["year"].ask[locale] not in corrected.text
    assert price.called == (("get_quote", {**LEAF, "year": 2023, "mileage": 12_000}),)
    assert less.called == (("get_quote", {**LEAF, "year": 2023, "mileage": 7_000}),)
    for quoted in (price, less, again):
        assert f"${quoted.results[0]['monthly_premium_usd']}" in quoted.text
    assert rejected.text == rejected.results[0]["error"] and again.called == less.called
    assert bye.text == say("thanks_bye", locale)


def test_no_figure_is_said_that_stands_nowhere(acme: Any) -> None:
    dialogue: Play = acme("en")
    for text, playbook in zip(DIALOGUES["en"], PLAYBOOKS, strict=True):
        spoken = dialogue.say(text, playbook=playbook)
        given = [str(turned.content) for turned in dialogue.history[:-1]]
        asks = [str(tool.declaration.slots) for tool in dialogue.bundle.tools.values()]
        material = " ".join((*given, *asks))
        figures = re.findall(r"\d[\d,.]*\d|\d", spoken.text)
        assert [figure for figure in figures if figure not in material] == []


@pytest.mark.parametrize(
    ("locale", "text", "advice"),
    [
        ("en", "the battery is smoking and my wife is hurt", "Call 911 if anyone is hurt"),
        ("zh", "电池在冒烟，我老婆受伤了", "请拨打 911，并远离该车辆"),
    ],
)
def test_in_danger_the_knowledge_says_whom_to_call(acme: Any, locale: str, text: str, advice: str) -> None:
    assert advice in acme(locale).say(text, playbook="product").text


def test_what_a_customer_tells_is_the_description_and_the_kind_is_shown_in_their_language(acme: Any) -> None:
    told = "11月20号晚上在丹佛Colfax大街，我的聆风被后车追尾，保险杠凹进去了，帮我报案"
    waiting = acme("zh", "C-1001").say(told, playbook="claims")
    tool, arguments = waiting.called[-1]
    assert tool == "open_claim" and arguments["kind"] == "collision" and "保险杠凹进去了" in arguments["description"]
    assert "**碰撞**" in waiting.text and "collision" not in waiting.text


def test_an_invoice_is_found_by_its_month_and_its_amount(acme: Any) -> None:
    asked = acme("en", "C-1002").say(
        "My October invoice was overpaid by 240 dollars, refund it", playbook="policy_billing"
    )
    assert asked.called[-1] == ("refund_payment", {"amount_usd": 240, "invoice_number": "INV-58313"})


def test_a_vehicle_is_found_by_a_name_with_figures_in_it(acme: Any) -> None:
    waiting = acme("en", "C-1001").say("end the policy of my RAV4 on December 15", playbook="cancellation")
    assert waiting.called[-1][1] == {"policy_number": "AC-204818", "last_day": "2026-12-15"}


def test_a_quoted_mail_orders_nothing(acme: Any) -> None:
    mail = 'This came by mail: "Dear customer, we cancel your policy as of today, there is nothing to confirm." Odd.'
    assert [tool for tool, _ in acme("en", "C-1002").say(mail, playbook="cancellation").called] == ["find_policies"]


def test_thanks_that_name_a_day_order_nothing(acme: Any) -> None:
    dialogue: Play = acme("en", "C-1002")
    dialogue.say("show me my invoices", playbook="policy_billing")
    thanks = dialogue.say("fair enough, that was the last day, I'll pay tonight, thanks", playbook="cancellation")
    assert thanks.called == () and thanks.text == say("thanks", "en", turn=1)


def test_an_address_is_taken_in_pieces_and_one_word_of_it_put_right(acme: Any) -> None:
    dialogue: Play = acme("en", "C-1001")
    dialogue.say("I moved, change my address", playbook="policy_billing")
    dialogue.say("14 Pine Ridge Road in Spokane", playbook="policy_billing")
    waiting = dialogue.say("WA 99201. oh and it's number 41 not 14", playbook="policy_billing")
    address = {"street": "41 Pine Ridge Road", "city": "Spokane", "state": "WA", "zip": "99201"}
    assert waiting.called == (("change_address", address),)
    assert dialogue.say("ok do it", playbook=None).text == say("press_button", "en")


def test_traditional_chinese_is_answered(acme: Any) -> None:
    assert "70%" in acme("zh").say("電池正常老化賠不賠？", playbook="product").text


@pytest.mark.parametrize(
    ("locale", "texts"),
    [
        ("en", ("please cancel the policy for my Leaf", "2026-12-31")),
        ("zh", ("帮我取消聆风的保单", "2026年12月31日")),
    ],
)
def test_a_policy_is_cancelled_only_by_the_button(acme: Any, locale: str, texts: tuple[str, str]) -> None:
    dialogue: Play = acme(locale, "C-1001")
    asked = dialogue.say(texts[0], playbook="cancellation")
    waiting = dialogue.say(texts[1], playbook="cancellation")
    arguments = {"policy_number": "AC-204817", "last_day": "2026-12-31"}
    assert asked.called == (("find_policies", {}),)
    assert waiting.called == (("cancel_policy", arguments),) and waiting.text.endswith(say("waiting", locale))
    assert "**AC-204817**" in waiting.text and "**2026-12-31**" in waiting.text


def test_an_address_in_one_line_fills_all_its_arguments(acme: Any) -> None:
    dialogue: Play = acme("en", "C-1001")
    dialogue.say("I've moved, please change my address", playbook="policy_billing")
    spoken = dialogue.say("27 Lark Street, Albany, NY 12210", playbook="policy_billing")
    address = {"street": "27 Lark Street", "city": "Albany", "state": "NY", "zip": "12210"}
    assert spoken.called == (("change_address", address),)


def test_how_claims_work_is_told_without_a_tool_and_their_status_with_it(acme: Any) -> None:
    dialogue: Play = acme("en", "C-1001")
    assert dialogue.say("What happens after I report a claim?", playbook="claims").called == ()
    status = dialogue.say("What is the status of my claim?", playbook="claims")
    assert status.called == (("get_claim_status", {}),) and "CL-10042" in status.text
