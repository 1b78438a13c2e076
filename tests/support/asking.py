"""Asking a model in a test: a plain request, the pieces of the reply, and Claude with nothing left to chance."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from anthropic import AsyncAnthropic, DefaultAioHttpClient

from firstline.errors import ModelFailed
from firstline.model import Model, ModelReply, ModelRequest, Piece, Replied, Restarted, Spec, TextGrew, Turned
from firstline.model.claude import ClaudeModel, Patience
from firstline.model.claude_batches import ClaudeBatches
from firstline.types import TurnId
from tests.support.fake_claude import Drop, FakeClaude, Refuse, Reply, Scripted

Json = dict[str, Any]

KEY = "sk-ant-canary-7f3a"
SONNET = "claude-sonnet-5-5"
HAIKU = "claude-haiku-5-5"

PASSAGE: Json = {
    "type": "search_result",
    "source": "https://help.example/opening",
    "title": "Opening hours",
    "content": [{"type": "text", "text": "The shop opens at nine."}],
    "citations": {"enabled": True},
}
LOOK_UP = Spec(
    "look_up",
    "Look an order up by its number.",
    {
        "type": "object",
        "properties": {"order": {"type": "string"}},
        "required": ["order"],
        "additionalProperties": False,
    },
)


def text(words: str) -> Json:
    return {"type": "text", "text": words}


def ask(*content: Json, static_words: int = 40) -> ModelRequest:
    """A first question; its static part has about `static_words` words."""
    static = " ".join(f"fact{number}" for number in range(static_words))
    return ModelRequest(
        turn_id=TurnId("turn_1"),
        system="You help the customers of a shop.",
        messages=(
            Turned("user", (text(static),)),
            Turned("assistant", (text("Understood."),)),
            Turned("user", content or (PASSAGE, text("When do you open?"))),
        ),
        tools=(LOOK_UP,),
    )


def go_on(request: ModelRequest, reply: ModelReply, *content: Json) -> ModelRequest:
    """The request that follows: the reply replayed as it was, then `content`."""
    said = Turned("assistant", reply.blocks, reply.model)
    return replace(request, messages=(*request.messages, said, Turned("user", content)))


async def collect(model: Model, request: ModelRequest) -> list[Piece]:
    return [piece async for piece in model.stream(request)]


async def reply_of(model: Model, request: ModelRequest) -> ModelReply:
    last = (await collect(model, request))[-1]
    assert isinstance(last, Replied)
    return last.reply


def shown(pieces: list[Piece]) -> str:
    """What a reader sees in the end: the text since the last restart."""
    seen = ""
    for piece in pieces:
        match piece:
            case TextGrew(text=more):
                seen += more
            case Restarted():
                seen = ""
            case _:
                pass
    return seen


class Waits(list[float]):
    """A sleep that only notes how long it should have been."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@asynccontextmanager
async def claude(
    fake: FakeClaude | str,
    model_id: str = SONNET,
    *,
    waits: Waits | None = None,
    chance: float = 0.5,
    connect_seconds: float = 1.0,
    first_token_seconds: float = 30.0,
    idle_seconds: float = 5.0,
    verify: Any = True,
) -> AsyncIterator[ClaudeModel]:
    """The adapter against a fake, with no waiting between attempts."""
    timeout = httpx2.Timeout(None, connect=connect_seconds, pool=connect_seconds)
    client = AsyncAnthropic(
        api_key=KEY,
        base_url=fake if isinstance(fake, str) else fake.url,
        max_retries=0,
        timeout=timeout,
        http_client=DefaultAioHttpClient(timeout=timeout, trust_env=False, verify=verify),
    )
    patience = Patience(first_token_seconds, idle_seconds)
    pauses = Waits() if waits is None else waits
    model = ClaudeModel(client, model_id, patience, sleep=pauses, chance=lambda: chance)
    try:
        yield model
    finally:
        await model.aclose()


@asynccontextmanager
async def batches(
    fake: FakeClaude, *, waits: Waits | None = None, model: str = SONNET
) -> AsyncIterator[ClaudeBatches]:
    """Batches against a fake, with no waiting between attempts."""
    client = AsyncAnthropic(
        api_key=KEY, base_url=fake.url, max_retries=0, http_client=DefaultAioHttpClient(trust_env=False)
    )
    asked = ClaudeBatches(client, model, sleep=Waits() if waits is None else waits, chance=lambda: 0.5)
    try:
        yield asked
    finally:
        await asked.aclose()


def scripted(*steps: Reply | Refuse | Drop, **how: Any) -> FakeClaude:
    """A fake that does these things, one for each request."""
    return FakeClaude(Scripted(steps), **how)


async def failure_of(fake: FakeClaude, **how: Any) -> ModelFailed:
    """What the adapter raises in the end."""
    async with fake, claude(fake, **how) as model:
        with pytest.raises(ModelFailed) as caught:
            await collect(model, ask())
    return caught.value
