"""The bicycle workshop at work: its engine around a scripted model, and the moves that many turns begin with."""

import asyncio
from contextlib import aclosing
from typing import Any

from firstline.bundle import Bundle
from firstline.conversation import Conversation
from firstline.engine import Engine
from firstline.events import HandoffAccepted, HandoffRequested
from firstline.turn import run_turn
from firstline.types import HumanAgent, StaffId
from tests.support.scripted import START, Clock, Ran, RecordingToolset, ScriptedModel, make_engine, run
from tests.support.toy import TOOLS, make_bundle

BUNDLE = make_bundle()
DESK = HumanAgent(staff_id=StaffId("st_1"), name="Desk One")


class Workshop:
    """An engine; `model` keeps what it was asked, `toolset` what was called. `functions` are the tools' by name."""

    def __init__(
        self, *scripts: Any, functions: Any = None, bundle: Bundle | None = None, clock: Clock | None = None
    ) -> None:
        self.bundle = bundle or BUNDLE
        self.clock = clock or Clock()
        self.model = ScriptedModel(scripts)
        self.toolset = RecordingToolset(dict(TOOLS), functions or {})
        self.engine: Engine = make_engine(self.bundle, self.model, self.toolset, clock=self.clock)

    @property
    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """The name and arguments of every call, in order."""
        return [(name, arguments) for name, arguments, _ in self.toolset.calls]

    def texts_asked(self, request: int = 0) -> list[str]:
        """The texts of the message that a request ends with, the note before the customer's words among them."""
        content = self.model.requests[request].messages[-1].content
        return [str(block["text"]) for block in content if block["type"] == "text"]

    async def run(self, conversation: Conversation, *, stop: asyncio.Event | None = None) -> Ran:
        return await run(self.engine, conversation, stop=stop)

    async def run_until(self, conversation: Conversation, kind: type = object, *, stored: bool) -> Conversation:
        """What a process leaves that is killed at the first step with such a fact: after the step is stored, or
        before."""
        async with aclosing(run_turn(self.engine, conversation, asyncio.Event())) as steps:
            async for step in steps:
                if not isinstance(step, tuple):
                    continue
                last = any(isinstance(fact, kind) for fact in step)
                if stored or not last:
                    conversation = conversation.extended(*step)
                if last:
                    return conversation
        raise AssertionError(f"the turn ended without a {kind.__name__}")


def wait(conversation: Conversation) -> Conversation:
    """A person is asked for."""
    return conversation.extended(HandoffRequested(at=START, reason="asked"))


def take(conversation: Conversation) -> Conversation:
    """Desk One has it."""
    return conversation.extended(HandoffAccepted(at=START, human_agent=DESK))
