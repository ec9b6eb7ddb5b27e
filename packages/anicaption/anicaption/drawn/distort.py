"""Intentional departures from the model sheet: what a deformation does to the pose, and to the inked cel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from anicaption.drawn.poses import Pose

AMOUNT = {"none": 0.0, "mild": 0.5, "strong": 1.0, "extreme": 1.7}
Deformed = tuple[tuple[str, float, str], ...]


def posed(pose: Pose, deformed: Deformed) -> Pose:
    """`pose` with the deformations that are a matter of drawing it otherwise."""
    for kind, _, degree in deformed:
        amount = AMOUNT[degree]
        if kind == "smear_stretch":
            pose = replace(pose, smear=amount)
        elif kind == "squash":
            pose = replace(pose, stretch=(1 + 0.22 * amount, 1 / (1 + 0.22 * amount)))
        elif kind == "stretch":
            pose = replace(pose, stretch=(1 / (1 + 0.22 * amount), 1 + 0.22 * amount))
    return pose


def distorted(
    image: np.ndarray, to_artwork: np.ndarray, deformed: Deformed, head_px: float, flip: float
) -> tuple[np.ndarray, np.ndarray]:
    """The cel's picture and place with the deformations that are done to the finished drawing."""
    return image, to_artwork
