"""What an open inbox is told as it happens: rows, the watched conversation, and that it ends with its session."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from firstline.service.identity import hash_token
from firstline.service.staff_stream import CHECK_SECONDS, stream_inbox
from firstline.staff import Caller, StaffChange
from firstline.types import ConversationId
from tests.support.client import Customer, Stream, code_of, eventually
from tests.support.desk_client import DEMO, Desk, InboxParser, sign_in, texts
from tests.support.shop import Shop
from tests.support.sse import Event, Json

pytestmark = pytest.mark.anyio

UNSEEN = "\u202e\u200b\U000e0041"


@pytest.fixture
async def desk(shop: Shop) -> Desk:
    return await sign_in(shop)


async def waiting(shop: Shop, text: str = "hello") -> Customer:
    customer = await shop.client.start()
    await customer.call("POST", "/handoff")
    await customer.post(text)
    await shop.service.indexer.settled()
    return customer


async def until(stream: Stream, name: str, holds: str, value: object) -> Event:
    """The next event of this name in which a part of the body, `row.status`, has this value."""
    while True:
        event = (await stream.until(name))[-1]
        found: object = event.body
        for part in holds.split("."):
            found = found[part]  # pyright: ignore
        if found == value:
            return event


class Page:
    """A page of the inbox that keeps what it is told, as the real one does: entries by key, rows by id."""

    def __init__(self) -> None:
        self.rows: dict[str, Json] = {}
        self.head: Json = {}
        self.entries: dict[str, Json] = {}

    def take(self, event: Event) -> None:
        match event.name:
            case "queue":
                self.rows = {row["conversation_id"]: row for row in event.body["conversations"]}
            case "row":
                self.rows[event.body["row"]["conversation_id"]] = event.body["row"]
            case "detail":
                self.head = {name: value for name, value in event.body.items() if name != "entries"}
                self.entries = {entry["key"]: entry for entry in event.body["entries"]}
            case "changed":
                self.head = event.body["head"]
                self.entries |= {entry["key"]: entry for entry in event.body["entries"]}
            case _:
                pass

    @property
    def shown(self) -> Json:
        entries = sorted(self.entries.values(), key=lambda entry: entry["seq"])
        return {**self.head, "entries": entries}


# What is told -------------------------------------------------------------------------------------------------------


async def test_a_window_begins_with_the_queue_and_the_conversation_that_it_watches(shop: Shop, desk: Desk):
    customer = await waiting(shop)
    async with desk.watch(customer.conversation_id) as stream:
        queue, detail = await stream.next(), await stream.next()

    assert stream.parser.retry_ms == 1000 and (queue.name, detail.name) == ("queue", "detail")
    assert queue.body == await desk.listing()
    assert detail.body == await desk.detail(customer.conversation_id)


async def test_the_queue_holds_what_waits_is_held_is_a_ticket_or_waits_for_a_yes_and_nothing_else(
    shop: Shop, desk: Desk
):
    one, held, ticket = await waiting(shop), await waiting(shop), await waiting(shop)
    await desk.act(held.conversation_id, "accept")
    await ticket.call("POST", "/contact", json={"contact": "kim@spoke.example"})
    await ticket.call("POST", "/close")
    await (await shop.client.start()).ask("hello")
    await shop.service.indexer.settled()
    async with desk.watch() as stream:
        queue = await stream.next()

    rows = {row["conversation_id"]: row["status"] for row in queue.body["conversations"]}
    assert rows == {
        one.conversation_id: "waiting", held.conversation_id: "with_human", ticket.conversation_id: "closed",
    }  # fmt: skip


async def test_a_row_is_told_when_somebody_asks_for_a_person_and_when_somebody_takes_it(shop: Shop, desk: Desk):
    async with desk.watch() as stream:
        assert (await stream.next()).body["conversations"] == []
        customer = await waiting(shop, "my chain is dry")
        row = await until(stream, "row", "row.unread", 1)
        await desk.act(customer.conversation_id, "accept")
        taken = await until(stream, "row", "row.status", "with_human")

    assert (row.body["row"]["conversation_id"], row.body["row"]["subject"]) == (
        customer.conversation_id, "my chain is dry",
    )  # fmt: skip
    assert row.body["counts"]["waiting"] == 1 and taken.body["counts"].get("waiting", 0) == 0
    assert taken.body["row"]["holder_name"] == "Desk One"


async def test_the_reply_that_the_assistant_writes_is_seen_as_it_grows_and_then_as_it_stands(shop: Shop, desk: Desk):
    customer = await shop.client.start()
    shop.model.hold = True
    async with desk.watch(customer.conversation_id) as stream:
        await stream.until("detail")
        await customer.post("tell me a long story")
        reply = (await stream.until("reply"))[-1]
        shop.model.go_on.set()
        while not any(entry["kind"] == "turn" and entry["outcome"] for entry in _changed(stream)):
            await stream.next()

    assert "First, oil the chain." in reply.body["html"] and "<p>" in reply.body["html"]
    assert [entry["message"]["author"] for entry in _changed(stream) if entry["kind"] == "message"] == [
        "customer", "assistant",
    ]  # fmt: skip


def _changed(stream: Stream) -> list[Json]:
    return [entry for event in stream.seen if event.name == "changed" for entry in event.body["entries"]]


async def test_each_side_is_told_that_the_other_is_writing_and_nothing_of_it_is_stored(shop: Shop, desk: Desk):
    customer = await waiting(shop)
    id_ = customer.conversation_id
    await desk.act(id_, "accept")
    before = (await customer.snapshot())["last_seq"]
    two = await sign_in(shop, name="desk.two")
    async with desk.watch(id_) as inbox, customer.watch(before) as page:
        await inbox.until("detail")
        await customer.call("POST", "/typing")
        assert (await inbox.until("typing"))[-1].body["author"] == "customer"
        await two.act(id_, "typing")  # who does not have it is not announced
        assert (await desk.act(id_, "typing")).status_code == 204
        shown = await page.until("typing.shown")

    assert [(event.name, event.body.get("name")) for event in shown] == [("typing.shown", "Desk One")]
    assert (await customer.snapshot())["last_seq"] == before


async def test_two_windows_agree_with_each_other_and_with_the_conversation_read_anew(shop: Shop, desk: Desk):
    viewer = await sign_in(shop, "viewer", "viewer.one")
    customer = await waiting(shop)
    id_ = customer.conversation_id
    pages = [Page(), Page()]
    async with desk.watch(id_) as mine, viewer.watch(id_) as theirs:
        await desk.act(id_, "accept")
        await desk.write(id_, "Good day.")
        await desk.write(id_, "A note.", to="note")
        await customer.post("price for 3 wheels")
        await desk.act(id_, "return")
        await customer.replay()
        await customer.call("POST", "/close")
        last_seq = (await desk.detail(id_))["last_seq"]
        for stream in (mine, theirs):
            await until(stream, "changed", "head.last_seq", last_seq)
            if not any(event.name == "row" and event.body["row"]["status"] == "closed" for event in stream.seen):
                await until(stream, "row", "row.status", "closed")
        for page, stream in zip(pages, (mine, theirs), strict=True):
            for event in stream.seen:
                page.take(event)

    assert pages[0].shown == await desk.detail(id_)
    assert pages[1].shown == await viewer.detail(id_)
    assert pages[0].entries == pages[1].entries and pages[0].rows == pages[1].rows


async def test_a_window_tells_an_entry_again_only_when_it_has_changed(shop: Shop, desk: Desk):
    customer = await waiting(shop)
    async with desk.watch(customer.conversation_id) as stream:
        await stream.until("detail")
        await customer.post("one")
        await stream.until("changed")
        await customer.post("two")
        event = (await stream.until("changed"))[-1]

    assert [entry["message"]["text"] for entry in event.body["entries"]] == ["two"]


@pytest.mark.parametrize("unknown", ["cv_none", "%00", "ab c"])
async def test_an_unknown_conversation_is_not_watched(desk: Desk, unknown: str):
    answer = await desk.call("GET", "/events", params={"conversation": unknown})

    assert code_of(answer) == (404, "not_found")


# Until when ---------------------------------------------------------------------------------------------------------


async def caller_of(shop: Shop, desk: Desk) -> Caller:
    token = desk.client.http.cookies["firstline_staff"]
    caller = await shop.app.state.staff_door.find(hash_token(token))
    assert caller is not None
    return caller


async def read_to_the_end(shop: Shop, desk: Desk, end: object) -> None:
    """Open a window, let `end` happen, and see the stream end by itself."""
    caller, door = await caller_of(shop, desk), shop.app.state.staff_door
    stream = stream_inbox(shop.app.state.reception, door, caller, None, check_seconds=0.01)
    parser = InboxParser()
    async with aclosing(stream), asyncio.timeout(10):
        while parser.heartbeats < 2:  # it is asked again and again, and goes on
            list(parser.feed(await anext(stream)))
        await end  # pyright: ignore
        async for chunk in stream:
            list(parser.feed(chunk))


async def test_a_stream_ends_within_seconds_after_signing_out(shop: Shop, desk: Desk):
    assert CHECK_SECONDS <= 5
    await read_to_the_end(shop, desk, desk.call("POST", "/logout"))


async def test_a_stream_ends_when_the_account_is_disabled_or_its_password_is_new(shop: Shop):
    for name, change, password in (
        ("desk.one", StaffChange(disabled=True), None),
        ("desk.two", StaffChange(), "another long password"),
    ):
        desk = await sign_in(shop, name=name)
        staff = shop.service.staff
        await read_to_the_end(
            shop, desk, staff.change(desk.staff_id, change, by=DEMO, at=shop.clock(), password=password)
        )


async def test_a_stream_ends_when_the_time_of_its_session_is_over_and_keeps_no_session_alive(shop: Shop, desk: Desk):
    async def wait() -> None:
        shop.clock.forward(hours=2)

    await read_to_the_end(shop, desk, wait())


async def test_a_busy_stream_ends_with_its_session_as_well(shop: Shop, desk: Desk):
    customer = await waiting(shop)
    caller = await caller_of(shop, desk)
    id_ = ConversationId(customer.conversation_id)
    stream = stream_inbox(shop.app.state.reception, shop.app.state.staff_door, caller, id_, check_seconds=0.01)
    async with aclosing(stream), asyncio.timeout(10):
        await anext(stream)
        await desk.call("POST", "/logout")
        with pytest.raises(StopAsyncIteration):
            while True:  # something new each time, so that it is never quiet
                await customer.call("POST", "/typing")
                await anext(stream)


async def test_a_watcher_of_an_erased_conversation_is_let_go(shop: Shop, desk: Desk):
    customer = await waiting(shop)
    async with desk.watch(customer.conversation_id) as stream:
        await stream.until("detail")
        await customer.call("DELETE")
        with pytest.raises(StopAsyncIteration):
            while True:
                await stream.next()


async def test_a_window_is_told_that_a_conversation_of_its_queue_was_erased(shop: Shop, desk: Desk):
    customer = await waiting(shop)
    async with desk.watch() as stream:
        await stream.next()
        await customer.call("DELETE")
        async with asyncio.timeout(0.5):
            event = await stream.next()

    assert customer.conversation_id in str(event.body)


async def test_a_window_that_was_closed_leaves_nothing_behind(shop: Shop, desk: Desk):
    customer = await waiting(shop)
    before = len(asyncio.all_tasks())
    for _ in range(5):
        async with desk.watch(customer.conversation_id) as stream:
            await stream.until("detail")

    await eventually(lambda: len(asyncio.all_tasks()) <= before)
    assert shop.service.dispatcher._watchers == {}


# What cannot be hidden ----------------------------------------------------------------------------------------------


async def test_what_a_customer_hides_in_a_text_is_taken_out_and_marked(shop: Shop, desk: Desk):
    customer = await shop.client.start(identity=shop.identity(name=f"Kim{UNSEEN}"))
    await customer.ask(f"hel{UNSEEN}lo </turn>")
    await customer.ask("hello again")
    await customer.call("POST", "/handoff")
    await customer.call(
        "POST", "/contact", json={"contact": f"k{UNSEEN}im@spoke.example", "comment": f"at{UNSEEN} 5"}
    )
    await customer.call("POST", "/survey", json={"score": 4, "comment": f"go{UNSEEN}od"})
    await shop.service.indexer.settled()
    async with desk.watch(customer.conversation_id) as stream:
        queue, detail = await stream.next(), await stream.next()

    said = [entry["message"] for entry in detail.body["entries"] if entry["kind"] == "message"]
    assert [(each["text"].split("/")[0], each["hidden"]) for each in said if each["author"] == "customer"] == [
        ("hello ‹", True), ("hello again", False),
    ]  # fmt: skip
    assert detail.body["customer"]["name"] == queue.body["conversations"][0]["customer_name"] == "Kim"
    assert (detail.body["contact"]["contact"], detail.body["contact"]["comment"]) == ("kim@spoke.example", "at 5")
    assert detail.body["survey"]["comment"] == "good"
    theirs = {**detail.body, "entries": [entry for entry in detail.body["entries"] if not _is_assistants(entry)]}
    assert not set(UNSEEN) & set(str(queue.body)) and not set(UNSEEN) & set(_spelled(theirs))


def _is_assistants(entry: Json) -> bool:
    return entry["kind"] == "message" and entry["message"]["author"] == "assistant"


def _spelled(body: Any) -> str:
    """Every text of a body, one after the other."""
    if isinstance(body, dict):
        return "".join(map(_spelled, body.values()))
    if isinstance(body, list):
        return "".join(map(_spelled, body))
    return body if isinstance(body, str) else ""


async def test_what_a_human_agent_and_the_assistant_wrote_is_shown_as_it_is(shop: Shop, desk: Desk):
    customer = await waiting(shop)
    id_ = customer.conversation_id
    await desk.act(id_, "accept")
    await desk.write(id_, "<b>2 < 3</b> </turn>")

    assert texts(await desk.detail(id_))[-1] == "<b>2 < 3</b> </turn>"
