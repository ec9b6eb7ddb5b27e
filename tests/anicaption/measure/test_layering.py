"""Planes that go at different speeds, figures that stand in a moving frame, clouds, bars and lines."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from anicaption.measure.camera import read_camera, uncovered
from anicaption.measure.layering import STILL, edge_travel, part_of, read_layering
from anicaption.tracks import Event, Tracks

N = 40


def columns(**given) -> Tracks:
    """Tracks of a shot whose frame stands still, but for the given columns."""
    base = {"camera_x": 0.0, "camera_y": 0.0, "camera_zoom": 0.0, "camera_roll_deg": 0.0, "camera_support": 0.95}
    values = {name: np.full(N, value, np.float32) for name, value in base.items()}
    return Tracks(Fraction(24), 1280, 720, values | {k: np.asarray(v, np.float32) for k, v in given.items()})


def looks(value: float, every: int = 5) -> np.ndarray:
    column = np.full(N, np.nan, np.float32)
    column[every::every] = value
    return column


def planes(studio, near: float) -> np.ndarray:
    """A pan over two planes: the lower half of the picture goes `near` times as far as the upper half."""
    far_T4, near_T4 = studio.line(24, x=0.012), studio.line(24, x=0.012 * near)
    far, close = studio.film(far_T4, seed=5, noise=0.3), studio.film(near_T4, seed=8, noise=0.3)
    film = far.copy()
    film[:, 50:] = close[:, 50:]
    return film


def test_planes_at_different_speeds_are_parallax_and_one_painting_is_not(studio):
    one = read_layering(studio.watched(studio.film(studio.line(24, x=0.012), seed=5, noise=0.3)))["camera.layering"]
    two = read_layering(studio.watched(planes(studio, 0.5)))["camera.layering"]
    assert (one.values, two.values) == (("single_plane",), ("parallax",))


def test_a_fixed_frame_shows_no_planes(studio):
    assert not read_layering(studio.watched(studio.film(studio.line(20))))["camera.layering"].known


def test_planes_under_a_zoom_alone_are_not_claimed_to_be_one(studio):
    watched = studio.watched(studio.film(studio.line(24, zoom=0.02), seed=2))
    assert read_layering(watched)["camera.layering"].values != ("single_plane",)


@pytest.mark.parametrize(("bars", "axis"), [((0, 14), "y"), ((24, 0), "x")])
def test_black_bars_do_not_hold_the_frame(studio, bars, axis):
    film = studio.film(studio.line(20, **{axis: 0.01}), seed=6).copy()
    across, down = bars
    if down:
        film[:, :down] = film[:, -down:] = 0
    if across:
        film[:, :, :across] = film[:, :, -across:] = 0
    watched = studio.watched(film)
    assert read_camera(watched)["camera.move"].values[0] == {"x": "pan_right", "y": "pan_down"}[axis]
    assert np.nanmedian(watched[f"camera_{axis}"][1:]) == pytest.approx(0.01, rel=0.08)


def test_clouds_that_creep_over_a_ground_are_no_pan():
    creeping = np.full(N, 0.0009)
    over_sea = columns(camera_x=creeping, ground_with=looks(0.1))
    over_land = columns(camera_x=creeping, ground_with=looks(0.9))
    assert [read_camera(t)["camera.move"].values for t in (over_sea, over_land)] == [("none",), ("pan_right",)]


def test_a_held_figure_follows_and_one_that_stops_between_drawings_is_chased():
    pan = {"camera_x": np.full(N, 0.01), "layer_held": looks(0.3)}
    fixed = columns(**pan, still_share=np.full(N, 0.3))
    stops = columns(**pan, still_share=np.full(N, 0.02), figure_dx=np.zeros(N), figure_fit=np.ones(N))
    said = [read_camera(t)["camera.move"].values for t in (fixed, stops)]
    assert said == [("pan_right", "follow"), ("pan_right", "follow_pan")]


def test_a_figure_that_stands_for_few_steps_of_a_pan_is_not_followed():
    seen = np.where(np.arange(N) < N // 2, 0.3, np.nan)
    few = columns(camera_x=np.full(N, 0.01), layer_held=looks(0.3), still_share=seen)
    assert read_camera(few)["camera.move"].values == ("pan_right",)


def test_lines_that_scroll_without_an_end_are_no_pan():
    said = [read_camera(columns(camera_x=np.full(N, x)))["camera.move"].values for x in (0.03, 0.15)]
    assert said == [("pan_right",), ("none",)]


def test_a_figure_before_nothing_does_not_move_the_frame():
    x = np.full(N, 0.01)
    bare, shown = (columns(camera_x=x, camera_content=np.full(N, share)) for share in (0.1, 0.6))
    assert [read_camera(t)["camera.move"].values for t in (bare, shown)] == [("none",), ("pan_right",)]


def test_lines_that_stand_between_their_changes_do_not_stop_a_pan():
    x, support = np.full(N, 0.01), np.full(N, 0.95)
    x[20:], support[20:] = 0.0, 0.7
    stopped = columns(camera_x=x, camera_support=support)
    support[20::3] = 0.08  # the lines change on every third frame
    covered = columns(camera_x=x, camera_support=support)
    assert read_camera(covered)["camera.move"].spans[0].end > N - 4
    assert read_camera(stopped)["camera.move"].spans[0].end < 24


def test_lines_over_a_fixed_frame_leave_it_fixed():
    motion, support = np.zeros((N, 4)), np.full(N, 0.8)
    support[5::3] = 0.05
    assert np.isfinite(uncovered(motion, support)).all()


def test_a_whip_at_the_edge_of_a_shot_is_the_joint_and_not_the_camera():
    x = np.zeros(N)
    x[33:] = 0.2
    whip = Event("camera.transition", "whip_out", 33, N, 0.9)
    tracks = columns(camera_x=x)
    joined = Tracks(tracks.rate, tracks.width_px, tracks.height_px, tracks.columns, (whip,))
    assert read_camera(joined)["camera.move"].values == ("none",)
    assert read_camera(tracks)["camera.move"].values == ("none",)  # it tears away though no joint is named
    early = columns(camera_x=np.roll(x, -14))
    assert read_camera(early)["camera.move"].values == ("pan_right",)


def test_parts_of_a_motion_add_up_to_it(studio):
    from anicaption.layers import Motion

    motion = Motion(1.02 + 0.01j, 0.1 - 0.05j)
    assert part_of(motion, 1.0) == motion
    assert part_of(motion, 0.0) == STILL
    assert edge_travel(part_of(motion, 0.5)) == pytest.approx(edge_travel(motion) / 2, rel=0.02)
