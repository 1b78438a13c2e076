"""Finds in the log what another desk is to be told, and sees to it that it is told: at least once, and in order.

The log is the outbox. What is to be told is found when facts are published, and, after a crash, in every log that has
gone on since it was looked through. A hand-off that is over before anybody was told of it is not told at all; so a
desk that is new hears only of what still matters.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never, get_args

import structlog
from prometheus_client import Counter

from firstline.conversation import Conversation, StatusEvent, move_of
from firstline.desk import TOLD, Delivered, Desk, Outcome, Rejected, Telling, TryLater
from firstline.desk.outbox import Delivery, Outbox
from firstline.dispatch import Signal
from firstline.errors import StoreError
from firstline.events import Event, HandoffRequested, Logged, MessagePosted
from firstline.ledger import Ledger
from firstline.states import next_status
from firstline.types import ConversationId, Message, Status

FIRST_SECONDS, LONGEST_SECONDS = 5.0, 3600.0
GIVE_UP = timedelta(hours=24)
AT_ONCE = 16
"""Deliveries under way at the same time, each of another conversation."""
LOOKED_AT = 200
REST_SECONDS, SHORTEST_REST_SECONDS = 60.0, 0.05
RETRY_SECONDS = 2.0
TRANSCRIPT_MESSAGES = 60

DELIVERIES = Counter("firstline_deliveries", "Attempts to tell another desk something.", ["desk", "outcome"])

_STATUS_EVENTS: tuple[type[StatusEvent], ...] = get_args(StatusEvent)
_log = structlog.get_logger()

LinkTo = Callable[[ConversationId], str | None]


class Courier:
    """One per process that writes, for one desk. `chance` (from 0 to 1) spreads attempts."""

    def __init__(
        self,
        desk: Desk,
        outbox: Outbox,
        now: Callable[[], datetime],
        *,
        link_to: LinkTo = lambda _: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._desk = desk
        self._outbox = outbox
        self._now = now
        self._link_to = link_to
        self._chance = chance
        self._ledger: Ledger | None = None
        self._dirty: set[ConversationId] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def note(self, conversation_id: ConversationId, signals: tuple[Signal, ...]) -> None:
        """Take notice of what was published. Never blocks, never fails."""
        if any(isinstance(signal, Logged) and self._may_concern(signal.event) for signal in signals):
            self._dirty.add(conversation_id)
            self._wake.set()

    def _may_concern(self, event: Event) -> bool:
        """Without looking at the conversation: what the customer writes to the assistant names a turn."""
        if isinstance(event, MessagePosted) and (event.turn_id or event.message.author != "customer"):
            return False
        return event.type in self._desk.told

    def open(self, ledger: Ledger) -> None:
        """Say where conversations are read; nothing runs yet."""
        self._ledger = ledger

    def start(self, ledger: Ledger) -> None:
        """Begin, with whatever an earlier process left. Nothing, for a desk that wants to be told nothing."""
        self.open(ledger)
        if self._desk.told:
            self._task = asyncio.create_task(self._run(), name="courier")

    async def close(self) -> None:
        """Stop; what is not delivered is tried again after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._desk.aclose()

    async def redeliver(self, delivery_id: str) -> bool:
        """Try again what was given up. False when there is no such dead delivery."""
        found = await self._outbox.redeliver(self._desk.name, delivery_id, self._now())
        self._wake.set()
        return found

    # The loop ----------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        behind = True
        while True:
            try:
                if behind:
                    await self.catch_up()
                    behind = False
                self._wake.clear()
                await self.collect()
                if not await self.deliver_due():
                    await self._rest()
            except StoreError:
                _log.warning("deliveries_not_written")
                behind = True
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # a mistake of ours; what was noted is found again
                _log.error("courier_broke", error=type(error).__name__)
                behind = True
                await asyncio.sleep(RETRY_SECONDS)

    async def _rest(self) -> None:
        """Until something is noted, or something is due."""
        next_at = await self._outbox.next_at(self._desk.name)
        left = REST_SECONDS if next_at is None else (next_at - self._now()).total_seconds()
        try:
            async with asyncio.timeout(min(max(left, SHORTEST_REST_SECONDS), REST_SECONDS)):
                await self._wake.wait()
        except TimeoutError:
            pass

    # Finding -----------------------------------------------------------------------------------------------------

    async def catch_up(self) -> None:
        """Look through every log that has gone on without being looked through."""
        while behind := await self._outbox.behind(self._desk.name, LOOKED_AT):
            for conversation_id in behind:
                await self._look_through(conversation_id)

    async def collect(self) -> None:
        """Look through what was noted."""
        taken, self._dirty = self._dirty, set()
        for conversation_id in taken:
            await self._look_through(conversation_id)

    async def _look_through(self, conversation_id: ConversationId) -> None:
        conversation = await self._load(conversation_id)
        told = list(find_told(conversation))
        if not told:
            return  # no desk's business yet, or erased meanwhile
        name, now = self._desk.name, self._now()
        known = await self._outbox.find(name, conversation_id)
        news: Sequence[Logged] = [each for each in told if each.seq > known.looked_through]
        if not known.told:
            news = _begin(news) if _is_at_issue(conversation) else ()
        found = [
            Delivery(name, conversation_id, each.seq, each.event.type, due_since=now, next_at=now)
            for each in news
            if each.event.type in self._desk.told
        ]
        await self._outbox.add(found, name, conversation_id, conversation.last_seq)

    async def _load(self, conversation_id: ConversationId) -> Conversation:
        assert self._ledger is not None, "it was opened"
        return await self._ledger.load(conversation_id)

    # Delivering --------------------------------------------------------------------------------------------------

    async def deliver_due(self) -> int:
        """Try everything that is due, a few at a time; how many attempts that were. Raises StoreError."""
        due = await self._outbox.due(self._desk.name, self._now(), AT_ONCE)
        ended = await asyncio.gather(*(self._deliver(each) for each in due), return_exceptions=True)
        for problem in ended:
            if isinstance(problem, BaseException):
                raise problem
        return len(due)

    async def _deliver(self, delivery: Delivery) -> None:
        conversation = await self._load(delivery.conversation_id)
        if not conversation.log:  # erased meanwhile, and its deliveries with it
            await self._outbox.settle(replace(delivery, next_at=None, dead_at=self._now(), last_error="erased"))
            return
        try:
            telling = build_telling(conversation, delivery, self._link_to(delivery.conversation_id))
            outcome = await self._desk.deliver(telling)
        except Exception as error:  # the text of an error may hold a customer's
            _log.error("delivery_broke", delivery_id=delivery.delivery_id, error=type(error).__name__)
            outcome = TryLater("broke")
        settled = settle(delivery, outcome, self._now(), self._chance())
        await self._outbox.settle(settled)
        self._tell_operators(settled)

    def _tell_operators(self, settled: Delivery) -> None:
        outcome = "delivered" if settled.done_at else "dead" if settled.dead_at else "postponed"
        DELIVERIES.labels(settled.desk, outcome).inc()
        if settled.dead_at is not None:
            _log.error(
                "delivery_dead",
                desk=settled.desk,
                delivery_id=settled.delivery_id,
                type=settled.type,
                attempts=settled.attempts,
                code=settled.last_error,
            )


