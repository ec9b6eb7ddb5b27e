"""Built places: town, skyline, room. Each painter fills `back`, `main` and perhaps `front` (see background.py)."""

from __future__ import annotations

import itertools

import numpy as np

from anicaption.drawn.board import Board, darker, lighter
from anicaption.drawn.elements import book_of_leaves, bush, finish, flower_bed, mountains, puddle, scatter, sky
from anicaption.drawn.ink import mix
from anicaption.drawn.palette import Palette
from anicaption.drawn.script import Place


def town(back: Board, main: Board, front: Board | None, colours: Palette, place: Place) -> None:
    """Rows of houses, hedges, a street, utility poles with wires."""
    horizon, near, rng = place.horizon, place.nearness, main.rng
    sky(back, colours, horizon)
    mountains(main, horizon, 0.22, colours.far, colours.sky[2])
    street = horizon + 0.14
    for base, scale, fade in ((horizon + 0.02, 0.5, 0.45), (horizon + 0.08, 0.8, 0.2), (street, 1.25, 0.0)):
        x = main.x0 - 0.2
        while x < main.x1 + 0.2:
            width = rng.uniform(0.2, 0.36) * scale * near
            _house(main, x, base, width, rng.uniform(0.14, 0.26) * scale * near, colours, fade)
            x += width * rng.uniform(0.85, 1.25)
    main.gradient(
        street,
        max(main.y1, street + 0.4),
        (mix(colours.ground, (120, 120, 130), 0.55), mix(colours.ground, (90, 92, 110), 0.7)),
    )
    for x in np.arange(main.x0, main.x1 + 0.4, 0.12):
        bush(main, x, street + 0.01, rng.uniform(0.05, 0.08), colours.leaf, 10)
    main.rect(main.x0, street + 0.03, main.x1, street + 0.045, lighter(colours.ground, 0.5))
    for x in np.arange(main.x0, main.x1 + 0.4, 0.5):
        main.shape(
            [[x, street + 0.2], [x + 0.2, street + 0.2], [x + 0.22, street + 0.235], [x, street + 0.235]],
            (226, 224, 214),
        )

    def on_road(at: float, y: float, size: float) -> None:
        pick = rng.random()
        if pick < 0.35:
            puddle(main, at, y, size * 1.2, colours)
        elif pick < 0.7:
            for k in range(3):
                u = at + (k - 1.5) * size
                main.shape(
                    [
                        [u + 0.2 * size, y - 0.5 * size],
                        [u + 0.7 * size, y - 0.5 * size],
                        [u + 0.5 * size, y + 0.5 * size],
                        [u, y + 0.5 * size],
                    ],
                    (232, 230, 222),
                )
        else:
            flower_bed(main, at, y, size * 0.8, colours.leaf[0])

    scatter(main, street + 0.40, on_road)
    _poles(main, street + 0.05, 0.78 * near, darker(colours.wall[0], 0.62))
    book_of_leaves(front, colours)
    finish(back, main, 0.0018)


def _house(board: Board, x: float, base: float, width: float, height: float, colours: Palette, fade: float) -> None:
    rng = board.rng
    air = colours.sky[2]
    wall = mix(colours.wall[rng.integers(len(colours.wall))], air, fade)
    roof = mix(colours.roof[rng.integers(len(colours.roof))], air, fade)
    board.rect(x, base - height, x + width, base + 0.02, wall)
    board.rect(x + width * 0.72, base - height, x + width, base + 0.02, darker(wall, 0.2))
    rise = height * rng.uniform(0.35, 0.6)
    board.shape(
        [
            [x - width * 0.07, base - height],
            [x + width * 0.22, base - height - rise],
            [x + width * 0.80, base - height - rise],
            [x + width * 1.07, base - height],
        ],
        roof,
    )
    board.shape(
        [
            [x + width * 0.74, base - height],
            [x + width * 0.70, base - height - rise],
            [x + width * 0.80, base - height - rise],
            [x + width * 1.07, base - height],
        ],
        darker(roof, 0.25),
    )
    board.rect(x - width * 0.04, base - height, x + width * 1.04, base - height + height * 0.07, darker(wall, 0.35))
    for row in (0.72, 0.30):
        for column in (0.12, 0.42, 0.72):
            if rng.random() < 0.8:
                lit = colours.glass if rng.random() < 0.75 else darker(colours.glass, 0.5)
                wx, wy = x + column * width, base - row * height
                board.rect(
                    wx - 0.004, wy - height * 0.13, wx + width * 0.17 + 0.004, wy + height * 0.13, darker(wall, 0.45)
                )
                board.rect(wx, wy - height * 0.11, wx + width * 0.17, wy + height * 0.11, mix(lit, air, fade * 0.5))
                board.rect(
                    wx + width * 0.08, wy - height * 0.11, wx + width * 0.09, wy + height * 0.11, darker(wall, 0.45)
                )


