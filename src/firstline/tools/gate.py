"""Whether a tool call may happen: who asks, what it does, what was confirmed. Pure; every call passes here.

The model's wish is never enough. A gate looks only at what the server knows: the verified identity, the chosen
playbook's tools, the confirmation's state. What a text says, the customer's or a document's, opens no gate.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from firstline.conversation import Confirmation, Conversation
from firstline.events import ToolCalled, ToolReturned
from firstline.tools import Approval, Tool
from firstline.types import Json

SPENDING_TIME = timedelta(hours=24)
"""Amounts within it count together against the limit above which a human agent approves."""


@dataclass(frozen=True)
class Allowed:
    pass


@dataclass(frozen=True)
class Denied:
    """`text` tells the model what is missing, and what it may say to the customer."""

    code: Literal["needs_sign_in", "not_in_playbook", "stale_confirmation"]
    text: str


@dataclass(frozen=True)
class NeedsConfirmation:
    """The customer must press the button first. `open_card` is the card that already asks for exactly this."""

    open_card: Confirmation | None


@dataclass(frozen=True)
class NeedsApproval:
    """The customer's yes is there; above `limit_usd` a human agent's yes is needed too."""

    limit_usd: float


Gate = Allowed | Denied | NeedsConfirmation


def check_call(
    tool: Tool, arguments: Json, *, conversation: Conversation, in_reach: tuple[str, ...], now: datetime
) -> Gate:
    """The gate for a call that the model asks for."""
    if tool.name not in in_reach:
        return Denied("not_in_playbook", f"{tool.name} may not be used for this kind of request.")
    refusal = _check_person(tool, conversation, now)
    if refusal is not None:
        return refusal
    if tool.declaration.effect == "read":
        return Allowed()
    return NeedsConfirmation(_open_card(tool, arguments, conversation, now))


def check_confirmed(
    tool: Tool, confirmation: Confirmation, *, conversation: Conversation, now: datetime
) -> Allowed | Denied | NeedsApproval:
    """The gate for an action whose confirmation was given: the same person, decided before it expired."""
    requested, decided = confirmation.requested, confirmation.decided
    identity = conversation.identity_at(now)
    same_person = (identity.customer_id if identity else None) == requested.customer_id
    in_time = decided is not None and decided.decision == "confirm" and decided.at < requested.expires_at
    if not (same_person and in_time):
        return Denied("stale_confirmation", "The confirmation is no longer valid; ask for it again if still wanted.")
    refusal = _check_person(tool, conversation, now)
    if refusal is not None:
        return refusal
    limit = tool.declaration.approval_above
    if limit is not None and not _is_within(requested.arguments, limit, _spent(tool, conversation)):
        return NeedsApproval(limit.usd)
    return Allowed()


def _check_person(tool: Tool, conversation: Conversation, now: datetime) -> Denied | None:
    declaration = tool.declaration
    if declaration.requires == "verified" and conversation.identity_at(now) is None:
        return Denied(
            "needs_sign_in",
            "The customer is not signed in, so nothing of theirs may be looked up or changed. Ask them to sign in; "
            "never ask for a customer number or a password.",
        )
    return None


def _is_within(arguments: Json, limit: Approval, spent_usd: float) -> bool:
    """Whether the amount, with what was spent before, is surely no more than the limit; what is no number is not."""
    amount = arguments.get(limit.argument)
    return isinstance(amount, int | float) and not isinstance(amount, bool) and amount + spent_usd <= limit.usd


def _spent(tool: Tool, conversation: Conversation) -> float:
    """What this tool has paid in this conversation of late, by a button alone; in doubt it counts."""
    limit = tool.declaration.approval_above
    undone = {"rejected", "failed", "denied", "waiting"}
    events = [logged.event for logged in conversation.log]
    void = {each.call_id for each in events if isinstance(each, ToolReturned) and each.outcome in undone}
    since = events[-1].at - SPENDING_TIME if events else None
    amounts = [
        each.arguments.get(limit.argument)
        for each in events
        if limit and since and isinstance(each, ToolCalled) and each.tool == tool.name and each.at >= since
        if each.call_id not in void and each.approval_id is None
    ]
    return sum(float(amount) for amount in amounts if isinstance(amount, int | float))


def _open_card(tool: Tool, arguments: Json, conversation: Conversation, now: datetime) -> Confirmation | None:
    identity = conversation.identity_at(now)
    customer_id = identity.customer_id if identity else None
    for confirmation in conversation.confirmations.values():
        requested = confirmation.requested
        same = (requested.tool, requested.arguments, requested.customer_id) == (tool.name, arguments, customer_id)
        if same and confirmation.state_at(now) == "pending":
            return confirmation
    return None
