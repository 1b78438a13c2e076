"""`firstline replay --against BUNDLE`: what a changed bundle would have made of past conversations."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from firstline.config import Settings, load_settings
from firstline.errors import ConfigError, Problem
from firstline.evals.replay import Replayed, replay_conversation, sum_flips
from firstline.evals.run import opened_engine
from firstline.events import Logged
from firstline.store.opening import read_logs
from firstline.types import ConversationId

MOST_SHOWN = 20

out = Console(soft_wrap=True, highlight=False, emoji=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)

Past = list[tuple[ConversationId, list[Logged]]]


def replay(
    against: Annotated[Path, typer.Option(help="the changed bundle's folder")],
    of: Annotated[str | None, typer.Option(help="whose conversations; the bundle's own name when left out")] = None,
    since: Annotated[str | None, typer.Option(help="only those that began on this day or later: 2026-11-18")] = None,
    limit: Annotated[int, typer.Option(min=1, help="at most so many, the newest first")] = 200,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Answer past conversations again with a changed bundle, with the recorded tool results, and show what flips."""
    replayed = asyncio.run(_replay(against, load_settings(), of=of, since=since, limit=limit, quiet=as_json))
    if as_json:
        typer.echo(json.dumps(_to_json(replayed), ensure_ascii=False))
    else:
        _tell(replayed)
    if any(not flip.better for each in replayed for flip in each.flips):
        raise typer.Exit(1)


async def _replay(
    path: Path, settings: Settings, *, of: str | None, since: str | None, limit: int, quiet: bool
) -> list[Replayed]:
    async with opened_engine(path, settings) as (engine, _):
        name = of or engine.bundle.name
        past: Past = read_logs(settings.store_url, name, since=since, limit=limit)
        if not past:
            raise ConfigError(Problem(f"no past conversations of {name}", "serve it first, or give --of and --since"))
        shown = track(past, "answering again", console=err, disable=quiet)
        made = [await replay_conversation(engine, log, conversation_id) for conversation_id, log in shown]
    return [each for each in made if each is not None]


def _to_json(replayed: list[Replayed]) -> list[dict[str, object]]:
    return [asdict(each) for each in replayed]


def _tell(replayed: list[Replayed]) -> None:
    flips = [flip for each in replayed for flip in each.flips]
    changed = sum(bool(each.routes_changed) for each in replayed)
    lost = sum(bool(each.unrecorded) for each in replayed)
    out.print(
        f"{len(replayed)} conversations answered again; {changed} took another route, "
        f"{lost} asked a tool for what was never recorded"
    )
    before, after = sum(r.cost_before_usd for r in replayed), sum(r.cost_after_usd for r in replayed)
    out.print(f"cost ${before:.4f} then, ${after:.4f} now")
    if not flips:
        out.print("nothing flips", style="green")
        return
    table = Table("criterion", "better", "worse", box=None, pad_edge=False)
    for criterion, (better, worse) in sorted(sum_flips(replayed).items()):
        table.add_row(criterion, str(better), str(worse))
    out.print(table)
    for flip in sorted(flips, key=lambda flip: flip.better)[:MOST_SHOWN]:
        mark = "better" if flip.better else "worse "
        out.print(f"{mark}  {flip.criterion:10} {flip.conversation_id}", markup=False)
        out.print(f"    then: {_shorten(flip.before)}\n    now:  {_shorten(flip.after)}", markup=False, style="dim")


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else line[:159] + "…"
