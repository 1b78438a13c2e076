"""Who has a conversation, who may speak in it, and what each move does: one pure table.

The whole hand-off is here. `firstline.conversation` folds by it, `firstline.handoff` decides by it, and a test
walks through every order in which the moves can come.
"""

from collections.abc import Mapping
from typing import Literal

from firstline.types import Author, Status

Move = Literal["request", "accept", "requeue", "unclaimed", "return", "close", "reopen", "take_up"]
"""What can happen to a conversation: a person is asked for, accepts, lets go; nobody came in time; it goes back to
the assistant; it ends; the customer reopens it, or a human agent takes it up again.
"""

TABLE: Mapping[Status, Mapping[Move, Status]] = {
    "open": {"request": "waiting", "accept": "with_human", "close": "closed"},
    "waiting": {"accept": "with_human", "unclaimed": "waiting", "return": "open", "close": "closed"},
    "with_human": {"requeue": "waiting", "return": "open", "close": "closed"},
    "closed": {"close": "closed", "reopen": "open", "take_up": "with_human"},
}

SPEAKERS: Mapping[Status, frozenset[Author]] = {
    "open": frozenset({"customer", "assistant"}),
    "waiting": frozenset({"customer"}),
    "with_human": frozenset({"customer", "human_agent"}),
    "closed": frozenset(),
}
"""System lines are not speech: they tell of a move, and come with it."""


def next_status(status: Status, move: Move) -> Status | None:
    """The status after the move; None where the move cannot be made."""
    return TABLE[status].get(move)


def may_speak(status: Status, author: Author) -> bool:
    return author in SPEAKERS[status]
