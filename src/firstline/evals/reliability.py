"""The frozen gold sets, by question and by language, and how a judge did on them; they come with the package and are
about invented businesses. What that says of its figures: `firstline.judges`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import cast

from firstline.evals.judge import Asked, Judgement, Question
from firstline.evals.metrics import Figure
from firstline.judges import Reliability, correct_share, measure_reliability
from firstline.types import Json, Locale


def correct_figure(figure: Figure, reliability: Reliability) -> Figure:
    """The figure as a judge that never errs would have given it: value, interval, verdict; counts stay as judged."""
    found = correct_share(figure.ok, figure.n, figure.target, reliability, clusters=figure.conversations)
    return replace(figure, value=found.value, interval=found.interval, verdict=found.verdict, steady=None)


# The gold sets ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gold:
    """One item of a gold set: what a person says of it, and why. `line`: where it stands in its file, from 1."""

    asked: Asked
    ok: bool
    locale: Locale
    note: str
    line: int


@cache
def read_gold(question: Question) -> tuple[Gold, ...]:
    """The frozen gold set of a question, as it came with this version."""
    text = (files("firstline") / "evals" / "gold" / f"{question}.jsonl").read_text(encoding="utf-8")
    rows = [cast("Json", json.loads(line)) for line in text.split("\n") if line]
    return tuple(
        Gold(Asked(question, row["material"]), row["ok"], row["locale"], row["note"], line)
        for line, row in enumerate(rows, start=1)
    )


def try_judge(question: Question, judged: Mapping[str, Judgement], *, locale: Locale | None = None) -> Reliability:
    """How the judge did on a question's gold set, or on the part of it in one language."""
    return measure_reliability(
        (gold.ok, found.ok)
        for gold in read_gold(question)
        if locale in (None, gold.locale) and (found := judged.get(gold.asked.key)) is not None
    )


def find_reliability(question: Question, judged: Mapping[str, Judgement], model_id: str) -> Reliability | None:
    """How this model did; None when it was not asked the whole gold set with the prompt of today."""
    own = {key: each for key, each in judged.items() if each.model == model_id}
    asked = [gold.asked.key for gold in read_gold(question)]
    return try_judge(question, own) if all(key in own for key in asked) else None


def list_mistakes(question: Question, judged: Mapping[str, Judgement]) -> list[tuple[Gold, Judgement]]:
    """What the judge got wrong, in the order of the gold set; what it left unread is not among it."""
    found = ((gold, judged.get(gold.asked.key)) for gold in read_gold(question))
    return [(gold, each) for gold, each in found if each is not None and each.ok is (not gold.ok)]
