"""The records of conversations in the same SQLite file as the log: what the inbox lists and the report counts.

Written after the log and from it, never instead of it: a record whose `seq` is behind its log is stale, and made
again. Erasing a conversation removes its record in the same transaction.
"""

import asyncio
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError

from firstline.drawing.paths import takes
from firstline.errors import StoreUnavailable
from firstline.record import RECORD_VERSION, Record
from firstline.scores import Scores
from firstline.store import Filter, QueueRow
from firstline.store.judged import judgements
from firstline.store.sql import conversations, metadata
from firstline.types import ConversationId

RETURN_TIME = timedelta(hours=72)
"""A customer who is back within it was not helped the first time."""

NEWEST = 5_000
"""Where a search looks first."""

_LISTS = ("scores", "texts", "sources", "questions")
_TIMES = ("started_at", "last_at", "closed_at", "waiting_since", "due_at")
_INTEGERS = {
    "seq", "version", "ticket", "unclaimed", "approvals", "unread", "mood_start", "mood", "n_customer", "n_assistant",
    "n_human", "n_requests", "tokens", "survey", "confirmed", *(each.name for each in fields(Scores)),
}  # fmt: skip
_FLOATS = {"cost_usd", "handling_seconds", "waited_seconds", "assistant_seconds"}
_OWN_NAMES = [each.name for each in fields(Record) if each.name not in _LISTS]
_SCORES = [each.name for each in fields(Scores)]
_NAMES = [*_OWN_NAMES, *_SCORES]


def _column(name: str) -> sa.Column[Any]:
    kind = sa.Integer if name in _INTEGERS else sa.Float if name in _FLOATS else sa.Text
    return sa.Column(name, kind, primary_key=name == "conversation_id")


