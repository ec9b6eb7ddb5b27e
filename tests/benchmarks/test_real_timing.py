"""Timing by labelled runs of identical frames: the mask, the timing that follows, and what is counted as wrong."""

from fractions import Fraction

import numpy as np
from anicaption.tracks import Tracks

from benchmarks.real_page import runs, spread
from benchmarks.real_timing import new_drawings, timing

RUNS = {"held_frames": {"runs": [[first, first + 1] for first in range(10, 58, 2)]}}  # on twos from 10 to 57


def test_the_first_frame_of_a_run_is_new_and_the_others_repeat_it():
    assert new_drawings({"held_frames": {"runs": [[12, 14], [17, 18]]}}, 10, 20).tolist() == [
        1,
        1,
        1,
        0,
        0,
        1,
        1,
        1,
        0,
        1,
    ]
    assert new_drawings({"held_frames": {"runs": [[5, 12]]}}, 10, 14).tolist() == [0, 0, 0, 1]


def test_frames_that_are_misread_are_named_by_their_own_numbers():
    said = new_drawings(RUNS, 0, 60)
    said[21], said[30] = 1, 0
    said[40] = np.nan
    tracks = Tracks(Fraction(24), 320, 180, {"drawing_new": said, "luma": np.zeros(60, np.float32)})
    (read,) = timing(RUNS, tracks, [(10, 58), (58, 60)])
    assert (read.true, read.missed, read.false, read.untold) == ("twos", (21,), (30,), 1)


def test_without_labels_of_held_frames_nothing_is_asked():
    assert timing({}, Tracks(Fraction(24), 320, 180, {"luma": np.zeros(60, np.float32)}), [(0, 60)]) == []


def test_runs_of_frames_are_told_in_short():
    assert runs([4, 5, 6, 9]) == "4-6, 9" and runs([]) == "none"


def test_shown_frames_hold_both_ends():
    assert spread(10, 100, 4) == (10, 40, 69, 99) and spread(5, 7) == (5, 6)
