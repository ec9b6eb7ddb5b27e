"""What the camera did: camera.move, camera.speed and camera.easing, from the background's motion.

Everything is compared as edge motion: how far the frame's edge travels, in frame widths per frame. A zoom moves the
left and right edges by half its logarithm, a roll by half its angle in radians. What trembles is left to shake.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from anicaption.measure.shake import Tremble, tremble_of
from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "layers.border_background", "1"
FIELDS = ("camera.move", "camera.speed", "camera.easing", "camera.shake")

# camera.speed of the taxonomy: upper limits in frame widths per frame
SPEEDS = (
    ("none", 2e-4),
    ("creeping", 2e-3),
    ("slow", 6e-3),
    ("medium", 2e-2),
    ("quick", 6e-2),
    ("whip", math.inf),
)
MOVES = (
    ("pan_right", "pan_left"),
    ("pan_down", "pan_up"),
    ("track_up", "track_back"),
    ("roll_cw", "roll_ccw"),
)

MIN_TRAVEL = 0.004  # frame widths: less than this over a whole run is not called a move
MIN_SPEED = 1.5e-4  # frame widths per frame
MIN_SHARE = 0.45  # of the strongest simultaneous component: less is drift of the framing, not a second move
LARGE_TRAVEL, LARGE_SHARE = 0.15, 0.2  # what goes this far is no drift, though its share is less
OFF_CENTRE = (0.95, 0.55)  # a zoom towards a point inside the frame shifts x, y by less than this share: no PAN
TAIL = 0.1  # a run ends where the speed falls under this share of its peak
BRIEF_STEPS = 10  # a move this short inside a longer shot must go three times as far
BRIDGE = 3  # frames: moves on twos and threes pause, and go on
MIN_SUPPORT = 0.3  # of a step that a move is read from
SHAKE_SUPPORT = 0.02
SHAKEN_TRAVEL = 8.0  # times the size of a tremble: a move inside it goes further than this
FOLLOW_FRAMES = 12  # fewer frames do not tell a follow shot from a figure that happens to hold
FOLLOW_SHARE = 0.1  # of the inner blocks with lines stand still in the frame
EASING_STEPS = 8  # fewer steps show no curve


class CameraWatch:
    """The streaming half: keeps the background's motion of each step."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []

    def see(self, step, still_share: float, aspect: float) -> None:
        """`step` is a layers.Step or None (first frame); `still_share` as in leftover.Left; aspect: width / height."""
        if step is None or step.motion is None:
            support = math.nan if step is None else step.support
            self._rows.append((math.nan, math.nan, math.nan, math.nan, support, math.nan))
            return
        x, y, zoom, roll_deg = step.motion.camera
        self._rows.append((x / 2, y / 2 * aspect, zoom, roll_deg, step.support, still_share))

    def columns(self) -> dict[str, np.ndarray]:
        names = ("camera_x", "camera_y", "camera_zoom", "camera_roll_deg", "camera_support", "still_share")
        table = np.array(self._rows, np.float32).reshape(-1, len(names))
        return {name: table[:, i].copy() for i, name in enumerate(names)}


@dataclass(frozen=True)
class Run:
    """One component moving one way in the frames [start, end); `travel` in frame widths."""

    column: int
    value: str
    start: int
    end: int
    travel: float


def edge_motion(tracks: Tracks, min_support: float) -> np.ndarray:
    """(T, 4) of x, y, zoom, roll as edge motion in frame widths per frame; NaN where support is less, and in row 0."""
    aspect = tracks.width_px / tracks.height_px
    columns = [
        tracks["camera_x"].astype(float),
        tracks["camera_y"].astype(float) / aspect,
        tracks["camera_zoom"].astype(float) / 2,
        np.radians(tracks["camera_roll_deg"].astype(float)) / 2,
    ]
    motion = np.stack(columns, 1)
    # an exact truth has no support column
    motion[np.nan_to_num(tracks["camera_support"], nan=1.0) < min_support] = np.nan
    for event in tracks.events:
        if event.value == "dissolve":  # two cameras at once
            motion[event.start : event.end + 1] = np.nan
    motion[:1] = np.nan
    return motion


