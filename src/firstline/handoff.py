"""What each person may do to a hand-off, and the facts that come of it. Pure: decides, never appends.

The customer asks, goes on with the assistant, leaves a contact, reopens; a human agent accepts, replies, lets go,
returns, resolves; time requeues and apologises. Every function gives facts to append, none when it is already so,
or `Refused`. Whoever appends does so behind the seq that the decision was made on: so two who decide at the same
moment cannot both win. `firstline.states` is the table underneath.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from firstline.bundle import WEEKDAYS, Bundle, Hours
from firstline.conversation import Conversation
from firstline.events import (
    ApprovalDecided,
    ContactLeft,
    ConversationClosed,
    ConversationReopened,
    Event,
    HandoffAccepted,
    HandoffRequested,
    HandoffRequeued,
    HandoffReturned,
    HandoffUnclaimed,
    MessagePosted,
)
from firstline.hours import next_opening, people_available
from firstline.notices import tell_let_go, tell_unclaimed, tell_who_answers
from firstline.package import build_package
from firstline.states import next_status
from firstline.types import Author, HandoffReason, HumanAgent, Locale, Message, MessageId, TurnId

NewId = Callable[[str], str]


@dataclass(frozen=True)
class Refused:
    """Why a move cannot be made now; `code` is what callers branch on, `text` says what to do."""

    code: Literal["closed", "already_taken", "not_yours", "not_accepted", "not_waiting", "id_used"]
    text: str


Decision = tuple[Event, ...] | Refused

CLOSED = Refused("closed", "This conversation is closed. Reopen it, or start a new one.")
ID_USED = Refused("id_used", "This client_message_id belongs to another text.")


# The customer, and the assistant for the customer -----------------------------------------------------------------


def request_person(
    conversation: Conversation,
    bundle: Bundle,
    reason: HandoffReason,
    now: datetime,
    new_id: NewId,
    *,
    turn_id: TurnId | None = None,
) -> Decision:
    """A person is to answer, and the customer is told who and when. Nothing when one was asked for already."""
    if conversation.status == "closed":
        return CLOSED
    if next_status(conversation.status, "request") is None:
        return ()
    here = people_available(bundle.hours, now)
    requested = HandoffRequested(
        at=now,
        turn_id=turn_id,
        reason=reason,
        package=build_package(conversation, bundle, now),
        back_at=None if here else next_opening(bundle.hours, now),
    )
    told = tell_who_answers(bundle, conversation.locale, now)
    return (requested, _line(told, conversation.locale, now, new_id, turn_id=turn_id))


def go_on(conversation: Conversation, now: datetime, new_id: NewId) -> Decision:
    """The customer goes on with the assistant while nobody has come; what was left unanswered is answered now."""
    if conversation.status == "closed":
        return CLOSED
    if conversation.status != "waiting":
        return ()
    return (HandoffReturned(at=now, by="customer", turn_id=_due_turn(conversation, new_id)),)


def leave_contact(conversation: Conversation, contact: str, comment: str, now: datetime) -> Decision:
    """The customer says how to be reached: a ticket, whatever becomes of the conversation."""
    known = conversation.contact
    if known is not None and (known.contact, known.comment) == (contact, comment):
        return ()
    if conversation.status not in ("waiting", "with_human"):
        return CLOSED if conversation.status == "closed" else Refused("not_waiting", "Ask for a person first.")
    return (ContactLeft(at=now, contact=contact, comment=comment),)


def reopen(conversation: Conversation, now: datetime) -> Decision:
    """The customer goes on with a closed conversation: the assistant answers again."""
    return (ConversationReopened(at=now, by="customer"),) if conversation.status == "closed" else ()


# Human agents -----------------------------------------------------------------------------------------------------


def accept(conversation: Conversation, bundle: Bundle, human_agent: HumanAgent, now: datetime) -> Decision:
    """The human agent has the conversation: from the queue, or taken over from the assistant. One wins."""
    if conversation.status == "closed":
        return CLOSED
    holder = conversation.human_agent
    if holder is not None:
        same = holder.staff_id == human_agent.staff_id
        return () if same else Refused("already_taken", f"{holder.name} has this conversation.")
    package = None if conversation.request else build_package(conversation, bundle, now)
    return (HandoffAccepted(at=now, human_agent=human_agent, package=package),)


def check_holder(conversation: Conversation, human_agent: HumanAgent) -> Refused | None:
    """Why this human agent may not speak or decide here now; None when they may."""
    if conversation.status == "closed":
        return CLOSED
    holder = conversation.human_agent
    if holder is None:
        return Refused("not_accepted", "Accept the conversation first.")
    if holder.staff_id != human_agent.staff_id:
        return Refused("not_yours", f"{holder.name} has this conversation.")
    return None


def reply(
    conversation: Conversation, human_agent: HumanAgent, text: str, client_id: str, now: datetime, new_id: NewId
) -> Decision:
    """The human agent's words to the customer. The same `client_id` and text again is the same message."""
    said = conversation.replied.get(client_id)
    if said is not None:
        same = isinstance(said.event, MessagePosted) and said.event.message.text == text
        return () if same else ID_USED
    refused = check_holder(conversation, human_agent)
    if refused is not None:
        return refused
    message = Message(
        message_id=MessageId(new_id("ms")),
        author="human_agent",
        author_name=human_agent.name,
        author_picture=human_agent.picture,
        text=text,
        at=now,
    )
    return (MessagePosted(at=now, message=message, client_message_id=client_id),)


