"""Every order in which a hand-off can go: customers, human agents, the assistant, time and crashes, walked through.

A `World` is everything that a running service holds of one conversation: its log, the worker in the middle of a turn
with what it has seen, what the dispatcher remembers, and the customer's page. All of it is frozen, so a walk goes on
from any place. Decisions, folds, turns, appends and the breaking off are the product's own code; what is rebuilt here
is only who calls it when: a few lines of the routes and of the dispatcher. `explore` walks breadth-first over worlds
that differ in what matters (`World.key`).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Literal, Protocol, cast
from unittest.mock import patch

import structlog

from firstline import handoff, worker
from firstline.conversation import Conversation, StatusEvent, answering_turn, move_of, since_given_back
from firstline.engine import Engine
from firstline.engines import Engines
from firstline.errors import Conflict, ModelFailed, RequestError
from firstline.events import (
    ApprovalDecided,
    ConfirmationDecided,
    ConversationClosed,
    Event,
    MessagePosted,
    ModelReplied,
    NotePosted,
    ReplyGrew,
    RouteChosen,
    StatusShown,
    Step,
    SurveyAnswered,
    ToolReturned,
    TurnEnded,
)
from firstline.handoff import Decision
from firstline.hours import next_opening, people_available
from firstline.ledger import Ledger
from firstline.model import ModelReply, ModelRequest, Piece, Replied, TextGrew, ToolChosen
from firstline.model.note import read_note
from firstline.service.reception import allowed
from firstline.states import may_speak, next_status
from firstline.turn import run_turn
from firstline.types import ConversationId, HumanAgent, Json, Message, MessageId, StaffId, TurnId, Usage
from tests.support.scripted import START, RecordingToolset, make_engine, sign_in, start
from tests.support.toy import TOOLS, make_bundle

BUNDLE = make_bundle()
A, B = (HumanAgent(staff_id=StaffId(f"st_{each}"), name=f"Desk {each}") for each in "AB")
WORDS = {
    "question": "what does a repair cost",
    "wish": "I want to talk to a human",
    "thanks": "thanks",
    "trouble": "how do I oil a chain, fail",
    "money": "give me my money back",
}
EARLIER = 1
"""From how many earlier places of the log each decision is tried too, as by somebody who has not seen the rest."""
NOT_ITS_OWN = ("message.posted", "handoff.returned", "confirmation.decided", "approval.decided")
"""Facts that name a turn and are not its own steps."""

NewId = Callable[[str], str]


# What a service holds -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """A worker in the middle of a turn. `steps`: what its turn yields, if nobody stops it; None: not yet begun."""

    stored: Conversation
    turn_id: TurnId | None = None
    base: Conversation | None = None
    steps: tuple[Step, ...] | None = None
    index: int = 0
    shown: ReplyGrew | None = None
    stopped: bool = False


@dataclass(frozen=True)
class World:
    """One moment. `page`: what the customer sees of the running reply; `earlier`: the log before the last appends."""

    log: Conversation
    at: datetime
    work: Work | None = None
    again: bool = False
    page: str = ""
    earlier: tuple[Conversation, ...] = ()

    @property
    def key(self) -> Hashable:
        """What two worlds have in common that go on alike. Whoever has it is one of two who are alike."""
        c, moment = self.log, handoff.due_at(self.log, BUNDLE)
        fresh = {id(logged.event) for logged in since_given_back(c)}
        done = [each for each in c.turn_events(c.open_turn) if each.type not in NOT_ITS_OWN] if c.open_turn else None
        asked = ((said(each), each.turn_id == c.open_turn, _is_wish(each) and id(each) in fresh) for each in c.asked)
        decided = (
            each.decided and each.decided.decision for each in (*c.confirmations.values(), *c.approvals.values())
        )
        ended = [logged.event.turn_id for logged in c.log if isinstance(logged.event, TurnEnded)]
        return (
            c.status, c.human_agent is None, c.human_spoke_at is None, c.request is None, c.unclaimed,
            c.contact is None, c.survey is None, done and kinds(done), c.next_turn is None,
            tuple(map(said, c.unheard)), tuple(map(said, c.taken)), tuple(asked),
            tuple(decided), len(c.running_calls), bool(ended) and ended[-1] == c.offered_in,
            people_available(BUNDLE.hours, self.at), moment is not None and moment <= self.at,
            self._key_of_work(), self.again, self.page,
        )  # fmt: skip

    def _key_of_work(self) -> Hashable:
        work = self.work
        if work is None or work.steps is None:
            return None if work is None else ("asked to work",)
        since, status, kept = self.log.log[work.stored.last_seq :], work.stored.status, True
        for event in (logged.event for logged in since):
            status = next_status(status, move_of(event)) or status if isinstance(event, StatusEvent) else status
            kept = kept and may_speak(status, "assistant")
        rest = tuple(kinds(step) if isinstance(step, tuple) else step.type for step in work.steps[work.index :])
        same = any(getattr(logged.event, "turn_id", None) == work.turn_id for logged in since)
        shown = work.shown and work.shown.shown
        return rest, may_speak(work.stored.status, "assistant"), bool(since), kept, same, shown


def kinds(events: Iterable[Event]) -> tuple[str, ...]:
    return tuple(map(kind_of, events))


def kind_of(event: Event) -> str:
    match event:
        case MessagePosted():
            return f"{event.message.author} message"
        case TurnEnded() | ToolReturned():
            return f"{event.type} {event.outcome}"
        case RouteChosen():
            return f"{event.type} {event.wants_human}"
        case _:
            return event.type


def _is_wish(event: MessagePosted) -> bool:
    return said(event) == "wish"


def said(event: MessagePosted) -> str:
    return next(kind for kind, text in WORDS.items() if text == event.message.text)


# The assistant ------------------------------------------------------------------------------------------------------


class Chatter:
    """A model that answers in two sentences, looks a price up first, and fails when it is told to."""

    name, offline = "chatter", False

    async def aclose(self) -> None:
        """Nothing is kept open."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[Piece]:
        for piece in self._answer(request.messages[-1].content, str(request.turn_id)):
            await asyncio.sleep(0)
            yield piece

    def _answer(self, content: Sequence[Json], turn_id: str) -> Iterator[Piece]:
        note = read_note(tuple(content))
        text = " ".join(str(block["text"]) for block in content if block["type"] == "text")
        if WORDS["trouble"] in text:
            raise ModelFailed("overloaded", retryable=True)
        if any(block["type"] == "tool_result" for block in content) or (note and note.actions):
            return _say("It is all there. ", "Ride well.")
        if WORDS["money"] in text:
            return _call(f"pay_{turn_id}", "pay_back", {"amount_usd": 150})
        if WORDS["question"] in text:
            return _call(f"price_{turn_id}", "get_price", {"wheels": 2}, lead="Let me look.")
        return _say("Gladly. ", "Ride well.")


