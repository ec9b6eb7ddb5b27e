"""The first hand's cels: one figure of a shot, drawn once per drawing of its exposure sheet and kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from anicaption.drawn import acts, distort, poses
from anicaption.drawn.figure import Body, bounds, draw_figure
from anicaption.drawn.framing import FEET_Y, HEAD_HEIGHT, HEAD_Y, yaw_of
from anicaption.drawn.ink import Pen
from anicaption.drawn.look_cel import painted
from anicaption.drawn.model import CHIBI, STANDARD, Proportion, Tones, tones_of
from anicaption.drawn.palette import Palette
from anicaption.drawn.script import UNPAINTED, Acting, Character, Look
from anicaption.drawn.sheet import Drawing

_HEAD_CENTRE = STANDARD.leg + 0.10 + STANDARD.torso + STANDARD.neck + 0.44 * STANDARD.head_size


@dataclass(frozen=True)
class Cel:
    """One drawing: premultiplied RGBA and the affine (2, 3) from its pixels to artwork at zero travel."""

    image: np.ndarray
    to_artwork: np.ndarray


class Figure:
    """One character in one role of a shot. `cel(drawing)` draws it; equal drawings are the same cel."""

    def __init__(self, acting: Acting, character: Character, colours: Palette, look: Look) -> None:
        self.acting, self.character, self.colours, self.look = acting, character, colours, look
        self._cels: dict[tuple, Cel] = {}

    def pose(self, drawing: Drawing) -> poses.Pose:
        """What the drawing shows."""
        pose = acts.pose(self.acting.performance, drawing.phase, yaw_of(self.acting), self.acting.emotion)
        return distort.posed(with_parts(pose, drawing), drawing.deformed, self.acting)

    def cel(self, drawing: Drawing, px: float, seen: tuple[float, float, float, float]) -> Cel:
        """The drawing at `px` pixels a frame height; only what of it lies in the artwork box `seen` is inked."""
        key = (drawing, px, seen)
        if key not in self._cels:
            self._cels[key] = self._drawn(drawing, px, seen)
        return self._cels[key]

    def forget(self) -> None:
        self._cels.clear()

    def head(self, drawing: Drawing) -> tuple[float, float, float, float]:
        """Where the drawn head is before the cel is placed: middle x, y and height (frame heights), tilt (degrees)."""
        proportion, unit, feet_y = self._stand(drawing)
        pen = Pen(1, 1, np.eye(2, 3), 1.0)
        body = Body(pen, self.character, tones_of(self.character, self.colours), self.pose(drawing), proportion)
        flip = -1.0 if self.acting.mirrored else 1.0
        x, y = body.head([(0.0, 0.0)])[0]
        tip_x, tip_y = body.head([(1.0, 0.0)])[0]
        tilt_deg = float(np.degrees(np.arctan2(tip_y - y, tip_x - x))) * flip
        return self.acting.at_x + flip * unit * x, feet_y + unit * y, unit * body.head.size, tilt_deg

    def _stand(self, drawing: Drawing) -> tuple[Proportion, float, float]:
        """Proportion, head height and height of the feet (frame heights) of a drawing."""
        size = self.acting.size
        unit = HEAD_HEIGHT[size]
        feet_y = FEET_Y[size] if size in FEET_Y else HEAD_Y[size] + _HEAD_CENTRE * unit
        if any(kind == "chibi_shift" for kind, _, _ in drawing.deformed):
            return CHIBI, min(unit * 1.35, 0.24), min(feet_y, 0.45)  # the whole little figure in the frame
        return STANDARD, unit, feet_y

    def _drawn(self, drawing: Drawing, px: float, seen: tuple[float, float, float, float]) -> Cel:
        acting = self.acting
        proportion, unit, feet_y = self._stand(drawing)
        pose = self.pose(drawing)
        flip = -1.0 if acting.mirrored else 1.0
        x0, y0, x1, y1 = bounds(proportion)
        left, right = sorted((flip * x0 * unit, flip * x1 * unit))
        box = np.array([left + acting.at_x, y0 * unit + feet_y, right + acting.at_x, y1 * unit + feet_y])
        box[:2] = np.maximum(box[:2], seen[:2])
        box[2:] = np.maximum(np.minimum(box[2:], seen[2:]), box[:2] + 1e-3)
        size = np.maximum(np.ceil((box[2:] - box[:2]) * px), 2).astype(int)
        affine = np.array([[flip * unit, 0, acting.at_x - box[0]], [0, unit, feet_y - box[1]]]) * px
        supersample = 1 if px >= 500 else 2 if px >= 230 else 3
        line_px = px * 0.0031 * (0.75 + 0.9 * unit) * (1.0 if unit > 0.1 else 0.8)

        broken = any(kind == "line_breakup" for kind, _, _ in drawing.deformed)

        def ink(tones: Tones, line: str) -> np.ndarray:
            line = "rough" if broken else line
            pen = Pen(int(size[1]), int(size[0]), affine, line_px, supersample, line)
            if acting.size in FEET_Y and self.look.stage not in UNPAINTED:
                _ground_shadow(pen, pose.lift)
            draw_figure(pen, self.character, tones, pose, proportion)
            return pen.cel()

        image = painted(ink, tones_of(self.character, self.colours), self.look, unit * px)
        rows, columns = np.flatnonzero(image[..., 3].any(1)), np.flatnonzero(image[..., 3].any(0))
        if len(rows) == 0:
            return Cel(image[:1, :1], np.array([[1 / px, 0, box[0]], [0, 1 / px, box[1]]]))
        top, left = rows[0], columns[0]
        image = np.ascontiguousarray(image[top : rows[-1] + 1, left : columns[-1] + 1])
        to_artwork = np.array([[1 / px, 0, box[0] + left / px], [0, 1 / px, box[1] + top / px]])
        return Cel(*distort.distorted(image, to_artwork, drawing.deformed, unit * px, acting))


def with_parts(pose: poses.Pose, drawing: Drawing) -> poses.Pose:
    """`pose` with what the sheet says of its parts."""
    face = pose.face
    if drawing.mouth == 0.0:
        face = replace(face, mouth="line" if face.mouth in ("open", "shout", "small_o") else face.mouth)
    elif drawing.mouth is not None:
        face = replace(face, mouth="open", mouth_open=drawing.mouth)
    if drawing.eyes is not None:
        face = replace(face, eyes=face.eyes * max(0.05, drawing.eyes))
    if drawing.gaze is not None:
        face = replace(face, gaze=1.1 * drawing.gaze)
    pose = replace(pose, face=face)
    body = pose.cloth or (pose.sway, pose.flutter)
    if drawing.hair is not None or drawing.cloth is not None:
        pose = replace(pose, cloth=body)
    if drawing.hair is not None:
        a = 2 * np.pi * drawing.hair
        pose = replace(pose, sway=-0.75 + 0.45 * float(np.sin(a)), flutter=a)
    if drawing.cloth is not None:
        a = 2 * np.pi * drawing.cloth
        pose = replace(pose, cloth=(-0.8 + 0.6 * float(np.sin(a)), a))
    return pose


def _ground_shadow(pen: Pen, lift: float) -> None:
    centre, rim = pen.px([[0.0, 0.06]])[0], pen.px([[0.75 / (1 + lift), 0.06]])[0]
    radius = abs(rim[0] - centre[0])
    point = (int(centre[0] * 16), int(centre[1] * 16))
    cv2.ellipse(
        pen.image, point, (int(radius * 16), int(radius * 2.6)), 0, 0, 360, (10, 10, 28, 96), -1, cv2.LINE_AA, 4
    )
