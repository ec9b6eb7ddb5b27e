"""Grounds of the second hand that move by themselves: a strip of streaks, a corridor of gates drawn anew."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.drawn.script import Place
from anicaption.drawn.second.brush import blend, scaled
from anicaption.drawn.second.light import Light

MARGIN = 0.16  # of the frame height, around what the frame shows


class Strip:
    """Streaks on an endless strip that runs under a figure at one speed."""

    def __init__(self, place: Place, light: Light, height_px: float, aspect: float) -> None:
        rng = np.random.default_rng([place.seed, 1])
        rows, self._width = round(height_px * (1 + 2 * MARGIN)), round(height_px * (aspect + 2 * MARGIN))
        self._period = round(3.4 * height_px)
        self._step = float(rng.uniform(0.12, 0.26) * rng.choice([-1, 1])) * aspect * height_px
        base = blend(light.sky[1], light.haze, 0.5)
        strip = np.empty((rows, self._period, 3), np.uint8)
        strip[:] = base
        tones = ((250, 246, 232), (38, 34, 52), light.sky[0], light.glow)
        for _ in range(230):
            y, x = rng.uniform(0, rows), rng.uniform(0, self._period)
            long, thick = (
                rng.uniform(0.3, 1.6) * height_px,
                rng.choice([0.002, 0.006, 0.020]) * rng.uniform(0.5, 1.4) * height_px,
            )
            tone = blend(base, tones[int(rng.integers(4))], float(rng.uniform(0.25, 0.9)))
            for shift in (0, -self._period):  # the strip closes on itself
                points = [
                    (x + shift, y - thick),
                    (x + shift + 0.9 * long, y - thick * 0.6),
                    (x + shift + long, y),
                    (x + shift + 0.85 * long, y + thick),
                    (x + shift + 0.1 * long, y + thick * 0.7),
                ]
                cv2.fillPoly(strip, [np.rint(np.array(points) * 8).astype(np.int32)], tone, cv2.LINE_AA, 3)
        self._strip = strip

    def picture(self, frame: int, number: int) -> np.ndarray:
        """What the frame and its margin show at `frame`, RGB."""
        columns = (np.arange(self._width) + round(frame * self._step)) % self._period
        return np.ascontiguousarray(self._strip[:, columns])


class Gates:
    """A corridor of gates that comes towards the lens, inked and painted again for every drawing."""

    def __init__(self, place: Place, light: Light, height_px: float, aspect: float) -> None:
        self.place, self.light, self.height_px = place, light, height_px
        self._size = round(height_px * (1 + 2 * MARGIN)), round(height_px * (aspect + 2 * MARGIN))
        rng = np.random.default_rng([place.seed, 2])
        self._speed, self._swing = float(rng.uniform(0.06, 0.13)), float(rng.uniform(0.04, 0.12))
        self._last: tuple[int, np.ndarray] | None = None

    def picture(self, frame: int, number: int) -> np.ndarray:
        """The drawing `number`, RGB; the same drawing is the same picture."""
        if self._last is None or self._last[0] != number:
            self._last = number, self._drawn(number)
        return self._last[1]

    def _drawn(self, number: int) -> np.ndarray:
        height, width = self._size
        picture = np.empty((height, width, 3), np.uint8)
        rng = np.random.default_rng([self.place.seed, number])
        light, time = self.light, (number - 1) * self.place.exposure
        x = width * (0.5 + self._swing * np.sin(time / 13))
        y = height * (0.46 + 0.5 * self._swing * np.cos(time / 17))
        sky, floor = light.sky[1], scaled((150, 120, 92), light.ambient)
        wall, ink, thick = scaled((132, 140, 142), light.ambient), (40, 34, 46), max(1, round(0.006 * self.height_px))
        picture[:] = sky
        big = float(np.hypot(width, height))

        def shake(points) -> np.ndarray:
            moved = np.asarray(points, float) + rng.normal(0, 0.0022 * height, (len(points), 2))
            return np.rint(moved * 8).astype(np.int32)

        cv2.fillPoly(
            picture, [shake([(x, y), (x - big, y + 0.62 * big), (x + big, y + 0.62 * big)])], floor, cv2.LINE_AA, 3
        )
        for a in np.linspace(-1, 1, 9):
            line = shake([(x, y), (x + a * big, y + 0.62 * big)])
            cv2.polylines(picture, [line], False, blend(floor, ink, 0.5), thick, cv2.LINE_AA, 3)
        gone = time * self._speed
        for k in range(9, -1, -1):  # far to near
            depth = 0.030 * 1.6 ** (9 - k + gone % 1.0)
            which = int(np.floor(gone)) + k
            near = depth * 1.6**0.42
            tone = blend(blend(wall, light.glow, 0.35 * (which % 3 == 0)), sky, min(0.85, 0.09 * k))
            for side in (-1, 1):
                quad = [
                    (x + side * depth * width, y - depth * height * 1.1),
                    (x + side * near * width, y - near * height * 1.1),
                    (x + side * near * width, y + near * height * 0.62),
                    (x + side * depth * width, y + depth * height * 0.62),
                ]
                cv2.fillPoly(picture, [shake(quad)], tone, cv2.LINE_AA, 3)
                cv2.polylines(picture, [shake(quad)], True, ink, thick, cv2.LINE_AA, 3)
            top = [
                (x - depth * width, y - depth * height * 1.1),
                (x + depth * width, y - depth * height * 1.1),
                (x + depth * width, y - depth * height * 0.9),
                (x - depth * width, y - depth * height * 0.9),
            ]
            cv2.fillPoly(picture, [shake(top)], scaled(tone, (0.8, 0.8, 0.84)), cv2.LINE_AA, 3)
            cv2.polylines(picture, [shake(top)], True, ink, thick, cv2.LINE_AA, 3)
            seam = [(x - depth * width, y + depth * height * 0.62), (x + depth * width, y + depth * height * 0.62)]
            cv2.polylines(picture, [shake(seam)], False, ink, thick, cv2.LINE_AA, 3)
        return picture