def _say(*texts: str) -> Iterator[Piece]:
    yield from (TextGrew(text) for text in texts)
    yield Replied(ModelReply(({"type": "text", "text": "".join(texts)},), "end_turn", Usage(), 0.0, "chatter"))


def _call(call_id: str, tool: str, given: Json, *, lead: str = "") -> Iterator[Piece]:
    blocks: list[Json] = [{"type": "text", "text": lead}] if lead else []
    yield from (TextGrew(str(block["text"])) for block in blocks)
    yield ToolChosen(tool)
    blocks.append({"type": "tool_use", "id": call_id, "name": tool, "input": given})
    yield Replied(ModelReply(tuple(blocks), "tool_use", Usage(), 0.0, "chatter"))


# What people do -----------------------------------------------------------------------------------------------------

Decide = Callable[[Conversation, datetime, NewId], Decision]


@dataclass(frozen=True)
class Act:
    """Something that a person does. `then`: what the route does after the append; `follow` is the inbox's way."""

    name: str
    decide: Decide
    then: Literal["stop", "submit", "follow", ""] = ""


def post(kind: str) -> Act:
    def decide(now_is: Conversation, at: datetime, new_id: NewId) -> Decision:
        if now_is.status == "closed":
            return handoff.CLOSED
        message = Message(message_id=MessageId(new_id("ms")), author="customer", text=WORDS[kind], at=at)
        turn_id = answering_turn(now_is, TurnId(new_id("tn")))
        return (MessagePosted(at=at, turn_id=turn_id, message=message, client_message_id=new_id("c")),)

    return Act(f"post {kind}", decide, "submit")


