"""Colour scripts of the second hand: what each light does to puppets and to the gouache behind them."""

from __future__ import annotations

from dataclasses import dataclass

from anicaption.drawn.second.brush import Rgb


@dataclass(frozen=True)
class Light:
    """`tint` multiplies the puppets' paints, `ambient` what is painted behind them; the rest is painted as it is."""

    tint: tuple[float, float, float]
    ambient: tuple[float, float, float]
    sky: tuple[Rgb, Rgb, Rgb]  # zenith, middle, horizon
    glow: Rgb
    haze: Rgb
    lamp: bool = False


LIGHTS = {
    "normal_day": Light(
        (1, 0.99, 0.96),
        (1, 1, 0.97),
        ((86, 138, 168), (148, 186, 190), (228, 226, 200)),
        (255, 246, 214),
        (206, 214, 202),
    ),
    "evening": Light(
        (1.0, 0.80, 0.66),
        (0.98, 0.70, 0.52),
        ((96, 70, 92), (206, 112, 84), (246, 190, 108)),
        (255, 206, 120),
        (226, 142, 100),
    ),
    "night": Light(
        (0.70, 0.77, 0.96),
        (0.30, 0.38, 0.58),
        ((14, 20, 40), (28, 44, 74), (58, 84, 108)),
        (226, 230, 214),
        (44, 62, 92),
        True,
    ),
    "dawn": Light(
        (0.96, 0.86, 0.88),
        (0.80, 0.72, 0.80),
        ((112, 124, 164), (206, 166, 178), (248, 218, 186)),
        (255, 232, 204),
        (222, 190, 190),
    ),
    "interior_artificial": Light(
        (1.0, 0.88, 0.72),
        (0.86, 0.70, 0.50),
        ((30, 28, 44), (58, 50, 62), (96, 84, 88)),
        (255, 218, 146),
        (120, 96, 80),
        True,
    ),
    "backlit": Light(
        (0.58, 0.54, 0.60),
        (0.62, 0.56, 0.56),
        ((190, 176, 166), (236, 216, 182), (255, 246, 216)),
        (255, 250, 226),
        (244, 226, 190),
    ),
    "special": Light(
        (0.72, 0.92, 0.80),
        (0.60, 0.86, 0.72),
        ((26, 52, 58), (66, 128, 112), (206, 216, 150)),
        (236, 255, 190),
        (96, 150, 124),
    ),
}


def light_of(name: str) -> Light:
    """The light `name`, a value of style.color_script."""
    if name not in LIGHTS:
        raise ValueError(f"drawn.second.light: {name!r} is not one of {', '.join(LIGHTS)}")
    return LIGHTS[name]


def tint(name: str) -> tuple[float, float, float]:
    return light_of(name).tint
