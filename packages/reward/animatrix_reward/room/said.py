"""What a page sends becomes an event: tokens give way to clips, sides are set right, and the task is told.

Everything runs in the write transaction that keeps the event, so that an answered event is kept with all that follows
from it: a finished task, a reopened one after undo, an expected answer, a dispute for an expert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from anicaption.taxonomy import taxonomy
from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.orm import Session

from animatrix_reward import events
from animatrix_reward.dimensions import OVERALL
from animatrix_reward.events import Event, EventError
from animatrix_reward.room.held import Held, become, held, taken
from animatrix_reward.room.people import Person
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import RoomError, append, check_text, events_of, iso, now_s
from animatrix_reward.room.tables import ASSIGNMENTS, TASKS
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
    db = session.connection()
    given = held(db, sent.task) if len(sent.task) <= 200 else None
    if given is None or given.person != person.id:
        raise RoomError(f"task: {sent.task!r:.80} was not given to you; load the page again")
    if sent.kind not in (given.kind, "undo", "skip"):
        raise RoomError(f"kind: {sent.kind!r:.40} does not answer a task of kind {given.kind}")
    made_at = iso(sent.made_at_ms / 1000)
    said = Event(sent.id, person.id, given.task, sent.kind, made_at, _in_clips(given, sent), taxonomy().hash)
    events.check(said, "event")
    _check_frames(given, said)
    before = events_of(db, given.task) if sent.kind == "undo" else []
    if sent.kind == "undo":
        _check_own(before, person, str(said.body["undoes"]))
    if not append(session, said):
        return "known"
    if said.kind == "undo":
        _reopen(db, session.info["settings"], given, [*before, said])
    else:
        _follow(db, given, said)
    return "accepted"


def shown(given: Held) -> tuple[str, ...]:
    """The clips as they were shown, left first."""
    clips = tuple(clip for clip in (given.left, given.right) if clip)
    return clips[::-1] if given.swapped else clips


def _in_clips(given: Held, sent: Sent) -> dict[str, Any]:
    """The body with clips in place of tokens. What the page cannot know (prompt, `of`) is put in."""
    body = dict(sent.body)
    if sent.kind in ("adjudicate", "gold"):
        inner = body.get("body")
        if body.get("kind") != given.of_kind or not isinstance(inner, Mapping):
            raise RoomError(f"body: must have kind {given.of_kind!r} and a body of that kind")
        return {**body, "of": given.of, "body": _inner(given, given.of_kind, inner)}
    return _inner(given, sent.kind, body)


def _inner(given: Held, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    clips = shown(given)
    if kind == "compare":
        if (body.get("left"), body.get("right")) != (given.left_token, given.right_token):
            raise RoomError("body: left and right are not this task's clips A and B; load the page again")
        return {**body, "prompt": given.prompt, "left": clips[0], "right": clips[1]}
    if kind in ("rate", "deform", "correct"):
        if body.get("clip") != given.left_token:
            raise RoomError("body: clip is not this task's clip; load the page again")
        return {**body, "clip": clips[0]}
    return dict(body)


def _check_frames(given: Held, said: Event) -> None:
    body = said.body["body"] if said.kind in ("adjudicate", "gold") else said.body
    for number, span in enumerate(body.get("spans", ())):
        if span["end"] > given.n_frames:
            raise EventError(
                f"event: body.spans[{number}]: ends at {span['end']}, but the clip has {given.n_frames} frames"
            )


def _check_own(before: list[Event], person: Person, event_id: str) -> None:
    if not any(e.id == event_id and e.rater == person.id and e.kind != "undo" for e in before):
        raise RoomError(f"body.undoes: {event_id} is no event of yours for this task")


def _follow(db: Connection, given: Held, said: Event) -> None:
    """What an event that was kept just now does to its task."""
    if said.kind == "skip":
        if given.state == "held":
            become(db, given.id, "skipped")
            taken(db, given.task, -1)
        return
    if said.kind == "gold":  # its task is given to everybody from now on, and this is what is expected of them
        _expect(db, given.of, dict(said.body["body"]), "gold", 0)
    if said.kind == "compare" and said.body["dimension"] != OVERALL:
        return
    if given.state != "done":
        if given.state != "held":  # it ran out or was skipped, and the vote comes all the same
            taken(db, given.task, 1)
        become(db, given.id, "done")
    if said.kind in ("compare", "deform"):
        _dispute(db, given)


def _reopen(db: Connection, settings: Settings, given: Held, of_task: list[Event]) -> None:
    """After undo: the task is in the person's hands again unless something of theirs still answers it."""
    undone = next(event for event in of_task if event.id == of_task[-1].body["undoes"])
    if undone.kind == "gold":
        source = "gain" if given.of_kind == "compare" else "even"
        _expect(db, given.of, None, source, settings.raters)
    answers = [e for e in events.standing(of_task) if e.rater == given.person and e.kind == given.kind]
    if given.kind == "compare":
        answers = [event for event in answers if event.body["dimension"] == OVERALL]
    if not answers and given.state in ("done", "skipped"):
        if given.state == "skipped":
            taken(db, given.task, 1)
        become(db, given.id, "held", now_s() + settings.lease_s)


def _expect(db: Connection, task: str, expected: dict[str, Any] | None, source: str, wanted: int) -> None:
    asked = update(TASKS).where(TASKS.c.id == task)
    db.execute(asked.values(expected=expected, source=source, wanted=wanted))


def _dispute(db: Connection, given: Held) -> None:
    """Ask an expert where everybody who was wanted has spoken and they disagree."""
    if not given.wanted or given.source == "repeat":
        return
    if db.execute(_DONE, {"task": given.task}).scalar_one() < given.wanted:
        return
    unit = f"adjudicate:{given.task}"
    there = db.execute(_THERE, {"unit": unit}).first()
    if there is None and disagreed(events.standing(events_of(db, given.task))):
        upon(db, given.task, "adjudicate", unit)


_DONE = select(func.count(ASSIGNMENTS.c.id)).where(
    ASSIGNMENTS.c.task == bindparam("task"), ASSIGNMENTS.c.state == "done"
)
_THERE = select(TASKS.c.id).where(TASKS.c.unit == bindparam("unit"))


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


def said_of(db: Connection, given: Held) -> tuple[dict[str, Any], ...]:
    """What raters said of the task that this one is about: nobody's name, clips as tokens, sides as shown here."""
    first = shown(given)[0]
    told = []
    for event in events.standing(events_of(db, given.of)):
        body = dict(event.body)
        if event.kind == "compare":
            turned = body["left"] != first
            verdict = _OTHER_SIDE.get(body["verdict"], body["verdict"]) if turned else body["verdict"]
            told.append({"dimension": body["dimension"], "verdict": verdict, "note": body.get("note", "")})
        elif event.kind == "deform":
            told.append({"spans": body["spans"], "none": body["none"], "note": body.get("note", "")})
    return tuple(told)
