"""What the camera did: camera.move, .speed, .easing and .shake, from the background's motion and its layers.

Everything is compared as edge motion (see camera_runs.py). What trembles is left to shake.py, the speed curve to
camera_easing.py. A motion of the border is a camera's unless it turns out to be clouds that drift over a ground which
stands still, or drawn lines that stand still over a background which moves.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np

from anicaption.measure.camera_easing import easing
from anicaption.measure.camera_runs import MIN_TRAVEL, Run, fill, runs_of, smooth, spans_of
from anicaption.measure.shake import Tremble, tremble_of
from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "layers.border_background", "4"
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
MIN_SUPPORT = 0.3  # of a step that a move is read from
AGREED_SUPPORT = 0.04  # of a step that is believed because its neighbours go the same way
AGREED_STEPS = 3  # on either side are its neighbours, and so many of them must agree
AGREED_BAND = 0.2  # of the motion
AGREED_LEAST = 1e-3  # frame widths per frame
SHAKE_SUPPORT = 0.02
SHAKE_MOST = 0.05  # frame widths per frame: a badly supported step that goes further is a miss
CREEPING = 5e-4  # frame widths per frame
SHAKEN_TRAVEL = 4.0  # times the size of a tremble: a move inside it goes further than this
FOLLOW_FRAMES = 12  # fewer frames do not tell a follow shot from a figure that happens to hold
FOLLOW_STEPS = 0.7  # of a pan are fast enough to tell what stands in the frame
FOLLOW_SHARE, FOLLOW_HELD = 0.14, 0.12  # of the inner blocks stand still: between frames, and frames apart
CHASE_HELD = 0.1  # of them do so frames apart, though not on every frame
TORN_SPEED = 0.05  # frame widths per frame, from or to calm
TORN_STEPS = 10  # at most, of shots of at least
TORN_FRAMES = 24
CALM_STEPS = 8  # of a tremble go as far one way as the other
ARTWORK = 2.5  # frame widths: no artwork is longer; lines that are scrolled for speed have no end
LONE_SURE, LONE_SUPPORT = 0.9, 0.6  # support of a frame that stands for certain, of a step that nobody need believe
ROCK_RUNS, ROCK_TRAVEL = 3, 0.06  # runs to and fro of a cel that rocks before nothing, at least; frame widths at most
BLANK = 0.17  # of the border shows something: less is a figure before nothing
DRIFT_SPEED = 2.5e-3  # frame widths per frame: clouds drift no faster
GROUND_SHARE = 0.4  # of the lower border goes along with a camera, not with clouds
DIP, DIP_GAP = 0.25, 5  # support of a step on which drawn lines change, and steps between two such
# Joints in which two pictures or a wiping edge are seen, or the frame tears away, and steps around them.
JOINT_SLACK = {"dissolve": 0, "wipe": 1, "iris": 1, "whip": 2}
STANDS = 5e-4  # frame widths per frame


class CameraWatch:
    """The streaming half: keeps the background's motion of each step."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []

    def see(self, step, still_share: float, aspect: float) -> None:
        """`step` is a layers.Step or None (first frame); `still_share` as in leftover.Left; aspect: width / height."""
        if step is None or step.motion is None:
            support, content = (math.nan, math.nan) if step is None else (step.support, step.content)
            self._rows.append((math.nan, math.nan, math.nan, math.nan, support, content, math.nan))
            return
        x, y, zoom, roll_deg = step.motion.camera
        self._rows.append((x / 2, y / 2 * aspect, zoom, roll_deg, step.support, step.content, still_share))

    def columns(self) -> dict[str, np.ndarray]:
        names = ("camera_x", "camera_y", "camera_zoom", "camera_roll_deg")
        names = (*names, "camera_support", "camera_content", "still_share")
        table = np.array(self._rows, np.float32).reshape(-1, len(names))
        return {name: table[:, i].copy() for i, name in enumerate(names)}


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
    support = np.nan_to_num(tracks["camera_support"], nan=1.0)
    motion[(support < min_support) & ~agreed(motion, support)] = np.nan
    motion[joints(tracks)] = np.nan
    motion[:1] = np.nan
    motion[torn(motion)] = np.nan
    motion[_lone(motion, support)] = np.nan
    return motion


