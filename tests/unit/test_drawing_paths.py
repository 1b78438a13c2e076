"""The streams of conversations: none is lost, none is invented, and the widths are the numbers."""

import random
import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.bundle.load import load_bundle
from firstline.drawing.ordering import OTHER, Flow, Station, measure_crossings, order_stations
from firstline.drawing.paths import END, LATER, MOST_COLUMNS, MOST_NODES, OPEN, START, Steps, gather, is_named, takes
from firstline.drawing.sankey import UNSURE, draw_paths, name_steps
from tests.unit.test_drawing_svg import SVG, read_picture, story_of_picture, texts_of, tips_of

STEPS = st.sampled_from([*"abcdefghijkl", OTHER, LATER])
ENDS = st.sampled_from([f"{END}{name}" for name in ("contained", "handed_off", "open", *"mnopqrst")])
PATHS = st.dictionaries(
    st.tuples(st.lists(STEPS, max_size=9).map(tuple), st.none() | ENDS).map(
        lambda path: path[0] if path[1] is None else (*path[0], path[1])
    ),
    st.integers(0, 500),
    max_size=25,
)
ACME = Path(__file__).parents[2] / "bundles" / "acme"
CONTAINED, HANDED_OFF = "end:contained", "end:handed_off"


def lane(column: int, key: str) -> Station:
    return Station(column, key, lane=True)


# Gathering ----------------------------------------------------------------------------------------------------------


@given(PATHS)
def test_what_flows_into_a_station_flows_out_of_it(paths: Mapping[Steps, int]):
    streams = gather(paths)
    inflow: Counter[Station] = Counter()
    outflow: Counter[Station] = Counter()
    for flow, count in streams.flows.items():
        outflow[flow.source] += count
        inflow[flow.target] += count
    last = len(streams.columns) - 1

    for station, count in streams.counts.items():
        assert count > 0
        assert station.column == 0 or inflow[station] == count
        assert station.column == last or outflow[station] == count
    assert all(flow.target.column == flow.source.column + 1 for flow in streams.flows)


@given(PATHS)
def test_every_column_holds_every_conversation(paths: Mapping[Steps, int]):
    streams = gather(paths)

    assert streams.total == sum(paths.values())
    assert {station for column in streams.columns for station in column} == set(streams.counts)
    for number, column in enumerate(streams.columns):
        assert sum(streams.counts[station] for station in column) == streams.total
        assert {station.column for station in column} == {number}


@given(PATHS)
def test_it_stays_small_however_much_there_is(paths: Mapping[Steps, int]):
    columns = gather(paths).columns

    assert len(columns) <= MOST_COLUMNS
    for column in columns:
        assert sum(not station.lane for station in column) <= MOST_NODES
        assert sum(station.lane for station in column) <= MOST_NODES
    if columns:
        assert [station.key for station in columns[0]] == [START]
        assert all(station.lane for station in columns[-1])


@given(PATHS, st.randoms(use_true_random=False))
def test_the_order_in_which_paths_are_given_changes_nothing(paths: Mapping[Steps, int], chance: random.Random):
    shuffled = list(paths.items())
    chance.shuffle(shuffled)

    assert draw_paths(dict(shuffled), str, label="Paths") == draw_paths(paths, str, label="Paths")


@given(PATHS)
def test_a_link_lists_exactly_the_conversations_that_its_stream_counts(paths: Mapping[Steps, int]):
    for flow, count in gather(paths).flows.items():
        keys = flow.source.key, flow.target.key
        if is_named(flow):
            assert sum(paths[path] for path in paths if takes(path, flow.source.column, keys)) == count


def test_a_step_that_repeats_is_one_step():
    assert gather({("a", "a", "b", "b", CONTAINED): 3}).columns == gather({("a", "b", CONTAINED): 3}).columns


def test_conversations_that_have_ended_wait_on_a_lane_for_the_last_column():
    streams = gather({("a", CONTAINED): 5, ("a", "b", HANDED_OFF): 2})

    assert streams.columns == (
        (Station(0, START),),
        (Station(1, "a"),),
        (Station(2, "b"), lane(2, CONTAINED)),
        (lane(3, CONTAINED), lane(3, HANDED_OFF)),
    )
    assert streams.flows[Flow(lane(2, CONTAINED), lane(3, CONTAINED))] == 5


