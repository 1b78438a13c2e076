"""Which revision of a bundle new conversations get, and what keeps a revision from being published. Pure.

Publications of a bundle are a list that only grows. The last one is the plan in force: each revision with its share
of new conversations. To roll back is to publish again what was there before.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import AwareDatetime

from firstline.bundle import PublishRules
from firstline.errors import ConfigError, Problem
from firstline.intervals import Verdict
from firstline.types import ConversationId, Json, Value

Act = Literal["published", "rolled_back"]
LEAST_PREFIX = 4


class Evaluation(Value):
    """What one finished run said of a revision. `folder`: of the run; `broken`: conversations that say nothing."""

    folder: str
    suite: str
    model: str
    seed: int
    conversations: int
    passed: int
    broken: int
    verdict: Verdict
    criteria: Mapping[str, Verdict]


class Publication(Value):
    """One entry. `number` counts them in the store, 0 until it stands there; `shares` sum to 1."""

    number: int = 0
    bundle: str
    act: Act
    revision: str
    shares: Mapping[str, float]
    at: AwareDatetime
    by: str
    note: str = ""
    evaluation: Evaluation | None = None
    refused: tuple[str, ...] = ()
    """What spoke against it."""
    despite: str | None = None
    """Why it was published all the same."""
    withdrawn: tuple[str, ...] = ()
    """Revisions that are not to speak any more, not even in conversations that have begun with them."""

    @property
    def leading(self) -> str:
        """The revision with the largest share; of two that have the same, the one that was there before."""
        return max(self.shares, key=lambda each: (self.shares[each], each != self.revision))


class Publications(Protocol):
    """The list, as the store keeps it."""

    def newest(self) -> int:
        """The number of the last entry of all, 0 when there is none."""
        ...

    def history(self, bundle: str) -> Sequence[Publication]:
        """All entries of a bundle, the oldest first."""
        ...

    def add(self, publication: Publication, *, after: int) -> Publication:
        """The entry with its number. `after`: the bundle's last one that the writer has seen, 0 for none.

        Raises: Conflict (somebody published meanwhile), StoreUnavailable.
        """
        ...


# Shares -------------------------------------------------------------------------------------------------------------


def position_of(conversation_id: ConversationId) -> float:
    """Where a conversation stands between 0 and 1: the same in every process, evenly spread over all ids."""
    return int.from_bytes(hashlib.sha256(conversation_id.encode()).digest()[:8]) / 2**64


def choose_revision(publication: Publication, conversation_id: ConversationId) -> str:
    """The revision that a new conversation gets."""
    position, shares = position_of(conversation_id), publication.shares
    if publication.revision in shares and position < shares[publication.revision]:
        return publication.revision
    return next((each for each in shares if each != publication.revision), publication.revision)


def settled(history: Sequence[Publication]) -> list[str]:
    """The revisions that got all conversations, one after the other, without what was rolled back: the last is in
    force, or is what a trial with a share is held against.
    """
    stack: list[str] = []
    for publication in history:
        if len(publication.shares) > 1:
            continue
        if publication.act == "rolled_back" and publication.revision in stack:
            del stack[len(stack) - stack[::-1].index(publication.revision) :]
        elif stack[-1:] != [publication.revision]:
            stack.append(publication.revision)
    return stack


def list_taken_back(history: Sequence[Publication], wanted: str) -> list[str]:
    """What a rollback to `wanted` leaves behind, now or before: all but it and what was in force before it."""
    stack = settled(history)
    stands = stack[: len(stack) - stack[::-1].index(wanted)] if wanted in stack else [*stack, wanted]
    return sorted({each.revision for each in history} - set(stands))


def list_withdrawn(history: Sequence[Publication]) -> set[str]:
    """The revisions that are not to speak any more; one that was published again is not among them."""
    found: set[str] = set()
    for publication in history:
        found = (found - publication.shares.keys()) | set(publication.withdrawn)
    return found


def plan_shares(history: Sequence[Publication], revision: str, share: float) -> dict[str, float]:
    """Who gets what when `revision` is given this share, above 0 and at most 1: the rest goes to the one in force.

    Raises: ConfigError when there is no other one.
    """
    if share >= 1:
        return {revision: 1.0}
    base = settled(history)[-1:]
    if not base:
        raise ConfigError(Problem("nothing is published yet that the others could get", "publish without --share"))
    if base == [revision]:
        what = f"revision {revision} is the one that everybody else gets"
        raise ConfigError(Problem(what, "publish another one; `firstline rollback` ends a trial"))
    return {revision: share, base[0]: 1 - share}


def plan_rollback(history: Sequence[Publication], wanted: str | None) -> str:
    """The revision to go back to: the one before the last, or before a trial; or the wanted one, by its beginning.

    Raises: ConfigError when there is none.
    """
    if not history:
        raise ConfigError(Problem("nothing of that name is published", "`firstline publish BUNDLE` does so"))
    if wanted is not None:
        return _find(history, wanted)
    in_force, stack = history[-1], settled(history)
    earlier = stack if len(in_force.shares) > 1 else stack[:-1]
    if not earlier:
        raise ConfigError(Problem("nothing was published before", "publish another revision instead"))
    return earlier[-1]


def _find(history: Sequence[Publication], wanted: str) -> str:
    known = {each.revision for each in history}
    found = [each for each in known if each.startswith(wanted)] if len(wanted) >= LEAST_PREFIX else []
    if len(found) != 1:
        what = (
            f"{len(found) or 'no'} revisions begin with {wanted}" if found else f"no revision {wanted} was published"
        )
        remedy = f"`firstline revisions {history[0].bundle}` names them; give {LEAST_PREFIX} characters or more"
        raise ConfigError(Problem(what, remedy))
    return found[0]


# The gate -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Compared:
    """The revision's run beside the newest one of what is in force, over the same cases and seed."""

    folder: str
    worse: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """What is known of a revision that is to be published.

    `suite`, `model`: what an evaluation of today would be of; `base`: the other revision that is in force, if any.
    """

    evaluation: Evaluation | None
    suite: str
    model: str
    base: str | None = None
    compared: Compared | None = None


