"""The values that everything else speaks in: frozen, without behaviour that needs the outside world."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, NewType

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

ConversationId = NewType("ConversationId", str)
TurnId = NewType("TurnId", str)
MessageId = NewType("MessageId", str)
CallId = NewType("CallId", str)
ConfirmationId = NewType("ConfirmationId", str)
CustomerId = NewType("CustomerId", str)
PlaybookId = NewType("PlaybookId", str)
ApprovalId = NewType("ApprovalId", str)
StaffId = NewType("StaffId", str)

Locale = str
"""A BCP 47 language tag, lower case, mostly only the language: `en`, `zh`, `ar`."""

Json = dict[str, Any]
"""A JSON object, as it came from or goes to the outside."""

Author = Literal["customer", "assistant", "human_agent", "system"]
Status = Literal["open", "waiting", "with_human", "closed"]
Outcome = Literal["replied", "handed_off", "cancelled", "failed"]
HandoffReason = Literal[
    "asked", "policy", "no_answer", "tool_failed", "budget", "failed", "sentiment", "verdict", "taken_over"
]
"""Why a person is offered, asked for, or came by themselves (`taken_over`)."""

Level = Literal[-2, -1, 0, 1, 2]
"""A mood, very negative to very positive."""


class Value(BaseModel):
    """A frozen value; unknown fields are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


LocalText = Mapping[Locale, str]
"""One text in the bundle's languages; the bundle's first locale is always there."""


def choose_text(texts: LocalText, locale: Locale) -> str:
    """The text in `locale`, else in its bare language, else in the first language given."""
    return texts.get(locale) or texts.get(locale.split("-")[0]) or next(iter(texts.values()))


class Citation(Value):
    """A link from a reply to the passage that it rests on."""

    title: str
    url: str
    quote: str


class Message(Value):
    """Text that a person sees. `text` is Markdown; its HTML is made from it where it is shown."""

    message_id: MessageId
    author: Author
    author_name: str | None = None
    author_picture: str | None = None
    text: str
    citations: tuple[Citation, ...] = ()
    cut_off: bool = False
    """The assistant was stopped in the middle: this is what had been shown."""
    at: AwareDatetime


class HumanAgent(Value):
    """A person of the business, as the customer sees who speaks."""

    staff_id: StaffId
    name: str
    picture: str | None = None


class Passage(Value):
    """A piece of knowledge as retrieved: quotable by itself. `score` orders passages of one retrieval only."""

    passage_id: str
    title: str
    url: str
    text: str
    score: float = 0.0


class CardRow(Value):
    label: str
    value: str


class Card(Value):
    """What the customer sees of a tool's result, already in the customer's language."""

    title: str
    amount: str | None = None
    rows: tuple[CardRow, ...] = ()
    note: str | None = None
    actions: tuple[str, ...] = ()


class ActionDone(Value):
    """What was done, or tried, for the customer by a tool that changes something."""

    label: str
    outcome: str
    arguments: Json = Field(default_factory=dict)


class Package(Value):
    """What a human agent gets with a hand-off, so that the customer need not say anything twice."""

    summary: str
    intent: str | None = None
    slots: tuple[CardRow, ...] = ()
    """What was asked for and told: arguments of the tools that were called, the newest of each name."""
    sources: tuple[Citation, ...] = ()
    actions: tuple[ActionDone, ...] = ()
    mood_start: Level | None = None
    mood: Level | None = None
    locale: Locale


class Usage(Value):
    """Tokens of one or more model calls; `estimated` when a call ended before the API told them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    estimated: bool = False

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            estimated=self.estimated or other.estimated,
        )

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens


class Verdict(Value):
    """What a guardrail found. `pass` lets the text on; `block` stops it; `reason` is for the log and the model."""

    guardrail: str
    decision: Literal["pass", "block"] = "pass"
    reason: str = ""


class Identity(Value):
    """A customer whom the company's own site vouches for."""

    customer_id: CustomerId
    name: str = ""
    expires_at: AwareDatetime

    def valid_at(self, now: datetime) -> bool:
        return now < self.expires_at


Usd = Annotated[float, Field(ge=0)]
