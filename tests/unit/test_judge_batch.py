"""Judging in batches: nothing is paid twice, whatever interrupts it; and what a batch leaves open is asked again."""

import asyncio
import json
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firstline.config import Settings
from firstline.errors import ConfigError, ModelFailed
from firstline.evals import judge_asking
from firstline.evals.judge import Asked, Judgement
from firstline.evals.judge_asking import Bench, estimate_usd, tell_cost
from firstline.evals.judge_batch import HANDED_IN, BatchJudge, read_handed_in
from firstline.evals.judge_command import folder_of_judge, judge_check
from firstline.evals.reliability import read_gold
from tests.support.batched import Batched
from tests.support.judging import GOLD, Ear, Oracle

pytestmark = pytest.mark.anyio
OPUS = "claude-opus-5-5"
OVERLOADED = ModelFailed("overloaded", retryable=True)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return Settings(data=tmp_path / "data", model="offline", _env_file=None)  # pyright: ignore[reportCallIssue]


async def _no_time(_: float) -> None:
    await asyncio.sleep(0)


def check(
    settings: Settings, oracle: Oracle, batches: Batched | None, ear: Ear, in_batch: bool | None = True
) -> bool:
    bench = Bench(in_batch, choose=lambda _: oracle, choose_batches=lambda _: batches, sleep=_no_time)
    return judge_check(settings, ear.teller, bench=bench)


def asked_of(number: int) -> list[Asked]:
    return [Asked("gist", {"customer": f"{n}?", "should_say": "yes", "reply": "yes"}) for n in range(number)]


class Waiting:
    """A judge in batches that sleeps in no time and keeps what it is told."""

    def __init__(self, folder: Path, batches: Batched, **how: Any) -> None:
        self.told: list[Judgement] = []
        self.said: list[str] = []
        self.slept: list[float] = []
        self.judge = BatchJudge(
            batches, batches.model, folder, self.told.append, self.said.append, sleep=self._sleep, **how
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def __call__(self, asked: list[Asked], known: dict[str, Judgement] | None = None) -> dict[str, Judgement]:
        return await self.judge(asked, known or {})


# The commands -------------------------------------------------------------------------------------------------------


def test_a_judge_is_tried_in_one_batch_and_found_as_good_as_one_by_one(settings: Settings) -> None:
    oracle, ear = Oracle(), Ear()
    batches = Batched(oracle)

    assert check(settings, oracle, batches, ear) is True
    assert [len(batch) for batch in batches.taken.values()] == [len(GOLD)]
    assert ear.lines[0] == "claude-opus-5-5 trusted" and (oracle.closed, batches.closed) == (1, 1)
    assert read_handed_in(folder_of_judge(settings), OPUS) == []


def test_the_cost_question_tells_half_the_price_and_what_the_other_way_costs(settings: Settings) -> None:
    ear = Ear(agrees=False)
    with pytest.raises(ConfigError):
        check(settings, Oracle(), Batched(Oracle()), ear)

    asked = [gold.asked for question in ("relevance", "support", "gist") for gold in read_gold(question)]
    half, whole = estimate_usd(asked, OPUS, in_batch=True), estimate_usd(asked, OPUS)
    assert half is not None and whole is not None and half == pytest.approx(whole / 2)
    (told,) = ear.costs
    assert f"about ${half:.2f}" in told and "in a batch" in told and f"--no-batch: ${whole:.2f}" in told
    assert f"With --batch, within a day: ${half:.2f}" in tell_cost(asked, OPUS)


def test_nothing_is_handed_in_before_somebody_agreed(settings: Settings) -> None:
    batches = Batched(Oracle())
    with pytest.raises(ConfigError):
        check(settings, Oracle(), batches, Ear(agrees=False))

    assert batches.taken == {}


@pytest.mark.parametrize(
    ("in_batch", "least", "base_url", "batched"),
    [
        (None, 1_000, None, False),
        (None, 200, None, True),
        (None, 200, "http://127.0.0.1:9", False),
        (False, 200, None, False),
        (True, 1_000, "http://127.0.0.1:9", True),
    ],
    ids=["few", "many", "many, elsewhere", "many, but now", "few, asked for"],
)
def test_many_questions_go_in_batches_unless_somebody_says_otherwise(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    in_batch: bool | None,
    least: int,
    base_url: str | None,
    batched: bool,
) -> None:
    monkeypatch.setattr(judge_asking, "BATCH_FROM", least)
    oracle = Oracle()
    batches = Batched(oracle)

    check(settings.model_copy(update={"anthropic_base_url": base_url}), oracle, batches, Ear(), in_batch)

    assert bool(batches.taken) is batched


def interrupt_at(look: int) -> Callable[[str], None]:
    looks: list[str] = []

    def looked(batch_id: str) -> None:
        looks.append(batch_id)
        if len(looks) == look:
            signal.raise_signal(signal.SIGINT)

    return looked


def test_after_ctrl_c_the_same_batch_is_fetched_and_nothing_is_paid_or_asked_about_again(settings: Settings) -> None:
    oracle, ear = Oracle(), Ear()
    batches = Batched(oracle, looked=interrupt_at(2))
    with pytest.raises(ConfigError, match="broken off"):
        check(settings, oracle, batches, ear)
    assert [each.batch_id for each in read_handed_in(folder_of_judge(settings), OPUS)] == ["msgbatch_1"]

    again = Ear(agrees=False)
    assert check(settings, oracle, batches, again, None) is True
    assert len(batches.taken) == 1 and len(oracle.asked) == len(GOLD) and again.costs == []


def test_ctrl_c_while_it_is_handed_in_waits_until_it_is_known_whether_it_was_taken(settings: Settings) -> None:
    class Slow(Batched):
        async def submit(self, requests: Any) -> Any:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0)
            return await super().submit(requests)

    batches = Slow(Oracle())
    with pytest.raises(ConfigError, match="broken off"):
        check(settings, Oracle(), batches, Ear())

    assert [each.batch_id for each in read_handed_in(folder_of_judge(settings), OPUS)] == ["msgbatch_1"]


