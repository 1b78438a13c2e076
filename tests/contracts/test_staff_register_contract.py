"""What every staff register keeps to: proofs, locks, sessions by the clock it is told, and a log that only grows."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from firstline.errors import StoreUnavailable
from firstline.staff import Actor, Caller, Refused, SignedIn, StaffChange, StaffMember, StaffRegister
from firstline.store.opening import make_engine, open_store
from firstline.store.sql import metadata
from firstline.store.staff import SqlStaff
from firstline.types import ConversationId, StaffId

pytestmark = pytest.mark.anyio

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}
PASSWORD = "quite-a-long-password"
OWNER = Actor(name="command line")
A = ConversationId("cv_a")


def after(**time: float) -> datetime:
    return START + timedelta(**time)


class CountingHasher(PasswordHasher):
    """Counts proofs. With `hold` a proof waits until the test lets it go."""

    def __init__(self, **parameters: int) -> None:
        super().__init__(**{**CHEAP, **parameters})
        self.proofs: list[str] = []
        self.begun = threading.Event()
        self.hold: threading.Event | None = None

    __slots__ = ("begun", "hold", "proofs")

    def verify(self, hash: Any, password: Any) -> Any:
        self.proofs.append(str(hash))
        self.begun.set()
        if self.hold:
            assert self.hold.wait(10)
        return super().verify(hash, password)


@contextmanager
def open_register(folder: Path, hasher: PasswordHasher | None = None) -> Iterator[SqlStaff]:
    """The register in `folder`, with proofs that cost next to nothing."""
    url = f"sqlite:///{folder / 'firstline.db'}"
    open_store(url).close()
    engine = make_engine(url, writes=True)
    metadata.create_all(engine)
    register = SqlStaff(engine, make_engine(url), hasher=hasher or PasswordHasher(**CHEAP))
    try:
        yield register
    finally:
        register.close()


@pytest.fixture(params=["sqlite"])
def register(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StaffRegister]:
    with open_register(tmp_path) as made:
        yield made


def member(name: str = "desk.one", **given: Any) -> StaffMember:
    values: dict[str, Any] = {"display_name": "Desk One", "role": "human_agent", "created_at": START, **given}
    return StaffMember(staff_id=StaffId(f"st_{name}"), name=name, **values)


async def add(
    register: StaffRegister, name: str = "desk.one", *, password: str = PASSWORD, **given: Any
) -> StaffMember:
    made = member(name, **given)
    assert await register.add(made, password=password, by=OWNER, at=START)
    return made


async def sign_in(
    register: StaffRegister,
    name: str = "desk.one",
    password: str = PASSWORD,
    *,
    token: str = "t1",
    at: datetime = START,
) -> SignedIn | Refused:
    return await register.sign_in(name, password, token_sha256=token, address="10.0.0.1", at=at)


async def fail(register: StaffRegister, times: int, *, name: str = "desk.one", at: datetime = START) -> list[str]:
    """The reasons of so many sign-ins with a wrong password, one after the other."""
    found = [await sign_in(register, name, "not the password", at=at) for _ in range(times)]
    return [each.reason for each in found if isinstance(each, Refused)]


async def find(
    register: StaffRegister, token: str = "t1", *, at: datetime = START, seen: bool = True
) -> Caller | None:
    return await register.find_session(token, at=at, seen=seen)


async def actions(register: StaffRegister) -> list[str]:
    return [entry.action for entry in reversed(await register.read_audit())]


def change_file(folder: Path, *statements: str) -> None:
    """What somebody with access to the file might do, past all that we have set up."""
    with closing(sqlite3.connect(folder / "firstline.db")) as raw:
        for statement in statements:
            raw.execute(statement)
        raw.commit()


def stored(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "firstline.db")) as raw:
        return [row[0] for row in raw.execute(query)]


# Accounts -----------------------------------------------------------------------------------------------------------


async def test_a_member_is_found_by_id_and_by_name_and_all_are_listed_by_name(register: StaffRegister):
    two = await add(register, "desk.two", role="admin", picture="/static/two.png")
    one = await add(register)

    assert await register.find(one.staff_id) == one
    assert await register.find_name("desk.two") == two
    assert await register.list_members() == [one, two]
    assert await register.find(StaffId("st_nobody")) is None and await register.find_name("nobody") is None


async def test_a_name_is_given_once(register: StaffRegister):
    one = await add(register)
    other = one.model_copy(update={"staff_id": StaffId("st_other"), "display_name": "Other"})

    assert not await register.add(other, password="another-password", by=OWNER, at=START)

    assert await register.list_members() == [one]
    assert isinstance(await sign_in(register), SignedIn)
    assert await actions(register) == ["staff_added", "signed_in"]


async def test_a_change_changes_what_it_names_and_nothing_else(register: StaffRegister):
    one, two = await add(register, picture="/one.png"), await add(register, "desk.two")

    changed = await register.change(one.staff_id, StaffChange(role="admin", display_name="Kim"), by=OWNER, at=START)

    assert changed == one.model_copy(update={"role": "admin", "display_name": "Kim"})
    assert await register.list_members() == [changed, two]
    bare = await register.change(one.staff_id, StaffChange(picture=""), by=OWNER, at=START)
    assert bare is not None and bare.picture is None and bare == await register.find(one.staff_id)


async def test_a_change_of_nobody_and_a_change_of_nothing_leave_no_trace(register: StaffRegister):
    one = await add(register)

    assert await register.change(StaffId("st_nobody"), StaffChange(role="admin"), by=OWNER, at=START) is None
    assert await register.change(one.staff_id, StaffChange(), by=OWNER, at=START) == one

    assert await actions(register) == ["staff_added"]


async def test_what_was_changed_is_in_the_audit_log_but_no_password(register: StaffRegister, tmp_path: Path):
    one = await add(register, password="canary-password-1")
    await register.change(one.staff_id, StaffChange(role="admin"), by=OWNER, at=START, password="canary-password-2")
    await sign_in(register, "canary-typed-as-name", "canary-password-3")

    changed = (await register.read_audit())[1]
    assert changed.detail == {"name": "desk.one", "role": "admin", "password": "new"}
    assert changed.actor == "command line" and changed.staff_id is None
    files = b"".join(file.read_bytes() for file in tmp_path.glob("firstline.db*"))
    assert b"desk.one" in files and b"canary" not in files


# Passwords ----------------------------------------------------------------------------------------------------------


async def test_the_right_password_signs_in_however_the_name_is_typed(register: StaffRegister):
    one = await add(register)

    found = await sign_in(register, " Desk.ONE ")

    assert isinstance(found, SignedIn) and found.member == one
    caller = await find(register)
    assert caller is not None and caller.member == one and caller.session == found.session


async def test_a_password_is_the_same_on_every_keyboard(register: StaffRegister):
    await add(register, password="größer-als-zwölf")

    assert isinstance(await sign_in(register, password="gro\u0308ßer-als-zwo\u0308lf"), SignedIn)


@pytest.mark.parametrize(
    ("name", "password", "reason"),
    [
        ("desk.one", "not the password", "wrong"),
        ("desk.one", PASSWORD.upper(), "wrong"),
        ("desk.one", "", "wrong"),
        ("nobody", PASSWORD, "unknown"),
        ("", PASSWORD, "unknown"),
        ("gone", PASSWORD, "disabled"),
        ("gone", "not the password", "wrong"),
    ],
)
async def test_anything_else_is_refused_and_opens_no_session(
    register: StaffRegister, name: str, password: str, reason: str
):
    await add(register)
    await add(register, "gone", disabled=True)

    assert await sign_in(register, name, password) == Refused(reason=reason)

    assert await find(register) is None
    (entry, *_) = await register.read_audit()
    assert entry.action == "sign_in_failed" and entry.detail == {"reason": reason, "address": "10.0.0.1"}
    assert entry.actor == ("unknown" if reason == "unknown" else name)


async def test_an_unknown_name_costs_a_proof_of_the_same_price(tmp_path: Path):
    hasher = CountingHasher()
    with open_register(tmp_path, hasher) as register:
        await add(register)
        await sign_in(register, "desk.one", "not the password")
        await sign_in(register, "nobody", "not the password")

    known, unknown = hasher.proofs
    assert known.split("$")[:4] == unknown.split("$")[:4] and known != unknown


async def test_passwords_are_kept_as_the_library_advises_today(tmp_path: Path):
    with open_register(tmp_path, PasswordHasher()) as register:
        await add(register)

    (kept,) = stored(tmp_path, "SELECT password_hash FROM staff")
    assert kept.startswith("$argon2id$") and not PasswordHasher().check_needs_rehash(kept)


async def test_a_hash_of_yesterdays_price_is_replaced_at_the_next_sign_in(tmp_path: Path):
    with open_register(tmp_path) as register:
        await add(register)
    dearer = CountingHasher(time_cost=2)
    with open_register(tmp_path, dearer) as register:
        await sign_in(register, password="not the password")
        (before,) = stored(tmp_path, "SELECT password_hash FROM staff")
        assert isinstance(await sign_in(register), SignedIn)
        (kept,) = stored(tmp_path, "SELECT password_hash FROM staff")
        assert isinstance(await sign_in(register, token="t2"), SignedIn)

    assert ",t=1," in before and ",t=2," in kept


async def test_who_is_disabled_while_the_password_is_proved_gets_no_session(tmp_path: Path):
    hasher = CountingHasher()
    with open_register(tmp_path, hasher) as register:
        one = await add(register)
        hasher.hold = threading.Event()
        signing = asyncio.create_task(sign_in(register))
        await asyncio.to_thread(hasher.begun.wait, 10)
        await register.change(one.staff_id, StaffChange(disabled=True), by=OWNER, at=START)
        hasher.hold.set()

        assert await signing == Refused(reason="disabled")
        assert stored(tmp_path, "SELECT count(*) FROM staff_sessions") == [0]


# Locks --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["desk.one", "nobody"])
async def test_five_failures_lock_a_name_for_a_quarter_of_an_hour_known_or_not(register: StaffRegister, name: str):
    await add(register)
    first = await fail(register, 4, name=name, at=after(minutes=0))
    fifth = await fail(register, 1, name=name, at=after(minutes=14))

    assert {*first, *fifth} == {"wrong" if name == "desk.one" else "unknown"}
    locked = Refused(reason="locked", retry_at=after(minutes=29))
    assert await sign_in(register, name, at=after(minutes=14)) == locked
    assert await sign_in(register, name, at=after(minutes=28, seconds=59)) == locked
    later = await sign_in(register, name, at=after(minutes=29))
    assert isinstance(later, SignedIn) if name == "desk.one" else later == Refused(reason="unknown")


async def test_a_lock_costs_no_proof_and_is_noted_once(tmp_path: Path):
    hasher = CountingHasher()
    with open_register(tmp_path, hasher) as register:
        await add(register)
        await fail(register, 9)

        assert len(hasher.proofs) == 5
        assert await actions(register) == ["staff_added", *["sign_in_failed"] * 5, "locked_out"]


async def test_after_a_lock_five_more_failures_are_needed_for_the_next(register: StaffRegister):
    await add(register)
    await fail(register, 5)

    assert await fail(register, 6, at=after(minutes=15)) == ["wrong"] * 5 + ["locked"]


async def test_a_sign_in_forgets_the_failures_before_it(register: StaffRegister):
    await add(register)
    await fail(register, 4)
    await sign_in(register)

    assert await fail(register, 4) == ["wrong"] * 4
    assert isinstance(await sign_in(register, token="t2"), SignedIn)


async def test_failures_that_are_far_apart_lock_nothing(register: StaffRegister):
    await add(register)

    for number in range(12):
        assert await fail(register, 1, at=after(minutes=4 * number)) == ["wrong"]


async def test_a_lock_is_one_names_own(register: StaffRegister):
    await add(register)
    await add(register, "desk.two")
    await fail(register, 5)

    assert isinstance(await sign_in(register, "desk.two"), SignedIn)


async def test_a_lock_is_still_there_after_a_restart(tmp_path: Path):
    with open_register(tmp_path) as register:
        await add(register)
        await fail(register, 5)
    with open_register(tmp_path) as register:
        assert await sign_in(register) == Refused(reason="locked", retry_at=after(minutes=15))


async def test_many_tries_at_once_are_no_more_tries(tmp_path: Path):
    hasher = CountingHasher()
    with open_register(tmp_path, hasher) as register:
        await add(register)
        found = await asyncio.gather(*(sign_in(register, password="not the password") for _ in range(20)))

        reasons = [each.reason for each in found if isinstance(each, Refused)]
        assert sorted(reasons) == ["locked"] * 15 + ["wrong"] * 5 and len(hasher.proofs) == 5
        assert (await actions(register)).count("locked_out") == 1


async def test_a_new_password_ends_the_lock(register: StaffRegister):
    one = await add(register)
    await fail(register, 5)
    await register.change(one.staff_id, StaffChange(), by=OWNER, at=START, password="another-password")

    assert await sign_in(register) == Refused(reason="wrong")
    assert isinstance(await sign_in(register, password="another-password"), SignedIn)


async def test_failures_are_not_kept_longer_than_they_matter(register: StaffRegister, tmp_path: Path):
    await fail(register, 3, name="nobody")
    await fail(register, 1, name="somebody", at=after(minutes=31))

    assert stored(tmp_path, "SELECT count(*) FROM staff_failures") == [1]


# Sessions -----------------------------------------------------------------------------------------------------------


async def test_a_session_that_nobody_uses_ends_after_two_hours(register: StaffRegister):
    await add(register)
    await sign_in(register)

    assert await find(register, at=after(hours=1, minutes=59), seen=False) is not None
    assert await find(register, at=after(hours=2), seen=False) is None


async def test_use_keeps_a_session_but_never_beyond_twelve_hours(register: StaffRegister):
    await add(register)
    await sign_in(register)

    for hour in range(1, 12):
        assert await find(register, at=after(hours=hour)) is not None
    assert await find(register, at=after(hours=11, minutes=59)) is not None
    assert await find(register, at=after(hours=12)) is None


async def test_use_is_written_down_at_most_once_a_minute(register: StaffRegister, tmp_path: Path):
    await add(register)
    await sign_in(register)
    ends: list[str] = []
    for seconds in (0, 30, 59, 60, 90, 119, 120):
        await find(register, at=after(seconds=seconds))
        ends += stored(tmp_path, "SELECT expires_at FROM staff_sessions")

    assert [end[14:19] for end in ends] == ["00:00", "00:00", "00:00", "01:00", "01:00", "01:00", "02:00"]


async def test_an_ended_session_is_over_and_ending_it_again_is_no_error(register: StaffRegister):
    await add(register)
    await sign_in(register)
    for _ in range(2):
        await register.end_session("t1", at=START)

    assert await find(register) is None
    assert await actions(register) == ["staff_added", "signed_in", "signed_out"]
    out, in_, _ = await register.read_audit()
    assert out.detail["session"] == in_.detail["session"]


async def test_a_disabled_member_is_out_at_once_and_for_good(register: StaffRegister):
    one, _ = await add(register), await add(register, "desk.two")
    await sign_in(register)
    await sign_in(register, "desk.two", token="t2")
    await register.change(one.staff_id, StaffChange(disabled=True), by=OWNER, at=START)

    assert await find(register) is None
    assert await find(register, "t2") is not None
    await register.change(one.staff_id, StaffChange(disabled=False), by=OWNER, at=START)
    assert await find(register) is None
    assert isinstance(await sign_in(register, token="t3"), SignedIn)


async def test_a_new_password_ends_every_session_of_the_member(register: StaffRegister):
    one = await add(register)
    for token in ("t1", "t2"):
        await sign_in(register, token=token)
    await register.change(one.staff_id, StaffChange(), by=OWNER, at=START, password="another-password")

    assert await find(register, "t1") is None and await find(register, "t2") is None


async def test_all_sessions_of_a_member_can_be_ended(register: StaffRegister):
    one, _ = await add(register), await add(register, "desk.two")
    await sign_in(register)
    await sign_in(register, token="t2")
    await sign_in(register, "desk.two", token="t3")

    assert await register.end_sessions(one.staff_id) == 2
    assert [await find(register, token) is None for token in ("t1", "t2", "t3")] == [True, True, False]


async def test_a_changed_role_holds_from_the_next_request_on(register: StaffRegister):
    one = await add(register)
    await sign_in(register)
    await register.change(one.staff_id, StaffChange(role="viewer"), by=OWNER, at=START)

    caller = await find(register)
    assert caller is not None and caller.member.role == "viewer"


async def test_a_session_without_a_password_is_only_for_members_who_may_come_in(register: StaffRegister):
    one, gone = await add(register), await add(register, "gone", disabled=True)
    opened = [
        await register.open_session(staff_id, token_sha256=f"t_{staff_id}", address="", at=START)
        for staff_id in (one.staff_id, gone.staff_id, StaffId("st_nobody"))
    ]

    assert [each is not None for each in opened] == [True, False, False]
    assert await find(register, f"t_{one.staff_id}") is not None


async def test_sessions_outlive_a_restart_and_the_ones_that_are_over_are_cleared_away(tmp_path: Path):
    with open_register(tmp_path) as register:
        await add(register)
        await sign_in(register)
    with open_register(tmp_path) as register:
        assert await find(register, at=after(hours=1)) is not None
        await sign_in(register, token="t2", at=after(hours=13))
    assert stored(tmp_path, "SELECT token_sha256 FROM staff_sessions") == ["t2"]


# Trouble ------------------------------------------------------------------------------------------------------------


async def test_a_change_is_not_made_when_it_cannot_be_noted(register: StaffRegister, tmp_path: Path):
    one = await add(register)
    change_file(tmp_path, "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END")

    with pytest.raises(StoreUnavailable):
        await register.change(one.staff_id, StaffChange(role="admin"), by=OWNER, at=START)
    with pytest.raises(StoreUnavailable):
        await sign_in(register)

    assert await register.find(one.staff_id) == one
    assert await find(register) is None


async def test_a_register_that_cannot_be_read_is_unavailable(register: StaffRegister, tmp_path: Path):
    change_file(tmp_path, "DROP TABLE staff_sessions")

    with pytest.raises(StoreUnavailable, match="cannot be read"):
        await find(register)
