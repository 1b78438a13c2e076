"""The builder escapes, mirrors and names; letters fit into the room that there is."""

import re
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from firstline.drawing.lettering import BOLD, cut, measure, wrap
from firstline.drawing.svg import Plane, element, finish, linked, tip, words
from firstline.drawing.words import WORDS

SVG = "{http://www.w3.org/2000/svg}"
SHEET = Path(__file__).parents[2] / "src" / "firstline" / "web" / "static" / "drawing.css"
LEAST_SIZE = 11


def read_picture(svg: str) -> ElementTree.Element:
    """The picture, after everything that holds for every picture was found to hold."""
    root = ElementTree.fromstring(svg)
    ids = [each.attrib["id"] for each in root.iter() if "id" in each.attrib]
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    has_links = root.find(f".//{SVG}a") is not None
    known = set(re.findall(r"\.(d-[\w-]+)", SHEET.read_text(encoding="utf-8")))
    looks = {look for each in root.iter() for look in each.get("class", "").split() if look.startswith("d-")}
    bare = {"d-trend", "d-bullet", "d-bars", "d-ladder", "d-paths", "d-text"}

    assert root.attrib["role"] == ("group" if has_links else "img")
    assert title is not None and title.text and root.attrib["aria-labelledby"] == title.attrib["id"]
    assert desc is not None and desc.text and root.attrib["aria-describedby"] == desc.attrib["id"]
    assert len(ids) == len(set(ids)) == 2
    assert not [
        each.tag for each in root.iter() if "style" in each.attrib or each.tag in (f"{SVG}style", f"{SVG}script")
    ]
    assert not looks - known - bare, "drawing.css does not know these"
    assert min((float(text.attrib["font-size"]) for text in root.iter(f"{SVG}text")), default=99) >= LEAST_SIZE
    return root


def texts_of(root: ElementTree.Element) -> list[str]:
    """What is to be read in the picture, without the tips."""
    shown = []
    for text in root.iter(f"{SVG}text"):
        tips = {piece for each in text.iter(f"{SVG}title") for piece in each.itertext()}
        shown.append("".join(piece for piece in text.itertext() if piece not in tips))
    return shown


def tips_of(root: ElementTree.Element) -> list[str]:
    own = root.find(f"{SVG}title")
    return [str(each.text) for each in root.iter(f"{SVG}title") if each is not own]


def story_of_picture(root: ElementTree.Element) -> str:
    return str(root.findtext(f"{SVG}desc"))


# The builder --------------------------------------------------------------------------------------------------------


@given(st.text())
def test_whatever_stands_in_a_bundle_stays_text(text: str):
    plane = Plane(100)
    marks = [plane.text(0, 0, text), linked(text, text, plane.text(1, 1, text, room=20))]
    root = ElementTree.fromstring(finish(plane, 10, marks, title=text, story=text, look="d-paths", has_links=True))

    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {"svg", "title", "desc", "text", "a"}
    kept = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
    assert "".join(root.find(f"{SVG}text").itertext()) == re.sub(r"\r\n?", "\n", kept)


def test_a_script_in_a_name_is_shown_and_not_run():
    mark = element("g", {"class": '"><script>x</script>'}, words("<script>alert(1)</script> & co"))

    assert mark == (
        '<g class="&quot;&gt;&lt;script&gt;x&lt;/script&gt;">&lt;script&gt;alert(1)&lt;/script&gt; &amp; co</g>'
    )


def test_numbers_are_short_and_the_same_everywhere():
    assert element("path", {"x": 1.0, "y": 1 / 3, "z": -0.001, "class": ""}) == '<path x="1" y="0.33" z="0"/>'


def test_a_mirrored_plane_runs_from_the_right():
    plane = Plane(100, mirrored=True)

    assert 'x="70"' in plane.box(10, 0, 20, 5, "d-card")
    assert 'x="90"' in plane.text(10, 0, "a") and 'text-anchor="end"' in plane.text(10, 0, "a")
    assert "text-anchor" not in plane.text(10, 0, "a", anchor="end")
    assert plane.curve((0, 0), (100, 10), "d-line") == '<path d="M100 0C50 0 50 10 0 10" class="d-line"/>'


