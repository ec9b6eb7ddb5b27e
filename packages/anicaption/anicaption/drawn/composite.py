"""Compositing treatments (撮影処理) of one shot: every value of vfx.composite, and the film of an analog cel."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from anicaption.drawn.effects import Spot, active
from anicaption.drawn.script import Shot

# In the order in which they are laid over each other.
KINDS = (
    "double_exposure", "afterimage_strobe", "still_postcard", "diffusion", "motion_blur", "wave_glass", "color_overlay",
    "negative", "chromatic_shift", "halftone", "glitch", "texture", "vignette", "scanline_crt", "film_grain",
)  # fmt: skip
ANIMATED = {"double_exposure", "afterimage_strobe", "wave_glass", "glitch", "film_grain"}  # change from frame to frame
# After these the picture no longer has the colours it was graded to.
RECOLOURING = {
    "double_exposure", "negative", "color_overlay", "still_postcard", "glitch", "halftone", "diffusion", "vignette",
    "scanline_crt", "texture",
}  # fmt: skip
_TINTS = ((255, 176, 120), (150, 190, 255), (255, 140, 150), (170, 255, 200), (210, 170, 255))
_STROBE_FRAMES = (4, 8, 12)  # how far back the afterimages lie


class Treatments:
    """One shot's treatments. `treat` is called once for every frame that is drawn, in order."""

    def __init__(self, shot: Shot, height_px: int, width_px: int) -> None:
        self.shot, self.size = shot, (height_px, width_px)
        self.kinds = {kind for kind, _, _ in shot.effects.composite}
        if strange := self.kinds - set(KINDS):
            raise ValueError(f"drawn.composite: {sorted(strange)} are not among {', '.join(KINDS)}")
        self.rng = np.random.default_rng([shot.effects.seed, 41])
        self.film = shot.look.medium == "analog_cel"
        self._pick = self.rng.integers(1 << 16)
        self._past: deque[tuple[int, np.ndarray, np.ndarray | None]] = deque(maxlen=max(_STROBE_FRAMES) + 1)
        self._noise = self._grain() if self.film or "film_grain" in self.kinds else None
        self._paper = self._woven() if self.kinds & {"texture", "still_postcard"} else None

    def moves(self, own: int) -> bool:
        """Whether frame `own` differs from its neighbours by treatment alone."""
        now, before = ({kind for kind, _, _ in active(self.shot.effects.composite, t)} for t in (own, own - 1))
        return self.film or bool(ANIMATED & now) or now != before

    def treat(self, picture: np.ndarray, own: int, spot: Spot, mask: np.ndarray | None) -> np.ndarray:
        """The treated frame `own` of the shot; `mask` is the figures' alpha (H, W) in it."""
        now = {kind for kind, _, _ in active(self.shot.effects.composite, own)}
        if "afterimage_strobe" in self.kinds:
            self._past.append((own, picture.copy(), None if mask is None else mask.copy()))
        for kind in KINDS:
            if kind in now:
                picture = getattr(self, f"_{kind}")(picture, own, spot, mask)
        return self._filmed(picture, own) if self.film else picture

    # -- layers ------------------------------------------------------------------------------------------------

    def _double_exposure(self, picture, own, spot, mask) -> np.ndarray:
        """A larger copy of the picture, centred on the figure's head and drifting, half exposed over it."""
        height, width = self.size
        zoom = 2.4
        drift = 0.0012 * width * own
        centre = np.array([0.30 * width + drift, 0.46 * height])
        matrix = np.array([[zoom, 0, centre[0] - zoom * spot.x], [0, zoom, centre[1] - zoom * spot.y]])
        ghost = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return cv2.addWeighted(picture, 0.56, ghost, 0.50, 0)

    def _afterimage_strobe(self, picture, own, spot, mask) -> np.ndarray:
        """Where the figure was some frames ago, fading, behind where it is."""
        if mask is None:
            return picture
        out = picture.astype(np.float32)
        for ago, share in zip(reversed(_STROBE_FRAMES), (0.28, 0.42, 0.58)):
            past = next((entry for entry in self._past if entry[0] == own - ago), None)
            if past is None or past[2] is None:
                continue
            alpha = (past[2].astype(np.float32) * (share / 255))[..., None]
            out += (past[1] - out) * alpha
        alpha = (mask.astype(np.float32) / 255)[..., None]
        return np.rint(out + (picture - out) * alpha).astype(np.uint8)

    def _still_postcard(self, picture, own, spot, mask) -> np.ndarray:
        """ハーモニー: the frame repainted with a broad brush on canvas, its contours in soft dark colour."""
        smooth = picture
        for _ in range(2):
            smooth = cv2.bilateralFilter(smooth, 9, 40, max(3, self.size[0] / 60))
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        edges = cv2.subtract(cv2.GaussianBlur(grey, (0, 0), self.size[0] / 120), cv2.GaussianBlur(grey, (0, 0), 1.0))
        rough = cv2.convertScaleAbs(edges, alpha=4.0)
        painted = cv2.subtract(smooth, cv2.merge([rough // 3, rough // 2, rough // 3]))
        lifted = cv2.convertScaleAbs(painted, alpha=1.12, beta=-6)
        return self._texture(lifted, own, spot, mask)

    def _diffusion(self, picture, own, spot, mask) -> np.ndarray:
        """Soft bloom: a blurred copy screened over the picture."""
        height, width = self.size
        small = cv2.resize(picture, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
        soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), height * 0.035 / 4), (width, height))
        soft = cv2.multiply(soft, soft, scale=0.75 / 255)
        return cv2.subtract(np.full_like(picture, 255),
                            cv2.multiply(cv2.bitwise_not(picture), cv2.bitwise_not(soft), scale=1 / 255))  # fmt: skip

    def _motion_blur(self, picture, own, spot, mask) -> np.ndarray:
        """Blurred along one direction."""
        reach = max(3, round(0.05 * self.size[1]) | 1)
        kernel = np.zeros((reach, reach), np.float32)
        angle = np.radians(self.shot.effects.lines_angle_deg)
        half = (reach - 1) / 2
        way = np.array([np.cos(angle), np.sin(angle)]) * half
        a, b = np.rint((half - way) * 16).astype(int), np.rint((half + way) * 16).astype(int)
        cv2.line(kernel, tuple(a.tolist()), tuple(b.tolist()), 1.0, 1, cv2.LINE_AA, 4)
        return cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)

    def _wave_glass(self, picture, own, spot, mask) -> np.ndarray:
        """Seen through moving water: rows and columns swing."""
        height, width = self.size
        down, across = np.mgrid[0:height, 0:width].astype(np.float32)
        phase = 2 * np.pi * own / 22
        x = across + 0.013 * height * np.sin(down * (2 * np.pi / (0.17 * height)) + phase)
        y = down + 0.008 * height * np.sin(across * (2 * np.pi / (0.23 * height)) + 0.7 * phase)
        return cv2.remap(picture, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_REFLECT)  # fmt: skip

    # -- colour ------------------------------------------------------------------------------------------------

    def _color_overlay(self, picture, own, spot, mask) -> np.ndarray:
        tint = np.array(_TINTS[self._pick % len(_TINTS)], np.uint8)
        grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        half = cv2.addWeighted(picture, 0.45, grey, 0.55, 0)
        return cv2.multiply(half, np.broadcast_to(tint, picture.shape).copy(), scale=1 / 255)

    def _negative(self, picture, own, spot, mask) -> np.ndarray:
        return cv2.bitwise_not(picture)

    def _chromatic_shift(self, picture, own, spot, mask) -> np.ndarray:
        """Red and blue drawn apart, more towards the rim, as a poor lens does."""
        height, width = self.size
        out = picture.copy()
        for channel, scale in ((0, 1.014), (2, 0.986)):
            matrix = np.array([[scale, 0, (1 - scale) * width / 2 + (scale - 1) * 0.35 * width],
                               [0, scale, (1 - scale) * height / 2]])  # fmt: skip
            plane = np.ascontiguousarray(picture[..., channel])
            out[..., channel] = cv2.warpAffine(plane, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return out

    # -- surface -----------------------------------------------------------------------------------------------

    def _halftone(self, picture, own, spot, mask) -> np.ndarray:
        """Printed: dots on a turned screen that grow where the picture is dark."""
        height, width = self.size
        cell = max(4.0, height / 60)
        down, across = np.mgrid[0:height, 0:width].astype(np.float32)
        u, v = (across + down) * (np.pi / cell / np.sqrt(2)), (across - down) * (np.pi / cell / np.sqrt(2))
        screen = 0.5 + 0.5 * np.cos(u * 2 / np.sqrt(2)) * np.cos(v * 2 / np.sqrt(2))
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
        ink = np.clip((screen - (0.28 + 0.72 * grey)) * 5 + 0.5, 0, 1)[..., None]
        flat = cv2.convertScaleAbs(picture, alpha=0.82, beta=52)
        return np.rint(flat * (1 - 0.72 * ink)).astype(np.uint8)

    def _glitch(self, picture, own, spot, mask) -> np.ndarray:
        """Bands of the picture torn sideways, some with one channel alone, anew every second frame."""
        rng = np.random.default_rng([self.shot.effects.seed, 42, own // 2])
        height, width = self.size
        out = picture.copy()
        for _ in range(9):
            top = int(rng.integers(0, height - 4))
            bottom = min(height, top + int(rng.integers(2, max(4, height // 9))))
            shift = int(rng.normal(0, 0.06) * width)
            out[top:bottom] = np.roll(out[top:bottom], shift, axis=1)
            if rng.random() < 0.45:
                channel = int(rng.integers(3))
                out[top:bottom, :, channel] = np.roll(out[top:bottom, :, channel], width // 30, axis=1)
            if rng.random() < 0.25:
                noise = rng.integers(0, 256, (bottom - top, width // 6 + 1), dtype=np.uint8).repeat(6, 1)[:, :width]
                out[top:bottom] = cv2.addWeighted(out[top:bottom], 0.5, cv2.merge([noise] * 3), 0.5, 0)
        return out

    def _woven(self) -> np.ndarray:
        """Paper: fibres and tooth, a factor of 128 (H, W) that stays where it is."""
        height, width = self.size
        rng = np.random.default_rng([self.shot.effects.seed, 43])
        paper = np.zeros((height, width), np.float32)
        for cell, stretch, weight in ((1.6, 1.0, 0.5), (3.5, 3.0, 0.6), (14.0, 1.5, 0.4)):
            rows, columns = int(height / cell) + 2, int(width / cell / stretch) + 2
            lumps = rng.normal(0, 1, (rows, columns)).astype(np.float32)
            paper += weight * cv2.resize(lumps, (width, height), interpolation=cv2.INTER_CUBIC)
        return np.clip(np.rint(128 * (1 + 0.06 * paper / paper.std())), 0, 255).astype(np.uint8)

    def _texture(self, picture, own, spot, mask) -> np.ndarray:
        assert self._paper is not None
        return cv2.multiply(picture, cv2.merge([self._paper] * 3), scale=1 / 128)

    def _vignette(self, picture, own, spot, mask) -> np.ndarray:
        height, width = self.size
        y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
        share = np.clip(1.14 - 0.50 * (x**2 + y**2) ** 1.1, 0.2, 1.0)
        return cv2.multiply(picture, cv2.merge([np.rint(255 * share).astype(np.uint8)] * 3), scale=1 / 255)

    def _scanline_crt(self, picture, own, spot, mask) -> np.ndarray:
        """Dark lines between the scanned ones, and stripes of the three phosphors."""
        height, width = self.size
        period = max(2, round(height / 120))
        rows = np.where(np.arange(height) % (2 * period) < period, 1.0, 0.52)
        stripes = np.ones((width, 3))
        for channel in range(3):
            stripes[np.arange(width) // max(1, period // 2) % 3 != channel, channel] = 0.86
        gain = np.rint(255 * rows[:, None, None] * stripes[None]).astype(np.uint8)
        return cv2.multiply(cv2.convertScaleAbs(picture, alpha=1.15, beta=4), gain, scale=1 / 255)

    def _grain(self) -> np.ndarray:
        """A field of grain larger than the frame, int8 (H + 64, W + 64); each frame sees another part of it."""
        height, width = self.size
        noise = self.rng.normal(0, 1, (height + 64, width + 64)).astype(np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), max(0.45, height / 900))
        return np.clip(noise / noise.std() * 9.0, -60, 60).astype(np.int8)

    def _film_grain(self, picture, own, spot, mask) -> np.ndarray:
        assert self._noise is not None
        rng = np.random.default_rng([self.shot.effects.seed, 44, own])
        y, x = rng.integers(0, 64, 2)
        noise = self._noise[y : y + self.size[0], x : x + self.size[1]]
        if rng.random() < 0.5:
            noise = noise[:, ::-1]
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        noise = cv2.multiply(noise.astype(np.int16), _GRAIN_AT[grey], scale=1 / 128)
        return cv2.add(picture, cv2.merge([noise] * 3), dtype=cv2.CV_8U)

    def _filmed(self, picture: np.ndarray, own: int) -> np.ndarray:
        """Photographed cels: the frame weaves in the gate by a fraction of a pixel, dust and hairs come and go."""
        height, width = self.size
        rng = np.random.default_rng([self.shot.effects.seed, 45, own])
        weave = rng.normal(0, 0.00035 * height, 2).clip(-0.0008 * height, 0.0008 * height)
        matrix = np.array([[1.0, 0.0, weave[0]], [0.0, 1.0, weave[1]]])
        picture = cv2.warpAffine(
            picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        picture = cv2.addWeighted(picture, 0.94, cv2.GaussianBlur(picture, (0, 0), max(0.6, height / 400)), 0.06, 3)
        for _ in range(rng.poisson(1.3)):
            x, y = rng.uniform(0, width), rng.uniform(0, height)
            tone = (236, 232, 222) if rng.random() < 0.7 else (30, 26, 24)
            reach = height * rng.uniform(0.0015, 0.004)
            if rng.random() < 0.2:
                turn = rng.uniform(0, np.pi, 4).cumsum() * 0.4
                hair = np.cumsum(np.stack([np.cos(turn), np.sin(turn)], 1) * 4 * reach, 0) + np.array([x, y])
                cv2.polylines(picture, [np.rint(hair * 16).astype(np.int32)], False, tone, 1, cv2.LINE_AA, 4)
            else:
                cv2.circle(picture, (int(x * 16), int(y * 16)), max(8, int(reach * 16)), tone, -1, cv2.LINE_AA, 4)
        return picture if "film_grain" in self.kinds else self._film_grain(picture, own, None, None)


# Grain shows most in the middle tones.
_GRAIN_AT = np.rint(128 * (0.45 + 0.75 * np.sin(np.pi * np.arange(256) / 255))).astype(np.int16)
