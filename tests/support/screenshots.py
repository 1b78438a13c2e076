"""The pages, looked at: `make screenshots` takes every state in the sizes, schemes and languages that matter.

Written to docs/screenshots/. Look at them, and mend what you see.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright
from rich.progress import track

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.customer import WAIT_MS, say, sign_in
from tests.browser.desk import Desk, served_desk
from tests.support.staff_screenshots import take_staff

FOLDER = Path("docs/screenshots")
QUOTE = {
    "en": "What does it cost for a 2023 Nissan Leaf, 12,000 miles a year, driver 34?",
    "zh": "2023年的日产聆风，一年12000英里，司机34岁，保险多少钱？",
    "ar": "What does it cost for a 2023 Nissan Leaf, 12,000 miles a year, driver 34?",
}
QUESTION = {
    "en": "Does the battery's normal ageing count?",
    "zh": "电池正常老化算在保障内吗？",
    "ar": "هل يشمل التأمين البطارية؟",
}
ANSWER = {
    "en": "I have read what you wrote. Ageing alone is **not** covered; a defect of the battery is.",
    "zh": "您写的内容我已经看过了。单纯的老化**不**在保障范围内，电池故障则可以赔付。",
    "ar": "قرأت ما كتبته. التقادم وحده **غير** مشمول، أما عيب البطارية فمشمول.",
}


def welcome(page: Page, locale: str) -> None:
    page.locator(".suggestion, .starter, button").first.wait_for()


def quote(page: Page, locale: str) -> None:
    say(page, QUOTE[locale])
    page.locator(".card .amount").last.wait_for(timeout=WAIT_MS)


def answer(page: Page, locale: str) -> None:
    say(page, QUESTION[locale])
    page.locator(".rich [data-citation]").first.click()
    page.locator(".citation blockquote").wait_for()


def confirmation(page: Page, locale: str) -> None:
    say(page, "Show me my policies")
    sign_in(page, "James Okafor")
    page.wait_for_timeout(300)
    say(page, "cancel my policy AC-205133 on 2026-12-31")
    page.locator(".confirmation").wait_for(timeout=WAIT_MS)


def waiting(page: Page, locale: str) -> None:
    say(page, QUESTION[locale])
    page.locator("button.person").click()
    page.locator(".card.waiting").wait_for(timeout=WAIT_MS)


def waiting_contact(page: Page, locale: str) -> None:
    waiting(page, locale)
    page.locator("#contact").fill("me@example")
    page.locator("#contact").press("Enter")
    expect(page.locator("#contact-error")).not_to_be_empty(timeout=WAIT_MS)


def contact_left(page: Page, locale: str) -> None:
    waiting(page, locale)
    page.locator("#contact").fill("me@example.com")
    page.locator("#contact").press("Enter")
    expect(page.locator(".kept")).to_contain_text("me@example.com", timeout=WAIT_MS)


def unclaimed(page: Page, locale: str) -> None:
    waiting(page, locale)
    expect(page.locator(".message.line")).to_have_count(2, timeout=WAIT_MS)


@cache
def desk_at(url: str) -> Desk:
    return Desk(url)


def with_person(page: Page, locale: str) -> None:
    waiting(page, locale)
    desk = desk_at(page.url.split("?", maxsplit=1)[0])
    desk.accept(page)
    desk.reply(page, ANSWER[locale])
    page.locator(".message.human").wait_for(timeout=WAIT_MS)
    desk.show_typing(page)
    page.locator(".status").wait_for(timeout=WAIT_MS)


def survey_after_person(page: Page, locale: str) -> None:
    with_person(page, locale)
    desk_at(page.url.split("?", maxsplit=1)[0]).resolve(page)
    page.locator(".card.closed").wait_for(timeout=WAIT_MS)


def closed(page: Page, locale: str) -> None:
    say(page, QUESTION[locale])
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="End this conversation").click()
    page.locator(".card.closed").wait_for(timeout=WAIT_MS)


def not_sent(page: Page, locale: str) -> None:
    say(page, QUESTION[locale])
    page.context.set_offline(True)
    page.locator("textarea").first.fill("And my wall box?")
    page.locator("textarea").first.press("Enter")
    expect(page.get_by_text("Not sent.")).to_be_visible(timeout=WAIT_MS)


def widget(page: Page, locale: str) -> None:
    page.get_by_role("button", name="Open the chat").last.click()
    say(page, QUESTION[locale])


def article(page: Page, locale: str) -> None:
    page.locator("h1").wait_for()


State = Callable[[Page, str], None]
ONE = [(1280, "light", "en"), (320, "dark", "en")]
EACH = [*ONE, (320, "light", "zh"), (320, "light", "ar")]
ALL = [(w, s, locale) for locale in ("en", "zh", "ar") for w in (320, 768, 1280) for s in ("light", "dark")]
STATES: list[tuple[State, str, list[tuple[int, str, str]]]] = [
    (welcome, "", ALL),
    (quote, "", ALL),
    (answer, "", [*ONE, (768, "light", "zh")]),
    (confirmation, "", ONE),
    (waiting, "?bundle=always", EACH),
    (waiting_contact, "?bundle=later", EACH),
    (contact_left, "?bundle=later", EACH),
    (unclaimed, "?bundle=hurried", EACH),
    (with_person, "?bundle=always", EACH),
    (survey_after_person, "?bundle=always", EACH),
    (closed, "", ONE),
    (not_sent, "", ONE),
    (widget, "embed", [(1280, "light", "en"), (320, "light", "en")]),
    (article, "help/always/en/ev/battery", [(1280, "light", "en"), (320, "dark", "en")]),
]


def take(browser: Browser, url: str, state: State, path: str, look: tuple[int, str, str]) -> None:
    width, scheme, locale = look
    options: dict[str, Any] = {"color_scheme": scheme, "reduced_motion": "reduce", "device_scale_factor": 1}
    context = browser.new_context(viewport={"width": width, "height": 720 if width > 400 else 640}, **options)
    page = context.new_page()
    page.goto(url + path + ("&" if "?" in path else "?") + f"locale={locale}")
    state(page, locale)
    page.wait_for_timeout(150)
    name = f"{state.__name__.replace('_', '-')}-{width}-{scheme}-{locale}.png"
    page.screenshot(path=FOLDER / name)
    context.close()


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory() as data,
        served_desk(Path(data)) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        looks = [(state, path, look) for state, path, each in STATES for look in each]
        for state, path, look in track(looks, "looking"):
            take(browser, url, state, path, look)
        take_staff(browser, FOLDER)
        browser.close()


if __name__ == "__main__":
    main()
