"""Ids in the results of earlier calls: "my policy" becomes the one policy that a listing tool returned.

Pure; imported by `firstline.model.offline*` only.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from firstline.model.offline_arguments import Argument
from firstline.model.offline_dialogue import Dialogue
from firstline.model.offline_words import any_of, find_terms, hear_lists, hears, likeness, normalise, searchable
from firstline.types import Json

_LONGEST_LABEL_CHARS = 40
_SHORT_WORDS = 6


@dataclass(frozen=True)
class Row:
    """An object of a result that carries an id. `shown` names it to the customer."""

    value: str
    fields: Json

    @property
    def text(self) -> str:
        return " . ".join(str(value) for value in self.fields.values() if isinstance(value, str | int | float))

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
            if (row := _match(rows, translate(text))) is not None:
                return row
    return None


def _match(rows: Sequence[Row], text: str) -> Row | None:
    """By the words of the row, or by its place: "the second"; figures say nothing, they may be a date."""
    terms = [term for term in find_terms(text) if not any(letter.isdigit() for letter in term)]
    scores = [sum(likeness(term, searchable(row.text)) for term in terms) for row in rows]
    best = max(scores)
    if best >= 1 and scores.count(best) == 1:
        return rows[scores.index(best)]
    if (row := find_place(rows, text)) is not None:
        return row
    return rows[-1] if len(normalise(text).split()) <= _SHORT_WORDS and hears("last", text) else None


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
