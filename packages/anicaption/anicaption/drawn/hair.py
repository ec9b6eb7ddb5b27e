"""Hair: masses of locks with a shadow, a ring of light and ink, in head units (see model.HeadSpace)."""

from __future__ import annotations

import itertools

import numpy as np

from anicaption.drawn.ink import Pen, Rgb, sides, spline
from anicaption.drawn.model import FINE_PX, HeadSpace, Tones
from anicaption.drawn.script import Character


def draw_back_hair(pen: Pen, at: HeadSpace, character: Character, tones: Tones, yaw: float) -> None:
    """What of the hair lies behind the body."""
    base, shadow = tones.hair
    lean = -0.07 * yaw
    if character.hair == "long":
        for k, (x, length, width) in enumerate(
            ((-0.30, 1.75, 0.20), (-0.1, 1.95, 0.22), (0.12, 1.9, 0.22), (0.30, 1.7, 0.20))
        ):
            middle, half = at.tail((x + lean, -0.05), length, width, 0.10 * np.sign(x), k * 0.9)
            _lock(pen, at, middle, half, base if k in (0, 3) else shadow, tones)
    elif character.hair == "twin_tails":
        for side in (-1, 1):
            middle, half = at.tail((side * 0.44 + lean, -0.22), 1.55, 0.20, 0.30 * side, side)
            _lock(pen, at, middle, half, base, tones, shadow)
            knot = at([[side * 0.42 + lean, -0.24]])[0]
            for wing in (-1, 1):
                bow = np.array([[0, 0], [side * 0.05 + wing * 0.10, -0.13], [side * 0.06 + wing * 0.15, -0.02]])
                pen.fill(knot + bow * at.size, tones.accent[0])
                pen.line(knot + np.vstack([bow, bow[:1]]) * at.size, tones.ink, 0.8)
    elif character.hair == "ponytail":
        middle, half = at.tail((-0.36 - 0.14 * yaw, -0.34), 1.45, 0.22, -0.28, 0.4)
        _lock(pen, at, middle, half, base, tones, shadow)
        pen.dot(at([[-0.36 - 0.14 * yaw, -0.32]])[0], (0.07 * at.size, 0.06 * at.size), tones.accent[0])
    if character.hair != "spiky":
        nape = {"short": 0.40, "bob": 0.56, "long": 0.5, "twin_tails": 0.24, "ponytail": 0.28}[character.hair]
        wide = 0.50 if character.hair in ("bob", "long") else 0.45
        tips = [(wide * u + lean, nape - 0.05 * (i % 2) - 0.04 * abs(u)) for i, u in enumerate(np.linspace(1, -1, 9))]
        mass = at(
            np.concatenate(
                [
                    spline(
                        [
                            (-wide + lean, nape - 0.1),
                            (-0.50 + lean, -0.05),
                            (-0.40 + lean, -0.42),
                            (lean, -0.58),
                            (0.40 + lean, -0.42),
                            (0.50 + lean, -0.05),
                            (wide + lean, nape - 0.1),
                        ],
                        5,
                    ),
                    tips,
                ]
            )
        )
        pen.fill(mass, shadow)
        pen.line(np.vstack([mass, mass[:1]]), tones.hair_ink, 1.2, (1, 1))


def _lock(pen: Pen, at: HeadSpace, middle, half, rgb: Rgb, tones: Tones, shadow: Rgb | None = None) -> None:
    left, right = sides(middle, half)
    outline = at(np.concatenate([left, right[::-1]]))
    pen.fill(outline, rgb)
    if shadow is not None:
        pen.fill(at(np.concatenate([middle + (right - middle) * 0.15, right[::-1]])), shadow)
    pen.line(at(left), tones.hair_ink, 1.2, (0.6, 0.2))
    pen.line(at(right), tones.hair_ink, 1.2, (0.6, 0.2))
    pen.line(at(middle + (left - middle) * 0.35)[2:-2], tones.hair_ink, 0.7, (0.1, 0.1))


