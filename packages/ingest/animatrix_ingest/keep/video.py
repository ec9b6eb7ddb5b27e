"""Video generations: `DIR/video/v{N}.json` names what the data set holds, and nothing else is part of it.

A generation is small: it names tables by their content. `clips` has a row per clip, sorted by key; `shards` a row per
shard with its hash, its count and its part; `sources` what became of every source that was ever given; `losses` every
shot that was not kept. Changed settings or code make another generation in the same data set, never a mixture.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa

from animatrix_ingest.keep import store as keep
from animatrix_ingest.keep import tables
from animatrix_ingest.keep.clips import CLIPS, IDENTITY, WORDS
from animatrix_ingest.keep.faults import point
from animatrix_ingest.keep.generations import name_of, numbers
from animatrix_ingest.keep.store import Store, StoreError
from animatrix_ingest.keep.tables import pc
from animatrix_ingest.rows import Packed, Unit

VIDEO = "video"
FORMAT = 1
TOLD = ("work", "episode", "origin", "licence", "permission", "rating")
"""What the source list says of a source."""
COUNTS = ("kept", "dropped", "dead")
SOURCES = pa.schema(
    [
        ("source", pa.string()),
        ("sha256", pa.string()),
        ("size_bytes", pa.int64()),
        ("version", pa.string()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("stands", pa.bool_()),
        ("attempt", pa.int32()),
        ("n_frames", pa.int64()),
        *((name, pa.int64()) for name in COUNTS),
        ("lost_after_frames", pa.int64()),
        ("lost_expected_frames", pa.int64()),
        ("lost_reason", pa.string()),
        ("stream", pa.string()),
        *((name, pa.string()) for name in TOLD),
    ]
)
"""One row per name ever given. `stands` marks the one of several names with one content that stands for it."""
LOSSES = pa.schema(
    [
        ("source", pa.string()),
        ("sha256", pa.string()),
        ("outcome", pa.string()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("attempts", pa.int32()),
        *((name, pa.int64()) for name in ("start_frame", "end_frame", "start_pts", "end_pts")),
    ]
)
"""One row per shot, and per whole source, that was dropped or died."""
SHARDS = pa.schema(
    [
        ("shard", pa.string()),
        ("size_bytes", pa.int64()),
        ("sha256", pa.string()),
        ("n_clips", pa.int64()),
        ("part", pa.string()),
    ]
)


@dataclass(frozen=True)
class Video:
    """One generation. `hash` covers keys, bytes and values: not names, times, attempts or places.

    `measured` names the annotation tables that came with the clips; labels begin with them.
    """

    number: int
    made: dict[str, Any]
    fingerprint: str
    parent: int | None
    clips: tuple[str, ...]
    shards: tuple[str, ...]
    sources: tuple[str, ...]
    losses: tuple[str, ...]
    measured: dict[str, tuple[str, ...]]
    forgotten: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    hash: str

    def same(self, other: Video | None) -> bool:
        """Whether another generation says the same."""
        return other is not None and replace(self, number=0, parent=None) == replace(other, number=0, parent=None)


def load(store: Store, number: int | None = None) -> Video:
    """A generation by its number, or the highest; StoreError where there is none, or a newer code wrote it."""
    there = numbers(store, VIDEO)
    at = max(there, default=None) if number is None else number
    if at is None or at not in there:
        what = f"no video generation {at}; there are {there}" if there else "no video generation yet"
        raise StoreError(f"{store.url}: {what}; is this the --out of a finished `animatrix-ingest run`?")
    row = keep.get_json(store, name_of(VIDEO, at))
    if row.pop("format", None) != FORMAT:
        raise StoreError(f"{store.url}/{name_of(VIDEO, at)}: this code reads format {FORMAT}; update animatrix")
    lists = {name: tuple(row[name]) for name in ("clips", "shards", "sources", "losses", "forgotten")}
    measured = {kind: tuple(names) for kind, names in row["measured"].items()}
    return Video(**{**row, **lists, "measured": measured})


def latest(store: Store, fingerprint: str | None = None) -> Video | None:
    """The highest generation, or the highest that was made so; None where there is none."""
    for number in reversed(numbers(store, VIDEO)):
        found = load(store, number)
        if fingerprint is None or found.fingerprint == fingerprint:
            return found
    return None


def commit(store: Store, video: Video) -> Video:
    """Commit a generation under the next number, unless the highest says the same. Conflict: another took the number.

    Racing drivers that did the same write the same bytes, and both succeed.
    """
    last = latest(store)
    if last is not None and video.same(last):
        return last
    numbered = replace(video, number=(last.number if last else 0) + 1, parent=last.number if last else None)
    point("before generation", io=False)
    keep.put_json(store, name_of(VIDEO, numbered.number), {"format": FORMAT, **asdict(numbered)})
    point("generation committed", io=False)
    return numbered


def read(store: Store, names: Sequence[str], schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """One of a generation's tables."""
    if not names:
        return schema.empty_table()
    return tables.read_all(store, names, columns)


