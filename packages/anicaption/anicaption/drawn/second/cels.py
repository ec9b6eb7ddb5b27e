"""Cels of the second hand: one figure of a shot, drawn once per drawing of its exposure sheet and kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from anicaption.drawn.framing import yaw_of
from anicaption.drawn.script import Acting, Character, Look
from anicaption.drawn.second import acting as acted
from anicaption.drawn.second.brush import Easel, Manner
from anicaption.drawn.second.design import CHIBI, Build, build_of, feet_y, head_height, paints_of
from anicaption.drawn.second.puppet import Puppet
from anicaption.drawn.sheet import Drawing

AMOUNT = {"none": 0.0, "mild": 0.55, "strong": 1.0, "extreme": 1.6}
_ARMED = frozenset({"punch", "slash", "wave", "raise"})  # performances whose smears are the arm's


@dataclass(frozen=True)
class Cel:
    """One drawing: premultiplied RGBA and the affine (2, 3) from its pixels to the artwork at zero travel."""

    image: np.ndarray
    to_artwork: np.ndarray


class Figure:
    """One character in one role of a shot. Equal drawings are the same cel."""

    def __init__(self, acting: Acting, character: Character, light: str, look: Look) -> None:
        self.acting, self.character, self.look = acting, character, look
        self.build = build_of(character)
        self.paints = paints_of(character, light)
        self._cels: dict[tuple, Cel] = {}

    @property
    def head(self) -> tuple[float, float]:
        """Where the middle of a standing figure's head lies (y, frame heights on the artwork), and its height."""
        unit = head_height(self.build, self.acting.size)
        return feet_y(self.build, self.acting.size) - unit * (self.build.height - 0.5), unit

    def stance(self, drawing: Drawing) -> acted.Stance:
        """What the drawing shows, part by part."""
        base = acted.stance(self.acting.performance, drawing.phase, yaw_of(self.acting), self.acting.emotion)
        mask = base.mask
        if drawing.mouth is not None:
            mask = replace(mask, mouth="open", gape=drawing.mouth) if drawing.mouth > 0 else replace(mask, gape=0.0)
        if drawing.eyes is not None:
            mask = replace(mask, lids=min(mask.lids, 1.0) * drawing.eyes, arched=False)
        if drawing.gaze is not None:
            mask = replace(mask, look=1.4 * drawing.gaze)
        base = replace(base, mask=mask)
        if drawing.hair is not None:
            turn = 2 * np.pi * drawing.hair
            base = replace(base, wind=0.5 + 0.35 * np.sin(turn), wave=turn)
        if drawing.cloth is not None:
            base = replace(base, cloth=0.75 * np.sin(2 * np.pi * drawing.cloth))
        return base

    def cel(self, drawing: Drawing, px: float, frame_px: float, seen: tuple[float, float, float, float]) -> Cel:
        """The drawing at `px` pixels a frame height, lines in shares of `frame_px`; only `seen` is drawn."""
        key = (drawing, px, seen)
        if key not in self._cels:
            self._cels[key] = self._drawn(drawing, px, frame_px, seen)
        return self._cels[key]

    def forget(self) -> None:
        self._cels.clear()

    def _drawn(self, drawing: Drawing, px: float, frame_px: float, seen) -> Cel:
        acting, stance = self.acting, self.stance(drawing)
        twists = {kind: AMOUNT[degree] for kind, _, degree in drawing.deformed}
        build, unit, foot = self.build, head_height(self.build, acting.size), feet_y(self.build, acting.size)
        if "chibi_shift" in twists:
            build = CHIBI[build.folk]
            unit, foot = min(1.5 * unit, 0.62 / build.height), min(foot, 0.40)
        flip = -1.0 if acting.mirrored else 1.0
        wide, tall = stance.scale
        for kind, sign in (("squash", -1), ("stretch", 1)):
            if kind in twists:
                tall *= (1 + 0.26 * twists[kind]) ** sign
                wide /= (1 + 0.26 * twists[kind]) ** sign
        box = self._box(build, unit * max(wide, tall, 1.0), foot, flip, seen)
        size = np.maximum(np.ceil((box[2:] - box[:2]) * px), 2).astype(int)
        affine = np.array([[flip * unit * wide, 0, acting.at_x - box[0]], [0, unit * tall, foot - box[1]]]) * px
        manner = Manner(self.look.line, self.look.shading, acting.period_frames, "line_breakup" in twists)
        easel = Easel(int(size[1]), int(size[0]), affine, frame_px, manner, 3 if px < 420 else 2)
        armed = acting.performance in _ARMED
        Puppet(easel, self.character, build, self.paints, stance, twists, armed).draw()
        image = easel.cel()
        if "smear_stretch" in twists and not armed:
            image = _streaked(
                image, -flip, 0.30 * unit * px * twists["smear_stretch"] + 0.05 * px, acting.period_frames
            )
        if "smear_multiple" in twists and not armed:
            image = _copied(image, -flip, 0.55 * unit * px * twists["smear_multiple"])
        if "smear_abstract" in twists:
            image = _abstract(image, flip, acting.period_frames)
        if "impact_distort" in twists:
            image = _caved(image, twists["impact_distort"], flip)
        rows, columns = np.flatnonzero(image[..., 3].any(1)), np.flatnonzero(image[..., 3].any(0))
        if len(rows) == 0:
            return Cel(image[:1, :1], np.array([[1 / px, 0, box[0]], [0, 1 / px, box[1]]]))
        top, left = rows[0], columns[0]
        image = np.ascontiguousarray(image[top : rows[-1] + 1, left : columns[-1] + 1])
        return Cel(image, np.array([[1 / px, 0, box[0] + left / px], [0, 1 / px, box[1] + top / px]]))

    def _box(self, build: Build, unit: float, foot: float, flip: float, seen) -> np.ndarray:
        """The artwork that any drawing of this build may touch, cut to what is seen."""
        reach = 3.2 * build.arm + build.shoulder + 0.5 * build.height + 0.4
        low, high = sorted((-flip * reach * unit, flip * reach * unit))
        at_x = self.acting.at_x
        box = np.array([at_x + low, foot - (build.height * 1.25 + 2.0) * unit, at_x + high, foot + 0.5 * unit])
        box[:2], box[2:] = np.maximum(box[:2], seen[:2]), np.minimum(box[2:], seen[2:])
        return np.concatenate([box[:2], np.maximum(box[2:], box[:2] + 0.01)])


