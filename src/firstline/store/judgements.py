"""What judges said of live conversations, beside their records in the same SQLite file, and how far each judge may be
believed. Erasing a conversation takes what was said of it along, and nothing is said of an erased one.
"""

import hashlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError

from firstline.errors import StoreUnavailable
from firstline.events import Logged, load_event
from firstline.judges import Reliability
from firstline.report import JudgedTally
from firstline.report.scope import Scope
from firstline.store.judged import judgements, judges
from firstline.store.records import records, write_time
from firstline.store.sql import conversations, events_table
from firstline.types import ConversationId

_COUNTS = tuple(each.name for each in fields(Reliability))
_KEY = ("conversation_id", "question", "act")


@dataclass(frozen=True, slots=True)
class Said:
    """One judgement. `prompt`: the hash of what the judge was told to look for; `ok`: None when it was unreadable."""

    conversation_id: ConversationId
    question: str
    act: int
    ok: bool | None
    why: str
    model: str
    prompt: str
    key: str
    at: datetime


class SqlJudgements:
    """On two engines made by `make_engine`, one that writes and one that only reads. Raises StoreUnavailable."""

    def __init__(self, engine: sa.Engine, reader: sa.Engine) -> None:
        self._engine = engine
        self._reader = reader

    def close(self) -> None:
        self._engine.dispose()
        self._reader.dispose()

    def sample(self, bundle: str, since: datetime, size: int) -> tuple[list[ConversationId], int]:
        """So many closed conversations in which customers wrote, and how many there are to choose from.

        Which ones depends on their ids alone: a larger sample holds a smaller one, and another day most of it again.
        """
        wanted = sa.select(records.c.conversation_id).where(
            records.c.bundle == bundle,
            records.c.status == "closed",
            records.c.n_customer > 0,
            records.c.started_at >= write_time(since),
        )
        with self._reading() as connection:
            found = [ConversationId(each) for each in connection.scalars(wanted)]
        return sorted(found, key=_place)[:size], len(found)

    def read(self, conversation_id: ConversationId) -> list[Logged]:
        """Its log; empty when it was erased."""
        own = sa.select(events_table.c.seq, events_table.c.body).where(
            events_table.c.conversation_id == conversation_id
        )
        with self._reading() as connection:
            return [Logged(row.seq, load_event(row.body)) for row in connection.execute(own.order_by("seq"))]

    def known(self, ids: Sequence[ConversationId], model: str) -> list[Said]:
        """What this judge said of these conversations."""
        own = sa.select(judgements).where(judgements.c.conversation_id.in_(ids), judgements.c.model == model)
        with self._reading() as connection:
            return [_read(row) for row in connection.execute(own).mappings()]

    def is_there(self, conversation_id: ConversationId) -> bool:
        """Whether it was not erased."""
        with self._reading() as connection:
            return connection.execute(_exists(conversation_id)).first() is not None

    def keep(self, said: Said) -> None:
        """Written at once; of a conversation that was erased meanwhile, nothing is."""
        row = {**asdict(said), "at": write_time(said.at)}
        insert = sqlite_insert(judgements)
        later = {name: insert.excluded[name] for name in row if name not in _KEY}
        with self._writing() as connection:
            if connection.execute(_exists(said.conversation_id)).first() is not None:
                connection.execute(insert.on_conflict_do_update(index_elements=_KEY, set_=later), row)

    def note_judge(self, model: str, question: str, prompt: str, reliability: Reliability) -> None:
        """How this judge did on the gold set, told with this prompt."""
        counts = {name: getattr(reliability, name) for name in _COUNTS}
        insert = sqlite_insert(judges).values(model=model, question=question, prompt=prompt, **counts)
        with self._writing() as connection:
            connection.execute(insert.on_conflict_do_update(set_=counts))

    @contextmanager
    def _reading(self) -> Generator[sa.Connection]:
        try:
            with self._reader.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise StoreUnavailable("the store cannot be read") from error

    @contextmanager
    def _writing(self) -> Generator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise StoreUnavailable("the store cannot be written") from error


def _place(conversation_id: ConversationId) -> bytes:
    return hashlib.sha256(conversation_id.encode()).digest()


def _exists(conversation_id: ConversationId) -> sa.Select[int]:
    return sa.select(sa.literal(1)).where(
        conversations.c.conversation_id == conversation_id, conversations.c.erased_at.is_(None)
    )


def _read(row: sa.RowMapping) -> Said:
    ok = None if row["ok"] is None else bool(row["ok"])
    values: dict[str, Any] = {**row, "ok": ok, "at": datetime.fromisoformat(row["at"])}
    return Said(**values)


# For the report -----------------------------------------------------------------------------------------------------


def count_judged(connection: sa.Connection, scope: Scope) -> Mapping[str, JudgedTally]:
    """What judges said of a scope's conversations, by question; of several judges, only the one that spoke last.

    Two judges, or one with two prompts, err differently: their words are never added up.
    """
    said, spoken = judgements.c, judgements.c.ok.is_not(None)
    first, end = (write_time(scope.cuts[place]) for place in (0, -1))
    started_at = _told("started_at")
    own = [_told(name) == value for name, value in scope.filters.items()]
    wanted = (
        sa.select(
            said.question,
            said.model,
            said.prompt,
            sa.func.coalesce(sa.func.sum(said.ok), 0).label("ok"),
            sa.func.count(said.ok).label("n"),
            sa.func.count(sa.distinct(sa.case((spoken, said.conversation_id)))).label("conversations"),
            sa.func.sum(said.ok.is_(None)).label("unreadable"),
        )
        .join(records, records.c.conversation_id == said.conversation_id)
        .where(started_at >= first, started_at < end, *own)
        .group_by(said.question, said.model, said.prompt)
        .order_by(sa.func.max(said.at))
    )
    tried = {
        (row.model, row.question, row.prompt): Reliability(*(getattr(row, name) for name in _COUNTS))
        for row in connection.execute(sa.select(judges))
    }
    return {
        row.question: JudgedTally(
            ok=row.ok,
            n=row.n,
            conversations=row.conversations,
            unreadable=row.unreadable,
            model=row.model,
            reliability=tried.get((row.model, row.question, row.prompt)),
        )
        for row in connection.execute(wanted)
    }


def _told(name: str) -> sa.ColumnElement[Any]:
    """A column of the records, written so that no index of it is used: few are judged, and these are looked up."""
    return sa.literal_column(f"+records.{name}")
