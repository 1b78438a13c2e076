"""Small models on servers of one's own: whatever they do, the turn ends decently (D 61-67, over real HTTP)."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest

from firstline.bundle.load import load_bundle
from firstline.config import load_settings
from firstline.conversation import Conversation, new_conversation
from firstline.engine import Engine
from firstline.evals.run import opened_engine
from firstline.events import HandoffOffered, ModelReplied, ToolReturned, TurnEnded, load_event
from firstline.model.claude import ClaudeModel, build_claude
from firstline.model.claude_plain import simplify
from firstline.model.claude_plain_text import locate
from firstline.model.fallback import FallbackModel
from firstline.model.offline import OfflineModel
from firstline.tools.python import open_bundle
from firstline.types import ConversationId
from firstline.wire import build_engine
from tests.support.asking import PASSAGE, Waits, ask, collect, go_on, reply_of, shown, text
from tests.support.fake_claude import FakeClaude, Refuse, Scripted
from tests.support.fake_claude import say as claude_says
from tests.support.fake_local import HABITS, Answer, FakeLocal, Habit, Seen, say
from tests.support.scripted import Clock, Ran, post, run, start
from tests.support.shop import WORKSHOP

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
Json = dict[str, Any]

ACME = Path("bundles/acme")
SMALL = "small:3b"
NUMBERS = count(1)
ASKED = "price for a 2023 Nissan Leaf, 12,000 miles, I am 34"
AGEING = "Does the battery's normal ageing count?"
NOT_FOR_CUSTOMERS = re.compile(r"</?think|<tool_call|<function|TOOL_CALLS|\"name\"|[\[【]\d+[\]】](?<!\u202f\[\d\])")
PRICE = re.compile(r"\$\d[\d,]*\.\d\d")


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Acme's engine with the offline model; made once, as its router takes a second to learn."""
    bundle, toolset = open_bundle(ACME, data=tmp_path_factory.mktemp("acme"))
    yield build_engine(bundle, toolset, model=OfflineModel(bundle), folder=toolset.rows, now=Clock())
    toolset.close()


@asynccontextmanager
async def local(
    acme: Engine, server: FakeLocal, *, chain: bool = False, first_token_seconds: float = 5.0
) -> AsyncIterator[Engine]:
    """The engine with a small model and, in a chain, the offline one after it; nothing is waited for in between."""
    model = build_claude(SMALL, api_key="none", base_url=server.url, first_token_seconds=first_token_seconds)
    model._sleep = Waits()  # pyright: ignore[reportPrivateUsage]
    chosen = FallbackModel([model, acme.model]) if chain else model
    try:
        yield replace(acme, model=chosen, new_id=lambda kind: f"{kind}_{next(NUMBERS)}")
    finally:
        await model.aclose()


def begin(engine: Engine) -> Conversation:
    """A conversation of its own: the tests share the rows, in which an action is known by its conversation."""
    conversation = new_conversation(ConversationId(f"cv_{next(NUMBERS)}"))
    return conversation.extended(*(logged.event for logged in start(engine.bundle).log))


async def turn(engine: Engine, words: str, conversation: Conversation | None = None) -> Ran:
    return await run(engine, post(conversation or begin(engine), words))


def ending(ran: Ran) -> TurnEnded:
    (ended,) = ran.of(TurnEnded)
    return ended


def assert_decent(ran: Ran, engine: Engine, *, requests: int) -> None:
    """What holds of any turn, whatever the model did."""
    ended, limits = ending(ran), engine.bundle.limits
    offered = bool(ran.of(HandoffOffered))
    assert ran.text and not NOT_FOR_CUSTOMERS.search(ran.text)
    assert ended.outcome == "replied" or (ended.outcome == "failed" and offered)
    assert ran.text.endswith(engine.bundle.fallback["en"]) == (ended.outcome == "failed")
    assert requests <= 3 * limits.rounds
    assert ended.usage.total_tokens < limits.tokens
    known = json.dumps([fact.result for fact in ran.of(ToolReturned)])
    assert all(price[1:].replace(",", "") in known for price in PRICE.findall(ran.text))
    written = [logged.event.model_dump_json() for logged in ran.conversation.log]
    again = new_conversation(ran.conversation.conversation_id).extended(*map(load_event, written))
    assert again.log == ran.conversation.log and not again.unfinished


