"""Frames at a clip's edges that are not its shot's: the neighbour's, blends of both, and what a transition mixes.

Whoever cut the clip (another detector, a list of times, a key frame) may be a frame or two off, and a telecine leaves
half-blended frames at its cuts. What the transition detector wrote down of every frame says so without the pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from anicaption.measure.transition import LOOK_AHEAD, REACH, Boundary, decide

MOST_OFF = 2  # frames that an edge may be off
_STEP = 0.02  # difference after motion under which nobody could see a foreign frame
_STANDS_OUT = 3.0  # times the median step of the shot next to the edge
_KEPT, _SAME = 0.3, 0.9  # of what is drawn, and of its greys: over these it is the same shot
_WITHIN = 8  # frames of the shot that show how much it changes
_AT_EDGE = 0.5  # of a step within that the step at the edge itself may have: if more, the edge is where it belongs


class Edges(NamedTuple):
    """Frames to trim at a clip's start and end."""

    lead: int
    tail: int


class Clean(NamedTuple):
    """A shot [start, end) and its part [clean_start, clean_end) that no transition touches; empty where none is."""

    start: int
    end: int
    clean_start: int
    clean_end: int


def edge_frames(columns: Mapping[str, np.ndarray], start: int, end: int) -> Edges:
    """The foreign frames at the edges of the clip [start, end), from the scores of all frames of its source
    (TransitionWatch.scores). Pure. Never more than the clip has."""
    if not 0 <= start < end <= len(columns["jump"]):
        raise ValueError(
            f"edge_frames: [{start}, {end}) lies outside the {len(columns['jump'])} frames of the columns; give frame "
            "numbers of the source"
        )
    lead = max([0, *(_lead(b, start) for b in _around(columns, start)), _step_after(columns, start, end)])
    tail = max([0, *(_tail(b, end) for b in _around(columns, end)), _step_before(columns, start, end)])
    lead = min(lead, end - start)
    return Edges(lead, min(tail, end - start - lead))


def clean(boundaries: Sequence[Boundary], n_frames: int) -> tuple[Clean, ...]:
    """The shots between `boundaries`, which are in order, of a film of `n_frames`. Pure."""
    frames = [0, *(b.frame for b in boundaries), n_frames]
    begins = [0, *(max(b.frame, b.end) for b in boundaries)]
    ends = [*(min(b.frame, b.start) for b in boundaries), n_frames]
    shots = zip(frames[:-1], frames[1:], begins, ends, strict=True)
    return tuple(Clean(a, b, min(begin, b), max(min(begin, b), min(end, b))) for a, b, begin, end in shots)


def _around(columns: Mapping[str, np.ndarray], edge: int) -> tuple[Boundary, ...]:
    """The boundaries next to a frame, decided from the rows that speak of them."""
    first = max(0, edge - REACH - MOST_OFF)
    rows = {name: values[first : edge + LOOK_AHEAD + MOST_OFF] for name, values in columns.items()}
    return decide(rows, first) if len(rows["jump"]) else ()


def _lead(found: Boundary, start: int) -> int:
    first, clean = min(found.start, found.frame), max(found.end, found.frame)
    return clean - start if first - MOST_OFF <= start < clean else 0


def _tail(found: Boundary, end: int) -> int:
    first, clean = min(found.start, found.frame), max(found.end, found.frame)
    return end - first if first < end <= clean + MOST_OFF else 0


def _step_after(columns: Mapping[str, np.ndarray], start: int, end: int) -> int:
    """Frames before a step to other paint just within the clip's start, where the start itself is no such step."""
    inside = np.arange(start + MOST_OFF + 1, min(end, start + MOST_OFF + 1 + _WITHIN))
    steps = [t for t in range(start + 1, min(end, start + MOST_OFF + 1)) if _foreign(columns, t, start, inside)]
    return max(steps, default=start) - start


def _step_before(columns: Mapping[str, np.ndarray], start: int, end: int) -> int:
    """As `_step_after`, at the clip's end: the step at `end` is that into the next clip."""
    inside = np.arange(max(start + 1, end - MOST_OFF - _WITHIN), end - MOST_OFF)
    steps = [t for t in range(max(start + 1, end - MOST_OFF), end) if _foreign(columns, t, end, inside)]
    return end - min(steps, default=end)


def _foreign(columns: Mapping[str, np.ndarray], t: int, edge: int, inside: np.ndarray) -> bool:
    jump = columns["jump"]
    at_edge = float(jump[edge]) if 0 < edge < len(jump) else np.inf
    calm = float(np.median(jump[inside])) if inside.size else np.inf
    return bool(
        jump[t] >= _STEP + _STANDS_OUT * calm
        and at_edge < _AT_EDGE * jump[t]
        and columns["kept"][t] < _KEPT
        and columns["same"][t] < _SAME
    )
