"""From a clip to its record: measure every frame, decide every field, say `unknown` where nobody looked."""

from __future__ import annotations

from anicaption.frames import VideoSource, frames, probe
from anicaption.measure import read
from anicaption.record import Record
from anicaption.tracks import Tracks

WATCH_ROWS_PX = 144


def record_of(tracks: Tracks) -> Record:
    """The record of the one shot that `tracks` spans. Fields that no estimator reads are `unknown`."""
    return Record.build(tracks, read(tracks))


def watch(source: VideoSource) -> Tracks:
    """The tracks of every frame of a file, of any size and rate. Raises VideoError where decoding breaks."""
    from anicaption.measure.onepass import Watch

    stream = probe(source)
    watch = Watch(stream.rate, stream.width_px, stream.height_px)
    for frame in frames(source):
        watch.see(frame.rgb(min(WATCH_ROWS_PX, stream.height_px)))
    return watch.tracks()


def caption(source: VideoSource) -> Record:
    """The record of a clip that is one shot."""
    return record_of(watch(source))
