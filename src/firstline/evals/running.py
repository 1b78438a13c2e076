"""How `firstline eval run` goes: the engine is opened, the cost is told, trials are played with progress shown."""

import asyncio
import shlex
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from firstline.config import Settings
from firstline.engine import Engine
from firstline.evals.estimate import estimate
from firstline.evals.run import Plan, hash_suite, left_to_run, opened_engine, run_plan, score_all
from firstline.evals.sheet import Origin, Sheet, cost_of
from firstline.evals.wording import count
from firstline.model import Model
from firstline.scoring.trial import Trial
from firstline.types import choose_text

LINES = 10
"""Of progress, where there is no terminal in which it can move."""


@dataclass(frozen=True)
class Asked:
    """What was asked of `eval run`."""

    bundle: Path
    words: tuple[str, ...]
    cases: Path | None
    trials: int
    seed: int
    concurrency: int

    def command(self, folder: Path) -> str:
        """What goes on with it."""
        parts = ["firstline", "eval", "run", str(self.bundle), *self.words]
        parts += ["--cases", str(self.cases)] if self.cases else []
        parts += ["--trials", str(self.trials)] if self.trials > 1 else []
        parts += ["--seed", str(self.seed)] if self.seed != 1 else []
        return shlex.join([*parts, "--out", str(folder)])


@contextmanager
def opened(path: Path, settings: Settings) -> Generator[tuple[asyncio.Runner, Engine, Model | None]]:
    """The engine, and a loop that can be left to ask somebody something: meanwhile Ctrl-C is the prompt's."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        engine, fast = runner.run(stack.enter_async_context(opened_engine(path, settings)))
        try:
            yield runner, engine, fast
        finally:
            runner.run(stack.aclose())


def describe(engine: Engine, plan: Plan, path: Path, now: datetime) -> Origin:
    """What is to be run, as it is written down before it begins."""
    bundle = engine.bundle
    return Origin(
        bundle=bundle.name,
        business=choose_text(bundle.business, "en"),
        accent=bundle.accent,
        path=str(path.resolve()),
        revision=bundle.revision,
        suite=hash_suite(plan.cases),
        model=engine.model.name,
        seed=plan.seed,
        trials=plan.trials,
        cases=len(plan.cases),
        began_at=now,
    )


def tell_cost(engine: Engine, plan: Plan, folder: Path, last: Sheet | None) -> str:
    """What is left to be run and what it will cost, in words; empty when nothing is left."""
    by_id = {case.id: case for case in plan.cases}
    todo = [by_id[case_id] for case_id, _ in left_to_run(plan, folder, engine.bundle.revision)]
    if not todo:
        return ""
    guess = estimate(engine, todo, last)
    cost = f"about ${guess.usd:.2f}, {guess.why}" if guess.usd is not None else f"unknown, {guess.why}"
    told = f"{count(len(todo), 'conversation', 'conversations')} with {engine.model.name}; cost {cost}"
    played = sum(case.simulated is not None for case in todo)
    return (
        f"{told}; on top of it {count(played, 'customer', 'customers')} played by the fast model" if played else told
    )


def play(
    runner: asyncio.Runner, engine: Engine, fast: Model | None, plan: Plan, folder: Path, console: Console
) -> list[Trial] | None:
    """All trials, told on the console as they end; None when Ctrl-C broke it off: what was done is kept."""
    total, left = len(plan.keys), len(left_to_run(plan, folder, engine.bundle.revision))
    columns = (TextColumn("{task.fields[failing]} failing"), TextColumn("${task.fields[cost]:.2f}"))
    bars = (BarColumn(), MofNCompleteColumn(), *columns, TimeRemainingColumn())
    done, failing, cost = total - left, 0, 0.0
    with Progress(*bars, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total, completed=done, failing=failing, cost=cost)

        def tell(trial: Trial) -> None:
            nonlocal done, failing, cost
            done += 1
            failing += not score_all([trial], engine.bundle)[0].passed
            cost += cost_of(trial)
            progress.update(task, advance=1, failing=failing, cost=cost)
            if not console.is_terminal and done * LINES // total > (done - 1) * LINES // total:
                console.print(f"{done} of {total}, {failing} failing, ${cost:.2f}", markup=False)

        try:
            return runner.run(run_plan(engine, plan, folder, fast=fast, told=tell))
        except KeyboardInterrupt:
            return None


def tell_kept(plan: Plan, folder: Path, revision: str, asked: Asked) -> str:
    """What is kept of a run that was broken off, and how to go on with it."""
    total = len(plan.keys)
    kept = total - len(left_to_run(plan, folder, revision))
    return f"broken off; {kept} of {total} conversations are kept. To go on:\n  {asked.command(folder)}"
