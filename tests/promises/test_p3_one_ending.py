"""P3: every accepted turn ends in exactly one state, whatever breaks and whenever the process is killed."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.client import Client, Customer
from tests.support.oracles import check_log, check_page, read_store
from tests.support.server import Server
from tests.support.shop import Shop, open_shop
from tests.support.sse import Event

pytestmark = [pytest.mark.anyio, pytest.mark.promise("P3")]

KILLS = 15
LOAD = 4


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        yield opened


async def play(shop: Shop, text: str, *, then: str = "") -> list[dict[str, Any]]:
    """How the turns ended that a message led to; `then` is called once the reply has begun."""
    customer = await shop.client.start()
    async with customer.watch() as stream:
        await customer.post(text)
        if then:
            await stream.until("reply.delta")
            await customer.call("POST", f"/{then}")
        events: list[Event] = await stream.until("turn.ended")
    return [event.body for event in events if event.name == "turn.ended"]


@pytest.mark.parametrize(
    ("text", "then", "outcome", "code"),
    [
        ("hello", "", "replied", None),
        ("price for 3 wheels", "", "replied", None),
        ("I want to talk to a human", "", "handed_off", None),
        ("tell me a long story", "cancel", "cancelled", None),
        ("please fail", "", "failed", "overloaded"),
        ("please explode", "", "failed", "unknown"),
    ],
)
async def test_each_way_to_end_is_told_once_and_by_its_name(
    shop: Shop, text: str, then: str, outcome: str, code: str | None
):
    shop.model.hold = True

    ends = await play(shop, text, then=then)

    assert [(end["outcome"], end.get("code")) for end in ends] == [(outcome, code)]


async def test_a_turn_after_a_failed_one_is_a_turn_like_any_other(shop: Shop):
    customer = await shop.client.start()

    outcomes = [(await customer.ask(text))["outcome"] for text in ("please fail", "hello", "please explode", "hello")]

    assert outcomes == ["failed", "replied", "failed", "replied"]


async def test_a_turn_whose_model_never_answers_ends_at_its_deadline(shop: Shop):
    engine = shop.service.engines["workshop"]
    limits = engine.bundle.limits.model_copy(update={"seconds": 0.05})
    shop.service.engines.serve(replace(engine, bundle=replace(engine.bundle, limits=limits)))
    shop.model.hold = True

    ends = await play(shop, "tell me a long story")

    assert [(end["outcome"], end["code"]) for end in ends] == [("failed", "out_of_time")]


async def test_a_turn_that_breaks_inside_of_us_ends_as_failed(shop: Shop):
    """Not by the model, a tool or the store: by a mistake of ours, and every time it is tried."""

    class Broken:
        def choose(self, *_: Any, **__: Any) -> None:
            raise ZeroDivisionError("a mistake of ours")

    engine = shop.service.engines["workshop"]
    shop.service.engines.serve(replace(engine, router=Broken()))

    ends = await asyncio.wait_for(play(shop, "hello"), 5)

    assert [end["outcome"] for end in ends] == ["failed"]


async def ask_until_answered(customer: Customer, clients: list[Client], text: str, key: str) -> None:
    """Send the same message until it is accepted, by whichever server lives."""
    while True:
        client = clients[-1]
        customer.client = client
        try:
            response = await customer.post(text, key=key)
        except (httpx2.TransportError, RuntimeError):
            await asyncio.sleep(0.01)  # until the next server is there: nothing in this process tells when
            continue
        assert response.status_code == 202, response.text
        return


async def test_random_kills_under_load_lose_nothing_and_double_nothing(tmp_path: Path):
    """LOAD customers write all the time while the server is killed at random, KILLS times."""
    chance = random.Random(20261123)
    server = Server(tmp_path)
    clients = [await server.start()]
    customers = [await clients[-1].start() for _ in range(LOAD)]
    written: dict[str, list[str]] = {}
    stop = asyncio.Event()

    async def write(customer: Customer) -> None:
        keys = written.setdefault(customer.conversation_id, [])
        while not stop.is_set():
            keys.append(f"m{len(keys)}")
            text = ("hello", "price for 3 wheels", "tell me a long story", "book a visit on 2026-12-01")[
                len(keys) % 4
            ]
            await ask_until_answered(customer, clients, text, keys[-1])

    writers = [asyncio.create_task(write(customer)) for customer in customers]
    for _ in range(KILLS):
        await server.ready(clients[-1])
        await asyncio.sleep(chance.uniform(0, 0.15))  # a kill comes whenever it comes
        await server.kill()
        clients.append(await server.start())
    stop.set()
    await asyncio.gather(*writers)

    for customer in customers:
        customer.client = clients[-1]
        await finish(customer)
        await check_page(customer)
    await server.stop()
    logs = read_store(server.database)
    for customer in customers:
        log = logs[customer.conversation_id]
        check_log(log, server.effects(), folder=tmp_path)
        posted = [each.event.client_message_id for each in log if getattr(each.event, "client_message_id", None)]
        assert posted == written[customer.conversation_id]
    assert server.starts == KILLS + 1
    assert sum(len(keys) for keys in written.values()) > 2 * KILLS, "that was no load"


async def finish(customer: Customer) -> None:
    """Wait until nothing is unanswered."""
    async with customer.watch(0) as stream:
        while (await customer.snapshot())["pending"].get("turn_id"):
            await stream.until("turn.ended")
