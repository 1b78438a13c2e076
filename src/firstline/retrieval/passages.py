"""Articles cut into passages: pieces that can be found, quoted and linked one by one. Pure.

A passage is one `## ` section; a long one is cut between paragraphs, a very short one joins its neighbour.
The help page gives its headings the ids of `anchor_of`, so that a citation opens at the right place.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from firstline.bundle import Article
from firstline.types import Passage

MAXIMUM = 1200
"""Longest text of a passage, in columns: a Chinese character is as wide, and says as much, as two
letters.
"""

SHORT = 80
"""A section below this many columns does not stand alone."""

_FENCE = re.compile(r"^\s*(?:```|~~~)")
_HEADING = re.compile(r"^##\s+(.+?)\s*#*\s*$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_SENTENCE = re.compile(r"(?<=[.!?]\s)|(?<=[。！？])")


@dataclass(frozen=True)
class _Section:
    heading: str | None
    text: str


def build_passages(articles: Iterable[Article]) -> tuple[Passage, ...]:
    """All passages in the order of the articles; ids such as `en/ev/battery#2` count from 1."""
    return tuple(passage for article in articles for passage in _cut_article(article))


def collect_tags(articles: Iterable[Article]) -> dict[str, tuple[str, ...]]:
    """The tags of each page that has some, by the part of its passages' ids before the `#`."""
    return {f"{article.locale}/{article.slug}": article.tags for article in articles if article.tags}


def anchor_of(heading: str) -> str:
    """The id of a heading on the help page: its words, lower case, hyphens between; letters of any
    script.
    """
    plain = unicodedata.normalize("NFC", _LINK.sub(r"\1", heading)).casefold()
    return "-".join(re.findall(r"[^\W_]+", plain)) or "section"


def _cut_article(article: Article) -> Iterator[Passage]:
    sections = _join_short(_split_sections(article.body))
    pieces = ((section.heading, piece) for section in sections for piece in _cut_text(section.text))
    for number, (heading, text) in enumerate(pieces, start=1):
        shown = "" if heading is None else _LINK.sub(r"\1", heading)
        yield Passage(
            passage_id=f"{article.locale}/{article.slug}#{number}",
            title=f"{article.title} — {shown}" if shown else article.title,
            url=f"{article.url}#{anchor_of(shown)}" if shown else article.url,
            text=text,
        )


def _split_sections(body: str) -> Iterator[_Section]:
    """The text before the first heading, then each section; empty ones are left out."""
    heading: str | None = None
    lines: list[str] = []
    fenced = False
    for line in [*body.splitlines(), "## end"]:
        fenced ^= _FENCE.match(line) is not None
        found = None if fenced else _HEADING.match(line)
        if not found:
            lines.append(line)
            continue
        if text := "\n".join(lines).strip():
            yield _Section(heading, text)
        heading, lines = found[1], []


def _join_short(sections: Iterable[_Section]) -> list[_Section]:
    """A short opening goes into the first section, a short section into the one before it."""
    joined: list[_Section] = []
    for section in sections:
        last = joined[-1] if joined else None
        if last is None or _width(last.text) + _width(section.text) > MAXIMUM:
            joined.append(section)
        elif last.heading is None and _width(last.text) < SHORT:
            joined[-1] = _Section(section.heading, f"{last.text}\n\n{section.text}")
        elif _width(section.text) < SHORT:
            joined[-1] = _Section(last.heading, f"{last.text}\n\n### {section.heading}\n\n{section.text}")
        else:
            joined.append(section)
    return joined


def _cut_text(text: str) -> Iterator[str]:
    """Pieces of at most `MAXIMUM` columns, cut between paragraphs; tables and lists stay whole."""
    if _width(text) <= MAXIMUM:
        yield text
        return
    blocks = [piece for block in re.split(r"\n\s*\n", text) for piece in _cut_block(block)]
    yield from _pack(blocks, "\n\n")


def _cut_block(block: str) -> Iterator[str]:
    """A paragraph that fits as it is; a longer one by lines, every piece of a table with its head."""
    if _width(block) <= MAXIMUM:
        yield block
        return
    lines = block.splitlines()
    is_table = len(lines) > 2 and lines[0].lstrip().startswith("|")
    head = "\n".join(lines[:2]) + "\n" if is_table else ""
    rows = [piece for line in lines[2 if is_table else 0 :] for piece in _cut_line(line)]
    for piece in _pack(rows, "\n", reserved=_width(head)):
        yield head + piece


def _cut_line(line: str) -> Iterator[str]:
    """A line that fits as it is; a longer one by sentences, and a sentence that is too long by force."""
    if _width(line) <= MAXIMUM:
        yield line
        return
    half = MAXIMUM // 2
    for sentence in _pack(_SENTENCE.split(line), ""):
        if _width(sentence) <= MAXIMUM:
            yield sentence
        else:
            yield from (sentence[start : start + half] for start in range(0, len(sentence), half))


def _pack(pieces: Sequence[str], between: str, *, reserved: int = 0) -> Iterator[str]:
    """Neighbours joined as long as they fit."""
    packed = ""
    for piece in pieces:
        longer = f"{packed}{between}{piece}" if packed else piece
        if packed and _width(longer) + reserved > MAXIMUM:
            yield packed
            packed = piece
        else:
            packed = longer
    if packed:
        yield packed


def _width(text: str) -> int:
    return len(text) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
