"""A reply from a server that speaks only some of the Messages API, or speaks it badly, made into what the API would
have sent. Pure; part of `firstline.model.claude`.

Every habit that is mended here was seen in a server's source or in its users' reports; `tests/faults/test_local.py`
has one case for each.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

from firstline.model import Piece, TextGrew, ToolChosen
from firstline.model.claude_faults import Fault, Faulted
from firstline.model.claude_plain import Plain
from firstline.model.claude_plain_text import PlainText, Written, build_blocks
from firstline.model.claude_stream import Assembled, Assembly, Bill, as_object
from firstline.types import Json

STUCK_CHARS, STUCK_PERIOD = 600, 150
"""So many last characters that repeat a stretch no longer than that: the model is stuck."""

_KNOWN_STOPS = (
    "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded",
)  # fmt: skip
_STOPS = {"length": "max_tokens", "tool_calls": "tool_use", "function_call": "tool_use", "content_filter": "refusal"}


class PlainAssembly:
    """As `Assembly`, for the reply to a plain request."""

    def __init__(self, plain: Plain) -> None:
        self._strict = Assembly()
        self._text = PlainText(plain)
        self._mender = _Mender()
        self._tail = ""
        self._unchecked = 0

    @property
    def begun(self) -> bool:
        return self._strict.begun

    @property
    def complete(self) -> bool:
        return self._strict.complete

    @property
    def ended(self) -> bool:
        """A reason to stop is as good as the last event, which some servers never send."""
        return self._strict.complete or self._strict.stop_reason != "unknown"

    def feed(self, event: Json) -> Iterator[Piece]:
        """What one event adds to the reply. Raises: Faulted when the model says the same again and again."""
        thought = as_object(event.get("delta")).get("thinking")
        if isinstance(thought, str):
            self._watch(thought)
        for mended in self._mender.mend(event):
            for piece in self._strict.feed(mended):
                match piece:
                    case TextGrew(text=text):
                        self._watch(text)
                        yield from self._text.grow(text)
                    case ToolChosen():
                        yield from self._text.flush()
                        self._text.written.append(Written())
                        yield piece
                    case _:
                        yield piece

    def flush(self) -> Iterator[Piece]:
        """What was held back until the reply's end."""
        for event in self._mender.close():
            list(self._strict.feed(event))
        yield from self._text.flush()

    def finish(self) -> Assembled:
        """The reply; what the model thought is left out, as nobody could replay it."""
        strict = self._strict.finish()
        calls = [block for block in strict.blocks if block["type"] == "tool_use"]
        blocks, broken = build_blocks(self._text.written, calls)
        called = any(block["type"] == "tool_use" for block in blocks)
        stop = strict.stop_reason if strict.stop_reason in _KNOWN_STOPS else "end_turn"
        if stop in ("end_turn", "stop_sequence", "tool_use"):
            stop = "tool_use" if called else "end_turn"
        return replace(strict, blocks=tuple(blocks), broken={**strict.broken, **broken}, stop_reason=stop)

    def bill(self, body: Json) -> Bill:
        """As `Assembly.bill`."""
        return self._strict.bill(body)

    def _watch(self, text: str) -> None:
        self._tail = (self._tail + text)[-STUCK_CHARS:]
        self._unchecked += len(text)
        if self._unchecked >= STUCK_CHARS // 4 and len(self._tail) == STUCK_CHARS:
            self._unchecked = 0
            if is_stuck(self._tail):
                raise Faulted(Fault("empty", "the same words again and again", retries=1))


def is_stuck(tail: str) -> bool:
    """Whether the whole text is one short stretch repeated."""
    return any(tail[period:] == tail[:-period] for period in range(1, STUCK_PERIOD + 1))


class _Mender:
    """The events of one reply, mended: blocks numbered, calls with ids of their own, arguments as JSON text."""

    def __init__(self) -> None:
        self._count = 0
        self._numbers: dict[object, int] = {}
        self._open: set[int] = set()
        self._ids: set[str] = set()

    def mend(self, event: Json) -> Iterator[Json]:
        kind = event.get("type")
        if kind == "content_block_start":
            yield from self._start(event)
        elif kind in ("content_block_delta", "content_block_stop"):
            number = self._numbers.get(event.get("index"), -1)
            if kind == "content_block_stop":
                self._open.discard(number)
            yield {**event, "index": number}
        elif kind == "message_delta":
            delta = as_object(event.get("delta"))
            reason = delta.get("stop_reason")
            yield {**event, "delta": {**delta, "stop_reason": _STOPS.get(reason, reason)}} if reason else event
        else:
            yield event

    def close(self) -> Iterator[Json]:
        """The ends of blocks that were never ended: a call whose arguments are whole JSON is whole."""
        yield from ({"type": "content_block_stop", "index": number} for number in sorted(self._open))

    def _start(self, event: Json) -> Iterator[Json]:
        """A block with a number of its own: some servers use one twice, others none."""
        number = self._count
        self._count += 1
        self._numbers[event.get("index")] = number
        self._open.add(number)
        block = dict(as_object(event.get("content_block")))
        given = block.get("input")
        if block.get("type") == "tool_use":
            call_id = block.get("id")
            own = call_id if isinstance(call_id, str) and call_id and call_id not in self._ids else f"block_{number}"
            self._ids.add(own)
            whole = isinstance(given, dict)
            block |= {"id": own, "input": given if whole else {}}
        yield {**event, "index": number, "content_block": block}
        if block.get("type") == "tool_use" and given and not isinstance(given, dict):
            text = given if isinstance(given, str) else json.dumps(given)
            delta = {"type": "input_json_delta", "partial_json": text}
            yield {"type": "content_block_delta", "index": number, "delta": delta}
