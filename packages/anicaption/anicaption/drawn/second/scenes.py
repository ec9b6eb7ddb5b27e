"""What the second hand paints behind its puppets: terraces, a harbour, firs, facades, a works, a study.

A painter gets `back` (sky and far things), `main` (the plane the camera columns describe) and `front` (None unless a
BOOK lies over the figure). On one plane `back` and `main` are the same sheet. Ground lies at `horizon` + a little.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from anicaption.drawn.script import Place
from anicaption.drawn.second.brush import Rgb, blend, ellipse, scaled
from anicaption.drawn.second.light import Light
from anicaption.drawn.second.paper import Paper

Painter = Callable[[Paper, Paper, Paper | None, Light, Place], None]


def _under(light: Light, rgb: Rgb) -> Rgb:
    return scaled(rgb, light.ambient)


def _sky(paper: Paper, light: Light, horizon: float) -> None:
    """Bands of wash, a large pale disc, long flat clouds torn from noise."""
    top = horizon - 1.1
    paper.mass(paper.everything(), light.sky[0], light.sky[0], 0.06, 0.05)
    x0, x1 = paper.x0 - 0.1, paper.x1 + 0.1
    for a, b, i in ((top, horizon - 0.45, 0), (horizon - 0.45, horizon + 0.02, 1)):
        paper.mass([(x0, a), (x1, a), (x1, b + 0.01), (x0, b + 0.01)], light.sky[i], light.sky[i + 1], 0.06, 0.06)
    paper.mass(paper.below([(x0, horizon), (x1, horizon)]), light.sky[2], light.sky[2], 0.05)
    sun = (paper.rng.uniform(-0.7, 0.7), horizon - paper.rng.uniform(0.22, 0.40))
    paper.lit(*sun, 0.32, light.glow, 0.5)
    paper.disc(*sun, 0.085, 0.085, blend(light.glow, (255, 255, 255), 0.3))
    for row in np.arange(horizon - 0.12, paper.y0 - 0.1, -0.16):
        far = max(0.15, (horizon - row))
        for _ in range(int(1 + 1.2 * (paper.x1 - paper.x0) / (1 + 2 * far))):
            x, long, thick = (
                paper.rng.uniform(paper.x0, paper.x1),
                paper.rng.uniform(0.3, 0.9) * (0.6 + far),
                0.028 + 0.05 * far,
            )
            t = np.linspace(-1, 1, 14)
            crest = row - thick * (1 - t**2) * (0.5 + 0.6 * paper.rng.random(14))
            base = row + thick * 0.25 * (1 - t**2)
            cloud = np.concatenate(
                [np.stack([x + long * t / 2, crest], 1), np.stack([x + long * t / 2, base], 1)[::-1]]
            )
            tone = blend(light.sky[2], (255, 252, 244), 0.25 if light.lamp else 0.65)
            paper.mass(cloud, tone, blend(tone, light.sky[1], 0.45), 0.10, 0.12, 0.006)
    if light.lamp:
        for x, y in zip(paper.rng.uniform(paper.x0, paper.x1, 90), paper.rng.uniform(paper.y0, horizon - 0.1, 90)):
            paper.disc(x, y, 0.0028, 0.0028, (214, 216, 206))


def terraces(back: Paper, main: Paper, front: Paper | None, light: Light, place: Place) -> None:
    """Hills ploughed into stripes, cone trees, a mill."""
    h = place.horizon
    _sky(back, light, h - 0.05)
    greens: list[Rgb] = [(124, 150, 134), (132, 150, 96), (158, 156, 84), (186, 160, 92), (122, 126, 70)]
    for i, rgb in enumerate(greens):
        paper = back if i < 1 else main
        y = h - 0.08 + 0.085 * i**1.35
        line = paper.skyline(y, 0.055 - 0.006 * i, 1.9 + 0.3 * i, 3)
        colour = _under(light, rgb)
        paper.mass(
            paper.below(line),
            blend(colour, light.haze, max(0, 0.55 - 0.2 * i)),
            scaled(colour, (0.8, 0.8, 0.82)),
            0.14,
            0.10,
        )
        if i == 0:
            continue
        step = 0.022 * (1 + i)
        for k in range(1, 9):  # furrows follow the ridge
            shade = scaled(colour, (0.80, 0.78, 0.78)) if k % 2 else blend(colour, light.glow, 0.22)
            paper.stroke(line + np.array([0.03 * k, step * k]), shade, 0.004 + 0.0012 * i)
        for _ in range(int((paper.x1 - paper.x0) * (5 - i))):
            x = paper.rng.uniform(paper.x0, paper.x1)
            foot = float(np.interp(x, line[:, 0], line[:, 1])) + paper.rng.uniform(0.0, 0.06)
            _cone(paper, x, foot, paper.rng.uniform(0.05, 0.09) * (0.6 + 0.45 * i), light)
    for x in np.arange(main.x0 + main.rng.uniform(0.2, 1.4), main.x1, 2.3):
        _mill(main, x, h + 0.12, 0.34, light)
    _tufts(main, h + 0.30, light, (112, 110, 58))
    if front is not None:
        _stalks(front, light)


def _cone(paper: Paper, x: float, foot: float, size: float, light: Light) -> None:
    tone = _under(light, (66, 96, 82))
    paper.rect(x - 0.06 * size, foot - 0.1 * size, x + 0.06 * size, foot + 0.12 * size, _under(light, (84, 66, 54)))
    paper.mass(
        np.concatenate(
            [[(x, foot - 1.5 * size)], ellipse((x, foot - 0.35 * size), 0.36 * size, 0.3 * size, 0, 8, 0, 180)]
        ),
        blend(tone, light.glow, 0.25),
        tone,
        0.1,
        0.08,
    )
    paper.patch(
        [
            (x, foot - 1.5 * size),
            (x - 0.36 * size, foot - 0.3 * size),
            (x - 0.12 * size, foot - 0.1 * size),
            (x - 0.08 * size, foot - 0.7 * size),
        ],
        scaled(tone, (0.72, 0.74, 0.80)),
    )


def _mill(paper: Paper, x: float, foot: float, size: float, light: Light) -> None:
    wall = _under(light, (216, 200, 172))
    paper.mass(
        [
            (x - 0.16 * size, foot),
            (x - 0.10 * size, foot - 0.7 * size),
            (x + 0.10 * size, foot - 0.7 * size),
            (x + 0.16 * size, foot),
        ],
        wall,
        scaled(wall, (0.8, 0.78, 0.8)),
        0.1,
        0.08,
    )
    paper.patch(
        [(x - 0.13 * size, foot - 0.68 * size), (x, foot - 0.88 * size), (x + 0.13 * size, foot - 0.68 * size)],
        _under(light, (150, 74, 58)),
    )
    turn = paper.rng.random() * 90
    for k in range(4):
        a = np.radians(turn + 90 * k)
        way, side = np.array([np.cos(a), np.sin(a)]), np.array([-np.sin(a), np.cos(a)])
        hub = np.array([x, foot - 0.7 * size])
        paper.patch(
            [
                hub,
                hub + 0.55 * size * way,
                hub + 0.55 * size * way + 0.10 * size * side,
                hub + 0.1 * size * way + 0.08 * size * side,
            ],
            _under(light, (232, 220, 196)),
        )
    paper.rect(x - 0.03 * size, foot - 0.2 * size, x + 0.05 * size, foot, _under(light, (92, 70, 60)))


def _tufts(paper: Paper, top: float, light: Light, rgb: Rgb) -> None:
    n = int(70 * (paper.x1 - paper.x0) * max(0.1, paper.y1 - top))
    for _ in range(min(n, 900)):
        x, d = paper.rng.uniform(paper.x0, paper.x1), paper.rng.random() ** 0.7
        y, s = top + d * (paper.y1 - top), 0.012 + 0.03 * d
        tone = _under(light, blend(rgb, (214, 196, 120), float(paper.rng.random()) * 0.6))
        paper.stroke([(x, y), (x + paper.rng.uniform(-0.5, 0.5) * s, y - s)], tone, 0.003 + 0.002 * d)


def _stalks(front: Paper, light: Light) -> None:
    tone = scaled(_under(light, (70, 66, 48)), (0.7, 0.7, 0.75))
    mound = front.skyline(0.50, 0.035, 1.7, 3)
    front.mass(front.below(mound), tone, scaled(tone, (0.8, 0.8, 0.85)), 0.2, 0.1)
    for x in np.arange(front.x0, front.x1, 0.055):
        lean, tall = front.rng.uniform(-0.12, 0.12), front.rng.uniform(0.10, 0.30)
        front.patch([(x - 0.007, 0.66), (x + lean, 0.60 - tall), (x + 0.009, 0.66)], tone)
        if front.rng.random() < 0.3:
            front.disc(x + lean, 0.60 - tall, 0.013, 0.026, scaled(tone, (1.3, 1.2, 1.0)))


def harbour(back: Paper, main: Paper, front: Paper | None, light: Light, place: Place) -> None:
    """Banded water, a lighthouse on a rock, sails, a quay of planks."""
    h = place.horizon - 0.04
    _sky(back, light, h)
    x0, x1 = back.x0 - 0.1, back.x1 + 0.1
    deep, pale = _under(light, (44, 100, 118)), _under(light, (142, 176, 164))
    back.mass(
        [(x0, h), (x1, h), (x1, back.y1 + 0.1), (x0, back.y1 + 0.1)], blend(pale, light.sky[2], 0.4), deep, 0.10, 0.16
    )
    sheet = main
    y, k = h + 0.012, 0
    while y < h + 0.34:
        step = 0.010 * 1.22**k
        for x in np.arange(sheet.x0, sheet.x1, 0.5 + 0.08 * k):
            x = x + sheet.rng.uniform(-0.2, 0.2)
            long = sheet.rng.uniform(0.08, 0.4)
            tone = (
                blend(deep, light.glow, 0.55)
                if sheet.rng.random() < 0.4
                else blend(deep, pale, float(sheet.rng.random()))
            )
            sheet.patch([(x, y), (x + long / 2, y - step * 0.28), (x + long, y), (x + long / 2, y + step * 0.28)], tone)
        y += step
        k += 1
    for x in np.arange(sheet.x0 + sheet.rng.uniform(0, 1.2), sheet.x1, 1.9):
        rock = _under(light, (110, 100, 98))
        t = np.linspace(-1, 1, 11)
        crest = h + 0.05 - 0.10 * (1 - t**2) * sheet.rng.uniform(0.5, 1.2, 11)
        sheet.mass(
            np.concatenate([np.stack([x + 0.3 * t, crest], 1), [(x + 0.32, h + 0.07), (x - 0.32, h + 0.07)]]),
            blend(rock, light.glow, 0.2),
            rock,
            0.2,
            0.1,
        )
        if sheet.rng.random() < 0.6:
            for i in range(5):
                a, b = h - 0.05 - 0.07 * i, h - 0.12 - 0.07 * i
                w0, w1 = 0.042 - 0.005 * i, 0.037 - 0.005 * i
                paint = _under(light, (196, 74, 58) if i % 2 else (236, 226, 206))
                sheet.mass([(x - w0, a), (x - w1, b), (x + w1, b), (x + w0, a)], paint, None, 0.06)
            sheet.rect(x - 0.022, h - 0.44, x + 0.022, h - 0.40, light.glow)
    for x in np.arange(sheet.x0 + sheet.rng.uniform(0, 0.6), sheet.x1, 0.83):
        s, foot = sheet.rng.uniform(0.07, 0.16), h + sheet.rng.uniform(0.06, 0.18)
        sheet.patch(
            [(x, foot - s * 1.6), (x + 0.62 * s, foot - 0.1 * s), (x, foot - 0.1 * s)], _under(light, (238, 226, 200))
        )
        sheet.patch(
            [(x - 0.03 * s, foot - s * 1.3), (x - 0.45 * s, foot - 0.1 * s), (x - 0.03 * s, foot - 0.1 * s)],
            _under(light, (204, 120, 84)),
        )
        sheet.patch(
            [(x - 0.55 * s, foot), (x + 0.7 * s, foot), (x + 0.5 * s, foot + 0.2 * s), (x - 0.4 * s, foot + 0.2 * s)],
            _under(light, (84, 66, 66)),
        )
    _planks(sheet, h + 0.27, light, (150, 120, 92))
    for x in np.arange(sheet.x0, sheet.x1, 0.62):
        post = _under(light, (96, 78, 66))
        sheet.mass(
            [(x - 0.03, h + 0.17), (x + 0.03, h + 0.17), (x + 0.035, h + 0.42), (x - 0.035, h + 0.42)],
            blend(post, light.glow, 0.25),
            post,
            0.15,
            0.05,
        )
        sheet.stroke([(x, h + 0.21), (x + 0.31, h + 0.27), (x + 0.62, h + 0.21)], _under(light, (196, 178, 140)), 0.008)
    if front is not None:
        _ropes(front, light)


def _planks(paper: Paper, top: float, light: Light, rgb: Rgb) -> None:
    """A floor of boards that run to a point far behind the frame's middle."""
    base = _under(light, rgb)
    x0, x1 = paper.x0 - 0.1, paper.x1 + 0.1
    paper.mass(
        [(x0, top), (x1, top), (x1, paper.y1 + 0.1), (x0, paper.y1 + 0.1)],
        blend(base, light.haze, 0.25),
        base,
        0.14,
        0.12,
    )
    vanish, bottom = np.array([0.0, top - 0.5]), paper.y1 + 0.05
    grow = (bottom - vanish[1]) / 0.5
    for i, x in enumerate(np.arange(x0 - 3, x1 + 3, 0.13)):
        end = vanish[0] + (x - vanish[0]) * grow
        if i % 2:
            nxt = vanish[0] + (x + 0.13 - vanish[0]) * grow
            tone = blend(base, (40, 30, 34), float(paper.rng.uniform(0.02, 0.22)))
            paper.patch([(x, top), (x + 0.13, top), (nxt, bottom), (end, bottom)], tone)
        paper.stroke([(x, top), (end, bottom)], scaled(base, (0.6, 0.58, 0.6)), 0.003)
    paper.rect(x0, top, x1, top + 0.012, scaled(base, (0.62, 0.6, 0.62)))


