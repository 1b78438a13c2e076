"""The paths of conversations, gathered for a picture of few columns and few nodes. Numbers only, no geometry.

A path is what a conversation went through, step by step: the playbooks of its turns, then how it ended. Every
column holds all conversations: those that have ended stay on the lane of their end until the last column.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from firstline.drawing.ordering import OTHER, Columns, Flow, Station, order_stations

Steps = tuple[str, ...]

START = "start"
LATER = "later"
END = "end:"
"""How the keys of ends begin."""
OPEN = "end:going"
"""The end of a path that has none."""

MOST_COLUMNS = 6
MOST_NODES = 8


@dataclass(frozen=True)
class Streams:
    """All conversations, gathered. `columns` in drawing order: stations from top to bottom."""

    total: int
    columns: Columns
    counts: Mapping[Station, int]
    flows: Mapping[Flow, int]


def gather(paths: Mapping[Steps, int]) -> Streams:
    """The streams of `paths`, each with how many conversations took it; the same for any order of `paths`.

    Raises: ValueError for a negative number.
    """
    if any(count < 0 for count in paths.values()):
        raise ValueError("a path was taken a negative number of times")
    routes = _route(paths)
    counts: Counter[Station] = Counter()
    flows: Counter[Flow] = Counter()
    for path, stations in routes.items():
        counts.update(dict.fromkeys(stations, paths[path]))
        flows.update({Flow(source, target): paths[path] for source, target in pairwise(stations)})
    return Streams(
        total=sum(paths[path] for path in routes),
        columns=order_stations(counts, flows),
        counts=counts,
        flows=flows,
    )


def is_named(flow: Flow) -> bool:
    """Whether a flow leads from one step to one other: gathered ones (LATER, OTHER) are many of them."""
    return not {flow.source.key, flow.target.key} & {LATER, OTHER}


def takes(path: Steps, column: int, keys: tuple[str, str]) -> bool:
    """Whether a path is at the first key in a column and at the second in the next: what a link from a named flow
    of those stations should list.
    """
    steps, end = _shorten(path)
    return keys == tuple(steps[at] if at < len(steps) else end for at in (column, column + 1))


def _route(paths: Mapping[Steps, int]) -> dict[Steps, tuple[Station, ...]]:
    """For each path its station in every column."""
    taken = [path for path, count in paths.items() if count]
    shortened = {path: _shorten(path) for path in taken}
    longest = max((len(steps) for steps, _ in shortened.values()), default=0)
    columns = min(longest + 1, MOST_COLUMNS)
    routes = {path: _spread(steps, end, longest, columns) for path, (steps, end) in shortened.items()}
    weights: Counter[Station] = Counter()
    for path, stations in routes.items():
        weights.update(dict.fromkeys(stations, paths[path]))
    renamed = _rename_rare(weights, columns)
    return {path: tuple(renamed[station] for station in stations) for path, stations in routes.items()}


def _shorten(path: Steps) -> tuple[Steps, str]:
    """The steps from START without repeats, and the end."""
    ended = bool(path) and path[-1].startswith(END)
    steps, end = (path[:-1], path[-1]) if ended else (path, OPEN)
    return tuple(key for key, _ in groupby((START, *steps))), end


def _spread(steps: Steps, end: str, longest: int, columns: int) -> tuple[Station, ...]:
    """One station a column; the last but one gathers the rest when there are more steps than columns."""
    room = columns - 1
    kept = (*steps[: room - 1], LATER) if longest > room and len(steps) >= room else steps
    going = [Station(column, key) for column, key in enumerate(kept)]
    ended = [Station(column, end, lane=True) for column in range(len(kept), columns)]
    return (*going, *ended)


def _rename_rare(weights: Mapping[Station, int], columns: int) -> dict[Station, Station]:
    """Where there are too many nodes, the rarest become OTHER; ends alike in every column."""
    last = [station for station in weights if station.column == columns - 1]
    kept_ends = {station.key for station in _most_taken(last, weights)}
    renamed: dict[Station, Station] = {}
    for column in range(columns):
        kept = _most_taken([each for each in weights if each.column == column and not each.lane], weights)
        for station in (each for each in weights if each.column == column):
            known = station.key in kept_ends if station.lane else station in kept
            renamed[station] = station if known else station._replace(key=OTHER)
    return renamed


def _most_taken(stations: Sequence[Station], weights: Mapping[Station, int]) -> list[Station]:
    ranked = sorted(stations, key=lambda station: (station.key == OTHER, -weights[station], station.key))
    return ranked if len(ranked) <= MOST_NODES else ranked[: MOST_NODES - 1]
