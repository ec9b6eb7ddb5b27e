"""One source from file to committed unit: probe, look, caption, commit. Plain callables; nothing here knows Ray."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from anicaption.captioner import record_of
from anicaption.directive import directive
from anicaption.frames import Stream

from animatrix_ingest.keep.encode import Encode
from animatrix_ingest.keep.ledger import Ledger
from animatrix_ingest.keep.store import Writing, canonical
from animatrix_ingest.recipes import Settings
from animatrix_ingest.rows import Captioned, Clip, Dead, Member, Probed, Side, Source, Unit, Watched
from animatrix_ingest.watch.look import Look, Tell, open_source


@dataclass(frozen=True)
class Caption:
    """The record of a clip, from its part of the source's tracks, and the directive that says it."""

    def __call__(self, watched: Watched, clip: Clip) -> Captioned | Dead:
        try:
            tracks = watched.tracks.window(clip.span.start_frame, clip.span.end_frame)
            record = record_of(tracks)
            return Captioned(clip, record, directive(record).text)
        except Exception as error:  # a failure is a row: this shot is dead, the others go on
            return Dead("caption", f"{type(error).__name__}: {error}", clip.span)


@dataclass(frozen=True)
class IngestSource:
    """Everything that happens to one source. Its return value is what the ledger now says of it.

    Exactly one unit is committed, last, whatever happens: an exception in the code ends as a dead letter too.
    """

    ledger: Ledger
    look: Look
    caption: Caption

    @classmethod
    def of(cls, settings: Settings, ledger: Ledger) -> IngestSource:
        encode = Encode(settings.clip_height_px, settings.crf, settings.preset, settings.gop_frames)
        return cls(ledger, Look(settings.detector, settings.min_shot_s, settings.max_shot_s, encode), Caption())

    def __call__(self, source: Source, tell: Tell) -> Unit:
        started = time.perf_counter()
        side = Writing(self.ledger.folder / "sides")
        try:
            unit = self._unit(source, side, tell)
        except Exception as error:
            unit = buried(source, self.ledger, Dead("ingest", f"{type(error).__name__}: {error}"))
        finally:
            side.discard()
        unit = replace(unit, seconds=round(time.perf_counter() - started, 3))
        self.ledger.commit(unit)
        return unit

    def _unit(self, source: Source, side: Writing, tell: Tell) -> Unit:
        probed = open_source(source)
        if isinstance(probed, Dead):
            return buried(source, self.ledger, probed)
        watched = self.look(probed, side, tell)
        if isinstance(watched, Dead):
            return replace(buried(source, self.ledger, watched), stream=facts(probed.stream))
        members: list[Member] = []
        dead = list(watched.dead)
        for clip in watched.clips:
            captioned = self.caption(watched, clip)
            if isinstance(captioned, Dead):
                dead.append(captioned)
            else:
                members.append(_member(probed, captioned, side))
        kept = Side(side.blake2b, side.size_bytes) if members else None
        if kept is not None:
            side.commit(kept.blake2b)
        return Unit(
            source=source,
            fingerprint=self.ledger.fingerprint,
            stream=facts(probed.stream),
            n_frames=watched.n_frames,
            members=tuple(members),
            dropped=watched.dropped,
            dead=tuple(dead),
            lost=watched.lost,
            side=kept,
            seconds=0.0,
        )


def buried(source: Source, ledger: Ledger, dead: Dead) -> Unit:
    """The unit of a source that died as a whole."""
    return Unit(source, ledger.fingerprint, {}, 0, (), (), (dead,), None, None, 0.0)


def facts(stream: Stream) -> dict[str, Any]:
    """What the manifest and the report tell of a source's stream."""
    return {
        "container": stream.container,
        "codec": stream.codec,
        "width_px": stream.width_px,
        "height_px": stream.height_px,
        "time_base": str(stream.time_base),
        "rate": str(stream.rate),
        "duration_s": stream.duration_s,
    }


def _member(probed: Probed, captioned: Captioned, side: Writing) -> Member:
    """Write a clip's json and txt beside its mp4 in the side file."""
    clip, record = captioned.clip, captioned.record
    said = {
        "key": clip.key,
        "source": probed.source.name,
        "source_sha256": probed.source.sha256,
        "start_pts": clip.span.start_pts,
        "end_pts": clip.span.end_pts,
        "time_base": str(probed.stream.time_base),
        "start_frame": clip.span.start_frame,
        "end_frame": clip.span.end_frame,
        "rate": str(probed.stream.rate),
        "record": record.to_json(),
    }
    return Member(
        key=clip.key,
        span=clip.span,
        width_px=clip.width_px,
        height_px=clip.height_px,
        mp4=(clip.offset, clip.length),
        json=side.write(canonical(said)),
        txt=side.write(captioned.directive.encode()),
        mp4_blake2b=clip.blake2b,
        tags=record.tags(),
    )
