"""How sure a figure is: known values, how often the truth is inside, and what a verdict may say of little."""

from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.intervals import (
    NO_FAILURES_IN,
    Interval,
    bootstrap_mean,
    judge,
    judge_share,
    quantile,
    quantile_interval,
    wilson,
)

counts = st.integers(0, 400)


# Shares -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ok", "n", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (50, 100, 0.4038, 0.5962),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson_gives_the_known_values(ok: int, n: int, low: float, high: float) -> None:
    found = wilson(ok, n)

    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


@given(counts, counts)
def test_the_share_itself_is_inside_and_its_mirror_image_is_the_interval_of_the_rest(one: int, other: int) -> None:
    n = one + other
    found, rest = wilson(one, n), wilson(other, n)

    assert 0 <= found.low <= found.high <= 1
    assert n == 0 or found.low <= one / n <= found.high
    assert (found.low, found.high) == pytest.approx((1 - rest.high, 1 - rest.low))


@pytest.mark.parametrize(("ok", "n"), [(100, 100), (197, 200), (485, 500)])
def test_these_many_pass_a_target_of_95_percent(ok: int, n: int) -> None:
    assert judge_share(ok, n, 0.95).verdict == "pass"


@pytest.mark.parametrize(("ok", "n"), [(72, 72), (99, 100), (193, 200), (480, 500)])
def test_a_few_less_do_not_though_their_share_is_above_it(ok: int, n: int) -> None:
    assert ok / n > 0.95
    assert judge_share(ok, n, 0.95).verdict == "inconclusive"


def test_a_share_fails_only_when_the_whole_interval_is_below() -> None:
    assert judge_share(885, 1000, 0.90).verdict == "inconclusive"
    assert judge_share(870, 1000, 0.90).verdict == "fail"


def test_nothing_counted_says_nothing() -> None:
    judged = judge_share(0, 0, 0.95)

    assert (judged.value, judged.interval, judged.verdict) == (None, None, "inconclusive")


def test_of_few_conversations_with_many_turns_less_is_known_than_of_as_many_conversations() -> None:
    apart, together = judge_share(980, 1000, 0.95), judge_share(980, 1000, 0.95, clusters=40)

    assert apart.interval and together.interval
    assert together.value == apart.value == 0.98
    assert together.interval == wilson(0.98 * 40, 40)
    assert together.interval.low < apart.interval.low
    assert (apart.verdict, together.verdict) == ("pass", "inconclusive")


# A target of 100% ---------------------------------------------------------------------------------------------------


def test_one_failure_fails_a_target_of_all() -> None:
    judged = judge_share(9_999, 10_000, 1.0)

    assert judged.verdict == "fail"
    assert judged.interval and judged.interval.high < 1


def test_no_failure_passes_it_only_in_enough() -> None:
    few, enough = judge_share(299, 299, 1.0), judge_share(300, 300, 1.0)

    assert NO_FAILURES_IN == 300
    assert (few.verdict, enough.verdict) == ("inconclusive", "pass")
    assert enough.interval and enough.interval.low >= 0.99 and enough.interval.high == 1


def test_no_failure_in_many_turns_of_few_conversations_is_not_enough() -> None:
    assert judge_share(3_000, 3_000, 1.0, clusters=60).verdict == "inconclusive"


# Verdicts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.9, 0.95, "pass"),
        (0.91, 1.0, "pass"),
        (0.8, 0.9, "inconclusive"),
        (0.8, 0.89, "fail"),
        (0.5, 1.0, "inconclusive"),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(low: float, high: float, verdict: str) -> None:
    assert judge(Interval(low, high), 0.9) == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(100, 600, "pass"), (500, 601, "inconclusive"), (601, 900, "fail"), (600, 601, "inconclusive")],
)
def test_where_less_is_better_it_is_the_other_side(low: float, high: float, verdict: str) -> None:
    assert judge(Interval(low, high), 600, lower_is_better=True) == verdict


