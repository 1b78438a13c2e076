"""Records summed by day, and what takes a day's sums away when one of its records changes.

The days that are there already are summed when the service has started.
"""

from alembic import op

from firstline.store.sums import ALL_TABLES

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("DROP INDEX IF EXISTS records_grouped")
    for table in ALL_TABLES:
        table.create(op.get_bind())
