"""What a scorer is, and what it gives. Scorers are pure functions of a recorded trial, so a changed one can score
old trials again; `firstline.scoring.scorers` has all of them, and `docs/evaluation.md` tells what they count.

The same scorers look at cases that were played (`firstline.evals`) and at live conversations (`firstline.scores`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from firstline.bundle import Bundle
from firstline.conversation import Conversation, new_conversation
from firstline.guardrails import Evidence, Guardrail
from firstline.scoring.trial import Trial
from firstline.types import ConversationId, Json

Criterion = Literal[
    "comprehension", "relevance", "accuracy", "supported", "citations", "topic", "on_topic", "quotes", "escalation",
    "needless", "sentiment", "contained", "containment",
]  # fmt: skip
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)
"""`on_topic` is the other side of `topic`, `needless` that of `escalation`: refusing everything, or handing over
everything, would make the first of each perfect. `supported` is accuracy's second tier; it and `relevance` are a
judge's word.
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
    """What scorers know of the business. `evidence_of`: all that a claim in a conversation may rest on.

    `gate`: the rule that binds figures to it; None: they are not looked at, since what they rested on is not there.
    """

    bundle: Bundle
    evidence_of: Callable[[Conversation], Evidence]
    gate: Guardrail | None

    @property
    def own_words(self) -> tuple[str, ...]:
        """What may be said in every conversation."""
        return self.evidence_of(new_conversation(ConversationId("cv_none"))).given


Scorer = Callable[[Trial, Known], Iterable[Score]]
"""The scores of a trial; none where the case says nothing about the criterion."""
