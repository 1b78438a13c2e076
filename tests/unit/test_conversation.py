"""The state of a conversation is the fold of its log, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.conversation import Conversation, answering_turn, fold, new_conversation
from firstline.events import ConversationClosed, HandoffRequested, HandoffReturned, Logged, MessagePosted, TurnEnded
from firstline.types import ConfirmationId, ConversationId, Status, TurnId
from tests.support.events import START, Story, decided, requested, say, started, stories

EMPTY = new_conversation(ConversationId("cv_1"))
NEW = TurnId("tn_new")


# Folding ------------------------------------------------------------------------------------------------------------


@given(stories(), st.data())
def test_folding_in_two_parts_is_folding_at_once_wherever_one_cuts(story: Story, data: st.DataObject) -> None:
    log = story.state.log
    cut = data.draw(st.integers(0, len(log)))

    assert fold(log[cut:], onto=fold(log[:cut], onto=EMPTY)) == fold(log, onto=EMPTY) == story.state


@given(stories())
def test_folding_changes_nothing_in_what_it_starts_from(story: Story) -> None:
    states = [EMPTY]
    for logged in story.state.log:
        states.append(fold([logged], onto=states[-1]))

    for length, state in enumerate(states):
        assert state == fold(story.state.log[:length], onto=EMPTY)


@given(stories())
def test_the_log_is_numbered_from_1_without_gaps(story: Story) -> None:
    assert [logged.seq for logged in story.state.log] == list(range(1, story.state.last_seq + 1))


@given(stories())
def test_every_turn_that_began_ended_and_none_is_left_running_calls(story: Story) -> None:
    assert story.state.open_turn is None
    assert not story.state.running_calls


def test_a_conversation_before_its_first_event_is_open_and_has_nothing_to_answer() -> None:
    assert EMPTY.status == "open"
    assert EMPTY.last_seq == 0
    assert not EMPTY.unfinished
    assert EMPTY.bundle == ""


# Turns --------------------------------------------------------------------------------------------------------------


def test_messages_that_come_before_the_turn_starts_share_it() -> None:
    story = Story()
    story.post("Hello")
    story.post("are you there?")

    first, second = (event for event in story.events if isinstance(event, MessagePosted))
    assert first.turn_id == second.turn_id == story.state.next_turn
    assert answering_turn(story.state, NEW) == first.turn_id


def test_a_message_that_comes_while_a_turn_runs_joins_the_next_turn() -> None:
    story = Story()
    story.post("Hello")
    story.begin()
    story.post("one more thing")

    assert story.state.open_turn != story.state.next_turn
    story.end("replied", "Hi.")
    assert story.state.open_turn is None
    assert story.state.unfinished


def test_a_turn_that_starts_is_no_longer_due_and_one_that_ends_leaves_nothing() -> None:
    story = Story()
    story.post("Hello")
    due = story.state.next_turn
    story.begin()

    assert (story.state.open_turn, story.state.next_turn) == (due, None)
    story.end("replied", "Hi.")
    assert not story.state.unfinished


def test_the_assistants_own_message_asks_for_no_turn() -> None:
    story = Story()
    story.play_turn()

    assert not story.state.unfinished
    assert answering_turn(story.state, NEW) == NEW


@pytest.mark.parametrize("moves", [["hand_off"], ["close"], ["hand_off", "close"]])
def test_no_turn_answers_while_a_person_holds_the_conversation_or_it_is_closed(moves: list[str]) -> None:
    story = Story()
    for move in moves:
        getattr(story, move)()

    assert answering_turn(story.state, NEW) is None


def test_what_came_while_a_person_held_the_conversation_has_no_turn_and_is_due_to_nobody() -> None:
    story = Story()
    story.hand_off()
    story.post("Anybody?")

    assert not story.state.unfinished
    story.hand_back()
    assert answering_turn(story.state, NEW) == NEW


def test_the_events_of_a_turn_are_those_that_name_it_in_order() -> None:
    story = Story()
    story.play_turn("first")
    before = story.state.last_seq
    story.play_turn("second")

    last = story.events[-1]
    assert isinstance(last, TurnEnded)
    assert list(story.state.turn_events(last.turn_id)) == story.events[before:]


def test_a_message_is_found_by_its_clients_id_with_its_place_in_the_log() -> None:
    story = Story()
    story.post("Hello")
    (client_id,) = story.state.posted

    assert story.state.posted[client_id] == story.state.log[-1]


# Calls, people, languages -------------------------------------------------------------------------------------------


def test_a_call_runs_until_its_result_is_there() -> None:
    story = Story()
    story.post("cancel it")
    story.begin()
    story.call(("find_repairs", "ok"))
    called = next(logged for logged in story.state.log if logged.event.type == "tool.called")

    assert list(fold(story.state.log[: called.seq], onto=EMPTY).running_calls.values()) == [called.event]
    assert not story.state.running_calls


def test_the_language_is_the_one_that_the_last_route_found() -> None:
    story = Story()
    assert story.state.locale == "en"
    story.post("你好")
    story.begin()
    story.prepare(locale="zh")

    assert story.state.locale == "zh"


def test_a_proof_of_identity_holds_until_the_moment_at_which_it_expires() -> None:
    story = Story()
    assert story.state.identity_at(START) is None
    story.sign_in(minutes=10)
    expires_at = story.state.identity.expires_at if story.state.identity else START

    assert story.state.identity_at(expires_at - timedelta(seconds=1)) == story.state.identity
    assert story.state.identity_at(expires_at) is None


def test_a_new_proof_takes_the_place_of_an_old_one() -> None:
    story = Story()
    story.sign_in(minutes=1)
    story.sign_in(minutes=60)

    assert story.state.identity_at(START + timedelta(minutes=30)) is not None


# Confirmations ------------------------------------------------------------------------------------------------------


def with_card(*events: Any) -> Conversation:
    return EMPTY.extended(started(), requested(), *events)


def state_of(conversation: Conversation, *, minutes: float) -> str:
    return conversation.confirmations[ConfirmationId("cf_1")].state_at(START + timedelta(minutes=minutes))


def test_a_card_waits_until_it_expires() -> None:
    assert state_of(with_card(), minutes=0) == "pending"
    assert state_of(with_card(), minutes=14.99) == "pending"
    assert state_of(with_card(), minutes=15) == "expired"


@pytest.mark.parametrize("decision", ["confirm", "decline"])
@pytest.mark.parametrize("minutes", [1, 60])
def test_a_decided_card_stays_decided_also_after_it_would_have_expired(decision: Any, minutes: int) -> None:
    assert state_of(with_card(decided(decision=decision)), minutes=minutes) == decision


def test_a_decision_makes_a_turn_due_that_carries_it_out() -> None:
    assert with_card(decided(turn_id="tn_9")).next_turn == "tn_9"


def test_a_decision_and_a_message_that_wait_share_their_turn() -> None:
    story = Story()
    story.post("cancel it")
    story.begin()
    story.call(("cancel_repair", "waiting"))
    story.end("replied", "Please confirm.")
    story.post("thanks")
    (card,) = story.state.confirmations
    story.decide(card, "confirm")

    decision = story.state.confirmations[card].decided
    assert decision is not None
    assert decision.turn_id == story.state.next_turn
    story.begin()
    assert not story.state.next_turn


# Who speaks ---------------------------------------------------------------------------------------------------------

AT = {"at": START}
REQUESTED = HandoffRequested(**AT, reason="asked")
RETURNED = HandoffReturned(**AT, by="customer")
CLOSED = ConversationClosed(**AT, by="customer")
WAYS: dict[Status, list[Any]] = {"open": [], "waiting": [REQUESTED], "closed": [CLOSED]}


@pytest.mark.parametrize(
    ("status", "event", "after"),
    [
        ("open", REQUESTED, "waiting"),
        ("open", RETURNED, "open"),
        ("open", CLOSED, "closed"),
        ("waiting", REQUESTED, "waiting"),
        ("waiting", RETURNED, "open"),
        ("waiting", CLOSED, "closed"),
        ("closed", REQUESTED, "closed"),
        ("closed", RETURNED, "closed"),
        ("closed", CLOSED, "closed"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.type,
)
def test_who_speaks_after_each_fact(status: Status, event: Any, after: Status) -> None:
    before = EMPTY.extended(started(), *WAYS[status])
    assert before.status == status

    assert before.extended(event).status == after


def test_a_turn_that_ends_after_the_customer_closed_does_not_open_the_conversation_again() -> None:
    story = Story()
    story.post("I want a person")
    story.begin()
    story.prepare(wants_human=True)
    turn_id = story.turn
    story.close()  # the worker has not seen it yet: it appends what it had decided
    story.append(HandoffRequested(at=story.clock(), turn_id=turn_id, reason="asked"))
    story.end("handed_off")

    assert story.state.status == "closed"


def test_an_answered_survey_is_kept() -> None:
    story = Story()
    assert story.state.survey is None
    story.answer_survey(5)
    assert story.state.survey == 5


def test_facts_that_only_tell_what_was_done_change_nothing_but_the_log() -> None:
    story = Story()
    story.post()
    story.begin()
    story.prepare()
    before = story.state
    story.ask()
    story.reply(say("Every 200"))
    story.withhold()

    assert fold([], onto=before) == before
    log: tuple[Logged, ...] = story.state.log
    assert story.state == Conversation(**{**before.__dict__, "log": log})
