"""A clip's bytes: H.264 in mp4, short closed GOPs, no audio; the same bytes for the same pictures and times."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction

from anicaption.frames import FILM_RATE, ClipPicture, Encoded, encode_clip, encode_timed
from numpy import ndarray

from animatrix_ingest.decide.rate import Rate, rate_of
from animatrix_ingest.keep.store import canonical

PICTURES = "square pixels, BT.709 limited, stamped; 3"
"""How a clip's pictures come from a source's. Whoever changes it in frames_convert.py changes this, and so all keys."""


@dataclass(frozen=True)
class Encode:
    """How clips are encoded. One picture in, one picture out: nothing is resampled in time."""

    height_px: int
    crf: int
    preset: str
    gop_frames: int

    def __call__(self, pictures: Iterable[ndarray | ClipPicture], rate: Fraction) -> bytes:
        """Encode RGB (H, W, 3) or clip pictures, taken one at a time, at a constant `rate`."""
        return encode_clip(pictures, rate, crf=self.crf, preset=self.preset, gop_frames=self.gop_frames)

    def timed(
        self,
        stamped: Iterable[tuple[ndarray | ClipPicture, int]],
        time_base: Fraction,
        declared: Fraction | None = None,
    ) -> Encoded:
        """Encode (picture, pts) pairs, taken one at a time, at the constant rate that their time stamps have.

        Where they have none, every pts is kept as it is and `rate` of the answer is None. `declared` is the rate of
        the file: it decides between two that the stamps cannot tell apart.
        """

        def decided(pts: Sequence[int]) -> Fraction | None:
            said = rate_of(pts, time_base, declared)
            return said.rate if isinstance(said, Rate) else None

        return encode_timed(
            stamped,
            time_base,
            decided,
            declared or FILM_RATE,
            crf=self.crf,
            preset=self.preset,
            gop_frames=self.gop_frames,
        )

    def key(self, source_sha256: str, start_pts: int, end_pts: int) -> str:
        """The clip's name for ever: a hash of its source's content, its span and this transform. 32 hex characters.

        WebDataset cuts keys at the first dot; hex has none. Paths play no part, so a moved file keeps its keys.
        """
        what = canonical([source_sha256, start_pts, end_pts, asdict(self), PICTURES])
        return hashlib.blake2b(what, digest_size=16).hexdigest()
