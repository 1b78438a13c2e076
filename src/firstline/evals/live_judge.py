"""`firstline eval live`: a judge looks at a sample of live conversations; what it says is kept beside their records.

It works beside a running server, whose report then shows it. Judgements stand nowhere but in the store, so that
erasing a conversation takes them along; what a batch leaves upstream is deleted as soon as it is fetched.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from firstline.bundle import Bundle
from firstline.bundle.load import load_bundle
from firstline.bundle.revisions import is_whole, place_of
from firstline.config import Settings
from firstline.conversation import fold, new_conversation
from firstline.errors import ConfigError, Problem
from firstline.evals.judge import Asked, Judgement, Question, read_prompt
from firstline.evals.judge_asking import USUAL, Asking, Bench, Teller
from firstline.evals.judge_command import find_tried
from firstline.evals.judge_table import print_judged
from firstline.evals.metrics import targets_of
from firstline.evals.questions import JudgedFigure, list_questions, sum_up_judged
from firstline.evals.wording import count
from firstline.scoring import Known
from firstline.scoring.live import build_trial
from firstline.store.judgements import Said, SqlJudgements
from firstline.store.staff_opening import open_judgements
from firstline.types import ConversationId, Json
from firstline.wire import build_known

LIVE: tuple[Question, ...] = ("relevance", "support")
"""What can be asked of conversations that nobody has labelled."""


def judge_live(
    settings: Settings,
    teller: Teller,
    path: Path,
    *,
    days: int,
    size: int,
    bench: Bench = USUAL,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> bool:
    """Judge what of the sample is not judged yet, and print what all of it comes to.

    False when a figure that may decide is below its target.
    Raises: ConfigError when there is no store, no key, or something could not be asked.
    """
    bundle = load_bundle(path)
    with closing(open_judgements(settings.store_url)) as store:
        ids, of = store.sample(bundle.name, now() - timedelta(days=days), size)
        if not ids:
            remedy = "give more --days, or the bundle that was served"
            raise ConfigError(Problem(f"no closed conversation of {bundle.name} in the last {days} days", remedy))
        asking = Asking(settings, bench, settings.data / "evals" / "live" / bundle.name, teller, forget=True)
        model_id = asking.model.name
        tried = find_tried(settings, model_id)
        for question in LIVE:
            if (reliability := tried[question]) is not None:
                store.note_judge(model_id, question, hash_prompt(question), reliability)
        places = _Places(store, now)
        asked = list(places.list_questions(ids, _Bundles(settings, bundle)))
        judged = asking.judge(asked, places.read_known(ids, model_id), places.keep, still=places.is_there)
        places.keep_the_same(judged)
    figures = sum_up_judged(asked, judged, tried, targets_of(bundle.criteria))
    if teller.as_json:
        told = {"model": model_id, "conversations": len(ids), "of": of, **_to_json(figures, asked, judged)}
        teller.out.print_json(json.dumps(told, ensure_ascii=False))
    else:
        what = f"{count(len(ids), 'conversation', 'conversations')} of {of:,} that began in the last {days} days"
        teller.out.print(f"{what} and are closed", style="dim", markup=False)
        print_judged(teller.out, figures, asked, judged, model_id)
    return not any(each.gates and each.corrected and each.corrected.verdict == "fail" for each in figures)


def hash_prompt(question: Question) -> str:
    """What a judge is told to look for, in 16 characters."""
    return hashlib.sha256(read_prompt(question).encode()).hexdigest()[:16]


class _Bundles:
    """What the assistant had, by revision: the published copy where there is one, else the bundle as it is now."""

    def __init__(self, settings: Settings, now: Bundle) -> None:
        self._data = settings.data
        self._now = build_known(now)
        self._known: dict[str, Known] = {now.revision: self._now}

    def __call__(self, revision: str) -> Known:
        if revision not in self._known:
            place = place_of(self._data, self._now.bundle.name, revision)
            kept = place.is_dir() and is_whole(place, revision)
            self._known[revision] = build_known(load_bundle(place)) if kept else self._now
        return self._known[revision]


Spot = tuple[str, Question, int]
"""A conversation, what was asked of it, and the customer's act."""


class _Places:
    """Where each question belongs. Two conversations may hold the same words: what is said then belongs to both."""

    def __init__(self, store: SqlJudgements, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._spots: dict[str, list[Spot]] = {}
        self._kept: set[Spot] = set()

    def list_questions(self, ids: Sequence[ConversationId], bundles: _Bundles) -> Iterator[Asked]:
        """Every reply of theirs that a judge can look at. One that was erased since has no log, and none."""
        for conversation_id in ids:
            conversation = fold(self._store.read(conversation_id), new_conversation(conversation_id))
            known = bundles(conversation.started.revision) if conversation.started else None
            trial = build_trial(conversation, known.bundle) if known else None
            if known is None or trial is None:
                continue
            for asked in list_questions(trial, known):
                if asked.question in LIVE and asked.act is not None:
                    spot = (conversation_id, asked.question, asked.act)
                    self._spots.setdefault(asked.key, []).append(spot)
                    yield replace(asked, trial=conversation_id)

    def read_known(self, ids: Sequence[ConversationId], model_id: str) -> dict[str, Judgement]:
        """What this judge said of them with these prompts; a bundle that has changed is no reason to ask again."""
        prompts: dict[str, str] = {question: hash_prompt(question) for question in LIVE}
        said: dict[tuple[str, str, int], Said] = {
            (each.conversation_id, each.question, each.act): each
            for each in self._store.known(ids, model_id)
            if prompts.get(each.question) == each.prompt
        }
        found: dict[str, Judgement] = {}
        for key, spots in self._spots.items():
            for spot in spots:
                if (known := said.get(spot)) is not None:
                    found[key] = Judgement(key, known.ok, known.why, 0.0, known.model)
                    self._kept.add(spot)
        return found

    def is_there(self, asked: Asked) -> bool:
        return self._store.is_there(ConversationId(asked.trial))

    def keep(self, judged: Judgement) -> None:
        """Written at once. Of what an earlier sample asked only the key is known, and nothing is kept."""
        for spot in self._spots.get(judged.key, ()):
            self._keep(spot, judged)

    def keep_the_same(self, judged: Mapping[str, Judgement]) -> None:
        """Questions that were not asked, since the same had been asked of another conversation."""
        for key, spots in self._spots.items():
            for spot in spots:
                if key in judged and spot not in self._kept:
                    self._keep(spot, judged[key])

    def _keep(self, spot: Spot, judged: Judgement) -> None:
        conversation_id, question, act = spot
        said = Said(
            conversation_id=ConversationId(conversation_id),
            question=question,
            act=act,
            ok=judged.ok,
            why=judged.why,
            model=judged.model,
            prompt=hash_prompt(question),
            key=judged.key,
            at=self._now(),
        )
        self._store.keep(said)
        self._kept.add(spot)


def _to_json(figures: Sequence[JudgedFigure], asked: Sequence[Asked], judged: Mapping[str, Judgement]) -> Json:
    bad = [
        {"conversation_id": one.trial, "act": one.act, "question": one.question, "why": found.why}
        for one in asked
        if (found := judged.get(one.key)) is not None and found.ok is False
    ]
    return {
        "figures": [figure.to_json() for figure in figures],
        "trusted": bool(figures) and all(each.gates for each in figures),
        "bad": bad,
    }
