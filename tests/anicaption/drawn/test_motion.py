"""Pictures keep what the sheet and the truth of motion and camera say."""

from dataclasses import replace

import numpy as np
import pytest
from anicaption.drawn.casting import cast
from anicaption.drawn.energy import intensity, motion_pct
from anicaption.drawn.finish import Finish
from anicaption.drawn.lay import STREAK_PCT
from anicaption.drawn.script import Acting, CameraWork, Effects, Place, Role, Shot
from anicaption.drawn.shot import DrawnShot
from anicaption.drawn.truth import record_of
from anicaption.drawn.variables_acts import DEFORMATIONS
from anicaption.frames import FILM_RATE

PLACE = Place("town", "normal_day", "single_plane", 4)
WHO = replace(cast(np.random.default_rng(1)), hair="long", legs="skirt")
HEIGHT, WIDTH = 144, 256


def drawn(acting, n_frames=24, camera=CameraWork(), place=PLACE, **more):  # noqa: B008
    who = WHO if acting is not None else None
    return DrawnShot(Shot(n_frames, 1, place, camera, who, acting, **more), HEIGHT, WIDTH)


def values(shot):
    return {name: list(one) for name, one in record_of(shot, FILM_RATE).tags().items()}


def alpha(shot, frame):
    picture, mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
    shot._lay_figures(picture, frame, Finish(shot.shot, shot.colours, HEIGHT, WIDTH), mask)
    return mask


@pytest.mark.parametrize("part", ["mouth_flap", "blink", "eye_line", "hair_flutter", "cloth_flutter"])
def test_only_the_part_is_redrawn(part):
    size = "knee" if part == "cloth_flutter" else "bust"
    shot = drawn(Acting("idle", 3, size, parts=(part,), period_frames=12, at_x=0.0), 36)
    pictures = [picture.astype(int) for picture in shot.frames()]
    changed = [bool((a != b).any()) for a, b in zip(pictures[1:], pictures)]
    assert [float(c) for c in changed] == shot.drawing_new()[1:].tolist() and any(changed)
    where = np.max([np.abs(a - b).max(2) for a, b in zip(pictures[1:], pictures)], axis=0) > 0
    assert where.mean() < {"hair_flutter": 0.25, "cloth_flutter": 0.25}.get(part, 0.06)
    record = values(shot)
    assert record["motion.partial"] == [part] and record["motion.economy"] == ["partial_only"]
    assert record.get("motion.timing") == (["threes"] if part not in ("blink", "eye_line") else None)


@pytest.mark.parametrize("kind", DEFORMATIONS)
def test_a_deformation_shows_in_its_frames_and_nowhere_else(kind):
    n = 2 if kind.startswith("smear") or kind == "impact_distort" else 4
    acting = Acting("idle", 2, "bust" if kind == "gag_face" else "full", deformations=((kind, 8, 8 + n),))
    straight, bent = drawn(replace(acting, deformations=()), 16), drawn(acting, 16)
    moved = [float((a != b).mean()) for a, b in zip(straight.frames(), bent.frames())]
    assert [share > 0 for share in moved] == [8 <= frame < 8 + n for frame in range(16)]
    assert max(moved) > 0.01
    record = record_of(bent, FILM_RATE)
    assert [(s.value, s.start, s.end) for s in record["motion.deformation"].spans] == [(kind, 8, 8 + n)]
    assert record["motion.deformation_degree"].values == ("strong",)


@pytest.mark.parametrize(
    ("acting", "camera", "economy"),
    [
        (Acting("pose", 0, "full"), CameraWork(), "still"),
        (Acting("pose", 0, "full"), CameraWork(("pan_left",), 1.0, "constant"), "still_with_camera"),
        (Acting("pose", 0, "full", slide=(0.02, 0.0)), CameraWork(), "slide_only"),
        (Acting("walk", 2, "full", period_frames=12), CameraWork(), "cycle"),
        (Acting("jump", 1, "full", period_frames=22), CameraWork(), "full"),
    ],
)
def test_economy_is_what_is_redrawn(acting, camera, economy):
    assert values(drawn(acting, camera=camera))["motion.economy"] == [economy]


def test_the_exposure_of_the_figure_is_told_from_the_pan():
    camera = CameraWork(("pan_right",), 1.0, "constant")
    for holds, exposure, timing in (((), 2, "twos"), ((), 5, "fours_plus"), ((4, 4, 1, 1, 2, 2), 2, "modulated")):
        shot = drawn(Acting("walk", exposure, "full", holds=holds, period_frames=18), 48, camera)
        assert values(shot)["motion.timing"] == [timing]
        pictures = list(shot.frames())
        assert all((a != b).any() for a, b in zip(pictures[1:], pictures)), "the pan runs on ones"


def test_a_move_in_a_span_stands_still_outside_it():
    shot = drawn(None, 30, CameraWork(("track_up",), 2.0, "slow_both", span=(8, 20)))
    pictures = list(shot.frames())
    moved = [frame for frame in range(1, 30) if (pictures[frame] != pictures[frame - 1]).any()]
    assert moved[0] >= 9 and moved[-1] <= 19
    [span] = record_of(shot, FILM_RATE)["camera.move"].spans
    assert (span.value, span.start, span.end) == ("track_up", 8, 20)


