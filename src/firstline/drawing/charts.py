"""Small charts for the report: a trend line, a value with its interval and target, and bars."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Literal

from firstline.drawing.svg import Markup, Plane, Point, finish, group, tip
from firstline.drawing.words import say
from firstline.types import Locale

Figure = Callable[[float], str]
"""How a number is written, with its unit: `0.71` -> `71%`."""

Verdict = Literal["pass", "fail", "inconclusive"]

_BULLET_WIDTH, _BULLET_HEIGHT, _MARGIN = 200.0, 28.0, 8.0
_ROW, _BAR = 26.0, 12.0


def write_number(value: float) -> str:
    """At most three digits that count, whole numbers whole, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def draw_trend(
    values: Sequence[float | None],
    *,
    target: float | None,
    label: str,
    width: float = 160,
    height: float = 36,
    figure: Figure = write_number,
    locale: Locale = "en",
) -> str:
    """A line through `values`, oldest first, with gaps where there are none, and the target as a dashed line."""
    known = [value for value in values if value is not None]
    marked = [*known, *([] if target is None else [target])]
    low, high = (min(marked), max(marked)) if marked else (0.0, 0.0)
    plane, margin = Plane(width), 5.0

    def place(number: int, value: float) -> Point:
        share = (value - low) / (high - low) if high > low else 0.5
        along = number / (len(values) - 1) if len(values) > 1 else 0.5
        return margin + along * (width - 2 * margin), height - margin - share * (height - 2 * margin)

    marks: list[Markup] = []
    if target is not None:
        y = place(0, target)[1]
        marks.append(plane.line([(0, y), (width, y)], "d-target-line"))
    points = [None if value is None else place(number, value) for number, value in enumerate(values)]
    marks += _draw_runs(plane, points)
    told = [say("no_value", locale)]
    if known:
        words = {"first": known[0], "last": known[-1], "lowest": min(known), "highest": max(known)}
        written = {key: figure(value) for key, value in words.items()}
        told = [say("trend", locale, count=len(known), **written)]
    if target is not None:
        told.append(say("target", locale, target=figure(target)))
    return finish(plane, height, marks, title=label, story="; ".join(told), look="d-trend", locale=locale)


def _draw_runs(plane: Plane, points: Sequence[Point | None]) -> Iterator[Markup]:
    """A line for each run of points without a gap, a dot for a point alone, and a larger one for the last."""
    for there, run in groupby(points, key=lambda point: point is not None):
        line = [point for point in run if point is not None]
        if there and len(line) > 1:
            yield plane.line(line, "d-trend-line")
        elif there:
            yield plane.dot(*line[0], 1.75, "d-value")
    if last := [point for point in points if point is not None][-1:]:
        yield plane.dot(*last[0], 3, "d-value")


def draw_bullet(
    value: float | None,
    low: float | None,
    high: float | None,
    target: float | None,
    *,
    scale: tuple[float, float],
    label: str,
    verdict: Verdict | None = None,
    figure: Figure = write_number,
    locale: Locale = "en",
) -> str:
    """The value as a mark, its 95% interval as a whisker, the target as a tick with a flag; each where there is one.

    The mark's shape tells the verdict: a filled dot passes, a cross fails, a ring is not yet decided. What lies
    outside of `scale` is put at its edge. Raises: ValueError unless the scale goes up.
    """
    if scale[0] >= scale[1]:
        raise ValueError("the scale must go up")
    plane, y = Plane(_BULLET_WIDTH), _BULLET_HEIGHT / 2 + 3

    def place(number: float) -> float:
        share = (min(max(number, scale[0]), scale[1]) - scale[0]) / (scale[1] - scale[0])
        return _MARGIN + share * (_BULLET_WIDTH - 2 * _MARGIN)

    marks = [plane.line([(_MARGIN, y), (_BULLET_WIDTH - _MARGIN, y)], "d-track-line")]
    told = [say("no_value", locale)] if value is None else [say("value", locale, value=figure(value))]
    if low is not None and high is not None:
        marks += _draw_whisker(plane, place(low), place(high), y)
        told.append(say("interval", locale, low=figure(low), high=figure(high)))
    if target is not None:
        x = place(target)
        marks.append(plane.line([(x, y - 11), (x, y + 9)], "d-target"))
        marks.append(plane.line([(x - 4, y - 15), (x + 4, y - 15), (x, y - 9)], "d-flag", closed=True))
        told.append(say("target", locale, target=figure(target)))
    if value is not None:
        marks.append(_draw_value(plane, place(value), y, verdict))
    if verdict is not None:
        told.append(say(verdict, locale))
    return finish(plane, _BULLET_HEIGHT, marks, title=label, story="; ".join(told), look="d-bullet", locale=locale)


def _draw_whisker(plane: Plane, left: float, right: float, y: float) -> Iterator[Markup]:
    yield plane.line([(left, y), (right, y)], "d-whisker")
    for x in (left, right):
        yield plane.line([(x, y - 5), (x, y + 5)], "d-whisker")


def _draw_value(plane: Plane, x: float, y: float, verdict: Verdict | None) -> Markup:
    match verdict:
        case "fail":
            strokes = ([(x - 5, y - 5), (x + 5, y + 5)], [(x - 5, y + 5), (x + 5, y - 5)])
            under = (plane.line(stroke, "d-cross-under") for stroke in strokes)
            return group(*under, *(plane.line(stroke, "d-cross") for stroke in strokes))
        case "inconclusive":
            return plane.dot(x, y, 4.5, "d-ring")
        case "pass" | None:
            return plane.dot(x, y, 4.5, "d-value d-passed" if verdict else "d-value")


def draw_bars(
    rows: Sequence[tuple[str, float]],
    *,
    label: str,
    width: float = 300,
    figure: Figure = write_number,
    locale: Locale = "en",
    mirrored: bool = False,
) -> str:
    """A bar for each row, in the order given, with its words before and its number behind. No number is negative."""
    plane = Plane(width, mirrored=mirrored)
    if not rows:
        told = say("nothing", locale)
        return finish(plane, _ROW, [plane.text(0, _ROW / 2, told, "d-note")], title=label, story=told, look="d-bars")
    start, room = width * 0.5, width * 0.5 - 60
    most = max(value for _, value in rows) or 1
    marks: list[Markup] = []
    for number, (name, value) in enumerate(rows):
        y, length = number * _ROW + _ROW / 2, max(value / most * room, 1 if value else 0)
        marks.append(
            group(
                tip(f"{name}: {figure(value)}"),
                plane.text(0, y, name, size=13, room=start - 10),
                plane.box(start, y - _BAR / 2, length, _BAR, "d-bar", radius=2),
                plane.text(start + length + 8, y, figure(value), "d-figure", size=12),
            )
        )
    story = "; ".join(f"{name} {figure(value)}" for name, value in rows)
    return finish(plane, len(rows) * _ROW, marks, title=label, story=story, look="d-bars", locale=locale)
