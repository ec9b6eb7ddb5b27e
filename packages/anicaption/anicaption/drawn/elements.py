"""What backgrounds are made of: sky, clouds, mountains, trees, lawns, leaves before the lens."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from anicaption.drawn.board import Board, darker, lighter, ridge
from anicaption.drawn.ink import Rgb, mix
from anicaption.drawn.palette import Palette


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
            board.dab(
                x,
                y,
                0.0012 + 0.003 * size,
                0.0012 + 0.003 * size,
                mix(colours.sky[1], (255, 255, 255), 0.4 + 0.6 * size),
            )
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
            cumulus(
                board,
                rng.uniform(board.x0, board.x1),
                base + rng.uniform(-0.06, 0.06),
                size * rng.uniform(1.2, 2.6),
                size * rng.uniform(0.7, 1.3),
                colours,
            )


def cumulus(board: Board, x: float, base: float, width: float, height: float, colours: Palette) -> None:
    """A heap of round touches, shadowed below, lit from the upper left."""
    rng = board.rng
    n = 16
    t = np.linspace(-1, 1, n)
    crown = (1 - t**2) ** 0.7 * rng.uniform(0.45, 1.0, n)
    for tone, lift, shrink in (
        (colours.cloud[2], 0.0, 1.0),
        (colours.cloud[1], 0.22, 0.88),
        (colours.cloud[0], 0.36, 0.66),
    ):
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
    peaks = [
        i for i in range(2, len(line) - 2) if line[i, 1] == line[i - 2 : i + 3, 1].max() and line[i, 1] > height * 0.25
    ]
    for i in peaks:
        x, y = points[i]
        drop = line[i, 1] * rng.uniform(0.5, 0.95)
        board.shape(
            [
                [x, y],
                [x + drop * 0.30, y + drop * 0.45],
                [x + drop * 0.16, y + drop * 0.5],
                [x + drop * 0.34, y + drop],
                [x - drop * 0.06, y + drop * 0.62],
            ],
            darker(rgb, 0.22),
        )
        if snow and line[i, 1] > height * 0.6:
            cap = drop * 0.30
            board.shape(
                [
                    [x, y],
                    [x + cap * 0.7, y + cap],
                    [x + cap * 0.2, y + cap * 0.7],
                    [x - cap * 0.1, y + cap * 1.1],
                    [x - cap * 0.7, y + cap],
                ],
                (240, 246, 252),
            )
    board.haze(base - height * 0.9, base, haze_rgb, 0.75)


def bush(board: Board, x: float, y: float, size: float, tones, n: int = 26) -> None:
    """A clump of leaves: dark mass, body touches, lit touches on the upper left."""
    rng = board.rng
    n = min(n, 5 + int(size * board.unit_px / 3))
    for tone, lift, spread, radius in (
        (tones[2], 0.0, 1.0, 0.42),
        (tones[1], 0.16, 0.85, 0.26),
        (tones[0], 0.34, 0.66, 0.13),
    ):
        angle = rng.uniform(0, 2 * np.pi, n)
        reach = np.sqrt(rng.random(n)) * spread * 0.62 * size
        for a, r, k in zip(angle, reach, rng.uniform(0.6, 1.1, n)):
            board.dab(
                x + np.cos(a) * r - lift * size * 0.35,
                y + np.sin(a) * r * 0.8 - lift * size * 0.6,
                radius * size * k,
                radius * size * 0.72 * k,
                tone,
            )


def tree(board: Board, x: float, foot: float, height: float, tones, trunk=(92, 66, 58)) -> None:
    lean = board.rng.uniform(-0.06, 0.06) * height
    width = height * 0.045
    board.shape(
        [
            [x - width * 1.5, foot],
            [x - width * 0.6 + lean, foot - height * 0.6],
            [x + width * 0.6 + lean, foot - height * 0.6],
            [x + width * 1.6, foot],
        ],
        trunk,
    )
    board.shape(
        [
            [x + width * 0.3, foot],
            [x + width * 0.1 + lean, foot - height * 0.6],
            [x + width * 0.6 + lean, foot - height * 0.6],
            [x + width * 1.6, foot],
        ],
        darker(trunk, 0.4),
    )
    for dx, dy, size in ((-0.2, 0.52, 0.36), (0.22, 0.55, 0.36), (0.0, 0.74, 0.46)):
        bush(board, x + lean + dx * height, foot - dy * height, size * height, tones)


def grass(board: Board, top: float, bottom: float, colours: Palette, density: float = 90) -> None:
    """A lawn in bands that grow coarser towards the viewer, with tufts and flowers."""
    rng = board.rng
    board.gradient(
        top, max(bottom, top + 0.5), (mix(colours.grass[0], colours.sky[2], 0.25), colours.grass[0], colours.grass[1])
    )
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


def scatter(board: Board, top: float, thing: Callable[[float, float, float], None]) -> None:
    """Call `thing(x, y, size)` all over the ground below `top`: rows further apart and things larger towards us."""
    rng = board.rng
    y, size = top, 0.05
    while y < board.y1 + size:
        step = 3.4 * size + 0.12
        for x in np.arange(board.x0 - rng.random() * step, board.x1 + step, step):
            thing(x + rng.uniform(-0.25, 0.25) * step, y + rng.uniform(-0.3, 0.3) * size, size * rng.uniform(0.7, 1.2))
        y += 1.5 * size + 0.05
        size = min(size * 1.35, 0.20)


def flower_bed(board: Board, x: float, y: float, size: float, rgb: Rgb) -> None:
    rng = board.rng
    board.dab(x, y, size * 1.1, size * 0.42, darker(rgb, 0.45))
    for dx, dy, r in zip(rng.uniform(-0.9, 0.9, 9), rng.uniform(-0.3, 0.2, 9), rng.uniform(0.12, 0.24, 9)):
        board.dab(x + dx * size, y + dy * size, r * size, r * size * 0.8, rgb if r < 0.2 else lighter(rgb, 0.3))


def stone(board: Board, x: float, y: float, size: float, rgb: Rgb) -> None:
    board.dab(x + 0.1 * size, y + 0.08 * size, size * 0.75, size * 0.42, darker(rgb, 0.5))
    board.dab(x, y, size * 0.66, size * 0.40, rgb)
    board.dab(x - 0.14 * size, y - 0.12 * size, size * 0.36, size * 0.18, lighter(rgb, 0.45))


def puddle(board: Board, x: float, y: float, size: float, colours: Palette) -> None:
    """Water on the road with the sky in it."""
    board.dab(x, y, size * 1.05, size * 0.36, darker(colours.sky[0], 0.25))
    board.dab(x, y, size * 0.98, size * 0.31, colours.sky[1])
    board.dab(x - 0.2 * size, y - 0.06 * size, size * 0.42, size * 0.10, colours.cloud[0])


def book_of_leaves(front: Board | None, colours: Palette) -> None:
    """Dark leaves at the frame's edges, close to the lens."""
    if front is None:
        return
    rng = front.rng
    tones = tuple(darker(t, 0.55) for t in colours.leaf)
    for x in np.arange(front.x0, front.x1 + 0.6, 1.5):
        at = x + rng.uniform(-0.3, 0.3)
        for _ in range(6):
            bush(
                front, at + rng.uniform(-0.25, 0.25), 0.56 + rng.uniform(-0.06, 0.08), rng.uniform(0.1, 0.2), tones, 16
            )
        for k in range(12):
            lean = rng.uniform(-0.15, 0.15)
            front.shape(
                [
                    [at + k * 0.04 - 0.24, 0.6],
                    [at + k * 0.04 - 0.24 + lean, 0.6 - rng.uniform(0.15, 0.34)],
                    [at + k * 0.04 - 0.22, 0.6],
                ],
                tones[k % 3],
            )


def finish(back: Board, main: Board, rough: float = 0.004) -> None:
    """Dry-brush edges and uneven washes over every sheet."""
    for board in (main,) if back is main else (back, main):
        if rough:
            board.ragged(rough)
        board.washed(0.07)
