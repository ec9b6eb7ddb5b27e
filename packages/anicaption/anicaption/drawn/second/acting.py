"""Acting of the second hand: a performance and how far it is become one pose of a puppet that faces screen right.

Angles: 0 hangs down, 90 points forward, 180 up. A limb is (upper, lower), both against the vertical. The beats of
performances with a course (where the blow lands, when the feet leave the ground) are the script's,
shared by both hands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anicaption.drawn.second.masks import Mask, mask_of

Limb = tuple[float, float]
_PLAIN = Mask()


@dataclass(frozen=True)
class Stance:
    """One drawing of a puppet; lengths in head heights, `air` lifts the feet, `wind` sweeps hair and cloth."""

    near_arm: Limb = (6.0, 14.0)
    far_arm: Limb = (-4.0, 6.0)
    near_leg: Limb = (4.0, 1.0)
    far_leg: Limb = (-5.0, -3.0)
    bend: float = 0.0
    nod: float = 0.0
    turn: float = 0.4
    air: float = 0.0
    forward: float = 0.0
    wind: float = 0.0
    wave: float = 0.0
    cloth: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    streak: float = 0.0
    fists: bool = False
    palm: bool = False
    from_behind: bool = False
    blade: bool = False
    mask: Mask = _PLAIN


def stance(performance: str, phase: float, turn: float, emotion: str) -> Stance:
    """The pose of `performance` at `phase` of its cycle (mod 1) or of its course (0..1)."""
    if performance not in PERFORMANCES:
        raise ValueError(f"drawn.second.acting: cannot act {performance!r}; can {', '.join(PERFORMANCES)}")
    return PERFORMANCES[performance](phase, Stance(turn=turn, mask=mask_of(emotion)))


def _stride(angle: float, reach: float, fold: float) -> Limb:
    thigh = reach * np.cos(angle) + 4
    return thigh, thigh - 4 - fold * max(0.0, -np.sin(angle)) ** 1.2


def _walk(phase: float, base: Stance) -> Stance:
    a = 2 * np.pi * phase
    c = np.cos(a)
    return replace(
        base,
        near_leg=_stride(a, 32, 48),
        far_leg=_stride(a + np.pi, 32, 48),
        near_arm=(-34 * c, -34 * c + 22),
        far_arm=(34 * c, 34 * c + 22),
        bend=5,
        nod=2 * np.sin(2 * a),
        wind=-0.3,
        wave=a,
        cloth=0.25 * np.sin(2 * a),
        turn=max(0.6, base.turn),
    )


def _run(phase: float, base: Stance) -> Stance:
    a = 2 * np.pi * phase
    c = np.cos(a)
    return replace(
        base,
        near_leg=_stride(a, 58, 100),
        far_leg=_stride(a + np.pi, 58, 100),
        near_arm=(-62 * c, -62 * c + 96),
        far_arm=(62 * c, 62 * c + 96),
        fists=True,
        bend=20,
        air=0.16 * abs(np.sin(a)),
        nod=-8,
        wind=-1.1 + 0.2 * c,
        wave=a,
        cloth=-0.7,
        turn=max(0.7, base.turn),
    )


def _wave(phase: float, base: Stance) -> Stance:
    a = 2 * np.pi * phase
    s = np.sin(a)
    return replace(
        base,
        far_arm=(104 + 6 * s, 176 + 34 * s),
        palm=True,
        near_arm=(-18, 12),
        bend=-3 + 2 * s,
        nod=8 - 3 * s,
        near_leg=(8, 4),
        far_leg=(-9, -7),
        wave=a,
        wind=0.1 * s,
        cloth=0.08 * s,
    )


def _punch(t: float, base: Stance) -> Stance:
    guard = replace(
        base, near_arm=(46, 136), far_arm=(58, 142), near_leg=(26, 0), far_leg=(-22, -30), bend=6, fists=True
    )
    draw = replace(
        guard,
        near_arm=(-78, 24),
        far_arm=(52, 112),
        bend=-18,
        turn=0.25,
        wind=0.4,
        near_leg=(36, -4),
        far_leg=(-30, -52),
    )
    blow = replace(
        guard,
        near_arm=(92, 90),
        far_arm=(-60, 20),
        near_leg=(52, 6),
        far_leg=(-50, -56),
        bend=28,
        turn=0.8,
        forward=0.7,
        wind=-1.3,
        cloth=-0.9,
        mask=replace(base.mask, mouth="open", gape=1.0, brow=1.0),
    )
    if t < 0.25:
        return midway(guard, draw, _s(t / 0.25))
    if t < 0.43:
        return midway(draw, replace(draw, bend=-23, near_arm=(-82, 20)), (t - 0.25) / 0.18)
    if t < 0.49:
        return replace(blow, streak=1.0)
    if t < 0.62:
        return blow
    return midway(
        blow, replace(blow, bend=20, forward=0.6, near_arm=(84, 82), cloth=0.2, wind=0.1), _s((t - 0.62) / 0.38)
    )


def _jump(t: float, base: Stance) -> Stance:
    gather = replace(
        base,
        near_leg=(58, -46),
        far_leg=(50, -52),
        near_arm=(-60, -34),
        far_arm=(-66, -40),
        bend=26,
        scale=(1.16, 0.82),
    )
    rise = replace(
        base,
        near_leg=(-6, -22),
        far_leg=(-20, -44),
        near_arm=(158, 172),
        far_arm=(148, 160),
        bend=4,
        scale=(0.88, 1.16),
        wind=0.4,
        cloth=0.6,
    )
    top = replace(base, near_leg=(74, -20), far_leg=(40, -60), near_arm=(120, 96), far_arm=(100, 124), bend=8)
    landed = replace(gather, scale=(1.2, 0.78), near_arm=(20, 40), far_arm=(-40, -20))
    if t < 0.24:
        return midway(base, gather, _s(min(1.0, t / 0.18)))
    if t < 0.70:
        u = (t - 0.24) / 0.46
        shape = (
            midway(rise, top, _s(2 * u)) if u < 0.5 else midway(top, replace(rise, near_arm=(130, 150)), _s(2 * u - 1))
        )
        return replace(shape, air=4.6 * u * (1 - u), wind=-0.8 if u < 0.5 else 1.0)
    if t < 0.80:
        return landed
    return midway(landed, base, _s((t - 0.80) / 0.2))


def _idle(phase: float, base: Stance) -> Stance:
    a = 2 * np.pi * phase
    s = np.sin(a)
    return replace(
        base,
        bend=1.2 * s,
        nod=1.6 * np.sin(a - 0.7),
        near_arm=(8 + 2 * s, 20 + 2 * s),
        far_arm=(-6 - s, 2),
        wind=0.3 * np.sin(a + 0.6),
        wave=a,
        cloth=0.12 * s,
        mask=_lidded(base.mask, phase),
    )


GAPES = (0.15, 0.95, 0.0, 0.55, 0.8, 0.0, 0.4)


def _talk(phase: float, base: Stance) -> Stance:
    gape = GAPES[int(phase * len(GAPES) + 1e-3) % len(GAPES)]
    mask = base.mask if gape == 0 else replace(base.mask, mouth="open", gape=gape, arched=False)
    return replace(base, mask=_lidded(mask, phase / 3), near_arm=(10, 34), far_arm=(-8, 0))


def _pose(_: float, base: Stance) -> Stance:
    return replace(
        base,
        near_arm=(40, 150),
        far_arm=(-48, -10),
        near_leg=(34, 2),
        far_leg=(-28, -20),
        bend=-7,
        nod=-4,
        fists=True,
        wind=-0.8,
        cloth=-0.5,
    )


def _back(phase: float, base: Stance) -> Stance:
    a = 2 * np.pi * phase
    return replace(
        base,
        from_behind=True,
        turn=0.0,
        near_arm=(-6, 0),
        far_arm=(6, 0),
        wind=0.7 + 0.4 * np.sin(a),
        wave=a,
        cloth=0.3 * np.sin(a + 1),
        near_leg=(-5, -2),
        far_leg=(5, 2),
    )


def _lidded(mask: Mask, phase: float) -> Mask:
    place = phase % 1.0
    return replace(mask, lids=0.0 if 0.60 < place < 0.68 else 0.45 if 0.55 < place < 0.72 else mask.lids)


def _dash(phase: float, base: Stance) -> Stance:
    return replace(_run(phase, base), bend=38, near_arm=(-70, -46), far_arm=(-58, -40), nod=-22, wind=-1.6, cloth=-1.0)


def _dance(phase: float, base: Stance) -> Stance:
    a = 2 * np.pi * phase
    s, c = np.sin(a), np.cos(a)
    return replace(
        base,
        near_arm=(-60 - 40 * s, -120 - 40 * s),
        far_arm=(60 - 40 * s, 130 - 30 * s),
        near_leg=(14 + 12 * c, -10 * max(0, c)),
        far_leg=(-14 + 12 * c, -16 + 14 * c),
        bend=10 * s,
        nod=-8 * s,
        air=0.10 * abs(c),
        wind=0.6 * s,
        cloth=0.7 * c,
        wave=a,
        palm=True,
    )


def _fly(phase: float, base: Stance) -> Stance:
    a = 2 * np.pi * phase
    s = np.sin(a)
    return replace(
        base,
        bend=62 + 3 * s,
        near_arm=(118 + 4 * s, 110),
        far_arm=(-40, -20 + 6 * s),
        near_leg=(-46, -62 + 5 * s),
        far_leg=(-30, -78 - 5 * s),
        nod=-52,
        air=1.5 + 0.10 * s,
        wind=-1.5,
        cloth=-1.1 + 0.2 * s,
        wave=a,
        fists=True,
        turn=max(0.65, base.turn),
    )


def _slash(t: float, base: Stance) -> Stance:
    """A blade drawn back over the shoulder, a cut through the front, a low end held."""
    high = replace(
        base,
        near_arm=(-150, -196),
        far_arm=(70, 96),
        near_leg=(30, 2),
        far_leg=(-26, -34),
        bend=-14,
        fists=True,
        blade=True,
        turn=max(0.5, base.turn),
        wind=0.3,
    )
    ready = replace(high, near_arm=(40, 120), far_arm=(44, 110), bend=4)
    low = replace(
        high,
        near_arm=(58, 40),
        far_arm=(-60, -20),
        near_leg=(54, 4),
        far_leg=(-50, -58),
        bend=34,
        wind=-1.3,
        cloth=-0.9,
    )
    if t < 0.30:
        return midway(ready, high, _s(t / 0.30))
    if t < 0.60:
        along = _s((t - 0.30) / 0.30)
        swung = -150 + 208 * along  # over the head and down in front, never the short way behind
        return replace(midway(high, low, along), near_arm=(swung, swung - 46 + 28 * along))
    return midway(low, replace(low, bend=26, near_arm=(50, 34), wind=0.1, cloth=0.1), _s((t - 0.60) / 0.40))


def _raise(t: float, base: Stance) -> Stance:
    """From hanging arms to one lifted high, key to key."""
    return midway(
        base, replace(base, far_arm=(128, 176), near_arm=(-20, 10), bend=-6, nod=-10, palm=True, cloth=0.2, wave=2.0), t
    )


def _bow(t: float, base: Stance) -> Stance:
    return midway(
        base,
        replace(base, bend=54, nod=22, near_arm=(28, 40), far_arm=(20, 30), near_leg=(-4, -4), wind=0.5, wave=2.0),
        t,
    )


_MIXED_PAIRS = ("near_arm", "far_arm", "near_leg", "far_leg", "scale")
_MIXED = ("bend", "nod", "turn", "air", "forward", "wind", "wave", "cloth")


def midway(a: Stance, b: Stance, share: float) -> Stance:
    """The in-between `share` of the way from a to b; what has no half way changes in the middle."""
    share = float(np.clip(share, 0, 1))
    pairs = {k: tuple(x + (y - x) * share for x, y in zip(getattr(a, k), getattr(b, k))) for k in _MIXED_PAIRS}
    plain = {k: getattr(a, k) + (getattr(b, k) - getattr(a, k)) * share for k in _MIXED}
    return replace(a if share < 0.5 else b, **pairs, **plain, streak=0.0)  # pyright: ignore[reportArgumentType]


def _s(u: float) -> float:
    u = float(np.clip(u, 0, 1))
    return u**3 * (u * (6 * u - 15) + 10)


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
    "dash": _dash,
    "dance": _dance,
    "fly": _fly,
    "slash": _slash,
    "raise": _raise,
    "bow": _bow,
}
