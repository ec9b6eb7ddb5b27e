"""Pictures as the motion estimator sees them, and the motions of a layer between two of them (found in align.py).

Pictures are first brought to 144 rows (72 for thumbnails) and cut into cells, so that 24x40 pixels and 1080p meet the
same thresholds.

A motion is kept as the backward map z_before = turn * z_now + shift over complex positions z = x + iy, measured from
the centre in half frame widths, y down. Positive angles are clockwise on the screen.
"""

from __future__ import annotations

import cmath
import math
from copy import copy
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

ROWS_PX = 144  # rows of the finest level, 72 for pictures under 100 rows; columns keep the aspect, in whole cells
CELL_ROWS = 9
_COARSE_ROWS = 36
FLAT = 1.5  # grey levels per pixel (of 255): a cell with much less gradient than this says little
_BLACK = 16  # grey levels: nothing in a bar is brighter
_MIN_SHOWN = 0.3  # of the width and height at least is no bar, or the picture is dark
_AGREE_PX = 0.45  # a cell agrees with a motion that leaves it this far from home, in pixels of the level
cv2.setNumThreads(1)  # a frame is too small to share; parallel work is one source per core


@dataclass(frozen=True)
class Motion:
    """How content lay in the picture before: z_before = turn * z_now + shift (see the module)."""

    turn: complex = 1 + 0j
    shift: complex = 0j

    @property
    def camera(self) -> tuple[float, float, float, float]:
        """Camera x and y (half widths, + right, + down), ln zoom (+ closer), roll (degrees, + clockwise)."""
        move = self.shift / self.turn
        return move.real, move.imag, -math.log(abs(self.turn)), math.degrees(cmath.phase(self.turn))

    def after(self, step: Motion) -> Motion:
        """The map that first takes `step` and then this one."""
        return Motion(self.turn * step.turn, self.turn * step.shift + self.shift)

    def inverse(self) -> Motion:
        return Motion(1 / self.turn, -self.shift / self.turn)

    def matrix(self, width_px: int, height_px: int) -> np.ndarray:
        """2x3 matrix from pixels of now to pixels of before, for cv2.warpAffine with WARP_INVERSE_MAP."""
        cx, cy, half = (width_px - 1) / 2, (height_px - 1) / 2, width_px / 2
        a, b = self.turn.real, self.turn.imag
        tx = cx + half * self.shift.real - (a * cx - b * cy)
        ty = cy + half * self.shift.imag - (b * cx + a * cy)
        return np.array([[a, -b, tx], [b, a, ty]], np.float32)


STILL = Motion()
STILL_WIDTHS = 6e-4  # half frame widths per frame


@dataclass(frozen=True)
class Step:
    """The background's motion from the picture before to this one; None where the border shows nothing to tell it by.

    support: share of the border cells with content that agree, 0..1; where it is low the motion is a guess.
    content: share of border cells with content.
    """

    motion: Motion | None
    support: float
    content: float

    @property
    def still(self) -> bool:
        """The camera did not move, or nobody can tell; by less than the noise of the measurement."""
        return self.motion is None or abs(self.motion.shift) + abs(self.motion.turn - 1) < STILL_WIDTHS


class Level:
    """One picture at one scale, with what Gauss-Newton needs of it. Grey float32 (H, W)."""

    def __init__(self, grey: np.ndarray, cells: Cells, agree_px: float) -> None:
        self.grey, self.agree_px = grey, agree_px
        self.dx = cv2.Scharr(grey, cv2.CV_32F, 1, 0, scale=1 / 32)
        self.dy = cv2.Scharr(grey, cv2.CV_32F, 0, 1, scale=1 / 32)
        square_x, square_y = self.dx * self.dx, self.dy * self.dy
        self.slope = square_x + square_y
        xx, xy, yy = cells.mean(square_x), cells.mean(self.dx * self.dy), cells.mean(square_y)
        self.energy = xx + yy
        scale = 1 / (self.energy + FLAT**2)  # one vote per cell, however strong its lines
        self.scale = scale
        self.normal = (
            (xx * scale)[:, None] * cells.jxx + (xy * scale)[:, None] * cells.jxy + (yy * scale)[:, None] * cells.jyy
        )
        self._lines: tuple[tuple[int, int], np.ndarray] | None = None

    def lines(self, blocks: Cells) -> np.ndarray:
        """Mean of `slope` in each block of another grid; the one asked for last is kept."""
        grid = blocks.columns, blocks.rows
        if self._lines is None or self._lines[0] != grid:
            self._lines = grid, blocks.mean(self.slope)
        return self._lines[1]


