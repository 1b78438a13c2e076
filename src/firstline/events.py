"""The durable facts of a conversation, past tense, one class each; the log of them *is* the conversation.

A fact holds what happened, never what to do next. `Frame`s are the other thing a turn emits: transient, for
whoever is watching now, never stored. Customers see only `firstline.service.stream`'s views of either.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from firstline.types import (
    CallId,
    Card,
    CardRow,
    Citation,
    ConfirmationId,
    HandoffReason,
    Identity,
    Json,
    Locale,
    Message,
    Outcome,
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
    """Appended before the effect. `call_id` is the model's tool_use id, or the confirmation's for a confirmed act."""

    type: Literal["tool.called"] = "tool.called"
    turn_id: TurnId
    call_id: CallId
    tool: str
    arguments: Json
    effect: Effect
    idempotency_key: str
    label: str
    confirmation_id: ConfirmationId | None = None


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


class HandoffOffered(Fact):
    type: Literal["handoff.offered"] = "handoff.offered"
    turn_id: TurnId | None = None
    reason: HandoffReason


class HandoffAccepted(Fact):
    """The customer wants a person: the assistant is silent from here on."""

    type: Literal["handoff.accepted"] = "handoff.accepted"
    turn_id: TurnId | None = None
    reason: HandoffReason


class HandoffReturned(Fact):
    type: Literal["handoff.returned"] = "handoff.returned"
    by: Literal["customer", "human_agent", "timeout"]


class TurnEnded(Fact):
    type: Literal["turn.ended"] = "turn.ended"
    turn_id: TurnId
    outcome: Outcome
    code: str | None = None
    usage: Usage
    cost_usd: Usd
    model: str | None
    suggestions: tuple[str, ...] = ()


class ConversationClosed(Fact):
    type: Literal["conversation.closed"] = "conversation.closed"
    by: Literal["customer", "human_agent", "timeout"]


class SurveyAnswered(Fact):
    type: Literal["survey.answered"] = "survey.answered"
    score: Annotated[int, Field(ge=1, le=5)]
    comment: str = ""


Event = (
    ConversationStarted | CustomerIdentified | MessagePosted | TurnStarted | GuardrailRan | RouteChosen
    | PassagesRetrieved | ModelReplied | ToolCalled | ToolReturned | ConfirmationRequested | ConfirmationDecided
    | HandoffOffered | HandoffAccepted | HandoffReturned | TurnEnded | ConversationClosed | SurveyAnswered
)  # fmt: skip

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])


def load_event(body: bytes | str) -> Event:
    """The event whose JSON is `body`. Raises pydantic's ValidationError when the store holds something else."""
    return _EVENT.validate_json(body)


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


Frame = StatusShown | ReplyGrew | ReplyWithdrawn

Step = tuple[Event, ...] | Frame
"""What a turn yields: facts to append all at once before it is asked for more, or a frame to show."""
