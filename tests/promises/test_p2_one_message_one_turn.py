"""P2: a client_message_id is one message and one turn, however often and however it is sent."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.client import Customer, code_of
from tests.support.server import Server
from tests.support.shop import Shop, open_shop

pytestmark = [pytest.mark.anyio, pytest.mark.promise("P2")]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        yield opened


async def count(customer: Customer) -> tuple[int, int, int]:
    """Messages of the customer, replies, ended turns."""
    events = await customer.replay()
    authors = [event.body["message"]["author"] for event in events if event.name == "message.posted"]
    ended = [event for event in events if event.name == "turn.ended"]
    return authors.count("customer"), authors.count("assistant"), len(ended)


async def test_fifty_at_once_are_one_message_one_turn_and_the_same_answer(shop: Shop):
    customer = await shop.client.start()

    answers = await asyncio.gather(*(customer.post("hello", key="m1") for _ in range(50)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert await count(customer) == (1, 1, 1)
    assert len(shop.model.requests) == 1


async def test_fifty_that_wait_get_the_same_reply(shop: Shop):
    customer = await shop.client.start()

    answers = await asyncio.gather(*(customer.post("hello", key="m1", wait=True) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["reply"]["message_id"] for answer in answers}) == 1
    assert await count(customer) == (1, 1, 1)


async def test_of_two_texts_under_one_id_at_once_one_is_stored_and_the_other_refused(shop: Shop):
    customer = await shop.client.start()

    answers = await asyncio.gather(customer.post("hello", key="m1"), customer.post("good morning", key="m1"))

    assert sorted(answer.status_code for answer in answers) == [202, 409]
    assert {code_of(answer) for answer in answers if answer.status_code == 409} == {(409, "id_used")}
    assert await count(customer) == (1, 1, 1)


@pytest.mark.parametrize("what", ["handoff", "close"])
async def test_the_same_id_stays_the_same_message_after_everything_else(shop: Shop, what: str):
    customer = await shop.client.start()
    first = (await customer.post("hello", key="m1")).json()
    await customer.replay()
    await customer.call("POST", f"/{what}")
    shop.clock.forward(days=20)

    again = await customer.post("hello", key="m1")

    assert (again.status_code, again.json()) == (202, first)
    assert await count(customer) == (1, 1, 1)


async def test_the_same_id_is_the_same_message_after_a_kill(tmp_path: Path):
    server = Server(tmp_path)
    customer = await (await server.start()).start()
    first = (await customer.post("hello", key="m1", wait=True)).json()
    await server.kill()
    customer.client = await server.start()

    again = (await customer.post("hello", key="m1", wait=True)).json()
    other = await customer.post("something else", key="m1")

    assert again == first
    assert code_of(other) == (409, "id_used")
    assert await count(customer) == (1, 1, 1)
    await server.stop()
