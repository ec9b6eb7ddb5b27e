"""Where one shot ends and the next begins: hard cuts, dissolves (O.L) and fades, from per-frame scores.

`TransitionWatch` sees every frame once and keeps a few floats of it; `decide` is a pure function of those floats.
A picture that goes away and comes back within four frames is an impact frame or a flash, not a cut.
A dissolve is found as what it is, a linear mix: the frames of a window lie on the straight line between its two ends,
and those ends are pictures that no motion turns into one another.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from anicaption.measure.likeness import Difference, Thumbnail, thumbnail

FLASH_FRAMES = 4  # an impact frame or flash lasts one to four frames
CUT_FLOOR = 0.06  # compensated difference under which nothing is a cut
CUT_RATIO = 2.0  # a cut stands out of its neighbours by this factor
CUT_STEADY = 0.015  # added to the neighbours, so that a held shot has a baseline to stand out of
CUT_SAME = 0.75  # correlation of the greys after motion over which only the exposure changed
NEIGHBOURS = 3  # frames on either side that make the baseline
BACK_SHARE = 0.5  # across a flash the picture differs by less than this share of the jumps in and out

MIX_HALVES = (4, 8, 14)  # half windows: O.L last 6 to 24 frames
MIX_RESIDUAL = 0.3  # share of the way between the ends that the frames stray from the straight line
MIX_LEAST = 4  # frames
MIX_ACROSS = 0.05  # compensated difference of the two ends
MIX_STEP = 0.45  # a mix moves along the line by less than this from frame to frame

LOOK_AHEAD = 36  # frames after a boundary that may speak about it
REACH = 48  # frames before it

_MIX = ("mix_residual", "mix_across", "mix_start", "mix_end")


@dataclass(frozen=True)
class Boundary:
    """The shot that begins at `frame`; [start, end) are the frames that mix both shots (empty for a cut)."""

    frame: int
    kind: str
    start: int
    end: int
    score: float


class TransitionWatch:
    """Sees frames in order, at any size; remembers 29 thumbnails and a few floats per frame."""

    def __init__(self) -> None:
        self._difference = Difference()
        self._recent: deque[Thumbnail] = deque(maxlen=2 * MIX_HALVES[-1] + 1)
        names = ("raw", "jump", "same", "luma", "spread", *_MIX)
        self._scores: dict[str, list[float]] = {name: [] for name in names}
        self._scores |= {f"across_{n}": [] for n in range(1, FLASH_FRAMES + 1)}

    def see(self, rgb: np.ndarray) -> None:
        """Measure the next frame, RGB uint8 (H, W, 3)."""
        now = thumbnail(rgb)
        row = dict.fromkeys(self._scores, float("nan"))
        if self._recent:
            row["raw"], row["jump"], row["same"] = self._difference(self._recent[-1], now)
        else:
            row["raw"], row["jump"], row["same"] = 0.0, 0.0, 1.0
        row["luma"], row["spread"] = float(now.speck.mean()), float(now.speck.std())
        jumps = self._scores["jump"]
        for n in range(1, FLASH_FRAMES + 1):
            if row["jump"] >= CUT_FLOOR and len(self._recent) > n and jumps[-n] >= CUT_FLOOR:
                row[f"across_{n}"] = self._difference(self._recent[-1 - n], now).jump
        for name, value in row.items():
            self._scores[name].append(value)
        self._recent.append(now)
        self._see_mix()

    def _see_mix(self) -> None:
        """Test the windows that end at the newest frame for a linear mix; the result belongs to their centres."""
        newest = len(self._scores["jump"]) - 1
        for half in MIX_HALVES:
            if len(self._recent) <= 2 * half:
                return
            window = np.stack([self._recent[i].speck for i in range(-1 - 2 * half, 0)])
            mix = _mix(window)
            if mix is None:
                continue
            residual, start, end = mix
            across = self._difference(self._recent[-1 - 2 * half], self._recent[-1])
            centre = newest - half
            better = not self._scores["mix_residual"][centre] <= residual
            if better and across.jump >= MIX_ACROSS and across.same < CUT_SAME:
                values = (residual, across.jump, start - half, end - half)
                for name, value in zip(_MIX, values):
                    self._scores[name][centre] = float(value)

    def last(self, name: str) -> float:
        """The newest value of one score."""
        return self._scores[name][-1]

    def scores(self, first: int = 0) -> dict[str, np.ndarray]:
        """float32 (T - first,) each, from frame `first` on.

        raw, jump, same: against the frame before (see likeness.Unlike); across_n: jump against the frame before an
        excursion of n frames that ended here (NaN where none can have); luma, spread: mean and deviation, 0..1;
        mix_*: of the best linear mix centred here: how far the frames stray from it (share), how unlike its ends are,
        and its first mixed and first clean frame, in frames from here (NaN where the frames mix nothing).
        """
        return {name: np.array(values[first:], np.float32) for name, values in self._scores.items()}


def _mix(window: np.ndarray) -> tuple[float, float, float] | None:
    """Whether (2h+1, n) pictures go straight from the first to the last: (residual, start, end) or None.

    `start` is where the first mixed frame, `end` where the first clean frame lies in the window, by a line through the
    middle of the way, so that what moves in the shots does not blur the limits.
    """
    way = window[-1] - window[0]
    length = float(way @ way)
    if length < 0.03**2 * way.size:
        return None
    offset = window - window[0]
    along = offset @ way / length
    steps = np.diff(along)
    if np.abs(steps).max() > MIX_STEP or steps.min() < -0.1:
        return None
    middle = (along > 0.2) & (along < 0.8)
    if middle.sum() < 2:
        return None
    stray = offset[middle] - along[middle, None] * way
    residual = float(np.sqrt((stray * stray).mean(axis=1).max() * way.size / length))
    if residual > MIX_RESIDUAL:
        return None
    slope, zero = np.polyfit(np.flatnonzero(middle), along[middle], 1)
    if slope <= 0:
        return None
    return residual, -zero / slope + 1, (1 - zero) / slope


def decide(scores: dict[str, np.ndarray], first: int = 0) -> tuple[Boundary, ...]:
    """The boundaries in the frames that `scores` cover, in order; `first` is the index of their first row. Pure."""
    cuts = _cuts(scores)
    mixes = [mix for mix in _mixes(scores) if not any(mix.start <= cut.frame <= mix.end for cut in cuts)]
    found = sorted(cuts + mixes, key=lambda boundary: boundary.frame)
    return tuple(Boundary(b.frame + first, b.kind, b.start + first, b.end + first, b.score) for b in found)


def _cuts(scores: dict[str, np.ndarray]) -> list[Boundary]:
    jump = scores["jump"].astype(float)
    jump[scores["same"] >= CUT_SAME] = 0.0
    for start, end in excursions(scores):
        jump[start : end + 1] = 0.0
    found = []
    for t in np.flatnonzero(jump >= CUT_FLOOR):
        near = np.concatenate([jump[max(0, t - NEIGHBOURS) : t], jump[t + 1 : t + 1 + NEIGHBOURS]])
        bar = CUT_RATIO * (CUT_STEADY + (near.max() if near.size else 0.0))
        if t > 0 and jump[t] >= bar:
            found.append(Boundary(int(t), "cut", int(t), int(t), float(min(1.0, jump[t] / (2 * bar)))))
    return found


def _mixes(scores: dict[str, np.ndarray]) -> list[Boundary]:
    """One boundary in the middle of every run of frames that are centres of a mix."""
    residual = scores["mix_residual"]
    centres = np.flatnonzero(np.isfinite(residual))
    found: list[Boundary] = []
    for run in np.split(centres, np.flatnonzero(np.diff(centres) > 2) + 1) if centres.size else []:
        best = run[np.argmin(residual[run])]
        start = round(best + float(scores["mix_start"][best]))
        end = round(best + float(scores["mix_end"][best]))
        if not MIX_LEAST <= end - start <= 2 * MIX_HALVES[-1]:
            continue
        score = float(1 - residual[best] / (2 * MIX_RESIDUAL))
        found.append(Boundary((start + end) // 2, "dissolve", max(0, start), end, score))
    return found


def excursions(scores: dict[str, np.ndarray]) -> tuple[tuple[int, int], ...]:
    """Spans [start, end) of one to four frames at which the picture goes away and from which it comes back.

    The triple test: a large difference in, a large difference out, a small one across.
    """
    jump = scores["jump"]
    spans: list[tuple[int, int]] = []
    for end in range(2, len(jump)):
        for n in range(1, min(FLASH_FRAMES, end - 1) + 1):
            start = end - n
            if spans and start < spans[-1][1]:
                break
            across = scores[f"across_{n}"][end]
            if np.isfinite(across) and across < BACK_SHARE * min(jump[start], jump[end]):
                spans.append((start, end))
                break
    return tuple(spans)
