"""Cards with a title and a note, and the arrows between them: the pieces of a drawn bundle."""

from dataclasses import dataclass
from typing import Literal, assert_never

from firstline.drawing.lettering import BOLD, wrap
from firstline.drawing.svg import Markup, Plane, Point, group, tip

_PADDING = 12.0
_TITLE, _NOTE = 13.0, 12.0
_TITLE_LINE, _NOTE_LINE = 17.0, 16.0
_TITLE_LINES, _NOTE_LINES = 2, 4


@dataclass(frozen=True)
class Place:
    x: float
    y: float
    width: float
    height: float

    @property
    def end(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def height_of_card(title: str, note: str, width: float) -> float:
    """The least height at which both texts have air around them."""
    titles, notes = _wrap_texts(title, note, width)
    return len(titles) * _TITLE_LINE + len(notes) * _NOTE_LINE + 16


def draw_card(plane: Plane, place: Place, title: str, note: str, *, look: str = "", radius: float = 12) -> Markup:
    """A rounded card, its texts around its middle."""
    titles, notes = _wrap_texts(title, note, place.width)
    top = place.middle - (len(titles) * _TITLE_LINE + len(notes) * _NOTE_LINE) / 2
    marks = [
        plane.box(place.x, place.y, place.width, place.height, f"d-card {look}".strip(), radius=radius),
    ]
    for line in titles:
        marks.append(plane.text(place.x + _PADDING, top + _TITLE_LINE / 2, line, "d-title", size=_TITLE))
        top += _TITLE_LINE
    for line in notes:
        marks.append(plane.text(place.x + _PADDING, top + _NOTE_LINE / 2, line, "d-note", size=_NOTE))
        top += _NOTE_LINE
    return group(tip(f"{title}: {note}"), *marks)


def draw_arrow(plane: Plane, tip_at: Point, towards: Literal["end", "down", "up"]) -> Markup:
    """An arrow's head that ends at `tip_at`."""
    x, y = tip_at
    match towards:
        case "end":
            points = [(x, y), (x - 7, y - 4), (x - 7, y + 4)]
        case "down":
            points = [(x, y), (x - 4, y - 7), (x + 4, y - 7)]
        case "up":
            points = [(x, y), (x - 4, y + 7), (x + 4, y + 7)]
        case _:
            assert_never(towards)
    return plane.line(points, "d-head", closed=True)


def _wrap_texts(title: str, note: str, width: float) -> tuple[list[str], list[str]]:
    room = width - 2 * _PADDING
    return wrap(title, _TITLE * BOLD, room, lines=_TITLE_LINES), wrap(note, _NOTE, room, lines=_NOTE_LINES)
