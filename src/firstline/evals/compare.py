"""Two runs side by side, pair by pair: what flipped, and whether that can be chance. Pure.

A pair is the same trial of the same case in both, neither of them broken. Trials of one case depend on each other,
so it is cases that count: each got better, got worse, or stayed. With one trial each this is McNemar's exact test.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from statistics import fmean
from typing import Literal

from firstline.evals.metrics import Scored, sum_up
from firstline.evals.sheet import Sheet, cost_of, key_of
from firstline.intervals import Interval, quantile, quantile_interval
from firstline.scoring import CRITERIA, Criterion, Score
from firstline.types import Json

LEVEL = 0.05
"""A difference is called one when chance alone would make it, or a larger one, less often than this."""

FEWEST_FLIPS = 6
"""Fewer cases that flip cannot be told from chance, even when all flip the same way."""

Change = Literal["worse", "better", "unclear"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One criterion in both runs, as shares of their pairs; None: whole conversations. `worse`, `better`: cases."""

    criterion: Criterion | None
    before: float | None
    after: float | None
    worse: int
    better: int

    @property
    def p(self) -> float:
        return sign_test(self.worse, self.better)

    @property
    def change(self) -> Change:
        if self.p >= LEVEL:
            return "unclear"
        return "worse" if self.worse > self.better else "better"

    def to_json(self) -> Json:
        return {
            "criterion": self.criterion,
            "before": self.before,
            "after": self.after,
            "worse": self.worse,
            "better": self.better,
            "p": self.p,
            "change": self.change,
        }


@dataclass(frozen=True, slots=True)
class Flip:
    """A trial of which criteria changed. `wrong`: what was held against it, in them, where it was bad."""

    case_id: str
    number: int
    worse: tuple[Criterion, ...]
    better: tuple[Criterion, ...]
    wrong: tuple[Score, ...]

    def to_json(self) -> Json:
        return {
            "case": self.case_id,
            "trial": self.number,
            "worse": list(self.worse),
            "better": list(self.better),
            "wrong": [score.to_json() for score in self.wrong],
        }


@dataclass(frozen=True, slots=True)
class Shift:
    """A measure of each conversation, on average in both runs; `difference`: the median of the pairs'."""

    before: float
    after: float
    difference: float
    interval: Interval | None


@dataclass(frozen=True)
class Comparison:
    """`changed`: cases that are not the same in both, left out; `alone`: trials that only one of the runs has."""

    before: Sheet
    after: Sheet
    pairs: tuple[tuple[Scored, Scored], ...]
    changed: tuple[str, ...]
    alone: int
    whole: Difference
    differences: tuple[Difference, ...]
    flips: tuple[Flip, ...]
    cost_usd: Shift | None
    seconds: Shift | None

    @property
    def worse(self) -> list[Difference]:
        """The criteria that are worse for certain."""
        return [each for each in self.differences if each.change == "worse"]

    @property
    def of_one_kind(self) -> bool:
        """Whether both were scored alike, and judged by one judge; if not, a difference may be the scorers'."""
        judges = {sheet.judge.model for sheet in (self.before, self.after) if sheet.judge is not None}
        return self.before.scorers == self.after.scorers and len(judges) < 2

    def of(self, criterion: Criterion) -> Difference | None:
        return next((each for each in self.differences if each.criterion == criterion), None)

    def to_json(self) -> Json:
        return {
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "pairs": len(self.pairs),
            "changed": list(self.changed),
            "alone": self.alone,
            "of_one_kind": self.of_one_kind,
            "whole": self.whole.to_json(),
            "criteria": [each.to_json() for each in self.differences],
            "flips": [each.to_json() for each in self.flips],
        }


def compare(before: Sheet, after: Sheet) -> Comparison:
    """The two runs, over the trials that both have; with no pair at all everything in it is empty."""
    old = {key_of(each): each for each in before.scored}
    new = {key_of(each): each for each in after.scored}
    both = [key for key in new if key in old]
    changed = {key[0] for key in both if old[key].trial.case != new[key].trial.case}
    pairs = tuple(
        (old[key], new[key]) for key in both if key[0] not in changed and old[key].counts and new[key].counts
    )
    olds, news = [one for one, _ in pairs], [other for _, other in pairs]
    then, now = _shares(olds, after), _shares(news, after)
    return Comparison(
        before=before,
        after=after,
        pairs=pairs,
        changed=tuple(sorted(changed)),
        alone=len(old.keys() ^ new.keys()),
        whole=_differ(
            None, pairs, _share_passed([one for one, _ in pairs]), _share_passed([new for _, new in pairs])
        ),
        differences=tuple(
            _differ(each, pairs, then.get(each), now.get(each)) for each in CRITERIA if each in then or each in now
        ),
        flips=tuple(flip for one, other in pairs if (flip := _find_flip(one, other)) is not None),
        cost_usd=_shift(pairs, lambda each: cost_of(each.trial)),
        seconds=_shift(pairs, lambda each: each.trial.seconds),
    )


def sign_test(worse: int, better: int) -> float:
    """How likely a split at least as uneven is when both ways are as likely: exact, two-sided; 1 for no flips."""
    n = worse + better
    tail = sum(comb(n, k) for k in range(min(worse, better) + 1))
    return min(1.0, 2 * tail / 2**n)


def _shares(scored: Sequence[Scored], sheet: Sheet) -> dict[Criterion, float | None]:
    return {each.criterion: each.value for each in sum_up(scored, sheet.targets)}


def _share_passed(scored: Sequence[Scored]) -> float | None:
    return fmean(each.passed for each in scored) if scored else None


def _differ(
    criterion: Criterion | None,
    pairs: Sequence[tuple[Scored, Scored]],
    before: float | None,
    after: float | None,
) -> Difference:
    gained: dict[str, int] = defaultdict(int)
    for one, other in pairs:
        was, is_now = _judge(one, criterion), _judge(other, criterion)
        if was is not None and is_now is not None:
            gained[one.trial.case.id] += is_now - was
    worse, better = sum(gain < 0 for gain in gained.values()), sum(gain > 0 for gain in gained.values())
    return Difference(criterion, before, after, worse, better)


def _judge(scored: Scored, criterion: Criterion | None) -> bool | None:
    """Whether a trial is good in this, or as a whole; None where it was not looked at."""
    if criterion is None:
        return scored.passed
    own = [score.ok for score in scored.scores if score.criterion == criterion]
    return all(own) if own else None


def _find_flip(one: Scored, other: Scored) -> Flip | None:
    worse: list[Criterion] = []
    better: list[Criterion] = []
    for criterion in CRITERIA:
        was, is_now = _judge(one, criterion), _judge(other, criterion)
        if was is not None and is_now is not None and was != is_now:
            (better if is_now else worse).append(criterion)
    if not worse and not better:
        return None
    wrong = _wrong(other, worse) or _wrong(one, better)
    case_id, number = key_of(other)
    return Flip(case_id, number, tuple(worse), tuple(better), wrong)


def _wrong(scored: Scored, criteria: Sequence[Criterion]) -> tuple[Score, ...]:
    return tuple(score for score in scored.scores if not score.ok and score.criterion in criteria)


def _shift(pairs: Sequence[tuple[Scored, Scored]], measure: Callable[[Scored], float]) -> Shift | None:
    if not pairs:
        return None
    before, after = [measure(one) for one, _ in pairs], [measure(other) for _, other in pairs]
    differences = sorted(new - old for old, new in zip(before, after, strict=True))
    middle = quantile(differences, 0.5)
    assert middle is not None, "there are pairs"
    return Shift(fmean(before), fmean(after), middle, quantile_interval(differences))
