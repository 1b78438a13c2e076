"""The usual stack, as most people write it: FastAPI, the SDK's `messages.stream`, a StreamingResponse of text.

Nothing is stored, checked, routed or retrieved, and nobody else can watch; the prompt is two lines long.
`python -m bench.usual PORT UPSTREAM_PORT`
"""

import sys
from collections.abc import AsyncIterator

import uvicorn
from anthropic import AsyncAnthropic
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

SYSTEM = "You are the assistant of Acme, an insurer of vehicles. Answer customers' questions briefly and kindly."


class Question(BaseModel):
    text: str


def build_app(upstream_port: int) -> FastAPI:
    app = FastAPI()
    client = AsyncAnthropic(api_key="dummy", base_url=f"http://127.0.0.1:{upstream_port}")

    async def reply(text: str) -> AsyncIterator[str]:
        async with client.messages.stream(
            model="claude-sonnet-5-5",
            max_tokens=1024,
            system=SYSTEM,
            messages=[{"role": "user", "content": text}],
        ) as stream:
            async for delta in stream.text_stream:
                yield delta

    @app.post("/chat")
    async def chat(question: Question) -> StreamingResponse:
        return StreamingResponse(reply(question.text), media_type="text/plain")

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app


if __name__ == "__main__":
    uvicorn.run(build_app(int(sys.argv[2])), port=int(sys.argv[1]), log_level="warning", access_log=False)
