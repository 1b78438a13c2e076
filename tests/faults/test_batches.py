"""Batches over real HTTP: taken once whatever is lost on the way, told whole, and paid at half the price."""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from firstline.errors import ModelFailed
from firstline.model import BatchState, ModelReply, ModelRequest
from firstline.model import claude_batches as adapter
from firstline.model.claude_request import build_body
from firstline.model.prices import load_listings, price_usd
from firstline.types import Usage
from tests.support.asking import KEY, PASSAGE, SONNET, Waits, ask, batches, claude, reply_of, text
from tests.support.fake_claude import (
    Call,
    Drop,
    FakeClaude,
    Lost,
    Odd,
    Refuse,
    Reply,
    Say,
    Scripted,
    Think,
    Torn,
    say,
)

pytestmark = pytest.mark.anyio

OVERLOADED = Refuse(529, "overloaded_error", "Overloaded")
BUSY = Refuse(429, "rate_limit_error", "slow down", headers={"retry-after": "90"})
SPENT = Refuse(429, "rate_limit_error", "This would exceed your spend limit", details={"error_code": "spend_limit"})
Found = Mapping[str, ModelReply | ModelFailed]
BROKEN = Refuse(500, "api_error", "Internal server error")


def fake_of(*steps: Reply | Refuse | Drop, **trouble: Any) -> FakeClaude:
    fake = FakeClaude(Scripted(steps))
    fake.batches.trouble.update({deed: deque(each) for deed, each in trouble.items()})  # pyright: ignore[reportArgumentType, reportCallIssue]
    return fake


def requests(number: int) -> dict[str, ModelRequest]:
    return {f"q{n}": ask(PASSAGE, text(f"Question {n}?")) for n in range(number)}


async def run(
    fake: FakeClaude, asked: Mapping[str, ModelRequest], **how: Any
) -> Mapping[str, ModelReply | ModelFailed]:
    async with fake, batches(fake, **how) as client:
        taken = await client.submit(asked)
        while not (await client.state(taken.batch_id)).ended:
            pass
        return await client.results(taken.batch_id)


def words_of(reply: ModelReply | ModelFailed) -> str:
    return reply.code if isinstance(reply, ModelFailed) else "".join(block["text"] for block in reply.blocks)


def sent(fake: FakeClaude) -> list[str]:
    """Method and last part of the path of every request."""
    return [f"{each.method} {each.path.rsplit('/', 1)[-1]}" for each in fake.requests]


async def test_every_request_gets_its_own_reply_in_whatever_order_they_are_told() -> None:
    found = await run(fake_of(say("one"), say("two"), say("three")), requests(3))

    assert {key: words_of(each) for key, each in found.items()} == {"q0": "one", "q1": "two", "q2": "three"}


async def test_the_bodies_are_those_of_single_requests_without_the_streaming() -> None:
    asked = requests(2)
    fake = fake_of(say("one"), say("two"))
    await run(fake, asked)

    (create,) = [each for each in fake.requests if sent(fake) and each.method == "POST"]
    listing = load_listings()[SONNET]
    assert create.body == {
        "requests": [
            {"custom_id": key, "params": build_body(request, SONNET, listing)} for key, request in asked.items()
        ]
    }


@pytest.mark.parametrize(
    "reply",
    [
        Reply((Think("Nine, it says."), Say("At nine.", sources=(PASSAGE["source"],)))),
        Reply((Say("Let me look."), Call("look_up", {"order": "7"}))),
        Reply((Say("Half a sen"),), stop_reason="max_tokens"),
        Reply((Say("  \n"), Say("At nine."), Odd())),
    ],
    ids=["thought and cited", "a call", "cut off", "blank and unknown"],
)
async def test_a_reply_is_the_one_that_would_have_come_piece_by_piece(reply: Reply) -> None:
    (batched,) = (await run(fake_of(reply), {"q": ask()})).values()
    async with FakeClaude(Scripted([reply])) as fake, claude(fake) as model:
        streamed = await reply_of(model, ask())

    assert isinstance(batched, ModelReply)
    assert replace(batched, request_id=None, cost_usd=0) == replace(streamed, request_id=None, cost_usd=0)
    assert batched.cost_usd == pytest.approx(streamed.cost_usd / 2) and batched.cost_usd > 0


