"""Free text that stands in several parts beside an id, such as a whole address in one line, and its correction.

Pure; imported by `firstline.model.offline_hearing` only.
"""

import re
from collections.abc import Sequence

from firstline.model.offline_arguments import Argument, Arguments
from firstline.model.offline_cues import EDGES, drop_lead_in
from firstline.model.offline_words import asks, find_terms, has_han, normalise, searchable, split_clauses
from firstline.types import Json

_MOST_FIRST_PARTS = 3
_BREAK = re.compile(r"[,;，；\n]")
_IN_A_PLACE = re.compile(r"\sin\s+(?=[A-Z])")
_COUNTED = "weeks?|days?|months?|years?|hours?|minutes?|times?|miles?|people|[ap]m|of|we|i|my|and|to|was|is"
_NUMBERED = re.compile(
    rf"(?<![A-Za-z0-9#./-])\d+[A-Za-z]?(?:-\d+)?\s+(?:(?!(?:{_COUNTED})\b)[A-Za-z]|\d+(?:st|nd|rd|th)\b)",
    re.IGNORECASE,
)
"""A number before a name, as a house's, and not before what it counts: "2 weeks ago"."""

_PUT_RIGHT = re.compile(
    r"(?P<new>[\w-]+),? (?:and )?not (?P<old>[\w-]+)"
    r"|\bnot (?P<wrong>[\w-]+),? (?:but|it's|it is|rather) (?P<right>[\w-]+)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\s,;.!?，。；！？\u3400-\u9fff]+")
_FEWEST_WORDS = 3
_STORY_TERMS = 4
_HAN_TERM_SHARE = 0.5
"""Fewer words beside what was found tell no story; a Chinese word is about two 2-grams."""


def split_parts(text: str) -> list[str]:
    """What stands between commas, without what is empty."""
    return [part.strip(EDGES) for part in _BREAK.split(text) if part.strip(EDGES)]


def share_answer(parts: Sequence[str], count: int) -> list[str] | None:
    """An answer's parts for at most `count` arguments: what is left over belongs to the first. None for one part."""
    if len(parts) < 2 or count < 2:
        return None
    last = min(count, len(parts)) - 1
    split = len(parts) - last
    return [drop_lead_in(", ".join(parts[:split])), *parts[split:]]


def share_parts(message: str, end: int, count: int) -> list[str] | None:
    """The parts of an answer for at most `count` arguments, by what stands before an id at `end`, or by its look."""
    return share_answer(split_parts(message[:end]), count) or share_written_out(message, count)


def pair_answer(asked: Sequence[Argument], rest: str) -> list[tuple[Argument, str]]:
    """One answer to one question; two words to two questions; else to the one that takes any text.

    One word for two questions answers the one that says more: a model tells its make, a make no model.
    """
    words = rest.split()
    if len(asked) > 1 and 1 < len(words) <= 4:
        return [(asked[0], words[0]), (asked[1], " ".join(words[1:]))]
    free = [one for one in asked if one.slot.free] or asked
    return [(next((one for one in free if one.slot.implies), free[0]), rest)]


def share_written_out(answer: str, count: int) -> list[str] | None:
    """An answer that begins with a number before a name and goes on: "14 Pine Road in Spokane"."""
    whole = drop_lead_in(answer.strip(EDGES))
    if count < 2 or not _NUMBERED.match(whole):
        return None
    *earlier, last = _BREAK.split(whole)
    parts = [part.strip(EDGES) for part in (*earlier, *_IN_A_PLACE.split(last)) if part.strip(EDGES)]
    if len(parts) < 2 or any(letter.isdigit() for part in parts[1:] for letter in part):
        return None
    return share_answer(parts, count)


def hear_parts(
    message: str, arguments: Arguments, known: Json, spans: Sequence[tuple[str, int, int]]
) -> list[tuple[Argument, str]]:
    """What the message says of arguments that take any text, by its parts. spans: what was found, and where."""
    plain = [one for one in arguments.values() if one.open and not one.pattern and not one.slot.values]
    heard: list[tuple[Argument, str]] = []
    ids = [span for span in spans if arguments[span[0]].pattern]
    wanted = _before(ids[0][0], arguments, plain) if ids else []
    if len(wanted) > 1:
        end = ids[0][1]
        for _, start, stop in reversed(spans):
            end = start if stop <= end and not message[stop:end].strip(EDGES) else end
        heard += zip(wanted, find_written_out(message[:end], len(wanted)) or (), strict=False)
    for argument in plain:
        before = str(known.get(argument.name, ""))
        again = find_repeated(message, before) or find_exchanged(message, before)
        if again and argument not in [one for one, _ in heard]:
            heard.append((argument, again))
    return heard


def _before(name: str, arguments: Arguments, among: Sequence[Argument]) -> list[Argument]:
    """Those that stand in the schema before the argument of this name."""
    names = list(arguments)
    return [one for one in among if names.index(one.name) < names.index(name)]


def tells_story(message: str, arguments: Arguments, beside: Sequence[str]) -> bool:
    """Whether a message tells more than what was found in it (`beside`) and the wish that something be done."""
    told = " ".join(part for part in split_clauses(message) if not asks(part))
    known = searchable(" ".join(beside)) | arguments.title_terms
    terms = [term for term in find_terms(told) if term not in known and not term.isdigit()]
    return sum(_HAN_TERM_SHARE if has_han(term) else 1.0 for term in terms) >= _STORY_TERMS


def find_written_out(before: str, count: int) -> list[str] | None:
    """As many parts as there are arguments, from the text before an id that ends them; None when it is no such text.

    The first begins with a number before a name, so that whatever was said before it is left out.
    """
    *earlier, last = _BREAK.split(before.rstrip(EDGES)) or [""]
    parts = [*earlier, *_IN_A_PLACE.split(last)] if count > 1 else [*earlier, last]
    for at in range(len(parts) - count, max(len(parts) - count - _MOST_FIRST_PARTS, -1), -1):
        if found := _NUMBERED.search(parts[at]):
            first = [parts[at][found.start() :], *parts[at + 1 : len(parts) - count + 1]]
            values = [", ".join(part.strip(EDGES) for part in first), *parts[len(parts) - count + 1 :]]
            return [value.strip(EDGES) for value in values]
    return None


def find_repeated(message: str, known: str) -> str | None:
    """What was known said again with one word changed, as it now reads; None when it does not stand there."""
    before = known.split()
    words = list(_WORD.finditer(message))
    for at in range(len(words) - len(before) + 1 if len(before) >= _FEWEST_WORDS else 0):
        now = words[at : at + len(before)]
        same = sum(normalise(word[0]) == normalise(old) for word, old in zip(now, before, strict=True))
        if same == len(before) - 1:
            return message[now[0].start() : now[-1].end()]
    return None


def find_exchanged(message: str, known: str) -> str | None:
    """What was known with the word that is put right: "it's 41, not 14"; None when the word does not stand there."""
    for match in _PUT_RIGHT.finditer(message):
        new, old = (match["new"], match["old"]) if match["new"] else (match["right"], match["wrong"])
        words = known.split()
        if normalise(old) in map(normalise, words):
            return " ".join(new if normalise(word) == normalise(old) else word for word in words)
    return None
