"""The records beside the log: never older than they were, never without their conversation, made again when stale."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from firstline import indexer as indexer_module
from firstline.conversation import fold, new_conversation
from firstline.errors import StoreUnavailable
from firstline.events import (
    ContactLeft,
    ConversationClosed,
    ConversationStarted,
    CustomerIdentified,
    Event,
    HandoffRequested,
    Logged,
    MessagePosted,
    RecordChanged,
    TurnEnded,
    TurnStarted,
)
from firstline.indexer import INBOX, Indexer
from firstline.ledger import Ledger
from firstline.record import RECORD_VERSION, Record, build_record
from firstline.store import Filter
from firstline.store import records as records_module
from firstline.store.opening import open_records, open_store
from firstline.store.records import ALL_TABLES, SqlRecords, questions, records
from firstline.store.sql import SqlStore
from firstline.store.sums import days
from firstline.store.tallies import SqlArchive
from firstline.types import ConversationId, TurnId, Usage
from firstline.wire import build_known
from tests.support.events import identity, message
from tests.support.scripted import START
from tests.support.shop import open_shop
from tests.support.toy import make_bundle

pytestmark = pytest.mark.anyio

A, B, C = ConversationId("cv_a"), ConversationId("cv_b"), ConversationId("cv_c")
BUNDLE = make_bundle()
KNOWN = build_known(BUNDLE)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CANARY = "zyxomma petiolatum"
WAITS = HandoffRequested(at=START, reason="asked")


def begun(at: Any = START, bundle: str = "workshop") -> Event:
    return ConversationStarted(
        at=at, bundle=bundle, revision="r1", locale="en", token_sha256="0", expires_at=at + timedelta(days=30)
    )


def wrote(text: str, at: Any = START) -> Event:
    return MessagePosted(at=at, turn_id=TurnId("tn_1"), message=message(text, at=at))


def signed_in(customer_id: str, at: Any) -> Event:
    return CustomerIdentified(at=at, identity=identity(customer_id, name="Kim", expires_at=at + timedelta(hours=1)))


def record_of(conversation_id: ConversationId, *events: Event) -> Record:
    log = (Logged(seq, event) for seq, event in enumerate(events, start=1))
    return build_record(fold(log, onto=new_conversation(conversation_id)), KNOWN, START)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = open_store(f"sqlite:///{tmp_path / 'firstline.db'}")
    yield made
    made.close()


@pytest.fixture
def kept(store: SqlStore) -> SqlRecords:
    return open_records(store)


async def write(store: SqlStore, kept: SqlRecords, conversation_id: ConversationId, *events: Event) -> Record:
    """The log, and its record."""
    await store.append(conversation_id, events, after=0)
    record = record_of(conversation_id, *events)
    await kept.keep([record])
    return record


async def ids(kept: SqlRecords, **chosen: Any) -> list[str]:
    return [row.conversation_id for row in await kept.list(Filter(**chosen))]


async def returned(kept: SqlRecords) -> dict[str, int]:
    rows = await kept.select(sa.select(records.c.conversation_id, records.c.returned))
    return dict(map(tuple, rows))


async def rows_of(kept: SqlRecords, conversation_id: ConversationId) -> int:
    """How many rows there are of a conversation in all tables of the records."""
    each = [
        sa.select(sa.func.count()).select_from(table).where(table.c.conversation_id == conversation_id)
        for table in ALL_TABLES
    ]
    return sum(row[0] for row in await kept.select(sa.union_all(*each)))


# Keeping ------------------------------------------------------------------------------------------------------------


async def test_what_was_kept_is_found_as_it_was_made(store: SqlStore, kept: SqlRecords):
    record = await write(store, kept, A, begun(), wrote("hello"), replace_reason(WAITS))
    row = await kept.find(A)

    assert row is not None
    for name in row.__slots__:
        assert getattr(row, name) == getattr(record, name), name
    assert row.started_at.utcoffset() == timedelta(0)
    assert await kept.find(B) is None


def replace_reason(event: HandoffRequested) -> HandoffRequested:
    return event.model_copy(update={"reason": "upset"})


async def test_a_newer_record_takes_the_place_of_an_older_one_and_an_older_one_changes_nothing(
    store: SqlStore, kept: SqlRecords
):
    events = (begun(), wrote("first words"), wrote("second words"))
    older, newer = record_of(A, *events[:2]), record_of(A, *events)
    await store.append(A, events, after=0)

    await kept.keep([older])
    assert await ids(kept, words="second") == []
    await kept.keep([newer])
    await kept.keep([older])

    row = await kept.find(A)
    assert row is not None and (row.seq, row.subject) == (3, "second words")
    assert await ids(kept, words="second") == [A], "what is searched is of the same moment as what is listed"
    await kept.keep([newer, older])
    assert await ids(kept, words="second") == [A]


async def test_the_same_record_again_changes_nothing(store: SqlStore, kept: SqlRecords):
    record = await write(store, kept, A, begun(), wrote("hello"))
    before = await rows_of(kept, A)

    await asyncio.gather(*(kept.keep([record, record]) for _ in range(5)))

    assert await rows_of(kept, A) == before and await ids(kept) == [A]


async def test_what_is_written_again_has_the_sources_and_questions_of_now_and_no_others(
    store: SqlStore, kept: SqlRecords
):
    first = await write(store, kept, A, begun(), wrote("hello"))
    other = await write(store, kept, B, begun(), wrote("hello"))
    await kept.keep([replace(each, sources=("/one", "/two"), questions=("Why?",)) for each in (first, other)])
    await kept.keep([replace(first, sources=("/two", "/three"), questions=("Why?", "When?"))])

    assert [await ids(kept, source=url) for url in ("/one", "/two", "/three")] == [[B], [B, A], [A]]
    assert await questions_of(kept) == {A: ["Why?", "When?"], B: ["Why?"]}
    await kept.keep([replace(first, sources=(), questions=())])
    assert [await ids(kept, source=url) for url in ("/one", "/two", "/three")] == [[B], [B], []]
    assert await questions_of(kept) == {B: ["Why?"]}


async def questions_of(kept: SqlRecords) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    asked = sa.select(questions.c.conversation_id, questions.c.text)
    for conversation_id, text in await kept.select(asked.order_by(questions.c.number)):
        found.setdefault(conversation_id, []).append(text)
    return found


async def test_a_record_without_its_conversation_or_of_an_erased_one_is_left_out(store: SqlStore, kept: SqlRecords):
    record = await write(store, kept, A, begun(), wrote(CANARY))
    other = await write(store, kept, B, begun())
    await store.erase(A)

    await kept.keep([record, other, record_of(C, begun(), wrote(CANARY))])

    assert await ids(kept) == [B] and await ids(kept, words=CANARY) == []
    assert await rows_of(kept, A) == await rows_of(kept, C) == 0


async def test_a_store_that_cannot_be_written_keeps_all_or_none(
    store: SqlStore, kept: SqlRecords, monkeypatch: pytest.MonkeyPatch
):
    made = [record_of(each, begun(), wrote("hello")) for each in (A, B)]
    for each in (A, B):
        await store.append(each, (begun(), wrote("hello")), after=0)
    monkeypatch.setattr(records_module, "_mark_returned", _break)

    with pytest.raises(StoreUnavailable):
        await kept.keep(made)

    assert await ids(kept) == [] and await ids(kept, words="hello") == []


def _break(connection: sa.Connection, *_: object) -> None:
    connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")


# Stale, due ---------------------------------------------------------------------------------------------------------


async def test_what_is_behind_its_log_or_has_no_record_or_another_version_is_stale(store: SqlStore, kept: SqlRecords):
    behind = await write(store, kept, A, begun(START))
    await store.append(A, (wrote("hello"),), after=1)
    await store.append(B, (begun(START + MINUTE),), after=0)
    old = await write(store, kept, C, begun(START + 2 * MINUTE))
    assert await kept.stale(10) == [A, B]

    await kept.keep([replace(old, version=RECORD_VERSION - 1)])
    assert await kept.stale(10) == [A, B, C]
    assert (await kept.stale(2), await kept.stale(2, skip=2)) == ([A, B], [C])

    await kept.keep([replace(behind, seq=2), record_of(B, begun(START + MINUTE)), old])
    assert await kept.stale(10) == []
    await store.append(A, (wrote("hello"),), after=2)
    await store.erase(A)
    assert await kept.stale(10) == []


async def test_a_record_of_another_version_is_replaced_even_by_one_with_fewer_facts(
    store: SqlStore, kept: SqlRecords
):
    record = await write(store, kept, A, begun(), wrote("hello"))
    await kept.keep([replace(record, version=RECORD_VERSION + 1, seq=99, subject="of a newer version")])

    await kept.keep([record])

    row = await kept.find(A)
    assert row is not None and (row.seq, row.subject) == (2, "hello")


async def test_what_is_due_is_of_the_wanted_bundles_and_the_first_due_comes_first(store: SqlStore, kept: SqlRecords):
    late = await write(store, kept, A, begun())
    early = await write(store, kept, B, begun())
    other = await write(store, kept, C, begun(bundle="elsewhere"))
    await kept.keep([
        replace(late, due_at=START + HOUR), replace(early, due_at=START), replace(other, due_at=START),
    ])  # fmt: skip

    assert await kept.due(START - MINUTE, ["workshop"]) == []
    assert await kept.due(START, ["workshop"]) == [B]
    assert await kept.due(START + HOUR, ["workshop"]) == [B, A]
    assert await kept.due(START + HOUR, ["elsewhere"]) == [C]


# Lists and counts ---------------------------------------------------------------------------------------------------


async def test_the_waiting_are_listed_in_the_order_of_their_waiting_and_all_others_the_newest_first(
    store: SqlStore, kept: SqlRecords
):
    for each, started, waits in ((A, 0, 9), (B, 1, 3), (C, 2, 6)):
        at = START + started * MINUTE
        asks = HandoffRequested(at=START + waits * MINUTE, reason="asked")
        await write(store, kept, each, begun(at), wrote("hello", at), asks)

    assert await ids(kept, shelf="waiting") == [B, C, A]
    assert await ids(kept, shelf="active") == await ids(kept) == [A, C, B]
    assert await ids(kept, shelf="waiting", limit=1, offset=1) == [C]


async def test_everything_active_and_every_ticket_is_counted_by_bundle(store: SqlStore, kept: SqlRecords):
    left = ContactLeft(at=START, contact="kim@spoke.example")
    closed = ConversationClosed(at=START, by="customer")
    await write(store, kept, A, begun(), wrote("hello"), WAITS, left)
    await write(store, kept, B, begun(), wrote("hello"), WAITS, left, closed)
    await write(store, kept, C, begun(bundle="elsewhere"), wrote("hello"))

    assert dict(await kept.count()) == {"open": 1, "waiting": 1, "ticket": 2, "approvals": 0}
    assert dict(await kept.count("workshop")) == {"waiting": 1, "ticket": 2, "approvals": 0}
    assert dict(await kept.count("nowhere")) == {"ticket": 0, "approvals": 0}
    assert await ids(kept, shelf="ticket", bundle="workshop") != [] == await ids(kept, shelf="ticket", bundle="no")


@pytest.mark.parametrize("order", ["the first one first", "the second one first"])
@pytest.mark.parametrize(("hours", "counts"), [(71.9, 1), (72, 1), (72.1, 0)])
async def test_a_customer_who_is_back_within_three_days_was_not_helped_the_first_time(
    store: SqlStore, kept: SqlRecords, order: str, hours: float, counts: int
):
    again = START + timedelta(hours=hours)
    wanted = [
        (A, (begun(), signed_in("C-1", START))),
        (B, (begun(again), signed_in("C-1", again))),
        (C, (begun(again), signed_in("C-2", again))),
    ]
    for conversation_id, events in wanted if order == "the first one first" else reversed(wanted):
        await write(store, kept, conversation_id, *events)

    assert await returned(kept) == {A: counts, B: 0, C: 0}
    await kept.keep([record_of(A, *wanted[0][1])])
    assert (await returned(kept))[A] == counts, "made again, it is still so"


async def test_who_signs_in_later_is_back_all_the_same(store: SqlStore, kept: SqlRecords):
    again = START + HOUR
    await write(store, kept, A, begun(), signed_in("C-1", START))
    await write(store, kept, B, begun(again))
    assert await returned(kept) == {A: 0, B: 0}

    await kept.keep([replace(record_of(B, begun(again), signed_in("C-1", again)), seq=9)])

    assert await returned(kept) == {A: 1, B: 0}


async def test_nobody_who_is_not_signed_in_counts_as_returned(store: SqlStore, kept: SqlRecords):
    for each, minutes in ((A, 0), (B, 5)):
        await write(store, kept, each, begun(START + minutes * MINUTE), wrote("hello"))

    assert await returned(kept) == {A: 0, B: 0}


# The indexer --------------------------------------------------------------------------------------------------------


class Failing:
    """Records that cannot be written for a while. `kept`: what was to be written, one time after the other."""

    def __init__(self, kept: SqlRecords, times: int) -> None:
        self._kept = kept
        self.left = times
        self.kept: list[set[ConversationId]] = []

    async def keep(self, made: Any) -> None:
        self.kept.append({each.conversation_id for each in made})
        if self.left:
            self.left -= 1
            raise StoreUnavailable("the disk is full")
        await self._kept.keep(made)

    async def stale(self, limit: int, *, skip: int = 0) -> Any:
        return await self._kept.stale(limit, skip=skip)


class Bench:
    """An indexer on a store, and what it has told the inbox."""

    def __init__(self, store: SqlStore, kept: Any) -> None:
        self.told: list[ConversationId] = []
        self.now = START
        self._told_anew = asyncio.Event()
        archive = SqlArchive(store.engine, store.reader)
        self.indexer = Indexer(kept, {"workshop": KNOWN}, self._publish, lambda: self.now, archive=archive)
        self.ledger = Ledger(store, self.indexer.note, alone=True)

    def _publish(self, to: ConversationId, signals: Any) -> None:
        assert to == INBOX
        self.told += [each.conversation_id for each in signals if isinstance(each, RecordChanged)]
        self._told_anew.set()

    async def hears(self, conversation_id: ConversationId) -> None:
        """Returns when the inbox is told of this conversation, without anybody's asking."""
        async with asyncio.timeout(10):
            while conversation_id not in self.told:
                self._told_anew.clear()
                await self._told_anew.wait()
        self.told.clear()

    async def append(self, conversation_id: ConversationId, *events: Event) -> None:
        await self.ledger.append(await self.ledger.load(conversation_id), *events)

    async def settled(self) -> None:
        async with asyncio.timeout(10):
            await self.indexer.settled()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer_module, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(indexer_module, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(indexer_module, "CALM_SECONDS", 1_000.0)  # so that what waits for it is seen to wait


@pytest.fixture
async def bench(store: SqlStore, kept: SqlRecords) -> AsyncIterator[Bench]:
    made = Bench(store, Failing(kept, 0))
    yield made
    await made.indexer.close()


async def test_what_is_appended_is_in_the_records_a_moment_later_and_the_inbox_is_told(
    bench: Bench, kept: SqlRecords
):
    bench.indexer.start(bench.ledger)
    await bench.append(A, begun(), wrote("hello"))
    await bench.settled()

    assert await ids(kept) == [A] and bench.told[-1:] == [A] and await kept.stale(10) == []


async def test_steps_that_follow_soon_upon_each_other_share_one_record(store: SqlStore, kept: SqlRecords):
    counted = Failing(kept, 0)
    bench = Bench(store, counted)
    bench.indexer.start(bench.ledger)
    await bench.settled()
    turn = TurnId("tn_1")
    ended = TurnEnded(at=START, turn_id=turn, outcome="replied", usage=Usage(), cost_usd=0.0, model="none")
    for conversation_id in (A, B):
        for events in ((begun(), wrote("hello")), (TurnStarted(at=START, turn_id=turn),), (ended,)):
            await bench.append(conversation_id, *events)
    await bench.settled()
    await bench.indexer.close()

    assert counted.kept == [{A, B}]


@pytest.mark.parametrize(
    "urgent",
    [WAITS, ContactLeft(at=START, contact="kim@spoke.example"), ConversationClosed(at=START, by="customer")],
    ids=lambda event: event.type,
)
async def test_what_people_wait_for_is_told_at_once_and_brings_along_what_was_put_off(
    bench: Bench, kept: SqlRecords, urgent: Event
):
    bench.indexer.start(bench.ledger)
    await bench.append(A, begun(), wrote("hello"))
    await bench.append(B, begun(), wrote("hello"))
    await bench.append(B, urgent)

    await bench.hears(B)
    assert {*await ids(kept)} == {A, B}


async def test_a_message_between_people_is_told_at_once(bench: Bench, kept: SqlRecords):
    bench.indexer.start(bench.ledger)
    await bench.append(A, begun(), WAITS)
    await bench.hears(A)
    await bench.append(A, MessagePosted(at=START, message=message("are you there?", at=START)))

    await bench.hears(A)
    row = await kept.find(A)
    assert row is not None and row.subject == "are you there?"


async def test_days_that_have_ended_are_summed_at_the_start_and_from_minute_to_minute(
    store: SqlStore, kept: SqlRecords
):
    bench = Bench(store, Failing(kept, 0))
    await store.append(A, (begun(START - 50 * HOUR), wrote("hello")), after=0)
    bench.indexer.start(bench.ledger)
    await bench.settled()
    assert await days_summed(kept) == 2

    for minutes in (0, 24 * 60):
        bench.now = START + minutes * MINUTE
        await bench.append(ConversationId(f"cv_{minutes}"), begun(bench.now), wrote("hello"))
        await bench.settled()
    await bench.indexer.close()
    assert await days_summed(kept) == 3


async def days_summed(kept: SqlRecords) -> int:
    return (await kept.select(sa.select(sa.func.count()).select_from(days)))[0][0]


async def test_what_an_earlier_process_left_stale_is_made_at_the_start(
    bench: Bench, store: SqlStore, kept: SqlRecords
):
    for number in range(5):
        await store.append(ConversationId(f"cv_{number}"), (begun(), wrote("hello")), after=0)
    await store.append(A, (begun(bundle="elsewhere"),), after=0)
    bench.indexer.start(bench.ledger)
    await bench.settled()

    assert {*await ids(kept)} == {f"cv_{number}" for number in range(5)}
    assert await kept.stale(10) == [A], "a business that is not served here is left as it is"


async def test_more_than_a_batch_of_what_is_not_served_keeps_nothing_stale_that_is(
    bench: Bench, store: SqlStore, kept: SqlRecords, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(indexer_module, "BATCH", 2)
    for number in range(9):
        bundle = "workshop" if number % 3 == 2 else "elsewhere"
        at = START + number * MINUTE
        await store.append(ConversationId(f"cv_{number}"), (begun(at, bundle),), after=0)
    bench.indexer.start(bench.ledger)
    await bench.settled()

    assert {*await ids(kept)} == {"cv_2", "cv_5", "cv_8"}


@pytest.mark.parametrize("times", [1, 3])
async def test_a_store_that_fails_for_a_while_loses_no_record(store: SqlStore, kept: SqlRecords, times: int):
    failing = Failing(kept, 0)
    bench = Bench(store, failing)
    bench.indexer.start(bench.ledger)
    await bench.append(A, begun(), wrote("hello"))
    await bench.settled()
    failing.left = times
    await bench.append(A, wrote("again"))
    await bench.append(B, begun(), wrote("hello"))
    await bench.settled()
    await bench.indexer.close()

    row = await kept.find(A)
    assert row is not None and row.subject == "again" and failing.left == 0
    assert {*await ids(kept)} == {A, B} and {*bench.told} == {A, B}


async def test_one_log_of_which_no_record_can_be_made_keeps_back_no_other(
    bench: Bench, store: SqlStore, kept: SqlRecords, monkeypatch: pytest.MonkeyPatch
):
    def build_some(conversation: Any, *how: Any) -> Record:
        if conversation.conversation_id == A:
            raise ValueError("a mistake of ours")
        return build_record(conversation, *how)

    monkeypatch.setattr(indexer_module, "build_record", build_some)
    for each in (A, B):
        await store.append(each, (begun(), wrote("hello")), after=0)
    bench.indexer.start(bench.ledger)
    await bench.settled()
    assert await ids(kept) == [B]

    await asyncio.gather(bench.append(A, wrote("again")), bench.append(C, begun(), wrote("hello")))
    await bench.settled()
    assert {*await ids(kept)} == {B, C}


async def test_an_erased_conversation_does_not_come_back_by_a_record_that_was_under_way(
    bench: Bench, store: SqlStore, kept: SqlRecords
):
    bench.indexer.start(bench.ledger)
    await bench.append(A, begun(), wrote(CANARY))
    await bench.ledger.erase(A)
    await bench.settled()

    assert await ids(kept) == [] and await rows_of(kept, A) == 0


async def test_after_a_restart_with_another_version_every_record_is_made_again(tmp_path: Path):
    async with open_shop(tmp_path) as shop:
        customers = [await shop.client.start() for _ in range(3)]
        for customer in customers:
            await customer.ask("hello")
        await shop.service.indexer.settled()
        with shop.store.engine.begin() as connection:
            connection.execute(records.update().values(version=RECORD_VERSION - 1, subject="of old"))
    async with open_shop(tmp_path) as shop:
        await shop.service.indexer.settled()
        rows = await shop.service.records.list(Filter())

        assert [row.subject for row in rows] == ["hello"] * 3
        assert await shop.service.records.stale(10) == []
