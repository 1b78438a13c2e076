"""The page under everything that happens to pages: refresh, a second tab, a lost network, a phone, a keyboard."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.customer import WAIT_MS, find_barriers, replies, say, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_a_refresh_shows_the_same_conversation(open_page: Any) -> None:
    page = open_page()
    answer = say(page, "Does the battery's normal ageing count?")
    page.locator("textarea").first.fill("half a thought")
    page.reload()
    expect(replies(page)).to_have_count(1, timeout=WAIT_MS)
    assert replies(page).first.locator(".rich").inner_text() == answer
    expect(page.locator("textarea").first).to_have_value("half a thought")


def test_a_reply_is_there_although_the_page_was_closed_at_once(open_page: Any) -> None:
    page = open_page()
    box = page.locator("textarea").first
    box.fill("What is a deductible?")
    with page.expect_response(lambda response: response.url.endswith("/messages")):
        box.press("Enter")
    page.goto("about:blank")
    page.go_back()
    expect(replies(page)).to_have_count(1, timeout=WAIT_MS)


def test_two_tabs_show_the_same(open_page: Any) -> None:
    first = open_page()
    say(first, "What is a deductible?")
    second = first.context.new_page()
    second.goto(first.url)
    expect(replies(second)).to_have_count(1, timeout=WAIT_MS)
    say(second, "Is glass covered?")
    expect(replies(first)).to_have_count(2, timeout=WAIT_MS)
    expect(first.get_by_text("Is glass covered?")).to_be_visible()


def test_a_message_written_without_a_network_is_kept_and_sent_once(open_page: Any) -> None:
    page = open_page()
    say(page, "What is a deductible?")
    page.context.set_offline(True)
    box = page.locator("textarea").first
    box.fill("Is glass covered?")
    box.press("Enter")
    expect(page.get_by_text("Not sent.")).to_be_visible(timeout=WAIT_MS)
    page.context.set_offline(False)
    again = page.get_by_role("button", name="Try again")
    if again.count():
        again.first.click()
    expect(replies(page)).to_have_count(2, timeout=WAIT_MS)
    expect(page.locator(".message.own", has_text="Is glass covered?")).to_have_count(1)


def test_a_source_opens_and_leads_to_its_page(open_page: Any) -> None:
    page = open_page()
    say(page, "Does the battery's normal ageing count?")
    page.locator(".rich [data-citation]").first.click()
    quote = page.locator(".citation blockquote")
    expect(quote).to_be_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Read the whole page").click()
    expect(opened.value.get_by_role("heading", level=1)).to_contain_text("ageing")
    page.keyboard.press("Escape")
    expect(quote).to_be_hidden()


def test_an_action_is_done_only_by_the_card_and_shown_as_done(open_page: Any) -> None:
    page = open_page()
    assert "sign in" in say(page, "I want to cancel my policy").lower()
    sign_in(page, "James Okafor")
    page.wait_for_timeout(300)
    say(page, "cancel my policy AC-205133 on 2026-12-31")
    card = page.locator(".confirmation")
    expect(card).to_contain_text("AC-205133", timeout=WAIT_MS)
    expect(card).to_contain_text("2026-12-31")
    before = replies(page).count()
    page.get_by_role("button", name="Yes, do this").click()
    expect(page.get_by_text("You confirmed this.")).to_be_visible(timeout=WAIT_MS)
    expect(replies(page)).to_have_count(before + 1, timeout=WAIT_MS)
    assert "AC-205133" in replies(page).last.inner_text()


def test_a_person_is_one_button_away_and_the_truth_is_told(open_page: Any) -> None:
    page = open_page()
    say(page, "What is a deductible?")
    page.get_by_role("button", name="Talk to a person").click()
    expect(page.get_by_text("1-800-123-4567").first).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name=re.compile("Go on with Eva")).click()
    assert say(page, "Is glass covered?")


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (320, "dark"), (1280, "dark")])
def test_a_narrow_page_does_not_scroll_sideways_and_has_no_barriers(open_page: Any, width: int, scheme: str) -> None:
    page: Page = open_page(viewport={"width": width, "height": 700}, color_scheme=scheme)
    expect(page.get_by_role("button", name="Talk to a person")).to_be_visible()
    assert find_barriers(page) == []
    say(page, "What does it cost for a 2023 Nissan Leaf, 12,000 miles a year, driver 34?")
    say(page, "Does the battery's normal ageing count?")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert find_barriers(page) == []


def test_an_arabic_page_reads_from_right_to_left(open_page: Any) -> None:
    page = open_page("?locale=ar", locale="ar")
    assert page.evaluate("document.documentElement.dir") == "rtl"
    expect(page.locator("textarea").first).to_be_visible()
    assert find_barriers(page) == []


def test_the_keyboard_alone_is_enough(open_page: Any) -> None:
    page = open_page()
    expect(page.get_by_text("Hello, I'm Eva")).to_be_visible()
    page.locator("textarea").first.focus()
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        focused = page.evaluate("document.activeElement.shadowRoot?.activeElement?.textContent ?? ''")
        if "What would it cost" in focused:
            break
    page.keyboard.press("Enter")
    expect(replies(page)).to_have_count(1, timeout=WAIT_MS)


def test_the_widget_opens_on_a_page_of_another_and_answers(open_page: Any) -> None:
    page = open_page("embed")
    page.get_by_role("button", name=re.compile("Open the chat")).last.click()
    assert say(page, "What is a deductible?")
    assert find_barriers(page) == []


def test_what_a_customer_writes_never_becomes_markup(open_page: Any) -> None:
    page = open_page()
    attack = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script> [x](javascript:window.hurt=1)'
    say(page, attack + " what is a deductible?")
    expect(page.locator(".message.own").first).to_contain_text("<script>")
    assert page.evaluate("window.hurt") is None
    assert page.locator(".items img, .items script").count() == 0


def test_shift_and_enter_break_the_line(open_page: Any) -> None:
    page = open_page()
    box = page.locator("textarea").first
    box.fill("one")
    box.press("Shift+Enter")
    box.type("two")
    expect(box).to_have_value("one\ntwo")
