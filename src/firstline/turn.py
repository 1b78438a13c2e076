"""The product in one function: what happens between a customer's message and the reply.

`run_turn` is an iterator of steps. A step is either facts, which whoever drives the turn appends to the log before
asking for more, or a frame for whoever is watching. So nothing happens that is not first written down: when the
append is refused, because another worker has the conversation, the turn simply is not asked to go on.

    begin      a person has it? then carry out, end    -> TurnStarted
    carry out  what was confirmed or approved          -> ToolCalled, ToolReturned, ApprovalRequested
    prepare    screen, route, retrieve                 -> GuardrailRan, RouteChosen, PassagesRetrieved
    act        model and tools, sentence by sentence   -> ModelReplied, ToolCalled, ToolReturned, …
    end        the reply as it was shown               -> MessagePosted, TurnEnded
               without one: what came of each yes

A turn that was cut off by a crash is run again with the log it left: what is there is not done twice.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from firstline.answers import reason_of_failure, reason_to_offer
from firstline.calls import carry_out, leave_unknown
from firstline.conversation import Conversation, since_given_back
from firstline.ending import end_turn, post_message, tell_outcomes
from firstline.engine import Ending, Engine, Turn
from firstline.events import (
    ApprovalDecided,
    ConfirmationDecided,
    Event,
    HandoffOffered,
    PassagesRetrieved,
    RouteChosen,
    Step,
    TurnStarted,
)
from firstline.handoff import request_person
from firstline.loop import act
from firstline.prepare import prepare
from firstline.second_ear import hears_wish
from firstline.types import HandoffReason, choose_text


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
    if conversation.status != "open":  # what a person approved is done, without a word of the assistant's
        turn.unsaved += leave_unknown(turn)
        async for step in carry_out(turn):
            yield step
        turn.ending = Ending("cancelled" if conversation.status == "closed" else "handed_off")
    elif _is_answered(turn):
        turn.ending = Ending("handed_off")
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
    turn.ending = Ending("failed", "internal")
    if conversation.status != "open":  # a person has it: not even the fallback is said
        turn.ending = Ending("cancelled" if conversation.status == "closed" else "handed_off")
    if conversation.open_turn is None:
        turn.unsaved.append(TurnStarted(at=engine.now(), turn_id=turn_id))
    turn.unsaved += leave_unknown(turn)
    return tuple(fact for step in end(turn) if isinstance(step, tuple) for fact in step)


def _say_where(turn: Turn, prepared: Sequence[Event]) -> list[Step]:
    """A status that names the page being looked at, where there is one."""
    titles = [each.passages[0].title for each in prepared if isinstance(each, PassagesRetrieved) and each.passages]
    return [turn.status("looking", title=title) for title in titles]


def _is_answered(turn: Turn) -> bool:
    """Whether a person has answered meanwhile all that this turn was to answer."""
    conversation, events = turn.conversation, turn.conversation.turn_events(turn.turn_id)
    begun = any(isinstance(event, RouteChosen | ConfirmationDecided | ApprovalDecided) for event in events)
    asked = any(each.turn_id == turn.turn_id for each in conversation.asked)
    return not (begun or asked or conversation.unheard or conversation.taken)


def wants_human(turn: Turn) -> bool:
    """Whether a wish for a person was heard in this turn, and none has come since: then the model is not asked."""
    events = (logged.event for logged in since_given_back(turn.conversation))
    return any(hears_wish(event) for event in events if getattr(event, "turn_id", None) == turn.turn_id)


def end(turn: Turn) -> list[Step]:
    """The last facts, appended together: the reply byte for byte as it was shown, and how the turn ended."""
    ending = turn.ending or Ending("failed", "unknown")
    facts: list[Event] = []
    if ending.outcome == "failed":
        turn.release.say(choose_text(turn.bundle.fallback, turn.locale))
    frames = turn.frames()
    if turn.release.shown:
        cut_off = ending.outcome == "cancelled" or (ending.outcome == "handed_off" and ending.handoff is None)
        facts.append(post_message(turn, "assistant", turn.release.shown, turn.release.citations, cut_off=cut_off))
    if ending.outcome != "replied":
        facts += tell_outcomes(turn)
    if ending.outcome == "handed_off" and ending.handoff is not None:
        facts += _request_person(turn, ending.handoff)
    elif (reason := _reason_to_offer(turn, ending)) is not None:
        facts.append(HandoffOffered(at=turn.engine.now(), turn_id=turn.turn_id, reason=reason))
    facts.append(end_turn(turn, ending))
    return [*frames, turn.record(*facts)]


def _request_person(turn: Turn, reason: HandoffReason) -> tuple[Event, ...]:
    decided = request_person(
        turn.conversation, turn.bundle, reason, turn.engine.now(), turn.engine.new_id, turn_id=turn.turn_id
    )
    assert isinstance(decided, tuple), "a turn that may speak is in an open conversation"
    return decided


def _reason_to_offer(turn: Turn, ending: Ending) -> HandoffReason | None:
    if ending.outcome == "failed":
        return reason_of_failure(ending.code)
    if turn.conversation.status != "open" or ending.outcome == "handed_off":
        return None
    return reason_to_offer(turn.bundle, turn.conversation, turn.turn_id, turn.release.shown)
