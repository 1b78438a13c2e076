"""Every order in which a hand-off can go: customers, human agents, the assistant, time and crashes, walked through.

A `World` is everything that a running service holds of one conversation: its log, the worker in the middle of a turn
with what it has seen, what the dispatcher and the store remember, and the customer's page. All of it is frozen, so a
walk goes on from any place. Decisions, folds, turns, appends and the breaking off are the product's own code; what is
rebuilt here is only who calls it when (the routes' and the dispatcher's few lines). `explore` walks breadth-first over
worlds that differ in what matters (`World.key`), and checks `tests.support.laws` in each.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any, Literal, cast
from unittest.mock import patch

from firstline import handoff, worker
from firstline.conversation import Conversation, StatusEvent, answering_turn, move_of
from firstline.engine import Engine
from firstline.errors import Conflict, ModelFailed, RequestError
from firstline.events import (
    ApprovalDecided,
    ConfirmationDecided,
    ConversationClosed,
    Event,
    HandoffReturned,
    Logged,
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
from firstline.prepare import _was_offered
from firstline.service.reception import allowed
from firstline.states import may_speak, next_status
from firstline.turn import run_turn
from firstline.types import ConversationId, HumanAgent, Json, Message, MessageId, StaffId, TurnId, Usage
from tests.support.scripted import START, Clock, RecordingToolset, make_engine, sign_in, start
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
EARLIER = 3
"""From how many earlier places of the log each decision is tried again, as somebody does who has not seen the rest."""

OF_OTHERS = ("message.posted", "handoff.returned", "confirmation.decided", "approval.decided")
"""Facts that name a turn and are not its own steps."""

NewId = Callable[[str], str]


# What a service holds ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """A worker in the middle of a turn. `steps`: what its turn yields, when nobody stops it; None: not yet asked."""

    stored: Conversation
    turn_id: TurnId | None = None
    base: Conversation | None = None
    steps: tuple[Step, ...] | None = None
    index: int = 0
    shown: ReplyGrew | None = None
    stopped: bool = False


@dataclass(frozen=True)
class World:
    """One moment. `page`: what the customer has seen of the running reply; `earlier`: the log before the last appends."""

    log: Conversation
    at: datetime
    work: Work | None = None
    again: bool = False
    page: str = ""
    earlier: tuple[Conversation, ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        """What two worlds have in common that go on alike."""
        c, moment = self.log, handoff.due_at(self.log, BUNDLE)
        back = max((logged.seq for logged in c.log if isinstance(logged.event, HandoffReturned)), default=0)
        fresh = {id(logged.event) for logged in c.log[back:]}
        done = [each for each in c.turn_events(c.open_turn) if each.type not in OF_OTHERS] if c.open_turn else None
        return (
            c.status, c.human_agent is None, c.human_spoke_at is None, c.request is None, c.unclaimed,
            c.contact is None, c.survey is None, done and kinds(done), c.next_turn is None,
            tuple(said(each) for each in c.unheard),
            tuple((said(each), each.turn_id == c.open_turn, said(each) == "wish" and id(each) in fresh) for each in c.asked),
            _offer_stands(c), len(c.running_calls),
            tuple(each.decided and each.decided.decision for each in (*c.confirmations.values(), *c.approvals.values())),
            people_available(BUNDLE.hours, self.at), moment is not None and (moment <= self.at),
            self._key_of_work(), self.again, bool(self.page),
        )  # fmt: skip

    def _key_of_work(self) -> tuple[Any, ...] | None:
        work = self.work
        if work is None or work.steps is None:
            return None if work is None else ("asked to work",)
        since, status, kept = self.log.log[work.stored.last_seq :], work.stored.status, True
        for logged in since:
            event = logged.event
            status = next_status(status, move_of(event)) or status if isinstance(event, StatusEvent) else status
            kept = kept and may_speak(status, "assistant")
        rest = tuple(kinds(step) if isinstance(step, tuple) else step.type for step in work.steps[work.index :])
        same = any(getattr(logged.event, "turn_id", None) == work.turn_id for logged in since)
        return (rest, may_speak(work.stored.status, "assistant"), bool(since), kept, same)


def kinds(events: Iterable[Event]) -> tuple[str, ...]:
    return tuple(kind_of(event) for event in events)


def kind_of(event: Event) -> str:
    match event:
        case MessagePosted():
            return f"{event.message.author} {said(event) if event.message.author == 'customer' else ''}"
        case TurnEnded() | ToolReturned():
            return f"{event.type} {event.outcome}"
        case RouteChosen():
            return f"{event.type} {event.wants_human}"
        case _:
            return event.type


def said(event: MessagePosted) -> str:
    return next(kind for kind, text in WORDS.items() if text == event.message.text)


def _offer_stands(conversation: Conversation) -> bool:
    return _was_offered(cast("Any", SimpleNamespace(conversation=conversation)), [l.event for l in conversation.log])


# The assistant -------------------------------------------------------------------------------------------------------


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
        if any(block["type"] == "tool_result" for block in content) or (note and note.actions):
            return _say("It is all there. ", "Ride well.")
        if "fail" in text:
            raise ModelFailed("overloaded", retryable=True)
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


def _count_from(conversation: Conversation, letter: str) -> NewId:
    numbers = count(1)
    return lambda kind: f"{kind}_{conversation.last_seq}{letter}{next(numbers)}"


async def run_ahead(engine: Engine, base: Conversation, stop_after: int | None) -> tuple[Step, ...]:
    """The steps of the turn that is due; `stop_after` so many of them it is asked to stop."""
    stop = asyncio.Event()
    if stop_after == 0:
        stop.set()
    steps: list[Step] = []
    async with aclosing(run_turn(engine, base, stop)) as turn:
        async for step in turn:
            if isinstance(step, StatusShown):
                continue
            steps.append(step)
            if len(steps) == stop_after:
                stop.set()
    return tuple(steps)


# The store, at one moment ---------------------------------------------------------------------------------------------


class Desk(Ledger):
    """The product's ledger over one world. `earlier`: what it loads first, as if the rest had come a moment later."""

    def __init__(self, world: World, earlier: Conversation | None = None) -> None:
        super().__init__(cast("Any", self), lambda *_: None, alone=False)
        self.world = world
        self.conflicts = 0
        self._earlier = earlier

    async def load(self, conversation_id: ConversationId) -> Conversation:
        earlier, self._earlier = self._earlier, None
        return earlier or self.world.log

    async def append(self, conversation: Conversation, *events: Event) -> Conversation:
        if conversation.last_seq != self.world.log.last_seq:
            self.conflicts += 1
            raise Conflict("the log has moved on")
        log = self.world.log.extended(*events)
        self.world = replace(self.world, log=log, earlier=(*self.world.earlier, self.world.log)[-EARLIER:])
        return log


