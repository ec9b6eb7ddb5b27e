"""What swings to and fro is a shake; what lines and hands leave of a frame that stands is none."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from anicaption.measure.camera import read_camera
from anicaption.measure.shake import tremble_of
from anicaption.tracks import Tracks

N = 36


def swung(ways: np.ndarray) -> np.ndarray:
    """(N, 4) steps of .006 frame widths along unit `ways` (N, 2)."""
    return np.concatenate([0.006 * ways, np.zeros((N, 2))], 1)


def tracks(motion: np.ndarray, support: np.ndarray | float = 1.0) -> Tracks:
    """Tracks of a square film whose camera goes (T, 4) of x, y, zoom, roll as edge motion."""
    columns = {
        "camera_x": motion[:, 0],
        "camera_y": motion[:, 1],
        "camera_zoom": 2 * motion[:, 2],
        "camera_roll_deg": np.degrees(2 * motion[:, 3]),
        "camera_support": np.broadcast_to(support, len(motion)),
    }
    return Tracks(Fraction(24), 300, 300, {name: np.asarray(c, np.float32) for name, c in columns.items()})


def test_badly_seen_steps_are_a_shake_only_along_one_line():
    flips = np.where(np.arange(N) % 2, 1.0, -1.0)
    angles = np.random.default_rng(3).uniform(0, 2 * np.pi, N)
    line = swung(flips[:, None] * [0.35, 0.94])
    anywhere = swung(np.stack([np.cos(angles), np.sin(angles)], 1))
    poor = np.full(N, 0.1)
    assert tremble_of(line, 24, poor).value == "continuous"
    assert tremble_of(anywhere, 24, poor).value == "none"
    assert tremble_of(anywhere, 24).value == "continuous"  # well seen, it is what it seems


def test_a_shake_seen_every_other_time_is_no_pan():
    motion = swung(np.where(np.arange(N) % 2, 1.0, -1.0)[:, None] * [0.0, 1.0])
    support = np.where(
        np.arange(N) % 6 < 3, 0.0, 0.6
    )  # flashes hide three steps in six, so one way more than the other
    camera = read_camera(tracks(motion, support))
    assert camera["camera.shake"].values == ("continuous",)
    assert camera["camera.move"].values == ("none",)


def test_a_shake_is_told_where_the_move_is_not():
    camera = read_camera(tracks(swung(np.where(np.arange(N) % 2, 1.0, -1.0)[:, None] * [0.0, 1.0]), 0.1))
    assert camera["camera.move"].values == ("unknown",)
    assert camera["camera.shake"].values == ("continuous",)


def test_a_cel_that_rocks_before_nothing_is_no_camera():
    bob = np.zeros((60, 4))
    bob[:, 1] = 0.0027 * np.sin(2 * np.pi * np.arange(60) / 20)
    assert read_camera(tracks(bob))["camera.move"].values == ("none",)
    bob[:, 1] = 0.0027
    assert read_camera(tracks(bob))["camera.move"].values == ("pan_down",)


def test_large_drawings_between_frames_that_stand_are_no_steps_of_the_camera():
    motion, support = np.zeros((N, 4)), np.ones(N)
    motion[3::3, 1], support[3::3] = 0.02, 0.4
    assert read_camera(tracks(motion, support))["camera.move"].values == ("none",)
