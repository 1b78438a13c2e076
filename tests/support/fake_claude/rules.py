"""What the Messages API refuses, with words like its own. Source: its documentation and SDK types, 2026-11.

Not complete: it holds the rules that a customer-support agent can break.
"""

import re
from collections.abc import Iterator
from typing import Any

from tests.support.fake_claude.prefix import canonical, segments_of, sign

Json = dict[str, Any]

THINKING_TYPES = {
    "claude-sonnet-5-5": ("adaptive", "between_tools"),
    "claude-haiku-5-5": ("adaptive", "disabled"),
    "claude-opus-5-5": ("adaptive",),
}
NO_FORCED_TOOLS = ("claude-sonnet-5-5", "claude-opus-5-5")
_TOP = {
    "model", "max_tokens", "messages", "system", "tools", "tool_choice", "thinking", "stream", "metadata",
    "stop_sequences", "cache_control", "output_config", "service_tier",
}  # fmt: skip
_KEYS = {
    "text": {"type", "text", "citations", "cache_control"},
    "tool_use": {"type", "id", "name", "input", "caller", "cache_control"},
    "tool_result": {"type", "tool_use_id", "content", "is_error", "cache_control"},
    "search_result": {"type", "source", "title", "content", "citations", "cache_control"},
    "thinking": {"type", "thinking", "signature"},
    "redacted_thinking": {"type", "data"},
}
_ROLES = {
    "user": ("text", "tool_result", "search_result"),
    "assistant": ("text", "tool_use", "thinking", "redacted_thinking"),
}
_CITATION = {
    "type", "cited_text", "source", "title", "search_result_index", "start_block_index", "end_block_index",
}  # fmt: skip
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


