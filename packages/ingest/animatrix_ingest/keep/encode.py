"""A clip's bytes: H.264 in mp4, short closed GOPs, constant rate, no audio; the same bytes for the same pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fractions import Fraction

import numpy as np
from anicaption.frames import encode_clip

from animatrix_ingest.keep.store import canonical


@dataclass(frozen=True)
class Encode:
    """How clips are encoded. One picture in, one picture out: nothing is resampled in time."""

    height_px: int
    crf: int
    preset: str
    gop_frames: int

    def __call__(self, pictures: Iterable[np.ndarray], rate: Fraction) -> bytes:
        """Encode RGB (H, W, 3) pictures, taken one at a time, at a constant `rate`."""
        return encode_clip(pictures, rate, crf=self.crf, preset=self.preset, gop_frames=self.gop_frames)

    def key(self, source_sha256: str, start_pts: int, end_pts: int) -> str:
        """The clip's name for ever: a hash of its source's content, its span and this transform. 32 hex characters.

        WebDataset cuts keys at the first dot; hex has none. Paths play no part, so a moved file keeps its keys.
        """
        what = canonical([source_sha256, start_pts, end_pts, asdict(self)])
        return hashlib.blake2b(what, digest_size=16).hexdigest()
