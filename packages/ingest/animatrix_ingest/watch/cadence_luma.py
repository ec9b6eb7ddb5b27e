"""What two fields or frames have in common, from their luma alone: repeated, woven right, combed, blended.

Luma is uint8 (H, W); a field is every second row of it. All scores are in luma levels (0-255), 0 where nothing differs.
"""

from __future__ import annotations

import cv2
import numpy as np

BLOCK_PX = 16  # columns of a block; half as many rows of a field, which are twice as far apart
MOVED = 3.0  # mean difference of a block, luma levels, over which something moves in it
FAR = 16  # luma levels: a step that coding does not make
MIN_FAR_PX = 60  # pixels that changed so much, under which nothing is said about blending


def blocks(difference: np.ndarray, rows: int | None = None) -> np.ndarray:
    """The mean of each block of a field's difference, float32 (h, w); `rows` says how many the field has in all."""
    n_rows, columns = difference.shape
    size = (max(1, columns // BLOCK_PX), max(1, (rows or n_rows) // (BLOCK_PX // 2)))
    if min(n_rows, columns) >= 4 * BLOCK_PX:  # halved first: twice as fast
        difference = cv2.resize(difference, (columns // 2, n_rows // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(difference, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def changed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How much each block differs between two fields of one parity, float32 (h, w)."""
    return blocks(cv2.absdiff(one, other))


def combed(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """How far the rows of `bottom` lie outside of what the rows of `top` above and below span: float32 (h, w) by block.

    Rows of one moment lie between their neighbours, or beyond them by the fine detail of the picture; rows of
    another moment stand out wherever something moved.
    """
    above, below = top[:-1], top[1:]
    low, high = cv2.min(above, below), cv2.max(above, below)
    middle = bottom[: len(above)]
    return blocks(cv2.add(cv2.subtract(middle, high), cv2.subtract(low, middle)), len(top))


def blend(before: np.ndarray, between: np.ndarray, after: np.ndarray) -> float:
    """The share of the pixels that changed much from `before` to `after` which lie halfway in `between`; NaN if few.

    Something that moves has each pixel show the old or the new picture; a mix shows both everywhere. `before` and
    `after` are of one parity; `between` is of that parity too, or of the other one, as a field in between is.
    """
    far = cv2.absdiff(before, after) > FAR
    n_far = int(np.count_nonzero(far))
    if n_far < MIN_FAR_PX:
        return float("nan")
    a, b, c = (x[far].astype(np.float32) for x in (before, between, after))
    place = (b - a) / (c - a)
    return float(np.count_nonzero((place > 0.25) & (place < 0.75)) / n_far)
