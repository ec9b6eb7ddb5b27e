"""The Judge's pass measures what the captioner's measures."""

from fractions import Fraction

import numpy as np
from anicaption.measure.onepass import Watch
from animatrix_reward.features import TRACKS
from animatrix_reward.watched import watched

from tests.reward.judged import moving_clip


def test_its_columns_are_those_of_the_captioners_pass():
    frames = moving_clip(16, (6, 8)).frames_THWC
    watch = Watch(Fraction(24), frames.shape[2], frames.shape[1])
    for frame in frames:
        watch.see(frame)
    ours, theirs = watched(frames), watch.tracks()
    for name in (*TRACKS, "camera_x", "camera_y", "camera_zoom", "camera_roll_deg"):
        assert np.array_equal(np.asarray(ours[name]), np.asarray(theirs[name]), equal_nan=True), name
