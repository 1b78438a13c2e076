"""Numbers and dates as customers write them, in English and Chinese. Pure; used by `offline_slots` only.

All positions are in normalised text (`offline_words.normalise`).
"""

import calendar
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from firstline.model.offline_words import any_of, has_han, hear_lists, hear_mapping, heard

_DIGITS = re.compile(
    r"(?<![a-z0-9.])(?P<minus>[-−])?(?P<number>\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:\s?(?P<scale>k|thousand)(?![a-z]))?(?![a-z0-9])"
)
_GLUED = re.compile(
    r"(?<![a-z0-9.])(?!(?<=\d,)\d{3}(?!\d))(?P<number>\d{1,6})(?=(?:mi|miles?|km|yo|yrs?|years?|usd)\b)"
)
_SCALES = {"k": 1000, "thousand": 1000}

_HAN_DIGITS = {
    "零": 0,
    "〇": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}
_DIGIT = "[零〇一二两三四五六七八九]"
_HAN_NUMBER = re.compile(
    rf"(?<![a-z0-9.])(?!(?<=\d,)\d{{3}}(?!\d))(?:零?(?:\d+(?:\.\d+)?|{_DIGIT})\s?(?:[十百千]*万|[十百千]|w(?![a-z]))|十万?)+"
    rf"(?:零?{_DIGIT}|\d(?![\d.])|\d+00(?!\d))?|{_DIGIT}+"
)
"""Digits of either kind with units, 一万二千 and 1万2千, or digits alone; units alone are mostly words: 千万别."""

_SMALL_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TEN_WORDS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {word: value for value, word in enumerate(_SMALL_WORDS)}
_TENS = {word: 10 * value for value, word in enumerate(_TEN_WORDS, start=2)}
_WORD_SCALES = {"hundred": 100, "thousand": 1000}
_NUMBER_WORD = "|".join(sorted([*_SMALL, *_TENS, *_WORD_SCALES], key=len, reverse=True))
_WORDS = re.compile(rf"(?<![a-z])(?:{_NUMBER_WORD})(?:(?:\s|-|\sand\s)(?:{_NUMBER_WORD}))*(?![a-z])")

_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_HAN_DATE = re.compile(r"(?:(\d{4})年)?(\d{1,2})月(\d{1,2})[日号]?")
_HAN_MONTH = re.compile(rf"(?<![\d年个])(\d{{1,2}}|十?{_DIGIT}|十)月")
_SLASHED = re.compile(r"(?<![\d/])(\d{1,2})/(\d{1,2})/(\d{4})(?![\d/])")
_AGO = re.compile(r"(?<!\d)(\d{1,3})\s?(?:days? ago|天前)")
_AHEAD = re.compile(r"\bin (\d{1,3}) days?\b|(?<!\d)(\d{1,3})\s?天[之以]?后")

Lean = Literal["past", "future"] | None
RECENT_MONTHS = 3
"""A day not longer ago is meant, even where only a day to come makes sense: then the tool can say that it is over."""


@dataclass(frozen=True)
class Number:
    """A number and how it stands there. `loose`: a bare word such as "one", which need not be a number at all.

    `plain`: four bare digits, `short`: two; either may be a year.
    """

    value: float
    start: int
    end: int
    plain: bool = False
    loose: bool = False
    short: bool = False


@dataclass(frozen=True)
class Day:
    value: date
    start: int
    end: int


def find_numbers(text: str) -> list[Number]:
    """All numbers in order of appearance."""
    han = list(_han_numbers(text))
    digits = [
        one for one in _digits(text) if not any(one.start < other.end and other.start < one.end for other in han)
    ]
    return sorted([*digits, *han, *_number_words(text)], key=lambda number: number.start)


