"""What a page keeps: the snapshot it was given, and every event since, folded by the contract alone.

It knows nothing of how the server makes either. `check` compares it with a snapshot taken now.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.support.sse import Event, Json

TOLD = ("signed_in", "locale", "status")
COMPARED = ("conversation_id", "status", "messages", "cards", "survey", "suggestions")


@dataclass
class Page:
    """`live`: the reply that is being written. `open_turn`, `next_turn`: what is being answered, and what then.

    A page that began with a snapshot (`whole` is False) was told only the first of the two.
    """

    state: Json
    last_seq: int
    whole: bool
    live: str = ""
    open_turn: str | None = None
    next_turn: str | None = None

    @classmethod
    def empty(cls, conversation_id: str) -> "Page":
        """A page that has seen nothing."""
        blank: Json = {"messages": [], "cards": [], "suggestions": [], "survey": None, "status": "open"}
        return cls({**blank, "conversation_id": conversation_id, "pending": {"confirmations": []}}, 0, True)

    @classmethod
    def of(cls, snapshot: Json) -> "Page":
        return cls(deepcopy(snapshot), snapshot["last_seq"], False)

    def apply(self, event: Event) -> None:
        """Fold one event in. Raises AssertionError for one that was folded before."""
        if event.seq is not None:
            assert event.seq > self.last_seq, "told twice"
            self.last_seq = event.seq
        body, state = event.body, self.state
        state |= {name: body[name] for name in TOLD if name in body}
        self._follow_turn(event.name, body)
        match event.name:
            case "message.posted":
                state["messages"].append(body["message"])
                self.live = "" if body["message"]["author"] == "assistant" else self.live
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
                pass

    def check(self, snapshot: Json) -> None:
        """Raises AssertionError where the page shows something else than a fresh one would."""
        for name in COMPARED:
            assert self.state[name] == snapshot[name], f"{name}: {self.state[name]} is not {snapshot[name]}"
        assert self._cards() == snapshot["pending"]["confirmations"]
        if self.whole:
            turn = (self.open_turn or self.next_turn) if self.state["status"] == "open" else None
            assert turn == snapshot["pending"].get("turn_id")

    def _follow_turn(self, name: str, body: Json) -> None:
        """Which turn is at work, and which is due."""
        turn_id = body.get("turn_id")
        asked = name == "message.posted" and body["message"]["author"] == "customer"
        if turn_id and (asked or name == "confirmation.decided"):
            self.next_turn = turn_id
        elif name == "turn.started":
            self.open_turn, self.next_turn = turn_id, None if self.next_turn == turn_id else self.next_turn
        elif name == "turn.ended":
            self.open_turn = None

    def _cards(self) -> list[Any]:
        return self.state["pending"]["confirmations"]
