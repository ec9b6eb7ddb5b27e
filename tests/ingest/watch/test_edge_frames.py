"""Foreign frames at the edges of clips: shifted cuts, blended and field-blended frames, transitions."""

import cv2
import numpy as np
import pytest
from anicaption.measure.transition import Boundary, TransitionWatch, decide
from animatrix_ingest.decide.pieces import Joint
from animatrix_ingest.watch.edge_frames import SCORES, Clean, Edges, clean, edge_frames, edge_scores, joint_of

WIDTH, HEIGHT = 160, 90
CUT = 24


def shot(seed: int, n_frames: int, speed_px: float = 1.0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    paint = np.full((HEIGHT, 4 * WIDTH, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(90):
        centre = int(rng.integers(0, 4 * WIDTH)), int(rng.integers(0, HEIGHT))
        axes = int(rng.integers(4, 30)), int(rng.integers(4, 20))
        cv2.ellipse(paint, centre, axes, 30, 0, 360, rng.integers(0, 255, 3).tolist(), -1, cv2.LINE_AA)
    return [paint[:, x : x + WIDTH].copy() for x in (round(speed_px * t) for t in range(n_frames))]


def columns(frames: list[np.ndarray]) -> dict[str, np.ndarray]:
    watch = TransitionWatch()
    for frame in frames:
        watch.see(frame)
    return watch.scores()


def film(joint: list[np.ndarray] | None = None, mixed: int = 0) -> list[np.ndarray]:
    one, other = shot(1, CUT), shot(2, CUT)
    if joint is not None:
        return [*one[: CUT - len(joint)], *joint, *other]
    shares = [(i + 1) / (mixed + 1) for i in range(mixed)]
    mix = [cv2.addWeighted(a, 1 - s, b, s, 0) for a, b, s in zip(one[-mixed:], other, shares, strict=False)]
    return [*one[:-mixed], *mix, *other[mixed:]] if mixed else [*one, *other]


@pytest.mark.parametrize("off", [-2, -1, 0, 1, 2])
def test_a_cut_that_is_off_leaves_foreign_frames_on_one_side(off):
    rows = columns(film())
    at = CUT + off
    assert edge_frames(rows, 0, at) == Edges(0, max(0, off))
    assert edge_frames(rows, at, 2 * CUT) == Edges(max(0, -off), 0)


@pytest.mark.parametrize("fields", [False, True], ids=["blend", "fields"])
def test_a_half_blended_frame_is_nobodys(fields):
    one, other = shot(1, CUT), shot(2, CUT)
    half = cv2.addWeighted(one[-1], 0.5, other[0], 0.5, 0)
    if fields:
        half = one[-1].copy()
        half[1::2] = other[0][1::2]
    rows = columns(film([half]))
    assert edge_frames(rows, 0, CUT) == Edges(0, 1)
    assert edge_frames(rows, CUT, 2 * CUT) == Edges(0, 0)
    assert edge_frames(rows, CUT - 1, 2 * CUT) == Edges(1, 0)


def test_the_frames_of_a_dissolve_are_nobodys():
    rows = columns(film(mixed=6))
    before, after = edge_frames(rows, 0, CUT - 3), edge_frames(rows, CUT - 3, 2 * CUT - 6)
    assert abs(before.tail - 3) <= 1 and before.lead == 0
    assert abs(after.lead - 3) <= 1 and after.tail == 0


def test_an_impact_frame_at_a_cut_is_not_foreign():
    one, other = shot(1, CUT), shot(2, CUT)
    rows = columns([*one, 255 - other[0], *other[1:]])
    assert edge_frames(rows, CUT, 2 * CUT) == Edges(0, 0)
    assert edge_frames(rows, 0, CUT) == Edges(0, 0)


def test_a_short_neighbour_that_was_not_told_apart_is_foreign():
    rows = columns([*shot(1, CUT), *shot(2, 8), *shot(3, 2 * CUT)])
    assert edge_frames(rows, CUT, 3 * CUT + 8) == Edges(8, 0)
    assert edge_frames(rows, 0, CUT + 8) == Edges(0, 8)


@pytest.mark.parametrize("after", [1, 2])
def test_an_impact_frame_next_to_an_edge_is_not_foreign(after):
    one, other = shot(1, CUT), shot(2, 2 * CUT)
    other[after] = 255 - other[after]
    other[CUT + after] = 255 - other[CUT + after]
    rows = columns([*one, *other])
    assert edge_frames(rows, CUT, 2 * CUT) == Edges(0, 0)
    assert edge_frames(rows, 2 * CUT, 3 * CUT) == Edges(0, 0), "at the edge of a part of a shot there is no cut at all"


def test_the_frames_of_a_fade_are_its_shots_own():
    one, other = shot(1, CUT + 10), shot(2, CUT + 10)
    out = [cv2.convertScaleAbs(picture, alpha=1 - (i + 0.5) / 10) for i, picture in enumerate(one[-10:])]
    into = [cv2.convertScaleAbs(picture, alpha=(i + 0.5) / 10) for i, picture in enumerate(other[:10])]
    rows = columns([*one[:-10], *out, *into, *other[10:]])
    at = decide(rows)[0].frame
    assert edge_frames(rows, 0, at) == Edges(0, 0)
    assert edge_frames(rows, at, 2 * CUT + 20) == Edges(0, 0)


def test_scores_are_the_frames_to_trim():
    rows = columns(film())
    assert edge_scores(rows, CUT - 1, 2 * CUT) == {"edge_lead": 1.0, "edge_tail": 0.0}
    assert set(edge_scores(rows, CUT, 2 * CUT)) == set(SCORES)


def test_joints_hold_the_frames_that_show_two_pictures():
    assert joint_of(Boundary(30, "dissolve", 26, 34, 0.9)) == Joint(26, 34, "dissolve", 8)
    assert joint_of(Boundary(30, "fade", 20, 40, 0.9)) == Joint(30, 30, "fade", 20)
    assert joint_of(Boundary(30, "cut", 30, 30, 0.9)) == Joint(30, 30, "cut", 0)


def test_what_moves_or_stands_within_one_shot_is_left_alone():
    rows = columns(shot(3, 40, 6.0))
    assert [edge_frames(rows, a, b) for a, b in ((0, 20), (20, 40), (5, 33))] == [Edges(0, 0)] * 3


def test_a_clip_outside_the_columns_is_refused():
    with pytest.raises(ValueError, match=r"\[3, 99\) lies outside the 8 frames"):
        edge_frames(columns(shot(1, 8)), 3, 99)


def test_clean_parts_leave_out_what_transitions_touch():
    found = [Boundary(10, "cut", 10, 10, 1.0), Boundary(30, "dissolve", 26, 34, 0.9), Boundary(36, "wipe", 33, 39, 0.9)]
    assert clean(found, 60) == (
        Clean(0, 10, 0, 10),
        Clean(10, 30, 10, 26),
        Clean(30, 36, 34, 34),
        Clean(36, 60, 39, 60),
    )
