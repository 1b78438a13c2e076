"""The customer's side of a hand-off: waiting and leaving a contact, a person who joins, the end and coming back."""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.customer import WAIT_MS, find_barriers, replies, say
from tests.browser.desk import Desk, conversation_of, served_desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

QUESTION = "Does the battery's normal ageing count?"
SLOW = """
- kind: reply
  stall_after: 6
  blocks: [{kind: say, chunk_chars: 30, text: "Happy to help with that. Let me look at your papers, and the rules."}]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served_desk(tmp_path_factory.mktemp("desk")) as url:
        yield url


@pytest.fixture(scope="module")
def desk(site: str) -> Desk:
    return Desk(site)


@pytest.fixture
def ask_person(open_page: Any) -> Callable[..., Page]:
    """A page on which a person was asked for, at one of the three desks."""

    def ask(at: str, **how: Any) -> Page:
        page: Page = open_page(f"?bundle={at}", **how)
        say(page, QUESTION)
        page.locator("button.person").click()
        expect(waiting(page)).to_be_visible(timeout=WAIT_MS)
        return page

    return ask


def waiting(page: Page) -> Locator:
    return page.locator(".card.waiting")


def ended(page: Page) -> Locator:
    return page.locator(".card.closed")


def composer(page: Page) -> Locator:
    return page.locator(".composer textarea")


def heard(page: Page) -> Locator:
    """What a screen reader was told last."""
    return page.locator("[aria-live=polite]")


def end(page: Page) -> None:
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="End this conversation").click()
    expect(ended(page)).to_be_visible(timeout=WAIT_MS)


def call(page: Page, path: str = "", body: Any = None) -> Any:
    """The customer's own call of the API, past the page."""
    conversation = conversation_of(page)
    url = f"{page.url.split('?')[0]}v1/conversations/{conversation['id']}{path}"
    headers = {"Authorization": f"Bearer {conversation['token']}", "Content-Type": "application/json"}
    given = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, given, headers), timeout=10) as response:
        text = response.read()
    return json.loads(text) if text else None


# Waiting ------------------------------------------------------------------------------------------------------------


def test_out_of_hours_the_page_says_when_people_are_back_in_the_readers_own_time(ask_person: Any) -> None:
    page = ask_person("later", timezone_id="Asia/Tokyo")
    back_at = datetime.fromisoformat(call(page)["handoff"]["back_at"])
    there = back_at.astimezone(ZoneInfo("Asia/Tokyo"))
    title = waiting(page).locator("h3")
    expect(title).to_contain_text(f"{there:%A, %B} {there.day}")
    expect(title).to_contain_text(f"{there.hour % 12 or 12}:{there:%M}")
    expect(page.locator(".message.line").last).to_contain_text("09:00 (E")


def test_out_of_hours_a_contact_is_left_and_changed(ask_person: Any) -> None:
    page = ask_person("later")
    field = page.get_by_label("E-mail address or phone number")
    field.fill("call me")
    field.press("Enter")
    expect(page.locator("#contact-error")).to_contain_text("does not look like")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("me@example.com")
    expect(page.locator("#contact-error")).to_be_empty()
    page.get_by_label("Anything we should know?").fill("After lunch, please.")
    page.get_by_role("button", name="Get back to me").click()
    expect(waiting(page)).to_contain_text("We have \u2068me@example.com\u2069 and will get back to you.")
    expect(field).to_be_hidden()
    expect(page.get_by_role("button", name="Change it")).to_be_focused()
    assert call(page)["contact"] == "me@example.com"

    page.reload()
    page.get_by_role("button", name="Change it").click()
    expect(field).to_have_value("me@example.com")
    field.fill("+1 212 555 0123")
    field.press("Enter")
    expect(waiting(page)).to_contain_text("+1 212 555 0123")


def test_in_hours_a_contact_is_only_offered(ask_person: Any) -> None:
    page = ask_person("always")
    expect(waiting(page).locator("h3")).to_have_text("A person will answer you right here")
    expect(page.get_by_text("1-800-123-4567").last).to_be_visible()
    field = page.get_by_label("E-mail address or phone number")
    expect(field).to_be_hidden()
    page.get_by_role("button", name=re.compile("Leave an e-mail address")).click()
    expect(field).to_be_focused()
    field.fill("1 212 555 0123")
    field.press("Enter")
    expect(waiting(page)).to_contain_text("We have \u20681 212 555 0123\u2069")


