"""Is a run of time stamps one constant rate, and which? Decided from the stamps alone; nothing is resampled."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

ROUNDING_S = Fraction(3, 4000)
"""Containers round to milliseconds, some twice (41, 42, 42 ms is 23.976 a second), also before a finer time base."""

NTSC = Fraction(1000, 1001)
_WHOLE = (24, 25, 30, 50, 60, 12, 8, 10, 15, 48, 100, 120)
_SLOWED = (24, 30, 60, 12, 15, 48, 120)  # those of NTSC countries
WELL_KNOWN = (*(rate * NTSC for rate in _SLOWED), *map(Fraction, _WHOLE), Fraction(25, 2))
FILM = (24 * NTSC, Fraction(24))


@dataclass(frozen=True)
class Rate:
    """A constant rate and how it was read: "stamps", "pulldown flags" (film stamped in 2 and 3 fields), "average"."""

    rate: Fraction
    how: str


@dataclass(frozen=True)
class Uneven:
    """Time stamps of no constant rate, and why: the clip keeps them as they are.

    A step much longer than a frame is ever held is a hole in the file, of which nothing else may tell.
    """

    reason: str
    longest_step_s: float = 0.0


def rate_of(pts: Sequence[int], time_base: Fraction, declared: Fraction | None = None) -> Rate | Uneven:
    """The constant rate of these consecutive time stamps, from nothing but themselves.

    Every stamp must lie where the rate puts it, give or take the rounding of containers, so that no frame is missing
    or held and no drift gathers. A well-known rate is named if it fits; where the stamps are too few or too coarse to
    tell two apart (23.976 from 24 takes 18 frames of milliseconds), the `declared` one of the file decides. A fit
    that is not well known is the average, exactly.
    """
    if len(pts) < 2:
        return Rate(declared, "declared") if declared and len(pts) == 1 else Uneven("no two frames to tell a rate from")
    steps = [later - earlier for earlier, later in itertools.pairwise(pts)]
    if (least := min(steps)) <= 0:
        return Uneven(f"time stamps do not grow: a step of {float(1000 * least * time_base):.4g} ms")
    average = (len(pts) - 1) / ((pts[-1] - pts[0]) * time_base)
    near = [rate for rate in WELL_KNOWN if abs(rate / average - 1) < Fraction(1, 10)]
    strays = {rate: _stray_s(pts, time_base, rate) for rate in near}
    fits = {rate: stray for rate, stray in strays.items() if stray <= _allowed_s(rate, time_base)}
    if fits:
        best = min(fits, key=lambda rate: fits[rate])
        if declared is not None and declared in fits and fits[declared] <= fits[best] + time_base / 2:
            best = declared
        return Rate(best, "stamps")
    for film in FILM:
        if film in strays and _is_pulldown(steps, time_base, film) and strays[film] <= Fraction(3, 10) * _field_s(film):
            return Rate(film, "pulldown flags")
    if _stray_s(pts, time_base, average) <= _allowed_s(average, time_base):
        return Rate(average, "average")
    low, high = (float(1000 * step * time_base) for step in (least, max(steps)))
    reason = f"no constant rate: steps of {low:.4g} to {high:.4g} ms, {float(average):.5g} frames/s on average"
    return Uneven(reason, high / 1000)


def _allowed_s(rate: Fraction, time_base: Fraction) -> Fraction:
    """How far from its place a stamp may lie: what rounding explains, but never a quarter of a step."""
    return min(max(ROUNDING_S, time_base), 1 / (4 * rate))


def _stray_s(pts: Sequence[int], time_base: Fraction, rate: Fraction) -> Fraction:
    """How far the stamps lie at most from the best line of this rate: half the spread of what they are late by.

    In whole numbers: units of 1 / (denominator of step) of the time base, which keeps an hour of frames quick.
    """
    step = 1 / (rate * time_base)
    over, under = step.numerator, step.denominator
    late = [stamp * under - index * over for index, stamp in enumerate(pts)]
    return Fraction(max(late) - min(late), 2 * under) * time_base


def _field_s(film: Fraction) -> Fraction:
    return 1 / (film * Fraction(5, 2))


def _is_pulldown(steps: Sequence[int], time_base: Fraction, film: Fraction) -> bool:
    """Whether every step lasts 2 or 3 fields, as frames of film do that are flagged to repeat a field."""
    field = _field_s(film)
    near = max(ROUNDING_S, time_base)
    lasts = [step * time_base for step in steps]
    return all(min(abs(last - 2 * field), abs(last - 3 * field)) <= near for last in lasts)
