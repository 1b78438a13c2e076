"""The seam to a language model: one request in, pieces out, a whole reply last.

Messages have the shape of Anthropic's Messages API, raw; the seam exists for the offline model, recordings and
tests, not for other vendors. `firstline.model.claude` is the only importer of `anthropic`.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from firstline.types import Citation, Json, TurnId, Usage

Role = Literal["chat", "fast", "judge"]


@dataclass(frozen=True, slots=True)
class Turned:
    """One message of the history. `model` wrote it: thinking blocks belong to one model, and are kept only for it."""

    role: Literal["user", "assistant"]
    content: tuple[Json, ...]
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """A tool as the model sees it."""

    name: str
    description: str
    input_schema: Json


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What a model is asked. The first `static_messages` are the same in every conversation of a bundle."""

    turn_id: TurnId
    system: str
    messages: tuple[Turned, ...]
    tools: tuple[Spec, ...]
    static_messages: int = 2
    max_tokens: int = 4096


@dataclass(frozen=True, slots=True)
class ModelReply:
    """A whole reply. `blocks` are raw, valid to be replayed.

    broken: tool_use id -> why its arguments could not be read (truncated, not JSON, a key twice); such a block
    carries an empty input and must be answered with an error, never executed.
    """

    blocks: tuple[Json, ...]
    stop_reason: str
    usage: Usage
    cost_usd: float
    model: str
    request_id: str | None = None
    broken: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class TextGrew:
    text: str


@dataclass(frozen=True, slots=True)
class TextCited:
    """The text so far, up to here, rests on this passage."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class ToolChosen:
    """The model began to write a call: a sign of life; nothing may be executed yet."""

    name: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """All pieces of this reply so far are void: it starts again, perhaps by another model."""

    why: str


@dataclass(frozen=True, slots=True)
class Replied:
    """The last piece, exactly once."""

    reply: ModelReply


Piece = TextGrew | TextCited | ToolChosen | Restarted | Replied


class Model(Protocol):
    """Something that replies."""

    @property
    def name(self) -> str:
        """The model's id, as recorded with each reply."""
        ...

    @property
    def offline(self) -> bool:
        """Whether this is the offline model: the customer is told."""
        ...

    def stream(self, request: ModelRequest) -> AsyncIterator[Piece]:
        """The reply in pieces, ended by one `Replied`. Closing the iterator stops the work upstream.

        Raises: ModelFailed, after whatever retrying is worth it has been done.
        """
        ...

    async def aclose(self) -> None:
        """Let go of what the model holds, such as connections."""
        ...
