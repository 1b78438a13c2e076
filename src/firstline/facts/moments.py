"""Dates, and times of the day."""

import calendar
import re
from collections.abc import Sequence
from datetime import date

from firstline.facts.fact import Fact, Rule
from firstline.facts.numerals import SPELLED

_MONTHS = {
    name: number
    for names in (calendar.month_name, calendar.month_abbr)
    for number, name in enumerate(names)
    if name
} | {"Sept": 9}  # fmt: skip
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})(?![A-Za-z])\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"

_ISO = re.compile(rf"(?<![\d-]){_YEAR}[-/](?P<month>\d{{1,2}})[-/](?P<day>\d{{1,2}})(?!\d)")
_MONTH_FIRST = re.compile(
    rf"(?<![A-Za-z]){_MONTH}[ ]{_DAY}(?:[ ]?(?:-|–|to|through|and)[ ]?(?P<until>\d{{1,2}})(?:st|nd|rd|th)?)?"
    rf"(?![\d:]|[ ]?[ap]\.?m(?![A-Za-z]))(?:,?[ ]{_YEAR})?"
)
_DAY_FIRST = re.compile(rf"(?<![\d:.,]){_DAY}[ ](?:of[ ])?{_MONTH}(?:,?[ ]{_YEAR})?")
_MONTH_YEAR = re.compile(rf"(?<![A-Za-z]){_MONTH},?[ ](?:of[ ])?{_YEAR}(?!\d)")
_SLASHED = re.compile(r"(?<![\d/.-])(\d{1,2})([/.-])(\d{1,2})\2((?:19|20)?\d\d)(?![\d/]|-\d)")
_CHINESE_DATE = re.compile(
    rf"(?=[\d{SPELLED}])(?<!\d)(?:{SPELLED}?{_YEAR}[ ]?年[ ]?)?{SPELLED}?(?P<month>\d{{1,2}})[ ]?月"
    rf"(?:[ ]?{SPELLED}?(?P<day>\d{{1,2}})[ ]?[日号]|份)?"
)

_HALF = r"[ap]\.?[ ]?m(?![A-Za-z])\.?"
_CLOCK = re.compile(
    rf"(?=[\d{SPELLED}])(?<![\d:.,]){SPELLED}?(?P<hour>\d{{1,2}})(?::(?P<minute>\d{{2,4}})(?::\d\d)?)?(?![\d:%])"
    rf"(?:[ ]?(?P<half>{_HALF})|[ ]?(?P<sharp>o['’]clock))?"
    rf"(?:[ ]?(?:[-–—~]|(?:to|until|till|through|and)\b|至|到)[ ]?"
    rf"{SPELLED}?(?P<hour2>\d{{1,2}})(?::(?P<minute2>\d{{2,4}})(?::\d\d)?)?(?![\d:%])(?:[ ]?(?P<half2>{_HALF}))?)?",
    re.IGNORECASE,
)
_PART = "上午|早上|早晨|清晨|凌晨|中午|下午|傍晚|晚上|夜里"
_HOUR_SIGN = r"(?:[点點]钟?|时(?![间候代长段速机]))"
_CHINESE_CLOCK = re.compile(
    rf"(?=[\d{SPELLED}上早清凌中下傍晚夜])(?<![\d:.第下这那{SPELLED}])"
    rf"(?:(?P<part>{_PART})[ ]?)?(?P<hour>{SPELLED}?\d{{1,2}})"
    rf"(?::(?P<clock>\d\d)|[ ]?{_HOUR_SIGN}(?:(?P<exact>[半整])|[ ]?(?P<minute>{SPELLED}?\d{{1,2}})分?)?"
    rf"|(?=[ ]?[-–—~至到][ ]?(?:{_PART})?{SPELLED}?\d{{1,2}}[ ]?{_HOUR_SIGN}))"
    rf"(?:[ ]?[-–—~至到][ ]?(?P<part2>{_PART})?[ ]?(?P<hour2>{SPELLED}?\d{{1,2}})"
    rf"(?::(?P<clock2>\d\d)|[ ]?{_HOUR_SIGN}(?:(?P<exact2>[半整])|[ ]?(?P<minute2>{SPELLED}?\d{{1,2}})分?)?))?"
)
_WORDS = re.compile(
    r"\b(?P<noon>noon|midday)\b|正午|\b(?P<midnight>midnight)\b|午夜|(?<!\d)(?P<always>24/7)(?!\d)", re.IGNORECASE
)
_AFTER_BARE_HOUR = frozenset("到至前后開开关之-–—~")


def _surface(match: re.Match[str]) -> str:
    return match[0].replace(SPELLED, "").strip()


