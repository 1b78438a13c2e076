"""Keeps the records in step with the log: what changes is noted, and written a moment later, together.

What a human agent waits for is written at once; what the assistant does by itself, within a second, so that steps
that follow soon upon each other share one record. Never wrong for long: at the start, and whenever writing failed,
whatever is stale is found by its sequence number and made again. Nobody who answers a customer waits for it. Beside
this, days that have ended are summed for the report.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from firstline.conversation import Conversation
from firstline.dispatch import Signal
from firstline.errors import StoreError
from firstline.events import Event, Logged, MessagePosted, RecordChanged
from firstline.ledger import Ledger, Publish
from firstline.record import Record, build_record
from firstline.report import Archive
from firstline.scoring import Known
from firstline.store import Records
from firstline.types import ConversationId

INBOX = ConversationId("inbox")
"""Whoever watches this is told which records have changed."""

PAUSE_SECONDS = 0.05
CALM_SECONDS = 1.0
SUM_EVERY = timedelta(minutes=1)
RETRY_SECONDS = 2.0
BATCH = 200

_QUIET = {
    "turn.started", "guardrail.ran", "route.chosen", "passages.retrieved", "model.replied", "tool.called",
    "tool.returned", "confirmation.requested", "conversation.started",
}  # fmt: skip
"""Facts that the turn's end will bring to the record anyway."""

_CALM = {"turn.ended", "handoff.offered", "mood.judged"}
"""Facts of a conversation that the assistant holds."""

KnownOf = Callable[[Conversation], Awaitable[Known]]
"""What the revision that a conversation began with says."""

_log = structlog.get_logger()


class Indexer:
    """One per process that writes. `known`: the bundles, by name; conversations of others are left as they are."""

    def __init__(
        self,
        records: Records,
        known: Mapping[str, Known],
        publish: Publish,
        now: Callable[[], datetime],
        *,
        archive: Archive,
        own: KnownOf | None = None,
    ) -> None:
        self._records = records
        self._known = known
        self._publish = publish
        self._now = now
        self._archive = archive
        self._own = own
        self._sum_at: datetime | None = None
        self._ledger: Ledger | None = None
        self._dirty: set[ConversationId] = set()
        self._wake = asyncio.Event()
        self._soon = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def note(self, conversation_id: ConversationId, signals: tuple[Signal, ...]) -> None:
        """Take notice of what was published. Never blocks, never fails."""
        facts = [each.event for each in signals if isinstance(each, Logged) and each.event.type not in _QUIET]
        if not facts:
            return
        self._dirty.add(conversation_id)
        self._idle.clear()
        self._wake.set()
        if not all(map(_is_calm, facts)):
            self._soon.set()

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
        """Returns when everything noted so far is in the records, which is now no more put off."""
        if not self._idle.is_set():
            self._soon.set()
        await self._idle.wait()

    async def _run(self) -> None:
        catch_up = True
        while True:
            try:
                if catch_up:
                    await self._catch_up()
                    catch_up = False
                await self._sum_days()
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
            self._soon.clear()
            self._idle.set()
        await self._wake.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._soon.wait(), CALM_SECONDS)
        await asyncio.sleep(PAUSE_SECONDS)
        self._wake.clear()
        self._soon.clear()
        taken, self._dirty = list(self._dirty), set()
        await self._write(taken)

    async def _catch_up(self) -> None:
        skip = 0
        while stale := await self._records.stale(BATCH, skip=skip):
            skip += len(stale) - await self._write(stale)  # left: bundles that are not served here

    async def _sum_days(self) -> None:
        now = self._now()
        if self._sum_at is not None and now < self._sum_at:
            return
        self._sum_at = now + SUM_EVERY
        for zone in {known.bundle.hours.timezone for known in self._known.values()}:
            await self._archive.sum_days(zone, now)

    async def _write(self, conversation_ids: Sequence[ConversationId]) -> int:
        assert self._ledger is not None, "it was started"
        made: list[Record] = []
        for conversation_id in conversation_ids:
            try:
                conversation = await self._ledger.load(conversation_id)
                known = self._known.get(conversation.bundle)
                if conversation.started is not None and known is not None:
                    known = await self._own(conversation) if self._own else known
                    made.append(build_record(conversation, known, self._now()))
            except StoreError:
                raise
            except Exception:
                _log.exception("record_broke")  # a mistake of ours in one log: the others go on
        if made:
            await self._records.keep(made)
        for record in made:
            self._publish(INBOX, (RecordChanged(record.conversation_id),))
        return len(made)


def _is_calm(fact: Event) -> bool:
    """Whether it can wait a moment: a message that no turn answers is one between people."""
    return fact.turn_id is not None if isinstance(fact, MessagePosted) else fact.type in _CALM
