"""Which frames of a source are looked at closely: a few, at steps that no rhythm of animation shares.

Animation stands on ones, twos, threes and fours, and telecine has fives; a look at every twelfth frame always sees the
same place in the beat. Steps that add up to 23 drift through all of them.
"""

from __future__ import annotations

from itertools import accumulate

NATIVE_STEPS = (11, 12)
"""Frames between looks at native pixels: no shot of twelve frames is passed over."""
SMALL_STEPS = (5, 7, 11)
"""Frames between looks at small pictures."""


def looked_at(index: int, steps: tuple[int, ...] = NATIVE_STEPS) -> bool:
    """Whether the frame of this index (from 0) is looked at."""
    return index % sum(steps) in (0, *accumulate(steps[:-1]))
