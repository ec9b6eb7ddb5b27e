"""Which blocks of a frame were drawn anew: what is left of them after the best motion of several layers.

A block may go with the background, stand still in the frame (a figure the camera follows), or go with the figure's own
rigid motion (a cel that is slid or swung). What none of them explains is held against two floors: what the background
of the same frame leaves (lines that lie between pixels, coding), and what the same block leaves in its quieter
neighbouring frames (a strip that a figure uncovers on every frame is no drawing). The second needs some frames of
foresight, so rows come late and memory holds a short ring.
"""

from __future__ import annotations

import math
from array import array
from collections import deque

import cv2
import numpy as np

from anicaption.layers import ROWS_PX, STILL, Cells, Motion, Picture, Step, warp

NAMES = (
    *("redraw", "redraw_peak", "redraw_area", "redraw_floor", "redraw_x", "redraw_y", "redraw_reach", "redraw_edge"),
    *("redraw_inner", "redraw_inner_peak"),
)
WIDE, PEAK = 6, 2  # how many most changed blocks make the two scores: a body, a mouth
REACH_FRAMES = 6  # before and after, for the floor of a block's own
QUIET_RANK = 3  # of the 13 frames around: a quarter of them are repeats unless the figure is on ones
FULL_PX = 0.1  # what a block must leave over its own floor to count towards the area
_FLOOR = 9.0  # squared grey levels per pixel: blocks without lines are judged as if they had this much
_GRAIN = 2.0  # the most changed of many blocks holds this much more noise than a usual one
_MARGIN_PX = 1.5  # of a moving frame: nearer its edge nothing is known of the frame before
_WIDEST_STRIP_PX = 4  # wider ones are left to the floor of the block's own
_NEVER = math.nan
_INNER = (0.5, 0.6)  # half widths and half heights around the frame's middle, which effect lines spare


