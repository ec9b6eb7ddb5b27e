"""Cuts, dissolves and fades on small painted clips, and the things that look like them."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from anicaption.measure.edges import events, read_transition
from anicaption.measure.transition import TransitionWatch, decide
from anicaption.tracks import Event, Tracks

WIDTH, HEIGHT = 160, 90


def painting(seed: int, width: int = 6 * WIDTH, shapes: int = 120) -> np.ndarray:
    """Flat shapes with ink outlines on a flat ground."""
    rng = np.random.default_rng(seed)
    paint = np.full((HEIGHT, width, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(shapes):
        centre = int(rng.integers(0, width)), int(rng.integers(0, HEIGHT))
        axes = int(rng.integers(4, 30)), int(rng.integers(4, 20))
        angle = float(rng.integers(0, 180))
        cv2.ellipse(paint, centre, axes, angle, 0, 360, rng.integers(0, 255, 3).tolist(), -1, cv2.LINE_AA)
        cv2.ellipse(paint, centre, axes, angle, 0, 360, (20, 20, 20), 1, cv2.LINE_AA)
    return paint


def shot(seed: int, n_frames: int, speed_px: float = 0.0) -> list[np.ndarray]:
    paint = painting(seed)
    return [paint[:, x : x + WIDTH].copy() for x in (round(speed_px * t) for t in range(n_frames))]


def mixed(a: list[np.ndarray], b: list[np.ndarray], n_frames: int) -> list[np.ndarray]:
    """`a` into `b`, both going on while `n_frames` frames mix them linearly."""
    shares = [(i + 0.5) / n_frames for i in range(n_frames)]
    mix = [cv2.addWeighted(x, 1 - s, y, s, 0) for x, y, s in zip(a[-n_frames:], b[:n_frames], shares, strict=True)]
    return a[:-n_frames] + mix + b[n_frames:]


def towards(pictures: list[np.ndarray], level: int) -> list[np.ndarray]:
    """The pictures, becoming `level` all over in the last one."""
    n = len(pictures)
    blank = np.full_like(pictures[0], level)
    return [cv2.addWeighted(p, 1 - (i + 1) / n, blank, (i + 1) / n, 0) for i, p in enumerate(pictures)]


def watched(pictures) -> TransitionWatch:
    watch = TransitionWatch()
    for picture in pictures:
        watch.see(picture)
    return watch


def boundaries(pictures) -> list[tuple[int, str]]:
    return [(b.frame, b.kind) for b in decide(watched(pictures).scores())]


@pytest.mark.parametrize("speed_px", [0, 3])
def test_a_cut_is_the_first_frame_of_the_new_shot(speed_px):
    assert boundaries(shot(1, 14, speed_px) + shot(2, 14, speed_px)) == [(14, "cut")]


def test_shots_of_four_frames_are_shots():
    frames = [f for seed in range(1, 5) for f in shot(seed, 4)]
    assert boundaries(frames) == [(4, "cut"), (8, "cut"), (12, "cut")]


@pytest.mark.parametrize("nearer", [1.35, 1.6])
def test_a_cut_in_on_the_same_painting_is_a_cut_and_another_pose_before_it_is_none(nearer):
    paint = painting(3, WIDTH)
    whole = cv2.resize(paint, None, fx=nearer, fy=nearer, interpolation=cv2.INTER_LINEAR)
    y, x = (whole.shape[0] - HEIGHT) // 2, (whole.shape[1] - WIDTH) // 2
    near = whole[y : y + HEIGHT, x : x + WIDTH]
    assert boundaries([paint] * 12 + [near] * 12) == [(12, "cut")]
    poses = [paint.copy(), paint.copy()]
    for pose, (centre, axes) in zip(poses, [((60, 60), (16, 30)), ((84, 52), (30, 22))], strict=True):
        cv2.ellipse(pose, centre, axes, 0, 0, 360, (200, 60, 60), -1, cv2.LINE_AA)
    assert boundaries([poses[0]] * 12 + [poses[1]] * 12) == []


def test_two_figures_before_the_same_flat_ground_are_two_shots():
    ground = np.full((HEIGHT, WIDTH, 3), (150, 190, 220), np.uint8)
    one, other = ground.copy(), ground.copy()
    cv2.ellipse(one, (50, 60), (26, 40), 0, 0, 360, (200, 60, 60), -1, cv2.LINE_AA)
    cv2.ellipse(other, (105, 45), (34, 22), 30, 0, 360, (40, 60, 140), -1, cv2.LINE_AA)
    assert boundaries([one] * 12 + [other] * 12) == [(12, "cut")]


def test_cuts_and_dissolves_at_night():
    frames = mixed(shot(1, 36), shot(2, 36), 12) + shot(3, 14)
    night = [cv2.convertScaleAbs(f, alpha=0.25) for f in frames]
    assert boundaries(night) == [(30, "dissolve"), (60, "cut")]


def test_a_figure_that_changes_before_a_painted_ground_is_no_cut():
    small, large = shot(4, 12), shot(4, 12)
    for frame in small:
        cv2.ellipse(frame, (80, 60), (14, 34), 0, 0, 360, (220, 190, 160), -1, cv2.LINE_AA)
    for frame in large:
        cv2.ellipse(frame, (80, 45), (40, 50), 0, 0, 360, (60, 30, 120), -1, cv2.LINE_AA)
    assert boundaries(small + large) == []


def test_held_frames_divide_by_nothing_and_are_no_cuts():
    watch = watched(shot(1, 40))
    assert np.isfinite(watch.scores()["jump"]).all()
    assert decide(watch.scores()) == ()


@pytest.mark.parametrize("speed_px", [1, 6, 14])
def test_a_pan_over_one_painting_is_no_cut_and_no_dissolve(speed_px):
    assert boundaries(shot(3, 50, speed_px)) == []


def test_a_whip_pan_that_stops_is_no_cut():
    paint = painting(4)
    x = np.concatenate([np.zeros(12), np.cumsum([4, 12, 24, 32, 32, 24, 12, 4]), np.full(12, 144)]).astype(int)
    assert boundaries([paint[:, i : i + WIDTH] for i in x]) == []


def test_a_figure_that_covers_the_frame_and_leaves_is_no_cut():
    frames = shot(5, 40)
    for t in range(8, 32):
        right = int((t - 7) * WIDTH / 8)
        left = right - WIDTH - 60
        cv2.rectangle(frames[t], (left, 0), (right, HEIGHT), (40, 30, 50), -1)
    assert boundaries(frames) == []


def test_light_that_is_switched_is_no_cut():
    bright = shot(6, 12)
    dark = [cv2.convertScaleAbs(f, alpha=0.6) for f in bright]
    assert boundaries(bright + dark + bright) == []


@pytest.mark.parametrize("n_frames", [6, 12, 24])
@pytest.mark.parametrize("speed_px", [0, 1])
def test_a_dissolve_is_one_boundary_in_its_middle_with_its_span(n_frames, speed_px):
    frames = mixed(shot(1, 24 + n_frames, speed_px), shot(2, 24 + n_frames), n_frames)
    (boundary,) = decide(watched(frames).scores())
    assert boundary.kind == "dissolve"
    assert abs(boundary.frame - (24 + n_frames / 2)) <= 2
    assert abs(boundary.start - 24) <= 2 and abs(boundary.end - (24 + n_frames)) <= 2


@pytest.mark.parametrize(("level", "value"), [(0, "black"), (255, "white")])
@pytest.mark.parametrize("n_frames", [6, 24])
def test_a_fade_out_and_in_is_one_boundary_where_it_is_blank(level, value, n_frames):
    a, b = shot(1, 20 + n_frames), shot(2, 20 + n_frames)
    out = a[:20] + towards(a[20:], level)
    back = towards(b[:n_frames][::-1], level)[::-1] + b[n_frames:]
    watch = watched(out + back)
    (boundary,) = decide(watch.scores())
    assert (boundary.kind, abs(boundary.frame - len(out)) <= 1) == ("fade", True)
    found = [e for e in events(watch) if e.field == "camera.transition"]
    assert [e.value for e in found] == [f"fade_out_{value}", f"fade_in_{value}"]
    assert abs(found[0].start - 20) <= 2 and abs(found[1].end - (len(out) + n_frames)) <= 2


def test_black_between_two_cuts_belongs_to_the_first_shot_unless_it_lasts():
    black = [np.zeros((HEIGHT, WIDTH, 3), np.uint8)]
    assert boundaries(shot(1, 14) + black * 9 + shot(2, 14)) == [(23, "cut")]
    assert boundaries(shot(1, 14) + black * 40 + shot(2, 14)) == [(14, "cut"), (54, "cut")]


def test_a_fade_that_opens_the_film_is_an_event_and_no_boundary():
    watch = watched(towards(shot(1, 12)[::-1], 0)[::-1] + shot(1, 20))
    assert decide(watch.scores()) == ()
    assert [e.value for e in events(watch)] == ["fade_in_black"]


def test_deciding_on_a_part_gives_the_boundaries_of_the_part():
    frames = mixed(shot(1, 60), shot(2, 40), 12) + shot(3, 40)
    scores = watched(frames).scores()
    whole = decide(scores)
    assert [b.kind for b in whole] == ["dissolve", "cut"]
    part = {name: column[30:] for name, column in scores.items()}
    assert decide(part, first=30) == whole


def test_the_picture_size_hardly_matters():
    frames = mixed(shot(1, 36), shot(2, 36, 1), 12) + shot(3, 12)
    large = [cv2.resize(f, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC) for f in frames]
    assert boundaries(large) == boundaries(frames) == [(30, "dissolve"), (60, "cut")]


def test_the_reader_speaks_of_the_edges_only():
    columns = {"jump": np.zeros(60, np.float32)}
    said = (
        Event("camera.transition", "dissolve_in", 0, 6, 0.8),
        Event("camera.transition", "fade_out_black", 50, 60, 0.9),
        Event("vfx.impact_frame", "mono", 0, 2, 0.9),
    )
    tracks = Tracks(Fraction(24), WIDTH, HEIGHT, columns, said)
    variable = read_transition(tracks)["camera.transition"]
    assert set(variable.values) == {"dissolve_in", "fade_out_black"}
    assert [(s.value, s.start, s.end) for s in variable.spans] == [("dissolve_in", 0, 6), ("fade_out_black", 50, 60)]
    assert read_transition(tracks.window(8, 40))["camera.transition"].values == ("none",)
    assert read_transition(tracks.window(0, 40))["camera.transition"].values == ("dissolve_in",)
    assert read_transition(tracks.window(0, 2))["camera.transition"].abstained
