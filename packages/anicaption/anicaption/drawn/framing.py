"""Where a figure stands in the frame for each shot size, and how far it is turned: shared by all hands and the truth.

Lengths are frame heights on the artwork at no zoom, from the middle of the composed frame; y points down.
"""

from __future__ import annotations

import numpy as np

from anicaption.drawn.script import Acting

# Head height by value of camera.shot_size, and where the feet (long sizes) or the middle of the head (close) lie.
HEAD_HEIGHT = {
    "extreme_long": 0.036, "long": 0.078, "full": 0.138, "knee": 0.20, "waist": 0.29, "bust": 0.42, "close_up": 0.62,
    "extreme_close": 1.15,
}  # fmt: skip
FEET_Y = {"extreme_long": 0.27, "long": 0.34, "full": 0.43}
HEAD_Y = {"knee": -0.27, "waist": -0.20, "bust": -0.10, "close_up": -0.07, "extreme_close": -0.06}
_HEADS_ABOVE_FEET = 5.4  # from the soles to the middle of the head of a standing figure, in head heights
# The least turn of the face that a performance needs to be read, 0 front .. 1 profile.
_LEAST_YAW = {"walk": 0.55, "run": 0.65, "dash": 0.7, "fly": 0.65, "slash": 0.5}
_PROFILE_YAW, _FRONT_YAW = 0.9, 0.25


def head_y(acting: Acting) -> float:
    """Where the middle of the head lies."""
    if acting.size in HEAD_Y:
        return HEAD_Y[acting.size]
    return FEET_Y[acting.size] - _HEADS_ABOVE_FEET * HEAD_HEIGHT[acting.size]


def yaw_of(acting: Acting) -> float:
    """How far the face is turned from the lens, 0 front .. 1 profile."""
    return max(abs(acting.yaw), _LEAST_YAW.get(acting.performance, 0.0))


def viewpoint_of(acting: Acting) -> str:
    """The value of camera.viewpoint that this figure gives a shot."""
    if acting.performance == "back":
        return "back"
    yaw = yaw_of(acting)
    return "profile" if yaw >= _PROFILE_YAW else "three_quarter" if yaw >= _FRONT_YAW else "front"


def size_of(head_height: float) -> str:
    """camera.shot_size from the head's share of the frame height: the nearest by ratio."""
    return min(HEAD_HEIGHT, key=lambda name: abs(np.log(head_height / HEAD_HEIGHT[name])))
