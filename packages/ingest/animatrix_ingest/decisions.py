"""Deciding: from stored scores and fingerprints to roles, splits, tiers and weights, as one labels generation.

Nothing is decoded: `decide` reads tables and writes tables. It runs at the end of every run, and by itself whenever a
threshold, a verdict or the data set has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from animatrix_ingest.datacard_write import DECIDED, decided
from animatrix_ingest.decide import explain as words
from animatrix_ingest.decide.clusters import Middles
from animatrix_ingest.decide.joined import TableError, pc
from animatrix_ingest.decide.segments_table import across
from animatrix_ingest.decide.settings import DECIDING, Deciding
from animatrix_ingest.decide.split import moved
from animatrix_ingest.decide.stated import stated
from animatrix_ingest.decide.tiers import Rule
from animatrix_ingest.decide.together import decide
from animatrix_ingest.decide.verdicts import COLUMNS, Verdict, outliving, speaking
from animatrix_ingest.decide.verdicts import read as read_verdicts
from animatrix_ingest.keep import annotations, manifest, tables, video
from animatrix_ingest.keep.ledger import Ledger
from animatrix_ingest.keep.store import Store, open_store
from animatrix_ingest.rows import Unit
from animatrix_ingest.scores import SCHEMA, SCORES
from animatrix_ingest.vectors import SCHEMA as VECTORS
from animatrix_ingest.watch import lists
from animatrix_ingest.watch.prints import Prints

READERS = 16
PRINTS_HELD = 256
SAID = "said"
"""Where what is kept of a decision keeps its verdicts."""


@dataclass(frozen=True)
class Decision:
    """What deciding came to: the labels generation, how many clips stand on each tier and in each split, what moved."""

    labels: int
    tiers: dict[str, int]
    splits: dict[str, int]
    roles: dict[str, int]
    n_moved: int
    unmatched: tuple[Verdict, ...]


def is_decided(dataset: Path | str | Store) -> bool:
    """Whether the newest labels generation holds decisions on the newest video generation."""
    store = _store(dataset)
    labels, now = annotations.load_labels(store), video.latest(store)
    return now is not None and labels.video == now.number and DECIDED in labels.how


def decide_all(
    dataset: Path | str | Store, deciding: Deciding = DECIDING, verdicts: Path | None = None, use_sound: bool = True
) -> Decision:
    """Decide everything anew from what is stored, and commit it, where it says anything new.

    A file of `verdicts` replaces the one before it; without one, what was said before still counts, as far as its
    sources are here: a run that adds a source must not let out what a person has taken out. Raises StoreError,
    TableError, ListError.
    """
    store = _store(dataset)
    clips = manifest.load(store)
    last = _last(store)
    kept = [Verdict(**row) for row in last.get(SAID, ())]
    said = _verdicts(verdicts) if verdicts else speaking(clips, kept)
    number = int((clips.schema.metadata or {})[b"video"])
    now, before = video.load(store, number), annotations.load_labels(store)
    sources = video.read(store, now.sources, video.SOURCES)
    units = Units(store, now, sources)
    gathered = before.number if last.get("fingerprint") == now.fingerprint else None
    scores, vectors = gather_scores(store, clips, units, gathered), gather_vectors(store, clips, units, gathered)
    told = stated(clips, sources)
    alike = _plain(told).append_column("embedding", vectors["embedding"]).append_column("maker", vectors["maker"])
    styles = deciding.styles
    roles = across(
        alike, _PrintsOf(units), near_cosine=styles.near_cosine, near_builtin=styles.near_builtin, use_sound=use_sound
    )
    middles = Middles.from_json(last["clusters"]) if "clusters" in last else None
    made = decide(clips, sources, scores, roles, SCORES, said, deciding, vectors, middles)
    every = {"scores": scores, "vectors": vectors, "roles": roles, **made.tables}
    kinds = {kind: [annotations.write_table(store, table)] for kind, table in every.items()}
    lasting = outliving(clips, said) if verdicts else kept
    how = {**made.how, "fingerprint": now.fingerprint, SAID: [vars(verdict) for verdict in lasting]}
    labels = annotations.commit_labels(store, number, kinds, {"by": "decide", DECIDED: how})
    former = annotations.load_kind(store, "splits", before.number)
    return Decision(
        labels=labels,
        tiers=_counts(made.tables["tiers"]["tier"]),
        splits=_counts(made.tables["splits"]["split"]),
        roles=_counts(roles["role"]),
        n_moved=moved(former, made.tables["splits"]).num_rows if former is not None else 0,
        unmatched=made.unmatched,
    )


def decided_with(dataset: Path | str | Store) -> Deciding | None:
    """The settings of the last decision; None where there was none."""
    said = _last(_store(dataset)).get("deciding")
    if said is None:
        return None
    parts = {part.name: (type(getattr(DECIDING, part.name)), said.get(part.name, {})) for part in fields(Deciding)}
    known = {
        name: kind(**{field.name: values[field.name] for field in fields(kind) if field.name in values})
        for name, (kind, values) in parts.items()
    }
    return Deciding(**known)


def _last(store: Store) -> dict[str, Any]:
    """How the last decision was made; empty where there was none."""
    return decided(store, annotations.load_labels(store).number)


def explain(dataset: Path | str | Store, key: str) -> str:
    """Why a clip stands where it stands, by the newest generation. TableError where there is no such key."""
    store = _store(dataset)
    clips = manifest.load(store)
    facts = {name.decode(): int(value) for name, value in (clips.schema.metadata or {}).items() if value.isdigit()}
    now, labels = video.load(store, facts["video"]), facts["labels"]
    rules = tuple(Rule.from_json(row) for row in decided(store, labels).get("rules", ()))
    kinds = {
        kind: annotations.load_kind(store, kind, labels) for kind in ("tiers", "splits", "weights", "roles", "clusters")
    }
    scores = annotations.load_kind(store, "scores", labels)
    told = stated(clips, video.read(store, now.sources, video.SOURCES))
    there = {kind: table for kind, table in kinds.items() if table is not None}
    return words.explain(key, told, scores if scores is not None else SCHEMA.empty_table(), rules, SCORES, **there)


class Units:
    """The finished units of a video generation, by the name of the source that stands for each content."""

    def __init__(self, store: Store, now: video.Video, sources: pa.Table) -> None:
        self.ledger = Ledger(store, now.fingerprint)
        rows = sources.filter(sources["stands"]).select(["source", "sha256", "attempt"]).to_pylist()
        self._places = {row["source"]: (row["sha256"], row["attempt"]) for row in rows}

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def unit(self, source: str) -> Unit:
        return self.ledger.unit(*self._places[source])

    def side(self, source: str, name: str) -> str:
        """The name in the store of a side file of a source that has clips. TableError where it was not kept."""
        sides = self.unit(source).sides
        if name not in sides:
            raise TableError(
                f"{source}: its unit keeps no {name}, only {', '.join(sorted(sides))}: older code made it; "
                "`run` the sources again, and another generation is made of them"
            )
        return sides[name].name

    def has(self, source: str, name: str) -> bool:
        """Whether a source's unit has a side file: an older one does not have what was not kept then."""
        return name in self.unit(source).sides


