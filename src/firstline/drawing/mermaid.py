"""A bundle as the text of a Mermaid flowchart, for pages that draw it themselves (GitHub, wikis)."""

from collections.abc import Iterator
from itertools import chain

from firstline.bundle import Bundle
from firstline.drawing.plan import Group, Means, all_means, notes_of, plan_bundle
from firstline.drawing.words import say
from firstline.language import right_to_left
from firstline.types import Locale

_SHAPES = {"read": ('(["', '"])'), "write": ('["', '"]'), "money": ('{{"', '"}}'), None: ('[/"', '"/]')}
_ENTITIES = {ord(letter): f"#{ord(letter)};" for letter in '"#<>&`\\'}


def describe_bundle(bundle: Bundle, locale: Locale) -> str:
    """Mermaid: the same as `draw_bundle` shows, each tool once. Nothing of the bundle's own is read as Mermaid."""
    groups = plan_bundle(bundle, locale)
    tools = {name: f"t{number}" for number, name in enumerate(all_means(groups), start=1)}
    lines = [
        f"flowchart {'RL' if right_to_left(locale) else 'LR'}",
        f'message(["{_escape(say("message", locale))}"]) --> screen["{_escape(say("screen", locale))}"]',
        f'screen --> route{{"{_escape(say("route", locale))}"}}',
        *(f'{group.outcome}[["{_escape(group.title)}<br/>{_escape(group.note)}"]]' for group in groups),
        *(_write_tool(tools[name], means, locale) for name, means in all_means(groups).items()),
        *chain.from_iterable(_write_rows(group, tools, number) for number, group in enumerate(groups, start=1)),
        f'route -. "{_escape(say("any_time", locale))}" .-> person',
    ]
    return "\n    ".join(lines) + "\n"


def _write_tool(node: str, means: Means, locale: Locale) -> str:
    opens, closes = _SHAPES[means.effect]
    notes = "".join(f"<br/>{_escape(note)}" for note in notes_of(means, locale))
    return f"{node}{opens}{_escape(means.label)}{notes}{closes}"


def _write_rows(group: Group, tools: dict[str, str], number: int) -> Iterator[str]:
    """A playbook, the way to it, and the ways on: by its tools, or straight to how it ends."""
    for place, row in enumerate(group.rows, start=1):
        node = f"p{number}_{place}"
        arrow = "-->" if row.certain else "-.->"
        yield f'route {arrow} {node}["{_escape(row.title)}<br/>{_escape(row.kind)}"]'
        yield f"{node} {arrow} {group.outcome}"
        yield from (f"{node} --- {tools[each.name]}" for each in row.means)


def _escape(text: str) -> str:
    """What stands between quotes as it is, on one line."""
    return " ".join(text.translate(_ENTITIES).split())
