"""What a page sends becomes an event: tokens give way to clips, sides are set right, and the task is told.

Everything runs in the write transaction that keeps the event, so that an answered event is kept with all that follows
from it: a finished task, a reopened one after undo, an expected answer, a dispute for an expert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from anicaption.taxonomy import taxonomy
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from animatrix_reward import events
from animatrix_reward.dimensions import OVERALL
from animatrix_reward.events import Event, EventError
from animatrix_reward.room import tables
from animatrix_reward.room.assign import taken
from animatrix_reward.room.people import Person
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import RoomError, append, as_event, check_text, iso, now_s
from animatrix_reward.room.tasks import upon

_OTHER_SIDE = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Sent:
    """An event as the page sends it: `task` is the assignment's id, clips in `body` are tokens."""

    id: str
    task: str
    kind: str
    body: Mapping[str, Any]
    made_at_ms: int


def receive(session: Session, person: Person, sent: Sent) -> Literal["accepted", "known"]:
    """Keep what somebody said. Raises RoomError or EventError with the reason where it cannot be kept, before anything
    is written: events sent together need no savepoints."""
    check_text(sent.body, "body")
    held = session.get(tables.Assignment, sent.task) if len(sent.task) <= 200 else None
    if held is None or held.person != person.id:
        raise RoomError(f"task: {sent.task!r:.80} was not given to you; load the page again")
    task = session.get_one(tables.Task, held.task)
    if sent.kind not in (task.kind, "undo", "skip"):
        raise RoomError(f"kind: {sent.kind!r:.40} does not answer a task of kind {task.kind}")
    body = _in_clips(session, task, held, sent)
    made_at = iso(sent.made_at_ms / 1000)
    said = Event(sent.id, person.id, task.id, sent.kind, made_at, body, taxonomy().hash)
    events.check(said, "event")
    _check_frames(session, said)
    if sent.kind == "undo":
        _check_own(session, person, task, str(body["undoes"]))
    if not append(session, said):
        return "known"
    _follow(session, task, held, said)
    return "accepted"


def shown(task: tables.Task, held: tables.Assignment) -> tuple[str, ...]:
    """The clips as they were shown, left first."""
    clips = tuple(clip for clip in (task.left, task.right) if clip)
    return clips[::-1] if held.swapped else clips


def _in_clips(session: Session, task: tables.Task, held: tables.Assignment, sent: Sent) -> dict[str, Any]:
    """The body with clips in place of tokens. What the page cannot know (prompt, `of`) is put in."""
    body = dict(sent.body)
    if sent.kind in ("adjudicate", "gold"):
        inner = body.get("body")
        about = session.get_one(tables.Task, task.of).kind
        if body.get("kind") != about or not isinstance(inner, Mapping):
            raise RoomError(f"body: must have kind {about!r} and a body of that kind")
        return {**body, "of": task.of, "body": _inner(task, held, about, inner)}
    return _inner(task, held, sent.kind, body)


