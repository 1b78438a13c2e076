"""Asking a judge for money: what it costs is told and agreed to before, every answer is kept as soon as it is there,
and the next time goes on where this one was broken off. Many questions go in batches, at half the price.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from firstline.config import Settings
from firstline.errors import ConfigError, ModelFailed, Problem
from firstline.evals.estimate import CHARS_OF_A_TOKEN
from firstline.evals.judge import Asked, Judgement, find_open, judge_all, read_prompt, write_material
from firstline.evals.judge_batch import BatchJudge, read_handed_in
from firstline.evals.wording import count
from firstline.model import Batches, Model
from firstline.model.prices import load_listings, price_usd
from firstline.types import Usage, Usd
from firstline.wire import choose_judge_batches, choose_judge_model

ANSWER_TOKENS = 400
"""Of one answer, with what the model thinks before it: measured on none, guessed from its brevity."""

BATCH_FROM = 1_000
"""From so many questions on, half the price is worth waiting for, unless somebody says otherwise."""

Agree = Callable[[str], None]
"""Is told the cost, before it is spent; returns when somebody agrees, raises when not."""


@dataclass(frozen=True)
class Teller:
    """Where the commands speak, and who agrees to the cost."""

    out: Console
    err: Console
    agree: Agree
    as_json: bool = False


@dataclass(frozen=True)
class Bench:
    """Who judges: one question after the other, or many at once. `in_batch`: None leaves it to how many there are."""

    in_batch: bool | None = None
    choose: Callable[[Settings], Model | None] = choose_judge_model
    choose_batches: Callable[[Settings], Batches | None] = choose_judge_batches
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


USUAL = Bench()


class Asking:
    """One judge, and the folder in which its batches are noted. `forget`: what was fetched is deleted upstream.

    Raises: ConfigError where there is no judge.
    """

    def __init__(
        self, settings: Settings, bench: Bench, folder: Path, teller: Teller, *, forget: bool = False
    ) -> None:
        model = bench.choose(settings)
        if model is None:
            raise ConfigError(
                Problem(
                    "there is no judge: it needs Claude", "set ANTHROPIC_API_KEY; nothing stands in for it offline"
                )
            )
        self.model = model
        self._settings = settings
        self._bench = bench
        self._folder = folder
        self._teller = teller
        self._forget = forget

    def judge(
        self,
        asked: Sequence[Asked],
        known: Mapping[str, Judgement],
        keep: Callable[[Judgement], None],
        *,
        still: Callable[[Asked], bool] = lambda _: True,
    ) -> dict[str, Judgement]:
        """The judgements by key; only what this judge has not judged is asked, and agreed to before.

        still: whether a question may be asked, now that somebody has agreed.
        Raises: ConfigError when something could not be asked; what was judged is kept.
        """
        own = {key: each for key, each in known.items() if each.model == self.model.name}
        todo = find_open(asked, own, self.model.name)
        handed_in = read_handed_in(self._folder, self.model.name)
        promised = {key for each in handed_in for key in each.keys}
        fresh = [one for one in todo if one.key not in promised]
        batches = self._choose_batches(len(fresh), waiting=bool(handed_in))
        if fresh:
            self._teller.agree(tell_cost(fresh, self.model.name, in_batch=bool(batches) and not self._gives_up))
        todo = [one for one in todo if still(one)]
        judged = self._run(todo, own, batches, keep)
        missing = [one for one in todo if one.key not in judged]
        if missing:
            what = f"{len(missing)} of {count(len(todo), 'question', 'questions')} could not be asked"
            raise ConfigError(Problem(what, "run it again: what was judged is kept"))
        return judged

    @property
    def _gives_up(self) -> bool:
        return self._bench.in_batch is False

    def _choose_batches(self, fresh: int, *, waiting: bool) -> Batches | None:
        """None: one by one. Hardly any other endpoint takes batches: there they are not tried unasked."""
        pays = fresh >= BATCH_FROM and self._settings.anthropic_base_url is None
        wanted = pays if self._bench.in_batch is None else self._bench.in_batch
        return self._bench.choose_batches(self._settings) if wanted or waiting else None

    def _run(
        self,
        todo: Sequence[Asked],
        known: Mapping[str, Judgement],
        batches: Batches | None,
        keep: Callable[[Judgement], None],
    ) -> dict[str, Judgement]:
        last = TimeElapsedColumn() if batches else TimeRemainingColumn()
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("${task.fields[cost]:.2f}"), last)
        err, spent = self._teller.err, 0.0
        with Progress(*columns, console=err, transient=True) as progress, asyncio.Runner() as runner:
            task = progress.add_task("", total=len(todo), cost=spent)

            def told(judged: Judgement) -> None:
                nonlocal spent
                keep(judged)
                spent += judged.cost_usd
                progress.update(task, advance=1, cost=spent)

            def says(line: str) -> None:
                err.print(line, style="dim", markup=False)

            try:
                if batches is None:
                    return runner.run(judge_all(self.model, todo, known, told=told))
                return runner.run(self._in_batches(batches, told, says)(todo, known))
            except ModelFailed as failure:
                what = f"the judge could not be asked: {failure}"
                raise ConfigError(Problem(what, _choose_remedy(failure, batches))) from None
            except KeyboardInterrupt:
                raise ConfigError(Problem("broken off", "run it again: what was judged is kept")) from None
            finally:
                runner.run(_close(self.model, batches))
                if todo:
                    err.print(f"judged for ${spent:.4f}", style="dim")

    def _in_batches(
        self, batches: Batches, told: Callable[[Judgement], None], says: Callable[[str], None]
    ) -> BatchJudge:
        return BatchJudge(
            batches,
            self.model,
            self._folder,
            told,
            says,
            forget=self._forget,
            give_up=self._gives_up,
            sleep=self._bench.sleep,
        )


async def _close(model: Model, batches: Batches | None) -> None:
    with suppress(ModelFailed):
        await model.aclose()
        if batches is not None:
            await batches.aclose()


def _choose_remedy(failure: ModelFailed, batches: Batches | None) -> str:
    if batches is not None and failure.code == "unknown":
        return "not every endpoint takes batches: --no-batch asks one by one"
    return "mend it and run it again: what was judged is kept"


# Cost ---------------------------------------------------------------------------------------------------------------


def tell_cost(todo: Sequence[Asked], model_id: str, *, in_batch: bool = False) -> str:
    """What is to be judged and what it will cost, in words; and what it would cost the other way."""
    what = f"{count(len(todo), 'question', 'questions')} for {model_id}"
    usd, other = (estimate_usd(todo, model_id, in_batch=each) for each in (in_batch, not in_batch))
    if usd is None or other is None:
        return f"{what}; cost unknown, no price of {model_id} is known"
    cost = f"{what}; cost about ${usd:.2f}, guessed from its length"
    if in_batch:
        return f"{cost}: in a batch, mostly within the hour, at most a day. At once, with --no-batch: ${other:.2f}"
    return f"{cost}. With --batch, within a day: ${other:.2f}" if other < usd else cost


def estimate_usd(todo: Sequence[Asked], model_id: str, *, in_batch: bool = False) -> Usd | None:
    """Good to a factor of two; None where no price of the model is known."""
    listing = load_listings().get(model_id)
    if listing is None:
        return None
    shared: dict[tuple[str, ...], float] = {}
    fresh = again = 0.0
    for one in todo:
        *first, rest = write_material(one.material)
        stretch = (read_prompt(one.question), *first)
        if first:
            again += shared.setdefault(stretch, sum(map(_count_tokens, stretch)))
        else:
            fresh += _count_tokens(stretch[0])
        fresh += _count_tokens(rest)
    once = sum(shared.values())
    usage = Usage(
        input_tokens=round(fresh),
        cache_write_tokens=round(once),
        cache_read_tokens=round(again - once),
        output_tokens=ANSWER_TOKENS * len(todo),
    )
    return price_usd(listing, usage, cache_write_1h_tokens=round(once), in_batch=in_batch)


def _count_tokens(text: str) -> float:
    """A Chinese character is about a token, of an alphabet's letters several are."""
    wide = sum(sign > "\u2e80" for sign in text)
    return wide + (len(text) - wide) / CHARS_OF_A_TOKEN
