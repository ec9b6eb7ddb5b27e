"""Compositing light (撮影の光) of one shot, laid over finished RGB frames."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.drawn.palette import Palette


class Light:
    """The compositing light of one shot: one picture multiplied, one added, and optionally a bloom per frame."""

    def __init__(self, kinds: tuple[str, ...], colours: Palette, height_px: int, width_px: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        size = (height_px, width_px)
        self._multiply, self._add = None, None
        self._bloom = "backlight_glow" in kinds or "flare" in kinds
        v, u = np.mgrid[0:1:64j, 0 : width_px / height_px : 114j]
        add = np.zeros((64, 114, 3))
        if "para" in kinds:
            fall = np.clip((v + 0.25 * u - 0.35) / 0.9, 0, 1)[..., None]
            gain = 255 + (np.array(colours.para[1]) - 255.0) * fall
            self._multiply = cv2.resize(gain.clip(0, 255).astype(np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
            add += 0.55 * np.array(colours.para[0]) * np.clip(1 - (v + 0.4 * u) / 0.9, 0, 1)[..., None] ** 1.5
        if "flare" in kinds:
            x = rng.choice([0.0, width_px / height_px])
            add += np.array(colours.sun) * 0.30 * np.exp(-(((u - x) / 0.55) ** 2 + (v / 0.5) ** 2))[..., None]
        if "rays" in kinds:
            x, shafts = rng.uniform(-0.2, 0.4), np.zeros((64, 114))
            for _ in range(5):
                slope, offset, half = rng.uniform(0.5, 0.7), rng.uniform(0.0, 1.6), rng.uniform(0.03, 0.09)
                shafts = np.maximum(
                    shafts, np.clip(1.2 - np.abs(u - x - offset - slope * v) / half, 0, 1) * (1 - 0.7 * v)
                )
            add += np.array(colours.sun) * 0.26 * cv2.GaussianBlur(shafts, (0, 0), 1.2)[..., None]
        if add.any():
            self._add = cv2.resize(add.clip(0, 255).astype(np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)

    @property
    def plain(self) -> bool:
        return self._multiply is None and self._add is None and not self._bloom

    def shine(self, frame: np.ndarray) -> np.ndarray:
        if self._multiply is not None:
            frame = cv2.multiply(frame, self._multiply, scale=1 / 255)
        if self._bloom:
            frame = cv2.add(frame, _bloom(frame))
        if self._add is not None:
            frame = cv2.add(frame, self._add)
        return frame


def _bloom(frame: np.ndarray) -> np.ndarray:
    """Light bleeding from what is bright: an eighth of the size is enough for a blur."""
    height, width = frame.shape[:2]
    small = cv2.resize(frame, (max(1, width // 8), max(1, height // 8)), interpolation=cv2.INTER_AREA)
    bright = cv2.subtract(small, np.full_like(small, 176))
    soft = cv2.GaussianBlur(bright, (0, 0), max(0.5, height / 8 * 0.045))
    return cv2.resize(cv2.convertScaleAbs(soft, alpha=0.7), (width, height), interpolation=cv2.INTER_LINEAR)
