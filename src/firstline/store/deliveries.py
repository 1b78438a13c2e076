"""What is still to be told to other desks, and what came back from them, in the same SQLite file as the log.

Pointers only: no text of a conversation stands here, and erasing one takes its rows along.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError

from firstline.desk import DeskName
from firstline.desk.outbox import Delivery, Known
from firstline.errors import StoreUnavailable
from firstline.store.records import read_time, write_time
from firstline.store.sql import conversations, events_table, metadata
from firstline.types import ConversationId

Made = TypeVar("Made")

_KEPT = {"of_conversation": True}

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("desk", sa.Text, primary_key=True),
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("due_since", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", sa.Text),
    sa.Column("done_at", sa.Text),
    sa.Column("dead_at", sa.Text),
    sa.Column("last_error", sa.Text),
    info=_KEPT,
)
threads = sa.Table(
    "desk_threads",
    metadata,
    sa.Column("desk", sa.Text, primary_key=True),
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("looked_through", sa.Integer, nullable=False),
    sa.Column("thread", sa.Text),
    info=_KEPT,
)
arrivals = sa.Table(
    "desk_arrivals",
    metadata,
    sa.Column("desk", sa.Text, primary_key=True),
    sa.Column("arrival_id", sa.Text, primary_key=True),
    sa.Column("conversation_id", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    info=_KEPT,
)
ALL_TABLES = (deliveries, threads, arrivals)

sa.Index("deliveries_due", deliveries.c.desk, deliveries.c.next_at, sqlite_where=deliveries.c.next_at.is_not(None))
sa.Index("deliveries_dead", deliveries.c.dead_at, sqlite_where=deliveries.c.dead_at.is_not(None))
sa.Index("desk_threads_by_thread", threads.c.desk, threads.c.thread)
sa.Index("desk_arrivals_of", arrivals.c.conversation_id)

_TIMES = ("due_since", "next_at", "done_at", "dead_at")
_OUTCOME = ("attempts", "next_at", "done_at", "dead_at", "last_error", "due_since")
_earlier = deliveries.alias("earlier")
_IS_FIRST = ~sa.exists().where(
    _earlier.c.desk == deliveries.c.desk,
    _earlier.c.conversation_id == deliveries.c.conversation_id,
    _earlier.c.seq < deliveries.c.seq,
    _earlier.c.next_at.is_not(None),
)
_IS_HANDOFF = events_table.c.type == sa.literal_column("'handoff.requested'")
"""As the index of these events says it: with a parameter instead, SQLite would not use it."""


class SqlDeliveries:
    """`Outbox` and `Arrivals` on the two engines of the store."""

    def __init__(self, engine: sa.Engine, reader: sa.Engine) -> None:
        self._engine = engine
        self._reader = reader
        self._writing = asyncio.Lock()  # one of ours at a time: who waits for the file's own lock sleeps too long

    def close(self) -> None:
        """For whoever opened it beside a server; a server's own are closed with its store."""
        self._engine.dispose()
        self._reader.dispose()

    # What is to be told ------------------------------------------------------------------------------------------

    async def behind(self, desk: DeskName, limit: int) -> Sequence[ConversationId]:
        return [ConversationId(row[0]) for row in await self._select(select_behind(desk, limit))]

    async def find(self, desk: DeskName, conversation_id: ConversationId) -> Known:
        own = (threads.c.desk == desk, threads.c.conversation_id == conversation_id)
        of_it = sa.exists().where(deliveries.c.desk == desk, deliveries.c.conversation_id == conversation_id)
        rows = await self._select(sa.select(threads.c.looked_through, of_it).where(*own))
        return Known(rows[0][0], told=bool(rows[0][1])) if rows else Known(0, told=False)

    async def add(self, found: Sequence[Delivery], desk: DeskName, conversation_id: ConversationId, seq: int) -> None:
        def write(connection: sa.Connection) -> None:
            if not _is_there(connection, conversation_id):
                return
            if found:
                connection.execute(
                    sqlite_insert(deliveries).on_conflict_do_nothing(), [_write_row(each) for each in found]
                )
            mark = sqlite_insert(threads).values(desk=desk, conversation_id=conversation_id, looked_through=seq)
            further = sa.func.max(threads.c.looked_through, mark.excluded.looked_through)
            connection.execute(
                mark.on_conflict_do_update(
                    index_elements=[threads.c.desk, threads.c.conversation_id], set_={"looked_through": further}
                )
            )

        await self._write(write)

    async def due(self, desk: DeskName, now: datetime, limit: int) -> Sequence[Delivery]:
        wanted = _rows().where(deliveries.c.desk == desk, deliveries.c.next_at <= write_time(now), _IS_FIRST)
        return await self._read(wanted.order_by(deliveries.c.next_at).limit(limit))

    async def next_at(self, desk: DeskName) -> datetime | None:
        waits = (deliveries.c.desk == desk, deliveries.c.next_at.is_not(None), _IS_FIRST)
        rows = await self._select(sa.select(sa.func.min(deliveries.c.next_at)).where(*waits))
        return read_time(rows[0][0])

    async def settle(self, delivery: Delivery) -> None:
        own = (deliveries.c.desk == delivery.desk, deliveries.c.conversation_id == delivery.conversation_id)
        row = _write_row(delivery)

        def write(connection: sa.Connection) -> None:
            outcome = {name: row[name] for name in _OUTCOME}
            connection.execute(deliveries.update().where(*own, deliveries.c.seq == delivery.seq).values(outcome))
            if delivery.thread is not None:
                of_it = (threads.c.desk == delivery.desk, threads.c.conversation_id == delivery.conversation_id)
                connection.execute(threads.update().where(*of_it).values(thread=delivery.thread))

        await self._write(write)

    async def list_dead(self, limit: int | None = 100) -> Sequence[Delivery]:
        wanted = _rows().where(deliveries.c.dead_at.is_not(None)).order_by(deliveries.c.dead_at.desc())
        return await self._read(wanted.limit(limit))

    async def redeliver(self, desk: DeskName, delivery_id: str, now: datetime) -> bool:
        conversation_id, _, seq = delivery_id.rpartition(":")
        if not (seq.isascii() and seq.isdigit() and len(seq) < 10):
            return False
        again = {"dead_at": None, "attempts": 0, "due_since": write_time(now), "next_at": write_time(now)}
        dead = (deliveries.c.desk == desk, deliveries.c.conversation_id == conversation_id)
        changed = deliveries.update().where(*dead, deliveries.c.seq == int(seq), deliveries.c.dead_at.is_not(None))
        return await self._write(lambda connection: connection.execute(changed.values(again)).rowcount == 1)

    # What came back ----------------------------------------------------------------------------------------------

    async def find_conversation(self, desk: DeskName, thread: str) -> ConversationId | None:
        wanted = sa.select(threads.c.conversation_id).where(threads.c.desk == desk, threads.c.thread == thread)
        rows = await self._select(wanted)
        return ConversationId(rows[0][0]) if rows else None

    async def heard(self, desk: DeskName, arrival_id: str) -> bool:
        wanted = sa.select(sa.literal(1)).where(arrivals.c.desk == desk, arrivals.c.arrival_id == arrival_id)
        return bool(await self._select(wanted))

    async def hear(self, desk: DeskName, arrival_id: str, conversation_id: ConversationId, at: datetime) -> None:
        row = {"desk": desk, "arrival_id": arrival_id, "conversation_id": conversation_id, "at": write_time(at)}

        def write(connection: sa.Connection) -> None:
            if _is_there(connection, conversation_id):
                connection.execute(sqlite_insert(arrivals).on_conflict_do_nothing(), row)

        await self._write(write)

    # The database ------------------------------------------------------------------------------------------------

    async def _read(self, wanted: sa.Select[*tuple[Any, ...]]) -> Sequence[Delivery]:
        return [_read_row(row) for row in await self._select(wanted)]

    async def _select(self, wanted: sa.Select[*tuple[Any, ...]]) -> Sequence[sa.Row[*tuple[Any, ...]]]:
        def select() -> Sequence[sa.Row[*tuple[Any, ...]]]:
            with self._reader.connect() as connection:
                return connection.execute(wanted).all()

        return await _in_thread(select, "the store cannot be read")

    async def _write(self, write: Callable[[sa.Connection], Made]) -> Made:
        def run() -> Made:
            with self._engine.begin() as connection:
                return write(connection)

        async with self._writing:
            return await _in_thread(run, "the store cannot be written")


