"""How much of one picture shows in the pictures before it: the ramp that a dissolve makes, seen from one clean end.

`mix` asks whether frames lie on the line between two ends, so both must hold still or drift. A run with effect lines
does neither, and a clip that was cut in the middle of a dissolve has one end only. Here the clean end alone is asked
for: its gradients, carried along its own drift, are projected onto every frame. In a mix that share climbs evenly from
nothing to all, whatever the other shot does meanwhile. The energy of the gradients tells more: two pictures that are
mixed lose contrast on the way (a dissolve), a picture that is dimmed has nothing foreign in it (a fade), one that
slides over another loses none (a wipe).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from anicaption.measure.likeness import HEIGHT_PX, WIDTH_PX, Difference, Thumbnail
from anicaption.measure.mix import DRIFT_FRAMES, drift_of, matrix_of

_FLAT_FRAMES = 3  # frames before a ramp that show that it begins there
LEAST_FRAMES, MOST_FRAMES = 4, 28  # of a whole ramp
_LOW = 0.35  # share of the clean end that an unrelated picture may show by chance
_RESIDUAL = 0.075  # root mean square by which the shares may stray from the ramp
_STEP = 0.4  # of the ramp from one frame to the next: more is a cut
_LEAST_RISE = 0.2  # of a ramp whose start lies before the clip
_FLAT = 3.0  # grey levels: deviation of the drawing under which an end shows too little to be found again
_GONE, _LITTLE = 6, 0.15  # frames in a row with less than this share: what lies before them is another picture
_CELL = (9, 9)  # pixels over which a figure is told from what stands
_MOST_FIX = np.array([0.7, 0.7, 0.015, 0.015])  # pixels, pixels, parts, radians: no step is wrong by more

_X, _Y = np.meshgrid(
    np.arange(WIDTH_PX, dtype=np.float32) - (WIDTH_PX - 1) / 2,
    np.arange(HEIGHT_PX, dtype=np.float32) - (HEIGHT_PX - 1) / 2,
)


class Shares(NamedTuple):
    """Of every frame, oldest first, the last being the clean end: `share` of the end's drawing in it, `energy` of its
    drawing as a share of the end's (root mean square), both about 1 where the end is clean; and `clean`, the end as it
    would be in each of them, float32 (T, H, W)."""

    share: np.ndarray
    energy: np.ndarray
    clean: np.ndarray


class Ramp(NamedTuple):
    """A share that climbs from `low` before frame `start` to 1 from frame `end` on. `start` is negative where the
    pictures begin in the middle of it. `residual`: root mean square of what strays."""

    start: float
    end: float
    low: float
    residual: float


def shares(
    pictures: Sequence[Thumbnail], beyond: Thumbnail, difference: Difference, follow: bool = True, frames_each: int = 1
) -> Shares | None:
    """Shares of the last picture in all; `beyond` lies DRIFT_FRAMES after it. None where the end is blank.

    The end is carried back along the drift that it shows outside; with `follow`, the drift is corrected from frame to
    frame by what shows of it, for cameras speed up and slow down. Backwards in time it works as well: give the pictures
    in reverse, and `beyond` from before them. `frames_each` is the time between two pictures.
    """
    end = pictures[-1].grey.astype(np.float32)
    base = drawing(end)
    if float(base.std()) < _FLAT:
        return None
    step = drift_of(difference, beyond, pictures[-1]) * (frames_each / DRIFT_FRAMES)
    weight = _calm(pictures, step, base) if follow else np.ones_like(base)
    place, n = np.zeros(4), len(pictures)
    share, energy, clean = np.ones(n), np.ones(n), np.repeat(end[None], n, 0)
    for i in range(n - 2, -1, -1):
        place = place + step
        seen = drawing(pictures[i].grey.astype(np.float32))
        there = _carried(end, place)
        share[i], fix = _regress(seen, there, weight, follow)
        if follow and share[i] > 0.25:
            place, step = place + fix, step + 0.4 * fix
            there = _carried(end, place)
            share[i], _ = _regress(seen, there, weight, False)
        own = drawing(there)
        energy[i] = float(np.sqrt((weight * seen * seen).sum() / max(1e-6, (weight * own * own).sum())))
        clean[i] = there
        if i and i + _GONE < n and share[i : i + _GONE].max() < _LITTLE:
            share[:i], energy[:i] = share[i], energy[i]
            break
    return Shares(share, energy, clean)


def drawing(grey: np.ndarray) -> np.ndarray:
    """What is drawn, without the light it stands in: a band of frequencies, wide enough to meet half a pixel off."""
    return cv2.GaussianBlur(grey, (5, 5), 1.0) - cv2.blur(grey, (13, 13))


def _carried(grey: np.ndarray, place: np.ndarray) -> np.ndarray:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(grey, matrix_of(place), (WIDTH_PX, HEIGHT_PX), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _calm(pictures: Sequence[Thumbnail], step: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Weights of the pixels: cells whose drawing is the same again in the frames next to the end, so not a figure."""
    wrong = np.zeros_like(base)
    for away in (2, 4):
        if len(pictures) <= away + 1:
            break
        there = _carried(pictures[-1].grey.astype(np.float32), step * away)
        left = drawing(pictures[-1 - away].grey.astype(np.float32)) - drawing(there)
        wrong = np.maximum(wrong, cv2.blur(left * left, _CELL))
    strong = cv2.blur(base * base, _CELL)
    return 1 / (1 + (wrong / (0.15 * strong + 20)) ** 2)