class Cells:
    """The grid of cells of one picture size: positions, border weights and the Jacobian of a similarity.

    `bars` are the black bars beside and over the picture, shares of its width and height: what lies in them counts for
    nothing, and the border is where they end.
    """

    def __init__(self, columns: int, rows: int, bars: tuple[float, float] = (0.0, 0.0)) -> None:
        self.columns, self.rows, self.bars = columns, rows, bars
        half = columns / 2
        x, y = np.meshgrid((np.arange(columns) + 0.5) / half - 1, (np.arange(rows) + 0.5 - rows / 2) / half)
        x, y = x.ravel(), y.ravel()
        self.z = x + 1j * y  # centres, half frame widths
        one, zero = np.ones_like(x), np.zeros_like(x)
        self.jx = np.stack([x, -y, one, zero], 1)  # d x_before / d (turn.re, turn.im, shift.re, shift.im)
        self.jy = np.stack([y, x, zero, one], 1)
        outer = lambda a, b: (a[:, :, None] * b[:, None, :]).reshape(len(a), 16)  # noqa: E731
        self.jxx, self.jyy = outer(self.jx, self.jx), outer(self.jy, self.jy)
        self.jxy = outer(self.jx, self.jy) + outer(self.jy, self.jx)
        column, row = np.meshgrid(np.arange(columns), np.arange(rows))
        beside, over = (math.ceil(share * n + 0.1) if share else 0 for share, n in zip(bars, (columns, rows)))
        depth = np.minimum(np.minimum(column - beside, columns - 1 - beside - column), row - over).ravel()
        low = (rows - 1 - over - row).ravel()  # figures stand on the lower edge
        border = np.where(depth == 0, 1.0, np.where(depth == 1, 0.7, np.where(low == 0, 0.4, 0.08)))
        self.border = np.where((depth < 0) | (low < 0), 0.0, border)
        slack = 0.35 / half  # a cell may lie a little outside: 2 pixels of 16
        self.reach_x, self.reach_y = 1 - 2 * bars[0] - slack, rows / columns * (1 - 2 * bars[1]) - slack
        self._seen_still = self._within(self.z)

    def mean(self, picture: np.ndarray) -> np.ndarray:
        """Mean of each cell, row by row, float64 (cells,)."""
        means = cv2.resize(picture, (self.columns, self.rows), interpolation=cv2.INTER_AREA)
        return means.ravel().astype(np.float64)

    def seen_before(self, motion: Motion) -> np.ndarray:
        """Which cells lay inside the frame before."""
        if motion == STILL:
            return self._seen_still
        return self._within(motion.turn * self.z + motion.shift)

    def _within(self, z: np.ndarray) -> np.ndarray:
        return (np.abs(np.real(z)) <= self.reach_x) & (np.abs(np.imag(z)) <= self.reach_y)


class Picture:
    """One frame as a pyramid, finest level first. Made from RGB uint8 (H, W, 3) or grey (H, W) of any size."""

    def __init__(self, image: np.ndarray, cells: Cells | None = None) -> None:
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        height, width = grey.shape
        columns = max(4, round(CELL_ROWS * width / height))
        kept = cells if cells is not None and cells.columns == columns else None
        bars = bars_of(grey, kept.bars if kept else (0.0, 0.0))
        self.cells = kept if kept and kept.bars == bars else Cells(columns, CELL_ROWS, bars)
        rows = ROWS_PX if height >= 100 else ROWS_PX // 2
        size = (columns * rows // CELL_ROWS, rows)
        if height < rows:
            grey = cv2.resize(grey.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
        elif (width, height) != size:
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        source_px = rows / height  # size of a pixel of the source at this level
        grey = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), max(0.8, 0.5 * source_px))
        self.levels: list[Level] = []
        while True:
            self.levels.append(Level(grey, self.cells, _AGREE_PX * max(1.0, 0.6 * source_px)))
            if len(grey) <= _COARSE_ROWS:
                break
            grey, source_px = cv2.pyrDown(grey), source_px / 2
        self._spectrum: np.ndarray | None = None
        self._fine_bytes: np.ndarray | None = None

    def lit(self, gain: float, offset: float) -> Picture:
        """A copy with other greys; its gradients and spectrum stay those of the original."""
        twin, twin.levels, twin._fine_bytes = copy(self), [], None
        for level in self.levels:
            twin.levels.append(copy(level))
            twin.levels[-1].grey = level.grey * np.float32(gain) + np.float32(offset)
        return twin

    @property
    def fine(self) -> np.ndarray:
        """The finest level, grey float32 (144, W), 0..255."""
        return self.levels[0].grey

    @property
    def fine_bytes(self) -> np.ndarray:
        """The finest level, grey uint8 (144, W). Not to be written to."""
        if self._fine_bytes is None:
            self._fine_bytes = to_bytes(self.fine)
        return self._fine_bytes

    @property
    def spectrum(self) -> np.ndarray:
        """Fourier transform of the coarsest level under a window."""
        if self._spectrum is None:
            grey = self.levels[-1].grey
            rows, columns = grey.shape
            beside, over = self.cells.bars
            window = _window(rows, columns, over, beside)
            self._spectrum = np.fft.rfft2((grey - grey.mean()) * window, (2 * rows, 2 * columns))
        return self._spectrum


