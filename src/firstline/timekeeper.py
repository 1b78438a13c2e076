"""What time itself brings: an apology when nobody came, a place in the queue again, the end of an idle conversation.

Which conversations are due stands in their records; what is to happen is decided on their log (`handoff.decide_due`),
behind its sequence number: so a record that is behind does no harm.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

import structlog

from firstline.bundle import Bundle
from firstline.conversation import Conversation
from firstline.errors import StoreError
from firstline.events import Event
from firstline.handoff import decide_due
from firstline.ledger import Ledger
from firstline.store import Records

TICK_SECONDS = 5.0

_log = structlog.get_logger()


class Timekeeper:
    """One per store. `bundles` by name; conversations of others are left alone."""

    def __init__(
        self,
        records: Records,
        ledger: Ledger,
        bundles: Mapping[str, Bundle],
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._records = records
        self._ledger = ledger
        self._bundles = bundles
        self._now = now
        self._new_id = new_id
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="timekeeper")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def tick(self) -> int:
        """Do what is due now; how many conversations were changed. Raises StoreError."""
        changed = 0
        now = self._now()
        for conversation_id in await self._records.due(now, self._bundles):
            try:
                before = await self._ledger.load(conversation_id)
                after = await self._ledger.update(conversation_id, partial(self._decide, now))
            except StoreError:
                raise
            except Exception:
                _log.exception("time_broke")  # a mistake of ours in one log: the others go on
                continue
            changed += after.last_seq > before.last_seq
        return changed

    def _decide(self, now: datetime, conversation: Conversation) -> tuple[Event, ...]:
        bundle = self._bundles.get(conversation.bundle)
        return () if bundle is None else decide_due(conversation, bundle, now, self._new_id)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                await self.tick()
            except StoreError:
                _log.warning("time_not_kept")  # it is still due at the next tick
            except Exception:
                _log.exception("time_broke")
