"""Whether a call may happen: every combination that there is, against a table written out by hand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.conversation import Confirmation, Conversation, new_conversation
from firstline.events import CustomerIdentified, Effect, Event, ToolCalled, ToolReturned
from firstline.tools import Approval, Requires, Tool
from firstline.tools.gate import (
    Allowed,
    Denied,
    Gate,
    NeedsApproval,
    NeedsConfirmation,
    check_call,
    check_confirmed,
)
from firstline.types import CallId, ConfirmationId, ConversationId, Json, TurnId
from tests.support.events import START, Story, decided, identity, requested, started, stories
from tests.support.toy import TOOLS, make_tool

NOW = START + timedelta(minutes=5)
ARGUMENTS: Json = {"repair": "R-1"}
Who = Literal["nobody", "customer", "expired", "other"]
Card = Literal["none", "pending", "other arguments", "confirmed", "declined", "expired", "confirmed late"]

EFFECTS: tuple[Effect, ...] = ("read", "write", "money")
REQUIRES: tuple[Requires, ...] = ("anonymous", "verified")
PEOPLE: tuple[Who, ...] = ("nobody", "customer", "expired", "other")
CARDS: tuple[Card, ...] = (
    "none", "pending", "other arguments", "confirmed", "declined", "expired", "confirmed late",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    effect: Effect
    requires: Requires
    who: Who
    card: Card
    card_of: str | None

    @property
    def tool(self) -> Tool:
        return make_tool("act", {"repair": {"type": "string"}}, effect=self.effect, requires=self.requires)

    @property
    def conversation(self) -> Conversation:
        return new_conversation(ConversationId("cv_1")).extended(started(), *self._identified(), *self._asked())

    @property
    def customer_id(self) -> str | None:
        return {"nobody": None, "customer": "C-1", "expired": None, "other": "C-2"}[self.who]

    @property
    def signed_in(self) -> bool:
        return self.who in ("customer", "other")

    def _identified(self) -> list[Event]:
        match self.who:
            case "nobody":
                return []
            case "customer":
                who = identity("C-1", expires_at=NOW + timedelta(seconds=1))
            case "expired":
                who = identity("C-1", expires_at=NOW)
            case "other":
                who = identity("C-2", expires_at=NOW + timedelta(seconds=1))
        return [CustomerIdentified(at=START, identity=who)]

    def _asked(self) -> list[Event]:
        at = NOW - timedelta(minutes=15) if self.card in ("expired", "confirmed late") else START
        arguments = {"repair": "R-2"} if self.card == "other arguments" else ARGUMENTS
        card = requested(tool="act", arguments=arguments, customer_id=self.card_of, at=at)
        match self.card:
            case "none":
                return []
            case "confirmed" | "confirmed late":
                return [card, decided(at=NOW)]
            case "declined":
                return [card, decided(decision="decline", at=NOW)]
            case _:
                return [card]


CASES = [Case(*case) for case in product(EFFECTS, REQUIRES, PEOPLE, CARDS, ("C-1", None))]


def call(case: Case, *, in_reach: tuple[str, ...] = ("act",), arguments: Json = ARGUMENTS) -> Gate:
    return check_call(case.tool, arguments, conversation=case.conversation, in_reach=in_reach, now=NOW)


def card_of(conversation: Conversation) -> Confirmation:
    return conversation.confirmations[ConfirmationId("cf_1")]


# A call that the model asks for -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_call_passes_exactly_as_the_table_says(case: Case) -> None:
    """Out of reach, then sign in, then reads pass and everything else shows a card."""
    assert call(case, in_reach=("another",)) == Denied(
        "not_in_playbook", "act may not be used for this kind of request."
    )
    gate = call(case)
    if case.requires == "verified" and not case.signed_in:
        assert isinstance(gate, Denied)
        assert gate.code == "needs_sign_in"
    elif case.effect == "read":
        assert gate == Allowed()
    else:
        mine = case.card == "pending" and case.card_of == case.customer_id
        assert gate == NeedsConfirmation(card_of(case.conversation) if mine else None)


@pytest.mark.parametrize("case", [case for case in CASES if case.effect != "read"], ids=str)
def test_no_action_is_ever_allowed_to_the_model_alone(case: Case) -> None:
    assert not isinstance(call(case), Allowed)


@given(stories(), st.sampled_from([tool for tool in TOOLS.values() if tool.declaration.effect != "read"]))
def test_nothing_that_happens_in_a_conversation_lets_the_model_act_alone(story: Story, tool: Tool) -> None:
    for confirmation in (None, *story.state.confirmations.values()):
        arguments = confirmation.requested.arguments if confirmation else {"repair": "R-1"}
        gate = check_call(tool, arguments, conversation=story.state, in_reach=tuple(TOOLS), now=story.clock())
        assert not isinstance(gate, Allowed)


# An action that was confirmed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [case for case in CASES if case.card != "none"], ids=str)
def test_a_confirmed_action_runs_only_for_the_same_customer_who_confirmed_in_time(case: Case) -> None:
    gate = check_confirmed(case.tool, card_of(case.conversation), conversation=case.conversation, now=NOW)
    if case.card != "confirmed" or case.card_of != case.customer_id:
        assert isinstance(gate, Denied)
        assert gate.code == "stale_confirmation"
    elif case.requires == "verified" and not case.signed_in:
        assert isinstance(gate, Denied)
        assert gate.code == "needs_sign_in"
    else:
        assert gate == Allowed()


@given(
    now=st.timedeltas(timedelta(0), timedelta(hours=2)),
    signed_in=st.timedeltas(timedelta(0), timedelta(hours=2)),
    confirmed=st.timedeltas(timedelta(0), timedelta(hours=1)),
)
def test_time_alone_decides_between_a_good_confirmation_and_a_stale_one(
    now: timedelta, signed_in: timedelta, confirmed: timedelta
) -> None:
    who = CustomerIdentified(at=START, identity=identity("C-1", expires_at=START + signed_in))
    card = requested(tool="act", customer_id="C-1")
    talk = new_conversation(ConversationId("cv_1")).extended(started(), who, card, decided(at=START + confirmed))
    tool = make_tool("act", {"repair": {"type": "string"}}, effect="write")

    gate = check_confirmed(tool, card_of(talk), conversation=talk, now=START + now)

    assert (gate == Allowed()) is (now < signed_in and confirmed < timedelta(minutes=15))


json_values = st.recursive(
    st.none() | st.text(max_size=5) | st.integers(), lambda inner: st.lists(inner, max_size=2), max_leaves=3
)


@given(
    asked=st.dictionaries(st.sampled_from("abc"), json_values, max_size=3),
    wanted=st.dictionaries(st.sampled_from("abc"), json_values, max_size=3),
)
def test_a_card_counts_only_for_exactly_its_own_arguments(asked: Json, wanted: Json) -> None:
    talk = new_conversation(ConversationId("cv_1")).extended(
        started(), requested(tool="act", arguments=asked, customer_id=None)
    )
    tool = make_tool("act", {}, effect="write", requires="anonymous")

    gate = check_call(tool, wanted, conversation=talk, in_reach=("act",), now=NOW)

    assert gate == NeedsConfirmation(card_of(talk) if asked == wanted else None)


# Money above the limit ----------------------------------------------------------------------------------------------

PAY_BACK = TOOLS["pay_back"]


def pay_back(arguments: Json) -> Gate:
    who = CustomerIdentified(at=START, identity=identity())
    talk = new_conversation(ConversationId("cv_1")).extended(started(), who)
    return check_call(PAY_BACK, arguments, conversation=talk, in_reach=("pay_back",), now=NOW)


@pytest.mark.parametrize("amount", [0, 0.01, 99.99, 100, 100.0])
def test_up_to_the_limit_the_customer_confirms(amount: float) -> None:
    assert pay_back({"amount_usd": amount}) == NeedsConfirmation(None)


@pytest.mark.parametrize(
    "arguments",
    [
        {"amount_usd": 100.01},
        {"amount_usd": 1e300},
        {"amount_usd": float("inf")},
        {"amount_usd": float("nan")},
        {"amount_usd": None},
        {"amount_usd": "all of it"},
        {},
    ],
    ids=str,
)
def test_above_the_limit_or_where_that_is_not_sure_a_human_agent_has_to_approve_what_the_customer_confirmed(
    arguments: Json,
) -> None:
    assert pay_back(arguments) == NeedsConfirmation(None)
    assert confirm(arguments) == NeedsApproval(100)


def test_up_to_the_limit_the_customers_yes_is_enough() -> None:
    assert confirm({"amount_usd": 100}) == Allowed()


@pytest.mark.parametrize(
    ("outcome", "gate"), [("ok", NeedsApproval(100)), ("unknown", NeedsApproval(100)), ("rejected", Allowed())]
)
def test_amounts_that_may_have_been_paid_before_count_towards_the_limit(outcome: Any, gate: Gate) -> None:
    before = called("pay_back", {"amount_usd": 60}, outcome)

    assert confirm({"amount_usd": 60}, *before) == gate


def confirm(arguments: Json, *before: Event) -> Any:
    """The gate of pay_back after the customer's yes."""
    who = CustomerIdentified(at=START, identity=identity())
    card = requested(tool="pay_back", arguments=arguments)
    talk = new_conversation(ConversationId("cv_1")).extended(started(), who, *before, card, decided(at=NOW))
    return check_confirmed(PAY_BACK, card_of(talk), conversation=talk, now=NOW)


