"""Desks on a local port: a receiver of webhooks, and as much of Chatwoot's API as we use, each with faults.

Answers have the shapes of Chatwoot's OpenAPI definition. It knows no HTTP beyond what we send, and trusts nobody:
what is not as documented is refused as Chatwoot refuses it.
"""

import asyncio
import hashlib
import hmac
import json
import re
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import responses as PHRASES
from pathlib import Path
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from firstline.desk import Telling, Told
from firstline.desk.guarded import GuardedFetch
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
from firstline.types import ActionDone, Author, CardRow, Citation, ConversationId, Message, MessageId, Package

Json = dict[str, Any]
Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        found: Json = json.loads(self.body)
        return found


@dataclass
class Fault:
    """What happens instead of an answer, once. `where`: the requests that it waits for, as `POST /path`.

    `lose` does what was asked and hangs up without a word; `hang` says nothing for ever; `raw` sends these chunks.
    """

    kind: Literal["status", "lose", "cut", "hang", "raw"]
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    chunks: Sequence[bytes] = ()
    where: str = ""


class FakeServer:
    """`async with` it: it listens at `url`; what came is in `seen`, what is to go wrong in `faults`."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.url = ""
        self.port = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Any:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def answer(self, seen: Seen) -> Reply:
        raise NotImplementedError

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._exchange(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen = await _read_request(reader)
        self.seen.append(seen)
        fault = self._take_fault(seen)
        if fault is None:
            writer.write(_encode(*self.answer(seen)))
        elif fault.kind == "status":
            writer.write(_encode(fault.status, fault.headers, b'{"error":"as planned"}'))
        elif fault.kind == "lose":
            self.answer(seen)
        elif fault.kind == "hang":
            await asyncio.Event().wait()
        elif fault.kind == "raw":
            for chunk in fault.chunks:
                writer.write(chunk)
                await writer.drain()
        await writer.drain()

    def _take_fault(self, seen: Seen) -> Fault | None:
        for fault in self.faults:
            if re.search(fault.where, f"{seen.method} {seen.path}"):
                self.faults.remove(fault)
                return fault
        return None


def near() -> GuardedFetch:
    """HTTP to this machine."""
    return GuardedFetch(https_only=False, allow_private=True, total_seconds=5)


class Receiver(FakeServer):
    """Takes whatever is posted to it."""

    def answer(self, seen: Seen) -> Reply:
        return 204, {}, b""


TOKEN = "token-of-a-technical-account"
ACCOUNT, INBOX = 1, 7


class FakeChatwoot(FakeServer):
    """Contacts, conversations and messages, in memory; one account, one inbox of the kind API."""

    def __init__(self) -> None:
        super().__init__()
        self.contacts: list[Json] = []
        self.conversations: list[Json] = []
        self.messages: list[Json] = []

    def messages_of(self, thread: str | int, *, private: bool | None = None) -> list[Json]:
        of_it = [each for each in self.messages if each["conversation_id"] == int(thread)]
        return [each for each in of_it if private is None or each["private"] is private]

    def standing_of(self, thread: str | int) -> str:
        return str(self._conversation(int(thread))["status"])

    def answer(self, seen: Seen) -> Reply:
        if seen.headers.get("api_access_token") != TOKEN:
            return _say(401, {"error": "You need to sign in or sign up before continuing."})
        routes = (
            (r"POST /contacts", self._add_contact),
            (r"POST /contacts/filter", self._filter_contacts),
            (r"GET /contacts/(\d+)/conversations", self._list_conversations),
            (r"POST /conversations", self._add_conversation),
            (r"GET /conversations/(\d+)/messages", self._list_messages),
            (r"POST /conversations/(\d+)/messages", self._add_message),
            (r"POST /conversations/(\d+)/toggle_status", self._toggle),
        )
        asked = f"{seen.method} {seen.path.removeprefix(f'/api/v1/accounts/{ACCOUNT}')}"
        body = seen.json if seen.body else {}
        for pattern, route in routes:
            if found := re.fullmatch(pattern, asked):
                try:
                    return route(*(int(each) for each in found.groups()), body)
                except KeyError:
                    return _say(404, {"error": "Resource could not be found"})
        return _say(404, {"error": "Resource could not be found"})

    def _conversation(self, number: int) -> Json:
        for each in self.conversations:
            if each["id"] == number:
                return each
        raise KeyError(number)

    def _add_contact(self, body: Json) -> Reply:
        if any(each["identifier"] == body["identifier"] for each in self.contacts):
            told = {"message": "Identifier has already been taken", "attributes": ["identifier"]}
            return _say(422, told)
        contact = {"id": len(self.contacts) + 101, "name": body["name"], "identifier": body["identifier"]}
        self.contacts.append(contact)
        inbox = {"inbox": {"id": body["inbox_id"]}, "source_id": body["source_id"]}
        return _say(200, {"payload": {"contact": contact, "contact_inbox": inbox}})

    def _filter_contacts(self, body: Json) -> Reply:
        (asked,) = body["payload"]
        assert asked["filter_operator"] == "equal_to" and asked["query_operator"] is None
        wanted = {value.lower() for value in asked["values"]}  # without regard to case, as Chatwoot does
        found = [each for each in self.contacts if each[asked["attribute_key"]].lower() in wanted]
        return _say(200, {"meta": {"count": len(found), "current_page": "1"}, "payload": found})

    def _list_conversations(self, contact_id: int, body: Json) -> Reply:
        found = [each for each in self.conversations if each["contact_id"] == contact_id]
        return _say(200, {"payload": found[::-1][:20]})

    def _add_conversation(self, body: Json) -> Reply:
        if body["inbox_id"] != INBOX or not any(each["id"] == body["contact_id"] for each in self.contacts):
            raise KeyError("inbox or contact")
        made = {"id": len(self.conversations) + 41, "account_id": ACCOUNT, "uuid": "0", **body}
        self.conversations.append(made)
        return _say(200, {key: made[key] for key in ("id", "account_id", "inbox_id", "status")})

    def _list_messages(self, number: int, body: Json) -> Reply:
        self._conversation(number)
        return _say(200, {"meta": {"labels": []}, "payload": self.messages_of(number)[-20:]})

    def _add_message(self, number: int, body: Json) -> Reply:
        conversation = self._conversation(number)
        kinds = {"incoming": 0, "outgoing": 1}
        made = {"id": len(self.messages) + 901, "conversation_id": number, "inbox_id": INBOX, "content_type": "text"}
        made |= {"content": body["content"], "private": body["private"], "source_id": body.get("source_id")}
        made["message_type"] = kinds[body["message_type"]]
        self.messages.append(made)
        if body["message_type"] == "incoming" and conversation["status"] == "resolved":
            conversation["status"] = "open"
        return _say(200, made)

    def _toggle(self, number: int, body: Json) -> Reply:
        conversation = self._conversation(number)
        assert body["status"] in ("open", "resolved", "pending", "snoozed")
        conversation["status"] = body["status"]
        payload = {"success": True, "current_status": body["status"], "conversation_id": number}
        return _say(200, {"meta": {}, "payload": payload})


# What is told -------------------------------------------------------------------------------------------------------

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
PACKAGE = Package(
    summary="— My chain slips\n↳ Oil it every 200 miles.",
    intent="Repairs",
    slots=(CardRow(label="Wheels", value="2"),),
    sources=(Citation(title="Oiling a chain", url="/help/chain", quote="Oil the chain"),),
    actions=(ActionDone(label="Cancelling the repair", outcome="unknown"),),
    mood_start=0,
    mood=-1,
    locale="en",
)


def said(text: str, author: Author = "customer", *, number: int = 1) -> Message:
    return Message(message_id=MessageId(f"ms_{number}"), author=author, text=text, at=AT)


def tell(event: Told, *, seq: int = 7, conversation: str = "cv_a", **other: Any) -> Telling:
    """An event as the courier tells it."""
    place = {"delivery_id": f"{conversation}:{seq}", "conversation_id": ConversationId(conversation)}
    return Telling(**{**place, "bundle": "workshop", "locale": "en", "event": event, **other})


REQUESTED = tell(
    HandoffRequested(at=AT, reason="asked", package=PACKAGE),
    customer_id="C-1",
    customer_name="Kim",
    transcript=(said("My chain slips"), said("Oil it every 200 miles.", "assistant"), said("A person please")),
    link="https://desk.example/inbox?c=cv_a",
)
TELLINGS: tuple[Telling, ...] = (
    REQUESTED,
    tell(MessagePosted(at=AT, message=said("Are you there?")), seq=8),
    tell(HandoffUnclaimed(at=AT), seq=9),
    tell(ContactLeft(at=AT, contact="kim@customer.example", comment="After six"), seq=10, ticket=True),
    tell(HandoffRequeued(at=AT, by="timeout"), seq=11),
    tell(HandoffReturned(at=AT, by="customer"), seq=12),
    tell(ConversationClosed(at=AT, by="human_agent"), seq=13),
    tell(SurveyAnswered(at=AT, score=4, comment="Kind"), seq=14),
)
"""One of every kind."""


# What Chatwoot sends ------------------------------------------------------------------------------------------------


def message_created(thread: int | str, content: str, *, number: int = 118, **other: Any) -> Json:
    """The event of an answer that somebody writes in Chatwoot, in the documented shape."""
    sender = {"id": 1, "name": "Desk One", "email": "one@desk.example", "type": "user"}
    return {
        "event": "message_created",
        "id": number,
        "content": content,
        "created_at": "2026-11-23T15:02:48.000Z",
        "message_type": "outgoing",
        "content_type": "text",
        "private": False,
        "content_attributes": {},
        "source_id": None,
        "sender": sender,
        "inbox": {"id": INBOX, "name": "Support"},
        "conversation": {"id": int(thread), "inbox_id": INBOX, "status": "open", "meta": {"assignee": None}},
        "account": {"id": ACCOUNT, "name": "Spoke"},
        **other,
    }


def status_changed(thread: int | str, status: str, *, updated_at: datetime, **other: Any) -> Json:
    assignee = {"id": 1, "name": "Desk One", "available_name": "Desk One", "type": "user"}
    return {
        "event": "conversation_status_changed",
        "id": int(thread),
        "inbox_id": INBOX,
        "channel": "Channel::Api",
        "status": status,
        "messages": [],
        "meta": {"assignee": assignee, "sender": {"id": 101, "type": "contact"}},
        "custom_attributes": {},
        "updated_at": updated_at.timestamp(),
        "account": {"id": ACCOUNT, "name": "Spoke"},
        **other,
    }


def sign_as_chatwoot(event: Json, secret: str, now: datetime) -> tuple[dict[str, str], bytes]:
    """Headers and body of an event that is delivered."""
    body, timestamp = json.dumps(event).encode(), str(int(now.timestamp()))
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-chatwoot-timestamp": timestamp}
    return {**headers, "x-chatwoot-signature": f"sha256={digest}", "x-chatwoot-delivery": "d-1"}, body


# Bytes --------------------------------------------------------------------------------------------------------------


async def _read_request(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(method, path, headers, body)


def _say(status: int, body: Json) -> Reply:
    return status, {"content-type": "application/json; charset=utf-8"}, json.dumps(body).encode()


def _encode(status: int, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} {PHRASES[status]}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if status != 204:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def make_tls(folder: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's TLS for `host`, and a client's that trusts this server and nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "desk.crt").write_bytes(certificate.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "desk.key").write_bytes(private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "desk.crt", folder / "desk.key")
    return server, ssl.create_default_context(cafile=str(folder / "desk.crt"))
