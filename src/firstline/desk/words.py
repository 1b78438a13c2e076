"""What a desk's people read of a fact, as plain text, for desks that show text. Pure.

It is for those who work there, and in English; what customers and the assistant wrote stays in their language.
"""

from collections.abc import Iterable
from typing import assert_never

from firstline.desk import Telling
from firstline.events import (
    ContactLeft,
    ConversationClosed,
    HandoffRequested,
    HandoffRequeued,
    HandoffReturned,
    HandoffUnclaimed,
    MessagePosted,
    SurveyAnswered,
)
from firstline.types import HandoffReason, Message, Package

TRANSCRIPT_CHARS = 20_000
MOODS = {-2: "very negative", -1: "negative", 0: "neutral", 1: "positive", 2: "very positive"}

_REASONS: dict[HandoffReason, str] = {
    "asked": "the customer asked for a person",
    "policy": "our rules want a person here",
    "no_answer": "the assistant had no answer",
    "tool_failed": "something that the assistant needs does not work",
    "budget": "the turn took too much",
    "failed": "the assistant failed",
    "sentiment": "the customer is upset",
    "verdict": "a guardrail stopped the reply",
    "taken_over": "a person took over",
}
_SPEAKERS = {"customer": "Customer", "assistant": "Assistant", "human_agent": "Colleague", "system": "System"}
_WHO = {"customer": "the customer", "human_agent": "a human agent", "timeout": "a time limit"}


def describe(telling: Telling) -> str:
    """The fact as one text."""
    event = telling.event
    match event:
        case HandoffRequested():
            return _describe_request(telling, event)
        case MessagePosted(message=message):
            return message.text
        case ContactLeft(contact=contact, comment=comment):
            lines = [f"The customer wants to be reached: {contact}", comment, _link(telling)]
            return "\n".join(filter(None, lines))
        case HandoffUnclaimed():
            return "Nobody came in time, and the customer was told so. The conversation still waits."
        case HandoffRequeued(by="timeout"):
            return "Whoever had the conversation was silent for too long: the customer waits again."
        case HandoffRequeued():
            return "Whoever had the conversation let go of it: the customer waits again."
        case HandoffReturned(by=by):
            return f"The assistant goes on (by {_WHO[by]})."
        case ConversationClosed(by=by):
            still = " Something is still to be done for the customer." if telling.ticket else ""
            return f"The conversation has ended (by {_WHO[by]}).{still}"
        case SurveyAnswered(score=score, comment=comment):
            return "\n".join(filter(None, [f"The customer says how it was: {score} of 5.", comment]))
        case _:
            assert_never(event)


def _describe_request(telling: Telling, event: HandoffRequested) -> str:
    back = f"People are back at {event.back_at:%Y-%m-%d %H:%M %Z}." if event.back_at else ""
    who = telling.customer_name or telling.customer_id
    parts = [
        f"A person is asked for: {_REASONS[event.reason]}.",
        f"Customer: {who}" if who else "Customer: not signed in",
        f"Language: {telling.locale}",
        back,
        *(_describe_package(event.package) if event.package else ()),
        _titled("So far", _transcribe(telling.transcript)),
        _link(telling),
    ]
    return "\n".join(filter(None, parts))


def _describe_package(package: Package) -> Iterable[str]:
    if package.intent:
        yield f"About: {package.intent}"
    if package.mood is not None:
        yield f"Mood: {MOODS[package.mood]}"
    yield _titled("Summary", package.summary)
    yield _titled("Told already", "\n".join(f"{row.label}: {row.value}" for row in package.slots))
    yield _titled("Tried", "\n".join(f"{each.label}: {each.outcome}" for each in package.actions))
    yield _titled("Sources", "\n".join(f"{each.title}: {each.url}" for each in package.sources))


def _transcribe(messages: Iterable[Message]) -> str:
    """Who said what; of a very long one its end."""
    whole = "\n".join(f"{_SPEAKERS[each.author]}: {each.text}" for each in messages)
    return whole if len(whole) <= TRANSCRIPT_CHARS else f"…{whole[-TRANSCRIPT_CHARS:]}"


def _titled(title: str, text: str) -> str:
    return f"\n{title}\n{text}\n" if text else ""


def _link(telling: Telling) -> str:
    return f"In the inbox: {telling.link}" if telling.link else ""
