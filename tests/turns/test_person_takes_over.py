"""A person takes the conversation from the assistant and gives it back: with the real worker, ledger and turns."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from firstline import handoff
from firstline.conversation import Conversation
from firstline.engine import Engine
from firstline.engines import Engines
from firstline.errors import Conflict, ToolFailed
from firstline.events import (
    CorrectionPosted,
    Event,
    HandoffAccepted,
    HandoffOffered,
    HandoffRequested,
    Logged,
    NotePosted,
    ReplyGrew,
    ReplyWithdrawn,
    RouteChosen,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    messages_by,
)
from firstline.handoff import Refused
from firstline.ledger import Ledger
from firstline.model import Replied, TextGrew
from firstline.model.note import read_note
from firstline.types import ConversationId, HandoffReason, HumanAgent, Message, StaffId, Usage
from firstline.worker import Worker
from tests.support.scripted import (
    FAILED,
    START,
    RecordingToolset,
    ScriptedModel,
    call,
    make_engine,
    post,
    say,
    sign_in,
    start,
)
from tests.support.toy import TOOLS, make_bundle

pytestmark = pytest.mark.anyio

DESK = HumanAgent(staff_id=StaffId("st_1"), name="Desk One")
UNKNOWN = "I do not know that."


@dataclass
class Logs:
    """A store in memory, with the one rule that every store keeps: an append goes behind the last seq, or nowhere."""

    kept: dict[ConversationId, list[Event]] = field(default_factory=dict)

    async def append(self, conversation_id: ConversationId, events: Sequence[Event], *, after: int) -> int:
        log = self.kept.setdefault(conversation_id, [])
        if len(log) != after:
            raise Conflict("the log has moved on")
        log += events
        return len(log)

    async def read(self, conversation_id: ConversationId, *, after: int = 0) -> Sequence[Logged]:
        log = self.kept.get(conversation_id, [])[after:]
        return [Logged(after + 1 + index, event) for index, event in enumerate(log)]

    async def unfinished(self) -> Sequence[ConversationId]:
        return []

    async def erase(self, conversation_id: ConversationId) -> None:
        self.kept.pop(conversation_id, None)


class Room:
    """One conversation at work: the worker answers, and a human agent may step in at any moment."""

    def __init__(self, model: Any, functions: Any = None, **limits: Any) -> None:
        self.bundle = make_bundle(**limits)
        self.toolset = RecordingToolset(dict(TOOLS), functions or {})
        self.engine: Engine = make_engine(self.bundle, model, self.toolset)
        self.seen: list[Any] = []
        self.stop = asyncio.Event()
        self.ledger = Ledger(Logs(), lambda _, signals: self.seen.extend(signals), alone=False)
        self.worker = Worker(Engines([self.engine]), self.ledger, self._publish)
        self.conversation_id = ConversationId("cv_1")

    def _publish(self, _: ConversationId, signals: Sequence[Any]) -> None:
        self.seen.extend(signals)

    async def begin(self, text: str, *, signed_in: bool = False) -> None:
        begun = start(self.bundle)
        begun = post(sign_in(begun) if signed_in else begun, text)
        await self.ledger.append(Conversation(self.conversation_id), *(logged.event for logged in begun.log))

    async def now(self) -> Conversation:
        return await self.ledger.load(self.conversation_id)

    async def change(self, decide: Any) -> None:
        def facts(conversation: Conversation) -> Sequence[Event]:
            decided = decide(conversation)
            assert not isinstance(decided, Refused), decided
            return decided

        await self.ledger.update(self.conversation_id, facts)

    async def accept(self, *, stop: bool = False) -> None:
        """`stop`: the worker is told, as one of the same process is."""
        await self.change(lambda c: handoff.accept(c, self.bundle, DESK, START))
        if stop:
            self.stop.set()

    async def reply(self, text: str, key: str = "k1") -> None:
        await self.change(lambda c: handoff.reply(c, DESK, text, key, START, self.engine.new_id))

    async def give_back(self) -> None:
        await self.change(lambda c: handoff.return_to_assistant(c, DESK, START, self.engine.new_id))

    async def go_on(self) -> None:
        await self.change(lambda c: handoff.go_on(c, START, self.engine.new_id))

    async def write(self, text: str) -> None:
        def facts(conversation: Conversation) -> Sequence[Event]:
            return [post(conversation, text).log[-1].event]

        await self.ledger.update(self.conversation_id, facts)

    async def work(self) -> None:
        async with asyncio.timeout(10):
            await self.worker(self.conversation_id, self.stop)

    async def events(self) -> list[Event]:
        return [logged.event for logged in (await self.now()).log]

    async def of(self, kind: type) -> list[Any]:
        return [event for event in await self.events() if isinstance(event, kind)]

    async def said(self, author: Any = "assistant") -> list[Message]:
        return messages_by(author, await self.events())

    def last_frame(self) -> str:
        frames = [each for each in self.seen if isinstance(each, ReplyGrew | ReplyWithdrawn)]
        return frames[-1].shown if frames else ""


@dataclass
class Steps:
    """Who steps in at a place of a script; the room is known only later."""

    room: Room | None = None

    async def accept(self) -> None:
        assert self.room is not None
        await self.room.accept()

    async def stop(self) -> None:
        assert self.room is not None
        await self.room.accept(stop=True)

    async def pass_by(self) -> None:
        """Accepted and given back again, before the worker notices."""
        assert self.room is not None
        await self.room.accept()
        await self.room.give_back()

    async def write_and_pass_by(self) -> None:
        assert self.room is not None
        await self.room.write("and a tandem")
        await self.pass_by()

    async def close(self) -> None:
        assert self.room is not None
        await self.room.change(lambda c: handoff.resolve(c, DESK, START))


def room_with(*scripts: Any, steps: Steps | None = None, functions: Any = None, **limits: Any) -> Room:
    room = Room(ScriptedModel(scripts), functions, **limits)
    if steps is not None:
        steps.room = room
    return room


def model_of(room: Room) -> ScriptedModel:
    assert isinstance(room.engine.model, ScriptedModel)
    return room.engine.model


# The fence ---------------------------------------------------------------------------------------------------------


async def test_a_reply_is_broken_off_when_a_person_comes_and_what_was_shown_stays():
    steps = Steps()
    streaming = [
        TextGrew("Oil it. "),
        TextGrew("Then wipe"),
        0.06,
        steps.accept,
        TextGrew(" it. And "),
        *say("ride."),
    ]
    room = room_with(streaming, say("never"), steps=steps)
    await room.begin("how do I oil a chain")

    await room.work()

    (reply,) = await room.said()
    assert reply.cut_off and reply.text == room.last_frame() != ""
    assert [event.outcome for event in await room.of(TurnEnded)] == ["handed_off"]
    log = await room.events()
    accepted = next(index for index, event in enumerate(log) if isinstance(event, HandoffAccepted))
    assert [event.type for event in log[accepted + 1 :]][-2:] == ["message.posted", "turn.ended"]
    assert (await room.now()).status == "with_human" and not (await room.now()).unfinished
    assert len(model_of(room).requests) == 1


async def test_a_worker_that_is_told_of_the_person_says_not_one_word_more():
    steps = Steps()
    streaming = [TextGrew("Oil it. "), TextGrew("Then wipe"), 0.06, steps.stop, 30.0, *say(" it. And ride.")]
    room = room_with(streaming, steps=steps)
    await room.begin("how do I oil a chain")

    await room.work()

    assert [(reply.text, reply.cut_off) for reply in await room.said()] == [("Oil it.", True)]
    assert room.last_frame() == "Oil it." and model_of(room).closed == 1
    assert [event.outcome for event in await room.of(TurnEnded)] == ["handed_off"]


async def test_a_person_who_comes_before_the_first_word_leaves_no_message():
    steps = Steps()
    room = room_with([steps.accept, *say("Oil it.")], steps=steps)
    await room.begin("how do I oil a chain")

    await room.work()

    shown = room.last_frame()
    assert [reply.text for reply in await room.said()] == ([shown] if shown else [])
    assert all(reply.cut_off for reply in await room.said())
    assert [each.message.text for each in (await room.now()).unheard] == ["how do I oil a chain"]


async def test_what_is_asked_of_the_assistant_while_a_person_has_it_gets_no_word():
    room = room_with(say("never"))
    await room.begin("how do I oil a chain")
    await room.accept()

    await room.work()
    await room.write("hello?")
    await room.work()

    assert await room.said() == [] and model_of(room).requests == []
    assert [each.message.text for each in (await room.now()).unheard] == ["how do I oil a chain", "hello?"]


async def test_a_person_who_came_and_went_while_it_was_written_breaks_it_off_too_and_it_is_answered_anew():
    steps = Steps()
    first = [TextGrew("Oil it. "), TextGrew("Then"), 0.06, steps.pass_by, TextGrew(" wipe. "), *say("Bye.")]
    room = room_with(first, say("Every 200 miles."), steps=steps)
    await room.begin("how do I oil a chain")

    await room.work()

    replies = await room.said()
    assert [(reply.text, reply.cut_off) for reply in replies][-1] == ("Every 200 miles.", False)
    assert [reply.cut_off for reply in replies[:-1]] == [True]
    conversation = await room.now()
    assert (conversation.status, conversation.unfinished, conversation.asked) == ("open", False, ())


async def test_a_conversation_that_is_resolved_in_the_middle_ends_as_cancelled():
    steps = Steps()
    streaming = [TextGrew("Oil it. "), TextGrew("Then wipe"), 0.06, steps.close, *say(" it.")]
    room = room_with(streaming, steps=steps)
    await room.begin("how do I oil a chain")

    await room.work()

    assert [event.outcome for event in await room.of(TurnEnded)] == ["cancelled"]
    assert all(reply.cut_off and reply.text == room.last_frame() for reply in await room.said())
    assert (await room.now()).status == "closed"


async def test_a_call_that_was_planned_when_the_person_came_is_not_made():
    steps = Steps()
    asking = call(("t1", "get_price", {"wheels": 2}))
    room = room_with(
        [*asking[:-1], steps.accept, asking[-1]], steps=steps, functions={"get_price": lambda *_, **__: {}}
    )
    await room.begin("price for two wheels")

    await room.work()

    assert room.toolset.calls == []
    assert await room.of(ToolCalled) == [] and await room.of(HandoffAccepted)
    assert [event.outcome for event in await room.of(TurnEnded)] == ["handed_off"]


async def test_a_result_that_came_back_after_the_person_came_is_kept_and_nothing_is_said_of_it():
    steps = Steps()

    async def price(context: Any, wheels: int) -> Any:
        await steps.accept()
        return {"price_usd": "96.40"}

    room = room_with(
        call(("t1", "get_price", {"wheels": 2})), say("never"), steps=steps, functions={"get_price": price}
    )
    await room.begin("price for two wheels")

    await room.work()

    assert [(event.outcome, event.result) for event in await room.of(ToolReturned)] == [
        ("ok", {"price_usd": "96.40"})
    ]
    assert await room.said() == [] and len(model_of(room).requests) == 1
    assert (await room.now()).running_calls == {}


async def test_a_failure_after_the_person_came_offers_nobody_and_stores_only_what_was_shown():
    steps = Steps()
    room = room_with([steps.accept, FAILED], steps=steps)
    await room.begin("how do I oil a chain")

    await room.work()

    assert [(reply.text, reply.cut_off) for reply in await room.said()] == [(room.last_frame(), True)]
    assert await room.of(HandoffOffered) == []
    assert (await room.now()).status == "with_human" and not (await room.now()).unfinished
    assert [each.message.text for each in (await room.now()).unheard] == ["how do I oil a chain"]


async def test_a_broken_turn_in_a_conversation_that_a_person_took_ends_without_a_word():
    steps = Steps()

    async def broken(context: Any, wheels: int) -> Any:
        await steps.accept()
        raise KeyError("a mistake of ours")

    room = room_with(call(("t1", "get_price", {"wheels": 2})), steps=steps, functions={"get_price": broken})
    await room.begin("price for two wheels")

    await room.work()

    assert await room.said() == [] and await room.of(HandoffOffered) == []
    assert len(await room.of(TurnEnded)) == 1
    assert [event.outcome for event in await room.of(ToolReturned)] in (["unknown"], ["failed"])


# A wish for a person -----------------------------------------------------------------------------------------------

WISHES = {
    "en": "I want to talk to a human",
    "zh": "我要转人工",
    "es": "quiero hablar con una persona",
    "ar": "أريد التحدث إلى موظف",
    "de": "ich möchte mit einem Menschen sprechen",
    "fr": "je veux parler à un conseiller",
    "ru": "соедините меня с оператором",
    "ja": "オペレーターにつないでください",
    "ko": "상담원 연결해 주세요",
}


@pytest.mark.parametrize("locale", list(WISHES))
async def test_a_wish_in_any_language_is_a_hand_off_without_the_model(locale: str):
    room = room_with(say("never"))
    await room.begin(WISHES[locale])

    await room.work()

    (requested,) = await room.of(HandoffRequested)
    assert (requested.reason, model_of(room).requests) == ("asked", [])
    assert (await room.now()).status == "waiting" and len(await room.said("system")) == 1


@pytest.mark.parametrize("answer", ["yes", "yes please", "好的", "ok, do that"])
async def test_a_yes_to_the_offer_of_a_person_is_a_hand_off(answer: str):
    room = room_with([FAILED], say("never"))
    await room.begin("how do I oil a chain")
    await room.work()
    assert await room.of(HandoffOffered)

    await room.write(answer)
    await room.work()

    assert (await room.now()).status == "waiting" and len(model_of(room).requests) == 1


async def test_a_yes_later_than_the_turn_after_the_offer_asks_for_nobody():
    room = room_with([FAILED], say("Every 200 miles."), say("Good."))
    await room.begin("how do I oil a chain")
    await room.work()
    await room.write("how do I oil a chain")
    await room.work()

    await room.write("yes")
    await room.work()

    assert (await room.now()).status == "open" and await room.of(HandoffRequested) == []


async def test_a_yes_without_an_offer_asks_for_nobody():
    room = room_with(say("Every 200 miles."))
    await room.begin("yes")
    await room.work()
    assert (await room.now()).status == "open"


# Why a person is offered -------------------------------------------------------------------------------------------


async def offers(*texts: str, scripts: Sequence[Any], functions: Any = None, **limits: Any) -> list[HandoffReason]:
    """The reasons for which a person was offered, after each of the customer's messages was answered."""
    room = room_with(*scripts, functions=functions, **limits)
    await room.begin(texts[0])
    await room.work()
    for text in texts[1:]:
        await room.write(text)
        await room.work()
    assert (await room.now()).status == "open", "an offer changes nothing by itself"
    return [event.reason for event in await room.of(HandoffOffered)]


