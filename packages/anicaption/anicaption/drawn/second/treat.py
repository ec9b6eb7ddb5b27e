"""Compositing treatments of the second hand: `early` ones on the composite, `late` ones on the delivered frame."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from anicaption.drawn.script import Shot

EARLY = (
    "double_exposure", "afterimage_strobe", "still_postcard", "diffusion", "motion_blur", "wave_glass",
    "color_overlay", "negative", "chromatic_shift",
)  # fmt: skip
LATE = ("halftone", "glitch", "texture", "vignette", "scanline_crt", "film_grain")
RESTLESS = frozenset({"double_exposure", "afterimage_strobe", "wave_glass", "glitch", "film_grain"})
_ECHOES = (10, 5)  # frames back
_OVERLAYS = ((255, 120, 90), (90, 150, 255), (255, 206, 96), (120, 230, 170))
_WEAVE = 0.0005  # standard deviation of a film camera's gate, frame heights


class Treatments:
    """One shot's treatments; `early` must see every frame that is composited, in order."""

    def __init__(self, shot: Shot, height_px: int, width_px: int) -> None:
        self.shot = shot
        self.kinds = {kind for kind, _, _ in shot.effects.composite}
        if unknown := self.kinds - {*EARLY, *LATE}:
            raise ValueError(f"drawn.second.treat: {sorted(unknown)} are not among {', '.join((*EARLY, *LATE))}")
        self.film = shot.look.medium == "analog_cel"
        self.seed = shot.effects.seed
        rng = np.random.default_rng([self.seed, 0x9])
        self._past: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=max(_ECHOES) + 1)
        self._tint = _OVERLAYS[int(rng.integers(len(_OVERLAYS)))]
        self._angle = float(rng.uniform(0, 180))
        none = np.zeros((0, 0), np.uint8)
        self._grain, self._paper, self._corners = none, none, none
        if self.film or "film_grain" in self.kinds:
            # Clumps of two sizes, more in one channel than in the others, as dye does it.
            grain = rng.standard_normal((height_px + 97, width_px + 97, 3)).astype(np.float32)
            size = max(0.55, height_px / 620)
            grain = 0.7 * cv2.GaussianBlur(grain, (0, 0), size) * size * 3.0 + 0.25 * grain
            grain = 0.75 * grain.mean(2, keepdims=True) * 1.6 + 0.35 * grain * [0.8, 0.7, 1.3]
            self._grain = np.rint(grain / grain.std() * 6.5).astype(np.int16)
        if self.kinds & {"texture", "still_postcard"}:
            fibre = rng.standard_normal((height_px, width_px)).astype(np.float32)
            coarse = cv2.GaussianBlur(fibre, (0, 0), max(0.8, height_px / 160))
            cross = cv2.GaussianBlur(fibre, (0, 0), max(0.6, height_px / 90), sigmaY=0.5) + cv2.GaussianBlur(
                fibre, (0, 0), 0.5, sigmaY=max(0.6, height_px / 90)
            )
            total = coarse / coarse.std() + 1.2 * cross / cross.std()
            self._paper = np.clip(128 * (1 + 0.042 * total), 0, 255).astype(np.uint8)
        if "vignette" in self.kinds:
            v, u = np.mgrid[-1 : 1 : height_px * 1j, -1 : 1 : width_px * 1j]
            fall = np.clip(1.12 - 0.62 * (np.abs(u) ** 3 + np.abs(v) ** 3), 0.18, 1)
            self._corners = np.rint(255 * fall).astype(np.uint8)

    def active(self, own: int) -> set[str]:
        return {kind for kind, start, end in self.shot.effects.composite if start <= own < end}

    def restless(self, own: int) -> bool:
        """Whether frame `own` differs from its neighbours by treatment alone."""
        return bool(RESTLESS & self.active(own))

    def early(self, picture: np.ndarray, own: int, head, mask: np.ndarray) -> np.ndarray:
        """The composite (H, W, 3) with its treatments; `mask` (H, W) is the figures' alpha."""
        now = self.active(own)
        if "afterimage_strobe" in self.kinds:
            self._past.append((picture.copy(), mask.copy()))
        for kind in EARLY:
            if kind in now:
                picture = getattr(self, f"_{kind}")(picture, own, head, mask)
        return picture

    def _double_exposure(self, picture, own, head, mask) -> np.ndarray:
        """The mirrored picture, larger, half exposed over it and sliding."""
        height, width = picture.shape[:2]
        zoom, drift = 1.7, 0.0016 * width * own
        matrix = np.array(
            [[-zoom, 0, zoom * head[0] + 0.68 * width - drift], [0, zoom, 0.42 * height - zoom * head[1]]]
        )
        other = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return cv2.addWeighted(picture, 0.52, other, 0.48, 0)

    def _afterimage_strobe(self, picture, own, head, mask) -> np.ndarray:
        out = picture.copy()
        for k, share in zip(_ECHOES, (0.35, 0.6)):
            if len(self._past) > k:
                past, where = self._past[-1 - k]
                weight = cv2.convertScaleAbs(cv2.subtract(where, mask), alpha=share)
                layer = cv2.merge([weight] * 3)
                out = cv2.add(cv2.multiply(out, 255 - layer, scale=1 / 255), cv2.multiply(past, layer, scale=1 / 255))
        return out

    def _still_postcard(self, picture, own, head, mask) -> np.ndarray:
        """Painted over: flat strokes with edges, on paper."""
        height = picture.shape[0]
        size = 2 * max(1, round(height / 130)) + 1
        painted = cv2.medianBlur(picture, size)
        painted = cv2.bilateralFilter(painted, 7, 34, height / 60)
        grey = cv2.cvtColor(painted, cv2.COLOR_RGB2GRAY)
        edge = cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), height / 240), cv2.CV_16S, ksize=5)
        dark = np.clip(edge // 4, 0, 120).astype(np.uint8)
        painted = cv2.subtract(painted, cv2.merge([cv2.convertScaleAbs(dark, alpha=0.25)] * 3))
        painted = cv2.addWeighted(painted, 0.86, np.full_like(painted, (250, 228, 190)), 0.14, 0)
        paper = cv2.resize(self._paper, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
        return cv2.multiply(painted, cv2.merge([paper] * 3), scale=1 / 128)

    def _diffusion(self, picture, own, head, mask) -> np.ndarray:
        height, width = picture.shape[:2]
        small = cv2.resize(picture, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
        soft = cv2.resize(
            cv2.GaussianBlur(small, (0, 0), height / 4 * 0.026), (width, height), interpolation=cv2.INTER_LINEAR
        )
        lit = 255 - cv2.multiply(255 - picture, 255 - cv2.convertScaleAbs(soft, alpha=0.62), scale=1 / 255)
        return cv2.addWeighted(lit, 0.75, soft, 0.25, -6)

    def _motion_blur(self, picture, own, head, mask) -> np.ndarray:
        width = picture.shape[1]
        n = max(3, round(0.034 * width)) | 1
        kernel = np.zeros((n, n), np.float32)
        angle = np.radians(self.shot.effects.lines_angle_deg)
        way = np.array([np.cos(angle), np.sin(angle)]) * n / 2
        ends = np.rint((np.array([n / 2, n / 2]) + np.array([-way, way])) * 8).astype(int)
        cv2.line(kernel, tuple(ends[0].tolist()), tuple(ends[1].tolist()), 1.0, 1, cv2.LINE_8, 3)
        return cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)

    def _wave_glass(self, picture, own, head, mask) -> np.ndarray:
        height, width = picture.shape[:2]
        v, u = np.mgrid[:height, :width].astype(np.float32)
        push = 0.011 * height * np.sin(2 * np.pi * (v / (0.16 * height) - own / 22))
        lift = 0.006 * height * np.sin(2 * np.pi * (u / (0.23 * height) + own / 30))
        return cv2.remap(picture, u + push, v + lift, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)

    def _color_overlay(self, picture, own, head, mask) -> np.ndarray:
        return cv2.addWeighted(picture, 0.58, np.full_like(picture, self._tint), 0.42, 0)

    def _negative(self, picture, own, head, mask) -> np.ndarray:
        return 255 - picture

    def _chromatic_shift(self, picture, own, head, mask) -> np.ndarray:
        height, width = picture.shape[:2]
        out = picture.copy()
        for channel, sign in ((0, 1), (2, -1)):
            scale = 1 + sign * 0.012
            shift = np.array(
                [[scale, 0, (1 - scale) * width / 2 + sign * 0.006 * height], [0, scale, (1 - scale) * height / 2]]
            )
            out[..., channel] = cv2.warpAffine(
                np.ascontiguousarray(picture[..., channel]),
                shift,
                (width, height),
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
        return out

    # -- on the delivered frame --------------------------------------------------------------------------------

    def late(self, picture: np.ndarray, own: int) -> np.ndarray:
        now = self.active(own)
        for kind in LATE[:-1]:
            if kind in now:
                picture = getattr(self, f"_{kind}")(picture, own)
        if self.film:
            picture = self._filmed(picture, own)
        if self._grain.size and (self.film or "film_grain" in now):
            rng = np.random.default_rng([self.seed, own, 0xA])
            y, x = rng.integers(0, 97, 2)
            height, width = picture.shape[:2]
            picture = np.clip(picture + self._grain[y : y + height, x : x + width], 0, 255).astype(np.uint8)
        return picture

    def _halftone(self, picture, own) -> np.ndarray:
        """Dots on a grid at 30 degrees, larger where it is darker, over a lifted picture."""
        height, width = picture.shape[:2]
        pitch = max(4.0, height / 64)
        v, u = np.mgrid[:height, :width].astype(np.float32)
        a, b = (u * 0.866 + v * 0.5) / pitch, (v * 0.866 - u * 0.5) / pitch
        far = np.hypot(a - np.rint(a), b - np.rint(b))
        grey = cv2.blur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (int(pitch), int(pitch))).astype(np.float32)
        dot = np.clip((0.62 * np.sqrt(1 - grey / 255) - far) * pitch + 0.5, 0, 1)[..., None]
        lifted = 0.55 * picture + 105
        return np.clip(lifted * (1 - 0.72 * dot), 0, 255).astype(np.uint8)

    def _glitch(self, picture, own) -> np.ndarray:
        rng = np.random.default_rng([self.seed, own // 2, 0xB])
        height, width = picture.shape[:2]
        out = picture.copy()
        for _ in range(int(rng.integers(4, 10))):
            y, tall = int(rng.integers(0, height)), int(rng.integers(2, max(3, height // 9)))
            shift = int(rng.normal(0, 0.06 * width))
            strip = np.roll(out[y : y + tall], shift, 1)
            if rng.random() < 0.4:
                strip = strip[..., [1, 2, 0]]
            out[y : y + tall] = strip
        for _ in range(5):  # blocks that stayed
            y, x = int(rng.integers(0, height * 0.9)), int(rng.integers(0, width * 0.9))
            h, w = int(rng.integers(4, height // 8 + 5)), int(rng.integers(8, width // 6 + 9))
            block = out[y : y + h, x : x + w]
            block[...] = block.mean((0, 1)).astype(np.uint8) if rng.random() < 0.5 else 255 - block
        return out

    def _texture(self, picture, own) -> np.ndarray:
        return cv2.multiply(picture, cv2.merge([self._paper] * 3), scale=1 / 128)

    def _vignette(self, picture, own) -> np.ndarray:
        return cv2.multiply(picture, cv2.merge([self._corners] * 3), scale=1 / 255)

    def _scanline_crt(self, picture, own) -> np.ndarray:
        height, width = picture.shape[:2]
        period = max(2, round(height / 180))
        rows = np.where(np.arange(height) % period < (period + 1) // 2, 1.08, 0.55).astype(np.float32)[:, None, None]
        mask = np.ones((1, width, 3), np.float32)
        for c in range(3):
            mask[0, c::3, (c + 1) % 3] = 0.86
        return np.clip(picture * rows * mask, 0, 255).astype(np.uint8)

    def _filmed(self, picture: np.ndarray, own: int) -> np.ndarray:
        """Film stock: a gate that weaves, dust and hairs, faded blacks."""
        rng = np.random.default_rng([self.seed, own, 0xC])
        height, width = picture.shape[:2]
        dx, dy = rng.normal(0, _WEAVE * height, 2)
        weave = np.array([[1, 0, dx], [0, 1, dy]])
        picture = cv2.warpAffine(
            picture, weave, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        picture = cv2.addWeighted(picture, 0.90, np.full_like(picture, (24, 18, 14)), 0.55, 0)
        for _ in range(int(rng.poisson(1.1))):
            x, y, r = rng.uniform(0, width), rng.uniform(0, height), max(1, round(height * rng.uniform(0.001, 0.004)))
            cv2.circle(
                picture, (int(x), int(y)), r, (236, 232, 220) if rng.random() < 0.7 else (20, 18, 16), -1, cv2.LINE_AA
            )
        return picture
