"""Numbers as people write them: digits with separators and magnitudes, English words, Chinese numerals."""

import re
from decimal import Decimal

SPELLED = "\x01"
"""Stands before a number that was spelled out: bare, it is seldom a claim (`one of them`)."""

_MAGNITUDES = {
    "k": 3, "thousand": 3, "mn": 6, "million": 6, "m": 6, "bn": 9, "billion": 9, "trillion": 12,
    "百": 2, "千": 3, "万": 4, "萬": 4, "百万": 6, "千万": 7, "亿": 8, "億": 8,
}  # fmt: skip
_DIGITS = r"(?:\d+(?:[.,]\d+)*|(?<!\w)\.\d+)"
_SCALE = (
    r"(?:[ \t]?(?:百万|千万|[万萬亿億]|千(?![瓦米克])|百(?!分)|(?:thousand|million|billion|trillion|k)(?![A-Za-z])))?"
)
_START = rf"(?=[\d.{SPELLED}])(?<!\d)(?<!\d[.,]){SPELLED}?"
NUMBER = _START + _DIGITS + _SCALE
"""A number in a text that went through `spell_digits`; read it with `read_number`."""
SUM = _START + _DIGITS + rf"(?:[ \t]?(?:mn|m|bn)(?![A-Za-z])|{_SCALE})"
"""The same where money is meant: `m` is a million there."""

TO = r"[ \t]*(?:-{1,2}|[–—~〜]|\bto\b|\bthrough\b|至|到)[ \t]*"
"""What stands between the ends of a range."""

_DECIMAL_COMMA = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+|\d+,\d{1,2}|\d{1,3}(?:\.\d{3}){2,}")

_SMALL = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_GREAT = {"hundred": 100, "dozen": 12, "thousand": 1000, "million": 10**6, "billion": 10**9}
_ONES = "|".join(sorted(_SMALL, key=len, reverse=True))
_PART = rf"(?:(?:{'|'.join(_TENS)})(?:[ -](?:{_ONES}))?|{_ONES})(?![A-Za-z])"
_CHUNK = rf"(?:an?|{_PART})(?:[ -](?:{'|'.join(_GREAT)})(?![A-Za-z]))+"
_ENGLISH = re.compile(
    rf"(?<![A-Za-z])(?=[aefnostz])(?:{_CHUNK}(?:(?: and)? {_CHUNK})*(?:(?: and)? {_PART})?|{_PART})", re.IGNORECASE
)
_CHINESE_DIGITS = {
    "零": 0, "〇": 0, "○": 0, "一": 1, "二": 2, "两": 2, "兩": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7,
    "八": 8, "九": 9,
}  # fmt: skip
_CHINESE_UNITS = {"十": 10, "百": 100, "千": 1000}
_CHINESE_GREAT = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_CHINESE = re.compile(
    r"(?<![第几数幾數\d.])(?:[零〇○一二两兩三四五六七八九十]|百(?!分)|千(?![瓦米克]))"
    r"(?:[零〇○一二两兩三四五六七八九十万萬亿億]|百(?!分)|千(?![瓦米克]))*(?:点[零一二三四五六七八九]+(?![分十]))?"
)


def spell_digits(text: str) -> str:
    """`text` with spelled-out numbers in digits, each behind `SPELLED`."""
    text = _ENGLISH.sub(_read_english, text)
    return text if text.isascii() else _CHINESE.sub(_read_chinese, text)


def read_number(surface: str) -> Decimal:
    """The number that a match of `NUMBER` or `SUM` means."""
    bare = surface.lstrip(SPELLED).strip()
    digits = re.match(r"[\d.,]*", bare)
    figures = digits[0] if digits else ""
    scale = _MAGNITUDES.get(bare[len(figures) :].strip().casefold(), 0)
    return Decimal(_drop_separators(figures)).scaleb(scale)


def write_number(number: Decimal) -> str:
    """The shortest form, equal for equal numbers: `96.4`, `1200`."""
    plain = format(number, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return plain or "0"


def _drop_separators(figures: str) -> str:
    """1.200,50 and 96,40 have a decimal comma; what is grouped as no number is (`1,1200`) is read all the same."""
    if _DECIMAL_COMMA.fullmatch(figures):
        return figures.replace(".", "").replace(",", ".")
    whole, point, fraction = figures.replace(",", "").rpartition(".")
    return f"{whole.replace('.', '')}{point}{fraction}"


def _read_english(match: re.Match[str]) -> str:
    total, current = 0, 0
    for word in re.findall(r"[a-z]+", match[0].casefold()):
        if word in _SMALL or word in _TENS:
            current += _SMALL.get(word, 0) + _TENS.get(word, 0)
        elif word in ("hundred", "dozen"):
            current = max(current, 1) * _GREAT[word]
        elif word in _GREAT:
            total, current = total + max(current, 1) * _GREAT[word], 0
    return f"{SPELLED}{total + current}"


def _read_chinese(match: re.Match[str]) -> str:
    whole, _, fraction = match[0].partition("点")
    after = "".join(str(_CHINESE_DIGITS[word]) for word in fraction)
    if all(word in _CHINESE_DIGITS for word in whole):
        value = "".join(str(_CHINESE_DIGITS[word]) for word in whole)
    else:
        value = str(_sum_chinese(whole))
    return f"{SPELLED}{value}" + (f".{after}" if after else "")


def _sum_chinese(whole: str) -> int:
    total, section, digit, unit = 0, 0, 0, 1
    for word in whole:
        if word in _CHINESE_DIGITS:
            digit = _CHINESE_DIGITS[word]
            unit = 1 if digit == 0 else unit
        elif word in _CHINESE_UNITS:
            unit = _CHINESE_UNITS[word]
            section += max(digit, 1) * unit
            digit = 0
        else:
            unit = _CHINESE_GREAT[word]
            below = total + section + digit if unit > 10**4 else section + digit
            total = (0 if unit > 10**4 else total) + max(below, 1) * unit
            section, digit = 0, 0
    # 一千二 is 1200, 两万五 is 25,000: a last digit without its unit counts the next lower one
    return total + section + digit * (unit // 10 if unit >= 100 else 1)
