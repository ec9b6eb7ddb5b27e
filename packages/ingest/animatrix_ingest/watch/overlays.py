"""Lettering over time: lines found in sparse looks, followed from look to look, and the logo that outlasts every cut.

What a line of lettering is, its motion says: lettering laid over the film stands while the picture moves under it, a
sign goes with the camera, a staff roll goes its own way. So lines are followed as boxes with a small patch of their
pixels, and every followed line becomes one row of numbers; who decides is overlays_roles.py.

A logo is often too faint to be read as lettering in any one look. But it alone is at the same pixels in every shot:
the signed steps of many scenes are added up, and what does not cancel is the logo.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import cv2
import numpy as np
from anicaption.frames import Frame

from animatrix_ingest.watch.looks import looked_at
from animatrix_ingest.watch.overlays_find import Line, lettering

_PATCH = (40, 10)  # size at which two lines are compared
_SAME = 0.55  # correlation of two patches of one line
_STAYS = 0.75  # correlation from which a line is still there though it was not found
_SIZE = 0.3  # by which a line's width and height may differ from look to look
_AWAY = 0.25  # of the height, how far a line may go between two looks
_MISSES = 1  # looks in a row that may miss a line
_THUMB = (32, 18)
_NEW = 14.0  # grey levels between two looks from which the scene is another
_LEAST_SCENES = 8  # to tell a logo by
_SCENES = 60  # after which the search for a logo begins anew: programmes change theirs
_ALIKE_SHARE = 0.004  # of the picture's sides that may be steady too
_STEADY = 9.0  # grey levels of the mean signed step of a logo
_STEADY_SHARE = 0.5  # of the mean step there that does not cancel
_LEAST_LOGO = 0.85  # median of that share over a logo

COLUMNS = (
    "kind", "start", "end", "looks", "scenes", "score", "alike", "moved_under", "chroma",
    "x0", "y0", "x1", "y1", "last_x0", "last_y0", "last_x1", "last_y1",
)  # fmt: skip
LINE, LOGO = 0.0, 1.0
"""Values of the column "kind"."""


@dataclass
class _Followed:
    """A line on its way: boxes are (x0, y0, x1, y1) in pixels of the small picture."""

    start: int
    end: int
    first: tuple[int, int, int, int]
    last: tuple[int, int, int, int]
    patch: np.ndarray
    chroma: float
    scores: list[float]
    alike: list[float]
    under: list[float]
    scenes: int = 0
    missed: int = 0


class OverlayWatch:
    """The streaming half. Looks at small pictures of two frames of 23."""

    def __init__(self) -> None:
        self._rows: dict[str, array] = {name: array("f") for name in COLUMNS}
        self._index = 0
        self._followed: list[_Followed] = []
        self._grey: np.ndarray | None = None
        self._logo = _LogoSearch()

    def see(self, frame: Frame, small: np.ndarray) -> None:
        """The next frame; `small` is the same picture at measuring size, RGB uint8 (H, W, 3)."""
        index, self._index = self._index, self._index + 1
        if not looked_at(index):
            return
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        if self._grey is not None and self._grey.shape != grey.shape:
            self._end()
            self._grey = None
        before, self._grey = self._grey, grey
        cut = before is not None and _apart(before, grey) > _NEW
        if cut or before is None:
            self._write_logo(self._logo.see(index, grey))
        self._follow(index, grey, small, before, cut)

    def columns(self) -> dict[str, np.ndarray]:
        """One row per line or logo, float32, boxes in shares of the frame; complete when the source has ended."""
        self._end()
        return {name: np.array(row, np.float32) for name, row in self._rows.items()}

    def _follow(self, index: int, grey: np.ndarray, small: np.ndarray, before: np.ndarray | None, cut: bool) -> None:
        lines = lettering(grey)
        patches = [_patch(grey, (line.x0, line.y0, line.x1, line.y1)) for line in lines]
        taken: set[int] = set()
        going = []
        for known in self._followed:
            like = float((_patch(grey, known.last) * known.patch).mean())
            here = [i for i, line in enumerate(lines) if _covers(line, known.last)]
            box, score = known.last, max((lines[i].score for i in here), default=0.0)
            if like >= _STAYS or (here and like >= _SAME):
                taken.update(here)
            else:
                best, like = _best(known, lines, patches, taken, grey.shape[0])
                if best is None:
                    known.missed += 1
                    if known.missed > _MISSES or cut:
                        self._write(known, grey.shape)
                    else:
                        going.append(known)
                    continue
                taken.add(best)
                line = lines[best]
                box, score, known.patch = (line.x0, line.y0, line.x1, line.y1), line.score, patches[best]
            if before is not None:
                known.under.append(_around(before, grey, box))
            known.end, known.last, known.missed = index + 1, box, 0
            known.scenes += cut
            known.alike.append(like)
            if score:
                known.scores.append(score)
            going.append(known)
        for i, line in enumerate(lines):
            if i not in taken:
                box = line.x0, line.y0, line.x1, line.y1
                going.append(
                    _Followed(index, index + 1, box, box, patches[i], _chroma(small, grey, box), [line.score], [], [])
                )
        self._followed = going

    def _end(self) -> None:
        if self._grey is not None:
            for known in self._followed:
                self._write(known, self._grey.shape)
            self._write_logo(self._logo.found(self._index))
        self._followed, self._logo = [], _LogoSearch()

    def _write(self, known: _Followed, shape: tuple[int, ...]) -> None:
        n = len(known.alike) + 1
        size = np.array([shape[1], shape[0], shape[1], shape[0]], float)
        numbers = [
            LINE, known.start, known.end, n, known.scenes, float(np.mean(known.scores)),
            float(np.mean(known.alike)) if known.alike else np.nan,
            float(np.mean(known.under)) if known.under else np.nan,
            known.chroma, *(np.array(known.first) / size), *(np.array(known.last) / size),
        ]  # fmt: skip
        for name, value in zip(COLUMNS, numbers, strict=True):
            self._rows[name].append(value)

    def _write_logo(self, found: list[tuple[float, ...]]) -> None:
        for start, end, scenes, score, *box in found:
            numbers = [LOGO, start, end, scenes, scenes, score, np.nan, np.nan, np.nan, *box, *box]
            for name, value in zip(COLUMNS, numbers, strict=True):
                self._rows[name].append(value)


class _LogoSearch:
    """Adds up the signed steps of one picture a scene; a scene that comes back counts once. Memory: a few pictures."""

    def __init__(self) -> None:
        self._n = self._start = 0
        self._scenes: list[np.ndarray] = []
        self._signed: list[np.ndarray] = []
        self._steep: list[np.ndarray] = []

    def see(self, index: int, grey: np.ndarray) -> list[tuple[float, ...]]:
        """A picture of another scene; now and then, what was found: (start, end, scenes, score, x0, y0, x1, y1)."""
        little = cv2.resize(grey, _THUMB, interpolation=cv2.INTER_AREA)
        if any(cv2.norm(little, other, cv2.NORM_L1) < _NEW * little.size for other in self._scenes):
            return []
        self._scenes.append(little)
        steps = [cv2.Sobel(grey, cv2.CV_32F, *order, scale=0.25) for order in ((1, 0), (0, 1))]
        found = []
        if self._n >= _SCENES:
            found = self.found(index)
            self._n, self._scenes = 0, [little]
        if self._n == 0:
            self._start = index
            self._signed, self._steep = [np.zeros_like(s) for s in steps], [np.zeros_like(s) for s in steps]
        for step, signed, steep in zip(steps, self._signed, self._steep, strict=True):
            np.clip(step, -60, 60, out=step)
            signed += step
            steep += np.abs(step)
        self._n += 1
        return found

    def found(self, end: int) -> list[tuple[float, ...]]:
        """Places outside the middle whose steps did not cancel."""
        if self._n < _LEAST_SCENES:
            return []
        steady = np.maximum(*(np.abs(s) for s in self._signed)) / self._n
        steep = np.maximum(*self._steep) / self._n
        mask = ((steady > _STEADY) & (steady > _STEADY_SHARE * steep)).astype(np.uint8)
        height, width = mask.shape
        mask[:, round(0.34 * width) : round(0.66 * width)] = 0  # of a logo's place; rolls and subtitles are here
        beside = mask[round(0.27 * height) : round(0.73 * height)]
        if cv2.countNonZero(beside) > _ALIKE_SHARE * beside.size:
            return []  # scenes too much alike to tell
        beside[:] = 0
        edge = max(1, height // 60)  # a border's edge does not cancel either
        mask[:edge], mask[-edge:], mask[:, :edge], mask[:, -edge:] = 0, 0, 0, 0
        _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(mask, np.ones((5, 9), np.uint8)))
        found = []
        for x, y, w, h, _ in stats[1:].tolist():
            inside = mask[y : y + h, x : x + w]
            rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
            if not len(rows) or inside.sum() < 30 or len(rows) < 4 or len(columns) < 6 or w > 0.3 * width:
                continue
            score = float(np.median((steady / np.maximum(steep, 1))[y : y + h, x : x + w][inside > 0]))
            if score < _LEAST_LOGO:
                continue
            box = ((x + columns[0]) / width, (y + rows[0]) / height)
            far = ((x + columns[-1] + 1) / width, (y + rows[-1] + 1) / height)
            found.append((self._start, end, self._n, score, *box, *far))
        return found


def _covers(line: Line, box: tuple[int, int, int, int]) -> bool:
    """Whether a found line is mostly the lettering of this box."""
    wide = min(line.x1, box[2]) - max(line.x0, box[0])
    high = min(line.y1, box[3]) - max(line.y0, box[1])
    least = min((line.x1 - line.x0) * line.height, (box[2] - box[0]) * (box[3] - box[1]))
    return wide > 0 and high > 0 and wide * high > 0.6 * least


def _best(
    known: _Followed, lines: list[Line], patches: list[np.ndarray], taken: set[int], rows_px: int
) -> tuple[int | None, float]:
    """The line that is this one again, and how alike they are."""
    x0, y0, x1, y1 = known.last
    best, most = None, _SAME
    for i, line in enumerate(lines):
        if i in taken or abs((line.x1 - line.x0) - (x1 - x0)) > _SIZE * (x1 - x0):
            continue
        if abs(line.height - (y1 - y0)) > _SIZE * (y1 - y0) + 1:
            continue
        if abs(line.x0 + line.x1 - x0 - x1) + abs(line.y0 + line.y1 - y0 - y1) > 2 * _AWAY * rows_px:
            continue
        like = float((patches[i] * known.patch).mean())
        if like > most:
            best, most = i, like
    return best, most


def _patch(grey: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    x0, y0, x1, y1 = box
    patch = cv2.resize(grey[y0:y1, x0:x1], _PATCH, interpolation=cv2.INTER_AREA).astype(np.float32)
    patch -= patch.mean()
    return patch / max(1.0, float(patch.std()))


def _around(before: np.ndarray, grey: np.ndarray, box: tuple[int, int, int, int]) -> float:
    """How much the picture around a box changed between two looks, grey levels."""
    x0, y0, x1, y1 = box
    high = max(4, (y1 - y0) // 2)
    place = slice(max(0, y0 - high), y1 + high), slice(max(0, x0 - high), x1 + high)
    change = cv2.absdiff(before[place], grey[place])
    inside = cv2.absdiff(before[y0:y1, x0:x1], grey[y0:y1, x0:x1])
    rest = change.size - inside.size
    return (float(change.sum()) - float(inside.sum())) / max(1, rest)


def _chroma(small: np.ndarray, grey: np.ndarray, box: tuple[int, int, int, int]) -> float:
    """Median of the spread of R, G, B over the brighter half of the tones in the box."""
    x0, y0, x1, y1 = box
    inside, tones = small[y0:y1, x0:x1], grey[y0:y1, x0:x1]
    bright = tones > (float(tones.max()) + float(tones.min())) / 2
    spread = inside.max(2).astype(np.int16) - inside.min(2)
    return float(np.median(spread[bright])) if bright.any() else 0.0


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    one, other = (cv2.resize(x, _THUMB, interpolation=cv2.INTER_AREA) for x in (a, b))
    return cv2.norm(one, other, cv2.NORM_L1) / one.size
