"""The marks of tools: a shape and a sign for each effect, so that colour is never alone; and their legend."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from firstline.drawing.lettering import measure
from firstline.drawing.plan import EFFECTS, Means, notes_of
from firstline.drawing.svg import Markup, Plane, Point, group, tip
from firstline.drawing.words import say
from firstline.tools import Effect
from firstline.types import Locale

HEIGHT, TALL = 28.0, 44.0
GAP = 8.0
SIZE = 12.0
_SIGN = 26.0  # from the edge to the label, the sign between
_LOCK = 16.0
_END = 12.0

Sign = Callable[[Plane, float, float], Markup]


@dataclass(frozen=True)
class Chip:
    """A tool at its place: `x`, `y` is the corner."""

    means: Means
    x: float
    y: float
    width: float
    height: float


def place_chips(means: Sequence[Means], x: float, y: float, room: float) -> tuple[list[Chip], float]:
    """The chips in lines from `x`, `y` within `room` pixels, and how high they are together."""
    placed: list[Chip] = []
    left, top, line = 0.0, y, 0.0
    for each in means:
        width, height = min(_width_of(each), room), TALL if each.limit else HEIGHT
        if left and left + width > room:
            left, top, line = 0.0, top + line + GAP, 0.0
        placed.append(Chip(each, x + left, top, width, height))
        left, line = left + width + GAP, max(line, height)
    return placed, top + line - y


def draw_chip(plane: Plane, chip: Chip, locale: Locale) -> Markup:
    """The chip; its tip tells the tool's name and everything that the marks stand for."""
    means, middle = chip.means, chip.y + chip.height / 2
    room = chip.width - _SIGN - _END - (_LOCK if means.needs_sign_in else 0)
    first = middle - 8 if means.limit else middle
    marks = [_draw_shape(plane, chip), _sign_of(means)(plane, chip.x + 15, middle)]
    marks.append(plane.text(chip.x + _SIGN, first, means.label, size=SIZE, room=room))
    if means.limit:
        marks.append(plane.text(chip.x + _SIGN, middle + 8, means.limit, "d-note", size=SIZE, room=room))
    if means.needs_sign_in:
        marks.append(_sign_in(plane, chip.x + chip.width - 14, middle))
    name = f" · {means.name}" if means.name and means.name != means.label else ""
    told = "; ".join([means.label + name, *notes_of(means, locale)])
    return group(tip(told), *marks)


def draw_legend(
    plane: Plane, means: Sequence[Means], locale: Locale, *, x: float, y: float
) -> tuple[list[Markup], float]:
    """What the marks that occur mean, in lines across the plane, and how high it is."""
    entries = [(_SIGNS[effect], say(effect, locale)) for effect in EFFECTS if any(m.effect == effect for m in means)]
    if any(each.needs_sign_in for each in means):
        entries.append((_sign_in, say("sign_in", locale)))
    marks: list[Markup] = []
    left, top = x, y
    for sign, words in entries:
        width = 20 + measure(words, SIZE) + 20
        if left > x and left + width - 20 > plane.width:
            left, top = x, top + 22
        marks += [sign(plane, left + 7, top + 10), plane.text(left + 20, top + 10, words, "d-note", size=SIZE)]
        left += width
    return marks, (top + 20 - y if entries else 0.0)


def _width_of(means: Means) -> float:
    text = max(measure(means.label, SIZE), measure(means.limit, SIZE))
    return _SIGN + text + (_LOCK if means.needs_sign_in else 0) + _END


def _draw_shape(plane: Plane, chip: Chip) -> Markup:
    x, y, width, height = chip.x, chip.y, chip.width, chip.height
    match chip.means.effect:
        case "read":
            return plane.box(x, y, width, height, "d-chip", radius=height / 2)
        case "write":
            edge = plane.box(x, y, 4, height, "d-edge")
            return group(plane.box(x, y, width, height, "d-chip"), edge)
        case "money":
            cut = height / 4
            points: list[Point] = [
                (x + cut, y), (x + width - cut, y), (x + width, y + height / 2), (x + width - cut, y + height),
                (x + cut, y + height), (x, y + height / 2),
            ]  # fmt: skip
            return plane.line(points, "d-chip d-strong", closed=True)
        case None:
            return plane.box(x, y, width, height, "d-chip d-dashed", radius=4)


def _read(plane: Plane, x: float, y: float) -> Markup:
    glass = plane.dot(x - 1.5, y - 1.5, 4, "d-sign")
    return group(glass, plane.line([(x + 1.5, y + 1.5), (x + 5, y + 5)], "d-sign"))


def _write(plane: Plane, x: float, y: float) -> Markup:
    points = [(x - 5, y + 5), (x - 4, y + 1.5), (x + 2.5, y - 5), (x + 5, y - 2.5), (x - 1.5, y + 4)]
    return plane.line(points, "d-sign", closed=True)


def _money(plane: Plane, x: float, y: float) -> Markup:
    return group(plane.dot(x, y, 5.5, "d-sign"), plane.dot(x, y, 2.2, "d-dot"))


def _sign_in(plane: Plane, x: float, y: float) -> Markup:
    bow = [(x - 2.5, y - 1), (x - 2.5, y - 3.5), (x - 1, y - 5), (x + 1, y - 5), (x + 2.5, y - 3.5), (x + 2.5, y - 1)]
    return group(plane.line(bow, "d-sign"), plane.box(x - 4, y - 1, 8, 6, "d-dot", radius=1.5))


def _page(plane: Plane, x: float, y: float) -> Markup:
    lines = [plane.line([(x - 2, y + step), (x + 2, y + step)], "d-sign") for step in (-2, 1)]
    return group(plane.box(x - 4.5, y - 5.5, 9, 11, "d-sign", radius=1), *lines)


_SIGNS: Mapping[Effect, Sign] = {"read": _read, "write": _write, "money": _money}


def _sign_of(means: Means) -> Sign:
    return _SIGNS[means.effect] if means.effect else _page
