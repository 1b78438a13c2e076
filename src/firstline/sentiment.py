"""The mood of a customer's messages, by a list of words for each language and a few rules; offline, always the same.

It hears what a person says openly: anger, threats, "still waiting", "the third time", shouting, thanks, relief. It
hears no irony, and a misfortune told plainly ("my car was stolen") is no mood. The words are data,
`lexicons/sentiment.<locale>.yaml`. Pure; any module above level 0 may import it.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import yaml

from firstline.language import bare_locale, common_words, detect_locale
from firstline.types import Locale

Level = Literal[-2, -1, 0, 1, 2]
"""Very negative, negative, neutral, positive, very positive."""

Word = Literal["very_negative", "negative", "neutral", "positive", "very_positive"]

LONGEST_CHARS = 4000
"""What comes after is not read."""

_WORDS: Mapping[Level, Word] = {-2: "very_negative", -1: "negative", 0: "neutral", 1: "positive", 2: "very_positive"}
_MILD, _STRONG = 0.8, 2.4
"""The score from which a message is negative or positive, and very much so."""

_MOODS: Mapping[str, float] = {
    "very_negative": -2.5, "negative": -1.0, "slightly_negative": -0.5,
    "slightly_positive": 0.5, "positive": 1.0, "very_positive": 2.5, "thanks": 1.0,
}  # fmt: skip
_FACTORS: Mapping[str, float] = {"stronger": 1.5, "weaker": 0.8}
_MARKS = frozenset({"neutral", "negators", "contrast", "breaks", "supposes", "asks"})
KINDS = frozenset({*_MOODS, *_FACTORS, *_MARKS})
"""The lists that a lexicon may have, beside `opens_question` and `letters`."""

_REACH, _REACH_OF_COMFORT, _GAP = 4, 2, 4
"""Words that a negation reaches to deny praise, and anger ("not angry"); words that `…` stands for at most."""
_BEFORE_BUT, _AFTER_BUT = 0.4, 1.3
_SUPPOSED = 0.2
"""What is left of praise that is only asked for, hoped for or supposed."""
_DENIED = (_MILD, 1.0)
"""Praise that is denied is a complaint, and never a strong one: "not easy", "not perfect"."""
_LOUD = 1.4

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_TOKEN = re.compile(
    rf"[>)]?[:;=]['-]?[()\[\]dp|/<]+(?![\w/])|<3(?!\d)|\^_?\^|-_-|[{_HAN}]|[^\W_{_HAN}]+|[^ \w]", re.IGNORECASE
)
_CLITIC = re.compile(r"(?<=\w)'(?=(?:s|t|re|ve|ll|m|d)\b)", re.IGNORECASE)
_JOINT = re.compile(r"(?<=\w)['-](?=\w)")
_SENTENCE_ENDS = frozenset(".!?\n。؟")
_CLAUSE_ENDS = frozenset(',;:()"、،؛—–')
_PRESSED = re.compile(r"[?؟!]*[?؟][?؟!]+")
_Lists = Mapping[str, Mapping[str, Sequence[str]]]
_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""A lexicon is read at the first message in its language: 10 ms with libyaml, 140 without."""


@dataclass(slots=True)
class _Node:
    """A place in the tree of entries: `kind` is the list of the entry that ends here."""

    kind: str | None = None
    words: dict[str, "_Node"] = field(default_factory=dict[str, "_Node"])
    beginnings: dict[str, "_Node"] = field(default_factory=dict[str, "_Node"])
    gap: "_Node | None" = None


@dataclass(frozen=True)
class Lexicon:
    """The entries of one language and the emoji of all."""

    root: _Node
    opens_question: frozenset[str]
    letters: Mapping[int, str]


@dataclass(slots=True)
class _Mood:
    """What was heard so far: `parts` are scores, those of this sentence from `sentence` on."""

    parts: list[float] = field(default_factory=list[float])
    sentence: int = 0
    denied_until: int = -1
    factor: float = 1.0
    factor_until: int = -1
    boost: float = 1.0
    supposed: bool = False
    asked: bool = False


def rate(text: str, locale: Locale) -> Level:
    """The mood of one message. Where `locale` has no lexicon or hears nothing, the text's own language is tried."""
    text = text[:LONGEST_CHARS]
    own = bare_locale(locale)
    score = _score(text, own)
    if score == 0.0 and (written := detect_locale(text, known=("en",), last=own)) != own:
        score = _score(text, written)
    return _level_of(score, mild=_MILD, strong=_STRONG)


