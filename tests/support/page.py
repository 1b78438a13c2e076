"""What a page keeps: the snapshot it was given, and every event since, folded by the contract alone.

It knows nothing of how the server makes either. `check` compares it with a snapshot taken now.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.support.sse import Event, Json

STATUS = {"handoff.accepted": "waiting", "handoff.returned": "open", "conversation.closed": "closed"}
COMPARED = ("conversation_id", "status", "messages", "cards", "survey", "suggestions")


@dataclass
class Page:
    """`turn`: the turn that is being answered, as far as the page can know."""

    state: Json
    last_seq: int
    live: str = ""

    @classmethod
    def empty(cls, conversation_id: str) -> "Page":
        """A page that has seen nothing."""
        blank: Json = {"messages": [], "cards": [], "suggestions": [], "survey": None, "status": "open"}
        return cls({**blank, "conversation_id": conversation_id, "pending": {"confirmations": []}}, 0)

    @classmethod
    def of(cls, snapshot: Json) -> "Page":
        return cls(deepcopy(snapshot), snapshot["last_seq"])

    def apply(self, event: Event) -> None:
        """Fold one event in. Raises AssertionError for one that was folded before."""
        if event.seq is not None:
            assert event.seq > self.last_seq, "told twice"
            self.last_seq = event.seq
        body, state = event.body, self.state
        match event.name:
            case "message.posted":
                state["messages"].append(body["message"])
                self.live = ""
            case "tool.returned" if "display" in body:
                state["cards"].append({"seq": event.seq, "card": body["display"]})
            case "confirmation.requested":
                kept = ("confirmation_id", "tool", "label", "arguments", "rows", "expires_at")
                self._cards().append({name: body[name] for name in kept})
            case "confirmation.decided":
                decided = body["confirmation_id"]
                state["pending"]["confirmations"] = [
                    each for each in self._cards() if each["confirmation_id"] != decided
                ]
            case "survey.answered":
                state["survey"] = body["score"]
            case "turn.ended":
                state["suggestions"] = body["suggestions"]
            case "reply.delta":
                self.live += body["text"]
            case "reply.withdrawn":
                self.live = body["text"]
            case _:
                state["status"] = STATUS.get(event.name, state["status"])

    def check(self, snapshot: Json) -> None:
        """Raises AssertionError where the page shows something else than a fresh one would."""
        for name in COMPARED:
            assert self.state[name] == snapshot[name], f"{name}: {self.state[name]} is not {snapshot[name]}"
        assert self._cards() == snapshot["pending"]["confirmations"]

    def _cards(self) -> list[Any]:
        return self.state["pending"]["confirmations"]
