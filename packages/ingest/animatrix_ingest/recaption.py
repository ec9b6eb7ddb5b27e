"""Captions made anew: from measurements, heads, a model and corrections, as a labels generation; video stays as it is.

What each clip is asked for is settled first, from the newest generations. Workers answer chunks of clips and commit the
answers (recaption_answer.py). At last all answers become tables, and the tables one labels generation, strictly after
the one that was read: where another came meanwhile everything is looked at anew, and answers are there already.
"""

from __future__ import annotations

import difflib
import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from animatrix_ingest import corrections as people
from animatrix_ingest.corrections import Correction
from animatrix_ingest.decide.joined import beside
from animatrix_ingest.decide.quarantine import quarantine
from animatrix_ingest.decide.stated import stated
from animatrix_ingest.decide.verdicts import Laid
from animatrix_ingest.engine import Progress, Silent, Workshop
from animatrix_ingest.keep import manifest, tables, video
from animatrix_ingest.keep import store as keep
from animatrix_ingest.keep.annotations import Labels, commit_labels, load_kind, load_labels
from animatrix_ingest.keep.clips import KEY, by_key, tag_fields, unified
from animatrix_ingest.keep.ledger import check
from animatrix_ingest.keep.records import RECORDS
from animatrix_ingest.keep.store import Conflict, Store, StoreError, canonical, open_store
from animatrix_ingest.keep.tables import pc
from animatrix_ingest.limits import LostWorker, Needs
from animatrix_ingest.recaption_answer import ANSWERS, CLIPS_AT_ONCE, Answer, Ask, Begin, Chunk, Told, answers, chunks
from animatrix_ingest.recaption_how import How, RecaptionError
from animatrix_ingest.recaption_sources import identity, reachable
from animatrix_ingest.rows import Dead

TAGS = pa.schema([KEY, *tag_fields()])
CAPTIONS = pa.schema([KEY, pa.field("caption", pa.string(), nullable=False)])
ROUNDS = 20
READERS = 16
IN_FLIGHT = 2
"""How many clips wait at each worker that asks a model."""
PATIENCE = 16
"""So many clips that fail one after the other are not the clips' fault: the model is not there any more."""
STALL_S = 3600.0
"""After this a clip that a model was asked about is given up."""
TOLD_FAILURES = 100
_FACTS = ("key", "source_sha256", "shard", "offset", "length", "json_offset", "json_length", "mp4_blake2b")


@dataclass(frozen=True)
class Recaptioned:
    """What a recaption did. `n_withheld` clips were captioned without the model, which may not see them."""

    labels: int
    changed: bool
    n_clips: int
    n_asked: int
    n_withheld: int
    failed: tuple[tuple[str, Dead], ...]
    seconds: float


@dataclass(frozen=True)
class Chosen:
    """Which clips are captioned anew: all, those of some keys, or those of a tier."""

    keys: tuple[str, ...] = ()
    only_tier: str | None = None

    @property
    def all(self) -> bool:
        return not self.keys and self.only_tier is None


def recaption(
    dataset: Path | str | Store,
    how: How,
    engine: Callable[[], AbstractContextManager[Workshop]],
    *,
    corrections: Path | None = None,
    chosen: Chosen = Chosen(),
    progress: Progress | None = None,
) -> Recaptioned:
    """Caption clips of a data set anew and commit what is said of them now, where that is anything new.

    Corrections of all times are applied; those in the file are remembered. With a file of corrections and nothing else
    said, people's values are laid over what is said of those clips now, and no other clip is touched. Clips that fail
    keep what is said of them. Raises RecaptionError, CorrectionError, StoreError.
    """
    began = time.perf_counter()
    store = open_store(dataset) if isinstance(dataset, str | Path) else dataset
    check(store)
    store.sweep()
    who, n_asked = identity(how), 0
    for _ in range(ROUNDS):
        base = load_labels(store)
        scene = Scene.of(store, base, corrections)
        asks = scene.asks(how, chosen)
        said, failed, n = answered(store, asks, who, how, engine, progress or Silent())
        n_asked += n
        withheld = sum(not ask.may_be_shown for ask in asks)
        about = {"by": "recaption", "how": how.to_json(), "identity": who, "chosen": vars(chosen)}
        about |= {"n_clips": len(asks), "n_withheld": withheld, "n_failed": len(failed)}
        about["failed"] = {key: dead.reason for key, dead in sorted(failed.items())[:TOLD_FAILURES]}
        try:
            number = commit_labels(
                store, base.video, _kinds(store, base, said, scene.corrections), about, base=base.number, strict=True
            )
        except Conflict:
            continue
        ends = tuple(sorted(failed.items()))
        took = time.perf_counter() - began
        return Recaptioned(number, number != base.number, len(asks), n_asked, withheld, ends, took)
    raise StoreError(f"{store.url}: {ROUNDS} times others committed labels meanwhile; run again: no answer is lost")


