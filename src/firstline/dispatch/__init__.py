"""Who works on a conversation, and who watches it. A turn is a job of the server, never of a request."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

from firstline.events import Frame, Logged
from firstline.types import ConversationId

Signal = Logged | Frame
"""What watchers get: facts after they are stored, frames as they come."""

WATCHER_SIGNALS = 256


class Watch:
    """One watcher's place: signals in the order in which they were published."""

    def __init__(self, limit: int = WATCHER_SIGNALS) -> None:
        self._limit = limit
        self._queue: asyncio.Queue[Signal | None] = asyncio.Queue()
        self._ended = False

    def put(self, *signals: Signal) -> None:
        """Add signals. A watcher that is too far behind loses its place instead: nobody waits for it."""
        if self._queue.qsize() + len(signals) > self._limit:
            self.end()
        elif not self._ended:
            for signal in signals:
                self._queue.put_nowait(signal)

    def end(self) -> None:
        """Take the place away; what is in it may still be read."""
        if not self._ended:
            self._ended = True
            self._queue.put_nowait(None)

    async def next(self, *, within_seconds: float) -> list[Signal] | Literal["quiet", "lost"]:
        """All signals that are there, at least one; `quiet`: none came in time; `lost`: read the log again."""
        try:
            async with asyncio.timeout(within_seconds):
                first = await self._queue.get()
        except TimeoutError:
            return "quiet"
        signals: list[Signal] = []
        while first is not None:
            signals.append(first)
            if self._queue.empty():
                return signals
            first = self._queue.get_nowait()
        self._queue.put_nowait(None)  # the end stays the end, however often it is read
        return signals or "lost"


class Work(Protocol):
    """What a dispatcher runs: answers all that is unanswered in one conversation."""

    async def __call__(self, conversation_id: ConversationId, stop: asyncio.Event) -> None: ...


class Dispatcher(Protocol):
    async def submit(self, conversation_id: ConversationId) -> None:
        """Have the conversation worked on, by one worker at a time; what comes meanwhile is taken up after."""
        ...

    async def stop(self, conversation_id: ConversationId) -> None:
        """Ask the running turn to end now; it keeps what was shown."""
        ...

    async def forget(self, conversation_id: ConversationId) -> None:
        """Break off whatever is done for the conversation, and let go of everyone who watches it."""
        ...

    def publish(self, conversation_id: ConversationId, signals: tuple[Signal, ...]) -> None:
        """Give signals to everyone who watches. Never blocks, never fails."""
        ...

    def subscribe(self, conversation_id: ConversationId) -> AbstractAsyncContextManager[Watch]:
        """A place to watch from, beginning with what the running turn has shown so far."""
        ...
