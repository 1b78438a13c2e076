"""The product's own words in the customer's language: `phrases/<set>.<locale>.yaml`, English where one is missing.

`lines` are what the engine says and shows; `ui` are the words on the customer's pages, `desk` and `report` those of
the people who work here.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml

from firstline.types import Locale

Set = Literal["lines", "ui", "desk", "report"]


@cache
def load_phrases(which: Set, locale: Locale) -> Mapping[str, str]:
    """All phrases of a set in `locale`, completed with the English ones."""
    english = _read(which, "en")
    return english if locale == "en" else {**english, **_read(which, locale.split("-")[0])}


def phrase(key: str, locale: Locale, **values: object) -> str:
    """One line of the engine's. Raises KeyError for a key that is not in the English file: a mistake of ours."""
    return load_phrases("lines", locale)[key].format(**values)


def _read(which: Set, locale: Locale) -> Mapping[str, str]:
    resource = files("firstline") / "phrases" / f"{which}.{locale}.yaml"
    if not locale.isalpha() or not resource.is_file():
        return {}
    loaded: dict[str, str] = yaml.safe_load(resource.read_text(encoding="utf-8"))
    return loaded
