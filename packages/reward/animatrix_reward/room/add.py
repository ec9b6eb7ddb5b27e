"""Clips come in by a list in JSONL: all of a list, or nothing.

A line is {"prompt", "model", "path", "rating", "motion", "tags", "text"} and perhaps "id", "split", "image" and
"quarantined". `prompt` is the prompt's id, `text` and `tags` are what was asked for, `path` is relative to the list.
What is not rated general or sensitive, or is quarantined, never enters; every clip is decoded whole first, and its
flashes are measured.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from anicaption.taxonomy import TaxonomyError, taxonomy
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from animatrix_reward.room import tables
from animatrix_reward.room.store import RoomError, Store, check_text, now_s
from animatrix_reward.room.tasks import make_tasks

SHOWN = ("general", "sensitive")
"""Ratings of what people are shown; explicit, unknown and anything else never enters."""
_NEEDED = ("prompt", "model", "path", "rating", "motion", "tags", "text")
_MAY = ("id", "split", "image", "quarantined")
_PROMPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}\Z")


@dataclass(frozen=True)
class Seen:
    """What decoding a clip whole tells; `rate` in frames a second."""

    n_frames: int
    rate: float
    flashing: bool


@dataclass(frozen=True)
class Coming:
    """A clip that may enter, with what was asked for."""

    id: str
    prompt: str
    text: str
    tags: Mapping[str, list[str]]
    image: str | None
    model: str
    path: Path
    sha256: str
    rating: str
    split: str
    motion: str
    seen: Seen


def read_list(path: Path, look: Callable[[Path], Seen] | None = None) -> list[Coming]:
    """The clips of a list. Raises RoomError with the line of the first that may not enter, and why."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RoomError(f"{path}: cannot be read ({error}); give a JSONL list in UTF-8") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise RoomError(f"{path}: line {number}: not JSON ({error}); write one object a line") from error
        rows.append((f"{path}: line {number}", row))
    if not rows:
        raise RoomError(f"{path}: no clips in it")
    checked = [_checked(row, place) for place, row in rows]  # all lines before the first is decoded
    return [_coming(row, path.parent, place, look or watched) for (place, _), row in zip(rows, checked)]


def _checked(row: Any, place: str) -> dict[str, Any]:
    if not isinstance(row, dict) or not set(_NEEDED) <= set(row) <= {*_NEEDED, *_MAY}:
        odd = sorted({*_NEEDED} ^ (set(row) - set(_MAY))) if isinstance(row, dict) else type(row).__name__
        raise RoomError(f"{place}: {odd}: a clip has {', '.join(_NEEDED)}, and perhaps {', '.join(_MAY)}")
    check_text(row, place)
    for name in ("prompt", "model", "path", "rating", "motion", "text"):
        if not isinstance(row[name], str) or (not row[name] and name != "text"):
            raise RoomError(f"{place}: {name}: {row[name]!r} is no text")
    if row.get("quarantined"):
        raise RoomError(f"{place}: quarantined: {row['quarantined']}; what is quarantined is shown to nobody")
    if row["rating"] not in SHOWN:
        raise RoomError(
            f"{place}: rating: {row['rating']!r}: only {' and '.join(SHOWN)} enter the room; "
            "rate the clip, or leave it out"
        )
    for name in ("prompt", *(("id",) if "id" in row else ())):
        if not isinstance(row[name], str) or not _PROMPT.match(row[name]):
            raise RoomError(f"{place}: {name}: {row[name]!r:.80} is no id; 1 to 128 letters, digits and . _ : @ -")
    if not isinstance(row["tags"], dict):
        raise RoomError(f"{place}: tags: must be an object of field to list of values")
    for field, values in row["tags"].items():
        try:
            row["tags"][field] = list(taxonomy()[field].check(values if isinstance(values, list) else [values]))
        except TaxonomyError as error:
            raise RoomError(f"{place}: tags: {error}") from error
    rated = row["tags"].get("content.rating", [row["rating"]])[0]
    if rated not in (*SHOWN, "unknown"):
        raise RoomError(f"{place}: tags: content.rating is {rated}: it is shown to nobody")
    return row


def _coming(row: Mapping[str, Any], folder: Path, place: str, look: Callable[[Path], Seen]) -> Coming:
    path = (folder / row["path"]).resolve()
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RoomError(f"{place}: path: {row['path']}: {error.strerror}; paths are relative to the list") from error
    try:
        seen = look(path)
    except Exception as error:
        raise RoomError(f"{place}: path: {row['path']}: cannot be decoded ({error})") from error
    image = row.get("image")
    if image is not None:
        _check_picture(folder / image, f"{place}: image: {image}")
    # Without an id of its own a clip is named by prompt and content: the same list twice gives the same names.
    own = hashlib.sha256(f"{row['prompt']}/{digest}".encode()).hexdigest()[:20]
    return Coming(
        id=row.get("id") or f"c-{own}",
        prompt=row["prompt"],
        text=row["text"],
        tags=row["tags"],
        image=str((folder / image).resolve()) if image else None,
        model=row["model"],
        path=path,
        sha256=digest,
        rating=row["rating"],
        split=str(row.get("split", "train")),
        motion=row["motion"],
        seen=seen,
    )


