"""How much was redrawn: motion.economy, from exposure, parts, loops of drawings and what moves without drawings."""

from __future__ import annotations

import numpy as np

from anicaption.measure.cycle import period
from anicaption.measure.partial import read_partial
from anicaption.measure.timing import exposed, read_timing
from anicaption.record import Evidence, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "redraw.economy", "1"
FIELD = "motion.economy"
SLIDES = 0.003  # frame heights per frame: a cel that goes as one piece at this speed is pulled
ONE_WAY = 0.7  # net travel over travel of a slide
CAMERA_MOVES = 2e-4  # frame widths per frame, in the median
CYCLE_SHARE = 0.4  # of the drawings that could come back do


def read_economy(tracks: Tracks) -> dict[str, Variable]:
    """motion.economy of the shot that `tracks` spans."""
    shot = exposed(tracks)
    if isinstance(shot, str):
        return {FIELD: abstain(FIELD, shot)}
    timing, partial = read_timing(tracks)["motion.timing"], read_partial(tracks)["motion.partial"]
    if not timing.known:
        return {FIELD: abstain(FIELD, f"no exposure: {timing.abstained}")}
    frames, share = period(tracks)
    numbers = {"camera": _camera(tracks), "slide": _slide(tracks), "cycle_share": share}
    if np.isfinite(frames):
        numbers["cycle_frames"] = frames
    if timing.values == ("held",):
        slid = numbers["slide"] > SLIDES
        value = "slide_only" if slid else "still_with_camera" if numbers["camera"] > CAMERA_MOVES else "still"
    elif partial.known and partial.values != ("none",):
        value = "partial_only"
    elif share >= CYCLE_SHARE:
        value = "cycle"
    else:
        value = "full" if timing.values[0] in ("ones", "twos") else "limited"
    note = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    return {FIELD: measured(FIELD, [value], {value: 0.6}, note)}


def _camera(tracks: Tracks) -> float:
    """Median speed of the frame, frame widths per frame; zoom and roll count at its edge."""
    shift = np.hypot(tracks["camera_x"], tracks["camera_y"] * tracks.height_px / tracks.width_px)
    turn = np.hypot(tracks["camera_zoom"], np.radians(tracks["camera_roll_deg"])) / 2
    speed = (shift + turn)[1:]
    return float(np.nanmedian(speed)) if np.isfinite(speed).any() else 0.0


def _slide(tracks: Tracks) -> float:
    """Median speed of a cel that goes one way as one piece, frame heights per frame; 0 where it does not."""
    steps = np.stack([tracks["figure_dx"], tracks["figure_dy"]], 1)[1:]
    steps = steps[np.isfinite(steps).all(1)].astype(float)
    if not len(steps):
        return 0.0
    length = np.hypot(*steps.T)
    one_way = float(np.hypot(*steps.sum(0))) / (float(length.sum()) + 1e-9)
    return float(np.median(length)) if one_way > ONE_WAY else 0.0
