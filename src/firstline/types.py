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

Locale = str
"""A BCP 47 language tag, lower case, mostly only the language: `en`, `zh`, `ar`."""

Json = dict[str, Any]
"""A JSON object, as it came from or goes to the outside."""

Author = Literal["customer", "assistant", "human_agent", "system"]
Status = Literal["open", "waiting", "with_human", "closed"]
Outcome = Literal["replied", "handed_off", "cancelled", "failed"]
HandoffReason = Literal["asked", "policy", "failed", "verdict"]


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
    text: str
    citations: tuple[Citation, ...] = ()
    at: AwareDatetime


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
