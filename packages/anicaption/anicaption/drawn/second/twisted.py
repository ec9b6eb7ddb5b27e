"""What is done to a finished cel when a drawing leaves the model sheet: smears, copies, dents, other forms."""

from __future__ import annotations

import cv2
import numpy as np


def streaked(image: np.ndarray, way: float, reach_px: float, seed: int) -> np.ndarray:
    """The whole form dragged behind itself in torn rows (smear_stretch of a body)."""
    height, width = image.shape[:2]
    rng = np.random.default_rng(seed)
    rough = cv2.resize(rng.random((max(4, height // 14), 1), np.float32), (1, height), interpolation=cv2.INTER_LINEAR)[
        :, 0
    ]
    length = reach_px * (0.35 + 1.3 * rough)
    below = np.zeros_like(image)
    for share in np.linspace(1.0, 0.1, 10):
        columns = np.arange(width, dtype=np.float32)[None] - way * (length * share)[:, None]
        rows = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, 1)
        _onto(below, cv2.remap(image, columns.astype(np.float32), rows, cv2.INTER_LINEAR))
    _onto(below, image)
    return below


def copied(image: np.ndarray, way: float, step_px: float) -> np.ndarray:
    """Several of it in one drawing, fainter the older (smear_multiple)."""
    below = np.zeros_like(image)
    for k in (3, 2, 1):
        moved = cv2.warpAffine(image, np.array([[1, 0, way * step_px * k], [0, 1, 0]]), image.shape[1::-1])
        _onto(below, cv2.convertScaleAbs(moved, alpha=1 - 0.2 * k))
    _onto(below, image)
    return below


def abstract(image: np.ndarray, flip: float, seed: int) -> np.ndarray:
    """The figure gone into a few brush strokes round its middle, in its own colours (smear_abstract)."""
    rows, columns = np.flatnonzero(image[..., 3].any(1)), np.flatnonzero(image[..., 3].any(0))
    if len(rows) == 0:
        return image
    rng = np.random.default_rng(seed)
    x, y = (columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2
    rx, ry = (columns[-1] - columns[0]) * 0.52 + 2, (rows[-1] - rows[0]) * 0.46 + 2
    solid = image[image[..., 3] == 255]
    out = np.zeros_like(image)
    for k in range(7):
        colour = solid[int(rng.integers(len(solid)))].tolist() if len(solid) else [60, 50, 60, 255]
        grow = 1 - 0.11 * k
        start = rng.uniform(150, 210) if flip > 0 else rng.uniform(-30, 30)
        t = np.radians(np.linspace(start, start + rng.uniform(150, 250), 28))
        outer = np.stack([x + rx * grow * np.cos(t), y + ry * grow * np.sin(t)], 1)
        thick = 0.20 * np.sin(np.linspace(0, np.pi, 28)) ** 0.7
        inner = np.stack([x + rx * (grow - thick) * np.cos(t), y + ry * (grow - thick) * np.sin(t)], 1)
        cv2.fillPoly(out, [np.rint(np.concatenate([outer, inner[::-1]]) * 8).astype(np.int32)], colour, cv2.LINE_AA, 3)
    return out


def caved(image: np.ndarray, amount: float, flip: float) -> np.ndarray:
    """Ripples that run through the form from where it is hit, high on its front (impact_distort)."""
    rows, columns = np.flatnonzero(image[..., 3].any(1)), np.flatnonzero(image[..., 3].any(0))
    if len(rows) == 0:
        return image
    height, width = image.shape[:2]
    tall = rows[-1] - rows[0] + 1
    x = columns[-1] if flip > 0 else columns[0]
    y = rows[0] + 0.25 * tall
    v, u = np.mgrid[:height, :width].astype(np.float32)
    away = np.hypot(u - x, v - y) / (0.5 * tall)
    push = amount * 0.10 * tall * np.exp(-(away**2) * 2.2)
    ripple = amount * 0.022 * tall * np.sin(10 * away) * np.exp(-away)
    return cv2.remap(
        image, (u + flip * (push + ripple)).astype(np.float32), (v + 0.6 * ripple).astype(np.float32), cv2.INTER_LINEAR
    )


def _onto(below: np.ndarray, image: np.ndarray) -> None:
    """A premultiplied cel over another of the same size, in place."""
    keep = cv2.bitwise_not(image[..., 3])
    below[...] = cv2.add(cv2.multiply(below, cv2.merge([keep] * 4), scale=1 / 255), image)


def melted(image: np.ndarray, other: np.ndarray, share: float, line_px: float) -> np.ndarray:
    """The form `share` of the way from one figure to another: outlines go over by distance, paints by mixture."""
    if not (image[..., 3].any() and other[..., 3].any()):
        return image
    fields, paints = [], []
    for cel in (image, other):
        inside = (cel[..., 3] > 127).astype(np.uint8)
        out_px = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
        fields.append(out_px - cv2.distanceTransform(inside, cv2.DIST_L2, 3))
        wide = cv2.GaussianBlur(cel.astype(np.float32), (0, 0), max(1.5, 2.5 * line_px)) + 1e-3
        far = cv2.GaussianBlur(cel.astype(np.float32), (0, 0), 30 * line_px + 3) + 1e-3
        paint = np.where(wide[..., 3:] > 30, wide[..., :3] / wide[..., 3:], far[..., :3] / far[..., 3:])
        paints.append(255 * paint)
    edge = fields[0] * (1 - share) + fields[1] * share
    alpha = np.clip(0.5 - edge, 0, 1)[..., None]
    paint = paints[0] * (1 - share) + paints[1] * share
    rim = np.clip(line_px + edge, 0, 1)[..., None] * alpha
    paint = paint * (1 - 0.8 * rim) + np.array([34.0, 30.0, 44.0]) * 0.8 * rim
    return np.rint(np.concatenate([np.clip(paint, 0, 255) * alpha, 255 * alpha], 2)).astype(np.uint8)
