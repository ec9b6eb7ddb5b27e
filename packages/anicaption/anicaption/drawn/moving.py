"""Backgrounds that move by themselves: streaks scrolled behind a figure (流背), and a road drawn anew (背動)."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.drawn.board import darker, lighter
from anicaption.drawn.ink import Rgb, fixed, mix
from anicaption.drawn.palette import Palette
from anicaption.drawn.script import Place

MARGIN = 0.12  # of the frame height, around what the frame shows
_REPEAT = 2.6  # frame heights after which the streaks come again


class Streaks:
    """A sheet of streaks that runs past: `picture(time)` is the frame and MARGIN around it, RGB."""

    def __init__(self, place: Place, colours: Palette, height_px: int, aspect: float) -> None:
        rng = np.random.default_rng(place.seed)
        self._rows, self._width = round(height_px * (1 + 2 * MARGIN)), round(height_px * (aspect + 2 * MARGIN))
        self._period = round(height_px * _REPEAT)
        self._speed = float(rng.uniform(0.10, 0.22)) * aspect * height_px * float(rng.choice([-1, 1]))
        self._upright = rng.random() < 0.25  # the figure falls or rises, and the streaks stand
        self._sheet = self._painted(rng, colours)

    def _painted(self, rng: np.random.Generator, colours: Palette) -> np.ndarray:
        rows = self._width if self._upright else self._rows
        base: Rgb = mix(colours.sky[0], colours.sky[1], float(rng.uniform(0.2, 0.8)))
        dark, light = darker(base, 0.45), lighter(base, 0.75)
        t = np.abs(np.linspace(-1, 1, rows))[:, None]
        ramp = np.array(light) * (1 - t) ** 1.5 + np.array(base) * (1 - (1 - t) ** 1.5)
        sheet = np.ascontiguousarray(np.repeat(np.rint(ramp).astype(np.uint8)[:, None], self._period, 1))
        for k in range(150):
            y, thick = rng.uniform(0, rows), rows * 0.011 * rng.uniform(0.12, 1.0) ** 2
            x, length = rng.uniform(0, self._period), self._period * rng.uniform(0.12, 0.75)
            edge = abs(2 * y / rows - 1)
            tone = [light, dark, (255, 255, 255)][k % 3] if edge > 0.35 else [light, (255, 255, 255), base][k % 3]
            for turn in (0, -self._period):
                a, b = x + turn, x + turn + length
                shape = np.array([[a, y], [a * 0.7 + b * 0.3, y - thick], [b, y], [a * 0.7 + b * 0.3, y + thick]])
                cv2.fillPoly(sheet, [fixed(shape)], tone, cv2.LINE_AA, 4)
        return sheet

    def picture(self, frame: int) -> np.ndarray:
        columns = (np.arange(self._rows if self._upright else self._width) + round(self._speed * frame)) % self._period
        shown = self._sheet[:, columns]
        return np.ascontiguousarray(shown.transpose(1, 0, 2)) if self._upright else shown


class Road:
    """A road rushing towards us, every drawing of it inked anew: the lines waver from drawing to drawing."""

    def __init__(self, place: Place, colours: Palette, height_px: int, aspect: float) -> None:
        self.place, self.colours, self.height_px, self.aspect = place, colours, height_px, aspect
        rng = np.random.default_rng(place.seed)
        self._city = bool(rng.random() < 0.5)
        self._speed, self._swing = float(rng.uniform(0.10, 0.22)), float(rng.uniform(0.10, 0.30))
        self._phase, self._horizon = float(rng.uniform(0, 6.3)), float(rng.uniform(-0.10, 0.04))
        n = 26
        self._depth = np.sort(rng.uniform(0, 14, n))
        self._side = np.where(rng.permutation(n) % 2 == 0, -1.0, 1.0)
        self._away, self._size = rng.uniform(0.0, 0.9, n), rng.uniform(0.75, 1.5, n)
        self._tint = rng.uniform(-0.25, 0.25, n)

    def picture(self, number: int, time: int) -> np.ndarray:
        """The drawing of this number, as things stand at frame `time` of the shot: the frame and MARGIN around it."""
        rows, width = round(self.height_px * (1 + 2 * MARGIN)), round(self.height_px * (self.aspect + 2 * MARGIN))
        sheet = np.empty((rows, width, 3), np.uint8)
        sky = np.linspace(0, 1, rows)[:, None] * 1.4
        stops = np.array(self.colours.sky[0]) * (1 - sky.clip(0, 1)) + np.array(self.colours.sky[1]) * sky.clip(0, 1)
        sheet[...] = np.rint(stops).astype(np.uint8)[:, None]
        _Sketch(self, sheet, np.random.default_rng([self.place.seed, number]), time).draw()
        return sheet


class _Sketch:
    """One drawing of a road."""

    def __init__(self, road: Road, sheet: np.ndarray, rng: np.random.Generator, time: int) -> None:
        self.road, self.sheet, self.rng = road, sheet, rng
        self.gone = time * road._speed
        self.bend = road._swing * np.sin(time / 9 + road._phase)
        self.ink = mix(darker(road.colours.sky[0], 0.8), (24, 20, 36), 0.7)

    def px(self, x, y, z) -> np.ndarray:
        """Points of the world (across, up, ahead) to pixels; a road bends with the square of its depth."""
        x, y, z = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float), np.asarray(z, float))
        road, unit = self.road, self.road.height_px
        across = road.aspect / 2 + MARGIN + (x + self.bend * (z / 6) ** 2 * 0.8) / z
        down = 0.5 + MARGIN + road._horizon + (1.0 - y) * 0.42 / z
        return np.stack([across, down], -1) * unit + self.rng.normal(0, 0.0022 * unit, (*across.shape, 2))

    def shape(self, points: np.ndarray, rgb: Rgb, line: float = 1.0) -> None:
        cv2.fillPoly(self.sheet, [fixed(points)], rgb, cv2.LINE_AA, 4)
        if line:
            thick = max(1, round(line * self.road.height_px / 260))
            cv2.polylines(self.sheet, [fixed(points)], True, self.ink, thick, cv2.LINE_AA, 4)

    def draw(self) -> None:
        road = self.road
        near, far = 0.38, 14.0
        z = np.geomspace(far, near, 18)
        ground = lighter((112, 150, 96), 0.1) if not road._city else (126, 124, 136)
        ground = mix(ground, road.colours.sky[0], 0.25)
        edge = np.concatenate([self.px(-60, 0, z), self.px(60, 0, z)[::-1]])
        self.shape(edge, ground, 0)
        self.shape(np.concatenate([self.px(-1.0, 0, z), self.px(1.0, 0, z)[::-1]]), mix(ground, (232, 220, 206), 0.55))
        for k in range(18):
            a = (k * 0.8 - self.gone) % 14.4 + near
            dash = np.array([[-0.05, a], [0.05, a], [0.05, a + 0.35], [-0.05, a + 0.35]])
            self.shape(self.px(dash[:, 0], 0, dash[:, 1]), (250, 246, 232), 0)
        ahead = (road._depth - self.gone) % 14 + 0.42
        for i in np.argsort(-ahead):
            (self.house if road._city else self.tree)(i, float(ahead[i]))

    def tree(self, i: int, z: float) -> None:
        road, size = self.road, float(self.road._size[i])
        x = float(road._side[i] * (1.5 + 1.6 * road._away[i]))
        trunk = np.array([[-0.10, 0], [0.10, 0], [0.07, 1.3 * size], [-0.07, 1.3 * size]])
        self.shape(self.px(x + trunk[:, 0], trunk[:, 1], z), mix((104, 74, 62), road.colours.sky[0], 0.2))
        a = np.linspace(0, 2 * np.pi, 15)[:-1]
        bumps = 1 + 0.12 * np.cos(5 * a + i) + self.rng.normal(0, 0.02, 14)
        leaf = mix(mix((64, 128, 82), (142, 178, 84), 0.5 + 2 * float(road._tint[i])), road.colours.sky[0], 0.15)
        self.shape(self.px(x + 0.85 * size * bumps * np.cos(a), (1.9 + 0.85 * np.sin(a) * bumps) * size, z), leaf, 1.3)
        self.shape(
            self.px(x + 0.45 * size * np.cos(a) - 0.2 * size, (2.15 + 0.4 * np.sin(a)) * size, z), lighter(leaf, 0.2), 0
        )

    def house(self, i: int, z: float) -> None:
        road = self.road
        tall, side = 1.6 + 2.6 * float(road._size[i]) * (0.6 + float(road._away[i])), float(road._side[i])
        x0, x1 = side * (1.35 + 0.4 * road._away[i]), side * 3.8
        wall = mix(mix((198, 186, 176), (150, 160, 190), 0.5 + 2 * float(road._tint[i])), road.colours.sky[0], 0.25)
        back = z + 0.75
        flank = [(x0, 0, z), (x0, tall, z), (x0, tall, back), (x0, 0, back)]
        front = [(x0, 0, z), (x0, tall, z), (x1, tall, z), (x1, 0, z)]
        for face, tone in ((flank, darker(wall, 0.35)), (front, wall)):
            self.shape(self.px(*np.array(face).T), tone, 1.3)
        for row in range(int(tall / 0.7)):
            for u in (0.12, 0.42):
                a, b = z + u * 0.75, z + (u + 0.2) * 0.75
                low, top = 0.35 + 0.7 * row, 0.7 + 0.7 * row
                pane = [(x0, low, a), (x0, top, a), (x0, top, b), (x0, low, b)]
                self.shape(self.px(*np.array(pane).T), mix(wall, (60, 74, 120), 0.7), 0.6 if z < 4 else 0)
