"""Compositing light (撮影の光) of one shot, laid over finished RGB frames."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.drawn.effects import star
from anicaption.drawn.ink import fixed
from anicaption.drawn.palette import Palette

KINDS = ("backlight_glow", "flare", "lens_flare", "para", "rays", "rim", "flicker", "sparkle")
_ANIMATED = {"flicker", "sparkle"}
_FLICKER_DEPTH = 0.22  # of the brightness, once in _FLICKER_FRAMES: slow enough to be no flashing
_TWINKLE_FRAMES = 3  # a drawing


class Light:
    """The light of one shot: one picture multiplied, one added, and what follows the frame and the figure."""

    def __init__(self, kinds: tuple[str, ...], colours: Palette, height_px: int, width_px: int, seed: int) -> None:
        if strange := set(kinds) - set(KINDS):
            raise ValueError(f"drawn.light: {sorted(strange)} are not among {', '.join(KINDS)}")
        rng = np.random.default_rng(seed)
        self.kinds, self.size, self.seed = set(kinds), (height_px, width_px), seed
        self._sun = colours.sun
        self._multiply, self._add = None, None
        self._bloom = bool(self.kinds & {"backlight_glow", "flare"})
        v, u = np.mgrid[0:1:64j, 0 : width_px / height_px : 114j]
        add = np.zeros((64, 114, 3))
        if "para" in kinds:
            fall = np.clip((v + 0.25 * u - 0.35) / 0.9, 0, 1)[..., None]
            gain = 255 + (np.array(colours.para[1]) - 255.0) * fall
            self._multiply = cv2.resize(
                gain.clip(0, 255).astype(np.uint8), (width_px, height_px), interpolation=cv2.INTER_CUBIC
            )
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
            self._add = cv2.resize(
                add.clip(0, 255).astype(np.uint8), (width_px, height_px), interpolation=cv2.INTER_CUBIC
            )
        self._cores = self._backlit(np.random.default_rng([seed, 51])) if "backlight_glow" in kinds else None
        self._ghosts = self._lens(np.random.default_rng([seed, 52])) if "lens_flare" in kinds else None
        self._period = int(np.random.default_rng([seed, 53]).integers(10, 17))
        self._stars = np.random.default_rng([seed, 54]).uniform(0, 1, (14, 4))

    @property
    def animated(self) -> bool:
        """Whether the light alone changes from frame to frame."""
        return bool(self.kinds & _ANIMATED)

    def shine(self, frame: np.ndarray, own: int, mask: np.ndarray | None) -> np.ndarray:
        """Frame `own` of the shot in this light; `mask` is the figures' alpha (H, W)."""
        if self._multiply is not None:
            frame = cv2.multiply(frame, self._multiply, scale=1 / 255)
        if "rim" in self.kinds and mask is not None:
            frame = self._rimmed(frame, mask)
        if self._cores is not None:
            frame = cv2.add(frame, self._cores)
        if self._bloom:
            frame = cv2.add(frame, _bloom(frame))
        for layer in (self._add, self._ghosts):
            if layer is not None:
                frame = cv2.add(frame, layer)
        if "sparkle" in self.kinds:
            frame = self._twinkle(frame, own)
        if "flicker" in self.kinds:
            wave = 0.5 + 0.5 * np.cos(2 * np.pi * own / self._period)
            frame = cv2.convertScaleAbs(frame, alpha=1 - _FLICKER_DEPTH * wave)
        return frame

    def _backlit(self, rng: np.random.Generator) -> np.ndarray:
        """透過光: one to three openings that burn out white, with a coloured glow around them."""
        height, width = self.size
        core = np.zeros((height, width), np.uint8)
        for _ in range(rng.integers(1, 4)):
            x, y = width * rng.uniform(0.08, 0.92), height * rng.uniform(0.08, 0.45)
            reach = height * rng.uniform(0.018, 0.040)
            cv2.circle(core, (int(x * 16), int(y * 16)), int(reach * 16), 255, -1, cv2.LINE_AA, 4)
        colour = np.array([(255, 196, 90), (120, 200, 255), (255, 120, 150), (150, 255, 180)][rng.integers(4)])
        near = cv2.GaussianBlur(core, (0, 0), 0.020 * height).astype(np.float32)
        far = cv2.GaussianBlur(core, (0, 0), 0.075 * height).astype(np.float32)
        glow = (near * 1.0 + far * 1.9)[..., None] * colour / 255 + core[..., None]
        return glow.clip(0, 255).astype(np.uint8)

    def _lens(self, rng: np.random.Generator) -> np.ndarray:
        """A source near a corner, its streak, and ghosts on the line through the middle of the lens."""
        height, width = self.size
        layer = np.zeros((height, width, 3), np.float32)
        source = np.array([width * rng.choice([0.12, 0.88]), height * rng.uniform(0.08, 0.22)])
        middle = np.array([width, height]) / 2
        down, across = np.mgrid[0:height, 0:width].astype(np.float32)
        away = np.hypot(across - source[0], down - source[1]) / height
        layer += (np.exp(-((away / 0.10) ** 2)) * 255)[..., None] * np.array([1.0, 0.96, 0.86])
        layer += (np.exp(-((away / 0.34) ** 2)) * 80)[..., None] * np.array([1.0, 0.85, 0.6])
        streak = np.exp(-(((down - source[1]) / (0.006 * height)) ** 2)) * np.exp(
            -np.abs(across - source[0]) / (0.5 * width)
        )
        layer += (streak * 150)[..., None] * np.array([0.75, 0.88, 1.0])
        for at, reach, rgb, share in (
            (0.55, 0.045, (120, 220, 160), 0.42), (0.9, 0.025, (255, 210, 120), 0.5),
            (1.25, 0.075, (110, 150, 255), 0.36), (1.55, 0.035, (255, 130, 170), 0.42),
            (1.85, 0.11, (140, 230, 220), 0.30),
        ):  # fmt: skip
            x, y = source + (middle - source) * at
            ghost = np.zeros((height, width), np.uint8)
            corners = np.arange(7) * np.pi / 3.5 + 0.3
            shape = np.stack([x + reach * height * np.cos(corners), y + reach * height * np.sin(corners)], 1)
            cv2.fillPoly(ghost, [fixed(shape)], 255, cv2.LINE_AA, 4)
            ghost = cv2.GaussianBlur(ghost, (0, 0), max(0.6, 0.003 * height))
            layer += ghost[..., None].astype(np.float32) * (share / 255) * np.array(rgb, np.float32)
        return layer.clip(0, 255).astype(np.uint8)

    def _rimmed(self, frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """An edge of light inside the figures' contour, on the side of the sun."""
        height, width = self.size
        side = 1 if self.seed % 2 else -1
        reach = max(1.5, 0.0075 * height)
        matrix = np.array([[1.0, 0.0, -side * reach], [0.0, 1.0, reach * 0.8]])
        moved = cv2.warpAffine(mask, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        edge = cv2.GaussianBlur(cv2.subtract(mask, moved), (0, 0), max(0.5, 0.001 * height)).astype(np.float32) / 255
        light = np.array(self._sun, np.float32) * 0.35 + 255 * 0.65
        return np.rint(frame + (light - frame) * np.clip(1.25 * edge, 0, 1)[..., None] * 0.92).astype(np.uint8)

    def _twinkle(self, frame: np.ndarray, own: int) -> np.ndarray:
        """Four-pointed stars that swell and go, on threes."""
        height, width = self.size
        layer = np.zeros_like(frame)
        beat = own // _TWINKLE_FRAMES
        for x, y, start, size in self._stars:
            t = (beat / 8 + start) % 1.0
            reach = height * (0.02 + 0.05 * size) * np.sin(np.pi * min(1.0, t * 1.6)) if t < 0.625 else 0.0
            if reach < 1.2:
                continue
            place = (x * width, y * height * 0.9)
            cv2.fillPoly(layer, [fixed(star(place, reach, 4, 0.14))], (255, 250, 222), cv2.LINE_AA, 4)
        glow = cv2.GaussianBlur(layer, (0, 0), max(1.0, 0.010 * height))
        return cv2.add(cv2.add(frame, glow), layer)


def _bloom(frame: np.ndarray) -> np.ndarray:
    """Light bleeding from what is bright: an eighth of the size is enough for a blur."""
    height, width = frame.shape[:2]
    small = cv2.resize(frame, (max(1, width // 8), max(1, height // 8)), interpolation=cv2.INTER_AREA)
    bright = cv2.subtract(small, np.full_like(small, 176))
    soft = cv2.GaussianBlur(bright, (0, 0), max(0.5, height / 8 * 0.045))
    return cv2.resize(cv2.convertScaleAbs(soft, alpha=0.7), (width, height), interpolation=cv2.INTER_LINEAR)