def let_go(
    conversation: Conversation, bundle: Bundle, human_agent: HumanAgent, now: datetime, new_id: NewId
) -> Decision:
    """Back into the queue, for a colleague; the customer is told."""
    refused = check_holder(conversation, human_agent)
    if refused is not None:
        return refused
    return _requeue(conversation, bundle, "human_agent", now, new_id)


def return_to_assistant(
    conversation: Conversation, human_agent: HumanAgent, now: datetime, new_id: NewId
) -> Decision:
    """The assistant goes on, and answers at once what the customer still waits for."""
    if conversation.status == "open":
        return ()
    if conversation.status in ("with_human", "closed"):
        refused = check_holder(conversation, human_agent)
        if refused is not None:
            return refused
    return (HandoffReturned(at=now, by="human_agent", turn_id=_due_turn(conversation, new_id)),)


def resolve(conversation: Conversation, human_agent: HumanAgent, now: datetime) -> Decision:
    """The matter is settled: the conversation ends, and so does its ticket."""
    if conversation.status == "closed":
        return (ConversationClosed(at=now, by="human_agent"),) if conversation.ticket else ()
    if conversation.status == "with_human":
        refused = check_holder(conversation, human_agent)
        if refused is not None:
            return refused
    return (ConversationClosed(at=now, by="human_agent"),)


def take_up(conversation: Conversation, human_agent: HumanAgent, now: datetime) -> Decision:
    """A human agent goes on with a closed conversation."""
    if conversation.status != "closed":
        holder = conversation.human_agent
        if holder is not None and holder.staff_id == human_agent.staff_id:
            return ()
        return Refused("not_waiting", "The conversation is not closed. Accept it instead.")
    return (ConversationReopened(at=now, by="human_agent", human_agent=human_agent),)


# Time -------------------------------------------------------------------------------------------------------------


def due_at(conversation: Conversation, bundle: Bundle) -> datetime | None:
    """The moment from which time itself changes something here; None while it does not."""
    undecided = [each.requested.expires_at for each in conversation.approvals.values() if each.decided is None]
    moved = _move_due_at(conversation, bundle)
    if undecided and conversation.status == "open":
        return min(undecided)  # it is not idle: it waits for us
    return min([*undecided, moved] if moved else undecided, default=None)


