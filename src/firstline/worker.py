"""Drives turns: appends what a turn yields before it is asked for more, until nothing is unanswered."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

import structlog

from firstline.conversation import Conversation
from firstline.dispatch import Signal
from firstline.ending import break_off
from firstline.engine import Engine
from firstline.engines import Engines
from firstline.errors import Conflict, StoreError
from firstline.events import (
    Event,
    Logged,
    ModelReplied,
    ReplyGrew,
    ReplyWithdrawn,
    Step,
    ToolCalled,
    TurnEnded,
    TurnFrame,
)
from firstline.ledger import Ledger, Publish
from firstline.metrics import count_turn
from firstline.states import may_speak
from firstline.turn import give_up, run_turn
from firstline.types import ConversationId, TurnId

_log = structlog.get_logger()


@dataclass
class Driven:
    """A turn on its way: the log as it was last stored, and what watchers have seen of the reply."""

    turn_id: TurnId
    stored: Conversation
    shown: ReplyGrew | None

    @classmethod
    def begin(cls, conversation: Conversation) -> "Driven":
        """A turn that is due, or that another process has begun: then watchers have seen what its log holds."""
        turn_id = conversation.open_turn or conversation.next_turn
        assert turn_id is not None, "something is unanswered"
        replies = [each for each in conversation.turn_events(turn_id) if isinstance(each, ModelReplied)]
        shown = ReplyGrew(turn_id, "", replies[-1].shown, replies[-1].citations) if replies else None
        return cls(turn_id, conversation, shown)


class Worker:
    """The `Work` of a dispatcher."""

    def __init__(self, engines: Engines, ledger: Ledger, publish: Publish) -> None:
        self._engines = engines
        self._ledger = ledger
        self._publish = publish

    async def __call__(self, conversation_id: ConversationId, stop: asyncio.Event) -> None:
        """Answer all that is unanswered. A turn that another worker has taken over is left to it, silently."""
        while True:
            conversation = await self._ledger.load(conversation_id)
            if not conversation.unfinished or conversation.bundle not in self._engines:
                return
            engine = await self._engines.of(conversation)
            try:
                await self._drive(engine, conversation, stop)
            except Conflict:
                _log.warning("turn_taken_over", conversation_id=conversation_id)
                return
            except StoreError:  # the log holds what is due: it will be tried again, and nothing else was said
                self._withdraw(conversation)
                raise
            except Exception:  # a mistake of ours, which trying again would only repeat
                _log.exception("turn_broke", conversation_id=conversation_id)
                self._withdraw(conversation)
                await self._ledger.update(conversation_id, partial(give_up, engine))
            stop.clear()

    async def _drive(self, engine: Engine, conversation: Conversation, stop: asyncio.Event) -> None:
        """Run a turn. When a person takes the conversation meanwhile, it is broken off before its next fact."""
        driven = Driven.begin(conversation)
        async with aclosing(run_turn(engine, conversation, stop)) as steps:
            async for step in steps:
                if not await self._take(engine, driven, step):
                    return

    async def _take(self, engine: Engine, driven: "Driven", step: Step) -> bool:
        """Show or append a step; whether the turn goes on. What a person's or the customer's yes has begun is carried
        out even then: the turn is run again, from the log as it is now.
        """
        conversation_id = driven.stored.conversation_id
        if not isinstance(step, tuple):
            driven.shown = _follow(driven.shown, step)
            frame: Signal = step
            self._publish(conversation_id, (frame,))
            return True
        driven.stored, taken = await self._append(driven.stored, step, driven.turn_id)
        if taken and not _carries_out(step):
            broken_off = partial(_break_off, engine, driven.turn_id, step, driven.shown)
            await self._ledger.update(conversation_id, broken_off)
        return not taken

    def _withdraw(self, conversation: Conversation) -> None:
        turn_id = conversation.open_turn or conversation.next_turn
        if turn_id is not None:
            self._publish(conversation.conversation_id, (ReplyWithdrawn(turn_id, ""),))

    async def _append(
        self, stored: Conversation, events: tuple[Event, ...], turn_id: TurnId
    ) -> tuple[Conversation, bool]:
        """Append after whatever customers wrote meanwhile; not, and True, when the assistant may no longer speak.

        Raises Conflict when somebody else works on this turn.
        """
        while True:
            try:
                appended = await self._ledger.append(stored, *events)
                if events and isinstance(events[-1], TurnEnded):
                    count_turn(stored.bundle, events[-1])
                return appended, False
            except Conflict:
                now = await self._ledger.load(stored.conversation_id)
                since = now.log[stored.last_seq :]
                if not since or any(getattr(logged.event, "turn_id", None) == turn_id for logged in since):
                    raise
                if may_speak(stored.status, "assistant") and _was_taken(stored, since):
                    return now, True
                stored = now


def _carries_out(step: tuple[Event, ...]) -> bool:
    return any(isinstance(event, ToolCalled) and (event.confirmation_id or event.approval_id) for event in step)


def _was_taken(stored: Conversation, since: Sequence[Logged]) -> bool:
    """Whether somebody else had the conversation meanwhile, even if it was given back by now."""
    for logged in since:
        stored = stored.extended(logged.event)
        if not may_speak(stored.status, "assistant"):
            return True
    return False


def _follow(shown: ReplyGrew | None, frame: TurnFrame) -> ReplyGrew | None:
    """What watchers have seen of the reply after this frame."""
    match frame:
        case ReplyGrew():
            return frame
        case ReplyWithdrawn():
            return ReplyGrew(frame.turn_id, "", frame.shown)
        case _:
            return shown


def _break_off(
    engine: Engine, turn_id: TurnId, step: tuple[Event, ...], shown: ReplyGrew | None, conversation: Conversation
) -> tuple[Event, ...]:
    return break_off(engine, conversation, turn_id, step, shown)
