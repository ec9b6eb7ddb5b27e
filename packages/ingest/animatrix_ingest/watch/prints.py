"""Fingerprints of one source as data: what the observers of its one decode leave, and its bytes as a side file."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

FLAT = 0
"""The hash of nothing: a black, white or plain picture; silence. It matches nothing and contradicts nothing."""
_MAGIC = b"animatrix prints 1\n"


class PrintsError(ValueError):
    """Bytes that are no prints of this version."""


@dataclass(frozen=True)
class PicturePrints:
    """Runs of frames that show one drawing. Run i is shown from pts[i] until the next one's; the last until end_pts."""

    time_base: Fraction
    pts: np.ndarray  # int64 (N,)
    hashes: np.ndarray  # uint64 (N,)
    jumps: np.ndarray  # uint8 (N,): mean change of the picture where the run begins, grey levels
    peaks: np.ndarray  # uint8 (N,): the change of the cell that changed most: a mouth moves nothing else
    end_pts: int

    def starts_s(self) -> np.ndarray:
        """Seconds of the file's clock at which each run begins, float64 (N,)."""
        return self.pts * float(self.time_base)

    @property
    def end_s(self) -> float:
        return self.end_pts * float(self.time_base)


@dataclass(frozen=True)
class SoundPrints:
    """One hash per step of the clock: hash i is of the sound around (i * step_s, i * step_s + half a second)."""

    step_s: Fraction
    hashes: np.ndarray  # uint32 (N,)


@dataclass(frozen=True)
class Prints:
    """Both fingerprints of a source. A source without sound has no sound hashes."""

    picture: PicturePrints
    sound: SoundPrints

    def to_bytes(self) -> bytes:
        """The bytes of the unit's side file "prints": a function of the prints alone."""
        picture, sound = self.picture, self.sound
        head = {
            "time_base": str(picture.time_base),
            "end_pts": int(picture.end_pts),
            "first_pts": int(picture.pts[0]) if len(picture.pts) else 0,
            "n_runs": len(picture.pts),
            "step_s": str(sound.step_s),
            "n_sounds": len(sound.hashes),
        }
        body = b"".join(
            [
                np.diff(picture.pts).astype("<i8").tobytes(),
                picture.jumps.astype("u1").tobytes(),
                picture.peaks.astype("u1").tobytes(),
                picture.hashes.astype("<u8").tobytes(),
                sound.hashes.astype("<u4").tobytes(),
            ]
        )
        return _MAGIC + json.dumps(head, sort_keys=True).encode() + b"\n" + zlib.compress(body, 6)

    @classmethod
    def from_bytes(cls, data: bytes) -> Prints:
        """PrintsError where the bytes are something else or not whole."""
        if not data.startswith(_MAGIC):
            raise PrintsError(f"prints: begins with {data[:20]!r}, not {_MAGIC!r}; ingest the source again")
        try:
            line, packed = data[len(_MAGIC) :].split(b"\n", 1)
            head = json.loads(line)
            body = zlib.decompress(packed)
            n, n_sounds = head["n_runs"], head["n_sounds"]
            steps, at = np.frombuffer(body, "<i8", max(0, n - 1)), 8 * max(0, n - 1)
            jumps, at = np.frombuffer(body, "u1", n, at), at + n
            peaks, at = np.frombuffer(body, "u1", n, at), at + n
            hashes, at = np.frombuffer(body, "<u8", n, at), at + 8 * n
            sounds = np.frombuffer(body, "<u4", n_sounds, at)
        except (ValueError, KeyError, zlib.error) as error:
            raise PrintsError(f"prints: not whole ({error}); ingest the source again") from error
        pts = np.concatenate([[head["first_pts"]], steps]).cumsum()[:n].astype(np.int64)
        picture = PicturePrints(Fraction(head["time_base"]), pts, hashes, jumps, peaks, head["end_pts"])
        return cls(picture, SoundPrints(Fraction(head["step_s"]), sounds))


def no_sound() -> SoundPrints:
    """Of a source without sound."""
    return SoundPrints(Fraction(1), np.zeros(0, np.uint32))
