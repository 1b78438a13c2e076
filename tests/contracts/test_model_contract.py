"""What every model keeps to. A new one is added to `MODELS`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from firstline.model import Model, ModelReply, Piece, Replied, Restarted, TextGrew
from firstline.model.claude_request import build_body
from firstline.model.fallback import FallbackModel
from firstline.model.note import Note, write_note
from firstline.model.offline import OfflineModel
from firstline.model.prices import load_listings
from firstline.types import PlaybookId
from tests.support.asking import PASSAGE, SONNET, Waits, ask, claude, collect, go_on, shown, text
from tests.support.fake_claude import (
    Call,
    Drop,
    FakeClaude,
    FromModel,
    Refuse,
    Reply,
    Say,
    Scripted,
    Think,
    check_body,
    say,
)
from tests.support.toy import make_bundle

pytestmark = pytest.mark.anyio

NOTE = write_note(
    Note(locale="en", playbook=PlaybookId("advice"), now=datetime(2026, 11, 23, 12, tzinfo=UTC), tools=()), "Help."
)
QUESTION = (PASSAGE, NOTE, text("When does the shop open?"))
THANKS = (NOTE, text("Thanks."))
SOURCE = str(PASSAGE["source"])
ANSWER = Reply((Think("hm"), Say("The shop "), Say("opens at nine.", (SOURCE,)), Call("look_up", {"order": "7"})))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def plain_claude() -> AsyncIterator[Model]:
    async with FakeClaude(Scripted([ANSWER], repeat=True)) as fake, claude(fake) as model:
        yield model


@asynccontextmanager
async def claude_in_trouble() -> AsyncIterator[Model]:
    """Every first attempt is torn in the middle."""
    steps = [say("The shop opens at", cut_after=4), ANSWER] * 4
    async with FakeClaude(Scripted(steps)) as fake, claude(fake, waits=Waits()) as model:
        yield model


@asynccontextmanager
async def chain() -> AsyncIterator[Model]:
    """The first model has no key, the second answers."""
    steps = [Refuse(401, "authentication_error"), *[ANSWER] * 8]
    async with FakeClaude(Scripted(steps)) as fake, claude(fake) as first, claude(fake) as second:
        yield FallbackModel((first, second))


@asynccontextmanager
async def chain_in_trouble() -> AsyncIterator[Model]:
    """The first model's replies are torn for good, the second answers."""
    torn = Scripted([say("The shop opens at", cut_after=4)], repeat=True)
    async with (
        FakeClaude(torn) as bad,
        FakeClaude(Scripted([Drop(), *[ANSWER] * 8])) as good,
        claude(bad, waits=Waits()) as first,
        claude(good, waits=Waits()) as second,
    ):
        yield FallbackModel((first, second))


@asynccontextmanager
async def offline() -> AsyncIterator[Model]:
    yield OfflineModel(make_bundle())


@asynccontextmanager
async def offline_behind_the_wire() -> AsyncIterator[Model]:
    """The adapter reads what the offline model said, written as the API would."""
    async with FakeClaude(FromModel(OfflineModel(make_bundle()))) as fake, claude(fake) as model:
        yield model


MODELS: dict[str, Callable[[], AbstractAsyncContextManager[Model]]] = {
    "claude": plain_claude,
    "claude in trouble": claude_in_trouble,
    "chain": chain,
    "chain in trouble": chain_in_trouble,
    "offline": offline,
    "offline behind the wire": offline_behind_the_wire,
}


@pytest.fixture(params=MODELS)
async def model(request: pytest.FixtureRequest) -> AsyncIterator[Model]:
    async with MODELS[request.param]() as made:
        yield made


async def test_a_reply_ends_with_one_whole_reply_and_nothing_follows(model: Model) -> None:
    pieces = await collect(model, ask(*QUESTION))
    assert [index for index, piece in enumerate(pieces) if isinstance(piece, Replied)] == [len(pieces) - 1]


async def test_what_was_seen_is_what_the_reply_says(model: Model) -> None:
    pieces = await collect(model, ask(*QUESTION))
    reply = cast(Replied, pieces[-1]).reply
    said = "".join(block["text"] for block in reply.blocks if block["type"] == "text")
    assert shown(pieces) == said != ""
    assert all(piece.text for piece in pieces if isinstance(piece, TextGrew))


async def test_the_reply_says_who_wrote_it_and_what_it_cost(model: Model) -> None:
    reply = cast(Replied, (await collect(model, ask(*QUESTION)))[-1]).reply
    assert reply.model == model.name != ""
    assert isinstance(model.offline, bool)
    assert reply.cost_usd >= 0
    assert min(reply.usage.input_tokens, reply.usage.output_tokens) >= 0
    assert reply.stop_reason in ("end_turn", "tool_use", "max_tokens", "refusal")
    assert set(reply.broken) <= {block.get("id") for block in reply.blocks}


async def test_calls_are_whole_and_the_reason_to_stop_says_so(model: Model) -> None:
    reply = cast(Replied, (await collect(model, ask(*QUESTION)))[-1]).reply
    calls = [block for block in reply.blocks if block["type"] == "tool_use"]
    assert bool(calls) == (reply.stop_reason == "tool_use")
    assert all(isinstance(call["input"], dict) and call["id"] and call["name"] for call in calls)
    assert len({call["id"] for call in calls}) == len(calls)


def answer_calls(reply: ModelReply) -> list[dict[str, Any]]:
    return [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "sent"}
        for block in reply.blocks
        if block["type"] == "tool_use"
    ]


async def test_the_reply_can_be_replayed_to_the_api(model: Model) -> None:
    request = ask(*QUESTION)
    reply = cast(Replied, (await collect(model, request))[-1]).reply
    again = go_on(request, replace(reply, model="another"), *answer_calls(reply), *THANKS)
    check_body(build_body(again, SONNET, load_listings()[SONNET]))


async def test_the_same_model_can_go_on(model: Model) -> None:
    request = ask(*QUESTION)
    reply = cast(Replied, (await collect(model, request))[-1]).reply
    pieces = await collect(model, go_on(request, reply, *answer_calls(reply), *THANKS))
    assert isinstance(pieces[-1], Replied)


async def test_closing_it_early_leaves_nothing_behind(model: Model) -> None:
    before = asyncio.all_tasks()
    stream = cast(AsyncGenerator[Piece, None], model.stream(ask(*QUESTION)))
    await anext(stream)
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    ours = {task for task in asyncio.all_tasks() - before if "FakeClaude" not in repr(task)}
    assert not ours


async def test_two_replies_at_once_do_not_mix(model: Model) -> None:
    both = await asyncio.gather(collect(model, ask(*QUESTION)), collect(model, ask(*QUESTION)))
    for pieces in both:
        reply = cast(Replied, pieces[-1]).reply
        assert shown(pieces) == "".join(block["text"] for block in reply.blocks if block["type"] == "text")


async def test_a_restart_says_why(model: Model) -> None:
    assert all(piece.why for piece in await collect(model, ask(*QUESTION)) if isinstance(piece, Restarted))
