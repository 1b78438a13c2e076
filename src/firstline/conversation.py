"""A conversation is the fold of its log: what is true now, and what may happen next. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, assert_never

from firstline.events import (
    ApprovalDecided,
    ApprovalRequested,
    ConfirmationDecided,
    ConfirmationRequested,
    ContactLeft,
    ConversationClosed,
    ConversationReopened,
    ConversationStarted,
    CorrectionPosted,
    CustomerIdentified,
    Event,
    GuardrailRan,
    HandoffAccepted,
    HandoffOffered,
    HandoffRequested,
    HandoffRequeued,
    HandoffReturned,
    HandoffUnclaimed,
    Logged,
    MessagePosted,
    ModelReplied,
    MoodJudged,
    NotePosted,
    PassagesRetrieved,
    RouteChosen,
    SurveyAnswered,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    TurnStarted,
)
from firstline.second_ear import hears_all
from firstline.states import Move, next_status
from firstline.types import (
    ApprovalId,
    CallId,
    ConfirmationId,
    ConversationId,
    HumanAgent,
    Identity,
    Locale,
    Status,
    TurnId,
)


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
class Approval:
    """A confirmed action that waits for, or has, a human agent's decision."""

    requested: ApprovalRequested
    decided: ApprovalDecided | None = None

    def state_at(self, now: datetime) -> Literal["pending", "approve", "decline", "expired"]:
        if self.decided is not None:
            return "expired" if self.decided.decision == "expire" else self.decided.decision
        return "pending" if now < self.requested.expires_at else "expired"


@dataclass(frozen=True)
class Conversation:
    """The state after `last_seq` events. `log` is the events themselves, for whoever needs the whole story."""

    conversation_id: ConversationId
    log: tuple[Logged, ...] = ()
    started: ConversationStarted | None = None
    status: Status = "open"
    status_since: datetime | None = None
    human_agent: HumanAgent | None = None
    """Who has the conversation, while its status is `with_human`."""
    human_spoke_at: datetime | None = None
    """When that person last wrote; None since they accepted."""
    request: HandoffRequested | None = None
    """The hand-off that is waiting or under way."""
    back_at: datetime | None = None
    """When people are there again, for whoever waits out of hours."""
    unclaimed: bool = False
    """The customer was told that nobody came in time."""
    contact: ContactLeft | None = None
    """How to reach the customer, until a human agent resolves it."""
    in_doubt: tuple[ToolCalled, ...] = ()
    """Actions of which nobody knows whether they took effect, until a human agent resolves it."""
    locale: Locale = "en"
    identity: Identity | None = None
    open_turn: TurnId | None = None
    """The turn that is being worked on."""
    next_turn: TurnId | None = None
    """The turn that will answer what has come since."""
    asked: tuple[MessagePosted, ...] = ()
    """What the customer wrote and a turn, due or open, has not answered yet."""
    unheard: tuple[MessagePosted, ...] = ()
    """What the customer wrote while no assistant answered, and no person has answered either."""
    taken: tuple[MessagePosted, ...] = ()
    """What of it the open turn has taken up."""
    offered_in: TurnId | None = None
    """The last turn in which a person was offered; None once the conversation has moved."""
    confirmations: dict[ConfirmationId, Confirmation] = field(default_factory=dict[ConfirmationId, Confirmation])
    approvals: dict[ApprovalId, Approval] = field(default_factory=dict[ApprovalId, Approval])
    running_calls: dict[CallId, ToolCalled] = field(default_factory=dict[CallId, ToolCalled])
    """Calls without a result: under way, or cut off by a crash."""
    posted: dict[str, Logged] = field(default_factory=dict[str, Logged])
    """The customer's messages by their client's id."""
    replied: dict[str, Logged] = field(default_factory=dict[str, Logged])
    """Human agents' messages and notes by their client's id."""
    mood: MoodJudged | None = None
    """As it was judged since the customer last wrote."""
    survey: int | None = None

    @property
    def last_seq(self) -> int:
        return self.log[-1].seq if self.log else 0

    @property
    def unfinished(self) -> bool:
        return self.open_turn is not None or self.next_turn is not None

    @property
    def ticket(self) -> bool:
        """Whether something is left for people to do, whatever becomes of the conversation."""
        return self.contact is not None or bool(self.in_doubt)

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


