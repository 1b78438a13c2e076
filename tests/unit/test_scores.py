"""The live scores of a conversation, pair by pair, and the record that is kept of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from firstline.events import (
    ContactLeft,
    CorrectionPosted,
    CustomerIdentified,
    Event,
    HandoffRequested,
    HandoffUnclaimed,
    MoodJudged,
    ToolReturned,
    messages_by,
)
from firstline.record import RECORD_VERSION, SUBJECT_CHARS, TEXT_CHARS, build_record
from firstline.scores import Scores, score_conversation
from firstline.scoring import Known
from firstline.second_ear import NAME, NOTHING_NEW, OFFERED, PASSED_ON
from firstline.types import CallId, Card, Citation, Json, MessageId, Package, TurnId, Usage
from firstline.wire import build_known
from tests.support.events import identity, passage
from tests.support.scripted import START
from tests.unit.test_outcomes import (
    BUNDLE,
    DESK,
    UNKNOWN,
    Past,
    approval,
    called,
    found,
    handed_off,
    offered,
    returned,
    screened,
)

# The scores -----------------------------------------------------------------------------------------------------

KNOWN = build_known(replace(BUNDLE, revision="r"))
SOURCE = Citation(title="Oiling a chain", url=BUNDLE.articles[0].url, quote="Oil the chain.")
PRICE = Card(title="Wheels", amount="$96.40")


def scores(past: Past, known: Known = KNOWN) -> Scores:
    return score_conversation(past.now, known)


def pair(past: Past, name: str) -> tuple[int, int]:
    """(of so many, so many were as they should be)."""
    made = scores(past)
    return getattr(made, f"{name}_n"), getattr(made, f"{name}_ok")


def correct(past: Past, number: int) -> Past:
    """A human agent corrects the assistant's reply of this number."""
    reply = messages_by("assistant", [logged.event for logged in past.now.log])[number]
    return past.add(
        CorrectionPosted(at=START, human_agent=DESK, message_id=reply.message_id, should_say="No."),
        CorrectionPosted(at=START, human_agent=DESK, message_id=MessageId("ms_of_nobody"), should_say="No."),
    )


@pytest.mark.parametrize(
    ("text", "passages", "expected"),
    [
        ("Oil it every 200 miles.", (passage(),), (1, 1)),
        ("Oil it every 300 miles.", (passage(),), (1, 0)),
        ("Oil it every 200 miles.", (), (1, 0)),
        ("A chain costs $25.", (), (1, 1)),
        ("A chain costs $26.", (), (1, 0)),
        ("Oil it often.", (passage(),), (0, 0)),
    ],
)
def test_a_figure_that_stands_nowhere_is_not_accurate(text: str, passages: Any, expected: tuple[int, int]):
    assert pair(Past().ask("a", text, found(*passages), playbook="advice"), "accuracy") == expected


def test_a_reply_that_a_human_agent_corrected_is_not_accurate():
    assert pair(correct(Past().ask("a", "Soon.").ask("b", "Later."), 0), "accuracy") == (1, 0)
    assert pair(correct(Past().ask("a", "It is $25.").ask("b", "It is $25."), 1), "accuracy") == (2, 1)
    assert pair(Past().write("a").turn(""), "accuracy") == (0, 0)


def test_figures_of_another_revision_are_not_held_against_words_that_were_not_there():
    past = Past().ask("a", "A chain costs $26.")
    later = replace(KNOWN, bundle=replace(KNOWN.bundle, revision="r2"))

    assert scores(past).accuracy_n == 1
    assert scores(past, later).accuracy_n == 0
    assert replace(scores(past), accuracy_n=0) == scores(past, later), "all else is counted"
    assert scores(correct(past, 0), later).accuracy_n == 1


