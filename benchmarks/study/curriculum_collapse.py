"""Whether samples have left what drawn clips look like: descriptors of pictures and of their change, and a yardstick.

A clip's distance is that to the nearest clip of the pool, in descriptors that each vary by 1 among the pool. A sample
farther away than 99 of 100 held-out clips are counts as collapsed.

    N clips, P clips of the pool, D descriptors
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from anicaption.features_builtin import describe_picture

from benchmarks.study.curriculum_bed import Graded

PICTURES = 4
"""Of a clip that are described, evenly spread; never the first, which samples are given."""
BEYOND = 0.99


def describe(video_FHWC: np.ndarray) -> np.ndarray:
    """Means and spreads of the descriptors of a clip's pictures, then how much changes from frame to frame (D,)."""
    at = np.linspace(0, len(video_FHWC) - 1, PICTURES + 1).round().astype(int)[1:]
    pictures = np.array([list(describe_picture(np.ascontiguousarray(video_FHWC[one])).values()) for one in at])
    change = np.abs(np.diff(video_FHWC.astype(np.float32), axis=0)).mean((1, 2, 3)) / 255
    return np.concatenate([pictures.mean(0), pictures.std(0), [change.mean(), change.max(), change.std()]])


@dataclass(frozen=True)
class Yardstick:
    """`near_PD` are the pool's clips in units of `unit_D`; beyond `limit` a clip is farther than held-out ones are."""

    near_PD: np.ndarray
    unit_D: np.ndarray
    limit: float
    usual: float

    @classmethod
    def of(cls, pool: Graded, held: Graded) -> Yardstick:
        pool_PD = np.stack([describe(video) for video in pool.video_NFHWC])
        unit_D = pool_PD.std(0)
        unit_D[unit_D < 1e-6] = np.inf  # what never varies tells nothing
        bare = cls(pool_PD / unit_D, unit_D, 0.0, 0.0)
        far_N = bare.distances(held.video_NFHWC)
        return cls(bare.near_PD, unit_D, float(np.quantile(far_N, BEYOND)), float(np.median(far_N)))

    def distances(self, videos: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """Of each clip to the nearest of the pool (N,), root mean squared over the descriptors that vary."""
        varies_D = np.isfinite(self.unit_D)
        found = [describe(video) / self.unit_D for video in videos]
        return np.array([np.sqrt(np.square((self.near_PD - one)[:, varies_D]).mean(1)).min() for one in found])
