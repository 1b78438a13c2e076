"""The customer's mood at the start and the end, judged by the fast model when a conversation is passed on or ends.

Where there is no such model, or its answer cannot be read, the lexicon's word stands (`firstline.sentiment`). The
answer is two numbers: whatever a customer writes to the judge, it can only be wrong about the mood.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import cast, get_args

import structlog

from firstline.conversation import Conversation
from firstline.dispatch import Signal
from firstline.errors import FirstlineError, ModelFailed
from firstline.events import ConversationClosed, Event, HandoffRequested, Logged, MoodJudged, messages_by
from firstline.ledger import Ledger
from firstline.model import Model, ModelReply, ModelRequest, Replied, Turned
from firstline.model.note import fence
from firstline.types import ConversationId, Json, Level, TurnId

LEAST_MESSAGES = 2
MOST_MESSAGES = 60
MESSAGE_CHARS = 500

_ANSWER = re.compile(r"\{[^{}]*\}")
_log = structlog.get_logger()


class MoodJudge:
    """Watches what is published, and appends `MoodJudged`. `models`: the fast one of each bundle that has one."""

    def __init__(self, models: Mapping[str, Model], ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._models = models
        self._ledger = ledger
        self._now = now
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, conversation_id: ConversationId, signals: tuple[Signal, ...]) -> None:
        """Begin to judge when a conversation was passed on or has ended. Never blocks, never fails."""
        moments = (HandoffRequested, ConversationClosed)
        if not self._models or not any(
            isinstance(each, Logged) and isinstance(each.event, moments) for each in signals
        ):
            return
        task = asyncio.create_task(self._judge(conversation_id), name=f"mood {conversation_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Break off what is under way: the lexicon's word stands."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def settled(self) -> None:
        """Returns when everything noted so far is judged."""
        await asyncio.gather(*self._tasks)

    async def _judge(self, conversation_id: ConversationId) -> None:
        try:
            conversation = await self._ledger.load(conversation_id)
            model = self._models.get(conversation.bundle)
            written = messages_by("customer", (logged.event for logged in conversation.log))
            if model is None or conversation.mood is not None or len(written) < LEAST_MESSAGES:
                return
            reply = await _ask(model, [message.text for message in written])
            moods = _read(reply)
            if moods is None:
                _log.warning("mood_unreadable", conversation_id=conversation_id)
                return
            judged = MoodJudged(
                at=self._now(),
                start=moods[0],
                end=moods[1],
                model=reply.model,
                usage=reply.usage,
                cost_usd=reply.cost_usd,
            )

            def decide(now_is: Conversation) -> Sequence[Event]:
                same = len(now_is.posted) == len(conversation.posted) and now_is.started is not None
                return (judged,) if same and now_is.mood is None else ()

            await self._ledger.update(conversation_id, decide)
        except ModelFailed as failure:
            _log.warning("mood_not_judged", code=failure.code, conversation_id=conversation_id)
        except FirstlineError as error:
            _log.warning("mood_not_judged", error=type(error).__name__, conversation_id=conversation_id)


async def _ask(model: Model, texts: Sequence[str]) -> ModelReply:
    chosen = [*texts[: MOST_MESSAGES // 2], *texts[MOST_MESSAGES // 2 :][-MOST_MESSAGES // 2 :]]
    listed = json.dumps([fence(text, limit=MESSAGE_CHARS) for text in chosen], ensure_ascii=False)
    request = ModelRequest(
        turn_id=TurnId("mood"),
        system=_prompt(),
        messages=(Turned("user", ({"type": "text", "text": listed},)),),
        tools=(),
        static_messages=0,
        max_tokens=1024,
        alone=True,
    )
    async for piece in model.stream(request):
        if isinstance(piece, Replied):
            return piece.reply
    raise ModelFailed("empty")


def _read(reply: ModelReply) -> tuple[Level, Level] | None:
    """The two levels of the last JSON object in the reply; None when there is none, or it says anything else."""
    text = "".join(str(block.get("text", "")) for block in reply.blocks if block.get("type") == "text")
    found = _ANSWER.findall(text)
    try:
        answer = cast("Json", json.loads(found[-1])) if found else {}
    except ValueError:
        return None
    start, end = answer.get("start"), answer.get("end")
    levels = get_args(Level)
    if type(start) is not int or type(end) is not int or start not in levels or end not in levels:
        return None
    return cast("Level", start), cast("Level", end)


@cache
def _prompt() -> str:
    return (files("firstline") / "model" / "mood.md").read_text(encoding="utf-8")
