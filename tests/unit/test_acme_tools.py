"""The reference bundle's tools on its records: whose rows they show, what they do once, what they refuse."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firstline.tools import ToolContext, ToolRejected
from tests.support.acme import LEAF, NEW_HOME, NOW, TODAY, as_customer, count_rows, load_module, sign_in

tools: Any = load_module("tools")
backend: Any = load_module("backend")


@pytest.fixture
def maria(tmp_path: Path) -> ToolContext:
    return sign_in(tmp_path, "C-1001")


@pytest.fixture
def james(maria: ToolContext) -> ToolContext:
    return as_customer(maria, "C-1002")


@pytest.fixture
def li_wei(maria: ToolContext) -> ToolContext:
    return replace(as_customer(maria, "C-1003"), locale="zh")


# Quotes


def test_a_quote_has_the_exact_result_and_a_card_in_english(maria: ToolContext) -> None:
    output = tools.get_quote(replace(maria, customer_id=None), **LEAF)
    assert output.result == {
        "quote_number": "Q-300001",
        "vehicle": "2023 Nissan Leaf",
        **LEAF,
        "monthly_premium_usd": "87.96",
        "valid_until": "2026-12-23",
    }
    assert output.card.amount == "$87.96"
    assert [row.value for row in output.card.rows] == [
        "2023 Nissan Leaf", "12,000", "34", "December 23, 2026", "Q-300001",
    ]  # fmt: skip
    assert "not a contract" in output.card.note
    assert "Change the mileage" in output.card.actions


def test_a_quote_in_chinese_has_a_chinese_card(li_wei: ToolContext) -> None:
    card = tools.get_quote(li_wei, **LEAF | {"make": "日产", "model": "聆风"}).card
    assert card.amount == "$87.96"
    assert "2026年12月23日" in [row.value for row in card.rows]
    assert "修改里程" in card.actions


def test_the_same_key_gives_the_same_quote_number_and_another_key_another(maria: ToolContext) -> None:
    first = tools.get_quote(maria, **LEAF)
    again = tools.get_quote(replace(maria, now=NOW + timedelta(days=3)), **LEAF)
    other = tools.get_quote(replace(maria, idempotency_key="k-2"), **LEAF)
    assert again == first
    assert other.result["quote_number"] == "Q-300002"
    assert count_rows(maria, "quotes") == 2


def test_many_threads_with_one_key_make_one_quote(maria: ToolContext) -> None:
    with ThreadPoolExecutor(6) as threads:
        outputs = list(threads.map(lambda _: tools.get_quote(maria, **LEAF), range(6)))
    assert {output.result["quote_number"] for output in outputs} == {"Q-300001"}
    assert count_rows(maria, "quotes") == 1


def test_a_key_that_stands_for_other_details_is_an_error_and_not_the_wrong_price(maria: ToolContext) -> None:
    tools.get_quote(maria, **LEAF)
    with pytest.raises(RuntimeError, match="another"):
        tools.get_quote(maria, **LEAF | {"mileage": 7_000})


@pytest.mark.parametrize("impossible", [{"year": 2031}, {"mileage": -5}, {"driver_age": 12}])
def test_impossible_details_are_rejected_in_the_customers_language(
    maria: ToolContext, impossible: dict[str, int]
) -> None:
    with pytest.raises(ToolRejected, match=r"^[^\u4e00-\u9fff]+$"):
        tools.get_quote(maria, **LEAF | impossible)
    with pytest.raises(ToolRejected, match=r"[\u4e00-\u9fff]"):
        tools.get_quote(replace(maria, locale="zh"), **LEAF | impossible)


# Whose rows


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get_policy", {"policy_number": "AC-204817"}),
        ("get_invoices", {"policy_number": "AC-204817"}),
        ("get_claim_status", {"claim_number": "CL-10042"}),
        ("cancel_policy", {"policy_number": "AC-204817", "last_day": TODAY}),
        ("refund_payment", {"invoice_number": "INV-58410", "amount_usd": 1.0}),
        (
            "open_claim",
            {"policy_number": "AC-204817", "kind": "glass", "happened_on": TODAY, "description": "A stone."},
        ),
    ],
)
def test_a_row_of_somebody_else_is_not_found_like_one_that_does_not_exist(
    james: ToolContext, name: str, arguments: dict[str, Any]
) -> None:
    key = next(each for each in arguments if each.endswith("_number"))
    missing = re.sub(r"\d", "9", arguments[key])
    with pytest.raises(ToolRejected) as foreign:
        getattr(tools, name)(james, **arguments)
    with pytest.raises(ToolRejected) as unknown:
        getattr(tools, name)(james, **arguments | {key: missing})
    assert str(foreign.value).replace(arguments[key], missing) == str(unknown.value)


@pytest.mark.parametrize("name", ["find_policies", "get_invoices", "get_claim_status"])
def test_lists_hold_only_the_customers_own_rows(maria: ToolContext, james: ToolContext, name: str) -> None:
    tool = getattr(tools, name)
    assert "AC-204817" in str(tool(maria).result)
    assert "AC-204817" not in str(tool(james).result)
    assert "AC-204817" not in str(tool(as_customer(maria, "C-9999")).result)


@pytest.mark.parametrize(
    "name",
    [
        "find_policies",
        "get_policy",
        "get_invoices",
        "get_claim_status",
        "open_claim",
        "change_address",
        "cancel_policy",
        "refund_payment",
    ],
)
def test_nothing_of_a_customers_is_shown_or_done_without_a_sign_in(maria: ToolContext, name: str) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "get_policy": {"policy_number": "AC-204817"},
        "open_claim": {
            "policy_number": "AC-204817", "kind": "fire", "happened_on": TODAY, "description": "Smoke.",
        },
        "change_address": dict(NEW_HOME),
        "cancel_policy": {"policy_number": "AC-204817", "last_day": TODAY},
        "refund_payment": {"invoice_number": "INV-58213", "amount_usd": 1.0},
    }  # fmt: skip
    with pytest.raises(ToolRejected, match="sign in"):
        getattr(tools, name)(replace(maria, customer_id=None), **arguments.get(name, {}))


def test_no_result_holds_an_e_mail_a_birthday_or_a_customer_id(maria: ToolContext) -> None:
    shown = [
        tools.find_policies(maria),
        tools.get_policy(maria, policy_number="AC-204817"),
        tools.get_invoices(maria),
        tools.get_claim_status(maria),
    ]
    text = str([output.result for output in shown])
    assert not re.search(r"@|C-1001|1988|customer_id|vehicle_id", text)


# Policies and invoices


def test_the_three_known_customers_have_what_the_demo_promises(
    maria: ToolContext, james: ToolContext, li_wei: ToolContext
) -> None:
    products = [each["product"] for each in tools.find_policies(maria).result["policies"]]
    claims = [each["status"] for each in tools.get_claim_status(maria).result["claims"]]
    overpaid = {each["overpaid_usd"] for each in tools.get_invoices(james).result["invoices"]}
    statuses = [each["status"] for each in tools.get_invoices(li_wei).result["invoices"]]
    assert (products, claims) == (["ev", "auto"], ["under review"])
    assert overpaid == {"0.00", "48.00", "240.00"}
    assert statuses == ["overdue", "paid", "paid", "paid"]
    assert tools.get_policy(li_wei, policy_number="ac 206041").result["holder"] == "李伟"


def test_a_late_fee_comes_after_ten_days_of_grace(li_wei: ToolContext) -> None:
    def newest(day: int) -> dict[str, str]:
        at = datetime(2026, 11, day, 17, tzinfo=UTC)
        return tools.get_invoices(replace(li_wei, now=at)).result["invoices"][0]

    assert (newest(1)["status"], newest(1)["late_fee_usd"]) == ("open", "0.00")
    assert (newest(11)["status"], newest(11)["late_fee_usd"]) == ("overdue", "0.00")
    assert (newest(12)["status"], newest(12)["late_fee_usd"]) == ("overdue", "10.00")
    assert float(newest(12)["open_usd"]) == float(newest(12)["amount_usd"]) + 10


def test_a_term_renews_itself_every_twelve_months() -> None:
    term = backend.choose_term
    assert term(date(2025, 3, 1), TODAY) == (date(2026, 3, 1), date(2027, 2, 28))
    assert term(date(2024, 2, 29), date(2025, 2, 28)) == (date(2025, 2, 28), date(2026, 2, 27))
    assert term(date(2027, 1, 1), TODAY) == (date(2027, 1, 1), date(2027, 12, 31))


def test_today_is_the_day_in_new_york(maria: ToolContext) -> None:
    evening = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
    assert tools.get_quote(replace(maria, now=evening), **LEAF).result["valid_until"] == "2026-12-23"


# Claims


def open_claim(context: ToolContext, happened_on: date, policy_number: str = "AC-204817") -> Any:
    words = "A stone hit the windshield."
    return tools.open_claim(
        context, policy_number=policy_number, kind="glass", happened_on=happened_on, description=words
    )


def test_a_claim_is_opened_once_for_one_key_and_then_listed_first(maria: ToolContext) -> None:
    first, again = open_claim(maria, TODAY), open_claim(maria, TODAY)
    assert first == again
    assert first.result["status"] == "received"
    assert tools.get_claim_status(maria).result["claims"][0]["claim_number"] == first.result["claim_number"]
    assert len(tools.get_claim_status(maria).result["claims"]) == 2


def test_a_report_after_more_than_thirty_days_is_taken_and_marked(maria: ToolContext) -> None:
    in_time = open_claim(maria, TODAY - timedelta(days=30))
    late = open_claim(replace(maria, idempotency_key="k-2"), TODAY - timedelta(days=31))
    assert (in_time.result["reported_late"], in_time.card.note) == (False, None)
    assert late.result["reported_late"] is True
    assert "person" in late.card.note


def test_a_claim_of_tomorrow_or_of_before_the_policy_is_rejected(maria: ToolContext) -> None:
    with pytest.raises(ToolRejected, match="future"):
        open_claim(maria, TODAY + timedelta(days=1))
    with pytest.raises(ToolRejected, match="March 1, 2025"):
        open_claim(maria, date(2025, 2, 28))


def test_a_claim_of_after_the_last_day_of_a_cancelled_policy_is_rejected(maria: ToolContext) -> None:
    tools.cancel_policy(maria, policy_number="AC-204817", last_day=TODAY)
    tomorrow = replace(maria, idempotency_key="k-2", now=NOW + timedelta(days=1))
    assert open_claim(tomorrow, TODAY).result["status"] == "received"
    with pytest.raises(ToolRejected, match="November 23, 2026"):
        open_claim(replace(tomorrow, idempotency_key="k-3"), TODAY + timedelta(days=1))


# Address


def test_a_new_address_is_shown_in_the_policy_and_the_old_one_is_kept(maria: ToolContext) -> None:
    before = count_rows(maria, "addresses")
    first, again = tools.change_address(maria, **NEW_HOME), tools.change_address(maria, **NEW_HOME)
    assert first == again
    assert first.result["policies"] == ["AC-204817", "AC-204818"]
    shown = tools.get_policy(maria, policy_number="AC-204817").result["garaging_address"]
    assert shown == "12 Elm Street, Columbus, OH 43215"
    assert count_rows(maria, "addresses") == before + 1


@pytest.mark.parametrize(("written", "stored"), [("oh", "OH"), ("Ohio", "OH"), ("加州", "CA"), ("DC", "DC")])
def test_a_state_is_known_by_letters_and_by_name(maria: ToolContext, written: str, stored: str) -> None:
    assert tools.change_address(maria, **NEW_HOME | {"state": written}).result["state"] == stored


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": "AK"}, "Alaska"),
        ({"state": "Hawaii"}, "Hawaii"),
        ({"state": "Bavaria"}, "Bavaria"),
        ({"zip": "4321"}, "five digits"),
        ({"zip": "４３２１５"}, "five digits"),
        ({"street": " 12 "}, "street"),
        ({"city": "\u202e"}, "city"),
    ],
)
def test_an_address_that_cannot_be_is_rejected_with_the_reason(
    maria: ToolContext, changes: dict[str, str], reason: str
) -> None:
    with pytest.raises(ToolRejected, match=reason):
        tools.change_address(maria, **NEW_HOME | changes)


def test_all_48_states_and_dc_are_insured() -> None:
    states: Any = load_module("states")
    assert len(states.INSURED_STATES) == 49
    assert not {"AK", "HI"} & set(states.INSURED_STATES)


# Cancellation


def test_a_cancelled_policy_refunds_the_unused_days_once(maria: ToolContext) -> None:
    first = tools.cancel_policy(maria, policy_number="AC-204818", last_day=date(2026, 11, 24))
    again = tools.cancel_policy(maria, policy_number="AC-204818", last_day=date(2026, 11, 24))
    policy = tools.find_policies(maria).result["policies"][1]
    paid = float(tools.get_invoices(maria, policy_number="AC-204818").result["invoices"][0]["paid_usd"])
    assert first == again
    assert float(first.result["refund_usd"]) == pytest.approx(paid * 6 / 30, abs=0.005)
    assert (policy["status"], policy["covered_until"]) == ("ending", "2026-11-24")


def test_what_a_cancellation_would_return_is_what_it_returns(maria: ToolContext) -> None:
    told = tools.get_policy(maria, policy_number="AC-204817").result["refund_if_cancelled_today_usd"]
    done = tools.cancel_policy(maria, policy_number="AC-204817", last_day=TODAY)
    assert done.result["refund_usd"] == told != "0.00"


def test_a_policy_cannot_end_in_the_past_after_its_term_or_twice(maria: ToolContext) -> None:
    def cancel(key: str, last_day: date) -> Any:
        context = replace(maria, idempotency_key=key)
        return tools.cancel_policy(context, policy_number="AC-204817", last_day=last_day)

    with pytest.raises(ToolRejected, match="past"):
        cancel("k-1", TODAY - timedelta(days=1))
    with pytest.raises(ToolRejected, match="February 28, 2027"):
        cancel("k-2", date(2027, 3, 1))
    cancel("k-3", date(2027, 2, 28))
    with pytest.raises(ToolRejected, match="already"):
        cancel("k-4", TODAY)


def test_the_premium_goes_back_in_full_only_in_the_first_fourteen_days_and_without_a_claim() -> None:
    views: Any = load_module("views")
    policy = {"started_on": "2026-11-10"}
    year = {
        "covers_from": "2026-11-10", "covers_to": "2027-11-09", "amount_cents": 1_460_00, "paid_cents": 1_500_00,
    }  # fmt: skip

    def refund(today: date, *, has_claim: bool) -> int:
        return views.count_refund_cents(policy, [year], last_day=today, today=today, has_claim=has_claim)

    assert refund(date(2026, 11, 23), has_claim=False) == 1_460_00
    assert refund(date(2026, 11, 23), has_claim=True) == 351 * 4_00
    assert refund(date(2026, 11, 24), has_claim=False) == 350 * 4_00
    assert refund(date(2027, 4, 23), has_claim=False) == 200 * 4_00


# Refunds


def test_a_refund_is_paid_once_for_one_key_and_then_nothing_is_overpaid(james: ToolContext) -> None:
    first = tools.refund_payment(james, invoice_number="INV-58213", amount_usd=48.0)
    again = tools.refund_payment(james, invoice_number="INV-58213", amount_usd=48.0)
    assert first == again
    assert first.card.amount == "$48.00"
    assert count_rows(james, "refunds") == 1
    with pytest.raises(ToolRejected, match="nothing to refund"):
        tools.refund_payment(replace(james, idempotency_key="k-2"), invoice_number="INV-58213", amount_usd=48.0)


def test_two_keys_at_once_cannot_refund_more_than_was_overpaid(james: ToolContext) -> None:
    def refund(key: str) -> bool:
        try:
            context = replace(james, idempotency_key=key)
            tools.refund_payment(context, invoice_number="INV-58213", amount_usd=48.0)
        except ToolRejected:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(refund, ("k-1", "k-2", "k-3", "k-4"))) == 1


@pytest.mark.parametrize(
    ("amount_usd", "reason"),
    [
        (48.01, r"\$48\.00"),
        (0.0, "positive"),
        (-48.0, "positive"),
        (1.005, "positive"),
        (float("nan"), "positive"),
        (float("inf"), "positive"),
    ],
)
def test_an_amount_that_was_not_overpaid_is_refused(james: ToolContext, amount_usd: float, reason: str) -> None:
    with pytest.raises(ToolRejected, match=reason):
        tools.refund_payment(james, invoice_number="INV-58213", amount_usd=amount_usd)


def test_a_large_overpayment_cannot_be_split_to_stay_below_the_approval(james: ToolContext) -> None:
    with pytest.raises(ToolRejected, match="as a whole"):
        tools.refund_payment(james, invoice_number="INV-58313", amount_usd=100.0)
    whole = tools.refund_payment(james, invoice_number="INV-58313", amount_usd=240.0)
    assert whole.result["amount_usd"] == "240.00"
