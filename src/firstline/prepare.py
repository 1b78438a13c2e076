"""What is found out about a customer's message before the model is asked: screening, route, passages.

Each part has a declared default for when it fails, and what happened stands in the log. They are pure and take
less than a millisecond together, so they run one after the other: there is nothing to wait for at the same time.
"""

import re
from collections.abc import Sequence
from itertools import zip_longest

import structlog

from firstline.conversation import written_since_back
from firstline.engine import Turn
from firstline.events import (
    Event,
    GuardrailRan,
    MessagePosted,
    PassagesRetrieved,
    RouteChosen,
    TurnEnded,
)
from firstline.guardrails import Evidence, Guardrail, Screening
from firstline.retrieval import Retriever
from firstline.types import Locale, Passage, Verdict
from firstline.wishes import accepts_offer, wants_human

PASSAGES = 4
QUERY_CHARS = 1_000
MOST_QUESTIONS = 3

_QUESTION = re.compile(r"[?？؟]")
_ASKED = re.compile(r"[^.!?…。！？؟\n]+[?？؟]")
_WORDY = re.compile(r"\w[^\w\u3040-\u9fff]+\w|[\u3040-\u9fff]{4}")
"""More than one word: "hello?" asks for nothing."""

_log = structlog.get_logger()


async def prepare(turn: Turn) -> Sequence[Event] | None:
    """Screening, route and passages for what the customer wrote; None when a crash came after they were noted."""
    events = turn.conversation.turn_events(turn.turn_id)
    if any(isinstance(event, RouteChosen) for event in events):
        return None
    asked = [each for each in turn.conversation.asked if each.turn_id == turn.turn_id]
    left = (*turn.conversation.taken, *turn.conversation.unheard)  # written while a person was to answer
    written = "\n".join(event.message.text for event in (*left, *asked))
    if not written.strip():  # a confirmation's turn: the customer pressed a button, and wrote nothing
        return [_route(turn, "")]
    screened = [_screen(turn, guardrail, written) for guardrail in turn.engine.input_guardrails]
    text = "\n".join([*(_without_wish(each.message.text) for each in left), *(each.message.text for each in asked)])
    route = _route(turn, text, fresh=_written_since_back(turn))
    return [*screened, route, await _retrieve(turn, text, route)]


def _written_since_back(turn: Turn) -> str:
    """Where alone a new wish can stand."""
    return written_since_back(turn.conversation, turn.turn_id)


def find_questions(text: str) -> str:
    """The questions in a text that asks for a person as well: what stays to be answered; empty when nothing does."""
    asked = (sentence.strip() for sentence in _ASKED.findall(text))
    return "\n".join(each for each in asked if _WORDY.search(each) and not wants_human(each))


def _without_wish(text: str) -> str:
    """A text that was left unanswered, without the wish in it that was heard."""
    return (find_questions(text) if wants_human(text) else "") or text


def _screen(turn: Turn, guardrail: Guardrail, text: str) -> GuardrailRan:
    screening = Screening(stage="input", text=text, locale=turn.locale, evidence=Evidence(()))
    try:
        verdict = guardrail.check(screening)
    except Exception:
        _log.exception("guardrail_broke", guardrail=guardrail.name, turn_id=turn.turn_id)
        verdict = Verdict(guardrail=guardrail.name, decision=guardrail.when_broken, reason="broken")
    return GuardrailRan(at=turn.engine.now(), turn_id=turn.turn_id, stage="input", verdict=verdict)


def _route(turn: Turn, text: str, *, fresh: str = "") -> RouteChosen:
    """The playbook for this text. It stays with the last one for a turn that has no text of its own.

    fresh: what of it was written since the assistant has the conversation. A wish for a person that is older has been
    heard: to hear it again would send the customer round in a circle.
    """
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
        asked=bool(said) and _QUESTION.search(said[-1].text.rpartition("\n\n")[2]) is not None,
    )
    wished = wants_human(fresh)
    return RouteChosen(
        at=at,
        turn_id=turn_id,
        playbook=chosen.playbook,
        locale=chosen.locale,
        wants_human=wished or (_was_offered(turn, log) and accepts_offer(fresh)),
        asks_more=wished and find_questions(fresh) != "",
        score=chosen.score,
        runner_up=chosen.runner_up,
    )


def _was_offered(turn: Turn, log: Sequence[Event]) -> bool:
    """Whether the turn before this one offered a person."""
    ended = [event.turn_id for event in log if isinstance(event, TurnEnded)]
    return bool(ended) and ended[-1] == turn.conversation.offered_in


async def find_passages(retriever: Retriever, text: str, locale: Locale) -> tuple[Passage, ...]:
    """Passages for a customer's text: the best of each of its questions first."""
    found = [
        await retriever.search(query, locale=locale, limit=PASSAGES) for query in split_questions(text[:QUERY_CHARS])
    ]
    return _merge(found)


async def _retrieve(turn: Turn, text: str, route: RouteChosen) -> PassagesRetrieved:
    """Passages for the text; none, and said so in the log, when the retriever fails: the reply then knows less."""
    at, turn_id = turn.engine.now(), turn.turn_id
    try:
        found = await find_passages(turn.engine.retriever, text, route.locale)
    except Exception:
        _log.exception("retriever_broke", turn_id=turn_id)
        return PassagesRetrieved(at=at, turn_id=turn_id, passages=(), failed=True)
    return PassagesRetrieved(at=at, turn_id=turn_id, passages=found)


def split_questions(text: str) -> list[str]:
    """What to search for: the text, or each of its questions by itself when there are several."""
    questions = [part.strip() for part in re.split(r"(?<=[?？؟])|\n+", text) if len(part.strip()) > 1]
    return questions[:MOST_QUESTIONS] if len(questions) > 1 else [text]


def _merge(found: Sequence[Sequence[Passage]]) -> tuple[Passage, ...]:
    """The best of each search first, none twice; a little more than for one question when there were several."""
    merged: dict[str, Passage] = {}
    for rank in zip_longest(*found):
        merged |= {each.passage_id: each for each in rank if each is not None and each.passage_id not in merged}
    return tuple(merged.values())[: PASSAGES + 2 * (len(found) - 1)]
