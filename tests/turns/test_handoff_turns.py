"""Turns around a hand-off: what a broken-off one leaves is put to the model again, and survives a restart."""

from pathlib import Path

import pytest

from firstline.prompt import build_static, compose
from firstline.types import ConversationId
from tests.support.client import eventually
from tests.support.desk_client import sign_in
from tests.support.explore import BUNDLE, CUSTOMER, A, Explorer, person
from tests.support.shop import open_shop

pytestmark = pytest.mark.anyio

QUESTION = "what does a repair cost"


async def put_to_the_model(*moves: str) -> list[str]:
    """The customer's texts in the message that opens the turn that is due after these moves."""
    explorer = Explorer((*CUSTOMER.values(), *person(A).values()), most_unanswered=9)
    world = await explorer.begin()
    for name in moves:
        moved = [each async for each in explorer.moves(world) if each.name == name and not each.stale]
        assert moved and moved[0].refused is None, name
        world = moved[0].world
    assert world.work is not None and world.work.steps is not None
    first = world.work.steps[0]
    assert isinstance(first, tuple)
    log = world.log.extended(*first)
    assert log.open_turn is not None
    opening = compose(BUNDLE, build_static(BUNDLE), log, log.open_turn).messages[-1]
    return [str(each["text"]) for each in opening.content if each["type"] == "text"][1:]


BROKEN_OFF = ("post question", "worker", "worker", "worker", "worker", "Desk A accept", "worker", "worker")
"""A question, a turn that has begun to answer it, a person who takes over, and the turn broken off."""


async def test_a_question_whose_answer_was_broken_off_is_put_to_the_model_again():
    assert await put_to_the_model(*BROKEN_OFF, "Desk A return", "worker") == [QUESTION]


async def test_with_whatever_the_customer_wrote_meanwhile():
    texts = await put_to_the_model(*BROKEN_OFF, "post thanks", "worker", "Desk A return", "worker")

    assert texts == [QUESTION, "thanks"]


async def test_what_a_person_has_answered_is_not_put_to_the_model_again():
    texts = await put_to_the_model(*BROKEN_OFF, "Desk A reply", "post thanks", "worker", "Desk A return", "worker")

    assert texts == ["thanks"]


async def test_a_wish_is_not_put_to_the_model_again_and_what_was_left_before_it_is():
    waiting = ("ask", "post question", "worker", "go on", "post wish", "worker", "worker", "worker")
    texts = await put_to_the_model(*waiting, "worker", "go on", "worker")

    assert texts == [QUESTION]


@pytest.mark.promise("P12")
@pytest.mark.parametrize("what", ["resume", "return", "approve"])
async def test_a_turn_that_a_move_has_named_is_taken_up_by_the_next_process(tmp_path: Path, what: str):
    async with open_shop(tmp_path) as shop:
        desk, customer = await sign_in(shop), await shop.signed_in()
        if what == "approve":
            await customer.ask("pay back 150")
            card = (await customer.snapshot())["pending"]["confirmations"][0]
            await customer.decide(card["confirmation_id"])
            await eventually(lambda: shop.service.dispatcher.busy == 0)
            await shop.service.indexer.settled()
        else:
            await customer.call("POST", "/handoff")
            await customer.post("my chain is dry")
            await eventually(lambda: shop.service.dispatcher.busy == 0)
        await shop.service.dispatcher.close()  # the process is about to die: it begins nothing any more
        if what == "approve":
            (approval,) = await desk.approvals()
            await desk.call("POST", f"/approvals/{approval['approval_id']}", json={"decision": "approve"})
        elif what == "return":
            await desk.act(customer.conversation_id, "return")
        else:
            await customer.call("POST", "/resume")
        await desk.client.http.aclose()

    async with open_shop(tmp_path) as shop:
        await eventually(lambda: shop.service.dispatcher.busy == 0)
        conversation = await shop.service.ledger.load(ConversationId(customer.conversation_id))

        assert not conversation.unfinished
        assert len(shop.effects()) == (what == "approve")
