"""Opening the embedded store: it opens, or says clearly why not, and then nothing was changed."""

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import firstline
from firstline.errors import ConfigError
from firstline.store.opening import HEAD, MIGRATIONS, check_integrity, lock_folder, open_store
from firstline.store.sql import metadata
from firstline.types import ConversationId
from tests.support.events import started

pytestmark = pytest.mark.anyio
A = ConversationId("cv_a")


def url_in(folder: Path) -> str:
    return f"sqlite:///{folder / 'firstline.db'}"


def make_store(folder: Path) -> Path:
    open_store(url_in(folder)).close()
    return folder / "firstline.db"


def refuse(url: str) -> str:
    with pytest.raises(ConfigError) as refused:
        open_store(url).close()
    (problem,) = refused.value.problems
    assert problem.remedy
    assert problem.path is not None
    return f"{problem.what} → {problem.remedy}"


def change(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as raw:
        raw.execute(statement)
        raw.commit()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


# Versions -----------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_made_with_a_store_of_our_version(tmp_path: Path) -> None:
    file = make_store(tmp_path / "deep" / "down")

    with closing(sqlite3.connect(file)) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert check_integrity(f"sqlite:///{file}") == "ok"


def test_our_version_is_the_newest_migration_in_the_folder() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def tables_of(file: Path) -> dict[str, str]:
    """Everything that was created, by name, as SQLite keeps it."""
    with closing(sqlite3.connect(file)) as raw:
        rows = raw.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: " ".join(sql.split()) for name, sql in rows if name != "alembic_version"}


def test_the_migrations_make_exactly_the_tables_that_the_code_speaks_of(tmp_path: Path) -> None:
    migrated = make_store(tmp_path)
    direct = tmp_path / "direct.db"
    engine = sa.create_engine(f"sqlite:///{direct}")
    metadata.create_all(engine)
    engine.dispose()

    assert tables_of(migrated) == tables_of(direct)
    assert {"conversations", "events", "conversations_due", "records", "staff", "audit"} <= set(tables_of(migrated))


def test_alembic_itself_finds_nothing_to_change(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{make_store(tmp_path)}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_store_from_before_waiting_was_measured_gets_the_column_and_its_days_are_summed_anew(
    tmp_path: Path,
) -> None:
    file = make_store(tmp_path)
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("DROP INDEX records_counted")
        for table in ("records", "record_sums"):
            raw.execute(f"ALTER TABLE {table} DROP COLUMN waited_seconds")
        raw.execute("CREATE INDEX records_counted ON records (started_at)")
        raw.execute("INSERT INTO record_days (until, zone, since) VALUES ('2', 'UTC', '1')")
        raw.execute("UPDATE alembic_version SET version_num = '0005'")
        raw.commit()
    make_store(tmp_path)

    engine = sa.create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.exec_driver_sql("SELECT count(*) FROM record_days").scalar() == 0
    engine.dispose()


async def test_what_was_stored_is_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    store = open_store(url_in(tmp_path))
    await store.append(A, [started()], after=0)
    store.close()

    again = open_store(url_in(tmp_path))
    assert [logged.event for logged in await again.read(A)] == [started()]
    again.close()


@pytest.mark.parametrize("version", ["9999", "0099", "ae1027a6acf0"])
def test_a_store_of_a_newer_version_is_refused_and_not_one_byte_of_it_changes(tmp_path: Path, version: str) -> None:
    file = make_store(tmp_path)
    change(file, f"UPDATE alembic_version SET version_num = '{version}'")
    before = digest(file)

    text = refuse(url_in(tmp_path))

    assert version in text
    assert "newer firstline" in text
    assert digest(file) == before


# What cannot be opened ----------------------------------------------------------------------------------------------


def test_a_path_below_a_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("I am no folder")

    assert "FIRSTLINE_DATA" in refuse(f"sqlite:///{tmp_path / 'file' / 'firstline.db'}")
    assert (tmp_path / "file").read_text() == "I am no folder"


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "firstline.db").mkdir()

    assert "the store cannot be opened" in refuse(url_in(tmp_path))


def test_a_file_that_may_only_be_read_is_refused_at_once_not_at_the_first_customer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_store(tmp_path)
    before = digest(file)
    monkeypatch.chdir(tmp_path)

    text = refuse(f"sqlite:///file:{file}?mode=ro&uri=true")

    assert "readonly" in text
    assert digest(file) == before


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "firstline.db"
    file.write_bytes(b"My diary. Dear diary, " * 500)
    before = digest(file)

    assert "not a database" in refuse(url_in(tmp_path))
    assert digest(file) == before


def test_a_store_whose_first_page_is_broken_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = make_store(tmp_path)
    broken = bytearray(file.read_bytes())
    broken[100:600] = b"\xff" * 500
    file.write_bytes(broken)
    before = digest(file)

    assert "FIRSTLINE_DATA" in refuse(url_in(tmp_path))
    assert digest(file) == before


def test_a_broken_page_in_the_middle_is_found_by_the_check(tmp_path: Path) -> None:
    file = make_store(tmp_path)
    with closing(sqlite3.connect(file)) as raw:
        rows = [("cv_a", seq, "x", "y" * 3000) for seq in range(1, 50)]
        raw.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
        raw.commit()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    broken = bytearray(file.read_bytes())
    middle = len(broken) // 2 // 4096 * 4096
    broken[middle : middle + 4096] = b"\xff" * 4096
    file.write_bytes(broken)

    try:
        found = check_integrity(f"sqlite:///{file}")
    except sqlite3.DatabaseError as error:
        found = str(error)
    assert found != "ok"


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "firstline.db"
    change(file, "CREATE TABLE contacts (name TEXT)")
    before = tables_of(file)

    refuse(url_in(tmp_path))

    assert tables_of(file) == before


# One process --------------------------------------------------------------------------------------------------------

HOLD = """
import sys
from pathlib import Path
from firstline.store.opening import lock_folder
lock = lock_folder(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another_process(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    source = str(Path(firstline.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source}
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_second_process_in_the_same_folder_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    with held_by_another_process(tmp_path), pytest.raises(ConfigError) as refused:
        lock_folder(tmp_path)

    assert "another firstline already works in this folder" in str(refused.value)
    assert "FIRSTLINE_DATA" in str(refused.value)


def test_a_process_that_was_killed_leaves_the_folder_free(tmp_path: Path) -> None:
    with held_by_another_process(tmp_path) as process:
        process.kill()
        process.wait()

        lock_folder(tmp_path).close()


def test_the_folder_is_free_again_when_the_lock_is_closed(tmp_path: Path) -> None:
    for _ in range(2):
        with lock_folder(tmp_path), pytest.raises(ConfigError):
            lock_folder(tmp_path)


def test_two_folders_do_not_disturb_each_other(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "one"), lock_folder(tmp_path / "two"):
        pass
