"""A picture carried by a shift alone is the one that a warp by OpenCV gives; bytes of flat paint do not fall a step."""

import cv2
import numpy as np
import pytest
from anicaption.layers import Motion, to_bytes, warp

H, W = 72, 128


def drawn() -> np.ndarray:
    noise = np.random.default_rng(3).uniform(0, 255, (H, W)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 1.0)


@pytest.mark.parametrize("cubic", [False, True])
@pytest.mark.parametrize("shift", [0.013 + 0.021j, -0.05 - 0.011j, 0.3 - 0.2j, -1 / 64 + 0j, 0.0 + 0.004j])
def test_a_shift_is_the_warp_it_stands_for(shift, cubic):
    picture, motion = drawn(), Motion(1, shift)
    flags = (cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    matrix = motion.matrix(W, H)
    wanted = cv2.warpAffine(picture, matrix, (W, H), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    carried = warp(picture, motion, cubic)
    assert carried.shape == picture.shape
    assert carried.flags.c_contiguous
    assert np.abs(carried - wanted).max() < 5e-3


def test_bytes_are_rounded():
    nearly = np.array([[99.99999, 100.00001, 0.4, 254.6, -3.0, 300.0]], np.float32)
    assert to_bytes(nearly).tolist() == [[100, 100, 0, 255, 0, 255]]
