"""The durable facts of a conversation, past tense, one class each; the log of them *is* the conversation.

A fact holds what happened, never what to do next. `Frame`s are the other thing a turn emits: transient, for
whoever is watching now, never stored. Customers see only `firstline.service.stream`'s views of either.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from firstline.types import (
    ApprovalId,
    Author,
    CallId,
    Card,
    CardRow,
    Citation,
    ConfirmationId,
    ConversationId,
    HandoffReason,
    HumanAgent,
    Identity,
    Json,
    Level,
    Locale,
    Message,
    MessageId,
    Outcome,
    Package,
    Passage,
    PlaybookId,
    TurnId,
    Usage,
    Usd,
    Value,
    Verdict,
)

Effect = Literal["read", "write", "money"]


class Fact(Value):
    at: AwareDatetime


class ConversationStarted(Fact):
    type: Literal["conversation.started"] = "conversation.started"
    bundle: str
    revision: str
    locale: Locale
    token_sha256: str
    expires_at: AwareDatetime
    client: Json = Field(default_factory=dict)


class CustomerIdentified(Fact):
    type: Literal["customer.identified"] = "customer.identified"
    identity: Identity


class MessagePosted(Fact):
    """A customer's message names the turn that will answer it (none while a human holds the conversation)."""

    type: Literal["message.posted"] = "message.posted"
    turn_id: TurnId | None = None
    message: Message
    client_message_id: str | None = None


class TurnStarted(Fact):
    type: Literal["turn.started"] = "turn.started"
    turn_id: TurnId


class GuardrailRan(Fact):
    """Stored for every screening of input, and for output only when something was withheld (`excerpt`)."""

    type: Literal["guardrail.ran"] = "guardrail.ran"
    turn_id: TurnId
    stage: Literal["input", "output"]
    verdict: Verdict
    excerpt: str = ""


class RouteChosen(Fact):
    """`playbook` is None when the router is not sure: general instructions, every tool in reach."""

    type: Literal["route.chosen"] = "route.chosen"
    turn_id: TurnId
    playbook: PlaybookId | None
    locale: Locale
    wants_human: bool = False
    asks_more: bool = False
    """Beside the wish for a person stands a question: it stays to be answered by whoever speaks next."""
    score: float = 0.0
    runner_up: PlaybookId | None = None


class PassagesRetrieved(Fact):
    type: Literal["passages.retrieved"] = "passages.retrieved"
    turn_id: TurnId
    passages: tuple[Passage, ...]
    failed: bool = False


class ModelReplied(Fact):
    """One reply of a model: raw blocks as the API gave them, and `shown`, what of it passed the release gate."""

    type: Literal["model.replied"] = "model.replied"
    turn_id: TurnId
    blocks: tuple[Json, ...]
    shown: str
    citations: tuple[Citation, ...] = ()
    stop_reason: str
    usage: Usage
    cost_usd: Usd
    model: str
    request_id: str | None = None


class ToolCalled(Fact):
    """Appended before the effect. `call_id` is the model's tool_use id, or that of the confirmation or approval."""

    type: Literal["tool.called"] = "tool.called"
    turn_id: TurnId
    call_id: CallId
    tool: str
    arguments: Json
    effect: Effect
    idempotency_key: str
    label: str
    confirmation_id: ConfirmationId | None = None
    approval_id: ApprovalId | None = None


class ToolReturned(Fact):
    """`unknown`: a crash came between effect and result; it is never run again by itself, a human looks."""

    type: Literal["tool.returned"] = "tool.returned"
    turn_id: TurnId
    call_id: CallId
    tool: str
    outcome: Literal["ok", "rejected", "failed", "denied", "waiting", "unknown"]
    result: Any
    card: Card | None = None


class ConfirmationRequested(Fact):
    """Bound to exact arguments, one customer and an expiry; only the customer's button answers it."""

    type: Literal["confirmation.requested"] = "confirmation.requested"
    turn_id: TurnId
    confirmation_id: ConfirmationId
    call_id: CallId
    tool: str
    label: str
    arguments: Json
    rows: tuple[CardRow, ...] = ()
    """The arguments as the card shows them, in the customer's language."""
    customer_id: str | None
    expires_at: AwareDatetime


class ConfirmationDecided(Fact):
    """Names the turn that will carry the decision out and tell the customer."""

    type: Literal["confirmation.decided"] = "confirmation.decided"
    turn_id: TurnId | None
    confirmation_id: ConfirmationId
    decision: Literal["confirm", "decline"]


class ApprovalRequested(Fact):
    """The customer confirmed an action that also needs a human agent's yes: for exactly these arguments."""

    type: Literal["approval.requested"] = "approval.requested"
    turn_id: TurnId
    approval_id: ApprovalId
    confirmation_id: ConfirmationId
    tool: str
    label: str
    arguments: Json
    rows: tuple[CardRow, ...] = ()
    limit_usd: Usd
    customer_id: str | None
    expires_at: AwareDatetime


class ApprovalDecided(Fact):
    """Names the turn that will carry the decision out; while a person has the conversation it says nothing itself.

    `expire`: nobody decided in time.
    """

    type: Literal["approval.decided"] = "approval.decided"
    turn_id: TurnId | None
    approval_id: ApprovalId
    decision: Literal["approve", "decline", "expire"]
    human_agent: HumanAgent | None = None


class HandoffOffered(Fact):
    """The assistant offers a person; nothing changes until the customer asks for one."""

    type: Literal["handoff.offered"] = "handoff.offered"
    turn_id: TurnId | None = None
    reason: HandoffReason


