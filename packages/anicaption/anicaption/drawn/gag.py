"""A face redrawn off model for a laugh: plates for eyes, a mouth as wide as the face, sweat and shaking lines."""

from __future__ import annotations

import numpy as np

from anicaption.drawn.ink import Pen, spline
from anicaption.drawn.model import HeadSpace, Tones


def draw_gag_features(pen: Pen, at: HeadSpace, tones: Tones, yaw: float, amount: float) -> None:
    """Eyes, brows and mouth; `amount` 0.5 mild .. 1.7 beyond the face."""
    x0, big = 0.135 * yaw, 0.75 + 0.35 * amount
    a = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    for side in (-1, 1):
        centre = np.array([x0 + side * 0.20, 0.0])
        plate = centre + np.stack([0.185 * big * np.cos(a), 0.205 * big * np.sin(a)], 1)
        pen.fill(at(plate), (252, 252, 252))
        pen.line(at(np.vstack([plate, plate[:1]])), tones.ink, 1.9, (1, 1))
        pupil = centre + [side * -0.03, 0.02] + 0.030 * np.stack([np.cos(a), np.sin(a)], 1)
        pen.fill(at(pupil), tones.ink)
        for k in (0, 1):
            ring = centre + (0.215 + 0.035 * k) * big * np.stack([np.cos(a[16:26]), -np.sin(a[16:26])], 1)
            pen.line(at(ring), tones.skin_ink, 0.9, (0.1, 0.1))
        brow = spline([(x0 + side * 0.06, -0.30), (x0 + side * 0.20, -0.37), (x0 + side * 0.34, -0.27)], 6)
        pen.line(at(brow), tones.hair_ink, 3.0, (0.9, 0.2))
    wide, deep = 0.205 * big, 0.26 * big
    teeth = np.linspace(-1, 1, 9)
    upper = np.stack([x0 + wide * teeth, 0.235 + 0.022 * (np.arange(9) % 2)], 1)
    lower = np.stack([x0 + wide * 0.9 * teeth[::-1], 0.235 + deep * (1 - 0.45 * teeth[::-1] ** 4)], 1)
    mouth = np.concatenate([upper, lower])
    pen.fill(at(mouth), (122, 32, 46))
    pen.fill(at(np.concatenate([upper, np.add(upper, (0, 0.05))[::-1]])), (252, 250, 246))
    tongue = np.stack([x0 + wide * 0.6 * np.cos(a), 0.235 + deep * 0.84 + 0.05 * np.sin(a)], 1)
    pen.shade(at(tongue), at(mouth), (236, 118, 116))
    pen.line(at(np.vstack([mouth, mouth[:1]])), tones.ink, 2.0, (1, 1))
    for k in range(3):
        drop = np.array([x0 + 0.34 + 0.05 * k, -0.32 + 0.17 * k])
        shape = spline(np.add([(0, -0.06), (0.026, 0.01), (0, 0.035), (-0.026, 0.01)], drop), 5, closed=True)
        pen.fill(at(shape), (206, 232, 250))
        pen.line(at(np.vstack([shape, shape[:1]])), tones.ink, 0.9, (1, 1))
