"""Annotations: what is said of clips. Generations of their own, beside the video they speak of.

A kind (tags, captions, scores, tiers, ...) is one or more tables keyed by clip. `DIR/labels/v{M}.json` names, for one
video generation, the tables of every kind. A later generation replaces a kind as a whole and keeps the others, so
that thresholds, captions and corrections change without a byte of video being written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from animatrix_ingest.keep import store as keep
from animatrix_ingest.keep import tables
from animatrix_ingest.keep.clips import by_key
from animatrix_ingest.keep.faults import point
from animatrix_ingest.keep.generations import highest, name_of, numbers
from animatrix_ingest.keep.store import Conflict, Store, StoreError
from animatrix_ingest.keep.tables import pc

LABELS = "labels"
FORMAT = 1
TRIES = 100


@dataclass(frozen=True)
class Labels:
    """One generation of annotations: of which video, the tables of each kind, and how they came about.

    `hash` covers the values of the tables; `how` (thresholds, model, date) is outside it.
    """

    number: int
    video: int
    parent: int | None
    kinds: dict[str, tuple[str, ...]]
    how: dict[str, Any]
    hash: str


def write_table(store: Store, table: pa.Table) -> str:
    """Write an annotation table: a string column `key`, each clip once, and any other columns; sorted here by key."""
    if "key" not in table.column_names or not pa.types.is_string(table["key"].type):
        raise StoreError(f"annotation: columns {table.column_names}; one must be `key`, strings")
    ordered = by_key(table)
    keys = ordered["key"]
    if keys.null_count or pc.count_distinct(keys).as_py() != len(keys):
        twice = [row["values"] for row in pc.value_counts(keys).to_pylist() if row["counts"] > 1][:3]
        raise StoreError(f"annotation: a key is null or there twice ({twice}); one row per clip")
    return tables.write(store, ordered)


def commit_labels(
    store: Store,
    video: int,
    kinds: Mapping[str, Sequence[str]],
    how: Mapping[str, Any],
    *,
    base: int | None = None,
    strict: bool = False,
) -> int:
    """Commit the next generation: these kinds, and all others of generation `base` (the highest, if None).

    Returns its number; that of `base` where it would say the same. Where another driver takes the number first, its
    generation becomes the base and this one comes after it. `strict`: where any generation came after `base`, raise
    Conflict instead, for the kinds were made from those of `base` and would undo what it says.
    """
    for _ in range(TRIES):
        at = highest(store, LABELS) if base is None else base
        before = load_labels(store, at) if at is not None else None
        merged = {**(before.kinds if before else {}), **{kind: tuple(names) for kind, names in kinds.items()}}
        state = labels_hash(store, merged)
        if before and (before.video, before.hash, before.kinds) == (video, state, merged):
            return before.number
        number = (highest(store, LABELS) or 0) + 1
        if number != (at or 0) + 1:
            if strict:
                raise Conflict(f"{store.url}/{LABELS}: generation {number - 1} was committed after {at or 0}")
            if base is None:
                continue
        row = Labels(number, video, before and before.number, dict(sorted(merged.items())), dict(how), state)
        point("before labels", io=False)
        try:
            keep.put_json(store, name_of(LABELS, number), {"format": FORMAT, **asdict(row)})
        except Conflict:
            if strict:
                raise
            continue
        point("labels committed", io=False)
        return number
    raise StoreError(f"{store.url}/{LABELS}: {TRIES} generations were committed by others meanwhile; try again")


def labels_hash(store: Store, kinds: Mapping[str, Sequence[str]]) -> str:
    """A hash of what these tables say, however it is divided among files."""
    found = {}
    for kind, names in sorted(kinds.items()):
        if names:
            found[kind] = tables.values_hash(by_key(tables.read_all(store, names)))
    return keep.digest(keep.canonical(found))


def load_labels(store: Store, number: int | None = None) -> Labels:
    """A generation by its number, or the highest; StoreError where there is none, or a newer code wrote it."""
    at = highest(store, LABELS) if number is None else number
    if at is None or at not in numbers(store, LABELS):
        raise StoreError(f"{store.url}: no labels generation {'' if at is None else at}; run `animatrix-ingest run`")
    row = keep.get_json(store, name_of(LABELS, at))
    if row.pop("format", None) != FORMAT:
        raise StoreError(f"{store.url}/{name_of(LABELS, at)}: this code reads format {FORMAT}; update animatrix")
    return Labels(**{**row, "kinds": {kind: tuple(names) for kind, names in row["kinds"].items()}})


def load_kind(
    store: Store, kind: str, number: int | None = None, columns: Sequence[str] | None = None
) -> pa.Table | None:
    """The rows of a kind in a generation (the highest, if None), sorted by key; None where it has none."""
    names = load_labels(store, number).kinds.get(kind, ())
    if not names:
        return None
    whole = tables.read_all(store, names, columns and ["key", *(name for name in columns if name != "key")])
    return whole if len(names) == 1 else by_key(whole)
