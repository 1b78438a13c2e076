"""Whole turns with Claude's adapter over HTTP: the fake upstream is driven by scripts, or by the offline model."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest

from firstline import handoff
from firstline.engine import Engine
from firstline.events import GuardrailRan, HandoffRequested, ModelReplied, ReplyWithdrawn, ToolReturned, TurnEnded
from firstline.model import Model
from firstline.model.claude import build_claude
from firstline.model.fallback import FallbackModel
from firstline.model.offline import OfflineModel
from firstline.tools.python import open_bundle
from firstline.wire import build_engine
from tests.support.fake_claude import Call, FakeClaude, FromModel, Refuse, Reply, Say, Scripted, Think, say
from tests.support.scripted import Clock, Ran, post, run, sign_in, start

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

ACME = Path("bundles/acme")
PRICE = re.compile(r"\$\d[\d,]*\.\d\d")


@asynccontextmanager
async def acme(data: Path, answers: Any, *, chain: bool = False) -> AsyncIterator[tuple[Engine, FakeClaude]]:
    """Acme's engine with Claude (and, in a chain, the offline model after it), and the fake that Claude speaks to."""
    bundle, toolset = open_bundle(ACME, data=data)
    driven = FromModel(OfflineModel(bundle)) if answers == "offline" else answers
    async with FakeClaude(driven) as fake:
        claude = build_claude(
            "claude-sonnet-5-5", api_key="k", base_url=fake.url, first_token_seconds=2, idle_seconds=1
        )
        model: Model = FallbackModel([claude, OfflineModel(bundle)]) if chain else claude
        numbers = count(1)
        engine = build_engine(
            bundle,
            toolset,
            model=model,
            folder=toolset.rows,
            now=Clock(),
            make_id=lambda kind: f"{kind}_{next(numbers)}",
        )
        try:
            yield engine, fake
        finally:
            await model.aclose()
            toolset.close()


async def talk(engine: Engine, *texts: str, locale: str = "en") -> list[Ran]:
    conversation = start(engine.bundle, locale=locale)
    turns: list[Ran] = []
    for text in texts:
        turns.append(await run(engine, post(conversation, text)))
        conversation = turns[-1].conversation
    return turns


def ending(ran: Ran) -> TurnEnded:
    return ran.of(TurnEnded)[0]


ENGLISH = (
    "What does EV insurance cover?",
    "Does the battery's normal ageing count?",
    "What would it cost to insure my car?",
    "it's a 2022 Leaf",
    "no, 2023",
    "12,000 miles, and I'm 34",
    "and if I drive 5,000 miles less?",
)
CHINESE = (
    "电动车保险保什么？",
    "电池正常老化算在保障内吗？",
    "给我的车上保险多少钱？",
    "是2022年的聆风",
    "不对，是2023年的",
    "一年12000英里，我34岁",
    "如果少开5000英里呢？",
)


@pytest.mark.parametrize(("locale", "texts"), [("en", ENGLISH), ("zh", CHINESE)])
async def test_the_reference_dialogue_goes_over_the_wire(tmp_path: Path, locale: str, texts: tuple[str, ...]) -> None:
    async with acme(tmp_path, "offline") as (engine, fake):
        turns = await talk(engine, *texts, locale=locale)
    assert [ending(ran).outcome for ran in turns] == ["replied"] * len(texts)
    assert [ending(ran).model for ran in turns] == ["claude-sonnet-5-5"] * len(texts)
    for ran in turns[-2:]:
        quote = ran.of(ToolReturned)[0].result
        assert PRICE.findall(ran.text)[0] == f"${quote['monthly_premium_usd']}"
    assert turns[-1].of(ToolReturned)[0].result["mileage"] == 7000
    assert turns[-1].of(ToolReturned)[0].result["year"] == 2023


