"""Running a dataset: trials side by side, each written down as soon as it is done, so that a run can be broken off
and taken up again. Scoring is apart (`score_all`): recorded trials can be scored again at any time.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from firstline.bundle import Bundle
from firstline.config import Settings
from firstline.engine import Engine
from firstline.errors import ConfigError, Problem
from firstline.evals.customers import PROMPT as SIMULATOR
from firstline.evals.customers import choose_customer
from firstline.evals.dataset import make_concrete
from firstline.evals.metrics import Scored
from firstline.evals.player import run_trial
from firstline.model import Model
from firstline.scoring import Scorer
from firstline.scoring.case import Case
from firstline.scoring.scorers import SCORERS
from firstline.scoring.trial import Trial, read_trial
from firstline.tools.python import open_bundle
from firstline.wire import build_engine, build_known, choose_fast_model, choose_model, with_patience

TRIALS = "trials.jsonl"

Key = tuple[str, int]
"""A case's id and the number of the trial, from 1."""


@dataclass(frozen=True)
class Plan:
    """What is to be run. The same seed gives the same values; trial n of a case uses `seed + n - 1`."""

    cases: tuple[Case, ...]
    trials: int = 1
    seed: int = 1
    concurrency: int = 4

    @property
    def keys(self) -> list[Key]:
        return [(case.id, number) for number in range(1, self.trials + 1) for case in self.cases]


@asynccontextmanager
async def opened_engine(path: Path, settings: Settings) -> AsyncGenerator[tuple[Engine, Model | None]]:
    """The engine of a bundle with rows of its own, and the fast model where there is one."""
    with TemporaryDirectory(prefix="firstline-eval-") as rows:
        bundle, toolset = open_bundle(path, data=Path(rows))
        fast = choose_fast_model(settings)
        patient = with_patience(bundle, settings)
        engine = build_engine(patient, toolset, model=choose_model(bundle, settings), folder=toolset.rows)
        try:
            yield engine, fast
        finally:
            toolset.close()
            await engine.model.aclose()
            if fast is not None:
                await fast.aclose()


async def run_plan(
    engine: Engine,
    plan: Plan,
    folder: Path,
    *,
    fast: Model | None = None,
    told: Callable[[Trial], None] = lambda _: None,
) -> list[Trial]:
    """All trials of the plan, those that `folder` holds already among them; `told` of each new one.

    A trial is in the file before it is told of, so that whatever ends the run ends nothing that was done.
    """
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  # nobody else waits for this loop
    done = {(trial.case.id, trial.number): trial for trial in read_trials(folder)}
    concrete = _concrete(plan)
    todo = left_to_run(plan, folder, engine.bundle.revision)
    _end_last_line(folder / TRIALS)
    gate = asyncio.Semaphore(plan.concurrency)

    async def run(key: Key) -> None:
        async with gate:
            case = concrete[key]
            customer = choose_customer(case, engine.bundle, fast)
            trial = await run_trial(engine, case, number=key[1], seed=plan.seed + key[1] - 1, customer=customer)
        with (folder / TRIALS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(trial.to_json(), ensure_ascii=False) + "\n")
        done[key] = trial
        told(trial)

    async with asyncio.TaskGroup() as group:
        for key in todo:
            group.create_task(run(key))
    return [done[key] for key in plan.keys]


def left_to_run(plan: Plan, folder: Path, revision: str) -> list[Key]:
    """The trials that are not there yet: neither broken, nor of another revision, nor of a case that has changed."""
    done = {(trial.case.id, trial.number): trial for trial in read_trials(folder)}
    concrete = _concrete(plan)
    return [key for key in plan.keys if not _is_done(done.get(key), concrete[key], revision)]


def _is_done(trial: Trial | None, case: Case, revision: str) -> bool:
    return trial is not None and trial.error is None and trial.case == case and trial.revision == revision


def _concrete(plan: Plan) -> dict[Key, Case]:
    return {
        (case.id, number): make_concrete(case, plan.seed + number - 1)
        for number in range(1, plan.trials + 1)
        for case in plan.cases
    }


def _end_last_line(path: Path) -> None:
    """After a crash in the middle of a line, what comes next must not be taken for its end."""
    if path.exists() and (written := path.read_bytes()) and not written.endswith(b"\n"):
        path.write_bytes(written + b"\n")


def read_trials(folder: Path) -> list[Trial]:
    """The trials in a folder; of one that was run again, the last. A line cut off by a crash is left out."""
    path = folder / TRIALS
    found: dict[Key, Trial] = {}
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    for line in text.split("\n"):  # `splitlines` would cut at U+2028, which customers may write
        try:
            trial = read_trial(json.loads(line))
        except ValueError:
            continue
        found[trial.case.id, trial.number] = trial
    return list(found.values())


def score_all(trials: Iterable[Trial], bundle: Bundle, scorers: Sequence[Scorer] = SCORERS) -> list[Scored]:
    """Every trial with its scores."""
    known = build_known(bundle)
    return [
        Scored(trial, tuple(score for scorer in scorers for score in scorer(trial, known)) if not trial.error else ())
        for trial in trials
    ]


def choose_cases(cases: Sequence[Case], words: Sequence[str]) -> tuple[Case, ...]:
    """The cases whose id begins with one of the words, or that bear it as a tag or language; all without words.

    Raises: ConfigError when a word fits none.
    """
    if not words:
        return tuple(cases)
    for word in words:
        if not any(_fits(case, word) for case in cases):
            raise ConfigError(Problem(f"no case fits `{word}`", "give the beginning of an id, a tag, or a language"))
    return tuple(case for case in cases if any(_fits(case, word) for word in words))


def _fits(case: Case, word: str) -> bool:
    return case.id.startswith(word) or word in case.tags or word == case.locale


def hash_suite(cases: Sequence[Case]) -> str:
    """What the cases are, in 16 characters: two runs with the same are comparable case by case."""
    text = "\n".join(case.model_dump_json() for case in cases)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def hash_scorers(files: Mapping[str, bytes] | None = None) -> str:
    """What the scorers are, in 16 characters: their source, and what judges are told."""
    sources = files or read_scorers()
    return hashlib.sha256(b"".join(sources[name] for name in sorted(sources))).hexdigest()[:16]


def read_scorers() -> dict[str, bytes]:
    """By name, every file that decides about a score."""
    here = Path(__file__).parent
    prompts = [path for path in (here / "prompts").glob("*.md") if path.name != SIMULATOR]
    scorers = (here.parent / "scoring").glob("*.py")
    return {path.name: path.read_bytes() for path in (*scorers, here / "metrics.py", *prompts)}
