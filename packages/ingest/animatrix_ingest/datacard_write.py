"""DIR/datacard.md and DIR/datacard.html, made from a data set's generations; they can be made again at any time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from animatrix_ingest.datacard import Facts, card
from animatrix_ingest.decide.joined import beside
from animatrix_ingest.decide.stated import stated
from animatrix_ingest.decide.tiers import Rule
from animatrix_ingest.keep import annotations, manifest, video
from animatrix_ingest.keep.store import Store, open_store

NAMES = ("datacard.md", "datacard.html")
DECIDED = "decided"
"""Where a labels generation's `how` keeps that of decide/together.py."""
_CLIPS = (
    *("key", "source", "source_sha256", "start_pts", "end_pts", "time_base", "n_frames", "rate"),
    *("width_px", "height_px", "length", "shard"),
)


def write(dataset: Path | str, scores: Mapping[str, str] | None = None) -> list[str]:
    """Write the card whole or not at all; returns where. `scores` are all that exist, with their meaning."""
    store = open_store(dataset)
    for name, text in zip(NAMES, card(facts(store, scores or {}))):
        store.renew(name, text.encode())
    return [f"{store.url}/{name}" for name in NAMES]


def facts(store: Store, scores: Mapping[str, str]) -> Facts:
    """What the newest generations of a data set say."""
    clips = manifest.load(store, columns=_CLIPS)
    numbers = {name.decode(): value.decode() for name, value in (clips.schema.metadata or {}).items()}
    now, labels = video.load(store, int(numbers["video"])), int(numbers["labels"])
    sources = video.read(store, now.sources, video.SOURCES)
    tables = {
        kind: annotations.load_kind(store, kind, labels) for kind in ("tags", "tiers", "splits", "roles", "clusters")
    }
    tags, clusters = tables.pop("tags"), tables.pop("clusters")
    if tags is not None:
        fields = [name for name in tags.column_names if name not in clips.column_names]
        for name, column in beside(clips["key"], tags, "tags", fields).items():
            clips = clips.append_column(name, column)
    how = decided(store, labels)
    return Facts(
        name=store.url.rstrip("/").rpartition("/")[2],
        clips=stated(clips, sources),
        sources=sources,
        losses=video.read(store, now.losses, video.LOSSES),
        made={**now.made, "fingerprint": now.fingerprint},
        generations={
            "video": now.number,
            "labels": labels,
            "dataset hash": numbers["dataset_hash"],
            "fingerprint": now.fingerprint,
        },
        decided=how.get("deciding", {}),
        rules=tuple(Rule.from_json(row) for row in how.get("rules", ())),
        balanced=how.get("balanced"),
        scores=scores,
        clusters=clusters,
        **{name: _of(table, clips) for name, table in tables.items()},
    )


def decided(store: Store, number: int | None) -> dict[str, Any]:
    """How it was decided: what the youngest generation that decided says, from `number` backwards."""
    while number is not None:
        labels = annotations.load_labels(store, number)
        if DECIDED in labels.how:
            return labels.how[DECIDED]
        number = labels.parent
    return {}


def _of(table: pa.Table | None, clips: pa.Table) -> pa.Table | None:
    """A table that decided all clips, or None: half a decision is none."""
    if table is None or not set(clips["key"].to_pylist()) <= set(table["key"].to_pylist()):
        return None
    return table