def _close(now_is: Conversation, at: datetime, new_id: NewId) -> Decision:
    return () if now_is.status == "closed" else (ConversationClosed(at=at, by="customer"),)


def _answer_survey(now_is: Conversation, at: datetime, new_id: NewId) -> Decision:
    return () if now_is.survey else (SurveyAnswered(at=at, score=4),)


def _confirm(now_is: Conversation, at: datetime, new_id: NewId) -> Decision:
    pending = [id_ for id_, each in now_is.confirmations.items() if each.state_at(at) == "pending"]
    if not pending or now_is.status != "open":
        return ()
    turn_id = answering_turn(now_is, TurnId(new_id("tn")))
    return (ConfirmationDecided(at=at, turn_id=turn_id, confirmation_id=pending[0], decision="confirm"),)


CUSTOMER = {
    act.name: act
    for act in (
        *map(post, WORDS),
        Act("ask", lambda c, at, new_id: handoff.request_person(c, BUNDLE, "asked", at, new_id), "stop"),
        Act("go on", handoff.go_on, "submit"),
        Act("leave contact", lambda c, at, new_id: handoff.leave_contact(c, "kim@spoke.example", "", at)),
        Act("close", _close, "stop"),
        Act("reopen", lambda c, at, new_id: handoff.reopen(c, at)),
        Act("survey", _answer_survey),
        Act("confirm", _confirm, "submit"),
    )
}


def person(me: HumanAgent) -> dict[str, Act]:
    """Everything that this human agent may try."""

    def note(c: Conversation, at: datetime, new_id: NewId) -> Decision:
        return (NotePosted(at=at, human_agent=me, text="Seems to be new."),)

    decides: Mapping[str, Decide] = {
        "accept": lambda c, at, new_id: handoff.accept(c, BUNDLE, me, at),
        "reply": lambda c, at, new_id: handoff.reply(c, me, "Here I am.", f"{me.staff_id}:{c.last_seq}", at, new_id),
        "note": note,
        "release": lambda c, at, new_id: handoff.let_go(c, BUNDLE, me, at, new_id),
        "return": lambda c, at, new_id: handoff.return_to_assistant(c, me, at, new_id),
        "resolve": lambda c, at, new_id: handoff.resolve(c, me, at),
        "take up": lambda c, at, new_id: handoff.take_up(c, me, at),
        "approve": _decide_approval(me, "approve"),
        "decline": _decide_approval(me, "decline"),
    }
    return {name: Act(f"{me.name} {name}", decide, "follow") for name, decide in decides.items()}


def _decide_approval(me: HumanAgent, decision: Literal["approve", "decline"]) -> Decide:
    def decide(now_is: Conversation, at: datetime, new_id: NewId) -> Decision:
        pending = [id_ for id_, each in now_is.approvals.items() if each.state_at(at) == "pending"]
        turn_id = now_is.next_turn or TurnId(new_id("tn"))
        return tuple(
            ApprovalDecided(at=at, turn_id=turn_id, approval_id=id_, decision=decision, human_agent=me)
            for id_ in pending[:1]
        )

    return decide


# What can come next -------------------------------------------------------------------------------------------------


