"""Past conversations answered again by a changed bundle: what flips, and what does not."""

from dataclasses import replace
from typing import Any

import pytest

from firstline.evals.replay import RecordedToolset, case_of, replay_conversation, sum_flips
from firstline.events import HandoffAccepted
from firstline.types import ConversationId, HumanAgent, StaffId
from tests.support.scripted import START, RecordingToolset, ScriptedModel, call, make_engine, post, run, say, start
from tests.support.toy import TOOLS, make_bundle

pytestmark = pytest.mark.anyio

CV = ConversationId("cv_1")


async def past(*scripts: Any, texts: tuple[str, ...] = ("what does a repair cost",), functions: Any = None) -> Any:
    """A conversation that was, and the engine that it was with."""
    bundle = make_bundle()
    engine = make_engine(bundle, ScriptedModel(scripts), RecordingToolset(dict(TOOLS), functions or {}))
    talk = start(bundle)
    for text in texts:
        talk = (await run(engine, post(talk, text))).conversation
    return talk, engine


async def test_the_same_answers_flip_nothing():
    talk, engine = await past(say("A chain costs $25."))
    again = replace(engine, model=ScriptedModel([say("A chain costs $25.")]))

    replayed = await replay_conversation(again, talk.log, CV)

    assert replayed is not None
    assert (replayed.flips, replayed.routes_changed, replayed.unrecorded, replayed.error) == ((), 0, (), None)


async def test_a_bundle_that_no_longer_knows_flips_what_was_answered():
    talk, engine = await past(say("A chain costs $25."))
    again = replace(engine, model=ScriptedModel([say("I do not know that.")]))

    replayed = await replay_conversation(again, talk.log, CV)

    assert replayed is not None
    (flip,) = replayed.flips
    assert (flip.criterion, flip.better) == ("answered", False)
    assert flip.before == "A chain costs $25." and flip.after == "I do not know that."
    assert sum_flips([replayed]) == {"answered": (0, 1)}


async def test_a_sentence_that_has_to_be_withheld_now_is_told():
    talk, engine = await past(say("A chain costs $25."))
    again = replace(engine, model=ScriptedModel([say("A chain costs $26."), say("Ask us in the shop.")]))

    replayed = await replay_conversation(again, talk.log, CV)

    assert replayed is not None
    assert [(flip.criterion, flip.better) for flip in replayed.flips] == [("withheld", False)]


async def test_tools_answer_as_they_answered_then_and_nothing_is_really_called():
    asked = call(("t", "get_price", {"wheels": 3}))
    functions = {"get_price": lambda context, wheels: {"price_usd": "17.35"}}
    talk, engine = await past(asked, say("It is $17.35."), functions=functions)
    again = replace(engine, model=ScriptedModel([asked, say("That makes $17.35.")]))
    before = len(engine.toolset.calls)

    replayed = await replay_conversation(again, talk.log, CV)

    assert replayed is not None and replayed.unrecorded == () and replayed.flips == ()
    assert len(engine.toolset.calls) == before


async def test_a_call_that_was_never_made_has_no_result_and_is_named():
    talk, engine = await past(say("A chain costs $25."))
    again = replace(engine, model=ScriptedModel([call(("t", "get_price", {"wheels": 4})), say("Not now, sorry.")]))

    replayed = await replay_conversation(again, talk.log, CV)

    assert replayed is not None and replayed.unrecorded == ("get_price",)


async def test_what_a_person_answered_is_not_put_to_the_assistant_again():
    talk, _ = await past(say("Hello."), texts=("hello", "I want to talk to a human"))
    desk = HumanAgent(staff_id=StaffId("st_1"), name="Desk One")
    talk = post(talk.extended(HandoffAccepted(at=START, human_agent=desk)), "my saddle squeaks")

    case = case_of(talk)

    assert case is not None and [turn.say for turn in case.turns] == ["hello", "I want to talk to a human"]


async def test_a_conversation_in_which_the_customer_wrote_nothing_cannot_be_played():
    assert case_of(start(make_bundle())) is None


async def test_results_come_in_the_order_in_which_they_were_given():
    prices = iter(("1.00", "2.00"))
    asked = call(("t", "get_price", {"wheels": 3}))
    talk, _ = await past(
        asked, say("One."), asked, say("Two."),
        texts=("price for two wheels", "how much is it"),
        functions={"get_price": lambda context, wheels: {"price_usd": next(prices)}},
    )  # fmt: skip
    tools = RecordedToolset(TOOLS, talk)
    context: Any = None

    given = [(await tools.call("get_price", {"wheels": 3}, context)).result["price_usd"] for _ in range(3)]

    assert given == ["1.00", "2.00", "2.00"]


async def test_a_log_says_what_was_paid_then_and_now():
    talk, engine = await past(say("A chain costs $25.", cost=0.01))
    again = replace(engine, model=ScriptedModel([say("A chain costs $25.", cost=0.002)]))

    replayed = await replay_conversation(again, talk.log, CV)

    assert replayed is not None
    assert (replayed.cost_before_usd, replayed.cost_after_usd) == (pytest.approx(0.01), pytest.approx(0.002))
