"""Painting boards: large opaque or transparent pictures in artwork coordinates, and the brushes for them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from anicaption.drawn.ink import Rgb, fixed, mix

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Plane:
    """One finished sheet of artwork. Its pixel (0, 0) lies at artwork (`x0`, `y0`); `unit_px` pixels per frame height.

    `image` is RGB, or premultiplied RGBA where other planes show through. `factor` is its share of the camera's
    travel (1 = the main plane); `in_front` planes lie over the figure.
    """

    image: np.ndarray
    x0: float
    y0: float
    unit_px: float
    factor: float = 1.0
    in_front: bool = False


class Board:
    """An unfinished sheet covering the artwork box (x0, y0, x1, y1), in frame heights."""

    def __init__(self, box: Box, unit_px: float, transparent: bool, rng: np.random.Generator) -> None:
        self.box, self.unit_px, self.rng = box, unit_px, rng
        self.x0, self.y0, self.x1, self.y1 = box
        self.cel = False  # painted on cels: flat and clean, without the marks of a brush
        size = (int(np.ceil((self.y1 - self.y0) * unit_px)) + 1, int(np.ceil((self.x1 - self.x0) * unit_px)) + 1)
        self.image = np.zeros((*size, 4 if transparent else 3), np.uint8)

    def px(self, points_N2) -> np.ndarray:
        return (np.asarray(points_N2, float) - [self.x0, self.y0]) * self.unit_px

    def shape(self, points_N2, rgb: Rgb) -> None:
        cv2.fillPoly(self.image, [fixed(self.px(points_N2))], (*rgb, 255), cv2.LINE_AA, 4)

    def rect(self, x0: float, y0: float, x1: float, y1: float, rgb: Rgb) -> None:
        (a, b), (c, d) = np.rint(self.px([[x0, y0], [x1, y1]])).astype(int)
        height, width = self.image.shape[:2]
        a, b, c, d = max(a, 0), max(b, 0), min(c, width), min(d, height)
        if c > a and d > b:
            self.image[b:d, a:c] = (*rgb, 255)[: self.image.shape[2]]

    def stroke(self, points_N2, rgb: Rgb, width: float) -> None:
        points = fixed(self.px(points_N2))
        cv2.polylines(self.image, [points], False, (*rgb, 255), max(1, round(width * self.unit_px)), cv2.LINE_AA, 4)

    def dab(self, x: float, y: float, rx: float, ry: float, rgb: Rgb, turn_deg: float = 0.0) -> None:
        """One touch of a round brush."""
        if not (self.x0 - rx < x < self.x1 + rx and self.y0 - ry < y < self.y1 + ry):
            return
        unit = self.unit_px * 16
        centre = (int((x - self.x0) * unit), int((y - self.y0) * unit))
        axes = (max(8, int(rx * unit)), max(8, int(ry * unit)))
        cv2.ellipse(self.image, centre, axes, turn_deg, 0, 360, (*rgb, 255), -1, cv2.LINE_AA, 4)

    def glow(self, x: float, y: float, radius: float, rgb: Rgb, share: float) -> None:
        """Light that fades out softly around a point, towards `rgb` by `share` at the middle."""
        low = np.maximum(np.rint(self.px([[x - 2 * radius, y - 2 * radius]])[0]).astype(int), 0)
        high = np.rint(self.px([[x + 2 * radius, y + 2 * radius]])[0]).astype(int)
        region = self.image[low[1] : max(0, high[1]), low[0] : max(0, high[0])]
        if region.size == 0:
            return
        rows = (np.arange(region.shape[0]) + low[1]) / self.unit_px + self.y0 - y
        columns = (np.arange(region.shape[1]) + low[0]) / self.unit_px + self.x0 - x
        falloff = np.exp(-(rows[:, None] ** 2 + columns[None] ** 2) / (0.5 * radius**2))
        part = region[..., :3].astype(np.float32)
        region[..., :3] = np.rint(
            part + (np.array(rgb, np.float32) - part) * (share * falloff[..., None]).astype(np.float32)
        )

    def gradient(self, y0: float, y1: float, stops: tuple[Rgb, ...]) -> None:
        """A vertical gradient through `stops` over the full width between `y0` and `y1`, held beyond `stops`' ends."""
        top = max(0, int(np.floor((y0 - self.y0) * self.unit_px)))
        bottom = min(self.image.shape[0], int(np.ceil((y1 - self.y0) * self.unit_px)))
        if bottom <= top:
            return
        t = ((np.arange(top, bottom) / self.unit_px + self.y0) - y0) / (y1 - y0) * (len(stops) - 1)
        rows = np.stack([np.interp(t, np.arange(len(stops)), [rgb[c] for rgb in stops]) for c in range(3)], 1)
        self.image[top:bottom, :, :3] = np.rint(rows)[:, None].astype(np.uint8)
        if self.image.shape[2] == 4:
            self.image[top:bottom, :, 3] = 255

    def noise(self, cell: float, stretch: float = 1.0) -> np.ndarray:
        """Smooth noise in -1..1 over the board, `cell` frame heights per lump, float32 (H, W)."""
        height, width = self.image.shape[:2]
        rows = int(height / (cell * self.unit_px)) + 3
        columns = int(width / (cell * stretch * self.unit_px)) + 3
        small = self.rng.random((rows, columns), np.float32) * 2 - 1
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)

    def ragged(self, amount: float, cell: float = 0.02) -> None:
        """Roughen every edge like a dry brush, by `amount` frame heights."""
        height, width = self.image.shape[:2]
        reach = amount * self.unit_px
        if reach < 0.4 or self.cel:
            return
        across, down = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        self.image = cv2.remap(
            self.image, across + self.noise(cell) * reach, down + self.noise(cell) * reach,
            cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT,
        )  # fmt: skip

    def washed(self, amount: float, cell: float = 0.12) -> None:
        """Uneven paint: lumps lighter and darker by `amount` (share of full white), and a little brush grain."""
        if self.cel:
            return
        lumps = self.noise(cell, 1.6) * 0.75 + self.noise(cell / 8, 2.0) * 0.25
        gain = np.clip(np.rint(128 * (1 + amount * lumps)), 0, 255).astype(np.uint8)
        colours = cv2.multiply(self.image[..., :3].copy(), cv2.merge([gain, gain, gain]), scale=1 / 128)
        if self.image.shape[2] == 4:
            alpha = np.ascontiguousarray(self.image[..., 3])
            colours = cv2.min(colours, cv2.merge([alpha, alpha, alpha]))
        self.image[..., :3] = colours

    def haze(self, y0: float, y1: float, rgb: Rgb, share: float) -> None:
        """Air: paint fades towards `rgb` from nothing at `y0` to `share` at `y1` (frame heights)."""
        rows = np.arange(self.image.shape[0]) / self.unit_px + self.y0
        t = np.clip((rows - y0) / (y1 - y0), 0, 1) * share
        t[(rows > max(y0, y1)) | (rows < min(y0, y1))] = 0
        touched = np.flatnonzero(t)
        if len(touched):
            a, b = touched[0], touched[-1] + 1
            part = self.image[a:b].astype(np.float32)
            colour = np.array((*rgb, 255)[: part.shape[2]], np.float32)
            if part.shape[2] == 4:
                colour = colour * part[..., 3:4] / 255
            self.image[a:b] = np.rint(part + (colour - part) * t[a:b, None, None].astype(np.float32))

    def blurred(self, sigma: float) -> None:
        """Out of focus by `sigma` frame heights. Blurs a reduced copy where that looks the same and costs less."""
        sigma_px = sigma * self.unit_px
        height, width = self.image.shape[:2]
        shrink = 4 if sigma_px > 8 else 2 if sigma_px > 4 else 1
        small = self.image
        if shrink > 1:
            small = cv2.resize(small, (max(1, width // shrink), max(1, height // shrink)), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), max(0.3, sigma_px / shrink), borderType=cv2.BORDER_REFLECT)
        self.image = small if shrink == 1 else cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)

    def plane(self, factor: float = 1.0, in_front: bool = False) -> Plane:
        return Plane(self.image, self.x0, self.y0, self.unit_px, factor, in_front)


def ridge(rng: np.random.Generator, x0: float, x1: float, height: float, step: float, roughness: float = 0.55):
    """A mountain line (N, 2): midpoint displacement between x0 and x1, heights in 0..`height`."""
    levels = max(3, int(np.ceil(np.log2((x1 - x0) / step))))
    heights = rng.random(2 + int((x1 - x0) / (4 * height) + 1))
    size = 1.0
    for _ in range(levels):
        size *= roughness
        middle = (heights[1:] + heights[:-1]) / 2 + size * 0.5 * (rng.random(len(heights) - 1) - 0.5)
        merged = np.empty(len(heights) + len(middle))
        merged[0::2], merged[1::2] = heights, middle
        heights = merged
        if len(heights) > (x1 - x0) / step:
            break
    heights = (heights - heights.min()) / (np.ptp(heights) + 1e-9)
    return np.stack([np.linspace(x0, x1, len(heights)), heights * height], 1)


def lighter(rgb: Rgb, share: float) -> Rgb:
    return mix(rgb, (255, 255, 255), share)


def darker(rgb: Rgb, share: float) -> Rgb:
    return mix(rgb, (20, 20, 50), share)
