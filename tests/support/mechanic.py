"""A model that follows rules: what it replies depends only on what it is asked, so a turn can be run again.

It asks for the workshop bundle's tools by what the customer wrote, and says what they returned. It can be held in
the middle of a reply, and made to fail.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from firstline.errors import ModelFailed
from firstline.model import ModelReply, ModelRequest, Piece, Replied, TextGrew, ToolChosen
from firstline.model.note import read_note, read_withheld
from firstline.types import Json, Usage

FIRST = "First, oil the chain."
BEGUN, REST = f"{FIRST} Then ", "wipe it. Then ride on."
LONG = BEGUN + REST
SECRET = "sk-ant-canary-7f3a"
"""Stands in every error that the mechanic raises; it must never reach a customer."""

_CALLS = (
    (re.compile(r"price.*?(\d)"), "get_price", "wheels", int),
    (re.compile(r"book.*?(\d{4}-\d\d-\d\d)"), "book_visit", "day", str),
    (re.compile(r"cancel.*?(R-\d)"), "cancel_repair", "repair", str),
    (re.compile(r"pay back (\d+)"), "pay_back", "amount_usd", int),
    (re.compile(r"my (repairs)"), "find_repairs", "", str),
)


@dataclass
class Mechanic:
    """`hold`: after the first sentence of a long story, wait for `go_on`; `reached` says that it is there."""

    hold: bool = False
    name: str = "mechanic"
    offline: bool = False
    requests: list[ModelRequest] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: int = 0

    async def stream(self, request: ModelRequest) -> AsyncIterator[Piece]:
        self.requests.append(request)
        content = request.messages[-1].content
        done = False
        try:
            for piece in self._answer(content, str(request.turn_id)):
                if isinstance(piece, TextGrew) and piece.text == REST and self.hold:
                    self.reached.set()
                    await self.go_on.wait()
                await asyncio.sleep(0)
                yield piece
            done = True
        finally:
            self.stopped += not done

    async def aclose(self) -> None:
        """Nothing is kept open."""

    def _answer(self, content: tuple[Json, ...], turn_id: str) -> Iterator[Piece]:
        note = read_note(content)
        results = [json.loads(block["content"]) for block in content if block["type"] == "tool_result"]
        if read_withheld(content):
            return _say("Let us look at it together.")
        if results:
            return _say(" ".join(_tell(result) for result in results))
        if note and note.actions:
            return _say(" ".join(_tell_action(action.outcome) for action in note.actions))
        return self._hear(_written(content), turn_id)

    def _hear(self, text: str, turn_id: str) -> Iterator[Piece]:
        if "fail" in text:
            raise ModelFailed("overloaded", f"overloaded, key {SECRET}", retryable=True)
        if "explode" in text:
            raise RuntimeError(f"broken inside, key {SECRET}")
        if "guess" in text:
            return _say("Gladly. ", "A saddle costs $17.35. ", "Good bye.")
        if "story" in text:
            return _say(BEGUN, REST)
        for number, (pattern, tool, argument, kind) in enumerate(_CALLS):
            if found := pattern.search(text):
                given = {argument: kind(found[1])} if argument else {}
                return _call(f"call_{turn_id}_{number}", tool, given)
        return _say(f"You wrote: {text}.")


def _written(content: tuple[Json, ...]) -> str:
    """What the customer wrote, all messages of the turn."""
    texts = [str(block["text"]) for block in content if block["type"] == "text"]
    return " and ".join(text for text in texts if not text.startswith("<turn>\n"))


def _tell(result: Json) -> str:
    if "price_usd" in result:
        return f"That is ${result['price_usd']}."
    if "repairs" in result:
        return f"Your repairs: {', '.join(result['repairs'])}."
    if result.get("status") == "waiting_for_confirmation":
        return "Please check the card and confirm there."
    return "That did not work."


def _tell_action(outcome: str) -> str:
    return {
        "ok": "It is done.",
        "declined": "Nothing was done.",
        "unknown": "I cannot tell whether it was done. A person will look.",
    }.get(outcome, "That was not possible.")


def _say(*texts: str) -> Iterator[Piece]:
    yield from (TextGrew(text) for text in texts)
    blocks = ({"type": "text", "text": "".join(texts)},)
    yield Replied(ModelReply(blocks, "end_turn", Usage(input_tokens=10, output_tokens=5), 0.001, "mechanic"))


def _call(call_id: str, tool: str, given: Json) -> Iterator[Piece]:
    yield ToolChosen(tool)
    blocks = ({"type": "tool_use", "id": call_id, "name": tool, "input": given},)
    yield Replied(ModelReply(blocks, "tool_use", Usage(input_tokens=10, output_tokens=5), 0.001, "mechanic"))
