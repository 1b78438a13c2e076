"""A judge that knows the gold sets, and an ear for what the commands say: for tests of whoever asks a judge."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from rich.console import Console

from firstline.errors import ConfigError, ModelFailed
from firstline.evals.judge import QUESTIONS, write_material
from firstline.evals.judge_asking import Teller
from firstline.evals.reliability import read_gold
from firstline.model import ModelRequest, Piece
from firstline.types import Json
from tests.support.scripted import say

GOLD = {write_material(gold.asked.material): gold.ok for question in QUESTIONS for gold in read_gold(question)}


@dataclass
class Oracle:
    """A judge that knows the gold sets, and errs where it is told to; of anything else it thinks as `other` does."""

    errs: Callable[[Json, bool], bool] = lambda *_: False
    other: Callable[[Json], str] = lambda _: '{"ok": true}'
    fails: Callable[[int], ModelFailed | None] = lambda _: None
    asked: list[tuple[str, ...]] = field(default_factory=list)
    name: str = "claude-opus-5-5"
    offline: bool = False
    closed: int = 0

    async def aclose(self) -> None:
        self.closed += 1

    async def stream(self, request: ModelRequest) -> AsyncIterator[Piece]:
        texts = tuple(str(turned.content[0]["text"]) for turned in request.messages)
        self.asked.append(texts)
        failure = self.fails(len(self.asked))
        await asyncio.sleep(0)
        if failure is not None:
            raise failure
        material = {key: value for text in texts for key, value in json.loads(text).items()}
        answer = self.other(material)
        if texts in GOLD:
            ok = GOLD[texts] != self.errs(material, GOLD[texts])
            answer = json.dumps({"ok": ok, "why": "so I think"})
        for piece in say(answer, cost=0.001):
            assert not isinstance(piece, Exception | float) and not callable(piece)
            yield piece


@dataclass
class Ear:
    """What the commands said; `agrees` to every cost, or to none."""

    agrees: bool = True
    as_json: bool = False
    costs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()

    def agree(self, cost: str) -> None:
        self.costs.append(cost)
        if not self.agrees:
            raise ConfigError

    @property
    def teller(self) -> Teller:
        out, err = (Console(file=file, width=200, soft_wrap=True) for file in (self.out, self.err))
        return Teller(out, err, self.agree, self.as_json)

    @property
    def lines(self) -> list[str]:
        return self.out.getvalue().splitlines()