def test_after_the_apology_the_form_takes_the_focus_unless_somebody_writes(ask_person: Any) -> None:
    writing, idle = ask_person("hurried"), ask_person("hurried")
    composer(writing).press_sequentially("Before you come, ")
    for page in (writing, idle):
        expect(waiting(page).locator("h3")).to_have_text("You keep your place", timeout=WAIT_MS)
        expect(page.locator(".message.line").last).to_contain_text("We are sorry")
    expect(idle.get_by_label("E-mail address or phone number")).to_be_focused()
    expect(composer(writing)).to_be_focused()
    expect(composer(writing)).to_have_value("Before you come, ")


def test_going_on_with_the_assistant_answers_what_was_left_at_once(ask_person: Any) -> None:
    page = ask_person("always")
    before = replies(page).count()
    composer(page).fill("What is a deductible?")
    composer(page).press("Enter")
    expect(page.locator(".message.own")).to_have_count(2, timeout=WAIT_MS)
    page.get_by_role("button", name="Go on with Eva meanwhile").click()
    expect(replies(page)).to_have_count(before + 1, timeout=WAIT_MS)
    expect(replies(page).last).to_contain_text("deductible")
    expect(page.locator(".joined")).to_have_text("EEva answers again")
    expect(composer(page)).to_be_focused()


# With a person ------------------------------------------------------------------------------------------------------


def test_a_person_joins_writes_and_gives_back(ask_person: Any, desk: Desk) -> None:
    page = ask_person("always")
    expect(page.locator(".identity p")).to_have_text("Silent for now")
    desk.accept(page)
    expect(page.locator(".joined")).to_contain_text(f"{desk.name} joined", timeout=WAIT_MS)
    expect(heard(page)).to_have_text(f"{desk.name} joined")
    expect(waiting(page)).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_have_text(desk.name)
    expect(page.get_by_role("button", name="You are with a person")).to_be_disabled()
    expect(composer(page)).to_have_attribute("placeholder", f"Write to {desk.name}")
    expect(page.locator(".footnote")).to_contain_text("a person")

    desk.reply(page, "I have read **everything**.")
    person = page.locator(".message.human")
    expect(person).to_have_count(1, timeout=WAIT_MS)
    expect(person.locator(".by")).to_contain_text(desk.name)
    expect(person.locator("strong")).to_have_text("everything")
    composer(page).fill("Is glass covered?")
    composer(page).press("Enter")
    expect(page.locator(".message.own")).to_have_count(2, timeout=WAIT_MS)

    desk.give_back(page)
    expect(page.locator(".joined")).to_have_count(2, timeout=WAIT_MS)
    expect(page.locator(".joined").last).to_contain_text("Eva answers again")
    expect(replies(page).last).to_contain_text("glass", timeout=WAIT_MS)
    expect(page.get_by_role("heading", level=1)).to_have_text("Eva")
    shown = [item.inner_text() for item in page.locator(".joined, .message").all()]
    page.reload()
    expect(person).to_have_count(1, timeout=WAIT_MS)
    assert [item.inner_text() for item in page.locator(".joined, .message").all()] == shown


def test_writing_is_shown_for_as_long_as_it_goes_on(ask_person: Any, desk: Desk) -> None:
    page = ask_person("always")
    desk.accept(page)
    page.clock.install()
    with page.expect_response(lambda response: "/events" in response.url):
        page.reload()
    expect(page.locator(".joined")).to_be_visible(timeout=WAIT_MS)
    line = page.get_by_text(f"{desk.name} is writing …")
    desk.show_typing(page)
    expect(line).to_be_visible(timeout=WAIT_MS)
    page.clock.fast_forward(4100)
    expect(line).to_be_hidden()
    desk.show_typing(page)
    expect(line).to_be_visible(timeout=WAIT_MS)
    desk.reply(page, "Here I am.")
    expect(page.locator(".message.human")).to_be_visible(timeout=WAIT_MS)
    expect(line).to_be_hidden()


