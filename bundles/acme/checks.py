"""Whether what a customer asks for is possible: rules that return the checked value, or reject.

Imported by `tools` only.
"""

import re
from datetime import date, timedelta
from decimal import Decimal

from firstline.tools import ToolContext, ToolRejected

from .backend import Row, choose_term, to_cents, to_usd
from .speech import business_day, choose, read_line, reject, show_day
from .states import OTHER_STATES, find_state
from .views import count_overpaid_cents

REPORT_WITHIN_DAYS = 30
APPROVAL_ABOVE_USD = 100
LONGEST_DESCRIPTION_CHARS = 2_000
LONGEST_ADDRESS_LINE_CHARS = 80


def check_address(context: ToolContext, *, street: str, city: str, state: str, zip_code: str) -> dict[str, str]:
    """The address as it is stored: street, city, state (two letters), zip."""
    address = {
        "street": read_line(street, LONGEST_ADDRESS_LINE_CHARS),
        "city": read_line(city, LONGEST_ADDRESS_LINE_CHARS),
        "state": _check_state(context, state),
        "zip": zip_code.strip(),
    }
    if not any(letter.isalpha() for letter in address["street"]):
        raise reject(
            context,
            en="The street is missing. What is the street address, with the house number?",
            zh="缺少街道名称。请问完整的街道地址（包括门牌号）是什么？",
        )
    if not any(letter.isalpha() for letter in address["city"]):
        raise reject(context, en="The city is missing. Which city is it?", zh="缺少城市名称。请问是哪个城市？")
    if not re.fullmatch(r"[0-9]{5}(-[0-9]{4})?", address["zip"]):
        raise reject(
            context,
            en="A ZIP code has five digits, such as 43215. Which one is it?",
            zh="邮政编码应为五位数字，例如 43215。请问是多少？",
        )
    return address


def _check_state(context: ToolContext, state: str) -> str:
    code = find_state(state)
    if code is None:
        raise reject(
            context,
            en=f"I don't know a US state called {read_line(state, 30)}. Which state is it, for example OH?",
            zh=f"没有名为“{read_line(state, 30)}”的美国州。请问是哪个州？例如 OH。",
        )
    if code in OTHER_STATES:
        en, zh = OTHER_STATES[code]
        raise reject(
            context,
            en=f"We insure vehicles in the 48 contiguous states and Washington DC, so we cannot insure one "
            f"kept in {en}. The address is unchanged; a colleague can tell you what is possible: "
            f"1-800-123-4567.",
            zh=f"我们只承保停放在美国本土 48 州和华盛顿特区的车辆，因此无法承保停放在{zh}的车辆。"
            "地址没有更改；有哪些办法，请致电 1-800-123-4567 咨询同事。",
        )
    return code


def check_incident(context: ToolContext, policy: Row, happened_on: date) -> bool:
    """Whether the report comes late; late reports are taken, and a person looks at them."""
    today = business_day(context)
    if happened_on > today:
        day = show_day(happened_on.isoformat(), context.locale)
        raise reject(
            context,
            en=f"{day} is in the future. On which day did it happen?",
            zh=f"{day}还没有到。请问是哪一天发生的？",
        )
    began_on, ended_on = policy["started_on"], policy["cancelled_on"]
    if not began_on <= happened_on.isoformat() <= (ended_on or happened_on.isoformat()):
        until = "" if ended_on is None else show_day(ended_on, context.locale)
        raise reject(
            context,
            en=f"Policy {policy['policy_number']} covers from {show_day(began_on, context.locale)}"
            f"{until and ' to ' + until}, so not on that day. Is the date right, or is it another policy?",
            zh=f"保单 {policy['policy_number']} 的保障自{show_day(began_on, context.locale)}起"
            f"{until and '至' + until + '止'}，不包括这一天。请核对日期，或者是另一份保单？",
        )
    return today - happened_on > timedelta(days=REPORT_WITHIN_DAYS)


def check_description(context: ToolContext, description: str) -> str:
    """The customer's own words on one line."""
    words = read_line(description, LONGEST_DESCRIPTION_CHARS)
    if not any(letter.isalnum() for letter in words):
        raise reject(
            context,
            en="Please tell me in a few words what happened.",
            zh="请简单说明发生了什么。",
        )
    return words


def check_last_day(context: ToolContext, policy: Row, last_day: date) -> None:
    """The policy is not cancelled yet, and the day lies between today and the end of the term."""
    today, number = business_day(context), policy["policy_number"]
    if policy["cancelled_on"] is not None:
        day = show_day(policy["cancelled_on"], context.locale)
        raise reject(
            context,
            en=f"Policy {number} is already cancelled; its last day with cover is {day}.",
            zh=f"保单 {number} 已经取消，保障的最后一天是{day}。",
        )
    if last_day < today:
        raise reject(
            context,
            en="A policy cannot end in the past. Which day from today on should be the last one with cover?",
            zh="保单不能在过去的日期终止。请问从今天起，哪一天应是保障的最后一天？",
        )
    _, ends_on = choose_term(date.fromisoformat(policy["started_on"]), today)
    if last_day > ends_on:
        day = show_day(ends_on.isoformat(), context.locale)
        raise reject(
            context,
            en=f"The current term of policy {number} ends on {day}. Please choose a day up to then.",
            zh=f"保单 {number} 的本期到{day}为止。请选择不晚于该日的日期。",
        )


def check_refund(context: ToolContext, invoice: Row, amount_usd: float) -> int:
    """The amount in cents: more than nothing, at most what is overpaid, not split to stay below the limit."""
    amount = Decimal(str(amount_usd))
    number, overpaid_cents = invoice["invoice_number"], count_overpaid_cents(invoice)
    overpaid = f"${to_usd(overpaid_cents)}"
    if overpaid_cents == 0:
        raise reject(
            context,
            en=f"Nothing is overpaid on invoice {number}, so there is nothing to refund.",
            zh=f"账单 {number} 没有多付，因此没有可退的金额。",
        )
    if not amount.is_finite() or amount <= 0 or amount != round(amount, 2):
        raise reject(
            context,
            en=f"A refund is a positive amount in dollars and cents. On {number}, {overpaid} is overpaid.",
            zh=f"退款金额必须大于零，并精确到美分。账单 {number} 多付了 {overpaid}。",
        )
    if to_cents(amount) > overpaid_cents:
        raise reject(
            context,
            en=f"On invoice {number}, {overpaid} is overpaid; more than that cannot be refunded.",
            zh=f"账单 {number} 多付了 {overpaid}，退款不能超过这个金额。",
        )
    # Otherwise two small refunds would pass where one large one needs a person's yes.
    if to_cents(amount) < overpaid_cents and overpaid_cents > APPROVAL_ABOVE_USD * 100 >= to_cents(amount):
        raise _split(context, number, overpaid)
    return to_cents(amount)


def _split(context: ToolContext, number: str, overpaid: str) -> ToolRejected:
    return ToolRejected(
        choose(
            context.locale,
            en=f"The {overpaid} overpaid on invoice {number} can only be refunded as a whole, "
            "after a human agent has approved it.",
            zh=f"账单 {number} 多付的 {overpaid} 只能一次全额退还，并须由人工客服批准。",
        )
    )