def test_steps_beyond_the_columns_are_later():
    streams = gather(
        {("a", "b", "c", "d", "e", CONTAINED): 2, ("a", "b", "c", "d", CONTAINED): 1, ("a", CONTAINED): 4}
    )

    assert [station.key for station in streams.columns[4] if not station.lane] == [LATER]
    assert streams.counts[Station(4, LATER)] == 3


def test_steps_that_just_fit_keep_their_names():
    streams = gather({("a", "b", "c", "d", CONTAINED): 1})

    assert [column[0].key for column in streams.columns] == [START, "a", "b", "c", "d", CONTAINED]


def test_the_rarest_of_too_many_become_other():
    streams = gather({(letter, CONTAINED): 20 - number for number, letter in enumerate("abcdefghij")})
    going = [station.key for station in streams.columns[1]]

    assert going == [*"abcdefg", OTHER]
    assert streams.counts[Station(1, OTHER)] == 13 + 12 + 11


def test_the_rarest_of_too_many_ends_become_other_in_every_column():
    ends = {("a", f"{END}{letter}"): 20 - number for number, letter in enumerate("abcdefghij")}
    streams = gather({**ends, ("a", "b", "c", f"{END}a"): 1})

    for column in (2, 3, 4):
        assert streams.counts[lane(column, OTHER)] == 13 + 12 + 11


def test_a_path_without_an_end_is_still_open():
    assert gather({("a",): 1, (): 2}).counts[lane(2, OPEN)] == 3


def test_an_end_that_was_not_the_last_step_is_a_step():
    streams = gather({("a", HANDED_OFF, "b", CONTAINED): 1})

    assert Station(2, HANDED_OFF) in streams.counts and lane(4, CONTAINED) in streams.counts


def test_a_negative_number_is_a_mistake():
    with pytest.raises(ValueError, match="negative"):
        gather({("a",): -1})


# Order --------------------------------------------------------------------------------------------------------------


@given(PATHS)
def test_no_more_crosses_than_when_the_most_taken_stand_first(paths: Mapping[Steps, int]):
    streams = gather(paths)
    lanes = [station.key for station in streams.columns[-1]] if streams.columns else []
    by_number = tuple(
        tuple(
            sorted(
                column,
                key=lambda each: (
                    each.lane,
                    lanes.index(each.key) if each.lane else each.key == OTHER,
                    -streams.counts[each],
                    each.key,
                ),
            )
        )
        for column in streams.columns
    )

    assert measure_crossings(streams.columns, streams.flows) <= measure_crossings(by_number, streams.flows)


def test_streams_that_need_not_cross_do_not():
    straight = gather({("a", "z", CONTAINED): 9, ("b", "y", CONTAINED): 8, ("c", "x", CONTAINED): 7})
    ends_at_once = gather({("a", CONTAINED): 12, ("b", "c", CONTAINED): 3})

    assert measure_crossings(straight.columns, straight.flows) == 0
    assert measure_crossings(ends_at_once.columns, ends_at_once.flows) == 0
    assert [station.key for station in ends_at_once.columns[1]] == ["b", "a"], "although more took a"


def test_a_crossing_counts_as_much_as_what_crosses():
    a, b, x, y = Station(0, "a"), Station(0, "b"), Station(1, "x"), Station(1, "y")

    assert measure_crossings(((a, b), (x, y)), {Flow(a, y): 3, Flow(b, x): 4}) == 12
    assert measure_crossings(((a, b), (y, x)), {Flow(a, y): 3, Flow(b, x): 4}) == 0
    assert order_stations({}, {}) == ()


# Drawing ------------------------------------------------------------------------------------------------------------

BAND = re.compile(r"M([\d.]+) ([\d.]+)C.* ([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)C.* ([\d.]+) ([\d.]+)Z")


@given(PATHS)
def test_streams_are_as_wide_as_their_numbers(paths: Mapping[Steps, int]):
    streams = gather(paths)
    root = read_picture(draw_paths(paths, str, label="Paths"))
    begin: list[float] = []
    end: list[float] = []
    for path in root.iter(f"{SVG}path"):
        match = BAND.fullmatch(path.attrib["d"])
        assert match is not None
        _, y0, _, y1, _, low1, _, low0 = (float(each) for each in match.groups())
        begin.append(low0 - y0)
        end.append(low1 - y1)

    widths = [count * 280 / streams.total for count in sorted(streams.flows.values())]
    assert sorted(begin) == pytest.approx(widths, abs=0.03)
    assert sorted(end) == pytest.approx(widths, abs=0.03)


