"""motion.accent, the part that timing shows: hit_stop, a freeze of a few frames in the midst of fast action."""

from __future__ import annotations

import numpy as np

from anicaption.measure.timing import exposed
from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "redraw.freeze", "1"
FIELD = "motion.accent"
FREEZE_FRAMES = (3, 9)  # of one drawing
LONGER = 1.8  # than the usual hold of the shot
EVEN = 1.5  # the other holds may differ from it by this much
HARD = 0.8  # quantile of the shot's changes that the blow reaches
MIN_DRAWINGS = 4


def read_accent(tracks: Tracks) -> dict[str, Variable]:
    """motion.accent of the shot that `tracks` spans: hit_stop with its frames, `none` where the beat never stops."""
    shot = exposed(tracks)
    if isinstance(shot, str):
        return {FIELD: abstain(FIELD, shot)}
    starts = np.flatnonzero(shot.new)
    if len(starts) < MIN_DRAWINGS:
        return {FIELD: abstain(FIELD, f"{len(starts)} new drawings; a freeze among them needs {MIN_DRAWINGS}")}
    holds, area = np.diff(starts), np.nan_to_num(tracks["redraw_area"].astype(float))
    usual = float(np.median(holds))
    hard = float(np.quantile(area[starts], HARD))
    spans = [
        Span(value="hit_stop", start=int(start), end=int(start + hold))
        for start, hold in zip(starts[:-1], holds, strict=True)
        if FREEZE_FRAMES[0] <= hold <= FREEZE_FRAMES[1] and hold >= LONGER * usual and area[start] >= hard
    ]
    numbers = {"usual_hold_frames": usual, "longest_hold_frames": float(holds.max())}
    note = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    others = np.delete(holds, int(holds.argmax()))
    regular = others.max() <= EVEN * usual
    if len(spans) == 1 and regular:
        return {FIELD: measured(FIELD, ["hit_stop"], {"hit_stop": 0.6}, note, spans)}
    if holds.max() < LONGER * usual:
        whole = Span(value="none", start=0, end=tracks.n_frames)
        return {FIELD: measured(FIELD, ["none"], {"none": 0.6}, note, [whole])}
    return {FIELD: abstain(FIELD, "holds of many lengths: which of them is an accent cannot be told", note)}
