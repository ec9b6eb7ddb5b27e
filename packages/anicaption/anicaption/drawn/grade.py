"""Grading: brings a shot's pictures into the bins of chroma, key, temperature and hues that its look names.

Either hand may use it: `Grade(look, seed)`, `fit(pictures)` once with a few of the shot's clean frames, then
`apply(frame)` for every frame. One table of colours serves the whole shot, so nothing flickers.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from anicaption.colour_bins import WARM_HUE_DEG, grid, lab, numbers_of
from anicaption.drawn.script import Look

# The middle of each bin, where a picture that changes under a moving camera stays inside.
_CHROMA = {"monochrome": 0.0, "muted": 8.5, "moderate": 24.0, "vivid": 43.0}
_LIGHTNESS = {"low": 27.0, "mid": 56.0, "high": 83.0}
_WARMTH = {"warm": 15.0, "neutral": 0.0, "cool": -14.0}
_BROAD_SHARE = 0.86
_LEVELS = 32  # of the table, per channel
_TO_LINEAR = np.linalg.inv(
    np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def rgb_of(lab_N3: np.ndarray) -> np.ndarray:
    """sRGB uint8 (N, 3) of Lab (N, 3), clipped to what a screen shows."""
    y = (lab_N3[:, 0] + 16) / 116
    f = np.stack([y + lab_N3[:, 1] / 500, y, y - lab_N3[:, 2] / 200], 1)
    xyz = np.where(f > 0.206893, f**3, (f - 16 / 116) / 7.787) * _WHITE
    linear = np.clip(xyz @ _TO_LINEAR.T, 0, 1)
    screen = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255 * screen).astype(np.uint8)


class Grade:
    """One shot's grade. Before `fit` it leaves frames as they are."""

    def __init__(self, look: Look, seed: int) -> None:
        self.look = look
        self._hue = self._axis(np.random.default_rng([seed, 31]))
        self._table: np.ndarray | None = None
        self._gamma, self._scale, self._shift, self._split, self._collapse = 1.0, 1.0, 0.0, 0.0, False

    def _axis(self, rng: np.random.Generator) -> float:
        """The hue (radians) that a picture of few hues is made of."""
        around = {"warm": (55, 80), "cool": (225, 262), "neutral": (150, 158)}[self.look.temperature]
        return float(np.radians(rng.uniform(*around)))

    def fit(self, pictures: Iterable[np.ndarray]) -> None:
        """Find the table that brings these pictures (H, W, 3), taken together, to the middle of the look's bins."""
        look = self.look
        before = lab(np.concatenate([grid(picture) for picture in pictures]))
        chroma, lightness = _CHROMA[look.chroma], _LIGHTNESS[look.key]
        warmth = _WARMTH[look.temperature] * min(1.0, 0.35 + chroma / 40)
        self._collapse = look.hues == "limited"
        for _ in range(40):
            now = numbers_of(lab(rgb_of(self._graded(before))))
            self._gamma *= np.exp(np.clip((now["lightness"] - lightness) / 40, -0.3, 0.3))
            if look.chroma == "monochrome":
                self._scale = self._shift = 0.0
                continue
            self._scale = float(np.clip(self._scale * np.exp((chroma - now["chroma"]) / 40), 0.02, 6.0))
            self._shift = float(np.clip(self._shift + 0.5 * (warmth - now["warmth"]), -60, 60))
            if look.hues == "broad" and now["hue_share"] > _BROAD_SHARE:
                self._split = min(self._split + 2.0, 0.7 * chroma)
        steps = (np.arange(_LEVELS) + 0.5) * (256 / _LEVELS)
        cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
        cube = np.clip(np.rint(cube), 0, 255).astype(np.uint8)
        self._table = rgb_of(self._graded(lab(cube))).astype(np.int16) - cube

    def _graded(self, before: np.ndarray) -> np.ndarray:
        lightness, a, b = before.T
        lightness = 100 * np.clip(lightness / 100, 1e-4, 1) ** self._gamma
        warm = np.radians(WARM_HUE_DEG)
        if self._collapse:
            # One paint in all its values: what was coloured stays more so, and neither black nor white takes colour.
            chroma = self._scale * (8 + np.hypot(a, b)) * np.sqrt(np.clip(lightness * (100 - lightness), 0, None)) / 50
            return np.stack([lightness, chroma * np.cos(self._hue), chroma * np.sin(self._hue)], 1)
        turn = 2 * np.pi * lightness / 100 * 1.1
        a = self._scale * a + self._shift * np.cos(warm) + self._split * np.cos(turn)
        b = self._scale * b + self._shift * np.sin(warm) + self._split * np.sin(turn)
        return np.stack([lightness, a, b], 1)

    def apply(self, frame: np.ndarray) -> np.ndarray:
        """The graded frame."""
        if self._table is None:
            return frame
        step = 256 // _LEVELS
        low = (frame // step).astype(np.int32)
        at = (low[..., 0] * _LEVELS + low[..., 1]) * _LEVELS + low[..., 2]
        graded = np.clip(frame.astype(np.int16) + self._table[at], 0, 255).astype(np.uint8)
        if self.look.chroma == "monochrome":
            graded[...] = graded.mean(2, keepdims=True).astype(np.uint8)
        return graded
