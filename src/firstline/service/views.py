"""What a customer may see of a conversation: the safe view of each fact and frame, and the snapshot of all."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from firstline.conversation import Confirmation, Conversation
from firstline.events import (
    ConfirmationDecided,
    ConfirmationRequested,
    ContactLeft,
    ConversationClosed,
    ConversationReopened,
    CustomerIdentified,
    Event,
    HandoffAccepted,
    HandoffOffered,
    HandoffRequested,
    HandoffRequeued,
    HandoffReturned,
    HandoffUnclaimed,
    Logged,
    MessagePosted,
    ReplyGrew,
    RouteChosen,
    StatusShown,
    SurveyAnswered,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    TurnFrame,
    TurnStarted,
    TypingShown,
)
from firstline.markup import render_html
from firstline.types import Card, Citation, HumanAgent, Json, Message

_PASSING = {
    "connect", "cut", "empty", "first_token_timeout", "idle_timeout", "internal", "out_of_time", "overloaded",
    "rate_limited", "server", "unknown",
}  # fmt: skip


def view_message(message: Message, seq: int) -> Json:
    """A message as pages show it: Markdown, and safe HTML made from it here."""
    shown: Json = {"message_id": message.message_id, "seq": seq, "author": message.author, "text": message.text}
    if message.author_name:
        shown["author_name"] = message.author_name
    if message.author_picture:
        shown["author_picture"] = message.author_picture
    if message.cut_off:
        shown["cut_off"] = True
    # A customer's words are shown as they were typed: no Markdown of theirs becomes markup.
    shown["html"] = render_html(message.text, message.citations) if message.author != "customer" else ""
    shown["citations"] = view_citations(message.citations)
    shown["at"] = view_time(message.at)
    return shown


def view_citations(citations: tuple[Citation, ...]) -> list[Json]:
    return [citation.model_dump() for citation in citations]


def view_card(card: Card) -> Json:
    return card.model_dump(exclude_none=True)


def view_confirmation(confirmation: Confirmation) -> Json:
    requested = confirmation.requested
    return {
        "confirmation_id": requested.confirmation_id,
        "tool": requested.tool,
        "label": requested.label,
        "arguments": requested.arguments,
        "rows": [row.model_dump() for row in requested.rows],
        "expires_at": view_time(requested.expires_at),
    }


def view_fact(conversation_id: str, logged: Logged) -> Json | None:
    """The data of a stored fact's stream event; None for what customers do not see."""
    body = _view_body(logged)
    if body is None:
        return None
    event = logged.event
    head: Json = {"seq": logged.seq, "type": event.type, "at": view_time(event.at)}
    head["conversation_id"] = conversation_id
    turn_id = getattr(event, "turn_id", None)
    return {**head, **({"turn_id": turn_id} if turn_id else {}), **body}


def _view_body(logged: Logged) -> Json | None:
    event = logged.event
    match event:
        case MessagePosted(message=message):
            return {"message": view_message(message, logged.seq)}
        case TurnStarted():
            return {}
        case ToolCalled(tool=tool, label=label):
            return {"tool": tool, "label": label}
        case ToolReturned(tool=tool, outcome=outcome, card=card):
            display = {"display": view_card(card)} if card else {}
            return {"tool": tool, "ok": outcome in ("ok", "waiting"), **display}
        case ConfirmationRequested():
            return view_confirmation(Confirmation(event))
        case ConfirmationDecided(confirmation_id=confirmation_id, decision=decision):
            return {"confirmation_id": confirmation_id, "decision": decision}
        case HandoffOffered(reason=reason):
            return {"reason": reason}
        case ContactLeft(contact=contact):
            return {"contact": contact}
        case CustomerIdentified(identity=identity):
            return {"signed_in": identity.name or identity.customer_id}
        case RouteChosen(locale=locale):
            return {"locale": locale}
        case SurveyAnswered(score=score):
            return {"score": score}
        case TurnEnded():
            return _view_ending(event)
        case _:
            return _view_move(event)


def _view_move(event: Event) -> Json | None:
    """Who has the conversation from here on; every move tells the status it leads to."""
    match event:
        case HandoffRequested(reason=reason, back_at=back_at):
            return {"status": "waiting", "reason": reason, "back_at": view_time(back_at) if back_at else None}
        case HandoffAccepted(human_agent=human_agent):
            return {"status": "with_human", "human_agent": view_human(human_agent)}
        case HandoffRequeued(by=by, back_at=back_at):
            return {"status": "waiting", "by": by, "back_at": view_time(back_at) if back_at else None}
        case HandoffUnclaimed():
            return {"status": "waiting", "unclaimed": True}
        case HandoffReturned(by=by):
            return {"status": "open", "by": by}
        case ConversationClosed(by=by):
            return {"status": "closed", "by": by}
        case ConversationReopened(by=by, human_agent=human_agent):
            who = {"human_agent": view_human(human_agent)} if human_agent else {}
            return {"status": "with_human" if human_agent else "open", "by": by, **who}
        case _:
            return None


