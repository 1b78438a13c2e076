"""What the assistant can do for a customer of Acme: quotes, policies, invoices, claims, address, refunds.

Each function checks its arguments, acts once within a transaction, and returns plain facts. Whose rows it may
touch is `context.customer_id` alone; a row of somebody else's is "not found". Texts, slots, cards, checks and
the records themselves are in the modules beside this one.
"""

import sqlite3
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from firstline.tools import Approval, ToolContext, ToolOutput, ToolRejected, tool

from . import cards, slots, templates, views
from .backend import (
    Result,
    insert_quote,
    next_number,
    open_records,
    select_customer,
    select_invoices,
    select_policies,
    to_usd,
)
from .checks import (
    APPROVAL_ABOVE_USD,
    check_address,
    check_description,
    check_incident,
    check_last_day,
    check_refund,
)
from .own import (
    act_as,
    count_policy_refund_cents,
    customer_of,
    find_own_claims,
    find_own_invoice,
    find_own_policy,
)
from .rating import ImpossibleInput, Risk, normalise, rate
from .seed import setup
from .speech import business_day, choose, reject

__all__ = [
    "cancel_policy", "change_address", "find_policies", "get_claim_status", "get_invoices", "get_policy",
    "get_quote", "open_claim", "refund_payment", "setup",
]  # fmt: skip

QUOTE_VALID_DAYS = 30
MOST_INVOICES = 12

ModelYear = Annotated[int, Field(ge=1900, le=2100)]
ClaimKind = Literal["collision", "theft", "weather", "vandalism", "glass", "fire", "animal", "other"]


@tool(
    effect="read",
    requires="anonymous",
    timeout_seconds=5,
    label={"en": "Working out your quote", "zh": "正在计算报价"},
    say=templates.QUOTE,
    slots=slots.QUOTE_SLOTS,
)
def get_quote(
    context: ToolContext, *, make: str, model: str, year: ModelYear, mileage: int, driver_age: int
) -> ToolOutput:
    """Return the monthly premium in US dollars for insuring one vehicle, with quote number and validity.

    Use it whenever the customer wants a price or changes a detail of one, as soon as all five details are
    known. Every call is a new quote. Impossible details are rejected with a reason to pass on.

    Args:
        make: The maker, such as Nissan.
        model: The model without the maker, such as Leaf.
        year: The model year, four digits.
        mileage: Miles driven in a year, not the odometer reading.
        driver_age: Age in years of the youngest person who will drive.
    """
    today = business_day(context)
    try:
        risk = normalise(Risk(make, model, year, mileage, driver_age), on=today)
        premium = rate(risk, on=today)
    except ImpossibleInput as impossible:
        raise ToolRejected(choose(context.locale, **impossible.texts)) from None
    details = asdict(risk)

    def act(records: sqlite3.Connection) -> Result:
        return insert_quote(
            records,
            {
                "quote_number": next_number(records, "quotes", "Q-"),
                "vehicle": views.show_vehicle(details),
                **details,
                "monthly_premium_usd": f"{premium.monthly_usd:.2f}",
                "valid_until": (today + timedelta(days=QUOTE_VALID_DAYS)).isoformat(),
            },
            customer_id=context.customer_id,
        )

    quote = act_as(context, "get_quote", details, act)
    return ToolOutput(quote, cards.quote_card(quote, context.locale))


@tool(
    effect="read",
    requires="verified",
    timeout_seconds=5,
    label={"en": "Looking for your policies", "zh": "正在查找您的保单"},
    say=templates.POLICIES,
)
def find_policies(context: ToolContext) -> ToolOutput:
    """Return all policies of the signed-in customer: number, product, vehicle, status, premium, end of cover.

    Use it first, whenever the customer speaks of "my policy" or "my car" and the number is not known yet.
    """
    today = business_day(context)
    with open_records(context.folder) as records:
        rows = select_policies(records, customer_of(context))
    return ToolOutput({"policies": [views.show_policy(row, today) for row in rows]})


@tool(
    effect="read",
    requires="verified",
    timeout_seconds=5,
    label={"en": "Looking at your policy", "zh": "正在查看您的保单"},
    say=templates.POLICY,
    slots={"policy_number": slots.POLICY_SLOT},
)
def get_policy(context: ToolContext, *, policy_number: str) -> ToolOutput:
    """Return one policy in full: covers, limits, deductibles, term, payment, discounts, garaging address, and
    the premium that would go back if it were cancelled today.

    Use it when the customer asks what a policy covers or costs, when it ends, or what cancelling it returns.

    Args:
        policy_number: The policy's number, such as AC-204817.
    """
    today = business_day(context)
    with open_records(context.folder) as records:
        policy = find_own_policy(records, context, policy_number)
        customer = select_customer(records, customer_of(context))
        refund_cents = count_policy_refund_cents(records, policy, last_day=today, today=today)
    if customer is None:
        raise LookupError("a policy without its customer")
    shown = views.show_policy_in_full(policy, customer, today, context.locale)
    return ToolOutput({**shown, "refund_if_cancelled_today_usd": to_usd(refund_cents)})


