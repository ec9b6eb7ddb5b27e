"""The bench's own measures: IoU by hand, rivals that can find something, sound that is a function of its seed."""

import numpy as np
import pytest

from benchmarks.segments import iou
from benchmarks.segments_rivals import by_phash
from benchmarks.segments_scale import scale_figures
from benchmarks.series_sound import RATE_HZ, dialogue, music


@pytest.mark.parametrize(
    ("found", "truth", "expected"),
    [
        ([(0.0, 10.0)], [(0, 10)], 1.0),
        ([(5.0, 15.0)], [(0, 10)], 5 / 15),
        ([], [(0, 10)], 0.0),
        ([(0.0, 4.0), (4.0, 10.0)], [(0, 10)], 1.0),
        ([(-3.0, 5.4)], [(0, 5)], 1.0),
    ],
)
def test_intersection_over_union(found, truth, expected):
    assert iou(found, truth, 100) == pytest.approx(expected)


def test_the_rival_finds_an_opening_that_is_not_touched():
    rng = np.random.default_rng(0)
    opening = rng.integers(1, 2**63, 240, dtype=np.uint64)
    episodes = [np.concatenate([opening, rng.integers(1, 2**63, 700, dtype=np.uint64)]) for _ in range(3)]
    found = by_phash(episodes, 24.0)
    assert all(one["opening"] == [(0.0, pytest.approx(10.0, abs=0.2))] for one in found)


def test_sound_is_a_function_of_its_seed():
    assert np.array_equal(music(3, 1.5, vocal=1), music(3, 1.5, vocal=1))
    assert not np.array_equal(music(3, 1.5, vocal=1), music(3, 1.5, vocal=2))
    assert len(dialogue(1, 2.25)) == round(2.25 * RATE_HZ) and np.abs(music(4, 2.0)).max() > 0.1


def test_copies_among_made_up_clips_are_found():
    figures = {figure.what.split(", ")[1]: figure.value for figure in scale_figures(1000)}
    assert figures["recall"] > 0.98 and figures["precision"] > 0.98
