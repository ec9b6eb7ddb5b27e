"""Focus and paper on small painted stills."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from anicaption.measure import read
from anicaption.measure.onepass import Watch

HEIGHT, WIDTH, N_FRAMES = 288, 512, 26


def scene(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A ground full of shapes, and a figure in the middle with its mask (H, W, 0..1)."""
    rng = np.random.default_rng(seed)
    ground = np.full((HEIGHT, WIDTH, 3), rng.uniform(120, 180, 3)).astype(np.uint8)
    for _ in range(70):
        corner = rng.integers(0, WIDTH), rng.integers(0, HEIGHT)
        far = corner[0] + rng.integers(14, 50), corner[1] + rng.integers(14, 50)
        cv2.rectangle(ground, tuple(map(int, corner)), tuple(map(int, far)), rng.uniform(20, 235, 3).tolist(), -1)
    figure, mask = ground.copy(), np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(mask, (WIDTH // 2, HEIGHT // 2 + 20), (88, 120), 0, 0, 360, 255, -1, cv2.LINE_AA)
    for i in range(12):
        tone = (220, 190, 170) if i % 2 else (60, 50, 90)
        cv2.ellipse(figure, (WIDTH // 2, HEIGHT // 2 + 20), (96 - 7 * i, 128 - 9 * i), 0, 0, 360, tone, -1, cv2.LINE_AA)
    return ground, np.where(mask[..., None] > 0, figure, ground)


def soft(picture: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), sigma) if sigma > 0.2 else picture


def shown(kind: str, number: int) -> np.ndarray:
    ground, whole = scene()
    inside = np.zeros((HEIGHT, WIDTH, 1), bool)
    cv2.ellipse(
        plane := np.zeros((HEIGHT, WIDTH), np.uint8), (WIDTH // 2, HEIGHT // 2 + 20), (88, 120), 0, 0, 360, 1, -1
    )
    inside[..., 0] = plane > 0
    if kind == "deep":
        return whole
    if kind == "full_defocus":
        return soft(whole, 3.5)
    sigma = 3.5 if kind == "bg_blur" else 3.5 * np.clip((number - 8) / 8, 0, 1)
    return np.where(inside, whole, soft(ground, sigma))


@pytest.mark.parametrize("kind", ["deep", "bg_blur", "full_defocus", "rack"])
def test_focus_is_read(kind):
    watch = Watch(Fraction(24), WIDTH, HEIGHT)
    for number in range(N_FRAMES):
        watch.see(shown(kind, number))
    assert read(watch.tracks())["camera.focus"].values == (kind,)


def paper(rough: bool) -> np.ndarray:
    rng = np.random.default_rng(5)
    sheet = np.full((HEIGHT, WIDTH, 3), (250, 249, 245), np.uint8)
    for i in range(14):
        centre = np.array([WIDTH / 2 + rng.normal(0, 90), HEIGHT / 2 + rng.normal(0, 40)])
        axes = rng.uniform(20, 70, 2)
        for stroke in range(4 if rough else 1):
            moved = centre + (rng.normal(0, 2.2, 2) if rough else 0)
            start = int(rng.integers(0, 360)) if rough else 0
            cv2.ellipse(
                sheet, tuple(map(int, moved)), tuple(map(int, axes)), 10.0 * i, start, start + (110 if rough else 360),
                (60, 56, 70), (1, 7, 2, 3)[stroke] if rough else 1, cv2.LINE_AA,
            )  # fmt: skip
    return sheet


@pytest.mark.parametrize(("rough", "stage"), [(False, "line_douga"), (True, "rough_genga")])
def test_paper_is_told_from_paint(rough, stage):
    watch, sheet = Watch(Fraction(24), WIDTH, HEIGHT), paper(rough)
    for _ in range(N_FRAMES):
        watch.see(sheet)
    assert read(watch.tracks())["style.production_stage"].values == (stage,)


def test_paint_is_finished():
    watch = Watch(Fraction(24), WIDTH, HEIGHT)
    for number in range(N_FRAMES):
        watch.see(shown("deep", number))
    assert read(watch.tracks())["style.production_stage"].values == ("final_composite",)
