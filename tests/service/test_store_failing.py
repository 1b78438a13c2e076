"""When the log cannot be written: nothing is accepted, it is said so, and it goes on by itself when it can."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firstline.errors import StoreUnavailable
from tests.support.client import Customer, check_error, code_of
from tests.support.mechanic import LONG
from tests.support.shop import Shop, open_shop

pytestmark = pytest.mark.anyio


class Broken:
    """Stands before a store's `append` and refuses while `when` says so; counts from 1."""

    def __init__(self, shop: Shop, when: Callable[[int], bool]) -> None:
        self.appends = 0
        self.when = when
        self._append = shop.store.append
        shop.store.append = self

    async def __call__(self, *place: Any, **after: Any) -> int:
        self.appends += 1
        if self.when(self.appends):
            raise StoreUnavailable("the store cannot be written: disk I/O error at /var/lib/firstline.db")
        return await self._append(*place, **after)


async def test_what_cannot_be_stored_is_not_accepted_and_can_be_sent_again(shop: Shop, customer: Customer):
    before = await customer.snapshot()
    broken = Broken(shop, lambda number: True)

    refusals = [
        await customer.post("hello", key="m1"),
        await customer.call("POST", "/handoff"),
        await customer.call("POST", "/close"),
        await customer.call("POST", "/survey", json={"score": 5}),
        await customer.call("POST", "/identify", json={"identity": shop.identity()}),
        await shop.client.request("POST", "/v1/conversations", json={}),
    ]

    assert {code_of(refusal) for refusal in refusals} == {(503, "store_unavailable")}
    assert all(check_error(refusal)["retryable"] for refusal in refusals)
    assert all(int(refusal.headers["retry-after"]) > 0 for refusal in refusals)
    assert await customer.snapshot() == before and shop.model.requests == []

    broken.when = lambda number: False
    assert (await customer.post("hello", key="m1", wait=True)).status_code == 200
    assert [message["text"] for message in (await customer.snapshot())["messages"]] == ["hello", "You wrote: hello."]


@pytest.mark.parametrize("failing", range(2, 6))
async def test_a_turn_whose_append_fails_is_taken_up_again_and_told_once(
    shop: Shop, customer: Customer, failing: int
):
    """The first append is the customer's message; each later one of the turn fails once."""
    broken = Broken(shop, lambda number: number == failing)
    async with customer.watch() as stream:
        await customer.post("price for 3 wheels")
        await stream.until("turn.ended")

    said = [message["text"] for message in (await customer.snapshot())["messages"]]
    assert said == ["price for 3 wheels", "That is $144.60."]
    assert [event.name for event in stream.seen].count("turn.ended") == 1
    assert broken.appends > failing


async def test_a_reply_that_was_shown_and_not_stored_is_not_shown_twice(shop: Shop, customer: Customer):
    """The last append of a turn fails: who watches sees the second reply in the place of the first."""
    broken = Broken(shop, lambda number: False)
    async with customer.watch() as stream:
        shop.model.hold = True
        await customer.post("tell me a long story")
        await stream.until("reply.delta")
        failing = broken.appends + 1
        broken.when = lambda number: number == failing
        shop.model.go_on.set()
        await stream.until("turn.ended")
        shop.model.hold = False

    shown = ""
    for event in stream.seen:
        if event.name == "reply.withdrawn":
            shown = event.body["text"]
        elif event.name == "reply.delta":
            shown += event.body["text"]
    assert broken.appends > failing
    assert shown == LONG == (await customer.snapshot())["messages"][-1]["text"]


async def test_a_service_whose_store_cannot_be_read_is_alive_and_not_ready(shop: Shop):
    async def unreadable() -> None:
        raise StoreUnavailable("the store cannot be read")

    shop.store.unfinished = unreadable
    ready = await shop.client.http.request("GET", "/readyz")
    alive = await shop.client.request("GET", "/healthz")

    assert (ready.status_code, ready.json()["status"]) == (503, "store_unavailable")
    assert alive.status_code == 200


async def test_a_confirmed_action_is_not_done_when_it_cannot_be_noted_first(shop: Shop, customer: Customer):
    await customer.ask("book a visit on 2026-12-01")
    card = (await customer.snapshot())["pending"]["confirmations"][0]
    noted: list[list[str]] = []
    broken = Broken(shop, lambda number: number in (2, 3))

    original = broken._append

    async def note(conversation_id: Any, events: Any, *, after: int) -> int:
        if any(event.type == "tool.called" for event in events):
            noted.append(shop.effects())
        return await original(conversation_id, events, after=after)

    broken._append = note
    await customer.decide(card["confirmation_id"])
    await customer.replay(times=2)

    assert noted == [[]] and len(shop.effects()) == 1


async def test_what_one_process_left_unfinished_the_next_one_finishes(tmp_path: Path):
    async with open_shop(tmp_path) as shop:
        shop.model.hold = True
        customer = await shop.client.start()
        accepted = (await customer.post("tell me a long story")).json()
        await shop.model.reached.wait()

    async with open_shop(tmp_path) as shop:
        customer.client = shop.client
        events = await customer.replay()

    ends = [event.body for event in events if event.name == "turn.ended"]
    assert [(end["turn_id"], end["outcome"]) for end in ends] == [(accepted["turn_id"], "replied")]