# Means of grades ----------------------------------------------------------------------------------------------------


def test_the_interval_of_a_mean_is_the_same_for_the_same_seed_and_holds_the_mean() -> None:
    grades = {5: 149, 4: 67, 3: 23, 2: 9, 1: 12}
    mean = sum(grade * count for grade, count in grades.items()) / sum(grades.values())
    found = bootstrap_mean(grades, scale=(1, 5), seed=7)

    assert found == bootstrap_mean(grades, scale=(1, 5), seed=7) != bootstrap_mean(grades, scale=(1, 5), seed=8)
    assert found and found.low < mean < found.high
    assert found.high - found.low == pytest.approx(0.26, abs=0.04)  # 2 * 1.96 * standard error


def test_three_of_one_mind_are_not_certain_but_a_hundred_nearly_are() -> None:
    three, hundred = bootstrap_mean({5: 3}, scale=(1, 5)), bootstrap_mean({5: 100}, scale=(1, 5))

    assert three and hundred
    assert judge(three, 4.0) == "inconclusive"
    assert judge(hundred, 4.0) == "pass" and hundred.low > 4.9


def test_of_no_grade_there_is_no_interval() -> None:
    assert bootstrap_mean({}, scale=(1, 5)) is None
    assert bootstrap_mean({5: 0}, scale=(1, 5)) is None


def test_the_true_mean_is_inside_in_about_95_of_100_samples() -> None:
    chance = Random(11)
    grades, weights = (1, 2, 3, 4, 5), (5, 4, 9, 30, 52)
    truth = sum(grade * weight for grade, weight in zip(grades, weights, strict=True)) / 100
    inside = 0
    for seed in range(200):
        drawn = chance.choices(grades, weights, k=60)
        found = bootstrap_mean({grade: drawn.count(grade) for grade in grades}, scale=(1, 5), seed=seed, rounds=200)
        inside += found is not None and found.low <= truth <= found.high
    assert 180 <= inside <= 199


# Medians ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "ranks"), [(6, (1, 6)), (8, (1, 8)), (10, (2, 9)), (20, (6, 15)), (100, (40, 61))])
def test_the_interval_of_a_median_lies_between_the_known_ranks(n: int, ranks: tuple[int, int]) -> None:
    found = quantile_interval([float(rank) for rank in range(1, n + 1)])

    assert found and (found.low, found.high) == ranks


@pytest.mark.parametrize("n", [0, 1, 5])
def test_of_five_and_fewer_the_median_is_anywhere(n: int) -> None:
    assert quantile_interval([1.0] * n) is None
    assert judge(quantile_interval([1.0] * n), 600, lower_is_better=True) == "inconclusive"


def test_many_and_few_are_counted_alike_where_the_methods_meet() -> None:
    exact, near = (quantile_interval([float(rank) for rank in range(n)]) for n in (200, 201))

    assert exact and near
    assert abs(exact.low - near.low) <= 2 and abs(exact.high - near.high) <= 2


@pytest.mark.parametrize("n", [7, 30, 400])
def test_the_true_median_is_inside_in_at_least_95_of_100_samples(n: int) -> None:
    chance = Random(n)
    samples = [sorted(chance.lognormvariate(0, 1) for _ in range(n)) for _ in range(400)]
    found = [quantile_interval(sample) for sample in samples]
    inside = sum(each is not None and each.low <= 1.0 <= each.high for each in found)

    assert inside >= 370


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=60))
def test_the_middle_quantile_is_the_median_and_the_ends_are_the_ends(values: list[int]) -> None:
    ordered = sorted(values)

    assert quantile(ordered, 0.5) == pytest.approx(median(ordered))
    assert (quantile(ordered, 0), quantile(ordered, 1)) == (ordered[0], ordered[-1])


def test_nothing_has_no_quantile() -> None:
    assert quantile([], 0.5) is None
