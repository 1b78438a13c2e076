"""How much one source may ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.service import limits
from firstline.service.limits import Buckets, TooMany


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def take_all(buckets: Buckets, source: str = "a") -> int:
    """How many go through at once."""
    taken = 0
    try:
        while True:
            buckets.take(source)
            taken += 1
    except TooMany:
        return taken


@pytest.mark.parametrize("per_minute", [1, 7, 30, 60])
def test_a_minutes_worth_goes_through_at_once_and_then_no_more(per_minute: int) -> None:
    assert take_all(Buckets(per_minute, Clock())) == per_minute


def test_each_source_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(3, Clock())

    assert take_all(buckets, "a") == 3
    assert take_all(buckets, "b") == 3


def test_a_bucket_fills_with_time_and_never_beyond_its_size() -> None:
    clock = Clock()
    buckets = Buckets(60, clock)
    take_all(buckets)

    clock.seconds += 10
    assert take_all(buckets) == 10
    clock.seconds += 3600
    assert take_all(buckets) == 60


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    clock = Clock()
    buckets = Buckets(30, clock)
    take_all(buckets)
    clock.seconds += 0.5

    with pytest.raises(TooMany) as refused:
        buckets.take("a")

    assert refused.value.retry_after_seconds == 2  # whole seconds: 1.5 are left
    assert (refused.value.status, refused.value.code, refused.value.retryable) == (429, "too_many", True)
    assert refused.value.message == "Too many requests. Try again in 2 s."


@given(per_minute=st.integers(1, 600), waited=st.floats(0, 100))
def test_who_waits_as_long_as_told_is_let_through(per_minute: int, waited: float) -> None:
    clock = Clock()
    buckets = Buckets(per_minute, clock)
    take_all(buckets)
    clock.seconds += waited
    take_all(buckets)
    with pytest.raises(TooMany) as refused:
        buckets.take("a")

    clock.seconds += refused.value.retry_after_seconds + 1e-6
    buckets.take("a")


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 20))
def test_never_more_than_a_bucket_and_what_has_dripped_in_goes_through(waits: list[float], per_minute: int) -> None:
    clock = Clock()
    buckets = Buckets(per_minute, clock)
    passed = 0
    for wait in waits:
        clock.seconds += wait
        try:
            buckets.take("a")
            passed += 1
        except TooMany:
            pass

    assert passed <= per_minute + sum(waits) * per_minute / 60 + 1e-6


def test_being_refused_costs_nothing() -> None:
    clock = Clock()
    buckets = Buckets(60, clock)
    take_all(buckets)
    for _ in range(100):
        with pytest.raises(TooMany):
            buckets.take("a")
    clock.seconds += 1

    buckets.take("a")


def test_only_so_many_sources_are_remembered_the_one_quiet_longest_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SOURCES", 2)
    buckets = Buckets(1, Clock())
    buckets.take("a")
    buckets.take("b")
    assert take_all(buckets, "a") == 0  # heard from again, so "b" is the quiet one
    buckets.take("c")

    assert take_all(buckets, "a") == 0
    assert take_all(buckets, "b") == 1
