"""Built scenes of the second hand: a street of narrow facades, a works with silos and gears, a study of shelves."""

from __future__ import annotations

import numpy as np

from anicaption.drawn.script import Place
from anicaption.drawn.second.brush import Rgb, blend, ellipse, scaled
from anicaption.drawn.second.light import Light
from anicaption.drawn.second.paper import Paper
from anicaption.drawn.second.scenes import SCENES, _cone, _planks, _sky, _under


def facades(back: Paper, main: Paper, front: Paper | None, light: Light, place: Place) -> None:
    """Tall narrow houses wall to wall, shutters, awnings, cobbles, bunting over the street."""
    h = place.horizon
    _sky(back, light, h)
    if back is not main:
        for x in np.arange(back.x0, back.x1, 0.16):
            tone = blend(_under(light, (150, 136, 140)), light.haze, 0.5)
            back.rect(x, h - back.rng.uniform(0.26, 0.56), x + 0.16, back.y1, tone)
    paints: list[Rgb] = [
        (206, 142, 104),
        (220, 190, 132),
        (150, 160, 150),
        (186, 108, 94),
        (226, 212, 184),
        (122, 136, 152),
    ]
    x, foot = main.x0 - 0.2, h + 0.16
    while x < main.x1 + 0.2:
        wide, tall = main.rng.uniform(0.24, 0.42) * place.nearness, main.rng.uniform(0.5, 0.85) * place.nearness
        tall *= 1.0 if back is main else 0.66  # leave room for what lies behind
        _house(main, x, foot, wide, tall, _under(light, paints[int(main.rng.integers(len(paints)))]), light)
        x += wide
    stone = _under(light, (146, 138, 132))
    main.mass(
        main.below([(main.x0 - 0.1, foot), (main.x1 + 0.1, foot)]),
        blend(stone, light.haze, 0.15),
        scaled(stone, (0.72, 0.7, 0.74)),
        0.14,
        0.05,
    )
    main.rect(main.x0, foot, main.x1, foot + 0.02, blend(stone, (240, 232, 214), 0.4))
    row, size = foot + 0.035, 0.016
    while row < main.y1:
        for i, cx in enumerate(np.arange(main.x0 - (hash_row(row) % 2) * size, main.x1, 2.6 * size)):
            tone = blend(stone, (60, 54, 66) if i % 3 else (224, 212, 190), float(main.rng.uniform(0.08, 0.34)))
            main.disc(cx, row, size * 1.15, size * 0.5, tone)
        row += size * 1.15
        size *= 1.10
    for cx in np.arange(main.x0 + main.rng.uniform(0, 1), main.x1, 2.1):
        t = np.linspace(0, 1, 13)
        y = foot - 0.62 + 0.14 * np.sin(np.pi * t)
        main.stroke(np.stack([cx + 1.7 * t, y], 1), _under(light, (70, 62, 66)), 0.004)
        for k in range(1, 12):
            px, py = cx + 1.7 * t[k], y[k]
            main.patch([(px - 0.03, py), (px + 0.03, py), (px, py + 0.07)], _under(light, paints[k % len(paints)]))
    if front is not None:
        iron = scaled(_under(light, (50, 50, 60)), (0.7, 0.7, 0.8))
        for fx in np.arange(front.x0, front.x1, 0.16):
            front.rect(fx, 0.34, fx + 0.02, 0.7, iron)
            front.patch([(fx - 0.015, 0.34), (fx + 0.01, 0.28), (fx + 0.035, 0.34)], iron)
        front.rect(front.x0, 0.42, front.x1, 0.445, iron)
        front.mass(front.below([(front.x0, 0.50), (front.x1, 0.50)]), iron, scaled(iron, (0.8, 0.8, 0.8)), 0.2, 0.1)


def hash_row(y: float) -> int:
    return int(y * 1000)


