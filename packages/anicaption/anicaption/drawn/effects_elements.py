"""Effect animation (エフェクト作画): drawings of fire, water, light and air, each on an exposure of its own, in place.

`draw_element(frame, kind, seed, at, spot)` draws frame `at` of the element's span on an RGB frame. What has a course
(an explosion, a splash) runs through it again and again, elsewhere each time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from anicaption.drawn.effects import Spot, star
from anicaption.drawn.effects_nature import NATURE
from anicaption.drawn.effects_paint import Scene, add, blob, paint, ragged_ring, rising, streak
from anicaption.drawn.ink import mix


class Element(NamedTuple):
    """How an element is drawn, its frames per drawing and the frames of its course (0: it has none)."""

    draw: Callable[[Scene], None]
    exposure: int
    course: int


def draw_element(frame: np.ndarray, kind: str, seed: int, at: int, spot: Spot) -> None:
    """Frame `at` of an element's span, in place."""
    if kind not in ELEMENTS:
        raise ValueError(f"drawn.effects_elements: {kind!r} is not one of {', '.join(KINDS)}")
    element = ELEMENTS[kind]
    beat = at // element.exposure
    turn = at // element.course if element.course else 0
    course = (beat * element.exposure % element.course) / element.course if element.course else 0.0
    element.draw(Scene(frame, seed + KINDS.index(kind), beat, turn, course, spot))


def _fire(s: Scene) -> None:
    """Tongues in three paints that lick upward, with sparks."""
    x, y, h = s.x, s.y, s.h
    wide = 0.20 * h
    for layer, (rgb, size) in enumerate((((206, 44, 26), 1.0), ((250, 138, 30), 0.74), ((255, 232, 120), 0.46))):
        n = 9
        base = np.linspace(-1, 1, n)
        lick = 0.55 + 0.45 * np.sin(base * 5.1 + 1.9 * s.beat + layer) * np.cos(base * 3.3 - 1.1 * s.beat)
        tall = (0.36 * (1 - base**2) ** 0.6 + 0.05) * (0.55 + 0.9 * lick.clip(0, 1)) * size
        points = []
        for k in range(n):
            points.append([x + base[k] * wide * size, y - 0.03 * h * (k % 2)])
            if k < n - 1:
                sway = 0.03 * h * np.sin(1.7 * s.beat + 2 * k)
                points.append([x + (base[k] + 0.11) * wide * size + sway, y - (tall[k] + tall[k + 1]) / 2 * h])
        outline = np.array([*points, [x + 0.7 * wide * size, y + 0.05 * h], [x - 0.7 * wide * size, y + 0.05 * h]])
        paint(s.frame, blob(outline, 5), rgb)
    for u, v, r in s.rng(1).uniform(0, 1, (12, 3)):
        up = (v + 0.09 * s.beat) % 1.0
        spark = (x + (u - 0.5) * 2.4 * wide + 0.03 * h * np.sin(9 * u + s.beat), y - 0.62 * h * up)
        paint(s.frame, star(spark, h * (0.004 + 0.006 * r) * (1.2 - up), 4, 0.5), (255, 206, 90))
    add(s.frame, (x, y - 0.15 * h), 0.30 * h, (255, 120, 30), 0.30)


def _smoke(s: Scene) -> None:
    rising(s, ((92, 90, 104), (146, 144, 156), (196, 194, 204)), 10, 0.75, 0.16)


def _dust(s: Scene) -> None:
    """Low puffs that roll outward from where a foot or a wheel struck."""
    t = s.course
    for side in (-1, 1):
        for k, (u, v) in enumerate(s.rng(s.turn).uniform(0, 1, (5, 2))):
            way = (0.05 + 0.30 * t**0.6) * (0.35 + 0.65 * u)
            r = s.h * (0.03 + 0.055 * v) * (0.5 + t) * (1.15 - 0.75 * t)
            centre = (s.x + side * way * s.h, s.y - 0.3 * r - 0.05 * s.h * t * v)
            for tone, lift, size in (
                ((158, 128, 96), 0.0, 1.0),
                ((206, 180, 142), 0.22, 0.80),
                ((236, 218, 184), 0.42, 0.5),
            ):
                ring = ragged_ring((centre[0] - 0.15 * lift * r, centre[1] - lift * r), size * r, 9, 0.12, k + s.beat)
                paint(s.frame, ring, tone)