async def test_consecutive_requests_extend_one_prefix_and_the_cache_is_read(tmp_path: Path) -> None:
    async with acme(tmp_path, "offline") as (engine, fake):
        turns = await talk(engine, *ENGLISH)
    bodies = [strip_marks(request.body) for request in fake.requests]
    for before, after in pairwise(bodies):
        assert (after["system"], after["tools"]) == (before["system"], before["tools"])
        assert after["messages"][: len(before["messages"])] == before["messages"]
    for ran in turns[1:]:
        assert ending(ran).usage.cache_read_tokens > 0
    spent = [reply.usage for ran in turns for reply in ran.of(ModelReplied)]
    assert sum(each.output_tokens for each in spent) == sum(row["output_tokens"] for row in fake.ledger)
    assert all(ending(ran).cost_usd > 0 for ran in turns)


def strip_marks(value: Any) -> Any:
    """A request without its cache marks, which move."""
    if isinstance(value, dict):
        return {key: strip_marks(each) for key, each in value.items() if key != "cache_control"}
    return [strip_marks(each) for each in value] if isinstance(value, list) else value


async def test_the_request_is_what_the_prompts_layout_says(tmp_path: Path) -> None:
    async with acme(tmp_path, Scripted([say("Hello.")])) as (engine, fake):
        await talk(engine, "Does the battery's normal ageing count?")
    body = fake.requests[0].body
    assert "Eva" in body["system"][0]["text"]
    assert [tool["name"] for tool in body["tools"]] == [*engine.bundle.tools, "hand_off"]
    assert "customer_id" not in str(body["tools"])
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][1]["content"][0]["text"] == engine.bundle.acknowledgement
    last = body["messages"][-1]["content"]
    assert last[0]["type"] == "search_result"
    assert last[0]["citations"] == {"enabled": True}
    assert last[-1]["text"] == "Does the battery's normal ageing count?"
    assert not {"temperature", "top_p", "tool_choice"} & set(body)
    assert body["stream"] is True


async def test_an_invented_price_never_leaves_and_the_repair_does(tmp_path: Path) -> None:
    steps = [say("Happy to help. Your premium is $49.99 a month. Anything else?"), say("Which model is it?")]
    async with acme(tmp_path, Scripted(steps)) as (engine, fake):
        (ran,) = await talk(engine, "how much is insurance for my car")
    assert "49.99" not in ran.text
    assert "49.99" not in "".join(getattr(frame, "shown", "") for frame in ran.frames)
    assert ran.text == "Happy to help. Which model is it?"
    withheld = [fact for fact in ran.of(GuardrailRan) if fact.stage == "output"]
    assert "49.99" in withheld[0].excerpt
    assert len(fake.requests) == 2


async def test_a_citation_of_claude_leads_to_the_passage(tmp_path: Path) -> None:
    class Cites(Scripted):
        """Cites the first search result of the request, whatever it is."""

        def events(self, step: Any, body: Any, writer: Any, usage: Any) -> Any:
            found = next(
                block
                for message in body["messages"]
                for block in message["content"]
                if block["type"] == "search_result"
            )
            step = Reply((Say("Normal ageing is not covered.", sources=(found["source"],)),))
            return super().events(step, body, writer, usage)

    async with acme(tmp_path, Cites([say("")])) as (engine, _):
        (ran,) = await talk(engine, "Does the battery's normal ageing count?")
    message = next(fact.message for fact in ran.facts if fact.type == "message.posted")
    assert message.citations[0].url.startswith("/help/acme/en/ev/")
    assert message.text.endswith("[1]")


async def test_thinking_between_tools_is_kept_and_replayed(tmp_path: Path) -> None:
    quote = {"make": "Nissan", "model": "Leaf", "year": 2023, "mileage": 12000, "driver_age": 34}
    steps = [Reply((Think("Let me see."), Call("get_quote", quote))), say("Here it is."), say("Bye.")]
    async with acme(tmp_path, Scripted(steps)) as (engine, fake):
        await talk(engine, "price for a 2023 Nissan Leaf, 12,000 miles, 34", "thanks, bye")
    kept = [block for message in fake.requests[-1].body["messages"] for block in message["content"]]
    assert [block["type"] for block in kept].count("thinking") == 1


async def test_two_calls_at_once_are_both_answered(tmp_path: Path) -> None:
    steps = [Reply((Call("find_policies"), Call("get_claim_status"))), say("There you are.")]
    async with acme(tmp_path, Scripted(steps)) as (engine, fake):
        conversation = sign_in(start(engine.bundle), "C-1001")
        ran = await run(engine, post(conversation, "what is the status of my claim CL-10042"))
    results = fake.requests[1].body["messages"][-1]["content"]
    assert [block["type"] for block in results] == ["tool_result", "tool_result"]
    assert len(ran.of(ToolReturned)) == 2