def test_a_band_is_as_thick_as_told_at_both_its_ends():
    band = Plane(100).band((0, 10), (100, 30), 7, "d-band")

    assert band == '<path d="M0 10C50 10 50 30 100 30L100 37C50 37 50 17 0 17Z" class="d-band"/>'


def test_ids_come_from_the_content():
    plane = Plane(10)
    one, again, other = (finish(plane, 10, [tip(text)], title="t", story="s", look="d-paths") for text in "aab")

    assert one == again and one != other
    assert (
        ElementTree.fromstring(one).attrib["aria-labelledby"]
        != ElementTree.fromstring(other).attrib["aria-labelledby"]
    )


def test_a_right_to_left_page_does_not_turn_the_geometry_round():
    assert 'direction="ltr"' in finish(Plane(10), 10, [], title="t", story="s", look="d-paths")
    assert "unicode-bidi: plaintext" in SHEET.read_text(encoding="utf-8")


def test_a_link_says_where_it_leads():
    root = ElementTree.fromstring(linked("/a?b=1&c=2", "Quote → Claims: 3", Plane(1).dot(0, 0, 1, "d-dot")))

    assert root.attrib == {"href": "/a?b=1&c=2", "class": "d-link", "aria-label": "Quote → Claims: 3"}
    assert "<a" not in linked(None, "Quote", Plane(1).dot(0, 0, 1, "d-dot"))


# Lettering ----------------------------------------------------------------------------------------------------------


@given(st.text(), st.floats(20, 400))
def test_what_is_cut_fits(text: str, room: float):
    shown = cut(text, 12, room)

    assert measure(shown, 12) <= room + 0.02
    assert shown == text or (shown.endswith("…") and text.startswith(shown[:-1]))


def test_chinese_is_cut_by_how_wide_it_looks():
    assert cut("保障咨询与理赔服务", 10, 60) == "保障咨询与…"
    assert cut("cover and claims service", 10, 60) == "cover and…"


def test_cut_text_has_the_whole_in_its_tip_and_short_text_has_none():
    plane = Plane(100)

    assert "<title>A very long title</title>A v…" in plane.text(0, 0, "A very long title", size=10, room=30)
    assert "<title>" not in plane.text(0, 0, "Short", size=10, room=60)


def test_a_letter_and_its_marks_are_not_parted():
    family = "👨‍👩‍👧"
    assert cut(f"{family}{family}", 10, 45) == f"{family}…"
    assert cut("e\u0301e\u0301e\u0301e\u0301", 10, 23) == "e\u0301e\u0301…"


@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs"))), st.integers(1, 4))
def test_lines_hold_the_text_and_no_more(text: str, lines: int):
    wrapped = wrap(text, 12, 90, lines=lines)

    assert len(wrapped) <= lines
    assert all(measure(line, 12) <= 90.02 for line in wrapped)
    if not any(line.endswith("…") for line in wrapped):
        assert "".join("".join(wrapped).split()) == "".join(text.split())


def test_lines_break_at_spaces_and_between_chinese_letters():
    assert wrap("Complaints and talking to a person", 13, 150, lines=2) == ["Complaints and", "talking to a person"]
    assert wrap("接手，并看到此前的对话。", 12, 72, lines=3) == ["接手，并看到", "此前的对话。"]


def test_wide_letters_count_as_wide_and_marks_not_at_all():
    assert measure("保障", 10) == 20
    assert measure("e\u0301", 10) == measure("e", 10)
    assert measure("iii", 10) < measure("aaa", 10) < measure("AAA", 10) < measure("MMM", 10)
    assert BOLD > 1


# Words --------------------------------------------------------------------------------------------------------------


def test_every_language_has_all_words_with_the_same_gaps():
    gaps = {key: sorted(re.findall(r"{\w+}", text)) for key, text in WORDS["en"].items()}

    for locale, texts in WORDS.items():
        assert {key: sorted(re.findall(r"{\w+}", text)) for key, text in texts.items()} == gaps, locale
