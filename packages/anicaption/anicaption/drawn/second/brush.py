"""Line and paint of the second hand: parts are groups of polygons, inked from outside, shaded by their own shift.

A cel is premultiplied RGBA uint8 (H, W, 4), painted without antialiasing several times larger and shrunk at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

Rgb = tuple[int, int, int]
_SHIFT = 3
# Stroke widths of style.line as shares of the frame height; what is missing here has no even width.
LINE_WIDTH = {
    "lineless": 0.0, "thin_uniform": 0.0026, "medium_uniform": 0.0044, "bold": 0.0105, "tapered_brush": 0.0066,
    "rough": 0.0034, "colored_trace": 0.0042,
}  # fmt: skip
SHADINGS = ("no_shadow", "two_tone", "three_tone", "black_shadow", "soft_gradient", "painterly", "hatched")
_INK: Rgb = (34, 30, 44)
_LEAD: Rgb = (74, 74, 76)
_BLANK: Rgb = (247, 247, 245)


def blend(a: Rgb, b: Rgb, share: float) -> Rgb:
    """`share` of b in a."""
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b))  # pyright: ignore[reportReturnType]


def scaled(a: Rgb, factor: Sequence[float]) -> Rgb:
    return tuple(int(min(255, max(0, round(x * f)))) for x, f in zip(a, factor))  # pyright: ignore[reportReturnType]


def whole(points_N2: np.ndarray) -> np.ndarray:
    """Pixel points as fixed-point int32 for cv2 with `_SHIFT` fractional bits."""
    return np.rint(np.asarray(points_N2) * (1 << _SHIFT)).astype(np.int32)


def ellipse(centre, rx: float, ry: float, turn_deg: float = 0.0, n: int = 26, start=0.0, end=360.0) -> np.ndarray:
    """Points (n, 2) of an ellipse, or of an arc of it, clockwise on the picture."""
    t = np.radians(np.linspace(start, end, n, endpoint=end - start < 360))
    turn = np.radians(turn_deg)
    points = np.stack([rx * np.cos(t), ry * np.sin(t)], 1)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return points @ matrix + np.asarray(centre, float)


def capsule(a, b, ra: float, rb: float, n: int = 9) -> np.ndarray:
    """A limb: two half circles joined by straight sides."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    along = b - a
    angle = np.degrees(np.arctan2(along[1], along[0]))
    return np.concatenate(
        [ellipse(a, ra, ra, 0, n, angle + 90, angle + 270), ellipse(b, rb, rb, 0, n, angle - 90, angle + 90)]
    )


def superellipse(centre, rx: float, ry: float, power: float, n: int = 36) -> np.ndarray:
    """A rounded box; `power` 2 is an ellipse, larger is squarer."""
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    c, s = np.cos(t), np.sin(t)
    return np.stack([np.sign(c) * np.abs(c) ** (2 / power) * rx, np.sign(s) * np.abs(s) ** (2 / power) * ry], 1) + (
        np.asarray(centre, float)
    )


def noodle(points, widths, n: int = 14) -> np.ndarray:
    """A boneless limb: a quadratic arc through three points with widths from end to end, as one polygon."""
    a, b, c = (np.asarray(p, float) for p in points)
    t = np.linspace(0, 1, n)[:, None]
    bend = 2 * b - (a + c) / 2
    line = (1 - t) ** 2 * a + 2 * t * (1 - t) * bend + t**2 * c
    step = np.gradient(line, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], 1) / (np.linalg.norm(step, axis=1, keepdims=True) + 1e-9)
    half = np.interp(t[:, 0], np.linspace(0, 1, len(widths)), widths)[:, None]
    return np.concatenate([line + normal * half, (line - normal * half)[::-1]])


@dataclass(frozen=True)
class Manner:
    """How a shot is inked and shaded: values of style.line and style.shading, and the seed of the hand's tremor."""

    line: str
    shading: str
    seed: int = 0
    broken: float = 0.0  # motion.deformation line_breakup: how far strokes are torn and doubled
    pencil: bool = False  # an unpainted stage: grey lines on white, whatever the paint would be

    def __post_init__(self) -> None:
        if self.line not in LINE_WIDTH:
            raise ValueError(f"drawn.second.brush: line {self.line!r} is not one of {', '.join(LINE_WIDTH)}")
        if self.shading not in SHADINGS:
            raise ValueError(f"drawn.second.brush: shading {self.shading!r} is not one of {', '.join(SHADINGS)}")


