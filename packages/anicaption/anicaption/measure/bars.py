"""Steady black bars: how far they reach, while frames stream by, so that pictures are compared without them.

Two different shots between the same bars look alike for a quarter of their pixels. Bars are believed where opposite
sides have them alike; content in a bar ends it at once, and a new one must stand for a while.
"""

from __future__ import annotations

import cv2
import numpy as np

ROWS, COLUMNS = 72, 128
BLACK = 24  # grey level under which a line is black
LIT = 60  # a picture with nothing brighter tells nothing
MOST = 0.2  # share of a side that one bar may take: 2.39:1 in 16:9 is .13, 4:3 in 16:9 .125
UNEVEN = 2  # lines by which opposite bars may differ
STAND_FRAMES = 12


class Bars:
    """Sees pictures in order. `inner` is the part of the picture between the bars; `changed` if it was moved now."""

    def __init__(self) -> None:
        self._bars: tuple[int, int] | None = None  # lines at top and bottom, at left and right
        self._larger: tuple[int, int] = (0, 0)
        self._stood = 0
        self.changed = False

    def see(self, rgb: np.ndarray) -> None:
        """The next picture, RGB uint8 (H, W, 3)."""
        small = cv2.cvtColor(cv2.resize(rgb, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        self.changed = False
        if cv2.minMaxLoc(small)[1] < LIT:
            return
        lines = _both(cv2.reduce(small, 1, cv2.REDUCE_MAX)), _both(cv2.reduce(small, 0, cv2.REDUCE_MAX))
        now = self._bars or (0, 0)
        if self._bars is None:
            self._set(lines)
        elif lines[0] < now[0] or lines[1] < now[1]:
            self._set((min(lines[0], now[0]), min(lines[1], now[1])))
        elif lines == now:
            self._stood = 0
        else:
            self._larger = (
                lines if not self._stood else (min(lines[0], self._larger[0]), min(lines[1], self._larger[1]))
            )
            self._stood += 1
            if self._stood >= STAND_FRAMES:
                self._set(self._larger)

    def inner(self, rgb: np.ndarray) -> np.ndarray:
        """The picture without its bars, a view."""
        if self._bars in (None, (0, 0)):
            return rgb
        down, across = self._bars or (0, 0)
        top, left = round(down * rgb.shape[0] / ROWS), round(across * rgb.shape[1] / COLUMNS)
        return rgb[top : rgb.shape[0] - top, left : rgb.shape[1] - left]

    def _set(self, bars: tuple[int, int]) -> None:
        self.changed = bars != (self._bars or (0, 0))
        self._bars, self._stood = bars, 0


def _both(brightest: np.ndarray) -> int:
    """Black lines at both ends of a profile, and one more where the bar's edge lies within a line; 0 if unlike."""
    lit = np.flatnonzero(brightest.ravel() >= BLACK)
    one, other = int(lit[0]), brightest.size - 1 - int(lit[-1])
    if abs(one - other) > UNEVEN or not 0 < min(one, other) <= MOST * brightest.size:
        return 0
    return max(one, other)
