"""One shot: planes, figure, camera and light become frames, and the script becomes their exact record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from anicaption.drawn import background, camera, poses, sheet
from anicaption.drawn.board import Plane
from anicaption.drawn.effects import Spot
from anicaption.drawn.figure import bounds, draw_figure
from anicaption.drawn.finish import Finish
from anicaption.drawn.ink import Pen, over
from anicaption.drawn.model import CHIBI, STANDARD, tones_of
from anicaption.drawn.palette import palette
from anicaption.drawn.script import Shot

# Head height and, from the top of the frame's middle, where head or feet lie (frame heights).
HEAD_HEIGHT = {
    "extreme_long": 0.036, "long": 0.078, "full": 0.138, "knee": 0.20, "waist": 0.29, "bust": 0.42, "close_up": 0.62,
}  # fmt: skip
_FEET_Y = {"extreme_long": 0.27, "long": 0.34, "full": 0.43}
_HEAD_Y = {"knee": -0.27, "waist": -0.20, "bust": -0.10, "close_up": -0.07}
_HEAD_CENTRE = STANDARD.leg + 0.10 + STANDARD.torso + STANDARD.neck + 0.44 * STANDARD.head_size


@dataclass(frozen=True)
class Cel:
    """One drawing: premultiplied RGBA and the affine (2, 3) from its pixels to artwork at zero travel."""

    image: np.ndarray
    to_artwork: np.ndarray


class Drawing(NamedTuple):
    """What one drawing shows and where it lies: equal drawings are equal pictures of the figure."""

    pose: poses.Pose
    deformed: tuple[str, ...]
    travel: float


class DrawnShot:
    """Everything about a shot that its frames share. `frames()` yields every filmed frame, lead-in and lead-out too."""

    def __init__(self, shot: Shot, height_px: int, width_px: int) -> None:
        self.shot, self.height_px, self.width_px = shot, height_px, width_px
        self.path = camera.plan(shot.camera, shot.n_filmed, width_px / height_px, shot.lead_in)
        self.colours = palette(shot.place.light, shot.place.seed)
        self._cels: dict[tuple, Cel] = {}
        self._drawings: dict[sheet.Drawing, poses.Pose] = {}
        self.sheets = sheet.sheets_of(shot)
        self._figure = bool(self.sheets)

    # -- figure ------------------------------------------------------------------------------------------------

    def drawing_of(self, frame: int) -> int:
        """Which drawing is exposed at filmed frame `frame`: its first frame, counted from the shot's own first."""
        return self.sheets[0].starts[frame] if self.sheets else 0

    def drawing(self, frame: int) -> Drawing:
        """The drawing exposed at filmed frame `frame`."""
        if not self.sheets:
            raise ValueError("drawn.shot: a shot without acting has no drawings; ask DrawnShot.drawing_new")
        acting, drawn = self.sheets[0].acting, self.sheets[0].drawings[frame]
        if drawn not in self._drawings:
            pose = poses.pose(acting.performance, drawn.phase, acting.yaw, acting.emotion)
            self._drawings[drawn] = pose
        return Drawing(self._drawings[drawn], tuple(k for k, _, _ in drawn.deformed), self.sheets[0].travel[frame])

    def drawing_new(self) -> np.ndarray:
        """1.0 where the exposed drawing differs from the frame before, float32 (n_filmed,); NaN without a figure."""
        if not self.sheets:
            return np.full(self.shot.n_filmed, np.nan, np.float32)
        return np.max([one.new() for one in self.sheets], axis=0)

    def turned(self) -> float:
        """How far the figure's face is turned from the lens, 0..1."""
        return abs(self.drawing(0).pose.yaw)

    def deformation_at(self, frame: int) -> tuple[str, ...]:
        """motion.deformation of the drawing exposed at filmed frame `frame`."""
        return self.sheets[0].deformation_at(frame) if self.sheets else ()

    def figure_seen(self, frame: int) -> bool:
        """Whether the middle of the figure's head or chest lies in the frame."""
        acting = self.shot.acting
        if acting is None:
            return False
        if "follow" in self.shot.camera.moves:
            return True
        y = _HEAD_Y.get(acting.size, _FEET_Y.get(acting.size, 0.4) - 3 * HEAD_HEIGHT[acting.size])
        spot = np.array([acting.at_x + self.drawing(frame).travel, y])
        affine = self.path.affine(frame, 1.0, 1.0)
        x, y = affine[:, :2] @ spot + affine[:, 2]
        return 0 < x < self.width_px / self.height_px and 0 < y < 1

    def _cel(self, frame: int) -> tuple[Cel, float]:
        """The drawing exposed at `frame` and its travel along the artwork."""
        pose, deformed, travel = self.drawing(frame)
        if (pose, deformed) not in self._cels:
            proportion = CHIBI if "chibi_shift" in deformed else STANDARD
            self._cels[pose, deformed] = self._draw_cel(pose, proportion)
        return self._cels[pose, deformed], travel

    def _draw_cel(self, drawn: poses.Pose, proportion) -> Cel:
        acting, character = self.shot.acting, self.shot.character
        assert acting is not None and character is not None
        unit = HEAD_HEIGHT[acting.size]
        if acting.size in _FEET_Y:
            feet_y = _FEET_Y[acting.size]
        else:
            feet_y = _HEAD_Y[acting.size] + _HEAD_CENTRE * unit
        if proportion is CHIBI:
            unit, feet_y = min(unit * 1.35, 0.24), min(feet_y, 0.45)  # the whole little figure in the frame
        flip = -1.0 if acting.mirrored else 1.0
        x0, y0, x1, y1 = bounds(proportion)
        low_x, high_x = sorted((flip * x0 * unit, flip * x1 * unit))
        box = np.array([acting.at_x + low_x, feet_y + y0 * unit, acting.at_x + high_x, feet_y + y1 * unit])
        seen = np.array(self._seen())
        box = np.concatenate([np.maximum(box[:2], seen[:2] - 0.01), np.minimum(box[2:], seen[2:] + 0.01)])
        px = self.height_px * float(np.exp(self.path.smooth_T4[:, 2].max()))
        size = np.maximum(np.ceil((box[2:] - box[:2]) * px), 2).astype(int)
        affine = np.array([[flip * unit, 0, acting.at_x - box[0]], [0, unit, feet_y - box[1]]]) * px
        supersample = 1 if px >= 500 else 2 if px >= 230 else 3
        line_px = px * 0.0031 * (0.75 + 0.9 * unit) * (1.0 if unit > 0.1 else 0.8)
        pen = Pen(int(size[1]), int(size[0]), affine, line_px, supersample)
        if acting.size in _FEET_Y:
            _ground_shadow(pen, drawn.lift)
        draw_figure(pen, character, tones_of(character, self.colours), drawn, proportion)
        image = pen.cel()
        rows, columns = np.flatnonzero(image[..., 3].any(1)), np.flatnonzero(image[..., 3].any(0))
        if len(rows) == 0:
            return Cel(image[:1, :1], np.array([[1 / px, 0, box[0]], [0, 1 / px, box[1]]]))
        top, left = rows[0], columns[0]
        image = np.ascontiguousarray(image[top : rows[-1] + 1, left : columns[-1] + 1])
        return Cel(image, np.array([[1 / px, 0, box[0] + left / px], [0, 1 / px, box[1] + top / px]]))

    def _seen(self) -> tuple[float, float, float, float]:
        """The artwork ever seen, in the coordinates of a figure at zero travel."""
        x0, y0, x1, y1 = self.path.extent(1.0)
        if "follow" in self.shot.camera.moves:
            aspect = self.width_px / self.height_px
            return -aspect / 2 - 0.1, -0.6, aspect / 2 + 0.1, 0.6
        acting = self.shot.acting
        reach = abs(acting.travel) if acting else 0.0  # half of it, and as much again for dissolves at both ends
        return x0 - reach, y0, x1 + reach, y1

    # -- frames ------------------------------------------------------------------------------------------------

    def frames(self) -> Iterator[np.ndarray]:
        """Finished RGB frames (height_px, width_px, 3), one per filmed frame, without transitions."""
        shot = self.shot
        zoomed = float(np.exp(self.path.smooth_T4[:, 2].max()))
        planes = background.paint(shot.place, self.path, self.height_px * min(zoomed, 2.2))
        finish = Finish(shot, self.colours, self.height_px, self.width_px)
        states = self.path.states_T4
        last_key, last = None, None
        for frame in range(shot.n_filmed):
            # What begins or ends with the shot goes on through the dissolves at its ends.
            own = min(max(frame - shot.lead_in, 0), shot.n_frames - 1)
            key = (states[frame].tobytes(), self.drawing(frame) if self._figure else None)
            moving = finish.moves(own)
            if key == last_key and last is not None and not moving:
                yield last
                continue
            picture, mask = self._composite(planes, frame, finish)
            picture = finish.finished(picture, own, self.spot(frame), mask)
            last_key, last = (None, None) if moving else (key, picture)
            yield picture
        self._cels.clear()  # an episode holds many shots, and the truth needs none of their pictures

    def _composite(self, planes: list[Plane], frame: int, finish: Finish) -> tuple[np.ndarray, np.ndarray | None]:
        """Planes and figures laid for this frame, and the figures' alpha (H, W) in it."""
        picture = np.empty((self.height_px, self.width_px, 3), np.uint8)
        mask = np.zeros(picture.shape[:2], np.uint8) if self._figure else None
        figure_done = False
        for plane in planes:
            if plane.in_front and not figure_done:
                finish.ground(picture, frame)
                self._lay_figures(picture, frame, finish, mask)
                figure_done = True
            to_artwork = np.array([[1 / plane.unit_px, 0, plane.x0], [0, 1 / plane.unit_px, plane.y0]])
            matrix = _chained(self.path.affine(frame, plane.factor, self.height_px), to_artwork)
            _lay(picture, plane.image, matrix)
        if not figure_done:
            finish.ground(picture, frame)
            self._lay_figures(picture, frame, finish, mask)
        return picture, mask

    def _lay_figures(self, picture: np.ndarray, frame: int, finish: Finish, mask: np.ndarray | None) -> None:
        if not self._figure:
            return
        cel, travel = self._cel(frame)
        to_artwork = cel.to_artwork.copy()
        to_artwork[0, 2] += travel
        if "follow" in self.shot.camera.moves:
            to_artwork[:, 2] += self.path.smooth_T4[frame, :2]
        matrix = _chained(self.path.affine(frame, 1.0, self.height_px), to_artwork)
        _lay(picture, cel.image, matrix, finish.softness_px(frame), mask)

    def spot(self, frame: int) -> Spot:
        """Where the main figure's head is in filmed frame `frame`; the frame's middle where there is none."""
        height, width = self.height_px, self.width_px
        acting = self.shot.acting
        if not self._figure or acting is None:
            return Spot(width / 2, 0.45 * height, 0.2 * height)
        unit = HEAD_HEIGHT[acting.size]
        y = _HEAD_Y[acting.size] if acting.size in _HEAD_Y else _FEET_Y[acting.size] - _HEAD_CENTRE * unit
        at = np.array([acting.at_x + self.drawing(frame).travel, y])
        if "follow" in self.shot.camera.moves:
            at += self.path.smooth_T4[frame, :2]
        affine = self.path.affine(frame, 1.0, height)
        x, y = affine[:, :2] @ at + affine[:, 2]
        return Spot(float(x), float(y), float(unit * height * np.exp(self.path.states_T4[frame, 2])))


