"""Every checkable fact of a reply stands in a source, a tool result, or (money aside) the customer's words.

Exactness is the point: «about $100» for a premium of $96.40 does not pass. What this rule cannot see: claims without
figures, and true figures put beside the wrong noun.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Literal, cast

from firstline.facts import UNITS, Fact, find_facts, write_number
from firstline.guardrails import Screening
from firstline.types import Locale, Verdict

Keys = frozenset[str]
"""What a text can ground: `kind:value`, `json:n` for a figure whose unit is not told."""

_FIGURES = re.compile(r"-?\d+(?:\.\d+)?")
_MONEY_KEY = re.compile(r"(?:^|_)(usd|eur|gbp|cny|jpy|cad|aud|hkd|inr|krw|chf)(_cents)?$", re.IGNORECASE)
_PERCENT_KEY = re.compile(r"(?:^|_)(?:percent|percentage|pct)$", re.IGNORECASE)
_KEY_UNITS = {
    word: unit
    for unit, names in UNITS.items()
    for word in names
    if word in ("km", "kg", "kwh", "cc") or (word[-1:] == "s" and len(word) > 3)
}
_SUM_KEYS = frozenset({"amount", "price", "total", "sum", "balance", "premium"})


class Grounding:
    """Blocks a sentence with a fact that stands nowhere."""

    name = "grounding"
    when_broken: Literal["pass", "block"] = "block"

    def check(self, screening: Screening) -> Verdict:
        if screening.stage != "output":
            return Verdict(guardrail=self.name)
        claims = find_facts(screening.text, locale=screening.locale)
        if not claims:
            return Verdict(guardrail=self.name)
        given = [_index_source(text, screening.locale) for text in screening.evidence.given]
        said: list[Keys] | None = None
        for claim in claims:
            wanted = _wants(claim)
            if _stands(wanted, given):
                continue
            if claim.kind not in ("money", "percentage"):
                said = said or [_index_said(text, screening.locale) for text in screening.evidence.said]
                if _stands(wanted, said):
                    continue
            reason = f"«{claim.surface}» stands in no source or tool result"
            return Verdict(guardrail=self.name, decision="block", reason=reason)
        return Verdict(guardrail=self.name)


def _stands(wanted: tuple[str, ...], sources: list[Keys]) -> bool:
    return any(key in source for source in sources for key in wanted)


def _wants(claim: Fact) -> tuple[str, ...]:
    """The keys of which any one is enough."""
    keys = tuple(f"{claim.kind}:{reading}" for reading in claim.readings)
    match claim.kind:
        case "quantity":
            return (*keys, f"json:{claim.value.partition(' ')[0]}")
        case "number":
            return (*keys, f"json:{claim.value}")
        case "date":
            yearless = tuple(f"date:-{reading[4:]}" for reading in claim.readings if reading[:1] != "-")
            return (*keys, *yearless, *(f"day:{reading[1:]}" for reading in claim.readings if reading[:1] == "-"))
        case _:
            return keys


def _gives(fact: Fact) -> Iterator[str]:
    """All that a fact of a source can ground; a bare number also rests on the figure of a fact with a unit."""
    for reading in fact.readings:
        yield f"{fact.kind}:{reading}"
        match fact.kind:
            case "money":
                yield f"number:{reading.partition(' ')[2]}"
            case "quantity":
                yield f"number:{reading.partition(' ')[0]}"
            case "percentage":
                yield f"number:{reading}"
            case "time" if reading.endswith(":00"):
                yield f"number:{int(reading[:2])}"
            case "identifier":
                yield from (f"number:{write_number(Decimal(run))}" for run in re.findall(r"\d+", reading))
            case "date":
                yield from _give_date(reading)
            case _:
                pass


def _give_date(reading: str) -> Iterator[str]:
    year, month, *day = reading.lstrip("-").split("-") if reading[0] != "-" else ("", *reading[2:].split("-"))
    if day:
        yield f"number:{int(day[0])}"
        yield f"day:-{month}-{day[0]}"
    if year:
        yield f"number:{year}"
        yield f"date:{year}-{month}"


@lru_cache(maxsize=1024)
def _index_source(text: str, locale: Locale) -> Keys:
    """The keys of a source; of a tool's result, each leaf is read with the name under which it stands."""
    if text[:1] in ("{", "["):
        try:
            return frozenset(_walk(json.loads(text), "", "", locale))
        except (ValueError, RecursionError):
            pass
    return frozenset(key for fact in find_facts(text, locale=locale) for key in _gives(fact))


@lru_cache(maxsize=128)
def _index_said(text: str, locale: Locale) -> Keys:
    """The keys of a customer's words: whoever answers «12000» when asked for the mileage has said 12,000 miles."""
    keys: set[str] = set()
    for fact in find_facts(text, locale=locale, small=True):
        keys.update(_gives(fact))
        if fact.kind == "number" and fact.surface[-1:].isdigit():
            keys.add(f"json:{fact.value}")
    return frozenset(keys)


def _walk(node: Any, name: str, currency: str, locale: Locale) -> Iterator[str]:
    if isinstance(node, dict):
        members = cast(dict[str, Any], node)
        currency = str(members.get("currency", currency))
        for key, value in members.items():
            yield from _walk(value, key, currency, locale)
    elif isinstance(node, list):
        for value in cast(list[Any], node):
            yield from _walk(value, name, currency, locale)
    elif isinstance(node, str) and not _FIGURES.fullmatch(node.strip()):
        yield from (key for fact in find_facts(node, locale=locale) for key in _gives(fact))
    elif isinstance(node, str | int | float) and not isinstance(node, bool):
        yield from _give_figure(str(node).strip(), name, currency)


def _give_figure(figure: str, name: str, currency: str) -> Iterator[str]:
    try:
        number = abs(Decimal(figure))
    except InvalidOperation:
        return
    if not number.is_finite():
        return
    written = write_number(number)
    yield f"number:{written}"
    if money := _MONEY_KEY.search(name):
        amount = write_number(number / 100) if money[2] else written
        yield f"money:{money[1].upper()} {amount}"
    elif name.casefold() in _SUM_KEYS and currency:
        yield f"money:{currency.upper()} {written}"
    elif _PERCENT_KEY.search(name):
        yield f"percentage:{written}"
    elif units := [_KEY_UNITS[word] for word in name.casefold().split("_") if word in _KEY_UNITS]:
        yield f"quantity:{written} {units[-1]}"
    else:
        yield f"json:{written}"
