"""Bodies of the second hand: puppets of capsules and trapezoids in coats, ponchos and robes; robots, beasts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from anicaption.drawn.script import Character
from anicaption.drawn.second import clothes
from anicaption.drawn.second.acting import Limb, Stance
from anicaption.drawn.second.brush import Easel, Rgb, blend, capsule, ellipse, noodle, scaled, superellipse
from anicaption.drawn.second.design import Build, Paints
from anicaption.drawn.second.head import Head


def _way(angle_deg: float) -> np.ndarray:
    return np.array([np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg))])


class Puppet:
    """One drawing of a character: feet at (0, 0), y down, lengths in head heights, facing right.

    `twists` are values of motion.deformation that change how it is built (the cel as a whole is deformed elsewhere);
    where it is `armed`, a smear is its near arm's; `limp` is how boneless its limbs are.
    """

    def __init__(
        self,
        easel: Easel,
        character: Character,
        build: Build,
        paints: Paints,
        stance: Stance,
        twists: Iterable[str] = (),
        armed: bool = True,
        limp: float = 0.0,
    ) -> None:
        self.easel, self.character, self.build, self.paints, self.stance = easel, character, build, paints, stance
        self.twists = frozenset(twists)
        self.armed, self.limp = armed, limp
        b, s = build, stance
        lowest = max(self._reach(s.near_leg), self._reach(s.far_leg))
        self.pelvis = np.array([s.forward, -(lowest + s.air)])
        up = -_way(-s.bend)
        self.up = np.array([np.sin(np.radians(s.bend)), -np.cos(np.radians(s.bend))]) if b.torso else up
        self.chest = self.pelvis + self.up * b.torso
        self.across = np.array([-self.up[1], self.up[0]])
        self.half = b.shoulder * (1 - 0.28 * abs(s.turn))
        neck = self.chest + self.up * b.neck
        nod = np.radians(s.nod + 0.6 * s.bend)
        self.head = Head(
            easel,
            character,
            b,
            paints,
            s,
            neck + 0.5 * np.array([np.sin(nod), -np.cos(nod)]),
            "gag_face" in self.twists,
        )

    def _reach(self, limb: Limb) -> float:
        """How far a leg reaches down."""
        return self.build.leg / 2 * (np.cos(np.radians(limb[0])) + np.cos(np.radians(limb[1])))

    def at(self, points) -> np.ndarray:
        """Body space (x across, y up from the pelvis in torso lengths) to the puppet's."""
        points = np.asarray(points, float)
        return self.pelvis + points[:, :1] * self.across + points[:, 1:] * self.build.torso * self.up

    def draw(self) -> None:
        build = self.build
        near_shoulder = self.chest - self.across * self.half - self.up * 0.10 * self.build.torso
        far_shoulder = self.chest + self.across * self.half - self.up * 0.10 * self.build.torso
        if self.character.extra == "scarf" or self.character.outfit == "hero":
            clothes.streamer(self)
        self.head.hair_behind()
        self._arm(far_shoulder, self.stance.far_arm, far=True)
        self._leg(self.stance.far_leg, far=True)
        self._leg(self.stance.near_leg, far=False)
        {"human": clothes.clothes, "robot": clothes.chassis, "beast": clothes.belly}[build.folk](self)
        if self.build.neck:
            neck = capsule(self.chest - self.up * 0.05, self.chest + self.up * (self.build.neck + 0.12), 0.14, 0.13)
            self.easel.part(neck, scaled(self.paints.skin, (0.86, 0.80, 0.80)), shade=0)
        clothes.collar(self)
        self.head.draw()
        if "smear_multiple" in self.twists and self.armed:
            for k, (upper, lower) in enumerate(((-70, -80), (-36, -40), (-10, -4))):
                limb = (self.stance.near_arm[0] + upper, self.stance.near_arm[1] + lower)
                self._arm(near_shoulder, limb, far=False, girth=0.75 + 0.08 * k)
        self._arm(near_shoulder, self.stance.near_arm, far=False)
        if self.stance.streak or ("smear_stretch" in self.twists and self.armed):
            self._streak(near_shoulder)

    # -- limbs -------------------------------------------------------------------------------------------------

    def _sleeve(self) -> tuple[Rgb, Rgb]:
        """Paints of upper and lower arm."""
        p = self.paints
        if self.build.folk == "robot":
            return p.main, p.skin
        if self.build.folk == "beast":
            return p.skin, p.skin
        return {"sailor": (p.skin, p.skin), "dress": (p.main, p.main), "hero": (p.main, p.second)}.get(
            self.character.outfit, (p.main, p.main)
        )

    def _arm(self, shoulder: np.ndarray, limb: Limb, far: bool, girth: float = 1.0) -> None:
        b, easel, g = self.build, self.easel, self.build.girth * girth * 0.86
        foreshortened = "forced_perspective" in self.twists and not far
        length = b.arm * (1.35 if foreshortened else 1.0)
        elbow = shoulder + length * _way(limb[0])
        wrist = elbow + length * _way(limb[1])
        upper, lower = self._sleeve()
        if far:
            upper, lower = (scaled(c, (0.84, 0.80, 0.86)) for c in (upper, lower))
        end = 3.0 if foreshortened else 1.0
        if self.limp:
            middle = (shoulder + wrist) / 2 + 0.6 * self.limp * b.arm * np.array([_way(limb[0])[1], -_way(limb[0])[0]])
            easel.part(noodle((shoulder, middle, wrist), (g, g * 0.8, g * 0.8)), upper)
        elif upper == lower:
            easel.part(
                [capsule(shoulder, elbow, g * 1.1, g * 0.95), capsule(elbow, wrist, g * 0.95, g * 0.8 * end)], upper
            )
        else:
            easel.part(capsule(elbow, wrist, g * 0.85, g * 0.72 * end), lower)
            easel.part(capsule(shoulder, elbow, g * 1.12, g * 0.95), upper)
        if b.folk == "robot":
            easel.part(ellipse(elbow, g * 0.75, g * 0.75), self.paints.dark, shade=0)
        self._hand(wrist, limb[1], end, far)

    def _hand(self, wrist: np.ndarray, angle: float, size: float, far: bool) -> None:
        easel, p, way = self.easel, self.paints, _way(angle)
        if self.stance.blade and not far:
            self._blade(wrist + way * 0.1, angle)
        cross = np.array([way[1], -way[0]])
        g = self.build.girth * size / 0.145 * (0.8 if self.build.folk == "human" else 1.0)
        skin = scaled(p.skin, (0.88, 0.84, 0.86)) if far else p.skin
        centre = wrist + way * 0.11 * g
        if self.build.folk == "robot":
            for side in (-1, 1):
                claw = np.array(
                    [
                        wrist + cross * side * 0.05 * g,
                        wrist + cross * side * 0.17 * g + way * 0.12 * g,
                        wrist + way * 0.28 * g + cross * side * 0.06 * g,
                    ]
                )
                easel.part(claw, p.dark, shade=0)
            return
        if self.stance.palm and far:
            fingers = [
                capsule(centre, centre + _way(angle + spread) * 0.24 * g, 0.055 * g, 0.042 * g)
                for spread in (-58, -18, 4, 26)
            ]
            easel.part([ellipse(centre, 0.12 * g, 0.13 * g), *fingers], skin, shade=0.04)
        elif self.stance.fists:
            easel.part(superellipse(centre, 0.135 * g, 0.135 * g, 3), skin, shade=0.06)
            if not self.head.tiny:
                easel.line([centre + cross * 0.02 * g, centre + cross * 0.02 * g + way * 0.1 * g], width=0.8)
        else:
            thumb = capsule(centre - way * 0.03 * g, centre + (way + cross * 0.9) * 0.10 * g, 0.05 * g, 0.04 * g)
            easel.part([capsule(wrist, centre + way * 0.09 * g, 0.085 * g, 0.10 * g), thumb], skin, shade=0.05)

    def _blade(self, grip: np.ndarray, angle: float) -> None:
        """A broad blade that goes on from the fist."""
        way = _way(angle + 38)
        side = np.array([way[1], -way[0]])
        long = 1.1 * self.build.height / 2.6
        blade = np.array(
            [
                grip + 0.07 * side,
                grip + long * way + 0.04 * side,
                grip + (long + 0.22) * way - 0.02 * side,
                grip + long * way - 0.10 * side,
                grip - 0.07 * side,
            ]
        )
        self.easel.part(blade, blend(self.paints.pale, (170, 186, 196), 0.5), shade=0.04)
        self.easel.part(capsule(grip - 0.16 * side, grip + 0.16 * side, 0.05, 0.05), self.paints.accent, shade=0)

    def _leg(self, limb: Limb, far: bool) -> None:
        b, easel, p, g = self.build, self.easel, self.paints, self.build.girth
        side = 1 if far else -1
        hip = self.pelvis + self.across * side * b.hip * 0.52 * (1 - 0.5 * abs(self.stance.turn))
        knee = hip + b.leg / 2 * _way(limb[0])
        ankle = knee + b.leg / 2 * _way(limb[1])
        cloth = {"trousers": p.second, "shorts": p.skin, "skirt": p.skin}.get(self.character.legs, p.second)
        if b.folk == "robot":
            cloth = p.skin
        elif b.folk == "beast":
            cloth = scaled(p.skin, (0.9, 0.88, 0.9))
        if far:
            cloth = scaled(cloth, (0.84, 0.80, 0.86))
        self._shoe(ankle, limb[1], far)
        if self.limp:
            easel.part(
                noodle(
                    (
                        hip,
                        knee
                        + (knee - (hip + ankle) / 2) * (1 + 0.6 * self.limp)
                        + 0.3 * self.limp * b.leg * np.array([0.6, 0]),
                        ankle,
                    ),
                    (g * 1.15, g, g * 0.75),
                ),
                cloth,
            )
        else:
            easel.part([capsule(hip, knee, g * 1.22, g * 0.96), capsule(knee, ankle, g * 0.96, g * 0.74)], cloth)
        if b.folk == "robot":
            easel.part(ellipse(knee, g, g), p.dark, shade=0)
            easel.part(capsule(knee * 0.6 + ankle * 0.4, ankle, g * 1.0, g * 1.35), p.main)
        elif b.folk == "human" and self.character.legs != "trousers":
            sock = blend(p.pale, p.second, 0.0 if self.character.seed % 2 else 0.8)
            easel.part(capsule(knee * 0.35 + ankle * 0.65, ankle, g * 0.86, g * 0.78), sock, shade=0.06)
            if self.character.legs == "shorts":
                easel.part(capsule(hip, hip * 0.45 + knee * 0.55, g * 1.3, g * 1.3), p.second)

    def _shoe(self, ankle: np.ndarray, shin_deg: float, far: bool) -> None:
        g = self.build.girth / 0.145
        tilt = np.radians(float(np.clip(-shin_deg * 0.7, -30, 55)))
        spin = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
        long = 0.14 + 0.20 * abs(self.stance.turn)
        shape = np.array(
            [
                (-0.12, -0.10),
                (-0.13, 0.09),
                (long + 0.08, 0.09),
                (long + 0.09, 0.02),
                (long - 0.03, -0.06),
                (0.10, -0.12),
            ]
        )
        paint = blend(self.paints.accent, self.paints.dark, 0.55)
        if self.build.folk == "beast":
            paint = self.paints.skin
        self.easel.part(
            ankle + g * 0.92 * shape @ spin.T, scaled(paint, (0.8, 0.8, 0.82)) if far else paint, shade=0.05
        )

    # -- drawings that leave the model -------------------------------------------------------------------------

    def _streak(self, shoulder: np.ndarray) -> None:
        """The striking arm as one long form bent along its path, torn at the tail (smear_stretch)."""
        b, reach = self.build, self.build.arm * 2
        t = np.linspace(-86, 92, 22)
        far = reach * (1.0 + 0.5 * ((t + 86) / 178) ** 1.5)
        outer = shoulder + np.stack([np.sin(np.radians(t)), np.cos(np.radians(t))], 1) * far[:, None]
        torn = np.where(np.arange(22) % 2, 0.80, 0.58) - 0.30 * np.linspace(0, 1, 22)
        inner = shoulder + (outer - shoulder) * torn[:, None]
        self.easel.part(np.concatenate([outer, inner[::-1]]), self._sleeve()[1], shade=0.2)
        self.easel.part(np.concatenate([outer[11:], (0.3 * inner + 0.7 * outer)[11:][::-1]]), self.paints.skin, shade=0)
        fist = outer[-1] + b.girth * np.array([0.4, -0.2])
        self.easel.part(ellipse(fist, b.girth * 2.4, b.girth * 1.7), self.paints.skin, shade=0.06)
