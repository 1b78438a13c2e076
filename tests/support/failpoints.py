"""Places at which a test build's process kills itself, as `kill -9` would: no exit code runs, nothing is flushed.

A failpoint is written `stage:n`, or `stage:event.type:n` where the stage is an append; n counts from 1:

    before:turn.ended:1   when the append that holds it is asked for; nothing of it is written
    after:turn.ended:1    when it is committed; nobody has been told
    ask:2                 when the model is asked for the second time
    act:1                 when a tool is to be called, before its effect
    acted:1               when it has acted, before anybody knows

They are seams of test builds only: `plant` puts them around the parts of a built service.
"""

import os
import signal
from collections.abc import AsyncIterator, Sequence
from typing import Any

from firstline.events import Event
from firstline.model import Model, ModelRequest, Piece
from firstline.wire import Service


class Fault:
    """Where this process dies."""

    def __init__(self, written: str) -> None:
        self._stage, _, number = written.rpartition(":")
        self._left = int(number) if written else -1

    def reach(self, stage: str) -> None:
        """A stage is reached; perhaps it is the last."""
        if stage != self._stage:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class FragileModel:
    """A model before which the process may die."""

    def __init__(self, model: Model, fault: Fault) -> None:
        self._model = model
        self._fault = fault
        self.name = model.name
        self.offline = model.offline

    async def stream(self, request: ModelRequest) -> AsyncIterator[Piece]:
        self._fault.reach("ask")
        async for piece in self._model.stream(request):
            yield piece

    async def aclose(self) -> None:
        await self._model.aclose()


def plant(service: Service, fault: Fault) -> None:
    """Put the failpoints around the store and the tools of a service."""
    append = service.store.append

    async def fragile_append(conversation_id: Any, events: Sequence[Event], *, after: int) -> int:
        for event in events:
            fault.reach(f"before:{event.type}")
        last_seq = await append(conversation_id, events, after=after)
        for event in events:
            fault.reach(f"after:{event.type}")
        return last_seq

    service.store.append = fragile_append  # type: ignore[method-assign]
    for engine in service.engines.values():
        _plant_tools(engine.toolset, fault)


def _plant_tools(toolset: Any, fault: Fault) -> None:
    call = toolset.call

    async def fragile_call(*asked: Any) -> Any:
        fault.reach("act")
        output = await call(*asked)
        fault.reach("acted")
        return output

    toolset.call = fragile_call
