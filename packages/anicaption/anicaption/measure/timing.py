"""How long each drawing of the main moving cel stays: motion.timing and the column drawing_new, from exposure.py's.

Each frame gets the odds of being a new drawing, from how much was left of it (in pixels, against what the camera
leaves of the background, and against the quiet and the loud frames around it); the likeliest sheet of exposures
decides (beat.py). So ones are told from a hold by what is left, threes from twos by their beat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anicaption.measure.beat import Sheet, exposures, likeliest
from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "redraw.beat", "2"
FIELD = "motion.timing"
VALUES = {1: "ones", 2: "twos", 3: "threes"}

MIN_FRAMES = 12
MIN_KNOWN = 0.4  # share of the frames that were measured
MIN_DRAWINGS = 3  # fewer new ones are no exposure
SAME_SHARE = 0.75  # of the frames must be exposed alike, else the timing is modulated
MIN_EVIDENCE = 4.0  # log odds of all new drawings together, else one is held
FLOOR_PX = 0.5  # a background that leaves more than this is not known at all
SURE = 4.0  # no single frame has odds over this, in natural logarithms
NEAR_FRAMES = 6  # before and after, for quiet and loud

# Log odds per unit of each row of `_signs`, by logistic regression on drawn shots of seeds below 9000.
_WEIGHTS = np.array([1.29, 0.508, 0.0, -1.54, 0.0, -0.151, 0.707, -0.794, 0.0, 0.0])
_BIAS = -2.432


def odds(columns: dict[str, np.ndarray]) -> np.ndarray:
    """Log odds that each frame brings a new drawing, float64 (T,); NaN where nothing was measured."""
    signs_ST = _signs(columns)
    return np.clip(_WEIGHTS @ signs_ST + _BIAS, -SURE, SURE)


def _signs(columns: dict[str, np.ndarray]) -> np.ndarray:
    redraw = columns["redraw"].astype(float)
    wide = np.log(redraw / (1 - np.minimum(redraw, 0.99)) + 0.04)
    peak = np.log(columns["redraw_peak"].astype(float) + 0.04)
    area = np.log(columns["redraw_area"].astype(float) + 0.3)
    floor = np.minimum(columns["redraw_floor"].astype(float), FLOOR_PX)
    rows = [wide, peak, area, np.log(floor + 0.04)]
    for row in (wide, peak, area):
        quiet, loud = _around(row, 0.2), _around(row, 0.8)
        rows += [row - quiet, loud - row]
    return np.stack(rows)


def _around(row: np.ndarray, share: float) -> np.ndarray:
    """The quantile `share` of the frames around each (T,), linear between ranks; NaN where none is known."""
    padded = np.pad(row, NEAR_FRAMES, constant_values=np.nan)
    near = np.sort(np.lib.stride_tricks.sliding_window_view(padded, 2 * NEAR_FRAMES + 1), 1)  # NaN last
    place = (np.isfinite(near).sum(1) - 1).clip(0) * share
    low = place.astype(int)
    rows = np.arange(len(row))
    a, b = near[rows, low], near[rows, np.minimum(low + 1, 2 * NEAR_FRAMES)]
    return np.where(place > low, a + (place - low) * (b - a), a)


def drawings(columns: dict[str, np.ndarray]) -> np.ndarray:
    """drawing_new of a whole source; NaN where nothing was measured."""
    known = odds(columns)
    out = likeliest(np.nan_to_num(known)).new.astype(np.float32)
    out[~np.isfinite(known)] = np.nan
    return out


def measured_odds(tracks: Tracks) -> np.ndarray:
    """`odds` of a shot: NaN for its first frame and where an impact frame or a transition hides the figure."""
    columns = {name: tracks[name].astype(float) for name in ("redraw", "redraw_peak", "redraw_area", "redraw_floor")}
    hidden = np.zeros(tracks.n_frames, bool)
    hidden[:1] = True
    for event in tracks.events:  # an impact frame is a drawing too, but not one of the figure's
        if event.field in ("vfx.impact_frame", "camera.transition"):
            hidden[event.start : event.end + 1] = True
    for column in columns.values():
        column[hidden] = np.nan
    return odds(columns)


@dataclass(frozen=True)
class Exposed:
    """The exposure of a shot: `odds` per frame (NaN where nothing was measured) and the likeliest sheet."""

    odds: np.ndarray
    sheet: Sheet

    @property
    def held(self) -> bool:
        return float(np.nan_to_num(self.odds)[self.sheet.new].sum()) < MIN_EVIDENCE

    @property
    def new(self) -> np.ndarray:
        """Frames that were seen to bring a new drawing."""
        return self.sheet.new & (np.nan_to_num(self.odds) > 0)


def exposed(tracks: Tracks) -> Exposed | str:
    """The exposure of the shot that `tracks` spans, or why it cannot be told."""
    known = measured_odds(tracks)
    n_known = int(np.isfinite(known).sum())
    if tracks.n_frames < MIN_FRAMES or n_known < max(MIN_FRAMES - 1, MIN_KNOWN * (tracks.n_frames - 1)):
        return f"{n_known} of {tracks.n_frames} frames measured; exposure needs {MIN_FRAMES}"
    return Exposed(known, likeliest(np.nan_to_num(known)))


def read_timing(tracks: Tracks) -> dict[str, Variable]:
    """motion.timing of the shot that `tracks` spans."""
    shot = exposed(tracks)
    if isinstance(shot, str):
        return {FIELD: abstain(FIELD, shot)}
    known, sheet = shot.odds, shot.sheet
    n_new = int(sheet.new[1:].sum())
    doubt = float(np.mean(1 / (1 + np.exp(np.abs(known[np.isfinite(known)])))))
    numbers = {"new_drawings": float(n_new), "frame_doubt": doubt}
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    if shot.held:
        return {FIELD: measured(FIELD, ["held"], {"held": 1 - doubt}, evidence, [_whole("held", tracks)])}
    if n_new < MIN_DRAWINGS:
        return {FIELD: abstain(FIELD, f"{n_new} new drawings; exposure needs {MIN_DRAWINGS}", evidence)}
    value, share = exposure(np.flatnonzero(sheet.new), exposures(sheet))
    certain = float(np.clip(share * (1 - 2 * doubt), 0.05, 0.99))
    return {FIELD: measured(FIELD, [value], {value: certain}, evidence, [_whole(value, tracks)])}


def exposure(starts: np.ndarray, beats: dict[int, float]) -> tuple[str, float]:
    """The value of motion.timing and the share of the frames that follow it.

    `starts` are the frames of new drawings; `beats` the share of the frames on each exposure's beat (0: at rest). A
    drawing that looks like the one before is not seen as new, so the beat may be shorter than the holds.
    """
    slow = sum(share for n, share in beats.items() if n >= 4 or n == 0)
    candidates = {VALUES[n]: beats.get(n, 0.0) for n in VALUES} | {"fours_plus": slow}
    value = max(candidates, key=lambda name: candidates[name])
    if candidates[value] >= SAME_SHARE:
        return value, candidates[value]
    return "modulated", 1 - candidates[value]


def _whole(value: str, tracks: Tracks) -> Span:
    return Span(value=value, start=0, end=tracks.n_frames)
