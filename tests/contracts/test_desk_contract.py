"""What every desk keeps to: told once or told so, never an exception, and no word of a customer's in a code."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import get_args

import pytest

from firstline.desk import ALL_TYPES, Delivered, Desk, DeskName, Rejected, Telling, TryLater
from firstline.desk.builtin import Inbox
from firstline.desk.chatwoot import Chatwoot
from firstline.desk.email import Email, Relay
from firstline.desk.webhook import Webhook
from tests.support.fake_desk import (
    ACCOUNT,
    AT,
    INBOX,
    REQUESTED,
    TELLINGS,
    TOKEN,
    FakeChatwoot,
    Fault,
    Receiver,
    near,
    tell,
)
from tests.support.fake_smtp import FakeSmtp

pytestmark = pytest.mark.anyio

NAMES = ("inbox", "webhook", "email", "chatwoot")
WITH_ANOTHER_SIDE = ("webhook", "email", "chatwoot")
BY_HTTP = ("webhook", "chatwoot")


@dataclass
class Stage:
    """A desk and its other side. `ids`: by what each thing that stands there is known, in order."""

    desk: Desk
    ids: Callable[[], list[str]]
    trouble: Callable[[str], None]
    """`moment` or `good`: what the other side answers next; `lost`: it takes it, and says nothing."""
    server: Receiver | FakeChatwoot | FakeSmtp | None = None


@asynccontextmanager
async def open_webhook() -> AsyncIterator[Stage]:
    async with Receiver() as server:
        desk = Webhook(f"{server.url}/hooks", b"secret", near(), lambda: AT)
        yield Stage(desk, lambda: [each.headers["webhook-id"] for each in server.seen], _faults(server), server)
        await desk.aclose()


@asynccontextmanager
async def open_chatwoot() -> AsyncIterator[Stage]:
    async with FakeChatwoot() as server:
        desk = Chatwoot(server.url, ACCOUNT, INBOX, TOKEN, near(), lambda: AT)
        yield Stage(desk, lambda: [each["source_id"] for each in server.messages], _faults(server), server)
        await desk.aclose()


@asynccontextmanager
async def open_email() -> AsyncIterator[Stage]:
    async with FakeSmtp() as server:
        relay = Relay("127.0.0.1", server.port, "none")
        desk = Email(relay, "Firstline <desk@spoke.example>", ["team@spoke.example"])

        def trouble(kind: str) -> None:
            server.refuse = {"END": {"moment": "451 later", "good": "554 never", "lost": "451 lost"}[kind]}

        yield Stage(desk, lambda: [str(each.message["Message-ID"]) for each in server.mails], trouble, server)


@asynccontextmanager
async def open_inbox() -> AsyncIterator[Stage]:
    yield Stage(Inbox(), list, lambda _: None)


def _faults(server: Receiver | FakeChatwoot) -> Callable[[str], None]:
    kinds = {
        "moment": Fault("status", 503),
        "good": Fault("status", 400),
        "lost": Fault("lose", where=r"(hooks|messages)$" if isinstance(server, Receiver) else r"POST .*messages$"),
    }
    return lambda kind: server.faults.append(kinds[kind])


@pytest.fixture(params=NAMES)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    opened = {"inbox": open_inbox, "webhook": open_webhook, "email": open_email, "chatwoot": open_chatwoot}
    async with opened[request.param]() as made:
        yield made


with_another_side = pytest.mark.parametrize("stage", WITH_ANOTHER_SIDE, indirect=True)
by_http = pytest.mark.parametrize("stage", BY_HTTP, indirect=True)
every_kind = pytest.mark.parametrize("telling", TELLINGS, ids=lambda telling: telling.event.type)


def test_the_tellings_of_this_test_are_of_every_kind() -> None:
    assert {telling.event.type for telling in TELLINGS} == ALL_TYPES


async def test_it_has_a_known_name_and_wants_what_there_is(stage: Stage) -> None:
    assert stage.desk.name in get_args(DeskName)
    assert stage.desk.told <= ALL_TYPES


@every_kind
async def test_whatever_it_is_told_is_delivered(stage: Stage, telling: Telling) -> None:
    assert isinstance(await stage.desk.deliver(telling), Delivered)
    assert bool(stage.ids()) == (telling.event.type in stage.desk.told)


@with_another_side
@every_kind
async def test_the_same_again_stands_there_once(stage: Stage, telling: Telling) -> None:
    """For a receiver that goes by the id; a mail reader does."""
    first = await stage.desk.deliver(telling)
    assert isinstance(first, Delivered)
    before = set(stage.ids())

    again = await stage.desk.deliver(replace(telling, thread=first.thread))

    assert isinstance(again, Delivered) and set(stage.ids()) == before


@with_another_side
async def test_two_facts_have_two_ids(stage: Stage) -> None:
    await stage.desk.deliver(REQUESTED)
    before = set(stage.ids())
    await stage.desk.deliver(replace(REQUESTED, delivery_id="cv_a:70"))

    assert len(set(stage.ids())) == 2 * len(before)


@with_another_side
async def test_trouble_of_the_moment_is_tried_later(stage: Stage) -> None:
    stage.trouble("moment")

    assert isinstance(await stage.desk.deliver(REQUESTED), TryLater)


@with_another_side
async def test_a_refusal_for_good_is_rejected(stage: Stage) -> None:
    stage.trouble("good")

    assert isinstance(await stage.desk.deliver(REQUESTED), Rejected)


@with_another_side
async def test_what_arrived_without_an_answer_is_tried_later_and_stands_there_once(stage: Stage) -> None:
    stage.trouble("lost")
    first = await stage.desk.deliver(REQUESTED)
    assert isinstance(first, TryLater)
    if isinstance(stage.server, FakeSmtp):
        stage.server.refuse = {}

    assert isinstance(await stage.desk.deliver(replace(REQUESTED, thread=first.thread)), Delivered)
    assert len(set(stage.ids())) == (2 if stage.desk.name == "chatwoot" else 1)


@by_http
@pytest.mark.parametrize(("told", "seconds"), [("120", 120), ("Mon, 23 Nov 2026 15:01:30 GMT", 90), ("soon", None)])
async def test_a_desk_that_asks_to_be_left_alone_is(stage: Stage, told: str, seconds: float | None) -> None:
    assert isinstance(stage.server, Receiver | FakeChatwoot)
    stage.server.faults.append(Fault("status", 429, {"Retry-After": told}))

    assert await stage.desk.deliver(REQUESTED) == TryLater("http_429", seconds)


@by_http
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 302, 307])
async def test_what_may_be_over_in_a_moment_is_tried_later(stage: Stage, status: int) -> None:
    assert isinstance(stage.server, Receiver | FakeChatwoot)
    stage.server.faults.append(Fault("status", status, {"Location": f"{stage.server.url}/elsewhere"}))

    assert await stage.desk.deliver(REQUESTED) == TryLater(f"http_{status}")
    assert len(stage.server.seen) == 1


@by_http
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413])
async def test_what_will_not_change_is_rejected_at_once(stage: Stage, status: int) -> None:
    assert isinstance(stage.server, Receiver | FakeChatwoot)
    stage.server.faults.append(Fault("status", status))

    assert await stage.desk.deliver(REQUESTED) == Rejected(f"http_{status}")


@with_another_side
async def test_nobody_there_is_no_exception(stage: Stage) -> None:
    assert stage.server is not None
    await stage.server.__aexit__(None, None, None)

    outcome = await stage.desk.deliver(REQUESTED)

    assert isinstance(outcome, TryLater) and outcome.code == "connection"


@with_another_side
@pytest.mark.parametrize("trouble", ["moment", "good", "lost"])
async def test_a_code_is_a_word_of_ours(stage: Stage, trouble: str) -> None:
    stage.trouble(trouble)
    telling = tell(REQUESTED.event, customer_name="Canary", transcript=REQUESTED.transcript)

    outcome = await stage.desk.deliver(telling)

    assert isinstance(outcome, TryLater | Rejected) and re.fullmatch(r"[a-z0-9_]+", outcome.code)