def _write_day(year: str | None, month: int, day: str | None) -> str:
    """The normal form; a day that does not exist has one too, and stays a claim that stands nowhere."""
    if day is None:
        return f"{year}-{month:02}"
    return f"{year or '-'}-{month:02}-{int(day):02}"


def _exists(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _read_date(match: re.Match[str]) -> Sequence[Fact]:
    groups = match.groupdict()
    month = _MONTHS.get(groups["month"]) or int(groups["month"])
    year, day = groups["year"], groups.get("day")
    if year is None and day is None:
        return ()
    written = [_write_day(year, month, day)]
    if groups.get("until"):
        written.append(_write_day(year, month, groups["until"]))
    return [Fact("date", value, _surface(match)) for value in written]


def _read_slashed(match: re.Match[str]) -> Sequence[Fact]:
    """5/4/2026 is a day of May or of April, by where it is read: either may be meant."""
    first, _, second, year = match.groups()
    year = year if len(year) == 4 else f"20{year}"
    both = ((first, second), (second, first))
    readings = dict.fromkeys(_write_day(year, int(month), day) for month, day in both if _exists(year, month, day))
    if not readings:
        return ()
    value, *also = readings
    return [Fact("date", value, _surface(match), tuple(also))]


def _write_time(hour: int, minute: str | None) -> str:
    """24:00 is 00:00; what is no time, such as 27:00, stays a claim that stands nowhere."""
    return f"{0 if hour == 24 else hour:02}:{int(minute or 0):02}"


def _to_24(hour: int, half: str) -> int:
    return hour % 12 + (12 if half[0] in "pP" else 0)


def _read_clock(match: re.Match[str]) -> Sequence[Fact]:
    hour, half, half2 = int(match["hour"]), match["half"], match["half2"]
    later = int(match["hour2"]) if match["hour2"] else None
    if not (match["minute"] or half or match["sharp"] or half2 or match["minute2"]):
        return ()
    if later is not None and half2 and hour <= 12:
        # «9 to 11 am» is all morning, «9 to 5 pm» is not
        turned = "a" if half2[0] in "pP" else "p"
        half = half or (half2 if hour % 12 <= later % 12 else turned)
    ends = [(hour, half, match["minute"])]
    if later is not None and (half2 or match["minute2"]):
        ends.append((later, half2, match["minute2"]))
    written = [_write_time(_to_24(end, part) if part else end, minute) for end, part, minute in ends]
    return [Fact("time", value, _surface(match)) for value in written]


def _to_24_chinese(hour: int, part: str | None) -> int:
    if part in ("下午", "傍晚", "晚上", "夜里", "中午") and hour < 12:
        return hour + (12 if part != "中午" or hour < 3 else 0)
    return 24 if part in ("晚上", "夜里", "凌晨") and hour == 12 else hour


def _read_chinese_clock(match: re.Match[str]) -> Sequence[Fact]:
    part, later = match["part"], match["hour2"]
    bare = match["hour"].startswith(SPELLED) and not (part or match["exact"] or match["minute"] or later)
    if bare and "钟" not in match[0] and match.string[match.end() : match.end() + 1] not in _AFTER_BARE_HOUR:
        return ()  # 三点 are also «three points»
    ends = [(match["hour"], part, match["clock"] or match["minute"], match["exact"])]
    if later:
        part2 = match["part2"] or (part if int(later.lstrip(SPELLED)) < 12 else None)
        ends.append((later, part2, match["clock2"] or match["minute2"], match["exact2"]))
    facts: list[Fact] = []
    for hour, part_of_day, minute, exact in ends:
        minutes = "30" if exact == "半" else (minute or "0").lstrip(SPELLED)
        value = _write_time(_to_24_chinese(int(hour.lstrip(SPELLED)), part_of_day), minutes)
        facts.append(Fact("time", value, _surface(match)))
    return facts


def _read_word(match: re.Match[str]) -> Sequence[Fact]:
    if match["always"]:
        return [Fact("time", "24/7", match[0])]
    return [Fact("time", "00:00" if match["midnight"] or match[0] == "午夜" else "12:00", match[0])]


RULES: tuple[Rule, ...] = (
    (_ISO, _read_date),
    (_MONTH_FIRST, _read_date),
    (_DAY_FIRST, _read_date),
    (_MONTH_YEAR, _read_date),
    (_SLASHED, _read_slashed),
    (_WORDS, _read_word),
    (_CLOCK, _read_clock),
)
CHINESE_RULES: tuple[Rule, ...] = ((_CHINESE_DATE, _read_date), (_CHINESE_CLOCK, _read_chinese_clock))
"""Before the others, where there are Chinese characters."""
