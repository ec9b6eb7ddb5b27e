"""How much the figures of a drawn shot move, from geometry: the truth behind motion.intensity.

A figure is ten joints (head, chest, elbows, hands, knees, feet) of the standard skeleton. From one exposed drawing to
the next each joint is displaced by what it did on the cel, by the cel's travel, slide and swing, and magnified by the
zoom; a frame's `motion_pct` is the second largest displacement, % of the frame height, of the fastest figure. The
camera's own movement is no part of it. It is NaN where only parts move, where a deformation redraws the whole figure,
or where the camera follows, since what then counts as the figure's motion is a matter of opinion.
"""

from __future__ import annotations

import numpy as np

from anicaption.drawn import acts, sheet
from anicaption.drawn.camera import Path
from anicaption.drawn.framing import HEAD_HEIGHT, head_y, yaw_of
from anicaption.drawn.model import STANDARD
from anicaption.drawn.script import Acting, Shot
from anicaption.drawn.sheet import Drawing, Sheet
from anicaption.measure.intensity import BUSY_S, LEVELS

FILM_FPS = 24
_CLEAR = 1.25  # a shot nearer to a limit between two levels than this factor could be called either
_REDRAWN = frozenset({"chibi_shift", "gag_face", "morph", "line_breakup", "smear_abstract"})


def motion_pct(shot: Shot, path: Path) -> np.ndarray:
    """Per filmed frame (n_filmed,), float32; see above. NaN throughout without a figure."""
    unknown = np.full(shot.n_filmed, np.nan, np.float32)
    sheets = sheet.sheets_of(shot)
    if not sheets or {"follow", "follow_pan", "dolly_zoom"} & set(shot.camera.moves):
        return unknown
    for one in sheets:
        redrawn = any(kind in _REDRAWN for kind, _, _ in one.acting.deformations)
        if redrawn or (sheet.parts_of(one.acting) and one.moving):
            return unknown
    zoom = np.exp(path.smooth_T4[:, 2])
    moved = np.max([_moved(one, zoom) for one in sheets], axis=0)
    return (100 * moved).astype(np.float32)


def intensity(motion: np.ndarray, still_pct: float = 1e-3) -> str | None:
    """The value of motion.intensity for a shot's motion_pct; None where it is unknown or between two values.

    A shot is as intense as its busiest half second.
    """
    steps = motion[1:].astype(float)
    if len(steps) == 0 or np.isnan(steps).any():
        return None
    width = max(1, min(len(steps), round(FILM_FPS * BUSY_S)))
    busiest = float(np.quantile(np.convolve(steps, np.ones(width) / width, mode="valid"), 0.9))
    if busiest < still_pct:
        return "static"
    if any(limit / _CLEAR < busiest < limit * _CLEAR for _, limit in LEVELS[:-1]):
        return None
    return next(name for name, limit in LEVELS if busiest < limit)


def _moved(one: Sheet, zoom: np.ndarray) -> np.ndarray:
    """The second largest displacement of a joint from frame to frame, frame heights (n_filmed,)."""
    known: dict[Drawing, np.ndarray] = {}
    places = []
    for frame, drawing in enumerate(one.drawings):
        if drawing not in known:
            known[drawing] = joints(one.acting, drawing)
        x, y, turn_deg = one.shift(frame)
        turn = np.radians(turn_deg)
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        pivot = np.array([one.acting.at_x, head_y(one.acting) + 2 * HEAD_HEIGHT[one.acting.size]])
        places.append((known[drawing] - pivot) @ matrix.T + pivot + [x + one.travel[frame], y])
    steps = np.hypot(*np.moveaxis(np.diff(np.array(places), axis=0), -1, 0))
    return np.concatenate([[0.0], np.sort(steps, axis=1)[:, -2] * zoom[1:]])


def joints(acting: Acting, drawing: Drawing) -> np.ndarray:
    """Where the ten joints of a drawing lie on the artwork (10, 2), at zero travel."""
    pose = acts.pose(acting.performance, drawing.phase, yaw_of(acting), acting.emotion)
    p = STANDARD

    def way(angle_deg: float) -> np.ndarray:
        return np.array([np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg))])

    thigh = p.leg / 2
    legs = [np.cumsum([thigh * way(leg[0]), thigh * way(leg[1])], axis=0) for leg in (pose.near_leg, pose.far_leg)]
    arms = [
        np.cumsum([0.52 * p.arm * way(a[0]), (0.5 * p.arm + 0.2) * way(a[1])], axis=0)
        for a in (pose.near_arm, pose.far_arm)
    ]
    drop = max(legs[0][1][1], legs[1][1][1])
    drop = pose.planted * drop + (1 - pose.planted) * 0.88 * p.leg
    pelvis = np.array([pose.dx, -drop - 0.1 - pose.lift])
    up = -way(-pose.lean)
    chest = pelvis + up * p.torso
    head = chest + up * (p.neck + 0.44 * p.head_size)
    points = np.array(
        [head, chest, *(chest + x for arm in arms for x in arm), *(pelvis + x for leg in legs for x in leg)]
    )
    kinds = [kind for kind, _, _ in drawing.deformed]
    stretch = np.array(pose.stretch)
    stretch = stretch * ([1.3, 0.77] if "squash" in kinds else [0.82, 1.2] if "stretch" in kinds else [1.0, 1.0])
    unit = HEAD_HEIGHT[acting.size] * np.array([-1.0 if acting.mirrored else 1.0, 1.0])
    feet = head_y(acting) + (p.leg + 0.1 + p.torso + p.neck + 0.44 * p.head_size) * HEAD_HEIGHT[acting.size]
    return points * stretch * unit + [acting.at_x, feet]
