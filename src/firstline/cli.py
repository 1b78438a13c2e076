"""The command line. Exit codes: 0 done, 1 a check failed, 2 it could not run."""

import asyncio
import gc
import json
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NoReturn

import typer
import uvicorn
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from firstline import publish_commands
from firstline.bundle import Bundle
from firstline.bundle.files import find_files, hash_revision
from firstline.bundle.starter import write_starter
from firstline.config import Settings, load_settings
from firstline.desk_commands import desk_app
from firstline.doctor import advise_socket, examine, open_socket
from firstline.drawing.alone import standalone
from firstline.drawing.bundle_flow import draw_bundle
from firstline.drawing.mermaid import describe_bundle
from firstline.drawing.sankey import draw_paths, name_steps
from firstline.errors import ConfigError, FirstlineError, Problem
from firstline.evals.commands import eval_app
from firstline.evals.dataset import load_cases
from firstline.evals.replay_command import replay
from firstline.explain import Explanation, explain
from firstline.logs import configure_logging
from firstline.service.app import build_app
from firstline.staff_commands import staff_app
from firstline.store.opening import read_paths
from firstline.terminal import run_chat
from firstline.tools.python import open_bundle
from firstline.wire import Service, build_engine, build_service, choose_model

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(staff_app, name="staff")
app.add_typer(desk_app, name="desk")
app.add_typer(eval_app, name="eval")
app.command()(replay)
app.command()(publish_commands.publish)
app.command()(publish_commands.revisions)
app.command()(publish_commands.rollback)
out = Console(soft_wrap=True, highlight=False, emoji=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)

DEMO = Path("bundles/acme")
MOST_PATHS_SHOWN = 20
BundlePath = Annotated[Path, typer.Argument(help="the bundle's folder")]
Bundles = Annotated[list[Path] | None, typer.Argument(help="bundle folders; the Acme demo when none is given")]


@app.command()
def serve(
    bundles: Bundles = None,
    draft: Annotated[bool, typer.Option("--draft", help="the folders as they are, not what is published")] = False,
) -> None:
    """Serve the chat page, the widget and the API: what is published of each bundle, else its folder as it is."""
    settings = load_settings()
    with _listen(settings) as sock:
        paths = bundles or [DEMO]
        err.print(f"loading {', '.join(path.resolve().name for path in paths)} …", style="dim", markup=False)
        service = build_service(settings, paths, draft=draft)
        _announce(service, sock)
        for path in paths:
            err.print(_tell_revision(service, path), markup=False)
        config = uvicorn.Config(
            build_app(service),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=3,
            server_header=False,
        )
        gc.collect()
        gc.freeze()  # what is loaded stays: the collector need not look at it again and again
        uvicorn.Server(config).run(sockets=[sock])


@app.command()
def chat(
    bundle: BundlePath = DEMO,
    locale: Annotated[str | None, typer.Option(help="the language to begin with, such as zh")] = None,
    customer: Annotated[str | None, typer.Option("--as", help="the id of the customer who is signed in")] = None,
) -> None:
    """Talk to the assistant here, with the same engine."""
    run_chat(bundle, load_settings(), locale=locale, customer_id=customer)