def read_camera(tracks: Tracks) -> dict[str, Variable]:
    """camera.move, .speed, .easing and .shake of the shot that `tracks` spans."""
    motion = edge_motion(tracks, MIN_SUPPORT)
    steps = max(0, tracks.n_frames - 1)
    seen = np.isfinite(motion).all(axis=1)
    if seen.sum() < max(2, 0.4 * steps):
        reason = f"the background's motion could be told in {int(seen.sum())} of {steps} steps"
        return {field: abstain(field, reason) for field in FIELDS}
    # Under effect lines few cells agree: too few to call a move, enough to see that it reverses every frame.
    tremble = tremble_of(fill(edge_motion(tracks, SHAKE_SUPPORT)), float(tracks.rate))
    if tremble.value in (None, "none"):
        tremble = replace(tremble, rest=fill(motion))
    steady = smooth(tremble.rest, 5 if steps >= 12 else 3 if steps >= 6 else 1)
    runs = [] if tremble.wanders else [run for run in runs_of(steady) if not _shaken(run, tremble)]
    support = np.nan_to_num(tracks["camera_support"], nan=1.0)[seen]
    confidence = float(np.clip(support.mean(), 0, 1)) * float(seen.sum()) / max(1, steps)
    moving = sorted({run.column for run in runs})
    speed = _magnitude(smooth(tremble.rest, 3 if steps >= 6 else 1), moving)
    peak = float(speed[1:].max(initial=0.0))
    numbers = {
        "peak_pct_of_width": 100 * peak,
        "support": confidence,
        "tremble_pct_of_width": 100 * tremble.size,
    }
    for run in runs:
        key = f"{run.value}_travel_pct"
        numbers[key] = numbers.get(key, 0.0) + 100 * run.travel
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    return {
        "camera.move": _move(runs, _follows(runs, tracks), confidence, evidence),
        "camera.speed": _speed(peak, confidence, evidence),
        "camera.easing": _easing(runs, tremble, confidence, evidence),
        "camera.shake": _shake(tremble, confidence, evidence),
    }


def fill(motion: np.ndarray) -> np.ndarray:
    """Unmeasured steps inside a shot (impact frames, occlusions) take the motion of their neighbours; row 0 is 0."""
    filled = motion.copy()
    good = np.flatnonzero(np.isfinite(motion).all(1))
    rows = np.arange(len(motion))
    for column in range(motion.shape[1]):
        filled[:, column] = np.interp(rows, good, motion[good, column])
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


def runs_of(steady: np.ndarray) -> list[Run]:
    """The moves in a (T, 4) edge motion, strongest first; drift and the shift of off-centre zooms are left out."""
    fastest = np.abs(steady[1:]).max() if len(steady) > 1 else 0.0
    found: list[Run] = []
    for column, (positive, negative) in enumerate(MOVES):
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
                if travel >= MIN_TRAVEL * (3 if brief else 1) and travel / (end - start) >= MIN_SPEED:
                    found.append(Run(column, value, start, end, travel))
    strongest = max((run.travel for run in found), default=0.0)
    kept = [run for run in found if run.travel >= 0.15 * strongest and not _drift(run, found)]
    return sorted(kept, key=lambda run: -run.travel)


def _drift(run: Run, found: list[Run]) -> bool:
    """Whether a stronger component that moves at the same time explains this one."""
    for other in found:
        together = min(other.end, run.end) - max(other.start, run.start)
        if other.column == run.column or together < 0.5 * (run.end - run.start):
            continue
        zoomed = other.column == 2 and run.column < 2
        share = OFF_CENTRE[run.column] if zoomed else LARGE_SHARE if run.travel > LARGE_TRAVEL else MIN_SHARE
        if run.travel < share * other.travel:
            return True
    return False


def _shaken(run: Run, tremble: Tremble) -> bool:
    """Whether a run is no more than what a tremble leaves behind."""
    together = min(run.end, tremble.end) - max(run.start, tremble.start)
    return together > 0.5 * (run.end - run.start) and run.travel < SHAKEN_TRAVEL * tremble.size


def _magnitude(motion: np.ndarray, columns: list[int]) -> np.ndarray:
    """Edge motion of the moving columns together, frame widths per frame (T,)."""
    kept = np.zeros_like(motion)
    kept[:, columns] = motion[:, columns]
    return np.hypot(kept[:, 0], kept[:, 1]) + np.hypot(kept[:, 2], kept[:, 3])


