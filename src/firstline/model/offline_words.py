"""Words of the offline model: what it says, what it recognises, and how alike two texts are.

No knowledge of language beyond light stemming for Latin scripts and 2-grams for Chinese; all word lists stand
in `offline_phrases.yaml`. Pure but for reading that file once. Imported by `firstline.model.offline*` only.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import yaml

from firstline.language import simplify
from firstline.types import Locale

_TOKEN = re.compile(r"[㐀-鿿]+|[^\W㐀-鿿_]+(?:['’][^\W_]+)?")
_HAN = re.compile(r"[㐀-鿿]")
_QUOTED = re.compile('[“「『«"](?:[^”」』»"]{40,}|[^”」』»"]*[㐀-鿿][^”」』»"]{15,})[”」』»"]')
_SHORT_CHARS = 30
_SHORT_HAN_CHARS = 12
_HAN_COMMA = re.compile("(?<=[㐀-鿿])[，；,;]")
_PREFIX_LETTERS = 5
_TAIL_LETTERS = 4
_NEAR = 0.8
_SEAM_SHARE = 0.15
"""What is left of a Chinese 2-gram that the knowledge never has: mostly the seam of two words."""

_FIGURE_SHARE = 0.3
"""What is left of a figure that the knowledge never has: it is of the customer's own case."""

_STRANGE_SHARE = 0.8
"""What is left of any other such word: it may be what the question is about, or a word of every day."""

Terms = frozenset[str]


