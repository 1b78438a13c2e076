"""Years as customers write them: four digits, or two beside a word that says so; a year of birth is none of a thing.

Pure; all texts are normalised. Imported by `firstline.model.offline_hearing` only.
"""

import re
from collections.abc import Sequence
from datetime import date

from firstline.model.offline_arguments import Argument
from firstline.model.offline_cues import clause_after, clause_before
from firstline.model.offline_values import Number
from firstline.model.offline_words import has_han

OLDEST_YEARS = 60
"""Two digits that would be longer ago mean something else."""

_NEAR_CHARS = 4
_PERSON = re.compile("(?:[我你您他她]|儿子|女儿|老公|老婆|爸爸?|妈妈?|先生|太太|孩子)(?:都|也)?是?\\s?$")
_BORN = re.compile(r"年?(?:出生|生的|生人|年生)")
_OF_TIME = re.compile(r"(?:\b(?:an?|per|this|last|next|each|every)\s|[\d一二三四五六七八九十每今去明])$")
_LASTS = re.compile(r"[了有过]$")


def read_year(
    text: str, number: Number, argument: Argument, *, things: Sequence[tuple[int, int]], today: date
) -> int | None:
    """The year that a number stands for; None when it need not be one. things: where known values stand."""
    if is_birth(text, number, things=things):
        return None
    if number.plain:
        return int(number.value) if argument.fits(number.value) else None
    if not number.short or not _is_said(text, number, argument, things):
        return None
    year = today.year // 100 * 100 + int(number.value)
    year -= 100 if year > today.year + 1 else 0
    return year if today.year - year <= OLDEST_YEARS and argument.fits(year) else None


def is_birth(text: str, number: Number, *, things: Sequence[tuple[int, int]] = ()) -> bool:
    """Whether the number is the year in which a person was born: 我是94年的, "born in 1994"."""
    if not (number.plain or number.short):
        return False
    person = _PERSON.search(clause_before(text, number.start)) is not None
    year = re.match(r"年的?\s?", text[number.end :])
    about = year is not None and not any(number.end < start <= number.end + year.end() for start, _ in things)
    born = clause_before(text, number.start).rstrip().endswith(("born in", "born"))
    return born or _BORN.match(text[number.end :]) is not None or (person and about)


def _is_said(text: str, number: Number, argument: Argument, things: Sequence[tuple[int, int]]) -> bool:
    """Whether two digits stand where only a year does: 23年的聆风, 24款, 年份改成22, "a '19"."""
    before = clause_before(text, number.start)
    if re.search(r"(?<![a-z0-9])'$", before):
        return True
    cue = argument.cues.match(text[number.end :])
    if cue is None or not has_han(cue[0]):
        cues = (match for match in argument.cues.finditer(before) if len(match[0]) > 1)
        ends = [match.end() for match in cues if not _OF_TIME.search(before[: match.start()])]
        return cue is None and bool(ends) and len(before) - ends[-1] <= _NEAR_CHARS and not number.loose
    at = number.end + cue.end()
    at += text.startswith("的", at)
    word, rest = text[number.end : at], text[at:]
    if any(start in (at, len(text) - len(rest.lstrip())) for start, _ in things) or word not in ("年", "年的"):
        return True
    if _LASTS.search(before):
        return False
    if word == "年的":
        return len(clause_after(text, at).strip()) <= 1
    behind = any(end == len(text[: number.start].rstrip()) for _, end in things)
    return not clause_after(text, at).strip() and (behind or not before.strip())
