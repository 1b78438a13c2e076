"""A small builder of SVG: elements whose text is escaped, and a plane that can be mirrored.

Colours are classes (`web/static/drawing.css`), geometry is attributes: a page's policy forbids inline styles.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from typing import Literal, NewType

from firstline.drawing.lettering import cut
from firstline.types import Locale

Markup = NewType("Markup", str)
"""Escaped XML."""

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NARROWEST_BEND = 12.0


def element(name: str, attributes: Mapping[str, str | float], *inner: Markup) -> Markup:
    """`<name …>inner</name>`. Numbers are rounded to a hundredth of a pixel; what is empty is left out."""
    written = "".join(f' {key}="{_write(value)}"' for key, value in attributes.items() if value != "")
    return Markup(f"<{name}{written}>{''.join(inner)}</{name}>" if inner else f"<{name}{written}/>")


def words(text: str) -> Markup:
    """Text for the inside of an element; what XML cannot hold is taken out."""
    return Markup(escape(_NOT_XML.sub("", text), quote=False))


def tip(text: str) -> Markup:
    """What a pointer that rests on the parent shows, and what a screen reader calls it."""
    return element("title", {}, words(text))


def group(*inner: Markup, look: str = "") -> Markup:
    return element("g", {"class": look}, *inner)


def linked(href: str | None, name: str, *inner: Markup) -> Markup:
    """The marks as a link, or as they are when there is nowhere to go. The tip is `name` either way."""
    if href is None:
        return group(tip(name), *inner)
    return element("a", {"href": href, "class": "d-link", "aria-label": name}, tip(name), *inner)


@dataclass(frozen=True)
class Plane:
    """Where marks stand. `x` runs in the direction of reading: on a mirrored plane, from the right."""

    width: float
    mirrored: bool = False

    def at(self, x: float) -> float:
        return self.width - x if self.mirrored else x

    def box(self, x: float, y: float, width: float, height: float, look: str, *, radius: float = 0.0) -> Markup:
        """A rectangle whose corner nearest to the beginning of reading is at `x`, `y`."""
        left = self.at(x + width) if self.mirrored else x
        place: dict[str, str | float] = {"x": left, "y": y, "width": width, "height": height, "class": look}
        return element("rect", {**place, "rx": radius} if radius else place)

    def dot(self, x: float, y: float, radius: float, look: str) -> Markup:
        return element("circle", {"cx": self.at(x), "cy": y, "r": radius, "class": look})

    def line(self, points: Sequence[Point], look: str, *, closed: bool = False) -> Markup:
        """Straight from point to point; `closed`, an area."""
        where = " ".join(f"{_write(self.at(x))} {_write(y)}" for x, y in points)
        return element("path", {"d": f"M{where}{'Z' if closed else ''}", "class": look})

    def curve(self, start: Point, end: Point, look: str) -> Markup:
        """From `start` to `end`, leaving and arriving along the direction of reading."""
        return element("path", {"d": f"M{self._place(start)}{self._bend(start, end)}", "class": look})

    def band(self, start: Point, end: Point, thickness: float, look: str) -> Markup:
        """As a curve, with a thickness measured downwards from `start` and `end`."""
        (x0, y0), (x1, y1) = start, end
        low0, low1 = (x0, y0 + thickness), (x1, y1 + thickness)
        there = f"M{self._place(start)}{self._bend(start, end)}"
        back = f"L{self._place(low1)}{self._bend(low1, low0)}Z"
        return element("path", {"d": there + back, "class": look})

    def text(
        self,
        x: float,
        y: float,
        text: str,
        look: str = "d-text",
        *,
        size: float = 13,
        anchor: Anchor = "start",
        room: float | None = None,
        after: Markup | None = None,
    ) -> Markup:
        """Text around the height `y`, cut to `room` pixels; what was cut off is in its tip. `after` follows it."""
        shown = text if room is None else cut(text, size, room)
        swapped: Mapping[Anchor, Anchor] = {"start": "end", "middle": "middle", "end": "start"}
        place: dict[str, str | float] = {"x": self.at(x), "y": y + 0.35 * size, "font-size": size, "class": look}
        if (side := swapped[anchor] if self.mirrored else anchor) != "start":
            place["text-anchor"] = side
        full = () if shown == text else (tip(text),)
        return element("text", place, *full, words(shown), *(() if after is None else (after,)))

    def _place(self, point: Point) -> str:
        return f"{_write(self.at(point[0]))} {_write(point[1])}"

    def _bend(self, start: Point, end: Point) -> str:
        (x0, y0), (x1, y1) = start, end
        reach = max(abs(x1 - x0) / 2, _NARROWEST_BEND) * (1 if x1 >= x0 else -1)
        return f"C{self._place((x0 + reach, y0))} {self._place((x1 - reach, y1))} {self._place(end)}"


def finish(
    plane: Plane,
    height: float,
    marks: Iterable[Markup],
    *,
    title: str,
    story: str,
    look: str,
    locale: Locale | Literal[""] = "",
    has_links: bool = False,
) -> str:
    """The whole picture. `title` names it, `story` says in words what it shows.

    One image to a screen reader, unless it has links, which an image would hide. Its ids come from its content.
    """
    body = "".join(marks)
    key = "d" + sha256("\0".join((look, title, story, body)).encode(errors="replace")).hexdigest()[:10]
    attributes: dict[str, str | float] = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": f"drawing {look}",
        "viewBox": f"0 0 {_write(plane.width)} {_write(height)}",
        "width": plane.width,
        "height": height,
        "role": "group" if has_links else "img",
        "aria-labelledby": f"{key}t",
        "aria-describedby": f"{key}d",
        "direction": "ltr",
        "lang": locale,
    }
    said = [element("title", {"id": f"{key}t"}, words(title)), element("desc", {"id": f"{key}d"}, words(story))]
    return element("svg", attributes, *said, Markup(body))


def _write(value: str | float) -> str:
    if isinstance(value, str):
        return escape(_NOT_XML.sub("", value))
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
