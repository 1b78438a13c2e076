"""What every dispatcher keeps to: one worker at a time, nothing forgotten, nobody waits for a watcher."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from firstline.dispatch import WATCHER_SIGNALS, Signal, Watch
from firstline.dispatch.local import LocalDispatcher
from firstline.events import Logged, ReplyGrew, ReplyWithdrawn, StatusShown, TurnEnded
from firstline.types import ConversationId, TurnId, Usage
from tests.support.events import START, started

pytestmark = pytest.mark.anyio

A, B = ConversationId("cv_a"), ConversationId("cv_b")
TURN = TurnId("tn_1")


@dataclass
class Shop:
    """A place of work: counts who works on what, and lets the work go on when the test says so."""

    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    began: "asyncio.Queue[ConversationId]" = field(default_factory=asyncio.Queue)
    working: list[ConversationId] = field(default_factory=list)
    finished: list[ConversationId] = field(default_factory=list)
    stops: list[asyncio.Event] = field(default_factory=list)
    breaks: int = 0
    """How many times the work fails before it succeeds."""

    async def work(self, conversation_id: ConversationId, stop: asyncio.Event) -> None:
        assert conversation_id not in self.working, "two work on one conversation"
        self.working.append(conversation_id)
        self.stops.append(stop)
        self.began.put_nowait(conversation_id)
        try:
            await self.may_go_on.wait()
            if self.breaks > 0:
                self.breaks -= 1
                raise OSError("no space left")
            self.finished.append(conversation_id)
        finally:
            self.working.remove(conversation_id)


@pytest.fixture
def shop() -> Shop:
    return Shop()


Build = Callable[[Any], LocalDispatcher]


@pytest.fixture(params=[LocalDispatcher])
async def dispatcher(request: pytest.FixtureRequest, shop: Shop) -> AsyncIterator[LocalDispatcher]:
    made = request.param(shop.work, retry_seconds=0)
    yield made
    await made.close(drain_seconds=0)


async def idle(dispatcher: LocalDispatcher) -> None:
    while dispatcher.busy:
        await asyncio.sleep(0)


def grew(text: str, shown: str) -> ReplyGrew:
    return ReplyGrew(TURN, text, shown)


def status(number: int = 0) -> StatusShown:
    return StatusShown(TURN, f"step {number}")


def ended(seq: int = 2) -> Logged:
    event = TurnEnded(at=START, turn_id=TURN, outcome="replied", usage=Usage(), cost_usd=0, model=None)
    return Logged(seq, event)


async def read(watch: Watch) -> Any:
    return await watch.next(within_seconds=5)


async def read_now(watch: Watch) -> Any:
    return await watch.next(within_seconds=0.001)


# Work ---------------------------------------------------------------------------------------------------------------


async def test_submitted_work_is_done(dispatcher: LocalDispatcher, shop: Shop) -> None:
    shop.may_go_on.set()
    await dispatcher.submit(A)
    await idle(dispatcher)

    assert shop.finished == [A]


async def test_a_conversation_is_worked_on_by_one_at_a_time_and_what_comes_meanwhile_is_taken_up_after(
    dispatcher: LocalDispatcher, shop: Shop
) -> None:
    await dispatcher.submit(A)
    await shop.began.get()
    for _ in range(5):
        await dispatcher.submit(A)
    assert shop.working == [A]

    shop.may_go_on.set()
    await idle(dispatcher)

    assert shop.finished == [A, A]


async def test_nothing_is_done_twice_when_nothing_came_meanwhile(dispatcher: LocalDispatcher, shop: Shop) -> None:
    shop.may_go_on.set()
    for times in (1, 2, 3):
        await dispatcher.submit(A)
        await idle(dispatcher)
        assert len(shop.finished) == times


async def test_conversations_do_not_wait_for_each_other(dispatcher: LocalDispatcher, shop: Shop) -> None:
    await dispatcher.submit(A)
    await dispatcher.submit(B)

    assert {await shop.began.get(), await shop.began.get()} == {A, B}
    assert dispatcher.busy == 2


async def test_what_is_submitted_as_the_work_ends_is_not_forgotten(dispatcher: LocalDispatcher, shop: Shop) -> None:
    await dispatcher.submit(A)
    await shop.began.get()
    shop.may_go_on.set()
    for _ in range(20):  # whichever moment of the ending it meets
        await dispatcher.submit(A)
        await asyncio.sleep(0)
    before = len(shop.finished)
    await dispatcher.submit(A)
    await idle(dispatcher)

    assert len(shop.finished) > before


async def test_work_that_raises_is_tried_again_until_it_is_done(dispatcher: LocalDispatcher, shop: Shop) -> None:
    shop.breaks = 3
    shop.may_go_on.set()
    await dispatcher.submit(A)
    await idle(dispatcher)

    assert shop.finished == [A]
    assert len(shop.stops) == 4


async def test_work_that_raises_disturbs_no_other(dispatcher: LocalDispatcher, shop: Shop) -> None:
    shop.breaks = 1
    shop.may_go_on.set()
    await dispatcher.submit(A)
    await dispatcher.submit(B)
    await idle(dispatcher)

    assert sorted(shop.finished) == [A, B]


# Stopping -----------------------------------------------------------------------------------------------------------


async def test_a_stop_reaches_the_running_work_and_only_it(dispatcher: LocalDispatcher, shop: Shop) -> None:
    await dispatcher.submit(A)
    await dispatcher.submit(B)
    order = [await shop.began.get(), await shop.began.get()]

    await dispatcher.stop(A)

    assert [stop.is_set() for stop in shop.stops] == [conversation_id == A for conversation_id in order]


async def test_a_stop_when_nothing_runs_stops_nothing_that_comes_later(
    dispatcher: LocalDispatcher, shop: Shop
) -> None:
    await dispatcher.stop(A)
    await dispatcher.submit(A)
    await shop.began.get()

    assert not shop.stops[0].is_set()


async def test_a_stop_does_not_hold_for_the_work_after(dispatcher: LocalDispatcher, shop: Shop) -> None:
    await dispatcher.submit(A)
    await shop.began.get()
    await dispatcher.submit(A)
    await dispatcher.stop(A)
    shop.may_go_on.set()
    await idle(dispatcher)

    assert [stop.is_set() for stop in shop.stops] == [True, False]


# Watching -----------------------------------------------------------------------------------------------------------


async def test_watchers_get_what_is_published_in_order(dispatcher: LocalDispatcher) -> None:
    async with dispatcher.subscribe(A) as one, dispatcher.subscribe(A) as two:
        dispatcher.publish(A, (Logged(1, started()), status(1)))
        dispatcher.publish(A, (status(2),))

        assert await read(one) == await read(two) == [Logged(1, started()), status(1), status(2)]


async def test_a_watcher_sees_nothing_of_another_conversation(dispatcher: LocalDispatcher) -> None:
    async with dispatcher.subscribe(B) as watch:
        dispatcher.publish(A, (status(),))

        assert await read_now(watch) == "quiet"


async def test_publishing_to_nobody_is_no_error(dispatcher: LocalDispatcher) -> None:
    dispatcher.publish(A, (status(), Logged(1, started()), grew("x", "x"), ended()))


async def test_a_watcher_that_has_gone_is_told_nothing_more(dispatcher: LocalDispatcher) -> None:
    async with dispatcher.subscribe(A) as watch:
        pass
    dispatcher.publish(A, (status(),))

    assert await read_now(watch) == "quiet"


async def test_where_nothing_comes_in_time_a_watcher_hears_that_it_is_quiet_and_goes_on(
    dispatcher: LocalDispatcher,
) -> None:
    async with dispatcher.subscribe(A) as watch:
        assert await read_now(watch) == "quiet"
        dispatcher.publish(A, (status(),))
        assert await read(watch) == [status()]


async def test_a_watcher_too_far_behind_loses_its_place_and_nobody_else_is_affected(
    dispatcher: LocalDispatcher,
) -> None:
    async with dispatcher.subscribe(A) as slow, dispatcher.subscribe(A) as quick:
        heard: list[Signal] = []
        for number in range(WATCHER_SIGNALS + 10):
            dispatcher.publish(A, (status(number),))
            heard += await read(quick)

        assert len(heard) == WATCHER_SIGNALS + 10
        assert len(await read(slow)) == WATCHER_SIGNALS
        assert await read(slow) == "lost"
        assert await read(slow) == "lost"


async def test_a_watcher_that_lost_its_place_has_no_gap_in_what_it_has_read(dispatcher: LocalDispatcher) -> None:
    async with dispatcher.subscribe(A) as slow:
        for number in range(WATCHER_SIGNALS - 1):
            dispatcher.publish(A, (status(number),))
        dispatcher.publish(A, (status(-1), status(-2)))  # too much: neither is put
        dispatcher.publish(A, (status(-3),))  # would fit again, but the place is gone

        signals = await read(slow)
        assert signals == [status(number) for number in range(WATCHER_SIGNALS - 1)]
        assert await read(slow) == "lost"


# Coming in the middle of a reply ------------------------------------------------------------------------------------


def told(signals: Any) -> str:
    """What a reader has on the screen after these signals."""
    shown = ""
    for signal in signals:
        if isinstance(signal, ReplyGrew):
            shown += signal.text
            assert shown == signal.shown
        elif isinstance(signal, ReplyWithdrawn):
            shown = signal.shown
    return shown


async def test_whoever_comes_in_the_middle_of_a_reply_gets_it_whole(dispatcher: LocalDispatcher) -> None:
    dispatcher.publish(A, (grew("Every ", "Every "),))
    dispatcher.publish(A, (grew("200", "Every 200"),))
    async with dispatcher.subscribe(A) as late:
        dispatcher.publish(A, (grew(" miles.", "Every 200 miles."),))

        assert told(await read(late)) == "Every 200 miles."


async def test_whoever_comes_after_a_withdrawal_gets_what_is_left(dispatcher: LocalDispatcher) -> None:
    dispatcher.publish(A, (grew("Every 200", "Every 200"), ReplyWithdrawn(TURN, "Every")))
    async with dispatcher.subscribe(A) as late:
        dispatcher.publish(A, (grew(" day.", "Every day."),))

        assert told(await read(late)) == "Every day."


async def test_whoever_comes_after_the_turn_ended_gets_nothing_of_it(dispatcher: LocalDispatcher) -> None:
    dispatcher.publish(A, (grew("Every 200", "Every 200"), ended()))
    async with dispatcher.subscribe(A) as late:
        assert await read_now(late) == "quiet"


async def test_other_facts_of_the_turn_do_not_end_the_reply(dispatcher: LocalDispatcher) -> None:
    dispatcher.publish(A, (grew("Every 200", "Every 200"), Logged(1, started())))
    async with dispatcher.subscribe(A) as late:
        assert told(await read(late)) == "Every 200"


# Closing ------------------------------------------------------------------------------------------------------------


async def test_closing_lets_running_work_end(dispatcher: LocalDispatcher, shop: Shop) -> None:
    await dispatcher.submit(A)
    await shop.began.get()
    closing = asyncio.create_task(dispatcher.close(drain_seconds=60))
    await asyncio.sleep(0)
    assert not closing.done()

    shop.may_go_on.set()
    await closing

    assert shop.finished == [A]


async def test_closing_stops_work_that_does_not_end_and_ends_the_watching(
    dispatcher: LocalDispatcher, shop: Shop
) -> None:
    await dispatcher.submit(A)
    await shop.began.get()
    async with dispatcher.subscribe(A) as watch:
        dispatcher.publish(A, (status(),))
        await dispatcher.close(drain_seconds=0)

        assert await read(watch) == [status()]
        assert await read(watch) == "lost"
    assert (shop.working, shop.finished, dispatcher.busy) == ([], [], 0)


async def test_what_waited_for_stopped_work_does_not_begin_after_closing(
    dispatcher: LocalDispatcher, shop: Shop
) -> None:
    await dispatcher.submit(A)
    await shop.began.get()
    await dispatcher.submit(A)
    await dispatcher.close(drain_seconds=0)

    assert shop.began.empty()
    assert dispatcher.busy == 0


async def test_what_waited_for_work_that_ended_does_not_begin_while_closing(
    dispatcher: LocalDispatcher, shop: Shop
) -> None:
    await dispatcher.submit(A)
    await shop.began.get()
    await dispatcher.submit(A)
    shop.may_go_on.set()
    shop.may_go_on.clear()  # only the work that is under way goes on
    await dispatcher.close(drain_seconds=60)

    assert dispatcher.busy == 0


async def test_work_that_had_not_begun_yet_is_off_the_list_too_after_closing(dispatcher: LocalDispatcher) -> None:
    await dispatcher.submit(A)
    await dispatcher.close(drain_seconds=0)

    assert dispatcher.busy == 0
