"""What every store keeps to, and what the embedded one promises beyond: durable, ordered, fenced, forgetful."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import sqlalchemy.event
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.errors import Conflict, StoreUnavailable
from firstline.events import Event, Logged, MessagePosted
from firstline.store import Store
from firstline.store import opening as opening_module
from firstline.store import sql as sql_module
from firstline.store.opening import check_integrity, open_store
from firstline.store.sql import SqlStore
from firstline.types import ConversationId, TurnId
from tests.support.events import START, Story, message, started, stories

pytestmark = pytest.mark.anyio

A, B = ConversationId("cv_a"), ConversationId("cv_b")
CANARY = "canary-4711-secret"


def post(text: str = "hello", *, turn_id: str | None = None) -> Event:
    return MessagePosted(at=START, turn_id=TurnId(turn_id) if turn_id else None, message=message(text))


def unstorable() -> Event:
    """A fact that a store cannot write: half of a surrogate pair, as a client's JSON can hold it."""
    return started().model_copy(update={"client": {"page": "\ud800"}})


def url_in(folder: Path) -> str:
    return f"sqlite:///{folder / 'firstline.db'}"


@contextmanager
def opened(folder: Path) -> Iterator[SqlStore]:
    store = open_store(url_in(folder))
    try:
        yield store
    finally:
        store.close()


