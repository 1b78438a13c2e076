"""A judge is a scorer that asks a model: for relevance, support of claims, and the gist of a correction. Its prompts
are files; its answers are kept beside the trials, so that nothing is judged, or paid, twice; and it is tried itself,
on a gold set (`judge-check`), before its figures count.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal, cast

from firstline.errors import ModelFailed
from firstline.evals.scoring import Known, Score
from firstline.evals.trial import Trial
from firstline.events import PassagesRetrieved, ToolReturned, messages_by
from firstline.model import Model, ModelRequest, Replied, Turned
from firstline.model.note import fence
from firstline.types import Json, TurnId

Question = Literal["relevance", "support", "gist"]
TRUSTED = 0.9
"""A judge with a lower sensitivity or specificity on the gold set gates nothing."""

JUDGED = "judged.jsonl"
MATERIAL_CHARS = 24_000

_ANSWER = re.compile(r"\{.*\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing to judge: of a trial's act, or of the gold set."""

    question: Question
    material: Json
    trial: str = ""
    act: int | None = None

    @property
    def key(self) -> str:
        """The same question with the same prompt and material has the same answer."""
        whole = [self.question, read_prompt(self.question), self.material]
        text = json.dumps(whole, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Judgement:
    """`ok` is None when the judge gave no readable answer, twice: that is counted apart, never as good or bad."""

    key: str
    ok: bool | None
    why: str = ""
    cost_usd: float = 0.0
    model: str = ""


def list_questions(trial: Trial, known: Known) -> Iterator[Asked]:
    """Everything in a trial that needs a judge."""
    name = f"{trial.case.id} {trial.number}"
    said: list[str] = []
    given: list[str] = []
    for act in range(len(trial.acts)):
        events = trial.events_of(act)
        said += [message.text for message in messages_by("customer", events)]
        given += [f"{p.title}\n{p.text}" for e in events if isinstance(e, PassagesRetrieved) for p in e.passages]
        given += [json.dumps(e.result, ensure_ascii=False) for e in events if isinstance(e, ToolReturned)]
        reply = "\n".join(message.text for message in messages_by("assistant", events))
        if not reply or not messages_by("customer", events):
            continue
        yield Asked("relevance", {"customer": _fence(said), "reply": fence(reply, limit=8000)}, name, act)
        material = "\n\n".join([*given, *known.static.evidence])[:MATERIAL_CHARS]
        had = {"material": fence(material, limit=MATERIAL_CHARS), "reply": fence(reply, limit=8000)}
        yield Asked("support", had, name, act)
        expected = trial.case.turns[act].expect.should_say if act < len(trial.case.turns) else None
        if expected is not None:
            gist = {
                "customer": fence(said[-1], limit=4000),
                "should_say": expected,
                "reply": fence(reply, limit=8000),
            }
            yield Asked("gist", gist, name, act)


def _fence(texts: Sequence[str]) -> list[str]:
    return [fence(text, limit=4000) for text in texts[-12:]]


async def judge_all(
    model: Model,
    asked: Sequence[Asked],
    known: Mapping[str, Judgement],
    *,
    concurrency: int = 8,
    told: Callable[[Judgement], None] = lambda _: None,
) -> dict[str, Judgement]:
    """The judgement of every question by its key; those that are `known` are not asked again."""
    found = dict(known)
    gate = asyncio.Semaphore(concurrency)

    async def ask(one: Asked) -> None:
        async with gate:
            judged = await judge_one(model, one)
        found[one.key] = judged
        told(judged)

    fresh = {one.key: one for one in asked if one.key not in found}
    async with asyncio.TaskGroup() as group:
        for one in fresh.values():
            group.create_task(ask(one))
    return found


async def judge_one(model: Model, asked: Asked, *, tries: int = 2) -> Judgement:
    """The model's answer to one question; asked once more when it cannot be read."""
    request = ModelRequest(
        turn_id=TurnId("judge"),
        system=read_prompt(asked.question),
        messages=(Turned("user", ({"type": "text", "text": json.dumps(asked.material, ensure_ascii=False)},)),),
        tools=(),
        static_messages=0,
        max_tokens=2048,
    )
    cost, name = 0.0, model.name
    for _ in range(tries):
        try:
            async for piece in model.stream(request):
                if isinstance(piece, Replied):
                    cost, name = cost + piece.reply.cost_usd, piece.reply.model
                    texts = (str(b.get("text", "")) for b in piece.reply.blocks if b.get("type") == "text")
                    ok, why = read_answer("".join(texts))
                    if ok is not None:
                        return Judgement(asked.key, ok, why, cost, name)
        except ModelFailed as failure:
            return Judgement(asked.key, None, failure.code, cost, name)
    return Judgement(asked.key, None, "unreadable", cost, name)


def read_answer(text: str) -> tuple[bool | None, str]:
    """What a judge's reply says; (None, "") when it is not the one line of JSON that was asked for."""
    found = _ANSWER.search(text)
    try:
        answer = cast("Json", json.loads(found[0])) if found else {}
    except ValueError:
        return None, ""
    ok = answer.get("ok")
    return (ok, str(answer.get("why", ""))[:200]) if isinstance(ok, bool) else (None, "")


def score_judged(asked: Sequence[Asked], judged: Mapping[str, Judgement]) -> Iterator[tuple[str, Score]]:
    """Scores by the trial's name; questions without a readable judgement give none."""
    for one in asked:
        judgement = judged.get(one.key)
        if judgement is None or judgement.ok is None:
            continue
        criterion = "relevance" if one.question == "relevance" else "accuracy"
        why = "" if judgement.ok else f"{one.question}: {judgement.why}"
        yield one.trial, Score(criterion, judgement.ok, why, one.act)


def read_judged(folder: Path) -> dict[str, Judgement]:
    """The judgements kept in a folder; a line cut off by a crash is left out."""
    path = folder / JUDGED
    found: dict[str, Judgement] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            judged = Judgement(**json.loads(line))
        except (ValueError, TypeError):
            continue
        found[judged.key] = judged
    return found


@cache
def read_prompt(question: Question) -> str:
    return (files("firstline") / "evals" / "prompts" / f"{question}.md").read_text(encoding="utf-8")


# The judge is tried too -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reliability:
    """How a judge did on a gold set. `sensitivity`: of the good ones it called so many good; `specificity`: of the
    bad ones so many bad; `kappa`: agreement beyond chance (Cohen).
    """

    n: int
    unreadable: int
    sensitivity: float
    specificity: float
    kappa: float

    @property
    def trusted(self) -> bool:
        return min(self.sensitivity, self.specificity) >= TRUSTED

    def correct(self, share: float) -> float | None:
        """The share of good ones behind the share that the judge called good; None for a judge that tells nothing.

        Source: Rogan and Gladen (1978); for model judges arXiv 2511.21140.
        """
        told = self.specificity + self.sensitivity - 1
        return None if told <= 0 else min(1.0, max(0.0, (share + self.specificity - 1) / told))


def measure_reliability(pairs: Sequence[tuple[bool, bool | None]]) -> Reliability:
    """From (gold, judged) pairs."""
    read = [(gold, judged) for gold, judged in pairs if judged is not None]
    good = [judged for gold, judged in read if gold]
    bad = [not judged for gold, judged in read if not gold]
    n = len(read)
    agreed = sum(gold == judged for gold, judged in read) / n if n else 0.0
    said = sum(bool(judged) for _, judged in read) / n if n else 0.0
    is_good = len(good) / n if n else 0.0
    chance = said * is_good + (1 - said) * (1 - is_good)
    return Reliability(
        n=n,
        unreadable=len(pairs) - n,
        sensitivity=sum(good) / len(good) if good else 0.0,
        specificity=sum(bad) / len(bad) if bad else 0.0,
        kappa=(agreed - chance) / (1 - chance) if chance < 1 else 0.0,
    )


@dataclass(frozen=True, slots=True)
class Gold:
    """One item of a gold set: what a person says of it."""

    asked: Asked
    ok: bool


def read_gold(question: Question) -> list[Gold]:
    """The frozen gold set of a question, as it came with this version."""
    text = (files("firstline") / "evals" / "gold" / f"{question}.jsonl").read_text(encoding="utf-8")
    rows = [cast("Json", json.loads(line)) for line in text.splitlines() if line.strip()]
    return [Gold(Asked(question, row["material"]), bool(row["ok"])) for row in rows]
