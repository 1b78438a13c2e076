"""The customer's part of `/v1`: each route proves the conversation's token, then reads or extends the log."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from firstline.config import Settings
from firstline.conversation import Conversation, answering_turn
from firstline.dispatch import Dispatcher
from firstline.engine import Engine
from firstline.errors import RequestError
from firstline.events import (
    ConfirmationDecided,
    ConversationClosed,
    ConversationStarted,
    CustomerIdentified,
    Event,
    HandoffAccepted,
    HandoffReturned,
    Logged,
    MessagePosted,
    SurveyAnswered,
    TurnEnded,
)
from firstline.handoff import tell_who_answers
from firstline.ledger import Ledger
from firstline.service.bodies import (
    DecisionBody,
    IdentifyBody,
    MessageBody,
    StartBody,
    SurveyBody,
    check_text,
)
from firstline.service.identity import check_token, issue_token, read_identity
from firstline.service.limits import Buckets
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


@dataclass(frozen=True)
class Desk:
    """What the routes work with."""

    settings: Settings
    engines: Mapping[str, Engine]
    ledger: Ledger
    dispatcher: Dispatcher
    message_buckets: Buckets
    conversation_buckets: Buckets

    @property
    def offline(self) -> dict[str, bool]:
        return {name: engine.model.offline for name, engine in self.engines.items()}

    def engine(self, name: str | None) -> Engine:
        """The engine of a served bundle, the first one for None. Raises RequestError 404."""
        if name is None:
            return next(iter(self.engines.values()))
        if name not in self.engines:
            raise RequestError(404, "unknown_bundle", "There is no such bundle here.")
        return self.engines[name]

    def now(self) -> datetime:
        return self.engine(None).now()

    def new_id(self, kind: str) -> str:
        return self.engine(None).new_id(kind)


router = APIRouter(prefix="/v1/conversations", tags=["customer"])


async def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


Served = Annotated[Desk, Depends(desk_of)]


async def proven(conversation_id: str, request: Request, desk: Served) -> Conversation:
    """The conversation whose token the caller holds. Raises RequestError: 401 without any, 404 for a wrong one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise RequestError(401, "no_token", "Send the conversation's token: Authorization: Bearer …")
    conversation = await desk.ledger.load(ConversationId(conversation_id))
    check_token(conversation, token.strip(), desk.now())
    return conversation


Proven = Annotated[Conversation, Depends(proven)]


@router.post("", status_code=201)
async def start_conversation(body: StartBody, request: Request, desk: Served) -> Json:
    """Start a conversation. The token is told once, here; it is the only key to it."""
    desk.conversation_buckets.take(request.client.host if request.client else "")
    engine = desk.engine(body.bundle)
    now = engine.now()
    identity = _read_identity(desk, body.identity) if body.identity else None
    token, token_sha256 = issue_token()
    expires_at = now + timedelta(hours=desk.settings.token_hours)
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
    conversation_id = ConversationId(desk.new_id("cv"))
    conversation = await desk.ledger.update(conversation_id, lambda _: facts)
    return {
        "conversation_id": conversation_id,
        "token": token,
        "expires_at": expires_at,
        "snapshot": snapshot(conversation, offline=desk.offline, now=now),
    }


@router.get("/{conversation_id}")
async def read_conversation(conversation: Proven, desk: Served) -> Json:
    """The conversation as it is now."""
    return snapshot(conversation, offline=desk.offline, now=desk.now())


