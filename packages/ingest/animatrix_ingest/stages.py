"""One source from file to committed unit: probe, look, caption, commit. Plain callables; nothing here knows Ray."""

from __future__ import annotations

import errno
import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
from anicaption.captioner import record_of
from anicaption.directive import directive
from anicaption.frames import Stream, VideoError
from anicaption.sound import sound
from threadpoolctl import threadpool_limits

from animatrix_ingest.decide.conserve import NotConserved, count_shots
from animatrix_ingest.decide.pieces import Joint
from animatrix_ingest.keep import tables
from animatrix_ingest.keep.clips import members as members_table
from animatrix_ingest.keep.encode import Encode
from animatrix_ingest.keep.faults import point
from animatrix_ingest.keep.ledger import Ledger, put_side, unread
from animatrix_ingest.keep.store import StoreError, Writing, canonical, digest
from animatrix_ingest.recipes import Settings
from animatrix_ingest.rows import Captioned, Clip, Dead, Done, Member, Side, Source, Unit, Watched
from animatrix_ingest.scores import scores_table
from animatrix_ingest.vectors import vectors_table
from animatrix_ingest.watch.appearance import AppearanceWatch
from animatrix_ingest.watch.embed import Eye, WeightsError
from animatrix_ingest.watch.fetch import FetchError, fetched
from animatrix_ingest.watch.fingerprint_sound import RATE_HZ, SoundPrint
from animatrix_ingest.watch.look import Look, Tell, open_source
from animatrix_ingest.watch.prints import Prints, SoundPrints
from animatrix_ingest.watch.sources import Given


@dataclass(frozen=True)
class Caption:
    """The record of a clip, from its part of the source's tracks, and the directive that says it."""

    def __call__(self, watched: Watched, clip: Clip) -> Captioned | Dead:
        try:
            tracks = watched.tracks.window(clip.span.start_frame, clip.span.end_frame)
            record = record_of(replace(tracks, rate=average_rate(watched, clip)))
            return Captioned(clip, record, directive(record).text)
        except Exception as error:  # a failure is a row: this shot is dead, the others go on
            return Dead("caption", f"{type(error).__name__}: {error}", clip.span)


@dataclass(frozen=True)
class Work:
    """A source to work on. `sha256` is what it is known to hold, if it is; `retry`: a dead letter is tried again."""

    given: Given
    sha256: str | None = None
    retry: bool = False
    explicit: bool = False

    @property
    def name(self) -> str:
        return self.given.name


