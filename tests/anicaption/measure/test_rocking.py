"""A cel that is swung is told from a figure that acts and from one that goes somewhere."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from anicaption.measure.rocking import read_rocking
from anicaption.tracks import Tracks

from tests.anicaption.measure.conftest import figure

N = 48


def swung(studio, axis: str, reach_px: float) -> np.ndarray:
    """A held figure over a still painting, its cel moved to and fro along x or y with a period of 20 frames."""
    film = studio.film(studio.line(N), seed=4, size=(320, 180)).copy()
    on_black, on_white = np.zeros_like(film[0]), np.full_like(film[0], 255)
    figure(on_black, 0)
    figure(on_white, 0)
    mask = (on_black != 0).any(2) | (on_white != 255).any(2)
    for number, picture in enumerate(film):
        shift = round(reach_px * np.sin(2 * np.pi * number / 20))
        by = (0, shift) if axis == "x" else (shift, 0)
        where = np.roll(mask, by, (0, 1))
        picture[where] = np.roll(on_black, by, (0, 1))[where]
    return film


@pytest.mark.parametrize(("axis", "value"), [("x", "sway"), ("y", "bob")])
def test_a_cel_that_swings_is_read_from_pixels(studio, axis, value):
    assert read_rocking(studio.watched(swung(studio, axis, 6)))["motion.rocking"].values == (value,)


def test_a_figure_that_is_redrawn_in_its_place_does_not_rock(studio):
    film = studio.film(studio.line(N), exposure=2, seed=4)
    assert read_rocking(studio.watched(film))["motion.rocking"].values == ("none",)


def tracks(dx: Any = 0.0, dy: Any = 0.0, turn: Any = 0.0, fit: Any = 1.0) -> Tracks:
    given = {"figure_dx": dx, "figure_dy": dy, "figure_turn_deg": turn, "figure_fit": fit}
    return Tracks(Fraction(24), 1280, 720, {k: np.full(N, v, np.float32) * np.ones(N) for k, v in given.items()})


def test_a_turn_is_no_sway_and_going_somewhere_is_no_swing():
    wave = np.cos(2 * np.pi * np.arange(N) / 20)
    assert read_rocking(tracks(turn=0.8 * wave, dx=0.004 * wave))["motion.rocking"].values == ("turn",)
    assert read_rocking(tracks(dx=0.006))["motion.rocking"].values == ("none",)


def test_limbs_that_fit_no_one_motion_are_not_swung():
    wave = np.cos(2 * np.pi * np.arange(N) / 20)
    assert read_rocking(tracks(dy=0.005 * wave, fit=0.3))["motion.rocking"].values == ("none",)


def test_too_few_steps_show_no_swing():
    assert not read_rocking(tracks().window(0, 10))["motion.rocking"].known
