"""What the Claude adapter makes of every reply of the Messages API, over real HTTP (promises D 61-67)."""

import asyncio
import re
from typing import Any, cast

import pytest

from firstline.model import Replied, TextCited, TextGrew, ToolChosen
from firstline.model.claude_stream import Assembly, parse_arguments
from firstline.types import Citation, Usage
from tests.support.asking import (
    KEY,
    PASSAGE,
    SONNET,
    ask,
    claude,
    collect,
    failure_of,
    go_on,
    reply_of,
    scripted,
    shown,
    text,
)
from tests.support.fake_claude import Call, FakeClaude, FromModel, Odd, Reply, Say, Think, say

pytestmark = pytest.mark.anyio
Json = dict[str, Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# The reply as it should be


async def test_text_comes_as_it_grows_and_the_reply_last() -> None:
    async with scripted(say("We open at nine.")) as fake, claude(fake) as model:
        pieces = await collect(model, ask())
    assert pieces[:2] == [TextGrew("We open "), TextGrew("at nine.")]
    last = pieces[2]
    assert isinstance(last, Replied)
    assert last.reply.blocks == (text("We open at nine."),)
    assert (last.reply.stop_reason, last.reply.model, last.reply.request_id) == ("end_turn", SONNET, "req_0001")


async def test_the_key_goes_as_bearer_to_the_given_address() -> None:
    async with scripted(say("Hi."), key=KEY) as fake, claude(fake) as model:
        await collect(model, ask())
    sent = fake.requests[0].headers
    assert sent["authorization"] == f"Bearer {KEY}"
    assert sent["anthropic-version"] == "2026-10-21"


async def test_a_citation_is_told_after_the_text_that_rests_on_it_and_can_be_replayed() -> None:
    steps = [Reply((Say("Well, "), Say("we open at nine.", (PASSAGE["source"],)), Say(" Welcome!"))), say("Sure.")]
    async with scripted(*steps) as fake, claude(fake) as model:
        pieces = await collect(model, ask())
        cited = TextCited(Citation(title="Opening hours", url=PASSAGE["source"], quote="The shop opens at nine."))
        assert shown(pieces[: pieces.index(cited)]) == "Well, we open at nine."
        last = pieces[-1]
        assert isinstance(last, Replied)
        await reply_of(model, go_on(ask(), last.reply, text("Really?")))


def test_a_citation_that_comes_before_its_text_is_told_after_it() -> None:
    assembly = Assembly()
    location = {"type": "search_result_location", "source": "/help", "title": None, "cited_text": "At nine."}
    events: list[Json] = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "", "citations": None}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": location}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Nine."}},
        {"type": "content_block_stop", "index": 0},
    ]
    pieces = [piece for event in events for piece in assembly.feed(event)]
    assert pieces == [TextGrew("Nine."), TextCited(Citation(title="", url="/help", quote="At nine."))]


def test_a_block_that_comes_whole_is_taken_whole() -> None:
    assembly = Assembly()
    call = {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {"order": "7"}, "caller": None}
    pieces = [
        piece
        for index, block in enumerate([text("Nine."), call])
        for event in (
            {"type": "content_block_start", "index": index, "content_block": block},
            {"type": "content_block_stop", "index": index},
        )
        for piece in assembly.feed(event)
    ]
    assert pieces == [TextGrew("Nine."), ToolChosen("look_up")]
    del call["caller"]
    assert assembly.finish().blocks == (text("Nine."), call)


def test_events_with_nothing_sensible_in_them_break_nothing() -> None:
    assembly = Assembly()
    odd: list[Json] = [
        {},
        {"type": "message_start", "message": 7},
        {"type": "content_block_start", "index": 0, "content_block": []},
        {"type": "content_block_start", "content_block": {"type": "tool_use", "id": 7}},
        {"type": "content_block_delta", "index": 4, "delta": {"type": "text_delta", "text": "lost"}},
        {"type": "content_block_stop", "index": "x"},
        {"type": "message_delta", "delta": None, "usage": {"output_tokens": "many"}},
    ]
    assert [piece for event in odd for piece in assembly.feed(event)] == []
    assert assembly.finish().empty


def test_half_a_character_does_not_reach_the_reader() -> None:
    assembly = Assembly()
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "\ud83d!"}}
    assert list(assembly.feed(start)) == [TextGrew("?!")]


async def test_parallel_calls_keep_their_order_and_their_arguments() -> None:
    calls = (Call("look_up", {"order": "七 7"}, chunk_chars=1), Call("look_up", {"order": "8"}))
    async with scripted(Reply((Say("One moment."), *calls))) as fake, claude(fake) as model:
        pieces = await collect(model, ask())
    assert pieces.count(ToolChosen("look_up")) == 2
    last = pieces[-1]
    assert isinstance(last, Replied)
    assert [block["input"] for block in last.reply.blocks[1:]] == [{"order": "七 7"}, {"order": "8"}]
    assert (last.reply.stop_reason, last.reply.broken) == ("tool_use", {})


