"""The face: contour, eyes, brows, nose, mouth, in head units (see model.HeadSpace)."""

from __future__ import annotations

import numpy as np

from anicaption.drawn.ink import Pen, mix, spline
from anicaption.drawn.model import FINE_PX, HeadSpace, Tones
from anicaption.drawn.poses import Face


def face_contour(yaw: float) -> np.ndarray:
    """The outline of the face (N, 2), turned to the right by `yaw` in -1..1."""
    half = [
        (0.0, -0.40),
        (0.26, -0.36),
        (0.395, -0.16),
        (0.40, 0.04),
        (0.365, 0.20),
        (0.235, 0.375),
        (0.10, 0.475),
        (0.0, 0.50),
    ]
    points = np.array(half + [(-x, y) for x, y in reversed(half[1:-1])])
    x, y = points[:, 0], points[:, 1]
    depth = np.clip((y + 0.1) / 0.6, 0, 1)
    far = np.sign(yaw) * x > 0
    x = x * np.where(far, 1 - 0.14 * abs(yaw), 1 + 0.0 * abs(yaw)) + yaw * (0.035 + 0.10 * depth)
    x = x - np.where(far & (np.abs(y - 0.04) < 0.09), 0.035 * yaw, 0)
    return spline(np.stack([x, y], 1), 5, closed=True)


def draw_eye(pen: Pen, at: HeadSpace, tones: Tones, side: int, yaw: float, face: Face) -> None:
    far = max(0.0, yaw * side)
    cx, cy = side * 0.200 + 0.135 * yaw, 0.105
    rx, ry = 0.126 * (1 - 0.28 * far), 0.146
    opened = face.eyes

    def eye(points) -> np.ndarray:
        points = np.asarray(points, float)
        return at(np.stack([cx + side * rx * points[:, 0], cy + ry * points[:, 1]], 1))

    if opened < 0.2 or face.smiling_eyes:
        bow = -0.75 if face.smiling_eyes else 0.35
        lid = spline([(-0.95, 0.1), (0.0, 0.1 + bow), (1.05, 0.0)], 8)
        pen.line(eye(lid), tones.ink, 2.6, (0.25, 0.5))
        for dx in (0.75, 1.0) if not face.smiling_eyes else ():
            pen.line(eye([(dx, 0.15), (dx + 0.25, 0.42)]), tones.ink, 1.2, (1, 0.2))
        return
    up = 0.95 * opened
    upper = spline([(-0.92, 0.22), (-0.62, -0.52 * up), (0.0, -0.98 * up), (0.62, -0.80 * up), (1.0, 0.0)], 6)
    lower = spline([(1.0, 0.0), (0.80, 0.66), (0.05, 0.92), (-0.62, 0.74), (-0.92, 0.22)], 5)
    ball = eye(np.concatenate([upper, lower[1:-1]]))
    pen.fill(ball, (250, 250, 252))
    gaze = 0.10 * yaw * side + 0.25 * face.gaze * side
    wide = 0.70 * (0.84 if opened > 1.1 else 1.0)
    iris_dark, iris = mix(tones.eye, (18, 12, 44), 0.72), tones.eye

    def ellipse(x, y, a, b) -> np.ndarray:
        t = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        return eye(np.stack([x + a * np.cos(t), y + b * np.sin(t)], 1))

    pen.shade(ellipse(gaze, 0.0, wide, 1.0), ball, iris_dark)
    if pen.unit_px * at.size < FINE_PX:
        pen.shade(ellipse(gaze, 0.42, wide * 0.8, 0.6), ball, iris)
        pen.shade(ellipse(gaze - 0.26 * side, -0.40, 0.3, 0.3), ball, (255, 255, 255))
        pen.fill(eye(np.concatenate([upper, (upper - [0, 0.3])[::-1]])), tones.ink)
        return
    pen.shade(ellipse(gaze, 0.10, wide * 0.86, 0.86), ball, mix(iris, (24, 16, 60), 0.28))
    pen.shade(ellipse(gaze, 0.42, wide * 0.70, 0.48), ball, iris)
    pen.shade(ellipse(gaze, 0.62, wide * 0.50, 0.26), ball, mix(iris, (255, 255, 255), 0.45))
    pen.shade(ellipse(gaze, 0.02, wide * 0.36, 0.44), ball, mix(iris_dark, (6, 4, 20), 0.6))
    shade = np.concatenate([upper, np.add(upper, (0, 0.34))[::-1]])
    pen.shade(eye(shade), ball, (40, 30, 70), 0.38)
    pen.shade(ellipse(gaze - 0.26 * side, -0.40, 0.25, 0.26), ball, (255, 255, 255))
    pen.shade(ellipse(gaze + 0.28 * side, 0.44, 0.13, 0.13), ball, (255, 255, 255))
    thick = np.interp(np.linspace(0, 1, len(upper)), [0, 0.25, 0.75, 1.0], [0.05, 0.16, 0.26, 0.20])
    lash = np.concatenate(
        [
            upper + np.stack([0 * thick, thick * 0.25], 1),
            [(1.26, 0.04)],
            (upper - np.stack([0 * thick, thick], 1))[::-1],
        ]
    )
    pen.fill(eye(lash), tones.ink)
    pen.fill(eye([(0.92, -0.12), (1.34, -0.30), (1.02, 0.16)]), tones.ink)
    pen.line(eye(lower[3:14]), tones.skin_ink, 1.1, (0.9, 0.1))
    crease = spline([(-0.45, -0.98 * up), (0.1, -1.30 * up), (0.75, -1.10 * up)], 5)
    pen.line(eye(crease), tones.skin_ink, 0.8, (0.1, 0.2))


