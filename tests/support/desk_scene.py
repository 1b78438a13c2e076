"""A store with pointers, a desk that answers what a test says, and the courier between them."""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from shutil import copyfile, rmtree
from tempfile import mkdtemp
from typing import Any

from firstline.courier import Courier
from firstline.desk import ALL_TYPES, Delivered, DeskName, Outcome, Telling
from firstline.dispatch import Signal
from firstline.events import (
    ConversationClosed,
    ConversationStarted,
    Event,
    HandoffRequested,
    HandoffReturned,
    MessagePosted,
    SurveyAnswered,
)
from firstline.ledger import Ledger
from firstline.store.deliveries import SqlDeliveries
from firstline.store.opening import open_store
from firstline.store.sql import metadata
from firstline.types import ConversationId, TurnId
from tests.support.fake_desk import AT, PACKAGE, said
from tests.support.scripted import Clock

A, B = ConversationId("cv_a"), ConversationId("cv_b")

STARTED = ConversationStarted(
    at=AT, bundle="workshop", revision="r1", locale="en", token_sha256="0", expires_at=AT + timedelta(days=30)
)
REQUESTED = HandoffRequested(at=AT, reason="asked", package=PACKAGE)
RETURNED = HandoffReturned(at=AT, by="customer")
CLOSED = ConversationClosed(at=AT, by="human_agent")
SURVEYED = SurveyAnswered(at=AT, score=5)


def wrote(text: str = "hello", *, turn: str | None = None) -> Event:
    return MessagePosted(at=AT, turn_id=TurnId(turn) if turn else None, message=said(text))


def answered(text: str) -> Event:
    return MessagePosted(at=AT, turn_id=TurnId("tn_1"), message=said(text, "assistant"))


@dataclass
class Scripted:
    """A desk that answers what a test says, in order, and then takes everything."""

    answers: list[Outcome | Exception] = field(default_factory=list[Any])
    heard: list[Telling] = field(default_factory=list[Telling])
    name: DeskName = "webhook"
    told: frozenset[str] = ALL_TYPES
    closed: bool = False

    async def deliver(self, telling: Telling) -> Outcome:
        self.heard.append(telling)
        answer = self.answers.pop(0) if self.answers else Delivered()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None:
        self.closed = True

    @property
    def ids(self) -> list[str]:
        return [telling.delivery_id for telling in self.heard]


class Scene:
    """A store with its deliveries, a desk, and the courier between them."""

    def __init__(self, folder: Path, desk: Any = None) -> None:
        if not (folder / "firstline.db").exists():
            copyfile(empty_store(), folder / "firstline.db")
        self.store = open_store(f"sqlite:///{folder / 'firstline.db'}")
        self.outbox = SqlDeliveries(self.store.engine, self.store.reader)
        self.clock = Clock()
        self.ledger = Ledger(self.store, self._publish, alone=True)
        self.desk: Scripted = desk or Scripted()
        self.courier = self.restart()

    def _publish(self, conversation_id: ConversationId, signals: tuple[Signal, ...]) -> None:
        self.courier.note(conversation_id, signals)

    def restart(self) -> Courier:
        """A courier that knows nothing of what was noted before."""
        self.courier = Courier(
            self.desk, self.outbox, self.clock, link_to=lambda id_: f"/inbox?c={id_}", chance=lambda: 1
        )
        self.courier.open(self.ledger)
        return self.courier

    async def happen(self, *events: Event, to: ConversationId = A) -> None:
        await self.ledger.append(await self.ledger.load(to), *events)

    async def work(self) -> int:
        await self.courier.collect()
        return await self.courier.deliver_due()

    async def rows(self) -> list[tuple[Any, ...]]:
        with self.store.reader.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM deliveries ORDER BY seq")]


@cache
def empty_store() -> Path:
    """A store without conversations, for as long as this process lives."""
    folder = mkdtemp(prefix="firstline-tests-")
    atexit.register(rmtree, folder, ignore_errors=True)
    path = Path(folder) / "empty.db"
    store = open_store(f"sqlite:///{path}")
    metadata.create_all(store.engine)
    store.close()
    return path


@contextmanager
def open_scene(folder: Path, desk: Any = None) -> Iterator[Scene]:
    scene = Scene(folder, desk)
    try:
        yield scene
    finally:
        scene.store.close()
