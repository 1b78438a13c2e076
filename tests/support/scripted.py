"""A model that says what a test wrote down, and an engine around it: `run_turn` without a network or a clock."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from firstline.bundle import Bundle
from firstline.conversation import Conversation, answering_turn, new_conversation
from firstline.engine import Engine
from firstline.errors import ModelFailed
from firstline.events import (
    ConfirmationDecided,
    ConversationStarted,
    CustomerIdentified,
    Event,
    Frame,
    MessagePosted,
)
from firstline.model import ModelReply, ModelRequest, Piece, Replied, TextCited, TextGrew, ToolChosen
from firstline.tools import Tool, ToolContext, ToolOutput
from firstline.turn import run_turn
from firstline.types import (
    Citation,
    ConversationId,
    CustomerId,
    Identity,
    Message,
    MessageId,
    TurnId,
    Usage,
)
from firstline.wire import build_engine

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # a Monday, 10:00 in New York


@dataclass
class Clock:
    """A clock that a test moves."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


def say(*texts: str, stop: str = "end_turn", usage: Usage | None = None, cost: float = 0.0) -> "Script":
    """A reply of text pieces."""
    blocks = ({"type": "text", "text": "".join(texts)},) if texts else ()
    reply = ModelReply(blocks, stop, usage or Usage(input_tokens=10, output_tokens=5), cost, "scripted")
    return [*(TextGrew(text) for text in texts), Replied(reply)]


def call(*calls: tuple[str, str, dict[str, Any]], text: str = "", broken: dict[str, str] | None = None) -> "Script":
    """A reply that calls tools: (id, name, input) each."""
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    blocks += [{"type": "tool_use", "id": id_, "name": name, "input": given} for id_, name, given in calls]
    reply = ModelReply(tuple(blocks), "tool_use", Usage(), 0.0, "scripted", broken=broken or {})
    shown: list[Any] = [TextGrew(text)] if text else []
    return [*shown, *(ToolChosen(name) for _, name, _ in calls), Replied(reply)]


def cite(text: str, citation: Citation) -> "Script":
    return [TextGrew(text), TextCited(citation), *say()[:0], Replied(_reply(text))]


def _reply(text: str) -> ModelReply:
    return ModelReply(({"type": "text", "text": text},), "end_turn", Usage(), 0.0, "scripted")


Script = list[Piece | Exception | float | Callable[[], Any]]
"""Pieces to yield; an exception is raised, a number is slept (seconds), a function is called (awaited if need be)."""


@dataclass
class ScriptedModel:
    """Replies from `scripts`, one for each request, in order; the last one again and again when they run out."""

    scripts: Sequence[Script]
    requests: list[ModelRequest] = field(default_factory=list)
    name: str = "scripted"
    offline: bool = False
    closed: int = 0

    async def aclose(self) -> None:
        pass

    async def stream(self, request: ModelRequest) -> AsyncIterator[Piece]:
        self.requests.append(request)
        script = self.scripts[min(len(self.requests), len(self.scripts)) - 1]
        try:
            for step in script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, float):
                    await asyncio.sleep(step)
                elif callable(step):
                    made = step()
                    if asyncio.iscoroutine(made):
                        await made
                else:
                    yield step
        finally:
            self.closed += 1


@dataclass
class RecordingToolset:
    """A toolset whose functions are given by name; every call is kept, in the order in which it began."""

    known: dict[str, Tool]
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any], ToolContext]] = field(default_factory=list)

    def tools(self) -> dict[str, Tool]:
        return self.known

    async def call(self, name: str, arguments: dict[str, Any], context: ToolContext) -> ToolOutput:
        self.calls.append((name, arguments, context))
        made = self.functions[name](context, **arguments)
        if asyncio.iscoroutine(made):
            made = await made
        return made if isinstance(made, ToolOutput) else ToolOutput(made)


def make_engine(bundle: Bundle, model: Any, toolset: Any = None, *, clock: Clock | None = None) -> Engine:
    """The real engine around a scripted model, with ids that count."""
    numbers = count(1)
    return build_engine(
        bundle,
        toolset or RecordingToolset(dict(bundle.tools)),
        model=model,
        folder=Path("unused"),
        now=clock or Clock(),
        make_id=lambda kind: f"{kind}_{next(numbers)}",
    )


def start(bundle: Bundle, *, locale: str = "en", at: datetime = START) -> Conversation:
    """A conversation that has just begun."""
    started = ConversationStarted(
        at=at,
        bundle=bundle.name,
        revision="r",
        locale=locale,
        token_sha256="x",
        expires_at=at + timedelta(days=1),
    )
    return new_conversation(ConversationId("cv_1")).extended(started)


def post(conversation: Conversation, text: str, *, at: datetime = START) -> Conversation:
    """The customer writes."""
    number = conversation.last_seq + 1
    message = Message(message_id=MessageId(f"ms_c{number}"), author="customer", text=text, at=at)
    turn_id = answering_turn(conversation, TurnId(f"tn_{number}"))
    return conversation.extended(
        MessagePosted(at=at, turn_id=turn_id, message=message, client_message_id=f"c{number}")
    )


def sign_in(conversation: Conversation, customer_id: str = "C-1", *, at: datetime = START) -> Conversation:
    identity = Identity(customer_id=CustomerId(customer_id), name="Kim", expires_at=at + timedelta(hours=1))
    return conversation.extended(CustomerIdentified(at=at, identity=identity))


def decide(conversation: Conversation, decision: Any = "confirm", *, at: datetime = START) -> Conversation:
    """The customer presses a button of the newest card."""
    confirmation_id = list(conversation.confirmations)[-1]
    turn_id = answering_turn(conversation, TurnId(f"tn_{conversation.last_seq + 1}"))
    return conversation.extended(
        ConfirmationDecided(at=at, turn_id=turn_id, confirmation_id=confirmation_id, decision=decision)
    )


@dataclass
class Ran:
    """What a turn did: the conversation after it, its new facts, and the frames that watchers saw."""

    conversation: Conversation
    facts: list[Event]
    frames: list[Frame]

    @property
    def text(self) -> str:
        """The assistant's stored reply; empty when there is none."""
        said = [each for each in self.facts if isinstance(each, MessagePosted) and each.message.author == "assistant"]
        return said[-1].message.text if said else ""

    def of(self, kind: type) -> list[Any]:
        return [each for each in self.facts if isinstance(each, kind)]


async def run(engine: Engine, conversation: Conversation, *, stop: asyncio.Event | None = None) -> Ran:
    """Run one turn to its end, appending as a worker would."""
    ran = Ran(conversation, [], [])
    async for step in run_turn(engine, conversation, stop or asyncio.Event()):
        if isinstance(step, tuple):
            ran.facts.extend(step)
            ran.conversation = ran.conversation.extended(*step)
        else:
            ran.frames.append(step)
    return ran


FAILED = ModelFailed("overloaded", retryable=True)
