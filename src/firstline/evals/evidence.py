"""Whether the figures of a recorded reply stand in what the assistant had: the gate's own rule, applied once more to
the whole reply, on the log alone. It finds what slipped past the gate sentence by sentence, and what a changed rule
would have held back.
"""

from firstline.bundle import Bundle
from firstline.conversation import fold, new_conversation
from firstline.evals.trial import Trial
from firstline.events import Logged, messages_by
from firstline.facts import find_facts
from firstline.guardrails import Screening
from firstline.guardrails.grounding import Grounding
from firstline.prompt import Static, evidence_of
from firstline.types import ConversationId

_RULE = Grounding()


def unsupported(trial: Trial, bundle: Bundle, static: Static, act: int) -> tuple[int, list[str]]:
    """How many facts the replies of this act hold, and what is wrong with those that stand nowhere."""
    replies = messages_by("assistant", trial.events_of(act))
    after = trial.acts[act][1]
    log = [Logged(each.seq, each.event) for each in trial.log[: after - 1]]
    conversation = fold(log, onto=new_conversation(ConversationId("cv_scored")))
    evidence = evidence_of(bundle, static, conversation)
    facts = 0
    wrong: list[str] = []
    for reply in replies:
        found = len(find_facts(reply.text, locale=conversation.locale))
        facts += found
        if not found:
            continue
        verdict = _RULE.check(Screening("output", reply.text, conversation.locale, evidence))
        if verdict.decision == "block":
            wrong.append(verdict.reason)
    return facts, wrong