def _house(paper: Paper, x: float, foot: float, wide: float, tall: float, wall: Rgb, light: Light) -> None:
    top = foot - tall
    dark = scaled(wall, (0.62, 0.58, 0.62))
    paper.mass(
        [(x, foot), (x, top), (x + wide, top), (x + wide, foot)],
        blend(wall, light.glow, 0.12),
        scaled(wall, (0.88, 0.86, 0.86)),
        0.13,
        0.06,
    )
    roof = _under(light, (112, 72, 66))
    if paper.rng.random() < 0.5:
        paper.mass(
            [(x - 0.01, top), (x + wide / 2, top - 0.55 * wide), (x + wide + 0.01, top)],
            roof,
            scaled(roof, (0.8, 0.8, 0.8)),
            0.1,
            0.2,
        )
    else:
        paper.mass(
            [(x - 0.01, top), (x + 0.06, top - 0.13), (x + wide - 0.06, top - 0.13), (x + wide + 0.01, top)],
            roof,
            None,
            0.1,
            0.2,
        )
        paper.rect(x + wide * 0.6, top - 0.2, x + wide * 0.72, top - 0.1, dark)
    paper.rect(x, top, x + wide, top + 0.014, dark)
    paper.rect(x, top, x + 0.008, foot, dark)
    n = 3 if wide > 0.33 else 2
    shutter = _under(light, ((76, 112, 106), (96, 84, 110), (150, 84, 66))[int(paper.rng.integers(3))])
    for row in np.arange(top + 0.06, foot - 0.22, 0.17):
        for i in range(n):
            wx = x + wide * (i + 0.5) / n
            glass = (
                light.glow
                if light.lamp and paper.rng.random() < 0.5
                else blend(_under(light, (92, 112, 124)), light.sky[1], 0.3)
            )
            paper.rect(wx - 0.026, row, wx + 0.026, row + 0.10, glass)
            paper.rect(wx - 0.002, row, wx + 0.002, row + 0.10, dark)
            paper.rect(wx - 0.026, row + 0.048, wx + 0.026, row + 0.053, dark)
            for side in (-1, 1):
                paper.rect(wx + side * 0.038 - 0.011, row - 0.004, wx + side * 0.038 + 0.011, row + 0.104, shutter)
            paper.rect(wx - 0.05, row + 0.104, wx + 0.05, row + 0.114, blend(wall, (250, 244, 230), 0.5))
    door = x + wide * 0.5
    paper.rect(door - 0.075, foot - 0.17, door + 0.075, foot, blend(dark, (40, 40, 50), 0.4))
    stripes = (_under(light, (232, 222, 204)), shutter)
    for k in range(6):
        a = door - 0.10 + 0.2 * k / 6
        paper.patch(
            [(a + 0.01, foot - 0.24), (a + 0.2 / 6, foot - 0.24), (a + 0.2 / 6, foot - 0.175), (a, foot - 0.175)],
            stripes[k % 2],
        )


