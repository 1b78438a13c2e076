"""What the fake says: replies and faults, in Python or as a YAML or JSON file.

- {kind: reply, blocks: [{kind: say, text: "Hello."}], cut_after: 4}
- {kind: refuse, status: 529, type: overloaded_error}
- {kind: drop}
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

Json = dict[str, Any]
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class Say:
    """A text block. `sources`: the `source` of search results in the request that it cites, each whole."""

    text: str
    sources: tuple[str, ...] = ()
    chunk_chars: int = 8
    kind: Literal["say"] = "say"


@dataclass(frozen=True, config=_STRICT)
class Think:
    """A thinking block, signed by the fake for this model and this conversation."""

    text: str = ""
    kind: Literal["think"] = "think"


@dataclass(frozen=True, config=_STRICT)
class Call:
    """A tool_use block; `raw` is sent as its JSON in place of `arguments`, whatever it is."""

    name: str
    arguments: Json = Field(default_factory=dict)
    raw: str | None = None
    id: str | None = None
    chunk_chars: int = 7
    kind: Literal["call"] = "call"


@dataclass(frozen=True, config=_STRICT)
class Odd:
    """A block of a type that nobody knows."""

    block: Json = Field(default_factory=lambda: {"type": "hologram", "shape": "cube"})
    kind: Literal["odd"] = "odd"


Block = Annotated[Say | Think | Call | Odd, Field(discriminator="kind")]


@dataclass(frozen=True, config=_STRICT)
class Reply:
    """A streamed reply, and what goes wrong with it. Counts of events do not count pings.

    usage: told truly, told as zero, or missing. delay: before the response's first byte. stall_after: only
    pings from there on. cut_after: the connection is torn. end_after: the response ends properly, too early.
    error_after: an `error` event of type `error` comes. junk: unknown events and deltas are strewn in.
    """

    blocks: tuple[Block, ...] = ()
    stop_reason: str | None = None
    usage: Literal["true", "zero", "missing"] = "true"
    delay_seconds: float = 0.0
    pause_seconds: float = 0.0
    stall_after: int | None = None
    ping_seconds: float = 0.02
    cut_after: int | None = None
    end_after: int | None = None
    error_after: int | None = None
    error: str = "overloaded_error"
    junk: bool = False
    newline: Literal["\n", "\r\n"] = "\n"
    many_data_lines: bool = False
    bytes_at_once: int | None = None
    kind: Literal["reply"] = "reply"

    @property
    def ends_with(self) -> str:
        calls = any(block.kind == "call" for block in self.blocks)
        return self.stop_reason or ("tool_use" if calls else "end_turn")


@dataclass(frozen=True, config=_STRICT)
class Refuse:
    """An error response; `body` in place of the API's JSON, `details` within it."""

    status: int
    type: str = "api_error"
    message: str = "something went wrong"
    details: Json | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)
    body: str | None = None
    kind: Literal["refuse"] = "refuse"


@dataclass(frozen=True, config=_STRICT)
class Drop:
    """The connection is closed without an answer, `after_seconds`."""

    after_seconds: float = 0.0
    kind: Literal["drop"] = "drop"


Step = Annotated[Reply | Refuse | Drop, Field(discriminator="kind")]


def say(text: str, **how: Any) -> Reply:
    """The plainest reply."""
    return Reply((Say(text),), **how)


def load_script(path: Path) -> tuple[Reply | Refuse | Drop, ...]:
    return TypeAdapter(tuple[Step, ...]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
