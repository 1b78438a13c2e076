"""The fake Messages API: real HTTP on a local port, byte by byte in our hands, so that it can also misbehave.

Not fit for anything but tests: it trusts its clients, and knows no HTTP beyond what they use.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from http.client import responses as PHRASES
from typing import Any

from tests.support.fake_claude.answers import Answers
from tests.support.fake_claude.batches import PATH as BATCHES
from tests.support.fake_claude.batches import FakeBatches, Lost, Torn
from tests.support.fake_claude.prefix import PromptCache, segments_of
from tests.support.fake_claude.rules import THINKING_TYPES, Refused, check_body
from tests.support.fake_claude.script import Drop, Refuse, Reply
from tests.support.fake_claude.wire import Writer, encode

Json = dict[str, Any]

_POLL_SECONDS = 0.002
_ZERO_INPUT = {"input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}


@dataclass
class Request:
    """One request as it arrived; `left` is set when the client hung up before it had the whole response."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    usage: Json | None = None
    left: asyncio.Event = field(default_factory=asyncio.Event)


class _Gone(Exception):
    """The client hung up, or we tear the connection."""


class FakeClaude:
    """`async with FakeClaude(answers) as fake:` listens at `fake.url`; what came in is in `fake.requests`.

    `fake.ledger` holds the true usage of every reply that was begun, whatever the client was told of it.
    """

    def __init__(
        self,
        answers: Answers,
        *,
        key: str | None = None,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        minimum_cacheable_tokens: int = 512,
        strict: bool = True,
    ) -> None:
        self.answers = answers
        self.requests: list[Request] = []
        self.ledger: list[Json] = []
        self.cache = PromptCache(minimum_cacheable_tokens)
        self.batches = FakeBatches(answers, self.cache, self.ledger)
        self.connections_made = 0
        self.url = ""
        self._key = key
        self._port = port
        self._tls = tls
        self._strict = strict
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "FakeClaude":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port, ssl=self._tls)
        scheme = "https" if self._tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def serve_forever(self) -> None:
        assert self._server is not None
        await self._server.serve_forever()

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self.connections_made += 1
        try:
            while await _Exchange(self, reader, writer).run():
                pass
        except (_Gone, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
                await writer.wait_closed()

    def check(self, request: Request) -> Refuse | None:
        """The API's refusal of a request that is wrong, None for a good one."""
        try:
            self._check_door(request)
            if self._strict and request.path == "/v1/messages":
                check_body(request.body)
        except Refused as refused:
            return Refuse(refused.status, refused.kind, str(refused))
        return None

    def _check_door(self, request: Request) -> None:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not key or (self._key is not None and key != self._key):
            raise Refused("invalid bearer token", status=401, kind="authentication_error")
        if (request.method, request.path) == ("GET", "/v1/models") or request.path.startswith(BATCHES):
            return
        if (request.method, request.path) != ("POST", "/v1/messages"):
            raise Refused("Not found", status=404, kind="not_found_error")
        if not isinstance(request.body, dict):
            raise Refused("The request body is not valid JSON")
        if not request.body.get("stream"):
            raise Refused("the fake only streams")

    def report(self, path: str) -> Any:
        """What a runner in another process may ask for."""
        if path == "/_ledger":
            return self.ledger
        return [{"path": one.path, "headers": one.headers, "body": one.body} for one in self.requests]


class _Exchange:
    """One request and its response on a connection."""

    def __init__(self, fake: FakeClaude, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._fake = fake
        self._reader = reader
        self._writer = writer

    async def run(self) -> bool:
        """Whether the connection can carry another request."""
        request = await self._receive()
        if request.path.startswith("/_"):
            await self._respond(200, json.dumps(self._fake.report(request.path)), {}, "")
            return True
        self._fake.requests.append(request)
        request_id = f"req_{len(self._fake.requests):04}"
        try:
            refusal = self._fake.check(request)
            if refusal is None and request.path == "/v1/models":
                await self._respond(200, json.dumps(_models()), {}, request_id)
                return True
            if refusal is None and request.path.startswith(BATCHES):
                await self._batch(request, request_id)
                return True
            step = refusal or self._fake.answers.step()
            match step:
                case Refuse():
                    await self._refuse(step, request_id)
                case Drop():
                    await self._linger(step.after_seconds)
                    raise _Gone
                case Reply():
                    await self._stream(step, request, request_id)
        except (_Gone, ConnectionError):
            if self.client_left:
                request.left.set()
            raise
        return True

    async def _receive(self) -> Request:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        raw = await self._reader.readexactly(int(headers.get("content-length", 0)))
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = None
        return Request(method, path.partition("?")[0], headers, body)

    async def _batch(self, request: Request, request_id: str) -> None:
        try:
            answer, trouble = await self._fake.batches.answer(request.method, request.path, request.body)
        except Refused as refused:
            answer, trouble = "", Refuse(refused.status, refused.kind, str(refused))
        match trouble:
            case Refuse():
                await self._refuse(trouble, request_id)
            case Drop():
                await self._linger(trouble.after_seconds)
                raise _Gone
            case Lost():
                raise _Gone
            case Torn():
                length = str(len(answer.encode()))
                self._head(200, {"content-type": "application/json", "content-length": length}, request_id)
                self._writer.write(answer.encode()[: trouble.after_bytes])
                await self.tear()
            case _:
                await self._respond(200, answer, {}, request_id)

    async def _refuse(self, step: Refuse, request_id: str) -> None:
        error: Json = {"type": step.type, "message": step.message}
        if step.details is not None:
            error["details"] = step.details
        body = json.dumps({"type": "error", "error": error, "request_id": request_id})
        await self._respond(step.status, body if step.body is None else step.body, dict(step.headers), request_id)

    async def _respond(self, status: int, body: str, headers: dict[str, str], request_id: str) -> None:
        kind = "text/html" if body.startswith("<") else "application/json"
        content = body.encode()
        self._head(status, {"content-type": kind, "content-length": str(len(content)), **headers}, request_id)
        self._writer.write(content)
        await self._writer.drain()

    def _head(self, status: int, headers: dict[str, str], request_id: str) -> None:
        phrase = PHRASES.get(status, "Overloaded")
        lines = [f"HTTP/1.1 {status} {phrase}", f"request-id: {request_id}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    async def _stream(self, step: Reply, request: Request, request_id: str) -> None:
        await self._linger(step.delay_seconds)
        self._head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"}, request_id)
        usage = self._fake.cache.count(request.body["model"], segments_of(request.body))
        told = {"true": usage, "zero": _ZERO_INPUT, "missing": None}[step.usage]
        writer = Writer(request.body, request_id.replace("req", "msg"))
        request.usage = {**usage, "output_tokens": 0}
        self._fake.ledger.append(request.usage)
        async with aclosing(self._fake.answers.events(step, request.body, writer, told)) as events:
            async for event in _limited(events, step, self):
                request.usage["output_tokens"] = writer.output_tokens
                await self._send(encode(event, newline=step.newline, many_data_lines=step.many_data_lines), step)
                if step.pause_seconds:
                    await self._linger(step.pause_seconds)
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def _send(self, content: bytes, step: Reply) -> None:
        size = step.bytes_at_once or len(content)
        for start in range(0, len(content), size):
            part = content[start : start + size]
            self._writer.write(b"%x\r\n%s\r\n" % (len(part), part))
            await self._writer.drain()
            if step.bytes_at_once:
                await asyncio.sleep(0)
        if self.client_left:
            raise _Gone

    @property
    def client_left(self) -> bool:
        return self._reader.at_eof() or self._reader.exception() is not None

    async def _linger(self, seconds: float) -> None:
        """Wait, unless the client hangs up."""
        end = asyncio.get_running_loop().time() + seconds
        while (left := end - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(_POLL_SECONDS, left))
            if self.client_left:
                raise _Gone

    async def stall(self, step: Reply) -> None:
        """Nothing but pings, until the client gives up."""
        while True:
            await self._linger(step.ping_seconds)
            await self._send(encode({"type": "ping"}), step)

    async def tear(self) -> None:
        """End the connection in the middle of what was promised."""
        await asyncio.sleep(0.01)  # so that what was sent is read first
        self._writer.transport.abort()
        raise _Gone


async def _limited(events: AsyncIterator[Json], step: Reply, exchange: _Exchange) -> AsyncIterator[Json]:
    """The events as far as the script lets them come."""
    count = 0
    async for event in events:
        match count:
            case step.stall_after:
                await exchange.stall(step)
            case step.cut_after:
                await exchange.tear()
            case step.end_after:
                return
            case step.error_after:
                yield {"type": "error", "error": {"type": step.error, "message": "Something is the matter"}}
                return
            case _:
                pass
        count += event["type"] != "ping"
        yield event
    if count == step.stall_after:
        await exchange.stall(step)


def _models() -> Json:
    names = sorted(THINKING_TYPES)
    found = [
        {"type": "model", "id": name, "display_name": name, "created_at": "2026-10-07T00:00:00Z"} for name in names
    ]
    return {"data": found, "has_more": False, "first_id": names[0], "last_id": names[-1]}
