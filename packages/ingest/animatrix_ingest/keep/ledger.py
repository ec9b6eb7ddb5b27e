"""The ledger: which contents are finished, so that a run that was killed goes on and a second run does nothing.

    DIR/dataset.json      what the layout is, and that the store was proved; the first thing written
    DIR/names/*.json      the sha256 behind a name of a size and version, so that it is fetched and hashed once
    DIR/units/*.json      one commit per source content, fingerprint and attempt, written last, naming its side files
    DIR/sides/*           side files, named by their content

The unit of work is (sha256 of a source, fingerprint). Nothing is overwritten: a retry writes the next attempt, and the
highest counts. Of two workers with the same source the first to commit wins, and the other takes over what it said.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from animatrix_ingest.keep import store as keep
from animatrix_ingest.keep.faults import point
from animatrix_ingest.keep.made import FORMAT
from animatrix_ingest.keep.store import Conflict, Store, StoreError
from animatrix_ingest.rows import Dead, Dropped, Lost, Side, Source, Span, Unit

DATASET = "dataset.json"
LAYOUT = ("dataset.json", "names/", "units/", "sides/", "plans/", "shards/", "parts/", "video/", "tables/", "labels/")
LAYOUT += ("answers/", f"{keep.PROBES}/")


def begin(store: Store) -> None:
    """Open a data set, or begin one in an empty place; StoreError where something else lies there."""
    if store.size(DATASET) is None:
        others = [name for name in keep.names(store, "") if not name.startswith(LAYOUT)]
        if others:
            raise StoreError(
                f"{store.url}: not empty and not a data set ({others[0]} lies there); choose another --out"
            )
        point("prove", io=False)
        keep.put_json(store, DATASET, {"format": FORMAT, "proved": keep.prove(store)})
    check(store)


def check(store: Store) -> None:
    """StoreError unless this code reads the data set's format."""
    if store.size(DATASET) is None:
        raise StoreError(f"{store.url}: no data set here; is this the --out of `animatrix-ingest run`?")
    found = keep.get_json(store, DATASET).get("format")
    if found != FORMAT:
        newer = isinstance(found, int) and found > FORMAT
        remedy = "update animatrix" if newer else "ingest its sources again into another --out"
        raise StoreError(f"{store.url}/{DATASET}: format {found}, this code reads format {FORMAT}; {remedy}")


def unread(name: str) -> str:
    """What stands for the sha256 of a source that could not be read."""
    return hashlib.sha256(f"unreadable {name}".encode()).hexdigest()


@dataclass(frozen=True)
class Ledger:
    """The finished work of one data set under one fingerprint."""

    store: Store
    fingerprint: str

    # Names: which content a name had, at a size and version.

    def _name_place(self, name: str, size_bytes: int | None, version: str | None) -> str:
        return f"names/{keep.digest(keep.canonical([name, size_bytes, version]))}.json"

    def know(self, source: Source) -> None:
        """Remember a source's sha256. A name whose file changed within its version keeps the first."""
        row = {"name": source.name, "size_bytes": source.size_bytes, "version": source.version}
        try:
            place = self._name_place(source.name, source.size_bytes, source.version)
            keep.put_json(self.store, place, {**row, "sha256": source.sha256})
        except Conflict:
            pass

    def known(self, name: str, size_bytes: int | None, version: str | None) -> Source | None:
        """The source of this name, size and version, if it was hashed before."""
        place = self._name_place(name, size_bytes, version)
        if self.store.size(place) is None:
            return None
        row = keep.get_json(self.store, place)
        return Source(row["name"], row["sha256"], row["size_bytes"], row["version"])

    # Units: which contents are finished.

    def _unit_place(self, sha: str, attempt: int) -> str:
        return f"units/{sha[:32]}-{self.fingerprint[:16]}-{attempt}.json"

    def attempts(self) -> dict[str, int]:
        """The highest attempt of every finished content, by the first 32 characters of its sha256."""
        found: dict[str, int] = {}
        for name in keep.names(self.store, "units/"):
            sha, fingerprint, attempt = name.removeprefix("units/").removesuffix(".json").split("-")
            if fingerprint == self.fingerprint[:16]:
                found[sha] = max(int(attempt), found.get(sha, -1))
        return found

    def attempt(self, sha: str) -> int | None:
        """The highest attempt of one content; None where it is not finished."""
        names = keep.names(self.store, f"units/{sha[:32]}-{self.fingerprint[:16]}-")
        return max((int(name.removesuffix(".json").rpartition("-")[2]) for name in names), default=None)

    def unit(self, sha: str, attempt: int) -> Unit:
        """A unit as it was committed."""
        return _from_json(keep.get_json(self.store, self._unit_place(sha, attempt)))

    def commit(self, unit: Unit) -> Unit:
        """Write a unit, the last write of a source. Returns the one that counts: another worker's, if it was first."""
        for name, side in unit.sides.items():
            if self.store.size(side.name) != side.size_bytes:
                raise StoreError(f"{self.store.url}/{side.name}: not the {side.size_bytes} bytes of {name!r} to commit")
        point("before unit", io=False)
        try:
            keep.put_json(self.store, self._unit_place(unit.source.sha256, unit.attempt), _to_json(unit))
        except Conflict:
            unit = self.unit(unit.source.sha256, unit.attempt)
        point("unit committed", io=False)
        return unit

    def has_side(self, unit: Unit, name: str) -> bool:
        """Whether a side file that a unit names is there, whole."""
        side = unit.sides.get(name)
        return side is not None and self.store.size(side.name) == side.size_bytes


def put_side(store: Store, data: bytes) -> Side:
    """Write a side file; a unit names it in `sides`. Tables go through tables.to_bytes."""
    side = Side(keep.digest(data), len(data))
    point("before side", io=False)
    store.put(side.name, data)
    point("side committed", io=False)
    return side


def _to_json(unit: Unit) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "outcome": unit.outcome,
        "source": vars(unit.source),
        "fingerprint": unit.fingerprint,
        "attempt": unit.attempt,
        "stream": unit.stream,
        "n_frames": unit.n_frames,
        "n_kept": unit.n_kept,
        "dropped": [{"span": _span(d.span), "reason": d.reason} for d in unit.dropped],
        "dead": [{"span": d.span and _span(d.span), "stage": d.stage, "reason": d.reason} for d in unit.dead],
        "lost": unit.lost and vars(unit.lost),
        "sides": {name: vars(side) for name, side in unit.sides.items()},
        "seconds": unit.seconds,
    }


def _from_json(value: dict[str, Any]) -> Unit:
    if value["format"] != FORMAT:
        raise StoreError(f"units: one of format {value['format']}, this code reads {FORMAT}; use another --out")
    value = {name: part for name, part in value.items() if name not in ("format", "outcome")}
    return Unit(
        **{
            **value,
            "source": Source(**value["source"]),
            "dropped": tuple(Dropped(Span(*row["span"]), row["reason"]) for row in value["dropped"]),
            "dead": tuple(
                Dead(r["stage"], r["reason"], Span(*r["span"]) if r["span"] else None) for r in value["dead"]
            ),
            "lost": Lost(**value["lost"]) if value["lost"] else None,
            "sides": {name: Side(**side) for name, side in value["sides"].items()},
        }
    )


def named(unit: Unit, name: str) -> Unit:
    """The unit with another name of the same content."""
    return unit if unit.source.name == name else replace(unit, source=replace(unit.source, name=name))


def _span(span: Span) -> list[int]:
    return [span.start_frame, span.end_frame, span.start_pts, span.end_pts]
