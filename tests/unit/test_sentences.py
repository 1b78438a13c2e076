"""Pieces are whole sentences, whatever the chunks they came in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.sentences import HOLD_CHARS, SentenceSplitter, ends_sentence

ALPHABET = st.sampled_from(
    ["a", "B", "7", " ", "\n", ".", "!", "?", "…", "。", "！", "；", "」", "*", "**", "`", "```", "~~~", "[", "](",
     ")", "|", "-", "---", "#", "1.", "$1,", "200", ".50", "e.g.", "No.", "Mr.", "说", "“", "”", "؟", "।", "  ", "\t"]
)  # fmt: skip
TEXTS = st.lists(ALPHABET, max_size=60).map("".join)


def split(*chunks: str) -> list[str]:
    splitter = SentenceSplitter()
    pieces = [piece for chunk in chunks for piece in splitter.feed(chunk)]
    return pieces + splitter.flush()


@given(TEXTS)
def test_pieces_are_the_input_byte_for_byte(text: str) -> None:
    assert "".join(split(text)) == text


@given(TEXTS, st.lists(st.integers(1, 9), min_size=1, max_size=20))
def test_the_cuts_do_not_depend_on_the_chunks(text: str, sizes: list[int]) -> None:
    chunks, at = [], 0
    for size in sizes:
        chunks.append(text[at : at + size])
        at += size
    assert split(text) == split(*text) == split(*chunks, text[at:])


@given(st.lists(ALPHABET, min_size=300, max_size=900).map("".join))
def test_a_piece_is_never_longer_than_the_hold_back(text: str) -> None:
    pieces = split(*text)
    assert pieces == split(text)
    assert max(map(len, pieces)) <= HOLD_CHARS


@pytest.mark.parametrize(
    "text",
    [
        "It costs $1,200.50 a year. |Then 3.5% more! |Really?! |Yes.",
        "Mr. Smith vs. Dr. Jones, e.g. at 9 a.m. in the U.S. today. |No. |It is No. 5 of v2.0.",
        "Go to www.acme.example. |Or to https://x.example/a.b?c=d&e=f. |Call 1-800-123-4567. |Thanks.",
        "Well... perhaps. |Well... |Then not.",
        '"Yes." |(See above.) |He left.',
        "你好！|世界，好吗？|「是的。」|他说；|价格是3.5元。|“好。”|再见……",
        "**注意！**|重点：**很好。**|完。",
        "好！|**重点**在这里。",
        "**One. Two.** |Then [a link. here](https://x.example/a. b) ends. |Last `x. Y` one.",
        "مرحبا؟ |نعم. |शुल्क है। |ठीक।",
        "## A heading. Of two!\n\n|Text.",
        "1. First thing. |And more.\n|2. Second\n|- third\n|  - nested\n\n|* fourth",
        "| a. B | b |\n|---|:-:|\n¦| 1. X | 2 |\n¦| 3 | 4 |\n\n¦After. ¦Done.",
        "```py\n|x = 1. # A. b\n|\n|y\n|```\n|After. |Done.",
        "A line without a stop\n|and the next.",
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str) -> None:
    mark = "¦" if "¦" in text else "|"
    assert split(*text.replace(mark, "")) == text.split(mark)


def test_a_sentence_comes_out_as_soon_as_the_next_begins() -> None:
    splitter = SentenceSplitter()
    assert splitter.feed("It is $1,") == []
    assert splitter.feed("200") == []
    assert splitter.feed(".50. ") == []
    assert splitter.feed("T") == ["It is $1,200.50. "]
    assert splitter.held == "T"


def test_a_run_on_is_cut_at_white_space() -> None:
    pieces = split("word " * 500)
    assert all(piece.endswith(" ") for piece in pieces)


def test_a_run_on_without_white_space_is_cut_all_the_same() -> None:
    assert [len(piece) for piece in split("字" * 2500)] == [1000, 1000, 500]


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("It is. ", True),
        ("好。", True),
        ("**Yes!** ", True),
        ("It is\n", False),
        ("- item\n", False),
        ("a\n\n", True),
    ],
)
def test_a_claim_goes_on_until_it_is_ended(text: str, ended: bool) -> None:
    assert ends_sentence(text) is ended
