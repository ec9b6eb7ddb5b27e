"""How much the figure moves: motion.intensity, from the flow that is left after the camera's motion."""

from __future__ import annotations

import math
from array import array

import numpy as np

from anicaption.measure.leftover import Left
from anicaption.measure.timing import exposed
from anicaption.record import Evidence, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "flow.compensated_p95", "2"
FIELD = "motion.intensity"
# upper limits in % of the frame height per frame
LEVELS = (("static", 0.1), ("subtle", 0.5), ("moderate", 2.0), ("dynamic", 6.0), ("extreme", math.inf))
BUSY_S = 0.5  # a shot is as intense as its busiest half second
GOES = 0.001  # frame heights per frame, in the median: a cel that is pulled or rocked


class IntensityWatch:
    """The streaming half: keeps the motion of each step."""

    def __init__(self) -> None:
        self._columns = {name: array("f") for name in ("motion_pct", "flow_pct", "nonrigid_pct")}

    def see(self, left: Left) -> None:
        """`left` as leftover.Leftover gives it, NaN for a first frame or an unknown motion."""
        for name, column in self._columns.items():
            column.append(getattr(left, name))

    def columns(self) -> dict[str, np.ndarray]:
        return {name: np.array(values, np.float32) for name, values in self._columns.items()}


def read_intensity(tracks: Tracks) -> dict[str, Variable]:
    """motion.intensity: running means span the holds between drawings, the busiest of them decides.

    Where nothing is redrawn and the cel rests, what flow finds is noise, grain or an effect.
    """
    motion = tracks["motion_pct"].astype(float)
    motion[:1] = np.nan
    for event in tracks.events:
        if event.field in ("vfx.impact_frame", "camera.transition"):
            motion[event.start : event.end + 1] = np.nan
    known = motion[np.isfinite(motion)]
    if len(known) < 4:
        return {FIELD: abstain(FIELD, f"motion was measured in {len(known)} of {tracks.n_frames} frames")}
    width = max(1, min(len(known), round(float(tracks.rate) * BUSY_S)))
    means = np.convolve(known, np.ones(width) / width, mode="valid")
    busiest = float(np.quantile(means, 0.9))
    rests = _rests(tracks)
    value = "static" if rests else next(name for name, limit in LEVELS if busiest < limit)
    nearest = min(abs(math.log(max(busiest, 1e-3) / limit)) for _, limit in LEVELS[:-1])
    numbers = {"busiest_pct": busiest, "mean_pct": float(known.mean())}
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    certain = 0.8 if rests else 0.5 + 0.45 * math.tanh(nearest / 0.4)
    return {FIELD: measured(FIELD, [value], {value: certain}, evidence)}


def _rests(tracks: Tracks) -> bool:
    """Whether one drawing is held where it is."""
    shot = exposed(tracks)
    if isinstance(shot, str) or not shot.held:
        return False
    steps = np.hypot(tracks["figure_dx"], tracks["figure_dy"])
    return not np.isfinite(steps).any() or float(np.nanmedian(steps)) < GOES
