"""The fake upstream as a process of its own: `python -m bench.upstream PORT`.

The events are those of the tests' fake, which checks requests and counts a prompt's tokens; that costs more than the
servers under test, so here they are written once, and only sent: each delta in a write of its own, without delay.
Where the request holds search results, the reply cites the last of them.
"""

import asyncio
import json
import re
import sys

from bench.said import DELTA_CHARS, DELTAS, NAME, REPLY, invent_name
from tests.support.fake_claude.script import say
from tests.support.fake_claude.wire import Writer, encode, write_reply

HEAD = (
    b"HTTP/1.1 200 OK\r\nrequest-id: req_bench\r\n"
    b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
END = b"0\r\n\r\n"
USAGE = {"input_tokens": 300, "cache_read_input_tokens": 12_000, "cache_creation_input_tokens": 0}
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SOURCE = re.compile(rb'"type": ?"search_result", ?"source": ?"([^"]*)", ?"title": ?("(?:[^"\\]|\\.)*")')


def write_events() -> list[bytes]:
    """The reply's events, one delta for each few letters."""
    body = {"model": "claude-sonnet-5-5", "messages": [{"role": "user", "content": "?"}]}
    reply = write_reply(say(REPLY), Writer(body, "msg_bench"), dict(USAGE), iter(()))
    events = [event for event in reply if event["type"] != "content_block_delta"]
    stop = next(index for index, event in enumerate(events) if event["type"] == "content_block_stop")
    pieces = [REPLY[start : start + DELTA_CHARS] for start in range(0, len(REPLY), DELTA_CHARS)]
    assert len(pieces) == DELTAS, f"the reply has {len(pieces)} deltas"
    deltas = [_delta({"type": "text_delta", "text": piece}) for piece in pieces]
    return [encode(event) for event in (*events[:stop], *deltas, *events[stop:])]


def _delta(delta: dict[str, object]) -> dict[str, object]:
    return {"type": "content_block_delta", "index": 0, "delta": delta}


def cite(request: bytes) -> bytes | None:
    """The event that cites the request's last search result."""
    found = _SOURCE.findall(request)
    if not found:
        return None
    source, title = found[-1]
    citation = {
        "type": "search_result_location",
        "cited_text": "What each cover pays for.",
        "source": source.decode(),
        "title": json.loads(title),
        "search_result_index": len(found) - 1,
        "start_block_index": 0,
        "end_block_index": 1,
    }
    return encode(_delta({"type": "citations_delta", "citation": citation}))


class Upstream(asyncio.Protocol):
    """One connection; it trusts its client."""

    def __init__(self, events: list[bytes]) -> None:
        self._events = events

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._read = bytearray()

    def data_received(self, data: bytes) -> None:
        self._read += data
        head = self._read.find(b"\r\n\r\n")
        length = _LENGTH.search(self._read, 0, head) if head >= 0 else None
        if length is None or len(self._read) < head + 4 + int(length[1]):
            return
        request, self._read = bytes(self._read), bytearray()
        self._reply(request)

    def _reply(self, request: bytes) -> None:
        name = invent_name().encode()
        citation = cite(request)
        self._transport.write(HEAD)
        for event in self._events:
            if citation is not None and b"content_block_stop" in event:
                self._send(citation)
            self._send(event.replace(NAME.encode(), name))
        self._transport.write(END)

    def _send(self, event: bytes) -> None:
        self._transport.write(b"%x\r\n%s\r\n" % (len(event), event))


async def serve(port: int) -> None:
    events = write_events()
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(events), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
