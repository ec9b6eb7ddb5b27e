"""gc: remove what no generation names. What is young is left alone, as a driver at work may be about to name it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from animatrix_ingest.keep import shards, tables, video
from animatrix_ingest.keep.annotations import LABELS, load_labels
from animatrix_ingest.keep.generations import name_of, numbers
from animatrix_ingest.keep.ledger import Ledger, check
from animatrix_ingest.keep.store import PROBES, Store, open_store
from animatrix_ingest.keep.video import SOURCES, VIDEO

MIN_AGE_S = 24 * 3600.0
SWEPT = ("sides/", "plans/", f"{shards.SHARDS}/", "parts/", f"{tables.TABLES}/", f"{PROBES}/")
"""What is looked through. The ledger (names, units), generations and answers of models stay."""


@dataclass(frozen=True)
class Removed:
    """What was removed, or would be."""

    names: tuple[str, ...]
    n_bytes: int
    n_young: int


def gc(
    dataset: str | Path | Store,
    *,
    dry_run: bool = False,
    min_age_s: float = MIN_AGE_S,
    drop_forgotten: bool = False,
) -> Removed:
    """Remove side files, plans, shards, parts and tables that no generation and no unfinished unit names.

    With `drop_forgotten`, generations that still hold a forgotten source are removed first, with their labels; the
    highest never holds one. `min_age_s` must be longer than any run takes from its first write to its generation.
    """
    store = open_store(dataset) if isinstance(dataset, str | Path) else dataset
    check(store)
    store.sweep()
    outdated = _holding_forgotten(store) if drop_forgotten else []
    named = _named(store, outdated)
    now, gone, size, young = time.time(), list(outdated), 0, 0
    for prefix in SWEPT:
        for entry in store.entries(prefix):
            if entry.name in named:
                continue
            if now - entry.written_unix_s < min_age_s:
                young += 1
                continue
            gone.append(entry.name)
            size += entry.size_bytes
    if not dry_run:
        for name in gone:
            store.delete(name)
    return Removed(tuple(gone), size, young)


def _named(store: Store, outdated: list[str]) -> set[str]:
    """Everything that a generation names, and the side files of units no generation of theirs knows yet."""
    named: set[str] = set()
    packed: set[tuple[str, str, int]] = set()
    for number in numbers(store, VIDEO):
        if name_of(VIDEO, number) in outdated:
            continue
        found = video.load(store, number)
        named |= {*found.clips, *found.shards, *found.sources, *found.losses}
        named |= {name for names in found.measured.values() for name in names}
        for row in tables.read_all(store, found.shards).to_pylist():
            named |= {f"{shards.SHARDS}/{row['shard']}", row["part"]}
        sources = tables.read_all(store, found.sources, list(SOURCES.names)).to_pylist()
        packed |= {(row["sha256"], found.fingerprint, row["attempt"]) for row in sources if row["stands"]}
    for number in numbers(store, LABELS):
        if name_of(LABELS, number) not in outdated:
            named |= {name for names in load_labels(store, number).kinds.values() for name in names}
    return named | _sides(store, packed)


def _sides(store: Store, packed: set[tuple[str, str, int]]) -> set[str]:
    """Side files of units: all of them, but the clips of those that are packed, and what is forgotten everywhere."""
    forgotten = _forgotten(store)
    named: set[str] = set()
    for entry in store.entries("units/"):
        sha, _, attempt = entry.name.removeprefix("units/").removesuffix(".json").split("-")
        unit = Ledger(store, entry.name.split("-")[1]).unit(sha, int(attempt))
        is_packed = (unit.source.sha256, unit.fingerprint, unit.attempt) in packed
        if unit.source.sha256 in forgotten and not is_packed:
            continue
        named |= {side.name for name, side in unit.sides.items() if not (is_packed and name == "clips")}
    return named


def _forgotten(store: Store) -> set[str]:
    last = video.latest(store)
    return set(last.forgotten) if last else set()


def _holding_forgotten(store: Store) -> list[str]:
    """Generations of video that hold a forgotten content, and the labels that speak of them."""
    forgotten, found = _forgotten(store), []
    bad: set[int] = set()
    for number in numbers(store, VIDEO):
        sources = tables.read_all(store, video.load(store, number).sources, ["sha256", "stands"]).to_pylist()
        if any(row["stands"] and row["sha256"] in forgotten for row in sources):
            bad.add(number)
            found.append(name_of(VIDEO, number))
    found += [name_of(LABELS, at) for at in numbers(store, LABELS) if load_labels(store, at).video in bad]
    return found
