"""A live conversation as a trial, so that the scorers of the evaluation count it as they count a case. Pure.

Nobody has labelled it: what is expected is read off its own log. So it shows whether the assistant did what it had
found to be due, and not whether that was due: a wrong choice of playbook, or a needless hand-off, it cannot show.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from firstline.answers import playbook_of
from firstline.bundle import Bundle
from firstline.conversation import Conversation
from firstline.events import (
    ConfirmationDecided,
    Event,
    HandoffRequested,
    Logged,
    MessagePosted,
    PassagesRetrieved,
    ToolReturned,
    TurnEnded,
    TurnStarted,
    messages_by,
)
from firstline.scoring.case import Case, Expected, Turn, TurnExpected
from firstline.scoring.scorers import is_blocked
from firstline.scoring.trial import Trial
from firstline.second_ear import hears_wish, offers_person
from firstline.types import Outcome

ON_TOPIC = {"decline": False, "answer": True, "act": True}
"""Whether a message is on topic, by the kind of the playbook that it was taken for; other kinds do not say."""


def build_trial(conversation: Conversation, bundle: Bundle) -> Trial | None:
    """None where the customer did nothing. Its case bears the conversation's id."""
    started, acts = conversation.started, find_acts(conversation.log)
    if started is None or not acts:
        return None
    log = [logged.event for logged in conversation.log]
    turns = [log[first - 1 : after - 1] for first, after in acts]
    models = [event.model for event in log if isinstance(event, TurnEnded) and event.model]
    return Trial(
        case=Case(
            id=conversation.conversation_id,
            locale=conversation.locale,
            turns=tuple(Turn(say=_quote(events), expect=_read_expected(events, bundle)) for events in turns),
            expect=Expected(
                escalation="must" if any(_must_escalate(events, bundle) for events in turns) else "may",
                needs_information=any(_needs_knowledge(events, bundle) for events in turns),
            ),
        ),
        number=1,
        seed=0,
        log=conversation.log,
        acts=acts,
        seconds=0.0,
        revision=started.revision,
        model=models[-1] if models else "",
    )


def find_acts(log: Sequence[Logged]) -> tuple[tuple[int, int], ...]:
    """The seqs (first, after last) of what each act of the customer led to.

    What comes while a turn runs belongs to it; the turn that then answers it is an act of its own.
    """
    begins = list(_find_beginnings(log))
    return tuple(pairwise([*begins, log[-1].seq + 1])) if begins else ()


def _find_beginnings(log: Sequence[Logged]) -> Iterator[int]:
    running = answered = False
    for logged in log:
        event = logged.event
        if _is_act(event) and not running:
            answered = False
            yield logged.seq
        elif isinstance(event, TurnStarted):
            if answered:
                yield logged.seq
            running = answered = True
        elif isinstance(event, TurnEnded):
            running = False


def _is_act(event: Event) -> bool:
    if isinstance(event, MessagePosted):
        return event.message.author == "customer"
    return isinstance(event, ConfirmationDecided) or (isinstance(event, HandoffRequested) and event.turn_id is None)


def _quote(events: Sequence[Event]) -> str:
    return "\n".join(message.text for message in messages_by("customer", events)).strip() or "…"


# What is expected ---------------------------------------------------------------------------------------------------


def _read_expected(events: Sequence[Event], bundle: Bundle) -> TurnExpected:
    """Of a turn that nobody stopped, and no person took over: to name the price that a tool gave, and to take up what
    was asked, or decline it; a turn that asked for a person has taken it up.
    """
    playbook = playbook_of(bundle, events)
    answered = bool({"replied", "failed"}.intersection(_outcomes(events)))
    asked = any(isinstance(event, HandoffRequested) for event in events)
    labelled = (answered or asked) and not is_blocked(events)
    priced = any(isinstance(event, ToolReturned) and event.card and event.card.amount for event in events)
    return TurnExpected(
        on_topic=ON_TOPIC.get(playbook.kind) if playbook and labelled else None,
        quote=True if priced and answered else None,
    )


def _must_escalate(events: Sequence[Event], bundle: Bundle) -> bool:
    """A wish for a person, whoever heard it, a playbook for people, a failure: each has to lead to a person, or the
    offer of one.
    """
    wished = any(hears_wish(event) or offers_person(event) for event in events)
    playbook = playbook_of(bundle, events)
    for_people = playbook is not None and playbook.kind == "hand_off"
    return "failed" in _outcomes(events) or ((wished or for_people) and bool(_outcomes(events) - {"cancelled"}))


def _needs_knowledge(events: Sequence[Event], bundle: Bundle) -> bool:
    """Whether an answer had to rest on knowledge: a product question, replied to, with passages at hand."""
    playbook = playbook_of(bundle, events)
    found = any(isinstance(event, PassagesRetrieved) and event.passages for event in events)
    return bool(playbook and playbook.kind == "answer" and found and messages_by("assistant", events))


def _outcomes(events: Sequence[Event]) -> set[Outcome]:
    return {event.outcome for event in events if isinstance(event, TurnEnded)}
