"""What one run came to, as values, and the folder that keeps it: `run.json` is written before the first trial, so
that a run which was broken off can be taken up; `scores.jsonl` and `summary.json` after the last.

Figures are not kept but summed up again from the scores, so they cannot disagree with them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import AwareDatetime, Field, ValidationError

from firstline.errors import ConfigError, Problem
from firstline.evals.metrics import Figure, Scored, sum_up, verdict_of
from firstline.evals.reliability import correct_figure
from firstline.evals.run import TRIALS, Key, read_trials
from firstline.events import ModelReplied
from firstline.intervals import SMALL_SAMPLE, Verdict, quantile
from firstline.judges import Reliability
from firstline.scoring import CRITERIA, Criterion, Score
from firstline.scoring.trial import Trial
from firstline.types import Json, Usd, Value

RUN, SCORES, SUMMARY = "run.json", "scores.jsonl", "summary.json"
OFFLINE = "offline"
"""The id under which the offline model replies: what it costs is known to be nothing."""


class Origin(Value):
    """What a run was set out to do. `model`: the first that was asked; which ones replied, the trials say."""

    bundle: str
    business: str
    accent: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
    path: str
    revision: str
    suite: str
    model: str
    seed: int
    trials: int
    cases: int
    began_at: AwareDatetime


@dataclass(frozen=True)
class JudgedBy:
    """Whose word is among the scores, and how it did on the gold set, for each criterion on which it was tried."""

    model: str
    tried: Mapping[Criterion, Reliability]

    def correct(self, figure: Figure) -> Figure:
        """The figure as it would be, had this judge never erred; one that rests on no judge as it is."""
        reliability = self.tried.get(figure.criterion)
        return figure if reliability is None else correct_figure(figure, reliability)

    def to_json(self) -> Json:
        return {"model": self.model, "tried": {criterion: asdict(each) for criterion, each in self.tried.items()}}


@dataclass(frozen=True)
class Sheet:
    """One run. `scorers`: the hash of what scored it, at `scored_at`; `scored`: its trials, in their order.

    judge: corrects the figures that rest on its word; None where nobody has judged.
    """

    origin: Origin
    scorers: str
    targets: Mapping[Criterion, float]
    scored: tuple[Scored, ...]
    scored_at: datetime
    judge: JudgedBy | None = None

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        figures = sum_up(self.scored, self.targets)
        return figures if self.judge is None else tuple(map(self.judge.correct, figures))

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.figures)

    @property
    def passed(self) -> list[Scored]:
        return [each for each in self.scored if each.passed]

    @property
    def failing(self) -> list[Scored]:
        return [each for each in self.scored if each.counts and not each.passed]

    @property
    def broken(self) -> list[Scored]:
        """Trials that say nothing of the assistant, since they themselves went wrong."""
        return [each for each in self.scored if not each.counts]

    @property
    def models(self) -> list[str]:
        """The ids of every model that replied."""
        return sorted({model for each in self.scored for model in models_of(each.trial)})

    @property
    def cost_usd(self) -> Usd:
        """What the assistant's replies cost, and the customers that a model played."""
        return sum(cost_of(each.trial) for each in self.scored)

    @property
    def unpriced(self) -> list[str]:
        """The ids of models that replied at a price that nobody knows: what they cost is not in `cost_usd`."""
        replies = (event for each in self.scored for event in each.trial.events if isinstance(event, ModelReplied))
        guessed = (each for each in replies if each.usage.estimated and each.usage.input_tokens)
        return sorted({each.model for each in guessed if not each.cost_usd} - {OFFLINE})

    def seconds(self, share: float = 0.5) -> float | None:
        """The time that this share of the conversations did not exceed, by the real clock."""
        return quantile(sorted(each.trial.seconds for each in self.scored if each.counts), share)

    def to_json(self) -> Json:
        """The summary, for programs."""
        return {
            "verdict": self.verdict,
            **self.origin.model_dump(mode="json", exclude={"path", "accent", "business"}),
            "models": self.models,
            "scorers": self.scorers,
            "judge": self.judge.to_json() if self.judge else None,
            "scored_at": self.scored_at.isoformat(),
            "conversations": len(self.scored),
            "passed": len(self.passed),
            "failed": len(self.failing),
            "broken": [
                {"case": each.trial.case.id, "trial": each.trial.number, "why": each.trial.error}
                for each in self.broken
            ],
            "cost_usd": round(self.cost_usd, 6),
            "unpriced": self.unpriced,
            "median_seconds": self.seconds(),
            "p90_seconds": self.seconds(0.9),
            "criteria": [{**each.to_json(), "small_sample": is_small(each)} for each in self.figures],
            "targets": dict(self.targets),
            "failing": [
                {"case": each.trial.case.id, "trial": each.trial.number, "reasons": each.reasons}
                for each in self.failing
            ],
        }


