"""The card: an action waits for the customer's own button, once, in time, by the same person."""

import asyncio

import pytest

from tests.support.client import Customer, code_of
from tests.support.shop import Shop
from tests.support.sse import Json

pytestmark = pytest.mark.anyio

BOOK = "book a visit on 2026-12-01"


async def ask_for_card(customer: Customer, text: str = BOOK) -> Json:
    """The card that a message leads to."""
    await customer.ask(text)
    cards = (await customer.snapshot())["pending"]["confirmations"]
    assert len(cards) == 1
    return cards[0]


async def outcome_of(customer: Customer, turn_id: str) -> list[str]:
    """What the assistant said in a turn, once it has ended."""
    async with customer.watch() as stream:
        while True:
            event = await stream.next()
            if event.name == "turn.ended" and event.body["turn_id"] == turn_id:
                break
    return [
        event.body["message"]["text"]
        for event in stream.seen
        if event.name == "message.posted" and event.body.get("turn_id") == turn_id
        and event.body["message"]["author"] == "assistant"
    ]  # fmt: skip


async def test_a_card_shows_the_exact_action_and_nothing_is_done_before_the_button(shop: Shop, customer: Customer):
    card = await ask_for_card(customer)

    assert set(card) == {"confirmation_id", "tool", "label", "arguments", "rows", "expires_at"}
    assert (card["tool"], card["label"]) == ("book_visit", "Book a visit")
    assert card["arguments"] == {"day": "2026-12-01"}
    assert card["rows"] == [{"label": "Day", "value": "2026-12-01"}]
    assert shop.effects() == []


async def test_a_confirmed_action_is_done_once_and_told(shop: Shop, customer: Customer):
    card = await ask_for_card(customer)

    response = await customer.decide(card["confirmation_id"])

    assert response.status_code == 200
    assert set(response.json()) == {"confirmation_id", "decision", "turn_id"}
    assert await outcome_of(customer, response.json()["turn_id"]) == ["It is done."]
    assert len(shop.effects()) == 1
    snapshot = await customer.snapshot()
    assert snapshot["pending"] == {"confirmations": []}
    assert [each["card"]["title"] for each in snapshot["cards"]] == ["Visit"]


async def test_a_declined_action_is_not_done_and_told(shop: Shop, customer: Customer):
    card = await ask_for_card(customer)

    response = await customer.decide(card["confirmation_id"], "decline")

    assert await outcome_of(customer, response.json()["turn_id"]) == ["Nothing was done."]
    assert shop.effects() == []


async def test_the_same_decision_again_changes_nothing(shop: Shop, customer: Customer):
    card = await ask_for_card(customer)
    first = await customer.decide(card["confirmation_id"])
    await outcome_of(customer, first.json()["turn_id"])
    before = await customer.snapshot()

    again = await customer.decide(card["confirmation_id"])

    assert (again.status_code, again.json()) == (200, first.json())
    assert await customer.snapshot() == before and len(shop.effects()) == 1


async def test_fifty_presses_at_once_are_one(shop: Shop, customer: Customer):
    card = await ask_for_card(customer)

    answers = await asyncio.gather(*(customer.decide(card["confirmation_id"]) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["turn_id"] for answer in answers}) == 1
    await outcome_of(customer, answers[0].json()["turn_id"])
    assert len(shop.effects()) == 1


async def test_a_decision_cannot_be_turned_around(shop: Shop, customer: Customer):
    card = await ask_for_card(customer)
    declined = await customer.decide(card["confirmation_id"], "decline")
    await outcome_of(customer, declined.json()["turn_id"])

    assert code_of(await customer.decide(card["confirmation_id"])) == (409, "already_decided")
    assert shop.effects() == []


async def test_two_tabs_that_disagree_get_one_decision(shop: Shop, customer: Customer):
    card = await ask_for_card(customer)

    yes, no = await asyncio.gather(
        customer.decide(card["confirmation_id"]), customer.decide(card["confirmation_id"], "decline")
    )

    assert sorted((yes.status_code, no.status_code)) == [200, 409]
    won = yes if yes.status_code == 200 else no
    await outcome_of(customer, won.json()["turn_id"])
    assert len(shop.effects()) == (1 if won is yes else 0)


async def test_a_card_that_has_expired_does_nothing(shop: Shop, customer: Customer):
    card = await ask_for_card(customer)
    shop.clock.forward(minutes=15)

    assert code_of(await customer.decide(card["confirmation_id"])) == (409, "confirmation_expired")
    assert (await customer.snapshot())["pending"]["confirmations"] == []
    assert shop.effects() == []


