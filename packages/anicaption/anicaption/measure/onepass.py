"""One look at every frame: all families of measurements fed from the same pictures.

Memory grows by a few floats per frame, so a whole film can be watched as it decodes.

Budget, CPU per 720p frame: at most 10 ms for the pass over bare decode, at most 1 ms for a part that sees every frame
(`make bench-cost` prints both, clean and with film grain). As shares of bare decode, since machines differ, on clean
video, measured 2026-11-22 (all of it: 3.4 of bare decode, over the budget):

    transitions  0.66     frame.rgb    0.21     picture      0.12     match_light  0.05
    align        0.56     exposure     0.20     figure       0.08     matte        0.03
    leftover     0.27     looks        0.20     colour       0.06     layers       0.03   only after a travel
    smears       0.24     lines        0.13     flashing     0.06     turns        0.01
                          repeats      0.13                           camera       0.003

Transitions and align are over a part's share, and most is to be won there: align tries rest and the last motion first
and searches on one frame in five, which is a third of its cost.
"""

from __future__ import annotations

import math
from array import array
from fractions import Fraction
from typing import Protocol

import cv2
import numpy as np

from anicaption.align import align
from anicaption.layers import ROWS_PX, STILL, Picture, Step, match_light
from anicaption.measure import edges, focus, paper, surface
from anicaption.measure.camera import CameraWatch
from anicaption.measure.colour import ColourWatch
from anicaption.measure.cycle import RepeatWatch
from anicaption.measure.deformation import SmearWatch, proposals
from anicaption.measure.effect_lines import LinesWatch
from anicaption.measure.exposure import ExposureWatch
from anicaption.measure.flashing import FlashingWatch
from anicaption.measure.intensity import IntensityWatch
from anicaption.measure.layering import LayerWatch
from anicaption.measure.leftover import UNKNOWN, Leftover
from anicaption.measure.looks import LookWatch, Native
from anicaption.measure.matte import MatteWatch
from anicaption.measure.rocking import FigureWatch
from anicaption.measure.surface import TurnWatch
from anicaption.measure.timing import drawings
from anicaption.measure.transition import TransitionWatch, decide
from anicaption.tracks import Event, Tracks


class Family(Protocol):
    """A family of measurements that looks at small pictures, RGB uint8 (H <= 144, W, 3), one per frame in order."""

    def see(self, rgb: np.ndarray) -> None: ...

    def columns(self) -> dict[str, np.ndarray]: ...

    def events(self) -> tuple[Event, ...]: ...


FOLLOWED = 0.05  # still_share from which a figure stands still in the moving frame
FIGURE_REDRAW = 0.25  # redraw under which nothing moves against the background
FAMILIES: tuple[type[Family], ...] = (
    ColourWatch,
    FlashingWatch,
    LinesWatch,
    MatteWatch,
    TurnWatch,
)  # and TransitionWatch, which others may share

# What is read of native pixels now and then.
PARTS = tuple((module.COLUMNS, module.look) for module in (surface, paper, focus))


class Watch:
    """Sees a source frame by frame and keeps its tracks. `width_px`, `height_px` are those of the source.

    Pictures may come at any one size of that aspect; 144 rows are enough. `native` gives the picture as it was
    decoded, RGB uint8; it is asked for two frames in twelve. Without it the picture itself is looked at.
    """

    def __init__(self, rate: Fraction, width_px: int, height_px: int) -> None:
        self.rate, self.width_px, self.height_px = rate, width_px, height_px
        self.transitions = TransitionWatch()
        self._families: list[Family] = [family() for family in FAMILIES]
        self._camera, self._intensity = CameraWatch(), IntensityWatch()
        self._exposure, self._repeats = ExposureWatch(), RepeatWatch()
        self._leftover = Leftover()
        self._smears = SmearWatch()
        self._layers, self._figure = LayerWatch(), FigureWatch()
        self._looks = LookWatch(PARTS)
        self._change = array("f")
        self._before: Picture | None = None
        self._last: Step | None = None

    def see(self, rgb: np.ndarray, native: Native | None = None) -> None:
        """Look at the next frame, RGB uint8 (H, W, 3)."""
        small = _small(rgb)
        self._looks.see(small, native or (lambda: rgb))
        self.transitions.see(small)
        for family in self._families:
            family.see(small)
        before, now = self._before, Picture(small, self._before.cells if self._before else None)
        step, change = None, math.nan
        left, lit, figure = UNKNOWN, None, None
        if before is not None:
            lit = match_light(before, now)
            step = align(lit, now, self._last)
            left = self._leftover(lit, now, step)
            change = cv2.norm(before.fine, now.fine, cv2.NORM_L1) / now.fine.size / 255
            self._figure.see(lit, now, step, left.redraw > FIGURE_REDRAW)
            figure = self._figure.motion(step) or (STILL if left.still_share > FOLLOWED else None)
        else:
            self._figure.see(None, now, None, False)
        self._layers.see(now, step)
        self._camera.see(step, left.still_share, self.width_px / self.height_px)
        self._exposure.see(lit, now, step, figure)
        self._repeats.see(now, step, left.redraw)
        self._smears.see(now, step, left.redraw)
        self._intensity.see(left)
        self._change.append(change)
        if step is not None and step.support > 0.3:
            self._last = step
        self._before = now

    def tracks(self) -> Tracks:
        """The tracks of all frames seen so far."""
        columns = self._camera.columns() | self._intensity.columns()
        columns |= self._exposure.columns() | self._repeats.columns()
        columns |= self._layers.columns() | self._figure.columns()
        columns["drawing_new"] = drawings(columns)
        columns["change"] = np.array(self._change, np.float32)
        columns |= self._looks.columns()
        columns |= self.transitions.columns()
        events = edges.events(self.transitions)
        for family in self._families:
            columns |= family.columns()
            events += family.events()
        columns |= self._smears.columns()
        if self._change:
            cuts = tuple(joint.frame for joint in decide(self.transitions.scores()))
            events += proposals(columns, events, cuts)
        return Tracks(self.rate, self.width_px, self.height_px, columns, events)


def _small(rgb: np.ndarray) -> np.ndarray:
    height, width = rgb.shape[:2]
    if height <= ROWS_PX:
        return rgb
    return cv2.resize(rgb, (round(width * ROWS_PX / height), ROWS_PX), interpolation=cv2.INTER_AREA)
