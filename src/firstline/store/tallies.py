"""The records counted for the report: few wide questions to `store.records`, each answered from one index.

What filters by time and what groups are different indexes; a `+` before a column keeps the planner from taking the
wrong one. All is summed inside the database, so that nobody who writes to a customer waits for it.
"""

import asyncio
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from firstline.errors import StoreUnavailable
from firstline.report import Group, Handling, Tallies, Tally, Unanswered
from firstline.report.scope import Scope
from firstline.store.records import questions, read_time, records, sources, write_time
from firstline.types import ConversationId

MOST_QUESTIONS = 20_000
"""The newest ones; what is older than so many is not grouped."""

MOST_PATHS = 2_000
"""The most frequent ones."""

_PAIRS = ("accuracy", "cited", "declined", "answered", "quoted", "escalated")
_RUNGS = {
    "total": "count(*)",
    "contained": "sum(rung = 'contained')",
    "abandoned": "sum(rung = 'abandoned')",
    "handed_off": "sum(rung = 'handed_off')",
    "surveys": "count(survey)",
    "survey_sum": "sum(survey)",
}
_GROUPED = {
    **_RUNGS,
    "empty": "sum(rung = 'empty')",
    "returned": "sum(returned * (rung = 'contained'))",
    "cost_usd": "sum(cost_usd)",
}
_SUMMED = {
    **_RUNGS,
    "confirmed": "sum(confirmed)",
    "mood_n": "count(mood_start)",
    "mood_ok": "sum(mood >= mood_start)",
    "mood_low": "sum(mood_start < 0)",
    "mood_rose": "sum(mood_start < 0 AND mood > mood_start)",
    "mood_fell": "sum(mood_start >= 0 AND mood < mood_start)",
    "tokens": "sum(tokens)",
    "assistant_seconds": "sum(assistant_seconds)",
    "withheld": "sum(withheld)",
    **{f"{pair}_{side}": f"sum({pair}_{side})" for pair in _PAIRS for side in ("n", "ok")},
    **{f"{pair}_in": f"sum({pair}_n > 0)" for pair in _PAIRS if pair != "cited"},
}
_HANDLED = {
    f"{rung}_seconds": f"group_concat(CASE WHEN rung = '{rung}' THEN CAST(handling_seconds + 0.5 AS INTEGER) END)"
    for rung in ("contained", "handed_off")
}
"""One text for each period: a hundred thousand rows would each take the interpreter's lock for a moment."""


class SqlArchive:
    """`firstline.report.Archive` on the engine that only reads."""

    def __init__(self, reader: sa.Engine) -> None:
        self._reader = reader

    async def tally(self, scope: Scope) -> Tallies:
        """Two threads: the one reads each record whole, the other answers everything that groups."""
        counted = asyncio.to_thread(self._count_periods, scope), asyncio.to_thread(self._count_groups, scope)
        (periods, handling), grouped = await asyncio.gather(*counted)
        return replace(grouped, periods=periods, handling=handling)

    def _count_periods(self, scope: Scope) -> tuple[list[Tally], list[Handling]]:
        started_at = records.c.started_at
        within = (started_at >= sa.bindparam("since"), started_at < sa.bindparam("until"))
        wanted = _select({**_SUMMED, **_HANDLED}).where(*within, *_filters(scope))
        with _reading(self._reader) as connection:
            rows = [
                connection.execute(wanted, {"since": since, "until": until}).mappings().one()
                for since, until in pairwise(map(write_time, scope.cuts))
            ]
        handling = [Handling(*(_read_numbers(row[name]) for name in _HANDLED)) for row in rows]
        return [_read_tally(row, _SUMMED) for row in rows], handling

    def _count_groups(self, scope: Scope) -> Tallies:
        with _reading(self._reader) as connection:
            groups = connection.execute(_choose_groups(scope)).mappings().all()
            reasons = connection.execute(_choose_reasons(scope)).all()
            asked = connection.execute(_choose_questions(scope)).all()
            waiting = connection.execute(_choose_waiting(scope)).one()
            grades, cited, paths = (
                {row[0]: row[1] for row in connection.execute(choose(scope))}
                for choose in (_choose_grades, _choose_sources, _choose_paths)
            )
        return Tallies(
            groups={Group(*(row[name] for name in Group._fields)): _read_tally(row, _GROUPED) for row in groups},
            grades=grades,
            reasons={row[0]: row[1] for row in reasons if row[0] is not None},
            handed_off_closed=sum(row[2] for row in reasons),
            sources=cited,
            questions=[Unanswered(row[0], _read_start(row[1]), ConversationId(row[2])) for row in asked],
            paths=paths,
            waiting=waiting[0],
            waiting_since=read_time(waiting[1]),
        )


