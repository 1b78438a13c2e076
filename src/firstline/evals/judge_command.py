"""`firstline eval judge-check` and `firstline eval judge`: what they do, for `firstline.evals.commands` to mount.

Both ask before they spend, keep every judgement as soon as it is there, and go on where they were broken off.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from firstline.bundle import Bundle
from firstline.config import Settings
from firstline.errors import ConfigError, ModelFailed, Problem
from firstline.evals.estimate import CHARS_OF_A_TOKEN
from firstline.evals.judge import (
    QUESTIONS,
    Asked,
    Judgement,
    Question,
    find_open,
    judge_all,
    keep_judged,
    read_judged,
    read_prompt,
    write_material,
)
from firstline.evals.judge_table import print_check, print_judged
from firstline.evals.metrics import Scored, targets_of
from firstline.evals.questions import JudgedFigure, add_judged, list_questions, sum_up_judged
from firstline.evals.reliability import Reliability, find_reliability, gates, list_mistakes, read_gold, try_judge
from firstline.evals.results import publish
from firstline.evals.run import hash_scorers, opened_engine, read_trials, score_all
from firstline.evals.scoring import Known
from firstline.evals.sheet import Sheet, read_origin
from firstline.evals.trial import Trial
from firstline.evals.wording import count
from firstline.model import Model
from firstline.model.prices import load_listings, price_usd
from firstline.prompt import build_static
from firstline.types import Json, Usage, Usd
from firstline.wire import choose_judge_model

ANSWER_TOKENS = 400
"""Of one answer, with what the model thinks before it: measured on none, guessed from its brevity."""

Agree = Callable[[str], None]
"""Is told the cost, before it is spent; returns when somebody agrees, raises when not."""

Choose = Callable[[Settings], Model | None]


@dataclass(frozen=True)
class Teller:
    """Where the commands speak, and who agrees to the cost."""

    out: Console
    err: Console
    agree: Agree
    as_json: bool = False


# judge-check --------------------------------------------------------------------------------------------------------


def judge_check(
    settings: Settings,
    teller: Teller,
    *,
    questions: Sequence[Question] = QUESTIONS,
    choose: Choose = choose_judge_model,
) -> bool:
    """Try the judge on the gold sets and print how it did. Whether it is trusted on every one of the questions.

    Raises: ConfigError when it could not be tried: no key, not agreed to, or some items could not be asked.
    """
    folder = folder_of_judge(settings)
    asked = [gold.asked for question in questions for gold in read_gold(question)]
    model_id, judged = _judge(_need_model(settings, choose), asked, folder, teller)
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
    choose: Choose = choose_judge_model,
) -> bool:
    """Judge what a run recorded, add the scores of judges that may decide, and print the figures.

    False when a figure that may decide is below its target.
    Raises: ConfigError when there is no run, no key, or something could not be asked.
    """
    origin, trials = read_origin(folder), read_trials(folder)
    known = _know(bundle or Path(origin.path), origin.revision, settings, teller)
    asked = _list_all(trials, known)
    model_id, judged = _judge(_need_model(settings, choose), asked, folder, teller)
    tried = find_tried(settings, model_id)
    targets = targets_of(known.bundle.criteria)
    scored = add_judged(score_all(trials, known.bundle), asked, judged, _gating(tried))
    publish(Sheet(origin, hash_scorers(), targets, tuple(scored), datetime.now(UTC)), folder, None)
    figures = sum_up_judged(asked, judged, tried, targets)
    if teller.as_json:
        teller.out.print_json(json.dumps([figure.to_json() for figure in figures], ensure_ascii=False))
    else:
        print_judged(teller.out, figures, asked, judged, model_id)
    return not any(_fails(figure) for figure in figures)


def add_kept(scored: Sequence[Scored], bundle: Bundle, folder: Path, settings: Settings) -> list[Scored]:
    """The trials with the scores of what was judged before, where that judge may decide; asks nobody."""
    known = Known(bundle, build_static(bundle))
    asked = _list_all([each.trial for each in scored], known)
    tried = find_tried(settings, settings.judge_model)
    own = {key: each for key, each in read_judged(folder).items() if each.model == settings.judge_model}
    return add_judged(scored, asked, own, _gating(tried))


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
    return Known(bundle, build_static(bundle))


def _list_all(trials: Sequence[Trial], known: Known) -> list[Asked]:
    return [one for trial in trials for one in list_questions(trial, known)]


# Asking -------------------------------------------------------------------------------------------------------------


def _need_model(settings: Settings, choose: Choose) -> Model:
    model = choose(settings)
    if model is None:
        raise ConfigError(
            Problem("there is no judge: it needs Claude", "set ANTHROPIC_API_KEY; nothing stands in for it offline")
        )
    return model


def _judge(model: Model, asked: Sequence[Asked], folder: Path, teller: Teller) -> tuple[str, dict[str, Judgement]]:
    """The judge's name and its judgements by key; only what it has not judged is asked, and agreed to before."""
    known = {key: each for key, each in read_judged(folder).items() if each.model == model.name}
    todo = find_open(asked, known, model.name)
    if todo:
        teller.agree(tell_cost(todo, model.name))
    judged = _ask_all(model, todo, known, folder, teller)
    missing = [one for one in todo if one.key not in judged]
    if missing:
        what = f"{len(missing)} of {count(len(todo), 'question', 'questions')} could not be asked"
        raise ConfigError(Problem(what, "run it again: what was judged is kept"))
    return model.name, judged