def bangs_edge(character: Character, yaw: float, at: HeadSpace) -> np.ndarray:
    """The lower edge of the front hair, tips and valleys from right to left (N, 2)."""
    kinds = {
        "straight": [(0.30, 0.02), (0.14, 0.00), (0.0, 0.01), (-0.14, -0.005), (-0.29, 0.02)],
        "parted": [(0.33, 0.10), (0.20, -0.06), (0.09, -0.17), (-0.05, -0.12), (-0.18, -0.02), (-0.33, 0.10)],
        "swept": [(0.33, 0.09), (0.22, 0.03), (0.08, 0.01), (-0.06, -0.05), (-0.22, -0.13), (-0.34, 0.02)],
        "jagged": [(0.33, 0.10), (0.19, -0.02), (0.07, 0.08), (-0.07, -0.03), (-0.18, 0.07), (-0.33, 0.08)],
    }[character.bangs]
    skew = {"straight": 0.0, "parted": 0.02, "swept": 0.10, "jagged": 0.03}[character.bangs]
    drift = 0.04 * at.sway
    tips = [(x * (1 - 0.1 * yaw * np.sign(x)) + 0.10 * yaw + drift, y) for x, y in kinds]
    roots = [(0.43 + 0.03 * yaw, -0.06)]
    roots += [((a[0] + b[0]) / 2 + 0.03 - skew * 0.3, min(a[1], b[1]) - 0.17) for a, b in itertools.pairwise(tips)]
    roots += [(-0.43 + 0.03 * yaw, -0.06)]
    points: list[tuple[float, float]] = []
    for root, tip, after in zip(roots, tips, roots[1:]):
        right_bulge = ((root[0] + tip[0]) / 2 + 0.020, (root[1] + tip[1]) / 2 + 0.015)
        left_bulge = ((after[0] + tip[0]) / 2 - 0.020, (after[1] + tip[1]) / 2 + 0.015)
        points += [root, right_bulge, (tip[0] - skew * 0.4, tip[1]), left_bulge]
    return np.array([*points, roots[-1]])


def draw_front_hair(pen: Pen, at: HeadSpace, character: Character, tones: Tones, yaw: float, bottom) -> None:
    base, shadow = tones.hair
    lean = -0.05 * yaw
    if character.hair == "spiky":
        crown = _spikes(lean, at)
    else:
        crown = spline(
            [
                (-0.44 + lean * 0.4, -0.06),
                (-0.475 + lean, -0.22),
                (-0.36 + lean, -0.48),
                (lean, -0.60),
                (0.36 + lean, -0.48),
                (0.475 + lean, -0.22),
                (0.44 + lean * 0.4, -0.06),
            ],
            6,
        )
    for side in (-1, 1):
        length = {"short": 0.34, "spiky": 0.30, "bob": 0.58, "long": 0.86, "twin_tails": 0.62, "ponytail": 0.56}[
            character.hair
        ]
        middle, half = at.tail((side * 0.405 + 0.04 * yaw, -0.10), length, 0.075, -0.06 * side, side, 0.4)
        _lock(pen, at, middle, half, base, tones, shadow if side > 0 else None)
    mass = np.concatenate([crown, bottom])
    outline = at(mass)
    pen.fill(outline, base)
    for i in range(0, len(bottom) - 1, 4):
        root, tip, after = bottom[i], bottom[i + 2], bottom[min(i + 4, len(bottom) - 1)]
        lift = (root + after) / 2
        pen.shade(
            at(np.add([tip, lift, after, after], [(-0.01, 0.01), (-0.02, -0.02), (-0.03, -0.10), (-0.02, 0.03)])),
            outline,
            shadow,
        )
    pen.shade(
        at(
            np.concatenate(
                [
                    spline([(-0.36 + lean, -0.62), (-0.33 + lean, -0.3), (-0.38 + lean, 0.0)], 5),
                    [(-0.7, 0.0), (-0.7, -0.7)],
                ]
            )
        ),
        outline,
        shadow,
    )
    u = np.linspace(-0.78, 0.62, 15)
    arc = -0.335 + 0.16 * u**2
    zig = np.where(np.arange(15) % 2 == 0, 0.035, -0.022)
    ring = np.concatenate(
        [
            np.stack([0.44 * u + lean + 0.05 * yaw, arc - 0.035 + zig * 0.5], 1),
            np.stack([0.44 * u + lean + 0.05 * yaw, arc + 0.035 + zig], 1)[::-1],
        ]
    )
    pen.shade(at(ring), outline, tones.hair_light)
    for i in range(4, len(bottom) - 1, 4) if pen.unit_px * at.size >= FINE_PX else ():
        valley = bottom[i]
        top = np.array([valley[0] * 0.45 + lean, -0.50])
        pen.line(
            at(spline([valley, valley * 0.5 + top * 0.5 + [0.02 * np.sign(valley[0]), 0], top], 5)[:8]),
            tones.hair_ink,
            0.9,
            (1.0, 0.05),
        )
    pen.line(at(crown), tones.hair_ink, 1.4, (0.6, 0.6))
    for i in range(0, len(bottom) - 1, 4):
        pen.line(at(spline(bottom[i : i + 3], 4)), tones.hair_ink, 1.1, (0.5, 0.5))
        pen.line(at(spline(bottom[i + 2 : i + 5], 4)), tones.hair_ink, 1.1, (0.5, 0.5))
    if character.seed % 3 == 0 and character.hair != "spiky":
        curl = spline([(0.02 + lean, -0.59), (0.10 + lean, -0.74), (0.22 + lean + 0.05 * at.sway, -0.72)], 5)
        pen.band(at(curl), np.linspace(0.035, 0.004, len(curl)) * at.size, base)
        pen.line(at(curl), tones.hair_ink, 1.2, (1.0, 0.2))
    if character.extra in ("ribbon", "hairpin"):
        x = 0.30 + lean
        for wing in (-1, 1) if character.extra == "ribbon" else (1,):
            bow = np.array([(x, -0.40), (x + wing * 0.15, -0.50), (x + wing * 0.17, -0.33)])
            pen.fill(at(bow), tones.accent[0])
            pen.line(at(np.vstack([bow, bow[:1]])), tones.ink, 0.9, (1, 1))
    if character.extra == "headband":
        strip = spline([(-0.44, -0.18), (0.0 + 0.05 * yaw, -0.27), (0.44, -0.18)], 6)
        pen.band(at(strip), np.full(len(strip), 0.036 * at.size), tones.accent[0])


