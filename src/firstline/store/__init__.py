"""The log of every conversation: append-only, fenced by sequence number."""

from collections.abc import Sequence
from typing import Protocol

from firstline.events import Event, Logged
from firstline.types import ConversationId


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
