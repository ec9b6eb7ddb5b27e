"""The figure: one drawing of a character in a pose, inked, flat-painted with a hard shadow, on a transparent cel.

Body units are head heights; the figure stands on (0, 0), x forward, y down (so the crown is near y = -heads).
"""

from __future__ import annotations

import numpy as np

from anicaption.drawn.hair import draw_back_hair, draw_back_of_head
from anicaption.drawn.head import draw_head
from anicaption.drawn.ink import Pen, Rgb, sides, spline
from anicaption.drawn.model import CHIBI, HeadSpace, Proportion, Tones
from anicaption.drawn.outfit import draw_front, draw_skirt
from anicaption.drawn.poses import Limb, Pose
from anicaption.drawn.profile import PROFILE_YAW
from anicaption.drawn.script import Character
from anicaption.drawn.smears import draw_copies, draw_smear, draw_whirl


def _direction(angle_deg: float) -> np.ndarray:
    angle = np.radians(angle_deg)
    return np.array([np.sin(angle), np.cos(angle)])


def bounds(proportion: Proportion) -> tuple[float, float, float, float]:
    """A box (x0, y0, x1, y1) in body units that holds every drawing, hair and smears included."""
    reach = proportion.heads * 0.62 + 1.0
    return -reach, -proportion.heads * 1.62 - 0.9, reach + 0.9, 0.5


def draw_figure(pen: Pen, character: Character, tones: Tones, pose: Pose, proportion: Proportion) -> None:
    """Ink and paint the whole figure with `pen`, whose affine takes body units to pixels."""
    stretch = np.diag(pose.stretch)
    if pose.stretch != (1.0, 1.0):
        pen.affine = np.column_stack([pen.affine[:, :2] @ stretch, pen.affine[:, 2]])
    body = Body(pen, character, tones, pose, proportion)
    if pose.whirl:
        draw_whirl(body)
        return
    if not pose.back_view:
        behind = body.head.moved(-0.09, 0.0) if pose.yaw >= PROFILE_YAW else body.head
        draw_back_hair(pen, behind, character, tones, pose.yaw)
        _scarf_tail(body)
    body.arm(pose.far_arm, far=True)
    if pen.sees(body.pelvis, proportion.leg):
        body.leg(pose.far_leg, far=True)
        body.leg(pose.near_leg, far=False)
    body.torso()
    if pose.smear:
        draw_smear(body)
    if pose.copies:
        draw_copies(body)
    if pose.blade is not None:
        _blade(body, pose.blade)
    body.arm(pose.near_arm, far=False)
    if pose.back_view:
        draw_back_of_head(pen, body.head, character, tones)
    else:
        draw_head(pen, body.head, character, tones, pose.yaw, pose.face)


