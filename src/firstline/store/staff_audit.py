"""The audit log's table, and how entries are chained into it; for `store.staff` only.

The table refuses changes by itself (triggers), and `audit_head` knows where it ends. Neither stops somebody who may
write the file; the chain shows afterwards that it was done, as long as one of its hashes is known elsewhere.
"""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import sqlalchemy.event
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError

from firstline.errors import StoreUnavailable
from firstline.staff import NO_ENTRY, Actor, AuditAction, AuditEntry, chain_hash, write_moment
from firstline.store.sql import metadata
from firstline.types import ConversationId, Json

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("staff_id", sa.Text),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("conversation_id", sa.Text),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
sa.Index("audit_conversation", audit.c.conversation_id, sqlite_where=audit.c.conversation_id.is_not(None))
audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("only", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
"""One row: where the log ends. Without it nobody would miss entries that were cut off at the end."""

for _what in ("UPDATE", "DELETE"):
    _refusal = (
        f"CREATE TRIGGER audit_no_{_what.lower()} BEFORE {_what} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END"
    )
    sqlalchemy.event.listen(audit, "after_create", sa.DDL(_refusal))

PAGE = 1000

_HEAD = sa.select(audit_head.c.number, audit_head.c.hash)
_END = sa.select(  # one statement, so that no append comes between the three
    sa.func.coalesce(sa.select(audit_head.c.number).scalar_subquery(), 0).label("number"),
    sa.func.coalesce(sa.select(audit_head.c.hash).scalar_subquery(), NO_ENTRY).label("hash"),
    sa.func.coalesce(sa.select(sa.func.max(audit.c.number)).scalar_subquery(), 0).label("last"),
)


@contextmanager
def reach(engine: sa.Engine, *, writes: bool = False) -> Generator[sa.Connection]:
    """A connection, when it writes with a transaction around it. A store out of reach is unavailable, not a bug."""
    try:
        with engine.begin() if writes else engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        done = "written" if writes else "read"
        raise StoreUnavailable(f"the staff register cannot be {done}: {type(error.orig).__name__}") from error


def append_entry(
    connection: sa.Connection,
    action: AuditAction,
    by: Actor,
    at: datetime,
    *,
    conversation_id: ConversationId | None = None,
    detail: Json | None = None,
) -> AuditEntry:
    """The new last entry, in the writer's transaction: what it tells of is stored with it or not at all."""
    head = connection.execute(_HEAD).one_or_none()
    number, previous = (head.number, head.hash) if head else (0, NO_ENTRY)
    draft = AuditEntry(
        number=number + 1,
        at=at,
        staff_id=by.staff_id,
        actor=by.name,
        action=action,
        conversation_id=conversation_id,
        detail=detail or {},
        hash="",
    )
    entry = draft.model_copy(update={"hash": chain_hash(previous, draft)})
    written = {"at": write_moment(at), "detail": json.dumps(entry.detail, ensure_ascii=False, allow_nan=False)}
    connection.execute(audit.insert().values({**entry.model_dump(), **written}))
    end = {"number": entry.number, "hash": entry.hash}
    moved = sqlite_insert(audit_head).values(only=1, **end).on_conflict_do_update(index_elements=["only"], set_=end)
    connection.execute(moved)
    return entry


def read_entry(row: Json) -> AuditEntry:
    return AuditEntry.model_validate({**row, "detail": json.loads(row["detail"])})


def check_chain(reader: sa.Engine) -> int | None:
    """The first number at which the log is not what was written, None when all is well.

    Page by page: a reader that stays keeps the write-ahead log from being emptied, and erasure waits for that.
    """
    (end,) = read_rows(reader, _END)
    number, previous = 0, NO_ENTRY
    wanted = sa.select(audit).where(audit.c.number <= end["number"]).order_by(audit.c.number).limit(PAGE)
    while number < end["number"]:
        rows = read_rows(reader, wanted.where(audit.c.number > number))
        for row in rows:
            number += 1
            if not _follows(row, previous):
                return number
            previous = row["hash"]
        if not rows:
            return number + 1
    if previous != end["hash"]:
        return max(number, 1)
    return number + 1 if end["last"] > number else None


def read_rows(reader: sa.Engine, wanted: sa.Select[*tuple[Any, ...]]) -> Sequence[Json]:
    with reach(reader) as connection:
        return [dict(row) for row in connection.execute(wanted).mappings()]


def _follows(row: Json, previous: str) -> bool:
    """Its number is covered by its hash, and so is which entry stood before it."""
    try:
        return row["hash"] == chain_hash(previous, read_entry(row))
    except (ValueError, TypeError):
        return False  # what can no longer be read was not written by us
