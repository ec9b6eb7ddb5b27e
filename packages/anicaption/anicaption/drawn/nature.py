"""Open places: meadow, sea, forest. Each painter fills `back`, `main` and perhaps `front` (see background.py)."""

from __future__ import annotations

import numpy as np

from anicaption.drawn.board import Board, darker, lighter
from anicaption.drawn.elements import (
    book_of_leaves,
    bush,
    finish,
    flower_bed,
    grass,
    mountains,
    scatter,
    sky,
    stone,
    tree,
)
from anicaption.drawn.ink import mix
from anicaption.drawn.palette import Palette
from anicaption.drawn.script import Place


def meadow(back: Board, main: Board, front: Board | None, colours: Palette, place: Place) -> None:
    horizon, near, rng = place.horizon, place.nearness, main.rng
    sky(back, colours, horizon)
    mountains(main, horizon, 0.34 * near, colours.far, colours.sky[2], snow=rng.random() < 0.4)
    mountains(main, horizon + 0.02, 0.14 * near, colours.hill, mix(colours.hill, colours.sky[2], 0.5))
    grass(main, horizon, main.y1, colours)
    path_x = rng.uniform(-0.5, 0.5)
    t = np.linspace(0, 1, 14)
    middle = path_x + 0.16 * np.sin(t * 4 + rng.random() * 6) * (0.3 + t)
    y = horizon + 0.005 + (main.y1 - horizon) * t**1.7
    width = 0.008 + 0.34 * t**1.7 * (main.y1 - horizon)
    main.shape(
        np.concatenate([np.stack([middle - width, y], 1), np.stack([middle + width, y], 1)[::-1]]), colours.ground
    )
    for x in np.arange(main.x0, main.x1 + 0.5, 0.16):
        bush(main, x + rng.uniform(-0.08, 0.08), horizon + 0.005, rng.uniform(0.03, 0.09) * near, colours.leaf, 12)
    for x in np.arange(main.x0, main.x1 + 0.5, 0.85):
        at = x + rng.uniform(-0.3, 0.3)
        tree(main, at, horizon + rng.uniform(0.03, 0.12), rng.uniform(0.3, 0.62) * near, colours.leaf)
    beds = (colours.flower, colours.leaf[0], lighter(colours.sky[1], 0.3))

    def growth(at: float, y: float, size: float) -> None:
        if rng.random() < 0.3:
            stone(main, at, y, size, mix(colours.far, colours.ground, 0.5))
        else:
            flower_bed(main, at, y, size, beds[rng.integers(3)])

    scatter(main, horizon + 0.34, growth)
    book_of_leaves(front, colours)
    finish(back, main)


def sea(back: Board, main: Board, front: Board | None, colours: Palette, place: Place) -> None:
    horizon, rng = place.horizon, main.rng
    sky(back, colours, horizon, 1.4)
    shore = horizon + 0.30
    mountains(main, horizon + 0.004, 0.10, colours.far, colours.sky[2])
    main.gradient(horizon, max(main.y1, shore + 0.1), (colours.sea[0], colours.sea[1], colours.sea[1]))
    for _ in range(int(160 * (main.x1 - main.x0))):
        d = rng.random() ** 1.5
        tone = lighter(colours.sea[1], 0.55) if rng.random() < 0.4 else darker(colours.sea[0], 0.12)
        main.dab(rng.uniform(main.x0, main.x1), horizon + 0.004 + d * 0.3, 0.012 + 0.06 * d, 0.0015 + 0.006 * d, tone)
    main.gradient(horizon, horizon + 0.006, (lighter(colours.sea[1], 0.4), colours.sea[0]))
    x = np.linspace(main.x0 - 0.1, main.x1 + 0.1, 120)
    wave = shore + 0.022 * np.sin(x * 2.3 + rng.random() * 6) + 0.012 * np.sin(x * 5.1)
    sand = mix(colours.ground, (255, 255, 255), 0.2)
    for lift, tone in ((0.0, (250, 252, 255)), (0.016, darker(sand, 0.2)), (0.034, sand)):
        edge = np.stack([x, wave + lift], 1)
        main.shape(np.concatenate([edge, [[main.x1 + 0.1, main.y1 + 0.1], [main.x0 - 0.1, main.y1 + 0.1]]]), tone)
    for _ in range(int(40 * (main.x1 - main.x0))):
        main.dab(
            rng.uniform(main.x0, main.x1),
            rng.uniform(shore + 0.06, max(main.y1, shore + 0.2)),
            rng.uniform(0.01, 0.06),
            0.005,
            darker(sand, 0.08),
        )
    for at in np.arange(main.x0, main.x1 + 1, 1.7):
        rock_x = at + rng.uniform(-0.5, 0.5)
        for k in range(3):
            main.shape(
                _rock(rng, rock_x + k * 0.1, shore - 0.02, rng.uniform(0.06, 0.16)), darker(colours.far, 0.35 + 0.1 * k)
            )
    cloths = (colours.flower, colours.roof[0], lighter(colours.sky[1], 0.2))

    def find(at: float, y: float, size: float) -> None:
        if rng.random() < 0.5:
            stone(main, at, y, size * 0.8, mix(colours.far, sand, 0.3))
            return
        cloth, lean = cloths[rng.integers(3)], 0.4 * size
        for k in range(4):
            band = cloth if k % 2 else lighter(sand, 0.7)
            u0, u1 = at + (k / 2 - 1) * size, at + (k / 2 - 0.5) * size
            main.shape(
                [[u0 + lean, y - 0.4 * size], [u1 + lean, y - 0.4 * size], [u1, y + 0.4 * size], [u0, y + 0.4 * size]],
                band,
            )

    scatter(main, shore + 0.30, find)
    book_of_leaves(front, colours)
    finish(back, main)