@tool(
    effect="read",
    requires="verified",
    timeout_seconds=5,
    label={"en": "Looking at your invoices", "zh": "正在查看您的账单"},
    say=templates.INVOICES,
    slots={"policy_number": slots.POLICY_SLOT},
)
def get_invoices(context: ToolContext, *, policy_number: str | None = None) -> ToolOutput:
    """Return the latest invoices, newest first, with what is open, late or overpaid, and the totals of all.

    Use it for questions about payments, charges, fees and refunds.

    Args:
        policy_number: Only the invoices of this policy, such as AC-204817; leave it out for all policies.
    """
    today = business_day(context)
    with open_records(context.folder) as records:
        rows = select_invoices(records, customer_of(context))
        if policy_number is not None:
            policy = find_own_policy(records, context, policy_number)
            rows = [row for row in rows if row["policy_number"] == policy["policy_number"]]
    invoices = [views.show_invoice(row, today) for row in rows]
    result: Result = {"invoices": invoices[:MOST_INVOICES]}
    for total in ("open", "overpaid"):
        result[f"{total}_total_usd"] = f"{sum(Decimal(each[f'{total}_usd']) for each in invoices):.2f}"
    return ToolOutput(result)


@tool(
    effect="read",
    requires="verified",
    timeout_seconds=5,
    label={"en": "Looking at your claim", "zh": "正在查看您的理赔"},
    say=templates.CLAIMS,
    slots={"claim_number": slots.CLAIM_SLOT},
)
def get_claim_status(context: ToolContext, *, claim_number: str | None = None) -> ToolOutput:
    """Return the customer's claims, newest first: status, what comes next, what was paid.

    Use it when the customer asks how a claim is going.

    Args:
        claim_number: Only this claim, such as CL-10042; leave it out for all of them.
    """
    with open_records(context.folder) as records:
        rows = find_own_claims(records, context, claim_number)
    return ToolOutput({"claims": [views.show_claim(row, context.locale) for row in rows]})


@tool(
    effect="write",
    requires="verified",
    timeout_seconds=10,
    label={"en": "Report a claim", "zh": "提交报案"},
    say=templates.CLAIM_OPENED,
    slots=slots.OPEN_CLAIM_SLOTS,
)
def open_claim(
    context: ToolContext, *, policy_number: str, kind: ClaimKind, happened_on: date, description: str
) -> ToolOutput:
    """Report a claim and return its number. A report after more than 30 days is taken; a person looks at it.

    Use it when the customer wants to report damage, theft or an accident, once all four details are known.

    Args:
        policy_number: The policy of the damaged or stolen vehicle, such as AC-204817.
        kind: What caused it; "other" when none fits.
        happened_on: The day it happened, as YYYY-MM-DD.
        description: What happened and where, in the customer's own words.
    """
    words = check_description(context, description)
    today = business_day(context)

    def act(records: sqlite3.Connection) -> Result:
        policy = find_own_policy(records, context, policy_number)
        reported_late = check_incident(context, policy, happened_on)
        number = next_number(records, "claims", "CL-")
        row = (number, policy["policy_number"], kind, happened_on.isoformat(), today.isoformat(), words)
        records.execute("INSERT INTO claims VALUES (?, ?, ?, ?, ?, 'received', NULL, ?)", row)
        return {
            "claim_number": number,
            "policy_number": policy["policy_number"],
            "vehicle": views.show_vehicle(policy),
            "kind": kind,
            "happened_on": happened_on.isoformat(),
            "status": "received",
            "reported_late": reported_late,
        }

    arguments = {
        "policy_number": policy_number,
        "kind": kind,
        "happened_on": happened_on.isoformat(),
        "description": words,
    }
    claim = act_as(context, "open_claim", arguments, act)
    return ToolOutput(claim, cards.claim_card(claim, context.locale))


