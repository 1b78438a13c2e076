"""The report as a manager meets it: a month behind it, read at any width, from a figure to its conversations."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import served
from tests.browser.customer import WAIT_MS
from tests.support.staff_screenshots import fill

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("past")
    fill(data)
    with served(data) as url:
        yield url


@pytest.fixture
def page(browser: Browser, past: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    headers = {"Content-Type": "application/json", "Origin": past.rstrip("/")}
    context.request.post(past + "demo/staff", data=json.dumps({"role": "viewer"}), headers=headers)
    yield context.new_page()
    context.close()


def test_the_sentence_that_matters_stands_first_and_every_criterion_has_its_row(page: Page, past: str):
    page.goto(past + "report")

    expect(page.locator("h1")).to_contain_text(re.compile(r"\d+% of [\d,]+ conversations ended without a person"))
    rows = page.locator("table").first.locator("tbody tr")
    assert rows.count() >= 11
    words = page.locator("body").inner_text()
    assert "INCONCLUSIVE" in words.upper() and "PASS" in words.upper()


def test_a_figure_leads_to_the_conversations_behind_it(page: Page, past: str):
    page.goto(past + "report")

    link = page.locator('a[href*="metric=cited"]').first
    link.click()

    page.wait_for_url(re.compile(r"/inbox\?.*metric=cited"))
    expect(page.locator("a.row").first).to_be_visible(timeout=WAIT_MS)


def test_whoever_is_not_signed_in_sees_no_figure(browser: Browser, past: str):
    context = browser.new_context()
    stranger = context.new_page()
    stranger.goto(past + "report")

    expect(stranger.get_by_label(re.compile("password", re.IGNORECASE))).to_be_visible(timeout=WAIT_MS)
    assert "conversations ended" not in stranger.locator("body").inner_text()
    context.close()


@pytest.mark.parametrize("width", [320, 1280])
def test_it_can_be_read_by_everybody_at_any_width(page: Page, past: str, width: int):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(past + "report")

    found = Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_prints_on_two_pages(page: Page, past: str, tmp_path: Path):
    page.goto(past + "report")
    pdf = page.pdf(format="A4", prefer_css_page_size=True)

    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 2
