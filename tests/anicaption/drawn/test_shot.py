"""What a shot shows is what its record says: exposures, deformations, deterministic figures, nothing cut off."""

import numpy as np
import pytest
from anicaption.drawn.acts import pose
from anicaption.drawn.casting import cast, locate
from anicaption.drawn.figure import draw_figure
from anicaption.drawn.finish import Finish
from anicaption.drawn.framing import size_of
from anicaption.drawn.ink import Pen
from anicaption.drawn.model import STANDARD, tones_of
from anicaption.drawn.palette import LIGHTS, palette
from anicaption.drawn.poses import EMOTIONS
from anicaption.drawn.script import Acting, CameraWork, Effects, Place, Shot
from anicaption.drawn.shot import DrawnShot
from anicaption.drawn.truth import record_of
from anicaption.drawn.truth_motion import timing_of
from anicaption.frames import FILM_RATE

PLACE = Place("meadow", "normal_day", "single_plane", 4)
CHARACTER = cast(np.random.default_rng(1))


def drawn_shot(performance, exposure, size="full", n_frames=40, period=24, camera=CameraWork(), **more):  # noqa: B008
    acting = Acting(performance, exposure, size, period_frames=period, **more)
    return DrawnShot(Shot(n_frames, 1, PLACE, camera, CHARACTER, acting), 144, 256)


@pytest.mark.parametrize(
    ("performance", "exposure", "period", "timing"),
    [
        ("walk", 1, 24, "ones"), ("walk", 2, 24, "twos"), ("run", 3, 12, "threes"), ("wave", 2, 16, "twos"),
        ("idle", 4, 48, "fours_plus"), ("back", 3, 48, "threes"), ("talk", 3, 18, "threes"), ("pose", 0, 24, "held"),
        ("punch", 2, 36, None), ("jump", 1, 34, None),
    ],
)  # fmt: skip
def test_drawing_new_is_what_the_pixels_do(performance, exposure, period, timing):
    shot = drawn_shot(performance, exposure, period=period)
    pictures = list(shot.frames())
    changed = [float((a != b).any()) for a, b in zip(pictures[1:], pictures)]
    assert shot.drawing_new()[1:].tolist() == changed
    if timing:
        assert record_of(shot, FILM_RATE)["motion.timing"].values == (timing,)


def test_a_pan_runs_on_ones_under_a_figure_on_threes():
    shot = drawn_shot("walk", 3, camera=CameraWork(("pan_right", "follow"), 1.0, "constant"))
    pictures = list(shot.frames())
    assert all((a != b).any() for a, b in zip(pictures[1:], pictures))
    assert shot.drawing_new()[:7].tolist() == [1, 0, 0, 1, 0, 0, 1]


def figure_alpha(shot, frame):
    """Where the figures lie in the frame."""
    picture, mask = np.zeros((144, 256, 3), np.uint8), np.zeros((144, 256), np.uint8)
    shot._lay_figures(picture, frame, Finish(shot.shot, shot.colours, 144, 256), mask)
    return mask


def test_a_followed_figure_stays_where_it_is_in_the_frame():
    still, followed = (
        drawn_shot("pose", 0, n_frames=8, camera=camera)
        for camera in (CameraWork(), CameraWork(("pan_right", "follow"), 2.0, "constant"))
    )
    for frame in (0, 7):
        centres = [np.argwhere(figure_alpha(shot, frame) > 127).mean(0) for shot in (still, followed)]
        np.testing.assert_allclose(*centres, atol=0.5)


def test_timing_of_exposures():
    def frames(*lengths):
        return np.array([x for n in lengths for x in [1.0] + [0.0] * (n - 1)])

    assert timing_of(frames(2, 2, 2, 2)) == "twos"
    assert timing_of(frames(1, 3, 3, 3, 2)) == "threes"
    assert timing_of(frames(24)) == "held"
    assert timing_of(frames(2, 2, 2, 1, 1, 1, 1, 3, 3, 3)) == "modulated"


def test_deformations_lie_where_the_drawings_are_deformed():
    jump = record_of(drawn_shot("jump", 1, period=34), FILM_RATE)["motion.deformation"]
    assert jump.values == ("squash", "stretch")
    kinds = [span.value for span in jump.spans]
    assert kinds.count("squash") == 2 and kinds.count("stretch") >= 1
    punch = record_of(drawn_shot("punch", 2, period=36), FILM_RATE)
    [smear] = punch["motion.deformation"].spans
    assert smear.value == "smear_stretch" and smear.end - smear.start <= 3
    accents = {span.value: (span.start, span.end) for span in punch["motion.accent"].spans}
    assert accents["anticipation"][1] <= accents["hold_tame"][1] <= accents["hit_stop"][0] == smear.end
    chibi = drawn_shot("talk", 3, "waist", deformations=(("chibi_shift", 9, 30),))
    [span] = record_of(chibi, FILM_RATE)["motion.deformation"].spans
    assert (span.value, span.start, span.end) == ("chibi_shift", 9, 30)
    on_model, little = (figure_alpha(chibi, frame) > 127 for frame in (0, 12))
    assert (on_model & little).sum() < 0.9 * (on_model | little).sum()


