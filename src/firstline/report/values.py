"""What a report is made of: figures, each with its interval, its target, its verdict and where it leads. Frozen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from firstline import intervals
from firstline.intervals import SMALL_SAMPLE
from firstline.report.scope import Scope
from firstline.types import ConversationId

Unit = Literal["share", "count", "grade", "seconds", "usd"]
Verdict = Literal[intervals.Verdict, "no_figures", "not_measured"]
"""`no_figures`: nothing to count yet. `not_measured`: live data cannot show it."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. `key` names it within its section, by a phrase; `name` is what the bundle calls it, if it does.

    `n`: of how many it is. `link`: the conversations behind it, or those of them to look at first. `note`: the key of
    a phrase that says what it rests on.
    """

    key: str
    value: float | None
    unit: Unit = "count"
    name: str = ""
    n: int | None = None
    low: float | None = None
    high: float | None = None
    target: float | None = None
    verdict: Verdict | None = None
    link: str | None = None
    note: str | None = None

    @property
    def of_few(self) -> bool:
        return self.n is not None and 0 < self.n < SMALL_SAMPLE


@dataclass(frozen=True, slots=True)
class Criterion:
    """One of the eleven: its figure, the same over time (None where nothing was counted), and what belongs beside."""

    number: int
    figure: Figure
    points: Sequence[float | None] = ()
    also: Sequence[Figure] = ()

    @property
    def shown(self) -> bool:
        """Whether live data can show it, and has something to show."""
        return self.figure.verdict not in ("no_figures", "not_measured")


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: what it is about, and its figures in the table's order."""

    key: str
    name: str
    figures: Sequence[Figure]
    link: str | None = None
    note: str = ""
    """The key of a phrase that says more about it."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question that found no answer, in the words in which it was asked last."""

    text: str
    times: int
    last_at: datetime
    conversation_id: ConversationId
    link: str


@dataclass(frozen=True, slots=True)
class Report:
    scope: Scope
    made_at: datetime
    ended: int
    going: int
    empty: int
    criteria: Sequence[Criterion]
    ladder: Sequence[Figure]
    grades: Sequence[Figure]
    causes: Sequence[Figure]
    handoffs: Sequence[Line]
    waiting: Figure
    waiting_since: datetime | None
    waited: Figure
    tables: dict[str, Sequence[Line]]
    """By bundle, revision, locale, playbook; each only where there is something to divide."""
    questions: Sequence[Question]
    more_questions: int
    cited: Sequence[Figure]
    unused: Sequence[tuple[str, str]]
    """Titles and addresses of articles that no reply cited."""
    cost: Sequence[Figure]
    paths: dict[tuple[str, ...], int]

    @property
    def contained(self) -> Figure:
        return self.ladder[0]

    @property
    def below(self) -> int:
        """How many criteria are below target."""
        return sum(each.figure.verdict == "fail" for each in self.criteria)

    @property
    def shown(self) -> int:
        return sum(each.shown for each in self.criteria)

    def figures(self) -> Iterator[tuple[str, Line | None, Figure]]:
        """Every figure with its section, and the line of a table that it stands in."""
        for criterion in self.criteria:
            yield "criteria", None, criterion.figure
            yield from (("criteria", None, figure) for figure in criterion.also)
        sections = {"ladder": self.ladder, "grades": self.grades, "causes": self.causes, "cost": self.cost}
        yield from ((section, None, figure) for section, figures in sections.items() for figure in figures)
        yield from (("handoffs", None, figure) for figure in (self.waiting, self.waited))
        tables = {"handoffs": self.handoffs, **self.tables}
        yield from (
            (section, line, figure) for section, lines in tables.items() for line in lines for figure in line.figures
        )
        yield from (("cited", None, figure) for figure in self.cited)