def works(back: Paper, main: Paper, front: Paper | None, light: Light, place: Place) -> None:
    """Silos, gantries, chimneys with smoke, pipes and gears on a riveted wall."""
    h = place.horizon
    _sky(back, light, h)
    for x in np.arange(back.x0, back.x1, 0.3):
        tone = blend(_under(light, (110, 116, 124)), light.haze, 0.55)
        top = h - back.rng.uniform(0.18, 0.5)
        back.rect(x, top, x + back.rng.uniform(0.05, 0.09), h + 0.1, tone)
        for k in range(6):
            r = 0.03 + 0.018 * k
            back.disc(
                x + 0.04 + 0.05 * k, top - 0.02 - 0.035 * k, r * 1.3, r, blend(tone, light.sky[2], 0.55 + 0.05 * k)
            )
    paints: list[Rgb] = [(168, 164, 154), (196, 128, 82), (104, 126, 130), (182, 160, 106)]
    x, foot = main.x0 - 0.2, h + 0.20
    while x < main.x1:
        paint = _under(light, paints[int(main.rng.integers(len(paints)))])
        kind, wide, tall = int(main.rng.integers(3)), main.rng.uniform(0.22, 0.4), main.rng.uniform(0.3, 0.62)
        if kind == 0:  # a silo
            body = np.concatenate(
                [[(x, foot)], ellipse((x + wide / 2, foot - tall), wide / 2, 0.09, 0, 12, 180, 360), [(x + wide, foot)]]
            )
            main.mass(body, blend(paint, light.glow, 0.25), paint, 0.10, 0.08)
            main.patch(
                [(x, foot), (x, foot - tall), (x + 0.28 * wide, foot - tall - 0.05), (x + 0.28 * wide, foot)],
                scaled(paint, (0.72, 0.7, 0.74)),
            )
            for y in np.arange(foot - tall, foot, 0.11):
                main.rect(x, y, x + wide, y + 0.008, scaled(paint, (0.6, 0.6, 0.64)))
        elif kind == 1:  # a gantry
            steel = _under(light, (150, 76, 58))
            for a in (x, x + wide):
                main.rect(a - 0.012, foot - tall, a + 0.012, foot, steel)
            for y in np.arange(foot - tall, foot, 0.12):
                main.stroke([(x, y), (x + wide, y + 0.12)], steel, 0.007)
                main.stroke([(x + wide, y), (x, y + 0.12)], steel, 0.007)
            main.rect(x - 0.1, foot - tall - 0.02, x + wide + 0.22, foot - tall + 0.02, steel)
            main.rect(x + wide + 0.15, foot - tall, x + wide + 0.156, foot - tall + 0.2, _under(light, (60, 56, 60)))
        else:  # a block with gears and vents
            main.mass(
                [(x, foot), (x, foot - tall * 0.8), (x + wide, foot - tall * 0.8), (x + wide, foot)],
                paint,
                scaled(paint, (0.8, 0.8, 0.8)),
                0.12,
                0.06,
            )
            _gear(main, x + wide * 0.5, foot - tall * 0.45, wide * 0.34, _under(light, (84, 84, 92)), paint)
            for k in range(4):
                main.rect(
                    x + 0.02 + wide * 0.22 * k,
                    foot - 0.09,
                    x + 0.02 + wide * (0.22 * k + 0.13),
                    foot - 0.03,
                    scaled(paint, (0.45, 0.45, 0.5)),
                )
        x += wide + main.rng.uniform(0.0, 0.12)
    for k, y in enumerate((foot - 0.16, foot - 0.10)):
        pipe = _under(light, ((176, 92, 66), (128, 140, 136))[k])
        main.rect(main.x0, y, main.x1, y + 0.026, pipe)
        main.rect(main.x0, y + 0.003, main.x1, y + 0.008, blend(pipe, light.glow, 0.5))
        for fx in np.arange(main.x0 + 0.1 * k, main.x1, 0.31):
            main.rect(fx, y - 0.006, fx + 0.018, y + 0.032, scaled(pipe, (0.66, 0.66, 0.7)))
    floor = _under(light, (128, 122, 118))
    main.mass(
        main.below([(main.x0 - 0.1, foot), (main.x1 + 0.1, foot)]),
        blend(floor, light.haze, 0.2),
        scaled(floor, (0.72, 0.72, 0.76)),
        0.16,
        0.10,
    )
    for y in foot + 0.05 * np.arange(1, 12) ** 1.3:
        main.stroke([(main.x0, y), (main.x1, y)], scaled(floor, (0.66, 0.66, 0.7)), 0.004)
    for fx in np.arange(main.x0 - 4, main.x1 + 4, 0.3):
        main.stroke([(fx, foot), (fx * 3.2, foot + 1.1)], scaled(floor, (0.70, 0.70, 0.74)), 0.003)
    for fx in np.arange(main.x0, main.x1, 0.11):
        main.patch(
            [(fx, foot + 0.012), (fx + 0.05, foot + 0.012), (fx + 0.035, foot + 0.04), (fx - 0.015, foot + 0.04)],
            _under(light, (214, 172, 70)),
        )
    if front is not None:
        dark = scaled(_under(light, (58, 58, 66)), (0.7, 0.7, 0.75))
        for fx in np.arange(front.x0, front.x1 + 1, 1.5):
            front.rect(fx, -0.8, fx + 0.10, 0.8, dark)
            _gear(front, fx + 0.05, 0.46, 0.24, dark, blend(dark, (120, 110, 100), 0.3))


