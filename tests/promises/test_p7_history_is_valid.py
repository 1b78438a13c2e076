"""P7: whatever happened in a conversation, its history can be sent to the Messages API."""

import json
from itertools import pairwise

from hypothesis import given

from firstline.conversation import fold, new_conversation
from firstline.events import Logged
from firstline.model import ModelRequest
from firstline.prompt import build_static, compose
from firstline.types import ConversationId, Json
from tests.support.events import Story, stories
from tests.support.shape import check_shape
from tests.support.toy import make_bundle

BUNDLE = make_bundle()
STATIC = build_static(BUNDLE)


def compose_at(story: Story, last_seq: int) -> ModelRequest:
    """What the model is asked when only the first `last_seq` facts are stored."""
    known = fold(story.state.log[:last_seq], onto=new_conversation(ConversationId("cv_1")))
    assert known.open_turn is not None
    return compose(BUNDLE, STATIC, known, known.open_turn)


def write(request: ModelRequest) -> list[str]:
    return [json.dumps([message.role, message.content], ensure_ascii=False) for message in request.messages]


@given(stories())
def test_whatever_is_asked_of_the_model_has_a_shape_that_the_api_takes(story: Story) -> None:
    for last_seq in story.asked:
        check_shape(compose_at(story, last_seq))


@given(stories())
def test_each_request_of_a_conversation_begins_with_the_one_before_byte_for_byte(story: Story) -> None:
    requests = [write(compose_at(story, last_seq)) for last_seq in story.asked]

    for earlier, later in pairwise(requests):
        assert later[: len(earlier)] == earlier
        assert len(later) > len(earlier) or later == earlier


@given(stories())
def test_a_turn_cut_off_by_a_crash_after_any_append_can_be_asked_again(story: Story) -> None:
    stored: tuple[Logged, ...] = ()
    for facts in story.appends:
        stored += tuple(Logged(len(stored) + number, fact) for number, fact in enumerate(facts, start=1))
        known = fold(stored, onto=new_conversation(ConversationId("cv_1")))
        if known.open_turn is not None:
            check_shape(compose(BUNDLE, STATIC, known, known.open_turn))


@given(stories())
def test_every_result_that_is_stored_is_the_result_that_is_sent(story: Story) -> None:
    outcomes = {
        getattr(event, "call_id", ""): event.outcome for event in story.events if event.type == "tool.returned"
    }
    for last_seq in story.asked:
        for block in _results(compose_at(story, last_seq)):
            good = outcomes[block["tool_use_id"]] in ("ok", "waiting")
            assert block.get("is_error", False) is not good


def _results(request: ModelRequest) -> list[Json]:
    return [block for message in request.messages for block in message.content if block["type"] == "tool_result"]
