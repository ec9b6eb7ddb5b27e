"""From finished units to the next video generation: what is taken over from the last one, what is fresh."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from animatrix_ingest.decide.conserve import Counts, NotConserved, count_shots
from animatrix_ingest.keep import shards, tables, video
from animatrix_ingest.keep.annotations import LABELS, TRIES, commit_labels, load_labels, write_table
from animatrix_ingest.keep.clips import CLIPS, IDENTITY, KEY, WORDS, by_key, members_schema, tag_fields, unified
from animatrix_ingest.keep.generations import highest
from animatrix_ingest.keep.ledger import Ledger, named
from animatrix_ingest.keep.made import Made
from animatrix_ingest.keep.pack import Plan, plan
from animatrix_ingest.keep.store import Conflict, Store, StoreError
from animatrix_ingest.keep.tables import pc
from animatrix_ingest.keep.video import LOSSES, SOURCES, Video
from animatrix_ingest.rows import Packed, Source, Unit

FORGOTTEN = "forgotten on request"
SHARDS_FOLDER = shards.SHARDS
MEASURED = {"tags": tag_fields(), "captions": [pa.field("caption", pa.string(), nullable=False)]}
READERS = 16


@dataclass(frozen=True)
class Fresh:
    """Units the last generation does not know: their rows, and the clips of theirs (members_schema)."""

    units: tuple[Unit, ...]
    members: pa.Table
    counts: dict[str, Counts]


@dataclass(frozen=True)
class Inventory:
    """What the next generation is to hold: for each content its attempt and its names, and what the base knows."""

    base: Video | None
    base_sources: list[dict[str, Any]]
    names: dict[str, dict[str, dict[str, Any]]]
    attempts: dict[str, int]
    forgotten: frozenset[str]
    fresh: Fresh

    @property
    def kept(self) -> set[str]:
        """Contents whose rows are taken over from the base."""
        return set(self.attempts) - {unit.source.sha256 for unit in self.fresh.units}


def inventory(
    ledger: Ledger,
    given: Mapping[str, tuple[Source, Mapping[str, str | None]]],
    forget: Iterable[str] = (),
    remember: Iterable[str] = (),
) -> Inventory:
    """Everything ever given under this fingerprint, and now; reads only units the last such generation does not know.

    `given` has, for each name, its source and what the source list says of it. `forget` names contents to leave out
    from now on, `remember` those to take back.
    """
    store = ledger.store
    base = video.latest(store, ledger.fingerprint)
    last = video.latest(store)
    forgotten = frozenset({*(last.forgotten if last else ()), *forget} - {*remember})
    base_sources = video.read(store, base.sources, SOURCES).to_pylist() if base else []
    names: dict[str, dict[str, dict[str, Any]]] = {}
    for row in base_sources:
        if row["source"] not in given:
            names.setdefault(row["sha256"], {})[row["source"]] = row
    for name, (source, told) in given.items():
        row = {"sha256": source.sha256, "size_bytes": source.size_bytes, "version": source.version, **told}
        names.setdefault(source.sha256, {})[name] = {"source": name, **row}
    finished = ledger.attempts()
    attempts = {}
    for sha in names:
        if sha in forgotten:
            continue
        if sha[:32] not in finished:
            raise NotConserved(f"{next(iter(names[sha]))}: went in and has no outcome; this is a fault of the program")
        attempts[sha] = finished[sha[:32]]
    known = {(row["sha256"], row["attempt"]) for row in base_sources if row["stands"]}
    wanted = sorted(sha for sha, attempt in attempts.items() if (sha, attempt) not in known)
    fresh = read_units(ledger, [(sha, attempts[sha]) for sha in wanted])
    return Inventory(base, base_sources, names, attempts, forgotten, fresh)


def read_units(ledger: Ledger, which: Sequence[tuple[str, int]]) -> Fresh:
    """Units and their clips; NotConserved where the shots of one do not cover its frames."""
    with ThreadPoolExecutor(READERS) as pool:
        units = list(pool.map(lambda pair: ledger.unit(*pair), which))
        members = list(pool.map(lambda unit: members_of(ledger, unit), units))
    counts = {unit.source.sha256: count_shots(unit, spans(rows)) for unit, rows in zip(units, members)}
    return Fresh(tuple(units), unified(members, members_schema()), counts)


def members_of(ledger: Ledger, unit: Unit) -> pa.Table:
    """The rows of a unit's clips."""
    side = unit.sides.get("members")
    return tables.read(ledger.store, side.name) if side else members_schema().empty_table()


def spans(members: pa.Table) -> list[tuple[int, int]]:
    return list(zip(members["start_frame"].to_pylist(), members["end_frame"].to_pylist()))


