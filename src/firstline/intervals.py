"""How sure a counted figure is, and what it says against a target. Pure; the same for live data and for evaluation.

Intervals are of 95%. Observations of one conversation depend on each other: `clusters` is the number of conversations
that they come from, and the interval is as wide as if each had said one thing; rather too wide than too narrow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, comb, floor, sqrt
from random import Random
from typing import Literal

Verdict = Literal["pass", "fail", "inconclusive"]

SMALL_SAMPLE = 30
"""Below this, whoever reads the figure is told that it is of few."""

NO_FAILURES_IN = 300
"""A target of 100% is "no failure in n"; from this n on, 99.0% and more are certain."""

ROUNDS = 1_000
_Z = 1.959963984540054  # the 97.5% quantile of the normal distribution
_LEVEL = 0.95
_EXACT_UP_TO = 200


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Judged:
    """`value` is None where nothing was counted; `interval` where that is too little for one."""

    value: float | None
    interval: Interval | None
    verdict: Verdict


def wilson(ok: float, n: float) -> Interval:
    """The interval of a share, `ok` of `n`; everything from 0 to 1 when n is 0.

    Source: Wilson, Probable inference, JASA 22 (1927).
    """
    if n <= 0:
        return Interval(0.0, 1.0)
    share, weight = ok / n, _Z * _Z / n
    centre = (share + weight / 2) / (1 + weight)
    half = sqrt(share * (1 - share) * weight + weight * weight / 4) / (1 + weight)
    low = 0.0 if ok <= 0 else max(0.0, centre - half)
    high = 1.0 if ok >= n else min(1.0, centre + half)
    return Interval(low, high)


def judge_share(ok: int, n: int, target: float, *, clusters: int | None = None) -> Judged:
    """A share against its target. Where the target is 100%, one failure fails it, and none in few decides nothing."""
    if n <= 0:
        return Judged(None, None, "inconclusive")
    units = n if clusters is None else max(1, min(n, clusters))
    share = ok / n
    if target >= 1 and ok == n:
        proven = Interval((1 - _LEVEL) ** (1 / units), 1.0)  # exact, one-sided: only failures could move it
        return Judged(share, proven, "pass" if units >= NO_FAILURES_IN else "inconclusive")
    interval = wilson(share * units, units)
    return Judged(share, interval, judge(interval, target))


def judge(interval: Interval | None, target: float, *, lower_is_better: bool = False) -> Verdict:
    """Pass only when the whole interval is on the right side of the target, fail when the whole of it is not."""
    if interval is None:
        return "inconclusive"
    if lower_is_better:
        return judge(Interval(-interval.high, -interval.low), -target)
    if interval.low >= target:
        return "pass"
    return "fail" if interval.high < target else "inconclusive"


def bootstrap_mean(
    counts: Mapping[int, int], *, scale: tuple[int, int], seed: int = 0, rounds: int = ROUNDS
) -> Interval | None:
    """The interval of a mean of grades, from how often each was given; None for none. The same for the same `seed`.

    Each round weighs all who answered anew (a Dirichlet draw: the cost does not grow with their number). Half an
    imagined answer stands at each end of the scale, so that three of one mind are not certain.
    Source: Rubin, The Bayesian bootstrap, Annals of Statistics 9 (1981).
    """
    if sum(counts.values()) <= 0:
        return None
    weights = {grade: float(count) for grade, count in counts.items() if count > 0}
    for end in scale:
        weights[end] = weights.get(end, 0.0) + 0.5
    return _draw_mean(tuple(sorted(weights.items())), seed, rounds)


@lru_cache(maxsize=64)  # a report that is looked at again has mostly the same grades
def _draw_mean(weights: tuple[tuple[int, float], ...], seed: int, rounds: int) -> Interval:
    chance = Random(seed)  # noqa: S311  # nothing secret comes of it
    means: list[float] = []
    for _ in range(rounds):
        drawn = [(grade, chance.gammavariate(weight, 1.0)) for grade, weight in weights]
        means.append(sum(grade * weight for grade, weight in drawn) / sum(weight for _, weight in drawn))
    means.sort()
    cut = round(rounds * (1 - _LEVEL) / 2)
    return Interval(means[cut], means[-1 - cut])


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The value that `share` of them do not exceed; of an even number's middle, the mean of the two."""
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below, above = ordered[floor(place)], ordered[ceil(place)]
    return below + (above - below) * (place - floor(place))


def quantile_interval(ordered: Sequence[float], share: float = 0.5) -> Interval | None:
    """The interval of a quantile by two of the values themselves, whatever their distribution; None for too few.

    Source: David and Nagaraja, Order statistics, chapter 7.
    """
    ranks = _find_ranks(len(ordered), share)
    return None if ranks is None else Interval(ordered[ranks[0] - 1], ordered[ranks[1] - 1])


def _find_ranks(n: int, share: float) -> tuple[int, int] | None:
    """Ranks from 1 between which the quantile lies; None where even the first and the last are too close."""
    tail = (1 - _LEVEL) / 2
    if n > _EXACT_UP_TO:
        spread = _Z * sqrt(n * share * (1 - share))
        low, high = floor(n * share - spread), ceil(n * share + spread) + 1
    else:
        below = [_share_up_to(rank - 1, n, share) for rank in range(1, n + 2)]
        low = sum(each <= tail for each in below)
        high = next((rank for rank, each in enumerate(below, start=1) if each >= 1 - tail), n + 1)
    return (low, high) if low >= 1 and high <= n else None


def _share_up_to(most: int, n: int, share: float) -> float:
    """How likely at most `most` of n are below the quantile."""
    return sum(comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(most + 1))