def broken(context: Any, wheels: int) -> Any:
    raise ToolFailed("timed out")


DEAR = Replied(call(("t1", "get_price", {"wheels": 2}))[-1].reply.__class__(  # a reply of its own price
    ({"type": "tool_use", "id": "t1", "name": "get_price", "input": {"wheels": 2}},), "tool_use", Usage(), 9.0, "m"
))  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "scripts", "reasons"),
    [
        (["how do I oil a chain"], [say("Every 200 miles.")], []),
        (["how do I oil a chain"], [say(UNKNOWN)], []),
        (["how do I oil a chain", "and a tandem"], [say(UNKNOWN)], ["no_answer"]),
        (["how do I oil", "and a tandem", "and now"], [say(UNKNOWN), say("Every 200 miles."), say(UNKNOWN)], []),
        (
            ["price for two wheels"],
            [call(("t1", "get_price", {"wheels": 2})), say("I cannot tell.")],
            ["tool_failed"],
        ),
        (["price for two wheels"], [[DEAR]], ["budget"]),
        (["what does it cost"], [say("It costs $45."), say("Then $46.")], ["verdict"]),
        (["how do I oil a chain"], [[FAILED]], ["failed"]),
        (["this is a scandal"], [say("I am sorry.")], ["policy"]),
        (["how do I oil a chain, I am furious, this is outrageous!!"], [say("I am sorry.")], ["sentiment"]),
    ],
    ids=["none", "once", "no_answer", "not_in_a_row", "tool", "budget", "verdict", "failed", "policy", "sentiment"],
)
async def test_a_person_is_offered_for_the_reason_that_there_is(texts: Any, scripts: Any, reasons: Any):
    assert await offers(*texts, scripts=scripts, functions={"get_price": broken}) == reasons


