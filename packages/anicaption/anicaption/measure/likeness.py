"""How unlike two pictures of one film are, after everything that motion explains has been taken away.

A pan, a whip or a figure that runs moves the paint of the frame before; a cut brings paint that no motion explains.
So the later picture is predicted from the earlier one by dense optical flow on a thumbnail, and what the prediction
misses is the difference. A thumbnail of 64x36 makes the flow coarse on purpose: it follows layers, not lines.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

WIDTH_PX, HEIGHT_PX = 64, 36
STILL = 0.004  # mean absolute difference (0..1) under which two thumbnails are the same picture plus coding noise
SMALL = 0.02  # a compensated difference under which no one asks whether the drawing is the same
_CELLS = (8, 6)  # columns and rows of cells of 8x6 pixels
_LIT, _LIT_SHARE = 0.93, 0.6  # correlation of the greys over which only the light differs; what the jump then counts
_NO_EDGES = 0.3  # deviation of the edges (root of the slope) under which a picture is blank
_GRAIN = 2.0  # grey levels squared: what a blank picture changes by, all ways alike
_NO_WAYS = 1.0  # the same of their directions, as a product of two sums
_DRAWN = 6.0  # grey levels of deviation over which there is something drawn in a cell

_COLUMN, _ROW = np.meshgrid(np.arange(WIDTH_PX, dtype=np.float32), np.arange(HEIGHT_PX, dtype=np.float32))


class Thumbnail(NamedTuple):
    """A picture at 64x36: `rgb` uint8 (36, 64, 3), its `grey` uint8 (36, 64), and `speck`, float32 (1728,): RGB 0..1
    at 32x18, flattened, on which linear mixes of pictures are tested."""

    rgb: np.ndarray
    grey: np.ndarray
    speck: np.ndarray


def thumbnail(rgb: np.ndarray) -> Thumbnail:
    """Shrink an RGB uint8 picture (H, W, 3) of any size by averaging areas."""
    small = cv2.resize(rgb, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    return Thumbnail(small, cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), speck(small))


def speck(rgb: np.ndarray) -> np.ndarray:
    """A 64x36 picture at 32x18 as one vector, float32 (1728,) in 0..1: small enough to mix and measure many of."""
    half = cv2.resize(rgb, (WIDTH_PX // 2, HEIGHT_PX // 2), interpolation=cv2.INTER_AREA)
    return half.reshape(-1).astype(np.float32) / 255


class Unlike(NamedTuple):
    """Differences of two pictures. `raw` and, after motion, `jump` are mean absolute RGB differences, 0..1. `same` is
    the correlation of the greys after motion (-1..1): high where only the exposure changed. `kept` is the share of the
    drawing that is still there after motion (0..1): high where a figure changed before a background that stayed. Both
    are 1 for small jumps, when nobody asks."""

    raw: float
    jump: float
    same: float
    kept: float


def away(unlike: Unlike) -> float:
    """The jump across an excursion, as evidence that the picture has not come back: up to doubled where the drawing is
    another, less where it is the same in another light."""
    if unlike.same >= _LIT:
        return unlike.jump * _LIT_SHARE
    return unlike.jump * min(2.0, max(1.0, 2 * (1 - unlike.same)))


class Difference:
    """Callable: (earlier, later) -> Unlike. Holds the optical flow engine, which is why it is an object."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._flow.setFinestScale(0)
        self._flow.setPatchSize(8)
        self._flow.setPatchStride(4)

    def __call__(self, earlier: Thumbnail, later: Thumbnail) -> Unlike:
        raw = float(cv2.norm(earlier.rgb, later.rgb, cv2.NORM_L1)) / (255.0 * later.rgb.size)
        if raw < STILL:
            return Unlike(raw, raw, 1.0, 1.0)
        flow = self.flow(earlier, later)
        bent = cv2.remap(
            earlier.rgb, _COLUMN + flow[..., 0], _ROW + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        missed = cv2.absdiff(bent, later.rgb)
        jump = min(raw, float(missed.mean()) / 255)
        if jump < SMALL:
            return Unlike(raw, jump, 1.0, 1.0)
        return Unlike(raw, jump, correlation(cv2.cvtColor(bent, cv2.COLOR_RGB2GRAY), later.grey), _kept(missed, later))

    def flow(self, earlier: Thumbnail, later: Thumbnail) -> np.ndarray:
        """Where each pixel of `later` lay in `earlier`, minus its place: float32 (36, 64, 2), pixels."""
        return self._flow.calc(later.grey, earlier.grey, None)  # pyright: ignore[reportCallIssue, reportArgumentType]


def stays(earlier: Thumbnail, later: Thumbnail) -> float:
    """Share of the drawing that is still where it was: as `kept`, without any motion."""
    return _kept(cv2.absdiff(earlier.rgb, later.rgb), later)


def _kept(missed: np.ndarray, later: Thumbnail) -> float:
    """Share of the pixels in cells with contrast, or of half of all pixels if they are fewer, that were missed by less
    than a third of that contrast. Effect lines cross every cell, but not every pixel."""
    grey = later.grey.astype(np.float32)
    mean, square = (cv2.resize(x, _CELLS, interpolation=cv2.INTER_AREA) for x in (grey, grey * grey))
    contrast = np.sqrt(np.maximum(square - mean * mean, 0))
    contrast = cv2.resize(contrast, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_NEAREST)
    drawn = contrast > _DRAWN
    still = drawn & (missed.astype(np.float32).mean(axis=2) < contrast * 0.3)
    return float(still.sum()) / max(int(drawn.sum()), drawn.size // 2)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two pictures of one shape; 0 where either is flat."""
    return float(cv2.matchTemplate(a, b, cv2.TM_CCOEFF_NORMED)[0, 0]) if a.std() > 2 and b.std() > 2 else 0.0


def alike_lines(one: Thumbnail, other: Thumbnail) -> float:
    """Correlation of where two pictures have edges (-1..1), whatever their colours: high for a picture and its
    negative, and for a drawing and its impact frame. 0 where either has none."""
    a, b = _edges(one.grey), _edges(other.grey)
    if a.std() < _NO_EDGES or b.std() < _NO_EDGES:
        return 0.0
    return float(cv2.matchTemplate(a, b, cv2.TM_CCOEFF_NORMED)[0, 0])


def along_lines(one: Thumbnail, other: Thumbnail) -> float:
    """How far the edges of two pictures run the same way at the same places (-1..1), whatever is dark or light there: a
    drawing and its impact frame share the figure's contour and little else. 0 where either has no edges."""
    (c_one, s_one), (c_other, s_other) = _ways(one.grey), _ways(other.grey)
    power = _sum(c_one, c_one, s_one, s_one) * _sum(c_other, c_other, s_other, s_other)
    return _sum(c_one, c_other, s_one, s_other) / power**0.5 if power > _NO_WAYS else 0.0


def _ways(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of twice the direction of each pixel's slope, for which its opposite is the same, times the root
    of its size."""
    soft = cv2.GaussianBlur(grey, (5, 5), 0)
    across, down = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    weight = (across * across + down * down + 1e-3) ** -0.75
    return (across * across - down * down) * weight, 2 * across * down * weight


def _sum(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> float:
    return float((a * b + c * d).sum())


def streak(grey: np.ndarray) -> tuple[float, float]:
    """How much less the picture changes along its rows or columns than across (0 is alike, 1 is nothing but streaks),
    and how much it changes at all, grey levels squared."""
    along = float(cv2.norm(grey[:, 1:], grey[:, :-1], cv2.NORM_L2SQR)) / (WIDTH_PX - 1) / HEIGHT_PX
    down = float(cv2.norm(grey[1:], grey[:-1], cv2.NORM_L2SQR)) / (HEIGHT_PX - 1) / WIDTH_PX
    return 1 - float(np.sqrt((min(along, down) + _GRAIN) / (max(along, down) + _GRAIN))), along + down


def _edges(grey: np.ndarray) -> np.ndarray:
    soft = cv2.GaussianBlur(grey, (3, 3), 0)
    slope = cv2.magnitude(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
    return cv2.GaussianBlur(np.sqrt(slope), (3, 3), 0)


def profile_step(earlier: Thumbnail, later: Thumbnail) -> float:
    """The mean change (0..1) of the means of the rows, or of the columns if they change less. A pan, however fast and
    torn, leaves the means of what it runs along nearly as they were; a cut changes both at once."""
    steps = []
    for axis in (0, 1):
        one, other = (cv2.reduce(p.rgb, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F) for p in (earlier, later))
        steps.append(float(cv2.norm(one, other, cv2.NORM_L1)) / one.size / 255)
    return min(steps)
