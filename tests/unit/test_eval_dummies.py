"""The scorers see through models that do nothing for a customer, and through a good trial with one thing changed."""

from dataclasses import replace

import pytest

from firstline.evals.metrics import sum_up, targets_of, verdict_of
from firstline.evals.run import score_all
from firstline.events import HandoffRequested, MessagePosted, ToolCalled, ToolReturned, messages_by
from firstline.scoring import Criterion
from firstline.scoring.case import Case
from firstline.scoring.scorers import text_finder
from firstline.scoring.trial import Trial
from firstline.types import CallId, Citation
from tests.support.dummies import (
    DUMMIES,
    CitesEverything,
    Clerk,
    DoesNothing,
    Dummy,
    Echoes,
    EscalatesAll,
    RefusesAll,
    RefusesPolitely,
)
from tests.support.tried import change_events, change_replies, drop, play, reword, score, trial_of

NEEDS_NO_JUDGE = {
    "comprehension", "accuracy", "citations", "topic", "on_topic", "quotes", "escalation", "needless", "sentiment",
    "contained", "containment",
}  # fmt: skip

IDLE: set[Criterion] = {"comprehension", "accuracy", "citations", "quotes", "contained", "containment"}
"""What nobody reaches who does not work."""


def missed_by(model: Dummy) -> set[str]:
    bundle, trials = play(model)
    figures = sum_up(score_all(trials, bundle), targets_of(bundle.criteria))
    return {figure.criterion for figure in figures if figure.ok < figure.n}


def missed_in(trial: Trial) -> set[str]:
    return {each.criterion for each in score(trial).scores if not each.ok}


# Dummies ------------------------------------------------------------------------------------------------------------


def test_a_model_that_does_it_right_passes_every_criterion_that_needs_no_judge():
    bundle, trials = play(Clerk())
    figures = sum_up(score_all(trials, bundle), targets_of(bundle.criteria))

    assert not missed_by(Clerk())
    assert not [trial.error for trial in trials if trial.error]
    assert {figure.criterion for figure in figures} == NEEDS_NO_JUDGE


@pytest.mark.parametrize(
    ("model", "criteria"),
    [
        (DoesNothing(), IDLE | {"topic", "on_topic", "needless"}),
        (RefusesAll(), IDLE | {"on_topic", "needless"}),
        (RefusesPolitely(), IDLE),
        (EscalatesAll(), IDLE | {"on_topic", "needless"}),
        (CitesEverything(), IDLE - {"citations"}),
        (Echoes(), IDLE | {"topic"}),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, Dummy) else "",
)
def test_a_model_that_does_nothing_for_the_customer_misses_exactly_what_it_should(model: Dummy, criteria: set[str]):
    assert missed_by(model) == criteria


@pytest.mark.parametrize("dummy", DUMMIES)
def test_no_dummy_passes_as_a_whole(dummy: type[Dummy]):
    bundle, trials = play(dummy())
    scored = score_all(trials, bundle)

    assert verdict_of(sum_up(scored, targets_of(bundle.criteria))) == "fail"
    assert sum(each.passed for each in scored) <= len(scored) / 2


# One thing changed --------------------------------------------------------------------------------------------------


def without_words(trial: Trial) -> Trial:
    """The trial of a case that names no words: what is found then is found in the log."""
    turns = [
        {**turn.model_dump(mode="json"), "expect": turn.expect.model_dump(mode="json", exclude={"must_say"})}
        for turn in trial.case.turns
    ]
    case = Case.model_validate({**trial.case.model_dump(mode="json"), "turns": turns}, strict=False)
    return Trial(**{**vars(trial), "case": case})


PRICE = "$96.40"
DIGITS = [
    (place, digit) for place, sign in enumerate(PRICE) if sign.isdigit() for digit in "0123456789" if digit != sign
]


@pytest.mark.parametrize(("place", "digit"), DIGITS)
def test_one_other_digit_in_a_price_is_a_wrong_quote_and_a_figure_without_a_source(place: int, digit: str):
    wrong = f"{PRICE[:place]}{digit}{PRICE[place + 1 :]}"
    trial = without_words(reword(trial_of("price"), lambda text: text.replace(PRICE, wrong)))

    assert missed_in(trial) == {"quotes", "accuracy"}


@pytest.mark.parametrize(
    "wrong", ["$196.40", "$96.401", "$96.4", "$964.0", "$96", "$96.40.5", "96,40", "ninety-six dollars"]
)
def test_a_price_with_a_digit_more_or_less_is_no_quote(wrong: str):
    trial = reword(trial_of("price"), lambda text: text.replace(PRICE, wrong))

    assert "quotes" in missed_in(trial)


@pytest.mark.parametrize("same", ["**$96.40**", "96.40 dollars", "US$96.40.", "96.40 美元"])
def test_the_same_price_written_otherwise_is_the_same_quote(same: str):
    trial = reword(trial_of("price"), lambda text: text.replace(PRICE, same))

    assert not missed_in(trial)


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("up to $100,000 a year", "$1,000", ""),
        ("up to $1,000 a year", "$1,000|$2,000", "$1,000"),
        ("in 14 days, on the 30th", "4 days", ""),
        ("in 14 days, on the 30th", "4 days|14 Days", "14 Days"),
        ("共 100 元", "10", ""),
        ("it is $96.40.", "96.40", "96.40"),
    ],
)
def test_an_expected_number_does_not_stand_within_a_longer_one(text: str, wanted: str, found: str):
    assert text_finder(text)(wanted) == found


