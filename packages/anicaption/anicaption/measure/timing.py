"""How long each drawing of the main moving cel stays: motion.timing and the column drawing_new, from exposure.py's.

Each frame gets the odds of being a new drawing, from how much was left of it (in pixels, against what the camera
leaves of the background, and against the frames around it), from how far over the frame that lies, and from whether the
figure only went along as one piece. Frames that were shown twice, and those in which lines or a redrawn background
change all of the picture in time, are left out. Then every beat is asked how much of the evidence it explains, in its
best phase and over its best stretch of the shot; the best one is the exposure if it explains most of it, else the
timing is modulated; without evidence, held.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anicaption.measure.beat import LONGEST, Sheet, likeliest
from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "redraw.beat", "5"
FIELD = "motion.timing"
VALUES = {1: "ones", 2: "twos", 3: "threes"}

MIN_FRAMES = 12
MIN_KNOWN = 0.4  # share of the frames that were measured
CLEARLY = 1.5  # log odds of a new drawing that needs no beat
CRISP = 0.16  # doubt of a frame, on average, under which the holds as seen decide
MISSED = 2.0  # log odds that a drawing which looks like the one before costs its beat, at most
MIN_EVIDENCE = 3.0  # log odds that the best beat explains, more than one frame can bring; else one drawing is held
EXPLAINED, SPARE = 0.7, 1.0  # share of all evidence, less a little, that a beat explains; else the timing is modulated
CONTRAST = 4.0  # standard errors by which the frames of a beat have greater odds than the others, however small
BEAT_DRAWINGS, SPREAD_LEAST = 3, 0.15  # on a beat, at least; log odds that equal frames differ by anyway
ALL_OVER = 0.5  # spread of what changes, frame heights: more is effects, unless the frame's middle changes too
CHANGED, OVERLAYS, ON_BEAT = 0.3, (2, 3, 4), 0.85  # redraw of effects; frames they stand; share of frames in their time
JOINED_FRAMES = 8  # a change of every frame at the shot's ends that is no longer than this belongs to the joint
FLOOR_PX = 0.5  # a background that leaves more than this is not known at all
SURE = 2.5  # no single frame has odds over this, in natural logarithms
NEAR_FRAMES = 6  # before and after, for the loud frames around
SAME_CHANGE = 1e-3  # mean luma difference of a frame shown twice, after coding
STANDS, GOES = 2e-4, 2e-3  # speed of the camera, frame sizes per frame: ten times what stands
STEADY, LONGEST_STAND = 0.2, 3  # change of the speed's logarithm from step to step; frames
STANDING_SHARES = (0.25, 0.7)  # of the frames, at least and at most, if the camera is on twos
PIECE_STEP, PIECE_TURN_DEG = 0.0012, 0.12  # per frame, frame heights: the figure goes somewhere
PIECE_FIT = 0.6  # share of what moves that moves as one piece
WIDE_REACH, SOFT = 0.45, 0.06  # spread of what changes, frame heights: a figure reaches less, lines and light more
NAMES = (
    "redraw", "redraw_peak", "redraw_floor", "redraw_reach",
    "figure_dx", "figure_dy", "figure_turn_deg", "figure_fit",
)  # fmt: skip

INNER = {"redraw": "redraw_inner", "redraw_peak": "redraw_inner_peak"}

# Log odds per unit of each row of `_signs`, by logistic regression on eleven films of the first hand: `variables`,
# seeds 110, 201, 312, 401, 502, 711, 714, 715, 801 and 811, and `episode`, seed 503. They are drawn towards the weights
# of seven other films, since free ones call the trembling holds of old film drawings. Drawings that look like the one
# before count as new there, so the odds are raised a little.
_WEIGHTS = np.array([0.103, 0.835, -0.317, 0.221, 1.752, -0.716, 0.216, 0.317, 0.258, -0.815])
_BIAS = -1.481 + 0.3


def odds(columns: dict[str, np.ndarray]) -> np.ndarray:
    """Log odds that each frame brings a new drawing, float64 (T,); NaN where nothing was measured."""
    signs_ST = _signs(columns)
    return np.clip(_WEIGHTS @ signs_ST + _BIAS, -SURE, SURE)


def _signs(columns: dict[str, np.ndarray]) -> np.ndarray:
    redraw = columns["redraw"].astype(float)
    wide = np.log(redraw / (1 - np.minimum(redraw, 0.99)) + 0.04)
    peak = np.log(columns["redraw_peak"].astype(float) + 0.04)
    floor = np.log(np.minimum(columns["redraw_floor"].astype(float), FLOOR_PX) + 0.04)
    # A cel whose own motion is unknown is not known to go as one piece.
    dx, dy, turn_deg, fit = (
        np.nan_to_num(columns[name].astype(float))
        for name in ("figure_dx", "figure_dy", "figure_turn_deg", "figure_fit")
    )
    goes = (np.hypot(dx, dy) > PIECE_STEP) | (np.abs(turn_deg) > PIECE_TURN_DEG)
    over_both = np.minimum(wide - _beside(wide, -1), wide - _beside(wide, 1))
    # The weights of the two rows of a piece: one that fits well was redrawn as a whole, one that fits badly in parts.
    piece = (fit * goes, goes & (fit > PIECE_FIT))
    beside = (peak - _beside(peak, -1), peak - _beside(peak, 1))
    spread = 1 / (1 + np.exp((WIDE_REACH - np.nan_to_num(columns["redraw_reach"].astype(float))) / SOFT))
    return np.stack([wide, peak, floor, _loud(peak) - peak, *piece, *beside, over_both, spread])


def _beside(row: np.ndarray, way: int) -> np.ndarray:
    """The frames before (-1) or after (1) each; the frame itself where that one was not measured."""
    edge = row[:1] if way < 0 else row[-1:]
    other = np.concatenate([edge, row[:-1]]) if way < 0 else np.concatenate([row[1:], edge])
    return np.where(np.isfinite(other), other, row)


def _loud(row: np.ndarray) -> np.ndarray:
    """The quantile .8 of the frames around each (T,), linear between ranks; NaN where none is known."""
    padded = np.pad(row, NEAR_FRAMES, constant_values=np.nan)
    near = np.sort(np.lib.stride_tricks.sliding_window_view(padded, 2 * NEAR_FRAMES + 1), 1)  # NaN last
    place = (np.isfinite(near).sum(1) - 1).clip(0) * 0.8
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


def measured_odds(tracks: Tracks, inner: bool = False, without_T: np.ndarray | bool = False) -> np.ndarray:
    """`odds` of a shot: NaN for its first frame, where an impact frame or a transition hides the figure, and in the
    frames `without_T`. `inner`: of the frame's middle alone."""
    columns = {name: tracks[name].astype(float) for name in NAMES}
    if inner:
        columns |= {name: tracks[column].astype(float) for name, column in INNER.items()}
        columns["redraw_reach"] = np.zeros(tracks.n_frames)
    hidden = np.zeros(tracks.n_frames, bool) | without_T
    hidden[:1] = True
    for event in tracks.events:  # an impact frame is a drawing too, but not one of the figure's
        if event.field in ("vfx.impact_frame", "camera.transition"):
            hidden[event.start : event.end + 1] = True
    for column in columns.values():
        column[hidden] = np.nan
    filmed = ~_standing(tracks)
    known = np.full(tracks.n_frames, -SURE)
    known[filmed] = unjoined(odds({name: column[filmed] for name, column in columns.items()}))
    known[hidden] = np.nan
    return known


