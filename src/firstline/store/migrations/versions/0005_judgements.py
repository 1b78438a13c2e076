"""What judges said of live conversations, and how far these judges may be believed."""

from alembic import op

from firstline.store.judged import ALL_TABLES

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for table in ALL_TABLES:
        table.create(op.get_bind())
