"""Chatwoot as a desk, by its documented application API: a contact, a conversation in an API inbox, its messages.

What the customer writes becomes an incoming message; everything else is a private note, so that Chatwoot never sends
to the customer what only its people should read. Nothing is made twice: before it makes something it looks whether
that is there from an earlier attempt, by ids of ours (`identifier`, `custom_attributes`, `source_id`).

Source: the OpenAPI definition of Chatwoot's application API (contacts, conversations, messages).
"""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal, assert_never, cast

from firstline.desk import ALL_TYPES, Delivered, DeskName, Outcome, Rejected, Telling, TryLater
from firstline.desk.fetch import Answer, Fetch, judge
from firstline.desk.words import describe
from firstline.events import (
    ContactLeft,
    ConversationClosed,
    HandoffRequested,
    HandoffRequeued,
    HandoffReturned,
    HandoffUnclaimed,
    MessagePosted,
    SurveyAnswered,
)
from firstline.types import Json

OWN_ID = "firstline_conversation"
"""The attribute of a Chatwoot conversation that says which of ours it is."""

VISITOR = "Visitor"
Standing = Literal["open", "pending", "resolved"]


class _Unanswered(Exception):
    """A call did not get what it needs; the delivery ends here."""

    def __init__(self, outcome: TryLater | Rejected) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


class Chatwoot:
    """`token` is the `api_access_token` of somebody who may make contacts; `inbox_id` an inbox of the kind API."""

    name: DeskName = "chatwoot"
    told: frozenset[str] = ALL_TYPES

    def __init__(
        self, url: str, account: int, inbox_id: int, token: str, fetch: Fetch, now: Callable[[], datetime]
    ) -> None:
        self._base = f"{url.rstrip('/')}/api/v1/accounts/{account}"
        self._inbox_id = inbox_id
        self._token = token
        self._fetch = fetch
        self._now = now

    async def deliver(self, telling: Telling) -> Outcome:
        thread = telling.thread
        try:
            if thread is None:
                thread = await self._open_thread(telling)
            await self._post_missing(thread, telling)
            standing = choose_standing(telling)
            if standing is not None:
                await self._call("POST", f"/conversations/{thread}/toggle_status", {"status": standing})
        except _Unanswered as unanswered:
            return _with_thread(unanswered.outcome, thread)
        return Delivered(thread)

    async def aclose(self) -> None:
        await self._fetch.aclose()

    # Contact and conversation ------------------------------------------------------------------------------------

    async def _open_thread(self, telling: Telling) -> str:
        """Chatwoot's conversation for ours: the one from an earlier attempt, or a new one."""
        contact_id, is_new = await self._find_contact(telling)
        if not is_new:
            for known in _listed(await self._call("GET", f"/contacts/{contact_id}/conversations")):
                if _object(known.get("custom_attributes") or {}).get(OWN_ID) == telling.conversation_id:
                    return _id_of(known)
        attributes = {OWN_ID: telling.conversation_id, "firstline_bundle": telling.bundle}
        if telling.link:
            attributes["firstline_link"] = telling.link
        wanted: Json = {
            "source_id": telling.conversation_id,
            "inbox_id": self._inbox_id,
            "contact_id": int(contact_id),
            "status": "open",
            "custom_attributes": attributes,
        }
        return _id_of(await self._call("POST", "/conversations", wanted))

    async def _find_contact(self, telling: Telling) -> tuple[str, bool]:
        """The contact's id, and whether it was made just now. A customer who is signed in has one for all times."""
        identifier = telling.customer_id or telling.conversation_id
        wanted: Json = {
            "inbox_id": self._inbox_id,
            "source_id": telling.conversation_id,
            "name": telling.customer_name or VISITOR,
            "identifier": identifier,
        }
        made = await self._ask("POST", "/contacts", wanted)
        if made.status != 422:
            contact = _object(self._read(made).get("payload")).get("contact")
            return _id_of(_object(contact)), True
        is_same: Json = {
            "attribute_key": "identifier",
            "filter_operator": "equal_to",
            "values": [identifier],
            "query_operator": None,
        }
        for known in _listed(await self._call("POST", "/contacts/filter", {"payload": [is_same]})):
            if known.get("identifier") == identifier:
                return _id_of(known), False
        raise _Unanswered(Rejected("contact_refused"))

    # Messages ----------------------------------------------------------------------------------------------------

    async def _post_missing(self, thread: str, telling: Telling) -> None:
        path = f"/conversations/{thread}/messages"
        known = {each.get("source_id") for each in _listed(await self._call("GET", path))}
        for message in build_messages(telling):
            if message["source_id"] not in known:
                await self._call("POST", path, message)

    # HTTP --------------------------------------------------------------------------------------------------------

    async def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        return self._read(await self._ask(method, path, body))

    async def _ask(self, method: str, path: str, body: Json | None) -> Answer:
        headers = {"api_access_token": self._token, "content-type": "application/json"}
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        answer = await self._fetch(method, self._base + path, headers=headers, body=content)
        if not isinstance(answer, Answer):
            raise _Unanswered(answer)
        return answer

    def _read(self, answer: Answer) -> Json:
        refused = judge(answer, self._now())
        if refused is not None:
            raise _Unanswered(refused)
        try:
            return _object(json.loads(answer.body or b"{}"))
        except ValueError:
            raise _Unanswered(TryLater("not_json")) from None


