"""The rival of motion.timing: the cadence rule on 64x64 thumbnails, as Sakuga-42M counts drawings.

A frame is a new drawing where the structural similarity of its thumbnail to the frame before is under 0.95; the
commonest hold is the exposure. No camera is compensated, no layer is known, and it never abstains.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import cv2
import numpy as np

SIDE_PX = 64
SAME_SSIM = 0.95
_VALUES = {1: "ones", 2: "twos", 3: "threes"}
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_SIGMA_PX = 1.5  # Wang et al. 2004


def timing(frames: Iterable[np.ndarray]) -> str:
    """The value of motion.timing of one shot, from its frames as RGB uint8 (H, W, 3), in order."""
    return cadence(similarities(frames))


def similarities(frames: Iterable[np.ndarray]) -> np.ndarray:
    """SSIM of each frame's thumbnail to the frame before, float32 (T,); NaN for the first."""
    found, before = array("f"), None
    for frame in frames:
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        now = cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
        found.append(np.nan if before is None else ssim(before, now))
        before = now
    return np.array(found, np.float32)


def cadence(similarity_T: np.ndarray) -> str:
    """The exposure of a shot whose frames are that similar to the ones before; the first entry is not read."""
    starts = np.flatnonzero(np.concatenate([[True], similarity_T[1:] < SAME_SSIM]))
    if len(starts) < 2:
        return "held"
    holds = np.diff(starts)
    return _VALUES.get(int(np.bincount(holds).argmax()), "fours_plus")


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Mean structural similarity of two grey pictures, float32 0..255, under a Gaussian window."""
    mean_a, mean_b = _blurred(a), _blurred(b)
    var_a, var_b = _blurred(a * a) - mean_a**2, _blurred(b * b) - mean_b**2
    both = _blurred(a * b) - mean_a * mean_b
    light = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    return float((light * (2 * both + _C2) / (var_a + var_b + _C2)).mean())


def _blurred(picture: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(picture, (11, 11), _SIGMA_PX)
