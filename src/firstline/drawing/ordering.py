"""In which order stations stand in their columns, so that few streams cross. Part of `paths`; deterministic.

Source: the barycentre heuristic of layered drawing (Sugiyama, Tagawa, Toda 1981), swept forwards and backwards.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

OTHER = "other"
_SWEEPS = 7


class Station(NamedTuple):
    """A place in the picture: `lane` for a conversation that has ended by then, in whichever column."""

    column: int
    key: str
    lane: bool = False


class Flow(NamedTuple):
    """Those who went from one station to one of the next column."""

    source: Station
    target: Station


Columns = tuple[tuple[Station, ...], ...]


def order_stations(counts: Mapping[Station, int], flows: Mapping[Flow, int]) -> Columns:
    """The columns from top to bottom: the most taken first, or the best of a few sweeps where less crosses then.

    Lanes stand below, in every column in the same order.
    """
    last = max((station.column for station in counts), default=-1)
    columns: Columns = tuple(
        tuple(sorted((each for each in counts if each.column == column), key=lambda each: (-counts[each], each.key)))
        for column in range(last + 1)
    )
    lanes = [station.key for station in columns[-1]] if columns else []
    columns = tuple(_sort_column(column, {}, lanes) for column in columns)
    tried = [columns]
    for number in range(_SWEEPS):
        columns = _sweep(columns, flows, lanes, forwards=number % 2 == 0)
        tried.append(columns)
    return min(tried, key=lambda each: measure_crossings(each, flows))


def measure_crossings(columns: Columns, flows: Mapping[Flow, int]) -> int:
    """How much crosses: for each two streams that do, the product of their conversations."""
    places = _places_of(columns)
    crossings = 0
    for column in range(len(columns) - 1):
        here = [
            (places[source], places[target], count)
            for (source, target), count in flows.items()
            if source.column == column
        ]
        for (one, one_to, one_count), (two, two_to, two_count) in combinations(here, 2):
            crossings += one_count * two_count if (one - two) * (one_to - two_to) < 0 else 0
    return crossings


def _sweep(columns: Columns, flows: Mapping[Flow, int], lanes: Sequence[str], *, forwards: bool) -> Columns:
    """Each column by where its neighbours stand: those it comes from, or those it leads to."""
    swept = list(columns)
    numbers = range(1, len(swept)) if forwards else range(len(swept) - 2, -1, -1)
    for number in numbers:
        neighbours = swept[number - 1] if forwards else swept[number + 1]
        averages = _average_places(swept[number], neighbours, flows, forwards=forwards)
        swept[number] = _sort_column(swept[number], averages, lanes)
    return tuple(swept)


def _sort_column(
    column: Iterable[Station], averages: Mapping[Station, float], lanes: Sequence[str]
) -> tuple[Station, ...]:
    """What goes on by the averages, then the rare ones, then the lanes; what is alike stays in its order."""
    return tuple(
        sorted(
            column,
            key=lambda each: (
                each.lane,
                lanes.index(each.key) if each.lane else each.key == OTHER,
                averages.get(each, 0.0),
            ),
        )
    )


def _average_places(
    column: Iterable[Station], neighbours: Sequence[Station], flows: Mapping[Flow, int], *, forwards: bool
) -> dict[Station, float]:
    places = {station: place for place, station in enumerate(neighbours)}
    sums: Counter[Station] = Counter()
    numbers: Counter[Station] = Counter()
    for (source, target), count in flows.items():
        here, there = (target, source) if forwards else (source, target)
        if there in places:
            sums[here] += places[there] * count
            numbers[here] += count
    return {each: round(sums[each] / numbers[each], 6) for each in column if numbers[each]}


def _places_of(columns: Columns) -> dict[Station, int]:
    return {station: place for column in columns for place, station in enumerate(column)}