def called(name: str, arguments: Json, outcome: Any) -> tuple[Event, Event]:
    """A call that was made, and what came of it."""
    turn_id, call_id = TurnId("tn_0"), CallId("cf_0")
    call = ToolCalled(
        at=START,
        turn_id=turn_id,
        call_id=call_id,
        tool=name,
        arguments=arguments,
        effect="money",
        idempotency_key="k",
        label=name,
    )
    return call, ToolReturned(at=START, turn_id=turn_id, call_id=call_id, tool=name, outcome=outcome, result={})


# What the model is told ---------------------------------------------------------------------------------------------


def denied_texts() -> list[str]:
    gates: list[Any] = [call(case) for case in CASES]
    return sorted({gate.text for gate in gates if isinstance(gate, Denied)})


def test_a_refusal_names_no_customer() -> None:
    assert denied_texts()
    assert not [text for text in denied_texts() if "C-1" in text or "C-2" in text]


def test_the_gate_looks_at_the_clock_that_it_is_given() -> None:
    case = Case("read", "verified", "customer", "none", None)
    much_later: datetime = NOW + timedelta(days=1)

    assert call(case) == Allowed()
    gate = check_call(case.tool, ARGUMENTS, conversation=case.conversation, in_reach=("act",), now=much_later)
    assert isinstance(gate, Denied)


def test_a_tool_without_a_limit_asks_for_no_approval() -> None:
    tool = make_tool("give", {"amount_usd": {"type": "number"}}, effect="money", requires="anonymous")
    limited = make_tool("give", {}, effect="money", requires="anonymous", approval_above=Approval("amount_usd", 1))
    talk = new_conversation(ConversationId("cv_1")).extended(started())

    card = requested(tool="give", arguments={"amount_usd": 5}, customer_id=None)
    talk = talk.extended(card, decided(at=NOW))

    def gate(which: Tool) -> Any:
        return check_confirmed(which, card_of(talk), conversation=talk, now=NOW)

    assert gate(tool) == Allowed()
    assert gate(limited) == NeedsApproval(1)