def _poles(board: Board, foot: float, height: float, rgb) -> None:
    rng = board.rng
    tops = []
    for x in np.arange(board.x0 - 0.6, board.x1 + 1.0, 1.15):
        at = x + rng.uniform(-0.1, 0.1)
        board.rect(at - 0.009, foot - height, at + 0.009, foot, rgb)
        board.rect(at + 0.003, foot - height, at + 0.009, foot, darker(rgb, 0.4))
        for arm in (0.02, 0.08):
            board.rect(at - 0.07, foot - height + arm, at + 0.07, foot - height + arm + 0.008, rgb)
        board.rect(at - 0.03, foot - height + 0.13, at - 0.006, foot - height + 0.19, darker(rgb, 0.2))
        tops.append(at)
    for a, b in itertools.pairwise(tops):
        t = np.linspace(0, 1, 16)
        for arm, side in ((0.02, -0.06), (0.02, 0.06), (0.08, -0.06), (0.08, 0.06)):
            sag = foot - height + arm + 0.09 * (1 - (2 * t - 1) ** 2)
            board.stroke(np.stack([a + side + (b - a) * t, sag], 1), darker(rgb, 0.3), 0.0022)


def skyline(back: Board, main: Board, front: Board | None, colours: Palette, place: Place) -> None:
    """Towers in three depths with rows of windows, a railing and a roof to stand on."""
    horizon, near, rng = place.horizon, place.nearness, main.rng
    sky(back, colours, horizon, 0.8)
    ledge = horizon + 0.22
    dark = sum(colours.sky[1]) < 260
    for base, scale, fade in ((horizon + 0.06, 0.6, 0.6), (horizon + 0.16, 0.85, 0.32), (ledge, 1.1, 0.05)):
        x = main.x0 - 0.2
        while x < main.x1 + 0.1:
            width, height = rng.uniform(0.1, 0.24) * near * scale, rng.uniform(0.2, 0.75) * near * scale
            tone = mix(
                darker(colours.wall[rng.integers(len(colours.wall))], 0.45 if dark else 0.1), colours.sky[2], fade
            )
            main.rect(x, base - height, x + width, main.y1, tone)
            main.rect(x + width * 0.66, base - height, x + width, main.y1, darker(tone, 0.28))
            pane = mix(colours.glass, tone, 0.25 + fade * 0.5)
            for wy in np.arange(base - height + 0.025, base, 0.036 * scale):
                for wx in np.arange(x + 0.012, x + width - 0.016, 0.03 * scale):
                    if rng.random() < (0.55 if dark else 0.8):
                        main.rect(
                            wx,
                            wy,
                            wx + 0.015 * scale,
                            wy + 0.018 * scale,
                            pane if rng.random() < 0.8 else darker(pane, 0.3),
                        )
            x += width * rng.uniform(0.9, 1.3)
    floor = mix(colours.ground, (110, 112, 124), 0.6)
    main.gradient(ledge, max(main.y1, ledge + 0.5), (lighter(floor, 0.15), darker(floor, 0.3)))
    for k, y in enumerate(np.geomspace(0.02, max(0.1, main.y1 - ledge), 9)):
        main.rect(main.x0, ledge + y, main.x1, ledge + y + 0.002 + 0.0008 * k, darker(floor, 0.18))
    paints = (colours.roof[0], lighter(floor, 0.55), colours.flower)

    def marking(at: float, y: float, size: float) -> None:
        pick = rng.random()
        if pick < 0.4:
            puddle(main, at, y, size, colours)
        else:
            paint = paints[rng.integers(3)]
            main.shape(
                [
                    [at, y - 0.4 * size],
                    [at + 1.6 * size, y - 0.4 * size],
                    [at + 1.2 * size, y + 0.4 * size],
                    [at - 0.4 * size, y + 0.4 * size],
                ],
                paint,
            )
            main.shape(
                [
                    [at + 0.3 * size, y - 0.2 * size],
                    [at + 1.2 * size, y - 0.2 * size],
                    [at + 1.0 * size, y + 0.2 * size],
                    [at, y + 0.2 * size],
                ],
                floor,
            )

    scatter(main, ledge + 0.30, marking)
    rail = darker(colours.wall[0], 0.3)
    for x in np.arange(main.x0, main.x1 + 0.1, 0.09):
        main.rect(x, ledge - 0.13, x + 0.007, ledge + 0.01, rail)
    for y in (0.13, 0.07):
        main.rect(main.x0, ledge - y, main.x1, ledge - y + 0.009, lighter(rail, 0.2))
    book_of_leaves(front, colours)
    finish(back, main, 0.0012)


