"""Two runs, pair by pair: what flipped, and whether that can be chance."""

from dataclasses import replace
from itertools import product
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.evals.compare import FEWEST_FLIPS, LEVEL, Comparison, compare, sign_test
from firstline.evals.metrics import Scored
from firstline.evals.sheet import Sheet
from firstline.evals.wording import say_comparison, say_shifts, say_warnings
from firstline.scoring import Criterion, Score
from firstline.scoring.case import Case, Turn
from firstline.scoring.trial import Trial
from tests.support.tried import make_sheet

Marks = dict[str, list[bool | None]]
"""By case: how each of its trials was in accuracy; None: it broke."""


def run_of(marks: Marks, *, criterion: Criterion = "accuracy", seconds: float = 1.0, say: str = "Hello?") -> Sheet:
    scored = [
        Scored(
            Trial(
                case=Case(id=case_id, locale="en", turns=(Turn(say=say),)),
                number=number,
                seed=number,
                log=(),
                acts=(),
                seconds=seconds,
                revision="r1",
                model="m1",
                error="TimeoutError: it hung" if ok is None else None,
            ),
            () if ok is None else (Score(criterion, ok, "" if ok else "said «no»", act=0),),
        )
        for case_id, trials in marks.items()
        for number, ok in enumerate(trials, start=1)
    ]
    return replace(make_sheet([]), scored=tuple(scored))


def compared(before: Marks, after: Marks) -> Comparison:
    return compare(run_of(before), run_of(after))


def counts(comparison: Comparison, criterion: Criterion = "accuracy") -> tuple[int, int]:
    difference = comparison.of(criterion)
    assert difference is not None
    return difference.worse, difference.better


def all_of(count: int, *marks: bool | None) -> Marks:
    return {f"case-{number}": list(marks) for number in range(count)}


# The test -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("worse", "better", "p"),
    [(5, 0, 0.0625), (6, 0, 0.03125), (9, 1, 0.021484375), (8, 2, 0.109375), (0, 0, 1.0), (3, 3, 1.0)],
)
def test_the_sign_test_gives_the_known_values(worse: int, better: int, p: float):
    assert isclose(sign_test(worse, better), p)


@given(st.integers(0, 12), st.integers(0, 12))
def test_the_sign_test_is_the_share_of_splits_at_least_as_uneven(worse: int, better: int):
    n = worse + better
    if n > 12:
        return
    uneven = abs(worse - better)
    splits = [abs(n - 2 * sum(flips)) >= uneven for flips in product((0, 1), repeat=n)]

    assert isclose(sign_test(worse, better), sum(splits) / len(splits))


def test_fewer_flips_than_the_fewest_never_make_a_difference():
    assert sign_test(FEWEST_FLIPS, 0) < LEVEL <= sign_test(FEWEST_FLIPS - 1, 0)


# Pairs --------------------------------------------------------------------------------------------------------------


def test_a_run_beside_itself_has_no_flips():
    sheet = make_sheet()
    comparison = compare(sheet, sheet)

    assert len(comparison.pairs) == len(sheet.scored)
    assert not comparison.flips and not comparison.worse
    assert {each.p for each in comparison.differences} == {1.0}
    assert [each.before for each in comparison.differences] == [figure.value for figure in sheet.figures]


def test_what_was_good_and_is_bad_is_worse_and_tells_why():
    comparison = compared({"a": [True], "b": [True]}, {"a": [False], "b": [True]})
    (flip,) = comparison.flips

    assert (flip.case_id, flip.worse, flip.better) == ("a", ("accuracy",), ())
    assert [score.why for score in flip.wrong] == ["said «no»"]
    assert counts(comparison) == (1, 0)


def test_what_was_bad_and_is_good_is_better_and_tells_what_it_was():
    comparison = compared({"a": [False]}, {"a": [True]})
    (flip,) = comparison.flips

    assert (flip.worse, flip.better) == ((), ("accuracy",))
    assert [score.why for score in flip.wrong] == ["said «no»"]


