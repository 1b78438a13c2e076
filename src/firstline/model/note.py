"""The operator's note: the small, late part of a turn's user message, written by `prompt`, read by the models.

It is the first text block of the message. Text of others never can stand in for it: `fence` takes the tags out
of everything that customers, tools and documents bring.
"""

import json
import re
from typing import Any, Literal

from pydantic import AwareDatetime

from firstline.types import Json, Locale, PlaybookId, Value

_TAG = re.compile(
    r"<(?=[\s/]*(?:turn|instructions|withheld|system|example|policy|context|knowledge)\b)", re.IGNORECASE
)
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)


class ActionResult(Value):
    """What came of an action that the customer confirmed or declined with the button, or a human agent decided on."""

    tool: str
    arguments: Json
    outcome: Literal[
        "ok",
        "rejected",
        "failed",
        "denied",
        "declined",
        "unknown",
        "waiting_for_approval",
        "not_approved",
        "approval_expired",
    ]
    result: Any = None


class Note(Value):
    """What holds for this turn. `playbook` None: the router was not sure. `tools`: what may be called."""

    locale: Locale
    playbook: PlaybookId | None
    now: AwareDatetime
    tools: tuple[str, ...]
    signed_in: bool = False
    customer_name: str = ""
    people_available: bool = False
    wants_human: bool = False
    wish_heard: bool = False
    """All of the text was written while a person was to answer: no wish for one in it is heard again."""
    blocked: bool = False
    actions: tuple[ActionResult, ...] = ()
    team: tuple[str, ...] = ()
    """What was said between people of the business and the customer since the assistant last spoke, in order."""


class Withheld(Value):
    """A sentence that was not shown, and why; the reply goes on after what was shown."""

    sentence: str
    reason: str


def fence(text: str, *, limit: int) -> str:
    """`text` as harmless data: no tags of ours, nothing unseen, at most `limit` characters."""
    clean = _TAG.sub("‹", _UNSEEN.sub("", text))
    return clean if len(clean) <= limit else clean[:limit] + " […]"


def write_note(note: Note, instructions: str) -> Json:
    """The text block that carries the note."""
    holds = _write(note.model_dump_json(exclude_defaults=True))
    text = f"<turn>\n{holds}\n</turn>\n<instructions>\n{instructions}\n</instructions>"
    return {"type": "text", "text": text}


def _write(written: str) -> str:
    """JSON in which no tag and nothing unseen stands; escaped they are the same text to whoever reads the JSON."""
    safe = _UNSEEN.sub(lambda unseen: json.dumps(unseen[0])[1:-1], written)
    return safe.replace("<", "\\u003c")


def read_note(content: tuple[Json, ...]) -> Note | None:
    """The note in a user message, or None when it has none (tool results, the static part)."""
    first = next((block for block in content if block.get("type") == "text"), None)
    if first is None or not str(first["text"]).startswith("<turn>\n"):
        return None
    body, _, _ = str(first["text"]).removeprefix("<turn>\n").partition("\n</turn>")
    return Note.model_validate_json(body)


def write_withheld(withheld: Withheld) -> Json:
    """The text block that asks for a repair."""
    text = (
        f"<withheld>\n{_write(withheld.model_dump_json())}\n</withheld>\n"
        "Your last sentence was not shown to the customer, for the reason given. Continue right after what was "
        "shown, without that claim. Use only figures that stand in the material or in a tool result. Do not "
        "mention this note, and do not repeat what was shown."
    )
    return {"type": "text", "text": text}


def read_withheld(content: tuple[Json, ...]) -> Withheld | None:
    """What was withheld, when the message asks for a repair."""
    for block in content:
        text = str(block.get("text", ""))
        if text.startswith("<withheld>\n"):
            return Withheld.model_validate_json(text.removeprefix("<withheld>\n").partition("\n</withheld>")[0])
    return None
