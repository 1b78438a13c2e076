"""Whole conversations with the offline model through the real engine: what a customer of the demo reads."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from firstline.conversation import Conversation
from firstline.engine import Engine
from firstline.events import ConfirmationRequested, HandoffOffered, ToolReturned, TurnEnded
from firstline.model.offline import OfflineModel
from firstline.tools.python import open_bundle
from tests.support.scripted import Ran, decide, make_engine, post, run, sign_in, start

pytestmark = pytest.mark.anyio
ACME = Path(__file__).parents[2] / "bundles" / "acme"


@dataclass
class Talk:
    """One conversation with Eva. `last`: what the latest turn did."""

    engine: Engine
    conversation: Conversation = field(init=False)
    last: Ran = field(init=False)

    def __post_init__(self) -> None:
        self.conversation = start(self.engine.bundle)

    def sign_in(self, customer_id: str) -> "Talk":
        self.conversation = sign_in(self.conversation, customer_id)
        return self

    async def say(self, *texts: str) -> str:
        """The reply to the last of the texts."""
        for text in texts:
            await self._run(post(self.conversation, text))
        return self.last.text

    async def decide(self, decision: str) -> str:
        await self._run(decide(self.conversation, decision))
        return self.last.text

    async def _run(self, conversation: Conversation) -> None:
        self.last = await run(self.engine, conversation)
        self.conversation = self.last.conversation
        assert not [each for each in self.last.of(TurnEnded) if each.outcome == "failed"], self.last.text

    def asked_to_confirm(self) -> dict[str, object]:
        """The arguments on the card of the latest turn."""
        (card,) = self.last.of(ConfirmationRequested)
        return card.arguments

    def called(self) -> list[str]:
        return [each.tool for each in self.last.of(ToolReturned)]


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    bundle, toolset = open_bundle(ACME, data=tmp_path)
    yield Talk(replace(make_engine(bundle, OfflineModel(bundle), toolset), folder=toolset.rows))
    toolset.close()


async def test_a_wish_to_cancel_one_policy_just_asks_for_the_last_day(talk: Talk):
    reply = await talk.sign_in("C-1001").say("I want to cancel my policy AC-204818")

    assert "Which day should be the last one with cover?" in reply and "Which policy" not in reply


async def test_a_wish_for_a_refund_asks_for_the_invoice_and_then_the_amount(talk: Talk):
    assert "Which invoice is it about?" in await talk.sign_in("C-1002").say("I want a refund")
    assert await talk.say("the last one") == "How many dollars should be refunded?"
    await talk.say("20 dollars")
    assert talk.asked_to_confirm()["amount_usd"] == 20


async def test_a_day_at_the_end_of_the_month_is_understood(talk: Talk):
    await talk.sign_in("C-1001").say("I want to cancel my policy AC-204818", "end of the month")

    assert talk.asked_to_confirm() == {"policy_number": "AC-204818", "last_day": "2026-11-30"}


async def test_a_declined_action_can_be_changed_in_a_word(talk: Talk):
    await talk.sign_in("C-1001").say("I want to cancel my policy AC-204818", "2026-12-31")
    await talk.decide("decline")
    await talk.say("actually make it January 15 2027")

    assert talk.asked_to_confirm()["last_day"] == "2027-01-15"


async def test_once_an_action_is_decided_other_questions_are_answered(talk: Talk):
    await talk.sign_in("C-1001").say("我要退保", "AC-204817", "12月31日")
    await talk.decide("decline")
    reply = await talk.say("我的保单有哪些")

    assert "AC-204817" in reply and "AC-204818" in reply
    assert talk.called() == ["find_policies"]


async def test_the_second_policy_is_the_second_whichever_was_spoken_of_before(talk: Talk):
    await talk.sign_in("C-1001").say("show me my policy AC-204817", "what policies do I have?")

    assert "**AC-204818**" in await talk.say("show me my second policy")


@pytest.mark.parametrize("written", ["it's a Zoe", "Zoe", "a zoe"])
async def test_one_unknown_word_is_the_model_and_the_make_is_asked(talk: Talk, written: str):
    reply = await talk.say("I want a quote", written)

    assert "Which make is the vehicle" in reply and "which model is it" not in reply
    await talk.say("Renault", "2021", "9k", "27")
    assert "2021 Renault Zoe" in talk.last.text.replace("zoe", "Zoe")


async def test_a_make_that_was_taken_for_the_model_moves_when_it_is_said_again(talk: Talk):
    reply = await talk.say("I want a quote", "Renault", "Renault")

    assert "which model is it" in reply and "Which make" not in reply


@pytest.mark.parametrize("sentence", ["I sold the car", "我把车卖了"])
async def test_a_sentence_is_no_make_and_model(talk: Talk, sentence: str):
    await talk.say("I want a quote", sentence)

    assert "Isold" not in talk.last.text and "卖了：" not in talk.last.text
    assert talk.called() == []


async def test_words_of_one_answer_keep_their_space_when_repeated(talk: Talk):
    assert "Renault Zoe" in await talk.say("I want a quote", "Renault Zoe")


async def test_so_much_less_changes_the_number_that_can_be_so_much_less(talk: Talk):
    reply = await talk.say("quote for a 2022 Nissan Leaf, 9000 miles, 27 years old", "and if i drive 5000 less")

    assert "4,000 miles a year" in reply and "aged 27" in reply


async def test_one_year_is_no_age_of_one(talk: Talk):
    reply = await talk.say("我想给日产聆风2022年款报价", "一年开一万二千英里")

    assert "多大年龄" in reply and talk.called() == []


async def test_when_money_comes_back_is_a_question_and_no_order_to_pay_it(talk: Talk):
    await talk.sign_in("C-1002").say("when do I get my refund?")

    assert not talk.last.of(ConfirmationRequested) and "Which invoice" not in talk.last.text


async def test_suggestions_leave_out_what_was_asked_just_now(talk: Talk):
    await talk.say("Hello")
    offers = talk.engine.bundle.playbooks["claims"].suggestions["en"]
    await talk.sign_in("C-1003").say(offers[1].upper().rstrip("?"))
    (ended,) = talk.last.of(TurnEnded)

    assert ended.suggestions and set(ended.suggestions) == {*offers} - {offers[1]}


async def test_a_card_shows_a_choice_by_its_name_in_the_customers_language(talk: Talk):
    await talk.sign_in("C-1001").say("11月20号晚上在丹佛Colfax大街，我的聆风被后车追尾，保险杠凹进去了，帮我报案")
    (card,) = talk.last.of(ConfirmationRequested)

    assert card.arguments["kind"] == "collision"
    assert "碰撞" in [row.value for row in card.rows] and "collision" not in [row.value for row in card.rows]


async def test_whoever_is_in_danger_hears_whom_to_call_and_is_offered_a_person(talk: Talk):
    reply = await talk.say("there is smoke coming out of my car")

    assert "911" in reply and [each.reason for each in talk.last.of(HandoffOffered)] == ["no_answer"]


async def test_a_day_that_is_just_over_is_not_taken_for_one_in_a_year(talk: Talk):
    await talk.sign_in("C-1002").say("I sold the car on October 1, cancel my policy from that day")

    assert talk.asked_to_confirm()["last_day"] == "2026-10-01"
