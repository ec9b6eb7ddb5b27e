"""In-betweens that no model sheet knows: a limb drawn out along its path, several of it at once, or only its sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anicaption.drawn.ink import mix, spline

if TYPE_CHECKING:
    from anicaption.drawn.figure import Body


def draw_smear(body: Body) -> None:
    """The acting arm drawn out along its path: one long form with trailing streaks (smear_stretch)."""
    first, last = body.pose.smear_arc
    amount = min(1.6, 0.6 + 0.4 * body.pose.smear)
    shoulder = body.chest - body.across * body.shoulder_half * 0.86 - body.up * 0.13
    t = np.linspace(first, last, 16)
    reach = body.proportion.arm * (1.15 + 0.75 * np.linspace(0, 1, 16)) * (0.7 + 0.3 * amount)
    arc = shoulder + np.stack([np.sin(np.radians(t)), np.cos(np.radians(t))], 1) * reach[:, None]
    inner = shoulder + (arc - shoulder) * np.linspace(0.9, 0.55, 16)[:, None]
    shape = np.concatenate([arc, inner[::-1]])
    body.pen.fill(shape, body.tones.main[0])
    body.pen.fill(np.concatenate([arc[3:], (inner * 0.3 + arc * 0.7)[3:][::-1]]), body.tones.skin[0])
    for share in (0.15, 0.45, 0.75):
        body.pen.line(inner * share + arc * (1 - share), body.tones.ink, 1.5, (0.05, 0.8))
    body.pen.line(arc, body.tones.ink, 1.8, (0.05, 1.0))


def draw_copies(body: Body) -> None:
    """The arms, and the legs of someone running, several times on their way (smear_multiple)."""
    pose, n = body.pose, round(body.pose.copies)
    striding = abs(pose.near_leg[0] - pose.far_leg[0]) > 50
    for k in range(n, 0, -1):
        for limb, far in ((pose.far_arm, True), (pose.near_arm, False)):
            turn = 30 * k * (-1 if far else 1)
            body.arm((limb[0] - turn, limb[1] - turn), far=far)
        if striding:
            for limb, far in ((pose.far_leg, True), (pose.near_leg, False)):
                turn = 17 * k * (-1 if far else 1)
                body.leg((limb[0] - turn, limb[1] - turn), far=far)


def draw_whirl(body: Body) -> None:
    """Nothing but the sweep: crescents of the figure's colours around its middle, with loose ends (smear_abstract)."""
    pen, tones = body.pen, body.tones
    middle = body.pelvis + body.up * body.proportion.torso * 0.62
    size = body.proportion.torso * (1.05 + 0.22 * body.pose.whirl)
    rings = (
        (1.30, 0.62, 20, 330, tones.second[0]), (1.12, 0.50, 200, 300, tones.main[0]),
        (0.92, 0.42, 80, 320, tones.main[1]), (0.70, 0.36, 250, 310, tones.skin[0]),
        (0.46, 0.34, 130, 330, tones.hair[0]), (0.22, 0.22, 0, 350, mix(tones.hair[0], (255, 255, 255), 0.5)),
    )  # fmt: skip
    for radius, thick, start_deg, span_deg, rgb in rings:
        a = np.radians(start_deg + np.linspace(0, span_deg, 40))
        swell = np.sin(np.pi * np.linspace(0, 1, 40)) ** 0.5
        rim = np.stack([np.cos(a) * 1.12, np.sin(a) * 0.94], 1) * size
        outer, inner = middle + rim * radius, middle + rim * (radius - thick * swell[:, None] * 0.72)
        pen.fill(np.concatenate([outer, inner[::-1]]), rgb)
        pen.line(outer, tones.ink, 1.6, (0.05, 0.9))
        pen.line(inner, tones.ink, 0.9, (0.05, 0.4))
    for k, away in enumerate((0.0, 1.9, 3.4, 4.8)):
        root = middle + size * 1.25 * np.array([np.cos(away), np.sin(away) * 0.9])
        side = np.array([-np.sin(away), np.cos(away)])
        flick = spline([root, root + side * 0.45 * size, root + side * 0.8 * size + (root - middle) * 0.28], 6)
        pen.band(flick, np.linspace(0.11, 0.0, len(flick)) * size, (tones.second[0], tones.main[0])[k % 2])
        pen.line(flick, tones.ink, 1.2, (0.9, 0.05))
