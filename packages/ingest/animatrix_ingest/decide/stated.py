"""What source lists state, brought to the clips: work, episode, origin, licence, permission and rating."""

from __future__ import annotations

import pyarrow as pa

from animatrix_ingest.decide.joined import TableError

STATED = ("work", "episode", "origin", "licence", "permission", "rating")
GRAVEST = ("explicit", "sensitive", "general")


def stated(clips: pa.Table, sources: pa.Table) -> pa.Table:
    """`clips` (source_sha256) with the columns STATED, from `sources` (sha256, stands and STATED), a row per name.

    Of several names with one content the one that stands for it speaks, and where it is silent the others. A rating
    that one name states holds for all; where two state different ones, the graver does.
    """
    said: dict[str, dict[str, str | None]] = {}
    rows = sources.select(["sha256", "stands", *STATED]).to_pylist()
    for row in sorted(rows, key=lambda row: not row["stands"]):
        about = said.setdefault(row["sha256"], dict.fromkeys(STATED))
        rating = [about["rating"] or "unknown", row["rating"] or "unknown"]
        for name in STATED:
            about[name] = about[name] or row[name]
        known = [word for word in rating if word != "unknown"]
        about["rating"] = min(known, key=GRAVEST.index) if known else "unknown"
    column = clips["source_sha256"].cast(pa.string())
    contents = column.unique().to_pylist()
    missing = [sha for sha in contents if sha not in said]
    if missing:
        raise TableError(f"sources: no row for content {missing[0]} of the clips ({len(missing)} such)")
    order = {sha: i for i, sha in enumerate(contents)}
    places = pa.array([order[sha] for sha in column.to_pylist()], pa.int64())
    for name in STATED:
        values = pa.array([said[sha][name] for sha in contents], pa.string()).take(places)
        clips = clips.drop_columns([name]) if name in clips.column_names else clips
        clips = clips.append_column(name, values)
    return clips