def _lone(motion: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Badly supported steps (T,) between two of a frame that stands for certain: a large drawing that changed."""
    stands = (np.abs(motion).max(axis=1) < STANDS) & (support > LONE_SURE)
    beside = np.concatenate([[False], stands[:-1]]) & np.concatenate([stands[1:], [False]])
    return beside & ~stands & (support < LONE_SUPPORT)


def torn(motion: np.ndarray) -> np.ndarray:
    """Steps (T,) at the ends of a shot in which the frame tears away: a whip into the next shot that no joint names."""
    speed, mask = np.hypot(motion[:, 0], motion[:, 1]), np.zeros(len(motion), bool)
    if len(motion) < TORN_FRAMES:
        return mask
    fast = ~(speed < TORN_SPEED)
    for way in (slice(None), slice(None, None, -1)):
        ends = int(np.argmin(fast[way]))  # how many steps are fast before the first calm one
        beside = speed[way][ends : ends + TORN_STEPS]
        calm = np.isfinite(beside).any() and np.nanmedian(beside) < TORN_SPEED / 4
        if 0 < ends <= TORN_STEPS and calm and np.count_nonzero(speed[way][:ends] >= TORN_SPEED) > 0:
            mask[way][:ends] = True
    return mask


def agreed(motion: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Steps (T,) that go the way of their neighbours: what chance makes of a bad step goes another way each time."""
    size = np.abs(motion).max(axis=1)
    usable = (support >= AGREED_SUPPORT) & (size > AGREED_LEAST)  # rest agrees with rest by chance
    votes = np.zeros(len(motion), int)
    for lag in range(1, AGREED_STEPS + 1):
        apart = np.abs(motion[lag:] - motion[:-lag]).max(axis=1)
        both = usable[lag:] & usable[:-lag] & (apart < AGREED_BAND * np.minimum(size[lag:], size[:-lag]))
        votes[lag:] += both
        votes[:-lag] += both
    return votes >= AGREED_STEPS


def joints(tracks: Tracks) -> np.ndarray:
    """Steps (T,) that show a joint with another picture or an impact frame, not the camera."""
    mask = np.zeros(tracks.n_frames, bool)
    for event in tracks.events:
        kind = event.value.split("_")[0]
        if event.field == "camera.transition" and kind in JOINT_SLACK:
            mask[max(0, event.start - JOINT_SLACK[kind]) : event.end + 1 + JOINT_SLACK[kind]] = True
        elif event.field == "vfx.impact_frame":
            mask[event.start : event.end + 1] = True
    return mask


def read_camera(tracks: Tracks) -> dict[str, Variable]:
    """camera.move, .speed, .easing and .shake of the shot that `tracks` spans."""
    motion = edge_motion(tracks, MIN_SUPPORT)
    steps = max(0, tracks.n_frames - 1)
    seen = np.isfinite(motion).all(axis=1)
    free = int((~joints(tracks))[1:].sum())
    support = np.nan_to_num(tracks["camera_support"], nan=1.0)
    # Under effect lines few cells agree: too few to call a move, enough to see that it reverses every frame.
    shaken = edge_motion(tracks, SHAKE_SUPPORT)
    with np.errstate(invalid="ignore"):
        shaken[(support < MIN_SUPPORT) & (np.abs(shaken).max(axis=1) > SHAKE_MOST)] = np.nan
    trusted = np.where(np.isfinite(shaken).all(axis=1), support, np.nan)
    reason = f"the background's motion could be told in {int(seen.sum())} of {steps} steps"
    told = {field: abstain(field, reason) for field in FIELDS}
    if np.isfinite(trusted).sum() < max(2, 0.4 * free):
        return told
    tremble = tremble_of(fill(shaken, CALM_STEPS), float(tracks.rate), trusted)
    if seen.sum() < max(2, 0.4 * free):
        if tremble.value in ("impact", "continuous"):
            told["camera.shake"] = _shake(tremble, float(np.nanmean(trusted)), ())
        return told
    motion = uncovered(motion, support)
    if tremble.value in (None, "none"):
        tremble = replace(tremble, rest=fill(motion))
    elif np.isnan(motion).any() and tremble.value != "handheld":
        tremble = replace(tremble, rest=fill(np.where(np.isfinite(motion), tremble.rest, np.nan)))
    steady = smooth(tremble.rest, 5 if steps >= 12 else 3 if steps >= 6 else 1)
    support = support[seen]
    confidence = float(np.clip(support.mean(), 0, 1)) * float(seen.sum()) / max(1, steps)
    found = [run for run in runs_of(steady, 1 - confidence) if not _shaken(run, tremble)]
    rocking = _rocks(found)
    runs = [run for run in found if not _endless(run) and not _drifts(run, tracks) and run.column not in rocking]
    if blank(tracks):
        runs, confidence = [], 0.5 * confidence
        tremble = replace(tremble, value="none", certainty=0.5)
    moving = sorted({run.column for run in runs})
    speed = _magnitude(smooth(tremble.rest, 3 if steps >= 6 else 1), moving)
    peak = float(speed[1:].max(initial=0.0))
    numbers = {
        "peak_pct_of_width": 100 * peak,
        "support": confidence,
        "tremble_pct_of_width": 100 * tremble.size,
    }
    for run in found:
        key = f"{run.value}_{'scroll' if _endless(run) else 'travel'}_pct"
        numbers[key] = numbers.get(key, 0.0) + 100 * run.travel
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    return {
        "camera.move": _move(runs, tracks, confidence, evidence),
        "camera.speed": _speed(peak, confidence, evidence),
        "camera.easing": easing(runs, tremble.rest, fill(motion), confidence, evidence),
        "camera.shake": _shake(tremble, confidence, evidence),
    }


def uncovered(motion: np.ndarray, support: np.ndarray) -> np.ndarray:
    """`motion` without the steps at which drawn lines that stand in the frame hide a background that moves.

    Effect lines cover the border and are redrawn every few frames: between, they stand still and many cells agree to
    that; on a change hardly any cell agrees to anything. Where the frame moved before or after, or on the changes
    themselves, it did not stop for the lines.
    """
    dips = np.isfinite(support) & (support < DIP)
    dips[:1] = False
    shown = motion.copy()
    for start, end in spans_of(dips, DIP_GAP):
        n_dips = int(dips[start:end].sum())
        if n_dips < 3 or n_dips > 0.8 * (end - start):
            continue
        size = np.abs(motion).max(1)
        stands = np.flatnonzero(~dips[start:end] & (size[start:end] < STANDS)) + start
        if len(stands) < 0.5 * (end - start - n_dips):
            continue
        beside = np.concatenate([size[max(1, start - 5) : start], size[end : end + 5]])
        beside = beside[np.isfinite(beside)]
        if len(beside) and np.median(beside) > STANDS:
            shown[start:end] = np.nan
    return shown


def _shaken(run: Run, tremble: Tremble) -> bool:
    """Whether a run is no more than what a tremble leaves behind."""
    if run.column in tremble.wanders:
        return True
    if run.column > 1:  # a shake has little zoom or roll, and what it seems to have creeps
        creeps = run.travel / (run.end - run.start) < CREEPING
        return tremble.value not in (None, "none") and creeps and run.travel < SHAKEN_TRAVEL * tremble.size
    if tremble.value == "impact" and tremble.start <= run.start + 1 and run.end <= tremble.end + 1:
        return True  # no camera travels for as long as a blow shakes it
    together = min(run.end, tremble.end) - max(run.start, tremble.start)
    times = SHAKEN_TRAVEL if tremble.value != "handheld" else 0.0
    return together > 0.5 * (run.end - run.start) and run.travel < times * tremble.size


def _rocks(runs: list[Run]) -> set[int]:
    """The columns in which short runs go to and fro and come to nothing: a cel that fills the frame and rocks."""
    found = set()
    for column in {run.column for run in runs}:
        swings = sorted((run for run in runs if run.column == column), key=lambda run: run.start)
        turns = sum(a.value != b.value for a, b in itertools.pairwise(swings))
        if turns >= ROCK_RUNS - 1 and max(run.travel for run in swings) < ROCK_TRAVEL:
            found.add(column)
    return found


def _looks(tracks: Tracks, run: Run, name: str) -> np.ndarray:
    """What the looks at layers during a run say."""
    values = tracks[name][run.start : run.end].astype(float)
    return values[np.isfinite(values)]


def _drifts(run: Run, tracks: Tracks) -> bool:
    """Whether a slow sideways run is that of clouds: the ground below does not go along."""
    if run.column != 0 or run.travel / (run.end - run.start) > DRIFT_SPEED:
        return False
    ground = _looks(tracks, run, "ground_with")
    return len(ground) > 0 and float(np.median(ground)) < GROUND_SHARE


def _endless(run: Run) -> bool:
    """Whether a run goes further than any artwork: a scroll."""
    return run.column < 2 and run.travel > ARTWORK


def blank(tracks: Tracks) -> bool:
    """Whether the background is bare: what moves before it is the figure, whoever's edges the border shows."""
    content = tracks["camera_content"]
    content = content[np.isfinite(content) & (tracks["camera_support"] >= SHAKE_SUPPORT)]
    return len(content) > 0 and float(np.median(content)) < BLANK


def _magnitude(motion: np.ndarray, columns: list[int]) -> np.ndarray:
    """Edge motion of the moving columns together, frame widths per frame (T,)."""
    kept = np.zeros_like(motion)
    kept[:, columns] = motion[:, columns]
    return np.hypot(kept[:, 0], kept[:, 1]) + np.hypot(kept[:, 2], kept[:, 3])


def follows(run: Run, tracks: Tracks) -> tuple[str, float]:
    """follow: a figure stands still in the frame while the frame pans; follow_pan: the frame keeps up with a figure
    that moves over the artwork, and stops with it between two drawings; "" where neither is seen. With how sure it is.
    """
    if run.column > 1 or tracks.n_frames < FOLLOW_FRAMES:
        return "", 0.0
    still, held = _looks(tracks, run, "still_share"), _looks(tracks, run, "layer_held")
    if len(still) < FOLLOW_STEPS * (run.end - run.start) or len(held) == 0:
        return "", 0.0
    # On a new drawing the figure does not stand still.
    share, kept = float(np.quantile(still, 0.75)), float(np.median(held))
    if share >= FOLLOW_SHARE and kept >= FOLLOW_HELD:
        return "follow", _certain(min(share / FOLLOW_SHARE, kept / FOLLOW_HELD))
    return ("follow_pan", _certain(kept / CHASE_HELD)) if kept >= CHASE_HELD else ("", 0.0)


def _move(runs: list[Run], tracks: Tracks, confidence: float, evidence: tuple[Evidence, ...]) -> Variable:
    if not runs:
        return measured("camera.move", ["none"], {"none": confidence}, evidence)
    best: dict[str, float] = {}
    for run in runs:
        best[run.value] = max(best.get(run.value, 0.0), run.travel)
    values = sorted(best, key=lambda v: -best[v])[:3]
    probability = {v: confidence * _certain(best[v] / MIN_TRAVEL) for v in values}
    # row t of a motion column is the step from t - 1 to t: both frames belong to the move
    spans = [Span(value=run.value, start=run.start - 1, end=run.end) for run in runs if run.value in values]
    chase, sure = follows(runs[0], tracks)
    if chase and len(values) < 3:
        values.append(chase)
        probability[chase] = confidence * sure
        spans.append(Span(value=chase, start=runs[0].start - 1, end=runs[0].end))
    return measured("camera.move", values, probability, evidence, sorted(spans, key=lambda s: s.start))


def _speed(peak: float, confidence: float, evidence: tuple[Evidence, ...]) -> Variable:
    value = next(name for name, limit in SPEEDS if peak < limit)
    edges = [limit for _, limit in SPEEDS[:-1]]
    nearest = min(abs(math.log(max(peak, 1e-6) / limit)) for limit in edges)
    return measured("camera.speed", [value], {value: confidence * (0.5 + 0.5 * math.tanh(nearest / 0.2))}, evidence)


def _shake(tremble: Tremble, confidence: float, evidence: tuple[Evidence, ...]) -> Variable:
    field = "camera.shake"
    if tremble.value is None:
        return abstain(field, "too few steps to tell a tremble from a move", evidence)
    spans = [] if tremble.value == "none" else [Span(value=tremble.value, start=tremble.start, end=tremble.end)]
    return measured(field, [tremble.value], {tremble.value: confidence * tremble.certainty}, evidence, spans)


def _certain(ratio: float) -> float:
    """From how many times over a threshold something is to a certainty in 0..1: 0.5 at the threshold."""
    return ratio**2 / (1 + ratio**2)
