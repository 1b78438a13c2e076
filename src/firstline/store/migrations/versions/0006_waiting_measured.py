"""How long customers waited for a person; records, and the days summed, are made again with it.

Stores that this version began have the column already: 0002 and 0003 make their tables as the code has them.
"""

import sqlalchemy as sa
from alembic import op

from firstline.store.records import records
from firstline.store.sums import days, sums

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("DELETE FROM record_days")
    for table, kind in ((records, sa.Float), (days, sa.Text), (sums, sa.Text)):
        if "waited_seconds" not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns(table.name)}:
            op.add_column(table.name, sa.Column("waited_seconds", kind))
    op.execute("DROP INDEX records_counted")
    next(index for index in records.indexes if index.name == "records_counted").create(op.get_bind())
