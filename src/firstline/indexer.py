"""Keeps the records in step with the log: what changes is noted, and written a moment later, together.

Behind by a moment, never wrong for long: at the start, and whenever writing failed, whatever is stale is found by its
sequence number and made again. Nobody who answers a customer waits for it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from firstline.bundle import Bundle
from firstline.dispatch import Signal
from firstline.errors import StoreError
from firstline.events import Logged, RecordChanged
from firstline.ledger import Ledger, Publish
from firstline.record import Record, build_record
from firstline.store import Records
from firstline.types import ConversationId

INBOX = ConversationId("inbox")
"""Whoever watches this is told which records have changed."""

PAUSE_SECONDS = 0.05
RETRY_SECONDS = 2.0
BATCH = 200

_QUIET = {
    "turn.started", "guardrail.ran", "route.chosen", "passages.retrieved", "model.replied", "tool.called",
    "tool.returned", "confirmation.requested", "conversation.started",
}  # fmt: skip
"""Facts that the turn's end will bring to the record anyway."""

_log = structlog.get_logger()


class Indexer:
    """One per process that writes. `bundles` by name; conversations of others are left as they are."""

    def __init__(
        self,
        records: Records,
        bundles: Mapping[str, Bundle],
        publish: Publish,
        now: Callable[[], datetime],
    ) -> None:
        self._records = records
        self._bundles = bundles
        self._publish = publish
        self._now = now
        self._ledger: Ledger | None = None
        self._dirty: set[ConversationId] = set()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def note(self, conversation_id: ConversationId, signals: tuple[Signal, ...]) -> None:
        """Take notice of what was published. Never blocks, never fails."""
        if any(isinstance(signal, Logged) and signal.event.type not in _QUIET for signal in signals):
            self._dirty.add(conversation_id)
            self._idle.clear()
            self._wake.set()

    def start(self, ledger: Ledger) -> None:
        """Begin, with whatever is stale."""
        self._ledger = ledger
        self._task = asyncio.create_task(self._run(), name="indexer")

    async def close(self) -> None:
        """Stop; what is not written is stale, and found at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def settled(self) -> None:
        """Returns when everything noted so far is in the records."""
        await self._idle.wait()

    async def _run(self) -> None:
        catch_up = True
        while True:
            try:
                if catch_up:
                    await self._catch_up()
                    catch_up = False
                await self._write_dirty()
            except StoreError:
                _log.warning("records_not_written")
                catch_up = True
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                _log.exception("records_broke")  # what it was about stays stale until the next start
                catch_up = False

    async def _write_dirty(self) -> None:
        if not self._dirty:
            self._idle.set()
        await self._wake.wait()
        await asyncio.sleep(PAUSE_SECONDS)
        self._wake.clear()
        taken, self._dirty = list(self._dirty), set()
        await self._write(taken)

    async def _catch_up(self) -> None:
        skip = 0
        while stale := await self._records.stale(BATCH, skip=skip):
            skip += len(stale) - await self._write(stale)  # left: bundles that are not served here

    async def _write(self, conversation_ids: Sequence[ConversationId]) -> int:
        assert self._ledger is not None, "it was started"
        made: list[Record] = []
        for conversation_id in conversation_ids:
            try:
                conversation = await self._ledger.load(conversation_id)
                bundle = self._bundles.get(conversation.bundle)
                if conversation.started is not None and bundle is not None:
                    made.append(build_record(conversation, bundle, self._now()))
            except StoreError:
                raise
            except Exception:
                _log.exception("record_broke")  # a mistake of ours in one log: the others go on
        if made:
            await self._records.keep(made)
        for record in made:
            self._publish(INBOX, (RecordChanged(record.conversation_id),))
        return len(made)
