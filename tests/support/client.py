"""A customer's program: the API as anybody would call it, over a socket or straight into the application.

Every response is looked at: an error has the one shape and tells nothing from inside; headers are as promised.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import httpx2
from starlette.types import ASGIApp, Message, Scope

from tests.support.mechanic import SECRET
from tests.support.sse import Event, Json, Parser

PATIENCE_SECONDS = 15.0
_PLACES = "|".join(re.escape(str(place)) for place in (Path(__file__).parents[2], Path(gettempdir())))
LEAKS = re.compile(
    rf"Traceback|File \"|{_PLACES}|\.py\b|\.db\b|site-packages|sqlite|SELECT |INSERT |{SECRET}|sk-ant|"
    r"<turn>|<instructions>|RuntimeError|Exception|0x[0-9a-f]{6}",
    re.IGNORECASE,
)


def check_response(response: httpx2.Response) -> httpx2.Response:
    """The response, when it keeps what every response promises (oracle I7 for errors)."""
    headers = response.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    if response.request.url.path.startswith("/v1/"):
        assert headers["cache-control"] == "no-store"
    if response.status_code >= 400 and response.request.method != "HEAD":
        check_error(response)
    return response


def check_error(response: httpx2.Response) -> Json:
    """The error's own object: one shape, nothing from inside."""
    body = response.json()
    assert set(body) == {"error"}, body
    error = body["error"]
    assert set(error) == {"code", "message", "retryable", "request_id"}, error
    assert re.fullmatch(r"[a-z_]{3,40}", error["code"]) and error["message"]
    assert isinstance(error["retryable"], bool)
    assert error["request_id"] == response.headers["x-request-id"]
    assert not LEAKS.search(response.text), response.text
    assert len(response.text) < 1000
    return error


def code_of(response: httpx2.Response) -> tuple[int, str]:
    """Status and code of an error."""
    return response.status_code, response.json()["error"]["code"]


class Client:
    """An HTTP client that checks what it gets. `transport`: into an application; without: over a socket."""

    def __init__(self, base_url: str = "http://firstline.test", transport: Any = None) -> None:
        self.http = httpx2.AsyncClient(base_url=base_url, transport=transport, timeout=PATIENCE_SECONDS)

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def request(self, method: str, path: str, **how: Any) -> httpx2.Response:
        return check_response(await self.http.request(method, path, **how))

    async def start(self, **body: Any) -> "Customer":
        """A new conversation. Raises AssertionError when there is none."""
        response = await self.request("POST", "/v1/conversations", json=body)
        assert response.status_code == 201, response.text
        told = response.json()
        return Customer(self, told["conversation_id"], told["token"], told)


@dataclass
class Customer:
    """One conversation and its key. `tab()` is the same customer in another tab."""

    client: Client
    conversation_id: str
    token: str
    started: Json = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def path(self) -> str:
        return f"/v1/conversations/{self.conversation_id}"

    async def call(self, method: str, path: str = "", **how: Any) -> httpx2.Response:
        headers = {**self.headers, **how.pop("headers", {})}
        return await self.client.request(method, self.path + path, headers=headers, **how)

    async def snapshot(self) -> Json:
        response = await self.call("GET")
        assert response.status_code == 200, response.text
        return response.json()

    async def post(self, text: str, *, key: str | None = None, wait: bool = False) -> httpx2.Response:
        body = {"client_message_id": key or f"m{next(self.numbers)}", "text": text}
        return await self.call("POST", "/messages", json=body, params={"wait": "true"} if wait else None)

    async def ask(self, text: str) -> Json:
        """The complete reply."""
        response = await self.post(text, wait=True)
        assert response.status_code == 200, response.text
        return response.json()

    async def decide(self, confirmation_id: str, decision: str = "confirm") -> httpx2.Response:
        return await self.call("POST", f"/confirmations/{confirmation_id}", json={"decision": decision})

    @asynccontextmanager
    async def watch(self, after: int | None = None, *, last_event_id: str | None = None) -> AsyncIterator["Stream"]:
        """The event stream, for as long as the block lasts; leaving it hangs up."""
        place = {} if last_event_id is None else {b"last-event-id": last_event_id.encode()}
        headers = {name.encode(): value.encode() for name, value in self.headers.items()} | place
        params = {} if after is None else {"after": str(after)}
        how = {"headers": headers, "params": params}
        async with self.client.http.stream("GET", f"{self.path}/events", **how) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            assert response.headers["x-accel-buffering"] == "no"
            assert "content-encoding" not in response.headers
            yield Stream(check_response(response))

    async def replay(self, until: str = "turn.ended", *, times: int = 1, after: int = 0) -> list[Event]:
        """The events after `after`, up to the `times`-th of this name."""
        async with self.watch(after) as stream:
            return await stream.until(until, times=times)


