"""Lettering in one picture: boxes of lines of letters, found by what letters are made of. Pure.

A line of lettering is a level strip in which steep steps crowd, and above and below it they stop. Strips are cut out
where steps crowd, at two scales (half size for titles and drawn sounds); each is described by a few numbers, and a
weighted sum of them, fitted on drawn pictures with known lettering (benchmarks/stages_text.py), says how much it looks
like lettering. A strip alone is weak evidence; what it does over time is the stronger one (overlays.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

SCALES = (1, 2)  # by which the picture is made smaller
_STEP_MOST = 70  # grey levels: a steeper step counts no more
_CROWD = (17, 5)  # window in which steps crowd
_CROWDED = 20.0  # mean step in it
_LONE = np.ones((1, 12), np.uint8)  # one line of ink crowds nothing wider than this, at half size
_STRIDE = 30  # step of a column that belongs to a letter
_LEAST_PX, _MOST_PX = 6, 44  # height of a strip
_LEAST_WIDE = 1.1  # width of a strip over its height

FEATURES: tuple[str, ...] = (
    "steps", "above", "below", "crossed", "contrast", "two_tones", "covered", "light", "dark", "high", "wide",
    "upright", "even_top", "fill",
)  # fmt: skip


WEIGHTS: dict[str, float] = dict(zip(FEATURES, (
    0.126, -3.54, -4.43, 3.2, 0.00922, -1.64, -6.01, 0.00934, -0.0034, -0.0966, 0.552, -14.5, -1.71, -1.69,
), strict=True))  # fmt: skip
OFFSET = 6.57


@dataclass(frozen=True)
class Line:
    """A line of lettering, in pixels of the picture; `score` 0..1 is how much it looks like it."""

    x0: int
    y0: int
    x1: int
    y1: int
    score: float

    @property
    def height(self) -> int:
        return self.y1 - self.y0


def lettering(grey: np.ndarray, least_score: float = 0.5) -> list[Line]:
    """Lines of lettering in a grey uint8 picture of about 256 rows, the surest first; overlapping ones once."""
    found = []
    for box, numbers in strips(grey):
        score = 1 / (1 + math.exp(-OFFSET - sum(WEIGHTS[name] * value for name, value in numbers.items())))
        if score >= least_score:
            found.append(Line(*box, score))
    kept: list[Line] = []
    for line in sorted(found, key=lambda line: -line.score):
        if all(_shared(line, other) < 0.3 for other in kept):
            kept.append(line)
    return kept


def _shared(a: Line, b: Line) -> float:
    """Shared area over the smaller of the two."""
    wide, high = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / min((a.x1 - a.x0) * a.height, (b.x1 - b.x0) * b.height)


def strips(grey: np.ndarray) -> list[tuple[tuple[int, int, int, int], dict[str, float]]]:
    """Strips of a grey uint8 picture of about 256 rows where steps crowd: (x0, y0, x1, y1) and their numbers."""
    found = []
    for scale in SCALES:
        small = grey if scale == 1 else cv2.resize(grey, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
        for box, numbers in _strips(small):
            numbers["high"] *= scale
            found.append((tuple(scale * x for x in box), numbers))
    return found


def _strips(grey: np.ndarray) -> list[tuple[tuple[int, int, int, int], dict[str, float]]]:
    across = np.minimum(cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_16S, 1, 0), alpha=0.25), np.uint8(_STEP_MOST))
    down = np.minimum(cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_16S, 0, 1), alpha=0.25), np.uint8(_STEP_MOST))
    crowd = cv2.blur(across, _CROWD)
    mask = (crowd[::2, ::2] > _CROWDED).astype(np.uint8)  # the window is smooth: half of it is enough
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _LONE)
    n, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if n < 2:
        return []
    sums = cv2.integral(across).astype(np.float64)
    found = []
    for x, y, w, h, _ in stats[1:].tolist():
        if 2 * w < _CROWD[0] or h < 2:
            continue
        for box in _cut(across, 2 * x, 2 * y, min(grey.shape[1], 2 * (x + w)), min(grey.shape[0], 2 * (y + h))):
            high = box[3] - box[1]
            if _LEAST_PX <= high <= _MOST_PX and box[2] - box[0] >= _LEAST_WIDE * high:
                found.append((box, _numbers(grey, across, down, sums, box)))
    return found


def _cut(across: np.ndarray, x0: int, y0: int, x1: int, y1: int) -> list[tuple[int, int, int, int]]:
    """A region cut into level strips: where the steps of a row stop, and then where those of some columns do."""
    rows = cv2.reduce(across[y0:y1, x0:x1], 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
    found = []
    for top, bottom in _runs(rows > 0.4 * _quantiles(rows, (0.9,))[0], 1):
        if bottom - top < _LEAST_PX - 1:
            continue
        strip = across[y0 + top : y0 + bottom, x0:x1]
        columns = cv2.reduce(strip, 0, cv2.REDUCE_MAX).ravel() > _STRIDE
        for left, right in _runs(columns, max(6, round(0.9 * (bottom - top)))):
            if right - left >= _CROWD[0] // 2:
                found.append((x0 + left, y0 + top, x0 + right, y0 + bottom))
    return found


def _runs(mask: np.ndarray, gap: int) -> list[tuple[int, int]]:
    """Runs [start, end) of True; gaps of up to `gap` inside a run do not end it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    runs: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if runs and start - runs[-1][1] < gap:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs


