"""The inbox's part of `/v1/staff`: what waits, one conversation whole, and everything a human agent may do with it.

Each route proves who calls and their role (`firstline.service.sign_in`), decides by `firstline.handoff` on the log as
it is now, and notes in the audit log what was done.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from firstline.conversation import Conversation
from firstline.draft import draft_reply
from firstline.errors import RequestError
from firstline.evals.correction import build_case, find_reply, write_case
from firstline.events import ApprovalDecided, CorrectionPosted, Event, Logged, NotePosted, TypingShown
from firstline.handoff import (
    ID_USED,
    Decision,
    accept,
    check_holder,
    let_go,
    reply,
    resolve,
    return_to_assistant,
    take_up,
)
from firstline.markup import render_html
from firstline.service.bodies import ApprovalBody, CorrectionBody, ReplyBody, check_text
from firstline.service.reception import Served, allowed
from firstline.service.sign_in import AsHumanAgent, AsViewer, Door
from firstline.service.staff_filter import read_filter
from firstline.service.staff_views import view_approval, view_detail, view_row
from firstline.service.views import view_citations
from firstline.staff import AuditAction, Caller
from firstline.store import Filter
from firstline.types import ApprovalId, ConversationId, Json, TurnId

LONGEST_REPLY_CHARS = 8_000
APPROVALS = 200

router = APIRouter(prefix="/v1/staff", tags=["staff"])


@router.get("/conversations")
async def list_conversations(
    caller: AsViewer, reception: Served, chosen: Annotated[Filter, Depends(read_filter)]
) -> Json:
    """Conversations on a shelf, or found by words; and how many there are on every shelf."""
    rows = await reception.records.list(chosen)
    counts = await reception.records.count(chosen.bundle)
    return {"conversations": [view_row(row) for row in rows], "counts": dict(counts)}


async def known(conversation_id: str, reception: Served) -> Conversation:
    """The conversation. Raises RequestError 404 for an unknown one, or one of a bundle that is not served."""
    conversation = await reception.ledger.load(ConversationId(conversation_id))
    if conversation.started is None or conversation.bundle not in reception.engines:
        raise RequestError(404, "not_found", "There is no such conversation.")
    return conversation


Known = Annotated[Conversation, Depends(known)]


@router.get("/conversations/{conversation_id}")
async def read_conversation(caller: AsViewer, conversation: Known, reception: Served, door: Door) -> Json:
    """One conversation, whole: transcript, checks, package, and what the caller may do."""
    await door.note(caller, "conversation_read", conversation_id=conversation.conversation_id)
    return _show(conversation, reception, caller)


def _show(conversation: Conversation, reception: Served, caller: Caller) -> Json:
    bundle = reception.engine(conversation.bundle).bundle
    return view_detail(conversation, bundle, caller.member, reception.now())


async def _move(
    conversation: Conversation,
    reception: Served,
    door: Door,
    caller: Caller,
    action: AuditAction,
    decide: Callable[[Conversation], Decision],
) -> Json:
    """Append what is decided on the log as it is now; stop or wake the assistant; note who did it, if anything."""
    decided: Sequence[Event] = ()

    def decide_now(now_is: Conversation) -> Sequence[Event]:
        nonlocal decided
        if now_is.started is None:
            raise RequestError(404, "not_found", "There is no such conversation.")
        decided = allowed(decide(now_is))
        return decided

    conversation_id = conversation.conversation_id
    changed = await reception.ledger.update(conversation_id, decide_now)
    if changed.status != "open":
        await reception.dispatcher.stop(conversation_id)
    if changed.unfinished:
        await reception.dispatcher.submit(conversation_id)
    if decided:
        await door.note(caller, action, conversation_id=conversation_id, seq=changed.last_seq)
    return _show(changed, reception, caller)


@router.post("/conversations/{conversation_id}/accept")
async def accept_conversation(caller: AsHumanAgent, conversation: Known, reception: Served, door: Door) -> Json:
    """Take the conversation: from the queue, or over from the assistant, who stops at once. One of two wins."""
    bundle, me = reception.engine(conversation.bundle).bundle, caller.member.human_agent
    return await _move(
        conversation, reception, door, caller, "accepted", lambda now_is: accept(now_is, bundle, me, reception.now())
    )


@router.post("/conversations/{conversation_id}/reply")
async def reply_to_customer(
    caller: AsHumanAgent, conversation: Known, body: ReplyBody, reception: Served, door: Door
) -> Json:
    """Write to the customer. The same client_message_id again is the same message, and holds the same text."""
    text, me = check_text(body.text, LONGEST_REPLY_CHARS), caller.member.human_agent
    client_id = f"{me.staff_id}:{body.client_message_id}"
    return await _move(
        conversation,
        reception,
        door,
        caller,
        "replied",
        lambda now_is: reply(now_is, me, text, client_id, reception.now(), reception.new_id),
    )


@router.post("/conversations/{conversation_id}/note")
async def post_note(
    caller: AsHumanAgent, conversation: Known, body: ReplyBody, reception: Served, door: Door
) -> Json:
    """Leave a note for colleagues; neither the customer nor a model sees it."""
    text, me = check_text(body.text, LONGEST_REPLY_CHARS), caller.member.human_agent
    client_id = f"{me.staff_id}:{body.client_message_id}"

    def decide(now_is: Conversation) -> Decision:
        posted = (logged.event for logged in now_is.log if isinstance(logged.event, NotePosted))
        said = next((note for note in posted if note.client_message_id == client_id), None)
        if said is not None:
            return () if said.text == text else ID_USED
        return (NotePosted(at=reception.now(), human_agent=me, text=text, client_message_id=client_id),)

    return await _move(conversation, reception, door, caller, "noted", decide)


@router.post("/conversations/{conversation_id}/return")
async def give_back(caller: AsHumanAgent, conversation: Known, reception: Served, door: Door) -> Json:
    """Give the conversation back to the assistant, who answers what is still unanswered."""
    me = caller.member.human_agent
    return await _move(
        conversation,
        reception,
        door,
        caller,
        "returned",
        lambda now_is: return_to_assistant(now_is, me, reception.now(), reception.new_id),
    )


@router.post("/conversations/{conversation_id}/release")
async def release_conversation(caller: AsHumanAgent, conversation: Known, reception: Served, door: Door) -> Json:
    """Put the conversation back into the queue, for a colleague."""
    bundle, me = reception.engine(conversation.bundle).bundle, caller.member.human_agent
    return await _move(
        conversation,
        reception,
        door,
        caller,
        "released",
        lambda now_is: let_go(now_is, bundle, me, reception.now(), reception.new_id),
    )


@router.post("/conversations/{conversation_id}/resolve")
async def resolve_conversation(caller: AsHumanAgent, conversation: Known, reception: Served, door: Door) -> Json:
    """End the conversation, and its ticket; the customer is asked how it was."""
    me = caller.member.human_agent
    return await _move(
        conversation, reception, door, caller, "resolved", lambda now_is: resolve(now_is, me, reception.now())
    )


@router.post("/conversations/{conversation_id}/reopen")
async def reopen_conversation(caller: AsHumanAgent, conversation: Known, reception: Served, door: Door) -> Json:
    """Take up a closed conversation again, oneself."""
    me = caller.member.human_agent
    return await _move(
        conversation, reception, door, caller, "reopened", lambda now_is: take_up(now_is, me, reception.now())
    )


@router.post("/conversations/{conversation_id}/typing", status_code=204)
async def show_typing(caller: AsHumanAgent, conversation: Known, reception: Served) -> Response:
    """Show the customer that somebody is writing; nothing is stored."""
    holder = conversation.human_agent
    if holder is not None and holder.staff_id == caller.member.staff_id:
        shown = TypingShown("human_agent", holder.name)
        reception.dispatcher.publish(conversation.conversation_id, (shown,))
    return Response(status_code=204)


@router.post("/conversations/{conversation_id}/draft")
async def draft_a_reply(caller: AsHumanAgent, conversation: Known, reception: Served, door: Door) -> Json:
    """What the assistant would answer, for the caller to look at and change. It is never sent by itself."""
    allowed(check_holder(conversation, caller.member.human_agent) or ())
    engine = await reception.engine_of(conversation)
    draft = await draft_reply(engine, conversation)
    await door.note(caller, "drafted", conversation_id=conversation.conversation_id, cost_usd=draft.cost_usd)
    return {
        "text": draft.text,
        "html": render_html(draft.text, draft.citations),
        "citations": view_citations(draft.citations),
        "withheld": list(draft.withheld),
        "code": draft.code,
        "cost_usd": draft.cost_usd,
        "offline": engine.model.offline,
    }


@router.post("/conversations/{conversation_id}/corrections")
async def correct_reply(
    caller: AsHumanAgent, conversation: Known, body: CorrectionBody, reception: Served, door: Door
) -> Json:
    """Say what the assistant should have said: the log keeps it, and it is an evaluation case from then on."""
    me, should_say = caller.member.human_agent, check_text(body.should_say, LONGEST_REPLY_CHARS)

    def decide(now_is: Conversation) -> Decision:
        message_id = find_reply(now_is, body.message_id)
        if message_id is None:
            raise RequestError(404, "not_found", "There is no such reply of the assistant in this conversation.")
        said = (logged.event for logged in now_is.log if isinstance(logged.event, CorrectionPosted))
        if any((each.message_id, each.should_say) == (message_id, should_say) for each in said):
            return ()
        return (CorrectionPosted(at=reception.now(), human_agent=me, message_id=message_id, should_say=should_say),)

    return await _move(conversation, reception, door, caller, "corrected", decide)


@router.get("/conversations/{conversation_id}/cases/{seq}")
async def read_case(caller: AsViewer, conversation: Known, seq: int, door: Door) -> Response:
    """A correction as an evaluation case, ready for a bundle's `evals/`."""
    logged: Logged | None = conversation.log[seq - 1] if 0 < seq <= conversation.last_seq else None
    if logged is None or not isinstance(logged.event, CorrectionPosted):
        raise RequestError(404, "not_found", "There is no such correction.")
    await door.note(caller, "exported", conversation_id=conversation.conversation_id, seq=seq)
    case = build_case(conversation, logged.event)
    headers = {"Content-Disposition": f'attachment; filename="{case.id}.yaml"'}
    return Response(write_case(case), media_type="application/yaml", headers=headers)


