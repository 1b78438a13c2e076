"""What is still to be told to a desk: pointers into the log, never text. The protocols of whatever keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from firstline.desk import DeskName
from firstline.types import ConversationId


@dataclass(frozen=True, slots=True)
class Delivery:
    """The event at `seq` is to be told to `desk`; over when it has `done_at` or `dead_at`, and no `next_at` then."""

    desk: DeskName
    conversation_id: ConversationId
    seq: int
    type: str
    due_since: datetime
    attempts: int = 0
    next_at: datetime | None = None
    done_at: datetime | None = None
    dead_at: datetime | None = None
    last_error: str | None = None
    thread: str | None = None

    @property
    def delivery_id(self) -> str:
        return f"{self.conversation_id}:{self.seq}"


@dataclass(frozen=True, slots=True)
class Known:
    """How far a conversation's log was looked through for a desk, and whether the desk was to be told any of it."""

    looked_through: int
    told: bool


class Outbox(Protocol):
    """The deliveries of one desk after the other; each conversation's in the order of its log."""

    async def behind(self, desk: DeskName, limit: int) -> Sequence[ConversationId]:
        """Conversations with a hand-off whose log has gone on since it was looked through."""
        ...

    async def find(self, desk: DeskName, conversation_id: ConversationId) -> Known: ...

    async def add(self, found: Sequence[Delivery], desk: DeskName, conversation_id: ConversationId, seq: int) -> None:
        """Keep what was found in a log that was looked through up to `seq`: all or nothing, and nothing twice.

        Nothing of an erased conversation is kept.
        """
        ...

    async def due(self, desk: DeskName, now: datetime, limit: int) -> Sequence[Delivery]:
        """What may be tried now: of each conversation only the first that is not over."""
        ...

    async def next_at(self, desk: DeskName) -> datetime | None:
        """When there will be something to try; None when nothing waits."""
        ...

    async def settle(self, delivery: Delivery) -> None:
        """Write what became of an attempt, and the thread when there is one."""
        ...

    async def list_dead(self, limit: int | None = 100) -> Sequence[Delivery]:
        """What was given up, the newest first; None: all of it."""
        ...

    async def redeliver(self, desk: DeskName, delivery_id: str, now: datetime) -> bool:
        """Try again what was given up, as if for the first time. False when there is no such dead delivery."""
        ...


class Arrivals(Protocol):
    """What has come back from desks, so that nothing is heard twice."""

    async def find_conversation(self, desk: DeskName, thread: str) -> ConversationId | None:
        """Which conversation the desk means by its own name for it."""
        ...

    async def heard(self, desk: DeskName, arrival_id: str) -> bool: ...

    async def hear(self, desk: DeskName, arrival_id: str, conversation_id: ConversationId, at: datetime) -> None:
        """Remember that this has been carried out. Again is no error."""
        ...
