"""How long each drawing of the figure stays: motion.timing, from residuals after the camera's motion.

`redraw` scores every frame by its most changed blocks (not by the picture's mean: a mouth is small), after the best of
the layer motions for each pixel. The reader splits the scores of a window into frames with a new drawing and repeats.
Where the split is not clear it abstains: frames that all look alike may be ones, or a noisy hold.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "redraw.block_maximum", "1"
FIELD = "motion.timing"
VALUES = {1: "ones", 2: "twos", 3: "threes"}

MIN_FRAMES = 12
MIN_DRAWINGS = 3  # whole holds inside the window
SURE_NEW = 0.22  # redraw over which a still camera's frame is a new drawing
SURE_SAME = 0.14  # under which it is a repeat
MIN_GAP = 0.55  # between the two kinds, in natural logarithms
SAME_SHARE = 0.75  # of the frames must be exposed alike, else the timing is modulated
STILL_CAMERA = 3e-4  # frame widths per frame


@dataclass(frozen=True)
class Split:
    """Which frames bring a new drawing. `gap` is the distance of the two kinds in ln, `kinds` how many there are."""

    new: np.ndarray
    gap: float
    kinds: int


class TimingWatch:
    """The streaming half: keeps the redraw score of each step."""

    def __init__(self) -> None:
        self._redraw: list[float] = []

    def see(self, redraw: float) -> None:
        """`redraw` in 0..1 as layers.Leftover gives it, NaN for a first frame or an unknown motion."""
        self._redraw.append(redraw)

    def columns(self) -> dict[str, np.ndarray]:
        redraw = np.array(self._redraw, np.float32)
        return {"redraw": redraw, "drawing_new": drawings(redraw)}


def drawings(redraw: np.ndarray, reach: int = 24) -> np.ndarray:
    """drawing_new of a whole source: each frame judged among its neighbours; NaN where they are of one kind."""
    out = np.full(len(redraw), np.nan, np.float32)
    for start in range(0, len(redraw), reach):
        low, high = max(0, start - reach // 2), min(len(redraw), start + reach + reach // 2)
        found = split(redraw[low:high])
        if found is not None and found.kinds == 2:
            out[start : start + reach] = found.new[start - low : start - low + reach]
    out[~np.isfinite(redraw)] = np.nan
    return out


def split(redraw: np.ndarray) -> Split | None:
    """Two kinds of frames by the redraw score, or one; None where too few frames were measured."""
    known = np.isfinite(redraw)
    if known.sum() < 6:
        return None
    score = np.log(np.where(known, redraw, 1.0) + 0.02)
    values = np.sort(score[known])
    cuts = np.arange(1, len(values))
    low = np.cumsum(values)[:-1] / cuts
    high = (values.sum() - np.cumsum(values)[:-1]) / (len(values) - cuts)
    between = cuts * (len(values) - cuts) * (high - low) ** 2
    best = int(between.argmax())
    threshold = (values[best] + values[best + 1]) / 2
    new = known & (score > threshold)
    gap = float(high[best] - low[best])
    within = float(
        np.sqrt(np.mean(np.where(score > threshold, score - high[best], score - low[best])[known] ** 2))
    )
    two = gap > MIN_GAP and gap > 2.2 * within and np.exp(high[best]) > 0.08
    return Split(new, gap, 2 if two else 1)


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
    if tracks.n_frames < MIN_FRAMES or len(known) < 0.6 * (tracks.n_frames - 1):
        reason = f"{len(known)} of {tracks.n_frames} frames measured; exposure needs {MIN_FRAMES}"
        return {FIELD: abstain(FIELD, reason)}
    found = split(redraw)
    gap = found.gap if found else 0.0
    numbers = {
        "redraw_low": float(np.quantile(known, 0.1)),
        "redraw_high": float(np.quantile(known, 0.9)),
        "gap": gap,
    }
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    if found is None or found.kinds == 1:
        return {FIELD: _one_kind(tracks, known, evidence)}
    starts = np.flatnonzero(found.new)
    holds = np.diff(starts)
    if len(holds) < MIN_DRAWINGS:
        if found.new.sum() <= 1 and np.quantile(known, 0.9) < SURE_SAME:
            return {FIELD: measured(FIELD, ["held"], {"held": 0.7}, evidence)}
        return {FIELD: abstain(FIELD, f"{len(starts)} new drawings; exposure needs more", evidence)}
    value, share = exposure(holds)
    certain = float(np.clip(share * (1 - np.exp(-found.gap)), 0, 1))
    span = Span(value=value, start=0, end=tracks.n_frames)
    return {FIELD: measured(FIELD, [value], {value: certain}, evidence, [span])}


def exposure(holds: np.ndarray) -> tuple[str, float]:
    """The value of motion.timing for holds in frames, and the share of frames that follow it.

    A drawing that looks like the one before doubles a hold: where nearly all holds are multiples of a common one, that
    one is the exposure.
    """
    counts = Counter(int(hold) for hold in holds)
    total = sum(hold * n for hold, n in counts.items())
    for base in (3, 2):
        fits = sum(hold * n for hold, n in counts.items() if hold % base == 0)
        if fits >= 0.85 * total and counts[base] >= 0.4 * len(holds):
            return VALUES[base], fits / total
    commonest, n = max(counts.items(), key=lambda item: item[0] * item[1])
    share = commonest * n / total
    if commonest >= 4:
        long = sum(hold * n for hold, n in counts.items() if hold >= 4 and abs(hold - commonest) <= 1)
        share = long / total
    if share < SAME_SHARE:
        return "modulated", 1 - share
    return VALUES.get(commonest, "fours_plus"), share


def _one_kind(tracks: Tracks, known: np.ndarray, evidence: tuple[Evidence, ...]) -> Variable:
    """Frames that are all alike: a hold, ones, or nothing that can be told."""
    low, high = np.quantile(known, 0.1), np.quantile(known, 0.95)
    if high < SURE_SAME:
        return measured(FIELD, ["held"], {"held": 0.8}, evidence)
    speed = np.nan_to_num(np.hypot(tracks["camera_x"], tracks["camera_y"])) + np.abs(
        np.nan_to_num(tracks["camera_zoom"])
    )
    if low > SURE_NEW and np.median(speed) < STILL_CAMERA:
        return measured(FIELD, ["ones"], {"ones": 0.8}, evidence)
    return abstain(
        FIELD,
        "every frame changes about as much as the others: ones, or a hold under a moving camera",
        evidence,
    )
