"""Tasks are made: every pair and every clip that came in, and tasks about other tasks."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select
from sqlalchemy.orm import Session

from animatrix_reward.room import tables
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import token
from animatrix_reward.room.tables import TASKS


def make_tasks(session: Session, clips: Iterable[tables.Clip]) -> int:
    """Tasks for new clips: every pair within a prompt, and one of each kind about a clip. Returns how many.

    Where raters were chosen for a prompt (`tables.Seat`), all of them are wanted and nobody else.
    """
    settings: Settings = session.info["settings"]
    made: list[tables.Task] = []
    for prompt in sorted({clip.prompt for clip in clips}):
        clip_table, seat = tables.Clip, tables.Seat
        n_seats = len(session.scalars(select(seat.seat).where(seat.prompt == prompt)).all())
        raters, seated = n_seats or settings.raters, n_seats > 0
        wanted = {"rate": raters, "deform": raters, "correct": min(raters, settings.correctors)}
        beside = list(session.scalars(select(clip_table).where(clip_table.prompt == prompt).order_by(clip_table.id)))
        there = set(session.scalars(select(tables.Task.unit).where(tables.Task.prompt == prompt)))
        for a, b in combinations(beside, 2):
            if (unit := f"compare:{a.id}|{b.id}") not in there:
                made.append(_task(unit, "compare", a, b, raters, seated))
        for clip in beside:
            for kind, people in wanted.items():
                if (unit := f"{kind}:{clip.id}") not in there:
                    made.append(_task(unit, kind, clip, None, people, seated))
    session.add_all(made)
    session.flush()
    return len(made)


def _task(unit: str, kind: str, left: tables.Clip, right: tables.Clip | None, wanted: int, seated: bool) -> tables.Task:
    return tables.Task(
        id=f"t-{token()}",
        unit=unit,
        kind=kind,
        prompt=left.prompt,
        left=left.id,
        right=right.id if right else None,
        of=None,
        source="",
        motion=left.motion,
        wanted=wanted,
        n_taken=0,
        gain=1.0,
        shuffle=secrets.randbelow(2**53) / 2**53,
        asked=False,
        seated=seated,
        expected=None,
    )


def upon(db: Connection, of: str, kind: str, unit: str, source: str = "") -> Row[Any]:
    """The row of a new task for one person about another task's clips: a repeat, a settlement, an expected answer."""
    made = {"id": f"t-{token()}", "unit": unit, "kind": kind, "source": source, "of": of, "wanted": 1, "n_taken": 0}
    unlike = {"gain": 0.0, "asked": False, "seated": False, "expected": None}
    db.execute(insert(TASKS), {**db.execute(_BY_ID, {"id": of}).one()._mapping, **made, **unlike})
    return db.execute(_BY_ID, {"id": made["id"]}).one()


_BY_ID = select(TASKS).where(TASKS.c.id == bindparam("id"))
