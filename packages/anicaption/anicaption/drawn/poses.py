"""Acting: a performance and a phase become one pose. Angles are in the picture plane, for a figure facing right.

0 degrees hangs down, 90 points to screen right (forward), 180 up. A limb is (upper, lower).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

Limb = tuple[float, float]


@dataclass(frozen=True)
class Face:
    """`eyes` is openness 0..1.2; `mouth` is line, smile, open, shout, small_o, frown, grit; `brow` tilts (+ angry)."""

    eyes: float = 1.0
    mouth: str = "line"
    mouth_open: float = 0.0
    brow: float = 0.0
    brow_lift: float = 0.0
    blush: float = 0.0
    smiling_eyes: bool = False
    gaze: float = 0.0
    gag: float = 0.0


@dataclass(frozen=True)
class Pose:
    """One drawing. Lengths in head heights; `lift` raises the feet off the ground; `stretch` is (x, y) scale.

    `planted` 1 puts the lower foot on the ground, so that bending legs lower the hips; 0 keeps the hips' height.
    """

    near_arm: Limb = (8.0, 12.0)
    far_arm: Limb = (-8.0, -12.0)
    near_leg: Limb = (2.0, 0.0)
    far_leg: Limb = (-2.0, 0.0)
    lean: float = 0.0
    head_tilt: float = 0.0
    yaw: float = 0.4
    lift: float = 0.0
    planted: float = 1.0
    dx: float = 0.0
    sway: float = 0.0
    flutter: float = 0.0
    cloth: tuple[float, float] | None = None  # sway and flutter of cloth where they are not the hair's
    stretch: tuple[float, float] = (1.0, 1.0)
    smear: float = 0.0
    smear_arc: tuple[float, float] = (-70.0, 88.0)
    copies: float = 0.0  # how many further arms and legs a smear shows at once
    whirl: float = 0.0  # drawn as a sweep of colours and nothing else
    swell: float = 0.0  # how much larger the near fist is drawn, coming at the lens
    rubber: tuple[float, float] = (0.0, 0.0)  # how far limbs bend like hoses, and where their wave is
    near_hand: str = "relaxed"  # relaxed, fist, open
    far_hand: str = "relaxed"
    blade: float | None = None  # angle of a sword in the near hand
    back_view: bool = False
    face: Face = Face()


_FACES = {
    "none": Face(),
    "calm": Face(mouth="line"),
    "joy": Face(mouth="open", mouth_open=0.7, blush=0.8, brow_lift=0.02),
    "anger": Face(mouth="grit", brow=0.9, eyes=0.85),
    "determination": Face(mouth="line", brow=0.6, eyes=0.9),
    "sadness": Face(mouth="frown", brow=-0.7, eyes=0.75),
    "surprise": Face(mouth="small_o", mouth_open=0.8, eyes=1.2, brow_lift=0.05),
    "embarrassment": Face(mouth="frown", brow=-0.5, blush=1.0, gaze=0.5),
    "smug": Face(mouth="smile", brow=0.35, eyes=0.7),
    "fear": Face(mouth="small_o", mouth_open=0.5, eyes=1.15, brow=-1.0, brow_lift=0.03, gaze=-0.3),
    "disgust": Face(mouth="frown", brow=0.55, eyes=0.5, gaze=-0.6),
    "pain": Face(mouth="grit", brow=-0.6, eyes=0.05),
}
EMOTIONS = tuple(_FACES)


def face_of(emotion: str) -> Face:
    if emotion not in _FACES:
        raise ValueError(f"drawn.poses: no face for {emotion!r}; there are {', '.join(_FACES)}")
    return _FACES[emotion]


def _walk(phase: float, base: Pose) -> Pose:
    a = 2 * np.pi * phase
    swing = np.sin(a)
    return replace(
        base,
        near_leg=_step(a, 27, 42),
        far_leg=_step(a + np.pi, 27, 42),
        near_arm=(-28 * swing, -28 * swing + 16),
        far_arm=(28 * swing, 28 * swing + 16),
        lean=3,
        sway=0.25 * np.sin(2 * a),
        flutter=a,
        head_tilt=1.5 * np.sin(2 * a),
        yaw=max(base.yaw, 0.55),
    )


def _run(phase: float, base: Pose) -> Pose:
    a = 2 * np.pi * phase
    swing = np.sin(a)
    return replace(
        base,
        near_leg=_step(a, 52, 95),
        far_leg=_step(a + np.pi, 52, 95),
        near_arm=(-58 * swing + 4, -58 * swing + 88),
        far_arm=(58 * swing + 4, 58 * swing + 88),
        near_hand="fist",
        far_hand="fist",
        lean=17,
        lift=0.10 * abs(np.cos(a)),
        planted=0.4,
        sway=-1.0 + 0.3 * np.sin(2 * a),
        flutter=a,
        yaw=max(base.yaw, 0.65),
    )


def step_cycle(base: Pose, a: float, reach: float, bend: float) -> Pose:
    """Both legs of a cycle at angle `a`."""
    return replace(base, near_leg=_step(a, reach, bend), far_leg=_step(a + np.pi, reach, bend))


def _step(a: float, reach: float, bend: float) -> Limb:
    """One leg of a cycle: forward at sin 1, the knee folds while it swings forward."""
    hip = reach * np.sin(a) + reach * 0.12
    knee = bend * max(0.0, np.cos(a)) ** 1.3 + 6
    return hip, hip - knee


def _wave(phase: float, base: Pose) -> Pose:
    a = 2 * np.pi * phase
    wag = np.sin(a)
    return replace(
        base,
        far_arm=(142, 168 + 24 * wag),
        far_hand="open",
        near_arm=(-14, -4),
        near_leg=(-5, -3),
        far_leg=(5, 3),
        lean=-2 + wag,
        head_tilt=6 + 2 * wag,
        sway=0.15 * wag,
        flutter=a,
        face=replace(base.face, smiling_eyes=base.face.mouth == "open"),
    )


def _punch(t: float, base: Pose) -> Pose:
    """Anticipation, hold, strike at 0.45, recoil and settle."""
    wind = replace(
        base,
        near_arm=(-62, 42),
        far_arm=(38, 122),
        near_leg=(-26, -44),
        far_leg=(30, 6),
        lean=-13,
        near_hand="fist",
        far_hand="fist",
        yaw=0.3,
        sway=0.3,
    )
    hit = replace(
        base,
        near_arm=(88, 92),
        far_arm=(-52, 34),
        near_leg=(-46, -52),
        far_leg=(46, 8),
        lean=24,
        near_hand="fist",
        far_hand="fist",
        yaw=0.7,
        sway=-1.2,
        dx=0.55,
        face=replace(base.face, mouth="shout", mouth_open=1.0, brow=1.0),
    )
    ready = replace(
        base,
        near_arm=(34, 118),
        far_arm=(48, 128),
        near_leg=(-16, -26),
        far_leg=(22, 6),
        lean=4,
        near_hand="fist",
        far_hand="fist",
    )
    if t < 0.25:
        return between(ready, wind, smooth(t / 0.25))
    if t < 0.43:
        return between(wind, replace(wind, lean=-16, near_arm=(-66, 40)), (t - 0.25) / 0.18)
    if t < 0.49:
        return replace(hit, smear=1.0)
    if t < 0.62:
        return hit
    return between(hit, replace(hit, lean=18, near_arm=(80, 86), dx=0.48, sway=0.2), smooth((t - 0.62) / 0.38))


def _jump(t: float, base: Pose) -> Pose:
    """Crouch (squash), leap (stretch), fall (stretch), landing (squash), settle."""
    crouch = replace(
        base,
        near_leg=(38, -42),
        far_leg=(46, -34),
        near_arm=(-52, -30),
        far_arm=(-40, -20),
        lean=20,
        stretch=(1.18, 0.80),
    )
    leap = replace(
        base,
        near_leg=(-16, -30),
        far_leg=(6, -10),
        near_arm=(150, 165),
        far_arm=(165, 175),
        lean=2,
        stretch=(0.86, 1.18),
        sway=-0.6,
    )
    peak = replace(
        base, near_leg=(58, -30), far_leg=(28, -54), near_arm=(112, 140), far_arm=(128, 150), lean=4, sway=0.2
    )
    land = replace(crouch, stretch=(1.22, 0.76), near_arm=(-20, 12), far_arm=(-34, 0))
    if t < 0.24:
        return between(base, crouch, smooth(min(1, t / 0.18)))
    if t < 0.70:
        u = (t - 0.24) / 0.46
        shape = (
            between(leap, peak, smooth(u / 0.5))
            if u < 0.5
            else between(peak, replace(leap, near_arm=(120, 150)), smooth((u - 0.5) / 0.5))
        )
        return replace(shape, lift=4.2 * u * (1 - u), sway=-0.9 if u < 0.5 else 0.9)
    if t < 0.80:
        return land
    return between(land, base, smooth((t - 0.80) / 0.2))


def _idle(phase: float, base: Pose) -> Pose:
    a = 2 * np.pi * phase
    breath = np.sin(a)
    return replace(
        base,
        near_arm=(-9 + breath, -3),
        far_arm=(9 - breath, 3),
        near_leg=(-3, -1),
        far_leg=(3, 1),
        lean=0.8 * breath,
        head_tilt=-1.5 + 1.2 * breath,
        sway=0.35 * np.sin(a + 1),
        flutter=a,
        face=_blinked(base.face, phase),
    )


def _talk(phase: float, base: Pose) -> Pose:
    """The body holds; the mouth flaps open, half, shut; now and then a blink."""
    opening = (0.0, 0.9, 0.45, 0.8, 0.2, 0.6)[int(phase * 6 + 1e-3) % 6]
    face = base.face if opening == 0 else replace(base.face, mouth="open", mouth_open=opening)
    return replace(base, near_arm=(-9, -4), far_arm=(9, 4), face=_blinked(face, phase / 3))


def _pose(_: float, base: Pose) -> Pose:
    """A hero's stance, held."""
    return replace(
        base,
        near_arm=(-36, 30),
        far_arm=(64, 150),
        near_leg=(-22, -18),
        far_leg=(24, 14),
        lean=-4,
        near_hand="fist",
        far_hand="fist",
        sway=-0.9,
        head_tilt=-3,
    )


