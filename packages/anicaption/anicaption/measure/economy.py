"""How much was redrawn: motion.economy, where it shows: a loop of drawings, or one small spot.

A held figure cannot be told from a picture without one, nor a cel that is pulled from a plane that slides, nor full
animation from limited by exposure alone: abstained.
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
CYCLE_SHARE = 0.4  # of the drawings that could come back do


def read_economy(tracks: Tracks) -> dict[str, Variable]:
    """motion.economy of the shot that `tracks` spans."""
    shot = exposed(tracks)
    if isinstance(shot, str):
        return {FIELD: abstain(FIELD, shot)}
    frames, share = period(tracks)
    numbers = {"cycle_share": share}
    if np.isfinite(frames):
        numbers["cycle_frames"] = frames
    note = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    if shot.held:
        return {FIELD: abstain(FIELD, "nothing is redrawn: a held figure or none cannot be told apart", note)}
    if is_spot(shot, tracks):
        return {FIELD: measured(FIELD, ["partial_only"], {"partial_only": 0.7}, note)}
    if share >= CYCLE_SHARE:
        return {FIELD: measured(FIELD, ["cycle"], {"cycle": 0.75}, note)}
    return {FIELD: abstain(FIELD, "drawings that were not seen to come back: full, limited or a long cycle", note)}
