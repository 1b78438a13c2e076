"""How far a judge may be believed, from how it did on a gold set; and what its figures say when it is. Pure.

A figure is corrected by how often its judge errs; a judge that errs too often, or was never tried, decides nothing.
Which gold sets there are, and how a judge did on them: `firstline.evals.reliability`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from firstline.intervals import Interval, Judged, judge, judge_share, wilson
from firstline.types import Json

TRUSTED = 0.9
"""The least sensitivity, and the least specificity, of a judge whose word may decide anything."""

MOST_UNREADABLE = 0.05
"""Of a judge that leaves out more than this share, nobody knows how it would have done on the rest."""

_Z = 1.959963984540054  # the 97.5% quantile of the normal distribution


@dataclass(frozen=True, slots=True)
class Reliability:
    """How a judge did on a gold set: of `good` items it called `passed` good, of `bad` ones `caught` bad."""

    good: int
    passed: int
    bad: int
    caught: int
    unreadable: int = 0

    @property
    def n(self) -> int:
        return self.good + self.bad

    @property
    def sensitivity(self) -> float:
        """0 where there was no good item: nothing is shown."""
        return self.passed / self.good if self.good else 0.0

    @property
    def specificity(self) -> float:
        """0 where there was no bad item."""
        return self.caught / self.bad if self.bad else 0.0

    @property
    def sensitivity_interval(self) -> Interval:
        return wilson(self.passed, self.good)

    @property
    def specificity_interval(self) -> Interval:
        return wilson(self.caught, self.bad)

    @property
    def kappa(self) -> float:
        """Agreement beyond chance, at most 1; 0 where chance alone would agree always.

        Source: Cohen, A coefficient of agreement for nominal scales, 1960.
        """
        if not self.n:
            return 0.0
        agreed = (self.passed + self.caught) / self.n
        said = (self.passed + self.bad - self.caught) / self.n
        chance = said * self.good / self.n + (1 - said) * self.bad / self.n
        return (agreed - chance) / (1 - chance) if chance < 1 else 0.0

    @property
    def trusted(self) -> bool:
        few_left_out = self.unreadable <= MOST_UNREADABLE * (self.n + self.unreadable)
        return few_left_out and min(self.sensitivity, self.specificity) >= TRUSTED

    def correct(self, share: float) -> float | None:
        """The share of good ones behind the share that the judge called good; None for a judge that tells nothing.

        Source: Rogan and Gladen, Estimating prevalence from the results of a screening test, 1978.
        """
        told = self.specificity + self.sensitivity - 1
        return None if told <= 0 else min(1.0, max(0.0, (share + self.specificity - 1) / told))

    def correct_interval(self, share: float, n: int) -> Interval:
        """The interval of 95% of the corrected share of `n`; it holds the doubt of the gold set as well.

        Rather too wide than too narrow: `tests/unit/test_judge_reliability.py` tries it on simulated judges.
        Source: the delta method with added counts, as in arXiv 2511.21140, without its shift of the centre.
        """
        q1, q0 = (self.passed + 1) / (self.good + 2), (self.caught + 1) / (self.bad + 2)
        told = q0 + q1 - 1
        if told <= 0 or n <= 0:
            return Interval(0.0, 1.0)
        p = (share * n + _Z**2 / 2) / (n + _Z**2)
        centre = min(1.0, max(0.0, (p + q0 - 1) / told))
        doubt_good = centre**2 * q1 * (1 - q1) / (self.good + 2)
        doubt_bad = (1 - centre) ** 2 * q0 * (1 - q0) / (self.bad + 2)
        half = _Z * sqrt(p * (1 - p) / (n + _Z**2) + doubt_good + doubt_bad) / told
        return Interval(max(0.0, centre - half), min(1.0, centre + half))

    def to_json(self) -> Json:
        """For programs."""
        of_good, of_bad = self.sensitivity_interval, self.specificity_interval
        return {
            "n": self.n,
            "unreadable": self.unreadable,
            "sensitivity": self.sensitivity,
            "sensitivity_interval": [of_good.low, of_good.high],
            "specificity": self.specificity,
            "specificity_interval": [of_bad.low, of_bad.high],
            "kappa": self.kappa,
            "trusted": self.trusted,
        }


def measure_reliability(pairs: Iterable[tuple[bool, bool | None]]) -> Reliability:
    """From (gold, judged) pairs; what could not be read is counted apart."""
    counts = Counter(pairs)
    return Reliability(
        good=counts[True, True] + counts[True, False],
        passed=counts[True, True],
        bad=counts[False, True] + counts[False, False],
        caught=counts[False, False],
        unreadable=counts[True, None] + counts[False, None],
    )


def gates(reliability: Reliability | None) -> bool:
    """Whether the judge's figures may decide a verdict; one that was never tried may not."""
    return reliability is not None and reliability.trusted


def correct_share(ok: int, n: int, target: float, reliability: Reliability, *, clusters: int) -> Judged:
    """The share as a judge that never errs would have given it; no value from one that tells nothing."""
    value = reliability.correct(ok / n) if n > 0 else None
    if value is None:
        return Judged(None, None, "inconclusive")
    interval = reliability.correct_interval(ok / n, min(n, clusters))
    return Judged(value, interval, judge(interval, target))


def judge_judged(ok: int, n: int, target: float, reliability: Reliability | None, *, clusters: int) -> Judged:
    """What a judge's word comes to: corrected where it is trusted; else as it was said, and it decides nothing."""
    if reliability is not None and reliability.trusted:
        return correct_share(ok, n, target, reliability, clusters=clusters)
    said = judge_share(ok, n, target, clusters=clusters)
    return Judged(said.value, said.interval, "inconclusive")
