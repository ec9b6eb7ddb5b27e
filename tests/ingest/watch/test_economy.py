"""Economy reads what stands and what is new from tracks made by hand."""

from fractions import Fraction

import numpy as np
import pytest
from anicaption.tracks import Tracks
from animatrix_ingest.watch.economy import SCORES, economy_scores


def shot(new, **columns):
    columns = {"drawing_new": new, **columns}
    return Tracks(Fraction(24), 640, 360, {name: np.array(column, np.float32) for name, column in columns.items()})


def test_on_twos():
    scores = economy_scores(shot([1, 0] * 12, luma=[0.5] * 24), 0, 24)
    assert scores["new_drawing_share"] == pytest.approx(11 / 23)
    assert scores["drawings_per_s"] == pytest.approx(24 * 11 / 23)
    assert scores["longest_hold_s"] == pytest.approx(2 / 24)
    assert scores["static_share"] == pytest.approx(12 / 23)
    assert scores["luma"] == 0.5
    assert set(scores) == set(SCORES)


def test_a_pan_over_a_held_drawing_is_not_static():
    held = [1] + [0] * 23
    still = economy_scores(shot(held), 0, 24)
    panned = economy_scores(shot(held, camera_x=[0.004] * 24, camera_y=[0] * 24), 0, 24)
    assert still["static_share"] == 1 and still["longest_hold_s"] == 1
    assert panned["static_share"] == 0 and panned["new_drawing_share"] == 0
    assert panned["camera_pct"] == pytest.approx(0.4)


def test_a_shot_is_its_own_part_only():
    scores = economy_scores(shot([1] * 12 + [0] * 12), 12, 24)
    assert scores["new_drawing_share"] == 0


def test_what_cannot_be_told_is_none():
    scores = economy_scores(shot([np.nan] * 24), 0, 24)
    assert scores == dict.fromkeys(SCORES)


def test_energy_is_a_mean_of_what_can_be_told():
    """On threes two frames of three show no motion: a median would say that nothing moves."""
    on_threes = [9.0, *[3.0, 0.0, 0.0] * 8]
    scores = economy_scores(shot([1] * 25, flow_pct=on_threes, nonrigid_pct=[np.nan] * 25), 0, 25)
    assert scores["flow_pct"] == pytest.approx(1)
    assert scores["nonrigid_pct"] is None
