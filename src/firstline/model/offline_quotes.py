"""Answering from passages: which sentences, list items and table rows to quote for a question.

Every piece that is shown stands in a passage, is cited, and keeps its order. Nothing fits: nothing is quoted.
Pure; imported by `firstline.model.offline*` only.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from firstline.model.offline_dialogue import Found, Source
from firstline.model.offline_words import (
    Rarity,
    Terms,
    asks,
    coverage,
    find_terms,
    has_han,
    heard,
    hears,
    normalise,
    overlap,
    searchable_loosely,
    split_sentences,
)

ENOUGH = 0.45
"""A passage that holds less than this share of what was asked is no answer to it."""

BOTH = 0.8
"""A second passage adds to a short answer only when it holds at least this share of what was asked."""

MOST_PIECES = 4
MOST_ITEMS = 6
CONTEXT_WEIGHT = 0.35

_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,2}[.)])\s+")
_MARKER = re.compile(r"^\s*(?:[-*+]|\d{1,2}[.)])$")
_RULE = re.compile(r"^\s*\|?(?:\s*:?-{2,}:?\s*\|?)+\s*$")
_SHORT_CHARS = 12

Weights = Mapping[str, float]


@dataclass(frozen=True)
class Piece:
    """Something that can be quoted by itself. `text` is as it will be shown.

    more: a further sentence of the list item before. bullet: stands before an item or a row.
    """

    text: str
    source: Source
    kind: Literal["sentence", "item", "row", "more"]
    place: int
    section: str = ""
    bullet: str = ""

    @property
    def announces(self) -> bool:
        return self.text.endswith((":", "："))


@dataclass(frozen=True)
class Question:
    """What is asked: its own words, and words of the context that only help to choose."""

    text: str
    own: Weights
    context: Weights

    @property
    def all(self) -> dict[str, float]:
        return {**self.context, **self.own}


def split_questions(text: str, rarity: Rarity, *, before: str = "") -> list[Question]:
    """The questions in a message, at most three; what is told beside them, and said before, is context.

    A follow-up without words of its own ("and how long?") asks about what was said before.
    """
    parts = split_sentences(text)
    speaking = [part for part in parts if find_terms(part)]
    asking = [part for part in speaking if asks(part)] or speaking or parts[:1]
    told = " ".join(part for part in speaking if part not in asking)
    questions: list[Question] = []
    for place, part in enumerate(asking[:3]):
        own = rarity.weigh(find_terms(part))
        follows = len(own) < 3 or heard("follow").match(normalise(part).strip()) is not None
        context = " ".join((told, before if follows else "", *asking[:place]))
        questions.append(Question(part, own or rarity.weigh(find_terms(before)), _weigh_context(context, rarity)))
    return [question for question in questions if question.own]


def _weigh_context(text: str, rarity: Rarity) -> Weights:
    return rarity.weigh(find_terms(text), by=CONTEXT_WEIGHT)


def fit(question: Question, passages: Sequence[Found]) -> float:
    """How well the best passage fits, 0 to 1."""
    return max((_share(question, passage) for passage in passages), default=0.0)


def choose_quotes(
    questions: Sequence[Question], passages: Sequence[Found], *, enough: float = ENOUGH
) -> list[list[Piece]]:
    """What to quote, a list for each question that is answered; a piece is never quoted twice.

    enough: the least share of a question, 0 to 1, that a passage must hold.
    """
    answers: list[list[Piece]] = []
    shown: set[str] = set()
    for question in questions:
        fitting = [passage for passage in passages if _share(question, passage) >= enough]
        if not fitting:
            continue
        fitting.sort(key=lambda passage: -_rank(question, passage, passages.index(passage)))
        pieces = [piece for piece in _choose_pieces(question, fitting[0]) if piece.text not in shown]
        if len(pieces) <= 2 and len(fitting) > 1 and not _is_opening(fitting[0]):
            pieces += [piece for piece in _add_from(question, fitting[1]) if piece.text not in shown]
        shown.update(piece.text for piece in pieces)
        if pieces:
            answers.append(pieces[: MOST_ITEMS + MOST_PIECES])
    return answers


def _share(question: Question, passage: Found) -> float:
    """Of the question's own words; the context chooses between passages, but answers nothing."""
    return coverage(question.own, _words(passage))


def _rank(question: Question, passage: Found, place: int) -> float:
    title = coverage(question.all, searchable_loosely(passage.title))
    share = coverage(question.all, _words(passage))
    opening = 0.45 if max(title * 1.6, share) >= 0.8 and _is_opening(passage) else 0.0
    excludes = hears("negative", section_of(passage)) and not hears("negative", question.text)
    return share + 0.5 * title + opening + 0.3 / (place + 1) - 0.4 * excludes


def section_of(passage: Found) -> str:
    """The heading under which the passage stands, or the page's title."""
    return passage.title.rpartition(" — ")[2]


def _add_from(question: Question, passage: Found) -> list[Piece]:
    """Two sentences more for a short answer, from a passage that holds what was asked; no list without its head."""
    titled = coverage(question.all, searchable_loosely(passage.title)) >= 0.5
    pieces = _choose_pieces(question, passage)[:2] if titled and _share(question, passage) >= BOTH else []
    return pieces if all(piece.kind == "sentence" for piece in pieces) else []


def _is_opening(passage: Found) -> bool:
    """The beginning of a page: it answers the page's title. Its address has no fragment."""
    return bool(passage.sources) and "#" not in passage.sources[0].citation.url


def _words(passage: Found) -> Terms:
    return searchable_loosely(f"{passage.title} . {passage.text} . {passage.tags}")


