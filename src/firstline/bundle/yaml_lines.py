"""YAML as operators mean it, with the line of every value; hostile or doubtful YAML is refused.

The rules are those of YAML 1.2 where 1.1 surprises: `yes`, `no`, `on`, `off` and `12:30` are text. Refused:
tags (`!!python/…`), keys given twice, aliases that unfold without end, `.inf`, `.nan`.
"""

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from yaml.constructor import SafeConstructor

from firstline.errors import ConfigError, Problem

MOST_VALUES = 50_000
MOST_LEVELS = 20

Key = str | int
Place = tuple[Key, ...]
"""Where a value stands: keys and list positions from the top, such as `("starters", 0, "text")`."""


@dataclass(frozen=True)
class Document:
    """What a YAML text says: JSON values (dates in ISO form), and the line of each, 1-based in its file."""

    path: Path
    value: Any
    lines: Mapping[Place, int]

    def line(self, place: tuple[Any, ...]) -> int:
        """The line of the value at `place`, or of the nearest value around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def load_yaml(text: str, *, path: Path, first_line: int = 1) -> Document:
    """The document in `text`, which begins on `first_line` of `path`.

    Raises: ConfigError at its first mistake.
    """
    try:
        root = cast("yaml.Node | None", yaml.compose(text, Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (mark.line if mark else 0)
        raise ConfigError(_explain(error, path=path, line=line)) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(
            Problem(f"not YAML: {str(error).splitlines()[0]}", "remove what is not plain text", path, first_line)
        ) from None
    except RecursionError:
        raise ConfigError(
            Problem("nested too deeply", f"use at most {MOST_LEVELS} levels", path, first_line)
        ) from None
    reader = _Reader(path, first_line)
    value = None if root is None else reader.read(root, ())
    return Document(path, value, reader.lines)


def _explain(error: yaml.MarkedYAMLError, *, path: Path, line: int) -> Problem:
    said = error.problem or "cannot be read"
    if "\\t" in said:
        return Problem("a tab stands where YAML wants spaces", "indent with spaces, never with tabs", path, line)
    if "alias" in said:
        return Problem(f"not YAML: {said}", "write the text in quotes if it begins with * or &", path, line)
    remedy = "mend this line or the one above it; text with : # ? , or quotes in it goes into double quotes"
    return Problem(f"not YAML: {said}", remedy, path, line)


class _Reader:
    """Turns nodes into values, counting: an alias costs as much as what it stands for."""

    def __init__(self, path: Path, first_line: int) -> None:
        self.lines: dict[Place, int] = {}
        self._path = path
        self._first_line = first_line
        self._left = MOST_VALUES
        self._scalars = SafeConstructor()

    def read(self, node: yaml.Node, place: Place) -> Any:
        self._left -= 1
        if self._left < 0 or len(place) > MOST_LEVELS:
            remedy = f"use fewer aliases (*name): at most {MOST_VALUES} values, {MOST_LEVELS} levels deep"
            raise self._refuse(node, "too large once its aliases are unfolded", remedy)
        self.lines.setdefault(place, self._line(node))
        if isinstance(node, yaml.MappingNode):
            self._refuse_tag(node, "tag:yaml.org,2002:map")
            return self._read_mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            self._refuse_tag(node, "tag:yaml.org,2002:seq")
            return [self.read(child, (*place, index)) for index, child in enumerate(node.value)]
        return self._read_scalar(node)

    def _read_mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "<<":
                raise self._refuse(key_node, "a key that is not plain text", "write each key as a plain word")
            key = str(key_node.value)
            if key in values:
                first = self.lines[(*place, key)]
                raise self._refuse(key_node, f"`{key}` stands here twice (first on line {first})", "keep one of them")
            self.lines[(*place, key)] = self._line(key_node)
            values[key] = self.read(value_node, (*place, key))
        return values

    def _read_scalar(self, node: yaml.Node) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        text = str(node.value)
        plain = kind in ("int", "float") and ":" in text
        if kind == "str" or plain or (kind == "bool" and text.lower() not in ("true", "false")):
            return text
        if kind not in ("bool", "int", "float", "null", "timestamp"):
            self._refuse_tag(node, "tag:yaml.org,2002:str")
        try:
            value = cast("Any", self._scalars.construct_object(node))  # pyright: ignore[reportUnknownMemberType]
        except (ValueError, yaml.YAMLError):
            raise self._refuse(
                node, f"`{text[:40]}` is no {kind}", "correct it, or put it in quotes if it is text"
            ) from None
        if isinstance(value, float) and not math.isfinite(value):
            raise self._refuse(node, f"`{text[:40]}` is no number to count with", "write a finite number")
        return value.isoformat() if isinstance(value, datetime.date) else value

    def _refuse_tag(self, node: yaml.Node, wanted: str) -> None:
        if node.tag != wanted:
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            raise self._refuse(
                node, f"the tag {tag[:60]} is not allowed", "write plain text, lists and mappings only"
            )

    def _line(self, node: yaml.Node) -> int:
        return self._first_line + node.start_mark.line

    def _refuse(self, node: yaml.Node, what: str, remedy: str) -> ConfigError:
        return ConfigError(Problem(what, remedy, self._path, self._line(node)))