def _ask_all(
    model: Model, todo: Sequence[Asked], known: Mapping[str, Judgement], folder: Path, teller: Teller
) -> dict[str, Judgement]:
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("${task.fields[cost]:.2f}"), TimeRemainingColumn())
    spent = 0.0
    with Progress(*columns, console=teller.err, transient=True) as progress, asyncio.Runner() as runner:
        task = progress.add_task("", total=len(todo), cost=spent)

        def keep(judged: Judgement) -> None:
            nonlocal spent
            keep_judged(folder, judged)
            spent += judged.cost_usd
            progress.update(task, advance=1, cost=spent)

        try:
            return runner.run(judge_all(model, todo, known, told=keep))
        except ModelFailed as failure:
            what = f"the judge could not be asked: {failure}"
            raise ConfigError(Problem(what, "mend it and run it again: what was judged is kept")) from None
        except KeyboardInterrupt:
            raise ConfigError(Problem("broken off", "run it again: what was judged is kept")) from None
        finally:
            runner.run(model.aclose())
            if todo:
                teller.err.print(f"judged for ${spent:.4f}", style="dim")


def tell_cost(todo: Sequence[Asked], model_id: str) -> str:
    """What is to be judged and what it will cost, in words."""
    usd = estimate_usd(todo, model_id)
    cost = (
        f"unknown, no price of {model_id} is known" if usd is None else f"about ${usd:.2f}, guessed from its length"
    )
    return f"{count(len(todo), 'question', 'questions')} for {model_id}; cost {cost}"


def estimate_usd(todo: Sequence[Asked], model_id: str) -> Usd | None:
    """Good to a factor of two; None where no price of the model is known."""
    listing = load_listings().get(model_id)
    if listing is None:
        return None
    shared: dict[tuple[str, ...], float] = {}
    fresh = again = 0.0
    for one in todo:
        *first, rest = write_material(one.material)
        stretch = (read_prompt(one.question), *first)
        again += shared.setdefault(stretch, sum(map(_count_tokens, stretch)))
        fresh += _count_tokens(rest)
    once = sum(shared.values())
    usage = Usage(
        cache_write_tokens=round(once + fresh),
        cache_read_tokens=round(again - once),
        output_tokens=ANSWER_TOKENS * len(todo),
    )
    return price_usd(listing, usage, cache_write_1h_tokens=round(once))


def _count_tokens(text: str) -> float:
    """A Chinese character is about a token, of an alphabet's letters several are."""
    wide = sum(sign > "\u2e80" for sign in text)
    return wide + (len(text) - wide) / CHARS_OF_A_TOKEN
