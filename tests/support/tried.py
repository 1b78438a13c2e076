"""Recorded trials for tests of the evaluation: the workshop's cases, played; and trials with something changed."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from firstline.bundle import Bundle
from firstline.config import Settings
from firstline.evals.dataset import load_cases
from firstline.evals.metrics import Scored, targets_of
from firstline.evals.results import publish
from firstline.evals.run import TRIALS, Plan, hash_suite, opened_engine, run_plan, score_all
from firstline.evals.sheet import Origin, Sheet, write_origin
from firstline.events import Event, Logged, MessagePosted
from firstline.model import Model
from firstline.scoring.trial import Trial
from firstline.types import Message
from tests.support.dummies import Clerk
from tests.support.shop import WORKSHOP

CASES = Path(__file__).parent / "cases"
CLERK = Clerk()
BEGAN = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)

Run = tuple[Bundle, tuple[Trial, ...]]


@cache
def play(model: Model = CLERK, trials: int = 1) -> Run:
    """Every case of the workshop, played by this model; in a thread of its own, since a test may have a loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(_play(model, trials, None))).result()


async def play_customer(case_id: str, fast: Model) -> Trial:
    """One case, whose customer is played by a model."""
    return next(trial for trial in (await _play(CLERK, 1, fast))[1] if trial.case.id == case_id)


async def _play(model: Model, trials: int, fast: Model | None) -> Run:
    settings = Settings(_env_file=None, model="offline")  # pyright: ignore
    with TemporaryDirectory() as folder:
        async with opened_engine(WORKSHOP, settings) as (engine, _):
            cases = load_cases(engine.bundle, CASES)
            played = await run_plan(replace(engine, model=model), Plan(cases, trials), Path(folder), fast=fast)
            return engine.bundle, tuple(replace(trial, seconds=round(trial.seconds, 3)) for trial in played)


def trial_of(case_id: str, model: Model = CLERK) -> Trial:
    return next(trial for trial in play(model)[1] if trial.case.id == case_id)


def score(trial: Trial) -> Scored:
    return score_all([trial], play()[0])[0]


def make_sheet(
    trials: Sequence[Trial] | None = None,
    *,
    model: Model = CLERK,
    days: int = 0,
    **origin: Any,
) -> Sheet:
    """A run of the workshop, `days` after the first; of these trials, or those that this model played."""
    bundle, played = play(model)
    chosen = played if trials is None else tuple(trials)
    cases = {trial.case.id: trial.case for trial in chosen}
    began = BEGAN + timedelta(days=days)
    given: dict[str, Any] = {
        "bundle": bundle.name,
        "business": "Spoke",
        "accent": bundle.accent,
        "path": str(WORKSHOP),
        "revision": bundle.revision,
        "suite": hash_suite(tuple(cases.values())),
        "model": model.name,
        "seed": 1,
        "trials": max((trial.number for trial in chosen), default=1),
        "cases": len(cases),
        "began_at": began,
    }
    scored = tuple(score_all(chosen, bundle))
    return Sheet(Origin(**{**given, **origin}), "scorers-1", targets_of(bundle.criteria), scored, began)


# Changed trials -----------------------------------------------------------------------------------------------------


def change_events(trial: Trial, change: Callable[[Event], Event | None]) -> Trial:
    """The trial with every event changed; those that become None never happened."""
    log: list[Logged] = []
    at: dict[int, int] = {}
    for logged in trial.log:
        at[logged.seq] = len(log) + 1
        if (event := change(logged.event)) is not None:
            log.append(Logged(len(log) + 1, event))
    at[len(trial.log) + 1] = len(log) + 1
    acts = tuple((at[first], at[after]) for first, after in trial.acts)
    return replace(trial, log=tuple(log), acts=acts)


def drop(trial: Trial, *kinds: type[Event], **fields: Any) -> Trial:
    """The trial without the events of these kinds whose fields are as given."""

    def is_meant(event: Event) -> bool:
        return isinstance(event, kinds) and all(getattr(event, name) == value for name, value in fields.items())

    return change_events(trial, lambda event: None if is_meant(event) else event)


def reword(trial: Trial, change: Callable[[str], str]) -> Trial:
    """The trial with other words in every reply. It has to make a difference."""
    return change_replies(trial, lambda message: {"text": change(message.text)})


def change_replies(trial: Trial, change: Callable[[Message], Mapping[str, Any]]) -> Trial:
    def changed(event: Event) -> Event:
        if not isinstance(event, MessagePosted) or event.message.author != "assistant":
            return event
        return event.model_copy(update={"message": event.message.model_copy(update=change(event.message))})

    made = change_events(trial, changed)
    assert made.log != trial.log, "nothing was changed"
    return made


# Kept runs ----------------------------------------------------------------------------------------------------------


def write_trials(folder: Path, *trials: Trial) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(trial.to_json(), ensure_ascii=False) for trial in trials)
    (folder / TRIALS).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def store(sheet: Sheet, folder: Path) -> Path:
    """A finished run in a folder, as `eval run` leaves it."""
    write_trials(folder, *(each.trial for each in sheet.scored))
    write_origin(sheet.origin, folder)
    publish(sheet, folder)
    return folder
