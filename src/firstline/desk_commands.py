"""`firstline desk …`: what another desk could not be told, and trying it again. Works beside a running server."""

import asyncio
import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from firstline.config import load_settings
from firstline.desk import DeskName
from firstline.desk.outbox import Delivery
from firstline.errors import ConfigError, Problem
from firstline.store.deliveries import SqlDeliveries
from firstline.store.staff_opening import open_beside
from firstline.types import Json

desk_app = typer.Typer(no_args_is_help=True, help="What another desk could not be told.")
out = Console(soft_wrap=True, highlight=False, emoji=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)

AsJson = Annotated[bool, typer.Option("--json", help="for programs")]


@desk_app.command()
def dead(as_json: AsJson = False) -> None:
    """Show what was given up, the newest first. Exit code 1 when any of it is for the desk that is set."""
    with _opened() as (deliveries, desk):
        found = asyncio.run(deliveries.list_dead(limit=None))
    if as_json:
        for each in found:
            typer.echo(json.dumps(_view(each), ensure_ascii=False))
    elif not found:
        err.print("✓ nothing was given up", markup=False)
    else:
        table = Table("id", "what", "desk", "given up", "attempts", "why", box=None, pad_edge=False)
        for each in found:
            given_up = f"{each.dead_at.astimezone():%Y-%m-%d %H:%M}" if each.dead_at else ""
            table.add_row(each.delivery_id, each.type, each.desk, given_up, str(each.attempts), each.last_error or "")
        out.print(table, markup=False)
        err.print("mend the cause, then: firstline desk redeliver --all", markup=False)
    raise typer.Exit(1 if any(each.desk == desk for each in found) else 0)


@desk_app.command()
def redeliver(
    delivery_ids: Annotated[list[str] | None, typer.Argument(help="as `firstline desk dead` shows them")] = None,
    everything: Annotated[bool, typer.Option("--all", help="all that was given up for the desk that is set")] = False,
    as_json: AsJson = False,
) -> None:
    """Try again what was given up. A running server does so within a minute; else the next one that starts."""
    wanted = delivery_ids or []
    if bool(wanted) == everything:
        raise ConfigError(Problem("nothing to try again, or two ways to say it", "give ids, or --all"))
    with _opened() as (deliveries, desk):
        found = asyncio.run(deliveries.list_dead(limit=None))
        chosen = [each.delivery_id for each in found if each.desk == desk] if everything else wanted
        if problems := _check(chosen, found, desk):
            raise ConfigError(*problems)
        again = asyncio.run(_redeliver(deliveries, desk, chosen))
    if as_json:
        typer.echo(json.dumps({"redelivered": again}))
    else:
        err.print(f"✓ {len(again)} will be tried again by the server", markup=False)


@contextmanager
def _opened() -> Generator[tuple[SqlDeliveries, DeskName]]:
    """The deliveries in the settings' store, and the desk that is told now."""
    settings = load_settings(model="offline")
    deliveries = SqlDeliveries(*open_beside(settings.store_url))
    try:
        yield deliveries, settings.desk
    finally:
        deliveries.close()


def _check(chosen: Sequence[str], found: Sequence[Delivery], desk: DeskName) -> list[Problem]:
    """Why some of what was chosen cannot be tried again; then nothing is."""
    desks = {each.delivery_id: each.desk for each in sorted(found, key=lambda each: each.desk == desk)}
    problems: list[Problem] = []
    for each in chosen:
        if each not in desks:
            problems.append(Problem(f"{each} was not given up", "`firstline desk dead` shows what was"))
        elif desks[each] != desk:
            remedy = f"set FIRSTLINE_DESK={desks[each]} again, here and for the server"
            problems.append(Problem(f"{each} was for the desk {desks[each]}, and {desk} is set", remedy))
    return problems


async def _redeliver(deliveries: SqlDeliveries, desk: DeskName, chosen: Sequence[str]) -> list[str]:
    """Those that are tried again: another command may have been faster with one of them."""
    return [each for each in chosen if await deliveries.redeliver(desk, each, datetime.now(UTC))]


def _view(delivery: Delivery) -> Json:
    return {
        "delivery_id": delivery.delivery_id,
        "conversation_id": delivery.conversation_id,
        "type": delivery.type,
        "desk": delivery.desk,
        "attempts": delivery.attempts,
        "due_since": delivery.due_since.isoformat(),
        "dead_at": delivery.dead_at.isoformat() if delivery.dead_at else None,
        "last_error": delivery.last_error,
    }
