"""How long each drawing of the figure stays: motion.timing, from residuals after the camera's motion.

`redraw` scores every frame by its most changed blocks (not by the picture's mean: a mouth is small), after the best of
the layer motions for each pixel. The reader splits the scores of a window into frames with a new drawing and repeats.
Where the split is not clear it abstains: frames that all look alike may be ones, or a noisy hold.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass

import numpy as np

from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "redraw.block_maximum", "1"
FIELD = "motion.timing"
VALUES = {1: "ones", 2: "twos", 3: "threes"}

MIN_FRAMES = 12
MIN_DRAWINGS = 3  # whole holds inside the window
SURE_NEW = 0.4  # redraw over which a still camera's frame is a new drawing
SURE_SAME = 0.18  # under which it is a repeat
NOISY_SAME = 0.3  # grain and coding leave this much of a repeat under a still camera, not more
SURE_SAME_MOVING = 0.36  # a moving camera leaves this much of lines that lie between pixels
MIN_NEW = 0.08  # redraw of a new drawing at least; key frames of a codec reach this
MIN_NEW_MEDIAN = 0.2  # of half of the new drawings
MIN_GAP = 0.55  # between the two kinds, in natural logarithms
CLEAR_GAP = 1.2  # enough to call irregular holds a timing and not a mistake
SURE_BUSY = 0.68  # redraw that a held figure over a fast background does not reach
SAME_SHARE = 0.75  # of the frames must be exposed alike, else the timing is modulated
STILL_CAMERA = 3e-4  # frame widths per frame


@dataclass(frozen=True)
class Split:
    """Which frames bring a new drawing. `gap` is the distance of the two kinds in ln, `kinds` how many there are."""

    new: np.ndarray
    gap: float
    kinds: int


class TimingWatch:
    """The streaming half: keeps the redraw score of each step and whether the camera stood still."""

    def __init__(self) -> None:
        self._redraw, self._still = array("f"), array("b")

    def see(self, redraw: float, still: bool) -> None:
        """`redraw` as in leftover.Left, NaN for a first frame or an unknown motion."""
        self._redraw.append(redraw)
        self._still.append(still)

    def columns(self) -> dict[str, np.ndarray]:
        redraw = np.array(self._redraw, np.float32)
        return {"redraw": redraw, "drawing_new": drawings(redraw, np.array(self._still, bool))}


def drawings(redraw: np.ndarray, still: np.ndarray, reach: int = 24) -> np.ndarray:
    """drawing_new of a whole source: each frame judged among its neighbours; NaN where they cannot be told apart.

    `still` says for which frames the camera stood still.
    """
    out = np.full(len(redraw), np.nan, np.float32)
    for start in range(0, len(redraw), reach):
        low, high = max(0, start - reach // 2), min(len(redraw), start + reach + reach // 2)
        found = split(redraw[low:high].astype(float), bool(still[low:high].mean() > 0.8))
        near = redraw[low:high][np.isfinite(redraw[low:high])]
        if found is not None and (found.kinds == 2 or (found.gap == 0.0 and np.quantile(near, 0.1) > SURE_NEW)):
            out[start : start + reach] = found.new[start - low : start - low + reach]
    out[~np.isfinite(redraw)] = np.nan
    return out


def split(redraw: np.ndarray, still: bool) -> Split | None:
    """Two kinds of frames by the redraw score, or one; None where too few frames were measured.

    Where the camera stands still, a repeat leaves next to nothing. Where it moves, a score counts against the quietest
    frames around it: what the camera leaves over rises and falls with its speed, a new drawing stands out.
    """
    known = np.isfinite(redraw)
    if known.sum() < 6:
        return None
    quiet = float(np.quantile(redraw[known], 0.1))
    if still and quiet < SURE_SAME:
        new = known & (redraw > np.clip(2.5 * quiet + 0.04, MIN_NEW, 0.3))
        clear = new.any() and np.median(redraw[new]) > MIN_NEW_MEDIAN
        return Split(new, math.log(float(np.median(redraw[new])) / (quiet + 0.02)), 2) if clear else Split(new, 0.0, 1)
    found = _stand_out(redraw, known)
    if still and np.median(redraw[known & ~found.new]) > NOISY_SAME:
        return Split(known, 0.0, 1)
    return found


def _stand_out(redraw: np.ndarray, known: np.ndarray) -> Split:
    """Otsu's split of the scores, in logarithms, against the quietest frames around each."""
    away = np.where(known, redraw / (1 - np.minimum(redraw, 0.99)), 1.0)  # pixels, see leftover.py
    score = np.log(away + 0.02) - np.log(_quiet(np.where(known, away, np.nan)) + 0.02)
    values = np.sort(score[known])
    cuts = np.arange(1, len(values))
    low = np.cumsum(values)[:-1] / cuts
    high = (values.sum() - np.cumsum(values)[:-1]) / (len(values) - cuts)
    between = cuts * (len(values) - cuts) * (high - low) ** 2
    best = int(between.argmax())
    middle = float(values[best] + values[best + 1]) / 2
    above = score > middle
    gap = float(high[best] - low[best])
    within = float(np.sqrt(np.mean(np.where(above, score - high[best], score - low[best])[known] ** 2)))
    apart = (gap > MIN_GAP and gap > 2.0 * within) or (gap > MIN_GAP / 3 and gap > 5.0 * within)
    if not apart or np.median(redraw[known & above]) < MIN_NEW_MEDIAN:
        return Split(known & above, gap, 1)
    # Slight changes (a mouth that opens a little) fall to the lower kind: take all that stands out of the true repeats.
    same = values[: best + 1]
    spread = float(np.median(np.abs(same - np.median(same))))
    new = score > min(middle, float(np.median(same)) + max(MIN_GAP / 2, 6 * spread))
    return Split(known & (redraw > MIN_NEW) & new, gap, 2)