# Moves ---------------------------------------------------------------------------------------------------------------

Then = Literal["stop", "submit", "follow", ""]
Decide = Callable[[Conversation, datetime, NewId], Decision]


@dataclass(frozen=True)
class Act:
    """Something that a person does. `then`: what the route does after the append; `follow` is the inbox's way."""

    name: str
    decide: Decide
    then: Then = ""


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


CUSTOMER = (
    post("question"),
    post("wish"),
    post("thanks"),
    Act("ask", lambda c, at, new_id: handoff.request_person(c, BUNDLE, "asked", at, new_id), "stop"),
    Act("go on", lambda c, at, new_id: handoff.go_on(c, at, new_id), "submit"),
    Act("leave contact", lambda c, at, new_id: handoff.leave_contact(c, "kim@spoke.example", "", at)),
    Act("close", _close, "stop"),
    Act("reopen", lambda c, at, new_id: handoff.reopen(c, at)),
    Act("survey", _answer_survey),
)
CONFIRM = Act("confirm", _confirm, "submit")


def person(me: HumanAgent) -> tuple[Act, ...]:
    """Everything that this human agent may try."""

    def note(c: Conversation, at: datetime, new_id: NewId) -> Decision:
        return (NotePosted(at=at, human_agent=me, text="Seems to be new."),)

    acts: Mapping[str, Decide] = {
        "accept": lambda c, at, new_id: handoff.accept(c, BUNDLE, me, at),
        "reply": lambda c, at, new_id: handoff.reply(c, me, "Here I am.", f"{me.staff_id}:{c.last_seq}", at, new_id),
        "note": note,
        "release": lambda c, at, new_id: handoff.let_go(c, BUNDLE, me, at, new_id),
        "return": lambda c, at, new_id: handoff.return_to_assistant(c, me, at, new_id),
        "resolve": lambda c, at, new_id: handoff.resolve(c, me, at),
        "take up": lambda c, at, new_id: handoff.take_up(c, me, at),
    }
    return tuple(Act(f"{me.name} {name}", decide, "follow") for name, decide in acts.items())


