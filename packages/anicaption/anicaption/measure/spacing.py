"""motion.spacing, as far as it shows: an action whose way lies almost all in one or two steps between two holds.

How the other profiles part (even, slow at either end) drowns in what flow makes of a turning arm: abstained.
"""

from __future__ import annotations

import numpy as np

from anicaption.measure.cycle import period
from anicaption.measure.timing import CRISP, exposed
from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "redraw.spacing", "2"
FIELD = "motion.spacing"
MIN_DRAWINGS = 5
CONFINED = 0.85  # of the shot: an action that goes on all through has no keys in it
SNAP_SHARE = 0.55  # of the whole way, taken by the two largest steps


def read_spacing(tracks: Tracks) -> dict[str, Variable]:
    """motion.spacing of the shot that `tracks` spans: `hold_and_snap` with its frames, `na` in a hold."""
    shot = exposed(tracks)
    if isinstance(shot, str):
        return {FIELD: abstain(FIELD, shot)}
    if shot.held:
        return {FIELD: measured(FIELD, ["na"], {"na": 0.9})}
    if shot.doubt > CRISP:
        return {FIELD: abstain(FIELD, f"which frames bring drawings is doubtful: {shot.doubt:.2f}")}
    if np.isfinite(period(tracks)[0]):
        return {FIELD: abstain(FIELD, "the drawings are a loop; it has no first and last key")}
    starts = np.flatnonzero(shot.sheet.new)
    way = np.nan_to_num(tracks["motion_pct"].astype(float))[starts]
    moving = np.flatnonzero(way > 0.05 * way.max(initial=0.0))
    if len(moving) < MIN_DRAWINGS:
        return {FIELD: abstain(FIELD, f"{len(moving)} drawings move; a profile needs {MIN_DRAWINGS}")}
    first, last = int(moving[0]), int(moving[-1]) + 1
    way, frames = way[first:last], (int(starts[first]), int(starts[last - 1]) + 1)
    if frames[1] - frames[0] > CONFINED * tracks.n_frames:
        return {FIELD: abstain(FIELD, "something moves all through the shot; one action from key to key has ends")}
    two = float(np.sort(way / way.sum())[-2:].sum())
    numbers = {"two_steps": two, "drawings": float(len(way))}
    note = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    if two <= SNAP_SHARE:
        return {FIELD: abstain(FIELD, f"the two largest steps are {two:.2f} of the way: no snap", note)}
    span = Span(value="hold_and_snap", start=frames[0], end=frames[1])
    return {FIELD: measured(FIELD, ["hold_and_snap"], {"hold_and_snap": 0.6}, note, [span])}
