"""From a pick to pixels and words: the condition always describes the very frames in the tensor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from anicaption.directive import directive, from_tags, prose
from anicaption.frames import VideoError
from anicaption.record import Record
from anicaption.taxonomy import NOT_APPLICABLE, TaxonomyError, taxonomy
from animatrix_ingest.keep.annotations import load_kind
from animatrix_ingest.keep.records import record_json
from animatrix_ingest.keep.shards import BLOCK_BYTES, SHARDS, ShardError, read_member
from animatrix_ingest.keep.store import open_store
from animatrix_ingest.keep.tables import pc

from animatrix_trainer.conditioning.dropout import Condition, thin
from animatrix_trainer.conditioning.tags import TagSet, TagSpan, spans_of
from animatrix_trainer.config import NEWEST, TIERS, Data, DataError, Dropout, Recipe, RecipeError, Tasks, Window
from animatrix_trainer.data import decode
from animatrix_trainer.data.choose import BOX, PLACES, TRAIN, choose, first_side
from animatrix_trainer.data.crop import Crop, crop_of, fit
from animatrix_trainer.data.decode import Decoder, Kind
from animatrix_trainer.data.difficulty import traits
from animatrix_trainer.data.plan import Pick, Plan, generator
from animatrix_trainer.data.pools import Traits

T = TypeVar("T")


class SampleError(DataError):
    """A sample that cannot be read; the message says which, where it lies, why, and what to do."""


@dataclass(frozen=True)
class Batch:
    """Samples `numbers` of the run, all of one stage and size: `videos` RGB uint8 (B, T, H, W, 3), what the model is
    told of each, and the frames per second of each (nan: not constant). `skipped` tells of each sample that could not
    be read and that another took the place of."""

    numbers: tuple[int, ...]
    videos: np.ndarray
    conditions: tuple[Condition, ...]
    stage: int = 0
    rates: tuple[float, ...] = ()
    skipped: tuple[str, ...] = ()


class Shards:
    """Windows of the clips of one side of a data set (a folder or an s3:// URL), at the sizes of its buckets.

    `data` names the generations to read and the least tier (see choose.py); `reading` says what is read, and `notes`
    what nobody decided. A border is cut off before the centre crop, and the record speaks of what is left.

    No horizontal flips and no resampling in time: either would make tags lie, and so would clips of uneven rate, which
    are left out. Only the frames of a window are decoded; with `cache` a whole clip is, and stays in memory at that
    size (tiny recipes). `decoder` is refused where it differs from PyAV (decode.py).
    """

    def __init__(
        self,
        folder: Path | str,
        cache: bool = False,
        data: Data = NEWEST,
        split: str = TRAIN,
        decoder: decode.Name = "pyav",
    ) -> None:
        self.folder, self.cache, self._decoder = open_store(folder), cache, Decoder(decoder)
        self._chosen = choose(self.folder, data, split)
        self.reading, self.notes = self._chosen.reading, self._chosen.notes
        self._table = self._chosen.clips
        self._newer, self._newer_at = self._recaptioned()
        self._clip = lru_cache(maxsize=None)(self._whole)
        self._record = lru_cache(maxsize=1024)(self._parse)
        self._told = lru_cache(maxsize=100_000)(self._of_record)
        if decoder == "decord":
            self._decoder.check(self._one_of_each_kind())
        self.reading = replace(self.reading, decoder=self._decoder.words())

    @classmethod
    def first_of(
        cls,
        splits: Sequence[str],
        folder: Path | str,
        frames: int,
        cache: bool = False,
        data: Data = NEWEST,
        decoder: decode.Name = "pyav",
    ) -> Shards | None:
        """The clips of the first of these splits that has one of so many frames; None where none has."""
        split = first_side(open_store(folder), data, splits, frames)
        return None if split is None else cls(folder, cache, data, split, decoder)

    @property
    def n_frames(self) -> tuple[int, ...]:
        return tuple(self._table["n_frames"].to_pylist())

    @property
    def keys(self) -> pa.ChunkedArray:
        """The key of each row."""
        return self._table["key"]

    @property
    def decoder(self) -> decode.Name:
        return self._decoder.name

    def traits(self, recipe: Recipe) -> tuple[Traits, tuple[str, ...]]:
        """What the recipe's stages draw by, and notes for people; DataError where the data set does not say it."""
        return traits(self.folder, self._chosen, recipe)

    def rate(self, number: int) -> float:
        """The native frames per second of a row; nan where its frames come unevenly."""
        rate = self._table["rate"][number].as_py()
        return float(Fraction(rate)) if rate != "None" else float("nan")

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
        size, end = (pick.window.height_px, pick.window.width_px), pick.start + pick.window.frames
        if self.cache:
            return self._clip(pick.row, *size)[pick.start : end]
        return self._decode(pick.row, pick.start, end, *size)

    def record(self, pick: Pick) -> Record:
        """The record of the window: its frames, its crop."""
        return self._record(pick.row).window(pick.start, pick.start + pick.window.frames, self.crop(pick))

    def condition(self, pick: Pick, seed: int | None = None) -> Condition:
        """Tags, their times and prose of the window. The whole shot has its stored prose; for a part of it the prose is
        made from the part's tags, mentioning each field with probability 1/2 where a seed is given."""
        row, (tags, spans) = self.row(pick.row), self._told(pick.row, pick.start, pick.window)
        whole = row["n_frames"] == pick.window.frames
        if whole and self.crop(pick) is None:
            if self._newer_at[pick.row] >= 0:
                return Condition(tags, prose(directive(self._record(pick.row)).text), spans)
            return Condition(tags, prose(self.member(row, "txt").decode()), spans)
        return Condition(tags, from_tags(tags, seed).prose, spans)

    def forget(self) -> None:
        """Drop what is remembered of records, as a run does that never sees a clip twice."""
        self._record.cache_clear()
        self._told.cache_clear()

    def _of_record(self, row: int, start: int, window: Window) -> tuple[TagSet, tuple[TagSpan, ...]]:
        """The tags of a window, and when in it they hold."""
        record = self.record(Pick(row, start, 0, window))
        return (of_a_still(record.tags()), ()) if window.frames == 1 else (record.tags(), spans_of(record))

    def readable(self, pick: Pick, read: Callable[[], T]) -> T:
        """What `read` gives; SampleError, with the place and the remedy, where the pick's clip is broken. Words of
        another taxonomy are no broken sample but another data set: DataError, and nothing skips it."""
        try:
            return read()
        except TaxonomyError as error:
            row = self.row(pick.row)
            raise DataError(
                f"{self.folder.url}/{SHARDS}/{row['shard']}: clip {row['key']}: {error}; `animatrix-ingest recaption` "
                "says what is in the clips anew, in today's words"
            ) from error
        except (ShardError, VideoError, ValueError, KeyError) as error:
            row = self.row(pick.row)
            why = error.words if isinstance(error, VideoError) else str(error) or type(error).__name__
            raise SampleError(
                f"{self.folder.url}/{SHARDS}/{row['shard']}: clip {row['key']} at byte {row['offset']}: {why}. "
                "`animatrix-ingest verify` names what is broken in a data set; put a good copy of the shard in its "
                "place, or draw other clips for broken ones with --skip-corrupt"
            ) from error

    def _whole(self, number: int, height_px: int, width_px: int) -> np.ndarray:
        return self._decode(number, 0, self.row(number)["n_frames"], height_px, width_px)

    def _decode(self, number: int, start: int, end: int, height_px: int, width_px: int) -> np.ndarray:
        row = self.row(number)
        video = self._decoder(_kind(row), self.member(row, "mp4"), start, end, row["n_frames"])
        return fit(video, Window(1, height_px, width_px), self.box(number))

    def member(self, row: dict[str, Any], suffix: str) -> bytes:
        """The bytes of one of a clip's three files; ShardError where another file lies in their place."""
        prefix = "" if suffix == "mp4" else f"{suffix}_"
        offset, length = row[f"{prefix}offset"], row[f"{prefix}length"]
        data = read_member(self.folder, row["shard"], offset - BLOCK_BYTES, length + BLOCK_BYTES)
        name, named = data[:100].rstrip(b"\0"), f"{row['key']}.{suffix}".encode()
        if name != named:
            raise ShardError(f"the tar has {name[:60]!r} where the manifest has {named.decode()}")
        return data[BLOCK_BYTES:]

    def _one_of_each_kind(self) -> list[tuple[Kind, bytes, int]]:
        """The first clip of each of the commonest sizes and rates."""
        columns = [self._table[name].to_pylist() for name in ("width_px", "height_px", "rate")]
        kinds = list(zip(*columns, strict=True))
        rows = [self.row(kinds.index(kind)) for kind, _ in Counter(kinds).most_common(KINDS_CHECKED)]
        return [(_kind(row), self.member(row, "mp4"), row["n_frames"]) for row in rows]

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
        member = self.member(row, "json")
        return Record.from_json(record_json(member, self._newer[at].as_py() if at >= 0 else None))


KINDS_CHECKED = 8
"""Kinds of clips that a decoder is checked on before a run; others when they are met."""
NO_STILLS = (
    *(field.id for field in taxonomy() if field.axis == "motion"),
    *("camera.move", "camera.speed", "camera.easing", "camera.shake", "camera.transition", "content.flashing"),
)
"""Fields that do not apply to one frame."""


def of_a_still(tags: TagSet) -> TagSet:
    """The tags of one frame: `na` for motion and for what the camera does."""
    return {**tags, **dict.fromkeys(NO_STILLS, (NOT_APPLICABLE,))}


def _kind(row: dict[str, Any]) -> Kind:
    return row["width_px"], row["height_px"], row["rate"]


UNSEEN_CLIPS = 32
"""How many windows the held-out loss is a mean of, or a few more: whole batches are read."""


def held_back(shards: Shards, recipe: Recipe, rank: int = 0, world: int = 1) -> Batches | None:
    """Some clips that training does not see, of the same generations and tier: validation's, or where there are none
    held_out's; None where nothing is held out. Tags and text are said whole, nothing is dropped."""
    now, sides = shards.reading, ("validation", "held_out")
    least = TIERS[max(TIERS.index(now.tier), TIERS.index(recipe.stages[-1].tier))]
    data = Data(now.video, now.labels, least)
    frames = recipe.window.frames
    others = Shards.first_of(sides, shards.folder.url, frames, shards.cache, data, shards.decoder)
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


NO_VIDEOS = np.zeros((0, 0, 0, 0, 3), np.uint8)
ATTEMPTS = 8
"""How many samples in a row may be broken before a run that skips broken ones stops."""


class Batches:
    """Item `step` is the batch of that step, so that a loader can start anywhere.

    A rank sees samples rank, rank + world, ... of the global batch. Where the recipe skips what is corrupt, each
    sample's substitutes depend on seed, step and sample alone, so every rank count trains on the same samples.
    """

    def __init__(self, shards: Shards, recipe: Recipe, rank: int = 0, world: int = 1) -> None:
        for stage in recipe.stages:
            for bucket in stage.buckets:
                if bucket.batch % world:
                    raise RecipeError(
                        f"stage {stage.name}: batch={bucket.batch} does not divide among {world} processes"
                    )
        self.shards, self.recipe, self.rank, self.world = shards, recipe, rank, world
        traits, self.notes = shards.traits(recipe)
        self.plan = Plan(recipe, traits)

    def __len__(self) -> int:
        return self.recipe.steps

    def __getitem__(self, step: int) -> Batch:
        picks = self.plan.step(step)[self.rank :: self.world]
        stage, _ = self.recipe.stage_of(step)
        skipped: list[str] = []
        samples = [self._sample(step, stage, pick, skipped) for pick in picks]
        contents, conditions, rates = zip(*samples, strict=True)
        numbers = tuple(pick.number for pick in picks)
        return self._with(contents, Batch(numbers, NO_VIDEOS, conditions, stage, rates, tuple(skipped)))

    def _with(self, contents: Sequence[Any], batch: Batch) -> Batch:
        """A batch with what `_read` gave of each sample."""
        return replace(batch, videos=np.stack(contents))

    def _sample(self, step: int, stage: int, pick: Pick, skipped: list[str]) -> tuple[Any, Condition, float]:
        """Pixels, words and rate of a pick, or of what is drawn in its place."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                content, condition = self.shards.readable(pick, lambda: self._read(stage, pick))  # noqa: B023
                return content, condition, self.shards.rate(pick.row)
            except SampleError as error:
                if not self.recipe.skip_corrupt:
                    raise
                skipped.append(str(error))
                pick = self.plan.again(step, pick, attempt)
        raise SampleError(f"{ATTEMPTS} samples in a row cannot be read: {skipped[-1]}")

    def _read(self, stage: int, pick: Pick) -> tuple[Any, Condition]:
        condition = self.condition(stage, pick)
        return self.shards.video(pick), condition

    def condition(self, stage: int, pick: Pick) -> Condition:
        """What the sample is told, after thinning."""
        rng = generator(self.recipe.seed, "condition", pick.number)
        whole = self.shards.condition(pick, seed=int(rng.integers(2**31)))
        return thin(whole, self.recipe.stages[stage].dropout, rng)