async def test_a_hand_off_wipes_what_went_wrong_before():
    room = room_with(say(UNKNOWN))
    await room.begin("how do I oil a chain")
    await room.work()
    await room.write("I want to talk to a human")
    await room.work()
    await room.go_on()
    await room.write("how do I oil a chain")
    await room.work()

    assert [reply.text for reply in await room.said()] == [UNKNOWN, UNKNOWN]
    assert await room.of(HandoffOffered) == []


# Coming back -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["customer", "human_agent"])
async def test_the_old_wish_is_not_heard_again_and_a_new_one_is(by: str):
    room = room_with(say("Here I am."))
    await room.begin("I want to talk to a human")
    await room.work()
    await room.write("my chain is dry")
    if by == "customer":
        await room.go_on()
    else:
        await room.give_back()

    await room.work()

    assert [reply.text for reply in await room.said()] == ["Here I am."]
    assert (await room.now()).status == "open"
    await room.write("no, connect me to a real person")
    await room.work()
    assert (await room.now()).status == "waiting" and len(await room.of(HandoffRequested)) == 2


async def test_a_wish_that_was_written_while_waiting_sends_nobody_round_in_a_circle():
    room = room_with(say("Here I am."))
    await room.begin("I want to talk to a human")
    await room.work()
    await room.write("I want a real person now!")
    await room.go_on()

    await room.work()

    assert (await room.now()).status == "open" and len(await room.of(HandoffRequested)) == 1
    assert len(await room.said()) == 1