def _streaked(image: np.ndarray, way: float, reach_px: float, seed: int) -> np.ndarray:
    """The whole form dragged behind itself in torn rows (smear_stretch of a body)."""
    height, width = image.shape[:2]
    rng = np.random.default_rng(seed)
    rough = cv2.resize(rng.random((max(4, height // 14), 1), np.float32), (1, height), interpolation=cv2.INTER_LINEAR)[
        :, 0
    ]
    length = reach_px * (0.35 + 1.3 * rough)
    below = np.zeros_like(image)
    for share in np.linspace(1.0, 0.1, 10):
        columns = np.arange(width, dtype=np.float32)[None] - way * (length * share)[:, None]
        rows = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, 1)
        _onto(below, cv2.remap(image, columns.astype(np.float32), rows, cv2.INTER_LINEAR))
    _onto(below, image)
    return below


def _copied(image: np.ndarray, way: float, step_px: float) -> np.ndarray:
    """Several of it in one drawing, fainter the older (smear_multiple)."""
    below = np.zeros_like(image)
    for k in (3, 2, 1):
        moved = cv2.warpAffine(image, np.array([[1, 0, way * step_px * k], [0, 1, 0]]), image.shape[1::-1])
        _onto(below, cv2.convertScaleAbs(moved, alpha=1 - 0.2 * k))
    _onto(below, image)
    return below


def _abstract(image: np.ndarray, flip: float, seed: int) -> np.ndarray:
    """The figure gone into a few brush strokes round its middle, in its own colours (smear_abstract)."""
    rows, columns = np.flatnonzero(image[..., 3].any(1)), np.flatnonzero(image[..., 3].any(0))
    if len(rows) == 0:
        return image
    rng = np.random.default_rng(seed)
    x, y = (columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2
    rx, ry = (columns[-1] - columns[0]) * 0.52 + 2, (rows[-1] - rows[0]) * 0.46 + 2
    solid = image[image[..., 3] == 255]
    out = np.zeros_like(image)
    for k in range(7):
        colour = solid[int(rng.integers(len(solid)))].tolist() if len(solid) else [60, 50, 60, 255]
        grow = 1 - 0.11 * k
        start = rng.uniform(150, 210) if flip > 0 else rng.uniform(-30, 30)
        t = np.radians(np.linspace(start, start + rng.uniform(150, 250), 28))
        outer = np.stack([x + rx * grow * np.cos(t), y + ry * grow * np.sin(t)], 1)
        thick = 0.20 * np.sin(np.linspace(0, np.pi, 28)) ** 0.7
        inner = np.stack([x + rx * (grow - thick) * np.cos(t), y + ry * (grow - thick) * np.sin(t)], 1)
        cv2.fillPoly(out, [np.rint(np.concatenate([outer, inner[::-1]]) * 8).astype(np.int32)], colour, cv2.LINE_AA, 3)
    return out


def _caved(image: np.ndarray, amount: float, flip: float) -> np.ndarray:
    """Ripples that run through the form from where it is hit, high on its front (impact_distort)."""
    rows, columns = np.flatnonzero(image[..., 3].any(1)), np.flatnonzero(image[..., 3].any(0))
    if len(rows) == 0:
        return image
    height, width = image.shape[:2]
    tall = rows[-1] - rows[0] + 1
    x = columns[-1] if flip > 0 else columns[0]
    y = rows[0] + 0.25 * tall
    v, u = np.mgrid[:height, :width].astype(np.float32)
    away = np.hypot(u - x, v - y) / (0.5 * tall)
    push = amount * 0.10 * tall * np.exp(-(away**2) * 2.2)
    ripple = amount * 0.022 * tall * np.sin(10 * away) * np.exp(-away)
    return cv2.remap(
        image, (u + flip * (push + ripple)).astype(np.float32), (v + 0.6 * ripple).astype(np.float32), cv2.INTER_LINEAR
    )


def _onto(below: np.ndarray, image: np.ndarray) -> None:
    """A premultiplied cel over another of the same size, in place."""
    keep = cv2.bitwise_not(image[..., 3])
    below[...] = cv2.add(cv2.multiply(below, cv2.merge([keep] * 4), scale=1 / 255), image)
