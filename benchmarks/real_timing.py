"""Timing on real footage against labelled runs of identical frames, where the camera surely stands still.

Under a still camera a frame repeats the one before exactly where its drawings are held, so the labels give the new-
drawing mask, and from it motion.timing by the same rule that drawn truth goes by.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from anicaption.captioner import record_of
from anicaption.drawn.truth_motion import timing_of
from anicaption.tracks import Tracks

MIN_FRAMES = 12  # shorter stretches have no timing to speak of


@dataclass(frozen=True)
class TimingRead:
    """One still stretch [start, end): what is true and said of it, and the frames whose mask is wrong."""

    start: int
    end: int
    true: str
    said: tuple[str, ...]
    missed: tuple[int, ...]  # repeats that were taken for new drawings
    false: tuple[int, ...]  # new drawings that were taken for repeats
    untold: int  # frames of which the mask says nothing

    @property
    def verdict(self) -> str:
        if self.said == ("unknown",):
            return "abstained"
        return "right" if self.said == (self.true,) else "wrong"


def new_drawings(labels: dict[str, Any], start: int, end: int) -> np.ndarray:
    """1 where the frame differs from the one before, 0 where it repeats it, by the labels."""
    mask = np.ones(end - start, np.float32)
    for first, last in labels["held_frames"]["runs"]:
        mask[max(first + 1 - start, 0) : max(last + 1 - start, 0)] = 0
    return mask


def timing(labels: dict[str, Any], tracks: Tracks, still: Iterable[tuple[int, int]]) -> list[TimingRead]:
    """What is read of every still stretch; nothing where the labels know no held frames."""
    if "held_frames" not in labels:
        return []
    found = []
    for start, end in still:
        if end - start < MIN_FRAMES:
            continue
        part = tracks.window(start, end)
        true, said = new_drawings(labels, start, end), part["drawing_new"]
        label = timing_of(true)
        if label is None:
            continue
        told = ~np.isnan(said)
        told[0] = False  # the first frame of a shot has none before it
        found.append(
            TimingRead(
                start, end, label, record_of(part)["motion.timing"].values,
                tuple(int(i) + start for i in np.flatnonzero(told & (true == 0) & (said > 0))),
                tuple(int(i) + start for i in np.flatnonzero(told & (true == 1) & (said == 0))),
                int((~told[1:]).sum()),
            )
        )  # fmt: skip
    return found