async def test_the_cost_is_half_of_the_list_price_of_what_was_used() -> None:
    usage = Usage(input_tokens=1_000_000, output_tokens=100_000, cache_write_tokens=100_000)
    listing = load_listings()[SONNET]

    alone, together = price_usd(listing, usage), price_usd(listing, usage, in_batch=True)
    assert (alone, together) == (pytest.approx(2 + 1 + 0.25), pytest.approx(alone / 2))


async def test_a_model_without_a_price_costs_nothing_that_is_known() -> None:
    fake = FakeClaude(Scripted([say("one")]))
    async with fake, batches(fake, model="claude-next") as client:
        taken = await client.submit({"q": ask()})
        fake.batches.batches[taken.batch_id].requests[0]["params"]["model"] = SONNET
        await client.state(taken.batch_id)
        await client.state(taken.batch_id)
        reply = (await client.results(taken.batch_id))["q"]

    assert isinstance(reply, ModelReply) and reply.cost_usd == 0 and reply.usage.estimated


async def test_faults_are_told_by_request_and_say_which_are_worth_asking_again() -> None:
    steps = (
        say("one"),
        Refuse(400, "invalid_request_error", "messages: bad"),
        Drop(),
        Refuse(529, "overloaded_error"),
    )
    found = await run(fake_of(*steps), requests(4))

    assert words_of(found["q0"]) == "one"
    told = {key: (each.code, each.retryable) for key, each in found.items() if isinstance(each, ModelFailed)}
    assert told == {"q1": ("bad_request", False), "q2": ("not_asked", True), "q3": ("overloaded", True)}


async def test_a_reply_with_nothing_in_it_is_a_fault_that_may_pass() -> None:
    (found,) = (await run(fake_of(Reply(())), {"q": ask()})).values()

    assert isinstance(found, ModelFailed) and (found.code, found.retryable) == ("empty", True)


async def test_the_state_counts_nothing_until_all_has_ended() -> None:
    async with fake_of(say("one"), Drop()) as fake, batches(fake) as client:
        taken = await client.submit(requests(2))
        states = [await client.state(taken.batch_id) for _ in range(2)]

    assert states == [BatchState(False, processing=2), BatchState(True, succeeded=1, failed=1)]


async def test_what_is_canceled_was_not_asked() -> None:
    async with fake_of(say("one")) as fake, batches(fake) as client:
        taken = await client.submit(requests(2))
        await client.cancel(taken.batch_id)
        await client.state(taken.batch_id)
        await client.state(taken.batch_id)
        found = await client.results(taken.batch_id)

    assert [words_of(each) for each in found.values()] == ["not_asked", "not_asked"] and fake.ledger == []


async def test_a_batch_that_is_forgotten_is_gone_upstream() -> None:
    async with fake_of(say("one")) as fake, batches(fake) as client:
        taken = await client.submit(requests(1))
        await client.state(taken.batch_id)
        await client.state(taken.batch_id)
        await client.forget(taken.batch_id)
        with pytest.raises(ModelFailed) as caught:
            await client.state(taken.batch_id)

    assert caught.value.code == "unknown" and fake.batches.deleted == [taken.batch_id]


