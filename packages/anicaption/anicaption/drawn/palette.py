"""Colour scripts: what each light situation does to the sky, the land and the characters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anicaption.drawn.ink import Rgb, mix, times


@dataclass(frozen=True)
class Palette:
    """The colours of one place in one light. `tint` multiplies character colours, `para` washes the frame."""

    sky: tuple[Rgb, Rgb, Rgb]  # top, middle, horizon
    cloud: tuple[Rgb, Rgb, Rgb]  # lit, body, shadow
    far: Rgb
    hill: Rgb
    leaf: tuple[Rgb, Rgb, Rgb]  # lit, body, dark
    grass: tuple[Rgb, Rgb]  # lit, body
    ground: Rgb
    wall: tuple[Rgb, ...]
    roof: tuple[Rgb, ...]
    glass: Rgb
    sea: tuple[Rgb, Rgb]
    flower: Rgb
    tint: tuple[float, float, float]
    para: tuple[Rgb, Rgb]  # screened from above, multiplied from below
    sun: Rgb


_DAY = Palette(
    sky=((38, 108, 205), (92, 170, 236), (205, 235, 250)),
    cloud=((255, 255, 252), (232, 242, 252), (172, 198, 228)),
    far=(128, 168, 208),
    hill=(92, 152, 132),
    leaf=((150, 200, 84), (84, 150, 70), (40, 96, 66)),
    grass=((166, 208, 92), (108, 172, 76)),
    ground=(206, 188, 150),
    wall=((240, 232, 214), (226, 214, 196), (214, 222, 226), (236, 214, 190)),
    roof=((168, 76, 62), (84, 104, 134), (120, 92, 78), (90, 128, 120)),
    glass=(150, 190, 214),
    sea=((36, 120, 186), (112, 204, 214)),
    flower=(250, 214, 92),
    tint=(1.0, 1.0, 1.0),
    para=((60, 58, 40), (226, 232, 250)),
    sun=(255, 250, 226),
)


def _relit(base: Palette, light: tuple[float, float, float], **changes) -> Palette:
    """`base` under another light: every painted colour is multiplied, what the light makes itself is given."""
    lit: dict[str, Any] = {
        name: tuple(times(rgb, light) for rgb in getattr(base, name))
        for name in ("leaf", "grass", "wall", "roof", "sea")
    } | {name: times(getattr(base, name), light) for name in ("far", "hill", "ground", "glass", "flower")}
    return replace(base, **(lit | changes))


_LIGHTS = {
    "normal_day": _DAY,
    "evening": _relit(
        _DAY, (1.0, 0.66, 0.55),
        sky=((76, 64, 138), (238, 130, 92), (255, 214, 128)),
        cloud=((255, 226, 170), (246, 150, 116), (150, 88, 132)),
        far=(158, 92, 126), glass=(255, 224, 150), sea=((120, 70, 118), (255, 176, 108)),
        tint=(1.0, 0.86, 0.78), para=((96, 48, 10), (255, 216, 196)), sun=(255, 236, 170),
    ),
    "night": _relit(
        _DAY, (0.30, 0.40, 0.66),
        sky=((8, 14, 48), (22, 44, 104), (58, 98, 158)),
        cloud=((104, 136, 190), (58, 84, 146), (32, 50, 104)),
        far=(30, 48, 100), glass=(255, 220, 120), sea=((10, 26, 74), (70, 120, 178)),
        tint=(0.74, 0.77, 0.92), para=((10, 20, 60), (206, 212, 250)), sun=(250, 246, 214),
    ),
    "dawn": _relit(
        _DAY, (0.88, 0.76, 0.86),
        sky=((84, 112, 190), (240, 176, 190), (255, 232, 200)),
        cloud=((255, 240, 226), (250, 196, 196), (176, 146, 196)),
        far=(160, 142, 190), sea=((96, 118, 184), (252, 206, 196)),
        tint=(0.98, 0.92, 0.96), para=((90, 50, 56), (236, 226, 255)), sun=(255, 244, 214),
    ),
    "interior_artificial": _relit(
        _DAY, (0.96, 0.84, 0.68),
        sky=((18, 22, 60), (40, 52, 104), (86, 92, 140)),
        cloud=((120, 120, 160), (80, 84, 130), (50, 54, 100)),
        glass=(40, 52, 100), tint=(1.0, 0.93, 0.82), para=((70, 44, 12), (240, 220, 200)), sun=(255, 226, 160),
    ),
    "backlit": _relit(
        _DAY, (0.62, 0.60, 0.70),
        sky=((150, 190, 226), (232, 232, 222), (255, 252, 232)),
        cloud=((255, 255, 250), (250, 244, 230), (214, 210, 214)),
        far=(176, 186, 204), glass=(236, 240, 236), sea=((120, 150, 176), (250, 246, 226)),
        tint=(0.52, 0.50, 0.62), para=((110, 100, 70), (214, 214, 240)), sun=(255, 252, 236),
    ),
    "special": _relit(
        _DAY, (1.0, 0.42, 0.62),
        sky=((40, 8, 60), (150, 24, 92), (255, 120, 110)),
        cloud=((255, 170, 190), (190, 60, 130), (92, 20, 92)),
        far=(110, 20, 90), glass=(120, 255, 220), sea=((60, 10, 80), (255, 110, 140)),
        tint=(0.92, 0.62, 0.86), para=((90, 0, 60), (255, 200, 240)), sun=(190, 255, 226),
    ),
}  # fmt: skip

LIGHTS = tuple(_LIGHTS)
_SEASONS = (
    None,
    ((255, 206, 220), (246, 160, 190), (196, 104, 148)),  # cherry
    ((250, 190, 84), (226, 122, 52), (160, 66, 44)),  # maple
    ((130, 196, 130), (58, 140, 104), (28, 88, 86)),  # deep summer
)


def palette(light: str, seed: int) -> Palette:
    """The colours for `light` (a value of style.color_script); `seed` picks the season and a slight cast."""
    if light not in _LIGHTS:
        raise ValueError(f"drawn.palette: {light!r} is not one of {', '.join(_LIGHTS)}")
    base = _LIGHTS[light]
    rng = np.random.default_rng(seed)
    season = _SEASONS[rng.integers(len(_SEASONS))]
    changes: dict = {}
    if season:
        changes["leaf"] = tuple(times(rgb, base.tint) for rgb in season)
    cast = tuple(rng.integers(0, 255, 3).tolist())
    changes["sky"] = tuple(mix(rgb, cast, 0.05) for rgb in base.sky)
    changes["hill"] = mix(base.hill, cast, 0.12)
    return replace(base, **changes)
