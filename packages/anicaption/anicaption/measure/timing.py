"""How long each drawing of the main moving cel stays: motion.timing and the column drawing_new, from exposure.py's.

Each frame gets the odds of being a new drawing, from how much was left of it (in pixels, against what the camera
leaves of the background, and against the quiet and the loud frames around it); the likeliest sheet of exposures
decides (beat.py). So ones are told from a hold by what is left, threes from twos by their beat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anicaption.measure.beat import Sheet, likeliest
from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "redraw.beat", "2"
FIELD = "motion.timing"
VALUES = {1: "ones", 2: "twos", 3: "threes"}

MIN_FRAMES = 12
MIN_KNOWN = 0.4  # share of the frames that were measured
MIN_DRAWINGS = 3  # fewer new ones are no exposure
HOLD_SHARE = 0.75  # of the frames must be exposed alike, else the timing is modulated
SAME_SHARE = 0.6  # of the frames lie on one beat that outranks uneven holds
FILLED, HALF = 0.6, 0.3  # of whose drawings are seen; less is enough where frames are doubtful
CLEARLY = 1.5  # log odds of a new drawing that needs no beat
CRISP = 0.16  # doubt of a frame, on average, under which the holds as seen decide
MIN_EVIDENCE = 4.0  # log odds of all new drawings together, else one is held
FLOOR_PX = 0.5  # a background that leaves more than this is not known at all
SURE = 2.5  # no single frame has odds over this, in natural logarithms
NEAR_FRAMES = 6  # before and after, for quiet and loud

# Log odds per unit of each row of `_signs`, by logistic regression (signs held to what they mean) on drawn shots of
# seeds below 9000 without lines, elements or words over the figure.
_WEIGHTS = np.array([1.29, 0.508, 0.0, -1.54, 0.0, -0.151, 0.707, -0.794, 0.0, 0.0])
_BIAS = -2.232


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
    odds_T = np.nan_to_num(known)
    out = ((odds_T > CLEARLY) | (likeliest(odds_T).new & (odds_T > 0))).astype(np.float32)
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
    def doubt(self) -> float:
        """The mean probability that a frame is taken for the wrong kind, as far as its own odds tell."""
        known = self.odds[np.isfinite(self.odds)]
        return float(np.mean(1 / (1 + np.exp(np.abs(known)))))

    @property
    def crisp(self) -> bool:
        return self.doubt < CRISP

    @property
    def new(self) -> np.ndarray:
        """Frames that were seen to bring a new drawing; the beat decides where the frames themselves are doubtful."""
        odds_T = np.nan_to_num(self.odds)
        on_beat = self.sheet.new & (odds_T > 0)
        return on_beat | (odds_T > CLEARLY) if self.crisp else on_beat

    @property
    def held(self) -> bool:
        return float(np.nan_to_num(self.odds)[self.new].sum()) < MIN_EVIDENCE


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
    n_new, doubt = int(shot.new.sum()), shot.doubt
    numbers = {"new_drawings": float(n_new), "frame_doubt": doubt}
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    if shot.held:
        return {FIELD: measured(FIELD, ["held"], {"held": 1 - doubt}, evidence, [_whole("held", tracks)])}
    if n_new < MIN_DRAWINGS:
        return {FIELD: abstain(FIELD, f"{n_new} new drawings; exposure needs {MIN_DRAWINGS}", evidence)}
    value, share = exposure(shot.new, shot.sheet.on_beat, shot.crisp)
    certain = float(np.clip(share * (1 - 2 * doubt), 0.05, 0.99))
    return {FIELD: measured(FIELD, [value], {value: certain}, evidence, [_whole(value, tracks)])}


def exposure(new: np.ndarray, on_beat: np.ndarray, crisp: bool = True) -> tuple[str, float]:
    """The value of motion.timing and the share of the frames that follow it.

    `new` are the frames that were seen to bring a drawing, `on_beat` the exposure of the beat each frame lies on. The
    holds decide; but a drawing that looks like the one before is not seen as new, so a beat that is mostly filled may
    be shorter than the holds.
    """
    holds = np.diff(np.flatnonzero(new)) if new.sum() > 1 else np.array([len(new)])
    weights = np.bincount(holds, weights=holds) / holds.sum()
    commonest = int(weights.argmax())
    if crisp and weights[commonest] >= HOLD_SHARE:
        return VALUES.get(commonest, "fours_plus"), float(weights[commonest])
    shares = np.bincount(on_beat) / len(on_beat)
    beat = int(shares[1:].argmax()) + 1 if len(shares) > 1 else 0
    along = on_beat == beat
    if beat and shares[beat] >= SAME_SHARE and new[along].sum() * beat >= (FILLED if crisp else HALF) * along.sum():
        return VALUES.get(beat, "fours_plus"), float(shares[beat])
    if weights[commonest] >= HOLD_SHARE:
        return VALUES.get(commonest, "fours_plus"), float(weights[commonest])
    return "modulated", float(1 - weights[commonest])


def _whole(value: str, tracks: Tracks) -> Span:
    return Span(value=value, start=0, end=tracks.n_frames)
