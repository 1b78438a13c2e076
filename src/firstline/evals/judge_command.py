"""`firstline eval judge-check` and `firstline eval judge`: what they do, for `firstline.evals.commands` to mount.

Both ask before they spend, keep every judgement as soon as it is there, and go on where they were broken off.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from firstline.bundle import Bundle
from firstline.config import Settings
from firstline.evals.judge import QUESTIONS, Asked, Judgement, Question, keep_judged, read_judged
from firstline.evals.judge_asking import USUAL, Asking, Bench, Teller
from firstline.evals.judge_table import print_check, print_judged
from firstline.evals.metrics import Scored, targets_of
from firstline.evals.questions import CRITERIA, SCORED, JudgedFigure, add_judged, list_questions, sum_up_judged
from firstline.evals.reliability import find_reliability, list_mistakes, read_gold, try_judge
from firstline.evals.results import publish
from firstline.evals.run import hash_scorers, opened_engine, read_trials, score_all
from firstline.evals.sheet import JudgedBy, Sheet, read_origin
from firstline.judges import Reliability, gates
from firstline.scoring import Criterion, Known
from firstline.scoring.trial import Trial
from firstline.types import Json
from firstline.wire import build_known

# judge-check --------------------------------------------------------------------------------------------------------


def judge_check(
    settings: Settings,
    teller: Teller,
    *,
    questions: Sequence[Question] = QUESTIONS,
    bench: Bench = USUAL,
) -> bool:
    """Try the judge on the gold sets and print how it did. Whether it is trusted on every one of the questions.

    Raises: ConfigError when it could not be tried: no key, not agreed to, or some items could not be asked.
    """
    folder = folder_of_judge(settings)
    asked = [gold.asked for question in questions for gold in read_gold(question)]
    asking = Asking(settings, bench, folder, teller)
    model_id, judged = asking.model.name, asking.judge(asked, read_judged(folder), partial(keep_judged, folder))
    tried: dict[Question, Reliability | None] = {
        question: find_reliability(question, judged, model_id) for question in questions
    }
    if teller.as_json:
        teller.out.print_json(json.dumps(check_to_json(tried, judged, model_id), ensure_ascii=False))
    else:
        print_check(teller.out, tried, judged, model_id)
    return all(gates(reliability) for reliability in tried.values())


def folder_of_judge(settings: Settings) -> Path:
    """Where the judgements of the gold sets are kept, so that they are paid for once."""
    return settings.data / "evals" / "judge"


def check_to_json(
    tried: Mapping[Question, Reliability | None], judged: Mapping[str, Judgement], model_id: str
) -> Json:
    """For programs."""
    found: Json = {}
    for question, reliability in tried.items():
        locales = sorted({gold.locale for gold in read_gold(question)})
        found[question] = {
            **(reliability.to_json() if reliability else {}),
            "by_locale": {locale: try_judge(question, judged, locale=locale).to_json() for locale in locales},
            "wrong": [
                {"line": gold.line, "gold": gold.ok, "note": gold.note, **asdict(each)}
                for gold, each in list_mistakes(question, judged)
            ],
        }
    return {"model": model_id, "trusted": all(map(gates, tried.values())), "questions": found}


# judge --------------------------------------------------------------------------------------------------------------


def judge_folder(
    folder: Path,
    settings: Settings,
    teller: Teller,
    *,
    bundle: Path | None = None,
    bench: Bench = USUAL,
) -> bool:
    """Judge what a run recorded, add the scores of judges that may decide, and print the figures.

    False when a figure that may decide is below its target.
    Raises: ConfigError when there is no run, no key, or something could not be asked.
    """
    origin, trials = read_origin(folder), read_trials(folder)
    known = _know(bundle or Path(origin.path), origin.revision, settings, teller)
    asked = _list_all(trials, known)
    asking = Asking(settings, bench, folder, teller)
    model_id, judged = asking.model.name, asking.judge(asked, read_judged(folder), partial(keep_judged, folder))
    tried = find_tried(settings, model_id)
    targets = targets_of(known.bundle.criteria)
    scored = add_judged(score_all(trials, known.bundle), asked, judged, _gating(tried))
    judge = judged_by(scored, model_id, tried)
    publish(Sheet(origin, hash_scorers(), targets, tuple(scored), datetime.now(UTC), judge), folder, None)
    figures = sum_up_judged(asked, judged, tried, targets)
    if teller.as_json:
        teller.out.print_json(json.dumps([figure.to_json() for figure in figures], ensure_ascii=False))
    else:
        print_judged(teller.out, figures, asked, judged, model_id)
    return not any(_fails(figure) for figure in figures)


def add_kept(
    scored: Sequence[Scored], bundle: Bundle, folder: Path, settings: Settings
) -> tuple[tuple[Scored, ...], JudgedBy | None]:
    """The trials with the scores of what was judged before, where that judge may decide; and it. Asks nobody."""
    known = build_known(bundle)
    asked = _list_all([each.trial for each in scored], known)
    tried = find_tried(settings, settings.judge_model)
    own = {key: each for key, each in read_judged(folder).items() if each.model == settings.judge_model}
    added = tuple(add_judged(scored, asked, own, _gating(tried)))
    return added, judged_by(added, settings.judge_model, tried)


def judged_by(
    scored: Sequence[Scored], model_id: str, tried: Mapping[Question, Reliability | None]
) -> JudgedBy | None:
    """The judge, by the criteria that are scored by its word; None where none is."""
    own: dict[Criterion, Reliability] = {
        CRITERIA[question]: reliability
        for question, reliability in tried.items()
        if question in SCORED and reliability is not None and reliability.trusted
    }
    has_scores = any(score.criterion in own for each in scored for score in each.scores)
    return JudgedBy(model_id, own) if has_scores else None


def find_tried(settings: Settings, model_id: str) -> dict[Question, Reliability | None]:
    """How this judge did when it was last tried; None for questions on which it was not."""
    judged = read_judged(folder_of_judge(settings))
    return {question: find_reliability(question, judged, model_id) for question in QUESTIONS}


def _gating(tried: Mapping[Question, Reliability | None]) -> set[Question]:
    return {question for question, reliability in tried.items() if gates(reliability)}


def _fails(figure: JudgedFigure) -> bool:
    return figure.gates and figure.corrected is not None and figure.corrected.verdict == "fail"


def _know(path: Path, revision: str, settings: Settings, teller: Teller) -> Known:
    """What the assistant had, as far as the bundle is still the one that it was."""

    async def read() -> Bundle:
        async with opened_engine(path, settings.model_copy(update={"model": "offline"})) as (engine, _):
            return engine.bundle

    bundle = asyncio.run(read())
    if bundle.revision != revision:
        teller.err.print("the bundle has changed since: its own words may not be those of the run", style="yellow")
    return build_known(bundle)


def _list_all(trials: Sequence[Trial], known: Known) -> list[Asked]:
    return [one for trial in trials for one in list_questions(trial, known)]
