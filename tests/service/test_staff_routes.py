"""The hand-off through the API, with everybody at once: a customer's tabs, two desks, time, a reply that is running.

The laws are those of `tests.promises.test_p12_hand_off`, held against the log that the running service has stored.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from firstline.conversation import Conversation
from firstline.service.views import view_fact
from firstline.types import ConversationId
from tests.promises.test_p12_hand_off import Reader
from tests.support.client import Customer, eventually
from tests.support.desk_client import Desk, sign_in
from tests.support.mechanic import BEGUN, REST
from tests.support.page import Page
from tests.support.shop import Shop, open_shop

pytestmark = [pytest.mark.anyio, pytest.mark.promise("P12")]

STORY = "tell me a long story"
SECOND = 1.0


@pytest.fixture
async def desk(shop: Shop) -> AsyncIterator[Desk]:
    desk = await sign_in(shop)
    yield desk
    await desk.client.http.aclose()


async def read(shop: Shop, customer: Customer) -> Reader:
    """The stored log, read by every law."""
    conversation = await shop.service.ledger.load(ConversationId(customer.conversation_id))
    found = Reader().read(conversation.log)
    assert (found.status, found.holder) == (conversation.status, conversation.human_agent)
    if conversation.status == "open" and not conversation.unfinished:
        assert not found.unanswered, "a message that nobody answers"
    await check_shown(customer, conversation)
    return found


async def check_shown(customer: Customer, conversation: Conversation) -> None:
    """What a reader from the beginning has seen is what a fresh page shows."""
    shown = [each.seq for each in conversation.log if view_fact(customer.conversation_id, each) is not None]
    page, snapshot = Page.empty(customer.conversation_id), await customer.snapshot()
    async with customer.watch(0) as stream:
        while page.last_seq < max(shown, default=0):
            page.apply(await stream.next())
    assert page.state["messages"] == snapshot["messages"]
    assert page.state["status"] == snapshot["status"] == conversation.status


# A reply that is running ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["accept", "handoff", "resolve", "close"])
async def test_whoever_takes_the_conversation_stops_the_assistant_within_a_second_and_what_was_shown_stays(
    shop: Shop, desk: Desk, how: str
):
    customer = await shop.client.start()
    shop.model.hold = True
    clock = asyncio.get_running_loop().time
    async with customer.watch() as stream:
        await customer.post(STORY)
        shown = (await stream.until("reply.delta"))[-1].body["text"]
        begun = clock()
        if how in ("accept", "resolve"):
            await desk.act(customer.conversation_id, how)
        else:
            await customer.call("POST", f"/{how}")
        events = await stream.until("turn.ended")
        took = clock() - begun
        shop.model.go_on.set()
        await eventually(lambda: shop.service.dispatcher.busy == 0)

    assert took < SECOND and shop.model.stopped == 1
    said = [each.body["message"] for each in events if each.name == "message.posted"]
    partial = [each for each in said if each["author"] == "assistant"]
    assert [(each["text"], each["cut_off"]) for each in partial] == [(shown, True)]
    assert shown in BEGUN and REST not in str(await customer.snapshot())
    assert not [each for each in events if each.name == "reply.delta" and each.body["text"] not in BEGUN]
    await read(shop, customer)


async def test_two_who_take_over_a_running_reply_at_once_and_a_customer_who_writes_agree_on_one_holder(
    shop: Shop, desk: Desk
):
    two, customer = await sign_in(shop, name="desk.two"), await shop.client.start()
    shop.model.hold = True
    await customer.post(STORY)
    await shop.model.reached.wait()

    answers = await asyncio.gather(
        desk.act(customer.conversation_id, "accept"),
        two.act(customer.conversation_id, "accept"),
        customer.post("and the brakes?"),
        desk.write(customer.conversation_id, "Desk One here."),
        two.write(customer.conversation_id, "Desk Two here."),
    )
    await eventually(lambda: shop.service.dispatcher.busy == 0)

    assert sorted(each.status_code for each in answers[:2]) == [200, 409]
    found = await read(shop, customer)
    assert found.holder is not None
    spoken = [each for each in (await customer.snapshot())["messages"] if each["author"] == "human_agent"]
    assert len(spoken) == sum(each.status_code == 200 for each in answers[3:])
    assert {each["author_name"] for each in spoken} <= {found.holder.name}
    await two.client.http.aclose()


@pytest.mark.parametrize("back", ["resume", "return"])
async def test_a_person_for_a_moment_only_and_the_assistant_begins_its_answer_anew(shop: Shop, desk: Desk, back: str):
    customer = await shop.client.start()
    shop.model.hold = True
    await customer.post(STORY)
    await shop.model.reached.wait()
    shop.model.hold = False

    if back == "resume":
        await asyncio.gather(customer.call("POST", "/handoff"), customer.call("POST", "/resume"))
        await customer.call("POST", "/resume")
    else:
        await desk.act(customer.conversation_id, "accept")
        await desk.act(customer.conversation_id, "return")
    await eventually(lambda: shop.service.dispatcher.busy == 0)

    await read(shop, customer)
    said = [each for each in (await customer.snapshot())["messages"] if each["author"] == "assistant"]
    assert [each.get("cut_off", False) for each in said] == [True, False]


async def test_of_two_who_approve_the_one_who_was_first_is_in_the_audit_log(shop: Shop, desk: Desk):
    two, customer = await sign_in(shop, name="desk.two"), await shop.signed_in()
    await customer.ask("pay back 150")
    card = (await customer.snapshot())["pending"]["confirmations"][0]
    await customer.decide(card["confirmation_id"])
    await eventually(lambda: shop.service.dispatcher.busy == 0)
    await shop.service.indexer.settled()
    (approval,) = await desk.approvals()
    path, body = f"/approvals/{approval['approval_id']}", {"decision": "approve"}

    answers = [await each.call("POST", path, json=body) for each in (desk, two)]
    await eventually(lambda: shop.service.dispatcher.busy == 0)

    assert [each.status_code for each in answers] == [200, 200]
    entries = await shop.service.staff.read_audit()
    assert [each.actor for each in entries if each.action == "approved"] == ["desk.one"]
    assert len(shop.effects()) == 1
    await two.client.http.aclose()


# Anything at all --------------------------------------------------------------------------------------------------

WORDS = ("hello", "price for 3 wheels", "I want to talk to a human", "please fail", "yes", "thanks", "pay back 150")
MOVES = ("handoff", "resume", "close", "reopen")
ACTIONS = ("accept", "release", "return", "resolve", "reopen")
MAY_BE = {200, 202, 204, 409}
"""Anything but a mistake: what cannot be done now is refused with a reason."""


class Everybody(RuleBasedStateMachine):
    """A customer in two tabs, two desks, and time, in whatever order Hypothesis likes."""

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.held = asyncio.Runner(), AsyncExitStack()
        self.folder = TemporaryDirectory()

    @initialize()
    def open(self) -> None:
        async def opened() -> None:
            self.shop = await self.held.enter_async_context(open_shop(Path(self.folder.name)))
            self.customer = await self.shop.signed_in()
            await self.sign_in()

        self.runner.run(opened())

    async def sign_in(self) -> None:
        self.desks = [await sign_in(self.shop, name=name) for name in ("desk.one", "desk.two")]
        for each in self.desks:
            self.held.push_async_callback(each.client.http.aclose)

    def teardown(self) -> None:
        self.runner.run(self.held.aclose())
        self.runner.close()
        self.folder.cleanup()

    def at_once(self, *asked: Callable[[], Awaitable[httpx2.Response]]) -> None:
        """Sent at the same instant; then everything that comes of it."""

        async def all_of_it() -> None:
            answers = await asyncio.gather(*(ask() for ask in asked))
            assert {answer.status_code for answer in answers} <= MAY_BE, [answer.text for answer in answers]
            await eventually(lambda: self.shop.service.dispatcher.busy == 0)

        self.runner.run(all_of_it())

    def _choose(self, what: tuple[str, str, int]) -> Callable[[], Awaitable[httpx2.Response]]:
        kind, word, who = what
        id_, desk = self.customer.conversation_id, self.desks[who]
        match kind:
            case "write":
                return lambda: self.customer.post(word)
            case "move":
                return lambda: self.customer.call("POST", f"/{word}")
            case "act":
                return lambda: desk.act(id_, word)
            case _:
                return lambda: desk.write(id_, "Here I am.", to=word)

    whatever = (
        st.tuples(st.just("write"), st.sampled_from(WORDS), st.just(0))
        | st.tuples(st.just("move"), st.sampled_from(MOVES), st.just(0))
        | st.tuples(st.just("act"), st.sampled_from(ACTIONS), st.integers(0, 1))
        | st.tuples(st.just("say"), st.sampled_from(("reply", "note")), st.integers(0, 1))
    )

    @rule(what=whatever)
    def one(self, what: tuple[str, str, int]) -> None:
        self.at_once(self._choose(what))

    @rule(first=whatever, second=whatever)
    def two_at_once(self, first: tuple[str, str, int], second: tuple[str, str, int]) -> None:
        self.at_once(self._choose(first), self._choose(second))

    @rule()
    def leave_contact(self) -> None:
        body = {"contact": "kim@spoke.example"}
        self.at_once(lambda: self.customer.call("POST", "/contact", json=body))

    @rule()
    def confirm(self) -> None:
        snapshot = self.runner.run(self.customer.snapshot())
        for card in snapshot["pending"]["confirmations"]:
            self.at_once(partial(self.customer.decide, card["confirmation_id"]))

    @rule(decision=st.sampled_from(("approve", "decline")))
    def decide(self, decision: str) -> None:
        async def pending() -> list[Any]:
            await self.shop.service.indexer.settled()
            return await self.desks[0].approvals()

        for approval in self.runner.run(pending()):
            asked = ("POST", f"/approvals/{approval['approval_id']}")
            body = {"decision": decision}
            self.at_once(*(partial(desk.call, *asked, json=body) for desk in self.desks))

    @rule(minutes=st.sampled_from((1, 11, 600)))
    def time_passes(self, minutes: int) -> None:
        async def pass_time() -> None:
            self.shop.clock.forward(minutes=minutes)
            await self.sign_in()
            await self.shop.service.indexer.settled()
            await self.shop.service.timekeeper.tick()
            await eventually(lambda: self.shop.service.dispatcher.busy == 0)

        self.runner.run(pass_time())

    @invariant()
    def every_law_holds(self) -> None:
        async def look() -> None:
            found = await read(self.shop, self.customer)
            await self.shop.service.indexer.settled()
            (row,) = (await self.desks[1].listing(shelf="all"))["conversations"]
            assert (row["status"], row["ticket"]) == (found.status, found.ticket)

        if hasattr(self, "customer"):
            self.runner.run(look())


Everybody.TestCase.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestWhateverEverybodyDoes = Everybody.TestCase
