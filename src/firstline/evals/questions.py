"""What of a trial needs a judge, and the material that the judge gets for it: the log put into plain words. Pure.

Material is foreign text, all of it: `firstline.evals.judge` fences it, and its prompts say that it holds no orders.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from firstline.bundle import Bundle
from firstline.evals.judge import Asked, Judgement, Question
from firstline.evals.metrics import Figure, Scored
from firstline.evals.reliability import correct_figure
from firstline.events import (
    ApprovalDecided,
    ConfirmationDecided,
    ConfirmationRequested,
    CustomerIdentified,
    Event,
    HandoffOffered,
    HandoffRequested,
    HandoffReturned,
    MessagePosted,
    PassagesRetrieved,
    RouteChosen,
    ToolCalled,
    ToolReturned,
    TurnStarted,
    messages_by,
)
from firstline.intervals import judge_share
from firstline.judges import Reliability, gates
from firstline.model.note import fence
from firstline.scoring import Criterion, Known, Score
from firstline.scoring.trial import Trial
from firstline.types import CallId, Json

MATERIAL_CHARS = 40_000
BUSINESS_CHARS = 6_000
TEXT_CHARS = 8_000
MOST_LINES = 40

CRITERIA: Mapping[Question, Criterion] = {"relevance": "relevance", "support": "supported", "gist": "accuracy"}
"""Whose target a question's figure is held against."""

SCORED: frozenset[Question] = frozenset({"relevance", "support"})
"""Whose judgements are scores of a trial as well. The gist is not: accuracy, by code, is a gate of 100%, and would be
left to the judge's own errors.
"""


def list_questions(trial: Trial, known: Known) -> Iterator[Asked]:
    """Everything in a trial that needs a judge; nothing of one that broke, and nothing of a turn without a reply."""
    if trial.error is not None:
        return
    name = _name(trial)
    for act, (first, after) in enumerate(trial.acts):
        events = trial.events_of(act)
        earlier = [logged.event for logged in trial.log[: first - 1]]
        so_far = [logged.event for logged in trial.log[: after - 1]]
        reply = "\n".join(_say(message.text) for message in messages_by("assistant", events))
        if not reply:
            continue
        said = [_say(message.text) for message in messages_by("customer", so_far)]
        if not _is_greeting(events, known.bundle):
            talk = [*_tell_talk(earlier, replies=True), *_tell_talk(events, replies=False)][-MOST_LINES:]
            material = {"business": _describe(known.bundle), "conversation": talk, "reply": reply}
            yield Asked("relevance", material, name, act)
        own = _choose_evidence(known.own_words)
        given = _choose_evidence(_gather(events, known), _gather(earlier, known))
        had = {"business": own, "material": given, "customer": said[-MOST_LINES:], "reply": reply}
        yield Asked("support", had, name, act)
        expected = trial.case.turns[act].expect.should_say if act < len(trial.case.turns) else None
        if expected is not None:
            gist = {"customer": "".join(said[-1:]), "should_say": _say(expected), "reply": reply}
            yield Asked("gist", gist, name, act)


def _name(trial: Trial) -> str:
    return f"{trial.case.id} #{trial.number}"


def _is_greeting(events: Sequence[Event], bundle: Bundle) -> bool:
    """A turn of greetings and closings alone: nothing that could be addressed."""
    route = next((event for event in events if isinstance(event, RouteChosen)), None)
    playbook = bundle.playbooks.get(route.playbook) if route and route.playbook else None
    return playbook is not None and playbook.kind == "greet"


def _describe(bundle: Bundle) -> str:
    return fence("\n\n".join((bundle.identity, *bundle.context)), limit=BUSINESS_CHARS)


def _tell_talk(events: Iterable[Event], *, replies: bool) -> Iterator[Json]:
    """The conversation line by line, with what happened in between; the assistant's own words only with `replies`."""
    for event in events:
        if isinstance(event, MessagePosted):
            if replies or event.message.author != "assistant":
                yield {"from": event.message.author, "text": _say(event.message.text)}
        elif happened := _tell(event):
            yield {"happened": happened}


def _tell(event: Event) -> str:
    """What the customer could see or had done, in a few words; empty for anything else."""
    match event:
        case CustomerIdentified(identity=identity):
            return f"the customer is signed in as {identity.name or identity.customer_id}"
        case ToolReturned():
            return f"{event.tool}: {event.outcome}"
        case ConfirmationRequested():
            return f"a card to confirm was shown: {event.label} {_write(event.arguments)}"
        case ConfirmationDecided(decision=decision):
            return f"the customer pressed {decision}"
        case ApprovalDecided(decision=decision):
            return f"a person of the business decided: {decision}"
        case HandoffOffered():
            return "a person was offered"
        case HandoffRequested():
            return "a person was asked to take over"
        case HandoffReturned():
            return "the assistant goes on"
        case _:
            return ""


