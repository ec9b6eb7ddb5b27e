"""The manifest: one row per clip of one video generation, joined with what one labels generation says of it.

It is read from a data set, never stored: places and facts come from the video generation's table of clips, variables
and everything else from annotations, by key. What a generation does not name is not part of the data set, whatever a
directory listing says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from animatrix_ingest.keep import ledger, tables
from animatrix_ingest.keep import store as keep
from animatrix_ingest.keep import video as videos
from animatrix_ingest.keep.annotations import LABELS, Labels, load_kind, load_labels
from animatrix_ingest.keep.clips import CLIPS
from animatrix_ingest.keep.generations import numbers
from animatrix_ingest.keep.store import Store, StoreError, open_store
from animatrix_ingest.keep.tables import pc

SINGLE = {"tiers": ("tier",), "splits": ("split",), "weights": ("weight",), "roles": ("role",)}
"""Columns of annotations that every reader is given, where there are any."""
CROP = ("crop_x0", "crop_y0", "crop_x1", "crop_y1")
LATER = ("corrections", "records")
"""Kinds that are not joined unless asked for by column."""


class ManifestError(StoreError):
    """There is no manifest, or this code cannot read it; the message says which and what to do."""


@dataclass(frozen=True)
class Generations:
    """Which generations a data set has, and which are read when none is named."""

    video: tuple[int, ...]
    labels: tuple[int, ...]
    latest_video: int
    latest_labels: int
    hash: str


def generations(dataset: Path | str | Store) -> Generations:
    """The generations of a data set; what trained on it names both numbers and the hash."""
    store, now, said = _open(dataset, None, None)
    return Generations(
        tuple(numbers(store, videos.VIDEO)),
        tuple(numbers(store, LABELS)),
        now.number,
        said.number,
        _hash(now, said),
    )


def dataset_hash(dataset: Path | str | Store, video: int | None = None, labels: int | None = None) -> str:
    """A hash of what a data set holds: keys, bytes and values; not names, times, attempts or places."""
    return _hash(*_open(dataset, video, labels)[1:])


def _hash(now: videos.Video, said: Labels) -> str:
    return keep.digest(keep.canonical([now.hash, said.hash]))


def load(
    dataset: Path | str | Store,
    video: int | None = None,
    labels: int | None = None,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """The rows of a data set, sorted by key. ManifestError where there is none, or a newer code wrote it.

    Without numbers, the highest labels generation and the video generation it speaks of. `columns` names what is
    wanted, of clips or of any annotation; without it, everything but corrections and records.
    """
    store, now, said = _open(dataset, video, labels)
    own = [name for name in CLIPS.names if columns is None or name in columns]
    table = tables.read_all(store, now.clips, ["key", *(name for name in own if name != "key")])
    for kind, names in said.kinds.items():
        if not names:
            continue
        there = [name for name in tables.columns_of(store, names[0]) if name not in ("key", *table.column_names)]
        wanted = [name for name in there if _is_wanted(kind, name, columns)]
        if wanted:
            rows = load_kind(store, kind, said.number, wanted)
            table = _joined(table, rows, wanted)
    missing = [name for name in columns or () if name not in table.column_names]
    if missing:
        raise ManifestError(f"{store.url}: labels generation {said.number} has no columns {missing}")
    facts = {"video": str(now.number), "labels": str(said.number), "dataset_hash": _hash(now, said)}
    return (table if columns is None else table.select(list(columns))).replace_schema_metadata(facts)


def _is_wanted(kind: str, column: str, columns: Sequence[str] | None) -> bool:
    if columns is not None:
        return column in columns
    if kind in ("tags", "captions"):
        return True
    return kind not in LATER and (column in SINGLE.get(kind, ()) or column in CROP)


def _open(dataset: Path | str | Store, number: int | None, labels: int | None) -> tuple[Store, videos.Video, Labels]:
    """The two generations to read: those named, or the highest."""
    store = open_store(dataset) if isinstance(dataset, str | Path) else dataset
    try:
        ledger.check(store)
        now = None if number is None else videos.load(store, number)
        said = load_labels(store, _labels_of(store, number) if labels is None and number is not None else labels)
        now = now or videos.load(store, said.video)
    except ManifestError:
        raise
    except StoreError as error:
        raise ManifestError(str(error)) from error
    if said.video != now.number:
        raise ManifestError(
            f"{store.url}: labels generation {said.number} speaks of video generation {said.video}, not {now.number}; "
            "name a pair that belongs together, or one of the two alone"
        )
    return store, now, said


def _labels_of(store: Store, number: int) -> int:
    """The highest labels generation of a video generation."""
    for at in reversed(numbers(store, LABELS)):
        if load_labels(store, at).video == number:
            return at
    raise ManifestError(f"{store.url}: no labels generation of video generation {number}; run the ingest again")


def _joined(table: pa.Table, rows: pa.Table | None, columns: Sequence[str]) -> pa.Table:
    """Columns of annotation rows beside the clips; null where a clip has none. Both are sorted by key."""
    if rows is None:
        return table
    if rows["key"].equals(table["key"]):
        at = rows
    else:
        at = rows.take(pc.index_in(table["key"], value_set=rows["key"].combine_chunks()))
    for name in columns:
        table = table.append_column(name, at[name])
    return table


def in_order(table: pa.Table) -> pa.Table:
    """The rows in the order of the sources' names and of their frames, for people."""
    plain = pa.table({"source": table["source"].cast(pa.string()), "start_frame": table["start_frame"]})
    return table.take(pc.sort_indices(plain, [("source", "ascending"), ("start_frame", "ascending")]))
