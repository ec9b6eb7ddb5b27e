"""vfx.composite: the surface of the picture, read from the single pixels of a few looks.

Grain is fine change from frame to frame in the calmest blocks, alike in all of them; paper is fine structure there that
stands still; a screen of dots has two directions of one period in its spectrum, scan lines have one, upright; a poor
lens moves red edges against blue ones; a vignette darkens all four corners; in a negative the tones turn round between
two frames and what was ink is light.
"""

from __future__ import annotations

import math
from array import array
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from anicaption.measure.looks import Look
from anicaption.tracks import Event

COLUMNS = (
    "grain", "grain_even", "tooth", "tooth_even", "dots", "scan", "upright", "colour_apart", "corners", "ink_polarity",
)  # fmt: skip
TURN = "tone_turn"
_BLOCK_PX = 16
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_LEAST_BLOCKS = 0.25  # share of the blocks that must be of middle luma
_DARK, _LIGHT = 30, 232  # mean luma between which grain shows
_SAME = 6  # grey levels by which a block's mean may change
_CALMEST, _CALM = 0.04, 0.2  # quantile of the blocks that are calm
_SLOW = 0.03  # cycles per pixel under which a pattern is a part of the picture
_PATTERNED = 8.0  # tooth under which no pattern covers the picture
_BLACK = 26  # brightest value of a row of a matte


def look(look: Look) -> dict[str, float]:
    """The numbers of one look."""
    numbers = _grain(look)
    numbers |= (
        _screens(look) if numbers.get("tooth", 99.0) >= _PATTERNED else {"dots": 0.0, "scan": 0.0, "upright": 0.0}
    )
    numbers["colour_apart"] = _colour_apart(look)
    numbers["corners"] = _corners(look.small)
    numbers["ink_polarity"] = _polarity(look)
    return numbers


class TurnWatch:
    """How the tones of each frame go with those of the frame before: -1 where a picture turned to its negative."""

    def __init__(self) -> None:
        self._row = array("f")
        self._before: np.ndarray | None = None

    def see(self, rgb: np.ndarray) -> None:
        """RGB uint8 (H, W, 3)."""
        now = rgb[2::6, 2::6] @ _LUMA
        now -= now.mean()
        turn = math.nan
        if self._before is not None and self._before.shape == now.shape:
            size = float(np.sqrt(np.vdot(now, now) * np.vdot(self._before, self._before)))
            turn = float(np.vdot(now, self._before)) / size if size > 1 else math.nan
        self._row.append(turn)
        self._before = now

    def columns(self) -> dict[str, np.ndarray]:
        return {TURN: np.array(self._row, np.float32)}

    def events(self) -> tuple[Event, ...]:
        return ()


def _means(picture: np.ndarray) -> np.ndarray:
    """Means of the blocks of a tile, flat."""
    n = picture.shape[0] // _BLOCK_PX
    return cv2.resize(picture, (n, n), interpolation=cv2.INTER_AREA).ravel()


def _rough(picture: np.ndarray) -> np.ndarray:
    """What is fine in each block of a tile: spread of what a box of 9 pixels leaves, grey levels."""
    fine = picture - cv2.blur(picture, (9, 9))
    return np.sqrt(np.maximum(_means(fine * fine) - np.square(_means(fine)), 0))


def _grain(look: Look) -> dict[str, float]:
    """Fine change from frame to frame, and fine structure, in the calmest blocks of middle luma; grey levels."""
    change, fine, n_blocks = [], [], 0
    for now, before in zip(look.grey(), look.grey("before"), strict=True):
        apart = now - before
        level = _means(now)
        n_blocks += len(level)
        kept = (level > _DARK) & (level < _LIGHT) & (np.abs(_means(apart)) < _SAME)
        change.append(_rough(apart)[kept])
        fine.append(_rough(now)[kept])
    change, fine = np.concatenate(change), np.concatenate(fine)
    if len(change) < _LEAST_BLOCKS * n_blocks:
        return {}
    calm = float(np.quantile(change, _CALM))
    least, tooth = (float(x) for x in np.quantile(fine, (_CALMEST, _CALM)))
    even = calm / max(1e-3, float(np.median(change)))
    return {"grain": calm, "grain_even": even, "tooth": tooth, "tooth_even": least / max(1e-3, tooth)}


class _Plane(NamedTuple):
    """Of each wave: radius (cycles/px), angle (degrees), number of its ring; how many waves a ring has; which waves say
    nothing, are fast, are fast and upright. And the window of the tile."""

    radius: np.ndarray
    angle: np.ndarray
    ring: np.ndarray
    counts: np.ndarray
    outside: np.ndarray
    fast: np.ndarray
    upright: np.ndarray
    window: np.ndarray


