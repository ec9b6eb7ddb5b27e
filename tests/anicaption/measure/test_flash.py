"""Impact frames and flashes on small drawn clips: what they are, where they are, and what they are not."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from anicaption.measure.edges import events
from anicaption.measure.flash import SCORES, excursions, read_flash
from anicaption.measure.transition import TransitionWatch, decide
from anicaption.tracks import Event, Tracks

WIDTH, HEIGHT = 160, 90


def painting(seed: int, width: int = 2 * WIDTH) -> np.ndarray:
    """Flat shapes with ink outlines on a flat ground."""
    rng = np.random.default_rng(seed)
    paint = np.full((HEIGHT, width, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(30):
        centre = int(rng.integers(0, width)), int(rng.integers(0, HEIGHT))
        axes = int(rng.integers(4, 30)), int(rng.integers(4, 20))
        angle = float(rng.integers(0, 180))
        cv2.ellipse(paint, centre, axes, angle, 0, 360, rng.integers(0, 255, 3).tolist(), -1, cv2.LINE_AA)
        cv2.ellipse(paint, centre, axes, angle, 0, 360, (20, 20, 20), 1, cv2.LINE_AA)
    return paint


def pan(seed: int, n_frames: int, speed_px: float = 0.0, start_px: float = 0.0) -> list[np.ndarray]:
    paint = painting(seed)
    xs = [round(start_px + speed_px * t) for t in range(n_frames)]
    return [paint[:, x : x + WIDTH].copy() for x in xs]


def ink(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None] > 110


IMPACTS = {
    "white_flash": lambda picture: np.full_like(picture, 252),
    "black_flash": lambda picture: np.full_like(picture, 3),
    "inverted": lambda picture: 255 - picture,
    "mono": lambda picture: np.where(ink(picture), 255, 0).astype(np.uint8).repeat(3, 2),
    "limited_color": lambda picture: np.where(ink(picture), (225, 40, 30), (25, 10, 70)).astype(np.uint8),
}


def watched(pictures) -> TransitionWatch:
    watch = TransitionWatch()
    for picture in pictures:
        watch.see(picture)
    return watch


def columns(jump: list[float]) -> dict[str, np.ndarray]:
    """Scores of which nothing is said yet but the jumps, of pictures that are not blank."""
    n = len(jump)
    scores = {name: np.full(n, np.nan, np.float32) for name in (*(f"across_{k}" for k in range(1, 5)), *SCORES)}
    light = {"luma": np.full(n, 0.5, np.float32), "spread": np.full(n, 0.2, np.float32)}
    return scores | light | {"jump": np.array(jump, np.float32)}


def found(watch: TransitionWatch) -> list[tuple[str, int, int]]:
    return [(e.value, e.start, e.end) for e in events(watch) if e.field == "vfx.impact_frame"]


@pytest.mark.parametrize("n_frames", [1, 2, 4])
@pytest.mark.parametrize("value", IMPACTS)
def test_an_impact_frame_in_a_pan_is_named_and_is_no_cut(value, n_frames):
    shot = pan(1, 24, speed_px=1)
    shot[12:12] = [IMPACTS[value](shot[12])] * n_frames
    watch = watched(shot)
    assert found(watch) == [(value, 12, 12 + n_frames)]
    assert decide(watch.scores()) == ()


def test_kinds_within_one_impact_keep_their_own_frames():
    shot = pan(1, 24)
    hit = IMPACTS["mono"](shot[0])
    watch = watched([*shot[:10], IMPACTS["white_flash"](hit), hit, hit, *shot[13:]])
    assert found(watch) == [("white_flash", 10, 11), ("mono", 11, 13)]


def test_a_strobe_is_flashes_and_no_fades():
    picture = pan(1, 40)
    white, black = np.full_like(picture[0], 255), np.zeros_like(picture[0])
    for number, start in enumerate(range(4, 34, 4)):
        picture[start : start + 2] = [(white, black)[number % 2]] * 2
    watch = watched(picture)
    assert found(watch) == [
        (("white_flash", "black_flash")[number % 2], start, start + 2) for number, start in enumerate(range(4, 34, 4))
    ]
    assert [e for e in events(watch) if e.field == "camera.transition"] == []


def test_a_drawing_that_alternates_is_one_impact_of_one_kind():
    shot = pan(1, 24)
    hit = IMPACTS["mono"](shot[0])
    watch = watched([*shot[:10], hit, 255 - hit, hit, *shot[13:]])
    assert found(watch) == [("mono", 10, 13)]


def test_words_on_a_matte_and_on_a_flash_do_not_hide_it():
    shot = pan(1, 24)
    for t in (10, 11):
        shot[t] = np.full_like(shot[t], 255)
    for picture in shot:
        picture[:10] = picture[-10:] = 0
        picture[3:6, 8:14] = 200
        picture[70:74, 50:110] = 128
    assert found(watched(shot)) == [("white_flash", 10, 12)]


def test_a_flash_that_fades_away_is_a_flash_and_no_cut():
    picture = pan(1, 1)[0]
    white = np.full_like(picture, 255)
    glow = [cv2.addWeighted(white, 1 - i / 6, picture, i / 6, 0) for i in range(1, 6)]
    watch = watched([picture] * 12 + [white] * 2 + glow + [picture] * 20)
    assert found(watch) == [("white_flash", 12, 14)]
    assert decide(watch.scores()) == ()


def test_five_frames_are_a_shot_and_not_an_impact():
    watch = watched(pan(1, 15) + pan(2, 5) + pan(1, 15))
    assert found(watch) == []
    assert [b.frame for b in decide(watch.scores())] == [15, 20]


def test_a_flash_on_a_cut_leaves_one_boundary():
    a, b = pan(1, 15), pan(2, 15)
    for value in ("white_flash", "inverted"):
        watch = watched([*a, IMPACTS[value](a[-1]), *b])
        assert [x.frame for x in decide(watch.scores())] == [16], value


@pytest.mark.parametrize("n_frames", [1, 2, 3])
@pytest.mark.parametrize("value", ["mono", "limited_color"])
def test_an_impact_that_flickers_beside_a_cut_is_of_the_shot_whose_contours_it_has(value, n_frames):
    """Every other frame is turned round, and a burst stands behind: nothing but the contour is the shot's."""
    a, b = pan(1, 15), pan(2, 15)
    burst = np.zeros((HEIGHT, WIDTH), np.uint8)
    for angle in np.arange(0, 2 * np.pi, 0.35):
        tips = [(80 + 200 * np.cos(angle + k), 45 + 200 * np.sin(angle + k)) for k in (-0.05, 0.05)]
        cv2.fillPoly(burst, [np.array([(80, 45), *tips], np.int32)], 255)

    def struck(picture, turned):
        figure = cv2.ellipse(np.zeros((HEIGHT, WIDTH), np.uint8), (80, 45), (45, 40), 0, 0, 360, 255, -1)
        drawn = np.where(figure[..., None] > 0, IMPACTS[value](picture), burst[..., None])
        return 255 - drawn if turned else drawn

    early = [struck(b[0], t % 2) for t in range(n_frames)]
    assert [x.frame for x in decide(watched([*a, *early, *b]).scores())] == [15]
    late = [struck(a[-1], t % 2) for t in range(n_frames)]
    assert [x.frame for x in decide(watched([*a, *late, *b]).scores())] == [15 + n_frames]