def view_human(human_agent: HumanAgent) -> Json:
    """Who speaks for the business, as customers see it."""
    return {"name": human_agent.name, "picture": human_agent.picture}


def _view_ending(event: TurnEnded) -> Json:
    ending: Json = {"outcome": event.outcome, "usage": event.usage.model_dump(), "cost_usd": event.cost_usd}
    if event.code:
        ending["code"] = event.code
    ending["retryable"] = is_retryable(event)
    return {**ending, "model": event.model, "suggestions": list(event.suggestions)}


def is_retryable(event: TurnEnded) -> bool:
    """Whether the same message may well be answered a little later: it was trouble, not the message."""
    return event.outcome == "failed" and event.code in _PASSING


def view_frame(conversation_id: str, frame: TurnFrame | TypingShown, at: datetime) -> Json:
    """The data of a transient event; it has no seq, and nothing is lost with it."""
    head: Json = {"type": frame.type, "at": view_time(at), "conversation_id": conversation_id}
    if isinstance(frame, TypingShown):
        return {**head, "author": frame.author, "name": frame.name}
    head["turn_id"] = frame.turn_id
    match frame:
        case StatusShown(text=text):
            return {**head, "text": text}
        case ReplyGrew(text=text, shown=shown, citations=citations):
            html = render_html(shown, citations)
            return {**head, "text": text, "html": html, "citations": view_citations(citations)}
        case _:
            return {**head, "text": frame.shown, "html": render_html(frame.shown, ())}


def snapshot(conversation: Conversation, *, offline: Mapping[str, bool], now: datetime) -> Json:
    """Everything a page needs to show the conversation. snapshot(n) and the events after n make snapshot(now)."""
    messages: list[Json] = []
    cards: list[Json] = []
    confirmations: dict[str, Json] = {}
    suggestions: list[str] = []
    for logged in conversation.log:
        match logged.event:
            case MessagePosted(message=message):
                messages.append(view_message(message, logged.seq))
            case ToolReturned(card=card) if card is not None:
                cards.append({"seq": logged.seq, "card": view_card(card)})
            case ConfirmationRequested(confirmation_id=id_):
                confirmations[id_] = {"seq": logged.seq, **view_confirmation(Confirmation(logged.event))}
            case ConfirmationDecided(confirmation_id=id_, decision=decision):
                confirmations[id_] = {**confirmations[id_], "seq": logged.seq, "decision": decision}
            case TurnEnded(suggestions=offered):
                suggestions = list(offered)
            case _:
                pass
    waiting = [each for each in conversation.confirmations.values() if each.state_at(now) == "pending"]
    pending: dict[str, Any] = {"confirmations": [view_confirmation(each) for each in waiting]}
    turn_id = conversation.open_turn or conversation.next_turn
    if turn_id and conversation.status == "open":
        pending["turn_id"] = turn_id
    identity = conversation.identity_at(now)
    return {
        "conversation_id": conversation.conversation_id,
        "bundle": conversation.bundle,
        "revision": conversation.started.revision if conversation.started else None,
        "status": conversation.status,
        "locale": conversation.locale,
        "human_agent": view_human(conversation.human_agent) if conversation.human_agent else None,
        "handoff": _view_request(conversation),
        "contact": conversation.contact.contact if conversation.contact else None,
        "moves": _list_moves(conversation),
        "offered": _is_offered(conversation),
        "messages": messages,
        "cards": cards,
        "confirmations": list(confirmations.values()),
        "suggestions": suggestions,
        "pending": pending,
        "signed_in": (identity.name or identity.customer_id) if identity else None,
        "survey": conversation.survey,
        "offline": offline.get(conversation.bundle, False),
        "last_seq": conversation.last_seq,
    }


def _view_request(conversation: Conversation) -> Json | None:
    """What a waiting customer is shown: since when, when people are back, and whether a contact was left."""
    request = conversation.request
    if request is None and conversation.status != "waiting":
        return None
    since = request.at if request else conversation.status_since
    return {
        "reason": request.reason if request else None,
        "since": view_time(since) if since else None,
        "back_at": view_time(conversation.back_at) if conversation.back_at else None,
        "unclaimed": conversation.unclaimed,
    }


def _list_moves(conversation: Conversation) -> list[Json]:
    """Who began to speak for the company, and where; None is the assistant."""
    moves: list[Json] = []
    for logged in conversation.log:
        event = logged.event
        if isinstance(event, HandoffAccepted | ConversationReopened) and event.human_agent is not None:
            moves.append({"seq": logged.seq, "human_agent": view_human(event.human_agent)})
        elif isinstance(event, HandoffReturned | ConversationReopened):
            moves.append({"seq": logged.seq, "human_agent": None})
    return moves


def _is_offered(conversation: Conversation) -> bool:
    """Whether the last thing the assistant did was to offer a person."""
    ended = [logged.event.turn_id for logged in conversation.log if isinstance(logged.event, TurnEnded)]
    waits = conversation.unfinished or conversation.status != "open"
    return not waits and bool(ended) and ended[-1] == conversation.offered_in


def view_time(at: datetime) -> str:
    """ISO 8601, UTC, with milliseconds."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
