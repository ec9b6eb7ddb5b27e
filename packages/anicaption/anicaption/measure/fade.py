"""Blank frames and the fades that lead into and out of them, from mean and deviation of the picture alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

BLACK, WHITE = 0.06, 0.92  # mean (0..1) under or over which a flat picture is blank
PITCH = 0.012  # mean under which a picture is black, though the last of an iris may still be open
FLAT = 0.05  # deviation (0..1) under which it is flat
SHORT_FRAMES = 24  # blanks up to this length are a transition, longer ones a shot of their own
MOST_FRAMES = 60  # a fade is followed at most this far
TELL_FRAMES = 12  # frames next to a blank that tell a fade from a cut
FLASH_FRAMES = 8  # a blank up to this length from which the same picture returns, however slowly, is a flash

_LOWEST = 0.01  # of the height over its least: a fade to white paper is blank long before it ends
_LEAST_CLIMB = 0.03  # of the mean within TELL_FRAMES: a slow fade still gets that far
_MOST_STEP = 0.6  # share of that climb in one frame: more is a cut
_LEAST_STEP = 0.002  # each frame of a fade is farther from blank than the last by this,
_LEAST_PACE = 0.3  # and by this share of its mean step so far
_LEAP = 3.0  # times the greatest step so far: a cut after a fade
_STALLS = 2  # frames in a row that may break that rule
_LEAST_STEPS = 3  # of a fade that keep to it: two leaps with rests between them are flashes


@dataclass(frozen=True)
class Blank:
    """Blank frames [start, end). `opens` is the first frame of the fade into it (== start: none) and `closes` the first
    clean frame after the fade out of it (== end: none). `kind` is fade_black or fade_white. `flash`: the picture before
    it comes back after it."""

    kind: str
    start: int
    end: int
    opens: int
    closes: int
    flash: bool

    @property
    def fades_out(self) -> bool:
        """The shot before it fades."""
        return self.opens < self.start

    @property
    def fades_in(self) -> bool:
        """The shot after it fades."""
        return self.closes > self.end


def is_blank(luma: float, spread: float) -> bool:
    """Whether a picture of this mean and deviation (0..1) is black or white all over."""
    return luma < PITCH or (spread < FLAT and (luma < BLACK or luma > WHITE))


def blanks(scores: Mapping[str, np.ndarray], most_back: float) -> list[Blank]:
    """All runs of blank frames in order; `most_back` is the difference under which a picture has come back."""
    luma, flat, back = scores["luma"], scores["spread"] < FLAT, scores["blank_back"]
    found = []
    for kind, blank, height in (
        ("fade_black", (flat & (luma < BLACK)) | (luma < PITCH), luma),
        ("fade_white", flat & (luma > WHITE), 1 - luma + scores["spread"]),  # white paper has its lines only
    ):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], blank.astype(np.int8), [0]])))
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            lowest = start + np.flatnonzero(height[start:end] < height[start:end].min() + _LOWEST)
            first, last = int(lowest[0]), int(lowest[-1])
            opens = min(start, first - _fade(height[max(0, first - MOST_FRAMES - 1) : first + 1][::-1]))
            closes = max(end, last + 1 + _fade(height[last : last + MOST_FRAMES + 2]))
            returns = opens == start and end - start <= FLASH_FRAMES and bool(back[start] < most_back)
            found.append(Blank(kind, start, end, opens, closes, returns))
    return sorted(found, key=lambda blank: blank.start)


def _fade(height: np.ndarray) -> int:
    """How many frames after the first one belong to a fade that begins there; 0 if it is a cut.

    `height` is the distance of the means from blank, going away from it: a fade climbs evenly, a cut in one step.
    """
    climb = np.diff(height)
    # A fade may be followed by a cut at once; what lies beyond that leap says nothing of it.
    leaps = (i for i in range(_LEAST_STEPS, len(climb)) if climb[i] > _LEAP * climb[:i].max() + _LEAST_CLIMB)
    climb = climb[: next(leaps, None)]
    early = climb[:TELL_FRAMES]
    total = early.clip(0).sum()
    if total < _LEAST_CLIMB or early.max() > _MOST_STEP * total or early[0] < -_LEAST_STEP:
        return 0
    top = stall = 0
    for i, step in enumerate(climb):
        pace = (height[top] - height[0]) / max(1, top)
        stall = 0 if step >= max(_LEAST_STEP, _LEAST_PACE * pace) else stall + 1
        if step < -_LEAST_STEP or stall > _STALLS:
            break
        top = i + 1 if stall == 0 else top
    whole = float(height[top] - height[0])
    kept = int((climb[:top] >= _LEAST_PACE * whole / max(1, top)).sum())
    if top < _LEAST_STEPS:
        return 0
    if kept < _LEAST_STEPS or climb[:top].max() > _MOST_STEP * whole:
        return 0
    return max(0, top - 1)
