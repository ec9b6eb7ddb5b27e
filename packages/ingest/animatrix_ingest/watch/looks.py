"""Which frames of a source are looked at closely: a few, at steps that no rhythm of animation shares.

Animation stands on ones, twos, threes and fours, and telecine has fives; a look at every twelfth frame always sees the
same place in the beat. Steps that add up to 23 drift through all of them, and no shot of twelve frames is passed over.
"""

from __future__ import annotations

from itertools import accumulate

STEPS = (11, 12)
"""Frames from one look to the next, over and over."""
_PERIOD = sum(STEPS)
_LOOKED = frozenset((0, *accumulate(STEPS[:-1])))


def looked_at(index: int) -> bool:
    """Whether the frame of this index (from 0) is looked at."""
    return index % _PERIOD in _LOOKED
