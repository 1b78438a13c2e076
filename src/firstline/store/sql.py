"""The log in a SQL database, through SQLAlchemy Core; here embedded, in one SQLite file.

One thread writes: it takes whatever appends wait, commits them in one transaction, and wakes their writers. So
the event loop never waits for a disk, and many conversations share one commit (measured: docs/decisions/0003).
"""

import asyncio
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError

from firstline.errors import Conflict, StoreUnavailable
from firstline.events import (
    ApprovalDecided,
    ConfirmationDecided,
    Event,
    HandoffReturned,
    Logged,
    MessagePosted,
    TurnEnded,
    load_event,
)
from firstline.types import ConversationId

metadata = sa.MetaData()
"""Tables whose `info` says `of_conversation` lose their rows of a conversation when it is erased."""

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("last_seq", sa.Integer, nullable=False),
    sa.Column("due_turn", sa.Text),
    sa.Column("started_at", sa.Text, nullable=False),
    sa.Column("erased_at", sa.Text),
)
events_table = sa.Table(
    "events",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("events_handoffs", events_table.c.conversation_id, sqlite_where=events_table.c.type == "handoff.requested")
sa.Index("conversations_due", conversations.c.due_turn, sqlite_where=conversations.c.due_turn.is_not(None))

BATCH = 256

# Made once: to build a statement costs as much as to run it.
_START = sqlite_insert(conversations).values(
    conversation_id=sa.bindparam("id"), started_at=sa.bindparam("at"), last_seq=sa.bindparam("last"),
    due_turn=sa.bindparam("due"),
).on_conflict_do_nothing()  # fmt: skip
_MOVE = (
    conversations.update()
    .where(conversations.c.conversation_id == sa.bindparam("id"), conversations.c.last_seq == sa.bindparam("after"))
    .values(last_seq=sa.bindparam("last"))
)
_MOVE_DUE = _MOVE.values(due_turn=sa.bindparam("due"))
_MOVE_ENDED = _MOVE.values(due_turn=sa.func.nullif(conversations.c.due_turn, sa.bindparam("ended")))
_ADD = events_table.insert().values(
    conversation_id=sa.bindparam("id"), seq=sa.bindparam("seq"), type=sa.bindparam("type"), body=sa.bindparam("body")
)
_READ = (
    sa.select(events_table.c.seq, events_table.c.body)
    .where(events_table.c.conversation_id == sa.bindparam("id"), events_table.c.seq > sa.bindparam("after"))
    .order_by(events_table.c.seq)
)


@dataclass(frozen=True)
class Append:
    """One append that waits for the writer."""

    conversation_id: ConversationId
    events: Sequence[Event]
    bodies: Sequence[str]
    after: int
    done: "Future[int]"


class SqlStore:
    """`Store` on two engines made by `open_store`, one that writes and one that only reads."""

    def __init__(self, engine: sa.Engine, reader: sa.Engine) -> None:
        self.engine = engine
        self.reader = reader
        self._queue: queue.SimpleQueue[Append | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_forever, name="store-writer", daemon=True)
        self._writer.start()

    async def append(self, conversation_id: ConversationId, events: Sequence[Event], *, after: int) -> int:
        done: Future[int] = Future()
        bodies = [event.model_dump_json() for event in events]  # here, so that one that cannot be written fails alone
        self._queue.put(Append(conversation_id, events, bodies, after, done))
        return await asyncio.wrap_future(done)

    async def read(self, conversation_id: ConversationId, *, after: int = 0) -> Sequence[Logged]:
        return await asyncio.to_thread(self._read, conversation_id, after)

    async def unfinished(self) -> Sequence[ConversationId]:
        return await asyncio.to_thread(self._unfinished)

    async def erase(self, conversation_id: ConversationId) -> None:
        await asyncio.to_thread(self._erase, conversation_id)

    def close(self) -> None:
        """Write what waits, then end."""
        self._queue.put(None)
        self._writer.join(timeout=10)
        self.engine.dispose()
        self.reader.dispose()

    # The writer's thread -------------------------------------------------------------------------------------

    def _write_forever(self) -> None:
        while (first := self._queue.get()) is not None:
            batch: list[Append] = [first]
            stopping = False
            while len(batch) < BATCH and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    stopping = True
                    break
                batch.append(following)
            self._write(batch)
            if stopping:
                return

    def _write(self, batch: Sequence[Append]) -> None:
        """One transaction for all; an append whose log has moved on fails alone, a broken disk fails them all."""
        outcomes: list[tuple[Append, int | Exception]] = []
        batch = [append for append in batch if append.done.set_running_or_notify_cancel()]
        try:
            with self.engine.begin() as connection:
                outcomes += [(append, _append(connection, append)) for append in batch]
        except DBAPIError as error:
            failure = StoreUnavailable(f"the store cannot be written: {type(error.orig).__name__}")
            failure.__cause__ = error
            outcomes = [(append, failure) for append in batch]
        except Exception as error:
            outcomes = [(append, error) for append in batch]
        for append, outcome in outcomes:
            if isinstance(outcome, Exception):
                append.done.set_exception(outcome)
            else:
                append.done.set_result(outcome)

    # Other threads -------------------------------------------------------------------------------------------

    def _read(self, conversation_id: ConversationId, after: int) -> Sequence[Logged]:
        place = {"id": conversation_id, "after": after}
        with _reading(self.reader) as connection:
            return [Logged(row.seq, load_event(row.body)) for row in connection.execute(_READ, place)]

    def _unfinished(self) -> Sequence[ConversationId]:
        wanted = sa.select(conversations.c.conversation_id).where(conversations.c.due_turn.is_not(None))
        with _reading(self.reader) as connection:
            return [ConversationId(found) for found in connection.scalars(wanted)]

    def _erase(self, conversation_id: ConversationId) -> None:
        now = datetime.now(UTC).isoformat()
        owning = [table for table in metadata.sorted_tables if table.info.get("of_conversation")]
        try:
            with self.engine.begin() as connection:
                connection.execute(events_table.delete().where(events_table.c.conversation_id == conversation_id))
                for table in owning:
                    connection.execute(table.delete().where(table.c.conversation_id == conversation_id))
                connection.execute(
                    conversations.update()
                    .where(conversations.c.conversation_id == conversation_id, conversations.c.erased_at.is_(None))
                    .values(due_turn=None, erased_at=now, last_seq=-1)
                )
            with self.reader.connect() as connection:  # the write-ahead log still holds the erased pages
                held_up = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
        except DBAPIError as error:
            raise StoreUnavailable("the store cannot be written") from error
        if held_up:
            raise StoreUnavailable("somebody reads the store; erase again, so that nothing of it stays in the file")


class _reading:
    """A connection for reading; a store that cannot be read is unavailable, not a bug."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def __enter__(self) -> sa.Connection:
        try:
            self._connection = self.engine.connect()
        except DBAPIError as error:
            raise StoreUnavailable("the store cannot be read") from error
        return self._connection

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._connection.close()
        if isinstance(error, DBAPIError):
            raise StoreUnavailable("the store cannot be read") from error


def _append(connection: sa.Connection, append: Append) -> int | Conflict:
    """The new last seq, or a Conflict; nothing of this append is written then."""
    last_seq = append.after + len(append.events)
    place = {"id": append.conversation_id, "after": append.after, "last": last_seq}
    due, ended = _due_turn(append.events)
    if append.after == 0:
        started = {"id": append.conversation_id, "at": append.events[0].at.isoformat(), "last": last_seq, "due": due}
        moved = connection.execute(_START, started).rowcount
    elif due is not None:
        moved = connection.execute(_MOVE_DUE, {**place, "due": due}).rowcount
    elif ended is not None:
        moved = connection.execute(_MOVE_ENDED, {**place, "ended": ended}).rowcount
    else:
        moved = connection.execute(_MOVE, place).rowcount
    if moved != 1:
        return Conflict(f"the log of {append.conversation_id} is no longer at {append.after}")
    rows = [
        {"id": append.conversation_id, "seq": seq, "type": event.type, "body": body}
        for seq, (event, body) in enumerate(zip(append.events, append.bodies, strict=True), start=append.after + 1)
    ]
    connection.execute(_ADD, rows)
    return last_seq


def _due_turn(events: Sequence[Event]) -> tuple[str | None, str | None]:
    """The turn that these events promise, and has not ended among them; and the last one that has ended."""
    due: str | None = None
    ended: str | None = None
    for event in events:
        match event:
            case MessagePosted(message=message) if message.author == "customer":
                due = event.turn_id or due
            case ConfirmationDecided() | ApprovalDecided() | HandoffReturned():
                due = event.turn_id or due
            case TurnEnded():
                ended = event.turn_id
                due = None if due == ended else due
            case _:
                pass
    return due, ended
