"""An action that needs two yeses, the customer's and a human agent's: exactly once, exactly that, or not at all."""

import asyncio
from datetime import timedelta
from typing import Any, Literal

import pytest

from firstline import handoff
from firstline.conversation import Conversation
from firstline.engines import Engines
from firstline.errors import ToolFailed, ToolRejected
from firstline.events import (
    ApprovalDecided,
    ApprovalRequested,
    ConfirmationDecided,
    ConversationClosed,
    HandoffAccepted,
    HandoffOffered,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    messages_by,
)
from firstline.ledger import Ledger
from firstline.model import TextGrew
from firstline.model.note import read_note
from firstline.phrases import phrase
from firstline.tools import ToolOutput
from firstline.turn import give_up
from firstline.types import ApprovalId, Card, CustomerId, TurnId
from firstline.worker import Worker
from tests.support.scripted import FAILED, START, Ran, call, decide, post, say, sign_in, start
from tests.support.workshop import BUNDLE, DESK, Workshop, take, wait
from tests.turns.test_person_takes_over import Logs

pytestmark = pytest.mark.anyio


class Till(Workshop):
    """A workshop whose money tool pays whatever it is asked to, unless `pay_back` says otherwise."""

    def __init__(self, *replies: Any, pay_back: Any = None) -> None:
        super().__init__(*replies, functions={"pay_back": pay_back or (lambda context, amount_usd: {"ok": 1})})

    @property
    def paid(self) -> list[dict[str, Any]]:
        return [arguments for _, arguments in self.calls]

    async def ask(self, amount: float, conversation: Conversation | None = None) -> Conversation:
        """The customer asks for money and the card is there."""
        before = conversation or sign_in(start(BUNDLE))
        return (await self.run(post(before, "give me my money back", at=self.clock()))).conversation

    async def confirm(self, conversation: Conversation) -> Ran:
        return await self.run(decide(conversation, at=self.clock()))


def pay(amount: float, id_: str = "t1") -> Any:
    return call((id_, "pay_back", {"amount_usd": amount}))


def judge(conversation: Conversation, decision: Literal["approve", "decline"], *, at: Any = START) -> Conversation:
    """A human agent decides on the newest approval."""
    return conversation.extended(
        ApprovalDecided(
            at=at,
            turn_id=conversation.next_turn or TurnId(f"tn_j{conversation.last_seq}"),
            approval_id=list(conversation.approvals)[-1],
            decision=decision,
            human_agent=DESK,
        )
    )


async def asked_for(*replies: Any, amount: float = 500, **how: Any) -> tuple[Till, Conversation]:
    """The customer has confirmed, and a human agent's yes is still missing."""
    till = Till(pay(amount), say("Use the card."), say("A colleague looks at it."), *replies, **how)
    confirmed = await till.confirm(await till.ask(amount))
    assert len(confirmed.of(ApprovalRequested)) == 1 and till.paid == []
    return till, confirmed.conversation


# The first yes -----------------------------------------------------------------------------------------------------


async def test_the_customers_yes_alone_pays_nothing_above_the_limit_and_tells_so():
    till = Till(pay(500), say("Use the card."), say("A colleague looks at it."))
    card = await till.ask(500)
    confirmation_id = list(card.confirmations)[-1]

    confirmed = await till.confirm(card)

    (requested,) = confirmed.of(ApprovalRequested)
    assert (requested.confirmation_id, requested.tool, requested.arguments) == (
        confirmation_id,
        "pay_back",
        {"amount_usd": 500},
    )
    assert (requested.limit_usd, requested.customer_id) == (100, "C-1")
    assert requested.expires_at == START + timedelta(days=3)
    assert requested.rows == card.confirmations[confirmation_id].requested.rows
    assert [(each.call_id, each.outcome) for each in confirmed.of(ToolReturned)] == [(confirmation_id, "waiting")]
    assert confirmed.of(ToolCalled) == [] and till.paid == []
    note = read_note(till.model.requests[-1].messages[-1].content)
    assert note is not None and [each.outcome for each in note.actions] == ["waiting_for_approval"]
    assert confirmed.text == "A colleague looks at it."


