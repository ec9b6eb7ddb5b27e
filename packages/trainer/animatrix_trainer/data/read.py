"""From a pick to pixels and words: the condition always describes the very frames in the tensor."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from anicaption.directive import directive, from_tags, prose
from anicaption.frames import read_clip
from anicaption.record import Record
from animatrix_ingest.keep import manifest
from animatrix_ingest.keep.annotations import load_kind
from animatrix_ingest.keep.shards import read_member
from animatrix_ingest.keep.store import open_store

from animatrix_trainer.conditioning.dropout import Condition, thin
from animatrix_trainer.config import Recipe, Window
from animatrix_trainer.data.plan import Pick, Plan, generator

Crop = tuple[float, float, float, float]


@dataclass(frozen=True)
class Batch:
    """Samples `numbers` of the run: `videos` RGB uint8 (B, T, H, W, 3) and what the model is told of each."""

    numbers: tuple[int, ...]
    videos: np.ndarray
    conditions: tuple[Condition, ...]


class Shards:
    """Windows of the clips of a data set (a folder or an s3:// URL), at a recipe's size.

    `video` and `labels` name the generations to read; without them the highest are read, and `generations` says which.

    No horizontal flips and no resampling in time: either would make tags lie. With `cache` a clip stays in memory at
    that size once it is decoded (tiny recipes).
    """

    def __init__(
        self,
        folder: Path | str,
        window: Window,
        cache: bool = False,
        video: int | None = None,
        labels: int | None = None,
    ) -> None:
        self.folder, self.window = open_store(folder), window
        table = manifest.load(self.folder, video, labels, _PLACES)
        self.generations = {name.decode(): value.decode() for name, value in (table.schema.metadata or {}).items()}
        self._table = table
        self._newer = self._recaptioned()
        self._clip = lru_cache(maxsize=None if cache else 8)(self._decode)
        self._record = lru_cache(maxsize=1024)(self._parse)
        self._tags = lru_cache(maxsize=100_000)(lambda row, start: self.record(Pick(row, start, 0)).tags())

    @property
    def n_frames(self) -> tuple[int, ...]:
        return tuple(self._table["n_frames"].to_pylist())

    def row(self, number: int) -> dict[str, Any]:
        """One row of the manifest; rows become Python objects one by one, as there may be millions."""
        return {name: self._table[name][number].as_py() for name in _PLACES}

    def video(self, pick: Pick) -> np.ndarray:
        """RGB uint8 (window.frames, H, W, 3)."""
        return self._clip(pick.row)[pick.start : pick.start + self.window.frames]

    def record(self, pick: Pick) -> Record:
        """The record of the window: its frames, its crop."""
        row = self.row(pick.row)
        crop = centre_crop(row["width_px"], row["height_px"], self.window)
        return self._record(pick.row).window(pick.start, pick.start + self.window.frames, crop)

    def condition(self, pick: Pick, seed: int | None = None) -> Condition:
        """Tags and prose of the window. The whole shot has its stored prose; for a part of it the prose is made from
        the part's tags, mentioning each field with probability 1/2 where a seed is given."""
        row, tags = self.row(pick.row), self._tags(pick.row, pick.start)
        whole = row["n_frames"] == self.window.frames
        if whole and centre_crop(row["width_px"], row["height_px"], self.window) is None:
            if row["key"] in self._newer:
                return Condition(tags, prose(directive(self._record(pick.row)).text))
            stored = read_member(self.folder, row["shard"], row["txt_offset"], row["txt_length"])
            return Condition(tags, prose(stored.decode()))
        return Condition(tags, from_tags(tags, seed).prose)

    def _decode(self, number: int) -> np.ndarray:
        row = self.row(number)
        video = read_clip(read_member(self.folder, row["shard"], row["offset"], row["length"]))
        if len(video) != row["n_frames"]:
            raise ValueError(
                f"{row['key']}: {len(video)} frames decode, the manifest says {row['n_frames']}; ingest again"
            )
        return fit(video, self.window)

    def _recaptioned(self) -> dict[str, str]:
        """Records that are newer than the ones in the shards, by key, as JSON."""
        rows = load_kind(self.folder, "records", int(self.generations["labels"]), ["record"])
        return {} if rows is None else dict(zip(rows["key"].to_pylist(), rows["record"].to_pylist()))

    def _parse(self, number: int) -> Record:
        row = self.row(number)
        if row["key"] in self._newer:
            return Record.from_json(json.loads(self._newer[row["key"]]))
        member = read_member(self.folder, row["shard"], row["json_offset"], row["json_length"])
        return Record.from_json(json.loads(member)["record"])


class Batches:
    """Item `step` is the batch of that step, so that a loader can start anywhere.

    A rank sees samples rank, rank + world, ... of the global batch.
    """

    def __init__(self, shards: Shards, recipe: Recipe, rank: int = 0, world: int = 1) -> None:
        if recipe.batch % world:
            raise ValueError(f"batch={recipe.batch} does not divide among {world} processes")
        self.shards, self.recipe, self.rank, self.world = shards, recipe, rank, world
        self.plan = Plan(recipe.seed, recipe.batch, recipe.window.frames, shards.n_frames)

    def __len__(self) -> int:
        return self.recipe.steps

    def __getitem__(self, step: int) -> Batch:
        picks = self.plan.step(step)[self.rank :: self.world]
        videos = np.stack([self.shards.video(pick) for pick in picks])
        return Batch(tuple(pick.number for pick in picks), videos, tuple(map(self._condition, picks)))

    def _condition(self, pick: Pick) -> Condition:
        rng = generator(self.recipe.seed, "condition", pick.number)
        whole = self.shards.condition(pick, seed=int(rng.integers(2**31)))
        return thin(whole, self.recipe.dropout, rng)


def centre_crop(width_px: int, height_px: int, window: Window) -> Crop | None:
    """The largest centred crop of the window's aspect as fractions (x0, y0, x1, y1); None where nothing is cut.

    Aspects within one pixel of the window's size count as equal: encoders round sizes to even numbers.
    """
    wide = width_px / height_px * window.height_px / window.width_px
    if abs(wide - 1) <= 1 / min(window.width_px, window.height_px):
        return None
    if wide > 1:
        margin = (1 - 1 / wide) / 2
        return margin, 0.0, 1 - margin, 1.0
    margin = (1 - wide) / 2
    return 0.0, margin, 1.0, 1 - margin


def fit(video: np.ndarray, window: Window) -> np.ndarray:
    """RGB uint8 (T, H, W, 3) centre-cropped to the window's aspect and scaled to its size by pixel area."""
    height, width = video.shape[1:3]
    x0, y0, x1, y1 = centre_crop(width, height, window) or (0.0, 0.0, 1.0, 1.0)
    top, bottom, left, right = round(y0 * height), round(y1 * height), round(x0 * width), round(x1 * width)
    size = (window.width_px, window.height_px)
    way = cv2.INTER_AREA if (bottom - top) >= window.height_px else cv2.INTER_CUBIC
    return np.stack([cv2.resize(frame[top:bottom, left:right], size, interpolation=way) for frame in video])


_PLACES = [
    "key", "n_frames", "width_px", "height_px", "shard", "offset", "length", "json_offset", "json_length",
    "txt_offset", "txt_length",
]  # fmt: skip