class Body:
    """Joints of one pose and the painting of its parts."""

    def __init__(self, pen: Pen, character: Character, tones: Tones, pose: Pose, proportion: Proportion) -> None:
        self.pen, self.character, self.tones, self.pose, self.proportion = pen, character, tones, pose, proportion
        p = proportion
        self.thigh = p.leg * 0.5
        drop = max(self._foot(pose.near_leg)[1], self._foot(pose.far_leg)[1])
        drop = pose.planted * drop + (1 - pose.planted) * 0.88 * p.leg
        self.pelvis = np.array([pose.dx, -drop - 0.10 * p.girth - pose.lift])
        self.up = -_direction(-pose.lean)
        self.across = np.array([-self.up[1], self.up[0]])
        self.chest = self.pelvis + self.up * p.torso
        turn = 1 - 0.32 * abs(pose.yaw)
        self.shoulder_half = 0.60 * p.girth * turn * (0.75 if p is CHIBI else 1.0)
        self.hip_half = 0.21 * p.girth
        neck_top = self.chest + self.up * (p.neck + 0.44 * p.head_size) + np.array([0.06 * pose.yaw, 0])
        self.head = HeadSpace(
            (neck_top[0], neck_top[1]), p.head_size, pose.head_tilt + pose.lean * 0.25, pose.sway, pose.flutter
        )

    def _foot(self, leg: Limb) -> np.ndarray:
        return self.thigh * (_direction(leg[0]) + _direction(leg[1]))

    def at(self, points) -> np.ndarray:
        """Spine coordinates (across, up from the pelvis in torso lengths) to body units."""
        points = np.asarray(points, float)
        return self.pelvis + points[:, :1] * self.across + points[:, 1:] * self.up * self.proportion.torso

    def tube(
        self, joints, widths, tones: tuple[Rgb, Rgb], per: int = 7, shade: float = 0.25, cap: bool = False
    ) -> np.ndarray:
        """A limb through `joints` with half `widths` at them: fill, shadow on its back side, two ink edges.

        With `cap` its root is rounded, as a shoulder is.
        """
        line = spline(joints, per)
        half = np.interp(np.linspace(0, 1, len(line)), np.linspace(0, 1, len(widths)), widths)
        left, right = sides(line, half)
        if cap:
            axis = left[0] - line[0]
            back = (line[0] - line[1]) / (np.hypot(*(line[0] - line[1])) + 1e-9) * half[0]
            a = np.linspace(0, np.pi, 9)[:, None]
            arc = line[0] + np.cos(a) * axis * 0.98 + np.sin(a) * back * 0.62
            self.pen.fill(np.concatenate([arc, right, left[::-1]]), tones[0])
            outer = arc[:6] if left[0][0] * np.sign(self.outward) > right[0][0] * np.sign(self.outward) else arc[3:]
            self.pen.line(outer, self.tones.ink, 1.25, (0.5, 0.5))
        self.pen.fill(np.concatenate([left, right[::-1]]), tones[0])
        if shade is not None:
            dark = left if left[:, 0].mean() < right[:, 0].mean() else right
            self.pen.fill(np.concatenate([line + (dark - line) * shade, dark[::-1]]), tones[1])
        self.pen.line(left, self.tones.ink, 1.25, (0.5, 0.6))
        self.pen.line(right, self.tones.ink, 1.25, (0.5, 0.6))
        return line

    def arm(self, limb: Limb, far: bool) -> None:
        p, outfit = self.proportion, self.character.outfit
        g = p.girth
        side = 1 if far else -1
        self.outward = side
        shoulder = (
            self.chest
            + self.across * side * self.shoulder_half * (0.88 - 0.14 * side * abs(self.pose.yaw))
            - self.up * 0.20 * g
        )
        elbow = shoulder + _direction(limb[0]) * p.arm * 0.52
        wrist = elbow + _direction(limb[1]) * p.arm * 0.50
        widths = np.array([0.150, 0.125, 0.092]) * g
        hand = self.pose.far_hand if far else self.pose.near_hand
        skin = self.tones.skin
        joints = np.array([shoulder, shoulder * 0.5 + elbow * 0.5, elbow, elbow * 0.5 + wrist * 0.5, wrist])
        swell = 0.0 if far else self.pose.swell
        joints = self._bent(joints, 0.0 if far else 1.0, 0.55)
        wrist, widths = joints[-1], widths * (1 + swell * np.array([0.1, 0.55, 1.0]))
        if not swell:
            self._hand(wrist, limb[1], hand)
        if outfit in ("sailor", "dress", "hero"):
            self.tube(joints, widths, skin)
            sleeve = joints[:3] if outfit != "hero" else joints[:2]
            self.tube(sleeve, widths[:2] * [1.18, 1.42], self.tones.main, cap=True)
            if outfit == "hero":
                self.tube(joints[3:], widths[1:] * 1.25, self.tones.accent)
        else:
            self.tube(joints, widths * 1.22, self.tones.main, cap=True)
            if len(joints) == 5:
                self._elbow_folds(shoulder, elbow, wrist)
            cuff = joints[-2] * 0.25 + wrist * 0.75
            self.tube([cuff, wrist], np.array([0.125, 0.125]) * g * (1 + swell), self.tones.second, 2)
        if swell:
            self._hand(wrist, limb[1], hand, 1.6 * (1 + swell))

    def _bent(self, joints: np.ndarray, lag: float, longer: float) -> np.ndarray:
        """Joints of a limb that bends like a hose, and grows `longer`, where the pose asks for it."""
        amount, wave = self.pose.rubber
        if not amount:
            return joints
        root, way = joints[0], joints[-1] - joints[0]
        way = way if np.hypot(*way) > 0.2 else np.array([0.0, 0.8])
        t = np.linspace(0, 1, 9)
        side = np.array([-way[1], way[0]])
        swing = 0.42 * amount * np.sin(2 * np.pi * t * 1.1 + wave + lag) * np.sin(np.pi * (0.15 + 0.55 * t))
        return root + way * (t * (1 + longer * amount))[:, None] + side * (swing - swing[0])[:, None]

    def _elbow_folds(self, shoulder: np.ndarray, elbow: np.ndarray, wrist: np.ndarray) -> None:
        """Two creases of cloth inside the bend."""
        for toward, share in ((shoulder, 0.22), (wrist, 0.24)):
            root = elbow + (toward - elbow) * share
            inner = (shoulder + wrist) / 2 - elbow
            inner = inner / (np.hypot(*inner) + 1e-9) * 0.13 * self.proportion.girth
            self.pen.line([root + inner, root + inner * 0.3, elbow + inner * -0.1], self.tones.ink, 0.7, (1.0, 0.1))

    def _hand(self, wrist: np.ndarray, angle_deg: float, shape: str, scale: float = 1.0) -> None:
        forward = _direction(angle_deg)
        cross = np.array([forward[1], -forward[0]])
        g = self.proportion.girth * scale
        skin = self.tones.skin
        if shape == "fist":
            points = [(-0.11, 0.0), (-0.15, 0.10), (-0.13, 0.24), (0.0, 0.28), (0.13, 0.24), (0.15, 0.10), (0.10, 0.0)]
        elif shape == "open":
            # Cross points to larger angles, so the first finger lies against it.
            for k, spread in enumerate((-20, -7, 6, 19)):
                way = _direction(angle_deg + spread)
                root = wrist + forward * 0.18 * g + cross * (0.060 * k - 0.090) * g
                length = (0.20, 0.25, 0.24, 0.18)[k] * g
                self.tube(
                    [root, root + way * length * 0.6, root + way * length], np.array([0.046, 0.044, 0.022]) * g, skin, 3
                )
            thumb = _direction(angle_deg - 52)
            base = wrist + forward * 0.06 * g - cross * 0.06 * g
            self.tube(
                [base, base + thumb * 0.13 * g, base + thumb * 0.22 * g], np.array([0.055, 0.05, 0.026]) * g, skin, 3
            )
            points = [
                (-0.09, -0.02),
                (-0.13, 0.12),
                (-0.10, 0.24),
                (0.0, 0.27),
                (0.10, 0.24),
                (0.13, 0.12),
                (0.09, -0.02),
            ]
        else:
            points = [
                (-0.085, 0.0),
                (-0.12, 0.10),
                (-0.09, 0.26),
                (0.0, 0.36),
                (0.08, 0.27),
                (0.11, 0.10),
                (0.085, 0.0),
            ]
        outline = spline(
            wrist + g * (np.array(points)[:, :1] * cross + np.array(points)[:, 1:] * forward), 4, closed=True
        )
        self.pen.fill(outline, skin[0])
        self.pen.line(np.vstack([outline, outline[:1]]), self.tones.ink, 1.1, (1, 1))
        if shape == "fist" and scale > 1.0:
            # Near the lens: four fingers, their knuckles, and the thumb across them.
            for k in range(4):
                x = -0.10 + 0.066 * k
                finger = [
                    (x - 0.033, 0.27),
                    (x - 0.036, 0.12),
                    (x, 0.085),
                    (x + 0.036, 0.12),
                    (x + 0.033, 0.27),
                    (x, 0.30),
                ]
                nail = spline(
                    wrist + g * (np.array(finger)[:, :1] * cross + np.array(finger)[:, 1:] * forward), 4, True
                )
                self.pen.fill(nail, skin[0])
                self.pen.fill(np.concatenate([nail[:8], nail[4:5]]), skin[1])
                self.pen.line(np.vstack([nail, nail[:1]]), self.tones.ink, 1.3, (1, 1))
            thumb = np.array([(-0.15, 0.10), (-0.05, 0.055), (0.06, 0.075), (0.09, 0.12), (0.03, 0.145), (-0.12, 0.16)])
            shape_N2 = spline(wrist + g * (thumb[:, :1] * cross + thumb[:, 1:] * forward), 4, closed=True)
            self.pen.fill(shape_N2, skin[0])
            self.pen.line(np.vstack([shape_N2, shape_N2[:1]]), self.tones.ink, 1.4, (1, 1))
        elif shape == "fist":
            for k in (-0.05, 0.03):
                knuckle = wrist + g * (k * cross + np.array([[0.14], [0.26]]) * forward)
                self.pen.line(knuckle, self.tones.ink, 0.8)

    def leg(self, limb: Limb, far: bool) -> None:
        p, character = self.proportion, self.character
        g = p.girth
        side = 1 if far else -1
        hip = self.pelvis + np.array([side * self.hip_half * (1 - 0.35 * abs(self.pose.yaw)), 0.0])
        knee = hip + self.thigh * _direction(limb[0])
        ankle = knee + self.thigh * _direction(limb[1])
        widths = np.array([0.25, 0.215, 0.165, 0.150, 0.10]) * g
        joints = np.array([hip, hip * 0.5 + knee * 0.5, knee, knee * 0.55 + ankle * 0.45, ankle])
        joints = self._bent(joints, 2.0 if far else 3.0, 0.0)
        ankle = joints[-1]
        self._shoe(ankle, limb[1])
        if character.legs == "trousers":
            self.tube(joints, widths * [1.05, 1.1, 1.2, 1.2, 1.35], self.tones.second)
            return
        self.tube(joints, widths, self.tones.skin)
        sock = (
            self.tones.accent
            if character.outfit == "hero"
            else ((244, 244, 248), (196, 198, 222))
            if character.seed % 2
            else self.tones.second
        )
        start = 2 if character.seed % 3 else 3
        self.tube(joints[start:], widths[start:] * 1.06, sock)
        if character.legs == "shorts":
            self.tube(joints[:3], widths[:3] * [1.15, 1.25, 1.3], self.tones.second)

    def _shoe(self, ankle: np.ndarray, shin_deg: float) -> None:
        g = self.proportion.girth
        tilt = np.radians(np.clip(-shin_deg * 0.8, -35, 60))
        turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
        reach = 0.20 + 0.24 * abs(self.pose.yaw)
        points = [
            (-0.13, -0.12),
            (-0.15, 0.10),
            (reach, 0.10),
            (reach + 0.02, 0.02),
            (reach * 0.55, -0.06),
            (0.11, -0.13),
        ]
        outline = spline(ankle + g * np.array(points) @ turn.T, 3, closed=True)
        shoe = self.tones.accent if self.character.outfit in ("jacket", "hero") else ((92, 58, 52), (58, 36, 44))
        self.pen.fill(outline, shoe[0])
        self.pen.shade(
            ankle + g * np.array([(-0.2, 0.03), (reach + 0.1, 0.05), (reach + 0.1, 0.2), (-0.2, 0.2)]) @ turn.T,
            outline,
            shoe[1],
        )
        self.pen.line(np.vstack([outline, outline[:1]]), self.tones.ink, 1.2, (1, 1))

    def torso(self) -> None:
        pen, tones, p, pose = self.pen, self.tones, self.proportion, self.pose
        g, yaw = p.girth, pose.yaw
        s, slim = self.shoulder_half, (1 - 0.18 * abs(yaw)) * g
        neck = np.array([self.chest + self.up * (p.neck + 0.12) + [0.04 * yaw, 0], self.chest - self.up * 0.12])
        self.tube(neck, np.array([0.135, 0.16]) * min(g, 1.0), (tones.skin[0], tones.skin[1]), 4, shade=-0.35)
        right = [
            (s * 0.30, 1.045),
            (s * 0.80, 0.985),
            (s, 0.90),
            (0.46 * slim, 0.68),
            (0.335 * slim, 0.36),
            (0.40 * slim, 0.08),
            (0.41 * slim, -0.05),
        ]
        contour = np.array(right + [(-x, y) for x, y in reversed(right)])
        contour[:, 0] += 0.03 * yaw
        outline = self.at(contour)
        pen.fill(outline, tones.main[0])
        dark = self.at(
            np.concatenate(
                [
                    [(-0.16 * slim, 1.1), (-0.24 * slim, 0.6), (-0.10 * slim, 0.3), (-0.2 * slim, -0.1)],
                    [(-1.0, -0.1), (-1.0, 1.1)],
                ]
            )
        )
        pen.shade(dark, outline, tones.main[1])
        half = len(right)
        pen.line(spline(outline[:half], 5), tones.ink, 1.35, (0.5, 0.7))
        pen.line(spline(outline[half:], 5), tones.ink, 1.35, (0.7, 0.5))
        if not pose.back_view:
            draw_front(self, outline, s, slim, yaw)
        elif self.character.outfit == "sailor":
            flap = self.at([(-s * 0.8, 1.0), (s * 0.8, 1.0), (s * 0.72, 0.66), (-s * 0.72, 0.66)])
            pen.fill(flap, tones.second[0])
            pen.line(np.vstack([flap, flap[:1]]), tones.ink, 1.1, (1, 1))
        if self.character.legs == "skirt" or self.character.outfit == "dress":
            draw_skirt(self, slim)
        else:
            belt = self.at([(-0.43 * slim, 0.06), (0.43 * slim, 0.06), (0.43 * slim, -0.06), (-0.43 * slim, -0.06)])
            pen.fill(belt, tones.second[1])
            pen.line(np.vstack([belt, belt[:1]]), tones.ink, 1.0, (1, 1))


