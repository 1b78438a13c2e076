"""What is summed by day is what counting the records one by one would give, whatever happens to them."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from firstline.record import RECORD_VERSION, Record
from firstline.report import Tallies
from firstline.report.scope import Scope, midnight
from firstline.store.opening import open_store
from firstline.store.records import write_records, write_time
from firstline.store.sql import SqlStore, conversations
from firstline.store.sums import days, divide, sum_days, sums
from firstline.store.tallies import SqlArchive
from firstline.types import ConversationId
from tests.support.past import UNTIL, fill_past, make_past
from tests.support.sample_bundle import make_bundle

pytestmark = pytest.mark.anyio

ZONES = ("America/New_York", "Asia/Kolkata")
FIRST, LAST = date(2026, 10, 20), date(2026, 11, 23)
ODD = {"rung": "abandoned", "reason": None, "survey": 1, "cost_usd": 0.1, "handling_seconds": 7.4, "playbook": None}
"""What becomes of a record that is written again: another group, and other figures in every sum."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = open_store(f"sqlite:///{tmp_path / 'firstline.db'}")
    yield made
    made.close()


class Scene:
    """A past that goes on to change."""

    def __init__(self, store: SqlStore, count: int, chance: Random) -> None:
        self.store = store
        self.chance = chance
        bundle = make_bundle()
        fill_past(store.engine, bundle, count, seed=7)
        self.records = [each.record for each in make_past(bundle, count, seed=7)]
        self.archive = SqlArchive(store.engine, store.reader)

    def pick(self) -> Record:
        return self.chance.choice(self.records)

    def write(self, *made: Record) -> None:
        with self.store.engine.begin() as connection:
            write_records(connection, made)

    # What may happen

    async def write_again(self) -> None:
        old = self.pick()
        self.records.remove(old)
        self.records.append(replace(old, seq=old.seq + 1, **ODD))  # pyright: ignore[reportArgumentType]
        self.write(self.records[-1])

    async def make_anew(self) -> None:
        """As after a new version: every record of a moment, and not one fact more."""
        few = [replace(each, version=RECORD_VERSION + 1) for each in self.records if self.chance.random() < 0.1]
        self.write(*few)
        self.write(*(replace(each, version=RECORD_VERSION) for each in few))

    async def begin_another(self) -> None:
        """At any time, also at midnight to the microsecond."""
        old, zone = self.pick(), self.chance.choice(ZONES)
        old = replace(old, started_at=self.chance.choice((old.started_at, midnight(old.started_at.date(), zone))))
        name = ConversationId(f"cv_{self.chance.randrange(10**9)}")
        started = {"conversation_id": name, "last_seq": 9, "started_at": write_time(old.started_at)}
        with self.store.engine.begin() as connection:
            connection.execute(conversations.insert(), started)
        self.records.append(replace(old, conversation_id=name, customer_key="kim"))  # and so one of them has returned
        self.write(self.records[-1])

    async def erase(self) -> None:
        gone = self.pick()
        self.records.remove(gone)
        await self.store.erase(gone.conversation_id)

    async def sum(self) -> None:
        await self.archive.sum_days(self.chance.choice(ZONES), UNTIL - timedelta(days=self.chance.randrange(9)))

    @property
    def all_that_may_happen(self) -> list[Callable[[], object]]:
        return [self.write_again, self.make_anew, self.begin_another, self.erase, self.sum, self.sum]


async def count(archive: SqlArchive) -> list[Tallies]:
    whole = [Scope(FIRST, LAST, zone) for zone in ZONES]
    parts = [Scope(FIRST, LAST - timedelta(days=3), ZONES[0], locale="zh"), Scope(date(2024, 1, 1), LAST, ZONES[1])]
    return [await archive.tally(scope) for scope in (*whole, *parts)]


def forget(store: SqlStore) -> int:
    """Forget every sum; how many days there were."""
    with store.engine.begin() as connection:
        return connection.execute(days.delete()).rowcount


