"""Whether a tool call may happen: who asks, what it does, what was confirmed. Pure; every call passes here.

The model's wish is never enough. A gate looks only at what the server knows: the verified identity, the chosen
playbook's tools, the confirmation's state. What a text says, the customer's or a document's, opens no gate.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from firstline.conversation import Confirmation, Conversation
from firstline.tools import Tool
from firstline.types import Json


@dataclass(frozen=True)
class Allowed:
    pass


@dataclass(frozen=True)
class Denied:
    """`text` tells the model what is missing, and what it may say to the customer."""

    code: Literal["needs_sign_in", "not_in_playbook", "needs_approval", "stale_confirmation"]
    text: str


@dataclass(frozen=True)
class NeedsConfirmation:
    """The customer must press the button first. `open_card` is the card that already asks for exactly this."""

    open_card: Confirmation | None


Gate = Allowed | Denied | NeedsConfirmation


def check_call(
    tool: Tool, arguments: Json, *, conversation: Conversation, in_reach: tuple[str, ...], now: datetime
) -> Gate:
    """The gate for a call that the model asks for."""
    if tool.name not in in_reach:
        return Denied("not_in_playbook", f"{tool.name} may not be used for this kind of request.")
    refusal = _check_person(tool, arguments, conversation, now)
    if refusal is not None:
        return refusal
    if tool.declaration.effect == "read":
        return Allowed()
    return NeedsConfirmation(_open_card(tool, arguments, conversation, now))


def check_confirmed(tool: Tool, confirmation: Confirmation, *, conversation: Conversation, now: datetime) -> Gate:
    """The gate for an action whose confirmation was given: the same person, decided before it expired."""
    requested, decided = confirmation.requested, confirmation.decided
    identity = conversation.identity_at(now)
    same_person = (identity.customer_id if identity else None) == requested.customer_id
    in_time = decided is not None and decided.decision == "confirm" and decided.at < requested.expires_at
    if not (same_person and in_time):
        return Denied("stale_confirmation", "The confirmation is no longer valid; ask for it again if still wanted.")
    return _check_person(tool, requested.arguments, conversation, now) or Allowed()


def _check_person(tool: Tool, arguments: Json, conversation: Conversation, now: datetime) -> Denied | None:
    declaration = tool.declaration
    if declaration.requires == "verified" and conversation.identity_at(now) is None:
        return Denied(
            "needs_sign_in",
            "The customer is not signed in, so nothing of theirs may be looked up or changed. Ask them to sign in; "
            "never ask for a customer number or a password.",
        )
    limit = declaration.approval_above
    if limit is not None and not _is_within(arguments.get(limit.argument), limit.usd):
        return Denied(
            "needs_approval",
            f"Above {limit.usd:.2f} USD a human agent has to approve. Offer to hand over to a person.",
        )
    return None


def _is_within(amount: object, usd: float) -> bool:
    """Whether `amount` is surely no more than the limit; what is no number is not."""
    return isinstance(amount, int | float) and not isinstance(amount, bool) and amount <= usd


def _open_card(tool: Tool, arguments: Json, conversation: Conversation, now: datetime) -> Confirmation | None:
    identity = conversation.identity_at(now)
    customer_id = identity.customer_id if identity else None
    for confirmation in conversation.confirmations.values():
        requested = confirmation.requested
        same = (requested.tool, requested.arguments, requested.customer_id) == (tool.name, arguments, customer_id)
        if same and confirmation.state_at(now) == "pending":
            return confirmation
    return None
