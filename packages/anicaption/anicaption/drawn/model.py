"""What a character's drawings share: its paints under one light, and the coordinates of its head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anicaption.drawn.ink import Rgb, mix, times
from anicaption.drawn.palette import Palette
from anicaption.drawn.script import Character


@dataclass(frozen=True)
class Tones:
    """Base and shadow of every paint on the model sheet, under the light of the place."""

    skin: tuple[Rgb, Rgb]
    hair: tuple[Rgb, Rgb]
    hair_light: Rgb
    eye: Rgb
    main: tuple[Rgb, Rgb]
    second: tuple[Rgb, Rgb]
    accent: tuple[Rgb, Rgb]
    ink: Rgb
    hair_ink: Rgb
    skin_ink: Rgb


# A head lower than this has eyes of two tones; finer paint in them would not be seen.
FINE_PX = 44


class HeadSpace:
    """Takes head units to the body's units: turned by `tilt_deg` about the head's centre, scaled by `size`."""

    def __init__(self, centre: tuple[float, float], size: float, tilt_deg: float, sway: float, flutter: float) -> None:
        angle = np.radians(tilt_deg)
        self._turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        self._centre = np.asarray(centre, float)
        self.size, self.sway, self.flutter = size, sway, flutter

    def __call__(self, points_N2) -> np.ndarray:
        return np.asarray(points_N2, float) @ self._turn.T + self._centre

    def moved(self, x: float, y: float) -> HeadSpace:
        """The same head a little aside, in head units."""
        aside = HeadSpace((0.0, 0.0), self.size, 0.0, self.sway, self.flutter)
        aside._turn, aside._centre = self._turn, self([[x, y]])[0]
        return aside

    def tail(
        self, root, length: float, width: float, curl: float, lag: float = 0.0, wind: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """A lock hanging from `root`: middle line (N, 2) and half widths (N,), swept by the wind."""
        t = np.linspace(0, 1, 12)
        wave = 0.07 * np.sin(2.5 * t * np.pi - self.flutter - lag) * t
        x = root[0] + length * (curl * t**1.6 + self.sway * wind * 0.55 * t**1.5 + wave)
        y = root[1] + length * t * np.sqrt(max(0.2, 1 - min(0.8, 0.35 * abs(self.sway))))
        return np.stack([x, y], 1), width * (0.62 + 0.9 * t - 1.5 * t**2.6).clip(0.015)


@dataclass(frozen=True)
class Proportion:
    """Lengths in head heights. Neck, torso and legs make up the height below the head."""

    heads: float
    neck: float
    torso: float
    leg: float
    arm: float
    girth: float
    head_size: float


STANDARD = Proportion(heads=5.9, neck=0.20, torso=1.72, leg=2.98, arm=1.15, girth=1.0, head_size=1.06)
CHIBI = Proportion(heads=2.7, neck=0.03, torso=0.78, leg=0.72, arm=0.52, girth=1.05, head_size=1.55)


def tones_of(character: Character, colours: Palette) -> Tones:
    """The character's paints under the light of the place: one base and one shadow each."""
    light, cool = colours.tint, (0.74, 0.70, 0.84)

    def pair(rgb: Rgb) -> tuple[Rgb, Rgb]:
        base = times(rgb, light)
        return base, times(base, cool)

    skin = times(character.skin_rgb, light)
    hair = pair(character.hair_rgb)
    return Tones(
        skin=(skin, times(skin, (0.90, 0.74, 0.76))),
        hair=hair,
        hair_light=mix(hair[0], (255, 255, 255), 0.45),
        eye=times(character.eye_rgb, tuple(min(1.0, 0.3 + 0.7 * t) for t in light)),
        main=pair(character.main_rgb),
        second=pair(character.second_rgb),
        accent=pair(character.accent_rgb),
        ink=mix(times((58, 38, 48), light), (20, 16, 36), 0.35),
        hair_ink=mix(times(character.hair_rgb, light), (26, 16, 44), 0.78),
        skin_ink=mix(skin, (138, 62, 58), 0.62),
    )
