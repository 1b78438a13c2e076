from hypothesis import given
from hypothesis import strategies as st

from firstline.bundle import Article
from firstline.retrieval.passages import MAXIMUM, anchor_of, build_passages


def article(body: str, *, slug: str = "ev/battery", locale: str = "en", title: str = "EV battery cover") -> Article:
    return Article(slug=slug, locale=locale, title=title, url=f"/help/{locale}/{slug}", body=body)


OPENING = "Battery cover pays when the drive battery of your electric vehicle is damaged suddenly and by accident."
FILLER = "This sentence is here so that the section is long enough to stand by itself as one passage of the page."


def test_each_section_becomes_a_passage_with_a_stable_id_a_title_and_a_link_to_its_heading() -> None:
    passages = build_passages([article(f"{OPENING}\n\n## What is not covered\n\n{FILLER}\n")])

    assert [passage.passage_id for passage in passages] == ["en/ev/battery#1", "en/ev/battery#2"]
    assert [passage.title for passage in passages] == [
        "EV battery cover",
        "EV battery cover — What is not covered",
    ]
    assert [passage.url for passage in passages] == [
        "/help/en/ev/battery",
        "/help/en/ev/battery#what-is-not-covered",
    ]
    assert [passage.text for passage in passages] == [OPENING, FILLER]


def test_chinese_headings_keep_their_letters_in_the_anchor() -> None:
    passages = build_passages([article(f"{FILLER}\n\n## 哪些情况不赔？\n\n{FILLER}", locale="zh", title="电池保障")])

    assert passages[1].title == "电池保障 — 哪些情况不赔？"
    assert passages[1].url.endswith("#哪些情况不赔")


def test_an_anchor_has_only_words_and_hyphens() -> None:
    assert anchor_of("What *isn't* covered, & why?") == "what-isn-t-covered-why"
    assert anchor_of("See [deductibles](../auto/deductibles.md)") == "see-deductibles"
    assert anchor_of("???") == "section"


def test_a_short_section_joins_the_one_before_it_and_keeps_its_heading() -> None:
    passages = build_passages([article(f"{OPENING}\n\n## Limit\n\n$20,000.\n\n## Claims\n\n{FILLER}")])

    assert len(passages) == 2
    assert passages[0].text == f"{OPENING}\n\n### Limit\n\n$20,000."
    assert passages[1].text == FILLER


def test_a_short_opening_joins_the_first_section() -> None:
    passages = build_passages([article(f"In brief.\n\n## Limit\n\n{FILLER}")])

    assert [passage.text for passage in passages] == [f"In brief.\n\n{FILLER}"]
    assert passages[0].title == "EV battery cover — Limit"


def test_a_long_section_is_cut_between_paragraphs() -> None:
    paragraphs = [f"Paragraph {number}. " + FILLER * 4 for number in range(6)]
    passages = build_passages([article("## Long\n\n" + "\n\n".join(paragraphs))])

    assert len(passages) == 3
    assert "\n\n".join(passage.text for passage in passages) == "\n\n".join(paragraphs)
    assert {passage.url for passage in passages} == {"/help/en/ev/battery#long"}


def test_a_table_that_fits_is_never_torn() -> None:
    table = "| Cover | Limit |\n|---|---|\n" + "\n".join(f"| Cover number {row} | ${row},000 |" for row in range(30))
    passages = build_passages([article(f"## Limits\n\n{FILLER * 5}\n\n{table}\n\n{FILLER * 5}")])

    assert sum(table in passage.text for passage in passages) == 1


def test_each_piece_of_a_table_that_is_too_long_has_the_head_of_the_table() -> None:
    rows = [f"| Cover number {row} | ${row},000 |" for row in range(200)]
    passages = build_passages([article("## Limits\n\n| Cover | Limit |\n|---|---|\n" + "\n".join(rows))])

    assert len(passages) > 2
    assert all(passage.text.startswith("| Cover | Limit |\n|---|---|\n") for passage in passages)
    assert all(len(passage.text) <= MAXIMUM for passage in passages)
    assert all(any(row in passage.text.splitlines() for passage in passages) for row in rows)


def test_a_wide_character_counts_twice() -> None:
    passages = build_passages([article("## 长\n\n" + "电池保障。" * 200)])

    assert max(len(passage.text) for passage in passages) <= MAXIMUM // 2


def test_a_heading_inside_a_code_fence_is_no_heading() -> None:
    body = f"## Example\n\n```\n## not a heading\n```\n\n{FILLER}"

    assert [passage.title for passage in build_passages([article(body)])] == ["EV battery cover — Example"]


def test_an_article_without_text_has_no_passages() -> None:
    assert build_passages([article("\n\n## Empty\n\n")]) == ()


@given(st.lists(st.text(alphabet="ab. 。|-电\n", min_size=1, max_size=900), max_size=8))
def test_no_text_is_lost_and_no_passage_is_too_long(paragraphs: list[str]) -> None:
    body = "\n\n".join(paragraphs)
    passages = build_passages([article(body)])

    found = "".join("".join(passage.text.split()) for passage in passages)
    assert found == "".join(body.split()) or "|" in body
    assert all(passage.text.strip() for passage in passages)
    assert all(len(passage.text) <= 2 * MAXIMUM for passage in passages)
