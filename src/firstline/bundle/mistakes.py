"""Turning YAML into values, and pydantic's errors into problems with a line and a remedy."""

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from firstline.bundle.yaml_lines import Document
from firstline.errors import ConfigError, Problem
from firstline.types import Locale

Shape = TypeVar("Shape", bound=BaseModel)
_QUOTED = re.compile(r"'([^']+)'")
_KINDS = {
    "string": "text",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "date": "a date",
}


def read_shape(
    document: Document, shape: type[Shape], *, locales: tuple[Locale, ...] = (), strict: bool = True
) -> Shape:
    """The document's value as a `shape`. Raises ConfigError with a problem for each mistake."""
    try:
        return shape.model_validate_json(json.dumps(document.value), strict=strict, context={"locales": locales})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise ConfigError(*(_explain(each, document, shape) for each in found)) from None


def suggest(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """A remedy: the known word that was probably meant, else all of them."""
    words = list(dict.fromkeys(known))
    if near := get_close_matches(word, words, n=1, cutoff=0.5):
        return f"did you mean `{near[0]}`?"
    return otherwise or (f"use one of: {', '.join(words)}" if words else "remove it")


def _explain(error: ErrorDetails, document: Document, shape: type[BaseModel]) -> Problem:
    place = error["loc"]
    context: Mapping[str, Any] = error.get("ctx", {})
    name = _spell(place)
    kind = error["type"]
    if kind == "mistake":
        what, remedy = f"{name}{context['what']}", str(context["remedy"])
    elif kind == "missing":
        what, remedy = (
            f"`{place[-1]}` is missing{_inside(place[:-1])}",
            f"add `{place[-1]}:` (docs/bundle.md says what it is)",
        )
    elif kind == "extra_forbidden":
        what = f"there is no key `{place[-1]}`{_inside(place[:-1])}"
        remedy = suggest(str(place[-1]), _fields_at(shape, place[:-1]))
    elif kind == "literal_error":
        wanted = _QUOTED.findall(str(context["expected"]))
        written = _value_at(document.value, place)
        what, remedy = f"{name}`{written}` is not known", suggest(str(written), wanted)
    elif kind == "string_type":
        what, remedy = f"{name}text is wanted here", "put it in quotes"
    elif kind == "string_pattern_mismatch":
        what = f"{name}`{_value_at(document.value, place)}` does not have the form {context['pattern']}"
        remedy = "correct it"
    elif kind.removesuffix("_type") in _KINDS:
        what, remedy = (
            f"{name}{_KINDS[kind.removesuffix('_type')]} is wanted here",
            "correct it, without quotes",
        )
    else:
        what, remedy = f"{name}{error['msg'][:1].lower()}{error['msg'][1:]}", "correct it"
    return Problem(what, remedy, document.path, document.line(place))


def _spell(place: tuple[int | str, ...]) -> str:
    return "" if not place else "`" + ".".join(str(part) for part in place if part != "[key]") + "`: "


def _inside(place: tuple[int | str, ...]) -> str:
    return "" if not place else f" in `{'.'.join(str(part) for part in place)}`"


def _value_at(value: Any, place: tuple[int | str, ...]) -> Any:
    for part in place:
        if part == "[key]":
            return place[-2]
        value = value[part]
    return value


def _fields_at(shape: Any, place: tuple[int | str, ...]) -> list[str]:
    """The keys that may stand at `place` of a shape."""
    for part in place:
        if isinstance(shape, type) and issubclass(shape, BaseModel) and part in shape.model_fields:
            shape = shape.model_fields[str(part)].annotation
        else:
            inner = [each for each in get_args(shape) if isinstance(each, type) and issubclass(each, BaseModel)]
            shape = inner[0] if inner else None
    return list(shape.model_fields) if isinstance(shape, type) and issubclass(shape, BaseModel) else []