def _check_picture(path: Path, place: str) -> None:
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.load()
    except OSError as error:
        raise RoomError(f"{place}: no picture that can be read ({error}); paths are relative to the list") from error


def watched(path: Path) -> Seen:
    """Decode a clip whole: how many frames it has, and whether it flashes (anicaption.measure.flashing)."""
    from anicaption.frames import frames, probe
    from anicaption.measure.flashing import FlashingWatch, changes, flashing_spans

    stream, watch, n_frames = probe(path), FlashingWatch(), 0
    for frame in frames(path):
        watch.see(frame.rgb(72))
        n_frames += 1
    if n_frames == 0:
        raise ValueError("no frame in it")
    rate = float(stream.rate or Fraction(24))
    spans = [flashing_spans([f + 1 for f in changes(column[1:])], rate) for column in watch.columns().values()]
    return Seen(n_frames, rate, any(spans))


def read_seats(path: Path) -> dict[str, tuple[int, ...]]:
    """Who rates which prompt: {prompt: [seats]}, as `study-prompts` writes it. Raises RoomError for anything else."""
    try:
        said = json.loads(path.read_text("utf-8"))
        found = {prompt: tuple(sorted(set(seats))) for prompt, seats in said.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise RoomError(f"{path}: no object of prompt to list of seats ({error})") from error
    for prompt, seats in found.items():
        if not seats or not all(type(seat) is int and seat >= 0 for seat in seats):
            raise RoomError(f"{path}: {prompt}: {said[prompt]!r:.80}: give one seat or more, numbered from 0")
    return found


def add(
    store: Store, coming: Iterable[Coming], place: str, seats: Mapping[str, tuple[int, ...]] | None = None
) -> tuple[int, int]:
    """Let clips in, all or none: (clips, tasks made). Raises RoomError for one that is there already.

    `seats` says of prompts that are new who rates them; others are for everybody.
    """
    clips = list(coming)
    with store.write() as session:
        made = [_row(session, clip, place, (seats or {}).get(clip.prompt, ())) for clip in clips]
        session.flush()
        return len(made), make_tasks(session, made)


def _row(session: Session, clip: Coming, place: str, seats: tuple[int, ...]) -> tables.Clip:
    clip_table = tables.Clip
    same = (clip_table.id == clip.id) | ((clip_table.prompt == clip.prompt) & (clip_table.sha256 == clip.sha256))
    there = session.scalars(select(clip_table).where(same)).first()
    if there is not None:
        raise RoomError(f"{place}: {clip.path.name}: in the room already, as {there.id} of prompt {there.prompt}")
    prompt = session.get(tables.Prompt, clip.prompt)
    if prompt is None:
        session.add(tables.Prompt(id=clip.prompt, text=clip.text, tags=dict(clip.tags), image=clip.image))
        session.flush()  # the clip's row leans on it
        session.add_all(tables.Seat(prompt=clip.prompt, seat=seat) for seat in seats)
    elif (prompt.text, prompt.tags) != (clip.text, dict(clip.tags)):
        raise RoomError(f"{place}: prompt {clip.prompt} was other words or tags before; give the new prompt a new id")
    elif seats != (there := tuple(session.scalars(_SEATS, {"prompt": clip.prompt}))):
        raise RoomError(f"{place}: prompt {clip.prompt} is rated by seats {there or 'of everybody'} here, not {seats}")
    row = clip_table(
        id=clip.id,
        prompt=clip.prompt,
        model=clip.model,
        path=str(clip.path),
        sha256=clip.sha256,
        rating=clip.rating,
        split=clip.split,
        motion=clip.motion,
        n_frames=clip.seen.n_frames,
        rate=clip.seen.rate,
        flashing=clip.seen.flashing,
        added_at_s=now_s(),
    )
    session.add(row)
    session.flush()
    return row


_SEATS = select(tables.Seat.seat).where(tables.Seat.prompt == bindparam("prompt")).order_by(tables.Seat.seat)


def ask(store: Store, path: Path) -> int:
    """Pairs that shall be judged first, from JSONL lines {"left": clip, "right": clip}; returns how many."""
    pairs = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
                pairs.append((f"{path}: line {number}", *sorted((row["left"], row["right"]))))
            except (ValueError, KeyError, TypeError) as error:
                raise RoomError(f"{path}: line {number}: give {{'left': clip, 'right': clip}} ({error})") from error
    with store.write() as session:
        for place, first, second in pairs:
            task = session.scalars(select(tables.Task).where(tables.Task.unit == f"compare:{first}|{second}")).first()
            if task is None:
                raise RoomError(f"{place}: {first} and {second} are no two clips of one prompt in this room")
            task.asked = True
    return len(pairs)
