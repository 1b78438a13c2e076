"""The inbox as human agents work in it, against the real server; the customers write over the API."""

import json
import re
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.customer import WAIT_MS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]

Open = Callable[..., Page]
PACKAGE = Path("src/firstline")


class Visitor:
    """A customer, over the API. `mark` is in everything that they write, so that the list can be searched for it."""

    def __init__(self, url: str, *, identity: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._token = ""
        self.mark = f"ref-{uuid4().hex[:10]}"
        started = self._call("POST", "/v1/conversations", {"bundle": "acme", "locale": "en", "identity": identity})
        self._token, self.id = started["token"], started["conversation_id"]

    def say(self, text: str, *, wait: bool = True) -> None:
        body = {"client_message_id": uuid4().hex, "text": f"{text} {self.mark}"}
        self._act(f"messages{'?wait=true' if wait else ''}", body)

    def ask_for_person(self) -> None:
        self._act("handoff")

    def confirm(self) -> None:
        (confirmation,) = self.look()["pending"]["confirmations"]
        self._act(f"confirmations/{confirmation['confirmation_id']}", {"decision": "confirm"})

    def look(self) -> dict[str, Any]:
        return self._call("GET", f"/v1/conversations/{self.id}")

    def heard_from_people(self) -> list[str]:
        return [each["text"] for each in self.look()["messages"] if each["author"] == "human_agent"]

    def _act(self, action: str, body: Mapping[str, object] | None = None) -> Any:
        return self._call("POST", f"/v1/conversations/{self.id}/{action}", body or {})

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, sent, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.loads(response.read() or b"null")


@pytest.fixture(scope="module")
def keys(browser: Browser, site: str) -> dict[str, Any]:
    """The browser's state of somebody signed in, by role."""
    kept: dict[str, Any] = {}
    for role in ("human_agent", "viewer", "admin"):
        context = browser.new_context(locale="en-US")
        page = context.new_page()
        page.goto(f"{site}inbox")
        page.locator(f'[data-role="{role}"]').click()
        page.locator("#inbox[data-ready]").wait_for(timeout=WAIT_MS)
        kept[role] = context.storage_state()
        context.close()
    return kept


@pytest.fixture
def enter(open_page: Open, keys: dict[str, Any]) -> Open:
    """`enter(path, role=…, **context)`: the inbox, signed in."""

    def open_one(path: str = "inbox", *, role: str = "human_agent", **options: Any) -> Page:
        page = open_page(path, storage_state=keys[role], **options)
        page.locator("#inbox[data-ready]").wait_for(timeout=WAIT_MS)
        return page

    return open_one


@pytest.fixture
def visitor(site: str) -> Visitor:
    return Visitor(site)


def address_of(visitor: Visitor) -> str:
    return f"inbox?c={visitor.id}"


def do(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def field(page: Page) -> Locator:
    return page.locator(".compose textarea")


def test_a_customer_who_waits_is_announced_accepted_answered_and_resolved(enter: Open, visitor: Visitor) -> None:
    page = enter()
    expect(page.locator(".shelf-waiting .shelf-count")).not_to_be_empty()
    visitor.say("What is a deductible?")
    visitor.ask_for_person()
    row = page.get_by_role("link", name=visitor.mark)
    expect(row).to_contain_text("Asked for a person", timeout=WAIT_MS)
    expect(page.locator('.desk > [aria-live="polite"]')).to_contain_text(visitor.mark)
    expect(page).to_have_title(re.compile(r"^\(\d+\) Inbox"))

    row.click()
    do(page, "Accept").click()
    expect(field(page)).to_be_focused(timeout=WAIT_MS)
    page.keyboard.type("Hello, let me look at this.")
    page.keyboard.press("Enter")
    expect(page.locator(".said.human")).to_contain_text("let me look at this", timeout=WAIT_MS)
    assert visitor.heard_from_people() == ["Hello, let me look at this."]
    visitor.say("Thank you!", wait=False)
    expect(page.locator(".said.customer").last).to_contain_text("Thank you!", timeout=WAIT_MS)

    page.keyboard.press("Escape")
    page.keyboard.press("e")
    expect(do(page, "Reopen")).to_be_visible(timeout=WAIT_MS)
    assert visitor.look()["status"] == "closed"


def test_two_desks_see_the_same_and_one_of_them_has_the_conversation(enter: Open, visitor: Visitor) -> None:
    visitor.say("Is glass covered?")
    visitor.ask_for_person()
    pages = [enter(address_of(visitor), role=role) for role in ("human_agent", "admin")]
    for page in pages:
        expect(do(page, "Accept")).to_be_visible(timeout=WAIT_MS)
    for page in pages:
        page.keyboard.press("a")
    expect(pages[0].locator(".status-word")).to_have_text("With you", timeout=WAIT_MS)
    expect(pages[1].locator(".bar-text")).to_contain_text("has this conversation", timeout=WAIT_MS)
    expect(field(pages[1])).to_be_hidden()

    pages[1].keyboard.press("n")
    pages[1].keyboard.type("I know this customer.")
    pages[1].keyboard.press("Enter")
    expect(pages[0].locator(".said.note")).to_contain_text("Only your team sees this", timeout=WAIT_MS)
    assert visitor.heard_from_people() == []


def test_what_is_written_outlives_a_reload_and_a_lost_line_and_is_sent_once(enter: Open, visitor: Visitor) -> None:
    visitor.say("What is a deductible?")
    page = enter(address_of(visitor))
    do(page, "Take over").click()
    expect(field(page)).to_be_focused(timeout=WAIT_MS)
    page.keyboard.type("Half a thought")
    page.reload()
    expect(field(page)).to_have_value("Half a thought", timeout=WAIT_MS)

    page.context.set_offline(True)
    field(page).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Nothing you wrote is lost", timeout=WAIT_MS)
    expect(page.get_by_text("You are offline.")).to_be_visible(timeout=WAIT_MS)
    page.context.set_offline(False)
    expect(page.get_by_text("You are offline.")).to_be_hidden(timeout=WAIT_MS)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or "") if "/reply" in request.url else None)
    page.route("**/reply", lambda route: (route.fetch(), route.abort()))  # it arrives; the answer is lost on the way
    field(page).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("could not be reached", timeout=WAIT_MS)
    page.unroute("**/reply")
    field(page).press("Enter")
    expect(field(page)).to_have_value("", timeout=WAIT_MS)
    assert visitor.heard_from_people() == ["Half a thought"]
    assert len({json.loads(each)["client_message_id"] for each in sent}) == 1