@pytest.fixture(params=["sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as made:
        yield made


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqlStore]:
    with opened(tmp_path) as made:
        yield made


async def texts_of(store: Store, conversation_id: ConversationId) -> list[str]:
    return [logged.event.message.text for logged in await store.read(conversation_id)]  # pyright: ignore


# Appending and reading ----------------------------------------------------------------------------------------------


async def test_what_was_appended_is_read_in_order_numbered_from_1(store: Store) -> None:
    assert await store.append(A, [started(), post("one")], after=0) == 2
    assert await store.append(A, [post("two")], after=2) == 3

    assert await store.read(A) == [Logged(1, started()), Logged(2, post("one")), Logged(3, post("two"))]


async def test_reading_after_a_place_gives_what_comes_behind_it(store: Store) -> None:
    await store.append(A, [post(str(number)) for number in range(5)], after=0)

    assert [logged.seq for logged in await store.read(A, after=3)] == [4, 5]
    assert await store.read(A, after=5) == []
    assert await store.read(A, after=99) == []


async def test_an_unknown_conversation_is_empty(store: Store) -> None:
    assert await store.read(A) == []
    assert await store.unfinished() == []


async def test_conversations_do_not_see_each_other(store: Store) -> None:
    await store.append(A, [post("of a")], after=0)
    await store.append(B, [post("of b")], after=0)

    assert await texts_of(store, A) == ["of a"]
    assert await texts_of(store, B) == ["of b"]


@pytest.mark.parametrize("hostile", ["cv_' OR 1=1 --", "cv_%", "cv_\x00a", "会话", "cv_" + "x" * 500])
async def test_an_id_is_only_an_id(store: Store, hostile: str) -> None:
    await store.append(A, [post("of a")], after=0)
    await store.append(ConversationId(hostile), [post("of another")], after=0)

    assert await texts_of(store, ConversationId(hostile)) == ["of another"]
    assert await texts_of(store, A) == ["of a"]


# The fence ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 1, 3, -1, 10**6])
async def test_an_append_whose_view_is_old_or_invented_is_refused_and_writes_nothing(
    store: Store, after: int
) -> None:
    await store.append(A, [post("one"), post("two")], after=0)

    with pytest.raises(Conflict):
        await store.append(A, [post("late"), post("later")], after=after)

    assert await texts_of(store, A) == ["one", "two"]


async def test_a_conversation_cannot_begin_in_the_middle(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.append(A, [post()], after=1)

    assert await store.read(A) == []


async def test_of_two_writers_with_the_same_view_exactly_one_wins(store: Store) -> None:
    await store.append(A, [started()], after=0)

    results = await asyncio.gather(
        *(store.append(A, [post(f"{number}a"), post(f"{number}b")], after=1) for number in range(8)),
        return_exceptions=True,
    )

    winners = [number for number, result in enumerate(results) if result == 3]
    assert len(winners) == 1
    assert all(isinstance(result, Conflict) for result in results if result != 3)
    assert [logged.event for logged in (await store.read(A))[1:]] == [post(f"{winners[0]}a"), post(f"{winners[0]}b")]


async def test_a_refused_append_does_not_disturb_the_ones_that_wait_with_it(store: Store) -> None:
    await store.append(A, [started()], after=0)

    results = await asyncio.gather(
        store.append(A, [post("late")], after=0), store.append(B, [post("of b")], after=0), return_exceptions=True
    )

    assert isinstance(results[0], Conflict)
    assert results[1] == 1
    assert await texts_of(store, B) == ["of b"]


async def test_two_stores_on_one_file_are_fenced_from_each_other(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        for number in range(20):
            results = await asyncio.gather(
                *(store.append(A, [post(str(number))], after=number) for store in (one, other)),
                return_exceptions=True,
            )
            assert sorted(map(str, results))[0] == str(number + 1)
            assert sum(isinstance(result, Conflict) for result in results) == 1

        assert await one.read(A) == await other.read(A)
        assert await texts_of(one, A) == [str(number) for number in range(20)]


# Exactly what was given ---------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.lists(st.text(max_size=200), min_size=1, max_size=5))
def test_every_text_comes_back_as_it_went_in(texts: list[str]) -> None:
    async def there_and_back(store: SqlStore) -> None:
        await store.append(A, [post(text) for text in texts], after=0)
        assert await texts_of(store, A) == texts

    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as store:
        asyncio.run(there_and_back(store))


HARD = ("\x00", "\U0001f469\u200d\U0001f527", "\u202eevil", "e\u0301", "\U000e0041", '"\\\n\r\t', "\ufeff", "𠮷", "")


@pytest.mark.parametrize("text", HARD, ids=ascii)
async def test_a_text_that_others_break_comes_back_as_it_went_in(store: Store, text: str) -> None:
    await store.append(A, [post(text)], after=0)

    assert await texts_of(store, A) == [text]


@settings(max_examples=25)
@given(stories())
def test_a_whole_conversation_appended_as_it_went_is_the_same_log_also_after_reopening(story: Story) -> None:
    async def write(store: SqlStore) -> None:
        after = 0
        for facts in story.appends:
            after = await store.append(A, facts, after=after)

    with tempfile.TemporaryDirectory() as folder:
        with opened(Path(folder)) as store:
            asyncio.run(write(store))
            assert tuple(asyncio.run(store.read(A))) == story.state.log
        with opened(Path(folder)) as store:
            assert tuple(asyncio.run(store.read(A))) == story.state.log


@settings(max_examples=15)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_appends_of_many_conversations_at_once_keep_the_order_of_each(picks: list[int]) -> None:
    async def write(store: SqlStore) -> None:
        lengths = [0, 0, 0, 0]
        waiting = []
        for number, which in enumerate(picks):
            text = post(str(number))
            waiting.append(store.append(ConversationId(f"cv_{which}"), [text], after=lengths[which]))
            lengths[which] += 1
        await asyncio.gather(*waiting)
        for which in range(4):
            wanted = [str(number) for number, pick in enumerate(picks) if pick == which]
            assert await texts_of(store, ConversationId(f"cv_{which}")) == wanted

    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as store:
        asyncio.run(write(store))


# What a starting process takes up -----------------------------------------------------------------------------------


@settings(max_examples=25)
@given(stories())
def test_a_conversation_is_unfinished_in_the_store_exactly_while_it_is_in_its_fold(story: Story) -> None:
    async def write(store: SqlStore) -> None:
        replayed = Story().state
        assert await store.append(A, story.appends[0], after=0) == replayed.last_seq
        for facts in story.appends[1:]:
            await store.append(A, facts, after=replayed.last_seq)
            replayed = replayed.extended(*facts)
            assert (await store.unfinished() == [A]) is replayed.unfinished

    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as store:
        asyncio.run(write(store))


# Erasing ------------------------------------------------------------------------------------------------------------


def bytes_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file())


async def fill_with_canary(store: Store, conversation_id: ConversationId = A) -> None:
    await store.append(conversation_id, [started(), post(f"{CANARY} {'x' * 9000}", turn_id="tn_1")], after=0)
    await store.append(conversation_id, [post(f"{number} {CANARY}") for number in range(50)], after=2)


async def test_an_erased_conversation_is_gone_and_the_others_stay(store: Store) -> None:
    await fill_with_canary(store)
    await store.append(B, [post("of b", turn_id="tn_2")], after=0)

    await store.erase(A)

    assert await store.read(A) == []
    assert await store.unfinished() == [B]
    assert await texts_of(store, B) == ["of b"]


@pytest.mark.parametrize("after", [0, 1, 52])
async def test_an_erased_conversation_cannot_be_written_again(store: Store, after: int) -> None:
    await fill_with_canary(store)
    await store.erase(A)

    with pytest.raises(Conflict):
        await store.append(A, [post("a zombie")], after=after)

    assert await store.read(A) == []


async def test_erasing_again_or_what_never_was_is_no_error(store: Store) -> None:
    await fill_with_canary(store)
    for conversation_id in (A, A, B):
        await store.erase(conversation_id)

    assert await store.read(A) == []


async def test_no_byte_of_an_erased_text_is_left_in_any_file_while_the_store_is_still_open(
    sqlite: SqlStore, tmp_path: Path
) -> None:
    await fill_with_canary(sqlite)
    await sqlite.append(B, [post("of b")], after=0)
    assert CANARY.encode() in bytes_in(tmp_path)

    await sqlite.erase(A)

    assert CANARY.encode() not in bytes_in(tmp_path)
    assert b"of b" in bytes_in(tmp_path)


async def test_no_byte_of_an_erased_text_comes_back_after_reopening(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        await fill_with_canary(store)
    with opened(tmp_path) as store:
        await store.erase(A)
        await store.append(B, [post("of b")], after=0)

    assert CANARY.encode() not in bytes_in(tmp_path)


async def test_what_is_left_of_an_erased_conversation_is_a_line_without_content(
    sqlite: SqlStore, tmp_path: Path
) -> None:
    await fill_with_canary(sqlite)
    await sqlite.erase(A)
    with closing(sqlite3.connect(tmp_path / "firstline.db")) as raw:
        (row,) = raw.execute("SELECT conversation_id, due_turn, erased_at IS NOT NULL FROM conversations").fetchall()

    assert row == (A, None, 1)


async def test_an_erasure_that_a_reader_holds_up_is_not_reported_as_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening_module, "BUSY_SECONDS", 0.05)
    with opened(tmp_path) as store, closing(sqlite3.connect(tmp_path / "firstline.db", isolation_level=None)) as raw:
        await fill_with_canary(store)
        raw.execute("BEGIN")
        raw.execute("SELECT count(*) FROM events").fetchall()  # a backup, say: it sees the old pages until it ends
        try:
            await store.erase(A)
        except StoreUnavailable:
            return
        assert CANARY.encode() not in bytes_in(tmp_path)


# The writer's thread ------------------------------------------------------------------------------------------------


@contextmanager
def writer_held(folder: Path) -> Iterator[None]:
    """Nobody can commit while this lasts: what is appended meanwhile waits, and is taken together."""
    with closing(sqlite3.connect(folder / "firstline.db", isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        yield
        raw.execute("ROLLBACK")


async def queue_up(store: SqlStore, first: Any, *rest: Any) -> list[asyncio.Task[int]]:
    """Tasks that wait: the first is in the writer's hands, the rest will be its next batch."""
    tasks = [asyncio.create_task(first)]
    while len(tasks) < 2:
        await asyncio.sleep(0)
        if store._queue.empty():
            tasks += [asyncio.create_task(each) for each in rest]
            break
    await asyncio.sleep(0)
    return tasks


async def test_appends_that_wait_share_one_commit(sqlite: SqlStore, tmp_path: Path) -> None:
    commits: list[object] = []
    sqlalchemy.event.listen(sqlite.engine, "commit", commits.append)
    with writer_held(tmp_path):
        rest = [sqlite.append(ConversationId(f"cv_{number}"), [post(str(number))], after=0) for number in range(100)]
        tasks = await queue_up(sqlite, sqlite.append(A, [post()], after=0), *rest)
    await asyncio.gather(*tasks)

    assert len(commits) <= 2
    assert await texts_of(sqlite, ConversationId("cv_99")) == ["99"]


async def test_an_append_that_cannot_be_written_fails_alone(sqlite: SqlStore, tmp_path: Path) -> None:
    with writer_held(tmp_path):
        tasks = await queue_up(
            sqlite,
            sqlite.append(B, [post()], after=0),
            sqlite.append(A, [post("of a neighbour")], after=0),
            sqlite.append(ConversationId("cv_bad"), [unstorable()], after=0),
        )
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(results[2], Exception)
    assert results[:2] == [1, 1]
    assert await texts_of(sqlite, A) == ["of a neighbour"]


async def test_after_an_append_that_could_not_be_written_the_next_one_is(store: Store) -> None:
    with pytest.raises(Exception, match=r"surrogates|utf-8|serializ"):
        await store.append(A, [unstorable()], after=0)

    assert await store.append(A, [post("good")], after=0) == 1
    assert await texts_of(store, A) == ["good"]


async def test_a_caller_that_gives_up_while_its_append_is_written_does_not_stop_the_writer(
    sqlite: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class GivenUp(Future[int]):
        def cancelled(self) -> bool:
            was = super().cancelled()
            self.cancel()  # the caller goes just after the writer has looked
            return was

    monkeypatch.setattr(sql_module, "Future", GivenUp)
    lost = asyncio.create_task(sqlite.append(A, [post()], after=0))
    await asyncio.gather(lost, return_exceptions=True)
    monkeypatch.undo()

    try:
        assert await asyncio.wait_for(sqlite.append(B, [post("of b")], after=0), timeout=2) == 1
    except TimeoutError:
        pytest.fail("the writer's thread is dead")


async def test_a_cancelled_append_leaves_the_others_alone(sqlite: SqlStore, tmp_path: Path) -> None:
    with writer_held(tmp_path):
        tasks = await queue_up(
            sqlite,
            sqlite.append(B, [post()], after=0),
            *(sqlite.append(A, [post(str(n))], after=0) for n in range(3)),
        )
        tasks[1].cancel()
        await asyncio.sleep(0)
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert results[0] == 1
    assert isinstance(results[1], asyncio.CancelledError)
    assert len(await sqlite.read(A)) == 1


async def test_closing_writes_what_waits(tmp_path: Path) -> None:
    store = open_store(url_in(tmp_path))
    tasks = [asyncio.create_task(store.append(A, [post(str(n))], after=n)) for n in range(50)]
    await asyncio.sleep(0)
    await asyncio.to_thread(store.close)
    await asyncio.gather(*tasks)

    with opened(tmp_path) as again:
        assert len(await again.read(A)) == 50


# A disk that is full, a store that is locked, a page that is broken -------------------------------------------------


def limit_pages(store: SqlStore, more: int) -> None:
    """The disk takes `more` pages from now on: SQLite answers as it does when the disk is full."""
    with store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={int(pages or 0) + more}")


async def test_a_full_disk_refuses_whole_appends_and_the_store_recovers_by_itself(
    sqlite: SqlStore, tmp_path: Path
) -> None:
    await sqlite.append(A, [started()], after=0)
    limit_pages(sqlite, 4)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await sqlite.append(A, [post("small"), post("x" * 200_000)], after=1)
    assert [logged.seq for logged in await sqlite.read(A)] == [1]
    assert await sqlite.unfinished() == []

    limit_pages(sqlite, 10_000)
    assert await sqlite.append(A, [post("small"), post("x" * 200_000)], after=1) == 3
    assert check_integrity(url_in(tmp_path)) == "ok"


async def test_the_error_of_a_full_disk_names_no_path_and_no_statement(sqlite: SqlStore, tmp_path: Path) -> None:
    limit_pages(sqlite, 0)
    with pytest.raises(StoreUnavailable) as refused:
        await sqlite.append(A, [post(CANARY + "x" * 200_000)], after=0)

    assert CANARY not in str(refused.value)
    assert str(tmp_path) not in str(refused.value)
    assert "INSERT" not in str(refused.value)


async def test_a_store_that_another_holds_locked_is_unavailable_and_then_available_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening_module, "BUSY_SECONDS", 0.05)
    with opened(tmp_path) as store:
        with writer_held(tmp_path):
            with pytest.raises(StoreUnavailable):
                await store.append(A, [post()], after=0)
            with pytest.raises(StoreUnavailable):
                await store.erase(A)
            assert await store.read(A) == []  # a reader never waits for a writer

        assert await store.append(A, [post()], after=0) == 1


async def test_a_store_whose_file_was_broken_while_it_was_open_is_unavailable(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        await store.append(A, [post()], after=0)
        for name in ("firstline.db", "firstline.db-wal"):
            (tmp_path / name).write_bytes(b"no store at all " * 4096)

        with pytest.raises(StoreUnavailable):
            await store.read(A)


def test_the_log_in_the_file_is_what_anybody_can_read_with_sqlite(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        asyncio.run(store.append(A, [post("你好")], after=0))
    engine = sa.create_engine(url_in(tmp_path))
    with engine.connect() as connection:
        ((seq, kind, body),) = connection.execute(sa.text("SELECT seq, type, body FROM events")).all()
    engine.dispose()

    assert (seq, kind) == (1, "message.posted")
    assert "你好" in body
