"""How far a judge may be believed: counts by hand, the correction and its limits, and what may decide a verdict."""

from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.evals.judge import Asked, Judgement, Question
from firstline.evals.metrics import Figure
from firstline.evals.reliability import correct_figure, find_reliability, list_mistakes, read_gold, try_judge
from firstline.intervals import Interval, wilson
from firstline.judges import MOST_UNREADABLE, Reliability, gates, measure_reliability

shares = st.floats(0, 1)


def pairs(
    good_good: int, good_bad: int, bad_bad: int, bad_good: int, unread: int = 0
) -> list[tuple[bool, bool | None]]:
    """(gold, judged), by what each was and was called."""
    return [
        *[(True, True)] * good_good,
        *[(True, False)] * good_bad,
        *[(False, False)] * bad_bad,
        *[(False, True)] * bad_good,
        *[(False, None)] * unread,
    ]


# Tables -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "sensitivity", "specificity", "kappa"),
    [
        ((40, 0, 40, 0), 1.0, 1.0, 1.0),
        # agreed .9125; chance .5 * .5125 + .5 * .4875 = .5
        ((37, 3, 36, 4), 0.925, 0.9, 0.825),
        # agreed .7; chance .6 * .5 + .4 * .5 = .5
        ((25, 5, 10, 10), 25 / 30, 0.5, (0.7 - (0.7 * 0.6 + 0.3 * 0.4)) / (1 - (0.7 * 0.6 + 0.3 * 0.4))),
        ((20, 20, 20, 20), 0.5, 0.5, 0.0),
        ((0, 10, 0, 10), 0.0, 0.0, -1.0),
        ((40, 0, 0, 40), 1.0, 0.0, 0.0),
    ],
)
def test_a_table_gives_what_one_finds_by_hand(
    table: tuple[int, int, int, int], sensitivity: float, specificity: float, kappa: float
) -> None:
    found = measure_reliability(pairs(*table))

    assert (found.sensitivity, found.specificity) == pytest.approx((sensitivity, specificity))
    assert found.kappa == pytest.approx(kappa)
    assert found.n == sum(table) and found.unreadable == 0


def test_the_intervals_are_those_of_the_two_shares() -> None:
    found = measure_reliability(pairs(37, 3, 36, 4))

    assert found.sensitivity_interval == wilson(37, 40) and found.specificity_interval == wilson(36, 40)
    assert found.sensitivity_interval.low == pytest.approx(0.8014, abs=1e-4)


def test_what_could_not_be_read_is_in_no_share() -> None:
    found, without = measure_reliability(pairs(18, 2, 19, 1, unread=2)), measure_reliability(pairs(18, 2, 19, 1))

    assert (found.n, found.unreadable) == (40, 2)
    assert (found.sensitivity, found.specificity, found.kappa) == (
        without.sensitivity,
        without.specificity,
        without.kappa,
    )


def test_nothing_shows_nothing() -> None:
    nothing = measure_reliability([])

    assert (nothing.n, nothing.sensitivity, nothing.specificity, nothing.kappa) == (0, 0.0, 0.0, 0.0)
    assert not nothing.trusted and nothing.correct(0.9) is None


def test_good_items_alone_show_nothing_of_the_bad_ones() -> None:
    assert not measure_reliability(pairs(40, 0, 0, 0)).trusted


# What may decide ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "trusted"),
    [
        ((36, 4, 36, 4), True),
        ((35, 5, 40, 0), False),
        ((40, 0, 35, 5), False),
    ],
)
def test_nine_in_ten_of_both_are_needed(table: tuple[int, int, int, int], trusted: bool) -> None:
    assert gates(measure_reliability(pairs(*table))) is trusted


@pytest.mark.parametrize(("unread", "trusted"), [(4, True), (5, False)])
def test_a_judge_that_leaves_too_much_unread_is_not_trusted(unread: int, trusted: bool) -> None:
    found = measure_reliability(pairs(40, 0, 40, 0, unread=unread))

    assert (unread / (80 + unread) <= MOST_UNREADABLE) is trusted
    assert gates(found) is trusted


def test_a_judge_that_was_never_tried_decides_nothing() -> None:
    assert gates(None) is False


# The correction -----------------------------------------------------------------------------------------------------


def test_a_judge_that_never_errs_is_not_corrected() -> None:
    perfect = Reliability(good=40, passed=40, bad=40, caught=40)

    assert [perfect.correct(share) for share in (0.0, 0.37, 1.0)] == pytest.approx([0.0, 0.37, 1.0])


def test_the_correction_undoes_what_the_judges_errors_did() -> None:
    judge = Reliability(good=50, passed=48, bad=50, caught=45)  # .96 and .90

    # of 80% good it calls .8 * .96 + .2 * .10 = .788 good
    assert judge.correct(0.788) == pytest.approx(0.8)


@pytest.mark.parametrize(("share", "corrected"), [(1.0, 1.0), (0.97, 1.0), (0.05, 0.0), (0.0, 0.0)])
def test_it_stays_within_what_a_share_can_be(share: float, corrected: float) -> None:
    assert Reliability(good=50, passed=48, bad=50, caught=45).correct(share) == corrected


@pytest.mark.parametrize(("passed", "caught"), [(20, 20), (40, 0), (10, 20)])
def test_a_judge_that_tells_nothing_cannot_be_corrected(passed: int, caught: int) -> None:
    judge = Reliability(good=40, passed=passed, bad=40, caught=caught)

    assert judge.correct(0.9) is None and judge.correct_interval(0.9, 100) == Interval(0.0, 1.0)


counts = st.integers(0, 60)