def _chained(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """outer after inner, both (2, 3)."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def _lay(
    picture: np.ndarray, image: np.ndarray, matrix: np.ndarray, soft_px: float = 0.0, mask: np.ndarray | None = None
) -> None:
    """Warp `image` by `matrix` (edges at whole numbers) onto `picture`, over what is there if it has alpha.

    `soft_px` puts it out of focus; its alpha is added to `mask` (H, W).
    """
    height, width = picture.shape[:2]
    opaque = image.shape[2] == 3
    x0, y0, x1, y1 = 0, 0, width, height
    if not opaque:
        corners = np.array([[0, 0], [image.shape[1], 0], [image.shape[1], image.shape[0]], [0, image.shape[0]]])
        corners = corners @ matrix[:, :2].T + matrix[:, 2]
        reach = 1 + int(np.ceil(3 * soft_px))
        x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int) - reach, 0)
        x1, y1 = np.minimum(np.ceil(corners.max(0)).astype(int) + reach, [width, height])
        if x1 <= x0 or y1 <= y0:
            return
    # OpenCV puts pixel centres at whole numbers; ours lie at halves.
    shift = matrix[:, :2] @ [0.5, 0.5] + matrix[:, 2] - 0.5 - [x0, y0]
    warp = np.column_stack([matrix[:, :2], shift])
    border = cv2.BORDER_REPLICATE if opaque else cv2.BORDER_CONSTANT
    part = cv2.warpAffine(image, warp, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR, borderMode=border)
    if soft_px > 0.3:
        part = cv2.GaussianBlur(part, (0, 0), soft_px)
    if opaque:
        picture[...] = part
        return
    over(picture[y0:y1, x0:x1], part)
    if mask is not None:
        region = mask[y0:y1, x0:x1]
        np.maximum(region, part[..., 3], out=region)


def _ground_shadow(pen: Pen, lift: float) -> None:
    centre, rim = pen.px([[0.0, 0.06]])[0], pen.px([[0.75 / (1 + lift), 0.06]])[0]
    radius = abs(rim[0] - centre[0])
    point = (int(centre[0] * 16), int(centre[1] * 16))
    cv2.ellipse(
        pen.image, point, (int(radius * 16), int(radius * 2.6)), 0, 0, 360, (10, 10, 28, 96), -1, cv2.LINE_AA, 4
    )
