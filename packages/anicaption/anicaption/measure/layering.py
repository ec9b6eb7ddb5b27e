"""Which layers move how: a plane sweep over the background's motion between pictures some frames apart.

Between two neighbouring frames a slow move is less than a pixel, and every layer seems to go with it. So a reference
is kept until the background has travelled far enough to tell layers apart, and then every block is asked once which
multiple of that motion carries it: 0 stands still in the frame, 1 goes with the background, less or more are planes
behind and before it. Nothing is spent on a fixed frame.
"""

from __future__ import annotations

import math
from array import array

import cv2
import numpy as np

from anicaption.align import refine
from anicaption.layers import FLAT, STILL, Cells, Motion, Picture, Step, warp
from anicaption.record import Evidence, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "layers.plane_sweep", "2"

SWEEP = (0.0, 0.2, 0.4, 0.55, 0.7, 0.85, 1.0, 1.2, 1.45, 1.7, 2.0)  # multiples of the background's motion
_WITH = SWEEP.index(1.0)
LEVEL = 1  # of the pyramid: 72 rows
FAR = 0.05  # half frame widths: travel that tells planes apart
NEAR = 0.02  # travel that at least tells what stands from what goes
LOST = 0.5  # travel after which too little of the reference is left
PATIENCE_STEPS = 36  # until a little travel must do
GIVE_UP_STEPS = 96  # until a reference is dropped
PAUSE_STEPS = 4  # between two looks at least
MIN_SUPPORT = 0.2  # of a step that is added up
MIN_BLOCKS = 12  # judged, or the look says nothing
_TELLS_PX = 0.7  # a block is judged if the worst multiple leaves it this far from home, pixels of the level
_FITS_PX = 0.6  # and explained if the best one leaves it no further than this
_WITH_PX = 0.4  # it goes with the background if that leaves it no further than this
_SLOWER, _FASTER = 0.8, 1.3  # multiples beyond which a layer is another one: less is how well the motion is known
_CLEARLY = 0.7  # one of two motions explains a block if it leaves less than this share of what the other leaves
_CLIP = 48.0  # grey levels
_GRAIN = 4.0  # squared grey levels that say nothing

NAMES = ("layer_held", "layer_slow", "layer_fast", "ground_with")


