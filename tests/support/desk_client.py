"""A human agent's program: the inbox's API as its page would call it, each with a cookie jar of its own."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx2
from argon2 import PasswordHasher

from firstline.service.identity import issue_token
from firstline.service.sign_in import COOKIE, DEMO
from firstline.staff import Role, StaffMember
from firstline.types import StaffId
from tests.support.client import Client, Customer, Stream, check_response
from tests.support.shop import Shop
from tests.support.sse import Event, Json, Parser

HERE = {"Origin": "http://firstline.test"}
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
TOLD = {"queue", "row", "gone", "detail", "changed", "reply", "typing"}


class InboxParser(Parser):
    """The inbox's stream: no places in it, and names of its own."""

    def _check(self, event: Event) -> None:
        assert event.name in TOLD and event.seq is None, event


@dataclass
class Desk:
    """Somebody at an inbox, signed in."""

    client: Client
    member: Json
    numbers: Any = field(default_factory=lambda: count(1))

    @property
    def staff_id(self) -> StaffId:
        return StaffId(self.member["staff_id"])

    async def call(self, method: str, path: str, **how: Any) -> httpx2.Response:
        return await self.client.request(method, f"/v1/staff{path}", headers=HERE | how.pop("headers", {}), **how)

    async def act(self, conversation_id: str, action: str, body: Json | None = None) -> httpx2.Response:
        """What a button does."""
        return await self.call("POST", f"/conversations/{conversation_id}/{action}", json=body)

    async def write(
        self, conversation_id: str, text: str, *, key: str | None = None, to: str = "reply"
    ) -> httpx2.Response:
        """A reply to the customer; `to="note"`: a note for colleagues."""
        body = {"client_message_id": key or f"d{next(self.numbers)}", "text": text}
        return await self.act(conversation_id, to, body)

    async def detail(self, conversation_id: str) -> Json:
        response = await self.call("GET", f"/conversations/{conversation_id}")
        assert response.status_code == 200, response.text
        return response.json()

    async def listing(self, **query: Any) -> Json:
        """The inbox's list, `from_` and `to` included, with its counts."""
        params = {name.rstrip("_"): value for name, value in query.items()}
        response = await self.call("GET", "/conversations", params=params)
        assert response.status_code == 200, response.text
        return response.json()

    async def found(self, **query: Any) -> list[str]:
        """The ids of the conversations that a list holds, in its order."""
        return [row["conversation_id"] for row in (await self.listing(**query))["conversations"]]

    async def approvals(self) -> list[Json]:
        return (await self.call("GET", "/approvals")).json()["approvals"]

    @asynccontextmanager
    async def watch(self, conversation_id: str | None = None) -> AsyncGenerator[Stream]:
        """The inbox's stream for as long as the block lasts."""
        params = {"conversation": conversation_id} if conversation_id else {}
        async with self.client.http.stream("GET", "/v1/staff/events", params=params) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            stream = Stream(check_response(response))
            stream.parser = InboxParser()
            yield stream


async def sign_in(shop: Shop, role: Role = "human_agent", name: str = "desk.one") -> Desk:
    """Somebody with an account of their own; the display name comes of the name: `desk.one` is "Desk One"."""
    staff = shop.service.staff
    staff._hasher = QUICK  # how well passwords are kept is proven elsewhere
    member = await staff.find_name(name)
    if member is None:
        shown = name.replace(".", " ").title()
        member = StaffMember(
            staff_id=StaffId(f"st_{name}"), name=name, display_name=shown, role=role, created_at=shop.clock()
        )
        assert await staff.add(member, password=f"a long password of {name}", by=DEMO, at=shop.clock())
    token, token_sha256 = issue_token()
    opened = await staff.open_session(member.staff_id, token_sha256=token_sha256, address="", at=shop.clock())
    assert opened is not None, "the account is in force"
    client = shop.another_client("10.0.0.2")
    client.http.cookies.set(COOKIE, token, domain="firstline.test")
    me = await client.request("GET", "/v1/staff/me")
    assert me.status_code == 200, me.text
    return Desk(client, me.json())


async def waiting(shop: Shop, *said: str) -> Customer:
    """A customer who has asked for a person, and then written."""
    customer = await shop.client.start()
    await customer.call("POST", "/handoff")
    for text in said:
        await customer.post(text)
    return customer


async def accepted(shop: Shop, desk: Desk, *said: str) -> Customer:
    customer = await waiting(shop, *said)
    response = await desk.act(customer.conversation_id, "accept")
    assert response.status_code == 200, response.text
    return customer


async def audited(shop: Shop, conversation_id: str) -> list[str]:
    """What the audit log says was done to a conversation, in order."""
    entries = await shop.service.staff.read_audit(limit=500)
    return [each.action for each in reversed(entries) if each.conversation_id == conversation_id]


def texts(detail: Json, kind: str = "message") -> list[str]:
    """What is written in a conversation's entries of a kind, in order."""
    entries = [entry for entry in detail["entries"] if entry["kind"] == kind]
    return [entry["message"]["text"] if kind == "message" else json.dumps(entry) for entry in entries]
