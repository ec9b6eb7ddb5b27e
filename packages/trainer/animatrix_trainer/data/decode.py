"""Decoding windows of clips: PyAV, or decord where it was seen to give PyAV's very pictures.

PyAV enters a clip at the key frame before the window and decodes nothing else. It is the default: it costs less
(benchmarks/decoders.py) and is never wrong on what ingest writes. decord is fast in other people's pipelines and known
to go wrong on open GOPs, uneven time stamps and cut-off files; so before it is used, one clip of each kind (size and
rate) is decoded by both, whole and from its middle, and it is refused where a frame is not the same. The verdict is
kept with what a run has read (readings.py).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from anicaption.frames import VideoError
from anicaption.frames_span import read_span

from animatrix_trainer.config import DataError

Name = Literal["pyav", "decord"]
Kind = tuple[int, int, str]
"""Columns, rows and rate of a clip."""
MOST_LEVELS = 2
"""How far apart two decoders' pictures may be anywhere, of 255: rounding in the step from YUV to RGB."""


def span(name: Name, clip: bytes, start: int, end: int, n_frames: int) -> np.ndarray:
    """Frames [start, end) of a clip of `n_frames` as RGB uint8 (T, H, W, 3). VideoError where it cannot be read so."""
    return read_span(clip, start, end, n_frames) if name == "pyav" else _decord(clip, start, end, n_frames)


@dataclass(frozen=True)
class Verdict:
    """What comparing decord with PyAV on a clip of one kind came to. `levels`: the greatest difference, of 255."""

    kind: Kind
    n_frames: int
    levels: int
    why_not: str = ""

    @property
    def agrees(self) -> bool:
        return not self.why_not

    def words(self) -> str:
        width, height, rate = self.kind
        place = f"{width}x{height} at {rate}"
        return f"{place}: {self.why_not or f'{self.n_frames} frames, at most {self.levels} levels apart'}"


def compare(kind: Kind, clip: bytes, n_frames: int) -> Verdict:
    """Decode a clip by both: whole, its last frame, and a stretch from the middle of a GOP."""
    middle = n_frames // 2
    levels = 0
    for start, end in ((0, n_frames), (n_frames - 1, n_frames), (middle, min(n_frames, middle + 5))):
        truth = span("pyav", clip, start, end, n_frames)
        try:
            found = span("decord", clip, start, end, n_frames)
        except VideoError as error:
            return Verdict(kind, n_frames, 255, f"decord fails where PyAV does not: {error.words}")
        if found.shape != truth.shape:
            return Verdict(kind, n_frames, 255, f"decord gives {found.shape}, PyAV {truth.shape}")
        apart = np.abs(found.astype(np.int16) - truth).max(axis=(1, 2, 3))
        levels = max(levels, int(apart.max()))
        if levels > MOST_LEVELS:
            frame = start + int(apart.argmax())
            return Verdict(kind, n_frames, levels, f"frame {frame} is {levels} levels of 255 apart from PyAV's")
    return Verdict(kind, n_frames, levels)


class Decoder:
    """Decodes windows. decord is compared with PyAV on the first clip of each kind that it meets, and on those of
    `check` at once; DataError where they differ."""

    def __init__(self, name: Name = "pyav") -> None:
        self.name: Name = name
        self.verdicts: dict[Kind, Verdict] = {}
        if name == "decord":
            _module()

    def __call__(self, kind: Kind, clip: bytes, start: int, end: int, n_frames: int) -> np.ndarray:
        """Frames [start, end) of a clip of `n_frames` as RGB uint8 (T, H, W, 3)."""
        if self.name == "decord" and kind not in self.verdicts:
            self.check([(kind, clip, n_frames)])
        return span(self.name, clip, start, end, n_frames)

    def check(self, clips: Iterable[tuple[Kind, bytes, int]]) -> None:
        """Compare on (kind, bytes, number of frames)."""
        for kind, clip, n_frames in clips:
            verdict = self.verdicts[kind] = compare(kind, clip, n_frames)
            if not verdict.agrees:
                raise DataError(f"decoder=decord: {verdict.words()}; use --decoder pyav")

    def words(self) -> str:
        """One line: who decodes, and what was seen of it."""
        if self.name == "pyav":
            return "pyav"
        seen = "; ".join(verdict.words() for verdict in self.verdicts.values())
        return f"decord {_module().__version__}, agrees with PyAV ({seen})"


def _decord(clip: bytes, start: int, end: int, n_frames: int) -> np.ndarray:
    try:
        reader = _module().VideoReader(io.BytesIO(clip), num_threads=1)
        found = len(reader)
        pictures = reader.get_batch(range(start, end)).asnumpy() if found == n_frames else None
    except (_module()._ffi.base.DECORDError, RuntimeError, IndexError) as error:
        words = str(error).strip().splitlines()
        raise VideoError(
            "clip", "decord", words[-1] if words else "no words", "put a good copy in its place"
        ) from error
    if pictures is None:
        raise VideoError("clip", "decord", f"{found} frames in it, {n_frames} are expected", "use --decoder pyav")
    return pictures


def _module() -> Any:
    try:
        import decord  # optional: it has no wheels for some machines
    except ImportError as error:
        raise DataError(
            "decoder=decord: decord is not installed; `pip install decord` or use --decoder pyav"
        ) from error
    return decord
