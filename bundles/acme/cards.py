"""What the customer sees of a result: figures on a card, in the customer's language.

Pure: from the result alone, so that a repeated call shows the same card. Imported by `tools` only.
"""

from firstline.tools import Card, CardRow

from .backend import Result
from .speech import choose, show_day


def _row(locale: str, value: str, *, en: str, zh: str) -> CardRow:
    return CardRow(label=choose(locale, en=en, zh=zh), value=value)


def quote_card(quote: Result, locale: str) -> Card:
    english = ("Change the mileage", "Change the model year", "Which discounts could I get?")
    chinese = ("修改里程", "修改年款", "我可以享受哪些折扣？")
    return Card(
        title=choose(locale, en=f"Quote for your {quote['vehicle']}", zh=f"{quote['vehicle']} 的报价"),
        amount=f"${quote['monthly_premium_usd']}",
        rows=(
            _row(locale, quote["vehicle"], en="Vehicle", zh="车辆"),
            _row(locale, f"{quote['mileage']:,}", en="Miles a year", zh="每年行驶英里数"),
            _row(locale, str(quote["driver_age"]), en="Age of the youngest driver", zh="最年轻驾驶人年龄"),
            _row(locale, show_day(quote["valid_until"], locale), en="Valid until", zh="有效期至"),
            _row(locale, quote["quote_number"], en="Quote number", zh="报价编号"),
        ),
        note=choose(locale, en="per month · not a contract", zh="每月 · 非合同"),
        actions=chinese if choose(locale, en="", zh="zh") else english,
    )


def claim_card(claim: Result, locale: str) -> Card:
    late = choose(
        locale,
        en="reported after more than 30 days: a person looks at it first",
        zh="报案时间超过 30 天：先由人工审阅",
    )
    return Card(
        title=choose(locale, en="Claim received", zh="已收到报案"),
        rows=(
            _row(locale, claim["claim_number"], en="Claim number", zh="理赔编号"),
            _row(locale, claim["vehicle"], en="Vehicle", zh="车辆"),
            _row(locale, claim["policy_number"], en="Policy", zh="保单"),
            _row(locale, show_day(claim["happened_on"], locale), en="Happened on", zh="发生日期"),
        ),
        note=late if claim["reported_late"] else None,
        actions=(choose(locale, en="What happens after I report a claim?", zh="报案之后会怎样？"),),
    )


def address_card(changed: Result, locale: str) -> Card:
    return Card(
        title=choose(locale, en="New address", zh="新地址"),
        rows=(
            _row(locale, changed["address"], en="Address", zh="地址"),
            _row(locale, show_day(changed["valid_from"], locale), en="Valid from", zh="生效日期"),
        ),
        note=choose(
            locale,
            en="the premium may change with the garaging address",
            zh="保费可能随停放地址而变化",
        ),
    )


def cancelled_card(cancelled: Result, locale: str) -> Card:
    refunded = cancelled["refund_usd"] != "0.00"
    return Card(
        title=choose(locale, en="Policy cancelled", zh="保单已取消"),
        amount=f"${cancelled['refund_usd']}" if refunded else None,
        rows=(
            _row(locale, cancelled["policy_number"], en="Policy", zh="保单"),
            _row(locale, cancelled["vehicle"], en="Vehicle", zh="车辆"),
            _row(locale, show_day(cancelled["last_day"], locale), en="Last day with cover", zh="保障最后一天"),
        ),
        note=choose(locale, en="refund, within 10 business days", zh="退款，10 个工作日内到账") if refunded else None,
    )


def refund_card(refund: Result, locale: str) -> Card:
    return Card(
        title=choose(locale, en="Refund", zh="退款"),
        amount=f"${refund['amount_usd']}",
        rows=(
            _row(locale, refund["invoice_number"], en="Invoice", zh="账单"),
            _row(locale, refund["refund_number"], en="Refund number", zh="退款编号"),
        ),
        note=choose(locale, en="on your account within 10 business days", zh="10 个工作日内到账"),
    )