def test_trials_of_one_case_count_once():
    comparison = compared({"a": [True] * 8, "b": [True] * 8}, {"a": [False] * 8, "b": [True] * 8})

    assert counts(comparison) == (1, 0)
    assert len(comparison.flips) == 8
    assert not comparison.worse, "eight trials of one case are no proof"


def test_a_case_that_gained_as_much_as_it_lost_has_not_changed():
    assert counts(compared({"a": [True, False]}, {"a": [False, True]})) == (0, 0)


def test_a_trial_that_broke_in_either_run_is_no_pair():
    comparison = compared({"a": [True], "b": [None], "c": [True]}, {"a": [None], "b": [False], "c": [True]})

    assert [after.trial.case.id for _, after in comparison.pairs] == ["c"]
    assert not comparison.flips


def test_a_case_that_is_another_one_now_is_left_out_and_named():
    before, after = run_of({"a": [True], "b": [True]}), run_of({"a": [False], "b": [True]}, say="Good evening?")
    comparison = compare(before, after)

    assert comparison.changed == ("a", "b") and not comparison.pairs
    assert any("a, b" in warning for warning in say_warnings(comparison))


def test_trials_that_only_one_run_has_are_counted_and_told():
    comparison = compared({"a": [True, True], "b": [True]}, {"a": [True], "c": [True]})

    assert comparison.alone == 3
    assert any("3 trials" in warning for warning in say_warnings(comparison))


def test_a_criterion_that_only_one_run_looked_at_is_shown_and_never_a_flip():
    comparison = compare(run_of({"a": [True]}), run_of({"a": [False]}, criterion="quotes"))
    quotes = comparison.of("quotes")

    assert quotes is not None and (quotes.before, quotes.after) == (None, 0.0)
    assert not comparison.flips


# What is made of it -------------------------------------------------------------------------------------------------


def test_six_cases_that_got_worse_are_a_difference_and_five_are_not():
    assert [each.criterion for each in compared(all_of(6, True), all_of(6, False)).worse] == ["accuracy"]
    assert not compared(all_of(5, True), all_of(5, False)).worse


def test_six_cases_that_got_better_are_no_reason_to_fail():
    comparison = compared(all_of(6, False), all_of(6, True))

    assert not comparison.worse
    assert say_comparison(comparison) == "B is better than A, beyond chance: Accuracy; no criterion is worse"


def test_the_sentence_names_what_is_worse():
    assert say_comparison(compared(all_of(6, True), all_of(6, False))) == "B is worse than A, beyond chance: Accuracy"


def test_whole_conversations_are_compared_too():
    whole = compared(all_of(4, True), {**all_of(3, True), "case-3": [False]}).whole

    assert (whole.before, whole.after, whole.worse, whole.better) == (1.0, 0.75, 1, 0)


def test_few_cases_are_said_to_prove_nothing():
    assert any("fewer than 6 cases" in each for each in say_warnings(compared(all_of(5, True), all_of(5, True))))
    assert not say_warnings(compared(all_of(6, True), all_of(6, True)))


def test_runs_that_were_scored_by_different_scorers_are_said_to_be():
    before = replace(run_of(all_of(6, True)), scorers="scorers-0")

    assert any("different scorers" in each for each in say_warnings(compare(before, run_of(all_of(6, True)))))


def test_the_time_of_a_conversation_is_compared_pair_by_pair():
    comparison = compare(run_of(all_of(8, True), seconds=2.0), run_of(all_of(8, True), seconds=3.0))
    shift = comparison.seconds

    assert shift is not None and (shift.before, shift.after, shift.difference) == (2.0, 3.0, 1.0)
    assert shift.interval is not None and shift.interval.low == shift.interval.high == 1.0
    assert say_shifts(comparison) == [
        "a conversation took 2.00 s in A and 3.00 s in B on average, 1.50 times; "
        "median of the differences 1.00 s [1.00 s to 1.00 s]"
    ]


def test_runs_without_anything_in_common_give_an_empty_comparison():
    comparison = compared({"a": [True]}, {"b": [True]})

    assert not comparison.pairs and not comparison.differences and comparison.seconds is None
    assert comparison.whole.before is None