def test_of_two_excursions_that_touch_the_one_that_truly_comes_back_counts():
    scores = columns([0, 0, 0.33, 0.36, 0, 0.37, 0, 0])
    scores["across_1"][3] = 0.15  # a cut, and the negative of what comes is a little like what was
    scores["across_2"][5] = 0.02  # the two negatives after it
    assert excursions(scores) == ((3, 5),)


@pytest.mark.parametrize("words", [False, True])
def test_the_pictures_between_the_flashes_of_a_strobe_are_no_impacts(words):
    dark = np.isin(np.arange(14), (3, 4, 7, 8, 11, 12))
    scores = columns(np.where(np.isin(np.arange(14), (3, 5, 7, 9, 11, 13)), 0.4, 0.0).tolist())
    scores["luma"][dark], scores["spread"][dark] = (0.06, 0.16) if words else (0.0, 0.0)
    black = {"flash_black": 0.93, "flash_luma": 0.06, "flash_spread": 0.16, "flash_unturned": 0.5}
    for name in SCORES:
        scores[name][dark] = black.get(name, 0.0)
    scores["across_2"][[5, 9, 13]] = 0.05  # the figure has moved on meanwhile
    scores["across_2"][[7, 11]] = 0.0  # black is black again, and so are the words
    assert excursions(scores) == ((3, 5), (7, 9), (11, 13))


