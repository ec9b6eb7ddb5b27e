"""What a picture looks like in numbers: it is near itself at any size and far from another; few bytes a look."""

import cv2
import numpy as np
from animatrix_ingest.watch import appearance
from animatrix_ingest.watch.appearance import AppearanceWatch, numbers, steps

from benchmarks.stages_painted import painting


def cosine(one, other):
    one, other = np.asarray(one, float), np.asarray(other, float)
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_the_names_are_always_the_same_and_come_in_three_parts():
    names = list(numbers(painting(1, 256, 454)))
    assert names == list(numbers(np.zeros((90, 160, 3), np.uint8)))
    assert len(names) == appearance.N_NUMBERS
    assert names[appearance.N_PALETTE] == "dark_3"
    assert names[appearance.N_MANNER] == "L_00"


def test_a_picture_is_near_itself_and_far_from_another():
    one = steps(painting(1, 256, 454))
    again = steps(cv2.resize(painting(1, 720, 1280), (454, 256), interpolation=cv2.INTER_AREA))
    other = steps(painting(2, 256, 454) // 3)
    assert cosine(one, steps(painting(1, 256, 454))) > 0.9999
    assert cosine(one, again) > 0.8 > 0.6 > cosine(one, other)


def test_a_shot_is_the_mean_of_its_looks_and_nothing_where_none_fell():
    watch = AppearanceWatch()
    pictures = [painting(seed, 256, 454) for seed in (1, 2, 3)]
    for index, picture in zip((0, 11, 23), pictures):
        watch.see(index, picture)
    looks = watch.looks()
    assert looks.steps.dtype == np.int16 and looks.steps.shape == (3, appearance.N_NUMBERS)
    expected = np.clip(np.rint((steps(pictures[1]).astype(int) + steps(pictures[2])) / 2), -120, 120)
    assert looks.vector(5, 24) == expected.tolist()
    assert looks.vector(12, 23) is None
    assert AppearanceWatch().looks().steps.shape == (0, appearance.N_NUMBERS)
