"""Where hand-offs go besides the built-in inbox: what a desk is told, and what became of telling it.

A desk is told facts of the log, one at a time and in order, by `firstline.courier`; what its people answer comes back
through `firstline.service.desk_in`. It never reads the log itself, and never writes to it.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from firstline.events import (
    ContactLeft,
    ConversationClosed,
    HandoffRequested,
    HandoffRequeued,
    HandoffReturned,
    HandoffUnclaimed,
    MessagePosted,
    SurveyAnswered,
)
from firstline.types import ConversationId, Locale, Message

DeskName = Literal["inbox", "webhook", "email", "chatwoot"]

Told = (
    HandoffRequested | HandoffRequeued | HandoffUnclaimed | HandoffReturned | MessagePosted | ContactLeft
    | ConversationClosed | SurveyAnswered
)  # fmt: skip
"""The facts that a desk may be told; a message only when the customer wrote it and waits for a person."""

TOLD: tuple[type[Told], ...] = get_args(Told)
ALL_TYPES: frozenset[str] = frozenset(kind.model_fields["type"].default for kind in TOLD)


@dataclass(frozen=True, slots=True)
class Telling:
    """One fact for a desk, with what a person needs to understand it.

    `delivery_id` is the same at every attempt. `transcript` is what was said before, only with a HandoffRequested.
    `ticket`: the customer left a contact, or an action is in doubt, and nobody has settled the matter yet. `thread`
    is the desk's own name for the conversation, from an earlier delivery. `link` leads to the conversation in the
    built-in inbox.
    """

    delivery_id: str
    conversation_id: ConversationId
    bundle: str
    locale: Locale
    event: Told
    customer_id: str | None = None
    customer_name: str = ""
    transcript: tuple[Message, ...] = ()
    ticket: bool = False
    thread: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """The desk has it. `thread`, here and below: the desk's own name for the conversation, when it gave one."""

    thread: str | None = None


@dataclass(frozen=True, slots=True)
class TryLater:
    """The desk could not take it now. `code` is for logs, and holds nothing of a customer's."""

    code: str
    after_seconds: float | None = None
    """How long the desk itself asks to be left alone."""
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The desk will never take it as it is: an operator must look."""

    code: str
    thread: str | None = None


Outcome = Delivered | TryLater | Rejected


class Desk(Protocol):
    @property
    def name(self) -> DeskName: ...

    @property
    def told(self) -> frozenset[str]:
        """The types of the events that it wants to hear of; a part of `ALL_TYPES`."""
        ...

    async def deliver(self, telling: Telling) -> Outcome:
        """Tell it. Never raises for what the other side does wrong.

        The same `delivery_id` may come again, when nobody knows whether the first time arrived: the other side gets
        the id, or is asked for it, so that nothing stands there twice.
        """
        ...

    async def aclose(self) -> None: ...
