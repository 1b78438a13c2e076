"""What was published of each bundle, in the store's SQLite file: a table that refuses changes and only grows.

No conversation stands here, and nothing of it is ever erased: it tells for as long as there are conversations which
revision they had.
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
import sqlalchemy.event
from sqlalchemy.exc import DBAPIError

from firstline.errors import Conflict, StoreUnavailable
from firstline.publishing import Publication
from firstline.store.records import records
from firstline.store.sql import metadata

publications = sa.Table(
    "publications",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("bundle", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)
sa.Index("publications_of", publications.c.bundle, publications.c.number)

for _what in ("UPDATE", "DELETE"):
    _refusal = (
        f"CREATE TRIGGER publications_no_{_what.lower()} BEFORE {_what} ON publications "
        "BEGIN SELECT RAISE(ABORT, 'publications are only added'); END"
    )
    sqlalchemy.event.listen(publications, "after_create", sa.DDL(_refusal))

_NEWEST = sa.select(sa.func.coalesce(sa.func.max(publications.c.number), 0))


class SqlPublications:
    """`Publications` on two engines made by `make_engine`, one that writes and one that only reads."""

    def __init__(self, engine: sa.Engine, reader: sa.Engine) -> None:
        self._engine = engine
        self._reader = reader

    def close(self) -> None:
        self._engine.dispose()
        self._reader.dispose()

    def newest(self) -> int:
        try:
            with self._reader.connect() as connection:
                return int(connection.scalar(_NEWEST) or 0)
        except DBAPIError as error:
            raise StoreUnavailable("the store cannot be read") from error

    def history(self, bundle: str) -> Sequence[Publication]:
        own = sa.select(publications.c.number, publications.c.body).where(publications.c.bundle == bundle)
        try:
            with self._reader.connect() as connection:
                rows = connection.execute(own.order_by(publications.c.number)).all()
        except DBAPIError as error:
            raise StoreUnavailable("the store cannot be read") from error
        return [Publication.model_validate_json(row.body).model_copy(update={"number": row.number}) for row in rows]

    def add(self, publication: Publication, *, after: int) -> Publication:
        row = {"bundle": publication.bundle, "body": publication.model_dump_json(exclude={"number"})}
        try:
            with self._engine.begin() as connection:  # holds the file's lock from here on
                last = connection.scalar(_NEWEST.where(publications.c.bundle == publication.bundle))
                if last != after:
                    raise Conflict(f"{publication.bundle} was published by somebody else meanwhile")
                added = connection.execute(publications.insert().values(row)).inserted_primary_key
        except DBAPIError as error:
            raise StoreUnavailable("the store cannot be written") from error
        assert added is not None
        return publication.model_copy(update={"number": added[0]})

    def count_conversations(self, bundle: str) -> Mapping[str, int]:
        """How many conversations in which a customer wrote each revision has had, by their records."""
        wanted = (
            sa.select(records.c.revision, sa.func.count())
            .where(records.c.bundle == bundle, records.c.n_customer > 0)
            .group_by(records.c.revision)
        )
        try:
            with self._reader.connect() as connection:
                return {row[0]: row[1] for row in connection.execute(wanted)}
        except DBAPIError as error:
            raise StoreUnavailable("the store cannot be read") from error
