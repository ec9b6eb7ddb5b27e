"""Effect animation of the second hand: flat shapes on twos, cut like paper; every kind of vfx.element."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from anicaption.drawn.second.brush import Rgb, blend, ellipse
from anicaption.drawn.second.lines import Head

_ON = 2  # frames a drawing
BEHIND = frozenset({"magic_graphic", "explosion", "smoke", "beam_energy"})  # the puppets stand before these


class Stage(NamedTuple):
    """Where an element plays: the picture, its lots, which drawing it is, how far its course is (0..1), the head."""

    picture: np.ndarray
    rng: np.random.Generator  # the same lots for every drawing
    beat: int
    course: float
    x: float
    y: float
    size: float

    def poly(self, points, rgb: Rgb, line: Rgb | None = None) -> None:
        fixed = np.rint(np.asarray(points, float) * 8).astype(np.int32)
        cv2.fillPoly(self.picture, [fixed], rgb, cv2.LINE_AA, 3)
        if line is not None:
            thick = max(1, round(self.picture.shape[0] / 170))
            cv2.polylines(self.picture, [np.vstack([fixed, fixed[:1]])], False, line, thick, cv2.LINE_AA, 3)

    def stroke(self, points, rgb: Rgb, wide: float) -> None:
        fixed = np.rint(np.asarray(points, float) * 8).astype(np.int32)
        cv2.polylines(self.picture, [fixed], False, rgb, max(1, round(wide)), cv2.LINE_AA, 3)

    def veil(self, rgb: Rgb, share: float) -> None:
        self.picture[...] = cv2.addWeighted(self.picture, 1 - share, np.full_like(self.picture, rgb), share, 0)


def draw_element(picture: np.ndarray, kind: str, seed: int, at: int, head: Head) -> None:
    """The drawing of `kind` that is exposed `at` frames after its start, onto `picture` (H, W, 3) in place."""
    if kind not in ELEMENTS:
        raise ValueError(f"drawn.second.elements: {kind!r} is not one of {', '.join(ELEMENTS)}")
    maker, period = ELEMENTS[kind]
    beat = at // _ON
    course = (beat % period) / period
    rng = np.random.default_rng([seed, beat // period, 0x21])
    maker(Stage(picture, rng, beat, course, *head))


def _dims(s: Stage) -> tuple[int, int]:
    return s.picture.shape[0], s.picture.shape[1]


def _fire(s: Stage) -> None:
    h, w = _dims(s)
    for k in range(9):
        x, tall, wide = s.rng.uniform(0.02, 0.98) * w, s.rng.uniform(0.22, 0.5) * h, s.rng.uniform(0.06, 0.13) * h
        for tone, share in (((198, 52, 34), 1.0), ((238, 140, 46), 0.68), ((252, 226, 130), 0.38)):
            t = np.linspace(0, 1, 9)
            lick = 0.35 * wide * np.sin(5 * t + 1.9 * s.beat + 2.1 * k) * t
            half = wide * share * (1 - t) ** 0.7 * (1 + 0.3 * np.sin(3 * t + s.beat + k))
            y = h * 1.02 - tall * share * t
            s.poly(np.concatenate([np.stack([x + lick - half, y], 1), np.stack([x + lick + half, y], 1)[::-1]]), tone)


def _puffs(s: Stage, tones: tuple[Rgb, Rgb], n: int, low: float, rise: float, spread: float, size: float) -> None:
    h, w = _dims(s)
    for k in range(n):
        age = (s.course + s.rng.random()) % 1.0
        x0 = s.rng.uniform(-spread, spread) * w
        x = w / 2 + x0 + 0.04 * w * np.sin(2 * age + k)
        y, r = low * h - rise * age * h, size * h * (0.35 + 0.9 * age) * s.rng.uniform(0.7, 1.2)
        bumps = 1 + 0.16 * np.sin(6 * np.linspace(0, 2 * np.pi, 25) + k + 0.7 * s.beat)
        ring = ellipse((x, y), 1, 1, 0, 25) - [x, y]
        s.poly([x, y] + ring * (r * bumps)[:, None], tones[1], blend(tones[1], (40, 36, 40), 0.4))
        s.poly([x + 0.12 * r, y - 0.15 * r] + ring * (0.72 * r * bumps)[:, None], tones[0])


def _smoke(s: Stage) -> None:
    _puffs(s, ((150, 146, 148), (104, 100, 108)), 13, 0.95, 0.75, 0.42, 0.13)


def _dust(s: Stage) -> None:
    _puffs(s, ((214, 190, 150), (172, 144, 108)), 14, 1.0, 0.22, 0.5, 0.10)


def _explosion(s: Stage) -> None:
    h, w = _dims(s)
    x, y = w * s.rng.uniform(0.3, 0.7), h * 0.5
    grow = 0.12 + 0.62 * s.course**0.6
    for tone, share in (
        ((86, 66, 70), 1.15),
        ((216, 84, 44), 1.0),
        ((246, 172, 66), 0.74),
        ((255, 244, 200), 0.42 * (1 - s.course) + 0.05),
    ):
        n = 30
        t = np.linspace(0, 2 * np.pi, n, endpoint=False)
        r = grow * h * share * (1 + 0.22 * np.abs(np.sin(3.5 * t + s.rng.random())) + 0.06 * s.rng.standard_normal(n))
        s.poly(np.stack([x + r * np.cos(t), y + r * np.sin(t)], 1), tone, (52, 36, 44) if share > 1.1 else None)


def _debris(s: Stage) -> None:
    h, w = _dims(s)
    for _ in range(34):
        a, v, r = s.rng.uniform(0, 2 * np.pi), s.rng.uniform(0.2, 0.9), s.rng.uniform(0.008, 0.034) * h
        x = w / 2 + np.cos(a) * v * w * 0.7 * s.course
        y = 0.62 * h + (np.sin(a) * v - 0.5) * h * s.course + 0.75 * h * s.course**2
        spin = a + (6 + 4 * v) * s.course
        rough = s.rng.uniform(0.6, 1.2, 5)
        t = spin + np.arange(5) * 2 * np.pi / 5
        tone = blend((120, 106, 98), (196, 182, 160), float(s.rng.random()))
        s.poly(np.stack([x + r * rough * np.cos(t), y + r * rough * np.sin(t)], 1), tone, (48, 42, 46))


def _liquid(s: Stage) -> None:
    h, w = _dims(s)
    x0 = w * s.rng.uniform(0.35, 0.65)
    for _ in range(46):
        a, v = s.rng.uniform(-1.1, 1.1), s.rng.uniform(0.35, 1.0)
        t = s.course * 1.15
        x = x0 + np.sin(a) * v * t * 0.62 * w
        y = 0.98 * h - np.cos(a) * v * t * 1.7 * h + 1.5 * h * t * t
        r = s.rng.uniform(0.006, 0.022) * h
        s.poly(ellipse((x, y), r, r * 1.5, 0, 12), (126, 186, 206), (50, 96, 130))
    t = np.linspace(-1, 1, 24)
    crown = np.sin(np.pi * s.course) * 0.34 * h * (np.abs(np.sin(6.5 * t + 0.4 * s.beat)) * 0.6 + 0.4) * (1 - t**2)
    edge = np.stack([x0 + t * 0.34 * w, 0.99 * h - crown], 1)
    s.poly(
        np.concatenate([edge, [(x0 + 0.34 * w, 1.05 * h), (x0 - 0.34 * w, 1.05 * h)]]), (92, 156, 184), (226, 240, 240)
    )


def _lightning(s: Stage) -> None:
    h, w = _dims(s)
    rng = np.random.default_rng([int(s.rng.integers(1 << 30)), s.beat])
    s.veil((190, 214, 255), 0.10 if s.beat % 2 else 0.0)
    for _ in range(3):
        x, points = rng.uniform(0.1, 0.9) * w, []
        for y in np.linspace(-0.02, rng.uniform(0.6, 1.0), 12):
            points.append((x, y * h))
            x += rng.choice([-1, 1]) * rng.uniform(0.01, 0.06) * w
        s.stroke(points, (120, 150, 236), 0.020 * h)
        s.stroke(points, (250, 252, 255), 0.008 * h)
        fork = [points[5], (points[5][0] + rng.uniform(-0.2, 0.2) * w, points[5][1] + 0.16 * h)]
        s.stroke(fork, (236, 242, 255), 0.005 * h)


def _beam(s: Stage) -> None:
    h, w = _dims(s)
    y, swell = s.y + 0.9 * s.size, 1 + 0.22 * np.sin(1.7 * s.beat)
    for tone, half in (((60, 170, 160), 0.15), ((140, 232, 196), 0.10), ((250, 255, 240), 0.045)):
        t = np.linspace(0, 1, 30)
        ripple = 0.012 * h * np.sin(24 * t - 2.4 * s.beat + half * 30)
        top = np.stack([t * w, y - half * h * swell * np.minimum(1, 0.25 + 2 * t) + ripple], 1)
        low = np.stack([t * w, y + half * h * swell * np.minimum(1, 0.25 + 2 * t) + ripple], 1)
        s.poly(np.concatenate([top, low[::-1]]), tone)


def _magic(s: Stage) -> None:
    h, w = _dims(s)
    x, y, r = w / 2, 0.55 * h, 0.40 * h
    turn, tone = 0.09 * s.beat, (124, 236, 220)
    for share in (1.0, 0.93, 0.55):
        ring = ellipse((x, y), r * share, r * share, 0, 60)
        s.stroke(np.vstack([ring, ring[:1]]), tone, 0.007 * h)
    for k, n in ((0, 3), (np.pi / 3, 3), (0, 4)):
        a = (turn if n == 3 else -turn) + k + np.arange(n + 1) * 2 * np.pi / n
        s.stroke(np.stack([x + 0.93 * r * np.cos(a), y + 0.93 * r * np.sin(a)], 1), tone, 0.006 * h)
    for a in turn * 1.6 + np.arange(24) * np.pi / 12:
        inner, outer = np.array([np.cos(a), np.sin(a)]) * r * 0.95, np.array([np.cos(a), np.sin(a)]) * r * 1.0
        s.stroke([(x + inner[0], y + inner[1]), (x + outer[0], y + outer[1])], (236, 255, 250), 0.010 * h)


def _wind(s: Stage) -> None:
    h, w = _dims(s)
    for k in range(9):
        at = ((s.course + s.rng.random()) % 1.0) * 1.6 - 0.4
        y = s.rng.uniform(0.08, 0.92) * h
        t = np.linspace(0, 1, 26)
        x = (at + 0.34 * t) * w
        curl = np.where(t > 0.7, (t - 0.7) / 0.3, 0)
        px = x - 0.05 * w * curl * np.sin(5 * curl)
        py = y + 0.02 * h * np.sin(5 * t + k) - 0.07 * h * curl * np.cos(4.5 * curl)
        s.stroke(np.stack([px, py], 1), (240, 246, 244), 0.007 * h)


def _weather(s: Stage) -> None:
    h, w = _dims(s)
    snow = s.rng.random() < 0.5
    rng = np.random.default_rng(int(s.rng.integers(1 << 30)))
    for _ in range(150):
        x0, y0, z = rng.random(), rng.random(), rng.uniform(0.4, 1.0)
        if snow:
            y = ((y0 + 0.022 * z * s.beat) % 1.1) * h
            x = ((x0 + 0.02 * np.sin(0.3 * s.beat + 9 * y0) + 0.004 * s.beat) % 1.0) * w
            s.poly(ellipse((x, y), 0.011 * z * h, 0.011 * z * h, 0, 8), (250, 250, 252))
        else:
            y = ((y0 + 0.23 * z * s.beat) % 1.15 - 0.08) * h
            x = ((x0 - 0.03 * z * s.beat) % 1.0) * w
            s.stroke([(x, y), (x - 0.016 * z * h, y + 0.10 * z * h)], (206, 222, 232), 0.004 * h)


def _petals(s: Stage) -> None:
    h, w = _dims(s)
    rng = np.random.default_rng(int(s.rng.integers(1 << 30)))
    tone: Rgb = ((246, 176, 186), (250, 214, 120), (206, 90, 60))[int(rng.integers(3))]
    for _ in range(42):
        x0, y0, z, a = rng.random(), rng.random(), rng.uniform(0.5, 1.2), rng.uniform(0, 6.3)
        x = ((x0 + 0.016 * z * s.beat + 0.02 * np.sin(0.4 * s.beat + a)) % 1.1 - 0.05) * w
        y = ((y0 + 0.014 * z * s.beat) % 1.1 - 0.05) * h
        flip = abs(np.sin(0.35 * s.beat + a)) * 0.8 + 0.2
        s.poly(ellipse((x, y), 0.020 * z * h, 0.011 * z * h * flip, np.degrees(a) + 8 * s.beat, 9), tone)


def _blood(s: Stage) -> None:
    h = s.picture.shape[0]
    x0, y0 = s.x, s.y + 1.5 * s.size
    for _ in range(26):
        a, v, r = s.rng.uniform(-2.6, -0.5), s.rng.uniform(0.2, 1.0), s.rng.uniform(0.006, 0.022) * h
        x, y = x0 + np.cos(a) * v * 0.5 * h * s.course, y0 + np.sin(a) * v * 0.5 * h * s.course + 0.5 * h * s.course**2
        tail = np.degrees(np.arctan2(np.sin(a) * v + 2 * s.course, np.cos(a) * v))
        s.poly(ellipse((x, y), 2.0 * r, r, -tail, 10), (150, 22, 30))


def _shockwave(s: Stage) -> None:
    h, w = _dims(s)
    x, y = s.x, s.y + 1.4 * s.size
    for delay in (0.0, 0.22):
        t = s.course - delay
        if t <= 0:
            continue
        outer = ellipse((x, y), t * 0.95 * w, t * 0.62 * h, 0, 50)
        thick = 0.06 * (1 - t) + 0.008
        inner = ellipse((x, y), (t - thick) * 0.95 * w, (t - thick) * 0.62 * h, 0, 50)
        ring = np.concatenate([outer, outer[:1], inner[:1], inner[::-1]])
        s.poly(ring, (248, 246, 234))


def _slash(s: Stage) -> None:
    h, w = _dims(s)
    a0, way = s.rng.uniform(0, 360), s.rng.choice([-1, 1])
    x, y, r = w * 0.5, h * 0.52, 0.62 * h
    for tone, thick in (((150, 214, 236), 0.17), ((252, 254, 250), 0.10)):
        t = np.linspace(0, 1, 34)
        a = np.radians(a0 + way * (200 * min(1.0, s.course * 2.2) - 130 * (1 - t)))
        half = thick * r * np.sin(np.pi * t) ** 0.8 * (1 - max(0.0, s.course - 0.45) * 1.7)
        outer = np.stack([x + (r + half) * np.cos(a), y + (r + half) * np.sin(a) * 0.72], 1)
        inner = np.stack([x + (r - half) * np.cos(a), y + (r - half) * np.sin(a) * 0.72], 1)
        s.poly(np.concatenate([outer, inner[::-1]]), tone)


def _muzzle(s: Stage) -> None:
    h, w = _dims(s)
    if s.beat % 3 == 2:
        return
    rng = np.random.default_rng([int(s.rng.integers(1 << 30)), s.beat])
    x, y = 0.74 * w, 0.55 * h
    for tone, share in (((236, 120, 40), 1.0), ((255, 214, 96), 0.72), ((255, 252, 226), 0.4)):
        t = np.linspace(0, 2 * np.pi, 18, endpoint=False) + rng.random()
        r = (
            share
            * h
            * np.where(np.arange(18) % 2, 0.07, rng.uniform(0.12, 0.30, 18))
            * np.where(np.cos(t) > 0.4, 1.5, 0.8)
        )
        s.poly(np.stack([x + r * np.cos(t), y + r * np.sin(t)], 1), tone)
    s.veil((255, 226, 150), 0.08)


def _ice(s: Stage) -> None:
    h, w = _dims(s)
    grow = min(1.0, 0.25 + s.course * 1.8)
    for _ in range(15):
        x, tall, lean = s.rng.uniform(0.0, 1.0) * w, s.rng.uniform(0.16, 0.52) * h * grow, s.rng.uniform(-0.35, 0.35)
        half = s.rng.uniform(0.03, 0.07) * h
        tip = (x + lean * tall, 1.02 * h - tall)
        s.poly(
            [
                (x - half, 1.02 * h),
                (x - 0.6 * half + 0.7 * lean * tall, 1.02 * h - 0.74 * tall),
                tip,
                (x + half, 1.02 * h),
            ],
            (150, 206, 226),
            (236, 250, 255),
        )
        s.poly([(x, 1.02 * h), tip, (x + half, 1.02 * h)], (206, 236, 244))
    for _ in range(16):
        x, y = s.rng.random() * w, s.rng.uniform(0.2, 0.8) * h
        r = 0.014 * h * abs(np.sin(0.5 * s.beat + x))
        s.stroke([(x - r, y), (x + r, y)], (250, 254, 255), 1)
        s.stroke([(x, y - r), (x, y + r)], (250, 254, 255), 1)


# Every kind: who draws it, and after how many drawings its course begins again.
ELEMENTS: dict[str, tuple[Callable[[Stage], None], int]] = {
    "fire": (_fire, 200), "smoke": (_smoke, 24), "explosion": (_explosion, 12), "debris": (_debris, 14),
    "liquid": (_liquid, 12), "lightning": (_lightning, 200), "beam_energy": (_beam, 200),
    "magic_graphic": (_magic, 200), "wind": (_wind, 16), "weather": (_weather, 400),
    "petals_particles": (_petals, 400), "blood": (_blood, 10), "shockwave": (_shockwave, 9), "slash_arc": (_slash, 8),
    "muzzle_flash": (_muzzle, 200), "dust": (_dust, 16), "ice": (_ice, 200),
}  # fmt: skip
