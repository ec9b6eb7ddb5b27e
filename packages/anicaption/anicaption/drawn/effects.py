"""Compositing: effect lines, impact frames, light and text on a finished RGB frame (H, W, 3), in place or returned."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.drawn.ink import Rgb, fixed, over
from anicaption.drawn.palette import Palette
from anicaption.drawn.script import Effects


def draw_lines(frame: np.ndarray, kind: str, seed: int, angle_deg: float, dark: bool, focus_xy=(0.5, 0.45)) -> None:
    """One drawing of effect lines: `speed` streaks along `angle_deg`, or `focus` wedges towards `focus_xy` (0..1)."""
    rng = np.random.default_rng(seed)
    height, width = frame.shape[:2]
    ink: Rgb = (24, 20, 36) if dark else (255, 255, 255)
    if kind == "speed":
        n = 46
        across = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
        down = np.array([-across[1], across[0]])
        centre = np.array([width, height]) / 2
        polygons = []
        for offset, start, length, thick in zip(
            rng.uniform(-0.62, 0.62, n),
            rng.uniform(-1.4, 0.7, n),
            rng.uniform(0.35, 1.3, n),
            rng.uniform(0.2, 1.0, n) ** 2,
        ):
            if abs(offset) < 0.16 and thick > 0.25:
                continue
            a = centre + height * (offset * down + start * across)
            b = a + height * length * across
            half = down * height * 0.0075 * thick
            middle = a * 0.4 + b * 0.6
            polygons.append(fixed(np.array([a, middle + half, b, middle - half])))
    else:
        n = 78
        focus = np.array(focus_xy) * [width, height]
        reach = np.hypot(width, height)
        angles = np.sort(rng.uniform(0, 2 * np.pi, n))
        polygons = []
        for angle, inner, half in zip(angles, rng.uniform(0.42, 0.62, n), rng.uniform(0.004, 0.030, n)):
            rim = [np.cos(angle), np.sin(angle)]
            tip = focus + np.array(rim) * [width * 0.62 * inner * 1.25, height * 0.82 * inner * 1.25]
            ends = [focus + reach * np.array([np.cos(angle + k), np.sin(angle + k)]) for k in (-half, half)]
            polygons.append(fixed(np.array([tip, *ends])))
    for polygon in polygons:
        cv2.fillPoly(frame, [polygon], ink, cv2.LINE_AA, 4)


def impact(frame: np.ndarray, kind: str) -> np.ndarray:
    """An impact frame made of this frame."""
    if kind == "white_flash":
        return np.full_like(frame, 255)
    if kind == "black_flash":
        return np.zeros_like(frame)
    if kind == "inverted":
        return cv2.bitwise_not(frame)
    if kind == "mono":
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        smooth = cv2.GaussianBlur(grey, (0, 0), max(0.5, frame.shape[0] / 400))
        level = int(np.median(smooth))
        hard = cv2.threshold(smooth, level, 255, cv2.THRESH_BINARY)[1]
        return cv2.cvtColor(hard, cv2.COLOR_GRAY2RGB)
    raise ValueError(f"drawn.effects: impact frame {kind!r} cannot be drawn; see effects.impact")


class Light:
    """The compositing light of one shot: one picture multiplied, one added, and optionally a bloom per frame."""

    def __init__(self, kinds: tuple[str, ...], colours: Palette, height_px: int, width_px: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        size = (height_px, width_px)
        self._multiply, self._add = None, None
        self._bloom = "backlight_glow" in kinds or "flare" in kinds
        v, u = np.mgrid[0:1:64j, 0 : width_px / height_px : 114j]
        add = np.zeros((64, 114, 3))
        if "para" in kinds:
            fall = np.clip((v + 0.25 * u - 0.35) / 0.9, 0, 1)[..., None]
            gain = 255 + (np.array(colours.para[1]) - 255.0) * fall
            self._multiply = cv2.resize(gain.clip(0, 255).astype(np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
            add += 0.55 * np.array(colours.para[0]) * np.clip(1 - (v + 0.4 * u) / 0.9, 0, 1)[..., None] ** 1.5
        if "flare" in kinds:
            x = rng.choice([0.0, width_px / height_px])
            add += np.array(colours.sun) * 0.30 * np.exp(-(((u - x) / 0.55) ** 2 + (v / 0.5) ** 2))[..., None]
        if "rays" in kinds:
            x, shafts = rng.uniform(-0.2, 0.4), np.zeros((64, 114))
            for _ in range(5):
                slope, offset, half = rng.uniform(0.5, 0.7), rng.uniform(0.0, 1.6), rng.uniform(0.03, 0.09)
                shafts = np.maximum(
                    shafts, np.clip(1.2 - np.abs(u - x - offset - slope * v) / half, 0, 1) * (1 - 0.7 * v)
                )
            add += np.array(colours.sun) * 0.26 * cv2.GaussianBlur(shafts, (0, 0), 1.2)[..., None]
        if add.any():
            self._add = cv2.resize(add.clip(0, 255).astype(np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)

    @property
    def plain(self) -> bool:
        return self._multiply is None and self._add is None and not self._bloom

    def shine(self, frame: np.ndarray) -> np.ndarray:
        if self._multiply is not None:
            frame = cv2.multiply(frame, self._multiply, scale=1 / 255)
        if self._bloom:
            frame = cv2.add(frame, _bloom(frame))
        if self._add is not None:
            frame = cv2.add(frame, self._add)
        return frame


def _bloom(frame: np.ndarray) -> np.ndarray:
    """Light bleeding from what is bright: an eighth of the size is enough for a blur."""
    height, width = frame.shape[:2]
    small = cv2.resize(frame, (max(1, width // 8), max(1, height // 8)), interpolation=cv2.INTER_AREA)
    bright = cv2.subtract(small, np.full_like(small, 176))
    soft = cv2.GaussianBlur(bright, (0, 0), max(0.5, height / 8 * 0.045))
    return cv2.resize(cv2.convertScaleAbs(soft, alpha=0.7), (width, height), interpolation=cv2.INTER_LINEAR)


def draw_text(frame: np.ndarray, kind: str, words: str, text_x: float, seed: int) -> None:
    """A title in the middle, or an onomatopoeia drawn large and slanted, in place."""
    height, width = frame.shape[:2]
    font = cv2.FontFace("uni")
    if kind == "title_card":
        lines = words.split("\n")
        for i, line in enumerate(lines):
            size = round(height * (0.105 if i == 0 else 0.05))
            y = round(height * (0.52 + 0.11 * i))
            _x0, _y0, w, _ = cv2.getTextSize((0, 0), line, (0, 0), font, size, 700)
            x = (width - w) // 2
            reach = max(1, height // 240)
            for dx, dy in ((reach, reach), (-reach, 0), (reach, 0), (0, -reach), (0, 2 * reach)):
                cv2.putText(frame, line, (x + dx, y + dy), (30, 26, 60), font, size, 700)
            cv2.putText(frame, line, (x, y), (255, 255, 255), font, size, 700)
        return
    rng = np.random.default_rng(seed)
    size = round(height * min(0.24, 0.62 / len(words)))
    pad = size * 2
    sheet = np.zeros((size * 2, pad + size * len(words), 4), np.uint8)
    for reach, rgb in ((size // 9, (255, 255, 255)), (size // 24, (30, 22, 40)), (0, (250, 206, 60))):
        mask = np.zeros((*sheet.shape[:2], 3), np.uint8)
        cv2.putText(mask, words, (size // 2, round(size * 1.4)), (255, 255, 255), font, size, 900)
        flat = np.ascontiguousarray(mask[..., 0])
        if reach:
            flat = cv2.dilate(flat, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
        keep = 255 - flat
        for c, value in enumerate((*rgb, 255)):
            sheet[..., c] = cv2.add(
                cv2.multiply(sheet[..., c].copy(), keep, scale=1 / 255), cv2.convertScaleAbs(flat, alpha=value / 255)
            )
    angle = rng.uniform(-16, -6)
    place = (text_x, rng.uniform(0.0, 0.08) if rng.random() < 0.5 else rng.uniform(0.28, 0.36))
    turn = cv2.getRotationMatrix2D((0, 0), angle, 1.0)
    turn[:, 2] += [place[0] * width, place[1] * height + size * 0.4]
    over(frame, cv2.warpAffine(sheet, turn, (width, height), flags=cv2.INTER_LINEAR))


def active(spans: tuple, frame: int):
    """The entries of `spans` that cover `frame`; start and end are an entry's last two items."""
    return [entry for entry in spans if entry[-2] <= frame < entry[-1]]


def has_moving_layer(effects: Effects, frame: int) -> bool:
    return bool(active(effects.lines, frame) or active(effects.text, frame) or active(effects.impacts, frame))
