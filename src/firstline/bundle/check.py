"""What must be true between the parts of a bundle: every name that one part uses exists in another."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar, cast

from jinja2 import Environment, TemplateSyntaxError

from firstline import second_ear
from firstline.bundle import Example, Playbook, PlaybookKind
from firstline.bundle.mistakes import suggest
from firstline.bundle.shapes import BundleFile
from firstline.bundle.yaml_lines import Document
from firstline.errors import Problem, ToolRejected
from firstline.tools import Tool
from firstline.tools.schema import validate_arguments
from firstline.types import Json, Locale, LocalText

Part = TypeVar("Part")
_NEEDED_KINDS: tuple[PlaybookKind, ...] = ("greet", "answer", "decline")
_SPEAKING_KINDS: tuple[PlaybookKind, ...] = ("greet", "decline", "hand_off")
_CALL = re.compile(r"(\S+)\s*(\{.*\})", re.DOTALL)


@dataclass(frozen=True)
class Sourced(Generic[Part]):
    """A part together with the document it was read from."""

    value: Part
    document: Document

    def problem(self, what: str, remedy: str, *place: str | int) -> Problem:
        return Problem(what, remedy, self.document.path, self.document.line(place))


@dataclass(frozen=True)
class Draft:
    """A bundle as far as it could be read. `tools` None: they could not be, or were not wanted."""

    path: Path
    locales: tuple[Locale, ...]
    head: Document
    bundle: BundleFile | None
    playbook_ids: tuple[str, ...]
    playbooks: tuple[Sourced[Playbook], ...]
    examples: tuple[Sourced[Example], ...]
    tools: Mapping[str, Tool] | None


def check_draft(draft: Draft) -> list[Problem]:
    """Every mistake between the parts; names in parts that could not be read themselves count as known."""
    return [
        *_check_head(draft),
        *_check_playbooks(draft),
        *(problem for example in draft.examples for problem in _check_example(example, draft)),
        *(problem for tool in (draft.tools or {}).values() for problem in _check_tool(tool, draft)),
    ]


def _check_head(draft: Draft) -> Iterator[Problem]:
    if draft.bundle is None:
        return
    head = Sourced(draft.bundle, draft.head)
    folder = draft.path.resolve().name
    if head.value.name != folder:
        what = f"`name` is {head.value.name}, but the folder is called {folder}"
        yield head.problem(what, "give both the same name", "name")
    for index, starter in enumerate(head.value.starters):
        if starter.playbook not in draft.playbook_ids:
            what = f"a starter names the playbook `{starter.playbook}`, which is not there"
            yield head.problem(what, suggest(starter.playbook, draft.playbook_ids), "starters", index, "playbook")
    seen: set[str] = set()
    for index, customer in enumerate(head.value.demo_customers):
        if customer.id in seen:
            yield head.problem(f"two demo customers are called `{customer.id}`", "keep one", "demo_customers", index)
        seen.add(customer.id)
    picture = head.value.assistant.picture
    if picture is not None and not _is_inside(draft.path, picture):
        what = f"there is no file `{picture}` in the bundle"
        yield head.problem(what, "give its path relative to the bundle's folder", "assistant", "picture")


def _is_inside(folder: Path, relative: str) -> bool:
    file = (folder / relative).resolve()
    return file.is_relative_to(folder.resolve()) and file.is_file()


def _check_playbooks(draft: Draft) -> Iterator[Problem]:
    if len(draft.playbooks) == len(draft.playbook_ids):
        there = {each.value.kind for each in draft.playbooks}
        for kind in _NEEDED_KINDS:
            if kind not in there:
                remedy = f"write playbooks/{kind}.md with `kind: {kind}` (docs/bundle.md shows one)"
                yield Problem(f"no playbook is of the kind {kind}", remedy, draft.path / "playbooks")
    for playbook in draft.playbooks:
        if playbook.value.kind in _SPEAKING_KINDS and playbook.value.say is None:
            what = f"a playbook of the kind {playbook.value.kind} has no `say`"
            yield playbook.problem(what, "add what is said without a model: one or two sentences")
        for index, name in enumerate(playbook.value.tools if draft.tools is not None else ()):
            if name not in (draft.tools or {}):
                remedy = suggest(name, draft.tools or {}, otherwise="declare it in tools.py")
                yield playbook.problem(f"there is no tool `{name}`", remedy, "tools", index)


def _check_example(example: Sourced[Example], draft: Draft) -> Iterator[Problem]:
    if example.value.playbook not in draft.playbook_ids:
        what = f"there is no playbook `{example.value.playbook}`"
        yield example.problem(what, suggest(example.value.playbook, draft.playbook_ids), "playbook")
    if example.value.locale not in draft.locales:
        what = f"`{example.value.locale}` is no language of this bundle"
        yield example.problem(what, suggest(example.value.locale, draft.locales), "locale")
    for index, line in enumerate(example.value.lines):
        found = None
        if not line.text:
            found = ("nothing stands here", "write what is said")
        elif line.who == "tool_call":
            found = _check_call(line.text, example, draft)
        elif line.who == "tool_result" and _read_json(line.text) is None:
            found = ("the tool result is no JSON object", 'write it like {"status": "paid"}')
        if found is not None:
            yield example.problem(*found, "lines", index)


def _check_call(text: str, example: Sourced[Example], draft: Draft) -> tuple[str, str] | None:
    call = _CALL.fullmatch(text)
    arguments = _read_json(call[2]) if call else None
    if call is None or arguments is None:
        return "the tool call cannot be read", 'write it like `Tool call: get_order {"number": 1}`, in JSON'
    if draft.tools is None:
        return None
    name = call[1]
    if name not in draft.tools:
        return f"there is no tool `{name}`", suggest(name, draft.tools, otherwise="declare it in tools.py")
    allowed = next((each.value.tools for each in draft.playbooks if each.value.id == example.value.playbook), None)
    if allowed is not None and name not in allowed:
        return (
            f"the playbook `{example.value.playbook}` may not call `{name}`",
            "add it to the playbook's `tools`",
        )
    try:
        validate_arguments(draft.tools[name], arguments)
    except ToolRejected as error:
        return f"the arguments do not fit `{name}`: {error}", "make the example a call that would work"
    return None


def _read_json(text: str) -> Json | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("Json", value) if isinstance(value, dict) else None


def _check_tool(tool: Tool, draft: Draft) -> Iterator[Problem]:
    path, line = _find_tool(tool, draft.path)
    declaration = tool.declaration
    if tool.name == second_ear.NAME:
        what = f"`{tool.name}` is the name of the tool with which the assistant brings in a person"
        yield Problem(what, "give yours another name", path, line)
    texts = {"label": declaration.label, "say": declaration.say}
    texts |= {f"slots[{name!r}].ask": slot.ask for name, slot in declaration.slots.items()}
    for name, text in texts.items():
        if text is not None and (missing := _find_missing(text, draft.locales)):
            languages = ", ".join(missing)
            yield Problem(f"`{name}` of `{tool.name}` has no text in {languages}", "add it", path, line)
    for locale, template in (declaration.say or {}).items():
        try:
            Environment(autoescape=False).parse(template)  # noqa: S701 - Markdown, not HTML; nothing is rendered
        except TemplateSyntaxError as error:
            what = f"`say` of `{tool.name}` in {locale} is no Jinja template: {error.message}"
            yield Problem(what, "correct it; the result's keys are its variables", path, line)


def _find_missing(text: LocalText, locales: tuple[Locale, ...]) -> list[Locale]:
    return [locale for locale in locales if not text.get(locale, "").strip()]


def _find_tool(tool: Tool, folder: Path) -> tuple[Path, int]:
    """The file and line of the tool's `def`, as near as a look at tools.py tells."""
    path = folder / "tools.py"
    source = path.read_text("utf-8", errors="replace") if path.is_file() else ""
    found = re.search(rf"^(async )?def {re.escape(tool.name)}\b", source, re.MULTILINE)
    return path, source.count("\n", 0, found.start()) + 1 if found else 1
