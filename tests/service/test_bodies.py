"""Request bodies that are broken, odd or too much: refused with a reason, cheaply, and nothing is stored."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from firstline.service.fence import BODY_BYTES, Fence
from firstline.service.invalid import tell_invalid
from tests.support.client import Asgi, Client, Customer, code_of
from tests.support.shop import Shop

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}
LIMIT = 400


async def send(customer: Customer, body: bytes, headers: dict[str, str] | None = None) -> Any:
    return await customer.call("POST", "/messages", content=body, headers=JSON if headers is None else headers)


async def expect_nothing_stored(shop: Shop, customer: Customer) -> None:
    assert (await customer.snapshot())["messages"] == []
    assert shop.model.requests == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nonsense", b"[]", b'"text"', b"1", b"null", b"NaN", b"Infinity", b"{}{}", b"\x00", b"\xff\xfe",
        b'{"client_message_id": "a", "text": "\xff"}', b'{"client_message_id": "a", "text": "a', b"[" * 60_000,
        b'{"a":' * 10_000,
    ],
)  # fmt: skip
async def test_what_is_not_a_json_object_is_refused(shop: Shop, customer: Customer, body: bytes):
    started = time.process_time()

    assert code_of(await send(customer, body)) == (400, "bad_json")

    assert time.process_time() - started < 0.5
    await expect_nothing_stored(shop, customer)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_another_content_type_is_refused(shop: Shop, customer: Customer, kind: str):
    body = b'{"client_message_id": "a", "text": "hello"}'

    assert code_of(await send(customer, body, {"Content-Type": kind})) == (415, "bad_json")

    await expect_nothing_stored(shop, customer)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"more": 1}, "more"),
        ({"text": None}, "text"),
        ({"text": 5}, "text"),
        ({"text": ["hello"]}, "text"),
        ({"client_message_id": None}, "client_message_id"),
        ({"client_message_id": ""}, "client_message_id"),
        ({"client_message_id": "a\n"}, "client_message_id"),
        ({"client_message_id": "a b"}, "client_message_id"),
        ({"client_message_id": "a" * 129}, "client_message_id"),
        ({"client_message_id": 7}, "client_message_id"),
    ],
)
async def test_a_wrong_field_is_named(shop: Shop, customer: Customer, change: dict[str, Any], field: str):
    response = await customer.call("POST", "/messages", json={"client_message_id": "a", "text": "hello", **change})

    assert code_of(response) == (422, "invalid")
    assert field in response.json()["error"]["message"]
    await expect_nothing_stored(shop, customer)


@pytest.mark.parametrize("missing", ["text", "client_message_id"])
async def test_a_missing_field_is_named(customer: Customer, missing: str):
    body = {"client_message_id": "a", "text": "hello"}
    del body[missing]

    response = await customer.call("POST", "/messages", json=body)

    assert code_of(response) == (422, "invalid") and missing in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/messages", {"text": "hello"}, "client_message_id: it is missing; send it."),
        (
            "/messages",
            {"client_message_id": "a b", "text": "hello"},
            "client_message_id: 1 to 128 of the characters A-Z, a-z, 0-9 and . _ : - are expected.",
        ),
        ("/messages", {"client_message_id": "a", "text": 5}, "text: text is expected."),
        (
            "/messages",
            {"client_message_id": "a", "text": "hello", "more": 1},
            "more: it is not known here; leave it out.",
        ),
        ("/contact", {"contact": "tomorrow"}, "contact: an e-mail address or a phone number is expected."),
        (
            "/contact",
            {"contact": "kim@spoke.example", "comment": "x" * 2001},
            "comment: at most 2,000 characters are expected; shorten it.",
        ),
        ("/survey", {"score": 6}, "score: 5 or less is expected."),
        ("/survey", {"score": 0}, "score: 1 or more is expected."),
        ("/survey", {"score": "5"}, "score: a whole number is expected."),
        ("/confirmations/cf_1", {"decision": "maybe"}, "decision: 'confirm' or 'decline' is expected."),
    ],
)
async def test_what_is_wrong_is_told_in_plain_words_with_what_is_expected(
    customer: Customer, path: str, body: dict[str, Any], told: str
):
    response = await customer.call("POST", path, json=body)

    assert code_of(response) == (422, "invalid")
    assert response.json()["error"]["message"] == told


async def test_a_finding_without_words_of_ours_keeps_the_librarys():
    assert tell_invalid({"type": "too_new", "msg": "It is odd"}, ("a", 0, "b")) == "a.0.b: It is odd."


@pytest.mark.parametrize("value", ["NaN", "1e400", "-Infinity", "1e5", "[]", "{}", "true"])
async def test_no_odd_number_passes_for_a_text_or_a_score(shop: Shop, customer: Customer, value: str):
    text = await send(customer, f'{{"client_message_id": "a", "text": {value}}}'.encode())
    score = await customer.call("POST", "/survey", content=f'{{"score": {value}}}', headers=JSON)

    assert text.status_code in (400, 422) and score.status_code in (400, 422)
    await expect_nothing_stored(shop, customer)


async def test_a_field_that_is_given_twice_is_refused_or_counts_once(customer: Customer):
    response = await send(customer, b'{"client_message_id": "a", "text": "one", "text": "two"}')

    stored = [message["text"] for message in (await customer.snapshot())["messages"]]
    assert response.status_code in (202, 400, 422) and stored in ([], ["two"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\t\r ",
        "\u200b",
        "\u200d\u2060",
        "\ufeff",
        "\u202e",
        "\U000e0041\U000e0042",
        "\u0301\u0301",
        "\x00",
    ],
)
async def test_a_message_that_shows_nothing_is_empty(shop: Shop, customer: Customer, text: str):
    assert code_of(await customer.post(text)) == (422, "empty_message")

    await expect_nothing_stored(shop, customer)


@pytest.mark.parametrize("text", ["?", "👍", "7", "好", "e\u0301"])
async def test_the_shortest_message_is_one(customer: Customer, text: str):
    assert (await customer.post(text)).status_code == 202


async def test_a_message_of_the_longest_length_is_taken_and_one_more_is_too_long(shop: Shop, customer: Customer):
    for char in ("a", "好", "😀"):
        assert (await customer.post(char * LIMIT)).status_code == 202
        response = await customer.post(char * (LIMIT + 1))
        assert code_of(response) == (413, "message_too_long")
        assert str(LIMIT) in response.json()["error"]["message"]


async def test_a_long_message_of_nothing_is_still_too_long(customer: Customer):
    assert (await customer.post(" " * (LIMIT + 1))).status_code in (413, 422)


@pytest.mark.parametrize(
    "text",
    [
        "a\x00b", "line one\nline two", "a\r\nb", "data: x\n\nevent: turn.ended\ndata: {}", "\nid: 999\n",
        "a\u2028b\u2029c", "a\x85b", "\u202eevil", "tag\U000e0041s", "e" + "\u0301" * 200, "\ufeffhello",
        "😀🇨🇳👩‍👩‍👧",
        '"quoted" \\ back', "</script><script>alert(1)</script>",
    ],
)  # fmt: skip
async def test_odd_characters_are_kept_exactly_and_cannot_forge_an_event(customer: Customer, text: str):
    await customer.post(text, wait=True)

    events = await customer.replay()

    posted = [event.body["message"]["text"] for event in events if event.name == "message.posted"]
    assert posted[0] == text
    assert [event.name for event in events].count("turn.ended") == 1
    assert (await customer.snapshot())["messages"][0]["text"] == text


async def test_what_cannot_be_seen_does_not_reach_the_model(shop: Shop, customer: Customer):
    await customer.ask("hello \U000e0049\U000e0047\u202e\u200b friend")

    asked = json.dumps([turned.content for turned in shop.model.requests[-1].messages], ensure_ascii=False)
    assert "hello  friend" in asked


@pytest.mark.parametrize("half", [rb"\ud800", rb"\udfff", rb"\ud800\ud800", b"\xed\xa0\x80"])
async def test_half_a_character_is_refused(shop: Shop, customer: Customer, half: bytes):
    response = await send(customer, b'{"client_message_id": "a", "text": "hello ' + half + b'"}')
    survey = await customer.call("POST", "/survey", content=b'{"score": 5, "comment": "' + half + b'"}', headers=JSON)

    assert response.status_code in (400, 422) and survey.status_code in (400, 422)
    await expect_nothing_stored(shop, customer)


@pytest.mark.parametrize("name", [rb"\ud800", b"a" * 60_000, rb"\u0000\n", b"<script>alert(1)</script>"])
async def test_a_strange_field_is_refused_in_few_words(customer: Customer, name: bytes):
    response = await send(customer, b'{"client_message_id": "a", "text": "hello", "' + name + b'": 1}')

    assert response.status_code in (400, 422)


async def test_half_a_character_in_what_the_page_tells_of_itself_is_refused(shop: Shop):
    body = b'{"client": {"page": "\\ud800"}}'

    response = await shop.client.request("POST", "/v1/conversations", content=body, headers=JSON)

    assert response.status_code in (400, 422)


async def test_what_the_page_tells_of_itself_may_not_be_a_deep_pile(shop: Shop):
    deep = "[" * 600 + "]" * 600

    response = await shop.client.request(
        "POST", "/v1/conversations", content=f'{{"client": {{"page": {deep}}}}}', headers=JSON
    )

    assert response.status_code in (400, 422)


async def test_one_body_that_cannot_be_stored_does_not_fail_its_neighbours(shop: Shop):
    deep = '{"client": {"page": ' + "[" * 600 + "]" * 600 + "}}"
    bad = [shop.client.request("POST", "/v1/conversations", content=deep, headers=JSON) for _ in range(20)]
    good = [shop.client.request("POST", "/v1/conversations", json={}) for _ in range(20)]

    answers = await asyncio.gather(*(each for pair in zip(bad, good, strict=True) for each in pair))

    assert {answer.status_code for answer in answers[1::2]} == {201}


async def test_an_endless_body_is_cut_at_the_limit(customer: Customer):
    pulled = 0

    async def gigabyte() -> AsyncIterator[bytes]:
        nonlocal pulled
        for _ in range(1_000_000):
            pulled += 1000
            yield b"a" * 1000

    response = await customer.call("POST", "/messages", content=gigabyte(), headers=JSON)

    assert code_of(response) == (413, "too_large")
    assert pulled <= BODY_BYTES + 2000


async def test_a_body_that_is_longer_than_it_says_is_cut_as_well(customer: Customer):
    async def more() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 1000

    response = await customer.call("POST", "/messages", content=more(), headers={**JSON, "Content-Length": "10"})

    assert code_of(response) == (413, "too_large")


async def test_a_body_that_does_not_come_in_time_is_given_up(shop: Shop, customer: Customer):
    never = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b'{"client_message_id": "a", '
        await never.wait()

    impatient = Client(transport=Asgi(Fence(shop.app, body_seconds=0.02)))
    response = await impatient.request(
        "POST", f"{customer.path}/messages", content=slow(), headers={**customer.headers, **JSON}
    )

    assert code_of(response) == (408, "too_slow")
    await expect_nothing_stored(shop, customer)


@pytest.mark.parametrize("locale", ["x" * 36, 5, ["en"]])
async def test_an_impossible_locale_is_refused(shop: Shop, locale: Any):
    response = await shop.client.request("POST", "/v1/conversations", json={"locale": locale})

    assert code_of(response) == (422, "invalid")
