"""Frames at a clip's edges that are not its shot's: the neighbour's, blends of both, and what a transition mixes.

Whoever cut the clip (another detector, a list of times, a key frame) may be a frame or two off, and a telecine leaves
half-blended frames at its cuts. What the transition detector wrote down of every frame says so without the pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from anicaption.measure.flash import FLASH_FRAMES, excursions
from anicaption.measure.transition import HEAD_FRAMES, LOOK_AHEAD, REACH, Boundary, decide

from animatrix_ingest.decide.pieces import Joint

SCORES: dict[str, str] = {
    "edge_lead": "frames at the clip's start that belong to its neighbour or to a mix of both",
    "edge_tail": "frames at the clip's end that belong to its neighbour or to a mix of both",
}

MOST_OFF = 2  # frames that an edge may be off
MOST_LEFT = 15  # frames of a neighbour that may be left: other detectors find no second cut so soon after the first
MOST_BEFORE = HEAD_FRAMES // 2 + 1
"""Frames by which a joint may start before the frame that the detector gives its boundary."""
_OF_ONE_PICTURE = ("fade",)  # also what looks like one: an iris through black
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
    lead = min(_lead(columns, start, end), end - start)
    return Edges(lead, min(_tail(columns, start, end), end - start - lead))


def edge_scores(columns: Mapping[str, np.ndarray], start: int, end: int) -> dict[str, float | None]:
    """SCORES of the clip [start, end)."""
    found = edge_frames(columns, start, end)
    return {"edge_lead": float(found.lead), "edge_tail": float(found.tail)}


def joint_of(boundary: Boundary) -> Joint:
    """The frames of a boundary that are neither shot's: those that show two pictures. A fade shows one at a time, and
    its frames are its shots' own. Pure."""
    start, end = boundary.frame, boundary.frame
    if boundary.kind not in _OF_ONE_PICTURE:
        start, end = max(0, min(start, boundary.start)), max(end, boundary.end)
    return Joint(start, end, boundary.kind, boundary.end - boundary.start)


def clean(boundaries: Sequence[Boundary], n_frames: int) -> tuple[Clean, ...]:
    """The shots between `boundaries`, which are in order, of a film of `n_frames`. Pure."""
    joints = [joint_of(b) for b in boundaries]
    frames = [0, *(b.frame for b in boundaries), n_frames]
    begins = [0, *(joint.end for joint in joints)]
    ends = [*(joint.start for joint in joints), n_frames]
    shots = zip(frames[:-1], frames[1:], begins, ends, strict=True)
    return tuple(Clean(a, b, min(begin, b), max(min(begin, b), min(end, b))) for a, b, begin, end in shots)


def _around(columns: Mapping[str, np.ndarray], edge: int) -> list[Joint]:
    """The joints next to a frame, decided from the rows that speak of them."""
    first = max(0, edge - REACH - MOST_LEFT)
    rows = {name: values[first : edge + LOOK_AHEAD + MOST_LEFT] for name, values in columns.items()}
    return [joint_of(b) for b in decide(rows, first)] if len(rows["jump"]) else []


def _lead(columns: Mapping[str, np.ndarray], start: int, end: int) -> int:
    joints, most = _around(columns, start), max(MOST_OFF, min(MOST_LEFT, (end - start) // 2))
    found = [joint.end - start for joint in joints if joint.start - most <= start < joint.end]
    if all(joint.end != start for joint in joints):  # else a shot is known to begin here
        found.append(_step_after(columns, start, end))
    return max(found, default=0)


def _tail(columns: Mapping[str, np.ndarray], start: int, end: int) -> int:
    joints, most = _around(columns, end), max(MOST_OFF, min(MOST_LEFT, (end - start) // 2))
    found = [end - joint.start for joint in joints if joint.start < end <= joint.end + most]
    if all(joint.start != end for joint in joints):
        found.append(_step_before(columns, start, end))
    return max(found, default=0)


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
    if t in _impacts(columns, edge):
        return False
    calm = float(np.median(jump[inside])) if inside.size else np.inf
    return bool(
        jump[t] >= _STEP + _STANDS_OUT * calm
        and at_edge < _AT_EDGE * jump[t]
        and columns["kept"][t] < _KEPT
        and columns["same"][t] < _SAME
    )


def _impacts(columns: Mapping[str, np.ndarray], edge: int) -> set[int]:
    """The steps near a frame into and out of what soon gives way to the same picture again: those of impact frames."""
    first = max(0, edge - MOST_OFF - FLASH_FRAMES - 1)
    rows = {name: values[first : edge + MOST_OFF + FLASH_FRAMES + 1] for name, values in columns.items()}
    return {first + frame for excursion in excursions(rows) for frame in excursion}
