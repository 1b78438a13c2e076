"""The product in one function: what happens between a customer's message and the reply.

`run_turn` is an iterator of steps. A step is either facts, which whoever drives the turn appends to the log before
asking for more, or a frame for whoever is watching. So nothing happens that is not first written down: when the
append is refused, because another worker has the conversation, the turn simply is not asked to go on.

    begin      a person holds it? then only end        -> TurnStarted
    carry out  what the customer has confirmed         -> ToolCalled, ToolReturned
    prepare    screen, route, retrieve: side by side   -> GuardrailRan, RouteChosen, PassagesRetrieved
    act        model and tools, sentence by sentence   -> ModelReplied, ToolCalled, ToolReturned, …
    end        the reply as it was shown               -> MessagePosted, TurnEnded

A turn that was cut off by a crash is run again with the log it left: what is there is not done twice.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import structlog

from firstline.calls import carry_out
from firstline.conversation import Conversation
from firstline.engine import Ending, Engine, Turn
from firstline.events import (
    Event,
    GuardrailRan,
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
from firstline.guardrails import Evidence, Guardrail, Screening
from firstline.handoff import tell_who_answers
from firstline.loop import act
from firstline.types import Author, Citation, Message, MessageId, Verdict, choose_text

PASSAGES = 4
QUERY_CHARS = 1_000

_log = structlog.get_logger()


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
        turn.ending = Ending("cancelled" if conversation.status == "closed" else "handed_off")
    else:
        yield turn.status("reading")
        async for step in carry_out(turn):
            yield step
        if (prepared := await prepare(turn)) is not None:
            yield turn.record(*prepared)
        if wants_human(turn):
            turn.ending = Ending("handed_off", handoff="asked")
        else:
            async with aclosing(act(turn)) as steps:
                async for step in steps:
                    yield step
    for step in end(turn):
        yield step


async def prepare(turn: Turn) -> Sequence[Event] | None:
    """Screening, route and passages for what the customer wrote; None when a crash came after they were noted."""
    events = turn.conversation.turn_events(turn.turn_id)
    if any(isinstance(event, RouteChosen) for event in events):
        return None
    texts = [event.message.text for event in events if isinstance(event, MessagePosted)]
    text = "\n".join(texts)
    if not text.strip():  # a confirmation's turn: the customer pressed a button, and wrote nothing
        return [_route(turn, "")]
    screened = [_screen(turn, guardrail, text) for guardrail in turn.engine.input_guardrails]
    route = _route(turn, text)
    return [*screened, route, await _retrieve(turn, text, route)]


def _screen(turn: Turn, guardrail: Guardrail, text: str) -> GuardrailRan:
    screening = Screening(stage="input", text=text, locale=turn.locale, evidence=Evidence(()))
    try:
        verdict = guardrail.check(screening)
    except Exception:
        _log.exception("guardrail_broke", guardrail=guardrail.name, turn_id=turn.turn_id)
        verdict = Verdict(guardrail=guardrail.name, decision=guardrail.when_broken, reason="broken")
    return GuardrailRan(at=turn.engine.now(), turn_id=turn.turn_id, stage="input", verdict=verdict)


def _route(turn: Turn, text: str) -> RouteChosen:
    """The playbook for this text. It stays with the last one for a turn that has no text of its own."""
    log = [logged.event for logged in turn.conversation.log]
    last = next((event for event in reversed(log) if isinstance(event, RouteChosen)), None)
    said = [
        event.message for event in log if isinstance(event, MessagePosted) and event.message.author == "assistant"
    ]
    at, turn_id = turn.engine.now(), turn.turn_id
    if not text:
        playbook = last.playbook if last else None
        return RouteChosen(at=at, turn_id=turn_id, playbook=playbook, locale=turn.locale)
    chosen = turn.engine.router.choose(
        text,
        last_playbook=last.playbook if last else None,
        last_locale=turn.locale,
        asked=bool(said) and said[-1].text.rstrip().endswith(("?", "？", "؟")),
    )
    return RouteChosen(
        at=at,
        turn_id=turn_id,
        playbook=chosen.playbook,
        locale=chosen.locale,
        wants_human=chosen.wants_human,
        score=chosen.score,
        runner_up=chosen.runner_up,
    )


async def _retrieve(turn: Turn, text: str, route: RouteChosen) -> PassagesRetrieved:
    """Passages for the text; none, and said so in the log, when the retriever fails: the reply then knows less."""
    at, turn_id = turn.engine.now(), turn.turn_id
    try:
        found = await turn.engine.retriever.search(text[:QUERY_CHARS], locale=route.locale, limit=PASSAGES)
    except Exception:
        _log.exception("retriever_broke", turn_id=turn_id)
        return PassagesRetrieved(at=at, turn_id=turn_id, passages=(), failed=True)
    return PassagesRetrieved(at=at, turn_id=turn_id, passages=tuple(found))


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
    elif ending.handoff is not None or _outcome_unknown(turn):
        facts.append(HandoffOffered(at=turn.engine.now(), turn_id=turn.turn_id, reason=ending.handoff or "failed"))
    facts.append(_ended(turn, ending))
    return [*frames, turn.record(*facts)]


def _outcome_unknown(turn: Turn) -> bool:
    events = turn.conversation.turn_events(turn.turn_id)
    return any(isinstance(event, ToolReturned) and event.outcome == "unknown" for event in events)


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
    route = next(
        (event for event in turn.conversation.turn_events(turn.turn_id) if isinstance(event, RouteChosen)), None
    )
    playbook = turn.bundle.playbooks.get(route.playbook) if route and route.playbook else None
    offers = playbook.suggestions.get(turn.locale, ()) if playbook and ending.outcome == "replied" else ()
    return TurnEnded(
        at=turn.engine.now(),
        turn_id=turn.turn_id,
        outcome=ending.outcome,
        code=ending.code,
        usage=turn.usage,
        cost_usd=round(turn.cost_usd, 6),
        model=turn.model,
        suggestions=offers,
    )
