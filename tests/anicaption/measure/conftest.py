"""Small painted clips whose camera and drawings are known: artwork, a figure on it or in front of it, a frame path."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
from anicaption.measure import read
from anicaption.measure.onepass import Watch
from anicaption.tracks import Tracks

SUPERSAMPLE = 2


def artwork(seed: int, height: int = 700, width: int = 1400) -> np.ndarray:
    """A painted sheet: a graded sky, flat hills, shapes with ink lines."""
    rng = np.random.default_rng(seed)
    low, high = rng.uniform(70, 220, (2, 3))
    sheet = np.linspace(low, high, height)[:, None].repeat(width, 1).astype(np.uint8)
    for _ in range(3):
        x = np.linspace(0, width, 40)
        y = height * rng.uniform(0.2, 0.9) + np.cumsum(rng.normal(0, height * 0.03, 40))
        hill = np.concatenate([np.stack([x, y], 1), [[width, height], [0, height]]]).astype(np.int32)
        cv2.fillPoly(sheet, [hill], rng.uniform(30, 220, 3).tolist(), cv2.LINE_AA)
    for _ in range(60):
        centre = int(rng.integers(0, width)), int(rng.integers(0, height))
        axes = int(rng.integers(10, 60)), int(rng.integers(10, 40))
        cv2.ellipse(sheet, centre, axes, 30.0, 0, 360, rng.uniform(0, 255, 3).tolist(), -1, cv2.LINE_AA)
        cv2.ellipse(sheet, centre, axes, 30.0, 0, 360, (20, 20, 20), 3, cv2.LINE_AA)
    return sheet


def figure(picture: np.ndarray, pose: int) -> None:
    """A body with strong lines in the middle of the picture; each `pose` holds the arm and the mouth differently."""
    height, width = picture.shape[:2]
    x, unit = width // 2, height / 100
    ink = (15, 15, 25)

    def shape(points, colour):
        corners = np.array([[x + a * unit, b * unit] for a, b in points]).astype(np.int32)
        cv2.fillPoly(picture, [corners], colour, cv2.LINE_AA)
        cv2.polylines(picture, [corners], True, ink, max(1, round(unit)), cv2.LINE_AA)

    shape([(-14, 99), (-10, 48), (10, 48), (14, 99)], (200, 60, 60))
    raised = (pose * 7) % 23
    shape([(8, 52), (26, 60 - raised), (29, 64 - raised), (10, 60)], (240, 200, 170))
    cv2.circle(picture, (x, round(34 * unit)), round(14 * unit), (240, 200, 170), -1, cv2.LINE_AA)
    cv2.circle(picture, (x, round(34 * unit)), round(14 * unit), ink, max(1, round(unit)), cv2.LINE_AA)
    for eye in (-5, 5):
        cv2.circle(picture, (x + round(eye * unit), round(33 * unit)), max(1, round(2 * unit)), ink, -1, cv2.LINE_AA)
    opened = 1 + pose % 3 * 2
    cv2.ellipse(picture, (x, round(42 * unit)), (round(4 * unit), round(opened * unit)), 0, 0, 360, (90, 20, 40), -1)


def film(
    path, *, seed: int = 1, size: tuple[int, int] = (160, 90), exposure: int | None = None, noise: float = 0.6
) -> np.ndarray:
    """Photograph artwork: RGB uint8 (T, H, W, 3).

    `path` holds a row per frame: centre x (frame widths, + right), y (frame heights, + down), ln zoom (+ closer), roll
    (degrees, frame clockwise). With `exposure` a figure stands in the frame's middle, redrawn every so many frames;
    0 holds one drawing.
    """
    width, height = size[0] * SUPERSAMPLE, size[1] * SUPERSAMPLE
    sheet, rng = artwork(seed), np.random.default_rng(seed)
    unit = 0.45 * sheet.shape[1] / width
    pictures = []
    for number, (x, y, zoom, roll_deg) in enumerate(np.asarray(path, float)):
        scale, angle = unit * np.exp(-zoom), np.radians(roll_deg)
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        left = sheet.shape[1] / 2 + x * width * unit - (cos * width - sin * height) / 2
        top = sheet.shape[0] / 2 + y * height * unit - (sin * width + cos * height) / 2
        matrix = np.array([[cos, -sin, left], [sin, cos, top]])
        flags = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
        picture = cv2.warpAffine(sheet, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)
        if exposure is not None:
            figure(picture, number // exposure if exposure else 0)
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        pictures.append(np.clip(small + rng.normal(0, noise, small.shape), 0, 255).astype(np.uint8))
    return np.stack(pictures)


def line(n_frames: int, x: float = 0, y: float = 0, zoom: float = 0, roll: float = 0) -> np.ndarray:
    """A path of even speed around the artwork's middle; arguments are per frame, in the units of `film`."""
    return (np.arange(n_frames) - (n_frames - 1) / 2)[:, None] * np.array([x, y, zoom, roll])


def watched(pictures: np.ndarray, rate: Fraction = Fraction(24)) -> Tracks:
    watch = Watch(rate, pictures.shape[2], pictures.shape[1])
    for picture in pictures:
        watch.see(picture)
    return watch.tracks()


class Studio:
    """What the tests of this folder share."""

    film, line, watched = staticmethod(film), staticmethod(line), staticmethod(watched)

    @staticmethod
    def read(path, field: str, **options) -> tuple[str, ...]:
        """The values of one field for a filmed path."""
        return read(watched(film(path, **options)))[field].values


@pytest.fixture(scope="session")
def studio() -> type[Studio]:
    return Studio
