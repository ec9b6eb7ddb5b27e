"""In and out told apart, in whole films and in clips that were cut out of the middle of a joint."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from anicaption.measure.edges import events, read_transition, whips
from anicaption.measure.transition import TransitionWatch, decide
from anicaption.tracks import Tracks

WIDTH, HEIGHT = 160, 90


def painting(seed: int, width: int = 4 * WIDTH) -> np.ndarray:
    """Flat shapes with ink outlines on a flat ground."""
    rng = np.random.default_rng(seed)
    paint = np.full((HEIGHT, width, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(100):
        centre = int(rng.integers(0, width)), int(rng.integers(0, HEIGHT))
        axes, angle = (int(rng.integers(4, 30)), int(rng.integers(4, 20))), float(rng.integers(0, 180))
        cv2.ellipse(paint, centre, axes, angle, 0, 360, rng.integers(0, 255, 3).tolist(), -1, cv2.LINE_AA)
        cv2.ellipse(paint, centre, axes, angle, 0, 360, (20, 20, 20), 1, cv2.LINE_AA)
    return paint


def shot(seed: int, n_frames: int, speed_px: float = 0.0) -> list[np.ndarray]:
    paint = painting(seed)
    return [paint[:, x : x + WIDTH].copy() for x in (round(speed_px * t) for t in range(n_frames))]


def joined(a, b, n_frames: int, blend) -> list[np.ndarray]:
    shares = [(i + 0.5) / n_frames for i in range(n_frames)]
    both = [blend(x, y, share) for x, y, share in zip(a[-n_frames:], b[:n_frames], shares, strict=True)]
    return [*a[:-n_frames], *both, *b[n_frames:]]


def dissolve(a, b, share):
    return cv2.addWeighted(a, 1 - share, b, share, 0)


def wipe(a, b, share):
    frame, x = a.copy(), round(share * WIDTH)
    frame[:, :x] = b[:, :x]
    return frame


def closing(pictures) -> list[np.ndarray]:
    """The pictures under an iris that is shut in the last of them."""
    frames = []
    for i, picture in enumerate(pictures):
        mask = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
        cv2.circle(mask, (WIDTH // 2, HEIGHT // 2), round(92 * (1 - (i + 1) / len(pictures))), 1, -1)
        frames.append(picture * mask)
    return frames


def torn(picture, n_frames: int) -> list[np.ndarray]:
    """The picture torn away to the side, faster and faster."""
    frames = []
    for i in range(1, n_frames + 1):
        moved = np.roll(picture, -round(0.35 * WIDTH * i * i / (2 * n_frames)), axis=1)
        frames.append(cv2.blur(moved, (max(1, round(0.35 * WIDTH * i / n_frames)), 1)))
    return frames


def read(frames):
    watch = TransitionWatch()
    for frame in frames:
        watch.see(frame)
    tracks = Tracks(Fraction(24), WIDTH, HEIGHT, watch.columns(), events(watch))
    return read_transition(tracks)["camera.transition"], tracks, watch


@pytest.mark.parametrize(("blend", "name"), [(dissolve, "dissolve"), (wipe, "wipe")])
@pytest.mark.parametrize("speed_px", [0, 1])
def test_a_joint_ends_one_shot_and_begins_the_next(blend, name, speed_px):
    frames = joined(shot(1, 44, speed_px), shot(2, 44), 12, blend)
    _, tracks, watch = read(frames)
    (boundary,) = decide(watch.scores())
    assert boundary.kind == name and abs(boundary.frame - 38) <= 2
    before = read_transition(tracks.window(0, 38))["camera.transition"]
    after = read_transition(tracks.window(38, 76))["camera.transition"]
    assert before.values == (f"{name}_out",) and abs(before.spans[0].start - 32) <= 2
    assert after.values == (f"{name}_in",) and abs(after.spans[0].end - 6) <= 2


@pytest.mark.parametrize(("blend", "name"), [(dissolve, "dissolve"), (wipe, "wipe")])
@pytest.mark.parametrize("n_frames", [16])
def test_a_clip_cut_out_of_the_middle_of_a_joint_knows_what_is_left_of_it(blend, name, n_frames):
    frames = joined(shot(1, 50), shot(2, 50, 1), n_frames, blend)
    cut = 50 - n_frames // 2
    first, _, _ = read(frames[:cut])
    second, _, _ = read(frames[cut:])
    assert first.values == (f"{name}_out",) and abs(first.spans[0].start - (50 - n_frames)) <= 1
    assert second.values == (f"{name}_in",) and abs(second.spans[0].end - n_frames // 2) <= 1


def test_a_dissolve_out_of_a_run_with_effect_lines_is_found_from_its_other_end():
    paint = painting(1)
    wild = []
    for t in range(44):
        frame = paint[:, t % (3 * WIDTH) :][:, :WIDTH].copy()
        rng = np.random.default_rng(t // 2)
        for y in rng.integers(0, HEIGHT, 12):
            x = int(rng.integers(-40, WIDTH))
            cv2.line(frame, (x, int(y)), (x + int(rng.integers(30, 120)), int(y)), (250, 250, 250), 2)
        wild.append(frame)
    frames = joined(wild, shot(2, 60), 12, dissolve)
    _, _, watch = read(frames)
    assert [(b.kind, abs(b.frame - 38) <= 2) for b in decide(watch.scores())] == [("dissolve", True)]


def test_an_iris_is_no_fade():
    a = shot(1, 40)
    variable, _, _ = read(a[:28] + closing(a[28:]))
    assert variable.values == ("iris_out",)
    backwards, _, _ = read((a[:28] + closing(a[28:]))[::-1])
    assert backwards.values == ("iris_in",)


def test_a_whip_leaves_one_shot_and_enters_the_next():
    a, b = shot(1, 40), shot(2, 40)
    frames = a + torn(a[-1], 8) + torn(b[0], 8)[::-1] + b
    variable, _, _ = read(frames[:48])
    assert variable.values == ("whip_out",) and abs(variable.spans[0].start - 40) <= 2
    variable, _, _ = read(frames[48:])
    assert variable.values == ("whip_in",) and abs(variable.spans[0].end - 8) <= 2


def test_a_whip_out_of_a_pan_is_one_too():
    a, b = shot(1, 40, 6.0), shot(2, 40)
    assert read((a + torn(a[-1], 6) + b)[:46])[0].values == ("whip_out",)


def test_where_the_camera_tears_away_it_arrives():
    """Streaks too faint to be a whip by themselves are one on the other side of a cut that surely is one."""
    a, b = shot(1, 40), shot(2, 40)
    faint = torn(b[0], 8)[:2][::-1]
    alone, beside = (read(a + away + faint + b)[2].scores() for away in ([], torn(a[-1], 8)))
    assert whips(alone) == ()
    assert [(e.value, e.start, e.end) for e in whips(beside)] == [("whip_out", 40, 48), ("whip_in", 48, 50)]


def test_white_paper_fades_by_its_lines():
    paper = np.full((HEIGHT, WIDTH, 3), 250, np.uint8)
    for x in range(20, WIDTH - 20, 14):
        cv2.line(paper, (x, 20), (WIDTH - x, HEIGHT - 20), (40, 40, 40), 1)
    white = np.full_like(paper, 255)
    fade = [cv2.addWeighted(paper, share, white, 1 - share, 0) for share in np.linspace(0.95, 0.05, 8)]
    frames = shot(1, 30) + [paper] * 30 + fade
    _, tracks, _ = read(frames + fade[::-1] + shot(2, 30))
    assert read_transition(tracks.window(30, 68))["camera.transition"].values == ("fade_out_white",)


@pytest.mark.parametrize("speed_px", [0, 2, 5])
def test_a_pan_has_plain_edges(speed_px):
    assert read(shot(3, 48, speed_px))[0].values == ("none",)


@pytest.mark.parametrize(("blend", "name"), [(dissolve, "dissolve"), (wipe, "wipe")])
def test_reversal_swaps_in_and_out(blend, name):
    frames = joined(shot(1, 50), shot(2, 50), 12, blend)[:44]
    assert read(frames)[0].values == (f"{name}_out",)
    assert read(frames[::-1])[0].values == (f"{name}_in",)


def test_a_turn_of_the_hues_changes_no_transition():
    frames = joined(shot(1, 50), shot(2, 50), 12, dissolve)[40:]
    (turned,) = read([frame[..., [1, 2, 0]] for frame in frames])[0].spans
    (span,) = read(frames)[0].spans
    assert turned.value == span.value == "dissolve_in"
    assert turned.start == span.start == 0 and abs(turned.end - span.end) <= 1
