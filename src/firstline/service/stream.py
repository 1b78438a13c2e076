"""Server-sent events: the log from where the reader is, then what comes, without gap or double."""

from collections.abc import AsyncGenerator, Callable
from datetime import datetime

from pydantic_core import to_json

from firstline.conversation import Conversation
from firstline.dispatch import Dispatcher, Signal
from firstline.events import Logged, ModelReplied, RecordChanged, ReplyWithdrawn, TypingShown
from firstline.ledger import Ledger
from firstline.service.views import view_fact, view_frame
from firstline.types import ConversationId, Json

HEARTBEAT_SECONDS = 15.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def stream_events(
    ledger: Ledger,
    dispatcher: Dispatcher,
    conversation_id: ConversationId,
    *,
    after: int,
    now: Callable[[], datetime],
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
) -> AsyncGenerator[bytes]:
    """Events with seq > after, then live ones for as long as the reader stays.

    `reset` comes first when `after` is no place in this log. It ends when the reader fell too far behind or the
    conversation is erased: the reader comes back with the last id that it has seen.
    """
    async with dispatcher.subscribe(conversation_id) as watch:
        conversation = await ledger.load(conversation_id)
        sent = after
        yield b"retry: 1000\n\n"
        if not 0 <= after <= conversation.last_seq:
            sent = conversation.last_seq
            yield _frame("reset", {"type": "reset", "conversation_id": conversation_id, "last_seq": sent})
        missed = b"".join(_write(conversation_id, logged, now) for logged in conversation.log[sent:])
        sent = conversation.last_seq
        if conversation.unfinished:
            missed += _begin_anew(conversation, now)
        if missed:
            yield missed
        while True:
            signals = await watch.next(within_seconds=heartbeat_seconds)
            if signals == "quiet":
                yield b": still here\n\n"
                continue
            if signals == "lost":
                return
            facts = [signal for signal in signals if isinstance(signal, Logged) and signal.seq > sent]
            if [fact.seq for fact in facts] != list(range(sent + 1, sent + 1 + len(facts))):
                facts = list((await ledger.load(conversation_id)).log[sent:])
                signals = [*facts, *(signal for signal in signals if not isinstance(signal, Logged))]
            fresh = [signal for signal in signals if not isinstance(signal, Logged) or signal.seq > sent]
            sent = facts[-1].seq if facts else sent
            if written := b"".join(_write(conversation_id, signal, now) for signal in fresh):
                yield written


def _begin_anew(conversation: Conversation, now: Callable[[], datetime]) -> bytes:
    """Takes back what this reader may have seen of the running turn, but no log holds: its process may be gone."""
    turn_id = conversation.open_turn or conversation.next_turn
    if turn_id is None:
        return b""
    replies = [each for each in conversation.turn_events(turn_id) if isinstance(each, ModelReplied)]
    shown = replies[-1].shown if replies else ""
    return _write(conversation.conversation_id, ReplyWithdrawn(turn_id, shown), now)


def _write(conversation_id: ConversationId, signal: Signal, now: Callable[[], datetime]) -> bytes:
    if isinstance(signal, RecordChanged) or (isinstance(signal, TypingShown) and signal.author == "customer"):
        return b""
    if isinstance(signal, Logged):
        view = view_fact(conversation_id, signal)
        return b"" if view is None else _frame(signal.event.type, view, seq=signal.seq)
    return _frame(signal.type, view_frame(conversation_id, signal, now()))


def _frame(name: str, body: Json, *, seq: int | None = None) -> bytes:
    """One event. JSON keeps its data on one line, so no text can forge a frame."""
    place = b"" if seq is None else b"id: %d\n" % seq
    return b"%sevent: %s\ndata: %s\n\n" % (place, name.encode(), to_json(body))
