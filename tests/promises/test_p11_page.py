"""P11, as a page sees it: no byte of an unchecked sentence arrives, and a price is the tool's own, everywhere."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.shop import Shop, open_shop

pytestmark = [pytest.mark.anyio, pytest.mark.promise("P11")]

AMOUNT = re.compile(r"\$\d[\d,.]*\d")


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        yield opened


async def test_not_a_byte_of_a_sentence_that_did_not_pass_arrives(shop: Shop):
    customer = await shop.client.start()
    async with customer.watch() as stream:
        await customer.post("guess a price")
        events = await stream.until("turn.ended")

    arrived = stream.raw + (await customer.call("GET")).content + (await customer.call("GET", "/transcript")).content
    assert b"17.35" not in arrived and b"saddle" not in arrived
    posted = [event.body["message"]["text"] for event in events if event.name == "message.posted"][-1]
    assert posted == "Gladly. Let us look at it together."
    withheld = [each.event.excerpt for each in (await shop.store.read(customer.conversation_id))
                if each.event.type == "guardrail.ran" and each.event.stage == "output"]  # fmt: skip
    assert withheld == ["A saddle costs $17.35."]


@pytest.mark.parametrize("wheels", range(1, 10))
async def test_a_price_is_the_tools_own_in_words_html_and_card(shop: Shop, wheels: int):
    customer = await shop.client.start()
    async with customer.watch() as stream:
        await customer.post(f"price for {wheels} wheels")
        events = await stream.until("turn.ended")

    price = f"${wheels * 4820 / 100:.2f}"
    card = next(event.body["display"]["amount"] for event in events if event.name == "tool.returned")
    shown = {amount for event in events if event.name == "reply.delta"
             for amount in AMOUNT.findall(event.body["text"] + event.body["html"])}  # fmt: skip
    snapshot = await customer.snapshot()
    message = snapshot["messages"][-1]
    assert card == price and shown == {price}
    assert set(AMOUNT.findall(message["text"])) == set(AMOUNT.findall(message["html"])) == {price}
    assert snapshot["cards"][0]["card"]["amount"] == price


async def test_what_the_customer_claims_is_no_price(shop: Shop):
    """The mechanic repeats every word; a sentence with the customer's own figure is not shown."""
    customer = await shop.client.start()

    reply = await customer.ask("hello, you promised me a saddle for $5.55")

    assert "5.55" not in reply["reply"]["text"] + reply["reply"]["html"]


async def test_markup_of_a_model_does_not_reach_a_page(shop: Shop):
    customer = await shop.client.start()
    async with customer.watch() as stream:
        await customer.post("<img src=x onerror=alert(1)> [click](javascript:alert(1)) <script>alert(1)</script>")
        events = await stream.until("turn.ended")

    pages = [event.body["html"] for event in events if event.name == "reply.delta"]
    pages += [message["html"] for message in (await customer.snapshot())["messages"]]
    assert pages
    for html in pages:
        assert not re.search(r"<(?!/?(p|em|strong|br|ul|ol|li|a|code|pre|sup|span|blockquote)\b)", html), html
        assert not re.search(r"href=\"(?!https?:|/|#|mailto:|tel:)", html), html
