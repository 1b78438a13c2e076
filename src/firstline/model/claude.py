"""Claude, through the Messages API: the only importer of `anthropic`.

Owns the deadlines and the retries: the SDK's own are off, so that there is one owner. Events are read raw, as
JSON objects: that costs a third less CPU than the SDK's typed events, and blocks are kept as they came.
Importing this module takes seconds; `firstline.wire` does so only when Claude is chosen.
"""

import asyncio
import json
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

import aiohttp
import anthropic
import httpx2
import structlog
from anthropic import AsyncAnthropic, AsyncStream, DefaultAioHttpClient
from pydantic_core import to_json

from firstline.errors import ModelFault
from firstline.model import ModelReply, ModelRequest, Piece, Replied, Restarted
from firstline.model.claude_faults import LONGEST_WAIT_SECONDS, Fault, Faulted, read_fault
from firstline.model.claude_plain import Plain, simplify
from firstline.model.claude_plain_reply import PlainAssembly
from firstline.model.claude_request import build_body
from firstline.model.claude_stream import Assembled, Assembly, as_object, is_progress, write_events
from firstline.model.prices import load_listings, price_usd
from firstline.types import Json, Usage

API_URL = "https://api.anthropic.com"
_CLAUDE = re.compile(r"(?:^|[/.])claude", re.IGNORECASE)

_MOST_BYTES = 8 * 1024 * 1024
"""Of a reply from a server that does not stream."""

_BACKOFF_SECONDS = 0.5
_DRAIN_SECONDS = 0.05
_EVENTS = (
    "message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta",
    "content_block_stop", "error",
)  # fmt: skip
_CONNECTION_BROKE = (httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError, OSError, UnicodeDecodeError)

_NO_USAGE = Usage()
_STREAM = AsyncStream[anthropic.types.RawMessageStreamEvent]
_NO_FAULT = Fault("unknown", "nothing went wrong")

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long upstream is waited for: until the first content, all attempts together; between two events."""

    first_token_seconds: float
    idle_seconds: float


def build_claude(
    model_id: str,
    *,
    api_key: str,
    base_url: str | None = None,
    connect_seconds: float = 5.0,
    first_token_seconds: float = 20.0,
    idle_seconds: float = 15.0,
    plain: bool | None = None,
) -> "ClaudeModel":
    """The model, with a connection pool of its own; close it with `aclose`.

    plain: whether requests are put plainly (`claude_plain`); where it is left open, the model's name and the address
    decide. At Anthropic's own address a request that is refused is a mistake of ours, and never put otherwise.
    """
    elsewhere = is_elsewhere(base_url)
    timeout = httpx2.Timeout(None, connect=connect_seconds, pool=connect_seconds)
    client = AsyncAnthropic(
        api_key=api_key,
        base_url=base_url or API_URL,
        max_retries=0,
        timeout=timeout,
        http_client=DefaultAioHttpClient(timeout=timeout),
    )
    return ClaudeModel(
        client,
        model_id,
        Patience(first_token_seconds, idle_seconds),
        plain=elsewhere and not is_claude(model_id) if plain is None else plain,
        may_simplify=elsewhere and plain is None,
    )


def is_claude(model_id: str) -> bool:
    """Whether it calls itself a Claude, as gateways do too: `anthropic/claude-…`, `us.anthropic.claude-…`."""
    return _CLAUDE.search(model_id) is not None


def is_elsewhere(base_url: str | None) -> bool:
    """Whether this is another address than Anthropic's own."""
    return base_url is not None and base_url.rstrip("/") != API_URL


async def list_models(*, api_key: str, base_url: str | None = None) -> frozenset[str]:
    """The ids of the models that the key may use. Raises: anthropic.APIError."""
    async with AsyncAnthropic(api_key=api_key, base_url=base_url or API_URL, max_retries=0, timeout=10.0) as client:
        return frozenset([model.id async for model in client.models.list()])


@dataclass(slots=True)
class _Call:
    """One attempt: what was sent, what came back, and what was wrong with it."""

    body: Json
    assembly: Assembly | PlainAssembly
    request_id: str | None = None
    yielded: bool = False
    reply: Assembled | None = None
    fault: Fault = _NO_FAULT


@dataclass(frozen=True, slots=True)
class _Spent:
    """All attempts together."""

    usage: Usage = _NO_USAGE
    usd: float = 0.0


