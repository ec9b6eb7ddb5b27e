"""Effect lines (効果線), one drawing of each kind: speed, focus, burst, trail, tremble, in place."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.drawn.effects import Spot
from anicaption.drawn.ink import Rgb, fixed, sides, spline

KINDS = ("speed", "focus", "trail", "burst", "tremble")
_DARK: Rgb = (24, 20, 36)


def draw_lines(
    frame: np.ndarray, kind: str, seed: int, angle_deg: float, dark: bool, spot: Spot, mask: np.ndarray | None = None
) -> None:
    """One drawing of effect lines; `spot` is the head of the figure they speak of, `mask` its cel's alpha (H, W)."""
    rng = np.random.default_rng(seed)
    ink: Rgb = _DARK if dark else (255, 255, 255)
    if kind == "speed":
        polygons = _speed(rng, frame, angle_deg)
    elif kind == "focus":
        polygons = _focus(rng, frame)
    elif kind == "burst":
        _burst(rng, frame, spot, ink)
        return
    elif kind == "trail":
        polygons = _trail(rng, frame, angle_deg, spot)
    elif kind == "tremble":
        polygons = _tremble(rng, frame, spot, mask)
    else:
        raise ValueError(f"drawn.effects_lines: {kind!r} is not one of {', '.join(KINDS)}")
    before = frame.copy() if kind == "trail" and mask is not None else None
    for polygon in polygons:
        cv2.fillPoly(frame, [polygon], ink, cv2.LINE_AA, 4)
    if before is not None and mask is not None:  # the way the arm came lies behind the figure
        frame[...] = np.where(mask[..., None] > 127, before, frame)


def _speed(rng: np.random.Generator, frame: np.ndarray, angle_deg: float) -> list[np.ndarray]:
    """Streaks along `angle_deg`, pointed at both ends, leaving the middle free of thick ones."""
    height, width = frame.shape[:2]
    n = 46
    across = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    down = np.array([-across[1], across[0]])
    centre = np.array([width, height]) / 2
    polygons = []
    for offset, start, length, thick in zip(
        rng.uniform(-0.62, 0.62, n), rng.uniform(-1.4, 0.7, n), rng.uniform(0.35, 1.3, n), rng.uniform(0.2, 1.0, n) ** 2
    ):
        if abs(offset) < 0.16 and thick > 0.25:
            continue
        a = centre + height * (offset * down + start * across)
        b = a + height * length * across
        half = down * height * 0.0075 * thick
        middle = a * 0.4 + b * 0.6
        polygons.append(fixed(np.array([a, middle + half, b, middle - half])))
    return polygons


def _focus(rng: np.random.Generator, frame: np.ndarray) -> list[np.ndarray]:
    """Wedges from the rim towards the middle of the picture."""
    height, width = frame.shape[:2]
    n = 78
    focus = np.array([0.5, 0.45]) * [width, height]
    reach = np.hypot(width, height)
    angles = np.sort(rng.uniform(0, 2 * np.pi, n))
    polygons = []
    for angle, inner, half in zip(angles, rng.uniform(0.42, 0.62, n), rng.uniform(0.004, 0.030, n)):
        rim = [np.cos(angle), np.sin(angle)]
        tip = focus + np.array(rim) * [width * 0.62 * inner * 1.25, height * 0.82 * inner * 1.25]
        ends = [focus + reach * np.array([np.cos(angle + k), np.sin(angle + k)]) for k in (-half, half)]
        polygons.append(fixed(np.array([tip, *ends])))
    return polygons


def burst_star(rng: np.random.Generator, width: int, height: int, centre, inner: float = 0.36) -> np.ndarray:
    """The outline (N, 2) of a spiked opening around `centre` (px); `inner` is its reach in frame heights."""
    n = int(rng.integers(34, 48))
    angles = (np.arange(2 * n) + rng.uniform(-0.32, 0.32, 2 * n)) * np.pi / n
    reach = (
        np.where(np.arange(2 * n) % 2, rng.uniform(0.82, 1.0, 2 * n), rng.uniform(1.25, 2.1, 2 * n)) * inner * height
    )
    stretched = np.stack([np.cos(angles) * reach * min(1.45, width / height), np.sin(angles) * reach], 1)
    return np.asarray(centre, float) + stretched


