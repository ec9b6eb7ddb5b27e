"""Painting paper of the second hand: gouache masses with bristle and paper grain on one large sheet of artwork."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from anicaption.drawn.second.brush import Rgb, blend, ellipse, whole

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Sheet:
    """A finished sheet: RGB, or premultiplied RGBA. Pixel (0, 0) lies at artwork (x0, y0); `factor` of the
    camera's travel."""

    image: np.ndarray
    x0: float
    y0: float
    unit_px: float
    factor: float = 1.0
    in_front: bool = False


def cloudy(
    shape: tuple[int, int], cells: tuple[float, float], rng: np.random.Generator, octaves: int = 4
) -> np.ndarray:
    """Smooth noise about 0, roughly -1..1, float32; `cells` is (rows, columns) of the coarsest octave."""
    height, width = shape
    total = np.zeros(shape, np.float32)
    for k in range(octaves):
        rows, columns = (max(2, int(np.ceil(c * 2**k)) + 1) for c in cells)
        if rows > height or columns > width:
            break
        coarse = rng.standard_normal((rows, columns)).astype(np.float32)
        total += 0.55**k * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return total * 0.5


class Paper:
    """An unfinished sheet of the artwork `box` (frame heights). `flat` leaves out all texture, `outlined`
    inks every mass."""

    def __init__(
        self, box: Box, unit_px: float, clear: bool, seed: int, flat: bool = False, outlined: bool = False
    ) -> None:
        self.x0, self.y0, self.x1, self.y1 = box
        self.unit_px, self.flat, self.outlined = unit_px, flat, outlined
        self.rng = np.random.default_rng(seed)
        height, width = (int(np.ceil((b - a) * unit_px)) + 1 for a, b in ((self.y0, self.y1), (self.x0, self.x1)))
        self.image = np.zeros((height, width, 3), np.uint8)
        self.alpha = np.zeros((height, width), np.uint8) if clear else None
        span = (self.y1 - self.y0, self.x1 - self.x0)
        # Long horizontal bristles over broad washes.
        self._bristle = cloudy((height, width), (span[0] * 26, span[1] * 3.0), self.rng, 2)
        self._wash = cloudy((height, width), (span[0] * 1.7, span[1] * 1.7), self.rng, 4)

    def px(self, points_N2) -> np.ndarray:
        return (np.asarray(points_N2, float) - [self.x0, self.y0]) * self.unit_px

    def mass(
        self,
        polygon,
        top: Rgb,
        bottom: Rgb | None = None,
        wash: float = 0.10,
        bristle: float = 0.05,
        ragged: float = 0.0,
    ) -> None:
        """A painted shape: colour from `top` to `bottom`, uneven by `wash` and `bristle`; `ragged` frays its edge."""
        points = self.px(polygon)
        low = np.maximum(np.floor(points.min(0)).astype(int) - 1, 0)
        high = np.minimum(np.ceil(points.max(0)).astype(int) + 2, self.image.shape[1::-1])
        if (high <= low).any():
            return
        (x0, y0), (x1, y1) = low, high
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(mask, [whole(points - low)], 255, cv2.LINE_AA, 3)
        wash, bristle = (0.0, 0.0) if self.flat else (wash, bristle)
        if ragged and not self.flat:
            edge = cv2.GaussianBlur(mask, (0, 0), max(0.8, ragged * self.unit_px)).astype(np.float32)
            mask = np.clip(
                (edge - 128 + 70 * (self._bristle[y0:y1, x0:x1] + self._wash[y0:y1, x0:x1])) * 4, 0, 255
            ).astype(np.uint8)
        t = np.linspace(0, 1, y1 - y0, dtype=np.float32)[:, None, None]
        stops = np.array(top, np.float32), np.array(bottom or top, np.float32)
        paint = stops[0] + (stops[1] - stops[0]) * t
        if wash or bristle:
            tone = 1 + wash * self._wash[y0:y1, x0:x1] + bristle * self._bristle[y0:y1, x0:x1]
            paint = paint * tone[..., None]
        else:
            paint = np.broadcast_to(paint, (y1 - y0, x1 - x0, 3))
        paint = np.clip(paint, 0, 255).astype(np.uint8)
        share = cv2.merge([mask] * 3)
        part = self.image[y0:y1, x0:x1]
        part[...] = cv2.add(cv2.multiply(part, 255 - share, scale=1 / 255), cv2.multiply(paint, share, scale=1 / 255))
        if self.alpha is not None:
            cv2.max(self.alpha[y0:y1, x0:x1], mask, dst=self.alpha[y0:y1, x0:x1])
        if self.outlined:
            closed = np.vstack([points, points[:1]])
            self._ink(closed, blend(bottom or top, (34, 28, 40), 0.75), 0.0042)

    def patch(self, polygon, rgb: Rgb) -> None:
        """A small flat shape."""
        self._fill([whole(self.px(polygon))], rgb)

    def patches(self, polygons: list, rgb: Rgb) -> None:
        """Many small flat shapes of one colour that do not overlap."""
        if polygons:
            self._fill([whole(self.px(p)) for p in polygons], rgb)

    def _fill(self, shapes: list[np.ndarray], rgb: Rgb) -> None:
        cv2.fillPoly(self.image, shapes, rgb, cv2.LINE_AA, 3)
        if self.alpha is not None:
            cv2.fillPoly(self.alpha, shapes, 255, cv2.LINE_AA, 3)
        if self.outlined:
            for shape in shapes:
                if np.ptp(shape, axis=0).min() > 0.02 * 8 * self.unit_px:
                    self._ink(np.vstack([shape, shape[:1]]) / 8, blend(rgb, (34, 28, 40), 0.75), 0.0036)

    def cut(self, polygon) -> None:
        """A hole in a clear sheet, through which the planes behind show."""
        if self.alpha is not None:
            cv2.fillPoly(self.alpha, [whole(self.px(polygon))], 0, cv2.LINE_AA, 3)

    def rect(self, x0: float, y0: float, x1: float, y1: float, rgb: Rgb) -> None:
        self.patch([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], rgb)

    def disc(self, x: float, y: float, rx: float, ry: float, rgb: Rgb) -> None:
        self.patch(ellipse((x, y), rx, ry, 0, 20), rgb)

    def stroke(self, points, rgb: Rgb, width: float) -> None:
        self._ink(self.px(points), rgb, width)

    def _ink(self, points_px: np.ndarray, rgb: Rgb, width: float) -> None:
        thick = max(1, round(width * self.unit_px))
        cv2.polylines(self.image, [whole(points_px)], False, rgb, thick, cv2.LINE_AA, 3)
        if self.alpha is not None:
            cv2.polylines(self.alpha, [whole(points_px)], False, 255, thick, cv2.LINE_AA, 3)

    def everything(self) -> np.ndarray:
        """The whole sheet as a polygon."""
        return np.array([(self.x0, self.y0), (self.x1, self.y0), (self.x1, self.y1), (self.x0, self.y1)])

    def below(self, line_N2) -> np.ndarray:
        """All of the sheet below a line from left to right."""
        return np.concatenate(
            [np.asarray(line_N2, float), [(self.x1 + 0.1, self.y1 + 0.1), (self.x0 - 0.1, self.y1 + 0.1)]]
        )

    def skyline(self, y: float, rise: float, period: float, octaves: int = 4) -> np.ndarray:
        """A ridge over the sheet's width: sums of sines, so it may be any length."""
        x = np.arange(self.x0 - 0.1, self.x1 + 0.1, 0.02)
        line = sum(0.6**k * np.sin(2 * np.pi * (x * 2**k / period + self.rng.random())) for k in range(octaves))
        return np.stack([x, y - rise * line], 1)

    def aired(self, y0: float, y1: float, rgb: Rgb, share: float) -> None:
        """Mist that thickens from y0 to y1 and ends there."""
        rows = np.arange(self.image.shape[0]) / self.unit_px + self.y0
        t = np.where((rows >= y0) & (rows <= y1), (rows - y0) / max(y1 - y0, 1e-6), 0.0) * share
        touched = np.flatnonzero(t)
        if len(touched) == 0:
            return
        a, b = touched[0], touched[-1] + 1
        part = self.image[a:b].astype(np.float32)
        self.image[a:b] = np.rint(part + (np.array(rgb, np.float32) - part) * t[a:b, None, None].astype(np.float32))

    def lit(self, x: float, y: float, radius: float, rgb: Rgb, share: float) -> None:
        """A soft disc of light."""
        low = np.maximum(np.rint(self.px([(x - 2 * radius, y - 2 * radius)])[0]).astype(int), 0)
        high = np.rint(self.px([(x + 2 * radius, y + 2 * radius)])[0]).astype(int)
        part = self.image[low[1] : max(0, high[1]), low[0] : max(0, high[0])]
        if part.size == 0:
            return
        v = (np.arange(part.shape[0]) + low[1]) / self.unit_px + self.y0 - y
        u = (np.arange(part.shape[1]) + low[0]) / self.unit_px + self.x0 - x
        fall = np.clip(1 - np.sqrt(v[:, None] ** 2 + u[None] ** 2) / (2 * radius), 0, 1)[..., None] ** 2
        part[...] = np.rint(part + (np.array(rgb) - part.astype(np.float32)) * share * fall)

    def sheet(self, factor: float = 1.0, in_front: bool = False) -> Sheet:
        """The finished sheet, with the grain of the paper in it."""
        image = self.image
        if not self.flat:
            grain = self.rng.normal(0, 1, image.shape[:2]).astype(np.float32)
            grain = cv2.GaussianBlur(grain, (0, 0), max(0.5, 0.0018 * self.unit_px))
            gain = np.clip(128 * (1 + 0.030 * grain / (grain.std() + 1e-6)), 0, 255).astype(np.uint8)
            image = cv2.multiply(image, cv2.merge([gain] * 3), scale=1 / 128)
        if self.alpha is not None:
            image = cv2.merge([*cv2.split(cv2.multiply(image, cv2.merge([self.alpha] * 3), scale=1 / 255)), self.alpha])
        return Sheet(image, self.x0, self.y0, self.unit_px, factor, in_front)
