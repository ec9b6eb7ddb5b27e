"""The simple rivals of the caption benchmark: each answers one field from the frames of one shot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks import rivals_timing
from benchmarks.rivals_motion import single_ransac

Values = tuple[str, ...]
ROWS_PX = 288  # what rivals are shown, twice the rows of our own pass


@dataclass(frozen=True)
class Rival:
    """`answer` says values of `field` from all frames of a shot, RGB uint8 (H, W, 3)."""

    name: str
    field: str
    answer: Callable[[Sequence[np.ndarray]], Values]


RIVALS = (
    Rival("one RANSAC motion of tracked corners", "camera.move", single_ransac),
    Rival("one RANSAC motion of matched ORB points", "camera.move", partial(single_ransac, tracker="orb")),
    Rival("cadence of 64x64 SSIM", "motion.timing", lambda frames: (rivals_timing.timing(frames),)),
)
