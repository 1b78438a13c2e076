"""The schema of a bundle: all data of one business, as frozen values.

`firstline.bundle.load.load_bundle` makes one from a folder. Nothing here reads a file, and nothing of any
particular business is known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from firstline.tools import Tool
from firstline.types import Locale, LocalText, PlaybookId, Value

PlaybookKind = Literal["greet", "answer", "act", "decline", "hand_off"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Assistant(Value):
    name: str
    title: LocalText
    picture: str | None = None


class Contact(Value):
    phone: str | None = None
    email: str | None = None
    website: str | None = None


class Span(Value):
    """Opening hours of one day, local time; `closes` is the first minute that is closed."""

    opens: time
    closes: time


class Hours(Value):
    timezone: str
    weekly: Mapping[Weekday, tuple[Span, ...]]
    holidays: frozenset[date] = frozenset()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Starter(Value):
    playbook: PlaybookId
    text: LocalText


class DemoCustomer(Value):
    """Somebody the demo can sign in as; refused in production mode."""

    id: str
    name: str
    note: LocalText


class Limits(Value):
    """What one turn may use at most; over any of these it ends with the fallback and the offer of a person."""

    rounds: Annotated[int, Field(ge=1, le=50)] = 8
    seconds: Annotated[float, Field(gt=0, le=600)] = 60.0
    tokens: Annotated[int, Field(ge=1000)] = 120_000
    usd: Annotated[float, Field(gt=0)] = 0.50
    message_chars: Annotated[int, Field(ge=100, le=100_000)] = 4000
    tool_result_chars: Annotated[int, Field(ge=500)] = 20_000


class HandoffTimes(Value):
    """How long people may take. `wait_minutes` counts in business hours only."""

    wait_minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 10.0
    """Nobody has accepted: the customer is told so, and asked for a contact."""
    silent_minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 10.0
    """A human agent who accepted says nothing: the conversation goes back to the queue."""
    idle_hours: Annotated[float, Field(gt=0, le=24 * 30)] = 24.0
    """Nobody writes to the assistant any more: the conversation is closed."""


class Criteria(Value):
    """The business's own success criteria: targets as shares, 0 to 1, where it wants others than the usual ones."""

    comprehension: Annotated[float, Field(gt=0, le=1)] = 0.95
    relevance: Annotated[float, Field(gt=0, le=1)] = 0.90
    accuracy: Annotated[float, Field(gt=0, le=1)] = 1.0
    citations: Annotated[float, Field(gt=0, le=1)] = 0.80
    topic: Annotated[float, Field(gt=0, le=1)] = 0.95
    quotes: Annotated[float, Field(gt=0, le=1)] = 1.0
    escalation: Annotated[float, Field(gt=0, le=1)] = 0.95
    sentiment: Annotated[float, Field(gt=0, le=1)] = 0.90
    deflection: Annotated[float, Field(gt=0, le=1)] = 0.70
    csat: Annotated[float, Field(ge=1, le=5)] = 4.0
    """The mean of the survey, 1 to 5."""
    baseline_minutes: Annotated[float, Field(gt=0)] = 10.0
    """How long a conversation takes a person. Source of the default: human chat handling takes 8 to 13 minutes."""


class PublishRules(Value):
    """What has to be known of a revision before it may be published; nothing, where the business does not say."""

    evaluated: bool = False
    """Every case was played with this very revision, and with the model that would speak."""
    not_failing: tuple[str, ...] = ()
    """Criteria of the evaluation whose verdict may not be "fail"."""
    not_worse: bool = False
    """Beside the evaluation of what is published, nothing is worse beyond chance."""


class CannedAnswer(Value):
    """Words that human agents send often."""

    title: LocalText
    text: LocalText


class Playbook(Value):
    """Instructions for one kind of request. `tools` are the only ones that may be called while it is chosen."""

    id: PlaybookId
    title: LocalText
    kind: PlaybookKind
    when: str
    utterances: Mapping[Locale, tuple[str, ...]]
    tools: tuple[str, ...] = ()
    suggestions: Mapping[Locale, tuple[str, ...]] = Field(default_factory=dict)
    say: LocalText | None = None
    instructions: str


class Line(Value):
    """One line of an example dialogue; `text` of a tool line is `name {arguments}` or the result's JSON."""

    who: Literal["customer", "assistant", "tool_call", "tool_result"]
    text: str


class Example(Value):
    playbook: PlaybookId
    locale: Locale
    lines: tuple[Line, ...]


class Article(Value):
    """One page of knowledge. `slug`: its path without locale and ending (`ev/battery`), the same in each language."""

    slug: str
    locale: Locale
    title: str
    url: str
    tags: tuple[str, ...] = ()
    updated: date | None = None
    body: str


@dataclass(frozen=True)
class Bundle:
    """Everything of one business. `revision` is the content hash of its files."""

    name: str
    folder: Path
    revision: str
    business: LocalText
    locales: tuple[Locale, ...]
    assistant: Assistant
    accent: str
    contact: Contact
    hours: Hours
    welcome: LocalText
    starters: tuple[Starter, ...]
    fallback: LocalText
    unknown: LocalText
    acknowledgement: str
    competitors: tuple[str, ...]
    links: tuple[str, ...]
    limits: Limits
    demo_customers: tuple[DemoCustomer, ...]
    identity: str
    context: tuple[str, ...]
    policy: str
    playbooks: Mapping[PlaybookId, Playbook]
    examples: tuple[Example, ...]
    articles: tuple[Article, ...]
    tools: Mapping[str, Tool] = field(default_factory=dict[str, Tool])
    handoff: HandoffTimes = field(default_factory=HandoffTimes)
    criteria: Criteria = field(default_factory=Criteria)
    canned_answers: tuple[CannedAnswer, ...] = ()
    publish: PublishRules = field(default_factory=PublishRules)

    @property
    def locale(self) -> Locale:
        """The language of last resort."""
        return self.locales[0]
