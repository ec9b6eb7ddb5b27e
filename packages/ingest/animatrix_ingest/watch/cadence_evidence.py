"""Gathers what decide/telecine.py is asked, frame by frame, at the least cost that the source allows."""

from __future__ import annotations

import cv2
import numpy as np
from anicaption.frames import Frame, fields

from animatrix_ingest.decide.telecine import CLEAR_LEVELS, COLUMNS
from animatrix_ingest.watch.cadence_luma import FAR, MOVED, blend, changed, combed

NAN = float("nan")
COLUMNS_PX = 600  # combs and changes are seen as well in so many columns as in all
SAMPLE_FRAMES, SAMPLE_FRAMES_HELD = 23, 7  # whole frames are searched for combs every so often, in step with no cadence
COMBED_LEVELS, COMBED_SHARE = 3.0, 0.8  # of moving blocks, and of what weaving with the better of other fields gives
COMBED_SAMPLES = 2  # of the last five samples: then the source has fields


def nothing() -> dict[str, float]:
    """A frame of which nothing was measured."""
    return dict.fromkeys(COLUMNS, NAN)


class Eyes:
    """Looks at the luma of frames of one depth; remembers the fields of the last two."""

    def __init__(self, bit_depth: int = 8) -> None:
        self._scale = 1 / (1 << max(0, bit_depth - 8))
        self._recent: list[tuple[Frame, int, np.ndarray]] = []

    def field(self, frame: Frame, parity: int) -> np.ndarray:
        """Top (0) or bottom (1) field of the luma as uint8, of large pictures every second column or fewer."""
        for seen, of, field in self._recent:
            if seen is frame and of == parity:
                return field
        field = fields(frame)[parity]
        field = np.ascontiguousarray(field[:, :: max(1, field.shape[1] // COLUMNS_PX)])
        field = field if field.dtype == np.uint8 else cv2.convertScaleAbs(field, alpha=self._scale)
        self._recent = [*self._recent[-3:], (frame, parity, field)]
        return field

    def fields(self, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        """Both fields, as `field` gives them."""
        return self.field(frame, 0), self.field(frame, 1)

    def whole(self, frame: Frame, last: Frame) -> dict[str, float]:
        """The evidence of frames that are whole: how much changed."""
        return nothing() | {"top": float(changed(self.field(frame, 0), self.field(last, 0)).max())}

    def both_fields(self, frame: Frame, last: Frame) -> dict[str, float]:
        """All evidence of a frame that may be made of two fields."""
        (top, bottom), (last_top, last_bottom) = self.fields(frame), self.fields(last)
        tops, bottoms = changed(top, last_top), changed(bottom, last_bottom)
        found = nothing() | {"top": float(tops.max()), "bottom": float(bottoms.max())}
        moving = np.maximum(tops, bottoms) > MOVED
        if moving.any():
            weaves = {"own": (top, bottom), "with_last": (top, last_bottom), "last_with": (last_top, bottom)}
            found |= {name: float(combed(*pair)[moving].mean()) for name, pair in weaves.items()}
            found["blend"] = blend(last_top, last_bottom, top) if tops.max() > FAR / 2 else NAN
        return found

    def differ(self, one: Frame, other: Frame, parity: int) -> bool:
        """Whether the fields of this parity (0 top, 1 bottom) clearly show two things."""
        return bool(np.max(changed(self.field(one, parity), self.field(other, parity))) > CLEAR_LEVELS)


class CombWatch:
    """Whether a source that calls itself progressive has combs after all, from one frame in `every_frames`."""

    def __init__(self, eyes: Eyes, every_frames: int) -> None:
        self._eyes, self._every = eyes, every_frames
        self._samples: list[bool] = []

    def see(self, frame: Frame, last: Frame | None) -> bool:
        """See a frame and the one before; True from when combs are found."""
        if last is not None and frame.index % self._every == 0:
            found = self._eyes.both_fields(frame, last)
            combs = found["own"], found["with_last"], found["last_with"]
            combed = found["own"] > max(COMBED_LEVELS, COMBED_SHARE * min(combs[1:])) and max(combs) > 2 * min(combs)
            self._samples = [*self._samples[-4:], combed]
        return sum(self._samples) >= COMBED_SAMPLES