def _follows(runs: list[Run], tracks: Tracks) -> float:
    """How sure it is that a figure stands still in the frame while the frame pans: 0 or 0.5..1."""
    if not runs or runs[0].column > 1 or tracks.n_frames < FOLLOW_FRAMES:
        return 0.0
    still = tracks["still_share"][runs[0].start : runs[0].end]
    still = still[np.isfinite(still)]
    if len(still) < FOLLOW_FRAMES // 2:
        return 0.0
    share = float(np.quantile(still, 0.75))  # on a new drawing the figure does not stand still
    return _certain(share / FOLLOW_SHARE) if share >= FOLLOW_SHARE else 0.0


def _move(runs: list[Run], follows: float, confidence: float, evidence: tuple[Evidence, ...]) -> Variable:
    if not runs:
        return measured("camera.move", ["none"], {"none": confidence}, evidence)
    best: dict[str, float] = {}
    for run in runs:
        best[run.value] = max(best.get(run.value, 0.0), run.travel)
    values = sorted(best, key=lambda v: -best[v])[:3]
    probability = {v: confidence * _certain(best[v] / MIN_TRAVEL) for v in values}
    # row t of a motion column is the step from t - 1 to t: both frames belong to the move
    spans = [Span(value=run.value, start=run.start - 1, end=run.end) for run in runs if run.value in values]
    if follows and len(values) < 3:
        values.append("follow")
        probability["follow"] = confidence * follows
        spans.append(Span(value="follow", start=runs[0].start - 1, end=runs[0].end))
    return measured("camera.move", values, probability, evidence, sorted(spans, key=lambda s: s.start))


def _speed(peak: float, confidence: float, evidence: tuple[Evidence, ...]) -> Variable:
    value = next(name for name, limit in SPEEDS if peak < limit)
    edges = [limit for _, limit in SPEEDS[:-1]]
    nearest = min(abs(math.log(max(peak, 1e-6) / limit)) for limit in edges)
    return measured("camera.speed", [value], {value: confidence * (0.5 + 0.5 * math.tanh(nearest / 0.2))}, evidence)


def _easing(runs: list[Run], tremble: Tremble, confidence: float, evidence: tuple[Evidence, ...]) -> Variable:
    field = "camera.easing"
    if not runs:
        return measured(field, ["none"], {"none": confidence}, evidence)
    run = runs[0]
    n_steps = run.end - run.start
    if n_steps < EASING_STEPS:
        return abstain(field, f"the move lasts {n_steps} steps; a speed curve needs {EASING_STEPS}", evidence)
    signed = tremble.rest[:, run.column] * (1 if run.value == MOVES[run.column][0] else -1)
    curve = smooth(signed[:, None], 3)[:, 0]
    top = float(np.quantile(curve[run.start : run.end], 0.9))
    moving = run.start + np.flatnonzero(curve[run.start : run.end] > 0.25 * top)
    start, end = int(moving[0]), int(moving[-1]) + 1
    ends = max(2, (end - start) // 6)
    first, last = float(curve[start : start + ends].mean()) / top, float(curve[end - ends : end].mean()) / top
    after = signed[end : end + 6]
    numbers = {"first_share": first, "last_share": last}
    note = (
        Evidence(estimator=NAME, version=VERSION, start=run.start - 1, end=run.end, numbers=numbers),
        *evidence,
    )
    if len(after) >= 3 and last > 0.6 and after.min() < -0.06 * top and first > 0.6:
        return measured(field, ["snap_stop"], {"snap_stop": confidence * 0.8}, note)
    slow_in, slow_out = first < 0.62, last < 0.62
    value = {(False, False): "constant", (True, False): "slow_start", (False, True): "slow_end"}.get(
        (slow_in, slow_out), "slow_both"
    )
    certain = min(1.0, 0.5 + 2 * min(abs(first - 0.62), abs(last - 0.62)))
    return measured(field, [value], {value: confidence * certain}, note)


def _shake(tremble: Tremble, confidence: float, evidence: tuple[Evidence, ...]) -> Variable:
    field = "camera.shake"
    if tremble.value is None:
        return abstain(field, "too few steps to tell a tremble from a move", evidence)
    spans = [] if tremble.value == "none" else [Span(value=tremble.value, start=tremble.start, end=tremble.end)]
    return measured(field, [tremble.value], {tremble.value: confidence * tremble.certainty}, evidence, spans)


def _certain(ratio: float) -> float:
    """From how many times over a threshold something is to a certainty in 0..1: 0.5 at the threshold."""
    return ratio**2 / (1 + ratio**2)