# Trouble ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deed", ["create", "list", "retrieve", "results", "cancel", "delete"])
@pytest.mark.parametrize(
    "trouble",
    [(OVERLOADED, OVERLOADED), (BROKEN,), (BUSY,), (Drop(),), (Torn(20),)],
    ids=["overloaded twice", "broken", "busy", "dropped", "torn"],
)
async def test_trouble_that_passes_is_not_noticed(deed: str, trouble: tuple[Any, ...]) -> None:
    waits = Waits()
    async with fake_of(say("one"), **{deed: trouble}) as fake, batches(fake, waits=waits) as client:
        taken = await client.submit(requests(1))
        await client.cancel(taken.batch_id) if deed == "cancel" else None
        while not (await client.state(taken.batch_id)).ended:
            pass
        found = await client.results(taken.batch_id)
        await client.forget(taken.batch_id)

    assert words_of(found["q0"]) == ("not_asked" if deed == "cancel" else "one")
    assert len(waits) <= len(trouble), "a look that was cut off may be repeated by the client of HTTP itself"


async def test_a_wait_that_upstream_asks_for_is_kept_and_others_grow() -> None:
    waits = Waits()
    async with (
        fake_of(say("one"), create=(BUSY, OVERLOADED, OVERLOADED)) as fake,
        batches(fake, waits=waits) as client,
    ):
        await client.submit(requests(1))

    assert waits[0] == 90 and waits[1] < waits[2]


@pytest.mark.parametrize("lost", [Lost(), Torn(30)], ids=["no answer", "half an answer"])
async def test_a_batch_whose_answer_was_lost_is_found_and_not_handed_in_twice(lost: Any) -> None:
    fake = fake_of(say("one"), create=(lost,))
    found = await run(fake, requests(1))

    assert words_of(found["q0"]) == "one" and len(fake.batches.batches) == 1
    assert sent(fake).count("POST batches") == 1


async def test_somebody_elses_batch_is_not_taken_for_the_lost_one() -> None:
    """Of the same size, but there before; and another, come meanwhile, of another size."""
    async with fake_of(say("one")) as fake, batches(fake) as client:
        before = await client.submit(requests(2))
        fake.batches.trouble["create"].append(OVERLOADED)
        taken = await client.submit(requests(2))

    assert taken.batch_id != before.batch_id and len(fake.batches.batches) == 2


async def test_trouble_that_lasts_ends_after_some_attempts() -> None:
    async with fake_of(create=[OVERLOADED] * 50) as fake, batches(fake) as client:
        with pytest.raises(ModelFailed) as caught:
            await client.submit(requests(1))

    assert caught.value.code == "overloaded" and sent(fake).count("POST batches") == adapter.RETRIES + 1


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Refuse(401, "authentication_error", f"invalid key {KEY}"), "auth"),
        (SPENT, "spend_cap"),
        (Refuse(404, "not_found_error", "Not found"), "unknown"),
        (Refuse(413, "request_too_large", "too large"), "prompt_too_long"),
    ],
)
async def test_what_will_not_pass_is_told_at_once_and_without_the_key(refusal: Refuse, code: str) -> None:
    async with fake_of(create=(refusal,)) as fake, batches(fake) as client:
        with pytest.raises(ModelFailed) as caught:
            await client.submit(requests(1))

    assert caught.value.code == code and KEY not in str(caught.value)
    assert sent(fake).count("POST batches") == 1


async def test_a_batch_is_never_larger_than_upstream_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = requests(5)
    async with fake_of() as fake, batches(fake) as client:
        monkeypatch.setattr(adapter, "MOST_REQUESTS", 3)
        assert (await client.submit(asked)).ids == ("q0", "q1", "q2")
        monkeypatch.setattr(adapter, "MOST_BYTES", 10)
        assert (await client.submit(asked)).ids == ("q0",), "one too large alone is for upstream to refuse"

    assert [len(batch.requests) for batch in fake.batches.batches.values()] == [3, 1]


async def test_the_key_goes_to_nobody_whom_a_result_names() -> None:
    """The fake's `results_url` leads elsewhere."""
    fake = fake_of(say("one"))
    await run(fake, requests(1))

    assert "GET results" in sent(fake)