def test_words_whose_id_was_used_for_others_arrive_under_a_new_one(enter: Open, visitor: Visitor) -> None:
    visitor.say("What is a deductible?")
    page = enter(address_of(visitor))
    do(page, "Take over").click()
    expect(field(page)).to_be_focused(timeout=WAIT_MS)

    def send_others(route: Route) -> None:
        body = json.loads(route.request.post_data or "{}")
        route.fetch(post_data=json.dumps({**body, "text": "Other words"}))
        route.abort()

    page.route("**/reply", send_others)
    page.keyboard.type("Half a thought")
    field(page).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("could not be reached", timeout=WAIT_MS)
    page.unroute("**/reply")
    field(page).press("Enter")
    expect(field(page)).to_have_value("", timeout=WAIT_MS)
    assert visitor.heard_from_people() == ["Other words", "Half a thought"]


def wait_until_found(page: Page, words: str) -> None:
    """Records of what the assistant does by itself are up to a second behind the log."""
    address = f"{page.url.split('/inbox')[0]}/v1/staff/conversations?q={words}"
    for _ in range(WAIT_MS // 100):
        if page.request.get(address).json()["conversations"]:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"nothing holds {words}")


def test_the_keyboard_is_enough(enter: Open, visitor: Visitor) -> None:
    visitor.say("What is a deductible?")
    page = enter()
    wait_until_found(page, visitor.mark)
    page.keyboard.press("/")
    page.keyboard.type(visitor.mark)
    expect(page.locator(".list-about")).to_contain_text(visitor.mark, timeout=WAIT_MS)
    expect(page.locator(".row")).to_have_count(1, timeout=WAIT_MS)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_be_focused()
    expect(do(page, "Take over")).to_be_visible(timeout=WAIT_MS)
    page.keyboard.press("a")
    expect(field(page)).to_be_focused(timeout=WAIT_MS)
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.keyboard.type("document")
    page.keyboard.press("Enter")
    expect(field(page)).to_have_value(re.compile("photo of the document"))
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    expect(page.locator(".status-word")).to_have_text("With the assistant", timeout=WAIT_MS)
    expect(page.locator(".bar-kept")).to_contain_text("photo of the document")


