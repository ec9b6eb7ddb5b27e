"""What an animator said: append-only events, one JSON line each, checked before anything is kept.

An event is never changed. Who thinks again sends a new event for the same task, and the last one stands; who takes
back sends an `undo`. `standing` says what holds. Bodies, by kind (`note`, free text, may stand in each of them):

    compare     prompt, left, right (clips), dimension (`overall` or a human one), verdict (COMPARE_VERDICTS)
    rate        clip, scores {dimension: 1..5}
    deform      clip, spans [{start, end, kind, verdict, severity, cues, box}], none
                frames are half-open [start, end); box is [x0, y0, x1, y1] in shares of width and height, or null;
                `none` true with no spans is the explicit "nothing here" (there is no event kind of its own for it)
    correct     clip, tags {field: [values]}
    adjudicate  of (the task that was disagreed on), kind, body: the verdict of an expert, as a body of that kind
    gold        of (a task), kind, body: the answer that is expected of raters
    undo        undoes (id of an event of the same rater)
    skip        reason
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from anicaption.taxonomy import TaxonomyError, taxonomy

from animatrix_reward.dimensions import BY_ID, COMPARE_VERDICTS, CUE_IDS, HUMAN, KINDS, OVERALL, SEVERITIES, VERDICT_IDS
from animatrix_reward.refused import Refused

NOTE_MAX = 2000
SPANS_MAX = 500
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}\Z")
Body = Mapping[str, Any]


class EventError(Refused):
    """An event cannot be kept; the message names place, value and remedy."""


@dataclass(frozen=True)
class Event:
    """One thing one rater said at one moment. `made_at` is ISO 8601 with a zone; `id` is chosen where it was said."""

    id: str
    rater: str
    task: str
    kind: str
    made_at: str
    body: Body
    taxonomy_hash: str


def read(path: Path) -> list[Event]:
    """All events of a JSONL file. Raises EventError with the line of the first one that is wrong, or doubled."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EventError(f"{path}: cannot be read ({error}); give a JSONL file in UTF-8") from error
    found: list[Event] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{path}: line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise EventError(f"{place}: not JSON ({error}); write one object a line") from error
        event = of_row(row, place)
        if event.id in seen:
            raise EventError(f"{place}: id: {event.id} stands in line {seen[event.id]} already; keep one of the two")
        seen[event.id] = number
        found.append(event)
    return found


def write(path: Path, events: Iterable[Event]) -> int:
    """Write events as JSONL, by renaming a finished file; returns how many."""
    lines = [json.dumps(asdict(event), ensure_ascii=False, sort_keys=True) + "\n" for event in events]
    part = path.with_name(path.name + ".part")
    part.write_text("".join(lines), "utf-8")
    part.replace(path)
    return len(lines)


def of_row(row: Any, place: str) -> Event:
    """A checked event of a JSON object with exactly the fields of Event. Raises EventError."""
    names = tuple(Event.__dataclass_fields__)
    if not isinstance(row, Mapping) or set(row) != set(names):
        odd = sorted(set(row) ^ set(names)) if isinstance(row, Mapping) else type(row).__name__
        raise EventError(f"{place}: {odd}: an event has exactly the fields {', '.join(names)}")
    for name in names:
        if name != "body" and not isinstance(row[name], str):
            raise EventError(f"{place}: {name}: {row[name]!r} is no text")
    event = Event(**row)
    check(event, place)
    return event


def check(event: Event, place: str) -> None:
    """Raise EventError where an event is not what the file's head says, or of another taxonomy."""
    for name in ("id", "rater", "task"):
        _check_id(getattr(event, name), f"{place}: {name}")
    try:
        moment = datetime.fromisoformat(event.made_at)
    except ValueError as error:
        raise EventError(f"{place}: made_at: {error}; write it as 2026-01-31T12:00:00+00:00") from error
    if moment.tzinfo is None:
        raise EventError(f"{place}: made_at: {event.made_at} has no zone; add +00:00 for UTC")
    if event.taxonomy_hash != taxonomy().hash:
        raise EventError(
            f"{place}: taxonomy_hash: {event.taxonomy_hash} is not taxonomy {taxonomy().version} ({taxonomy().hash}); "
            "`animatrix-reward import --translate` brings events of a released taxonomy to today's"
        )
    check_body(event.kind, event.body, place)


def check_body(kind: str, body: Any, place: str) -> None:
    """Raise EventError where a body is not one of its kind."""
    if kind not in _BODIES:
        raise EventError(f"{place}: kind: {kind!r} is none of {', '.join(_BODIES)}")
    if not isinstance(body, Mapping):
        raise EventError(f"{place}: body: {type(body).__name__} is no object")
    names, checker = _BODIES[kind]
    if set(body) - {"note"} != set(names):
        odd = sorted(set(body) - {"note"} ^ set(names))
        raise EventError(f"{place}: body: {odd}: a body of {kind} has exactly {', '.join(names)}, and perhaps note")
    note = body.get("note", "")
    if not isinstance(note, str) or len(note) > NOTE_MAX:
        raise EventError(f"{place}: body.note: must be text of at most {NOTE_MAX} characters")
    checker(body, f"{place}: body")


