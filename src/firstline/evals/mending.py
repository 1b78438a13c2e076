"""Mended cases for conversations that were recorded: what is expected may change, what the customer does may not."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from firstline.evals.dataset import make_concrete
from firstline.evals.metrics import Scored
from firstline.evals.run import TRIALS
from firstline.evals.sheet import Sheet, key_of
from firstline.scoring.case import Case
from firstline.scoring.trial import Trial
from firstline.types import Json


@dataclass(frozen=True)
class Mended:
    """`trials`, and the case that each is held against. `kept`: ids of cases that are gone, or would be played
    otherwise now; their trials are held against what was expected then.
    """

    trials: tuple[Trial, ...]
    cases: tuple[Case, ...]
    kept: tuple[str, ...]


def mend(trials: Sequence[Trial], cases: Sequence[Case]) -> Mended:
    """The trials with what these cases expect now."""
    known = {case.id: case for case in cases}
    mended = [_mend(trial, known.get(trial.case.id)) for trial in trials]
    kept = {old.case.id: old.case for old, new in zip(trials, mended, strict=True) if new is None}
    whole = tuple(new or old for old, new in zip(trials, mended, strict=True))
    ids = {trial.case.id for trial in trials} - set(kept)
    return Mended(whole, (*(case for case in cases if case.id in ids), *kept.values()), tuple(kept))


def _mend(trial: Trial, case: Case | None) -> Trial | None:
    concrete = None if case is None else make_concrete(case, trial.seed)
    return replace(trial, case=concrete) if concrete and _play_of(concrete) == _play_of(trial.case) else None


def _play_of(case: Case) -> Json:
    """Everything of a case that decides how it is played."""
    body: Json = case.model_dump(
        mode="json", exclude={"tags": True, "expect": True, "turns": {"__all__": {"expect"}}}
    )
    return body


def scored_anew(before: Sheet, after: Sheet) -> Sheet:
    """The scores as they were before, at the trials as they are now: so that the two can be compared."""
    now = {key_of(each): each.trial for each in after.scored}
    scored = tuple(Scored(now.get(key_of(each), each.trial), each.scores) for each in before.scored)
    return replace(before, scored=scored)


def write_trials(trials: Sequence[Trial], folder: Path) -> None:
    """In place of those that are there; whatever happens, either these or those are."""
    fresh = folder / f"{TRIALS}.new"
    lines = (json.dumps(trial.to_json(), ensure_ascii=False) for trial in trials)
    fresh.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    fresh.replace(folder / TRIALS)
