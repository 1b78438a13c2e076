"""Posting messages: what is answered, what is stored, what happens to the same message twice."""

import asyncio
from typing import Any

import pytest

from tests.support.client import Customer, code_of, eventually
from tests.support.mechanic import FIRST, LONG
from tests.support.shop import Shop

pytestmark = pytest.mark.anyio

MESSAGE = {"message_id", "seq", "author", "text", "html", "citations", "at"}


def texts(snapshot: dict[str, Any], author: str) -> list[str]:
    return [message["text"] for message in snapshot["messages"] if message["author"] == author]


async def test_a_message_is_accepted_with_its_place_and_its_turn(customer: Customer):
    response = await customer.post("hello")

    assert response.status_code == 202
    accepted = response.json()
    assert set(accepted) == {"message_id", "seq", "turn_id"}
    assert (accepted["message_id"][:3], accepted["turn_id"][:3], accepted["seq"]) == ("ms_", "tn_", 2)


async def test_waiting_gives_the_complete_reply(customer: Customer):
    reply = await customer.ask("price for 3 wheels")

    assert {"turn_id", "outcome", "code", "reply", "usage", "cost_usd", "model"} <= set(reply)
    assert (reply["outcome"], reply["code"], reply["model"]) == ("replied", None, "mechanic")
    assert set(reply["reply"]) == MESSAGE | {"author_name"}
    assert (reply["reply"]["author"], reply["reply"]["author_name"]) == ("assistant", "Ada")
    assert reply["reply"]["text"] == "That is $144.60."
    assert reply["usage"]["output_tokens"] == 10 and reply["cost_usd"] == pytest.approx(0.002)


async def test_a_conversation_shows_its_messages_as_they_were_written(customer: Customer):
    await customer.ask("hello **there** <b>you</b>")

    shown = (await customer.snapshot())["messages"]

    assert [set(message) for message in shown] == [MESSAGE, MESSAGE | {"author_name"}]
    assert shown[0]["text"] == "hello **there** <b>you</b>" and shown[0]["html"] == ""


async def test_the_same_message_twice_is_one_message_and_one_answer(customer: Customer):
    first = await customer.post("hello", key="m1")
    again = await customer.post("hello", key="m1")
    later = await customer.post("hello", key="m1", wait=True)

    assert (first.status_code, again.status_code) == (202, 202) and first.json() == again.json()
    assert later.json()["turn_id"] == first.json()["turn_id"]
    assert texts(await customer.snapshot(), "customer") == ["hello"]


async def test_another_text_under_the_same_id_is_refused(customer: Customer):
    await customer.ask("hello")
    await customer.post("hello", key="m7")

    assert code_of(await customer.post("good bye", key="m7")) == (409, "id_used")
    assert texts(await customer.snapshot(), "customer") == ["hello", "hello"]


async def test_the_same_id_in_two_conversations_is_two_messages(shop: Shop):
    one, other = await shop.client.start(), await shop.client.start()

    first, second = await one.post("hello", key="same"), await other.post("hello", key="same")

    assert first.json()["message_id"] != second.json()["message_id"]


async def test_a_repeated_message_is_answered_even_when_the_conversation_is_closed(customer: Customer):
    first = await customer.post("hello", key="m1", wait=True)
    await customer.call("POST", "/close")

    again = await customer.post("hello", key="m1")

    assert again.status_code == 202 and again.json()["turn_id"] == first.json()["turn_id"]


async def test_two_tabs_that_send_at_the_same_instant_are_both_accepted_and_see_the_same(customer: Customer):
    async with customer.watch() as one, customer.watch() as other:
        accepted = await asyncio.gather(customer.post("hello", key="a"), customer.post("good morning", key="b"))
        assert [response.status_code for response in accepted] == [202, 202]
        turns = {response.json()["turn_id"] for response in accepted}
        seen = [await stream.until("turn.ended", times=len(turns)) for stream in (one, other)]

    durable = [[event for event in events if event.seq] for events in seen]
    assert durable[0] == durable[1]
    assert sorted(texts(await customer.snapshot(), "customer")) == ["good morning", "hello"]


async def test_several_messages_in_a_row_are_answered_together(shop: Shop, customer: Customer):
    shop.model.hold = True
    await customer.post("tell me a long story")
    await shop.model.reached.wait()
    waiting = [(await customer.post(text)).json() for text in ("hello", "are you there")]
    shop.model.go_on.set()
    reply = await customer.post("hurry up", wait=True)

    assert len({each["turn_id"] for each in waiting}) == 1
    assert reply.json()["turn_id"] == waiting[0]["turn_id"]
    assert texts(await customer.snapshot(), "assistant") == [LONG, "You wrote: hello and are you there and hurry up."]


async def test_a_message_during_a_running_turn_does_not_disturb_it(shop: Shop, customer: Customer):
    shop.model.hold = True
    first = (await customer.post("tell me a long story")).json()
    await shop.model.reached.wait()
    second = (await customer.post("hello")).json()
    assert first["turn_id"] != second["turn_id"]
    assert (await customer.snapshot())["pending"]["turn_id"] == first["turn_id"]

    async with customer.watch() as stream:
        shop.model.go_on.set()
        events = await stream.until("turn.ended", times=2)

    ends = [event.body["turn_id"] for event in events if event.name == "turn.ended"]
    assert ends == [first["turn_id"], second["turn_id"]]
    assert texts(await customer.snapshot(), "assistant") == [LONG, "You wrote: hello."]


async def test_who_waits_and_hangs_up_does_not_stop_the_turn(shop: Shop, customer: Customer):
    shop.model.hold = True
    waiting = asyncio.create_task(customer.post("tell me a long story", wait=True))
    await shop.model.reached.wait()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    shop.model.go_on.set()

    events = await customer.replay()

    assert events[-1].body["outcome"] == "replied"
    assert texts(await customer.snapshot(), "assistant") == [LONG]


async def test_a_cancelled_turn_keeps_what_was_shown_and_stops_the_model(shop: Shop, customer: Customer):
    shop.model.hold = True
    async with customer.watch() as stream:
        posted = (await customer.post("tell me a long story")).json()
        await stream.until("reply.delta")
        response = await customer.call("POST", "/cancel")
        events = await stream.until("turn.ended")

    assert (response.status_code, response.json()) == (202, {"turn_id": posted["turn_id"]})
    assert events[-1].body["outcome"] == "cancelled"
    assert texts(await customer.snapshot(), "assistant") == [FIRST]
    assert shop.model.stopped == 1


async def test_a_cancel_with_nothing_running_changes_nothing(customer: Customer):
    before = await customer.snapshot()

    response = await customer.call("POST", "/cancel")

    assert (response.status_code, response.json()) == (202, {"turn_id": None})
    assert await customer.snapshot() == before


async def test_a_cancel_leaves_the_messages_that_came_after_to_be_answered(shop: Shop, customer: Customer):
    shop.model.hold = True
    async with customer.watch() as stream:
        await customer.post("tell me a long story")
        await stream.until("reply.delta")
        await customer.post("hello")
        await customer.call("POST", "/cancel")
        events = await stream.until("turn.ended", times=2)

    assert [event.body["outcome"] for event in events if event.name == "turn.ended"] == ["cancelled", "replied"]
    assert texts(await customer.snapshot(), "assistant")[-1] == "You wrote: hello."


async def test_nothing_keeps_running_when_all_is_answered(shop: Shop, customer: Customer):
    await customer.ask("hello")

    await eventually(lambda: shop.service.dispatcher.busy == 0)
    assert (await shop.client.request("GET", "/readyz")).json()["busy"] == 0
