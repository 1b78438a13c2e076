"""Chatwoot: what stands there after each fact, and that nothing stands there twice, whatever goes wrong between."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from firstline.desk import Delivered, Rejected, TryLater
from firstline.desk.chatwoot import OWN_ID, Chatwoot
from firstline.events import ConversationClosed, HandoffRequested, MessagePosted
from tests.support.fake_desk import (
    ACCOUNT,
    AT,
    INBOX,
    REQUESTED,
    TELLINGS,
    TOKEN,
    FakeChatwoot,
    Fault,
    near,
    said,
    tell,
)

pytestmark = pytest.mark.anyio

CALLS = ["POST .*/contacts$", "POST .*/conversations$", "GET .*/messages$", "POST .*/messages$", "toggle_status$"]


@pytest.fixture
async def there() -> AsyncIterator[FakeChatwoot]:
    async with FakeChatwoot() as server:
        yield server


@pytest.fixture
async def desk(there: FakeChatwoot) -> AsyncIterator[Chatwoot]:
    made = Chatwoot(f"{there.url}/", ACCOUNT, INBOX, TOKEN, near(), lambda: AT)
    yield made
    await made.aclose()


async def thread_of(desk: Chatwoot) -> str:
    outcome = await desk.deliver(REQUESTED)
    assert isinstance(outcome, Delivered) and outcome.thread
    return outcome.thread


async def test_a_request_makes_a_contact_a_conversation_a_note_and_the_customers_words(
    there: FakeChatwoot, desk: Chatwoot
) -> None:
    thread = await thread_of(desk)

    (contact,), (conversation,) = there.contacts, there.conversations
    assert (contact["name"], contact["identifier"]) == ("Kim", "C-1")
    assert str(conversation["id"]) == thread and conversation["source_id"] == "cv_a"
    assert conversation["custom_attributes"][OWN_ID] == "cv_a" and conversation["status"] == "open"
    note, words = there.messages_of(thread)
    assert note["private"] and "Repairs" in note["content"] and "My chain slips" in note["content"]
    assert (words["message_type"], words["private"], words["content"]) == (0, False, "A person please")


async def test_what_is_not_the_customers_is_never_sent_to_the_customer(there: FakeChatwoot, desk: Chatwoot) -> None:
    """An outgoing message that is not private would go out to the customer."""
    thread = await thread_of(desk)
    for telling in TELLINGS:
        await desk.deliver(replace(telling, thread=thread))

    assert all(each["private"] for each in there.messages if each["message_type"] == 1)


async def test_a_visitor_without_a_name_is_a_contact_of_this_conversation(
    there: FakeChatwoot, desk: Chatwoot
) -> None:
    await desk.deliver(tell(REQUESTED.event))

    assert (there.contacts[0]["name"], there.contacts[0]["identifier"]) == ("Visitor", "cv_a")


async def test_the_same_customer_in_another_conversation_is_the_same_contact(
    there: FakeChatwoot, desk: Chatwoot
) -> None:
    first = await thread_of(desk)
    other = await desk.deliver(replace(REQUESTED, delivery_id="cv_b:3", conversation_id="cv_b"))  # pyright: ignore

    assert isinstance(other, Delivered) and other.thread != first
    assert len(there.contacts) == 1 and len(there.conversations) == 2


async def test_a_customer_whose_id_differs_in_case_is_another(there: FakeChatwoot, desk: Chatwoot) -> None:
    """Chatwoot finds contacts without regard to case, and a stranger's history must not be shown."""
    await desk.deliver(REQUESTED)
    there.contacts[0]["identifier"] = "c-1"
    there.faults.append(Fault("status", 422, where="POST .*/contacts$"))

    outcome = await desk.deliver(replace(REQUESTED, thread=None))

    assert outcome == Rejected("contact_refused")


