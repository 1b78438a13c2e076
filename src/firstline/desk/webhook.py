"""A desk of your own: each fact is sent to one address as signed JSON, by the Standard Webhooks scheme."""

import json
from collections.abc import Callable
from datetime import datetime

from firstline.desk import ALL_TYPES, Delivered, DeskName, Outcome, Telling
from firstline.desk.fetch import Answer, Fetch, judge
from firstline.desk.signing import sign_webhook
from firstline.events import HandoffRequested, MessagePosted
from firstline.types import Json, Message


class Webhook:
    """`secret` is the key as `read_secret` gives it."""

    name: DeskName = "webhook"
    told: frozenset[str] = ALL_TYPES

    def __init__(self, url: str, secret: bytes, fetch: Fetch, now: Callable[[], datetime]) -> None:
        self._url = url
        self._secret = secret
        self._fetch = fetch
        self._now = now

    async def deliver(self, telling: Telling) -> Outcome:
        body = json.dumps(build_body(telling), ensure_ascii=False).encode()
        now = self._now()
        headers = {"content-type": "application/json", **sign_webhook(self._secret, telling.delivery_id, body, now)}
        answer = await self._fetch("POST", self._url, headers=headers, body=body)
        if not isinstance(answer, Answer):
            return answer
        return judge(answer, now) or Delivered()

    async def aclose(self) -> None:
        await self._fetch.aclose()


def build_body(telling: Telling) -> Json:
    """What is sent. `data` holds the event's own fields."""
    customer = {"id": telling.customer_id, "name": telling.customer_name} if telling.customer_id else None
    return {
        "id": telling.delivery_id,
        "type": telling.event.type,
        "at": telling.event.at.isoformat(),
        "conversation_id": telling.conversation_id,
        "bundle": telling.bundle,
        "locale": telling.locale,
        "customer": customer,
        "ticket": telling.ticket,
        "link": telling.link,
        "data": _build_fields(telling),
    }


def _build_fields(telling: Telling) -> Json:
    event = telling.event
    if isinstance(event, MessagePosted):
        return _build_message(event.message)
    fields = event.model_dump(mode="json", exclude={"type", "at", "turn_id"})
    if isinstance(event, HandoffRequested):
        fields["transcript"] = [_build_message(each) for each in telling.transcript]
    return fields


def _build_message(message: Message) -> Json:
    return message.model_dump(mode="json", include={"message_id", "author", "author_name", "text", "at"})
