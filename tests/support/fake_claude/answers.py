"""Who decides what the fake says: a script, step by step, or a `Model`."""

import json
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Protocol

from firstline.model import Model, ModelRequest, Piece, Replied, Restarted, Spec, TextCited, TextGrew, Turned
from firstline.types import TurnId
from tests.support.fake_claude.script import Drop, Refuse, Reply
from tests.support.fake_claude.wire import Writer, write_reply

Json = dict[str, Any]


class Answers(Protocol):
    def step(self) -> Reply | Refuse | Drop:
        """How the next request is dealt with."""
        ...

    def events(self, step: Reply, body: Json, writer: Writer, usage: Json | None) -> AsyncIterator[Json]:
        """The events of a reply."""
        ...


class Scripted:
    """One step for each request; the last one again and again when `repeat`."""

    def __init__(self, steps: Iterable[Reply | Refuse | Drop], *, repeat: bool = False) -> None:
        self._steps = deque(steps)
        self._repeat = repeat
        self._ids = (f"toolu_{number:04}" for number in range(1, 10_000))

    def add(self, *steps: Reply | Refuse | Drop) -> None:
        self._steps.extend(steps)

    def step(self) -> Reply | Refuse | Drop:
        if self._repeat and len(self._steps) == 1:
            return self._steps[0]
        if not self._steps:
            return Refuse(500, message="the script of the fake has ended")
        return self._steps.popleft()

    async def events(self, step: Reply, body: Json, writer: Writer, usage: Json | None) -> AsyncIterator[Json]:
        for event in write_reply(step, writer, usage, self._ids):
            yield event


class FromModel:
    """A model's replies in the wire format; the request it gets is rebuilt from the body."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def step(self) -> Reply:
        return Reply()

    async def events(self, step: Reply, body: Json, writer: Writer, usage: Json | None) -> AsyncIterator[Json]:
        yield writer.start(usage)
        live = _Live(writer, usage)
        async for piece in self._model.stream(read_request(body)):
            for event in live.write(piece):
                yield event


class _Live:
    """A model's pieces as events, as they come; text that follows a citation begins another block."""

    def __init__(self, writer: Writer, usage: Json | None) -> None:
        self._writer = writer
        self._usage = usage
        self._open = False
        self._cited = False

    def write(self, piece: Piece) -> Iterator[Json]:
        match piece:
            case TextGrew(text=text):
                yield from self._text(text)
            case TextCited(citation=citation) if self._open:
                self._cited = True
                location = self._writer.cite(citation.url, citation.quote)
                yield self._writer.delta({"type": "citations_delta", "citation": location})
            case Restarted():
                raise RuntimeError("what is on the wire cannot be taken back")
            case Replied(reply=reply):
                yield from self._close()
                yield from self._calls(reply.blocks)
                yield from self._writer.end(reply.stop_reason, self._usage)
            case _:
                pass

    def _text(self, text: str) -> Iterator[Json]:
        if self._cited:
            yield from self._close()
        if not self._open:
            self._open = True
            yield self._writer.open({"type": "text", "text": ""})
        yield self._writer.delta({"type": "text_delta", "text": text})

    def _close(self) -> Iterator[Json]:
        if self._open:
            self._open = self._cited = False
            yield self._writer.stop()

    def _calls(self, blocks: Iterable[Json]) -> Iterator[Json]:
        for block in blocks:
            if block["type"] == "tool_use":
                raw = json.dumps(block["input"], ensure_ascii=False)
                yield from self._writer.call(block["name"], block["id"], raw, chunk_chars=16)


def read_request(body: Json) -> ModelRequest:
    """What the adapter was asked, as far as the wire tells it."""
    messages = [Turned(message["role"], _bare(message["content"])) for message in body["messages"]]
    hour = [
        index
        for index, message in enumerate(body["messages"])
        for block in message["content"]
        if isinstance(block, dict) and block.get("cache_control", {}).get("ttl") == "1h"
    ]
    system = body.get("system", "")
    return ModelRequest(
        turn_id=TurnId("turn_fake"),
        system=system if isinstance(system, str) else "\n\n".join(block["text"] for block in system),
        messages=tuple(messages),
        tools=tuple(Spec(tool["name"], tool["description"], tool["input_schema"]) for tool in body.get("tools", ())),
        static_messages=hour[-1] + 1 if hour else 0,
        max_tokens=body["max_tokens"],
    )


def _bare(content: Any) -> tuple[Json, ...]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return tuple({key: value for key, value in block.items() if key != "cache_control"} for block in blocks)