def _standing(tracks: Tracks) -> np.ndarray:
    """Frames that say nothing of the others, bool (T,): a camera on twos filmed them twice, or they were shown twice.

    Where every second or third picture differs from the one before and no other does, all that differs may still be
    small drawings in time; so the pictures that differ must tell of new and held drawings by themselves.
    """
    filmed_twice = _filmed_twice(tracks)
    if filmed_twice.any():
        return filmed_twice
    again = _shown_again(tracks["change"])
    seen = odds({name: tracks[name][~again].astype(float) for name in NAMES})
    return again & (best_beat(np.nan_to_num(seen))[1] >= MIN_EVIDENCE)


def _shown_again(change_T: np.ndarray) -> np.ndarray:
    """All frames but every second or third, if none but these differs from the frame before; else none."""
    at = np.arange(len(change_T))
    for frames in (2, 3):
        for phase in range(frames):
            first = at % frames == phase
            again, other = change_T[~first & (at > 0)], change_T[first & (at > 0)]
            if len(again) and len(other) and again.max() < min(SAME_CHANGE, other.min()):
                return ~first & (at > 0)
    return np.zeros(len(change_T), bool)


def _filmed_twice(tracks: Tracks) -> np.ndarray:
    """Frames in which even the moving camera stands."""
    speed = np.hypot(tracks["camera_x"], tracks["camera_y"]) + np.abs(tracks["camera_zoom"])
    standing = (tracks["change"] < SAME_CHANGE) & (speed < STANDS)
    going = speed[np.isfinite(speed) & ~standing]
    runs = np.diff(np.flatnonzero(np.concatenate([[True], ~standing, [True]]))) - 1
    if not STANDING_SHARES[0] < standing.mean() < STANDING_SHARES[1] or runs.max() > LONGEST_STAND or len(going) < 2:
        return np.zeros_like(standing)
    # A figure that is taken for the camera goes by fits and starts.
    steady = float(np.median(np.abs(np.diff(np.log(going + STANDS))))) < STEADY
    return standing if steady and float(np.median(going)) > GOES else np.zeros_like(standing)