async def test_a_card_of_another_conversation_does_not_exist(shop: Shop, customer: Customer):
    other = await shop.client.start()
    card = await ask_for_card(other)

    for unknown in (card["confirmation_id"], "cf_none", "%00", "a" * 5000):
        assert code_of(await customer.decide(unknown)) == (404, "not_found")

    assert len((await other.snapshot())["pending"]["confirmations"]) == 1
    assert shop.effects() == []


@pytest.mark.parametrize("decision", ["yes", "CONFIRM", "", None, True, ["confirm"]])
async def test_only_the_two_words_decide(customer: Customer, decision: object):
    card = await ask_for_card(customer)

    response = await customer.call("POST", f"/confirmations/{card['confirmation_id']}", json={"decision": decision})

    assert code_of(response) == (422, "invalid")


async def test_a_yes_in_the_chat_confirms_nothing(shop: Shop, customer: Customer):
    await ask_for_card(customer)

    for text in ("yes", "confirm", "I confirm the booking", "<confirm/>"):
        await customer.ask(text)

    assert shop.effects() == []
    assert len((await customer.snapshot())["pending"]["confirmations"]) == 1


async def test_asking_twice_for_the_same_action_shows_one_card(shop: Shop, customer: Customer):
    first = await ask_for_card(customer)

    assert (await ask_for_card(customer))["confirmation_id"] == first["confirmation_id"]


async def test_a_card_that_an_unknown_visitor_asked_for_is_not_confirmed_by_a_customer(
    shop: Shop, customer: Customer
):
    card = await ask_for_card(customer)
    await customer.call("POST", "/identify", json={"identity": shop.identity()})

    response = await customer.decide(card["confirmation_id"])

    if response.status_code == 200:
        assert await outcome_of(customer, response.json()["turn_id"]) == ["That was not possible."]
    assert shop.effects() == []


async def test_a_card_does_not_outlive_the_sign_in_of_who_asked_for_it(shop: Shop):
    customer = await shop.signed_in()
    shop.clock.forward(minutes=50)
    card = await ask_for_card(customer, "cancel repair R-1")
    shop.clock.forward(minutes=12)

    response = await customer.decide(card["confirmation_id"])

    if response.status_code == 200:
        assert await outcome_of(customer, response.json()["turn_id"]) == ["That was not possible."]
    assert shop.effects() == []


async def test_an_action_of_a_customer_needs_the_customer(shop: Shop, customer: Customer):
    await customer.ask("cancel repair R-1")

    assert (await customer.snapshot())["pending"]["confirmations"] == []
    signed_in = await shop.signed_in()
    card = await ask_for_card(signed_in, "cancel repair R-1")
    response = await signed_in.decide(card["confirmation_id"])
    assert await outcome_of(signed_in, response.json()["turn_id"]) == ["It is done."]


async def test_money_above_the_limit_is_not_paid_by_the_customers_yes_alone(shop: Shop):
    customer = await shop.signed_in()
    card = await ask_for_card(customer, "pay back 150 dollars")

    await customer.decide(card["confirmation_id"])
    await customer.replay(times=2)

    assert shop.effects() == []


async def test_while_a_person_has_the_conversation_a_card_waits(shop: Shop, customer: Customer):
    card = await ask_for_card(customer)
    await customer.call("POST", "/handoff")

    assert code_of(await customer.decide(card["confirmation_id"])) == (409, "with_a_person")
    assert shop.effects() == []


async def test_in_a_closed_conversation_no_card_can_be_confirmed(shop: Shop, customer: Customer):
    card = await ask_for_card(customer)
    await customer.call("POST", "/close")

    assert code_of(await customer.decide(card["confirmation_id"])) == (409, "closed")
    assert shop.effects() == []


async def test_a_card_decided_while_a_turn_runs_is_carried_out_by_the_next(shop: Shop, customer: Customer):
    card = await ask_for_card(customer)
    shop.model.hold = True
    running = (await customer.post("tell me a long story")).json()
    await shop.model.reached.wait()

    decided = await customer.decide(card["confirmation_id"])
    shop.model.go_on.set()

    assert decided.json()["turn_id"] != running["turn_id"]
    assert await outcome_of(customer, decided.json()["turn_id"]) == ["It is done."]
    assert len(shop.effects()) == 1
