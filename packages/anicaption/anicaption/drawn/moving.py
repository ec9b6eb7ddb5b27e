"""Backgrounds that move by themselves: streaks scrolled behind a figure (流背), and a road drawn anew (背動)."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.drawn.board import darker, lighter
from anicaption.drawn.ink import Rgb, fixed, mix, spline
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
        t = np.linspace(0, 2 * (0.5 + MARGIN + self._horizon) / (1 + 2 * MARGIN), 3)
        stops = [np.interp(np.linspace(0, 1, rows) * 2, t * 2, [rgb[c] for rgb in self.colours.sky]) for c in range(3)]
        sheet[...] = np.rint(np.stack(stops, 1)).astype(np.uint8)[:, None]
        _Sketch(self, sheet, np.random.default_rng([self.place.seed, number]), time).draw()
        return sheet


class _Sketch:
    """One drawing of a road."""

    def __init__(self, road: Road, sheet: np.ndarray, rng: np.random.Generator, time: int) -> None:
        self.road, self.sheet, self.rng = road, sheet, rng
        self.gone = time * road._speed
        self.bend = road._swing * np.sin(time / 9 + road._phase)
        self.ink = mix(darker(road.colours.far, 0.8), (24, 20, 36), 0.7)

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
        road, colours = self.road, self.road.colours
        near, far = 0.38, 14.0
        z = np.geomspace(far, near, 18)
        self.ridge(far)
        ground = mix(colours.ground, colours.far, 0.35) if road._city else colours.grass[1]
        self.shape(np.concatenate([self.px(-60, 0, z), self.px(60, 0, z)[::-1]]), ground, 0)
        way = lighter(colours.ground, 0.22)
        self.shape(np.concatenate([self.px(-1.0, 0, z), self.px(1.0, 0, z)[::-1]]), way)
        for k in range(18):
            a = (k * 0.8 - self.gone) % 14.4 + near
            dash = np.array([[-0.05, a], [0.05, a], [0.05, a + 0.35], [-0.05, a + 0.35]])
            self.shape(self.px(dash[:, 0], 0, dash[:, 1]), lighter(way, 0.6), 0)
        ahead = (road._depth - self.gone) % 14 + 0.42
        for i in np.argsort(-ahead):
            (self.house if road._city else self.tree)(i, float(ahead[i]))

    def ridge(self, z: float) -> None:
        """Hills or roofs far off, and clouds above them: they swing with the road and hardly come nearer."""
        road, colours = self.road, self.road.colours
        x = np.linspace(-34, 34, 25)
        high = 3.2 + 1.9 * np.sin(0.31 * x + road._phase) + 1.3 * np.sin(0.83 * x + 2 * road._phase)
        if road._city:
            x, high = np.repeat(x, 2)[1:-1], np.repeat(high + 2.2 * np.sin(5 * x), 2)[:-2]
        top = self.px(x, np.maximum(high, 0.4), z)
        self.shape(np.concatenate([top, self.px([34, -34], 0, z)]), colours.far, 0.8)
        a = np.linspace(0, 2 * np.pi, 13)[:-1]
        for k in range(5):
            at = 26 * np.sin(2.4 * k + road._phase)
            bumps = 1 + 0.18 * np.cos(4 * a + k)
            cloud = self.px(at + (3.4 + k % 2) * bumps * np.cos(a), 11 + 2.1 * (k % 3) + 1.25 * bumps * np.sin(a), z)
            self.shape(spline(cloud, 4, closed=True), colours.cloud[1], 0)
            self.shape(spline(cloud - [0, 0.006 * road.height_px], 4, closed=True), colours.cloud[0], 0)

    def tree(self, i: int, z: float) -> None:
        road, size = self.road, float(self.road._size[i])
        x = float(road._side[i] * (1.5 + 1.6 * road._away[i]))
        trunk = np.array([[-0.11, 0], [0.11, 0], [0.07, 1.4 * size], [-0.07, 1.4 * size]])
        self.shape(self.px(x + trunk[:, 0], trunk[:, 1], z), darker(mix(road.colours.ground, (96, 62, 50), 0.7), 0.25))
        a = np.linspace(0, 2 * np.pi, 19)[:-1]
        lumps = 1 + 0.13 * np.cos(6 * a + i) + self.rng.normal(0, 0.018, 18)
        lit, body, dark = road.colours.leaf
        for cx, cy, wide, tall, tone, line in (
            (0, 2.1, 0.62, 1.05, dark, 1.4), (-0.06, 2.26, 0.52, 0.84, body, 0), (-0.15, 2.52, 0.28, 0.42, lit, 0),
        ):  # fmt: skip
            crown = self.px(x + (cx + wide * lumps * np.cos(a)) * size, (cy + tall * np.sin(a) * lumps) * size, z)
            self.shape(spline(crown, 4, closed=True), tone, line)

    def house(self, i: int, z: float) -> None:
        road = self.road
        tall, side = 1.6 + 2.6 * float(road._size[i]) * (0.6 + float(road._away[i])), float(road._side[i])
        x0, x1 = side * (1.35 + 0.4 * road._away[i]), side * 3.8
        wall = road.colours.wall[i % len(road.colours.wall)]
        back = z + 0.75
        flank = [(x0, 0, z), (x0, tall, z), (x0, tall, back), (x0, 0, back)]
        front = [(x0, 0, z), (x0, tall, z), (x1, tall, z), (x1, 0, z)]
        eaves = [(x0 - side * 0.06, tall, z), (x1, tall, z), (x1, tall + 0.22, z), (x0 - side * 0.06, tall + 0.22, z)]
        roof = road.colours.roof[i % len(road.colours.roof)]
        for face, tone in ((flank, darker(wall, 0.38)), (front, wall), (eaves, roof)):
            self.shape(self.px(*np.array(face).T), tone, 1.3)
        for row in range(int(tall / 0.7)):
            low, top = 0.35 + 0.7 * row, 0.7 + 0.7 * row
            panes = [
                [(x0, low, z + a), (x0, top, z + a), (x0, top, z + a + 0.15), (x0, low, z + a + 0.15)]
                for a in (0.1, 0.4)
            ]
            panes += [
                [(u, low, z), (u, top, z), (u + side * 0.3, top, z), (u + side * 0.3, low, z)]
                for u in (x0 + side * 0.25, x0 + side * 0.85, x0 + side * 1.45)
            ]
            for pane in panes:
                self.shape(self.px(*np.array(pane).T), road.colours.glass, 0.6 if z < 4 else 0)
