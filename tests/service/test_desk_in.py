"""What comes back from other desks, over HTTP: signed, decided on the log, and never heard twice."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from firstline.courier import Courier
from firstline.desk import DeskName
from firstline.desk.chatwoot import Chatwoot
from firstline.desk.guarded import GuardedFetch
from firstline.desk.outbox import Delivery
from firstline.desk.signing import sign_webhook
from firstline.service import desk_in
from firstline.service.desk_in import DeskDoor
from firstline.store.deliveries import ALL_TABLES, SqlDeliveries
from firstline.store.sql import metadata
from firstline.types import ConversationId
from tests.support.client import Customer, code_of, eventually
from tests.support.fake_desk import (
    ACCOUNT,
    INBOX,
    TOKEN,
    FakeChatwoot,
    Receiver,
    message_created,
    sign_as_chatwoot,
    status_changed,
)
from tests.support.shop import Shop, open_shop

pytestmark = pytest.mark.anyio

SECRET = "a-secret-of-the-desk"
WHO = {"id": "7", "name": "Desk One", "picture": "https://desk.example/7.png"}


def open_door(shop: Shop, desk: DeskName) -> SqlDeliveries:
    """Let a desk in, as the application does for the one that is set."""
    metadata.create_all(shop.store.engine, tables=ALL_TABLES)
    arrivals = SqlDeliveries(shop.store.engine, shop.store.reader)
    shop.app.state.desk_door = DeskDoor(desk, SECRET.encode(), arrivals)
    if not any(getattr(route, "path", "").startswith("/v1/desk") for route in shop.app.routes):
        shop.app.include_router(desk_in.router)
    return arrivals


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        open_door(opened, "webhook")
        yield opened


@pytest.fixture
async def waiting(shop: Shop) -> Customer:
    """Somebody who has asked for a person."""
    customer = await shop.client.start()
    await customer.call("POST", "/handoff")
    return customer


async def send(shop: Shop, body: Any, *, id_: str = "id-1", path: str = "webhook", **headers: str) -> httpx2.Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = sign_webhook(SECRET.encode(), id_, raw, shop.clock())
    told = {"content-type": "application/json", **signed, **headers}
    return await shop.client.request("POST", f"/v1/desk/{path}", headers=told, content=raw)


def deed(customer: Customer, type_: str, **other: Any) -> dict[str, Any]:
    return {"type": type_, "conversation_id": customer.conversation_id, "human_agent": WHO, **other}


async def said_by_people(customer: Customer) -> list[tuple[str, str]]:
    messages = (await customer.snapshot())["messages"]
    return [(each["author_name"], each["text"]) for each in messages if each["author"] == "human_agent"]


# A webhook ----------------------------------------------------------------------------------------------------------


async def test_a_desk_accepts_answers_and_resolves(shop: Shop, waiting: Customer) -> None:
    accepted = await send(shop, deed(waiting, "accept"))
    assert accepted.status_code == 200 and accepted.json()["status"] == "with_human"

    replied = await send(shop, deed(waiting, "reply", text="Hello, I am here"), id_="id-2")
    assert replied.status_code == 200
    assert await said_by_people(waiting) == [("Desk One", "Hello, I am here")]

    assert (await send(shop, deed(waiting, "resolve"), id_="id-3")).json()["status"] == "closed"
    assert (await waiting.snapshot())["status"] == "closed"


async def test_what_is_returned_is_answered_by_the_assistant_at_once(shop: Shop, waiting: Customer) -> None:
    await waiting.post("my chain is dry")
    await send(shop, deed(waiting, "accept"))

    response = await send(shop, deed(waiting, "return"), id_="id-2")

    assert response.json()["status"] == "open"
    events = await waiting.replay("turn.ended")
    assert events[-1].name == "turn.ended"


async def test_a_desk_takes_a_conversation_over_from_the_assistant_who_is_silent_then(shop: Shop) -> None:
    customer = await shop.client.start()
    await customer.ask("hello")

    assert (await send(shop, deed(customer, "accept"))).json()["status"] == "with_human"
    assert (await customer.post("are you there?")).json()["turn_id"] is None


async def test_the_same_webhook_id_again_changes_nothing(shop: Shop, waiting: Customer) -> None:
    await send(shop, deed(waiting, "accept"))
    first = await send(shop, deed(waiting, "reply", text="Hello"), id_="id-2")

    again = await send(shop, deed(waiting, "reply", text="Hello"), id_="id-2")

    assert again.status_code == 200 and again.json() == first.json()
    assert await said_by_people(waiting) == [("Desk One", "Hello")]


@pytest.mark.parametrize("type_", ["accept", "return", "resolve"])
async def test_a_replayed_deed_is_harmless_whatever_has_happened_since(
    shop: Shop, waiting: Customer, type_: str
) -> None:
    await send(shop, deed(waiting, "accept"), id_="id-1")
    if type_ != "accept":
        await send(shop, deed(waiting, type_), id_="id-2")
    replayed = "id-1" if type_ == "accept" else "id-2"
    if type_ != "resolve":
        await send(shop, deed(waiting, "return"), id_="id-3")
        await waiting.call("POST", "/handoff")
    else:
        await waiting.call("POST", "/reopen")
    before = (await waiting.snapshot())["last_seq"]

    assert (await send(shop, deed(waiting, type_), id_=replayed)).status_code == 200
    assert (await waiting.snapshot())["last_seq"] == before


async def test_a_retry_after_a_crash_between_the_log_and_the_note_is_one_reply(
    shop: Shop, waiting: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forgets(*arrival: object) -> None:
        pass

    monkeypatch.setattr(SqlDeliveries, "hear", forgets)
    await send(shop, deed(waiting, "accept"))
    await send(shop, deed(waiting, "reply", text="Hello"), id_="id-2")
    assert (await send(shop, deed(waiting, "reply", text="Hello"), id_="id-2")).status_code == 200

    assert await said_by_people(waiting) == [("Desk One", "Hello")]


async def test_a_bad_signature_is_always_the_same_refusal(shop: Shop, waiting: Customer) -> None:
    bodies: list[dict[str, Any]] = []
    other = {**deed(waiting, "accept"), "conversation_id": "cv_nobody"}
    for body in (deed(waiting, "accept"), other, {}, b"[]", b"nonsense", b""):
        response = await send(shop, body, **{"webhook-signature": "v1,AAAA"})
        assert response.status_code == 401
        bodies.append(response.json()["error"])
    for missing in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        bodies.append((await send(shop, deed(waiting, "accept"), **{missing: ""})).json()["error"])
    old = sign_webhook(SECRET.encode(), "id-1", b"{}", shop.clock() - timedelta(minutes=6))
    bodies.append((await send(shop, b"{}", **old)).json()["error"])

    assert len({(each["code"], each["message"], each["retryable"]) for each in bodies}) == 1
    assert bodies[0]["code"] == "bad_signature" and (await waiting.snapshot())["status"] == "waiting"


async def test_a_desk_that_is_not_set_up_is_refused_in_the_same_words(shop: Shop, waiting: Customer) -> None:
    refused = await send(shop, deed(waiting, "accept"), path="chatwoot")
    open_door(shop, "email")
    assert code_of(refused) == code_of(await send(shop, deed(waiting, "accept"))) == (401, "bad_signature")

    shop.app.state.desk_door = DeskDoor("webhook", b"", SqlDeliveries(shop.store.engine, shop.store.reader))
    signed = sign_webhook(b"", "id-1", b"{}", shop.clock())
    assert (await send(shop, b"{}", **signed)).status_code == 401, "no secret lets nobody in"


async def test_an_unknown_conversation_is_not_found(shop: Shop, waiting: Customer) -> None:
    for id_ in ("cv_nobody", "", "' OR 1=1 --", "会话"):
        response = await send(shop, {**deed(waiting, "accept"), "conversation_id": id_})
        assert code_of(response) == (404, "not_found")


async def test_an_erased_conversation_is_not_found(shop: Shop, waiting: Customer) -> None:
    await send(shop, deed(waiting, "accept"))
    await waiting.call("DELETE")

    assert code_of(await send(shop, deed(waiting, "accept"))) == (404, "not_found")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"type": "delete"}, (422, "invalid")),
        ({"type": "reply"}, (422, "empty_message")),
        ({"type": "reply", "text": " \n"}, (422, "empty_message")),
        ({"type": "reply", "text": "x" * 8001}, (413, "message_too_long")),
        ({"type": "reply", "text": 3}, (422, "invalid")),
        ({"type": "reply", "text": "\ud800"}, (422, "invalid")),
        ({"human_agent": None}, (422, "invalid")),
        ({"human_agent": {"id": "7"}}, (422, "invalid")),
        ({"human_agent": {**WHO, "name": "two\nlines"}}, (422, "invalid")),
        ({"human_agent": {**WHO, "name": "x" * 81}}, (422, "invalid")),
        ({"human_agent": {**WHO, "picture": "http://desk.example/7.png"}}, (422, "invalid")),
        ({"human_agent": {**WHO, "picture": "javascript:alert(1)"}}, (422, "invalid")),
        ({"human_agent": {**WHO, "id": "7 8"}}, (422, "invalid")),
        ({"more": 1}, (422, "invalid")),
    ],
)
async def test_what_is_signed_must_make_sense_too(
    shop: Shop, waiting: Customer, change: dict[str, Any], refusal: tuple[int, str]
) -> None:
    await send(shop, deed(waiting, "accept"))

    response = await send(shop, deed(waiting, "accept") | change, id_="id-2")

    assert code_of(response) == refusal


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b"{", b"\xff", b"[" * 20_000])
async def test_a_body_that_is_no_object_is_refused(shop: Shop, body: bytes) -> None:
    assert code_of(await send(shop, body)) == (400, "bad_json")


async def test_a_refusal_of_the_log_is_told(shop: Shop, waiting: Customer) -> None:
    assert code_of(await send(shop, deed(waiting, "reply", text="Hello"))) == (409, "not_accepted")
    await waiting.call("POST", "/close")
    assert code_of(await send(shop, deed(waiting, "accept"), id_="id-2")) == (409, "closed")


async def test_a_refused_deed_may_be_tried_again_under_its_id(shop: Shop, waiting: Customer) -> None:
    """Standard Webhooks senders repeat an id until it is taken."""
    await send(shop, deed(waiting, "reply", text="Hello"), id_="id-2")
    await send(shop, deed(waiting, "accept"), id_="id-1")

    assert (await send(shop, deed(waiting, "reply", text="Hello"), id_="id-2")).status_code == 200
    assert await said_by_people(waiting) == [("Desk One", "Hello")]


# Chatwoot -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def there(shop: Shop, waiting: Customer) -> Customer:
    """The waiting customer, whose conversation is number 41 in Chatwoot."""
    outbox = open_door(shop, "chatwoot")
    conversation_id, now = ConversationId(waiting.conversation_id), shop.clock()
    told = Delivery("chatwoot", conversation_id, 2, "handoff.requested", due_since=now, done_at=now, thread="41")
    await outbox.add([told], "chatwoot", conversation_id, 2)
    await outbox.settle(told)
    return waiting


async def from_chatwoot(shop: Shop, event: dict[str, Any], secret: str = SECRET) -> httpx2.Response:
    headers, body = sign_as_chatwoot(event, secret, shop.clock())
    return await shop.client.request("POST", "/v1/desk/chatwoot", headers=headers, content=body)


async def test_what_is_written_in_chatwoot_reaches_the_customer_once(shop: Shop, there: Customer) -> None:
    event = message_created(41, "Hello from Chatwoot")
    for _ in range(3):
        assert (await from_chatwoot(shop, event)).status_code == 200

    assert await said_by_people(there) == [("Desk One", "Hello from Chatwoot")]
    assert (await there.snapshot())["status"] == "with_human"


async def test_a_colleague_in_chatwoot_goes_on(shop: Shop, there: Customer) -> None:
    two = {"id": 2, "name": "Desk Two", "type": "user"}
    await from_chatwoot(shop, message_created(41, "I look", number=1))
    await from_chatwoot(shop, message_created(41, "I found it", number=2, sender=two))

    assert await said_by_people(there) == [("Desk One", "I look"), ("Desk Two", "I found it")]


@pytest.mark.parametrize(("status", "becomes"), [("resolved", "closed"), ("pending", "open"), ("open", "with_human")])
async def test_a_standing_in_chatwoot_moves_the_conversation(
    shop: Shop, there: Customer, status: str, becomes: str
) -> None:
    await from_chatwoot(shop, message_created(41, "Hello"))
    shop.clock.forward(minutes=1)

    assert (await from_chatwoot(shop, status_changed(41, status, updated_at=shop.clock()))).status_code == 200
    assert (await there.snapshot())["status"] == becomes


async def test_an_echo_of_ours_does_not_take_a_waiting_customer_out_of_the_queue(shop: Shop, there: Customer) -> None:
    returned_at = shop.clock()
    await there.call("POST", "/resume")
    shop.clock.forward(seconds=2)
    await there.call("POST", "/handoff")

    echo = await from_chatwoot(shop, status_changed(41, "pending", updated_at=returned_at))

    assert echo.status_code == 200 and (await there.snapshot())["status"] == "waiting"


async def test_our_own_notes_and_messages_come_back_and_are_ignored(shop: Shop, there: Customer) -> None:
    for event in (message_created(41, "note", private=True), message_created(41, "x", message_type="incoming")):
        assert (await from_chatwoot(shop, event)).json() == {"ignored": True}
    assert await said_by_people(there) == []


async def test_other_conversations_of_chatwoot_are_not_ours(shop: Shop, there: Customer) -> None:
    assert code_of(await from_chatwoot(shop, message_created(42, "Hello"))) == (404, "not_found")


async def test_what_cannot_be_shown_is_refused_so_that_its_writer_sees_it(shop: Shop, there: Customer) -> None:
    """An attachment without a text, for one; Chatwoot marks the message as failed then."""
    assert code_of(await from_chatwoot(shop, message_created(41, ""))) == (422, "empty_message")
    assert code_of(await from_chatwoot(shop, message_created(41, "x") | {"conversation": {}})) == (422, "invalid")
    nonsense = status_changed(41, "resolved", updated_at=shop.clock()) | {"updated_at": 1e300}
    assert code_of(await from_chatwoot(shop, nonsense)) == (422, "invalid")


async def test_another_secret_than_chatwoots_is_refused(shop: Shop, there: Customer) -> None:
    assert code_of(await from_chatwoot(shop, message_created(41, "Hello"), "another")) == (401, "bad_signature")
    assert await said_by_people(there) == []


async def test_a_signature_of_the_other_scheme_does_not_open_this_door(shop: Shop, there: Customer) -> None:
    assert code_of(await send(shop, message_created(41, "Hello"), path="chatwoot")) == (401, "bad_signature")


# There and back -----------------------------------------------------------------------------------------------------


async def test_a_customer_and_somebody_in_chatwoot_talk_to_each_other(shop: Shop) -> None:
    """All of it: asked for, told to Chatwoot, answered there, told here, and ended there."""
    async with FakeChatwoot() as chatwoot:
        fetch = GuardedFetch(https_only=False, allow_private=True)
        desk = Chatwoot(chatwoot.url, ACCOUNT, INBOX, TOKEN, fetch, shop.clock)
        courier = Courier(desk, open_door(shop, "chatwoot"), shop.clock)
        courier.open(shop.service.ledger)

        async def tell_all() -> None:
            await courier.catch_up()
            while await courier.deliver_due():
                pass

        customer = await shop.signed_in()
        await customer.ask("hello")
        await customer.ask("I want to talk to a human")
        await customer.post("My chain slips")
        await tell_all()
        (conversation,) = chatwoot.conversations
        thread = conversation["id"]
        assert [each["content"] for each in chatwoot.messages_of(thread, private=False)][-1] == "My chain slips"
        assert "I want to talk to a human" in chatwoot.messages_of(thread, private=True)[0]["content"]

        shop.clock.forward(minutes=1)
        await from_chatwoot(shop, message_created(thread, "Bring it in tomorrow"))
        assert await said_by_people(customer) == [("Desk One", "Bring it in tomorrow")]
        await customer.post("Thank you")
        await tell_all()
        assert chatwoot.messages_of(thread)[-1]["content"] == "Thank you"

        await from_chatwoot(shop, status_changed(thread, "resolved", updated_at=shop.clock()))
        assert (await customer.snapshot())["status"] == "closed"
        await customer.call("POST", "/survey", json={"score": 5})
        await tell_all()
        assert chatwoot.standing_of(thread) == "resolved"
        assert "5 of 5" in chatwoot.messages_of(thread)[-1]["content"]
        await courier.close()


async def test_the_desk_that_is_set_is_told_by_the_running_service(tmp_path: Path) -> None:
    async with Receiver() as server:
        set_up = {
            "desk": "webhook",
            "desk_url": server.url,
            "desk_secret": SECRET,
            "public_url": "https://x.example/",
        }
        async with open_shop(tmp_path, **set_up) as shop:
            customer = await shop.client.start()
            await customer.call("POST", "/handoff")
            await eventually(lambda: len(server.seen) == 1)

            assert server.seen[0].json["link"] == f"https://x.example/inbox?c={customer.conversation_id}"
            assert (await send(shop, deed(customer, "accept"))).json()["status"] == "with_human"
