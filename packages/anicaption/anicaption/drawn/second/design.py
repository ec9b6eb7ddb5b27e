"""Model sheets of the second hand: what folk a script's character is here, in which build and which paints."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from anicaption.drawn.script import Character
from anicaption.drawn.second.brush import Rgb, blend, scaled
from anicaption.drawn.second.light import tint


@dataclass(frozen=True)
class Build:
    """Lengths in head heights; neck, torso and legs are what is below the head. `proportion` is style.proportion."""

    folk: str  # human, robot, beast
    proportion: str
    neck: float
    torso: float
    leg: float
    arm: float  # of either half
    shoulder: float  # half width
    hip: float
    girth: float  # half width of a limb at its root
    face: float  # half width of the head

    @property
    def height(self) -> float:
        return 1.0 + self.neck + self.torso + self.leg


BUILDS = {
    "youth": Build("human", "youthful", 0.10, 1.32, 2.12, 0.84, 0.40, 0.34, 0.145, 0.45),
    "teen": Build("human", "standard", 0.18, 1.72, 2.95, 1.06, 0.56, 0.43, 0.18, 0.42),
    "tall": Build("human", "realistic", 0.24, 2.30, 3.72, 1.30, 0.74, 0.52, 0.23, 0.40),
    "robot": Build("robot", "creature_mecha", 0.12, 1.60, 2.06, 0.98, 0.66, 0.46, 0.17, 0.52),
    "beast": Build("beast", "creature_mecha", 0.0, 1.28, 0.86, 0.56, 0.52, 0.60, 0.20, 0.58),
}
CHIBI = {
    "human": Build("human", "chibi", 0.0, 0.66, 0.66, 0.38, 0.27, 0.27, 0.13, 0.55),
    "robot": Build("robot", "chibi", 0.02, 0.62, 0.52, 0.36, 0.32, 0.30, 0.13, 0.60),
    "beast": Build("beast", "chibi", 0.0, 0.52, 0.32, 0.30, 0.34, 0.38, 0.14, 0.62),
}


def build_of(character: Character) -> Build:
    """Of ten characters six are youths, one is in its teens, one grown up, one a robot and one a beast."""
    return BUILDS[{3: "teen", 7: "tall", 8: "robot", 9: "beast"}.get(character.seed % 10, "youth")]


SIZES = ("extreme_long", "long", "full", "knee", "waist", "bust", "close_up", "extreme_close")
# Height of a whole figure in the long framings, and where its feet stand below the frame's middle (frame heights).
_TOTALS = {"extreme_long": 0.20, "long": 0.45, "full": 0.80}
_FEET_Y = {"extreme_long": 0.24, "long": 0.33, "full": 0.42}


def head_height(build: Build, size: str) -> float:
    """Frame heights of a head in the framing `size` (a value of camera.shot_size), which depends on the build."""
    if size in _TOTALS:
        return _TOTALS[size] / build.height
    below = {
        "knee": build.neck + build.torso + 0.5 * build.leg,
        "waist": build.neck + build.torso,
        "bust": build.neck + 0.5 * build.torso,
        "close_up": build.neck + 0.12 * build.torso,
        "extreme_close": -0.42,
    }
    if size not in below:
        raise ValueError(f"drawn.second.design: no framing {size!r}; there are {', '.join(SIZES)}")
    return 0.93 / (1.0 + below[size])


def feet_y(build: Build, size: str) -> float:
    """Where the ground under the figure lies, frame heights below the frame's middle."""
    if size in _FEET_Y:
        return _FEET_Y[size]
    unit = head_height(build, size)
    if size == "extreme_close":
        return unit * (build.height - 0.52) + 0.02
    return -0.44 + unit * build.height


@dataclass(frozen=True)
class Paints:
    """The model sheet's paints under the light of the place."""

    skin: Rgb
    hair: Rgb
    eye: Rgb
    main: Rgb
    second: Rgb
    accent: Rgb
    dark: Rgb
    pale: Rgb
    blush: Rgb


def paints_of(character: Character, light: str) -> Paints:
    lit = tint(light)
    rng = np.random.default_rng([character.seed, 77])
    shift = float(rng.uniform(-0.06, 0.06))

    def house(rgb: Rgb, chroma: float = 0.72) -> Rgb:
        """The script's colour in this studio's paint: turned a little, greyed, and laid over warm paper."""
        hue, value, chroma_of = colorsys.rgb_to_hls(*(c / 255 for c in rgb))
        r, g, b = colorsys.hls_to_rgb((hue + shift) % 1, 0.12 + 0.76 * value, chroma_of * chroma)
        return scaled(blend((round(r * 255), round(g * 255), round(b * 255)), (232, 214, 180), 0.07), lit)

    folk = build_of(character).folk
    skin = {
        "human": house(character.skin_rgb, 0.85),
        "robot": house(blend(character.main_rgb, (176, 182, 186), 0.6), 0.5),
        "beast": house(blend(character.hair_rgb, (196, 170, 140), 0.45)),
    }[folk]
    return Paints(
        skin=skin,
        hair=house(character.hair_rgb),
        eye=scaled(blend(character.eye_rgb, (20, 16, 26), 0.55), lit),
        main=house(character.main_rgb),
        second=house(character.second_rgb),
        accent=house(character.accent_rgb, 0.95),
        dark=scaled((62, 54, 62), lit),
        pale=scaled((238, 232, 218), lit),
        blush=blend(skin, (226, 96, 92), 0.5),
    )
