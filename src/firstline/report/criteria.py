"""The eleven success criteria, from tallies. What each counts is told in `docs/report.md`."""

from collections.abc import Callable, Sequence

from firstline.bundle import Criteria
from firstline.intervals import Interval, Judged, bootstrap_mean, judge, judge_share, quantile, quantile_interval
from firstline.report import Handling, Tallies, Tally
from firstline.report.judged import build_relevance, build_supported
from firstline.report.scope import Scope
from firstline.report.values import Criterion, Figure, Unit, Verdict

GRADES = (1, 5)
SATISFIED = 4
LONG = 0.9


def build_criteria(scope: Scope, tallies: Tallies, targets: Criteria) -> tuple[Criterion, ...]:
    """All eleven in their order; the first needs labels, and has no figure here."""
    pair = _Pairs(scope, tallies)
    return (
        _unmeasured(1, "comprehension", targets.comprehension),
        build_relevance(scope, tallies, targets.relevance),
        pair(3, "accuracy", "accuracy", targets.accuracy, also=_beside_accuracy(scope, tallies, targets)),
        pair(4, "citations", "cited", targets.citations),
        pair(5, "topic", "declined", targets.topic, also=(pair.figure("answered", "answered", targets.topic),)),
        pair(6, "quotes", "quoted", targets.quotes),
        pair(7, "escalation", "escalated", targets.escalation),
        _build_sentiment(scope, tallies, targets.sentiment),
        _build_deflection(scope, tallies, targets.deflection),
        _build_csat(scope, tallies, targets.csat),
        _build_handling(tallies, targets.baseline_minutes * 60),
    )


class _Pairs:
    """Criteria that are a pair of counters of `firstline.scores.Scores`."""

    def __init__(self, scope: Scope, tallies: Tallies) -> None:
        self._scope = scope
        self._periods = tallies.periods
        self._whole = tallies.whole

    def __call__(self, number: int, key: str, pair: str, target: float, *, also: Sequence[Figure] = ()) -> Criterion:
        points = tuple(_divide(*_read_pair(tally, pair)) for tally in self._periods)
        return Criterion(number, self.figure(key, pair, target), points, also)

    def figure(self, key: str, pair: str, target: float) -> Figure:
        ok, n = _read_pair(self._whole, pair)
        judged = judge_share(ok, n, target, clusters=getattr(self._whole, f"{pair}_in", n))
        side = "failed" if ok < n else "ok"
        return _show(key, judged, n, target, link=self._scope.link(metric=f"{pair}:{side}") if n else None)


def _read_pair(tally: Tally, pair: str) -> tuple[int, int]:
    """So many as they should be, of so many; never more than these, whatever a record says."""
    n: int = getattr(tally, f"{pair}_n")
    return min(getattr(tally, f"{pair}_ok"), n), n


def _unmeasured(number: int, key: str, target: float) -> Criterion:
    return Criterion(number, Figure(key, None, "share", target=target, verdict="not_measured"))


def _beside_accuracy(scope: Scope, tallies: Tallies, targets: Criteria) -> tuple[Figure, ...]:
    return (*build_supported(scope, tallies, targets.accuracy), _count_withheld(scope, tallies.whole))


def _count_withheld(scope: Scope, whole: Tally) -> Figure:
    link = scope.link(metric="withheld:failed") if whole.withheld else None
    return Figure("withheld", whole.withheld, link=link)


def _build_sentiment(scope: Scope, tallies: Tallies, target: float) -> Criterion:
    """Of conversations with two messages and more; nobody's mood is read from one."""
    whole = tallies.whole
    judged = judge_share(whole.mood_ok, whole.mood_n, target)
    high = whole.mood_n - whole.mood_low
    also = (
        _plain_share("rose", whole.mood_rose, whole.mood_low),
        _plain_share("fell", whole.mood_fell, high),
    )
    points = tuple(_divide(tally.mood_ok, tally.mood_n) for tally in tallies.periods)
    link = scope.link(metric="mood:failed") if whole.mood_ok < whole.mood_n else None
    return Criterion(8, _show("sentiment", judged, whole.mood_n, target, link=link), points, also)


