"""Things seen close by, for inserts: each one drawing in local units, about one unit high around (0, 0)."""

from __future__ import annotations

import numpy as np

from anicaption.drawn.board import darker, lighter
from anicaption.drawn.ink import Pen, Rgb, spline, times
from anicaption.drawn.palette import Palette

INK: Rgb = (40, 30, 44)
PROPS = ("letter", "cup", "phone", "pendant")


def draw_prop(name: str, colours: Palette, height_px: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The cel of a thing and the affine (2, 3) from its pixels to the artwork, where it lies in the middle."""
    if name not in PROPS:
        raise ValueError(f"drawn.props: cannot draw the thing {name!r}; there are {', '.join(PROPS)}")
    rng = np.random.default_rng(seed)
    size, unit = round(1.5 * height_px), 0.62 * height_px
    turn = np.radians(rng.uniform(-14, 14))
    matrix = unit * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    supersample = 1 if height_px >= 500 else 2
    pen = Pen(size, size, np.column_stack([matrix, [size / 2, size / 2]]), height_px * 0.0042, supersample)
    base = [(206, 72, 84), (70, 108, 190), (78, 150, 118), (226, 168, 74)][int(rng.integers(4))]
    paint = times(base, colours.tint)
    drawn = {"letter": _letter, "cup": _cup, "phone": _phone, "pendant": _pendant}[name]
    drawn(pen, paint, times((248, 244, 232), colours.tint))
    corner = -size / 2 / height_px
    return pen.cel(), np.array([[1 / height_px, 0, corner], [0, 1 / height_px, corner]])


def _shape(pen: Pen, points, rgb: Rgb, line: float = 1.3) -> None:
    pen.fill(points, rgb)
    pen.line(np.vstack([points, points[:1]]), INK, line, (1, 1))


def _letter(pen: Pen, paint: Rgb, paper: Rgb) -> None:
    back = np.array([(-0.72, -0.42), (0.72, -0.42), (0.72, 0.48), (-0.72, 0.48)])
    _shape(pen, back, paper)
    pen.fill([(-0.72, 0.48), (0.0, 0.02), (0.72, 0.48)], darker(paper, 0.10))
    for side in (-1, 1):
        pen.line([(side * 0.72, 0.48), (side * 0.36, 0.25), (0.0, 0.02)], INK, 1.0, (0.8, 0.4))
    _shape(pen, np.array([(-0.72, -0.42), (0.72, -0.42), (0.06, 0.14), (-0.06, 0.14)]), darker(paper, 0.04))
    a = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    seal = np.stack([np.cos(a), np.sin(a)], 1) * (0.135 + 0.012 * np.cos(5 * a))[:, None] + [0, 0.12]
    _shape(pen, spline(seal, 4, closed=True), paint)
    heart = spline([(0, 0.19), (-0.07, 0.11), (-0.035, 0.06), (0, 0.09), (0.035, 0.06), (0.07, 0.11)], 4, closed=True)
    pen.fill(heart, lighter(paint, 0.4))


def _cup(pen: Pen, paint: Rgb, paper: Rgb) -> None:
    saucer = np.stack([0.78 * np.cos(t := np.linspace(0, 2 * np.pi, 40)), 0.16 * np.sin(t) + 0.50], 1)
    _shape(pen, saucer, paper)
    handle = spline([(0.40, -0.12), (0.66, -0.10), (0.68, 0.14), (0.34, 0.24)], 8)
    pen.band(handle, np.full(len(handle), 0.055), INK)
    pen.band(handle, np.full(len(handle), 0.038), paint)
    side = [(-0.48, -0.30), (-0.45, 0.10), (-0.30, 0.42), (0.0, 0.50)]
    body = spline(side + [(-x, y) for x, y in side[-2::-1]], 6)
    _shape(pen, body, paint)
    pen.shade([(-0.6, -0.4), (-0.22, -0.4), (-0.16, 0.2), (0.0, 0.6), (-0.6, 0.6)], body, darker(paint, 0.25))
    pen.shade([(0.26, -0.4), (0.34, -0.4), (0.25, 0.4), (0.19, 0.4)], body, lighter(paint, 0.5))
    rim = np.stack([0.48 * np.cos(t), 0.12 * np.sin(t) - 0.30], 1)
    _shape(pen, rim, lighter(paint, 0.55))
    _shape(pen, np.stack([0.41 * np.cos(t), 0.088 * np.sin(t) - 0.285], 1), (112, 66, 42), 0.9)


def _phone(pen: Pen, paint: Rgb, paper: Rgb) -> None:
    a = np.linspace(0, np.pi / 2, 6)
    corners = [(0.30, -0.56, 0), (-0.30, -0.56, 1), (-0.30, 0.56, 2), (0.30, 0.56, 3)]
    case = np.concatenate([
        np.stack([x + 0.10 * np.cos(a + k * np.pi / 2), y - 0.10 * np.sin(a + k * np.pi / 2)], 1) for x, y, k in corners
    ])  # fmt: skip
    _shape(pen, case, darker(paint, 0.35), 1.6)
    screen = np.array([(-0.33, -0.52), (0.33, -0.52), (0.33, 0.50), (-0.33, 0.50)])
    _shape(pen, screen, (226, 240, 250), 0.9)
    pen.fill([(-0.33, -0.52), (0.33, -0.52), (0.33, -0.40), (-0.33, -0.40)], paint)
    for k, (x, w) in enumerate(((-0.29, 0.34), (-0.05, 0.34), (-0.29, 0.42), (-0.12, 0.41))):
        top = -0.33 + 0.19 * k
        bubble = np.array([(x, top), (x + w, top), (x + w, top + 0.13), (x, top + 0.13)])
        pen.fill(spline(bubble, 3, closed=True), (255, 255, 255) if x < -0.2 else lighter(paint, 0.45))
        for row in (0.04, 0.085):
            pen.line([(x + 0.03, top + row), (x + w * 0.8, top + row)], (120, 124, 140), 0.9, (0.8, 0.8))
    pen.shade([(-0.4, -0.6), (-0.1, -0.6), (-0.36, 0.2), (-0.5, 0.2)], screen, (255, 255, 255), 0.35)


def _pendant(pen: Pen, paint: Rgb, paper: Rgb) -> None:
    for side in (-1, 1):
        chain = spline([(side * 0.62, -0.75), (side * 0.34, -0.42), (0.0, -0.20)], 10)
        for link in chain[::2]:
            a = np.linspace(0, 2 * np.pi, 10)
            pen.line(link + 0.030 * np.stack([np.cos(a), np.sin(a)], 1), (150, 112, 44), 1.2, (1, 1))
    gold, t = (232, 190, 92), np.linspace(0, 2 * np.pi, 9)[:-1] + np.pi / 8
    _shape(pen, np.stack([0.46 * np.cos(t), 0.20 + 0.46 * np.sin(t)], 1), gold, 1.5)
    gem = np.stack([0.36 * np.cos(t), 0.20 + 0.36 * np.sin(t)], 1)
    table = np.stack([0.19 * np.cos(t), 0.20 + 0.19 * np.sin(t)], 1)
    for k in range(8):
        facet = np.array([gem[k], gem[(k + 1) % 8], table[(k + 1) % 8], table[k]])
        tone = lighter(paint, 0.55) if k in (4, 5) else darker(paint, 0.35) if k in (0, 1) else paint
        _shape(pen, facet, tone, 0.8)
    _shape(pen, table, lighter(paint, 0.25), 0.9)
    pen.fill([(-0.12, 0.12), (0.0, 0.08), (-0.05, 0.2)], (255, 255, 255))
