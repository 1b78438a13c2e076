"""What is kept of each conversation for the inbox and the report: one flat row, made from its log. Pure.

A record holds nothing that is not in the log; it can be thrown away and made again. `RECORD_VERSION` goes up whenever
`build_record` would make another row from the same log: older rows are then made again.

The pairs `*_n`, `*_ok` are the live scores of the success criteria: of so many, so many were as they should be. They
are of conversations that have come to an end: none while one is going on, so that a turn never waits for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal

from firstline.conversation import Conversation
from firstline.events import (
    Event,
    HandoffAccepted,
    HandoffRequested,
    MessagePosted,
    MoodJudged,
    TurnEnded,
    messages_by,
)
from firstline.handoff import due_at
from firstline.outcome import find_unanswered, judge_outcome
from firstline.scores import Scores, score_conversation
from firstline.scoring import Known
from firstline.sentiment import rate_turns
from firstline.types import ConversationId, HandoffReason, Level, Locale, Status

RECORD_VERSION = 3
SUBJECT_CHARS = 160
TEXT_CHARS = 8_000

Rung = Literal["going", "handed_off", "abandoned", "contained", "empty"]
"""How far a conversation came without a person: still going on, not at all, left in the middle, to its end; or the
customer never wrote.
"""
ENDED: frozenset[Rung] = frozenset({"handed_off", "abandoned", "contained"})
"""What counts as ended, here and in the report."""


@dataclass(frozen=True, slots=True)
class Record:
    """Times are aware UTC; `path`: playbooks in order, then the end, joined by `>`."""

    conversation_id: ConversationId
    seq: int
    version: int
    bundle: str
    revision: str
    locale: Locale
    playbook: str | None
    status: Status
    started_at: datetime
    last_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    waiting_since: datetime | None
    due_at: datetime | None
    held_by: str | None
    holder_name: str | None
    reason: HandoffReason | None
    """Of the hand-off that waits or is under way, else of the last one."""
    ticket: bool
    unclaimed: bool
    approvals: int
    """How many actions wait for a human agent's yes."""
    unread: int
    """What the customer wrote since a person last answered, while one was to answer."""
    customer_name: str
    customer_key: str | None
    """The same for all conversations of one signed-in customer, and tells nothing about them."""
    subject: str
    mood_start: Level | None
    mood: Level | None
    n_customer: int
    n_assistant: int
    n_human: int
    n_requests: int
    cost_usd: float
    tokens: int
    survey: int | None
    rung: Rung
    confirmed: bool
    handling_seconds: float | None
    waited_seconds: float | None
    assistant_seconds: float
    path: str
    scores: Scores
    texts: str
    """Everything that people and the assistant wrote, case-folded, for the search."""
    sources: tuple[str, ...]
    questions: tuple[str, ...]
    """Questions that the assistant could not answer."""


def build_record(conversation: Conversation, known: Known, now: datetime) -> Record:
    """The record of a conversation that has begun."""
    bundle = known.bundle
    started = conversation.started
    assert started is not None, "it has begun"
    events = [logged.event for logged in conversation.log]
    asked = messages_by("customer", events)
    requests = [event for event in events if isinstance(event, HandoffRequested)]
    spent = [event for event in events if isinstance(event, TurnEnded | MoodJudged)]
    taken_over = any(isinstance(event, HandoffAccepted) for event in events) and not requests
    judged = conversation.mood
    by_words = rate_turns([message.text for message in asked], conversation.locale)
    moods = (judged.start, judged.end) if judged else by_words
    outcomes = judge_outcome(conversation, bundle)
    replies = messages_by("assistant", events)
    identity, holder = conversation.identity, conversation.human_agent
    return Record(
        conversation_id=conversation.conversation_id,
        seq=conversation.last_seq,
        version=RECORD_VERSION,
        bundle=conversation.bundle,
        revision=started.revision,
        locale=conversation.locale,
        playbook=outcomes.playbook,
        status=conversation.status,
        started_at=started.at,
        last_at=max(event.at for event in events),
        closed_at=conversation.status_since if conversation.status == "closed" else None,
        closed_by=outcomes.closed_by,
        waiting_since=conversation.status_since if conversation.status == "waiting" else None,
        due_at=due_at(conversation, bundle),
        held_by=holder.staff_id if holder else None,
        holder_name=holder.name if holder else None,
        reason=requests[-1].reason if requests else "taken_over" if taken_over else None,
        ticket=conversation.ticket,
        unclaimed=conversation.unclaimed,
        approvals=sum(each.state_at(now) == "pending" for each in conversation.approvals.values()),
        unread=len(conversation.unheard) if conversation.status in ("waiting", "with_human") else 0,
        customer_name=identity.name if identity else "",
        customer_key=_key(conversation.bundle, identity.customer_id) if identity else None,
        subject=_shorten(asked[-1].text) if asked else "",
        mood_start=moods[0] if moods else None,
        mood=moods[1] if moods else None,
        n_customer=len(asked),
        n_assistant=len(replies),
        n_human=len(messages_by("human_agent", events)),
        n_requests=len(requests) + taken_over,
        cost_usd=sum(event.cost_usd for event in spent),
        tokens=sum(event.usage.total_tokens for event in spent),
        survey=conversation.survey,
        rung=outcomes.rung,
        confirmed=outcomes.confirmed,
        handling_seconds=outcomes.handling_seconds,
        waited_seconds=outcomes.waited_seconds,
        assistant_seconds=outcomes.assistant_seconds,
        path=outcomes.path,
        scores=score_conversation(conversation, known) if outcomes.rung in ENDED else Scores(),
        texts=_collect_texts(conversation, events),
        sources=tuple(dict.fromkeys(citation.url for reply in replies for citation in reply.citations)),
        questions=find_unanswered(conversation, bundle),
    )


def _key(bundle: str, customer_id: str) -> str:
    return sha256(f"{bundle}\0{customer_id}".encode()).hexdigest()[:32]


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SUBJECT_CHARS else line[: SUBJECT_CHARS - 1].rstrip() + "…"


def _collect_texts(conversation: Conversation, events: Sequence[Event]) -> str:
    """The newest texts first: what is cut off at the end is the oldest."""
    written = [event.message.text for event in events if isinstance(event, MessagePosted)]
    name = conversation.identity.name if conversation.identity else ""
    contact = conversation.contact.contact if conversation.contact else ""
    parts = filter(None, (conversation.conversation_id, name, contact, *reversed(written)))
    return "\n".join(parts).casefold()[:TEXT_CHARS]