def _gear(paper: Paper, x: float, y: float, radius: float, rgb: Rgb, hole: Rgb) -> None:
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    r = radius * np.where((np.arange(48) // 2) % 2, 1.0, 0.82)
    paper.mass(np.stack([x + r * np.cos(t), y + r * np.sin(t)], 1), blend(rgb, (230, 220, 200), 0.15), rgb, 0.1, 0.05)
    paper.disc(x, y, radius * 0.42, radius * 0.42, hole)
    paper.disc(x, y, radius * 0.16, radius * 0.16, scaled(rgb, (0.7, 0.7, 0.7)))


def study(back: Paper, main: Paper, front: Paper | None, light: Light, place: Place) -> None:
    """A room of shelves, round windows, framed maps and hanging lamps over boards."""
    h = place.horizon
    floor = h + 0.17
    if back is not main:
        _outside(back, light, h)
    wall = _under(light, ((178, 148, 118), (134, 150, 140), (176, 132, 122))[place.seed % 3])
    main.mass(main.everything(), scaled(wall, (0.86, 0.85, 0.88)), wall, 0.10, 0.05)
    for x in np.arange(main.x0, main.x1, 0.075):
        main.rect(x, main.y0, x + 0.012, floor, scaled(wall, (0.93, 0.92, 0.92)))
    wood = _under(light, (112, 78, 58))
    x = main.x0 - main.rng.uniform(0, 0.5)
    while x < main.x1:
        kind = int(main.rng.integers(4))
        if back is not main and kind != 0:
            _bay(main, x + 0.03, floor - 0.80, 0.66, 0.60, wood, light)
        elif kind <= 1:
            _shelf(main, x, floor, 0.62, 0.82, wood, light)
        elif kind == 2:
            _porthole(main, x + 0.34, floor - 0.56, 0.24, wood, light)
        else:
            main.rect(x + 0.08, floor - 0.76, x + 0.62, floor - 0.40, wood)
            main.mass(
                [
                    (x + 0.10, floor - 0.74),
                    (x + 0.60, floor - 0.74),
                    (x + 0.60, floor - 0.42),
                    (x + 0.10, floor - 0.42),
                ],
                _under(light, (222, 206, 168)),
                None,
                0.2,
                0.06,
            )
            for _ in range(4):
                coast = np.cumsum(main.rng.normal(0, 0.022, (14, 2)), 0) + np.array([x + 0.35, floor - 0.58])
                main.stroke(
                    np.clip(coast, [x + 0.11, floor - 0.73], [x + 0.59, floor - 0.43]),
                    _under(light, (140, 90, 70)),
                    0.005,
                )
        x += 0.74
    for lx in np.arange(main.x0 + 0.5, main.x1, 1.35):
        main.rect(lx - 0.003, main.y0, lx + 0.003, floor - 0.86, _under(light, (60, 52, 52)))
        if light.lamp:
            main.lit(lx, floor - 0.80, 0.34, light.glow, 0.6)
        main.patch(
            [
                (lx - 0.10, floor - 0.80),
                (lx - 0.03, floor - 0.88),
                (lx + 0.03, floor - 0.88),
                (lx + 0.10, floor - 0.80),
            ],
            _under(light, (74, 108, 96)),
        )
        main.disc(lx, floor - 0.795, 0.05, 0.018, light.glow)
    main.rect(main.x0, floor - 0.05, main.x1, floor, wood)
    _planks(main, floor, light, (168, 124, 88))
    if front is not None:
        dark = scaled(_under(light, (70, 52, 46)), (0.66, 0.66, 0.72))
        for fx in np.arange(front.x0, front.x1 + 1, 1.9):
            front.mass([(fx, 0.34), (fx + 0.9, 0.34), (fx + 0.86, 0.8), (fx + 0.04, 0.8)], dark, None, 0.15, 0.1)
            for k in range(5):
                front.rect(
                    fx + 0.1 + 0.07 * k,
                    0.34 - 0.1 - 0.02 * (k % 3),
                    fx + 0.15 + 0.07 * k,
                    0.34,
                    blend(dark, (130, 80, 70), 0.2 + 0.1 * (k % 3)),
                )


def _outside(back: Paper, light: Light, h: float) -> None:
    """What the study's windows look out on: hills, firs, a few roofs."""
    _sky(back, light, h)
    for i, rgb in enumerate(((128, 148, 140), (110, 128, 92))):
        line = back.skyline(h - 0.06 + 0.07 * i, 0.05, 0.9, 3)
        tone = _under(light, rgb)
        back.mass(back.below(line), blend(tone, light.haze, 0.4 - 0.3 * i), tone, 0.16, 0.12)
        for x in np.arange(back.x0, back.x1, 0.11):
            foot = float(np.interp(x, line[:, 0], line[:, 1])) + 0.02
            if back.rng.random() < 0.6:
                _cone(back, x, foot + 0.03, back.rng.uniform(0.06, 0.11), light)
            else:
                roof = _under(light, (168, 92, 70))
                back.rect(x - 0.03, foot - 0.05, x + 0.03, foot + 0.03, _under(light, (222, 206, 178)))
                back.patch([(x - 0.04, foot - 0.05), (x, foot - 0.09), (x + 0.04, foot - 0.05)], roof)


def _bay(paper: Paper, x: float, y: float, wide: float, tall: float, wood: Rgb, light: Light) -> None:
    """A broad window without glass to paint: the plane behind shows through."""
    paper.rect(x - 0.03, y - 0.03, x + wide + 0.03, y + tall + 0.03, wood)
    paper.cut([(x, y), (x + wide, y), (x + wide, y + tall), (x, y + tall)])
    for share in (1 / 3, 2 / 3):
        paper.rect(x + wide * share - 0.008, y, x + wide * share + 0.008, y + tall, wood)
    paper.rect(x, y + 0.3 * tall, x + wide, y + 0.3 * tall + 0.012, wood)
    paper.rect(x - 0.05, y + tall + 0.02, x + wide + 0.05, y + tall + 0.05, blend(wood, light.glow, 0.2))


def _shelf(paper: Paper, x: float, floor: float, wide: float, tall: float, wood: Rgb, light: Light) -> None:
    paper.mass(
        [(x, floor), (x, floor - tall), (x + wide, floor - tall), (x + wide, floor)],
        scaled(wood, (0.56, 0.54, 0.56)),
        None,
        0.1,
    )
    spines: list[Rgb] = [
        (170, 82, 66),
        (82, 104, 110),
        (196, 166, 104),
        (104, 116, 82),
        (126, 84, 104),
        (214, 196, 164),
    ]
    for row in np.arange(floor - tall + 0.16, floor, 0.165):
        bx = x + 0.03
        while bx < x + wide - 0.06:
            w, t = paper.rng.uniform(0.014, 0.036), paper.rng.uniform(0.08, 0.13)
            if paper.rng.random() < 0.86:
                spine = _under(light, spines[int(paper.rng.integers(len(spines)))])
                paper.rect(bx, row - t, bx + w, row, spine)
                paper.rect(bx, row - t * 0.8, bx + w, row - t * 0.72, blend(spine, light.glow, 0.5))
            bx += w + 0.003
        paper.rect(x, row, x + wide, row + 0.018, wood)
    for a in (x, x + wide - 0.02):
        paper.rect(a, floor - tall, a + 0.02, floor, wood)
    paper.rect(x - 0.015, floor - tall - 0.02, x + wide + 0.015, floor - tall + 0.015, blend(wood, light.glow, 0.18))


def _porthole(paper: Paper, x: float, y: float, radius: float, wood: Rgb, light: Light) -> None:
    paper.disc(x, y, radius * 1.12, radius * 1.12, wood)
    paper.mass(ellipse((x, y), radius, radius, 0, 30), light.sky[0], light.sky[2], 0.12, 0.10)
    paper.patch(
        np.concatenate(
            [
                [(x - radius * 0.9, y + radius * 0.35)],
                np.array([(x - 0.1, y + 0.02), (x + 0.06, y + 0.07), (x + radius * 0.9, y + radius * 0.3)]),
                ellipse((x, y), radius * 0.96, radius * 0.96, 0, 10, 20, 160),
            ]
        ),
        _under(light, (96, 120, 96)),
    )
    paper.rect(x - radius, y - 0.008, x + radius, y + 0.008, wood)
    paper.rect(x - 0.008, y - radius, x + 0.008, y + radius, wood)


SCENES |= {"town": facades, "skyline": works, "room": study}
