"""Every performance by name: a phase becomes one pose. Further acting beside the everyday kind of poses.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from anicaption.drawn import poses
from anicaption.drawn.poses import Pose, between, face_of, smooth


def pose(performance: str, phase: float, yaw: float, emotion: str) -> Pose:
    """The drawing of `performance` at `phase`: of its cycle for cyclic acting (mod 1), of its course (0..1) else."""
    if performance not in PERFORMANCES:
        raise ValueError(f"drawn.acts: cannot act {performance!r}; can {', '.join(PERFORMANCES)}")
    return PERFORMANCES[performance](phase, Pose(yaw=yaw, face=face_of(emotion)))


def _dash(phase: float, base: Pose) -> Pose:
    """A sprint bent far forward, arms thrown back."""
    a = 2 * np.pi * phase
    return replace(
        poses.step_cycle(base, a, 62, 110), near_arm=(-72 + 6 * np.sin(a), -58), far_arm=(-62 - 6 * np.sin(a), -50),
        lean=38, head_tilt=-16, lift=0.16 * abs(np.cos(a)), planted=0.3, sway=-1.6 + 0.3 * np.sin(2 * a), flutter=a,
        near_hand="open", far_hand="open",
    )  # fmt: skip


def _dance(phase: float, base: Pose) -> Pose:
    """Two beats: arms up to one side and then the other, hips against them, a hop on each beat."""
    a = 2 * np.pi * phase
    side, beat = np.sin(a), abs(np.cos(a))
    return replace(
        base, near_arm=(-96 - 62 * max(0.0, -side), -136 - 34 * max(0.0, -side)),
        far_arm=(96 + 62 * max(0.0, side), 136 + 34 * max(0.0, side)),
        near_leg=(-16 + 22 * side, -6 - 24 * max(0.0, side)), far_leg=(16 + 22 * side, 6 + 24 * max(0.0, -side)),
        lean=11 * side, head_tilt=-9 * side, dx=0.28 * side, lift=0.22 * (1 - beat), sway=-0.8 * np.cos(a),
        flutter=a, near_hand="open", far_hand="open", face=replace(base.face, smiling_eyes=base.face.mouth == "open"),
    )  # fmt: skip


def _fly(phase: float, base: Pose) -> Pose:
    """Flying forward, one fist ahead, legs trailing, hair and cloth in the wind."""
    a = 2 * np.pi * phase
    return replace(
        base, near_arm=(126 + 3 * np.sin(a), 120), far_arm=(-30, -18), near_leg=(-66, -74 + 5 * np.sin(a)),
        far_leg=(-50, -84 - 5 * np.sin(a)), lean=52, head_tilt=-36, lift=1.1 + 0.12 * np.sin(a), planted=0.0,
        sway=-1.9 + 0.25 * np.sin(2 * a), flutter=a, near_hand="fist",
    )  # fmt: skip


def _slash(t: float, base: Pose) -> Pose:
    """A blade drawn back over the shoulder, the cut between 0.42 and 0.50, and the follow-through."""
    ready = replace(base, near_arm=(40, 78), far_arm=(34, 84), near_leg=(-20, -26), far_leg=(24, 6), blade=120.0)
    wind = replace(
        base, near_arm=(196, 224), far_arm=(150, 214), near_leg=(-30, -40), far_leg=(32, 4), lean=-14, sway=0.4,
        blade=238.0,
    )  # fmt: skip
    cut = replace(
        base, near_arm=(62, 50), far_arm=(52, 40), near_leg=(-52, -56), far_leg=(56, 10), lean=26, sway=-1.4, dx=0.6,
        blade=58.0, face=replace(base.face, mouth="shout", mouth_open=1.0, brow=1.0),
    )  # fmt: skip
    through = replace(cut, near_arm=(-8, -26), far_arm=(4, -14), lean=32, blade=-34.0, sway=-0.6)
    hands = {"near_hand": "fist", "far_hand": "fist"}
    if t < 0.30:
        return replace(between(ready, wind, smooth(t / 0.30)), **hands)
    if t < 0.42:
        return replace(between(wind, replace(wind, lean=-18, blade=246.0), (t - 0.30) / 0.12), **hands)
    if t < 0.50:
        return replace(cut, **hands)
    if t < 0.60:
        return replace(between(cut, through, smooth((t - 0.50) / 0.10)), **hands)
    return replace(between(through, replace(through, lean=24, dx=0.5, sway=0.2), smooth((t - 0.60) / 0.40)), **hands)


def _raise(t: float, base: Pose) -> Pose:
    """An arm goes from the side up to point ahead, and the body with it: two keys and the way between them."""
    down = replace(base, near_arm=(-10, -4), far_arm=(10, 4), near_leg=(-4, -2), far_leg=(4, 2), sway=0.2)
    up = replace(
        base, near_arm=(-24, 12), far_arm=(104, 96), near_leg=(-16, -20), far_leg=(18, 6), lean=9, sway=-0.5,
        head_tilt=-4, dx=0.2, far_hand="fist",
    )  # fmt: skip
    return between(down, up, t)


def _bow(t: float, base: Pose) -> Pose:
    """Standing straight to bent forward."""
    straight = replace(base, near_arm=(-6, -2), far_arm=(6, 2), near_leg=(-3, -1), far_leg=(3, 1))
    bent = replace(
        straight, near_arm=(26, 30), far_arm=(34, 38), lean=46, head_tilt=16, sway=0.5, near_leg=(-7, -7),
        far_leg=(-4, -6), dx=-0.15,
    )  # fmt: skip
    return between(straight, bent, t)


PERFORMANCES = poses.PERFORMANCES | {
    "dash": _dash, "dance": _dance, "fly": _fly, "slash": _slash, "raise": _raise, "bow": _bow,
}  # fmt: skip