@dataclass(frozen=True)
class IngestSource:
    """Everything that happens to one source, where it happens: fetched, hashed, watched, committed.

    Exactly one unit is committed, last, whatever happens: an exception in the code ends as a dead letter too. What
    another worker has finished is not done again. `forgotten` contents are left alone unless named explicitly.
    """

    ledger: Ledger
    look: Look
    caption: Caption
    cache: Path
    forgotten: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, settings: Settings, ledger: Ledger, cache: Path, forgotten: frozenset[str], eye: Eye | None = None
    ) -> IngestSource:
        encode = Encode(settings.clip_height_px, settings.crf, settings.preset, settings.gop_frames)
        look = Look(settings.detector, settings.min_shot_s, settings.max_shot_s, encode, eye or AppearanceWatch)
        return cls(ledger, look, Caption(), cache, forgotten)

    def __call__(self, work: Work, tell: Tell) -> Done:
        try:
            with one_thread(), fetched(work.given, self.cache) as path:
                source = self._hashed(work, path)
                tell(0, 0)  # from here on silence is a stall
                return self._finished(work, source) or self._ingest(work, source, path, tell)
        except FetchError as error:
            return self.bury(work, Dead("fetch", f"{error}"))

    def _hashed(self, work: Work, path: Path) -> Source:
        """The source with its content known, here and for later runs."""
        version = work.given.version or ""
        if work.sha256 is not None:
            return Source(work.name, work.sha256, path.stat().st_size, version)
        try:
            with open(path, "rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise FetchError(f"{work.name}: cannot be read ({error.strerror}); check it, then `retry`") from error
        source = Source(work.name, sha256, path.stat().st_size, version)
        self.ledger.know(source)
        return source

    def _finished(self, work: Work, source: Source) -> Done | None:
        """What is known of a content that needs no work; None where it needs some."""
        if source.sha256 in self.forgotten and not work.explicit:
            return Done(source, -1, "dropped", "forgotten on request", False)
        at = self.ledger.attempt(source.sha256)
        if at is None or work.retry:
            return None
        return done(source, self.ledger.unit(source.sha256, at), False)

    def _ingest(self, work: Work, source: Source, path: Path, tell: Tell) -> Done:
        started = time.perf_counter()
        side = self.ledger.store.writing()
        try:
            unit = self._unit(source, path, side, tell)
        except (StoreError, NotConserved, WeightsError):
            raise  # nothing about the source: a full disk, a store that does not answer, other weights, our own fault
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StoreError(f"{work.name}: {error}; free some space, and run again") from error
            unit = buried(source, self.ledger, Dead("ingest", f"{type(error).__name__}: {error}"))
        except Exception as error:  # whatever the code stumbled over is told as a dead letter, and the others go on
            unit = buried(source, self.ledger, Dead("ingest", f"{type(error).__name__}: {error}"))
        finally:
            side.discard()
        return self._commit(work, replace(unit, seconds=round(time.perf_counter() - started, 3)))

    def bury(self, work: Work, dead: Dead) -> Done:
        """Commit the dead letter of a source that could not be worked on at all, unless it is finished."""
        given = work.given
        known = self.ledger.known(given.name, given.size_bytes, given.version or "")
        nameless = Source(given.name, unread(given.name), given.size_bytes or 0, given.version or "")
        source = replace(known, name=given.name) if known else nameless
        finished = self._finished(work, source)
        return finished or self._commit(work, buried(source, self.ledger, dead))

    def _commit(self, work: Work, unit: Unit) -> Done:
        at = self.ledger.attempt(unit.source.sha256)
        if at is not None and not work.retry:
            return done(unit.source, self.ledger.unit(unit.source.sha256, at), False)
        unit = replace(unit, attempt=0 if at is None else at + 1)
        return done(unit.source, self.ledger.commit(unit), True)

    def _unit(self, source: Source, path: Path, side: Writing, tell: Tell) -> Unit:
        probed = open_source(replace(source, name=str(path)))
        if isinstance(probed, Dead):
            return buried(source, self.ledger, probed)
        probed = replace(probed, source=source)
        watched = self.look(probed, side, tell)
        if isinstance(watched, Dead):
            return replace(buried(source, self.ledger, watched), stream=facts(probed.stream, 0))
        members: list[Member] = []
        dead = list(watched.dead)
        for clip in watched.clips:
            captioned = self.caption(watched, clip)
            if isinstance(captioned, Dead):
                dead.append(captioned)
            else:
                members.append(_member(watched, captioned, side))
        unit = Unit(
            source=source,
            fingerprint=self.ledger.fingerprint,
            attempt=0,
            stream=facts(probed.stream, watched.n_decoded),
            n_frames=watched.n_frames,
            n_kept=len(members),
            dropped=watched.dropped,
            dead=tuple(dead),
            lost=watched.lost,
            sides={},
            seconds=0.0,
        )
        count_shots(unit, [(m.span.start_frame, m.span.end_frame) for m in members])
        return replace(unit, sides=self._sides(unit, watched, path, members, side)) if members else unit

    def _sides(
        self, unit: Unit, watched: Watched, path: Path, members: Sequence[Member], side: Writing
    ) -> dict[str, Side]:
        """Write what is kept of a source beside its unit: the clips' bytes, a table of them, scores, looks, prints."""
        clips = Side(side.blake2b, side.size_bytes)
        point("before side", io=False)
        side.commit(clips.name)
        point("side committed", io=False)
        rows = members_table(unit.source, unit.stream, members, clips.name)
        kept = {member.key for member in members}
        here = [clip for clip in watched.clips if clip.key in kept]
        prints = Prints(watched.seen.prints, listen(path))
        store = self.ledger.store
        return {
            "clips": clips,
            "members": put_side(store, tables.to_bytes(rows)),
            "scores": put_side(store, tables.to_bytes(scores_table(watched, here))),
            "vectors": put_side(store, tables.to_bytes(vectors_table(watched, here))),
            "prints": put_side(store, prints.to_bytes()),
        }


@contextmanager
def one_thread() -> Iterator[None]:
    """Arithmetic on one thread: over several, sums add up in another order, and numbers differ in their last digits."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        cv2.setNumThreads(before)


def average_rate(watched: Watched, clip: Clip) -> Fraction:
    """A clip's constant rate, or its frames over its seconds."""
    span = clip.span
    return clip.rate or span.n_frames / ((span.end_pts - span.start_pts) * watched.probed.stream.time_base)


def listen(path: Path) -> SoundPrints:
    """The fingerprint of a source's sound, as far as it decodes. A broken sound stream says less, and costs no clip."""
    heard = SoundPrint()
    with suppress(VideoError):
        for piece in sound(path, RATE_HZ):
            heard.hear(piece)
    return heard.prints()


def done(source: Source, unit: Unit, worked: bool) -> Done:
    dead = sum(1 for row in unit.dead if row.span)
    return Done(source, unit.attempt, unit.outcome, unit.reason, worked, unit.n_kept, len(unit.dropped), dead)


def buried(source: Source, ledger: Ledger, dead: Dead) -> Unit:
    """The unit of a source that died as a whole."""
    return Unit(source, ledger.fingerprint, 0, {}, 0, 0, (), (dead,), None, {}, 0.0)


def facts(stream: Stream, n_decoded: int) -> dict[str, Any]:
    """What the manifest, the report and the data card tell of a source's stream: as declared, and as it was taken."""
    colour = stream.colour
    return {
        "container": stream.container,
        "codec": stream.codec,
        "width_px": stream.width_px,
        "height_px": stream.height_px,
        "pixel_aspect": str(stream.pixel_aspect),
        "bit_depth": stream.bit_depth,
        "colour": {name: str(value) for name, value in vars(colour).items()},
        "interlaced": stream.interlaced,
        "time_base": str(stream.time_base),
        "rate": str(stream.rate),
        "duration_s": stream.duration_s,
        "n_decoded": n_decoded,
    }


def _said(joint: Joint) -> dict[str, Any]:
    return {"kind": joint.kind, "n_frames": joint.n_frames}


def _member(watched: Watched, captioned: Captioned, side: Writing) -> Member:
    """Write a clip's json and txt beside its mp4 in the side file."""
    probed, clip, record = watched.probed, captioned.clip, captioned.record
    rate = average_rate(watched, clip)
    said = {
        "key": clip.key,
        "source_sha256": probed.source.sha256,
        "start_pts": clip.span.start_pts,
        "end_pts": clip.span.end_pts,
        "time_base": str(probed.stream.time_base),
        "start_frame": clip.span.start_frame,
        "end_frame": clip.span.end_frame,
        "rate": str(rate),
        "constant_rate": clip.rate is not None,
        "cadence": clip.cadence,
        "joint_in": _said(watched.joint_in(clip)),
        "joint_out": _said(watched.joint_out(clip)),
        "record": record.to_json(),
    }
    facts_and_record, words = canonical(said), captioned.directive.encode()
    return Member(
        key=clip.key,
        span=clip.span,
        width_px=clip.width_px,
        height_px=clip.height_px,
        rate=rate,
        mp4=(clip.offset, clip.length),
        json=side.write(facts_and_record),
        txt=side.write(words),
        mp4_blake2b=clip.blake2b,
        json_blake2b=digest(facts_and_record),
        txt_blake2b=digest(words),
        tags=record.tags(),
        directive=captioned.directive,
    )
