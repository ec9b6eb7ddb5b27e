"""The first tables of the room."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "prompts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("image", sa.Text),
    )
    op.create_table(
        "clips",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("prompt", sa.Text, sa.ForeignKey("prompts.id"), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("rating", sa.Text, nullable=False),
        sa.Column("split", sa.Text, nullable=False),
        sa.Column("motion", sa.Text, nullable=False),
        sa.Column("n_frames", sa.Integer, nullable=False),
        sa.Column("rate", sa.Float(53), nullable=False),
        sa.Column("flashing", sa.Boolean, nullable=False),
        sa.Column("added_at_s", sa.Float(53), nullable=False),
    )
    op.create_index("ix_clips_prompt", "clips", ["prompt"])
    op.create_index("ix_clips_sha256", "clips", ["sha256"])
    op.create_table(
        "people",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("made_at_s", sa.Float(53), nullable=False),
    )
    op.create_table(
        "invites",
        sa.Column("token_sha256", sa.Text, primary_key=True),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("uses_left", sa.Integer, nullable=False),
        sa.Column("expires_at_s", sa.Float(53), nullable=False),
        sa.Column("made_at_s", sa.Float(53), nullable=False),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("unit", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("prompt", sa.Text, sa.ForeignKey("prompts.id"), nullable=False),
        sa.Column("left", sa.Text, sa.ForeignKey("clips.id"), nullable=False),
        sa.Column("right", sa.Text, sa.ForeignKey("clips.id")),
        sa.Column("of", sa.Text, sa.ForeignKey("tasks.id")),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("motion", sa.Text, nullable=False),
        sa.Column("wanted", sa.Integer, nullable=False),
        sa.Column("n_taken", sa.Integer, nullable=False),
        sa.Column("gain", sa.Float(53), nullable=False),
        sa.Column("shuffle", sa.Float(53), nullable=False),
        sa.Column("expected", sa.JSON),
    )
    op.create_index("ix_tasks_choice", "tasks", ["kind", "source", "motion", "gain"])
    op.create_table(
        "assignments",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("task", sa.Text, sa.ForeignKey("tasks.id"), nullable=False),
        sa.Column("person", sa.Text, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("swapped", sa.Boolean, nullable=False),
        sa.Column("left_token", sa.Text, nullable=False, unique=True),
        sa.Column("right_token", sa.Text, unique=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("block", sa.Integer, nullable=False),
        sa.Column("held_until_s", sa.Float(53), nullable=False),
        sa.Column("made_at_s", sa.Float(53), nullable=False),
        sa.UniqueConstraint("task", "person", name="uq_assignments_task_person"),
    )
    op.create_index("ix_assignments_person", "assignments", ["person", "state"])
    op.create_index("ix_assignments_state", "assignments", ["state", "held_until_s"])
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("rater", sa.Text, nullable=False),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("made_at", sa.Text, nullable=False),
        sa.Column("kept_at_s", sa.Float(53), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("taxonomy_hash", sa.Text, nullable=False),
    )
    op.create_index("ix_events_rater", "events", ["rater"])
    op.create_index("ix_events_task", "events", ["task"])
    op.create_table(
        "imports",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("n_events", sa.Integer, nullable=False),
        sa.Column("at_s", sa.Float(53), nullable=False),
    )