def test_whoever_will_not_wait_any_longer_ends_the_batch_and_asks_one_by_one(settings: Settings) -> None:
    oracle = Oracle()
    batches = Batched(oracle, looks=10**6, looked=interrupt_at(5))
    with pytest.raises(ConfigError):
        check(settings, oracle, batches, Ear())

    assert check(settings, oracle, batches, Ear(), in_batch=False) is True
    assert batches.canceled == {"msgbatch_1"} and len(oracle.asked) == len(GOLD)


def test_a_batch_that_this_key_does_not_know_is_not_silently_paid_for_again(settings: Settings) -> None:
    oracle = Oracle()
    with pytest.raises(ConfigError):
        check(settings, oracle, Batched(oracle, looked=interrupt_at(1)), Ear())
    elsewhere = Batched(oracle)

    with pytest.raises(ConfigError, match=r"msgbatch_1 is not known there(.|\n)*batches\.jsonl"):
        check(settings, oracle, elsewhere, Ear())
    assert elsewhere.taken == {}


# What a batch leaves open -------------------------------------------------------------------------------------------


async def test_an_unreadable_answer_is_asked_for_singly_and_both_are_in_the_cost(tmp_path: Path) -> None:
    answers = iter(["I think so.", '{"ok": true}', '{"ok": false}'])
    oracle = Oracle(other=lambda _: next(answers))
    asked = asked_of(2)
    waiting = Waiting(tmp_path, Batched(oracle))

    judged = await waiting(asked)

    assert [judged[one.key].ok for one in asked] == [False, True]
    assert judged[asked[0].key].cost_usd == pytest.approx(0.002) and len(oracle.asked) == 3
    assert sorted(each.key for each in waiting.told) == sorted(judged)


async def test_what_expired_goes_into_another_batch_and_a_small_rest_is_asked_singly(tmp_path: Path) -> None:
    expired = ModelFailed("not_asked", retryable=True)
    batches = Batched(Oracle(), fails=lambda number: expired if number <= 30 or number in (61, 62) else None)
    asked = asked_of(60)

    judged = await Waiting(tmp_path, batches)(asked)

    assert all(judged[one.key].ok for one in asked)
    assert [len(batch) for batch in batches.taken.values()] == [60, 30], "the last two are asked one by one"
    assert len(read_handed_in(tmp_path, OPUS)) == 0


async def test_a_question_that_was_refused_is_named_and_the_others_are_judged(tmp_path: Path) -> None:
    refused = ModelFailed("bad_request", "upstream 200 invalid_request_error: messages: too odd")
    batches = Batched(Oracle(), fails=lambda number: refused if number == 2 else None)
    batches.model.fails = lambda number: refused if number == 3 else None  # pyright: ignore[reportAttributeAccessIssue]
    asked, waiting = asked_of(3), Waiting(tmp_path, batches)

    judged = await waiting(asked)

    assert [one.key in judged for one in asked] == [True, False, True]
    assert any(asked[1].key in line and "too odd" in line for line in waiting.said)