async def test_what_nobody_heard_is_answered_at_once_all_together():
    room = room_with(say("Oil both."))
    await room.begin("I want to talk to a human")
    await room.work()
    await room.write("my chain is dry")
    await room.accept()
    await room.write("and my tandem's too")
    await room.give_back()

    await room.work()

    texts = [
        str(block["text"]) for block in model_of(room).requests[0].messages[-1].content if block["type"] == "text"
    ]
    assert texts[-2:] == ["my chain is dry", "and my tandem's too"]
    assert len(await room.said()) == 1 and (await room.now()).unheard == ()


async def test_what_a_person_has_answered_begins_no_turn():
    room = room_with(say("never"))
    await room.begin("I want to talk to a human")
    await room.work()
    await room.write("my chain is dry")
    await room.accept()
    await room.reply("Oil it.")
    await room.give_back()

    await room.work()

    assert model_of(room).requests == [] and not (await room.now()).unfinished


async def test_the_next_prompt_tells_in_order_what_people_said_and_never_notes_or_corrections():
    room = room_with(say("Every 200 miles."), say("Gladly."))
    await room.begin("how do I oil a chain")
    await room.work()
    said = (await room.said())[0]
    await room.accept()
    await room.write("is it urgent?")
    await room.reply("It is not.", "k1")
    await room.change(lambda _: (NotePosted(at=START, human_agent=DESK, text="SECRET NOTE"),))
    correction = CorrectionPosted(at=START, human_agent=DESK, message_id=said.message_id, should_say="SECRET WORDS")
    await room.change(lambda _: (correction,))
    await room.write("good")
    await room.reply("Come on Tuesday.", "k2")
    await room.give_back()
    await room.write("thanks, hello")

    await room.work()

    request = model_of(room).requests[-1]
    note = read_note(request.messages[-1].content)
    assert note is not None
    assert note.team == (
        "Customer: is it urgent?",
        "Desk One: It is not.",
        "Customer: good",
        "Desk One: Come on Tuesday.",
    )
    assert "SECRET" not in repr(request)


async def test_a_turn_that_a_person_has_answered_meanwhile_ends_without_the_model():
    room = room_with(say("never"))
    await room.begin("how do I oil a chain")
    await room.accept()
    await room.reply("Every 200 miles.")
    await room.give_back()

    await room.work()

    assert model_of(room).requests == [] and await room.said() == []
    assert [event.outcome for event in await room.of(TurnEnded)] == ["handed_off"]
    assert await room.of(RouteChosen) == []


async def test_a_message_written_while_a_reply_runs_is_answered_next_also_with_a_person_in_between():
    steps = Steps()
    room = room_with([steps.write_and_pass_by, *say("Every 200 miles.")], say("Both."), steps=steps)
    await room.begin("how do I oil a chain")

    await room.work()

    request = model_of(room).requests[-1]
    texts = [str(block["text"]) for block in request.messages[-1].content if block["type"] == "text"]
    assert "and a tandem" in texts
    assert [reply.text for reply in await room.said() if not reply.cut_off] == ["Both."]
    conversation = await room.now()
    assert (conversation.asked, conversation.unheard, conversation.unfinished) == ((), (), False)
