"""The chain of models: who answers, who rests, and what the customer sees of it."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from firstline.errors import ModelFailed, ModelFault
from firstline.model import ModelReply, ModelRequest, Piece, Replied, Restarted, TextGrew
from firstline.model.fallback import FallbackModel
from firstline.types import Usage
from tests.support.asking import HAIKU, Waits, ask, claude, collect, shown, text
from tests.support.fake_claude import FakeClaude, Refuse, Scripted, say

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Told:
    """A model that does what it is told: `faults` one after the other, each after `says`; then it replies."""

    name: str
    faults: list[ModelFault] = field(default_factory=list)
    says: tuple[str, ...] = ()
    offline: bool = False
    asked: int = 0
    hold: asyncio.Event | None = None

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        self.asked += 1
        if self.hold is not None:
            await self.hold.wait()
        for words in self.says:
            yield TextGrew(words)
        if self.faults:
            raise ModelFailed(self.faults.pop(0))
        yield TextGrew(f"{self.name} here.")
        said = text("".join((*self.says, f"{self.name} here.")))
        yield Replied(ModelReply((said,), "end_turn", Usage(output_tokens=3), 0.0, self.name))


def chain(*models: Told, clock: Clock | None = None) -> FallbackModel:
    return FallbackModel(models, clock=clock or Clock())


async def test_the_first_model_answers_while_it_can() -> None:
    first, second = Told("first"), Told("second")
    assert shown(await collect(chain(first, second), ask())) == "first here."
    assert second.asked == 0


async def test_the_next_model_answers_where_one_fails_with_nothing_said() -> None:
    pieces = await collect(chain(Told("first", ["server"]), Told("second")), ask())
    assert shown(pieces) == "second here."
    assert not any(isinstance(piece, Restarted) for piece in pieces)


async def test_what_a_failed_model_said_is_taken_back_openly() -> None:
    pieces = await collect(chain(Told("first", ["cut"], says=("I think",)), Told("second")), ask())
    assert pieces[:2] == [TextGrew("I think"), Restarted("cut")]
    assert shown(pieces) == "second here."


async def test_the_last_models_failure_is_the_chains_and_nothing_is_taken_back_for_nobody() -> None:
    model = chain(Told("first", ["server"]), Told("second", ["overloaded"], says=("Well",)))
    pieces: list[Piece] = []
    with pytest.raises(ModelFailed) as caught:
        async for piece in model.stream(ask()):
            pieces.append(piece)
    assert caught.value.code == "overloaded"
    assert pieces == [TextGrew("Well")]


async def test_a_model_rests_after_three_failures_in_a_row_and_a_probe_brings_it_back() -> None:
    clock = Clock()
    first, second = Told("first", ["server"] * 3), Told("second", offline=True)
    model = chain(first, second, clock=clock)
    with capture_logs() as logs:
        for _ in range(3):
            await collect(model, ask())
        assert (model.name, model.offline) == ("second", True)
        clock.now += 29.9
        await collect(model, ask())
        assert first.asked == 3
        clock.now += 0.2
        assert (model.name, model.offline) == ("first", False)
        assert shown(await collect(model, ask())) == "first here."
    assert [(log["event"], log["model"], log["log_level"]) for log in logs] == [
        ("model_rests", "first", "warning"),
        ("model_is_back", "first", "warning"),
    ]


async def test_a_reply_in_between_starts_the_count_anew() -> None:
    first = Told("first", ["server", "server"])
    model = chain(first, Told("second"))
    for faults in (["server", "server"], [], ["server", "server"]):
        first.faults = cast(list[ModelFault], list(faults))
        for _ in range(2):
            await collect(model, ask())
    assert model.name == "first"


async def test_a_probe_that_fails_lets_the_model_rest_again_without_another_alarm() -> None:
    clock = Clock()
    first = Told("first", ["auth", "server"])
    model = chain(first, Told("second"), clock=clock)
    with capture_logs() as logs:
        await collect(model, ask())
        clock.now += 31
        await collect(model, ask())
        clock.now += 29
        assert model.name == "second"
        await collect(model, ask())
    assert first.asked == 2
    assert len(logs) == 1


@pytest.mark.parametrize("fault", ["auth", "spend_cap"])
async def test_a_key_or_money_that_is_missing_rests_the_model_at_once(fault: ModelFault) -> None:
    first = Told("first", [fault])
    model = chain(first, Told("second"))
    assert shown(await collect(model, ask())) == "second here."
    assert model.name == "second"


@pytest.mark.parametrize("fault", ["bad_request", "prompt_too_long"])
async def test_a_wrong_request_says_nothing_about_the_model(fault: ModelFault) -> None:
    first = Told("first", [fault] * 9)
    model = chain(first, Told("second"))
    for _ in range(9):
        assert shown(await collect(model, ask())) == "second here."
    assert first.asked == 9


async def test_one_probe_at_a_time() -> None:
    clock = Clock()
    first, second = Told("first", ["auth"]), Told("second")
    model = chain(first, second, clock=clock)
    await collect(model, ask())
    clock.now += 31
    first.hold = asyncio.Event()
    probe = asyncio.create_task(collect(model, ask()))
    await asyncio.sleep(0)
    assert shown(await collect(model, ask())) == "second here."
    first.hold.set()
    assert shown(await probe) == "first here."
    assert first.asked == 2


async def test_a_probe_that_is_abandoned_leaves_room_for_the_next() -> None:
    clock = Clock()
    first = Told("first", ["auth"])
    model = chain(first, Told("second"), clock=clock)
    await collect(model, ask())
    clock.now += 31
    probe = cast(AsyncGenerator[Piece, None], model.stream(ask()))
    await anext(probe)
    await probe.aclose()
    assert model.name == "first"
    assert shown(await collect(model, ask())) == "first here."


async def test_when_all_rest_the_answer_is_a_quick_no() -> None:
    only = Told("only", ["spend_cap"])
    model = chain(only)
    for _ in range(2):
        with pytest.raises(ModelFailed) as caught:
            await collect(model, ask())
        assert caught.value.code == "spend_cap"
    assert only.asked == 1
    assert (model.name, model.offline) == ("only", False)


def test_a_chain_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        FallbackModel(())


async def test_sonnet_overloaded_haiku_answers() -> None:
    overloaded = Refuse(529, "overloaded_error")
    steps: list[Any] = [overloaded, overloaded, overloaded, say("We open at nine.")]
    async with (
        FakeClaude(Scripted(steps)) as fake,
        claude(fake, waits=Waits()) as sonnet,
        claude(fake, HAIKU) as haiku,
    ):
        pieces = await collect(FallbackModel((sonnet, haiku)), ask())
    assert shown(pieces) == "We open at nine."
    assert cast(Replied, pieces[-1]).reply.model == HAIKU
