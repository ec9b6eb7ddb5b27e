"""What the camera's motion leaves of a step between two pictures: redrawn blocks and the figure's own motion."""

from __future__ import annotations

import math

import cv2
import numpy as np

from anicaption.layers import STILL, Cells, Picture, Step, warp

BLOCKS = 6  # the mean of so many most changed blocks is the redraw score: a mouth is small
_FLOOR = 9.0  # squared grey levels per pixel: blocks without lines are judged as if they had this much
_MOVED = 0.25  # pixels: blocks that are closer to home than this hold no motion


class Leftover:
    """Called once per step. Keeps the flow's buffers and the grid of blocks of one picture size."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._blocks: Cells | None = None

    def __call__(self, before: Picture, now: Picture, step: Step) -> tuple[float, float]:
        """(redraw in 0..1, motion in % of the frame height); NaN where the background's motion is unknown.

        redraw: how far, in pixels of 144 rows, the most changed blocks are from where the best layer (background, or
        what stands still in the frame) would have them, x / (1 + x). motion: 95th percentile, over the quarter of the
        frame that moves most, of the flow after the background's motion; 0 where a block is as it was.
        """
        if step.motion is None:
            return math.nan, math.nan
        old, new = before.levels[0], now.levels[0]
        rows = new.grey.shape[0]
        fine = rows // 72  # two blocks a cell each way at 144 rows
        columns = now.cells.columns * fine
        if self._blocks is None or self._blocks.columns != columns:
            self._blocks = Cells(columns, now.cells.rows * fine)
        blocks = self._blocks
        carried = warp(old.grey, step.motion)
        error = np.abs(carried - new.grey)
        background = blocks.mean(error * error)
        least = np.minimum(error, np.abs(old.grey - new.grey)) if step.motion != STILL else error
        left = blocks.mean(least * least)
        lines = np.maximum(blocks.mean(new.slope), blocks.mean(old.slope))
        noise = float(np.partition(left, len(left) // 5)[len(left) // 5])
        seen = blocks.seen_before(step.motion)
        floor = lines + _FLOOR + 3 * noise
        away = np.sqrt(np.maximum(left - noise, 0) / floor) * seen * (144 / rows)
        most = float(np.partition(away, -BLOCKS)[-BLOCKS:].mean())
        moved = np.sqrt(np.maximum(background - noise, 0) / floor) * seen * (144 / rows) > _MOVED
        return most / (1 + most), self._motion(carried, new.grey, moved) if moved.any() else 0.0

    def _motion(self, carried: np.ndarray, now: np.ndarray, moved: np.ndarray) -> float:
        blocks = self._blocks
        assert blocks is not None
        a, b = (np.clip(picture, 0, 255).astype(np.uint8) for picture in (carried, now))
        flow = self._flow.calc(a, b, np.zeros((*a.shape, 2), np.float32))
        length = blocks.mean(cv2.magnitude(flow[..., 0], flow[..., 1])) * moved
        rank = len(length) - max(1, len(length) // 80)  # the top 5 % of a figure that fills a quarter of the frame
        return 100 * float(np.partition(length, rank)[rank]) / now.shape[0]
