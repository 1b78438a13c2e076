"""The wide picture of a bundle: steps, playbooks, tools and ends side by side. Part of `bundle_flow`."""

from dataclasses import dataclass, replace
from itertools import pairwise

from firstline.drawing.cards import Place, draw_arrow, draw_card, height_of_card
from firstline.drawing.chips import Chip, draw_chip, place_chips
from firstline.drawing.plan import Group, Row
from firstline.drawing.svg import Markup, Plane
from firstline.drawing.words import say
from firstline.types import Locale

WIDE = 1040.0
_STEPS = ("message", "screen", "route")
_STEP_WIDTH, _STEP_GAP = 172.0, 30.0
_CARD_X, _CARD_WIDTH = 222.0, 198.0
_CHIPS_X, _CHIPS_ROOM = 438.0, 416.0
_END_X, _END_WIDTH = 884.0, 155.0
_ROW_GAP, _GROUP_GAP = 14.0, 16.0


@dataclass(frozen=True)
class _Lane:
    """A row of the plan at its place: the playbook's card and its chips."""

    row: Row
    card: Place
    chips: tuple[Chip, ...]
    bottom: float


def draw_wide(plane: Plane, groups: tuple[Group, ...], locale: Locale) -> tuple[list[Markup], float]:
    """The marks, and how high they are."""
    lanes: list[_Lane] = []
    ends: list[Markup] = []
    y, end = 1.0, Place(0, 0, 0, 0)
    for group in groups:
        placed = _place_lanes(group.rows, y)
        least = height_of_card(group.title, group.note, _END_WIDTH)
        end = Place(_END_X, y, _END_WIDTH, max(placed[-1].bottom - y if placed else 0, least))
        ends.append(draw_card(plane, end, group.title, group.note, look=f"d-{group.outcome}"))
        y = end.bottom + _GROUP_GAP
        lanes += placed
    steps = _place_steps(locale, end.bottom)
    bottom = max(end.bottom, steps[-1].bottom)
    marks = [
        *_fan_out(plane, steps[-1], lanes),
        *[mark for lane in lanes for mark in _draw_lane(plane, lane, locale)],
        *_draw_steps(plane, steps, locale),
        *ends,
        *_draw_any_time(plane, steps[-1], end, bottom, locale),
    ]
    return marks, bottom + 32


def _place_lanes(rows: tuple[Row, ...], y: float) -> list[_Lane]:
    placed: list[_Lane] = []
    for row in rows:
        chips, chips_height = place_chips(row.means, _CHIPS_X, y, _CHIPS_ROOM)
        card_height = height_of_card(row.title, row.kind, _CARD_WIDTH)
        height = max(card_height, chips_height)
        lower = (height - chips_height) / 2
        card = Place(_CARD_X, y + (height - card_height) / 2, _CARD_WIDTH, card_height)
        moved = tuple(replace(chip, y=chip.y + lower) for chip in chips)
        placed.append(_Lane(row, card, moved, y + height))
        y += height + _ROW_GAP
    return placed


def _draw_lane(plane: Plane, lane: _Lane, locale: Locale) -> list[Markup]:
    """The card, its chips, and behind them the way to the end."""
    y = lane.card.middle
    look = "" if lane.row.certain else "d-dashed"
    return [
        plane.line([(lane.card.end, y), (_END_X - 1, y)], f"d-line {look}".strip()),
        draw_arrow(plane, (_END_X - 1, y), "end"),
        draw_card(plane, lane.card, lane.row.title, lane.row.kind, look=look),
        *[draw_chip(plane, chip, locale) for chip in lane.chips],
    ]


def _place_steps(locale: Locale, bottom: float) -> list[Place]:
    """One above the other; the last, from which the ways part, as near to the middle as there is room."""
    heights = [height_of_card(say(step, locale), say(f"{step}_note", locale), _STEP_WIDTH) for step in _STEPS]
    above = sum(heights[:-1]) + 2 * _STEP_GAP
    y = max(1.0, (bottom - heights[-1]) / 2 - above)
    places: list[Place] = []
    for height in heights:
        places.append(Place(1, y, _STEP_WIDTH, height))
        y += height + _STEP_GAP
    return places


def _draw_steps(plane: Plane, places: list[Place], locale: Locale) -> list[Markup]:
    marks: list[Markup] = []
    for above, below in pairwise(places):
        x = above.x + above.width / 2
        marks.append(plane.line([(x, above.bottom), (x, below.y - 1)], "d-line"))
        marks.append(draw_arrow(plane, (x, below.y - 1), "down"))
    for step, place in zip(_STEPS, places, strict=True):
        radius, look = (place.height / 2, "d-message") if step == "message" else (12.0, "d-step")
        title, note = say(step, locale), say(f"{step}_note", locale)
        marks.append(draw_card(plane, place, title, note, look=look, radius=min(radius, 20)))
    return marks


def _fan_out(plane: Plane, step: Place, lanes: list[_Lane]) -> list[Markup]:
    return [
        plane.curve(
            (step.end, step.middle),
            (lane.card.x, lane.card.middle),
            "d-line" if lane.row.certain else "d-line d-dashed",
        )
        for lane in lanes
    ]


def _draw_any_time(plane: Plane, step: Place, end: Place, bottom: float, locale: Locale) -> list[Markup]:
    """From the choice of a playbook below everything to the person."""
    low = bottom + 20
    x, to = step.x + step.width / 2, end.x + end.width / 2
    way = [(x, step.bottom), (x, low), (to, low), (to, end.bottom + 1)]
    words = say("any_time", locale)
    return [
        plane.line(way, "d-line d-dashed"),
        draw_arrow(plane, (to, end.bottom + 1), "up"),
        plane.text(_CARD_X, low + 14, words, "d-note", size=12, room=_END_X - _CARD_X),
    ]
