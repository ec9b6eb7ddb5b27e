"""Exposure of a figure that stands in the frame, with the camera still and moving."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from anicaption.frames import encode_clip, read_clip
from anicaption.measure import read
from anicaption.measure.beat import likeliest
from anicaption.measure.timing import JOINED_FRAMES, NAMES, best_beat, drawings, exposure, unjoined
from anicaption.tracks import Event, Tracks

EXPOSURES = {1: "ones", 2: "twos", 3: "threes", 5: "fours_plus", 0: "held"}


@pytest.mark.parametrize("frames", EXPOSURES)
def test_exposure_under_a_still_camera(studio, frames):
    path = studio.line(36)
    assert studio.read(path, "motion.timing", exposure=frames) == (EXPOSURES[frames],)


@pytest.mark.parametrize("frames", EXPOSURES)
@pytest.mark.parametrize("step", [{"x": 0.006}, {"zoom": 0.008}])
def test_exposure_under_a_moving_camera(studio, frames, step):
    path = studio.line(36, **step)
    assert studio.read(path, "motion.timing", exposure=frames, size=(256, 144)) == (EXPOSURES[frames],)


def test_new_drawings_are_marked_frame_by_frame(studio):
    tracks = studio.watched(studio.film(studio.line(30), exposure=3))
    truth = (np.arange(30) % 3 == 0)[1:]
    assert np.array_equal(tracks["drawing_new"][1:] == 1, truth)


def test_every_frame_doubled_turns_ones_into_twos(studio):
    film = studio.film(studio.line(18), exposure=1)
    doubled = np.repeat(film, 2, axis=0)
    assert read(studio.watched(film))["motion.timing"].values == ("ones",)
    assert read(studio.watched(doubled))["motion.timing"].values == ("twos",)


@pytest.mark.parametrize("x", [0.006, 0.02])
def test_a_camera_on_twos_makes_no_drawings(studio, x):
    film = studio.film(studio.line(24, x=x), exposure=0, size=(256, 144))
    doubled = np.repeat(film, 2, axis=0)
    assert read(studio.watched(film))["motion.timing"].values == ("held",)
    assert read(studio.watched(doubled))["motion.timing"].values == ("held",)


def test_of_frames_shown_twice_what_stirs_in_a_hold_is_no_drawing():
    new = np.zeros(40, bool)
    new[[2, 3, 4, 6, 7, 11, 12, 13, 14, 18, 22, 23, 24, 25, 29, 31, 33, 34, 35]] = True
    columns = {
        "change": np.where(new, 0.03, 0.002),  # an old film's frame trembles: nothing is ever the same again
        "redraw": np.where(new, 0.7, 0.4),
        "redraw_peak": np.where(new, 2.5, 0.8),
        "redraw_floor": np.full(40, 0.05),
    }
    twice = {name: np.repeat(column, 2) for name, column in columns.items()}
    for name in ("change", "redraw", "redraw_peak"):
        twice[name][1::2] = 0.0
    for made in (columns, twice):
        tracks = Tracks(Fraction(24), 320, 180, {name: column.astype(np.float32) for name, column in made.items()})
        assert read(tracks)["motion.timing"].values == ("modulated",)


def test_a_mirrored_film_has_the_same_timing(studio):
    film = studio.film(studio.line(30, x=0.006), exposure=3, size=(256, 144))
    tracks, mirrored = studio.watched(film), studio.watched(film[:, :, ::-1])
    assert read(mirrored)["motion.timing"].values == read(tracks)["motion.timing"].values
    assert np.array_equal(mirrored["drawing_new"], tracks["drawing_new"], equal_nan=True)


def test_compression_is_no_new_drawing(studio):
    film = studio.film(studio.line(36), exposure=0, noise=1.5)
    coded = read_clip(encode_clip(film, crf=30))
    timing = read(studio.watched(coded))["motion.timing"]
    assert timing.values in (("held",), ("unknown",))
    coded = read_clip(encode_clip(studio.film(studio.line(36), exposure=3, noise=1.5), crf=30))
    assert read(studio.watched(coded))["motion.timing"].values == ("threes",)


def test_few_frames_say_nothing_of_exposure(studio):
    timing = read(studio.watched(studio.film(studio.line(8), exposure=2)))["motion.timing"]
    assert timing.values == ("unknown",)
    assert "exposure needs" in (timing.abstained or "")


def test_impact_frames_are_not_drawings_of_the_figure():
    on_threes = np.tile([True, False, False], 12)
    columns = {
        "redraw": np.where(on_threes, 0.6, 0.02).astype(np.float32),
        "redraw_peak": np.where(on_threes, 1.5, 0.01).astype(np.float32),
        "redraw_area": np.where(on_threes, 15.0, 0.0).astype(np.float32),
        "redraw_floor": np.full(36, 0.02, np.float32),
    }
    columns["redraw"][[14, 16]], columns["redraw_peak"][[14, 16]], columns["redraw_area"][[14, 16]] = 0.95, 20, 900
    events = (Event("vfx.impact_frame", "white_flash", 14, 16, 1.0),)
    assert read(Tracks(Fraction(24), 320, 180, columns, events))["motion.timing"].values == ("threes",)


def test_a_mouth_that_sometimes_repeats_keeps_its_beat():
    odds = np.full(36, -3.0)
    odds[[3, 6, 12, 15, 18, 24, 27, 30, 33]] = 3.0
    assert set(likeliest(odds).on_beat) == {3}
    assert exposure(odds)[0] == "threes"


def test_changing_holds_are_modulated():
    odds = np.full(37, -3.0)
    odds[[1, 2, 3, 4, 8, 12, 16, 17, 18, 19, 20, 23, 26, 29, 31, 33, 35]] = 3.0
    sheet = likeliest(odds)
    assert np.array_equal(np.flatnonzero(sheet.new[1:]), np.flatnonzero(odds[1:] > 0))
    assert exposure(odds)[0] == "modulated"


@pytest.mark.parametrize(("frames", "value"), [(1, "ones"), (2, "twos"), (3, "threes"), (5, "fours_plus")])
def test_an_action_in_the_midst_of_a_hold_has_its_own_beat(frames, value):
    odds = np.full(60, -2.5)
    odds[20:44:frames] = 2.0
    assert best_beat(odds) == (frames, pytest.approx(2.0 * len(odds[20:44:frames])))
    assert exposure(odds)[0] == value


def test_faint_drawings_in_time_are_a_beat():
    rng = np.random.default_rng(0)
    odds = rng.normal(-2.1, 0.3, 40)
    odds[::4] = rng.normal(-0.3, 0.3, 10)
    assert exposure(odds)[0] == "fours_plus"
    assert exposure(rng.permutation(odds))[0] == "held"
    standing = np.arange(40) % 4 > 0  # a camera on fours says the same, and nothing of the figure
    assert exposure(odds, standing)[0] == "held"


def test_lines_that_change_around_a_still_middle_are_not_the_figures():
    on_twos = np.arange(48) % 2 == 0
    columns = {
        "redraw": np.where(on_twos, 0.7, 0.02),
        "redraw_peak": np.where(on_twos, 2.0, 0.01),
        "redraw_floor": np.full(48, 0.03),
        "redraw_inner": np.full(48, 0.02),
        "redraw_inner_peak": np.full(48, 0.01),
    }
    for reach, value in ((0.7, "held"), (0.2, "twos")):  # a small thing off the middle is a figure
        made = {
            name: column.astype(np.float32) for name, column in (columns | {"redraw_reach": on_twos * reach}).items()
        }
        assert read(Tracks(Fraction(24), 320, 180, made))["motion.timing"].values == (value,)


@pytest.mark.parametrize(("figure", "value"), [(1, "ones"), (2, "twos"), (0, "threes")])
def test_between_the_beats_of_a_background_that_is_redrawn_the_figure_is_read(figure, value):
    at = np.arange(60)
    redrawn, drawn = at % 3 == 0, (at % figure == 0) if figure else np.zeros(60, bool)
    columns = {
        "redraw": np.select([redrawn, drawn], [0.9, 0.6], 0.05),
        "redraw_peak": np.select([redrawn, drawn], [12.0, 2.5], 0.1),
        "redraw_floor": np.full(60, 0.03),
        "redraw_reach": np.where(redrawn, 0.65, 0.2),
    }
    made = {name: column.astype(np.float32) for name, column in columns.items()}
    assert read(Tracks(Fraction(24), 320, 180, made))["motion.timing"].values == (value,)


def test_two_stray_changes_are_a_hold():
    odds = np.full(48, -2.0)
    odds[[11, 30]] = 1.0
    assert exposure(odds)[0] == "held"
    assert exposure(np.full(48, np.nan))[0] == "held"


def test_what_a_joint_leaves_at_the_ends_is_no_drawing():
    odds = np.full(40, -2.0)
    odds[:4], odds[30:] = np.nan, np.nan
    odds[4:9], odds[[20, 22]] = 2.0, 2.0
    left = unjoined(odds)
    assert np.isnan(left[4:9]).all() and (left[[20, 22]] == 2).all()
    long = np.full(40, 2.0)
    assert len(long) > JOINED_FRAMES and np.array_equal(unjoined(long), long)


def test_frames_without_measurements_are_marked_unknown():
    nothing = np.full(40, np.nan, np.float32)
    assert np.isnan(drawings(dict.fromkeys(NAMES, nothing))).all()
