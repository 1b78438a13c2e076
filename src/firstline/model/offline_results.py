"""Telling what came of a call or of a confirmed action, in the bundle's words; figures stand as the tool gave them.

Imported by `firstline.model.offline*` only.
"""

import re
from functools import lru_cache
from typing import Any, cast

from jinja2 import Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from firstline.bundle import Bundle
from firstline.model.note import ActionResult
from firstline.model.offline_arguments import Argument, Arguments
from firstline.model.offline_dialogue import Call, CallOutcome, read_outcome
from firstline.model.offline_reply import Answer, Voice
from firstline.types import Json

_LONGEST_DETAIL_CHARS = 60
_BLANK_LINES = re.compile(r"\n{3,}")
_JINJA = SandboxedEnvironment(autoescape=False)


def tell_result(bundle: Bundle, name: str, result: Any, voice: Voice, *, again: bool = False) -> Answer:
    """A result by the tool's `say`; without one, that it is done. again: after a change, said in a word."""
    text = _render(bundle, name, result, voice)
    if text is None:
        tool = bundle.tools.get(name)
        text = voice.say("done", label=voice.text(tool.declaration.label) if tool else name)
    return voice.sentences(voice.say("again") if again else "", text)


def tell_trouble(call: Call, voice: Voice) -> str:
    """Why there is no result, in words for the customer."""
    if call.outcome == "waiting":
        status = cast("Json", call.result).get("status")
        return voice.say("waiting" if status == "waiting_for_confirmation" else "waiting_approval")
    return _tell_error(call.outcome, call.result, call.text, voice)


def tell_details(arguments: Arguments, call: Call, voice: Voice) -> str:
    """What an action will be done with, by the names on its card; a long text stands on the card alone."""
    written = ((argument, call.arguments[name]) for name, argument in arguments.items() if name in call.arguments)
    short = [(one, value) for one, value in written if len(str(value)) <= _LONGEST_DETAIL_CHARS]
    return voice.say("joint").join(_name(one, value, voice) for one, value in short)


def _name(argument: Argument, value: Any, voice: Voice) -> str:
    label = voice.text(argument.slot.label) if argument.slot.label else argument.name.replace("_", " ")
    named = argument.slot.names.get(value) if isinstance(value, str) else None
    shown = voice.text(named) if named else str(value)
    return voice.say("detail", label=label, value=shown)


def tell_action(bundle: Bundle, action: ActionResult, voice: Voice) -> str:
    """What came of an action that was confirmed, declined, or waits for somebody's approval."""
    if action.outcome == "ok":
        return tell_result(bundle, action.tool, action.result, voice).parts[0].text
    if action.outcome == "declined":
        return voice.say("declined")
    if action.outcome == "waiting_for_approval":
        return voice.say("waiting_approval")
    if action.outcome in ("not_approved", "approval_expired"):
        return voice.say(action.outcome)
    _, text = read_outcome(action.result, broken=True) if action.result is not None else ("failed", "")
    return _tell_error(action.outcome, action.result, text, voice)


def _tell_error(outcome: CallOutcome, result: Any, text: str, voice: Voice) -> str:
    if outcome == "rejected" and text:
        return text
    if outcome == "needs_sign_in":
        return voice.say("needs_sign_in")
    return voice.say("outcome_unknown" if outcome == "unknown" else "failed")


def _render(bundle: Bundle, name: str, result: Any, voice: Voice) -> str | None:
    tool = bundle.tools.get(name)
    if tool is None or not tool.declaration.say:
        return None
    fields = cast("Json", result) if isinstance(result, dict) else {"result": result}
    try:
        text = _template(voice.text(tool.declaration.say)).render(fields).strip()
    except (TemplateError, TypeError, ValueError):
        return None
    return _BLANK_LINES.sub("\n\n", text) or None


@lru_cache(maxsize=256)
def _template(source: str) -> Template:
    return _JINJA.from_string(source)
