"""What every archive counts, held against the plainest counting there is: one record after the other, in Python."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from firstline.bundle import Bundle, DemoCustomer
from firstline.errors import StoreUnavailable
from firstline.record import Record
from firstline.report import Archive, Group, Tallies, Tally
from firstline.report.scope import Scope
from firstline.store.opening import open_store
from firstline.store.records import records
from firstline.store.sql import SqlStore
from firstline.store.sums import sum_days
from firstline.store.tallies import SqlArchive
from firstline.types import ConversationId
from tests.support.past import UNTIL, Past, fill_past, make_past
from tests.support.sample_bundle import make_bundle

pytestmark = pytest.mark.anyio

ZONE = "America/New_York"
COUNT = 700
PAIRS = ("accuracy", "cited", "declined", "answered", "quoted", "escalated")
RUNGS = ("contained", "abandoned", "handed_off")
MONTH = Scope(date(2026, 10, 25), date(2026, 11, 23), ZONE)
WEEK = Scope(date(2026, 11, 2), date(2026, 11, 8), ZONE)
YEARS = Scope(date(2024, 1, 1), date(2026, 11, 23), ZONE)
SCOPES = {
    "a month by day": MONTH,
    "a week": WEEK,
    "years by four weeks": YEARS,
    "one language": replace(MONTH, locale="zh"),
    "one playbook and revision": replace(MONTH, playbook="price", revision="c4419a70"),
    "this business": replace(MONTH, bundle="workshop"),
    "another business": replace(MONTH, bundle="bakery"),
    "before all of it": Scope(date(2026, 1, 1), date(2026, 1, 31), ZONE),
}


@dataclass
class Filled:
    """An archive of a past that the test knows record by record."""

    archive: Archive
    past: Sequence[Past]
    store: SqlStore

    def within(self, scope: Scope, first: datetime, end: datetime) -> list[Past]:
        def fits(record: Record) -> bool:
            return all(getattr(record, name) == value for name, value in scope.filters.items())

        return [each for each in self.past if first <= each.record.started_at < end and fits(each.record)]

    def whole(self, scope: Scope) -> list[Past]:
        return self.within(scope, scope.cuts[0], scope.cuts[-1])


def make_shop() -> Bundle:
    """The workshop, with a customer who may come back."""
    kim = DemoCustomer(id="C-1", name="Kim", note={"en": "two bicycles"})
    return make_bundle(demo_customers=(kim,))


@pytest.fixture(scope="module", params=["no day summed", "the days summed"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    bundle = make_shop()
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('archive') / 'firstline.db'}")
    fill_past(store.engine, bundle, COUNT, seed=3)
    if request.param == "the days summed":
        sum_days(store.engine, store.reader, ZONE, UNTIL)
    return Filled(SqlArchive(store.engine, store.reader), list(make_past(bundle, COUNT, seed=3)), store)


def count_plainly(past: Sequence[Past]) -> Tally:
    """What one period is to come to."""
    every = [each.record for each in past]
    moods = [(each.mood_start, each.mood) for each in every if each.mood_start is not None and each.mood is not None]
    pairs = {
        f"{pair}_{side}": sum(getattr(r.scores, f"{pair}_{side}") for r in every)
        for pair in PAIRS
        for side in ("n", "ok")
    }
    within = {
        f"{pair}_in": sum(getattr(r.scores, f"{pair}_n") > 0 for r in every) for pair in PAIRS if pair != "cited"
    }
    return Tally(
        total=len(every),
        **{rung: sum(each.rung == rung for each in every) for rung in RUNGS},  # pyright: ignore[reportArgumentType]
        confirmed=sum(each.confirmed for each in every),
        surveys=sum(each.survey is not None for each in every),
        survey_sum=sum(each.survey or 0 for each in every),
        mood_n=len(moods),
        mood_ok=sum(end >= start for start, end in moods),
        mood_low=sum(start < 0 for start, _ in moods),
        mood_rose=sum(start < 0 and end > start for start, end in moods),
        mood_fell=sum(start >= 0 and end < start for start, end in moods),
        tokens=sum(each.tokens for each in every),
        assistant_seconds=pytest.approx(sum(each.assistant_seconds for each in every)),  # pyright: ignore
        withheld=sum(each.scores.withheld for each in every),
        **pairs,  # pyright: ignore[reportArgumentType]
        **within,  # pyright: ignore[reportArgumentType]
    )


def group_plainly(past: Sequence[Past], key: Callable[[Record], Group]) -> dict[Group, Tally]:
    grouped: dict[Group, list[Past]] = {}
    for each in past:
        grouped.setdefault(key(each.record), []).append(each)
    return {
        group: Tally(
            total=len(parts),
            empty=sum(each.record.rung == "empty" for each in parts),
            **{rung: sum(each.record.rung == rung for each in parts) for rung in RUNGS},  # pyright: ignore
            returned=sum(each.returned and each.record.rung == "contained" for each in parts),
            surveys=sum(each.record.survey is not None for each in parts),
            survey_sum=sum(each.record.survey or 0 for each in parts),
            cost_usd=pytest.approx(sum(each.record.cost_usd for each in parts)),  # pyright: ignore
        )
        for group, parts in grouped.items()
    }


async def tally(filled: Filled, scope: Scope) -> Tallies:
    return await filled.archive.tally(scope)


def test_the_past_has_some_of_everything_that_is_counted(filled: Filled) -> None:
    whole = count_plainly(filled.whole(MONTH))

    assert whole.total == COUNT
    assert not [
        name
        for name in (*RUNGS, "confirmed", "surveys", "mood_rose", "mood_fell", "withheld")
        if not getattr(whole, name)
    ]
    assert any(each.returned for each in filled.past)
    assert any(each.record.questions for each in filled.past)


@pytest.mark.parametrize("name", SCOPES)
async def test_each_period_is_summed(filled: Filled, name: str) -> None:
    scope = SCOPES[name]
    counted = await tally(filled, scope)
    plainly = [
        count_plainly(filled.within(scope, first, end))
        for first, end in zip(scope.cuts, scope.cuts[1:], strict=False)
    ]
    assert list(counted.periods) == plainly


@pytest.mark.parametrize("name", SCOPES)
async def test_each_group_is_summed(filled: Filled, name: str) -> None:
    counted = await tally(filled, SCOPES[name])
    plainly = group_plainly(
        filled.whole(SCOPES[name]),
        lambda record: Group(record.bundle, record.revision, record.locale, record.playbook),
    )
    assert counted.groups == plainly


@pytest.mark.parametrize("name", SCOPES)
async def test_times_are_gathered_of_those_that_were_seen_to_their_end(filled: Filled, name: str) -> None:
    scope = SCOPES[name]
    counted = await tally(filled, scope)
    for handling, first, end in zip(counted.handling, scope.cuts, scope.cuts[1:], strict=False):
        found = [each.record for each in filled.within(scope, first, end) if each.record.handling_seconds is not None]
        for rung in ("contained", "handed_off"):
            seconds = sorted(each.handling_seconds or 0 for each in found if each.rung == rung)
            assert list(getattr(handling, rung)) == pytest.approx(seconds, abs=0.51)
        waits = [each.record.waited_seconds for each in filled.within(scope, first, end)]
        waited = sorted(seconds for seconds in waits if seconds is not None)
        assert list(handling.waited) == pytest.approx(waited, abs=0.51)


@pytest.mark.parametrize("name", SCOPES)
async def test_grades_reasons_sources_paths_and_questions_are_counted(filled: Filled, name: str) -> None:
    counted = await tally(filled, SCOPES[name])
    past = [each.record for each in filled.whole(SCOPES[name])]
    asked = [(text, each.started_at, each.conversation_id) for each in reversed(past) for text in each.questions]

    assert counted.grades == Counter(each.survey for each in past if each.survey)
    assert counted.reasons == Counter(each.reason for each in past if each.rung == "handed_off")
    assert counted.handed_off_closed == sum(each.rung == "handed_off" and each.status == "closed" for each in past)
    assert counted.sources == Counter(url for each in past for url in each.sources)
    assert counted.paths == Counter(each.path for each in past)
    assert [(each.text, each.at, each.conversation_id) for each in counted.questions] == asked


async def test_who_waits_now_is_told_whatever_the_period(filled: Filled) -> None:
    waiting = [each.record for each in filled.past if each.record.status == "waiting"]
    counted = await tally(filled, SCOPES["before all of it"])

    assert waiting
    assert counted.waiting == len(waiting)
    assert counted.waiting_since == min(each.waiting_since for each in waiting if each.waiting_since)


async def test_all_together_are_the_periods_with_what_only_the_groups_know(filled: Filled) -> None:
    whole = (await tally(filled, MONTH)).whole

    assert whole.total == whole.ended + whole.going + whole.empty == COUNT
    assert whole.returned == sum(each.returned and each.record.rung == "contained" for each in filled.past)
    assert whole.cost_usd == pytest.approx(sum(each.record.cost_usd for each in filled.past))


async def test_no_question_reads_a_row_that_an_index_could_tell(filled: Filled) -> None:
    """The plan of each question: never the table itself, and nothing sorted that an index has in order."""
    asked: list[tuple[str, object]] = []
    engine = filled.store.reader

    def listen(connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", listen)
    await filled.archive.tally(MONTH)
    sa.event.remove(engine, "before_cursor_execute", listen)
    with engine.connect() as connection:
        plans = {
            statement: " / ".join(
                row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            )
            for statement, parameters in dict(asked).items()
            if (" records" in statement or "record_sources" in statement) and "judgements" not in statement
        }
    assert len(plans) == 5
    waiting = next(statement for statement in plans if "waiting_since" in statement)
    assert "records_active" in plans.pop(waiting)
    assert not [plan for plan in plans.values() if "COVERING INDEX" not in plan]
    added = [plan for plan in plans.values() if "record_days" in plan or "record_sums" in plan]
    assert ["SEARCH record_days USING PRIMARY KEY" in plan for plan in added] == [True, False]
    assert ["SEARCH record_sums USING INDEX" in plan for plan in added] == [False, True]
    assert not [plan for plan in plans.values() if "TEMP B-TREE FOR GROUP BY" in plan and plan not in added]


async def test_an_erased_conversation_is_counted_no_more(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'firstline.db'}")
    bundle = make_bundle()
    fill_past(store.engine, bundle, 40, seed=5)
    archive = SqlArchive(store.engine, store.reader)
    gone = next(each.record for each in make_past(bundle, 40, seed=5) if each.record.sources)
    before = await archive.tally(MONTH)
    await store.erase(ConversationId(gone.conversation_id))
    after = await archive.tally(MONTH)

    assert after.whole.total == before.whole.total - 1 == 39
    assert sum(after.sources.values()) == sum(before.sources.values()) - len(gone.sources)
    store.close()


async def test_a_store_that_cannot_be_read_is_unavailable(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'firstline.db'}")
    with store.engine.begin() as connection:
        records.drop(connection)

    with pytest.raises(StoreUnavailable):
        await SqlArchive(store.engine, store.reader).tally(MONTH)
    store.close()


def test_the_past_is_the_same_for_the_same_seed_and_within_its_days() -> None:
    bundle = make_bundle()
    one, same, other = (list(make_past(bundle, 60, seed=seed)) for seed in (1, 1, 2))
    starts = [each.record.started_at for each in one]

    assert one == same != other
    assert starts == sorted(starts)
    assert datetime(2026, 11, 23, 17, 0, tzinfo=UTC) - starts[0] < timedelta(days=31)