def test_the_customers_writing_is_told_now_and_then_and_only_to_people(open_page: Any) -> None:
    page: Page = open_page("?bundle=always")
    page.clock.install()
    page.reload()
    told: list[str] = []
    page.on("request", lambda request: told.append(request.url) if request.url.endswith("/typing") else None)
    say(page, QUESTION)
    composer(page).press_sequentially("a person")
    assert told == []
    page.locator("button.person").click()
    expect(waiting(page)).to_be_visible(timeout=WAIT_MS)
    with page.expect_response(lambda response: response.url.endswith("/typing")) as first:
        composer(page).press_sequentially("please")
    assert first.value.status == 204
    assert len(told) == 1
    page.clock.fast_forward(3000)
    with page.expect_response(lambda response: response.url.endswith("/typing")):
        composer(page).press_sequentially(" now")
    assert len(told) == 2


def test_a_person_who_lets_go_leaves_the_customer_waiting(ask_person: Any, desk: Desk) -> None:
    page = ask_person("always")
    desk.accept(page)
    desk.release(page)
    expect(page.locator(".message.line").last).to_contain_text("You are in the queue again", timeout=WAIT_MS)
    expect(waiting(page)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Eva")
    expect(page.get_by_role("button", name="A person was asked for")).to_be_disabled()


def test_the_closed_widget_counts_what_a_person_writes(open_page: Any, desk: Desk) -> None:
    page = open_page("embed?bundle=always")
    page.get_by_role("button", name="Open the chat").last.click()
    say(page, QUESTION)
    page.get_by_role("button", name="Talk to a person").click()
    expect(waiting(page)).to_be_visible(timeout=WAIT_MS)
    desk.accept(page)
    expect(page.locator(".joined")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Close the chat window").click()
    desk.reply(page, "Here I am.")
    page.get_by_role("button", name="Open the chat. Unread messages: 1").click()
    expect(page.locator(".message.human")).to_be_visible()
    expect(composer(page)).to_have_attribute("placeholder", f"Write to {desk.name}")


def test_only_pictures_of_our_own_are_loaded(open_page: Any) -> None:
    page = open_page("?bundle=always")
    resolved = page.evaluate(
        """async (pictures) => {
          const { Api } = await import('/static/api.js');
          const api = new Api(new URL('/', location).href);
          return pictures.map((picture) => api.resolvePicture(picture));
        }""",
        ["/static/desk.png", "https://other.example/me.png", "javascript:alert(1)", None],
    )
    assert resolved == [f"{page.url.split('?')[0]}static/desk.png", None, None, None]


# A reply that is cut off --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def slow_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same, with a model that stops in the middle of its reply until it is interrupted."""
    folder = tmp_path_factory.mktemp("slow")
    (folder / "script.yaml").write_text(SLOW)
    command = [sys.executable, "-m", "tests.support.fake_claude", "--script", str(folder / "script.yaml"), "--repeat"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    claude = {"FIRSTLINE_MODEL": "claude", "ANTHROPIC_API_KEY": "k", "FIRSTLINE_IDLE_SECONDS": "60"}
    with served_desk(folder, ("always",), ANTHROPIC_BASE_URL=process.stdout.readline().strip(), **claude) as url:
        yield url
    process.terminate()
    process.wait(timeout=10)
    process.stdout.close()


@pytest.fixture
def in_the_middle(open_page: Any, slow_site: str) -> Page:
    """A page on which the assistant is in the middle of a reply."""
    page: Page = open_page()
    page.goto(f"{slow_site}?bundle=always")
    composer(page).fill(QUESTION)
    composer(page).press("Enter")
    expect(page.locator('.message.reply[aria-busy="true"]')).to_contain_text("Happy to help", timeout=WAIT_MS)
    return page


def in_order(page: Page) -> list[str]:
    return [item.get_attribute("class") or "" for item in page.locator(".items > .message, .items > .joined").all()]


def test_a_reply_that_the_customer_stops_says_so_once(in_the_middle: Page) -> None:
    page = in_the_middle
    page.get_by_role("button", name="Stop this reply").click()
    expect(page.locator(".mark")).to_have_text("You stopped this reply here.", timeout=WAIT_MS)
    expect(page.get_by_role("button", name="Ask again")).to_be_visible()
    expect(page.get_by_text("You stopped this reply")).to_have_count(1)


def test_a_reply_that_a_wish_for_a_person_cuts_off_stays_above_the_line(in_the_middle: Page) -> None:
    page = in_the_middle
    page.get_by_role("button", name="Talk to a person").click()
    expect(page.locator(".mark")).to_have_text("Stopped here to make way for a person.", timeout=WAIT_MS)
    expect(replies(page)).to_have_count(1)
    order = in_order(page)
    assert [name.split()[-1] for name in order] == ["own", "reply", "line"]
    page.reload()
    expect(page.locator(".mark")).to_have_text("Stopped here to make way for a person.", timeout=WAIT_MS)
    assert in_order(page) == order


def test_a_reply_that_a_person_takes_over_stays_above_their_coming(in_the_middle: Page, slow_site: str) -> None:
    page = in_the_middle
    Desk(slow_site).accept(page)
    expect(page.locator(".joined")).to_be_visible(timeout=WAIT_MS)
    expect(page.locator(".mark")).to_have_text("Stopped here to make way for a person.", timeout=WAIT_MS)
    assert [name.split()[-1] for name in in_order(page)] == ["own", "reply", "human"]


# The end, and coming back -------------------------------------------------------------------------------------------


def test_after_a_person_has_resolved_it_the_customer_is_asked_once(ask_person: Any, desk: Desk) -> None:
    page = ask_person("always")
    desk.accept(page)
    desk.resolve(page)
    expect(ended(page)).to_be_visible(timeout=WAIT_MS)
    expect(heard(page)).to_have_text("This conversation is closed")
    page.get_by_role("button", name="4 of 5").click()
    expect(page.get_by_text("Thank you. It helps us to get better.")).to_be_visible(timeout=WAIT_MS)
    page.get_by_label("Would you like to tell us why?").fill("Quick.")
    page.get_by_role("button", name="Send comment").click()
    expect(page.get_by_label("Would you like to tell us why?")).to_be_hidden()
    assert call(page)["survey"] == 4

    page.get_by_role("button", name="Go on with this conversation").click()
    expect(composer(page)).to_be_enabled(timeout=WAIT_MS)
    expect(page.locator(".log")).to_be_focused()  # the button that was pressed is gone
    expect(heard(page)).to_have_text("Eva answers again")
    assert say(page, "What is a deductible?")
    end(page)
    expect(page.get_by_role("button", name="4 of 5")).to_have_count(0)
    expect(page.get_by_role("button", name="New conversation")).to_be_visible()


def test_how_it_was_is_asked_in_the_language_that_was_spoken(open_page: Any) -> None:
    page = open_page("?bundle=always&locale=en")
    say(page, "电池正常老化算在保障内吗？")
    end(page)
    expect(ended(page)).to_contain_text("这次的帮助您满意吗？", timeout=WAIT_MS)
    expect(ended(page)).to_have_attribute("lang", "zh")
    page.reload()
    expect(ended(page)).to_contain_text("继续本次对话", timeout=WAIT_MS)


def test_a_person_who_is_asked_for_at_the_end_reads_what_went_before(open_page: Any) -> None:
    page = open_page("?bundle=always")
    say(page, QUESTION)
    end(page)
    before = conversation_of(page)
    page.get_by_role("button", name="Talk to a person").click()
    expect(waiting(page)).to_be_visible(timeout=WAIT_MS)
    assert conversation_of(page) == before
    expect(page.locator(".message.own")).to_have_count(1)


def test_a_person_takes_a_closed_conversation_up_again(ask_person: Any, desk: Desk) -> None:
    page = ask_person("always")
    desk.accept(page)
    desk.resolve(page)
    expect(ended(page)).to_be_visible(timeout=WAIT_MS)
    desk.take_up(page)
    expect(ended(page)).to_be_hidden(timeout=WAIT_MS)
    expect(page.get_by_role("heading", level=1)).to_have_text(desk.name)
    expect(composer(page)).to_be_enabled()


# The state ----------------------------------------------------------------------------------------------------------

FOLD = """
async ({ id, token, snapshots }) => {
  const { fold, fromSnapshot } = await import('/static/conversation.js');
  const { readFrames } = await import('/static/stream.js');
  const headers = { Authorization: `Bearer ${token}` };
  const { body } = await fetch(`/v1/conversations/${id}/events?after=0`, { headers });
  const last = snapshots.at(-1).last_seq;
  const events = [];
  for await (const { event, data } of readFrames(body.pipeThrough(new TextDecoderStream()))) {
    const read = { ...JSON.parse(data), type: event };
    if (read.seq) events.push(read);
    if (read.seq >= last) break;
  }
  // What only the live stream knows is left out; so are facts that are not for customers, whose seq nobody sees.
  const told = ({ moves, turn, offered, ending, lastSeq, messages, ...state }) => ({
    ...state,
    messages: messages.map(({ key, ...message }) => message),
    speakers: moves.map(({ human }) => human?.name).filter((name, at, all) => at === 0 || name !== all[at - 1]),
  });
  const upTo = (first, to) => events
    .filter(({ seq }) => seq > first.last_seq && seq <= to.last_seq)
    .reduce((state, event) => fold(state, event, 0), fromSnapshot(first));
  const pairs = snapshots.flatMap((first, at) => snapshots.slice(at).map((to) => [first, to]));
  return pairs.map(([first, to]) => [told(upTo(first, to)), told(fromSnapshot(to))]);
}
"""


def test_a_snapshot_and_what_came_since_are_the_snapshot_of_now(ask_person: Any, desk: Desk) -> None:
    page = ask_person("later")
    snapshots = [call(page)]

    def step(act: Callable[..., Any], *given: Any) -> None:
        act(*given)
        snapshots.append(call(page))

    def write(text: str) -> None:
        call(page, "/messages?wait=true", {"client_message_id": f"c{len(snapshots)}", "text": text})

    step(desk.accept, page)
    step(desk.reply, page, "Hello.")
    step(write, "Hello to you.")
    step(desk.release, page)
    step(desk.accept, page)
    step(desk.reply, page, "I am back.")
    step(desk.give_back, page)
    step(write, "What is a deductible?")
    step(call, page, "/handoff", {})
    step(write, "电池正常老化算在保障内吗？")
    step(call, page, "/resume", {})
    expect(replies(page).last).to_contain_text("70%", timeout=WAIT_MS)
    expect(page.locator(".composer .stop")).to_be_hidden(timeout=WAIT_MS)
    step(call, page, "/close", {})
    step(call, page, "/survey", {"score": 5})
    step(call, page, "/reopen", {})
    step(call, page, "/handoff", {})
    step(call, page, "/contact", {"contact": "me@example.com"})

    pairs = page.evaluate(FOLD, {**conversation_of(page), "snapshots": snapshots})
    assert len(pairs) == len(snapshots) * (len(snapshots) + 1) / 2
    for folded, told in pairs:
        assert folded == told


# For everybody ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en"), ("dark", "en"), ("dark", "ar"), ("light", "zh")])
def test_every_state_fits_a_narrow_page_and_has_no_barriers(
    open_page: Any, desk: Desk, scheme: str, locale: str
) -> None:
    page: Page = open_page(
        f"?bundle=later&locale={locale}", viewport={"width": 320, "height": 640}, color_scheme=scheme, locale=locale
    )

    def look() -> None:
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert find_barriers(page) == []

    say(page, QUESTION)
    page.locator("button.person").click()
    page.locator("#contact").fill("nothing")
    page.locator("#contact").press("Enter")
    expect(page.locator("#contact-error")).not_to_be_empty()
    look()
    desk.accept(page)
    desk.reply(page, "Hello.")
    expect(page.locator(".message.human")).to_be_visible(timeout=WAIT_MS)
    look()
    desk.resolve(page)
    expect(ended(page)).to_be_visible(timeout=WAIT_MS)
    look()


def test_the_keyboard_alone_leaves_a_contact_and_goes_on(ask_person: Any) -> None:
    page = ask_person("later")
    expect(page.locator(".log")).to_be_focused()  # the button that was pressed cannot be pressed again
    pressed: list[str] = []

    def tab_to(name: str) -> None:
        for _ in range(20):
            page.keyboard.press("Tab")
            at = "document.activeElement.shadowRoot?.activeElement"
            pressed.append(page.evaluate(f"{at}?.id || {at}?.textContent || ''"))
            if name in pressed[-1]:
                return
        raise AssertionError(pressed)

    tab_to("contact")
    page.keyboard.type("me@example.com")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Change it")).to_be_focused(timeout=WAIT_MS)
    tab_to("Go on with Eva")
    page.keyboard.press("Enter")
    expect(composer(page)).to_be_focused(timeout=WAIT_MS)
