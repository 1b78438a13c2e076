"""P1: kill -9 at any stage, restart, disconnect: a message that was accepted is there, once, and is answered."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.support.client import Customer
from tests.support.oracles import check_log, check_page, read_store
from tests.support.page import Page
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.promise("P1")]

STAGES = [
    "before:message.posted:1",
    "after:message.posted:1",
    "before:turn.started:1",
    "ask:1",
    "before:tool.called:1",
    "after:tool.called:1",
    "act:1",
    "acted:1",
    "before:tool.returned:1",
    "after:tool.returned:1",
    "ask:2",
    "before:turn.ended:1",
    "after:turn.ended:1",
]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path)
    yield made
    await made.stop()


async def post(customer: Customer, text: str, key: str) -> httpx2.Response | None:
    """The answer, or None when the server died before it came."""
    try:
        return await customer.post(text, key=key)
    except httpx2.TransportError:
        return None


@pytest.mark.parametrize("stage", STAGES)
async def test_a_message_survives_a_kill_at_any_stage_of_its_turn(server: Server, stage: str):
    customer = await (await server.start(fault=stage)).start()
    accepted = await post(customer, "price for 3 wheels", "m1")
    await server.died()

    customer.client = await server.start()
    if accepted is not None:  # answered with 2xx: it must be there before anybody sends it again
        assert accepted.status_code == 202
        there = (await customer.snapshot())["messages"]
        assert there[0]["message_id"] == accepted.json()["message_id"]
    again = await customer.post("price for 3 wheels", key="m1", wait=True)

    assert again.status_code == 200 and again.json()["reply"]["text"] == "That is $144.60."
    if accepted is not None:
        assert again.json()["turn_id"] == accepted.json()["turn_id"]
    assert [each["author"] for each in (await customer.snapshot())["messages"]] == ["customer", "assistant"]
    await check_page(customer)
    await server.stop()
    (log,) = read_store(server.database).values()
    check_log(log, server.effects(), folder=server.folder)


async def test_a_kill_in_the_middle_of_a_reply_that_somebody_reads(server: Server):
    customer = await (await server.start(hold=True)).start()
    async with customer.watch() as stream:
        await customer.post("tell me a long story")
        await stream.until("reply.delta")
        await server.kill()
    page = Page.empty(customer.conversation_id)
    for event in stream.seen:
        page.apply(event)
    assert page.live == "First, oil the chain."

    customer.client = await server.start()
    for event in await customer.replay(after=page.last_seq):
        if event.name == "message.posted":
            # Either the turn was over before we came back, or it was told from its beginning.
            assert page.live in ("First, oil the chain.", event.body["message"]["text"]), "the pieces do not fit"
        page.apply(event)

    page.check(await customer.snapshot())
    page = await check_page(customer)
    assert [each["author"] for each in page.state["messages"]] == ["customer", "assistant"]
    await server.stop()
    (log,) = read_store(server.database).values()
    check_log(log, [], folder=server.folder)


async def test_messages_of_many_conversations_survive_a_kill(server: Server):
    client = await server.start(hold=True)
    customers = [await client.start() for _ in range(5)]
    accepted = [(await each.post("tell me a long story")).json()["message_id"] for each in customers]
    await server.kill()

    client = await server.start()
    for customer, message_id in zip(customers, accepted, strict=True):
        customer.client = client
        events = await customer.replay()
        assert events[0].body["message"]["message_id"] == message_id
        assert events[-1].body["outcome"] == "replied"


async def test_a_server_that_is_asked_to_stop_ends_in_time_and_the_next_goes_on(server: Server):
    customer = await (await server.start(hold=True)).start()
    async with customer.watch() as stream:
        await customer.post("tell me a long story")
        await stream.until("reply.delta")
    await server.stop()

    customer.client = await server.start()

    assert (await customer.replay())[-1].body["outcome"] == "replied"
