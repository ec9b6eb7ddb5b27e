"""Ink and paint: uneven-width lines, flat fills and clipped shadows on a transparent cel.

A cel is premultiplied RGBA uint8 (H, W, 4). OpenCV's antialiased polygons blend every channel towards the given
colour, so drawing opaque colours on a cleared cel gives premultiplied edges without a second pass.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

Rgb = tuple[int, int, int]
_SHIFT = 4
_EVEN = {"thin_uniform": 0.62, "medium_uniform": 1.15, "bold": 2.6}  # widths of lines without pressure
_SPECK_PX = 2.0  # a line shorter than this is not worth inking


def fixed(points_N2: np.ndarray) -> np.ndarray:
    """Points in pixels as OpenCV's fixed-point int32 with 4 fractional bits. Pixel centres lie at whole numbers."""
    return np.rint((points_N2 - 0.5) * (1 << _SHIFT)).astype(np.int32)


@lru_cache(maxsize=512)
def _spline_matrix(n: int, per: int, closed: bool) -> np.ndarray:
    """Catmull-Rom as one matrix (M, n): `per` points per segment through every control point."""
    segments = n if closed else n - 1
    t = np.arange(per) / per
    weights = (
        np.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3], axis=1) / 2
    )
    matrix = np.zeros((segments * per + (not closed), n))
    for i in range(segments):
        for k in range(4):
            j = (i + k - 1) % n if closed else min(max(i + k - 1, 0), n - 1)
            matrix[i * per : (i + 1) * per, j] += weights[:, k]
    if not closed:
        matrix[-1, n - 1] = 1
    return matrix


def spline(points_N2, per: int = 6, closed: bool = False) -> np.ndarray:
    """A smooth curve (M, 2) through `points_N2`."""
    points = np.asarray(points_N2, float)
    return _spline_matrix(len(points), per, closed) @ points


