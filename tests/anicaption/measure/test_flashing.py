"""Flashes on painted frames: how many a second, how large, how strong, how red."""

from fractions import Fraction

import numpy as np
import pytest
from anicaption.measure.flashing import FlashingWatch, changes, flashing_spans, read_flashing
from anicaption.tracks import Tracks

WIDTH, HEIGHT = 96, 54
DARK, BRIGHT = (60, 60, 60), (235, 235, 235)


def read(frames, rate: int = 24):
    watch = FlashingWatch()
    for frame in frames:
        watch.see(frame)
    return read_flashing(Tracks(Fraction(rate), WIDTH, HEIGHT, watch.columns()))["content.flashing"]


def blinking(n_frames: int, period: int, off=DARK, on=BRIGHT, share: float = 1.0) -> list[np.ndarray]:
    """`on` every `period` frames for half of them, over the left `share` of the picture."""
    frames = []
    for t in range(n_frames):
        frame = np.full((HEIGHT, WIDTH, 3), off, np.uint8)
        if t % period >= period // 2:
            frame[:, : round(WIDTH * share)] = on
        frames.append(frame)
    return frames


def test_six_flashes_a_second_are_flashing_with_their_frames():
    calm = blinking(20, 100)
    variable = read(calm + blinking(24, 4) + calm)
    assert variable.values == ("flashing",)
    (span,) = variable.spans
    assert 20 <= span.start <= 23 and 42 <= span.end <= 45


def test_three_flashes_a_second_are_within_the_limit():
    assert read(blinking(72, 8)).values == ("none",)


def test_the_rate_of_the_film_decides_what_a_second_is():
    assert read(blinking(72, 8), rate=60).values == ("flashing",)


@pytest.mark.parametrize(("share", "value"), [(0.2, "none"), (0.3, "flashing")])
def test_a_quarter_of_the_picture_is_the_least(share, value):
    assert read(blinking(48, 4, share=share)).values == (value,)


def test_small_changes_and_changes_between_bright_states_are_no_flashes():
    assert read(blinking(48, 4, (120, 120, 120), (135, 135, 135))).values == ("none",)
    assert read(blinking(48, 4, (232, 232, 232), (255, 255, 255))).values == ("none",)


def test_saturated_red_flashes_though_its_luminance_hardly_changes():
    red, grey = (200, 0, 0), (115, 115, 115)
    assert read(blinking(48, 4, grey, red)).values == ("flashing",)
    assert read(blinking(48, 4, grey, (20, 130, 20))).values == ("none",)


def test_a_slow_fade_is_one_change():
    frames = [np.full((HEIGHT, WIDTH, 3), v, np.uint8) for v in np.linspace(10, 240, 48).astype(int)]
    assert read(frames).values == ("none",)


def test_changes_gather_over_the_frames_of_one_edge():
    share = np.array([0, 0.1, 0.1, 0.1, 0, 0, -0.5, 0], np.float32)
    assert changes(share) == [3, 6]
    assert flashing_spans(list(range(0, 16, 2)), 24) == [(0, 14)]
    assert flashing_spans(list(range(0, 16, 4)), 24) == []


def test_reversal_keeps_what_flashes():
    frames = blinking(40, 5) + blinking(20, 100)
    assert read(frames).values == read(frames[::-1]).values == ("flashing",)


def test_nothing_measured_is_no_answer():
    assert read_flashing(Tracks(Fraction(24), 8, 8, {"luma": np.zeros(9, np.float32)}))["content.flashing"].abstained
