"""`report.html`: a run, or two side by side, as one file that works from disk. It asks the network for nothing: style
and script stand inside, and its own policy allows exactly these two, so that nothing in a transcript can run.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from firstline.drawing.charts import draw_bullet
from firstline.evals.compare import Comparison, Difference, Flip
from firstline.evals.metrics import Figure, Scored
from firstline.evals.sheet import Sheet, is_small, key_of
from firstline.evals.transcript import Shown, show_case, show_trial
from firstline.evals.wording import (
    ABOUT,
    CHANGES,
    NAMES,
    WORDS,
    conversations_to_decide,
    made_by,
    say_beside,
    say_cautions,
    say_comparison,
    say_conversations,
    say_flip,
    say_reasons,
    say_shifts,
    say_verdict,
    say_warnings,
    write_change,
    write_interval,
    write_n,
    write_p,
    write_share,
)
from firstline.intervals import Verdict
from firstline.scoring import CRITERIA, Criterion

HERE = Path(__file__).parent / "templates"
SHEETS = ("tokens", "page", "drawing", "report")
"""Of the served pages: one visual language."""

State = Literal["failed", "broken", "passed"]
ORDER: tuple[State, ...] = ("failed", "broken", "passed")


def write_page(sheet: Sheet, against: Comparison | None = None) -> str:
    """One run: the sentence that matters, the criteria, every conversation with its checks."""
    trials = [_show_trial((each,), None) for each in sheet.scored]
    return _render(
        sheet,
        kind="run",
        title=say_verdict(sheet),
        verdict=sheet.verdict,
        word=WORDS[sheet.verdict],
        lead=say_conversations(sheet),
        notes=[*say_cautions(sheet), *([say_beside(against)] if against else [])],
        criteria=[_show_criterion(each, against.of(each.criterion) if against else None) for each in sheet.figures],
        compared=against is not None,
        trials=_in_order(trials),
        shown=[each.criterion for each in sheet.figures],
        states=["failed", "passed", *(["broken"] if sheet.broken else [])],
        made=[("", made_by(sheet))],
    )


def write_comparison_page(comparison: Comparison) -> str:
    """Two runs: the criteria of both, and every conversation that both have, side by side."""
    flips = {(flip.case_id, flip.number): flip for flip in comparison.flips}
    trials = [_show_trial(pair, flips.get(key_of(pair[1]))) for pair in comparison.pairs]
    before, after = comparison.before, comparison.after
    return _render(
        after,
        kind="comparison",
        title=say_comparison(comparison),
        verdict=None,
        word="",
        lead=f"{len(comparison.pairs):,} conversations that both runs have",
        notes=[*say_warnings(comparison), *say_shifts(comparison)],
        criteria=[_show_difference(each) for each in (*comparison.differences, comparison.whole)],
        compared=True,
        trials=_in_order(trials),
        shown=[each.criterion for each in comparison.differences if each.criterion],
        states=["flipped", "worse", "better", "failed", "passed"],
        made=[("A", made_by(before)), ("B", made_by(after))],
    )


def _render(sheet: Sheet, *, kind: str, shown: Sequence[Criterion], states: Sequence[str], **page: object) -> str:
    style = f"{_read_style()}\n:root {{ --fl-accent: {sheet.origin.accent}; }}"
    script = (HERE / "report.js").read_text(encoding="utf-8")
    trials: list[Shown] = page["trials"]  # pyright: ignore[reportAssignmentType]
    return _environment().get_template("report.html").render(
        kind=kind,
        business=sheet.origin.business,
        style=Markup(style),  # noqa: S704  # our own files
        script=Markup(script),  # noqa: S704
        style_hash=_hash(style),
        script_hash=_hash(script),
        names=[(criterion, NAMES[criterion]) for criterion in shown],
        states=states,
        tags=sorted({tag for trial in trials for tag in trial["case"]["tags"]}),
        **page,
    )  # fmt: skip


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _read_style() -> str:
    served = files("firstline") / "web" / "static"
    sheets = [(served / f"{name}.css").read_text(encoding="utf-8") for name in SHEETS]
    return "\n".join((*sheets, (HERE / "report.css").read_text(encoding="utf-8")))


def _hash(text: str) -> str:
    """As a content security policy names what may stand in a page."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


