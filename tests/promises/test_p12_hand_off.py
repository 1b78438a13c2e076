"""P12: never do the assistant and a human agent both speak; a hand-off is never silent, never loops, is never lost.

`tests.support.explore` walks through every order in which the moves can come; `Promise` holds each place against
its laws. That the laws can fail is shown by breaking the product in one place at a time.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from random import Random
from typing import Any, cast

import pytest

from firstline import conversation as conversation_module
from firstline import ending, handoff, prepare, worker
from firstline import turn as turn_module
from firstline.conversation import Conversation, fold, move_of, new_conversation
from firstline.events import (
    ApprovalDecided,
    ApprovalRequested,
    ConfirmationDecided,
    ContactLeft,
    ConversationClosed,
    ConversationReopened,
    Event,
    HandoffAccepted,
    HandoffOffered,
    HandoffRequested,
    HandoffRequeued,
    HandoffReturned,
    HandoffUnclaimed,
    Logged,
    MessagePosted,
    RouteChosen,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    TurnStarted,
)
from firstline.phrases import phrase
from firstline.record import build_record
from firstline.states import may_speak, next_status
from firstline.types import HumanAgent, Status, TurnId
from firstline.wire import build_known
from firstline.wishes import accepts_offer
from firstline.wishes import wants_human as hear_wish
from tests.support.explore import BUNDLE, CUSTOMER, A, B, Explorer, Moved, Walk, World, explore, person, wander

pytestmark = pytest.mark.anyio

wants_human = cache(hear_wish)
KNOWN = build_known(BUNDLE)

MOVES = (
    HandoffRequested, HandoffAccepted, HandoffRequeued, HandoffUnclaimed, HandoffReturned, ConversationClosed,
    ConversationReopened,
)  # fmt: skip
TOLD = (HandoffRequested, HandoffRequeued, HandoffUnclaimed)
"""Moves that the customer must be told of by a line."""
CAME_OF = {
    phrase(key, "en", label="Doing pay_back"): what
    for key, what in (
        ("action_done", "ok"),
        ("action_unknown", "unknown"),
        ("action_not_done", "not done"),
        ("approval_waits", "waiting"),
        ("approval_declined", "decline"),
        ("approval_expired", "expire"),
    )
}
"""What each line says came of a yes that the customer waits for."""
NOT_DONE = dict.fromkeys(("rejected", "failed", "denied"), "not done")


@dataclass
class Reader:
    """Reads a log as it was written, and holds each fact against the promise."""

    status: Status = "open"
    holder: HumanAgent | None = None
    ticket: bool = False
    unanswered: list[Logged] = field(default_factory=list[Logged])
    started: dict[TurnId, int] = field(default_factory=dict[TurnId, int])
    might_speak: set[TurnId] = field(default_factory=set[TurnId])
    """Turns that ran while the assistant had the conversation."""
    ended: set[TurnId] = field(default_factory=set[TurnId])
    spoke: dict[TurnId, str] = field(default_factory=dict[TurnId, str])
    posted: dict[TurnId, list[Logged]] = field(default_factory=dict[TurnId, list[Logged]])
    decided: set[str] = field(default_factory=set[str])
    wished: dict[TurnId, bool] = field(default_factory=dict[TurnId, bool])
    """Turns in which a wish for a person was heard, and whether it is one that nobody has followed yet."""
    awaited: dict[TurnId, list[tuple[str, str]]] = field(default_factory=dict[TurnId, list[tuple[str, str]]])
    """What was decided for a turn, each with the id of the call that it leads to."""
    returned: dict[str, str] = field(default_factory=dict[str, str])
    told: dict[TurnId, list[str]] = field(default_factory=dict[TurnId, list[str]])
    """What a turn's lines said came of it."""
    acted: set[str] = field(default_factory=set[str])
    effects: set[str] = field(default_factory=set[str])
    """Calls that change something."""
    back: int = 0
    """Where the assistant last got the conversation back."""
    offer: tuple[int, TurnId | None] | None = None
    last_ended: TurnId | None = None

    def read(self, log: Sequence[Logged]) -> "Reader":
        for logged, following in zip(log, [*log[1:], None], strict=True):
            event = logged.event
            if isinstance(event, TOLD):
                line = following.event if following else None
                assert isinstance(line, MessagePosted) and line.message.author == "system", f"silent: {event.type}"
            if isinstance(event, MOVES):
                self._move(logged, event)
            elif isinstance(event, MessagePosted):
                self._post(logged, event)
            else:
                self._note(logged, event)
        return self

    def _post(self, logged: Logged, event: MessagePosted) -> None:
        author, turn_id = event.message.author, event.turn_id
        if turn_id is not None and author != "customer":
            self.spoke[turn_id] = author
        match author:
            case "customer":
                assert self.status != "closed", "the customer wrote into a closed conversation"
                self.unanswered.append(logged)
                if turn_id is not None:
                    self.posted.setdefault(turn_id, []).append(logged)
            case "human_agent":
                assert self.status == "with_human" and self.holder, f"a human agent spoke while {self.status}"
                assert event.message.author_name == self.holder.name, "somebody spoke who did not have it"
                self.unanswered.clear()
            case "assistant":
                self._hear_assistant(event, turn_id)
            case "system":
                if event.message.text in CAME_OF:
                    assert turn_id is not None and turn_id not in self.ended, "told outside of its turn"
                    self.told.setdefault(turn_id, []).append(CAME_OF[event.message.text])

    def _hear_assistant(self, event: MessagePosted, turn_id: TurnId | None) -> None:
        assert turn_id is not None and turn_id in self.started, "the assistant spoke without a turn"
        began, ran = self.started[turn_id], turn_id in self.might_speak
        if self.status != "open":
            assert event.message.cut_off and ran, f"the assistant spoke while {self.status}"
        if not event.message.cut_off:
            self.unanswered = [each for each in self.unanswered if not self._was_put(each, began, turn_id)]

    def _was_put(self, posted: Logged, began: int, turn_id: TurnId) -> bool:
        event: Any = posted.event
        return (
            posted.seq < began if event.turn_id is None else event.turn_id == turn_id or event.turn_id in self.ended
        )

    def _note(self, logged: Logged, event: Event) -> None:
        match event:
            case TurnStarted(turn_id=turn_id):
                self.started.setdefault(turn_id, logged.seq)
                self.might_speak |= {turn_id} if self.status == "open" else set()
            case TurnEnded(turn_id=turn_id):
                assert turn_id not in self.ended, "a turn ended twice"
                self.ended.add(turn_id)
                self.last_ended = turn_id
                self._hear_outcomes(event)
            case ConfirmationDecided(confirmation_id=id_, decision="confirm", turn_id=turn_id):
                assert self.status == "open" and turn_id is not None, "confirmed while a person had it"
                self.decided.add(id_)
                self.awaited.setdefault(turn_id, []).append((id_, "confirm"))
            case ApprovalDecided(approval_id=id_, decision=decision, turn_id=turn_id):
                assert turn_id is not None and turn_id not in self.ended, "decided for no turn"
                self.decided |= {id_} if decision == "approve" else set()
                self.awaited.setdefault(turn_id, []).append((id_, decision))
            case ApprovalRequested(confirmation_id=id_):
                assert id_ not in self.acted, "one yes, two actions"
                self.acted.add(id_)
            case HandoffOffered(turn_id=turn_id):
                self.offer = (logged.seq, turn_id)
            case RouteChosen(wants_human=True, turn_id=turn_id):
                self.wished[turn_id] = self._is_new_wish(turn_id)
                if self.status != "open":
                    self._hear_wishes()
            case ToolCalled():
                self._act(event)
            case ToolReturned(call_id=id_, outcome=outcome):
                self.returned[id_] = outcome
                self.ticket = self.ticket or (outcome == "unknown" and id_ in self.effects)
            case ContactLeft():
                self.ticket = True
            case _:
                pass

    def _act(self, event: ToolCalled) -> None:
        by = event.approval_id or event.confirmation_id
        self.effects |= {event.call_id} if event.effect != "read" else set()
        assert by in self.decided if event.effect != "read" else True, "it acted without a yes"
        assert self.status == "open" or by in self.decided, f"a call was begun while {self.status}"
        if by is not None:
            assert by not in self.acted, "one yes, two actions"
            self.acted.add(by)

    def _hear_outcomes(self, ended: TurnEnded) -> None:
        """Whoever waits for what comes of a yes is told it exactly once: by the reply, or by a line that is true."""
        turn_id = ended.turn_id
        due = [
            self.returned.get(id_, "unknown") if decision in ("confirm", "approve") else decision
            for id_, decision in self.awaited.get(turn_id, [])
        ]
        due = [NOT_DONE.get(each, each) for each in due]
        if ended.outcome == "replied":
            assert not due or self.spoke.get(turn_id) == "assistant", "silent: a reply without a word"
            due = []
        told = self.told.get(turn_id, [])
        assert len(told) >= len(due), f"silent: {due} was awaited, told was {told}"
        assert sorted(told) == sorted(due), f"not the truth: it came to {due}, told was {told}"

    def _move(self, logged: Logged, event: Any) -> None:
        status = next_status(self.status, move_of(event))
        assert status is not None, f"{event.type} while {self.status}"
        if isinstance(event, HandoffRequested) and event.turn_id is not None:
            assert self.wished.get(event.turn_id), "loops: there is no new wish"
        self.wished = dict.fromkeys(self.wished, False)
        if isinstance(event, HandoffRequested | HandoffAccepted):
            self._hear_wishes()
        if isinstance(event, ConversationClosed):
            self.unanswered.clear()
            self.ticket = self.ticket and event.by != "human_agent"
        if status == "open":
            self.back = logged.seq
            self.might_speak |= self.started.keys() - self.ended
        self.status, self.offer = status, None
        self.holder = getattr(event, "human_agent", None)

    def _hear_wishes(self) -> None:
        """Who asked for a person has one: a turn that holds a wish is heard as a whole."""
        self.unanswered = [each for each in self.unanswered if not self._is_wish(each)]

    def _is_wish(self, posted: Logged) -> bool:
        event: Any = posted.event
        return event.turn_id in self.wished or wants_human(event.message.text)

    def _is_new_wish(self, turn_id: TurnId) -> bool:
        """Whether the turn's messages hold a wish, or a yes to an offer that stands, since the assistant is back."""
        fresh = [each for each in self.posted.get(turn_id, []) if each.seq > self.back]
        texts = [each.event.message.text for each in fresh if isinstance(each.event, MessagePosted)]
        offered = self.offer is not None and self.offer[1] == self.last_ended
        return any(map(wants_human, texts)) or (offered and accepts_offer("\n".join(texts)))


