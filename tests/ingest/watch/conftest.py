"""Films for the tests of watching: paintings with edges enough for the detector, joined in every way."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

WIDTH, HEIGHT = 160, 90


def painted(seed: int, n_frames: int, speed_px: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    paint = np.full((HEIGHT, 3 * WIDTH, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(60):
        centre = int(rng.integers(0, 3 * WIDTH)), int(rng.integers(0, HEIGHT))
        axes = int(rng.integers(8, 40)), int(rng.integers(6, 30))
        cv2.ellipse(paint, centre, axes, 20, 0, 360, rng.integers(0, 255, 3).tolist(), -1, cv2.LINE_AA)
    return [np.ascontiguousarray(paint[:, t * speed_px : t * speed_px + WIDTH]) for t in range(n_frames)]


def film() -> list[np.ndarray]:
    """40 frames, a cut, 50, a dissolve of 12 (frames 90 to 102), 50, a fade of 10 out and 10 in at frame 162, 40."""
    one, two, three, four = painted(1, 40, 1), painted(2, 62), painted(3, 72, 1), painted(4, 40)
    shares = [(i + 0.5) / 12 for i in range(12)]
    mix = [cv2.addWeighted(a, 1 - s, b, s, 0) for a, b, s in zip(two[-12:], three[:12], shares, strict=True)]
    out = [cv2.convertScaleAbs(picture, alpha=1 - (i + 0.5) / 10) for i, picture in enumerate(three[-10:])]
    into = [cv2.convertScaleAbs(picture, alpha=(i + 0.5) / 10) for i, picture in enumerate(four[:10])]
    return [*one, *two[:-12], *mix, *three[12:-10], *out, *into, *four[10:]]


@pytest.fixture(scope="session")
def painted_shot() -> Callable[..., list[np.ndarray]]:
    return painted


@pytest.fixture(scope="session")
def joined_film() -> list[np.ndarray]:
    return film()