def _build_deflection(scope: Scope, tallies: Tallies, target: float) -> Criterion:
    """The share that ended without a person. It is not the share that was resolved: that is what stands beside."""
    whole = tallies.whole
    judged = judge_share(whole.contained, whole.ended, target)
    link = scope.link(rung="contained") if whole.contained else None
    assumed = scope.link(rung="contained", metric="returned:ok")
    points = tuple(_divide(tally.contained, tally.ended) for tally in tallies.periods)
    also = (
        _plain_share("assumed_resolved", whole.assumed_resolved, whole.ended, link=assumed),
        _plain_share("confirmed", whole.confirmed, whole.ended, link=scope.link(metric="confirmed:ok")),
        _plain_share("not_resolved", whole.ended - whole.assumed_resolved, whole.ended),
    )
    return Criterion(9, _show("deflection", judged, whole.ended, target, link=link), points, also)


def _build_csat(scope: Scope, tallies: Tallies, target: float) -> Criterion:
    grades = tallies.grades
    n = sum(grades.values())
    mean = sum(grade * count for grade, count in grades.items()) / n if n else None
    interval = bootstrap_mean(grades, scale=GRADES)
    judged = Judged(mean, interval, judge(interval, target))
    low = next((grade for grade in sorted(grades) if grades[grade] and grade < SATISFIED), None)
    link = scope.link(survey=str(low)) if low else None
    also = (
        _plain_share("satisfied", sum(count for grade, count in grades.items() if grade >= SATISFIED), n),
        _plain_share("response_rate", n, tallies.surveyable),
    )
    points = tuple(_divide(tally.survey_sum, tally.surveys) for tally in tallies.periods)
    return Criterion(10, _show("csat", judged, n, target, "grade", link=link), points, also)


def _build_handling(tallies: Tallies, baseline_seconds: float) -> Criterion:
    contained = _join(tallies.handling, lambda each: each.contained)
    handed_off = _join(tallies.handling, lambda each: each.handed_off)
    everyone = sorted([*contained, *handed_off])
    n = len(everyone)
    interval = quantile_interval(everyone)
    judged = Judged(quantile(everyone, 0.5), interval, judge(interval, baseline_seconds, lower_is_better=True))
    whole = tallies.whole
    worked = _divide(whole.assistant_seconds, whole.total - whole.empty)
    also = (
        Figure("p90", quantile(everyone, LONG), "seconds", n=n),
        Figure("without_person", quantile(contained, 0.5), "seconds", n=len(contained)),
        Figure("with_person", quantile(handed_off, 0.5), "seconds", n=len(handed_off)),
        Figure("assistant_time", worked, "seconds", n=whole.total - whole.empty),
    )
    points = tuple(quantile(sorted([*each.contained, *each.handed_off]), 0.5) for each in tallies.handling)
    return Criterion(11, _show("handling", judged, n, baseline_seconds, "seconds"), points, also)


def _join(handling: Sequence[Handling], choose: Callable[[Handling], Sequence[int]]) -> list[int]:
    return sorted(seconds for each in handling for seconds in choose(each))


def _show(
    key: str, judged: Judged, n: int, target: float, unit: Unit = "share", *, link: str | None = None
) -> Figure:
    interval: Interval | None = judged.interval
    verdict: Verdict = judged.verdict if n else "no_figures"
    return Figure(
        key,
        judged.value,
        unit,
        n=n,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        target=target,
        verdict=verdict,
        link=link,
    )


def _plain_share(key: str, part: int, n: int, *, link: str | None = None) -> Figure:
    return Figure(key, _divide(part, n), "share", n=n, link=link if part else None)


def _divide(part: float, n: float) -> float | None:
    return part / n if n else None
