"""What was published of each bundle."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "publications",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("bundle", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("publications_of", "publications", ["bundle", "number"])
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER publications_no_{what.lower()} BEFORE {what} ON publications "
            "BEGIN SELECT RAISE(ABORT, 'publications are only added'); END"
        )
