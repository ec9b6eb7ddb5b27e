"""Joints of one to seven frames: too short to have a drift or a ramp of their own, so every spot is asked by itself.

Within so few frames the two shots hardly move. So each spot of a frame in between lies on the straight line from what
it was before to what it is after: half way everywhere in a dissolve, at either end in a wipe. In a whip, a run or an
explosion spots pass through colours that are on no such line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from anicaption.measure.likeness import Thumbnail

MOST_FRAMES = 7  # in between
_STRAY = 0.3  # share of the way by which a frame may stray from the line, root mean square over its spots
_LEAST_STEP, _MOST_STEP = 0.04, 0.72  # of the way from one frame to the next: less is no joint yet, more is a cut
_FLAT = 0.5  # share of the other's contrast under which one end is a surface that passes before the lens
_SPEEDS = 12.0  # by which the quickest step may exceed the slowest
_MIX, _MIX_STRAY = 0.88, 0.2  # share of a mix's in-betweens over which a joint is a dissolve, and what may stray then
_WIPE = 0.36  # and under which it is a wipe


class Brief(NamedTuple):
    """How far the frames stray, and how much they are in between: 1 for a dissolve, near 0 for a wipe."""

    stray: float
    mixed: float


def brief(pictures: Sequence[Thumbnail]) -> Brief | None:
    """Whether all but the first and last of three to nine pictures lie between these two, each nearer to the last."""
    origin = pictures[0].speck.reshape(-1, 3)
    way = pictures[-1].speck.reshape(-1, 3) - origin
    length = np.square(way).sum(1)
    whole = float(length.sum())
    if whole < 1e-6:
        return None
    offset = np.stack([picture.speck for picture in pictures[1:-1]]).reshape(len(pictures) - 2, -1, 3) - origin
    come = np.clip((offset * way).sum(2) / np.maximum(length, 1e-6), 0, 1)
    share = (come * length).sum(1) / whole
    steps = np.diff(np.concatenate([[0.0], share, [1.0]]))
    if steps.min() < _LEAST_STEP or steps.max() > min(_MOST_STEP, _SPEEDS * steps.min()):
        return None
    left = np.square(offset - come[..., None] * way).sum((1, 2)) / whole
    stray = float(np.sqrt(left.max()))
    less, more = sorted((float(pictures[0].speck.std()), float(pictures[-1].speck.std())))
    if stray > _STRAY or less < _FLAT * more:
        return None
    between = (come * (1 - come) * length).sum(1) / whole
    mixed = float(between.sum() / (share * (1 - share)).sum())
    return Brief(stray, mixed) if mixed < _WIPE or (mixed > _MIX and stray < _MIX_STRAY) else None


def is_mix(mixed: float) -> bool:
    """Whether so much in between is a dissolve; if not it is a wipe."""
    return mixed > _MIX