def approval(me: HumanAgent, decision: Literal["approve", "decline"]) -> Act:
    def decide(now_is: Conversation, at: datetime, new_id: NewId) -> Decision:
        pending = [id_ for id_, each in now_is.approvals.items() if each.state_at(at) == "pending"]
        turn_id = now_is.next_turn or TurnId(new_id("tn"))
        return tuple(
            ApprovalDecided(at=at, turn_id=turn_id, approval_id=id_, decision=decision, human_agent=me)
            for id_ in pending[:1]
        )

    return Act(f"{me.name} {decision}", decide, "follow")


@dataclass(frozen=True)
class Moved:
    """One transition; `refused` holds the code when nothing was let happen."""

    name: str
    world: World
    refused: str | None = None
    stale: bool = False


@dataclass
class Explorer:
    """Walks. `acts`: what people do; `time`: whether it passes; `crash`: whether processes die."""

    acts: Sequence[Act]
    time: bool = True
    crash: bool = True
    most_messages: int = 2
    engine: Engine = field(init=False)
    _ids: NewId = field(init=False)

    def __post_init__(self) -> None:
        toolset = RecordingToolset(dict(TOOLS), {"get_price": lambda _, wheels: {"price": "low"}, "pay_back": _pay})
        self.engine = make_engine(BUNDLE, Chatter(), toolset, clock=cast("Any", self._now))
        self.engine = replace(self.engine, new_id=lambda kind: self._ids(kind))
        self._at = START

    def _now(self) -> datetime:
        return self._at

    def first(self, *, signed_in: bool = False) -> World:
        log = start(BUNDLE)
        log = sign_in(log) if signed_in else log
        return World(log, START)

    async def after(self, world: World, *acts: Act) -> World:
        """The world after these acts, each followed by whatever the worker has to do."""
        with patch("firstline.loop.PACE_SECONDS", 0.0):
            for act in acts:
                world = (await self.do(world, act)).world
                while world.work is not None:
                    world = await self.work(world)
        return world

    # What can come next ------------------------------------------------------------------------------------------

    async def moves(self, world: World) -> AsyncIterator[Moved]:
        world = replace(world, at=world.at + timedelta(seconds=1))
        for act in self.acts:
            if act.name.startswith("post") and self._is_full(world.log):
                continue
            now = await self.do(world, act)
            yield now
            for earlier in world.earlier:
                late = await self.do(world, act, seen=earlier)
                assert late.refused or late.world.log in (world.log, now.world.log), f"{act.name}, decided too early"
                yield late
        if world.work is not None:
            yield Moved("worker", await self.work(world))
        if self.crash and (world.work is not None or world.log.unfinished):
            yield Moved("crash", self.restart(world))
        for moved in self._pass_time(world) if self.time else ():
            yield moved

    def _is_full(self, conversation: Conversation) -> bool:
        return len(conversation.asked) + len(conversation.unheard) >= self.most_messages

    async def do(self, world: World, act: Act, *, seen: Conversation | None = None) -> Moved:
        """Somebody acts, as their route does it; `seen`: all that they have seen of the log when they decide."""
        desk, stale = Desk(world, seen), seen is not None

        def decide(now_is: Conversation) -> Sequence[Event]:
            return allowed(act.decide(now_is, world.at, _count_from(now_is, "p")))

        try:
            changed = await desk.update(world.log.conversation_id, decide)
        except RequestError as refused:
            assert desk.world.log is world.log, "refused, and changed"
            return Moved(act.name, world, refused.code, stale)
        then = desk.world
        if stale and then.log is world.log:  # in one process nothing comes between loading and what follows
            return Moved(act.name, world, None, stale)
        if act.then == "stop" or (act.then == "follow" and changed.status != "open"):
            then = await self._stop(then)
        if act.then == "submit" or (act.then == "follow" and changed.unfinished):
            then = _submit(then)
        return Moved(act.name, then, None, stale)

    # The worker --------------------------------------------------------------------------------------------------

    async def work(self, world: World) -> World:
        """The worker's next step: it loads, shows a frame, or appends behind what it has seen."""
        work = world.work
        assert work is not None
        if work.steps is None:
            return await self._load(world)
        step, moved = work.steps[work.index], replace(work, index=work.index + 1)
        return await self._take(world, step, moved)

    async def _load(self, world: World) -> World:
        if not world.log.unfinished:
            return replace(world, work=Work(world.log) if world.again else None, again=False)
        steps = await self._run_ahead(world.log, world.at, None)
        turn_id = world.log.open_turn or world.log.next_turn
        assert turn_id is not None
        driven = worker.Driven.begin(world.log)
        return replace(world, work=Work(world.log, turn_id, world.log, steps, shown=driven.shown))

    async def _run_ahead(self, base: Conversation, at: datetime, stop_after: int | None) -> tuple[Step, ...]:
        self._at, self._ids = at, _count_from(base, "w")
        return await run_ahead(self.engine, base, stop_after)

    async def _take(self, world: World, step: Step, work: Work) -> World:
        desk = Desk(world)
        real = worker.Worker({BUNDLE.name: self.engine}, desk, lambda *_: None)
        assert work.turn_id is not None and work.steps is not None
        self._at, self._ids = world.at, _count_from(world.log, "b")
        driven = worker.Driven(work.turn_id, work.stored, work.shown)
        try:
            goes_on = await real._take(self.engine, driven, step)
        except Conflict:
            return replace(desk.world, work=Work(world.log) if world.again else None, again=False)
        if not isinstance(step, tuple):
            page = driven.shown.shown if driven.shown else world.page
            return replace(world, work=replace(work, shown=driven.shown), page=page)
        if not goes_on or work.index == len(work.steps):
            return replace(desk.world, work=Work(desk.world.log), page="")
        return replace(desk.world, work=replace(work, stored=driven.stored))

    async def _stop(self, world: World) -> World:
        """The dispatcher's signal: the running turn goes on from here as one that was asked to stop."""
        work = world.work
        if work is None or work.steps is None or work.stopped or work.base is None:
            return world
        steps = await self._run_ahead(work.base, world.at, work.index)
        assert steps[: work.index] == work.steps[: work.index] or self._at != START, "a turn does not change its past"
        return replace(world, work=replace(work, steps=steps, stopped=True))

    def restart(self, world: World) -> World:
        """The process dies and another one starts: it takes up what is due."""
        turn_id = world.log.open_turn or world.log.next_turn
        replies = (
            [each for each in world.log.turn_events(turn_id) if isinstance(each, ModelReplied)] if turn_id else []
        )
        page = replies[-1].shown if replies else ""
        return replace(world, work=Work(world.log) if world.log.unfinished else None, again=False, page=page)

    # Time --------------------------------------------------------------------------------------------------------

    def _pass_time(self, world: World) -> Iterator[Moved]:
        moment = handoff.due_at(world.log, BUNDLE)
        if moment is not None:
            at = max(world.at, moment)
            early = handoff.decide_due(world.log, BUNDLE, moment - timedelta(seconds=1), _count_from(world.log, "t"))
            assert not early, "before its time"
            yield Moved("time", self._tick(replace(world, at=at)))
        if people_available(BUNDLE.hours, world.at):
            night = world.at.replace(hour=0, minute=0) + timedelta(days=1, hours=3)  # 22:00 in New York
            yield Moved("night", replace(world, at=night))
        else:
            opening = next_opening(BUNDLE.hours, world.at)
            assert opening is not None
            yield Moved("morning", replace(world, at=opening.astimezone(world.at.tzinfo) + timedelta(hours=1)))

    def _tick(self, world: World) -> World:
        desk = Desk(world)
        events = handoff.decide_due(world.log, BUNDLE, world.at, _count_from(world.log, "t"))
        assert events, "its time has come, and nothing happens"
        asyncio_free(desk.append(world.log, *events))
        again = handoff.decide_due(desk.world.log, BUNDLE, world.at, _count_from(desk.world.log, "t"))
        assert not again, "twice"
        return desk.world


