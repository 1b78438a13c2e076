"""The tool calls of a turn: planned, gated, logged, run at most once. The only caller of a toolset."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, assert_never

from firstline import second_ear
from firstline.conversation import Confirmation, Conversation, written_since_back
from firstline.engine import Ending, Turn
from firstline.errors import ToolError, ToolRejected
from firstline.events import (
    ApprovalRequested,
    ConfirmationRequested,
    Event,
    GuardrailRan,
    RouteChosen,
    Step,
    ToolCalled,
    ToolReturned,
)
from firstline.history import tools_in_reach
from firstline.model import ModelReply
from firstline.tools import Tool, ToolContext
from firstline.tools.gate import Allowed, Denied, NeedsApproval, NeedsConfirmation, check_call, check_confirmed
from firstline.tools.schema import validate_arguments
from firstline.types import ApprovalId, CallId, Card, CardRow, ConfirmationId, CustomerId, Json, Locale, choose_text

CONFIRMATION_TIME = timedelta(minutes=15)
APPROVAL_TIME = timedelta(days=3)
SAME_CALL_LIMIT = 3


def with_own_ids(turn: Turn, reply: ModelReply) -> ModelReply:
    """The reply, its calls under ids that the conversation has not had yet: some servers count from 1 each time."""
    known = {str(logged.event.call_id) for logged in turn.conversation.log if isinstance(logged.event, ToolReturned)}
    blocks: list[Json] = []
    broken: dict[str, str] = {}
    for block in reply.blocks:
        if block.get("type") != "tool_use":
            blocks.append(block)
            continue
        given = str(block["id"])
        own = given if given not in known else f"{given}_{turn.engine.new_id('tc')}"
        known.add(own)
        blocks.append({**block, "id": own})
        if given in reply.broken:
            broken[own] = reply.broken[given]
    return replace(reply, blocks=tuple(blocks), broken=broken)


async def call_tools(turn: Turn, reply: ModelReply) -> AsyncGenerator[Step]:
    """All calls of one reply: each answered, those that may run at the same time, results in the order asked."""
    calls: list[ToolCalled] = []
    answers: list[Event] = []
    blocks = [block for block in reply.blocks if block.get("type") == "tool_use"]
    heard = [answer for block in blocks if (answer := _hear(turn, block, reply))]
    if heard:
        turn.ending = Ending("handed_off", handoff="asked")
        yield turn.record(*(_pass_on(turn, block, heard[0]) for block in blocks))
        return
    for block in blocks:
        planned = _plan(turn, block, reply)
        if isinstance(planned, ToolCalled):
            calls.append(planned)
        else:
            answers.extend(planned)
    async for step in _run(turn, calls, answers):
        yield step


async def carry_out(turn: Turn) -> AsyncGenerator[Step]:
    """Run what was confirmed or approved for this turn: the card's exact arguments, no model in between."""
    calls: list[ToolCalled] = []
    answers: list[Event] = []
    events = turn.conversation.turn_events(turn.turn_id)
    done = {event.call_id for event in events if isinstance(event, ToolCalled | ToolReturned)}  # before a crash
    planned_so_far = turn.conversation  # amounts of several cards count together
    for confirmation_id, confirmation in turn.conversation.confirmations.items():
        decided, requested = confirmation.decided, confirmation.requested
        call_id = CallId(confirmation_id)
        due = decided is not None and decided.turn_id == turn.turn_id and decided.decision == "confirm"
        if not due or call_id in done:
            continue
        planned = _plan_confirmed(turn, planned_so_far, turn.bundle.tools[requested.tool], confirmation)
        planned_so_far = planned_so_far.extended(*planned)
        calls += [each for each in planned if isinstance(each, ToolCalled)]
        answers += [each for each in planned if not isinstance(each, ToolCalled)]
    calls += [call for call in _plan_approved(turn) if call.call_id not in done]
    if calls or answers:
        async for step in _run(turn, calls, answers):
            yield step


def _plan_confirmed(
    turn: Turn, conversation: Conversation, tool: Tool, confirmation: Confirmation
) -> Sequence[Event]:
    """The call that the customer's yes allows, or the facts that say why it is not made now."""
    requested, now = confirmation.requested, turn.engine.now()
    confirmation_id = requested.confirmation_id
    call_id = CallId(confirmation_id)
    gate = check_confirmed(tool, confirmation, conversation=conversation, now=now)
    match gate:
        case Allowed():
            return [_called(turn, tool, call_id, requested.arguments, confirmation_id)]
        case NeedsApproval(limit_usd=limit_usd):
            asked = ApprovalRequested(
                at=now,
                turn_id=turn.turn_id,
                approval_id=ApprovalId(turn.engine.new_id("ap")),
                confirmation_id=confirmation_id,
                tool=tool.name,
                label=requested.label,
                arguments=requested.arguments,
                rows=requested.rows,
                limit_usd=limit_usd,
                customer_id=requested.customer_id,
                expires_at=now + APPROVAL_TIME,
            )
            return [asked, _returned(turn, call_id, tool.name, "waiting", {"status": "waiting_for_approval"})]
        case Denied():
            return [_returned(turn, call_id, tool.name, "denied", {"error": "stale_confirmation"})]
        case _:
            assert_never(gate)


