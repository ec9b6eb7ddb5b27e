"""The manifest: one row per clip, and the only truth about what a data set holds.

`DIR/manifest.parquet` names, for every clip, where it comes from (frames and pts of its source), where its bytes lie
(shard, offset, length of its three members) and every variable of the taxonomy as a list of values. A shard that it
does not name is not part of the data set, whatever a directory listing says.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from anicaption.taxonomy import UNKNOWN, taxonomy

from animatrix_ingest.keep import store
from animatrix_ingest.rows import Member, Packed, Unit

VERSION = "1"
NAME = "manifest.parquet"

_COLUMNS: tuple[tuple[str, pa.DataType], ...] = (
    ("key", pa.string()),
    ("source", pa.string()),
    ("source_sha256", pa.string()),
    ("start_pts", pa.int64()),
    ("end_pts", pa.int64()),
    ("time_base", pa.string()),
    ("start_frame", pa.int64()),
    ("end_frame", pa.int64()),
    ("n_frames", pa.int64()),
    ("width_px", pa.int32()),
    ("height_px", pa.int32()),
    ("rate", pa.string()),
    ("shard", pa.string()),
    ("offset", pa.int64()),
    ("length", pa.int64()),
    ("json_offset", pa.int64()),
    ("json_length", pa.int64()),
    ("txt_offset", pa.int64()),
    ("txt_length", pa.int64()),
    ("mp4_blake2b", pa.string()),
)


class ManifestError(RuntimeError):
    """There is no manifest, or this code cannot read it; the message says which and what to do."""


def schema() -> pa.Schema:
    """The columns, in order: places first, then one list of strings per field of the taxonomy."""
    fields = [pa.field(name, kind, nullable=False) for name, kind in _COLUMNS]
    fields += [pa.field(field.id, pa.list_(pa.string()), nullable=False) for field in taxonomy()]
    facts = {"manifest_version": VERSION, "taxonomy_version": taxonomy().version, "taxonomy_hash": taxonomy().hash}
    return pa.schema(fields, metadata=facts)


def build(units: Iterable[Unit], packed: Mapping[str, Packed]) -> pa.Table:
    """The manifest of some units, sorted by source and frame; every member must be packed."""
    rows = [
        _row(unit, member, packed[member.key])
        for unit in sorted(units, key=lambda unit: unit.source.name)
        for member in sorted(unit.members, key=lambda m: m.span.start_frame)
    ]
    table = pa.Table.from_pylist(rows, schema=schema())
    return table.replace_schema_metadata({**(table.schema.metadata or {}), b"dataset_hash": _hash(rows).encode()})


def _row(unit: Unit, member: Member, packed: Packed) -> dict[str, Any]:
    span = member.span
    places = {
        "key": member.key,
        "source": unit.source.name,
        "source_sha256": unit.source.sha256,
        "start_pts": span.start_pts,
        "end_pts": span.end_pts,
        "time_base": unit.stream["time_base"],
        "start_frame": span.start_frame,
        "end_frame": span.end_frame,
        "n_frames": span.n_frames,
        "width_px": member.width_px,
        "height_px": member.height_px,
        "rate": unit.stream["rate"],
        "shard": packed.shard,
        "mp4_blake2b": member.mp4_blake2b,
    }
    for prefix, (offset, length) in (("", packed.mp4), ("json_", packed.json), ("txt_", packed.txt)):
        places |= {f"{prefix}offset": offset, f"{prefix}length": length}
    return places | {field.id: list(member.tags.get(field.id, (UNKNOWN,))) for field in taxonomy()}


def _hash(rows: list[dict[str, Any]]) -> str:
    """A hash of what the data set holds: keys, bytes of the clips and values; not names, times or places."""
    values = [field.id for field in taxonomy()]
    content = sorted([row["key"], row["mp4_blake2b"], *(row[name] for name in values)] for row in rows)
    return store.digest(store.canonical(content))


def write(dataset: Path, table: pa.Table) -> bool:
    """Write the manifest whole or not at all; False where the very same one is already there."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    place = dataset / NAME
    if place.exists() and place.read_bytes() == buffer.getvalue():
        return False
    store.put(place, buffer.getvalue())
    return True


def load(dataset: Path | str) -> pa.Table:
    """Read the manifest of a data set folder. ManifestError where there is none, or a newer code wrote it."""
    place = Path(dataset) / NAME
    if not place.exists():
        raise ManifestError(f"{place}: not there; is this the --out of a finished `animatrix-ingest run`?")
    table = pq.read_table(place)
    version = (table.schema.metadata or {}).get(b"manifest_version", b"?").decode()
    if version != VERSION:
        raise ManifestError(f"{place}: version {version}, this code reads version {VERSION}; update animatrix")
    return table
