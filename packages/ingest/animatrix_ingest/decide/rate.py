"""Is a run of time stamps one constant rate? Decided from the stamps alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

STRAY = Fraction(1, 500)


def uneven(pts: Sequence[int], time_base: Fraction, rate: Fraction) -> str:
    """Why these consecutive time stamps are not one picture every 1 / rate; empty where they are.

    Containers round: Matroska's steps of 41 and 42 thousandths are 23.976 a second. A step may therefore stray by one
    unit of the time base, or by 0.2 %, from the declared rate's; clips are written at a constant rate, and a shot that
    is not one would play with false timing.
    """
    step = 1 / (rate * time_base)
    allowed = max(Fraction(1), step * STRAY)
    steps = [later - earlier for earlier, later in itertools.pairwise(pts)]
    wrong = [s for s in steps if abs(s - step) > allowed]
    if not wrong:
        return ""
    low, high = (float(1000 * s * time_base) for s in (min(steps), max(steps)))
    needed = float(1000 / rate)
    return f"no constant rate: steps of {low:.4g} to {high:.4g} ms where {float(rate):.5g} frames/s need {needed:.4g}"
