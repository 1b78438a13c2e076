"""A `ModelRequest` as the body of a Messages API call. Pure; part of `firstline.model.claude`.

Never sent: sampling parameters, a prefill, `tool_choice` — the current models refuse them.
"""

from collections.abc import Sequence

from firstline.model import ModelRequest, Spec, Turned
from firstline.model.prices import Listing
from firstline.types import Json

_THINKING = ("thinking", "redacted_thinking")
_STATIC: Json = {"type": "ephemeral", "ttl": "1h"}
_MOVING: Json = {"type": "ephemeral"}


def build_body(request: ModelRequest, model_id: str, listing: Listing | None) -> Json:
    """The body, with two or three cache breakpoints: the static part, the last request's end, this one's end.

    The middle one is there because the API looks back only some twenty blocks from a breakpoint, and passages
    are many blocks. The static part lives for an hour, what belongs to one conversation for five minutes: a
    longer life costs 60% more to write and the customer mostly answers sooner. The end of what stands alone is
    not marked: to write it costs a quarter more, and nobody would read it.
    """
    limit = request.max_tokens if listing is None else min(request.max_tokens, listing.max_output_tokens)
    body: Json = {
        "model": model_id,
        "max_tokens": limit,
        "system": [{"type": "text", "text": request.system}],
        "messages": _merge(_mark(request, [_replay(turned, model_id) for turned in request.messages])),
    }
    if request.tools:
        body["tools"] = [_tool(spec) for spec in request.tools]
    if listing is not None and listing.thinking is not None:
        body["thinking"] = listing.thinking
    return body


def _tool(spec: Spec) -> Json:
    return {"name": spec.name, "description": spec.description, "input_schema": spec.input_schema}


def _replay(turned: Turned, model_id: str) -> Turned:
    """The message as it was, without what the API would refuse: another model's thinking, blank text."""
    foreign = turned.role == "assistant" and turned.model != model_id
    kept = (
        block for block in turned.content if not (foreign and block.get("type") in _THINKING) and not _is_blank(block)
    )
    return Turned(turned.role, tuple(kept), turned.model)


def _is_blank(block: Json) -> bool:
    return block.get("type") == "text" and not str(block.get("text", "")).strip()


def _mark(request: ModelRequest, messages: Sequence[Turned]) -> list[Turned]:
    """The messages with breakpoints set on copies of the blocks that end each stretch."""
    marked = list(messages)
    last = len(marked) - 1
    ends = [(request.static_messages - 1, _STATIC), (_previous_end(marked), _MOVING), (last, _MOVING)]
    done: set[int] = set()
    for index, control in ends:
        never_read = control is _MOVING and (request.alone or index < request.static_messages)
        if index in done or not 0 <= index <= last or never_read:
            continue
        done.add(index)
        marked[index] = _mark_end(marked[index], control)
    return marked


def _previous_end(messages: Sequence[Turned]) -> int:
    """Where the request before this one ended: the last user message that was answered; -1 when none."""
    for index in range(len(messages) - 2, -1, -1):
        if messages[index].role == "user" and messages[index + 1].role == "assistant":
            return index
    return -1


def _mark_end(turned: Turned, control: Json) -> Turned:
    """With a breakpoint on the last block that may carry one; thinking may not."""
    content = list(turned.content)
    for index in range(len(content) - 1, -1, -1):
        if content[index].get("type") not in _THINKING:
            content[index] = {**content[index], "cache_control": control}
            break
    return Turned(turned.role, tuple(content), turned.model)


def _merge(messages: Sequence[Turned]) -> list[Json]:
    """Wire messages with alternating roles; one that became empty is left out."""
    merged: list[Json] = []
    for turned in messages:
        if not turned.content:
            continue
        if merged and merged[-1]["role"] == turned.role:
            merged[-1]["content"].extend(turned.content)
        else:
            merged.append({"role": turned.role, "content": list(turned.content)})
    return merged
