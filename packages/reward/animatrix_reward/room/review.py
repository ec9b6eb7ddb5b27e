"""What the room knows of itself: progress, accuracy on gold, and how far raters agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from animatrix_reward.events import Event, standing
from animatrix_reward.room import tables
from animatrix_reward.room.said import side
from animatrix_reward.room.store import events


@dataclass(frozen=True)
class Kind:
    """How far one kind of task is: tasks there are, begun, and seen by all who are wanted; votes that hold."""

    kind: str
    n_tasks: int
    n_begun: int
    n_complete: int
    n_held: int


def progress(session: Session) -> list[Kind]:
    """Every kind of task that there is."""
    task = tables.Task
    complete = case(((task.wanted > 0) & (task.n_taken >= task.wanted), 1), else_=0)
    rows = session.execute(
        select(task.kind, func.count(), func.sum(case((task.n_taken > 0, 1), else_=0)), func.sum(complete))
        .group_by(task.kind)
        .order_by(task.kind)
    ).all()
    held = dict(
        session.execute(
            select(task.kind, func.count())
            .join(tables.Assignment, tables.Assignment.task == task.id)
            .where(tables.Assignment.state == "held")
            .group_by(task.kind)
        ).all()
    )  # pyright: ignore[reportArgumentType]
    return [Kind(kind, n, int(begun or 0), int(done or 0), held.get(kind, 0)) for kind, n, begun, done in rows]


def votes_of(session: Session, person: str) -> dict[str, int]:
    """How many tasks of each kind somebody has done."""
    return votes(session).get(person, {})


def votes(session: Session) -> dict[str, dict[str, int]]:
    """How many tasks of each kind everybody has done."""
    person, kind = tables.Assignment.person, tables.Task.kind
    rows = session.execute(
        select(person, kind, func.count())
        .join(tables.Task, tables.Task.id == tables.Assignment.task)
        .where(tables.Assignment.state == "done")
        .group_by(person, kind)
        .order_by(person, kind)
    )
    found: dict[str, dict[str, int]] = {}
    for who, what, n in rows:
        found.setdefault(who, {})[what] = n
    return found


@dataclass(frozen=True)
class Accuracy:
    """Answers of one person to tasks whose answer is known, and planned repeats answered as the first time."""

    person: str
    name: str
    n_gold: int
    n_right: int
    n_repeats: int
    n_same: int


def accuracy(session: Session) -> list[Accuracy]:
    """Everybody's answers to gold and to repeats. For experts and administrators only."""
    tasks = {t.id: t for t in session.scalars(select(tables.Task).where(tables.Task.source.in_(("gold", "repeat"))))}
    said: dict[tuple[str, str], Event] = {}
    for event in standing(events(session, kinds=("compare", "rate", "deform"))):
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
    names = {row.id: row.name for row in session.scalars(select(tables.Person))}
    return [
        Accuracy(person, names.get(person, person), n["gold"], n["right"], n["repeats"], n["same"])
        for person, n in sorted(counts.items())
    ]


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


def golds(session: Session) -> list[Gold]:
    """All tasks whose answers are known. Names clips: for experts only, who do not get these tasks to judge."""
    task = tables.Task
    rows = session.execute(
        select(task, tables.Prompt.text)
        .join(tables.Prompt, tables.Prompt.id == task.prompt)
        .where(task.expected.is_not(None))
        .order_by(task.id)
    ).all()
    return [Gold(t.id, t.kind, words, t.expected or {}, t.n_taken) for t, words in rows]


def repeats(session: Session) -> list[str]:
    """Tasks that are planned repeats."""
    return list(session.scalars(select(tables.Task.id).where(tables.Task.source == "repeat")))


def clip_prompts(session: Session) -> dict[str, str]:
    """Each clip's prompt."""
    return {row.id: row.prompt for row in session.execute(select(tables.Clip.id, tables.Clip.prompt))}


def clip_models(session: Session) -> dict[str, str]:
    """Each clip's model."""
    return {row.id: row.model for row in session.execute(select(tables.Clip.id, tables.Clip.model))}
