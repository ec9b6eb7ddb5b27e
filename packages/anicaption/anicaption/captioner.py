"""From a clip to its record: measure every frame, let the heads and a model guess the rest, say `unknown` otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from anicaption.frames import Stream, VideoError, VideoSource, frames, probe
from anicaption.fuse import fuse, stated
from anicaption.measure import read
from anicaption.record import Record, Variable
from anicaption.tracks import Tracks

if TYPE_CHECKING:
    from anicaption.heads import Heads
    from anicaption.vlm.score import Vlm

WATCH_ROWS_PX = 144
NONE: Mapping[str, Variable] = MappingProxyType({})
_LEAST_DECODED = 0.8  # of the declared frames or seconds; durations are rounded, and a last frame or two may be cut off


def record_of(tracks: Tracks) -> Record:
    """The record of the one shot that `tracks` spans. Fields that no estimator reads are `unknown`."""
    return Record.build(tracks, read(tracks))


def watch(source: VideoSource) -> Tracks:
    """The tracks of every frame of a file, of any size, rate and shape of pixels.

    Raises VideoError where decoding breaks, where the decoder made up a picture, where there is no frame or far fewer
    than the container declares: measurements of what is not there would be guesses.
    """
    from anicaption.measure.onepass import Watch

    stream = probe(source)
    watch = Watch(stream.rate, stream.shown_width_px, stream.height_px)
    n_frames, first_pts, last_pts = 0, 0, 0
    for frame in frames(source):
        if frame.corrupt:
            words = f"frame {frame.index} is damaged, and the decoder filled it in"
            raise VideoError(stream.source, "decode", words, "copy the file again", frame.index)
        watch.see(frame.rgb(min(WATCH_ROWS_PX, stream.height_px), stream.pixel_aspect), frame.rgb)
        first_pts, last_pts = first_pts if n_frames else frame.pts, frame.pts
        n_frames += 1
    if not n_frames:
        raise VideoError(stream.source, "decode", "no frame in it", "give a clip of at least one frame")
    _check_whole(stream, n_frames, float((last_pts - first_pts) * stream.time_base + 1 / stream.rate))
    return watch.tracks()


def _check_whole(stream: Stream, n_frames: int, seconds: float) -> None:
    """Refuse a stream that broke off without the decoder's noticing."""
    if stream.n_frames and n_frames < _LEAST_DECODED * stream.n_frames:
        words = f"it ends after {n_frames} of {stream.n_frames} declared frames"
    elif not stream.n_frames and seconds < _LEAST_DECODED * (stream.duration_s or 0):
        words = f"it ends after {seconds:.2f} of {stream.duration_s:.2f} declared seconds"
    else:
        return
    raise VideoError(stream.source, "decode", words, "copy the file again", n_frames)


def caption(source: VideoSource) -> Record:
    """The record of a clip that is one shot, from measurements alone."""
    return record_of(watch(source))


@dataclass(frozen=True)
class Captioner:
    """Everything that may speak of a clip: measurements always, heads and a vision-language model where given.

    `stated` is what is said of the whole work, such as {"content.rating": "general"}. The model is asked only what is
    not measured (it is shown the measurements, and would repeat them), and never for the rating.
    """

    heads: Heads | None = None
    vlm: Vlm | None = None
    ask: tuple[str, ...] = ()  # fields for the model; all that may be asked by default
    narrate: bool = False
    stated: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, source: VideoSource) -> Record:
        """The record of a clip that is one shot. Raises VideoError where decoding breaks."""
        return self.record_of(source, watch(source))

    def record_of(
        self, source: VideoSource, tracks: Tracks, start: int = 0, corrections: Mapping[str, Variable] = NONE
    ) -> Record:
        """The record of the shot that `tracks` spans and that begins at frame `start` of `source`.

        `corrections` are what people said of this shot; they outrank what is stated of its work. What a model fails
        to say stands in the record's `failures`; what was measured is not lost with it.
        """
        sources: list[Mapping[str, Variable]] = [corrections, stated(self.stated), read(tracks)]
        known = Record.build(tracks, fuse(sources))
        if self.heads is not None:
            sources.append(self.heads.predict(source, known, start))
            known = Record.build(tracks, fuse(sources))
        if self.vlm is None:
            return known
        from anicaption.vlm.prompt import askable
        from anicaption.vlm.score import VlmError
        from anicaption.vlm.view import shot_view

        view = shot_view(source, known, start)
        settled = {name for name, v in known.variables().items() if v.known and v.source in ("measured", "expert")}
        said = self.vlm.score(view, [name for name in self.ask or askable() if name not in settled])
        failures = [f"{v.field} {v.abstained}" for v in said.values() if (v.abstained or "").startswith("failed: ")]
        record = Record.build(tracks, fuse([*sources, said]), None, failures)
        if not self.narrate:
            return record
        try:
            narrative = self.vlm.narrate(view, record)
        except VlmError as error:
            return record.model_copy(update={"failures": (*failures, f"narrative failed: {error}")})
        return record.model_copy(update={"narrative": narrative})