class Promise:
    """Every law, held against each world that a move leads to."""

    def follow(self, before: World, moved: Moved) -> Hashable:
        world, log = moved.world, moved.world.log
        found = Reader().read(log.log)
        assert found.status == log.status
        assert found.holder == log.human_agent and (log.human_agent is not None) == (log.status == "with_human")
        assert found.ticket == log.ticket, "a ticket was lost, or opened by itself"
        awaited = found.awaited.keys() - found.ended
        assert awaited <= {log.open_turn, log.next_turn}, "an outcome that no turn will tell"
        if log.unfinished:
            assert world.work is not None, "something is due, and nobody works on it"
        elif log.status == "open":
            assert not found.unanswered, "a message that nobody answers"
        if moved.name == "worker" and len(log.log) > len(before.log.log):
            _check_page(before, log.log[before.log.last_seq :])
        offered = found.offer is not None and found.offer[1] == found.last_ended
        return len(found.unanswered), offered, log.open_turn and found.wished.get(log.open_turn)

    def look(self, world: World) -> None:
        _check_folds(world)
        _check_record(world, Reader().read(world.log.log))


def _check_page(before: World, added: Sequence[Logged]) -> None:
    """What the customer's page has shown of a reply is what is kept of it, byte for byte."""
    if not any(isinstance(logged.event, TurnEnded) for logged in added):
        return
    said = [
        each.event.message.text
        for each in added
        if isinstance(each.event, MessagePosted)
        if each.event.message.author == "assistant"
    ]
    assert said == ([before.page] if before.page else []), f"shown {before.page!r}, kept {said}"


