"""A turn of each contender, as the load generator drives it, and the moments that count in it."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from bench.line import Line, open_line, write_request
from bench.said import FIRST_DELTA, ask

CHUNKS_END = b"\r\n0\r\n\r\n"
_TOKEN = re.compile(rb'"conversation_id":"([^"]+)","token":"([^"]+)"')
_ids = count()


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds after the request was sent. `status`: the first sign of life, where there is one before the text."""

    delta: float
    end: float
    status: float | None = None


class Contender(Protocol):
    @property
    def name(self) -> str: ...

    def talk(self) -> AsyncGenerator[Turn, None]:
        """One conversation; its connections last as long as it does, or longer."""
        ...


@dataclass(frozen=True)
class Plain:
    """A server that takes one POST and streams the reply in its response."""

    name: str
    port: int
    path: str
    first: bytes
    """What the first delta begins with."""

    async def talk(self) -> AsyncGenerator[Turn, None]:
        line = await open_line(self.port)
        try:
            for turn in count():
                moments = line.expect(self.first, CHUNKS_END)
                began = line.send(write_request("POST", self.path, self._body(ask(turn))))
                delta, end = await line.wait(moments)
                yield Turn(delta - began, end - began)
        finally:
            line.close()

    def _body(self, text: str) -> Any:
        if self.path == "/chat":
            return {"text": text}
        messages = [{"role": "user", "content": text}]
        return {"model": "claude-sonnet-5-5", "max_tokens": 1024, "stream": True, "messages": messages}


def speaks_messages(name: str, port: int) -> Plain:
    """The upstream, or what relays it."""
    return Plain(name, port, "/v1/messages", b'"text_delta"')


def usual_stack(name: str, port: int) -> Plain:
    return Plain(name, port, "/chat", FIRST_DELTA.encode())


@dataclass(frozen=True)
class Ours:
    """Firstline's own API: a message is posted, and its events are read over SSE, opened once a conversation."""

    name: str
    port: int
    turns: int = 5

    async def talk(self) -> AsyncGenerator[Turn, None]:
        post = await open_line(self.port)
        path, token = await start_conversation(post)
        watch = await open_stream(self.port, path, token)
        try:
            for turn in range(self.turns):
                yield await self._take_turn(post, watch, path, token, turn)
        finally:
            watch.close()
            post.close()

    async def _take_turn(self, post: Line, watch: Line, path: str, token: str, turn: int) -> Turn:
        # "replied" by Claude: a turn that fell back, or ran into a limit, is no turn here
        ended = (b"event: turn.ended", b'"outcome":"replied"', b'"model":"claude')
        moments = watch.expect(b"event: turn.status", b"event: reply.delta", *ended)
        accepted = post.expect(b"HTTP/1.1 202", b'"turn_id":"')
        message = {"client_message_id": f"bench-{next(_ids)}", "text": ask(turn)}
        began = post.send(write_request("POST", f"{path}/messages", message, authorization=f"Bearer {token}"))
        await post.wait(accepted)
        status, delta, *_, end = await watch.wait(moments)
        return Turn(delta - began, end - began, status - began)


async def start_conversation(line: Line) -> tuple[str, str]:
    """The path of a new conversation, and its token."""
    started = line.expect(b"HTTP/1.1 201", b'"last_seq":')
    line.send(write_request("POST", "/v1/conversations", {"bundle": "acme", "locale": "en"}))
    await line.wait(started)
    found = _TOKEN.search(line.read)
    assert found is not None
    return f"/v1/conversations/{found[1].decode()}", found[2].decode()


async def open_stream(port: int, path: str, token: str) -> Line:
    """A watcher of the conversation's events, from where it is now."""
    watch = await open_line(port)
    opened = watch.expect(b"HTTP/1.1 200", b"retry:")
    watch.send(write_request("GET", f"{path}/events?after=1", authorization=f"Bearer {token}"))
    await watch.wait(opened)
    return watch


async def take_turns(contender: Contender, *, turns: int) -> list[Turn]:
    """So many turns, one after the other, in as many conversations as that takes."""
    taken: list[Turn] = []
    while len(taken) < turns:
        async with aclosing(contender.talk()) as conversation:
            async for turn in conversation:
                taken.append(turn)
                if len(taken) == turns:
                    break
    return taken
