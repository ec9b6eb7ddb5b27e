"""The head, put together: face, features, front hair."""

from __future__ import annotations

import numpy as np

from anicaption.drawn.face import draw_brow, draw_eye, draw_mouth, face_contour
from anicaption.drawn.gag import draw_gag_features
from anicaption.drawn.hair import bangs_edge, draw_front_hair
from anicaption.drawn.ink import Pen, spline
from anicaption.drawn.model import HeadSpace, Tones
from anicaption.drawn.poses import Face
from anicaption.drawn.profile import PROFILE_YAW, draw_profile
from anicaption.drawn.script import Character


def draw_head(pen: Pen, at: HeadSpace, character: Character, tones: Tones, yaw: float, face: Face) -> None:
    """Face, features and front hair."""
    if yaw >= PROFILE_YAW:
        draw_profile(pen, at, character, tones, face)
        return
    skin, skin_shadow = tones.skin
    contour = face_contour(yaw)
    if character.hair in ("short", "spiky", "ponytail", "twin_tails"):
        ear = spline([(-0.37, -0.04), (-0.46, -0.06), (-0.47, 0.08), (-0.41, 0.19), (-0.35, 0.16)], 4)
        inner = spline([(-0.43, -0.01), (-0.39, 0.02), (-0.42, 0.09)], 4)
        ear, inner = np.add(ear, (0.05 * yaw, 0)), np.add(inner, (0.05 * yaw, 0))
        pen.fill(at(ear), skin)
        pen.line(at(ear), tones.ink, 1.0)
        pen.line(at(inner), tones.skin_ink, 0.8)
    shape = at(contour)
    pen.fill(shape, skin)
    side = at(
        np.concatenate(
            [
                contour[len(contour) // 2 :],
                [[-0.26 + 0.16 * yaw, -0.3], [-0.30 + 0.12 * yaw, 0.12], [-0.10 + 0.16 * yaw, 0.40]],
            ]
        )
    )
    pen.shade(side, shape, skin_shadow)
    bottom = bangs_edge(character, yaw, at)
    cast = np.concatenate([np.add(bottom, (0.015, 0.055)), [[-0.5, -0.5], [0.5, -0.5]]])
    pen.shade(at(cast), shape, skin_shadow)
    pen.line(np.vstack([shape, shape[:1]]), tones.ink, 1.3, (1, 1))
    pen.features = True
    if face.blush:
        for side_ in (-1, 1):
            centre = at([[side_ * 0.25 + 0.13 * yaw, 0.235]])[0]
            pen.dot(centre, (0.085 * at.size, 0.042 * at.size), (244, 120, 120), shape, 0.45 * face.blush)
            for k in (-1, 0, 1):
                tick = at(
                    [
                        [side_ * 0.25 + 0.13 * yaw + 0.035 * k + 0.012, 0.215],
                        [side_ * 0.25 + 0.13 * yaw + 0.035 * k - 0.012, 0.255],
                    ]
                )
                pen.line(tick, (226, 96, 96), 0.7)
    for side_ in (-1, 1) if not face.gag else ():
        draw_eye(pen, at, tones, side_, yaw, face)
    nose = np.array(
        [(0.165 * yaw + 0.012 * np.sign(yaw + 1e-6), 0.225), (0.185 * yaw + 0.02, 0.262), (0.165 * yaw, 0.270)]
    )
    pen.line(at(nose), tones.skin_ink, 0.8, (0.2, 0.6))
    if not face.gag:
        draw_mouth(pen, at, tones, yaw, face)
    pen.features = False
    draw_front_hair(pen, at, character, tones, yaw, bottom)
    pen.features = True
    if face.gag:
        draw_gag_features(pen, at, tones, yaw, face.gag)
        pen.features = False
        return
    for side_ in (-1, 1):
        draw_brow(pen, at, tones, side_, yaw, face)
    if character.extra == "glasses":
        for side_ in (-1, 1):
            cx = side_ * 0.195 + 0.135 * yaw
            rim = np.array([(cx + 0.145 * np.cos(a), 0.11 + 0.125 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 22)])
            pen.line(at(rim), tones.accent[1], 1.3, (1, 1))
        pen.line(at([(-0.05 + 0.135 * yaw, 0.09), (0.05 + 0.135 * yaw, 0.09)]), tones.accent[1], 1.3, (1, 1))
    pen.features = False
