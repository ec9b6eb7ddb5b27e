"""What lies behind and before the figures of a shot: painted planes, scrolled lines, or a background drawn anew."""

from __future__ import annotations

import numpy as np

from anicaption.drawn import background, sheet
from anicaption.drawn.camera import Path
from anicaption.drawn.lay import chained, lay
from anicaption.drawn.script import Shot


class Ground:
    """The planes of one shot. `key(frame)` says which drawing of them a frame shows, apart from the camera."""

    def __init__(self, shot: Shot, path: Path, height_px: int) -> None:
        self.shot, self.path, self.height_px = shot, path, height_px
        zoomed = float(np.exp(path.smooth_T4[:, 2].max()))
        self._planes = background.paint(shot.place, path, height_px * min(zoomed, 2.2))
        self._numbers = sheet.background_numbers(shot)

    def key(self, frame: int) -> tuple:
        return (self._numbers[frame],)

    def lay_behind(self, picture: np.ndarray, frame: int) -> None:
        """Everything behind the figures, onto `picture` (H, W, 3) in place."""
        self._lay(picture, frame, in_front=False)

    def lay_before(self, picture: np.ndarray, frame: int) -> None:
        """BOOK planes over the figures."""
        self._lay(picture, frame, in_front=True)

    def _lay(self, picture: np.ndarray, frame: int, in_front: bool) -> None:
        for plane in self._planes:
            if plane.in_front == in_front:
                to_artwork = np.array([[1 / plane.unit_px, 0, plane.x0], [0, 1 / plane.unit_px, plane.y0]])
                lay(picture, plane.image, chained(self.path.affine(frame, plane.factor, self.height_px), to_artwork))