def test_withheld_turns_are_counted_once_each_and_input_is_not_output():
    past = Past().ask("a", "b", screened("output", "block"), screened("output", "block"))
    past.ask("a", "b", screened("input", "block"), screened("output", "pass"))
    assert scores(past).withheld == 1


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([("advice", (passage(),), (SOURCE,))], (1, 1)),
        ([("advice", (passage(),), ())], (1, 0)),
        ([("advice", (passage(),), ()), ("advice", (passage(),), (SOURCE,))], (1, 1)),
        ([("advice", (passage(),), (SOURCE.model_copy(update={"url": "/gone"}),))], (1, 0)),
        ([("advice", (), ())], (0, 0)),
        ([("repairs", (passage(),), ())], (0, 0)),
        ([("repairs", (passage(),), (SOURCE,))], (0, 0)),
    ],
)
def test_a_conversation_that_needed_knowledge_is_to_give_a_source(turns: Any, expected: tuple[int, int]):
    past = Past()
    for playbook, passages, citations in turns:
        past.ask("a", "b", found(*passages), playbook=playbook, citations=citations)
    assert pair(past, "cited") == expected


@pytest.mark.parametrize(
    ("between", "how", "expected"),
    [
        ((), {}, (1, 1)),
        ((called("get_price"), returned()), {}, (1, 0)),
        ((), {"outcome": "failed"}, (1, 0)),
        ((screened("input", "block"),), {}, (0, 0)),
    ],
)
def test_an_off_topic_turn_is_declined_and_nothing_is_done(between: Any, how: Any, expected: tuple[int, int]):
    past = Past().ask("write a poem", "I help with bicycles.", *between, playbook="elsewhere", **how)
    assert pair(past, "declined") == expected
    assert pair(past, "answered") == (0, 0)


@pytest.mark.parametrize(
    ("playbook", "text", "outcome", "expected"),
    [
        ("repairs", "It is ready.", "replied", (1, 1)),
        ("advice", "Every 200 miles.", "replied", (1, 1)),
        ("advice", UNKNOWN, "replied", (1, 0)),
        ("advice", "Sorry.", "failed", (1, 0)),
        ("hello", "Hello.", "replied", (0, 0)),
        (None, "Hello.", "replied", (0, 0)),
        ("repairs", "", "handed_off", (0, 0)),
        ("repairs", "Let me", "handed_off", (0, 0)),
        ("repairs", "Let me", "cancelled", (0, 0)),
        ("repairs", "", "replied", (1, 0)),
    ],
)
def test_an_on_topic_turn_that_nobody_broke_off_is_answered(playbook: Any, text: str, outcome: Any, expected: Any):
    assert pair(Past().ask("a", text, playbook=playbook, outcome=outcome), "answered") == expected


def test_a_turn_that_asked_for_a_person_has_taken_up_what_was_asked_and_owes_no_price():
    past = Past().ask("a", "", returned(card=PRICE), asked_for, playbook="prices", outcome="handed_off")

    assert (pair(past, "answered"), pair(past, "quoted")) == ((1, 1), (0, 0))


@pytest.mark.parametrize(
    ("text", "cards", "expected"),
    [
        ("That is $96.40.", (PRICE,), (1, 1)),
        ("That is $96.", (PRICE,), (1, 0)),
        ("Look at the card.", (PRICE,), (1, 0)),
        ("$96.40 or $12.00", (PRICE, Card(title="Bell", amount="$12.00")), (1, 1)),
        ("That is $96.40.", (Card(title="No price"),), (0, 0)),
        ("That is $96.40.", (None,), (0, 0)),
        ("That is $96.400.", (PRICE,), (1, 0)),
        ("Wheels: $96.40, in all.", (PRICE,), (1, 1)),
        ("That is 196.40 USD.", (Card(title="Wheels", amount="96.40 USD"),), (1, 0)),
        ("It is $96.40", (Card(title="Wheels", amount="$96"),), (1, 0)),
        ("一共96.40 USD。", (Card(title="Wheels", amount="96.40 USD"),), (1, 1)),
    ],
)
def test_a_price_is_shown_as_the_tool_gave_it(text: str, cards: Any, expected: tuple[int, int]):
    past = Past().ask("price", text, *(returned(card=card) for card in cards))
    assert pair(past, "quoted") == expected


