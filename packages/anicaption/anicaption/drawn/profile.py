"""The head seen from the side, facing right, in head units (see model.HeadSpace)."""

from __future__ import annotations

import numpy as np

from anicaption.drawn.ink import Pen, mix, spline
from anicaption.drawn.model import FINE_PX, HeadSpace, Tones
from anicaption.drawn.poses import Face
from anicaption.drawn.script import Character

PROFILE_YAW = 0.9  # a face turned this far is drawn from the side


def draw_profile(pen: Pen, at: HeadSpace, character: Character, tones: Tones, face: Face) -> None:
    """Face, features and hair from the side."""
    gape = face.mouth_open if face.mouth in ("open", "shout", "small_o") else 0.0
    outline = _contour(gape)
    shape = at(outline)
    pen.fill(shape, tones.skin[0])
    jaw = at([(-0.16, 0.12), (0.02, 0.30), (0.24, 0.43), (0.32, 0.47), (0.2, 0.7), (-0.3, 0.6)])
    pen.shade(jaw, shape, tones.skin[1])
    pen.shade(
        at([(0.5, -0.5), (0.5, -0.02), (0.20, 0.0), (0.05, 0.10), (-0.3, 0.05), (-0.3, -0.6)]), shape, tones.skin[1]
    )
    pen.line(at(outline[3:-3]), tones.ink, 1.3, (0.6, 0.7))
    pen.features = True
    _eye(pen, at, tones, face)
    _mouth(pen, at, tones, face, gape)
    if face.blush:
        pen.dot(at([[0.22, 0.245]])[0], (0.07 * at.size, 0.04 * at.size), (244, 120, 120), shape, 0.45 * face.blush)
    pen.features = False
    ear = spline([(-0.13, 0.0), (-0.06, -0.06), (-0.02, 0.03), (-0.05, 0.13), (-0.10, 0.17)], 4, closed=True)
    _hair(pen, at, character, tones)
    if character.hair not in ("long", "bob"):
        pen.fill(at(ear), tones.skin[0])
        pen.line(at(ear), tones.ink, 1.0, (0.8, 0.8))
        pen.line(at(spline([(-0.10, 0.0), (-0.05, 0.02), (-0.08, 0.09)], 4)), tones.skin_ink, 0.8)
    pen.features = True
    tilt = 0.05 * face.brow
    y = -0.09 - face.brow_lift
    brow = spline([(0.12, y - tilt), (0.22, y - 0.03 - 0.2 * tilt), (0.315, y + 0.9 * tilt)], 5)
    pen.line(at(brow), mix(tones.hair_ink, tones.hair[1], 0.25), 1.9, (0.2, 0.8))
    if character.extra == "glasses":
        rim = spline([(0.20, 0.0), (0.33, 0.02), (0.335, 0.2), (0.22, 0.21)], 5, closed=True)
        pen.line(at(np.vstack([rim, rim[:1]])), tones.accent[1], 1.3, (1, 1))
        pen.line(at([(0.20, 0.06), (-0.06, 0.02)]), tones.accent[1], 1.3, (1, 1))
    pen.features = False


def _contour(gape: float) -> np.ndarray:
    """Forehead, nose, lips, chin, jaw and the back of the head (N, 2); an open mouth drops the chin."""
    drop = 0.07 * gape
    points = [
        (-0.36, -0.30), (-0.05, -0.46), (0.22, -0.40), (0.315, -0.24), (0.335, -0.06), (0.325, 0.045), (0.375, 0.135),
        (0.435, 0.215), (0.425, 0.240), (0.368, 0.252), (0.382, 0.298), (0.352, 0.325), (0.368, 0.352 + drop),
        (0.338, 0.392 + drop), (0.335, 0.445 + drop), (0.285, 0.492 + drop), (0.17, 0.482 + drop * 0.8),
        (0.0, 0.405), (-0.13, 0.29), (-0.20, 0.12), (-0.36, 0.0),
    ]  # fmt: skip
    return spline(points, 5, closed=True)