# Habits


@pytest.mark.parametrize("name", HABITS)
async def test_whatever_a_small_model_does_the_turn_ends_decently(name: str, acme: Engine) -> None:
    habit: Habit = HABITS[name]
    async with FakeLocal(habit.answers) as server, local(acme, server) as engine:
        ran = await turn(engine, ASKED)
        assert_decent(ran, engine, requests=len(server.seen))
        ended = ending(ran)
        assert (ended.outcome, ended.code) == (habit.ends, habit.code)
        assert habit.says in ran.text and not (habit.hides and habit.hides in ran.text)
        results = [fact for fact in ran.of(ToolReturned) if fact.outcome == "ok"]
        assert bool(results) == (habit.quoted or habit.code == "tool_loop")
        if habit.quoted:
            assert results[0].result["monthly_premium_usd"] and "<|result|>" in server.seen[-1].prompt
        assert ended.cost_usd == 0.0
        assert ended.usage.estimated or not ran.of(ModelReplied)


@pytest.mark.parametrize("name", [name for name, habit in HABITS.items() if habit.ends == "failed"])
async def test_where_the_small_model_fails_the_next_in_the_chain_answers(name: str, acme: Engine) -> None:
    habit: Habit = HABITS[name]
    async with FakeLocal(habit.answers) as server, local(acme, server, chain=True) as engine:
        ran = await turn(engine, AGEING)
    by_itself = habit.code in ("too_many_rounds", "max_tokens", "withheld", "tool_loop")  # it did reply
    ended = ending(ran)
    if by_itself:
        assert ended.outcome == "failed" and ran.of(HandoffOffered)
    else:
        assert ended.outcome == "replied" and "normal ageing" in ran.text.lower()


# Passages and citations


async def test_a_small_model_reads_the_passages_and_its_marks_become_citations(acme: Engine) -> None:
    words = "Normal ageing is not covered [1]. Damage by an accident is【1†source】."
    async with FakeLocal((say(words), say("You are welcome."))) as server, local(acme, server) as engine:
        ran = await turn(engine, AGEING)
        again = await turn(engine, "thanks", ran.conversation)
    first, second = (seen.prompt for seen in server.seen)
    passage = next(fact for fact in ran.facts if fact.type == "passages.retrieved").passages[0]
    assert f"[1] {passage.title}\n" in first and passage.text[:40] in first
    assert re.search(r"</knowledge>\n.+\n\n<turn>", first) and first.endswith(f"</instructions>\n\n{AGEING}")
    (citation,) = next(fact.message for fact in ran.facts if fact.type == "message.posted").citations
    assert (citation.title, citation.url) == (passage.title, passage.url)
    assert citation.quote in passage.text.replace("\n", " ") or citation.quote in passage.text
    assert ran.text == "Normal ageing is not covered.\u202f[1] Damage by an accident is.\u202f[1]"
    assert second.startswith(first) and "not covered [1]. Damage by an accident is [1]" in second
    assert ending(again).outcome == "replied"


async def test_the_blocks_of_a_reply_are_what_was_said_in_the_end() -> None:
    words = "\n\nThey ask when.\n</think>\n\nAt nine [1]. <think>Done?</think>Bye."
    async with FakeLocal((say(words), say("\n\nAt nine."))) as server:
        model = build_claude(SMALL, api_key="k", base_url=server.url)
        reply, plain = await reply_of(model, ask()), await reply_of(model, ask())
        await model.aclose()
    assert [block["text"] for block in reply.blocks] == ["At nine", ". Bye."]
    assert plain.blocks == (text("At nine."),)