# Criteria -----------------------------------------------------------------------------------------------------------


def _show_criterion(figure: Figure, difference: Difference | None) -> Shown:
    needed = conversations_to_decide(figure)
    return {
        "key": figure.criterion,
        "name": NAMES[figure.criterion],
        "about": ABOUT[figure.criterion],
        "value": write_share(figure.value),
        "bullet": _draw(figure),
        "range": write_interval(figure),
        "n": write_n(figure),
        "few": is_small(figure),
        "needed": f"about {needed:,} would decide" if needed else "",
        "steady": "" if figure.steady is None else write_share(figure.steady),
        "target": write_share(figure.target),
        "verdict": figure.verdict,
        "word": WORDS[figure.verdict],
        "change": difference.change if difference else "",
        "since": write_change(difference),
    }


def _draw(figure: Figure) -> Markup:
    low, high = (figure.interval.low, figure.interval.high) if figure.interval else (None, None)
    known = [each for each in (figure.value, low, figure.target) if each is not None]
    drawn = draw_bullet(
        figure.value,
        low,
        high,
        figure.target,
        scale=(0.5 if min(known) >= 0.5 else 0.0, 1.0),
        label=NAMES[figure.criterion],
        verdict=figure.verdict,
        figure=write_share,
    )
    return Markup(drawn)  # noqa: S704  # `firstline.drawing` escapes its words


def _show_difference(difference: Difference) -> Shown:
    shape: dict[str, Verdict] = {"worse": "fail", "better": "pass", "unclear": "inconclusive"}
    return {
        "key": difference.criterion or "",
        "name": NAMES[difference.criterion] if difference.criterion else "Whole conversations",
        "before": write_share(difference.before),
        "after": write_share(difference.after),
        "worse": difference.worse,
        "better": difference.better,
        "p": write_p(difference.p) if difference.worse or difference.better else "",
        "verdict": shape[difference.change],
        "word": CHANGES[difference.change] if difference.worse or difference.better else "none flipped",
    }


# Conversations ------------------------------------------------------------------------------------------------------


def _show_trial(sides: tuple[Scored, ...], flip: Flip | None) -> Shown:
    """One trial, in one run or in both; the last run is the one whose state it bears."""
    last = sides[-1]
    state: State = "passed" if last.passed else "failed" if last.counts else "broken"
    why = say_flip(flip) if flip else say_reasons(last)
    return {
        "number": last.trial.number,
        "state": state,
        "change": ("worse" if flip.worse else "better") if flip else "",
        "why": why,
        "marks": " ".join(sorted({*_marks(last, state), *_marks_of(flip)})),
        "case": show_case(last.trial.case),
        "sides": [show_trial(each) for each in sides],
    }


def _marks(scored: Scored, state: State) -> Iterable[str]:
    """What the filter goes by: `failed`, and `failed:accuracy` for each criterion that was looked at."""
    yield state
    for criterion in CRITERIA:
        own = [score.ok for score in scored.scores if score.criterion == criterion]
        if own:
            yield f"{'passed' if all(own) else 'failed'}:{criterion}"


def _marks_of(flip: Flip | None) -> Iterable[str]:
    if flip is None:
        return
    for change, criteria in (("worse", flip.worse), ("better", flip.better)):
        if criteria:
            yield from ("flipped", change)
        for criterion in criteria:
            yield from (f"flipped:{criterion}", f"{change}:{criterion}")


def _in_order(trials: Iterable[Shown]) -> list[Shown]:
    """What needs looking at first."""

    def rank(trial: Shown) -> tuple[int, int]:
        return ("worse", "better", "").index(trial["change"]), ORDER.index(trial["state"])

    return sorted(trials, key=rank)