@router.post("/{conversation_id}/messages", status_code=202)
async def post_message(conversation: Proven, body: MessageBody, desk: Served, wait: bool = False) -> JSONResponse:
    """Post a message. The same client_message_id again is the same message; `wait` gives the complete reply."""
    conversation_id = conversation.conversation_id
    if body.client_message_id not in conversation.posted:
        desk.message_buckets.take(conversation_id)
    text = check_text(body.text, desk.engine(conversation.bundle).bundle.limits.message_chars)
    turn_id, message_id = TurnId(desk.new_id("tn")), MessageId(desk.new_id("ms"))

    def decide(now_is: Conversation) -> Sequence[Event]:
        if body.client_message_id in now_is.posted:
            return ()
        _refuse_closed(now_is)
        at = desk.now()
        message = Message(message_id=message_id, author="customer", text=text, at=at)
        answer = answering_turn(now_is, turn_id)
        posted = MessagePosted(at=at, turn_id=answer, message=message, client_message_id=body.client_message_id)
        return (posted,)

    async with desk.dispatcher.subscribe(conversation_id) as watch:
        posted = (await desk.ledger.update(conversation_id, decide)).posted[body.client_message_id]
        event = posted.event
        assert isinstance(event, MessagePosted)
        if event.message.text != text:
            raise RequestError(409, "id_used", "This client_message_id belongs to another text.")
        await desk.dispatcher.submit(conversation_id)
        accepted = {"message_id": event.message.message_id, "seq": posted.seq, "turn_id": event.turn_id}
        if not wait or event.turn_id is None:
            return JSONResponse(accepted, 202)
        conversation = await desk.ledger.load(conversation_id)
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        while (reply := _reply(conversation, event.turn_id)) is None:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or await watch.next(within_seconds=left) in ("quiet", "lost"):
                return JSONResponse(accepted, 202)
            conversation = await desk.ledger.load(conversation_id)
    return JSONResponse(reply, 200)


@router.get("/{conversation_id}/events")
async def read_events(
    conversation: Proven,
    desk: Served,
    after: Annotated[int, Query()] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """The conversation's events, from after `Last-Event-ID` (or `?after=`) on, as they happen."""
    if last_event_id is not None:
        after = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else -1
    stream = stream_events(desk.ledger, desk.dispatcher, conversation.conversation_id, after=after, now=desk.now)
    return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)


@router.post("/{conversation_id}/identify")
async def identify(conversation: Proven, body: IdentifyBody, desk: Served) -> Json:
    """Prove who the customer is, with a JWT that the company's site has signed."""
    identity = _read_identity(desk, body.identity)

    def decide(now_is: Conversation) -> Sequence[Event]:
        _refuse_closed(now_is)
        if now_is.identity and now_is.identity.customer_id != identity.customer_id:
            raise RequestError(409, "other_customer", "This conversation is another customer's. Start a new one.")
        return () if now_is.identity == identity else (CustomerIdentified(at=desk.now(), identity=identity),)

    changed = await desk.ledger.update(conversation.conversation_id, decide)
    return snapshot(changed, offline=desk.offline, now=desk.now())


@router.post("/{conversation_id}/confirmations/{confirmation_id}")
async def decide_confirmation(conversation: Proven, confirmation_id: str, body: DecisionBody, desk: Served) -> Json:
    """Confirm or decline the one exact action of a card. Deciding the same again changes nothing."""
    turn_id = TurnId(desk.new_id("tn"))

    def decide(now_is: Conversation) -> Sequence[Event]:
        confirmation = now_is.confirmations.get(ConfirmationId(confirmation_id))
        if confirmation is None:
            raise RequestError(404, "not_found", "There is no such confirmation.")
        state = confirmation.state_at(desk.now())
        if state == body.decision:
            return ()
        if state == "expired":
            raise RequestError(409, "confirmation_expired", "This card has expired. Ask for the action again.")
        if state != "pending":
            raise RequestError(409, "already_decided", "This card was decided the other way.")
        _refuse_closed(now_is)
        if now_is.status != "open":
            raise RequestError(409, "with_a_person", "A person has the conversation now; tell them.")
        return (
            ConfirmationDecided(
                at=desk.now(),
                turn_id=answering_turn(now_is, turn_id),
                confirmation_id=ConfirmationId(confirmation_id),
                decision=body.decision,
            ),
        )

    changed = await desk.ledger.update(conversation.conversation_id, decide)
    await desk.dispatcher.submit(conversation.conversation_id)
    decided = changed.confirmations[ConfirmationId(confirmation_id)].decided
    assert decided is not None
    return {"confirmation_id": confirmation_id, "decision": decided.decision, "turn_id": decided.turn_id}


@router.post("/{conversation_id}/cancel", status_code=202)
async def cancel_turn(conversation: Proven, desk: Served) -> Json:
    """Stop the reply that is being written; what was shown of it stays."""
    await desk.dispatcher.stop(conversation.conversation_id)
    return {"turn_id": conversation.open_turn}


