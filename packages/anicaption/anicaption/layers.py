"""What the camera did between two pictures: one similarity for the background, found by direct alignment.

The background is the motion that explains most cells along the frame's BORDER, not the motion with most inliers: a
figure held in the middle of a panning frame has more lines than the painting behind it, but it does not own the edges.

Anime is flat, so nothing is tracked from corner to corner. The picture is cut into cells; each cell contributes its
gradients, so an edge constrains the motion across itself and nothing along itself, and an empty cell says nothing.
Coarse to fine: peaks of a phase correlation start a robust Gauss-Newton (inverse compositional) at 36 rows, the winner
is refined at 72 and 144 rows.

Pictures are first brought to 144 rows, so 24x40 thumbnails and 1080p frames meet the same thresholds.

A motion is kept as the backward map z_before = turn * z_now + shift over complex positions z = x + iy, measured from
the centre in half frame widths, y down. Positive angles are clockwise on the screen.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import cv2
import numpy as np

ROWS_PX = 144  # rows of the finest level; columns keep the aspect, in whole cells
CELL_PX = 16  # at the finest level: 9 rows of cells
_LEVELS = 3  # 144, 72, 36 rows
_FLAT = 2.0  # grey levels per pixel (of 255): a cell with less gradient than this says nothing
_AGREE_PX = 0.45  # a cell agrees with a motion that leaves it this far from home, in pixels of the level
_CLIP = 48.0  # grey levels: no single pixel may pull harder than this

cv2.setNumThreads(1)  # a frame is too small to share; parallel work is one source per core


@dataclass(frozen=True)
class Motion:
    """How content lay in the picture before: z_before = turn * z_now + shift (see the module)."""

    turn: complex = 1 + 0j
    shift: complex = 0j

    @property
    def camera(self) -> tuple[float, float, float, float]:
        """Camera x (half widths, + right), y (half widths, + down), ln zoom (+ closer), roll in degrees (+ clockwise)."""
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


@dataclass(frozen=True)
class Step:
    """The background's motion from the picture before to this one. `motion` is None where nothing could be told.

    support: share of the border cells with content that agree, 0..1.  content: share of border cells with content.
    """

    motion: Motion | None
    support: float
    content: float


class Level:
    """One picture at one scale, with what Gauss-Newton needs of it. Grey float32 (H, W)."""

    def __init__(self, grey: np.ndarray, cells: Cells) -> None:
        self.grey = grey
        self.dx = cv2.Scharr(grey, cv2.CV_32F, 1, 0, scale=1 / 32)
        self.dy = cv2.Scharr(grey, cv2.CV_32F, 0, 1, scale=1 / 32)
        xx, xy, yy = (cells.mean(p) for p in (self.dx * self.dx, self.dx * self.dy, self.dy * self.dy))
        self.energy = xx + yy
        scale = 1 / (self.energy + _FLAT**2)  # one vote per cell, however strong its lines
        self.scale = scale
        self.normal = (xx * scale)[:, None] * cells.jxx + (xy * scale)[:, None] * cells.jxy + (yy * scale)[:, None] * cells.jyy


class Cells:
    """The grid of cells of one picture size: positions, border weights and the Jacobian of a similarity."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        half = columns / 2
        x, y = np.meshgrid((np.arange(columns) + 0.5) / half - 1, (np.arange(rows) + 0.5 - rows / 2) / half)
        self.x, self.y = x.ravel(), y.ravel()
        one, zero = np.ones_like(self.x), np.zeros_like(self.x)
        self.jx = np.stack([self.x, -self.y, one, zero], 1)  # d x_before / d (turn.re, turn.im, shift.re, shift.im)
        self.jy = np.stack([self.y, self.x, zero, one], 1)
        outer = lambda a, b: (a[:, :, None] * b[:, None, :]).reshape(len(a), 16)  # noqa: E731
        self.jxx, self.jyy = outer(self.jx, self.jx), outer(self.jy, self.jy)
        self.jxy = outer(self.jx, self.jy) + outer(self.jy, self.jx)
        column, row = np.meshgrid(np.arange(columns), np.arange(rows))
        depth = np.minimum(np.minimum(column, columns - 1 - column), row).ravel()  # figures stand on the lower edge
        low = (rows - 1 - row).ravel() == 0
        self.border = np.where(depth == 0, 1.0, np.where(depth == 1, 0.7, np.where(low, 0.4, 0.08)))
        self.reach_x, self.reach_y = 1 - 0.5 / half, rows / columns - 0.5 / half

    def mean(self, picture: np.ndarray) -> np.ndarray:
        """Mean of each cell, row by row, float64 (cells,)."""
        return cv2.resize(picture, (self.columns, self.rows), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)

    def seen_before(self, motion: Motion) -> np.ndarray:
        """Which cells lay inside the frame before."""
        z = motion.turn * (self.x + 1j * self.y) + motion.shift
        return (np.abs(z.real) <= self.reach_x) & (np.abs(z.imag) <= self.reach_y)


