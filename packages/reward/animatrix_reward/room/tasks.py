"""Tasks are made: every pair and every clip that came in, and tasks about other tasks."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from itertools import combinations

from sqlalchemy import select
from sqlalchemy.orm import Session

from animatrix_reward.room import tables
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import token


def make_tasks(session: Session, clips: Iterable[tables.Clip]) -> int:
    """Tasks for new clips: every pair within a prompt, and one of each kind about a clip. Returns how many."""
    settings: Settings = session.info["settings"]
    wanted = {"rate": settings.raters, "deform": settings.raters, "correct": settings.correctors}
    made: list[tables.Task] = []
    for prompt in sorted({clip.prompt for clip in clips}):
        clip_table = tables.Clip
        beside = list(session.scalars(select(clip_table).where(clip_table.prompt == prompt).order_by(clip_table.id)))
        there = set(session.scalars(select(tables.Task.unit).where(tables.Task.prompt == prompt)))
        for a, b in combinations(beside, 2):
            if (unit := f"compare:{a.id}|{b.id}") not in there:
                made.append(_task(unit, "compare", a, b, settings.raters))
        for clip in beside:
            for kind, people in wanted.items():
                if (unit := f"{kind}:{clip.id}") not in there:
                    made.append(_task(unit, kind, clip, None, people))
    session.add_all(made)
    session.flush()
    return len(made)


def _task(unit: str, kind: str, left: tables.Clip, right: tables.Clip | None, wanted: int) -> tables.Task:
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
        expected=None,
    )


def upon(session: Session, of: tables.Task, kind: str, unit: str, source: str = "") -> tables.Task:
    """A task for one person about another task's clips: a repeat, a settlement, an expected answer."""
    made = tables.Task(
        id=f"t-{token()}",
        unit=unit,
        kind=kind,
        prompt=of.prompt,
        left=of.left,
        right=of.right,
        of=of.id,
        source=source,
        motion=of.motion,
        wanted=1,
        n_taken=0,
        gain=0.0,
        shuffle=of.shuffle,
        asked=False,
        expected=None,
    )
    session.add(made)
    session.flush()
    return made
