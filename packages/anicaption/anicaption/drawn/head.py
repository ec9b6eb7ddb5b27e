"""Head, face and hair. Head units: the head is 1 tall from crown to chin, its centre is (0, 0), x right, y down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anicaption.drawn.ink import Pen, Rgb, mix, spline
from anicaption.drawn.poses import Face
from anicaption.drawn.script import Character


@dataclass(frozen=True)
class Tones:
    """Base and shadow of every paint on the model sheet, under the light of the place."""

    skin: tuple[Rgb, Rgb]
    hair: tuple[Rgb, Rgb]
    hair_light: Rgb
    eye: Rgb
    main: tuple[Rgb, Rgb]
    second: tuple[Rgb, Rgb]
    accent: tuple[Rgb, Rgb]
    ink: Rgb
    hair_ink: Rgb
    skin_ink: Rgb


# A head lower than this has eyes of two tones; finer paint in them would not be seen.
_FINE_PX = 44


class HeadSpace:
    """Takes head units to the body's units: turned by `tilt_deg` about the chin's side of the neck, scaled by `size`."""

    def __init__(self, centre: tuple[float, float], size: float, tilt_deg: float, sway: float, flutter: float) -> None:
        angle = np.radians(tilt_deg)
        self._turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        self._centre = np.asarray(centre, float)
        self.size, self.sway, self.flutter = size, sway, flutter

    def __call__(self, points_N2) -> np.ndarray:
        return np.asarray(points_N2, float) @ self._turn.T + self._centre

    def tail(self, root, length: float, width: float, curl: float, lag: float = 0.0, wind: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """A lock hanging from `root`: middle line (N, 2) and half widths (N,), swept by the wind."""
        t = np.linspace(0, 1, 12)
        wave = 0.07 * np.sin(2.5 * t * np.pi - self.flutter - lag) * t
        x = root[0] + length * (curl * t**1.6 + self.sway * wind * 0.55 * t**1.5 + wave)
        y = root[1] + length * t * np.sqrt(max(0.2, 1 - min(0.8, 0.35 * abs(self.sway))))
        return np.stack([x, y], 1), width * (0.62 + 0.9 * t - 1.5 * t**2.6).clip(0.015)


def face_contour(yaw: float) -> np.ndarray:
    """The outline of the face (N, 2), turned to the right by `yaw` in -1..1."""
    half = [(0.0, -0.40), (0.26, -0.36), (0.395, -0.16), (0.40, 0.04), (0.365, 0.20), (0.235, 0.375), (0.10, 0.475), (0.0, 0.50)]
    points = np.array(half + [(-x, y) for x, y in reversed(half[1:-1])])
    x, y = points[:, 0], points[:, 1]
    depth = np.clip((y + 0.1) / 0.6, 0, 1)
    far = np.sign(yaw) * x > 0
    x = x * np.where(far, 1 - 0.14 * abs(yaw), 1 + 0.0 * abs(yaw)) + yaw * (0.035 + 0.10 * depth)
    x = x - np.where(far & (np.abs(y - 0.04) < 0.09), 0.035 * yaw, 0)
    return spline(np.stack([x, y], 1), 5, closed=True)


def draw_back_hair(pen: Pen, at: HeadSpace, character: Character, tones: Tones, yaw: float) -> None:
    """What of the hair lies behind the body."""
    base, shadow = tones.hair
    lean = -0.07 * yaw
    if character.hair == "long":
        for k, (x, length, width) in enumerate(((-0.30, 1.75, 0.20), (-0.1, 1.95, 0.22), (0.12, 1.9, 0.22), (0.30, 1.7, 0.20))):
            middle, half = at.tail((x + lean, -0.05), length, width, 0.10 * np.sign(x), k * 0.9)
            _lock(pen, at, middle, half, base if k in (0, 3) else shadow, tones)
    elif character.hair == "twin_tails":
        for side in (-1, 1):
            middle, half = at.tail((side * 0.44 + lean, -0.22), 1.55, 0.20, 0.30 * side, side)
            _lock(pen, at, middle, half, base, tones, shadow)
            knot = at([[side * 0.42 + lean, -0.24]])[0]
            for wing in (-1, 1):
                bow = np.array([[0, 0], [side * 0.05 + wing * 0.10, -0.13], [side * 0.06 + wing * 0.15, -0.02]])
                pen.fill(knot + bow * at.size, tones.accent[0])
                pen.line(knot + np.vstack([bow, bow[:1]]) * at.size, tones.ink, 0.8)
    elif character.hair == "ponytail":
        middle, half = at.tail((-0.36 - 0.14 * yaw, -0.34), 1.45, 0.22, -0.28, 0.4)
        _lock(pen, at, middle, half, base, tones, shadow)
        pen.dot(at([[-0.36 - 0.14 * yaw, -0.32]])[0], (0.07 * at.size, 0.06 * at.size), tones.accent[0])
    if character.hair != "spiky":
        nape = {"short": 0.40, "bob": 0.56, "long": 0.5, "twin_tails": 0.24, "ponytail": 0.28}[character.hair]
        wide = 0.50 if character.hair in ("bob", "long") else 0.45
        tips = [(wide * u + lean, nape - 0.05 * (i % 2) - 0.04 * abs(u)) for i, u in enumerate(np.linspace(1, -1, 9))]
        mass = at(np.concatenate([spline([(-wide + lean, nape - 0.1), (-0.50 + lean, -0.05), (-0.40 + lean, -0.42), (lean, -0.58),
                                          (0.40 + lean, -0.42), (0.50 + lean, -0.05), (wide + lean, nape - 0.1)], 5), tips]))  # fmt: skip
        pen.fill(mass, shadow)
        pen.line(np.vstack([mass, mass[:1]]), tones.hair_ink, 1.2, (1, 1))


def _lock(pen: Pen, at: HeadSpace, middle, half, rgb: Rgb, tones: Tones, shadow: Rgb | None = None) -> None:
    from anicaption.drawn.ink import sides

    left, right = sides(middle, half)
    outline = at(np.concatenate([left, right[::-1]]))
    pen.fill(outline, rgb)
    if shadow is not None:
        pen.fill(at(np.concatenate([middle + (right - middle) * 0.15, right[::-1]])), shadow)
    pen.line(at(left), tones.hair_ink, 1.2, (0.6, 0.2))
    pen.line(at(right), tones.hair_ink, 1.2, (0.6, 0.2))
    pen.line(at(middle + (left - middle) * 0.35)[2:-2], tones.hair_ink, 0.7, (0.1, 0.1))


def draw_head(pen: Pen, at: HeadSpace, character: Character, tones: Tones, yaw: float, face: Face) -> None:
    """Face, features and front hair."""
    skin, skin_shadow = tones.skin
    contour = face_contour(yaw)
    if character.hair in ("short", "spiky", "ponytail", "twin_tails"):
        ear = spline([(-0.37, -0.04), (-0.46, -0.06), (-0.47, 0.08), (-0.41, 0.19), (-0.35, 0.16)], 4) + [0.05 * yaw, 0]
        pen.fill(at(ear), skin)
        pen.line(at(ear), tones.ink, 1.0)
        pen.line(at(spline([(-0.43, -0.01), (-0.39, 0.02), (-0.42, 0.09)], 4) + [0.05 * yaw, 0]), tones.skin_ink, 0.8)
    shape = at(contour)
    pen.fill(shape, skin)
    side = at(np.concatenate([contour[len(contour) // 2 :], [[-0.26 + 0.16 * yaw, -0.3], [-0.30 + 0.12 * yaw, 0.12], [-0.10 + 0.16 * yaw, 0.40]]]))
    pen.shade(side, shape, skin_shadow)
    bottom = _bangs_edge(character, yaw, at)
    cast = np.concatenate([bottom + [0.015, 0.055], [[-0.5, -0.5], [0.5, -0.5]]])
    pen.shade(at(cast), shape, skin_shadow)
    pen.line(np.vstack([shape, shape[:1]]), tones.ink, 1.3, (1, 1))
    if face.blush:
        for side_ in (-1, 1):
            centre = at([[side_ * 0.25 + 0.13 * yaw, 0.235]])[0]
            pen.dot(centre, (0.085 * at.size, 0.042 * at.size), (244, 120, 120), shape, 0.45 * face.blush)
            for k in (-1, 0, 1):
                tick = at([[side_ * 0.25 + 0.13 * yaw + 0.035 * k + 0.012, 0.215], [side_ * 0.25 + 0.13 * yaw + 0.035 * k - 0.012, 0.255]])
                pen.line(tick, (226, 96, 96), 0.7)
    for side_ in (-1, 1):
        _eye(pen, at, tones, side_, yaw, face)
    nose = np.array([(0.165 * yaw + 0.012 * np.sign(yaw + 1e-6), 0.225), (0.185 * yaw + 0.02, 0.262), (0.165 * yaw, 0.270)])
    pen.line(at(nose), tones.skin_ink, 0.8, (0.2, 0.6))
    _mouth(pen, at, tones, yaw, face)
    _front_hair(pen, at, character, tones, yaw, bottom)
    for side_ in (-1, 1):
        _brow(pen, at, tones, side_, yaw, face)
    if character.extra == "glasses":
        for side_ in (-1, 1):
            cx = side_ * 0.195 + 0.135 * yaw
            rim = np.array([(cx + 0.145 * np.cos(a), 0.11 + 0.125 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 22)])
            pen.line(at(rim), tones.accent[1], 1.3, (1, 1))
        pen.line(at([(-0.05 + 0.135 * yaw, 0.09), (0.05 + 0.135 * yaw, 0.09)]), tones.accent[1], 1.3, (1, 1))


def _eye(pen: Pen, at: HeadSpace, tones: Tones, side: int, yaw: float, face: Face) -> None:
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
    if pen.unit_px * at.size < _FINE_PX:
        pen.shade(ellipse(gaze, 0.42, wide * 0.8, 0.6), ball, iris)
        pen.shade(ellipse(gaze - 0.26 * side, -0.40, 0.3, 0.3), ball, (255, 255, 255))
        pen.fill(eye(np.concatenate([upper, (upper - [0, 0.3])[::-1]])), tones.ink)
        return
    pen.shade(ellipse(gaze, 0.10, wide * 0.86, 0.86), ball, mix(iris, (24, 16, 60), 0.28))
    pen.shade(ellipse(gaze, 0.42, wide * 0.70, 0.48), ball, iris)
    pen.shade(ellipse(gaze, 0.62, wide * 0.50, 0.26), ball, mix(iris, (255, 255, 255), 0.45))
    pen.shade(ellipse(gaze, 0.02, wide * 0.36, 0.44), ball, mix(iris_dark, (6, 4, 20), 0.6))
    shade = np.concatenate([upper, (upper + [0, 0.34])[::-1]])
    pen.shade(eye(shade), ball, (40, 30, 70), 0.38)
    pen.shade(ellipse(gaze - 0.26 * side, -0.40, 0.25, 0.26), ball, (255, 255, 255))
    pen.shade(ellipse(gaze + 0.28 * side, 0.44, 0.13, 0.13), ball, (255, 255, 255))
    thick = np.interp(np.linspace(0, 1, len(upper)), [0, 0.25, 0.75, 1.0], [0.05, 0.16, 0.26, 0.20])
    lash = np.concatenate([upper + np.stack([0 * thick, thick * 0.25], 1), [(1.26, 0.04)], (upper - np.stack([0 * thick, thick], 1))[::-1]])
    pen.fill(eye(lash), tones.ink)
    pen.fill(eye([(0.92, -0.12), (1.34, -0.30), (1.02, 0.16)]), tones.ink)
    pen.line(eye(lower[3:14]), tones.skin_ink, 1.1, (0.9, 0.1))
    crease = spline([(-0.45, -0.98 * up), (0.1, -1.30 * up), (0.75, -1.10 * up)], 5)
    pen.line(eye(crease), tones.skin_ink, 0.8, (0.1, 0.2))


def _brow(pen: Pen, at: HeadSpace, tones: Tones, side: int, yaw: float, face: Face) -> None:
    far = max(0.0, yaw * side)
    cx, width = side * 0.195 + 0.135 * yaw, 0.115 * (1 - 0.25 * far)
    y = -0.115 - face.brow_lift
    tilt = 0.055 * face.brow
    line = spline([(cx - side * width, y + tilt + 0.012), (cx + side * width * 0.1, y - 0.016 - tilt * 0.2), (cx + side * width * 1.05, y - tilt * 0.7 + 0.02)], 5)
    pen.line(at(line), mix(tones.hair_ink, tones.hair[1], 0.25), 1.9, (0.8, 0.15))


def _mouth(pen: Pen, at: HeadSpace, tones: Tones, yaw: float, face: Face) -> None:
    x, y = 0.135 * yaw, 0.345
    if face.mouth in ("open", "shout", "small_o"):
        big = {"open": 1.0, "shout": 1.5, "small_o": 0.55}[face.mouth]
        width, depth = 0.082 * big, 0.105 * face.mouth_open * (1.25 if face.mouth == "shout" else 1.0)
        if face.mouth == "small_o":
            shape = spline([(x - width, y + 0.01), (x, y - 0.035), (x + width, y + 0.01), (x, y + depth * 0.7)], 5, closed=True)
        else:
            shape = spline([(x - width, y - 0.012), (x, y + 0.004), (x + width, y - 0.012), (x + width * 0.55, y + depth * 0.85), (x, y + depth),
                            (x - width * 0.55, y + depth * 0.85)], 5, closed=True)  # fmt: skip
        pen.fill(at(shape), (146, 48, 58))
        tongue = spline([(x - width, y + depth * 0.62), (x, y + depth * 0.42), (x + width, y + depth * 0.62), (x, y + depth * 1.4)], 5, closed=True)
        pen.shade(at(tongue), at(shape), (232, 120, 116))
        if face.mouth == "shout":
            pen.shade(at([(x - width, y - 0.04), (x + width, y - 0.04), (x + width * 0.8, y + 0.022), (x - width * 0.8, y + 0.022)]), at(shape), (250, 248, 246))
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


def _bangs_edge(character: Character, yaw: float, at: HeadSpace) -> np.ndarray:
    """The lower edge of the front hair, tips and valleys from right to left (N, 2)."""
    kinds = {
        "straight": [(0.30, 0.02), (0.14, 0.00), (0.0, 0.01), (-0.14, -0.005), (-0.29, 0.02)],
        "parted": [(0.33, 0.10), (0.20, -0.06), (0.09, -0.17), (-0.05, -0.12), (-0.18, -0.02), (-0.33, 0.10)],
        "swept": [(0.33, 0.09), (0.22, 0.03), (0.08, 0.01), (-0.06, -0.05), (-0.22, -0.13), (-0.34, 0.02)],
        "jagged": [(0.33, 0.10), (0.19, -0.02), (0.07, 0.08), (-0.07, -0.03), (-0.18, 0.07), (-0.33, 0.08)],
    }[character.bangs]
    skew = {"straight": 0.0, "parted": 0.02, "swept": 0.10, "jagged": 0.03}[character.bangs]
    drift = 0.04 * at.sway
    tips = [(x * (1 - 0.1 * yaw * np.sign(x)) + 0.10 * yaw + drift, y) for x, y in kinds]
    roots = [(0.43 + 0.03 * yaw, -0.06)]
    roots += [((a[0] + b[0]) / 2 + 0.03 - skew * 0.3, min(a[1], b[1]) - 0.17) for a, b in zip(tips, tips[1:])]
    roots += [(-0.43 + 0.03 * yaw, -0.06)]
    points: list[tuple[float, float]] = []
    for root, tip, after in zip(roots, tips, roots[1:]):
        right_bulge = ((root[0] + tip[0]) / 2 + 0.020, (root[1] + tip[1]) / 2 + 0.015)
        left_bulge = ((after[0] + tip[0]) / 2 - 0.020, (after[1] + tip[1]) / 2 + 0.015)
        points += [root, right_bulge, (tip[0] - skew * 0.4, tip[1]), left_bulge]
    return np.array([*points, roots[-1]])


def _front_hair(pen: Pen, at: HeadSpace, character: Character, tones: Tones, yaw: float, bottom) -> None:
    base, shadow = tones.hair
    lean = -0.05 * yaw
    if character.hair == "spiky":
        crown = _spikes(lean, at)
    else:
        crown = spline([(-0.44 + lean * 0.4, -0.06), (-0.475 + lean, -0.22), (-0.36 + lean, -0.48), (lean, -0.60), (0.36 + lean, -0.48),
                        (0.475 + lean, -0.22), (0.44 + lean * 0.4, -0.06)], 6)  # fmt: skip
    for side in (-1, 1):
        length = {"short": 0.34, "spiky": 0.30, "bob": 0.58, "long": 0.86, "twin_tails": 0.62, "ponytail": 0.56}[character.hair]
        middle, half = at.tail((side * 0.405 + 0.04 * yaw, -0.10), length, 0.075, -0.06 * side, side, 0.4)
        _lock(pen, at, middle, half, base, tones, shadow if side > 0 else None)
    mass = np.concatenate([crown, bottom])
    outline = at(mass)
    pen.fill(outline, base)
    for i in range(0, len(bottom) - 1, 4):
        root, tip, after = bottom[i], bottom[i + 2], bottom[min(i + 4, len(bottom) - 1)]
        lift = (root + after) / 2
        pen.shade(at([tip + [-0.01, 0.01], lift + [-0.02, -0.02], after + [-0.03, -0.10], after + [-0.02, 0.03]]), outline, shadow)
    pen.shade(at(np.concatenate([spline([(-0.36 + lean, -0.62), (-0.33 + lean, -0.3), (-0.38 + lean, 0.0)], 5), [(-0.7, 0.0), (-0.7, -0.7)]])), outline, shadow)
    u = np.linspace(-0.78, 0.62, 15)
    arc = -0.335 + 0.16 * u**2
    zig = np.where(np.arange(15) % 2 == 0, 0.035, -0.022)
    ring = np.concatenate([np.stack([0.44 * u + lean + 0.05 * yaw, arc - 0.035 + zig * 0.5], 1), np.stack([0.44 * u + lean + 0.05 * yaw, arc + 0.035 + zig], 1)[::-1]])
    pen.shade(at(ring), outline, tones.hair_light)
    for i in range(4, len(bottom) - 1, 4) if pen.unit_px * at.size >= _FINE_PX else ():
        valley = bottom[i]
        top = np.array([valley[0] * 0.45 + lean, -0.50])
        pen.line(at(spline([valley, valley * 0.5 + top * 0.5 + [0.02 * np.sign(valley[0]), 0], top], 5)[:8]), tones.hair_ink, 0.9, (1.0, 0.05))
    pen.line(at(crown), tones.hair_ink, 1.4, (0.6, 0.6))
    for i in range(0, len(bottom) - 1, 4):
        pen.line(at(spline(bottom[i : i + 3], 4)), tones.hair_ink, 1.1, (0.5, 0.5))
        pen.line(at(spline(bottom[i + 2 : i + 5], 4)), tones.hair_ink, 1.1, (0.5, 0.5))
    if character.seed % 3 == 0 and character.hair != "spiky":
        curl = spline([(0.02 + lean, -0.59), (0.10 + lean, -0.74), (0.22 + lean + 0.05 * at.sway, -0.72)], 5)
        pen.band(at(curl), np.linspace(0.035, 0.004, len(curl)) * at.size, base)
        pen.line(at(curl), tones.hair_ink, 1.2, (1.0, 0.2))
    if character.extra in ("ribbon", "hairpin"):
        x = 0.30 + lean
        for wing in (-1, 1) if character.extra == "ribbon" else (1,):
            bow = np.array([(x, -0.40), (x + wing * 0.15, -0.50), (x + wing * 0.17, -0.33)])
            pen.fill(at(bow), tones.accent[0])
            pen.line(at(np.vstack([bow, bow[:1]])), tones.ink, 0.9, (1, 1))
    if character.extra == "headband":
        strip = spline([(-0.44, -0.18), (0.0 + 0.05 * yaw, -0.27), (0.44, -0.18)], 6)
        pen.band(at(strip), np.full(len(strip), 0.036 * at.size), tones.accent[0])


def _spikes(lean: float, at: HeadSpace) -> np.ndarray:
    """A crown of pointed locks from left to right (N, 2)."""
    angles = np.radians(np.linspace(200, -20, 10))
    points = []
    for i, a in enumerate(angles):
        inner = np.array([0.46 * np.cos(a) + lean, -0.14 - 0.42 * np.sin(a)])
        points.append(inner)
        if i < len(angles) - 1:
            middle = a - np.radians(10)
            reach = 0.80 if i % 2 else 0.70
            tip = np.array([reach * np.cos(middle + 0.22) + lean - 0.05 + 0.06 * at.sway, -0.14 - reach * 0.92 * np.sin(middle + 0.12)])
            points += [inner * 0.35 + tip * 0.65 + [0.0, -0.03], tip]
    return np.array(points)


def draw_back_of_head(pen: Pen, at: HeadSpace, character: Character, tones: Tones) -> None:
    """The head seen from behind: nothing but hair."""
    base, shadow = tones.hair
    crown = _spikes(0.0, at) if character.hair == "spiky" else spline(
        [(-0.46, 0.0), (-0.48, -0.24), (-0.34, -0.50), (0, -0.60), (0.34, -0.50), (0.48, -0.24), (0.46, 0.0)], 6)  # fmt: skip
    hem = {"long": 1.7, "bob": 0.52}.get(character.hair, 0.40)
    n = 11
    u = np.linspace(1, -1, n)
    drift = at.sway * 0.3 * max(0.0, hem - 0.5)
    tips = np.stack([0.5 * u * (1 + 0.12 * (hem > 1)) + drift, hem - 0.10 * (np.arange(n) % 2) - 0.12 * np.abs(u)], 1)
    mass = at(np.concatenate([crown, tips]))
    if character.hair in ("ponytail", "twin_tails"):
        draw_back_hair(pen, at, character, tones, 0.0)
    pen.fill(mass, base)
    pen.shade(at(np.concatenate([spline([(-0.22, -0.65), (-0.28, 0.0), (-0.16 + drift, hem)], 6), [(-0.9, hem), (-0.9, -0.7)]])), mass, shadow)
    ring_u = np.linspace(-0.7, 0.8, 15)
    zig = np.where(np.arange(15) % 2 == 0, 0.035, -0.02)
    arc = -0.30 + 0.14 * ring_u**2
    pen.shade(at(np.concatenate([np.stack([0.44 * ring_u, arc - 0.03], 1), np.stack([0.44 * ring_u, arc + 0.04 + zig], 1)[::-1]])), mass, tones.hair_light)
    for x in (-0.3, -0.12, 0.08, 0.27):
        strand = spline([(x * 0.5, -0.45), (x, -0.05), (x * 1.15 + drift * 0.8, hem - 0.14)], 6)
        pen.line(at(strand), tones.hair_ink, 0.8, (0.05, 0.6))
    pen.line(np.vstack([mass, mass[:1]]), tones.hair_ink, 1.3, (1, 1))
