"""The command line. Exit codes: 0 done, 1 a check failed, 2 it could not run."""

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from rich.console import Console
from rich.table import Table

from firstline.bundle.starter import write_starter
from firstline.config import Settings, load_settings
from firstline.doctor import examine
from firstline.errors import ConfigError, FirstlineError, Problem
from firstline.explain import Explanation, explain
from firstline.logs import configure_logging
from firstline.service.app import build_app
from firstline.terminal import run_chat
from firstline.tools.python import open_bundle
from firstline.wire import build_engine, build_service, choose_model

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
out = Console()
err = Console(stderr=True)

DEMO = Path("bundles/acme")
BundlePath = Annotated[Path, typer.Argument(help="the bundle's folder")]
Bundles = Annotated[list[Path] | None, typer.Argument(help="bundle folders; the Acme demo when none is given")]


@app.command()
def serve(bundles: Bundles = None) -> None:
    """Serve the chat page, the widget and the API."""
    settings = load_settings()
    sock = _listen(settings)
    host, port = sock.getsockname()[:2]
    paths = bundles or [DEMO]
    err.print(f"[dim]loading {', '.join(path.name for path in paths)} …[/dim]")
    service = build_service(settings, paths)
    first = next(iter(service.engines.values()))
    err.print(f"[bold]Firstline[/bold] serves {', '.join(service.engines)} as {first.bundle.assistant.name}")
    err.print(f"  chat     http://{host}:{port}/")
    err.print(f"  widget   http://{host}:{port}/embed")
    err.print(f"  API      http://{host}:{port}/docs")
    if first.model.offline:
        err.print(
            "  [yellow]No key: the offline model answers from the bundle. Set ANTHROPIC_API_KEY for Claude.[/yellow]"
        )
    config = uvicorn.Config(
        build_app(service), log_level="warning", access_log=False, timeout_graceful_shutdown=3, server_header=False
    )
    uvicorn.Server(config).run(sockets=[sock])


@app.command()
def chat(bundle: BundlePath = DEMO, locale: str | None = None) -> None:
    """Talk to the assistant here, with the same engine."""
    asyncio.run(run_chat(bundle, load_settings(), locale=locale))


@app.command()
def check(bundle: BundlePath, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Validate a bundle: every mistake with file, line and remedy."""
    problems: tuple[Problem, ...] = ()
    summary = ""
    try:
        settings = load_settings()
        found, toolset = open_bundle(bundle, data=settings.data / "bundles")
        toolset.close()
        summary = (
            f"{found.name} is well: {len(found.playbooks)} playbooks, {len(found.examples)} examples, "
            f"{len(found.articles)} articles, {len(found.tools)} tools; revision {found.revision}"
        )
    except ConfigError as error:
        problems = error.problems
    if as_json:
        rows = [
            {"path": str(each.path or ""), "line": each.line, "what": each.what, "remedy": each.remedy}
            for each in problems
        ]
        print(json.dumps({"problems": rows}, ensure_ascii=False))
    for problem in () if as_json else problems:
        out.print(str(problem), highlight=False, markup=False)
    if problems:
        if not as_json:
            err.print(f"[red]{len(problems)} mistakes[/red]")
        raise typer.Exit(1)
    if not as_json:
        out.print(f"[green]✓[/green] {summary}")


@app.command()
def new(path: Annotated[Path, typer.Argument(help="the folder to make")]) -> None:
    """Write a starter bundle to edit."""
    write_starter(path)
    out.print(f"[green]✓[/green] {path} is there. Next:\n  firstline check {path}\n  firstline serve {path}")


@app.command(name="explain")
def explain_command(
    bundle: BundlePath,
    message: Annotated[str | None, typer.Argument(help="what a customer might write")] = None,
    file: Annotated[Path | None, typer.Option(help="JSON Lines: strings, or objects with `text`")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
) -> None:
    """Show how messages would be treated, without answering: language, verdicts, route, passages, tools."""
    texts = _read_messages(file) if file else [message] if message is not None else []
    if not texts:
        raise ConfigError(Problem("no message to explain", "give one in quotes, or --file messages.jsonl"))
    settings = load_settings(model="offline")
    opened, toolset = open_bundle(bundle, data=settings.data / "bundles")
    engine = build_engine(opened, toolset, model=choose_model(opened, settings), folder=toolset.rows)
    for text in texts:
        explanation = asyncio.run(explain(engine, text))
        if as_json:
            print(json.dumps(explanation.to_json(), ensure_ascii=False))
        else:
            _print_explanation(explanation)
    toolset.close()


@app.command()
def doctor(bundles: Bundles = None, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Look at key, model ids, store, port and bundles: what is wrong, and what to do."""
    findings = asyncio.run(examine(load_settings(), bundles or [DEMO]))
    marks = {"ok": "[green]✓[/green]", "note": "[yellow]·[/yellow]", "wrong": "[red]✗[/red]"}
    for finding in findings:
        if as_json:
            print(json.dumps(vars(finding), ensure_ascii=False))
            continue
        remedy = f"\n    → {finding.remedy}" if finding.remedy else ""
        out.print(f"{marks[finding.state]} {finding.subject:9} {finding.text}{remedy}", highlight=False)
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Run a command. What an operator did wrong is told in a few lines, never as a stack trace."""
    configure_logging()
    try:
        app()
    except FirstlineError as error:
        err.print(str(error), style="red", highlight=False, markup=False)
        sys.exit(2)


def _listen(settings: Settings) -> socket.socket:
    """The socket, taken before anything else is done: a port in use is said at once."""
    sock = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.host, settings.port))
        sock.listen(2048)
    except OSError as error:
        sock.close()
        raise ConfigError(
            Problem(
                what=f"{settings.host}:{settings.port} cannot be used: {error.strerror}",
                remedy="stop what listens there, or choose another with FIRSTLINE_PORT (make serve PORT=…)",
            )
        ) from None
    return sock


def _read_messages(file: Path) -> list[str]:
    texts: list[str] = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(Problem(f"cannot be read: {error}", "give a UTF-8 file of JSON lines", file)) from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            given = json.loads(line)
        except ValueError:
            given = None
        text = given.get("text") if isinstance(given, dict) else given  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if not isinstance(text, str):
            remedy = 'each line is a JSON string, or an object like {"text": "…"}'
            raise ConfigError(Problem("this line holds no message", remedy, file, number))
        texts.append(text)
    return texts


def _print_explanation(explanation: Explanation) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    table.add_row("message", explanation.text)
    table.add_row("language", explanation.locale)
    for verdict in explanation.verdicts:
        table.add_row(verdict.guardrail, f"{verdict.decision} {verdict.reason}".strip())
    second = f", then {explanation.runner_up}" if explanation.runner_up else ""
    table.add_row("playbook", f"{explanation.playbook or 'unsure'} ({explanation.score:.2f}{second})")
    table.add_row("person", "wanted" if explanation.wants_human else "not asked for")
    for passage in explanation.passages or ():
        table.add_row("passage", f"{passage.score:.2f}  {passage.title}  [dim]{passage.url}[/dim]")
    if not explanation.passages:
        table.add_row("passage", "none")
    table.add_row("tools", ", ".join(explanation.tools) or "none")
    out.print(table)
    out.print()


if __name__ == "__main__":
    main()
