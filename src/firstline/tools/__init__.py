"""What a tool is, and the decorator with which a bundle declares one.

The schema that the model sees comes from the function's signature and docstring (`firstline.tools.python`
builds it). No tool has a customer id among its arguments: whose rows it may touch is `ToolContext.customer_id`,
set by the server from a verified identity. Bundles import from here; only `firstline.loop` calls a toolset.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from firstline.errors import ToolDenied, ToolFailed, ToolRejected
from firstline.events import Effect
from firstline.types import Card, CardRow, CustomerId, Json, Locale, LocalText

__all__ = [
    "Approval", "Card", "CardRow", "Declaration", "Effect", "Requires", "Slot", "Tool", "ToolContext", "ToolDenied",
    "ToolFailed", "ToolOutput", "ToolRejected", "Toolset", "tool",
]  # fmt: skip

Requires = Literal["anonymous", "verified"]


@dataclass(frozen=True)
class Slot:
    """How the offline model finds an argument in the dialogue, and asks for it when it is missing.

    words: cue words beside a number. values: what a customer may write -> the argument. implies: the argument ->
    other arguments that follow from it. pattern: finds an id. free: the whole answer to `ask` is the argument.
    story: so free that what a customer told before being asked is the answer too. label: what the argument is called
    on a confirmation card; its own name when left out. names: an argument -> how it is shown on the card.
    """

    ask: LocalText
    words: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    implies: Mapping[Any, Mapping[str, Any]] = field(default_factory=dict[Any, Mapping[str, Any]])
    pattern: str | None = None
    free: bool = False
    story: bool = False
    label: LocalText | None = None
    names: Mapping[Any, LocalText] = field(default_factory=dict[Any, LocalText])


@dataclass(frozen=True)
class Approval:
    """A money action whose `argument` is above `usd` US dollars needs a human agent's yes."""

    argument: str
    usd: float


@dataclass(frozen=True)
class Declaration:
    """What a bundle says of its function beside the signature; `tool` puts it there."""

    effect: Effect
    requires: Requires
    timeout_seconds: float
    label: LocalText
    say: LocalText | None = None
    slots: Mapping[str, Slot] = field(default_factory=dict[str, Slot])
    approval_above: Approval | None = None


@dataclass(frozen=True)
class Tool:
    """A tool as the engine knows it. `input_schema` is JSON Schema, closed (`additionalProperties: false`)."""

    name: str
    description: str
    input_schema: Json
    declaration: Declaration


@dataclass(frozen=True)
class ToolContext:
    """What the server knows and the model does not choose. `customer_id` is verified, or None."""

    customer_id: CustomerId | None
    idempotency_key: str
    now: datetime
    locale: Locale
    folder: Path


@dataclass(frozen=True)
class ToolOutput:
    """`result` is for the model (JSON), `card` for the customer, in the customer's language."""

    result: Json
    card: Card | None = None


class Toolset(Protocol):
    """The tools of one bundle."""

    def tools(self) -> Mapping[str, Tool]:
        """All tools by name, in a stable order: the prompt's cache rests on it."""
        ...

    async def call(self, name: str, arguments: Json, context: ToolContext) -> ToolOutput:
        """The tool's output, within its time limit.

        Raises: ToolRejected (arguments), ToolFailed (it broke, or took too long). Never anything else.
        """
        ...


Function = TypeVar("Function", bound=Callable[..., Any])


def tool(
    *,
    effect: Effect,
    label: LocalText,
    requires: Requires = "verified",
    timeout_seconds: float = 10.0,
    say: LocalText | None = None,
    slots: Mapping[str, Slot] | None = None,
    approval_above: Approval | None = None,
) -> Callable[[Function], Function]:
    """Declare a bundle's function a tool; the function itself stays as it is, callable and testable."""

    def declare(function: Function) -> Function:
        declaration = Declaration(
            effect=effect,
            requires=requires,
            timeout_seconds=timeout_seconds,
            label=label,
            say=say,
            slots=slots or {},
            approval_above=approval_above,
        )
        function.__dict__["__firstline_tool__"] = declaration
        return function

    return declare
