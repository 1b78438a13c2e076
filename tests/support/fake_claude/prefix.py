"""The prompt as the API sees it: one line of blocks; prefixes of it are cached, and thinking is bound to it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

MINIMUM_TOKENS = 512
LOOK_BACK_BLOCKS = 20
HOUR = "1h"


@dataclass(frozen=True)
class Segment:
    """A tool, a system block or a block of a message; `ttl` where a breakpoint stands on it."""

    text: str
    ttl: str | None = None

    @property
    def tokens(self) -> int:
        return count_tokens(self.text)


def count_tokens(text: str) -> int:
    """The fake's tokens: a quarter of the bytes, at least one."""
    return len(text.encode()) // 4 + 1


def segments_of(body: Json) -> list[Segment]:
    """Tools, system, messages; the role is part of each block, the breakpoints are not part of the text."""
    parts: list[tuple[str, Json]] = [("tool", tool) for tool in body.get("tools", ())]
    system = body.get("system", ())
    parts += [("system", block) for block in _blocks(system)]
    for message in body["messages"]:
        parts += [(message["role"], block) for block in _blocks(message["content"])]
    return [Segment(f"{where} {canonical(block)}", _ttl(block)) for where, block in parts]


def canonical(block: Mapping[str, Any]) -> str:
    bare = {key: value for key, value in block.items() if key != "cache_control"}
    return json.dumps(bare, sort_keys=True, ensure_ascii=False)


def digest(texts: Iterator[str] | list[str]) -> str:
    """What stands for a whole prefix."""
    running = hashlib.sha256()
    for text in texts:
        running.update(text.encode())
        running.update(b"\0")
    return running.hexdigest()[:32]


def sign(model: str, before: list[str], thinking: str) -> str:
    """The signature of a thinking block: good for this model, after exactly this."""
    return "fake." + digest([model, *before, thinking])


def _blocks(content: Any) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _ttl(block: Json) -> str | None:
    control = block.get("cache_control")
    return control.get("ttl", "5m") if control else None


@dataclass
class PromptCache:
    """Which prefixes are cached, for each model; nothing expires until it is told to `forget`."""

    minimum_tokens: int = MINIMUM_TOKENS
    _known: set[tuple[str, str]] = field(default_factory=set)

    def forget(self) -> None:
        self._known.clear()

    def count(self, model: str, segments: list[Segment]) -> Json:
        """The input side of `usage` for a prompt, whose marked prefixes are cached from now on."""
        tokens, prefixes, total = [0], [""], 0
        for index, segment in enumerate(segments):
            total += segment.tokens
            tokens.append(total)
            prefixes.append(digest([prefixes[index], segment.text]))
        marks = [i + 1 for i, segment in enumerate(segments) if segment.ttl and tokens[i + 1] >= self.minimum_tokens]
        read = max((self._hit(model, prefixes, mark) for mark in marks), default=0)
        written = max(marks, default=0)
        hours = max((mark for mark in marks if segments[mark - 1].ttl == HOUR), default=0)
        self._known.update((model, prefixes[mark]) for mark in marks)
        write_1h = max(0, tokens[hours] - tokens[read])
        write_all = max(0, tokens[written] - tokens[read])
        return {
            "input_tokens": total - tokens[max(read, written)],
            "cache_read_input_tokens": tokens[read],
            "cache_creation_input_tokens": write_all,
            "cache_creation": {
                "ephemeral_1h_input_tokens": write_1h,
                "ephemeral_5m_input_tokens": write_all - write_1h,
            },
        }

    def _hit(self, model: str, prefixes: list[str], mark: int) -> int:
        """The longest cached prefix that a breakpoint finds, looking back a limited number of blocks."""
        for end in range(mark, max(0, mark - LOOK_BACK_BLOCKS), -1):
            if (model, prefixes[end]) in self._known:
                return end
        return 0