@lru_cache(maxsize=4)
def _plane(side: int) -> _Plane:
    """The half plane of the spectrum of a tile with this side."""
    fy, fx = np.fft.fftfreq(side)[:, None], np.arange(side // 2)[None] / side
    radius = np.hypot(fy, fx)
    angle = np.degrees(np.arctan2(np.broadcast_to(fy, radius.shape), fx))
    ring = np.minimum((radius * side).astype(int) // 4, side // 4)
    outside, fast = (radius < _SLOW) | (radius > 0.49), radius > 0.12
    upright = fast & (np.abs(np.abs(angle) - 90) < 15)
    window = cv2.createHanningWindow((side, side), cv2.CV_32F)
    return _Plane(radius, angle, ring, np.bincount(ring.ravel()), outside, fast, upright, window)


def _screens(look: Look) -> dict[str, float]:
    """Periodic patterns: by how much (ln power) a second direction of dots, or level lines alone, stand out."""
    side = look.grey()[0].shape[0]
    plane = _plane(side)
    radius, angle = plane.radius, plane.angle
    power = np.zeros((side, side // 2), np.float32)
    for tile in look.grey():
        fine = np.clip(tile - cv2.blur(tile, (15, 15)), -40, 40) * plane.window
        spectrum = cv2.dft(fine, flags=cv2.DFT_COMPLEX_OUTPUT)[:, : side // 2]
        half = spectrum[..., 0] ** 2 + spectrum[..., 1] ** 2
        power += half / (half.sum() + 1e-6)
    log = cv2.log(power + 1e-12)
    over = log - (np.bincount(plane.ring.ravel(), log.ravel()) / plane.counts)[plane.ring]
    over[plane.outside] = -9
    y, x = np.unravel_index(int(over.argmax()), over.shape)
    beside = np.abs(radius - radius[y, x]) < 0.06 * radius[y, x] + 1.5 / side
    beside &= np.abs((angle - angle[y, x] + 90) % 180 - 90) > 30
    second = max(0.0, float(over[beside].max())) if beside.any() else 0.0
    level = abs(abs(angle[y, x]) - 90) < 3
    detail = float(power[plane.fast].sum())  # none in a flat picture
    upright = float(power[plane.upright].sum()) / detail if detail else math.nan
    return {"dots": second, "scan": float(over[y, x]) - second if level else 0.0, "upright": upright}


def _colour_apart(look: Look) -> float:
    """How far red edges are from blue ones, the most of the tiles, / height."""
    most = math.nan
    for tile in look.tiles()[::2]:  # a lens shows it towards the sides
        side = tile.shape[0] // 2
        half = cv2.resize(tile, (side, side), interpolation=cv2.INTER_AREA)
        edges = []
        for channel in (0, 2):
            plane = half[..., channel].astype(np.float32)
            edges.append(cv2.magnitude(cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1)))
        if min(edge.mean() for edge in edges) < 4:
            continue
        (dx, dy), response = cv2.phaseCorrelate(edges[0], edges[1], cv2.createHanningWindow((side, side), cv2.CV_32F))
        apart = 2 * math.hypot(dx, dy) / look.rows if response > 0.08 else 0.0
        most = apart if math.isnan(most) else max(most, apart)
    return most


def _corners(small: np.ndarray) -> float:
    """Brightness of the rim over that of the ring inside it, the brightest of the four corners; matte left out."""
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)[::2, ::2]
    lit = grey > _BLACK
    rows, columns = np.flatnonzero(lit.mean(1) > 0.02), np.flatnonzero(lit.mean(0) > 0.02)
    if len(rows) < grey.shape[0] // 2 or len(columns) < grey.shape[1] // 2:
        return math.nan
    grey = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    y, x = np.linspace(-1, 1, grey.shape[0])[:, None], np.linspace(-1, 1, grey.shape[1])[None]
    away = x * x + y * y
    found = []
    for down in (-1, 1):
        for right in (-1, 1):
            quarter = (x * right > 0.35) & (y * down > 0.35)
            rim, inner = (np.quantile(grey[quarter & part], 0.85) for part in (away > 1.45, away < 0.95))
            found.append(float(rim) / max(8.0, float(inner)))
    return max(found)


def _polarity(look: Look) -> float:
    """Thin lines lighter than both their sides against darker ones, -1 (all dark) .. 1."""
    bright = dark = 0.0
    kernel = np.ones((5, 5), np.uint8)
    for tile in look.tiles():
        tile = cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY)
        top = cv2.morphologyEx(tile, cv2.MORPH_TOPHAT, kernel)
        black = cv2.morphologyEx(tile, cv2.MORPH_BLACKHAT, kernel)
        bright += float(top[top > 16].sum())
        dark += float(black[black > 16].sum())
    return (bright - dark) / (bright + dark) if bright + dark > 3000 else math.nan
