"""What a conversation came to: the package for a person, the reasons to offer one, the rungs."""

from datetime import timedelta
from typing import Any

import pytest

from firstline import handoff
from firstline.answers import is_unanswered, playbook_of, reason_of_failure, reason_to_offer, says_unknown
from firstline.conversation import Conversation
from firstline.events import (
    ApprovalDecided,
    ApprovalRequested,
    ConversationClosed,
    ConversationReopened,
    Event,
    GuardrailRan,
    HandoffAccepted,
    HandoffOffered,
    HandoffRequested,
    HandoffReturned,
    MessagePosted,
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
from firstline.record import build_record
from firstline.types import (
    ActionDone,
    ApprovalId,
    CallId,
    Card,
    CardRow,
    Citation,
    ConfirmationId,
    HumanAgent,
    PlaybookId,
    StaffId,
    TurnId,
    Usage,
    Verdict,
)
from firstline.wire import build_known
from tests.support.events import decided, message, requested
from tests.support.scripted import START, post, start
from tests.support.toy import make_bundle

BUNDLE = make_bundle()
KNOWN = build_known(BUNDLE)
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


def approval(number: int = 1) -> ApprovalRequested:
    return ApprovalRequested(
        at=START,
        turn_id=TurnId("tn_9"),
        approval_id=ApprovalId(f"ap_{number}"),
        confirmation_id=ConfirmationId(f"cf_{number}"),
        tool="pay_back",
        label="Paying back",
        arguments={"amount_usd": 500},
        limit_usd=100,
        customer_id="C-1",
        expires_at=START + timedelta(days=number),
    )


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


@pytest.mark.parametrize(
    ("effect", "outcome", "is_ticket"),
    [("money", "unknown", True), ("write", "unknown", True), ("write", "failed", False), ("read", "unknown", False)],
)
def test_an_action_in_doubt_is_a_ticket_until_a_person_has_settled_it(effect: str, outcome: str, is_ticket: bool):
    past = Past().ask("pay me back", "I will see.", called("pay_back", effect=effect), returned(outcome))
    assert build_record(past.now, KNOWN, past.at).ticket is is_ticket
    assert build_record(past.close().now, KNOWN, past.at).ticket is is_ticket

    settled = handoff.resolve(past.now, DESK, past.at)
    assert settled == ((ConversationClosed(at=past.at, by="human_agent"),) if is_ticket else ())
    assert isinstance(settled, tuple)
    assert not build_record(past.add(*settled).now, KNOWN, past.at).ticket


def test_an_approved_action_is_one_action_and_not_one_that_also_waits():
    past = Past().write("money").turn("Card.", lambda _: requested("cf_1", arguments={"amount_usd": 500}))
    past.add(decided("cf_1", turn_id="tn_9")).turn("Wait.", lambda _: approval(), returned("waiting", "cf_1"))
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


@pytest.mark.parametrize(
    ("decision", "outcome"), [("approve", "waiting"), ("decline", "denied"), ("expire", "expired")]
)
def test_an_action_that_a_human_agent_did_not_approve_waits_no_longer(decision: Any, outcome: str):
    past = Past().write("money").turn("Card.", lambda _: requested("cf_1")).add(decided("cf_1", turn_id="tn_9"))
    past.turn("Wait.", lambda _: approval(), returned("waiting", "cf_1"))
    past.add(
        ApprovalDecided(at=START, turn_id=None, approval_id=ApprovalId("ap_1"), decision=decision, human_agent=DESK)
    )
    assert [each.outcome for each in package(past).actions] == [outcome]


def test_a_yes_that_came_too_late_and_a_call_that_is_under_way_do_not_wait_for_a_yes():
    past = Past().write("cancel").turn("Card.", lambda _: requested("cf_1")).add(decided("cf_1", turn_id="tn_9"))
    past.turn("Again.", returned("denied", "cf_1"))
    assert [each.outcome for each in package(past).actions] == ["denied"]
    past.write("again").add(TurnStarted(at=START, turn_id=TurnId("tn_8")))
    past.add(called("cancel_repair", "cf_2", "write")(TurnId("tn_8")))
    assert [each.outcome for each in package(past).actions] == ["denied", "running"]


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
    """Why a person should be offered after the last turn."""
    ended = [logged.event for logged in past.now.log if isinstance(logged.event, TurnEnded)]
    return reason_to_offer(BUNDLE, past.now, ended[-1].turn_id, reply)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("ok", None),
        ("rejected", None),
        ("denied", None),
        ("waiting", None),
        ("failed", "tool_failed"),
        ("unknown", "tool_failed"),
    ],
)
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
        (Past, "empty"),
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


def test_the_wait_for_a_person_goes_from_the_first_request_until_one_came():
    def waited(past: Past) -> float | None:
        return judge_outcome(past.now, BUNDLE).waited_seconds

    asked = Past().ask("a").add(handed_off()).wait(40)
    assert waited(asked) is None, "nobody has come"
    assert waited(asked.accept().wait(60).reply()) == 40
    assert waited(Past().ask("a").wait(40).accept()) is None, "nobody was asked for"

    went_on = Past().ask("a").add(handed_off()).wait(40)
    went_on.add(HandoffReturned(at=went_on.at, by="customer")).ask("b").wait(20)
    again = HandoffRequested(at=went_on.at, reason="asked")
    assert waited(went_on.add(again).wait(5).accept()) == 5


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