@tool(
    effect="write",
    requires="verified",
    timeout_seconds=10,
    label={"en": "Change your address", "zh": "更改您的地址"},
    say=templates.ADDRESS_CHANGED,
    slots=slots.ADDRESS_SLOTS,
)
def change_address(context: ToolContext, *, street: str, city: str, state: str, zip: str) -> ToolOutput:
    """Change the customer's address, for all their policies, and return the new one.

    Use it when the customer has moved or moves soon, once the whole new address is known. Alaska and Hawaii
    are rejected: vehicles kept there cannot be insured.

    Args:
        street: House number, street, apartment.
        city: The city.
        state: The state's two letters, such as OH.
        zip: The ZIP code, five digits.
    """
    address = check_address(context, street=street, city=city, state=state, zip_code=zip)
    today = business_day(context)

    def act(records: sqlite3.Connection) -> Result:
        customer_id = customer_of(context)
        if select_customer(records, customer_id) is None:
            raise reject(context, en="I can't find your account.", zh="没有找到您的账户。")
        records.execute(
            "INSERT INTO addresses (customer_id, street, city, state, zip, valid_from) VALUES (?, ?, ?, ?, ?, ?)",
            (customer_id, *address.values(), today.isoformat()),
        )
        policies = [
            row["policy_number"]
            for row in select_policies(records, customer_id)
            if views.choose_policy_status(row, today) != "cancelled"
        ]
        return {
            **address,
            "address": views.show_address(address),
            "valid_from": today.isoformat(),
            "policies": policies,
            "status": "changed",
        }

    changed = act_as(context, "change_address", address, act)
    return ToolOutput(changed, cards.address_card(changed, context.locale))


@tool(
    effect="write",
    requires="verified",
    timeout_seconds=10,
    label={"en": "Cancel your policy", "zh": "取消您的保单"},
    say=templates.POLICY_CANCELLED,
    slots=slots.CANCEL_SLOTS,
)
def cancel_policy(context: ToolContext, *, policy_number: str, last_day: date) -> ToolOutput:
    """Cancel a policy and return its last day with cover and the premium that is refunded.

    Use it when the customer wants to end a policy, once the policy and the last day are known.

    Args:
        policy_number: The policy's number, such as AC-204817.
        last_day: The day on which the cover will end, today or later, as YYYY-MM-DD.
    """
    today = business_day(context)

    def act(records: sqlite3.Connection) -> Result:
        policy = find_own_policy(records, context, policy_number)
        check_last_day(context, policy, last_day)
        refund_cents = count_policy_refund_cents(records, policy, last_day=last_day, today=today)
        records.execute(
            "UPDATE policies SET cancelled_on = ? WHERE policy_number = ?",
            (last_day.isoformat(), policy["policy_number"]),
        )
        return {
            "policy_number": policy["policy_number"],
            "vehicle": views.show_vehicle(policy),
            "status": "cancelled",
            "last_day": last_day.isoformat(),
            "refund_usd": to_usd(refund_cents),
        }

    arguments = {"policy_number": policy_number, "last_day": last_day.isoformat()}
    cancelled = act_as(context, "cancel_policy", arguments, act)
    return ToolOutput(cancelled, cards.cancelled_card(cancelled, context.locale))


@tool(
    effect="money",
    requires="verified",
    timeout_seconds=10,
    approval_above=Approval(argument="amount_usd", usd=APPROVAL_ABOVE_USD),
    label={"en": "Refund an overpaid invoice", "zh": "退还多付的账单金额"},
    say=templates.PAYMENT_REFUNDED,
    slots=slots.REFUND_SLOTS,
)
def refund_payment(
    context: ToolContext, *, invoice_number: str, amount_usd: Annotated[float, Field(le=100_000)]
) -> ToolOutput:
    """Refund what was overpaid on one invoice and return the refund's number.

    Use it after get_invoices has shown the invoice as overpaid, for no more than that and never in parts.
    Above 100 US dollars a human agent has to approve.

    Args:
        invoice_number: The invoice's number, such as INV-58213.
        amount_usd: US dollars with at most two decimals.
    """

    def act(records: sqlite3.Connection) -> Result:
        invoice = find_own_invoice(records, context, invoice_number)
        cents = check_refund(context, invoice, amount_usd)
        number = next_number(records, "refunds", "R-")
        records.execute(
            "INSERT INTO refunds VALUES (?, ?, ?, ?)",
            (number, invoice["invoice_number"], cents, business_day(context).isoformat()),
        )
        return {
            "refund_number": number,
            "invoice_number": invoice["invoice_number"],
            "amount_usd": to_usd(cents),
            "still_overpaid_usd": to_usd(views.count_overpaid_cents(invoice) - cents),
            "status": "refunded",
        }

    arguments = {"invoice_number": invoice_number, "amount_usd": amount_usd}
    refund = act_as(context, "refund_payment", arguments, act)
    return ToolOutput(refund, cards.refund_card(refund, context.locale))
