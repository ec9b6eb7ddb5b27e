"""A pulled background is a follow shot's, and nothing is claimed where the camera is unknown."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from anicaption.measure.background import FIELD, read_background
from anicaption.tracks import Tracks


def tracks(support: float, still: float, x: float = 0.01) -> Tracks:
    given = {"camera_x": x, "camera_y": 0.0, "camera_zoom": 0.0, "camera_roll_deg": 0.0}
    given |= {"camera_support": support, "still_share": still, "layer_held": still}
    return Tracks(Fraction(24), 1280, 720, {name: np.full(30, value, np.float32) for name, value in given.items()})


def test_a_background_pulled_under_a_figure_slides():
    assert read_background(tracks(0.9, 0.3))[FIELD].values == ("layer_slide",)
    assert read_background(tracks(0.9, 0.0, x=0.0))[FIELD].values == ("none",)
    assert not read_background(tracks(0.9, 0.0))[FIELD].known  # planes may part


def test_lines_without_an_end_scroll():
    assert read_background(tracks(0.9, 0.0, x=0.15))[FIELD].values == ("line_scroll",)


def test_an_unknown_camera_says_nothing_of_the_background():
    assert not read_background(tracks(0.02, 0.3))[FIELD].known