def summed(store: SqlStore, zone: str = ZONES[0]) -> set[str]:
    with store.reader.connect() as connection:
        return set(connection.scalars(sa.select(days.c.since).where(days.c.zone == zone)))


def rows_with_sums(store: SqlStore) -> int:
    with store.reader.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(sums)) or 0


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_to_records_the_sums_tell_what_the_records_tell(store: SqlStore, seed: int) -> None:
    chance = Random(seed)
    scene = Scene(store, 250, chance)
    await scene.archive.sum_days(ZONES[0], UNTIL)
    used = 0
    for _ in range(5):
        for act in chance.choices(scene.all_that_may_happen, k=4):
            await act()  # pyright: ignore[reportGeneralTypeIssues]
        with_sums = await count(scene.archive)
        used += forget(store)
        assert with_sums == await count(scene.archive)
        assert sum(each.total for each in with_sums[0].periods) == len(scene.records)
        await scene.sum()
    assert used > 30, "else nothing was tried"


async def test_a_conversation_that_is_erased_leaves_the_sums_in_the_same_moment(store: SqlStore) -> None:
    scene = Scene(store, 1, Random(1))
    await scene.archive.sum_days(ZONES[0], UNTIL)
    assert rows_with_sums(store) == 1

    await store.erase(scene.records[0].conversation_id)

    assert rows_with_sums(store) == 0


async def test_what_changes_in_one_day_takes_the_sums_of_no_other_away(store: SqlStore) -> None:
    scene = Scene(store, 200, Random(1))
    for zone in ZONES:
        await scene.archive.sum_days(zone, UNTIL)
    before = summed(store)
    changed = scene.records[100]

    scene.write(replace(changed, seq=changed.seq + 1))

    (gone,) = before - summed(store)
    assert gone <= write_time(changed.started_at) < write_time(datetime.fromisoformat(gone) + timedelta(days=1))


async def test_a_day_is_summed_once_it_has_ended_and_no_sooner(store: SqlStore) -> None:
    scene = Scene(store, 200, Random(1))
    midnight = datetime(2026, 11, 20, 5, tzinfo=UTC)  # in New York

    await scene.archive.sum_days(ZONES[0], midnight - timedelta(seconds=1))
    assert max(summed(store)) == write_time(midnight - timedelta(days=2))
    await scene.archive.sum_days(ZONES[0], midnight)
    assert max(summed(store)) == write_time(midnight - timedelta(days=1))


async def test_two_that_sum_at_once_sum_each_day_once(store: SqlStore) -> None:
    scene = Scene(store, 200, Random(1))
    await asyncio.gather(*(scene.archive.sum_days(ZONES[0], UNTIL) for _ in range(3)))
    (with_sums, *_) = await count(scene.archive)

    assert forget(store) > 20
    assert with_sums == (await count(scene.archive))[0]


def test_an_empty_store_has_no_day_to_sum(store: SqlStore) -> None:
    sum_days(store.engine, store.reader, ZONES[0], UNTIL)

    assert summed(store) == set()


moments = st.lists(st.integers(0, 40), min_size=2, max_size=8, unique=True).map(sorted)
lengths = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 6)), max_size=12)


@given(moments, lengths)
def test_every_moment_is_counted_once_whatever_days_are_summed(cuts: list[int], some: list[tuple[int, int]]) -> None:
    def write(moment: int) -> str:
        return f"{moment:02}"

    spans = {write(begin + length): write(begin) for begin, length in some}
    kept, gaps = divide(pairwise(map(write, cuts)), [(spans[until], until) for until in sorted(spans)])
    counted: list[tuple[int, int]] = []
    for number, until in kept:
        counted += [(number, moment) for moment in range(int(spans[until]), int(until))]
    for number, since, until in gaps:
        counted += [(number, moment) for moment in range(int(since), int(until))]

    wanted = [(number, moment) for number, (a, b) in enumerate(pairwise(cuts)) for moment in range(a, b)]
    assert sorted(counted) == wanted
