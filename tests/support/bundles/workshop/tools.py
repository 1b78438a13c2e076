"""One tool of every effect. What acts leaves one line for each time: a killed process cannot lie about it."""

import os
from pathlib import Path

from firstline.tools import Approval, Card, CardRow, ToolContext, ToolOutput, ToolRejected, tool

EFFECTS = "effects.log"
REPAIRS = {"C-1": ["R-1", "R-2"], "C-2": ["R-7"]}


@tool(
    effect="read",
    requires="anonymous",
    timeout_seconds=5,
    label={"en": "Working out the price", "zh": "正在计算价格"},
)
def get_price(context: ToolContext, *, wheels: int) -> ToolOutput:
    """Return the price of new wheels.

    Args:
        wheels: How many, 1 to 9.
    """
    if not 1 <= wheels <= 9:
        raise ToolRejected("One to nine wheels, please.")
    cents = 4820 * wheels
    price = f"{cents // 100}.{cents % 100:02}"
    rows = (CardRow(label="Wheels", value=str(wheels)),)
    return ToolOutput({"wheels": wheels, "price_usd": price}, Card(title="Wheels", amount=f"${price}", rows=rows))


@tool(
    effect="read",
    requires="verified",
    timeout_seconds=5,
    label={"en": "Looking up your repairs", "zh": "正在查询维修"},
)
def find_repairs(context: ToolContext) -> ToolOutput:
    """Return the customer's own repairs."""
    return ToolOutput({"repairs": REPAIRS.get(str(context.customer_id), [])})


@tool(
    effect="write",
    requires="verified",
    timeout_seconds=5,
    label={"en": "Cancel a repair", "zh": "取消维修"},
)
def cancel_repair(context: ToolContext, *, repair: str) -> ToolOutput:
    """Cancel a repair of the customer's own.

    Args:
        repair: Its number, such as R-1.
    """
    if repair not in REPAIRS.get(str(context.customer_id), []):
        raise ToolRejected(f"There is no repair {repair}.")
    _note(context.folder, context.idempotency_key)
    return ToolOutput({"cancelled": repair})


@tool(
    effect="write",
    requires="anonymous",
    timeout_seconds=5,
    label={"en": "Book a visit", "zh": "预约到店"},
)
def book_visit(context: ToolContext, *, day: str) -> ToolOutput:
    """Book a visit.

    Args:
        day: The day, as 2026-12-01.
    """
    _note(context.folder, context.idempotency_key)
    return ToolOutput({"booked": day}, Card(title="Visit", rows=(CardRow(label="Day", value=day),)))


@tool(
    effect="money",
    requires="verified",
    timeout_seconds=5,
    label={"en": "Pay money back", "zh": "退款"},
    approval_above=Approval(argument="amount_usd", usd=100),
)
def pay_back(context: ToolContext, *, amount_usd: int) -> ToolOutput:
    """Pay money back to the customer.

    Args:
        amount_usd: How much, in whole US dollars.
    """
    _note(context.folder, context.idempotency_key)
    return ToolOutput({"paid_back_usd": amount_usd})


def _note(folder: Path, key: str) -> None:
    """One line, whole, whoever else writes; deliberately not idempotent, so that a second time would show."""
    folder.mkdir(parents=True, exist_ok=True)
    log = os.open(folder / EFFECTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{key}\n".encode())
    os.close(log)
