"""Simple rivals of the Judge: what people use to call a clip broken, each from the same clip without learning.

The higher, the likelier a failure. Frame-embedding similarity is what VBench calls consistency, here over the built-in
descriptors; motion magnitude is what AnimeReward's smoothness comes to; sharpness is the variance of small detail.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from anicaption.features import picked
from anicaption.features_builtin import describe_picture
from animatrix_reward.features import names

from benchmarks.reward_data import Row

_NAMES = names()


def unlike_itself(row: Row) -> float:
    """One less the mean cosine of the pictures' descriptors, each against the first and the one before."""
    pictures = row.seen.pictures_TCHW[:, :3].transpose(0, 2, 3, 1)
    said = [list(describe_picture(np.ascontiguousarray(pictures[at])).values()) for at in picked(len(pictures))]
    rows = np.array(said) / (np.linalg.norm(said, axis=1, keepdims=True) + 1e-9)
    near, first = (rows[1:] * rows[:-1]).sum(1), (rows[1:] * rows[:1]).sum(1)
    return float(1 - (near.mean() + first.mean()) / 2)


def motion(row: Row) -> float:
    """Mean speed of the optical flow: what moves much is called unstable."""
    return _column(row, "flow_speed")


def stillness(row: Row) -> float:
    """What moves little is called a failure of generation."""
    return -motion(row)


def softness(row: Row) -> float:
    """Little fine detail."""
    grey = row.seen.pictures_TCHW[:, :3].astype(np.float32).mean(1)
    across, down = np.diff(grey, axis=2), np.diff(grey, axis=1)
    return -float((across**2).mean() + (down**2).mean())


def flow_residual(row: Row) -> float:
    """What optical flow leaves unexplained, the usual measure of warping errors."""
    return _column(row, "flow_left_worst")


def _column(row: Row, name: str) -> float:
    return float(row.seen.columns_TF[:, _NAMES.index(name)].mean())


RIVALS: dict[str, Callable[[Row], float]] = {
    "frame-embedding similarity": unlike_itself, "motion magnitude": motion, "stillness": stillness,
    "sharpness": softness, "warping error": flow_residual,
}  # fmt: skip
