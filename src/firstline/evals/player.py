"""One trial: a case played once, a whole conversation through `run_turn`, with the bundle's real tools on a fresh
copy of its rows. What happened is the log, as in any conversation; scorers read it and nothing else.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from firstline.conversation import Conversation, answering_turn, new_conversation
from firstline.engine import Engine
from firstline.errors import ToolFailed, ToolRejected
from firstline.events import (
    ConfirmationDecided,
    ConversationClosed,
    ConversationStarted,
    CustomerIdentified,
    Event,
    MessagePosted,
    TurnEnded,
)
from firstline.handoff import go_on, request_person
from firstline.scoring.case import Case, Fault, Press
from firstline.scoring.trial import Trial
from firstline.tools import Tool, ToolContext, ToolOutput, Toolset
from firstline.turn import run_turn
from firstline.types import ConversationId, CustomerId, Identity, Json, Message, MessageId, TurnId, Usd

MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
"""When cases happen that do not say when: a working day, in most time zones."""

BETWEEN_ACTS = timedelta(seconds=20)
MOST_TURNS_AT_ONCE = 5


@dataclass
class Player:
    """The customer's side of one conversation, act by act; the assistant answers each before the next."""

    engine: Engine
    case: Case
    clock: "Clock"
    conversation: Conversation = field(init=False)
    acts: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    customer_usd: Usd = 0.0
    """What it cost to play the customer."""

    def __post_init__(self) -> None:
        case, now = self.case, self.clock()
        started = ConversationStarted(
            at=now,
            bundle=self.engine.bundle.name,
            revision=self.engine.bundle.revision,
            locale=case.locale,
            token_sha256="",
            expires_at=now + timedelta(days=1),
        )
        facts: list[Event] = [started]
        if case.signed_in_as is not None:
            customer_id, until = CustomerId(case.signed_in_as), now + timedelta(hours=12)
            identity = Identity(customer_id=customer_id, name=case.customer_name, expires_at=until)
            facts.append(CustomerIdentified(at=now, identity=identity))
        self.conversation = new_conversation(ConversationId(f"cv_{case.id}")).extended(*facts)

    async def say(self, text: str) -> tuple[Event, ...]:
        """The customer writes; what came of it."""
        now = self.clock.forward(BETWEEN_ACTS)
        number = len(self.acts) + 1
        message = Message(message_id=MessageId(f"ms_c{number}"), author="customer", text=text, at=now)
        turn_id = answering_turn(self.conversation, TurnId(self.engine.new_id("tn")))
        posted = MessagePosted(at=now, turn_id=turn_id, message=message, client_message_id=f"c{number}")
        return await self._act((posted,))

    async def press(self, button: Press) -> tuple[Event, ...]:
        """The customer presses a button; nothing happens where there is none."""
        self.clock.forward(BETWEEN_ACTS)
        return await self._act(self._pressed(button))

    def _pressed(self, button: Press) -> Sequence[Event]:
        now, talk = self.clock(), self.conversation
        match button:
            case "confirm" | "decline":
                waiting = [each for each in talk.confirmations.values() if each.state_at(now) == "pending"]
                if not waiting or talk.status != "open":
                    return ()
                decided = ConfirmationDecided(
                    at=now,
                    turn_id=answering_turn(talk, TurnId(self.engine.new_id("tn"))),
                    confirmation_id=waiting[-1].requested.confirmation_id,
                    decision=button,
                )
                return (decided,)
            case "person":
                asked = request_person(talk, self.engine.bundle, "asked", now, self.engine.new_id)
                return asked if isinstance(asked, tuple) else ()
            case "resume":
                resumed = go_on(talk, now, self.engine.new_id)
                return resumed if isinstance(resumed, tuple) else ()
            case "end":
                return (ConversationClosed(at=now, by="customer"),) if talk.status != "closed" else ()

    async def _act(self, facts: Sequence[Event]) -> tuple[Event, ...]:
        first = self.conversation.last_seq + 1
        self.conversation = self.conversation.extended(*facts)
        for _ in range(MOST_TURNS_AT_ONCE):
            if not self.conversation.unfinished:
                break
            async for step in run_turn(self.engine, self.conversation, asyncio.Event()):
                if isinstance(step, tuple):
                    self.conversation = self.conversation.extended(*step)
        self.acts.append((first, self.conversation.last_seq + 1))
        return tuple(logged.event for logged in self.conversation.log[first - 1 :])


async def run_trial(engine: Engine, case: Case, *, number: int, seed: int, customer: "Customer") -> Trial:
    """Play a concrete case once. Never raises: what breaks in the trial itself is its `error`."""
    began = time.perf_counter()
    async with _fresh(engine, case) as (fresh, clock):
        player = Player(fresh, case, clock)
        error: str | None = None
        try:
            await customer(player)
        except Exception as broken:
            error = f"{type(broken).__name__}: {broken}"
    log = player.conversation.log
    models = [logged.event.model for logged in log if isinstance(logged.event, TurnEnded) and logged.event.model]
    return Trial(
        case=case,
        number=number,
        seed=seed,
        log=log,
        acts=tuple(player.acts),
        seconds=time.perf_counter() - began,
        revision=engine.bundle.revision,
        model=models[-1] if models else engine.model.name,
        error=error,
        customer_usd=player.customer_usd,
    )


class Customer(Protocol):
    """Plays the customer's side of one conversation, to its end. What it raises is the trial's own fault."""

    async def __call__(self, player: Player) -> None: ...


class FollowScript:
    """The customer who does what the case says, whatever is replied."""

    async def __call__(self, player: Player) -> None:
        for turn in player.case.turns:
            if turn.say is not None:
                await player.say(turn.say)
            elif turn.press is not None:
                await player.press(turn.press)


# A fresh place for each trial ---------------------------------------------------------------------------------------


@dataclass
class Clock:
    """Time of a trial: it stands still but for the customer's pauses, so that every trial has the same times."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at

    def forward(self, by: timedelta) -> datetime:
        self.at += by
        return self.at


@asynccontextmanager
async def _fresh(engine: Engine, case: Case) -> AsyncGenerator[tuple[Engine, Clock]]:
    """The engine with rows, clock, ids and faults of its own."""
    clock, numbers = Clock(case.now or MONDAY), count(1)

    def new_id(kind: str) -> str:
        return f"{kind}_{next(numbers)}"

    with TemporaryDirectory(prefix="firstline-trial-") as name:
        rows = Path(name) / "rows"
        if engine.folder.is_dir():
            await asyncio.to_thread(shutil.copytree, engine.folder, rows)
        yield (
            replace(
                engine,
                toolset=FaultyToolset(engine.toolset, case.faults) if case.faults else engine.toolset,
                folder=rows,
                now=clock,
                new_id=new_id,
            ),
            clock,
        )


class FaultyToolset:
    """A toolset whose calls go wrong as a case says; the others go through."""

    def __init__(self, toolset: Toolset, faults: Sequence[Fault]) -> None:
        self._toolset = toolset
        self._faults = faults
        self._called: dict[str, int] = {}

    def tools(self) -> Mapping[str, Tool]:
        return self._toolset.tools()

    async def call(self, name: str, arguments: Json, context: ToolContext) -> ToolOutput:
        self._called[name] = self._called.get(name, 0) + 1
        for fault in self._faults:
            if fault.tool == name and fault.call in (None, self._called[name]):
                if fault.how == "rejects":
                    raise ToolRejected("the arguments were not accepted")
                slow = "took longer than its limit" if fault.how == "hangs" else "broke"
                raise ToolFailed(f"the tool {slow}; do not call it again for this request")
        return await self._toolset.call(name, arguments, context)
