"""Brushes that effect animation shares: where it stands, smooth outlines, puffs, streaks, added light. In place."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from anicaption.drawn.effects import Spot
from anicaption.drawn.ink import Rgb, fixed, sides, spline


@dataclass(frozen=True)
class Scene:
    """One drawing of an element: the frame it is drawn on, its number, and how far its course is (0..1)."""

    frame: np.ndarray
    seed: int
    beat: int
    turn: int
    course: float
    spot: Spot

    @property
    def h(self) -> int:
        """Rows of the frame, the unit of lengths."""
        return self.frame.shape[0]

    def rng(self, what: int) -> np.random.Generator:
        """Lots that are the same whenever `what` is."""
        return np.random.default_rng([self.seed, 9, what])

    @property
    def x(self) -> float:
        """Where on the ground it happens: away from the figure, elsewhere at every turn of its course."""
        width = self.frame.shape[1]
        lot = self.rng(1000 + self.turn).uniform(0.12, 0.38)
        return width * (1 - lot if self.spot.x < width / 2 else lot)

    @property
    def y(self) -> float:
        return self.h * self.rng(2000 + self.turn).uniform(0.84, 0.93)


def paint(frame: np.ndarray, points_N2, rgb: Rgb) -> None:
    """A flat shape."""
    cv2.fillPoly(frame, [fixed(np.asarray(points_N2, float))], rgb, cv2.LINE_AA, 4)


def blob(points_N2, per: int = 5) -> np.ndarray:
    """A smooth closed outline through points."""
    return spline(points_N2, per, closed=True)


def ragged_ring(centre, radius: float, n: int, amount: float, phase: float) -> np.ndarray:
    """A round outline with n lobes that turn with `phase`."""
    angles = np.arange(n) * 2 * np.pi / n
    reach = radius * (1 + amount * np.sin(angles * 3 + 1.3 * phase) + 0.6 * amount * np.cos(angles * 5 - 2.1 * phase))
    return blob(np.asarray(centre, float) + np.stack([np.cos(angles) * reach, np.sin(angles) * reach], 1), 4)


def streak(frame: np.ndarray, a, b, half_px: float, rgb: Rgb) -> None:
    """A line pointed at both ends."""
    line = np.array([a, (np.asarray(a) + np.asarray(b)) / 2, b], float)
    left, right = sides(line, half_px * np.array([0.1, 1.0, 0.1]))
    paint(frame, np.concatenate([left, right[::-1]]), rgb)


def swoosh(frame: np.ndarray, line_N2: np.ndarray, half_px: float, rgb: Rgb, share: float = 1.0) -> None:
    """A curved stroke that swells in the middle, translucent by `share`."""
    t = np.linspace(0, 1, len(line_N2))
    left, right = sides(line_N2, half_px * np.sin(np.pi * t) ** 0.8 + 0.2)
    if share >= 1.0:
        paint(frame, np.concatenate([left, right[::-1]]), rgb)
        return
    before = frame.copy()
    paint(frame, np.concatenate([left, right[::-1]]), rgb)
    frame[...] = cv2.addWeighted(before, 1 - share, frame, share, 0)


def add(frame: np.ndarray, centre, radius: float, rgb: Rgb, share: float) -> None:
    """Light added around a point, falling off softly."""
    height, width = frame.shape[:2]
    x0, x1 = max(0, int(centre[0] - 2 * radius)), min(width, int(centre[0] + 2 * radius) + 1)
    y0, y1 = max(0, int(centre[1] - 2 * radius)), min(height, int(centre[1] + 2 * radius) + 1)
    if x1 <= x0 or y1 <= y0 or share <= 0:
        return
    across = (np.arange(x0, x1) - centre[0]) / radius
    down = (np.arange(y0, y1) - centre[1]) / radius
    fall = share * np.exp(-2.2 * (down[:, None] ** 2 + across[None] ** 2))
    light = (fall[..., None] * np.array(rgb, float)).astype(np.uint8)
    frame[y0:y1, x0:x1] = cv2.add(np.ascontiguousarray(frame[y0:y1, x0:x1]), light)


def rising(s: Scene, tones: tuple[Rgb, Rgb, Rgb], n: int, tall: float, size: float) -> None:
    """A column of puffs in three paints, each rising and swelling until it is gone."""
    puffs = s.rng(0).uniform(0, 1, (n, 3))
    ages = (puffs[:, 0] + s.beat / 16) % 1.0
    for i in np.argsort(-ages):
        age, (_, sway, big) = ages[i], puffs[i]
        r = s.h * size * (0.35 + 0.8 * age) * (0.6 + 0.6 * big) * min(1.0, 6 * (1 - age))
        x = s.x + s.h * (0.10 * (sway - 0.5) + 0.16 * age * (sway - 0.35)) + 0.02 * s.h * np.sin(3 * age + 6 * sway)
        y = s.y - s.h * tall * age
        for tone, lift, share in zip(tones, (0.0, 0.16, 0.34), (1.0, 0.82, 0.50)):
            ring = ragged_ring((x - 0.5 * lift * r, y - lift * r), share * r, 11, 0.09, 0.5 * s.beat + 5 * sway)
            paint(s.frame, ring, tone)
