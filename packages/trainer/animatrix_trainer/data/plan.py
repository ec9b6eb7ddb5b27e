"""Which windows make up the batch of a step: a pure function of (seed, step). Rank and world size only slice it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Pick:
    """Frames [start, start + window) of manifest row `row`; `number` counts samples from the start of the run."""

    row: int
    start: int
    number: int


class Plan:
    """Uniform draws: every clip once per epoch in an order of its own, at a random start.

    `n_frames` has the length of each row; rows shorter than `window_frames` are never picked.
    """

    def __init__(self, seed: int, batch: int, window_frames: int, n_frames: Sequence[int]) -> None:
        self.seed, self.batch, self.window_frames = seed, batch, window_frames
        self.n_frames = tuple(n_frames)
        self.usable = np.array([row for row, n in enumerate(n_frames) if n >= window_frames], np.int64)
        if not len(self.usable):
            raise ValueError(
                f"no clip of the data set has {window_frames} frames (the longest has {max(n_frames, default=0)}): "
                "ingest longer shots or choose a smaller window.frames"
            )
        self._order = lru_cache(maxsize=2)(self._shuffle)

    def step(self, step: int) -> list[Pick]:
        """The global batch of 0-based `step`."""
        return [self.sample(number) for number in range(step * self.batch, (step + 1) * self.batch)]

    def sample(self, number: int) -> Pick:
        epoch, place = divmod(number, len(self.usable))
        row = int(self._order(epoch)[place])
        free = self.n_frames[row] - self.window_frames + 1
        return Pick(row, int(generator(self.seed, "start", number).integers(free)), number)

    def _shuffle(self, epoch: int) -> np.ndarray:
        return generator(self.seed, "order", epoch).permutation(self.usable)


STREAMS = ("order", "start", "condition", "noise")


def generator(seed: int, stream: str, number: int) -> np.random.Generator:
    """The random numbers of one purpose at one place of the run, independent of all others and of history."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, STREAMS.index(stream), number])))
