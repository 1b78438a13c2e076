"""A guardrail reads a text and gives a verdict; what follows from it is the engine's business.

Detectors are telemetry and a first fence, not authorisation: what an attack may reach is bounded by the tools'
gates, even with a model that obeys it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from firstline.types import Locale, Verdict


@dataclass(frozen=True)
class Evidence:
    """Everything that a claim may rest on.

    given: the business's own words (identity, context, policy, playbook, passages) and tool results of this
    conversation. said: the customer's words: they may be repeated, but no price rests on them.
    """

    given: tuple[str, ...]
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Screening:
    """The customer's messages (`input`), or one sentence of a reply before it is shown (`output`)."""

    stage: Literal["input", "output"]
    text: str
    locale: Locale
    evidence: Evidence


class Guardrail(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def when_broken(self) -> Literal["pass", "block"]:
        """The verdict when the guardrail itself fails: declared, never silent."""
        ...

    def check(self, screening: Screening) -> Verdict:
        """Pure and quick (well under a millisecond for a sentence)."""
        ...


Guardrails = Sequence[Guardrail]
