"""Which frames of a source are looked at closely: a few, at steps that no rhythm of animation shares.

Animation stands on ones, twos, threes and fours, and telecine has fives; a look at every twelfth frame always sees the
same place in the beat. Steps that add up to 23 drift through all of them, and no shot of twelve frames is passed over.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Protocol

import numpy as np

STEPS = (11, 12)
"""Frames from one look to the next, over and over."""
_PERIOD = sum(STEPS)
_LOOKED = frozenset((0, *accumulate(STEPS[:-1])))


def looked_at(index: int) -> bool:
    """Whether the frame of this index (from 0) is looked at."""
    return index % _PERIOD in _LOOKED


class Looks(Protocol):
    """What the looks at a source came to: vectors of its shots, and who made them."""

    @property
    def maker(self) -> str: ...

    def vector(self, start_frame: int, end_frame: int) -> list[int] | None:
        """The vector of the shot [start_frame, end_frame); None where no look fell into it."""
        ...

    def aesthetic(self, start_frame: int, end_frame: int) -> float | None:
        """How good the shot looks, where somebody can tell."""
        ...


class LooksWatch(Protocol):
    """Is shown the picture of every look, RGB uint8 (H, W, 3)."""

    def see(self, index: int, picture: np.ndarray) -> None: ...

    def looks(self) -> Looks: ...
