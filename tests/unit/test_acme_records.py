"""The reference bundle's database: made once, the same everywhere, safe when two processes begin at once."""

import multiprocessing
import sqlite3
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from firstline.tools import ToolContext, ToolRejected
from tests.support.acme import LEAF, NOW, as_customer, count_rows, load_module, sign_in

tools: Any = load_module("tools")
backend: Any = load_module("backend")


@pytest.fixture
def maria(tmp_path: Path) -> ToolContext:
    return sign_in(tmp_path, "C-1001")


def set_up_and_quote(folder: Path, key: str, together: Barrier) -> None:
    """One process of two that begin at the same moment."""
    together.wait()
    tools.setup(folder)
    tools.get_quote(ToolContext(None, key, NOW, "en", folder), **LEAF)


def test_two_processes_that_set_up_at_once_share_one_database_and_lose_nothing(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(2)
    keys = ("from-one", "from-two")
    started = [spawn.Process(target=set_up_and_quote, args=(tmp_path, key, together)) for key in keys]
    for process in started:
        process.start()
    for process in started:
        process.join(30)
    assert [process.exitcode for process in started] == [0, 0]
    with backend.open_records(tmp_path) as records:
        kept = records.execute("SELECT idempotency_key FROM actions ORDER BY 1").fetchall()
    assert [row["idempotency_key"] for row in kept] == list(keys)
    assert not list(tmp_path.glob(".acme-*"))


def test_a_process_that_loses_the_race_leaves_the_winners_rows_alone(maria: ToolContext) -> None:
    tools.get_quote(maria, **LEAF)
    late = maria.folder / "late.sqlite3"
    seed: Any = load_module("seed")
    seed._build(late)
    seed._publish(late, maria.folder / backend.FILE_NAME)
    assert count_rows(maria, "quotes") == 1


def test_setting_up_again_keeps_what_is_there(maria: ToolContext) -> None:
    tools.get_quote(maria, **LEAF)
    tools.setup(maria.folder)
    assert count_rows(maria, "quotes") == 1


def test_a_database_of_another_version_is_refused_and_kept(maria: ToolContext) -> None:
    path = maria.folder / backend.FILE_NAME
    records = sqlite3.connect(path)
    records.execute("PRAGMA user_version = 99")
    records.close()
    with pytest.raises(RuntimeError, match="schema 99"):
        tools.setup(maria.folder)
    assert path.exists()


def test_the_seed_is_the_same_in_every_folder(maria: ToolContext, tmp_path: Path) -> None:
    other = tmp_path / "other"
    tools.setup(other)
    first, second = (sqlite3.connect(folder / backend.FILE_NAME) for folder in (maria.folder, other))
    assert list(first.iterdump()) == list(second.iterdump())
    assert first.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    first.close()
    second.close()


def test_two_hundred_customers_each_have_an_address_and_a_policy(maria: ToolContext) -> None:
    with backend.open_records(maria.folder) as records:
        ids = [row["customer_id"] for row in records.execute("SELECT customer_id FROM customers ORDER BY 1")]
        assert ids == [f"C-{number}" for number in range(1001, 1201)]
        assert all(backend.select_customer(records, each) for each in ids)
        assert all(backend.select_policies(records, each) for each in ids)
        assert records.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_failed_action_leaves_no_trace(maria: ToolContext) -> None:
    james = as_customer(maria, "C-1002")
    with pytest.raises(ToolRejected):
        tools.refund_payment(james, invoice_number="INV-58213", amount_usd=48.01)
    assert count_rows(james, "actions") == count_rows(james, "refunds") == 0
