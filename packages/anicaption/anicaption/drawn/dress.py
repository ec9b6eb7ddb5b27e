"""How a shot of the script `variables` is dressed: the look and effects laid over what its motion and camera are."""

from __future__ import annotations

import numpy as np

from anicaption.drawn.script import Shot


def dress(rng: np.random.Generator, shot: Shot) -> Shot:
    """`shot` with a look and effects by lot; motion and camera stay as they are."""
    return shot
