"""What the camera did between two pictures: one similarity for the background, found by direct alignment.

The background is the motion that explains most cells along the frame's BORDER, not the motion with most inliers: a
figure held in the middle of a panning frame has more lines than the painting behind it, but it does not own the edges.

Anime is flat, so nothing is tracked from corner to corner. Each cell of the picture contributes its gradients, so an
edge constrains the motion across itself and nothing along itself, and an empty cell says nothing. Coarse to fine: peaks
of a phase correlation start a robust Gauss-Newton (inverse compositional, Baker and Matthews 2004) at 36 rows, the
best two are refined at 72 and 144 rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from anicaption.layers import FLAT, STILL, Level, Motion, Picture, Step, warp

_CLIP = 48.0  # grey levels: no single pixel may pull harder than this
_NOISE = 3.0  # grey levels: residual noise up to this is taken for granted where every cell has it
_STEP_PX = 3.0  # a gradient is believed this far
_HOME_PX = 0.006  # smaller steps change nothing
_TURN_TEST = 5.0  # F statistic over which a zoom or roll is worth its two more unknowns
_TURN_DOUBT_PX = 0.05  # or the edge motion is known this well, in pixels of the level
_SURE = 0.9  # support that no other motion can beat
_COVERED = 0.8  # support under which something may lie over the background
_MISS = 0.3  # support under which the border was not told at all
_STANDS = 3e-3  # half frame widths: what goes no further stands in the frame
_REST = 0.2  # of what the frame shows is left by an overlay, or there is nothing to look for behind it
_BEHIND, _INSIDE = 0.4, 0.2  # support of what lies behind: of what the overlay leaves, and of all that the frame shows
_GOES_ON = 0.6  # support at the coarsest level of the motion before, or others are tried
_SIDE = 0.12  # of what agrees lies in each third of the frame
_TOLD = 0.35  # support of a motion that was found behind an overlay, at least
_USUAL, _LESS = 0.5, 0.08  # support that is enough where the step before had no more, and how much less it may be


_EYE = np.eye(4)


@dataclass(frozen=True)
class Fit:
    """A motion at one level. support and content as in layers.Step.

    cost: mean of a robust square of what is left, over the cells that have a say; cells: how many equal cells that
    amounts to; doubt_px: standard error of the edge motion of zoom and roll, pixels, at the finest level only. agrees,
    shows: how well each cell agrees and how much it has to say, 0..1; None where the motion left the frame.
    """

    motion: Motion
    support: float = 0.0
    content: float = 0.0
    cost: float = math.inf
    cells: float = 1.0
    doubt_px: float = 0.0
    agrees: np.ndarray | None = None
    shows: np.ndarray | None = None


def align(before: Picture, now: Picture, last: Step | None = None) -> Step:
    """The background's motion between two pictures of one size; `last` is the step before this one."""
    fit = _likely(before, now, last) or _searched(before, now, last.motion if last else None)
    if fit.support < _COVERED:
        fit = _behind(before, now, fit, last) or fit
    if fit.doubt_px > _TURN_DOUBT_PX and fit.motion.turn != 1:
        straight = refine(before, now, 0, Motion(1, fit.motion.shift), 3, turning=False)
        gain = (straight.cost - fit.cost) / 2 / (fit.cost + 1e-4) * max(1.0, 2 * fit.cells - 4)
        fit = straight if gain < _TURN_TEST else fit
    told = fit.content > 0.03 and math.isfinite(fit.cost)
    return Step(fit.motion if told else None, fit.support, fit.content)


def _likely(before: Picture, now: Picture, last: Step | None) -> Fit | None:
    """Most frames stand still or move as the frame before did; where as many cells agree, nothing need be searched."""
    starts = [(STILL, _SURE)]
    if last is not None and last.motion is not None:
        starts.append((last.motion, min(_SURE, max(_USUAL, last.support - _LESS))))
    for start, enough in starts:
        fit = refine(before, now, 1, start, 0)
        if fit.support > 0.8 * enough and (fit := refine(before, now, 0, start, 2)).support > enough:
            return fit
    return None