def test_a_held_shot_says_what_a_hold_allows():
    record = record_of(drawn_shot("pose", 0, camera=CameraWork(("track_up",), 0.4, "constant")), FILM_RATE)
    assert record["motion.intensity"].values == ("static",)
    assert record["motion.economy"].values == ("still_with_camera",)
    assert record["motion.deformation"].values == record["motion.deformation_degree"].values == ("none",)


def test_a_window_keeps_the_spans_that_reach_into_it():
    effects = Effects(impacts=(("mono", 10, 12),), lines=(("speed", 12, 30),))
    shot = DrawnShot(Shot(40, 1, PLACE, CameraWork(), CHARACTER, Acting("idle", 3, "full"), effects), 96, 170)
    record = record_of(shot, FILM_RATE)
    early, late = record.window(0, 8), record.window(9, 20)
    assert early["vfx.impact_frame"].values == ("none",)
    assert late["vfx.lines"].values == ("speed",)
    assert [(s.value, s.start, s.end) for s in late["vfx.impact_frame"].spans] == [("mono", 1, 3)]


def test_a_shot_without_a_figure_says_so():
    record = record_of(DrawnShot(Shot(12, 1, PLACE, CameraWork()), 96, 170), FILM_RATE)
    assert record["camera.subject_count"].values == ("none",)
    assert record["style.proportion"].values == record["motion.timing"].values == ("na",)
    assert record["camera.viewpoint"].values == ("no_subject",)
    assert np.isnan(record.tracks["drawing_new"]).all()


def test_size_names_are_by_head_height():
    assert [size_of(h) for h in (0.04, 0.14, 0.21, 0.30, 0.45, 0.6)] == [
        "extreme_long", "full", "knee", "waist", "bust", "close_up",
    ]  # fmt: skip


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_every_character_can_show_every_emotion(emotion):
    """All designs ink without error, and a face is skin, ink and hair: at least three flat colours of some size."""
    rng = np.random.default_rng(len(emotion))
    for _ in range(4):
        pen = Pen(160, 160, np.array([[100.0, 0, 80], [0, 100.0, 100 * 5.47 + 80]]), 1.5)
        drawn = pose("talk", 0.0, float(rng.uniform(0, 0.7)), emotion)
        draw_figure(pen, cast(rng), tones_of(cast(rng), palette("normal_day", 1)), drawn, STANDARD)
        cel = pen.cel()
        assert (cel[..., :3] <= cel[..., 3:]).all(), "colours are premultiplied"
        colours, counts = np.unique(cel[cel[..., 3] == 255], axis=0, return_counts=True)
        assert (counts > 100).sum() >= 3 and len(colours) > 10


@pytest.mark.parametrize("kind", ["meadow", "sea", "forest", "town", "skyline", "room"])
def test_places_cover_every_frame_and_differ_by_light_and_seed(kind):
    looks = []
    for light, seed in (("normal_day", 1), ("evening", 1), ("normal_day", 2)):
        place = locate(np.random.default_rng(seed), kind, light, "parallax")
        shot = DrawnShot(Shot(6, 1, place, CameraWork(("pan_right", "roll_cw"), 3.0, "constant")), 96, 170)
        pictures = list(shot.frames())
        borders = np.concatenate([edge.reshape(-1, 3) for p in pictures for edge in (p[0], p[-1], p[:, 0], p[:, -1])])
        assert (borders.max(1) > 12).mean() > 0.995, "no border of the artwork shows"
        looks.append(pictures[0].astype(int))
    assert all(np.abs(looks[0] - other).mean() > 8 for other in looks[1:])


def test_wrong_words_are_named():
    with pytest.raises(ValueError, match="moonwalk"):
        pose("moonwalk", 0, 0, "calm")
    with pytest.raises(ValueError, match="boredom"):
        pose("idle", 0, 0, "boredom")
    with pytest.raises(ValueError, match="volcano"):
        list(DrawnShot(Shot(2, 1, Place("volcano", LIGHTS[0], "single_plane", 1), CameraWork()), 96, 170).frames())
    with pytest.raises(ValueError, match="noon"):
        palette("noon", 0)