def room(back: Board, main: Board, front: Board | None, colours: Palette, place: Place) -> None:
    """A classroom-like room: windows on sky, curtains, posters, shelves, boards with patches of light."""
    horizon, rng = place.horizon, main.rng
    sky(back, colours, horizon)
    wall = colours.wall[rng.integers(len(colours.wall))]
    floor_y = horizon + 0.26
    sill, head = horizon - 0.02, horizon - 0.55
    wood = mix(colours.ground, (120, 72, 44), 0.5)
    panes = []
    x = main.x0 - rng.uniform(0, 0.6)
    while x < main.x1:
        panes.append((x, x + 0.62))
        x += rng.choice([0.80, 1.45], p=[0.7, 0.3])
    openings = [(a, b) for a, b in panes]
    edges = [main.x0 - 0.1, *[e for pane in openings for e in pane], main.x1 + 0.1]
    main.rect(main.x0 - 0.1, main.y0 - 0.1, main.x1 + 0.1, head, wall)
    main.rect(main.x0 - 0.1, sill, main.x1 + 0.1, floor_y, wall)
    for a, b in zip(edges[0::2], edges[1::2]):
        main.rect(a, head, b, sill, wall)
    main.rect(main.x0, head - 0.16, main.x1, head - 0.14, darker(wall, 0.15))
    for y in np.arange(head - 0.30, main.y0 - 0.1, -0.30):
        main.rect(main.x0, y - 0.07, main.x1, y, mix(wood, wall, 0.3))
        main.rect(main.x0, y - 0.012, main.x1, y, darker(wood, 0.3))
        for x in np.arange(main.x0, main.x1 + 0.4, 0.8):
            main.rect(x, y + 0.09, x + 0.34, y + 0.14, lighter(colours.sun, 0.4))
            main.rect(x, y + 0.14, x + 0.34, y + 0.15, darker(wall, 0.4))
    for a, b in openings:
        frame = lighter(wood, 0.55)
        for at in (a, (a + b) / 2 - 0.01, b - 0.02):
            main.rect(at, head, at + 0.02, sill, frame)
        for y in (head, (head + sill) / 2, sill - 0.02):
            main.rect(a, y, b, y + 0.02, frame)
        main.rect(a - 0.03, sill, b + 0.03, sill + 0.025, lighter(frame, 0.3))
        for side in (a - 0.04, b - 0.08):
            for k in range(5):
                main.rect(
                    side + k * 0.025, head - 0.03, side + k * 0.025 + 0.014, sill + 0.14, lighter(colours.flower, 0.55)
                )
                main.rect(
                    side + k * 0.025 + 0.014,
                    head - 0.03,
                    side + k * 0.025 + 0.025,
                    sill + 0.14,
                    mix(colours.flower, wall, 0.5),
                )
    for a, b in zip(edges[2::2], edges[3::2]):
        if b - a > 0.3:
            for _ in range(3):
                px, py = rng.uniform(a + 0.04, b - 0.2), rng.uniform(head, sill - 0.2)
                sheet = [(232, 92, 84), (90, 150, 214), (250, 214, 110), (120, 190, 140)][rng.integers(4)]
                main.rect(px, py, px + 0.16, py + 0.2, lighter(sheet, 0.2))
                main.rect(px + 0.02, py + 0.03, px + 0.14, py + 0.11, lighter(sheet, 0.7))
    main.rect(main.x0, floor_y - 0.12, main.x1, floor_y, darker(wood, 0.1))
    for x in np.arange(main.x0, main.x1, 0.11):
        main.rect(x, floor_y - 0.12, x + 0.004, floor_y, darker(wood, 0.4))
    main.gradient(floor_y, max(main.y1, floor_y + 0.4), (lighter(wood, 0.25), darker(wood, 0.1)))
    for x in np.arange(main.x0 * 2.5, main.x1 * 2.5, 0.16):
        main.stroke([[x * 0.55, floor_y], [x * 1.5, floor_y + 0.8]], darker(wood, 0.3), 0.003)
    for a, b in openings:
        main.shape(
            [
                [a + 0.1, floor_y + 0.05],
                [b + 0.1, floor_y + 0.05],
                [b + 0.3, floor_y + 0.17],
                [a + 0.3, floor_y + 0.17],
            ],
            lighter(wood, 0.55),
        )
    rugs = (colours.roof[0], colours.roof[1], colours.flower, colours.leaf[1])

    def rug(at: float, y: float, size: float) -> None:
        cloth = rugs[rng.integers(4)]
        for reach, tone in ((1.0, cloth), (0.72, lighter(cloth, 0.5)), (0.5, cloth)):
            main.dab(at, y, size * 1.3 * reach, size * 0.5 * reach, tone)

    scatter(main, floor_y + 0.42, rug)
    finish(back, main, 0.0)
