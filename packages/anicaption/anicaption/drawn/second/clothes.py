"""What the second hand's puppets wear, and the trunks of robots and beasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anicaption.drawn.second.brush import blend, capsule, ellipse, scaled, superellipse

if TYPE_CHECKING:
    from anicaption.drawn.second.puppet import Puppet


def clothes(body: Puppet) -> None:
    b, p, easel = body.build, body.paints, body.easel
    s, h = body.half + 0.10 * b.girth / 0.145, b.hip * (1 - 0.2 * abs(body.stance.turn)) + 0.04
    drift = 0.22 * body.stance.cloth
    outfit, behind = body.character.outfit, body.stance.from_behind
    trunk = [
        (-s * 0.72, 1.03),
        (s * 0.72, 1.03),
        (s, 0.90),
        (h, 0.25),
        (h * 1.05, -0.10),
        (-h * 1.05, -0.10),
        (-h, 0.25),
        (-s, 0.90),
    ]
    knees = -0.62 * b.leg / b.torso
    if outfit == "blazer":  # a long coat, open below the belt
        hem = knees * 0.95
        coat = [*trunk[:4], (h * 1.55 + drift, hem), (-h * 1.55 + drift, hem), *trunk[6:]]
        easel.part(body.at(coat), p.main)
        if not behind:
            x = 0.35 * body.stance.turn * s
            easel.line(body.at([(x, 0.72), (x + 0.6 * drift, hem)]))
            easel.part(body.at([(x, 0.70), (x - s * 0.42, 1.02), (x + s * 0.42, 1.02)]), p.pale, ink=0.8, shade=0)
            for y in (0.55, 0.38, 0.21):
                easel.flat(body.at(_round(x + 0.09, y, 0.035, 0.035 / b.torso)), p.dark)
        easel.part(
            body.at([(-h * 1.04, 0.20), (h * 1.04, 0.20), (h * 1.04, 0.10), (-h * 1.04, 0.10)]), p.second, shade=0
        )
        return
    if outfit == "dress":  # a robe: crossed collar, broad sash, straight skirt
        hem = knees * 1.15
        easel.part(body.at([(-h, 0.3), (h, 0.3), (h * 1.35 + drift, hem), (-h * 1.35 + drift, hem)]), p.main)
        easel.part(body.at(trunk), p.main)
        if not behind:
            easel.part(
                body.at([(-s * 0.5, 1.04), (-s * 0.25, 1.04), (s * 0.42, 0.42), (s * 0.18, 0.42)]),
                p.pale,
                ink=0.7,
                shade=0,
            )
            easel.part(
                body.at([(s * 0.55, 1.04), (s * 0.28, 1.04), (-s * 0.55, 0.42), (-s * 0.28, 0.42)]),
                p.accent,
                ink=0.7,
                shade=0,
            )
        easel.part(
            body.at([(-h * 1.06, 0.48), (h * 1.06, 0.48), (h * 1.08, 0.12), (-h * 1.08, 0.12)]),
            p.second,
            shade=0.08,
        )
        return
    easel.part(body.at(trunk), p.main if outfit != "hero" else p.second)
    if body.character.legs == "skirt":
        hem = knees * 0.72
        folds = [(x * h * 1.7 + drift, hem + 0.03 * (i % 2)) for i, x in enumerate(np.linspace(1, -1, 7))]
        easel.part(body.at([(-h * 1.02, 0.14), (h * 1.02, 0.14), *folds]), p.second, shade=0.14)
    if outfit == "sailor":  # a poncho over everything
        tip = 0.02
        cape = [
            (-s * 0.4, 1.05),
            (s * 0.4, 1.05),
            (s * 1.35 + drift, 0.42),
            (0.25 * s + drift, tip),
            (-s * 1.35 + drift, 0.42),
        ]
        easel.part(body.at(cape), p.accent)
        easel.part(
            body.at(
                [
                    (-s * 1.18 + drift, 0.56),
                    (s * 1.18 + drift, 0.56),
                    (s * 1.30 + drift, 0.46),
                    (-s * 1.30 + drift, 0.46),
                ]
            ),
            p.pale,
            ink=0,
            shade=0,
        )
    elif outfit == "hero":  # breastplate and pads over a jumpsuit
        easel.part(body.at([(-s * 0.9, 0.98), (s * 0.9, 0.98), (s * 0.72, 0.5), (0, 0.36), (-s * 0.72, 0.5)]), p.main)
        for side in (-1, 1):
            easel.part(body.at(_round(side * s * 0.98, 0.92, 0.19, 0.15 / b.torso)), p.accent, shade=0.06)
        easel.part(body.at([(-h * 1.06, 0.14), (h * 1.06, 0.14), (h * 1.06, 0.0), (-h * 1.06, 0.0)]), p.accent, shade=0)
    elif not behind:  # a hooded top with a pouch
        easel.part(
            body.at([(-s * 0.45, 0.36), (s * 0.45, 0.36), (s * 0.58, 0.10), (-s * 0.58, 0.10)]),
            scaled(p.main, (0.9, 0.9, 0.92)),
            ink=0.7,
            shade=0,
        )
        easel.part(
            body.at([(-h * 1.1, 0.03), (h * 1.1, 0.03), (h * 1.08, -0.12), (-h * 1.08, -0.12)]),
            p.accent,
            ink=0.8,
            shade=0,
        )


def collar(body: Puppet) -> None:
    p, s = body.paints, body.half
    if body.build.folk == "robot":
        return
    if body.character.extra == "scarf" or body.character.outfit == "sailor":
        body.easel.part(
            body.at([(-s * 0.62, 1.10), (s * 0.62, 1.10), (s * 0.70, 0.94), (-s * 0.70, 0.94)]),
            p.accent,
            shade=0.06,
        )
    elif body.character.outfit == "jacket":
        body.easel.part(body.at(_round(0.0, 1.02, s * 0.66, 0.15 / body.build.torso)), p.second, shade=0.06)


def streamer(body: Puppet) -> None:
    """A scarf's end or a hero's cape, behind."""
    t = np.linspace(0, 1, 10)
    wind, wave = body.stance.wind, body.stance.wave
    wide = 0.62 if body.character.outfit == "hero" else 0.15
    length = 1.9 if body.character.outfit == "hero" else 1.3
    x = body.chest[0] - 0.15 + length * t * (0.55 * wind - 0.12) + 0.10 * np.sin(wave - 6 * t) * t
    y = body.chest[1] + 0.02 + length * t * (1 - 0.45 * min(1.2, abs(wind))) + 0.08 * np.cos(wave - 5 * t) * t
    half = wide * (0.5 + 0.7 * t)
    body.easel.part(
        np.concatenate([np.stack([x - half, y], 1), np.stack([x + half, y + 0.06], 1)[::-1]]),
        blend(body.paints.accent, body.paints.dark, 0.12),
    )


def _tabard(body: Puppet) -> None:
    """A cloth from the waist of those who wear nothing else."""
    h, drift = body.build.hip * 0.8, 0.30 * body.stance.cloth
    hem = -0.75 * body.build.leg / body.build.torso
    cloth = [(-h, 0.10), (h, 0.10), (h * 1.1 + drift, hem), (drift, hem - 0.06), (-h * 1.1 + drift, hem)]
    body.easel.part(body.at(cloth), body.paints.second, shade=0.1)


def chassis(body: Puppet) -> None:
    p, easel, s = body.paints, body.easel, body.half + 0.08
    easel.part(body.at([(-s * 0.6, 0.3), (s * 0.6, 0.3), (s * 0.66, -0.14), (-s * 0.66, -0.14)]), p.dark, shade=0)
    if body.character.legs == "skirt":
        _tabard(body)
    easel.part(
        body.at([(-s, 1.0), (s, 1.0), (s * 1.04, 0.62), (s * 0.7, 0.22), (-s * 0.7, 0.22), (-s * 1.04, 0.62)]),
        p.main,
    )
    if body.stance.from_behind:
        easel.part(body.at([(-s * 0.6, 0.9), (s * 0.6, 0.9), (s * 0.5, 0.35), (-s * 0.5, 0.35)]), p.second)
        return
    x = 0.3 * body.stance.turn * s
    easel.part(body.at(_round(x, 0.66, 0.17, 0.17 / body.build.torso)), p.accent, shade=0.05)
    easel.line(body.at([(-s * 0.9, 0.82), (x - 0.26, 0.82)]), width=0.7)
    easel.line(body.at([(x + 0.26, 0.5), (s * 0.86, 0.5)]), width=0.7)
    for side in (-1, 1):
        easel.flat(body.at(_round(side * s * 0.82, 0.93, 0.035, 0.035 / body.build.torso)), p.dark)


def belly(body: Puppet) -> None:
    p, easel, b = body.paints, body.easel, body.build
    tail = capsule(
        body.pelvis - body.across * 0.4 + body.up * 0.15,
        body.pelvis
        - body.across * (0.95 - 0.2 * body.stance.wind)
        + body.up * (0.35 + 0.12 * np.sin(body.stance.wave)),
        0.13,
        0.20,
    )
    easel.part(tail, p.skin)
    middle = body.pelvis + body.up * b.torso * 0.5
    easel.part(superellipse(middle, b.hip * 1.12, b.torso * 0.62, 2.3), p.skin)
    if not body.stance.from_behind:
        spot = middle + np.array([0.25 * body.stance.turn * b.hip, b.torso * 0.10])
        easel.part(ellipse(spot, b.hip * 0.66, b.torso * 0.40), blend(p.skin, p.pale, 0.6), ink=0.6, shade=0.05)
    if body.character.legs == "skirt":
        _tabard(body)
    band = body.at([(-b.hip * 0.9, 0.98), (b.hip * 0.9, 0.98), (b.hip * 1.0, 0.84), (-b.hip * 1.0, 0.84)])
    easel.part(band, p.accent, shade=0.05)


def _round(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    return ellipse((x, y), rx, ry, 0, 16)
