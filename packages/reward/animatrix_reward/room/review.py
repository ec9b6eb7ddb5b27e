"""What the room knows of itself: progress, accuracy on gold, and how far raters agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, select
from sqlalchemy.orm import Session

from animatrix_reward.events import Event, standing
from animatrix_reward.room.said import side
from animatrix_reward.room.store import events
from animatrix_reward.room.tables import ASSIGNMENTS, CLIPS, PROMPTS, TASKS


@dataclass(frozen=True)
class Kind:
    """How far one kind of task is: tasks there are, begun, and seen by all who are wanted; votes that hold."""

    kind: str
    n_tasks: int
    n_begun: int
    n_complete: int
    n_held: int


def progress(db: Connection) -> list[Kind]:
    """Every kind of task that there is."""
    held = {row.kind: row.n for row in db.execute(_HELD)}
    rows = db.execute(_PROGRESS)
    return [Kind(kind, n, int(begun or 0), int(done or 0), held.get(kind, 0)) for kind, n, begun, done in rows]


_COMPLETE = case(((TASKS.c.wanted > 0) & (TASKS.c.n_taken >= TASKS.c.wanted), 1), else_=0)
_PROGRESS = (
    select(TASKS.c.kind, func.count(), func.sum(case((TASKS.c.n_taken > 0, 1), else_=0)), func.sum(_COMPLETE))
    .group_by(TASKS.c.kind)
    .order_by(TASKS.c.kind)
)
_GIVEN = select(TASKS.c.kind, func.count().label("n")).join(ASSIGNMENTS, ASSIGNMENTS.c.task == TASKS.c.id)
_HELD = _GIVEN.where(ASSIGNMENTS.c.state == "held").group_by(TASKS.c.kind)


def votes_of(db: Connection, person: str) -> dict[str, int]:
    """How many tasks of each kind somebody has done."""
    return {row.kind: row.n for row in db.execute(_MINE, {"person": person, "state": "done"})}


def held_by(db: Connection, person: str) -> list[str]:
    """Kinds of which somebody has a task in hand."""
    return [row.kind for row in db.execute(_MINE, {"person": person, "state": "held"})]


_MINE = (
    _GIVEN.where(ASSIGNMENTS.c.person == bindparam("person"), ASSIGNMENTS.c.state == bindparam("state"))
    .group_by(TASKS.c.kind)
    .order_by(TASKS.c.kind)
)


def votes(db: Connection) -> dict[str, dict[str, int]]:
    """How many tasks of each kind everybody has done."""
    found: dict[str, dict[str, int]] = {}
    for who, what, n in db.execute(_VOTES):
        found.setdefault(who, {})[what] = n
    return found


_VOTES = (
    select(ASSIGNMENTS.c.person, TASKS.c.kind, func.count())
    .join(TASKS, TASKS.c.id == ASSIGNMENTS.c.task)
    .where(ASSIGNMENTS.c.state == "done")
    .group_by(ASSIGNMENTS.c.person, TASKS.c.kind)
    .order_by(ASSIGNMENTS.c.person, TASKS.c.kind)
)


@dataclass(frozen=True)
class Accuracy:
    """Answers of one person to tasks whose answer is known, and planned repeats answered as the first time."""

    n_gold: int = 0
    n_right: int = 0
    n_repeats: int = 0
    n_same: int = 0


def accuracy(db: Connection) -> dict[str, Accuracy]:
    """Everybody's answers to gold and to repeats. For experts and administrators only."""
    tasks = {task.id: task for task in db.execute(_JUDGING)}
    asked = [*tasks, *(task.of for task in tasks.values() if task.of)]
    said: dict[tuple[str, str], Event] = {}
    for event in standing(events(db, kinds=("compare", "rate", "deform"), tasks=asked)):
        if _overall(event.body):
            said[event.rater, event.task] = event
    counts: dict[str, Counter] = {}
    for (rater, task_id), event in said.items():
        task, count = tasks.get(task_id), counts.setdefault(rater, Counter())
        if task is not None and task.source == "gold" and task.expected:
            count["gold"] += 1
            count["right"] += agrees(task.kind, event.body, task.expected)
        elif task is not None and task.source == "repeat" and (before := said.get((rater, str(task.of)))):
            count["repeats"] += 1
            count["same"] += side(before.body) == side(event.body)
    return {who: Accuracy(n["gold"], n["right"], n["repeats"], n["same"]) for who, n in counts.items()}


_JUDGING = select(TASKS.c.id, TASKS.c.kind, TASKS.c.of, TASKS.c.source, TASKS.c.expected).where(
    TASKS.c.source.in_(("gold", "repeat"))
)


def _overall(body: Mapping[str, Any]) -> bool:
    return body.get("dimension", "overall") == "overall"


def agrees(kind: str, body: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Whether an answer is the expected one: the same clip preferred; scores within one step; the same verdict
    on every expected span, and none found where none is."""
    if kind == "compare":
        return side(body) == side(expected)
    if kind == "rate":
        shared = body["scores"].keys() & expected["scores"].keys()
        return all(abs(body["scores"][name] - expected["scores"][name]) <= 1 for name in shared)
    if expected["none"] or body["none"]:
        return bool(expected["none"] and body["none"])
    return all(
        any(
            found["verdict"] == span["verdict"] and found["start"] < span["end"] and span["start"] < found["end"]
            for found in body["spans"]
        )
        for span in expected["spans"]
    )


@dataclass(frozen=True)
class Gold:
    """One task whose answer is known."""

    task: str
    kind: str
    prompt_text: str
    expected: Mapping[str, Any]
    n_answers: int


def golds(db: Connection) -> list[Gold]:
    """All tasks whose answers are known. Names clips: for experts only, who do not get these tasks to judge."""
    asked = (
        select(TASKS.c.id, TASKS.c.kind, PROMPTS.c.text, TASKS.c.expected, TASKS.c.n_taken)
        .join(PROMPTS, PROMPTS.c.id == TASKS.c.prompt)
        .where(TASKS.c.expected.is_not(None))
        .order_by(TASKS.c.id)
    )
    return [Gold(*row) for row in db.execute(asked)]


def repeats(db: Connection | Session) -> list[str]:
    """Tasks that are planned repeats."""
    return list(db.execute(select(TASKS.c.id).where(TASKS.c.source == "repeat")).scalars())


def clip_prompts(db: Connection | Session) -> dict[str, str]:
    """Each clip's prompt."""
    return {row.id: row.prompt for row in db.execute(select(CLIPS.c.id, CLIPS.c.prompt))}


def clip_models(db: Connection | Session) -> dict[str, str]:
    """Each clip's model."""
    return {row.id: row.model for row in db.execute(select(CLIPS.c.id, CLIPS.c.model))}