def test_each_turn_with_a_price_has_to_show_it_and_the_conversation_is_counted_once():
    past = Past().ask("price", "That is $96.40.", returned(card=PRICE))
    assert pair(past.ask("again", "As I said.", returned(card=PRICE)), "quoted") == (1, 0)


def asked_for(turn_id: TurnId | None) -> Event:
    """A hand-off as it really is: with what is passed on."""
    package = Package(summary="— a", locale="en")
    return HandoffRequested(at=START, turn_id=turn_id, reason="asked", package=package)


def heard(result: Json) -> Any:
    """What the model, as the second ear, was answered."""
    return lambda turn_id: ToolReturned(
        at=START, turn_id=turn_id, call_id=CallId("t9"), tool=NAME, outcome="ok", result=result
    )


@pytest.mark.parametrize(
    ("between", "how", "expected"),
    [
        ((), {}, (0, 0)),
        ((asked_for,), {"wants_human": True, "outcome": "handed_off"}, (2, 2)),
        ((handed_off,), {"wants_human": True, "outcome": "handed_off"}, (2, 1)),
        ((), {"wants_human": True}, (1, 0)),
        ((offered,), {"playbook": "upset"}, (1, 1)),
        ((), {"playbook": "upset"}, (1, 0)),
        ((offered,), {"outcome": "failed"}, (1, 1)),
        ((), {"outcome": "failed"}, (1, 0)),
        ((offered,), {}, (0, 0)),
        ((), {"wants_human": True, "outcome": "cancelled"}, (0, 0)),
        ((heard(PASSED_ON),), {"outcome": "handed_off"}, (1, 0)),
        ((heard(PASSED_ON), asked_for), {"outcome": "handed_off"}, (2, 2)),
        ((heard(OFFERED),), {}, (1, 0)),
        ((heard(OFFERED), offered), {}, (1, 1)),
        ((heard(NOTHING_NEW),), {}, (0, 0)),
    ],
)
def test_what_had_to_lead_to_a_person_did_and_with_what_they_need(between: Any, how: Any, expected: tuple[int, int]):
    assert pair(Past().ask("a", "b", *between, **how), "escalated") == expected


def test_a_person_who_came_by_themself_is_a_person():
    assert pair(Past().ask("a", "b", playbook="upset").accept(), "escalated") == (1, 1)


# The record -----------------------------------------------------------------------------------------------------


def test_a_conversation_is_scored_once_it_has_come_to_an_end():
    def kept(past: Past) -> Scores:
        return build_record(past.now, KNOWN, START).scores

    assert kept(Past().ask("a")) == Scores(), "it is going on"
    assert kept(Past().ask("a").close()) == scores(Past().ask("a").close()) != Scores()
    assert kept(Past().ask("a").add(asked_for(None))).answered_n == 1, "the assistant's part is over"
    assert kept(Past().close()) == Scores(), "nothing was asked"


def test_sources_and_open_questions_are_listed_while_it_is_going_on():
    past = Past().ask("how do\n I oil it", citations=(SOURCE,)).ask("x " * 300, UNKNOWN)
    made = record(past.ask("b", outcome="failed").ask("c", citations=(SOURCE,)))

    assert made.sources == (SOURCE.url,)
    assert made.questions == ("x " * 150, "b")


def record(past: Past, *, at: Any = START) -> Any:
    return build_record(past.now, KNOWN, at)