@dataclass(frozen=True)
class Places:
    """Clips that lie in shards of any generation: their rows, and the shards' rows.

    Shards that hold a forgotten content are left out: `moving` has the other clips of theirs, which get new places.
    """

    clips: pa.Table
    shards: pa.Table
    moving: pa.Table

    @classmethod
    def of(cls, ledger: Ledger, forgotten: Iterable[str] = ()) -> Places:
        clips, shards = video.all_packed(ledger.store)
        clips = unified([clips], CLIPS)
        lost = video.among(clips, "source_sha256", forgotten)
        leaving = lost["shard"].unique().to_pylist()
        moving = video.without(video.among(clips, "shard", leaving), "source_sha256", forgotten)
        return cls(video.without(clips, "shard", leaving), shards, moving)

    def having(self, clips: pa.Table) -> pa.Table:
        """The packed rows of these clips."""
        if not clips.num_rows or not self.clips.num_rows:
            return CLIPS.empty_table()
        rows = pa.array(range(self.clips.num_rows), pa.int64())
        mine = self.clips.select(IDENTITY).append_column("_row", rows)
        joined = mine.join(clips.select(IDENTITY), keys=list(IDENTITY), join_type="inner")
        first = joined.group_by("key").aggregate([("_row", "min")])["_row_min"].combine_chunks()
        return self.clips.take(first.sort())


def to_hold(ledger: Ledger, stock: Inventory, places: Places) -> pa.Table:
    """Every clip of the next generation, where its bytes lie now: `shard` is a side file or a shard, by its name."""
    parts = [stock.fresh.members.select(CLIPS.names)]
    if stock.base is not None and stock.kept:
        kept = unified([tables.read_all(ledger.store, stock.base.clips)], CLIPS)
        kept = video.among(kept, "source_sha256", stock.kept)
        names = pc.binary_join_element_wise(SHARDS_FOLDER, kept["shard"].cast(pa.string()), "/")
        parts.append(kept.set_column(CLIPS.get_field_index("shard"), CLIPS.field("shard"), names.cast(WORDS)))
    return unified(parts, CLIPS)


def plan_of(clips: pa.Table, places: Places, shard_bytes: int) -> Plan | None:
    """How the clips that have no place are packed; None where none waits."""
    placed = places.having(clips)
    left = video.without(clips, "key", placed["key"].to_pylist()) if placed.num_rows else clips
    return plan(left, shard_bytes) if left.num_rows else None


def assemble(
    ledger: Ledger, made: Made, stock: Inventory, clips: pa.Table, places: Places, packed: Sequence[Packed]
) -> Video:
    """The next generation, its tables written; NotConserved where the counts do not add up."""
    store = ledger.store
    parts = [tables.read(store, row.part) for row in packed]
    known = pa.concat_tables([places.shards, video.shard_rows(packed)])
    here = Places(unified([places.clips, *parts], CLIPS), known, places.moving)
    clips = by_key(here.having(clips))
    sources, losses = _outcomes(ledger, stock)
    _conserve(store.url, clips, sources)
    used = set(clips["shard"].unique().to_pylist())
    in_use = video.once(video.among(known, "shard", used), ["shard"]).sort_by("shard")
    counts = {
        "sources": {name: sum(row["outcome"] == name for row in sources) for name in video.COUNTS},
        "shots": {name: sum(row[name] for row in sources) for name in video.COUNTS},
    }
    return Video(
        number=0,
        made=made.to_json(),
        fingerprint=made.fingerprint,
        parent=None,
        clips=tuple(tables.write_in_files(store, clips)),
        shards=tuple(tables.write_in_files(store, in_use)),
        sources=tuple(tables.write_in_files(store, pa.Table.from_pylist(sources, schema=SOURCES))),
        losses=tuple(tables.write_in_files(store, pa.Table.from_pylist(losses, schema=LOSSES))),
        measured=_measured(store, stock),
        forgotten=tuple(sorted(stock.forgotten)),
        counts=counts,
        hash=video.clips_hash(clips),
    )


