"""The ledger: what is finished, so that a run that was killed goes on and a second run does nothing.

    DIR/dataset.json          what made the data set: settings, code, libraries, and their fingerprint
    DIR/ledger/names.json     every source ever given: its name, size, time of change and sha256
    DIR/ledger/units/*.json   one commit per source content, written last, naming its side file with hash and size
    DIR/sides/*               the clips of units that are not in a shard yet
    DIR/plans/*, DIR/shards/* see pack.py

The unit of work is (sha256 of a source, fingerprint). A data set has one fingerprint: other settings or other code
would mix unlike clips, so they are refused, with the difference named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from animatrix_ingest.keep import store
from animatrix_ingest.rows import Dead, Dropped, Lost, Member, Side, Source, Span, Unit

FORMAT = 1
LIBRARIES = ("av", "numpy", "opencv-python-headless", "scenedetect-headless")


@dataclass(frozen=True)
class Made:
    """What decides the bytes of a data set."""

    settings: dict[str, Any]
    code: str
    libraries: dict[str, str]

    @property
    def fingerprint(self) -> str:
        return store.digest(store.canonical(self.to_json()))

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "settings": self.settings, "code": self.code, "libraries": self.libraries}

    @classmethod
    def here(cls, settings: dict[str, Any]) -> Made:
        """With the code and libraries that are installed now."""
        return cls(settings, code_version(), {name: metadata.version(name) for name in LIBRARIES})


def code_version() -> str:
    """A hash over the source files that decide what a clip holds: the captioner and this package but its report."""
    import anicaption

    here = Path(__file__).parents[1]
    there = Path(anicaption.__file__).parent
    files = [path for path in there.rglob("*.py") if path.relative_to(there).parts[0] != "drawn"]
    files += there.glob("*.yaml")
    files += [path for name in ("watch", "decide", "keep") for path in (here / name).rglob("*.py")]
    lines = sorted(f"{path.parent.name}/{path.name} {store.digest(path.read_bytes())}" for path in files)
    return store.digest("\n".join(lines).encode())


def sha256(path: Path) -> str:
    """Hash of a whole file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Ledger:
    """The ledger of one data set folder."""

    folder: Path
    fingerprint: str

    @classmethod
    def open(cls, folder: Path, made: Made) -> Ledger:
        """Open or begin a data set; StoreError where other settings or other code made what is there."""
        place = folder / "dataset.json"
        there = store.get_json(place) if place.exists() else None
        if there is None and any(folder.glob("[!.]*")):
            raise store.StoreError(f"{folder}: not empty and not a data set; choose another --out")
        if there is None or there.get("fingerprint") != made.fingerprint:
            if any((folder / "ledger" / "units").glob("[!.]*")):
                raise store.StoreError(_difference(folder, there or {}, made.to_json()))
            store.put_json(place, {**made.to_json(), "fingerprint": made.fingerprint})
        return cls(folder, made.fingerprint)

    # Names: which sources there are, and their content.

    @property
    def _names_place(self) -> Path:
        return self.folder / "ledger" / "names.json"

    def names(self) -> dict[str, str]:
        """Every source given so far: name -> sha256."""
        return {name: row["sha256"] for name, row in self._names().items()}

    def _names(self) -> dict[str, dict[str, Any]]:
        return store.get_json(self._names_place) if self._names_place.exists() else {}

    def hash_sources(
        self, names: Iterable[str], told: Callable[[str], None] = lambda name: None, threads: int = 4
    ) -> list[Source]:
        """Hash files, remembering the result: a file of the same size and time of change is not read again.

        A file that cannot be read is given a hash of its name, and becomes a dead letter when it is opened.
        """
        known = self._names()

        def look(name: str) -> tuple[str, dict[str, Any]]:
            try:
                stat = Path(name).stat()
                row = {"size_bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}
                before = known.get(name, {})
                found = before if before.items() >= row.items() else {**row, "sha256": sha256(Path(name))}
            except OSError:
                nameless = hashlib.sha256(f"unreadable {name}".encode()).hexdigest()
                found = {"size_bytes": 0, "mtime_ns": 0, "sha256": nameless}
            told(name)
            return name, found

        with ThreadPoolExecutor(threads) as pool:
            rows = dict(pool.map(look, names))
        if any(known.get(name) != row for name, row in rows.items()):
            store.put_json(self._names_place, known | rows)
        return [Source(name, row["sha256"], row["size_bytes"]) for name, row in rows.items()]

    def sources(self) -> list[Source]:
        """Every source given so far whose content has a unit, sorted by name."""
        rows = sorted(self._names().items())
        there = {sha for sha in {row["sha256"] for _, row in rows} if self._unit_place(sha).exists()}
        return [Source(name, row["sha256"], row["size_bytes"]) for name, row in rows if row["sha256"] in there]

    def units(self) -> dict[str, Unit]:
        """Every finished content that a known name still has, by sha256, ordered by name.

        Of several names with one content, the one that was worked on stands for it as long as it has that content.
        """
        names: dict[str, list[Source]] = {}
        for source in self.sources():
            names.setdefault(source.sha256, []).append(source)
        found = []
        for sha, sources in names.items():
            unit = self.unit(sha)
            if unit is not None:
                stands = [source for source in sources if source.name == unit.source.name] or sources
                found.append(replace(unit, source=stands[0]))
        return {unit.source.sha256: unit for unit in sorted(found, key=lambda unit: unit.source.name)}

    # Units: which contents are finished.

    def _unit_place(self, sha: str) -> Path:
        return self.folder / "ledger" / "units" / f"{sha[:32]}-{self.fingerprint[:16]}.json"

    def side_place(self, side: Side) -> Path:
        return self.folder / "sides" / side.blake2b

    def commit(self, unit: Unit) -> None:
        """Write a unit. Its side file must already be in place: this is the last write of a source."""
        if unit.side is not None and not self.has_side(unit):
            raise store.StoreError(f"{self.side_place(unit.side)}: not the {unit.side.size_bytes} bytes to commit")
        store.put_json(self._unit_place(unit.source.sha256), _to_json(unit))

    def unit(self, sha: str) -> Unit | None:
        """The unit of a content, or None where it is not finished."""
        place = self._unit_place(sha)
        return _from_json(store.get_json(place)) if place.exists() else None

    def forget(self, sha: str) -> None:
        """Remove a unit, so that its source is worked on again."""
        self._unit_place(sha).unlink(missing_ok=True)

    def drop_sides(self) -> None:
        """Remove side files; call when every clip in them is in a shard that the manifest names."""
        for place in (self.folder / "sides").glob("*"):
            place.unlink()

    def has_side(self, unit: Unit) -> bool:
        """Whether the clips of a unit still lie in its side file."""
        if unit.side is None:
            return False
        place = self.side_place(unit.side)
        return place.exists() and place.stat().st_size == unit.side.size_bytes


def _difference(folder: Path, there: dict[str, Any], here: dict[str, Any]) -> str:
    words = []
    for part in ("format", "settings", "code", "libraries"):
        was, now = there.get(part), here.get(part)
        if isinstance(was, dict) and isinstance(now, dict):
            words += [
                f"{k} was {was.get(k)} and is {now.get(k)}" for k in sorted(was | now) if was.get(k) != now.get(k)
            ]
        elif was != now:
            words.append(f"{part} was {was} and is {now}")
    return (
        f"{folder}: this data set was made otherwise ({'; '.join(words)}); give another --out, the same settings, "
        "or --anew to throw it away and begin again"
    )


def _to_json(unit: Unit) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "outcome": unit.outcome,
        "source": vars(unit.source),
        "fingerprint": unit.fingerprint,
        "stream": unit.stream,
        "n_frames": unit.n_frames,
        "members": [{**vars(m), "span": _span(m.span)} for m in unit.members],
        "dropped": [{"span": _span(d.span), "reason": d.reason} for d in unit.dropped],
        "dead": [{"span": d.span and _span(d.span), "stage": d.stage, "reason": d.reason} for d in unit.dead],
        "lost": unit.lost and vars(unit.lost),
        "side": unit.side and vars(unit.side),
        "seconds": unit.seconds,
    }


def _from_json(value: dict[str, Any]) -> Unit:
    if value["format"] != FORMAT:
        raise store.StoreError(f"ledger: unit of format {value['format']}, this code reads {FORMAT}; use another --out")
    return Unit(
        source=Source(**value["source"]),
        fingerprint=value["fingerprint"],
        stream=value["stream"],
        n_frames=value["n_frames"],
        members=tuple(_member(row) for row in value["members"]),
        dropped=tuple(Dropped(Span(*row["span"]), row["reason"]) for row in value["dropped"]),
        dead=tuple(Dead(r["stage"], r["reason"], Span(*r["span"]) if r["span"] else None) for r in value["dead"]),
        lost=Lost(**value["lost"]) if value["lost"] else None,
        side=Side(**value["side"]) if value["side"] else None,
        seconds=value["seconds"],
    )


def _member(row: dict[str, Any]) -> Member:
    pairs = {name: tuple(row[name]) for name in ("mp4", "json", "txt")}
    tags = {name: tuple(values) for name, values in row["tags"].items()}
    return Member(**{**row, **pairs, "span": Span(*row["span"]), "tags": tags})


def _span(span: Span) -> list[int]:
    return [span.start_frame, span.end_frame, span.start_pts, span.end_pts]
