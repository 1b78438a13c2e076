"""A past that never was: records of N believable conversations of a bundle, the same ones for the same seed.

`fill_past` puts them into a store quickly, without logs: the inbox can list them and the report can count them, but
opening one shows nothing. For benches, screenshots, and tests that need many.

    python -m tests.support.past FILE [COUNT]    # a store with the reference bundle's past, its last 30 days
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from firstline.bundle import Bundle, Playbook
from firstline.record import RECORD_VERSION, Record, Rung
from firstline.retrieval.passages import build_passages
from firstline.scores import Scores
from firstline.store.opening import open_store
from firstline.store.records import RETURN_TIME, questions, records, sources, texts, write_time
from firstline.store.sql import conversations
from firstline.tools.python import open_bundle
from firstline.types import ConversationId, HandoffReason, Level, Status

UNTIL = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
BATCH = 5_000
TEXT_CHARS = 700
"""What is said in a conversation, beside the question: for the search to look through."""

REVISIONS = ("3f2a9c41", "8b07de15", "c4419a70")
"""One after the other, each a little better than the one before."""

HOURS = (1, 1, 1, 0, 0, 1, 2, 4, 9, 14, 16, 15, 12, 13, 14, 13, 12, 11, 9, 8, 7, 5, 3, 2)
WEIGHTS = {"greet": 2, "answer": 9, "act": 5, "decline": 2, "hand_off": 2}
CONTAINED = {"greet": 0.80, "answer": 0.80, "act": 0.66, "decline": 0.84, "hand_off": 0.12}
UNANSWERED = {
    "en": (
        "Do you have an app?",
        "Can I pay by bank transfer?",
        "Is there a discount for students?",
        "Can my neighbour use it too?",
        "Do you deliver abroad?",
        "What happens when I move to another country?",
        "Can I get this on paper?",
        "Who founded the company?",
        "Do you speak sign language?",
        "Is there a loyalty card?",
        "What did I pay three years ago?",
        "Can I change the name on the contract?",
        "Where do I send a fax?",
    ),
    "zh": (
        "有手机应用吗？",
        "可以分期付款吗？",
        "学生有优惠吗？",
        "搬到国外怎么办？",
        "可以开纸质发票吗？",
        "能改合同上的名字吗？",
    ),
}
COMMON = ("asked", "no_answer", "tool_failed", "sentiment", "verdict", "failed", "budget", "taken_over")
OFTEN = (46, 20, 9, 9, 6, 4, 2, 4)


@dataclass(frozen=True)
class Past:
    """A record, and whether its customer was soon back."""

    record: Record
    returned: bool


def make_past(
    bundle: Bundle, count: int, *, seed: int = 1, until: datetime = UNTIL, days: int = 30
) -> Iterator[Past]:
    """Conversations that began in the `days` up to `until`, the oldest first."""
    chance = Random(seed)
    cast = _Cast(bundle, chance)
    starts = sorted(_choose_start(bundle, chance, until, days) for _ in range(count))
    made = [cast.play(number, at, until, place=number / max(count, 1)) for number, at in enumerate(starts)]
    following: dict[str, datetime] = {}
    returned: list[bool] = []
    for record in reversed(made):
        soon = record.customer_key and following.get(record.customer_key)
        returned.append(bool(soon) and soon - record.started_at <= RETURN_TIME)
        if record.customer_key:
            following[record.customer_key] = record.started_at
    return map(Past, made, reversed(returned))


def fill_past(
    engine: sa.Engine, bundle: Bundle, count: int, *, seed: int = 1, until: datetime = UNTIL, days: int = 30
) -> None:
    """Write such a past into an empty store. 100,000 take some fifteen seconds."""
    made = list(make_past(bundle, count, seed=seed, until=until, days=days))
    for begin in range(0, count, BATCH):
        with engine.begin() as connection:
            _write(connection, made[begin : begin + BATCH])


def _write(connection: sa.Connection, batch: Sequence[Past]) -> None:
    made = [past.record for past in batch]
    places = [
        {"conversation_id": each.conversation_id, "bundle": each.bundle, "started_at": write_time(each.started_at)}
        for each in made
    ]
    logs = [
        {"conversation_id": each.conversation_id, "last_seq": each.seq, "started_at": write_time(each.started_at)}
        for each in made
    ]
    searched = [{"conversation_id": each.conversation_id, "text": each.texts} for each in made]
    cited = [place | {"url": url} for place, each in zip(places, made, strict=True) for url in each.sources]
    asked = [
        place | {"number": number, "text": text}
        for place, each in zip(places, made, strict=True)
        for number, text in enumerate(each.questions)
    ]
    rows = [(conversations, logs), (records, [_row_of(past) for past in batch])]
    for table, written in (*rows, (texts, searched), (sources, cited), (questions, asked)):
        if written:
            connection.execute(table.insert(), written)


def _row_of(past: Past) -> dict[str, Any]:
    record = past.record
    kept = {column.name: getattr(record, column.name) for column in records.c if hasattr(record, column.name)}
    row = kept | asdict(record.scores)
    times = {name: write_time(value) for name, value in row.items() if isinstance(value, datetime)}
    return row | times | {"returned": past.returned}


def _choose_start(bundle: Bundle, chance: Random, until: datetime, days: int) -> datetime:
    """A moment within office hours more often than at night, on Mondays more often than on Sundays."""
    zone = bundle.hours.zone
    while True:
        day: date = until.astimezone(zone).date() - timedelta(days=chance.randrange(days))
        if chance.random() < day.weekday() * 0.09:
            continue
        clock = time(chance.choices(range(24), HOURS)[0], chance.randrange(60), chance.randrange(60))
        at = datetime.combine(day, clock, zone).astimezone(UTC)
        if at <= until - timedelta(minutes=2):
            return at + timedelta(microseconds=chance.randrange(1_000_000))


class _Cast:
    """Plays one conversation after the other."""

    def __init__(self, bundle: Bundle, chance: Random) -> None:
        self._bundle = bundle
        self._chance = chance
        self._playbooks = list(bundle.playbooks.values())
        self._weights = [
            WEIGHTS[each.kind] * (1.9, 1.3, 1.0, 0.8, 0.6)[number % 5] for number, each in enumerate(self._playbooks)
        ]
        used = [article for number, article in enumerate(bundle.articles) if number % 6 != 5]
        self._pages = {
            locale: sorted(
                (passage.url for passage in build_passages(a for a in used if a.locale == locale)),
                key=lambda url: sha256(url.encode()).digest(),
            )
            for locale in bundle.locales
        }

    def play(self, number: int, at: datetime, until: datetime, *, place: float) -> Record:
        """One record. `place`: where between the beginning (0) and the end (1) of the past it stands."""
        chance, bundle = self._chance, self._bundle
        newest = min(int(place * len(REVISIONS) + chance.gauss(0, 0.03)), len(REVISIONS) - 1)
        locale = chance.choices((*bundle.locales, "es"), (*range(3 * len(bundle.locales), 0, -3), 0.3))[0]
        steps = self._choose_steps()
        main = max(sorted({each.id for each in steps}), key=[each.id for each in steps].count)
        kind = bundle.playbooks[main].kind
        rung = self._choose_rung(kind, max(newest, 0), fresh=until - at < timedelta(minutes=50))
        turns = 0 if rung == "empty" else len(steps) + chance.choices((0, 1, 2, 3, 5), (5, 4, 3, 2, 1))[0]
        handling = self._choose_handling(rung, turns)
        last = min(at + timedelta(seconds=handling or 30 * turns), until)
        status, reason, closed_by = self._choose_status(rung, kind, until - last)
        mood = self._choose_mood(rung) if turns > 1 else (None, None)
        survey = self._choose_survey(rung, mood[1]) if status == "closed" and turns else None
        subject = self._choose_text(steps[-1], locale)
        asked = self._choose_question(locale) if rung != "empty" and chance.random() < 0.05 else None
        signed_in = rung != "empty" and kind == "act" and bundle.demo_customers
        name = chance.choice(bundle.demo_customers).name if signed_in else ""
        key = sha256(f"{chance.randrange(4 * number + 900)}".encode()).hexdigest()[:32] if signed_in else None
        ways = [step for step, _ in groupby(each.id for each in steps)] if turns else []
        said = bundle.articles[len(subject) % len(bundle.articles)].body
        return Record(
            conversation_id=ConversationId(f"cv_{sha256(f'{at}{number}'.encode()).hexdigest()[:24]}"),
            seq=4 + 6 * turns,
            version=RECORD_VERSION,
            bundle=bundle.name,
            revision=REVISIONS[max(newest, 0)],
            locale=locale,
            playbook=main if turns else None,
            status=status,
            started_at=at,
            last_at=last,
            closed_at=last if status == "closed" else None,
            closed_by=closed_by,
            waiting_since=last if status == "waiting" else None,
            due_at=None,
            held_by="st_desk" if status == "with_human" else None,
            holder_name="Desk One" if status == "with_human" else None,
            reason=reason,
            ticket=rung == "handed_off" and chance.random() < 0.1,
            unclaimed=status == "waiting" and chance.random() < 0.2,
            approvals=int(status == "waiting" and chance.random() < 0.1),
            unread=int(status in ("waiting", "with_human")),
            customer_name=name,
            customer_key=key,
            subject=subject,
            mood_start=mood[0],
            mood=mood[1],
            n_customer=turns,
            n_assistant=turns,
            n_human=turns // 2 if rung == "handed_off" else 0,
            n_requests=int(rung == "handed_off"),
            cost_usd=sum(chance.uniform(0.003, 0.016) for _ in range(turns)),
            tokens=sum(chance.randrange(3_000, 14_000) for _ in range(turns)),
            survey=survey,
            rung=rung,
            confirmed=rung == "contained" and (survey or 0) >= 4,
            handling_seconds=handling if status == "closed" else None,
            waited_seconds=handling / 9 if rung == "handed_off" and status != "waiting" else None,
            assistant_seconds=sum(chance.lognormvariate(1.1, 0.4) for _ in range(turns)),
            path=">".join([*ways, f"end:{rung}"]),
            scores=self._choose_scores(kind, turns, rung),
            texts=f"{subject}\n{asked or ''}\n{said[:TEXT_CHARS]}".casefold(),
            sources=self._choose_sources(kind, locale) if turns else (),
            questions=(asked,) if asked else (),
        )

    def _choose_steps(self) -> list[Playbook]:
        chance = self._chance
        steps = chance.choices(self._playbooks, self._weights)
        while chance.random() < 0.32 and len(steps) < 7:
            steps += chance.choices(self._playbooks, self._weights)
        return steps

    def _choose_rung(self, kind: str, revision: int, *, fresh: bool) -> Rung:
        if self._chance.random() < 0.04:
            return "empty"
        if fresh and self._chance.random() < 0.6:
            return "going"
        if self._chance.random() < CONTAINED[kind] + 0.025 * revision:
            return "contained"
        return "abandoned" if self._chance.random() < 0.3 else "handed_off"

    def _choose_handling(self, rung: Rung, turns: int) -> float | None:
        if not turns or rung == "going":
            return None
        return turns * self._chance.lognormvariate(5.0 if rung == "handed_off" else 3.9, 0.7)

    def _choose_status(
        self, rung: Rung, kind: str, age: timedelta
    ) -> tuple[Status, HandoffReason | None, str | None]:
        chance = self._chance
        if rung != "handed_off":
            closed = rung not in ("going", "empty")
            return ("closed" if closed else "open"), None, chance.choice(("customer", "timeout")) if closed else None
        reason: Any = "policy" if kind == "hand_off" and chance.random() < 0.5 else chance.choices(COMMON, OFTEN)[0]
        if age < timedelta(hours=3) and chance.random() < 0.7:
            return chance.choice(("waiting", "with_human")), reason, None
        return "closed", reason, "human_agent"

    def _choose_mood(self, rung: Rung) -> tuple[Level, Level]:
        levels: tuple[Level, ...] = (-2, -1, 0, 1, 2)
        before = self._chance.choices(levels, (2, 8, 70, 15, 5))[0]
        moved = (0, 1, 5, 22, 5) if rung == "contained" else (2, 9, 12, 9, 1)
        step = self._chance.choices(levels, moved)[0] if self._chance.random() < 0.45 else 0
        return before, max(-2, min(2, before + step))  # pyright: ignore[reportReturnType]

    def _choose_survey(self, rung: Rung, mood: Level | None) -> int | None:
        if self._chance.random() > 0.19:
            return None
        weights = (1, 2, 6, 26, 40) if rung == "contained" else (9, 9, 10, 15, 10)
        return max(1, min(5, self._chance.choices((1, 2, 3, 4, 5), weights)[0] + (1 if (mood or 0) > 0 else 0)))

    def _choose_scores(self, kind: str, turns: int, rung: Rung) -> Scores:
        chance = self._chance
        if not turns:
            return Scores()
        corrected = sum(chance.random() < 0.003 for _ in range(turns))
        decline, quoted = int(kind == "decline"), int(kind == "act" and chance.random() < 0.45)
        needs, due = int(kind == "answer"), int(rung == "handed_off" or chance.random() < 0.03)
        return Scores(
            accuracy_n=turns,
            accuracy_ok=turns - corrected,
            withheld=int(chance.random() < 0.02),
            cited_n=needs,
            cited_ok=needs and int(chance.random() < 0.91),
            declined_n=decline,
            declined_ok=decline and int(chance.random() < 0.97),
            answered_n=turns - decline if kind in ("answer", "act") else 0,
            answered_ok=sum(chance.random() < 0.95 for _ in range(turns - decline))
            if kind in ("answer", "act")
            else 0,
            quoted_n=quoted,
            quoted_ok=quoted,
            escalated_n=due,
            escalated_ok=due and int(chance.random() < 0.955),
        )

    def _choose_sources(self, kind: str, locale: str) -> tuple[str, ...]:
        pages = self._pages.get(locale) or self._pages[self._bundle.locale]
        if kind not in ("answer", "act") or not pages:
            return ()
        many = self._chance.choices((1, 2, 3), (5, 3, 1))[0]
        return tuple({pages[int(len(pages) * self._chance.random() ** 2.2)]: None for _ in range(many)})

    def _choose_text(self, playbook: Playbook, locale: str) -> str:
        said = playbook.utterances.get(locale) or next(iter(playbook.utterances.values()))
        return self._chance.choice(said)

    def _choose_question(self, locale: str) -> str:
        """One of a few, written as people write: without its mark, in capitals, with a space too many."""
        asked = UNANSWERED.get(locale, UNANSWERED["en"])
        text = asked[int(len(asked) * self._chance.random() ** 1.6)]
        return self._chance.choice((text, text, text.rstrip("?？"), text.lower(), text.replace(" ", "  ")))


if __name__ == "__main__":
    file = Path(sys.argv[1])
    told, _ = open_bundle(Path("bundles/acme"), data=file.parent / "rows")
    store = open_store(f"sqlite:///{file.absolute()}")
    fill_past(store.engine, told, int(sys.argv[2]) if len(sys.argv) > 2 else 1_500, until=datetime.now(UTC))
    store.close()
