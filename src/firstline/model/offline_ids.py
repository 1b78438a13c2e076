"""Ids in the results of earlier calls: "my policy" becomes the one policy that a listing tool returned.

Pure; imported by `firstline.model.offline*` only.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from firstline.model.offline_arguments import Argument
from firstline.model.offline_dialogue import Dialogue
from firstline.model.offline_words import any_of, find_terms, hear_lists, hears, likeness, normalise, searchable
from firstline.types import Json

_LONGEST_LABEL_CHARS = 40


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
        labels = [text for text in texts if len(text) <= _LONGEST_LABEL_CHARS and re.search(r"[^\W\d]\s|[㐀-鿿]|\s[^\W\d]", text)]
        return f"{self.value} ({max(labels, key=len)})" if labels else self.value


def find_rows(argument: Argument, dialogue: Dialogue) -> list[Row]:
    """The rows with an id for this argument in the latest result that has any."""
    for exchange in reversed(dialogue.exchanges):
        for call in reversed(exchange.calls):
            rows = {row.value: row for row in _rows(argument, call.result)} if call.outcome == "ok" else {}
            if rows:
                return list(rows.values())
    return []


def choose_row(rows: Sequence[Row], dialogue: Dialogue) -> Row | None:
    """The only row, or the one that the customer means; the latest word counts. None when it is not clear."""
    if len(rows) == 1:
        return rows[0]
    texts = [text for exchange in reversed(dialogue.exchanges) for text in reversed(exchange.said)]
    return next((row for text in texts if (row := _match(rows, text)) is not None), None) if rows else None


def _match(rows: Sequence[Row], text: str) -> Row | None:
    """By the words of the row, or by its place: "the second"."""
    terms = find_terms(text)
    scores = [sum(likeness(term, searchable(row.text)) for term in terms) for row in rows]
    best = max(scores)
    if best >= 1 and scores.count(best) == 1:
        return rows[scores.index(best)]
    if len(normalise(text).split()) > 6:
        return None
    ordinals: list[list[str]] = hear_lists("ordinals")
    for at, words in enumerate(ordinals):
        if any_of(tuple(words)).search(normalise(text)) and at % 5 < len(rows):
            return rows[at % 5]
    return rows[-1] if hears("last", text) else None


def _rows(argument: Argument, result: Any) -> Iterator[Row]:
    """Objects in a result that hold an id, under the argument's name or, without that, under any."""
    if isinstance(result, list):
        for each in cast("list[Any]", result):
            yield from _rows(argument, each)
    if not isinstance(result, dict):
        return
    fields = cast("Json", result)
    named = {argument.name: fields[argument.name]} if argument.name in fields else fields
    for value in named.values():
        if isinstance(value, str) and argument.pattern and argument.pattern.fullmatch(value):
            yield Row(value, fields)
    for value in fields.values():
        if isinstance(value, dict | list):
            yield from _rows(argument, value)
