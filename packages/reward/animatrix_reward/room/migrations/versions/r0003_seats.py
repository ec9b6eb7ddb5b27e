"""Who rates which prompt can be chosen: seats of prompts and of people."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "seats",
        sa.Column("prompt", sa.Text, sa.ForeignKey("prompts.id"), primary_key=True),
        sa.Column("seat", sa.Integer, primary_key=True, autoincrement=False),
    )
    for table in ("people", "invites"):
        op.add_column(table, sa.Column("seat", sa.Integer))
    with op.batch_alter_table("tasks") as tasks:
        tasks.add_column(sa.Column("seated", sa.Boolean, nullable=False, server_default=sa.false()))
    with op.batch_alter_table("tasks") as tasks:
        tasks.alter_column("seated", server_default=None)
