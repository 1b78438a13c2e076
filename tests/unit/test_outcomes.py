"""What a conversation came to: the package for a person, the reasons, the rungs, the live scores and the record."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from firstline.answers import is_unanswered, playbook_of, reason_of_failure, reason_to_offer, says_unknown
from firstline.conversation import Conversation
from firstline.events import (
    ApprovalRequested,
    ContactLeft,
    ConversationClosed,
    ConversationReopened,
    CorrectionPosted,
    CustomerIdentified,
    Event,
    GuardrailRan,
    HandoffAccepted,
    HandoffOffered,
    HandoffRequested,
    HandoffReturned,
    HandoffUnclaimed,
    MessagePosted,
    MoodJudged,
    PassagesRetrieved,
    RouteChosen,
    SurveyAnswered,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    TurnStarted,
)
from firstline.outcome import judge_outcome
from firstline.package import QUOTE_CHARS, build_package
from firstline.record import RECORD_VERSION, SUBJECT_CHARS, TEXT_CHARS, build_record
from firstline.scores import Scores, score_turns
from firstline.types import (
    ActionDone,
    ApprovalId,
    CallId,
    Card,
    CardRow,
    Citation,
    ConfirmationId,
    HumanAgent,
    MessageId,
    PlaybookId,
    StaffId,
    TurnId,
    Usage,
    Verdict,
)
from tests.support.events import decided, identity, message, passage, requested
from tests.support.scripted import START, post, start
from tests.support.toy import make_bundle

BUNDLE = make_bundle()
DESK = HumanAgent(staff_id=StaffId("st_1"), name="Desk One")
UNKNOWN = "I do not know that."
SOURCE = Citation(title="Oiling a chain", url="/help/chain", quote="Oil the chain.")


class Past:
    """A conversation told turn by turn; the clock goes by hand."""

    def __init__(self, *, locale: str = "en") -> None:
        self.at = START
        self.now: Conversation = start(BUNDLE, locale=locale)

    def wait(self, seconds: float) -> "Past":
        self.at += timedelta(seconds=seconds)
        return self

    def add(self, *events: Event) -> "Past":
        self.now = self.now.extended(*events)
        return self

    def write(self, text: str) -> "Past":
        self.now = post(self.now, text, at=self.at)
        return self

    def turn(self, text: str = "", *between: Any, playbook: str | None = "repairs", **how: Any) -> "Past":
        """The turn that is due. `between`: functions of its id, each an event of it."""
        turn_id = self.now.next_turn
        assert turn_id is not None
        self.add(TurnStarted(at=self.at, turn_id=turn_id))
        self.wait(how.get("takes", 0))
        chosen = PlaybookId(playbook) if playbook else None
        wants = how.get("wants_human", False)
        self.add(RouteChosen(at=self.at, turn_id=turn_id, playbook=chosen, locale="en", wants_human=wants))
        self.add(*(each(turn_id) for each in between))
        if text:
            said = message(text, "assistant", at=self.at, number=self.now.last_seq + 1)
            said = said.model_copy(update={"citations": how.get("citations", ())})
            self.add(MessagePosted(at=self.at, turn_id=turn_id, message=said))
        self.add(
            TurnEnded(
                at=self.at,
                turn_id=turn_id,
                outcome=how.get("outcome", "replied"),
                code=how.get("code"),
                usage=Usage(input_tokens=100, output_tokens=20),
                cost_usd=0.01,
                model="m",
            )
        )
        return self

    def ask(self, question: str, text: str = "It is on the bench.", *between: Any, **how: Any) -> "Past":
        return self.write(question).turn(text, *between, **how)

    def close(self, by: Any = "customer") -> "Past":
        return self.add(ConversationClosed(at=self.at, by=by))

    def rate(self, score: int) -> "Past":
        return self.add(SurveyAnswered(at=self.at, score=score))

    def accept(self) -> "Past":
        return self.add(HandoffAccepted(at=self.at, human_agent=DESK))

    def reply(self, text: str = "I am here.") -> "Past":
        said = message(text, "human_agent", at=self.at, number=self.now.last_seq + 1)
        return self.add(MessagePosted(at=self.at, message=said))


def called(name: str, call_id: str = "t1", effect: Any = "read", **arguments: Any) -> Any:
    return lambda turn_id: ToolCalled(
        at=START,
        turn_id=turn_id,
        call_id=CallId(call_id),
        tool=name,
        arguments=arguments,
        effect=effect,
        idempotency_key=f"k:{call_id}",
        label=f"Doing {name}",
    )


def returned(outcome: Any = "ok", call_id: str = "t1", card: Card | None = None) -> Any:
    return lambda turn_id: ToolReturned(
        at=START, turn_id=turn_id, call_id=CallId(call_id), tool="get_price", outcome=outcome, result={}, card=card
    )


def found(*passages: Any) -> Any:
    return lambda turn_id: PassagesRetrieved(at=START, turn_id=turn_id, passages=passages)


def screened(stage: Any, decision: Any) -> Any:
    verdict = Verdict(guardrail="grounding", decision=decision)
    return lambda turn_id: GuardrailRan(at=START, turn_id=turn_id, stage=stage, verdict=verdict)


def offered(turn_id: TurnId) -> Event:
    return HandoffOffered(at=START, turn_id=turn_id, reason="failed")


def handed_off(turn_id: TurnId | None = None) -> Event:
    return HandoffRequested(at=START, turn_id=turn_id, reason="asked")


# The package -------------------------------------------------------------------------------------------------------


def package(past: Past) -> Any:
    return build_package(past.now, BUNDLE, START)


def test_the_summary_is_what_was_said_first_and_last_in_their_own_words():
    past = Past().ask("first").ask("second").ask("third").ask("fourth\n  line", "Last answer.")
    assert package(past).summary == "— first\n— third\n— fourth line\n↳ Last answer."


def test_a_summary_says_nothing_twice_and_is_short():
    assert package(Past().ask("same").write("same")).summary == "— same\n↳ It is on the bench."
    line = package(Past().write("word " * 200)).summary
    assert line.endswith("…") and len(line) <= QUOTE_CHARS + 2
    assert package(Past()).summary == "" and package(Past()).mood is None


@pytest.mark.parametrize(
    ("playbooks", "intent"),
    [
        ([], None),
        (["repairs", "upset"], "repairs"),
        (["prices", "repairs", None], "repairs"),
        (["hello", "upset"], "upset"),
        (["gone_since"], None),
    ],
)
def test_the_intent_is_the_last_matter_and_not_the_wish_for_a_person(playbooks: Any, intent: str | None):
    past = Past()
    for playbook in playbooks:
        past.ask("hello", playbook=playbook)
    assert package(past).intent == intent


def test_slots_are_the_newest_values_under_the_cards_labels():
    card = requested("cf_1", arguments={"repair": "R-2"}).model_copy(
        update={"rows": (CardRow(label="Your repair", value="R-2"),)}
    )
    past = Past().ask("cancel", "Card.", called("get_price", wheels=2, repair="R-1"), lambda _: card)
    past.ask("again", "Yes.", called("get_price", call_id="t2", wheels=3))
    assert [(row.label, row.value) for row in package(past).slots] == [("Wheels", "3"), ("Repair", "R-2")]


def test_sources_are_given_once_each():
    past = Past().ask("a", citations=(SOURCE,)).ask("b", citations=(SOURCE.model_copy(update={"quote": "newer"}),))
    assert [(each.url, each.quote) for each in package(past).sources] == [("/help/chain", "newer")]


def test_actions_tell_what_was_done_refused_waits_or_is_in_doubt_and_lookups_are_none():
    past = Past().write("cancel")
    past.turn("Cards.", *(lambda _, each=each: requested(each) for each in ("cf_1", "cf_2", "cf_3")))
    past.add(decided("cf_1", "decline", turn_id=None), decided("cf_2", turn_id="tn_9"))
    past.turn(
        "Done.",
        called("cancel_repair", "cf_2", "write", repair="R-1"),
        returned("unknown", "cf_2"),
        called("get_price", "t7", wheels=1),
        returned("ok", "t7"),
    )
    assert package(past).actions == (
        ActionDone(label="Cancelling", outcome="declined", arguments={"repair": "R-1"}),
        ActionDone(label="Doing cancel_repair", outcome="unknown", arguments={"repair": "R-1"}),
        ActionDone(label="Cancelling", outcome="waiting", arguments={"repair": "R-1"}),
    )


def test_an_approved_action_is_one_action_and_not_one_that_also_waits():
    approval = ApprovalRequested(
        at=START,
        turn_id=TurnId("tn_9"),
        approval_id=ApprovalId("ap_1"),
        confirmation_id=ConfirmationId("cf_1"),
        tool="pay_back",
        label="Paying back",
        arguments={"amount_usd": 500},
        limit_usd=100,
        customer_id="C-1",
        expires_at=START + timedelta(days=3),
    )
    past = Past().write("money").turn("Card.", lambda _: requested("cf_1", arguments={"amount_usd": 500}))
    past.add(decided("cf_1", turn_id="tn_9")).turn("Wait.", lambda _: approval, returned("waiting", "cf_1"))
    assert [each.outcome for each in package(past).actions] == ["waiting"]

    past.write("and?")
    pay = called("pay_back", "ap_1", "money", amount_usd=500)
    past.turn(
        "Done.",
        lambda turn_id: pay(turn_id).model_copy(
            update={"approval_id": ApprovalId("ap_1"), "confirmation_id": ConfirmationId("cf_1")}
        ),
        returned("ok", "ap_1"),
    )
    assert [(each.outcome, each.arguments) for each in package(past).actions] == [("ok", {"amount_usd": 500})]


def test_the_mood_goes_from_the_first_message_to_the_last():
    made = package(Past().ask("thank you so much, great").write("this is outrageous, I am furious!!"))
    assert made.mood_start > 0 > made.mood


# Reasons -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("out_of_time", "budget"),
        ("too_many_rounds", "budget"),
        ("token_limit", "budget"),
        ("cost_limit", "budget"),
        ("withheld", "verdict"),
        ("refusal", "verdict"),
        ("tool_loop", "tool_failed"),
        ("overloaded", "failed"),
        (None, "failed"),
    ],
)
def test_each_failure_has_its_reason(code: str | None, reason: str):
    assert reason_of_failure(code) == reason


def reason(past: Past, reply: str = "It is on the bench.") -> str | None:
    return reason_to_offer(BUNDLE, past.now, [e.event for e in past.now.log if isinstance(e.event, TurnEnded)][-1].turn_id, reply)  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [("ok", None), ("rejected", None), ("denied", None), ("waiting", None), ("failed", "tool_failed"), ("unknown", "tool_failed")],
)  # fmt: skip
def test_a_tool_that_failed_is_a_reason_and_one_that_said_no_is_none(outcome: str, expected: str | None):
    assert reason(Past().ask("price", "It is.", called("get_price"), returned(outcome))) == expected


def test_a_playbook_for_people_is_a_reason():
    assert reason(Past().ask("you lost my bicycle", playbook="upset")) == "policy"


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([UNKNOWN], None),
        ([UNKNOWN, UNKNOWN], "no_answer"),
        ([UNKNOWN, "Every 200 miles.", UNKNOWN], None),
        ([UNKNOWN, "Every 200 miles."], None),
        (["我不知道。", UNKNOWN], "no_answer"),
        ([UNKNOWN, f"Well. {UNKNOWN} Bye."], "no_answer"),
    ],
)
def test_no_answer_twice_in_a_row_is_a_reason(replies: list[str], expected: str | None):
    past = Past()
    for reply in replies:
        past.ask("and a tandem", reply)
    assert reason(past, replies[-1]) == expected


def test_a_failure_counts_as_no_answer_and_a_hand_off_starts_the_count_anew():
    past = Past().ask("a", "Fallback.", outcome="failed")
    assert reason(past.ask("b", UNKNOWN), UNKNOWN) == "no_answer"
    past = Past().ask("a", UNKNOWN).add(handed_off(), HandoffReturned(at=START, by="customer"))
    assert reason(past.ask("b", UNKNOWN), UNKNOWN) is None


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["this is outrageous, I am furious!!"], "sentiment"),
        (["I am disappointed"], None),
        (["I am disappointed", "I am still disappointed"], "sentiment"),
        (["I am disappointed", "and a tandem"], None),
        (["this is outrageous, I am furious!!", "thank you, all good"], None),
    ],
)
def test_an_upset_customer_is_a_reason(texts: list[str], expected: str | None):
    past = Past()
    for text in texts:
        past.ask(text)
    assert reason(past) == expected


def test_unanswered_is_a_failure_or_the_bundles_own_words():
    def events(past: Past) -> Any:
        return [logged.event for logged in past.now.log]

    assert not is_unanswered(BUNDLE, events(Past().ask("a")))
    assert is_unanswered(BUNDLE, events(Past().ask("a", UNKNOWN)))
    assert is_unanswered(BUNDLE, events(Past().ask("a", "Sorry.", outcome="failed")))
    assert not is_unanswered(BUNDLE, events(Past().write(UNKNOWN))), "the customer's words are not ours"
    assert says_unknown(BUNDLE, "嗯。我不知道。") and not says_unknown(BUNDLE, "I know.")
    assert playbook_of(BUNDLE, events(Past().ask("a", playbook=None))) is None


# The rungs ---------------------------------------------------------------------------------------------------------


def rung(past: Past) -> str:
    return judge_outcome(past.now, BUNDLE).rung


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        (lambda: Past(), "empty"),
        (lambda: Past().close(), "empty"),
        (lambda: Past().write("a"), "going"),
        (lambda: Past().ask("a"), "going"),
        (lambda: Past().ask("a").close(), "contained"),
        (lambda: Past().ask("a").close("timeout"), "contained"),
        (lambda: Past().write("a").close(), "abandoned"),
        (lambda: Past().ask("a").write("b").close(), "abandoned"),
        (lambda: Past().ask("a", UNKNOWN).close(), "abandoned"),
        (lambda: Past().ask("a", UNKNOWN).ask("b").close(), "contained"),
        (lambda: Past().ask("a", "Sorry.", outcome="failed").close(), "abandoned"),
        (lambda: Past().ask("a", "Half a", outcome="cancelled").close(), "abandoned"),
        (lambda: Past().ask("a", "Which repair is it?").close(), "abandoned"),
        (lambda: Past().ask("a", "是哪一辆？ ").close(), "abandoned"),
        (lambda: Past().ask("a", "Is it? It is.").close(), "contained"),
        (lambda: Past().ask("a", "Anything else?", playbook="advice").close(), "contained"),
        (lambda: Past().ask("a", "Which repair is it?").close().rate(5), "contained"),
        (lambda: Past().ask("a", "Which repair is it?").close().rate(3), "abandoned"),
        (lambda: Past().ask("a").add(handed_off()), "handed_off"),
        (lambda: Past().ask("a").add(handed_off()).close(), "handed_off"),
        (lambda: Past().ask("a").accept().reply().close("human_agent").rate(5), "handed_off"),
        (lambda: Past().ask("a").add(handed_off(), HandoffReturned(at=START, by="customer")).close(), "handed_off"),
        (lambda: Past().ask("a").add(offered(TurnId("tn_2"))).close(), "contained"),
    ],
)
def test_how_far_it_came_without_a_person(past: Any, expected: str):
    assert rung(past()) == expected


@pytest.mark.parametrize(("score", "expected"), [(None, False), (1, False), (3, False), (4, True), (5, True)])
def test_only_a_good_survey_confirms_and_only_what_was_contained(score: int | None, expected: bool):
    past, with_person = Past().ask("a").close(), Past().ask("a").add(handed_off()).close()
    for each in (past, with_person):
        if score is not None:
            each.rate(score)
    assert judge_outcome(past.now, BUNDLE).confirmed is expected
    assert judge_outcome(with_person.now, BUNDLE).confirmed is False


def test_handling_time_goes_from_the_first_question_to_the_last_word_of_whoever_answered():
    past = Past().wait(60).ask("a", takes=5).wait(100).ask("b", takes=7).wait(30)
    assert judge_outcome(past.now, BUNDLE).handling_seconds is None, "it goes on"
    assert judge_outcome(past.wait(3600).close("timeout").now, BUNDLE).handling_seconds == 112
    with_person = Past().ask("a").add(handed_off()).accept().wait(300).reply().wait(50).close("human_agent")
    assert judge_outcome(with_person.now, BUNDLE).handling_seconds == 300
    assert judge_outcome(Past().write("a").close().now, BUNDLE).handling_seconds is None


def test_the_assistants_time_is_that_of_its_turns():
    past = Past().ask("a", takes=5).wait(100).ask("b", takes=7)
    assert judge_outcome(past.now, BUNDLE).assistant_seconds == 12


def test_the_path_names_each_stretch_once_and_then_the_end():
    past = Past().ask("a", playbook="hello").ask("b").ask("c").ask("d", playbook=None).ask("e").close("timeout")
    outcomes = judge_outcome(past.now, BUNDLE)
    assert outcomes.path == "hello>repairs>unsure>repairs>end:contained"
    assert (outcomes.playbook, outcomes.closed_by) == ("repairs", "timeout")
    assert judge_outcome(Past().now, BUNDLE).path == "end:empty"


def test_who_closed_it_is_told_only_while_it_is_closed():
    past = Past().ask("a").close()
    assert judge_outcome(past.now, BUNDLE).closed_by == "customer"
    past.add(ConversationReopened(at=START, by="customer"))
    assert (judge_outcome(past.now, BUNDLE).closed_by, rung(past)) == (None, "going")


# The scores --------------------------------------------------------------------------------------------------------

PRICE = Card(title="Wheels", amount="$96.40")


def scores(past: Past) -> Scores:
    return score_turns(past.now, BUNDLE)[0]


def pair(past: Past, name: str) -> tuple[int, int]:
    """(of so many, so many were as they should be)."""
    made = scores(past)
    return getattr(made, f"{name}_n"), getattr(made, f"{name}_ok")


def test_a_reply_that_a_human_agent_corrected_is_not_accurate():
    past = Past().ask("a").ask("b")
    reply = [e.event for e in past.now.log if isinstance(e.event, MessagePosted) and e.event.message.author == "assistant"][0]  # fmt: skip
    past.add(
        CorrectionPosted(at=START, human_agent=DESK, message_id=reply.message.message_id, should_say="No."),
        CorrectionPosted(at=START, human_agent=DESK, message_id=MessageId("ms_of_nobody"), should_say="No."),
    )
    assert pair(past, "accuracy") == (2, 1)
    assert pair(Past().write("a").turn(""), "accuracy") == (0, 0)


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
        ("repairs", "", "replied", (0, 0)),
    ],
)
def test_an_on_topic_turn_is_answered(playbook: Any, text: str, outcome: Any, expected: tuple[int, int]):
    assert pair(Past().ask("a", text, playbook=playbook, outcome=outcome), "answered") == expected


@pytest.mark.parametrize(
    ("text", "cards", "expected"),
    [
        ("That is $96.40.", (PRICE,), (1, 1)),
        ("That is $96.", (PRICE,), (1, 0)),
        ("Look at the card.", (PRICE,), (1, 0)),
        ("$96.40 or $12.00", (PRICE, Card(title="Bell", amount="$12.00")), (2, 2)),
        ("That is $96.40.", (Card(title="No price"),), (0, 0)),
        ("That is $96.40.", (None,), (0, 0)),
        ("That is $96.400.", (PRICE,), (1, 0)),
        ("That is $1$96.40.", (PRICE,), (1, 1)),
    ],
)
def test_a_price_is_shown_as_the_tool_gave_it(text: str, cards: Any, expected: tuple[int, int]):
    past = Past().ask("price", text, *(returned(card=card) for card in cards))
    assert pair(past, "quoted") == expected


@pytest.mark.parametrize(
    ("between", "how", "expected"),
    [
        ((), {}, (0, 0)),
        ((handed_off,), {"wants_human": True, "outcome": "handed_off"}, (1, 1)),
        ((), {"wants_human": True}, (1, 0)),
        ((offered,), {"playbook": "upset"}, (1, 1)),
        ((), {"playbook": "upset"}, (1, 0)),
        ((offered,), {"outcome": "failed"}, (1, 1)),
        ((), {"outcome": "failed"}, (1, 0)),
        ((offered,), {}, (0, 0)),
    ],
)
def test_a_turn_that_had_to_lead_to_a_person_did(between: Any, how: Any, expected: tuple[int, int]):
    assert pair(Past().ask("a", "b", *between, **how), "escalated") == expected


def test_sources_and_open_questions_are_listed():
    past = Past().ask("how do\n I oil it", citations=(SOURCE,)).ask("x " * 300, UNKNOWN).ask("c", citations=(SOURCE,))
    _, sources, questions = score_turns(past.now, BUNDLE)
    assert sources == ("/help/chain",)
    assert questions == (("x " * 150),)


def test_scores_add_up_by_name():
    one = Scores(**{each.name: index for index, each in enumerate(fields(Scores))})
    two = Scores(**{each.name: 100 for each in fields(Scores)})
    assert one + two == Scores(**{each.name: 100 + index for index, each in enumerate(fields(Scores))})


# The record --------------------------------------------------------------------------------------------------------


def record(past: Past, *, at: Any = START) -> Any:
    return build_record(past.now, BUNDLE, at)


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
    def asked(number: int) -> ApprovalRequested:
        return ApprovalRequested(
            at=START,
            turn_id=TurnId("tn_2"),
            approval_id=ApprovalId(f"ap_{number}"),
            confirmation_id=ConfirmationId(f"cf_{number}"),
            tool="pay_back",
            label="Paying back",
            arguments={},
            limit_usd=100,
            customer_id="C-1",
            expires_at=START + timedelta(days=number),
        )

    past = Past().ask("a").add(asked(1), asked(2))
    assert [record(past, at=START + timedelta(days=day)).approvals for day in (0, 1, 2)] == [2, 1, 0]


def test_moods_are_those_of_the_words_until_a_model_has_judged_them():
    past = Past().ask("thank you, great")
    assert record(past).mood > 0
    judged = MoodJudged(at=START, start=1, end=-2, model="fast", usage=Usage(input_tokens=7), cost_usd=0.5)
    made = record(past.add(judged))
    assert (made.mood_start, made.mood) == (1, -2)
    assert made.cost_usd == pytest.approx(0.51) and made.tokens == 127
    assert record(past.write("thank you, great")).mood > 0, "since then the customer wrote again"
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
