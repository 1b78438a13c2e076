"""The pages of the people who work here, looked at: sign-in, inbox, report. Part of `make screenshots`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, Page

from firstline.store.opening import open_store
from firstline.tools.python import open_bundle
from tests.browser.conftest import served
from tests.browser.customer import WAIT_MS
from tests.support.past import fill_past

PAST = 1_200
CUSTOMERS = (
    ("en", None, ("Does the battery's normal ageing count?", "This is ridiculous, let me talk to a human")),
    ("zh", None, ("电池正常老化算在保障内吗？", "转人工")),
    ("en", "C-1002", ("Show me my invoices", "please refund 240 dollars on INV-58313")),
    ("en", None, ("What would it cost to insure my car?", "I'd rather talk to a person, please")),
)


def fill(folder: Path) -> None:
    """A store with a month behind it."""
    bundle, toolset = open_bundle(Path("bundles/acme"), data=folder / "rows")
    store = open_store(f"sqlite:///{folder / 'firstline.db'}")
    fill_past(store.engine, bundle, PAST, until=datetime.now(UTC))
    store.close()
    toolset.close()


def write_to_us(page: Page, url: str) -> None:
    """Customers who wait, one of them for a refund that a person has to approve."""

    def post(path: str, body: Any, token: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        return page.request.post(url + path, data=json.dumps(body), headers=headers).json()

    for locale, customer_id, texts in CUSTOMERS:
        identity = post("demo/identity", {"customer_id": customer_id}) if customer_id else {}
        started = post("v1/conversations", {"locale": locale, **identity})
        path, token = f"v1/conversations/{started['conversation_id']}", started["token"]
        for number, text in enumerate(texts):
            post(f"{path}/messages?wait=true", {"client_message_id": f"m{number}", "text": text}, token)
        headers = {"Authorization": f"Bearer {token}"}
        for card in page.request.get(url + path, headers=headers).json()["pending"]["confirmations"]:
            post(f"{path}/confirmations/{card['confirmation_id']}", {"decision": "confirm"}, token)


def sign_in_page(page: Page, url: str) -> None:
    page.goto(url + "inbox")
    page.get_by_role("textbox").first.wait_for()


def inbox(page: Page, url: str) -> None:
    _enter(page, url)
    page.locator("a.row").first.wait_for(timeout=WAIT_MS)


def inbox_conversation(page: Page, url: str) -> None:
    inbox(page, url)
    page.locator("a.row").filter(has_text="ridiculous").click()  # the past has rows, and nothing behind them
    page.locator("[role=log]").wait_for(timeout=WAIT_MS)
    page.wait_for_timeout(400)


def inbox_approval(page: Page, url: str) -> None:
    _enter(page, url)
    waiting = page.request.get(url + "v1/staff/approvals").json()["approvals"]
    page.goto(f"{url}inbox?c={waiting[0]['conversation_id']}")
    page.locator("[role=log]").wait_for(timeout=WAIT_MS)
    page.wait_for_timeout(400)


def report(page: Page, url: str) -> None:
    _enter(page, url)
    page.goto(url + "report")
    page.locator("h1").wait_for()


def _enter(page: Page, url: str) -> None:
    headers = {"Content-Type": "application/json", "Origin": url.rstrip("/")}
    page.request.post(url + "demo/staff", data=json.dumps({"role": "human_agent"}), headers=headers)
    page.goto(url + "inbox")


Look = tuple[int, str, str]
LOOKS: list[Look] = [(1280, "light", "en"), (1280, "dark", "zh"), (390, "dark", "en")]
STATES: list[tuple[Callable[[Page, str], None], list[Look]]] = [
    (sign_in_page, [(1280, "light", "en"), (320, "dark", "en")]),
    (inbox, [*LOOKS, (768, "light", "ar")]),
    (inbox_conversation, [*LOOKS, (768, "light", "ar")]),
    (inbox_approval, [(1280, "light", "en"), (768, "light", "en")]),
    (report, [*LOOKS, (320, "light", "zh")]),
]


def take_staff(browser: Browser, folder: Path) -> None:
    """Every state, written to `folder`."""
    with TemporaryDirectory() as name:
        data = Path(name)
        fill(data)
        with served(data, FIRSTLINE_CONVERSATIONS_PER_MINUTE="1000") as url:
            context = browser.new_context()
            write_to_us(context.new_page(), url)
            context.close()
            for state, looks in STATES:
                for look in looks:
                    _take(browser, url, state, look, folder)


def _take(browser: Browser, url: str, state: Callable[[Page, str], None], look: Look, folder: Path) -> None:
    width, scheme, locale = look
    options: dict[str, Any] = {"color_scheme": scheme, "reduced_motion": "reduce", "locale": locale}
    context = browser.new_context(viewport={"width": width, "height": 800}, **options)
    page = context.new_page()
    state(page, url)
    page.wait_for_timeout(200)
    whole = state is report
    page.screenshot(
        path=folder / f"{state.__name__.replace('_', '-')}-{width}-{scheme}-{locale}.png", full_page=whole
    )
    context.close()
