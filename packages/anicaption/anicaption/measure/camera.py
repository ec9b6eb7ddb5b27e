"""What the camera did: camera.move, camera.speed, camera.easing, camera.shake.

Everything is compared as edge motion: how far the frame's edge travels, in frame widths per frame. A zoom moves the
left and right edges by half its logarithm, a roll by half its angle in radians.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "layers.border_background", "1"
FIELDS = ("camera.move", "camera.speed", "camera.easing", "camera.shake")

# camera.speed of the taxonomy: upper limits in frame widths per frame
SPEEDS = (("none", 0.0002), ("creeping", 0.002), ("slow", 0.006), ("medium", 0.02), ("quick", 0.06), ("whip", math.inf))
MOVES = (("pan_right", "pan_left"), ("pan_down", "pan_up"), ("track_up", "track_back"), ("roll_cw", "roll_ccw"))

MIN_TRAVEL = 0.003  # frame widths: less than this over a whole run is not called a move
MIN_SHARE = 0.3  # of the strongest simultaneous component: less is drift of the framing, not a second move
SMALL_SUPPORT = 0.3


class CameraWatch:
    """The streaming half: keeps the background's motion of each step."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, float, float, float, float]] = []

    def see(self, step, aspect: float) -> None:
        """`step` is a layers.Step, or None for a first frame; `aspect` is width / height."""
        if step is None or step.motion is None:
            support = math.nan if step is None else step.support
            self._rows.append((math.nan, math.nan, math.nan, math.nan, support))
            return
        x, y, zoom, roll_deg = step.motion.camera
        self._rows.append((x / 2, y / 2 * aspect, zoom, roll_deg, step.support))

    def columns(self) -> dict[str, np.ndarray]:
        names = ("camera_x", "camera_y", "camera_zoom", "camera_roll_deg", "camera_support")
        table = np.array(self._rows, np.float32).reshape(-1, 5)
        return {name: table[:, i].copy() for i, name in enumerate(names)}


@dataclass(frozen=True)
class Run:
    """One component moving one way in the frames [start, end); travel and peak in frame widths."""

    value: str
    start: int
    end: int
    travel: float


def edge_motion(tracks: Tracks) -> np.ndarray:
    """(T, 4) of x, y, zoom, roll as edge motion in frame widths per frame. Row 0 and unmeasured rows are NaN."""
    aspect = tracks.width_px / tracks.height_px
    motion = np.stack(
        [
            tracks["camera_x"].astype(float),
            tracks["camera_y"] / aspect,
            tracks["camera_zoom"] / 2.0,
            np.radians(tracks["camera_roll_deg"].astype(float)) / 2,
        ],
        1,
    )
    support = tracks["camera_support"]
    motion[np.nan_to_num(support, nan=1.0) < SMALL_SUPPORT] = np.nan
    motion[:1] = np.nan
    return motion


def read_camera(tracks: Tracks) -> dict[str, Variable]:
    motion = edge_motion(tracks)
    steps = max(0, tracks.n_frames - 1)
    seen = np.isfinite(motion).all(1)
    if seen.sum() < max(2, 0.4 * steps):
        reason = f"the background's motion could be told in {int(seen.sum())} of {steps} steps"
        return {field: abstain(field, reason) for field in FIELDS}
    filled = _fill(motion)
    smooth = _smooth(filled, 5 if steps >= 12 else 3 if steps >= 6 else 1)
    runs = _runs(smooth)
    confidence = float(np.nanmean(np.where(seen, np.nan_to_num(tracks["camera_support"], nan=1.0), np.nan)))
    confidence *= float(seen[1:].mean())
    speed = np.abs(_smooth(filled, 3 if steps >= 6 else 1)).copy()
    total = np.hypot(speed[:, 0], speed[:, 1]) + speed[:, 2] + speed[:, 3]
    peak = float(total[1:].max()) if runs else float(np.abs(filled[1:].mean(0)).max())
    numbers = {"peak_width_per_frame": peak, "support": confidence}
    numbers |= {run.value + "_travel": run.travel for run in runs}
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    return {
        "camera.move": _move(runs, confidence, evidence),
        "camera.speed": _speed(peak if runs else 0.0, confidence, evidence),
    }


def _fill(motion: np.ndarray) -> np.ndarray:
    """Unmeasured steps inside a shot (impact frames, occlusions) take the motion of their neighbours."""
    filled = motion.copy()
    good = np.flatnonzero(np.isfinite(motion).all(1))
    rows = np.arange(len(motion))
    for column in range(motion.shape[1]):
        filled[:, column] = np.interp(rows, good, motion[good, column])
    filled[0] = 0
    return filled


def _smooth(motion: np.ndarray, width: int) -> np.ndarray:
    """Centred mean over `width` steps; row 0 speaks of no step and stays out."""
    if width <= 1:
        return motion
    out = motion.copy()
    padded = np.pad(motion[1:], ((width // 2, width // 2), (0, 0)), mode="edge")
    kernel = np.ones(width) / width
    for column in range(motion.shape[1]):
        out[1:, column] = np.convolve(padded[:, column], kernel, mode="valid")
    return out


def _runs(smooth: np.ndarray) -> list[Run]:
    speed = np.abs(smooth[1:]).max() if len(smooth) > 1 else 0.0
    runs: list[Run] = []
    for column, (positive, negative) in enumerate(MOVES):
        for sign, value in ((1, positive), (-1, negative)):
            signed = sign * smooth[:, column]
            active = signed > max(0.00015, 0.08 * speed)
            active[0] = False
            for start, end in spans_of(active, bridge=3):
                travel = float(signed[start:end].sum())
                if travel >= MIN_TRAVEL:
                    runs.append(Run(value, start, end, travel))
    if not runs:
        return runs
    strongest = max(run.travel for run in runs)
    kept = []
    for run in runs:
        rivals = [r.travel for r in runs if min(r.end, run.end) - max(r.start, run.start) > 0.5 * (run.end - run.start)]
        if run.travel >= MIN_SHARE * max(rivals) and run.travel >= 0.15 * strongest:
            kept.append(run)
    return kept


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


def _move(runs: list[Run], confidence: float, evidence: tuple[Evidence, ...]) -> Variable:
    if not runs:
        return measured("camera.move", ["none"], {"none": confidence}, evidence)
    best: dict[str, float] = {}
    for run in runs:
        best[run.value] = max(best.get(run.value, 0.0), run.travel)
    values = sorted(best, key=lambda v: -best[v])[:3]
    probability = {v: confidence * _certain(best[v] / MIN_TRAVEL) for v in values}
    # a motion column's row t is the step from t - 1 to t: both frames belong to the move
    spans = [Span(value=run.value, start=run.start - 1, end=run.end) for run in runs if run.value in values]
    return measured("camera.move", values, probability, evidence, sorted(spans, key=lambda s: s.start))


def _speed(peak: float, confidence: float, evidence: tuple[Evidence, ...]) -> Variable:
    value = next(name for name, limit in SPEEDS if peak < limit)
    return measured("camera.speed", [value], {value: confidence}, evidence)


def _certain(ratio: float) -> float:
    """From how many times over a threshold something is to a certainty in 0..1: 0.5 at the threshold."""
    return ratio**2 / (1 + ratio**2)
