import json
from fractions import Fraction

import numpy as np
import pytest
from anicaption.record import Evidence, Record, Span, abstain, drawn, measured, not_measured, variable_model
from anicaption.taxonomy import TaxonomyError, taxonomy
from anicaption.tracks import Event, Tracks
from pydantic import ValidationError

RATE = Fraction(24000, 1001)


def tracks(n_frames: int, camera_x: float = 0.0) -> Tracks:
    return Tracks(
        RATE,
        1280,
        720,
        {"camera_x": np.full(n_frames, camera_x, np.float32), "luma": np.linspace(0, 1, n_frames, dtype=np.float32)},
        (Event("vfx.impact_frame", "mono", 10, 12, 0.9),),
    )


def test_every_field_is_there_and_unknown_until_somebody_looks():
    record = Record.build(tracks(4), {})
    assert set(record.variables()) == set(taxonomy().field_ids)
    assert all(not variable.known for variable in record.variables().values())
    assert record.tags() == {}


def test_round_trip_keeps_everything_but_float_tails():
    evidence = Evidence(estimator="camera", version="1", start=0, end=4, numbers={"px": 3.5})
    record = Record.build(
        tracks(24),
        {
            "camera.move": measured("camera.move", ["pan_left"], {"pan_left": 0.9}, [evidence]),
            "motion.timing": abstain("motion.timing", "too few drawings"),
            "vfx.lines": drawn("vfx.lines", ["speed"], [Span(value="speed", start=3, end=9)]),
            "style.proportion": drawn("style.proportion", ["na"]),
        },
    )
    again = Record.from_json(json.dumps(record.to_json()))
    assert again.variables() == record.variables()
    assert again.camera.move.values == ("pan_left",)  # pyright: ignore[reportAttributeAccessIssue]
    assert again.tracks.events == record.tracks.events
    np.testing.assert_allclose(again.tracks["luma"], record.tracks["luma"], atol=1e-4)


@pytest.mark.parametrize("field", taxonomy().fields, ids=lambda field: field.id)
def test_a_field_takes_its_own_values_and_no_others(field):
    model = variable_model(field.id)
    others = {value for other in taxonomy() for value in other.value_ids} | {"", "Unknown", "nan"}
    for value in (*field.value_ids, "unknown", "na"):
        assert model(field=field.id, values=(value,), source="expert").values == (value,)
    for value in others - set(field.value_ids):
        with pytest.raises(ValidationError):
            model(field=field.id, values=(value,), source="expert")


def test_a_record_of_another_taxonomy_is_refused():
    value = Record.build(tracks(4), {}).to_json() | {"taxonomy_hash": "0" * 16}
    with pytest.raises(TaxonomyError, match="which is none of"):
        Record.from_json(value)


def test_a_window_clips_spans_and_forgets_what_it_cannot_know():
    record = Record.build(
        tracks(24),
        {
            "vfx.lines": drawn("vfx.lines", ["focus", "speed"], [
                Span(value="speed", start=3, end=9), Span(value="focus", start=12, end=20)]),
            "motion.performance": drawn("motion.performance", ["walk"]),
            "style.medium": drawn("style.medium", ["digital_2d"]),
            "vfx.element": drawn("vfx.element", ["none"]),
        },
    )  # fmt: skip
    window = record.window(6, 11)
    assert window.n_frames == 5
    assert window["vfx.lines"].values == ("speed",)
    assert window["vfx.lines"].spans == (Span(value="speed", start=0, end=3),)
    assert window["style.medium"].values == ("digital_2d",)
    assert window["vfx.element"].values == ("none",)
    assert not window["motion.performance"].known, "a walk may have ended before the window"
    assert record.window(9, 12)["vfx.lines"].values == ("none",)
    assert window.tracks.events == (Event("vfx.impact_frame", "mono", 4, 5, 0.9),)


def test_a_crop_rescales_the_camera_and_forgets_pixels():
    whole = tracks(24, camera_x=0.02)
    half = whole.window(0, 24, (0.25, 0.25, 0.75, 0.75))
    np.testing.assert_allclose(half["camera_x"], 0.04)
    assert np.isnan(half["luma"]).all()
    assert (half.width_px, half.height_px) == (640, 360)


def test_a_zoom_moves_a_crop_that_is_off_centre():
    """Content at the right of a growing picture moves right, so a crop there sees the camera go left."""
    zoom = Tracks(RATE, 100, 100, {name: np.full(3, value, np.float32) for name, value in
                                   {"camera_x": 0.0, "camera_y": 0.0, "camera_zoom": 0.04}.items()})  # fmt: skip
    right = zoom.window(0, 3, (0.5, 0.25, 1.0, 0.75))
    np.testing.assert_allclose(right["camera_x"], -0.04 * 0.25 / 0.5, rtol=1e-5)
    np.testing.assert_allclose(right["camera_y"], 0.0, atol=1e-7)


@pytest.mark.parametrize("window", [(0, 0), (-1, 3), (3, 25), (5, 4)])
def test_a_window_outside_the_shot_is_refused(window):
    with pytest.raises(ValueError, match="not inside the 24 frames"):
        Record.build(tracks(24), {}).window(*window)


def test_not_measured_says_so():
    assert not_measured("camera.move").source == "none"
    assert abstain("camera.move", "blank").abstained == "blank"