class Store(Ledger):
    """The product's ledger over one world. `earlier`: what it loads first, as if the rest had come a moment later."""

    def __init__(self, world: World, earlier: Conversation | None = None) -> None:
        super().__init__(cast("Any", self), lambda *_: None, alone=False)
        self.world = world
        self._earlier = earlier

    async def load(self, conversation_id: ConversationId) -> Conversation:
        earlier, self._earlier = self._earlier, None
        return earlier or self.world.log

    async def append(self, conversation: Conversation, *events: Event) -> Conversation:
        if conversation.last_seq != self.world.log.last_seq:
            raise Conflict("the log has moved on")
        earlier = (*self.world.earlier, self.world.log)[-EARLIER:]
        self.world = replace(self.world, log=self.world.log.extended(*events), earlier=earlier)
        return self.world.log


@dataclass(frozen=True)
class Moved:
    """One transition. `refused`: the code, when it was; `stale`: decided on what the log had been before."""

    name: str
    world: World
    refused: str | None = None
    stale: bool = False


class Explorer:
    """What can happen: `acts` of people; the worker's steps; `time` passing; processes that `crash`."""

    def __init__(
        self, acts: Iterable[Act], *, time: bool = False, crash: bool = False, most_unanswered: int = 1
    ) -> None:
        self.acts = tuple(acts)
        self._time, self._crash, self._most_unanswered = time, crash, most_unanswered
        known = {
            "get_price": lambda _, wheels: {"price": "low"},
            "pay_back": lambda _, amount_usd: {"paid": amount_usd},
        }
        engine = make_engine(BUNDLE, Chatter(), RecordingToolset(dict(TOOLS), cast("Any", known)))
        self._at, self._new_id = START, _count_from(start(BUNDLE), "")
        self.engine: Engine = replace(engine, now=lambda: self._at, new_id=self._give_id)

    def _give_id(self, kind: str) -> str:
        return self._new_id(kind)

    async def begin(self, *acts: Act, signed_in: bool = False) -> World:
        """The world after these acts, each followed by whatever the worker has to do."""
        world = World(sign_in(start(BUNDLE)) if signed_in else start(BUNDLE), START)
        with _at_once():
            for act in acts:
                world = (await self._do(world, act)).world
                while world.work is not None:
                    world = await self._work(world)
        return world

    async def moves(self, world: World) -> AsyncIterator[Moved]:
        """Every transition from here."""
        world = replace(world, at=world.at + timedelta(seconds=1))
        full = len((*world.log.asked, *world.log.unheard, *world.log.taken)) >= self._most_unanswered
        for act in self.acts:
            if full and act.name.startswith("post"):
                continue
            now = await self._do(world, act)
            yield now
            for earlier in world.earlier:
                late = await self._do(world, act, seen=earlier)
                assert late.refused or late.world.log in (world.log, now.world.log), f"{act.name}, decided too early"
                yield late
        if world.work is not None:
            yield Moved("worker", await self._work(world))
        if self._crash and (world.work is not None or world.log.unfinished):
            yield Moved("crash", _restart(world))
        if self._time:
            for moved in await self._pass_time(world):
                yield moved

    async def choose(self, world: World, chance: Random) -> Moved:
        """One transition by chance."""
        world = replace(world, at=world.at + timedelta(seconds=1))
        if world.work is not None and chance.random() < 0.5:
            return Moved("worker", await self._work(world))
        if world.work is not None and chance.random() < 0.1:
            return Moved("crash", _restart(world))
        if chance.random() < 0.1:
            return chance.choice(await self._pass_time(world))
        return await self._do(world, chance.choice(self.acts))

    async def _do(self, world: World, act: Act, *, seen: Conversation | None = None) -> Moved:
        """Somebody acts, as their route does it; `seen`: all that they have seen of the log when they decide."""
        store, stale = Store(world, seen), seen is not None
        try:
            changed = await store.update(
                world.log.conversation_id, lambda c: allowed(act.decide(c, world.at, _count_from(c, "p")))
            )
        except RequestError as refused:
            assert store.world.log is world.log, "refused, and changed"
            return Moved(act.name, world, refused.code, stale)
        then = store.world
        if stale and then.log is world.log:  # in one process nothing comes between loading and what follows
            return Moved(act.name, world, None, stale)
        if act.then == "stop" or (act.then == "follow" and changed.status != "open"):
            then = await self._stop(then)
        if act.then == "submit" or (act.then == "follow" and changed.unfinished):
            then = _submit(then)
        return Moved(act.name, then, None, stale)

    # The worker --------------------------------------------------------------------------------------------------

    async def _work(self, world: World) -> World:
        """The worker's next step: it loads, shows a frame, or appends behind what it has seen."""
        work = world.work
        assert work is not None
        if work.steps is not None:
            return await self._take(world, work.steps[work.index], replace(work, index=work.index + 1))
        if not world.log.unfinished:
            return replace(world, work=Work(world.log) if world.again else None, again=False)
        driven = worker.Driven.begin(world.log)
        steps = await self._run_ahead(world.log, world.at, None)
        return replace(world, work=Work(world.log, driven.turn_id, world.log, steps, shown=driven.shown))

    async def _take(self, world: World, step: Step, work: Work) -> World:
        assert work.turn_id is not None
        store, driven = Store(world), worker.Driven(work.turn_id, work.stored, work.shown)
        self._at, self._new_id = world.at, _count_from(world.log, "b")
        try:
            goes_on = await worker.Worker(Engines([self.engine]), store, lambda *_: None)._take(
                self.engine, driven, step
            )
        except Conflict:
            return replace(store.world, work=Work(world.log) if world.again else None, again=False)
        if not isinstance(step, tuple):
            page = driven.shown.shown if driven.shown else world.page
            return replace(world, work=replace(work, shown=driven.shown), page=page)
        if not goes_on or work.index == len(work.steps or ()):
            return replace(store.world, work=Work(store.world.log), page="")
        return replace(store.world, work=replace(work, stored=driven.stored))

    async def _stop(self, world: World) -> World:
        """The dispatcher's signal: the running turn goes on from here as one that was asked to stop."""
        work = world.work
        if work is None or work.base is None or work.stopped:
            return world
        steps = await self._run_ahead(work.base, world.at, work.index)
        return replace(world, work=replace(work, steps=steps, stopped=True))

    async def _run_ahead(self, base: Conversation, at: datetime, stop_after: int | None) -> tuple[Step, ...]:
        """The steps of the turn that is due; after `stop_after` of them it is asked to stop."""
        self._at, self._new_id = at, _count_from(base, "w")
        stop, steps = asyncio.Event(), list[Step]()
        if stop_after == 0:
            stop.set()
        async with aclosing(run_turn(self.engine, base, stop)) as turn:
            async for step in turn:
                steps += [] if isinstance(step, StatusShown) else [step]
                if stop_after and len(steps) >= stop_after:
                    stop.set()
        return tuple(steps)

    # Time --------------------------------------------------------------------------------------------------------

    async def _pass_time(self, world: World) -> list[Moved]:
        if people_available(BUNDLE.hours, world.at):
            later = Moved("night", replace(world, at=world.at.replace(hour=0) + timedelta(days=1, hours=3)))
        else:
            opening = next_opening(BUNDLE.hours, world.at)
            assert opening is not None
            later = Moved("morning", replace(world, at=opening.astimezone(world.at.tzinfo) + timedelta(hours=1)))
        moment = handoff.due_at(world.log, BUNDLE)
        if moment is None:
            return [later]
        assert not _decide_due(world.log, moment - timedelta(seconds=1)), "before its time"
        store = Store(replace(world, at=max(world.at, moment)))
        events = _decide_due(world.log, store.world.at)
        assert events, "its time has come, and nothing happens"
        await store.append(world.log, *events)
        assert kinds(_decide_due(store.world.log, store.world.at)) != kinds(events), "twice"
        then = store.world
        if then.log.unfinished:
            then = _submit(then)
        return [later, Moved("time", then)]


