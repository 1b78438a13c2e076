"""From rows to what a tool returns: chosen fields only, amounts as text with two decimals, days as ISO dates.

Pure. What a row holds beyond that (e-mail, birthday, internal ids) never leaves it. Imported by `tools` only.
"""

import json
from datetime import date, timedelta
from typing import Literal

from .backend import Result, Row, choose_term, to_usd
from .speech import choose

GRACE_DAYS = 10
LATE_FEE_CENTS = 10_00
FULL_REFUND_DAYS = 14
MEDICAL_PAYMENTS_USD = 5_000

LIABILITY_USD = {
    "basic": "$25,000 / $50,000 / $25,000",
    "standard": "$50,000 / $100,000 / $50,000",
    "high": "$250,000 / $500,000 / $250,000",
}
LEVELS_ZH = {"basic": "基本", "standard": "标准", "high": "高额"}

PolicyStatus = Literal["active", "ending", "cancelled"]
InvoiceStatus = Literal["paid", "open", "overdue", "overpaid"]


def show_vehicle(row: Row) -> str:
    """Such as "2023 Nissan Leaf"."""
    return f"{row['year']} {row['make']} {row['model']}"


def show_policy(row: Row, today: date) -> Result:
    """A policy in a list. `covered_until` is the end of the term, or the last day when it was cancelled."""
    _, term_ends_on = choose_term(date.fromisoformat(row["started_on"]), today)
    return {
        "policy_number": row["policy_number"],
        "product": row["line"],
        "vehicle": show_vehicle(row),
        "status": choose_policy_status(row, today),
        "monthly_premium_usd": to_usd(row["premium_cents"]),
        "covered_until": row["cancelled_on"] or term_ends_on.isoformat(),
    }


def choose_policy_status(row: Row, today: date) -> PolicyStatus:
    """`ending`: cancelled, but its last day is still to come or is today."""
    if row["cancelled_on"] is None:
        return "active"
    return "ending" if today.isoformat() <= row["cancelled_on"] else "cancelled"


def show_policy_in_full(row: Row, customer: Row, today: date, locale: str) -> Result:
    """Everything of a policy that its holder may want to know; names of covers in `locale`."""
    begins_on, ends_on = choose_term(date.fromisoformat(row["started_on"]), today)
    covers = json.loads(row["covers"])
    return {
        **show_policy(row, today),
        "holder": choose(locale, en=customer["name"], zh=customer["name_zh"] or customer["name"]),
        "term_begins_on": begins_on.isoformat(),
        "term_ends_on": ends_on.isoformat(),
        "payment": row["payment"],
        "autopay": bool(row["autopay"]),
        "discounts_percent": covers["discounts_percent"],
        "miles_a_year": row["mileage"],
        "garaging_address": show_address(customer),
        "covers": _show_covers(row["line"], covers, locale),
    }


def show_address(row: Row) -> str:
    return f"{row['street']}, {row['city']}, {row['state']} {row['zip']}"


def _show_covers(line: str, covers: Result, locale: str) -> list[Result]:
    """Name and terms of each cover, as the customer reads them."""
    level, limits = covers["liability"], LIABILITY_USD[covers["liability"]]
    collision, comprehensive = covers["collision_deductible_usd"], covers["comprehensive_deductible_usd"]
    medical = f"${MEDICAL_PAYMENTS_USD:,}"
    # (English name, Chinese name, English terms, Chinese terms)
    common = [
        ("Liability", "责任险", f"{level}, {limits}", f"{LEVELS_ZH[level]}，{limits}"),
        ("Collision", "碰撞险", f"deductible ${collision}", f"免赔额 ${collision}"),
        ("Comprehensive", "综合险", f"deductible ${comprehensive}", f"免赔额 ${comprehensive}"),
    ]
    of_cars = [
        ("Medical payments", "医疗费用险", f"up to {medical} per person", f"每人最高 {medical}"),
        ("Uninsured and underinsured motorist", "无保险/保额不足驾驶人险", limits, limits),
    ]
    more = {
        "auto": of_cars,
        "ev": [
            *of_cars,
            ("Battery", "电池", "up to $20,000, deductible $500", "最高 $20,000，免赔额 $500"),
            ("Home charger", "家用充电桩", "up to $2,500, deductible $100", "最高 $2,500，免赔额 $100"),
            ("Portable charger", "便携充电设备", "up to $800, no deductible", "最高 $800，无免赔额"),
            ("Technology package", "科技套餐", "up to $5,000, deductible $250", "最高 $5,000，免赔额 $250"),
            ("Cyber protection", "网络安全保障", "up to $3,000 a year", "每年最高 $3,000"),
            ("Roadside assistance", "道路救援", "flatbed tow, 4 call-outs a year", "平板拖车，每年 4 次"),
        ],
        "two_wheeler": [
            ("Accessories", "配件", "up to $1,500", "最高 $1,500"),
            ("Helmet and riding gear", "头盔与骑行装备", "up to $750", "最高 $750"),
        ],
    }[line]
    return [
        {"name": choose(locale, en=en, zh=zh), "terms": choose(locale, en=terms, zh=terms_zh)}
        for en, zh, terms, terms_zh in (*common, *more)
    ]


