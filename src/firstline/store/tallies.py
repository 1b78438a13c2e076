"""The records counted for the report: the days that `store.sums` has, and few wide questions to the records.

Each is answered from one index, and a `+` before a column keeps the planner from taking the wrong one. All is added
up inside the database, so that nobody who writes to a customer waits for it.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy.exc import DBAPIError

from firstline.errors import StoreUnavailable
from firstline.report import Group, Handling, Tallies, Tally, Unanswered
from firstline.report.scope import Scope
from firstline.store.judgements import count_judged
from firstline.store.records import questions, read_time, records, sources, write_time
from firstline.store.sums import LISTS, SUMS, Divided, divide, read_summed, sum_days
from firstline.types import ConversationId

MOST_QUESTIONS = 20_000
"""The newest ones; what is older than so many is not grouped."""

MOST_PATHS = 2_000
"""The most frequent ones."""

DECIMALS = {"cost_usd": 9, "assistant_seconds": 6}
"""Of sums that are no whole numbers: what is beyond shows in which order they were added."""

PERIOD = ("number",)
"""What `_add_up` goes by for periods: their number."""

_GROUPED = (
    "total", "empty", "contained", "abandoned", "handed_off", "returned", "surveys", "survey_sum", "cost_usd",
)  # fmt: skip
_SUMMED = tuple(name for name in SUMS if name not in ("empty", "returned", "cost_usd", "handed_off_closed"))


class SqlArchive:
    """`firstline.report.Archive` on the two engines of the store."""

    def __init__(self, engine: sa.Engine, reader: sa.Engine) -> None:
        self._engine = engine
        self._reader = reader

    async def sum_days(self, zone: str, before: datetime) -> None:
        await asyncio.to_thread(self._sum_days, zone, before)

    async def tally(self, scope: Scope) -> Tallies:
        """Two threads: the one adds up, the other answers everything that is not kept by day."""
        added, counted = await asyncio.gather(
            asyncio.to_thread(self._add_up, scope), asyncio.to_thread(self._count, scope)
        )
        return Tallies(**added, **counted)

    def _sum_days(self, zone: str, before: datetime) -> None:
        try:
            sum_days(self._engine, self._reader, zone, before)
        except DBAPIError as error:
            raise StoreUnavailable("the store cannot be written") from error

    def _add_up(self, scope: Scope) -> dict[str, Any]:
        cuts = [write_time(cut) for cut in scope.cuts]
        whole = (cuts[0], cuts[-1])
        with _reading(self._reader) as connection:
            connection.exec_driver_sql("BEGIN")  # so that the sums are of the moment that tells which days have any
            summed = read_summed(connection, scope.zone, whole)
            by_period = _add_up(connection, scope, divide(pairwise(cuts), summed), PERIOD, (*SUMS, *LISTS))
            by_group = _add_up(connection, scope, divide([whole], summed), Group._fields, _GROUPED)
        found = {row["number"]: row for row in by_period}
        periods = [found.get(number, _NOTHING) for number in range(len(cuts) - 1)]
        return {
            "periods": [_read_tally(row, _SUMMED) for row in periods],
            "handling": [
                Handling(*(_read_numbers(row[f"{part}_seconds"]) for part in Handling.__slots__)) for row in periods
            ],
            "groups": {Group(*(row[name] for name in Group._fields)): _read_tally(row, _GROUPED) for row in by_group},
            "grades": Counter(grade for row in periods for grade in _read_numbers(row["grades"])),
            "reasons": Counter(reason for row in periods if row["reasons"] for reason in row["reasons"].split(",")),
            "handed_off_closed": sum(row["handed_off_closed"] or 0 for row in periods),
        }

    def _count(self, scope: Scope) -> dict[str, Any]:
        with _reading(self._reader) as connection:
            asked = connection.execute(_choose_questions(scope)).all()
            waiting = connection.execute(_choose_waiting(scope)).one()
            judged = count_judged(connection, scope)
            cited, paths = (
                {row[0]: row[1] for row in connection.execute(choose(scope))}
                for choose in (_choose_sources, _choose_paths)
            )
        return {
            "sources": cited,
            "questions": [Unanswered(row[0], _read_start(row[1]), ConversationId(row[2])) for row in asked],
            "paths": paths,
            "waiting": waiting[0],
            "waiting_since": read_time(waiting[1]),
            "judged": judged,
        }


_NOTHING: Mapping[str, Any] = dict.fromkeys((*SUMS, *LISTS))


def _add_up(
    connection: sa.Connection, scope: Scope, parts: Divided, keys: Sequence[str], names: Sequence[str]
) -> list[Mapping[str, Any]]:
    """One row for each of the keys: what the summed days and the records between them come to."""
    every = {**SUMS, **LISTS}
    kept_in = "record_sums" if scope.filters or keys != PERIOD else "record_days"
    filters = "".join(f" AND +{name} = :{name}" for name in scope.filters)
    added = ", ".join(f"{'group_concat' if name in LISTS else 'sum'}({name}) AS {name}" for name in names)
    by = ", ".join(keys)
    statement = f"""
        WITH
        kept(number, day) AS (
            SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:kept)
        ),
        gaps(number, since, until) AS (
            SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
            FROM json_each(:gaps)
        ),
        parts AS (
            SELECT {by}, {", ".join(names)} FROM kept
            CROSS JOIN {kept_in} ON until = day AND zone = :zone WHERE true{filters}
            UNION ALL
            SELECT {by}, {", ".join(f"{every[name]} AS {name}" for name in names)} FROM gaps
            CROSS JOIN records ON started_at >= since AND started_at < until WHERE true{filters} GROUP BY {by}
        )
        SELECT {by}, {added} FROM parts GROUP BY {by}
    """  # noqa: S608  # names of our own; what people asked for is bound
    kept, gaps = map(json.dumps, parts)
    asked = {"kept": kept, "gaps": gaps, "zone": scope.zone, **scope.filters}
    rows = connection.execute(sa.text(statement), asked)
    return [dict(zip((*keys, *names), row, strict=True)) for row in rows]


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


def _read_tally(row: Mapping[str, Any], names: Iterable[str]) -> Tally:
    """Of no conversation there is no sum, but a None."""
    return Tally(**{name: round(row[name] or 0, DECIMALS.get(name)) for name in names})


def _read_numbers(text: str | None) -> list[int]:
    """In their order. Read as JSON: there are a hundred thousand, and nothing reads them faster."""
    return sorted(from_json(f"[{text or ''}]"))


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
