"""How much the figures of a drawn shot move, from geometry: the truth behind motion.intensity.

A figure is points on the parts of the standard skeleton, each with the area of cel that goes with it. From one exposed
drawing to the next a point is displaced by what it did on the cel, by the cel's travel, slide and swing, and magnified
by the zoom; a frame's `motion_pct` is the displacement, % of the frame height, that 95 % of the figure's area in the
frame does not exceed, of the fastest figure. The camera's own movement is no part of it. It is NaN where only parts
move, where a deformation redraws the whole figure, or where the camera follows, since what then counts as the figure's
motion is a matter of opinion.
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
    moved = np.max([_moved(shot, path, one) for one in sheets], axis=0)
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


def _moved(shot: Shot, path: Path, one: Sheet) -> np.ndarray:
    """The displacement from frame to frame that _SHARE of the figure's area in the frame keeps within (n_filmed,)."""
    known: dict[Drawing, np.ndarray] = {}
    before, moved = np.zeros((0, 2)), []
    for frame, drawing in enumerate(one.drawings):
        if drawing not in known:
            known[drawing] = joints(one.acting, drawing)
        x, y, turn_deg = one.shift(frame)
        turn = np.radians(turn_deg)
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        pivot = np.array([one.acting.at_x, head_y(one.acting) + 2 * HEAD_HEIGHT[one.acting.size]])
        places = (known[drawing] - pivot) @ matrix.T + pivot + [x + one.travel[frame], y]
        lens = path.affine(frame, 1.0, 1.0)
        shown = places @ lens[:, :2].T + lens[:, 2]
        inside = ((shown > 0) & (shown < [path.aspect, 1.0])).all(1)
        if frame == 0 or not inside.any():
            moved.append(0.0)
        else:
            steps = np.hypot(*(places - before).T)[inside] * np.exp(path.smooth_T4[frame, 2])
            order = np.argsort(steps)
            share = np.cumsum(AREAS[inside][order]) / AREAS[inside].sum()
            moved.append(float(steps[order][np.searchsorted(share, _SHARE)]))
        before = places
    return np.array(moved)


def joints(acting: Acting, drawing: Drawing) -> np.ndarray:
    """Where the points of a drawing (their AREAS) lie on the artwork (N, 2), at zero travel."""
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
    points = [*(head + 0.3 * np.array(at) for at in ((-1, 0), (1, 0), (0, -1), (0, 1)))]
    points += [pelvis + up * p.torso * share for share in (0.1, 0.4, 0.7, 1.0)]
    for root, limbs in ((chest, arms), (pelvis, legs)):
        for elbow, hand in limbs:
            points += [root + elbow * share for share in (0.25, 0.75)]
            points += [root + elbow + (hand - elbow) * share for share in (0.25, 0.75, 1.0)]
    kinds = [kind for kind, _, _ in drawing.deformed]
    stretch = np.array(pose.stretch)
    stretch = stretch * ([1.3, 0.77] if "squash" in kinds else [0.82, 1.2] if "stretch" in kinds else [1.0, 1.0])
    unit = HEAD_HEIGHT[acting.size] * np.array([-1.0 if acting.mirrored else 1.0, 1.0])
    feet = head_y(acting) + (p.leg + 0.1 + p.torso + p.neck + 0.44 * p.head_size) * HEAD_HEIGHT[acting.size]
    return np.array(points) * stretch * unit + [acting.at_x, feet]


# Square head heights of cel around each point of `joints`: head, torso, two arms, two legs.
_ARM, _LEG = [0.085, 0.085, 0.075, 0.075, 0.10], [0.34, 0.32, 0.24, 0.21, 0.10]
AREAS = np.array([0.28] * 4 + [0.34] * 4 + _ARM * 2 + _LEG * 2)
_SHARE = 0.95
