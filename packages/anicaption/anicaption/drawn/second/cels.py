"""Cels of the second hand: one figure of a shot, drawn once per drawing of its exposure sheet and kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anicaption.drawn.framing import yaw_of
from anicaption.drawn.script import Acting, Character, Look
from anicaption.drawn.second import acting as acted
from anicaption.drawn.second import twisted
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
            mask = replace(mask, look=1.6 * drawing.gaze, arched=False)
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

    def _sized(self, drawing: Drawing, stance: acted.Stance) -> tuple[Build, float, float, float, tuple[float, float]]:
        """Build, head height, ground, side and stretch of a drawing."""
        acting, twists = self.acting, {kind: AMOUNT[degree] for kind, _, degree in drawing.deformed}
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
        return build, unit, foot, flip, (wide, tall)

    def face(self, drawing: Drawing) -> tuple[np.ndarray, float]:
        """(2, 3) from head space to the artwork at zero travel for this drawing, and where the face's middle lies."""
        stance = self.stance(drawing)
        build, unit, foot, flip, (wide, tall) = self._sized(drawing, stance)
        blank = Easel(2, 2, np.eye(2, 3), 2.0, self._manner(0, 0.0), 1)
        head = Puppet(blank, self.character, build, self.paints, stance).head
        body = np.array([[flip * unit * wide, 0.0, self.acting.at_x], [0.0, unit * tall, foot]])
        own = np.column_stack([head.turned, head.centre])
        return np.column_stack([body[:, :2] @ own[:, :2], body[:, :2] @ own[:, 2] + body[:, 2]]), head.fx

    def _drawn(self, drawing: Drawing, px: float, frame_px: float, seen) -> Cel:
        acting, stance = self.acting, self.stance(drawing)
        twists = {kind: AMOUNT[degree] for kind, _, degree in drawing.deformed}
        along = {kind: share for kind, share, _ in drawing.deformed}
        build, unit, foot, flip, (wide, tall) = self._sized(drawing, stance)
        box = self._box(build, unit * max(wide, tall, 1.0), foot, flip, seen)
        size = np.maximum(np.ceil((box[2:] - box[:2]) * px), 2).astype(int)
        affine = np.array([[flip * unit * wide, 0, acting.at_x - box[0]], [0, unit * tall, foot - box[1]]]) * px
        seed = acting.period_frames + round(1000 * along.get("line_breakup", 0.0))
        manner = self._manner(seed, twists.get("line_breakup", 0.0))
        easel = Easel(int(size[1]), int(size[0]), affine, frame_px, manner, 3 if px < 420 else 2)
        limp = twists.get("rubber_limb", 0.0) * (0.5 + np.sin(2 * np.pi * 1.5 * along.get("rubber_limb", 0.0)) ** 2)
        armed = acting.performance in _ARMED
        Puppet(easel, self.character, build, self.paints, stance, twists, armed, float(limp)).draw()
        image = easel.cel()
        if "morph" in twists:
            other = Easel(int(size[1]), int(size[0]), affine, frame_px, manner, 2)
            form = CHIBI["robot" if build.folk == "beast" else "beast"]
            grown = np.array([[build.height / form.height, 0.0, 0.0], [0.0, build.height / form.height, 0.0]])
            other.affine[:, :2] = other.affine[:, :2] @ grown[:, :2]
            Puppet(other, self.character, form, self.paints, replace(stance, mask=acted.Mask()), (), armed, 0.0).draw()
            image = twisted.melted(
                image, other.cel(), min(1.0, 0.35 + 0.5 * twists["morph"]) * along["morph"], 0.008 * px
            )
        if "smear_stretch" in twists and not armed:
            reach = (0.9 * unit + 0.05) * px * twists["smear_stretch"]
            image = twisted.streaked(image, -flip, reach, acting.period_frames)
        if "smear_multiple" in twists and not armed:
            image = twisted.copied(image, -flip, 0.55 * unit * px * twists["smear_multiple"])
        if "smear_abstract" in twists:
            image = twisted.abstract(image, flip, acting.period_frames)
        if "impact_distort" in twists:
            image = twisted.caved(image, twists["impact_distort"], flip)
        rows, columns = np.flatnonzero(image[..., 3].any(1)), np.flatnonzero(image[..., 3].any(0))
        if len(rows) == 0:
            return Cel(image[:1, :1], np.array([[1 / px, 0, box[0]], [0, 1 / px, box[1]]]))
        top, left = rows[0], columns[0]
        image = np.ascontiguousarray(image[top : rows[-1] + 1, left : columns[-1] + 1])
        return Cel(image, np.array([[1 / px, 0, box[0] + left / px], [0, 1 / px, box[1] + top / px]]))

    def _manner(self, seed: int, broken: float) -> Manner:
        """How the shot's stage and look have a cel inked and painted."""
        if self.look.stage == "line_douga":
            return Manner("thin_uniform", "no_shadow", seed, broken, pencil=True)
        if self.look.stage == "rough_genga":
            return Manner("rough", "no_shadow", seed, broken, pencil=True)
        return Manner(self.look.line, self.look.shading, seed, broken)

    def _box(self, build: Build, unit: float, foot: float, flip: float, seen) -> np.ndarray:
        """The artwork that any drawing of this build may touch, cut to what is seen."""
        reach = 3.2 * build.arm + build.shoulder + 0.5 * build.height + 0.4
        low, high = sorted((-flip * reach * unit, flip * reach * unit))
        at_x = self.acting.at_x
        box = np.array([at_x + low, foot - (build.height * 1.25 + 2.0) * unit, at_x + high, foot + 0.5 * unit])
        box[:2], box[2:] = np.maximum(box[:2], seen[:2]), np.minimum(box[2:], seen[2:])
        return np.concatenate([box[:2], np.maximum(box[2:], box[:2] + 0.01)])