def test_no_conversations_say_so():
    assert texts_of(read_picture(draw_paths({("a",): 0}, str, label="Paths"))) == ["Nothing to show yet"]


def test_what_begins_and_ends_at_a_bar_fills_it_without_a_gap():
    paths = {("a", "x", CONTAINED): 30, ("a", "y", HANDED_OFF): 10, ("b", "x", HANDED_OFF): 20, ("b", CONTAINED): 40}
    root = read_picture(draw_paths(paths, str, label="Paths"))
    bars = {
        (float(box.attrib["x"]), float(box.attrib["y"])): float(box.attrib["height"])
        for box in root.iter(f"{SVG}rect")
    }
    ends: dict[float, list[tuple[float, float]]] = {}
    starts: dict[float, list[tuple[float, float]]] = {}
    for path in root.iter(f"{SVG}path"):
        match = BAND.fullmatch(path.attrib["d"])
        assert match is not None
        x0, y0, x1, y1, _, low1, _, low0 = (float(each) for each in match.groups())
        starts.setdefault(x0 - 10, []).append((y0, low0))
        ends.setdefault(x1, []).append((y1, low1))

    last = max(x for x, _ in bars)
    for (x, y), height in bars.items():
        for touching in ([] if x == last else [starts]) + ([] if x == 0 else [ends]):
            within = sorted((top, low) for top, low in touching[x] if y - 0.1 <= top and low <= y + height + 0.1)
            assert within[0][0] == pytest.approx(y, abs=0.05)
            assert within[-1][1] == pytest.approx(y + height, abs=0.05)
            assert all(one[1] == pytest.approx(two[0], abs=0.05) for one, two in pairwise(within))


def test_every_stream_tells_its_words_and_its_number():
    names = name_steps(load_bundle(ACME), "en")
    root = read_picture(
        draw_paths({("quote", "claims", CONTAINED): 1500, ("quote", HANDED_OFF): 500}, names, label="Paths")
    )

    assert "Get a quote → Claims: 1,500 (75%)" in tips_of(root)
    assert "Get a quote → Handed to a person: 500 (25%)" in tips_of(root)
    assert "Handed to a person: 500" in tips_of(root), "on its lane"
    assert "Get a quote 2,000" in texts_of(root) and "500 · 25%" in texts_of(root)


def test_the_description_tells_each_column_in_words():
    svg = draw_paths({("a", CONTAINED): 3, ("b", HANDED_OFF): 1}, str.upper, label="Paths", locale="en")

    assert story_of_picture(read_picture(svg)) == (
        "START 4 (100%). then: A 3 (75%), B 1 (25%). ends: END:CONTAINED 3 (75%), END:HANDED_OFF 1 (25%)."
    )


def test_streams_lead_where_the_caller_says():
    asked: list[Flow] = []

    def link(flow: Flow) -> str:
        asked.append(flow)
        return f"/conversations?from={flow.source.key}&to={flow.target.key}"

    root = read_picture(draw_paths({("a", CONTAINED): 3}, str, label="Paths", link=link))
    hrefs = [each.attrib["href"] for each in root.iter(f"{SVG}a")]

    assert "/conversations?from=a&to=end:contained" in hrefs
    assert len(hrefs) == len(asked) == 2
    assert root.attrib["role"] == "group", "an image would hide its links"


def test_steps_are_named_in_the_language_and_strange_ones_by_themselves():
    names = name_steps(load_bundle(ACME), "zh")

    assert [names(key) for key in ("quote", UNSURE, START, HANDED_OFF)] == [
        "获取报价",
        "主题不明确",
        "全部会话",
        "转人工客服",
    ]
    assert names("gone") == "gone" and names("end:gone") == "end:gone"


def test_it_can_run_from_the_right():
    svg = draw_paths({("a", CONTAINED): 3}, str, label="Paths", mirrored=True)
    root = read_picture(svg)
    width = float(root.attrib["width"])

    assert max(float(box.attrib["x"]) for box in root.iter(f"{SVG}rect")) == width - 10
