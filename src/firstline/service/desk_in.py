"""What comes back from other desks: `/v1/desk/…`. Each request is signed; what it says is decided on the log.

A desk acts as its people: it may do what a human agent may, in every conversation. Its secret is the key to that.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, cast

import structlog
from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, Field, ValidationError

from firstline.conversation import Conversation
from firstline.desk import DeskName
from firstline.desk.hearing import Colleague, Heard, decide, read_chatwoot
from firstline.desk.outbox import Arrivals
from firstline.desk.signing import verify_chatwoot, verify_webhook
from firstline.errors import RequestError
from firstline.events import Event
from firstline.service.bodies import CLIENT_ID, Body, Text, check_text
from firstline.service.invalid import tell_invalid
from firstline.service.reception import Reception, Served, allowed
from firstline.staff import check_display_name, check_picture
from firstline.types import ConversationId, Json

LONGEST_REPLY_CHARS = 8_000

_log = structlog.get_logger()


@dataclass(frozen=True)
class DeskDoor:
    """Which desk may come in, by which key; the application keeps it as `state.desk_door`."""

    desk: DeskName
    secret: bytes
    arrivals: Arrivals


async def door_of(request: Request) -> DeskDoor:
    door: DeskDoor = request.app.state.desk_door
    return door


Door = Annotated[DeskDoor, Depends(door_of)]


class ColleagueBody(Body):
    """Who of the desk's people acts: the id is the desk's own, the name is what the customer sees."""

    id: Annotated[str, Field(pattern=CLIENT_ID)]
    name: Annotated[Text, AfterValidator(check_display_name)]
    picture: Annotated[str | None, AfterValidator(check_picture)] = None


class DeedBody(Body):
    type: Literal["accept", "reply", "return", "resolve"]
    conversation_id: str
    human_agent: ColleagueBody
    text: Text | None = None


router = APIRouter(prefix="/v1/desk", tags=["desk"])


@router.post("/webhook")
async def hear_webhook(request: Request, reception: Served, door: Door) -> Json:
    """Accept, reply, return or resolve, signed by the Standard Webhooks scheme. The same webhook-id again changes
    nothing.
    """
    raw = await request.body()
    arrival_id = (
        verify_webhook(door.secret, request.headers, raw, reception.now()) if door.desk == "webhook" else None
    )
    if arrival_id is None:
        raise _bad_signature()
    said = _read_deed(raw)
    who = Colleague(said.human_agent.id, said.human_agent.name, said.human_agent.picture)
    text = check_text(said.text or "", LONGEST_REPLY_CHARS) if said.type == "reply" else ""
    heard = Heard("webhook", arrival_id, said.type, who, text)
    return await _carry_out(ConversationId(said.conversation_id), heard, reception, door)


@router.post("/chatwoot")
async def hear_chatwoot(request: Request, reception: Served, door: Door) -> Json:
    """Chatwoot's webhook: `message_created` by a person is a reply; `conversation_status_changed` resolves."""
    raw = await request.body()
    arrival_id = (
        verify_chatwoot(door.secret, request.headers, raw, reception.now()) if door.desk == "chatwoot" else None
    )
    if arrival_id is None:
        raise _bad_signature()
    try:
        found = read_chatwoot(_read_object(raw), arrival_id)
    except (ValueError, OverflowError, OSError):
        raise RequestError(422, "invalid", "This is not an event of Chatwoot's.") from None
    if found is None:
        return {"ignored": True}
    if found.heard.deed == "reply":
        check_text(found.heard.text, LONGEST_REPLY_CHARS)
    conversation_id = await door.arrivals.find_conversation("chatwoot", found.thread)
    if conversation_id is None:
        raise _not_found()
    return await _carry_out(conversation_id, found.heard, reception, door)


async def _carry_out(conversation_id: ConversationId, heard: Heard, reception: Reception, door: DeskDoor) -> Json:
    """Append what is decided on the log as it is now, once; stop or wake the assistant."""
    conversation = await reception.ledger.load(conversation_id)
    if conversation.started is None or conversation.bundle not in reception.engines:
        raise _not_found()
    if await door.arrivals.heard(heard.desk, heard.arrival_id):
        return _show(conversation)
    bundle = reception.engine(conversation.bundle).bundle

    def decide_now(now_is: Conversation) -> Sequence[Event]:
        if now_is.started is None:
            raise _not_found()
        return allowed(decide(now_is, heard, bundle, reception.now(), reception.new_id))

    changed = await reception.ledger.update(conversation_id, decide_now)
    await door.arrivals.hear(heard.desk, heard.arrival_id, conversation_id, reception.now())
    if changed.status != "open":
        await reception.dispatcher.stop(conversation_id)
    if changed.unfinished:
        await reception.dispatcher.submit(conversation_id)
    _log.info("desk_heard", desk=heard.desk, deed=heard.deed, conversation_id=conversation_id)
    return _show(changed)


def _show(conversation: Conversation) -> Json:
    return {
        "conversation_id": conversation.conversation_id,
        "status": conversation.status,
        "last_seq": conversation.last_seq,
    }


def _read_deed(raw: bytes) -> DeedBody:
    try:
        return DeedBody.model_validate(_read_object(raw))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise RequestError(422, "invalid", tell_invalid(first, first["loc"])) from None


def _read_object(raw: bytes) -> Mapping[str, object]:
    try:
        found: object = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RequestError(400, "bad_json", "The body is not a JSON object. Send valid JSON.")
    return cast("Mapping[str, object]", found)


def _bad_signature() -> RequestError:
    return RequestError(401, "bad_signature", "The signature is missing, wrong or too old.")


def _not_found() -> RequestError:
    return RequestError(404, "not_found", "There is no such conversation.")
