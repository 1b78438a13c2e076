"""Opening the embedded store: one process, the right version, or a clear error before anything is written."""

import fcntl
import sqlite3
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
import sqlalchemy.event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError

from firstline.errors import ConfigError, Problem
from firstline.events import Logged, load_event
from firstline.store.deliveries import SqlDeliveries
from firstline.store.publications import SqlPublications
from firstline.store.records import SqlRecords
from firstline.store.sql import SqlStore
from firstline.types import ConversationId

HEAD = "0006"
"""The newest migration; a test holds it against the folder of migrations."""

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 5


def open_store(url: str) -> SqlStore:
    """The store at a `sqlite:///` URL, created or migrated to this version.

    Raises: ConfigError (folder not writable, file is no store, written by a newer version).
    """
    engine, reader = make_engine(url, writes=True), make_engine(url)
    path = Path(str(engine.url.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        version = _version(engine, path)
        if version != HEAD:
            _migrate(url, version, path)
        with engine.begin() as connection:  # says now, not at the first customer, that nothing can be written
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS writable (probe INTEGER)")
            connection.exec_driver_sql("DROP TABLE writable")
        with reader.connect() as connection:  # what a killed process erased may still stand in the write-ahead log
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    except (DatabaseError, OSError) as error:
        why = error.orig if isinstance(error, DatabaseError) else error
        raise ConfigError(
            Problem(
                what=f"the store cannot be opened: {why}",
                remedy="give a folder that can be written in FIRSTLINE_DATA, with space on its disk",
                path=path,
            )
        ) from error
    return SqlStore(engine, reader)


def has_store(url: str) -> bool:
    """Whether something is there already."""
    return Path(str(sa.make_url(url).database)).exists()


def open_records(store: SqlStore) -> SqlRecords:
    """The records in the same file."""
    return SqlRecords(store.engine, store.reader)


def open_deliveries(store: SqlStore) -> SqlDeliveries:
    """What is still to be told to other desks, in the same file."""
    return SqlDeliveries(store.engine, store.reader)


def open_publications(store: SqlStore) -> SqlPublications:
    """What was published, in the same file."""
    return SqlPublications(store.engine, store.reader)


def make_engine(url: str, *, writes: bool = False) -> sa.Engine:
    """A SQLite engine as the store wants it: write-ahead log, survives kill -9, erased text is overwritten.

    Without `writes` every statement stands alone, and a reader never waits for a writer.
    """
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    sqlalchemy.event.listen(engine, "connect", _prepare)
    if writes:
        sqlalchemy.event.listen(engine, "begin", _begin)
    return engine


def lock_folder(folder: Path) -> IO[bytes]:
    """The lock that keeps a second process out; held until the file is closed or the process ends, however."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "firstline.lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise ConfigError(
            Problem(
                what="another firstline already works in this folder",
                remedy="stop it, or give this one a folder of its own in FIRSTLINE_DATA",
                path=folder,
            )
        ) from None
    return lock


def _prepare(connection: DBAPIConnection, record: Any) -> None:
    connection.isolation_level = None  # pyright: ignore[reportAttributeAccessIssue]  # we begin ourselves, below
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    """A writer takes the lock at once: two that upgrade from reading would only find out at the commit."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _version(engine: sa.Engine, path: Path) -> str | None:
    """The version that the file says it has, None for a new one. Raises ConfigError for somebody else's file."""
    with engine.begin() as connection:
        tables = sa.inspect(connection).get_table_names()
        if "alembic_version" not in tables and tables:
            remedy = "give another file in FIRSTLINE_STORE; nothing was changed in this one"
            raise ConfigError(Problem("this database belongs to another program", remedy, path))
        if not tables:
            return None
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _migrate(url: str, version: str | None, path: Path) -> None:
    if version is not None and version > HEAD:
        raise ConfigError(
            Problem(
                what=f"the store was written by a newer firstline (its version is {version}, ours {HEAD})",
                remedy="use that firstline again, or another folder in FIRSTLINE_DATA; nothing was changed",
                path=path,
            )
        )
    from alembic import command  # noqa: PLC0415  # a third of a second, for the first start of all
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = make_engine(url, writes=True)
    command.upgrade(config, "head")


def read_paths(url: str, bundle: str) -> list[tuple[str, int]]:
    """How many conversations took each path, the commonest first; none when there is no store yet.

    Reads beside a running server. Raises: ConfigError (the file is of another version, or no store).
    """
    path = Path(str(sa.make_url(url).database))
    if not path.exists():
        return []
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            wanted = (
                "SELECT path, count(*) FROM records WHERE bundle = ? AND n_customer > 0 GROUP BY path ORDER BY 2 DESC"
            )
            found: list[tuple[str, int]] = connection.execute(wanted, (bundle,)).fetchall()
    except sqlite3.Error as error:
        raise ConfigError(
            Problem(f"the store cannot be read: {error}", "serve it once with this version", path)
        ) from None
    return found


def check_integrity(url: str) -> str:
    """`ok`, or what SQLite finds wrong with the file."""
    path = str(sa.make_url(url).database)
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        found: tuple[str] = connection.execute("PRAGMA integrity_check").fetchone()
    return found[0]


def read_logs(
    url: str, bundle: str, *, since: str | None = None, limit: int = 1_000
) -> list[tuple[ConversationId, list[Logged]]]:
    """The logs of a bundle's conversations that customers wrote in, the newest first; none without a store.

    since: ISO date of the earliest start. Reads beside a running server. Raises: ConfigError.
    """
    path = Path(str(sa.make_url(url).database))
    if not path.exists():
        return []
    wanted = (
        "SELECT conversation_id FROM records WHERE bundle = ? AND n_customer > 0 AND started_at >= ? "
        "ORDER BY started_at DESC LIMIT ?"
    )
    events = "SELECT seq, body FROM events WHERE conversation_id = ? ORDER BY seq"
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            found = [row[0] for row in connection.execute(wanted, (bundle, since or "", limit))]
            return [
                (
                    ConversationId(each),
                    [Logged(seq, load_event(body)) for seq, body in connection.execute(events, (each,))],
                )
                for each in found
            ]
    except sqlite3.Error as error:
        raise ConfigError(
            Problem(f"the store cannot be read: {error}", "serve it once with this version", path)
        ) from None