@dataclass(frozen=True)
class Refusal:
    """Why a revision may not be published, and the command that settles it."""

    what: str
    remedy: str

    def to_json(self) -> Json:
        return {"what": self.what, "remedy": self.remedy}


def find_refusals(rules: PublishRules, evidence: Evidence, *, run: str, run_base: str) -> list[Refusal]:
    """Everything that speaks against it by the bundle's own rules. `run`, `run_base`: the commands that evaluate the
    revision, and the one in force.
    """
    evaluation = evidence.evaluation
    if evaluation is None:
        asked = rules.evaluated or rules.not_failing or (rules.not_worse and evidence.base is not None)
        return [Refusal("this revision was not evaluated", run)] if asked else []
    refusals = _look_whether_current(evaluation, evidence, run) if rules.evaluated else []
    refusals += _look_at_criteria(rules.not_failing, evaluation)
    if rules.not_worse and evidence.base is not None:
        refusals += _look_whether_worse(evaluation, evidence.compared, evidence.base, run_base)
    return refusals


def _look_whether_current(evaluation: Evaluation, evidence: Evidence, run: str) -> list[Refusal]:
    if evaluation.suite != evidence.suite:
        return [Refusal("its evaluation is of other cases than there are now", run)]
    if evaluation.model != evidence.model:
        return [Refusal(f"its evaluation is of {evaluation.model}, but {evidence.model} would speak", run)]
    if evaluation.broken:
        what = f"{evaluation.broken} of {evaluation.conversations} conversations of its evaluation broke"
        return [Refusal(what, f"{run} --out {evaluation.folder}")]
    return []


def _look_at_criteria(names: Sequence[str], evaluation: Evaluation) -> list[Refusal]:
    refusals: list[Refusal] = []
    for name in names:
        verdict = evaluation.criteria.get(name)
        if verdict is None:
            judged = f"firstline eval judge {evaluation.folder}"
            remedy = judged if name in ("relevance", "supported") else "add cases that show it, and evaluate again"
            refusals.append(Refusal(f"{name} was not measured", remedy))
        elif verdict == "fail":
            refusals.append(Refusal(f"{name} fails", f"firstline eval view {evaluation.folder}"))
    return refusals


def _look_whether_worse(evaluation: Evaluation, compared: Compared | None, base: str, run_base: str) -> list[Refusal]:
    if compared is None:
        return [Refusal(f"what is published ({base}) was not evaluated on the same cases", run_base)]
    if compared.worse:
        what = f"worse than what is published ({base}): {', '.join(compared.worse)}"
        return [Refusal(what, f"firstline eval compare {compared.folder} {evaluation.folder}")]
    return []
