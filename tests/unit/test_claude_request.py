"""A ModelRequest as the body of a Messages API call, and the cache that rests on it."""

from dataclasses import replace
from typing import Any

import pytest

from firstline.model import ModelReply, Turned
from firstline.model.claude_request import build_body
from firstline.model.prices import load_listings, price_usd
from firstline.types import Usage
from tests.support.asking import HAIKU, LOOK_UP, PASSAGE, SONNET, ask, claude, go_on, reply_of, text
from tests.support.fake_claude import Call, FakeClaude, Refused, Say, Scripted, Think, check_body, say
from tests.support.fake_claude.script import Reply

Json = dict[str, Any]
CALL: Json = {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {"order": "7"}}
BRIEFLY = {"type": "ephemeral"}
LISTING = load_listings()[SONNET]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def body_of(request: Any, model_id: str = SONNET) -> Json:
    body = build_body(request, model_id, load_listings()[model_id])
    check_body({**body, "stream": True})
    return body


def breakpoints(body: Json) -> list[tuple[int, int, str]]:
    """Message, block and life of each."""
    return [
        (m, b, block["cache_control"].get("ttl", "5m"))
        for m, message in enumerate(body["messages"])
        for b, block in enumerate(message["content"])
        if "cache_control" in block
    ]


def history(*, model: str = SONNET) -> Any:
    """A conversation with a tool call, at the point where its result has come."""
    reply = ModelReply(
        blocks=(
            {"type": "thinking", "thinking": "", "signature": "s"},
            CALL,
        ),
        stop_reason="tool_use",
        usage=Usage(),
        cost_usd=0,
        model=model,
    )
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": '{"state": "sent"}'}
    return go_on(ask(), reply, result)


def test_the_first_request_says_what_the_model_takes_and_nothing_else() -> None:
    body = body_of(ask())
    assert set(body) == {"model", "max_tokens", "system", "messages", "tools", "thinking"}
    assert body["thinking"] == {"type": "between_tools"}
    assert body["system"] == [text("You help the customers of a shop.")]
    assert body["tools"] == [
        {"name": LOOK_UP.name, "description": LOOK_UP.description, "input_schema": LOOK_UP.input_schema}
    ]


def test_haiku_does_not_think_and_an_unlisted_model_is_not_told_to() -> None:
    assert body_of(ask(), HAIKU)["thinking"] == {"type": "disabled"}
    assert "thinking" not in build_body(ask(), "claude-next", None)


def test_max_tokens_stays_within_the_models_own_limit() -> None:
    assert body_of(replace(ask(), max_tokens=10**6))["max_tokens"] == LISTING.max_output_tokens
    assert body_of(replace(ask(), max_tokens=700))["max_tokens"] == 700


def test_a_request_without_tools_names_none() -> None:
    assert "tools" not in body_of(replace(ask(), tools=()))


def test_the_static_part_is_cached_for_an_hour_and_the_end_for_five_minutes() -> None:
    assert breakpoints(body_of(ask())) == [(1, 0, "1h"), (2, 1, "5m")]


def test_what_stands_alone_is_cached_only_where_it_is_the_same_for_others() -> None:
    alone = replace(ask(), alone=True)

    assert breakpoints(body_of(alone)) == [(1, 0, "1h")]
    assert breakpoints(body_of(replace(alone, static_messages=0))) == []


def test_later_requests_also_mark_where_the_last_one_ended() -> None:
    reply = ModelReply((text("At nine."),), "end_turn", Usage(), 0, SONNET)
    body = body_of(go_on(ask(), reply, text("And on Sunday?")))
    assert breakpoints(body) == [(1, 0, "1h"), (2, 1, "5m"), (4, 0, "5m")]


def test_no_breakpoint_stands_on_a_thinking_block() -> None:
    request = replace(ask(), static_messages=0)
    thinking = Turned("assistant", (text("Hm."), {"type": "thinking", "thinking": "", "signature": "s"}), SONNET)
    body = build_body(replace(request, messages=(request.messages[0], thinking)), SONNET, LISTING)
    assert (1, 0, "5m") in breakpoints(body)


def test_the_request_itself_is_left_as_it_was() -> None:
    request = ask()
    build_body(request, SONNET, LISTING)
    assert request == ask()


def test_blocks_of_the_same_model_are_replayed_untouched() -> None:
    request = history()
    body = build_body(request, SONNET, LISTING)
    assert body["messages"][3] == {"role": "assistant", "content": list(request.messages[3].content)}


def test_another_models_thinking_is_stripped_and_its_calls_stay() -> None:
    body = body_of(history(model=HAIKU))
    assert [block["type"] for block in body["messages"][3]["content"]] == ["tool_use"]


def test_an_assistant_message_that_becomes_empty_is_dropped_and_its_neighbours_join() -> None:
    only_thinking = ModelReply(
        ({"type": "thinking", "thinking": "", "signature": "s"},), "end_turn", Usage(), 0, HAIKU
    )
    body = body_of(go_on(ask(), only_thinking, text("Hello?")))
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert [block["type"] for block in body["messages"][2]["content"]] == ["search_result", "text", "text"]


