"""The room's tables. Events are only ever added; everything else can be told from clips, people and events.

Times are seconds since 1970 (`_s`), so that both databases and every zone agree.
"""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy
from sqlalchemy import JSON, Float, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    """What all tables share: the types that the annotations below stand for."""

    type_annotation_map: ClassVar = {str: Text, dict[str, Any]: JSON, list[str]: JSON, float: Float(53)}


class Prompt(Table):
    """What was asked of a model: words, tags {field: [values]}, and perhaps a picture's path."""

    __tablename__ = "prompts"
    id: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]
    tags: Mapped[dict[str, Any]]
    image: Mapped[str | None]


class Seat(Table):
    """Who rates a prompt, where somebody chose: the raters with these numbers, and nobody else."""

    __tablename__ = "seats"
    prompt: Mapped[str] = mapped_column(ForeignKey("prompts.id"), primary_key=True)
    seat: Mapped[int] = mapped_column(primary_key=True)


class Clip(Table):
    """One clip. `motion` is the stratum it is balanced by; `flashing` is AniCaption's measure of it."""

    __tablename__ = "clips"
    id: Mapped[str] = mapped_column(primary_key=True)
    prompt: Mapped[str] = mapped_column(ForeignKey("prompts.id"), index=True)
    model: Mapped[str]
    path: Mapped[str]
    sha256: Mapped[str] = mapped_column(index=True)
    rating: Mapped[str]
    split: Mapped[str]
    motion: Mapped[str]
    n_frames: Mapped[int]
    rate: Mapped[float]
    flashing: Mapped[bool]
    added_at_s: Mapped[float]


class Person(Table):
    """Somebody who may enter. `epoch` grows when all their sessions end; `seat` is their number in a study."""

    __tablename__ = "people"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    roles: Mapped[list[str]]
    epoch: Mapped[int]
    active: Mapped[bool]
    seat: Mapped[int | None]
    made_at_s: Mapped[float]


class Invite(Table):
    """An invitation, for anybody who gets it, for one `person`, or to one `seat`. Only a hash of its token is kept."""

    __tablename__ = "invites"
    token_sha256: Mapped[str] = mapped_column(primary_key=True)
    roles: Mapped[list[str]]
    person: Mapped[str | None] = mapped_column(ForeignKey("people.id", name="fk_invites_person"))
    seat: Mapped[int | None]
    uses_left: Mapped[int]
    expires_at_s: Mapped[float]
    made_at_s: Mapped[float]


class Task(Table):
    """One thing to judge, made when its clips came in, and asked for when somebody gets it.

    `unit` says what is judged and is never judged under two tasks; repeats and settlements name the task they are `of`.
    `source` is "" until the task is first given away; `wanted` people shall see it (0: everybody, as for gold), only
    those with a seat of its prompt if `seated`; `n_taken` have, or hold it now. `gain` is the expected information of
    one more vote, `shuffle` breaks ties.
    """

    __tablename__ = "tasks"
    id: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    prompt: Mapped[str] = mapped_column(ForeignKey("prompts.id"))
    left: Mapped[str] = mapped_column(ForeignKey("clips.id"))
    right: Mapped[str | None] = mapped_column(ForeignKey("clips.id"))
    of: Mapped[str | None] = mapped_column(ForeignKey("tasks.id"))
    source: Mapped[str]
    motion: Mapped[str]
    wanted: Mapped[int]
    n_taken: Mapped[int]
    gain: Mapped[float]
    shuffle: Mapped[float]
    asked: Mapped[bool]
    seated: Mapped[bool]
    expected: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    __table_args__ = (Index("ix_tasks_choice", "kind", "source", "motion", "gain"),)


class Assignment(Table):
    """One task in one person's hands. Its id and tokens are random, and all that the browser ever sees of it.

    `swapped`: the task's left clip is shown on the right. `state`: held, done, skipped or expired. `block` is the
    place in the person's row of comparisons, from which sources are drawn.
    """

    __tablename__ = "assignments"
    id: Mapped[str] = mapped_column(primary_key=True)
    task: Mapped[str] = mapped_column(ForeignKey("tasks.id"))
    person: Mapped[str] = mapped_column(ForeignKey("people.id"))
    swapped: Mapped[bool]
    left_token: Mapped[str] = mapped_column(unique=True)
    right_token: Mapped[str | None] = mapped_column(unique=True)
    state: Mapped[str]
    block: Mapped[int]
    held_until_s: Mapped[float]
    made_at_s: Mapped[float]

    __table_args__ = (
        UniqueConstraint("task", "person", name="uq_assignments_task_person"),
        Index("ix_assignments_person", "person", "state"),
        Index("ix_assignments_state", "state", "held_until_s"),
    )


class Said(Table):
    """An event, in the order in which it was kept. Never changed, never removed."""

    __tablename__ = "events"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    rater: Mapped[str] = mapped_column(index=True)
    task: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    made_at: Mapped[str]
    kept_at_s: Mapped[float]
    body: Mapped[dict[str, Any]]
    taxonomy_hash: Mapped[str]


class Imported(Table):
    """A file of votes that came in, by its content: it cannot come in twice."""

    __tablename__ = "imports"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    n_events: Mapped[int]
    at_s: Mapped[float]


def _table(name: str) -> sqlalchemy.Table:
    return Table.metadata.tables[name]


PROMPTS, CLIPS, SEATS, PEOPLE = _table("prompts"), _table("clips"), _table("seats"), _table("people")
TASKS, ASSIGNMENTS, EVENTS = _table("tasks"), _table("assignments"), _table("events")
"""The same without classes, for what requests ask: SQLAlchemy takes longer to build a statement of classes, and to make
objects of its rows, than a database takes to answer it."""
