"""How much one source may ask for; who may call from another site; what every response carries."""

from dataclasses import replace
from pathlib import Path

import pytest

from firstline.service.limits import Buckets
from tests.support.client import Customer, check_error, code_of
from tests.support.shop import Shop, open_shop

pytestmark = pytest.mark.anyio

SITE = "https://shop.example"


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def limit(shop: Shop, *, messages: int = 3, conversations: int = 3) -> Seconds:
    clock = Seconds()
    shop.app.state.reception = replace(
        shop.app.state.reception,
        message_buckets=Buckets(messages, clock),
        conversation_buckets=Buckets(conversations, clock),
    )
    return clock


async def test_a_flood_of_messages_is_stopped_told_when_and_let_through_then(shop: Shop, customer: Customer):
    clock = limit(shop)
    for _ in range(3):
        assert (await customer.post("hello")).status_code == 202

    refused = await customer.post("hello", key="late")

    assert code_of(refused) == (429, "too_many") and check_error(refused)["retryable"] is True
    assert refused.headers["retry-after"] == "20"
    clock.now += int(refused.headers["retry-after"])
    assert (await customer.post("hello", key="late")).status_code == 202
    assert (await customer.post("hello")).status_code == 429


async def test_a_refused_message_is_not_stored(shop: Shop, customer: Customer):
    limit(shop, messages=1)
    await customer.ask("hello")
    before = await customer.snapshot()

    assert (await customer.post("hello again")).status_code == 429

    assert await customer.snapshot() == before


async def test_a_message_that_was_taken_already_may_be_sent_again_however_full_it_is(shop: Shop, customer: Customer):
    limit(shop, messages=1)
    first = await customer.post("hello", key="m1")

    for _ in range(5):
        assert (await customer.post("hello", key="m1")).json() == first.json()


async def test_one_conversation_does_not_use_up_what_another_may(shop: Shop, customer: Customer):
    other = await shop.client.start()
    limit(shop, messages=1)

    assert (await customer.post("hello")).status_code == 202
    assert (await customer.post("hello")).status_code == 429
    assert (await other.post("hello")).status_code == 202


async def test_a_flood_of_conversations_from_one_address_is_stopped_and_no_other(shop: Shop):
    limit(shop, conversations=2)
    for _ in range(2):
        await shop.client.start()

    refused = await shop.client.request("POST", "/v1/conversations", json={})

    assert code_of(refused) == (429, "too_many") and int(refused.headers["retry-after"]) >= 1
    async with shop.another_client("10.0.0.2") as other:
        await other.start()


async def test_a_header_that_names_another_address_does_not_help_a_flood(shop: Shop):
    limit(shop, conversations=1)
    await shop.client.start()

    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
        refused = await shop.client.request("POST", "/v1/conversations", json={}, headers={name: "203.0.113.9"})
        assert refused.status_code == 429


@pytest.fixture
async def site(tmp_path: Path):
    async with open_shop(tmp_path, allowed_origins=(SITE,)) as opened:
        yield opened


STRANGE = [
    "https://evil.example", f"{SITE}.evil.example", "https://evil-shop.example", "http://shop.example",
    "https://shop.example:8443", "https://sub.shop.example", "null", "https://SHOP.example.evil", "file://", "",
]  # fmt: skip


async def test_a_listed_site_may_call_from_its_pages(site: Shop):
    response = await site.client.request("POST", "/v1/conversations", json={}, headers={"Origin": SITE})
    asked = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = "authorization,content-type,last-event-id"
    before = await site.client.http.request("OPTIONS", "/v1/conversations", headers=asked)

    for each in (response, before):
        assert each.headers["access-control-allow-origin"] == SITE
        assert "origin" in each.headers["vary"].lower()
        assert "access-control-allow-credentials" not in each.headers
    assert before.status_code == 200


@pytest.mark.parametrize("origin", STRANGE)
async def test_no_other_site_may(site: Shop, origin: str):
    response = await site.client.request("POST", "/v1/conversations", json={}, headers={"Origin": origin})
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    before = await site.client.http.request("OPTIONS", "/v1/conversations", headers=asked)

    for each in (response, before):
        assert "access-control-allow-origin" not in each.headers
    assert before.status_code >= 400 or not origin


async def test_without_a_list_no_site_may(shop: Shop):
    for origin in (SITE, "null", "http://firstline.test"):
        response = await shop.client.request("GET", "/healthz", headers={"Origin": origin})
        assert not [name for name in response.headers if name.startswith("access-control")]


async def test_a_listed_site_can_read_how_a_request_was_refused(site: Shop):
    """Also where the fence refuses it, and how long to wait."""
    origin = {"Origin": SITE}
    limit(site, conversations=1)
    await site.client.start()
    refusals = [
        await site.client.request("POST", "/v1/conversations", json={}, headers=origin),
        await site.client.request("POST", "/v1/conversations", content=b"a" * 100_000, headers=origin),
        await site.client.request("GET", "/v1/nothing", headers=origin),
    ]

    assert [refusal.status_code for refusal in refusals] == [429, 413, 404]
    assert {refusal.headers.get("access-control-allow-origin") for refusal in refusals} == {SITE}
    assert "retry-after" in refusals[0].headers.get("access-control-expose-headers", "").lower()


async def test_every_page_and_file_carries_the_headers(shop: Shop):
    for path in (
        "/",
        "/embed",
        "/widget.js",
        "/static/chat.js",
        "/help/workshop/en/chain/oil",
        "/healthz",
        "/metrics",
    ):
        response = await shop.client.request("GET", path)
        assert response.status_code == 200, path
        assert response.headers["referrer-policy"] == "same-origin"
        assert "object-src 'none'" in response.headers["content-security-policy"]


async def test_a_bug_of_ours_is_told_in_the_same_shape_and_without_a_word_from_inside(shop: Shop, customer: Customer):
    async def break_down(conversation_id: str) -> None:
        raise RuntimeError("secret inside: sk-ant-canary-7f3a ledger.py SELECT body")

    load = shop.service.ledger.load
    shop.service.ledger.load = break_down
    response = await customer.call("GET")
    shop.service.ledger.load = load

    assert code_of(response) == (500, "internal") and check_error(response)["retryable"] is True
    assert (await customer.call("GET")).status_code == 200
