"""Free text that stands in several parts beside an id, such as a whole address in one line, and its correction.

Pure; imported by `firstline.model.offline_hearing` only.
"""

import re
from collections.abc import Sequence

from firstline.model.offline_arguments import Argument, Arguments
from firstline.model.offline_cues import EDGES, drop_lead_in
from firstline.model.offline_words import normalise
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

_WORD = re.compile(r"[^\s,;.!?，。；！？\u3400-\u9fff]+")
_FEWEST_WORDS = 3


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
        again = find_repeated(message, str(known.get(argument.name, "")))
        if again and argument not in [one for one, _ in heard]:
            heard.append((argument, again))
    return heard


def _before(name: str, arguments: Arguments, among: Sequence[Argument]) -> list[Argument]:
    """Those that stand in the schema before the argument of this name."""
    names = list(arguments)
    return [one for one in among if names.index(one.name) < names.index(name)]


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