def draw_brow(pen: Pen, at: HeadSpace, tones: Tones, side: int, yaw: float, face: Face) -> None:
    far = max(0.0, yaw * side)
    cx, width = side * 0.195 + 0.135 * yaw, 0.115 * (1 - 0.25 * far)
    y = -0.115 - face.brow_lift
    tilt = 0.055 * face.brow
    line = spline(
        [
            (cx - side * width, y + tilt + 0.012),
            (cx + side * width * 0.1, y - 0.016 - tilt * 0.2),
            (cx + side * width * 1.05, y - tilt * 0.7 + 0.02),
        ],
        5,
    )
    pen.line(at(line), mix(tones.hair_ink, tones.hair[1], 0.25), 1.9, (0.8, 0.15))


def draw_mouth(pen: Pen, at: HeadSpace, tones: Tones, yaw: float, face: Face) -> None:
    x, y = 0.135 * yaw, 0.345
    if face.mouth in ("open", "shout", "small_o"):
        big = {"open": 1.0, "shout": 1.5, "small_o": 0.55}[face.mouth]
        width, depth = 0.082 * big, 0.105 * face.mouth_open * (1.25 if face.mouth == "shout" else 1.0)
        if face.mouth == "small_o":
            shape = spline(
                [(x - width, y + 0.01), (x, y - 0.035), (x + width, y + 0.01), (x, y + depth * 0.7)], 5, closed=True
            )
        else:
            shape = spline(
                [
                    (x - width, y - 0.012),
                    (x, y + 0.004),
                    (x + width, y - 0.012),
                    (x + width * 0.55, y + depth * 0.85),
                    (x, y + depth),
                    (x - width * 0.55, y + depth * 0.85),
                ],
                5,
                closed=True,
            )
        pen.fill(at(shape), (146, 48, 58))
        tongue = spline(
            [(x - width, y + depth * 0.62), (x, y + depth * 0.42), (x + width, y + depth * 0.62), (x, y + depth * 1.4)],
            5,
            closed=True,
        )
        pen.shade(at(tongue), at(shape), (232, 120, 116))
        if face.mouth == "shout":
            pen.shade(
                at(
                    [
                        (x - width, y - 0.04),
                        (x + width, y - 0.04),
                        (x + width * 0.8, y + 0.022),
                        (x - width * 0.8, y + 0.022),
                    ]
                ),
                at(shape),
                (250, 248, 246),
            )
        pen.line(at(np.vstack([shape, shape[:1]])), tones.ink, 1.0, (1, 1))
    elif face.mouth == "grit":
        shape = np.array([(x - 0.085, y - 0.005), (x + 0.085, y - 0.015), (x + 0.075, y + 0.045), (x - 0.07, y + 0.05)])
        pen.fill(at(shape), (250, 248, 246))
        pen.line(at(np.vstack([shape, shape[:1]])), tones.ink, 1.1, (1, 1))
        pen.line(at([(x - 0.08, y + 0.02), (x + 0.08, y + 0.012)]), tones.ink, 0.7)
    else:
        bow = {"line": 0.012, "smile": 0.036, "frown": -0.026}[face.mouth]
        line = spline([(x - 0.062, y - bow * 0.4), (x, y + bow * 0.6), (x + 0.062, y - bow * 0.5)], 6)
        pen.line(at(line), tones.ink, 1.2, (0.35, 0.35))
