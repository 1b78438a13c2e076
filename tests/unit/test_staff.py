"""The people who work in the inbox: rules about them, and `firstline staff`, as an operator types it."""

import io
import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import firstline
from firstline.errors import FirstlineError
from firstline.staff import (
    FAILURE_WINDOW,
    FAILURES,
    LOCKED_FOR,
    LONGEST_IDLE,
    LONGEST_SESSION,
    NO_ENTRY,
    ROLES,
    AuditEntry,
    StaffChange,
    StaffMember,
    chain_hash,
    check_password,
    expiry,
    locked_until,
    may,
    read_name,
    write_moment,
)
from firstline.staff_commands import staff_app
from firstline.store import opening
from firstline.types import HumanAgent, StaffId

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
times = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def member(**given: Any) -> StaffMember:
    values: dict[str, Any] = {"name": "desk.one", "display_name": "Desk One", "role": "human_agent", **given}
    return StaffMember(staff_id=StaffId("st_1"), created_at=START, **values)


# Rules --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", ["viewer"]),
        ("human_agent", ["viewer", "human_agent"]),
        ("admin", ["viewer", "human_agent", "admin"]),
    ],
)
def test_each_role_may_do_what_the_ones_below_it_may(role: Any, allowed: list[str]):
    assert [needed for needed in ROLES if may(role, needed)] == allowed


@pytest.mark.parametrize("name", ["a", "desk.one", "7up", "a_b-c.d", "a" * 63])
def test_a_sign_in_name_is_plain(name: str):
    assert member(name=name).name == name


@pytest.mark.parametrize("name", ["", "Desk", "desk one", ".desk", "-x", "désk", "desk\n", "a" * 64, "a/b", "a@b"])
def test_any_other_name_is_refused(name: str):
    with pytest.raises(ValidationError, match="sign-in name"):
        member(name=name)


@pytest.mark.parametrize("name", ["", " ", " Kim", "Kim\n", "Kim\u202e", "K" * 81, "a\tb"])
def test_what_customers_see_of_a_name_is_one_plain_line(name: str):
    with pytest.raises(ValidationError, match="display name"):
        member(display_name=name)
    with pytest.raises(ValidationError, match="display name"):
        StaffChange(display_name=name)


@pytest.mark.parametrize("picture", ["/static/desk.png", "https://example.com/a.png?size=2", None])
def test_a_picture_is_a_path_here_or_an_https_address(picture: str | None):
    assert member(picture=picture).picture == picture


@pytest.mark.parametrize(
    "picture", ["", "desk.png", "//example.com/a.png", "http://example.com/a.png", "javascript:1", "/a b", "/" * 501]
)
def test_any_other_picture_is_refused(picture: str):
    with pytest.raises(ValidationError, match="a picture is"):
        member(picture=picture)


def test_a_change_checks_the_new_picture_and_an_empty_one_takes_it_away():
    assert StaffChange(picture="").apply(member(picture="/a.png")).picture is None
    assert StaffChange(display_name="Kim").apply(member(picture="/a.png")).picture == "/a.png"
    with pytest.raises(ValueError, match="a picture is"):
        StaffChange(picture="desk.png").apply(member())


def test_customers_see_the_display_name_and_the_picture():
    shown = member(picture="/static/one.png").human_agent

    assert shown == HumanAgent(staff_id=StaffId("st_1"), name="Desk One", picture="/static/one.png")


@pytest.mark.parametrize(
    ("password", "wrong"),
    [
        ("eleven char", "shorter"),
        ("twelve chars", None),
        ("x" * 1000, None),
        ("x" * 1001, "longer"),
        ("desk.one.long", "sign-in name"),
        (" DESK.one.Long ", "sign-in name"),
        ("desk.one.longer", None),
    ],
)
def test_a_password_is_long_and_not_the_name(password: str, wrong: str | None):
    found = check_password("desk.one.long", password)

    assert (wrong in found) if found and wrong else found is wrong


def test_a_name_is_read_without_spaces_and_capitals():
    assert read_name(" Desk.One\n") == "desk.one"


@given(started=times, seen_after=st.timedeltas(timedelta(0), timedelta(hours=24)))
def test_a_session_ends_two_hours_after_its_use_and_twelve_after_its_start(started: datetime, seen_after: timedelta):
    ends = expiry(started, started + seen_after)

    assert ends <= started + LONGEST_SESSION
    assert ends == started + seen_after + LONGEST_IDLE or ends == started + LONGEST_SESSION


@given(st.lists(st.integers(0, 40), min_size=1, max_size=40))
def test_no_quarter_of_an_hour_holds_more_than_five_tries_however_they_are_spread(gaps: list[int]):
    """Somebody tries after so many minutes each; only what is not locked is counted."""
    tried: list[datetime] = []
    at = START
    for minutes in gaps:
        at += timedelta(minutes=minutes)
        until = locked_until(tried[::-1][:FAILURES], at)
        assert until is None or at < until <= tried[-1] + LOCKED_FOR
        if until is None:
            tried.append(at)
    for first, sixth in zip(tried, tried[FAILURES:], strict=False):
        assert sixth - first >= FAILURE_WINDOW


