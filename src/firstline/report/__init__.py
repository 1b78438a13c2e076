"""The report for the manager: what the records of conversations come to. Values and rules; nothing here asks a store.

    Scope     which conversations: days, bundle, revision, language, playbook      firstline.report.scope
    Tallies   what a store counted of them                                         here
    Report    figures with interval, target, verdict and where they lead           firstline.report.values
    build_report: Scope and Tallies -> Report                                      firstline.report.build
    write_csv, view_report: Report -> text, JSON                                   firstline.report.sheet

`Archive` is whoever can count: `firstline.store.tallies`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, Protocol

from firstline.judges import Reliability
from firstline.report.scope import Scope
from firstline.types import ConversationId


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over some conversations. `contained`, `abandoned` and `handed_off` have ended, `empty` never began.

    `*_n`, `*_ok`: the pairs of `firstline.scores.Scores`; `*_in`: how many conversations a pair comes from.
    mood: of those with two messages and more, how many ended no worse; began negative, and improved; ended lower
    though they began neutral or better.
    """

    total: int = 0
    empty: int = 0
    contained: int = 0
    abandoned: int = 0
    handed_off: int = 0
    returned: int = 0
    """Contained, but the same customer was soon back."""
    confirmed: int = 0
    surveys: int = 0
    survey_sum: int = 0
    mood_n: int = 0
    mood_ok: int = 0
    mood_low: int = 0
    mood_rose: int = 0
    mood_fell: int = 0
    cost_usd: float = 0.0
    tokens: int = 0
    assistant_seconds: float = 0.0
    accuracy_n: int = 0
    accuracy_ok: int = 0
    accuracy_in: int = 0
    withheld: int = 0
    cited_n: int = 0
    cited_ok: int = 0
    declined_n: int = 0
    declined_ok: int = 0
    declined_in: int = 0
    answered_n: int = 0
    answered_ok: int = 0
    answered_in: int = 0
    quoted_n: int = 0
    quoted_ok: int = 0
    quoted_in: int = 0
    escalated_n: int = 0
    escalated_ok: int = 0
    escalated_in: int = 0

    @property
    def ended(self) -> int:
        return self.contained + self.abandoned + self.handed_off

    @property
    def going(self) -> int:
        return max(0, self.total - self.ended - self.empty)

    @property
    def assumed_resolved(self) -> int:
        return max(0, self.contained - self.returned)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, name) + getattr(other, name) for name in TALLY_NAMES))


TALLY_NAMES = tuple(each.name for each in fields(Tally))


def add_tallies(tallies: Sequence[Tally]) -> Tally:
    """All of them together."""
    columns = ([getattr(each, name) for each in tallies] for name in TALLY_NAMES)
    return Tally(*map(sum, columns)) if tallies else Tally()


class Group(NamedTuple):
    """By what the report's tables divide. `playbook`: the one that took the most turns, None where none was sure."""

    bundle: str
    revision: str
    locale: str
    playbook: str | None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that found no answer, and where it was asked."""

    text: str
    at: datetime
    conversation_id: ConversationId


@dataclass(frozen=True, slots=True)
class Handling:
    """In whole seconds: from the first question to the last word, of conversations that were seen to their end; and
    `waited`, from the first request for a person until one came.
    """

    contained: Sequence[int] = ()
    handed_off: Sequence[int] = ()
    waited: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class JudgedTally:
    """Replies that a judge looked at, and called good; `unreadable` ones are in none of the other counts.

    reliability: how this judge did when it was tried; None when it never was.
    """

    ok: int
    n: int
    conversations: int
    unreadable: int
    model: str
    reliability: Reliability | None


@dataclass(frozen=True)
class Tallies:
    """What was counted. `periods` and `handling`: one for each of the scope's periods, in order, without `empty`,
    `returned` and `cost_usd`.

    `groups`: only totals, rungs, returned, surveys and cost. `grades`: surveys by grade. `reasons`: hand-offs by the
    last reason of each. `sources`: conversations by cited URL. `questions`: the newest first. `paths`: conversations
    by `Record.path`, the most frequent first. `waiting`: now, whenever they began.
    """

    periods: Sequence[Tally] = ()
    handling: Sequence[Handling] = ()
    groups: Mapping[Group, Tally] = field(default_factory=dict[Group, Tally])
    grades: Mapping[int, int] = field(default_factory=dict[int, int])
    reasons: Mapping[str, int] = field(default_factory=dict[str, int])
    handed_off_closed: int = 0
    sources: Mapping[str, int] = field(default_factory=dict[str, int])
    questions: Sequence[Unanswered] = ()
    paths: Mapping[str, int] = field(default_factory=dict[str, int])
    waiting: int = 0
    waiting_since: datetime | None = None
    judged: Mapping[str, JudgedTally] = field(default_factory=dict[str, JudgedTally])
    """By question, of the conversations in a sample."""

    @cached_property
    def whole(self) -> Tally:
        """All conversations together."""
        grouped = add_tallies(tuple(self.groups.values()))
        more = {"empty": grouped.empty, "returned": grouped.returned, "cost_usd": grouped.cost_usd}
        return replace(add_tallies(tuple(self.periods)), **more)

    @property
    def surveyable(self) -> int:
        """Conversations that are closed, and in which the customer had written."""
        whole = self.whole
        return whole.contained + whole.abandoned + self.handed_off_closed


class Archive(Protocol):
    """The records, counted."""

    async def tally(self, scope: Scope) -> Tallies:
        """Raises StoreUnavailable."""
        ...

    async def sum_days(self, zone: str, before: datetime) -> None:
        """Prepare the days of this zone that ended by then, to be counted quickly. Raises StoreUnavailable."""
        ...