def find_told(conversation: Conversation) -> Iterator[Logged]:
    """The facts that concern a desk, in order: from the first request of a person on."""
    status: Status = "open"
    requested = False
    for logged in conversation.log:
        event = logged.event
        requested = requested or isinstance(event, HandoffRequested)
        if isinstance(event, _STATUS_EVENTS):
            status = next_status(status, move_of(event)) or status
        if requested and isinstance(event, TOLD) and _concerns_people(event, status):
            yield logged


def _concerns_people(event: Event, status: Status) -> bool:
    if isinstance(event, MessagePosted):
        return event.message.author == "customer" and status in ("waiting", "with_human")
    return True


def _begin(news: Sequence[Logged]) -> Sequence[Logged]:
    """From the last request on: the ones before are over."""
    requests = [index for index, logged in enumerate(news) if isinstance(logged.event, HandoffRequested)]
    return news[requests[-1] :] if requests else ()


def _is_at_issue(conversation: Conversation) -> bool:
    return conversation.status in ("waiting", "with_human") or conversation.contact is not None


def build_telling(conversation: Conversation, delivery: Delivery, link: str | None = None) -> Telling:
    """What is told of the event that the delivery points at. Raises ValueError when no desk is told such an event."""
    event = conversation.log[delivery.seq - 1].event
    if not isinstance(event, TOLD):
        raise ValueError(f"{event.type} is not told")
    identity = conversation.identity
    return Telling(
        delivery_id=delivery.delivery_id,
        conversation_id=conversation.conversation_id,
        bundle=conversation.bundle,
        locale=conversation.locale,
        event=event,
        customer_id=identity.customer_id if identity else None,
        customer_name=identity.name if identity else "",
        transcript=_transcript(conversation, delivery.seq) if isinstance(event, HandoffRequested) else (),
        ticket=conversation.ticket,
        thread=delivery.thread,
        link=link,
    )


def _transcript(conversation: Conversation, before: int) -> tuple[Message, ...]:
    events: Sequence[Event] = [logged.event for logged in conversation.log[: before - 1]]
    said = [each.message for each in events if isinstance(each, MessagePosted) and each.message.author != "system"]
    return tuple(said[-TRANSCRIPT_MESSAGES:])


def settle(delivery: Delivery, outcome: Outcome, now: datetime, chance: float) -> Delivery:
    """The delivery after an attempt: over, or due again after a while that doubles up to an hour. Pure.

    The desk's own wish counts where it is longer, up to `GIVE_UP`; what is not delivered for that long is given up.
    """
    tried = replace(delivery, attempts=delivery.attempts + 1, thread=outcome.thread or delivery.thread, next_at=None)
    match outcome:
        case Delivered():
            return replace(tried, done_at=now, last_error=None)
        case Rejected(code=code):
            return replace(tried, dead_at=now, last_error=code)
        case TryLater(code=code, after_seconds=after_seconds):
            if now - delivery.due_since >= GIVE_UP:
                return replace(tried, dead_at=now, last_error=code)
            backoff = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(delivery.attempts, 20)) * (0.5 + chance / 2)
            wished = min(after_seconds or 0.0, GIVE_UP.total_seconds())
            return replace(tried, next_at=now + timedelta(seconds=max(backoff, wished)), last_error=code)
        case _:
            assert_never(outcome)