def gather_scores(store: Store, clips: pa.Table, units: Units, gathered: int | None) -> pa.Table:
    """The scores of every clip, in the clips' order: those of a labels generation, and those of units new since.

    `gathered` is None where what was gathered before was measured with other settings or by other code.
    """
    before = None if gathered is None else annotations.load_kind(store, "scores", gathered)
    parts = [] if before is None or before.schema.names != SCHEMA.names else [before.cast(SCHEMA)]
    there = (
        pc.is_in(clips["key"], value_set=parts[0]["key"]) if parts else pa.array([False] * clips.num_rows, pa.bool_())
    )
    missing = clips.filter(pc.invert(there))["source"].unique().to_pylist()
    with ThreadPoolExecutor(READERS) as pool:
        found = pool.map(lambda source: tables.read(store, units.side(source, "scores")), missing)
        parts += [_complete(table) for table in found]
    whole = pa.concat_tables(parts) if parts else SCHEMA.empty_table()
    return whole.take(pc.index_in(clips["key"], value_set=whole["key"])) if clips.num_rows else whole


def gather_vectors(store: Store, clips: pa.Table, units: Units, gathered: int | None) -> pa.Table:
    """What every clip looks like, gathered as scores are, as vectors.SCHEMA; null where it was not kept."""
    before = None if gathered is None else annotations.load_kind(store, "vectors", gathered)
    parts = [] if before is None else [before.select(VECTORS.names).cast(VECTORS)]
    there = parts[0]["key"] if parts else pa.array([], pa.string())
    missing = clips.filter(pc.invert(pc.is_in(clips["key"], value_set=there)))["source"].unique().to_pylist()

    def read(source: str) -> pa.Table | None:
        return tables.read(store, units.side(source, "vectors")) if units.has(source, "vectors") else None

    with ThreadPoolExecutor(READERS) as pool:
        parts += [table.select(VECTORS.names).cast(VECTORS) for table in pool.map(read, missing) if table is not None]
    whole = pa.concat_tables(parts) if parts else VECTORS.empty_table()
    found = whole.take(pc.index_in(clips["key"], value_set=whole["key"]))
    return found.set_column(0, VECTORS.field("key"), clips["key"].cast(pa.string())).cast(VECTORS)


def _complete(table: pa.Table) -> pa.Table:
    """Scores as SCHEMA has them: null for what nobody measured yet when the unit was made."""
    for name in SCHEMA.names:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows))
    return table.select(SCHEMA.names).cast(SCHEMA)


class _PrintsOf(Mapping[str, Prints]):
    """The fingerprints of sources, read when they are asked for; the last ones stay in memory."""

    def __init__(self, units: Units) -> None:
        self._units = units
        self._read = lru_cache(PRINTS_HELD)(self._prints)

    def _prints(self, source: str) -> Prints:
        return Prints.from_bytes(self._units.ledger.store.get(self._units.side(source, "prints")))

    def __getitem__(self, source: str) -> Prints:
        return self._read(source)

    def __iter__(self) -> Iterator[str]:
        return iter(self._units)

    def __len__(self) -> int:
        return sum(1 for _ in self._units)


def _plain(clips: pa.Table) -> pa.Table:
    """The columns that looking across sources needs, without dictionaries; an unstated work is no word."""
    columns = {}
    for name in ("key", "source", "start_pts", "end_pts", "time_base", "width_px", "height_px", "length", "work"):
        column = clips[name]
        columns[name] = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
    columns["work"] = pc.fill_null(columns["work"], "")
    return pa.table(columns)


def _verdicts(place: Path | None) -> list[Verdict]:
    return read_verdicts(lists.read(str(place), COLUMNS, ("verdict", "who", "when"))) if place else []


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    return {
        row["values"]: row["counts"] for row in sorted(pc.value_counts(column).to_pylist(), key=lambda r: r["values"])
    }


def _store(dataset: Path | str | Store) -> Store:
    return open_store(dataset) if isinstance(dataset, str | Path) else dataset
