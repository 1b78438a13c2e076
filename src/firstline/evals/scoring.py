"""What a scorer is, and what it gives. Scorers are pure functions of a recorded trial, so a changed one can score
old trials again; `SCORERS` are all of them, and what they count is told in `docs/evaluation.md`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from firstline.bundle import Bundle
from firstline.evals.trial import Trial
from firstline.prompt import Static
from firstline.types import Json

Criterion = Literal[
    "comprehension", "relevance", "accuracy", "citations", "topic", "on_topic", "quotes", "escalation", "needless",
    "sentiment", "contained", "containment",
]  # fmt: skip
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)
"""`on_topic` is the other side of `topic`, `needless` that of `escalation`: refusing everything, or handing over
everything, would make the first of each perfect.
"""


@dataclass(frozen=True, slots=True)
class Score:
    """One thing that was looked at in a trial. `act`: the customer's act it belongs to; None for the conversation."""

    criterion: Criterion
    ok: bool
    why: str = ""
    act: int | None = None

    def to_json(self) -> Json:
        body: Json = {"criterion": self.criterion, "ok": self.ok}
        return body | ({"why": self.why} if self.why else {}) | ({} if self.act is None else {"act": self.act})


@dataclass(frozen=True)
class Known:
    """What scorers know of the business. `static`: the words that are its own in every conversation."""

    bundle: Bundle
    static: Static


Scorer = Callable[[Trial, Known], Iterable[Score]]
"""The scores of a trial; none where the case says nothing about the criterion."""