def test_a_whip_is_streaked_along_its_way():
    def detail(peak_pct):
        shot = drawn(None, 8, CameraWork(("pan_right",), peak_pct, "constant"))
        frame = list(shot.frames())[4].astype(float)
        return np.abs(np.diff(frame, axis=1)).mean(), np.abs(np.diff(frame, axis=0)).mean()

    (across, down), (fast_across, fast_down) = detail(STREAK_PCT - 1), detail(STREAK_PCT + 3)
    assert fast_across < 0.35 * across and fast_down > 0.5 * down
    assert values(drawn(None, 8, CameraWork(("pan_right",), 9.0, "constant")))["camera.speed"] == ["whip"]


def test_a_dolly_zoom_keeps_the_figure_and_grows_the_place():
    shot = drawn(Acting("pose", 0, "knee"), 20, CameraWork(("dolly_zoom",), 1.5, "constant"))
    sizes = [(alpha(shot, frame) > 127).sum() for frame in (0, 19)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.02)
    assert shot.path.columns(0, 20)["camera_zoom"][1:].min() > 0.02
    record = values(shot)
    assert record["camera.move"] == ["dolly_zoom"] and record["camera.shot_size"] == ["knee"]


def test_a_move_into_depth_carries_near_planes_further():
    place = replace(PLACE, layering="parallax")
    deep = drawn(None, 10, CameraWork(("into_depth",), 2.0, "constant"), place)
    flat = drawn(None, 10, CameraWork(("track_up",), 2.0, "constant"), place)
    assert deep.path.zoom_factor(0.5) == 0.5 and flat.path.zoom_factor(0.5) == 1.0
    first, last = deep.path.affine(0, 0.5, 1.0)[0, 0], deep.path.affine(9, 0.5, 1.0)[0, 0]
    near_first, near_last = deep.path.affine(0, 1.7, 1.0)[0, 0], deep.path.affine(9, 1.7, 1.0)[0, 0]
    assert near_last / near_first > 1.2 * last / first > 1.2


@pytest.mark.parametrize("motion", ["line_scroll", "drawn_3d"])
def test_a_ground_that_moves_by_itself(motion):
    art, effects = "drawn_cel", Effects()
    if motion == "line_scroll":
        art, effects = "line_bg", Effects(lines=(("speed", 0, 12),))
    place = replace(PLACE, motion=motion, exposure=3, art=art)
    shot = drawn(Acting("pose", 0, "full"), 12, place=place, effects=effects)
    pictures = list(shot.frames())
    changed = [bool((a != b).any()) for a, b in zip(pictures[1:], pictures)]
    assert changed == ([True] * 11 if motion == "line_scroll" else [(frame % 3) == 0 for frame in range(1, 12)])
    record = values(shot)
    assert record["motion.background_motion"] == [motion] and record["motion.timing"] == ["held"]
    assert record["camera.move"] == (["into_depth"] if motion == "drawn_3d" else ["none"])


def test_who_is_in_the_shot():
    main = Acting("idle", 0, "waist", at_x=-0.2)
    shoulder = Role(WHO, Acting("back", 0, "close_up", at_x=0.55), in_front=True)
    over = values(drawn(main, others=(shoulder,)))
    assert over["camera.viewpoint"] == ["over_shoulder"] and over["camera.subject_count"] == ["two"]
    crowd = tuple(Role(WHO, Acting("idle", 0, "long", at_x=x)) for x in np.linspace(-0.6, 0.6, 7))
    assert values(drawn(Acting("idle", 0, "long"), others=crowd))["camera.subject_count"] == ["crowd"]
    solo, many = (alpha(drawn(Acting("idle", 0, "long"), others=others), 0) for others in ((), crowd))
    assert (many > 127).sum() > 4 * (solo > 127).sum()


def test_a_split_screen_shows_several_pictures():
    one = drawn(Acting("idle", 0, "bust"), 6)
    panel = replace(one.shot, seed=2, character=cast(np.random.default_rng(9)), place=replace(PLACE, seed=9))
    both = DrawnShot(replace(one.shot, split=(panel,)), HEIGHT, WIDTH)
    picture = next(both.frames())
    assert (picture[:, WIDTH // 2 - 16 : WIDTH // 2 + 16] > 225).all(2).any(1).all(), "a white gutter runs down"
    assert values(both)["camera.layering"] == ["split_screen"]


@pytest.mark.parametrize(
    ("acting", "level"),
    [
        (Acting("pose", 0, "full"), "static"),
        (Acting("back", 4, "extreme_long", period_frames=96), "static"),
        (Acting("idle", 3, "waist", period_frames=36), "subtle"),
        (Acting("walk", 2, "long", period_frames=40), "moderate"),
        (Acting("dash", 2, "full", period_frames=12), "extreme"),
    ],
)
def test_intensity_follows_the_joints(acting, level):
    shot = drawn(acting, 36)
    assert values(shot).get("motion.intensity") == [level]


def test_motion_grows_with_the_figure_and_the_zoom():
    small, large = (drawn(Acting("walk", 2, size), 36) for size in ("extreme_long", "full"))
    means = [float(motion_pct(one.shot, one.path)[1:].mean()) for one in (small, large)]
    assert means[1] == pytest.approx(means[0] * 0.138 / 0.036, rel=0.01)
    followed = drawn(Acting("walk", 2, "full"), 36, CameraWork(("pan_right", "follow"), 1.0, "constant"))
    assert intensity(motion_pct(followed.shot, followed.path)) is None