# Approvals ----------------------------------------------------------------------------------------------------------


@router.get("/approvals")
async def list_approvals(caller: AsViewer, reception: Served) -> Json:
    """Actions that wait for a human agent's yes, with their exact arguments."""
    found: list[Json] = []
    for row in await reception.records.list(Filter(shelf="approvals", limit=APPROVALS)):
        conversation = await reception.ledger.load(row.conversation_id)
        shown = [view_approval(each, reception.now()) for each in conversation.approvals.values()]
        found += [{"conversation_id": row.conversation_id, **each} for each in shown if each["state"] == "pending"]
    return {"approvals": found}


@router.post("/approvals/{approval_id}")
async def decide_approval(
    caller: AsHumanAgent, approval_id: str, body: ApprovalBody, reception: Served, door: Door
) -> Json:
    """Approve or decline one exact action. Deciding the same again changes nothing; the customer is told."""
    conversation = await _find_approval(ApprovalId(approval_id), reception)
    turn_id, me = TurnId(reception.new_id("tn")), caller.member.human_agent

    def decide(now_is: Conversation) -> Decision:
        approval = now_is.approvals[ApprovalId(approval_id)]
        state = approval.state_at(reception.now())
        if state == body.decision:
            return ()
        if state == "expired":
            raise RequestError(409, "approval_expired", "It has waited too long. The customer has to ask again.")
        if state != "pending":
            raise RequestError(409, "already_decided", "A colleague has decided this the other way.")
        decided = ApprovalDecided(
            at=reception.now(),
            turn_id=now_is.next_turn or turn_id,
            approval_id=ApprovalId(approval_id),
            decision=body.decision,
            human_agent=me,
        )
        return (decided,)

    action: AuditAction = "approved" if body.decision == "approve" else "declined"
    return await _move(conversation, reception, door, caller, action, decide)


async def _find_approval(approval_id: ApprovalId, reception: Served) -> Conversation:
    """The conversation that it belongs to: those with something pending first, then any that was decided lately."""
    for shelf in ("approvals", "active", "open", "closed"):
        chosen: Any = shelf
        for row in await reception.records.list(Filter(shelf=chosen, limit=APPROVALS)):
            conversation = await reception.ledger.load(row.conversation_id)
            if approval_id in conversation.approvals:
                return conversation
    raise RequestError(404, "not_found", "There is no such approval.")
