"""motion.spacing: how the drawings of one action lie on its course, from how much each of them changes."""

from __future__ import annotations

import numpy as np

from anicaption.measure.cycle import period
from anicaption.measure.timing import exposed
from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "redraw.spacing", "1"
FIELD = "motion.spacing"
MIN_DRAWINGS = 5
CONFINED = 0.85  # of the shot: an action that goes on all through has no keys in it
SNAP_SHARE, ALL_SHARE = 0.55, 0.88  # of the whole way, taken by the two (the one) largest steps
EARLY, LATE = 0.42, 0.58  # where the middle of the way lies, as a share of the drawings
ENDS = 0.55  # speed of the first and last thirds against the middle one: under it both ends are slow


def read_spacing(tracks: Tracks) -> dict[str, Variable]:
    """motion.spacing of the shot that `tracks` spans; a loop of drawings has none, a hold `na`."""
    shot = exposed(tracks)
    if isinstance(shot, str):
        return {FIELD: abstain(FIELD, shot)}
    if shot.held:
        return {FIELD: measured(FIELD, ["na"], {"na": 0.7})}
    starts = np.flatnonzero(shot.sheet.new)
    if np.isfinite(period(tracks)[0]):
        return {FIELD: abstain(FIELD, "the drawings are a loop; it has no first and last key")}
    way = np.nan_to_num(tracks["motion_pct"].astype(float))[starts]
    moving = np.flatnonzero(way > 0.05 * way.max(initial=0.0)) if way.any() else np.array([], int)
    if len(moving) == 0 or way.max() == 0:
        return {FIELD: abstain(FIELD, "no drawing moves anything")}
    first, last = int(moving[0]), int(moving[-1]) + 1
    way, frames = way[first:last], (int(starts[first]), int(starts[last - 1]) + 1)
    if frames[1] - frames[0] > CONFINED * tracks.n_frames:
        return {FIELD: abstain(FIELD, "something moves all through the shot; one action from key to key has ends")}
    share = way / way.sum()
    two = float(np.sort(share)[-2:].sum())
    one = float(share.max())
    if len(way) < MIN_DRAWINGS:
        return {FIELD: abstain(FIELD, f"{len(way)} drawings move; a profile needs {MIN_DRAWINGS}")}
    middle = float((np.cumsum(share) - share / 2) @ np.full(len(share), 1 / len(share)))
    middle = 1 - middle  # a way that is behind early on is taken late
    thirds = [float(part.mean()) for part in np.array_split(way, 3)]
    ends = max(thirds[0], thirds[2]) / (thirds[1] + 1e-9)
    numbers = {"largest_step": one, "middle": middle, "ends": ends, "drawings": float(len(way))}
    note = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    if one > ALL_SHARE:
        value = "no_inbetween"
    elif two > SNAP_SHARE and len(way) > 4:
        value = "hold_and_snap"
    elif ends < ENDS:
        value = "slow_both"
    else:
        value = "slow_start" if middle > LATE else "slow_end" if middle < EARLY else "even"
    span = Span(value=value, start=frames[0], end=frames[1])
    return {FIELD: measured(FIELD, [value], {value: 0.5}, note, [span])}
