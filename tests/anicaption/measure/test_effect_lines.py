"""Effect lines drawn over a painted shot, and the straight edges that are none."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from anicaption.measure.effect_lines import LinesWatch, read_lines, runs
from anicaption.tracks import Tracks

WIDTH, HEIGHT = 256, 144


def painting(seed: int, width: int = WIDTH) -> np.ndarray:
    rng = np.random.default_rng(seed)
    paint = np.full((HEIGHT, width, 3), (150, 160, 190), np.uint8)
    for _ in range(width // 8):
        centre = int(rng.integers(0, width)), int(rng.integers(0, HEIGHT))
        axes = int(rng.integers(6, 40)), int(rng.integers(6, 30))
        cv2.ellipse(paint, centre, axes, 20, 0, 360, rng.integers(40, 220, 3).tolist(), -1, cv2.LINE_AA)
    return paint


def with_speed(picture: np.ndarray, seed: int, angle_deg: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    way = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    picture = picture.copy()
    for _ in range(40):
        start = np.array([rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)])
        end = start + way * rng.uniform(60, 160)
        cv2.line(picture, start.astype(int).tolist(), end.astype(int).tolist(), (250, 250, 250), 2, cv2.LINE_AA)
    return picture


def with_focus(picture: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    picture, middle = picture.copy(), np.array([WIDTH / 2, HEIGHT / 2])
    for angle in rng.uniform(0, 2 * np.pi, 60):
        way = np.array([np.cos(angle), np.sin(angle)])
        start, end = middle + way * rng.uniform(45, 70), middle + way * 170
        cv2.line(picture, start.astype(int).tolist(), end.astype(int).tolist(), (15, 15, 20), 2, cv2.LINE_AA)
    return picture


def read(frames):
    watch = LinesWatch()
    for frame in frames:
        watch.see(frame)
    return read_lines(Tracks(Fraction(24), WIDTH, HEIGHT, watch.columns()))["vfx.lines"]


@pytest.mark.parametrize("angle_deg", [0, 35, 90])
def test_speed_lines_are_found_in_their_frames(angle_deg):
    plain = painting(1)
    frames = [plain] * 24 + [with_speed(plain, t // 2, angle_deg) for t in range(24)]
    variable = read(frames)
    assert variable.values == ("speed",)
    (span,) = variable.spans
    assert abs(span.start - 24) <= 3 and span.end >= 45


def test_focus_lines_point_at_one_spot():
    plain = painting(2)
    variable = read([with_focus(plain, t // 2) for t in range(30)])
    assert set(variable.values) <= {"focus", "burst"}
    assert len(variable.values) == 1


def test_a_held_drawing_of_lines_is_part_of_the_picture():
    assert read([with_speed(painting(1), 1, 0)] * 30).values == ("none",)


@pytest.mark.parametrize("speed_px", [0, 1, 6])
def test_a_pan_over_a_painting_has_no_lines(speed_px):
    paint = painting(3, WIDTH + 300)
    assert read([paint[:, t * speed_px : t * speed_px + WIDTH] for t in range(40)]).values == ("none",)


def test_focus_lines_on_two_sides_of_a_wide_picture_point_at_its_middle():
    plain = painting(1)
    frames = [plain] * 12
    for t in range(24):
        rng, picture = np.random.default_rng(t // 2), plain.copy()
        for side in (0, WIDTH):
            for _ in range(40):
                edge = np.array([side, rng.uniform(0, HEIGHT)])
                tip = edge + (np.array([WIDTH / 2, HEIGHT / 3]) - edge) * rng.uniform(0.3, 0.5)
                cv2.line(picture, edge.astype(int).tolist(), tip.astype(int).tolist(), (15, 15, 20), 2, cv2.LINE_AA)
        frames.append(picture)
    found = read(frames)
    assert set(found.values) <= {"focus", "burst"}
    assert found.spans[0].start in (11, 12, 13)


def test_runs_bridge_short_gaps_and_need_some_looks():
    looked = np.zeros(40, bool)
    looked[::3] = True
    hot = np.zeros(40, bool)
    hot[[6, 9, 15]] = True
    hot[36] = True
    assert runs(hot, looked) == [(5, 17)]


def test_a_shot_too_short_to_tell_is_no_answer():
    assert read([painting(1)] * 4).abstained
