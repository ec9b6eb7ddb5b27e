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

ROWS_PX = 144  # rows of the finest level, 72 for pictures under 100 rows; columns keep the aspect, in whole cells
CELL_ROWS = 9
_COARSE_ROWS = 36
_FLAT = 1.5  # grey levels per pixel (of 255): a cell with much less gradient than this says little
_AGREE_PX = 0.45  # a cell agrees with a motion that leaves it this far from home, in pixels of the level
_NOISE = 3.0  # grey levels: residual noise up to this is taken for granted where every cell has it
_TURN_TEST = 5.0  # F statistic over which a zoom or roll is worth its two more unknowns
_TURN_DOUBT_PX = 0.05  # or the edge motion is known this well, in pixels of the level
_CLIP = 48.0  # grey levels: no single pixel may pull harder than this

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


@dataclass(frozen=True)
class Step:
    """The background's motion from the picture before to this one; None where the border shows nothing to tell it by.

    support: share of the border cells with content that agree, 0..1; where it is low the motion is a guess.
    content: share of border cells with content.
    """

    motion: Motion | None
    support: float
    content: float


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
        scale = 1 / (self.energy + _FLAT**2)  # one vote per cell, however strong its lines
        self.scale = scale
        self.normal = (
            (xx * scale)[:, None] * cells.jxx + (xy * scale)[:, None] * cells.jxy + (yy * scale)[:, None] * cells.jyy
        )


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
        columns = max(4, round(CELL_ROWS * width / height))
        self.cells = cells if cells is not None and cells.columns == columns else Cells(columns, CELL_ROWS)
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
    down, right = np.divmod(np.argsort(tops)[::-1][:count], 2 * reach_x + 1)
    return [Motion(1, complex(x - reach_x, y - reach_y) / (columns / 2)) for x, y in zip(right, down, strict=True)]


@dataclass(frozen=True)
class Fit:
    """A motion at one level. support and content as in Step.

    cost: mean of a robust square of what is left, over the cells that have a say; cells: how many equal cells that
    amounts to; doubt_px: standard error of the edge motion of zoom and roll, pixels of the level.
    """

    motion: Motion
    support: float
    content: float
    cost: float
    cells: float
    doubt_px: float = 0.0


def refine(before: Picture, now: Picture, level: int, start: Motion, steps: int, turning: bool = True) -> Fit:
    """Gauss-Newton from `start` at one level; without `turning` only the shift moves."""
    cells, target = now.cells, now.levels[level]
    pixels = target.grey.shape[1] / 2
    motion = start
    normal = np.eye(4)
    for step in range(steps + 1):
        carried = warp(before.levels[level].grey, motion)
        error = np.clip(carried - target.grey, -_CLIP, _CLIP)
        square = cells.mean(error * error)
        noise = min(float(np.partition(square, len(square) // 10)[len(square) // 10]), _NOISE**2)
        floor = _FLAT**2 + 3 * noise
        away = np.maximum(square - noise, 0) / (target.energy + floor)  # pixels from home, squared
        votes = cells.border * target.energy / (target.energy + floor) * cells.seen_before(motion)
        total = votes.sum()
        if step == steps or total == 0:
            break
        heavy = votes > 0.5 * votes.max()
        spread = max(target.agree_px**2, float(np.median(away[heavy])))
        weight = votes / (1 + away / spread) ** 2
        pull_x = cells.mean(target.dx * error) * target.scale * weight
        pull_y = cells.mean(target.dy * error) * target.scale * weight
        pull = pull_x @ cells.jx + pull_y @ cells.jy
        normal = (weight @ target.normal).reshape(4, 4)
        normal[_DIAGONAL] += 1e-3 * np.trace(normal) / 4 + 1e-9  # what nothing constrains stays as it was
        if turning:
            a, b, x, y = np.linalg.solve(normal, pull) / pixels
        else:
            a, b, (x, y) = 0.0, 0.0, np.linalg.solve(normal[2:, 2:], pull[2:]) / pixels
        limit = 1 / max(1, math.hypot(a, b) * pixels / 3, math.hypot(x, y) * pixels / 3)  # gradients reach 3 px
        motion = motion.after(Motion(1 + complex(a, b) * limit, complex(x, y) * limit).inverse())
        if not 0.6 < abs(motion.turn) < 1.6 or abs(motion.shift) > 1:
            return Fit(start, 0.0, 0.0, math.inf, 1.0)
    if total == 0:
        return Fit(motion, 0.0, 0.0, math.inf, 1.0)
    share = away / target.agree_px**2
    left = float((votes * share / (1 + share)).sum() / total) * target.agree_px**2
    doubt = math.sqrt(max(0.0, left * np.linalg.inv(normal)[[0, 1], [0, 1]].max()))
    return Fit(
        motion,
        support=float((votes / (1 + share * share)).sum() / total),
        content=float(total / cells.border.sum()),
        cost=float((votes * share / (1 + share)).sum() / total),
        cells=float(total**2 / (votes * votes).sum()),
        doubt_px=doubt,
    )


_DIAGONAL = np.diag_indices(4)


def align(before: Picture, now: Picture, guess: Motion = STILL) -> Step:
    """The background's motion between two pictures of one size; `guess` is the motion of the step before."""
    fit = _likely(before, now, guess) or _searched(before, now, guess)
    straight = _descend(before, now, Motion(1, fit.motion.shift), turning=False)
    gain = (straight.cost - fit.cost) / 2 / (fit.cost + 1e-4) * max(1.0, 2 * fit.cells - 4)
    if gain < _TURN_TEST and fit.doubt_px > _TURN_DOUBT_PX:
        fit = straight
    told = fit.content > 0.03 and math.isfinite(fit.cost)
    return Step(fit.motion if told else None, fit.support, fit.content)


def _descend(before: Picture, now: Picture, start: Motion, turning: bool = True) -> Fit:
    """Refine from the second coarsest to the finest level."""
    fit = Fit(start, 0.0, 0.0, math.inf, 1.0)
    for level in range(len(now.levels) - 2, -1, -1):
        fit = refine(before, now, level, fit.motion, 3, turning)
    return fit


def _likely(before: Picture, now: Picture, guess: Motion) -> Fit | None:
    """Most frames stand still or move as the frame before did; where nearly all cells agree, nothing else can win."""
    for start in (STILL,) if guess is STILL else (STILL, guess):
        fit = refine(before, now, len(now.levels) - 2, start, 0)
        if fit.support > 0.75 and (fit := _descend(before, now, start)).support > 0.9:
            return fit
    return None


def _searched(before: Picture, now: Picture, guess: Motion) -> Fit:
    """Start from rest, from the motion before and from the correlation's peaks; the best two are refined."""
    coarse = len(now.levels) - 1
    tried: list[tuple[float, Fit]] = []
    for number, start in enumerate([STILL, guess, *correlation_peaks(before, now)]):
        if number == 1 and guess is STILL:
            continue
        fit = refine(before, now, coarse, start, 4)
        tried.append((fit.support + (0.05 if number < 2 else 0.0), fit))
    tried.sort(key=lambda t: -t[0])
    first, second = (_descend(before, now, fit.motion) for _, fit in tried[:2])
    return second if second.cost < 0.95 * first.cost else first
