"""Train, validation and held-out: a hash of the work, after works that share pictures are joined.

    clip -> unit      the work that is stated; without one the source itself (a source never straddles)
    clip -> bundle    clips that are copies of one another (cluster, copy_of): never apart
    unit -> group     units that a bundle reaches into are one group: a shared opening, a bank cut, a recap
    group -> split    the hash of one of its units, chosen by another hash

The choice by hash keeps works where they are when others are added: a group moves only where a newly joined unit
speaks for it from then on (one in n of the joins), and `moved` names what did. Two rules stand above the hash:

- a bundle in more than `broad_works` stated works (a station's logo, a sponsor's card, black) joins nobody, or all
  works would hang together; it is a group of its own, and train;
- a group with more than half of all clips is train: nobody holds out most of a data set.

What is not known cannot be kept apart: sources of one work that no list names as such, and that share no picture, may
stand on both sides. `Shares.unknown_work = "folder"` takes the folder for the work where that is how they lie.
"""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Any

import numpy as np
import pyarrow as pa

from animatrix_ingest.decide.joined import beside, bundles, checked, components, filled, numbered, pc
from animatrix_ingest.decide.settings import SHARES, Shares

SPLITS = pa.schema(
    [pa.field(name, pa.string(), nullable=False) for name in ("key", "split", "group", "why")],
    metadata={"split": "train | validation | held_out", "why": "hash | broad | most"},
)
NEEDED = ("source", "source_sha256", "work")


def split(clips: pa.Table, roles: pa.Table | None, shares: Shares = SHARES) -> pa.Table:
    """SPLITS for every clip, in the order of `clips` (key, source, source_sha256, work).

    `roles` has key, cluster and copy_of (null or "" where there is none); None where copies were not looked for. What
    only looks alike (near_of) joins nobody: likeness goes on from clip to clip, and would end as one group of all.
    """
    checked(clips, "clips", NEEDED)
    if not clips.num_rows:
        return SPLITS.empty_table()
    unit, units, same = _units(clips, shares)
    bundle = bundles(clips["key"], roles)
    broad = _broad(bundle, unit, units, shares.broad_works)
    joins = (bundle >= 0) & ~broad
    n = len(units)
    shared = bundle[joins]
    a, b = np.concatenate([unit, unit[joins]]), np.concatenate([same, n + shared])
    hangs = components(n + int(shared.max(initial=-1)) + 1, a, b)[:n]
    speaker = _speakers(hangs, units, shares.seed)
    place = np.array([_place(name, shares) for name in units])[speaker]
    sizes = np.bincount(hangs[unit], minlength=n)
    most = sizes[hangs] * 2 > len(unit)
    place[most] = "train"
    names = np.array(units, object)[speaker][unit]
    if broad.any():
        names[broad] = [f"shared:{key}" for key in _first_keys(clips["key"], bundle)[broad]]
    columns = {
        "key": clips["key"],
        "split": np.where(broad, "train", place[unit]).tolist(),
        "group": names.tolist(),
        "why": np.where(broad, "broad", np.where(most[unit], "most", "hash")).tolist(),
    }
    return pa.table(columns, schema=SPLITS)


def moved(before: pa.Table, after: pa.Table) -> pa.Table:
    """key, group, was, now: clips of both tables whose split is another; a train clip held out now was trained on."""
    was = beside(after["key"], before, "splits", ("split",))["split"]
    other = pc.fill_null(pc.not_equal(was, after["split"]), False)
    table = pa.table({"key": after["key"], "group": after["group"], "was": was, "now": after["split"]})
    return table.filter(other)


def straddling(splits: pa.Table, roles: pa.Table) -> list[str]:
    """Clusters that stand on more than one side: none, or there is a fault. For whoever wants to see it proved."""
    cluster = filled(beside(splits["key"], roles, "roles", ("cluster",))["cluster"])
    sides = pa.table({"cluster": cluster, "split": splits["split"]}).filter(pc.is_valid(cluster))
    counted = sides.group_by("cluster").aggregate([("split", "count_distinct")])
    return counted.filter(pc.greater(counted["split_count_distinct"], 1))["cluster"].to_pylist()


def _units(clips: pa.Table, shares: Shares) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Each clip's unit, as a number; the units' names; and for each clip a unit that is the same by its source."""
    source, sources = numbered(clips["source_sha256"])
    work, works = numbered(clips["work"])
    folder, folders = numbered(clips["source"])
    if shares.unknown_work == "folder":
        instead = folder, [f"folder:{_folder(name)}" for name in folders]
    else:
        instead = source, [f"source:{sha}" for sha in sources]
    named = [f"work:{_plain(name)}" if _plain(name) else None for name in works]
    stated = np.array([name is not None for name in [*named, None]])[work]
    texts = np.where(stated, np.array([*named, ""], object)[work], np.array(instead[1], object)[instead[0]])
    unit, units = numbered(pa.array(texts.tolist(), pa.string()))
    first = np.full(len(sources), len(unit))
    np.minimum.at(first, source, np.arange(len(unit)))
    return unit, units, unit[first[source]]  # one content under two works makes them one


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _plain(work: str) -> str:
    """A work's name as it counts: width, case and spaces are nobody's statement."""
    return " ".join(unicodedata.normalize("NFKC", work).casefold().split())


def _broad(bundle: np.ndarray, unit: np.ndarray, units: list[str], most: int) -> np.ndarray:
    """Which clips are of a bundle that reaches into more than `most` stated works."""
    stated = np.array([name.startswith("work:") for name in units])[unit] & (bundle >= 0)
    pairs = np.unique(np.stack([bundle[stated], unit[stated]]), axis=1)
    n_works = np.bincount(pairs[0], minlength=int(bundle.max(initial=-1)) + 1)
    return (bundle >= 0) & np.append(n_works > most, False)[bundle]


def _first_keys(keys: Any, bundle: np.ndarray) -> np.ndarray:
    """For each clip the smallest key of its bundle: a name that does not depend on the order of rows."""
    texts = np.array(keys.to_pylist(), object)
    order = np.argsort(texts, kind="stable")
    first: dict[int, str] = {}
    for at in order[bundle[order] >= 0]:
        first.setdefault(int(bundle[at]), str(texts[at]))
    return np.array([first.get(int(number), "") for number in bundle], object)


def _speakers(hangs: np.ndarray, units: list[str], seed: int) -> np.ndarray:
    """For each unit the unit whose hash decides for its group: the least by a hash of its own."""
    order = sorted(range(len(units)), key=lambda i: _hash(f"speaker {seed} {units[i]}"))
    speaker: dict[int, int] = {}
    for i in order:
        speaker.setdefault(int(hangs[i]), i)
    return np.array([speaker[int(group)] for group in hangs], np.int64)


def _place(name: str, shares: Shares) -> str:
    at = _hash(f"split {shares.seed} {name}")
    if at < shares.held_out:
        return "held_out"
    return "validation" if at < shares.held_out + shares.validation else "train"


def _hash(text: str) -> float:
    """A number in [0, 1) that a text has everywhere and always."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big") / (1 << 56)