def _pay(context: Any, amount_usd: float) -> Json:
    return {"paid": amount_usd}


def _submit(world: World) -> World:
    return replace(world, again=True) if world.work is not None else replace(world, work=Work(world.log))


def asyncio_free(made: Any) -> Any:
    """The result of a coroutine that waits for nothing."""
    try:
        made.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


Check = Callable[[World, Moved, bool], None]
"""The world before, the move, and whether such a world was never seen before. Raises AssertionError."""


# Walking -------------------------------------------------------------------------------------------------------------


class Broken(AssertionError):
    """A law does not hold; the way there is told."""


@dataclass
class Walk:
    """What was seen. `refusals` counts by code."""

    worlds: int = 0
    transitions: int = 0
    depth: int = 0
    whole: bool = False
    refusals: dict[str, int] = field(default_factory=dict[str, int])


async def explore(
    explorer: Explorer,
    check: "Check",
    *,
    first: World | None = None,
    most: int = 1_000_000,
    deepest: int = 1_000,
) -> Walk:
    """Breadth-first over all that can come, until nothing new comes. Raises Broken."""
    begin = first or explorer.first()
    ways: dict[tuple[Any, ...], tuple[tuple[Any, ...] | None, str]] = {begin.key: (None, "start")}
    walk, queue = Walk(worlds=1), deque([(begin, 0)])
    with patch("firstline.loop.PACE_SECONDS", 0.0):
        while queue:
            world, depth = queue.popleft()
            if depth == deepest or walk.transitions >= most:
                return walk
            walk.depth = depth
            async for moved in explorer.moves(world):
                walk.transitions += 1
                if moved.refused is not None:
                    walk.refusals[moved.refused] = walk.refusals.get(moved.refused, 0) + 1
                if moved.refused is not None or moved.stale:
                    continue  # it came to nothing, or to what it would come to now
                key = moved.world.key
                try:
                    check(world, moved, key not in ways)
                except AssertionError as error:
                    raise Broken(f"{error}\nthe way: {' > '.join([*_way(ways, world.key), moved.name])}") from error
                if key not in ways:
                    ways[key] = (world.key, moved.name)
                    walk.worlds += 1
                    queue.append((moved.world, depth + 1))
    walk.whole = True
    return walk


def _way(
    ways: Mapping[tuple[Any, ...], tuple[tuple[Any, ...] | None, str]], key: tuple[Any, ...] | None
) -> list[str]:
    names: list[str] = []
    while key is not None:
        key, name = ways[key]
        names.append(name)
    return list(reversed(names))
