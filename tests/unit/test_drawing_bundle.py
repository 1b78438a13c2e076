"""The drawn bundle shows every playbook, tool and end, to the eye and in words."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.bundle import Bundle, Playbook, PlaybookKind
from firstline.bundle.load import load_bundle
from firstline.drawing.bundle_flow import draw_bundle, draw_bundle_for_page
from firstline.drawing.mermaid import describe_bundle
from firstline.drawing.plan import OUTCOME_OF, plan_bundle
from firstline.drawing.words import say
from firstline.tools import Approval, Declaration, Tool
from firstline.tools.python import open_bundle
from firstline.types import PlaybookId
from tests.unit.test_drawing_svg import SVG, read_picture, story_of_picture, texts_of, tips_of

ACME = Path(__file__).parents[2] / "bundles" / "acme"
HOSTILE = 'end "x"] --> y; %% `b` <script>alert(1)</script> #quot; \\n & {a}\n\nnew'
QUOTED = re.compile(r'"[^"\n]*"')


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    bundle, toolset = open_bundle(ACME, data=tmp_path_factory.mktemp("rows"))
    toolset.close()
    return bundle


def with_playbooks(bundle: Bundle, **changes: object) -> Bundle:
    playbooks = {key: each.model_copy(update=changes) for key, each in bundle.playbooks.items()}
    return replace(bundle, playbooks=playbooks)


def tool(name: str, effect: str = "read", *, requires: str = "verified", limit: float | None = None) -> Tool:
    approval = None if limit is None else Approval("amount_usd", limit)
    declaration = Declaration(effect, requires, 10.0, {"en": f"Doing {name}"}, approval_above=approval)
    return Tool(name, "", {}, declaration)


def boxes_of(root: ElementTree.Element, look: str) -> Iterator[tuple[float, float, float, float]]:
    """Left, top, right, bottom of rectangles with this look."""
    for box in root.iter(f"{SVG}rect"):
        if look in box.attrib["class"].split():
            left, top, width, height = (float(box.attrib[key]) for key in ("x", "y", "width", "height"))
            yield left, top, left + width, top + height


def overlaps(one: tuple[float, ...], two: tuple[float, ...]) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


# What is shown ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
@pytest.mark.parametrize("locale", ["en", "zh", "ar"])
def test_every_playbook_tool_and_end_is_to_be_read(acme: Bundle, locale: str, narrow: bool):
    root = read_picture(draw_bundle(acme, locale, narrow=narrow))
    read = re.sub(r"\s", "", "".join(texts_of(root)))
    told = story_of_picture(root)

    shown = "en" if locale == "ar" else locale
    labels = [each.declaration.label[shown] for each in acme.tools.values()]
    titles = [each.title[shown] for each in acme.playbooks.values()]
    for words in [*labels, *titles, *(say(end, locale) for end in ("message", "screen", "route", "reply", "person"))]:
        assert words.replace(" ", "") in read and words in told, words


def test_marks_of_effect_sign_in_and_limit_are_shapes_and_words(acme: Bundle):
    tools = {
        "look": tool("look", requires="anonymous"),
        "change": tool("change", "write"),
        "pay": tool("pay", "money", limit=1234.5),
    }
    root = read_picture(draw_bundle(replace(with_playbooks(acme, tools=tuple(tools)), tools=tools), "en"))
    shapes: dict[str, list[str]] = {}
    told: dict[str, str] = {}
    for group in root.iter(f"{SVG}g"):
        tip = group.findtext(f"{SVG}title") or ""
        if found := re.match(r"Doing (\w+)", tip):
            told[found[1]] = tip
            shapes[found[1]] = [piece.tag for piece in group.iter() if piece.tag not in (f"{SVG}title", f"{SVG}text")]

    assert told["look"] == "Doing look · look; looks something up"
    assert told["change"] == "Doing change · change; changes something, once confirmed; only when signed in"
    assert told["pay"].endswith("moves money, once confirmed; only when signed in; over US$1,234.50: a person")
    assert len({tuple(shape) for shape in shapes.values()}) == 3, "told apart by shape alone"
    assert "over US$1,234.50: a person" in texts_of(root)


def test_the_legend_explains_the_marks_that_occur_and_no_others(acme: Bundle):
    tools = {"look": tool("look", requires="anonymous")}
    root = read_picture(draw_bundle(replace(with_playbooks(acme, tools=("look",)), tools=tools), "en"))
    bare = read_picture(draw_bundle(replace(with_playbooks(acme, tools=()), tools={}), "en"))

    assert "looks something up" in texts_of(root)
    assert not {"only when signed in", "moves money, once confirmed"} & set(texts_of(root))
    assert "looks something up" not in texts_of(bare)


def test_tools_that_were_not_loaded_are_drawn_by_their_names():
    root = read_picture(draw_bundle(load_bundle(ACME), "en"))

    assert "get_quote" in texts_of(root)


def test_a_playbook_without_a_clear_subject_is_shown_as_one_more_way(acme: Bundle):
    groups = plan_bundle(acme, "en")

    assert [row.title for group in groups for row in group.rows if not row.certain] == ["No clear subject"]


def test_every_kind_of_playbook_leads_to_an_end():
    assert set(OUTCOME_OF) == set(get_args(PlaybookKind))


def test_a_person_is_there_even_when_no_playbook_leads_to_one(acme: Bundle):
    greets = replace(
        acme, playbooks={key: each for key, each in acme.playbooks.items() if each.kind in ("greet", "answer")}
    )
    read = texts_of(read_picture(draw_bundle(greets, "en")))

    assert "A person" in read and "Polite refusal" not in read
    assert [group.outcome for group in plan_bundle(greets, "en")] == ["reply", "person"]


def test_a_name_that_looks_like_markup_stays_a_name(acme: Bundle):
    root = read_picture(draw_bundle(with_playbooks(acme, title={"en": "<script>alert(1)</script>"}), "en"))

    assert "<script>alert(1)</script>" in "".join(tips_of(root))


# How it stands ------------------------------------------------------------------------------------------------------

KINDS = st.sampled_from(get_args(PlaybookKind))
TITLES = st.text(st.characters(codec="utf-8", categories=("L", "Nd", "Zs")), min_size=1, max_size=60)


@st.composite
def bundles(draw: st.DrawFn) -> Bundle:
    """Up to eight playbooks with up to ten tools, of any titles and kinds."""
    tools = {
        f"tool_{number}": tool(
            f"tool_{number}", draw(st.sampled_from(["read", "write", "money"])), limit=draw(st.none() | st.just(50.0))
        )
        for number in range(10)
    }
    playbooks = {
        PlaybookId(f"p{number}"): Playbook(
            id=PlaybookId(f"p{number}"),
            title={"en": draw(TITLES)},
            kind=draw(KINDS),
            when="x",
            utterances={"en": ("x",)},
            tools=tuple(draw(st.lists(st.sampled_from(sorted(tools)), unique=True, max_size=10))),
            instructions="x",
        )
        for number in range(draw(st.integers(0, 8)))
    }
    return replace(load_bare(), tools=tools, playbooks=playbooks)


@cache
def load_bare() -> Bundle:
    """Without what no picture shows: hypothesis prints what it tries."""
    return replace(load_bundle(ACME), articles=(), examples=(), identity="", policy="", context=())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(bundles(), st.booleans(), st.sampled_from(["en", "ar"]))
def test_nothing_overlaps_and_nothing_leaves_the_picture(bundle: Bundle, narrow: bool, locale: str):
    root = read_picture(draw_bundle(bundle, locale, narrow=narrow))
    width, height = (float(each) for each in root.attrib["viewBox"].split()[2:])
    chips = list(boxes_of(root, "d-chip"))
    cards = [card for card in boxes_of(root, "d-card") if not narrow or card not in list(boxes_of(root, "d-bare"))]
    frames = cards if not narrow else []

    assert not [pair for pair in combinations([*chips, *frames], 2) if overlaps(*pair)]
    assert not [pair for pair in combinations(cards, 2) if overlaps(*pair)]
    for left, top, right, bottom in [*chips, *cards]:
        assert left >= 0 and top >= 0 and right <= width and bottom <= height
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.attrib["x"]) <= width and 0 < float(text.attrib["y"]) <= height


def test_it_is_mirrored_where_reading_begins_at_the_right(acme: Bundle):
    def first_step(locale: str) -> tuple[float, ...]:
        return next(boxes_of(read_picture(draw_bundle(acme, locale)), "d-message"))

    assert first_step("en")[0] == first_step("zh")[0] == 1
    assert first_step("ar")[2] == 1040 - 1


def test_a_page_gets_both_shapes_and_every_id_once(acme: Bundle):
    page = draw_bundle_for_page(acme, "en")
    ids = re.findall(r' id="([^"]+)"', page)

    assert re.findall(r'class="drawing (\S+)"', page) == ["d-flow-wide", "d-flow-narrow"]
    assert len(ids) == len(set(ids)) == 4


# Mermaid ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", ["en", "zh", "ar"])
def test_the_mermaid_text_names_all_and_draws_each_tool_once(acme: Bundle, locale: str):
    text = describe_bundle(acme, locale)
    nodes = re.findall(r"^    (t\d+)\W", text, re.MULTILINE)
    shown = "en" if locale == "ar" else locale

    assert text.startswith("flowchart RL\n" if locale == "ar" else "flowchart LR\n")
    assert len(nodes) == len(set(nodes)) == len(acme.tools) + 1  # and the knowledge
    for playbook in acme.playbooks.values():
        assert playbook.title[shown] in text
    assert set(re.findall(r"--- (t\d+)$", text, re.MULTILINE)) == set(nodes)


def test_the_mermaid_text_reads_nothing_of_a_bundle_as_mermaid(acme: Bundle):
    plain = describe_bundle(with_playbooks(acme, title={"en": "Plain"}), "en")
    hostile = describe_bundle(with_playbooks(acme, title={"en": HOSTILE}), "en")

    def skeleton(text: str) -> list[str]:
        return [QUOTED.sub("«»", line) for line in text.splitlines()]

    assert skeleton(hostile) == skeleton(plain)
    assert "<script" not in hostile and "#quot;" not in hostile and "`" not in hostile


def test_effects_have_shapes_of_their_own_in_mermaid(acme: Bundle):
    text = describe_bundle(acme, "en")

    assert re.search(r'\(\["Working out your quote<br/>looks something up"\]\)', text)
    assert re.search(r'\w\["Report a claim<br/>changes something', text)
    assert re.search(r'\{\{"Refund an overpaid invoice<br/>.*over US\$100: a person"\}\}', text)
