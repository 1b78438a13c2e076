"""P5: what acts, acts at most once for each confirmed intent; where nobody can know whether it did, a human looks."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from firstline.errors import ToolFailed
from tests.support.client import Customer
from tests.support.oracles import check_log, check_page, read_store
from tests.support.server import Server
from tests.support.shop import Shop, open_shop

pytestmark = [pytest.mark.anyio, pytest.mark.promise("P5")]

BOOK = "book a visit on 2026-12-01"

UNKNOWN = {"after:tool.called:1", "act:1", "acted:1", "before:tool.returned:2"}
"""Killed between the noted intent and the noted result: nobody can know."""

DONE = {"before:confirmation.decided:1", "after:confirmation.decided:1", "before:tool.called:1"}
"""Killed before the intent was noted: it is carried out afterwards, once."""

TOLD = {"after:tool.returned:2", "ask:3", "before:turn.ended:2", "after:turn.ended:2"}
"""Killed after the result was noted: it is told, and not done again."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path)
    yield made
    await made.stop()


async def confirm(customer: Customer, confirmation_id: str) -> httpx2.Response | None:
    """The answer, or None when the server died before it came."""
    try:
        return await customer.decide(confirmation_id)
    except httpx2.TransportError:
        return None


@pytest.mark.parametrize("stage", sorted(UNKNOWN | DONE | TOLD))
async def test_a_kill_at_any_stage_of_a_confirmed_action_never_does_it_twice(server: Server, stage: str):
    customer = await (await server.start(fault=stage)).start()
    await customer.ask(BOOK)
    card = (await customer.snapshot())["pending"]["confirmations"][0]["confirmation_id"]
    await confirm(customer, card)
    await server.died()
    acted_before = len(server.effects())

    customer.client = await server.start()
    again = await customer.decide(card)
    assert again.status_code == 200
    events = await customer.replay(times=2)

    handoffs = [event.name for event in events if event.name == "handoff.offered"]
    returned = [event.body["ok"] for event in events if event.name == "tool.returned"]
    said = [each["text"] for each in (await customer.snapshot())["messages"]][-1]
    if stage in UNKNOWN:
        assert len(server.effects()) == acted_before, "it was tried again"
        assert handoffs == ["handoff.offered"] and returned == [True, False]
        assert "person" in said
    else:
        assert len(server.effects()) == 1 and handoffs == [] and returned == [True, True]
        assert said == "It is done."
    await check_page(customer)
    await server.stop()
    (log,) = read_store(server.database).values()
    check_log(log, server.effects(), folder=server.folder)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        yield opened


async def test_a_tool_that_breaks_after_it_acted_is_not_tried_again(shop: Shop):
    """It fails, or takes too long: whether it acted is not known, so a person is offered."""
    customer = await shop.client.start()
    toolset = shop.service.engines["workshop"].toolset
    call = toolset.call

    async def act_and_break(*asked):
        await call(*asked)
        raise ToolFailed("the tool took longer than 5 seconds")

    await customer.ask(BOOK)
    card = (await customer.snapshot())["pending"]["confirmations"][0]["confirmation_id"]
    toolset.call = act_and_break
    try:
        await customer.decide(card)
        events = await customer.replay(times=2)
    finally:
        toolset.call = call

    assert len(shop.effects()) == 1
    assert [event.name for event in events].count("handoff.offered") == 1


async def test_many_presses_in_many_tabs_while_turns_run_act_once(shop: Shop):
    customer = await shop.client.start()
    await customer.ask(BOOK)
    card = (await customer.snapshot())["pending"]["confirmations"][0]["confirmation_id"]

    presses = (customer.decide(card) for _ in range(30))
    messages = (customer.post(f"hello {number}") for number in range(10))
    await asyncio.gather(*presses, *messages)
    async with customer.watch(0) as stream:
        while (await customer.snapshot())["pending"].get("turn_id"):
            await stream.until("turn.ended")

    assert len(shop.effects()) == 1


async def test_two_confirmed_intents_are_two_actions(shop: Shop):
    customer = await shop.client.start()
    for day in ("2026-12-01", "2026-12-02"):
        await customer.ask(f"book a visit on {day}")
        card = (await customer.snapshot())["pending"]["confirmations"][0]["confirmation_id"]
        await customer.decide(card)
        async with customer.watch(0) as stream:
            while (await customer.snapshot())["pending"].get("turn_id"):
                await stream.until("turn.ended")

    assert len(shop.effects()) == len(set(shop.effects())) == 2


async def test_an_action_cut_off_after_a_handoff_is_noted_as_unknown_too(tmp_path: Path):
    """The customer asks for a person while the tool runs, and then the process is gone."""
    begun = asyncio.Event()
    async with open_shop(tmp_path) as shop:
        customer = await shop.client.start()
        await customer.ask(BOOK)
        card = (await customer.snapshot())["pending"]["confirmations"][0]["confirmation_id"]
        toolset = shop.service.engines["workshop"].toolset
        call = toolset.call

        async def act_and_hang(*asked):
            await call(*asked)
            begun.set()
            await asyncio.Event().wait()

        toolset.call = act_and_hang
        await customer.decide(card)
        await begun.wait()
        await customer.call("POST", "/handoff")
        del toolset.call

    async with open_shop(tmp_path) as shop:
        customer.client = shop.client
        await customer.replay(times=2)
        log = await shop.store.read(customer.conversation_id)
        effects = shop.effects()

    outcomes = [each.event.outcome for each in log if each.event.type == "tool.returned"]
    assert outcomes == ["waiting", "unknown"] and len(effects) == 1
