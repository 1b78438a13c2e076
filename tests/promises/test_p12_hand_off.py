"""P12: never do the assistant and a human agent both speak; a hand-off is never silent, never loops, is never lost."""

from collections.abc import Sequence
from functools import cache
from dataclasses import dataclass, field
from typing import Any

from firstline.conversation import fold, move_of, new_conversation
from firstline.events import (
    ApprovalDecided,
    ApprovalRequested,
    ConfirmationDecided,
    ContactLeft,
    ConversationClosed,
    ConversationReopened,
    Event,
    HandoffAccepted,
    HandoffOffered,
    HandoffRequested,
    HandoffRequeued,
    HandoffReturned,
    HandoffUnclaimed,
    Logged,
    MessagePosted,
    RouteChosen,
    ToolCalled,
    TurnEnded,
    TurnStarted,
)
from firstline.record import build_record
from firstline.states import next_status
from firstline.types import HumanAgent, Status, TurnId
from firstline.wishes import accepts_offer
from firstline.wishes import wants_human as hear_wish
from tests.support.explore import BUNDLE, Moved, World

wants_human = cache(hear_wish)

MOVES = (
    HandoffRequested, HandoffAccepted, HandoffRequeued, HandoffUnclaimed, HandoffReturned, ConversationClosed,
    ConversationReopened,
)  # fmt: skip
TOLD = (HandoffRequested, HandoffRequeued, HandoffUnclaimed)
"""Moves that the customer must be told of by a line."""


@dataclass
class Reader:
    """Reads a log as it was written, and holds each fact against the promise."""

    status: Status = "open"
    holder: HumanAgent | None = None
    ticket: bool = False
    unanswered: list[Logged] = field(default_factory=list[Logged])
    started: dict[TurnId, int] = field(default_factory=dict[TurnId, int])
    might_speak: set[TurnId] = field(default_factory=set[TurnId])
    """Turns that ran while the assistant had the conversation."""
    ended: set[TurnId] = field(default_factory=set[TurnId])
    spoke: dict[TurnId, str] = field(default_factory=dict[TurnId, str])
    posted: dict[TurnId, list[Logged]] = field(default_factory=dict[TurnId, list[Logged]])
    decided: set[str] = field(default_factory=set[str])
    wished: set[TurnId | None] = field(default_factory=set[TurnId | None])
    declined: set[TurnId] = field(default_factory=set[TurnId])
    acted: set[str] = field(default_factory=set[str])
    back: int = 0
    """Where the assistant last got the conversation back."""
    offer: tuple[int, TurnId | None] | None = None
    last_ended: TurnId | None = None

    def read(self, log: Sequence[Logged]) -> "Reader":
        for logged, following in zip(log, [*log[1:], None], strict=True):
            event = logged.event
            if isinstance(event, TOLD):
                line = following.event if following else None
                assert isinstance(line, MessagePosted) and line.message.author == "system", f"silent: {event.type}"
            if isinstance(event, MOVES):
                self._move(logged, event)
            elif isinstance(event, MessagePosted):
                self._post(logged, event)
            else:
                self._note(logged, event)
        return self

    def _post(self, logged: Logged, event: MessagePosted) -> None:
        author, turn_id = event.message.author, event.turn_id
        if turn_id is not None and author != "customer":
            self.spoke[turn_id] = author
        match author:
            case "customer":
                assert self.status != "closed", "the customer wrote into a closed conversation"
                self.unanswered.append(logged)
                if turn_id is not None:
                    self.posted.setdefault(turn_id, []).append(logged)
            case "human_agent":
                assert self.status == "with_human" and self.holder, f"a human agent spoke while {self.status}"
                assert event.message.author_name == self.holder.name, "somebody spoke who did not have it"
                self.unanswered.clear()
            case "assistant":
                self._hear_assistant(event, turn_id)
            case "system":
                pass

    def _hear_assistant(self, event: MessagePosted, turn_id: TurnId | None) -> None:
        assert turn_id is not None and turn_id in self.started, "the assistant spoke without a turn"
        began, ran = self.started[turn_id], turn_id in self.might_speak
        if self.status != "open":
            assert event.message.cut_off and ran, f"the assistant spoke while {self.status}"
        if not event.message.cut_off:
            self.unanswered = [each for each in self.unanswered if not self._was_put(each, began, turn_id)]

    def _was_put(self, posted: Logged, began: int, turn_id: TurnId) -> bool:
        event: Any = posted.event
        return posted.seq < began if event.turn_id is None else event.turn_id == turn_id or event.turn_id in self.ended

    def _note(self, logged: Logged, event: Event) -> None:
        match event:
            case TurnStarted(turn_id=turn_id):
                self.started.setdefault(turn_id, logged.seq)
                self.might_speak |= {turn_id} if self.status == "open" else set()
            case TurnEnded(turn_id=turn_id):
                assert turn_id not in self.ended, "a turn ended twice"
                self.ended.add(turn_id)
                self.last_ended = turn_id
                assert turn_id not in self.declined or turn_id in self.spoke, "silent: an approval was declined"
            case ConfirmationDecided(confirmation_id=id_, decision="confirm"):
                assert self.status == "open", "confirmed while a person had it"
                self.decided.add(id_)
            case ApprovalDecided(approval_id=id_):
                if event.decision == "approve":
                    self.decided.add(id_)
                elif event.turn_id:
                    self.declined.add(event.turn_id)
            case ApprovalRequested(confirmation_id=id_):
                assert id_ not in self.acted, "one yes, two actions"
                self.acted.add(id_)
            case HandoffOffered(turn_id=turn_id):
                self.offer = (logged.seq, turn_id)
            case RouteChosen(wants_human=True, turn_id=turn_id):
                self.wished.add(turn_id)
                if self.status != "open":
                    self._hear_wishes()
            case ToolCalled():
                self._act(event)
            case ContactLeft():
                self.ticket = True
            case _:
                pass

    def _act(self, event: ToolCalled) -> None:
        by = event.approval_id or event.confirmation_id
        assert by in self.decided if event.effect != "read" else True, "it acted without a yes"
        assert self.status == "open" or by in self.decided, f"a call was begun while {self.status}"
        if by is not None:
            assert by not in self.acted, "one yes, two actions"
            self.acted.add(by)

    def _move(self, logged: Logged, event: Any) -> None:
        status = next_status(self.status, move_of(event))
        assert status is not None, f"{event.type} while {self.status}"
        if isinstance(event, HandoffRequested):
            self._check_request(event)
        if isinstance(event, HandoffRequested | HandoffAccepted):
            self._hear_wishes()
        if isinstance(event, ConversationClosed):
            self.unanswered.clear()
            self.ticket = self.ticket and event.by != "human_agent"
        if status == "open":
            self.back = logged.seq
            self.might_speak |= self.started.keys() - self.ended
        self.status, self.offer = status, None
        self.holder = getattr(event, "human_agent", None)

    def _hear_wishes(self) -> None:
        """Who asked for a person has one: a turn that holds a wish is heard as a whole."""
        self.unanswered = [each for each in self.unanswered if not self._is_wish(each)]

    def _is_wish(self, posted: Logged) -> bool:
        event: Any = posted.event
        return event.turn_id in self.wished or wants_human(event.message.text)

    def _check_request(self, event: HandoffRequested) -> None:
        """Never in a circle: a button, a new wish, or a yes to an offer that stands."""
        if event.turn_id is None:
            return
        fresh = [each for each in self.posted.get(event.turn_id, []) if each.seq > self.back]
        texts = [each.event.message.text for each in fresh if isinstance(each.event, MessagePosted)]
        offered = self.offer is not None and self.offer[1] == self.last_ended
        wished = any(map(wants_human, texts)) or (offered and accepts_offer("\n".join(texts)))
        assert wished, f"loops: a person was asked for without a wish, after {texts}"