class Picture:
    """One frame as a pyramid, finest level first. Made from RGB uint8 (H, W, 3) or grey (H, W) of any size."""

    def __init__(self, image: np.ndarray, cells: Cells | None = None) -> None:
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        height, width = grey.shape
        columns = max(4, round(ROWS_PX / CELL_PX * width / height))
        self.cells = cells if cells is not None and cells.columns == columns else Cells(columns, ROWS_PX // CELL_PX)
        size = (columns * CELL_PX, ROWS_PX)
        way = cv2.INTER_AREA if height >= ROWS_PX else cv2.INTER_CUBIC
        if (width, height) != size:
            grey = cv2.resize(grey.astype(np.float32) if way == cv2.INTER_CUBIC else grey, size, interpolation=way)
        fine = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.8)
        self.levels = [Level(fine, self.cells)]
        for _ in range(_LEVELS - 1):
            self.levels.append(Level(cv2.pyrDown(self.levels[-1].grey), self.cells))
        self._spectrum: np.ndarray | None = None

    @property
    def fine(self) -> np.ndarray:
        """The finest level, grey float32 (144, W), 0..255."""
        return self.levels[0].grey

    @property
    def spectrum(self) -> np.ndarray:
        """Fourier transform of the coarsest level under a window."""
        if self._spectrum is None:
            grey = self.levels[-1].grey
            rows, columns = grey.shape
            window = np.outer(_ramp(rows), _ramp(columns))
            self._spectrum = np.fft.rfft2((grey - grey.mean()) * window, (2 * rows, 2 * columns))
        return self._spectrum


def _ramp(n: int) -> np.ndarray:
    edge = np.minimum(np.arange(n) + 0.5, n - np.arange(n) - 0.5) / (n * 0.12)
    return np.sin(np.minimum(edge, 1) * np.pi / 2) ** 2


def warp(image: np.ndarray, motion: Motion) -> np.ndarray:
    """The picture before, carried to where its content lies now."""
    height, width = image.shape[:2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    matrix = motion.matrix(width, height)
    return cv2.warpAffine(image, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def correlation_peaks(before: Picture, now: Picture, count: int = 4) -> list[Motion]:
    """The translations that a phase correlation of the coarsest level proposes, best first."""
    cross = before.spectrum * np.conj(now.spectrum)
    cross /= np.abs(cross) ** 0.75 + 1e-6  # some whitening sharpens lines; all of it would amplify noise
    rows, columns = before.levels[-1].grey.shape
    surface = np.fft.irfft2(cross, (2 * rows, 2 * columns))
    reach_y, reach_x = rows // 3, columns // 3
    surface = np.roll(surface, (reach_y, reach_x), (0, 1))[: 2 * reach_y + 1, : 2 * reach_x + 1]
    surface = surface.astype(np.float32)
    tops = np.where(surface >= cv2.dilate(surface, np.ones((3, 3), np.uint8)), surface, -np.inf).ravel()
    best = np.argsort(tops)[::-1][:count]
    half = columns / 2
    return [Motion(1, complex((i % (2 * reach_x + 1) - reach_x) / half, (i // (2 * reach_x + 1) - reach_y) / half)) for i in best]


def refine(before: Picture, now: Picture, level: int, start: Motion, steps: int) -> tuple[Motion, float, float]:
    """Gauss-Newton from `start` at one level. Returns the motion, its support and the share of cells with content."""
    cells, target = now.cells, now.levels[level]
    motion = start
    for step in range(steps + 1):
        carried = warp(before.levels[level].grey, motion)
        error = np.clip(carried - target.grey, -_CLIP, _CLIP)
        away = np.sqrt(cells.mean(error * error) / (target.energy + _FLAT**2))
        votes = cells.border * (target.energy > _FLAT**2) * cells.seen_before(motion)
        agree = 1 / (1 + (away / _AGREE_PX) ** 4)
        total = votes.sum()
        if step == steps or total == 0:
            break
        spread = max(_AGREE_PX, float(np.median(away[votes > 0.5])) if (votes > 0.5).any() else 1.0)
        weight = votes / (1 + (away / spread) ** 2) ** 2
        pull_x = cells.mean(target.dx * error) * target.scale * weight
        pull_y = cells.mean(target.dy * error) * target.scale * weight
        normal = (weight @ target.normal).reshape(4, 4)
        normal[np.diag_indices(4)] += 1e-3 * np.trace(normal) / 4 + 1e-9  # what nothing constrains stays as it was
        pixels = target.grey.shape[1] / 2
        a, b, x, y = np.linalg.solve(normal, pull_x @ cells.jx + pull_y @ cells.jy) / pixels
        limit = 3 / pixels / max(3 / pixels, math.hypot(a, b), math.hypot(x, y))  # a step trusts the gradient for 3 px
        motion = motion.after(Motion(1 + complex(a, b) * limit, complex(x, y) * limit).inverse())
        if not 0.6 < abs(motion.turn) < 1.6 or abs(motion.shift) > 1:
            return start, 0.0, 0.0
    share = float(total / cells.border.sum())
    return motion, float((votes * agree).sum() / total) if total else 0.0, share


def align(before: Picture, now: Picture, guess: Motion = STILL) -> Step:
    """The background's motion between two pictures of one size; `guess` is the motion of the step before."""
    coarse = _LEVELS - 1
    tried: list[tuple[float, float, Motion]] = []
    for number, start in enumerate([STILL, guess, *correlation_peaks(before, now)]):
        if number == 1 and guess is STILL:
            continue
        motion, support, content = refine(before, now, coarse, start, 4)
        tried.append((support + (0.05 if number < 2 else 0.0), content, motion))
    tried.sort(key=lambda t: -t[0])
    best = STILL, -1.0, 0.0
    for _, _, motion in tried[:2]:
        motion, support, content = refine(before, now, 1, motion, 3)
        if support > best[1] + 0.02:
            best = motion, support, content
    motion, support, content = refine(before, now, 0, best[0], 3)
    return Step(motion if content > 0.05 and support > 0.2 else None, support, content)