async def test_a_call_without_arguments_has_an_empty_input() -> None:
    async with scripted(Reply((Call("look_up", raw=""),))) as fake, claude(fake) as model:
        reply = await reply_of(model, ask())
    assert (reply.blocks[0]["input"], reply.broken) == ({}, {})


async def test_unknown_events_deltas_and_blocks_are_left_out() -> None:
    async with scripted(Reply((Odd(), Say("Hello."), Odd()), junk=True)) as fake, claude(fake) as model:
        pieces = await collect(model, ask())
    assert shown(pieces) == "Hello."
    assert cast(Replied, pieces[-1]).reply.blocks == (text("Hello."),)


@pytest.mark.parametrize(
    "wire",
    [{"newline": "\r\n"}, {"many_data_lines": True}, {"bytes_at_once": 1}, {"bytes_at_once": 1, "newline": "\r\n"}],
)
async def test_the_bytes_may_come_in_any_shape(wire: Json) -> None:
    words = "营业时间 — 九点 🕘 “nine”\u2028\u0085 data: x"
    async with scripted(Reply((Say(words),), **wire)) as fake, claude(fake) as model:
        assert shown(await collect(model, ask())) == words


async def test_an_event_of_five_megabytes_is_read() -> None:
    words = "nine " * 1_000_000
    async with scripted(Reply((Say(words, chunk_chars=10**7),))) as fake, claude(fake) as model:
        assert shown(await collect(model, ask())) == words


async def test_two_replies_use_one_connection_though_the_first_is_slow_to_close() -> None:
    async with scripted(say("One.", pause_seconds=0.01), say("Two.")) as fake, claude(fake) as model:
        await collect(model, ask())
        await collect(model, ask())
        assert fake.connections_made == 1


async def test_a_reply_is_whole_at_its_last_event_even_if_the_response_never_ends() -> None:
    async with scripted(say("One.", stall_after=6)) as fake, claude(fake) as model:
        pieces = await asyncio.wait_for(collect(model, ask()), 1)
        assert shown(pieces) == "One."
        await asyncio.wait_for(fake.requests[0].left.wait(), 1)


async def test_a_model_can_stand_behind_the_fake() -> None:
    """The wire format is written from a model's pieces and read back into the same."""
    inner_steps = Reply((Say("Nine.", (PASSAGE["source"],)), Say(" Bye."), Call("look_up", {"order": "7"})))
    async with scripted(inner_steps, inner_steps) as inner, claude(inner) as model:
        expected = await collect(model, ask())
        async with FakeClaude(FromModel(model)) as fake, claude(fake) as through:
            pieces = await collect(through, ask())
    assert shown(pieces) == shown(expected)
    assert [piece for piece in pieces if isinstance(piece, TextCited)] == [
        piece for piece in expected if isinstance(piece, TextCited)
    ]
    assert cast(Replied, pieces[-1]).reply.blocks[-1]["input"] == {"order": "7"}


# D 61: arguments that cannot be trusted


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ('{"order": "7', "not valid JSON"),
        ('{"order": "7", "order": "8"}', "twice"),
        ('{"a": {"b": 1, "b": 2}}', "twice"),
        ('{"order": NaN}', "NaN"),
        ('{"order": -Infinity}', "Infinity"),
        ('{"order": 1e999}', "too large"),
        ('{"order": "\\ud800"}', "not valid JSON"),
        ('["7"]', "not an object"),
        ('"7"', "not an object"),
        ('{"order": "7"} {}', "not valid JSON"),
        ('{"a":' + "[" * 20_000, "nested too deeply"),
        ('{"a": "' + "x" * 70_000 + '"}', "longer than"),
        ('{"a": ' + "9" * 5000 + "}", "not valid JSON"),
    ],
)
async def test_arguments_that_cannot_be_trusted_are_never_passed_on(raw: str, why: str) -> None:
    steps = (Reply((Call("look_up", raw=raw, chunk_chars=5000),)), say("Sorry."))
    async with scripted(*steps) as fake, claude(fake) as model:
        reply = await reply_of(model, ask())
        assert reply.blocks[0]["input"] == {}
        [(call_id, reason)] = reply.broken.items()
        assert call_id == reply.blocks[0]["id"]
        assert re.search(why, reason)
        error = {"type": "tool_result", "tool_use_id": call_id, "content": reason, "is_error": True}
        assert shown(await collect(model, go_on(ask(), reply, error))) == "Sorry."


