"""Drawings that come back: how much this frame looks like one some frames ago, against the frame before.

Where something was drawn anew, the frame is compared with a short ring of small pictures, each carried to where its
content lies now. A loop of drawings finds itself again one period ago, as well as coding allows.
"""

from __future__ import annotations

import math
from array import array
from collections import deque

import cv2
import numpy as np

from anicaption.layers import STILL, Motion, Picture, Step, warp
from anicaption.tracks import Tracks

NAMES = ("repeat_frames", "repeat_away")
RING_FRAMES = 40
NEAREST_FRAMES = 4  # a drawing held or nearly held is no repeat
CHANGED = 0.3  # redraw from which a frame is looked at
_DIFFERS = 5.0  # grey levels between a pixel and the frame before: it belongs to what changed
_NOISE = 1.0  # grey levels that coding leaves of equal drawings


class RepeatWatch:
    """The streaming half: a ring of pictures of 36 rows and the background's steps between them."""

    def __init__(self) -> None:
        self._columns = {name: array("f") for name in NAMES}
        self._ring: deque[tuple[np.ndarray, Motion]] = deque(maxlen=RING_FRAMES)

    def see(self, now: Picture, step: Step | None, redraw: float) -> None:
        """`redraw` as in leftover.Left, NaN where the background's motion is unknown."""
        row = (math.nan, math.nan)
        grey = now.levels[-1].grey
        motion = step.motion if step is not None else None
        if motion is None or (self._ring and self._ring[-1][0].shape != grey.shape):
            self._ring.clear()
        elif redraw > CHANGED:
            row = self._look(grey, motion)
        self._ring.append((grey, motion or STILL))
        for name, value in zip(NAMES, row, strict=True):
            self._columns[name].append(value)

    def columns(self) -> dict[str, np.ndarray]:
        return {name: np.array(values, np.float32) for name, values in self._columns.items()}

    def _look(self, now: np.ndarray, motion: Motion) -> tuple[float, float]:
        if len(self._ring) < NEAREST_FRAMES:
            return math.nan, math.nan
        past, to_past, nearest = list(self._ring), motion, math.nan
        changed, n_changed = np.empty(0, np.uint8), 0  # mask of the pixels that changed
        best = (math.inf, math.nan)
        for lag in range(1, len(past) + 1):
            old, step_before = past[-lag]
            carried = old if to_past == STILL else warp(old, to_past)
            if lag == 1:
                moved = np.minimum(cv2.absdiff(carried, now), cv2.absdiff(old, now)) > _DIFFERS
                if moved.sum() < 2:
                    return math.nan, math.nan
                changed = cv2.dilate(moved.astype(np.uint8), np.ones((3, 3), np.uint8))
                n_changed = cv2.countNonZero(changed)
            away = cv2.norm(carried, now, cv2.NORM_L1, changed) / n_changed
            if carried is not old:
                away = min(away, cv2.norm(old, now, cv2.NORM_L1, changed) / n_changed)
            if lag == 1:
                nearest = away
            elif lag >= NEAREST_FRAMES and away < best[0]:
                best = (away, float(lag))
            to_past = step_before.after(to_past)
            if abs(to_past.shift) > 0.7 or not 0.5 < abs(to_past.turn) < 2:
                break
        if not math.isfinite(best[0]):
            return math.nan, math.nan
        return best[1], (best[0] + _NOISE) / (nearest + _NOISE)


SAME = 0.42  # repeat_away of a drawing that came back
AGREE = 0.6  # share of the repeats that name one period
MIN_REPEATS = 4


def period(tracks: Tracks) -> tuple[float, float]:
    """The period of the loop of drawings in frames, and the share of new drawings that follow it; NaN without one."""
    lag, away = tracks["repeat_frames"].astype(float), tracks["repeat_away"].astype(float)
    reached = np.isfinite(lag) & (np.arange(len(lag)) >= lag)
    came_back = reached & (away < SAME)
    if came_back.sum() < MIN_REPEATS:
        return math.nan, 0.0
    lags = np.round(lag[came_back]).astype(int)
    counts = np.bincount(lags, minlength=RING_FRAMES + 3)
    around = np.convolve(counts, [1, 2, 1], "same")  # a held drawing is found on any of its frames
    frames = int(around.argmax())
    followed = np.isin(lags, [frames - 1, frames, frames + 1]) | (np.abs(lags - 2 * frames) <= 1)
    if followed.mean() < AGREE:
        return math.nan, 0.0
    asked = np.isfinite(away) & (np.arange(len(lag)) >= frames)
    return float(frames), float(came_back.sum()) / max(1, int(asked.sum()))
