"""From a clip to its record: measure every frame, let the heads and a model guess the rest, say `unknown` otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anicaption.frames import VideoSource, frames, probe
from anicaption.fuse import fuse, stated
from anicaption.measure import read
from anicaption.record import Narrative, Record, Variable
from anicaption.taxonomy import taxonomy
from anicaption.tracks import Tracks

if TYPE_CHECKING:
    from anicaption.heads import Heads
    from anicaption.vlm.score import Vlm

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
    narrate: bool = False
    stated: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, source: VideoSource) -> Record:
        """The record of a clip that is one shot.

        Raises VideoError where decoding breaks, VlmError where the model does not write its prose.
        """
        tracks = watch(source)
        sources: list[Mapping[str, Variable]] = [stated(self.stated), read(tracks)]
        known = Record.build(tracks, fuse(sources))
        if self.heads is not None:
            sources.append(self.heads.predict(source, known))
            known = Record.build(tracks, fuse(sources))
        if self.vlm is None:
            return known
        from anicaption.vlm.view import shot_view

        view = shot_view(source, known)
        settled = {name for name, v in known.variables().items() if v.known and v.source in ("measured", "expert")}
        asked = [name for name in taxonomy().field_ids if name not in settled and name != "content.rating"]
        sources.append(self.vlm.score(view, asked))
        record = Record.build(tracks, fuse(sources))
        if not self.narrate:
            return record
        told = self.vlm.narrate(view, record)
        words = Narrative(summary=told.summary, subjects=told.subjects, environment=told.environment, model=told.model)
        return Record.build(tracks, fuse(sources), words)
