"""What a newcomer does first: the whole reference dialogue in a browser, in both languages."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.customer import WAIT_MS, replies, say

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PRICE = re.compile(r"\$\d[\d,]*\.\d\d")


def test_the_reference_dialogue_in_english(open_page: Any) -> None:
    page = open_page("?locale=en")
    expect(page.get_by_text("Hello, I'm Eva")).to_be_visible()
    expect(page.get_by_text("This is the offline model")).to_be_visible()

    page.get_by_role("button", name="What does your electric-vehicle insurance cover?").click()
    expect(replies(page)).to_have_count(1, timeout=WAIT_MS)
    expect(page.locator(".message.reply .sources li").first).to_be_visible()

    ageing = say(page, "Does the battery's normal ageing count?")
    assert "not covered" in ageing
    assert "70%" in ageing
    assert "$2,500" in say(page, "And what about my wallbox?")

    recipe = say(page, "Can you give me a recipe for pancakes?")
    assert "flour" not in recipe.lower()
    assert not PRICE.search(recipe)

    assert "?" in say(page, "What would it cost to insure my car?")
    assert "miles" in say(page, "It's a 2022 Leaf")
    assert "2023" in say(page, "no, 2023")
    first = PRICE.findall(say(page, "12,000 miles, and I'm 34"))
    card = page.locator(".card .amount").last
    assert card.inner_text() in first  # the price in the words is the price of the card, which is the tool's
    expect(page.locator(".card dd", has_text="2023 Nissan Leaf").last).to_be_visible()

    second = PRICE.findall(say(page, "And if I drive 5,000 miles less?"))
    assert page.locator(".card .amount").last.inner_text() in second
    assert first[0] != second[0]
    expect(page.locator(".card dd", has_text="7,000").last).to_be_visible()

    assert say(page, "Thanks, bye!")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="End this conversation").click()
    page.get_by_role("button", name="5 of 5").click()
    expect(page.get_by_text("Thank you. It helps us to get better.")).to_be_visible()


def test_the_reference_dialogue_in_chinese(open_page: Any) -> None:
    page = open_page("?locale=zh", locale="zh-CN")
    expect(page.get_by_text("您好").first).to_be_visible()
    assert "70%" in say(page, "电池正常老化算在保障内吗？")
    assert "2,500" in say(page, "我家的充电桩保吗？")
    assert "面粉" not in say(page, "教我做煎饼吧")
    say(page, "给我的车上保险多少钱？")
    say(page, "是2022年的聆风")
    assert "2023" in say(page, "不对，是2023年的")
    first = PRICE.findall(say(page, "一年12000英里，我34岁"))
    assert page.locator(".card .amount").last.inner_text() in first
    second = PRICE.findall(say(page, "如果少开5000英里呢？"))
    assert page.locator(".card .amount").last.inner_text() in second
    assert first != second