@pytest.mark.parametrize(("amount", "needs"), [(99, 0), (100, 0), (100.01, 1), (-1, 0)])
async def test_the_limit_itself_needs_no_second_yes_and_a_cent_more_does(amount: float, needs: int):
    till = Till(pay(amount), say("Use the card."), say("Done."))
    confirmed = await till.confirm(await till.ask(amount))
    assert (len(confirmed.of(ApprovalRequested)), len(till.paid)) == (needs, 1 - needs)


async def test_amounts_add_up_within_a_day():
    till = Till(pay(60), say("Card."), say("Done."), pay(50, "t2"), say("Card."), say("A colleague looks at it."))
    first = await till.confirm(await till.ask(60))
    assert till.paid == [{"amount_usd": 60}]

    second = await till.confirm(await till.ask(50, first.conversation))

    assert len(second.of(ApprovalRequested)) == 1 and len(till.paid) == 1


async def test_amounts_of_two_cards_confirmed_at_once_add_up():
    cards = call(("t1", "pay_back", {"amount_usd": 60}), ("t2", "pay_back", {"amount_usd": 50}))
    till = Till(cards, say("Two cards."), say("One is done."))
    both = await till.ask(110)
    first, second = both.confirmations
    for each in (first, second):
        both = both.extended(
            ConfirmationDecided(
                at=START, turn_id=both.next_turn or TurnId("tn_both"), confirmation_id=each, decision="confirm"
            )
        )

    ran = await till.run(both)

    assert till.paid == [{"amount_usd": 60}]
    assert [each.arguments for each in ran.of(ApprovalRequested)] == [{"amount_usd": 50}]


async def test_what_a_person_has_approved_does_not_count_against_the_customers_own_limit():
    till, waiting = await asked_for(say("It is done."), pay(80, "t2"), say("Card."), say("Done."))
    approved = await till.run(judge(waiting, "approve"))
    confirmed = await till.confirm(await till.ask(80, approved.conversation))
    assert confirmed.of(ApprovalRequested) == []
    assert till.paid == [{"amount_usd": 500}, {"amount_usd": 80}]


# The second yes ----------------------------------------------------------------------------------------------------


async def test_an_approval_makes_exactly_one_call_with_exactly_the_arguments_that_were_shown():
    till, waiting = await asked_for(say("It is done."))
    (approval_id,) = waiting.approvals

    ran = await till.run(judge(waiting, "approve"))

    (made,) = ran.of(ToolCalled)
    assert (made.call_id, made.approval_id, made.arguments) == (approval_id, approval_id, {"amount_usd": 500})
    assert made.confirmation_id == waiting.approvals[approval_id].requested.confirmation_id
    assert till.paid == [{"amount_usd": 500}]
    assert till.toolset.calls[0][2].idempotency_key == made.idempotency_key == f"cv_1:{approval_id}"
    assert [(each.call_id, each.outcome) for each in ran.of(ToolReturned)] == [(approval_id, "ok")]
    assert ran.text == "It is done."


async def test_it_runs_for_the_customer_who_confirmed_although_nobody_is_signed_in_any_more():
    till, waiting = await asked_for(say("It is done."))
    till.clock.forward(hours=5)
    assert waiting.identity_at(till.clock()) is None

    await till.run(judge(waiting, "approve", at=till.clock()))

    assert [context.customer_id for _, _, context in till.toolset.calls] == [CustomerId("C-1")]


async def test_it_runs_for_the_customer_who_confirmed_although_another_is_signed_in_now():
    till, waiting = await asked_for(say("It is done."))
    await till.run(judge(sign_in(waiting, "C-2"), "approve"))
    assert [context.customer_id for _, _, context in till.toolset.calls] == [CustomerId("C-1")]


