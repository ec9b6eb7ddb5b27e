"""What the camera's motion leaves of a step between two pictures: redrawn blocks and the figure's own motion."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from anicaption.layers import ROWS_PX, STILL, Cells, Picture, Step, to_bytes, warp

BLOCKS = 6  # the mean of so many most changed blocks is the redraw score: a mouth is small
_FLOOR = 9.0  # squared grey levels per pixel: blocks without lines are judged as if they had this much
_SLIDES = 1.0  # pixels of 144 rows: a slower background does not tell what stands still from what goes with it
_STIRS = 0.25  # pixels of 144 rows: less is what flow makes of lines that lie between pixels
_MOVED = 0.25  # pixels: blocks that are closer to home than this hold no motion


class Left(NamedTuple):
    """What one step leaves after the background's motion.

    redraw: how far, in pixels of 144 rows, the most changed blocks are from where the best layer (background, or what
    stands still in the frame) would have them, as x / (1 + x).
    motion_pct: 95th percentile of the flow over the quarter of the frame that moves most, % of its height; blocks
    that are as they were count 0.
    flow_pct, nonrigid_pct: mean length, over the blocks that moved, of the flow and of what the best affine motion of
    those blocks leaves of it, % of the frame height; 0 where nothing moved.
    still_share: share of the inner blocks with lines that stand still in the frame while the background slides, 0..1;
    NaN while it does not.
    """

    redraw: float
    motion_pct: float
    flow_pct: float
    nonrigid_pct: float
    still_share: float


UNKNOWN = Left(math.nan, math.nan, math.nan, math.nan, math.nan)


class Leftover:
    """Called once per step. Keeps the flow's buffers and the grid of blocks of one picture size."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._blocks: Cells | None = None

    def __call__(self, before: Picture, now: Picture, step: Step) -> Left:
        """What is left of one step; NaN where the background's motion is unknown."""
        if step.motion is None:
            return UNKNOWN
        old, new = before.levels[0], now.levels[0]
        rows = new.grey.shape[0]
        blocks = self._grid(now)
        carried = warp(old.grey, step.motion)
        error = cv2.absdiff(carried, new.grey)
        change = cv2.absdiff(old.grey, new.grey) if step.motion != STILL else error
        background, least = blocks.mean(error * error), np.minimum(error, change)
        left = blocks.mean(least * least)
        lines = np.maximum(new.lines(blocks), old.lines(blocks))
        noise = float(np.partition(left, len(left) // 5)[len(left) // 5])
        seen = blocks.seen_before(step.motion)
        floor = lines + _FLOOR + 3 * noise

        def away(square: np.ndarray) -> np.ndarray:
            return np.sqrt(np.maximum(square - noise, 0) / floor) * seen * (ROWS_PX / rows)

        most = float(np.partition(away(left), -BLOCKS)[-BLOCKS:].mean())
        off = away(background)
        still = math.nan
        if abs(step.motion.shift) * new.grey.shape[1] / 2 * (ROWS_PX / rows) > _SLIDES:
            judged = (blocks.border < 0.1) & (lines > _FLOOR)
            held = judged & (away(blocks.mean(change * change)) < 0.4 * off) & (off > _MOVED)
            still = float(held.sum()) / max(1, int(judged.sum()))
        return Left(most / (1 + most), *self._motion(carried, now, off > _MOVED), still)

    def _grid(self, picture: Picture) -> Cells:
        fine = picture.levels[0].grey.shape[0] // 72  # two blocks a cell each way at 144 rows
        if self._blocks is None or self._blocks.columns != picture.cells.columns * fine:
            self._blocks = Cells(picture.cells.columns * fine, picture.cells.rows * fine)
        return self._blocks

    def _motion(self, carried: np.ndarray, now: Picture, moved: np.ndarray) -> tuple[float, float, float]:
        blocks = self._blocks
        if blocks is None or not moved.any():
            return 0.0, 0.0, 0.0
        rows = now.fine.shape[0]
        flow = self._flow.calc(to_bytes(carried), now.fine_bytes, None)  # type: ignore
        across, down = cv2.split(flow)
        to_pct = 100 / rows
        length = blocks.mean(cv2.magnitude(across, down)) * moved
        length[length < _STIRS * rows / ROWS_PX] = 0
        rank = len(length) - max(1, len(length) // 80)  # the top 5 % of a figure that fills a quarter of the frame
        energy = float(length[moved].mean()) * to_pct
        stirred = length > 0
        if not stirred.any():
            return 0.0, energy, 0.0
        flow_N2 = np.stack([blocks.mean(across), blocks.mean(down)], 1)[stirred]
        rest = np.hypot(*(flow_N2 - _affine(blocks.z[stirred], flow_N2)).T).sum() / np.count_nonzero(moved)
        return to_pct * float(np.partition(length, rank)[rank]), energy, float(rest) * to_pct


def _affine(z_N: np.ndarray, flow_N2: np.ndarray) -> np.ndarray:
    """The affine motion nearest to the flow of blocks at positions z, at these positions (N, 2)."""
    basis = np.stack([np.ones(len(z_N)), np.real(z_N), np.imag(z_N)], 1)
    normal = basis.T @ basis + 1e-6 * np.eye(3)
    return basis @ np.linalg.solve(normal, basis.T @ flow_N2)
