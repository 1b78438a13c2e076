"""When people are there, in the business's own time zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.bundle import WEEKDAYS, Hours, Span
from firstline.hours import next_opening, people_available

NEW_YORK = ZoneInfo("America/New_York")
NINE_TO_FIVE = (Span(opens=time(9), closes=time(17)),)
WEEK = dict.fromkeys(WEEKDAYS[:5], NINE_TO_FIVE)
OFFICE = Hours(timezone="America/New_York", weekly=WEEK, holidays=frozenset({date(2026, 11, 26)}))
NEVER = Hours(timezone="UTC", weekly={})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("moment", "there"),
    [
        ("2026-11-23 08:59:59-05:00", False),
        ("2026-11-23 09:00:00-05:00", True),
        ("2026-11-23 16:59:59-05:00", True),
        ("2026-11-23 17:00:00-05:00", False),
        ("2026-11-23 14:00:00+00:00", True),
        ("2026-11-23 13:59:00+00:00", False),
        ("2026-11-21 12:00:00-05:00", False),
        ("2026-11-22 12:00:00-05:00", False),
        ("2026-11-26 12:00:00-05:00", False),
        ("2026-11-27 12:00:00-05:00", True),
    ],
    ids=[
        "a second early", "the minute it opens", "the last second", "the minute it closes", "nine, told in UTC",
        "not yet nine, told in UTC", "saturday", "sunday", "a holiday", "the day after",
    ],
)  # fmt: skip
def test_people_are_there_from_the_opening_minute_until_the_closing_one(moment: str, there: bool) -> None:
    assert people_available(OFFICE, at(moment)) is there


@pytest.mark.parametrize(
    ("moment", "there"),
    [
        ("2026-03-06 13:59:00+00:00", False),
        ("2026-03-06 14:00:00+00:00", True),
        ("2026-03-09 12:59:00+00:00", False),
        ("2026-03-09 13:00:00+00:00", True),
        ("2026-10-30 13:00:00+00:00", True),
        ("2026-11-02 13:59:00+00:00", False),
        ("2026-11-02 14:00:00+00:00", True),
    ],
)
def test_nine_in_new_york_is_another_hour_in_utc_after_the_clocks_change(moment: str, there: bool) -> None:
    assert people_available(OFFICE, at(moment)) is there


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2026-11-23 08:00-05:00", "2026-11-23 09:00-05:00"),
        ("2026-11-23 17:00-05:00", "2026-11-24 09:00-05:00"),
        ("2026-11-25 20:00-05:00", "2026-11-27 09:00-05:00"),
        ("2026-11-27 17:00-05:00", "2026-11-30 09:00-05:00"),
        ("2026-11-24 02:00+00:00", "2026-11-24 09:00-05:00"),
        ("2026-03-06 18:00-05:00", "2026-03-09 09:00-04:00"),
        ("2026-10-30 18:00-04:00", "2026-11-02 09:00-05:00"),
    ],
    ids=[
        "later today", "tomorrow", "after the holiday", "after the weekend", "tomorrow in UTC is today there",
        "after the clocks went forward", "after the clocks went back",
    ],
)  # fmt: skip
def test_the_next_opening_is_told_in_the_businesss_own_time(moment: str, opening: str) -> None:
    found = next_opening(OFFICE, at(moment))

    assert found == at(opening)
    assert found is not None
    assert found.tzinfo == NEW_YORK


def test_a_zone_east_of_utc_is_a_day_ahead() -> None:
    shanghai = Hours(timezone="Asia/Shanghai", weekly={"mon": NINE_TO_FIVE})

    assert people_available(shanghai, at("2026-11-23 01:00+00:00"))
    assert not people_available(shanghai, at("2026-11-23 10:00+00:00"))
    assert next_opening(shanghai, at("2026-11-22 20:00+00:00")) == at("2026-11-23 09:00+08:00")


def test_a_zone_with_half_hours_opens_at_the_half_hour() -> None:
    kolkata = Hours(timezone="Asia/Kolkata", weekly={"mon": NINE_TO_FIVE})

    assert not people_available(kolkata, at("2026-11-23 03:29+00:00"))
    assert people_available(kolkata, at("2026-11-23 03:30+00:00"))


def test_a_day_may_open_twice_and_the_spans_may_stand_in_any_order() -> None:
    spans = (Span(opens=time(14), closes=time(18)), Span(opens=time(9), closes=time(12)))
    hours = Hours(timezone="UTC", weekly={"mon": spans})

    assert not people_available(hours, at("2026-11-23 13:00+00:00"))
    assert next_opening(hours, at("2026-11-23 08:00+00:00")) == at("2026-11-23 09:00+00:00")
    assert next_opening(hours, at("2026-11-23 13:00+00:00")) == at("2026-11-23 14:00+00:00")


def test_where_no_day_has_hours_nobody_is_ever_there() -> None:
    assert not people_available(NEVER, at("2026-11-23 12:00+00:00"))
    assert next_opening(NEVER, at("2026-11-23 12:00+00:00")) is None


def test_where_every_day_of_a_year_is_a_holiday_no_opening_is_named() -> None:
    first = date(2026, 11, 23)
    closed = frozenset(first + timedelta(days=ahead) for ahead in range(400))

    assert next_opening(Hours(timezone="UTC", weekly=WEEK, holidays=closed), at("2026-11-23 12:00+00:00")) is None


moments = st.integers(0, 2 * 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes, seconds=minutes % 60)
)


@given(moments)
def test_the_next_opening_lies_ahead_and_people_are_there_then_and_not_a_minute_before(moment: datetime) -> None:
    opening = next_opening(OFFICE, moment)

    assert opening is not None
    assert opening > moment
    assert people_available(OFFICE, opening)
    assert not people_available(OFFICE, opening - timedelta(minutes=1))


@given(moments)
def test_nobody_comes_between_now_and_the_next_opening(moment: datetime) -> None:
    opening = next_opening(OFFICE, moment)
    assert opening is not None
    if people_available(OFFICE, moment):
        return
    hours_ahead = int((opening - moment) / timedelta(hours=1))

    assert not any(people_available(OFFICE, moment + timedelta(hours=hour)) for hour in range(hours_ahead))
