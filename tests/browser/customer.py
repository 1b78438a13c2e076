"""What a customer does on the page, in a test's words. Playwright looks into the open shadow root by itself."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

WAIT_MS = 20_000


def replies(page: Page) -> Locator:
    """The assistant's finished messages."""
    return page.locator('.message.reply[aria-busy="false"]')


def say(page: Page, text: str) -> str:
    """Send a message with the keyboard, and wait for the whole reply; its text."""
    before = replies(page).count()
    box = page.locator("textarea").first
    box.fill(text)
    box.press("Enter")
    expect(replies(page)).to_have_count(before + 1, timeout=WAIT_MS)
    expect(page.locator('.message.reply[aria-busy="true"]')).to_have_count(0, timeout=WAIT_MS)
    return replies(page).nth(before).locator(".rich").inner_text()


def sign_in(page: Page, name: str) -> None:
    """Try the demo as one of its customers."""
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name=name).click()


def find_barriers(page: Page) -> list[str]:
    """What axe finds that is serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in ("serious", "critical")
    ]
