"""What every audit log keeps to: it only grows, in one chain, and whatever is done to it past us shows."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from firstline.staff import Actor, StaffRegister
from firstline.store import staff_audit
from firstline.types import ConversationId, StaffId
from tests.contracts.test_staff_register_contract import OWNER, START, A, after, change_file, open_register, register

pytestmark = pytest.mark.anyio

__all__ = ["register"]
"""The fixture: every register is an audit log."""


async def note(register: StaffRegister, times: int = 1, *, conversation_id: ConversationId | None = A) -> None:
    by = Actor(name="desk.one", staff_id=StaffId("st_desk.one"))
    for number in range(times):
        detail = {"n": number, "word": "好"}
        await register.note(
            "replied", by=by, at=after(seconds=number), conversation_id=conversation_id, detail=detail
        )


async def test_entries_are_read_the_latest_first_page_by_page(register: StaffRegister):
    await note(register, 7)

    latest = await register.read_audit(limit=3)
    assert [entry.number for entry in latest] == [7, 6, 5]
    assert [entry.number for entry in await register.read_audit(limit=10, before=5)] == [4, 3, 2, 1]
    assert latest[0].detail == {"n": 6, "word": "好"} and latest[0].at == after(seconds=6)
    assert latest[0].staff_id == "st_desk.one" and latest[0].conversation_id == A


async def test_entries_of_one_conversation_are_read_alone(register: StaffRegister):
    await note(register, 2)
    await note(register, 2, conversation_id=ConversationId("cv_b"))
    await note(register, 1, conversation_id=None)

    assert [entry.number for entry in await register.read_audit(conversation_id=A)] == [2, 1]


async def test_fifty_entries_at_once_get_fifty_numbers_and_one_chain(register: StaffRegister):
    await asyncio.gather(*(note(register) for _ in range(50)))

    assert sorted(entry.number for entry in await register.read_audit()) == list(range(1, 51))
    assert await register.check_audit() is None


async def test_two_processes_write_one_chain(tmp_path: Path):
    with open_register(tmp_path) as one, open_register(tmp_path) as two:
        await asyncio.gather(*(note(register) for _ in range(25) for register in (one, two)))

        assert [entry.number for entry in await two.read_audit()] == list(range(50, 0, -1))
        assert await one.check_audit() is None


@pytest.mark.parametrize("entries", [0, 1, 6, 7, 8, 20])
async def test_a_log_that_nobody_touched_is_whole(
    register: StaffRegister, monkeypatch: pytest.MonkeyPatch, entries: int
):
    monkeypatch.setattr(staff_audit, "PAGE", 7)
    await note(register, entries)

    assert await register.check_audit() is None


COPY = "INSERT INTO audit SELECT 10, at, staff_id, actor, action, conversation_id, detail, hash FROM audit LIMIT 1"
TAMPERED: dict[str, tuple[int, list[str]]] = {
    "who did it": (4, ["UPDATE audit SET actor='desk.two' WHERE number=4"]),
    "whose account": (4, ["UPDATE audit SET staff_id=NULL WHERE number=4"]),
    "what was done": (4, ["UPDATE audit SET action='declined' WHERE number=4"]),
    "an action that there is not": (4, ["UPDATE audit SET action='nothing' WHERE number=4"]),
    "when": (4, ["UPDATE audit SET at='2026-11-23T15:00:00.000000+00:00' WHERE number=4"]),
    "a time that is none": (4, ["UPDATE audit SET at='yesterday' WHERE number=4"]),
    "to whom": (4, ["UPDATE audit SET conversation_id='cv_b' WHERE number=4"]),
    "the detail": (4, ["UPDATE audit SET detail='{}' WHERE number=4"]),
    "a detail that cannot be read": (4, ["UPDATE audit SET detail='{' WHERE number=4"]),
    "the hash": (4, ["UPDATE audit SET hash='0' WHERE number=4"]),
    "one taken out": (4, ["DELETE FROM audit WHERE number=4"]),
    "one taken out and the gap closed": (
        4,
        ["DELETE FROM audit WHERE number=4", "UPDATE audit SET number=number-1 WHERE number>4"],
    ),
    "two exchanged": (
        4,
        [f"UPDATE audit SET number={a} WHERE number={b}" for a, b in ((99, 4), (4, 5), (5, 99))],
    ),
    "the first taken out": (1, ["DELETE FROM audit WHERE number=1"]),
    "the last taken out": (9, ["DELETE FROM audit WHERE number=9"]),
    "all taken out": (1, ["DELETE FROM audit"]),
    "one put at the end": (10, [COPY]),
    "the end forgotten": (1, ["DELETE FROM audit_head"]),
    "the end moved back": (9, ["UPDATE audit_head SET number=8, hash=(SELECT hash FROM audit WHERE number=8)"]),
    "another end": (9, ["UPDATE audit_head SET hash='0'"]),
}


@pytest.mark.parametrize("what", TAMPERED)
async def test_whatever_is_changed_in_the_file_shows_and_where(register: StaffRegister, tmp_path: Path, what: str):
    number, statements = TAMPERED[what]
    await note(register, 9)
    change_file(tmp_path, "DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete", *statements)

    assert await register.check_audit() == number


async def test_what_was_cut_off_stays_missed_however_much_is_written_after_it(
    register: StaffRegister, tmp_path: Path
):
    await note(register, 9)
    change_file(tmp_path, "DROP TRIGGER audit_no_delete", "DELETE FROM audit WHERE number>6")
    await note(register, 5)

    assert await register.check_audit() == 7


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor='x'", "DELETE FROM audit WHERE number=2"])
async def test_the_log_refuses_every_change_by_itself(register: StaffRegister, tmp_path: Path, statement: str):
    await note(register, 3)

    with pytest.raises(sqlite3.IntegrityError, match="only grows"):
        change_file(tmp_path, statement)
    assert await register.check_audit() is None


@pytest.mark.parametrize("detail", [{"n": float("nan")}, {"when": START}, {"half": "\ud800"}])
async def test_an_entry_that_cannot_be_written_leaves_nothing_behind(register: StaffRegister, detail: Any):
    await note(register)
    with pytest.raises((ValueError, TypeError)):
        await register.note("replied", by=OWNER, at=START, detail=detail)
    await note(register)

    assert [entry.number for entry in await register.read_audit()] == [2, 1]
    assert await register.check_audit() is None
