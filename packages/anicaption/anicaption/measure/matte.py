"""camera.matte: black at the edges that stays: above and below, at the sides, or all around."""

from __future__ import annotations

import math

import cv2
import numpy as np

from anicaption.record import Evidence, Variable, abstain, measured
from anicaption.tracks import Event, Tracks

NAME, VERSION = "matte", "1"
FIELD = "camera.matte"
COLUMNS = ("matte_top", "matte_bottom", "matte_left", "matte_right")
PERIOD_FRAMES = 12  # from one look to the next
_BLACK = 26  # brightest value of a row of a matte, after coding
_MEAN = 10  # its mean
_LEAST, _MOST = 0.02, 0.36  # share of the side; more is a night
_UNEVEN = 0.03  # by which two opposite sides may differ


class MatteWatch:
    """The streaming half: how far the black reaches in from each side."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []

    def see(self, rgb: np.ndarray) -> None:
        """RGB uint8 (H, W, 3)."""
        if len(self._rows) % PERIOD_FRAMES:
            self._rows.append((math.nan,) * 4)
            return
        red, green, blue = cv2.split(rgb)
        bright = cv2.max(cv2.max(red, green), blue)
        reach = []
        for axis in (1, 0):
            dark = bright.mean(axis) < _MEAN
            lines = bright[dark] if axis == 1 else bright[:, dark]
            if lines.size:  # quantiles are dear, and in most pictures nothing is dark
                dark[dark] = np.quantile(lines, 0.98, axis) < _BLACK
            n = len(dark)
            if dark.all():
                reach += [math.nan, math.nan]
            else:
                reach += [int(np.argmin(dark)) / n, int(np.argmin(dark[::-1])) / n]
        self._rows.append(tuple(reach))

    def columns(self) -> dict[str, np.ndarray]:
        table = np.array(self._rows, np.float32).reshape(-1, 4)
        return {name: table[:, i].copy() for i, name in enumerate(COLUMNS)}

    def events(self) -> tuple[Event, ...]:
        return ()


def read_matte(tracks: Tracks) -> dict[str, Variable]:
    """camera.matte, from the least black that any look outside fades and flashes shows at each side."""
    clean = np.ones(tracks.n_frames, bool)
    for event in tracks.events:
        if event.field in ("vfx.impact_frame", "camera.transition"):
            clean[event.start : event.end] = False
    table = np.stack([tracks[name].astype(float) for name in COLUMNS])
    looks = np.isfinite(table).all(0)
    looks = looks & clean if (looks & clean).any() else looks
    if not looks.any():
        return {FIELD: abstain(FIELD, "no frame shows where the picture begins")}
    top, bottom, left, right = np.median(table[:, looks], axis=1)
    above = min(top, bottom) >= _LEAST and max(top, bottom) <= _MOST and abs(top - bottom) <= _UNEVEN
    beside = min(left, right) >= _LEAST and max(left, right) <= _MOST and abs(left - right) <= _UNEVEN
    value = {(0, 0): "none", (1, 0): "letterbox", (0, 1): "pillarbox", (1, 1): "windowbox"}[above, beside]
    numbers = {"top": float(top), "bottom": float(bottom), "left": float(left), "right": float(right)}
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    return {FIELD: measured(FIELD, [value], {value: 0.95}, evidence)}