def match_light(before: Picture, now: Picture) -> Picture:
    """`before` as bright as `now` where a fade to black or white dims all of it alike; else `before` itself."""
    old, new = (picture.cells.mean(picture.levels[-1].grey) for picture in (before, now))
    best, dark = (0.02, 1.0), True  # (spread of the ratio over the cells, ratio)
    for towards_black in (True, False):
        a, b = (old, new) if towards_black else (255 - old, 255 - new)
        if a.min() > 4 or np.count_nonzero(a > 4) > 0.6 * len(a):
            ratio = b[a > 4] / a[a > 4]
            middle = _median(ratio)
            spread = _median(np.abs(ratio - middle))
            if spread < best[0] and abs(middle - 1) > max(0.01, 2 * spread):
                best, dark = (spread, middle), towards_black
    gain = best[1]
    return before if gain == 1 else before.lit(gain, 0.0 if dark else 255 * (1 - gain))


def _median(values: np.ndarray) -> float:
    """Of some hundred values; np.median takes ten times as long for so few."""
    half = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, half)[half])
    known = np.partition(values, (half - 1, half))
    return (float(known[half - 1]) + float(known[half])) / 2


@lru_cache(maxsize=8)
def _window(rows: int, columns: int, over: float, beside: float) -> np.ndarray:
    return np.outer(_ramp(rows, over), _ramp(columns, beside))


def _ramp(n: int, bar: float) -> np.ndarray:
    """A window over n pixels that rises from 0 where a bar of this share ends."""
    first = math.ceil(bar * n + 0.1) if bar else 0
    edge = (np.minimum(np.arange(n) + 0.5, n - np.arange(n) - 0.5) - first) / (n * 0.12)
    return np.sin(np.clip(edge, 0, 1) * np.pi / 2) ** 2


def bars_of(grey: np.ndarray, last: tuple[float, float]) -> tuple[float, float]:
    """Shares of the width and height of a picture (H, W) that black bars take on either side; `last` while it is dark.

    Bars are black to the last pixel and as wide on both sides; what is nearly what it was, is what it was.
    """
    found = []
    for axis, before in zip((0, 1), last, strict=True):
        lit = np.flatnonzero(grey.max(axis=axis) > _BLACK)
        n = grey.shape[1 - axis]
        if len(lit) < _MIN_SHOWN * n:
            return last
        first, after = int(lit[0]), n - 1 - int(lit[-1])
        even = abs(first - after) <= max(2.0, 0.02 * n) and min(first, after) > 0.02 * n
        share = max(first, after) / n if even else 0.0
        found.append(before if abs(share - before) < 0.015 else share)
    return found[0], found[1]


def warp(image: np.ndarray, motion: Motion, cubic: bool = False) -> np.ndarray:
    """The picture before, carried to where its content lies now."""
    if motion == STILL:
        return image.copy()
    height, width = image.shape[:2]
    if motion.turn == 1 and image.dtype == np.float32:
        return _shifted(image, motion.shift * (width / 2), cubic)
    flags = (cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    matrix = motion.matrix(width, height)
    return cv2.warpAffine(image, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """Float greys as uint8, rounded: cut off, flat paint of whole greys would fall a step by the noise of a sum."""
    return cv2.convertScaleAbs(np.maximum(picture, 0))


def _shifted(image: np.ndarray, shift_px: complex, cubic: bool) -> np.ndarray:
    """As warp for a motion without turn: rows and columns are filtered apart, for a half or a quarter of the cost."""
    right, down = math.floor(shift_px.real), math.floor(shift_px.imag)
    kernels = [_taps(shift_px.real - right, cubic), _taps(shift_px.imag - down, cubic)]
    wide = cv2.copyMakeBorder(image, max(0, -down), max(0, down), max(0, -right), max(0, right), cv2.BORDER_REPLICATE)
    anchor = (1, 1) if cubic else (0, 0)
    moved = cv2.sepFilter2D(wide, -1, *kernels, anchor=anchor, borderType=cv2.BORDER_REPLICATE)
    top, left = max(0, down), max(0, right)
    return np.ascontiguousarray(moved[top : top + image.shape[0], left : left + image.shape[1]])


def _taps(part: float, cubic: bool) -> np.ndarray:
    """Weights of the two or four pixels around a place `part` of a pixel after one, as OpenCV has them."""
    if not cubic:
        return np.array([1 - part, part])
    near = [1.25 * x**3 - 2.25 * x**2 + 1 for x in (part, 1 - part)]
    far = [-0.75 * x * (1 - x) ** 2 for x in (part, 1 - part)]
    return np.array([far[0], near[0], near[1], far[1]])