async def test_a_declined_action_is_not_done_and_the_model_is_told_so():
    till, waiting = await asked_for(say("It was not approved."))
    ran = await till.run(judge(waiting, "decline"))

    assert till.paid == [] and ran.of(ToolCalled) == []
    note = read_note(till.model.requests[-1].messages[-1].content)
    assert note is not None
    assert [(each.tool, each.arguments, each.outcome) for each in note.actions] == [
        ("pay_back", {"amount_usd": 500}, "not_approved")
    ]
    assert ran.text == "It was not approved." and messages_by("system", ran.facts) == []


async def test_of_an_approval_that_came_too_late_the_model_is_told_that_and_not_that_somebody_refused():
    till, waiting = await asked_for(say("There was nobody to approve it in time."))
    late = START + timedelta(days=3)
    ran = await till.run(waiting.extended(*handoff.decide_due(waiting, BUNDLE, late, lambda kind: f"{kind}_late")))

    note = read_note(till.model.requests[-1].messages[-1].content)
    assert note is not None and [each.outcome for each in note.actions] == ["approval_expired"]
    assert till.paid == [] and ran.text == "There was nobody to approve it in time."


async def test_the_model_is_told_what_came_of_the_approved_action():
    till, waiting = await asked_for(say("It is done."))
    await till.run(judge(waiting, "approve"))
    note = read_note(till.model.requests[-1].messages[-1].content)
    assert note is not None and [(each.outcome, each.result) for each in note.actions] == [("ok", {"ok": 1})]


async def test_a_later_turn_does_not_pay_again():
    till, waiting = await asked_for(say("It is done."), say("You are welcome."))
    ran = await till.run(judge(waiting, "approve"))
    again = await till.run(post(ran.conversation, "thanks"))
    assert again.text == "You are welcome." and len(till.paid) == 1


@pytest.mark.parametrize(
    ("error", "outcome"), [(ToolRejected("Paid already."), "rejected"), (ToolFailed("timed out"), "unknown")]
)
async def test_an_approved_action_that_goes_wrong_is_told_and_offers_a_person(error: Exception, outcome: str):
    def broken(context: Any, amount_usd: float) -> Any:
        raise error

    till, waiting = await asked_for(say("Somebody looks at it."), pay_back=broken)
    ran = await till.run(judge(waiting, "approve"))
    assert [each.outcome for each in ran.of(ToolReturned)] == [outcome]
    assert len(ran.of(HandoffOffered)) == (outcome == "unknown")


# While a person has the conversation -------------------------------------------------------------------------------


HELD = {"waiting": wait, "with_human": take}
PAYING = "Doing pay_back"


def line(key: str, locale: str = "en") -> str:
    return phrase(key, locale, label=PAYING)


def lines(ran: Ran) -> list[str]:
    return [message.text for message in messages_by("system", ran.facts)]


def refuse(context: Any, amount_usd: float) -> Any:
    raise ToolRejected("Paid already.")


def break_down(context: Any, amount_usd: float) -> Any:
    raise ToolFailed("timed out")


@pytest.mark.parametrize("status", list(HELD))
@pytest.mark.parametrize(("decision", "told"), [("approve", "action_done"), ("decline", "approval_declined")])
async def test_while_a_person_is_to_answer_it_is_done_and_told_without_a_word_of_the_assistants(
    decision: Literal["approve", "decline"], told: str, status: str
):
    till, before = await asked_for(say("never"))
    asked = len(till.model.requests)

    ran = await till.run(judge(HELD[status](before), decision))

    assert till.paid == ([{"amount_usd": 500}] if decision == "approve" else [])
    assert len(till.model.requests) == asked and messages_by("assistant", ran.facts) == []
    assert lines(ran) == [line(told)]
    assert (ran.of(TurnEnded)[0].outcome, ran.conversation.status) == ("handed_off", status)
    assert ran.conversation.unfinished is False


@pytest.mark.parametrize(("pay_back", "told"), [(refuse, "action_not_done"), (break_down, "action_unknown")])
async def test_what_goes_wrong_while_a_person_is_to_answer_is_told_as_it_is(pay_back: Any, told: str):
    till, before = await asked_for(say("never"), pay_back=pay_back)
    ran = await till.run(judge(take(before), "approve"))
    assert lines(ran) == [line(told)]


