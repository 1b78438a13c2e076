"""The signed-in customer's own rows, or a rejection that can be passed on. Imported by `tools` only.

The id comes from the verified identity in the context. A row of somebody else's cannot be told from one
that does not exist.
"""

import sqlite3
from collections.abc import Callable
from datetime import date
from typing import Any

from firstline.tools import ToolContext, ToolRejected

from .backend import Result, Row, act_once, select_claims, select_invoices, select_policies
from .speech import read_number, reject
from .views import count_refund_cents


def customer_of(context: ToolContext) -> str:
    """The verified customer's id. The engine asks for a sign-in before; this is the second lock."""
    if context.customer_id is None:
        raise reject(
            context,
            en="Please sign in first, so that I can look at your records.",
            zh="请先登录，我才能查看您的资料。",
        )
    return context.customer_id


def act_as(
    context: ToolContext, tool: str, arguments: dict[str, Any], act: Callable[[sqlite3.Connection], Result]
) -> Result:
    """The result of `act`, which happens once for the context's idempotency key."""
    return act_once(
        context.folder,
        act,
        key=context.idempotency_key,
        tool=tool,
        customer_id=context.customer_id,
        arguments=arguments,
        acted_at=context.now.isoformat(),
    )


def find_own_policy(records: sqlite3.Connection, context: ToolContext, policy_number: str) -> Row:
    """Raises: ToolRejected."""
    number = read_number(policy_number, "AC")
    own = select_policies(records, customer_of(context))
    found = next((row for row in own if row["policy_number"] == number), None)
    if found is None:
        raise _not_found(context, policy_number, en="policy", zh="保单")
    return found


def find_own_invoice(records: sqlite3.Connection, context: ToolContext, invoice_number: str) -> Row:
    """Raises: ToolRejected."""
    number = read_number(invoice_number, "INV")
    own = select_invoices(records, customer_of(context))
    found = next((row for row in own if row["invoice_number"] == number), None)
    if found is None:
        raise _not_found(context, invoice_number, en="invoice", zh="账单")
    return found


def find_own_claims(records: sqlite3.Connection, context: ToolContext, claim_number: str | None) -> list[Row]:
    """The claim of that number, or all of them, newest first. Raises: ToolRejected."""
    own = select_claims(records, customer_of(context))
    if claim_number is None:
        return own
    number = read_number(claim_number, "CL")
    found = [row for row in own if row["claim_number"] == number]
    if not found:
        raise _not_found(context, claim_number, en="claim", zh="理赔")
    return found


def count_policy_refund_cents(records: sqlite3.Connection, policy: Row, *, last_day: date, today: date) -> int:
    """The premium that goes back when this policy ends on `last_day`."""
    owner, number = policy["customer_id"], policy["policy_number"]
    invoices = [row for row in select_invoices(records, owner) if row["policy_number"] == number]
    has_claim = any(row["policy_number"] == number for row in select_claims(records, owner))
    return count_refund_cents(policy, invoices, last_day=last_day, today=today, has_claim=has_claim)


def _not_found(context: ToolContext, number: str, *, en: str, zh: str) -> ToolRejected:
    shown = number[:20]
    return reject(
        context,
        en=f"I can't find a {en} with the number {shown} among yours. Could you check the number?",
        zh=f"在您的资料中没有找到编号为 {shown} 的{zh}。请核对一下编号。",
    )
