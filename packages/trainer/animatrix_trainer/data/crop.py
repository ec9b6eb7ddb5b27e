"""What of a frame is looked at: the picture without its border, centre-cropped to the window's aspect."""

from __future__ import annotations

import math

import cv2
import numpy as np

from animatrix_trainer.config import Window

Crop = tuple[float, float, float, float]
"""x0, y0, x1, y1 as shares of the frame."""
WHOLE: Crop = (0.0, 0.0, 1.0, 1.0)
_NEAR_PX = 0.01  # a border this near to a whole pixel ends there


def centre_crop(width_px: int, height_px: int, window: Window) -> Crop | None:
    """The largest centred crop of the window's aspect as fractions (x0, y0, x1, y1); None where nothing is cut.

    Aspects within one pixel of the window's size count as equal: encoders round sizes to even numbers.
    """
    wide = width_px / height_px * window.height_px / window.width_px
    if abs(wide - 1) <= 1 / min(window.width_px, window.height_px):
        return None
    if wide > 1:
        margin = (1 - 1 / wide) / 2
        return margin, 0.0, 1 - margin, 1.0
    margin = (1 - wide) / 2
    return 0.0, margin, 1.0, 1 - margin


def crop_of(width_px: int, height_px: int, window: Window, box: Crop | None = None) -> Crop | None:
    """What a window shows of a frame of this size whose picture is `box`; None where that is all of it.

    The box is taken inwards to whole pixels, so that no pixel is cut in which border and picture are mixed.
    """
    left, top, right, bottom = _pixels(width_px, height_px, box or WHOLE)
    wide, high = right - left, bottom - top
    inner = centre_crop(wide, high, window)
    if inner is None and (wide, high) == (width_px, height_px):
        return None
    x0, y0, x1, y1 = inner or WHOLE
    return (
        (left + x0 * wide) / width_px,
        (top + y0 * high) / height_px,
        (left + x1 * wide) / width_px,
        (top + y1 * high) / height_px,
    )


def fit(video: np.ndarray, window: Window, box: Crop | None = None) -> np.ndarray:
    """RGB uint8 (T, H, W, 3), what `crop_of` leaves of it, scaled to the window's size by pixel area."""
    height, width = video.shape[1:3]
    x0, y0, x1, y1 = crop_of(width, height, window, box) or WHOLE
    top, bottom, left, right = round(y0 * height), round(y1 * height), round(x0 * width), round(x1 * width)
    size = (window.width_px, window.height_px)
    way = cv2.INTER_AREA if (bottom - top) >= window.height_px else cv2.INTER_CUBIC
    return np.stack([cv2.resize(frame[top:bottom, left:right], size, interpolation=way) for frame in video])


def _pixels(width_px: int, height_px: int, box: Crop) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a box in whole pixels inside it."""
    x0, y0, x1, y1 = box
    return (
        math.ceil(x0 * width_px - _NEAR_PX),
        math.ceil(y0 * height_px - _NEAR_PX),
        math.floor(x1 * width_px + _NEAR_PX),
        math.floor(y1 * height_px + _NEAR_PX),
    )
