"""The camera columns are the truth about the pixels: frame t warped by them is frame t + 1."""

import cv2
import numpy as np
import pytest
from anicaption.drawn.camera import plan, speed_bin
from anicaption.drawn.script import CameraWork, Place, Shot
from anicaption.drawn.shot import DrawnShot

HEIGHT, WIDTH = 180, 320


def warped_by_truth(picture, columns, frame):
    """`picture` (frame - 1) moved as the columns say the camera moved, and where it still covers the frame."""
    scale = np.exp(columns["camera_zoom"][frame])
    # The frame turns clockwise, so what it sees turns counter-clockwise; image y points down.
    angle = -np.radians(columns["camera_roll_deg"][frame])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([WIDTH - 1, HEIGHT - 1]) / 2
    shift = -np.array([columns["camera_x"][frame] * WIDTH, columns["camera_y"][frame] * HEIGHT])
    matrix = np.column_stack([turn, centre + shift - turn @ centre])
    moved = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT))
    inside = cv2.warpAffine(np.full((HEIGHT, WIDTH), 255, np.uint8), matrix, (WIDTH, HEIGHT)) == 255
    return moved, inside


def difference(a, b, where):
    return float(np.abs(a.astype(int) - b.astype(int))[where].mean())


@pytest.mark.parametrize(
    "work",
    [
        CameraWork(("pan_left",), 3.0, "constant"),
        CameraWork(("pan_right",), 3.0, "slow_start"),
        CameraWork(("pan_up",), 2.0, "slow_both"),
        CameraWork(("pan_down",), 2.0, "slow_end"),
        CameraWork(("track_up",), 2.0, "constant"),
        CameraWork(("track_back",), 2.0, "snap_stop"),
        CameraWork(("roll_cw",), 1.0, "constant"),
        CameraWork(("roll_ccw", "pan_right", "track_up"), 1.0, "constant"),
        CameraWork(shake="continuous", shake_seed=3),
        CameraWork(shake="impact", shake_start=2, shake_seed=3),
    ],
    ids=lambda work: "+".join(work.moves) or work.shake,
)
def test_columns_carry_one_frame_to_the_next(work):
    drawn_shot = DrawnShot(Shot(12, 1, Place("town", "normal_day", "single_plane", 5), work), HEIGHT, WIDTH)
    pictures = list(drawn_shot.frames())
    columns = drawn_shot.path.columns(0, 12)
    moving = [t for t in range(1, 12) if (pictures[t] != pictures[t - 1]).any()]
    assert len(moving) >= 5
    explained, unexplained = [], []
    for t in moving:
        moved, inside = warped_by_truth(pictures[t - 1], columns, t)
        assert inside.mean() > 0.6
        explained.append(difference(moved, pictures[t], inside))
        unexplained.append(difference(pictures[t - 1], pictures[t], inside))
    assert max(explained) < 4.0  # of 255: two bilinear interpolations
    assert sum(explained) < 0.35 * sum(unexplained)


@pytest.mark.parametrize(
    ("move", "column", "sign"),
    [
        ("pan_left", "camera_x", -1), ("pan_right", "camera_x", 1), ("pan_up", "camera_y", -1),
        ("pan_down", "camera_y", 1), ("track_up", "camera_zoom", 1), ("track_back", "camera_zoom", -1),
        ("roll_cw", "camera_roll_deg", 1), ("roll_ccw", "camera_roll_deg", -1),
    ],
)  # fmt: skip
def test_every_move_has_its_sign_and_only_its_column(move, column, sign):
    columns = plan(CameraWork((move,), 2.0, "constant"), 20, 16 / 9).columns(0, 20)
    assert (sign * columns.pop(column)[1:] > 0).all()
    for other in columns.values():
        np.testing.assert_allclose(other, 0, atol=1e-6)


@pytest.mark.parametrize("easing", ["constant", "slow_start", "slow_end", "slow_both", "snap_stop"])
@pytest.mark.parametrize("move", ["pan_right", "pan_up", "track_up", "roll_cw"])
def test_the_peak_is_the_peak_that_was_asked_for(move, easing):
    path = plan(CameraWork((move,), 3.0, easing), 30, 16 / 9)
    assert path.peak_pct(0, 30) == pytest.approx(3.0, rel=0.06)


@pytest.mark.parametrize(
    ("easing", "early", "late"),
    [
        ("slow_start", "slow", "fast"),
        ("slow_end", "fast", "slow"),
        ("slow_both", "slow", "slow"),
        ("constant", "fast", "fast"),
    ],
)
def test_easing_shapes_the_speed(easing, early, late):
    speed = plan(CameraWork(("pan_right",), 3.0, easing), 30, 16 / 9).columns(0, 30)["camera_x"][1:]
    shares = {"slow": lambda share: share < 0.3, "fast": lambda share: share > 0.9}
    assert shares[early](speed[0] / speed.max())
    assert shares[late](speed[-1] / speed.max())


def test_shake_is_zero_mean_and_impact_decays():
    steady = plan(CameraWork(shake="continuous", shake_seed=1), 48, 16 / 9).jitter_T4
    assert abs(steady[:, :2].mean()) < 1e-9
    burst = np.abs(plan(CameraWork(shake="impact", shake_start=10, shake_seed=1), 48, 16 / 9).jitter_T4[:, 1])
    assert burst[:10].max() == 0
    assert burst[10:14].max() > 5 * burst[24:].max()


def test_speed_bins_are_the_taxonomys():
    assert [speed_bin(x) for x in (0.0, 0.1, 0.4, 1.0, 4.0, 9.0)] == [
        "none",
        "creeping",
        "slow",
        "medium",
        "quick",
        "whip",
    ]


def test_an_unknown_move_names_itself():
    with pytest.raises(ValueError, match="orbit"):
        plan(CameraWork(("orbit",), 1.0, "constant"), 8, 16 / 9)
