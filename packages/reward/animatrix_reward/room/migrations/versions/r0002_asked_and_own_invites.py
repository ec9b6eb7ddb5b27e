"""Pairs that somebody asked for come first; an invitation may be one person's own."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("tasks") as tasks:
        tasks.add_column(sa.Column("asked", sa.Boolean, nullable=False, server_default=sa.false()))
    with op.batch_alter_table("tasks") as tasks:
        tasks.alter_column("asked", server_default=None)
    with op.batch_alter_table("invites") as invites:
        invites.add_column(sa.Column("person", sa.Text))
        invites.create_foreign_key("fk_invites_person", "people", ["person"], ["id"])
