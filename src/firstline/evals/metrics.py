"""Scores summed up: for each criterion a figure with interval, target and verdict; pure, the same for any run.

Observations of one conversation depend on each other, so intervals count conversations (`firstline.intervals`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firstline.bundle import Criteria
from firstline.intervals import Interval, Verdict, judge_share
from firstline.scoring import CRITERIA, Criterion, Score
from firstline.scoring.trial import Trial
from firstline.types import Json


@dataclass(frozen=True)
class Scored:
    """A trial with its scores. It passes when every score is good; one that broke itself says nothing.

    Support fails no trial: so many claims are judged that the judge's own errors would.
    """

    trial: Trial
    scores: tuple[Score, ...]

    @property
    def counts(self) -> bool:
        return self.trial.error is None

    @property
    def passed(self) -> bool:
        return self.counts and all(score.ok for score in self.scores if score.criterion != "supported")

    @property
    def reasons(self) -> list[str]:
        """What went wrong, one line each."""
        return [f"{score.criterion}: {score.why}" for score in self.scores if not score.ok]


@dataclass(frozen=True, slots=True)
class Figure:
    """One criterion: `ok` of `n` observations in `conversations`. `steady`: the share of cases of which every trial
    was good (pass^k), where there was more than one each.
    """

    criterion: Criterion
    ok: int
    n: int
    conversations: int
    value: float | None
    interval: Interval | None
    target: float
    verdict: Verdict
    steady: float | None = None

    def to_json(self) -> Json:
        return {
            "criterion": self.criterion,
            "ok": self.ok,
            "n": self.n,
            "conversations": self.conversations,
            "value": self.value,
            "low": self.interval.low if self.interval else None,
            "high": self.interval.high if self.interval else None,
            "target": self.target,
            "verdict": self.verdict,
            "steady": self.steady,
        }


def targets_of(criteria: Criteria) -> Mapping[Criterion, float]:
    """The bundle's own targets; what has none of its own takes that of its other side."""
    return {
        "comprehension": criteria.comprehension,
        "relevance": criteria.relevance,
        "accuracy": criteria.accuracy,
        "supported": criteria.accuracy,
        "citations": criteria.citations,
        "topic": criteria.topic,
        "on_topic": criteria.topic,
        "quotes": criteria.quotes,
        "escalation": criteria.escalation,
        "needless": criteria.escalation,
        "sentiment": criteria.sentiment,
        "contained": criteria.deflection,
        "containment": 1.0,
    }


def sum_up(scored: Sequence[Scored], targets: Mapping[Criterion, float]) -> tuple[Figure, ...]:
    """A figure for every criterion that has a target and was looked at at all, in the order of `CRITERIA`."""
    counted = [each for each in scored if each.counts]
    summed = (_sum_up(criterion, counted, targets[criterion]) for criterion in CRITERIA if criterion in targets)
    return tuple(figure for figure in summed if figure is not None)


def _sum_up(criterion: Criterion, scored: Sequence[Scored], target: float) -> Figure | None:
    by_case: dict[str, list[bool]] = defaultdict(list)
    ok = n = conversations = 0
    for each in scored:
        own = [score.ok for score in each.scores if score.criterion == criterion]
        if not own:
            continue
        ok, n, conversations = ok + sum(own), n + len(own), conversations + 1
        by_case[each.trial.case.id].append(all(own))
    if not n:
        return None
    judged = judge_share(ok, n, target, clusters=conversations)
    repeated = [all(trials) for trials in by_case.values() if len(trials) > 1]
    steady = sum(repeated) / len(repeated) if repeated else None
    return Figure(criterion, ok, n, conversations, judged.value, judged.interval, target, judged.verdict, steady)


def verdict_of(figures: Sequence[Figure]) -> Verdict:
    """The verdict of a whole run: one failure fails it, one doubt leaves it in doubt.

    Support can fail a run, and not hold it up: no judge can show that every claim of every reply is supported.
    """
    verdicts = {each.verdict for each in figures if (each.criterion, each.verdict) != ("supported", "inconclusive")}
    return "fail" if "fail" in verdicts else "inconclusive" if "inconclusive" in verdicts or not verdicts else "pass"