async def test_what_the_customer_writes_is_an_incoming_message(there: FakeChatwoot, desk: Chatwoot) -> None:
    thread = await thread_of(desk)
    posted = tell(MessagePosted(at=AT, message=said("Are you there?")), seq=9, thread=thread)

    assert await desk.deliver(posted) == Delivered(thread)
    assert there.messages_of(thread)[-1]["content"] == "Are you there?"
    assert there.messages_of(thread)[-1]["message_type"] == 0


@pytest.mark.parametrize(
    ("number", "standing"), [(4, "open"), (5, "pending"), (6, "resolved")], ids=["requeued", "returned", "closed"]
)
async def test_the_standing_follows(there: FakeChatwoot, desk: Chatwoot, number: int, standing: str) -> None:
    thread = await thread_of(desk)

    await desk.deliver(replace(TELLINGS[number], thread=thread))

    assert there.standing_of(thread) == standing


async def test_a_ticket_stays_open_when_the_customer_has_gone(there: FakeChatwoot, desk: Chatwoot) -> None:
    thread = await thread_of(desk)
    closed = tell(ConversationClosed(at=AT, by="customer"), seq=9, thread=thread, ticket=True)

    await desk.deliver(closed)

    assert there.standing_of(thread) == "open"
    assert "still to be done for the customer" in there.messages_of(thread)[-1]["content"]


async def test_a_second_request_goes_on_in_the_same_conversation(there: FakeChatwoot, desk: Chatwoot) -> None:
    thread = await thread_of(desk)
    await desk.deliver(replace(TELLINGS[5], thread=thread))
    again = tell(HandoffRequested(at=AT, reason="no_answer"), seq=20, thread=thread)

    assert await desk.deliver(again) == Delivered(thread)
    assert len(there.conversations) == 1 and there.standing_of(thread) == "open"


@pytest.mark.parametrize("where", CALLS)
@pytest.mark.parametrize("kind", ["lose", "cut", "status"])
async def test_whichever_call_fails_the_next_attempt_completes_what_is_there(
    there: FakeChatwoot, desk: Chatwoot, where: str, kind: str
) -> None:
    """`lose`: it was done, and we do not know."""
    there.faults.append(Fault(kind, 503, where=where))  # pyright: ignore[reportArgumentType]

    first = await desk.deliver(REQUESTED)
    assert isinstance(first, TryLater)
    second = await desk.deliver(replace(REQUESTED, thread=first.thread))

    assert isinstance(second, Delivered)
    assert len(there.contacts) == len(there.conversations) == 1
    assert [each["source_id"] for each in there.messages] == ["cv_a:7", "cv_a:7:said"]
    assert there.standing_of(str(second.thread)) == "open"


@pytest.mark.parametrize("where", CALLS[2:])
async def test_the_conversation_is_known_as_soon_as_it_is_there(
    there: FakeChatwoot, desk: Chatwoot, where: str
) -> None:
    """So that an answer of theirs finds its way though something else failed."""
    there.faults.append(Fault("status", 503, where=where))

    outcome = await desk.deliver(REQUESTED)

    assert outcome.thread == str(there.conversations[0]["id"])


async def test_a_wrong_token_is_an_operators_business(there: FakeChatwoot) -> None:
    desk = Chatwoot(there.url, ACCOUNT, INBOX, "another", near(), lambda: AT)

    assert await desk.deliver(REQUESTED) == Rejected("http_401")
    await desk.aclose()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"payload": 3}', b'{"payload": {"contact": {"id": "x"}}}', b""])
async def test_an_answer_that_makes_no_sense_is_tried_later(there: FakeChatwoot, desk: Chatwoot, body: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    there.faults.append(Fault("raw", chunks=[head + body]))

    assert isinstance(await desk.deliver(REQUESTED), TryLater)


async def test_a_customers_words_do_not_call_people_in_a_note(there: FakeChatwoot, desk: Chatwoot) -> None:
    called = replace(REQUESTED, transcript=(said("[@All](mention://team/1/All) help"),))
    outcome = await desk.deliver(called)

    (note,) = there.messages_of(str(outcome.thread), private=True)
    assert "help" in note["content"] and "mention://" not in note["content"]