def _eye(pen: Pen, at: HeadSpace, tones: Tones, face: Face) -> None:
    opened = face.eyes
    if opened < 0.2 or face.smiling_eyes:
        bow = -0.06 if face.smiling_eyes else 0.05
        lid = spline([(0.155, 0.12), (0.23, 0.12 + bow), (0.315, 0.115)], 7)
        pen.line(at(lid), tones.ink, 2.4, (0.4, 0.3))
        return
    top = 0.105 - 0.135 * min(opened, 1.2)
    back, front = [(0.165, 0.10), (0.175, 0.01), (0.22, top)], [(0.30, top + 0.02), (0.315, 0.10), (0.30, 0.205)]
    ball = spline([*back, *front, (0.235, 0.238), (0.18, 0.19)], 5, closed=True)
    shape = at(ball)
    pen.fill(shape, (250, 250, 252))
    a = np.linspace(0, 2 * np.pi, 22, endpoint=False)
    x = 0.262 + 0.03 * face.gaze
    iris = mix(tones.eye, (18, 12, 44), 0.6)

    def disc(cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
        return at(np.stack([cx + rx * np.cos(a), cy + ry * np.sin(a)], 1))

    pen.shade(disc(x, 0.105, 0.052, 0.140), shape, iris)
    pen.shade(disc(x, 0.160, 0.042, 0.075), shape, tones.eye)
    if pen.unit_px * at.size >= FINE_PX:
        pen.shade(disc(x + 0.004, 0.105, 0.022, 0.062), shape, mix(iris, (6, 4, 20), 0.7))
        pen.shade(disc(x, 0.190, 0.030, 0.030), shape, mix(tones.eye, (255, 255, 255), 0.5))
    pen.shade(disc(x + 0.012, 0.045, 0.020, 0.036), shape, (255, 255, 255))
    lash = spline([(0.148, 0.075), (0.165, 0.005), (0.215, top - 0.012), (0.30, top + 0.01), (0.335, 0.04)], 6)
    pen.line(at(lash), tones.ink, 3.0, (0.3, 0.5))
    pen.line(at([(0.150, 0.070), (0.115, 0.05)]), tones.ink, 1.4, (0.9, 0.1))
    pen.line(at(spline([(0.19, 0.22), (0.235, 0.242), (0.29, 0.22)], 4)), tones.skin_ink, 1.0, (0.2, 0.6))


def _mouth(pen: Pen, at: HeadSpace, tones: Tones, face: Face, gape: float) -> None:
    if gape:
        deep = 0.045 + 0.085 * gape
        inside = spline(
            [(0.372, 0.312), (0.30, 0.300), (0.245, 0.33), (0.285, 0.34 + deep), (0.352, 0.335 + deep)], 4, True
        )
        pen.fill(at(inside), (146, 48, 58))
        pen.line(at(np.vstack([inside, inside[:1]])), tones.ink, 1.0, (1, 1))
        return
    bow = {"smile": -0.03, "frown": 0.028, "grit": 0.0}.get(face.mouth, -0.006)
    line = spline([(0.356, 0.324), (0.31, 0.330), (0.262, 0.328 + bow)], 5)
    pen.line(at(line), tones.ink, 1.9 if face.mouth == "grit" else 1.2, (0.7, 0.3))


def _hair(pen: Pen, at: HeadSpace, character: Character, tones: Tones) -> None:
    """The cap of hair with bangs over the forehead and a lock before the ear; long hair hangs behind already."""
    base, shadow = tones.hair
    sway = 0.05 * at.sway
    nape = {"long": 0.52, "bob": 0.50, "short": 0.36, "spiky": 0.30, "ponytail": 0.22, "twin_tails": 0.24}[
        character.hair
    ]
    crown = spline([(0.36, -0.16), (0.30, -0.42), (0.08, -0.60), (-0.26, -0.57), (-0.50, -0.34), (-0.55, -0.02)], 7)
    if character.hair == "spiky":
        crown = _spikes(sway)
    back = [(-0.52, 0.2), (-0.44 + sway, nape), (-0.33, nape - 0.07), (-0.25 + sway, nape + 0.01), (-0.17, nape - 0.09)]
    front = [(-0.12, 0.16), (-0.13, -0.06), (-0.03, -0.13), (0.02, 0.02)]
    lock = [(0.055 + sway, 0.30), (0.085, 0.05), (0.12, -0.12), (0.19, 0.02)]
    bangs = [(0.25, -0.12), (0.305, 0.055), (0.33, -0.10), (0.385, 0.0), (0.375, -0.10)]
    if character.bangs in ("parted", "swept"):
        bangs = [(0.24, -0.18), (0.27, -0.02), (0.31, -0.20), (0.372, -0.07), (0.365, -0.15)]
    outline = np.concatenate([crown, back, front, lock, bangs])
    shape = at(outline)
    pen.fill(shape, base)
    pen.shade(at([(-0.7, 0.9), (-0.7, -0.1), (-0.42, -0.12), (-0.30, 0.12), (-0.16, 0.2), (-0.1, 0.9)]), shape, shadow)
    pen.shade(at([(0.0, 0.4), (0.0, 0.0), (0.05, 0.02), (0.06, 0.4)]), shape, shadow)
    u = np.linspace(0, 1, 15)
    ring = np.stack([0.27 - 0.66 * u, -0.30 - 0.10 * np.sin(np.pi * u) + 0.12 * u], 1)
    zig = np.where(np.arange(15) % 2 == 0, 0.035, -0.02)[:, None] * [0, 1]
    pen.shade(at(np.concatenate([ring - [0, 0.03], (ring + zig + [0, 0.035])[::-1]])), shape, tones.hair_light)
    pen.line(at(crown), tones.hair_ink, 1.4, (0.6, 0.6))
    edge = np.array([crown[-1], *back, *front, *lock, *bangs])
    for i in range(len(edge) - 1):
        pen.line(at(np.linspace(edge[i], edge[i + 1], 4)), tones.hair_ink, 1.1, (0.7, 0.7))
    for root, tip in (((0.05, -0.5), (0.12, -0.14)), ((0.20, -0.44), (0.28, -0.16)), ((-0.2, -0.5), (-0.30, 0.1))):
        pen.line(at(spline([root, (np.add(root, tip) / 2 + [0.02, 0]), tip], 5)), tones.hair_ink, 0.8, (0.05, 0.8))
    if character.extra == "headband":
        strip = spline([(0.34, -0.20), (0.05, -0.27), (-0.30, -0.20), (-0.53, -0.08)], 6)
        pen.band(at(strip), np.full(len(strip), 0.036 * at.size), tones.accent[0])
    if character.extra in ("ribbon", "hairpin"):
        bow = np.array([(0.10, -0.42), (0.24, -0.52), (0.25, -0.34)])
        pen.fill(at(bow), tones.accent[0])
        pen.line(at(np.vstack([bow, bow[:1]])), tones.ink, 0.9, (1, 1))


def _spikes(sway: float) -> np.ndarray:
    """A crown of pointed locks from the forehead over to the nape (N, 2)."""
    angles = np.radians(np.linspace(-8, 200, 9))
    points = []
    for i, a in enumerate(angles):
        inner = np.array([0.36 * np.cos(a) - 0.08, -0.12 - 0.42 * np.sin(a)])
        points.append(inner)
        if i < len(angles) - 1:
            reach = 0.76 if i % 2 else 0.68
            middle = a + np.radians(16)
            tip = np.array([reach * np.cos(middle) - 0.16 + sway, -0.14 - 0.92 * reach * np.sin(middle)])
            points += [inner * 0.4 + tip * 0.6 + [0.0, -0.02], tip]
    return np.array(points)
