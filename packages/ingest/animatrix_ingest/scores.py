"""Scores: every number that was measured of a clip, so that thresholds can change without decoding.

A unit's side file "scores" holds this table for its clips; the annotation kind "scores" is all of them together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa

from animatrix_ingest.rows import Clip, Watched
from animatrix_ingest.watch import observers

SCORES: dict[str, str] = {
    **observers.SCORES,
    "constant_rate": "1 where the clip's frames come at one rate, 0 where it keeps uneven time stamps",
    "cadence": "the cadence found in the source: progressive, telecine_3_2, repeat_2_3, interlaced, ...",
    "joint_in": "what the clip comes after: start, cut, dissolve, wipe, fade, rate, split; see decide/pieces.py",
    "joint_out": "what the clip gives way to: as joint_in, or end",
}
WORDS = ("cadence", "joint_in", "joint_out")

SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        *(pa.field(name, pa.string() if name in WORDS else pa.float32()) for name in SCORES),
        pa.field("boxes", pa.string(), nullable=False),  # lettering, as JSON: see overlays_roles.Finding
    ]
)


def scores_table(watched: Watched, clips: Sequence[Clip]) -> pa.Table:
    """A row of SCHEMA for each of some clips of a source. A score that could not be measured is null."""
    rows = []
    for clip in clips:
        span = (clip.span.start_frame, clip.span.end_frame)
        measured = watched.seen.scores(*span)
        said = {"constant_rate": float(clip.rate is not None), "cadence": clip.cadence}
        said |= {"joint_in": watched.joint_in(clip).kind, "joint_out": watched.joint_out(clip).kind}
        boxes = json.dumps(watched.seen.boxes(*span), separators=(",", ":"))
        rows.append({"key": clip.key, **measured, **said, "boxes": boxes})
    return pa.Table.from_pylist(rows, schema=SCHEMA)
