"""From a pick to pixels and words: the condition always describes the very frames in the tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from anicaption.directive import directive, from_tags, prose
from anicaption.frames import read_clip
from anicaption.record import Record
from animatrix_ingest.keep.annotations import load_kind
from animatrix_ingest.keep.records import record_json
from animatrix_ingest.keep.shards import read_member
from animatrix_ingest.keep.store import open_store
from animatrix_ingest.keep.tables import pc

from animatrix_trainer.conditioning.dropout import Condition, thin
from animatrix_trainer.config import NEWEST, Data, Dropout, Recipe, Tasks, Window
from animatrix_trainer.data.choose import BOX, PLACES, TRAIN, choose, first_side
from animatrix_trainer.data.crop import Crop, crop_of, fit
from animatrix_trainer.data.plan import Pick, Plan, generator


@dataclass(frozen=True)
class Batch:
    """Samples `numbers` of the run, all of one stage and size: `videos` RGB uint8 (B, T, H, W, 3) and what the model
    is told of each."""

    numbers: tuple[int, ...]
    videos: np.ndarray
    conditions: tuple[Condition, ...]
    stage: int = 0


class Shards:
    """Windows of the clips of one side of a data set (a folder or an s3:// URL), at the sizes of its buckets.

    `data` names the generations to read and the least tier (see choose.py); `reading` says what is read, and `notes`
    what nobody decided. A border is cut off before the centre crop, and the record speaks of what is left.

    No horizontal flips and no resampling in time: either would make tags lie, and so would clips of uneven rate, which
    are left out. With `cache` a clip stays in memory at that size once it is decoded (tiny recipes).
    """

    def __init__(self, folder: Path | str, cache: bool = False, data: Data = NEWEST, split: str = TRAIN) -> None:
        self.folder, self.cache = open_store(folder), cache
        chosen = choose(self.folder, data, split)
        self.reading, self.notes = chosen.reading, chosen.notes
        self._table = chosen.clips
        self._newer, self._newer_at = self._recaptioned()
        self._clip = lru_cache(maxsize=None if cache else 8)(self._decode)
        self._record = lru_cache(maxsize=1024)(self._parse)
        self._tags = lru_cache(maxsize=100_000)(
            lambda row, start, window: self.record(Pick(row, start, 0, window)).tags()
        )

    @classmethod
    def first_of(
        cls, splits: Sequence[str], folder: Path | str, frames: int, cache: bool = False, data: Data = NEWEST
    ) -> Shards | None:
        """The clips of the first of these splits that has one of so many frames; None where none has."""
        split = first_side(open_store(folder), data, splits, frames)
        return None if split is None else cls(folder, cache, data, split)

    @property
    def n_frames(self) -> tuple[int, ...]:
        return tuple(self._table["n_frames"].to_pylist())

    def row(self, number: int) -> dict[str, Any]:
        """One row of the manifest; rows become Python objects one by one, as there may be millions."""
        return {name: self._table[name][number].as_py() for name in PLACES}

    def box(self, number: int) -> Crop | None:
        """The picture within the border of a row's frames; None where nobody measured it."""
        x0, y0, x1, y1 = (self._table[name][number].as_py() for name in BOX)
        return None if None in (x0, y0, x1, y1) else (x0, y0, x1, y1)

    def crop(self, pick: Pick) -> Crop | None:
        """What the window shows of its frames; None where that is all."""
        row = self.row(pick.row)
        return crop_of(row["width_px"], row["height_px"], pick.window, self.box(pick.row))

    def video(self, pick: Pick) -> np.ndarray:
        """RGB uint8 (window.frames, H, W, 3)."""
        size = pick.window.height_px, pick.window.width_px
        return self._clip(pick.row, *size)[pick.start : pick.start + pick.window.frames]

    def record(self, pick: Pick) -> Record:
        """The record of the window: its frames, its crop."""
        return self._record(pick.row).window(pick.start, pick.start + pick.window.frames, self.crop(pick))

    def condition(self, pick: Pick, seed: int | None = None) -> Condition:
        """Tags and prose of the window. The whole shot has its stored prose; for a part of it the prose is made from
        the part's tags, mentioning each field with probability 1/2 where a seed is given."""
        row, tags = self.row(pick.row), self._tags(pick.row, pick.start, pick.window)
        whole = row["n_frames"] == pick.window.frames
        if whole and self.crop(pick) is None:
            if self._newer_at[pick.row] >= 0:
                return Condition(tags, prose(directive(self._record(pick.row)).text))
            stored = read_member(self.folder, row["shard"], row["txt_offset"], row["txt_length"])
            return Condition(tags, prose(stored.decode()))
        return Condition(tags, from_tags(tags, seed).prose)

    def _decode(self, number: int, height_px: int, width_px: int) -> np.ndarray:
        row = self.row(number)
        video = read_clip(read_member(self.folder, row["shard"], row["offset"], row["length"]))
        if len(video) != row["n_frames"]:
            raise ValueError(
                f"{row['key']}: {len(video)} frames decode, the manifest says {row['n_frames']}; ingest again"
            )
        return fit(video, Window(1, height_px, width_px), self.box(number))

    def _recaptioned(self) -> tuple[pa.ChunkedArray, np.ndarray]:
        """Records that are newer than the ones in the shards, as JSON, and which of them is each row's; -1: none."""
        rows = load_kind(self.folder, "records", self.reading.labels, ["record"])
        if rows is None:
            return pa.chunked_array([], pa.string()), np.full(self._table.num_rows, -1)
        at = pc.index_in(self._table["key"], value_set=rows["key"].combine_chunks())
        return rows["record"], pc.fill_null(at, -1).to_numpy()

    def _parse(self, number: int) -> Record:
        at = int(self._newer_at[number])
        row = self.row(number)
        member = read_member(self.folder, row["shard"], row["json_offset"], row["json_length"])
        return Record.from_json(record_json(member, self._newer[at].as_py() if at >= 0 else None))


UNSEEN_CLIPS = 32
"""How many windows the held-out loss is a mean of, or a few more: whole batches are read."""


def held_back(shards: Shards, recipe: Recipe, rank: int = 0, world: int = 1) -> Batches | None:
    """Some clips that training does not see, of the same generations and tier: validation's, or where there are none
    held_out's; None where nothing is held out. Tags and text are said whole, nothing is dropped."""
    now = shards.reading
    data = Data(now.video, now.labels, now.tier)
    others = Shards.first_of(("validation", "held_out"), shards.folder.url, recipe.window.frames, shards.cache, data)
    if others is None:
        return None
    bucket = next(bucket for bucket in recipe.stages[-1].buckets if bucket.window == recipe.window)
    n_usable = sum(n >= recipe.window.frames for n in others.n_frames)
    whole = Dropout((1.0, 0.0, 0.0, 0.0), tag=0.0, synonym=0.0, conflict=0.0)
    stage = replace(
        recipe.stages[-1],
        steps=-(-min(UNSEEN_CLIPS, n_usable) // bucket.batch),
        buckets=(bucket,),
        tasks=_tasks(recipe),
        dropout=whole,
        weights="uniform",
        replay=0.0,
    )
    return Batches(others, replace(recipe, stages=(stage,)), rank, world)


def _tasks(recipe: Recipe) -> Tasks:
    """The last stage's tasks for one bucket: pictures alone, or what it gives of video in the shares it has."""
    if recipe.window.frames == 1:
        return Tasks(t2i=1.0, t2v=0.0)
    tasks = recipe.stages[-1].tasks
    video = 1 - tasks.t2i
    return Tasks(0.0, tasks.t2v / video, tasks.i2v / video, tasks.ends / video, tasks.keys / video)


class Batches:
    """Item `step` is the batch of that step, so that a loader can start anywhere.

    A rank sees samples rank, rank + world, ... of the global batch.
    """

    def __init__(self, shards: Shards, recipe: Recipe, rank: int = 0, world: int = 1) -> None:
        for stage in recipe.stages:
            for bucket in stage.buckets:
                if bucket.batch % world:
                    raise ValueError(
                        f"stage {stage.name}: batch={bucket.batch} does not divide among {world} processes"
                    )
        self.shards, self.recipe, self.rank, self.world = shards, recipe, rank, world
        self.plan = Plan(recipe, shards.n_frames)

    def __len__(self) -> int:
        return self.recipe.steps

    def __getitem__(self, step: int) -> Batch:
        picks = self.plan.step(step)[self.rank :: self.world]
        stage, _ = self.recipe.stage_of(step)
        videos = np.stack([self.shards.video(pick) for pick in picks])
        conditions = tuple(self._condition(pick, self.recipe.stages[stage].dropout) for pick in picks)
        return Batch(tuple(pick.number for pick in picks), videos, conditions, stage)

    def _condition(self, pick: Pick, dropout: Dropout) -> Condition:
        rng = generator(self.recipe.seed, "condition", pick.number)
        whole = self.shards.condition(pick, seed=int(rng.integers(2**31)))
        return thin(whole, dropout, rng)
