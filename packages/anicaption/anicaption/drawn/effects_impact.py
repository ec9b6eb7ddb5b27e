"""Impact frames (インパクトコマ): one frame of a shot turned into a flash or a drawing of its own."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.drawn.effects import Spot
from anicaption.drawn.effects_lines import burst_star
from anicaption.drawn.ink import Rgb, fixed, sides

KINDS = ("mono", "inverted", "limited_color", "white_flash", "black_flash", "rough_drawing")
# Dark, middle and light paint of a frame with few colours.
_FEW: tuple[tuple[Rgb, Rgb, Rgb], ...] = (
    ((20, 10, 24), (214, 32, 44), (255, 244, 226)),
    ((26, 18, 70), (250, 206, 44), (255, 252, 236)),
    ((12, 24, 60), (40, 150, 220), (240, 250, 255)),
    ((44, 10, 60), (240, 80, 160), (255, 236, 170)),
    ((16, 40, 34), (60, 190, 120), (246, 255, 222)),
)


def impact(frame: np.ndarray, kind: str, seed: int, nth: int, spot: Spot, mask: np.ndarray | None) -> np.ndarray:
    """The `nth` frame of an impact of `kind`, made of this frame; `mask` is the figures' alpha (H, W)."""
    if kind == "white_flash":
        return np.full_like(frame, 255)
    if kind == "black_flash":
        return np.zeros_like(frame)
    if kind == "inverted":
        return cv2.bitwise_not(frame)
    rng = np.random.default_rng([seed, 77])
    if kind == "mono":
        return _mono(rng, frame, nth, spot, mask)
    if kind == "limited_color":
        return _few_colours(rng, frame, nth, spot, mask)
    if kind == "rough_drawing":
        return _rough(rng, np.random.default_rng([seed, nth]), frame, spot, mask)
    raise ValueError(f"drawn.effects_impact: impact frame {kind!r} is not one of {', '.join(KINDS)}")


def _grey(frame: np.ndarray, blur: float = 1 / 260) -> np.ndarray:
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    return cv2.GaussianBlur(grey, (0, 0), max(0.5, frame.shape[0] * blur))


def _hard(grey: np.ndarray, mask: np.ndarray | None, share: float) -> np.ndarray:
    """255 where `grey` is over its own quantile `share` (inside `mask`, if it holds enough)."""
    inside = grey[mask > 127] if mask is not None else grey
    level = int(np.quantile(inside, share)) if inside.size > 50 else 128
    return cv2.threshold(grey, min(level, 254), 255, cv2.THRESH_BINARY)[1]


def _ground(rng: np.random.Generator, shape: tuple[int, int], spot: Spot) -> np.ndarray:
    """A black-and-white ground: white star on black with wedges of ink, (H, W) uint8."""
    height, width = shape
    ground = np.zeros(shape, np.uint8)
    centre = (spot.x, spot.y + 0.4 * spot.head)
    cv2.fillPoly(ground, [fixed(burst_star(rng, width, height, centre, 0.42))], 255, cv2.LINE_AA, 4)
    reach = np.hypot(width, height)
    for angle, half, start in zip(
        rng.uniform(0, 2 * np.pi, 40), rng.uniform(0.004, 0.035, 40), rng.uniform(0.3, 0.8, 40)
    ):
        way = [np.array([np.cos(angle + k), np.sin(angle + k)]) for k in (-half, half)]
        tip = np.asarray(centre) + height * start * np.array([np.cos(angle), np.sin(angle)])
        wedge = np.array([tip, *(np.asarray(centre) + reach * w for w in way)])
        cv2.fillPoly(ground, [fixed(wedge)], 255 if rng.random() < 0.75 else 0, cv2.LINE_AA, 4)
    return ground


def _contour(mask: np.ndarray, width_px: float) -> np.ndarray:
    """A band around the figures' contour, (H, W) uint8."""
    reach = max(1, round(width_px))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return cv2.subtract(cv2.dilate(mask, kernel), mask)