def test_an_impact_that_alternates_beside_a_cut_is_the_whole_of_it():
    scores = columns([0, 0, 0.32, 0.26, 0.62, 0.5, 0, 0])  # a cut, an impact, its negative, and the new shot again
    scores["across_1"][5] = 0.18  # the impact is a little like the picture before the negative ...
    scores["across_2"][5] = 0.005  # ... which is the picture that comes back
    assert excursions(scores) == ((3, 5),)


def test_lines_that_burst_over_the_picture_after_an_impact_do_not_make_it_another():
    shot = pan(1, 24)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    outside = (x - WIDTH / 2) ** 2 / (WIDTH / 2.8) ** 2 + (y - HEIGHT / 2) ** 2 / (HEIGHT / 2.8) ** 2 > 1
    for picture in shot[13:]:
        picture[outside] = 250
    shot[11:13] = [IMPACTS["mono"](shot[0])] * 2
    watch = watched(shot)
    assert found(watch) == [("mono", 11, 13)]
    assert decide(watch.scores()) == ()


def test_a_faint_picture_comes_back_from_a_faint_impact():
    faint = [(200 + picture // 10).astype(np.uint8) for picture in pan(1, 24)]
    drawing = np.where(ink(pan(2, 1)[0]), 235, 120).astype(np.uint8).repeat(3, 2)
    watch = watched([*faint[:10], *[cv2.addWeighted(drawing, 0.3, faint[0], 0.7, 0)] * 2, *faint[12:]])
    assert max(watch.scores()["jump"]) < 0.06
    assert decide(watch.scores()) == ()


def test_a_figure_that_crosses_quickly_is_no_impact():
    shot = pan(1, 30)
    for t in range(10, 16):
        x = (t - 9) * WIDTH // 6
        cv2.rectangle(shot[t], (x - 30, 10), (x, HEIGHT), (30, 30, 90), -1)
    watch = watched(shot)
    assert found(watch) == []
    assert decide(watch.scores()) == ()


def test_a_longer_excursion_swallows_the_ones_inside():
    scores = columns([0, 0, 0.4, 0.5, 0.5, 0.4, 0, 0])
    scores["across_1"][4] = 0.01  # white, black, white: the black frame alone passes the triple test ...
    scores["across_3"][5] = 0.02  # ... and so do all three
    assert excursions(scores) == ((2, 5),)


def test_the_reader_gives_spans_and_abstains_on_nothing_to_compare():
    tracks = Tracks(
        Fraction(24), 160, 90, {"jump": np.zeros(20, np.float32)}, (Event("vfx.impact_frame", "mono", 5, 7, 0.9),)
    )
    variable = read_flash(tracks)["vfx.impact_frame"]
    assert variable.values == ("mono",)
    assert [(s.value, s.start, s.end) for s in variable.spans] == [("mono", 5, 7)]
    assert read_flash(tracks.window(8, 20))["vfx.impact_frame"].values == ("none",)
    assert read_flash(tracks.window(0, 2))["vfx.impact_frame"].abstained