def unjoined(odds_T: np.ndarray) -> np.ndarray:
    """`odds_T` without a short change of every frame at either end: what is left of a transition there."""
    out = odds_T.copy()
    known = np.flatnonzero(np.isfinite(out))
    for inwards in (known, known[::-1]):
        n = int(np.argmin(np.append(out[inwards] > 0, False)))
        if 2 <= n <= JOINED_FRAMES:
            out[inwards[:n]] = np.nan
    return out


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
    def new(self) -> np.ndarray:
        """Frames that were seen to bring a new drawing; the beat decides where the frames themselves are doubtful."""
        odds_T = np.nan_to_num(self.odds)
        on_beat = self.sheet.new & (odds_T > 0)
        return on_beat | (odds_T > CLEARLY) if self.doubt < CRISP else on_beat

    @property
    def beat(self) -> tuple[int, float]:
        """The exposure that explains most of the evidence, in frames, and how much of it, in log odds."""
        return best_beat(np.nan_to_num(self.odds))

    @property
    def held(self) -> bool:
        return self.beat[1] < MIN_EVIDENCE


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
    value, share = exposure(shot.odds, _standing(tracks))
    if value != "held" and _stands_inside(tracks, shot):
        value, share = "held", 0.5
    elif (all_over := _all_over(tracks, shot)).any():
        between = exposure(measured_odds(tracks, without_T=all_over), _standing(tracks))
        value, share = between if between[0] != "held" else (value, share)
    numbers = {"new_drawings": float(shot.new.sum()), "frame_doubt": shot.doubt, "explained": share}
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    certain = float(np.clip(share * (1 - 2 * shot.doubt), 0.05, 0.99))
    whole = Span(value=value, start=0, end=tracks.n_frames)
    return {FIELD: measured(FIELD, [value], {value: certain}, evidence, [whole])}


def _stands_inside(tracks: Tracks, shot: Exposed) -> bool:
    """Whether what changes lies all over the frame and its middle stands still: lines around a held figure."""
    reach = tracks["redraw_reach"][np.nan_to_num(shot.odds) > 0].astype(float)
    if not np.isfinite(reach).any() or np.nanmedian(reach) < ALL_OVER:
        return False
    inside = measured_odds(tracks, inner=True)
    return bool(np.isfinite(inside).any()) and exposure(inside, _standing(tracks))[0] == "held"


def _all_over(tracks: Tracks, shot: Exposed) -> np.ndarray:
    """The frames in which the whole picture changes, bool (T,), if it does so on a beat: lines on twos or a background
    drawn on threes hide what the figure does there. Else none."""
    known = np.isfinite(shot.odds)
    over = known & (tracks["redraw_reach"] > ALL_OVER) & (tracks["redraw"] > CHANGED)
    at = np.arange(tracks.n_frames)
    agree = [np.mean((over == (at % n == phase))[known]) for n in OVERLAYS for phase in range(n)]
    return over & (max(agree) >= ON_BEAT)


def exposure(odds_T: np.ndarray, standing_T: np.ndarray | bool = False) -> tuple[str, float]:
    """The value of motion.timing and the share of the evidence for it, from log odds; NaN where nothing is known.
    `standing_T`: frames that a camera on twos filmed twice, whose beat is not the figure's."""
    value, share = _explained(np.nan_to_num(odds_T))
    if value not in ("held", "ones"):
        return value, share
    frames, contrast = clearest_beat(np.where(standing_T, np.nan, odds_T))
    return (VALUES.get(frames, "fours_plus"), 0.5) if contrast >= CONTRAST else (value, share)


def _explained(odds_T: np.ndarray) -> tuple[str, float]:
    """As `exposure`, by how much of the evidence the best beat explains."""
    frames, explained = best_beat(odds_T)
    everything = float(np.maximum(odds_T, 0).sum())
    if explained < MIN_EVIDENCE:
        return "held", 1 - explained / MIN_EVIDENCE
    share = explained / everything
    if explained < EXPLAINED * everything - SPARE:
        return "modulated", 1 - share
    return VALUES.get(frames, "fours_plus"), share


def clearest_beat(odds_T: np.ndarray) -> tuple[int, float]:
    """The exposure from two frames on whose frames stand out most from all others in one phase; by how many standard
    errors. Small drawings, and drawings under a frame that moves, change little and yet in time."""
    known, best = np.isfinite(odds_T), (2, 0.0)
    for frames in range(2, LONGEST + 1):
        for phase in range(frames):
            on_beat = np.arange(len(odds_T)) % frames == phase
            on, off = odds_T[on_beat & known], odds_T[~on_beat & known]
            if min(len(on), len(off)) < BEAT_DRAWINGS:
                continue
            spread = np.sqrt((on.var() * len(on) + off.var() * len(off)) / (len(on) + len(off))) + SPREAD_LEAST
            contrast = (on.mean() - off.mean()) / (spread * np.sqrt(1 / len(on) + 1 / len(off)))
            best = max(best, (frames, float(contrast)), key=lambda beat: beat[1])
    return best


def best_beat(odds_T: np.ndarray) -> tuple[int, float]:
    """The exposure whose frames, in one phase and over one stretch, have the greatest sum of odds; and that sum."""
    paid = np.maximum(odds_T, -MISSED)
    sums = [max(_best_stretch(paid[phase::frames]) for phase in range(frames)) for frames in range(1, LONGEST + 1)]
    best = int(np.argmax(sums))
    return best + 1, sums[best]


def _best_stretch(gains: np.ndarray) -> float:
    """The greatest sum of neighbouring `gains`, 0 for none."""
    path = np.concatenate([[0.0], np.cumsum(gains)])
    return float((path - np.minimum.accumulate(path)).max())
