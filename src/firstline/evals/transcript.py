"""A recorded trial as a reader sees it: act by act what was said, what the assistant did for it, what was expected,
and how it was scored. Values for a template that escapes them; the only HTML is the replies', by `firstline.markup`.
"""

import json
from collections.abc import Iterator, Sequence
from typing import cast

from firstline.evals.metrics import Scored
from firstline.evals.sheet import cost_of, models_of
from firstline.evals.wording import NAMES
from firstline.events import (
    ApprovalRequested,
    ConfirmationDecided,
    ConfirmationRequested,
    ConversationClosed,
    Event,
    GuardrailRan,
    HandoffOffered,
    HandoffRequested,
    MessagePosted,
    ModelReplied,
    PassagesRetrieved,
    RouteChosen,
    ToolCalled,
    ToolReturned,
    TurnEnded,
)
from firstline.language import right_to_left
from firstline.markup import render_html
from firstline.scoring import Score
from firstline.scoring.case import Case, Press
from firstline.scoring.trial import Trial
from firstline.types import Card, Json, Message

MOST_CHARS = 2_000
BUTTONS: dict[Press, str] = {
    "confirm": "Confirm",
    "decline": "Decline",
    "person": "Talk to a person",
    "resume": "Go on with the assistant",
    "end": "End this conversation",
}
_AS_USUAL = ("end_turn", "tool_use")
_OF_A_CALL = ("tool", "arguments")

Shown = Json


def show_trial(scored: Scored) -> Shown:
    """One side of a trial: its acts with their checks, those of the whole conversation, what it took."""
    trial = scored.trial
    return {
        "acts": [_show_act(scored, act) for act in range(len(trial.acts))],
        "checks": [_show_check(score) for score in scored.scores if score.act is None],
        "models": ", ".join(sorted(models_of(trial))),
        "seconds": f"{trial.seconds:.1f} s",
        "cost": f"${cost_of(trial):.4f}" if cost_of(trial) else "",
        "error": trial.error or "",
    }


def show_case(case: Case) -> Shown:
    """What the case is, beside its turns."""
    whole = _show_fields(case.expect.model_dump(mode="json", exclude_defaults=True))
    played = _show_fields(case.simulated.model_dump(mode="json", exclude_defaults=True)) if case.simulated else []
    setting = case.model_dump(mode="json", exclude_defaults=True, include={"signed_in_as", "now", "faults"})
    return {
        "id": case.id,
        "tags": [*case.tags, case.locale],
        "direction": "rtl" if right_to_left(case.locale) else "ltr",
        "expected": whole,
        "played": played,
        "setting": _show_fields(setting),
    }


def _show_act(scored: Scored, act: int) -> Shown:
    trial = scored.trial
    items = list(_show_events(trial.events_of(act)))
    if not items:
        items = [_step("pressed", _name_press(trial, act), "there was no such button")]
    turn = trial.case.turns[act] if act < len(trial.case.turns) else None
    return {
        "items": items,
        "expected": _show_fields(turn.expect.model_dump(mode="json", exclude_defaults=True)) if turn else [],
        "checks": [_show_check(score) for score in scored.scores if score.act == act],
    }


def _show_check(score: Score) -> Shown:
    return {"name": NAMES[score.criterion], "ok": score.ok, "why": score.why}


def _name_press(trial: Trial, act: int) -> str:
    press = trial.case.turns[act].press if act < len(trial.case.turns) else None
    return BUTTONS[press] if press else "a button"


# What happened ------------------------------------------------------------------------------------------------------


def _show_events(events: Sequence[Event]) -> Iterator[Shown]:
    for event in events:
        if isinstance(event, MessagePosted):
            yield _show_message(event.message)
        elif isinstance(event, ToolReturned):
            yield _step("returned", f"{event.tool}: {event.outcome}", "", _write_json(event.result))
            if event.card is not None:
                yield _show_card(event.card)
        elif (step := _show_step(event)) is not None:
            yield step


