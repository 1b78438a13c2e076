"""What there is to draw of a bundle, as words: rows of playbooks in groups by how they end. No geometry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from firstline.bundle import Bundle, Playbook, PlaybookKind
from firstline.drawing.words import say
from firstline.tools import Effect, Tool
from firstline.types import Locale, choose_text

Outcome = Literal["reply", "decline", "person"]
OUTCOMES: tuple[Outcome, ...] = ("reply", "decline", "person")
OUTCOME_OF: Mapping[PlaybookKind, Outcome] = {
    "greet": "reply",
    "answer": "reply",
    "act": "reply",
    "decline": "decline",
    "hand_off": "person",
}
EFFECTS: tuple[Effect, ...] = ("read", "write", "money")


@dataclass(frozen=True)
class Means:
    """What a playbook works with. `effect` is None for what is no tool: the knowledge, or a tool not loaded."""

    name: str
    label: str
    effect: Effect | None = None
    needs_sign_in: bool = False
    limit: str = ""
    """Above which amount a person decides; empty without a limit."""


@dataclass(frozen=True)
class Row:
    title: str
    kind: str
    means: tuple[Means, ...] = ()
    certain: bool = True
    """False for the row that stands for no playbook at all."""


@dataclass(frozen=True)
class Group:
    """Playbooks that end alike. A group may be empty: a person is there even when no playbook leads to one."""

    outcome: Outcome
    title: str
    note: str
    rows: tuple[Row, ...]


def plan_bundle(bundle: Bundle, locale: Locale) -> tuple[Group, ...]:
    """The groups in the order reply, decline, person; without `decline` when no playbook declines."""
    rows: dict[Outcome, list[Row]] = {outcome: [] for outcome in OUTCOMES}
    for playbook in bundle.playbooks.values():
        rows[OUTCOME_OF[playbook.kind]].append(_plan_row(bundle, playbook, locale))
    rows["reply"].append(Row(say("unsure", locale), say("unsure_note", locale), certain=False))
    return tuple(
        Group(outcome, say(outcome, locale), say(f"{outcome}_note", locale), tuple(rows[outcome]))
        for outcome in OUTCOMES
        if rows[outcome] or outcome == "person"
    )


def story_of(groups: tuple[Group, ...], locale: Locale) -> str:
    """The same in sentences, for whoever does not see the picture."""
    steps = [say(step, locale) for step in ("message", "screen", "route")]
    told = [" → ".join(steps) + "."]
    for group in groups:
        told += [_tell_row(row, group, locale) for row in group.rows]
    return " ".join([*told, f"{say('person', locale)}: {say('any_time', locale)}."])


def notes_of(means: Means, locale: Locale) -> list[str]:
    """What must be known of a tool beside its name: effect, sign-in, limit."""
    effect = [say(means.effect, locale)] if means.effect else []
    signed_in = [say("sign_in", locale)] if means.needs_sign_in else []
    return [*effect, *signed_in, *([means.limit] if means.limit else [])]


def all_means(groups: tuple[Group, ...]) -> dict[str, Means]:
    """Each tool once, by name, in the order in which playbooks name them."""
    return {means.name: means for group in groups for row in group.rows for means in row.means}


def _plan_row(bundle: Bundle, playbook: Playbook, locale: Locale) -> Row:
    kind = "declines" if playbook.kind == "decline" else playbook.kind
    means = [_plan_tool(name, bundle.tools.get(name), locale) for name in playbook.tools]
    pages = sum(article.locale == _locale_of_pages(bundle, locale) for article in bundle.articles)
    means = sorted(means, key=lambda each: EFFECTS.index(each.effect) if each.effect else len(EFFECTS))
    knowledge = [Means("", say("pages", locale, count=pages))] if playbook.kind == "answer" and pages else []
    return Row(choose_text(playbook.title, locale), say(kind, locale), (*knowledge, *means))


def _locale_of_pages(bundle: Bundle, locale: Locale) -> Locale:
    return next((each for each in (locale, locale.split("-")[0]) if each in bundle.locales), bundle.locale)


def _plan_tool(name: str, tool: Tool | None, locale: Locale) -> Means:
    if tool is None:
        return Means(name, name)
    declared = tool.declaration
    limit = declared.approval_above
    return Means(
        name=name,
        label=choose_text(declared.label, locale),
        effect=declared.effect,
        needs_sign_in=declared.requires == "verified",
        limit=say("over", locale, usd=_write_usd(limit.usd)) if limit else "",
    )


def _tell_row(row: Row, group: Group, locale: Locale) -> str:
    means = "; ".join(f"{each.label}{_in_brackets(notes_of(each, locale))}" for each in row.means)
    return f"{row.title} ({row.kind}){': ' + means if means else ''} → {group.title}."


def _in_brackets(notes: list[str]) -> str:
    return f" ({', '.join(notes)})" if notes else ""


def _write_usd(amount: float) -> str:
    return f"{amount:,.2f}".removesuffix(".00")
