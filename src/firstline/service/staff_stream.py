"""What an open inbox is told as it happens: the queue's rows, and everything of the one conversation it watches.

One stream for each window. It ends within seconds when its session does; whoever comes back gets everything anew.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic_core import to_json

from firstline.dispatch import Signal, Watch
from firstline.events import Logged, RecordChanged, ReplyGrew, ReplyWithdrawn, TypingShown
from firstline.indexer import INBOX
from firstline.markup import render_html
from firstline.service.reception import Reception, Served
from firstline.service.sign_in import AsViewer, Door, StaffDoor, still_signed_in
from firstline.service.staff import known
from firstline.service.staff_entries import view_entries
from firstline.service.staff_views import view_detail, view_head, view_row
from firstline.service.stream import HEADERS
from firstline.staff import Caller
from firstline.store import Filter, QueueRow
from firstline.types import ConversationId, Json

CHECK_SECONDS = 4.0
"""How often an open stream asks whether its session still holds; a heartbeat goes out at the same time."""
MOST_ROWS = 500

router = APIRouter(prefix="/v1/staff", tags=["staff"])


@router.get("/events")
async def read_events(
    caller: AsViewer,
    reception: Served,
    door: Door,
    conversation: Annotated[str | None, Query(max_length=100)] = None,
) -> StreamingResponse:
    """Server-sent events: `queue`, `row`; and for the watched conversation `detail`, `changed`, `reply`, `typing`."""
    watched = ConversationId(conversation) if conversation else None
    if watched is not None:
        await known(watched, reception)
        await door.note(caller, "conversation_read", conversation_id=watched)
    stream = stream_inbox(reception, door, caller, watched)
    return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)


async def stream_inbox(
    reception: Reception,
    door: StaffDoor,
    caller: Caller,
    watched: ConversationId | None,
    *,
    check_seconds: float = CHECK_SECONDS,
) -> AsyncGenerator[bytes]:
    """The stream's bytes, for as long as the session holds and the reader keeps up."""
    async with AsyncExitStack() as held:
        queue = await held.enter_async_context(reception.dispatcher.subscribe(INBOX))
        own = await held.enter_async_context(reception.dispatcher.subscribe(watched)) if watched else None
        window = _Window(reception, caller, watched)
        yield b"retry: 1000\n\n"
        yield await window.begin()
        signals = _Signals(queue, own)
        held.push_async_callback(signals.close)
        clock = asyncio.get_running_loop()
        check_at = clock.time() + check_seconds
        while (came := await signals.next(within_seconds=check_seconds)) != "lost":
            written = b"" if came == "quiet" else await window.tell(came)
            is_due = clock.time() >= check_at
            if is_due and not await still_signed_in(door, caller.session):
                return
            check_at = clock.time() + check_seconds if is_due else check_at
            if written or is_due:
                yield written or b": still here\n\n"


class _Signals:
    """What two watches bring, as it comes."""

    def __init__(self, *watches: Watch | None) -> None:
        self._watches = [watch for watch in watches if watch is not None]
        self._waiting: dict[asyncio.Task[list[Signal] | Literal["quiet", "lost"]], Watch] = {}

    async def next(self, *, within_seconds: float) -> list[Signal] | Literal["quiet", "lost"]:
        for watch in self._watches:
            if watch not in self._waiting.values():
                self._waiting[asyncio.create_task(watch.next(within_seconds=3600))] = watch
        done, _ = await asyncio.wait(self._waiting, timeout=within_seconds, return_when=asyncio.FIRST_COMPLETED)
        signals: list[Signal] = []
        for task in done:
            del self._waiting[task]
            came = task.result()
            if came == "lost":
                return "lost"
            signals += came if came != "quiet" else []
        return signals or "quiet"

    async def close(self) -> None:
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)


@dataclass
class _Window:
    """One open inbox: what it was shown last, so that only what is new is sent."""

    reception: Reception
    caller: Caller
    watched: ConversationId | None
    shown: dict[str, bytes] = field(default_factory=dict[str, bytes])

    async def begin(self) -> bytes:
        """The queue whole, and the watched conversation whole."""
        records = self.reception.records
        rows: dict[str, QueueRow] = {}
        for chosen in (Filter("waiting", limit=MOST_ROWS), Filter("with_human", limit=MOST_ROWS)):
            rows |= {row.conversation_id: row for row in await records.list(chosen)}
        for chosen in (Filter("ticket", limit=MOST_ROWS), Filter("approvals", limit=MOST_ROWS)):
            rows |= {row.conversation_id: row for row in await records.list(chosen)}
        counts = dict(await records.count())
        written = _frame("queue", {"conversations": [view_row(row) for row in rows.values()], "counts": counts})
        return written + await self._begin_watched()

    async def tell(self, signals: list[Signal]) -> bytes:
        """What these signals change on the page."""
        changed = dict.fromkeys(each.conversation_id for each in signals if isinstance(each, RecordChanged))
        written = [await self._tell_row(conversation_id) for conversation_id in changed]
        written += [self._tell_frame(signal) for signal in signals]
        if any(isinstance(signal, Logged) for signal in signals):
            written.append(await self._tell_watched())
        return b"".join(written)

    async def _tell_row(self, conversation_id: ConversationId) -> bytes:
        row = await self.reception.records.find(conversation_id)
        if row is None:
            counts = dict(await self.reception.records.count())
            return _frame("gone", {"conversation_id": conversation_id, "counts": counts})
        return _frame("row", {"row": view_row(row), "counts": dict(await self.reception.records.count())})

    def _tell_frame(self, signal: Signal) -> bytes:
        match signal:
            case ReplyGrew(turn_id=turn_id, shown=shown, citations=citations):
                return _frame("reply", {"turn_id": turn_id, "html": render_html(shown, citations)})
            case ReplyWithdrawn(turn_id=turn_id, shown=shown):
                return _frame("reply", {"turn_id": turn_id, "html": render_html(shown)})
            case TypingShown(author=author, name=name):
                return _frame("typing", {"author": author, "name": name})
            case _:
                return b""

    async def _begin_watched(self) -> bytes:
        if self.watched is None:
            return b""
        conversation = await self.reception.ledger.load(self.watched)
        if conversation.started is None or conversation.bundle not in self.reception.engines:
            return b""
        bundle = self.reception.engine(conversation.bundle).bundle
        detail = view_detail(conversation, bundle, self.caller.member, self.reception.now())
        self.shown = {entry["key"]: to_json(entry) for entry in detail["entries"]}
        return _frame("detail", detail)

    async def _tell_watched(self) -> bytes:
        assert self.watched is not None, "only what is watched sends facts"
        conversation = await self.reception.ledger.load(self.watched)
        if conversation.started is None:
            return b""
        bundle, now = self.reception.engine(conversation.bundle).bundle, self.reception.now()
        fresh: list[Json] = []
        for entry in view_entries(conversation, bundle, now):
            body = to_json(entry)
            if self.shown.get(entry["key"]) != body:
                self.shown[entry["key"]] = body
                fresh.append(entry)
        return _frame("changed", {"head": view_head(conversation, bundle, self.caller.member, now), "entries": fresh})


def _frame(name: str, body: Json) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), to_json(body))