def standing(events: Iterable[Event]) -> list[Event]:
    """What holds after all was said: undone events and those said anew for the same task and kind are left out.

    Order of `events` is the order in which they were kept; `undo` itself is not among what holds.
    """
    kept = list(events)
    undone = {str(event.body["undoes"]) for event in kept if event.kind == "undo"}
    last: dict[tuple[str, str, str], Event] = {}
    for event in kept:
        if event.kind != "undo" and event.id not in undone:
            about = str(event.body.get("dimension", "")) if event.kind == "compare" else ""
            last[(event.rater, event.task, f"{event.kind}/{about}")] = event
    holds = {event.id for event in last.values()}
    return [event for event in kept if event.id in holds]


def _compare(body: Body, place: str) -> None:
    for name in ("prompt", "left", "right"):
        _check_id(body[name], f"{place}.{name}")
    if body["left"] == body["right"]:
        raise EventError(f"{place}: left and right are both {body['left']}; compare two clips")
    _choice(body["dimension"], (OVERALL, *HUMAN), f"{place}.dimension")
    _choice(body["verdict"], COMPARE_VERDICTS, f"{place}.verdict")


def _rate(body: Body, place: str) -> None:
    _check_id(body["clip"], f"{place}.clip")
    scores = body["scores"]
    if not isinstance(scores, Mapping) or not scores:
        raise EventError(f"{place}.scores: must be an object of dimension to score with at least one in it")
    for name, score in scores.items():
        _choice(name, tuple(BY_ID), f"{place}.scores")
        if type(score) is not int or not 1 <= score <= 5:
            raise EventError(f"{place}.scores.{name}: {score!r} is no whole number from 1 to 5")


def _deform(body: Body, place: str) -> None:
    _check_id(body["clip"], f"{place}.clip")
    spans, none = body["spans"], body["none"]
    if not isinstance(spans, list) or len(spans) > SPANS_MAX:
        raise EventError(f"{place}.spans: must be a list of at most {SPANS_MAX}")
    if type(none) is not bool or none == bool(spans):
        raise EventError(f"{place}.none: must be true where there are no spans, false where there are some")
    for number, span in enumerate(spans):
        _span(span, f"{place}.spans[{number}]")


def _span(span: Any, place: str) -> None:
    names = ("start", "end", "kind", "verdict", "severity", "cues", "box")
    if not isinstance(span, Mapping) or set(span) != set(names):
        raise EventError(f"{place}: a span has exactly {', '.join(names)}")
    start, end, box = span["start"], span["end"], span["box"]
    if type(start) is not int or type(end) is not int or not 0 <= start < end < 2**31:
        raise EventError(f"{place}: frames [{start!r}, {end!r}) are not half-open and rising from 0")
    _choice(span["kind"], KINDS, f"{place}.kind")
    _choice(span["verdict"], VERDICT_IDS, f"{place}.verdict")
    if type(span["severity"]) is not int or span["severity"] not in SEVERITIES:
        raise EventError(f"{place}.severity: {span['severity']!r} is no whole number from 1 to 5")
    if not isinstance(span["cues"], list) or len(span["cues"]) > len(CUE_IDS):
        raise EventError(f"{place}.cues: must be a list of at most {len(CUE_IDS)}")
    for cue in span["cues"]:
        _choice(cue, CUE_IDS, f"{place}.cues")
    if box is not None:
        numbers = isinstance(box, list) and len(box) == 4 and all(type(x) in (int, float) for x in box)
        if not numbers or not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
            raise EventError(f"{place}.box: {box!r} is not [x0, y0, x1, y1] in shares of width and height, or null")


def _correct(body: Body, place: str) -> None:
    _check_id(body["clip"], f"{place}.clip")
    tags = body["tags"]
    if not isinstance(tags, Mapping) or not tags:
        raise EventError(f"{place}.tags: must be an object of field to values with at least one in it")
    for name, values in tags.items():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise EventError(f"{place}.tags.{name}: {values!r} is no list of values")
        try:
            taxonomy()[name].check(values)
        except TaxonomyError as error:
            raise EventError(f"{place}.tags: {error}") from error


def _settled(body: Body, place: str) -> None:
    _check_id(body["of"], f"{place}.of")
    _choice(body["kind"], ("compare", "rate", "deform"), f"{place}.kind")
    check_body(body["kind"], body["body"], place)


def _undo(body: Body, place: str) -> None:
    _check_id(body["undoes"], f"{place}.undoes")


def _skip(body: Body, place: str) -> None:
    if not isinstance(body["reason"], str) or len(body["reason"]) > NOTE_MAX:
        raise EventError(f"{place}.reason: must be text of at most {NOTE_MAX} characters")


_BODIES: dict[str, tuple[tuple[str, ...], Callable[[Body, str], None]]] = {
    "compare": (("prompt", "left", "right", "dimension", "verdict"), _compare),
    "rate": (("clip", "scores"), _rate),
    "deform": (("clip", "spans", "none"), _deform),
    "correct": (("clip", "tags"), _correct),
    "adjudicate": (("of", "kind", "body"), _settled),
    "gold": (("of", "kind", "body"), _settled),
    "undo": (("undoes",), _undo),
    "skip": (("reason",), _skip),
}
EVENT_KINDS = tuple(_BODIES)


def _check_id(value: Any, place: str) -> None:
    if not isinstance(value, str) or not _ID.match(value):
        raise EventError(
            f"{place}: {value!r:.80} is no id; 1 to 128 letters, digits and . _ : @ -, a letter or digit first"
        )


def _choice(value: Any, allowed: tuple[str, ...], place: str) -> None:
    if value not in allowed:
        raise EventError(f"{place}: {value!r:.80} is none of {', '.join(allowed)}")
