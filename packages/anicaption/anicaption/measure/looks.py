"""Looks at native resolution: a pair of neighbouring frames now and then, for what 144 rows do not show.

Grain, screens, scan lines and the width of a line live in single pixels. Every PERIOD_FRAMES frames two neighbouring
frames are taken as they were decoded; the parts of measurement that need them are functions of the look, each giving
the numbers of its columns. Between looks the columns are NaN. Memory is one picture.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from anicaption.tracks import Event

PERIOD_FRAMES = 12  # from one look to the next
TILE_PX = 256  # side of a tile, or what the picture has
LEAST_ROWS = 200  # below this a source has no pixels of its own to look at
# Middles of the tiles: (x, y) in widths and heights. Clear of the bars of a matte and of most lettering.
_TILES = ((0.18, 0.42), (0.50, 0.52), (0.82, 0.42))

Native = Callable[[], np.ndarray]


@dataclass
class Look:
    """Two neighbouring frames: `small` is the later at 144 rows, `rgb` and `before` are native, RGB uint8 (H, W, 3)."""

    small: np.ndarray
    rgb: np.ndarray
    before: np.ndarray
    _grey: dict[str, list[np.ndarray]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.rgb.shape[0]

    def tiles(self, which: str = "rgb") -> list[np.ndarray]:
        """Tiles of the native picture `rgb` or `before`, RGB uint8 (S, S, 3)."""
        picture = getattr(self, which)
        return [picture[place] for place in places(*picture.shape[:2])]

    def grey(self, which: str = "rgb") -> list[np.ndarray]:
        """The luma of those tiles, float32 (S, S), 0..255."""
        if which not in self._grey:
            self._grey[which] = [
                cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY).astype(np.float32) for tile in self.tiles(which)
            ]
        return self._grey[which]


def places(height: int, width: int) -> list[tuple[slice, slice]]:
    """Where the tiles of a picture of this size lie."""
    side = min(TILE_PX, height // 16 * 16, width // 16 * 16)
    found = []
    for x, y in _TILES:
        top = int(np.clip(y * height - side / 2, 0, height - side))
        left = int(np.clip(x * width - side / 2, 0, width - side))
        found.append((slice(top, top + side), slice(left, left + side)))
    return found


Part = tuple[tuple[str, ...], Callable[[Look], dict[str, float]]]


class LookWatch:
    """Takes the looks. `parts` are (columns, function of a look that gives some of those columns)."""

    def __init__(self, parts: tuple[Part, ...]) -> None:
        self._parts = parts
        self._rows = {name: array("f") for names, _ in parts for name in names}
        self._seen = 0
        self._before: np.ndarray | None = None

    def see(self, small: np.ndarray, native: Native) -> None:
        """The next frame: RGB uint8 (H <= 144, W, 3), and how to get it at its own size."""
        numbers: dict[str, float] = {}
        phase = self._seen % PERIOD_FRAMES
        self._seen += 1
        if phase == 0:
            picture = native()
            self._before = picture if picture.shape[0] >= LEAST_ROWS else None
        elif phase == 1 and self._before is not None:
            look = Look(small, native(), self._before)
            for _, part in self._parts:
                numbers |= part(look)
            self._before = None
        for name, row in self._rows.items():
            row.append(numbers.get(name, math.nan))

    def columns(self) -> dict[str, np.ndarray]:
        return {name: np.array(row, np.float32) for name, row in self._rows.items()}

    def events(self) -> tuple[Event, ...]:
        return ()
