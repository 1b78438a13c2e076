"""What the documents say is so: their code runs, their commands and options exist, their links lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main

from firstline import cli, events
from firstline.errors import RequestError
from firstline.model.prices import load_listings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:\.venv/bin/)?firstline ([a-z].*)")
FOLDERS = ("src", "tests", "docs", "bundles", "bench")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks_of(page: Path, language: str) -> list[str]:
    return [code for name, code in FENCE.findall(read(page)) if name == language]


def spans_of(page: Path) -> list[str]:
    """Code within the text."""
    return SPAN.findall(FENCE.sub("", read(page)))


def name_page(page: Path) -> str:
    return str(page.relative_to(ROOT))


EXAMPLES = [
    pytest.param(code, id=f"{name_page(page)}-{number}")
    for page in PAGES
    for number, code in enumerate(blocks_of(page, "python"), start=1)
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_in_python_runs(code: str, tmp_path: Path):
    """In a folder of its own, in which only `bundles` of this repository is to be found."""
    (tmp_path / "bundles").symlink_to(ROOT / "bundles")
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    place = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-W", "error", "example.py"]
    ran = subprocess.run(command, cwd=tmp_path, env=place, capture_output=True, timeout=50, check=False)

    assert ran.returncode == 0, ran.stderr.decode()[-2000:]


# Commands -----------------------------------------------------------------------------------------------------------


def commands_of(page: Path) -> Iterator[str]:
    """What a reader would type after `firstline`."""
    lines = [line for name, code in FENCE.findall(read(page)) if name != "python" for line in code.splitlines()]
    for text in (*lines, *spans_of(page)):
        if found := COMMAND.match(text.strip()):
            yield found[1]


COMMANDS = sorted({(name_page(page), command) for page in PAGES for command in commands_of(page)})


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_command_in_the_documents_exists_with_its_options(page: str, command: str):
    name, *rest = shlex.split(command, comments=True)
    known: Any = typer.main.get_command(cli.app)
    assert name in known.commands, f"{page}: there is no `firstline {name}`"
    found = known.commands[name]
    while hasattr(found, "commands"):
        assert rest and rest[0] in found.commands, f"{page}: `firstline {command}`"
        found = found.commands[rest.pop(0)]
    options = {each for parameter in found.params for each in parameter.opts}
    given = [each for each in rest if each.startswith("-")]
    values = {rest[at + 1] for at, each in enumerate(rest[:-1]) if each in given and "=" not in each}

    assert not [each for each in given if each.split("=")[0] not in options]
    takes = [each.nargs for each in found.params if each.param_type_name == "argument"]
    assert -1 in takes or len([each for each in rest if each not in given and each not in values]) <= sum(takes)


def test_the_documents_have_commands_to_look_at():
    assert len(COMMANDS) > 8 and len(EXAMPLES) > 6


def test_make_targets_and_modules_that_are_named_exist():
    targets = re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE)
    for page in PAGES:
        text = read(page)
        for target in re.findall(r"`make ([a-z-]+)", text) + re.findall(r"^make ([a-z-]+)", text, re.MULTILINE):
            assert target in targets, f"{name_page(page)}: make {target}"
        for module in re.findall(r"python -m ([a-z_.]+)", text):
            path = ROOT / Path(*module.split("."))
            found = path.with_suffix(".py").exists() or path.is_dir() or (ROOT / "src" / module).is_dir()
            assert found or module in ("pytest", "venv"), f"{name_page(page)}: python -m {module}"


# Links and names ----------------------------------------------------------------------------------------------------


def test_relative_links_lead_to_files():
    gone = [
        f"{name_page(page)}: {target}"
        for page in PAGES
        for target in LINK.findall(SPAN.sub("", FENCE.sub("", read(page))))
        if not re.match(r"[a-z]+:|#", target) and not (page.parent / target.split("#")[0]).exists()
    ]
    assert not gone


def test_files_that_are_named_exist():
    gone = [
        f"{name_page(page)}: {span}"
        for page in PAGES
        for span in spans_of(page)
        if re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/[\w./-]+", span) and not (ROOT / span).exists()
    ]
    assert not gone


def test_modules_and_what_is_in_them_are_there_under_these_names():
    named = {
        (name_page(page), span)
        for page in PAGES
        for span in spans_of(page)
        if re.fullmatch(r"firstline(?:\.\w+)+", span)
    }
    assert named
    assert not [(page, name) for page, name in named if not _resolves(name)]


def _resolves(name: str) -> bool:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def test_settings_that_are_named_exist():
    from firstline.config import Settings

    known = {f"FIRSTLINE_{name.upper()}" for name in Settings.model_fields}
    named = {(name_page(page), name) for page in PAGES for name in re.findall(r"FIRSTLINE_[A-Z_]+[A-Z]", read(page))}

    assert not [(page, name) for page, name in named if name not in known]


# One page each ------------------------------------------------------------------------------------------------------


STAFF_ONLY = {
    "approval.requested", "approval.decided", "note.posted", "correction.posted", "mood.judged", "record.changed",
}  # fmt: skip


def test_the_api_page_names_every_event_of_the_stream_and_every_code():
    page = read(ROOT / "docs" / "api.md")
    pages = page + "".join(read(ROOT / "docs" / f"{name}.md") for name in ("inbox", "desk", "report"))
    kinds = {each.model_fields["type"].default for each in events.Event.__args__}
    unseen = {"conversation.started", "customer.identified", "guardrail.ran", "route.chosen", "passages.retrieved"}
    shown = kinds - unseen - {"model.replied"}
    frames = {each.__dataclass_fields__["type"].default for each in events.Frame.__args__} | {"reset"}

    assert not [name for name in (shown | frames) - STAFF_ONLY if f"`{name}`" not in page]
    codes = re.compile(r"(?:RequestError|_Refused)\(\s*\d{3}, \"(\w+)\"|_answer\(request, \d{3}, \"(\w+)\"")
    sources = [read(path) for path in (ROOT / "src" / "firstline" / "service").glob("*.py")]
    raised = {first or second for source in sources for first, second in codes.findall(source)}
    assert len(raised) > 15 and issubclass(RequestError, Exception)
    assert not [code for code in raised - {"disconnected"} if f"`{code}`" not in pages]


def test_the_api_page_names_every_route_of_a_customer():
    page = read(ROOT / "docs" / "api.md")
    sources = [read(path) for path in (ROOT / "src" / "firstline" / "service").glob("*.py")]
    routes = {
        (method.upper(), path)
        for source in sources
        for method, path in re.findall(r"@router\.(get|post|delete)\(\"/\{conversation_id\}(/[^\"]*)", source)
    }
    assert len(routes) >= 10
    assert not [route for route in routes if f"`{route[0]} …{route[1]}" not in page]


def test_the_page_about_claude_names_models_with_prices():
    named = set(re.findall(r"claude-[a-z]+-\d-\d", read(ROOT / "docs" / "claude.md")))

    assert named and named <= set(load_listings())


def test_the_examples_of_the_api_run_against_a_local_server(tmp_path: Path):
    (script,) = blocks_of(ROOT / "docs" / "api.md", "sh")
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("FIRSTLINE_", "ANTHROPIC_"))}
    place = {**bare, "FIRSTLINE_PORT": "0", "FIRSTLINE_DATA": str(tmp_path), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "firstline", "serve", str(ROOT / "bundles" / "acme")]
    with subprocess.Popen(command, env=place, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        try:
            assert server.stderr is not None
            told = next(line for line in server.stderr if "chat" in line)
            shell = ["bash", "-euo", "pipefail", "-c", script]
            base = {**place, "BASE": told.split()[-1].rstrip("/")}
            ran = subprocess.run(shell, env=base, capture_output=True, text=True, timeout=40, check=False)
        finally:
            server.terminate()

    assert ran.returncode == 0, ran.stderr + server.stderr.read()
    for word in ('"replied"', "event: message.posted", "event: turn.ended", '"waiting"', '"open"'):
        assert word in ran.stdout
