"""The moves in a gapless edge motion: runs of one component one way, without the drift that another one explains.

Edge motion is how far the frame's edge travels, in frame widths per frame: x, y, half the logarithm of the zoom, and
half the angle of a roll in radians. Row t is the step from frame t - 1 to t; row 0 speaks of no step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOVES = (
    ("pan_right", "pan_left"),
    ("pan_down", "pan_up"),
    ("track_up", "track_back"),
    ("roll_cw", "roll_ccw"),
)

MIN_TRAVEL = 0.004  # frame widths: less than this over a whole run is not called a move
LONG_STEPS, LONG = 10, 3.0  # the same per so many steps, up to so many times: a hand sways by more in a long shot
MIN_SPEED = 1.5e-4  # frame widths per frame
MIN_SHARE = 0.45  # of the strongest simultaneous component: less is drift of the framing, not a second move
LARGE_TRAVEL, LARGE_SHARE = 0.15, 0.2  # what goes this far is no drift, though its share is less
OFF_CENTRE = (0.72, 0.42)  # a zoom towards a point well inside the frame shifts x, y by less than this share: no PAN
INSIDE = (0.95, 0.55)  # and towards any point inside by less than this, if that point stays where it is
TELLING_ZOOM = 0.2  # ln of the magnification over which a point that stays is told from one that is panned across
TAIL = 0.1  # a run ends where the speed falls under this share of its peak
BRIEF_STEPS = 10  # a move this short inside a longer shot must go three times as far
BRIDGE = 3  # steps: moves on twos and threes pause, and go on
_ANCHOR = 3  # steps on either side of a gap whose median fills it


@dataclass(frozen=True)
class Run:
    """One component moving one way in the steps [start, end); `travel` in frame widths."""

    column: int
    value: str
    start: int
    end: int
    travel: float


def fill(motion: np.ndarray, anchor_steps: int = _ANCHOR) -> np.ndarray:
    """Unmeasured steps inside a shot (impact frames, occlusions) take the motion of their neighbours; row 0 is 0."""
    filled = motion.copy()
    rows = np.arange(len(motion))
    good = np.isfinite(motion.sum(axis=1))
    for start, end in spans_of(~good):
        before, after = np.flatnonzero(good[:start])[-anchor_steps:], end + np.flatnonzero(good[end:])[:anchor_steps]
        ends = [np.median(motion[near], axis=0) for near in (before, after) if len(near)]
        if ends:
            share = ((rows[start:end] - start + 1) / (end - start + 1))[:, None]
            filled[start:end] = ends[0] + share * (ends[-1] - ends[0])
    filled[0] = 0
    return filled


def smooth(motion: np.ndarray, width: int) -> np.ndarray:
    """Centred mean over `width` steps; row 0 speaks of no step and stays out."""
    if width <= 1 or len(motion) < 3:
        return motion
    out = motion.copy()
    padded = np.pad(motion[1:], ((width // 2, width // 2), (0, 0)), mode="edge")
    kernel = np.ones(width) / width
    for column in range(motion.shape[1]):
        out[1:, column] = np.convolve(padded[:, column], kernel, mode="valid")
    return out


def spans_of(active: np.ndarray, bridge: int = 0) -> list[tuple[int, int]]:
    """Half-open runs of True; runs at most `bridge` apart are joined."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]])))
    spans: list[tuple[int, int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if spans and start - spans[-1][1] <= bridge:
            spans[-1] = spans[-1][0], end
        else:
            spans.append((start, end))
    return spans


def runs_of(steady: np.ndarray, doubt: float = 0.0) -> list[Run]:
    """The moves in a (T, 4) edge motion, strongest first; drift and the shift of off-centre zooms are left out.

    `doubt` 0..1 is how little the motion was supported: small travels must then be larger.
    """
    fastest = np.abs(steady[1:]).max() if len(steady) > 1 else 0.0
    long, doubted = max(1.0, min(LONG, len(steady) / LONG_STEPS)), 1 + 3 * max(0.0, doubt - 0.2)
    found: list[Run] = []
    for column, (positive, negative) in enumerate(MOVES):
        # lines and hands feign a shift, seldom a zoom or a roll
        least = MIN_TRAVEL * (long * doubted if column < 2 else max(long, doubted))
        for sign, value in ((1, positive), (-1, negative)):
            signed = sign * steady[:, column]
            active = signed > max(MIN_SPEED, 0.04 * fastest)
            active[0] = False
            for start, end in spans_of(active, BRIDGE):
                part = signed[start:end]
                inside = np.flatnonzero(part > TAIL * part.max())
                start, end = start + int(inside[0]), start + int(inside[-1]) + 1
                travel = float(signed[start:end].sum())
                brief = end - start < BRIEF_STEPS <= len(steady) // 2
                if travel >= least * (3 if brief else 1) and travel / (end - start) >= MIN_SPEED:
                    found.append(Run(column, value, start, end, travel))
    strongest = max((run.travel for run in found), default=0.0)
    kept = [run for run in found if run.travel >= 0.15 * strongest and not _drift(run, found, steady)]
    return sorted(kept, key=lambda run: -run.travel)


def _drift(run: Run, found: list[Run], steady: np.ndarray) -> bool:
    """Whether a stronger component that moves at the same time explains this one."""
    for other in found:
        together = min(other.end, run.end) - max(other.start, run.start)
        if other.column == run.column or together < 0.5 * (run.end - run.start):
            continue
        zoomed = other.column == 2 and run.column < 2
        share = OFF_CENTRE[run.column] if zoomed else LARGE_SHARE if run.travel > LARGE_TRAVEL else MIN_SHARE
        if zoomed and _stays(steady, run.column, other):
            share = INSIDE[run.column]
        if run.travel < share * other.travel:
            return True
    return False


def _stays(steady: np.ndarray, column: int, zoom: Run) -> bool:
    """Whether the shift during a zoom is that of one point of the frame which stays where it is.

    Then each step shifts by the same share of its zoom; a pan over the artwork shifts more the nearer the frame is.
    """
    grows = steady[zoom.start : zoom.end, 2]
    shifts = steady[zoom.start : zoom.end, column]
    nearness = 2 * np.cumsum(grows)
    if abs(nearness[-1]) < TELLING_ZOOM:
        return False
    left = []
    for model in (grows, np.abs(grows) * np.exp(nearness - nearness.mean())):
        share = (model @ shifts) / (model @ model)
        left.append(float(np.square(shifts - share * model).sum()))
    return left[0] < 0.6 * left[1]
