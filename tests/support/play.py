"""Playing a dialogue with a model: the messages that the engine would send, without the engine.

A `Play` keeps the history of one conversation in the shape of the Messages API, runs the calls that the model asks
for behind the simplest of gates, and gives back what was said. Whatever a model replies is checked for shape.
"""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from firstline import second_ear
from firstline.bundle import Bundle
from firstline.errors import ToolFailed, ToolRejected
from firstline.model import Model, ModelReply, ModelRequest, Replied, TextCited, TextGrew, Turned
from firstline.model.note import ActionResult, Note, Withheld, write_note, write_withheld
from firstline.types import Citation, Json, Passage, PlaybookId, TurnId

NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
STATIC = (
    Turned("user", ({"type": "text", "text": "About the business."},)),
    Turned("assistant", ({"type": "text", "text": "Understood."},)),
)

CallTool = Callable[[str, Json], Json]
Search = Callable[[str, str], Sequence[Passage]]


@dataclass(frozen=True)
class Spoken:
    """What came of one turn."""

    text: str
    citations: tuple[Citation, ...]
    called: tuple[tuple[str, Json], ...]
    results: tuple[Any, ...]
    replies: tuple[ModelReply, ...]
    chunks: tuple[str, ...]


@dataclass
class Play:
    """One conversation. `search` gives (text, locale) -> passages; `call` runs a tool or raises a ToolError."""

    model: Model
    bundle: Bundle
    call: CallTool
    search: Search = lambda text, locale: ()
    locale: str = "en"
    signed_in: bool = False
    now: datetime = NOW
    history: list[Turned] = field(default_factory=list[Turned])
    turns: int = 0

    def say(self, *texts: str, playbook: str | None, **note: Any) -> Spoken:
        """The customer writes; the turn is played until the model asks for no more calls."""
        chosen = self.bundle.playbooks[PlaybookId(playbook)] if playbook else None
        reach = chosen.tools if chosen else tuple(self.bundle.tools)
        passages = self.search(" ".join(texts), self.locale) if texts else ()
        fields: dict[str, Any] = {
            "locale": self.locale,
            "playbook": playbook,
            "now": self.now,
            "tools": reach,
            "signed_in": self.signed_in,
            "people_available": True,
        }
        opening = write_note(Note(**{**fields, **note}), "Do what the playbook says.")
        written = ({"type": "text", "text": text} for text in texts)
        self.history.append(Turned("user", (*map(show_passage, passages), opening, *written)))
        self.turns += 1
        return self._play()

    def decide(self, tool: str, arguments: Json, *, confirm: bool, playbook: str) -> Spoken:
        """The customer presses a button of the card, and writes nothing."""
        action = ActionResult(tool=tool, arguments=arguments, outcome="declined")
        if confirm:
            action = ActionResult(tool=tool, arguments=arguments, outcome="ok", result=self.call(tool, arguments))
        return self.say(playbook=playbook, actions=(action,))

    def withhold(self, sentence: str) -> Spoken:
        """What was said last was not shown: the model is asked to mend it."""
        self.history[-1] = Turned("assistant", ({"type": "text", "text": "…"},))
        self.history.append(Turned("user", (write_withheld(Withheld(sentence=sentence, reason="no source")),)))
        return self._play()

    def _play(self) -> Spoken:
        said, cited, called, results, replies, chunks = [], [], [], [], [], []
        for _ in range(6):
            pieces = asyncio.run(self._collect())
            assert isinstance(pieces[-1], Replied)
            reply = pieces[-1].reply
            grown = [piece.text for piece in pieces if isinstance(piece, TextGrew)]
            check_reply(reply, "".join(grown))
            chunks += grown
            said.append("".join(grown))
            cited += [piece.citation for piece in pieces if isinstance(piece, TextCited)]
            replies.append(reply)
            self.history.append(Turned("assistant", reply.blocks, "offline"))
            calls = [block for block in reply.blocks if block["type"] == "tool_use"]
            if not calls:
                break
            answers = [self._answer(block) for block in calls]
            called += [(block["name"], block["input"]) for block in calls]
            results += [json.loads(answer["content"]) for answer in answers]
            self.history.append(Turned("user", tuple(answers)))
        else:
            raise AssertionError("the model goes on calling tools")
        text = "\n\n".join(filter(None, said))
        return Spoken(text, tuple(cited), tuple(called), tuple(results), tuple(replies), tuple(chunks))

    async def _collect(self) -> list[Any]:
        turn_id = TurnId(f"turn-{self.turns}")
        request = ModelRequest(turn_id, "identity", (*STATIC, *self.history), ())
        return [piece async for piece in self.model.stream(request)]

    def _answer(self, block: Json) -> Json:
        if block["name"] == second_ear.NAME:
            return {"type": "tool_result", "tool_use_id": block["id"], "content": json.dumps(second_ear.OFFERED)}
        tool = self.bundle.tools[block["name"]].declaration
        content, broken = {}, True
        if tool.requires == "verified" and not self.signed_in:
            content = {"error": "needs_sign_in", "message": "The customer is not signed in."}
        elif tool.effect != "read":
            content, broken = {"status": "waiting_for_confirmation", "message": "A card is shown."}, False
        else:
            try:
                content, broken = self.call(block["name"], block["input"]), False
            except ToolRejected as rejected:
                content = {"error": str(rejected)}
            except ToolFailed as failed:
                content = {"error": "failed", "message": str(failed)}
        text = json.dumps(content, ensure_ascii=False)
        answer: Json = {"type": "tool_result", "tool_use_id": block["id"], "content": text}
        return {**answer, "is_error": True} if broken else answer


def show_passage(passage: Passage) -> Json:
    """A passage as the prompt shows it: each sentence or line is a block."""
    pieces = re.split(r"(?<=[.!?])\s+(?=[A-Z])|(?<=[。！？])|\n+", passage.text)
    content = [{"type": "text", "text": piece.strip()} for piece in pieces if piece.strip()]
    shown: Json = {"type": "search_result", "source": passage.url, "title": passage.title, "content": content}
    return {**shown, "citations": {"enabled": True}}


def check_reply(reply: ModelReply, streamed: str) -> None:
    """A reply is valid for replay, says what was streamed, and costs nothing."""
    texts = [block["text"] for block in reply.blocks if block["type"] == "text"]
    assert "".join(texts) == streamed
    assert reply.blocks and all(text.strip() for text in texts)
    assert reply.stop_reason == ("tool_use" if any(b["type"] == "tool_use" for b in reply.blocks) else "end_turn")
    assert reply.cost_usd == 0 and reply.usage.estimated and reply.model == "offline"
    for block in reply.blocks:
        for citation in block.get("citations", ()):
            assert citation["end_block_index"] == citation["start_block_index"] + 1
            assert citation["cited_text"] and citation["source"]