class ClaudeModel:
    """One Claude model, or another that is served like one.

    plain: requests are put plainly; may_simplify: so they are once one has been refused. `sleep` and `chance` (from 0
    to 1) are the waiting and the luck between attempts.
    """

    def __init__(
        self,
        client: AsyncAnthropic,
        model_id: str,
        patience: Patience,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        plain: bool = False,
        may_simplify: bool = False,
    ) -> None:
        self._plain = plain
        self._may_simplify = may_simplify
        self._client = client
        self._name = model_id
        self._patience = patience
        self._sleep = sleep
        self._chance = chance
        self._listing = load_listings().get(model_id)
        if self._listing is None:
            _log.warning("model_not_listed", model=model_id, effect="its cost is counted as 0")

    @property
    def name(self) -> str:
        return self._name

    @property
    def offline(self) -> bool:
        return False

    @property
    def plain(self) -> bool:
        """Whether requests are put plainly, as they may be from the first refusal on."""
        return self._plain

    async def aclose(self) -> None:
        """Close the connections; a stream that still runs breaks."""
        await self._client.close()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        """As `Model.stream`. What attempts that came to nothing used is in the reply's usage and cost."""
        body = build_body(request, self._name, self._listing)
        form = simplify(body) if self._plain else None
        deadline = self._new_deadline()
        spent = _Spent()
        for attempt in count(1):
            call = _write_call(body, form)
            async with aclosing(self._try(call, deadline)) as pieces:
                async for piece in pieces:
                    yield piece
            spent = self._add(spent, call)
            if call.reply is not None:
                self._remember_form(form)
                yield Replied(self._complete(call, call.reply, spent))
                return
            if call.fault.code == "bad_request" and form is None and self._may_simplify:
                form = simplify(body)
                continue
            wait = self._choose_wait(call, attempt, deadline)
            if call.yielded:
                yield Restarted(call.fault.code)
            await self._sleep(wait)
            if call.yielded:
                deadline = self._new_deadline()

    async def _try(self, call: _Call, deadline: float) -> AsyncGenerator[Piece, None]:
        """The pieces of one attempt; afterwards `call` has either its reply, or its fault."""
        try:
            async with aclosing(self._read(call, deadline)) as pieces:
                async for piece in pieces:
                    call.yielded = True
                    yield piece
            for piece in call.assembly.flush():
                call.yielded = True
                yield piece
            reply = call.assembly.finish()
            if reply.empty and reply.stop_reason == "end_turn":
                raise Faulted(Fault("empty", "a reply with nothing in it", retries=1))
            call.reply = reply
        except Faulted as error:
            call.fault = error.fault

    async def _read(self, call: _Call, deadline: float) -> AsyncGenerator[Piece, None]:
        async with aclosing(self._events(call, deadline)) as events:
            async for event in events:
                for piece in call.assembly.feed(event):
                    yield piece

    async def _events(self, call: _Call, deadline: float) -> AsyncGenerator[Json, None]:
        """The events up to `message_stop`; `deadline` is the one of the first content. Raises: Faulted."""
        response = await self._open(call, deadline)
        if response.headers.get("content-type", "").startswith("application/json"):
            for event in write_events(await _read_message(response, deadline)):
                yield event
            return
        source = cast(AsyncGenerator[Any, None], AsyncStream.raw_events(response))
        late: ModelFault = "first_token_timeout"
        try:
            while (event := await _next_event(source, deadline, late)) is not None:
                yield event
                if is_progress(event):
                    late, deadline = "idle_timeout", _now() + self._patience.idle_seconds
                if call.assembly.complete:
                    await _drain(source)
                    return
        finally:
            await source.aclose()
            await response.aclose()
        if not call.assembly.ended:
            raise Faulted(Fault("cut", "the stream ended before the reply did", retries=2))

    async def _open(self, call: _Call, deadline: float) -> httpx2.Response:
        """The response, its body still to come. Raises: Faulted."""
        try:
            async with asyncio.timeout_at(deadline):
                # The SDK's own door for a body that is ready: `messages.create` would copy 60 kB of prompt first.
                stream = await self._client.post(
                    "/v1/messages",
                    content=to_json({**call.body, "stream": True}),
                    options={"headers": {"content-type": "application/json"}},
                    cast_to=anthropic.types.Message,
                    stream=True,
                    stream_cls=_STREAM,
                )
        except TimeoutError:
            fault = Fault("first_token_timeout", "no answer in time")
        except anthropic.APIStatusError as error:
            call.request_id = error.request_id
            retry_after = error.response.headers.get("retry-after")
            fault = read_fault(error.status_code, error.body, retry_after=retry_after)
        except anthropic.APITimeoutError:
            fault = Fault("connect", "no connection in time")
        except anthropic.APIConnectionError as error:
            fault = Fault("connect", type(error.__cause__).__name__, retries=2)
        except _CONNECTION_BROKE as error:
            fault = Fault("cut", type(error).__name__, retries=2)
        else:
            call.request_id = stream.response.headers.get("request-id")
            return stream.response
        raise Faulted(fault) from None

    def _choose_wait(self, call: _Call, attempt: int, deadline: float) -> float:
        """Seconds until the next attempt, anywhere within the backoff. Raises: ModelFailed if there is none."""
        fault = call.fault
        wait = fault.wait_seconds
        if wait is None:
            wait = self._chance() * _BACKOFF_SECONDS * 2 ** (attempt - 1)
        too_late = not call.yielded and _now() + wait >= deadline
        again = attempt <= fault.retries and wait <= LONGEST_WAIT_SECONDS and not too_late
        error = fault.as_error(call.request_id, hide=self._client.api_key)
        _log.warning("model_attempt_failed", model=self._name, code=error.code, why=str(error), again=again)
        if not again:
            raise error
        return wait

    def _remember_form(self, form: Plain | None) -> None:
        """What has worked is kept to, and the operator is told."""
        if form is not None and not self._plain:
            self._plain = True
            effect = "from now on passages go as numbered text, without search results, thinking and cache marks"
            _log.warning("model_refused_the_full_request", model=self._name, effect=effect)

    def _add(self, spent: _Spent, call: _Call) -> _Spent:
        """`spent` and what this call used; each is priced by itself, as a long prompt has its own prices."""
        if not call.assembly.begun:
            return spent
        bill = call.assembly.bill(call.body)
        if self._listing is None:
            return _Spent(spent.usage + bill.usage.model_copy(update={"estimated": True}), spent.usd)
        usd = price_usd(self._listing, bill.usage, cache_write_1h_tokens=bill.cache_write_1h_tokens)
        return _Spent(spent.usage + bill.usage, spent.usd + usd)

    def _complete(self, call: _Call, reply: Assembled, spent: _Spent) -> ModelReply:
        return ModelReply(
            blocks=reply.blocks,
            stop_reason=reply.stop_reason,
            usage=spent.usage,
            cost_usd=spent.usd,
            model=self._name,
            request_id=call.request_id,
            broken=reply.broken,
        )

    def _new_deadline(self) -> float:
        return _now() + self._patience.first_token_seconds


