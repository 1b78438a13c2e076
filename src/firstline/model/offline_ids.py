"""Ids in the results of earlier calls: "my policy" becomes the one policy that a listing tool returned.

Pure; imported by `firstline.model.offline*` only.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, cast

from firstline.model.offline_arguments import Argument
from firstline.model.offline_dialogue import Dialogue
from firstline.model.offline_values import find_dates, find_months, find_numbers
from firstline.model.offline_words import any_of, find_terms, hear_lists, hears, likeness, normalise, searchable
from firstline.types import Json

_LONGEST_LABEL_CHARS = 40
_SHORT_WORDS = 6
_DAY = re.compile(r"\d{4}-(\d{2})-\d{2}")
_AMOUNT = re.compile(r"\d+\.\d{2}")


@dataclass(frozen=True)
class Row:
    """An object of a result that carries an id. `shown` names it to the customer."""

    value: str
    fields: Json

    @property
    def text(self) -> str:
        return " . ".join(str(value) for value in self.fields.values() if isinstance(value, str | int | float))

    @cached_property
    def months(self) -> frozenset[int]:
        """The months of its days."""
        texts = (value for value in self.fields.values() if isinstance(value, str))
        return frozenset(int(match[1]) for match in map(_DAY.fullmatch, texts) if match)

    @cached_property
    def amounts(self) -> frozenset[float]:
        """Its amounts, as tools write them, without those of nothing."""
        texts = (value for value in self.fields.values() if isinstance(value, str))
        return frozenset(float(text) for text in texts if _AMOUNT.fullmatch(text)) - {0.0}

    @property
    def shown(self) -> str:
        """The id with the field that says most, such as a name."""
        texts = [value for value in self.fields.values() if isinstance(value, str) and value != self.value]
        labels = [
            text
            for text in texts
            if len(text) <= _LONGEST_LABEL_CHARS and re.search(r"[^\W\d]\s|[㐀-鿿]|\s[^\W\d]", text)
        ]
        return f"{self.value} ({max(labels, key=len)})" if labels else self.value


def find_rows(argument: Argument, dialogue: Dialogue) -> list[Row]:
    """The rows with an id for this argument in the latest result that has any."""
    for exchange in reversed(dialogue.exchanges):
        for call in reversed(exchange.calls):
            rows = {row.value: row for row in _rows(argument, call.result)} if call.outcome == "ok" else {}
            if rows:
                return list(rows.values())
    return []


def choose_row(rows: Sequence[Row], dialogue: Dialogue, *, translate: Callable[[str], str] = str) -> Row | None:
    """The only row, or the one that the customer means; the latest word counts. None when it is not clear.

    Only what was said in this run of turns of one playbook counts: a car that was spoken of long ago is no order.
    """
    if len(rows) < 2:
        return rows[0] if rows else None
    for exchange in reversed(dialogue.exchanges):
        if exchange.note.playbook != dialogue.now.note.playbook:
            break
        for text in reversed(exchange.said):
            if (row := _match(rows, normalise(translate(text)), dialogue.now.note.now.date())) is not None:
                return row
    return None


def _match(rows: Sequence[Row], text: str, today: date) -> Row | None:
    """By its amounts, the month it is of and its words, together; else by its place: "the second"."""
    left = list(rows)
    for narrow in (_by_figures, _by_month, _by_words):
        left = narrow(left, text, today) or left
    if len(left) == 1:
        return left[0]
    if (row := find_place(rows, text)) is not None:
        return row
    return rows[-1] if len(normalise(text).split()) <= _SHORT_WORDS and hears("last", text) else None


def _by_words(rows: Sequence[Row], text: str, today: date) -> list[Row]:
    """Those that share most words with the text; figures alone say nothing, they may be a date: RAV4 is a word."""
    terms = [term for term in find_terms(text) if not term.isdigit()]
    scores = [sum(likeness(term, searchable(row.text)) for term in terms) for row in rows]
    best = max(scores, default=0.0)
    return [row for row, score in zip(rows, scores, strict=True) if score == best] if best >= 1 else []


def _by_month(rows: Sequence[Row], text: str, today: date) -> list[Row]:
    months = find_months(text, today=today)
    return [row for row in rows if months & row.months]


def _by_figures(rows: Sequence[Row], text: str, today: date) -> list[Row]:
    """Those with an amount that the text names: "overpaid by 240 dollars"."""
    days = find_dates(text, today=today)
    named = {
        number.value
        for number in find_numbers(text)
        if not (number.loose or number.plain or any(day.start <= number.start < day.end for day in days))
    }
    return [row for row in rows if named & row.amounts]


def find_place(rows: Sequence[Row], text: str) -> Row | None:
    """The row that a short text names by its place: "the second one"."""
    ordinals: list[list[str]] = hear_lists("ordinals") if len(normalise(text).split()) <= _SHORT_WORDS else []
    for at, words in enumerate(ordinals):
        if any_of(tuple(words)).search(normalise(text)) and at % 5 < len(rows):
            return rows[at % 5]
    return None


def _rows(argument: Argument, result: Any) -> Iterator[Row]:
    """Objects in a result that such an id is the name of: it is their first text. A claim names its policy too,
    but is none."""
    if isinstance(result, list):
        for each in cast("list[Any]", result):
            yield from _rows(argument, each)
    if not isinstance(result, dict):
        return
    fields = cast("Json", result)
    first = next((value for value in fields.values() if isinstance(value, str)), "")
    if argument.pattern and argument.pattern.fullmatch(first):
        yield Row(first, fields)
    for value in fields.values():
        if isinstance(value, dict | list):
            yield from _rows(argument, value)