async def test_what_a_small_model_cited_can_be_replayed_to_claude() -> None:
    async with (
        FakeLocal((say("At nine [1], as always."),)) as server,
        FakeClaude(Scripted([claude_says("Yes.")])) as fake,
    ):
        small = build_claude(SMALL, api_key="k", base_url=server.url)
        claude = build_claude("claude-sonnet-5-5", api_key="k", base_url=fake.url)
        reply = await reply_of(small, ask())
        location = reply.blocks[0]["citations"][0]
        assert (location["cited_text"], location["source"]) == ("The shop opens at nine.", PASSAGE["source"])
        assert shown(await collect(claude, go_on(ask(), reply, text("Sure?")))) == "Yes."
        await small.aclose()
        await claude.aclose()


async def test_the_quote_is_the_sentence_that_is_most_like_the_claim() -> None:
    sentences = ("Mechanics rest on Sundays.", "营业时间是九点到五点。", "The shop opens at nine.")
    passage = {**PASSAGE, "content": [text(each) for each in sentences]}
    async with FakeLocal((say("It opens at nine o'clock [1]. 我们九点到五点营业。[1]"),)) as server:
        model = build_claude(SMALL, api_key="k", base_url=server.url)
        pieces = await collect(model, ask(passage, text("When?")))
        await model.aclose()
    quotes = [piece.citation.quote for piece in pieces if hasattr(piece, "citation")]
    assert quotes == [sentences[2], sentences[1]]


def test_a_passage_keeps_its_number_however_often_it_comes() -> None:
    other = {**PASSAGE, "source": "/help/closing", "title": "Closing"}
    content = [[PASSAGE], [other, PASSAGE], [PASSAGE, other]]
    messages = [{"role": "user", "content": [*blocks, text("When?")]} for blocks in content]
    forms = [simplify({"model": SMALL, "max_tokens": 9, "messages": messages[:n]}) for n in (1, 2, 3)]
    assert (forms[-1].passages, forms[-1].places) == ((PASSAGE, other), (0, 1))
    numbers = [re.findall(r"^\[(\d)\]", message["content"], re.MULTILINE) for message in forms[-1].body["messages"]]
    assert numbers == [["1"], ["2", "1"], ["1", "2"]]
    for before, after in pairwise(forms):
        assert after.body["messages"][: len(before.body["messages"])] == before.body["messages"]


def test_a_passage_is_placed_where_it_first_stood_among_all_search_results() -> None:
    other = {**PASSAGE, "source": "/help/closing", "title": "Closing"}
    content = [PASSAGE, PASSAGE, other, text("When?")]
    plain = simplify({"model": SMALL, "max_tokens": 9, "messages": [{"role": "user", "content": content}]})
    assert locate(plain, 2, "It closes.")["search_result_index"] == 2


async def test_a_link_and_a_list_are_no_marks() -> None:
    words = "See [1](https://help.example/opening), or option [A]; x[i] < 3."
    async with FakeLocal((say(words),)) as server:
        model = build_claude(SMALL, api_key="k", base_url=server.url)
        assert shown(await collect(model, ask())) == words
        await model.aclose()


# What is refused


@asynccontextmanager
async def claude_at(server: FakeLocal | FakeClaude, **how: Any) -> AsyncIterator[ClaudeModel]:
    model = build_claude("claude-sonnet-5-5", api_key="k", base_url=server.url, **how)
    try:
        yield model
    finally:
        await model.aclose()


async def test_a_refused_request_is_put_plainly_once_and_that_is_remembered() -> None:
    async with FakeLocal((say("At nine [1]."),), unknown="refuses") as server, claude_at(server) as model:
        assert shown(await collect(model, ask())) == "At nine."
        assert (server.refused, len(server.seen), model.plain) == (1, 1, True)
        await reply_of(model, ask())
    assert (server.refused, len(server.seen)) == (1, 2)
    assert "thinking" not in server.seen[0].body and "cache_control" not in json.dumps(server.seen[0].body)


