"""Packing: a planned step over finished units.

The plan is a pure function of the clips that are in no shard yet: sorted by key, binned by size, every byte's place
computed before anything is written. It is committed first, under the hash of its content, and names its shards after
that hash; so any driver that packs these clips, again or at the same time, writes the same bytes under the same names.
Shards are immutable: clips that come later get a plan of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from animatrix_ingest.keep import shards, tables
from animatrix_ingest.keep import store as keep
from animatrix_ingest.keep.clips import CLIPS, IDENTITY, SUFFIX_OF, by_key
from animatrix_ingest.keep.faults import point
from animatrix_ingest.keep.store import Conflict, Store, StoreError
from animatrix_ingest.rows import Packed

FROM = ("from", "from_offset", "from_json_offset", "from_txt_offset")
"""Where a planned clip's bytes lie now; its places say where they will."""


@dataclass(frozen=True)
class Bin:
    """One shard to be: its clips in order (CLIPS and FROM), and the size its tar will have."""

    shard: str
    size_bytes: int
    clips: pa.Table

    @property
    def name(self) -> str:
        return self.shard


@dataclass(frozen=True)
class Plan:
    """All shards of one packing; `name` is a hash of what goes into them. `clips` are sorted by shard and key."""

    name: str
    clips: pa.Table
    starts: tuple[int, ...]
    sizes_bytes: tuple[int, ...]

    @property
    def place(self) -> str:
        return f"plans/{self.name}.parquet"

    def bins(self) -> Iterator[Bin]:
        """The shards to write, one at a time."""
        ends = [*self.starts[1:], self.clips.num_rows]
        for index, (start, end, size) in enumerate(zip(self.starts, ends, self.sizes_bytes)):
            yield Bin(_shard(self.name, index), size, self.clips.take(pa.array(range(start, end), pa.int64())))


def _shard(plan: str, index: int) -> str:
    return f"{plan[:12]}-{index:05d}.tar"


def plan(waiting: pa.Table, shard_bytes: int) -> Plan:
    """Sort clips by key and cut them into shards of at most `shard_bytes` (a single bigger clip has its own).

    `waiting` has the columns of CLIPS; its `shard` and offsets say which file of the data set the bytes lie in now.
    """
    ordered = by_key(waiting.select(CLIPS.names))
    lengths = {s: ordered[f"{prefix}length"].to_numpy() for prefix, s in SUFFIX_OF.items()}
    files = {s: shards.BLOCK_BYTES + shards.padded(n) for s, n in lengths.items()}
    need = files["json"] + files["mp4"] + files["txt"]
    ends = np.cumsum(need)
    starts = _cut(ends, shard_bytes)
    before = np.zeros(len(need), np.int64)
    bin_of = np.zeros(len(need), np.int64)
    bin_of[starts[1:]] = 1
    bin_of = np.cumsum(bin_of)
    before = (ends - need) - (ends - need)[starts][bin_of] if len(need) else before
    at, offsets = before, {}
    for suffix in shards.SUFFIXES:
        offsets[suffix] = at + shards.BLOCK_BYTES
        at = at + files[suffix]
    sizes = [shards.whole(int(size)) for size in np.add.reduceat(need, starts)] if len(need) else []
    content = ordered.select([*IDENTITY, *(f"{prefix}length" for prefix in SUFFIX_OF)])
    name = keep.digest(keep.canonical([shard_bytes, tables.values_hash(content)]))
    moved = ordered.rename_columns({"shard": FROM[0], "offset": FROM[1], "json_offset": FROM[2], "txt_offset": FROM[3]})
    names = pa.array([_shard(name, index) for index in range(len(starts))], pa.string())
    moved = moved.append_column("shard", pa.DictionaryArray.from_arrays(pa.array(bin_of, pa.int32()), names))
    for prefix, suffix in SUFFIX_OF.items():
        moved = moved.append_column(f"{prefix}offset", pa.array(offsets[suffix], pa.int64()))
    return Plan(name, moved.select([*CLIPS.names, *FROM]), tuple(starts), tuple(sizes))


def _cut(ends: np.ndarray, shard_bytes: int) -> list[int]:
    """First rows of the shards: each takes clips until the next would not fit."""
    starts, at = [], 0
    while at < len(ends):
        starts.append(at)
        before = ends[at - 1] if at else 0
        at = max(at + 1, int(np.searchsorted(ends, before + shard_bytes, side="right")))
    return starts


def commit(store: Store, plan_: Plan) -> None:
    """Commit a plan, before any of its shards is written."""
    point("before plan", io=False)
    try:
        store.put(plan_.place, tables.to_bytes(plan_.clips))
    except Conflict as error:  # another version of the Parquet library writes other bytes for the same rows
        if tables.values_hash(tables.read(store, plan_.place)) != tables.values_hash(plan_.clips):
            raise StoreError(f"{store.url}/{plan_.place}: another plan under the same name; remove it") from error
    point("plan committed", io=False)


@dataclass(frozen=True)
class WriteShard:
    """Writes one shard from the side files, and then its part: the rows of its clips with every place and hash."""

    store: Store

    def __call__(self, bin_: Bin) -> Packed:
        """Absent where a side file is gone: another driver may have packed its clips meanwhile."""
        name = f"{shards.SHARDS}/{bin_.shard}"
        point("before shard", io=False)
        writing = self.store.writing()
        try:
            for block in shards.tar(self._members(bin_)):
                writing.write(block)
            if writing.size_bytes != bin_.size_bytes:
                raise shards.ShardError(
                    f"{self.store.url}/{name}: {writing.size_bytes} bytes where the plan says {bin_.size_bytes}"
                )
            writing.commit(name)
        finally:
            writing.discard()
        point("shard committed", io=False)
        return write_part(self.store, bin_, writing.sha256)

    def _members(self, bin_: Bin) -> Iterator[tuple[str, bytes]]:
        columns = [*IDENTITY, *FROM, *(f"{prefix}length" for prefix in SUFFIX_OF)]
        for row in bin_.clips.select(columns).to_pylist():
            for suffix in shards.SUFFIXES:
                prefix = "" if suffix == "mp4" else f"{suffix}_"
                data = self.store.read(row["from"], row[f"from_{prefix}offset"], row[f"{prefix}length"])
                if keep.digest(data) != row[f"{suffix}_blake2b"]:
                    raise shards.ShardError(
                        f"{self.store.url}/{row['from']}: the bytes of {row['key']}.{suffix} are not the ones committed"
                    )
                yield f"{row['key']}.{suffix}", data


def write_part(store: Store, bin_: Bin, sha256: str) -> Packed:
    """Write the rows of a shard that is there."""
    data = tables.to_bytes(bin_.clips.select(CLIPS.names))
    part = f"parts/{keep.digest(data)}.parquet"
    point("before part", io=False)
    store.put(part, data)
    point("part committed", io=False)
    return Packed(bin_.shard, bin_.size_bytes, sha256, bin_.clips.num_rows, part)