def _inner(task: tables.Task, held: tables.Assignment, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    clips = shown(task, held)
    if kind == "compare":
        if (body.get("left"), body.get("right")) != (held.left_token, held.right_token):
            raise RoomError("body: left and right are not this task's clips A and B; load the page again")
        return {**body, "prompt": task.prompt, "left": clips[0], "right": clips[1]}
    if kind in ("rate", "deform", "correct"):
        if body.get("clip") != held.left_token:
            raise RoomError("body: clip is not this task's clip; load the page again")
        return {**body, "clip": clips[0]}
    return dict(body)


def _check_frames(session: Session, said: Event) -> None:
    body = said.body["body"] if said.kind in ("adjudicate", "gold") else said.body
    if "spans" not in body:
        return
    n_frames = session.get_one(tables.Clip, body["clip"]).n_frames
    for number, span in enumerate(body["spans"]):
        if span["end"] > n_frames:
            raise EventError(f"event: body.spans[{number}]: ends at {span['end']}, but the clip has {n_frames} frames")


def _check_own(session: Session, person: Person, task: tables.Task, event_id: str) -> None:
    row = session.scalars(select(tables.Said).where(tables.Said.id == event_id)).first()
    if row is None or row.rater != person.id or row.task != task.id or row.kind == "undo":
        raise RoomError(f"body.undoes: {event_id} is no event of yours for this task")


def _follow(session: Session, task: tables.Task, held: tables.Assignment, said: Event) -> None:
    """What an event that was kept just now does to its task."""
    if said.kind == "undo":
        _reopen(session, task, held, said)
        return
    if said.kind == "skip":
        if held.state == "held":
            held.state = "skipped"
            taken(session, task.id, -1)
        return
    if said.kind == "gold":
        _expect(session, said)
    if said.kind == "compare" and said.body["dimension"] != OVERALL:
        return
    if held.state != "done":
        if held.state != "held":  # it ran out or was skipped, and the vote comes all the same
            taken(session, task.id, 1)
        held.state = "done"
        session.flush()
    if said.kind in ("compare", "deform"):
        _dispute(session, task)


def _reopen(session: Session, task: tables.Task, held: tables.Assignment, said: Event) -> None:
    """After undo: the task is in the person's hands again unless something of theirs still answers it."""
    settings: Settings = session.info["settings"]
    undone = as_event(session.scalars(select(tables.Said).where(tables.Said.id == said.body["undoes"])).one())
    if undone.kind == "gold":
        of = session.get_one(tables.Task, undone.body["of"])
        of.expected, of.source, of.wanted = None, "gain" if of.kind == "compare" else "even", settings.raters
    answers = [e for e in standing_of(session, task.id) if e.rater == held.person and e.kind == task.kind]
    if task.kind == "compare":
        answers = [event for event in answers if event.body["dimension"] == OVERALL]
    if not answers and held.state in ("done", "skipped"):
        if held.state == "skipped":
            taken(session, task.id, 1)
        held.state = "held"
        held.held_until_s = now_s() + settings.lease_s


def _expect(session: Session, said: Event) -> None:
    """A gold event: its task is given to everybody from now on, and this is what is expected of them."""
    of = session.get_one(tables.Task, said.body["of"])
    of.expected, of.source, of.wanted = dict(said.body["body"]), "gold", 0


def standing_of(session: Session, task_id: str) -> list[Event]:
    """What holds of one task."""
    return events.standing([as_event(row) for row in session.scalars(_OF_TASK, {"task": task_id})])


_OF_TASK = select(tables.Said).where(tables.Said.task == bindparam("task")).order_by(tables.Said.seq)


def _dispute(session: Session, task: tables.Task) -> None:
    """Ask an expert where everybody who was wanted has spoken and they disagree."""
    if not task.wanted or task.source == "repeat":
        return
    if session.scalars(_DONE, {"task": task.id}).one() < task.wanted:
        return
    there = session.scalars(select(tables.Task.id).where(tables.Task.unit == f"adjudicate:{task.id}")).first()
    if there is None and disagreed(standing_of(session, task.id)):
        upon(session, task, "adjudicate", f"adjudicate:{task.id}")


_DONE = select(func.count()).where(tables.Assignment.task == bindparam("task"), tables.Assignment.state == "done")


def disagreed(said: list[Event]) -> bool:
    """Whether raters of one task are of different minds: no majority among sides, or art to one, failure to another."""
    compared = [side(event.body) for event in said if event.kind == "compare" and event.body["dimension"] == OVERALL]
    if len(compared) > 1 and max(map(compared.count, compared)) * 2 <= len(compared):
        return True
    spans = [event.body["spans"] for event in said if event.kind == "deform"]
    failures = [{span["verdict"] for span in each} for each in spans]
    if failures and any("failure" in each for each in failures) and not all("failure" in each for each in failures):
        return True
    return any(
        {a["verdict"], b["verdict"]} == {"intentional", "failure"} and a["start"] < b["end"] and b["start"] < a["end"]
        for number, one in enumerate(spans)
        for other in spans[number + 1 :]
        for a in one
        for b in other
    )


def side(body: Mapping[str, Any]) -> str:
    """What a comparison says, whatever side the clips were on: the better clip's id, or the verdict between them."""
    return str(body[body["verdict"]] if body["verdict"] in ("left", "right") else body["verdict"])


def said_of(session: Session, task: tables.Task, held: tables.Assignment) -> tuple[dict[str, Any], ...]:
    """What raters said of the task that this one is about: nobody's name, clips as tokens, sides as shown here."""
    if task.of is None:
        return ()
    first = shown(task, held)[0]
    told = []
    for event in standing_of(session, task.of):
        body = dict(event.body)
        if event.kind == "compare":
            turned = body["left"] != first
            verdict = _OTHER_SIDE.get(body["verdict"], body["verdict"]) if turned else body["verdict"]
            told.append({"dimension": body["dimension"], "verdict": verdict, "note": body.get("note", "")})
        elif event.kind == "deform":
            told.append({"spans": body["spans"], "none": body["none"], "note": body.get("note", "")})
    return tuple(told)
