"""A task in somebody's hands, read in one go: the assignment, its task, the prompt and what is known of the clips.

What requests ask is built once: SQLAlchemy takes longer to build a statement than a database takes to answer it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, false, func, insert, or_, select, update

from animatrix_reward.room.store import now_s, token
from animatrix_reward.room.tables import ASSIGNMENTS, CLIPS, PROMPTS, TASKS

_LEFT, _RIGHT = CLIPS.alias(), CLIPS.alias()
_OF = TASKS.alias()
Held = Row[Any]
"""A row of `_GIVEN`. `of_kind` is the kind of the task that this one is about; `left`, `right` are the task's clips."""


def _given() -> Select:
    columns: Sequence[ColumnElement] = (
        *(ASSIGNMENTS.c[name] for name in ("id", "task", "person", "swapped", "left_token", "right_token", "state")),
        ASSIGNMENTS.c.held_until_s,
        *(TASKS.c[name] for name in ("kind", "prompt", "left", "right", "of", "source", "wanted")),
        _OF.c.kind.label("of_kind"),
        PROMPTS.c.text,
        PROMPTS.c.tags,
        PROMPTS.c.image,
        _LEFT.c.n_frames,
        or_(_LEFT.c.flashing, func.coalesce(_RIGHT.c.flashing, false())).label("flashing"),
    )
    return (
        select(*columns)
        .select_from(ASSIGNMENTS)
        .join(TASKS, TASKS.c.id == ASSIGNMENTS.c.task)
        .join(PROMPTS, PROMPTS.c.id == TASKS.c.prompt)
        .join(_LEFT, _LEFT.c.id == TASKS.c.left)
        .outerjoin(_RIGHT, _RIGHT.c.id == TASKS.c.right)
        .outerjoin(_OF, _OF.c.id == TASKS.c.of)
    )


_GIVEN = _given()
_BY_ID = _GIVEN.where(ASSIGNMENTS.c.id == bindparam("id"))


def held(db: Connection, assignment: str) -> Held | None:
    """What somebody was given under this id."""
    return db.execute(_BY_ID, {"id": assignment}).first()


def in_hand(db: Connection, person: str, kind: str | None) -> Held | None:
    """What a person holds, or held too long and may have again: they know it already."""
    return db.execute(_in_hand(kind is not None), {"person": person, "kind": kind}).first()


@cache
def _in_hand(of_kind: bool) -> Select:
    mine = (ASSIGNMENTS.c.state == "held") | ((ASSIGNMENTS.c.state == "expired") & is_open())
    asked = _GIVEN.where(ASSIGNMENTS.c.person == bindparam("person"), mine)
    asked = asked.order_by(ASSIGNMENTS.c.state.desc(), ASSIGNMENTS.c.made_at_s).limit(1)
    return asked.where(TASKS.c.kind == bindparam("kind")) if of_kind else asked


def is_open() -> ColumnElement[bool]:
    """Whether somebody else may have a task."""
    return (TASKS.c.wanted == 0) | (TASKS.c.n_taken < TASKS.c.wanted)


def taken(db: Connection, task: str, by: int) -> None:
    """One person more, or one less, has a task."""
    db.execute(_TAKEN, {"task_id": task, "by": by})


_TAKEN = update(TASKS).where(TASKS.c.id == bindparam("task_id")).values(n_taken=TASKS.c.n_taken + bindparam("by"))


def become(db: Connection, assignment: str, state: str, held_until_s: float = 0.0) -> None:
    """Set what an assignment is now; one that is held has a time until which it is."""
    db.execute(_BECOME, {"given": assignment, "state": state, "held_until_s": held_until_s})


_BECOME = (
    update(ASSIGNMENTS)
    .where(ASSIGNMENTS.c.id == bindparam("given"))
    .values(state=bindparam("state"), held_until_s=bindparam("held_until_s"))
)


def give(
    db: Connection, person: str, task: str, source: str, *, pair: bool, swapped: bool, block: int, until_s: float
) -> Held:
    """Put a task into somebody's hands; one that nobody had comes from this source from now on."""
    made = f"a-{token()}"
    tokens = {"left_token": token(), "right_token": token() if pair else None}
    facts = {"id": made, "task": task, "person": person, "state": "held", "swapped": swapped, "block": block}
    db.execute(_GIVE, {**facts, **tokens, "held_until_s": until_s, "made_at_s": now_s()})
    db.execute(_BEGIN, {"task_id": task, "first": source})
    taken_now = held(db, made)
    assert taken_now is not None
    return taken_now


_GIVE = insert(ASSIGNMENTS)
_BEGIN = (
    update(TASKS)
    .where(TASKS.c.id == bindparam("task_id"))
    .values(n_taken=TASKS.c.n_taken + 1, source=func.coalesce(func.nullif(TASKS.c.source, ""), bindparam("first")))
)