def _burst(rng: np.random.Generator, frame: np.ndarray, spot: Spot, ink: Rgb) -> None:
    """ベタフラ: everything outside a spiked opening is solid, with a ring of loose spikes inside it."""
    height, width = frame.shape[:2]
    centre = (0.6 * spot.x + 0.2 * width, 0.6 * spot.y + 0.2 * height)
    inner = float(np.clip(1.5 * spot.head / height, 0.30, 0.42))
    outside = np.full((height, width), 255, np.uint8)
    star = burst_star(rng, width, height, centre, inner)
    cv2.fillPoly(outside, [fixed(star)], 0, cv2.LINE_AA, 4)
    for angle, start in zip(rng.uniform(0, 2 * np.pi, 60), rng.uniform(0.86, 1.1, 60)):
        way = np.array([np.cos(angle) * min(1.45, width / height), np.sin(angle)]) * inner * height
        side = np.array([-way[1], way[0]]) * 0.012
        root = np.asarray(centre) + way * 2.4
        tip = fixed(np.array([np.asarray(centre) + way * start, root + side, root - side]))
        cv2.fillPoly(outside, [tip], 255, cv2.LINE_AA, 4)
    solid = np.full_like(frame, ink)
    share = cv2.merge([outside] * 3)
    frame[...] = cv2.add(
        cv2.multiply(frame, cv2.bitwise_not(share), scale=1 / 255), cv2.multiply(solid, share, scale=1 / 255)
    )


def _trail(rng: np.random.Generator, frame: np.ndarray, angle_deg: float, spot: Spot) -> list[np.ndarray]:
    """Curved strokes that follow where an arm has been: thin where they begin, full where the arm is now."""
    reach = spot.head * rng.uniform(1.55, 1.75)
    centre = np.array([spot.x, spot.y + 1.05 * spot.head])
    start = np.radians(angle_deg) + rng.uniform(-0.12, 0.12) - np.pi * 0.62
    polygons = []
    for k in range(5):
        radius = reach * (0.74 + 0.13 * k) * rng.uniform(0.98, 1.02)
        sweep = rng.uniform(0.55, 0.80) * np.pi
        t = np.linspace(start + 0.05 * k, start + sweep, 22)
        line = centre + radius * np.stack([np.cos(t) * 1.08, np.sin(t)], 1)
        half = frame.shape[0] * 0.0062 * (1.15 - 0.14 * k) * np.linspace(0, 1, 22) ** 0.9
        left, right = sides(line, half)
        polygons.append(fixed(np.concatenate([left, right[::-1]])))
    return polygons


def _tremble(rng: np.random.Generator, frame: np.ndarray, spot: Spot, mask: np.ndarray | None) -> list[np.ndarray]:
    """Short wavering strokes beside the figure's contour, in two rows; around the spot where there is no figure."""
    height, width = frame.shape[:2]
    if mask is None or not mask.any():
        mask = np.zeros((height, width), np.uint8)
        axes = (int(spot.head * 0.8), int(spot.head))
        cv2.ellipse(mask, (int(spot.x), int(spot.y)), axes, 0, 0, 360, 255, -1)
    polygons = []
    for row, gap in enumerate((0.020, 0.040)):
        reach = max(2, round(gap * height))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        grown = cv2.dilate(cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1], kernel)
        for contour in cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:
            step = max(3, round(0.018 * height))
            points = contour[::step, 0].astype(float)
            low, high = points.min(1) > 2, (points[:, 0] < width - 3) & (points[:, 1] < height - 3)
            within = set(np.flatnonzero(low & high).tolist())
            piece = 7
            for at in range(int(rng.integers(0, piece)), len(points) - piece, piece + 2):
                if not set(range(at, at + piece)) <= within or rng.random() < 0.15 + 0.25 * row:
                    continue
                wobble = rng.uniform(-0.0065, 0.0065, (piece, 2)) * height
                line = spline(points[at : at + piece] + wobble, 4)
                left, right = sides(line, np.full(len(line), height * 0.0024))
                polygons.append(fixed(np.concatenate([left, right[::-1]])))
    return polygons
