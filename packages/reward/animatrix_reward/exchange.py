"""Votes in and out: JSONL, Parquet, Label Studio JSON, VideoAlign CSV. A file with one wrong row is refused whole.

JSONL and Parquet hold every event exactly. Label Studio and VideoAlign hold what their formats can say: what stands of
comparisons, scores and deformations; `written` says how many events were left out. Files of an older, released
taxonomy are refused with the remedy, or translated (`anicaption.releases`) where that is asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from anicaption.releases import by_hash
from anicaption.taxonomy import TaxonomyError, taxonomy

from animatrix_reward import events, exchange_labelstudio, exchange_videoalign
from animatrix_reward.dimensions import DEFORMATION_FIELDS
from animatrix_reward.events import Event, EventError

Placed = tuple[str, Mapping[str, Any]]
"""A row as it was read, and its place in the file."""


@dataclass(frozen=True)
class Clip:
    """What a file may name a clip by: its id, or its path as the room was told it."""

    id: str
    prompt: str
    prompt_text: str
    path: str
    n_frames: int
    rate: float


@dataclass(frozen=True)
class Written:
    """Events in a file that was written, and events that its format has no place for."""

    n_events: int
    n_left_out: int


def read(path: Path, clips: Sequence[Clip], *, translate: bool = False) -> tuple[str, list[Event]]:
    """(sha256 of the file, its events), all checked against the clips there are. Raises EventError at the first wrong
    one, with its place and why."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise EventError(f"{path}: cannot be read ({error.strerror})") from error
    known = {clip.id: clip for clip in clips}
    found, seen = [], {}
    for place, row in _reader(path)(path, clips):
        if translate:
            row = translated(row, place)
        event = events.of_row(row, place)
        if event.id in seen:
            raise EventError(f"{place}: id: {event.id} stands at {seen[event.id]} already; keep one of the two")
        seen[event.id] = place
        _check_clips(event.kind, event.body, known, place)
        found.append(event)
    if not found:
        raise EventError(f"{path}: no events in it")
    return digest, found


def write(path: Path, said: Iterable[Event], clips: Sequence[Clip]) -> Written:
    """Write a file in the format that its name ends with. Raises EventError for an ending that is none."""
    kept = list(said)
    if path.suffix == ".jsonl":
        return Written(events.write(path, kept), 0)
    if path.suffix == ".parquet":
        return Written(_write_parquet(path, kept), 0)
    _reader(path)
    standing = events.standing(kept)
    if path.suffix == ".json":
        text, n_events = exchange_labelstudio.write(standing, {clip.id: clip for clip in clips})
    else:
        text, n_events = exchange_videoalign.write(standing, {clip.id: clip for clip in clips})
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8")
    part.replace(path)
    return Written(n_events, len(kept) - n_events)


def _reader(path: Path) -> Callable[[Path, Sequence[Clip]], list[Placed]]:
    readers = {
        ".jsonl": _read_jsonl,
        ".parquet": _read_parquet,
        ".json": exchange_labelstudio.read,
        ".csv": exchange_videoalign.read,
    }
    if path.suffix not in readers:
        raise EventError(
            f"{path}: '{path.suffix}' is no format of votes; give .jsonl, .parquet, .json (Label Studio) or "
            ".csv (VideoAlign)"
        )
    return readers[path.suffix]