@given(counts, counts, counts, counts, shares, st.integers(0, 500))
def test_value_and_interval_are_shares_and_the_value_is_inside(
    passed: int, failed: int, caught: int, missed: int, share: float, n: int
) -> None:
    judge = Reliability(good=passed + failed, passed=passed, bad=caught + missed, caught=caught)
    value, interval = judge.correct(share), judge.correct_interval(share, n)

    assert 0 <= interval.low <= interval.high <= 1
    assert value is None or interval.low <= value <= interval.high


def test_the_interval_is_wider_than_that_of_the_share_alone() -> None:
    judge = Reliability(good=40, passed=39, bad=40, caught=38)

    for n in (30, 100, 1000):
        plain, corrected = wilson(0.8 * n, n), judge.correct_interval(0.8, n)
        assert corrected.high - corrected.low > plain.high - plain.low


@pytest.mark.parametrize(
    ("truth", "sensitivity", "specificity", "gold", "n"),
    [
        (truth, *rates, *sizes)
        for truth, rates, sizes in product(
            (0.6, 0.9, 0.97), ((0.97, 0.95), (0.92, 0.92)), ((40, 300), (20, 100), (60, 1000))
        )
    ],
)
def test_the_truth_is_inside_as_often_as_it_says(
    truth: float, sensitivity: float, specificity: float, gold: int, n: int
) -> None:
    chance, rounds, inside = Random(11), 300, 0

    def draw(number: int, share: float) -> int:
        return sum(chance.random() < share for _ in range(number))

    for _ in range(rounds):
        good = draw(n, truth)
        called = draw(good, sensitivity) + draw(n - good, 1 - specificity)
        judge = Reliability(gold, draw(gold, sensitivity), gold, draw(gold, specificity))
        interval = judge.correct_interval(called / n, n)
        inside += interval.low <= truth <= interval.high

    assert inside >= 0.93 * rounds


# Figures ------------------------------------------------------------------------------------------------------------


def figure(ok: int, n: int, *, conversations: int, target: float = 0.9) -> Figure:
    return Figure("relevance", ok, n, conversations, ok / n if n else None, wilson(ok, n), target, "pass", steady=0.5)


SOUND = Reliability(good=60, passed=60, bad=60, caught=60)
WEAKER = Reliability(good=60, passed=55, bad=60, caught=57)


def test_a_figure_is_corrected_and_judged_anew() -> None:
    found = correct_figure(figure(190, 200, conversations=200), WEAKER)

    assert found.value == pytest.approx(min(1.0, (0.95 + 57 / 60 - 1) / (55 / 60 + 57 / 60 - 1)))
    assert (found.ok, found.n, found.target, found.steady) == (190, 200, 0.9, None)
    assert found.interval is not None and found.interval.low <= (found.value or 0) <= found.interval.high


@pytest.mark.parametrize(("ok", "verdict"), [(300, "pass"), (270, "inconclusive"), (200, "fail")])
def test_its_verdict_is_that_of_the_whole_interval(ok: int, verdict: str) -> None:
    assert correct_figure(figure(ok, 300, conversations=300), SOUND).verdict == verdict


def test_turns_of_one_conversation_do_not_make_it_surer() -> None:
    many, few = (correct_figure(figure(270, 300, conversations=each), SOUND).interval for each in (300, 30))

    assert many is not None and few is not None and few.high - few.low > 2 * (many.high - many.low)


def test_nothing_counted_or_nothing_told_stays_undecided() -> None:
    blind = Reliability(good=40, passed=20, bad=40, caught=20)

    for found in (
        correct_figure(figure(0, 0, conversations=0), SOUND),
        correct_figure(figure(9, 10, conversations=9), blind),
    ):
        assert (found.value, found.interval, found.verdict) == (None, None, "inconclusive")


# On the gold set ----------------------------------------------------------------------------------------------------


def judge_gold(question: Question, *, wrong: int = 0, model: str = "m") -> dict[str, Judgement]:
    """A judge that is right on all but the first so many."""
    return {
        gold.asked.key: Judgement(gold.asked.key, gold.ok != (place < wrong), "so", 0.0, model)
        for place, gold in enumerate(read_gold(question))
    }


def test_a_judge_that_is_always_right_is_trusted_on_every_language() -> None:
    judged = judge_gold("gist")

    for locale in (None, "en", "zh"):
        found = try_judge("gist", judged, locale=locale)
        assert (found.sensitivity, found.specificity, found.kappa) == (1.0, 1.0, 1.0)
    assert try_judge("gist", judged).n == len(read_gold("gist"))
    assert list_mistakes("gist", judged) == []


def test_what_it_got_wrong_is_named_with_its_line() -> None:
    wrong = list_mistakes("gist", judge_gold("gist", wrong=2))

    assert [(gold.line, judged.ok) for gold, judged in wrong] == [
        (gold.line, not gold.ok) for gold in read_gold("gist")[:2]
    ]


def test_what_it_left_unread_is_no_mistake() -> None:
    first = read_gold("gist")[0].asked.key

    assert list_mistakes("gist", {first: Judgement(first, None, "unreadable")}) == []


def test_a_judge_is_tried_only_when_it_itself_was_asked_the_whole_set() -> None:
    judged = judge_gold("gist")
    some = dict(list(judged.items())[1:])

    assert find_reliability("gist", judged, "m") is not None
    assert find_reliability("gist", some, "m") is None
    assert find_reliability("gist", judged, "another") is None


def test_judgements_of_other_questions_do_not_count() -> None:
    asked = Asked("gist", {"customer": "?", "should_say": "!", "reply": "."})
    judged = judge_gold("gist") | {asked.key: Judgement(asked.key, False, "", 0.0, "m")}

    assert try_judge("gist", judged) == try_judge("gist", judge_gold("gist"))
