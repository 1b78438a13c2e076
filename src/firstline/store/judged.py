"""The tables of what judges said of live conversations, and of how far each judge may be believed."""

from dataclasses import fields

import sqlalchemy as sa

from firstline.judges import Reliability
from firstline.store.sql import metadata

judgements = sa.Table(
    "judgements",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("question", sa.Text, primary_key=True),
    sa.Column("act", sa.Integer, primary_key=True),
    sa.Column("ok", sa.Integer),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sqlite_with_rowid=False,
    info={"of_conversation": True},
)
judges = sa.Table(
    "judges",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("question", sa.Text, primary_key=True),
    sa.Column("prompt", sa.Text, primary_key=True),
    *(sa.Column(each.name, sa.Integer, nullable=False) for each in fields(Reliability)),
    sqlite_with_rowid=False,
)

ALL_TABLES = (judgements, judges)
