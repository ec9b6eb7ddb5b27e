"""Impact frames of the second hand."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.drawn.second.lines import Head

IMPACTS = ("mono", "inverted", "limited_color", "white_flash", "black_flash", "rough_drawing")
_TRIADS = (((250, 240, 220), (214, 60, 44), (28, 22, 36)), ((236, 226, 120), (58, 96, 130), (24, 24, 40)),
           ((248, 236, 226), (236, 140, 52), (60, 26, 66)))  # fmt: skip


def impact(picture: np.ndarray, kind: str, seed: int, nth: int, head: Head, mask: np.ndarray) -> np.ndarray:
    """The `nth` frame of the impact `kind` made of this frame (H, W, 3)."""
    rng = np.random.default_rng([seed, 0x1A])
    height, width = picture.shape[:2]
    if kind == "white_flash":
        return np.full_like(picture, 253)
    if kind == "black_flash":
        return np.full_like(picture, 3)
    if kind == "inverted":
        return 255 - picture
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), max(0.6, height / 200))
    if kind == "mono":
        # White puppets with black shadows on black, or the other way round on every second drawing.
        inside, ground = grey[mask > 127], _shafts(rng, height, width, head)
        level = int(np.median(inside)) if inside.size > 50 else int(np.median(grey))
        tone = np.where(mask > 127, np.where(grey > level, 255, 0), ground).astype(np.uint8)
        if not (mask > 127).any():
            tone = np.where(grey > level, 255, 0).astype(np.uint8)
        edge = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        tone[edge > 127] = 255 - ground[edge > 127]
        tone = 255 - tone if (seed + nth // 2) % 2 else tone
        return cv2.cvtColor(tone, cv2.COLOR_GRAY2RGB)
    if kind == "limited_color":
        low, high = np.percentile(grey, [34, 70])
        steps = (grey > low).astype(np.uint8) + (grey > high)
        steps = np.where(mask > 127, steps, 2 - steps) if nth // 2 % 2 else steps
        return np.array(_TRIADS[seed % len(_TRIADS)][::-1], np.uint8)[steps]
    if kind == "rough_drawing":
        fine = cv2.GaussianBlur(grey, (0, 0), height / 300).astype(np.float32)
        edges = np.clip((cv2.GaussianBlur(fine, (0, 0), height / 110) - fine) * 9, 0, 255)
        down, across = np.mgrid[:height, :width].astype(np.float32)
        total = np.zeros((height, width), np.float32)
        for k in range(3):  # the same line searched for three times
            wave = height * 0.006 * np.sin(down / height * rng.uniform(14, 30) + k + nth)
            moved = (across + wave + rng.normal(0, 0.003) * height).astype(np.float32)
            total += 0.55 * cv2.remap(edges, moved, down + np.float32(rng.normal(0, 0.003) * height), cv2.INTER_LINEAR)
        grain = rng.normal(0, 26, (height, width)).astype(np.float32)
        hatch = 70 * ((across - 1.3 * down) % max(4, height / 40) < height / 160) * (mask > 127) * (grey < 110)
        paper = np.array([242, 236, 222], np.float32)
        dark = np.clip(total + hatch + grain * (total > 18), 0, 225)[..., None]
        return np.clip(paper - dark * [0.92, 0.9, 0.78], 0, 255).astype(np.uint8)
    raise ValueError(f"drawn.second.impacts: {kind!r} is not one of {', '.join(IMPACTS)}")


def _shafts(rng: np.random.Generator, height: int, width: int, head: Head) -> np.ndarray:
    """Black with jagged white shafts out of the head (H, W)."""
    ground = np.zeros((height, width), np.uint8)
    far = np.hypot(width, height)
    for angle in rng.uniform(0, 2 * np.pi, 26):
        half = rng.uniform(0.006, 0.05)
        start = rng.uniform(0.5, 1.6) * max(head[2], 0.1 * height)
        ends = [(head[0] + far * np.cos(angle + k), head[1] + far * np.sin(angle + k)) for k in (-half, half)]
        tip = (head[0] + start * np.cos(angle), head[1] + start * np.sin(angle))
        cv2.fillPoly(ground, [np.rint(np.array([tip, *ends]) * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
    return ground