def _show_message(message: Message) -> Shown:
    """The customer's text as it was written; a reply as the customer saw it, its marks without links."""
    shown: Shown = {"kind": "message", "author": message.author, "text": message.text}
    if message.author == "customer":
        return shown
    cited = [{"title": each.title, "url": each.url, "quote": each.quote} for each in message.citations]
    return {**shown, "html": render_html(message.text), "citations": cited, "cut_off": message.cut_off}


def _show_card(card: Card) -> Shown:
    rows = [(row.label, row.value) for row in card.rows]
    return {"kind": "card", "title": card.title, "amount": card.amount or "", "rows": rows, "note": card.note or ""}


def _show_step(event: Event) -> Shown | None:
    """Something that the assistant did, in one line; None for what tells a reader nothing."""
    match event:
        case RouteChosen():
            second = f", then {event.runner_up}" if event.runner_up else ""
            person = "; wants a person" if event.wants_human else ""
            playbook = event.playbook or "unsure"
            return _step("understood as", playbook, f"{event.score:.2f}{second}; {event.locale}{person}")
        case PassagesRetrieved():
            titles = "\n".join(f"{each.title}\n    {each.url}" for each in event.passages)
            return _step("looked up", f"{len(event.passages)} passages", "failed" if event.failed else "", titles)
        case GuardrailRan(stage="input"):
            blocked = event.verdict.decision == "block"
            return _step("held back", event.verdict.guardrail, event.verdict.reason) if blocked else None
        case GuardrailRan():
            return _step("withheld", event.verdict.guardrail, event.verdict.reason, event.excerpt)
        case ToolCalled():
            return _step("called", event.tool, "", _write_json(event.arguments))
        case ModelReplied():
            spent = f"{event.usage.total_tokens:,} tokens, ${event.cost_usd:.4f}" if event.cost_usd else ""
            stopped = "" if event.stop_reason in _AS_USUAL else event.stop_reason
            return _step("replied", event.model, "; ".join(filter(None, (stopped, spent))))
        case TurnEnded():
            return None if event.outcome == "replied" else _step("ended", event.outcome, event.code or "")
        case _:
            return _show_move(event)


def _show_move(event: Event) -> Shown | None:
    """A card, a button, or a hand-off."""
    match event:
        case ConfirmationRequested():
            return _step("asked to confirm", event.tool, event.label, _write_json(event.arguments))
        case ConfirmationDecided():
            return _step("pressed", BUTTONS[event.decision], "")
        case ApprovalRequested():
            return _step("asked for approval", event.tool, event.label, _write_json(event.arguments))
        case HandoffOffered():
            return _step("offered a person", event.reason, "")
        case HandoffRequested():
            return _step("passed on", event.reason, event.package.summary if event.package else "with nothing")
        case ConversationClosed():
            return _step("closed", f"by the {event.by}", "")
        case _:
            return None


def _step(did: str, what: str, how: str, more: str = "") -> Shown:
    return {"kind": "step", "did": did, "what": what, "how": how, "more": _cut(more)}


def _cut(text: str) -> str:
    return (
        text if len(text) <= MOST_CHARS else f"{text[:MOST_CHARS]} … and {len(text) - MOST_CHARS:,} characters more"
    )


# Values in words ----------------------------------------------------------------------------------------------------


def _show_fields(body: Json) -> list[tuple[str, str]]:
    return [(key.replace("_", " "), _write(value)) for key, value in body.items()]


def _write(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(map(_write, cast("list[object]", value))) or "none"
    if isinstance(value, dict):
        return _write_fields(cast("Json", value))
    return str(value)


def _write_fields(body: Json) -> str:
    """A tool with its arguments, or names with their values."""
    if "tool" in body:
        rest = {**body.get("arguments", {}), **{key: each for key, each in body.items() if key not in _OF_A_CALL}}
        return f"{body['tool']} ({_write_fields(rest)})" if rest else str(body["tool"])
    return ", ".join(f"{key}: {_write(each)}" for key, each in body.items())


def _write_json(value: object) -> str:
    """Nothing for nothing, such as a call without arguments."""
    return "" if value in ({}, None) else json.dumps(value, ensure_ascii=False, indent=1, default=str)
