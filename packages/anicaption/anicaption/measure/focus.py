"""camera.focus: how sharp the edges are in the middle of the picture and around it, and how that changes.

The sharpness of a block is its steepest slope after a blur of 0.003 of the height over its steepest after one of 0.008.
A step or a line that a lens has blurred has nearly the same slope in both, whatever its contrast; grain is in neither.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from anicaption.measure.composite import clean_looks, numbers_of
from anicaption.measure.looks import Look
from anicaption.record import Evidence, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "focus", "1"
FIELD = "camera.focus"
COLUMNS = ("sharp_middle", "sharp_rim", "sharp_low", "sharp_high")
_ROWS_PX = 360
_GRID = (9, 16)  # blocks
_EDGE = 24  # slope after the blur under which a block has no edge, of Sobel's
_LEAST_BLOCKS = 6
SOFT, SHARP = 1.45, 1.9  # sharpness of what is out of focus at most, and of what is in focus at least
_PATTERN = 14.0  # tooth from which a pattern lies over the picture


def look(look: Look) -> dict[str, float]:
    """The numbers of one look: gradient at single pixels over gradient at 0.008 of the height, per block with edges."""
    height, width = look.rgb.shape[:2]
    grey = cv2.cvtColor(look.rgb, cv2.COLOR_RGB2GRAY)
    if height > _ROWS_PX:
        grey = cv2.resize(grey, (round(width * _ROWS_PX / height), _ROWS_PX), interpolation=cv2.INTER_AREA)
    rows, columns = grey.shape[0] // _GRID[0], grey.shape[1] // _GRID[1]
    fine = _steep(cv2.GaussianBlur(grey, (0, 0), 0.003 * grey.shape[0]))
    coarse = _steep(cv2.GaussianBlur(grey, (0, 0), 0.008 * grey.shape[0]))
    tops = [_tops(picture, rows, columns) for picture in (fine, coarse)]
    edged = tops[1] > _EDGE
    sharp = np.where(edged, tops[0] / np.maximum(tops[1], 1), np.nan)
    sharp[sharp < 1] = np.nan  # only the blur of an edge beside the block lies in it
    if edged.sum() < 2 * _LEAST_BLOCKS:
        return {}
    middle = sharp[2:8, 5:11]
    rim = np.concatenate([sharp[:7, :3].ravel(), sharp[:7, -3:].ravel(), sharp[0, 3:-3]])
    parts = zip(COLUMNS, (middle, rim, sharp, sharp), (0.5, 0.5, 0.15, 0.85), strict=True)
    return {name: _quantile(part, at) for name, part, at in parts}


def _quantile(sharp: np.ndarray, at: float) -> float:
    known = sharp[np.isfinite(sharp)]
    return float(np.quantile(known, at)) if len(known) >= _LEAST_BLOCKS else math.nan


def _steep(grey: np.ndarray) -> np.ndarray:
    return cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


def _tops(picture: np.ndarray, rows: int, columns: int) -> np.ndarray:
    cut = picture[: rows * _GRID[0], : columns * _GRID[1]]
    lines = cut.reshape(_GRID[0], rows, -1).max(1)  # one way at a time: four times as fast as both
    return lines.reshape(*_GRID, columns).max(2)


def read_focus(tracks: Tracks) -> dict[str, Variable]:
    """camera.focus where nothing fine lies over the picture: grain and screens are sharp whatever the lens does."""
    numbers = numbers_of(tracks, (*COLUMNS, "grain", "tooth"))
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    if not {"sharp_low", "sharp_high"} <= set(numbers):
        return {FIELD: abstain(FIELD, "no look at pixels of the source with edges in it", evidence)}
    if numbers.get("tooth", 0.0) >= _PATTERN:
        return {FIELD: abstain(FIELD, "a pattern lies over the picture, and it is sharp itself", evidence)}
    value = _focus(numbers, _course(tracks, "sharp_rim"))
    if value is None:
        return {FIELD: abstain(FIELD, "neither sharp nor soft, or both in the same places", evidence)}
    return {FIELD: measured(FIELD, [value], {value: 0.85}, evidence)}


def _course(tracks: Tracks, column: str) -> tuple[float, float]:
    """The first and the last clean look; NaN where there are fewer than two."""
    known = tracks[column][clean_looks(tracks, column)]
    return (float(known[0]), float(known[-1])) if len(known) > 1 else (math.nan, math.nan)


def _focus(numbers: dict[str, float], rim: tuple[float, float]) -> str | None:
    """The value that the numbers speak for. Never fg_blur: an unsharp figure may be anything unsharp."""
    if numbers["sharp_high"] < SOFT:
        return "full_defocus"
    if min(rim) < SOFT and max(rim) > SHARP:
        return "rack"
    if numbers["sharp_low"] >= SHARP - 0.1:
        return "deep"
    around, inside = numbers.get("sharp_rim", math.nan), numbers.get("sharp_middle", math.nan)
    if around < SOFT and inside >= SHARP:
        return "bg_blur"
    return None