def _ropes(front: Paper, light: Light) -> None:
    dark = scaled(_under(light, (74, 60, 54)), (0.7, 0.7, 0.75))
    for x in np.arange(front.x0, front.x1 + 1, 1.7):
        front.mass([(x - 0.07, -0.7), (x + 0.05, -0.7), (x + 0.06, 0.7), (x - 0.09, 0.7)], dark, None, 0.15, 0.1)
        for k in range(3):
            front.stroke(
                [(x, -0.5 + 0.06 * k), (x + 0.85, -0.3 + 0.05 * k), (x + 1.7, -0.5 + 0.06 * k)],
                blend(dark, (150, 130, 100), 0.35),
                0.012,
            )


def firs(back: Paper, main: Paper, front: Paper | None, light: Light, place: Place) -> None:
    """Ranks of firs in mist, pale birch trunks, ferns."""
    h = place.horizon
    _sky(back, light, h)
    for i in range(5):
        paper = back if i < 3 else main
        tone = blend(_under(light, (44, 74, 68)), light.haze, (0.78, 0.58, 0.36, 0.18, 0.0)[i])
        foot, tall = h + 0.02 + 0.05 * i, 0.30 + 0.13 * i
        line = paper.skyline(foot - 0.08, 0.02, 1.3, 2)
        paper.mass(paper.below(line), tone, blend(tone, light.haze, 0.25), 0.12, 0.08)
        for x in np.arange(paper.x0 - 0.2, paper.x1 + 0.2, 0.07 + 0.045 * i):
            _fir(paper, x + paper.rng.uniform(-0.05, 0.05), foot, tall * paper.rng.uniform(0.6, 1.1), tone)
        paper.aired(foot - 0.22, foot + 0.02, light.haze, 0.34)
    ground = _under(light, (92, 88, 66))
    main.mass(
        main.below(main.skyline(h + 0.20, 0.012, 0.8, 3)),
        blend(ground, light.haze, 0.2),
        scaled(ground, (0.7, 0.7, 0.72)),
        0.2,
        0.16,
    )
    for x in np.arange(main.x0, main.x1, 0.55 / place.nearness):
        x = x + main.rng.uniform(-0.16, 0.16)
        w, foot = main.rng.uniform(0.022, 0.05) * place.nearness, h + main.rng.uniform(0.20, 0.30)
        bark = _under(light, (214, 206, 190))
        main.mass(
            [(x - w, foot), (x - 0.7 * w, main.y0 - 0.1), (x + 0.7 * w, main.y0 - 0.1), (x + w * 1.2, foot)],
            bark,
            scaled(bark, (0.8, 0.8, 0.82)),
            0.12,
            0.22,
        )
        main.patch(
            [(x - w, foot), (x - 0.7 * w, main.y0 - 0.1), (x - 0.3 * w, main.y0 - 0.1), (x - 0.35 * w, foot)],
            scaled(bark, (0.66, 0.66, 0.72)),
        )
        for y in main.rng.uniform(main.y0, foot, 9):
            main.patch(
                [(x - 0.6 * w, y), (x + main.rng.uniform(0, 0.7) * w, y + 0.005), (x - 0.5 * w, y + 0.012)],
                _under(light, (56, 50, 52)),
            )
    _tufts(main, h + 0.24, light, (72, 96, 66))
    if front is not None:
        _stalks(front, light)


def _fir(paper: Paper, x: float, foot: float, tall: float, tone: Rgb) -> None:
    left, right = [], []
    for k in range(5):
        y, w = foot - tall + tall * k / 5, 0.055 * tall * (k + 1)
        left += [(x - 0.4 * w, y), (x - w, y + tall * 0.21)]
        right += [(x + 0.4 * w, y), (x + w, y + tall * 0.19)]
    paper.patch([*left, *right[::-1]], tone)
    paper.patch([left[0], *left[1::2], (x - 0.02 * tall, foot)], scaled(tone, (0.86, 0.88, 0.9)))


SCENES: dict[str, Painter] = {"meadow": terraces, "sea": harbour, "forest": firs}
