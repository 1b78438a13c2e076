"""What comes of a deed of a desk's people: as for every human agent, and colleagues act for each other."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from firstline.conversation import Conversation, new_conversation
from firstline.desk.hearing import Colleague, Heard, decide, read_chatwoot
from firstline.events import (
    ContactLeft,
    ConversationClosed,
    ConversationStarted,
    Event,
    HandoffAccepted,
    HandoffRequested,
    HandoffReturned,
    MessagePosted,
)
from firstline.handoff import Refused
from firstline.types import ConversationId, HumanAgent, StaffId
from tests.support.fake_desk import AT, message_created, said, status_changed
from tests.support.toy import make_bundle

BUNDLE = make_bundle()
ONE, TWO = Colleague("1", "Desk One", "https://desk.example/1.png"), Colleague("2", "Desk Two")
BO = HumanAgent(staff_id=StaffId("st_1"), name="Inbox One")

STARTED = ConversationStarted(
    at=AT, bundle="workshop", revision="r1", locale="en", token_sha256="0", expires_at=AT + timedelta(days=30)
)
REQUESTED = HandoffRequested(at=AT, reason="asked")
WROTE = MessagePosted(at=AT, message=said("Are you there?"))


def after(*events: Event) -> Conversation:
    return new_conversation(ConversationId("cv_a")).extended(STARTED, *events)


def heard(deed: Any, who: Colleague = ONE, *, number: int = 1, **other: Any) -> Heard:
    return Heard(**{"desk": "webhook", "arrival_id": f"id-{number}", "deed": deed, "colleague": who, **other})


def do(conversation: Conversation, deed: Heard) -> tuple[Event, ...] | Refused:
    ids = count(1)
    return decide(conversation, deed, BUNDLE, AT, lambda kind: f"{kind}_{next(ids)}")


def go(conversation: Conversation, *deeds: Heard) -> Conversation:
    for deed in deeds:
        facts = do(conversation, deed)
        assert isinstance(facts, tuple), facts
        conversation = conversation.extended(*facts)
    return conversation


def texts_of(conversation: Conversation) -> list[tuple[str | None, str]]:
    events = [logged.event for logged in conversation.log]
    posted = [event.message for event in events if isinstance(event, MessagePosted)]
    return [(each.author_name, each.text) for each in posted if each.author == "human_agent"]


# Deeds --------------------------------------------------------------------------------------------------------------


def test_a_hand_off_goes_from_the_desk_to_its_end() -> None:
    conversation = go(after(REQUESTED), heard("accept"), heard("reply", text="Hello", number=2))
    assert conversation.human_agent == HumanAgent(staff_id=StaffId("webhook:1"), name="Desk One", picture=ONE.picture)
    assert texts_of(conversation) == [("Desk One", "Hello")]

    assert go(conversation, heard("return", number=3)).status == "open"
    assert go(conversation, heard("resolve", number=3)).status == "closed"


def test_colleagues_of_one_desk_act_for_each_other_and_the_customer_sees_who_speaks() -> None:
    conversation = go(after(REQUESTED), heard("accept"), heard("reply", TWO, text="I take over", number=2))

    assert texts_of(conversation) == [("Desk Two", "I take over")]
    assert do(conversation, heard("accept", TWO, number=3)) == ()
    assert go(conversation, heard("resolve", TWO, number=4)).status == "closed"


@pytest.mark.parametrize("deed", ["accept", "reply", "return", "resolve"])
def test_what_somebody_in_the_inbox_has_stays_theirs(deed: str) -> None:
    refused = do(after(REQUESTED, HandoffAccepted(at=AT, human_agent=BO)), heard(deed, text="x"))

    assert isinstance(refused, Refused) and refused.code in ("already_taken", "not_yours")


def test_who_has_not_accepted_is_refused_unless_writing_takes_it() -> None:
    refused = do(after(REQUESTED), heard("reply", text="Hello"))
    assert isinstance(refused, Refused) and refused.code == "not_accepted"

    taken = go(after(REQUESTED), heard("reply", text="Hello", indirect=True))
    assert taken.status == "with_human" and texts_of(taken) == [("Desk One", "Hello")]


def test_a_reply_that_is_told_again_is_one_reply_whatever_has_happened_since() -> None:
    reply = heard("reply", text="Hello", indirect=True)
    conversation = go(after(REQUESTED), reply)

    assert do(conversation, reply) == ()
    returned = go(conversation, heard("return", number=2)).extended(REQUESTED)
    assert do(returned, reply) == (), "it does not take the conversation again"


def test_nobody_writes_into_a_closed_conversation() -> None:
    closed = after(REQUESTED, ConversationClosed(at=AT, by="customer"))

    for deed in (heard("reply", text="x", indirect=True), heard("accept")):
        refused = do(closed, deed)
        assert isinstance(refused, Refused) and refused.code == "closed"


def test_a_ticket_is_resolved_though_the_conversation_is_closed() -> None:
    left = ContactLeft(at=AT, contact="kim@customer.example")
    ticket = after(REQUESTED, left, ConversationClosed(at=AT, by="customer"))

    assert ticket.contact is not None and go(ticket, heard("resolve")).contact is None


def test_tidying_up_leaves_alone_what_the_assistant_has() -> None:
    returned = after(REQUESTED, HandoffReturned(at=AT, by="customer"))

    assert do(returned, heard("resolve", indirect=True)) == ()
    assert do(returned, heard("resolve")) != (), "asked for in so many words, it is done"


def test_returning_names_the_turn_that_answers_what_was_left() -> None:
    conversation = go(after(REQUESTED, WROTE), heard("accept"), heard("return", number=2))

    assert conversation.unfinished and conversation.status == "open"


@pytest.mark.parametrize("deed", ["return", "resolve"])
def test_what_was_done_before_the_customer_asked_again_is_no_answer_to_it(deed: str) -> None:
    """We told the desk that the assistant goes on; it tells us so in turn, and the customer has asked again since."""
    echo = heard(deed, since=AT - timedelta(seconds=1), indirect=True)
    conversation = after(REQUESTED)

    assert do(conversation, echo) == ()
    assert do(conversation, heard(deed, since=AT + timedelta(seconds=1), indirect=True)) != ()


# Chatwoot -----------------------------------------------------------------------------------------------------------


def test_what_a_person_writes_in_chatwoot_is_a_reply() -> None:
    found = read_chatwoot(message_created(41, "Hello Kim", number=118), "hash")

    assert found is not None and found.thread == "41"
    assert found.heard == Heard("chatwoot", "118", "reply", Colleague("1", "Desk One"), "Hello Kim", indirect=True)


@pytest.mark.parametrize(
    "other",
    [
        {"private": True},
        {"message_type": "incoming"},
        {"message_type": "template"},
        {"message_type": "activity"},
        {"sender": {"id": 1, "name": "Bot", "type": "agent_bot"}},
        {"sender": None},
        {"event": "message_updated"},
        {"event": "conversation_created"},
        {"event": None},
    ],
)
def test_everything_else_that_is_written_there_is_none(other: dict[str, Any]) -> None:
    """Our own notes and messages come back as events too."""
    assert read_chatwoot(message_created(41, "x", **other), "hash") is None


@pytest.mark.parametrize(("status", "deed"), [("resolved", "resolve"), ("pending", "return")])
def test_a_standing_is_a_deed_of_whoever_is_assigned(status: str, deed: str) -> None:
    found = read_chatwoot(status_changed(41, status, updated_at=AT), "hash")

    assert found is not None and found.thread == "41"
    assert found.heard == Heard("chatwoot", "hash", deed, Colleague("1", "Desk One"), indirect=True, since=AT)  # pyright: ignore


@pytest.mark.parametrize("status", ["open", "snoozed", "new", ""])
def test_other_standings_are_none(status: str) -> None:
    assert read_chatwoot(status_changed(41, status, updated_at=AT), "hash") is None


def test_nobody_assigned_is_somebody_of_chatwoot() -> None:
    found = read_chatwoot(status_changed(41, "resolved", updated_at=AT, meta={"assignee": None}), "hash")

    assert found is not None and found.heard.colleague == Colleague("anybody", "Chatwoot")


@pytest.mark.parametrize(
    "event",
    [
        message_created(41, "x") | {"conversation": None},
        message_created(41, "x") | {"conversation": {"id": "41; drop"}},
        message_created(41, "x") | {"id": None},
        message_created(41, "x") | {"sender": "me"},
        message_created(41, "x") | {"sender": {"type": "user", "id": True}},
        status_changed(41, "resolved", updated_at=AT) | {"id": [1]},
        status_changed(41, "resolved", updated_at=AT) | {"meta": {"assignee": 3}},
    ],
)
def test_what_chatwoot_never_sends_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_chatwoot(event, "hash")
