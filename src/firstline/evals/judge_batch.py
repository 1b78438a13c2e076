"""Judging in batches: at half the price, and within a day. Every batch is written down as soon as it is taken, and
struck off when all of it is kept: whoever comes back after Ctrl-C or a crash fetches what was paid for.

What a batch leaves open is asked in another one, or one by one where little is left.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from firstline.errors import ModelFailed
from firstline.evals.judge import (
    CONCURRENCY,
    Asked,
    Judgement,
    build_request,
    end_line,
    find_open,
    judge_all,
    read_reply,
)
from firstline.model import Batches, Model, ModelReply

HANDED_IN = "batches.jsonl"

FEW = 20
"""Fewer than so many are asked one by one: another batch would take longer than it saves."""

ROUNDS = 3
KEPT_FOR = timedelta(days=28)
"""Upstream keeps results a day longer."""

FIRST_LOOK_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 60.0
MOST_SECONDS = 26 * 3_600.0
"""After a day a batch ends whatever is left of it."""


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A batch that was taken and is not yet fetched. `keys`: of the questions in it."""

    batch_id: str
    model: str
    keys: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class _Fetched:
    batch_id: str
    fetched_at: datetime


_LINE: TypeAdapter[HandedIn | _Fetched] = TypeAdapter(HandedIn | _Fetched)


def read_handed_in(folder: Path, model_id: str) -> list[HandedIn]:
    """The batches of this model that are still to be fetched, the oldest first."""
    path = folder / HANDED_IN
    waiting: dict[str, HandedIn] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n") if path.exists() else ():
        try:
            found = _LINE.validate_json(line)
        except ValidationError:
            continue
        if isinstance(found, HandedIn):
            waiting[found.batch_id] = found
        else:
            waiting.pop(found.batch_id, None)
    return [each for each in waiting.values() if each.model == model_id]


def _note(folder: Path, what: HandedIn | _Fetched) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / HANDED_IN).open("a+b") as file:
        file.write(end_line(file) + json.dumps(asdict(what), default=datetime.isoformat).encode() + b"\n")


@dataclass
class BatchJudge:
    """Judges in batches, and notes them in `folder`. `model`: the same judge, for what is left to be asked singly.

    told: of each judgement, which is kept when it returns. says: what a person who waits wants to read.
    forget: have upstream delete what was fetched. give_up: end what still runs, and fetch what is done.
    """

    batches: Batches
    model: Model
    folder: Path
    told: Callable[[Judgement], None]
    says: Callable[[str], None] = lambda _: None
    forget: bool = False
    give_up: bool = False
    concurrency: int = CONCURRENCY
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _found: dict[str, Judgement] = field(default_factory=dict[str, Judgement])
    _spent_usd: dict[str, float] = field(default_factory=dict[str, float])

    async def __call__(self, asked: Sequence[Asked], known: Mapping[str, Judgement]) -> dict[str, Judgement]:
        """As `judge_all`. Raises: ModelFailed; batches that were taken stay noted."""
        self._found = dict(known)
        handed_in = self._drop_old(read_handed_in(self.folder, self.batches.name))
        promised = {key for each in handed_in for key in each.keys}
        open_now = find_open(asked, known, self.batches.name)
        if not self.give_up:
            handed_in += await self._hand_in([one for one in open_now if one.key not in promised])
        by_key = {one.key: one for one in open_now}
        for _ in range(ROUNDS):
            left = [key for each in handed_in for key in await self._fetch(each)]
            again = [by_key[key] for key in left if key in by_key]
            if self.give_up or len(again) < FEW:
                break
            handed_in = await self._hand_in(again)
        await judge_all(self.model, asked, self._found, concurrency=self.concurrency, told=self._tell)
        return self._found

    def _drop_old(self, handed_in: Iterable[HandedIn]) -> list[HandedIn]:
        return [each for each in handed_in if self.now() - each.at < KEPT_FOR]

    async def _hand_in(self, asked: Sequence[Asked]) -> list[HandedIn]:
        """Batches for all of them, each noted; an interruption waits until it is known whether one was taken."""
        taken: list[HandedIn] = []
        left = {one.key: build_request(one) for one in asked}
        while left:
            handing = asyncio.ensure_future(self.batches.submit(left))
            try:
                submitted = await asyncio.shield(handing)
            except asyncio.CancelledError:
                submitted = await handing
                self._note_handed_in(submitted.batch_id, submitted.ids)
                raise
            taken.append(self._note_handed_in(submitted.batch_id, submitted.ids))
            for key in submitted.ids:
                del left[key]
        return taken

    def _note_handed_in(self, batch_id: str, keys: Sequence[str]) -> HandedIn:
        handed_in = HandedIn(batch_id, self.batches.name, tuple(keys), self.now())
        _note(self.folder, handed_in)
        self.says(
            f"{len(keys)} handed in as {batch_id}; mostly within the hour, at most a day. Ctrl-C leaves it there"
        )
        return handed_in

    async def _fetch(self, handed_in: HandedIn) -> list[str]:
        """Tell of all that this batch judged; the keys of what it was not got to, or failed for a while."""
        await self._wait(handed_in)
        results = await self.batches.results(handed_in.batch_id)
        again: list[str] = []
        for key, result in results.items():
            if isinstance(result, ModelReply):
                self._read(key, result)
            elif result.retryable:
                again.append(key)
            else:
                self.says(f"{key} was refused: {result}")
        missing = [key for key in handed_in.keys if key not in results]
        _note(self.folder, _Fetched(handed_in.batch_id, self.now()))
        await self._forget(handed_in.batch_id)
        return again + missing

    def _read(self, key: str, reply: ModelReply) -> None:
        ok, why = read_reply(reply)
        if ok is None:  # it is asked again, and both are paid
            self._spent_usd[key] = reply.cost_usd
        else:
            self._tell(Judgement(key, ok, why, reply.cost_usd, self.batches.name))

    def _tell(self, judged: Judgement) -> None:
        whole = replace(judged, cost_usd=judged.cost_usd + self._spent_usd.pop(judged.key, 0.0))
        self._found[judged.key] = whole
        self.told(whole)

    async def _forget(self, batch_id: str) -> None:
        try:
            if self.forget:
                await self.batches.forget(batch_id)
        except ModelFailed as failure:
            self.says(f"{batch_id} could not be deleted upstream, where it is kept for 29 days: {failure}")

    async def _wait(self, handed_in: HandedIn) -> None:
        """Returns when the batch has ended. Raises: ModelFailed."""
        if self.give_up and not await self._has_ended(handed_in):
            await self.batches.cancel(handed_in.batch_id)
        pause, waited = FIRST_LOOK_SECONDS, 0.0
        while not await self._has_ended(handed_in):
            if waited >= MOST_SECONDS:
                raise ModelFailed("idle_timeout", f"{handed_in.batch_id} does not end", retryable=True)
            await self.sleep(pause)
            pause, waited = min(pause * 1.5, LONGEST_PAUSE_SECONDS), waited + pause

    async def _has_ended(self, handed_in: HandedIn) -> bool:
        """A line that is down for a while is no reason to stop waiting."""
        try:
            return (await self.batches.state(handed_in.batch_id)).ended
        except ModelFailed as failure:
            if failure.code == "unknown":
                where = self.folder / HANDED_IN
                what = f"{handed_in.batch_id} is not known there: use the key that handed it in, or delete {where}"
                raise ModelFailed("unknown", what) from None
            if not failure.retryable:
                raise
            return False
