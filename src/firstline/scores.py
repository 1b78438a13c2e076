"""The success criteria that the log of one conversation can show, counted turn by turn. Pure, and re-runnable.

Each pair is "of so many, so many were as they should be"; the definitions are those of `docs/report.md`. What needs a
judge or a label (comprehension, relevance) is not here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields

from firstline.answers import is_unanswered, playbook_of, says_unknown
from firstline.bundle import Bundle
from firstline.conversation import Conversation
from firstline.events import (
    CorrectionPosted,
    Event,
    GuardrailRan,
    HandoffOffered,
    HandoffRequested,
    PassagesRetrieved,
    RouteChosen,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    messages_by,
)
from firstline.types import MessageId

QUESTION_CHARS = 300


@dataclass(frozen=True, slots=True)
class Scores:
    """accuracy: replies no human agent corrected; withheld: turns in which the gate held something back. cited:
    conversations (0 or 1) that needed knowledge and gave a source. declined: off-topic turns declined and not done;
    answered: on-topic turns answered. quoted: prices shown exactly as the tool gave them. escalated: turns that had
    to lead to a person or the offer of one, and did.
    """

    accuracy_n: int = 0
    accuracy_ok: int = 0
    withheld: int = 0
    cited_n: int = 0
    cited_ok: int = 0
    declined_n: int = 0
    declined_ok: int = 0
    answered_n: int = 0
    answered_ok: int = 0
    quoted_n: int = 0
    quoted_ok: int = 0
    escalated_n: int = 0
    escalated_ok: int = 0

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def score_turns(conversation: Conversation, bundle: Bundle) -> tuple[Scores, tuple[str, ...], tuple[str, ...]]:
    """The scores; the URLs of the sources given; the questions that found no answer."""
    log = [logged.event for logged in conversation.log]
    corrected = {event.message_id for event in log if isinstance(event, CorrectionPosted)}
    total = Scores()
    questions: list[str] = []
    needed = cited = False
    sources: dict[str, None] = {}
    for event in log:
        if not isinstance(event, TurnEnded):
            continue
        events = conversation.turn_events(event.turn_id)
        total += _score_turn(events, bundle, corrected)
        replies = messages_by("assistant", events)
        sources |= dict.fromkeys(citation.url for reply in replies for citation in reply.citations)
        needed = needed or _needs_knowledge(events, bundle)
        cited = cited or any(reply.citations for reply in replies)
        if is_unanswered(bundle, events):
            questions += [_question(events)]
    total += Scores(cited_n=int(needed), cited_ok=int(needed and cited))
    return total, tuple(sources), tuple(filter(None, questions))


def _score_turn(events: Sequence[Event], bundle: Bundle, corrected: set[MessageId]) -> Scores:
    replies = messages_by("assistant", events)
    playbook = playbook_of(bundle, events)
    kind = playbook.kind if playbook else None
    replied = _ended(events) == "replied"
    quotes = [
        each.card.amount for each in events if isinstance(each, ToolReturned) and each.card and each.card.amount
    ]
    shown = "\n".join(reply.text for reply in replies)
    due = _must_escalate(events, kind)
    acted = any(isinstance(each, ToolCalled) for each in events)
    return Scores(
        accuracy_n=len(replies),
        accuracy_ok=sum(reply.message_id not in corrected for reply in replies),
        withheld=int(any(_is_withheld(each) for each in events)),
        declined_n=int(kind == "decline" and bool(replies)),
        declined_ok=int(kind == "decline" and bool(replies) and replied and not acted),
        answered_n=int(kind in ("answer", "act") and bool(replies)),
        answered_ok=int(kind in ("answer", "act") and bool(replies) and replied and not says_unknown(bundle, shown)),
        quoted_n=len(quotes),
        quoted_ok=sum(_is_quoted(amount, shown) for amount in quotes),
        escalated_n=int(due),
        escalated_ok=int(due and any(isinstance(each, HandoffOffered | HandoffRequested) for each in events)),
    )


def _is_quoted(amount: str, shown: str) -> bool:
    """Whether this very amount is shown: it is no part of a longer number."""
    return re.search(rf"(?<!\d)(?<!\d[.,]){re.escape(amount)}(?![.,]?\d)", shown) is not None


def _must_escalate(events: Sequence[Event], kind: str | None) -> bool:
    wished = any(isinstance(each, RouteChosen) and each.wants_human for each in events)
    return wished or kind == "hand_off" or _ended(events) == "failed"


def _needs_knowledge(events: Sequence[Event], bundle: Bundle) -> bool:
    """Whether an answer had to rest on knowledge: a product question, replied to, with passages at hand."""
    playbook = playbook_of(bundle, events)
    found = any(isinstance(each, PassagesRetrieved) and each.passages for each in events)
    return bool(playbook and playbook.kind == "answer" and found and messages_by("assistant", events))


def _is_withheld(event: Event) -> bool:
    return isinstance(event, GuardrailRan) and event.stage == "output" and event.verdict.decision == "block"


def _ended(events: Sequence[Event]) -> str:
    return next((each.outcome for each in events if isinstance(each, TurnEnded)), "")


def _question(events: Sequence[Event]) -> str:
    asked = " ".join(message.text for message in messages_by("customer", events))
    return " ".join(asked.split())[:QUESTION_CHARS]