def _explosion(s: Scene) -> None:
    """A flash, a ball of fire that swells in lobes, then smoke that cools from inside."""
    t, h = s.course, s.h
    x, y = s.x, s.y - 0.22 * h
    if t < 0.12:
        paint(s.frame, star((x, y), 0.42 * h, 11, 0.42, 0.2 * s.beat), (255, 250, 226))
        add(s.frame, (x, y), 0.6 * h, (255, 236, 190), 0.9)
        return
    swell = 0.12 + 0.26 * (1 - (1 - t) ** 3)
    cool = np.clip((t - 0.45) / 0.45, 0, 1)
    tones = (
        (np.array([150, 36, 20]), np.array([66, 58, 66]), 1.0),
        (np.array([240, 104, 26]), np.array([98, 86, 92]), 0.82),
        (np.array([255, 190, 60]), np.array([150, 96, 70]), 0.60),
        (np.array([255, 248, 214]), np.array([250, 150, 60]), 0.36),
    )  # fmt: skip
    lobes = s.rng(s.turn).uniform(0, 1, (9, 3))
    for hot, cold, size in tones:
        if size < 0.5 and t > 0.62:
            continue
        rgb = tuple(np.rint(hot + (cold - hot) * cool).astype(int).tolist())
        paint(s.frame, ragged_ring((x, y), swell * size * h, 14, 0.10, s.beat), rgb)
        for a, r, d in lobes:
            angle, reach = 2 * np.pi * a, swell * h * (0.45 + 0.6 * d)
            centre = (x + np.cos(angle) * reach, y + np.sin(angle) * reach * 0.85 - 0.10 * h * t * r)
            paint(s.frame, ragged_ring(centre, size * swell * h * (0.30 + 0.3 * r), 10, 0.10, s.beat + 7 * r), rgb)
    for a, d in s.rng(s.turn + 50).uniform(0, 1, (12, 2)):
        way = np.array([np.cos(2 * np.pi * a), np.sin(2 * np.pi * a) - 0.3])
        tip = np.array([x, y]) + way * h * (swell + 0.35 * t * (0.4 + d))
        streak(s.frame, tip - way * 0.05 * h, tip, 0.004 * h * (1.2 - t), (255, 220, 150))
    add(s.frame, (x, y), 0.6 * h, (255, 150, 60), 0.5 * (1 - t))


