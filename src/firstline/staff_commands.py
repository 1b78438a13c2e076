"""`firstline staff …`: the accounts of the people who work in the inbox. Works beside a running server."""

import asyncio
import json
import secrets
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from firstline.config import load_settings
from firstline.errors import ConfigError, Problem
from firstline.staff import DEMO_NAME, Actor, Role, StaffChange, StaffMember, check_password, read_name
from firstline.store.staff import SqlStaff
from firstline.store.staff_opening import open_staff
from firstline.types import StaffId

staff_app = typer.Typer(no_args_is_help=True, help="Accounts of the people who work in the inbox.")
out = Console(soft_wrap=True, highlight=False, emoji=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)

COMMAND_LINE = Actor(name="command line")

Name = Annotated[str, typer.Argument(help="the sign-in name, such as desk.one")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="read it from standard input")]
Generated = Annotated[bool, typer.Option("--generate", help="make one up, and print it")]


@staff_app.command()
def add(
    name: Name,
    display_name: Annotated[str, typer.Option(help="what customers see")],
    role: Annotated[Role, typer.Option(help="what this person may do")] = "human_agent",
    picture: Annotated[str | None, typer.Option(help="a path on this site, or an https address")] = None,
    password_stdin: FromStdin = False,
    generate: Generated = False,
) -> None:
    """Add an account. Asks for its password."""
    name, now = read_name(name), datetime.now(UTC)
    _refuse_demo(name)
    staff_id = StaffId(f"st_{secrets.token_hex(12)}")
    try:
        member = StaffMember(
            staff_id=staff_id,
            name=name,
            display_name=display_name.strip(),
            role=role,
            picture=picture,
            created_at=now,
        )
    except ValidationError as error:
        reasons = [str(each["msg"]).removeprefix("Value error, ") for each in error.errors()]
        raise ConfigError(*(Problem(reason, "change it and try again") for reason in reasons)) from None

    with _opened() as register:
        if asyncio.run(register.find_name(name)):
            raise _taken(name)
        chosen = _choose_password(name, from_stdin=password_stdin, generate=generate)
        if not asyncio.run(register.add(member, password=chosen, by=COMMAND_LINE, at=now)):
            raise _taken(name)
    if generate:
        typer.echo(chosen)  # alone on standard output, so that a script can take it
    err.print(f"✓ {name} can sign in as {role}", markup=False)


@staff_app.command(name="list")
def list_members(as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False) -> None:
    """Show all accounts."""
    with _opened() as register:
        members = asyncio.run(register.list_members())
    if as_json:
        for member in members:
            typer.echo(json.dumps(member.model_dump(mode="json"), ensure_ascii=False))
        return
    if not members:
        err.print("nobody yet; begin with: firstline staff add NAME --display-name … --role admin", markup=False)
        return
    table = Table("name", "shown as", "role", "state", box=None, pad_edge=False)
    for member in members:
        state = "disabled" if member.disabled else "demo" if member.is_demo else ""
        table.add_row(member.name, member.display_name, member.role, state)
    out.print(table, markup=False)


@staff_app.command()
def disable(name: Name) -> None:
    """Keep somebody out from now on: no sign-in, and open pages are cut off."""
    _change(name, StaffChange(disabled=True), told="is disabled and signed out everywhere")


@staff_app.command()
def enable(name: Name) -> None:
    """Let somebody in again, with the password as it was."""
    _change(name, StaffChange(disabled=False), told="can sign in again")


@staff_app.command()
def password(name: Name, password_stdin: FromStdin = False, generate: Generated = False) -> None:
    """Give a new password: signs out everywhere, and ends a lock after failed sign-ins."""
    _refuse_demo(read_name(name))

    with _opened() as register:
        member = _find(register, name)
        chosen = _choose_password(member.name, from_stdin=password_stdin, generate=generate)
        now = datetime.now(UTC)
        asyncio.run(register.change(member.staff_id, StaffChange(), by=COMMAND_LINE, at=now, password=chosen))
    if generate:
        typer.echo(chosen)
    err.print(f"✓ {member.name} has a new password and is signed out everywhere", markup=False)


@staff_app.command()
def audit() -> None:
    """Check that no entry of the audit log was changed, added or removed. Exit code 1 when one was."""
    with _opened() as register:
        broken = asyncio.run(register.check_audit())
    if broken is not None:
        out.print(f"✗ the audit log is not what was written, from entry {broken} on", markup=False)
        raise typer.Exit(1)
    out.print("✓ the audit log is whole", markup=False)


@contextmanager
def _opened() -> Generator[SqlStaff]:
    """The register in the settings' store."""
    register = open_staff(load_settings(model="offline").store_url)
    try:
        yield register
    finally:
        register.close()


def _change(name: str, change: StaffChange, *, told: str) -> None:
    with _opened() as register:
        member = _find(register, name)
        asyncio.run(register.change(member.staff_id, change, by=COMMAND_LINE, at=datetime.now(UTC)))
    err.print(f"✓ {member.name} {told}", markup=False)


def _find(register: SqlStaff, name: str) -> StaffMember:
    """Raises ConfigError for a name that nobody has."""
    found = asyncio.run(register.find_name(read_name(name)))
    if found is None:
        raise ConfigError(Problem(f"nobody is called {read_name(name)}", "`firstline staff list` shows who there is"))
    return found


def _choose_password(name: str, *, from_stdin: bool, generate: bool) -> str:
    """A password that is good enough. Raises ConfigError."""
    if from_stdin and generate:
        raise ConfigError(Problem("two ways to a password", "give --password-stdin or --generate, not both"))
    if generate:
        return secrets.token_urlsafe(18)
    if from_stdin:
        chosen = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True)
        chosen = typed
    else:
        raise ConfigError(Problem("nobody is here to type a password", "give --password-stdin or --generate"))
    if wrong := check_password(name, chosen):
        raise ConfigError(Problem(wrong, "choose another one, or let --generate make one"))
    return chosen


def _refuse_demo(name: str) -> None:
    if name.startswith(DEMO_NAME):
        raise ConfigError(Problem(f"names that begin with {DEMO_NAME} are the demo's own", "choose another name"))


def _taken(name: str) -> ConfigError:
    remedy = "choose another name, or `firstline staff password` for a new password"
    return ConfigError(Problem(f"somebody is called {name} already", remedy))
