"""How a data set stands (`status`), and what a run would do to it (`plan`). Nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from animatrix_ingest.keep import manifest, tables, video
from animatrix_ingest.keep.ledger import DATASET, Ledger, check
from animatrix_ingest.keep.made import Made, changes
from animatrix_ingest.keep.store import Store, open_store
from animatrix_ingest.pipeline import known_sources
from animatrix_ingest.recipes import NO_WEIGHTS, Settings, Weights
from animatrix_ingest.watch.embed import WeightsError, held
from animatrix_ingest.watch.sources import find


@dataclass(frozen=True)
class Planned:
    """What a run would do with each name: work on `new` ones, and leave the others as they are."""

    new: tuple[str, ...]
    """never seen, or seen with other content, size or version"""
    known: tuple[str, ...]
    """their content is known; it is not finished under these settings"""
    done: tuple[str, ...]
    dead: tuple[str, ...]
    """finished as dead letters, in whole or in part; `retry` works on them again"""
    forgotten: tuple[str, ...]
    another: str
    """what made the highest generation otherwise (code, settings, libraries), so that another would come beside it"""


def plan(
    sources: Sequence[str], out: Path | str, settings: Settings, rating: Any = "unknown", weights: Weights = NO_WEIGHTS
) -> Planned:
    """What `run` with the same arguments would do. Nothing is fetched, decoded or written."""
    given = find(sources, rating)
    store = open_store(out)
    if store.size(DATASET) is None:
        return Planned(tuple(item.name for item in given), (), (), (), (), "")
    check(store)
    made = Made.here({**settings.to_json(), **held(weights)})
    ledger = Ledger(store, made.fingerprint)
    last = video.latest(store)
    forgotten = set(last.forgotten if last else ())
    known, finished = known_sources(ledger, given), ledger.attempts()
    kinds: dict[str, list[str]] = {name: [] for name in ("new", "known", "done", "dead", "forgotten")}
    for item in given:
        source = known.get(item.name)
        if source is None:
            kind = "new"
        elif source.sha256 in forgotten:
            kind = "forgotten"
        elif source.sha256[:32] not in finished:
            kind = "known"
        else:
            kind = "dead" if ledger.unit(source.sha256, finished[source.sha256[:32]]).dead else "done"
        kinds[kind].append(item.name)
    lists = {name: tuple(names) for name, names in kinds.items()}
    return Planned(**lists, another=changes(last.made, made) if last else "")


def dead_sources(dataset: Path | str | Store, weights: Weights = NO_WEIGHTS) -> tuple[list[str], Settings]:
    """(sources with dead letters, the settings they died under), of the highest generation: what `retry` works on.

    WeightsError where the generation was made with other `weights`: its dead would come back in another one.
    """
    store = open_store(dataset) if isinstance(dataset, str | Path) else dataset
    check(store)
    last = video.load(store)
    rows = video.read(store, last.losses, video.LOSSES).to_pylist()
    here = held(weights)
    before = {name: last.made["settings"][name] for name in vars(NO_WEIGHTS) if name in last.made["settings"]}
    if here != before:
        raise WeightsError(
            f"{store.url}: made with weights {before or 'of no model'}, and {here or 'none'} are given; give the same "
            "ones (--open-clip, --aesthetic)"
        )
    names = {field.name for field in fields(Settings)}
    settings = Settings(**{name: value for name, value in last.made["settings"].items() if name in names})
    return sorted({row["source"] for row in rows if row["outcome"] == "dead"}), settings


@dataclass(frozen=True)
class Standing:
    """A data set at one moment."""

    generations: manifest.Generations | None
    fingerprint: str
    sources: dict[str, int]
    shots: dict[str, int]
    n_shards: int
    n_bytes: int
    n_waiting: int
    """finished units that no generation knows yet: a run is at work, or was killed"""
    n_forgotten: int
    dead: tuple[tuple[str, str, str, int], ...]
    """(source, stage, reason, attempts) of every dead letter"""


def status(dataset: Path | str | Store) -> Standing:
    """How a data set stands. StoreError where there is none."""
    store = open_store(dataset) if isinstance(dataset, str | Path) else dataset
    check(store)
    last = video.latest(store)
    if last is None:
        n_units = len(store.entries("units/"))
        return Standing(None, "", {}, {}, 0, 0, n_units, 0, ())
    ledger = Ledger(store, last.fingerprint)
    rows = video.read(store, last.sources, video.SOURCES).to_pylist()
    there = {(row["sha256"][:32], row["attempt"]) for row in rows if row["stands"]}
    waiting = [pair for pair in ledger.attempts().items() if pair not in there]
    dead = [
        (row["source"], row["stage"], row["reason"], row["attempts"])
        for row in video.read(store, last.losses, video.LOSSES).to_pylist()
        if row["outcome"] == "dead"
    ]
    shards = tables.read_all(store, last.shards)
    return Standing(
        generations=manifest.generations(store),
        fingerprint=last.fingerprint,
        sources=last.counts["sources"],
        shots=last.counts["shots"],
        n_shards=shards.num_rows,
        n_bytes=sum(shards["size_bytes"].to_pylist()),
        n_waiting=len([sha for sha, _ in waiting if sha not in {s[:32] for s in last.forgotten}]),
        n_forgotten=len(last.forgotten),
        dead=tuple(dead),
    )