def _mono(rng: np.random.Generator, frame: np.ndarray, nth: int, spot: Spot, mask: np.ndarray | None) -> np.ndarray:
    """A black-and-white drawing: figures in solid black and white, a burst behind them; every frame turns it round."""
    height = frame.shape[0]
    grey = _grey(frame)
    if mask is None or mask.mean() < 4:
        picture = _hard(grey, None, 0.5)
    else:
        ground = _ground(rng, grey.shape, spot)
        figure = _hard(grey, mask, 0.55)
        inner = _lines(frame, 0.0022)
        figure = np.where(inner > 110, 0, figure).astype(np.uint8)
        picture = np.where(mask > 127, figure, ground).astype(np.uint8)
        picture[_contour(mask, height * 0.006) > 127] = 255
        picture[_contour(mask, height * 0.003) > 127] = 0
    if (nth + int(rng.integers(2))) % 2:
        picture = cv2.bitwise_not(picture)
    return cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)


def _few_colours(
    rng: np.random.Generator, frame: np.ndarray, nth: int, spot: Spot, mask: np.ndarray | None
) -> np.ndarray:
    """Three flat colours: dark, middle and light, the ground a burst of two of them."""
    dark, middle, light = _FEW[int(rng.integers(len(_FEW)))]
    if nth % 2:
        middle, light = light, middle
    grey = _grey(frame)
    low, high = _hard(grey, mask, 0.33), _hard(grey, mask, 0.66)
    level = (low > 127).astype(int) + (high > 127)
    if mask is not None and mask.mean() >= 4:
        ground = np.where(_ground(rng, grey.shape, spot) > 127, 1, 0)
        level = np.where(mask > 127, np.where(level == 1, 2, level), ground)
        level[_contour(mask, frame.shape[0] * 0.005) > 127] = 2
    return np.array([dark, middle, light], np.uint8)[level]


def _lines(frame: np.ndarray, sigma: float) -> np.ndarray:
    """Where the picture is darker than what lies around it: its drawn lines, (H, W) uint8."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    soft = max(0.6, sigma * frame.shape[0])
    difference = cv2.subtract(cv2.GaussianBlur(grey, (0, 0), 2.2 * soft), cv2.GaussianBlur(grey, (0, 0), 0.6 * soft))
    return cv2.convertScaleAbs(difference, alpha=9.0)


def _rough(
    rng: np.random.Generator, own: np.random.Generator, frame: np.ndarray, spot: Spot, mask: np.ndarray | None
) -> np.ndarray:
    """A pencil rough on paper: the frame's lines redrawn twice beside each other, hatching, strokes of force."""
    height, width = frame.shape[:2]
    pencil = np.zeros((height, width), np.uint8)
    lines = _lines(frame, 0.003)
    if mask is not None and mask.mean() >= 4:
        lines = cv2.multiply(lines, cv2.max(mask, np.full_like(mask, 70)), scale=1 / 255)
        lines = cv2.max(lines, _contour(mask, height * 0.004))
    for _ in range(3):
        warp = cv2.resize(
            own.uniform(-1, 1, (7, 12, 2)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
        )
        across, down = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        moved = cv2.remap(
            lines, across + warp[..., 0] * height * 0.010, down + warp[..., 1] * height * 0.010, cv2.INTER_LINEAR
        )
        pencil = cv2.max(pencil, moved)
    centre = np.array([spot.x, spot.y + 0.8 * spot.head])
    for angle, start, length in zip(
        rng.uniform(0, 2 * np.pi, 50), rng.uniform(0.25, 0.6, 50), rng.uniform(0.2, 0.7, 50)
    ):
        way = np.array([np.cos(angle), np.sin(angle)])
        bend = np.array([-way[1], way[0]]) * own.uniform(-0.03, 0.03)
        line = np.array([centre + height * (start * way), centre + height * ((start + length / 2) * way + bend),
                         centre + height * ((start + length) * way)])  # fmt: skip
        left, right = sides(line, height * np.array([0.0015, 0.004, 0.0008]))
        cv2.fillPoly(pencil, [fixed(np.concatenate([left, right[::-1]]))], 200, cv2.LINE_AA, 4)
    grain = own.integers(150, 256, (height, width), dtype=np.uint8)
    ink = cv2.multiply(pencil, grain, scale=1 / 255)
    paper, lead = np.array([246, 242, 230], np.float32), np.array([46, 42, 56], np.float32)
    return np.rint(paper + (lead - paper) * (ink[..., None].astype(np.float32) / 255)).astype(np.uint8)
