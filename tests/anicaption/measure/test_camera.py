"""Known frame paths over painted artwork must read back as the moves that they are."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
from anicaption.measure import read
from anicaption.measure.camera import read_camera
from anicaption.tracks import Tracks

MOVES = {
    "none": {},
    "pan_right": {"x": 0.02},
    "pan_left": {"x": -0.02},
    "pan_down": {"y": 0.03},
    "pan_up": {"y": -0.03},
    "track_up": {"zoom": 0.02},
    "track_back": {"zoom": -0.02},
    "roll_cw": {"roll": 1.0},
    "roll_ccw": {"roll": -1.0},
}


@pytest.mark.parametrize("move", MOVES)
def test_each_move_is_read_from_pixels(studio, move):
    assert studio.read(studio.line(12, **MOVES[move]), "camera.move") == (move,)


@pytest.mark.parametrize(("move", "step"), [*((m, {k: 2 * v for k, v in s.items()}) for m, s in MOVES.items())])
def test_five_frames_of_24_by_40_pixels_are_enough(studio, move, step):
    assert studio.read(studio.line(5, **step), "camera.move", size=(40, 24)) == (move,)


@pytest.mark.parametrize("move", ["pan_left", "pan_up", "track_up"])
def test_a_held_figure_in_the_middle_does_not_hide_the_move_of_the_background(studio, move):
    assert studio.read(studio.line(10, **MOVES[move]), "camera.move", exposure=0, seed=3) == (move,)


def test_a_figure_that_stays_in_the_frame_makes_a_long_pan_a_follow_shot(studio):
    tracks = studio.watched(studio.film(studio.line(16, x=0.02), exposure=0, seed=3))
    assert read(tracks)["camera.move"].values == ("pan_right", "follow")
    alone = studio.watched(studio.film(studio.line(16, x=0.02), seed=3))
    assert read(alone)["camera.move"].values == ("pan_right",)


@pytest.mark.parametrize("move", ["none", "pan_right", "track_up"])
def test_focus_lines_that_cover_the_border_do_not_hide_the_move_behind_them(studio, move):
    film, rng = studio.film(studio.line(12, **MOVES[move]), size=(256, 144)), np.random.default_rng(2)
    for frame in film:
        for angle in rng.uniform(0, 2 * np.pi, 70):
            out, inner = (
                np.array([128 + r * np.cos(angle), 72 + 0.56 * r * np.sin(angle)]).astype(int) for r in (200, 95)
            )
            cv2.line(frame, out.tolist(), inner.tolist(), (0, 0, 0), 3)
    assert read(studio.watched(film))["camera.move"].values == (move,)


def test_a_badly_seen_pan_is_believed_where_its_steps_agree():
    x = np.full(30, 0.01, np.float32)
    astray = x * np.random.default_rng(5).choice([-2.0, -1.0, 0.4, 2.5], 30)
    for path, known in ((x, True), (astray, False)):
        columns = {name: np.zeros(30, np.float32) for name in ("camera_y", "camera_zoom", "camera_roll_deg")}
        columns |= {"camera_x": path.astype(np.float32), "camera_support": np.full(30, 0.1, np.float32)}
        assert read_camera(Tracks(Fraction(24), 1280, 720, columns))["camera.move"].known == known


@pytest.mark.parametrize("size", [(40, 24), (160, 90), (640, 360)])
def test_displacement_is_measured_in_frame_widths_whatever_the_size(studio, size):
    tracks = studio.watched(studio.film(studio.line(5, x=0.03, y=-0.02), size=size))
    assert tracks["camera_x"][1:] == pytest.approx([0.03] * 4, abs=0.004)
    assert tracks["camera_y"][1:] == pytest.approx([-0.02] * 4, abs=0.006)
    assert np.abs(tracks["camera_zoom"][1:]).max() < 0.006


def test_zoom_and_roll_are_measured_in_their_units(studio):
    tracks = studio.watched(studio.film(studio.line(6, zoom=0.03, roll=-0.8)))
    assert tracks["camera_zoom"][1:] == pytest.approx([0.03] * 5, abs=0.004)
    assert tracks["camera_roll_deg"][1:] == pytest.approx([-0.8] * 5, abs=0.15)


def test_a_creeping_pan_adds_up(studio):
    tracks = studio.watched(studio.film(studio.line(40, x=0.0005), size=(320, 180)))
    camera = read_camera(tracks)
    assert camera["camera.move"].values == ("pan_right",)
    assert camera["camera.speed"].values == ("creeping",)
    assert float(np.nansum(tracks["camera_x"][1:])) == pytest.approx(39 * 0.0005, rel=0.15)


def test_a_pan_of_a_tenth_of_the_width_per_frame_is_a_whip(studio):
    camera = read(studio.watched(studio.film(studio.line(6, x=0.1))))
    assert (camera["camera.move"].values, camera["camera.speed"].values) == (("pan_right",), ("whip",))


def test_a_pan_on_twos_is_a_pan_and_no_shake(studio):
    path = np.repeat(studio.line(10, x=0.03), 2, axis=0)
    camera = read(studio.watched(studio.film(path)))
    assert camera["camera.move"].values == ("pan_right",)
    assert camera["camera.shake"].values == ("none",)


def test_two_moves_at_once_are_both_named(studio):
    assert studio.read(studio.line(12, x=0.02, zoom=0.03), "camera.move") == ("pan_right", "track_up")


def test_moves_one_after_the_other_have_spans(studio):
    steps = [[0.02, 0, 0, 0]] * 14 + [[0, 0, 0, 0]] * 10 + [[0, 0, 0.02, 0]] * 14
    camera = read(studio.watched(studio.film(np.cumsum(steps, 0) - [0.14, 0, 0.14, 0])))
    pan, zoom = camera["camera.move"].spans
    assert (pan.value, zoom.value) == ("pan_right", "track_up")
    assert abs(pan.end - 14) <= 2 and abs(zoom.start - 23) <= 2


def test_mirrored_pictures_swap_left_and_right(studio):
    film = studio.film(studio.line(10, x=0.02, roll=1.2), exposure=2)
    plain, mirrored = (read(studio.watched(pictures))["camera.move"].values for pictures in (film, film[:, :, ::-1]))
    assert plain == ("pan_right", "roll_cw")
    assert mirrored == ("pan_left", "roll_ccw")


@pytest.mark.parametrize(("step", "there", "back"), [
    ({"x": 0.02}, "pan_right", "pan_left"), ({"y": 0.02}, "pan_down", "pan_up"),
    ({"zoom": 0.02}, "track_up", "track_back"), ({"roll": 1.0}, "roll_cw", "roll_ccw"),
])  # fmt: skip
def test_reversed_time_swaps_opposites(studio, step, there, back):
    film = studio.film(studio.line(10, **step), seed=4)
    assert [read(studio.watched(p))["camera.move"].values for p in (film, film[::-1])] == [(there,), (back,)]


def test_every_window_of_a_pan_reads_as_the_pan(studio):
    tracks = studio.watched(studio.film(studio.line(16, x=-0.02), exposure=3))
    for start in range(11):
        assert read(tracks.window(start, start + 5))["camera.move"].values == ("pan_left",)


def test_an_impact_frame_and_a_blank_frame_inside_a_pan_do_not_break_it(studio):
    film = studio.film(studio.line(18, x=0.02))
    film[7], film[12] = 255, 255 - film[12]
    tracks = studio.watched(film)
    assert tracks["camera_support"][[7, 8]].max() < 0.3
    assert read(tracks)["camera.move"].values == ("pan_right",)


def test_a_blank_picture_says_nothing_about_the_camera(studio):
    camera = read(studio.watched(np.full((12, 90, 160, 3), 128, np.uint8)))
    for field in ("camera.move", "camera.speed", "camera.easing", "camera.shake"):
        assert camera[field].values == ("unknown",)
        assert "0 of 11 steps" in (camera[field].abstained or "")


def test_an_exact_truth_without_a_support_column_is_read_too():
    still, speed = np.zeros(30, np.float32), np.full(30, 0.012, np.float32)
    truth = {"camera_x": speed, "camera_y": still, "camera_zoom": still, "camera_roll_deg": still}
    camera = read(Tracks(Fraction(24), 1280, 720, truth))
    assert camera["camera.move"].values == ("pan_right",)
    assert camera["camera.speed"].values == ("medium",)
    assert camera["camera.easing"].values == ("constant",)


def curve(shape: str, n: int) -> np.ndarray:
    t = (np.arange(n) + 0.5) / n
    return {"constant": 0 * t + 1, "slow_start": t, "slow_end": 1 - t, "slow_both": np.sin(np.pi * t)}[shape]


@pytest.mark.parametrize("shape", ["constant", "slow_start", "slow_end", "slow_both"])
def test_speed_curves_have_names(studio, shape):
    x = np.concatenate([[0], np.cumsum(curve(shape, 23))]) * 0.012
    path = np.stack([x - x[-1] / 2, 0 * x, 0 * x, 0 * x], 1)
    assert studio.read(path, "camera.easing", seed=5) == (shape,)


def shaken(decay_frames: float, n: int = 36, start: int = 4) -> np.ndarray:
    t = np.arange(n) - start
    size = np.where(t >= 0, 0.02 * np.exp(-np.maximum(t, 0) / decay_frames), 0)
    jitter = size * np.where(t % 2 == 0, 1, -1)
    return np.stack([0.4 * jitter, jitter, 0 * t, 0 * t], 1)


def test_a_decaying_tremble_is_an_impact_and_no_move(studio):
    camera = read(studio.watched(studio.film(shaken(5))))
    assert camera["camera.shake"].values == ("impact",)
    assert camera["camera.move"].values == ("none",)
    (span,) = camera["camera.shake"].spans
    assert abs(span.start - 4) <= 2 and span.end > 10


def test_a_lasting_tremble_is_continuous(studio):
    camera = read(studio.watched(studio.film(shaken(1e6))))
    assert camera["camera.shake"].values == ("continuous",)
    assert camera["camera.move"].values == ("none",)
