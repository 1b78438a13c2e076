"""The log of every conversation: append-only, fenced by sequence number; and the records that are made from it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from firstline.events import Event, Logged
from firstline.record import Record
from firstline.types import ConversationId, HandoffReason, Level, Locale, Status

Wanted = str | int | tuple[str, ...]
Shelf = Literal["waiting", "with_human", "open", "closed", "ticket", "approvals", "active", "all"]


@dataclass(frozen=True, slots=True)
class QueueRow:
    """What the inbox lists of a conversation: the columns of `Record` of the same names."""

    conversation_id: ConversationId
    seq: int
    bundle: str
    locale: Locale
    playbook: str | None
    status: Status
    started_at: datetime
    last_at: datetime
    waiting_since: datetime | None
    held_by: str | None
    holder_name: str | None
    reason: HandoffReason | None
    ticket: bool
    unclaimed: bool
    approvals: int
    unread: int
    customer_name: str
    subject: str
    mood: Level | None
    survey: int | None
    rung: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which conversations to list. `fields`: columns of the record and their value, or any of several;
    `failed_pairs`: names of two counters, where the second is to be smaller than the first. `stream`: of the drawn
    paths, its column and its two steps. `judged_bad`: what a judge was asked, and said no to at least once. Times: of
    the start; `until` is not included.
    """

    shelf: Shelf = "all"
    bundle: str | None = None
    held_by: str | None = None
    words: str = ""
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    fields: Mapping[str, Wanted] = field(default_factory=dict[str, Wanted])
    at_least_one: tuple[str, ...] = ()
    failed_pairs: tuple[tuple[str, str], ...] = ()
    stream: tuple[int, tuple[str, str]] | None = None
    judged_bad: str | None = None
    limit: int = 50
    offset: int = 0


class Store(Protocol):
    async def append(self, conversation_id: ConversationId, events: Sequence[Event], *, after: int) -> int:
        """The new last `seq`; all events are durable, or none.

        `after` is the last seq the writer has seen, 0 to begin a conversation. This is the whole concurrency
        control, and the fence against a frozen worker that wakes up.
        Raises: Conflict (the log has moved on), StoreUnavailable.
        """
        ...

    async def read(self, conversation_id: ConversationId, *, after: int = 0) -> Sequence[Logged]:
        """The events with seq > after, in order; empty for an unknown conversation."""
        ...

    async def unfinished(self) -> Sequence[ConversationId]:
        """Conversations in which something is unanswered: what a starting process takes up again."""
        ...

    async def erase(self, conversation_id: ConversationId) -> None:
        """Remove every event of the conversation, leaving a tombstone without content. Again is no error."""
        ...


class Records(Protocol):
    """The records of all conversations, made from the log by `firstline.indexer`."""

    async def keep(self, kept: Sequence[Record]) -> None:
        """Write records, all or none. One of an erased conversation, or older than what is there, is left out."""
        ...

    async def stale(self, limit: int, *, skip: int = 0) -> Sequence[ConversationId]:
        """Conversations whose record is behind their log, or of another version, the oldest first."""
        ...

    async def due(self, now: datetime, bundles: Collection[str]) -> Sequence[ConversationId]:
        """Conversations of these bundles in which time has something to do, by their record; the first due first."""
        ...

    async def find(self, conversation_id: ConversationId) -> QueueRow | None: ...

    async def list(self, chosen: Filter) -> Sequence[QueueRow]:
        """The waiting in the order of their waiting, all others the newest first."""
        ...

    async def count(self, bundle: str | None = None) -> Mapping[str, int]:
        """How many conversations there are by status that is not closed, and under `ticket` and `approvals`."""
        ...