class Stream:
    """Events as they come. `seen` are all so far."""

    def __init__(self, response: httpx2.Response) -> None:
        self.parser = Parser()
        self.seen: list[Event] = []
        self.raw = b""
        self._chunks = response.aiter_bytes()
        self._ready: list[Event] = []

    async def next(self) -> Event:
        """The next event. Raises StopAsyncIteration when the server ended the stream."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._ready:
                chunk = await anext(self._chunks)
                self.raw += chunk
                self._ready += self.parser.feed(chunk)
        self.seen.append(self._ready.pop(0))
        return self.seen[-1]

    async def until(self, name: str, *, times: int = 1) -> list[Event]:
        """Everything up to the `times`-th event of this name, that one included."""
        events: list[Event] = []
        while times:
            events.append(await self.next())
            times -= events[-1].name == name
        return events


class Asgi(httpx2.AsyncBaseTransport):
    """Straight into an application, streaming both ways; hanging up early is told to it, as a server would."""

    def __init__(self, app: ASGIApp, *, address: str = "10.0.0.1") -> None:
        self._app = app
        self._address = address

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        exchange = _Exchange(request)
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": "http",
            "path": httpx2.URL(request.url).path,
            "raw_path": request.url.raw_path.split(b"?")[0],
            "query_string": request.url.query,
            "server": ("firstline.test", 80),
            "client": (self._address, 123),
            "root_path": "",
        }
        exchange.task = asyncio.create_task(self._app(scope, exchange.receive, exchange.send))
        exchange.task.add_done_callback(lambda _: exchange.out.put_nowait(None))
        first = await exchange.out.get()
        if first is None:
            await exchange.task
            raise AssertionError("the application answered nothing")
        status, headers = first["status"], first["headers"]
        return httpx2.Response(status, headers=headers, stream=_Body(exchange), request=request)


class _Exchange:
    """One request on its way through the application. `sent_bytes` is how much of the body was asked for."""

    def __init__(self, request: httpx2.Request) -> None:
        self.out: asyncio.Queue[Message | None] = asyncio.Queue()
        self.task: asyncio.Task[None]
        self.gone = asyncio.Event()
        self._chunks = aiter(request.stream)
        self._whole = False

    async def receive(self) -> Message:
        if self._whole:
            await self.gone.wait()
            return {"type": "http.disconnect"}
        try:
            return {"type": "http.request", "body": await anext(self._chunks), "more_body": True}
        except StopAsyncIteration:
            self._whole = True
            return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        if not self.gone.is_set():
            self.out.put_nowait(message)


class _Body(httpx2.AsyncByteStream):
    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (message := await self._exchange.out.get()) is not None:
            if body := message.get("body", b""):
                yield body
            if not message.get("more_body", False):
                break

    async def aclose(self) -> None:
        """Hang up; the application must then end by itself."""
        self._exchange.gone.set()
        async with asyncio.timeout(5):
            await asyncio.gather(self._exchange.task, return_exceptions=True)


async def eventually(holds: Callable[[], bool]) -> None:
    """Let the loop run until something holds; for what no event tells."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():
            await asyncio.sleep(0)


def read_json(body: bytes) -> Json:
    found: Json = json.loads(body)
    return found
