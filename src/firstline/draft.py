"""A reply that the assistant would give, for a human agent to look at: through the same turn and the same gate.

It runs on a copy of the conversation, and nothing of it is stored or shown to the customer. No action can come of it:
whatever changes something needs the customer's button, and a copy has none.
"""

import asyncio
from dataclasses import dataclass, replace

from firstline.conversation import Conversation
from firstline.engine import Engine
from firstline.events import (
    Event,
    GuardrailRan,
    HandoffReturned,
    Logged,
    MessagePosted,
    TurnEnded,
    messages_by,
)
from firstline.turn import run_turn
from firstline.types import Citation, TurnId


@dataclass(frozen=True, slots=True)
class Draft:
    """`text` is Markdown, empty when the assistant had nothing to say; `withheld`: sentences that did not pass."""

    text: str
    citations: tuple[Citation, ...] = ()
    withheld: tuple[str, ...] = ()
    code: str | None = None
    cost_usd: float = 0.0


async def draft_reply(engine: Engine, conversation: Conversation) -> Draft:
    """What the assistant would answer now to what the customer wrote last."""
    asked = messages_by("customer", (logged.event for logged in conversation.log))
    if not asked:
        return Draft("")
    facts: list[Event] = []
    async for step in run_turn(engine, _hand_over(conversation, engine), asyncio.Event()):
        if isinstance(step, tuple):
            facts += step
    ended = next((event for event in facts if isinstance(event, TurnEnded)), None)
    replies = messages_by("assistant", facts)
    replied = ended is not None and ended.outcome == "replied" and bool(replies)
    held = [event for event in facts if isinstance(event, GuardrailRan) and event.verdict.decision == "block"]
    return Draft(
        text=replies[-1].text if replied else "",
        citations=replies[-1].citations if replied else (),
        withheld=tuple(event.excerpt for event in held if event.stage == "output"),
        code=ended.code or ended.outcome if ended and not replied else None,
        cost_usd=ended.cost_usd if ended else 0.0,
    )


def _hand_over(conversation: Conversation, engine: Engine) -> Conversation:
    """The copy: as if the assistant had the conversation, and what is unanswered were addressed to it.

    A wish for a person is not heard again here: whoever asks for the draft is that person.
    """
    turn_id = TurnId(engine.new_id("tn"))
    copy = replace(conversation, open_turn=None, next_turn=None)
    if not copy.unheard:
        last = next(
            logged.event
            for logged in reversed(copy.log)
            if isinstance(logged.event, MessagePosted) and logged.event.message.author == "customer"
        )
        again = Logged(copy.last_seq + 1, last.model_copy(update={"turn_id": None}))
        copy = replace(copy, unheard=(last,), log=(*copy.log, again))
    if copy.status != "open":
        return copy.extended(HandoffReturned(at=engine.now(), by="human_agent", turn_id=turn_id))
    return replace(copy, next_turn=turn_id)