class LayerWatch:
    """The streaming half: one reference picture, and a row of numbers per look; NaN on all other frames."""

    def __init__(self) -> None:
        self._columns = {name: array("f") for name in NAMES}
        self._reference: Picture | None = None
        self._travel = STILL
        self._age_steps = 0
        self._blocks: Cells | None = None

    def see(self, now: Picture, step: Step | None) -> None:
        """`step` is the background's motion from the picture before to `now`; None for the first frame."""
        row = self._look(now, step)
        for name, value in zip(NAMES, row or (math.nan,) * len(NAMES), strict=True):
            self._columns[name].append(value)

    def columns(self) -> dict[str, np.ndarray]:
        return {name: np.array(values, np.float32) for name, values in self._columns.items()}

    def _look(self, now: Picture, step: Step | None) -> tuple[float, ...] | None:
        if step is None or step.motion is None or step.support < MIN_SUPPORT or self._reference is None:
            self._start(now)
            return None
        self._travel = self._travel.after(step.motion)
        self._age_steps += 1
        travel = edge_travel(self._travel)
        if travel > LOST or self._age_steps > GIVE_UP_STEPS:
            self._start(now)
            return None
        if self._age_steps < PAUSE_STEPS or travel < (FAR if self._age_steps < PATIENCE_STEPS else NEAR):
            return None
        row = self._sweep(self._reference, now)
        self._start(now)
        return row

    def _start(self, now: Picture) -> None:
        self._reference, self._travel, self._age_steps = now, STILL, 0

    def _sweep(self, before: Picture, now: Picture) -> tuple[float, ...] | None:
        level = min(LEVEL, len(now.levels) - 1)
        found = refine(before, now, level, self._travel, 3).motion
        near = edge_travel(found.inverse().after(self._travel)) < NEAR
        motion = found if near else self._travel
        old, new, blocks = before.levels[level], now.levels[level], self._grid(now)
        left = np.stack([self._left(old.grey, new.grey, part_of(motion, share)) for share in SWEEP])
        lines = self._around(np.maximum(blocks.mean(new.slope), blocks.mean(old.slope)))
        noise = float(np.quantile(left.min(0), 0.15))
        away_px = np.sqrt(np.maximum(left - noise, 0) / (lines + FLAT**2 + 3 * noise))
        judged = (away_px.max(0) > _TELLS_PX) & (blocks.border > 0) & blocks.seen_before(part_of(motion, SWEEP[-1]))
        total = int(judged.sum())
        if total < MIN_BLOCKS:
            return None
        goes, stands, least = (values + noise + _GRAIN for values in (left[_WITH], left[0], left.min(0)))
        inner = judged & (blocks.border < 0.1)
        held = judged & (stands < _CLEARLY * goes)
        # A figure that is held while it acts leaves blocks that any multiple may seem to carry: none are asked near it.
        table = held.astype(np.uint8).reshape(blocks.rows, blocks.columns)
        free = judged & (cv2.dilate(table, np.ones((5, 5), np.uint8)).ravel() == 0)
        apart = free & (away_px.min(0) < _FITS_PX) & (least < _CLEARLY * goes) & (away_px[_WITH] > _WITH_PX)
        best = np.array(SWEEP)[away_px.argmin(0)]
        n_free = max(1, int(free.sum()))
        return (
            float((held & inner).sum()) / max(1, int(inner.sum())),
            float((apart & (best < _SLOWER)).sum()) / n_free if n_free >= MIN_BLOCKS else math.nan,
            float((apart & (best > _FASTER)).sum()) / n_free if n_free >= MIN_BLOCKS else math.nan,
            self._ground(old.grey, new.grey, motion, goes, judged, noise),
        )

    def _left(self, old: np.ndarray, new: np.ndarray, motion: Motion) -> np.ndarray:
        """Mean square of what `motion` leaves around each block, grey levels."""
        error = warp(old, motion) - new
        np.clip(error, -_CLIP, _CLIP, out=error)
        assert self._blocks is not None
        return self._around(self._blocks.mean(error * error))

    def _around(self, values: np.ndarray) -> np.ndarray:
        """Mean over each block and its neighbours."""
        assert self._blocks is not None
        table = values.reshape(self._blocks.rows, self._blocks.columns)
        return cv2.blur(table, (3, 3), borderType=cv2.BORDER_REPLICATE).ravel()

    def _ground(self, old, new, motion: Motion, goes: np.ndarray, judged: np.ndarray, noise: float) -> float:
        """Share of the judged blocks along the lower half of the border that take part in the motion's shift.

        Clouds that drift over a sea do not carry it along. NaN where the motion has no shift or nothing is seen there.
        """
        assert self._blocks is not None
        row, column = np.divmod(np.arange(len(goes)), self._blocks.columns)
        sides = (column < 3) | (column >= self._blocks.columns - 3) | (row >= self._blocks.rows - 2)
        low = judged & sides & (row >= self._blocks.rows // 2)
        if abs(motion.shift) < NEAR / 2 or low.sum() < 4:
            return math.nan
        without = self._left(old, new, Motion(motion.turn)) + noise + _GRAIN
        return float((goes < 0.8 * without)[low].mean())

    def _grid(self, picture: Picture) -> Cells:
        cells = picture.cells
        if self._blocks is None or self._blocks.columns != 2 * cells.columns or self._blocks.bars != cells.bars:
            self._blocks = Cells(2 * cells.columns, 2 * cells.rows, cells.bars)
        return self._blocks


def edge_travel(motion: Motion) -> float:
    """How far the frame's edge travels, half frame widths."""
    return abs(motion.shift) + abs(motion.turn - 1)


def part_of(motion: Motion, share: float) -> Motion:
    """`share` of a motion: its zoom and roll to that power, its shift times it."""
    return Motion(motion.turn**share, motion.shift * share)


FIELD = "camera.layering"
MIN_LOOKS, ONE_LOOKS = 2, 4  # to tell planes apart, and to say that there is one
APART_SHARE = 0.025  # of the blocks go another speed than the background: planes
ONE_SHARE = 0.006  # and on the mean of all looks no more than this do where there is one
SHIFT_SHARE = 0.6  # of the frame's way is a shift: a zoom or a roll carries all planes alike


def read_layering(tracks: Tracks) -> dict[str, Variable]:
    """camera.layering of the shot that `tracks` spans; planes are told apart only while the frame moves over them."""
    slow, fast = tracks["layer_slow"], tracks["layer_fast"]
    looks = np.isfinite(slow) & np.isfinite(fast)
    n_looks = int(looks.sum())
    if n_looks < MIN_LOOKS:
        reason = f"{n_looks} looks at layers that move; planes are told apart by {MIN_LOOKS} of them"
        return {FIELD: abstain(FIELD, reason)}
    apart, shift = float(np.median(slow[looks] + fast[looks])), _shift_share(tracks)
    numbers = {"apart": apart, "shift_share": shift, "looks": float(n_looks)}
    note = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    sure = apart**2 / (apart**2 + APART_SHARE**2)
    if apart > APART_SHARE:
        return {FIELD: measured(FIELD, ["parallax"], {"parallax": sure}, note)}
    if shift < SHIFT_SHARE:
        return {FIELD: abstain(FIELD, "a zoom or a roll carries all planes alike", note)}
    if n_looks < ONE_LOOKS or float(np.mean(slow[looks] + fast[looks])) > ONE_SHARE:
        return {FIELD: abstain(FIELD, "too few blocks or looks to tell one plane from several", note)}
    return {FIELD: measured(FIELD, ["single_plane"], {"single_plane": 1 - sure}, note)}


def _shift_share(tracks: Tracks) -> float:
    """The share of pans in how far the frame's edge goes, 0..1."""
    names = ("camera_x", "camera_y", "camera_zoom", "camera_roll_deg")
    x, y, zoom, roll_deg = (np.nan_to_num(tracks[name][1:].astype(float)) for name in names)
    shift = float(np.hypot(x, y * tracks.height_px / tracks.width_px).sum())
    other = float((np.abs(zoom) + np.abs(np.radians(roll_deg))).sum() / 2)
    return shift / (shift + other + 1e-9)
