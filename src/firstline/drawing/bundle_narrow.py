"""The narrow picture of a bundle, for phones: one below the other along a rail. Part of `bundle_flow`."""

from dataclasses import replace

from firstline.drawing.cards import Place, draw_arrow, draw_card, height_of_card
from firstline.drawing.chips import draw_chip, place_chips
from firstline.drawing.plan import Group, Row
from firstline.drawing.svg import Markup, Plane, group
from firstline.drawing.words import say
from firstline.types import Locale

NARROW = 300.0
_STEPS = ("message", "screen", "route")
_STEP_GAP, _ROW_GAP, _GROUP_GAP = 24.0, 10.0, 20.0
_RAIL, _CARD_X, _CARD_END, _END_RAIL = 9.0, 26.0, 281.0, 292.0
_PADDING = 12.0


def draw_narrow(plane: Plane, groups: tuple[Group, ...], locale: Locale) -> tuple[list[Markup], float]:
    """The marks, and how high they are."""
    marks, y = _draw_steps(plane, locale)
    top, last = y, y
    y += _GROUP_GAP
    for each in groups:
        drawn, y, last = _draw_group(plane, each, y, last, locale)
        marks += drawn
    rail = plane.line([(_RAIL, top), (_RAIL, last)], "d-line")
    return [rail, *marks], y - _GROUP_GAP


def _draw_steps(plane: Plane, locale: Locale) -> tuple[list[Markup], float]:
    marks: list[Markup] = []
    y = 1.0
    for step in _STEPS:
        title, note = say(step, locale), say(f"{step}_note", locale)
        place = Place(1, y, NARROW - 2, height_of_card(title, note, NARROW - 2))
        radius, look = (18.0, "d-message") if step == "message" else (12.0, "d-step")
        marks.append(draw_card(plane, place, title, note, look=look, radius=radius))
        y = place.bottom + _STEP_GAP
        if step != _STEPS[-1]:
            marks.append(plane.line([(NARROW / 2, place.bottom), (NARROW / 2, y - 1)], "d-line"))
            marks.append(draw_arrow(plane, (NARROW / 2, y - 1), "down"))
    return marks, y - _STEP_GAP


def _draw_group(
    plane: Plane, each: Group, y: float, last: float, locale: Locale
) -> tuple[list[Markup], float, float]:
    """Its marks, where the next group begins, and where the rail was left last."""
    marks: list[Markup] = []
    left: list[float] = []
    for row in each.rows:
        drawn, place = _draw_row(plane, row, y, locale)
        marks.append(drawn)
        left.append(place.middle)
        y = place.bottom + _ROW_GAP
    note = f"{each.note}; {say('any_time', locale)}" if each.outcome == "person" else each.note
    y += _ROW_GAP if each.rows else 0
    width = NARROW - 1 - _CARD_X
    end = Place(_CARD_X, y, width, height_of_card(each.title, note, width))
    marks.append(draw_card(plane, end, each.title, note, look=f"d-{each.outcome}"))
    if left:
        marks.append(plane.line([(_END_RAIL, left[0]), (_END_RAIL, end.y - 1)], "d-line"))
        marks.append(draw_arrow(plane, (_END_RAIL, end.y - 1), "down"))
    return marks, end.bottom + _GROUP_GAP, left[-1] if left else last


def _draw_row(plane: Plane, row: Row, y: float, locale: Locale) -> tuple[Markup, Place]:
    """The card with its chips inside, and the ways from the one rail and to the other."""
    width = _CARD_END - _CARD_X
    head = height_of_card(row.title, row.kind, width)
    chips, chips_height = place_chips(row.means, _CARD_X + _PADDING, 0, width - 2 * _PADDING)
    place = Place(_CARD_X, y, width, head + (chips_height + 8 if chips else 0))
    look = "" if row.certain else "d-dashed"
    line = f"d-line {look}".strip()
    frame = plane.box(place.x, place.y, place.width, place.height, f"d-card {look}".strip(), radius=12)
    marks = group(
        plane.line([(_RAIL, place.middle), (_CARD_X, place.middle)], line),
        plane.line([(_CARD_END, place.middle), (_END_RAIL, place.middle)], line),
        frame,
        draw_card(plane, Place(place.x, y, width, head), row.title, row.kind, look="d-bare"),
        *[draw_chip(plane, replace(chip, y=chip.y + y + head - 2), locale) for chip in chips],
    )
    return marks, place
