"""The seam to a language model: one request in, pieces out, a whole reply last.

Messages have the shape of Anthropic's Messages API, raw; the seam exists for the offline model, recordings and
tests, not for other vendors. `firstline.model.claude` is the only importer of `anthropic`.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from firstline.errors import ModelFailed
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
    """What a model is asked. The first `static_messages` are the same in every conversation of a bundle.

    alone: nothing will ever be asked that begins with all of this; only the static part is then worth caching.
    """

    turn_id: TurnId
    system: str
    messages: tuple[Turned, ...]
    tools: tuple[Spec, ...]
    static_messages: int = 2
    max_tokens: int = 4096
    alone: bool = False


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


# Many at once -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Submitted:
    """A batch that was taken, and the ids of the requests in it: the first of those that were given."""

    batch_id: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BatchState:
    """How far a batch is. Upstream counts what succeeded, and what did not, only when all of it has ended."""

    ended: bool
    processing: int = 0
    succeeded: int = 0
    failed: int = 0


class Batches(Protocol):
    """A model that is asked many things at once, and answers all of them within a day, at a lower price."""

    @property
    def name(self) -> str:
        """The model's id, as `Model.name`."""
        ...

    async def submit(self, requests: Mapping[str, ModelRequest]) -> Submitted:
        """Hand in as many of the requests as one batch takes. Ids: 1 to 64 letters, digits, `_`, `-`.

        Raises: ModelFailed; then nothing was taken, as far as can be known.
        """
        ...

    async def state(self, batch_id: str) -> BatchState:
        """Raises: ModelFailed; `unknown` when there is no such batch."""
        ...

    async def results(self, batch_id: str) -> Mapping[str, ModelReply | ModelFailed]:
        """What became of each request of a batch that has ended; one that was not got to failed as `not_asked`.

        Raises: ModelFailed.
        """
        ...

    async def cancel(self, batch_id: str) -> None:
        """Ask for nothing more; the batch ends soon, with results of what was done. Raises: ModelFailed."""
        ...

    async def forget(self, batch_id: str) -> None:
        """Have upstream delete an ended batch and its results, kept for weeks otherwise. Raises: ModelFailed."""
        ...

    async def aclose(self) -> None:
        """Let go of the connections; batches go on."""
        ...
