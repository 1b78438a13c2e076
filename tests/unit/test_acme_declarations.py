"""What the reference bundle declares of its tools: schemas, slots, approval, and how results are told."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, StrictUndefined

from firstline.tools import ToolContext
from firstline.tools.schema import build_tool
from tests.support.acme import LEAF, NEW_HOME, TODAY, as_customer, load_module, sign_in

tools: Any = load_module("tools")

NAMES = (
    "get_quote", "find_policies", "get_policy", "get_invoices", "get_claim_status", "open_claim",
    "change_address", "cancel_policy", "refund_payment",
)  # fmt: skip


@pytest.fixture
def maria(tmp_path: Path) -> ToolContext:
    return sign_in(tmp_path, "C-1001")


def outputs(maria: ToolContext) -> Iterator[tuple[str, dict[str, Any]]]:
    """A result of every tool, full and empty."""
    james, li_wei, nobody = (as_customer(maria, each) for each in ("C-1002", "C-1003", "C-9999"))
    yield "get_quote", tools.get_quote(maria, **LEAF).result
    for context in (maria, james, li_wei, nobody):
        for name in ("find_policies", "get_invoices", "get_claim_status"):
            yield name, getattr(tools, name)(context).result
    for number in ("AC-204817", "AC-204818"):
        yield "get_policy", tools.get_policy(maria, policy_number=number).result
    claim = {"policy_number": "AC-204817", "kind": "glass", "description": "A stone."}
    late = claim | {"happened_on": TODAY - timedelta(days=40)}
    yield "open_claim", tools.open_claim(replace(maria, idempotency_key="k-2"), **late).result
    yield "change_address", tools.change_address(replace(maria, idempotency_key="k-3"), **NEW_HOME).result
    for key, number, last_day in (("k-4", "AC-204817", TODAY), ("k-5", "AC-204818", date(2027, 1, 31))):
        context = replace(maria, idempotency_key=key)
        yield "cancel_policy", tools.cancel_policy(context, policy_number=number, last_day=last_day).result
        yield "get_policy", tools.get_policy(maria, policy_number=number).result
    refund = {"invoice_number": "INV-58213", "amount_usd": 40.0}
    yield "refund_payment", tools.refund_payment(replace(james, idempotency_key="k-6"), **refund).result
    yield "find_policies", tools.find_policies(maria).result


@pytest.mark.parametrize("trims", [False, True])
@pytest.mark.parametrize("locale", ["en", "zh"])
def test_every_result_is_told_completely_with_its_figures_and_a_next_step(
    maria: ToolContext, locale: str, trims: bool
) -> None:
    environment = Environment(undefined=StrictUndefined, trim_blocks=trims, lstrip_blocks=trims)
    for name, result in outputs(replace(maria, locale=locale)):
        say = getattr(tools, name).__firstline_tool__.say
        text = environment.from_string(say[locale]).render(result)
        figures = [each for key, each in result.items() if key in {"monthly_premium_usd", "amount_usd"}]
        assert all(f"${figure}" in text for figure in figures)
        assert text.rstrip().endswith(("?", "？", ".", "。"))
        assert "None" not in text
        assert not re.search(r"^- .*\n(?!- |\n|$)", text, re.MULTILINE), text


@pytest.mark.parametrize("name", NAMES)
def test_every_tool_can_be_built_asks_in_both_languages_and_takes_no_customer(name: str) -> None:
    tool = build_tool(getattr(tools, name))
    assert tool.name == name
    for slot in tool.declaration.slots.values():
        assert set(slot.ask) == {"en", "zh"}
    for text in (tool.declaration.label, tool.declaration.say):
        assert text is not None
        assert set(text) == {"en", "zh"}
    required = set(tool.input_schema.get("required", ()))
    assert required <= set(tool.declaration.slots)
    assert not [each for each in tool.input_schema["properties"] if "customer" in each]


def test_money_above_a_hundred_dollars_needs_a_persons_yes() -> None:
    declaration = tools.refund_payment.__firstline_tool__
    assert (declaration.effect, declaration.approval_above.usd) == ("money", 100)
    effects = {name: getattr(tools, name).__firstline_tool__.effect for name in NAMES}
    assert [name for name, effect in effects.items() if effect == "write"] == [
        "open_claim", "change_address", "cancel_policy",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "slot", "message", "found"),
    [
        ("get_policy", "policy_number", "请看一下保单AC-204817的详情", "AC-204817"),
        ("get_policy", "policy_number", "what about ac 204817?", "ac 204817"),
        ("refund_payment", "invoice_number", "账单INV-58213多付了", "INV-58213"),
        ("get_claim_status", "claim_number", "status of CL-10042 please", "CL-10042"),
        ("change_address", "zip", "12 Elm Street, Columbus, OH 43215", "43215"),
        ("change_address", "state", "12 Elm Street, Columbus, OH 43215", "OH"),
    ],
)
def test_a_number_is_found_in_what_a_customer_writes(name: str, slot: str, message: str, found: str) -> None:
    pattern = getattr(tools, name).__firstline_tool__.slots[slot].pattern
    assert re.findall(pattern, message) == [found]


def test_a_house_number_is_no_zip_code_and_the_word_before_it_no_state() -> None:
    slots = tools.change_address.__firstline_tool__.slots
    message = "I moved in 12345 Elm Street, Columbus, OH 43215"
    assert re.findall(slots["zip"].pattern, message, re.IGNORECASE) == ["43215"]
    assert re.findall(slots["state"].pattern, message, re.IGNORECASE) == ["OH"]


def test_a_policy_number_is_not_found_within_another_number() -> None:
    pattern = tools.get_policy.__firstline_tool__.slots["policy_number"].pattern
    assert re.findall(pattern, "AC-2048171 or XAC-204817") == []


def test_slot_words_lead_to_values_that_the_tools_take(maria: ToolContext) -> None:
    slots = tools.get_quote.__firstline_tool__.slots
    assert slots["make"].values["日产"] == "Nissan"
    assert slots["model"].values["凯美瑞"] == "Camry"
    assert slots["model"].implies["Leaf"] == {"make": "Nissan"}
    for index, (model, implied) in enumerate(slots["model"].implies.items()):
        context = replace(maria, idempotency_key=f"slot-{index}")
        details = LEAF | implied | {"model": model}
        assert tools.get_quote(context, **details).result["model"] == model