async def test_a_truncated_tool_call_is_answered_and_not_run(tmp_path: Path) -> None:
    cut = Call("get_quote", raw='{"make": "Nissan", "model": "Le')
    async with acme(tmp_path, Scripted([Reply((cut,)), say("Once more, please.")])) as (engine, fake):
        (ran,) = await talk(engine, "price for a 2023 Nissan Leaf")
    assert [fact.outcome for fact in ran.of(ToolReturned)] == ["rejected"]
    assert ending(ran).outcome == "replied"


async def test_a_reply_torn_after_words_is_taken_back_before_it_starts_again(tmp_path: Path) -> None:
    torn = Reply(
        (Say("First sentence is here. Second sentence follows now. Third one."),), cut_after=10, pause_seconds=0.02
    )
    async with acme(tmp_path, Scripted([torn, say("All of it, whole.")])) as (engine, fake):
        (ran,) = await talk(engine, "what is a deductible?")
    assert ran.text == "All of it, whole."
    assert any(isinstance(frame, ReplyWithdrawn) for frame in ran.frames)


async def test_without_claude_the_offline_model_answers_and_is_named(tmp_path: Path) -> None:
    down = Scripted([Refuse(529, "overloaded_error")], repeat=True)
    async with acme(tmp_path, down, chain=True) as (engine, fake):
        (ran,) = await talk(engine, "Does the battery's normal ageing count?")
        assert engine.model.offline is False  # one failure is not yet a rest
    assert ending(ran).outcome == "replied"
    assert ending(ran).model == "offline"
    assert "70%" in ran.text


async def test_a_spend_cap_is_not_retried(tmp_path: Path) -> None:
    cap = Refuse(429, "rate_limit_error", "No more this month.", details={"error_code": "spend_limit_reached"})
    async with acme(tmp_path, Scripted([cap], repeat=True), chain=True) as (engine, fake):
        await talk(engine, "what is a deductible?")
        assert len(fake.requests) == 1
        assert engine.model.offline is True  # it rests at once


async def test_a_refusal_is_a_verdict_and_says_the_fallback(tmp_path: Path) -> None:
    async with acme(tmp_path, Scripted([Reply((), stop_reason="refusal")])) as (engine, _):
        (ran,) = await talk(engine, "what is a deductible?")
    assert ending(ran).code == "refusal"
    assert ran.text == engine.bundle.fallback["en"]


async def test_a_hang_ends_in_time_with_words_for_the_customer(tmp_path: Path) -> None:
    async with acme(tmp_path, Scripted([Reply((Say("Hm."),), delay_seconds=30)], repeat=True)) as (engine, _):
        (ran,) = await talk(engine, "what is a deductible?", locale="zh")
    assert ending(ran).code == "first_token_timeout"
    assert ran.text == engine.bundle.fallback["en"]  # the customer wrote English


async def test_a_wish_in_words_that_only_claude_understands_is_a_hand_off_and_the_history_stays_valid(
    tmp_path: Path,
) -> None:
    steps = [Reply((Think("They want a person."), Call("hand_off", {"reason": "asked"}))), say("Welcome back.")]
    async with acme(tmp_path, Scripted(steps)) as (engine, fake):
        (ran,) = await talk(engine, "Wer auch immer den Laden leitet, möge mir das selbst beantworten.", locale="de")
        went_on = handoff.go_on(ran.conversation, ran.facts[-1].at, lambda kind: f"{kind}_on")
        assert isinstance(went_on, tuple)
        again = await run(engine, post(ran.conversation.extended(*went_on), "what is a deductible?"))
    assert [fact.reason for fact in ran.of(HandoffRequested)] == ["asked"]
    assert (ending(ran).outcome, ending(ran).model) == ("handed_off", "claude-sonnet-5-5")
    assert again.text == "Welcome back."  # the fake refuses a history that the API would refuse
    assert '{"status": "passed_on"}' in str(fake.requests[1].body["messages"])