@given(times, times)
def test_stored_times_sort_as_times_do(one: datetime, other: datetime):
    assert (one < other) == (write_moment(one) < write_moment(other))
    assert datetime.fromisoformat(write_moment(one)) == one


def entry(**given: Any) -> AuditEntry:
    values: dict[str, Any] = {"number": 1, "at": START, "actor": "desk.one", "action": "replied", "detail": {"a": 1}}
    return AuditEntry(**{**values, "hash": "", **given})


def test_an_entrys_hash_is_the_same_on_every_machine_and_in_every_version():
    assert chain_hash(NO_ENTRY, entry()) == "fc078daaae95b99eab76b3ce59b5013659755a46c54188c82c4f15433e457c6f"
    assert chain_hash(NO_ENTRY, entry(hash="other")) == chain_hash(NO_ENTRY, entry())
    assert chain_hash(NO_ENTRY, entry(detail={"a": 1, "b": [2, "好"]})) == chain_hash(
        NO_ENTRY, entry(detail={"b": [2, "好"], "a": 1})
    )


def test_the_hash_covers_every_field_and_the_entry_before():
    other: dict[str, Any] = {
        "number": 2, "at": START + timedelta(microseconds=1), "staff_id": "st_1", "actor": "x", "action": "noted",
        "conversation_id": "cv_a", "detail": {"a": 2},
    }  # fmt: skip
    assert set(other) == set(AuditEntry.model_fields) - {"hash"}
    hashes = {chain_hash(NO_ENTRY, entry(**{name: value})) for name, value in other.items()}
    hashes |= {chain_hash(NO_ENTRY, entry()), chain_hash("1" * 64, entry())}

    assert len(hashes) == len(other) + 2


# The command line ---------------------------------------------------------------------------------------------------


@dataclass
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Done]
PASSWORD = "quite-a-long-password"