@app.command()
def check(bundle: BundlePath, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Validate a bundle: every mistake with file, line and remedy."""
    try:
        with TemporaryDirectory(prefix="firstline-check-") as rows:
            found, toolset = open_bundle(bundle, data=Path(rows))
            toolset.close()
            cases = load_cases(found)
    except ConfigError as error:
        _end_with(error.problems, as_json=as_json)
    if as_json:
        print(json.dumps({"problems": []}))
        return
    out.print(
        f"[green]✓[/green] {found.name} is well: {len(found.playbooks)} playbooks, {len(found.examples)} examples, "
        f"{len(found.articles)} articles, {len(found.tools)} tools, {len(cases)} cases; revision {found.revision}"
    )


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
    if not texts or (file and message is not None):
        raise ConfigError(
            Problem("no message to explain, or two kinds", "give one in quotes, or --file messages.jsonl")
        )
    settings = load_settings(model="offline")
    with TemporaryDirectory(prefix="firstline-explain-") as rows:
        opened, toolset = open_bundle(bundle, data=Path(rows))
        engine = build_engine(opened, toolset, model=choose_model(opened, settings), folder=toolset.rows)
        for text in texts:
            explanation = asyncio.run(explain(engine, text))
            if as_json:
                print(json.dumps(explanation.to_json(), ensure_ascii=False))
            else:
                _print_explanation(explanation)
        toolset.close()


@app.command()
def flow(
    bundle: BundlePath = DEMO,
    svg: Annotated[Path | None, typer.Option(help="write a picture to this file")] = None,
    mermaid: Annotated[
        bool, typer.Option("--mermaid", help="print it as Mermaid text; so it is without --svg")
    ] = False,
    paths: Annotated[bool, typer.Option("--paths", help="the paths that real conversations took, instead")] = False,
    locale: Annotated[str | None, typer.Option(help="the language of its words, such as zh")] = None,
) -> None:
    """Draw a bundle: what a message may lead to; or the paths that real conversations took."""
    with TemporaryDirectory(prefix="firstline-flow-") as rows:
        opened, toolset = open_bundle(bundle, data=Path(rows))
        toolset.close()
    chosen = locale or opened.locale
    if paths:
        drawn = _draw_real_paths(opened, chosen, svg)
    elif svg is None or mermaid:
        print(describe_bundle(opened, chosen))
        drawn = draw_bundle(opened, chosen) if svg else ""
    else:
        drawn = draw_bundle(opened, chosen)
    if svg is not None:
        svg.write_text(standalone(drawn, accent=opened.accent), encoding="utf-8")
        out.print(f"[green]✓[/green] written to {svg}")


def _draw_real_paths(bundle: Bundle, locale: str, svg: Path | None) -> str:
    """The picture; without a file for it, the commonest paths are printed."""
    found = read_paths(load_settings().store_url, bundle.name)
    if not found:
        raise ConfigError(Problem(f"no conversations of {bundle.name} yet", "serve it, talk to it, then look again"))
    names = name_steps(bundle, locale)
    counts = {tuple(path.split(">")): number for path, number in found}
    if svg is None:
        for path, number in found[:MOST_PATHS_SHOWN]:
            out.print(f"{number:>7}  {' → '.join(map(names, path.split('>')))}", markup=False)
        return ""
    return draw_paths(counts, names, label=bundle.name, locale=locale)


@app.command()
def doctor(bundles: Bundles = None, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Look at key, model ids, store, port and bundles: what is wrong, and what to do."""
    findings = asyncio.run(examine(bundles or [DEMO]))
    marks = {"ok": "[green]✓[/green]", "note": "[yellow]·[/yellow]", "wrong": "[red]✗[/red]"}
    for finding in findings:
        if as_json:
            print(json.dumps(vars(finding), ensure_ascii=False))
            continue
        remedy = f"\n    → {finding.remedy}" if finding.remedy else ""
        out.print(f"{marks[finding.state]} {finding.subject:9} {escape(finding.text + remedy)}")
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Run a command. What an operator did wrong is told in a few lines, never as a stack trace."""
    configure_logging()
    try:
        app()
    except FirstlineError as error:
        err.print(str(error), style="red", markup=False)
        sys.exit(2)


def _end_with(problems: tuple[Problem, ...], *, as_json: bool) -> NoReturn:
    """Name every mistake on standard output, and end with exit code 1."""
    if as_json:
        rows = [
            {"path": str(each.path or ""), "line": each.line, "what": each.what, "remedy": each.remedy}
            for each in problems
        ]
        print(json.dumps({"problems": rows}, ensure_ascii=False))
    else:
        for problem in problems:
            out.print(str(problem), markup=False)
        err.print(f"{len(problems)} mistake{'s' if len(problems) > 1 else ''}", style="red")
    raise typer.Exit(1)


def _listen(settings: Settings) -> socket.socket:
    """The socket, taken before anything else is done: a port in use is said at once."""
    sock = open_socket(settings)
    try:
        sock.bind((settings.host, settings.port))
        sock.listen(2048)
    except OSError as error:
        sock.close()
        where = f"{settings.host}:{settings.port}"
        raise ConfigError(Problem(f"{where} cannot be used: {error.strerror}", advise_socket(error))) from None
    return sock


def _announce(service: Service, sock: socket.socket) -> None:
    """Where it is to be found, and who speaks."""
    first = next(iter(service.engines.values()))
    host, port = sock.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    err.print(f"[bold]Firstline[/bold] serves {', '.join(service.engines)} as {escape(first.bundle.assistant.name)}")
    pages = {"chat": "/", "inbox": "/inbox", "report": "/report", "widget": "/embed", "API": "/docs"}
    for what, path in pages.items():
        err.print(f"  {what:8} {address}{path}")
    if first.model.offline:
        err.print("  [yellow]The offline model answers, from the bundle. Set ANTHROPIC_API_KEY for Claude.[/yellow]")


def _tell_revision(service: Service, path: Path) -> str:
    """Which revision new conversations get, and how the folder differs from it."""
    name = path.resolve().name
    publication = service.engines.offered(name).publication
    if publication is None:
        return f"  {name}: the folder as it is, revision {service.engines[name].bundle.revision}"
    trial = len(publication.shares) > 1
    shares = (f"{revision} ({share:.4g})" if trial else revision for revision, share in publication.shares.items())
    when = f"{publication.at.astimezone():%d %b %Y}"
    told = f"  {name}: revision {', '.join(shares)}, published {when} by {publication.by}"
    if name in service.engines.problems:
        told += f"; {service.engines.problems[name]}"
    if path.is_dir() and hash_revision(path, find_files(path)) not in publication.shares:
        told += "; the folder has changes that are not published (--draft serves them)"
    return told


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
