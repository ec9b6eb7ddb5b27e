"""Whether samples have left what drawn clips look like: descriptors of pictures and of their change, and a yardstick.

A clip's distance is that to the nearest clip of the pool, in descriptors that each vary by 1 among the pool; what its
pictures are, how they differ and how much changes from frame to frame count alike. A sample farther away than 99 of 100
held-out clips are counts as collapsed.

    N clips, P clips of the pool, D descriptors
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from anicaption.features_builtin import describe_picture

from benchmarks.study.curriculum_bed import Graded

PICTURES = 4
"""Of a clip that are described, evenly spread; never the first, which samples are given."""
BEYOND = 0.99
REACH = 4.0
"""More than this many units no descriptor counts, so that none alone, hardly varying in the pool, is a distance."""


STILL = 1e-3
"""A change that cannot be seen, in shares of white."""


def describe(video_FHWC: np.ndarray) -> tuple[np.ndarray, ...]:
    """Means of the descriptors of a clip's pictures; their spreads; the usual and the largest change, as logarithms."""
    at = np.linspace(0, len(video_FHWC) - 1, PICTURES + 1).round().astype(int)[1:]
    pictures = np.array([list(describe_picture(np.ascontiguousarray(video_FHWC[one])).values()) for one in at])
    change = np.abs(np.diff(video_FHWC.astype(np.float32), axis=0)).mean((1, 2, 3)) / 255
    return pictures.mean(0), pictures.std(0), np.log([np.median(change) + STILL, change.max() + STILL])


@dataclass(frozen=True)
class Yardstick:
    """Descriptors of the pool's clips, block by block, and the unit of each. Held-out clips are at a distance of
    `usual`; beyond `limit` a clip is farther than they are."""

    pool_PD: tuple[np.ndarray, ...]
    unit_D: tuple[np.ndarray, ...]
    limit: float = 0.0
    usual: float = 0.0

    @classmethod
    def of(cls, pool: Graded, held: Graded) -> Yardstick:
        blocks = tuple(np.stack(block) for block in zip(*map(describe, pool.video_NFHWC), strict=True))
        units = tuple(np.maximum(block_PD.std(0), 1e-6) for block_PD in blocks)
        far_N = cls(blocks, units).distances(held.video_NFHWC)
        return cls(blocks, units, float(np.quantile(far_N, BEYOND)), float(np.median(far_N)))

    def distances(self, videos: Iterable[np.ndarray]) -> np.ndarray:
        """Of each clip to the nearest of the pool (N,): root of the mean over blocks of the mean square."""
        return np.array([np.sqrt(self._squares(describe(video)).min()) for video in videos])

    def _squares(self, described: tuple[np.ndarray, ...]) -> np.ndarray:
        """To each clip of the pool (P,)."""
        blocks = zip(self.pool_PD, self.unit_D, described, strict=True)
        away = [((pool_PD - one_D) / unit_D).clip(-REACH, REACH) for pool_PD, unit_D, one_D in blocks]
        return np.mean([np.square(away_PD).mean(1) for away_PD in away], axis=0)
