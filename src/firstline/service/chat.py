"""The customer's part of `/v1`: each route proves the conversation's token, then reads or extends the log."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from firstline.conversation import Conversation, answering_turn
from firstline.engine import Engine
from firstline.errors import RequestError
from firstline.events import (
    ConfirmationDecided,
    ConversationStarted,
    CustomerIdentified,
    Event,
    Logged,
    MessagePosted,
    RecordChanged,
    TurnEnded,
)
from firstline.indexer import INBOX
from firstline.service.bodies import (
    DecisionBody,
    IdentifyBody,
    MessageBody,
    StartBody,
    check_text,
)
from firstline.service.identity import issue_token, read_identity
from firstline.service.reception import Proven, Reception, Served, refuse_closed
from firstline.service.stream import HEADERS, stream_events
from firstline.service.transcript import build_transcript
from firstline.service.views import is_retryable, snapshot, view_message
from firstline.types import (
    ConfirmationId,
    ConversationId,
    Identity,
    Json,
    Message,
    MessageId,
    TurnId,
)

WAIT_SECONDS = 90.0

router = APIRouter(prefix="/v1/conversations", tags=["customer"])


@router.post("", status_code=201)
async def start_conversation(body: StartBody, request: Request, reception: Served) -> Json:
    """Start a conversation. The token is told once, here; it is the only key to it."""
    reception.conversation_buckets.take(request.client.host if request.client else "")
    conversation_id = ConversationId(reception.new_id("cv"))
    engine = reception.choose_engine(body.bundle, conversation_id, body.revision)
    now = engine.now()
    identity = _read_identity(reception, body.identity) if body.identity else None
    token, token_sha256 = issue_token()
    expires_at = now + timedelta(hours=reception.settings.token_hours)
    started = ConversationStarted(
        at=now,
        bundle=engine.bundle.name,
        revision=engine.bundle.revision,
        locale=_locale(engine, body.locale),
        token_sha256=token_sha256,
        expires_at=expires_at,
        client=body.client,
    )
    facts: list[Event] = [started]
    if identity is not None:
        facts.append(CustomerIdentified(at=now, identity=identity))
    conversation = await reception.ledger.update(conversation_id, lambda _: facts)
    return {
        "conversation_id": conversation_id,
        "token": token,
        "expires_at": expires_at,
        "snapshot": snapshot(conversation, offline=reception.offline, now=now),
    }


@router.get("/{conversation_id}")
async def read_conversation(conversation: Proven, reception: Served) -> Json:
    """The conversation as it is now."""
    return snapshot(conversation, offline=reception.offline, now=reception.now())


@router.post("/{conversation_id}/messages", status_code=202)
async def post_message(
    conversation: Proven, body: MessageBody, reception: Served, wait: bool = False
) -> JSONResponse:
    """Post a message. The same client_message_id again is the same message; `wait` gives the complete reply."""
    conversation_id = conversation.conversation_id
    if body.client_message_id not in conversation.posted:
        reception.message_buckets.take(conversation_id)
    engine = await reception.engine_of(conversation)
    text = check_text(body.text, engine.bundle.limits.message_chars)
    turn_id, message_id = TurnId(reception.new_id("tn")), MessageId(reception.new_id("ms"))

    def decide(now_is: Conversation) -> Sequence[Event]:
        if body.client_message_id in now_is.posted:
            return ()
        refuse_closed(now_is)
        at = reception.now()
        message = Message(message_id=message_id, author="customer", text=text, at=at)
        answer = answering_turn(now_is, turn_id)
        posted = MessagePosted(at=at, turn_id=answer, message=message, client_message_id=body.client_message_id)
        return (posted,)

    async with reception.dispatcher.subscribe(conversation_id) as watch:
        posted = (await reception.ledger.update(conversation_id, decide)).posted[body.client_message_id]
        event = posted.event
        assert isinstance(event, MessagePosted)
        if event.message.text != text:
            raise RequestError(409, "id_used", "This client_message_id belongs to another text.")
        await reception.dispatcher.submit(conversation_id)
        accepted = {"message_id": event.message.message_id, "seq": posted.seq, "turn_id": event.turn_id}
        if not wait or event.turn_id is None:
            return JSONResponse(accepted, 202)
        conversation = await reception.ledger.load(conversation_id)
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        while (reply := _reply(conversation, event.turn_id)) is None:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or await watch.next(within_seconds=left) in ("quiet", "lost"):
                return JSONResponse(accepted, 202)
            conversation = await reception.ledger.load(conversation_id)
    return JSONResponse(reply, 200)


@router.get("/{conversation_id}/events")
async def read_events(
    conversation: Proven,
    reception: Served,
    after: Annotated[int, Query()] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """The conversation's events, from after `Last-Event-ID` (or `?after=`) on, as they happen."""
    if last_event_id is not None:
        after = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else -1
    stream = stream_events(
        reception.ledger, reception.dispatcher, conversation.conversation_id, after=after, now=reception.now
    )
    return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)