def _move_due_at(conversation: Conversation, bundle: Bundle) -> datetime | None:
    since, limits = conversation.status_since, bundle.handoff
    if since is None:
        return None
    if conversation.status == "waiting":
        return None if conversation.unclaimed else _wait_ends(bundle, since)
    if conversation.status == "with_human":
        first = conversation.unheard[0].at if conversation.unheard else None
        if conversation.human_spoke_at is None:
            first = since
        return None if first is None else max(first, since) + timedelta(minutes=limits.silent_minutes)
    if conversation.status == "open" and not conversation.unfinished and conversation.log:
        return conversation.log[-1].event.at + timedelta(hours=limits.idle_hours)
    return None


def decide_due(conversation: Conversation, bundle: Bundle, now: datetime, new_id: NewId) -> tuple[Event, ...]:
    """What time has brought: an apology, a place in the queue again, the end of an idle conversation; or nothing."""
    moment = due_at(conversation, bundle)
    if moment is None or now < moment:
        return ()
    if expired := _expire_approvals(conversation, now, new_id):
        return expired
    locale = conversation.locale
    if conversation.status == "waiting":
        told = tell_unclaimed(bundle, locale, now, left=conversation.contact is not None)
        return (HandoffUnclaimed(at=now), _line(told, locale, now, new_id))
    if conversation.status == "with_human":
        return _requeue(conversation, bundle, "timeout", now, new_id)
    return (ConversationClosed(at=now, by="timeout"),)


def _expire_approvals(conversation: Conversation, now: datetime, new_id: NewId) -> tuple[Event, ...]:
    """What nobody approved in time is over, and the customer is told in a turn of its own."""
    turn_id = conversation.next_turn or TurnId(new_id("tn"))
    return tuple(
        ApprovalDecided(at=now, turn_id=turn_id, approval_id=approval_id, decision="expire")
        for approval_id, approval in conversation.approvals.items()
        if approval.decided is None and now >= approval.requested.expires_at
    )


def _wait_ends(bundle: Bundle, since: datetime) -> datetime:
    """When somebody should have come: only time in which people are there counts; all of it where they never are."""
    hours, left, at = bundle.hours, timedelta(minutes=bundle.handoff.wait_minutes), since
    while True:
        opens = at if people_available(hours, at) else next_opening(hours, at)
        if opens is None:
            return since + timedelta(minutes=bundle.handoff.wait_minutes)
        at, closes = opens.astimezone(UTC), _closing(hours, opens)
        if at + left <= closes:
            return at + left
        left, at = left - (closes - at), closes


def _closing(hours: Hours, at: datetime) -> datetime:
    """When the people who are there at this moment go; in UTC, since clocks may change meanwhile."""
    local = at.astimezone(hours.zone)
    spans = (span for span in hours.weekly[WEEKDAYS[local.weekday()]] if span.opens <= local.time() < span.closes)
    return datetime.combine(local.date(), max(span.closes for span in spans), tzinfo=hours.zone).astimezone(UTC)


def _requeue(
    conversation: Conversation, bundle: Bundle, by: Literal["human_agent", "timeout"], now: datetime, new_id: NewId
) -> tuple[Event, ...]:
    told = tell_let_go(bundle, conversation.locale, now)
    back_at = None if people_available(bundle.hours, now) else next_opening(bundle.hours, now)
    return (HandoffRequeued(at=now, by=by, back_at=back_at), _line(told, conversation.locale, now, new_id))


def _due_turn(conversation: Conversation, new_id: NewId) -> TurnId | None:
    """The turn that answers what is left; also what a running turn leaves that is broken off because of the move."""
    left = conversation.unheard or conversation.taken or conversation.asked
    return (conversation.next_turn or TurnId(new_id("tn"))) if left else None


def _line(text: str, locale: Locale, now: datetime, new_id: NewId, *, turn_id: TurnId | None = None) -> MessagePosted:
    author: Author = "system"
    message = Message(message_id=MessageId(new_id("ms")), author=author, text=text, at=now)
    return MessagePosted(at=now, turn_id=turn_id, message=message)
