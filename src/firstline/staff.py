"""The people who work in the inbox: who they are, what they may do, and the log of what they did.

Values and rules, without I/O. Accounts, sessions and the audit log themselves are kept by a `StaffRegister`.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Protocol, get_args

from pydantic import AfterValidator, AwareDatetime, Field

from firstline.types import ConversationId, HumanAgent, Json, StaffId, Value

Role = Literal["viewer", "human_agent", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what the ones before it may."""

AuditAction = Literal[
    "signed_in", "sign_in_failed", "locked_out", "signed_out", "staff_added", "staff_changed",
    "conversation_read", "accepted", "replied", "noted", "returned", "released", "resolved", "reopened", "timed_out",
    "approved", "declined", "corrected", "drafted", "exported", "erased",
]  # fmt: skip

FAILURES = 5
FAILURE_WINDOW = timedelta(minutes=15)
LOCKED_FOR = timedelta(minutes=15)
LONGEST_SESSION = timedelta(hours=12)
LONGEST_IDLE = timedelta(hours=2)
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 1000

NO_ENTRY = "0" * 64
"""What the first entry of the audit log is chained to."""

DEMO_NAME = "demo-"
"""How the sign-in name of a demo account begins, and no other."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_PICTURE = re.compile(r"/(?!/)[\x21-\x7e]*|https://[\x21-\x7e]+")


def read_name(typed: str) -> str:
    """The sign-in name that somebody means: without spaces around it, in lower case."""
    return typed.strip().lower()


def check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            "a sign-in name has 1 to 63 of a-z, 0-9, dot, dash and underscore, and begins with a-z or 0-9"
        )
    return name


def check_display_name(name: str) -> str:
    if not name.strip() or name != name.strip() or len(name) > 80 or not name.isprintable():
        raise ValueError("a display name has 1 to 80 characters on one line")
    return name


def check_picture(picture: str | None) -> str | None:
    if picture is not None and (len(picture) > 500 or not _PICTURE.fullmatch(picture)):
        raise ValueError("a picture is a path on this site, such as /static/desk.png, or an https address")
    return picture


class Actor(Value):
    """Who did something, as the audit log names them; without `staff_id` nobody who has an account."""

    name: str
    staff_id: StaffId | None = None


class StaffMember(Value):
    """One account. `name` is for signing in, `display_name` and `picture` are what customers see."""

    staff_id: StaffId
    name: Annotated[str, AfterValidator(check_name)]
    display_name: Annotated[str, AfterValidator(check_display_name)]
    role: Role
    picture: Annotated[str | None, AfterValidator(check_picture)] = None
    disabled: bool = False
    created_at: AwareDatetime

    @property
    def actor(self) -> Actor:
        return Actor(name=self.name, staff_id=self.staff_id)

    @property
    def human_agent(self) -> HumanAgent:
        return HumanAgent(staff_id=self.staff_id, name=self.display_name, picture=self.picture)

    @property
    def is_demo(self) -> bool:
        return self.name.startswith(DEMO_NAME)


class StaffChange(Value):
    """What is to be different; None leaves as it is, an empty `picture` takes it away."""

    role: Role | None = None
    display_name: Annotated[str, AfterValidator(check_display_name)] | None = None
    picture: str | None = None
    disabled: bool | None = None

    def apply(self, member: StaffMember) -> StaffMember:
        """Raises ValueError for a picture that is none."""
        wanted = self.model_dump(exclude_none=True)
        if self.picture is not None:
            wanted["picture"] = check_picture(self.picture or None)
        return member.model_copy(update=wanted)


class StaffSession(Value):
    """One sign-in, known by the hash of its token; over at `expires_at` unless something is done before."""

    staff_id: StaffId
    token_sha256: str
    created_at: AwareDatetime
    expires_at: AwareDatetime


class Caller(Value):
    """Who calls, and by which session."""

    session: StaffSession
    member: StaffMember


class SignedIn(Value):
    """The password was right; the session is there."""

    member: StaffMember
    session: StaffSession


class Refused(Value):
    """No session; the reason is for the audit log and for tests, not for the caller. `retry_at` ends a lock."""

    reason: Literal["unknown", "wrong", "locked", "disabled"]
    retry_at: AwareDatetime | None = None


class AuditEntry(Value):
    """One thing that somebody did. `hash` covers all other fields and the entry before; `detail` is never a text."""

    number: Annotated[int, Field(ge=1)]
    at: AwareDatetime
    staff_id: StaffId | None = None
    actor: str
    action: AuditAction
    conversation_id: ConversationId | None = None
    detail: Json
    hash: str


# Rules --------------------------------------------------------------------------------------------------------------


def may(role: Role, needed: Role) -> bool:
    """Whether `role` includes what `needed` may do."""
    return ROLES.index(role) >= ROLES.index(needed)


def check_password(name: str, password: str) -> str | None:
    """What is wrong with a new password, or None."""
    if len(password) < SHORTEST_PASSWORD:
        return f"the password is shorter than {SHORTEST_PASSWORD} characters"
    if len(password) > LONGEST_PASSWORD:
        return f"the password is longer than {LONGEST_PASSWORD:,} characters"
    if read_name(password) == name:
        return "the password is the sign-in name"
    return None


def locked_until(failures: Sequence[datetime], at: datetime) -> datetime | None:
    """When a name may be tried again, None for now. `failures`: its last ones, the latest first.

    Nothing is counted while it is locked, so the five that locked it are always the last five.
    """
    if len(failures) < FAILURES:
        return None
    latest, fifth = failures[0], failures[FAILURES - 1]
    until = latest + LOCKED_FOR
    return until if latest - fifth < FAILURE_WINDOW and at < until else None


def expiry(created_at: datetime, seen_at: datetime) -> datetime:
    """When a session that was last used at `seen_at` ends."""
    return min(created_at + LONGEST_SESSION, seen_at + LONGEST_IDLE)


def chain_hash(previous: str, entry: AuditEntry) -> str:
    """SHA-256 over the hash before and the entry's canonical JSON, which is without its own hash."""
    fields: Json = {**entry.model_dump(exclude={"hash"}), "at": write_moment(entry.at)}
    canonical = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256((previous + canonical).encode()).hexdigest()


