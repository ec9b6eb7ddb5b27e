"""Joints seen from one clean end: dissolves out of what moves, and whatever a clip was cut in the middle of.

A ramp (`ghost`) says that one picture comes evenly; what kind of joint that is shows in how it comes. In a mix it comes
everywhere at once, so the pictures lose contrast on the way and what is left of the other goes evenly. A dimmed picture
has its own contrast and light and nothing else. In a wipe every spot changes once, along a line.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from anicaption.measure.ghost import Shares, broken_ramp, dip, drawing, shares, whole_ramp
from anicaption.measure.likeness import HEIGHT_PX, WIDTH_PX, Difference, Thumbnail
from anicaption.measure.mix import DRIFT_FRAMES
from anicaption.measure.slide import plane

_MIXED_DIP = 0.74  # contrast in the middle of a mix of unrelated pictures, as a share: under this it is one
_CLEAN = 14.0  # grey levels by which a spot may differ from the clean end
_ONCE = 0.06  # share of the spots that may change back
_HALF_MISFIT = 0.12  # share of the spread of the moments of change that a plane may leave
_SPOTS = (WIDTH_PX // 2, HEIGHT_PX // 2)
_DIMMED = 0.09  # by which light, contrast and drawing of a picture that is only dimmed may disagree
_SPREAD = 0.5  # share of the spots that a mix that was under way must touch
_TOUCHED = 4.0  # grey levels
_UNEVEN, _TURNED = 0.13, 0.75  # what is left of the other may go this unevenly, and must look alike (cosine)
_FIRST_DIP = 0.82  # as _MIXED_DIP, at a first look
_SAMPLE = 4  # frames between two samples of a first look
_UNEXPLAINED, _ACROSS = 0.58, 0.04  # what motion does not explain of a mix: share of its steps; between its ends
_WIPED = 0.42  # as _UNEXPLAINED, of a wipe: flow finds something at its line
_BROKEN_LEAST = 4  # frames
_ENDS = (6, 8, 10, 13, 17, 24)  # frames after which the clean end of a broken ramp is looked for


class Joint(NamedTuple):
    """`kind`: dissolve, wipe, fade_black or fade_white over frames [start, end) of the pictures that were given;
    `residual` as in ghost.Ramp."""

    kind: str
    start: int
    end: int
    residual: float


def joint(pictures: Sequence[Thumbnail], beyond: Thumbnail, difference: Difference) -> Joint | None:
    """The whole dissolve into the last of `pictures`; `beyond` lies DRIFT_FRAMES after it. That its steps are not mere
    motion is for the caller to see."""
    seen = shares(pictures, beyond, difference)
    ramp = whole_ramp(seen.share) if seen else None
    if seen is None or ramp is None:
        return None
    if dip(seen, ramp) > _MIXED_DIP:
        return None
    return Joint("dissolve", int(ramp.start), int(ramp.end), ramp.residual)


def could_be_joint(pictures: Sequence[Thumbnail], beyond: Thumbnail, difference: Difference) -> bool:
    """Whether `joint` is worth asking: some frame in every few shows part of the last picture. Cheap."""
    every = pictures[len(pictures) - 1 :: -_SAMPLE][::-1]
    seen = shares(every, beyond, difference, follow=False, frames_each=_SAMPLE)
    if seen is None:
        return False
    parts, square = seen.share[:-1], np.square(seen.energy[:-1])
    middle = (parts > 0.12) & (parts < 0.88)
    if parts[0] > 0.5 or parts[-1] < 0.6 or not middle.any():
        return False
    along = np.clip(parts, 0, 1)
    between = (1 - along) * square[0] + along
    return float((square[middle] / np.maximum(between[middle], 1e-6)).min()) < _FIRST_DIP


def broken_joint(pictures: Sequence[Thumbnail], difference: Difference) -> Joint | None:
    """The ramp that was under way at the first of `pictures`, found from the best of several clean ends after it."""
    best: Joint | None = None
    for last in _ENDS:
        if last + DRIFT_FRAMES >= len(pictures):
            break
        part, beyond = pictures[: last + 1], pictures[last + DRIFT_FRAMES]
        seen = shares(part, beyond, difference)
        found = _broken(part, seen, difference) if seen else None
        if found and (best is None or found.residual < best.residual):
            best = found
    return best


def _broken(pictures: Sequence[Thumbnail], seen: Shares, difference: Difference) -> Joint | None:
    ramp = broken_ramp(seen.share)
    end = round(ramp.end) if ramp else 0
    if ramp and end >= _BROKEN_LEAST - 1 and (kind := dimmed(pictures, end)):
        return Joint(kind, 0, end, ramp.residual)
    wiped = _half_wipe(pictures, seen.clean)
    if wiped is not None and _unexplained(pictures[: wiped + 1], difference, _WIPED):
        return Joint("wipe", 0, wiped, 0.0)
    if ramp is None or end < _BROKEN_LEAST - 1:
        return None
    touched = float((np.abs(pictures[0].grey - seen.clean[0]) > _TOUCHED).mean())
    if touched < _SPREAD or not _mixes(pictures, seen.clean, end) or not _unexplained(pictures[: end + 1], difference):
        return None
    return Joint("dissolve", 0, end, ramp.residual)


def _unexplained(pictures: Sequence[Thumbnail], difference: Difference, least: float = _UNEXPLAINED) -> bool:
    """Whether more changes from the first picture to the last than what moves."""
    steps = [difference(a, b) for a, b in itertools.pairwise(pictures)]
    raw = sum(step.raw for step in steps)
    return sum(step.jump for step in steps) > least * raw and difference(pictures[0], pictures[-1]).jump > _ACROSS


def dimmed(pictures: Sequence[Thumbnail], end: int) -> str | None:
    """fade_black or fade_white if light and contrast of the first `end` pictures are those of the last, all dimmed by
    one factor that climbs evenly; wherever the camera goes meanwhile."""
    grey = np.stack([picture.grey for picture in pictures[: end + 1]]).astype(np.float32)
    spread = grey.std((1, 2)) / max(1.0, float(grey[-1].std()))
    drawn = np.array([drawing(g).std() for g in grey])
    drawn = drawn / max(1.0, float(drawn[-1]))
    line = spread[0] + (1 - spread[0]) * np.arange(end + 1) / end
    if spread[0] > 0.75 or np.abs(spread - line).max() > 0.12:
        return None
    for kind, light in (("fade_black", grey.mean((1, 2))), ("fade_white", 255 - grey.mean((1, 2)))):
        share = light / max(1.0, float(light[-1]))
        if np.abs(share - spread).mean() < _DIMMED and np.abs(share - drawn).mean() < _DIMMED:
            return kind
    return None


def _mixes(pictures: Sequence[Thumbnail], clean: np.ndarray, end: int) -> bool:
    """Whether what is not the clean end goes away in one way, and evenly: as in a mix, and not as things that move."""
    left = np.stack([picture.grey for picture in pictures[:end]]).astype(np.float32) - clean[:end]
    calm = np.square(left[-1])
    left = left[:, calm <= np.quantile(calm, 0.7)]
    size = np.sqrt(np.square(left).mean(1))
    if size[0] < 4:
        return False
    line = 1 - np.arange(end) / end
    uneven = float(np.sqrt(np.mean(np.square(size / size[0] - line))))
    turned = float(left[0] @ left[1] / max(1e-6, np.linalg.norm(left[0]) * np.linalg.norm(left[1])))
    return uneven < _UNEVEN and turned > _TURNED


def _half_wipe(pictures: Sequence[Thumbnail], clean: np.ndarray) -> int | None:
    """The frame at which a wipe ends that was under way in the first picture: the moments at which what was not clean
    became so, once and for good, lie on a plane."""
    grey = np.stack([picture.grey for picture in pictures]).astype(np.float32)
    same = np.stack([cv2.medianBlur((s < _CLEAN).astype(np.uint8), 5) for s in np.abs(grey - clean)])
    small = np.stack([cv2.resize(s * np.float32(1), _SPOTS, interpolation=cv2.INTER_AREA) for s in same])
    small = small.reshape(len(small), -1)
    came = np.maximum.accumulate(small, 0)
    if float((came - small).mean()) > _ONCE:
        return None
    moment = (1 - came).sum(0)
    covered = (small[0] < 0.5) & (moment < len(pictures) - 1)
    if not 0.25 < covered.mean() < 0.85:
        return None
    fit = plane(moment, covered.astype(np.float64))
    if fit is None or fit.misfit > _HALF_MISFIT:
        return None
    # What was clean from the start must lie on the other side of the line that the plane makes at the first frame.
    if float(((fit.moments > 0.5) == covered)[(small[0] > 0.8) | covered].mean()) < 0.85:
        return None
    end = round(float(fit.moments.max()))
    return end if _BROKEN_LEAST - 1 <= end <= len(pictures) - 2 else None