def _decide_due(log: Conversation, at: datetime) -> Sequence[Event]:
    return handoff.decide_due(log, BUNDLE, at, _count_from(log, "t"))


def _submit(world: World) -> World:
    return replace(world, again=True) if world.work is not None else replace(world, work=Work(world.log))


def _restart(world: World) -> World:
    """The process dies and another one starts: it takes up what is unfinished, and readers begin anew."""
    turn_id = world.log.open_turn or world.log.next_turn
    replies = [each for each in world.log.turn_events(turn_id) if isinstance(each, ModelReplied)] if turn_id else []
    work = Work(world.log) if world.log.unfinished else None
    return replace(world, work=work, again=False, page=replies[-1].shown if replies else "")


def _count_from(conversation: Conversation, letter: str) -> NewId:
    numbers = count(1)
    return lambda kind: f"{kind}_{conversation.last_seq}{letter}{next(numbers)}"


@contextmanager
def _at_once() -> Iterator[None]:
    """No pauses between frames, and no log of what is meant to fail."""
    with patch("firstline.loop.PACE_SECONDS", 0.0), structlog.testing.capture_logs():
        yield


# Walking ------------------------------------------------------------------------------------------------------------


class Laws(Protocol):
    """What must hold. Raises AssertionError where it does not."""

    def follow(self, before: World, moved: Moved) -> Hashable:
        """After every move. What the laws remember of the way: worlds in which it differs are not alike."""
        ...

    def look(self, world: World) -> None:
        """Once at each kind of world."""
        ...


