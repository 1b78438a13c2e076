"""Server-sent events, read strictly: whatever this service does not mean to send is an error."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

DURABLE = {
    "message.posted", "turn.started", "tool.called", "tool.returned", "confirmation.requested",
    "confirmation.decided", "handoff.offered", "handoff.requested", "handoff.accepted", "handoff.requeued",
    "handoff.unclaimed", "handoff.returned", "contact.left", "conversation.closed", "conversation.reopened",
    "survey.answered", "turn.ended", "customer.identified", "route.chosen",
}  # fmt: skip
TRANSIENT = {"turn.status", "reply.delta", "reply.withdrawn", "reset", "typing.shown"}


@dataclass(frozen=True)
class Event:
    """One event; `seq` is None for a transient one."""

    name: str
    seq: int | None
    body: Json


@dataclass
class Parser:
    """Bytes in, events out. Raises AssertionError for what is not in the contract."""

    heartbeats: int = 0
    retry_ms: int | None = None
    last_seq: int = 0
    _rest: bytes = b""
    _keys: list[str] = field(default_factory=list)

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that are complete now."""
        self._rest += chunk
        assert b"\r" not in self._rest, "a carriage return ends a line too: a text could forge a field"
        *frames, self._rest = self._rest.split(b"\n\n")
        for frame in frames:
            event = self._read(frame.decode())
            if event is not None:
                yield event

    def _read(self, frame: str) -> Event | None:
        if frame.startswith(": "):
            assert "\n" not in frame
            self.heartbeats += 1
            return None
        if frame.startswith("retry: "):
            self.retry_ms = int(frame.removeprefix("retry: "))
            return None
        fields = [line.partition(": ") for line in frame.split("\n")]
        names = [name for name, _, _ in fields]
        assert names in (["event", "data"], ["id", "event", "data"]), names
        found = {name: value for name, _, value in fields}
        body = json.loads(found["data"], object_pairs_hook=_once, parse_constant=_refuse)
        event = Event(found["event"], int(found["id"]) if "id" in found else None, body)
        self._check(event)
        return event

    def _check(self, event: Event) -> None:
        assert event.name == event.body["type"]
        assert event.name in (TRANSIENT if event.seq is None else DURABLE), event
        assert {"type", "conversation_id"} <= set(event.body)
        if event.seq is not None:
            assert event.body["seq"] == event.seq and event.body["at"].endswith("Z")
            assert event.seq > self.last_seq, "told twice, or out of order"
            self.last_seq = event.seq
        if event.name == "reset":
            self.last_seq = event.body["last_seq"]


def _once(pairs: list[tuple[str, Any]]) -> Json:
    assert len({name for name, _ in pairs}) == len(pairs), "a name twice"
    return dict(pairs)


def _refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is no JSON")
