"""The figure's own rigid motion over the background, and motion.rocking: a cel swung slowly to and fro.

Where the background's motion leaves something inside the frame, one more similarity is fitted to what it leaves. A cel
that is swung moves as one piece on every frame, whatever its drawings do; limbs do not fit one motion, and a figure
that walks comes back to no place.
"""

from __future__ import annotations

import math
from array import array

import cv2
import numpy as np

from anicaption.align import refine
from anicaption.layers import FLAT, STILL, Motion, Picture, Step, warp
from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "layers.figure_motion", "1"
FIELD = "motion.rocking"
NAMES = ("figure_dx", "figure_dy", "figure_turn_deg", "figure_fit")
LEVEL = 1  # of the pyramid: 72 rows
_MOVED_PX = 0.35  # pixels of the level: cells nearer home than this went with the background
MIN_CELLS = 4


class FigureWatch:
    """The streaming half: how the largest thing that does not go with the background moves against it, per step."""

    def __init__(self) -> None:
        self._columns = {name: array("f") for name in NAMES}
        self._last = STILL

    def see(self, before: Picture | None, now: Picture, step: Step | None, moved: bool) -> None:
        """`before` as bright as `now`; `moved` says whether anything may have moved against the background."""
        if before is None or step is None or step.motion is None:
            row = (math.nan,) * len(NAMES)
        elif not moved:
            row = (0.0, 0.0, 0.0, 1.0)
        else:
            row = self._fit(before, now, step.motion)
        for name, value in zip(NAMES, row, strict=True):
            self._columns[name].append(value)

    def motion(self, step: Step | None) -> Motion | None:
        """How the figure lay in the picture before, where it went as one piece in the step seen last."""
        own = self._last
        return None if step is None or step.motion is None or own == STILL else step.motion.after(own)

    def columns(self) -> dict[str, np.ndarray]:
        return {name: np.array(values, np.float32) for name, values in self._columns.items()}

    def _fit(self, before: Picture, now: Picture, background: Motion) -> tuple[float, ...]:
        level, cells = min(LEVEL, len(now.levels) - 1), now.cells
        old, new = before.levels[level], now.levels[level]
        error = cv2.subtract(warp(old.grey, background), new.grey)
        np.clip(error, -48, 48, out=error)
        square = cells.mean(cv2.multiply(error, error))
        noise = float(np.partition(square, len(square) // 5)[len(square) // 5])
        away_px = np.sqrt(np.maximum(square - noise, 0) / (new.energy + FLAT**2 + 3 * noise))
        weight = (away_px > _MOVED_PX) & (cells.border > 0) & cells.seen_before(background)
        if np.count_nonzero(weight) < MIN_CELLS:
            return 0.0, 0.0, 0.0, 1.0
        weight = weight.astype(float)
        fit = refine(before, now, level, background.after(self._last), 3, weight=weight)
        own = background.inverse().after(fit.motion)  # what is left once the background lies still
        middle = complex((cells.z * weight).sum() / weight.sum())
        shift = middle - (own.turn * middle + own.shift)  # of the moved cells' middle, half widths
        half_heights = cells.columns / cells.rows / 2
        self._last = own if fit.support > 0.5 else STILL
        turn_deg = -math.degrees(math.atan2(own.turn.imag, own.turn.real))
        return shift.real * half_heights, shift.imag * half_heights, turn_deg, fit.support


MIN_FIT = 0.65  # of a step that is believed
MIN_STEPS = 16  # fewer show less than one swing
MIN_SPEED = 1.5e-3  # frame heights per frame: less is noise
MIN_TURN_DEG = 0.12  # per frame
ACTIVE_SHARE = 0.3  # of the steps move as one piece
ON_ONES = 0.6  # of those go on in the next frame: drawings on twos and threes pause
REACH = (0.006, 0.09)  # frame heights from end to end of a swing
TURN_REACH_DEG = 1.0
PERIOD_S = (0.3, 3.0)
ONE_WAY = 0.55  # net travel over travel: more is going somewhere


def read_rocking(tracks: Tracks) -> dict[str, Variable]:
    """motion.rocking of the shot that `tracks` spans."""
    rows = np.stack([tracks[name].astype(float) for name in NAMES], 1)[1:]
    seen = np.isfinite(rows).all(1)
    if len(rows) < MIN_STEPS or seen.sum() < 0.6 * len(rows):
        reason = (
            f"the figure's motion could be told in {int(seen.sum())} of {len(rows)} steps; a swing needs {MIN_STEPS}"
        )
        return {FIELD: abstain(FIELD, reason)}
    believed = seen & (rows[:, 3] >= MIN_FIT)
    moves = np.where(believed[:, None], np.nan_to_num(rows[:, :3]), 0.0)
    active = (np.hypot(moves[:, 0], moves[:, 1]) > MIN_SPEED) | (np.abs(moves[:, 2]) > MIN_TURN_DEG)
    on_ones = float((active[1:] & active[:-1]).sum()) / max(1, int(active.sum()))
    numbers = {"active_share": float(active.mean()), "on_ones": on_ones}
    if active.mean() < ACTIVE_SHARE or on_ones < ON_ONES:
        note = _note(tracks, numbers)
        return {FIELD: measured(FIELD, ["none"], {"none": 0.9}, note, [_whole("none", tracks)])}
    swings = {name: _swing(moves[:, i], float(tracks.rate)) for i, name in enumerate(("sway", "bob", "turn"))}
    numbers |= {f"{name}_reach": reach for name, (reach, _) in swings.items()}
    note = _note(tracks, numbers)
    value = "none"
    if swings["turn"][1] and swings["turn"][0] > TURN_REACH_DEG:
        value = "turn"
    else:
        found = {
            k: reach for k in ("sway", "bob") for reach, swung in [swings[k]] if swung and REACH[0] < reach < REACH[1]
        }
        if found:
            value = max(found, key=lambda name: found[name])
    return {FIELD: measured(FIELD, [value], {value: 0.85}, note, [_whole(value, tracks)])}


def _swing(speed: np.ndarray, rate: float) -> tuple[float, bool]:
    """How far a component goes from end to end, and whether it goes there and back in the time of a swing."""
    path = np.concatenate([[0.0], np.cumsum(speed)])
    calm = np.convolve(np.pad(speed, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    going = calm[np.abs(calm) > 0.15 * np.abs(calm).max(initial=1e-9)]
    turns = int((np.sign(going[1:]) != np.sign(going[:-1])).sum())
    # Pieces between two turns; the drift of many small errors is taken out by judging each piece for itself.
    edges = np.flatnonzero(np.diff(np.sign(calm[np.abs(calm) > 0]))) if turns else np.array([], int)
    reach = float(np.median(np.abs(np.diff(path[np.concatenate([[0], edges + 1, [len(path) - 1]])])))) if turns else 0.0
    period_s = 2 * len(speed) / max(1, turns) / rate
    one_way = abs(float(speed.sum())) / (float(np.abs(speed).sum()) + 1e-9)
    return reach, turns >= 1 and PERIOD_S[0] <= period_s <= 2 * PERIOD_S[1] and one_way < ONE_WAY


def _note(tracks: Tracks, numbers: dict[str, float]) -> tuple[Evidence, ...]:
    return (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)


def _whole(value: str, tracks: Tracks) -> Span:
    return Span(value=value, start=0, end=tracks.n_frames)
