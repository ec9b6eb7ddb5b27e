"""Backgrounds that are no painting: flat graphics, cel-drawn places, images of a feeling, plain colour, a 3D set."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from anicaption.drawn.board import Board, darker, lighter
from anicaption.drawn.ink import Rgb, mix
from anicaption.drawn.palette import Palette
from anicaption.drawn.script import Place

ARTS = ("painted", "flat", "cg_set", "drawn_cel", "image_bg", "line_bg", "blank")
PAPER: Rgb = (250, 249, 245)


def plain(main: Board, colours: Palette, place: Place) -> None:
    """Nothing: one colour, most often white or black."""
    tones = ((255, 255, 255), (0, 0, 0), colours.sky[1], colours.flower, (255, 255, 255), (0, 0, 0))
    main.image[..., :3] = tones[place.seed % len(tones)]


def paper(main: Board, colours: Palette, place: Place) -> None:
    """The sheet an unpainted shot is drawn on."""
    main.image[..., :3] = PAPER


def line_paper(main: Board, colours: Palette, place: Place) -> None:
    """What effect lines that are the whole background are drawn on: light for dark lines, dark for light ones."""
    light, dark = mix(colours.sky[2], (255, 255, 255), 0.6), mix(colours.sky[0], (16, 12, 40), 0.55)
    main.image[..., :3] = light if dark_lines_on(place) else dark


def dark_lines_on(place: Place) -> bool:
    """Whether the lines of a background of effect lines are dark on light."""
    return place.seed % 3 > 0


def flat(main: Board, colours: Palette, place: Place) -> None:
    """Poster shapes in few paints: a disc, hills as arcs, trees as triangles and discs, bands of ground."""
    rng, horizon = main.rng, place.horizon
    main.rect(main.x0, main.y0, main.x1, main.y1, colours.sky[1])
    x = rng.uniform(-0.5, 0.5)
    main.dab(x, horizon - 0.26, 0.22, 0.22, lighter(colours.sun, 0.1))
    for base, tone, size in ((0.02, mix(colours.far, colours.sky[1], 0.35), 0.5), (0.07, colours.hill, 0.36)):
        at = main.x0 - rng.uniform(0, 0.5)
        while at < main.x1 + 0.6:
            wide = size * rng.uniform(0.7, 1.2)
            main.dab(at, horizon + base + 0.12, wide, wide * rng.uniform(0.4, 0.7), tone)
            at += wide * rng.uniform(0.9, 1.4)
    bands = (colours.grass[1], mix(colours.grass[0], colours.ground, 0.3), colours.ground, darker(colours.ground, 0.18))
    for k, tone in enumerate(bands):
        main.rect(main.x0, horizon + 0.10 + 0.13 * k, main.x1, main.y1, tone)
    at = main.x0
    while at < main.x1 + 0.2:
        tall, foot = rng.uniform(0.14, 0.30) * place.nearness, horizon + 0.12
        main.rect(at - 0.008, foot - 0.3 * tall, at + 0.008, foot, darker(colours.roof[0], 0.3))
        leaf = colours.leaf[int(rng.integers(3))]
        if rng.random() < 0.5:
            main.shape(
                [[at - 0.32 * tall, foot - 0.2 * tall], [at, foot - tall], [at + 0.32 * tall, foot - 0.2 * tall]], leaf
            )
        else:
            main.dab(at, foot - 0.65 * tall, 0.3 * tall, 0.38 * tall, leaf)
        at += rng.uniform(0.12, 0.36)
    for _ in range(int(6 * (main.x1 - main.x0))):
        spot_x, spot_y = rng.uniform(main.x0, main.x1), rng.uniform(main.y0, horizon - 0.18)
        main.dab(spot_x, spot_y, rng.uniform(0.06, 0.14), 0.022, lighter(colours.sky[1], 0.55))
    for _ in range(int(18 * (main.x1 - main.x0))):
        spot_x, spot_y = rng.uniform(main.x0, main.x1), rng.uniform(horizon + 0.16, main.y1)
        main.dab(spot_x, spot_y, 0.016, 0.008, (colours.flower, lighter(colours.ground, 0.4))[int(rng.integers(2))])


def image(main: Board, colours: Palette, place: Place) -> None:
    """イメージBG: a gradient with soft lights and one motif (discs, diamonds, flowers) strewn over it."""
    rng = main.rng
    pairs: tuple[tuple[Rgb, Rgb, Rgb], ...] = (
        ((255, 226, 236), (255, 186, 214), (236, 150, 206)), ((36, 26, 76), (92, 52, 140), (196, 96, 176)),
        ((214, 244, 255), (150, 214, 250), (120, 170, 240)), ((60, 12, 24), (150, 26, 34), (240, 110, 60)),
        ((255, 250, 214), (255, 226, 150), (255, 190, 120)),
    )  # fmt: skip
    tones = pairs[place.seed % len(pairs)]
    main.gradient(main.y0, main.y1, tones)
    n = int(10 * (main.x1 - main.x0) * (main.y1 - main.y0)) + 12
    for x, y, r in zip(rng.uniform(main.x0, main.x1, n), rng.uniform(main.y0, main.y1, n), rng.uniform(0.08, 0.3, n)):
        main.glow(x, y, r, lighter(tones[int(rng.integers(3))], 0.6), rng.uniform(0.2, 0.5))
    motif = int(rng.integers(3))
    for x, y, r in zip(rng.uniform(main.x0, main.x1, 3 * n), rng.uniform(main.y0, main.y1, 3 * n), rng.random(3 * n)):
        size, tone = 0.012 + 0.05 * r**2, lighter(tones[int(rng.integers(3))], rng.uniform(0.35, 0.85))
        if motif == 0:
            main.dab(x, y, size, size, tone)
            main.dab(x, y, 0.72 * size, 0.72 * size, mix(tone, tones[1], 0.4))
        elif motif == 1:
            main.shape([[x - size, y], [x, y - 1.5 * size], [x + size, y], [x, y + 1.5 * size]], tone)
        else:
            for petal in np.arange(5) * 2 * np.pi / 5 + r * 6:
                main.dab(x + size * np.cos(petal), y + size * np.sin(petal), 0.7 * size, 0.7 * size, tone)
            main.dab(x, y, 0.5 * size, 0.5 * size, lighter(colours.flower, 0.3))


def cg_set(main: Board, colours: Palette, place: Place) -> None:
    """A hall of a 3D set: tiled floor, pillars and beams in one-point perspective, shaded smoothly by depth."""
    rng = main.rng
    eye_y, far = place.horizon - 0.06, mix(colours.sky[2], (200, 204, 214), 0.5)
    floor, wall = mix(colours.ground, (120, 124, 136), 0.6), mix(colours.wall[0], (150, 156, 170), 0.55)
    centre = float(rng.uniform(-0.25, 0.25))

    def seen(x: float, y: float, z: float) -> list[float]:
        return [centre + (x - 0.4 * centre) / z, eye_y + y / z]

    def shaded(tone: Rgb, z: float, lit: float) -> Rgb:
        return mix(mix((18, 18, 30), tone, lit), far, float(np.clip((z - 1) / 9, 0, 0.85)))

    depths = np.geomspace(0.5, 12, 26)[::-1]
    main.gradient(eye_y - 1.0, eye_y, (darker(wall, 0.5), far))
    main.gradient(eye_y, eye_y + 0.9, (far, darker(floor, 0.3)))
    for deep, near in itertools.pairwise(depths):
        for k in range(-9, 9):
            tile = [seen(0.5 * k, 0.62, deep), seen(0.5 * k + 0.5, 0.62, deep)]
            tile += [seen(0.5 * k + 0.5, 0.62, near), seen(0.5 * k, 0.62, near)]
            index = k + int(np.searchsorted(depths[::-1], near))
            main.shape(tile, shaded(floor, near, 0.95 if index % 2 else 0.72))
    for z in np.arange(8.5, 0.9, -0.95):
        for side in (-1, 1):
            x0, x1 = 1.25 * side, 1.65 * side
            front = [seen(x0, -1.5, z), seen(x1, -1.5, z), seen(x1, 0.62, z), seen(x0, 0.62, z)]
            inner = [seen(x0, -1.5, z + 0.4), seen(x0, -1.5, z), seen(x0, 0.62, z), seen(x0, 0.62, z + 0.4)]
            main.shape(inner, shaded(wall, z, 0.62 if side > 0 else 0.85))
            main.shape(front, shaded(wall, z, 0.92))
            cap = [
                seen(x0 - 0.06 * side, 0.50, z),
                seen(x1, 0.50, z),
                seen(x1, 0.62, z),
                seen(x0 - 0.06 * side, 0.62, z),
            ]
            main.shape(cap, shaded(wall, z, 0.55))
            lamp = seen(1.45 * side, -0.35, z)
            main.glow(lamp[0], lamp[1], 0.10 / z, colours.sun, 0.7)
        beam = [seen(-1.7, -1.05, z), seen(1.7, -1.05, z), seen(1.7, -0.90, z), seen(-1.7, -0.90, z)]
        main.shape(beam, shaded(wall, z, 0.78))
        under = [seen(-1.7, -0.90, z + 0.3), seen(1.7, -0.90, z + 0.3), seen(1.7, -0.90, z), seen(-1.7, -0.90, z)]
        main.shape(under, shaded(wall, z, 0.45))
    main.blurred(0.0012)  # the soft edges of a renderer's samples


def inked(image: np.ndarray, unit_px: float) -> np.ndarray:
    """A place painted in flat tones, traced with a line where two of them meet: a background drawn on cels."""
    width = max(0.5, 0.0009 * unit_px)
    flat = cv2.medianBlur(image, 3)
    grey = cv2.cvtColor(np.ascontiguousarray(flat[..., :3]), cv2.COLOR_RGB2GRAY)
    edges = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    line = cv2.threshold(edges, 15, 255, cv2.THRESH_BINARY)[1]
    line = cv2.GaussianBlur(line, (0, 0), width).astype(np.float32) / 255
    share = np.clip(1.5 * line, 0, 0.92)[..., None]
    out = flat.astype(np.float32)
    ink = np.array([44, 34, 52], np.float32)
    weight = out[..., 3:] / 255 if flat.shape[2] == 4 else 1.0
    out[..., :3] += (ink * weight - out[..., :3]) * share
    return np.rint(out).astype(np.uint8)


PLAIN = {
    "flat": flat, "cg_set": cg_set, "image_bg": image, "line_bg": line_paper, "blank": plain, "paper": paper,
}  # fmt: skip
