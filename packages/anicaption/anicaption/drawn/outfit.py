"""Clothes on the torso: what each outfit shows in front, and the skirt. Drawn over a body that knows its joints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anicaption.drawn.ink import Rgb, spline

if TYPE_CHECKING:
    from anicaption.drawn.figure import Body


def draw_front(body: Body, outline: np.ndarray, s: float, slim: float, yaw: float) -> None:
    pen, tones, outfit = body.pen, body.tones, body.character.outfit
    mid = 0.16 * yaw * slim

    def patch(points, rgb: Rgb, width: float = 1.0) -> None:
        shape = body.at(points)
        pen.shade(shape, outline, rgb)
        pen.line(shape, tones.ink, width, (0.6, 0.6))

    if outfit == "sailor":
        pen.shade(
            body.at([(-s * 0.34 + mid * 0.4, 1.06), (s * 0.34 + mid * 0.4, 1.06), (mid, 0.72)]), outline, tones.skin[1]
        )
        for side in (-1, 1):
            collar = [
                (side * s * 0.34 + mid * 0.4, 1.07),
                (side * s * 0.92, 0.98),
                (side * s * 0.80, 0.78),
                (mid, 0.62),
                (mid, 0.72),
            ]
            patch([*collar, collar[0]], tones.second[0])
            pen.line(body.at([(side * s * 0.76, 0.82), (mid + side * 0.03, 0.665)]), (246, 246, 250), 1.0, (0.8, 0.4))
        for wing in (-1, 1):
            bow = body.at([(mid, 0.65), (mid + wing * 0.20, 0.72), (mid + wing * 0.22, 0.58)])
            tail = body.at([(mid, 0.64), (mid + wing * 0.05, 0.40), (mid + wing * 0.15, 0.42)])
            for shape in (tail, bow):
                pen.fill(shape, tones.accent[0] if wing > 0 else tones.accent[1])
                pen.line(np.vstack([shape, shape[:1]]), tones.ink, 0.9, (1, 1))
    elif outfit == "blazer":
        pen.shade(
            body.at([(-s * 0.36 + mid * 0.4, 1.07), (s * 0.36 + mid * 0.4, 1.07), (mid, 0.46)]),
            outline,
            (246, 246, 250),
        )
        patch(
            [
                (mid - 0.045, 0.96),
                (mid + 0.045, 0.96),
                (mid + 0.07, 0.62),
                (mid, 0.52),
                (mid - 0.07, 0.62),
                (mid - 0.045, 0.96),
            ],
            tones.accent[0],
        )
        for side in (-1, 1):
            patch(
                [(side * s * 0.34 + mid * 0.4, 1.07), (side * s * 0.62, 0.86), (side * 0.22 + mid, 0.74), (mid, 0.46)],
                tones.main[1],
            )
        pen.line(body.at([(mid, 0.46), (mid + 0.01, -0.02)]), tones.ink, 1.0)
        for y in (0.34, 0.18):
            pen.dot(body.at([(mid + 0.05, y)])[0], (0.026, 0.026), tones.accent[0])
    elif outfit == "jacket":
        pen.shade(
            body.at([(mid - 0.10, 1.07), (mid + 0.10, 1.07), (mid + 0.15, -0.1), (mid - 0.15, -0.1)]),
            outline,
            (240, 240, 244),
        )
        for side in (-1, 1):
            pen.line(body.at([(mid + side * 0.10, 1.05), (mid + side * 0.15, -0.05)]), tones.ink, 1.1)
            patch(
                [(mid + side * 0.06, 1.06), (side * s * 0.7, 1.02), (side * s * 0.62, 0.84), (mid + side * 0.12, 0.86)],
                tones.second[0],
            )
            pen.shade(
                body.at(
                    [(side * s * 0.98, 0.62), (side * s * 0.3, 0.60), (side * s * 0.3, 0.50), (side * s * 0.98, 0.52)]
                ),
                outline,
                tones.accent[0],
            )
    elif outfit == "hero":
        pen.shade(body.at([(mid - 0.17, 1.08), (mid + 0.17, 1.08), (mid, 0.74)]), outline, tones.skin[1])
        pen.line(body.at([(mid - 0.17, 1.05), (mid, 0.74), (mid + 0.17, 1.05)]), tones.ink, 1.1, (0.8, 0.8))
        pen.shade(body.at([(-1, 0.28), (1, 0.22), (1, 0.10), (-1, 0.16)]), outline, tones.accent[0])
        pen.shade(
            body.at([(-s, 0.95), (-s * 0.55, 1.0), (0.36 * slim, 0.28), (0.18 * slim, 0.25)]), outline, tones.second[0]
        )
    else:
        pen.shade(
            body.at([(mid - 0.22, 1.08), (mid + 0.22, 1.08), (mid + 0.14, 0.92), (mid - 0.14, 0.92)]),
            outline,
            tones.skin[1],
        )
        pen.line(body.at([(mid - 0.2, 1.04), (mid, 0.915), (mid + 0.2, 1.04)]), tones.ink, 0.9)
        pen.shade(body.at([(-1, 0.34), (1, 0.34), (1, 0.26), (-1, 0.26)]), outline, tones.accent[0])
    if body.character.extra == "scarf":
        wrap = spline(body.at([(-s * 0.52, 1.10), (0.0, 0.92), (s * 0.52 + mid, 1.10)]), 6)
        pen.band(wrap, np.full(len(wrap), 0.125), tones.accent[0])
        pen.line(np.add(wrap, (0, 0.115)), tones.ink, 1.1)
        pen.line(np.subtract(wrap, (0, 0.115)), tones.ink, 1.1)


def draw_skirt(body: Body, slim: float) -> None:
    pen, tones, pose = body.pen, body.tones, body.pose
    paint = tones.main if body.character.outfit == "dress" else tones.second
    spread = max(abs(pose.near_leg[0]), abs(pose.far_leg[0])) / 90
    length = body.proportion.leg * (0.52 if body.character.outfit == "dress" else 0.36)
    hem_half = (0.58 + 0.42 * spread) * body.proportion.girth
    sway, flutter = pose.cloth or (pose.sway, pose.flutter)
    drift = 0.22 * sway + 0.004 * (pose.near_leg[0] + pose.far_leg[0])
    u = np.linspace(-1, 1, 13)
    flare = 0.04 * np.sin(u * 6 + flutter)
    hem = body.pelvis + np.stack([u * hem_half + drift, length - 0.06 * u**2 + 0.035 * (np.arange(13) % 2) + flare], 1)
    waist = body.at(np.stack([np.linspace(-0.38, 0.38, 13) * slim, np.full(13, 0.20)], 1))
    outline = np.concatenate([waist, hem[::-1]])
    pen.fill(outline, paint[0])
    for i in (0, 1, 4, 7, 10):
        pen.fill([waist[i] * 0.7 + hem[i] * 0.3, hem[i], hem[i + 1], waist[i + 1] * 0.75 + hem[i + 1] * 0.25], paint[1])
    for i in range(2, 11, 2):
        pen.line(np.linspace(waist[i] * 0.85 + hem[i] * 0.15, hem[i], 6), tones.ink, 0.8, (0.1, 0.7))
    for edge in (np.array([waist[0], hem[0]]), np.array([waist[-1], hem[-1]])):
        pen.line(np.linspace(edge[0], edge[1], 6), tones.ink, 1.3, (0.6, 0.8))
    pen.line(hem, tones.ink, 1.2, (0.8, 0.8))
    if body.character.outfit != "dress":
        pen.line(waist, tones.ink, 1.3, (1, 1))
