"""The model and the tools, turn about, until there is a reply or a limit is reached.

Owns every limit of a turn (rounds, time, tokens, dollars). What the model says goes through the release gate,
sentence by sentence, before anybody sees it.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, assert_never

import structlog

from firstline.calls import call_tools, settle, with_own_ids
from firstline.engine import Ending, Turn
from firstline.errors import ModelFailed
from firstline.events import GuardrailRan, ModelReplied, Step
from firstline.model import ModelReply, ModelRequest, Piece, Replied, Restarted, TextCited, TextGrew, ToolChosen
from firstline.prompt import compose
from firstline.release import Released
from firstline.types import Json, Usage, Verdict, choose_text

PACE_SECONDS = 0.04
"""Deltas go out at most this often: each costs every watcher some 80 microseconds."""

_log = structlog.get_logger()


async def act(turn: Turn) -> AsyncGenerator[Step]:
    """Everything between the prompt and the last word; sets `turn.ending`."""
    async for step in settle(turn):
        yield step
    while turn.ending is None:
        limit = _limit_reached(turn)
        if limit is not None:
            turn.ending = Ending("failed", limit)
            return
        asked = Asked(before=turn.release.shown)
        async with aclosing(_ask(turn, asked)) as steps:
            async for step in steps:
                yield step
        if asked.blocked is not None:
            async for step in _withhold(turn, asked, asked.blocked):
                yield step
        elif asked.reply is not None and turn.ending is None:
            _keep(turn, asked.reply)
            async with aclosing(_follow(turn, asked.reply)) as steps:
                async for step in steps:
                    yield step
        elif turn.release.shown != asked.before:
            _keep(turn, _cut_off(turn, asked, "cut_off"))


@dataclass
class Asked:
    """What one request to the model came to; `before` is what had been shown when it was made."""

    before: str
    reply: ModelReply | None = None
    blocked: Released | None = None


def _limit_reached(turn: Turn) -> str | None:
    limits = turn.bundle.limits
    if turn.rounds >= limits.rounds:
        return "too_many_rounds"
    if turn.usage.total_tokens >= limits.tokens:
        return "token_limit"
    if turn.cost_usd >= limits.usd:
        return "cost_limit"
    return None


async def _ask(turn: Turn, asked: Asked) -> AsyncGenerator[Step]:
    """One reply of the model, released sentence by sentence, until it ends or something is withheld."""
    if turn.unsaved:
        yield turn.record()
    request = compose(turn.bundle, turn.engine.static, turn.conversation, turn.turn_id)
    turn.rounds += 1
    if not turn.repairing:  # a repair goes on in the paragraph that was cut off
        turn.release.start_part()
    turn.repairing = False
    async with aclosing(_watch(turn, request)) as pieces:
        async for piece in pieces:
            for step in _take(turn, asked, piece):
                yield step
            if asked.blocked is not None:
                break
    for frame in turn.frames():
        yield frame


def _take(turn: Turn, asked: Asked, piece: "Watched") -> list[Step]:
    """What one piece brings to the watchers; what it means for the turn is kept in `asked` and `turn`."""
    released: Released | None = None
    match piece:
        case TextGrew(text=text):
            released = turn.release.feed(text)
        case TextCited(citation=citation):
            released = turn.release.cite(citation)
        case Replied(reply=reply):
            asked.reply = with_own_ids(turn, reply)
            cut = reply.stop_reason in ("max_tokens", "model_context_window_exceeded")
            released = None if cut else turn.release.finish()
        case Restarted():
            turn.release.rewind(asked.before)
            return [turn.status("starting_again"), *turn.frames()]
        case ToolChosen(name=name):
            return _tool_status(turn, name)
        case "flush":
            return [*turn.frames()]
        case "stopped":
            turn.ending = Ending("cancelled")
        case "out_of_time":
            turn.ending = Ending("failed", "out_of_time")
        case ModelFailed():
            turn.ending = Ending("failed", piece.code)
        case _:
            assert_never(piece)
    if released is not None:
        turn.unsaved += [_output_verdict(turn, verdict) for verdict in released.broken]
        asked.blocked = released if released.blocked is not None else None
    return []


def _tool_status(turn: Turn, name: str) -> list[Step]:
    tool = turn.bundle.tools.get(name)
    if tool is None:
        return []
    return [turn.status("tool", label=choose_text(tool.declaration.label, turn.locale))]


async def _withhold(turn: Turn, asked: Asked, blocked: Released) -> AsyncGenerator[Step]:
    """A sentence was not shown: one repair by the model, then the fallback."""
    assert blocked.blocked is not None
    earlier = turn.conversation.turn_events(turn.turn_id)
    again = any(isinstance(event, ModelReplied) and event.stop_reason == "withheld" for event in earlier)
    _keep(turn, _cut_off(turn, asked, "withheld"))
    yield turn.record(_output_verdict(turn, blocked.blocked, excerpt=blocked.withheld))
    if again:
        turn.ending = Ending("failed", "withheld")
    else:
        turn.repairing = True
        yield turn.status("checking")


def _output_verdict(turn: Turn, verdict: Verdict, *, excerpt: str = "") -> GuardrailRan:
    return GuardrailRan(at=turn.engine.now(), turn_id=turn.turn_id, stage="output", verdict=verdict, excerpt=excerpt)


async def _follow(turn: Turn, reply: ModelReply) -> AsyncGenerator[Step]:
    """What comes after a reply: its tool calls, another request, or the end of the turn."""
    shown = turn.release.shown
    if any(block.get("type") == "tool_use" for block in reply.blocks):
        async with aclosing(call_tools(turn, reply)) as steps:
            async for step in steps:
                yield step
        return
    match reply.stop_reason:
        case "pause_turn":
            pass
        case "refusal":
            turn.ending = Ending("failed", "refusal")
        case "model_context_window_exceeded":
            turn.ending = Ending("failed", "prompt_too_long")
        case "max_tokens":
            turn.ending = Ending("replied", "max_tokens") if shown else Ending("failed", "max_tokens")
        case _:
            turn.ending = Ending("replied") if shown else Ending("failed", "empty")


def _keep(turn: Turn, reply: ModelReply) -> None:
    """Note the reply for the next append, with what of it was shown."""
    fact = ModelReplied(
        at=turn.engine.now(),
        turn_id=turn.turn_id,
        blocks=reply.blocks,
        shown=turn.release.shown,
        citations=turn.release.citations,
        stop_reason=reply.stop_reason,
        usage=reply.usage,
        cost_usd=reply.cost_usd,
        model=reply.model,
        request_id=reply.request_id,
    )
    turn.spend(fact)
    turn.unsaved.append(fact)


def _cut_off(turn: Turn, asked: Asked, why: Literal["withheld", "cut_off"]) -> ModelReply:
    """A reply that was not heard to its end: for the history, it said what of it was shown."""
    said = turn.release.shown[len(asked.before) :].strip()
    block: Json = {"type": "text", "text": said or "…"}
    heard = asked.reply
    return ModelReply(
        blocks=(block,),
        stop_reason=why,
        usage=heard.usage if heard else Usage(output_tokens=len(said) // 4, estimated=True),
        cost_usd=heard.cost_usd if heard else 0.0,
        model=heard.model if heard else turn.engine.model.name,
        request_id=heard.request_id if heard else None,
    )


# The model's pieces, watched --------------------------------------------------------------------------------------

Watched = Piece | ModelFailed | Literal["flush", "stopped", "out_of_time"]


async def _watch(turn: Turn, request: ModelRequest) -> AsyncGenerator[Watched]:
    """The pieces as they come, until the model is done or fails, the customer stops it, or time is up."""
    clock = asyncio.get_running_loop()
    queue: asyncio.Queue[Watched | None] = asyncio.Queue()
    pump = asyncio.create_task(_pump(turn, request, queue))
    stopper = asyncio.create_task(turn.stop.wait())
    stopper.add_done_callback(lambda done: None if done.cancelled() else queue.put_nowait("stopped"))
    alarm = clock.call_at(turn.deadline, queue.put_nowait, "out_of_time")
    flush: asyncio.TimerHandle | None = None
    flushed_at = 0.0
    try:
        while (watched := await queue.get()) is not None:
            yield watched
            if watched in ("stopped", "out_of_time"):
                return
            if watched == "flush":
                flush, flushed_at = None, clock.time()
            elif flush is None and turn.behind:
                flush = clock.call_at(flushed_at + PACE_SECONDS, queue.put_nowait, "flush")
    finally:
        alarm.cancel()
        if flush is not None:
            flush.cancel()
        stopper.cancel()
        pump.cancel()
        await asyncio.gather(stopper, pump, return_exceptions=True)


async def _pump(turn: Turn, request: ModelRequest, queue: "asyncio.Queue[Watched | None]") -> None:
    try:
        async for piece in turn.engine.model.stream(request):
            queue.put_nowait(piece)
    except ModelFailed as failure:
        _log.warning("model_failed", code=failure.code, turn_id=turn.turn_id)
        queue.put_nowait(failure)
    except Exception:
        _log.exception("model_broke", turn_id=turn.turn_id)
        queue.put_nowait(ModelFailed("unknown"))
    queue.put_nowait(None)
