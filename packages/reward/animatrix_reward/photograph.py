"""The same drawings through another camera: grain, softness, contrast, colour, gate weave and coding by lot.

The Judge is fitted on clips seen through many of them, so that it learns drawings and not one studio's finish.
"""

from __future__ import annotations

import cv2
import numpy as np


def photographed(frames_THWC: np.ndarray, seed: int) -> np.ndarray:
    """RGB uint8 (T, H, W, 3) through a camera drawn by lot; one in four seeds changes nothing."""
    rng = np.random.default_rng([seed, 0xCA])
    if rng.random() < 0.25:
        return frames_THWC
    height, width = frames_THWC.shape[1:3]
    grain = float(rng.choice([0.0, 1.0, 2.0, 3.5]))
    soft_px = float(rng.choice([0.0, 0.5, 0.8, 1.1])) * height / 96
    contrast, gamma = rng.uniform(0.75, 1.15), float(np.exp(rng.normal(0, 0.18)))
    chroma, tint = rng.uniform(0.5, 1.25), rng.normal(0, 5, 3)
    weave_px = float(rng.choice([0.0, 0.0, 0.0, 0.3])) * height / 96
    quality = int(rng.choice([0, 0, 70, 85]))
    table = (255 * (np.arange(256) / 255) ** gamma).astype(np.float32)
    out = np.empty_like(frames_THWC)
    for t, frame in enumerate(frames_THWC):
        picture = table[frame]
        grey = picture.mean(axis=2, keepdims=True)
        picture = (grey + chroma * (picture - grey) - 128) * contrast + 128 + tint
        if soft_px:
            picture = cv2.GaussianBlur(picture, (0, 0), soft_px)
        if weave_px:
            shift = np.array([[1, 0, rng.normal(0, weave_px)], [0, 1, rng.normal(0, weave_px)]], np.float32)
            picture = cv2.warpAffine(picture, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        if grain:
            noise = rng.normal(0, grain, (height, width, 1)).astype(np.float32)
            picture = picture + noise
        seen = np.rint(picture).clip(0, 255).astype(np.uint8)
        if quality:
            _, coded = cv2.imencode(".jpg", seen[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
            seen = np.ascontiguousarray(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))[..., ::-1])
        out[t] = seen
    return out
