"""One process: a task for each conversation that has something unanswered, and local queues for its watchers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from firstline.dispatch import Signal, Watch, Work
from firstline.events import Logged, ReplyGrew, ReplyWithdrawn, TurnEnded
from firstline.types import ConversationId

RETRY_SECONDS = 2.0
"""When work broke (a full disk, say) the log still says that something is due: it is tried again."""
DRAIN_SECONDS = 5.0

_log = structlog.get_logger()


class LocalDispatcher:
    """`Dispatcher` of the embedded product; `work` answers a conversation."""

    def __init__(self, work: Work, *, retry_seconds: float = RETRY_SECONDS) -> None:
        self._work = work
        self._retry_seconds = retry_seconds
        self._running: dict[ConversationId, tuple[asyncio.Task[None], asyncio.Event]] = {}
        self._again: set[ConversationId] = set()
        self._closing = False
        self._watchers: dict[ConversationId, set[Watch]] = {}
        self._shown: dict[ConversationId, ReplyGrew] = {}

    async def submit(self, conversation_id: ConversationId) -> None:
        if self._closing:
            return  # it is in the log, for the next start
        if conversation_id in self._running:
            self._again.add(conversation_id)
            return
        stop = asyncio.Event()
        task = asyncio.create_task(self._run(conversation_id, stop), name=f"turn {conversation_id}")
        self._running[conversation_id] = (task, stop)

    async def stop(self, conversation_id: ConversationId) -> None:
        if conversation_id in self._running:
            self._running[conversation_id][1].set()

    async def forget(self, conversation_id: ConversationId) -> None:
        if conversation_id in self._running:
            task, _ = self._running[conversation_id]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._shown.pop(conversation_id, None)
        for watch in self._watchers.get(conversation_id, ()):
            watch.end()

    def publish(self, conversation_id: ConversationId, signals: tuple[Signal, ...]) -> None:
        for signal in signals:
            self._remember(conversation_id, signal)
        for watch in self._watchers.get(conversation_id, ()):
            watch.put(*signals)

    @asynccontextmanager
    async def subscribe(self, conversation_id: ConversationId) -> AsyncGenerator[Watch]:
        watch = Watch()
        shown = self._shown.get(conversation_id)
        if shown is not None:
            # Whoever comes in the middle gets the reply whole: a withdrawal of all, then all.
            watch.put(ReplyWithdrawn(shown.turn_id, ""), replace(shown, text=shown.shown))
        self._watchers.setdefault(conversation_id, set()).add(watch)
        try:
            yield watch
        finally:
            watchers = self._watchers[conversation_id]
            watchers.discard(watch)
            if not watchers:
                del self._watchers[conversation_id]

    async def close(self, *, drain_seconds: float = DRAIN_SECONDS) -> None:
        """Let running turns end for a while, then stop: what is unfinished is taken up at the next start."""
        self._closing = True
        tasks = [task for task, _ in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=drain_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for watchers in self._watchers.values():
            for watch in watchers:
                watch.end()

    @property
    def busy(self) -> int:
        """How many conversations are being worked on."""
        return len(self._running)

    async def _run(self, conversation_id: ConversationId, stop: asyncio.Event) -> None:
        try:
            await self._work(conversation_id, stop)
        except Exception:
            _log.exception("work_broke", conversation_id=conversation_id)
            await asyncio.sleep(self._retry_seconds)
            self._again.add(conversation_id)
        finally:
            del self._running[conversation_id]
            again = conversation_id in self._again
            self._again.discard(conversation_id)
        if again:
            await self.submit(conversation_id)

    def _remember(self, conversation_id: ConversationId, signal: Signal) -> None:
        """Keep what the running turn has shown, until it is in the log."""
        if isinstance(signal, ReplyGrew):
            self._shown[conversation_id] = signal
        elif isinstance(signal, ReplyWithdrawn | Logged) and conversation_id in self._shown:
            if isinstance(signal, ReplyWithdrawn):
                self._shown[conversation_id] = ReplyGrew(signal.turn_id, signal.shown, signal.shown)
            elif isinstance(signal.event, TurnEnded):
                del self._shown[conversation_id]
