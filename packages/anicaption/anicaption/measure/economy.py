"""How much was redrawn: motion.economy, where it shows: a loop of drawings, one small spot, or a cel that is pulled.

A held figure cannot be told from a picture without one, nor full animation from limited by exposure alone: abstained.
"""

from __future__ import annotations

import numpy as np

from anicaption.measure.cycle import period
from anicaption.measure.partial import is_spot
from anicaption.measure.timing import exposed
from anicaption.record import Evidence, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "redraw.economy", "2"
FIELD = "motion.economy"
SLIDES = 0.003  # frame heights per frame: a cel that goes as one piece at this speed is pulled
ONE_WAY = 0.7  # net travel over travel of a slide
CYCLE_SHARE = 0.4  # of the drawings that could come back do


def read_economy(tracks: Tracks) -> dict[str, Variable]:
    """motion.economy of the shot that `tracks` spans."""
    shot = exposed(tracks)
    if isinstance(shot, str):
        return {FIELD: abstain(FIELD, shot)}
    frames, share = period(tracks)
    numbers = {"slide": _slide(tracks), "cycle_share": share}
    if np.isfinite(frames):
        numbers["cycle_frames"] = frames
    note = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    if shot.held:
        if numbers["slide"] > SLIDES:
            return {FIELD: measured(FIELD, ["slide_only"], {"slide_only": 0.5}, note)}
        return {FIELD: abstain(FIELD, "nothing is redrawn: a held figure or none cannot be told apart", note)}
    if is_spot(shot, tracks):
        return {FIELD: measured(FIELD, ["partial_only"], {"partial_only": 0.7}, note)}
    if share >= CYCLE_SHARE:
        return {FIELD: measured(FIELD, ["cycle"], {"cycle": 0.75}, note)}
    return {FIELD: abstain(FIELD, "drawings that were not seen to come back: full, limited or a long cycle", note)}


def _slide(tracks: Tracks) -> float:
    """Median speed of a cel that goes one way as one piece, frame heights per frame; 0 where it does not."""
    steps = np.stack([tracks["figure_dx"], tracks["figure_dy"]], 1)[1:]
    steps = steps[np.isfinite(steps).all(1)].astype(float)
    if not len(steps):
        return 0.0
    length = np.hypot(*steps.T)
    one_way = float(np.hypot(*steps.sum(0))) / (float(length.sum()) + 1e-9)
    return float(np.median(length)) if one_way > ONE_WAY else 0.0
