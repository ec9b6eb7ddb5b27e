"""Roles, copies and clusters of all clips of a data set as one annotation table: the step that looks across sources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pyarrow as pa

from animatrix_ingest.decide import duplicates
from animatrix_ingest.decide.duplicates_index import Joined
from animatrix_ingest.decide.segments import ROLES, RULES, Rules, Segment, segments
from animatrix_ingest.decide.segments_match import track
from animatrix_ingest.watch.prints import Prints

BODY = "body"
SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("role", pa.string(), nullable=False),  # body, or one of segments.ROLES
        pa.field("role_confidence", pa.float32(), nullable=False),  # 0..1; of body: that nothing else was found
        pa.field("role_by", pa.string(), nullable=False),  # picture, sound, both; "" for body
        *list(duplicates.SCHEMA)[1:],
    ]
)
JOIN_S = 4.0
"""Sources whose work is not stated belong together if their clips share this much film, in more than one clip."""
WITHIN = 0.5
"""Share of a clip that must lie in a segment for the clip to play its role."""


def across(
    clips: pa.Table,
    prints: Mapping[str, Prints],
    rules: Rules = RULES,
    near_cosine: float = duplicates.NEAR_COSINE,
    near_builtin: float = duplicates.NEAR_COSINE,
    use_sound: bool = True,
) -> pa.Table:
    """A row of SCHEMA for every clip, sorted by key. Nothing is read or decoded but what is given.

    `clips` has key, source, start_pts, end_pts, time_base, width_px, height_px, length (bytes of its mp4), and where
    known work ("" where not) and embedding (lists of numbers) with its maker (duplicates.py). `prints` has the prints
    of every source that has clips; it may read them when asked. The order of rows makes no difference.
    """
    clips = clips.sort_by("key")
    copies = duplicates.copies_of(clips, prints)
    found: dict[str, list[Segment]] = defaultdict(list)
    for group in groups(clips, copies):
        if len(group) > 1:
            tracks = [track(prints[name]) for name in group]
            for segment in segments(tracks, rules, use_sound):
                found[group[segment.source]].append(segment)
    played = [
        _role(found[source], start_s, end_s)
        for source, (start_s, end_s) in zip(clips["source"].to_pylist(), duplicates.spans_s(clips))
    ]
    roles = [segment.role if segment else BODY for segment in played]
    with_roles = clips.drop_columns(["role"]) if "role" in clips.column_names else clips
    with_roles = with_roles.append_column("role", pa.array(roles, pa.string()))
    same = duplicates.duplicates(with_roles, copies, near_cosine, near_builtin)
    columns = {
        "key": clips["key"],
        "role": roles,
        "role_confidence": [segment.confidence if segment else 1.0 for segment in played],
        "role_by": [segment.kind if segment else "" for segment in played],
        **{name: same[name] for name in duplicates.SCHEMA.names[1:]},
    }
    return pa.table(columns, schema=SCHEMA)


def groups(clips: pa.Table, copies: pa.Table) -> list[list[str]]:
    """Sources (sorted) that may share segments: of one stated work; where it is not stated, those that share film."""
    names = sorted(set(clips["source"].to_pylist()))
    number = {name: i for i, name in enumerate(names)}
    works = clips["work"].to_pylist() if "work" in clips.column_names else [""] * clips.num_rows
    source = [number[name] for name in clips["source"].to_pylist()]
    work_of = {i: work for i, work in zip(source, works) if work}
    joined = Joined(len(names))
    first: dict[str, int] = {}
    for i, work in sorted(work_of.items()):
        joined.join(first.setdefault(work, i), i)
    shared: dict[tuple[int, int], list[float]] = defaultdict(list)
    for i, j, shared_s in zip(*(copies[name].to_pylist() for name in ("i", "j", "shared_s"))):
        a, b = source[i], source[j]
        if a != b and (a not in work_of or b not in work_of):
            shared[min(a, b), max(a, b)].append(shared_s)
    for (a, b), parts in sorted(shared.items()):
        # Two stated works stay apart: what has no work of its own must not tie them together.
        tied = {work_of[k] for k in work_of if joined.root(k) in (joined.root(a), joined.root(b))}
        if len(parts) > 1 and sum(parts) >= JOIN_S and len(tied) < 2:
            joined.join(a, b)
    found: dict[int, list[str]] = defaultdict(list)
    for name, root in zip(names, joined.roots()):
        found[root].append(name)
    return list(found.values())


def _role(found: Sequence[Segment], start_s: float, end_s: float) -> Segment | None:
    """The segment that a clip lies in, by most of its length."""
    best, share = None, WITHIN
    for segment in found:
        inside = (min(end_s, segment.end_s) - max(start_s, segment.start_s)) / max(1e-9, end_s - start_s)
        if inside >= share:
            best, share = segment, inside
    return best


def roles_of(table: pa.Table) -> dict[str, int]:
    """How many clips play each role: for the report and the data card."""
    played = table["role"].to_pylist()
    return {str(role): played.count(role) for role in (BODY, *ROLES)}