@router.post("/{conversation_id}/identify")
async def identify(conversation: Proven, body: IdentifyBody, reception: Served) -> Json:
    """Prove who the customer is, with a JWT that the company's site has signed."""
    identity = _read_identity(reception, body.identity)

    def decide(now_is: Conversation) -> Sequence[Event]:
        refuse_closed(now_is)
        if now_is.identity and now_is.identity.customer_id != identity.customer_id:
            raise RequestError(409, "other_customer", "This conversation is another customer's. Start a new one.")
        return () if now_is.identity == identity else (CustomerIdentified(at=reception.now(), identity=identity),)

    changed = await reception.ledger.update(conversation.conversation_id, decide)
    return snapshot(changed, offline=reception.offline, now=reception.now())


@router.post("/{conversation_id}/confirmations/{confirmation_id}")
async def decide_confirmation(
    conversation: Proven, confirmation_id: str, body: DecisionBody, reception: Served
) -> Json:
    """Confirm or decline the one exact action of a card. Deciding the same again changes nothing."""
    turn_id = TurnId(reception.new_id("tn"))

    def decide(now_is: Conversation) -> Sequence[Event]:
        confirmation = now_is.confirmations.get(ConfirmationId(confirmation_id))
        if confirmation is None:
            raise RequestError(404, "not_found", "There is no such confirmation.")
        state = confirmation.state_at(reception.now())
        if state == body.decision:
            return ()
        if state == "expired":
            raise RequestError(409, "confirmation_expired", "This card has expired. Ask for the action again.")
        if state != "pending":
            raise RequestError(409, "already_decided", "This card was decided the other way.")
        refuse_closed(now_is)
        if now_is.status != "open":
            raise RequestError(409, "with_a_person", "A person has the conversation now; tell them.")
        return (
            ConfirmationDecided(
                at=reception.now(),
                turn_id=answering_turn(now_is, turn_id),
                confirmation_id=ConfirmationId(confirmation_id),
                decision=body.decision,
            ),
        )

    changed = await reception.ledger.update(conversation.conversation_id, decide)
    await reception.dispatcher.submit(conversation.conversation_id)
    decided = changed.confirmations[ConfirmationId(confirmation_id)].decided
    assert decided is not None
    return {"confirmation_id": confirmation_id, "decision": decided.decision, "turn_id": decided.turn_id}


@router.post("/{conversation_id}/cancel", status_code=202)
async def cancel_turn(conversation: Proven, reception: Served) -> Json:
    """Stop the reply that is being written; what was shown of it stays."""
    await reception.dispatcher.stop(conversation.conversation_id)
    return {"turn_id": conversation.open_turn}


@router.get("/{conversation_id}/transcript")
async def read_transcript(conversation: Proven, reception: Served) -> Json:
    """The customer's copy: who said what, with which sources and actions, each entry chained to the one before."""
    return build_transcript(conversation)


@router.delete("/{conversation_id}", status_code=204)
async def erase_conversation(conversation: Proven, reception: Served) -> Response:
    """Erase the conversation for good."""
    await reception.dispatcher.forget(conversation.conversation_id)
    await reception.ledger.erase(conversation.conversation_id)
    reception.dispatcher.publish(INBOX, (RecordChanged(conversation.conversation_id),))
    return Response(status_code=204)


def _read_identity(reception: Reception, token: str) -> Identity:
    settings = reception.settings
    secret = settings.identity_secret.get_secret_value()
    return read_identity(token, secret=secret, audience=settings.identity_audience, now=reception.now())


def _locale(engine: Engine, wanted: str | None) -> str:
    """What the client asked for, when it looks like a language; the first replies show what is really spoken."""
    bare = (wanted or "").lower().split("-")[0].split("_")[0]
    return bare if bare.isascii() and bare.isalpha() and len(bare) in (2, 3) else engine.bundle.locale


def _reply(conversation: Conversation, turn_id: TurnId) -> Json | None:
    """The complete reply of a turn that has ended."""
    message: Logged | None = None
    for logged in conversation.log:
        event = logged.event
        if isinstance(event, MessagePosted) and event.turn_id == turn_id and event.message.author != "customer":
            message = message or logged
        if isinstance(event, TurnEnded) and event.turn_id == turn_id:
            ending: Json = {"turn_id": turn_id, "outcome": event.outcome, "code": event.code}
            ending["retryable"] = is_retryable(event)
            usage = {"usage": event.usage.model_dump(), "cost_usd": event.cost_usd, "model": event.model}
            shown = message.event if message else None
            reply = view_message(shown.message, message.seq) if message and isinstance(shown, MessagePosted) else None
            return {**ending, "reply": reply, **usage}
    return None
