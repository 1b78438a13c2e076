"""Whether the figures of a recorded reply stand in what the assistant had: the gate's own rule, applied once more to
the whole reply, on the log alone. It finds what slipped past the gate sentence by sentence, and what a changed rule
would have held back.
"""

from firstline.conversation import fold, new_conversation
from firstline.events import messages_by
from firstline.facts import find_facts
from firstline.guardrails import Screening
from firstline.scoring import Known
from firstline.scoring.trial import Trial
from firstline.types import ConversationId


def unsupported(trial: Trial, known: Known, act: int) -> tuple[int, list[str]]:
    """How many facts the replies of this act hold, and what is wrong with those that stand nowhere."""
    replies = messages_by("assistant", trial.events_of(act))
    if known.gate is None or not replies:
        return 0, []
    after = trial.acts[act][1]
    conversation = fold(trial.log[: after - 1], onto=new_conversation(ConversationId("cv_scored")))
    locale = conversation.locale
    counted = [(reply.text, len(find_facts(reply.text, locale=locale))) for reply in replies]
    texts = [text for text, facts in counted if facts]
    if not texts:
        return 0, []
    evidence = known.evidence_of(conversation)
    verdicts = [known.gate.check(Screening("output", text, locale, evidence)) for text in texts]
    return sum(facts for _, facts in counted), [each.reason for each in verdicts if each.decision == "block"]
