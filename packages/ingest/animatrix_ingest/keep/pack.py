"""Packing: a planned step over finished units.

The plan is a pure function of the clips that are not in a shard yet: sorted by key, binned by size, every byte's
place computed before anything is written. It is committed first, under the hash of its content, and names its
shards after that hash; so a run that was killed while packing carries out the same plan and writes the same bytes.
Shards are immutable: clips that come later get a plan of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animatrix_ingest.keep import shards, store
from animatrix_ingest.rows import Member, Packed


@dataclass(frozen=True)
class Waiting:
    """A clip in a side file that wants a place in a shard."""

    member: Member
    side: str

    def length(self, suffix: str) -> int:
        return getattr(self.member, suffix)[1]


@dataclass(frozen=True)
class Bin:
    """One shard to be: its clips in order, and the size its tar will have."""

    shard: str
    size_bytes: int
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True)
class Plan:
    """All shards of one packing; `name` is a hash of what goes into them."""

    name: str
    bins: tuple[Bin, ...]

    def to_json(self) -> dict[str, Any]:
        """What readers of the plan need: each shard with its size, and each key with its three places."""
        return {
            "name": self.name,
            "shards": [
                {"shard": b.shard, "size_bytes": b.size_bytes, "packed": [vars(p) for p in packed(b)]}
                for b in self.bins
            ],
        }


def plan(waiting: Iterable[Waiting], shard_bytes: int) -> Plan:
    """Sort clips by key and cut them into shards of at most `shard_bytes` (a single bigger clip has its own)."""
    ordered = sorted(waiting, key=lambda w: w.member.key)
    content = [[w.member.key, w.member.mp4_blake2b, *(w.length(s) for s in shards.SUFFIXES)] for w in ordered]
    name = store.digest(store.canonical([shard_bytes, content]))
    groups: list[list[Waiting]] = []
    size = 0
    for clip in ordered:
        need = sum(shards.padded(clip.length(s)) + shards.BLOCK_BYTES for s in shards.SUFFIXES)
        if not groups or size + need > shard_bytes:
            groups.append([])
            size = 0
        groups[-1].append(clip)
        size += need
    bins = []
    for index, group in enumerate(groups):
        _, whole = shards.layout(_lengths(group))
        bins.append(Bin(f"{name[:12]}-{index:05d}.tar", whole, tuple(group)))
    return Plan(name, tuple(bins))


def packed(bin_: Bin) -> list[Packed]:
    """Where the members of a shard lie, from their lengths alone."""
    places, _ = shards.layout(_lengths(bin_.waiting))
    return [
        Packed(w.member.key, bin_.shard, *(places[f"{w.member.key}.{s}"] for s in ("mp4", "json", "txt")))
        for w in bin_.waiting
    ]


def _lengths(waiting: Sequence[Waiting]) -> list[tuple[str, int]]:
    by_key = {w.member.key: w for w in waiting}
    return [(name, by_key[key].length(suffix)) for name, key, suffix in shards.member_names(list(by_key))]


@dataclass(frozen=True)
class WriteShard:
    """Writes one shard from the side files; does nothing where the shard is already there, whole."""

    dataset: Path

    def __call__(self, bin_: Bin) -> str:
        place = self.dataset / shards.SHARDS / bin_.shard
        if place.exists() and place.stat().st_size == bin_.size_bytes:
            return bin_.shard
        writing = store.Writing(place.parent)
        try:
            for block in shards.tar(self._members(bin_)):
                writing.write(block)
            if writing.size_bytes != bin_.size_bytes:
                raise shards.ShardError(f"{place}: {writing.size_bytes} bytes where the plan says {bin_.size_bytes}")
            writing.commit(bin_.shard)
        finally:
            writing.discard()
        return bin_.shard

    def _members(self, bin_: Bin) -> Iterable[tuple[str, bytes]]:
        by_key = {w.member.key: w for w in bin_.waiting}
        for name, key, suffix in shards.member_names(list(by_key)):
            waiting = by_key[key]
            offset, length = getattr(waiting.member, suffix)
            with open(self.dataset / "sides" / waiting.side, "rb") as file:
                file.seek(offset)
                data = file.read(length)
            if suffix == "mp4" and store.digest(data) != waiting.member.mp4_blake2b:
                raise shards.ShardError(f"sides/{waiting.side}: the bytes of {name} are not the ones committed")
            yield name, data


def commit(dataset: Path, plan_: Plan) -> None:
    """Commit a plan, before any of its shards is written."""
    place = dataset / "plans" / f"{plan_.name}.json"
    if not place.exists():
        store.put_json(place, plan_.to_json())


def carried_out(dataset: Path) -> dict[str, Packed]:
    """Every packed clip by key: those of committed plans all of whose shards are there at full size."""
    found: dict[str, Packed] = {}
    for place in sorted((dataset / "plans").glob("[!.]*.json")):
        parts = store.get_json(place)["shards"]
        if all(_whole(dataset / shards.SHARDS / part["shard"], part["size_bytes"]) for part in parts):
            for part in parts:
                for row in part["packed"]:
                    pairs = {name: tuple(row[name]) for name in ("mp4", "json", "txt")}
                    found[row["key"]] = Packed(**{**row, **pairs})
    return found


def sweep(dataset: Path, keep: set[str]) -> int:
    """Remove shards that the manifest does not name (left by a plan that was never finished), and their plans."""
    removed = 0
    for path in (dataset / shards.SHARDS).glob("[!.]*.tar"):
        if path.name not in keep:
            path.unlink()
            removed += 1
    for place in (dataset / "plans").glob("[!.]*.json"):
        if not any(part["shard"] in keep for part in store.get_json(place)["shards"]):
            place.unlink()
    return removed


def _whole(path: Path, size_bytes: int) -> bool:
    return path.exists() and path.stat().st_size == size_bytes