def check(before: World, moved: Moved, fresh: bool) -> None:
    """Every law, in the world that a move leads to. Raises AssertionError."""
    world, log = moved.world, moved.world.log
    found = Reader().read(log.log)
    assert found.status == log.status
    assert found.holder == log.human_agent and (log.human_agent is not None) == (log.status == "with_human")
    assert found.ticket == (log.contact is not None), "a ticket was lost, or opened by itself"
    if log.unfinished:
        assert world.work is not None, "something is due, and nobody works on it"
    elif log.status == "open":
        assert not found.unanswered, "a message that nobody answers"
    if moved.name == "worker" and len(log.log) > len(before.log.log):
        _check_page(before, log.log[before.log.last_seq :])
    if fresh:
        _check_folds(world)
        _check_record(world, found)


def _check_page(before: World, added: Sequence[Logged]) -> None:
    """What the customer's page has shown of a reply is what is kept of it, byte for byte."""
    if not any(isinstance(logged.event, TurnEnded) for logged in added):
        return
    said = [each.event.message.text for each in added if isinstance(each.event, MessagePosted)
            if each.event.message.author == "assistant"]
    assert said == ([before.page] if before.page else []), f"shown {before.page!r}, kept {said}"


def _check_folds(world: World) -> None:
    log, empty = world.log.log, new_conversation(world.log.conversation_id)
    cut = world.earlier[0].last_seq if world.earlier else 1
    assert fold(log, onto=empty) == world.log == fold(log[cut:], onto=fold(log[:cut], onto=empty))


def _check_record(world: World, found: Reader) -> None:
    """The inbox shows it on the shelf where it belongs."""
    record = build_record(world.log, BUNDLE, world.at)
    assert record.status == found.status and record.ticket == found.ticket
    assert record.held_by == (found.holder.staff_id if found.holder else None)
    assert (record.waiting_since is not None) == (found.status == "waiting")
    assert (record.closed_at is not None) == (found.status == "closed")
