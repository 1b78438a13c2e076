"""Erasing a conversation: nothing of it is left, wherever one looks and whatever was going on."""

import asyncio

import pytest

from tests.support.client import Customer, eventually
from tests.support.shop import Shop

pytestmark = pytest.mark.anyio

CANARY = "Zyxomma petiolatum"


def stored(shop: Shop) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(shop.folder.rglob("*")) if file.is_file())


async def test_nothing_of_an_erased_conversation_is_left_in_any_file(shop: Shop):
    customer = await shop.client.start(client={"page": CANARY})
    other = await shop.client.start()
    await customer.ask(f"hello {CANARY}")
    await customer.call("POST", "/survey", json={"score": 5, "comment": CANARY})
    await other.ask("hello")
    assert CANARY.encode() in stored(shop)

    response = await customer.call("DELETE")

    assert (response.status_code, response.content) == (204, b"")
    assert CANARY.encode() not in stored(shop)
    assert len((await other.snapshot())["messages"]) == 2


async def test_an_erased_conversation_is_unknown_to_every_route(customer: Customer):
    await customer.ask("hello")
    await customer.call("DELETE")

    answers = [
        await customer.call("GET"),
        await customer.call("GET", "/events"),
        await customer.call("GET", "/transcript"),
        await customer.post("hello"),
        await customer.call("POST", "/handoff"),
        await customer.call("DELETE"),
    ]

    assert {answer.status_code for answer in answers} == {404}


async def test_a_watcher_of_an_erased_conversation_is_let_go(customer: Customer):
    async with customer.watch() as stream:
        await customer.post("hello")
        await stream.until("turn.ended")
        await customer.call("DELETE")
        with pytest.raises(StopAsyncIteration):
            await stream.next()


async def test_erasing_stops_the_turn_and_what_it_showed_is_gone(shop: Shop, customer: Customer):
    shop.model.hold = True
    async with customer.watch() as stream:
        await customer.post(f"tell me a long story of {CANARY}")
        await stream.until("reply.delta")
        assert (await customer.call("DELETE")).status_code == 204
        await eventually(lambda: shop.service.dispatcher.busy == 0)

    assert (await customer.call("GET")).status_code == 404
    assert CANARY.encode() not in stored(shop)
    async with shop.service.dispatcher.subscribe(customer.conversation_id) as watch:
        assert await watch.next(within_seconds=0.01) == "quiet"


async def test_a_write_that_comes_back_after_the_erasure_does_not_bring_it_back(shop: Shop, customer: Customer):
    written, erased = asyncio.Event(), asyncio.Event()
    append = shop.store.append

    async def append_slowly(conversation_id, events, *, after):
        last_seq = await append(conversation_id, events, after=after)
        written.set()
        await erased.wait()
        return last_seq

    shop.store.append = append_slowly
    posting = asyncio.create_task(customer.post(f"hello {CANARY}"))
    await written.wait()
    await customer.call("DELETE")
    erased.set()
    await posting
    await eventually(lambda: shop.service.dispatcher.busy == 0)

    assert (await customer.call("GET")).status_code == 404
    assert CANARY.encode() not in stored(shop)
