"""The four colour fields on painted frames, against the bins of colour_bins."""

from fractions import Fraction

import numpy as np
import pytest
from anicaption.measure.colour import ColourWatch, read_colour
from anicaption.tracks import Event, Tracks

WIDTH, HEIGHT = 128, 72


def painted(*colours) -> np.ndarray:
    """Vertical bands of the given colours."""
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    edges = np.linspace(0, WIDTH, len(colours) + 1).astype(int)
    for left, right, colour in zip(edges[:-1], edges[1:], colours, strict=True):
        frame[:, left:right] = colour
    return frame


def read(frames, events=()):
    watch = ColourWatch()
    for frame in frames:
        watch.see(frame)
    fields = read_colour(Tracks(Fraction(24), WIDTH, HEIGHT, watch.columns(), tuple(events)))
    return {name.removeprefix("style."): variable.values[0] for name, variable in fields.items()}


BROAD = painted((190, 70, 60), (60, 150, 70), (60, 80, 170), (200, 180, 70))


@pytest.mark.parametrize(
    ("frame", "field", "value"),
    [
        (painted((30, 30, 30), (200, 200, 200)), "chroma", "monochrome"),
        (painted((120, 110, 112), (110, 118, 122)), "chroma", "muted"),
        (painted((250, 20, 20), (20, 30, 240)), "chroma", "vivid"),
        (painted((10, 10, 20), (40, 30, 30)), "key", "low"),
        (painted((250, 250, 240), (235, 240, 250)), "key", "high"),
        (painted((220, 140, 60), (200, 120, 70)), "temperature", "warm"),
        (painted((60, 110, 180), (50, 90, 170)), "temperature", "cool"),
        (painted((60, 110, 180), (50, 90, 170)), "hues", "limited"),
        (BROAD, "hues", "broad"),
        (painted((30, 30, 30), (200, 200, 200)), "temperature", "na"),
    ],
)
def test_a_picture_reads_as_it_was_painted(frame, field, value):
    assert read([frame] * 9)[field] == value


def test_the_black_of_a_matte_has_no_say():
    frame = painted((250, 250, 240), (235, 240, 250))
    frame[:9], frame[-9:] = 0, 0
    assert read([frame] * 9)["key"] == "high"


def test_impact_frames_and_fades_have_no_say():
    frames = [BROAD] * 6 + [np.zeros_like(BROAD)] * 12
    assert read(frames)["key"] == "low"
    assert read(frames, [Event("vfx.impact_frame", "black_flash", 6, 18, 0.9)])["key"] == "mid"


def test_a_turn_of_the_hues_changes_temperature_only():
    before, after = (
        read([painted((220, 140, 60), (200, 120, 70))] * 6),
        read([painted((60, 140, 220), (70, 120, 200))] * 6),
    )
    assert {name for name in before if before[name] != after[name]} == {"temperature"}


def test_not_measured_is_no_answer():
    tracks = Tracks(Fraction(24), WIDTH, HEIGHT, {"luma": np.zeros(9, np.float32)})
    assert all(variable.abstained for variable in read_colour(tracks).values())
