"""Which clips of a data set are read: two generations, one side of the split, a least tier. Never what is quarantined.

Decisions are read here and not made: splits, tiers and scores are annotations of a labels generation. What one has not
decided is not guessed: without splits everything is `train`, without tiers everything is `raw`, and `Chosen.notes` says
so. A clip that a decision does not know, where the others are decided, is left out and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from animatrix_ingest.keep import manifest, tables
from animatrix_ingest.keep.annotations import load_kind, load_labels
from animatrix_ingest.keep.store import Store
from animatrix_ingest.keep.tables import pc

from animatrix_trainer.config import NEWEST, TIERS, Data, DataError
from animatrix_trainer.data.readings import Reading

QUARANTINED = "quarantined"
PLACES = [
    "key", "n_frames", "width_px", "height_px", "rate", "shard", "offset", "length", "json_offset", "json_length",
    "txt_offset", "txt_length",
]  # fmt: skip
TIER = "tier"
BOX = ("crop_x0", "crop_y0", "crop_x1", "crop_y1")
"""The picture within its border, as shares of the frame. What nobody saw the end of is not cut: a box whose
`border_doubt` is high cuts less than it might, and never more, so it is used like any other."""
TRAIN = "train"


@dataclass(frozen=True)
class Chosen:
    """`clips` are sorted by key and have PLACES, BOX (null: the whole frame) and TIER (an index into TIERS; null where
    nothing is decided)."""

    clips: pa.Table
    reading: Reading
    notes: tuple[str, ...]


def choose(store: Store, data: Data = NEWEST, split: str = TRAIN) -> Chosen:
    """The clips of one side. DataError where there is none, with what was left out."""
    found = _chosen(store, data, split)
    if not found.clips.num_rows:
        why = ", ".join(f"{n:,} {reason}" for reason, n in found.reading.left_out.items()) or "it is empty"
        raise DataError(
            f"{store.url}: no clip of split {split} from tier {data.tier} in labels generation {found.reading.labels} "
            f"({why}); choose a lower tier or other generations, or decide again with `animatrix-ingest decide`"
        )
    return found


def first_side(store: Store, data: Data, sides: Sequence[str], least_frames: int) -> str | None:
    """The first of these sides that has a clip of `least_frames` frames; None where none has."""
    for side in sides:
        lengths = _chosen(store, data, side).clips["n_frames"]
        if len(lengths) and pc.max(lengths).as_py() >= least_frames:
            return side
    return None


def _chosen(store: Store, data: Data, split: str) -> Chosen:
    table = manifest.load(store, data.video, data.labels, PLACES)
    facts = {name.decode(): value.decode() for name, value in (table.schema.metadata or {}).items()}
    number = int(facts["labels"])
    there = load_labels(store, number).kinds
    keys = table["key"]
    sides = beside(store, keys, "splits", there, number, ("split",)).get("split")
    tiers = beside(store, keys, "tiers", there, number, ("tier",)).get("tier")
    scores = beside(store, keys, "scores", there, number, (*BOX, "constant_rate"))
    notes = tuple(
        f"labels generation {number} has no {kind}: {follows}; `animatrix-ingest decide` makes them"
        for kind, is_there, follows in (
            ("splits", sides is not None, "nothing is held out"),
            ("tiers", tiers is not None, "nothing is quarantined or sorted out"),
            ("scores", bool(scores), "borders are not cut off, uneven time stamps are not seen"),
        )
        if not is_there
    )
    if sides is None and split != TRAIN:
        left, left_out = np.zeros(len(keys), bool), {"in no split": len(keys)}
    else:
        left, left_out = _sieve(len(keys), _reasons(sides, tiers, scores, split, data.tier))
    for name in BOX:
        table = table.append_column(name, scores.get(name, pa.chunked_array([pa.nulls(len(keys), pa.float32())])))
    ladder = pa.array(TIERS, pa.string())
    nothing = pa.chunked_array([pa.nulls(len(keys), pa.int32())])
    table = table.append_column(TIER, nothing if tiers is None else pc.index_in(tiers, value_set=ladder))
    side = None if sides is None else split
    n = int(left.sum())
    reading = Reading(int(facts["video"]), number, facts["dataset_hash"], side, data.tier, n, left_out)
    return Chosen(table.filter(pa.array(left)), reading, notes)


def _reasons(sides: Any, tiers: Any, scores: dict[str, Any], split: str, least: str) -> list[tuple[str, Any]]:
    """(reason, for which clips it holds), in the order in which they are counted."""
    reasons: list[tuple[str, Any]] = []
    if tiers is not None:
        reasons += [(QUARANTINED, pc.equal(tiers, QUARANTINED)), ("without a tier", pc.is_null(tiers))]
    if sides is not None:
        others = sorted({*pc.unique(sides).to_pylist()} - {split, None})
        reasons += [("without a split", pc.is_null(sides)), *((side, pc.equal(sides, side)) for side in others)]
    if tiers is not None:
        lower = pa.array(TIERS[: TIERS.index(least)], pa.string())
        reasons.append((f"under tier {least}", pc.is_in(tiers, value_set=lower)))
    if "constant_rate" in scores:
        reasons.append(("of uneven rate", pc.equal(scores["constant_rate"], 0)))
    return reasons


def _sieve(n: int, reasons: list[tuple[str, Any]]) -> tuple[np.ndarray, dict[str, int]]:
    """Which rows are left, and how many went for which reason; a row goes for the first that holds."""
    left, left_out = np.ones(n, bool), {}
    for why, holds in reasons:
        gone = left & pc.fill_null(holds, False).to_numpy()
        left &= ~gone
        if gone.any():
            left_out[why] = left_out.get(why, 0) + int(gone.sum())
    return left, left_out


def beside(
    store: Store, keys: Any, kind: str, there: dict[str, tuple[str, ...]], number: int, columns: Sequence[str]
) -> dict[str, Any]:
    """Those of `columns` that a kind has, in the order of `keys`, null where it has no row; {}: no such kind."""
    names = there.get(kind, ())
    if not names:
        return {}
    wanted = [name for name in tables.columns_of(store, names[0]) if name in columns]
    if not wanted:
        return {}
    rows = load_kind(store, kind, number, wanted)
    assert rows is not None
    if not rows["key"].equals(keys):
        rows = rows.take(pc.index_in(keys, value_set=rows["key"].combine_chunks()))
    return {name: _plain(rows[name]) for name in wanted}


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