def _check_folds(world: World) -> None:
    log, empty = world.log.log, new_conversation(world.log.conversation_id)
    cut = world.earlier[0].last_seq if world.earlier else 1
    assert fold(log, onto=empty) == world.log == fold(log[cut:], onto=fold(log[:cut], onto=empty))


def _check_record(world: World, found: Reader) -> None:
    """The inbox shows it on the shelf where it belongs."""
    record = build_record(world.log, KNOWN, world.at)
    assert record.status == found.status and record.ticket == found.ticket
    assert record.held_by == (found.holder.staff_id if found.holder else None)
    assert (record.waiting_since is not None) == (found.status == "waiting")
    assert (record.closed_at is not None) == (found.status == "closed")


# Every order ------------------------------------------------------------------------------------------------------

DESK, COLLEAGUE = person(A), person(B)
EVERYBODY = (*CUSTOMER.values(), *DESK.values(), *COLLEAGUE.values())


@dataclass(frozen=True)
class Scene:
    """Who acts in it; `least`: as many worlds there are at least."""

    customer: str
    desk: str
    colleague: str = ""
    begin: str = ""
    least: int = 0
    how: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def explorer(self) -> Explorer:
        named = ((CUSTOMER, self.customer), (DESK, self.desk), (COLLEAGUE, self.colleague))
        return Explorer([acts[name] for acts, names in named for name in _read(names)], **self.how)

    async def walk(self) -> Walk:
        explorer = self.explorer
        begin = await explorer.begin(*(CUSTOMER[name] for name in _read(self.begin)), signed_in=True)
        return await explore(explorer, Promise(), begin)


