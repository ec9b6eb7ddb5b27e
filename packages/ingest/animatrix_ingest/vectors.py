"""What clips look like, as a table that is kept: near duplicates and clusters of style are decided from it.

A unit's side file "vectors" holds this table for its clips; the annotation kind "vectors" is all of them together.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from animatrix_ingest.rows import Clip, Watched

SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("maker", pa.string()),  # who made the vector: appearance.MAKER, or an open_clip model; null with it
        pa.field("embedding", pa.list_(pa.int16())),  # null: made before this was kept, or too short for a look
    ]
)
BUILT_IN = "builtin"
"""How the makers that need no weights begin."""


def vectors_table(watched: Watched, clips: Sequence[Clip]) -> pa.Table:
    """A row of SCHEMA for each of some clips of a source."""
    looks = watched.seen.looks
    vectors = [looks.vector(clip.span.start_frame, clip.span.end_frame) for clip in clips]
    makers = [None if vector is None else looks.maker for vector in vectors]
    return pa.table([[clip.key for clip in clips], makers, vectors], schema=SCHEMA)