def _plan_approved(turn: Turn) -> list[ToolCalled]:
    """The calls that a human agent has approved for this turn, with exactly the arguments that were shown."""
    return [
        _called(
            turn,
            turn.bundle.tools[approval.requested.tool],
            CallId(approval_id),
            approval.requested.arguments,
            approval.requested.confirmation_id,
            approval_id=approval_id,
        )
        for approval_id, approval in turn.conversation.approvals.items()
        if approval.decided and approval.decided.turn_id == turn.turn_id and approval.decided.decision == "approve"
    ]


async def settle(turn: Turn) -> AsyncGenerator[Step]:
    """After a crash: a read without a result is done again; an action stays unknown, for a human to look at."""
    reads = [call for call in turn.conversation.running_calls.values() if call.effect == "read"]
    unknown = leave_unknown(turn, but=reads)
    if unknown or reads:
        yield turn.record(*unknown, *await asyncio.gather(*(_call(turn, call) for call in reads)))


def leave_unknown(turn: Turn, *, but: Sequence[ToolCalled] = ()) -> list[ToolReturned]:
    """What is noted of calls that a crash cut off: whether they acted nobody knows."""
    return [
        _returned(turn, call.call_id, call.tool, "unknown", {"error": "outcome_unknown"})
        for call in turn.conversation.running_calls.values()
        if call not in but
    ]


async def _run(turn: Turn, calls: Sequence[ToolCalled], answers: Sequence[Event]) -> AsyncGenerator[Step]:
    """Calls are appended before they act: the append is also the fence against a worker that lost its turn."""
    for call in calls:
        yield turn.status("tool", label=call.label)
    yield turn.record(*answers, *calls)
    if calls:
        yield turn.record(*await asyncio.gather(*(_call(turn, call) for call in calls)))


def _plan(turn: Turn, block: Json, reply: ModelReply) -> ToolCalled | Sequence[Event]:
    """A call that may run, or the facts that answer it without running."""
    call_id, name = CallId(str(block["id"])), str(block["name"])
    tool = second_ear.TOOL if name == second_ear.NAME else turn.bundle.tools.get(name)
    if tool is None:
        known = ", ".join([*turn.bundle.tools, second_ear.NAME])
        return [
            _returned(turn, call_id, name, "rejected", {"error": f"There is no tool {name}. There are: {known}."})
        ]
    if call_id in reply.broken:
        why = f"{reply.broken[call_id]} Nothing was done. Send the whole call again."
        return [_returned(turn, call_id, name, "rejected", {"error": why})]
    try:
        arguments = validate_arguments(tool, block["input"])
    except ToolRejected as wrong:
        return [_returned(turn, call_id, name, "rejected", {"error": str(wrong)})]
    if turn.count_call(name, arguments) > SAME_CALL_LIMIT:
        turn.ending = Ending("failed", "tool_loop")
        return [
            _returned(
                turn, call_id, name, "failed", {"error": "failed", "message": "The same call was made too often."}
            )
        ]
    if tool is second_ear.TOOL:
        return [_offer_person(turn, call_id, arguments)]
    return _pass_gate(turn, tool, call_id, arguments)


def _hear(turn: Turn, block: Json, reply: ModelReply) -> Json | None:
    """The answer to a call that says: the customer asks for a person in this turn, not for one who was here since."""
    if block["name"] != second_ear.NAME or str(block["id"]) in reply.broken:
        return None
    if not written_since_back(turn.conversation, turn.turn_id).strip():
        return None
    try:
        arguments = validate_arguments(second_ear.TOOL, block["input"])
    except ToolRejected:
        return None
    if arguments["reason"] != second_ear.ASKED:
        return None
    return second_ear.PASSED_ON_IN_PART if arguments.get("asks_more") else second_ear.PASSED_ON


def _pass_on(turn: Turn, block: Json, passed_on: Json) -> ToolReturned:
    """The answer to one call of a reply in which a wish was heard: nothing else is begun any more."""
    call_id, name = CallId(str(block["id"])), str(block["name"])
    if name == second_ear.NAME:
        return _returned(turn, call_id, name, "ok", passed_on)
    return _returned(turn, call_id, name, "denied", second_ear.NOT_DONE)


def _offer_person(turn: Turn, call_id: CallId, arguments: Json) -> ToolReturned:
    """The answer to a call for a person whom the customer did not ask for, or not now."""
    if arguments["reason"] == second_ear.ASKED:
        return _returned(turn, call_id, second_ear.NAME, "denied", second_ear.NOTHING_NEW)
    return _returned(turn, call_id, second_ear.NAME, "ok", second_ear.OFFERED)