def key_of(scored: Scored) -> Key:
    return scored.trial.case.id, scored.trial.number


def cost_of(trial: Trial) -> Usd:
    return trial.customer_usd + sum(event.cost_usd for event in trial.events if isinstance(event, ModelReplied))


def models_of(trial: Trial) -> set[str]:
    return {event.model for event in trial.events if isinstance(event, ModelReplied)} or {trial.model}


def is_small(figure: Figure) -> bool:
    """Whether a reader has to be told that this figure is of few conversations."""
    return figure.conversations < SMALL_SAMPLE


# The folder ---------------------------------------------------------------------------------------------------------


def write_origin(origin: Origin, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RUN).write_text(origin.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_origin(folder: Path) -> Origin:
    """Raises ConfigError when no run was begun there."""
    try:
        return Origin.model_validate_json((folder / RUN).read_bytes())
    except (OSError, ValidationError):
        raise ConfigError(Problem(f"there is no run in {folder}", "give the folder that `eval run` named")) from None


def write_sheet(sheet: Sheet, folder: Path) -> None:
    """The scores, a line for each trial, and the summary; the trials are there already."""
    lines = [
        json.dumps(
            {
                "case": each.trial.case.id,
                "trial": each.trial.number,
                "passed": each.passed,
                "error": each.trial.error,
                "scores": [score.to_json() for score in each.scores],
            },
            ensure_ascii=False,
        )
        for each in sheet.scored
    ]
    (folder / SCORES).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (folder / SUMMARY).write_text(json.dumps(sheet.to_json(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_sheet(folder: Path) -> Sheet:
    """The run as it was written. Raises ConfigError: no run, one that was broken off, or of another version."""
    origin = read_origin(folder)
    if not (folder / SUMMARY).exists():
        kept = len(read_trials(folder))
        raise ConfigError(
            Problem(f"the run in {folder} was broken off after {kept} trials", f"go on with `--out {folder}`")
        )
    try:
        summary = cast("Json", json.loads((folder / SUMMARY).read_text(encoding="utf-8")))
        lines = [json.loads(line) for line in (folder / SCORES).read_text(encoding="utf-8").split("\n") if line]
        return Sheet(
            origin=origin,
            scorers=str(summary["scorers"]),
            targets={_read_criterion(name): float(target) for name, target in summary["targets"].items()},
            scored=tuple(_join(read_trials(folder), lines)),
            scored_at=datetime.fromisoformat(summary["scored_at"]),
            judge=_read_judge(summary.get("judge")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            Problem(f"the results in {folder} cannot be read: {error!r}", "make them again: `firstline eval rescore`")
        ) from None


def _join(trials: Iterable[Trial], lines: Sequence[Any]) -> Iterable[Scored]:
    """The trials that were scored, with their scores, in the order of the lines."""
    known = {(trial.case.id, trial.number): trial for trial in trials}
    for line in lines:
        trial = known.get((line["case"], line["trial"]))
        if trial is None:
            raise ValueError(f"{TRIALS} lacks {line['case']}, trial {line['trial']}")
        yield Scored(trial, tuple(_read_score(each) for each in line["scores"]))


def _read_judge(body: Json | None) -> JudgedBy | None:
    if body is None:
        return None
    tried: dict[Criterion, Reliability] = {
        _read_criterion(name): Reliability(**counts) for name, counts in body["tried"].items()
    }
    return JudgedBy(str(body["model"]), tried)


def _read_score(body: Json) -> Score:
    return Score(_read_criterion(body["criterion"]), bool(body["ok"]), str(body.get("why", "")), body.get("act"))


def _read_criterion(name: str) -> Criterion:
    if name not in CRITERIA:
        raise ValueError(f"there is no criterion {name}")
    return name