def _quiet(redraw: np.ndarray) -> np.ndarray:
    """The 20th percentile of the eleven frames around each (T,)."""
    padded = np.pad(redraw, 5, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 11)
    ordered = np.sort(np.where(np.isfinite(around), around, np.inf), 1)
    rank = np.maximum(np.isfinite(around).sum(1) - 1, 0) // 5
    quiet = ordered[np.arange(len(redraw)), rank]
    return np.where(np.isfinite(quiet), quiet, 1.0)


def read_timing(tracks: Tracks) -> dict[str, Variable]:
    """motion.timing of the shot that `tracks` spans."""
    redraw = tracks["redraw"].astype(float)
    redraw[:1] = np.nan
    if not np.isfinite(redraw).any():
        redraw = np.where(np.arange(tracks.n_frames) > 0, tracks["drawing_new"].astype(float), np.nan)
    for event in tracks.events:  # an impact frame is a drawing too, but not one of the figure's
        if event.field in ("vfx.impact_frame", "camera.transition"):
            redraw[event.start : event.end + 1] = np.nan
    known = redraw[np.isfinite(redraw)]
    if tracks.n_frames < MIN_FRAMES or len(known) < max(MIN_FRAMES - 1, 0.4 * (tracks.n_frames - 1)):
        reason = f"{len(known)} of {tracks.n_frames} frames measured; exposure needs {MIN_FRAMES}"
        return {FIELD: abstain(FIELD, reason)}
    found = split(redraw, still := _still(tracks))
    gap = found.gap if found else 0.0
    numbers = {
        "redraw_low": float(np.quantile(known, 0.1)),
        "redraw_high": float(np.quantile(known, 0.9)),
        "gap": gap,
    }
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    if found is None or found.kinds == 1:
        return {FIELD: _one_kind(still, known, evidence)}
    starts = np.flatnonzero(found.new)
    holds = np.diff(starts)
    if len(holds) < MIN_DRAWINGS:
        if found.new.sum() <= 1 and np.quantile(known, 0.9) < SURE_SAME:
            return {FIELD: measured(FIELD, ["held"], {"held": 0.7}, evidence)}
        return {FIELD: abstain(FIELD, f"{len(starts)} new drawings; exposure needs more", evidence)}
    repeats = np.isfinite(redraw) & ~found.new
    if np.median(redraw[repeats]) > SURE_BUSY:
        reason = "even the quietest frames change much: ones, or a hold over a fast background"
        return {FIELD: abstain(FIELD, reason, evidence)}
    value, share = exposure(starts)
    if value == "ones" and not still:
        return {FIELD: abstain(FIELD, "a moving camera changes every frame too: ones cannot be told", evidence)}
    if value == "modulated" and found.gap < CLEAR_GAP:
        return {FIELD: abstain(FIELD, "drawings stand out too little to trust irregular holds", evidence)}
    certain = float(np.clip(share * (1 - np.exp(-found.gap)), 0, 1))
    span = Span(value=value, start=0, end=tracks.n_frames)
    return {FIELD: measured(FIELD, [value], {value: certain}, evidence, [span])}


def exposure(starts: np.ndarray) -> tuple[str, float]:
    """The value of motion.timing for frames that bring new drawings, and the share of them that follow it.

    A drawing that looks like the one before is not seen as new: so where nearly all new drawings fall on every n-th
    frame, n is the exposure, though some holds are longer.
    """
    for n in (6, 5, 4, 3, 2):
        counts = np.bincount(starts % n, minlength=n)
        slots = (starts[-1] - starts[0]) // n + 1
        on_beat = counts.max() / len(starts)
        if on_beat >= 0.85 and counts.max() >= (0.7 if n > 3 else 0.5) * slots:
            return VALUES.get(n, "fours_plus"), float(on_beat)
    holds = np.diff(starts)
    weights = np.bincount(holds, weights=holds) / holds.sum()
    commonest = int(weights.argmax())
    share = float(weights[4:].sum() if commonest >= 4 else weights[commonest])
    if share < SAME_SHARE:
        return "modulated", 1 - share
    return VALUES.get(commonest, "fours_plus"), share


def _still(tracks: Tracks) -> bool:
    shift = np.nan_to_num(np.hypot(tracks["camera_x"], tracks["camera_y"]))
    zoom, roll = np.nan_to_num(tracks["camera_zoom"]), np.radians(np.nan_to_num(tracks["camera_roll_deg"]))
    return bool(np.median(shift + np.abs(zoom) + np.abs(roll)) < STILL_CAMERA)


def _one_kind(still: bool, known: np.ndarray, evidence: tuple[Evidence, ...]) -> Variable:
    """Frames that are all alike: a hold, ones, or nothing that can be told."""
    low, high = np.quantile(known, 0.1), np.quantile(known, 0.95)
    if high < (SURE_SAME if still else SURE_SAME_MOVING):
        return measured(FIELD, ["held"], {"held": 0.8 if still else 0.6}, evidence)
    if low > SURE_NEW and still:
        return measured(FIELD, ["ones"], {"ones": 0.8}, evidence)
    return abstain(FIELD, "all frames change alike: ones, or a hold under a moving camera", evidence)