def _behind(before: Picture, now: Picture, front: Fit, last: Step | None) -> Fit | None:
    """The motion of what lies behind an overlay: rays, letters or lines that stand in the frame or change at once.

    It must carry much of what the overlay does not, all over the frame, as no figure does. None where nothing such is.
    """
    if front.agrees is None or front.shows is None:
        return None
    cells, coarse = now.cells, len(now.levels) - 1
    stands = front.support > _MISS and _edge_travel(front.motion) < _STANDS
    if not stands and front.support > _MISS:
        return None
    inside = (cells.border > 0).astype(float)
    rest = inside * (1 - front.agrees) if stands else inside
    if (rest * front.shows).sum() < _REST * (inside * front.shows).sum():
        return None
    best = Fit(STILL)
    if last is not None and last.motion is not None:
        best = refine(before, now, coarse, last.motion, 3, weight=rest)
    if best.support < _GOES_ON:
        starts = [STILL] if stands else [STILL, front.motion]
        starts += _apart(correlation_peaks(before, now), starts, now)
        tried = [refine(before, now, coarse, start, 3, weight=rest) for start in starts]
        best = max(best, *tried, key=lambda fit: fit.support)
    if best.support < _INSIDE:
        return None
    for level in reversed(range(coarse)):
        best = refine(before, now, level, best.motion, 3, weight=rest)
    if stands and _edge_travel(best.motion) < 2 * _STANDS:
        return None
    if best.support < (_BEHIND if stands else _INSIDE) or best.agrees is None or best.shows is None:
        return None
    told = _spread(now, rest * best.agrees * best.shows)
    return replace(best, support=max(best.support, _TOLD)) if told else None


def _edge_travel(motion: Motion) -> float:
    """How far the frame's edge goes, half frame widths."""
    return abs(motion.shift) + abs(motion.turn - 1)


def _spread(now: Picture, weight: np.ndarray) -> bool:
    """Whether a weight of the cells lies on all sides of the frame."""
    z, total = now.cells.z, weight.sum() + 1e-9
    sides = (z.real < -0.4, z.real > 0.4, np.abs(z.real) < 0.4)
    return all(float(weight[side].sum()) > _SIDE * total for side in sides)


def _searched(before: Picture, now: Picture, guess: Motion | None) -> Fit:
    """Start from rest, from the motion before and from the correlation's peaks; the best two are refined."""
    starts = [STILL] if guess is None else [STILL, guess]
    n_usual = len(starts)
    starts += _apart(correlation_peaks(before, now), starts, now)
    tried: list[tuple[float, Fit]] = []
    for number, start in enumerate(starts):
        fit = refine(before, now, len(now.levels) - 1, start, 3)
        tried.append((fit.support + (0.05 if number < n_usual else 0.0), fit))
    tried.sort(key=lambda entry: -entry[0])
    best, *second = (refine(before, now, len(now.levels) - 2, fit.motion, 3) for _, fit in tried[:2])
    if second and second[0].cost < 0.95 * best.cost:
        best = second[0]
    return refine(before, now, 0, best.motion, 3) if len(now.levels) > 2 else best


def _apart(peaks: Sequence[Motion], starts: Sequence[Motion], now: Picture) -> list[Motion]:
    """The peaks that lead elsewhere than the starts, and than one another."""
    kept, near = list(starts), 3 / now.levels[-1].grey.shape[1]
    for peak in peaks:
        if all(abs(peak.shift - start.shift) > near for start in kept):
            kept.append(peak)
    return kept[len(starts) :]


