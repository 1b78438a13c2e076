"""The ladder of deflection: of all conversations those without a person, of these the resolved, the confirmed."""

from dataclasses import dataclass

from firstline.drawing.svg import Markup, Plane, finish, group, tip
from firstline.drawing.words import say
from firstline.types import Locale

_RUNG, _BAR = 44.0, 12.0


@dataclass(frozen=True)
class Ladder:
    """Numbers of conversations that have ended.

    contained: without a person, and not in the middle. assumed_resolved: of these, not soon back. confirmed: of
    the contained, the customer said so. abandoned: without a person, but left in the middle; not contained.
    Raises: ValueError when one is more than what it is a part of.
    """

    total: int
    contained: int
    assumed_resolved: int
    confirmed: int
    abandoned: int

    def __post_init__(self) -> None:
        parts = (self.contained, self.abandoned, self.assumed_resolved, self.confirmed)
        within = max(self.assumed_resolved, self.confirmed) <= self.contained <= self.total - self.abandoned
        if min(parts) < 0 or not within:
            raise ValueError("a rung is wider than what it is a part of")


def draw_ladder(
    ladder: Ladder, *, label: str, width: float = 300, locale: Locale = "en", mirrored: bool = False
) -> str:
    """Bars below each other, each within the one that it is a part of; the abandoned hatched
    behind the contained, of which they are no part. A tick on each bar's ground shows where the contained end."""
    plane = Plane(width, mirrored=mirrored)
    scale = width / ladder.total if ladder.total else 0.0
    edge = ladder.contained * scale
    rungs = [
        ("all", ladder.total, 0.0, "d-all"),
        ("contained", ladder.contained, 0.0, "d-rung-contained"),
        ("assumed_resolved", ladder.assumed_resolved, 0.0, "d-rung-resolved"),
        ("confirmed", ladder.confirmed, 0.0, "d-rung-confirmed"),
        ("abandoned", ladder.abandoned, edge, "d-rung-abandoned"),
    ]
    marks: list[Markup] = []
    told: list[str] = []
    for number, (key, count, start, look) in enumerate(rungs):
        name, figure = say(key, locale), _write_count(count, ladder.total if number else 0)
        y = number * _RUNG
        bar = plane.box(start, y + 20, count * scale, _BAR, look)
        marks.append(
            group(
                tip(f"{name}: {figure}"),
                plane.text(0, y + 9, name, size=13, room=width * 0.7),
                plane.text(width, y + 9, figure, "d-figure", size=13, anchor="end"),
                plane.box(0, y + 20, width, _BAR, "d-track"),
                bar,
                *([plane.line([(edge, y + 17), (edge, y + 35)], "d-line")] if number and edge else ()),
                *(_hatch(plane, start, y + 20, count * scale) if key == "abandoned" else ()),
            )
        )
        told.append(f"{name}: {figure}")
    height = len(rungs) * _RUNG - 8
    return finish(plane, height, marks, title=label, story="; ".join(told), look="d-ladder", locale=locale)


def _hatch(plane: Plane, x: float, y: float, width: float) -> list[Markup]:
    """Slanted strokes, none across the edge."""
    slant, step = 5.0, 6.0
    count = max(int((width - slant) // step) + 1, 0)
    return [
        plane.line([(x + each * step, y + _BAR), (x + each * step + slant, y)], "d-hatch") for each in range(count)
    ]


def _write_count(count: int, total: int) -> str:
    return f"{count:,} · {count / total:.0%}" if total else f"{count:,}"
