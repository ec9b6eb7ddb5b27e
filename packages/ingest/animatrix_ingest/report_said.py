"""What a labels generation says of clips beside their variables, brought to the rows that a report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from animatrix_ingest.decide.joined import beside, pc, plain
from animatrix_ingest.decide.quarantine import quarantine
from animatrix_ingest.decide.stated import STATED, stated
from animatrix_ingest.decide.tiers import QUARANTINED
from animatrix_ingest.decide.verdicts import Laid
from animatrix_ingest.keep import tables
from animatrix_ingest.keep.annotations import Labels, load_kind
from animatrix_ingest.keep.manifest import CROP
from animatrix_ingest.keep.store import Store

WITHHELD = "withheld"
"""Column: why a clip is not shown; "" where it is."""
KINDS: Mapping[str, Sequence[str]] = {
    "tiers": ("tier",),
    "splits": ("split",),
    "roles": ("role", "copy_of", "near_of"),
    "clusters": ("cluster",),
    "scores": ("cadence", "constant_rate", "border_doubt", *CROP),
}
"""What is brought to all clips."""
CLOSER: Mapping[str, Sequence[str]] = {"tiers": ("reasons",), "scores": ("boxes",), "records": ("record",)}
"""What is brought to the clips that are shown."""


def said(store: Store, clips: pa.Table, labels: Labels, kinds: Mapping[str, Sequence[str]]) -> pa.Table:
    """`clips` with these columns of these kinds; null where nobody said anything."""
    for kind, columns in kinds.items():
        names = labels.kinds.get(kind, ())
        there = set(tables.columns_of(store, names[0])) if names else set()
        rows = load_kind(store, kind, labels.number, [name for name in columns if name in there])
        found = beside(clips["key"], rows, kind, [name for name in columns if name in there])
        for name in columns:
            column = found.get(name, pa.chunked_array([pa.nulls(clips.num_rows, pa.string())]))
            clips = clips.drop_columns([name]) if name in clips.column_names else clips
            clips = clips.append_column(name, column)
    return clips


def withheld(clips: pa.Table, sources: pa.Table) -> pa.Table:
    """`clips` with what source lists state of them and the column WITHHELD.

    Not shown is what stands quarantined, and what its source or its record calls explicit, decided or not.
    """
    clips = stated(clips, sources)
    tags = clips.select(["key", "content.rating"]) if "content.rating" in clips.column_names else None
    told = clips.select(["key", *STATED])
    why = quarantine(told, Laid({}, ()), tags, None, None).why
    tiers = plain(clips["tier"]).to_pylist()
    words = [w or ("its tier is quarantined" if tier == QUARANTINED else "") for w, tier in zip(why, tiers)]
    return clips.append_column(WITHHELD, pa.array(words, pa.string()))


def counts(column: Any) -> dict[str, int]:
    """How often each value occurs, most often first; lists count each of their values, nulls do not count."""
    flat = pc.list_flatten(column) if pa.types.is_list(column.type) else column
    found = {row["values"]: row["counts"] for row in pc.value_counts(plain(flat)).to_pylist()}
    return {value: found[value] for value in sorted(found, key=lambda v: (-found[v], v or "")) if value is not None}