class HandoffRequested(Fact):
    """A person is to answer: the assistant is silent from here on. `back_at`: when people are there again."""

    type: Literal["handoff.requested"] = "handoff.requested"
    turn_id: TurnId | None = None
    reason: HandoffReason
    package: Package | None = None
    back_at: AwareDatetime | None = None


class HandoffAccepted(Fact):
    """A human agent has the conversation now."""

    type: Literal["handoff.accepted"] = "handoff.accepted"
    human_agent: HumanAgent
    package: Package | None = None
    """Where nobody had asked for a person before: the state in which it was taken over."""


class HandoffRequeued(Fact):
    """Whoever had the conversation let go of it, or was silent for too long: the customer waits again."""

    type: Literal["handoff.requeued"] = "handoff.requeued"
    by: Literal["human_agent", "timeout"]
    back_at: AwareDatetime | None = None


class HandoffUnclaimed(Fact):
    """Nobody came in time, and the customer was told so. It stays in the queue."""

    type: Literal["handoff.unclaimed"] = "handoff.unclaimed"


class HandoffReturned(Fact):
    """The assistant goes on. The turn is named when something the customer wrote is still unanswered."""

    type: Literal["handoff.returned"] = "handoff.returned"
    by: Literal["customer", "human_agent", "timeout"]
    turn_id: TurnId | None = None


class ContactLeft(Fact):
    """How the customer wants to be reached; it makes the hand-off a ticket, open until a person resolves it."""

    type: Literal["contact.left"] = "contact.left"
    contact: str
    comment: str = ""


class NotePosted(Fact):
    """Among human agents only: neither the customer nor a model ever sees it."""

    type: Literal["note.posted"] = "note.posted"
    human_agent: HumanAgent
    text: str
    client_message_id: str | None = None


class CorrectionPosted(Fact):
    """A human agent says what the assistant should have said; an evaluation case is made from it."""

    type: Literal["correction.posted"] = "correction.posted"
    human_agent: HumanAgent
    message_id: MessageId
    should_say: str


class TurnEnded(Fact):
    type: Literal["turn.ended"] = "turn.ended"
    turn_id: TurnId
    outcome: Outcome
    code: str | None = None
    usage: Usage
    cost_usd: Usd
    model: str | None
    suggestions: tuple[str, ...] = ()


class MoodJudged(Fact):
    """The customer's mood at start and end of what was written so far, by the fast model."""

    type: Literal["mood.judged"] = "mood.judged"
    start: Level
    end: Level
    model: str
    usage: Usage
    cost_usd: Usd


class ConversationClosed(Fact):
    type: Literal["conversation.closed"] = "conversation.closed"
    by: Literal["customer", "human_agent", "timeout"]


class ConversationReopened(Fact):
    """The assistant answers again; reopened by a human agent, that person has it."""

    type: Literal["conversation.reopened"] = "conversation.reopened"
    by: Literal["customer", "human_agent"]
    human_agent: HumanAgent | None = None


class SurveyAnswered(Fact):
    type: Literal["survey.answered"] = "survey.answered"
    score: Annotated[int, Field(ge=1, le=5)]
    comment: str = ""


Event = (
    ConversationStarted | CustomerIdentified | MessagePosted | TurnStarted | GuardrailRan | RouteChosen
    | PassagesRetrieved | ModelReplied | ToolCalled | ToolReturned | ConfirmationRequested | ConfirmationDecided
    | ApprovalRequested | ApprovalDecided | HandoffOffered | HandoffRequested | HandoffAccepted | HandoffRequeued
    | HandoffUnclaimed | HandoffReturned | ContactLeft | NotePosted | CorrectionPosted | MoodJudged | TurnEnded
    | ConversationClosed | ConversationReopened | SurveyAnswered
)  # fmt: skip

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])


def load_event(body: bytes | str) -> Event:
    """The event whose JSON is `body`. Raises pydantic's ValidationError when the store holds something else."""
    return _EVENT.validate_json(body)


def messages_by(author: Author, events: Iterable[Event]) -> list[Message]:
    """What this author wrote, in order."""
    return [event.message for event in events if isinstance(event, MessagePosted) and event.message.author == author]


@dataclass(frozen=True, slots=True)
class Logged:
    """An event at its place in the conversation's log: `seq` 1, 2, 3 … without gaps."""

    seq: int
    event: Event


@dataclass(frozen=True, slots=True)
class StatusShown:
    """What the assistant is doing now, in the customer's words."""

    turn_id: TurnId
    text: str
    type: Literal["turn.status"] = "turn.status"


@dataclass(frozen=True, slots=True)
class ReplyGrew:
    """A checked piece of the reply: `text` is what was added, `shown` the whole reply so far."""

    turn_id: TurnId
    text: str
    shown: str
    citations: tuple[Citation, ...] = ()
    type: Literal["reply.delta"] = "reply.delta"


@dataclass(frozen=True, slots=True)
class ReplyWithdrawn:
    """What was shown since `shown` is taken back: the reply starts again from there."""

    turn_id: TurnId
    shown: str
    type: Literal["reply.withdrawn"] = "reply.withdrawn"


@dataclass(frozen=True, slots=True)
class TypingShown:
    """Somebody is writing: the customer, or a human agent by name."""

    author: Literal["customer", "human_agent"]
    name: str
    type: Literal["typing.shown"] = "typing.shown"


@dataclass(frozen=True, slots=True)
class RecordChanged:
    """What the inbox shows of a conversation is no longer what it was."""

    conversation_id: ConversationId
    type: Literal["record.changed"] = "record.changed"


TurnFrame = StatusShown | ReplyGrew | ReplyWithdrawn

Frame = TurnFrame | TypingShown | RecordChanged

Step = tuple[Event, ...] | TurnFrame
"""What a turn yields: facts to append all at once before it is asked for more, or a frame to show."""
