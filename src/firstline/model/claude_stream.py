"""One streamed reply, made from the Messages API's raw events. Pure; part of `firstline.model.claude`.

What it does not know is left out: unknown events, deltas and blocks, so that a new kind breaks nothing.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from firstline.model import Piece, TextCited, TextGrew, ToolChosen
from firstline.types import Citation, Json, Usage

ARGUMENT_CHARS = 64 * 1024
"""A tool call's arguments are read up to this size."""

_CUT_SHORT = ("max_tokens", "model_context_window_exceeded", "refusal")
_PROGRESS = ("content_block_start", "content_block_delta", "content_block_stop", "message_delta")


def is_progress(event: Json) -> bool:
    """Whether the model got on; a ping or an event that nobody knows is no sign of that."""
    return event.get("type") in _PROGRESS


@dataclass(frozen=True, slots=True)
class Bill:
    """What a call used; `cache_write_1h_tokens` are those of the cache writes that cost more."""

    usage: Usage
    cache_write_1h_tokens: int


@dataclass(slots=True)
class _Part:
    """A content block while it grows; `grown` is its text, its thinking or its arguments."""

    block: Json
    grown: list[str] = field(default_factory=list[str])
    chars: int = 0
    citations: list[Json] = field(default_factory=list[Json])
    signature: str = ""
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Assembled:
    """What an attempt came to; see `ModelReply` for the fields."""

    blocks: tuple[Json, ...]
    stop_reason: str
    broken: dict[str, str]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show and nothing to do, thinking aside."""
        return not any(block["type"] in ("text", "tool_use") for block in self.blocks)


class Assembly:
    """Collects one attempt at a reply; `begun`: there is something to pay; `complete`: all of it is there."""

    def __init__(self) -> None:
        self.begun = False
        self.complete = False
        self.stop_reason = "unknown"
        self._parts: dict[int, _Part] = {}
        self._usage: Json = {}
        self._final_usage = False

    @property
    def ended(self) -> bool:
        """Whether the stream may end now: not before the last event, since a reply cut short looks whole."""
        return self.complete

    def flush(self) -> Iterator[Piece]:
        """Nothing is held back here."""
        return iter(())

    def feed(self, event: Json) -> Iterator[Piece]:
        """What one event adds to the reply."""
        self.begun = self.begun or event.get("type") == "message_start" or is_progress(event)
        match event.get("type"):
            case "message_start":
                self._count(as_object(as_object(event.get("message")).get("usage")))
            case "content_block_start":
                yield from self._start(_index(event), as_object(event.get("content_block")))
            case "content_block_delta":
                yield from self._grow(_index(event), as_object(event.get("delta")))
            case "content_block_stop":
                yield from self._stop(_index(event))
            case "message_delta":
                self._conclude(event)
            case "message_stop":
                self.complete = True
            case _:
                pass

    def _start(self, index: int, block: Json) -> Iterator[Piece]:
        known = block.get("type") in ("text", "thinking", "redacted_thinking")
        call = (
            block.get("type") == "tool_use"
            and isinstance(block.get("id"), str)
            and isinstance(block.get("name"), str)
        )
        if not (known or call):
            return
        part = _Part({key: value for key, value in block.items() if value is not None})
        self._parts[index] = part
        if call:
            yield ToolChosen(block["name"])
        elif block.get("text"):
            yield from self._grow(index, {"type": "text_delta", "text": block["text"]})
        elif block.get("thinking"):
            part.grown.append(str(block["thinking"]))

    def _grow(self, index: int, delta: Json) -> Iterator[Piece]:
        part = self._parts.get(index)
        if part is None:
            return
        match delta.get("type"):
            case "text_delta":
                text = _whole(delta.get("text"))
                part.grown.append(text)
                if text:
                    yield TextGrew(text)
            case "input_json_delta":
                piece = str(delta.get("partial_json", ""))
                part.chars += len(piece)
                if part.chars <= ARGUMENT_CHARS:
                    part.grown.append(piece)
            case "thinking_delta":
                part.grown.append(str(delta.get("thinking", "")))
            case "signature_delta":
                part.signature += str(delta.get("signature", ""))
            case "citations_delta":
                part.citations.append(as_object(delta.get("citation")))
            case _:
                pass

    def _stop(self, index: int) -> Iterator[Piece]:
        """A text block's citations hold for the whole of it, so they are told at its end."""
        part = self._parts.get(index)
        if part is None:
            return
        part.stopped = True
        for location in part.citations:
            if location.get("type") == "search_result_location":
                title, source = str(location.get("title") or ""), str(location.get("source", ""))
                yield TextCited(Citation(title=title, url=source, quote=_whole(location.get("cited_text"))))

    def _conclude(self, event: Json) -> None:
        reason = as_object(event.get("delta")).get("stop_reason")
        if isinstance(reason, str):
            self.stop_reason = reason
        usage = as_object(event.get("usage"))
        self._count(usage)
        self._final_usage = self._final_usage or bool(usage.get("output_tokens"))

    def _count(self, usage: Json) -> None:
        """Counts are cumulative: a later one replaces an earlier one, and what is not told again stays."""
        self._usage |= {key: value for key, value in usage.items() if value is not None}

    def finish(self) -> Assembled:
        """The reply. Blank text is left out: the API would refuse it when replayed."""
        broken: dict[str, str] = {}
        blocks: list[Json] = []
        last = max(self._parts, default=-1)
        for index, part in sorted(self._parts.items()):
            block = _settle(part)
            if block["type"] == "tool_use":
                try:
                    block["input"] = self._read_arguments(part, last=index == last)
                except ValueError as error:
                    block["input"] = {}
                    broken[block["id"]] = str(error)
            if block["type"] != "text" or block["text"].strip():
                blocks.append(block)
        return Assembled(tuple(blocks), self.stop_reason, broken)

    def _read_arguments(self, part: _Part, *, last: bool) -> Json:
        """Raises: ValueError that says why they cannot be trusted."""
        if part.chars > ARGUMENT_CHARS:
            raise ValueError(f"the arguments are longer than {ARGUMENT_CHARS} characters")
        if not part.stopped or (last and self.stop_reason in _CUT_SHORT):
            raise ValueError("the call was cut off before its end")
        grown = "".join(part.grown)
        return parse_arguments(grown) if grown else as_object(part.block.get("input"))

    def bill(self, body: Json) -> Bill:
        """What this attempt used as far as it got; counted roughly, and marked so, where nobody said."""
        told = self._usage
        usage = Usage(
            input_tokens=_tokens(told.get("input_tokens")),
            output_tokens=_tokens(told.get("output_tokens")),
            cache_read_tokens=_tokens(told.get("cache_read_input_tokens")),
            cache_write_tokens=_tokens(told.get("cache_creation_input_tokens")),
        )
        if usage.total_tokens == usage.output_tokens:
            usage = usage.model_copy(update={"input_tokens": count_roughly(body), "estimated": True})
        if not self._final_usage:
            grown = "".join(piece for part in self._parts.values() for piece in part.grown)
            output_tokens = max(usage.output_tokens, count_roughly(grown))
            usage = usage.model_copy(update={"output_tokens": output_tokens, "estimated": True})
        split = told.get("cache_creation")
        hour = _tokens(as_object(split).get("ephemeral_1h_input_tokens")) if split else usage.cache_write_tokens
        return Bill(usage, hour)