def _read(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


ALL = "accept, reply, note, release, return, resolve, take up"
SCENES = {
    "a turn with a call in it": Scene(
        "post question, ask, go on", "accept, reply, return", least=1_000, how={"crash": True}
    ),
    "two people at once": Scene("post thanks, ask, close", ALL, ALL, least=300),
    "the end and after": Scene(
        "post thanks, ask, close, reopen, survey", "accept, resolve, take up, return", least=600, how={"crash": True}
    ),
    "wishes": Scene("post wish, post thanks, ask, go on", "accept, return", least=1_000, how={"most_unanswered": 2}),
    "offers": Scene("post trouble, post thanks, ask, go on", "return", least=600, how={"most_unanswered": 2}),
    "time": Scene(
        "post thanks, ask, leave contact", "accept, reply, release, resolve", least=1_500, how={"time": True}
    ),
    "money": Scene(
        "ask, go on, confirm", "accept, return, approve, decline", begin="post money", least=400, how={"crash": True}
    ),
    "money and the end": Scene(
        "close, reopen", "approve, decline", begin="post money, confirm", least=150, how={"crash": True}
    ),
    "money and time": Scene("ask, confirm", "approve", begin="post money", least=450, how={"time": True}),
    "money and trouble": Scene(
        "post trouble, post wish, confirm", "approve, decline", begin="post money", least=1_000, how={"crash": True}
    ),
}


@pytest.mark.parametrize("name", SCENES)
async def test_in_every_order_of_moves_every_law_holds(name: str):
    walk = await SCENES[name].walk()

    print(f"{name}: {walk.worlds:,} worlds, {walk.transitions:,} transitions, refused {walk.refusals}")
    assert walk.worlds >= SCENES[name].least, "something that could come does not come any more"


async def test_every_reason_to_refuse_is_met():
    walk = await SCENES["two people at once"].walk()

    assert walk.refusals.keys() == {"closed", "already_taken", "not_yours", "not_accepted", "not_waiting"}


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_everybody_does_in_any_order_every_law_holds(seed: int):
    explorer = Explorer(EVERYBODY, time=True, crash=True)

    await wander(explorer, Promise(), await explorer.begin(signed_in=True), Random(seed), moves=50)


# The laws can fail ------------------------------------------------------------------------------------------------

Break = Callable[[pytest.MonkeyPatch], None]


def _no_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(worker, "_was_taken", lambda stored, since: False)


def _fence_of_now(patch: pytest.MonkeyPatch) -> None:
    """It sees who has the conversation now, and not that somebody else had it in between."""

    def was_taken(stored: Conversation, since: Sequence[Logged]) -> bool:
        now_is = stored.extended(*(logged.event for logged in since))
        return not may_speak(now_is.status, "assistant")

    patch.setattr(worker, "_was_taken", was_taken)


def _anybody_replies(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(handoff, "check_holder", lambda conversation, human_agent: None)


def _two_holders(patch: pytest.MonkeyPatch) -> None:
    def accept(conversation: Conversation, bundle: Any, me: HumanAgent, now: datetime) -> Any:
        return () if conversation.human_agent == me else (HandoffAccepted(at=now, human_agent=me),)

    patch.setattr(handoff, "accept", accept)


def _silent_request(patch: pytest.MonkeyPatch) -> None:
    whole = handoff.request_person
    patch.setattr(handoff, "request_person", lambda *args, **how: cast("Any", whole(*args, **how))[:1])


def _silent_requeue(patch: pytest.MonkeyPatch) -> None:
    whole = handoff._requeue
    patch.setattr(handoff, "_requeue", lambda *args: whole(*args)[:1])


def _silent_outcome(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ending, "_came_of", lambda returned: None)


def _silent_decline(patch: pytest.MonkeyPatch) -> None:
    whole = ending._came_of_approval
    patch.setattr(
        ending, "_came_of_approval", lambda event, known: whole(event, known) if event.decision == "approve" else None
    )


def _broken_off_in_silence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ending, "tell_outcomes", lambda turn: [])  # as `break_off` sees it


def _failed_in_silence(patch: pytest.MonkeyPatch) -> None:
    def tell_outcomes(turn: Any) -> list[Event]:
        return [] if turn.ending.outcome == "failed" else ending.tell_outcomes(turn)

    patch.setattr(turn_module, "tell_outcomes", tell_outcomes)


def _told_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(turn_module, "tell_outcomes", lambda turn: ending.tell_outcomes(turn) * 2)


def _doubt_is_called_done(patch: pytest.MonkeyPatch) -> None:
    def came_of(returned: ToolReturned | None) -> str | None:
        told = whole(returned)
        return "action_done" if told == "action_unknown" else told

    whole = ending._came_of
    patch.setattr(ending, "_came_of", came_of)


def _no_turn_is_due(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(handoff, "_due_turn", lambda conversation, new_id: None)


def _cut_off_is_an_answer(patch: pytest.MonkeyPatch) -> None:
    def post_message(*args: Any, cut_off: bool = False) -> MessagePosted:
        return whole(*args)

    whole = ending.post_message
    patch.setattr(ending, "post_message", post_message)


def _nothing_is_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(worker.Driven, "begin", classmethod(lambda cls, c: cls(c.open_turn or c.next_turn, c, None)))


def _old_wishes_are_heard(patch: pytest.MonkeyPatch) -> None:
    def everything(turn: Any) -> str:
        return "\n".join(each.message.text for each in (*turn.conversation.unheard, *turn.conversation.asked))

    patch.setattr(prepare, "_written_since_back", everything)


def _offers_stand_for_ever(patch: pytest.MonkeyPatch) -> None:
    whole = conversation_module._move
    patch.setattr(
        conversation_module, "_move", lambda state, event: replace(whole(state, event), offered_in=state.offered_in)
    )


def _closing_loses_the_ticket(patch: pytest.MonkeyPatch) -> None:
    whole = conversation_module._move
    patch.setattr(conversation_module, "_move", lambda state, event: replace(whole(state, event), contact=None))


def _nobody_looks_at_what_is_in_doubt(patch: pytest.MonkeyPatch) -> None:
    whole = conversation_module._return
    patch.setattr(conversation_module, "_return", lambda state, event: replace(whole(state, event), in_doubt=()))


def _apologies_without_end(patch: pytest.MonkeyPatch) -> None:
    whole = conversation_module._move
    patch.setattr(conversation_module, "_move", lambda state, event: replace(whole(state, event), unclaimed=False))


BREAKS: dict[str, tuple[Break, str, str]] = {
    "no fence": (_no_fence, "a turn with a call in it", "while (waiting|with_human)"),
    "a fence that sees only now": (_fence_of_now, "a turn with a call in it", "a message that nobody answers"),
    "anybody may reply": (_anybody_replies, "two people at once", "human agent spoke|somebody spoke"),
    "two may accept": (_two_holders, "two people at once", "handoff.accepted while"),
    "a request without a line": (_silent_request, "a turn with a call in it", "silent: handoff.requested"),
    "a requeue without a line": (_silent_requeue, "time", "silent: handoff.requeued"),
    "an approval without its outcome": (_silent_outcome, "money", r"silent: \['(ok|waiting|unknown)'\]"),
    "a decline without a line": (_silent_decline, "money", r"silent: \['decline'\]"),
    "an expiry without a line": (_silent_decline, "money and time", r"silent: \['expire'\]"),
    "an outcome lost as the turn is broken off": (_broken_off_in_silence, "money", "silent"),
    "an outcome lost as the turn fails": (_failed_in_silence, "money and trouble", r"silent: \['(ok|waiting)"),
    "an outcome told twice": (_told_twice, "money", "not the truth"),
    "a doubt that is called done": (_doubt_is_called_done, "money", "came to .*unknown.* told was .*ok"),
    "nothing is due after coming back": (_no_turn_is_due, "a turn with a call in it", "a message that nobody"),
    "a partial reply without its mark": (_cut_off_is_an_answer, "a turn with a call in it", "spoke while"),
    "a restart forgets what was shown": (_nothing_is_kept, "a turn with a call in it", "shown '.*', kept"),
    "old wishes are heard again": (_old_wishes_are_heard, "wishes", "loops"),
    "an offer outlives the hand-off": (_offers_stand_for_ever, "offers", "loops"),
    "the end loses the ticket": (_closing_loses_the_ticket, "time", "a ticket was lost"),
    "what is in doubt is lost": (_nobody_looks_at_what_is_in_doubt, "money and trouble", "a ticket was lost"),
    "apologies without end": (_apologies_without_end, "time", "twice"),
}


@pytest.mark.parametrize("name", BREAKS)
async def test_a_product_that_is_broken_there_is_found_out(name: str, monkeypatch: pytest.MonkeyPatch):
    break_it, scene, found = BREAKS[name]
    break_it(monkeypatch)

    with pytest.raises(AssertionError, match=found):
        await SCENES[scene].walk()
