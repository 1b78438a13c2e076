"""What each person may do to a hand-off, and what time does: facts, nothing when it is already so, or a refusal."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from firstline import handoff
from firstline.bundle import Bundle, Hours
from firstline.conversation import Conversation, new_conversation
from firstline.events import (
    ContactLeft,
    ConversationClosed,
    ConversationReopened,
    Event,
    HandoffAccepted,
    HandoffOffered,
    HandoffRequested,
    HandoffRequeued,
    HandoffReturned,
    HandoffUnclaimed,
    MessagePosted,
    RouteChosen,
    TurnEnded,
    TurnStarted,
)
from firstline.handoff import Decision, Refused
from firstline.phrases import phrase
from firstline.types import ConversationId, HumanAgent, MessageId, Outcome, PlaybookId, StaffId, Status, TurnId, Usage
from tests.support.events import message
from tests.support.scripted import START, post, start
from tests.support.toy import make_bundle

WORKSHOP = make_bundle()
ONE = HumanAgent(staff_id=StaffId("st_1"), name="Desk One", picture="/one.png")
TWO = HumanAgent(staff_id=StaffId("st_2"), name="Desk Two")
NIGHT = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)  # Monday, 18:00 in New York: the workshop is closed
TUESDAY_OPENS = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
NEVER_OPEN = replace(WORKSHOP, hours=Hours(timezone="UTC", weekly={}))
WAYS = "+1 212 555 0100 · help@spoke.example"


def after(**span: float) -> datetime:
    return START + timedelta(**span)


def ids() -> Callable[[str], str]:
    numbers = count(1)
    return lambda kind: f"{kind}_new{next(numbers)}"


def facts(decided: Decision) -> tuple[Event, ...]:
    assert not isinstance(decided, Refused), decided
    return decided


def code(decided: Decision) -> str:
    assert isinstance(decided, Refused), decided
    assert len(decided.text) > 10, "a refusal says what to do"
    return decided.code


def kinds(decided: Decision) -> list[type]:
    return [type(event) for event in facts(decided)]


def line_of(decided: Decision) -> str:
    """The system line that comes with a move: exactly one, right behind it."""
    move, line = facts(decided)
    assert not isinstance(move, MessagePosted)
    assert isinstance(line, MessagePosted) and line.message.author == "system" and line.at == move.at
    return line.message.text


def asking(at: datetime = START) -> Conversation:
    return post(start(WORKSHOP, at=at), "where is my repair", at=at)


def waiting(at: datetime = START) -> Conversation:
    """Nothing was written yet, and a person is asked for."""
    begun = start(WORKSHOP, at=at)
    return begun.extended(*facts(handoff.request_person(begun, WORKSHOP, "asked", at, ids())))


def held(by: HumanAgent = ONE, at: datetime = START) -> Conversation:
    queued = waiting(at)
    return queued.extended(*facts(handoff.accept(queued, WORKSHOP, by, at)))


def closed(at: datetime = START) -> Conversation:
    return start(WORKSHOP).extended(ConversationClosed(at=at, by="customer"))


STATES: dict[Status, Callable[[], Conversation]] = {
    "open": lambda: start(WORKSHOP),
    "waiting": waiting,
    "with_human": held,
    "closed": closed,
}


def said(conversation: Conversation, text: str = "I am here", by: HumanAgent = ONE) -> Conversation:
    return conversation.extended(*facts(handoff.reply(conversation, by, text, "k1", after(minutes=1), ids())))


def end_turn(
    conversation: Conversation, text: str = "It is on the bench.", outcome: Outcome = "replied"
) -> Conversation:
    turn_id = conversation.next_turn
    assert turn_id is not None
    spoken = message(text, "assistant", at=START)
    return conversation.extended(
        TurnStarted(at=START, turn_id=turn_id),
        RouteChosen(at=START, turn_id=turn_id, playbook=PlaybookId("repairs"), locale="en"),
        MessagePosted(at=START, turn_id=turn_id, message=spoken),
        TurnEnded(at=START, turn_id=turn_id, outcome=outcome, usage=Usage(), cost_usd=0.0, model="m"),
    )


# The table of who may do what when ---------------------------------------------------------------------------------

MOVES: dict[str, Callable[[Conversation], Decision]] = {
    "request": lambda c: handoff.request_person(c, WORKSHOP, "asked", START, ids()),
    "go_on": lambda c: handoff.go_on(c, START, ids()),
    "contact": lambda c: handoff.leave_contact(c, "a@b.example", "", START),
    "reopen": lambda c: handoff.reopen(c, START),
    "accept": lambda c: handoff.accept(c, WORKSHOP, TWO, START),
    "reply": lambda c: handoff.reply(c, TWO, "hello", "k9", START, ids()),
    "let_go": lambda c: handoff.let_go(c, WORKSHOP, TWO, START, ids()),
    "return": lambda c: handoff.return_to_assistant(c, TWO, START, ids()),
    "resolve": lambda c: handoff.resolve(c, TWO, START),
    "take_up": lambda c: handoff.take_up(c, TWO, START),
}

BY_SOMEBODY_ELSE: dict[str, dict[Status, str | int]] = {
    "request": {"open": 2, "waiting": 0, "with_human": 0, "closed": "closed"},
    "go_on": {"open": 0, "waiting": 1, "with_human": 0, "closed": "closed"},
    "contact": {"open": "not_waiting", "waiting": 1, "with_human": 1, "closed": "closed"},
    "reopen": {"open": 0, "waiting": 0, "with_human": 0, "closed": 1},
    "accept": {"open": 1, "waiting": 1, "with_human": "already_taken", "closed": "closed"},
    "reply": {"open": "not_accepted", "waiting": "not_accepted", "with_human": "not_yours", "closed": "closed"},
    "let_go": {"open": "not_accepted", "waiting": "not_accepted", "with_human": "not_yours", "closed": "closed"},
    "return": {"open": 0, "waiting": 1, "with_human": "not_yours", "closed": "closed"},
    "resolve": {"open": 1, "waiting": 1, "with_human": "not_yours", "closed": 0},
    "take_up": {"open": "not_waiting", "waiting": "not_waiting", "with_human": "not_waiting", "closed": 1},
}
"""What comes of each move by one who has not got the conversation: so many facts, or the code of the refusal."""


@pytest.mark.parametrize("status", list(STATES))
@pytest.mark.parametrize("move", list(MOVES))
def test_every_move_in_every_state_gives_its_facts_or_its_refusal(move: str, status: Status) -> None:
    conversation = STATES[status]()
    assert conversation.status == status

    decided = MOVES[move](conversation)

    expected = BY_SOMEBODY_ELSE[move][status]
    assert expected == (code(decided) if isinstance(decided, Refused) else len(decided))


@pytest.mark.parametrize("status", list(STATES))
@pytest.mark.parametrize("move", [each for each in MOVES if each != "reply"])
def test_a_move_made_twice_by_the_same_person_is_made_once(move: str, status: Status) -> None:
    before = STATES[status]()
    first = MOVES[move](before)
    if isinstance(first, Refused) or not first:
        return
    again = MOVES[move](before.extended(*first))

    if move == "let_go":
        assert code(again) == "not_accepted"
    else:
        assert again == ()


# The customer ------------------------------------------------------------------------------------------------------


def test_who_asks_in_business_hours_is_told_that_somebody_answers_here() -> None:
    decided = handoff.request_person(asking(), WORKSHOP, "policy", START, ids(), turn_id=TurnId("tn_9"))

    requested = facts(decided)[0]
    assert isinstance(requested, HandoffRequested)
    assert (requested.reason, requested.turn_id, requested.back_at) == ("policy", "tn_9", None)
    assert requested.package is not None and "where is my repair" in requested.package.summary
    assert line_of(decided) == phrase("people_here", "en", minutes=10, ways=WAYS)


def test_who_asks_at_night_is_told_when_people_are_back() -> None:
    decided = handoff.request_person(asking(NIGHT), WORKSHOP, "asked", NIGHT, ids())

    requested = facts(decided)[0]
    assert isinstance(requested, HandoffRequested) and requested.back_at == TUESDAY_OPENS
    assert "Tuesday, 2026-11-24, 09:00 (EST)" in line_of(decided)
    assert asking().extended(*facts(decided)).back_at == TUESDAY_OPENS


def test_a_holiday_and_a_weekend_are_not_promised() -> None:
    eve = datetime(2026, 11, 25, 23, 0, tzinfo=UTC)  # the Thursday after is a holiday
    friday = datetime(2026, 11, 27, 23, 0, tzinfo=UTC)
    assert "Friday, 2026-11-27, 09:00" in line_of(handoff.request_person(asking(eve), WORKSHOP, "asked", eve, ids()))
    assert "Monday, 2026-11-30, 09:00" in line_of(
        handoff.request_person(asking(friday), WORKSHOP, "asked", friday, ids())
    )


def test_where_nobody_is_ever_there_no_time_is_promised() -> None:
    decided = handoff.request_person(asking(), NEVER_OPEN, "asked", START, ids())

    assert line_of(decided) == phrase("people_unknown", "en", ways=WAYS)
    assert "{" not in line_of(decided)


def test_the_line_is_in_the_customers_language() -> None:
    chinese = start(WORKSHOP, locale="zh")
    told = line_of(handoff.request_person(chinese, WORKSHOP, "asked", START, ids()))
    assert told == phrase("people_here", "zh", minutes=10, ways=WAYS)


def test_going_on_names_the_turn_that_answers_what_was_written_meanwhile() -> None:
    queued = post(waiting(), "my chain is dry")
    (returned,) = facts(handoff.go_on(queued, START, ids()))

    assert isinstance(returned, HandoffReturned)
    assert (returned.by, returned.turn_id) == ("customer", "tn_new1")
    after_it = queued.extended(returned)
    assert (after_it.status, after_it.next_turn, after_it.request) == ("open", "tn_new1", None)


def test_going_on_with_nothing_unanswered_begins_no_turn() -> None:
    (returned,) = facts(handoff.go_on(waiting(), START, ids()))
    assert isinstance(returned, HandoffReturned) and returned.turn_id is None


def test_going_on_while_a_person_has_it_takes_it_from_nobody() -> None:
    assert handoff.go_on(held(), START, ids()) == ()


def test_a_turn_that_is_due_already_is_the_one_that_answers() -> None:
    queued = asking()
    due = queued.next_turn
    queued = queued.extended(*facts(handoff.request_person(queued, WORKSHOP, "asked", START, ids())))
    (returned,) = facts(handoff.go_on(queued, START, ids()))
    assert isinstance(returned, HandoffReturned) and returned.turn_id == due


def test_a_contact_makes_a_ticket_that_can_be_changed_and_outlives_the_customers_closing() -> None:
    ticket = waiting()
    ticket = ticket.extended(*facts(handoff.leave_contact(ticket, "a@b.example", "after six", START)))
    assert handoff.leave_contact(ticket, "a@b.example", "after six", START) == ()
    (other,) = facts(handoff.leave_contact(ticket, "+1 212 555 0199", "after six", START))
    assert isinstance(other, ContactLeft) and other.contact == "+1 212 555 0199"

    ended = ticket.extended(ConversationClosed(at=START, by="customer"))
    assert ended.contact is not None
    assert handoff.leave_contact(ended, "a@b.example", "after six", START) == (), "already known: no refusal"
    assert code(handoff.leave_contact(ended, "c@d.example", "", START)) == "closed"


def test_a_reopened_conversation_is_the_assistants_again() -> None:
    (reopened,) = facts(handoff.reopen(closed(), START))
    assert isinstance(reopened, ConversationReopened) and reopened.human_agent is None
    again = closed().extended(reopened)
    assert (again.status, again.request, again.human_agent, again.next_turn) == ("open", None, None, None)


# Human agents ------------------------------------------------------------------------------------------------------


def test_accepting_from_the_queue_brings_no_second_package() -> None:
    (accepted,) = facts(handoff.accept(waiting(), WORKSHOP, ONE, START))
    assert isinstance(accepted, HandoffAccepted) and (accepted.human_agent, accepted.package) == (ONE, None)


def test_taking_over_from_the_assistant_brings_the_package() -> None:
    (accepted,) = facts(handoff.accept(asking(), WORKSHOP, ONE, START))
    assert isinstance(accepted, HandoffAccepted) and accepted.package is not None
    assert accepted.package.summary == "— where is my repair"


def test_of_two_who_accept_the_second_is_told_who_has_it() -> None:
    refused = handoff.accept(held(ONE), WORKSHOP, TWO, START)
    assert isinstance(refused, Refused) and "Desk One" in refused.text


def test_a_reply_carries_name_and_picture_and_its_key_makes_it_one_message() -> None:
    holding = held()
    (posted,) = facts(handoff.reply(holding, ONE, "Hello *you*", "k1", START, ids()))
    assert isinstance(posted, MessagePosted)
    assert posted.message == message("Hello *you*", "human_agent", at=START).model_copy(
        update={"author_name": "Desk One", "author_picture": "/one.png", "message_id": MessageId("ms_new1")}
    )
    holding = holding.extended(posted)
    assert handoff.reply(holding, ONE, "Hello *you*", "k1", START, ids()) == ()
    other = handoff.reply(holding, ONE, "other words", "k1", START, ids())
    assert isinstance(other, handoff.Refused) and other.code == "id_used"
    returned = holding.extended(*facts(handoff.return_to_assistant(holding, ONE, START, ids())))
    assert handoff.reply(returned, ONE, "Hello *you*", "k1", START, ids()) == (), "a late retry is no refusal"
    assert code(handoff.reply(returned, ONE, "more", "k2", START, ids())) == "not_accepted"


@pytest.mark.parametrize(("status", "expected"), [("open", "not_accepted"), ("waiting", "not_accepted")])
def test_nobody_speaks_without_having_accepted(status: Status, expected: str) -> None:
    refused = handoff.check_holder(STATES[status](), ONE)
    assert refused is not None and refused.code == expected


def test_the_holder_may_speak_and_nobody_else() -> None:
    assert handoff.check_holder(held(ONE), ONE) is None
    refused = handoff.check_holder(held(ONE), TWO)
    assert refused is not None and (refused.code, "Desk One" in refused.text) == ("not_yours", True)


def test_letting_go_queues_again_and_tells_the_customer_by_the_clock() -> None:
    by_day = handoff.let_go(held(), WORKSHOP, ONE, START, ids())
    by_night = handoff.let_go(held(), WORKSHOP, ONE, NIGHT, ids())

    assert line_of(by_day) == phrase("let_go_here", "en", ways=WAYS)
    assert "Tuesday, 2026-11-24, 09:00" in line_of(by_night)
    requeued = [facts(each)[0] for each in (by_day, by_night)]
    assert requeued == [
        HandoffRequeued(at=START, by="human_agent"),
        HandoffRequeued(at=NIGHT, by="human_agent", back_at=TUESDAY_OPENS),
    ]
    queued = held().extended(*facts(by_night))
    assert (queued.status, queued.human_agent, queued.status_since) == ("waiting", None, NIGHT)
    assert queued.request is not None, "the package stays for the colleague"


def test_returned_while_the_customer_waits_for_an_answer_the_assistant_answers() -> None:
    holding = post(held(), "and my chain?")
    (returned,) = facts(handoff.return_to_assistant(holding, ONE, START, ids()))
    assert isinstance(returned, HandoffReturned) and (returned.by, returned.turn_id) == ("human_agent", "tn_new1")
    (nothing_left,) = facts(handoff.return_to_assistant(said(holding), ONE, START, ids()))
    assert isinstance(nothing_left, HandoffReturned) and nothing_left.turn_id is None


def test_resolving_ends_the_ticket_too_even_after_the_customer_has_closed() -> None:
    ticket = waiting()
    ticket = ticket.extended(*facts(handoff.leave_contact(ticket, "a@b.example", "", START)))
    ticket = ticket.extended(ConversationClosed(at=START, by="customer"))

    resolved = ticket.extended(*facts(handoff.resolve(ticket, ONE, START)))

    assert (resolved.status, resolved.contact) == ("closed", None)
    assert handoff.resolve(resolved, ONE, START) == ()


def test_a_closed_conversation_taken_up_is_the_human_agents() -> None:
    taken = closed().extended(*facts(handoff.take_up(closed(), ONE, START)))
    assert (taken.status, taken.human_agent) == ("with_human", ONE)
    assert handoff.take_up(taken, ONE, START) == ()
    assert code(handoff.take_up(taken, TWO, START)) == "not_waiting"
    assert code(handoff.reply(taken, TWO, "hello", "k", START, ids())) == "not_yours"


def test_any_move_takes_back_the_offer_of_a_person() -> None:
    offered = end_turn(asking()).extended(HandoffOffered(at=START, turn_id=TurnId("tn_2"), reason="no_answer"))
    assert offered.offered_in == "tn_2"
    taken = offered.extended(*facts(handoff.accept(offered, WORKSHOP, ONE, START)))
    assert taken.offered_in is None


# Time --------------------------------------------------------------------------------------------------------------


def due(conversation: Conversation, bundle: Bundle = WORKSHOP) -> datetime:
    moment = handoff.due_at(conversation, bundle)
    assert moment is not None
    return moment


def test_before_its_first_event_time_does_nothing() -> None:
    nothing = new_conversation(ConversationId("cv_2"))
    assert handoff.due_at(nothing, WORKSHOP) is None
    assert handoff.decide_due(nothing, WORKSHOP, after(days=9), ids()) == ()


def test_nobody_came_within_ten_minutes_and_the_customer_gets_an_apology_once() -> None:
    queued = waiting()
    assert due(queued) == after(minutes=10)
    assert handoff.decide_due(queued, WORKSHOP, after(minutes=10, microseconds=-1), ids()) == ()

    decided = handoff.decide_due(queued, WORKSHOP, after(minutes=10), ids())

    assert kinds(decided) == [HandoffUnclaimed, MessagePosted]
    ways = phrase("leave_contact", "en", ways=WAYS)
    assert line_of(decided) == f"{phrase('nobody_came', 'en')} {ways}"
    queued = queued.extended(*decided)
    assert (queued.status, queued.unclaimed, queued.status_since) == ("waiting", True, START)
    assert handoff.due_at(queued, WORKSHOP) is None
    assert handoff.decide_due(queued, WORKSHOP, after(days=9), ids()) == ()


def test_who_has_left_a_contact_is_not_asked_for_it_again() -> None:
    queued = waiting()
    queued = queued.extended(*facts(handoff.leave_contact(queued, "a@b.example", "", START)))
    told = line_of(handoff.decide_due(queued, WORKSHOP, after(minutes=10), ids()))
    assert told == f"{phrase('nobody_came', 'en')} {phrase('we_will_write', 'en', ways=WAYS)}"


def test_what_the_customer_writes_while_waiting_does_not_put_off_the_apology() -> None:
    queued = post(waiting(), "hello?", at=after(minutes=9))
    assert due(queued) == after(minutes=10)


def test_the_wait_begins_when_people_could_come() -> None:
    assert due(waiting(NIGHT)) == TUESDAY_OPENS + timedelta(minutes=10)
    assert handoff.decide_due(waiting(NIGHT), WORKSHOP, NIGHT + timedelta(hours=12), ids()) == ()


def test_a_wait_that_the_closing_hour_cuts_off_goes_on_in_the_morning() -> None:
    late = datetime(2026, 11, 23, 21, 56, tzinfo=UTC)  # 16:56 in New York: four minutes are left of the day
    assert due(waiting(late)) == TUESDAY_OPENS + timedelta(minutes=6)


def test_where_nobody_is_ever_there_the_wait_is_counted_by_the_clock() -> None:
    assert due(waiting(), NEVER_OPEN) == after(minutes=10)


def test_a_queue_that_was_let_go_waits_anew() -> None:
    holding = held()
    queued = holding.extended(*facts(handoff.let_go(holding, WORKSHOP, ONE, after(minutes=30), ids())))
    assert due(queued) == after(minutes=40)


def test_a_human_agent_who_says_nothing_at_all_loses_the_conversation() -> None:
    holding = held()
    assert due(holding) == after(minutes=10)
    decided = handoff.decide_due(holding, WORKSHOP, after(minutes=10), ids())
    assert kinds(decided) == [HandoffRequeued, MessagePosted]
    assert decided[0] == HandoffRequeued(at=after(minutes=10), by="timeout")
    assert line_of(decided) == phrase("let_go_here", "en", ways=WAYS)
    assert holding.extended(*decided).status == "waiting"


def test_a_human_agent_who_waits_for_the_customer_keeps_it() -> None:
    spoken = said(held())
    assert handoff.due_at(spoken, WORKSHOP) is None
    assert handoff.decide_due(spoken, WORKSHOP, after(days=2), ids()) == ()


def test_silence_counts_from_the_first_message_that_is_unheard() -> None:
    spoken = post(post(said(held()), "and now?", at=after(minutes=5)), "hello?", at=after(minutes=12))
    assert due(spoken) == after(minutes=15)


def test_what_was_written_before_somebody_accepted_is_not_held_against_them() -> None:
    queued = post(waiting(), "hello?", at=after(minutes=1))
    holding = queued.extended(*facts(handoff.accept(queued, WORKSHOP, ONE, after(minutes=9))))
    assert due(holding) == after(minutes=19)


def test_an_idle_conversation_ends_after_a_day_and_an_answer_puts_it_off() -> None:
    idle = end_turn(asking())
    assert due(idle) == after(hours=24)
    assert handoff.decide_due(idle, WORKSHOP, after(hours=24), ids()) == (
        ConversationClosed(at=after(hours=24), by="timeout"),
    )
    again = end_turn(post(idle, "thanks", at=after(hours=5)))
    last = again.log[-1].event.at
    assert due(again) == last + timedelta(hours=24)


def test_an_unanswered_or_a_closed_conversation_is_never_ended_by_time() -> None:
    assert handoff.due_at(asking(), WORKSHOP) is None
    begun = asking().extended(TurnStarted(at=START, turn_id=TurnId("tn_2")))
    assert handoff.due_at(begun, WORKSHOP) is None
    assert handoff.due_at(closed(), WORKSHOP) is None


def test_the_bundle_says_how_long_people_may_take() -> None:
    times = WORKSHOP.handoff.model_copy(update={"wait_minutes": 3.0, "silent_minutes": 4.0, "idle_hours": 2.0})
    quick = replace(WORKSHOP, handoff=times)
    assert due(waiting(), quick) == after(minutes=3)
    assert due(held(), quick) == after(minutes=4)
    assert due(end_turn(asking()), quick) == after(hours=2)
    told = line_of(handoff.request_person(asking(), quick, "asked", START, ids()))
    assert told == phrase("people_here", "en", minutes=3, ways=WAYS)
