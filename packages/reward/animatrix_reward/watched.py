"""The captioner's tracks that the Judge looks at: its pass over a clip without joints, layers and styles.

A clip of the Judge is one shot, so nobody asks for cuts and dissolves, which cost more than the rest together.
"""

from __future__ import annotations

import numpy as np
from anicaption.align import align
from anicaption.layers import ROWS_PX, STILL, Picture, match_light
from anicaption.measure.camera import CameraWatch
from anicaption.measure.cycle import RepeatWatch
from anicaption.measure.deformation import SmearWatch
from anicaption.measure.exposure import ExposureWatch
from anicaption.measure.flashing import FlashingWatch
from anicaption.measure.intensity import IntensityWatch
from anicaption.measure.leftover import UNKNOWN, Leftover
from anicaption.measure.onepass import FIGURE_REDRAW, FOLLOWED
from anicaption.measure.rocking import FigureWatch
from anicaption.measure.surface import TurnWatch
from anicaption.measure.timing import drawings

MOST_ROWS = ROWS_PX


def watched(frames_THWC: np.ndarray) -> dict[str, np.ndarray]:
    """Columns (T,) by name, as `anicaption.measure.onepass.Watch` has them; frames RGB uint8 of at most MOST_ROWS."""
    height, width = frames_THWC.shape[1:3]
    camera, intensity, exposure, repeats = CameraWatch(), IntensityWatch(), ExposureWatch(), RepeatWatch()
    leftover, smears, figures = Leftover(), SmearWatch(), FigureWatch()
    families = FlashingWatch(), TurnWatch()
    before, last = None, None
    for rgb in frames_THWC:
        for family in families:
            family.see(rgb)
        now = Picture(rgb, before.cells if before else None)
        step, left, lit, figure = None, UNKNOWN, None, None
        if before is None:
            figures.see(None, now, None, False)
        else:
            lit = match_light(before, now)
            step = align(lit, now, last)
            left = leftover(lit, now, step)
            figures.see(lit, now, step, left.redraw > FIGURE_REDRAW)
            figure = figures.motion(step) or (STILL if left.still_share > FOLLOWED else None)
            last = step if step.support > 0.3 else last
        camera.see(step, left.still_share, width / height)
        exposure.see(lit, now, step, figure)
        repeats.see(now, step, left.redraw)
        smears.see(now, step, left.redraw)
        intensity.see(left)
        before = now
    columns: dict[str, np.ndarray] = {}
    for part in (camera, intensity, exposure, repeats, figures, smears, *families):
        columns |= part.columns()
    return columns | {"drawing_new": drawings(columns)}
