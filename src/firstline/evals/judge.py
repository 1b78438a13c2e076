"""A judge asks a model what no rule can tell: relevance, support of claims, the gist of a correction. Its prompts are
files; its judgements are kept, so that nothing is judged, or paid, twice.

Not what is asked (`firstline.evals.questions`), nor how far a judge may be believed (`firstline.evals.reliability`).
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import IO, Any, Literal, cast, get_args

from pydantic import TypeAdapter, ValidationError

from firstline.errors import ModelFailed
from firstline.model import Model, ModelReply, ModelRequest, Replied, Turned
from firstline.model.note import fence
from firstline.types import Json, TurnId

Question = Literal["relevance", "support", "gist"]
QUESTIONS: tuple[Question, ...] = get_args(Question)

JUDGED = "judged.jsonl"
CONCURRENCY = 8
TRIES = 2
WHY_CHARS = 200
MOST_TOKENS = 4_096
"""Of one answer: a line, and whatever the model thinks before it."""

SHARED = "business"
"""The key of what is the same in all material of one bundle."""

HOPELESS = ("auth", "spend_cap", "unknown")
"""Failures that every other question would meet as well."""

MOST_FAILURES_IN_A_ROW = 20


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


_KEPT = TypeAdapter(Judgement)


@cache
def read_prompt(question: Question) -> str:
    return (files("firstline") / "evals" / "prompts" / f"{question}.md").read_text(encoding="utf-8")


# Asking -------------------------------------------------------------------------------------------------------------


def find_open(asked: Sequence[Asked], known: Mapping[str, Judgement], model_id: str) -> list[Asked]:
    """What is still to be asked of this model, each once: another model's word, or none, does not count."""
    fresh = {one.key: one for one in asked}
    return [one for key, one in fresh.items() if not _is_answered(known.get(key), model_id)]


def _is_answered(judged: Judgement | None, model_id: str) -> bool:
    return judged is not None and judged.ok is not None and judged.model == model_id


async def judge_all(
    model: Model,
    asked: Sequence[Asked],
    known: Mapping[str, Judgement],
    *,
    concurrency: int = CONCURRENCY,
    told: Callable[[Judgement], None] = lambda _: None,
) -> dict[str, Judgement]:
    """The judgement of every question by its key, `told` of each new one; what this model has judged is not asked.

    A question that the model could not be asked has none, and may be asked again.
    Raises: ModelFailed when the others would fare no better (no key, no money, no line); what was told of stays.
    """
    found = dict(known)
    gate = asyncio.Semaphore(concurrency)
    failures: list[ModelFailed] = []

    async def ask(one: Asked) -> None:
        async with gate:
            if _is_hopeless(failures):
                return
            try:
                judged = await judge_one(model, one)
            except ModelFailed as failure:
                failures.append(failure)
                return
        failures.clear()
        found[one.key] = judged
        told(judged)

    async with asyncio.TaskGroup() as group:
        for one in find_open(asked, known, model.name):
            group.create_task(ask(one))
    if _is_hopeless(failures):
        raise failures[-1]
    return found


def _is_hopeless(in_a_row: Sequence[ModelFailed]) -> bool:
    return len(in_a_row) >= MOST_FAILURES_IN_A_ROW or any(failure.code in HOPELESS for failure in in_a_row)


async def judge_one(model: Model, asked: Asked) -> Judgement:
    """The model's answer to one question; asked once more when it cannot be read, and both are paid.

    Raises: ModelFailed.
    """
    cost = 0.0
    for _ in range(TRIES):
        reply = await _ask(model, asked)
        cost += reply.cost_usd
        ok, why = read_reply(reply)
        if ok is not None:
            return Judgement(asked.key, ok, why, cost, model.name)
    return Judgement(asked.key, None, "unreadable", cost, model.name)


def build_request(asked: Asked) -> ModelRequest:
    """The question as a model is asked it, alone or in a batch."""
    texts = write_material(asked.material)
    return ModelRequest(
        turn_id=TurnId("judge"),
        system=read_prompt(asked.question),
        messages=tuple(Turned("user", ({"type": "text", "text": text},)) for text in texts),
        tools=(),
        static_messages=len(texts) - 1,
        max_tokens=MOST_TOKENS,
        alone=True,
    )


async def _ask(model: Model, asked: Asked) -> ModelReply:
    replies: list[ModelReply] = []
    async with aclosing(cast("Any", model.stream(build_request(asked)))) as pieces:
        async for piece in pieces:
            replies += [piece.reply] if isinstance(piece, Replied) else []
    if not replies:
        raise ModelFailed("empty")
    return replies[-1]


def write_material(material: Json) -> tuple[str, ...]:
    """The material as the judge reads it: JSON in which nothing unseen stands, and no tag of ours.

    What is the same for every question of a run comes first, apart, so that it is paid for once.
    """
    shared = {key: value for key, value in material.items() if key == SHARED}
    rest = {key: value for key, value in material.items() if key != SHARED}
    return tuple(json.dumps(_fence(part), ensure_ascii=False) for part in (shared, rest) if part)


def _fence(value: object) -> object:
    match value:
        case str():
            return fence(value, limit=len(value))
        case dict():
            return {key: _fence(each) for key, each in cast("Json", value).items()}
        case list() | tuple():
            return [_fence(each) for each in cast("Sequence[object]", value)]
        case _:
            return value


def read_reply(reply: ModelReply) -> tuple[bool | None, str]:
    """What a judge's reply says, as `read_answer`."""
    texts = (str(block.get("text", "")) for block in reply.blocks if block.get("type") == "text")
    return read_answer("".join(texts))


def read_answer(text: str) -> tuple[bool | None, str]:
    """What a judge said; (None, "") when it is not the one object that was asked for.

    Everything from the first brace to the last must be that object: an object quoted within it, as from a reply that
    tells the judge what to say, is then never taken for the answer.
    """
    start, end = text.find("{"), text.rfind("}") + 1
    try:
        answer = cast("Json", json.loads(text[max(start, 0) : end], object_pairs_hook=_read_once))
    except (ValueError, RecursionError):
        return None, ""
    ok, why = answer.get("ok"), answer.get("why")
    if not isinstance(ok, bool):
        return None, ""
    return ok, fence(why, limit=WHY_CHARS) if isinstance(why, str) else ""


def _read_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object that says nothing twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


# Keeping ------------------------------------------------------------------------------------------------------------


def read_judged(folder: Path) -> dict[str, Judgement]:
    """The judgements kept in a folder, of each question the last; a line cut off by a crash is left out."""
    path = folder / JUDGED
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.exists() else ()
    found = (judged for line in lines if (judged := _read_line(line)) is not None)
    return {judged.key: judged for judged in found}


def _read_line(line: str) -> Judgement | None:
    try:
        return _KEPT.validate_json(line, strict=True)
    except ValidationError:
        return None


def keep_judged(folder: Path, judged: Judgement) -> None:
    """Add a judgement to the folder's. It begins a line of its own even where a crash has cut the last one off."""
    folder.mkdir(parents=True, exist_ok=True)
    line = json.dumps(asdict(judged), ensure_ascii=False).encode() + b"\n"
    with (folder / JUDGED).open("a+b") as file:
        file.write(end_line(file) + line)


def end_line(file: IO[bytes]) -> bytes:
    """What a file that is open for reading and adding lacks, so that what is added begins a line."""
    cut = file.seek(0, 2) > 0 and file.seek(-1, 2) >= 0 and file.read(1) != b"\n"
    return b"\n" if cut else b""
