"""The product in one function: what happens between a customer's message and the reply.

`run_turn` is an iterator of steps. A step is either facts, which whoever drives the turn appends to the log before
asking for more, or a frame for whoever is watching. So nothing happens that is not first written down: when the
append is refused, because another worker has the conversation, the turn simply is not asked to go on.

    begin      a person holds it? then only end        -> TurnStarted
    carry out  what the customer has confirmed         -> ToolCalled, ToolReturned
    prepare    screen, route, retrieve                 -> GuardrailRan, RouteChosen, PassagesRetrieved
    act        model and tools, sentence by sentence   -> ModelReplied, ToolCalled, ToolReturned, …
    end        the reply as it was shown               -> MessagePosted, TurnEnded

A turn that was cut off by a crash is run again with the log it left: what is there is not done twice.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from firstline.bundle import Playbook
from firstline.calls import carry_out, leave_unknown
from firstline.conversation import Conversation
from firstline.engine import Ending, Engine, Turn
from firstline.events import (
    Event,
    HandoffAccepted,
    HandoffOffered,
    MessagePosted,
    PassagesRetrieved,
    RouteChosen,
    Step,
    ToolReturned,
    TurnEnded,
    TurnStarted,
)
from firstline.handoff import tell_who_answers
from firstline.loop import act
from firstline.prepare import prepare
from firstline.types import Author, Citation, HandoffReason, Message, MessageId, choose_text


async def run_turn(engine: Engine, conversation: Conversation, stop: asyncio.Event) -> AsyncGenerator[Step]:
    """The steps that answer everything unanswered in the conversation; nothing when nothing is.

    `stop` set: the turn ends as cancelled, within a moment, and keeps what was shown. Never raises for what a
    model, a tool or a guardrail does wrong; each of those ends in a reply that says so.
    """
    turn_id = conversation.open_turn or conversation.next_turn
    if turn_id is None:
        return
    deadline = asyncio.get_running_loop().time() + engine.bundle.limits.seconds
    turn = Turn(engine, conversation, turn_id, stop, deadline)
    if conversation.open_turn is None:
        turn.unsaved.append(TurnStarted(at=engine.now(), turn_id=turn_id))
    if conversation.status != "open":
        turn.unsaved += leave_unknown(turn)
        turn.ending = Ending("cancelled" if conversation.status == "closed" else "handed_off")
    else:
        yield turn.status("reading")
        async for step in carry_out(turn):
            yield step
        if (prepared := await prepare(turn)) is not None:
            yield turn.record(*prepared)
            for step in _say_where(turn, prepared):
                yield step
        if wants_human(turn):
            turn.ending = Ending("handed_off", handoff="asked")
        else:
            async with aclosing(act(turn)) as steps:
                async for step in steps:
                    yield step
    for step in end(turn):
        yield step


def give_up(engine: Engine, conversation: Conversation) -> tuple[Event, ...]:
    """The facts that end a turn which broke through a mistake of ours: the fallback, and the offer of a person."""
    turn_id = conversation.open_turn or conversation.next_turn
    if turn_id is None:
        return ()
    turn = Turn(engine, conversation, turn_id, asyncio.Event(), deadline=0.0)
    turn.ending = Ending("failed", "internal", "failed")
    if conversation.open_turn is None:
        turn.unsaved.append(TurnStarted(at=engine.now(), turn_id=turn_id))
    turn.unsaved += leave_unknown(turn)
    return tuple(fact for step in end(turn) if isinstance(step, tuple) for fact in step)


def _say_where(turn: Turn, prepared: Sequence[Event]) -> list[Step]:
    """A status that names the page being looked at, where there is one."""
    titles = [each.passages[0].title for each in prepared if isinstance(each, PassagesRetrieved) and each.passages]
    return [turn.status("looking", title=title) for title in titles]


def wants_human(turn: Turn) -> bool:
    """Whether this turn's message asks for a person: then the model is not asked at all."""
    events = turn.conversation.turn_events(turn.turn_id)
    return any(isinstance(event, RouteChosen) and event.wants_human for event in events)


def end(turn: Turn) -> list[Step]:
    """The last facts, appended together: the reply byte for byte as it was shown, and how the turn ended."""
    ending = turn.ending or Ending("failed", "unknown", "failed")
    facts: list[Event] = []
    if ending.outcome == "failed":
        turn.release.say(choose_text(turn.bundle.fallback, turn.locale))
    frames = turn.frames()
    if turn.release.shown:
        facts.append(_post(turn, "assistant", turn.release.shown, turn.release.citations))
    if ending.outcome == "handed_off" and ending.handoff is not None:
        facts.append(HandoffAccepted(at=turn.engine.now(), turn_id=turn.turn_id, reason=ending.handoff))
        told = tell_who_answers(turn.bundle, turn.locale, turn.engine.now())
        facts.append(_post(turn, "system", told, ()))
    elif (reason := ending.handoff or _reason_to_offer(turn)) is not None:
        facts.append(HandoffOffered(at=turn.engine.now(), turn_id=turn.turn_id, reason=reason))
    facts.append(_ended(turn, ending))
    return [*frames, turn.record(*facts)]


def _reason_to_offer(turn: Turn) -> HandoffReason | None:
    """Why a person should be offered although the turn went well: an action in doubt, or the playbook says so."""
    events = turn.conversation.turn_events(turn.turn_id)
    if any(isinstance(event, ToolReturned) and event.outcome == "unknown" for event in events):
        return "failed"
    playbook = _playbook(turn)
    return "policy" if playbook and playbook.kind == "hand_off" else None


def _playbook(turn: Turn) -> Playbook | None:
    events = turn.conversation.turn_events(turn.turn_id)
    route = next((event for event in events if isinstance(event, RouteChosen)), None)
    return turn.bundle.playbooks.get(route.playbook) if route and route.playbook else None


def _post(turn: Turn, author: Author, text: str, citations: tuple[Citation, ...]) -> MessagePosted:
    message = Message(
        message_id=MessageId(turn.engine.new_id("ms")),
        author=author,
        author_name=turn.bundle.assistant.name if author == "assistant" else None,
        text=text,
        citations=citations,
        at=turn.engine.now(),
    )
    return MessagePosted(at=message.at, turn_id=turn.turn_id, message=message)


def _ended(turn: Turn, ending: Ending) -> TurnEnded:
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


def _suggest(turn: Turn) -> tuple[str, ...]:
    """What the customer may ask next, without what was asked just now."""
    playbook = _playbook(turn)
    events = turn.conversation.turn_events(turn.turn_id)
    asked = {_bare(event.message.text) for event in events if isinstance(event, MessagePosted)}
    offers = playbook.suggestions.get(turn.locale, ()) if playbook else ()
    return tuple(offer for offer in offers if _bare(offer) not in asked)


def _bare(text: str) -> str:
    """The letters and figures alone, to see whether two texts ask the same."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())
