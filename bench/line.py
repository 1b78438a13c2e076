"""One raw HTTP connection of the load generator, which notes when awaited bytes come in. Costs next to nothing."""

import asyncio
import json
import time
from typing import Any, cast

LONGEST_SECONDS = 30.0
_OVERLAP = 64


class Silence(Exception):
    """What was awaited did not come; the text holds what came instead."""


class Line(asyncio.Protocol):
    """`expect` the marks of a response, `send` the request, await the moments: seconds of the performance counter."""

    def __init__(self) -> None:
        self.read = bytearray()
        self._clock = time.perf_counter  # uvloop counts whole milliseconds only
        self._marks: list[bytes] = []
        self._moments: list[float] = []
        self._place = 0
        self._done: asyncio.Future[list[float]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        self.read += data
        while self._marks:
            found = self.read.find(self._marks[0], self._place)
            if found < 0:
                self._place = max(self._place, len(self.read) - _OVERLAP)
                return
            self._place = found + len(self._marks.pop(0))
            self._moments.append(self._clock())
        if self._done is not None and not self._done.done():
            self._done.set_result(self._moments)

    def connection_lost(self, error: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(Silence(f"the connection ended: {bytes(self.read[-400:])!r}"))

    def expect(self, *marks: bytes) -> asyncio.Future[list[float]]:
        """The moments at which these have come, one after the other, from now on."""
        self.read.clear()
        self._place, self._marks, self._moments = 0, list(marks), []
        self._done = asyncio.get_running_loop().create_future()
        return self._done

    def send(self, request: bytes) -> float:
        """When it was sent."""
        assert self._transport is not None
        self._transport.write(request)
        return self._clock()

    async def wait(self, moments: asyncio.Future[list[float]]) -> list[float]:
        """Raises: Silence."""
        try:
            return await asyncio.wait_for(moments, LONGEST_SECONDS)
        except TimeoutError:
            raise Silence(f"{self._marks[:1]} did not come: {bytes(self.read[-400:])!r}") from None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def open_line(port: int) -> Line:
    _, line = await asyncio.get_running_loop().create_connection(Line, "127.0.0.1", port)
    return line


def write_request(method: str, path: str, body: Any = None, **headers: str) -> bytes:
    """The bytes of a request; `headers` by name, with underscores for hyphens."""
    content = b"" if body is None else json.dumps(body).encode()
    told = {"host": "127.0.0.1", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body is not None:
        told |= {"content-type": "application/json", "content-length": str(len(content))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    return "\r\n".join(lines).encode() + content
