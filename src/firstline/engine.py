"""What a turn works with: the engine of one bundle, and the state of one turn on its way."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from firstline.bundle import Bundle
from firstline.conversation import Conversation
from firstline.events import Event, ModelReplied, ReplyGrew, ReplyWithdrawn, StatusShown, TurnFrame
from firstline.guardrails import Evidence, Guardrails
from firstline.model import Model
from firstline.phrases import phrase
from firstline.prompt import Static, evidence_of
from firstline.release import Release
from firstline.retrieval import Retriever
from firstline.route import Router
from firstline.tools import Toolset
from firstline.types import HandoffReason, Json, Locale, TurnId, Usage


@dataclass(frozen=True)
class Engine:
    """Everything that answers for one bundle. `folder` is where its tools may write."""

    bundle: Bundle
    static: Static
    model: Model
    router: Router
    retriever: Retriever
    toolset: Toolset
    input_guardrails: Guardrails
    output_guardrails: Guardrails
    folder: Path
    now: Callable[[], datetime]
    new_id: Callable[[str], str]


@dataclass(frozen=True)
class Ending:
    """How a turn ends. `failed` says the bundle's fallback, and offers a person; `handoff`: why one is asked for."""

    outcome: Literal["replied", "handed_off", "cancelled", "failed"]
    code: str | None = None
    handoff: HandoffReason | None = None


@dataclass
class Turn:
    """One turn on its way: what has been said and spent. Its facts are in `conversation`, as they will be stored."""

    engine: Engine
    conversation: Conversation
    turn_id: TurnId
    stop: asyncio.Event
    deadline: float
    """Of the event loop's clock, seconds."""
    usage: Usage = field(default_factory=Usage)
    cost_usd: float = 0.0
    rounds: int = 0
    model: str | None = None
    ending: Ending | None = None
    repairing: bool = False
    release: Release = field(init=False)
    unsaved: list[Event] = field(default_factory=list[Event])
    calls_seen: dict[str, int] = field(default_factory=dict[str, int])
    _sent: str = ""
    _evidence: tuple[int, Evidence] | None = None

    def __post_init__(self) -> None:
        replies = [event for event in self.conversation.turn_events(self.turn_id) if isinstance(event, ModelReplied)]
        self.rounds = len(replies)
        for reply in replies:
            self.spend(reply)
        shown = replies[-1] if replies else None
        self.release = Release(
            guardrails=self.engine.output_guardrails,
            locale=self.locale,
            evidence=self.evidence,
            shown=shown.shown if shown else "",
            citations=shown.citations if shown else (),
        )
        self._sent = self.release.shown

    @property
    def bundle(self) -> Bundle:
        return self.engine.bundle

    @property
    def locale(self) -> Locale:
        return self.conversation.locale

    def record(self, *events: Event) -> tuple[Event, ...]:
        """The facts to append now: what was kept back, then these. They count as happened from here on."""
        facts = (*self.unsaved, *events)
        self.unsaved.clear()
        self.conversation = self.conversation.extended(*facts)
        return facts

    def spend(self, reply: ModelReplied) -> None:
        self.usage += reply.usage
        self.cost_usd += reply.cost_usd
        self.model = reply.model

    def evidence(self) -> Evidence:
        """What claims may rest on now; made again only when the log has grown."""
        if self._evidence is None or self._evidence[0] != self.conversation.last_seq:
            made = evidence_of(self.bundle, self.engine.static, self.conversation)
            self._evidence = (self.conversation.last_seq, made)
        return self._evidence[1]

    def status(self, key: str, **values: object) -> StatusShown:
        return StatusShown(self.turn_id, phrase(key, self.locale, **values))

    @property
    def behind(self) -> bool:
        """Whether watchers have not seen all of the reply yet."""
        return self._sent != self.release.shown

    def frames(self) -> list[TurnFrame]:
        """What watchers have not seen yet of the reply: at most one frame."""
        shown, sent = self.release.shown, self._sent
        self._sent = shown
        if shown == sent:
            return []
        if shown.startswith(sent):
            return [ReplyGrew(self.turn_id, shown[len(sent) :], shown, self.release.citations)]
        return [ReplyWithdrawn(self.turn_id, shown)]

    def count_call(self, name: str, arguments: Json) -> int:
        """How often this very call was asked for in this turn, this time included."""
        key = f"{name} {sorted(arguments.items())!r}"
        self.calls_seen[key] = self.calls_seen.get(key, 0) + 1
        return self.calls_seen[key]