@cache
def _phrases() -> Mapping[Locale, Mapping[str, Any]]:
    text = (files("firstline.model") / "offline_phrases.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def spoken(locale: Locale) -> bool:
    """Whether there are phrases in this language."""
    return locale.split("-")[0] in _phrases()


def say(key: str, locale: Locale, *, turn: int = 0, **values: str) -> str:
    """A phrase; where it has several wordings they take turns. English where the language has none."""
    phrases = _phrases()
    wordings: Sequence[str] = phrases.get(locale.split("-")[0], phrases["en"])["say"][key]
    return wordings[turn % len(wordings)].format(**values)


def hear_lists(key: str) -> list[Any]:
    """The entries to recognise, of all languages: customers mix them."""
    return [entry for phrases in _phrases().values() for entry in phrases["hear"][key]]


def hear_mapping(key: str) -> dict[str, Any]:
    return {word: value for phrases in _phrases().values() for word, value in phrases["hear"][key].items()}


def normalise(text: str) -> str:
    """Full-width forms made plain, curly apostrophes straight, case folded, Chinese simplified."""
    return simplify(unicodedata.normalize("NFKC", text).replace("’", "'").casefold())


def has_han(text: str) -> bool:
    return _HAN.search(text) is not None


def phrase_source(phrase: str) -> str:
    """A regular expression for one phrase in normalised text: bounded where its ends are Latin, spaces elastic."""
    plain = normalise(phrase).strip()
    body = r"[\s-]?".join(re.escape(part) for part in re.split(r"[\s-]+", plain) if part)
    left = r"(?<![a-z0-9])" if plain[:1].isascii() and plain[:1].isalnum() else ""
    right = r"(?![a-z0-9])" if plain[-1:].isascii() and plain[-1:].isalnum() else ""
    return f"{left}{body}{right}"


@lru_cache(maxsize=512)
def any_of(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern for the longest of the phrases; it never matches when there are none."""
    ordered = sorted(phrases, key=len, reverse=True)
    return re.compile("|".join(map(phrase_source, ordered)) or r"(?!)")


@cache
def heard(key: str) -> re.Pattern[str]:
    """A pattern for everything that `hear` lists under this key."""
    return any_of(tuple(hear_lists(key)))


def hears(key: str, text: str) -> bool:
    return heard(key).search(normalise(text)) is not None


def asks(text: str) -> bool:
    """Whether the text is put as a question."""
    plain = normalise(text).strip()
    if plain.endswith("?") or (has_han(plain) and hears("question", plain)):
        return True
    opening = any_of(
        tuple(hear_lists("hello") + hear_lists("follow") + hear_lists("fine") + hear_lists("hesitation"))
    )
    while (found := opening.match(plain)) and found.end():
        plain = plain[found.end() :].lstrip(" ,.!")
    return heard("question").match(plain) is not None


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, each with its mark."""
    return [part.strip() for part in re.split(r"(?<=[?？!！。\n])|(?<=\.)\s", text) if part.strip()]


def agrees(text: str) -> bool:
    """Whether a short text begins with a yes, and asks nothing: "ok do it"."""
    plain = normalise(text).strip()
    begins = any(heard(key).match(plain) for key in ("yes", "fine"))
    return begins and not asks(text) and len(plain) <= (_SHORT_HAN_CHARS if has_han(plain) else _SHORT_CHARS)


def split_clauses(text: str) -> list[str]:
    """The sentences; in Chinese, where one sentence tells and asks, what stands between commas."""
    return [part for sentence in split_sentences(text) for part in _HAN_COMMA.split(sentence) if part.strip()]


def own_words(text: str) -> str:
    """The text without what it quotes at length, such as a mail: nobody orders that; all of it if nothing is left."""
    own = _QUOTED.sub(" ", text).strip()
    return own if re.search(r"\w", own) else text


def orders(text: str) -> bool:
    """Whether something is to be done, though it may be put as a question: "could you report it for me?"."""
    return hears("order", text) and not hears("tell_me", text)


def small_talk(text: str, *, names: Iterable[str] = ()) -> frozenset[str] | None:
    """Which of hello, thanks, bye, yes, no, fine the text consists of; None when it says anything else."""
    plain = normalise(text)
    kinds: set[str] = set()
    for kind in ("bye", "thanks", "hello", "fine", "yes", "no"):
        plain, count = heard(kind).subn(" ", plain)
        if count:
            kinds.add(kind)
    plain = any_of(tuple(names)).sub(" ", heard("filler").sub(" ", plain))
    return frozenset(kinds) if kinds and not re.search(r"\w", plain) else None


# Likeness ---------------------------------------------------------------------------------------------------------


def find_terms(text: str, *, stops: bool = True) -> list[str]:
    """What a text is about, in order: stems of Latin words and their joins, 2-grams of Chinese.

    stops: leave out words that say nothing, as for a question; a text that is searched keeps them.
    """
    terms: list[str] = []
    plain = normalise(text)
    for token in _TOKEN.findall(_stop_runs().sub(" ", plain) if stops else plain):
        if _HAN.match(token):
            terms += [token[at : at + 2] for at in range(len(token) - 1)]
        elif not (stops and token in _stop_words()):
            terms.append(stem(token))
    return terms


@lru_cache(maxsize=4096)
def searchable(text: str) -> Terms:
    """The terms of a text that is searched; neighbours also joined, so that "wallbox" finds "wall box"."""
    terms = find_terms(text, stops=False)
    latin = [term for term in terms if not _HAN.match(term)]
    return frozenset(terms) | {first + second for first, second in pairwise(latin)}


@lru_cache(maxsize=4096)
def searchable_loosely(text: str) -> Terms:
    """With Chinese pairs around one character besides, so that 车险 finds 车保险; for long texts only."""
    runs = (run for run in _TOKEN.findall(normalise(text)) if _HAN.match(run))
    return searchable(text) | {f"{run[at]}_{run[at + 2]}" for run in runs for at in range(len(run) - 2)}


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """The word without plural, past and -ing endings, lightly: `charging`, `charged`, `charge` are one."""
    word = word.split("'", maxsplit=1)[0] or word
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 6 and (cut := word.removesuffix("s").removesuffix("ment")) != word.removesuffix("s"):
        return cut
    for ending in ("ing", "ed", "es", "s", "e"):
        cut = word[: -len(ending)]
        if word.endswith(ending) and len(cut) >= 4 and not (ending == "s" and cut[-1] in "su"):
            return cut[:-1] if ending == "ing" and cut[-1] == cut[-2] and cut[-1] not in "ls" else cut
    return word[:-1] if len(word) == 4 and word[-1] == "s" and word[-2] not in "su" else word


def likeness(term: str, words: Terms) -> float:
    """1 when the term is among the words, a little less for a near form, a compound or a slip of a letter, else 0."""
    if term in words:
        return 1.0
    if len(term) == 2 and _HAN.match(term):
        return _NEAR if f"{term[0]}_{term[1]}" in words else 0.0
    if len(term) < _TAIL_LETTERS or not term.isascii():
        return 0.0
    for word in words:
        if len(word) > len(term) + 2 and word.endswith(term):
            return _NEAR
        if word[0] != term[0] or min(len(word), len(term)) < _PREFIX_LETTERS:
            continue
        if word.startswith(term) or term.startswith(word) or one_slip(term, word):
            return _NEAR
    return 0.0


def one_slip(first: str, second: str) -> bool:
    """Whether one letter more, less, other or exchanged with its neighbour makes the words the same."""
    if abs(len(first) - len(second)) > 1:
        return False
    short, long = sorted((first, second), key=len)
    at = next((at for at in range(len(short)) if short[at] != long[at]), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    swapped = short[at : at + 2] == long[at : at + 2][::-1] and short[at + 2 :] == long[at + 2 :]
    return swapped or short[at + 1 :] == long[at + 1 :]


class Rarity:
    """How much a term says: rare ones in the bundle's knowledge say more than those on every page."""

    def __init__(self, texts: Iterable[str], *, silent: Iterable[str] = ()) -> None:
        self._counts: Counter[str] = Counter()
        self._total = 0
        for text in texts:
            self._counts.update(searchable(text))
            self._total += 1
        self._silent = frozenset(term for name in silent for term in find_terms(name, stops=False))

    def weigh(self, terms: Iterable[str], *, by: float = 1.0) -> dict[str, float]:
        """A weight for each term that says something."""
        return {term: by * self._weight(term) for term in terms if term not in self._silent}

    def _weight(self, term: str) -> float:
        weight = math.log(1 + (self._total + 1) / (1 + self._counts[term]))
        if term in self._counts:
            return weight
        share = _SEAM_SHARE if _HAN.match(term) else _FIGURE_SHARE if term.isdigit() else _STRANGE_SHARE
        return weight * share


def overlap(weights: Mapping[str, float], words: Terms) -> float:
    """The weight of the terms that are found among the words."""
    return sum(weight * likeness(term, words) for term, weight in weights.items())


def coverage(weights: Mapping[str, float], words: Terms) -> float:
    """The share, 0 to 1, of what was asked that is found among the words."""
    total = sum(weights.values())
    return overlap(weights, words) / total if total else 0.0


@cache
def _stop_words() -> frozenset[str]:
    said = (word for key in ("stop", "hello", "thanks", "fine") for word in hear_lists(key))
    return frozenset(word for word in map(str, said) if " " not in word)


@cache
def _stop_runs() -> re.Pattern[str]:
    runs = sorted((word for word in _stop_words() if has_han(word)), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, runs)))
