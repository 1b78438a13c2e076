"""A draft is what the assistant would say: through the same turn and gate, and nothing comes of it."""

from collections.abc import Callable
from typing import Any

import pytest

from firstline import handoff
from firstline.conversation import Conversation
from firstline.draft import Draft, draft_reply
from firstline.events import ConversationClosed
from firstline.handoff import Refused
from firstline.model.note import read_note
from firstline.types import Citation
from tests.support.scripted import FAILED, START, call, cite, decide, post, say, sign_in, start
from tests.support.workshop import BUNDLE, DESK, Workshop, take, wait

pytestmark = pytest.mark.anyio

QUESTION = "how do I oil a chain"
SOURCE = Citation(title="Oiling a chain", url="/help/workshop/en/chain/oil", quote="Oil the chain every 200 miles.")


def answer(conversation: Conversation, text: str) -> Conversation:
    decided = handoff.reply(conversation, DESK, text, text, START, lambda kind: f"{kind}_{text}")
    assert not isinstance(decided, Refused)
    return conversation.extended(*decided)


SCENES: dict[str, Callable[[], Conversation]] = {
    "open": lambda: post(start(BUNDLE), QUESTION),
    "written before the wait": lambda: wait(post(start(BUNDLE), QUESTION)),
    "written while waiting": lambda: post(wait(start(BUNDLE)), QUESTION),
    "written to a person": lambda: post(take(start(BUNDLE)), QUESTION),
    "answered by a person": lambda: answer(post(take(start(BUNDLE)), QUESTION), "One moment."),
}


async def draft(conversation: Conversation, *scripts: Any, **how: Any) -> tuple[Draft, Workshop]:
    """The draft, and what was asked and called for it; the conversation is as it was before."""
    workshop, before = Workshop(*scripts, **how), conversation.extended()
    made = await draft_reply(workshop.engine, conversation)
    assert conversation == before, "a draft changes nothing"
    return made, workshop


@pytest.mark.parametrize("scene", list(SCENES))
async def test_a_draft_is_what_the_assistant_would_say_with_its_sources(scene: str):
    made, workshop = await draft(SCENES[scene](), cite("Oil it every 200 miles.", SOURCE))

    assert made.text == "Oil it every 200 miles.\u202f[1]" and made.citations == (SOURCE,)
    assert (made.withheld, made.code) == ((), None)
    texts = workshop.texts_asked()
    assert texts[-1] == QUESTION and sum(text == QUESTION for text in texts) == 1


async def test_the_draft_of_an_unanswered_turn_is_the_reply_of_that_turn():
    conversation = post(start(BUNDLE), QUESTION)
    ran = await Workshop(say("Every 200 miles.")).run(conversation)
    made, _ = await draft(conversation, say("Every 200 miles."))
    assert made.text == ran.text == "Every 200 miles."


async def test_all_that_nobody_has_heard_is_answered_together():
    conversation = post(post(take(start(BUNDLE)), QUESTION), "and with which oil")
    _, workshop = await draft(conversation, say("With any."))
    texts = workshop.texts_asked()
    assert texts[-2:] == [QUESTION, "and with which oil"]


async def test_the_draft_knows_what_the_person_has_said():
    conversation = post(answer(post(take(start(BUNDLE)), "my chain squeaks"), "Bring it here."), QUESTION)
    _, workshop = await draft(conversation, say("Every 200 miles."))
    note = read_note(workshop.model.requests[0].messages[-1].content)
    assert note is not None and note.team == ("Customer: my chain squeaks", "Desk One: Bring it here.")


async def test_a_wish_for_a_person_is_drafted_for_and_not_heard_again():
    for conversation in (
        take(wait(post(start(BUNDLE), "I want to talk to a human"))),
        post(take(start(BUNDLE)), "I want to talk to a human"),
        post(start(BUNDLE), "I want to talk to a human"),
    ):
        made, workshop = await draft(conversation, say("A colleague is here."))
        assert made.text == "A colleague is here." and len(workshop.model.requests) == 1


async def test_a_draft_looks_things_up():
    made, workshop = await draft(
        post(take(start(BUNDLE)), "price for two wheels"),
        call(("t1", "get_price", {"wheels": 2})),
        say("That is $96.40."),
        functions={"get_price": lambda context, wheels: {"price_usd": "96.40"}},
    )
    assert made.text == "That is $96.40."
    assert workshop.calls == [("get_price", {"wheels": 2})]


async def test_a_draft_runs_no_action_and_leaves_no_card():
    conversation = post(take(sign_in(start(BUNDLE))), "cancel my repair")
    made, workshop = await draft(
        conversation, call(("t1", "cancel_repair", {"repair": "R1"})), say("Please confirm on the card.")
    )
    assert made.text == "Please confirm on the card."
    assert workshop.calls == [] and conversation.confirmations == {}


async def test_a_draft_does_not_carry_out_what_was_confirmed_and_is_due():
    asked = Workshop(call(("t1", "cancel_repair", {"repair": "R1"})), say("Use the card."))
    ran = await asked.run(post(sign_in(start(BUNDLE)), "cancel my repair"))
    _, workshop = await draft(decide(ran.conversation), say("In a moment."))
    assert workshop.calls == []


async def test_what_the_gate_withheld_is_told_with_the_draft_that_was_repaired():
    made, _ = await draft(
        post(take(start(BUNDLE)), "what does it cost"), say("A repair costs $45."), say("A chain costs $25.")
    )
    assert made.text == "A chain costs $25."
    assert len(made.withheld) == 1 and "$45" in made.withheld[0]


async def test_a_draft_that_the_gate_stops_twice_is_empty_and_says_why():
    made, _ = await draft(post(take(start(BUNDLE)), "what does it cost"), say("It costs $45."), say("Or $46."))
    assert (made.text, made.code) == ("", "withheld")
    assert [("$45" in text or "$46" in text) for text in made.withheld] == [True, True]


async def test_a_draft_that_failed_is_empty_and_says_why():
    made, _ = await draft(post(take(start(BUNDLE)), QUESTION), [FAILED])
    assert (made.text, made.citations, made.code) == ("", (), "overloaded")


async def test_a_draft_tells_what_it_cost():
    made, _ = await draft(post(take(start(BUNDLE)), QUESTION), say("Every 200 miles.", cost=0.25))
    assert made.cost_usd == 0.25


async def test_without_a_word_of_the_customers_there_is_nothing_to_draft():
    made, workshop = await draft(take(start(BUNDLE)), say("never"))
    assert made == Draft("") and workshop.model.requests == []


async def test_in_a_closed_conversation_nothing_is_drafted():
    conversation = post(start(BUNDLE), QUESTION).extended(ConversationClosed(at=START, by="customer"))
    made, workshop = await draft(conversation, say("never"))
    assert made.text == "" and workshop.model.requests == []
