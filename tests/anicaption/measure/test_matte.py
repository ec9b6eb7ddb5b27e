"""Mattes on painted frames, and nights that only look like one."""

from fractions import Fraction

import numpy as np
import pytest
from anicaption.measure.matte import MatteWatch, read_matte
from anicaption.tracks import Event, Tracks

WIDTH, HEIGHT = 128, 72


def read(frames, events=()):
    watch = MatteWatch()
    for frame in frames:
        watch.see(frame)
    return read_matte(Tracks(Fraction(24), WIDTH, HEIGHT, watch.columns(), tuple(events)))["camera.matte"]


def noisy(seed: int, low: int = 40, high: int = 230) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def matted(above: float, beside: float) -> list[np.ndarray]:
    frames = []
    for seed in range(26):
        frame = noisy(seed)
        y, x = round(above * HEIGHT), round(beside * WIDTH)
        frame[:y], frame[HEIGHT - y :], frame[:, :x], frame[:, WIDTH - x :] = 2, 2, 2, 2
        frames.append(frame)
    return frames


@pytest.mark.parametrize(
    ("above", "beside", "value"),
    [(0, 0, "none"), (0.12, 0, "letterbox"), (0, 0.12, "pillarbox"), (0.08, 0.08, "windowbox"), (0.03, 0, "letterbox")],
)
def test_black_at_opposite_edges_is_a_matte(above, beside, value):
    assert read(matted(above, beside)).values == (value,)


def test_black_at_one_edge_is_a_picture():
    frames = [frame.copy() for frame in matted(0, 0)]
    for frame in frames:
        frame[-12:] = 0
    assert read(frames).values == ("none",)


def test_a_black_flash_hides_no_edges():
    frames = matted(0.12, 0)
    frames[12] = np.zeros_like(frames[0])
    assert read(frames).values == ("letterbox",)


def test_all_black_is_no_answer():
    assert read([np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 20).abstained


def test_a_closing_iris_is_no_matte():
    frames = matted(0, 0)[:13] + matted(0.2, 0.2)[:13]
    assert read(frames, [Event("camera.transition", "iris_out", 13, 26, 0.9)]).values == ("none",)
