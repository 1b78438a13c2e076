"""The records counted for the report: few wide questions to `store.records`, each answered from one index.

What filters by time and what groups are different indexes; a `+` before a column keeps the planner from taking the
wrong one. All is summed inside the database, so that nobody who writes to a customer waits for it.
"""

import asyncio
from collections.abc import Mapping
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
    rung: f"group_concat(CASE WHEN rung = '{rung}' THEN CAST(handling_seconds + 0.5 AS INTEGER) END)"
    for rung in ("contained", "handed_off")
}
"""One text for each period: a hundred thousand rows would each take the interpreter's lock for a moment."""


class SqlArchive:
    """`firstline.report.Archive` on the engine that only reads."""

    def __init__(self, reader: sa.Engine) -> None:
        self._reader = reader

    async def tally(self, scope: Scope) -> Tallies:
        """Two threads: the one reads each record whole, the other answers everything that groups."""
        (periods, handling), rest = await asyncio.gather(
            asyncio.to_thread(self._count_periods, scope), asyncio.to_thread(self._count_groups, scope)
        )
        return Tallies(periods=periods, handling=handling, **rest)

    def _count_periods(self, scope: Scope) -> tuple[list[Tally], list[Handling]]:
        sums = [sa.literal_column(sql).label(name) for name, sql in _SUMMED.items()]
        handled = [sa.literal_column(sql).label(f"{rung}_seconds") for rung, sql in _HANDLED.items()]
        started_at = records.c.started_at
        within = (started_at >= sa.bindparam("since"), started_at < sa.bindparam("until"))
        wanted = sa.select(*sums, *handled).where(*within, *_filters(scope))
        with _reading(self._reader) as connection:
            rows = [
                connection.execute(wanted, {"since": since, "until": until}).one()._mapping
                for since, until in pairwise(map(write_time, scope.cuts))
            ]
        handling = [Handling(*(_read_numbers(row[f"{rung}_seconds"]) for rung in _HANDLED)) for row in rows]
        return [_read_tally(row, _SUMMED) for row in rows], handling

    def _count_groups(self, scope: Scope) -> dict[str, Any]:
        with _reading(self._reader) as connection:
            groups, reasons, paths, grades, cited, asked, (waiting, waiting_since) = (
                connection.execute(choose(scope)).all()
                for choose in (
                    _choose_groups, _choose_reasons, _choose_paths, _choose_grades, _choose_sources,
                    _choose_questions, _choose_waiting,
                )
            )  # fmt: skip
        return {
            "groups": {Group(*row[:4]): _read_tally(row._mapping, _GROUPED) for row in groups},
            "reasons": {reason: count for reason, count, _ in reasons if reason},
            "handed_off_closed": sum(closed for _, _, closed in reasons),
            "paths": dict(map(tuple, paths)),
        }


def _filters(scope: Scope) -> list[sa.ColumnElement[bool]]:
    return [sa.literal_column(f"+records.{name}") == value for name, value in scope.filters.items()]


def _within(scope: Scope, started_at: sa.ColumnElement[Any]) -> list[sa.ColumnElement[bool]]:
    cuts = scope.cuts
    return [started_at >= write_time(cuts[0]), started_at < write_time(cuts[-1])]


def _choose_groups(scope: Scope) -> sa.Select[Any]:
    keys = [records.c[name] for name in Group._fields]
    sums = [sa.literal_column(sql).label(name) for name, sql in _GROUPED.items()]
    within = _within(scope, sa.literal_column("+records.started_at"))
    return sa.select(*keys, *sums).where(*within, *_filters(scope)).group_by(*keys)


def _choose_paths(scope: Scope) -> sa.Select[Any]:
    within = _within(scope, sa.literal_column("+records.started_at"))
    counted = sa.func.count().label("taken")
    taken = sa.select(records.c.path, counted).where(*within, *_filters(scope)).group_by(records.c.path)
    return taken.order_by(counted.desc(), records.c.path).limit(MOST_PATHS)


def _choose_grades(scope: Scope) -> sa.Select[Any]:
    answered = records.c.survey.is_not(None)
    wanted = sa.select(records.c.survey, sa.func.count()).where(answered, *_within(scope, records.c.started_at))
    return wanted.where(*_filters(scope)).group_by(records.c.survey)


def _choose_reasons(scope: Scope) -> sa.Select[Any]:
    """Why conversations went to a person: the last reason of each."""
    handed_off = sa.literal_column("+records.rung") == "handed_off"
    wanted = sa.select(records.c.reason, sa.func.count()).where(handed_off, records.c.reason.is_not(None))
    return wanted.where(*_within(scope, records.c.started_at), *_filters(scope)).group_by(records.c.reason)


def _choose_sources(scope: Scope) -> sa.Select[Any]:
    wanted = sa.select(sources.c.url, sa.func.count()).group_by(sources.c.url)
    wanted = wanted.where(*_within(scope, sa.literal_column("+record_sources.started_at")))
    if scope.filters.keys() - {"bundle"}:
        wanted = wanted.join(records, records.c.conversation_id == sources.c.conversation_id)
        return wanted.where(*_filters(scope))
    return wanted if scope.bundle is None else wanted.where(sa.literal_column("+record_sources.bundle") == scope.bundle)


def _choose_questions(scope: Scope) -> sa.Select[Any]:
    wanted = sa.select(questions.c.text, questions.c.started_at, questions.c.conversation_id)
    wanted = wanted.where(*_within(scope, questions.c.started_at))
    if scope.filters:
        wanted = wanted.join(records, records.c.conversation_id == questions.c.conversation_id)
        wanted = wanted.where(*_filters(scope))
    return wanted.order_by(questions.c.started_at.desc(), questions.c.number.desc()).limit(MOST_QUESTIONS)


def _choose_waiting(scope: Scope) -> sa.Select[Any]:
    """Who waits for a person now, whenever they began."""
    wanted = sa.select(sa.func.count(), sa.func.min(records.c.waiting_since)).where(records.c.status == "waiting")
    return wanted.where(*_filters(scope))


def _read_tally(row: Mapping[str, Any]) -> Tally:
    return Tally(**{name: row[name] or 0 for name in _SUMS if name in row} | {"empty": row.get("empty", 0) or 0})


def _read_numbers(text: str | None) -> list[int]:
    return sorted(map(int, text.split(","))) if text else []


def _known(text: str) -> Any:
    moment = read_time(text)
    assert moment is not None, "every record has begun"
    return moment


class _reading:
    """A connection for reading; a store that cannot be read is unavailable, not a bug."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def __enter__(self) -> sa.Connection:
        try:
            self._connection = self._engine.connect()
        except DBAPIError as error:
            raise StoreUnavailable("the store cannot be read") from error
        return self._connection

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._connection.close()
        if isinstance(error, DBAPIError):
            raise StoreUnavailable("the store cannot be read") from error
