"""The checkable facts of a text, normalised so that equal claims are equal values.

Both sides of a check go through `find_facts`: the sentence that is to be shown, and all that it may rest on.
Words without figures are no facts here; neither are list numbers, small bare numbers (`one of them`), ordinals
below 10, weekdays and `tomorrow`. Units are not converted: two weeks are not 14 days.
"""

import re

from firstline.facts import amounts, contacts, moments
from firstline.facts.amounts import UNITS
from firstline.facts.fact import Fact, Kind, Rule
from firstline.facts.numerals import NUMBER, SPELLED, read_number, spell_digits, write_number
from firstline.facts.plain import read_plain
from firstline.types import Locale

__all__ = ["UNITS", "Fact", "Kind", "find_facts", "read_plain", "write_number"]

_FACTUAL = re.compile(r"[\d@]|\w\.[A-Za-z]{2}|\b(?:noon|midday|midnight)\b|正午|午夜", re.IGNORECASE)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_LIST_NUMBER = re.compile(r"^([ \t>]*)\d{1,3}[.)](?=[ \t])", re.MULTILINE)
_MONTH_NAME = re.compile(rf"{SPELLED}?(?<!\d)\d{{1,2}}[ ]?月")
_BARE = re.compile(rf"(?<![A-Za-z\d]){NUMBER}")


def find_facts(text: str, *, locale: Locale, small: bool = False) -> tuple[Fact, ...]:
    """Every fact of `text`, kind by kind. `small` counts bare numbers below 10 and spelled-out ones too."""
    plain = spell_digits(read_plain(text))
    if not _FACTUAL.search(plain):
        return ()
    facts: list[Fact] = []
    plain = _LIST_NUMBER.sub(r"\1", contacts.EMERGENCY.sub(" ", plain))
    chinese = moments.CHINESE_RULES if _CHINESE.search(plain) else ()
    for rule in (*contacts.ADDRESSES, *chinese, *moments.RULES, *contacts.IDENTIFIERS):
        plain = _apply(rule, plain, facts)
    plain, phones = contacts.find_phones(_MONTH_NAME.sub("", plain), locale=locale)
    facts += phones
    for rule in amounts.RULES:
        plain = _apply(rule, plain, facts)
    for match in _BARE.finditer(plain):
        number = read_number(match[0])
        if small or (SPELLED not in match[0] and (number >= 10 or "." in match[0].strip("."))):
            facts.append(Fact("number", write_number(number), match[0].strip(SPELLED + " ")))
    return tuple(facts)


def _apply(rule: Rule, text: str, facts: list[Fact]) -> str:
    """`text` with the facts of one shape moved to `facts`, blotted out so that no other rule reads them again."""
    pattern, read = rule

    def blot(match: re.Match[str]) -> str:
        found = read(match)
        facts.extend(found)
        return "\0" * len(match[0]) if found else match[0]

    return pattern.sub(blot, text)