async def _in_thread(work: Callable[[], Made], trouble: str) -> Made:
    try:
        return await asyncio.to_thread(work)
    except DBAPIError as error:
        raise StoreUnavailable(trouble) from error


def select_behind(desk: DeskName, limit: int) -> sa.Select[*tuple[Any, ...]]:
    """Conversations with a hand-off whose log has gone on since it was looked through."""
    mark = sa.and_(threads.c.desk == desk, threads.c.conversation_id == events_table.c.conversation_id)
    return (
        sa.select(events_table.c.conversation_id)
        .join(conversations, conversations.c.conversation_id == events_table.c.conversation_id)
        .outerjoin(threads, mark)
        .where(_IS_HANDOFF, conversations.c.erased_at.is_(None))
        .where(sa.func.coalesce(threads.c.looked_through, 0) < conversations.c.last_seq)
        .distinct()
        .limit(limit)
    )


def _is_there(connection: sa.Connection, conversation_id: ConversationId) -> bool:
    """Whether the conversation is known and not erased: of an erased one nothing is written any more."""
    wanted = sa.select(sa.literal(1)).where(
        conversations.c.conversation_id == conversation_id, conversations.c.erased_at.is_(None)
    )
    return connection.execute(wanted).first() is not None


def _rows() -> sa.Select[*tuple[Any, ...]]:
    same = sa.and_(threads.c.desk == deliveries.c.desk, threads.c.conversation_id == deliveries.c.conversation_id)
    return sa.select(*deliveries.c, threads.c.thread).select_from(deliveries.outerjoin(threads, same))


def _read_row(row: sa.Row[Any]) -> Delivery:
    return Delivery(
        desk=row.desk,
        conversation_id=row.conversation_id,
        seq=row.seq,
        type=row.type,
        due_since=datetime.fromisoformat(row.due_since),
        attempts=row.attempts,
        next_at=read_time(row.next_at),
        done_at=read_time(row.done_at),
        dead_at=read_time(row.dead_at),
        last_error=row.last_error,
        thread=row.thread,
    )


def _write_row(delivery: Delivery) -> dict[str, Any]:
    row = {name: value for name, value in asdict(delivery).items() if name != "thread"}
    return row | {name: row[name] and write_time(row[name]) for name in _TIMES}
