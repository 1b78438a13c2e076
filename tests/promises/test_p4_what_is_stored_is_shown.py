"""P4: at any place, a snapshot and the events after it make the snapshot of now; replay has no gap and no double."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.conversation import Conversation, fold, new_conversation
from firstline.service.views import snapshot, view_fact
from firstline.types import ConversationId
from tests.support.client import Customer
from tests.support.events import Story, stories
from tests.support.page import Page
from tests.support.scripted import START
from tests.support.shop import Shop, open_shop
from tests.support.sse import DURABLE, Event, Json

pytestmark = pytest.mark.promise("P4")


def show(conversation: Conversation) -> Json:
    begun = conversation.log[0].event.at if conversation.log else START
    return snapshot(conversation, offline={}, now=begun)


def events_of(conversation: Conversation, *, after: int) -> list[Event]:
    """What a stream tells of the facts after a place."""
    told = [(logged, view_fact(conversation.conversation_id, logged)) for logged in conversation.log[after:]]
    return [Event(view["type"], logged.seq, view) for logged, view in told if view is not None]


@given(stories(), st.data())
def test_any_snapshot_and_the_events_after_it_make_any_later_snapshot(story: Story, data: st.DataObject):
    log = story.state.log
    first = data.draw(st.integers(0, len(log)))
    later = data.draw(st.integers(first, len(log)))
    then = fold(log[:first], onto=new_conversation(ConversationId("cv_1")))
    now = fold(log[:later], onto=new_conversation(ConversationId("cv_1")))

    page = Page.of(show(then)) if first else Page.empty("cv_1")
    for event in events_of(now, after=first):
        assert event.name in DURABLE
        page.apply(event)

    page.check(show(now))


async def live_through(shop: Shop) -> tuple[Customer, list[Json]]:
    """A conversation in which everything happens, and its snapshots on the way."""
    customer = await shop.client.start()
    taken = [customer.started["snapshot"]]

    async def look() -> None:
        taken.append(await customer.snapshot())

    for text in ("hello", "price for 3 wheels", "guess a price", "please fail", "book a visit on 2026-12-01"):
        await customer.ask(text)
        await look()
    card = taken[-1]["pending"]["confirmations"][0]
    await customer.call("POST", "/identify", json={"identity": shop.identity()})
    await look()
    await customer.decide(card["confirmation_id"], "decline")
    await look()
    await customer.replay(times=6)
    for path, body in (("/handoff", None), ("/resume", None), ("/survey", {"score": 4}), ("/close", None)):
        await customer.call("POST", path, json=body) if body else await customer.call("POST", path)
        await look()
    return customer, taken


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        yield opened


@pytest.mark.anyio
async def test_over_http_every_snapshot_grows_into_the_last_one(shop: Shop):
    customer, taken = await live_through(shop)
    now = await customer.snapshot()

    for earlier in taken:
        page = Page.of(earlier)
        if page.last_seq < now["last_seq"]:
            for event in await customer.replay("conversation.closed", after=earlier["last_seq"]):
                page.apply(event)
        page.check(now)
        assert page.last_seq == now["last_seq"]


@pytest.mark.anyio
async def test_a_page_learns_from_the_stream_who_is_signed_in_and_in_which_language(shop: Shop):
    """What another tab does is part of what a snapshot shows; so the stream tells it."""
    customer = await shop.client.start(locale="en")
    async with customer.watch() as stream:
        await customer.call("POST", "/identify", json={"identity": shop.identity()})
        await customer.post("两个轮子多少钱？")
        events = await stream.until("turn.ended")
    now = await customer.snapshot()

    told: dict[str, Any] = {}
    for event in events:
        told |= {name: event.body[name] for name in ("signed_in", "locale") if name in event.body}
    assert (now["signed_in"], now["locale"]) == ("Kim", "zh")
    assert told == {"signed_in": "Kim", "locale": "zh"}


@pytest.mark.anyio
async def test_a_replay_from_every_place_is_the_rest_of_the_whole(shop: Shop):
    customer, _ = await live_through(shop)
    last_seq = (await customer.snapshot())["last_seq"]
    whole = await customer.replay("conversation.closed")

    for place in range(last_seq):
        rest = await customer.replay("conversation.closed", after=place)
        assert rest == [event for event in whole if (event.seq or 0) > place]


@pytest.mark.anyio
async def test_a_reload_after_a_restart_shows_the_same(tmp_path: Path):
    async with open_shop(tmp_path) as shop:
        customer, _ = await live_through(shop)
        before, events = await customer.snapshot(), await customer.replay("conversation.closed")
        transcript = (await customer.call("GET", "/transcript")).json()

    async with open_shop(tmp_path) as shop:
        customer.client = shop.client
        assert await customer.snapshot() == before
        assert await customer.replay("conversation.closed") == events
        assert (await customer.call("GET", "/transcript")).json() == transcript


@pytest.mark.anyio
async def test_where_history_is_gone_a_reset_says_so(shop: Shop):
    customer = await shop.client.start()
    await customer.ask("hello")

    async with customer.watch(10_000) as stream:
        event = await stream.next()

    assert event.name == "reset"
    page = Page.of(await customer.snapshot())
    assert page.last_seq == event.body["last_seq"]