def since_given_back(conversation: Conversation) -> tuple[Logged, ...]:
    """The log since the assistant last got the conversation back; all of it, where nobody else had it."""
    log = conversation.log
    returns = (HandoffReturned, ConversationReopened)
    back = max((logged.seq for logged in log if isinstance(logged.event, returns)), default=0)
    return log[back:]


def written_since_back(conversation: Conversation, turn_id: TurnId) -> str:
    """What of this turn's messages was written since the assistant has the conversation (again)."""
    posted = (logged.event for logged in since_given_back(conversation) if isinstance(logged.event, MessagePosted))
    return "\n".join(event.message.text for event in posted if event.turn_id == turn_id)


def _apply(state: Conversation, logged: Logged) -> Conversation:
    event = logged.event
    match event:
        case ConversationStarted():
            return replace(state, started=event, locale=event.locale, status_since=event.at)
        case CustomerIdentified():
            return replace(state, identity=event.identity)
        case MessagePosted():
            return _post(state, logged, event)
        case TurnStarted():
            return _begin_turn(state, event.turn_id)
        case RouteChosen():
            asked = _without(state.asked, event.turn_id) if hears_all(event) else state.asked
            return replace(state, locale=event.locale, asked=asked)
        case ToolCalled():
            return replace(state, running_calls={**state.running_calls, event.call_id: event})
        case ToolReturned():
            return _return(state, event)
        case ConfirmationRequested() | ConfirmationDecided() | ApprovalRequested() | ApprovalDecided():
            return _decide(state, event)
        case HandoffOffered():
            return replace(state, offered_in=event.turn_id)
        case (
            HandoffRequested() | HandoffAccepted() | HandoffRequeued() | HandoffUnclaimed() | HandoffReturned()
            | ConversationClosed() | ConversationReopened()
        ):  # fmt: skip
            return _move(state, event)
        case ContactLeft():
            return replace(state, contact=event)
        case MoodJudged():
            return replace(state, mood=event)
        case TurnEnded():
            return _end_turn(state, event)
        case SurveyAnswered():
            return replace(state, survey=event.score)
        case GuardrailRan() | PassagesRetrieved() | ModelReplied() | NotePosted() | CorrectionPosted():
            return state
        case _:
            assert_never(event)


def _return(state: Conversation, event: ToolReturned) -> Conversation:
    calls = {key: call for key, call in state.running_calls.items() if key != event.call_id}
    asked = _without(state.asked, event.turn_id) if hears_all(event) else state.asked
    call = state.running_calls.get(event.call_id)
    doubtful = call is not None and call.effect != "read" and event.outcome == "unknown"
    in_doubt = (*state.in_doubt, call) if call is not None and doubtful else state.in_doubt
    return replace(state, running_calls=calls, asked=asked, in_doubt=in_doubt)


def _post(state: Conversation, logged: Logged, event: MessagePosted) -> Conversation:
    client_id = event.client_message_id
    if event.message.author == "human_agent":
        replied = state.replied if client_id is None else {**state.replied, client_id: logged}
        return replace(state, unheard=(), taken=(), asked=(), replied=replied, human_spoke_at=event.at)
    if event.message.author == "assistant" and event.turn_id is not None and not event.message.cut_off:
        return replace(state, asked=_without(state.asked, event.turn_id), taken=())
    if event.message.author != "customer":
        return state
    posted = state.posted if client_id is None else {**state.posted, client_id: logged}
    if event.turn_id is None:
        return replace(state, posted=posted, mood=None, unheard=(*state.unheard, event))
    return replace(state, posted=posted, mood=None, next_turn=event.turn_id, asked=(*state.asked, event))