def _spikes(lean: float, at: HeadSpace) -> np.ndarray:
    """A crown of pointed locks from left to right (N, 2)."""
    angles = np.radians(np.linspace(200, -20, 10))
    points = []
    for i, a in enumerate(angles):
        inner = np.array([0.46 * np.cos(a) + lean, -0.14 - 0.42 * np.sin(a)])
        points.append(inner)
        if i < len(angles) - 1:
            middle = a - np.radians(10)
            reach = 0.80 if i % 2 else 0.70
            tip = np.array(
                [
                    reach * np.cos(middle + 0.22) + lean - 0.05 + 0.06 * at.sway,
                    -0.14 - reach * 0.92 * np.sin(middle + 0.12),
                ]
            )
            points += [inner * 0.35 + tip * 0.65 + [0.0, -0.03], tip]
    return np.array(points)


def draw_back_of_head(pen: Pen, at: HeadSpace, character: Character, tones: Tones) -> None:
    """The head seen from behind: nothing but hair."""
    base, shadow = tones.hair
    crown = (
        _spikes(0.0, at)
        if character.hair == "spiky"
        else spline(
            [(-0.46, 0.0), (-0.48, -0.24), (-0.34, -0.50), (0, -0.60), (0.34, -0.50), (0.48, -0.24), (0.46, 0.0)], 6
        )
    )
    hem = {"long": 1.7, "bob": 0.52}.get(character.hair, 0.40)
    n = 11
    u = np.linspace(1, -1, n)
    drift = at.sway * 0.3 * max(0.0, hem - 0.5)
    tips = np.stack([0.5 * u * (1 + 0.12 * (hem > 1)) + drift, hem - 0.10 * (np.arange(n) % 2) - 0.12 * np.abs(u)], 1)
    mass = at(np.concatenate([crown, tips]))
    if character.hair in ("ponytail", "twin_tails"):
        draw_back_hair(pen, at, character, tones, 0.0)
    pen.fill(mass, base)
    pen.shade(
        at(
            np.concatenate(
                [spline([(-0.22, -0.65), (-0.28, 0.0), (-0.16 + drift, hem)], 6), [(-0.9, hem), (-0.9, -0.7)]]
            )
        ),
        mass,
        shadow,
    )
    ring_u = np.linspace(-0.7, 0.8, 15)
    zig = np.where(np.arange(15) % 2 == 0, 0.035, -0.02)
    arc = -0.30 + 0.14 * ring_u**2
    pen.shade(
        at(
            np.concatenate(
                [np.stack([0.44 * ring_u, arc - 0.03], 1), np.stack([0.44 * ring_u, arc + 0.04 + zig], 1)[::-1]]
            )
        ),
        mass,
        tones.hair_light,
    )
    for x in (-0.3, -0.12, 0.08, 0.27):
        strand = spline([(x * 0.5, -0.45), (x, -0.05), (x * 1.15 + drift * 0.8, hem - 0.14)], 6)
        pen.line(at(strand), tones.hair_ink, 0.8, (0.05, 0.6))
    pen.line(np.vstack([mass, mass[:1]]), tones.hair_ink, 1.3, (1, 1))