def _debris(s: Scene) -> None:
    """Splinters thrown up, turning, and falling."""
    t, h = s.course, s.h
    for a, v, size, spin, tone in s.rng(s.turn).uniform(0, 1, (26, 5)):
        angle = -np.pi / 2 + (a - 0.5) * 2.2
        speed = 0.5 + 0.8 * v
        x = s.x + np.cos(angle) * speed * t * h
        y = s.y + np.sin(angle) * speed * t * h + 1.05 * t * t * h
        corners = np.arange(4) * np.pi / 2 + spin * 9 + 7 * t * (spin - 0.5)
        reach = h * (0.008 + 0.026 * size) * np.array([1.0, 0.7, 1.15, 0.55])
        shard = np.stack([x + np.cos(corners) * reach, y + np.sin(corners) * reach], 1)
        grey = int(70 + 90 * tone)
        paint(s.frame, shard, (grey + 14, grey + 4, grey))
        paint(s.frame, shard[:3], (grey // 2 + 10, grey // 2, grey // 2 + 6))


def _lightning(s: Scene) -> None:
    """A forked bolt, new in every drawing, white with a violet glow."""
    rng = s.rng(s.beat)
    layer = np.zeros_like(s.frame)
    start = np.array([s.x + rng.uniform(-0.1, 0.1) * s.h, -0.02 * s.h])
    end = np.array([s.x + rng.uniform(-0.2, 0.2) * s.h, s.y])
    branches = [(start, end, 0.010 * s.h)]
    while branches:
        a, b, width = branches.pop()
        n = 9
        line = a + (b - a) * np.linspace(0, 1, n)[:, None]
        line[1:-1] += rng.normal(0, 0.045 * np.hypot(*(b - a)), (n - 2, 2))
        for p, q in itertools.pairwise(line):
            cv2.line(layer, _at(p), _at(q), (255, 255, 255), max(1, round(width)), cv2.LINE_AA, 4)
        if width > 0.005 * s.h:
            for k in rng.integers(2, n - 2, 3):
                way = rng.normal(0, 0.16, 2) * s.h + [0, 0.14 * s.h]
                branches.append((line[k], line[k] + way, 0.45 * width))
    glow = cv2.GaussianBlur(layer, (0, 0), 0.016 * s.h)
    violet = cv2.multiply(glow, np.full_like(glow, (176, 150, 255)), scale=1.9 / 255)
    s.frame[...] = cv2.add(cv2.add(s.frame, violet), layer)


def _at(point) -> tuple[int, int]:
    return int(point[0] * 16), int(point[1] * 16)


def _beam(s: Scene) -> None:
    """A beam across the frame: white core, coloured sheath with a wavering edge, rings at its root."""
    h, width = s.h, s.frame.shape[1]
    rgb = ((90, 190, 255), (255, 120, 190), (150, 255, 150), (255, 190, 80))[int(s.rng(0).integers(4))]
    side = 1 if s.spot.x < width / 2 else -1
    root = np.array([s.spot.x + side * 0.9 * s.spot.head, s.spot.y + 0.7 * s.spot.head])
    reach = np.linspace(0, 1.6 * width, 26)
    layer = np.zeros_like(s.frame)
    for size, tone in ((1.0, rgb), (0.62, mix(rgb, (255, 255, 255), 0.66)), (0.34, (255, 255, 255))):
        half = size * h * (0.045 + 0.030 * reach / width) * (1 + 0.16 * np.sin(reach / (0.06 * h) + 2.1 * s.beat))
        half[0] *= 0.2
        upper = np.stack([root[0] + side * reach, root[1] - half], 1)
        lower = np.stack([root[0] + side * reach, root[1] + half], 1)
        paint(layer, np.concatenate([upper, lower[::-1]]), tone)
    for k in range(3):
        ring = root + np.array([side * (0.05 + 0.07 * k) * h, 0])
        size = (int(0.02 * h * 16), int((0.10 + 0.03 * np.sin(s.beat + k)) * h * 16))
        cv2.ellipse(layer, _at(ring), size, 0, 0, 360, rgb, max(1, round(0.006 * h)), cv2.LINE_AA, 4)
    glow = cv2.GaussianBlur(layer, (0, 0), 0.03 * h)
    solid = cv2.max(s.frame, layer)
    s.frame[...] = cv2.add(solid, cv2.convertScaleAbs(glow, alpha=0.8))


def _magic(s: Scene) -> None:
    """A circle of rings, a star and marks that turns, lying in perspective, shone through."""
    h = s.h
    layer = np.zeros_like(s.frame)
    rgb = ((120, 220, 255), (255, 150, 220), (190, 255, 150), (255, 220, 120))[int(s.rng(0).integers(4))]
    upright = s.rng(0).random() < 0.4
    centre, flat = ((s.x, s.y - 0.36 * h), 0.96) if upright else ((s.x, s.y - 0.02 * h), 0.34)
    reach, turn = 0.27 * h, 0.09 * s.beat
    thick = max(1, round(0.005 * h))

    def seen(points) -> np.ndarray:
        return np.rint((np.asarray(points) * [1.0, flat] + centre) * 16).astype(np.int32)

    for size in (1.0, 0.90, 0.56):
        circle = star((0, 0), size * reach, 32, 1.0)
        cv2.polylines(layer, [seen(circle)], True, rgb, thick, cv2.LINE_AA, 4)
    for points, spin in ((6, turn), (3, -1.3 * turn)):
        corners = star((0, 0), 0.90 * reach, points, 0.57 if points == 6 else 0.5, spin)
        cv2.polylines(layer, [seen(corners)], True, rgb, thick, cv2.LINE_AA, 4)
    for k in range(16):
        angle = 2 * np.pi * k / 16 - 0.6 * turn
        a, b = (np.array([np.cos(angle), np.sin(angle)]) * reach * size for size in (0.66, 0.66 + 0.08 * (1 + k % 3)))
        cv2.polylines(layer, [seen([a, b])], False, rgb, thick, cv2.LINE_AA, 4)
    glow = cv2.GaussianBlur(layer, (0, 0), 0.014 * h)
    s.frame[...] = cv2.add(cv2.add(s.frame, layer), cv2.convertScaleAbs(glow, alpha=1.4))


def _shockwave(s: Scene) -> None:
    """A ring that runs outward: the air before it bends the picture, its rim is white."""
    t, h = s.course, s.h
    height, width = s.frame.shape[:2]
    centre, reach = (s.x, s.y - 0.25 * h), h * (0.06 + 0.75 * (1 - (1 - t) ** 2))
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    dx, dy = across - centre[0], (down - centre[1]) * 1.35
    away = np.hypot(dx, dy) + 1e-3
    push = 0.030 * h * (1 - t) * np.exp(-(((away - reach) / (0.05 * h)) ** 2))
    bent = cv2.remap(
        s.frame, (across - dx / away * push).astype(np.float32), (down - dy / away * push).astype(np.float32),
        cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    rim = np.exp(-(((away - reach) / (0.013 * h)) ** 2)) * (1 - 0.7 * t)
    s.frame[...] = np.rint(bent + (255.0 - bent) * (0.9 * rim)[..., None]).astype(np.uint8)


def _slash(s: Scene) -> None:
    """斬撃: a crescent that sweeps round and thins out, white with a coloured edge."""
    t, h = min(1.0, s.course * 1.8), s.h
    if s.course > 0.62:
        return
    rng = s.rng(s.turn)
    rgb = ((120, 200, 255), (255, 120, 120), (255, 230, 120), (200, 150, 255))[int(rng.integers(4))]
    centre = np.array([s.spot.x, s.spot.y + 1.2 * s.spot.head])
    tilt, reach = rng.uniform(-0.6, 0.6), h * rng.uniform(0.34, 0.46)
    head, tail = -2.4 + 4.4 * min(1.0, 2.2 * t), -2.4 + 4.4 * max(0.0, 1.9 * t - 0.9)
    if head - tail < 0.1:
        return
    angles = np.linspace(tail, head, 28)
    bulge = np.sin(np.pi * np.linspace(0, 1, 28)) ** 0.7 * (1.1 - t)
    cos, sin = np.cos(tilt), np.sin(tilt)

    def arc(radius) -> np.ndarray:
        flat = np.stack([np.cos(angles) * radius, 0.62 * np.sin(angles) * radius], 1)
        return centre + flat @ np.array([[cos, sin], [-sin, cos]])

    layer = np.zeros_like(s.frame)
    for tone, inner in ((rgb, 0.32), ((255, 255, 255), 0.19)):
        paint(layer, np.concatenate([arc(reach), arc(reach * (1 - inner * bulge))[::-1]]), tone)
    glow = cv2.GaussianBlur(layer, (0, 0), 0.012 * h)
    s.frame[...] = cv2.add(cv2.max(s.frame, layer), cv2.convertScaleAbs(glow, alpha=0.5))


def _muzzle(s: Scene) -> None:
    """A flash at a muzzle on every other drawing, with a puff after it."""
    h, side = s.h, 1 if s.spot.x < s.frame.shape[1] / 2 else -1
    tip = np.array([s.spot.x + side * 1.6 * s.spot.head, s.spot.y + 1.0 * s.spot.head])
    barrel = np.array([[-0.17, -0.014], [0.0, -0.014], [0.0, 0.012], [-0.10, 0.016], [-0.11, 0.07], [-0.145, 0.07],
                       [-0.14, 0.016]])  # fmt: skip
    paint(s.frame, tip + barrel * [side * h, h], (40, 40, 48))
    if s.beat % 3 == 2:
        paint(
            s.frame, ragged_ring(tip + np.array([side * 0.06, -0.03]) * h, 0.035 * h, 9, 0.12, s.beat), (206, 202, 206)
        )
        return
    if s.beat % 3 == 1:
        return
    rng = s.rng(s.beat)
    for size, rgb in ((1.0, (255, 132, 36)), (0.70, (255, 214, 90)), (0.42, (255, 253, 236))):
        n = 14
        angles = np.arange(n) * 2 * np.pi / n
        reach = np.where(np.arange(n) % 2, 0.045, 0.11) * h * size * rng.uniform(0.8, 1.25, n)
        shape = np.stack([side * (np.cos(angles) * reach * 1.7 + 0.08 * h * size), np.sin(angles) * reach * 0.8], 1)
        paint(s.frame, tip + shape, rgb)
    add(s.frame, tip, 0.22 * h, (255, 190, 90), 0.6)


ELEMENTS: dict[str, Element] = {
    "fire": Element(_fire, 2, 0), "smoke": Element(_smoke, 3, 0), "explosion": Element(_explosion, 2, 28),
    "debris": Element(_debris, 1, 26), "lightning": Element(_lightning, 2, 0), "beam_energy": Element(_beam, 2, 0),
    "magic_graphic": Element(_magic, 2, 0), "shockwave": Element(_shockwave, 1, 16),
    "slash_arc": Element(_slash, 1, 12),
    "muzzle_flash": Element(_muzzle, 2, 0), "dust": Element(_dust, 3, 24),
    **{kind: Element(*how) for kind, how in NATURE.items()},
}  # fmt: skip
KINDS = tuple(ELEMENTS)
