"""Smear drawings: proposals for motion.deformation, from paint that one short drawing has and its neighbours do not.

A smear stands for one to three frames between two drawings of the same figure: a limb drawn out along its way, several
of it at once, or only its sweep. So much of it lies where neither the drawing before nor the one after has anything
like it, even a few pixels away. Any quick drawing has some of that; a smear has several times more than all others of
its shot.
"""

from __future__ import annotations

import itertools
import math
from array import array
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np

from anicaption.layers import ROWS_PX, STILL, Motion, Picture, Step, warp
from anicaption.record import Variable, abstain, measured
from anicaption.tracks import Event, Tracks

NAME, VERSION = "smear", "1"
FIELD = "motion.deformation"
COLUMNS = ("smear_area", "smear_frames", "smear_pieces")

MOST_FRAMES = 3  # that a smear stands
STIRS = 0.12  # redraw under which nothing was drawn anew, so no drawing begins or ends
_NEAR_PX = 5  # paint that lies this near in a neighbour (width of the search, pixels of 144 rows) is not new
_NEW = 14  # grey levels by which new paint is lighter or darker than all that lies near
_MARGIN_PX = 3
_OPEN, _PIECE = np.ones((3, 3), np.uint8), 14  # lines are thinner than paint; least pixels of a piece

PROPOSED, PROPOSED_RATIO = 0.002, 1.0  # share of the picture and of the shot's other drawings that makes a proposal
LIKELY, LIKELY_RATIO = 0.005, 2.0  # as PROPOSED, where a smear is likelier than not in action, and not elsewhere
SWEEP, PIECES = 0.07, 3  # share of the picture from which a smear is nothing but its sweep; pieces of a multiple
MOST_PROPOSALS = 3  # in a shot
NONE_SHARE = 0.88  # of the shots in which no drawing stands out are on model (tuning seeds)
CLEAR_FRAMES = 3  # at the clear end of a fade, where a drawing is seen well enough


class Brief(NamedTuple):
    """A drawing that stood for [start, end): `area` of its own paint, share of the picture; in how many `pieces`;
    `ratio` to the shot's other drawings."""

    start: int
    end: int
    area: float
    pieces: int
    ratio: float

    @property
    def kind(self) -> str:
        if self.area >= SWEEP:
            return "smear_abstract"
        return "smear_multiple" if self.pieces >= PIECES else "smear_stretch"


class SmearWatch:
    """The streaming half: per frame, how much paint of its own the drawing has that begins there."""

    def __init__(self) -> None:
        self._rows = {name: array("f") for name in COLUMNS}
        self._recent: deque[tuple[np.ndarray, Motion, bool]] = deque(maxlen=MOST_FRAMES + 2)

    def see(self, now: Picture, step: Step | None, redraw: float) -> None:
        """`step` leads from the picture before to this one; `redraw` is what it leaves (leftover.Left)."""
        fine = now.fine
        if self._recent and self._recent[-1][0].shape != fine.shape:
            self._recent.clear()
        motion = STILL if step is None or step.still or step.motion is None else step.motion
        self._recent.append((now.fine_bytes, motion, not redraw < STIRS))
        for row in self._rows.values():
            row.append(math.nan if len(row) == 0 else 0.0)
        if len(self._recent) > 2 and self._recent[-1][2]:
            self._judge()

    def _judge(self) -> None:
        """Every run of one to three frames before the newest one, whose first and next frame were drawn anew."""
        newest = len(self._rows["smear_area"]) - 1
        after, way, _ = self._recent[-1]
        size = max(3, round(_NEAR_PX * after.shape[0] / ROWS_PX)) | 1
        near = np.ones((size, size), np.uint8)
        high, low = cv2.dilate(after, near), cv2.erode(after, near)
        least = most = before = None
        for n in range(1, min(MOST_FRAMES, len(self._recent) - 2) + 1):
            grey, step, begins = self._recent[-1 - n]
            here = warp(grey, way) if before is None else before
            least = here if least is None else cv2.min(least, here)
            most = here if most is None else cv2.max(most, here)
            way, before = step.after(way), None
            if not begins:
                continue
            before = warp(self._recent[-2 - n][0], way)
            lighter = cv2.subtract(least, cv2.max(high, cv2.dilate(before, near)))
            darker = cv2.subtract(cv2.min(low, cv2.erode(before, near)), most)
            own = cv2.threshold(cv2.max(lighter, darker), _NEW, 1, cv2.THRESH_BINARY)[1]
            if cv2.countNonZero(own) > self._rows["smear_area"][newest - n] * own.size:
                self._keep(newest - n, n, _inside(own, way))

    def _keep(self, start: int, n_frames: int, own: np.ndarray) -> None:
        area = cv2.countNonZero(own) / own.size
        if area <= self._rows["smear_area"][start]:
            return
        pieces = 0
        if area > PROPOSED:
            _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.morphologyEx(own, cv2.MORPH_OPEN, _OPEN))
            pieces = int((stats[1:, cv2.CC_STAT_AREA] >= _PIECE).sum())
        for name, value in zip(COLUMNS, (area, n_frames, pieces), strict=True):
            self._rows[name][start] = value

    def columns(self) -> dict[str, np.ndarray]:
        return {name: np.array(row, np.float32) for name, row in self._rows.items()}


