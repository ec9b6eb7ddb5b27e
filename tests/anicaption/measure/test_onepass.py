"""One pass over the frames: every column there, windows that agree, intensity and palette of plain pictures."""

from __future__ import annotations

import numpy as np
import pytest
from anicaption.captioner import caption, record_of
from anicaption.frames import encode_clip
from anicaption.measure import read
from anicaption.taxonomy import taxonomy
from anicaption.tracks import COLUMNS


def test_every_documented_column_is_measured_once_per_frame(studio):
    tracks = studio.watched(studio.film(studio.line(8), exposure=2))
    assert set(COLUMNS) <= set(tracks.columns)
    assert {len(column) for column in tracks.columns.values()} == {8}


def test_the_size_that_the_pass_is_fed_does_not_matter(studio):
    film = studio.film(studio.line(6, x=0.02), size=(640, 360))
    whole = studio.watched(film)
    small = studio.watched(np.stack([picture[::2, ::2] for picture in film]))
    assert whole["camera_x"][1:] == pytest.approx(small["camera_x"][1:], abs=0.002)


def test_a_record_has_every_field_and_says_unknown_where_nobody_looks(studio):
    record = record_of(studio.watched(studio.film(studio.line(16, x=0.02), exposure=2)))
    assert len(record.variables()) == len(taxonomy())
    assert record.camera.move.source == "measured" and "pan_right" in record.camera.move.values
    assert record.style.tradition.values == ("unknown",) and record.style.tradition.source == "none"


def test_a_clip_of_any_rate_is_captioned_from_its_bytes(studio):
    from fractions import Fraction

    film = studio.film(studio.line(12, y=-0.03))
    record = caption(encode_clip(film, Fraction(30000, 1001)))
    assert record.rate == Fraction(30000, 1001) and record.n_frames == 12
    assert record.camera.move.values == ("pan_up",)


def test_a_window_of_a_record_is_decided_from_its_frames_alone(studio):
    steps = [[0, 0, 0, 0]] * 15 + [[0.02, 0, 0, 0]] * 15
    record = record_of(studio.watched(studio.film(np.cumsum(steps, 0) - [0.15, 0, 0, 0])))
    assert "pan_right" in record.camera.move.values
    assert record.window(0, 12).camera.move.values == ("none",)
    assert record.window(18, 23).camera.move.values == ("pan_right",)


def test_a_still_picture_has_no_intensity_and_a_moving_arm_has_some(studio):
    still = studio.film(studio.line(14), exposure=0)
    acting = studio.film(studio.line(14), exposure=1)
    assert read(studio.watched(still))["motion.intensity"].values == ("static",)
    assert read(studio.watched(acting))["motion.intensity"].values[0] in ("moderate", "dynamic", "extreme")


def test_the_camera_alone_is_no_motion_of_a_figure(studio):
    intensity = read(studio.watched(studio.film(studio.line(14, x=0.01), size=(256, 144))))["motion.intensity"]
    assert intensity.values[0] in ("static", "subtle")


def test_doubled_frames_halve_the_motion_per_frame(studio):
    film = studio.film(studio.line(24), exposure=1)
    once, twice = (float(np.nanmean(studio.watched(f)["motion_pct"])) for f in (film, np.repeat(film, 2, axis=0)))
    assert twice == pytest.approx(once / 2, rel=0.1)


PAINTS = {
    (128, 128, 128): ("style.chroma", "monochrome"), (230, 30, 40): ("style.chroma", "vivid"),
    (20, 22, 40): ("style.key", "low"), (240, 238, 232): ("style.key", "high"),
    (205, 150, 110): ("style.temperature", "warm"), (90, 120, 170): ("style.temperature", "cool"),
}  # fmt: skip


@pytest.mark.parametrize("paint", PAINTS)
def test_plain_paints_have_a_colour(studio, paint):
    film = np.broadcast_to(np.array(paint, np.uint8), (6, 48, 80, 3)).copy()
    field, value = PAINTS[paint]
    assert read(studio.watched(film))[field].values == (value,)


def test_a_turned_hue_changes_the_palette_and_nothing_of_the_motion(studio):
    film = studio.film(studio.line(14, x=0.02), exposure=2)
    film = np.clip(film * np.array([1.0, 0.7, 0.5]), 0, 255).astype(np.uint8)
    plain, turned = (read(studio.watched(pictures)) for pictures in (film, film[..., ::-1]))
    assert [v["style.temperature"].values for v in (plain, turned)] == [("warm",), ("cool",)]
    assert plain["camera.move"].values == turned["camera.move"].values == ("pan_right", "follow")