def _gather(events: Sequence[Event], known: Known) -> list[str]:
    """What these events gave to rest a claim on, the newest first."""
    asked = {event.call_id: event.arguments for event in events if isinstance(event, ToolCalled)}
    return list(dict.fromkeys(each for event in reversed(events) for each in _find_evidence(event, known, asked)))


def _find_evidence(event: Event, known: Known, asked: Mapping[CallId, Json]) -> Iterator[str]:
    match event:
        case PassagesRetrieved(passages=passages):
            yield from (f"{passage.title}\n{passage.url}\n{passage.text}" for passage in passages)
        case ToolReturned():
            shown = [event.card.model_dump(exclude_defaults=True)] if event.card else []
            call = f"{event.tool} {_write(asked.get(event.call_id, {}))}"
            yield f"{call}: {event.outcome} {_write([event.result, *shown])}"
        case RouteChosen(playbook=playbook) if playbook is not None and playbook in known.bundle.playbooks:
            yield known.bundle.playbooks[playbook].instructions
        case TurnStarted(at=at):
            yield f"It is {at.astimezone(known.bundle.hours.zone):%A, %Y-%m-%d %H:%M} at the business."
        case MessagePosted(message=message) if message.author in ("human_agent", "system"):
            yield message.text
        case _:
            yield from filter(None, [_tell(event)])


def _choose_evidence(*stretches: Sequence[str]) -> list[str]:
    """The pieces, each once, in their order; what no longer fits is left out whole."""
    chosen: list[str] = []
    left = MATERIAL_CHARS
    for piece in dict.fromkeys(fence(each, limit=TEXT_CHARS) for stretch in stretches for each in stretch):
        if len(piece) <= left:
            chosen.append(piece)
            left -= len(piece)
    return chosen


def _say(text: str) -> str:
    return fence(text, limit=TEXT_CHARS)


def _write(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


# What came of it ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JudgedFigure:
    """One question's figure as it was judged, and as corrected for the judge's errors; None for one never tried."""

    question: Question
    figure: Figure
    unreadable: int
    corrected: Figure | None
    gates: bool

    def to_json(self) -> Json:
        """For programs."""
        return {
            "question": self.question,
            "judged": self.figure.to_json(),
            "unreadable": self.unreadable,
            "corrected": self.corrected.to_json() if self.corrected else None,
            "gates": self.gates,
        }


def sum_up_judged(
    asked: Sequence[Asked],
    judged: Mapping[str, Judgement],
    tried: Mapping[Question, Reliability | None],
    targets: Mapping[Criterion, float],
) -> list[JudgedFigure]:
    """A figure for each question that has a readable judgement, in their order."""
    found: list[JudgedFigure] = []
    for question, criterion in CRITERIA.items():
        own = [(one, judged[one.key]) for one in asked if one.question == question and one.key in judged]
        read = [(one, each) for one, each in own if each.ok is not None]
        if not read:
            continue
        ok, conversations = sum(each.ok is True for _, each in read), len({one.trial for one, _ in read})
        share = judge_share(ok, len(read), targets[criterion], clusters=conversations)
        figure = Figure(
            criterion, ok, len(read), conversations, share.value, share.interval, targets[criterion], share.verdict
        )
        reliability = tried.get(question)
        corrected = correct_figure(figure, reliability) if reliability else None
        found.append(JudgedFigure(question, figure, len(own) - len(read), corrected, gates(reliability)))
    return found


def score_judged(
    asked: Iterable[Asked], judged: Mapping[str, Judgement], gating: Collection[Question]
) -> Iterator[tuple[str, Score]]:
    """Scores by the trial's name, of judges that may decide; questions without a readable judgement give none."""
    for one in asked:
        judgement = judged.get(one.key)
        if judgement is None or judgement.ok is None or one.question not in SCORED.intersection(gating):
            continue
        why = "" if judgement.ok else judgement.why or "the judge gave no reason"
        yield one.trial, Score(CRITERIA[one.question], judgement.ok, why, one.act)


def add_judged(
    scored: Iterable[Scored], asked: Iterable[Asked], judged: Mapping[str, Judgement], gating: Collection[Question]
) -> list[Scored]:
    """The trials with the judges' scores added to their own."""
    scores: dict[str, list[Score]] = {}
    for name, score in score_judged(asked, judged, gating):
        scores.setdefault(name, []).append(score)
    return [replace(each, scores=(*each.scores, *scores.get(_name(each.trial), ()))) for each in scored]
