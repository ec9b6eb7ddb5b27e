"""The cadence rule counts what its thumbnails show."""

from __future__ import annotations

import numpy as np

from benchmarks.rivals_timing import cadence, similarities, ssim, timing


def pictures(exposure: int, n_frames: int = 24) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, 255, (9, 16, 3), np.uint8).repeat(10, 0).repeat(10, 1) for _ in range(n_frames)]
    return [drawn[frame // exposure if exposure else 0] for frame in range(n_frames)]


def test_whole_pictures_on_a_beat():
    said = {exposure: timing(pictures(exposure)) for exposure in (0, 1, 2, 3, 4)}
    assert said == {0: "held", 1: "ones", 2: "twos", 3: "threes", 4: "fours_plus"}


def test_equal_pictures_are_fully_similar_and_noise_is_not():
    a = np.random.default_rng(1).uniform(0, 255, (64, 64)).astype(np.float32)
    assert ssim(a, a) == 1.0
    assert ssim(a, a[::-1].copy()) < 0.2
    assert np.isnan(similarities(pictures(2))[0])


def test_the_commonest_hold_decides():
    similarity = np.ones(20, np.float32)
    similarity[[3, 6, 9, 10, 13, 16]] = 0.5
    assert cadence(similarity) == "threes"
