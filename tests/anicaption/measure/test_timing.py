"""Exposure of a figure that stands in the frame, with the camera still and moving."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from anicaption.frames import encode_clip, read_clip
from anicaption.measure import read
from anicaption.measure.timing import drawings, exposure
from anicaption.tracks import Event, Tracks

EXPOSURES = {1: "ones", 2: "twos", 3: "threes", 5: "fours_plus", 0: "held"}


@pytest.mark.parametrize("frames", EXPOSURES)
def test_exposure_under_a_still_camera(studio, frames):
    path = studio.line(36)
    assert studio.read(path, "motion.timing", exposure=frames) == (EXPOSURES[frames],)


@pytest.mark.parametrize("frames", [2, 3])
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
    redraw = np.tile([0.6, 0.02, 0.02], 12).astype(np.float32)
    redraw[[14, 15, 16]] = 0.95
    events = (Event("vfx.impact_frame", "white_flash", 14, 16, 1.0),)
    tracks = Tracks(Fraction(24), 320, 180, {"redraw": redraw}, events)
    assert read(tracks)["motion.timing"].values == ("threes",)


def test_a_mouth_that_sometimes_repeats_keeps_its_beat():
    assert exposure(np.array([3, 6, 12, 15, 21, 24, 27, 30]))[0] == "threes"


def test_changing_holds_are_modulated():
    assert exposure(np.array([2, 3, 4, 7, 8, 11, 13, 14, 18, 19]))[0] == "modulated"


def test_frames_of_one_kind_are_marked_unknown():
    assert np.isnan(drawings(np.full(40, 0.05, np.float32), np.ones(40, bool))).all()