@dataclass(frozen=True)
class Scene:
    """A data set as a recaption finds it: its clips with their ratings, what nobody may see, what people said."""

    store: Store
    base: Labels
    clips: pa.Table
    held: np.ndarray
    corrections: dict[str, tuple[Correction, ...]]
    fresh: frozenset[str]
    """clips of which the file given now says something"""

    @classmethod
    def of(cls, store: Store, base: Labels, corrections: Path | None) -> Scene:
        clips = manifest.load(store, labels=base.number, columns=_FACTS)
        clips = stated(clips, video.read(store, video.load(store, base.video).sources, video.SOURCES))
        new = people.read(corrections, clips["key"].to_pylist()) if corrections else []
        known = people.of_table(load_kind(store, "corrections", base.number))
        return cls(
            store, base, clips, _held(store, base, clips), people.together(known, new), frozenset(c.key for c in new)
        )

    def asks(self, how: How, chosen: Chosen) -> list[Ask]:
        """What is asked of which clips, in the order of their keys."""
        anew = self._anew(how, chosen)
        now = self._now(anew)
        rows = self.clips.select([*_FACTS, "rating"]).to_pylist()
        return [
            Ask(
                key=row["key"],
                blake2b=row["mp4_blake2b"],
                shard=row["shard"],
                mp4=(row["offset"], row["length"]),
                json=(row["json_offset"], row["json_length"]),
                rating=row["rating"],
                may_be_shown=not how.asks_model or _may_be_shown(row["rating"], bool(held), how),
                corrections=self.corrections.get(row["key"], ()),
                only_correct=row["key"] not in anew,
                now=now.get(row["key"]),
            )
            for row, held in zip(rows, self.held)
            if row["key"] in anew or row["key"] in self.fresh
        ]

    def _anew(self, how: How, chosen: Chosen) -> Collection[str]:
        """The keys of the clips that are captioned anew; the others are corrected at most."""
        keys = self.clips["key"]
        if chosen.keys:
            for key in chosen.keys:
                _check_key(key, keys)
            return frozenset(chosen.keys)
        if chosen.only_tier is not None:
            tiers = load_kind(self.store, "tiers", self.base.number, ["tier"])
            if tiers is None:
                raise RecaptionError(
                    f"--only-tier {chosen.only_tier}: no tiers in labels generation {self.base.number}; "
                    "run `animatrix-ingest decide` first"
                )
            found = frozenset(tiers.filter(pc.equal(tiers["tier"], chosen.only_tier))["key"].to_pylist())
            if not found:
                there = ", ".join(sorted(set(tiers["tier"].to_pylist())))
                raise RecaptionError(f"--only-tier {chosen.only_tier}: no clip stands there; there are {there}")
            return found
        return frozenset() if self.fresh and not how.needs_video else frozenset(keys.to_pylist())

    def _now(self, anew: Collection[str]) -> dict[str, str]:
        """Of clips with newer records: the record where it is only corrected, else its tracks if it has its own."""
        newer = load_kind(self.store, "records", self.base.number, ["record"])
        if newer is None:
            return {}
        only = pc.is_in(newer["key"], value_set=pa.array(sorted(self.fresh - set(anew)), pa.string()))
        rows = newer.filter(pc.or_(only, pc.match_substring(newer["record"], '"tracks":'))).to_pylist()
        return {
            row["key"]: row["record"] if row["key"] not in anew else canonical(_only_tracks(row["record"])).decode()
            for row in rows
        }


def _only_tracks(record: str) -> dict[str, Any]:
    return {"tracks": json.loads(record)["tracks"]}


def _check_key(key: str, keys: pa.ChunkedArray) -> None:
    if pc.index(keys, key).as_py() < 0:
        close = difflib.get_close_matches(key, keys.to_pylist()[:20_000], 1)
        meant = f"; did you mean {close[0]}?" if close else "; take keys from the manifest"
        raise RecaptionError(f"--keys {key}: no clip of this data set{meant}")


def _held(store: Store, base: Labels, clips: pa.Table) -> np.ndarray:
    """Which clips are quarantined: by what was decided, and by ratings and records even where nothing was yet."""
    tags, scores, roles, tiers = (load_kind(store, kind, base.number) for kind in ("tags", "scores", "roles", "tiers"))
    held = quarantine(clips, Laid({}, ()), tags, scores, roles).mask
    if tiers is None:
        return held
    decided = beside(clips["key"], tiers, "tiers", ["tier"])["tier"]
    return held | np.asarray(pc.fill_null(pc.equal(decided, "quarantined"), False))


def _may_be_shown(rating: str, held: bool, how: How) -> bool:
    """Whether a model may see a clip. What is quarantined no model sees; what is unrated does not leave the cluster."""
    return not held and (rating != "unknown" or how.local is not None or how.unrated)


