"""What is known of a tool's arguments: their schema and how customers speak of them.

Pure; imported by `firstline.model.offline*` only.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from jsonschema import Draft202012Validator

from firstline.model.offline_values import Lean
from firstline.model.offline_words import (
    Terms,
    any_of,
    find_terms,
    hear_lists,
    hears,
    likeness,
    normalise,
    one_slip,
    searchable,
)
from firstline.tools import Slot, Tool
from firstline.types import Json

Kind = Literal["number", "string", "date", "boolean", "other"]

_KINDS: dict[str, Kind] = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean"}
_NO_SLOT = Slot(ask={})
_TEMPLATE = re.compile(r"\{[{%#].*?[%#}]\}", re.DOTALL)


@dataclass(frozen=True)
class Argument:
    """One argument of a tool."""

    name: str
    schema: Json
    slot: Slot
    required: bool

    @cached_property
    def kind(self) -> Kind:
        if self.schema.get("format") == "date":
            return "date"
        return _KINDS.get(str(self.schema.get("type")), "other")

    @property
    def whole(self) -> bool:
        return self.schema.get("type") == "integer"

    @cached_property
    def name_words(self) -> tuple[str, ...]:
        return tuple(self.name.lower().split("_"))

    @cached_property
    def is_age(self) -> bool:
        return "age" in self.name_words or any(hears("age", word) for word in self.slot.words)

    @cached_property
    def is_year(self) -> bool:
        low, high = self._bounds
        return "year" in self.name_words or (low >= 1800 and high <= 2200)

    @cached_property
    def range(self) -> tuple[float, float]:
        """Lowest and highest that make sense: the schema's, else what years and ages are."""
        low, high = self._bounds
        if self.is_year:
            return max(low, 1900), min(high, 2100)
        return (max(low, 0), min(high, 120)) if self.is_age else (low, high)

    @property
    def width(self) -> float:
        low, high = self.range
        return high - low

    def fits(self, value: float) -> bool:
        low, high = self.range
        return low <= value <= high and (not self.whole or float(value).is_integer())

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        low = self.schema.get("minimum", self.schema.get("exclusiveMinimum", -math.inf))
        high = self.schema.get("maximum", self.schema.get("exclusiveMaximum", math.inf))
        return float(low), float(high)

    @cached_property
    def cues(self) -> re.Pattern[str]:
        """Words that stand beside this number."""
        ages = tuple(hear_lists("age")) if self.is_age else ()
        return any_of((*self.slot.words, " ".join(self.name_words), *ages))

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """What an id looks like."""
        source = self.slot.pattern or (self.schema.get("pattern") if self.kind == "string" else None)
        return re.compile(str(source).removeprefix("^").removesuffix("$"), re.IGNORECASE) if source else None

    @cached_property
    def _spellings(self) -> Mapping[str, Any]:
        """How known values are written -> the value."""
        written: dict[str, Any] = {str(value).replace("_", " "): value for value in self.schema.get("enum", ())}
        return {_squeeze(spelling): value for spelling, value in (written | dict(self.slot.values)).items()}

    @cached_property
    def _spelling(self) -> re.Pattern[str]:
        names = (str(value).replace("_", " ") for value in self.schema.get("enum", ()))
        return any_of((*names, *self.slot.values))

    def read_values(self, text: str) -> Iterator[tuple[Any, re.Match[str]]]:
        """The known values in a normalised text, the longest spelling at each place."""
        for match in self._spelling.finditer(text):
            yield self._spellings[_squeeze(match[0])], match

    def read_slips(self, text: str) -> Iterator[tuple[Any, re.Match[str]]]:
        """The known values that a word of a normalised text is one letter away from: "nisan"."""
        words = list(re.finditer(r"[a-z]{5,}", text))
        for spelling, value in self.slot.values.items():
            near = next((word for word in words if one_slip(word[0], normalise(spelling))), None)
            if near:
                yield value, near

    @cached_property
    def options(self) -> tuple[str, ...]:
        return tuple(str(value).replace("_", " ") for value in self.schema.get("enum", ()))

    @property
    def open(self) -> bool:
        """Whether an answer can be taken as it stands."""
        closed = self.pattern is not None or "enum" in self.schema
        return self.slot.free or (self.kind == "string" and not closed)

    @cached_property
    def lean(self) -> Lean:
        """Whether a date is rather past or to come, by what the argument is said to be."""
        about = f"{self.name.replace('_', ' ')} {self.schema.get('description', '')}"
        past, future = hears("past", about), hears("future", about)
        return None if past == future else "past" if past else "future"

    @cached_property
    def terms(self) -> Terms:
        about = (*self.slot.words, " ".join(self.name_words), str(self.schema.get("description", "")))
        return searchable(" . ".join((*about, *self.slot.ask.values())))

    def asked_in(self, reply: str) -> bool:
        return any(ask.strip() in reply for ask in self.slot.ask.values())

    def read_id(self, text: str) -> Iterator[re.Match[str]]:
        return self.pattern.finditer(text) if self.pattern else iter(())

    def coerce(self, value: Any) -> Any:
        """The value in the schema's type, where it can be."""
        if isinstance(value, float) and self.kind == "number" and value.is_integer():
            return int(value)
        return str(value) if self.kind == "string" and isinstance(value, int | float) else value


class Arguments(Mapping[str, Argument]):
    """All arguments of one tool, in the schema's order."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        properties: Mapping[str, Json] = tool.input_schema.get("properties", {})
        required = set(tool.input_schema.get("required", ()))
        slots = tool.declaration.slots
        self._all = {
            name: Argument(name, _without_null(schema), slots.get(name, _NO_SLOT), name in required)
            for name, schema in properties.items()
        }
        self._validator = Draft202012Validator(tool.input_schema)

    def __getitem__(self, name: str) -> Argument:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @property
    def numbers(self) -> list[Argument]:
        return [argument for argument in self.values() if argument.kind == "number"]

    @property
    def required(self) -> list[Argument]:
        return [argument for argument in self.values() if argument.required]

    def wrong(self, values: Json) -> str | None:
        """The first argument that the schema refuses; None when all of them may be sent."""
        error = next(iter(self._validator.iter_errors(values)), None)  # pyright: ignore[reportUnknownMemberType]
        if error is None:
            return None
        path = [str(part) for part in error.absolute_path]
        return path[0] if path and path[0] in self else ""

    @cached_property
    def terms(self) -> Terms:
        """The words that speak of this tool."""
        said = self.tool.declaration
        texts = [self.tool.name.replace("_", " "), self.tool.description, *said.label.values()]
        texts += [_TEMPLATE.sub(" ", text) for text in (said.say or {}).values()]
        words = searchable(" . ".join(texts))
        return words.union(*(argument.terms for argument in self.values()))

    @cached_property
    def title_terms(self) -> Terms:
        """The words of its name and label alone."""
        return searchable(" . ".join((self.tool.name.replace("_", " "), *self.tool.declaration.label.values())))


def choose_described(among: Iterable[Argument], text: str) -> Argument | None:
    """The argument whose description shares most with a text; None when none shares anything."""
    terms = find_terms(text)
    scores = [(sum(likeness(term, argument.terms) for term in terms), argument) for argument in among]
    best = max(scores, key=lambda pair: pair[0], default=None)
    return best[1] if best and best[0] > 0 else None


def _squeeze(spelling: str) -> str:
    return re.sub(r"[\s-]+", "", normalise(spelling))


def _without_null(schema: Json) -> Json:
    """The schema of the value proper where None is also allowed."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    return {**schema, **choices[0]} if len(choices) == 1 else schema
