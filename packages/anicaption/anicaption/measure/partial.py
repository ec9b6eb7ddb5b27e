"""Which part moves while the body holds: motion.partial, as far as place, size and rhythm tell it without a face model.

A mouth changes a small spot that stays where it is, beat after beat; with blinks some changes lie above it. A small
spot without them may as well be cloth or an arm seen small, a rare one anything, and hair and cloth that flutter cannot
be told from a body that moves slightly: all of these abstain.
"""

from __future__ import annotations

import numpy as np

from anicaption.measure.timing import Exposed, exposed
from anicaption.record import Evidence, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "redraw.spot", "2"
FIELD = "motion.partial"
SMALL = 0.16  # spread of what changes, frame heights: a mouth, a pair of eyes
LARGE = 0.24  # a body
EDGE_SHARE = 0.06  # of a small spot's change that may lie along the border
RARE = 0.13  # share of frames with a new drawing under which a spot has no beat
ABOVE = 0.04  # frame heights that eyes lie above the mouth, at least
MIN_BLINKS = 2  # new drawings that lie above the others
MIN_DRAWINGS = 3


def read_partial(tracks: Tracks) -> dict[str, Variable]:
    """motion.partial of the shot that `tracks` spans."""
    shot = exposed(tracks)
    if isinstance(shot, str):
        return {FIELD: abstain(FIELD, shot)}
    if shot.held:
        return {FIELD: measured(FIELD, ["none"], {"none": 0.75}, _note(tracks, {"new_drawings": 0.0}))}
    new = shot.new & np.isfinite(tracks["redraw_reach"])
    if new.sum() < MIN_DRAWINGS:
        return {FIELD: abstain(FIELD, f"{int(new.sum())} new drawings with a place; a part needs {MIN_DRAWINGS}")}
    reach, edge = (float(np.median(tracks[name][new])) for name in ("redraw_reach", "redraw_edge"))
    note = _note(tracks, {"reach": reach, "edge": edge, "new_share": float(new.mean())})
    if reach > LARGE:
        return {FIELD: measured(FIELD, ["none"], {"none": 0.75}, note)}
    if reach > SMALL or edge > EDGE_SHARE:
        reason = "what changes is larger than a mouth and smaller than a body: hair, cloth or slight acting"
        return {FIELD: abstain(FIELD, reason, note)}
    y = tracks["redraw_y"][new].astype(float)
    if new.mean() < RARE or int((y < np.median(y) - ABOVE).sum()) < MIN_BLINKS:
        reason = (
            "a small spot changes, without a mouth's beat and eyes above it: a mouth, eyes, cloth or a small figure"
        )
        return {FIELD: abstain(FIELD, reason, note)}
    return {FIELD: measured(FIELD, ["mouth_flap", "blink"], {"mouth_flap": 0.75, "blink": 0.75}, note)}


def is_spot(shot: Exposed, tracks: Tracks) -> bool:
    """Whether all that is drawn anew is one small spot on a beat."""
    new = shot.new & np.isfinite(tracks["redraw_reach"])
    if new.sum() < MIN_DRAWINGS or new.mean() < RARE:
        return False
    reach, edge = (float(np.median(tracks[name][new])) for name in ("redraw_reach", "redraw_edge"))
    return reach <= SMALL and edge <= EDGE_SHARE


def _note(tracks: Tracks, numbers: dict[str, float]) -> tuple[Evidence, ...]:
    return (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
