"""At which pace pictures come, from their time stamps alone: one rate, pulldown by flags, or neither."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

RATES = (
    Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30),
    Fraction(50), Fraction(60000, 1001), Fraction(60),
)  # fmt: skip
NEAR_RATE = 0.0008  # 24000/1001 and 24 lie 0.1 % apart
NEAR_STEP = 0.02  # of a step, or one unit of the time base: what containers round by
CONSTANT_SHARE, SOFT_SHARE = 0.75, 0.25  # of the steps
LOOK_STEPS = 12


@dataclass(frozen=True)
class Pace:
    """`kind` is constant, soft (two and three fields by turns: film whose pulldown was only flagged) or variable."""

    kind: str
    rate: Fraction


def standard(rate: Fraction) -> Fraction:
    """The standard rate that a measured or rounded one means; itself where it means none."""
    nearest = min(RATES, key=lambda known: abs(known / rate - 1))
    return nearest if abs(nearest / rate - 1) < NEAR_RATE else rate


def pace(pts: Sequence[int], time_base: Fraction, declared: Fraction) -> Pace:
    """The pace of consecutive time stamps; `declared` is what the container says, believed where stamps allow it."""
    steps = sorted(later - earlier for earlier, later in itertools.pairwise(pts))
    if not steps or steps[0] <= 0:
        return Pace("variable" if steps else "constant", declared)
    if _share(steps, declared, time_base) >= CONSTANT_SHARE:
        return Pace("constant", declared)
    for rate in RATES:
        if _share(steps, rate, time_base) >= CONSTANT_SHARE:
            return Pace("constant", rate)
    two, three = (_share(steps, Fraction(60000, 1001) / n, time_base) for n in (2, 3))
    if two + three >= CONSTANT_SHARE and min(two, three) >= SOFT_SHARE:
        return Pace("soft", Fraction(24000, 1001))
    return Pace("variable", declared)


def _share(steps: Sequence[int], rate: Fraction, time_base: Fraction) -> float:
    step = 1 / (rate * time_base)
    allowed = max(1, step * Fraction(NEAR_STEP).limit_denominator(1000))
    return sum(abs(s - step) <= allowed for s in steps) / len(steps)


def unpaced(pts: Sequence[int], time_base: Fraction, film_rate: Fraction, source_rate: Fraction) -> str:
    """Why these time stamps of restored film are not one picture every 1 / film_rate; empty where they are.

    Film that was telecined or repeated into `source_rate` has its pictures' time stamps on that grid: each may lie
    one and a half source frames off an even film grid, but the grid must not drift.
    """
    if len(pts) < 2:
        return ""
    step, allowed = 1 / (film_rate * time_base), Fraction(3, 2) / (source_rate * time_base)
    off = [p - pts[0] - n * step for n, p in enumerate(pts)]
    middle = (min(off) + max(off)) / 2
    worst = max(range(len(off)), key=lambda n: abs(off[n] - middle))
    if abs(off[worst] - middle) <= allowed:
        return ""
    off_ms = float(1000 * (off[worst] - middle) * time_base)
    return f"no film rate: picture {worst} is {off_ms:.0f} ms off an even {float(film_rate):.5g} frames/s"