def answered(
    store: Store,
    asks: Sequence[Ask],
    who: Mapping[str, Any],
    how: How,
    engine: Callable[[], AbstractContextManager[Workshop]],
    progress: Progress,
) -> tuple[pa.Table, dict[str, Dead], int]:
    """(ANSWERS, the clips that failed now, how many chunks were worked on). What is answered is not asked again."""
    size = CLIPS_AT_ONCE["asked" if how.asks_model else "decoded" if how.needs_video else "stored"]
    waiting = list(chunks(asks, who, size))
    parts: list[pa.Table] = []
    failed: dict[str, Dead] = {}
    n_worked = 0
    while waiting:
        there = set(keep.names(store, "answers/"))
        fresh = [chunk for chunk in waiting if chunk.place not in there]
        if fresh:
            failed |= _worked(store, fresh, how, engine, progress)
            n_worked += len(fresh)
            there = set(keep.names(store, "answers/"))
        with ThreadPoolExecutor(READERS) as pool:
            found = list(pool.map(lambda chunk: answers(store, chunk), [c for c in waiting if c.place in there]))
        parts += found
        done = {key for table in found for key in table["key"].to_pylist()}
        left = [ask for chunk in waiting for ask in chunk.asks if ask.key not in done and ask.key not in failed]
        waiting = list(chunks(left, who, size))
    whole = by_key(unified(parts, ANSWERS))
    return whole, {key: dead for key, dead in failed.items() if pc.index(whole["key"], key).as_py() < 0}, n_worked


def _worked(
    store: Store,
    fresh: Sequence[Chunk],
    how: How,
    engine: Callable[[], AbstractContextManager[Workshop]],
    progress: Progress,
) -> dict[str, Dead]:
    """Let workers answer chunks; the clips that failed."""
    if how.asks_model:
        reachable(how)
    progress.begin("captioning", len(fresh))
    task, failed, in_a_row = Answer(store, how), dict[str, Dead](), 0
    with engine() as started:
        if how.asks_model:
            gpus = float(how.local is not None and how.device.startswith("cuda"))
            needs = Needs(gpus=gpus, stall_s=STALL_S)  # a CPU each: clips are decoded and pictures encoded there
            ends = started.on_actors(Begin(task), fresh, min(how.actors, len(fresh)), needs, IN_FLIGHT)
        else:
            ends = started(task, fresh, progress)
        for chunk, told in ends:
            dead = _dead(chunk, told)
            failed |= dead
            progress.done(chunk.asks[0].key, "; ".join(row.reason for row in dead.values()))
            in_a_row = in_a_row + 1 if len(dead) == len(chunk.asks) else 0
            if how.asks_model and in_a_row >= PATIENCE:
                raise RecaptionError(
                    f"the last {in_a_row} clips all failed ({chunk.asks[0].key}: {dead[chunk.asks[0].key].reason}); "
                    "mend the model and run again: no answer is lost"
                )
    return failed


def _dead(chunk: Chunk, told: Told | LostWorker) -> dict[str, Dead]:
    if isinstance(told, LostWorker):
        return {ask.key: Dead("worker", told.words) for ask in chunk.asks}
    return dict(told.dead)


def _kinds(
    store: Store, base: Labels, said: pa.Table, corrections: Mapping[str, Iterable[Correction]]
) -> dict[str, Sequence[str]]:
    """The tables of the next generation: what was answered now, and of all other clips what was said before."""
    keys = said["key"].to_pylist()
    anew = said.filter(pc.invert(said["as_stored"]))
    found = {}
    for kind, schema, rows in (("tags", TAGS, said), ("captions", CAPTIONS, said), ("records", RECORDS, anew)):
        former = load_kind(store, kind, base.number)
        others = video.without(_with_all(former, schema), "key", keys)
        found[kind] = _written(store, base, kind, former, unified([others, rows.select(schema.names)], schema))
    former = load_kind(store, "corrections", base.number)
    found["corrections"] = _written(store, base, "corrections", former, people.as_table(corrections))
    return {kind: names for kind, names in found.items() if names or kind in base.kinds}


def _with_all(former: pa.Table | None, schema: pa.Schema) -> pa.Table:
    """A former table with every column; fields that are newer than it are unknown of its clips."""
    if former is None:
        return schema.empty_table()
    unknown = pa.array([["unknown"]] * former.num_rows, pa.list_(pa.string()))
    missing = [name for name in schema.names if name not in former.column_names]
    return pa.table({**{name: former[name] for name in former.column_names}, **dict.fromkeys(missing, unknown)})


def _written(store: Store, base: Labels, kind: str, former: pa.Table | None, rows: pa.Table) -> Sequence[str]:
    """The files that say this: the former ones where they do, none where there is nothing to say."""
    if not rows.num_rows:
        return ()
    rows = by_key(rows)
    if former is not None and tables.values_hash(former) == tables.values_hash(rows):
        return base.kinds[kind]
    return tables.write_in_files(store, rows)