def refine(
    before: Picture,
    now: Picture,
    level: int,
    start: Motion,
    steps: int,
    turning: bool = True,
    weight: np.ndarray | None = None,
) -> Fit:
    """Gauss-Newton from `start` at one level; without `turning` only the shift moves.

    `weight` says how much each cell counts; by default the border's do.
    """
    cells, source, target = now.cells, before.levels[level], now.levels[level]
    counted = cells.border if weight is None else weight
    motion, normal, votes, away, shows = start, _EYE, counted, counted, counted
    for step in range(steps + 1):
        error = warp(source.grey, motion)
        cv2.subtract(error, target.grey, dst=error)
        np.clip(error, -_CLIP, _CLIP, out=error)
        square = cells.mean(cv2.multiply(error, error))
        noise = min(float(np.partition(square, len(square) // 10)[len(square) // 10]), _NOISE**2)
        energy = target.energy + (FLAT**2 + 3 * noise)
        away = np.maximum(square - noise, 0) / energy  # pixels from home, squared
        shows = target.energy / energy * cells.seen_before(motion)
        votes = counted * shows
        most = float(votes.max())
        if most == 0:
            return Fit(start)
        if step == steps:
            break
        heavy = away[votes > 0.5 * most]
        spread = max(target.agree_px**2, float(np.partition(heavy, len(heavy) // 2)[len(heavy) // 2]))
        weight = votes / np.square(1 + away / spread)
        flat = weight @ target.normal
        flat[::5] += 2.5e-4 * flat[::5].sum() + 1e-9  # what nothing constrains stays as it was
        normal = flat.reshape(4, 4)
        scaled = target.scale * weight
        pull = (cells.mean(cv2.multiply(target.dx, error)) * scaled) @ cells.jx
        pull += (cells.mean(cv2.multiply(target.dy, error)) * scaled) @ cells.jy
        stepped = _stepped(motion, normal, pull, target, turning)
        if stepped is motion:
            break
        motion = stepped
        if not 0.6 < abs(motion.turn) < 1.6 or abs(motion.shift) > 1:
            return Fit(start)
    total = float(votes.sum())
    share = away / target.agree_px**2
    agrees = 1 / (1 + share * share)
    cost = float(votes @ (share / (1 + share))) / total
    doubt = 0.0
    if level == 0 and normal is not _EYE:
        doubt = math.sqrt(max(0.0, cost * target.agree_px**2 * float(np.linalg.inv(normal)[:2, :2].max())))
    return Fit(
        motion,
        support=float(votes @ agrees) / total,
        content=total / float(counted.sum()),
        cost=cost,
        cells=total**2 / float(votes @ votes),
        doubt_px=doubt,
        agrees=agrees,
        shows=shows,
    )


def _stepped(motion: Motion, normal: np.ndarray, pull: np.ndarray, target: Level, turning: bool) -> Motion:
    """One Gauss-Newton step from `motion`; `motion` itself where there is nowhere to go."""
    pixels = target.grey.shape[1] / 2
    if turning:
        a, b, x, y = (np.linalg.solve(normal, pull) / pixels).tolist()
    else:
        a, b, (x, y) = 0.0, 0.0, (np.linalg.solve(normal[2:, 2:], pull[2:]) / pixels).tolist()
    length_px = max(math.hypot(a, b), math.hypot(x, y)) * pixels
    if length_px < _HOME_PX:
        return motion
    short = min(1.0, _STEP_PX / length_px)
    return motion.after(Motion(1 + complex(a, b) * short, complex(x, y) * short).inverse())


@lru_cache(maxsize=1)  # what is searched and what lies behind it ask of the same pair
def correlation_peaks(before: Picture, now: Picture, count: int = 3) -> tuple[Motion, ...]:
    """The translations that a phase correlation of the coarsest level proposes, best first."""
    cross = before.spectrum * np.conj(now.spectrum)
    root = np.sqrt(np.abs(cross))
    cross /= root * np.sqrt(root) + 1e-6  # some whitening sharpens lines; all of it would amplify noise
    rows, columns = before.levels[-1].grey.shape
    surface = np.fft.irfft2(cross, (2 * rows, 2 * columns))
    reach_y, reach_x = rows // 3, columns // 3
    surface = np.roll(surface, (reach_y, reach_x), (0, 1))[: 2 * reach_y + 1, : 2 * reach_x + 1]
    surface = surface.astype(np.float32)
    tops = np.where(surface >= cv2.dilate(surface, np.ones((3, 3), np.uint8)), surface, -np.inf).ravel()
    down, right = np.divmod(np.argsort(tops)[::-1][:count], 2 * reach_x + 1)
    half = columns / 2
    return tuple(Motion(1, complex(x - reach_x, y - reach_y) / half) for x, y in zip(right, down, strict=True))
