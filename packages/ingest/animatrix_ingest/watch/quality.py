"""What a transfer did to the pictures: blur, blocks, banding, clipping. Read at native pixels, near ink.

A cel is flat paint between lines, so its plain variance of the Laplacian says how many lines there are, not how sharp
they are. Here the Laplacian counts only at edges of some contrast and over that contrast, which makes it the width of
an edge: the same for a busy street and for one figure on white, and larger after a defocus or an enlargement.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping

import cv2
import numpy as np
from anicaption.frames import Frame

from animatrix_ingest.watch.looks import looked_at

SCORES: dict[str, str] = {
    "edge_blur_px": "standard deviation of the blur on ink lines and paint edges, source pixels; 0: a clean cel",
    "sharpness": "Laplacian at ink lines over their contrast, 0..; a clean cel has 0.08, blurred by a pixel 0.057",
    "blocking": "steps on the 8-pixel grid over steps off it in calm paint, less 1; 0: no blocks",
    "banding": "share of calm rows of pixels that climb in stairs of two levels and more, 0..1",
    "clip_low": "share of the pixels at black (0..2 of 255), 0..1",
    "clip_high": "share of the pixels at white (253..255), 0..1",
}

COLUMNS = ("frame", "laplacian", "grid", "stairs", "low", "high")
_CONTRAST = 40  # grey levels within 9 pixels: an edge
_CALM = 14  # grey levels within 9 pixels: paint
_REACH_PX = 9
_MOST_PX = (400, 640)  # rows and columns that are read
_LEAST = 400  # pixels that a number must rest on
_STEP, _MOST_STEP = 2, 14  # grey levels of a stair
_NEAR_PX, _FAR_PX = 4, 48  # length of a stair
# Medians over drawn shots of both hands, blurred by so much; the hands differ by a tenth at most.
_BLURS_PX = (0.0, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
_SHARPNESS = (0.083, 0.0768, 0.0683, 0.0575, 0.0455, 0.034, 0.026, 0.0213)


class QualityWatch:
    """The streaming half. Looks at native pixels of two frames of 23."""

    def __init__(self) -> None:
        self._rows: dict[str, array] = {name: array("f") for name in COLUMNS}
        self._index = 0

    def see(self, frame: Frame, small: np.ndarray) -> None:
        """The next frame; `small` is not needed."""
        index, self._index = self._index, self._index + 1
        if looked_at(index):
            for name, value in ({"frame": float(index)} | numbers(frame.rgb())).items():
                self._rows[name].append(value)

    def columns(self) -> dict[str, np.ndarray]:
        """One row per look, float32; NaN where a picture has nothing to measure it by."""
        return {name: np.array(row, np.float32) for name, row in self._rows.items()}


def numbers(rgb: np.ndarray) -> dict[str, float]:
    """The numbers of one picture, RGB uint8 (H, W, 3). Its middle is read: bars and most lettering are outside."""
    height, width = rgb.shape[:2]
    top, left = max(height // 8, (height - _MOST_PX[0]) // 2), max(width // 8, (width - _MOST_PX[1]) // 2)
    part = rgb[top : height - top, left : width - left]
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
    kernel = np.ones((_REACH_PX, _REACH_PX), np.uint8)
    reach = cv2.subtract(cv2.dilate(grey, kernel), cv2.erode(grey, kernel))
    soft = cv2.GaussianBlur(grey, (3, 3), 0)
    steep = cv2.convertScaleAbs(cv2.Laplacian(soft, cv2.CV_16S))
    across = cv2.absdiff(grey[:, 1:], grey[:, :-1])
    calm = cv2.inRange(reach, 0, _CALM)
    return {
        "laplacian": _laplacian(steep, reach),
        "grid": _grid(across, calm[:, 1:], left),
        "stairs": _stairs(grey[::12], calm[::12] > 0),
        "low": cv2.countNonZero(cv2.inRange(grey, 0, 2)) / grey.size,
        "high": cv2.countNonZero(cv2.inRange(grey, 253, 255)) / grey.size,
    }


def quality_scores(columns: Mapping[str, np.ndarray], start_frame: int, end_frame: int) -> dict[str, float | None]:
    """The medians of a shot's looks; None where no look shows what a number needs. Pure."""
    inside = (columns["frame"] >= start_frame) & (columns["frame"] < end_frame)
    sharp = _median(columns["laplacian"][inside])
    return {
        "edge_blur_px": None if sharp is None else edge_blur_px(sharp),
        "sharpness": sharp,
        "blocking": _median(columns["grid"][inside]),
        "banding": _median(columns["stairs"][inside]),
        "clip_low": _median(columns["low"][inside]),
        "clip_high": _median(columns["high"][inside]),
    }


def edge_blur_px(sharpness: float) -> float:
    """The blur that leaves this much of the Laplacian; 0 for what is as sharp as a drawn cel, at most 4."""
    return float(np.interp(-sharpness, [-x for x in _SHARPNESS], _BLURS_PX))


def _median(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None


def _laplacian(steep: np.ndarray, reach: np.ndarray) -> float:
    """The steepest of each edge's Laplacians over its contrast: the median of all edge pixels."""
    place = slice(2, None, 5), slice(2, None, 5)
    most = cv2.dilate(steep, np.ones((5, 5), np.uint8))[place]
    contrast = reach[place]
    edge = contrast >= _CONTRAST
    if edge.sum() * 25 < _LEAST:
        return math.nan
    return float(np.quantile(most[edge] / (3.0 * contrast[edge]), 0.5))


def _grid(across: np.ndarray, calm: np.ndarray, left: int) -> float:
    """Mean step at every eighth column over that at the others, in calm paint, less 1; the coder's own phase."""
    kept = cv2.bitwise_and(across, np.ascontiguousarray(calm))
    steps = cv2.reduce(kept, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F).ravel().astype(np.float64)
    n = cv2.reduce(calm, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F).ravel().astype(np.float64) / 255
    phase = (np.arange(len(n)) + left + 1) % 8
    total, count = np.bincount(phase, steps, 8), np.bincount(phase, n, 8)
    if count.min() < _LEAST:
        return math.nan
    mean = total / count
    return float(mean[0] / max(0.02, np.median(mean[1:])) - 1)


def _stairs(rows: np.ndarray, calm: np.ndarray) -> float:
    """Share of the calm pixels between two steps of one direction with flat paint between them."""
    n_calm = int(calm.sum())
    if n_calm < _LEAST:
        return math.nan
    step = np.diff(rows.astype(np.int16), axis=1)
    flat = np.pad(step, ((0, 0), (1, 1)))
    alone = (flat[:, :-2] == 0) & (flat[:, 2:] == 0)
    y, x = np.nonzero((np.abs(step) >= _STEP) & (np.abs(step) <= _MOST_STEP) & alone & calm[:, 1:])
    if len(x) < 2:
        return 0.0
    size = step[y, x]
    far = np.diff(x)
    stair = (np.diff(y) == 0) & (far >= _NEAR_PX) & (far <= _FAR_PX) & (np.sign(size[1:]) == np.sign(size[:-1]))
    before = np.cumsum(step != 0, axis=1)
    between = before[y[1:], x[1:]] - before[y[:-1], x[:-1]] - 1
    return float(far[stair & (between == 0)].sum()) / n_calm