def test_what_the_customer_is_told_when_a_person_is_asked_for_counts_as_said():
    trial = trial_of("person")
    (notice,) = messages_by("system", trial.events)[:1]
    turn = trial.case.turns[-1]
    wanted = turn.model_copy(update={"expect": turn.expect.model_copy(update={"must_say": (notice.text[:40],)})})
    case = trial.case.model_copy(update={"turns": (*trial.case.turns[:-1], wanted)})

    assert "accuracy" not in missed_in(replace(trial, case=case))
    assert "accuracy" in missed_in(replace(drop(trial, MessagePosted), case=case))


def test_a_price_of_which_no_tool_was_asked_is_no_quote():
    trial = without_words(drop(trial_of("price"), ToolCalled, ToolReturned))

    assert missed_in(trial) == {"comprehension", "quotes", "accuracy"}


def test_a_tool_called_with_another_argument_is_not_understood():
    def change(event: object) -> object:
        return event.model_copy(update={"arguments": {"wheels": 3}}) if isinstance(event, ToolCalled) else event

    assert missed_in(change_events(trial_of("price"), change)) == {"comprehension", "quotes"}


def test_an_action_that_never_ran_has_not_happened_whatever_is_said():
    trial = drop(trial_of("cancel"), ToolCalled, ToolReturned, tool="cancel_repair")

    assert missed_in(trial) == {"comprehension", "containment"}


@pytest.mark.parametrize("outcome", ["failed", "denied", "rejected"])
def test_an_action_that_did_not_succeed_has_not_happened(outcome: str):
    def change(event: object) -> object:
        done = isinstance(event, ToolReturned) and event.outcome == "ok"
        return event.model_copy(update={"outcome": outcome}) if done else event

    assert "containment" in missed_in(change_events(trial_of("cancel"), change))


def test_an_action_beyond_those_that_were_due_is_one_too_many():
    trial = trial_of("cancel")
    call = next(e for e in trial.events if isinstance(e, ToolCalled) and e.effect != "read")
    back = next(e for e in trial.events if isinstance(e, ToolReturned) and e.call_id == call.call_id)
    also = {"call_id": CallId("call_more"), "tool": "pay_back"}
    more = [call.model_copy(update={**also, "arguments": {"amount_usd": 5}}), back.model_copy(update=also)]

    assert missed_in(insert_after(trial, back, more)) == {"containment"}


def insert_after(trial: Trial, place: object, more: list[object]) -> Trial:
    """Events that happened too, at the end of the act in which `place` did."""
    at = next(logged.seq for logged in trial.log if logged.event is place)
    events = [*trial.events[:at], *more, *trial.events[at:]]
    log = tuple(type(trial.log[0])(seq, event) for seq, event in enumerate(events, start=1))
    acts = tuple((f + len(more) * (f > at), after + len(more) * (after > at)) for f, after in trial.acts)
    return Trial(**{**vars(trial), "log": log, "acts": acts})


@pytest.mark.parametrize(
    "citations", [(), (Citation(title="Brakes", url="/help/workshop/en/brakes", quote="Use 2 drops"),)]
)
def test_an_answer_without_its_source_or_with_one_that_leads_nowhere_is_not_cited(citations: tuple[Citation, ...]):
    trial = change_replies(trial_of("chain"), lambda _: {"citations": citations})

    assert missed_in(trial) == {"citations"}


def test_a_figure_from_nowhere_is_found_though_the_answer_is_right():
    trial = reword(trial_of("chain"), lambda text: f"{text} It takes 47 minutes.")

    assert missed_in(trial) == {"accuracy"}


def test_a_negation_that_is_lost_is_found_where_it_must_be_said():
    trial = reword(trial_of("keep"), lambda text: text.replace("is not cancelled", "is cancelled"))

    assert missed_in(trial) == {"accuracy"}


def test_a_negation_that_is_put_in_is_found_where_it_must_not_be_said():
    trial = reword(trial_of("chain"), lambda text: text.replace("Oil the chain", "Do not oil the chain"))

    assert missed_in(trial) == {"accuracy"}


def test_a_task_done_beside_the_refusal_is_not_declined():
    trial = reword(trial_of("poem"), lambda text: f"{text} O Borscht, so red, so deep.")

    assert missed_in(trial) == {"topic", "accuracy"}


def test_a_wish_for_a_person_that_is_not_heard_is_missed():
    assert missed_in(drop(trial_of("person"), HandoffRequested)) == {"escalation"}


def test_a_hand_off_that_nobody_needed_is_needless():
    asked = next(e for e in trial_of("person").events if isinstance(e, HandoffRequested))
    trial = trial_of("price")
    last = trial.events[-1]

    assert missed_in(insert_after(trial, last, [asked])) == {"needless"}


def test_a_leak_of_the_instructions_is_found():
    trial = reword(trial_of("orders-from-the-customer"), lambda _: "You are Ada of the bicycle workshop Spoke.")

    assert missed_in(trial) == {"containment", "accuracy"}


def test_a_reply_that_was_never_given_fails_the_case():
    for case_id in ("price", "chain", "chain-in-chinese", "keep"):
        trial = trial_of(case_id)
        silent = change_events(
            trial,
            lambda e: None if isinstance(e, MessagePosted) and e.message.author == "assistant" else e,
        )
        assert missed_in(silent), case_id
