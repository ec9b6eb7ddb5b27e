"""Intentional departures from the model sheet: what a deformation does to the pose, and to the inked cel."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from anicaption.drawn.poses import Pose
from anicaption.drawn.script import Acting

AMOUNT = {"none": 0.0, "mild": 0.5, "strong": 1.0, "extreme": 1.7}
Deformed = tuple[tuple[str, float, str], ...]
# Performances whose whole body flies along a path, and its direction for a figure facing right; others swing an arm.
_PATHS = {"run": (1, 0), "walk": (1, 0), "dash": (1, 0), "fly": (1, 0), "dance": (1, 0), "jump": (0, -1)}
_SMEAR_ARCS = {"wave": (196.0, 96.0), "raise": (0.0, 100.0), "slash": (200.0, 60.0)}


def posed(pose: Pose, deformed: Deformed, acting: Acting) -> Pose:
    """`pose` with the deformations that are a matter of drawing it otherwise."""
    for kind, share, degree in deformed:
        amount = AMOUNT[degree]
        if kind == "smear_stretch" and acting.performance not in _PATHS:
            pose = replace(pose, smear=amount, smear_arc=_SMEAR_ARCS.get(acting.performance, pose.smear_arc))
        elif kind == "smear_multiple":
            pose = replace(pose, copies=1.4 + 1.6 * amount)
        elif kind == "smear_abstract":
            pose = replace(pose, whirl=amount)
        elif kind == "squash":
            pose = replace(pose, stretch=(1 + 0.34 * amount, 1 / (1 + 0.34 * amount)))
        elif kind == "stretch":
            pose = replace(pose, stretch=(1 / (1.08 + 0.14 * amount), 1.08 + 0.14 * amount))
        elif kind == "gag_face":
            pose = replace(pose, yaw=min(pose.yaw, 0.5), face=replace(pose.face, gag=amount))
        elif kind == "forced_perspective":
            pose = replace(
                pose, near_arm=(38.0, 62.0), near_hand="fist", swell=0.9 + 1.5 * amount, lean=-10.0,
                near_leg=(-16, -20), far_leg=(20, 4),
            )  # fmt: skip
        elif kind == "rubber_limb":
            pose = replace(pose, rubber=(0.35 + 0.5 * amount, 2 * np.pi * 1.5 * share))
    return pose


def distorted(
    image: np.ndarray, to_artwork: np.ndarray, deformed: Deformed, head_px: float, acting: Acting
) -> tuple[np.ndarray, np.ndarray]:
    """The cel's picture and place with the deformations that are done to the finished drawing."""
    facing = -1 if acting.mirrored else 1
    for kind, share, degree in deformed:
        amount = AMOUNT[degree]
        if kind == "smear_stretch" and acting.performance in _PATHS:
            image, to_artwork = _drawn_out(image, to_artwork, _PATHS[acting.performance], facing, amount)
        elif kind == "impact_distort":
            image, to_artwork = _caved(image, to_artwork, head_px, facing, amount)
        elif kind == "morph":
            image, to_artwork = _melted(image, to_artwork, head_px, share, amount)
        elif kind == "line_breakup":
            image, to_artwork = _broken(image, to_artwork, head_px, share, amount)
    return image, to_artwork


def _padded(image: np.ndarray, to_artwork: np.ndarray, left: int, top: int, right: int, bottom: int):
    """The cel with an empty border, and its place."""
    to_artwork = to_artwork.copy()
    to_artwork[:, 2] -= to_artwork[:, :2] @ [left, top]
    return cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0)), to_artwork


