"""An evaluation's `report.html`, opened from disk: the filter, the keyboard, and no transcript that runs."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from firstline.evals.compare import compare
from firstline.evals.page import write_comparison_page, write_page
from firstline.scoring.trial import read_trial
from tests.support.dummies import Echoes
from tests.support.tried import make_sheet, trial_of

Open = Callable[..., Page]


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """`open_report(html)` opens it from disk; it may ask the network for nothing, and its console stays clean."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_one(html: str, anchor: str = "", **options: Any) -> Page:
        path = tmp_path / f"report-{len(contexts)}.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda asked: None if asked.url.startswith("file:") else complaints.append(asked.url))
        page.goto(f"{path.as_uri()}{anchor}")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def shown(page: Page) -> list[str]:
    return [row.inner_text().split()[0] for row in page.locator(".trial:visible .id").all()]


@pytest.fixture
def report(open_report: Open) -> Page:
    return open_report(write_page(make_sheet(model=Echoes())))


def test_the_filter_shows_what_is_asked_for_and_how_much_of_it(report: Page):
    assert len(shown(report)) == 10
    report.get_by_label("Criterion").select_option("Citations")
    report.get_by_label("State").select_option("Wrong")
    assert shown(report) == ["chain", "chain-in-chinese", "two-questions"]
    expect(report.get_by_role("status")).to_have_text("3 of 10 shown")
    report.get_by_label("Tag or language").select_option("zh")
    assert shown(report) == ["chain-in-chinese"]
    report.get_by_role("button", name="Show all").click()
    assert len(shown(report)) == 10


def test_text_is_searched_in_what_was_said_too(report: Page):
    report.get_by_label("Text").fill("borscht SOUP")

    assert shown(report) == ["poem"]


def test_a_figure_leads_to_its_conversations_and_back_again(report: Page):
    report.get_by_role("row", name="Quotes").get_by_role("link").first.click()
    assert shown(report) == ["price", "two-questions"]
    expect(report.get_by_label("Criterion")).to_have_value("quotes")
    report.go_back()
    assert len(shown(report)) == 10


def test_the_address_holds_the_filter(open_report: Open):
    page = open_report(write_page(make_sheet(model=Echoes())), "#state=passed")

    assert shown(page) == ["person"]


def test_everything_can_be_done_with_the_keyboard(report: Page):
    report.keyboard.press("j")
    report.keyboard.press("j")
    report.keyboard.press("Enter")
    second = report.locator(".trial").nth(1)
    expect(second).to_have_attribute("open", "")
    report.keyboard.press("k")
    assert report.evaluate("document.activeElement.parentElement.id") == "t1"
    report.keyboard.press("/")
    report.keyboard.type("jk/")
    expect(report.get_by_label("Text")).to_have_value("jk/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_it_can_be_read_by_everybody_at_any_width(open_report: Open, scheme: str, width: int):
    sheet = make_sheet(model=Echoes(), days=1)
    against = compare(make_sheet(), sheet)
    for html in (write_page(sheet, against), write_comparison_page(against)):
        page = open_report(html, color_scheme=scheme, viewport={"width": width, "height": 700})
        for row in page.locator(".trial > summary").all():
            row.click()

        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        found = Axe().run(page).response["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == []


def test_hostile_text_is_shown_and_never_runs(open_report: Open):
    attack = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    body = json.dumps(trial_of("price").to_json(), ensure_ascii=False)
    trial = read_trial(json.loads(body.replace("two wheels", f"two wheels {attack}").replace("wheels are", attack)))
    page = open_report(write_page(make_sheet([replace(trial, error=attack)])))
    page.locator(".trial > summary").click()

    expect(page.locator(".said.customer")).to_contain_text(attack)
    assert page.locator("img, .trial script").count() == 0


def test_it_prints_with_what_went_wrong_and_without_the_filter(report: Page):
    report.emulate_media(media="print")

    expect(report.locator("#filters")).to_be_hidden()
    expect(report.locator(".trial.failed").first).to_be_visible()
    expect(report.locator(".trial.passed").first).to_be_hidden()