class ExposureWatch:
    """The streaming half. `columns()` are complete once `close` was called or all frames were seen."""

    def __init__(self) -> None:
        self._columns = {name: array("f") for name in NAMES}
        self._blocks: Cells | None = None
        self._inner = np.zeros(0, bool)  # which blocks lie in the frame's middle
        self._ring: deque[tuple[np.ndarray, float] | None] = deque()
        self._n_seen = 0

    def see(self, before: Picture | None, now: Picture, step: Step | None, figure: Motion | None = None) -> None:
        """`before` as bright as `now`; `figure` is the motion of the figure's cel where it goes as one piece."""
        if before is None or step is None or step.motion is None:
            self._ring.append(None)
        else:
            away = self._away(before, now, step.motion, figure)  # may begin a new ring
            self._ring.append(away)
        self._n_seen += 1
        if len(self._ring) > 2 * REACH_FRAMES + 1:
            self._ring.popleft()
        if self._n_seen > REACH_FRAMES:
            self._write(self._columns, len(self._ring) - 1 - REACH_FRAMES)

    def columns(self) -> dict[str, np.ndarray]:
        """The rows of all frames seen so far; the last ones are judged without the frames to come."""
        late = {name: array("f") for name in NAMES}
        for place in range(max(0, len(self._ring) - REACH_FRAMES), len(self._ring)):
            self._write(late, place)
        return {name: np.array(self._columns[name] + late[name], np.float32) for name in NAMES}

    def _away(self, before: Picture, now: Picture, motion: Motion, figure: Motion | None) -> tuple[np.ndarray, float]:
        """How far each block is from where the best layer would have it, pixels of 144 rows; and the frame's floor."""
        old, new = before.levels[0], now.levels[0]
        blocks = self._grid(now)
        least = cv2.absdiff(old.grey, new.grey)
        for layer in (motion, figure):
            if layer is not None and layer != STILL:
                # Cubic: a line between pixels must not look like a new drawing.
                least = np.minimum(least, cv2.absdiff(warp(old.grey, layer, cubic=True), new.grey))
        if figure is not None:
            least = _without_strips(least, motion.inverse().after(figure))
        left = blocks.mean(least * least)
        lines = np.maximum(new.lines(blocks), old.lines(blocks))
        noise = float(np.partition(left, len(left) // 5)[len(left) // 5])
        seen = _inside(blocks, motion, *new.grey.shape)
        away_px = np.sqrt(np.maximum(left - _GRAIN * noise, 0) / (lines + _FLOOR + 3 * noise)) * (
            ROWS_PX / new.grey.shape[0]
        )
        away_px[~seen] = 0.0
        lined = seen & (lines > _FLOOR)
        edge = away_px[lined & (blocks.border > 0.5)]
        edge = edge if len(edge) > 10 else away_px[lined]
        floor = _quantile(edge, 0.7) if len(edge) > 10 else 0.05
        return away_px.astype(np.float32), floor

    def _grid(self, picture: Picture) -> Cells:
        fine = max(1, picture.levels[0].grey.shape[0] // 72)  # two blocks a cell each way at 144 rows
        if self._blocks is None or self._blocks.columns != picture.cells.columns * fine:
            self._blocks = Cells(picture.cells.columns * fine, picture.cells.rows * fine)
            self._ring = deque([None] * len(self._ring))
            x, y = self._blocks.z.real, self._blocks.z.imag * self._blocks.columns / self._blocks.rows
            self._inner = (np.abs(x) < _INNER[0]) & (np.abs(y) < _INNER[1])
        return self._blocks

    def _write(self, columns: dict[str, array], place: int) -> None:
        row = self._judged(place)
        for name, value in zip(NAMES, row, strict=True):
            columns[name].append(value)

    def _judged(self, place: int) -> tuple[float, ...]:
        entry, blocks = self._ring[place], self._blocks
        if entry is None or blocks is None:
            return (math.nan,) * len(NAMES)
        away_px, floor = entry
        low, high = max(0, place - REACH_FRAMES), place + REACH_FRAMES + 1
        near = np.stack([e[0] for e in list(self._ring)[low:high] if e is not None])
        rank = min(len(near) - 1, (len(near) - 1) * QUIET_RANK // (2 * REACH_FRAMES))
        over = away_px - np.partition(near, rank, axis=0)[rank]
        most, peak = _top(away_px, WIDE), _top(over, PEAK)
        most_inner, peak_inner = _top(away_px[self._inner], WIDE), _top(over[self._inner], PEAK)
        inside = most_inner / (1 + most_inner), peak_inner
        changed = np.maximum(over - FULL_PX, 0)
        total = float(changed.sum())
        if total < 1e-6:
            return most / (1 + most), peak, 0.0, floor, _NEVER, _NEVER, _NEVER, _NEVER, *inside
        z = complex((changed * blocks.z).sum() / total)
        reach = math.sqrt(float((changed * np.abs(blocks.z - z) ** 2).sum()) / total)
        edge = float(changed[blocks.border > 0.5].sum()) / total
        heights = blocks.columns / blocks.rows
        where = z.real / 2, z.imag * heights / 2, reach * heights / 2, edge
        return most / (1 + most), peak, total, floor, *where, *inside


def _top(values: np.ndarray, n: int) -> float:
    """The mean of the `n` largest."""
    return float(np.partition(values, -n)[-n:].mean())


def _quantile(values: np.ndarray, at: float) -> float:
    """As np.quantile, which takes ten times as long for some hundred values."""
    place = at * (len(values) - 1)
    low = int(place)
    known = np.partition(values, (low, min(low + 1, len(values) - 1)))
    return float(known[low] + (known[min(low + 1, len(values) - 1)] - known[low]) * (place - low))


def _without_strips(left: np.ndarray, own: Motion) -> np.ndarray:
    """`left` without strips as thin as a cel uncovers when it goes as one piece: nobody saw what lay under it."""
    half = left.shape[1] / 2
    across, down = round(abs(own.shift.real) * half), round(abs(own.shift.imag) * half)
    if not 1 <= max(across, down) <= _WIDEST_STRIP_PX:
        return left
    return cv2.erode(left, np.ones((down + 1, across + 1), np.uint8))


def _inside(blocks: Cells, motion: Motion, height: int, width: int) -> np.ndarray:
    """Which blocks lay wholly inside the frame before (blocks,)."""
    if motion == STILL:
        return np.ones(len(blocks.z), bool)
    slack = _MARGIN_PX / (width / 2)
    half = 1 / blocks.columns
    out = np.ones(len(blocks.z), bool)
    for corner in (half + 1j * half, half - 1j * half, -half + 1j * half, -half - 1j * half):
        z = motion.turn * (blocks.z + corner) + motion.shift
        out &= (np.abs(z.real) <= 1 - slack) & (np.abs(z.imag) <= height / width - slack)
    return out
