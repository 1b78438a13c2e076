"""The paths that conversations took, as streams whose widths are numbers of conversations (a Sankey diagram)."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from firstline.bundle import Bundle
from firstline.drawing.lettering import measure
from firstline.drawing.ordering import OTHER, Flow, Station
from firstline.drawing.paths import END, LATER, START, Steps, Streams, gather
from firstline.drawing.svg import Markup, Plane, element, finish, group, linked, tip, words
from firstline.drawing.words import WORDS, say
from firstline.types import Locale, PlaybookId, choose_text

UNSURE = "unsure"
"""The step of a turn for which no playbook was certain."""

_STREAM = 280.0  # the height of all conversations together
_FIRST, _COLUMN, _BAR, _LAST_LABEL = 140.0, 190.0, 10.0, 170.0
_LABEL, _GAP, _LANE_GAP = 20.0, 8.0, 5.0
_END_SLOT, _END_GAP = 36.0, 10.0
_COLOURED = ("end:contained", "end:handed_off", "end:abandoned", "end:closed_by_person")


@dataclass(frozen=True)
class _Bar:
    """A station's bar: how many pixels high and where."""

    x: float
    y: float
    height: float


def draw_paths(
    paths: Mapping[Steps, int],
    names: Callable[[str], str],
    *,
    label: str,
    link: Callable[[Flow], str | None] | None = None,
    locale: Locale = "en",
    mirrored: bool = False,
) -> str:
    """SVG of up to six columns, 320 to 1080 pixels wide: better scrolled than made small.

    `names` gives the words for a step: a playbook, an end (`end:…`, always a path's last step), and the keys of
    `paths`: START, LATER, OTHER. Where a stream leads is `link`'s, None for nowhere; `takes` tells whom it counts.
    """
    streams = gather(paths)
    if not streams.total:
        return _draw_nothing(label, locale, mirrored=mirrored)
    columns = len(streams.columns)
    plane = Plane(_start_of(columns - 1) + _BAR + _LAST_LABEL, mirrored=mirrored)
    bars, height = _place_bars(streams)
    marks = [
        *_draw_flows(plane, streams, bars, names, link),
        *(mark for station, bar in bars.items() for mark in _draw_station(plane, station, bar, streams, names)),
    ]
    return finish(
        plane,
        height,
        marks,
        title=label,
        story=_tell(streams, names, locale),
        look="d-paths",
        locale=locale,
        has_links=link is not None,
    )


def name_steps(bundle: Bundle, locale: Locale) -> Callable[[str], str]:
    """The words for steps: a playbook's title, our own words for what is no playbook; what is unknown as it is."""

    def name(key: str) -> str:
        playbook = bundle.playbooks.get(PlaybookId(key))
        if playbook is not None:
            return choose_text(playbook.title, locale)
        return say(key, locale) if key in (START, LATER, OTHER, UNSURE) or _is_known_end(key) else key

    return name


def _is_known_end(key: str) -> bool:
    return key.startswith(END) and key in WORDS["en"]


def _start_of(column: int) -> float:
    """Where a column's bars stand; the first column, with one name only, is narrower."""
    return max(_FIRST + (column - 1) * _COLUMN, 0.0)


def _place_bars(streams: Streams) -> tuple[dict[Station, _Bar], float]:
    """Every bar, columns centred on each other, and how high the highest column is."""
    scale = _STREAM / streams.total
    last = len(streams.columns) - 1
    columns = [list(_stack(column, streams, scale, is_last=n == last)) for n, column in enumerate(streams.columns)]
    heights = [bottom for column in columns for _, _, bottom in column[-1:]]
    highest = max(heights)
    bars: dict[Station, _Bar] = {}
    for column, height in zip(columns, heights, strict=True):
        down = (highest - height) / 2
        for station, top, _ in column:
            bars[station] = _Bar(_start_of(station.column), top + down, streams.counts[station] * scale)
    return bars, highest


def _stack(
    column: tuple[Station, ...], streams: Streams, scale: float, *, is_last: bool
) -> Iterator[tuple[Station, float, float]]:
    """Station, top of its bar, and where its slot ends, one below the other."""
    y = 0.0
    for station in column:
        height = streams.counts[station] * scale
        if is_last:
            slot = max(height, _END_SLOT)
            yield station, y + (slot - height) / 2, y + slot
            y += slot + _END_GAP
        elif station.lane:
            yield station, y + _LANE_GAP, y + _LANE_GAP + height
            y += _LANE_GAP + height
        else:
            yield station, y + _LABEL, y + _LABEL + height
            y += _LABEL + height + _GAP


