"""How a conversation went: how far it came without a person, how long it took, and the path it took. Pure.

The rungs are those of the deflection ladder; what is not resolved is never counted as resolved.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Literal

from firstline.answers import is_unanswered, playbook_of
from firstline.bundle import Bundle
from firstline.conversation import Conversation
from firstline.events import (
    ConversationClosed,
    Event,
    HandoffAccepted,
    HandoffRequested,
    HandoffReturned,
    RouteChosen,
    TurnEnded,
    TurnStarted,
    messages_by,
)
from firstline.types import TurnId

_ASKS = re.compile(r"[?？؟]\W*$")
QUESTION_CHARS = 300
CONFIRMING_SCORE = 4
"""A survey of this and more confirms that the customer was helped."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """`playbook`: the one that took the most turns. Times in seconds: `handling` from the first question on, `waited`
    from the first request for a person until one came.
    """

    rung: Literal["going", "handed_off", "abandoned", "contained", "empty"]
    confirmed: bool
    playbook: str | None
    closed_by: str | None
    handling_seconds: float | None
    waited_seconds: float | None
    assistant_seconds: float
    path: str


def judge_outcome(conversation: Conversation, bundle: Bundle) -> Outcomes:
    """What became of the conversation, so far."""
    events = [logged.event for logged in conversation.log]
    closed = [event for event in events if isinstance(event, ConversationClosed)]
    closed_by = closed[-1].by if closed and conversation.status == "closed" else None
    rung = _find_rung(conversation, bundle, events)
    steps = [event.playbook or "unsure" for event in events if isinstance(event, RouteChosen)]
    ways = [step for step, _ in groupby(steps)]
    return Outcomes(
        rung=rung,
        confirmed=rung == "contained" and (conversation.survey or 0) >= CONFIRMING_SCORE,
        playbook=max(sorted(set(steps)), key=steps.count, default=None),
        closed_by=closed_by,
        handling_seconds=_measure_handling(conversation, events),
        waited_seconds=_measure_wait(events),
        assistant_seconds=_measure_turns(events),
        path=">".join([*ways, f"end:{rung}"]),
    )


def find_unanswered(conversation: Conversation, bundle: Bundle) -> tuple[str, ...]:
    """The questions of turns that failed, or told the customer that nothing was found; cut to QUESTION_CHARS."""
    turns: dict[TurnId, list[Event]] = defaultdict(list)
    for logged in conversation.log:
        if (turn_id := getattr(logged.event, "turn_id", None)) is not None:
            turns[turn_id].append(logged.event)
    asked = (_quote(events) for events in turns.values() if is_unanswered(bundle, events))
    return tuple(filter(None, asked))


def _quote(events: Sequence[Event]) -> str:
    asked = " ".join(message.text for message in messages_by("customer", events))
    return " ".join(asked.split())[:QUESTION_CHARS]


def _find_rung(
    conversation: Conversation, bundle: Bundle, events: Sequence[Event]
) -> Literal["going", "handed_off", "abandoned", "contained", "empty"]:
    if not messages_by("customer", events):
        return "empty"
    if any(isinstance(event, HandoffRequested | HandoffAccepted) for event in events):
        return "handed_off"
    if conversation.status != "closed":
        return "going"
    return "abandoned" if _is_left_open(conversation, bundle, events) else "contained"


def _is_left_open(conversation: Conversation, bundle: Bundle, events: Sequence[Event]) -> bool:
    """Whether it ended in the middle: no answer, a failure, or a question of ours that nobody answered."""
    if (conversation.survey or 0) >= CONFIRMING_SCORE:
        return False
    ended = [event.turn_id for event in events if isinstance(event, TurnEnded)]
    last = conversation.turn_events(ended[-1]) if ended else ()
    if not last or conversation.unfinished or is_unanswered(bundle, last):
        return True
    if any(isinstance(event, TurnEnded) and event.outcome == "cancelled" for event in last):
        return True
    playbook = playbook_of(bundle, last)
    replies = messages_by("assistant", last)
    asks = bool(replies) and _ASKS.search(replies[-1].text) is not None
    return asks and playbook is not None and playbook.kind == "act"


def _measure_handling(conversation: Conversation, events: Sequence[Event]) -> float | None:
    """From the customer's first message to the last word of whoever answered; None while it goes on."""
    asked = messages_by("customer", events)
    answers = [*messages_by("assistant", events), *messages_by("human_agent", events)]
    if not asked or not answers or conversation.status != "closed":
        return None
    return max(0.0, (max(answer.at for answer in answers) - asked[0].at).total_seconds())


def _measure_wait(events: Sequence[Event]) -> float | None:
    """None where nobody was asked for, or nobody has come; who went on with the assistant waits no more."""
    asked: datetime | None = None
    for event in events:
        if isinstance(event, HandoffRequested):
            asked = asked or event.at
        elif isinstance(event, HandoffReturned | ConversationClosed):
            asked = None
        elif isinstance(event, HandoffAccepted) and asked is not None:
            return max(0.0, (event.at - asked).total_seconds())
    return None


def _measure_turns(events: Sequence[Event]) -> float:
    """How long the assistant worked."""
    started: dict[str, datetime] = {event.turn_id: event.at for event in events if isinstance(event, TurnStarted)}
    return sum(
        max(0.0, (event.at - started[event.turn_id]).total_seconds())
        for event in events
        if isinstance(event, TurnEnded) and event.turn_id in started
    )