class Refused(Exception):
    """The API's answer is an error; the text is its message."""

    def __init__(self, message: str, *, status: int = 400, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


def check_body(body: Json) -> None:
    """Raises Refused when the API would not take it."""
    _check_top(body)
    _check_system(body.get("system", []))
    for index, tool in enumerate(body.get("tools", [])):
        _check_tool(index, tool)
    names = [tool["name"] for tool in body.get("tools", [])]
    _need(len(set(names)) == len(names), "tools: Tool names must be unique.")
    messages = body["messages"]
    _need(isinstance(messages, list) and messages != [], "messages: at least one message is required")
    for index, message in enumerate(messages):
        _check_message(f"messages.{index}", message)
    _check_order(messages)
    _check_citations(messages)
    _check_breakpoints(body)
    _check_thinking(body)


def _need(holds: bool, message: str) -> None:
    if not holds:
        raise Refused(message)


def _check_top(body: Json) -> None:
    for key in body:
        if key in ("temperature", "top_p", "top_k"):
            raise Refused(f"{key}: sampling parameters are not supported on this model")
        _need(key in _TOP, f"{key}: Extra inputs are not permitted")
    for key in ("model", "max_tokens", "messages"):
        _need(key in body, f"{key}: Field required")
    model = body["model"]
    if model not in THINKING_TYPES:
        raise Refused(f"model: {model}", status=404, kind="not_found_error")
    _need(isinstance(body["max_tokens"], int) and 1 <= body["max_tokens"] <= 128_000, "max_tokens: out of range")
    kind = body.get("thinking", {}).get("type", "adaptive")
    _need(kind in THINKING_TYPES[model], f"thinking.type: `{kind}` is not supported on {model}")
    forced = body.get("tool_choice", {}).get("type") in ("any", "tool")
    _need(not (forced and model in NO_FORCED_TOOLS), f"tool_choice: forced tool use is not supported on {model}")


def _check_system(system: Any) -> None:
    if isinstance(system, str):
        return
    _need(isinstance(system, list), "system: Input should be a valid list")
    for index, block in enumerate(system):
        _need(block.get("type") == "text", f"system.{index}: Input should be a text block")
        _check_block(f"system.{index}", block)


def _check_tool(index: int, tool: Json) -> None:
    where = f"tools.{index}.custom"
    _need(
        set(tool) <= {"name", "description", "input_schema", "cache_control", "strict"},
        f"{where}: Extra inputs",
    )
    _need(bool(_TOOL_NAME.fullmatch(str(tool.get("name", "")))), f"{where}.name: String should match pattern")
    _need(tool.get("input_schema", {}).get("type") == "object", f"{where}.input_schema.type: Field required")


def _check_message(where: str, message: Json) -> None:
    _need(set(message) == {"role", "content"}, f"{where}: Extra inputs are not permitted")
    role, content = message["role"], message["content"]
    _need(role in _ROLES, f"{where}.role: Input should be 'user' or 'assistant'")
    if isinstance(content, str):
        _need(content.strip() != "", f"{where}: text content blocks must contain non-whitespace text")
        return
    _need(isinstance(content, list) and content != [], f"{where}: all messages must have non-empty content")
    for index, block in enumerate(content):
        kind = block.get("type")
        _need(kind in _ROLES[role], f"{where}.content.{index}: Input tag '{kind}' is not allowed for {role}")
        _check_block(f"{where}.content.{index}", block)


def _check_block(where: str, block: Json) -> None:
    kind = block["type"]
    for key in block:
        _need(key in _KEYS[kind], f"{where}.{kind}.{key}: Extra inputs are not permitted")
    match kind:
        case "text":
            _need(block["text"].strip() != "", f"{where}: text content blocks must contain non-whitespace text")
            for citation in block.get("citations") or ():
                _need(set(citation) == _CITATION, f"{where}.citations: Input does not match a citation")
        case "tool_use":
            _need(
                isinstance(block["input"], dict),
                f"{where}.tool_use.input: Input should be a valid dictionary",
            )
        case "tool_result":
            _check_result(where, block.get("content", ""))
        case "search_result":
            _check_result(where, block["content"])
            _need(block["source"] != "" and block["content"] != [], f"{where}: search results must not be empty")
        case "thinking":
            _need("signature" in block, f"{where}.thinking.signature: Field required")


def _check_result(where: str, content: Any) -> None:
    if isinstance(content, str):
        return
    for index, block in enumerate(content):
        _need(block["type"] in ("text", "search_result"), f"{where}.content.{index}: not allowed here")
        _check_block(f"{where}.content.{index}", block)


def _merged(messages: list[Json]) -> list[tuple[str, list[Json]]]:
    """Consecutive messages of one role count as one."""
    merged: list[tuple[str, list[Json]]] = []
    for message in messages:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if merged and merged[-1][0] == message["role"]:
            merged[-1][1].extend(blocks)
        else:
            merged.append((message["role"], list(blocks)))
    return merged


def _check_order(messages: list[Json]) -> None:
    _need(messages[0]["role"] == "user", 'messages: first message must use the "user" role')
    merged = _merged(messages)
    _need(merged[-1][0] == "user", "This model does not support assistant message prefill.")
    called: list[str] = []
    for index, (_, blocks) in enumerate(merged):
        answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        first = [block.get("tool_use_id") for block in blocks[: len(answered)]]
        missing = [call for call in called if call not in first]
        _need(
            not missing,
            f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(missing)}.",
        )
        stray = [call for call in answered if call not in called]
        _need(not stray, f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {stray}")
        _need(len(set(answered)) == len(answered), f"messages.{index}: each tool_use must have a single result")
        called = [block["id"] for block in blocks if block["type"] == "tool_use"]
        _need(len(set(called)) == len(called), "messages: `tool_use` ids must be unique")


def search_results(messages: list[Json]) -> Iterator[Json]:
    """All of a request, in the order in which `search_result_index` counts them."""
    for _, blocks in _merged(messages):
        for block in blocks:
            if block["type"] == "search_result":
                yield block
            elif block["type"] == "tool_result" and not isinstance(block.get("content", ""), str):
                yield from (inner for inner in block["content"] if inner["type"] == "search_result")


def _check_citations(messages: list[Json]) -> None:
    enabled = {bool(block.get("citations", {}).get("enabled")) for block in search_results(messages)}
    _need(len(enabled) < 2, "citations must be enabled on all search results or on none")


def _check_breakpoints(body: Json) -> None:
    ttls = [segment.ttl for segment in segments_of(body) if segment.ttl]
    _need(len(ttls) <= 4, f"A maximum of 4 blocks with cache_control may be provided. Found {len(ttls)}.")
    _need(set(ttls) <= {"5m", "1h"}, "cache_control.ttl: Input should be '5m' or '1h'")
    _need(ttls == sorted(ttls), "a ttl='1h' cache_control block must not come after a ttl='5m' one")


def _check_thinking(body: Json) -> None:
    """A thinking block is good for the model that wrote it, after exactly what it was written after."""
    before = [segment.text for segment in segments_of({**body, "messages": []})]
    for role, blocks in _merged(body["messages"]):
        for block in blocks:
            if block["type"] == "thinking":
                genuine = sign(body["model"], before, block["thinking"])
                _need(block["signature"] == genuine, "Invalid `signature` in `thinking` block")
            before.append(f"{role} {canonical(block)}")
