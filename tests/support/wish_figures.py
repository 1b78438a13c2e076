"""`python -m tests.support.wish_figures`: how many wishes for a person the rules hear, and how many that are none."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from firstline.wishes import wants_human

Texts = Mapping[str, Sequence[str]]
"""By language."""

WISHES = Path(__file__).with_name("wishes.yaml")


def load_wishes() -> Mapping[str, Mapping[str, Texts]]:
    """`seen` and `aside`, each with its `wishes` and what is `negated`."""
    return yaml.safe_load(WISHES.read_text(encoding="utf-8"))


def main() -> None:
    for part, lists in load_wishes().items():
        for kind, texts in lists.items():
            heard = {locale: [text for text in said if wants_human(text)] for locale, said in texts.items()}
            counts = ", ".join(f"{locale} {len(heard[locale])}/{len(said)}" for locale, said in texts.items())
            everywhere = sum(map(len, heard.values())), sum(map(len, texts.values()))
            sys.stdout.write(f"{part}, {kind}: heard {everywhere[0]} of {everywhere[1]} ({counts})\n")
            show_wrong(texts, wanted=kind == "wishes")


def show_wrong(texts: Texts, *, wanted: bool) -> None:
    for locale, said in texts.items():
        for text in said:
            if wants_human(text) is not wanted:
                sys.stdout.write(f"    {locale}  {text}\n")


if __name__ == "__main__":
    main()
