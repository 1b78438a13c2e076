"""The customer's copy of a conversation, hash-chained: a changed, added or missing entry shows."""

import hashlib
import json

from firstline.conversation import Conversation
from firstline.events import (
    ApprovalDecided,
    ConfirmationDecided,
    ConfirmationRequested,
    HandoffAccepted,
    HandoffRequested,
    HandoffReturned,
    Logged,
    MessagePosted,
    ToolCalled,
    ToolReturned,
)
from firstline.types import Json


def build_transcript(conversation: Conversation) -> Json:
    """Entries in order; each `hash` is SHA-256 over the hash before and the entry's canonical JSON."""
    entries: list[Json] = []
    previous = _start(conversation.conversation_id)
    for logged in conversation.log:
        entry = _entry(logged)
        if entry is None:
            continue
        previous = hash_entry(previous, entry)
        entries.append({**entry, "hash": previous})
    return {"conversation_id": conversation.conversation_id, "entries": entries, "head": previous}


def check_transcript(transcript: Json) -> bool:
    """Whether the chain holds, from the first entry to the head."""
    try:
        previous = _start(transcript["conversation_id"])
        for entry in transcript["entries"]:
            previous = hash_entry(previous, {key: value for key, value in entry.items() if key != "hash"})
            if entry["hash"] != previous:
                return False
        return bool(transcript["head"] == previous)
    except (KeyError, TypeError, AttributeError, ValueError):
        return False  # it is no transcript at all


def _start(conversation_id: str) -> str:
    """What the first entry is chained to: no copy passes for another conversation's."""
    return hashlib.sha256(conversation_id.encode()).hexdigest()


def hash_entry(previous: str, entry: Json) -> str:
    canonical = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256((previous + canonical).encode()).hexdigest()


def _entry(logged: Logged) -> Json | None:
    event = logged.event
    head: Json = {"seq": logged.seq, "at": event.at.isoformat()}
    match event:
        case MessagePosted(message=message):
            said: Json = {"author": message.author, "name": message.author_name, "text": message.text}
            sources = [citation.model_dump() for citation in message.citations]
            return {**head, "kind": "message", **said, "sources": sources}
        case ToolCalled():
            return {**head, "kind": "action", "tool": event.tool, "label": event.label, "arguments": event.arguments}
        case ToolReturned():
            return {**head, "kind": "result", "tool": event.tool, "outcome": event.outcome}
        case ConfirmationRequested():
            return {**head, "kind": "asked_to_confirm", "tool": event.tool, "arguments": event.arguments}
        case ConfirmationDecided():
            return {**head, "kind": "decided", "decision": event.decision}
        case ApprovalDecided():
            return {
                **head,
                "kind": "approval",
                "decision": event.decision,
                "by": event.human_agent and event.human_agent.name,
            }
        case HandoffRequested():
            return {**head, "kind": "passed_to_a_person"}
        case HandoffAccepted():
            return {**head, "kind": "person_joined", "name": event.human_agent.name}
        case HandoffReturned():
            return {**head, "kind": "passed_to_the_assistant"}
        case _:
            return None