class Broken(AssertionError):
    """A law does not hold; the way there is told."""


@dataclass
class Walk:
    """What was seen; `refusals` by code."""

    worlds: int = 1
    transitions: int = 0
    refusals: dict[str, int] = field(default_factory=dict[str, int])


async def explore(explorer: Explorer, laws: Laws, begin: World) -> Walk:
    """Breadth-first over all that can come, until nothing new comes. Raises Broken."""
    ways: dict[Hashable, tuple[Hashable, str]] = {None: (None, "begin")}
    walk, queue = Walk(), deque[tuple[World, Hashable]]([(begin, None)])
    with _at_once():
        while queue:
            world, place = queue.popleft()
            async for moved in explorer.moves(world):
                walk.transitions += 1
                if moved.refused is not None:
                    walk.refusals[moved.refused] = walk.refusals.get(moved.refused, 0) + 1
                if moved.refused is not None or moved.stale:
                    continue  # it came to nothing, or to what it would come to now
                with _telling_the_way(lambda: [*_way(ways, place), moved.name]):  # noqa: B023
                    key = (moved.world.key, laws.follow(world, moved))
                    if key in ways:
                        continue
                    laws.look(moved.world)
                ways[key] = (place, moved.name)
                walk.worlds += 1
                queue.append((moved.world, key))
    return walk


def _way(ways: Mapping[Hashable, tuple[Hashable, str]], place: Hashable) -> list[str]:
    names: list[str] = []
    while place is not None:
        place, name = ways[place]
        names.append(name)
    return names[::-1]


@contextmanager
def _telling_the_way(way: Callable[[], list[str]]) -> Iterator[None]:
    try:
        yield
    except AssertionError as error:
        raise Broken(f"{error}\nthe way there: {' > '.join(way())}") from error


async def wander(explorer: Explorer, laws: Laws, begin: World, chance: Random, *, moves: int) -> None:
    """One way through the worlds, the worker's steps as often as all others. Raises Broken."""
    world, names = begin, list[str]()
    with _at_once():
        for _ in range(moves):
            moved = await explorer.choose(world, chance)
            names.append(moved.name)
            with _telling_the_way(lambda: names):
                laws.follow(world, moved)
                laws.look(moved.world)
            world = moved.world