def _back(phase: float, base: Pose) -> Pose:
    a = 2 * np.pi * phase
    return replace(
        base, back_view=True, yaw=0.0, near_arm=(-7, -4), far_arm=(7, 4), sway=0.8 + 0.5 * np.sin(a), flutter=a
    )


def _blinked(face: Face, phase: float) -> Face:
    place = phase % 1.0
    return replace(face, eyes=0.05 if 0.80 < place < 0.88 else 0.5 if 0.74 < place < 0.92 else face.eyes)


def between(a: Pose, b: Pose, share: float) -> Pose:
    """The in-between `share` of the way from a to b; what cannot be mixed is a's until half way."""
    share = float(np.clip(share, 0, 1))
    nearer = a if share < 0.5 else b
    mixed = {}
    for name in ("near_arm", "far_arm", "near_leg", "far_leg", "stretch"):
        mixed[name] = tuple(x + (y - x) * share for x, y in zip(getattr(a, name), getattr(b, name)))
    for name in ("lean", "head_tilt", "yaw", "lift", "planted", "dx", "sway", "flutter"):
        mixed[name] = getattr(a, name) + (getattr(b, name) - getattr(a, name)) * share
    if a.blade is not None and b.blade is not None:
        mixed["blade"] = a.blade + (b.blade - a.blade) * share
    return replace(nearer, **mixed, smear=0.0)


def smooth(u: float) -> float:
    """Slow at both ends."""
    u = float(np.clip(u, 0, 1))
    return u * u * (3 - 2 * u)


PERFORMANCES = {
    "walk": _walk,
    "run": _run,
    "wave": _wave,
    "punch": _punch,
    "jump": _jump,
    "idle": _idle,
    "talk": _talk,
    "pose": _pose,
    "back": _back,
}
