"""Streams that nobody writes to: what holding them costs in memory, and in heartbeats."""

import asyncio
import resource
from dataclasses import dataclass

from bench.line import Line, open_line
from bench.machine import resident_mb, used_seconds
from bench.servers import Server
from bench.turns import open_stream, start_conversation

WATCH_SECONDS = 15.0
"""One heartbeat of each stream falls into it, wherever it begins."""


@dataclass(frozen=True)
class IdleStreams:
    """`core_share`: of one core, for all of them together."""

    streams: int
    kb_each: float
    core_share: float


async def hold_streams(server: Server, *, streams: int) -> IdleStreams:
    """So many conversations, each with one watcher, held for a heartbeat; then let go."""
    post = await open_line(server.port)
    held: list[Line] = []
    try:
        held += [await _open_one(server, post) for _ in range(streams // 10)]
        before = resident_mb(server.pid)  # by now, what is loaded at the first use is there
        held += [await _open_one(server, post) for _ in range(streams - len(held))]
        grown = resident_mb(server.pid) - before
        used = used_seconds(server.pid)
        await asyncio.sleep(WATCH_SECONDS)
        used = used_seconds(server.pid) - used
    finally:
        for line in (post, *held):
            line.close()
    return IdleStreams(streams, 1024 * grown / (streams - streams // 10), used / WATCH_SECONDS)


async def _open_one(server: Server, post: Line) -> Line:
    return await open_stream(server.port, *await start_conversation(post))


def allow_files(count: int) -> None:
    """Let this process have so many files open, and those that it starts from here on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