_KEPT = {"of_conversation": True}
records = sa.Table(
    "records", metadata, *map(_column, _NAMES), sa.Column("returned", sa.Integer, nullable=False), info=_KEPT
)
texts = sa.Table(
    "record_texts",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    info=_KEPT,
)
sources = sa.Table(
    "record_sources",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("url", sa.Text, primary_key=True),
    sa.Column("bundle", sa.Text, nullable=False),
    sa.Column("started_at", sa.Text, nullable=False),
    sqlite_with_rowid=False,
    info=_KEPT,
)
questions = sa.Table(
    "record_questions",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("bundle", sa.Text, nullable=False),
    sa.Column("started_at", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    info=_KEPT,
)
ALL_TABLES = (records, texts, sources, questions)

sa.Index("records_active", records.c.status, records.c.last_at)
sa.Index("records_started", records.c.bundle, records.c.started_at)
sa.Index("records_last", records.c.last_at)
sa.Index("records_due", records.c.due_at, sqlite_where=records.c.due_at.is_not(None))
sa.Index("records_ticket", records.c.ticket, sqlite_where=records.c.ticket == 1)
sa.Index("records_approvals", records.c.approvals, sqlite_where=records.c.approvals > 0)
sa.Index("records_customer", records.c.customer_key, records.c.started_at)
sa.Index(
    "records_counted",  # everything that the report sums, so that it never reads the rows themselves
    *(
        records.c[name]
        for name in (
            "started_at", "bundle", "revision", "locale", "playbook", "rung", "status", "reason", "returned",
            "confirmed", "survey", "mood_start", "mood", "cost_usd", "tokens", "handling_seconds",
            "waited_seconds", "assistant_seconds", *(each.name for each in fields(Scores)),
        )
    ),
)  # fmt: skip
sa.Index(
    "records_paths",
    *(records.c[name] for name in ("path", "started_at", "bundle", "revision", "locale", "playbook")),
)
sa.Index("record_sources_by_url", sources.c.url, sources.c.started_at, sources.c.bundle)
sa.Index("record_sources_by_time", sources.c.bundle, sources.c.started_at, sources.c.url)
sa.Index("record_questions_by_time", questions.c.bundle, questions.c.started_at)

_later = records.alias("later")


def write_time(moment: datetime) -> str:
    """A moment so that texts are in the order of time: UTC, microseconds always."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def read_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


class SqlRecords:
    """`Records` on the two engines of the store."""

    def __init__(self, engine: sa.Engine, reader: sa.Engine) -> None:
        self._engine = engine
        self._reader = reader

    async def keep(self, kept: Sequence[Record]) -> None:
        await asyncio.to_thread(self._keep, kept)

    async def stale(self, limit: int, *, skip: int = 0) -> Sequence[ConversationId]:
        behind = sa.or_(records.c.seq.is_(None), records.c.seq < conversations.c.last_seq)
        other = records.c.version != RECORD_VERSION
        wanted = (
            sa.select(conversations.c.conversation_id)
            .outerjoin(records, records.c.conversation_id == conversations.c.conversation_id)
            .where(conversations.c.erased_at.is_(None), conversations.c.last_seq > 0, sa.or_(behind, other))
            .order_by(conversations.c.started_at)
            .limit(limit)
            .offset(skip)
        )
        return [ConversationId(row[0]) for row in await self.select(wanted)]

    async def due(self, now: datetime, bundles: Collection[str]) -> Sequence[ConversationId]:
        is_due = (records.c.due_at <= write_time(now), records.c.bundle.in_(bundles))
        wanted = sa.select(records.c.conversation_id).where(*is_due).order_by(records.c.due_at).limit(200)
        return [ConversationId(row[0]) for row in await self.select(wanted)]

    async def find(self, conversation_id: ConversationId) -> QueueRow | None:
        rows = await self.select(_rows().where(records.c.conversation_id == conversation_id))
        return _read_row(rows[0]) if rows else None

    async def list(self, chosen: Filter) -> Sequence[QueueRow]:
        if chosen.stream is not None:
            taken = [path for (path,) in await self.select(_choose_paths(chosen))]
            those = tuple(path for path in taken if takes(tuple(path.split(">")), *chosen.stream))
            chosen = replace(chosen, stream=None, fields={**chosen.fields, "path": those})
        if chosen.words and not chosen.offset:  # mostly what is looked for is not old
            newest = await self.select(_choose(chosen, newest=NEWEST))
            if len(newest) == chosen.limit:
                return [_read_row(row) for row in newest]
        return [_read_row(row) for row in await self.select(_choose(chosen))]

    async def count(self, bundle: str | None = None) -> Mapping[str, int]:
        """How many there are of each status, and of tickets and approvals, so that nothing hides behind a filter."""
        active = records.c.status.in_(("open", "waiting", "with_human"))
        by_status = sa.select(records.c.status, sa.func.count()).where(active).group_by(records.c.status)
        more = [
            sa.select(sa.literal("ticket"), sa.func.count()).select_from(records).where(records.c.ticket == 1),
            sa.select(sa.literal("approvals"), sa.func.coalesce(sa.func.sum(records.c.approvals), 0)).where(
                records.c.approvals > 0
            ),
        ]
        parts = [each.where(records.c.bundle == bundle) if bundle else each for each in (by_status, *more)]
        return dict(map(tuple, await self.select(sa.union_all(*parts))))

    async def select(self, statement: sa.Executable) -> Sequence[sa.Row[Any]]:
        """The rows of any question to these tables. Raises StoreUnavailable."""
        return await asyncio.to_thread(self._select, statement)

    def _select(self, statement: sa.Executable) -> Sequence[sa.Row[Any]]:
        try:
            with self._reader.connect() as connection:
                return connection.execute(statement).all()
        except DBAPIError as error:
            raise StoreUnavailable("the store cannot be read") from error

    def _keep(self, kept: Sequence[Record]) -> None:
        try:
            with self._engine.begin() as connection:
                write_records(connection, kept)
        except DBAPIError as error:
            raise StoreUnavailable("the store cannot be written") from error


_OWN = conversations.c.conversation_id
_KNOWN = (
    sa.select(
        _OWN,
        records.c.seq,
        records.c.version,
        records.c.customer_key,
        sa.select(sa.func.json_group_array(sources.c.url)).where(sources.c.conversation_id == _OWN).scalar_subquery(),
        sa.select(sa.func.json_group_array(questions.c.text))
        .where(questions.c.conversation_id == _OWN)
        .scalar_subquery(),
    )
    .outerjoin(records, records.c.conversation_id == _OWN)
    .where(_OWN.in_(sa.bindparam("ids", expanding=True)), conversations.c.erased_at.is_(None))
)


def _upsert(table: sa.Table, names: Iterable[str]) -> sa.Executable:
    insert = sqlite_insert(table)
    changed = {name: insert.excluded[name] for name in names}
    return insert.on_conflict_do_update(index_elements=[table.c.conversation_id], set_=changed)


_WRITE = _upsert(records, _NAMES)
_WRITE_TEXT = _upsert(texts, ["text"])


def write_records(connection: sa.Connection, kept: Sequence[Record]) -> None:
    """Write records within a transaction; one of an erased or newer conversation is left out.

    Most records are written again and again with little that is new: one question tells what there is, and only what
    differs is touched.
    """
    newest = {record.conversation_id: record for record in sorted(kept, key=lambda each: each.seq)}
    known: list[Record] = []
    cited: list[Record] = []
    asked: list[Record] = []
    signed_in: list[Record] = []
    for found, seq, version, customer_key, urls, unanswered in connection.execute(_KNOWN, {"ids": list(newest)}):
        record = newest[found]
        if seq is not None and seq > record.seq and version == record.version:
            continue
        known.append(record)
        if set(json.loads(urls)) != set(record.sources):
            cited.append(record)
        if json.loads(unanswered) != list(record.questions):
            asked.append(record)
        if record.customer_key and customer_key != record.customer_key:
            signed_in.append(record)
    if not known:
        return
    connection.execute(_WRITE, [_write_row(record) for record in known])
    connection.execute(_WRITE_TEXT, [{"conversation_id": r.conversation_id, "text": r.texts} for r in known])
    _replace(connection, sources, cited, lambda r: [{"url": url} for url in r.sources])
    _replace(connection, questions, asked, lambda r: [{"number": n, "text": q} for n, q in enumerate(r.questions)])
    _mark_returned(connection, signed_in)


def _replace(
    connection: sa.Connection,
    table: sa.Table,
    changed: Sequence[Record],
    parts: Callable[[Record], Sequence[dict[str, Any]]],
) -> None:
    """The rows of these records in a table that has several of each."""
    if not changed:
        return
    connection.execute(table.delete().where(table.c.conversation_id.in_([r.conversation_id for r in changed])))
    if rows := [_place(record) | part for record in changed for part in parts(record)]:
        connection.execute(table.insert(), rows)


def _place(record: Record) -> dict[str, Any]:
    return {
        "conversation_id": record.conversation_id,
        "bundle": record.bundle,
        "started_at": write_time(record.started_at),
    }


def _write_row(record: Record) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in _OWN_NAMES}
    row |= {name: getattr(record.scores, name) for name in _SCORES}
    return row | {name: row[name] and write_time(row[name]) for name in _TIMES} | {"returned": 0}


def _mark_returned(connection: sa.Connection, kept: Sequence[Record]) -> None:
    """A conversation counts as returned from when the same customer began another one soon after it.

    kept: those of which it became known just now whose they are.
    """
    for record in kept:
        own = records.c.customer_key == record.customer_key
        started, own_id = write_time(record.started_at), records.c.conversation_id
        before = records.c.started_at.between(write_time(record.started_at - RETURN_TIME), started)
        connection.execute(
            records.update()
            .where(own, before, own_id != record.conversation_id, records.c.returned == 0)
            .values(returned=1)
        )
        after = _later.c.started_at.between(started, write_time(record.started_at + RETURN_TIME))
        again = sa.exists().where(
            _later.c.customer_key == record.customer_key, after, _later.c.conversation_id != record.conversation_id
        )
        connection.execute(records.update().where(own_id == record.conversation_id, again).values(returned=1))


_SHOWN = (
    "conversation_id", "seq", "bundle", "locale", "playbook", "status", "started_at", "last_at", "waiting_since",
    "held_by", "holder_name", "reason", "ticket", "unclaimed", "approvals", "unread", "customer_name", "subject",
    "mood", "survey", "rung",
)  # fmt: skip


def _rows() -> sa.Select[Any]:
    return sa.select(*(records.c[name] for name in _SHOWN))


def _read_row(row: sa.Row[Any]) -> QueueRow:
    values: dict[str, Any] = dict(zip(_SHOWN, row, strict=True))
    times: dict[str, Any] = {name: read_time(values[name]) for name in _TIMES if name in values}
    flags: dict[str, Any] = {name: bool(values[name]) for name in ("ticket", "unclaimed")}
    return QueueRow(**{**values, **times, **flags})


_SHELVES = {
    "waiting": (records.c.status == "waiting",),
    "with_human": (records.c.status == "with_human",),
    "open": (records.c.status == "open", records.c.n_customer > 0),
    "closed": (records.c.status == "closed",),
    "ticket": (records.c.ticket == 1,),
    "approvals": (records.c.approvals > 0,),
    "active": (records.c.status.in_(("waiting", "with_human")),),
    "all": (),
}


def _choose(chosen: Filter, *, newest: int | None = None) -> sa.Select[Any]:
    """The question to the database; `newest`: among so many of the newest conversations only."""
    wanted = _rows().where(*_SHELVES[chosen.shelf])
    if chosen.bundle is not None:
        wanted = wanted.where(records.c.bundle == chosen.bundle)
    if chosen.held_by is not None:
        wanted = wanted.where(records.c.held_by == chosen.held_by)
    for name, value in chosen.fields.items():
        column = records.c[name]
        wanted = wanted.where(column.in_(value) if isinstance(value, tuple) else column == value)
    for name in chosen.at_least_one:
        wanted = wanted.where(records.c[name] > 0)
    if chosen.judged_bad is not None:
        own = (judgements.c.conversation_id == records.c.conversation_id, judgements.c.question == chosen.judged_bad)
        wanted = wanted.where(sa.exists().where(*own, judgements.c.ok == 0))
    for name, ok in chosen.failed_pairs:
        wanted = wanted.where(records.c[name] > records.c[ok])
    wanted = wanted.where(*_within(chosen))
    if newest is not None:
        first = sa.select(records.c.last_at).order_by(records.c.last_at.desc()).limit(1).offset(newest)
        wanted = wanted.where(records.c.last_at > sa.func.coalesce(first.scalar_subquery(), ""))
    if words := chosen.words.replace("\0", " ").casefold().split():  # SQLite would end the pattern at it
        wanted = _search(wanted, words, each=newest is not None)
    if chosen.source is not None:
        cited = sa.exists().where(
            sources.c.conversation_id == records.c.conversation_id, sources.c.url == chosen.source
        )
        wanted = wanted.where(cited)
    order = records.c.waiting_since.asc() if chosen.shelf == "waiting" else records.c.last_at.desc()
    return wanted.order_by(order).limit(chosen.limit).offset(chosen.offset)


def _within(chosen: Filter) -> Iterator[sa.ColumnElement[bool]]:
    if chosen.since is not None:
        yield records.c.started_at >= write_time(chosen.since)
    if chosen.until is not None:
        yield records.c.started_at < write_time(chosen.until)


def _choose_paths(chosen: Filter) -> sa.Select[tuple[str]]:
    """All paths of the time, each once."""
    return sa.select(records.c.path).distinct().where(*_within(chosen))


def _search(wanted: sa.Select[Any], words: Sequence[str], *, each: bool) -> sa.Select[Any]:
    """Conversations in which all the words stand, in any language: a plain look through the texts.

    each: look into one text after the other, newest first, and stop when there are enough; else through all of them.
    """
    holds = [texts.c.text.contains(word, autoescape=True) for word in words]
    if each:
        own = texts.c.conversation_id == records.c.conversation_id
        return wanted.where(sa.exists().where(own, *holds))
    return wanted.where(records.c.conversation_id.in_(sa.select(texts.c.conversation_id).where(*holds)))
