"""The server: it answers as a habit says, and keeps what its model would have seen of each request.

Blocks that it does not know it leaves out (llama.cpp, Ollama) or refuses (vLLM, LM Studio), as their sources do.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from tests.support.fake_local.habits import Answer

Json = dict[str, Any]
KNOWN = ("text", "image", "tool_use", "tool_result", "thinking")


@dataclass(frozen=True)
class Seen:
    """A request, and the one text that the model gets of it."""

    body: Json
    prompt: str

    @property
    def tools(self) -> list[str]:
        return [tool["name"] for tool in self.body.get("tools", ())]


Answers = Sequence[Answer] | Callable[[Seen], Answer]


@dataclass
class FakeLocal:
    """`async with FakeLocal(answers) as server:` listens at `server.url`.

    answers: one for each request, the last one again and again; or a function of what was seen. `models`: what the
    list of models holds, None where there is no such list.
    """

    answers: Answers
    unknown: Literal["drops", "refuses"] = "drops"
    models: tuple[str, ...] | None = None
    seen: list[Seen] = field(default_factory=list)
    refused: int = 0
    url: str = ""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> "FakeLocal":
        app = web.Application(client_max_size=2**24)
        app.router.add_post("/v1/messages", self._messages)
        if self.models is not None:
            app.router.add_get("/v1/models", self._list)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _list(self, _: web.Request) -> web.Response:
        """In OpenAI's shape, as most have it."""
        return web.json_response(
            {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models or ()]}
        )

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if self.unknown == "refuses" and (strange := _find_strange(body)):
            self.refused += 1
            text = f"Input should be 'text', 'image', 'tool_use' or 'tool_result', not '{strange}'"
            return web.json_response({"error": {"message": text, "type": "BadRequestError", "code": 400}}, status=400)
        seen = Seen(body, read_prompt(body))
        self.seen.append(seen)
        if callable(self.answers):
            answer = self.answers(seen)
        else:
            answer = self.answers[min(len(self.seen), len(self.answers)) - 1]
        return await self._answer(request, answer)

    async def _answer(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers={"content-type": answer.content_type})
        await asyncio.sleep(answer.delay_seconds)
        await response.prepare(request)
        for part in answer.parts:
            await response.write(part)
            await asyncio.sleep(0)
        if answer.torn:
            assert request.transport is not None
            await asyncio.sleep(0.01)  # so that what was sent is read first
            request.transport.abort()
            return response
        await response.write_eof()
        return response


def _find_strange(body: Json) -> str | None:
    blocks = (block for message in body["messages"] for block in _blocks(message["content"]))
    return next((block["type"] for block in blocks if block["type"] not in KNOWN), None)


def _blocks(content: Any) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def read_prompt(body: Json) -> str:
    """The prompt as a chat template would write it: neighbouring texts without anything between them."""
    system = "".join(block["text"] for block in _blocks(body.get("system", "")))
    lines = [f"<|system|>{system}"]
    for message in body["messages"]:
        lines.append(f"<|{message['role']}|>")
        for block in _blocks(message["content"]):
            match block["type"]:
                case "text":
                    lines[-1] += block["text"]
                case "tool_use":
                    lines.append(f"<|call|>{block['name']} {json.dumps(block['input'])}")
                case "tool_result":
                    lines.append(f"<|result|>{block['content']}")
                case _:
                    pass
    return "\n".join(lines)
