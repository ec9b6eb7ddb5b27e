"""Smear drawings on painted frames: what stands briefly and out of its shot, and what does not."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from anicaption.layers import Motion, Picture, Step
from anicaption.measure.deformation import SmearWatch, proposals, read_deformation
from anicaption.tracks import Event, Tracks

WIDTH, HEIGHT = 256, 144


def ground(shift_px: int = 0) -> np.ndarray:
    rng = np.random.default_rng(3)
    wide = np.full((HEIGHT, 2 * WIDTH), 150, np.uint8)
    for _ in range(50):
        centre = int(rng.integers(0, 2 * WIDTH)), int(rng.integers(0, HEIGHT))
        cv2.circle(wide, centre, int(rng.integers(4, 16)), int(rng.integers(110, 190)), -1)
    return wide[:, shift_px : shift_px + WIDTH].copy()


def figure(picture: np.ndarray, angle_deg: float) -> np.ndarray:
    """A body and an arm that points at `angle_deg`."""
    cv2.rectangle(picture, (110, 60), (135, 140), 40, -1)
    x, y = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    cv2.line(picture, (122, 70), (round(122 + 45 * x), round(70 + 45 * y)), 30, 7)
    return picture


def sweep(picture: np.ndarray, first_deg: float, last_deg: float) -> np.ndarray:
    cv2.ellipse(figure(picture, last_deg), (122, 70), (60, 60), 0, first_deg, last_deg, 35, -1)
    return picture


def watched(pictures, way_px: float = 0.0) -> dict[str, np.ndarray]:
    watch, before = SmearWatch(), None
    step = Step(Motion(1, complex(way_px / (WIDTH / 2), 0)), 1.0, 1.0)
    for picture in pictures:
        changed = before is not None and bool((cv2.absdiff(picture, before) > 20).any())
        watch.see(Picture(picture), None if before is None else step, 0.5 if changed or way_px else 0.0)
        before = picture
    return watch.columns()


def tracks(columns, events=()) -> Tracks:
    return Tracks(Fraction(24), WIDTH, HEIGHT, columns, tuple(events))


def read(columns, events=()):
    return read_deformation(tracks(columns, events))["motion.deformation"]


def acting(n_frames: int = 30, way_px: int = 0) -> list[np.ndarray]:
    """An arm that comes down slowly on twos."""
    return [figure(ground(way_px * t), -60 + 2 * (t // 2)) for t in range(n_frames)]


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("way_px", [0, 2])
def test_a_smear_is_found_where_it_is(length, way_px):
    pictures = acting(way_px=way_px)
    for t in range(12, 12 + length):
        pictures[t] = sweep(ground(way_px * t), -40, 40)
    columns = watched(pictures, way_px)
    best = max(proposals(columns, (), ()), key=lambda event: event.score)
    assert (best.start, best.end) == (12, 12 + length) and best.score > 0.5
    assert best.value.startswith("smear")
    found = read(columns)
    assert f"frames 12-{11 + length}" in (found.abstained or "")


def test_acting_without_a_smear_has_none():
    assert read(watched(acting())).values == ("none",)


def test_what_stays_is_no_smear():
    pictures = acting()
    for t in range(12, 20):
        pictures[t] = sweep(ground(), -40, 40)
    assert read(watched(pictures)).values == ("none",)


def test_a_shot_in_which_every_drawing_is_as_wild_has_none():
    pictures = [sweep(ground(), 60 * t, 60 * t + 50) for t in range(30)]
    assert read(watched(pictures)).values == ("none",)


def test_an_impact_frame_is_no_smear():
    pictures = acting()
    pictures[12] = 255 - pictures[12]
    columns = watched(pictures)
    assert read(columns, [Event("vfx.impact_frame", "inverted", 12, 13, 0.9)]).values == ("none",)


def test_proposals_are_made_shot_by_shot_and_know_less_certain_ones():
    pictures = acting(60)
    pictures[12] = sweep(ground(), -40, 40)
    pictures[44] = sweep(ground(), -40, -5)
    events = proposals(watched(pictures), (), (30,))
    assert {(event.start, event.end) for event in events} >= {(12, 13), (44, 45)}
    assert all(0 < event.score < 1 and event.field == "motion.deformation" for event in events)


def test_too_short_a_clip_abstains():
    assert read(watched(acting(4))).abstained
