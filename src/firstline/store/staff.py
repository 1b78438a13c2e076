"""The staff register in the store's SQLite file: accounts, sessions, failed sign-ins, and the audit log.

One thread writes here, and one proves passwords: each proof takes 64 MiB and every core, so a flood of sign-ins
waits in line instead of taking the threads that customers' requests read with.
"""

import asyncio
import hashlib
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TypeVar

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from firstline.staff import (
    FAILURE_WINDOW,
    FAILURES,
    LOCKED_FOR,
    Actor,
    AuditAction,
    AuditEntry,
    Caller,
    Refused,
    SignedIn,
    StaffChange,
    StaffMember,
    StaffSession,
    expiry,
    locked_until,
    read_name,
    write_moment,
)
from firstline.store.sql import metadata
from firstline.store.staff_audit import append_entry, audit, check_chain, reach, read_entry, read_rows
from firstline.types import ConversationId, Json, StaffId

Made = TypeVar("Made")

staff = sa.Table(
    "staff",
    metadata,
    sa.Column("staff_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("picture", sa.Text),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False),
)
sessions = sa.Table(
    "staff_sessions",
    metadata,
    sa.Column("token_sha256", sa.Text, primary_key=True),
    sa.Column("staff_id", sa.Text, sa.ForeignKey("staff.staff_id"), nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Text, nullable=False),
)
failures = sa.Table(
    "staff_failures",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("name_sha256", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)
sa.Index("staff_failures_name", failures.c.name_sha256)

REFRESH = timedelta(minutes=1)
"""How stale the stored end of a session may be, so that not every request writes."""

_HASH = sa.select(staff.c.password_hash).where(staff.c.name == sa.bindparam("name"))
_MEMBER = [column for column in staff.c if column.name != "password_hash"]


@dataclass(frozen=True)
class _Attempt:
    """A sign-in under way, already counted as a failure: many at once get no more tries than one after the other.

    `locks` when it is the failure that locks the name, should it stay one. `password_hash` is None for nobody's name.
    """

    password_hash: str | None
    locks: bool


class SqlStaff:
    """`StaffRegister` on two engines made by `make_engine`, one that writes and one that only reads."""

    def __init__(self, engine: sa.Engine, reader: sa.Engine, *, hasher: PasswordHasher | None = None) -> None:
        self._engine = engine
        self._reader = reader
        self._hasher = hasher or PasswordHasher()
        self._writer = ThreadPoolExecutor(1, "staff-writer")
        self._proofs = ThreadPoolExecutor(1, "staff-passwords")

    def close(self) -> None:
        """Write what waits, then end."""
        self._proofs.shutdown()
        self._writer.shutdown()
        self._engine.dispose()
        self._reader.dispose()

    # Accounts ------------------------------------------------------------------------------------------------

    async def add(self, member: StaffMember, *, password: str, by: Actor, at: datetime) -> bool:
        hashed = await self._hash(password)
        row = {**member.model_dump(), "created_at": write_moment(member.created_at), "password_hash": hashed}

        def add(connection: sa.Connection) -> bool:
            added = connection.execute(sqlite_insert(staff).values(row).on_conflict_do_nothing()).rowcount == 1
            if added:
                append_entry(connection, "staff_added", by, at, detail={"name": member.name, "role": member.role})
            return added

        return await self._write(add)

    async def change(
        self, staff_id: StaffId, change: StaffChange, *, by: Actor, at: datetime, password: str | None = None
    ) -> StaffMember | None:
        secret = {} if password is None else {"password_hash": await self._hash(password)}

        def alter(connection: sa.Connection) -> StaffMember | None:
            member = _find(connection, staff.c.staff_id == staff_id)
            if member is None or not (secret or change.model_dump(exclude_none=True)):
                return member
            changed = change.apply(member)
            told: Json = {name: getattr(changed, name) for name in change.model_dump(exclude_none=True)}
            connection.execute(staff.update().where(staff.c.staff_id == staff_id).values({**told, **secret}))
            if secret:
                connection.execute(failures.delete().where(failures.c.name_sha256 == _hash_name(member.name)))
            if secret or changed.disabled:
                connection.execute(sessions.delete().where(sessions.c.staff_id == staff_id))
            news = {"password": "new"} if secret else {}
            append_entry(connection, "staff_changed", by, at, detail={"name": member.name, **told, **news})
            return changed

        return await self._write(alter)

    async def find(self, staff_id: StaffId) -> StaffMember | None:
        return await self._read(lambda connection: _find(connection, staff.c.staff_id == staff_id))

    async def find_name(self, name: str) -> StaffMember | None:
        return await self._read(lambda connection: _find(connection, staff.c.name == name))

    async def list_members(self) -> Sequence[StaffMember]:
        rows = await asyncio.to_thread(read_rows, self._reader, sa.select(*_MEMBER).order_by(staff.c.name))
        return [StaffMember.model_validate(row) for row in rows]

    # Sessions ------------------------------------------------------------------------------------------------

    async def sign_in(
        self, name: str, password: str, *, token_sha256: str, address: str, at: datetime
    ) -> SignedIn | Refused:
        name = read_name(name)
        attempt = await self._write(lambda connection: _begin_attempt(connection, name, at))
        if isinstance(attempt, Refused):
            return attempt
        proof = self._proofs.submit(self._prove, attempt.password_hash, _normalise(password))
        right, fresh = await asyncio.wrap_future(proof)

        def settle(connection: sa.Connection) -> SignedIn | Refused:
            member = _find(connection, staff.c.name == name)
            unchanged = connection.scalar(_HASH, {"name": name}) == attempt.password_hash
            if member is None or member.disabled or not (right and unchanged):
                return _refuse(connection, attempt, member, address, at, right=right)
            connection.execute(failures.delete().where(failures.c.name_sha256 == _hash_name(name)))
            if fresh is not None:
                same = staff.c.staff_id == member.staff_id
                connection.execute(staff.update().where(same).values(password_hash=fresh))
            return SignedIn(member=member, session=_start_session(connection, member, token_sha256, address, at))

        return await self._write(settle)

    async def open_session(
        self, staff_id: StaffId, *, token_sha256: str, address: str, at: datetime
    ) -> StaffSession | None:
        def start(connection: sa.Connection) -> StaffSession | None:
            member = _find(connection, staff.c.staff_id == staff_id, ~staff.c.disabled)
            return None if member is None else _start_session(connection, member, token_sha256, address, at)

        return await self._write(start)

    async def find_session(self, token_sha256: str, *, at: datetime, seen: bool = True) -> Caller | None:
        caller = await self._read(lambda connection: _find_caller(connection, token_sha256))
        if caller is None or caller.member.disabled or at >= caller.session.expires_at:
            return None
        expires_at = expiry(caller.session.created_at, at)
        if not seen or expires_at - caller.session.expires_at < REFRESH:
            return caller
        kept = sessions.update().where(sessions.c.token_sha256 == token_sha256)
        await self._write(lambda connection: connection.execute(kept.values(expires_at=write_moment(expires_at))))
        return caller.model_copy(update={"session": caller.session.model_copy(update={"expires_at": expires_at})})

    async def end_session(self, token_sha256: str, *, at: datetime) -> None:
        def end(connection: sa.Connection) -> None:
            caller = _find_caller(connection, token_sha256)
            connection.execute(sessions.delete().where(sessions.c.token_sha256 == token_sha256))
            if caller is not None and at < caller.session.expires_at:
                detail = {"session": _name_session(token_sha256)}
                append_entry(connection, "signed_out", caller.member.actor, at, detail=detail)

        await self._write(end)

    async def end_sessions(self, staff_id: StaffId) -> int:
        ended = sessions.delete().where(sessions.c.staff_id == staff_id)
        return await self._write(lambda connection: connection.execute(ended).rowcount)

    # Audit ---------------------------------------------------------------------------------------------------

    async def note(
        self,
        action: AuditAction,
        *,
        by: Actor,
        at: datetime,
        conversation_id: ConversationId | None = None,
        detail: Json | None = None,
    ) -> AuditEntry:
        def note(connection: sa.Connection) -> AuditEntry:
            return append_entry(connection, action, by, at, conversation_id=conversation_id, detail=detail)

        return await self._write(note)

    async def read_audit(
        self, *, limit: int = 100, before: int | None = None, conversation_id: ConversationId | None = None
    ) -> Sequence[AuditEntry]:
        wanted = sa.select(audit).order_by(audit.c.number.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(audit.c.number < before)
        if conversation_id is not None:
            wanted = wanted.where(audit.c.conversation_id == conversation_id)
        rows = await asyncio.to_thread(read_rows, self._reader, wanted)
        return [read_entry(row) for row in rows]

    async def check_audit(self) -> int | None:
        return await asyncio.to_thread(check_chain, self._reader)

    # Threads -------------------------------------------------------------------------------------------------

    async def _write(self, work: Callable[[sa.Connection], Made]) -> Made:
        """What `work` makes of one transaction."""

        def transact() -> Made:
            with reach(self._engine, writes=True) as connection:
                return work(connection)

        return await asyncio.wrap_future(self._writer.submit(transact))

    async def _read(self, work: Callable[[sa.Connection], Made]) -> Made:
        def look() -> Made:
            with reach(self._reader) as connection:
                return work(connection)

        return await asyncio.to_thread(look)

    async def _hash(self, password: str) -> str:
        return await asyncio.wrap_future(self._proofs.submit(self._hasher.hash, _normalise(password)))

    @cached_property
    def _nobodys(self) -> str:
        """What a password is proved against for a name that nobody has."""
        return self._hasher.hash(secrets.token_urlsafe())

    def _prove(self, password_hash: str | None, password: str) -> tuple[bool, str | None]:
        """Whether it is right, and its new hash when the stored one has other parameters than today's."""
        nobodys = self._nobodys  # made by the first proof of a process, whoever's it is: time tells nothing
        known = password_hash or nobodys
        try:
            self._hasher.verify(known, password)
        except VerifyMismatchError:
            return False, None
        stale = self._hasher.check_needs_rehash(known)
        return True, self._hasher.hash(password) if stale else None


def _begin_attempt(connection: sa.Connection, name: str, at: datetime) -> _Attempt | Refused:
    key = _hash_name(name)
    past = failures.c.at < write_moment(at - FAILURE_WINDOW - LOCKED_FOR)
    connection.execute(failures.delete().where(past))
    if until := locked_until(_failures(connection, key), at):
        return Refused(reason="locked", retry_at=until)
    connection.execute(failures.insert().values(name_sha256=key, at=write_moment(at)))
    locks = locked_until(_failures(connection, key), at) is not None
    return _Attempt(connection.scalar(_HASH, {"name": name}), locks)


def _refuse(
    connection: sa.Connection,
    attempt: _Attempt,
    member: StaffMember | None,
    address: str,
    at: datetime,
    *,
    right: bool,
) -> Refused:
    """Leaves the failure that the attempt was counted as, and notes it. Who was meant is noted only if they exist."""
    reason = "unknown" if member is None else "disabled" if right and member.disabled else "wrong"
    by = Actor(name="unknown") if member is None else member.actor
    append_entry(connection, "sign_in_failed", by, at, detail={"reason": reason, "address": address})
    if attempt.locks:
        append_entry(connection, "locked_out", by, at, detail={"address": address})
    return Refused(reason=reason)


def _find(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> StaffMember | None:
    row = connection.execute(sa.select(*_MEMBER).where(*which)).mappings().one_or_none()
    return None if row is None else StaffMember.model_validate(dict(row))


def _find_caller(connection: sa.Connection, token_sha256: str) -> Caller | None:
    """Whose session it is, whether it is over or not."""
    row = connection.execute(sa.select(sessions).where(sessions.c.token_sha256 == token_sha256)).mappings().first()
    if row is None:
        return None
    session = StaffSession.model_validate(dict(row))
    member = _find(connection, staff.c.staff_id == session.staff_id)
    return None if member is None else Caller(session=session, member=member)


def _start_session(
    connection: sa.Connection, member: StaffMember, token_sha256: str, address: str, at: datetime
) -> StaffSession:
    """Writes the session and forgets the ones that are over."""
    session = StaffSession(
        staff_id=member.staff_id, token_sha256=token_sha256, created_at=at, expires_at=expiry(at, at)
    )
    times = {"created_at": write_moment(session.created_at), "expires_at": write_moment(session.expires_at)}
    connection.execute(sessions.delete().where(sessions.c.expires_at <= write_moment(at)))
    connection.execute(sessions.insert().values({**session.model_dump(), **times}))
    detail = {"address": address, "session": _name_session(token_sha256)}
    append_entry(connection, "signed_in", member.actor, at, detail=detail)
    return session


def _failures(connection: sa.Connection, key: str) -> list[datetime]:
    """The last failures of a name, the latest first; as many as matter."""
    wanted = sa.select(failures.c.at).where(failures.c.name_sha256 == key).order_by(failures.c.number.desc())
    return [datetime.fromisoformat(at) for at in connection.scalars(wanted.limit(FAILURES))]


def _name_session(token_sha256: str) -> str:
    """Enough to see which sign-out belongs to which sign-in."""
    return token_sha256[:12]


def _hash_name(name: str) -> str:
    """What a failure is filed under: what was typed as a name may have been a password."""
    return hashlib.sha256(name.encode()).hexdigest()


def _normalise(password: str) -> str:
    """The same bytes for what looks the same, whatever keyboard or terminal it was typed on."""
    return unicodedata.normalize("NFKC", password)