def test_blank_text_is_never_sent() -> None:
    blank = ModelReply((text(" \n"), text("At nine.")), "end_turn", Usage(), 0, SONNET)
    body = body_of(go_on(ask(), blank, text("Thanks"), text("")))
    assert body["messages"][3]["content"] == [text("At nine.")]
    assert len(body["messages"][4]["content"]) == 1


def test_consecutive_messages_of_one_role_go_as_one() -> None:
    request = ask()
    more = replace(request, messages=(*request.messages, Turned("user", (text("Still there?"),))))
    assert [message["role"] for message in body_of(more)["messages"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda body: body.update(temperature=0.2), "sampling"),
        (lambda body: body["messages"].append({"role": "assistant", "content": "{"}), "prefill"),
        (lambda body: body.update(thinking={"type": "disabled"}), "thinking.type"),
        (lambda body: body.update(tool_choice={"type": "any"}), "forced tool use"),
        (lambda body: body["messages"][2]["content"].append(text(" ")), "non-whitespace"),
        (lambda body: body["messages"][0]["content"].append({**text("x"), "cache_control": BRIEFLY}), "1h"),
        (lambda body: body["messages"].insert(2, {"role": "assistant", "content": [dict(CALL)]}), "tool_result"),
    ],
)  # fmt: skip
def test_the_fake_refuses_what_the_api_refuses(spoil: Any, says: str) -> None:
    body = body_of(ask())
    spoil(body)
    with pytest.raises(Refused, match=says):
        check_body(body)


@pytest.mark.anyio
async def test_from_the_second_turn_on_the_cache_is_read() -> None:
    async with FakeClaude(Scripted([say("At nine."), say("Closed."), say("Yes.")])) as fake, claude(fake) as model:
        request = ask(static_words=600)
        first = await reply_of(model, request)
        assert first.usage.cache_read_tokens == 0
        assert first.usage.cache_write_tokens > 512
        request = go_on(request, first, PASSAGE, text("And on Sunday?"))
        second = await reply_of(model, request)
        assert second.usage.cache_read_tokens == first.usage.cache_write_tokens
        third = await reply_of(model, go_on(request, second, text("Sure?")))
        assert third.usage.cache_read_tokens > second.usage.cache_read_tokens
        assert third.usage.input_tokens == 0


@pytest.mark.anyio
async def test_the_cache_is_read_across_many_passages() -> None:
    """More blocks between two requests than the API looks back from a breakpoint."""
    async with FakeClaude(Scripted([say("At nine."), say("No.")])) as fake, claude(fake) as model:
        request = ask(static_words=600)
        first = await reply_of(model, request)
        passages = [PASSAGE] * 25
        second = await reply_of(model, go_on(request, first, *passages, text("And now?")))
        assert second.usage.cache_read_tokens == first.usage.cache_write_tokens


@pytest.mark.anyio
async def test_another_conversation_reads_the_static_part() -> None:
    async with FakeClaude(Scripted([say("At nine."), say("No.")])) as fake, claude(fake) as model:
        await reply_of(model, ask(text("Hello"), static_words=600))
        reply = await reply_of(model, ask(text("Do you sell hats?"), static_words=600))
        assert reply.usage.cache_read_tokens > 512


@pytest.mark.anyio
async def test_a_short_prompt_is_not_cached_and_nobody_says_so() -> None:
    async with FakeClaude(Scripted([say("At nine."), say("Yes.")])) as fake, claude(fake) as model:
        first = await reply_of(model, ask())
        second = await reply_of(model, go_on(ask(), first, text("Sure?")))
        assert second.usage.cache_read_tokens == second.usage.cache_write_tokens == 0


@pytest.mark.anyio
async def test_thinking_and_calls_are_replayed_so_that_the_api_accepts_them() -> None:
    steps = [Reply((Think("hm"), Say("Let me look."), Think(), Call("look_up", {"order": "7"}))), say("Sent.")]
    async with FakeClaude(Scripted(steps)) as fake, claude(fake) as model:
        first = await reply_of(model, ask())
        assert [block["type"] for block in first.blocks] == ["thinking", "text", "thinking", "tool_use"]
        result = {"type": "tool_result", "tool_use_id": first.blocks[3]["id"], "content": "sent"}
        second = await reply_of(model, go_on(ask(), first, result))
        assert second.blocks == (text("Sent."),)


def test_prices_are_those_of_the_table() -> None:
    usage = Usage(
        input_tokens=1_000_000, output_tokens=100_000, cache_read_tokens=500_000, cache_write_tokens=200_000
    )
    assert price_usd(LISTING, usage, cache_write_1h_tokens=50_000) == pytest.approx(2 + 1 + 0.05 + 0.375 + 0.2)


def test_haikus_long_prompts_cost_more_for_every_token() -> None:
    haiku = load_listings()[HAIKU]
    assert price_usd(haiku, Usage(input_tokens=100_000, output_tokens=1000)) == pytest.approx(0.0105)
    assert price_usd(haiku, Usage(cache_read_tokens=100_001, output_tokens=1000)) == pytest.approx(0.00750005)
