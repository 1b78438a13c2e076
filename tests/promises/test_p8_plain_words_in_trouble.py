"""P8: trouble upstream is a plain message in the customer's language, a retryable flag, and a way to a human."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firstline.errors import StoreUnavailable
from tests.support.client import LEAKS, check_error
from tests.support.shop import Shop, open_shop

pytestmark = [pytest.mark.anyio, pytest.mark.promise("P8")]

FALLBACK = {
    "en": "I cannot say that for certain. A person from the workshop can help.",
    "zh": "我无法确定这一点，可以请店里的工作人员帮助您。",
}
SPOKEN = {"en": "how do I oil a chain, please", "zh": "请问怎么给链条上油"}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("locale", FALLBACK)
@pytest.mark.parametrize(("trouble", "code"), [("fail", "overloaded"), ("explode", "unknown")])
async def test_when_the_model_is_gone_the_customer_reads_a_plain_sentence_and_is_offered_a_person(
    shop: Shop, locale: str, trouble: str, code: str
):
    customer = await shop.client.start(locale=locale)
    async with customer.watch() as stream:
        await customer.post(f"{SPOKEN[locale]} {trouble}")
        events = await stream.until("turn.ended")

    said = [event.body["message"] for event in events if event.name == "message.posted"][-1]
    assert (said["author"], said["text"]) == ("assistant", FALLBACK[locale])
    assert [event.name for event in events].count("handoff.offered") == 1
    ended = events[-1].body
    assert (ended["outcome"], ended["code"]) == ("failed", code)
    assert not LEAKS.search(stream.raw.decode())
    assert not LEAKS.search((await customer.call("GET", "/transcript")).text)


async def test_whether_it_is_worth_trying_again_is_told(shop: Shop):
    customer = await shop.client.start()
    async with customer.watch() as stream:
        await customer.post("please fail")
        ended = (await stream.until("turn.ended"))[-1].body
    waited = await customer.ask("please fail")

    assert ended["retryable"] is True and waited["retryable"] is True


async def test_after_trouble_the_way_to_a_human_works_and_so_does_the_next_message(shop: Shop):
    customer = await shop.client.start()
    await customer.ask("please fail")

    assert (await customer.ask("hello"))["outcome"] == "replied"
    await customer.ask("please explode")
    assert (await customer.call("POST", "/handoff")).json()["status"] == "waiting"


async def test_the_customer_is_never_left_in_silence(shop: Shop):
    """Each turn, whatever goes wrong in it, leaves the customer with words."""
    for text in ("please fail", "please explode", "guess a price", "where are my repairs", "pay back 500 dollars"):
        customer = await shop.client.start()
        reply = await customer.ask(text)
        assert reply["reply"] and reply["reply"]["text"].strip(), text


async def test_a_store_that_is_full_says_so_before_anything_is_accepted(shop: Shop):
    customer = await shop.client.start()

    async def full(*_: object, **__: object) -> int:
        raise StoreUnavailable("database or disk is full: sqlite firstline.db")

    shop.store.append = full
    response = await customer.post("hello")

    error = check_error(response)
    assert (response.status_code, error["code"], error["retryable"]) == (503, "store_unavailable", True)
    assert "try again" in error["message"].lower()


async def test_a_tool_that_breaks_is_told_in_plain_words(shop: Shop):
    customer = await shop.client.start()
    toolset = shop.service.engines["workshop"].toolset
    function = toolset._functions["get_price"]

    def break_down(*_: object, **__: object) -> None:
        raise OSError("connection to 10.0.0.7 refused, password=hunter2")

    toolset._functions["get_price"] = break_down
    try:
        async with customer.watch() as stream:
            await customer.post("price for 3 wheels")
            events = await stream.until("turn.ended")
    finally:
        toolset._functions["get_price"] = function

    assert [event.body["ok"] for event in events if event.name == "tool.returned"] == [False]
    assert b"hunter2" not in stream.raw and b"10.0.0.7" not in stream.raw
    assert "hunter2" not in repr(shop.logs)
    assert events[-1].body["outcome"] == "replied"