@router.post("/{conversation_id}/handoff")
async def ask_for_person(conversation: Proven, desk: Served) -> Json:
    """Pass the conversation on to a person: the assistant is silent from here on, and says who answers when."""
    engine = desk.engine(conversation.bundle)

    def decide(now_is: Conversation) -> Sequence[Event]:
        _refuse_closed(now_is)
        if now_is.status != "open":
            return ()
        at = desk.now()
        told = tell_who_answers(engine.bundle, now_is.locale, at)
        message = Message(message_id=MessageId(desk.new_id("ms")), author="system", text=told, at=at)
        return (HandoffAccepted(at=at, reason="asked"), MessagePosted(at=at, message=message))

    changed = await desk.ledger.update(conversation.conversation_id, decide)
    await desk.dispatcher.stop(conversation.conversation_id)
    return snapshot(changed, offline=desk.offline, now=desk.now())


@router.post("/{conversation_id}/resume")
async def go_on_with_assistant(conversation: Proven, desk: Served) -> Json:
    """While nobody has come yet: go on with the assistant."""

    def decide(now_is: Conversation) -> Sequence[Event]:
        _refuse_closed(now_is)
        return (HandoffReturned(at=desk.now(), by="customer"),) if now_is.status == "waiting" else ()

    changed = await desk.ledger.update(conversation.conversation_id, decide)
    return snapshot(changed, offline=desk.offline, now=desk.now())


@router.post("/{conversation_id}/close")
async def close_conversation(conversation: Proven, desk: Served) -> Json:
    """End the conversation; a running reply is stopped."""

    def decide(now_is: Conversation) -> Sequence[Event]:
        return () if now_is.status == "closed" else (ConversationClosed(at=desk.now(), by="customer"),)

    changed = await desk.ledger.update(conversation.conversation_id, decide)
    await desk.dispatcher.stop(conversation.conversation_id)
    return snapshot(changed, offline=desk.offline, now=desk.now())


@router.post("/{conversation_id}/survey")
async def answer_survey(conversation: Proven, body: SurveyBody, desk: Served) -> Json:
    """How it was, 1 to 5, once; the same answer again changes nothing, a comment may follow."""

    def decide(now_is: Conversation) -> Sequence[Event]:
        if now_is.survey is not None and (now_is.survey != body.score or not body.comment):
            if now_is.survey == body.score:
                return ()
            raise RequestError(409, "already_answered", "You have answered already. Thank you.")
        return (SurveyAnswered(at=desk.now(), score=body.score, comment=body.comment),)

    changed = await desk.ledger.update(conversation.conversation_id, decide)
    return {"score": changed.survey}


@router.get("/{conversation_id}/transcript")
async def read_transcript(conversation: Proven, desk: Served) -> Json:
    """The customer's copy: who said what, with which sources and actions, each entry chained to the one before."""
    return build_transcript(conversation)


@router.delete("/{conversation_id}", status_code=204)
async def erase_conversation(conversation: Proven, desk: Served) -> Response:
    """Erase the conversation for good."""
    await desk.dispatcher.forget(conversation.conversation_id)
    await desk.ledger.erase(conversation.conversation_id)
    return Response(status_code=204)


def _read_identity(desk: Desk, token: str) -> Identity:
    settings = desk.settings
    secret = settings.identity_secret.get_secret_value()
    return read_identity(token, secret=secret, audience=settings.identity_audience, now=desk.now())


def _locale(engine: Engine, wanted: str | None) -> str:
    """What the client asked for, when it looks like a language; the first replies show what is really spoken."""
    bare = (wanted or "").lower().split("-")[0].split("_")[0]
    return bare if bare.isascii() and bare.isalpha() and len(bare) in (2, 3) else engine.bundle.locale


def _refuse_closed(conversation: Conversation) -> None:
    if conversation.started is None:
        raise RequestError(404, "not_found", "There is no such conversation. Start a new one.")
    if conversation.status == "closed":
        raise RequestError(409, "closed", "This conversation is closed. Start a new one.")


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
