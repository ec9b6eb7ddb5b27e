"""Verify: every byte of a generation read back against its hashes. What is wrong is a row, and nothing is repaired."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from animatrix_ingest.keep import shards, tables, video
from animatrix_ingest.keep import store as keep
from animatrix_ingest.keep.annotations import LABELS, labels_hash, load_labels
from animatrix_ingest.keep.clips import CLIPS, SUFFIX_OF
from animatrix_ingest.keep.generations import numbers
from animatrix_ingest.keep.ledger import Ledger, check
from animatrix_ingest.keep.store import Absent, Store, StoreError, open_store
from animatrix_ingest.keep.video import SOURCES, Video

BLOCK_BYTES = 8 << 20
READERS = 4


@dataclass(frozen=True)
class Wrong:
    """One name that does not hold what a generation says of it."""

    name: str
    what: str


@dataclass(frozen=True)
class Verified:
    """What was read, and what of it is wrong."""

    video: int
    n_files: int
    n_bytes: int
    wrong: tuple[Wrong, ...]


def verify(dataset: Any, number: int | None = None, told: Callable[[str], None] = lambda name: None) -> Verified:
    """Read back shards, members, parts, tables and side files of a generation (the highest, if None).

    A clip is wrong where its bytes are not the ones hashed when it was made; a shard where its own hash is another.
    """
    store = open_store(dataset) if not hasattr(dataset, "entries") else dataset
    check(store)
    now = video.load(store, number)
    wrong: list[Wrong] = []
    seen: dict[str, int] = {}
    named = {*now.clips, *now.shards, *now.sources, *now.losses, *(n for names in now.measured.values() for n in names)}
    for at in numbers(store, LABELS):
        labels = load_labels(store, at)
        if labels.video == now.number:
            named |= {name for names in labels.kinds.values() for name in names}
    wrong += _named_by_bytes(store, sorted(named), seen)
    if not wrong:
        wrong += _labels(store, now)
        rows = tables.read_all(store, now.shards).to_pylist()
        clips = tables.read_all(store, now.clips).cast(CLIPS)
        wrong += _named_by_bytes(store, [row["part"] for row in rows], seen)
        with ThreadPoolExecutor(READERS) as pool:
            for found in pool.map(lambda row: _shard(store, row, clips, seen, told), rows):
                wrong += found
        wrong += _whole(store, now, clips)
        wrong += _sides(store, now, seen)
    return Verified(now.number, len(seen), sum(seen.values()), tuple(wrong))


def _blocks(store: Store, name: str) -> Iterator[bytes]:
    at = 0
    while block := store.read(name, at, BLOCK_BYTES):
        yield block
        at += len(block)


def _named_by_bytes(store: Store, names: Sequence[str], seen: dict[str, int]) -> list[Wrong]:
    """Files whose name is the hash of their bytes."""
    found = []
    for name in names:
        state = hashlib.blake2b(digest_size=16)
        try:
            for block in _blocks(store, name):
                state.update(block)
                seen[name] = seen.get(name, 0) + len(block)
        except Absent:
            found.append(Wrong(name, "missing"))
            continue
        if state.hexdigest() != name.rpartition("/")[2].removesuffix(".parquet"):
            found.append(Wrong(name, f"its bytes hash to {state.hexdigest()}"))
    return found


def _shard(
    store: Store, row: dict[str, Any], clips: pa.Table, seen: dict[str, int], told: Callable[[str], None]
) -> list[Wrong]:
    """One shard, read once: its own hash, and where that is another, which of its clips are harmed."""
    name = f"{shards.SHARDS}/{row['shard']}"
    told(name)
    state, size = hashlib.sha256(), 0
    try:
        for block in _blocks(store, name):
            state.update(block)
            size += len(block)
    except Absent:
        return [Wrong(name, f"missing, with {row['n_clips']} clips")]
    seen[name] = size
    found = []
    if size != row["size_bytes"]:
        found.append(Wrong(name, f"{size} bytes, not {row['size_bytes']}"))
    if state.hexdigest() != row["sha256"]:
        found.append(Wrong(name, f"its bytes hash to sha256 {state.hexdigest()}, not {row['sha256']}"))
    part = tables.read(store, row["part"])
    if part.num_rows != row["n_clips"]:
        found.append(Wrong(row["part"], f"{part.num_rows} rows, not the {row['n_clips']} of its shard"))
    inside = video.among(clips, "shard", [row["shard"]])
    for clip in inside.to_pylist():
        for prefix, suffix in SUFFIX_OF.items():
            data = store.read(name, clip[f"{prefix}offset"], clip[f"{prefix}length"])
            if keep.digest(data) != clip[f"{suffix}_blake2b"]:
                found.append(Wrong(f"{name}#{clip['key']}.{suffix}", "not the bytes that were committed"))
    return found


def _whole(store: Store, now: Video, clips: pa.Table) -> list[Wrong]:
    """The generation against itself: its hash, its counts, its clips in the shards it names."""
    name, found = f"{video.VIDEO}/v{now.number}.json", []
    if video.clips_hash(clips) != now.hash:
        found.append(Wrong(name, f"its clips hash to {video.clips_hash(clips)}, not {now.hash}"))
    listed = set(tables.read_all(store, now.shards, ["shard"])["shard"].to_pylist())
    if strange := set(clips["shard"].unique().to_pylist()) - listed:
        found.append(Wrong(name, f"clips in shards it does not name: {sorted(strange)[:3]}"))
    outcomes = video.read(store, now.sources, SOURCES)["outcome"].to_pylist()
    if now.counts["sources"] != {word: outcomes.count(word) for word in video.COUNTS}:
        found.append(Wrong(name, f"its sources are not the {now.counts['sources']} it counts"))
    if clips.num_rows != now.counts["shots"]["kept"]:
        found.append(Wrong(name, f"{clips.num_rows} clips, not the {now.counts['shots']['kept']} it counts"))
    return found


def _labels(store: Store, now: Video) -> list[Wrong]:
    """Labels of this video whose tables do not say what they are known by."""
    found = []
    for at in numbers(store, LABELS):
        labels = load_labels(store, at)
        if labels.video == now.number and labels_hash(store, labels.kinds) != labels.hash:
            found.append(Wrong(f"{LABELS}/v{at}.json", "its tables say something else than its hash"))
    return found


def _sides(store: Store, now: Video, seen: dict[str, int]) -> list[Wrong]:
    """Side files of the units behind a generation, but those that are dropped once their clips are packed."""
    ledger = Ledger(store, now.fingerprint)
    found: list[Wrong] = []
    for row in video.read(store, now.sources, SOURCES).to_pylist():
        if not row["stands"]:
            continue
        try:
            unit = ledger.unit(row["sha256"], row["attempt"])
        except (StoreError, KeyError, TypeError, json.JSONDecodeError) as error:
            found.append(Wrong(f"units/{row['sha256'][:32]}", f"{type(error).__name__}: {error}"))
            continue
        kept = [side.name for name, side in unit.sides.items() if name != "clips" or ledger.has_side(unit, name)]
        found += _named_by_bytes(store, [name for name in kept if name not in seen], seen)
    return found