def translated(row: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    """A row of a released taxonomy in today's words. Raises EventError for a word that has no single one today."""
    if not isinstance(row, Mapping) or row.get("taxonomy_hash") == taxonomy().hash:
        return row
    try:
        source = by_hash(str(row.get("taxonomy_hash")), place)
    except TaxonomyError as error:
        raise EventError(str(error)) from error
    body = row.get("body")
    if isinstance(body, Mapping):
        body = _body_today(body, source, place)
    return {**row, "body": body, "taxonomy_hash": taxonomy().hash}


def _body_today(body: Mapping[str, Any], source, place: str) -> Mapping[str, Any]:
    if isinstance(body.get("body"), Mapping):
        return {**body, "body": _body_today(body["body"], source, place)}
    if isinstance(body.get("spans"), list):
        spans = [{**span, "kind": _kind_today(span["kind"], source, place)} for span in body["spans"]]
        return {**body, "spans": spans}
    if isinstance(body.get("tags"), Mapping):
        tags: dict[str, list[str]] = {}
        for field, values in body["tags"].items():
            for value in values:
                new_field, new_value = _value_today(field, value, source, place)
                tags.setdefault(new_field, []).append(new_value)
        return {**body, "tags": tags}
    return body


def _kind_today(kind: str, source, place: str) -> str:
    for field in source.all_fields:
        if field.id in DEFORMATION_FIELDS and kind in {value.id for value in field.all_values}:
            return _value_today(field.id, kind, source, place)[1]
    return kind


def _value_today(field_id: str, value_id: str, source, place: str) -> tuple[str, str]:
    """Today's field and value of an old one, found by its number, which never changes."""
    old = next((f for f in source.all_fields if f.id == field_id), None)
    value = None if old is None else next((v for v in old.all_values if v.id == value_id), None)
    if old is None or (value is None and value_id not in ("unknown", "na")):
        raise EventError(f"{place}: {field_id}={value_id} is not of taxonomy {source.version}, of which the event is")
    now = next(f for f in taxonomy().all_fields if f.number == old.number)
    if value is None:
        return now.id, value_id
    today = next(v for v in now.all_values if v.number == value.number)
    if today.deprecated is None:
        return now.id, today.id
    if len(today.replaced_by) == 1:
        field, _, word = today.replaced_by[0].partition("=")
        return field, word
    several = " or ".join(today.replaced_by or today.replaced_at_edges)
    raise EventError(f"{place}: {field_id}={value_id} is {several} today; say which in the file")


def _check_clips(kind: str, body: Mapping[str, Any], known: Mapping[str, Clip], place: str) -> None:
    if kind in ("adjudicate", "gold"):
        _check_clips(body["kind"], body["body"], known, place)
        return
    for name in ("clip", "left", "right"):
        if name in body and body[name] not in known:
            raise EventError(
                f"{place}: body.{name}: no clip {body[name]} in this room; add it first (animatrix-reward add-clips)"
            )
    if kind == "compare":
        prompts = {known[body["left"]].prompt, known[body["right"]].prompt, body["prompt"]}
        if len(prompts) > 1:
            raise EventError(
                f"{place}: body: clips and prompt are of {', '.join(sorted(prompts))}; they must be of one"
            )
    for span in body.get("spans", ()):
        n_frames = known[body["clip"]].n_frames
        if span["end"] > n_frames:
            raise EventError(f"{place}: body.spans: ends at {span['end']}, but {body['clip']} has {n_frames} frames")


def _read_jsonl(path: Path, clips: Sequence[Clip]) -> list[Placed]:
    rows = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise EventError(f"{path}: not UTF-8 ({error})") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                rows.append((f"{path}: line {number}", json.loads(line)))
            except ValueError as error:
                raise EventError(f"{path}: line {number}: not JSON ({error}); write one object a line") from error
    return rows


def _read_parquet(path: Path, clips: Sequence[Clip]) -> list[Placed]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path).to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise EventError(f"{path}: no Parquet file ({error})") from error
    placed = []
    for number, row in enumerate(rows, 1):
        place = f"{path}: row {number}"
        try:
            placed.append((place, {**row, "body": json.loads(row["body"])}))
        except (KeyError, TypeError, ValueError) as error:
            raise EventError(f"{place}: body: must be an event's body as JSON text ({error})") from error
    return placed


def _write_parquet(path: Path, said: Sequence[Event]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = tuple(Event.__dataclass_fields__)
    schema = pa.schema([pa.field(name, pa.string(), nullable=False) for name in names])
    rows = [
        asdict(replace(event, body={})) | {"body": json.dumps(event.body, ensure_ascii=False, sort_keys=True)}
        for event in said
    ]
    part = path.with_name(path.name + ".part")
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), part)
    part.replace(path)
    return len(rows)