def rate_turns(texts: Sequence[str], locale: Locale) -> tuple[Level, Level] | None:
    """The mood in the first and in the last third of a customer's messages; None with fewer than two."""
    if len(texts) < 2:
        return None
    third = max(1, len(texts) // 3)
    return _average(texts[:third], locale), _average(texts[-third:], locale)


def word_for(level: Level) -> Word:
    """The key of a level's name."""
    return _WORDS[level]


def _average(texts: Sequence[str], locale: Locale) -> Level:
    return _level_of(sum(rate(text, locale) for text in texts) / len(texts), mild=0.5, strong=1.5)


def _level_of(score: float, *, mild: float, strong: float) -> Level:
    if abs(score) < mild:
        return 0
    if score > 0:
        return 2 if score >= strong else 1
    return -2 if score <= -strong else -1


def _score(text: str, locale: Locale) -> float:
    """The sum of what was heard; positive is good."""
    lexicon = load_lexicon(locale)
    words = _TOKEN.findall(_fold(text, lexicon.letters))
    shouted = _is_shouted(words, locale)
    mood = _Mood()
    for start, end, kind in _read([word.casefold() for word in words], lexicon.root):
        if kind is None:
            _pass_by(mood, words[start])
        else:
            loud = not shouted and words[start].isupper() and len(words[start]) > 2
            _hear(mood, kind, (start, end), loud=loud)
        if end - start == 1 and (start == 0 or words[start - 1] in _SENTENCE_ENDS):
            mood.supposed = mood.supposed or words[start].casefold() in lexicon.opens_question
    _end_sentence(mood)
    return _add_tone(sum(mood.parts), text, shouted=shouted)


def _hear(mood: _Mood, kind: str, place: tuple[int, int], *, loud: bool) -> None:
    """One entry of the lexicon, at `place`."""
    start, end = place
    if kind in _MOODS:
        mood.parts.append(_weigh(mood, kind, start) * (_LOUD if loud else 1.0))
    elif kind in _FACTORS:
        mood.factor, mood.factor_until = _FACTORS[kind], end + 1
    elif kind == "negators":
        mood.denied_until = end + _REACH - 1
    elif kind == "contrast":
        mood.parts = [part * _BEFORE_BUT for part in mood.parts]
        mood.boost = _AFTER_BUT
        _end_clause(mood)
    elif kind == "breaks":
        mood.denied_until = -1
    elif kind == "supposes":
        mood.supposed = True
    elif kind == "asks":
        mood.asked = True


def _weigh(mood: _Mood, kind: str, start: int) -> float:
    """What one entry is worth where it stands. Thanks are never denied: "no that's all thank you"."""
    weight = _MOODS[kind] * (mood.factor if start <= mood.factor_until else 1.0)
    if weight > 0 and mood.supposed:
        return weight * _SUPPOSED
    if kind == "thanks":
        return weight * mood.boost
    if weight > 0 and start <= mood.denied_until:
        weight = -min(max(weight, _DENIED[0]), _DENIED[1])
    elif start <= mood.denied_until - _REACH + _REACH_OF_COMFORT:
        weight = 0.0
    return weight * mood.boost


def _pass_by(mood: _Mood, word: str) -> None:
    """A word that is in no list: only punctuation means something."""
    if word in _SENTENCE_ENDS:
        mood.asked = mood.asked or word in "?؟"
        _end_sentence(mood)
    elif word in _CLAUSE_ENDS:
        _end_clause(mood)


def _end_clause(mood: _Mood) -> None:
    mood.denied_until = mood.factor_until = -1
    mood.supposed = False


def _end_sentence(mood: _Mood) -> None:
    """Praise in a question is no praise: "is this the best price?"."""
    if mood.asked:
        asked = [part * _SUPPOSED if part > 0 else part for part in mood.parts[mood.sentence :]]
        mood.parts[mood.sentence :] = asked
    mood.sentence, mood.asked, mood.boost = len(mood.parts), False, 1.0
    _end_clause(mood)


def _add_tone(score: float, text: str, *, shouted: bool) -> float:
    """The score with how it was said: shouting, `!!!`, `???`."""
    if shouted:
        score = score * _LOUD or -1.0
    if "!!" in text or "！！" in text:
        score *= 1.2
    if score <= 0.5 and (pressed := _PRESSED.search(text.replace("？", "?").replace("！", "!"))):
        score -= 1.0 if len(pressed[0]) > 2 else 0.5
    return score


def _is_shouted(words: Sequence[str], locale: Locale) -> bool:
    """Whether the message is in capitals and a sentence, not a model's or a plate's name."""
    cased = [word for word in words if word.upper() != word.lower()]
    capitals = [word for word in cased if word.isupper() and len(word) > 1]
    if len(capitals) < 2 or len(capitals) < 0.6 * len(cased):
        return False
    common = common_words(locale) | common_words("en")
    return any(word.casefold() in common for word in capitals if len(word) > 2)


def _read(words: Sequence[str], root: _Node) -> Iterator[tuple[int, int, str | None]]:
    """The text cut into entries, the longest that fits first, and words that are in none (kind None)."""
    at = 0
    while at < len(words):
        end, kind = _longest(root, words, at)
        end = max(end, at + 1)
        yield at, end, kind
        at = end


def _longest(node: _Node, words: Sequence[str], at: int) -> tuple[int, str | None]:
    """Where the longest entry ends that goes on from `node` with `words[at:]`, and its kind; (0, None) for none."""
    best = (at, node.kind) if node.kind else (0, None)
    if at >= len(words):
        return best
    for following in _steps(node, words[at]):
        best = max(best, _longest(following, words, at + 1), key=lambda found: found[0])
    if node.gap:
        for skipped in range(_GAP + 1):
            best = max(best, _longest(node.gap, words, at + skipped), key=lambda found: found[0])
            if at + skipped >= len(words) or not words[at + skipped].isalnum():
                break
    return best


def _steps(node: _Node, word: str) -> Iterator[_Node]:
    if word in node.words:
        yield node.words[word]
    if node.beginnings:
        for length in range(2, len(word) + 1):
            if word[:length] in node.beginnings:
                yield node.beginnings[word[:length]]


@lru_cache(maxsize=64)
def load_lexicon(locale: Locale) -> Lexicon:
    """The lexicon of a language; only emoji and emoticons where there is none for it."""
    lists: _Lists = _load_file(locale) if locale.isalpha() and locale != "any" else {}
    letters = {ord(pair[0]): pair[1] for pair in _entries(lists.get("letters"))}
    root = _Node()
    for source in (_load_file("any"), lists):
        for kind in KINDS & source.keys():
            for entry in _entries(source[kind]):
                _plant(root, entry, kind, letters)
    opens = frozenset(_fold(entry, letters).casefold() for entry in _entries(lists.get("opens_question")))
    return Lexicon(root, opens, letters)


def _load_file(locale: Locale) -> _Lists:
    resource = files("firstline") / "lexicons" / f"sentiment.{locale}.yaml"
    if not resource.is_file():
        return {}
    loaded: _Lists = yaml.load(resource.read_text(encoding="utf-8"), Loader=_YAML)  # noqa: S506 (both are safe)
    return loaded


def _entries(groups: Mapping[str, Sequence[str]] | None) -> Sequence[str]:
    """The entries of a list; the names of its groups are for the reader."""
    return [entry for group in (groups or {}).values() for entry in group]


def _plant(root: _Node, entry: str, kind: str, letters: Mapping[int, str]) -> None:
    """The tree with one entry more."""
    node = root
    for number, part in enumerate(entry.split("…")):
        if number:
            node.gap = node = node.gap or _Node()
        for piece in part.split():
            words = _TOKEN.findall(_fold(piece.removesuffix("*"), letters).casefold())
            for place, word in enumerate(words, start=1):
                open_ended = piece.endswith("*") and place == len(words)
                node = (node.beginnings if open_ended else node.words).setdefault(word, _Node())
    node.kind = kind


def _fold(text: str, letters: Mapping[int, str]) -> str:
    """The text without accents and the apostrophes of "don't", words apart at other joints, twin letters as one."""
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", text.replace("’", "'"))
        text = "".join(letter for letter in apart if not unicodedata.combining(letter)).translate(letters)
    return _JOINT.sub(" ", _CLITIC.sub("", text)) if "'" in text or "-" in text else text
