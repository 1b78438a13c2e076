"""The records summed by day, so that a report of years need not read each of them.

A day is summed once it has ended, in the time zone in which reports are asked for. Whatever changes one of its
records (a later word, an erasure, a new definition) takes its sums away in the same transaction: triggers see to it,
whoever writes. So what stands here is right, and a day that does not is counted from its records, by `store.tallies`.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import sqlalchemy.event

from firstline.report import Group, Tally
from firstline.report.scope import midnight
from firstline.store.records import records, write_time
from firstline.store.sql import metadata

DAYS_AT_ONCE = 10
"""So few that nobody who waits to write notices."""

_PAIRS = ("accuracy", "cited", "declined", "answered", "quoted", "escalated")
SUMS = {
    "total": "count(*)",
    "empty": "sum(rung = 'empty')",
    "contained": "sum(rung = 'contained')",
    "abandoned": "sum(rung = 'abandoned')",
    "handed_off": "sum(rung = 'handed_off')",
    "handed_off_closed": "sum(rung = 'handed_off' AND status = 'closed')",
    "returned": "sum(returned * (rung = 'contained'))",
    "confirmed": "sum(confirmed)",
    "surveys": "count(survey)",
    "survey_sum": "sum(survey)",
    "mood_n": "count(mood_start)",
    "mood_ok": "sum(mood >= mood_start)",
    "mood_low": "sum(mood_start < 0)",
    "mood_rose": "sum(mood_start < 0 AND mood > mood_start)",
    "mood_fell": "sum(mood_start >= 0 AND mood < mood_start)",
    "cost_usd": "sum(cost_usd)",
    "tokens": "sum(tokens)",
    "assistant_seconds": "sum(assistant_seconds)",
    "withheld": "sum(withheld)",
    **{f"{pair}_{side}": f"sum({pair}_{side})" for pair in _PAIRS for side in ("n", "ok")},
    **{f"{pair}_in": f"sum({pair}_n > 0)" for pair in _PAIRS if pair != "cited"},
}
"""What is added up, by its name in `Tally`, as a question to the records."""

LISTS = {
    **{
        f"{rung}_seconds": f"group_concat(CASE rung WHEN '{rung}' THEN CAST(handling_seconds + 0.5 AS INTEGER) END)"
        for rung in ("contained", "handed_off")
    },
    "waited_seconds": "group_concat(CAST(waited_seconds + 0.5 AS INTEGER))",
    "reasons": "group_concat(CASE rung WHEN 'handed_off' THEN reason END)",
    "grades": "group_concat(survey)",
}
"""What is kept one by one, as one text: medians cannot be added, and a row for each would cost the interpreter."""

_FLOATS = {each.name for each in fields(Tally) if isinstance(each.default, float)}


def _columns() -> list[sa.Column[Any]]:
    added = [sa.Column(name, sa.Float if name in _FLOATS else sa.Integer) for name in SUMS]
    return [*added, *(sa.Column(name, sa.Text) for name in LISTS)]


days = sa.Table(
    "record_days",  # a day as a whole
    metadata,
    sa.Column("until", sa.Text, primary_key=True),
    sa.Column("zone", sa.Text, primary_key=True),
    sa.Column("since", sa.Text, nullable=False),
    *_columns(),
    sqlite_with_rowid=False,
)
sums = sa.Table(
    "record_sums",  # the same by what the report's tables divide
    metadata,
    sa.Column("until", sa.Text, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    *(sa.Column(name, sa.Text, nullable=name == "playbook") for name in Group._fields),
    *_columns(),
    sa.Index("record_sums_by_day", "until", "zone"),
)
ALL_TABLES = (days, sums)
days.add_is_dependent_on(records)  # since triggers stand on it
sums.add_is_dependent_on(days)

_FORGET = "DELETE FROM record_days WHERE until > {row}.started_at AND since <= {row}.started_at;"
_TRIGGERS = [
    (days, "record_days_insert", "INSERT ON records", _FORGET.format(row="NEW")),
    (days, "record_days_update", "UPDATE ON records", _FORGET.format(row="OLD") + " " + _FORGET.format(row="NEW")),
    (days, "record_days_delete", "DELETE ON records", _FORGET.format(row="OLD")),
    (
        sums,
        "record_sums_delete",
        "DELETE ON record_days",
        "DELETE FROM record_sums WHERE until = OLD.until AND zone = OLD.zone;",
    ),
]
for _table, _name, _change, _act in _TRIGGERS:
    _trigger = sa.DDL(f"CREATE TRIGGER {_name} AFTER {_change} BEGIN {_act} END")
    sqlalchemy.event.listen(_table, "after_create", _trigger)

_KEYS = ", ".join(Group._fields)
_NAMES = ", ".join((*SUMS, *LISTS))
_ADDED = ", ".join((*SUMS.values(), *LISTS.values()))
_OF_DAY = "FROM records WHERE started_at >= :since AND started_at < :until"
_ADD_DAY = sa.text(
    f"INSERT OR IGNORE INTO record_days (until, zone, since, {_NAMES})"
    f" SELECT :until, :zone, :since, {_ADDED} {_OF_DAY}"
)
_ADD_PARTS = sa.text(
    f"INSERT INTO record_sums (until, zone, {_KEYS}, {_NAMES})"
    f" SELECT :until, :zone, {_KEYS}, {_ADDED} {_OF_DAY} GROUP BY {_KEYS}"
)
_FIRST = sa.text("SELECT min(started_at) FROM records")
_SUMMED = sa.select(days.c.since, days.c.until).where(days.c.zone == sa.bindparam("zone"))

Span = tuple[str, str]
"""From a moment to another, which is not included, as the records write them."""

Divided = tuple[list[tuple[int, str]], list[tuple[int, str, str]]]


def sum_days(engine: sa.Engine, reader: sa.Engine, zone: str, before: datetime) -> None:
    """Sum every day of this zone that ended by then, and is not summed."""
    with reader.connect() as connection:
        first: str | None = connection.execute(_FIRST).scalar()
        summed = set(map(tuple, connection.execute(_SUMMED, {"zone": zone})))
    if first is None:
        return
    missing = [day for day in _list_days(datetime.fromisoformat(first), before, zone) if day not in summed]
    for begin in range(0, len(missing), DAYS_AT_ONCE):
        with engine.begin() as connection:
            for since, until in missing[begin : begin + DAYS_AT_ONCE]:
                day = {"since": since, "until": until, "zone": zone}
                if connection.execute(_ADD_DAY, day).rowcount:
                    connection.execute(_ADD_PARTS, day)


def read_summed(connection: sa.Connection, zone: str, span: Span) -> Sequence[Span]:
    """The days that are summed of a time, in their order."""
    wanted = _SUMMED.where(days.c.until > span[0], days.c.until <= span[1]).order_by(days.c.until)
    return [(since, until) for since, until in connection.execute(wanted, {"zone": zone})]


def divide(spans: Iterable[Span], summed: Sequence[Span]) -> Divided:
    """What to add up for each of these spans, by its number: the days that are summed, by their end; and the gaps
    between them. Every moment is in exactly one of these; a day that is not wholly within a span is not used.

    summed: in the order of their ends.
    """
    kept: list[tuple[int, str]] = []
    gaps: list[tuple[int, str, str]] = []
    ends = [until for _, until in summed]
    for number, (begin, end) in enumerate(spans):
        place = begin
        for since, until in summed[bisect_right(ends, begin) : bisect_right(ends, end)]:
            if since >= place:
                gaps.append((number, place, since))
                kept.append((number, until))
                place = until
        gaps.append((number, place, end))
    return kept, [gap for gap in gaps if gap[1] < gap[2]]


def _list_days(first: datetime, before: datetime, zone: str) -> Iterator[Span]:
    begin, end = (moment.astimezone(ZoneInfo(zone)).date() for moment in (first, before))
    yield from pairwise(write_time(midnight(day, zone)) for day in _count_up(begin, end))


def _count_up(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
