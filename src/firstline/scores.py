"""The success criteria that the log of one conversation can show: the scorers of the evaluation, run over it, their
scores counted. Pure, and re-runnable.

Each pair is "of so many, so many were as they should be"; what a scorer counts, and what is expected of a live
conversation, is told in `docs/evaluation.md` and `docs/report.md`. What needs a judge or a label is not here.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from firstline.conversation import Conversation
from firstline.events import GuardrailRan
from firstline.scoring import Criterion, Known
from firstline.scoring.live import build_trial
from firstline.scoring.scorers import SCORERS

PAIRS: Mapping[Criterion, str] = {
    "accuracy": "accuracy",
    "citations": "cited",
    "topic": "declined",
    "on_topic": "answered",
    "quotes": "quoted",
    "escalation": "escalated",
}
"""The criteria that live data shows, and the pairs that count them."""


@dataclass(frozen=True, slots=True)
class Scores:
    """accuracy: turns with a figure, or a correction, and nothing wrong; withheld: turns in which the gate held
    something back. cited: conversations (0 or 1) that needed knowledge and gave a source. declined: off-topic turns
    declined and not done; answered: on-topic turns answered. quoted: conversations with a price, shown exactly as the
    tool gave it. escalated: conversations that had to lead to a person or the offer of one, and did.
    """

    accuracy_n: int = 0
    accuracy_ok: int = 0
    withheld: int = 0
    cited_n: int = 0
    cited_ok: int = 0
    declined_n: int = 0
    declined_ok: int = 0
    answered_n: int = 0
    answered_ok: int = 0
    quoted_n: int = 0
    quoted_ok: int = 0
    escalated_n: int = 0
    escalated_ok: int = 0


def score_conversation(conversation: Conversation, known: Known) -> Scores:
    """All that the log shows. Figures are not looked at where the bundle has changed: what they rested on is gone."""
    trial = build_trial(conversation, known.bundle)
    if trial is None:
        return Scores()
    if trial.revision != known.bundle.revision:
        known = replace(known, gate=None)
    counted: Counter[str] = Counter()
    for score in (score for scorer in SCORERS for score in scorer(trial, known)):
        if (pair := PAIRS.get(score.criterion)) is not None:
            counted[f"{pair}_n"] += 1
            counted[f"{pair}_ok"] += score.ok
    return Scores(**counted, withheld=_count_withheld(conversation))


def _count_withheld(conversation: Conversation) -> int:
    events = (logged.event for logged in conversation.log)
    return len(
        {
            event.turn_id
            for event in events
            if isinstance(event, GuardrailRan) and event.stage == "output" and event.verdict.decision == "block"
        }
    )
