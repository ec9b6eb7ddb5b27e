"""Lettering is found, and its role is read from place, stay and motion; pictures without any have none."""

import json
from fractions import Fraction

import cv2
import numpy as np
import pytest
from anicaption.tracks import Tracks
from animatrix_ingest.watch.overlays import OverlayWatch
from animatrix_ingest.watch.overlays_find import lettering
from animatrix_ingest.watch.overlays_roles import SCORES, findings, overlay_boxes, overlay_scores

from benchmarks.stages_painted import Shown, film, painting
from benchmarks.stages_text import overlap, write

H, W = 240, 426


def tracks(n_frames, step_px=0.0):
    """What the camera did: it turns right by so many pixels a frame."""
    columns = {name: np.zeros(n_frames, np.float32) for name in ("camera_y", "camera_zoom")}
    columns["camera_x"] = np.full(n_frames, step_px / W, np.float32)
    return Tracks(Fraction(24), W, H, columns)


def found(pictures, step_px=0.0):
    watch = OverlayWatch()
    shown = [watch.see(Shown(picture), picture) for picture in pictures]
    return findings(watch.columns(), tracks(len(shown), step_px))


def sure(findings, role):
    return [f for f in findings if f.role == role and f.score >= 0.4]


@pytest.mark.parametrize("words", ["Where are you going?", "今日はいい天気だね"])
def test_a_line_is_found_where_it_is(words):
    picture = painting(3, H, W)
    box = write(picture, words, 0.5, 0.9, 0.058)
    line = lettering(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))[0]
    assert overlap((line.x0 / W, line.y0 / H, line.x1 / W, line.y1 / H), box) > 0.6


def test_a_picture_without_words_has_none():
    for seed in range(6):
        assert not [x for x in lettering(cv2.cvtColor(painting(seed, H, W), cv2.COLOR_RGB2GRAY)) if x.score > 0.8]


def test_subtitles_over_many_shots_and_their_coverage():
    def subtitled():
        for i, picture in enumerate(film(4, 36, H, W)):
            if i % 36 < 30:
                box[:] = write(picture, f"We must leave {i // 36}", 0.5, 0.93, 0.058)
            yield picture

    box = [0.0] * 4
    lines = found(subtitled(), 1.0)
    subtitles = sure(lines, "subtitle")
    assert all(any(f.start_frame < 36 * k + 20 < f.end_frame for f in subtitles) for k in range(4))
    assert all(overlap((f.x0, f.y0, f.x1, f.y1), tuple(box)) > 0.5 for f in subtitles)
    scores = overlay_scores(lines, 36, 72)
    area = (box[2] - box[0]) * (box[3] - box[1])
    assert 0.4 * area * 30 / 36 < scores["subtitle_coverage"] < 1.3 * area * 30 / 36  # spans are known to a look
    assert scores["logo_coverage"] == scores["credits_coverage"] == 0
    told = overlay_boxes(lines, 36, 72)
    assert json.loads(json.dumps(told)) == told
    assert {"box", "start_frame", "end_frame", "role", "score"} == set(told[0])


def test_a_faint_logo_is_what_no_cut_moves():
    def marked():
        for picture in film(36, 12, H, W):
            box[:] = write(picture, "TVX", 0.9, 0.1, 0.055, edge=None, alpha=0.6)
            yield picture

    box = [0.0] * 4
    logos = sure(found(marked(), 1.0), "logo")
    longest = max(logos, key=lambda f: f.end_frame - f.start_frame)
    assert longest.end_frame - longest.start_frame > 36 * 12 - 30
    assert overlap((longest.x0, longest.y0, longest.x1, longest.y1), tuple(box)) > 0.4


def test_no_logo_where_there_is_none():
    assert not sure(found(film(36, 12, H, W), 1.0), "logo")


def test_a_sign_goes_with_the_camera_and_a_title_stands():
    step_px = 2

    def shot():
        wide = painting(5, H, W + 60 * step_px)
        cv2.rectangle(wide, (300, 90), (430, 140), (240, 240, 230), -1)
        shop = wide[:, 250:480].copy()
        write(shop, "BAKERY", 0.5, 0.52, 0.1, (120, 20, 30), None, 800)
        wide[:, 250:480] = shop
        for i in range(60):
            picture = wide[:, step_px * i : step_px * i + W].copy()
            write(picture, "第3話 遠い空", 0.35, 0.3, 0.11, weight=700)
            yield picture

    lines = found(shot(), float(step_px))
    (sign,) = sure(lines, "sign")
    assert sign.y0 > 0.3
    (title,) = sure(lines, "title")
    assert title.y1 < 0.4


def test_a_staff_roll_is_many_lines_on_one_axis():
    names = (
        "監督 山田太郎",
        "作画監督 鈴木花子",
        "美術監督 佐藤次郎",
        "音楽 Kenji Tanaka",
        "原画 伊藤 中村",
        "編集 井上",
    )

    def rolling():
        for i, picture in enumerate(film(1, 60, H, W)):
            for k, words in enumerate(names):
                base = 0.7 + 0.08 * k - 0.006 * i
                if 0.05 < base < 0.98:
                    write(picture, words, 0.5, base, 0.042, weight=500)
            yield picture

    lines = found(rolling(), 1.0)
    assert len(sure(lines, "credits")) >= 8
    assert not sure(lines, "title")
    scores = overlay_scores(lines, 0, 60)
    assert scores["credits_coverage"] > 0.01
    assert set(scores) == set(SCORES)


def test_an_empty_shot_has_no_share():
    assert overlay_scores([], 5, 5) == dict.fromkeys(SCORES)
    assert overlay_scores([], 0, 5)["text_coverage"] == 0
