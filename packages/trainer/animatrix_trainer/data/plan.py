"""Which windows make up the batch of a step: a pure function of (seed, step). Rank and world size only slice it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from animatrix_trainer.config import Bucket, Recipe, Stage, Window
from animatrix_trainer.data.pools import Pool, Traits, pool, replayed


@dataclass(frozen=True)
class Pick:
    """Frames [start, start + window.frames) of manifest row `row`; `number` counts samples from the run's start."""

    row: int
    start: int
    number: int
    window: Window


class Plan:
    """Every step has one stage and one bucket. Where a stage is `uniform`, every clip that is long enough and of its
    tier comes once per epoch of a bucket; otherwise clips are drawn by weight, with replacement (pools.py).

    Of a bucket's samples the share `replay`, evenly spread, comes from what earlier stages were allowed to see.
    """

    def __init__(self, recipe: Recipe, clips: Traits | Sequence[int]) -> None:
        self.seed, self.stages = recipe.seed, recipe.stages
        self.traits = clips if isinstance(clips, Traits) else Traits(np.asarray(clips, np.int64))
        self.n_frames = self.traits.n_frames
        self.choices = [_choices(stage, generator(self.seed, "bucket", at)) for at, stage in enumerate(self.stages)]
        """Per stage the index of the bucket of each of its steps."""
        sizes = [np.array([b.batch for b in s.buckets])[c] for s, c in zip(self.stages, self.choices, strict=True)]
        self._first = np.concatenate([[0], np.cumsum(np.concatenate(sizes))])  # sample numbers that steps begin with
        self._within = [_before(chosen, size) for chosen, size in zip(self.choices, sizes, strict=True)]
        self._order = lru_cache(maxsize=4)(self._shuffle)
        pools: dict[tuple, Pool] = {}
        self.pools = [[_once(pools, self._pool, stage, b) for b in stage.buckets] for stage in self.stages]
        """Per stage what each bucket draws from."""
        self.replays = [
            [replayed(self.stages, at, b, self.traits) if stage.replay else None for b in stage.buckets]
            for at, stage in enumerate(self.stages)
        ]

    def bucket(self, step: int) -> tuple[int, Bucket]:
        """(index of the stage, the bucket) of a 0-based step."""
        stage, within = self._place(step)
        return stage, self.stages[stage].buckets[self.choices[stage][within]]

    def step(self, step: int) -> list[Pick]:
        """The global batch of 0-based `step`."""
        stage, within = self._place(step)
        at = int(self.choices[stage][within])
        drawn, number = int(self._within[stage][within]), int(self._first[step])
        batch = self.stages[stage].buckets[at].batch
        return [self._pick(stage, at, within, drawn + i, number + i) for i in range(batch)]

    def again(self, step: int, pick: Pick, attempt: int) -> Pick:
        """What takes the place of a pick of `step` that cannot be read, at the first, second, ... attempt: drawn from
        the same pool, with replacement."""
        stage, within = self._place(step)
        at = int(self.choices[stage][within])
        rng = generator(self.seed, "again", pick.number, attempt)
        row = self.pools[stage][at].draw(self.stages[stage], progress(self.stages[stage], within), rng)
        return Pick(row, self._start(self.stages[stage], row, pick.window, rng), pick.number, pick.window)

    def _place(self, step: int) -> tuple[int, int]:
        for number, stage in enumerate(self.stages):
            if step < stage.steps:
                return number, step
            step -= stage.steps
        raise IndexError(f"step {step} lies beyond the last of the run")

    def _pick(self, at: int, bucket: int, within: int, drawn: int, number: int) -> Pick:
        stage, window = self.stages[at], self.stages[at].buckets[bucket].window
        replay, before = self.replays[at][bucket], _replayed_before(stage, drawn)
        if replay is not None and _replayed_before(stage, drawn + 1) > before:
            row = replay.draw(_UNIFORM, 0.0, generator(self.seed, "row", number))
        elif stage.weights == "uniform":
            epoch, place = divmod(drawn - before, len(self.pools[at][bucket]))
            row = int(self._order(at, bucket, epoch)[place])
        else:
            rng = generator(self.seed, "row", number)
            row = self.pools[at][bucket].draw(stage, progress(stage, within), rng)
        return Pick(row, self._start(stage, row, window, generator(self.seed, "start", number)), number, window)

    def _start(self, stage: Stage, row: int, window: Window, rng: np.random.Generator) -> int:
        free = int(self.n_frames[row]) - window.frames + 1
        if not stage.starts:
            return int(rng.integers(free))
        places = starts(free, stage.starts)
        return places[int(rng.integers(len(places)))]

    def _shuffle(self, stage: int, bucket: int, epoch: int) -> np.ndarray:
        return generator(self.seed, "order", stage, bucket, epoch).permutation(self.pools[stage][bucket].rows)

    def _pool(self, stage: Stage, bucket: Bucket) -> Pool:
        return pool(stage, bucket, self.traits)


_UNIFORM = Stage("replay", steps=1)


def starts(free: int, count: int) -> list[int]:
    """The places, of `free` in a row, at which a window may begin: `count` spread evenly from the first to the last,
    the middle where that is one; all of them where there are no more."""
    if count >= free:
        return list(range(free))
    return [(free - 1) // 2] if count == 1 else [at * (free - 1) // (count - 1) for at in range(count)]


def progress(stage: Stage, within: int) -> float:
    """How far a stage is at its 0-based step `within`: 0 at its first step, 1 at its last."""
    return within / max(1, stage.steps - 1)


def _once(made: dict[tuple, Pool], make, stage: Stage, bucket: Bucket) -> Pool:
    """Pools that hold the same are made once."""
    what = (bucket.window.frames, stage.tier, stage.weights, stage.difficulty)
    if what not in made:
        made[what] = make(stage, bucket)
    return made[what]


def _replayed_before(stage: Stage, drawn: int) -> int:
    """How many of the first `drawn` samples of a bucket are replayed."""
    return int(stage.replay * drawn + 1e-9)


def _choices(stage: Stage, rng: np.random.Generator) -> np.ndarray:
    """The bucket of each of a stage's steps."""
    return np.searchsorted(np.cumsum(shares(stage)), rng.random(stage.steps), side="right").clip(
        0, len(stage.buckets) - 1
    )


def shares(stage: Stage) -> np.ndarray:
    """The probability of each bucket of a stage: buckets of pictures have the share `tasks.t2i` of the steps."""
    picture = np.array([bucket.window.frames == 1 for bucket in stage.buckets])
    share = np.array([bucket.share for bucket in stage.buckets], float)
    for kind, of_all in ((picture, stage.tasks.t2i), (~picture, 1 - stage.tasks.t2i)):
        if kind.any():
            share[kind] *= of_all / share[kind].sum()
    return share


def _before(chosen: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """For each step how many samples of its own bucket earlier steps of the stage had."""
    before = np.zeros(len(chosen), np.int64)
    for bucket in np.unique(chosen):
        own = chosen == bucket
        before[own] = np.cumsum(sizes[own]) - sizes[own]
    return before


STREAMS = ("order", "start", "condition", "noise", "bucket", "row", "expert", "again", "pairs")


def generator(seed: int, stream: str, *place: int) -> np.random.Generator:
    """The random numbers of one purpose at one place of the run, independent of all others and of history."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, STREAMS.index(stream), *place])))
