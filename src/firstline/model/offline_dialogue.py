"""A conversation as the offline model reads it: turns with their note, texts, passages, calls and reply.

Made from a `ModelRequest` alone, as any model would read it. Pure; imported by `firstline.model.offline*` only.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from firstline import second_ear
from firstline.model import ModelRequest, Turned
from firstline.model.note import Note, read_note, read_withheld
from firstline.types import Citation, Json

CallOutcome = Literal["ok", "rejected", "failed", "denied", "needs_sign_in", "waiting", "unknown"]

_NO_TAGS: Mapping[str, str] = {}
_CODES: dict[str, CallOutcome] = {
    "needs_sign_in": "needs_sign_in",
    "not_in_playbook": "denied",
    "needs_confirmation": "denied",
    "stale_confirmation": "denied",
    "rejected": "rejected",
    "failed": "failed",
    "unknown": "unknown",
    "outcome_unknown": "unknown",
}


@dataclass(frozen=True)
class Source:
    """One block of a passage, citable. `index` counts the search results of the request, `block` the blocks."""

    citation: Citation
    index: int
    block: int

    def location(self) -> Json:
        """The citation as the Messages API writes it."""
        return {
            "type": "search_result_location",
            "source": self.citation.url,
            "title": self.citation.title,
            "cited_text": self.citation.quote,
            "search_result_index": self.index,
            "start_block_index": self.block,
            "end_block_index": self.block + 1,
        }


@dataclass(frozen=True)
class Found:
    """A passage of this turn, best first among its neighbours. `tags`: other words for what its page is about."""

    title: str
    sources: tuple[Source, ...]
    tags: str = ""

    @property
    def text(self) -> str:
        return "\n".join(source.citation.quote for source in self.sources)


@dataclass
class Call:
    """A tool call of the history. `result` is the tool's JSON; `text` what an error says."""

    call_id: str
    tool: str
    arguments: Json
    outcome: CallOutcome = "unknown"
    result: Any = None
    text: str = ""


@dataclass
class Exchange:
    """One turn: what the customer wrote, what came of it. `offered`: the assistant had a person offered."""

    note: Note
    said: tuple[str, ...]
    passages: tuple[Found, ...]
    calls: list[Call] = field(default_factory=list[Call])
    reply: str = ""
    repair: bool = False
    offered: bool = False

    @property
    def text(self) -> str:
        return "\n".join(self.said)


@dataclass(frozen=True)
class Dialogue:
    """All turns, the present one last."""

    exchanges: tuple[Exchange, ...]

    @property
    def now(self) -> Exchange:
        return self.exchanges[-1]

    @property
    def before(self) -> Exchange | None:
        return self.exchanges[-2] if len(self.exchanges) > 1 else None

    @property
    def turn(self) -> int:
        """How many turns went before: wordings take turns by it."""
        return len(self.exchanges) - 1


def read_dialogue(request: ModelRequest, *, tags: Mapping[str, str] = _NO_TAGS) -> Dialogue:
    """The conversation in a request. tags: the address of a page -> its tags.

    Raises ValueError when no message carries the operator's note.
    """
    exchanges: list[Exchange] = []
    passages = 0
    for message in request.messages[request.static_messages :]:
        if message.role == "user" and (note := read_note(message.content)) is not None:
            exchanges.append(_open(note, message, passages, tags))
        elif exchanges and message.role == "user":
            _take_results(exchanges[-1], message)
        elif exchanges:
            _take_reply(exchanges[-1], message)
        passages += sum(block.get("type") == "search_result" for block in message.content)
    if not exchanges:
        raise ValueError("the request has no message with the operator's note")
    return Dialogue(tuple(exchanges))


def _open(note: Note, message: Turned, first_passage: int, tags: Mapping[str, str]) -> Exchange:
    texts = [str(block["text"]) for block in message.content if block.get("type") == "text"]
    results = [block for block in message.content if block.get("type") == "search_result"]
    found = tuple(_passage(block, first_passage + at, tags) for at, block in enumerate(results))
    return Exchange(note, tuple(texts[1:]), found)


def _passage(block: Json, index: int, tags: Mapping[str, str]) -> Found:
    title, url = str(block.get("title", "")), str(block.get("source", ""))
    quotes = [str(part["text"]) for part in block.get("content", ()) if part.get("type") == "text"]
    sources = (Source(Citation(title=title, url=url, quote=quote), index, at) for at, quote in enumerate(quotes))
    return Found(title, tuple(sources), tags.get(url, ""))


def _take_reply(exchange: Exchange, message: Turned) -> None:
    """Text of the assistant, and its calls; the placeholders of an empty reply say nothing."""
    for block in message.content:
        if block.get("type") == "text" and str(block["text"]).strip() not in ("…", "[replied]", "[failed]"):
            exchange.reply += str(block["text"])
        elif block.get("type") == "tool_use" and block["name"] == second_ear.NAME:
            exchange.offered = True
        elif block.get("type") == "tool_use":
            exchange.calls.append(Call(str(block["id"]), str(block["name"]), dict(block["input"])))
    exchange.repair = False


def _take_results(exchange: Exchange, message: Turned) -> None:
    if read_withheld(message.content) is not None:
        exchange.repair = True
    calls = {call.call_id: call for call in exchange.calls}
    for block in message.content:
        call = calls.get(str(block.get("tool_use_id")))
        if block.get("type") == "tool_result" and call is not None:
            call.result = _read_content(block.get("content", ""))
            call.outcome, call.text = read_outcome(call.result, broken=bool(block.get("is_error")))


def read_outcome(result: Any, *, broken: bool) -> tuple[CallOutcome, str]:
    """What a result means, and the text of an error."""
    fields = cast("Json", result) if isinstance(result, dict) else {"error": str(result)}
    if not broken:
        return ("waiting" if str(fields.get("status", "")).startswith("waiting_for_") else "ok"), ""
    error = str(fields.get("error", ""))
    text = str(fields.get("message", "")) or error
    # Whatever is no code of ours is what a tool says of its arguments, in words for the customer.
    return _CODES.get(error, "rejected"), text


def _read_content(content: Any) -> Any:
    if isinstance(content, list):
        content = "".join(str(block.get("text", "")) for block in cast("list[Json]", content))
    try:
        return json.loads(str(content))
    except ValueError:
        return str(content)
