"""The pointers in their table: found by an index, and no text beside them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from firstline.desk.outbox import Delivery
from firstline.errors import StoreUnavailable
from firstline.store.deliveries import ALL_TABLES, select_behind
from firstline.types import ConversationId
from tests.support.desk_scene import REQUESTED, STARTED, Scene, open_scene, wrote
from tests.support.fake_desk import AT

pytestmark = pytest.mark.anyio

A = ConversationId("cv_a")
INDEX = "CREATE INDEX IF NOT EXISTS events_handoffs ON events (conversation_id) WHERE type = 'handoff.requested'"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with open_scene(tmp_path) as opened:
        yield opened


def plan_of(scene: Scene, statement: sa.Select[object]) -> str:
    how = {"dialect": sqlite.dialect(), "compile_kwargs": {"literal_binds": True}}
    with scene.store.engine.connect() as connection:
        connection.exec_driver_sql(INDEX)
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.compile(**how)}")  # type: ignore[arg-type]
        return "\n".join(str(row[3]) for row in rows)


def test_what_is_behind_is_found_by_the_index_of_hand_offs_not_by_reading_every_event(scene: Scene) -> None:
    plan = plan_of(scene, select_behind("webhook", 200))

    assert "USING INDEX events_handoffs" in plan or "USING COVERING INDEX events_handoffs" in plan


async def test_a_delivery_comes_out_as_it_went_in(scene: Scene) -> None:
    await scene.happen(STARTED, REQUESTED)
    kept = Delivery("webhook", A, 2, "handoff.requested", due_since=AT, next_at=AT)
    await scene.outbox.add([kept, kept], "webhook", A, 2)
    await scene.outbox.add([kept], "webhook", A, 1)

    assert await scene.outbox.due("webhook", AT, 10) == [kept]
    assert await scene.outbox.due("chatwoot", AT, 10) == []
    assert (await scene.outbox.find("webhook", A)).looked_through == 2, "it never goes back"


def test_every_table_goes_with_its_conversation_and_holds_no_text() -> None:
    names = {column.name for table in ALL_TABLES for column in table.columns}

    assert all(table.info == {"of_conversation": True} for table in ALL_TABLES)
    assert all("conversation_id" in table.c for table in ALL_TABLES)
    assert names == {
        "desk", "conversation_id", "seq", "type", "due_since", "attempts", "next_at", "done_at", "dead_at",
        "last_error", "looked_through", "thread", "arrival_id", "at",
    }  # fmt: skip


async def test_a_store_that_cannot_be_used_says_so_in_our_words(scene: Scene, tmp_path: Path) -> None:
    await scene.happen(STARTED, REQUESTED, wrote())
    with closing(sqlite3.connect(tmp_path / "firstline.db")) as connection:
        connection.execute("DROP TABLE deliveries")

    with pytest.raises(StoreUnavailable):
        await scene.outbox.due("webhook", AT, 10)
    with pytest.raises(StoreUnavailable):
        await scene.courier.collect()
