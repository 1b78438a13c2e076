"""What time itself brings: an apology, a place in the queue again, an end; once each, and only when it is so."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firstline.errors import StoreUnavailable
from firstline.types import ConversationId
from tests.support.client import Customer
from tests.support.desk_client import Desk, sign_in
from tests.support.scripted import START, Clock
from tests.support.shop import Shop, open_shop

pytestmark = pytest.mark.anyio

WAIT, SILENT, IDLE = 10, 10, 24
FRIDAY_EVENING = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
MONDAY_OPENING = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


@pytest.fixture
async def desk(shop: Shop) -> Desk:
    return await sign_in(shop)


async def tick(shop: Shop) -> int:
    """What time does now, when the records are what the logs are."""
    await shop.service.indexer.settled()
    changed = await shop.service.timekeeper.tick()
    await shop.service.indexer.settled()
    return changed


async def types(shop: Shop, customer: Customer) -> list[str]:
    conversation = await shop.service.ledger.load(ConversationId(customer.conversation_id))
    return [logged.event.type for logged in conversation.log]


async def told(customer: Customer) -> list[str]:
    """The lines of the system."""
    return [each["text"] for each in (await customer.snapshot())["messages"] if each["author"] == "system"]


async def waiting(shop: Shop) -> Customer:
    customer = await shop.client.start()
    await customer.call("POST", "/handoff")
    return customer


async def accepted(shop: Shop, desk: Desk) -> Customer:
    customer = await waiting(shop)
    assert (await desk.act(customer.conversation_id, "accept")).status_code == 200
    return customer


# Nobody came --------------------------------------------------------------------------------------------------------


async def test_who_has_waited_long_enough_in_business_hours_is_told_that_nobody_came_once(shop: Shop, desk: Desk):
    customer = await waiting(shop)
    shop.clock.forward(minutes=WAIT, seconds=-1)
    assert await tick(shop) == 0
    shop.clock.forward(seconds=1)

    assert await tick(shop) == 1
    for _ in range(3):
        shop.clock.forward(hours=1)
        assert await tick(shop) == 0

    lines = await told(customer)
    assert len(lines) == 2 and "help@spoke.example" in lines[1]
    assert (await types(shop, customer)).count("handoff.unclaimed") == 1
    assert (await customer.snapshot())["status"] == "waiting"
    (row,) = (await (await sign_in(shop, name="desk.two")).listing(shelf="waiting"))["conversations"]
    assert row["unclaimed"]


async def test_two_ticks_at_the_same_moment_tell_it_once(shop: Shop):
    customer = await waiting(shop)
    shop.clock.forward(minutes=WAIT)
    await shop.service.indexer.settled()

    assert [await shop.service.timekeeper.tick() for _ in range(3)] == [1, 0, 0]  # the record is still behind
    assert len(await told(customer)) == 2


async def test_who_has_left_a_contact_is_told_that_somebody_will_write(shop: Shop):
    one, other = await waiting(shop), await waiting(shop)
    await other.call("POST", "/contact", json={"contact": "kim@spoke.example"})
    shop.clock.forward(minutes=WAIT)

    assert await tick(shop) == 2
    assert (await told(one))[1] != (await told(other))[1]


async def test_out_of_hours_the_wait_begins_with_the_next_opening(tmp_path: Path):
    clock = Clock(FRIDAY_EVENING)
    async with open_shop(tmp_path, clock=clock) as shop:
        customer = await waiting(shop)
        for moment in (
            FRIDAY_EVENING + timedelta(hours=30),
            MONDAY_OPENING,
            MONDAY_OPENING + timedelta(minutes=WAIT, seconds=-1),
        ):
            clock.at = moment
            assert await tick(shop) == 0, moment
        clock.at = MONDAY_OPENING + timedelta(minutes=WAIT)

        assert await tick(shop) == 1
        assert len(await told(customer)) == 2


async def test_a_holiday_is_no_opening(tmp_path: Path):
    wednesday_evening = datetime(2026, 11, 25, 23, 0, tzinfo=UTC)  # the day after is a holiday
    friday_opening = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)
    clock = Clock(wednesday_evening)
    async with open_shop(tmp_path, clock=clock) as shop:
        await waiting(shop)
        clock.at = friday_opening + timedelta(minutes=WAIT, seconds=-1)
        assert await tick(shop) == 0
        clock.forward(seconds=1)
        assert await tick(shop) == 1


async def test_whoever_was_accepted_went_on_or_left_is_not_told_that_nobody_came(shop: Shop, desk: Desk):
    taken, resumed, left, erased = [await waiting(shop) for _ in range(4)]
    await shop.service.indexer.settled()
    shop.clock.forward(minutes=WAIT)
    await desk.act(taken.conversation_id, "accept")
    await resumed.call("POST", "/resume")
    await left.call("POST", "/close")
    await erased.call("DELETE")

    assert await shop.service.timekeeper.tick() == 0  # by records that may still be behind
    assert await tick(shop) == 0
    for customer in (taken, resumed, left):
        assert "handoff.unclaimed" not in await types(shop, customer)


# Silence ------------------------------------------------------------------------------------------------------------


async def test_whoever_accepts_and_says_nothing_loses_it_and_the_customer_is_told(shop: Shop, desk: Desk):
    customer = await accepted(shop, desk)
    shop.clock.forward(minutes=SILENT, seconds=-1)
    assert await tick(shop) == 0
    shop.clock.forward(seconds=1)

    assert await tick(shop) == 1
    assert await tick(shop) == 0

    assert (await types(shop, customer))[-2:] == ["handoff.requeued", "message.posted"]
    snapshot = await customer.snapshot()
    assert snapshot["status"] == "waiting" and len(await told(customer)) == 2
    assert (await desk.listing())["conversations"][0]["holder_name"] is None
    shop.clock.forward(minutes=WAIT)
    assert await tick(shop) == 1  # and then, that nobody came
    assert (await types(shop, customer)).count("handoff.unclaimed") == 1


async def test_silence_counts_from_what_the_customer_wrote_and_nobody_answered(shop: Shop, desk: Desk):
    customer = await accepted(shop, desk)
    shop.clock.forward(minutes=5)
    await desk.write(customer.conversation_id, "Good day.")
    shop.clock.forward(minutes=SILENT * 5)
    assert await tick(shop) == 0  # the customer has the word
    await customer.post("my chain is dry")
    shop.clock.forward(minutes=SILENT - 1)
    await customer.post("hello?")
    assert await tick(shop) == 0
    shop.clock.forward(minutes=1)

    assert await tick(shop) == 1
    assert (await customer.snapshot())["status"] == "waiting"


async def test_who_answers_in_time_keeps_it(shop: Shop, desk: Desk):
    customer = await accepted(shop, desk)
    await customer.post("my chain is dry")
    await shop.service.indexer.settled()
    shop.clock.forward(minutes=SILENT)
    await desk.write(customer.conversation_id, "Good day.")

    assert await shop.service.timekeeper.tick() == 0 == await tick(shop)
    assert (await customer.snapshot())["status"] == "with_human"


async def test_a_note_is_no_answer(shop: Shop, desk: Desk):
    customer = await accepted(shop, desk)
    shop.clock.forward(minutes=SILENT - 1)
    await desk.write(customer.conversation_id, "I look.", to="note")
    shop.clock.forward(minutes=1)

    assert await tick(shop) == 1 and (await customer.snapshot())["status"] == "waiting"


# Idle ---------------------------------------------------------------------------------------------------------------


async def test_a_conversation_in_which_nothing_has_happened_for_long_is_closed(shop: Shop):
    customer = await shop.client.start()
    await customer.ask("hello")
    shop.clock.forward(hours=IDLE, seconds=-1)
    assert await tick(shop) == 0
    shop.clock.forward(seconds=1)

    assert await tick(shop) == 1
    assert await tick(shop) == 0

    assert (await customer.snapshot())["status"] == "closed"
    assert (await types(shop, customer))[-1] == "conversation.closed"


async def test_a_customer_who_wrote_in_between_is_not_cut_off(shop: Shop):
    customer = await shop.client.start()
    await customer.ask("hello")
    await shop.service.indexer.settled()
    shop.clock.forward(hours=IDLE)
    await customer.ask("I am still here")

    assert await shop.service.timekeeper.tick() == 0 == await tick(shop)
    assert (await customer.snapshot())["status"] == "open"


async def test_a_reply_that_is_being_written_is_not_cut_off(shop: Shop):
    customer = await shop.client.start()
    await customer.ask("hello")
    await shop.service.indexer.settled()
    shop.model.hold = True
    async with customer.watch() as stream:
        await customer.post("tell me a long story")
        await stream.until("reply.delta")
        shop.clock.forward(hours=IDLE + 1)
        assert await shop.service.timekeeper.tick() == 0
        shop.model.go_on.set()
        ended = (await stream.until("turn.ended"))[-1]

    assert ended.body["outcome"] == "replied"


async def test_waiting_never_ends_by_itself(shop: Shop):
    customer = await waiting(shop)
    for _ in range(6):
        shop.clock.forward(days=3)
        await tick(shop)

    assert (await customer.snapshot())["status"] == "waiting" and len(await told(customer)) == 2


# Trouble ------------------------------------------------------------------------------------------------------------


async def test_what_a_broken_log_or_store_kept_back_is_done_at_the_next_tick(shop: Shop):
    customers = [await waiting(shop) for _ in range(3)]
    await shop.service.indexer.settled()
    shop.clock.forward(minutes=WAIT)
    append = shop.store.append

    async def append_nothing(*_: object, **__: object) -> int:
        raise StoreUnavailable("the disk is full")

    shop.store.append = append_nothing  # pyright: ignore
    with pytest.raises(StoreUnavailable):
        await shop.service.timekeeper.tick()
    shop.store.append = append

    assert await tick(shop) == 3
    assert [len(await told(customer)) for customer in customers] == [2, 2, 2]


async def test_a_log_that_cannot_be_read_keeps_time_from_nobody_else(shop: Shop):
    broken, *others = [await waiting(shop) for _ in range(3)]
    await shop.service.indexer.settled()
    shop.clock.forward(minutes=WAIT)
    load = shop.service.ledger.load

    async def load_some(conversation_id: ConversationId):
        if conversation_id == broken.conversation_id:
            raise ValueError("a mistake of ours in one log")
        return await load(conversation_id)

    shop.service.ledger.load = load_some
    assert await shop.service.timekeeper.tick() == 2
    shop.service.ledger.load = load

    assert [len(await told(customer)) for customer in others] == [2, 2]


async def test_conversations_of_a_business_that_is_no_longer_served_hold_up_nobody(shop: Shop):
    """As many as one look at the records brings, and all of them due before."""
    customer = await shop.client.start()
    await customer.ask("hello")
    await shop.service.indexer.settled()
    with shop.store.engine.begin() as connection:
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) INSERT INTO records "
            f"SELECT {_columns(shop)} FROM records, n"
        )
    assert len(await shop.service.records.due(START, ["elsewhere"])) >= 200
    shop.clock.forward(hours=IDLE)

    assert await shop.service.timekeeper.tick() == 1
    assert (await customer.snapshot())["status"] == "closed"


def _columns(shop: Shop) -> str:
    """Every column of the records, as of another business's conversations that have been due for long."""
    with shop.store.reader.connect() as connection:
        names = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(records)")]
    other = {
        "conversation_id": "'cv_' || n.i",
        "bundle": "'elsewhere'",
        "due_at": "'2020-01-01T00:00:00.000000+00:00'",
    }
    return ", ".join(str(other.get(name, name)) for name in names)