def write_events(message: Json) -> Iterator[Json]:
    """The events of a message that came in one piece."""
    usage, content = as_object(message.get("usage")), message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or ()
    yield {"type": "message_start", "message": {"usage": usage}}
    for index, block in enumerate(as_object(each) for each in blocks):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        for citation in block.get("citations") or ():
            delta = {"type": "citations_delta", "citation": citation}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": message.get("stop_reason")}, "usage": usage}
    yield {"type": "message_stop"}


def _settle(part: _Part) -> Json:
    """The block as the API would have given it in one piece, its arguments aside."""
    grown = "".join(part.grown)
    match part.block["type"]:
        case "text":
            cited = {"citations": part.citations} if part.citations else {}
            return {"type": "text", "text": grown, **cited}
        case "thinking":
            signature = part.signature or part.block.get("signature", "")
            return {**part.block, "thinking": grown, "signature": signature}
        case _:
            return dict(part.block)


def parse_arguments(text: str) -> Json:
    """A tool call's arguments: one JSON object, no key twice, finite numbers, whole characters.

    Raises: ValueError that says what is wrong.
    """
    try:
        value: Any = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_parse_float
        )
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("the arguments are nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"the arguments are not valid JSON: {error}") from None
    if isinstance(value, str):  # JSON within JSON: some servers write it twice over
        return parse_arguments(value)
    if not isinstance(value, dict):
        raise ValueError("the arguments are not an object")
    return as_object(value)


def count_roughly(content: object) -> int:
    """Tokens, to within a third or so: a quarter of the bytes."""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return len(text.encode("utf-8", "replace")) // 4 + 1


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def as_object(value: Any) -> Json:
    """`value` if it is a JSON object, else an empty one."""
    return cast(Json, value) if isinstance(value, dict) else {}


def _index(event: Json) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else -1


def _tokens(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _whole(text: Any) -> str:
    """Text that can be stored and sent: half a surrogate pair becomes a question mark."""
    found = text if isinstance(text, str) else ""
    return found if found.isascii() else found.encode("utf-8", "replace").decode()
