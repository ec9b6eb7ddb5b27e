"""A 3D set of the second hand: a hangar of crates and lamps in one-point perspective, shaded smoothly."""

from __future__ import annotations

import numpy as np

from anicaption.drawn.script import Place
from anicaption.drawn.second.brush import Rgb, blend, scaled
from anicaption.drawn.second.light import Light
from anicaption.drawn.second.paper import Paper


def hangar(paper: Paper, light: Light, place: Place) -> None:
    """Concrete, steel ribs and rows of crates; every face a gradient, nothing drawn by hand."""
    rng, eye = paper.rng, place.horizon - 0.02
    far = blend(light.haze, (180, 184, 190), 0.5)
    floor, wall = scaled((150, 150, 152), light.ambient), scaled((124, 132, 142), light.ambient)
    x0, x1 = paper.x0 - 0.1, paper.x1 + 0.1
    paper.mass([(x0, paper.y0 - 0.1), (x1, paper.y0 - 0.1), (x1, eye), (x0, eye)], scaled(wall, (0.5, 0.5, 0.55)), far)
    paper.mass([(x0, eye), (x1, eye), (x1, paper.y1 + 0.1), (x0, paper.y1 + 0.1)], far, scaled(floor, (0.7, 0.7, 0.74)))

    def seen(x: float, y: float, z: float) -> tuple[float, float]:
        return x / z, eye + y / z

    for z in np.geomspace(9.0, 0.7, 26):
        paper.stroke([(x0, eye + 0.55 / z), (x1, eye + 0.55 / z)], blend(floor, far, 0.5), 0.0016)
    for x in np.arange(-24, 24, 0.5):
        paper.stroke([seen(x, 0.55, 9.0), seen(x, 0.55, 0.6)], blend(floor, far, 0.4), 0.0016)
    for z in np.arange(7.5, 0.8, -0.7):
        tone = blend(scaled(wall, (0.9, 0.9, 0.94)), far, min(0.85, (z - 0.8) / 8))
        for side in (-1, 1):
            rib = [
                seen(1.75 * side, 0.55, z),
                seen(1.75 * side, -0.7, z),
                seen(1.2 * side, -1.15, z),
                seen(0, -1.32, z),
                seen(0, -1.22, z),
                seen(1.14 * side, -1.06, z),
                seen(1.62 * side, -0.66, z),
                seen(1.62 * side, 0.55, z),
            ]
            paper.mass(rib, tone, scaled(tone, (0.75, 0.75, 0.8)))
        lamp = seen(0.0, -1.12, z)
        paper.lit(lamp[0], lamp[1], 0.09 / z, light.glow, 0.8)
    spots = sorted(
        ((float(rng.uniform(1.0, 6.5)), float(rng.choice([-1, 1]) * rng.uniform(0.55, 1.3))) for _ in range(22)),
        reverse=True,
    )
    for z, x in spots:
        size = float(rng.uniform(0.14, 0.34))
        paint: Rgb = ((182, 120, 84), (96, 128, 136), (170, 160, 120))[int(rng.integers(3))]
        tone = blend(scaled(paint, light.ambient), far, min(0.8, (z - 0.8) / 8))
        _crate(paper, seen, x, z, size, tone)


def _crate(paper: Paper, seen, x: float, z: float, size: float, tone: Rgb) -> None:
    """A box on the floor with a soft shadow beside it."""
    low, top, back = 0.55, 0.55 - 2 * size, z + 2 * size
    shadow = [
        seen(x - size, low, z),
        seen(x + size, low, z),
        seen(x + 1.7 * size, low, back),
        seen(x - size, low, back),
    ]
    paper.mass(shadow, (44, 46, 54), (70, 72, 80))
    side = -1 if x > 0 else 1
    flank = [
        seen(x + side * size, top, z),
        seen(x + side * size, low, z),
        seen(x + side * size, low, back),
        seen(x + side * size, top, back),
    ]
    paper.mass(flank, scaled(tone, (0.72, 0.72, 0.76)), scaled(tone, (0.45, 0.45, 0.5)))
    if top > 0:
        lid = [seen(x - size, top, z), seen(x + size, top, z), seen(x + size, top, back), seen(x - size, top, back)]
        paper.mass(lid, tone, blend(tone, (255, 255, 255), 0.3))
    front = [seen(x - size, top, z), seen(x + size, top, z), seen(x + size, low, z), seen(x - size, low, z)]
    paper.mass(front, blend(tone, (255, 255, 255), 0.12), scaled(tone, (0.66, 0.66, 0.7)))
    for share in (0.15, 0.85):
        a = x - size + 2 * size * share
        paper.mass(
            [
                seen(a - 0.03 * size, top, z),
                seen(a + 0.03 * size, top, z),
                seen(a + 0.03 * size, low, z),
                seen(a - 0.03 * size, low, z),
            ],
            scaled(tone, (0.8, 0.8, 0.82)),
            scaled(tone, (0.55, 0.55, 0.6)),
        )
