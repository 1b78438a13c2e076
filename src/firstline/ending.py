"""The last facts of a turn: what was said, how it ended; and how it ends when a person takes it away. Pure."""

import asyncio

from firstline.answers import playbook_of
from firstline.calls import leave_unknown
from firstline.conversation import Conversation
from firstline.engine import Ending, Engine, Turn
from firstline.events import (
    ApprovalDecided,
    ConfirmationRequested,
    Event,
    HandoffOffered,
    HandoffRequested,
    MessagePosted,
    ReplyGrew,
    ToolCalled,
    TurnEnded,
)
from firstline.phrases import phrase
from firstline.types import Author, Citation, Message, MessageId, TurnId

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
    facts += turn.record(*tell_declined(turn))
    return (*facts, end_turn(turn, turn.ending))


def tell_declined(turn: Turn) -> list[Event]:
    """A system line, where the assistant may not speak, for a customer whose action was not approved."""
    events = turn.conversation.turn_events(turn.turn_id)
    declined = any(isinstance(event, ApprovalDecided) and event.decision != "approve" for event in events)
    return [post_message(turn, "system", phrase("approval_declined", turn.locale), ())] if declined else []


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
