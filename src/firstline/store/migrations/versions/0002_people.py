"""People: the records for inbox and report, the staff with their sessions, the audit log, deliveries to other desks.

Records are made from the log: a later version may drop their tables and make them anew. What said that a customer
asked for a person was called `handoff.accepted`; that name now belongs to the human agent who accepts.
"""

from alembic import op

from firstline.store.records import ALL_TABLES
from firstline.store.staff import metadata

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table in ALL_TABLES:
        table.create(op.get_bind())
    metadata.create_all(op.get_bind(), checkfirst=True)
    op.execute(
        "UPDATE events SET type = 'handoff.requested', "
        'body = replace(body, \'"type":"handoff.accepted"\', \'"type":"handoff.requested"\') '
        "WHERE type = 'handoff.accepted'"
    )
