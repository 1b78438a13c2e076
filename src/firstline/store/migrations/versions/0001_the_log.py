"""The log and its conversations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("due_turn", sa.Text),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("erased_at", sa.Text),
    )
    op.create_table(
        "events",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("conversations_due", "conversations", ["due_turn"], sqlite_where=sa.text("due_turn IS NOT NULL"))
