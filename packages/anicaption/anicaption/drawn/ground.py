"""What lies behind and before the figures of a shot: painted planes, scrolled lines, or a background drawn anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from anicaption.drawn import background, moving, sheet
from anicaption.drawn.board import Plane
from anicaption.drawn.camera import Path
from anicaption.drawn.lay import chained, lay
from anicaption.drawn.palette import palette
from anicaption.drawn.script import UNPAINTED, Place, Shot


class Ground:
    """The planes of one shot. `key(frame)` says which drawing of them a frame shows, apart from the camera."""

    def __init__(self, shot: Shot, path: Path, height_px: int) -> None:
        self.shot, self.path, self.height_px = shot, path, height_px
        self._numbers = sheet.background_numbers(shot)
        self._planes: list[Plane] = []
        self._streaks, self._road = None, None
        colours = palette(shot.place.light, shot.place.seed)
        if shot.place.motion == "line_scroll":
            self._streaks = moving.Streaks(shot.place, colours, height_px, path.aspect)
        elif shot.place.motion == "drawn_3d":
            self._road = moving.Road(shot.place, colours, height_px, path.aspect)
        else:
            zoomed = float(np.exp(path.smooth_T4[:, 2].max()))
            self._planes = background.paint(_sheet(shot), path, height_px * min(zoomed, 2.2))
        self._drawn: tuple[int, np.ndarray] | None = None

    def key(self, frame: int) -> tuple:
        return (self._numbers[frame], frame if self._streaks else 0)

    def lay_behind(self, picture: np.ndarray, frame: int) -> None:
        """Everything behind the figures, onto `picture` (H, W, 3) in place."""
        if self._streaks is not None:
            self._lay_own(picture, self._streaks.picture(frame), frame)
        elif self._road is not None:
            number = self._numbers[frame]
            if self._drawn is None or self._drawn[0] != number:
                time = (number - 1) * self.shot.place.exposure
                self._drawn = (number, self._road.picture(number, time))
            self._lay_own(picture, self._drawn[1], frame)
        else:
            self._lay(picture, frame, in_front=False)

    def lay_before(self, picture: np.ndarray, frame: int) -> None:
        """BOOK planes over the figures."""
        self._lay(picture, frame, in_front=True)

    def _lay_own(self, picture: np.ndarray, image: np.ndarray, frame: int) -> None:
        """A picture of the frame and a margin around it, where the camera's shake and tilt put it."""
        to_artwork = np.array([[1.0, 0, 0], [0, 1.0, 0]]) / self.height_px
        to_artwork[:, 2] = [-self.path.aspect / 2 - moving.MARGIN, -0.5 - moving.MARGIN]
        lay(picture, image, chained(self.path.affine(frame, 1.0, self.height_px), to_artwork))

    def _lay(self, picture: np.ndarray, frame: int, in_front: bool) -> None:
        for plane in self._planes:
            if plane.in_front == in_front:
                to_artwork = np.array([[1 / plane.unit_px, 0, plane.x0], [0, 1 / plane.unit_px, plane.y0]])
                lay(picture, plane.image, chained(self.path.affine(frame, plane.factor, self.height_px), to_artwork))


def _sheet(shot: Shot) -> Place:
    """The place as this stage of production shows it: unpainted shots lie on bare paper."""
    return replace(shot.place, art="paper") if shot.look.stage in UNPAINTED else shot.place
