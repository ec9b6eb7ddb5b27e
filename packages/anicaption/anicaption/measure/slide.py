"""Wipes: whether in a window every spot changes once from one end to the other, along a line that crosses the picture.

Like a dissolve (`mix`), a wipe is judged between two ends that are carried along their own drift. How far each spot has
come from one to the other, summed over the window, is the moment at which it changed; in a wipe these moments lie on a
plane over the picture, and hardly a spot is seen between the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from anicaption.measure.likeness import HEIGHT_PX, WIDTH_PX, Thumbnail

LEAST_FRAMES, MOST_FRAMES = 4, 30
_FITS = 0.92  # share of the spread of the moments that a plane explains
_SOFT = 0.42  # share of its way that a spot may be seen between the ends, on average
_FLAT = 0.5  # share of the other's contrast under which one end is a surface that passes before the lens
_STANDS, _EXACT, _FLATTER = 0.45, 0.03, 0.25  # and under which one that no motion brings, along a line this straight
_KEPT = 0.75  # share of the spots that are looked at: what fits best, for figures move
_LEAST_WAY = 1e-3  # squared difference of the ends, 0..1

_COLUMNS, _ROWS = WIDTH_PX // 2, HEIGHT_PX // 2
_x, _y = np.meshgrid((np.arange(_COLUMNS) - (_COLUMNS - 1) / 2) / _ROWS, (np.arange(_ROWS) - (_ROWS - 1) / 2) / _ROWS)
PLANE = np.stack([np.ones(_x.size), _x.ravel(), _y.ravel()], 1)


class Slide(NamedTuple):
    """A wipe over the frames [start, end) of a window, not rounded; `misfit`: share of the spread not explained."""

    start: float
    end: float
    misfit: float


def slide(
    pictures: Sequence[Thumbnail], firsts: list[np.ndarray], lasts: list[np.ndarray], unexplained: float
) -> Slide | None:
    """The wipe that `pictures` are between two ends, given as specks where they would be at each of them, or None.

    `unexplained` is the share of their change from frame to frame that motion does not explain: where it is large, a
    flat end is a picture too, and none that passes before the lens.
    """
    n = len(pictures)
    origin = np.stack(firsts).reshape(n, -1, 3)
    way = np.stack(lasts).reshape(origin.shape) - origin
    offset = np.stack([picture.speck for picture in pictures]).reshape(origin.shape) - origin
    length = np.square(way).sum(2)
    come = np.clip((offset * way).sum(2) / np.maximum(length, 1e-6), 0, 1)
    weight = length.min(0)
    weight = np.minimum(weight, np.median(weight))
    if weight.mean() < _LEAST_WAY:
        return None
    moment = (1 - come).sum(0)
    fit = plane(moment, weight)
    if fit is None or fit.misfit > 1 - _FITS:
        return None
    start, end = float(fit.moments.min()), float(fit.moments.max())
    between = float((fit.weight * 4 * come * (1 - come)).sum() / fit.weight.sum()) / max(1.0, end - start)
    inside = start > -0.4 * (end - start) and end < n + 0.4 * (end - start)
    seen = fit.weight > 0
    less, more = sorted((float(origin[0][seen].std()), float((origin[-1] + way[-1])[seen].std())))
    if less < (_FLAT if unexplained < _STANDS or fit.misfit > _EXACT else _FLATTER) * more:
        return None
    if between > _SOFT or not LEAST_FRAMES <= end - start <= MOST_FRAMES or not inside:
        return None
    return Slide(start, end, fit.misfit)


class Plane(NamedTuple):
    """A plane over the picture: its values at every spot, the spots' weights, and the misfit as in Slide."""

    moments: np.ndarray
    weight: np.ndarray
    misfit: float


def plane(moment: np.ndarray, weight: np.ndarray, design: np.ndarray = PLANE) -> Plane | None:
    """The plane through most of the moments, float (576,), by trimmed weighted least squares."""
    told = weight > 0
    if told.sum() < 60:
        return None
    model = np.zeros_like(moment)
    for _ in range(3):
        heavy = design[told] * weight[told, None]
        answer = np.linalg.lstsq(heavy.T @ design[told], heavy.T @ moment[told], rcond=None)[0]
        model = design @ answer
        wrong = np.where(weight > 0, np.abs(model - moment), np.inf)
        told = wrong <= np.quantile(wrong[weight > 0], _KEPT)
    kept = weight * told
    mean = (kept * moment).sum() / kept.sum()
    spread = float((kept * np.square(moment - mean)).sum())
    return Plane(model, kept, float((kept * np.square(moment - model)).sum()) / max(spread, 1e-6))
