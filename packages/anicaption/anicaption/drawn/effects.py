"""What the files of effects share: where the main figure is in the frame, and which entries of a script are active."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Spot(NamedTuple):
    """The main figure's head in the frame: its middle and its height in pixels. Where there is none, the middle."""

    x: float
    y: float
    head: float
    tilt_deg: float = 0.0  # clockwise in the frame


def active(spans: tuple, frame: int) -> list[tuple]:
    """The entries of `spans` that cover `frame`; start and end are an entry's last two items."""
    return [entry for entry in spans if entry[-2] <= frame < entry[-1]]


def star(centre, reach: float, points: int, waist: float = 0.4, turn: float = -np.pi / 2) -> np.ndarray:
    """The outline (2 * points, 2) of a star; `waist` is the inner reach as a share of `reach`."""
    angles = turn + np.arange(2 * points) * np.pi / points
    radii = np.where(np.arange(2 * points) % 2, reach * waist, reach)
    return np.asarray(centre, float) + np.stack([np.cos(angles) * radii, np.sin(angles) * radii], 1)