def _outcomes(ledger: Ledger, stock: Inventory) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(sources, losses), sorted: what became of every name, and of every shot that was not kept."""
    units = {unit.source.sha256: unit for unit in stock.fresh.units}
    before = {row["sha256"]: row for row in stock.base_sources if row["stands"]}
    sources: list[dict[str, Any]] = []
    losses: list[dict[str, Any]] = []
    for sha, names in stock.names.items():
        if sha in stock.forgotten:
            sources += [_lost(row, FORGOTTEN) for row in names.values()]
            continue
        worked = units[sha].source.name if sha in units else before[sha]["source"]
        stands = worked if worked in names else min(names)
        if sha in units:
            unit = named(units[sha], stands)
            counts = stock.fresh.counts[sha]
            told = {name: getattr(counts, name) for name in video.COUNTS}
            sources.append(video.source_row(unit, told, names[stands]) | _facts(names[stands]))
            losses += video.loss_rows(unit)
        else:
            sources.append({**before[sha], **_facts(names[stands]), "source": stands})
        sources += [_lost(row, f"duplicate of {stands}") for name, row in names.items() if name != stands]
    if stock.base is not None and stock.kept:
        losses += video.among(
            video.read(ledger.store, stock.base.losses, LOSSES), "sha256", stock.kept
        ).to_pylist()  # fmt: skip
    sources.sort(key=lambda row: row["source"])
    losses.sort(key=lambda row: (row["source"], row.get("start_frame") or 0))
    return sources, losses


def _facts(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a name, whatever became of it."""
    names = ("sha256", "size_bytes", "version", *video.TOLD)
    return {name: row.get(name) for name in names}


def _lost(row: Mapping[str, Any], reason: str) -> dict[str, Any]:
    none = dict.fromkeys((*video.COUNTS, "n_frames"), 0)
    return {"source": row["source"], **_facts(row), **none, "outcome": "dropped", "reason": reason, "stands": False}


def _conserve(url: str, clips: pa.Table, sources: Iterable[Mapping[str, Any]]) -> None:
    n_kept = sum(row["kept"] for row in sources)
    n_keys = pc.count_distinct(clips["key"]).as_py()
    if not n_kept == clips.num_rows == n_keys:
        raise NotConserved(f"{url}: {n_kept} clips were committed; the manifest has {clips.num_rows}, {n_keys} unlike")


def _measured(store: Store, stock: Inventory) -> dict[str, tuple[str, ...]]:
    """Tags and captions as first measured: of fresh units from their members, of others from the base."""
    found = {}
    for kind, fields in MEASURED.items():
        schema = pa.schema([KEY, *fields])
        parts = [stock.fresh.members.select(schema.names)]
        if stock.base is not None and stock.kept:
            keys = _keys_of(store, stock.base, stock.kept)
            parts.append(video.among(tables.read_all(store, stock.base.measured[kind]), "key", keys))
        found[kind] = tuple(tables.write_in_files(store, by_key(unified(parts, schema))))
    return found


def _keys_of(store: Store, base: Video, contents: set[str]) -> list[str]:
    clips = tables.read_all(store, base.clips, ["key", "source_sha256"])
    return video.among(clips, "source_sha256", contents)["key"].to_pylist()


def commit_first_labels(store: Store, now: Video) -> int:
    """Labels for a new video generation: what was measured with it, and what was said before of its clips.

    A kind that somebody replaced (captions of another captioner) keeps its rows; clips it does not know are added as
    measured. Does nothing where the video has labels. Labels that another commits meanwhile (a recaption, a decision)
    are looked at anew, so that nothing of theirs is lost.
    """
    for _ in range(TRIES):
        try:
            return _first_labels(store, now)
        except Conflict:
            continue
    raise StoreError(f"{store.url}/{LABELS}: {TRIES} generations were committed by others meanwhile; run again")


def _first_labels(store: Store, now: Video) -> int:
    at = highest(store, LABELS)
    before = load_labels(store, at) if at is not None else None
    if before is not None and before.video == now.number:
        return before.number
    kinds: dict[str, tuple[str, ...]] = dict(now.measured)
    if before is not None:
        old = video.load(store, before.video)
        for kind in set(now.measured) & set(before.kinds):
            if before.kinds[kind] != old.measured.get(kind):
                kinds[kind] = (_extended(store, before.kinds[kind], now.measured[kind]),)
        if set(now.forgotten) - set(old.forgotten):
            keys = tables.read_all(store, now.clips, ["key"])["key"].to_pylist()
            for kind in set(before.kinds) - set(kinds):
                rows = video.among(tables.read_all(store, before.kinds[kind]), "key", keys)
                kinds[kind] = (write_table(store, rows),)
    return commit_labels(store, now.number, kinds, {"by": "run", "fingerprint": now.fingerprint}, base=at, strict=True)


def _extended(store: Store, said: Sequence[str], measured: Sequence[str]) -> str:
    """What was said of the clips that are still there, and what was measured of the others."""
    first = tables.read_all(store, measured)
    rows = video.among(tables.read_all(store, said), "key", first["key"].to_pylist())
    others = video.without(first, "key", rows["key"].to_pylist())
    return write_table(store, pa.concat_tables([rows, others], promote_options="permissive"))
