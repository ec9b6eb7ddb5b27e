"""The speed curve of a move: camera.easing."""

from __future__ import annotations

import numpy as np

from anicaption.measure.camera_runs import MOVES, Run
from anicaption.record import Evidence, Variable, abstain, measured

NAME, VERSION = "layers.speed_curve", "2"
FIELD = "camera.easing"
MIN_STEPS = 8  # fewer show no curve
SLOW = 0.62  # the first or last sixth of a move at less than this share of its top speed is a cushion
REBOUND = -0.06  # of the top speed: the frame swings back after a hard stop
STOP_STEPS = 2  # in which a snap stop comes from full speed to rest
CUSHIONS = {
    (False, False): "constant",
    (True, False): "slow_start",
    (False, True): "slow_end",
    (True, True): "slow_both",
}


def easing(runs: list[Run], rest: np.ndarray, raw: np.ndarray, confidence: float, evidence: tuple[Evidence, ...]):
    """camera.easing from the strongest run of `rest` (T, 4); `raw` is the motion before any shake was taken out."""
    if not runs:
        return measured(FIELD, ["none"], {"none": confidence}, evidence)
    run = runs[0]
    n_steps = run.end - run.start
    if n_steps < MIN_STEPS:
        return abstain(FIELD, f"the move lasts {n_steps} steps; a speed curve needs {MIN_STEPS}", evidence)
    sign = 1 if run.value == MOVES[run.column][0] else -1
    curve = _median(sign * rest[:, run.column])
    top = float(np.quantile(curve[run.start : run.end], 0.9))
    moving = run.start + np.flatnonzero(curve[run.start : run.end] > 0.25 * top)
    if top <= 0 or len(moving) < MIN_STEPS // 2:
        return abstain(FIELD, "the move comes and goes from step to step", evidence)
    start, end = int(moving[0]), int(moving[-1]) + 1
    ends = max(2, (end - start) // 6)
    first, last = float(curve[start : start + ends].mean()) / top, float(curve[end - ends : end].mean()) / top
    stop = _snap(sign * raw[:, run.column], top, start, end)
    if stop is not None:
        first = float(curve[start : start + max(2, (stop - start) // 6)].mean()) / top
    note = (_numbers(run, first, last), *evidence)
    if stop is not None and first > SLOW:
        return _said("snap_stop", 0.8, confidence, note)
    certain = min(1.0, 0.5 + 2 * min(abs(first - SLOW), abs(last - SLOW)))
    return _said(CUSHIONS[first < SLOW, last < SLOW], certain, confidence, note)


def _median(speed: np.ndarray) -> np.ndarray:
    """Running median of three steps: single misses go, edges stay where they are."""
    beside = np.stack([np.concatenate([speed[:1], speed[:-1]]), speed, np.concatenate([speed[1:], speed[-1:]])])
    return np.median(beside, axis=0)


def _snap(speed: np.ndarray, top: float, start: int, end: int) -> int | None:
    """The step at which the move stops dead and swings back, before the shot ends; None where it does not."""
    for stop in range(max(start + 4, end - 6), min(end + 3, len(speed) - 3)):
        before, after = speed[max(start, stop - 4) : stop], speed[stop + STOP_STEPS - 1 :]
        rests = np.abs(np.median(after[2:8])) < 0.12 * top if len(after) > 4 else True
        swings = speed[stop : stop + 4].min() < REBOUND * top
        if np.median(before) > 0.75 * top and swings and rests and speed[stop - 1] > 0.5 * top > speed[stop]:
            return stop
    return None


def _numbers(run: Run, first: float, last: float) -> Evidence:
    numbers = {"first_share": first, "last_share": last}
    return Evidence(estimator=NAME, version=VERSION, start=run.start - 1, end=run.end, numbers=numbers)


def _said(value: str, certain: float, confidence: float, note: tuple[Evidence, ...]) -> Variable:
    return measured(FIELD, [value], {value: confidence * certain}, note)
