"""The colours of a shot: style.chroma, style.key, style.temperature and style.hues, as `colour_bins` defines them.

A sparse grid of pixels of every third frame is enough: the values are those of a shot's median frame. The black of a
matte is left out of the grid, and frames that an event recolours or covers are left out of the median.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from anicaption.colour_bins import grid, lab, numbers_of, values_of
from anicaption.record import Evidence, Variable, abstain, measured
from anicaption.tracks import Event, Tracks

NAME, VERSION = "colour", "1"
FIELDS = ("style.chroma", "style.key", "style.temperature", "style.hues")
COLUMNS = ("lightness", "chroma", "warmth", "hue_share")
PERIOD_FRAMES = 3  # from one look to the next
LEAST_LOOKS = 2
BLACK = 26  # brightest value of a row or column of a matte
_MOST_MATTE = 0.3  # of a side of the picture: more black than that on one side is night

_RECOLOURS = {"vfx.impact_frame", "camera.transition"}


class ColourWatch:
    """The streaming half: four numbers of every third frame, on a grid of about 24 rows."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []

    def see(self, rgb: np.ndarray) -> None:
        """RGB uint8 (H, W, 3)."""
        if len(self._rows) % PERIOD_FRAMES:
            self._rows.append((math.nan,) * len(COLUMNS))
            return
        numbers = numbers_of(lab(grid(_inside(rgb))))
        self._rows.append(tuple(numbers[name] for name in COLUMNS))

    def columns(self) -> dict[str, np.ndarray]:
        table = np.array(self._rows, np.float32).reshape(-1, len(COLUMNS))
        return {name: table[:, i].copy() for i, name in enumerate(COLUMNS)}

    def events(self) -> tuple[Event, ...]:
        return ()


def _inside(rgb: np.ndarray) -> np.ndarray:
    """The picture without the rows and columns at its edges that are black from end to end."""
    red, green, blue = cv2.split(np.ascontiguousarray(rgb[::2, ::2]))
    sparse = cv2.max(cv2.max(red, green), blue)  # of three numbers each, ten times as fast as numpy's
    rows, columns = (np.flatnonzero(sparse.max(axis) > BLACK) * 2 for axis in (1, 0))
    if not len(rows) or not len(columns):
        return rgb
    height, width = rgb.shape[:2]
    top, bottom = rows[0], min(height, rows[-1] + 2)
    left, right = columns[0], min(width, columns[-1] + 2)
    if max(top, height - bottom) > _MOST_MATTE * height:
        top, bottom = 0, height
    if max(left, width - right) > _MOST_MATTE * width:
        left, right = 0, width
    return rgb[top:bottom, left:right]


def read_colour(tracks: Tracks) -> dict[str, Variable]:
    """The four values of the shot's median clean frame."""
    clean = np.ones(tracks.n_frames, bool)
    for event in tracks.events:
        if event.field in _RECOLOURS:
            clean[event.start : event.end] = False
    table = {name: tracks[name].astype(float) for name in COLUMNS}
    looks = clean & np.isfinite(table["lightness"])
    if looks.sum() < LEAST_LOOKS:
        looks = np.isfinite(table["lightness"])
    if not looks.any():
        return {field: abstain(field, "the colours of no frame were measured") for field in FIELDS}
    numbers = {
        name: float(np.nanmedian(column[looks])) if np.isfinite(column[looks]).any() else math.nan
        for name, column in table.items()
    }
    evidence = (
        Evidence(
            estimator=NAME, version=VERSION, start=0, end=tracks.n_frames,
            numbers={name: x for name, x in numbers.items() if math.isfinite(x)},
        ),
    )  # fmt: skip
    return {
        field: measured(field, [value], {} if value == "na" else {value: 0.9}, evidence)
        for field, value in values_of(numbers).items()
    }
