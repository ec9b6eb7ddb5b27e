"""Joints of a few frames, impact frames that touch a cut, torn pans: on small painted clips."""

import cv2
import numpy as np
import pytest
from anicaption.measure.brief import brief, is_mix
from anicaption.measure.likeness import alike_lines, profile_step, thumbnail
from anicaption.measure.transition import TransitionWatch, decide

WIDTH, HEIGHT = 160, 90


def shot(seed: int, n_frames: int, speed_px: float = 0.0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    paint = np.full((HEIGHT, 8 * WIDTH, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(160):
        centre = int(rng.integers(0, 8 * WIDTH)), int(rng.integers(0, HEIGHT))
        axes = int(rng.integers(4, 30)), int(rng.integers(4, 20))
        colour = rng.integers(0, 255, 3).tolist()
        cv2.ellipse(paint, centre, axes, float(rng.integers(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
    return [paint[:, x : x + WIDTH].copy() for x in (round(speed_px * t) for t in range(n_frames))]


def joined(n_frames: int, kind: str) -> list[np.ndarray]:
    """A joint of `n_frames` mixed frames from 16 on."""
    one, other = shot(1, 40), shot(2, 40)
    mixed = []
    for i in range(n_frames):
        share = (i + 1) / (n_frames + 1)
        frame = cv2.addWeighted(one[0], 1 - share, other[0], share, 0)
        if kind == "wipe":
            frame = one[0].copy()
            frame[:, : round(share * WIDTH)] = other[0][:, : round(share * WIDTH)]
        mixed.append(frame)
    return [*one[:16], *mixed, *other[:16]]


def boundaries(pictures: list[np.ndarray]) -> list[tuple[int, str, int, int]]:
    watch = TransitionWatch()
    for picture in pictures:
        watch.see(picture)
    return [(b.frame, b.kind, b.start, b.end) for b in decide(watch.scores())]


@pytest.mark.parametrize("kind", ["dissolve", "wipe"])
@pytest.mark.parametrize("n_frames", [2, 3, 5])
def test_a_brief_joint_is_found_with_its_frames(kind, n_frames):
    assert boundaries(joined(n_frames, kind)) == [(16 + n_frames // 2, kind, 16, 16 + n_frames)]


def test_brief_tells_a_mix_from_a_wipe_and_refuses_a_cut():
    for kind in ("dissolve", "wipe"):
        found = brief([thumbnail(frame) for frame in joined(3, kind)[15:20]])
        assert found is not None and is_mix(found.mixed) == (kind == "dissolve")
    assert brief([thumbnail(frame) for frame in [*shot(1, 2), *shot(2, 2)]]) is None


@pytest.mark.parametrize("late", [False, True], ids=["before the cut", "after the cut"])
def test_a_negative_at_a_cut_belongs_to_the_shot_whose_lines_it_has(late):
    one, other = shot(1, 16), shot(2, 16)
    if late:
        other[:2] = [255 - other[0]] * 2
    else:
        one[-2:] = [255 - one[0]] * 2
    assert [(frame, kind) for frame, kind, *_ in boundaries([*one, *other])] == [(16, "cut")]


def test_a_black_frame_between_two_shots_hides_no_cut():
    frames = [*shot(1, 16), np.zeros((HEIGHT, WIDTH, 3), np.uint8), *shot(2, 16)]
    assert [frame for frame, *_ in boundaries(frames)] == [17]


def test_lines_stay_in_a_negative_and_means_stay_in_a_pan():
    here, there = shot(1, 1)[0], shot(2, 1)[0]
    assert alike_lines(thumbnail(here), thumbnail(255 - here)) > 0.9
    assert alike_lines(thumbnail(here), thumbnail(there)) < 0.4
    torn = [cv2.blur(frame, (60, 1)) for frame in shot(3, 3, 50.0)]
    cut = profile_step(thumbnail(here), thumbnail(there))
    assert profile_step(thumbnail(torn[0]), thumbnail(torn[1])) < 0.5 * cut
