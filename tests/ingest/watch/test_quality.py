"""Quality follows known degradations, one number each, and is alike for a busy and for an empty picture."""

import cv2
import numpy as np
import pytest
from anicaption.frames import encode_clip, read_clip
from animatrix_ingest.watch.quality import SCORES, QualityWatch, edge_blur_px, numbers, quality_scores

from benchmarks.stages_painted import Shown, painting

H, W = 360, 640


def scores(picture):
    watch = QualityWatch()
    watch.see(Shown(picture), picture)
    return quality_scores(watch.columns(), 0, 1)


def blurred(picture, px):
    return cv2.GaussianBlur(picture, (0, 0), px)


def test_blur_is_read_in_pixels():
    picture = painting(1, H, W)
    read = [scores(blurred(picture, px))["edge_blur_px"] for px in (0.7, 1.0, 1.4, 2.0, 2.8)]
    assert read == sorted(read)
    assert read[1] == pytest.approx(1.0, abs=0.5)
    assert read[3] == pytest.approx(2.0, abs=0.7)


def test_an_enlarged_picture_is_blurred_and_a_flat_one_is_not():
    empty = np.full((H, W, 3), 200, np.uint8)
    cv2.circle(empty, (W // 2, H // 2), 24, (30, 30, 30), 3, cv2.LINE_AA)
    busy = painting(2, H, W)
    enlarged = cv2.resize(cv2.resize(busy, (W // 3, H // 3), interpolation=cv2.INTER_AREA), (W, H))
    plain = {name: cv2.Laplacian(p, cv2.CV_64F).var() for name, p in (("empty", empty), ("enlarged", enlarged))}
    assert plain["empty"] < plain["enlarged"]  # what the usual measure says
    assert scores(empty)["sharpness"] > 1.3 * scores(enlarged)["sharpness"]


def test_contrast_does_not_matter():
    picture = painting(3, H, W)
    pale = (picture // 2 + 60).astype(np.uint8)
    assert scores(pale)["sharpness"] == pytest.approx(scores(picture)["sharpness"], rel=0.2)


def test_banding_is_seen_in_gradients_of_few_levels_only():
    gradient = np.broadcast_to(np.linspace(90, 150, W)[None, :, None], (H, W, 3))
    smooth = np.rint(gradient).astype(np.uint8)
    banded = (np.rint(gradient / 4) * 4).astype(np.uint8)
    assert scores(smooth)["banding"] == 0
    assert scores(banded)["banding"] > 0.5
    assert scores(painting(4, H, W))["banding"] < 0.05


def test_blocks_are_seen():
    rng = np.random.default_rng(0)
    plain = np.full((H, W), 128.0) + rng.normal(0, 0.6, (H, W))
    blocks = plain + np.kron(rng.normal(0, 2.5, (H // 8, W // 8)), np.ones((8, 8)))
    clean, coded = (
        scores(np.repeat(np.rint(p)[..., None], 3, 2).astype(np.uint8))["blocking"] for p in (plain, blocks)
    )
    assert abs(clean) < 0.2
    assert coded > 2


def test_a_coder_that_saves_too_much_is_seen():
    pictures = [painting(seed, H, W) for seed in range(3)]
    read = []
    for crf in (20, 44):
        coded = read_clip(encode_clip(pictures, crf=crf))
        read.append(np.mean([numbers(p)["laplacian"] for p in coded]))
    assert read[1] < 0.85 * read[0]


def test_clipping_is_a_share():
    picture = np.full((H, W, 3), 100, np.uint8)
    picture[:, : W // 2] = 255
    assert scores(picture)["clip_high"] == pytest.approx(0.5, abs=0.02)
    assert scores(picture)["clip_low"] == 0


def test_what_cannot_be_measured_is_none():
    read = scores(np.full((H, W, 3), 100, np.uint8))
    assert read["sharpness"] is None and read["edge_blur_px"] is None
    assert quality_scores(QualityWatch().columns(), 0, 9) == dict.fromkeys(SCORES)


def test_the_calibration_is_monotone():
    read = [edge_blur_px(x) for x in np.linspace(0.02, 0.12, 20)]
    assert read == sorted(read, reverse=True)
    assert read[0] == 4 and read[-1] == 0
