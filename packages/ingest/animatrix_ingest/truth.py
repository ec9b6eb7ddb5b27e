"""What people corrected, as truth to learn from: the folder that `anicaption fit --truth` reads, of clips to train on.

The split is obeyed here, where clips leave the data set: held-out and validation clips are never written. Clips of one
group of the split (a work, and what shares pictures with it) count as one episode, so that thresholds are chosen on
works that were not fitted on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anicaption.record import Record

from animatrix_ingest.corrections import of_table, together
from animatrix_ingest.keep import manifest
from animatrix_ingest.keep.annotations import load_kind, load_labels
from animatrix_ingest.keep.ledger import check
from animatrix_ingest.keep.records import record_json
from animatrix_ingest.keep.shards import read_member
from animatrix_ingest.keep.store import Store, canonical, open_store
from animatrix_ingest.recaption_answer import corrected
from animatrix_ingest.recaption_how import RecaptionError

TRAIN = "train"


@dataclass(frozen=True)
class Exported:
    """How many corrected clips were written, of how many groups, and how many the split or quarantine kept back."""

    n_clips: int
    n_groups: int
    n_held_back: int


def export_truth(dataset: Path | str | Store, out: Path) -> Exported:
    """Write `<key>.mp4` and `<key>.truth.json` for every corrected clip of the split `train` into a new folder.

    The truth is what people said and nothing else. Raises RecaptionError, StoreError.
    """
    store = open_store(dataset) if isinstance(dataset, str | Path) else dataset
    check(store)
    if out.exists() and any(out.iterdir()):
        raise RecaptionError(f"{out}: not empty; name a new folder, or clips that are held out now could lie there")
    labels = load_labels(store).number
    said = together(of_table(load_kind(store, "corrections", labels)))
    if not said:
        raise RecaptionError(f"{store.url}: nobody corrected anything; bring it in with `recaption --corrections FILE`")
    split, tier = (_words(store, kind, labels) for kind in ("splits", "tiers"))
    columns = ["key", "n_frames", "shard", "offset", "length", "json_offset", "json_length"]
    rows = [row for row in manifest.load(store, labels=labels, columns=columns).to_pylist() if row["key"] in said]
    groups: set[str] = set()
    n_clips = 0
    out.mkdir(parents=True, exist_ok=True)
    for row in rows:
        key = row["key"]
        if split.get(key, {}).get("split") != TRAIN or tier.get(key, {}).get("tier", "quarantined") == "quarantined":
            continue
        member = read_member(store, row["shard"], row["json_offset"], row["json_length"])
        tracks = Record.from_json(record_json(member)).tracks
        if tracks is None:
            raise RecaptionError(f"{key}: its record has no measurements stored; ingest its source again")
        record = Record.build(tracks, corrected(said[key])).to_json()
        group, shot = split[key]["group"], {"start_frame": 0, "end_frame": row["n_frames"], "record": record}
        truth = {"file": f"{key}.mp4", "group": group, "shots": [shot]}
        (out / f"{key}.mp4").write_bytes(read_member(store, row["shard"], row["offset"], row["length"]))
        (out / f"{key}.truth.json").write_bytes(canonical(truth) + b"\n")
        groups.add(group)
        n_clips += 1
    return Exported(n_clips, len(groups), len(rows) - n_clips)


def _words(store: Store, kind: str, labels: int) -> dict[str, dict[str, str]]:
    """A kind that was decided, by key."""
    table = load_kind(store, kind, labels)
    if table is None:
        raise RecaptionError(
            f"{store.url}: no {kind} in labels generation {labels}; run `animatrix-ingest decide` first"
        )
    return {row["key"]: row for row in table.to_pylist()}
