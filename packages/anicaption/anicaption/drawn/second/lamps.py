"""Compositing light of the second hand: what is multiplied with, added to and bled from a frame."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.drawn.second.brush import blend
from anicaption.drawn.second.light import Light as Colours

KINDS = ("backlight_glow", "flare", "lens_flare", "para", "rays", "rim", "flicker", "sparkle")
_FLICKER_FRAMES = 11  # about twice a second: what flickers here must not flash


class Lamps:
    """The light of one shot on frames of `height` by `width` pixels."""

    def __init__(self, kinds: tuple[str, ...], colours: Colours, height: int, width: int, seed: int) -> None:
        if unknown := set(kinds) - set(KINDS):
            raise ValueError(f"drawn.second.lamps: {sorted(unknown)} are not among {', '.join(KINDS)}")
        self.kinds, self.colours, self.seed = frozenset(kinds), colours, seed
        rng = np.random.default_rng([seed, 0x3])
        v, u = np.mgrid[0 : 1 : height * 1j, 0 : width / height : width * 1j].astype(np.float32)
        aspect, glow = width / height, np.array(colours.glow, np.float32)
        add = np.zeros((height, width, 3), np.float32)
        self._gain = None
        if "para" in kinds:  # dark from one upper corner, a colour from below the other
            side = rng.choice([0.0, aspect])
            dark = np.clip(1.15 - np.hypot((u - side) / aspect, v * 0.9), 0, 1) ** 1.6
            tint = np.array(blend(colours.sky[0], (30, 30, 50), 0.4), np.float32) / 255
            self._gain = np.rint(255 * (1 - 0.62 * dark[..., None] * (1 - tint))).astype(np.uint8)
            add += 0.30 * glow * (np.clip(v - 0.35, 0, 1) * np.clip(1 - np.abs(u - side) / aspect, 0, 1))[..., None]
        if "flare" in kinds:
            x, y = rng.uniform(0.1, 0.9) * aspect, -0.1
            add += 0.62 * glow * (np.clip(1 - np.hypot((u - x) / 1.1, (v - y) / 0.8), 0, 1) ** 1.5)[..., None]
        if "lens_flare" in kinds:
            add += self._ghosts(rng, u, v, aspect)
        if "rays" in kinds:
            x, shafts = rng.uniform(0.1, 0.9) * aspect, np.zeros_like(u)
            angle = np.arctan2(u - x, v + 0.5)
            for _ in range(9):
                at, half = rng.uniform(-0.75, 0.75), rng.uniform(0.012, 0.05)
                shafts += rng.uniform(0.4, 1.0) * np.exp(-(((angle - at) / half) ** 2))
            add += 0.42 * glow * (np.clip(shafts, 0, 1.2) * np.clip(1.15 - v, 0, 1))[..., None]
        self._add = np.clip(add, 0, 255).astype(np.uint8) if add.any() else None
        self._core = None
        if "backlight_glow" in kinds:  # holes in the artwork, lit from behind
            core = np.zeros((height, width), np.uint8)
            for _ in range(int(rng.integers(4, 8))):
                x, y, r = rng.uniform(0, width), rng.uniform(0, 0.55) * height, rng.uniform(0.018, 0.05) * height
                cv2.circle(core, (round(x), round(y)), max(1, round(r)), 255, -1, cv2.LINE_AA)
            halo = cv2.GaussianBlur(core, (0, 0), 0.05 * height).astype(np.float32)
            near = cv2.GaussianBlur(core, (0, 0), 0.014 * height).astype(np.float32)
            tone = np.array(blend(colours.glow, (255, 170, 90), 0.35), np.float32)
            lit = core[..., None].astype(np.float32) + (1.6 * halo + 0.9 * near)[..., None] / 255 * tone
            self._core = np.clip(lit, 0, 255).astype(np.uint8)
        self._stars = rng.uniform(0, 1, (26, 4))

    @property
    def animated(self) -> bool:
        return bool({"flicker", "sparkle"} & self.kinds)

    def _ghosts(self, rng: np.random.Generator, u, v, aspect: float) -> np.ndarray:
        """A star and a chain of hexagons through the frame's middle."""
        source = np.array([rng.choice([0.14, 0.86]) * aspect, rng.uniform(0.08, 0.25)])
        middle = np.array([aspect / 2, 0.5])
        light = np.zeros((*u.shape, 3), np.float32)
        far = np.hypot(u - source[0], v - source[1])
        star = np.exp(-far / 0.05) + 0.7 * np.exp(-np.abs(v - source[1]) / 0.006) * np.exp(-np.abs(u - source[0]) / 0.5)
        light += (250 * star)[..., None] * np.array([1.0, 0.93, 0.8], np.float32)
        for share, radius, rgb in (
            (0.6, 0.05, (90, 60, 30)),
            (1.2, 0.09, (30, 70, 60)),
            (1.6, 0.05, (60, 40, 80)),
            (2.0, 0.14, (50, 50, 30)),
        ):
            x, y = source + (middle - source) * share
            six = np.maximum.reduce(
                [np.abs((u - x) * np.cos(a) + (v - y) * np.sin(a)) for a in (0, np.pi / 3, 2 * np.pi / 3)]
            )
            light += np.clip((radius - six) * 60, 0, 1)[..., None] * np.array(rgb, np.float32)
        return light

    def shine(self, picture: np.ndarray, own: int, mask: np.ndarray) -> np.ndarray:
        """The lit frame; `own` is its number in the shot, `mask` (H, W) the figures' alpha."""
        if "rim" in self.kinds:
            shift = max(1, round(0.011 * picture.shape[0]))
            inner = cv2.warpAffine(mask, np.array([[1.0, 0, -shift], [0, 1.0, 0.7 * shift]]), mask.shape[::-1])
            edge = cv2.GaussianBlur(cv2.subtract(mask, inner), (0, 0), max(0.5, 0.12 * shift))
            picture = cv2.add(picture, cv2.merge([cv2.convertScaleAbs(edge, alpha=c / 300) for c in self.colours.glow]))
        if self._gain is not None:
            picture = cv2.multiply(picture, self._gain, scale=1 / 255)
        if self._add is not None:  # screened, not added: nothing burns out
            picture = 255 - cv2.multiply(255 - picture, 255 - self._add, scale=1 / 255)
        if self._core is not None:
            behind = cv2.multiply(self._core, cv2.merge([255 - mask] * 3), scale=1 / 255)
            picture = 255 - cv2.multiply(255 - picture, 255 - behind, scale=1 / 255)
        if "sparkle" in self.kinds:
            self._twinkle(picture, own)
        if "flicker" in self.kinds:
            picture = cv2.convertScaleAbs(picture, alpha=0.87 + 0.15 * np.sin(2 * np.pi * own / _FLICKER_FRAMES))
        return picture

    def _twinkle(self, picture: np.ndarray, own: int) -> None:
        height, width = picture.shape[:2]
        for x, y, when, size in self._stars:
            life = np.sin(np.pi * ((own / 16 + when) % 1.0)) ** 2
            r = (0.012 + 0.03 * size) * height * life
            if r < 1:
                continue
            t = np.arange(8) * np.pi / 4
            reach = np.where(np.arange(8) % 2, 0.18, 1.0) * r
            points = np.stack([x * width + reach * np.cos(t), y * height + reach * np.sin(t)], 1)
            cv2.fillPoly(picture, [np.rint(points * 8).astype(np.int32)], (255, 250, 232), cv2.LINE_AA, 3)