def write_moment(at: datetime) -> str:
    """A time as it is stored and hashed: UTC, always with microseconds, so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


# Protocols ----------------------------------------------------------------------------------------------------------


class AuditLog(Protocol):
    """What people did: append-only, each entry chained to the one before. All raise StoreUnavailable."""

    async def note(
        self,
        action: AuditAction,
        *,
        by: Actor,
        at: datetime,
        conversation_id: ConversationId | None = None,
        detail: Json | None = None,
    ) -> AuditEntry:
        """The new last entry, durable. `detail` says what was done in ids and words of ours, never in a message."""
        ...

    async def read_audit(
        self, *, limit: int = 100, before: int | None = None, conversation_id: ConversationId | None = None
    ) -> Sequence[AuditEntry]:
        """The latest first, those with a number below `before`."""
        ...

    async def check_audit(self) -> int | None:
        """The first number that was changed, added or removed; None when the chain holds to its end."""
        ...


class StaffRegister(AuditLog, Protocol):
    """Accounts and sessions. What changes them is in the audit log in the same commit. All raise StoreUnavailable."""

    async def add(self, member: StaffMember, *, password: str, by: Actor, at: datetime) -> bool:
        """False when the name is taken; then nothing has changed."""
        ...

    async def change(
        self, staff_id: StaffId, change: StaffChange, *, by: Actor, at: datetime, password: str | None = None
    ) -> StaffMember | None:
        """The member as it is now, None for an unknown one. Disabling and a new password end all of its sessions."""
        ...

    async def find(self, staff_id: StaffId) -> StaffMember | None: ...

    async def find_name(self, name: str) -> StaffMember | None: ...

    async def list_members(self) -> Sequence[StaffMember]:
        """All, the disabled ones too, by name."""
        ...

    async def sign_in(
        self, name: str, password: str, *, token_sha256: str, address: str, at: datetime
    ) -> SignedIn | Refused:
        """A session under this token when name and password are right. An unknown name costs as much as a known one.

        Five failures within 15 minutes lock a name, known or not, for 15 minutes, whatever the password then is.
        """
        ...

    async def open_session(
        self, staff_id: StaffId, *, token_sha256: str, address: str, at: datetime
    ) -> StaffSession | None:
        """A session without a password, for callers proven otherwise; None for an unknown or disabled member."""
        ...

    async def find_session(self, token_sha256: str, *, at: datetime, seen: bool = True) -> Caller | None:
        """None when it is over or its member disabled. `seen`: this use keeps it from being idle."""
        ...

    async def end_session(self, token_sha256: str, *, at: datetime) -> None:
        """Again is no error."""
        ...

    async def end_sessions(self, staff_id: StaffId) -> int:
        """How many sessions of the member there were."""
        ...
