"""Painted shots for the tests and benchmarks of what is watched, and a frame that holds a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass
class Shown:
    """A frame of a source, as far as the observers look at it."""

    picture: np.ndarray

    def rgb(self, height_px: int | None = None) -> np.ndarray:
        if height_px is None or height_px == self.picture.shape[0]:
            return self.picture
        wide = round(self.picture.shape[1] * height_px / self.picture.shape[0])
        return cv2.resize(self.picture, (wide, height_px), interpolation=cv2.INTER_AREA)


def painting(seed: int, height_px: int, width_px: int, darkness: float = 1.0) -> np.ndarray:
    """Flat shapes with ink around them, RGB uint8."""
    rng = np.random.default_rng(seed)
    picture = np.full((height_px, width_px, 3), rng.integers(60, 220, 3), np.uint8)
    for _ in range(24):
        centre = rng.integers(0, width_px), rng.integers(0, height_px)
        axes = tuple(int(x) for x in rng.integers(height_px // 12, height_px // 3, 2))
        colour = tuple(int(x) for x in rng.integers(40, 250, 3))
        turn = float(rng.integers(180))
        place = (int(centre[0]), int(centre[1]))
        cv2.ellipse(picture, place, axes, turn, 0, 360, colour, -1)
        cv2.ellipse(picture, place, axes, turn, 0, 360, (20, 16, 24), max(1, height_px // 120), cv2.LINE_AA)
    return (picture * darkness).astype(np.uint8)


def film(
    n_shots: int, n_frames: int, height_px: int = 180, width_px: int = 320, step_px: int = 1
) -> Iterator[np.ndarray]:
    """Shots of paintings under a pan to the right (the picture moves left by `step_px` a frame)."""
    for seed in range(n_shots):
        wide = painting(seed, height_px, width_px + step_px * n_frames)
        for i in range(n_frames):
            yield np.ascontiguousarray(wide[:, step_px * i : step_px * i + width_px])