def _scarf_tail(body: Body) -> None:
    if body.character.extra != "scarf":
        return
    t = np.linspace(0, 1, 14)
    sway, flutter = body.pose.cloth or (body.pose.sway, body.pose.flutter)
    wind = sway - 0.5
    x = body.chest[0] - 0.2 + 1.7 * t * (0.35 * wind - 0.3) + 0.12 * np.sin(7 * t - flutter) * t
    y = body.chest[1] + 0.05 + t * (1.2 - 0.7 * min(1.3, abs(wind))) + 0.15 * np.sin(6 * t - flutter + 1) * t
    body.tube(np.stack([x, y], 1), np.array([0.12, 0.16, 0.20]), body.tones.accent, 2)


def _blade(body: Body, angle_deg: float) -> None:
    """A sword in the near hand: guard, grip and a long blade with a lit edge."""
    pose, p = body.pose, body.proportion
    shoulder = body.chest - body.across * body.shoulder_half * (0.88 + 0.14 * abs(pose.yaw)) - body.up * 0.20 * p.girth
    wrist = shoulder + _direction(pose.near_arm[0]) * p.arm * 0.52 + _direction(pose.near_arm[1]) * p.arm * 0.50
    along = _direction(angle_deg)
    across = np.array([along[1], -along[0]])
    root = wrist + _direction(pose.near_arm[1]) * 0.14
    edge = [(-0.32, 0.035), (0.12, 0.035), (0.12, 0.06), (2.25, 0.045), (2.5, -0.05), (0.12, -0.06), (-0.32, -0.035)]
    shape = np.array([root + along * u + across * v for u, v in edge])
    body.pen.fill(shape[[0, 1, 5, 6]], (74, 52, 60))
    body.pen.fill(shape[2:6], (206, 214, 230))
    body.pen.fill(np.array([shape[2], shape[3], shape[4], root + along * 0.12]), (246, 250, 255))
    body.pen.line(np.vstack([shape, shape[:1]]), body.tones.ink, 1.0, (1, 1))
    guard = np.array([root + along * 0.1 + across * 0.17, root + along * 0.1 - across * 0.17])
    body.pen.line(np.linspace(guard[0], guard[1], 5), body.tones.accent[1], 3.4, (0.8, 0.8))