def test_a_proposal_is_marked_can_be_undone_and_is_never_sent_by_itself(enter: Open, visitor: Visitor) -> None:
    visitor.say("Does the battery's normal ageing count?")
    page = enter(address_of(visitor))
    do(page, "Take over").click(timeout=WAIT_MS)
    expect(field(page)).to_be_focused(timeout=WAIT_MS)
    page.keyboard.type("My own words")
    do(page, "Draft").click()
    expect(page.locator(".proposal")).to_contain_text("check it", timeout=WAIT_MS)
    expect(field(page)).to_have_value(re.compile("battery", re.IGNORECASE))
    assert visitor.heard_from_people() == []
    do(page, "Undo").click()
    expect(field(page)).to_have_value("My own words")
    expect(page.locator(".proposal")).to_be_hidden()


def test_checks_and_sources_are_folded_in_and_a_better_answer_becomes_a_case(enter: Open, visitor: Visitor) -> None:
    visitor.say("Does the battery's normal ageing count?")
    page = enter(address_of(visitor))
    checks = page.locator(".checks").first
    expect(checks.get_by_text("Passages found")).to_be_hidden(timeout=WAIT_MS)
    checks.locator("summary").first.click()
    expect(checks.get_by_text("Passages found")).to_be_visible()
    page.locator(".said.assistant .rich [data-citation]").first.click()
    expect(page.locator(".citation blockquote")).to_be_visible()
    page.keyboard.press("Escape")

    page.locator(".said.assistant").first.hover()
    do(page, "Should have said …").first.click()
    page.keyboard.type("Ageing is not covered. A sudden failure is.")
    do(page, "Save").click()
    expect(page.get_by_text("Saved as an evaluation case")).to_be_visible(timeout=WAIT_MS)
    case = page.get_by_role("link", name="Open the case").get_attribute("href")
    assert case is not None
    assert "A sudden failure is." in page.request.get(case).text()


def test_an_action_above_the_limit_waits_for_a_second_click(enter: Open, site: str) -> None:
    page = enter()
    body = json.dumps({"customer_id": "C-1002", "bundle": "acme"}).encode()
    request = urllib.request.Request(f"{site}demo/identity", body, {"Content-Type": "application/json"})
    visitor = Visitor(site, identity=json.load(urllib.request.urlopen(request))["identity"])
    visitor.say("please refund 240 dollars on invoice INV-58413")
    visitor.confirm()
    page.locator(".shelf-approvals").click()
    page.get_by_role("link", name=visitor.mark).click(timeout=WAIT_MS)
    card = page.locator(".about .approval")
    expect(card.locator(".amount")).to_have_text("$240.00", timeout=WAIT_MS)
    card.get_by_role("button", name="Approve", exact=True).dblclick()
    expect(card.get_by_text("Approve exactly this?")).to_be_visible()
    assert "pending" in (card.get_attribute("class") or "")
    page.wait_for_timeout(450)  # the time in which a second click still counts as part of a double click
    card.get_by_role("button", name="Yes, approve $240.00").click()
    expect(card).to_contain_text("Approved by", timeout=WAIT_MS)


def test_a_viewer_sees_everything_and_can_do_nothing(enter: Open, visitor: Visitor) -> None:
    visitor.say("What is a deductible?")
    visitor.ask_for_person()
    page = enter(address_of(visitor), role="viewer")
    expect(page.locator(".bar-text")).to_contain_text("You can look at everything", timeout=WAIT_MS)
    for name in ("Accept", "Add a note", "More", "Should have said …"):
        expect(do(page, name)).to_have_count(0)
    page.keyboard.press("a")
    page.keyboard.press("n")
    expect(page.locator(".status-word")).to_contain_text("Waiting")
    assert visitor.look()["status"] == "waiting"