def _regress(seen: np.ndarray, there: np.ndarray, weight: np.ndarray, follow: bool) -> tuple[float, np.ndarray]:
    """The share of `there` in `seen` by weighted least squares, and by how much its place is wrong."""
    own = drawing(there)
    if not follow:
        return float((weight * seen * own).sum() / max(1e-6, (weight * own * own).sum())), np.zeros(4)
    dx, dy = cv2.Scharr(own, cv2.CV_32F, 1, 0, scale=1 / 32), cv2.Scharr(own, cv2.CV_32F, 0, 1, scale=1 / 32)
    design = np.stack([own, dx, dy, dx * _X + dy * _Y, dy * _X - dx * _Y], -1).reshape(-1, 5)
    heavy = design * weight.reshape(-1, 1)
    normal = heavy.T @ design
    normal[np.diag_indices(5)] *= 1.003
    answer = np.linalg.solve(normal + 1e-3 * np.eye(5), heavy.T @ seen.ravel())
    share = float(answer[0])
    fix = answer[1:] / max(share, 0.25)
    return share, np.clip(fix, -_MOST_FIX, _MOST_FIX)


def whole_ramp(share: np.ndarray) -> Ramp | None:
    """The even climb from a low level to 1 that fits best, if it fits and both its limits are seen. Pure."""
    n = len(share)
    if share[-1] < 0.8 or share[:3].mean() > _LOW:
        return None
    grid = np.mgrid[_FLAT_FRAMES : n - LEAST_FRAMES, LEAST_FRAMES + 1 : MOST_FRAMES + 2]
    start, length = grid[0].ravel(), grid[1].ravel()
    fits = start + length <= n - 1
    start, length = start[fits], length[fits]
    if not len(start):
        return None
    before = np.cumsum(share) / np.arange(1, n + 1)
    low = before[start]
    model = np.clip((np.arange(n)[None] - start[:, None]) / length[:, None], 0, 1)
    model = low[:, None] + (1 - low[:, None]) * model
    # What lies far before the ramp or after it speaks less of it: drifts are extrapolated.
    near = (np.arange(n)[None] >= start[:, None] - 3) & (np.arange(n)[None] <= start[:, None] + length[:, None] + 2)
    wrong = np.sqrt((np.square(model - share[None]) * near).sum(1) / near.sum(1))
    best = int(wrong.argmin())
    ramp = Ramp(float(start[best] + 1), float(start[best] + length[best]), float(low[best]), float(wrong[best]))
    inside = share[int(ramp.start) - 1 : int(ramp.end) + 1]
    if ramp.low > _LOW or ramp.residual > _RESIDUAL or np.diff(inside).max() > _STEP * (1 - ramp.low):
        return None
    return ramp


def broken_ramp(share: np.ndarray) -> Ramp | None:
    """The even climb to 1 that was under way when the pictures began, if there is one. Pure."""
    n = len(share)
    if 1 - share[0] < _LEAST_RISE or share[-1] < 0.8:
        return None
    best: Ramp | None = None
    t = np.arange(n)
    for end in range(3, min(n - 2, MOST_FRAMES)):
        slope = float((1 - share[:end]) @ (end - t[:end]) / ((end - t[:end]) @ (end - t[:end])))
        if slope <= 0:
            continue
        near = slice(0, min(n, end + 4))
        wrong = float(np.sqrt(np.mean(np.square(1 - slope * np.clip(end - t, 0, None) - share)[near])))
        if best is None or wrong < best.residual:
            best = Ramp(end - 1 / slope, float(end), float(1 - slope * end), wrong)
    if best is None or best.residual > 0.6 * _RESIDUAL or np.diff(share).max() > _STEP:
        return None
    return best if 1 - best.low >= _LEAST_RISE else None


def dip(seen: Shares, ramp: Ramp) -> float:
    """Gradient energy in the middle of a ramp as a share of what lies between its ends: 0.5 for a mix of unrelated
    pictures, 1 where one slides over the other. Pure."""
    start, end = max(0, round(ramp.start) - 1), min(len(seen.energy) - 1, round(ramp.end))
    square = np.square(seen.energy)
    along = (np.arange(start, end + 1) - start) / max(1, end - start)
    between = (1 - along) * square[start] + along * square[end]
    middle = (along > 0.3) & (along < 0.7)
    return float((square[start : end + 1][middle] / np.maximum(between[middle], 1e-6)).mean()) if middle.any() else 1.0