def forest(back: Board, main: Board, front: Board | None, colours: Palette, place: Place) -> None:
    """Trunks in three depths, canopy and undergrowth, light falling through."""
    horizon, near, rng = place.horizon, place.nearness, main.rng
    deep = mix(colours.leaf[2], colours.sky[1], 0.2)
    glade = lighter(mix(colours.leaf[0], colours.sky[2], 0.5), 0.15)
    back.gradient(back.y0, horizon, (deep, glade, lighter(glade, 0.3)))
    back.gradient(horizon, back.y1, (glade, colours.grass[1]))
    for _ in range(int(26 * (back.x1 - back.x0))):
        tone = mix(colours.leaf[rng.integers(3)], glade, 0.55)
        bush(
            back,
            rng.uniform(back.x0, back.x1),
            rng.uniform(min(back.y0, -0.9), horizon - 0.25),
            rng.uniform(0.1, 0.24),
            (tone, tone, darker(tone, 0.2)),
            7,
        )
    undergrowth = (colours.grass[0], darker(colours.grass[1], 0.15), darker(colours.grass[1], 0.45))
    grass(main, horizon + 0.05, main.y1, colours, 80)

    def pool(at: float, y: float, size: float) -> None:
        if rng.random() < 0.55:
            main.dab(at, y, size * 1.5, size * 0.4, lighter(colours.grass[0], 0.22))
        else:
            flower_bed(main, at, y, size, colours.leaf[0])

    scatter(main, horizon + 0.36, pool)
    for depth, fade in ((0.35, 0.6), (0.6, 0.3), (1.0, 0.0)):
        trunk = mix(darker((104, 78, 66), 0.1), glade, fade)
        x = main.x0 - 0.1
        while x < main.x1 + 0.1:
            width, foot = 0.10 * depth * near * rng.uniform(0.6, 1.2), horizon + 0.04 + 0.16 * depth
            top = min(main.y0, -1.2) - 0.2
            lean = rng.uniform(-0.1, 0.1)
            left = np.array([[x - width * 0.9, foot], [x - width * 0.5, foot - 0.15], [x - width * 0.4 + lean, top]])
            right = np.array([[x + width * 0.4 + lean, top], [x + width * 0.5, foot - 0.15], [x + width, foot]])
            main.shape(np.concatenate([left, right]), trunk)
            main.shape(
                [
                    [x + width * 0.1, foot],
                    [x + width * 0.1, foot - 0.15],
                    [x + width * 0.1 + lean, top],
                    *right.tolist(),
                ],
                darker(trunk, 0.35),
            )
            for k in (-0.9, 0.2, 1.0):
                bush(main, x + k * width, foot + 0.01, width * rng.uniform(0.35, 0.7), undergrowth, 9)
            x += (0.26 + 0.4 * depth) * rng.uniform(0.7, 1.5)
        for at in np.arange(main.x0, main.x1 + 0.2, 0.2):
            for y in np.arange(horizon - 0.52 - 0.1 * depth, min(main.y0, -0.5) - 0.2, -0.2):
                tones = tuple(mix(t, glade, fade) for t in colours.leaf)
                bush(
                    main,
                    at + rng.uniform(-0.1, 0.1),
                    y + rng.uniform(-0.06, 0.06),
                    0.26 * (0.5 + depth * 0.5),
                    tones,
                    10,
                )
    book_of_leaves(front, colours)
    finish(back, main)


def _rock(rng: np.random.Generator, x: float, y: float, size: float) -> np.ndarray:
    t = np.linspace(np.pi, 2 * np.pi, 7)
    r = size * rng.uniform(0.7, 1.1, 7)
    return np.concatenate(
        [np.stack([x + np.cos(t) * r, y + np.sin(t) * r * 0.8], 1), [[x + size, y + 0.03], [x - size, y + 0.03]]]
    )
