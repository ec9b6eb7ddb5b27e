"""The border box is exact to a pixel, follows a change, and is taken in by neither nights nor skies nor subtitles."""

import cv2
import numpy as np
import pytest
from animatrix_ingest.watch.border import BorderWatch
from animatrix_ingest.watch.border_box import SCORES, border_scores, boxes

from benchmarks.stages_painted import Shown, film, painting

H, W = 180, 320


def watched(pictures):
    watch = BorderWatch()
    for picture in pictures:
        watch.see(Shown(picture), picture)
    return watch.columns()


def barred(pictures, top=0, bottom=0, left=0, right=0, level=0):
    for picture in pictures:
        out = np.full_like(picture, level)
        out[top : H - bottom, left : W - right] = picture[top : H - bottom, left : W - right]
        yield out


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ((0, 0, 0, 0), "none"),
        ((23, 23, 0, 0), "black"),
        ((0, 0, 41, 40), "black"),
        ((11, 12, 29, 30), "black"),
        ((0, 0, 3, 2), "sliver"),
        ((0, 3, 0, 0), "sliver"),
    ],
)
def test_bars_are_found_to_the_pixel(lines, kind):
    found = boxes(watched(barred(film(5, 24), *lines)))
    assert [(b.top, b.bottom, b.left, b.right) for b in found] == [lines]
    assert found[0].kind == kind
    assert found[0].doubt <= 0.1


def test_bars_of_a_colour_count_where_they_stay():
    found = boxes(watched(barred(film(5, 24), left=40, right=40, level=120)))
    assert [(b.left, b.right, b.kind) for b in found] == [(40, 40, "coloured")]


def test_a_flashback_in_another_shape_has_its_own_box():
    pictures = list(film(6, 24))
    pictures[48:96] = barred(pictures[48:96], left=40, right=40)
    columns = watched(pictures)
    wide, narrow = border_scores(columns, 0, 48), border_scores(columns, 50, 94)
    assert (wide["crop_x0"], wide["crop_x1"]) == (0.0, 1.0)
    assert (narrow["crop_x0"], narrow["crop_x1"]) == (40 / W, 1 - 40 / W)
    assert set(wide) == set(SCORES)


def test_a_night_takes_the_box_of_its_neighbours_with_doubt():
    def shots():
        yield from film(3, 24)
        for _ in range(24):  # a lamp in the dark, nothing at the edges
            picture = np.zeros((H, W, 3), np.uint8)
            cv2.circle(picture, (W // 2, H // 2), 20, (220, 200, 120), -1)
            yield picture

    columns = watched(barred(shots(), top=20, bottom=20))
    night = border_scores(columns, 74, 95)
    assert (night["crop_y0"], night["crop_y1"]) == (20 / H, 1 - 20 / H)
    assert night["border_doubt"] == 0.3


def test_line_art_on_white_is_not_cropped():
    def sketch():
        for i in range(48):
            picture = np.full((H, W, 3), 250, np.uint8)
            cv2.circle(picture, (W // 2 + i, H // 2), 40, (30, 30, 30), 2)
            yield picture

    scores = border_scores(watched(sketch()), 0, 48)
    assert [scores[name] for name in ("crop_x0", "crop_y0", "crop_x1", "crop_y1")] == [0, 0, 1, 1]
    assert scores["border_doubt"] > 0.3


def test_a_subtitle_in_the_bar_does_not_end_it():
    def subtitled():
        for i, picture in enumerate(barred(film(4, 24), top=24, bottom=24)):
            if i % 48 < 30:
                cv2.putText(picture, "Where are you?", (110, H - 8), 0, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
            yield picture

    found = boxes(watched(subtitled()))
    assert [(b.top, b.bottom) for b in found] == [(24, 24)]


def test_one_flat_sky_is_no_bar():
    def shots():
        yield from film(2, 24)
        sky = painting(9, H, W)
        sky[:50] = (120, 170, 230)
        for i in range(24):
            picture = sky.copy()
            cv2.circle(picture, (40 + 5 * i, 120), 20, (200, 30, 30), -1)
            yield picture
        yield from film(2, 24)

    assert all(b.top == 0 for b in boxes(watched(shots())))


def test_nothing_to_see_is_said():
    scores = border_scores(watched(np.zeros((40, H, W, 3), np.uint8)), 0, 40)
    assert scores["border_doubt"] == 1.0
    assert border_scores(watched([]), 0, 10) == dict.fromkeys(SCORES)
