"""Linear mixes: whether the frames of a window lie on the straight line between its two ends, as in a dissolve.

Shots go on moving while they are mixed. So each end is first carried along its own drift, one similarity measured
outside the window, and every frame is compared with the mix of the two ends where they would be at that frame. What
moves on its own, a figure or effect lines, is left out: the third of the picture that strays most. A pan is no such
mix: its frames stray from every line between pictures that its drift cannot explain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from anicaption.measure.likeness import HEIGHT_PX, WIDTH_PX, Difference, Thumbnail, speck

DRIFT_FRAMES = 4  # frames outside the window over which the drift of an end is measured
_LEAST_WAY = 0.015  # deviation (0..1) of the ends under which nothing can be told
_MOST_STEP = 0.45  # share of the way from one frame to the next, at most: more is a cut
_LEAST_STEP = -0.15  # a mix does not go back
_HOPELESS = 0.85  # residual without drift over which none would help
_LOOKED_AT = 0.7  # share of the picture that is looked at: what strays least
_MIDDLE = (0.2, 0.8)  # share of the way between which frames are looked at: at the ends one shot hides the other

_EVERY = 2  # pixels between two at which the flow is read for a drift: it has a vector in every four
_x = (np.arange(0, WIDTH_PX, _EVERY) - (WIDTH_PX - 1) / 2)[None, :].repeat(HEIGHT_PX // _EVERY, 0).ravel()
_y = (np.arange(0, HEIGHT_PX, _EVERY) - (HEIGHT_PX - 1) / 2)[:, None].repeat(WIDTH_PX // _EVERY, 1).ravel()
_one, _zero = np.ones_like(_x), np.zeros_like(_x)
_JACOBIAN = np.concatenate([np.stack([_one, _zero, _x, -_y], 1), np.stack([_zero, _one, _y, _x], 1)])


class Mix(NamedTuple):
    """`residual`: how far frames in the middle stray from the line, as a share of the way. `start`, `end`: the first
    mixed and the first clean frame, in frames of the window, not rounded; NaN where the window does not show it."""

    residual: float
    start: float
    end: float


def straight(pictures: Sequence[Thumbnail]) -> bool:
    """Whether a window could be a mix, before its motion is looked at. Cheap."""
    offset = np.stack([picture.speck for picture in pictures])
    offset -= offset[0].copy()
    way = offset[-1]
    length = float(way @ way)
    if length < _LEAST_WAY**2 * way.size:
        return False
    along = offset @ way / length
    middle, steps = _middle(along), np.diff(along)
    if len(middle) < 2 or steps.max() > _MOST_STEP or steps.min() < _LEAST_STEP:
        return False
    far = np.einsum("ij,ij->i", offset[middle], offset[middle]) / length
    return bool((far - along[middle] ** 2).max() < _HOPELESS**2)


def carried_ends(
    pictures: Sequence[Thumbnail], before: Thumbnail, after: Thumbnail, difference: Difference
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Specks of the first and the last of `pictures` where their drifts would have them at each of them. `before` and
    `after` lie DRIFT_FRAMES outside the window."""
    n_last = len(pictures) - 1
    drift_in = drift_of(difference, before, pictures[0]) / DRIFT_FRAMES
    drift_out = drift_of(difference, pictures[-1], after) / DRIFT_FRAMES
    firsts = [_carried(pictures[0], drift_in * i) for i in range(n_last + 1)]
    lasts = [_carried(pictures[-1], drift_out * (i - n_last)) for i in range(n_last + 1)]
    return firsts, lasts


def drifting_mix(
    pictures: Sequence[Thumbnail], firsts: list[np.ndarray], lasts: list[np.ndarray], most_residual: float
) -> Mix | None:
    """The mix that `pictures` are between two ends given as `carried_ends`, or None."""
    origin = np.stack(firsts)
    way = np.stack(lasts) - origin
    offset = np.stack([picture.speck for picture in pictures]) - origin
    along, length = _project(offset, way)
    middle = _middle(along)
    if length.min() < _LEAST_WAY**2 * way.shape[1] or len(middle) < 2:
        return None
    stray = np.square(offset[middle] - along[middle, None] * way[middle]).sum(axis=0)
    calm = stray <= np.quantile(stray, _LOOKED_AT)
    offset, way = offset[:, calm], way[:, calm]
    along, length = _project(offset, way)
    middle, steps = _middle(along), np.diff(along)
    if length.min() < _LEAST_WAY**2 * way.shape[1] or len(middle) < 2:
        return None
    if steps.max() > _MOST_STEP or steps.min() < _LEAST_STEP:
        return None
    left = offset[middle] - along[middle, None] * way[middle]
    residual = float(np.sqrt((np.einsum("ij,ij->i", left, left) / length[middle]).max()))
    slope, zero = _line(middle, along[middle])
    if residual > most_residual or slope <= 0:
        return None
    start, end = -zero / slope + 0.5, (1 - zero) / slope + 0.5
    nan = float("nan")
    return Mix(residual, start if start > 1 else nan, end if end < len(pictures) - 1 else nan)


def _project(offset: np.ndarray, way: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far along its way each row lies (0..1), and the squared length of the way."""
    length = np.einsum("ij,ij->i", way, way)
    return np.einsum("ij,ij->i", offset, way) / np.maximum(length, 1e-9), length


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and value at zero of the straight line through points, by least squares."""
    away = x - x.mean()
    slope = float(away @ y / (away @ away))
    return slope, float(y.mean()) - slope * float(x.mean())


def _middle(along: np.ndarray) -> np.ndarray:
    return np.flatnonzero((along > _MIDDLE[0]) & (along < _MIDDLE[1]))


def drift_of(difference: Difference, earlier: Thumbnail, later: Thumbnail) -> np.ndarray:
    """The similarity that carries most lines of `later` back to `earlier`: (shift x, shift y, zoom, turn), by robust
    least squares on the flow."""
    flow = difference.flow(earlier, later)[::_EVERY, ::_EVERY]
    target = np.concatenate([flow[..., 0].ravel(), flow[..., 1].ravel()])
    lines = np.minimum(cv2.magnitude(*(cv2.Sobel(later.grey, cv2.CV_32F, *o) for o in ((1, 0), (0, 1)))), 100)
    lines = lines[::_EVERY, ::_EVERY].ravel()
    weight = np.tile(lines + 1, 2)
    similarity = np.zeros(4)
    for _ in range(3):
        weighted = _JACOBIAN * weight[:, None]
        similarity = np.linalg.solve(weighted.T @ _JACOBIAN, weighted.T @ target)
        missed = np.hypot(*(_JACOBIAN @ similarity - target).reshape(2, -1))
        weight = np.tile((lines + 1) / (0.3 + missed) ** 2, 2)
    return similarity


def matrix_of(drift: np.ndarray) -> np.ndarray:
    """2x3 matrix for cv2.warpAffine with WARP_INVERSE_MAP: what is seen at z lay at z + drift(z)."""
    shift_x, shift_y, zoom, turn = drift
    x, y = (WIDTH_PX - 1) / 2, (HEIGHT_PX - 1) / 2
    return np.array(
        [[1 + zoom, -turn, shift_x - zoom * x + turn * y], [turn, 1 + zoom, shift_y - zoom * y - turn * x]], np.float32
    )


def _carried(picture: Thumbnail, drift: np.ndarray) -> np.ndarray:
    """The speck of a picture after a drift."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return speck(
        cv2.warpAffine(
            picture.rgb, matrix_of(drift), (WIDTH_PX, HEIGHT_PX), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
    )
