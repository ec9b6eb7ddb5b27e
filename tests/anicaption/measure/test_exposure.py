"""What the streaming half of the exposure estimators says of painted clips, and what their readers make of columns."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from anicaption.layers import STILL, Motion, Picture, Step
from anicaption.measure import read
from anicaption.measure.cycle import NEAREST_FRAMES, RepeatWatch, period
from anicaption.measure.economy import read_economy
from anicaption.measure.exposure import REACH_FRAMES, ExposureWatch
from anicaption.measure.intensity import read_intensity
from anicaption.measure.leftover import Leftover
from anicaption.measure.partial import read_partial
from anicaption.tracks import Tracks

N = 48


def columns(new: np.ndarray, **more: np.ndarray | float) -> Tracks:
    """Tracks of a shot whose frames `new` bring drawings; `more` sets columns, all frames alike for a number."""
    made = {
        "redraw": np.where(new, 0.6, 0.02),
        "redraw_peak": np.where(new, 1.5, 0.01),
        "redraw_area": np.where(new, 15.0, 0.0),
        "redraw_floor": np.full(len(new), 0.03),
        "camera_x": np.zeros(len(new)),
        "camera_y": np.zeros(len(new)),
        "camera_zoom": np.zeros(len(new)),
        "camera_roll_deg": np.zeros(len(new)),
        "motion_pct": np.where(new, 2.0, 0.0),
    }
    for name, value in more.items():
        made[name] = np.broadcast_to(np.asarray(value, float), new.shape)
    return Tracks(Fraction(24), 320, 180, {name: np.asarray(c, np.float32) for name, c in made.items()})


def on(step: int, n_frames: int = N) -> np.ndarray:
    return np.arange(n_frames) % step == 0


def test_the_last_rows_are_the_same_before_and_after_more_frames(studio):
    """A row may change only while frames that follow it within reach are still missing."""
    film = studio.film(studio.line(24), exposure=2)
    watch, before = ExposureWatch(), None
    early = {}
    for number, rgb in enumerate(film):
        now = Picture(rgb, before.cells if before else None)
        watch.see(before, now, Step(STILL, 1.0, 1.0) if before else None)
        before = now
        if number == 15:
            early = watch.columns()
    late = watch.columns()
    assert len(late["redraw"]) == 24 and len(early["redraw"]) == 16
    settled = 16 - REACH_FRAMES
    for name in late:
        assert np.array_equal(early[name][:settled], late[name][:settled], equal_nan=True)


def test_what_enters_at_the_edge_is_no_drawing(studio):
    tracks = studio.watched(studio.film(studio.line(20, y=0.01), size=(256, 144), noise=0.3))
    assert np.median(tracks["redraw_peak"][2:]) < 0.3


def test_the_place_of_a_change_is_the_mouth(studio):
    film = studio.film(studio.line(12), exposure=0, size=(256, 144), noise=0.0)
    film[6:, 54:66, 140:152] = (90, 20, 40)
    tracks = studio.watched(film)
    assert tracks["redraw_x"][6] == pytest.approx(146 / 256 - 0.5, abs=0.03)
    assert tracks["redraw_y"][6] == pytest.approx(60 / 144 - 0.5, abs=0.03)
    assert tracks["redraw_reach"][6] < 0.1


def test_a_stretch_is_explained_by_an_affine_motion_and_a_wave_is_not():
    y, x = np.mgrid[0:144, 0:256].astype(np.float32)
    picture = (127 + 60 * np.sin(x / 5) * np.sin(y / 6)).astype(np.uint8)
    stretched = (127 + 60 * np.sin((x / 1.01) / 5) * np.sin(y / 6)).astype(np.uint8)
    waved = (127 + 60 * np.sin((x + 1.5 * np.sin(y / 9)) / 5) * np.sin(y / 6)).astype(np.uint8)
    before = Picture(picture)
    left = [Leftover()(before, Picture(p, before.cells), Step(STILL, 1.0, 1.0)) for p in (stretched, waved)]
    assert left[0].flow_pct > 0 and left[1].flow_pct > 0
    assert left[0].nonrigid_pct / left[0].flow_pct < left[1].nonrigid_pct / left[1].flow_pct


def test_a_loop_of_drawings_finds_itself_again():
    rng = np.random.default_rng(1)
    drawings = [cells.repeat(16, 0).repeat(16, 1) for cells in rng.integers(0, 255, (5, 9, 16)).astype(np.uint8)]
    watch = RepeatWatch()
    for frame in range(40):
        watch.see(
            Picture(drawings[frame // 2 % 5]), Step(Motion(), 1.0, 1.0) if frame else None, 0.9 * (frame % 2 == 0)
        )
    kept = watch.columns()
    tracks = Tracks(Fraction(24), 256, 144, kept)
    assert period(tracks)[0] == pytest.approx(10, abs=1)
    assert np.isnan(kept["repeat_frames"][:NEAREST_FRAMES]).all()
    other = RepeatWatch()
    for frame in range(40):
        cells = rng.integers(0, 255, (9, 16)).astype(np.uint8).repeat(16, 0).repeat(16, 1)
        other.see(Picture(cells), Step(Motion(), 1.0, 1.0) if frame else None, 0.9)
    assert np.isnan(period(Tracks(Fraction(24), 256, 144, other.columns()))[0])


def test_a_small_spot_with_eyes_above_it_is_a_mouth_and_other_spots_are_not_named():
    y = np.full(N, 0.05)
    y[[12, 30]] = -0.03
    spot = {"redraw_x": 0.1, "redraw_y": y, "redraw_reach": 0.06, "redraw_edge": 0.0}
    assert read_partial(columns(on(3), **spot))["motion.partial"].values == ("mouth_flap", "blink")
    alone = read_partial(columns(on(3), **(spot | {"redraw_y": 0.05})))["motion.partial"]
    rare = np.zeros(N, bool)
    rare[[0, 10, 12, 30, 32]] = True
    for unnamed in (alone, read_partial(columns(rare, **spot))["motion.partial"]):
        assert unnamed.values == ("unknown",) and "a small spot" in (unnamed.abstained or "")
    body = spot | {"redraw_reach": 0.4}
    assert read_partial(columns(on(3), **body))["motion.partial"].values == ("none",)
    hair = spot | {"redraw_reach": 0.2}
    assert "hair" in (read_partial(columns(on(3), **hair))["motion.partial"].abstained or "")


def test_economy_names_a_spot_and_a_loop_and_abstains_else():
    held = np.zeros(N, bool)
    assert "held figure" in (read_economy(columns(held))["motion.economy"].abstained or "")
    spot = {"redraw_x": 0.1, "redraw_y": 0.05, "redraw_reach": 0.06, "redraw_edge": 0.0}
    assert read_economy(columns(on(3), **spot))["motion.economy"].values == ("partial_only",)
    body = spot | {"redraw_reach": 0.4}
    loop = body | {"repeat_frames": np.where(on(2), 12.0, np.nan), "repeat_away": np.where(on(2), 0.1, np.nan)}
    assert read_economy(columns(on(2), **loop))["motion.economy"].values == ("cycle",)
    assert "come back" in (read_economy(columns(on(2), **body))["motion.economy"].abstained or "")


def test_a_held_drawing_at_rest_is_static_however_the_picture_stirs():
    held = np.zeros(N, bool)
    assert read_intensity(columns(held, motion_pct=1.0))["motion.intensity"].values == ("static",)
    pulled = columns(held, motion_pct=1.0, figure_dx=0.01, figure_dy=0.0)
    assert read_intensity(pulled)["motion.intensity"].values == ("moderate",)
    assert read_intensity(columns(on(2), motion_pct=1.0))["motion.intensity"].values == ("moderate",)


@pytest.mark.parametrize("n_frames", range(1, 7))
def test_a_clip_of_a_few_frames_is_measured_and_says_nothing_of_exposure(studio, n_frames):
    tracks = studio.watched(studio.film(studio.line(n_frames), exposure=2))
    assert all(len(column) == n_frames for column in tracks.columns.values())
    said = read(tracks)
    for field in ("motion.timing", "motion.partial", "motion.economy"):
        assert said[field].values == ("unknown",) and "exposure needs" in (said[field].abstained or "")


def test_too_few_frames_say_why_nothing_is_known():
    few = columns(on(2, 6))
    for reader in (read_partial, read_economy):
        for variable in reader(few).values():
            assert variable.values == ("unknown",) and "exposure needs" in (variable.abstained or "")
