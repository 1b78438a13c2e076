"""The last facts of a turn: what was said, how it ended; and how it ends when a person takes it away. Pure."""

import asyncio
from collections.abc import Mapping
from typing import assert_never

from firstline.answers import playbook_of
from firstline.calls import leave_unknown
from firstline.conversation import Conversation
from firstline.engine import Ending, Engine, Turn
from firstline.events import (
    ApprovalDecided,
    ConfirmationDecided,
    ConfirmationRequested,
    Event,
    HandoffOffered,
    HandoffRequested,
    MessagePosted,
    ReplyGrew,
    ToolCalled,
    ToolReturned,
    TurnEnded,
)
from firstline.phrases import phrase
from firstline.types import Author, CallId, Citation, Message, MessageId, TurnId

_INTENTS = (ToolCalled, ConfirmationRequested, HandoffOffered, HandoffRequested)
"""Facts that would begin something: a turn that is broken off begins nothing any more."""


def post_message(
    turn: Turn, author: Author, text: str, citations: tuple[Citation, ...], *, cut_off: bool = False
) -> MessagePosted:
    message = Message(
        message_id=MessageId(turn.engine.new_id("ms")),
        author=author,
        author_name=turn.bundle.assistant.name if author == "assistant" else None,
        text=text,
        citations=citations,
        cut_off=cut_off,
        at=turn.engine.now(),
    )
    return MessagePosted(at=message.at, turn_id=turn.turn_id, message=message)


def end_turn(turn: Turn, ending: Ending) -> TurnEnded:
    return TurnEnded(
        at=turn.engine.now(),
        turn_id=turn.turn_id,
        outcome=ending.outcome,
        code=ending.code,
        usage=turn.usage,
        cost_usd=round(turn.cost_usd, 6),
        model=turn.model,
        suggestions=_suggest(turn) if ending.outcome == "replied" else (),
    )


def break_off(
    engine: Engine, conversation: Conversation, turn_id: TurnId, step: tuple[Event, ...], shown: ReplyGrew | None
) -> tuple[Event, ...]:
    """The facts that end a turn which a person has taken the conversation away from, in place of its next `step`.

    What was done stays noted; what was only going to be done is not begun; what was shown of the reply is kept and
    marked. So nothing of the assistant's is said or done after the person came.
    """
    turn = Turn(engine, conversation, turn_id, asyncio.Event(), deadline=0.0)
    turn.ending = Ending("cancelled" if conversation.status == "closed" else "handed_off")
    turn.unsaved += [event for event in step if not isinstance(event, (MessagePosted, TurnEnded, *_INTENTS))]
    facts = list(turn.record())
    facts += turn.record(*leave_unknown(turn))
    if shown is not None and shown.shown:
        facts += turn.record(post_message(turn, "assistant", shown.shown, shown.citations, cut_off=True))
    facts += turn.record(*tell_outcomes(turn))
    return (*facts, end_turn(turn, turn.ending))


def tell_outcomes(turn: Turn) -> list[Event]:
    """A system line for each yes that this turn was to carry out, for a turn that ends without the assistant's word
    on it. What came of it and shows as a card is told by the card.
    """
    events = (*turn.conversation.turn_events(turn.turn_id), *turn.unsaved)
    returned = {event.call_id: event for event in events if isinstance(event, ToolReturned)}
    lines: list[Event] = []
    for event in events:
        if isinstance(event, ConfirmationDecided):
            asked = turn.conversation.confirmations[event.confirmation_id].requested
            key = _came_of_confirmation(event, returned)
        elif isinstance(event, ApprovalDecided):
            asked = turn.conversation.approvals[event.approval_id].requested
            key = _came_of_approval(event, returned)
        else:
            continue
        if key is not None:
            lines.append(post_message(turn, "system", phrase(key, turn.locale, label=asked.label), ()))
    return lines


def _came_of_confirmation(decided: ConfirmationDecided, returned: Mapping[CallId, ToolReturned]) -> str | None:
    if decided.decision == "decline":
        return None  # whoever says no waits for nothing
    return _came_of(returned.get(CallId(decided.confirmation_id)))


def _came_of_approval(decided: ApprovalDecided, returned: Mapping[CallId, ToolReturned]) -> str | None:
    match decided.decision:
        case "approve":
            return _came_of(returned.get(CallId(decided.approval_id)))
        case "decline":
            return "approval_declined"
        case "expire":
            return "approval_expired"
        case _:
            assert_never(decided.decision)


def _came_of(returned: ToolReturned | None) -> str | None:
    """The phrase that says what came of a call; a turn that broke before its call knows as little as a crash."""
    match returned.outcome if returned else "unknown":
        case "ok":
            return None if returned and returned.card else "action_done"
        case "waiting":
            return "approval_waits"
        case "rejected" | "failed" | "denied":
            return "action_not_done"
        case _:
            return "action_unknown"


def _suggest(turn: Turn) -> tuple[str, ...]:
    """What the customer may ask next, without what was asked just now."""
    events = turn.conversation.turn_events(turn.turn_id)
    playbook = playbook_of(turn.bundle, events)
    asked = {_bare(event.message.text) for event in events if isinstance(event, MessagePosted)}
    offers = playbook.suggestions.get(turn.locale, ()) if playbook else ()
    return tuple(offer for offer in offers if _bare(offer) not in asked)


def _bare(text: str) -> str:
    """The letters and figures alone, to see whether two texts ask the same."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())
