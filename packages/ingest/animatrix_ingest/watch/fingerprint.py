"""Fingerprint of the pictures: one 64-bit hash per drawing, from the one decode, a few kB a minute.

A picture is brought to luma, black bars equal on both sides are taken off, and the signs of its lowest 64 spatial
waves (a cosine transform; the mean is left out) are the hash. Signs do not know brightness or contrast; low waves do
not know size, bitrate, a logo or staff names, and give way slowly under a crop.

Frames that show the same drawing are one run, so held animation costs nothing and says nothing twice. A run begins
where the picture changes, not where a clock ticks: no beat of animation can be locked to it.
"""

from __future__ import annotations

from array import array
from fractions import Fraction

import cv2
import numpy as np
from anicaption.frames import Frame

from animatrix_ingest.watch.prints import FLAT, PicturePrints

CHANGED = 9.0
"""Grey levels (of 255) by which one cell of the small picture must change for a new drawing. Coding noise stays under
3 in a cell of that size; a mouth in a bust shot makes 10 to 40."""
CUT = 24.0
"""Mean change over all cells from which on a picture opens a run however short the last one was."""
LEAST_S = Fraction(1, 13)
"""No run is shorter unless the picture jumps: a pan on ones would have one each frame, all nearly alike."""
DULL = 2.5
"""Waves weaker than this (root mean square, grey levels) are no picture: black, white, a plain colour."""

_CELLS = (64, 36)
_SIDE = 32
_BLACK = 22.0  # luma of a bar, with the noise of coding; limited black is 0 in RGB
_MOST_BAR = 0.16  # share of a side that bars may take away: 4:3 in 16:9 is 0.125, 2.39:1 in 16:9 is 0.128


class PicturePrint:
    """Sees every frame; `prints()` are the runs so far. Memory: 18 bytes a run."""

    def __init__(self, time_base: Fraction) -> None:
        self._time_base = time_base
        self._least_pts = LEAST_S / time_base
        self._pts, self._hashes = array("q"), array("Q")
        self._jumps, self._peaks = array("B"), array("B")
        self._first: np.ndarray | None = None
        self._end_pts = 0

    def see(self, frame: Frame, small: np.ndarray) -> None:
        """The next frame and its picture, RGB uint8 (H, W, 3) of some hundred rows."""
        grey = cv2.resize(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), _CELLS, interpolation=cv2.INTER_AREA)
        self._end_pts = frame.pts
        jump = peak = 0.0
        if self._first is not None:
            change = cv2.absdiff(grey, self._first)
            peak = cv2.minMaxLoc(change)[1]
            if peak < CHANGED:
                return
            jump = cv2.mean(change)[0]
            if jump < CUT and frame.pts - self._pts[-1] < self._least_pts:
                return
        self._first = grey
        self._pts.append(frame.pts)
        self._hashes.append(hash_of(grey))
        self._jumps.append(round(jump))
        self._peaks.append(round(peak))

    def prints(self) -> PicturePrints:
        """The runs of all frames seen."""
        return PicturePrints(
            self._time_base,
            np.array(self._pts, np.int64),
            np.array(self._hashes, np.uint64),
            np.array(self._jumps, np.uint8),
            np.array(self._peaks, np.uint8),
            self._end_pts,
        )


def hash_of(grey: np.ndarray) -> int:
    """The hash of a small grey picture uint8 (H, W); FLAT where there is nothing in it."""
    top, left = _bars(grey)
    height, width = grey.shape
    inner = grey[top : height - top, left : width - left]
    waves = cv2.dct(cv2.resize(inner, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32))
    low = waves[:8, :8].ravel()
    low[0] = waves[0, 8]  # the mean gives its place to one more wave
    if np.sqrt((low * low).sum()) / _SIDE < DULL:
        return FLAT
    return int(np.packbits(low > 0).view(">u8")[0]) or 1


def _bars(grey: np.ndarray) -> tuple[int, int]:
    """Rows at top and at bottom, columns at left and at right that are black; a bar has a twin on the other side."""
    high = grey.max(1) >= _BLACK
    wide = grey.max(0) >= _BLACK
    return _bar(high), _bar(wide)


def _bar(lit: np.ndarray) -> int:
    where = np.flatnonzero(lit)
    if not len(where):
        return 0
    bar = min(int(where[0]), len(lit) - 1 - int(where[-1]))
    return bar if bar <= _MOST_BAR * len(lit) else 0