def build_messages(telling: Telling) -> Iterable[Json]:
    """The messages that the fact becomes, each with an id of ours by which it is found again."""
    event = telling.event
    if isinstance(event, MessagePosted):
        yield _incoming(event.message.text, telling.delivery_id)
        return
    yield {
        "content": describe(telling).replace("mention://", "mention: "),  # a customer's words must not call people
        "message_type": "outgoing",
        "private": True,
        "source_id": telling.delivery_id,
    }
    said = [each.text for each in telling.transcript if each.author == "customer"]
    if said:
        yield _incoming(said[-1], f"{telling.delivery_id}:said")


def choose_standing(telling: Telling) -> Standing | None:
    """What the conversation's state in Chatwoot is to be after this fact; None leaves it."""
    event = telling.event
    match event:
        case HandoffRequested() | HandoffRequeued() | ContactLeft():
            return "open"
        case HandoffReturned():
            return "pending"  # Chatwoot's word for what a bot has
        case ConversationClosed():
            return None if telling.ticket else "resolved"
        case HandoffUnclaimed() | MessagePosted() | SurveyAnswered():
            return None
        case _:
            assert_never(event)


def _incoming(text: str, source_id: str) -> Json:
    return {"content": text, "message_type": "incoming", "private": False, "source_id": source_id}


def _with_thread(outcome: TryLater | Rejected, thread: str | None) -> TryLater | Rejected:
    match outcome:
        case TryLater(code=code, after_seconds=after_seconds):
            return TryLater(code, after_seconds, thread)
        case Rejected(code=code):
            return Rejected(code, thread)
        case _:
            assert_never(outcome)


def _object(value: object) -> Json:
    if not isinstance(value, dict):
        raise _Unanswered(TryLater("not_understood"))
    return cast(Json, value)


def _listed(answer: Json) -> list[Json]:
    """What an answer lists: `payload` holds it, sometimes one level deeper."""
    rows = cast(object, answer.get("payload"))
    if isinstance(rows, dict):
        rows = cast(object, cast(Json, rows).get("payload"))
    if not isinstance(rows, list):
        raise _Unanswered(TryLater("not_understood"))
    return [_object(each) for each in cast("list[object]", rows)]


def _id_of(found: Json) -> str:
    if not isinstance(found.get("id"), int):
        raise _Unanswered(TryLater("not_understood"))
    return str(found["id"])