def _numbers(
    grey: np.ndarray, across: np.ndarray, down: np.ndarray, sums: np.ndarray, box: tuple[int, int, int, int]
) -> dict[str, float]:
    """What tells lettering from ink; see FEATURES."""
    x0, y0, x1, y1 = box
    high, wide = y1 - y0, x1 - x0
    inside, tones = across[y0:y1, x0:x1], grey[y0:y1, x0:x1]
    steps = float(inside.mean())
    band = max(2, round(0.3 * high))
    top, bottom = max(0, y0 - 1 - band), min(len(grey), y1 + 1 + band)
    above = _mean(sums, x0, top, x1, max(0, y0 - 1)) / max(steps, 1)
    below = _mean(sums, x0, min(len(grey), y1 + 1), x1, bottom) / max(steps, 1)
    low, middle, tall = _quantiles(tones, (0.08, 0.5, 0.92))
    contrast = tall - low
    near = (np.abs(tones - low) < 0.22 * contrast) | (np.abs(tones - tall) < 0.22 * contrast)
    half = (tones > (low + tall) / 2).astype(np.int8)
    core = half[round(0.2 * high) : max(1, round(0.8 * high))]
    rows = inside.mean(1)
    return {
        "steps": steps,
        "above": above,
        "below": below,
        "crossed": float((np.diff(core, axis=1) == 1).sum(1).mean()) * high / wide,
        "contrast": contrast,
        "two_tones": float(near.mean()),
        "covered": float((inside.max(0) > 30).mean()),
        "light": tall,
        "dark": low,
        "high": float(high),
        "wide": min(12.0, wide / high),
        "upright": steps / max(1.0, steps + float(down[y0:y1, x0:x1].mean())),
        "even_top": float(rows[:2].mean() + rows[-2:].mean()) / max(1.0, 2 * steps),
        "fill": (middle - low) / max(1.0, contrast),
    }


def _quantiles(values: np.ndarray, at: tuple[float, ...]) -> list[float]:
    """Of a few hundred values; np.quantile takes ten times as long for so few."""
    known = np.sort(values, axis=None)
    return [float(known[round(q * (len(known) - 1))]) for q in at]


def _mean(sums: np.ndarray, x0: int, y0: int, x1: int, y1: int) -> float:
    if y1 <= y0:
        return 0.0
    return float(sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]) / ((y1 - y0) * (x1 - x0))