def show_invoice(row: Row, today: date) -> Result:
    """An invoice as of today: what is open with a late fee, what was paid too much and not yet refunded."""
    late_fee_cents = count_late_fee_cents(row, today)
    open_cents = max(0, row["amount_cents"] + late_fee_cents - row["paid_cents"])
    return {
        "invoice_number": row["invoice_number"],
        "policy_number": row["policy_number"],
        "due_on": row["due_on"],
        "amount_usd": to_usd(row["amount_cents"]),
        "late_fee_usd": to_usd(late_fee_cents),
        "paid_usd": to_usd(row["paid_cents"]),
        "open_usd": to_usd(open_cents),
        "overpaid_usd": to_usd(count_overpaid_cents(row)),
        "refunded_usd": to_usd(row["refunded_cents"]),
        "status": choose_invoice_status(row, today),
    }


def count_late_fee_cents(row: Row, today: date) -> int:
    """The late fee, from the day after the grace period on, while the invoice is unpaid."""
    late_days = (today - date.fromisoformat(row["due_on"])).days
    return LATE_FEE_CENTS if row["paid_cents"] < row["amount_cents"] and late_days > GRACE_DAYS else 0


def count_overpaid_cents(row: Row) -> int:
    """What could still be refunded: paid beyond the invoice, less what was refunded already."""
    return max(0, row["paid_cents"] - row["amount_cents"] - row["refunded_cents"])


def choose_invoice_status(row: Row, today: date) -> InvoiceStatus:
    if row["paid_cents"] < row["amount_cents"]:
        return "open" if today.isoformat() <= row["due_on"] else "overdue"
    return "overpaid" if count_overpaid_cents(row) else "paid"


def show_claim(row: Row, locale: str) -> Result:
    """A claim with what comes next, said in `locale`."""
    paid_cents = row["paid_cents"]
    return {
        "claim_number": row["claim_number"],
        "policy_number": row["policy_number"],
        "vehicle": show_vehicle(row),
        "kind": row["kind"],
        "happened_on": row["happened_on"],
        "reported_on": row["reported_on"],
        "status": row["status"],
        "paid_usd": None if paid_cents is None else to_usd(paid_cents),
        "description": row["description"],
        "next_step": _choose_next_step(row["status"], locale),
    }


def _choose_next_step(status: str, locale: str) -> str:
    """What comes after a status, in the words of the article `claims/what-happens-next`."""
    en, zh = {
        "received": (
            "An adjuster calls within 1 business day of the report.",
            "理赔员会在报案后 1 个工作日内致电。",
        ),
        "under review": (
            "The adjuster is checking cover, damage and documents, and may ask for photos or an estimate.",
            "理赔员正在核对保障、损坏情况和文件，可能会请您提供照片或估价单。",
        ),
        "approved": (
            "Simple claims are paid within 5 business days of acceptance.",
            "简单理赔在获得批准后 5 个工作日内付款。",
        ),
        "paid": ("The claim is closed unless new damage is found.", "除非发现新的损坏，否则该理赔已结案。"),
        "declined": (
            "The reason is sent in writing, and the decision can be appealed within 60 days.",
            "我们会书面说明理由，您可以在作出决定后 60 天内申诉。",
        ),
    }[status]
    return choose(locale, en=en, zh=zh)


def count_refund_cents(policy: Row, invoices: list[Row], *, last_day: date, today: date, has_claim: bool) -> int:
    """The premium that goes back when `policy` ends on `last_day`; overpayments are not in it.

    All of it in the first 14 days of a policy without a claim, otherwise the paid days after `last_day`.

    invoices: those of this policy.
    """
    paid = [(row, min(row["paid_cents"], row["amount_cents"])) for row in invoices]
    first_days = today < date.fromisoformat(policy["started_on"]) + timedelta(days=FULL_REFUND_DAYS)
    if first_days and not has_claim:
        return sum(cents for _, cents in paid)
    return sum(_count_unused_cents(row, cents, last_day) for row, cents in paid)


def _count_unused_cents(invoice: Row, paid_cents: int, last_day: date) -> int:
    """The share of the days after `last_day`, rounded half up to a cent."""
    begins_on, ends_on = date.fromisoformat(invoice["covers_from"]), date.fromisoformat(invoice["covers_to"])
    days = (ends_on - begins_on).days + 1
    unused_days = min(days, max(0, (ends_on - last_day).days))
    return (2 * paid_cents * unused_days + days) // (2 * days)
