"""The report's charts: to scale, told apart without colour, and in words; and pictures as files of their own."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.bundle.load import load_bundle
from firstline.drawing.alone import standalone
from firstline.drawing.bundle_flow import draw_bundle
from firstline.drawing.charts import draw_bars, draw_bullet, draw_trend, write_number
from firstline.drawing.ladder import Ladder, draw_ladder
from firstline.drawing.sankey import draw_paths
from tests.unit.test_drawing_svg import SHEET, SVG, read_picture, story_of_picture, texts_of, tips_of

TOKENS = SHEET.parent / "tokens.css"


def percent(value: float) -> str:
    return f"{value:.0%}"


def marks_of(root: ElementTree.Element, look: str) -> list[ElementTree.Element]:
    return [each for each in root.iter() if look in each.get("class", "").split()]


# Trend --------------------------------------------------------------------------------------------------------------


def test_a_trend_is_told_in_words():
    svg = draw_trend([0.6, None, 0.75, 0.7], target=0.9, label="Deflection", figure=percent)

    assert story_of_picture(read_picture(svg)) == "3 values, first 60%, last 70%, lowest 60%, highest 75%; target 90%"


def test_a_trend_has_a_gap_where_there_is_no_value():
    root = read_picture(draw_trend([1, 2, None, 3, 4, None, 5], target=None, label="x"))
    lines, dots = marks_of(root, "d-trend-line"), marks_of(root, "d-value")

    assert len(lines) == 2
    assert len(dots) == 2  # the value alone, and on it the mark of the last
    assert not marks_of(root, "d-target-line")


@given(st.lists(st.none() | st.floats(-1e6, 1e6), max_size=12), st.none() | st.floats(-1e6, 1e6))
def test_a_trend_stays_within_its_picture(values: list[float | None], target: float | None):
    root = read_picture(draw_trend(values, target=target, label="x", width=160, height=36))
    numbers = [
        tuple(float(each) for each in pair.split())
        for path in root.iter(f"{SVG}path")
        for pair in re.findall(r"[\d.-]+ [\d.-]+", path.attrib["d"])
    ]

    assert all(0 <= x <= 160 and 0 <= y <= 36 for x, y in numbers)
    assert bool(marks_of(root, "d-value")) == any(value is not None for value in values)


def test_higher_values_stand_higher():
    (line,) = marks_of(read_picture(draw_trend([1, 3, 2], target=0, label="x")), "d-trend-line")
    heights = [float(each.split()[1]) for each in re.findall(r"[\d.]+ [\d.]+", line.attrib["d"])]

    assert heights[1] < heights[2] < heights[0]


# Bullet -------------------------------------------------------------------------------------------------------------


def test_a_bullet_is_to_scale():
    root = read_picture(draw_bullet(0.75, 0.5, 1.0, 0.9, scale=(0.5, 1.0), label="x"))
    (dot,), whisker, (target,) = marks_of(root, "d-value"), marks_of(root, "d-whisker"), marks_of(root, "d-target")

    assert float(dot.attrib["cx"]) == 100
    assert whisker[0].attrib["d"].startswith("M8 ") and " 192 " in f"{whisker[0].attrib['d'].replace('M', ' ')} "
    assert target.attrib["d"].startswith(f"M{8 + 0.8 * 184:g} ")


def test_a_bullet_is_told_in_words():
    svg = draw_bullet(0.7, 0.65, 0.75, 0.9, scale=(0, 1), label="x", verdict="fail", figure=percent, locale="en")

    assert story_of_picture(read_picture(svg)) == "value 70%; 95% interval 65% to 75%; target 90%; target missed"


def test_verdicts_differ_in_shape():
    shapes = set()
    for verdict in ("pass", "fail", "inconclusive"):
        root = read_picture(draw_bullet(0.5, None, None, None, scale=(0, 1), label="x", verdict=verdict))
        marks = [each for look in ("d-value", "d-cross", "d-ring") for each in marks_of(root, look)]
        shapes.add(tuple((each.tag, each.attrib["class"].split()[0]) for each in marks))

    assert len(shapes) == 3
    css = SHEET.read_text(encoding="utf-8")
    assert re.search(r"\.d-ring { fill: var\(--fl-surface\)", css) and re.search(
        r"\.d-passed { fill: var\(--fl-good\)", css
    )


def test_what_is_not_known_is_not_drawn():
    root = read_picture(draw_bullet(None, None, None, None, scale=(0, 1), label="x"))

    assert not [each for look in ("d-value", "d-whisker", "d-target", "d-flag") for each in marks_of(root, look)]
    assert story_of_picture(root) == "no value"


def test_what_lies_outside_of_the_scale_stands_at_its_edge():
    (dot,) = marks_of(read_picture(draw_bullet(7, None, None, None, scale=(0, 1), label="x")), "d-value")

    assert dot.attrib["cx"] == "192"
    with pytest.raises(ValueError, match="scale"):
        draw_bullet(1, None, None, None, scale=(1, 1), label="x")


# Bars ---------------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.text(min_size=1), st.floats(0, 1e9)), min_size=1, max_size=12))
def test_bars_are_as_long_as_their_numbers(rows: list[tuple[str, float]]):
    root = read_picture(draw_bars(rows, label="Reasons", width=400))
    lengths = [float(bar.attrib["width"]) for bar in marks_of(root, "d-bar")]
    most = max(value for _, value in rows) or 1

    for length, (_, value) in zip(lengths, rows, strict=True):
        assert length == pytest.approx(max(140 * value / most, 1 if value else 0), abs=0.01)


def test_a_long_name_is_cut_and_whole_in_its_tip():
    root = read_picture(draw_bars([("A refund above the limit was asked for", 3)], label="Reasons"))

    assert texts_of(root) == ["A refund above the…", "3"]
    assert "A refund above the limit was asked for" in tips_of(root)
    assert story_of_picture(root) == "A refund above the limit was asked for 3"


def test_no_bars_say_so():
    assert texts_of(read_picture(draw_bars([], label="Reasons", locale="zh"))) == ["暂无可显示的内容"]


# Ladder -------------------------------------------------------------------------------------------------------------


def test_each_rung_stands_within_the_one_above_and_the_abandoned_behind_the_contained():
    root = read_picture(draw_ladder(Ladder(1000, 700, 500, 200, 150), label="Deflection", width=300))
    bars = {
        look: (float(bar.attrib["x"]), float(bar.attrib["width"]))
        for look in ("d-rung-contained", "d-rung-resolved", "d-rung-confirmed", "d-rung-abandoned")
        for bar in marks_of(root, look)
    }

    assert bars == {
        "d-rung-contained": (0, 210),
        "d-rung-resolved": (0, 150),
        "d-rung-confirmed": (0, 60),
        "d-rung-abandoned": (210, 45),
    }
    for stroke in marks_of(root, "d-hatch"):
        (x0, x1) = (float(each) for each in re.findall(r"([\d.]+) [\d.]+", stroke.attrib["d"]))
        assert 210 <= x0 <= x1 <= 255
    assert len(marks_of(root, "d-hatch")) == 7


def test_the_ladder_is_never_one_number():
    root = read_picture(draw_ladder(Ladder(1204, 854, 702, 333, 100), label="Deflection"))

    assert {"1,204", "854 · 71%", "702 · 58%", "333 · 28%", "100 · 8%"} < set(texts_of(root))
    assert "Of these, confirmed by the customer: 333 · 28%" in story_of_picture(root)


@pytest.mark.parametrize(
    "numbers",
    [(1, 2, 0, 0, 0), (9, 5, 6, 0, 0), (9, 5, 4, 6, 0), (9, 5, 4, 3, 5), (9, 5, 4, -1, 0), (9, 5, 4, 3, -1)],
)
def test_a_rung_wider_than_what_it_is_a_part_of_is_a_mistake(numbers: tuple[int, int, int, int, int]):
    with pytest.raises(ValueError, match="rung"):
        Ladder(*numbers)


def test_a_ladder_of_nothing_has_no_shares():
    assert not [text for text in texts_of(read_picture(draw_ladder(Ladder(0, 0, 0, 0, 0), label="x"))) if "%" in text]


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0, "0"), (3.0, "3"), (0.7134, "0.713"), (12.345, "12.3"), (1204.4, "1,204"), (-5.0, "-5")],
)
def test_numbers_are_written_with_what_counts(value: float, written: str):
    assert write_number(value) == written


# Alone --------------------------------------------------------------------------------------------------------------

PICTURES = {
    "bundle": draw_bundle(load_bundle(Path(__file__).parents[2] / "bundles" / "acme"), "en"),
    "paths": draw_paths({("a", "end:contained"): 2}, str, label="Paths", link=lambda flow: "/x"),
    "trend": draw_trend([1, 2], target=None, label="x"),
    "ladder": draw_ladder(Ladder(9, 5, 4, 3, 1), label="x"),
}


@pytest.mark.parametrize("svg", PICTURES.values(), ids=PICTURES)
def test_a_picture_alone_brings_its_colours_and_loses_nothing(svg: str):
    alone = standalone(svg)
    root = ElementTree.fromstring(alone.encode())
    inside = svg[svg.index("<title") :]
    style = str(root.findtext(f"{SVG}style"))

    assert alone.rstrip().endswith(inside)
    assert "var(" not in style and "color-mix" not in style and "@" not in style and "/*" not in style
    assert re.search(r"\.d-line { fill: none; stroke: #[0-9a-f]{6};", style)
    assert style.count("{") == style.count("}") > 40


def test_a_picture_alone_has_a_white_ground_with_a_margin():
    root = ElementTree.fromstring(standalone(PICTURES["trend"]).encode())
    ground = root.find(f"{SVG}rect")

    assert root.attrib["viewBox"] == "-16 -16 192 68" and root.attrib["width"] == "192"
    assert ground is not None and ground.attrib["fill"] == "#ffffff" and ground.attrib["width"] == "192"


def test_a_picture_alone_takes_the_accent_of_its_bundle():
    assert ".d-trend-line { fill: none; stroke: #aa0000;" in standalone(PICTURES["trend"], accent="#AA0000")
    assert "#f6e3e3" in standalone(PICTURES["trend"], accent="#aa0000"), "11% of it on white"
    with pytest.raises(ValueError, match="picture"):
        standalone("<p>no</p>")


def test_the_colours_on_paper_are_the_light_ones_of_the_pages():
    light = dict(re.findall(r"(--fl-[a-z-]+): ([^;]+);", TOKENS.read_text(encoding="utf-8").split("@media")[0]))
    sheet = SHEET.read_text(encoding="utf-8")
    paper = dict(re.findall(r"(--fl-[a-z-]+): ([^;]+);", sheet[sheet.index("@media print") :]))
    used = set(re.findall(r"var\((--fl-[a-z-]+)\)", sheet))

    assert used - {"--fl-font", "--fl-accent"} == set(paper)
    assert paper.pop("--fl-surface") == "#ffffff", "paper is white"
    assert paper == {name: light[name] for name in paper}
