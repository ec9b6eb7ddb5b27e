"""Effect animation of water, air and what falls: splashes, wind, rain and snow, petals, ice, blood. In place."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from anicaption.drawn.effects_paint import Scene, blob, paint, ragged_ring, streak, swoosh


def _liquid(s: Scene) -> None:
    """A splash: a crown that rises and falls back, drops thrown from it, rings on the surface."""
    t, h = s.course, s.h
    rise = 4 * t * (1 - t)
    deep, body, light = (46, 120, 200), (120, 196, 240), (236, 250, 255)
    for k in range(3):
        r = h * (0.06 + 0.22 * t + 0.05 * k)
        cv2.ellipse(s.frame, (int(s.x * 16), int(s.y * 16)), (int(r * 16), int(r * 4)), 0, 0, 360, light,
                    max(1, round(0.004 * h)), cv2.LINE_AA, 4)  # fmt: skip
    for tone, size in ((deep, 1.0), (body, 0.80), (light, 0.34)):
        n = 7
        points = []
        for k in range(n):
            u = k / (n - 1) * 2 - 1
            tall = h * (0.05 + 0.20 * rise * size) * (0.7 + 0.3 * np.cos(3 * u + s.turn)) * (1.0 if k % 2 else 0.55)
            points.append([s.x + u * h * (0.08 + 0.10 * t) * size * (1 + 0.35 * (k % 2)), s.y - tall])
        foot = [[s.x + h * 0.07 * size, s.y + 0.02 * h], [s.x - h * 0.07 * size, s.y + 0.02 * h]]
        paint(s.frame, blob(np.array([*points, *foot])), tone)
    for a, v, size in s.rng(s.turn).uniform(0, 1, (18, 3)):
        angle = -np.pi / 2 + (a - 0.5) * 1.9
        x = s.x + np.cos(angle) * (0.35 + 0.5 * v) * t * h
        y = s.y - 0.04 * h + np.sin(angle) * (0.5 + 0.6 * v) * t * h + 0.85 * t * t * h
        r = h * (0.006 + 0.012 * size)
        paint(s.frame, ragged_ring((x, y), r, 8, 0.05, 0), body)
        paint(s.frame, ragged_ring((x - 0.3 * r, y - 0.3 * r), 0.4 * r, 6, 0.0, 0), light)


def _wind(s: Scene) -> None:
    """Drawn wind: long strokes with a curl at the end, carried across the frame."""
    width = s.frame.shape[1]
    for k, (u, v, long) in enumerate(s.rng(0).uniform(0, 1, (9, 3))):
        head = ((u + s.beat * (0.055 + 0.02 * v)) % 1.35 - 0.1) * width
        y = s.h * (0.08 + 0.84 * ((v * 7 + k * 0.37) % 1.0))
        reach = s.h * (0.35 + 0.4 * long)
        t = np.linspace(0, 1, 30)
        x = head - reach * (1 - t)
        line = np.stack([x, y + 0.03 * s.h * np.sin(4 * t + 6 * u)], 1)
        if k % 3 == 0:
            a = np.linspace(np.pi / 2, -1.25 * np.pi, 22)
            r = 0.055 * s.h * np.linspace(1.0, 0.35, 22)
            centre = line[-1] - [0, 0.055 * s.h]
            line = np.concatenate([line, centre + np.stack([np.cos(a) * r, np.sin(a) * r], 1)])
        swoosh(s.frame, line, 0.0055 * s.h, (255, 255, 255), 0.8)


def _weather(s: Scene) -> None:
    """Rain that slants, or snow that sways: three depths, the near ones larger and faster."""
    width, snow = s.frame.shape[1], bool(s.rng(3).random() < 0.45)
    slant = s.rng(4).uniform(-0.25, 0.25)
    before = s.frame.copy()
    for depth in (0.45, 0.7, 1.0):
        n = 70 if snow else 60
        for u, v, w in s.rng(5 + int(10 * depth)).uniform(0, 1, (n, 3)):
            if snow:
                y = ((v + 0.012 * depth * s.beat) % 1.06 - 0.03) * s.h
                x = ((u + 0.012 * np.sin(0.16 * s.beat + 9 * w) + 0.002 * s.beat * slant) % 1.0) * width
                paint(s.frame, ragged_ring((x, y), s.h * 0.009 * depth * (0.6 + 0.8 * w), 8, 0.06, w), (255, 255, 255))
            else:
                y = ((v + (0.10 + 0.05 * depth) * s.beat + 0.37 * w * s.beat) % 1.25 - 0.15) * s.h
                x = ((u + 0.13 * w * s.beat) % 1.0) * width + slant * y
                long = s.h * 0.15 * depth
                streak(s.frame, (x - slant * long, y - long), (x, y), 0.0026 * s.h * depth, (226, 238, 250))
    if not snow:
        s.frame[...] = cv2.addWeighted(before, 0.30, s.frame, 0.70, 0)


def _petals(s: Scene) -> None:
    """Petals that drift and turn, or motes of light that float up."""
    width, motes = s.frame.shape[1], bool(s.rng(3).random() < 0.35)
    pinks = ((255, 196, 214), (255, 226, 234), (248, 160, 190))
    for k, (u, v, w, r) in enumerate(s.rng(4).uniform(0, 1, (30, 4))):
        size = s.h * (0.010 + 0.017 * r)
        if motes:
            x = (u + 0.01 * np.sin(0.2 * s.beat + 8 * w)) % 1.0 * width
            y = (1.05 - (v + 0.012 * s.beat * (0.5 + w)) % 1.1) * s.h
            before = s.frame.copy()
            paint(s.frame, ragged_ring((x, y), 0.7 * size, 10, 0.0, 0), (255, 246, 196))
            s.frame[...] = cv2.addWeighted(before, 0.25, s.frame, 0.75, 0)
            continue
        x = (u + s.beat * (0.010 + 0.008 * w) + 0.012 * np.sin(0.3 * s.beat + 7 * w)) % 1.1 * width - 0.05 * width
        y = ((v + s.beat * (0.012 + 0.008 * r)) % 1.1 - 0.05) * s.h
        turn, open_ = 0.35 * s.beat * (w - 0.3) + 6 * u, 0.30 + 0.35 * abs(np.sin(0.25 * s.beat + 5 * r))
        t = np.array([0.0, 0.25, 0.6, 0.92, 1.0, 0.92, 0.6, 0.25])
        side = np.array([0.0, 0.8, 1.0, 0.45, 0.12, -0.45, -1.0, -0.8]) * open_
        shape = np.stack([2 * size * (t - 0.5), 2 * size * side * 0.6], 1)
        cos, sin = np.cos(turn), np.sin(turn)
        paint(s.frame, np.array([x, y]) + shape @ np.array([[cos, sin], [-sin, cos]]), pinks[k % 3])


def _ice(s: Scene) -> None:
    """Crystals that shoot out of the ground, facet by facet, and stand."""
    t, h = min(1.0, s.course * 2.4), s.h
    for k, (u, v, w) in enumerate(sorted(s.rng(s.turn).uniform(0, 1, (9, 3)).tolist(), key=lambda one: -one[1])):
        grown = float(np.clip(1.6 * t - 0.6 * u, 0, 1))
        if grown <= 0:
            continue
        foot = np.array([s.x + (u - 0.5) * 0.5 * h, s.y + 0.03 * h * w])
        lean, tall, wide = (u - 0.5) * 0.5 + 0.1 * (w - 0.5), h * (0.12 + 0.28 * v) * grown, h * (0.022 + 0.022 * w)
        tip = foot + tall * np.array([lean, -1.0])
        shoulder = foot + 0.72 * tall * np.array([lean, -1.0])
        left, right = np.array([-wide, 0]), np.array([wide, 0])
        paint(s.frame, [foot + left, shoulder + left, tip, shoulder + right, foot + right], (150, 210, 240))
        paint(s.frame, [foot + left, shoulder + left, tip, shoulder + 0.2 * left, foot + 0.2 * left], (214, 242, 255))
        paint(
            s.frame, [foot + right, shoulder + right, tip, shoulder + 0.45 * right, foot + 0.45 * right], (92, 150, 214)
        )
        if k % 2:
            streak(s.frame, shoulder + 0.3 * left, foot + 0.3 * left, 0.002 * h, (255, 255, 255))


def _blood(s: Scene) -> None:
    """A plain splatter: a burst of drops and a few that run."""
    t, h = min(1.0, s.course * 3), s.h
    x, y = s.x, s.y - 0.30 * h
    for a, d, r in s.rng(s.turn).uniform(0, 1, (26, 3)):
        angle, reach = 2 * np.pi * a, h * (0.03 + 0.20 * d * t)
        size = h * (0.006 + 0.018 * r * (1 - 0.6 * d))
        spot = (x + np.cos(angle) * reach * 1.3, y + np.sin(angle) * reach)
        paint(s.frame, ragged_ring(spot, size, 8, 0.10, 7 * r), (156, 20, 30))
        if r > 0.8:
            streak(s.frame, spot, (spot[0], spot[1] + h * 0.10 * s.course), 0.004 * h, (130, 14, 26))
    paint(s.frame, ragged_ring((x, y), 0.055 * h * t, 12, 0.16, s.turn), (172, 24, 34))


# How each is drawn, its frames per drawing and the frames of its course.
NATURE: dict[str, tuple[Callable[[Scene], None], int, int]] = {
    "liquid": (_liquid, 2, 24), "wind": (_wind, 2, 0), "weather": (_weather, 1, 0), "petals_particles": (_petals, 2, 0),
    "ice": (_ice, 2, 48), "blood": (_blood, 3, 36),
}  # fmt: skip