def _pass_gate(turn: Turn, tool: Tool, call_id: CallId, arguments: Json) -> ToolCalled | Sequence[Event]:
    gate = check_call(
        tool, arguments, conversation=turn.conversation, in_reach=_in_reach(turn), now=turn.engine.now()
    )
    match gate:
        case Allowed():
            return _called(turn, tool, call_id, arguments, None)
        case Denied(code=code, text=text):
            return [_returned(turn, call_id, tool.name, "denied", {"error": code, "message": text})]
        case NeedsConfirmation(open_card=open_card):
            waiting = {"status": "waiting_for_confirmation", "message": "The customer sees a card to confirm."}
            answer = _returned(turn, call_id, tool.name, "waiting", waiting)
            return [answer] if open_card else [_confirmation(turn, tool, call_id, arguments), answer]


def _in_reach(turn: Turn) -> tuple[str, ...]:
    playbook, blocked = None, False
    for event in turn.conversation.turn_events(turn.turn_id):
        if isinstance(event, RouteChosen):
            playbook = event.playbook
        elif isinstance(event, GuardrailRan) and event.stage == "input":
            blocked = blocked or event.verdict.decision == "block"
    return tools_in_reach(turn.bundle, playbook, blocked=blocked)


def _confirmation(turn: Turn, tool: Tool, call_id: CallId, arguments: Json) -> ConfirmationRequested:
    now = turn.engine.now()
    identity = turn.conversation.identity_at(now)
    return ConfirmationRequested(
        at=now,
        turn_id=turn.turn_id,
        confirmation_id=ConfirmationId(turn.engine.new_id("cf")),
        call_id=call_id,
        tool=tool.name,
        label=choose_text(tool.declaration.label, turn.locale),
        arguments=arguments,
        rows=tuple(_row(tool, name, value, turn.locale) for name, value in arguments.items()),
        customer_id=identity.customer_id if identity else None,
        expires_at=now + CONFIRMATION_TIME,
    )


def _row(tool: Tool, name: str, value: Any, locale: Locale) -> CardRow:
    slot = tool.declaration.slots.get(name)
    label = choose_text(slot.label, locale) if slot and slot.label else name.replace("_", " ").capitalize()
    named = slot.names.get(value) if slot and isinstance(value, str) else None
    return CardRow(label=label, value=choose_text(named, locale) if named else str(value))


def _called(
    turn: Turn,
    tool: Tool,
    call_id: CallId,
    arguments: Json,
    confirmation_id: ConfirmationId | None,
    *,
    approval_id: ApprovalId | None = None,
) -> ToolCalled:
    return ToolCalled(
        at=turn.engine.now(),
        turn_id=turn.turn_id,
        call_id=call_id,
        tool=tool.name,
        arguments=arguments,
        effect=tool.declaration.effect,
        idempotency_key=f"{turn.conversation.conversation_id}:{call_id}",
        label=choose_text(tool.declaration.label, turn.locale),
        confirmation_id=confirmation_id,
        approval_id=approval_id,
    )


def _customer_of(turn: Turn, call: ToolCalled) -> CustomerId | None:
    """Whose rows the call may touch. One that was approved later acts for whoever confirmed it, signed in or not."""
    if call.approval_id is not None:
        confirmed_by = turn.conversation.approvals[call.approval_id].requested.customer_id
        return CustomerId(confirmed_by) if confirmed_by else None
    identity = turn.conversation.identity_at(turn.engine.now())
    return identity.customer_id if identity else None


async def _call(turn: Turn, call: ToolCalled) -> ToolReturned:
    context = ToolContext(
        customer_id=_customer_of(turn, call),
        idempotency_key=call.idempotency_key,
        now=turn.engine.now(),
        locale=turn.locale,
        folder=turn.engine.folder,
    )
    try:
        output = await turn.engine.toolset.call(call.tool, call.arguments, context)
    except ToolRejected as rejected:
        return _returned(turn, call.call_id, call.tool, "rejected", {"error": str(rejected)})
    except ToolError as failed:
        # A broken action may have acted: only a read is known to have done nothing.
        outcome = "failed" if call.effect == "read" else "unknown"
        return _returned(turn, call.call_id, call.tool, outcome, {"error": "failed", "message": str(failed)})
    return _returned(turn, call.call_id, call.tool, "ok", _capped(turn, output.result), output.card)


def _capped(turn: Turn, result: Json) -> Json:
    """The result, or its beginning where it is too long for a prompt."""
    text = json.dumps(result, ensure_ascii=False)
    limit = turn.bundle.limits.tool_result_chars
    return result if len(text) <= limit else {"truncated": True, "total_chars": len(text), "beginning": text[:limit]}


def _returned(
    turn: Turn,
    call_id: CallId,
    name: str,
    outcome: Literal["ok", "rejected", "failed", "denied", "waiting", "unknown"],
    result: Any,
    card: Card | None = None,
) -> ToolReturned:
    return ToolReturned(
        at=turn.engine.now(),
        turn_id=turn.turn_id,
        call_id=call_id,
        tool=name,
        outcome=outcome,
        result=result,
        card=card,
    )