def _choose_pieces(question: Question, passage: Found) -> list[Piece]:
    """Two to four sentences or a short list: the direct answer, and what fits best, in the passage's order."""
    pieces = read_pieces(passage)
    titled = coverage(question.all, searchable_loosely(section_of(passage))) >= 0.4
    listed = [piece for piece in pieces if piece.kind != "sentence"]
    if titled and len(listed) * 2 > len(pieces):
        return pieces if len(pieces) <= MOST_ITEMS + 1 else _best(question, listed, most=MOST_ITEMS)
    chosen = _best(question, pieces, most=3)
    if titled or _is_opening(passage):
        chosen = [*pieces[:2], *chosen]
    places = _completed({piece.place for piece in chosen[:MOST_PIECES]}, pieces)
    return [piece for piece in pieces if piece.place in places]


def _best(question: Question, pieces: Sequence[Piece], *, most: int) -> list[Piece]:
    weights = question.all
    scores = {piece.place: overlap(weights, searchable_loosely(piece.text)) for piece in pieces}
    top = max(scores.values(), default=0.0)
    if top == 0:
        return list(pieces[:2])
    good = [piece for piece in pieces if scores[piece.place] >= 0.6 * top]
    good = sorted(good, key=lambda piece: (-scores[piece.place], piece.place))[:most]
    return sorted(good, key=lambda piece: piece.place)


def _completed(places: set[int], pieces: Sequence[Piece]) -> set[int]:
    """With what belongs to it: all steps of a sequence, the list after a sentence that announces it, the rest of
    an item, and one sentence more where it would be alone.
    """
    whole = set(places)
    steps = [piece.place for piece in pieces if piece.bullet[:1].isdigit()]
    if whole & set(steps):
        whole |= set(steps[:MOST_ITEMS])
    for piece in pieces:
        items = _items_after(piece, pieces)
        if piece.announces and items and (piece.place in whole or whole & set(items)):
            whole |= {piece.place, *items[:MOST_ITEMS]}
        elif piece.announces and not items:
            whole.discard(piece.place)
        elif piece.kind == "more" and piece.place - 1 in whole:
            whole.add(piece.place)
    if len(whole) == 1 and (last := max(whole) + 1) < len(pieces) and pieces[last].kind == "sentence":
        whole.add(last)
    return whole


def _items_after(announcing: Piece, pieces: Sequence[Piece]) -> list[int]:
    items: list[int] = []
    for piece in pieces[announcing.place + 1 :]:
        if piece.kind == "sentence":
            break
        items.append(piece.place)
    return items


# Reading a passage ------------------------------------------------------------------------------------------------


def read_pieces(passage: Found) -> list[Piece]:
    """The passage's sentences, list items and table rows, each with the block that holds it."""
    pieces: list[Piece] = []
    header: list[str] | None = None
    marker = ""
    for line, source in _lines(passage):
        if _RULE.match(line) or line.lstrip().startswith("#"):
            continue
        if line.lstrip().startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if header is None:
                header = cells
            else:
                pieces.append(Piece(_tell_row(cells, header), source, "row", len(pieces), bullet="- "))
            continue
        header = None
        if _MARKER.match(line):
            marker = line.strip() + " "
            continue
        if not _only_points(line):
            pieces.append(_read_line(marker + line.strip(), source, len(pieces)))
        marker = ""
    section = section_of(passage)
    whole = _mark_more(list(_join_short(pieces)))
    return [replace(piece, place=place, section=section) for place, piece in enumerate(whole)]


def _mark_more(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Sentences between two items of a list belong to the first of them."""
    for place, piece in enumerate(pieces):
        before = next((one for one in reversed(pieces[:place]) if one.kind != "sentence"), None)
        after = next((one for one in pieces[place + 1 :] if one.kind != "sentence"), None)
        inside = before and after and before.kind == after.kind == "item" and not piece.announces
        between = piece.kind == "sentence" and inside and _same_list(before, after)
        yield replace(piece, kind="more") if between else piece


def _same_list(first: Piece | None, second: Piece | None) -> bool:
    return first is not None and second is not None and first.bullet[:1].isdigit() == second.bullet[:1].isdigit()


def _lines(passage: Found) -> Iterator[tuple[str, Source]]:
    for source in passage.sources:
        for line in source.citation.quote.splitlines():
            if line.strip():
                yield line, source


def _only_points(line: str) -> bool:
    """Whether a line says little more than where to read on."""
    return 2 * sum(len(link) for link in _LINK.findall(line)) > len(_LINK.sub(r"\1", line))


def _read_line(line: str, source: Source, place: int) -> Piece:
    item = _ITEM.match(line)
    text = _LINK.sub(r"\1", line[item.end() :] if item else line).strip()
    bullet = f"{item[0].strip()} " if item else ""
    return Piece(text, source, "item" if item else "sentence", place, bullet=bullet.replace("* ", "- "))


def _tell_row(cells: Sequence[str], header: Sequence[str]) -> str:
    """A table row in words: its first cell, then each other one with its column's name."""
    plain = [_LINK.sub(r"\1", cell) for cell in cells]
    colon, joint = ("：", "；") if has_han("".join(plain)) else (": ", "; ")
    named = [
        f"{name}{colon}{cell}" if len(plain) > 2 and name else cell
        for name, cell in zip(header[1:], plain[1:], strict=False)
        if cell
    ]
    return f"**{plain[0].strip('*')}**{colon}{joint.join(named)}"


def _join_short(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """ "No." is no sentence to stand alone: it goes together with the next one, which is what is cited."""
    short: Piece | None = None
    for piece in pieces:
        if piece.kind == "sentence" and len(piece.text) <= _SHORT_CHARS and not piece.announces and short is None:
            short = piece
            continue
        gap = "" if has_han(piece.text) else " "
        joined = replace(piece, text=f"{short.text}{gap}{piece.text}") if short else piece
        yield joined
        short = None
    if short:
        yield short