_Question = sa.Select[*tuple[Any, ...]]


def _sql(text: str) -> sa.ColumnElement[Any]:
    return sa.literal_column(text)


def _select(named: Mapping[str, str]) -> _Question:
    """The expressions under these names, of the records."""
    return sa.select(*[_sql(text).label(name) for name, text in named.items()]).select_from(records)


def _filters(scope: Scope) -> list[sa.ColumnElement[bool]]:
    return [_sql(f"+records.{name}") == value for name, value in scope.filters.items()]


def _within(scope: Scope, started_at: str) -> tuple[sa.ColumnElement[bool], ...]:
    cuts = scope.cuts
    return _sql(started_at) >= write_time(cuts[0]), _sql(started_at) < write_time(cuts[-1])


def _choose_groups(scope: Scope) -> _Question:
    wanted = _select({**{name: name for name in Group._fields}, **_GROUPED})
    within = _within(scope, "+records.started_at")
    return wanted.where(*within, *_filters(scope)).group_by(*map(_sql, Group._fields))


def _choose_reasons(scope: Scope) -> _Question:
    """Why conversations went to a person, the last reason of each; and how many of them are closed."""
    wanted = _select({"reason": "reason", "count": "count(*)", "closed": "sum(status = 'closed')"})
    wanted = wanted.where(records.c.rung == "handed_off", *_within(scope, "records.started_at"), *_filters(scope))
    return wanted.group_by(_sql("reason"))


def _choose_grades(scope: Scope) -> _Question:
    wanted = _select({"survey": "survey", "count": "count(*)"}).where(records.c.survey.is_not(None))
    return wanted.where(*_within(scope, "records.started_at"), *_filters(scope)).group_by(_sql("survey"))


def _choose_paths(scope: Scope) -> _Question:
    wanted = _select({"path": "path", "taken": "count(*)"})
    wanted = wanted.where(*_within(scope, "+records.started_at"), *_filters(scope)).group_by(_sql("path"))
    return wanted.order_by(_sql("taken").desc(), _sql("path")).limit(MOST_PATHS)


def _choose_sources(scope: Scope) -> _Question:
    """Filters of the records are looked up first: few conversations are left, and their sources are found by id."""
    wanted = sa.select(*[sources.c.url, _sql("count(*)")])
    if scope.filters.keys() - {"bundle"}:
        chosen = sa.select(records.c.conversation_id).where(*_within(scope, "records.started_at"), *_filters(scope))
        return wanted.where(sources.c.conversation_id.in_(chosen)).group_by(_sql("+record_sources.url"))
    bundle = [] if scope.bundle is None else [_sql("+record_sources.bundle") == scope.bundle]
    return wanted.where(*_within(scope, "+record_sources.started_at"), *bundle).group_by(sources.c.url)


def _choose_questions(scope: Scope) -> _Question:
    wanted = sa.select(*[questions.c.text, questions.c.started_at, questions.c.conversation_id])
    wanted = wanted.where(*_within(scope, "record_questions.started_at"))
    if scope.filters:
        wanted = wanted.join(records, records.c.conversation_id == questions.c.conversation_id)
        wanted = wanted.where(*_filters(scope))
    return wanted.order_by(questions.c.started_at.desc(), questions.c.number.desc()).limit(MOST_QUESTIONS)


def _choose_waiting(scope: Scope) -> _Question:
    """Who waits for a person now, whenever they began."""
    wanted = _select({"waiting": "count(*)", "since": "min(waiting_since)"}).where(records.c.status == "waiting")
    return wanted.where(*_filters(scope))


def _read_tally(row: sa.RowMapping, names: Iterable[str]) -> Tally:
    """Of no conversation there is no sum, but a None."""
    return Tally(**{name: row[name] or 0 for name in names})


def _read_numbers(text: str | None) -> list[int]:
    return sorted(map(int, text.split(","))) if text else []


def _read_start(text: str) -> datetime:
    moment = read_time(text)
    assert moment is not None, "every record has begun"
    return moment


@contextmanager
def _reading(engine: sa.Engine) -> Generator[sa.Connection]:
    """A connection for reading; a store that cannot be read is unavailable, not a bug."""
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise StoreUnavailable("the store cannot be read") from error