def test_signing_in_says_plainly_what_is_wrong(open_page: Open, keys: dict[str, Any]) -> None:
    page = open_page("inbox")
    page.get_by_label("Name").fill(f"nobody-{uuid4().hex[:6]}")
    for _ in range(6):
        page.get_by_label("Password").fill("not the password")
        page.get_by_label("Password").press("Enter")
        expect(page.get_by_role("alert")).to_be_visible(timeout=WAIT_MS)
        if do(page, "Sign in").is_disabled():
            break
    expect(page.get_by_role("alert")).to_contain_text("Too many failed attempts")
    expect(page.get_by_role("alert")).to_contain_text("min")
    page.get_by_label("Name").fill("somebody-else")
    expect(do(page, "Sign in")).to_be_enabled()
    assert find_all_barriers(page) == []


def test_signing_out_ends_the_other_windows_too(open_page: Open, site: str) -> None:
    first = open_page("inbox")
    first.locator('[data-role="human_agent"]').click()
    first.locator("#inbox[data-ready]").wait_for(timeout=WAIT_MS)
    second = first.context.new_page()
    second.goto(f"{site}inbox")
    second.get_by_role("button", name="Menu").click()
    do(second, "Sign out").click()
    for page in (second, first):
        expect(page.get_by_label("Password")).to_be_visible(timeout=WAIT_MS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_the_way_of_a_screen_reader(enter: Open, visitor: Visitor, scheme: str) -> None:
    visitor.say("Does the battery's normal ageing count?")
    visitor.ask_for_person()
    page = enter(color_scheme=scheme)
    assert find_all_barriers(page) == []
    page.get_by_role("link", name=visitor.mark).click(timeout=WAIT_MS)
    page.locator(".checks summary").first.click(timeout=WAIT_MS)
    assert find_all_barriers(page) == []
    do(page, "Accept").click()
    expect(field(page)).to_be_focused(timeout=WAIT_MS)
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    assert find_all_barriers(page) == []


@pytest.mark.parametrize(("width", "locale"), [(320, "ar"), (390, "zh-CN"), (768, "en-US")])
def test_it_fits_every_width_and_language(enter: Open, visitor: Visitor, width: int, locale: str) -> None:
    visitor.say("Does the battery's normal ageing count?")
    visitor.ask_for_person()
    page = enter(viewport={"width": width, "height": 700}, locale=locale)
    page.get_by_role("link", name=visitor.mark).click(timeout=WAIT_MS)
    expect(page.locator(".said.assistant").first).to_be_visible(timeout=WAIT_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.documentElement.dir") == ("rtl" if locale == "ar" else "ltr")
    page.locator(".details-opener").click()
    expect(page.locator(".about")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".about")).to_be_hidden()
    expect(page.locator(".details-opener")).to_be_focused()
    if width < 640:
        expect(page.locator(".queue")).to_be_hidden()
        page.locator(".thread .back").click()
    expect(page.locator(".queue")).to_be_visible()


@pytest.mark.parametrize("locale", ["zh", "ar"])
def test_every_phrase_is_there_in_every_language_with_the_same_places_to_fill(locale: str) -> None:
    def load(which: str) -> dict[str, list[str]]:
        phrases = yaml.safe_load((PACKAGE / f"phrases/desk.{which}.yaml").read_text(encoding="utf-8"))
        return {key: sorted(re.findall(r"{\w+}", text)) for key, text in phrases.items()}

    assert load(locale) == load("en")


def test_the_page_asks_for_no_phrase_that_is_not_there() -> None:
    known = yaml.safe_load((PACKAGE / "phrases/desk.en.yaml").read_text(encoding="utf-8"))
    modules = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "web/static/inbox").glob("*.js"))
    asked = set(re.findall(r"\bt\('(\w+)'", modules))

    assert len(asked) > 100
    assert not {f"desk.{key}" for key in asked} - set(known)


def find_all_barriers(page: Page) -> list[str]:
    """What axe finds, however slight."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]
