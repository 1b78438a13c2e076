"""The concepts that a sentence speaks of, in the order of its words: one letter for each.

A language is a file of words (`words/<locale>.yaml`): under each concept the phrases that stand for it. `*` is any
ending. A phrase that is found is written as the letter of its concept, a word that is none as `x`, a word that adds
nothing is left out: "could I please speak to an employee" is `QQSDP`. The grammar over these letters is the
same for all languages. Only this package imports it.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel

LETTERS: Mapping[str, str] = {
    "contacts": "H",  # who can only be meant as somebody of the team: an operator, a real person
    "people": "P",  # who may be: an employee, a person
    "anyone": "p",  # who often is not: somebody
    "real": "r",
    "another": "e",
    "mine": "O",  # whose they are: "my boss" is no wish
    "who": "U",
    "with": "D",
    "speak": "S",
    "pass": "X",  # "put me through": whole without a person
    "transfer": "Z",  # passing on what may also be money
    "call": "C",  # "call me"
    "help": "K",
    "want": "W",
    "ask": "Q",
    "there": "E",
    "line": "L",  # "on the phone", "instead", "right now"
    "bot": "B",
    "reject": "R",
    "not": "N",
    "about": "A",  # questions about people, and stories
    "past": "Y",
    "time": "T",  # of opening: whether somebody is there on Sunday
    "but": "|",
    "other": "x",
    "nothing": "",
}
ANCHORS = frozenset("HPpXZCBr")
"""A sentence with none of these is no wish."""

_UNSPACED = r"\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0900-\u097f"
_RUN = re.compile(rf"[{_UNSPACED}]+|[^\s{_UNSPACED}]+")
_FIRST_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_START_CHARS = 3


class _Words(BaseModel, extra="forbid"):
    """A file of words: lists of phrases, parted by commas, by their concept; and single phrases by their letters."""

    prefixes: str = ""
    concepts: dict[str, str]
    letters: dict[str, str] = {}

    def read_phrases(self) -> Iterator[tuple[str, str]]:
        for concept, phrases in self.concepts.items():
            yield from ((phrase, LETTERS[concept]) for phrase in phrases.split(","))
        yield from self.letters.items()


class _Node(dict[str, "_Node"]):
    """One character further in the tree of a language's phrases."""

    letters: str | None = None


@dataclass(frozen=True)
class Reading:
    """`letters` of the concepts, and how many characters of the text the language knows."""

    letters: str
    known_chars: int


@dataclass(frozen=True)
class Language:
    root: _Node
    starts: frozenset[str]
    """How words begin that may be an anchor."""
    prefixes: Sequence[str]
    """What may stand before a word, written together with it."""

    def may_hold_wish(self, text: str) -> bool:
        """False where reading `text` in this language would find no anchor."""
        return not self.starts.isdisjoint(word[:_START_CHARS] for word in text.split())

    def read(self, text: str) -> Reading:
        """`text` is folded, its words are parted by single spaces, and it has no punctuation."""
        letters: list[str] = []
        known = end = 0
        for run in _RUN.finditer(text):
            unspaced = _FIRST_UNSPACED.match(run[0]) is not None
            at, unknown = max(run.start(), end), 0
            while at < run.end():
                end, found = self._longest(text, at, unspaced=unspaced)
                if found is None and run[0].isdigit():
                    end = run.end()
                elif found is None:
                    unknown += 1
                    letters.append("x" if unknown % 2 or not unspaced else "")
                    end = at + 1 if unspaced else run.end()
                else:
                    unknown = 0
                    known += end - at
                    letters.append(found)
                at = end
        return Reading("".join(letters), known)

    def _longest(self, text: str, at: int, *, unspaced: bool) -> tuple[int, str | None]:
        found = _walk(self.root, text, at, unspaced=unspaced)
        written_before: Sequence[str] = () if unspaced or found[1] is not None else self.prefixes
        for prefix in written_before:
            if text.startswith(prefix, at):
                found = _walk(self.root, text, at + len(prefix), unspaced=False)
            if found[1] is not None:
                break
        return found


def _walk(node: _Node, text: str, at: int, *, unspaced: bool) -> tuple[int, str | None]:
    """Where the longest phrase that begins `at` ends, and its letters; an exact one before one with any ending."""
    best: tuple[int, str | None] = (at, None)
    while True:
        if (ending := node.get("*")) is not None:
            after = at if unspaced else _end_of_word(text, at)
            further = _walk(ending, text, after, unspaced=unspaced)
            if further[0] >= best[0] and further[1] is not None:
                best = further
        if node.letters is not None and (unspaced or _ends_word(text, at)) and (at >= best[0]):
            best = at, node.letters
        following = node.get(text[at]) if at < len(text) else None
        if following is None:
            return best
        node, at = following, at + 1


def _ends_word(text: str, at: int) -> bool:
    return at == len(text) or text[at] == " " or _FIRST_UNSPACED.match(text, at) is not None


def _end_of_word(text: str, at: int) -> int:
    while not _ends_word(text, at):
        at += 1
    return at


def fold(text: str) -> str:
    """Lower case, without accents, as customers often write; letters that are no accents stay."""
    plain = text.casefold().translate(_LETTERS_ALIKE)
    if not plain.isascii():
        apart = unicodedata.normalize("NFD", plain)
        bare = (
            letter
            for letter in apart
            if not ("\u0300" <= letter <= "\u036f" or "\u064b" <= letter <= "\u0655" or letter == "\u0640")
        )
        plain = unicodedata.normalize("NFC", "".join(bare))
    return " ".join(re.sub(r"[^\w\s']", " ", plain).split())


_LETTERS_ALIKE = str.maketrans("łđıأإآىة’ʼ`´-", "ldiااايه'''' ")


@cache
def load_language(locales: str) -> Language:
    """The words of a language, or of two that are written in one sentence: `zh+en`; of the same word the first's."""
    root, anchors = _Node(), set[str]()
    prefixes: list[str] = []
    for name in reversed(locales.split("+")):
        resource = files("firstline") / "wishes" / "words" / f"{name}.yaml"
        loaded = _Words.model_validate(yaml.safe_load(resource.read_text(encoding="utf-8")))
        prefixes.extend(loaded.prefixes.split())
        for phrase, letters in loaded.read_phrases():
            plain = _fold_phrase(phrase)
            _plant(root, plain, letters)
            if not ANCHORS.isdisjoint(letters) or ("U" in letters and " " in plain):
                anchors.add(plain.split(" ")[0].replace("*", "")[:_START_CHARS])
    return Language(root, frozenset(anchors), tuple(prefixes))


def _fold_phrase(phrase: str) -> str:
    return fold(phrase.replace("*", "__")).replace("__", "*")


def _plant(root: _Node, phrase: str, letters: str) -> None:
    if not phrase:
        return
    node = root
    for letter in phrase:
        node = node.setdefault(letter, _Node())
    node.letters = "J" if {node.letters, letters} == {"S", "K"} else letters
