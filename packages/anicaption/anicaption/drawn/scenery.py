"""The painters: meadow, town, sea, forest, room, skyline, and the things they are made of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from anicaption.drawn.board import Board, darker, lighter, ridge
from anicaption.drawn.ink import mix
from anicaption.drawn.palette import Palette
from anicaption.drawn.script import Place

Painter = Callable[[Board, Board, Board | None, Palette, Place], None]


def sky(board: Board, colours: Palette, horizon: float, clouds: float = 1.0) -> None:
    """Gradient, stars at night, sun or moon, cumulus heaps that shrink towards the horizon."""
    board.gradient(board.y0, horizon - 1.3, (colours.sky[0], colours.sky[0]))
    board.gradient(horizon - 1.3, horizon, colours.sky)
    board.gradient(horizon, board.y1, (colours.sky[2], colours.sky[2]))
    rng = board.rng
    night = sum(colours.sky[0]) < 120
    if night:
        for x, y, size in zip(
            rng.uniform(board.x0, board.x1, 220), rng.uniform(board.y0, horizon, 220), rng.random(220) ** 3
        ):
            board.dab(x, y, 0.0012 + 0.003 * size, 0.0012 + 0.003 * size, mix(colours.sky[1], (255, 255, 255), 0.4 + 0.6 * size))
    sun_x, sun_y = rng.uniform(-0.6, 0.6), horizon - rng.uniform(0.25, 0.5)
    if night or colours.sky[2][0] > 240:
        board.glow(sun_x, sun_y, 0.55, colours.sun, 0.45)
        board.glow(sun_x, sun_y, 0.20, colours.sun, 0.6)
        board.dab(sun_x, sun_y, 0.075, 0.075, colours.sun)
    span = board.x1 - board.x0
    rows = np.arange(horizon - 0.10, board.y0 - 0.3, -0.24)
    for i, base in enumerate(rows):
        size = 0.10 + 0.13 * i
        for _ in range(max(1, int(clouds * span / (size * 6.0) + rng.random()))):
            cumulus(board, rng.uniform(board.x0, board.x1), base + rng.uniform(-0.06, 0.06), size * rng.uniform(1.2, 2.6),
                    size * rng.uniform(0.7, 1.3), colours)  # fmt: skip


def cumulus(board: Board, x: float, base: float, width: float, height: float, colours: Palette) -> None:
    """A heap of round touches, shadowed below, lit from the upper left."""
    rng = board.rng
    n = 16
    t = np.linspace(-1, 1, n)
    crown = (1 - t**2) ** 0.7 * rng.uniform(0.45, 1.0, n)
    for tone, lift, shrink in ((colours.cloud[2], 0.0, 1.0), (colours.cloud[1], 0.22, 0.88), (colours.cloud[0], 0.36, 0.66)):
        for u, c in zip(t, crown):
            r = height * (0.16 + 0.30 * c) * shrink
            y = base - height * c * 0.62 - lift * r + 0.05 * height * np.cos(9 * u)
            board.dab(x + u * width / 2 - lift * r * 0.5, min(y, base - r * 0.3), r * 1.25, r, tone)
            board.dab(x + u * width / 2 * 0.8, base - height * c * 0.3 - lift * r, r * 1.1, r * 0.8, tone)


def mountains(board: Board, base: float, height: float, rgb, haze_rgb, snow: bool = False) -> None:
    """A ridge with lit and shadowed facets that fades into air at its foot."""
    rng = board.rng
    line = ridge(rng, board.x0 - 0.1, board.x1 + 0.1, height, 0.02)
    points = np.stack([line[:, 0], base - 0.15 * height - line[:, 1]], 1)
    floor = [[board.x1 + 0.1, base + 0.3], [board.x0 - 0.1, base + 0.3]]
    board.shape(np.concatenate([points, floor]), rgb)
    peaks = [i for i in range(2, len(line) - 2) if line[i, 1] == line[i - 2 : i + 3, 1].max() and line[i, 1] > height * 0.25]
    for i in peaks:
        x, y = points[i]
        drop = line[i, 1] * rng.uniform(0.5, 0.95)
        board.shape([[x, y], [x + drop * 0.30, y + drop * 0.45], [x + drop * 0.16, y + drop * 0.5],
                     [x + drop * 0.34, y + drop], [x - drop * 0.06, y + drop * 0.62]], darker(rgb, 0.22))  # fmt: skip
        if snow and line[i, 1] > height * 0.6:
            cap = drop * 0.30
            board.shape([[x, y], [x + cap * 0.7, y + cap], [x + cap * 0.2, y + cap * 0.7], [x - cap * 0.1, y + cap * 1.1],
                         [x - cap * 0.7, y + cap]], (240, 246, 252))  # fmt: skip
    board.haze(base - height * 0.9, base, haze_rgb, 0.75)


def bush(board: Board, x: float, y: float, size: float, tones, n: int = 26) -> None:
    """A clump of leaves: dark mass, body touches, lit touches on the upper left."""
    rng = board.rng
    n = min(n, 5 + int(size * board.unit_px / 3))
    for tone, lift, spread, radius in ((tones[2], 0.0, 1.0, 0.42), (tones[1], 0.16, 0.85, 0.26), (tones[0], 0.34, 0.66, 0.13)):
        angle = rng.uniform(0, 2 * np.pi, n)
        reach = np.sqrt(rng.random(n)) * spread * 0.62 * size
        for a, r, k in zip(angle, reach, rng.uniform(0.6, 1.1, n)):
            board.dab(x + np.cos(a) * r - lift * size * 0.35, y + np.sin(a) * r * 0.8 - lift * size * 0.6,
                      radius * size * k, radius * size * 0.72 * k, tone)  # fmt: skip


def tree(board: Board, x: float, foot: float, height: float, tones, trunk=(92, 66, 58)) -> None:
    lean = board.rng.uniform(-0.06, 0.06) * height
    width = height * 0.045
    board.shape([[x - width * 1.5, foot], [x - width * 0.6 + lean, foot - height * 0.6], [x + width * 0.6 + lean, foot - height * 0.6],
                 [x + width * 1.6, foot]], trunk)  # fmt: skip
    board.shape([[x + width * 0.3, foot], [x + width * 0.1 + lean, foot - height * 0.6], [x + width * 0.6 + lean, foot - height * 0.6],
                 [x + width * 1.6, foot]], darker(trunk, 0.4))  # fmt: skip
    for dx, dy, size in ((-0.2, 0.52, 0.36), (0.22, 0.55, 0.36), (0.0, 0.74, 0.46)):
        bush(board, x + lean + dx * height, foot - dy * height, size * height, tones)


def grass(board: Board, top: float, bottom: float, colours: Palette, density: float = 90) -> None:
    """A lawn in bands that grow coarser towards the viewer, with tufts and flowers."""
    rng = board.rng
    board.gradient(top, max(bottom, top + 0.5), (mix(colours.grass[0], colours.sky[2], 0.25), colours.grass[0], colours.grass[1]))
    n = int(density * (board.x1 - board.x0) * max(0.0, bottom - top))
    depth = rng.random(n) ** 0.8
    for x, d, pick in zip(rng.uniform(board.x0, board.x1, n), np.sort(depth), rng.random(n)):
        y = top + d * (bottom - top)
        size = 0.012 + 0.05 * min(d * (bottom - top), 1.2)
        if pick < 0.55:
            board.dab(x, y, size * 2.4, size * 0.35, colours.grass[0] if pick < 0.3 else darker(colours.grass[1], 0.12))
        elif pick < 0.86:
            tone = darker(colours.grass[1], 0.25) if pick < 0.7 else lighter(colours.grass[0], 0.12)
            for lean in (-0.4, 0.1, 0.5):
                board.shape([[x - size * 0.12, y], [x + lean * size, y - size], [x + size * 0.12, y]], tone)
        else:
            board.dab(x, y - size * 0.5, size * 0.16, size * 0.13, colours.flower)


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
    main.shape(np.concatenate([np.stack([middle - width, y], 1), np.stack([middle + width, y], 1)[::-1]]), colours.ground)
    for x in np.arange(main.x0, main.x1 + 0.5, 0.16):
        bush(main, x + rng.uniform(-0.08, 0.08), horizon + 0.005, rng.uniform(0.03, 0.09) * near, colours.leaf, 12)
    for x in np.arange(main.x0, main.x1 + 0.5, 0.85):
        at = x + rng.uniform(-0.3, 0.3)
        tree(main, at, horizon + rng.uniform(0.03, 0.12), rng.uniform(0.3, 0.62) * near, colours.leaf)
    _book_of_leaves(front, colours)
    _finish(back, main)


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
        main.dab(rng.uniform(main.x0, main.x1), rng.uniform(shore + 0.06, max(main.y1, shore + 0.2)), rng.uniform(0.01, 0.06), 0.005,
                 darker(sand, 0.08))  # fmt: skip
    for at in np.arange(main.x0, main.x1 + 1, 1.7):
        rock_x = at + rng.uniform(-0.5, 0.5)
        for k in range(3):
            main.shape(_rock(rng, rock_x + k * 0.1, shore - 0.02, rng.uniform(0.06, 0.16)), darker(colours.far, 0.35 + 0.1 * k))
    _book_of_leaves(front, colours)
    _finish(back, main)


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
    main.gradient(street, max(main.y1, street + 0.4), (mix(colours.ground, (120, 120, 130), 0.55), mix(colours.ground, (90, 92, 110), 0.7)))
    for x in np.arange(main.x0, main.x1 + 0.4, 0.12):
        bush(main, x, street + 0.01, rng.uniform(0.05, 0.08), colours.leaf, 10)
    main.rect(main.x0, street + 0.03, main.x1, street + 0.045, lighter(colours.ground, 0.5))
    for x in np.arange(main.x0, main.x1 + 0.4, 0.5):
        main.shape([[x, street + 0.2], [x + 0.2, street + 0.2], [x + 0.22, street + 0.235], [x, street + 0.235]], (226, 224, 214))
    _poles(main, street + 0.05, 0.78 * near, darker(colours.wall[0], 0.62))
    _book_of_leaves(front, colours)
    _finish(back, main, 0.0018)


def _house(board: Board, x: float, base: float, width: float, height: float, colours: Palette, fade: float) -> None:
    rng = board.rng
    air = colours.sky[2]
    wall = mix(colours.wall[rng.integers(len(colours.wall))], air, fade)
    roof = mix(colours.roof[rng.integers(len(colours.roof))], air, fade)
    board.rect(x, base - height, x + width, base + 0.02, wall)
    board.rect(x + width * 0.72, base - height, x + width, base + 0.02, darker(wall, 0.2))
    rise = height * rng.uniform(0.35, 0.6)
    board.shape([[x - width * 0.07, base - height], [x + width * 0.22, base - height - rise], [x + width * 0.80, base - height - rise],
                 [x + width * 1.07, base - height]], roof)  # fmt: skip
    board.shape([[x + width * 0.74, base - height], [x + width * 0.70, base - height - rise], [x + width * 0.80, base - height - rise],
                 [x + width * 1.07, base - height]], darker(roof, 0.25))  # fmt: skip
    board.rect(x - width * 0.04, base - height, x + width * 1.04, base - height + height * 0.07, darker(wall, 0.35))
    for row in (0.72, 0.30):
        for column in (0.12, 0.42, 0.72):
            if rng.random() < 0.8:
                lit = colours.glass if rng.random() < 0.75 else darker(colours.glass, 0.5)
                wx, wy = x + column * width, base - row * height
                board.rect(wx - 0.004, wy - height * 0.13, wx + width * 0.17 + 0.004, wy + height * 0.13, darker(wall, 0.45))
                board.rect(wx, wy - height * 0.11, wx + width * 0.17, wy + height * 0.11, mix(lit, air, fade * 0.5))
                board.rect(wx + width * 0.08, wy - height * 0.11, wx + width * 0.09, wy + height * 0.11, darker(wall, 0.45))


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
    for a, b in zip(tops, tops[1:]):
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
            tone = mix(darker(colours.wall[rng.integers(len(colours.wall))], 0.45 if dark else 0.2), colours.sky[2], fade)
            main.rect(x, base - height, x + width, main.y1, tone)
            main.rect(x + width * 0.66, base - height, x + width, main.y1, darker(tone, 0.28))
            pane = mix(colours.glass, tone, 0.25 + fade * 0.5)
            for wy in np.arange(base - height + 0.025, base, 0.036 * scale):
                for wx in np.arange(x + 0.012, x + width - 0.016, 0.03 * scale):
                    if rng.random() < (0.55 if dark else 0.8):
                        main.rect(wx, wy, wx + 0.015 * scale, wy + 0.018 * scale, pane if rng.random() < 0.8 else darker(pane, 0.3))
            x += width * rng.uniform(0.9, 1.3)
    floor = mix(colours.ground, (110, 112, 124), 0.6)
    main.gradient(ledge, max(main.y1, ledge + 0.5), (lighter(floor, 0.15), darker(floor, 0.3)))
    for k, y in enumerate(np.geomspace(0.02, max(0.1, main.y1 - ledge), 9)):
        main.rect(main.x0, ledge + y, main.x1, ledge + y + 0.002 + 0.0008 * k, darker(floor, 0.18))
    rail = darker(colours.wall[0], 0.3)
    for x in np.arange(main.x0, main.x1 + 0.1, 0.09):
        main.rect(x, ledge - 0.13, x + 0.007, ledge + 0.01, rail)
    for y in (0.13, 0.07):
        main.rect(main.x0, ledge - y, main.x1, ledge - y + 0.009, lighter(rail, 0.2))
    _book_of_leaves(front, colours)
    _finish(back, main, 0.0012)


def forest(back: Board, main: Board, front: Board | None, colours: Palette, place: Place) -> None:
    """Trunks in three depths, canopy and undergrowth, light falling through."""
    horizon, near, rng = place.horizon, place.nearness, main.rng
    deep = mix(colours.leaf[2], colours.sky[1], 0.2)
    glade = lighter(mix(colours.leaf[0], colours.sky[2], 0.5), 0.15)
    back.gradient(back.y0, horizon, (deep, glade, lighter(glade, 0.3)))
    back.gradient(horizon, back.y1, (glade, colours.grass[1]))
    for _ in range(int(26 * (back.x1 - back.x0))):
        tone = mix(colours.leaf[rng.integers(3)], glade, 0.55)
        bush(back, rng.uniform(back.x0, back.x1), rng.uniform(min(back.y0, -0.9), horizon - 0.25), rng.uniform(0.1, 0.24), (tone, tone, darker(tone, 0.2)), 7)
    undergrowth = (colours.grass[0], darker(colours.grass[1], 0.15), darker(colours.grass[1], 0.45))
    grass(main, horizon + 0.05, main.y1, colours, 80)
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
            main.shape([[x + width * 0.1, foot], [x + width * 0.1, foot - 0.15], [x + width * 0.1 + lean, top], *right.tolist()], darker(trunk, 0.35))
            for k in (-0.9, 0.2, 1.0):
                bush(main, x + k * width, foot + 0.01, width * rng.uniform(0.35, 0.7), undergrowth, 9)
            x += (0.26 + 0.4 * depth) * rng.uniform(0.7, 1.5)
        for at in np.arange(main.x0, main.x1 + 0.2, 0.2):
            for y in np.arange(horizon - 0.52 - 0.1 * depth, min(main.y0, -0.5) - 0.2, -0.2):
                tones = tuple(mix(t, glade, fade) for t in colours.leaf)
                bush(main, at + rng.uniform(-0.1, 0.1), y + rng.uniform(-0.06, 0.06), 0.26 * (0.5 + depth * 0.5), tones, 10)
    _book_of_leaves(front, colours)
    _finish(back, main)


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
    for a, b in openings:
        frame = lighter(wood, 0.55)
        for at in (a, (a + b) / 2 - 0.01, b - 0.02):
            main.rect(at, head, at + 0.02, sill, frame)
        for y in (head, (head + sill) / 2, sill - 0.02):
            main.rect(a, y, b, y + 0.02, frame)
        main.rect(a - 0.03, sill, b + 0.03, sill + 0.025, lighter(frame, 0.3))
        for side in (a - 0.04, b - 0.08):
            for k in range(5):
                main.rect(side + k * 0.025, head - 0.03, side + k * 0.025 + 0.014, sill + 0.14, lighter(colours.flower, 0.55))
                main.rect(side + k * 0.025 + 0.014, head - 0.03, side + k * 0.025 + 0.025, sill + 0.14, mix(colours.flower, wall, 0.5))
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
        main.shape([[a + 0.1, floor_y + 0.05], [b + 0.1, floor_y + 0.05], [b + 0.3, floor_y + 0.17], [a + 0.3, floor_y + 0.17]],
                   lighter(wood, 0.55))  # fmt: skip
    _finish(back, main, 0.0)


def _rock(rng: np.random.Generator, x: float, y: float, size: float) -> np.ndarray:
    t = np.linspace(np.pi, 2 * np.pi, 7)
    r = size * rng.uniform(0.7, 1.1, 7)
    return np.concatenate([np.stack([x + np.cos(t) * r, y + np.sin(t) * r * 0.8], 1), [[x + size, y + 0.03], [x - size, y + 0.03]]])


def _book_of_leaves(front: Board | None, colours: Palette) -> None:
    """Dark leaves at the frame's edges, close to the lens."""
    if front is None:
        return
    rng = front.rng
    tones = tuple(darker(t, 0.55) for t in colours.leaf)
    for x in np.arange(front.x0, front.x1 + 0.6, 1.5):
        at = x + rng.uniform(-0.3, 0.3)
        for _ in range(6):
            bush(front, at + rng.uniform(-0.25, 0.25), 0.56 + rng.uniform(-0.06, 0.08), rng.uniform(0.1, 0.2), tones, 16)
        for k in range(12):
            lean = rng.uniform(-0.15, 0.15)
            front.shape([[at + k * 0.04 - 0.24, 0.6], [at + k * 0.04 - 0.24 + lean, 0.6 - rng.uniform(0.15, 0.34)],
                         [at + k * 0.04 - 0.22, 0.6]], tones[k % 3])  # fmt: skip


def _finish(back: Board, main: Board, rough: float = 0.004) -> None:
    """Dry-brush edges and uneven washes over every sheet."""
    for board in (main,) if back is main else (back, main):
        if rough:
            board.ragged(rough)
        board.washed(0.07)


PAINTERS: dict[str, Painter] = {
    "meadow": meadow, "sea": sea, "town": town, "skyline": skyline, "forest": forest, "room": room,
}  # fmt: skip
