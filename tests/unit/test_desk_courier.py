"""What a desk is told of a conversation, and that it is told: in order, at least once, or given up aloud."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from firstline import courier as courier_module
from firstline.conversation import new_conversation
from firstline.courier import FIRST_SECONDS, GIVE_UP, LONGEST_SECONDS, find_told, settle
from firstline.desk import Delivered, DeskName, Rejected, TryLater
from firstline.desk.builtin import Inbox
from firstline.desk.outbox import Delivery
from firstline.errors import StoreUnavailable
from firstline.events import (
    ContactLeft,
    ConversationClosed,
    CustomerIdentified,
    Event,
    HandoffAccepted,
    HandoffRequeued,
    HandoffUnclaimed,
    MessagePosted,
    NotePosted,
)
from firstline.types import ConversationId, CustomerId, HumanAgent, Identity, StaffId
from tests.support.client import eventually
from tests.support.desk_scene import (
    CLOSED,
    REQUESTED,
    RETURNED,
    STARTED,
    SURVEYED,
    A,
    B,
    Scene,
    Scripted,
    answered,
    open_scene,
    wrote,
)
from tests.support.fake_desk import AT, said

pytestmark = pytest.mark.anyio

BO = HumanAgent(staff_id=StaffId("st_1"), name="Desk One")
CANARY = "canary-4711"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with open_scene(tmp_path) as opened:
        yield opened


# What is told -------------------------------------------------------------------------------------------------------


def told_of(*events: Event) -> list[str]:
    conversation = new_conversation(A).extended(STARTED, *events)
    return [f"{logged.seq} {logged.event.type}" for logged in find_told(conversation)]


def test_nothing_is_told_before_a_person_is_asked_for() -> None:
    assert told_of(wrote(turn="tn_1"), answered("Hello"), CLOSED, SURVEYED) == []


def test_from_the_request_on_everything_that_concerns_people_is_told() -> None:
    events = (
        wrote(turn="tn_1"), answered("No idea"), REQUESTED, wrote(), HandoffUnclaimed(at=AT),
        ContactLeft(at=AT, contact="kim@customer.example"), HandoffAccepted(at=AT, human_agent=BO), wrote(),
        MessagePosted(at=AT, message=said("Hello", "human_agent")), NotePosted(at=AT, human_agent=BO, text="?"),
        HandoffRequeued(at=AT, by="timeout"), RETURNED, wrote(turn="tn_2"), answered("Here I am"), CLOSED, SURVEYED,
    )  # fmt: skip
    assert told_of(*events) == [
        "4 handoff.requested", "5 message.posted", "6 handoff.unclaimed", "7 contact.left", "9 message.posted",
        "12 handoff.requeued", "13 handoff.returned", "16 conversation.closed", "17 survey.answered",
    ]  # fmt: skip


async def test_a_request_brings_what_was_said_before_and_who_it_is(scene: Scene) -> None:
    identity = Identity(customer_id=CustomerId("C-1"), name="Kim", expires_at=AT + timedelta(hours=1))
    known = CustomerIdentified(at=AT, identity=identity)
    line = MessagePosted(at=AT, message=said("A person will come", "system"))
    await scene.happen(
        STARTED, known, wrote("My chain slips", turn="tn_1"), answered("Oil it"), REQUESTED, line, wrote()
    )
    await scene.work()

    (telling,) = scene.desk.heard
    assert [message.text for message in telling.transcript] == ["My chain slips", "Oil it"]
    assert (telling.customer_id, telling.customer_name, telling.bundle) == ("C-1", "Kim", "workshop")
    assert (telling.delivery_id, telling.link, telling.event) == ("cv_a:5", "/inbox?c=cv_a", REQUESTED)


async def test_a_thread_that_the_desk_named_comes_with_all_that_follows(scene: Scene) -> None:
    scene.desk.answers = [TryLater("half", thread="41"), Delivered("41")]
    await scene.happen(STARTED, REQUESTED, wrote())
    await scene.work()
    scene.clock.forward(minutes=1)
    await scene.work()
    await scene.work()

    assert [telling.thread for telling in scene.desk.heard] == [None, "41", "41"]
    assert await scene.outbox.find_conversation("webhook", "41") == A
    assert await scene.outbox.find_conversation("chatwoot", "41") is None


async def test_a_desk_hears_only_what_it_wants(tmp_path: Path) -> None:
    desk = Scripted(told=frozenset({"handoff.requested", "contact.left"}))
    with open_scene(tmp_path, desk) as scene:
        await scene.happen(STARTED, REQUESTED, wrote(), ContactLeft(at=AT, contact="kim@customer.example"))
        while await scene.work():
            pass

    assert desk.ids == ["cv_a:2", "cv_a:4"]


# Order and trouble --------------------------------------------------------------------------------------------------


async def test_what_follows_waits_for_what_comes_before_and_others_do_not(scene: Scene) -> None:
    await scene.happen(STARTED, REQUESTED, wrote())
    scene.desk.answers = [TryLater("http_503")]
    await scene.work()
    await scene.happen(STARTED, REQUESTED, to=B)
    while await scene.work():
        pass
    assert scene.desk.ids == ["cv_a:2", "cv_b:2"]

    scene.clock.forward(seconds=FIRST_SECONDS)
    while await scene.work():
        pass
    assert scene.desk.ids == ["cv_a:2", "cv_b:2", "cv_a:2", "cv_a:3"]


async def test_what_was_given_up_holds_nothing_up(scene: Scene) -> None:
    scene.desk.answers = [Rejected("http_400")]
    await scene.happen(STARTED, REQUESTED, wrote())
    while await scene.work():
        pass

    assert scene.desk.ids == ["cv_a:2", "cv_a:3"]
    (dead,) = await scene.outbox.list_dead()
    assert (dead.delivery_id, dead.type, dead.last_error, dead.attempts) == (
        "cv_a:2",
        "handoff.requested",
        "http_400",
        1,
    )


async def test_what_was_given_up_is_counted_and_told_to_operators_without_a_customers_word(scene: Scene) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("firstline_deliveries_total", {"desk": "webhook", "outcome": "dead"}) or 0

    before = counted()
    scene.desk.answers = [Rejected("http_410"), RuntimeError(CANARY)]
    await scene.happen(STARTED, wrote(CANARY, turn="tn_1"), REQUESTED, wrote(CANARY))
    with capture_logs() as logs:
        await scene.work()
        await scene.work()

    assert counted() == before + 1
    assert [each["event"] for each in logs] == ["delivery_dead", "delivery_broke"]
    assert logs[0] | {"desk": "webhook", "delivery_id": "cv_a:3", "code": "http_410"} == logs[0]
    assert CANARY not in str(logs) and CANARY not in str(await scene.rows())


async def test_a_desk_that_breaks_is_tried_again_and_stops_nothing(scene: Scene) -> None:
    scene.desk.answers = [RuntimeError("ours"), Delivered()]
    await scene.happen(STARTED, REQUESTED)
    await scene.work()
    scene.clock.forward(minutes=1)
    await scene.work()

    assert scene.desk.ids == ["cv_a:2", "cv_a:2"] and await scene.courier.deliver_due() == 0


async def test_what_was_given_up_can_be_tried_again(scene: Scene) -> None:
    scene.desk.answers = [Rejected("http_401")]
    await scene.happen(STARTED, REQUESTED)
    await scene.work()

    assert not await scene.courier.redeliver("cv_b:2")
    assert await scene.courier.redeliver("cv_a:2")
    await scene.work()

    assert scene.desk.ids == ["cv_a:2", "cv_a:2"] and await scene.outbox.list_dead() == []
    assert not await scene.courier.redeliver("cv_a:2"), "it is not dead"


@pytest.mark.parametrize(
    "hostile", ["", ":", "cv_a", "cv_a:", "cv_a:x", "cv_a:-1", "cv_a:٢", f"cv_a:{'9' * 30}", "a:b:2"]
)
async def test_an_id_of_nothing_is_nothing(scene: Scene, hostile: str) -> None:
    assert not await scene.courier.redeliver(hostile)


# Crashes ------------------------------------------------------------------------------------------------------------


async def test_after_a_crash_what_was_not_noted_is_found_and_nothing_is_there_twice(scene: Scene) -> None:
    await scene.happen(STARTED, REQUESTED, wrote())
    await scene.happen(STARTED, wrote(turn="tn_1"), to=B)

    for _ in range(3):  # as many starts
        await scene.restart().catch_up()
    while await scene.work():
        pass

    assert scene.desk.ids == ["cv_a:2", "cv_a:3"]
    await scene.happen(wrote())
    await scene.restart().catch_up()
    assert len(await scene.rows()) == 3 and await scene.outbox.behind("webhook", 10) == []


async def test_what_was_told_but_not_written_down_is_told_again_with_the_same_id(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(delivery: Delivery) -> None:
        raise StoreUnavailable("the disk is full")

    await scene.happen(STARTED, REQUESTED)
    with monkeypatch.context() as patched:
        patched.setattr(scene.outbox, "settle", fails)
        with pytest.raises(StoreUnavailable):
            await scene.work()
    await scene.work()

    assert scene.desk.ids == ["cv_a:2", "cv_a:2"]


async def test_a_new_desk_hears_only_of_what_still_matters(scene: Scene) -> None:
    contact = ContactLeft(at=AT, contact="kim@customer.example")
    over, ticket = ConversationId("cv_over"), ConversationId("cv_ticket")
    await scene.happen(STARTED, REQUESTED, wrote(), CLOSED, to=over)
    await scene.happen(STARTED, REQUESTED, RETURNED, REQUESTED, wrote(), to=A)
    await scene.happen(STARTED, REQUESTED, contact, ConversationClosed(at=AT, by="customer"), to=ticket)
    await scene.restart().catch_up()
    while await scene.work():
        pass

    assert sorted(scene.desk.ids) == ["cv_a:4", "cv_a:5", "cv_ticket:2", "cv_ticket:3", "cv_ticket:4"]
    await scene.happen(SURVEYED, to=over)
    await scene.work()
    assert not [id_ for id_ in scene.desk.ids if id_.startswith("cv_over")], "it was never told of the hand-off"


async def test_a_hand_off_that_begins_again_is_told_though_the_last_one_was_not(scene: Scene) -> None:
    await scene.happen(STARTED, REQUESTED, RETURNED)
    await scene.work()
    assert scene.desk.ids == []

    await scene.happen(REQUESTED)
    await scene.work()
    assert scene.desk.ids == ["cv_a:4"]


async def test_erasing_takes_the_pointers_along_and_nothing_is_told_any_more(scene: Scene) -> None:
    scene.desk.answers = [Delivered("41")]
    await scene.happen(STARTED, REQUESTED, wrote())
    await scene.work()
    await scene.ledger.erase(A)

    assert await scene.rows() == [] and await scene.work() == 0
    assert await scene.outbox.find_conversation("webhook", "41") is None
    late = Delivery("webhook", A, 2, "handoff.requested", due_since=AT, next_at=AT)
    await scene.outbox.add([late], "webhook", A, 3)
    await scene.outbox.hear("webhook", "id-1", A, AT)
    assert await scene.rows() == [] and not await scene.outbox.heard("webhook", "id-1")


OUTCOMES = st.sampled_from(
    [Delivered(), TryLater("http_503"), TryLater("http_429", 90.0), Rejected("http_400"), RuntimeError()]
)


@hypothesis_settings(max_examples=25)
@given(st.lists(OUTCOMES, max_size=30), st.integers(1, 6), st.sets(st.integers(0, 30)))
async def test_whatever_a_desk_answers_each_fact_is_told_in_order_or_given_up(
    answers: list[Any], messages: int, restarts: set[int]
) -> None:
    with TemporaryDirectory() as folder, capture_logs(), open_scene(Path(folder), Scripted(list(answers))) as scene:
        ids = [f"cv_a:{seq}" for seq in range(2, messages + 3)]
        await scene.happen(STARTED, REQUESTED, *(wrote(str(number)) for number in range(messages)))
        for step in range(400):
            if step in restarts:
                await scene.restart().catch_up()
            await scene.work()
            following = await scene.outbox.next_at("webhook")
            if following is None:
                break
            scene.clock.at = max(scene.clock.at, following)

        dead = {each.delivery_id for each in await scene.outbox.list_dead()}
        assert list(dict.fromkeys(scene.desk.ids)) == ids, "each begins only when the one before is over"
        assert [row[7] is None for row in await scene.rows()] == [id_ in dead for id_ in ids]
        assert len(dead) <= sum(isinstance(each, Rejected) for each in answers)


# Waiting between attempts -------------------------------------------------------------------------------------------

NEW = Delivery("webhook", A, 2, "handoff.requested", due_since=AT, next_at=AT)


def test_waiting_doubles_up_to_an_hour_and_is_spread_by_chance() -> None:
    waits: list[float] = []
    delivery = NEW
    for _ in range(14):
        delivery = settle(delivery, TryLater("http_500"), AT, 1.0)
        assert delivery.next_at is not None
        waits.append((delivery.next_at - AT).total_seconds())

    assert waits[:4] == [5.0, 10.0, 20.0, 40.0] and max(waits) == waits[-1] == LONGEST_SECONDS
    earliest = settle(NEW, TryLater("http_500"), AT, 0.0).next_at
    assert earliest == AT + timedelta(seconds=FIRST_SECONDS / 2)


@pytest.mark.parametrize(("asked", "waited"), [(120.0, 120.0), (1.0, 5.0), (1e12, GIVE_UP.total_seconds())])
def test_a_desks_own_wish_counts_where_it_is_longer(asked: float, waited: float) -> None:
    assert settle(NEW, TryLater("http_429", asked), AT, 1.0).next_at == AT + timedelta(seconds=waited)


def test_after_a_day_it_is_given_up() -> None:
    last = AT + GIVE_UP
    almost = settle(NEW, TryLater("http_503"), last - timedelta(seconds=1), 1.0)
    late = settle(NEW, TryLater("http_503"), last, 1.0)

    assert almost.dead_at is None and almost.next_at is not None
    assert (late.dead_at, late.next_at, late.last_error) == (last, None, "http_503")


def test_the_day_counts_from_when_it_was_found_not_from_the_event(scene: Scene) -> None:
    """So that a server that was off for a week still tries."""
    found = Delivery("webhook", A, 2, "message.posted", due_since=AT + timedelta(days=7), next_at=AT)

    assert settle(found, TryLater("timeout"), AT + timedelta(days=7, hours=1), 0.5).dead_at is None


def test_delivered_is_over_and_rejected_is_dead_at_once() -> None:
    delivered = settle(NEW, Delivered("41"), AT, 0.5)
    assert (delivered.done_at, delivered.next_at, delivered.thread, delivered.attempts) == (AT, None, "41", 1)
    assert settle(NEW, Rejected("http_404"), AT, 0.5).dead_at == AT


# The loop -----------------------------------------------------------------------------------------------------------


async def test_what_is_published_is_told_soon_and_what_was_left_is_told_at_the_start(scene: Scene) -> None:
    await scene.happen(STARTED, REQUESTED)
    scene.restart().start(scene.ledger)
    await eventually(lambda: scene.desk.ids == ["cv_a:2"])

    await scene.happen(wrote())
    await eventually(lambda: scene.desk.ids == ["cv_a:2", "cv_a:3"])
    await scene.courier.close()
    assert scene.desk.closed


async def test_the_loop_outlives_a_store_that_fails(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier_module, "RETRY_SECONDS", 0.0)
    real, failures = scene.outbox.find, [StoreUnavailable("locked"), RuntimeError("ours")]

    async def find(*place: Any) -> Any:
        if failures:
            raise failures.pop()
        return await real(*place)

    monkeypatch.setattr(scene.outbox, "find", find)
    await scene.happen(STARTED, REQUESTED)
    with capture_logs() as logs:
        scene.courier.start(scene.ledger)
        await eventually(lambda: scene.desk.ids == ["cv_a:2"])
        await scene.courier.close()

    assert {each["event"] for each in logs} == {"courier_broke", "deliveries_not_written"}


async def test_it_sleeps_until_something_is_due(scene: Scene) -> None:
    """Not around and around: of a delivery that waits, nothing is asked in the meantime."""
    asked: list[datetime] = []
    real = scene.outbox.due

    async def due(desk: DeskName, now: datetime, limit: int) -> Sequence[Delivery]:
        asked.append(now)
        return await real(desk, now, limit)

    scene.outbox.due = due  # type: ignore[method-assign]
    scene.desk.answers = [TryLater("http_503", 3600.0)]
    await scene.happen(STARTED, REQUESTED)
    scene.courier.start(scene.ledger)
    await eventually(lambda: len(asked) == 2)
    for number in range(5):
        await scene.happen(STARTED, to=ConversationId(f"cv_{number}"))
    await scene.courier.close()

    assert len(asked) == 2 and scene.desk.ids == ["cv_a:2"]


async def test_for_the_built_in_inbox_nothing_runs_and_nothing_is_kept(tmp_path: Path) -> None:
    with open_scene(tmp_path, Inbox()) as scene:
        scene.courier.start(scene.ledger)
        await scene.happen(STARTED, REQUESTED)
        await scene.courier.collect()
        await scene.courier.close()

        assert await scene.rows() == []
