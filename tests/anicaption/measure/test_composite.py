"""The surface of the picture on small painted stills: each treatment is read, and a bare picture has none."""

from dataclasses import replace
from fractions import Fraction
from itertools import islice

import cv2
import numpy as np
import pytest
from anicaption.drawn.script import Effects
from anicaption.drawn.shot import DrawnShot
from anicaption.drawn.variables import write_variables
from anicaption.measure import read
from anicaption.measure.onepass import Watch
from anicaption.tracks import Tracks

HEIGHT, WIDTH, N_FRAMES = 288, 512, 26


def still(seed: int = 0) -> np.ndarray:
    """A painted still with flat shapes, ink lines and a graded sky, RGB uint8."""
    rng = np.random.default_rng(seed)
    low, high = rng.uniform(90, 200, (2, 3))
    sheet = np.linspace(low, high, HEIGHT)[:, None].repeat(WIDTH, 1).astype(np.uint8)
    for _ in range(26):
        centre = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        axes = int(rng.integers(16, 60)), int(rng.integers(16, 44))
        cv2.ellipse(sheet, centre, axes, 30.0, 0, 360, rng.uniform(50, 230, 3).tolist(), -1, cv2.LINE_AA)
        cv2.ellipse(sheet, centre, axes, 30.0, 0, 360, (24, 20, 30), 2, cv2.LINE_AA)
    return sheet


def noise(seed: int, sigma: float, softness: float = 0.0) -> np.ndarray:
    field = np.random.default_rng(seed).normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32)
    if softness:
        field = cv2.GaussianBlur(field, (0, 0), softness)
    return (field * (sigma / field.std()))[..., None]


def treated(kind: str, picture: np.ndarray, number: int) -> np.ndarray:
    """Frame `number` of the still under one treatment, made otherwise than the drawn hand makes it."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    out = picture.astype(np.float32)
    if kind == "film_grain":
        out += noise(100 + number, 7.0, 0.6)
    elif kind == "texture":
        out *= 1 + noise(7, 0.06, 0.8)
    elif kind == "halftone":
        turn = np.radians(30)
        u, v = across * np.cos(turn) + down * np.sin(turn), down * np.cos(turn) - across * np.sin(turn)
        ink = np.cos(2 * np.pi * u / 6) + np.cos(2 * np.pi * v / 6) > 0.3 + out.mean(2) / 255
        out[ink] *= 0.4
    elif kind == "scanline_crt":
        out *= np.where(np.arange(HEIGHT) % 4 < 2, 1.0, 0.6)[:, None, None]
    elif kind == "chromatic_shift":
        out[..., 0] = np.roll(out[..., 0], 4, axis=1)
        out[..., 2] = np.roll(out[..., 2], -4, axis=1)
    elif kind == "vignette":
        away = ((across / WIDTH - 0.5) ** 2 + (down / HEIGHT - 0.5) ** 2) / 0.5
        out *= (1 - 0.75 * away**1.5)[..., None]
    return np.clip(out, 0, 255).astype(np.uint8)


def tracks_of(kind: str, seed: int = 0) -> Tracks:
    watch, picture = Watch(Fraction(24), WIDTH, HEIGHT), still(seed)
    for number in range(N_FRAMES):
        watch.see(treated(kind, picture, number))
    return watch.tracks()


@pytest.mark.parametrize(
    "kind", ["none", "film_grain", "texture", "halftone", "scanline_crt", "chromatic_shift", "vignette"]
)
def test_each_treatment_of_the_surface_is_read(kind):
    assert read(tracks_of(kind))["vfx.composite"].values == (kind,)


def test_a_negative_is_read_with_its_frames():
    picture = still(1)
    watch = Watch(Fraction(24), WIDTH, HEIGHT)
    for number in range(N_FRAMES):
        watch.see(255 - picture if 8 <= number < 20 else picture)
    said = read(watch.tracks())["vfx.composite"]
    assert said.values == ("negative",)
    assert [(span.start, span.end) for span in said.spans] == [(8, 20)]


def test_colours_that_change_and_come_back_under_the_same_shapes_are_an_overlay():
    picture = still(2)
    grey = picture @ np.array([0.2126, 0.7152, 0.0722])
    tinted = ((0.5 * picture + 0.5 * grey[..., None]) * np.array([1.0, 0.62, 0.45])).astype(np.uint8)
    watch = Watch(Fraction(24), WIDTH, HEIGHT)
    for number in range(36):
        watch.see(tinted if 9 <= number < 27 else picture)
    said = read(watch.tracks())["vfx.composite"]
    assert said.values == ("color_overlay",)
    assert [(span.start, span.end) for span in said.spans] == [(9, 27)]


def test_the_native_picture_is_asked_for_two_frames_in_twelve():
    asked = []
    watch, picture = Watch(Fraction(24), WIDTH, HEIGHT), still()
    small = cv2.resize(picture, (256, 144), interpolation=cv2.INTER_AREA)

    def native(number):
        asked.append(number)
        return treated("film_grain", picture, number)

    for number in range(N_FRAMES):
        watch.see(small, lambda number=number: native(number))
    assert asked == [0, 1, 12, 13, 24, 25]
    assert read(watch.tracks())["vfx.composite"].values == ("film_grain",)


def test_without_pixels_of_the_source_nothing_is_said():
    watch = Watch(Fraction(24), 1280, 720)
    small = cv2.resize(still(), (256, 144), interpolation=cv2.INTER_AREA)
    for _ in range(N_FRAMES):
        watch.see(small)
    said = read(watch.tracks())
    for name in ("vfx.composite", "style.production_stage", "camera.focus"):
        assert "pixels of the source" in (said[name].abstained or "")


def test_a_window_is_read_from_the_tracks_alone():
    tracks = tracks_of("halftone")
    assert read(tracks.window(10, 26))["vfx.composite"].values == ("halftone",)


@pytest.mark.parametrize("kind", ["film_grain", "halftone"])
def test_a_drawn_shot_shows_its_treatment(kind):
    shot = next(s for s in write_variables(1, 77)[0].shots if s.n_frames <= 40 and s.look.stage == "final_composite")
    look = replace(shot.look, medium="digital_2d", border=(0.0, 0.0))
    shot = replace(shot, look=look, effects=Effects(composite=((kind, 0, shot.n_frames),), seed=5))
    watch = Watch(Fraction(24), 384, 216)
    for picture in islice(DrawnShot(shot, 216, 384).frames(), 15):
        watch.see(picture)
    assert read(watch.tracks())["vfx.composite"].values == (kind,)
