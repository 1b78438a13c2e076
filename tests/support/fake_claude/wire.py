"""A reply as the events of the Messages API, and those as bytes."""

import json
from collections.abc import Iterator
from typing import Any

from tests.support.fake_claude.prefix import canonical, count_tokens, segments_of, sign
from tests.support.fake_claude.rules import search_results
from tests.support.fake_claude.script import Call, Reply, Say, Think

Json = dict[str, Any]


class Writer:
    """Writes one message event by event, keeping count of what it says."""

    def __init__(self, body: Json, message_id: str) -> None:
        self.output_tokens = 1
        self._body = body
        self._id = message_id
        self._index = -1
        self._before = [segment.text for segment in segments_of(body)]

    def start(self, usage: Json | None) -> Json:
        message: Json = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._body["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }
        if usage is not None:
            message["usage"] = {**usage, "output_tokens": 1 if usage["input_tokens"] else 0}
        return {"type": "message_start", "message": message}

    def end(self, stop_reason: str, usage: Json | None) -> Iterator[Json]:
        """Counts are cumulative; the API tells all of them again."""
        event: Json = {"type": "message_delta", "delta": {"stop_reason": stop_reason, "stop_sequence": None}}
        if usage is not None:
            told = {key: value for key, value in usage.items() if key != "cache_creation"}
            event["usage"] = {**told, "output_tokens": self.output_tokens if any(told.values()) else 0}
        yield event
        yield {"type": "message_stop"}

    def block(self, block: Json, deltas: list[Json]) -> Iterator[Json]:
        """A block from its opening to its stop."""
        yield self.open(block)
        yield from (self.delta(delta) for delta in deltas)
        yield self.stop()

    def open(self, block: Json) -> Json:
        self._index += 1
        return {"type": "content_block_start", "index": self._index, "content_block": block}

    def delta(self, delta: Json) -> Json:
        said = delta.get("text") or delta.get("partial_json") or delta.get("thinking") or ""
        self.output_tokens += count_tokens(said) if said else 0
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def stop(self) -> Json:
        return {"type": "content_block_stop", "index": self._index}

    def say(self, text: str, citations: list[Json], chunk_chars: int) -> Iterator[Json]:
        deltas: list[Json] = [{"type": "text_delta", "text": piece} for piece in pieces_of(text, chunk_chars)]
        deltas += [{"type": "citations_delta", "citation": citation} for citation in citations]
        cited = {"citations": []} if citations else {}
        self._remember({"type": "text", "text": text, **({"citations": citations} if citations else {})})
        yield from self.block({"type": "text", "text": "", **cited}, deltas)

    def think(self, text: str) -> Iterator[Json]:
        signature = sign(self._body["model"], self._before, text)
        deltas: list[Json] = [{"type": "thinking_delta", "thinking": piece} for piece in pieces_of(text, 9)]
        deltas.append({"type": "signature_delta", "signature": signature})
        self._remember({"type": "thinking", "thinking": text, "signature": signature})
        yield from self.block({"type": "thinking", "thinking": "", "signature": ""}, deltas)

    def call(self, name: str, call_id: str, raw: str, chunk_chars: int) -> Iterator[Json]:
        deltas: list[Json] = [{"type": "input_json_delta", "partial_json": ""}]
        deltas += [{"type": "input_json_delta", "partial_json": piece} for piece in pieces_of(raw, chunk_chars)]
        try:
            self._remember({"type": "tool_use", "id": call_id, "name": name, "input": json.loads(raw or "{}")})
        except (ValueError, RecursionError):
            self._remember({"type": "tool_use", "id": call_id, "name": name, "input": {}})
        yield from self.block({"type": "tool_use", "id": call_id, "name": name, "input": {}}, deltas)

    def cite(self, source: str, quote: str | None = None) -> Json:
        """A citation of the search result with this source, of all of it unless a quote is given."""
        for index, block in enumerate(search_results(self._body["messages"])):
            if block["source"] == source:
                return {
                    "type": "search_result_location",
                    "cited_text": quote or "".join(part["text"] for part in block["content"]),
                    "source": source,
                    "title": block["title"],
                    "search_result_index": index,
                    "start_block_index": 0,
                    "end_block_index": len(block["content"]),
                }
        raise LookupError(f"the script cites {source}, which is not in the request")

    def _remember(self, block: Json) -> None:
        if block["type"] != "text" or block["text"].strip():
            self._before.append(f"assistant {canonical(block)}")


def write_reply(reply: Reply, writer: Writer, usage: Json | None, call_ids: Iterator[str]) -> Iterator[Json]:
    """All events of a scripted reply."""
    yield writer.start(usage)
    yield {"type": "ping"}
    if reply.junk:
        yield {"type": "constellation", "stars": [1, 2]}
    for block in reply.blocks:
        match block:
            case Say():
                citations = [writer.cite(source) for source in block.sources]
                yield from writer.say(block.text, citations, block.chunk_chars)
            case Think():
                yield from writer.think(block.text)
            case Call():
                raw = json.dumps(block.arguments) if block.raw is None else block.raw
                yield from writer.call(block.name, block.id or next(call_ids), raw, block.chunk_chars)
            case _:
                yield from writer.block(block.block, [{"type": "shape_delta", "edges": 12}])
        if reply.junk:
            yield writer.delta({"type": "aura_delta", "colour": "green"})
            yield {"type": "ping"}
    yield from writer.end(reply.ends_with, usage)


def pieces_of(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


def encode(event: Json, *, newline: str = "\n", many_data_lines: bool = False) -> bytes:
    """The event as server-sent bytes; on many data lines, each holds one line of the indented JSON."""
    text = json.dumps(event, ensure_ascii=False, indent=1 if many_data_lines else None)
    lines = [f"event: {event['type']}", *(f"data: {line}" for line in text.split("\n")), "", ""]
    return newline.join(lines).encode()
