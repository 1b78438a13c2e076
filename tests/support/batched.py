"""Batches without upstream: a model answers each request when the batch ends. For tests of those who wait for one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from firstline.errors import ModelFailed
from firstline.model import BatchState, Model, ModelReply, ModelRequest, Replied, Submitted


@dataclass
class Batched:
    """`Batches` that end after they were looked at `looks` times; `fails`: what a request comes to, by its number."""

    model: Model
    prefix: str = "msgbatch"
    looks: int = 3
    most: int = 10_000
    fails: Callable[[int], ModelFailed | None] = lambda _: None
    looked: Callable[[str], None] = lambda _: None
    taken: dict[str, Mapping[str, ModelRequest]] = field(default_factory=dict)
    canceled: set[str] = field(default_factory=set)
    forgotten: list[str] = field(default_factory=list)
    closed: int = 0
    _looks: dict[str, int] = field(default_factory=dict)
    _asked: int = 0

    @property
    def name(self) -> str:
        return self.model.name

    async def submit(self, requests: Mapping[str, ModelRequest]) -> Submitted:
        batch_id = f"{self.prefix}_{len(self.taken) + 1}"
        self.taken[batch_id] = dict(list(requests.items())[: self.most])
        self._looks[batch_id] = self.looks
        return Submitted(batch_id, tuple(self.taken[batch_id]))

    async def state(self, batch_id: str) -> BatchState:
        if batch_id not in self.taken:
            raise ModelFailed("unknown", "upstream 404")
        self.looked(batch_id)
        self._looks[batch_id] -= 1
        return BatchState(self._looks[batch_id] < 0 or batch_id in self.canceled)

    async def results(self, batch_id: str) -> Mapping[str, ModelReply | ModelFailed]:
        return {key: await self._answer(batch_id, request) for key, request in self.taken[batch_id].items()}

    async def _answer(self, batch_id: str, request: ModelRequest) -> ModelReply | ModelFailed:
        self._asked += 1
        if batch_id in self.canceled:
            return ModelFailed("not_asked", retryable=True)
        failure = self.fails(self._asked)
        if failure is not None:
            return failure
        replies = [piece.reply async for piece in self.model.stream(request) if isinstance(piece, Replied)]
        return replies[-1]

    async def cancel(self, batch_id: str) -> None:
        self.canceled.add(batch_id)

    async def forget(self, batch_id: str) -> None:
        self.forgotten.append(batch_id)

    async def aclose(self) -> None:
        self.closed += 1