def bare(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """No setting of this machine; everything that is written is written in `folder`."""
    for name in os.environ:
        if name.upper().startswith(("FIRSTLINE_", "ANTHROPIC_")):
            patch.delenv(name)
    patch.setenv("FIRSTLINE_DATA", str(folder))
    patch.chdir(folder.parent)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bare(monkeypatch, tmp_path / "data")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process, as `firstline.cli` would; `typed` is what comes on standard input."""

    def run(*arguments: str, typed: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        try:
            staff_app(list(arguments), standalone_mode=False)
            code = 0
        except FirstlineError as error:
            print(error, file=sys.stderr)
            code = 2
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Done(code, said.out, said.err)

    return run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one account, made once: migrations and a password take a second."""
    folder = tmp_path_factory.mktemp("staff")
    with pytest.MonkeyPatch.context() as patch:
        bare(patch, folder)
        patch.setattr(sys, "stdin", io.StringIO(PASSWORD))
        staff_app(["add", "desk.one", "--display-name", "Desk One", "--password-stdin"], standalone_mode=False)
    return folder


@pytest.fixture
def desk(run: Run, made: Path, tmp_path: Path) -> Run:
    """The commands, where one account is there already."""
    copytree(made, tmp_path / "data")
    return run


def password_of(folder: Path, name: str) -> str:
    with closing(sqlite3.connect(folder / "data" / "firstline.db")) as raw:
        return raw.execute("SELECT password_hash FROM staff WHERE name=?", (name,)).fetchone()[0]


def test_the_first_account_makes_the_store(run: Run, tmp_path: Path):
    done = run(
        "add", "Desk.One", "--display-name", "Desk One", "--role", "admin", "--picture", "/static/one.png",
        "--password-stdin", typed=f"{PASSWORD}\r\n",
    )  # fmt: skip

    assert (done.code, done.out) == (0, "") and "desk.one can sign in as admin" in done.err
    assert PasswordHasher().verify(password_of(tmp_path, "desk.one"), PASSWORD)
    (row,) = run("list", "--json").rows
    assert row | {"staff_id": "", "created_at": ""} == {
        "staff_id": "", "name": "desk.one", "display_name": "Desk One", "role": "admin", "picture": "/static/one.png",
        "disabled": False, "created_at": "",
    }  # fmt: skip


def test_a_made_up_password_is_all_that_is_printed(run: Run, tmp_path: Path):
    added = run("add", "desk.one", "--display-name", "Desk One", "--generate")
    assert len(added.out.strip()) >= 24
    assert PasswordHasher().verify(password_of(tmp_path, "desk.one"), added.out.strip())

    changed = run("password", "desk.one", "--generate")
    assert changed.out != added.out
    assert PasswordHasher().verify(password_of(tmp_path, "desk.one"), changed.out.strip())


REFUSED = {
    "a short password": (["password", "desk.one", "--password-stdin"], "short", "shorter than 12"),
    "no password": (["password", "desk.one", "--password-stdin"], "", "shorter than 12"),
    "nobody to ask": (["password", "desk.one"], "", "--password-stdin or --generate"),
    "two ways": (["password", "desk.one", "--password-stdin", "--generate"], PASSWORD, "not both"),
    "a name that is taken": (["add", "desk.one", "--display-name", "x", "--generate"], "", "called desk.one already"),
    "a name that is none": (["add", "desk one", "--display-name", "x", "--generate"], "", "a sign-in name has"),
    "a display name that is none": (["add", "two", "--display-name", " ", "--generate"], "", "a display name has"),
    "a picture that is none": (
        ["add", "two", "--display-name", "x", "--picture", "two.png", "--generate"], "", "a picture is a path",
    ),
    "a name of the demo": (["add", "demo-x", "--display-name", "x", "--generate"], "", "the demo's own"),
    "a password for the demo": (["password", "demo-admin", "--generate"], "", "the demo's own"),
    "nobody's name": (["disable", "nobody"], "", "nobody is called nobody"),
    "the name as its password": (
        ["add", "desk.one.and.two", "--display-name", "x", "--password-stdin"],
        "Desk.One.And.Two",
        "is the sign-in name",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_says_why_and_what_to_do_and_changes_nothing(desk: Run, tmp_path: Path, case: str):
    arguments, typed, reason = REFUSED[case]
    before = (password_of(tmp_path, "desk.one"), desk("list", "--json").out)

    done = desk(*arguments, typed=typed)

    assert done.code == 2 and done.out == ""
    assert reason in done.err and "→" in done.err
    assert (password_of(tmp_path, "desk.one"), desk("list", "--json").out) == before


def test_disabling_and_enabling_show_in_the_list(desk: Run):
    assert desk("disable", "Desk.One").code == 0
    assert desk("list", "--json").rows[0]["disabled"] is True
    assert "disabled" in desk("list").out
    assert desk("enable", "desk.one").code == 0
    assert desk("list", "--json").rows[0]["disabled"] is False


def test_an_empty_list_says_how_to_begin(run: Run):
    assert "firstline staff add" in run("list").err
    assert run("list", "--json").out == ""


def test_it_works_beside_a_server_that_holds_the_folder(desk: Run, tmp_path: Path):
    with opening.lock_folder(tmp_path / "data"):
        assert desk("disable", "desk.one").code == 0


def test_a_broken_audit_log_is_an_exit_code_of_one(desk: Run, tmp_path: Path):
    assert "is whole" in desk("audit").out
    with closing(sqlite3.connect(tmp_path / "data" / "firstline.db")) as raw:
        raw.executescript("DROP TRIGGER audit_no_update; UPDATE audit SET actor='x' WHERE number=1;")

    done: Any = staff_app(["audit"], standalone_mode=False)
    assert done == 1


@pytest.mark.parametrize(
    ("version", "said"), [("0000", "firstline serve"), ("9999", "use the firstline that serves it")]
)
def test_a_store_of_another_version_is_left_as_it_is(desk: Run, tmp_path: Path, version: str, said: str):
    with closing(sqlite3.connect(tmp_path / "data" / "firstline.db")) as raw:
        raw.executescript(f"UPDATE alembic_version SET version_num='{version}'")

    done = desk("disable", "desk.one")
    assert done.code == 2 and said in done.err and version in done.err


def test_a_file_that_is_no_store_is_refused_and_an_empty_one_is_filled(run: Run, tmp_path: Path):
    file = tmp_path / "data" / "firstline.db"
    file.parent.mkdir()
    file.write_bytes(b"My diary. Dear diary, " * 500)
    done = run("list")
    assert done.code == 2 and "not a database" in done.err and "→" in done.err

    file.write_bytes(b"")
    assert run("list").code == 0
    file.unlink()
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("CREATE TABLE contacts (name TEXT)")
    assert "another program" in run("list").err


WORDS = "horse battery staple"
ASK = "from firstline.staff_commands import staff_app; staff_app()"


def test_a_password_is_asked_for_twice_and_never_shown(desk: Run, tmp_path: Path):
    """At a real terminal: first two that differ, then two that are the same."""
    ours, theirs = pty.openpty()
    place = {**os.environ, "PYTHONPATH": str(Path(firstline.__file__).parents[1]), "NO_COLOR": "1"}
    command = [sys.executable, "-c", ASK, "password", "desk.one"]
    shown = b""
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=place) as asked:
        os.close(theirs)
        for number, typed in enumerate(("mistyped-password", "another-password", WORDS, WORDS), start=1):
            while len(re.findall(rb"(?:Password|Once more): ", shown)) < number:
                shown += os.read(ours, 1024)
            os.write(ours, typed.encode() + b"\n")
        assert asked.wait(30) == 0
    os.close(ours)

    assert b"do not match" in shown
    assert not re.search(rb"mistyped|another|horse", shown)
    assert PasswordHasher().verify(password_of(tmp_path, "desk.one"), WORDS)
