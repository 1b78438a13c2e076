"""The transcript as human agents read it: messages, notes and moves in order; what a turn did, folded into one entry.

An entry's `key` stays the same while it changes: a page replaces what it has under that key.
"""

from collections.abc import Sequence
from datetime import datetime

from firstline.bundle import Bundle
from firstline.conversation import Conversation
from firstline.events import (
    ApprovalRequested,
    ConfirmationRequested,
    ContactLeft,
    ConversationClosed,
    ConversationReopened,
    CorrectionPosted,
    CustomerIdentified,
    Event,
    GuardrailRan,
    HandoffAccepted,
    HandoffRequested,
    HandoffRequeued,
    HandoffReturned,
    HandoffUnclaimed,
    Logged,
    MessagePosted,
    NotePosted,
    PassagesRetrieved,
    RouteChosen,
    SurveyAnswered,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    TurnStarted,
)
from firstline.model.note import fence
from firstline.service.views import view_card, view_message, view_time
from firstline.types import Json, TurnId, choose_text

TEXT_CHARS = 20_000


def view_entries(conversation: Conversation, bundle: Bundle, now: datetime) -> list[Json]:
    """Every entry, in the order of the log."""
    made = (_view(logged, conversation, bundle, now) for logged in conversation.log)
    return [entry for entry in made if entry is not None]


def _view(logged: Logged, conversation: Conversation, bundle: Bundle, now: datetime) -> Json | None:
    event = logged.event
    body = _body(logged, conversation, bundle, now)
    if body is None:
        return None
    return {"key": f"{logged.seq}", "seq": logged.seq, "at": view_time(event.at), **body}


def _body(logged: Logged, conversation: Conversation, bundle: Bundle, now: datetime) -> Json | None:
    event = logged.event
    match event:
        case MessagePosted():
            return {"kind": "message", "message": _message(event, logged.seq)}
        case NotePosted():
            return {"kind": "note", "name": event.human_agent.name, "text": event.text}
        case TurnStarted(turn_id=turn_id):
            return {"kind": "turn", **_turn(conversation.turn_events(turn_id), turn_id, bundle)}
        case ToolReturned(card=card) if card is not None:
            return {"kind": "card", "card": view_card(card)}
        case ConfirmationRequested(confirmation_id=id_):
            state = conversation.confirmations[id_].state_at(now)
            rows = [row.model_dump() for row in event.rows]
            return {"kind": "confirmation", "label": event.label, "rows": rows, "state": state}
        case ApprovalRequested(approval_id=id_):
            approval = conversation.approvals[id_]
            decided = approval.decided
            by = decided.human_agent.name if decided and decided.human_agent else None
            rows = [row.model_dump() for row in event.rows]
            head: Json = {"kind": "approval", "approval_id": id_, "label": event.label}
            return {**head, "rows": rows, "state": approval.state_at(now), "by": by}
        case CorrectionPosted():
            case_url = f"/v1/staff/conversations/{conversation.conversation_id}/cases/{logged.seq}"
            said: Json = {"name": event.human_agent.name, "should_say": event.should_say, "case_url": case_url}
            return {"kind": "correction", "message_id": event.message_id, **said}
        case _:
            return _small(event)


def _small(event: Event) -> Json | None:
    """What is one line: a move, a contact, a sign-in, a survey."""
    match event:
        case CustomerIdentified(identity=identity):
            return {"kind": "identified", "name": fence(identity.name or identity.customer_id, limit=200)}
        case ContactLeft():
            contact, comment = fence(event.contact, limit=200), fence(event.comment, limit=2000)
            return {"kind": "contact", "contact": contact, "comment": comment}
        case SurveyAnswered():
            return {"kind": "survey", "score": event.score, "comment": fence(event.comment, limit=2000)}
        case HandoffRequested(reason=reason):
            return _moved("requested", "customer" if reason == "asked" else "assistant", reason=reason)
        case HandoffAccepted():
            return _moved("accepted", "human_agent", name=event.human_agent.name)
        case HandoffRequeued(by=by):
            return _moved("requeued", by)
        case HandoffUnclaimed():
            return _moved("unclaimed", "timeout")
        case HandoffReturned(by=by):
            return _moved("returned", by)
        case ConversationClosed(by=by):
            return _moved("closed", by)
        case ConversationReopened(by=by):
            return _moved("reopened", by, name=event.human_agent.name if event.human_agent else None)
        case _:
            return None


def _moved(what: str, by: str, *, name: str | None = None, reason: str | None = None) -> Json:
    return {"kind": "moved", "what": what, "by": by, "name": name, "reason": reason}


def _message(event: MessagePosted, seq: int) -> Json:
    message = event.message
    shown = view_message(message, seq)
    plain = fence(message.text, limit=TEXT_CHARS)
    customers = message.author == "customer"
    return {
        **shown,
        "text": plain if customers else message.text,
        "author_picture": message.author_picture,
        "cut_off": message.cut_off,
        "hidden": customers and plain != message.text,
    }


def _turn(events: Sequence[Event], turn_id: TurnId, bundle: Bundle) -> Json:
    """What the assistant looked at and did in one turn."""
    route = next((event for event in events if isinstance(event, RouteChosen)), None)
    ended = next((event for event in events if isinstance(event, TurnEnded)), None)
    playbook = bundle.playbooks.get(route.playbook) if route and route.playbook else None
    ran = [event for event in events if isinstance(event, GuardrailRan)]
    found = [each for event in events if isinstance(event, PassagesRetrieved) for each in event.passages]
    return {
        "turn_id": turn_id,
        "playbook": choose_text(playbook.title, bundle.locale) if playbook else None,
        "locale": route.locale if route else None,
        "score": round(route.score, 2) if route else None,
        "wants_human": bool(route and route.wants_human),
        "verdicts": [event.verdict.model_dump() for event in ran if event.stage == "input"],
        "withheld": [
            {"reason": event.verdict.reason, "excerpt": fence(event.excerpt, limit=1000)}
            for event in ran
            if event.stage == "output" and event.verdict.decision == "block"
        ],
        "passages": [{"title": each.title, "url": each.url} for each in found],
        "calls": _calls(events),
        "outcome": ended.outcome if ended else None,
        "code": ended.code if ended else None,
        "model": ended.model if ended else None,
        "tokens": ended.usage.total_tokens if ended else 0,
        "cost_usd": ended.cost_usd if ended else 0.0,
        "seconds": round((ended.at - events[0].at).total_seconds(), 1) if ended else None,
    }


def _calls(events: Sequence[Event]) -> list[Json]:
    returned = {event.call_id: event for event in events if isinstance(event, ToolReturned)}
    calls = [event for event in events if isinstance(event, ToolCalled)]
    called = {call.call_id for call in calls}
    made: list[Json] = []
    for call in calls:
        result = returned.get(call.call_id)
        outcome = {"outcome": result.outcome if result else None, "result": result.result if result else None}
        made.append({"tool": call.tool, "label": call.label, "arguments": call.arguments, **outcome})
    refused = [event for event in returned.values() if event.call_id not in called]
    made += [
        {"tool": each.tool, "label": each.tool, "arguments": {}, "outcome": each.outcome, "result": each.result}
        for each in refused
    ]
    return made