async def test_a_request_that_is_wrong_in_either_form_is_refused_and_nothing_is_remembered() -> None:
    bad = Refuse(400, "invalid_request_error", "tools.0: no")
    fake = FakeClaude(Scripted([bad, bad, claude_says("Nine.")]))
    async with fake, claude_at(fake) as model:
        with pytest.raises(Exception, match=r"tools\.0"):
            await collect(model, ask())
        assert (len(fake.requests), model.plain) == (2, False)
        assert shown(await collect(model, ask())) == "Nine."
    assert "search_result" in json.dumps(fake.requests[-1].body)


async def test_where_it_was_settled_how_requests_are_put_a_refusal_is_a_refusal() -> None:
    bad = Refuse(400, "invalid_request_error", "no")
    fake = FakeClaude(Scripted([bad]))
    async with fake, claude_at(fake, plain=False) as model:
        with pytest.raises(Exception, match=r"invalid_request_error: no "):
            await collect(model, ask())
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("model_id", "base_url", "plain"),
    [
        ("claude-sonnet-5-5", None, False),
        ("claude-next", None, False),
        ("small:3b", None, False),
        ("claude-sonnet-5-5", "http://127.0.0.1:1", False),
        ("small:3b", "http://127.0.0.1:1", True),
        ("anthropic/claude-sonnet-5-5", "http://127.0.0.1:1", False),
        ("us.anthropic.claude-sonnet-5-5", "http://127.0.0.1:1", False),
        ("someone/Qwen3-8B-Claude-distilled", "http://127.0.0.1:1", True),
        ("small:3b", "https://api.anthropic.com/", False),
    ],
)
async def test_only_other_models_at_other_addresses_get_plain_requests_from_the_start(
    model_id: str, base_url: str | None, plain: bool
) -> None:
    model = build_claude(model_id, api_key="k", base_url=base_url)
    assert model.plain == plain
    await model.aclose()


# Time


async def test_a_first_word_after_minutes_is_a_matter_of_the_settings(acme: Engine) -> None:
    slow = (
        say(
            "We insure electric cars.",
        ),
    )
    slow = (Answer(say("We insure electric cars.").parts, delay_seconds=0.4),)
    async with FakeLocal(slow) as server:
        async with local(acme, server, first_token_seconds=0.1) as engine:
            ran = await turn(engine, ASKED)
            assert_decent(ran, engine, requests=1)
            assert ending(ran).code == "first_token_timeout"
        async with local(acme, server, first_token_seconds=30) as engine:
            assert ending(await turn(engine, ASKED)).outcome == "replied"


async def test_the_settings_may_give_a_turn_more_time_than_its_bundle_and_leave_the_revision() -> None:
    settings = load_settings(model="offline", turn_seconds=900.0)
    async with opened_engine(WORKSHOP, settings) as (engine, _):
        plain = load_bundle(WORKSHOP)
        assert (engine.bundle.limits.seconds, plain.limits.seconds) == (900.0, 30.0)
        assert engine.bundle.revision == plain.revision


async def test_a_whole_conversation_with_a_clumsy_model_keeps_its_log_in_order(acme: Engine) -> None:
    """Every habit in turn, in one conversation: nothing that one leaves behind spoils the next."""
    names = iter(HABITS)
    left: list[Any] = []

    def answer(_: Seen) -> Any:
        if not left:
            left.extend(HABITS[next(names, "stop_reason stop")].answers)
        return left.pop(0)

    async with FakeLocal(answer) as server, local(acme, server) as engine:
        conversation = begin(engine)
        for _ in range(12):
            before = len(server.seen)
            ran = await turn(engine, ASKED, conversation)
            assert_decent(ran, engine, requests=len(server.seen) - before)
            conversation = ran.conversation
    replies = [logged.event for logged in conversation.log if isinstance(logged.event, ModelReplied)]
    assert len(replies) > 12