def _begin_turn(state: Conversation, turn_id: TurnId) -> Conversation:
    """A turn of the assistant's takes up what nobody has heard."""
    due = None if state.next_turn == turn_id else state.next_turn
    state = replace(state, open_turn=turn_id, next_turn=due)
    return replace(state, taken=state.unheard, unheard=()) if state.status == "open" else state


def _end_turn(state: Conversation, ended: TurnEnded) -> Conversation:
    """What a turn left unanswered because a person was to answer is theirs to hear, or the next turn's."""
    left = (*state.taken, *(each for each in state.asked if each.turn_id == ended.turn_id))
    keeps = state.status in ("waiting", "with_human") or (state.status == "open" and ended.outcome == "handed_off")
    unheard = (*left, *state.unheard) if keeps else state.unheard
    return replace(state, open_turn=None, taken=(), asked=_without(state.asked, ended.turn_id), unheard=unheard)


def _without(asked: tuple[MessagePosted, ...], turn_id: TurnId) -> tuple[MessagePosted, ...]:
    return tuple(each for each in asked if each.turn_id != turn_id)


def _decide(
    state: Conversation, event: ConfirmationRequested | ConfirmationDecided | ApprovalRequested | ApprovalDecided
) -> Conversation:
    match event:
        case ConfirmationRequested(confirmation_id=id_):
            return replace(state, confirmations={**state.confirmations, id_: Confirmation(event)})
        case ApprovalRequested(approval_id=id_):
            return replace(state, approvals={**state.approvals, id_: Approval(event)})
        case ConfirmationDecided(confirmation_id=id_):
            confirmations = {**state.confirmations, id_: replace(state.confirmations[id_], decided=event)}
            return replace(state, confirmations=confirmations, next_turn=event.turn_id or state.next_turn)
        case ApprovalDecided(approval_id=id_):
            approvals = {**state.approvals, id_: replace(state.approvals[id_], decided=event)}
            return replace(state, approvals=approvals, next_turn=event.turn_id or state.next_turn)
        case _:
            assert_never(event)


StatusEvent = (
    HandoffRequested | HandoffAccepted | HandoffRequeued | HandoffUnclaimed | HandoffReturned
    | ConversationClosed | ConversationReopened
)  # fmt: skip
"""What moves a conversation from one state of `firstline.states` to another."""


def move_of(event: StatusEvent) -> Move:
    """Which move of the table an event is."""
    match event:
        case HandoffRequested():
            return "request"
        case HandoffAccepted():
            return "accept"
        case HandoffRequeued():
            return "requeue"
        case HandoffUnclaimed():
            return "unclaimed"
        case HandoffReturned():
            return "return"
        case ConversationClosed():
            return "close"
        case ConversationReopened(by=by):
            return "reopen" if by == "customer" else "take_up"
        case _:
            assert_never(event)


def _move(state: Conversation, event: StatusEvent) -> Conversation:
    """The state after a move; as it was, where the table does not know the move."""
    status = next_status(state.status, move_of(event))
    if status is None:
        return state
    since = state.status_since if status == state.status else event.at
    state = replace(state, status=status, status_since=since, human_agent=None, human_spoke_at=None, offered_in=None)
    match event:
        case HandoffRequested():
            return replace(state, request=event, back_at=event.back_at, unclaimed=False)
        case HandoffAccepted(human_agent=human_agent):
            return replace(state, human_agent=human_agent)
        case HandoffUnclaimed():
            return replace(state, unclaimed=True)
        case HandoffRequeued():
            return replace(state, back_at=event.back_at, unclaimed=False)
        case HandoffReturned(turn_id=turn_id):
            return replace(state, request=None, next_turn=turn_id or state.next_turn)
        case ConversationClosed(by=by):
            settled = by == "human_agent"
            contact, in_doubt = (None, ()) if settled else (state.contact, state.in_doubt)
            return replace(state, request=None, contact=contact, in_doubt=in_doubt, unheard=())
        case ConversationReopened(human_agent=human_agent):
            return replace(state, human_agent=human_agent)
        case _:
            assert_never(event)