def test_the_record_of_a_conversation_that_waits():
    past = Past().add(CustomerIdentified(at=START, identity=identity())).ask("Where is\n my repair?", takes=3)
    past.wait(10).add(HandoffRequested(at=past.at, reason="policy")).write("hello?").write("HELLO?")
    past.add(ContactLeft(at=past.at, contact="A@B.example"))

    made = record(past)

    assert (made.conversation_id, made.seq, made.version) == ("cv_1", past.now.last_seq, RECORD_VERSION)
    assert (made.bundle, made.revision, made.locale, made.playbook) == ("workshop", "r", "en", "repairs")
    assert (made.status, made.rung, made.path) == ("waiting", "handed_off", "repairs>end:handed_off")
    assert (made.started_at, made.last_at, made.waiting_since) == (START, past.at, past.at)
    assert made.due_at == past.at + timedelta(minutes=10)
    assert (made.reason, made.ticket, made.unclaimed, made.unread) == ("policy", True, False, 2)
    assert (made.n_customer, made.n_assistant, made.n_human, made.n_requests) == (3, 1, 0, 1)
    assert (made.customer_name, made.subject) == ("Kim Lee", "HELLO?")
    assert made.cost_usd == pytest.approx(0.01) and made.tokens == 120
    assert (made.held_by, made.holder_name, made.closed_at, made.closed_by) == (None, None, None, None)
    assert made.assistant_seconds == 3 and made.handling_seconds is None and made.survey is None
    for text in ("cv_1", "kim lee", "a@b.example", "hello?", "where is\n my repair?", "it is on the bench."):
        assert text in made.texts
    unclaimed = record(past.add(HandoffUnclaimed(at=past.at)))
    assert (unclaimed.unclaimed, unclaimed.due_at) == (True, None)


def test_the_record_names_who_has_it_and_what_a_take_over_was():
    past = Past().ask("a").accept().reply().write("thanks")
    made = record(past)
    assert (made.held_by, made.holder_name, made.reason) == ("st_1", "Desk One", "taken_over")
    assert (made.n_human, made.n_requests, made.unread, made.waiting_since) == (1, 1, 1, None)
    asked = record(Past().ask("a").add(handed_off()).accept())
    assert (asked.reason, asked.n_requests) == ("asked", 1)


def test_the_record_of_a_closed_conversation():
    past = Past().ask("a").wait(5).close("human_agent").rate(5)
    made = record(past)
    assert (made.closed_at, made.closed_by, made.due_at) == (past.at, "human_agent", None)
    assert (made.rung, made.confirmed, made.survey, made.ticket) == ("contained", True, 5, False)


def test_what_waits_for_a_yes_is_counted_until_it_expires():
    past = Past().ask("a").add(approval(1), approval(2))
    assert [record(past, at=START + timedelta(days=day)).approvals for day in (0, 1, 2)] == [2, 1, 0]


def test_moods_are_those_of_the_words_until_a_model_has_judged_them():
    past = Past().ask("thank you, great")
    assert record(past).mood is None, "of one message no change can be told"
    past.ask("thank you, great")
    assert (record(past).mood_start, record(past).mood) == (1, 1)
    judged = MoodJudged(at=START, start=1, end=-2, model="fast", usage=Usage(input_tokens=7), cost_usd=0.5)
    made = record(past.add(judged))
    assert (made.mood_start, made.mood) == (1, -2)
    assert made.cost_usd == pytest.approx(0.52) and made.tokens == 247
    assert record(past.write("thank you, great")).mood == 1, "since then the customer wrote again"
    assert (record(Past()).mood, record(Past()).subject) == (None, "")


def test_one_customer_has_one_key_within_a_business_and_it_tells_nothing():
    def key(customer_id: str, bundle: str = "workshop") -> str:
        past = Past().add(CustomerIdentified(at=START, identity=identity(customer_id)))
        begun = past.now.started
        assert begun is not None
        past.now = replace(past.now, started=begun.model_copy(update={"bundle": bundle}))
        return record(past).customer_key

    assert key("C-1") == key("C-1") and len({key("C-1"), key("C-2"), key("C-1", "bakery")}) == 3
    assert "C-1" not in key("C-1") and record(Past().ask("a")).customer_key is None


def test_long_texts_are_cut_the_oldest_first():
    past = Past().write("OLDEST " + "x" * TEXT_CHARS).write("newest " + "y" * 300)
    made = record(past)
    assert len(made.texts) == TEXT_CHARS and "newest" in made.texts
    assert len(made.subject) == SUBJECT_CHARS and made.subject.endswith("…")


def test_the_same_log_makes_the_same_record():
    past = Past().ask("a").add(handed_off()).accept().reply().close("human_agent")
    assert record(past) == record(past)
