"""The store by itself, in a process of its own: `python -m bench.append` prints milliseconds as JSON."""

import asyncio
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from bench.said import ask
from firstline.events import MessagePosted
from firstline.store.opening import open_store
from firstline.store.sql import SqlStore
from firstline.types import ConversationId, Message, MessageId, TurnId

APPENDS = 400
WRITERS = 16


async def measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'bench.db'}")
        await _append(store, "cv_warm", APPENDS)
        alone = await _append(store, "cv_alone", APPENDS)
        together = await asyncio.gather(
            *(_append(store, f"cv_{number}", APPENDS // WRITERS) for number in range(WRITERS))
        )
        store.close()
    return {
        "append_ms_p50": median(alone),
        "append_ms_p95": quantiles(alone, n=20)[-1],
        "append_ms_p50_loaded": median(each for one in together for each in one),
    }


async def _append(store: SqlStore, conversation_id: str, count: int) -> list[float]:
    taken: list[float] = []
    for seq in range(count):
        at = datetime.now(UTC)
        message = Message(message_id=MessageId(f"ms_{seq}"), author="customer", text=ask(seq), at=at)
        posted = MessagePosted(at=at, turn_id=TurnId(f"tn_{seq}"), message=message, client_message_id=str(seq))
        began = time.perf_counter()
        await store.append(ConversationId(conversation_id), (posted,), after=seq)
        taken.append(1e3 * (time.perf_counter() - began))
    return taken


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure())))