def _write_call(body: Json, form: Plain | None) -> _Call:
    return _Call(body, Assembly()) if form is None else _Call(form.body, PlainAssembly(form))


async def _read_message(response: httpx2.Response, deadline: float) -> Json:
    """The whole message of a server that does not stream. Raises: Faulted."""
    read = bytearray()
    try:
        async with asyncio.timeout_at(deadline):
            async for part in response.aiter_bytes():
                read += part
                if len(read) > _MOST_BYTES:
                    raise Faulted(Fault("cut", "a reply that is too long"))
        message = as_object(json.loads(read))
    except TimeoutError:
        raise Faulted(Fault("first_token_timeout", "no answer in time")) from None
    except (*_CONNECTION_BROKE, ValueError, RecursionError) as error:
        raise Faulted(Fault("cut", type(error).__name__, retries=2)) from None
    finally:
        await response.aclose()
    if "error" in message:
        raise Faulted(read_fault(200, message))
    return message


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _next_event(source: AsyncIterator[Any], deadline: float, late: ModelFault) -> Json | None:
    """The next event as an object, empty when it means nothing to us; None at the end. Raises: Faulted."""
    try:
        async with asyncio.timeout_at(deadline):
            sent = await anext(source, None)
    except TimeoutError:
        raise Faulted(Fault(late, "the reply did not go on in time")) from None
    except _CONNECTION_BROKE as error:
        raise Faulted(Fault("cut", type(error).__name__, retries=2)) from None
    return None if sent is None else _read_event(sent.event, sent.data)


def _read_event(name: str | None, text: str) -> Json:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        event = None
    found = as_object(event)
    if name == "error" or found.get("type") == "error":
        raise Faulted(read_fault(200, found))
    if not found and name in _EVENTS:
        raise Faulted(Fault("cut", "an event that cannot be read", retries=2))
    return found


async def _drain(source: AsyncIterator[Any]) -> None:
    """Read what little follows the last event, so that the connection can be used again."""
    with suppress(*_CONNECTION_BROKE):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while await anext(source, None) is not None:
                pass
