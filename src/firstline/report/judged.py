"""Figures of the report that a judge's word stands behind: of a sample, corrected for the judge's own errors."""

from firstline.judges import gates, judge_judged
from firstline.report import JudgedTally, Tallies
from firstline.report.scope import Scope
from firstline.report.values import Criterion, Figure


def build_relevance(scope: Scope, tallies: Tallies, target: float) -> Criterion:
    return Criterion(2, _build(scope, tallies.judged.get("relevance"), "relevance", target))


def build_supported(scope: Scope, tallies: Tallies, target: float) -> tuple[Figure, ...]:
    """Accuracy's second tier, where a judge has looked."""
    figure = _build(scope, tallies.judged.get("support"), "supported", target)
    return () if figure.verdict == "not_measured" else (figure,)


def _build(scope: Scope, told: JudgedTally | None, key: str, target: float) -> Figure:
    if told is None or not told.n:
        return Figure(key, None, "share", target=target, verdict="not_measured", note="judge.none")
    judged = judge_judged(told.ok, told.n, target, told.reliability, clusters=told.conversations)
    interval = judged.interval
    return Figure(
        key,
        judged.value,
        "share",
        n=told.n,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        target=target,
        verdict=judged.verdict,
        link=scope.link(metric=f"{key}:failed") if told.ok < told.n else None,
        note=_choose_note(told),
    )


def _choose_note(told: JudgedTally) -> str:
    if gates(told.reliability):
        return "judge.trusted"
    return "judge.untried" if told.reliability is None else "judge.weak"
