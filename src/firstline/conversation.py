"""A conversation is the fold of its log: what is true now, and what may happen next. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, assert_never

from firstline.events import (
    ConfirmationDecided,
    ConfirmationRequested,
    ConversationClosed,
    ConversationStarted,
    CustomerIdentified,
    Event,
    GuardrailRan,
    HandoffAccepted,
    HandoffOffered,
    HandoffReturned,
    Logged,
    MessagePosted,
    ModelReplied,
    PassagesRetrieved,
    RouteChosen,
    SurveyAnswered,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    TurnStarted,
)
from firstline.types import CallId, ConfirmationId, ConversationId, Identity, Locale, Status, TurnId


@dataclass(frozen=True)
class Confirmation:
    """An action that waits for, or has, the customer's decision."""

    requested: ConfirmationRequested
    decided: ConfirmationDecided | None = None

    def state_at(self, now: datetime) -> Literal["pending", "confirm", "decline", "expired"]:
        if self.decided is not None:
            return self.decided.decision
        return "pending" if now < self.requested.expires_at else "expired"


@dataclass(frozen=True)
class Conversation:
    """The state after `last_seq` events. `log` is the events themselves, for whoever needs the whole story."""

    conversation_id: ConversationId
    log: tuple[Logged, ...] = ()
    started: ConversationStarted | None = None
    status: Status = "open"
    locale: Locale = "en"
    identity: Identity | None = None
    open_turn: TurnId | None = None
    """The turn that is being worked on."""
    next_turn: TurnId | None = None
    """The turn that will answer what has come since."""
    confirmations: dict[ConfirmationId, Confirmation] = field(default_factory=dict[ConfirmationId, Confirmation])
    running_calls: dict[CallId, ToolCalled] = field(default_factory=dict[CallId, ToolCalled])
    """Calls without a result: under way, or cut off by a crash."""
    posted: dict[str, Logged] = field(default_factory=dict[str, Logged])
    """The customer's messages by their client's id."""
    survey: int | None = None

    @property
    def last_seq(self) -> int:
        return self.log[-1].seq if self.log else 0

    @property
    def unfinished(self) -> bool:
        return self.open_turn is not None or self.next_turn is not None

    @property
    def bundle(self) -> str:
        return self.started.bundle if self.started else ""

    def identity_at(self, now: datetime) -> Identity | None:
        """Who the customer is proven to be, while the proof holds."""
        return self.identity if self.identity and self.identity.valid_at(now) else None

    def turn_events(self, turn_id: TurnId) -> tuple[Event, ...]:
        """The events that name this turn, in order."""
        return tuple(logged.event for logged in self.log if getattr(logged.event, "turn_id", None) == turn_id)

    def extended(self, *events: Event) -> "Conversation":
        """The conversation with these events next in its log."""
        start = self.last_seq + 1
        return fold((Logged(start + index, event) for index, event in enumerate(events)), onto=self)


def new_conversation(conversation_id: ConversationId) -> Conversation:
    """The conversation before its first event."""
    return Conversation(conversation_id)


def fold(log: Iterable[Logged], onto: Conversation) -> Conversation:
    """`onto`, and then these events. fold(all) == fold(rest, onto=fold(first)), wherever one cuts."""
    state = onto
    added = tuple(log)
    for logged in added:
        state = _apply(state, logged)
    return replace(state, log=onto.log + added)


def answering_turn(conversation: Conversation, new_id: TurnId) -> TurnId | None:
    """The turn that will answer what comes now: the one already due, a new one, or none while a person holds it."""
    if conversation.status != "open":
        return None
    return conversation.next_turn or new_id


def _apply(state: Conversation, logged: Logged) -> Conversation:
    event = logged.event
    match event:
        case ConversationStarted():
            return replace(state, started=event, locale=event.locale)
        case CustomerIdentified():
            return replace(state, identity=event.identity)
        case MessagePosted():
            return _post(state, logged, event)
        case TurnStarted():
            due = None if state.next_turn == event.turn_id else state.next_turn
            return replace(state, open_turn=event.turn_id, next_turn=due)
        case RouteChosen():
            return replace(state, locale=event.locale)
        case ToolCalled():
            return replace(state, running_calls={**state.running_calls, event.call_id: event})
        case ToolReturned():
            calls = {key: call for key, call in state.running_calls.items() if key != event.call_id}
            return replace(state, running_calls=calls)
        case ConfirmationRequested():
            waiting = {**state.confirmations, event.confirmation_id: Confirmation(event)}
            return replace(state, confirmations=waiting)
        case ConfirmationDecided():
            decided = replace(state.confirmations[event.confirmation_id], decided=event)
            confirmations = {**state.confirmations, event.confirmation_id: decided}
            return replace(state, confirmations=confirmations, next_turn=event.turn_id or state.next_turn)
        case HandoffAccepted():
            return replace(state, status="closed" if state.status == "closed" else "waiting")
        case HandoffReturned():
            return replace(state, status="closed" if state.status == "closed" else "open")
        case TurnEnded():
            return replace(state, open_turn=None)
        case ConversationClosed():
            return replace(state, status="closed")
        case SurveyAnswered():
            return replace(state, survey=event.score)
        case GuardrailRan() | PassagesRetrieved() | ModelReplied() | HandoffOffered():
            return state
        case _:
            assert_never(event)


def _post(state: Conversation, logged: Logged, event: MessagePosted) -> Conversation:
    if event.message.author != "customer":
        return state
    posted = state.posted
    if event.client_message_id is not None:
        posted = {**posted, event.client_message_id: logged}
    return replace(state, posted=posted, next_turn=event.turn_id or state.next_turn)
