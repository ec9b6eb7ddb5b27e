"""Votes between a room and files: what `exchange` reads and writes, against the room's clips and events."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import select

from animatrix_reward import exchange
from animatrix_reward.events import standing
from animatrix_reward.exchange import Clip, Written
from animatrix_reward.room import tables
from animatrix_reward.room.store import RoomError, Store, append, check_text, events, remember_import


def clips_of(store: Store) -> list[Clip]:
    """The room's clips as files name them."""
    with store.read() as session:
        rows = session.execute(
            select(tables.Clip, tables.Prompt.text).join(tables.Prompt, tables.Prompt.id == tables.Clip.prompt)
        ).all()
        return [Clip(c.id, c.prompt, words, c.path, c.n_frames, c.rate) for c, words in rows]


def bring_in(store: Store, path: Path, *, translate: bool = False) -> int:
    """Keep all events of a file, or none; returns how many. Raises RoomError or EventError with place and reason."""
    digest, said = exchange.read(path, clips_of(store), translate=translate)
    with store.write() as session:
        remember_import(session, path.name, digest, len(said))
        for number, event in enumerate(said, 1):
            check_text(event.body, f"{path}: event {number}")
            if not append(session, event):
                raise RoomError(
                    f"{path}: event {number}: id: {event.id} is in the room already; this file came in before, in part "
                    "or under another name; import only what is new"
                )
    return len(said)


def corrections(store: Store, path: Path) -> int:
    """Write what stands of corrected captions, as rows {key, field, values, who, when} (the format of ingest's
    corrections, of which `anicaption train` learns); `key` is the clip's id. Returns how many rows."""
    with store.read() as session:
        said = standing(events(session, kinds=("correct",)))
    rows = [
        {"key": e.body["clip"], "field": field, "values": values, "who": e.rater, "when": e.made_at}
        for e in said
        for field, values in sorted(e.body["tags"].items())
    ]
    part = path.with_name(path.name + ".part")
    part.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    part.replace(path)
    return len(rows)


def take_out(store: Store, path: Path, kinds: tuple[str, ...] = ()) -> Written:
    """Write the room's events of these kinds (all of them if none is named) to a file."""
    with store.read() as session:
        said = events(session, kinds=kinds)
    return exchange.write(path, said, clips_of(store))
