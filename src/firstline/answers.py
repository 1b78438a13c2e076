"""What a turn came to, read from its facts: was the question answered, and why should a person be offered? Pure."""

from collections.abc import Sequence

from firstline.bundle import Bundle, Playbook
from firstline.conversation import Conversation
from firstline.events import (
    Event,
    HandoffRequested,
    RouteChosen,
    ToolReturned,
    TurnEnded,
    messages_by,
)
from firstline.second_ear import offers_person
from firstline.sentiment import rate
from firstline.types import HandoffReason, TurnId

NO_ANSWERS_IN_A_ROW = 2
BAD_MOODS_IN_A_ROW = 2

_BUDGET = {"out_of_time", "too_many_rounds", "token_limit", "cost_limit"}
_VERDICT = {"withheld", "refusal"}


def reason_of_failure(code: str | None) -> HandoffReason:
    """Why a person is offered after a turn that failed with this code."""
    if code in _BUDGET:
        return "budget"
    if code in _VERDICT:
        return "verdict"
    return "tool_failed" if code == "tool_loop" else "failed"


def reason_to_offer(bundle: Bundle, conversation: Conversation, turn_id: TurnId, reply: str) -> HandoffReason | None:
    """Why a person should be offered although the turn went well; None when nothing speaks for it.

    An action is in doubt; the playbook is one for people; the model said that it cannot help; nothing was found
    twice; the customer is upset.
    """
    events = conversation.turn_events(turn_id)
    if any(isinstance(event, ToolReturned) and event.outcome in ("unknown", "failed") for event in events):
        return "tool_failed"
    playbook = playbook_of(bundle, events)
    if playbook is not None and playbook.kind == "hand_off":
        return "policy"
    if any(map(offers_person, events)):
        return "no_answer"
    earlier = _earlier_turns(conversation, turn_id)
    if says_unknown(bundle, reply) and any(
        is_unanswered(bundle, turn) for turn in earlier[-(NO_ANSWERS_IN_A_ROW - 1) :]
    ):
        return "no_answer"
    return "sentiment" if _is_upset(conversation) else None


def is_unanswered(bundle: Bundle, events: Sequence[Event]) -> bool:
    """Whether a turn told the customer that nothing was found, or failed."""
    failed = any(isinstance(event, TurnEnded) and event.outcome == "failed" for event in events)
    return failed or any(says_unknown(bundle, reply.text) for reply in messages_by("assistant", events))


def says_unknown(bundle: Bundle, reply: str) -> bool:
    """Whether a reply holds the bundle's own words for "I do not know that", in any of its languages."""
    return any(text.strip() in reply for text in bundle.unknown.values())


def playbook_of(bundle: Bundle, events: Sequence[Event]) -> Playbook | None:
    """The playbook of the turn whose events these are."""
    route = next((event for event in events if isinstance(event, RouteChosen)), None)
    return bundle.playbooks.get(route.playbook) if route and route.playbook else None


def _earlier_turns(conversation: Conversation, turn_id: TurnId) -> list[tuple[Event, ...]]:
    """The turns since a person was last asked for, before this one."""
    ended: list[TurnId] = []
    for logged in conversation.log:
        if isinstance(logged.event, HandoffRequested):
            ended.clear()
        elif isinstance(logged.event, TurnEnded) and logged.event.turn_id != turn_id:
            ended.append(logged.event.turn_id)
    return [conversation.turn_events(each) for each in ended[-NO_ANSWERS_IN_A_ROW:]]


def _is_upset(conversation: Conversation) -> bool:
    """Whether the customer's last message is very negative, or the last ones are all negative."""
    written = messages_by("customer", (logged.event for logged in conversation.log))[-BAD_MOODS_IN_A_ROW:]
    moods = (rate(message.text, conversation.locale) for message in reversed(written))  # mostly the last one decides
    last = next(moods, 0)
    return last == -2 or (last < 0 and len(written) == BAD_MOODS_IN_A_ROW and all(mood < 0 for mood in moods))