def _digits(text: str) -> Iterator[Number]:
    for match in _DIGITS.finditer(text):
        value = round(float(match["number"].replace(",", "")) * _SCALES.get(match["scale"] or "", 1), 6)
        minus = match["minus"] is not None and not text[: match.start()].rstrip()[-1:].isdigit()
        bare = len(match["number"]) if match["number"].isdigit() and match["scale"] is None and not minus else 0
        yield Number(-value if minus else value, *match.span(), plain=bare == 4, short=bare == 2)
    for match in _GLUED.finditer(text):
        yield Number(float(match["number"]), match.start(), match.end())


def _han_numbers(text: str) -> Iterator[Number]:
    for match in _HAN_NUMBER.finditer(text):
        if "w" in match[0] and not has_han(text):
            continue
        bare = len(match[0]) if all(letter in _HAN_DIGITS for letter in match[0]) else 0
        loose = len(match[0]) == 1
        yield Number(_read_han(match[0]), *match.span(), plain=bare == 4, loose=loose, short=bare == 2)


def _read_han(written: str) -> float:
    if all(letter in _HAN_DIGITS for letter in written):
        return float("".join(str(_HAN_DIGITS[letter]) for letter in written))
    total = section = digit = 0.0
    unit = 1
    for letter in re.findall(r"\d+(?:\.\d+)?|\S", written):
        if letter in _HAN_DIGITS:
            digit, unit = _HAN_DIGITS[letter], 1 if letter in "零〇" else unit
        elif letter in ("万", "w"):
            total, section, digit, unit = (section + digit) * 10_000, 0, 0, 10_000
        elif letter in _HAN_UNITS:
            unit = _HAN_UNITS[letter]
            section, digit = section + (digit or 1) * unit, 0
        else:
            digit, unit = float(letter), 1 if len(letter) > 1 else unit
    return round(total + section + digit * (unit // 10 if unit > 10 else 1), 6)


def _number_words(text: str) -> Iterator[Number]:
    for match in _WORDS.finditer(text):
        words = re.findall(_NUMBER_WORD, match[0])
        if (year := _read_year_words(words)) is not None:
            yield Number(float(year), match.start(), match.end(), plain=True)
            continue
        total = part = 0
        for word in words:
            if word == "thousand":
                total, part = total + (part or 1) * 1000, 0
            elif word == "hundred":
                part = (part or 1) * 100
            else:
                part += _SMALL.get(word, 0) + _TENS.get(word, 0)
        yield Number(float(total + part), match.start(), match.end(), loose=len(words) == 1 and words[0] in _SMALL)


def _read_year_words(words: Sequence[str]) -> int | None:
    """ "Twenty twenty-two", "nineteen ninety"; None for any other number."""
    century = {"nineteen": 1900, "twenty": 2000}.get(words[0]) if 1 < len(words) <= 3 else None
    rest = [_SMALL.get(word, _TENS.get(word, 0)) for word in words[1:]]
    if century is None or not 10 <= rest[0] < 100 or (len(rest) > 1 and not (rest[0] >= 20 and rest[1] < 10)):
        return None
    return century + sum(rest)


def find_dates(text: str, *, today: date, lean: Lean = None) -> list[Day]:
    """All dates in order. A day without a year is of this year, or of the one that `lean` calls for."""
    found = [*_written_dates(text, today, lean), *_relative_days(text, today)]
    ordered = sorted(found, key=lambda day: (day.start, day.start - day.end))
    return [day for at, day in enumerate(ordered) if not any(day.start < other.end for other in ordered[:at])]


def _written_dates(text: str, today: date, lean: Lean) -> Iterator[Day]:
    for match in _ISO.finditer(text):
        yield from _day(match, int(match[1]), int(match[2]), int(match[3]))
    for match in _SLASHED.finditer(text):
        yield from _day(match, int(match[3]), int(match[1]), int(match[2]))
    for match in _HAN_DATE.finditer(text):
        month, day = int(match[2]), int(match[3])
        yield from _day(match, int(match[1] or _choose_year(month, day, today, lean)), month, day)
    for match in _month_names().finditer(text):
        month = _month_number(match["before"] or match["after"])
        day = int(match["day"] or match["first"])
        yield from _day(match, int(match["year"] or _choose_year(month, day, today, lean)), month, day)


def _relative_days(text: str, today: date) -> Iterator[Day]:
    days = hear_mapping("days")
    for match in heard("days").finditer(text) if days else ():
        offset = days.get(re.sub(r"[\s-]+", " ", match[0]), 0)
        yield Day(today + timedelta(days=offset), match.start(), match.end())
    for match in _AGO.finditer(text):
        yield Day(today - timedelta(days=int(match[1])), match.start(), match.end())
    for match in _AHEAD.finditer(text):
        yield Day(today + timedelta(days=int(match[1] or match[2])), match.start(), match.end())
    yield from _ends(text, today)
    yield from _weekdays(text, today)


def _ends(text: str, today: date) -> Iterator[Day]:
    """The last day of this month, the next, or this year."""
    following = (today.replace(day=1) + timedelta(days=31)).replace(day=1)
    lasts = {"month_end": today, "next_month_end": following, "year_end": today.replace(month=12)}
    for key, within in lasts.items():
        day = within.replace(day=calendar.monthrange(within.year, within.month)[1])
        yield from (Day(day, *match.span()) for match in heard(key).finditer(text))


def _weekdays(text: str, today: date) -> Iterator[Day]:
    """The last such day before today, or the next one where "next" stands before it."""
    names = hear_lists("weekdays")
    for match in any_of(tuple(names)).finditer(text):
        weekday = names.index(match[0]) % 7
        ahead = re.search(r"(?:next|coming|下个?)\s?$", text[: match.start()]) is not None
        back = (today.weekday() - weekday) % 7 or 7
        yield Day(today + timedelta(days=7 - back if ahead and back < 7 else 7 if ahead else -back), *match.span())


def find_months(text: str, *, today: date) -> frozenset[int]:
    """The months, 1 to 12, that a text names: "my October invoice", 十月, 10月, last month."""
    found = {_month_number(match[0].split()[-1]) for match in _month_alone().finditer(text)}
    found |= {int(_read_han(match[1])) for match in _HAN_MONTH.finditer(text)}
    found |= {(today.month + hear_mapping("month_words")[match[0]] - 1) % 12 + 1 for match in _month_words(text)}
    return frozenset(month for month in found if 1 <= month <= 12)


def _month_alone() -> re.Pattern[str]:
    """The names that are no other word: "may" and "march" are months only behind a preposition."""
    names = [str(name) for name in hear_lists("months")]
    sure = "|".join(f"{name}|{name[:3]}" for name in names if name not in ("may", "march"))
    return re.compile(rf"(?<![a-z])(?:{sure})(?![a-z])|\b(?:in|of|my|the)\s(?:may|march)(?![a-z])")


def _month_words(text: str) -> Iterator[re.Match[str]]:
    return any_of(tuple(hear_mapping("month_words"))).finditer(text)


def _day(match: re.Match[str], year: int, month: int, day: int) -> Iterator[Day]:
    if 1 <= month <= 12 and 1 <= day <= calendar.monthrange(min(max(year, 1), 9999), month)[1]:
        yield Day(date(year, month, day), match.start(), match.end())


def _choose_year(month: int, day: int, today: date, lean: Lean) -> int:
    if lean == "past" and (month, day) > (today.month, today.day):
        return today.year - 1
    if lean == "future" and (month, day) < (today.month, today.day):
        months_ago = today.month - month
        return today.year + (months_ago > RECENT_MONTHS)
    return today.year


def _month_names() -> re.Pattern[str]:
    names = "|".join(f"{name}|{name[:3]}\\.?" for name in map(str, hear_lists("months")))
    year = r"(?:,?\s(?P<year>(?:19|20)\d\d))?(?!\d)"
    return re.compile(
        rf"(?<![a-z])(?:(?P<before>{names})\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?"
        rf"|(?P<first>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?(?P<after>{names})(?![a-z])){year}"
    )


def _month_number(written: str) -> int:
    names = [str(name) for name in hear_lists("months")]
    return next(at for at, name in enumerate(names, start=1) if name.startswith(written.rstrip(".")[:3]))
