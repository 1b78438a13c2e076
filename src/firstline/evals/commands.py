"""`firstline eval …`. Exit codes: 0 nothing failed, 1 something failed or got worse, 2 it could not run."""

import json
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from firstline.config import load_settings
from firstline.errors import ConfigError, Problem
from firstline.evals.compare import compare
from firstline.evals.dataset import load_cases
from firstline.evals.inspect_log import write_log
from firstline.evals.judge_asking import Bench, Teller
from firstline.evals.judge_command import add_kept, judge_check, judge_folder
from firstline.evals.live_judge import judge_live
from firstline.evals.mending import mend, scored_anew, write_trials
from firstline.evals.metrics import targets_of
from firstline.evals.page import write_comparison_page
from firstline.evals.results import (
    PAGE,
    begin,
    beside_last,
    choose_folder,
    earlier_runs,
    publish,
    read_sheets,
    runs_of,
    take_up,
)
from firstline.evals.run import Plan, choose_cases, hash_scorers, hash_suite, read_trials, score_all
from firstline.evals.running import Asked, describe, opened, play, tell_cost, tell_kept
from firstline.evals.schema import case_schema
from firstline.evals.sheet import Sheet, read_origin, read_sheet
from firstline.evals.terminal_table import print_changes, print_comparison, print_sheet

eval_app = typer.Typer(no_args_is_help=True, help="Try the assistant on cases, and look at what came of it.")
out = Console(soft_wrap=True, highlight=False, emoji=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)

