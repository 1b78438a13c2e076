"""Opening parts of a store for a command, also while a server works with it: no lock, and never a migration."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from firstline.errors import ConfigError, Problem
from firstline.store.judgements import SqlJudgements
from firstline.store.opening import HEAD, make_engine, open_store
from firstline.store.publications import SqlPublications
from firstline.store.staff import SqlStaff


def open_staff(url: str) -> SqlStaff:
    """The staff register of the store at a `sqlite:///` URL. Raises ConfigError, as `open_beside`."""
    return SqlStaff(*open_beside(url))


def open_published(url: str) -> SqlPublications:
    """What was published, in the store at a `sqlite:///` URL. Raises ConfigError, as `open_beside`."""
    return SqlPublications(*open_beside(url))


def open_judgements(url: str) -> SqlJudgements:
    """What judges said, in the store at a `sqlite:///` URL. Raises ConfigError, as `open_beside`."""
    return SqlJudgements(*open_beside(url))


def open_beside(url: str) -> tuple[sa.Engine, sa.Engine]:
    """The engines of a store, one that writes and one that only reads; a store that is not there yet is made.

    Raises: ConfigError (not readable, no store, of another version than ours).
    """
    path = Path(str(sa.make_url(url).database))
    if not path.exists() or path.stat().st_size == 0:
        open_store(url).close()
    engine, reader = make_engine(url, writes=True), make_engine(url)
    problem = _examine(reader, path)
    if problem is not None:
        engine.dispose()
        reader.dispose()
        raise ConfigError(problem)
    return engine, reader


def _examine(reader: sa.Engine, path: Path) -> Problem | None:
    """Why the store cannot be used; None when it can."""
    try:
        with reader.connect() as connection:
            ours = "alembic_version" in sa.inspect(connection).get_table_names()
            version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() if ours else None
    except DatabaseError as error:
        remedy = "give a folder that can be read and written in FIRSTLINE_DATA"
        return Problem(f"the store cannot be opened: {error.orig}", remedy, path)
    if version is None:
        return Problem(
            "this database belongs to another program", "give the store's own file in FIRSTLINE_STORE", path
        )
    if version == HEAD:
        return None
    age, remedy = (
        ("an older", "start this firstline once (`firstline serve`): it brings the store up to date")
        if version < HEAD
        else ("a newer", "use the firstline that serves it")
    )
    return Problem(f"the store was written by {age} firstline (its version is {version}, ours {HEAD})", remedy, path)