async def test_questions_that_do_not_fit_into_one_batch_go_into_several_at_once(tmp_path: Path) -> None:
    batches = Batched(Oracle(), most=4)
    looked: list[str] = []
    batches.looked = lambda batch_id: looked.append(f"{batch_id} of {len(batches.taken)}")

    judged = await Waiting(tmp_path, batches)(asked_of(10))

    assert len(judged) == 10 and [len(batch) for batch in batches.taken.values()] == [4, 4, 2]
    assert looked[0] == "msgbatch_1 of 3"


async def test_whoever_waits_looks_ever_more_rarely_and_through_trouble_that_passes(tmp_path: Path) -> None:
    class Shaky(Batched):
        async def state(self, batch_id: str) -> Any:
            found = await super().state(batch_id)
            if self._looks[batch_id] % 2:
                raise OVERLOADED
            return found

    waiting = Waiting(tmp_path, Shaky(Oracle(), looks=9))

    assert len(await waiting(asked_of(3))) == 3
    assert waiting.slept == sorted(waiting.slept) and waiting.slept[0] == 5 and waiting.slept[-1] == 60


async def test_a_batch_that_never_ends_is_not_waited_for_for_ever_and_stays_noted(tmp_path: Path) -> None:
    waiting = Waiting(tmp_path, Batched(Oracle(), looks=10**9))

    with pytest.raises(ModelFailed, match="does not end"):
        await waiting(asked_of(3))
    assert sum(waiting.slept) <= 27 * 3_600 and len(read_handed_in(tmp_path, OPUS)) == 1


async def test_a_crash_while_it_is_fetched_loses_nothing(tmp_path: Path) -> None:
    asked, batches = asked_of(3), Batched(Oracle())
    broken = Waiting(tmp_path, batches)

    def crash(judged: Judgement) -> None:
        raise RuntimeError

    broken.judge = replace(broken.judge, told=crash)
    with pytest.raises(RuntimeError):
        await broken(asked)
    again = Waiting(tmp_path, batches)

    assert len(await again(asked)) == len(again.told) == 3 and len(batches.taken) == 1


async def test_new_questions_are_handed_in_before_an_old_batch_is_waited_for(tmp_path: Path) -> None:
    batches = Batched(Oracle())
    before = (await batches.submit({})).batch_id
    noted = {"batch_id": before, "model": OPUS, "keys": [], "at": datetime.now(UTC).isoformat()}
    (tmp_path / HANDED_IN).write_text(json.dumps(noted) + '\n{"batch_id": "msgb')
    looked: list[int] = []
    batches.looked = lambda _: looked.append(len(batches.taken))

    judged = await Waiting(tmp_path, batches)(asked_of(2))

    assert len(judged) == 2 and set(looked) == {2}, "a line that a crash cut off is no obstacle either"


async def test_results_that_upstream_no_longer_keeps_are_not_waited_for(tmp_path: Path) -> None:
    batches = Batched(Oracle())
    broken = Waiting(tmp_path, batches, now=lambda: datetime.now(UTC) - timedelta(days=40))
    batches.looked = interrupt_with(RuntimeError)
    with pytest.raises(RuntimeError):
        await broken(asked_of(2))

    later = Batched(Oracle())
    assert len(await Waiting(tmp_path, later)(asked_of(2))) == 2 and len(later.taken) == 1


def interrupt_with(error: type[Exception]) -> Callable[[str], None]:
    def looked(batch_id: str) -> None:
        raise error(batch_id)

    return looked


async def test_another_models_batch_is_left_alone(tmp_path: Path) -> None:
    batches = Batched(Oracle(), looked=interrupt_with(RuntimeError))
    with pytest.raises(RuntimeError):
        await Waiting(tmp_path, batches)(asked_of(2))

    other = Batched(Oracle(name="claude-haiku-5-5"), prefix="other")
    await Waiting(tmp_path, other)(asked_of(2))
    assert len(other.taken) == 1 and len(read_handed_in(tmp_path, OPUS)) == 1


async def test_what_was_fetched_is_deleted_upstream_only_where_that_is_wanted(tmp_path: Path) -> None:
    kept, forgotten = Batched(Oracle()), Batched(Oracle())
    await Waiting(tmp_path / "a", kept)(asked_of(1))
    await Waiting(tmp_path / "b", forgotten, forget=True)(asked_of(1))

    assert (kept.forgotten, forgotten.forgotten) == ([], ["msgbatch_1"])