def _inside(own: np.ndarray, way: Motion) -> np.ndarray:
    """`own` where the oldest picture was seen at all, and away from the frame's edge."""
    if way != STILL:
        seen = np.ones_like(own)
        height, width = own.shape
        cv2.warpAffine(seen, way.matrix(width, height), (width, height), dst=seen, flags=cv2.WARP_INVERSE_MAP)
        own = own & cv2.erode(seen, np.ones((2 * _MARGIN_PX + 1,) * 2, np.uint8))
    own[:_MARGIN_PX] = own[-_MARGIN_PX:] = 0
    own[:, :_MARGIN_PX] = own[:, -_MARGIN_PX:] = 0
    return own


def briefs(columns: Mapping[str, np.ndarray], hidden: np.ndarray) -> list[Brief]:
    """The drawings that stand out of the others of a shot, most paint first; none that touches `hidden` (T,). Pure."""
    area = np.nan_to_num(columns["smear_area"]).astype(float)
    n_frames = np.nan_to_num(columns["smear_frames"]).astype(int)
    found: list[tuple[int, int]] = []
    for start in np.argsort(-area, kind="stable").tolist():
        end = start + n_frames[start]
        if area[start] <= 0 or start == 0 or end >= len(area) or hidden[start : end + 1].any():
            continue
        if all(end <= first or start >= last for first, last in found):
            found.append((start, end))
    areas = [float(area[start]) for start, _ in found]
    out = []
    for place, (start, end) in enumerate(found):
        other = max(areas[:place] + areas[place + 1 :], default=0.0)
        ratio = min(99.0, areas[place] / max(other, 1e-4))
        out.append(Brief(start, int(end), areas[place], int(columns["smear_pieces"][start]), ratio))
    return out


def hidden_frames(events: tuple[Event, ...], n_frames: int) -> np.ndarray:
    """Frames whose picture is not the shot's own drawing, bool (T,)."""
    hidden = np.zeros(n_frames, bool)
    for event in events:
        if event.field == "vfx.impact_frame":
            hidden[event.start : event.end + 1] = True
        elif event.field == "camera.transition":
            clear = CLEAR_FRAMES if event.value.startswith("fade") else -1
            first, last = (0, clear) if "_in" in event.value else (clear, 0)
            hidden[max(0, event.start + first) : max(0, event.end - last)] = True
    return hidden


def proposals(columns: Mapping[str, np.ndarray], events: tuple[Event, ...], cuts: tuple[int, ...]) -> tuple[Event, ...]:
    """Smears that may be, as events of a whole source for who looks at them; the score is over 0.5 where one is likely.
    `cuts` are the first frames of its shots after the first. Pure."""
    n_frames = len(columns["smear_area"])
    hidden = hidden_frames(events, n_frames)
    found = []
    for start, end in itertools.pairwise((0, *cuts, n_frames)):
        shot = {name: columns[name][start:end] for name in COLUMNS}
        for brief in briefs(shot, hidden[start:end])[:MOST_PROPOSALS]:
            if brief.area >= PROPOSED and brief.ratio >= PROPOSED_RATIO:
                found.append(Event(FIELD, brief.kind, start + brief.start, start + brief.end, _score(brief)))
    return tuple(sorted(found, key=lambda event: event.start))


def _score(brief: Brief) -> float:
    """0.5 where a smear is likely, towards 1 with more paint than that."""
    strength = min(brief.area / LIKELY, brief.ratio / LIKELY_RATIO)
    return strength / (1 + strength)


def read_deformation(tracks: Tracks) -> dict[str, Variable]:
    """motion.deformation: none where no drawing stands out. Where one does, it is proposed and not decided: of such
    drawings three in four are smears in action, but one in four among shots of all kinds."""
    columns = {name: tracks[name] for name in COLUMNS}
    known = np.isfinite(columns["smear_area"])
    if known.sum() < MOST_FRAMES + 2:
        return {FIELD: abstain(FIELD, f"smears were looked for in {int(known.sum())} frames only")}
    likely = [
        brief
        for brief in briefs(columns, hidden_frames(tracks.events, tracks.n_frames))
        if brief.area >= LIKELY and brief.ratio >= LIKELY_RATIO
    ]
    if likely:
        frames = ", ".join(f"{one.start}-{one.end - 1}" for one in sorted(likely))
        reason = f"the drawing of frames {frames} stands out; smear, squash or an effect, that needs eyes"
        return {FIELD: abstain(FIELD, reason)}
    return {FIELD: measured(FIELD, ["none"], {"none": NONE_SHARE})}
