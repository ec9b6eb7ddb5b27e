"""The cadences that are known: which film picture each field of a video frame shows, and what follows from it.

A pattern lists, for each frame of its cycle, the film picture of the top field and of the bottom field. Everything
that evidence is asked follows from that: which neighbouring fields are one picture and which are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

# What evidence is asked of a frame and the one before it: is this one moment of film?
PAIRS = ("top", "bottom", "own", "with_last", "last_with")
#   top, bottom     the field of this frame and the one of the frame before
#   own             both fields of this frame
#   with_last       this top field and the bottom field before
#   last_with       the top field before and this bottom field
SAME, OTHER, EITHER = 1, 0, -1


@dataclass(frozen=True)
class Pattern:
    """One cadence. `tops` and `bottoms` number the film pictures of a cycle of `n_film`; empty: no film behind it.

    `near` names the pairs that are so close in time that they may look alike without being one moment.
    """

    state: str
    tops: tuple[int, ...] = ()
    bottoms: tuple[int, ...] = ()
    n_film: int = 1
    near: tuple[str, ...] = ()
    mixed: bool = False

    @property
    def n_frames(self) -> int:
        """Video frames of a cycle."""
        return max(1, len(self.tops))

    @property
    def film(self) -> bool:
        """Whether whole film pictures can be had from it."""
        return bool(self.tops)

    @property
    def plain(self) -> bool:
        """Whether every frame is a film picture of its own already."""
        return self.tops == self.bottoms and self.n_film == self.n_frames

    @property
    def woven(self) -> bool:
        """Whether only fields tell it from a progressive cadence."""
        return self.tops != self.bottoms or not self.film

    def film_rate(self, rate: Fraction) -> Fraction:
        """Film pictures a second in video of `rate` frames."""
        return rate * Fraction(self.n_film, self.n_frames) if self.film else rate

    def shown(self, frame: int, phase: int) -> tuple[int, int]:
        """The film pictures, counted through, of the top and bottom field of `frame` where the cycle is at `phase`."""
        cycle, at = divmod(frame + phase, self.n_frames)
        return cycle * self.n_film + self.tops[at], cycle * self.n_film + self.bottoms[at]

    def expects(self, phase: int) -> np.ndarray:
        """What each of PAIRS is at frame 0 of `phase`: SAME, OTHER or EITHER, int8 (5,)."""
        if not self.film:
            return np.array([EITHER if name in self.near else OTHER for name in PAIRS], np.int8)
        (top, bottom), (last_top, last_bottom) = self.shown(0, phase), self.shown(-1, phase)
        same = (top == last_top, bottom == last_bottom, top == bottom, top == last_bottom, last_top == bottom)
        return np.array([SAME if yes else OTHER for yes in same], np.int8)

    def leans(self, phase: int) -> int:
        """Which of the two pairs across frames is further apart in time: 1 with_last, -1 last_with, 0 neither."""
        if not self.film:
            return -1 if "with_last" in self.near else 1
        (top, bottom), (last_top, last_bottom) = self.shown(0, phase), self.shown(-1, phase)
        return int(np.sign(abs(top - last_bottom) - abs(bottom - last_top)))


PROGRESSIVE = Pattern("progressive", (0,), (0,))
REPEAT_2_3 = Pattern("repeat_2_3", (0, 1, 2, 3, 3), (0, 1, 2, 3, 3), 4)  # 24 in 30
REPEAT_3_2 = Pattern("repeat_3_2", (0, 0, 0, 1, 1), (0, 0, 0, 1, 1), 2)  # 24 in 60
REPEAT_2_2 = Pattern("repeat_2_2", (0, 0), (0, 0), 1)  # 30 in 60, 25 in 50
TELECINE_TOP_FIRST = Pattern("telecine_3_2", (0, 1, 1, 2, 3), (0, 1, 2, 3, 3), 4)
TELECINE_BOTTOM_FIRST = Pattern("telecine_3_2", (0, 1, 2, 3, 3), (0, 1, 1, 2, 3), 4)
SHIFTED_TOP_LATE = Pattern("shifted_2_2", (0,), (1,))
SHIFTED_BOTTOM_LATE = Pattern("shifted_2_2", (1,), (0,))
INTERLACED_TOP_FIRST = Pattern("interlaced", near=("own", "with_last"))
INTERLACED_BOTTOM_FIRST = Pattern("interlaced", near=("own", "last_with"))
BLENDED_TOP_FIRST = Pattern("blended", near=("own", "with_last"), mixed=True)
BLENDED_BOTTOM_FIRST = Pattern("blended", near=("own", "last_with"), mixed=True)

_FIELDS = (
    SHIFTED_TOP_LATE,
    SHIFTED_BOTTOM_LATE,
    INTERLACED_TOP_FIRST,
    INTERLACED_BOTTOM_FIRST,
    BLENDED_TOP_FIRST,
    BLENDED_BOTTOM_FIRST,
)


def patterns(rate: Fraction) -> tuple[Pattern, ...]:
    """The cadences that video of this rate may have; the first is the plain one."""
    if 29 < rate < 31:
        return PROGRESSIVE, REPEAT_2_3, TELECINE_TOP_FIRST, TELECINE_BOTTOM_FIRST, *_FIELDS
    if 58 < rate < 61:
        return PROGRESSIVE, REPEAT_3_2, REPEAT_2_2
    if 49 < rate < 51:
        return PROGRESSIVE, REPEAT_2_2
    return PROGRESSIVE, *_FIELDS


@dataclass(frozen=True)
class Hypothesis:
    """A pattern in one of its phases: frame t is at place (t + phase) of the cycle."""

    pattern: Pattern
    phase: int


def hypotheses(rate: Fraction) -> tuple[Hypothesis, ...]:
    """Every pattern of this rate in every phase."""
    return tuple(Hypothesis(p, phase) for p in patterns(rate) for phase in range(p.n_frames))
