"""The customer's part of a hand-off: ask for a person, go on, leave a contact, end, say how it was, come back."""

from collections.abc import Sequence

from fastapi import APIRouter, Response

from firstline.conversation import Conversation
from firstline.errors import RequestError
from firstline.events import ConversationClosed, Event, SurveyAnswered, TypingShown
from firstline.handoff import go_on, leave_contact, reopen, request_person
from firstline.service.bodies import ContactBody, SurveyBody
from firstline.service.reception import Proven, Reception, Served, allowed, refuse_unknown
from firstline.service.views import snapshot
from firstline.types import Json

router = APIRouter(prefix="/v1/conversations", tags=["customer"])


def _show(conversation: Conversation, reception: Reception) -> Json:
    return snapshot(conversation, offline=reception.offline, now=reception.now())


@router.post("/{conversation_id}/handoff")
async def ask_for_person(conversation: Proven, reception: Served) -> Json:
    """Pass the conversation on to a person: the assistant is silent from here on, and says who answers when."""
    bundle = reception.engine(conversation.bundle).bundle

    def decide(now_is: Conversation) -> Sequence[Event]:
        refuse_unknown(now_is)
        return allowed(request_person(now_is, bundle, "asked", reception.now(), reception.new_id))

    changed = await reception.ledger.update(conversation.conversation_id, decide)
    await reception.dispatcher.stop(conversation.conversation_id)
    return _show(changed, reception)


@router.post("/{conversation_id}/resume")
async def go_on_with_assistant(conversation: Proven, reception: Served) -> Json:
    """While nobody has come yet: go on with the assistant, who answers what was left unanswered."""

    def decide(now_is: Conversation) -> Sequence[Event]:
        refuse_unknown(now_is)
        return allowed(go_on(now_is, reception.now(), reception.new_id))

    changed = await reception.ledger.update(conversation.conversation_id, decide)
    await reception.dispatcher.submit(conversation.conversation_id)
    return _show(changed, reception)


@router.post("/{conversation_id}/contact")
async def leave_a_contact(conversation: Proven, body: ContactBody, reception: Served) -> Json:
    """Say how to be reached when nobody is there: it becomes a ticket, open until a person has resolved it."""

    def decide(now_is: Conversation) -> Sequence[Event]:
        refuse_unknown(now_is)
        return allowed(leave_contact(now_is, body.contact, body.comment, reception.now()))

    return _show(await reception.ledger.update(conversation.conversation_id, decide), reception)


@router.post("/{conversation_id}/typing", status_code=204)
async def show_typing(conversation: Proven, reception: Served) -> Response:
    """The customer is writing; only a human agent is told, and nothing is stored."""
    if conversation.status in ("waiting", "with_human"):
        reception.message_buckets.take(f"typing {conversation.conversation_id}")
        reception.dispatcher.publish(conversation.conversation_id, (TypingShown("customer", ""),))
    return Response(status_code=204)


@router.post("/{conversation_id}/close")
async def close_conversation(conversation: Proven, reception: Served) -> Json:
    """End the conversation; a running reply is stopped. What was left as a contact stays a ticket."""

    def decide(now_is: Conversation) -> Sequence[Event]:
        refuse_unknown(now_is)
        return () if now_is.status == "closed" else (ConversationClosed(at=reception.now(), by="customer"),)

    changed = await reception.ledger.update(conversation.conversation_id, decide)
    await reception.dispatcher.stop(conversation.conversation_id)
    return _show(changed, reception)


@router.post("/{conversation_id}/reopen")
async def reopen_conversation(conversation: Proven, reception: Served) -> Json:
    """Go on with a closed conversation: the assistant answers again, and remembers it all."""

    def decide(now_is: Conversation) -> Sequence[Event]:
        refuse_unknown(now_is)
        return allowed(reopen(now_is, reception.now()))

    return _show(await reception.ledger.update(conversation.conversation_id, decide), reception)


@router.post("/{conversation_id}/survey")
async def answer_survey(conversation: Proven, body: SurveyBody, reception: Served) -> Json:
    """How it was, 1 to 5, once; the same answer again changes nothing, a comment may follow."""

    def decide(now_is: Conversation) -> Sequence[Event]:
        refuse_unknown(now_is)
        if now_is.survey is not None and (now_is.survey != body.score or not body.comment):
            if now_is.survey == body.score:
                return ()
            raise RequestError(409, "already_answered", "You have answered already. Thank you.")
        return (SurveyAnswered(at=reception.now(), score=body.score, comment=body.comment),)

    changed = await reception.ledger.update(conversation.conversation_id, decide)
    return {"score": changed.survey}
