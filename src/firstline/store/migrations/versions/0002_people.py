"""People: the records for inbox and report, the staff with their sessions, the audit log, deliveries to other desks.

The tables are made as the code has them: whoever changes one of them later writes its shape of today out here.
Records are made from the log: a later version may drop their tables and make them anew. What said that a customer
asked for a person was called `handoff.accepted`; that name now belongs to the human agent who accepts.
"""

import sqlalchemy as sa
from alembic import op

from firstline.store.deliveries import ALL_TABLES as DESK_TABLES
from firstline.store.records import ALL_TABLES
from firstline.store.staff import failures, sessions, staff
from firstline.store.staff_audit import audit, audit_head

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table in (*ALL_TABLES, *DESK_TABLES, staff, sessions, failures, audit, audit_head):
        table.create(op.get_bind())
    op.execute(
        "UPDATE events SET type = 'handoff.requested', "
        'body = replace(body, \'"type":"handoff.accepted"\', \'"type":"handoff.requested"\') '
        "WHERE type = 'handoff.accepted'"
    )
    op.create_index(
        "events_handoffs", "events", ["conversation_id"], sqlite_where=sa.text("type = 'handoff.requested'")
    )