async def test_a_card_that_shows_what_was_done_needs_no_line_beside_it():
    till, before = await asked_for(
        say("never"), pay_back=lambda context, amount_usd: ToolOutput({"ok": 1}, Card(title="Paid back"))
    )
    ran = await till.run(judge(take(before), "approve"))
    assert [each.card for each in ran.of(ToolReturned)] == [Card(title="Paid back")] and lines(ran) == []


@pytest.mark.parametrize("locale", ["en", "zh", "es", "ar"])
@pytest.mark.parametrize(
    "key", ["action_done", "action_not_done", "action_unknown", "approval_declined", "approval_expired"]
)
def test_every_outcome_has_words_of_its_own_in_every_language(key: str, locale: str):
    assert PAYING in line(key, locale)
    assert locale == "en" or line(key, locale) != line(key)


async def test_what_nobody_approved_in_time_is_told_as_just_that():
    till, before = await asked_for(say("never"))
    late = START + timedelta(days=3)
    expired = handoff.decide_due(take(before), BUNDLE, late, lambda kind: f"{kind}_late")
    ran = await till.run(take(before).extended(*expired))
    assert lines(ran) == [line("approval_expired")] and till.paid == []


async def test_a_model_that_fails_after_the_payment_leaves_the_customer_with_the_outcome():
    till, waiting = await asked_for([FAILED])
    ran = await till.run(judge(waiting, "approve"))
    assert till.paid == [{"amount_usd": 500}] and ran.of(TurnEnded)[0].outcome == "failed"
    assert lines(ran) == [line("action_done")]


async def test_a_mistake_of_ours_after_the_payment_leaves_the_customer_with_the_outcome():
    till, waiting = await asked_for(say("never"))
    stored = await till.run_until(judge(waiting, "approve"), ToolReturned, stored=True)
    facts = give_up(till.engine, stored)
    assert [message.text for message in messages_by("system", facts)] == [line("action_done")]


async def test_a_customer_who_stops_the_reply_still_reads_what_was_done():
    stop = asyncio.Event()
    till, waiting = await asked_for([TextGrew("It is"), 0.0, stop.set, 30.0])
    ran = await till.run(judge(waiting, "approve"), stop=stop)
    assert ran.of(TurnEnded)[0].outcome == "cancelled" and lines(ran) == [line("action_done")]


async def test_an_approval_after_the_customer_has_closed_is_carried_out_still_and_told():
    till, before = await asked_for(say("never"))
    ended = before.extended(ConversationClosed(at=START, by="customer"))
    ran = await till.run(judge(ended, "approve"))
    assert till.paid == [{"amount_usd": 500}]
    assert ran.of(TurnEnded)[0].outcome == "cancelled"
    assert messages_by("assistant", ran.facts) == [] and lines(ran) == [line("action_done")]


async def test_a_confirmation_pressed_as_a_person_takes_it_still_asks_for_the_second_yes_and_says_so():
    till = Till(pay(500), say("Use the card."), say("never"))
    card = await till.ask(500)
    (confirmation_id,) = card.confirmations
    pressed = take(card).extended(
        ConfirmationDecided(at=START, turn_id=TurnId("tn_p"), confirmation_id=confirmation_id, decision="confirm")
    )
    ran = await till.run(pressed)
    assert len(ran.of(ApprovalRequested)) == 1 and till.paid == []
    assert messages_by("assistant", ran.facts) == [] and lines(ran) == [line("approval_waits")]


# Never twice -------------------------------------------------------------------------------------------------------


def room_of(till: Till) -> tuple[Ledger, Worker]:
    ledger = Ledger(Logs(), lambda *_: None, alone=False)
    return ledger, Worker(Engines([till.engine]), ledger, lambda *_: None)