RunFolder = Annotated[Path, typer.Argument(help="the folder of a run")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask before money is spent")]
Strict = Annotated[bool, typer.Option("--strict", help="fail, too, when a criterion is inconclusive")]
AsJson = Annotated[bool, typer.Option("--json", help="for programs")]
InBatch = Annotated[
    bool | None,
    typer.Option("--batch/--no-batch", help="half the price, within a day; by itself from 1,000 questions on"),
]


@eval_app.command()
def run(
    bundle: Annotated[Path, typer.Argument(help="the bundle's folder")],
    words: Annotated[list[str] | None, typer.Argument(help="beginnings of ids, tags or languages; all cases")] = None,
    cases: Annotated[Path | None, typer.Option(help="a folder of cases, instead of the bundle's `evals`")] = None,
    trials: Annotated[int, typer.Option(min=1, help="how often each case is played")] = 1,
    seed: Annotated[int, typer.Option(help="chooses the values of cases that have parameters")] = 1,
    concurrency: Annotated[int, typer.Option(min=1, help="conversations at the same time")] = 4,
    folder: Annotated[Path | None, typer.Option("--out", help="where the results go")] = None,
    resume: Annotated[bool, typer.Option(help="go on with what is in the folder of --out")] = True,
    strict: Strict = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Play the cases of a bundle, score what happened, and write a report."""
    asked = Asked(bundle, tuple(words or ()), cases, trials, seed, concurrency)
    settings, now = load_settings(), datetime.now(UTC)
    with opened(bundle, settings) as (runner, engine, fast):
        plan = Plan(choose_cases(load_cases(engine.bundle, cases), asked.words), trials, seed, concurrency)
        if not plan.cases:
            raise ConfigError(
                Problem("there are no cases", "docs/evaluation.md shows how to write some", cases or bundle)
            )
        name, revision = engine.bundle.name, engine.bundle.revision
        folder = folder or choose_folder(settings.data, name, revision, now)
        origin = take_up(folder, describe(engine, plan, bundle, now), resume=resume)
        earlier = earlier_runs(origin, {folder.resolve().parent, runs_of(settings.data, name)})
        if not engine.model.offline:
            _ask(tell_cost(engine, plan, folder, next(read_sheets(earlier), None)), yes=yes)
        begin(folder, origin)
        played = play(runner, engine, fast, plan, folder, err)
        if played is None:
            err.print(tell_kept(plan, folder, revision, asked), markup=False)
            raise typer.Exit(2)
        scored, judge = add_kept(score_all(played, engine.bundle), engine.bundle, folder, settings)
        targets = targets_of(engine.bundle.criteria)
        sheet = Sheet(origin, hash_scorers(), targets, scored, datetime.now(UTC), judge)
    against = beside_last(sheet, earlier)
    publish(sheet, folder, against)
    if as_json:
        typer.echo(json.dumps(sheet.to_json(), ensure_ascii=False))
    else:
        print_sheet(out, sheet, against)
        _name_page(folder)
    raise typer.Exit(_exit_code(sheet, strict=strict))


@eval_app.command()
def view(folder: RunFolder, as_json: AsJson = False) -> None:
    """Show a run again, and where its report is."""
    sheet = read_sheet(folder)
    if as_json:
        typer.echo(json.dumps(sheet.to_json(), ensure_ascii=False))
        return
    origin = sheet.origin
    places = {folder.resolve().parent, runs_of(load_settings(model="offline").data, origin.bundle)}
    print_sheet(out, sheet, beside_last(sheet, earlier_runs(origin, places)))
    _name_page(folder)


@eval_app.command()
def rescore(
    folder: RunFolder,
    cases: Annotated[
        Path | None, typer.Option(help="a folder of cases: what they expect now, instead of then")
    ] = None,
    bundle: Annotated[Path | None, typer.Option(help="the bundle's folder, where it has moved")] = None,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Score a run's conversations again with today's scorers and targets; also those of a run that was broken off."""
    origin, trials, before = read_origin(folder), tuple(read_trials(folder)), _read_if_whole(folder)
    settings = load_settings(model="offline")
    with opened(bundle or Path(origin.path), settings) as (_, engine, _fast):
        _tell_if_changed(origin.revision, engine.bundle.revision)
        if cases is not None:
            mended = mend(trials, load_cases(engine.bundle, cases))
            if mended.kept:
                err.print(
                    f"not as they were played, and held against what was expected then: {', '.join(mended.kept)}"
                )
            trials, origin = mended.trials, origin.model_copy(update={"suite": hash_suite(mended.cases)})
            write_trials(trials, folder)
            begin(folder, origin)
        scored, judge = add_kept(score_all(trials, engine.bundle), engine.bundle, folder, settings)
        targets = targets_of(engine.bundle.criteria)
        sheet = Sheet(origin, hash_scorers(), targets, scored, datetime.now(UTC), judge)
    publish(sheet, folder)
    if as_json:
        typer.echo(json.dumps(sheet.to_json(), ensure_ascii=False))
    elif before is None:
        print_sheet(out, sheet)
    else:
        print_changes(out, compare(scored_anew(before, sheet), sheet))
    raise typer.Exit(_exit_code(sheet, strict=strict))


@eval_app.command(name="compare")
def compare_command(
    before: Annotated[Path, typer.Argument(metavar="A", help="the folder of the earlier run")],
    after: Annotated[Path, typer.Argument(metavar="B", help="the folder of the later run")],
    page: Annotated[Path | None, typer.Option("--out", help="where the page goes; B/compare.html")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two runs conversation by conversation. Exit code 1 when B is worse beyond chance."""
    comparison = compare(read_sheet(before), read_sheet(after))
    if not comparison.pairs:
        raise ConfigError(
            Problem("the runs have no conversation in common", "compare runs of the same cases and seed")
        )
    page = page or after / "compare.html"
    page.write_text(write_comparison_page(comparison), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(comparison.to_json(), ensure_ascii=False))
    else:
        print_comparison(out, comparison)
        out.print(f"side by side: {page}", markup=False)
    if comparison.worse:
        raise typer.Exit(1)


@eval_app.command(name="judge")
def judge_command(
    folder: RunFolder,
    bundle: Annotated[Path | None, typer.Option(help="the bundle's folder, where it has moved")] = None,
    batch: InBatch = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let a judge look at a run's replies: relevance, support, gist. Asks before it costs; keeps what it said."""
    teller = _tell(yes=yes, as_json=as_json)
    if not judge_folder(folder, load_settings(), teller, bundle=bundle, bench=Bench(batch)):
        raise typer.Exit(1)


@eval_app.command(name="judge-check")
def judge_check_command(batch: InBatch = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Try the judge itself on its gold sets. Exit code 1 when it is not to be trusted."""
    if not judge_check(load_settings(), _tell(yes=yes, as_json=as_json), bench=Bench(batch)):
        raise typer.Exit(1)


@eval_app.command(name="live")
def live_command(
    bundle: Annotated[Path, typer.Argument(help="the folder of the bundle that is served")],
    days: Annotated[int, typer.Option(min=1, help="conversations that began in the last so many days")] = 7,
    sample: Annotated[int, typer.Option(min=1, help="at most so many; a larger sample holds a smaller")] = 200,
    batch: InBatch = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let a judge look at a sample of closed live conversations; the report then shows relevance and support."""
    teller = _tell(yes=yes, as_json=as_json)
    if not judge_live(load_settings(), teller, bundle, days=days, size=sample, bench=Bench(batch)):
        raise typer.Exit(1)


@eval_app.command()
def export(
    folder: RunFolder,
    inspect: Annotated[Path, typer.Option(help="the log of Inspect to write: OUT.eval, or OUT.json")],
) -> None:
    """Write a run for another tool: as a log of Inspect, for its viewer."""
    write_log(read_sheet(folder), inspect)
    out.print(f"written to {inspect}", markup=False)


@eval_app.command()
def schema() -> None:
    """Print the JSON Schema of a file of cases, for editors."""
    typer.echo(json.dumps(case_schema(), ensure_ascii=False, indent=1))


def _tell(*, yes: bool, as_json: bool) -> Teller:
    return Teller(out, err, partial(_ask, yes=yes), as_json)


def _ask(cost: str, *, yes: bool) -> None:
    """Raises: ConfigError when nobody can be asked; typer.Exit 2 when the answer is no."""
    if not cost:
        return
    err.print(cost, markup=False)
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError(Problem("this costs money, and nobody is here to agree", "give --yes"))
    try:
        agreed = typer.confirm("Go on?", err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        raise typer.Exit(2)


def _read_if_whole(folder: Path) -> Sheet | None:
    try:
        return read_sheet(folder)
    except ConfigError:
        return None


def _tell_if_changed(then: str, now: str) -> None:
    if then != now:
        err.print(f"the bundle has changed since, {then} to {now}: that may change figures too", style="yellow")


def _exit_code(sheet: Sheet, *, strict: bool) -> int:
    if not sheet.figures:
        return 2
    unsure = sheet.verdict == "inconclusive" or bool(sheet.broken)
    return int(sheet.verdict == "fail" or (strict and unsure))


def _name_page(folder: Path) -> None:
    out.print()
    out.print(Text.assemble(("report  ", "dim"), str(folder / PAGE)))