def _grid(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = image.shape[:2]
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    return x, y


def _remapped(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return cv2.remap(
        image, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )


def _drawn_out(image: np.ndarray, to_artwork: np.ndarray, way: tuple[int, int], facing: int, amount: float):
    """The whole body pulled out backwards along its path, its tail torn into points."""
    upright = way[0] == 0
    # Turn the picture so that the front of the movement lies at its left edge.
    turned = image.transpose(1, 0, 2) if upright else image
    ahead_is_left = way[1] < 0 if upright else facing < 0
    turned = turned if ahead_is_left else turned[:, ::-1]
    rows, length = turned.shape[:2]
    tail = round(length * 0.62 * amount)
    x, y = np.meshgrid(np.arange(length + tail, dtype=np.float32), np.arange(rows, dtype=np.float32))
    lines = np.random.default_rng(rows * 7919 + length).uniform(0.35, 1.0, max(3, rows // max(3, rows // 22)))
    reach = np.interp(np.linspace(0, len(lines) - 1, rows), np.arange(len(lines)), lines)[:, None]
    hold = 0.42 * length
    source = np.where(x < hold, x, hold + (x - hold) * (length - hold) / (length - hold + tail * reach))
    pinch = 1 + 0.30 * amount * np.clip((x - hold) / (length + tail - hold), 0, 1)
    middle = np.float32(rows / 2)
    drawn = _remapped(np.ascontiguousarray(turned), source, middle + (y - middle) * pinch)
    drawn = drawn if ahead_is_left else drawn[:, ::-1]
    drawn = np.ascontiguousarray(drawn.transpose(1, 0, 2) if upright else drawn)
    moved = to_artwork.copy()
    if not ahead_is_left:
        moved[:, 2] -= moved[:, :2] @ ([0, tail] if upright else [tail, 0])
    return drawn, moved


def _caved(image: np.ndarray, to_artwork: np.ndarray, head_px: float, facing: int, amount: float):
    """Struck from the front: the body caves in at face and chest and bulges behind, and waves run through it."""
    pad = round(0.6 * head_px)
    image, to_artwork = _padded(image, to_artwork, pad, pad, pad, pad)
    x, y = _grid(image)
    alpha = image[..., 3] > 127
    rows = np.flatnonzero(alpha.any(1))
    top = rows[0] if len(rows) else 0
    head = alpha & (y < top + 1.2 * head_px)
    across = x[head].mean() if head.any() else image.shape[1] / 2
    spot_y = top + 0.70 * head_px
    blow = np.exp(-(((y - spot_y) / (0.50 * head_px)) ** 2))
    # Deepest on the side that was struck, so that the front caves in and the back bulges.
    front = 1 / (1 + np.exp(-facing * (x - across) / (0.16 * head_px)))
    push = (0.12 + 0.62 * front) * min(amount, 1.35) * head_px * blow
    ripple = (
        0.075
        * amount
        * head_px
        * np.sin((y - spot_y) / (0.11 * head_px))
        * np.exp(-(((y - spot_y) / (1.3 * head_px)) ** 2))
    )
    return _remapped(
        image, x + facing * push + ripple, y + 0.30 * amount * head_px * blow * np.tanh((y - spot_y) / (0.4 * head_px))
    ), to_artwork


def _melted(image: np.ndarray, to_artwork: np.ndarray, head_px: float, share: float, amount: float):
    """On its way into a flame-shaped blob and back: the outline flows, the features sink into the colours."""
    strength = min(1.0, 1.5 * float(np.sin(np.pi * share))) * min(1.0, 0.62 + 0.33 * amount)
    pad = round(0.9 * head_px)
    image, to_artwork = _padded(image, to_artwork, pad, pad, pad, pad)
    alpha = image[..., 3] > 127
    if not alpha.any():
        return image, to_artwork
    x, y = _grid(image)
    cx, cy = float(x[alpha].mean()), float(y[alpha].mean())
    angle = np.arctan2(y - cy, x - cx)
    far = np.hypot(x - cx, y - cy)
    bins = 72
    index = ((angle + np.pi) / (2 * np.pi) * bins).astype(int) % bins
    rim = np.zeros(bins, np.float32)
    np.maximum.at(rim, index[alpha], far[alpha])
    rim = np.maximum(rim, 0.25 * rim.max())
    a = (np.arange(bins) + 0.5) / bins * 2 * np.pi - np.pi
    goal = np.sqrt(alpha.sum() / np.pi) * (
        1.05 + 0.13 * np.sin(5 * a + 9 * share) + 0.35 * np.clip(-np.sin(a), 0, 1) ** 3
    )
    wanted = rim ** (1 - strength) * goal**strength
    ratio = np.tile(rim / wanted, 3)
    smooth = cv2.GaussianBlur(ratio[None].astype(np.float32), (0, 0), 1 + 2 * strength)[0, bins : 2 * bins]
    at = (angle + np.pi) / (2 * np.pi) * bins - 0.5
    scale = np.interp(at.ravel(), np.arange(-1, bins + 1), np.r_[smooth[-1], smooth, smooth[0]]).reshape(at.shape)
    twist = 0.9 * strength * np.exp(-far / (1.4 * head_px))
    turned = angle + twist
    flowed = _remapped(image, cx + far * scale * np.cos(turned), cy + far * scale * np.sin(turned))
    soft = cv2.medianBlur(flowed, 2 * round(1 + 0.05 * head_px * strength) + 1) if strength > 0.3 else flowed
    return soft, to_artwork


def _broken(image: np.ndarray, to_artwork: np.ndarray, head_px: float, share: float, amount: float):
    """The drawing torn by force: its lines jump aside in pieces and the contour is searched for again."""
    pad = round(0.3 * head_px)
    image, to_artwork = _padded(image, to_artwork, pad, pad, pad, pad)
    rng = np.random.default_rng(round(share * 10000))
    rows, columns = image.shape[:2]
    cell = max(2.0, 0.10 * head_px)
    size = (int(columns / cell) + 2, int(rows / cell) + 2)
    x, y = _grid(image)
    reach = 0.075 * amount * head_px
    moved = []
    for axis in (x, y):
        noise = rng.uniform(-1, 1, size[::-1]).astype(np.float32)
        moved.append(axis + reach * cv2.resize(noise, (columns, rows), interpolation=cv2.INTER_LINEAR))
    torn = _remapped(image, *moved)
    contours, _ = cv2.findContours((image[..., 3] > 127).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    thick = max(1, round(0.022 * head_px))
    for contour in contours:
        if len(contour) < 4 * cell:
            continue
        for _ in range(1 + round(amount)):
            shift = rng.normal(0, 0.035 * head_px * amount, 2)
            start = 0
            while start < len(contour):
                length = int(rng.uniform(1.5, 7) * cell)
                piece = contour[start : start + length, 0] + shift + rng.normal(0, 0.03 * head_px, 2)
                cv2.polylines(torn, [np.rint(piece).astype(np.int32)], False, (28, 20, 34, 255), thick, cv2.LINE_AA)
                start += length + int(rng.uniform(0.3, 2.5) * cell)
    return torn, to_artwork
