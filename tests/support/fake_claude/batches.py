"""The fake's Message Batches: taken, worked off after some looks, told line by line in no order; and what goes wrong.

Source: the SDK's types and the API's documentation, 2026-11.
"""

import asyncio
import json
import re
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.support.fake_claude.answers import Answers
from tests.support.fake_claude.prefix import PromptCache, segments_of
from tests.support.fake_claude.rules import Refused, check_body
from tests.support.fake_claude.script import Drop, Refuse, Reply
from tests.support.fake_claude.wire import Writer

Json = dict[str, Any]
PATH = "/v1/messages/batches"
NOT_ASKED = ("canceled", "expired")

Deed = Literal["create", "list", "retrieve", "results", "cancel", "delete"]
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True)
class Lost:
    """What was asked for is done, and the connection is closed before the answer."""


@dataclass(frozen=True)
class Torn:
    """The answer breaks off after so many bytes."""

    after_bytes: int


Trouble = Refuse | Drop | Lost | Torn


@dataclass
class Batch:
    id: str
    requests: list[Json]
    looks: int
    canceled: bool = False
    lines: list[str] | None = None
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def ended(self) -> bool:
        return self.looks <= 0

    def view(self) -> Json:
        names = ("succeeded", "errored", "canceled", "expired")
        status = "ended" if self.ended else "canceling" if self.canceled else "in_progress"
        counts = {name: self.counts[name] if self.ended else 0 for name in names}
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": status,
            "request_counts": {"processing": 0 if self.ended else len(self.requests), **counts},
            "created_at": "2026-11-25T10:00:00Z",
            "expires_at": "2026-11-26T10:00:00Z",
            "ended_at": "2026-11-25T10:20:00Z" if self.ended else None,
            "results_url": f"https://elsewhere.example/{self.id}" if self.ended else None,
        }


class FakeBatches:
    """A batch has ended after it was looked at `looks` times. `trouble`: what goes wrong with the next requests.

    Each request gets the next step of the answers: a reply, an error (`Refuse`), or nothing, and expires (`Drop`).
    """

    def __init__(self, answers: Answers, cache: PromptCache, ledger: list[Json]) -> None:
        self.looks = 2
        self.trouble: dict[Deed, deque[Trouble]] = defaultdict(deque)
        self.batches: dict[str, Batch] = {}
        self.deleted: list[str] = []
        self.looked = asyncio.Event()
        self._answers = answers
        self._cache = cache
        self._ledger = ledger

    async def answer(self, method: str, path: str, body: Any) -> tuple[str, Trouble | None]:
        """The response's body, and what happens to it instead or on its way. Raises Refused."""
        deed, batch_id = _read_deed(method, path)
        trouble = self.trouble[deed].popleft() if self.trouble[deed] else None
        if isinstance(trouble, Refuse | Drop):
            return "", trouble
        return await self._do(deed, batch_id, body), trouble

    async def _do(self, deed: Deed, batch_id: str, body: Any) -> str:
        if deed == "create":
            return json.dumps(self._create(body))
        if deed == "list":
            found = [batch.view() for batch in reversed(self.batches.values())]
            return json.dumps({"data": found, "has_more": False, "first_id": None, "last_id": None})
        batch = self.batches.get(batch_id)
        if batch is None:
            raise Refused(f"Message batch {batch_id} not found", status=404, kind="not_found_error")
        match deed:
            case "retrieve":
                self.looked.set()
                batch.looks -= 1
                await self._work(batch)
            case "cancel":
                batch.canceled = True
            case "delete":
                if not batch.ended:
                    raise Refused("only a batch that has ended can be deleted")
                self.deleted.append(batch_id)
                del self.batches[batch_id]
                return json.dumps({"id": batch_id, "type": "message_batch_deleted"})
            case _:
                if not batch.ended:
                    raise Refused("the batch has not ended")
                return "".join(f"{line}\n" for line in reversed(batch.lines or ()))
        return json.dumps(batch.view())

    def _create(self, body: Any) -> Json:
        requests = body.get("requests") if isinstance(body, dict) else None
        if not requests or set(body) != {"requests"}:
            raise Refused("requests: Field required")
        ids = [request["custom_id"] for request in requests]
        if len(set(ids)) != len(ids) or not all(_ID.fullmatch(each) for each in ids):
            raise Refused("requests: custom_id must be unique, and match the pattern")
        batch = Batch(f"msgbatch_{len(self.batches) + len(self.deleted) + 1:04}", requests, self.looks)
        self.batches[batch.id] = batch
        return batch.view()

    async def _work(self, batch: Batch) -> None:
        """Everything is done when the batch ends; what was canceled before is not."""
        if not batch.ended or batch.lines is not None:
            return
        batch.lines = []
        for request in batch.requests:
            result = {"type": "canceled"} if batch.canceled else await self._judge(request["params"])
            batch.counts[result["type"]] += 1
            batch.lines.append(json.dumps({"custom_id": request["custom_id"], "result": result}, ensure_ascii=False))

    async def _judge(self, params: Json) -> Json:
        try:
            if params.get("stream"):
                raise Refused("stream: not supported in a batch")
            check_body(params)
        except Refused as refused:
            return _errored(refused.kind, str(refused))
        match step := self._answers.step():
            case Refuse():
                return _errored(step.type, step.message)
            case Drop():
                return {"type": "expired"}
            case Reply():
                return {"type": "succeeded", "message": await self._say(step, params)}

    async def _say(self, step: Reply, params: Json) -> Json:
        usage = self._cache.count(params["model"], segments_of(params))
        writer = Writer(params, f"msg_{len(self._ledger):04}")
        message = await join_events(self._answers.events(step, params, writer, usage))
        self._ledger.append({**usage, "output_tokens": writer.output_tokens, "batch": True})
        return {**message, "usage": {**usage, "output_tokens": writer.output_tokens}}


async def join_events(events: AsyncIterator[Json]) -> Json:
    """The message that came as these events, whole."""
    message: Json = {}
    blocks: dict[int, Json] = {}
    async for event in events:
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                blocks[event["index"]] = dict(event["content_block"])
            case "content_block_delta":
                _grow(blocks[event["index"]], event["delta"])
            case "message_delta":
                message = {**message, **event["delta"]}
            case _:
                pass
    for block in blocks.values():
        if "partial_json" in block:
            block["input"] = json.loads(block.pop("partial_json") or "{}")
    return {**message, "content": list(blocks.values())}


def _grow(block: Json, delta: Json) -> None:
    match delta["type"]:
        case "citations_delta":
            block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
        case "text_delta" | "thinking_delta" | "signature_delta" | "input_json_delta":
            (name,) = delta.keys() - {"type"}
            block[name] = block.get(name, "") + delta[name]
        case _:
            pass


def _errored(kind: str, message: str) -> Json:
    error = {"type": "error", "error": {"type": kind, "message": message}, "request_id": None}
    return {"type": "errored", "error": error}


def _read_deed(method: str, path: str) -> tuple[Deed, str]:
    batch_id, _, last = path.removeprefix(PATH).strip("/").partition("/")
    known: dict[tuple[str, bool, str], Deed] = {
        ("POST", False, ""): "create",
        ("GET", False, ""): "list",
        ("GET", True, ""): "retrieve",
        ("DELETE", True, ""): "delete",
        ("GET", True, "results"): "results",
        ("POST", True, "cancel"): "cancel",
    }
    deed = known.get((method, bool(batch_id), last))
    if deed is None:
        raise Refused("Not found", status=404, kind="not_found_error")
    return deed, batch_id
