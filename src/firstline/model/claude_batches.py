"""Many requests at once through the Message Batches API, for half the price. Part of `firstline.model.claude`.

The bodies are those of single requests, and so are the replies that come of them. Whether a batch was taken can be
lost on the way: nothing is handed in a second time before upstream was asked what it has.
Source: platform.claude.com/docs/en/build-with-claude/batch-processing, 2026-11.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any, TypeVar

import aiohttp
import anthropic
import httpx2
import structlog
from anthropic import AsyncAnthropic, DefaultAioHttpClient
from anthropic.types.messages import MessageBatch
from pydantic_core import to_json

from firstline.errors import ModelFailed
from firstline.model import BatchState, ModelReply, ModelRequest, Submitted
from firstline.model.claude import API_URL
from firstline.model.claude_faults import Fault, Faulted, read_fault
from firstline.model.claude_request import build_body
from firstline.model.claude_stream import Assembly, as_object, write_events
from firstline.model.prices import Listing, load_listings, price_usd
from firstline.types import Json

MOST_REQUESTS = 10_000
MOST_BYTES = 64 * 1024 * 1024
"""Of one batch. Upstream takes ten and four times as much; a smaller one ends sooner, and fits into memory."""

RETRIES = 5
LONGEST_WAIT_SECONDS = 300.0
"""Nobody waits at the other end, so a `retry-after` of minutes is kept."""

_BACKOFF_SECONDS = 1.0
_UPLOAD_SECONDS, _ANSWER_SECONDS = 300.0, 60.0
_RECENT = 100

_log = structlog.get_logger()
_Made = TypeVar("_Made")


def build_batches(
    model_id: str, *, api_key: str, base_url: str | None = None, connect_seconds: float = 5.0
) -> "ClaudeBatches":
    """Batches of one model, with connections of their own; close them with `aclose`."""
    timeout = httpx2.Timeout(None, connect=connect_seconds, pool=connect_seconds)
    client = AsyncAnthropic(
        api_key=api_key,
        base_url=base_url or API_URL,
        max_retries=0,
        timeout=timeout,
        http_client=DefaultAioHttpClient(timeout=timeout),
    )
    return ClaudeBatches(client, model_id)


class ClaudeBatches:
    """`Batches` of one Claude model. `sleep` and `chance` (from 0 to 1): waiting and luck between attempts."""

    def __init__(
        self,
        client: AsyncAnthropic,
        model_id: str,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._name = model_id
        self._sleep = sleep
        self._chance = chance
        self._listing = load_listings().get(model_id)

    @property
    def name(self) -> str:
        return self._name

    async def aclose(self) -> None:
        await self._client.close()

    async def submit(self, requests: Mapping[str, ModelRequest]) -> Submitted:
        packed = dict(self._pack(requests))
        content = b'{"requests":[' + b",".join(packed.values()) + b"]}"
        before = {batch.id for batch in await self._insist(self._list_recent)}
        tried = False

        async def send() -> MessageBatch:
            nonlocal tried
            taken = _find_taken(await self._list_recent(), before, len(packed)) if tried else None
            tried = True
            return taken or await self._client.post(
                "/v1/messages/batches",
                content=content,
                options={"headers": {"content-type": "application/json"}},
                cast_to=MessageBatch,
            )

        batch = await self._insist(send, seconds=_UPLOAD_SECONDS)
        return Submitted(batch.id, tuple(packed))

    def _pack(self, requests: Mapping[str, ModelRequest]) -> Iterator[tuple[str, bytes]]:
        """As many as one batch takes, at least one."""
        size = 0
        for number, (request_id, request) in enumerate(requests.items()):
            body = build_body(request, self._name, self._listing)
            written = to_json({"custom_id": request_id, "params": body})
            size += len(written) + 1
            if number and (number >= MOST_REQUESTS or size > MOST_BYTES):
                return
            yield request_id, written

    async def state(self, batch_id: str) -> BatchState:
        batch = await self._insist(lambda: self._client.messages.batches.retrieve(batch_id))
        counts = batch.request_counts
        failed = counts.errored + counts.canceled + counts.expired
        return BatchState(batch.processing_status == "ended", counts.processing, counts.succeeded, failed)

    async def results(self, batch_id: str) -> Mapping[str, ModelReply | ModelFailed]:
        async def read() -> list[Json]:
            # Not from the `results_url` that upstream names: the key would go wherever that leads.
            path = f"/v1/messages/batches/{batch_id}/results"
            response = await self._client.get(path, cast_to=httpx2.Response)
            return [_read_line(line) for line in response.content.split(b"\n") if line.strip()]

        lines = await self._insist(read, seconds=_UPLOAD_SECONDS)
        return {str(line.get("custom_id")): self._read_result(as_object(line.get("result"))) for line in lines}

    async def cancel(self, batch_id: str) -> None:
        await self._insist(lambda: self._client.messages.batches.cancel(batch_id))

    async def forget(self, batch_id: str) -> None:
        try:
            await self._insist(lambda: self._client.messages.batches.delete(batch_id))
        except ModelFailed as failure:
            if failure.code != "unknown":  # it may be gone, and only the answer have been lost
                raise

    async def _list_recent(self) -> list[MessageBatch]:
        return (await self._client.messages.batches.list(limit=_RECENT)).data

    # Insisting ------------------------------------------------------------------------------------------------

    async def _insist(self, send: Callable[[], Awaitable[_Made]], *, seconds: float = _ANSWER_SECONDS) -> _Made:
        """What upstream answers, asked again as long as that is worth it. Raises: ModelFailed."""
        for attempt in count(1):
            try:
                async with asyncio.timeout(seconds):
                    return await send()
            except Exception as error:
                fault = _read_fault(error)
                if fault is None:
                    raise
            await self._wait(fault, attempt)
        raise AssertionError("unreachable")

    async def _wait(self, fault: Fault, attempt: int) -> None:
        """Raises: ModelFailed when there is nothing to wait for."""
        wait = fault.wait_seconds
        if wait is None:
            wait = self._chance() * _BACKOFF_SECONDS * 2**attempt
        error = fault.as_error(hide=self._client.api_key)
        again = fault.retries > 0 and attempt <= RETRIES and wait <= LONGEST_WAIT_SECONDS
        _log.warning("batch_attempt_failed", model=self._name, code=error.code, why=str(error), again=again)
        if not again:
            raise error
        await self._sleep(wait)

    # Reading --------------------------------------------------------------------------------------------------

    def _read_result(self, result: Json) -> ModelReply | ModelFailed:
        match result.get("type"):
            case "succeeded":
                return self._read_message(as_object(result.get("message")))
            case "errored":
                return read_fault(200, as_object(result.get("error"))).as_error(hide=self._client.api_key)
            case _:  # expired, canceled: nothing was done, and nothing is paid
                return ModelFailed("not_asked", f"the batch ended before: {result.get('type')}", retryable=True)

    def _read_message(self, message: Json) -> ModelReply | ModelFailed:
        """The reply that the same message would have been, had it come piece by piece."""
        assembly = Assembly()
        for event in write_events(message):
            for _ in assembly.feed(event):
                pass
        reply = assembly.finish()
        if reply.empty and reply.stop_reason == "end_turn":
            return ModelFailed("empty", "a reply with nothing in it", retryable=True)
        bill = assembly.bill({})
        usage, usd = bill.usage, _price(self._listing, bill.usage, bill.cache_write_1h_tokens)
        if usd is None:
            usage = usage.model_copy(update={"estimated": True})
        return ModelReply(reply.blocks, reply.stop_reason, usage, usd or 0.0, self._name, broken=reply.broken)


def _price(listing: Listing | None, usage: Any, cache_write_1h_tokens: int) -> float | None:
    if listing is None:
        return None
    return price_usd(listing, usage, cache_write_1h_tokens=cache_write_1h_tokens, in_batch=True)


def _find_taken(batches: Iterable[MessageBatch], before: set[str], size: int) -> MessageBatch | None:
    """The batch that was handed in although its answer was lost: it was not there before, and has this size."""
    return next(
        (each for each in batches if each.id not in before and sum(_counts(each)) == size),
        None,
    )


def _counts(batch: MessageBatch) -> tuple[int, ...]:
    counts = batch.request_counts
    return counts.processing, counts.succeeded, counts.errored, counts.canceled, counts.expired


def _read_line(line: bytes) -> Json:
    try:
        return as_object(json.loads(line))
    except (ValueError, RecursionError):
        raise Faulted(Fault("cut", "a result that cannot be read", retries=2)) from None


def _read_fault(error: Exception) -> Fault | None:
    """What went wrong upstream; None for what is a mistake of ours."""
    match error:
        case Faulted():
            return error.fault
        case anthropic.APIStatusError():
            retry_after = error.response.headers.get("retry-after")
            return read_fault(error.status_code, error.body, retry_after=retry_after)
        case anthropic.APIConnectionError():
            return Fault("connect", type(error.__cause__ or error).__name__, retries=2)
        case TimeoutError():
            return Fault("idle_timeout", "no answer in time", retries=2)
        case httpx2.HTTPError() | httpx2.StreamError() | aiohttp.ClientError() | OSError() | UnicodeDecodeError():
            return Fault("cut", type(error).__name__, retries=2)
        case _:
            return None
