"""Which windows make up the batch of a step: a pure function of (seed, step). Rank and world size only slice it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pick:
    """Frames [start, start + window) of manifest row `row`; `number` counts samples from the start of the run."""

    row: int
    start: int
    number: int


@dataclass(frozen=True)
class Plan:
    """Uniform draws: every clip once per epoch in an order of its own, at a random start."""

    seed: int
    batch: int
    window_frames: int
    n_frames: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.usable:
            longest = max(self.n_frames, default=0)
            raise ValueError(
                f"no clip of the data set has {self.window_frames} frames (the longest has {longest}): "
                "ingest longer shots or choose a smaller window.frames"
            )

    @property
    def usable(self) -> tuple[int, ...]:
        """Rows that are long enough for a window."""
        return tuple(row for row, n in enumerate(self.n_frames) if n >= self.window_frames)

    def step(self, step: int) -> list[Pick]:
        """The global batch of 0-based `step`."""
        return [self.sample(number) for number in range(step * self.batch, (step + 1) * self.batch)]

    def sample(self, number: int) -> Pick:
        epoch, place = divmod(number, len(self.usable))
        row = int(self._order(epoch)[place])
        free = self.n_frames[row] - self.window_frames + 1
        return Pick(row, int(generator(self.seed, "start", number).integers(free)), number)

    def _order(self, epoch: int) -> np.ndarray:
        return generator(self.seed, "order", epoch).permutation(np.array(self.usable))


STREAMS = ("order", "start", "condition", "noise")


def generator(seed: int, stream: str, number: int) -> np.random.Generator:
    """The random numbers of one purpose at one place of the run, independent of all others and of history."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, STREAMS.index(stream), number])))