async def test_a_person_who_comes_between_the_plan_and_the_call_does_not_stop_what_was_approved():
    till, waiting = await asked_for(say("never"))
    ledger, worker = room_of(till)
    stored = judge(waiting, "approve")
    await ledger.append(Conversation(stored.conversation_id), *(logged.event for logged in stored.log))

    async def accept_first() -> None:
        """Somebody accepts after the turn's first frame and before its first append."""
        decided = handoff.accept(stored, BUNDLE, DESK, START)
        assert isinstance(decided, tuple)
        await ledger.append(stored, *decided)

    loads = ledger.load

    async def load(conversation_id: Any) -> Conversation:
        conversation = await loads(conversation_id)
        if not any(isinstance(logged.event, HandoffAccepted) for logged in conversation.log):
            await accept_first()
        return conversation

    ledger.load = load  # pyright: ignore[reportAttributeAccessIssue]
    async with asyncio.timeout(10):
        await worker(stored.conversation_id, asyncio.Event())

    now = await loads(stored.conversation_id)
    log = [logged.event for logged in now.log]
    assert till.paid == [{"amount_usd": 500}]
    assert len([each for each in log if isinstance(each, ToolCalled)]) == 1
    assert [each.text for each in messages_by("assistant", log)] == ["Use the card.", "A colleague looks at it."]
    assert [each.text for each in messages_by("system", log)] == [line("action_done")]
    assert now.status == "with_human" and not now.unfinished and now.running_calls == {}


async def test_a_crash_between_effect_and_result_leaves_it_unknown_and_never_pays_again():
    till, waiting = await asked_for(say("I cannot tell whether it was paid."))
    stored = judge(waiting, "approve")
    stored = await till.run_until(stored, ToolReturned, stored=False)
    assert till.paid == [{"amount_usd": 500}] and stored.running_calls

    ran = await till.run(stored)

    assert len(till.paid) == 1
    assert [each.outcome for each in ran.of(ToolReturned)] == ["unknown"]
    assert [each.reason for each in ran.of(HandoffOffered)] == ["tool_failed"]
    assert ran.conversation.ticket, "whatever the customer does with the offer, somebody looks"


async def test_a_crash_before_the_call_was_noted_pays_once():
    till, waiting = await asked_for(say("It is done."))
    stored = judge(waiting, "approve")
    assert await till.run_until(stored, stored=False) == stored
    assert till.paid == []
    await till.run(stored)
    assert till.paid == [{"amount_usd": 500}]


async def test_a_crash_after_the_second_yes_was_asked_for_does_not_ask_for_it_twice():
    till = Till(pay(500), say("Use the card."), say("A colleague looks at it."))
    stored = decide(await till.ask(500))
    stored = await till.run_until(stored, ApprovalRequested, stored=True)

    ran = await till.run(stored)

    assert ran.of(ApprovalRequested) == [] and len(ran.conversation.approvals) == 1


async def test_an_approval_that_nobody_gave_in_time_is_expired_and_one_that_was_given_is_not():
    till, waiting = await asked_for()
    (approval,) = waiting.approvals.values()
    late = approval.requested.expires_at
    assert approval.state_at(late - timedelta(seconds=1)) == "pending"
    assert approval.state_at(late) == "expired"
    given = judge(waiting, "approve").approvals[ApprovalId(approval.requested.approval_id)]
    assert given.state_at(late + timedelta(days=9)) == "approve"


async def test_two_workers_that_carry_out_the_same_approval_pay_once():
    till, waiting = await asked_for(say("It is done."))
    stored = judge(waiting, "approve")
    ledger, worker = room_of(till)
    await ledger.append(Conversation(stored.conversation_id), *(logged.event for logged in stored.log))
    another = Worker(Engines([till.engine]), ledger, lambda *_: None)

    async with asyncio.timeout(10):
        await asyncio.gather(*(each(stored.conversation_id, asyncio.Event()) for each in (worker, another)))

    assert till.paid == [{"amount_usd": 500}]
    assert not (await ledger.load(stored.conversation_id)).unfinished
