"""What the Messages API takes, and a little less: `check_shape` says what is wrong with a request's history.

It is a second opinion: it looks at the `ModelRequest` itself and knows nothing of how one is made.
Source: the API's reference on messages, tool use and search results; 2026-11.
"""

import json
import re
from collections.abc import Iterator

from firstline.model import ModelRequest, Turned
from firstline.types import Json

_BLOCKS = {
    "user": {"text", "tool_result", "search_result"},
    "assistant": {"text", "tool_use", "thinking", "redacted_thinking"},
}
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def check_shape(request: ModelRequest) -> None:
    """Raises AssertionError that names each fault."""
    faults = list(find_faults(request))
    assert not faults, "; ".join(faults)


def find_faults(request: ModelRequest) -> Iterator[str]:
    """What the API would refuse, and whatever is empty or out of order."""
    messages = request.messages
    names = [spec.name for spec in request.tools]
    if len(set(names)) != len(names) or not all(_TOOL_NAME.fullmatch(name) for name in names):
        yield f"tool names: {names}"
    if not messages or messages[-1].role != "user":
        yield "the last message is not the user's"
    for index, message in enumerate(messages):
        where = f"message {index}"
        if message.role != ("user", "assistant")[index % 2]:
            yield f"{where}: the roles do not alternate"
        if not message.content:
            yield f"{where}: nothing in it"
        for block in message.content:
            yield from _find_in_block(where, message.role, block)
    yield from _find_in_calls(messages)
    try:
        json.dumps([message.content for message in messages], ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        yield f"it cannot be sent: {error}"


def _find_in_block(where: str, role: str, block: Json) -> Iterator[str]:
    kind = block.get("type")
    if kind not in _BLOCKS[role]:
        yield f"{where}: no {kind} block may stand there"
    match kind:
        case "text":
            if not str(block["text"]).strip():
                yield f"{where}: a text block without text"
        case "tool_result":
            if not block.get("content"):
                yield f"{where}: a tool result without content"
        case "search_result":
            if not (block["source"] and block["title"] and block["content"]):
                yield f"{where}: a search result without source, title or content"
            if block["citations"] != {"enabled": True}:
                yield f"{where}: a search result that cannot be cited"
            for piece in block["content"]:
                yield from _find_in_block(where, "user", piece)
        case "tool_use":
            if not isinstance(block["input"], dict):
                yield f"{where}: a call whose input is no object"
        case _:
            pass


def _find_in_calls(messages: tuple[Turned, ...]) -> Iterator[str]:
    """Each call has its result in the very next message, before anything else there, in order."""
    seen: set[str] = set()
    due: list[str] = []
    for index, message in enumerate(messages):
        given = [str(block["tool_use_id"]) for block in message.content if block["type"] == "tool_result"]
        first = [block.get("tool_use_id") for block in message.content[: len(given)]]
        if given != due or first != given:
            yield f"message {index}: results {given} where {due} were due"
        due = [str(block["id"]) for block in message.content if block["type"] == "tool_use"]
        if len(set(due)) != len(due) or seen & set(due):
            yield f"message {index}: an id of a call twice"
        seen |= set(due)
    if due:
        yield f"no results for {due}"
