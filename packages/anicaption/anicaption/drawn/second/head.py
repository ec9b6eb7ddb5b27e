"""Heads of the second hand: round skulls with small dark eyes, angular hair; screens of robots, muzzles of beasts."""

from __future__ import annotations

import numpy as np

from anicaption.drawn.script import Character
from anicaption.drawn.second.acting import Stance
from anicaption.drawn.second.brush import Easel, blend, ellipse, superellipse
from anicaption.drawn.second.design import Build, Paints


class Head:
    """A head whose own space has its centre at (0, 0), one unit high, facing right by `stance.turn`."""

    def __init__(
        self,
        easel: Easel,
        character: Character,
        build: Build,
        paints: Paints,
        stance: Stance,
        centre,
        gag: bool = False,
    ) -> None:
        self.easel, self.character, self.build, self.paints, self.stance = easel, character, build, paints, stance
        self.centre, self.gag = np.asarray(centre, float), gag
        angle = np.radians(stance.nod + 0.6 * stance.bend)
        self.turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        self.fx = 0.34 * stance.turn * build.face / 0.45  # the face's middle
        self.tiny = easel.unit_px < 26 * easel.zoom

    def at(self, points) -> np.ndarray:
        return np.asarray(points, float) @ self.turned.T + self.centre

    def hair_behind(self) -> None:
        if self.build.folk != "human":
            self._behind_others()
            return
        easel, hair, w = self.easel, self.paints.hair, self.build.face / 0.45
        wind, wave = self.stance.wind, self.stance.wave
        kind = self.character.hair
        dark = blend(hair, (30, 24, 44), 0.28)
        sway = 0.5 * wind
        if kind == "bob":
            easel.part(self.at(superellipse((-0.06, 0.10), 0.53 * w, 0.52, 3.2)), dark)
        elif kind == "long":
            easel.part(self.at(self._curtain(0.50 * w, 1.55, sway, wave)), dark)
        elif kind == "ponytail":
            easel.part(self.at(self._bunch((-0.40 * w, -0.22), (-0.55 + sway, 0.95), 0.20, wave)), hair)
        elif kind == "twin_tails":
            for side in (-1, 1):
                root = (side * 0.44 * w - 0.05, -0.16)
                easel.part(self.at(self._bunch(root, (side * 0.28 + sway, 1.0), 0.16, wave + side)), hair)
        elif kind == "spiky":
            t = np.linspace(150, 390, 17)
            r = np.where(np.arange(17) % 2 == 0, 0.56, 0.78)
            spikes = np.stack([np.cos(np.radians(t)) * r * w, np.sin(np.radians(t)) * r], 1)
            spikes = spikes + np.array([-0.05 + 0.1 * sway, -0.02])
            easel.part(self.at(spikes), dark)

    def _curtain(self, half: float, length: float, sway: float, wave: float) -> np.ndarray:
        t = np.linspace(0, 1, 8)
        drift = sway * t**1.5 + 0.07 * np.sin(wave - 5 * t) * t
        left = np.stack([-half * (1 + 0.12 * t) + drift, -0.1 + length * t * (1 - 0.18 * abs(sway))], 1)
        right = np.stack([half * (0.94 - 0.15 * t) + drift, -0.1 + length * t * (0.94 - 0.18 * abs(sway))], 1)
        return np.concatenate([ellipse((-0.02, -0.06), half, 0.5, 0, 12, 180, 360), right[1:], left[::-1]])

    def _bunch(self, root, tip, width: float, wave: float) -> np.ndarray:
        t = np.linspace(0, 1, 9)
        line = np.stack(
            [
                root[0] + tip[0] * t + 0.08 * np.sin(wave - 6 * t) * t,
                root[1] + tip[1] * t**1.3 - 0.12 * np.sin(np.pi * t),
            ],
            1,
        )
        half = width * (0.45 + 1.4 * t - 1.85 * t**3)[:, None]
        step = np.gradient(line, axis=0)
        normal = np.stack([-step[:, 1], step[:, 0]], 1) / (np.linalg.norm(step, axis=1, keepdims=True) + 1e-9)
        return np.concatenate([line + normal * half, (line - normal * half)[::-1]])

    def _behind_others(self) -> None:
        easel, p, w = self.easel, self.paints, self.build.face
        if self.character.hair in ("long", "twin_tails", "ponytail"):  # a plume, for the wind to play with
            sway = 0.5 * self.stance.wind
            easel.part(self.at(self._bunch((0.02, -0.44), (-0.95 + sway, 0.18), 0.19, self.stance.wave)), p.hair)
        if self.build.folk == "robot":
            easel.line(self.at([(-0.1, -0.4), (-0.16 + 0.04 * self.stance.wind, -0.72)]), p.dark, 1.6)
            easel.part(self.at(ellipse((-0.16 + 0.04 * self.stance.wind, -0.74), 0.06, 0.06)), p.accent, shade=0)
            return
        for side in (-1, 1):
            x, tilt = side * w * 0.72 + 0.5 * self.fx, 0.06 * self.stance.wind
            ear = [(x - 0.17, -0.26), (x + side * 0.06 + tilt, -0.74), (x + 0.17, -0.24)]
            easel.part(self.at(ear), p.skin)
            if not self.tiny:
                inner = [(x - 0.08, -0.30), (x + side * 0.05 + tilt, -0.60), (x + 0.08, -0.30)]
                easel.flat(self.at(inner), blend(p.skin, p.blush, 0.7))

    def draw(self) -> None:
        """Skull, face and the hair before it."""
        {"human": self._human, "robot": self._robot, "beast": self._beast}[self.build.folk]()

    # -- humans ------------------------------------------------------------------------------------------------

    def _human(self) -> None:
        easel, p, w = self.easel, self.paints, self.build.face
        turn, behind = self.stance.turn, self.stance.from_behind
        jaw = [
            (-w * 0.86 + 0.1 * turn, 0.06),
            (-w * 0.52 + 0.2 * turn, 0.38),
            (self.fx * 0.9 - 0.10, 0.50),
            (self.fx * 0.9 + 0.10, 0.50),
            (w * 0.62 + 0.16 * turn, 0.33),
            (w * 0.90 + 0.05 * turn, 0.04),
        ]
        ear_x = -w * (0.95 - 0.75 * turn)
        if turn < 0.55 and not behind:
            easel.part(self.at(ellipse((w * 0.97, 0.08), 0.07, 0.11)), p.skin, shade=0.05)
        nose = [self.at([(w * 0.9, -0.02), (w * 1.24, 0.14), (w * 0.86, 0.22)])] if turn >= 0.85 and not behind else []
        easel.part([self.at(ellipse((0, -0.06), w, 0.44)), self.at(jaw), *nose], p.skin, shade=0.13)
        if behind:
            self._nape()
            return
        easel.part(self.at(ellipse((ear_x, 0.08), 0.075, 0.115)), p.skin, shade=0.05)
        self._face(0.0)
        self._fringe()
        if self.character.extra == "glasses" and not self.tiny:
            for side in (-1, 1):
                ring = ellipse(
                    (self.fx + side * 0.18 * (1 - 0.3 * turn), 0.05), 0.13 * (1 - 0.25 * turn * (side > 0)), 0.12
                )
                easel.line(self.at(np.vstack([ring, ring[:1]])), p.dark, 1.1)
            easel.line(self.at([(self.fx - 0.05, 0.04), (self.fx + 0.05, 0.04)]), p.dark, 1.0)
        if self.character.extra == "headband":
            band = [(-w * 1.02, -0.20), (w * 1.02, -0.24), (w * 1.02, -0.13), (-w * 1.02, -0.09)]
            easel.part(self.at(band), p.accent, shade=0)
        if self.character.extra in ("ribbon", "hairpin"):
            x, y = -w * 0.55, -0.40
            if self.character.extra == "ribbon":
                easel.part(
                    [
                        self.at([(x, y), (x - 0.22, y - 0.14), (x - 0.20, y + 0.12)]),
                        self.at([(x, y), (x + 0.20, y - 0.16), (x + 0.22, y + 0.08)]),
                    ],
                    p.accent,
                    shade=0,
                )
            else:
                easel.part(self.at(superellipse((w * 0.4, -0.3), 0.10, 0.035, 4)), p.accent, shade=0)

    def _nape(self) -> None:
        """Seen from behind: hair all over."""
        w = self.build.face
        low = 0.42 if self.character.hair in ("short", "spiky") else 0.52
        zig = [(x, low + (0.10 if i % 2 else -0.04)) for i, x in enumerate(np.linspace(w * 1.02, -w * 1.02, 8))]
        cap = np.concatenate([ellipse((0, -0.04), w * 1.10, 0.50, 0, 18, 175, 365), np.array(zig)])
        self.easel.part(self.at(cap), self.paints.hair)

    def _fringe(self) -> None:
        w, turn, fx = self.build.face, self.stance.turn, self.fx
        top = ellipse((-0.03, -0.08), w * 1.10, 0.46, 0, 18, 180, 362)
        left, right = -w * 1.10, w * (1.06 + 0.02 * turn)
        side = 0.34 if self.character.hair in ("bob", "long") else 0.14
        xs = {
            "straight": [(right, 0.02), (right - 0.07, -0.12), (fx + 0.26, -0.12), (fx - 0.30, -0.10)],
            "parted": [
                (right, 0.05),
                (right - 0.1, -0.1),
                (fx + 0.12, -0.30),
                (fx + 0.02, -0.36),
                (fx - 0.10, -0.26),
                (fx - 0.32, -0.06),
            ],
            "swept": [(right, -0.10), (fx + 0.30, -0.26), (fx + 0.05, -0.14), (fx - 0.20, -0.02), (fx - 0.28, 0.0)],
            "jagged": [
                (right, 0.05),
                (fx + 0.36, -0.18),
                (fx + 0.22, -0.02),
                (fx + 0.10, -0.22),
                (fx - 0.04, 0.0),
                (fx - 0.14, -0.20),
                (fx - 0.28, 0.04),
            ],
        }.get(self.character.bangs, [(right, 0.0), (fx, -0.16), (fx - 0.3, -0.05)])
        lock = [
            (-w * 0.72 + 0.1 * turn, -0.06),
            (-w * 0.70 + 0.06 * turn + 0.05 * self.stance.wind, side),
            (left * 0.98, side * 0.7),
        ]
        self.easel.part(self.at(np.concatenate([top, np.array(xs), np.array(lock)])), self.paints.hair, shade=0.12)
        if not self.tiny:
            shine = blend(self.paints.hair, (255, 246, 226), 0.35)
            arc = np.concatenate(
                [
                    ellipse((0.06, -0.02), w * 0.86, 0.42, 0, 8, 285, 335),
                    ellipse((0.06, -0.0), w * 0.80, 0.36, 0, 8, 285, 335)[::-1],
                ]
            )
            self.easel.flat(self.at(arc), shine)

    def _face(self, drop: float) -> None:
        """Eyes, brows, nose and mouth around `fx`."""
        easel, p, m = self.easel, self.paints, self.stance.mask
        turn, fx = self.stance.turn, self.fx
        if self.gag:
            self._gag_face()
            return
        for side in (-1, 1) if turn < 0.85 else (-1,):  # in profile the far eye is hidden
            narrow = 1 - 0.35 * turn * (side > 0)
            x, y = fx + side * 0.185 * (1 - 0.25 * turn) + (0.22 if turn >= 0.85 else 0.0), 0.06 + drop
            if m.arched:
                easel.line(self.at(ellipse((x, y + 0.04), 0.085 * narrow, 0.07, 0, 9, 190, 350)), p.dark, 1.5)
            elif m.lids < 0.2:
                easel.line(self.at(ellipse((x, y), 0.085 * narrow, 0.045, 0, 9, 15, 165)), p.dark, 1.4)
            else:
                open_y = 0.112 * min(1.25, m.lids)
                if not self.tiny:
                    easel.flat(self.at(ellipse((x, y), 0.098 * narrow, open_y)), p.pale)
                iris = (x + 0.03 * (m.look + turn * 0.5), y + 0.008)
                easel.flat(self.at(ellipse(iris, 0.066 * narrow, 0.86 * open_y)), p.eye)
                if not self.tiny:
                    easel.flat(self.at(ellipse((iris[0] + 0.024, iris[1] - 0.035), 0.021, 0.026)), (255, 252, 244))
                    easel.line(self.at(ellipse((x, y), 0.104 * narrow, open_y + 0.006, 0, 9, 200, 340)), p.dark, 1.7)
            if not self.tiny or m.brow:
                by, tilt = -0.115 - m.raise_brow + drop, 0.035 * m.brow * side  # a frown goes down towards the nose
                brow = [(x - 0.08 * narrow, by + tilt), (x + 0.08 * narrow, by - tilt)]
                easel.line(self.at(brow), blend(p.hair, (30, 20, 30), 0.5), 1.8)
            if m.cheeks and not self.tiny:
                easel.flat(
                    self.at(ellipse((fx + side * 0.25 * (1 - 0.3 * turn), 0.22 + drop), 0.065 * narrow, 0.04)), p.blush
                )
        if not self.tiny:
            easel.line(
                self.at(
                    [(fx + 0.05 + 0.05 * turn, 0.13), (fx + 0.03 + 0.10 * turn, 0.185), (fx + 0.01 + 0.03 * turn, 0.19)]
                ),
                blend(p.skin, p.dark, 0.5),
                0.9,
            )
        self._mouth((fx + 0.02 * turn, 0.31 + drop), 0.12)

    def _mouth(self, at, half: float) -> None:
        easel, p, m = self.easel, self.paints, self.stance.mask
        x, y = at
        lip = blend(p.skin, (70, 26, 34), 0.75)
        if m.mouth in ("open", "ring", "teeth") and m.gape > 0.04:
            if m.mouth == "ring":
                shape = ellipse((x, y + 0.02), half * 0.5, 0.11 * m.gape + 0.015)
            elif m.mouth == "teeth":
                shape = superellipse((x, y + 0.01), half * 1.0, 0.075, 4)
            else:
                wide = half * (1.05 - 0.25 * m.gape)
                shape = np.concatenate(
                    [
                        [(x - wide, y - 0.03), (x + wide, y - 0.03)],
                        ellipse((x, y - 0.03), wide, 0.185 * m.gape + 0.012, 0, 10, 0, 180),
                    ]
                )
            easel.flat(self.at(shape), (112, 34, 44) if m.mouth != "teeth" else p.pale)
            if m.mouth == "teeth":
                easel.line(self.at([(x - half, y + 0.01), (x + half, y + 0.01)]), lip, 0.8)
            elif m.gape > 0.5 and not self.tiny:
                easel.flat(self.at(ellipse((x, y + 0.11 * m.gape), half * 0.5, 0.035)), (206, 96, 96))
            easel.line(self.at(np.vstack([shape, shape[:1]])), lip, 0.8)
            return
        bow = {"curve_up": (20, 160), "curve_down": (200, 340), "ring": (20, 160)}.get(m.mouth)
        if bow:
            lift = 0.03 if m.mouth == "curve_down" else -0.02
            easel.line(self.at(ellipse((x, y + lift), half * 0.85, 0.045, 0, 9, *bow)), lip, 1.2)
        elif m.mouth == "wave":
            t = np.linspace(-1, 1, 13)
            easel.line(self.at(np.stack([x + half * 0.85 * t, y + 0.022 * np.sin(9 * t)], 1)), lip, 1.2)
        else:
            easel.line(self.at([(x - half * 0.62, y), (x + half * 0.62, y + 0.004)]), lip, 1.2)

    def _gag_face(self) -> None:
        """The face drawn off model: white saucers, pinprick pupils, a mouth that leaves the jaw."""
        easel, p, fx = self.easel, self.paints, self.fx
        for side, r in ((-1, 0.20), (1, 0.15)):
            easel.part(self.at(ellipse((fx + side * 0.2, 0.0), r, r * 1.1)), (250, 248, 240), shade=0)
            easel.flat(self.at(ellipse((fx + side * 0.2 + 0.03, 0.02), 0.03, 0.03)), p.dark)
        t = np.linspace(0, 1, 9)
        top = np.stack([fx - 0.34 + 0.68 * t, 0.26 + 0.05 * (np.arange(9) % 2)], 1)
        low = np.stack([fx + 0.30 - 0.60 * t, 0.56 + 0.05 * (np.arange(9) % 2)], 1)
        easel.part(self.at(np.concatenate([top, low])), (112, 34, 44), shade=0)
        easel.flat(self.at(ellipse((fx, 0.52), 0.17, 0.07)), (214, 100, 100))

    # -- others ------------------------------------------------------------------------------------------------

    def _robot(self) -> None:
        easel, p, m, w = self.easel, self.paints, self.stance.mask, self.build.face
        fx = self.fx * 0.55
        easel.part(self.at(superellipse((0, 0), w, 0.46, 4.5)), p.skin, shade=0.12)
        if self.stance.from_behind:
            for y in (-0.12, 0.0, 0.12):
                easel.line(self.at([(-0.25, y), (0.25, y)]), p.dark, 1.1)
            return
        easel.part(self.at(superellipse((fx, 0.0), w * 0.80, 0.31, 5)), (30, 36, 46), shade=0)
        glow = blend(p.accent, (255, 255, 236), 0.55)
        for side in (-1, 1):
            x = fx + side * 0.19 * (1 - 0.2 * self.stance.turn) + 0.03 * m.look
            if self.gag:
                cross = [(x - 0.09, -0.15), (x + 0.09, 0.03)], [(x + 0.09, -0.15), (x - 0.09, 0.03)]
                for line in cross:
                    easel.line(self.at(line), glow, 2.6)
                continue
            high = 0.012 if m.lids < 0.2 else 0.085 * m.lids
            lid = 0.5 * high * m.brow * side
            box = [
                (x - 0.085, -0.06 - high + max(0, lid)),
                (x + 0.085, -0.06 - high + max(0, -lid)),
                (x + 0.085, -0.06 + high),
                (x - 0.085, -0.06 + high),
            ]
            easel.flat(self.at(ellipse((x, -0.03), 0.09, 0.07, 0, 9, 180, 360) if m.arched else box), glow)
        if self.gag:
            t = np.linspace(0, 1, 9)
            jag = 0.05 * (np.arange(9) % 2)
            top, low = np.stack([fx - 0.30 + 0.6 * t, 0.10 + jag], 1), np.stack([fx + 0.26 - 0.52 * t, 0.50 + jag], 1)
            easel.part(self.at(np.concatenate([top, low])), glow, shade=0)
            return
        half, gape = 0.14, m.gape if m.mouth in ("open", "ring", "teeth") else 0.0
        bend = {"curve_up": 0.03, "curve_down": -0.03, "open": 0.02}.get(m.mouth, 0.0)
        t = np.linspace(-1, 1, 9)
        low = 0.15 + bend * (1 - t**2)
        bar = np.concatenate(
            [np.stack([fx + half * t, low - 0.012], 1), np.stack([fx + half * t, low + 0.012 + 0.11 * gape], 1)[::-1]]
        )
        easel.flat(self.at(bar), glow)
        for side in (-1, 1):
            easel.part(self.at(superellipse((side * w * 1.0, 0.02), 0.08, 0.14, 4)), p.second, shade=0.05)

    def _beast(self) -> None:
        easel, p, w = self.easel, self.paints, self.build.face
        easel.part(self.at(superellipse((0, 0.02), w, 0.46, 2.3)), p.skin, shade=0.15)
        if self.stance.from_behind:
            return
        easel.part(self.at(ellipse((self.fx * 1.1, 0.24), 0.27, 0.19)), blend(p.skin, p.pale, 0.6), ink=0.7, shade=0.05)
        self._face(-0.03)
        if not self.gag:
            easel.flat(self.at(ellipse((self.fx * 1.2, 0.15), 0.075, 0.05)), p.dark)
        if not self.tiny:
            for side in (-1, 1):
                for dy in (-0.03, 0.04):
                    root = (self.fx + side * 0.28, 0.26 + dy)
                    easel.line(self.at([root, (root[0] + side * 0.24, root[1] + dy * 1.6)]), p.dark, 0.6)