def sides(line_N2: np.ndarray, half_widths_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two edges (N, 2) of a band around a line."""
    step = np.empty_like(line_N2)
    step[1:-1] = line_N2[2:] - line_N2[:-2]
    step[0] = line_N2[1] - line_N2[0]
    step[-1] = line_N2[-1] - line_N2[-2]
    length = np.sqrt((step * step).sum(1)) + 1e-9
    normal = np.stack([-step[:, 1], step[:, 0]], 1) * (half_widths_N / length)[:, None]
    return line_N2 + normal, line_N2 - normal


@lru_cache(maxsize=512)
def _swell(n: int, first: float, last: float) -> np.ndarray:
    """Pen pressure along a line of n points: 1 in the middle, `first` and `last` at the ends."""
    t = np.linspace(0, 1, n)
    swell = np.sin(np.pi * t) ** 0.6
    return swell + (1 - swell) * (first + (last - first) * t)


def mix(a: Rgb, b: Rgb, share: float) -> Rgb:
    """`share` of b in a."""
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b))  # pyright: ignore[reportReturnType]


def times(a: Rgb, factor) -> Rgb:
    """Colour times a factor per channel, as light of that colour would show it."""
    return tuple(int(min(255, max(0, round(x * f)))) for x, f in zip(a, factor))  # pyright: ignore[reportReturnType]


class Pen:
    """Draws in the units of a model sheet on a cel.

    `affine` (2, 3) takes local units to pixels of a cel of `height_px` by `width_px`; `line_px` is the width of an
    ordinary line. With `supersample` the cel is drawn that many times larger and shrunk by `cel()`, so that lines
    thinner than a pixel stay thin.
    """

    def __init__(
        self,
        height_px: int,
        width_px: int,
        affine: np.ndarray,
        line_px: float,
        supersample: int = 1,
        style: str = "tapered_brush",
    ) -> None:
        self.scale, self.style = supersample, style
        self.features = False  # whether what is drawn now is a face's features, which even a lineless picture keeps
        self.image = np.zeros((height_px * supersample, width_px * supersample, 4), np.uint8)
        self.affine = np.asarray(affine, float) * supersample
        self.line_px = max(line_px * supersample, 0.8)
        self.unit_px = float(np.abs(np.asarray(affine)[:, :2]).max())
        self._speck_px = _SPECK_PX * (1.0 if supersample == 1 else 0.6 * supersample)
        self._size = (width_px, height_px)

    def cel(self) -> np.ndarray:
        """The finished cel, premultiplied RGBA uint8 (height_px, width_px, 4)."""
        if self.scale == 1:
            return self.image
        return cv2.resize(self.image, self._size, interpolation=cv2.INTER_AREA)

    def px(self, points_N2) -> np.ndarray:
        return np.asarray(points_N2, float) @ self.affine[:, :2].T + self.affine[:, 2]

    def sees(self, point_2, radius: float) -> bool:
        """Whether a disk of `radius` local units around a local point can touch the cel."""
        x, y = self.px([point_2])[0]
        reach = radius * np.abs(self.affine[:, :2]).max()
        return -reach < x < self.image.shape[1] + reach and -reach < y < self.image.shape[0] + reach

    def fill(self, points_N2, rgb: Rgb) -> None:
        """A flat shape."""
        cv2.fillPoly(self.image, [fixed(self.px(points_N2))], (*rgb, 255), cv2.LINE_AA, _SHIFT)

    def line(self, points_N2, rgb: Rgb, width: float = 1.0, ends: tuple[float, float] = (0.25, 0.25)) -> None:
        """An ink line whose width swells in the middle; `ends` are the widths at its two ends as shares of `width`."""
        points = self.px(points_N2)
        (x0, y0), (x1, y1), (x2, y2) = points[0].tolist(), points[len(points) // 2].tolist(), points[-1].tolist()
        if max(abs(x1 - x0), abs(y1 - y0), abs(x2 - x0), abs(y2 - y0)) < self._speck_px:
            return
        if self.style == "lineless" and not self.features:
            return
        if len(points) < 3:
            points = np.array([points[0], (points[0] + points[-1]) / 2, points[-1]])
        if self.style == "rough":
            self._rough(points, rgb, width)
            return
        half = np.full(len(points), 0.5 * self.line_px)
        if self.style in _EVEN:
            half *= _EVEN[self.style] * (1.0 if width < 1.6 or not self.features else width / 1.3)
        else:
            half *= width * _swell(len(points), *ends)
        left, right = sides(points, half)
        cv2.fillPoly(self.image, [fixed(np.concatenate([left, right[::-1]]))], (*rgb, 255), cv2.LINE_AA, _SHIFT)

    def _rough(self, points_N2: np.ndarray, rgb: Rgb, width: float) -> None:
        """The line searched for: three strokes beside each other that start and stop where they like."""
        rng = np.random.default_rng(int(np.abs(points_N2).sum() * 8) % (1 << 31))
        n = len(points_N2)
        t = np.linspace(0, 1, n)
        for k in range(3):
            first, last = rng.uniform(0.0, 0.12), rng.uniform(0.88, 1.0)
            part = (t >= first) & (t <= last)
            if part.sum() < 3:
                continue
            wobble = np.sin(2 * np.pi * (t * rng.uniform(0.5, 1.6) + rng.random()))[:, None] * rng.normal(0, 0.9, 2)
            moved = points_N2 + (rng.normal(0, 1.2, 2) + wobble) * self.line_px * (0.4 + 0.4 * k)
            half = _swell(int(part.sum()), 0.2, 0.2) * (0.40 * max(width, 1.1) * self.line_px)
            left, right = sides(moved[part], half)
            cv2.fillPoly(self.image, [fixed(np.concatenate([left, right[::-1]]))], (*rgb, 255), cv2.LINE_AA, _SHIFT)

    def band(self, points_N2, half_widths_N, rgb: Rgb) -> None:
        """A shape given by its middle line and half widths in local units."""
        left, right = sides(np.asarray(points_N2, float), np.asarray(half_widths_N, float))
        self.fill(np.concatenate([left, right[::-1]]), rgb)

    def shade(self, shape_N2, clip_N2, rgb: Rgb, share: float = 1.0) -> None:
        """Paint `shape` where it lies inside `clip`: hard cel shadows, highlights; `share` < 1 is translucent."""
        shape = fixed(self.px(shape_N2))
        ax, ay, aw, ah = cv2.boundingRect(shape)
        if max(aw, ah) < 16 * self._speck_px:
            return
        clip = fixed(self.px(clip_N2))
        bx, by, bw, bh = cv2.boundingRect(clip)
        x0, y0 = max(max(ax, bx) // 16 - 1, 0), max(max(ay, by) // 16 - 1, 0)
        x1 = min(min(ax + aw, bx + bw) // 16 + 2, self.image.shape[1])
        y1 = min(min(ay + ah, by + bh) // 16 + 2, self.image.shape[0])
        if x1 <= x0 or y1 <= y0:
            return
        inside = np.zeros((y1 - y0, x1 - x0), np.uint8)
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        offset = np.array([x0 * 16, y0 * 16], np.int32)
        cv2.fillPoly(inside, [clip - offset], 255, cv2.LINE_AA, _SHIFT)
        cv2.fillPoly(mask, [shape - offset], round(255 * share), cv2.LINE_AA, _SHIFT)
        mask = cv2.min(mask, inside)
        region = self.image[y0:y1, x0:x1]
        # Alpha stays: the mask is cut to what is painted already, and adds its own share back.
        mask = cv2.multiply(mask, cv2.extractChannel(region, 3), scale=1 / 255)
        keep = cv2.bitwise_not(mask)
        paint = cv2.merge([*(cv2.convertScaleAbs(mask, alpha=c / 255) for c in rgb), mask])
        self.image[y0:y1, x0:x1] = cv2.add(cv2.multiply(region, cv2.merge([keep] * 4), scale=1 / 255), paint)

    def dot(self, centre_2, radii: tuple[float, float], rgb: Rgb, clip_N2=None, share: float = 1.0) -> None:
        """An ellipse, clipped where `clip_N2` is given."""
        shape = np.asarray(centre_2, float) + _CIRCLE * np.asarray(radii)
        if clip_N2 is None and share == 1.0:
            self.fill(shape, rgb)
        else:
            self.shade(shape, shape if clip_N2 is None else clip_N2, rgb, share)


_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 24, endpoint=False)),
                    np.sin(np.linspace(0, 2 * np.pi, 24, endpoint=False))], 1)  # fmt: skip


def over(frame_HW3: np.ndarray, cel_HW4: np.ndarray) -> None:
    """Lay a premultiplied cel over an RGB picture of the same size, in place."""
    red, green, blue, alpha = cv2.split(cel_HW4)
    keep = cv2.bitwise_not(alpha)
    kept = cv2.multiply(frame_HW3, cv2.merge([keep, keep, keep]), scale=1 / 255)
    cv2.add(kept, cv2.merge([red, green, blue]), dst=kept)
    frame_HW3[...] = kept
