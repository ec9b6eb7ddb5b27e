"""Which part moves while the body holds: motion.partial, as far as place, size and rhythm tell it without a face model.

A mouth or a pair of eyes changes a small spot that stays where it is. A mouth goes on beat after beat, a blink is a few
drawings and then a long rest; where both happen, the blink lies above. Hair and cloth that flutter cannot be told from
a body that moves slightly, so a middling spread abstains.
"""

from __future__ import annotations

import numpy as np

from anicaption.measure.timing import exposed
from anicaption.record import Evidence, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "redraw.spot", "1"
FIELD = "motion.partial"
SMALL = 0.16  # spread of what changes, frame heights: a mouth, a pair of eyes
LARGE = 0.24  # a body
EDGE_SHARE = 0.06  # of a small spot's change that may lie along the border
RARE = 0.13  # share of frames with a new drawing under which a spot blinks
ABOVE = 0.04  # frame heights that eyes lie above the mouth, at least
MIN_DRAWINGS = 3


def read_partial(tracks: Tracks) -> dict[str, Variable]:
    """motion.partial of the shot that `tracks` spans."""
    shot = exposed(tracks)
    if isinstance(shot, str):
        return {FIELD: abstain(FIELD, shot)}
    if shot.held:
        return {FIELD: measured(FIELD, ["none"], {"none": 0.8}, _note(tracks, {"new_drawings": 0.0}))}
    new = shot.new & np.isfinite(tracks["redraw_reach"])
    if new.sum() < MIN_DRAWINGS:
        return {FIELD: abstain(FIELD, f"{int(new.sum())} new drawings with a place; a part needs {MIN_DRAWINGS}")}
    reach, edge = (float(np.median(tracks[name][new])) for name in ("redraw_reach", "redraw_edge"))
    numbers = {"reach": reach, "edge": edge, "new_share": float(new.mean())}
    if reach > LARGE:
        return {FIELD: measured(FIELD, ["none"], {"none": 0.7}, _note(tracks, numbers))}
    if reach > SMALL or edge > EDGE_SHARE:
        reason = "what changes is larger than a mouth and smaller than a body: hair, cloth or slight acting"
        return {FIELD: abstain(FIELD, reason, _note(tracks, numbers))}
    if new.mean() < RARE:
        return {FIELD: measured(FIELD, ["blink"], {"blink": 0.6}, _note(tracks, numbers))}
    y = tracks["redraw_y"][new].astype(float)
    values = {"mouth_flap": 0.8}
    if int((y < np.median(y) - ABOVE).sum()) >= 2:
        values["blink"] = 0.6
    return {FIELD: measured(FIELD, list(values), values, _note(tracks, numbers))}


def _note(tracks: Tracks, numbers: dict[str, float]) -> tuple[Evidence, ...]:
    return (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