def _draw_flows(
    plane: Plane,
    streams: Streams,
    bars: Mapping[Station, _Bar],
    names: Callable[[str], str],
    link: Callable[[Flow], str | None] | None,
) -> Iterator[Markup]:
    """Bands in the order of what they leave and reach, so that none crosses another at its ends."""
    scale = _STREAM / streams.total
    place = {station: number for column in streams.columns for number, station in enumerate(column)}
    left: Counter[Station] = Counter()
    reached: Counter[Station] = Counter()
    ordered = sorted(streams.flows, key=lambda flow: (flow.source.column, place[flow.source], place[flow.target]))
    for flow in ordered:
        count = streams.flows[flow]
        source, target = bars[flow.source], bars[flow.target]
        start = (source.x + _BAR, source.y + left[flow.source] * scale)
        end = (target.x, target.y + reached[flow.target] * scale)
        band = plane.band(start, end, count * scale, f"d-band{_colour_of(flow.target)}")
        yield linked(link(flow) if link else None, _name_flow(flow, streams, names), band)
        left[flow.source] += count
        reached[flow.target] += count


def _name_flow(flow: Flow, streams: Streams, names: Callable[[str], str]) -> str:
    count, source, target = streams.flows[flow], flow.source, flow.target
    if source.lane:
        return f"{names(target.key)}: {count:,}"
    share = count / streams.counts[source]
    return f"{names(source.key)} → {names(target.key)}: {count:,} ({share:.0%})"


def _draw_station(
    plane: Plane, station: Station, bar: _Bar, streams: Streams, names: Callable[[str], str]
) -> Iterator[Markup]:
    """The bar with its name and number; a lane is named only where it ends."""
    count = streams.counts[station]
    is_last = station.column == len(streams.columns) - 1
    name = names(station.key)
    if station.lane and not is_last:
        yield plane.box(bar.x, bar.y, _BAR, bar.height, f"d-lane{_colour_of(station)}")
        return
    told = f"{name}: {count:,} ({count / streams.total:.0%})"
    box = plane.box(bar.x, bar.y, _BAR, max(bar.height, 1), f"d-node{_colour_of(station)}")
    yield group(tip(told), box)
    if is_last:
        middle, x = bar.y + bar.height / 2, bar.x + _BAR + 8
        yield plane.text(x, middle - 8, name, "d-title", size=12, room=_LAST_LABEL - 12)
        yield plane.text(x, middle + 9, f"{count:,} · {count / streams.total:.0%}", "d-note", size=12)
        return
    number = f"{count:,}"
    figure = element("tspan", {"class": "d-figure"}, words(f" {number}"))
    room = _COLUMN - 16 - measure(f" {number}", 12)
    yield plane.text(bar.x, bar.y - 9, name, "d-over", size=12, room=room, after=figure)


def _colour_of(station: Station) -> str:
    if not station.lane:
        return ""
    return f" d-{station.key.removeprefix(END)}" if station.key in _COLOURED else " d-ended"


def _tell(streams: Streams, names: Callable[[str], str], locale: Locale) -> str:
    """Each column in a sentence, the largest number first."""
    told: list[str] = []
    last = len(streams.columns) - 1
    for number, column in enumerate(streams.columns):
        stations = [each for each in column if number == last or not each.lane]
        stations.sort(key=lambda each: (-streams.counts[each], each.key))
        listed = [
            f"{names(each.key)} {streams.counts[each]:,} ({streams.counts[each] / streams.total:.0%})"
            for each in stations
        ]
        lead = "" if number == 0 else f"{say('ends' if number == last else 'then', locale)}: "
        told.append(f"{lead}{', '.join(listed)}.")
    return " ".join(told)


def _draw_nothing(label: str, locale: Locale, *, mirrored: bool) -> str:
    plane = Plane(_COLUMN + _BAR + _LAST_LABEL, mirrored=mirrored)
    told = say("nothing", locale)
    return finish(plane, 40, [plane.text(0, 20, told, "d-note")], title=label, story=told, look="d-paths")
