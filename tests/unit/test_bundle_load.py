"""A folder becomes one frozen value."""

import re
from datetime import date, time
from pathlib import Path

import pytest
from pydantic import BaseModel

from firstline.bundle import Assistant, Bundle, Contact, Limits, Span
from firstline.bundle.load import load_bundle
from firstline.bundle.shapes import ArticleHeader, BundleFile, ExampleHeader, PlaybookHeader
from firstline.bundle.starter import STARTER, write_starter
from firstline.errors import ConfigError
from firstline.tools.python import open_bundle


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_starter(tmp_path / "shop")
    return tmp_path / "shop"


def open_shop(shop: Path) -> Bundle:
    bundle, toolset = open_bundle(shop, data=shop.parent / "rows")
    toolset.close()
    return bundle


def test_the_starter_itself_is_a_bundle_without_problems(tmp_path: Path) -> None:
    bundle, toolset = open_bundle(STARTER, data=tmp_path)
    assert bundle.name == "starter"
    assert list(bundle.tools) == list(toolset.tools()) == ["get_repair_status", "book_drop_off"]
    assert not list(STARTER.rglob("__pycache__"))


def test_a_written_starter_bears_the_name_of_its_folder(tmp_path: Path) -> None:
    write_starter(tmp_path / "corner-bikes")
    bundle = open_shop(tmp_path / "corner-bikes")
    assert bundle.name == "corner-bikes"
    assert bundle.business == {"en": "Corner Bikes"}
    assert "Corner Bikes" in bundle.identity
    assert bundle.links == ("corner-bikes.example",)


