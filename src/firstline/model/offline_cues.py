"""What stands beside a number and says which one it is: cue words, units, periods, "less" and "more".

Pure; all texts are normalised. Imported by `firstline.model.offline_hearing` only.
"""

import re
from collections.abc import Sequence
from typing import Any

from firstline.model.offline_arguments import Argument
from firstline.model.offline_values import Number
from firstline.model.offline_words import has_han, hear_lists, hear_mapping, heard, normalise

BEFORE_PENALTY_CHARS = 3
"""A cue word behind a number counts for more than one before it: "12,000 miles", "34 years old"."""

EDGES = " \t\n,.;:!?，。；：！？、\"'“”"

_MONEY = re.compile(r"(?:dollars?|bucks|usd|euros?|块|元|美元|美金|刀)(?![a-z])")
_APPROXIMATELY = re.compile(r"^\s?(?:左右|上下|出头|多)")
_COUNTER = re.compile(r"^[个位辆](?=[㐀-鿿])")
_CLASSIFIERS = "个位名辆台部张份次遍回天年月周日号点分秒岁人口家件条只本页期公千米英里斤吨升度倍成"
"""What Chinese puts between a number and what it counts; any other letter begins the next word: 240退给我."""

_BESIDE = re.compile(r"(?:[我他她是的约开跑\s,]|今年|一年|每年|大[概约]|左右|差不多)+")
_CLAUSE_CHARS = 28
_SHORT_CHARS = 12
_OF_A_PERSON = re.compile("[我他她]$")
_BEFORE = re.compile(r"[,;.?!。、:\n]\s?|\s(?:and|but|or)\s")
_AFTER = re.compile(r"[,;?!。、:\n]|\.(?:\s|$)|\s(?:and|but|or)\s")


def clause_before(text: str, at: int, *, since: int = 0) -> str:
    """What stands before a position in the same clause."""
    return _BEFORE.split(text[max(since, at - _CLAUSE_CHARS) : at])[-1]


def clause_after(text: str, at: int, *, until: int | None = None) -> str:
    return _AFTER.split(text[at : min(until or len(text), at + _CLAUSE_CHARS)])[0]


def negated(text: str, at: int) -> bool:
    """Whether what begins at this position is said not to be so."""
    before = text[max(0, at - 16) : at].rstrip()
    return any(found.end() == len(before) for found in heard("negation").finditer(before))


def cue_distance(text: str, number: Number, argument: Argument, numbers: Sequence[Number]) -> int | None:
    """Characters between a number and the argument's nearest cue word; None without one in the clause."""
    if number.loose and _counts_other(text, number, argument):
        return None
    following = min((other.start for other in numbers if other.start > number.start), default=None)
    preceding = max((other.end for other in numbers if other.end <= number.start), default=0)
    after = argument.cues.search(clause_after(text, number.end, until=following))
    before = clause_before(text, number.start, since=preceding)
    ends = [match.end() for match in argument.cues.finditer(before)]
    distances = [after.start()] if after else []
    distances += [len(before) - ends[-1] + BEFORE_PENALTY_CHARS] if ends else []
    if (
        argument.is_age
        and number.short
        and _OF_A_PERSON.search(before)
        and not clause_after(text, number.end).strip()
    ):
        distances.append(BEFORE_PENALTY_CHARS)
    return min(distances, default=None)


def _counts_other(text: str, number: Number, argument: Argument) -> bool:
    """Whether a bare word such as "one" stands before something that is not the argument's cue word: 一个人."""
    rest = text[number.end :].lstrip(" -")
    return rest[:1].isalnum() and argument.cues.match(rest) is None


def cue_end(text: str, number: Number, argument: Argument) -> int:
    """Where the number ends, with the cue word right behind it."""
    rest = text[number.end :].lstrip()
    after = argument.cues.match(rest)
    return len(text) - len(rest) + after.end() if after else number.end


def value_of(text: str, number: Number, argument: Argument) -> Any:
    """The number as the argument; "1,000 miles a month" are twelve times as many where a year's are wanted."""
    around = clause_before(text, number.start) + " " + clause_after(text, number.end)
    period = heard("periods").search(around) if "year" in argument.terms else None
    factor = hear_mapping("periods").get(period[0], 1) if period else 1
    return argument.coerce(number.value * factor)


def counts_else(text: str, number: Number) -> bool:
    """Whether something follows that the number counts: "2 cars"."""
    rest = _APPROXIMATELY.sub("", text[number.end :].lstrip("-"))
    word = re.match(r"\s?([a-z']+|[㐀-鿿])", _COUNTER.sub("", rest) if number.loose else rest)
    if word is None:
        return False
    if has_han(word[1]) and not number.loose:
        return word[1] in _CLASSIFIERS
    stops = [str(stop) for stop in hear_lists("stop")]
    return not any(word[1] == stop or (has_han(word[1]) and stop[0] == word[1]) for stop in stops)


def only_a_word(text: str, number: Number) -> bool:
    """Whether a bare word such as "one" is no number here: "the last one", 一年, or a word of a longer text."""
    if not number.loose:
        return False
    pronoun = heard("pronoun").fullmatch(text, number.start, number.end) is not None
    stands_for_it = pronoun and re.search(r"[a-z]\s*$", text[: number.start]) is not None
    return len(text) > _SHORT_CHARS or stands_for_it or counts_else(text, number)


def says_nothing(text: str) -> bool:
    """Whether what is left of a text without its numbers only stood around them: 我, 一年大概."""
    return _BESIDE.fullmatch(text) is not None


def drop_lead_in(text: str) -> str:
    """The text without "it's a" and the like before it."""
    lead = heard("lead_in")
    while (match := lead.match(normalise(text))) and match.end() < len(text):
        text = text[match.end() :].strip(EDGES)
    return text


def yes_or_no(text: str) -> bool | None:
    """What the text begins with, if with either."""
    for key, answer in (("no", False), ("yes", True)):
        if heard(key).match(text.strip(EDGES)):
            return answer
    return None


def tells(text: str) -> bool:
    """Whether a short text is rather a sentence than the name of something: "I sold the car"."""
    stops = {str(stop) for stop in hear_lists("stop")}
    words = re.findall(r"[a-z']+|[㐀-鿿]", normalise(text))
    return sum(word in stops for word in words) > 1


def has_foreign_unit(text: str, number: Number) -> bool:
    """Whether the number is measured in what nobody asked for, such as kilometres or money."""
    after, before = text[number.end :].lstrip(), text[: number.start].rstrip()
    return before.endswith(("$", "€", "£", "¥")) or bool(_MONEY.match(after) or heard("units").match(after))


def sign_of(text: str, number: Number) -> int:
    """-1 for so much less, 1 for so much more, 0 when the number stands for itself ("less than 5,000" does)."""
    after, before = clause_after(text, number.end), clause_before(text, number.start)
    for key, sign in (("less", -1), ("more", 1)):
        match = heard(key).search(after)
        if match and not has_han(match[0]) and not heard("than").match(after[match.end() :].lstrip()):
            return 1 if match[0] == "newer" else sign
        words = "|".join(re.escape(str(word)) for word in hear_lists(key))
        by = re.search(rf"(?:{words})[a-z]*(?:\s[a-z]+){{0,3}}\sby\s?$", before)
        han = re.search(rf"(?<![最至多少差不])(?:{words})(?![少于])[㐀-鿿]{{0,2}}\s?$", before)
        if by or (han and has_han(han[0])):
            return sign
    return 0
