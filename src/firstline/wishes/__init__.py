"""Whether a customer asks for a person: in any wording, in many languages, typos included.

Told by rules, since it must hold in one turn, without a model and in every playbook. A sentence is read as the row of
its concepts (`words/<locale>.yaml`: a person, to speak, to want, a bot, not, …), and a few rules over such rows, the
same for all languages, say which are wishes. A question about people ("are you human?") is no wish, nor is a story
about one. Pure; used by the router and by whoever needs the same answer.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from firstline.types import Locale
from firstline.wishes.grammar import is_wish
from firstline.wishes.lexer import Reading, fold, load_language
from firstline.wishes.offer import accepts_offer
from firstline.wishes.script import to_simplified
from firstline.wishes.spelling import mend

__all__ = ["LONGEST_CHARS", "accepts_offer", "wants_human"]

LONGEST_CHARS = 2000

_CLAUSE_ENDS = re.compile(r"(?:[.!?;:\n。！？；，、…،؛؟()~～—]|,(?!\s*(?:der|die|dem|кто|котор)))+")
_LATIN: Sequence[Locale] = ("en", "es", "fr", "de", "pt", "it", "nl", "pl", "sv", "tr", "vi", "id", "hi", "zh")
_SCRIPTS: Sequence[tuple[re.Pattern[str], Sequence[Locale]]] = (
    (re.compile(r"[\u3040-\u30ff]"), ("ja",)),
    (re.compile(r"[\u3400-\u9fff]"), ("zh+en", "ja")),
    (re.compile(r"[\u0400-\u04ff]"), ("ru", "uk")),
    (re.compile(r"[\u0600-\u06ff]"), ("ar", "fa")),
    (re.compile(r"[\u0590-\u05ff]"), ("he",)),
    (re.compile(r"[\uac00-\ud7af]"), ("ko",)),
    (re.compile(r"[\u0900-\u097f]"), ("hi",)),
    (re.compile(r"[\u0e00-\u0e7f]"), ("th",)),
)


def wants_human(text: str) -> bool:
    """Whether a sentence of `text` says that its writer wants a person instead of the assistant."""
    return any(map(_holds_wish, read_clauses(text)))


def read_clauses(text: str) -> Iterator[Sequence[Reading]]:
    """Each clause as the languages read it that know most of it."""
    for clause in _CLAUSE_ENDS.split(unicodedata.normalize("NFKC", text[:LONGEST_CHARS]).casefold()):
        if plain := fold(clause):
            yield tuple(_read(plain))


def _holds_wish(readings: Sequence[Reading]) -> bool:
    most = max((reading.known_chars for reading in readings), default=0)
    return any(is_wish(reading.letters) for reading in readings if reading.known_chars == most)


def _read(plain: str) -> Iterator[Reading]:
    for script, locales in _SCRIPTS:
        if not plain.isascii() and script.search(plain):
            yield from (load_language(each).read(to_simplified(plain) if "zh" in each else plain) for each in locales)
            return
    mended = mend(plain)
    for locale in _LATIN:
        language, read = load_language(locale), mended if locale == "en" else plain
        if language.may_hold_wish(read):
            yield language.read(read)