def test_a_starter_is_never_written_over_something(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    write_starter(tmp_path / "shop")
    with pytest.raises(ConfigError, match="something here already"):
        write_starter(tmp_path / "shop")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="something here already"):
        write_starter(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "better"), [("My Shop", "`my-shop`"), ("24_7", "`my-business`"), ("-Ä-", "`my-business`")]
)
def test_a_folder_with_an_unfit_name_is_told_a_better_one(tmp_path: Path, name: str, better: str) -> None:
    with pytest.raises(ConfigError, match=better):
        write_starter(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_hours_are_spans_of_local_time(shop: Path) -> None:
    hours = open_shop(shop).hours
    assert hours.weekly["sat"] == (Span(opens=time(10), closes=time(14)),)
    assert [span.opens for span in hours.weekly["tue"]] == [time(9), time(13, 30)]
    assert "sun" not in hours.weekly
    assert date(2026, 12, 25) in hours.holidays
    assert str(hours.zone) == "Europe/London"


def test_a_playbook_is_its_front_matter_and_its_text(shop: Path) -> None:
    playbook = next(each for each in open_shop(shop).playbooks.values() if each.id == "repair")
    assert playbook.kind == "act"
    assert playbook.title == {"en": "Repairs"}
    assert playbook.utterances["en"][0] == "is my bike ready"
    assert playbook.tools == ("get_repair_status", "book_drop_off")
    assert playbook.instructions.startswith("For a repair that is under way")
    assert not playbook.instructions.endswith("\n")


def test_an_example_is_a_list_of_lines_and_a_turn_may_go_on_below(shop: Path) -> None:
    example = shop / "examples" / "status.md"
    example.write_text(example.read_text().replace("Assistant: Good news", "Assistant: One moment.\n\nGood news"))
    lines = open_shop(shop).examples[0].lines
    assert [line.who for line in lines] == [
        "customer", "assistant", "customer", "tool_call", "tool_result", "assistant",
    ]  # fmt: skip
    assert lines[3].text == 'get_repair_status {"ticket": "R-1001"}'
    assert lines[5].text.startswith("One moment.\n\nGood news: ")


def test_an_article_has_an_address_and_its_links_lead_to_addresses(shop: Path) -> None:
    articles = {article.slug: article for article in open_shop(shop).articles}
    assert sorted(articles) == ["repairs/how-long", "repairs/prices", "visiting/opening-hours"]
    prices = articles["repairs/prices"]
    assert prices.url == "/help/shop/en/repairs/prices"
    assert prices.tags == ("price", "service", "brakes", "tyre")
    assert prices.updated == date(2026, 6, 1)
    assert "(/help/shop/en/visiting/opening-hours)" in prices.body


def test_only_relative_links_outside_of_code_are_rewritten(shop: Path) -> None:
    article = shop / "knowledge" / "en" / "repairs" / "how-long.md"
    article.write_text(
        article.read_text()
        + "\nA [part](prices.md#price-list), [outside](https://x.example/a.md), [mail](mailto:a@b.example), "
        + "`[code](nowhere.md)`, ![picture](bike.png).\n\n```\n[code](nowhere.md)\n```\n"
    )
    body = next(each.body for each in open_shop(shop).articles if each.slug == "repairs/how-long")
    assert "[part](/help/shop/en/repairs/prices#price-list)" in body
    assert "[outside](https://x.example/a.md), [mail](mailto:a@b.example)" in body
    assert body.count("[code](nowhere.md)") == 2
    assert "![picture](bike.png)" in body


def test_one_text_stands_for_the_only_language_and_a_mapping_for_several(shop: Path) -> None:
    assert open_shop(shop).welcome.keys() == {"en"}
    head = shop / "bundle.yaml"
    head.write_text(head.read_text().replace("business: Shop", "business: {en: Shop}"))
    assert open_shop(shop).business == {"en": "Shop"}


@pytest.mark.parametrize(
    ("written", "read"),
    [("No", "No"), ("yes", "yes"), ("on", "on"), ("12:30", "12:30"), ("2026-01-02", "2026-01-02")],
)
def test_words_that_old_yaml_would_turn_into_something_else_stay_text(shop: Path, written: str, read: str) -> None:
    head = shop / "bundle.yaml"
    head.write_text(head.read_text().replace("competitors: []", f"competitors: [{written}]"))
    assert open_shop(shop).competitors == (read,)


def test_the_revision_changes_with_any_byte_and_any_name_and_with_nothing_else(shop: Path) -> None:
    first = open_shop(shop).revision
    assert len(first) == 16
    (shop / "__pycache__").mkdir()
    (shop / "__pycache__" / "tools.pyc").write_bytes(b"x")
    (shop / ".DS_Store").write_bytes(b"x")
    assert open_shop(shop).revision == first
    (shop / "tools.py").write_text((shop / "tools.py").read_text() + "\n# more\n")
    second = open_shop(shop).revision
    (shop / "knowledge" / "en" / "repairs" / "how-long.md").rename(shop / "knowledge" / "en" / "how-long.md")
    assert len({first, second, open_shop(shop).revision}) == 3


def test_windows_line_ends_and_a_byte_order_mark_are_no_mistakes(shop: Path) -> None:
    before = open_shop(shop)
    for path in (file for file in shop.rglob("*") if file.suffix in (".md", ".yaml")):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    after = open_shop(shop)
    assert (after.playbooks, after.articles, after.identity) == (
        before.playbooks,
        before.articles,
        before.identity,
    )


def test_without_load_tools_no_code_of_the_bundle_runs(shop: Path) -> None:
    (shop / "tools.py").write_text("raise SystemExit('ran')\n")
    bundle = load_bundle(shop)
    assert bundle.tools == {}
    assert bundle.playbooks["repair"].tools == ("get_repair_status", "book_drop_off")


def test_a_bundle_may_do_without_tools_examples_context_and_knowledge(shop: Path) -> None:
    for path in [
        shop / "tools.py",
        *shop.glob("context/*"),
        *shop.glob("examples/*"),
        *shop.rglob("knowledge/**/*.md"),
    ]:
        path.unlink()
    repair = shop / "playbooks" / "repair.md"
    repair.write_text(repair.read_text().replace("tools: [get_repair_status, book_drop_off]", "tools: []"))
    bundle = open_shop(shop)
    assert (bundle.tools, bundle.examples, bundle.context, bundle.articles) == ({}, (), (), ())


def test_links_within_the_folder_are_followed(shop: Path) -> None:
    (shop / "context" / "also.md").symlink_to(shop / "policy.md")
    assert len(open_shop(shop).context) == 2


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["bundle", "tools"])
def test_the_programs_in_the_documentation_run(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    programs = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs" / f"{page}.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert programs
    for program in programs:
        exec(compile(program, f"docs/{page}.md", "exec"), {"__name__": "__main__"})
    assert {"bundle": "Corner Bikes", "tools": "there is no `colour`"}[page] in capsys.readouterr().out


@pytest.mark.parametrize(
    "shape", [BundleFile, PlaybookHeader, ExampleHeader, ArticleHeader, Limits, Assistant, Contact]
)
def test_the_documentation_names_every_field(shape: type[BaseModel]) -> None:
    page = (ROOT / "docs" / "bundle.md").read_text()
    assert [name for name in shape.model_fields if f"`{name}`" not in page] == []