class Easel:
    """One cel on the easel. `affine` (2, 3) takes the puppet's units to pixels of a cel of height_px by width_px."""

    def __init__(
        self, height_px: int, width_px: int, affine: np.ndarray, frame_px: float, manner: Manner, zoom: int
    ) -> None:
        self.zoom, self.manner, self._size = zoom, manner, (width_px, height_px)
        self.frame_px = frame_px * zoom
        self.image = np.zeros((height_px * zoom, width_px * zoom, 4), np.uint8)
        self.affine = np.asarray(affine, float) * zoom
        self.unit_px = float(np.sqrt(abs(np.linalg.det(self.affine[:, :2]))))
        self.line_px = LINE_WIDTH[manner.line] * self.frame_px
        self._rng = np.random.default_rng(manner.seed)

    def cel(self) -> np.ndarray:
        return cv2.resize(self.image, self._size, interpolation=cv2.INTER_AREA)

    def px(self, points_N2) -> np.ndarray:
        return np.asarray(points_N2, float) @ self.affine[:, :2].T + self.affine[:, 2]

    def part(self, polygons, rgb: Rgb, *, ink: float = 1.0, shade: float = 0.16, dark: Rgb | None = None) -> None:
        """Polygons that belong together: one outline around all of them, one paint, one shadow side.

        `ink` scales the line, `shade` is the depth of the shadow in units (0 for none).
        """
        polygons = [self.px(p) for p in (polygons if isinstance(polygons, list) else [polygons])]
        box = self._box(polygons)
        if box is None:
            return
        line = blend(scaled(rgb, (0.42, 0.36, 0.44)), _INK, 0.15) if self.manner.line == "colored_trace" else _INK
        if self.manner.pencil:
            rgb, line, ink = _BLANK, _LEAD, max(ink, 0.7)
        closed = [np.vstack([p, p[:1]]) for p in polygons]
        rough = self.manner.line == "rough" or self.manner.broken > 0
        if ink and not rough:
            for points in closed:
                self._stroke(points, line, 2 * ink, closed=True)
        for points in polygons:  # one by one: together, OpenCV leaves holes where they overlap
            cv2.fillPoly(self.image, [whole(points)], (*rgb, 255), cv2.LINE_8, _SHIFT)
        if shade and self.manner.shading != "no_shadow" and not self.manner.pencil:
            self._shade(polygons, box, rgb, shade, dark)
        if ink and rough:
            for points in closed:
                self._stroke(points, line, ink, closed=True)

    def flat(self, polygon, rgb: Rgb) -> None:
        """A patch without line or shadow."""
        points = self.px(polygon)
        if self.manner.pencil:
            grey = 150 + round(0.36 * (0.3 * rgb[0] + 0.6 * rgb[1] + 0.1 * rgb[2]))
            rgb = (grey, grey, grey)
        if self._box([points]) is not None:
            cv2.fillPoly(self.image, [whole(points)], (*rgb, 255), cv2.LINE_8, _SHIFT)

    def line(self, points_N2, rgb: Rgb | None = None, width: float = 1.0) -> None:
        """An open stroke of the shot's line; drawn in thin ink even where outlines are absent if a colour is given."""
        points = self.px(points_N2)
        if self._box([points]) is None or (self.line_px == 0 and rgb is None):
            return
        self._stroke(points, _LEAD if self.manner.pencil else rgb or _INK, width, closed=False)

    def _box(self, polygons: list[np.ndarray]) -> tuple[int, int, int, int] | None:
        """The pixels touched, (x0, y0, x1, y1), or None where nothing of them lies on the cel."""
        points = np.concatenate(polygons)
        x0, y0 = np.maximum(np.floor(points.min(0)).astype(int) - 1, 0)
        x1, y1 = np.minimum(np.ceil(points.max(0)).astype(int) + 2, self.image.shape[1::-1])
        return (int(x0), int(y0), int(x1), int(y1)) if x1 > x0 and y1 > y0 else None

    def _stroke(self, points: np.ndarray, rgb: Rgb, width: float, closed: bool) -> None:
        base = self.line_px if self.line_px else 0.0022 * self.frame_px if not closed else 0.0
        thick = base * width
        if thick <= 0:
            return
        paint = (*rgb, 255)
        style = self.manner.line
        if style == "rough" or self.manner.broken > 0:
            tear = self.manner.broken
            for _ in range(3 if tear else 2):
                wobble = self._rng.normal(0, base * (0.9 + 1.1 * tear if tear else 0.7), (len(points), 2))
                keep = self._rng.random(len(points)) > (0.2 + 0.12 * tear if tear else 0.08)
                moved = whole(points + wobble)
                for i in np.flatnonzero(keep[:-1]):
                    cv2.line(self.image, moved[i].tolist(), moved[i + 1].tolist(), paint, max(1, round(thick * 0.6)),
                             cv2.LINE_8, _SHIFT)  # fmt: skip
            return
        if style == "tapered_brush":
            n = len(points)
            t = np.linspace(0, 1, n - 1)
            swell = 0.55 + 0.45 * np.sin(2 * np.pi * (t + 0.1)) if closed else 0.25 + 0.85 * np.sin(np.pi * t)
            fixed = whole(points)
            for i, share in enumerate(swell):
                cv2.line(self.image, fixed[i].tolist(), fixed[i + 1].tolist(), paint, max(1, round(thick * share)),
                         cv2.LINE_8, _SHIFT)  # fmt: skip
            return
        cv2.polylines(self.image, [whole(points)], False, paint, max(1, round(thick)), cv2.LINE_8, _SHIFT)

    def _shade(self, polygons, box, rgb: Rgb, depth: float, dark: Rgb | None) -> None:
        x0, y0, x1, y1 = box
        if min(x1 - x0, y1 - y0) < 5 * self.zoom:
            return
        kind = self.manner.shading
        offset = np.array([x0, y0])
        body = np.zeros((y1 - y0, x1 - x0), np.uint8)
        for p in polygons:
            cv2.fillPoly(body, [whole(p - offset)], 255, cv2.LINE_8, _SHIFT)
        # Light comes from the upper right of the picture, whichever way the puppet faces.
        away = np.array([0.80, -0.55]) * depth * self.unit_px
        region = self.image[y0:y1, x0:x1]
        dark = dark or scaled(rgb, (0.62, 0.58, 0.68))
        unlit = self._unlit(body, polygons, offset, away)
        if kind == "two_tone":
            _paint(region, unlit, dark)
        elif kind == "three_tone":
            _paint(region, unlit, dark)
            _paint(region, self._unlit(body, polygons, offset, 0.45 * away), scaled(dark, (0.62, 0.58, 0.68)))
            _paint(region, self._unlit(body, polygons, offset, -0.35 * away), blend(rgb, (255, 250, 235), 0.45))
        elif kind == "black_shadow":
            _paint(region, unlit, (18, 16, 26))
        elif kind == "soft_gradient":
            soft = cv2.GaussianBlur(
                self._unlit(body, polygons, offset, 1.5 * away), (0, 0), max(1.0, depth * 0.8 * self.unit_px)
            )
            _mix_in(region, body, soft, dark)
        elif kind == "painterly":
            noise = cv2.resize(self._rng.random((5, 9), np.float32), body.shape[::-1], interpolation=cv2.INTER_CUBIC)
            soft = cv2.GaussianBlur(unlit, (0, 0), max(1.0, depth * 0.25 * self.unit_px))
            bristle = self._rng.normal(0, 22, (body.shape[0], 1)).astype(np.float32)
            tone = np.clip(soft * (0.55 + 0.75 * noise) + bristle * (soft > 20), 0, 255).astype(np.uint8)
            _mix_in(region, body, tone, dark)
        elif kind == "hatched":
            step = max(3.0, 0.0085 * self.frame_px)
            v, u = np.mgrid[y0:y1, x0:x1].astype(np.float32)
            lines = ((u + v) % step < 0.34 * step).astype(np.uint8) * 255
            _paint(region, cv2.min(unlit, lines), _INK)

    def _unlit(self, body: np.ndarray, polygons, offset, away) -> np.ndarray:
        lit = np.zeros_like(body)
        for p in polygons:
            cv2.fillPoly(lit, [whole(p - offset + away)], 255, cv2.LINE_8, _SHIFT)
        return cv2.subtract(body, lit)


def _paint(region: np.ndarray, mask: np.ndarray, rgb: Rgb) -> None:
    region[mask > 127] = (*rgb, 255)


def _mix_in(region: np.ndarray, body: np.ndarray, share: np.ndarray, rgb: Rgb) -> None:
    weight = cv2.min(body, share).astype(np.float32)[..., None] / 255
    region[..., :3] = np.rint(region[..., :3] + (np.array(rgb, np.float32) - region[..., :3]) * weight)


def lay(frame_HW3: np.ndarray, cel_HW4: np.ndarray) -> None:
    """A premultiplied cel over a picture of the same size, in place."""
    keep = cv2.bitwise_not(cel_HW4[..., 3])
    kept = cv2.multiply(frame_HW3, cv2.cvtColor(keep, cv2.COLOR_GRAY2RGB), scale=1 / 255)
    cv2.add(kept, cel_HW4[..., :3], dst=kept)
    frame_HW3[...] = kept
