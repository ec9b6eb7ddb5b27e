"""Which windows make up the batch of a step: a pure function of (seed, step). Rank and world size only slice it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from animatrix_trainer.config import Bucket, Recipe, Stage, Window


@dataclass(frozen=True)
class Pick:
    """Frames [start, start + window.frames) of manifest row `row`; `number` counts samples from the run's start."""

    row: int
    start: int
    number: int
    window: Window


class Plan:
    """Every step has one stage and one bucket; every clip that is long enough comes once per epoch of a bucket.

    `n_frames` has the length of each row; rows shorter than a bucket's window are never picked for it.
    """

    def __init__(self, recipe: Recipe, n_frames: Sequence[int]) -> None:
        self.seed, self.stages = recipe.seed, recipe.stages
        self.n_frames = np.asarray(n_frames, np.int64)
        for stage in self.stages:
            for bucket in stage.buckets:
                if not (self.n_frames >= bucket.window.frames).any():
                    raise ValueError(
                        f"no clip of the data set has {bucket.window.frames} frames (the longest has "
                        f"{max(n_frames, default=0)}): ingest longer shots or choose a smaller window.frames"
                    )
        choices = [_choices(stage, generator(self.seed, "bucket", at)) for at, stage in enumerate(self.stages)]
        sizes = [np.array([b.batch for b in stage.buckets])[c] for stage, c in zip(self.stages, choices, strict=True)]
        self._choices = choices
        self._first = np.concatenate([[0], np.cumsum(np.concatenate(sizes))])  # sample numbers that steps begin with
        self._within = [_before(chosen, size) for chosen, size in zip(choices, sizes, strict=True)]
        self._order = lru_cache(maxsize=4)(self._shuffle)

    def bucket(self, step: int) -> tuple[int, Bucket]:
        """(index of the stage, the bucket) of a 0-based step."""
        stage, within = self._place(step)
        return stage, self.stages[stage].buckets[self._choices[stage][within]]

    def step(self, step: int) -> list[Pick]:
        """The global batch of 0-based `step`."""
        stage, within = self._place(step)
        at = int(self._choices[stage][within])
        bucket = self.stages[stage].buckets[at]
        drawn, number = int(self._within[stage][within]), int(self._first[step])
        return [self._pick(stage, at, drawn + i, number + i) for i in range(bucket.batch)]

    def _place(self, step: int) -> tuple[int, int]:
        for number, stage in enumerate(self.stages):
            if step < stage.steps:
                return number, step
            step -= stage.steps
        raise IndexError(f"step {step} lies beyond the last of the run")

    def _pick(self, stage: int, bucket: int, drawn: int, number: int) -> Pick:
        window = self.stages[stage].buckets[bucket].window
        usable = np.flatnonzero(self.n_frames >= window.frames)
        epoch, place = divmod(drawn, len(usable))
        row = int(self._order(stage, bucket, epoch)[place])
        free = int(self.n_frames[row]) - window.frames + 1
        return Pick(row, int(generator(self.seed, "start", number).integers(free)), number, window)

    def _shuffle(self, stage: int, bucket: int, epoch: int) -> np.ndarray:
        usable = np.flatnonzero(self.n_frames >= self.stages[stage].buckets[bucket].window.frames)
        return generator(self.seed, "order", stage, bucket, epoch).permutation(usable)


def _choices(stage: Stage, rng: np.random.Generator) -> np.ndarray:
    """The bucket of each of a stage's steps."""
    picture = np.array([bucket.window.frames == 1 for bucket in stage.buckets])
    share = np.array([bucket.share for bucket in stage.buckets], float)
    for kind, of_all in ((picture, stage.tasks.t2i), (~picture, 1 - stage.tasks.t2i)):
        if kind.any():
            share[kind] *= of_all / share[kind].sum()
    return np.searchsorted(np.cumsum(share), rng.random(stage.steps), side="right").clip(0, len(share) - 1)


def _before(chosen: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """For each step how many samples of its own bucket earlier steps of the stage had."""
    before = np.zeros(len(chosen), np.int64)
    for bucket in np.unique(chosen):
        own = chosen == bucket
        before[own] = np.cumsum(sizes[own]) - sizes[own]
    return before


STREAMS = ("order", "start", "condition", "noise", "bucket", "row", "expert")


def generator(seed: int, stream: str, *place: int) -> np.random.Generator:
    """The random numbers of one purpose at one place of the run, independent of all others and of history."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, STREAMS.index(stream), *place])))
