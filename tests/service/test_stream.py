"""The event stream: frames that cannot be forged, replay without gap or double, and what a late watcher sees."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from firstline.conversation import Conversation
from firstline.dispatch import WATCHER_SIGNALS
from firstline.events import ReplyGrew
from firstline.service.stream import stream_events
from firstline.types import ConversationId, TurnId
from tests.support.client import Customer
from tests.support.mechanic import FIRST, LONG
from tests.support.shop import Shop
from tests.support.sse import Event, Parser

pytestmark = pytest.mark.anyio


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events]


def durable(events: list[Event]) -> list[Event]:
    return [event for event in events if event.seq is not None]


async def test_a_turn_is_told_in_the_order_in_which_it_happened(customer: Customer):
    async with customer.watch() as stream:
        await customer.post("price for 3 wheels")
        events = await stream.until("turn.ended")

    assert stream.parser.retry_ms == 1000
    order = [name for name in names(events) if name not in ("turn.status", "route.chosen")]
    assert order == [
        "message.posted", "turn.started", "tool.called", "tool.returned", "reply.delta", "message.posted",
        "turn.ended",
    ]  # fmt: skip
    by_name = {event.name: event.body for event in events}
    assert by_name["tool.called"]["label"] == "Working out the price"
    assert by_name["tool.returned"]["ok"] is True
    assert by_name["tool.returned"]["display"]["amount"] == "$144.60"
    ended = by_name["turn.ended"]
    assert (ended["outcome"], ended["model"], ended["suggestions"]) == ("replied", "mechanic", ["And a tandem?"])
    assert {"usage", "cost_usd", "turn_id", "at"} <= set(ended)


async def test_no_event_tells_what_is_not_the_customers_business(shop: Shop, customer: Customer):
    async with customer.watch() as stream:
        for text in ("price for 3 wheels", "guess a price", "book a visit on 2026-12-01"):
            await customer.post(text)
            await stream.until("turn.ended")

    assert not set(names(stream.seen)) & {"model.replied", "guardrail.ran", "passages.retrieved"}
    for inside in (
        b"idempotency",
        b"token_sha256",
        b"guardrail",
        b"<turn>",
        b"stop_reason",
        b"passages",
        b"playbook",
    ):
        assert inside not in stream.raw


async def test_the_pieces_of_a_reply_make_exactly_the_stored_reply(customer: Customer):
    async with customer.watch() as stream:
        await customer.post("tell me a long story")
        events = await stream.until("turn.ended")

    grown = [event.body for event in events if event.name == "reply.delta"]
    posted = [event.body["message"] for event in events if event.name == "message.posted"][-1]
    assert "".join(body["text"] for body in grown) == posted["text"] == LONG
    assert grown[-1]["html"] == posted["html"]


async def test_a_watcher_who_comes_in_the_middle_of_a_reply_sees_all_of_it(shop: Shop, customer: Customer):
    shop.model.hold = True
    async with customer.watch() as first:
        await customer.post("tell me a long story")
        await first.until("reply.delta")
        async with customer.watch(after=first.parser.last_seq) as late:
            begun = await late.until("reply.delta")
            shop.model.go_on.set()
            rest = await late.until("turn.ended")

    assert names(begun)[-2:] == ["reply.withdrawn", "reply.delta"]
    assert begun[0].body["html"] == "" and begun[-1].body["text"] == FIRST
    shown = [event for event in begun + rest if event.name == "reply.delta"]
    assert "".join(event.body["text"] for event in shown) == LONG


async def test_leaving_does_not_stop_a_turn_and_coming_back_brings_the_rest(shop: Shop, customer: Customer):
    shop.model.hold = True
    async with customer.watch() as stream:
        await customer.post("tell me a long story")
        await stream.until("reply.delta")
    shop.model.go_on.set()

    async with customer.watch(last_event_id=str(stream.parser.last_seq)) as again:
        rest = await again.until("turn.ended")

    whole = durable(stream.seen) + durable(rest)
    assert whole == durable(await customer.replay())
    assert shop.model.stopped == 0


async def test_coming_back_after_every_single_event_gives_no_gap_and_no_double(customer: Customer):
    """One reader who loses the connection after each event, while turns are running."""
    turns = 6
    for number in range(turns):
        await customer.post(f"hello number {number}")
    gathered: list[Event] = []
    ended = 0
    while not ended or (await customer.snapshot())["pending"].get("turn_id"):
        place = str(gathered[-1].seq) if gathered else "0"
        async with customer.watch(last_event_id=place) as stream:
            while (event := await stream.next()).seq is None:
                pass
        gathered.append(event)
        ended += event.name == "turn.ended"

    last = gathered[-1].seq
    snapshot = await customer.snapshot()
    if last != snapshot["last_seq"]:
        gathered += durable(await customer.replay(after=last))
    replayed = durable(await customer.replay(times=[event.name for event in gathered].count("turn.ended")))
    assert gathered == replayed


async def test_readers_at_different_places_see_the_same_facts_at_the_same_places(customer: Customer):
    await customer.ask("hello")
    middle = (await customer.snapshot())["last_seq"]
    async with customer.watch(0) as early, customer.watch(middle) as late:
        await customer.post("price for 3 wheels")
        from_start = await early.until("turn.ended", times=2)
        from_middle = await late.until("turn.ended")

    assert durable(from_middle) == [event for event in durable(from_start) if event.seq > middle]


@pytest.mark.parametrize("place", ["999", "99999999999999999999999", "-1", "abc", "", "1.5", "１", "²", "0x1"])
async def test_a_place_that_was_never_told_gives_a_reset_and_then_what_comes(customer: Customer, place: str):
    await customer.ask("hello")
    last_seq = (await customer.snapshot())["last_seq"]

    async with customer.watch(last_event_id=place) as stream:
        first = await stream.next()
        await customer.post("hello again")
        rest = await stream.until("turn.ended")

    assert (first.name, first.body["last_seq"]) == ("reset", last_seq)
    assert {event.seq for event in durable(rest)} and min(event.seq for event in durable(rest)) == last_seq + 1


async def test_the_place_in_the_address_is_checked_as_well(customer: Customer):
    assert (await customer.call("GET", "/events", params={"after": "abc"})).status_code == 422
    async with customer.watch(10**6) as stream:
        assert (await stream.next()).name == "reset"


async def test_the_header_wins_over_the_address(customer: Customer):
    await customer.ask("hello")
    last_seq = (await customer.snapshot())["last_seq"]
    headers = {**customer.headers, "Last-Event-ID": str(last_seq - 1)}

    async with customer.client.http.stream("GET", f"{customer.path}/events?after=0", headers=headers) as response:
        parser, events = Parser(), []
        async for chunk in response.aiter_bytes():
            events += parser.feed(chunk)
            if events:
                break

    assert [event.seq for event in events] == [last_seq]


def open_stream(shop: Shop, customer: Customer, **how: float) -> AsyncIterator[bytes]:
    service = shop.service
    conversation_id = ConversationId(customer.conversation_id)
    return stream_events(service.ledger, service.dispatcher, conversation_id, after=1, now=shop.clock, **how)


async def read_until(stream: AsyncIterator[bytes], name: str, parser: Parser) -> list[Event]:
    """What a stream tells, up to the event of this name; the parser refuses whatever is told twice."""
    events: list[Event] = []
    while name not in names(events):
        events += parser.feed(await asyncio.wait_for(anext(stream), 10))
    return events


async def test_a_fact_that_comes_while_the_log_is_being_read_is_told_once(shop: Shop, customer: Customer):
    """It is in the log that is read, and waits for the watcher as well."""
    ledger, load = shop.service.ledger, shop.service.ledger.load

    async def load_late(conversation_id: ConversationId) -> Conversation:
        ledger.load = load
        await customer.ask("hello")
        return await load(conversation_id)

    ledger.load = load_late
    stream = open_stream(shop, customer)
    parser = Parser()
    events = await read_until(stream, "turn.ended", parser)
    await customer.ask("hello again")
    events += await read_until(stream, "turn.ended", parser)
    await stream.aclose()

    assert durable(events) == durable(await customer.replay(times=2))


async def test_a_fact_that_did_not_reach_the_watcher_is_read_from_the_log(shop: Shop, customer: Customer):
    ledger, publish = shop.service.ledger, shop.service.ledger._publish

    def lose(*_: object) -> None:
        ledger._publish = publish

    ledger._publish = lose
    async with customer.watch() as stream:
        await customer.post("hello")
        events = await stream.until("turn.ended")

    assert durable(events) == durable(await customer.replay())
    assert durable(events)[0].body["message"]["text"] == "hello"


async def test_a_quiet_stream_says_that_it_is_alive(shop: Shop, customer: Customer):
    stream = open_stream(shop, customer, heartbeat_seconds=0.005)
    parser = Parser()

    while parser.heartbeats < 2:
        assert not list(parser.feed(await anext(stream)))

    await stream.aclose()


async def test_a_reader_who_is_too_slow_is_let_go_and_finds_everything_on_return(shop: Shop, customer: Customer):
    stream = open_stream(shop, customer)
    await anext(stream)
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    conversation_id, turn_id = ConversationId(customer.conversation_id), TurnId("tn_1")
    frame = ReplyGrew(turn_id, "a", "a")
    for _ in range(WATCHER_SIGNALS + 1):
        shop.service.dispatcher.publish(conversation_id, (frame,))
    await waiting

    with pytest.raises(StopAsyncIteration):
        while True:
            await anext(stream)
    await customer.ask("hello")
    assert durable(await customer.replay())[-1].name == "turn.ended"


async def test_a_stream_that_was_left_leaves_nothing_behind(shop: Shop, customer: Customer):
    before = len(asyncio.all_tasks())
    for _ in range(20):
        async with customer.watch() as stream:
            assert stream.parser.last_seq == 0

    assert len(asyncio.all_tasks()) <= before + 1
    assert shop.service.dispatcher._watchers == {}