def clips_hash(clips: pa.Table) -> str:
    """The hash of what a generation holds: its clips, sorted by key, and the bytes of their three files."""
    return tables.values_hash(clips.select(IDENTITY))


def shard_rows(packed: Iterable[Packed]) -> pa.Table:
    return pa.Table.from_pylist([vars(row) for row in packed], schema=SHARDS)


def all_packed(store: Store) -> tuple[pa.Table, pa.Table]:
    """(CLIPS, SHARDS) of every clip that any generation names, the newest place of each."""
    names: dict[str, None] = {}
    shard_names: dict[str, None] = {}
    for number in reversed(numbers(store, VIDEO)):
        found = load(store, number)
        names |= dict.fromkeys(found.clips)
        shard_names |= dict.fromkeys(found.shards)
    clips = tables.read_all(store, names) if names else CLIPS.empty_table()
    return clips, once(tables.read_all(store, shard_names) if shard_names else SHARDS.empty_table(), ["shard"])


def once(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """The first row of each value of these columns."""
    if not table.num_rows:
        return table
    index = pa.array(range(table.num_rows), pa.int64())
    keyed = table.select(columns).append_column("_row", index)
    first = keyed.group_by(list(columns)).aggregate([("_row", "min")])["_row_min"]
    return table.take(first.combine_chunks().sort())


def without(table: pa.Table, column: str, values: Iterable[str]) -> pa.Table:
    """The rows whose `column` is none of these."""
    wanted = pa.array(sorted(values), pa.string())
    return table.filter(pc.invert(pc.is_in(_plain(table[column]), wanted)))


def among(table: pa.Table, column: str, values: Iterable[str]) -> pa.Table:
    """The rows whose `column` is one of these."""
    return table.filter(pc.is_in(_plain(table[column]), pa.array(sorted(values), pa.string())))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if column.type == WORDS else column


def source_row(unit: Unit, counts: Mapping[str, int], told: Mapping[str, str | None]) -> dict[str, Any]:
    """What a generation says of the name that stands for a unit."""
    lost = unit.lost
    return {
        "source": unit.source.name,
        "sha256": unit.source.sha256,
        "size_bytes": unit.source.size_bytes,
        "version": unit.source.version,
        "outcome": unit.outcome,
        "reason": unit.reason,
        "stands": True,
        "attempt": unit.attempt,
        "n_frames": unit.n_frames,
        **counts,
        "lost_after_frames": lost and lost.after_frames,
        "lost_expected_frames": lost and lost.expected_frames,
        "lost_reason": lost and lost.reason,
        "stream": json.dumps(unit.stream, sort_keys=True),
        **{name: told.get(name) for name in TOLD},
    }


def loss_rows(unit: Unit) -> list[dict[str, Any]]:
    """Every shot of a unit that was not kept, and the whole source where it died."""
    rows = []
    for outcome, lost in (("dropped", unit.dropped), ("dead", unit.dead)):
        for row in lost:
            spans = vars(row.span) if row.span else {}
            stage = getattr(row, "stage", "")
            facts = {"source": unit.source.name, "sha256": unit.source.sha256, "attempts": unit.attempt + 1}
            rows.append({**facts, "outcome": outcome, "stage": stage, "reason": row.reason, **spans})
    return rows


def lists(store: Store, video: Video) -> dict[str, list[dict[str, Any]]]:
    """What became of everything, for people: rows of `sources`, `dropped` and `dead`."""
    sources = read(store, video.sources, SOURCES).to_pylist()
    for row in sources:
        row["shots"] = {name: row[name] for name in COUNTS}
        after = row["lost_after_frames"]
        expected, reason = row["lost_expected_frames"], row["lost_reason"]
        row["lost"] = after is not None and {"after_frames": after, "expected_frames": expected, "reason": reason}
        row["lost"] = row["lost"] or None
    found: dict[str, list[dict[str, Any]]] = {"sources": sources, "dropped": [], "dead": []}
    for row in read(store, video.losses, LOSSES).to_pylist():
        row["span"] = None if row["start_frame"] is None else [row["start_frame"], row["end_frame"]]
        found[row["outcome"]].append(row)
    for row in sources:
        if row["outcome"] == "dropped" and not row["stands"]:
            found["dropped"].append({"source": row["source"], "reason": row["reason"], "span": None})
    return found
