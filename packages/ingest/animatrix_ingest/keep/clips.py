"""The columns of clips: in a unit's side file "members", in a shard's part, and in the manifest.

`FACTS` say where a clip comes from and what it is; `PLACES` say where its three files lie, first in a side file and
then in a shard. Tags and the directive travel with the members and become the first annotations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from anicaption.taxonomy import UNKNOWN, taxonomy

from animatrix_ingest.keep.tables import pc
from animatrix_ingest.rows import Member, Source

WORDS = pa.dictionary(pa.int32(), pa.string())
KEY = pa.field("key", pa.string(), nullable=False)
FACTS = (
    KEY,
    pa.field("source", WORDS, nullable=False),
    pa.field("source_sha256", WORDS, nullable=False),
    pa.field("start_pts", pa.int64(), nullable=False),
    pa.field("end_pts", pa.int64(), nullable=False),
    pa.field("time_base", WORDS, nullable=False),
    pa.field("start_frame", pa.int64(), nullable=False),
    pa.field("end_frame", pa.int64(), nullable=False),
    pa.field("n_frames", pa.int64(), nullable=False),
    pa.field("width_px", pa.int32(), nullable=False),
    pa.field("height_px", pa.int32(), nullable=False),
    pa.field("rate", WORDS, nullable=False),
    pa.field("mp4_blake2b", pa.string(), nullable=False),
    pa.field("json_blake2b", pa.string(), nullable=False),
    pa.field("txt_blake2b", pa.string(), nullable=False),
)
SUFFIX_OF = {"": "mp4", "json_": "json", "txt_": "txt"}
PLACES = (
    pa.field("shard", WORDS, nullable=False),
    *(pa.field(f"{prefix}{what}", pa.int64(), nullable=False) for prefix in SUFFIX_OF for what in ("offset", "length")),
)
CLIPS = pa.schema([*FACTS, *PLACES])
"""One row per packed clip."""
IDENTITY = ("key", "mp4_blake2b", "json_blake2b", "txt_blake2b")
"""What makes two clips the same one, wherever they lie."""


def tag_fields() -> list[pa.Field]:
    """One list of words per field of the taxonomy."""
    return [pa.field(field.id, pa.list_(WORDS), nullable=False) for field in taxonomy()]


def members_schema() -> pa.Schema:
    """A clip as its unit holds it: `shard` is the side file its bytes lie in."""
    return pa.schema([*CLIPS, *tag_fields(), pa.field("caption", pa.string(), nullable=False)])


def members(source: Source, stream: dict[str, Any], rows: Sequence[Member], side: str) -> pa.Table:
    """The table of a unit's clips, whose bytes lie in the side file `side`."""
    return pa.Table.from_pylist([_row(source, stream, member, side) for member in rows], schema=members_schema())


def _row(source: Source, stream: dict[str, Any], member: Member, side: str) -> dict[str, Any]:
    span = member.span
    row = {
        "key": member.key,
        "source": source.name,
        "source_sha256": source.sha256,
        "start_pts": span.start_pts,
        "end_pts": span.end_pts,
        "time_base": stream["time_base"],
        "start_frame": span.start_frame,
        "end_frame": span.end_frame,
        "n_frames": span.n_frames,
        "width_px": member.width_px,
        "height_px": member.height_px,
        "rate": str(member.rate),
        "shard": side,
        "caption": member.directive,
    }
    for prefix, suffix in SUFFIX_OF.items():
        row[f"{prefix}offset"], row[f"{prefix}length"] = getattr(member, suffix)
        row[f"{suffix}_blake2b"] = getattr(member, f"{suffix}_blake2b")
    return row | {field.id: list(member.tags.get(field.id, (UNKNOWN,))) for field in taxonomy()}


def unified(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """Tables one after the other, with these columns, one dictionary per column, in one piece."""
    picked = [table.select(schema.names).cast(schema) for table in tables]
    whole = pa.concat_tables(picked) if picked else schema.empty_table()
    return whole.unify_dictionaries().combine_chunks()


def by_key(table: pa.Table) -> pa.Table:
    """Sorted by key."""
    return table.take(pc.sort_indices(table["key"])) if table.num_rows else table
