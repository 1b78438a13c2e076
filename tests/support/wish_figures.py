"""`python -m tests.support.wish_figures`: how many wishes for a person the rules hear, and how many that are none."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from firstline.wishes import wants_human

Texts = Mapping[str, Sequence[str]]
"""By language."""

HERE = Path(__file__).parent


def load_wishes() -> Mapping[str, Mapping[str, Texts]]:
    """Wishes, and what is none. By `seen`, `tuned` and `drafted` the rules were mended; `aside` was read by who did
    so, `unseen` was not.
    """
    lists: dict[str, Mapping[str, Texts]] = load("wishes")
    named = {name: load(f"wishes_{name}") for name in ("tuned", "drafted", "unseen")}
    return {**lists, **named}


def load(name: str) -> Any:
    return yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))


def main() -> None:
    for part, lists in load_wishes().items():
        for kind, texts in lists.items():
            heard = {locale: [text for text in said if wants_human(text)] for locale, said in texts.items()}
            counts = ", ".join(f"{locale} {len(heard[locale])}/{len(said)}" for locale, said in texts.items())
            everywhere = sum(map(len, heard.values())), sum(map(len, texts.values()))
            verb = "heard" if kind == "wishes" else "falsely heard"
            sys.stdout.write(f"{part}, {kind}: {verb} {everywhere[0]} of {everywhere[1]} ({counts})\n")
            show_wrong(texts, wanted=kind == "wishes")


def show_wrong(texts: Texts, *, wanted: bool) -> None:
    for locale, said in texts.items():
        for text in said:
            if wants_human(text) is not wanted:
                sys.stdout.write(f"    {locale}  {text}\n")


if __name__ == "__main__":
    main()
