"""The border: how far bars reach into the frame, from what a stretch of frames leaves still; border_box decides.

A frame alone does not tell a bar from a night, or from line art that leaves the edge of the paper free. So what counts
is what a stretch of frames leaves still: every look adds to the brightest and the darkest value that each pixel had,
and a line of pixels is bar as long as nothing in it stood out from one level in that time. Lettering in a bar (a
subtitle, a logo) stands out in the middle or in a corner only and does not end it.

BorderWatch streams and keeps one row of numbers per stretch of alike frames (about a shot); its memory is two pictures.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import cv2
import numpy as np
from anicaption.frames import Frame

from animatrix_ingest.watch.looks import looked_at

SIDES = ("top", "bottom", "left", "right")

_SEGMENTS = 8  # parts of a line that are judged apart
MOST_REACH = 0.4  # share of the side that a bar may take
_OFF = 14  # grey levels by which a pixel stands out from a bar; coding alone stays under it
_ACTIVE = 0.04  # share of a part's pixels that stand out from which it is not bar
_CALM_PARTS = 5  # of a line that is bar, one of its two ends among them
FIRM = 0.5  # share of the first lines of the picture that must differ from the bar
_NEW = 14.0  # grey levels between two looks from which a new stretch begins
_FAINT = 3.0  # fine structure of a blurred bar at most, grey levels
_BLUR_RATIO = 3.0  # by which the picture has more of it
_THUMB = (32, 18)


class BorderWatch:
    """The streaming half. Looks at native pixels of two frames of 23."""

    def __init__(self) -> None:
        self._rows: dict[str, array] = {name: array("f") for name in _COLUMNS}
        self._index = 0
        self._stretch: _Stretch | None = None

    def see(self, frame: Frame, small: np.ndarray) -> None:
        """The next frame; `small` is the same picture at measuring size, RGB uint8 (H, W, 3)."""
        index, self._index = self._index, self._index + 1
        if not looked_at(index):
            return
        grey = cv2.cvtColor(frame.rgb(), cv2.COLOR_RGB2GRAY)
        little = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        thumb = cv2.resize(little, _THUMB, interpolation=cv2.INTER_AREA)
        fine = cv2.convertScaleAbs(cv2.Laplacian(little, cv2.CV_16S))
        now = self._stretch
        if now is None or not now.goes_on(grey, thumb):
            self._close(index)
            self._stretch = _Stretch(index, grey.copy(), grey.copy(), grey, fine, thumb)
        else:
            cv2.max(now.high, grey, dst=now.high)
            cv2.min(now.low, grey, dst=now.low)
            cv2.max(now.fine, fine, dst=now.fine)
            now.last, now.thumb, now.looks = grey, thumb, now.looks + 1

    def columns(self) -> dict[str, np.ndarray]:
        """One row per stretch of alike frames, float32; complete when the source has ended."""
        self._close(self._index)
        self._stretch = None
        return {name: np.array(row, np.float32) for name, row in self._rows.items()}

    def _close(self, end: int) -> None:
        now = self._stretch
        if now is None:
            return
        height, width = now.high.shape
        numbers = {"start": now.first, "end": end, "looks": now.looks, "height_px": height, "width_px": width}
        numbers["shown"] = _spread(now.high)
        for side in SIDES:
            high, low, last, fine = (_turned(x, side) for x in (now.high, now.low, now.last, now.fine))
            numbers |= {f"{side}_{name}": value for name, value in _edge(high, low).items()}
            numbers[f"{side}_blur"] = _blurred(last, fine)
        for name, value in numbers.items():
            self._rows[name].append(value)


@dataclass
class _Stretch:
    """Alike frames so far: the brightest and darkest of every pixel, the last picture, the most fine structure."""

    first: int
    high: np.ndarray
    low: np.ndarray
    last: np.ndarray
    fine: np.ndarray
    thumb: np.ndarray
    looks: int = 1

    def goes_on(self, grey: np.ndarray, thumb: np.ndarray) -> bool:
        return self.high.shape == grey.shape and cv2.norm(thumb, self.thumb, cv2.NORM_L1) <= _NEW * thumb.size


_COLUMNS = (
    "start", "end", "looks", "height_px", "width_px", "shown",
    *(f"{side}_{name}" for side in SIDES for name in ("reach", "firm", "level", "blur")),
)  # fmt: skip


def _turned(plane: np.ndarray, side: str) -> np.ndarray:
    """The plane turned so that the side's outermost line is row 0."""
    plane = plane if side in ("top", "bottom") else plane.T
    plane = plane if side in ("top", "left") else plane[::-1]
    return plane[: len(plane) // 2]


def _edge(high: np.ndarray, low: np.ndarray) -> dict[str, float]:
    """How many lines from row 0 on are bar, how plainly the picture begins after them, the bar's level. Pure."""
    most = int(len(high) * 2 * MOST_REACH)
    level = int(np.median(high[0]))
    first = _calm(high[:1], low[:1], level)[0]
    if first[0].sum() < _CALM_PARTS and not (first[0, 0] and first[0, -1]):
        return {"reach": 0, "firm": 1.0, "level": level}  # most sides have no bar, and the rest is dear
    calm, active = _calm(high[:most], low[:most], level)
    bar = (calm.sum(1) >= _CALM_PARTS) & (calm[:, 0] | calm[:, -1])
    outer = calm[:, 0] & calm[:, -1]
    share = active.mean(1)
    reach = _first_not(bar)
    lettered = _first_not(bar | outer)
    if _firm(share, reach) < FIRM and reach < lettered < most and _firm(share, lettered) > FIRM:
        reach = lettered
    return {"reach": reach, "firm": _firm(share, reach), "level": level}


def _spread(plane: np.ndarray) -> float:
    """From the darkest pixels to the brightest, the outermost fiftieth of both left out."""
    known = np.sort(plane[::8, ::8], axis=None)
    return float(known[int(0.98 * (len(known) - 1))]) - float(known[int(0.02 * (len(known) - 1))])


def _calm(high: np.ndarray, low: np.ndarray, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Which parts of each line stay at the bar's level, and the share of their pixels that do not."""
    away = np.maximum(np.maximum(high, level) - level, level - np.minimum(low, level))
    active = cv2.resize((away > _OFF).astype(np.float32), (_SEGMENTS, len(high)), interpolation=cv2.INTER_AREA)
    return active < _ACTIVE, active


def _first_not(mask: np.ndarray) -> int:
    return len(mask) if mask.all() else int(np.argmin(mask))


def _firm(share: np.ndarray, reach: int) -> float:
    """Share of the picture's first lines that stands out from the bar; an edge may be half a line."""
    return float(share[reach : reach + 2].max()) if reach < len(share) else 0.0


def _blurred(last: np.ndarray, fine: np.ndarray) -> float:
    """Lines from row 0 on that hold the picture blurred; 0 where there are none. Pure.

    Such a bar has next to no fine structure and ends in one straight step along the whole side.
    """
    structure = cv2.reduce(fine, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
    inside = float(np.median(structure[len(structure) // 2 :]))
    faint = _first_not(structure < min(_FAINT, inside / _BLUR_RATIO))
    if not 0.02 * len(structure) * 2 < faint < MOST_REACH * 2 * len(structure):
        return 0.0
    scale = len(last) / len(structure)
    near = range(max(1, int((faint - 3) * scale)), min(len(last) - 1, int((faint + 4) * scale)))
    step = [np.minimum(cv2.absdiff(last[i], last[i - 1]), 30).mean() for i in near]
    best = int(np.argmax(step))
    usual = float(np.median(step))
    return float(near[best]) if step[best] > max(5.0, 2.5 * usual) else 0.0