async def test_a_call_that_max_tokens_cut_is_broken_even_when_its_arguments_look_whole() -> None:
    whole, cut = Call("look_up", {"order": "7"}), Call("look_up", {"order": "8"})
    async with scripted(Reply((whole, cut), stop_reason="max_tokens")) as fake, claude(fake) as model:
        reply = await reply_of(model, ask())
    assert [block["input"] for block in reply.blocks] == [{"order": "7"}, {}]
    assert list(reply.broken) == [reply.blocks[1]["id"]]


def test_arguments_in_order_are_read() -> None:
    assert parse_arguments('{"a": [1, 2.5, null, "é"], "b": {"a": true}}') == {
        "a": [1, 2.5, None, "é"],
        "b": {"a": True},
    }


# D 63-64: empty replies, reasons to stop


@pytest.mark.parametrize("empty", [Reply(), Reply((Think("hm"),)), Reply((Say(" \n "),)), Reply((Odd(),))])
async def test_an_empty_reply_is_asked_for_once_more(empty: Reply) -> None:
    async with scripted(empty, say("Nine.")) as fake, claude(fake) as model:
        pieces = await collect(model, ask())
    assert shown(pieces) == "Nine."
    fake = scripted(empty, empty, say("too late"))
    failure = await failure_of(fake)
    assert (failure.code, failure.retryable, len(fake.requests)) == ("empty", True, 2)


@pytest.mark.parametrize(
    "reason",
    [
        "max_tokens",
        "stop_sequence",
        "pause_turn",
        "refusal",
        "model_context_window_exceeded",
        "something_new",
    ],
)
async def test_every_other_reason_to_stop_is_passed_on_even_with_nothing_said(reason: str) -> None:
    steps = (Reply((Say("We open"),), stop_reason=reason), Reply(stop_reason=reason))
    async with scripted(*steps) as fake, claude(fake) as model:
        assert (await reply_of(model, ask())).stop_reason == reason
        assert (await reply_of(model, ask())).blocks == ()


# D 66: the bill


def usage_of(ledger: list[Json]) -> Usage:
    """What the fake counted, all replies together."""
    total = Usage()
    for entry in ledger:
        total += Usage(
            input_tokens=entry["input_tokens"],
            output_tokens=entry["output_tokens"],
            cache_read_tokens=entry["cache_read_input_tokens"],
            cache_write_tokens=entry["cache_creation_input_tokens"],
        )
    return total


async def test_usage_is_what_upstream_counted_and_costs_what_the_table_says() -> None:
    async with scripted(say("We open at nine.")) as fake, claude(fake) as model:
        reply = await reply_of(model, ask(static_words=600))
    assert reply.usage == usage_of(fake.ledger)
    split = fake.ledger[0]["cache_creation"]
    tokens = (split["ephemeral_1h_input_tokens"], split["ephemeral_5m_input_tokens"], reply.usage.output_tokens)
    assert min(tokens) > 0
    assert reply.cost_usd == pytest.approx((tokens[0] * 4 + tokens[1] * 2.5 + tokens[2] * 10) / 1e6)


async def test_an_attempt_that_came_to_nothing_is_paid_for_too() -> None:
    async with scripted(Reply((Think("hm"),)), say("Nine.")) as fake, claude(fake) as model:
        reply = await reply_of(model, ask())
    assert len(fake.ledger) == 2
    assert reply.usage == usage_of(fake.ledger)


async def test_what_a_torn_reply_cost_is_estimated() -> None:
    async with scripted(say("We open at nine.", cut_after=4), say("Nine.")) as fake, claude(fake) as model:
        reply = await reply_of(model, ask())
    assert reply.usage.estimated
    assert reply.usage.input_tokens == usage_of(fake.ledger).input_tokens
    assert reply.usage.output_tokens > fake.ledger[1]["output_tokens"]


@pytest.mark.parametrize("told", ["zero", "missing"])
async def test_usage_that_upstream_does_not_tell_is_estimated(told: Any) -> None:
    async with scripted(say("We open at nine.", usage=told)) as fake, claude(fake) as model:
        reply = await reply_of(model, ask())
    true = usage_of(fake.ledger)
    assert reply.usage.estimated
    assert 0.5 < reply.usage.total_tokens / true.total_tokens < 2
    assert reply.cost_usd > 0


async def test_a_model_that_is_not_in_the_table_works_at_an_unknown_cost() -> None:
    async with scripted(say("Nine."), strict=False) as fake, claude(fake, "claude-next") as model:
        reply = await reply_of(model, ask())
    assert (reply.cost_usd, reply.usage.estimated, reply.model) == (0.0, True, "claude-next")


# Together


async def test_many_streams_at_once_do_not_mix() -> None:
    words = [f"Answer number {number}." for number in range(20)]
    async with scripted(*[say(word, pause_seconds=0.001) for word in words]) as fake, claude(fake) as model:
        found = await asyncio.gather(*(collect(model, ask()) for _ in words))
    assert sorted(shown(pieces) for pieces in found) == sorted(words)
