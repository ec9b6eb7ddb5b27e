"""The sound of a file: mono float32 samples at a wanted rate, in pieces, where their time stamps put them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from anicaption.frames_probe import VideoError, VideoSource, name_of, open_video

SLACK_S = 0.05
"""Time stamps that disagree with the count of samples by less are taken for rounding; by more, for a gap or overlap."""


@dataclass(frozen=True)
class Sound:
    """Samples in a row, float32 (N,). The first is heard at `start_sample` / `rate_hz` seconds of the file's clock."""

    start_sample: int
    rate_hz: int
    samples: np.ndarray


def has_sound(source: VideoSource) -> bool:
    """Whether the file declares a sound stream."""
    with open_video(source) as container:
        return bool(container.streams.audio)


def sound(source: VideoSource, rate_hz: int = 11025) -> Iterator[Sound]:
    """Decode the first sound stream linearly; nothing where there is none.

    All channels are mixed to one. What the time stamps leave out is left out (the next piece starts later), what they
    give twice is cut off: pieces come in order and never overlap. The clock is that of the pictures, so the first
    piece need not start at 0. Raises VideoError where the decoder stops; what came before is good.
    """
    with open_video(source) as container:
        if not container.streams.audio:
            return
        stream = container.streams.audio[0]
        n_decoded, at = 0, None
        run: _Run | None = None
        try:
            for frame in container.decode(stream):
                n_decoded += 1
                if run is None or not run.goes_on(frame):
                    yield from _after(at, run.end() if run else ())
                    at = max(run.at, at or run.at) if run else None
                    run = _Run(_start_s(frame, source, n_decoded), rate_hz)
                yield from _after(at, run.add(frame))
            yield from _after(at, run.end() if run else ())
        except av.error.FFmpegError as error:
            words, remedy = error.strerror or str(error), "the sound before it is usable; copy the file again"
            raise VideoError(name_of(source), "sound", words, remedy, n_decoded) from error


class _Run:
    """Frames without a gap between them, resampled together; the resampler keeps some samples back until the end."""

    def __init__(self, start_s: Fraction, rate_hz: int) -> None:
        self.at = round(start_s * rate_hz)
        self._due_s, self._rate_hz = start_s, rate_hz
        self._resampler = AudioResampler(format="flt", layout="mono", rate=rate_hz)

    def goes_on(self, frame: AudioFrame) -> bool:
        """Whether the frame begins where the last one ended. A frame without a time stamp is taken to."""
        return frame.pts is None or abs(frame.pts * (frame.time_base or 0) - self._due_s) <= SLACK_S

    def add(self, frame: AudioFrame) -> Iterator[Sound]:
        self._due_s += Fraction(frame.samples, frame.sample_rate)
        yield from self._pieces(frame)

    def end(self) -> Iterator[Sound]:
        yield from self._pieces(None)

    def _pieces(self, frame: AudioFrame | None) -> Iterator[Sound]:
        for out in self._resampler.resample(frame):
            samples = out.to_ndarray().reshape(-1)
            yield Sound(self.at, self._rate_hz, samples)
            self.at += len(samples)


def _after(at: int | None, pieces: Iterable[Sound]) -> Iterator[Sound]:
    """What of the pieces lies at or after sample `at`."""
    for piece in pieces:
        late = 0 if at is None else max(0, at - piece.start_sample)
        if late < len(piece.samples):
            yield Sound(piece.start_sample + late, piece.rate_hz, piece.samples[late:])


def _start_s(frame: AudioFrame, source: VideoSource, n_decoded: int) -> Fraction:
    if frame.pts is None or not frame.time_base:
        raise VideoError(name_of(source), "sound", f"frame {n_decoded - 1} has no pts", "remux it with time stamps")
    return frame.pts * Fraction(frame.time_base)
