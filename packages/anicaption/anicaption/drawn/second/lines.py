"""Effect lines of the second hand: brush bands, wedge frames, ribbons, star bursts, shivering contours."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.drawn.second.brush import Rgb

LINES = ("speed", "focus", "trail", "burst", "tremble")
Head = tuple[float, float, float]  # x, y, height in pixels


def draw_lines(
    picture: np.ndarray, kind: str, seed: int, angle_deg: float, bright: bool, head: Head, mask: np.ndarray
) -> None:
    """One drawing of the lines `kind` onto `picture` (H, W, 3) in place; `mask` (H, W) is the figures' alpha."""
    rng = np.random.default_rng([seed, 0x11])
    ink: Rgb = (36, 30, 40) if bright else (252, 244, 226)
    if kind == "speed":
        _bands(picture, rng, angle_deg, ink)
    elif kind == "focus":
        _wedges(picture, rng, head, ink)
    elif kind == "trail":
        _ribbons(picture, rng, angle_deg, head, ink, mask)
    elif kind == "burst":
        _burst(picture, rng, head, ink)
    elif kind == "tremble":
        _shiver(picture, rng, ink, mask)
    else:
        raise ValueError(f"drawn.second.lines: {kind!r} is not one of {', '.join(LINES)}")


def _poly(picture: np.ndarray, points, rgb) -> None:
    cv2.fillPoly(picture, [np.rint(np.asarray(points) * 8).astype(np.int32)], rgb, cv2.LINE_AA, 3)


def _bands(picture: np.ndarray, rng: np.random.Generator, angle_deg: float, ink: Rgb) -> None:
    """Bundles of long dry-brush strokes that leave the middle clear."""
    height, width = picture.shape[:2]
    along = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    across = np.array([-along[1], along[0]])
    middle, reach = np.array([width / 2, height / 2]), np.hypot(width, height)
    for _ in range(11):
        lane = rng.choice([-1, 1]) * rng.uniform(0.15, 0.58) * height
        start = rng.uniform(-0.75, 0.2) * reach
        for _ in range(int(rng.integers(2, 7))):
            a = middle + across * (lane + rng.normal(0, 0.022 * height)) + along * (start + rng.uniform(0, 0.2) * reach)
            long, thick = rng.uniform(0.25, 0.75) * reach, rng.uniform(0.0008, 0.0052) * height
            b = a + along * long
            c = a + along * long * rng.uniform(0.05, 0.2)
            _poly(picture, [a, c + across * thick, b, c - across * thick], ink)


def _wedges(picture: np.ndarray, rng: np.random.Generator, head: Head, ink: Rgb) -> None:
    """Broad and thin wedges from the frame's rim towards the head, in uneven groups."""
    height, width = picture.shape[:2]
    spot = np.array([np.clip(head[0], 0.25 * width, 0.75 * width), np.clip(head[1], 0.3 * height, 0.65 * height)])
    far, angle = np.hypot(width, height), 0.0
    while angle < 2 * np.pi:
        way = np.array([np.cos(angle), np.sin(angle)])
        half = rng.choice([0.004, 0.009, 0.017], p=[0.6, 0.3, 0.1]) * rng.uniform(0.6, 1.3)
        # The clear middle is a rounded box, not an ellipse.
        box = 1 / (abs(way[0] / (0.36 * width)) ** 3 + abs(way[1] / (0.36 * height)) ** 3) ** (1 / 3)
        tip = spot + way * box * rng.uniform(0.85, 1.35)
        ends = [spot + far * np.array([np.cos(angle + k), np.sin(angle + k)]) for k in (-half, half)]
        _poly(picture, [tip, *ends], ink)
        angle += rng.choice([0.018, 0.05, 0.12], p=[0.5, 0.3, 0.2]) * rng.uniform(0.7, 1.4)


def _ribbons(picture: np.ndarray, rng, angle_deg: float, head: Head, ink: Rgb, mask: np.ndarray) -> None:
    """Curved ribbons that a figure leaves behind, under it."""
    height = picture.shape[0]
    before = picture.copy()
    size = max(head[2], 0.06 * height)
    way = np.array([-np.cos(np.radians(angle_deg)), -np.sin(np.radians(angle_deg))])
    side = np.array([-way[1], way[0]])
    root = np.array([head[0], head[1] + 1.2 * size])
    t = np.linspace(0, 1, 20)[:, None]
    for offset in np.linspace(-1.3, 2.0, 7):
        bow, long = rng.uniform(-0.6, 0.6) * size, rng.uniform(3.0, 5.5) * size
        line = root + side * offset * size + way * long * t + side * bow * np.sin(np.pi * t)
        half = size * rng.uniform(0.012, 0.05) * (1 - t) ** 0.8 + 0.3
        _poly(picture, np.concatenate([line + side * half, (line - side * half)[::-1]]), ink)
    covered = cv2.merge([mask] * 3)
    picture[...] = cv2.add(
        cv2.multiply(picture, 255 - covered, scale=1 / 255), cv2.multiply(before, covered, scale=1 / 255)
    )


def _burst(picture: np.ndarray, rng: np.random.Generator, head: Head, ink: Rgb) -> None:
    """Solid tone with a star of long teeth torn out of it around the head."""
    height, width = picture.shape[:2]
    n = 2 * int(rng.integers(15, 22))
    turns = np.linspace(0, 2 * np.pi, n, endpoint=False) + rng.normal(0, 0.03, n)
    reach = np.where(np.arange(n) % 2, 0.40, 0.66) * rng.uniform(0.85, 1.2, n)
    star = np.stack([head[0] + np.cos(turns) * reach * width * 0.72, head[1] + np.sin(turns) * reach * height], 1)
    tone = np.full_like(picture, ink)
    hole = np.full((height, width), 255, np.uint8)
    cv2.fillPoly(hole, [np.rint(star * 8).astype(np.int32)], 0, cv2.LINE_AA, 3)
    share = cv2.merge([hole] * 3)
    picture[...] = cv2.add(cv2.multiply(picture, 255 - share, scale=1 / 255), cv2.multiply(tone, share, scale=1 / 255))
    closed = np.vstack([star, star[:1]])
    cv2.polylines(
        picture, [np.rint(closed * 8).astype(np.int32)], False, tuple(255 - c for c in ink), max(1, height // 150),
        cv2.LINE_AA, 3,
    )  # fmt: skip


def _shiver(picture: np.ndarray, rng: np.random.Generator, ink: Rgb, mask: np.ndarray) -> None:
    """The figures' contour twice more, broken and wavering, a little off it."""
    height = picture.shape[0]
    for off in (0.012, 0.026):
        size = 2 * max(1, round(off * height)) + 1
        grown = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
        contours, _ = cv2.findContours((grown > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for contour in contours:
            points = contour[:: max(2, height // 90), 0].astype(float)
            if len(points) < 8:
                continue
            points += rng.normal(0, 0.0045 * height, points.shape)
            fixed = np.rint(points * 8).astype(np.int32)
            for i in np.flatnonzero(rng.random(len(points) - 1) < 0.72):
                cv2.line(picture, fixed[i].tolist(), fixed[i + 1].tolist(), ink, max(1, height // 260), cv2.LINE_AA, 3)
