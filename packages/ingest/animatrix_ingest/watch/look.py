"""The one decode of a source: every frame is measured, judged for cuts, encoded, and then forgotten.

Frames flow through four generators and are never decoded twice or gathered:

    restored    decodes, and undoes telecine and repeats (watch/cadence.py); time stamps stay the source's
    _Seen       shows each film frame to the measuring pass, the shot detector and every observer
    pieces      holds back as many pictures as the detector's delay and the length rules need (decide/pieces.py)
    groupby     hands one piece at a time to the encoder, which takes its pictures one by one

So memory is bounded by the frames a cadence is decided from, the pictures held back (at clip size), one encoded clip,
and a few floats per frame, however long the source is. Spans count film frames: what is given on, from 0.
"""

from __future__ import annotations

import itertools
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from anicaption.captioner import WATCH_ROWS_PX
from anicaption.frames import ClipPicture, Encoded, Frame, Stream, VideoError, frames, probe
from anicaption.measure.onepass import Watch

from animatrix_ingest.decide.pieces import Joint, Piece, Rule, cut, pieces
from animatrix_ingest.keep.encode import Encode
from animatrix_ingest.keep.store import Writing, digest
from animatrix_ingest.recipes import Detector
from animatrix_ingest.rows import Clip, Dead, Dropped, Lost, Probed, Source, Span, Watched
from animatrix_ingest.watch.appearance import AppearanceWatch
from animatrix_ingest.watch.cadence import Restored, Segment, restored
from animatrix_ingest.watch.detectors import Cuts
from animatrix_ingest.watch.looks import LooksWatch
from animatrix_ingest.watch.observers import Observers

Tell = Callable[[int, int], None]
"""Called with (frames given on so far, shots finished so far)."""

SLACK_S = 0.5
"""A source that ends this much before its container says has lost something; sound often outlasts pictures."""


def open_source(source: Source) -> Probed | Dead:
    """Probe: is it a video? What is not becomes a dead letter in the decoder's words, with the remedy."""
    try:
        return Probed(source, probe(source.name))
    except VideoError as error:
        return Dead(error.stage, f"{error.words} ({error.remedy})")


@dataclass(frozen=True)
class Look:
    """Watches one source: its shots found, its frames measured, its clips encoded into the side file."""

    detector: Detector
    min_shot_s: float
    max_shot_s: float
    encode: Encode
    looking: Callable[[], LooksWatch] = AppearanceWatch

    def __call__(self, probed: Probed, side: Writing, tell: Tell) -> Watched | Dead:
        """Decode once. Dead where no frame decodes; a source that breaks off yields the shots before the break."""
        stream = probed.stream
        film = _Film(stream)
        watch = Watch(film.rate, stream.shown_width_px, stream.shown_height_px)
        cuts = Cuts(self.detector, stream, watch.transitions)
        rule = Rule.of(self.min_shot_s, self.max_shot_s, cuts.delay_frames, film.rate)
        seen = _Seen(film, watch, cuts, self.encode.height_px, tell, Observers(stream, self.looking))
        rows: list[Clip | Dropped | Dead] = []
        joints: list[Joint] = []
        for piece, group in itertools.groupby(pieces(seen, rule), key=lambda pair: pair[0]):
            rows.append(self._shot(probed, seen, piece, _Counted(shot for _, shot in group), side))
            seen.n_shots = len(rows)
            if joints[-1:] != [piece.joint]:
                joints.append(piece.joint)
        if not seen.pts:
            return Dead("decode", seen.lost.reason if seen.lost else "no frame in the video stream")
        tracks = watch.tracks()
        return Watched(
            probed=probed,
            n_frames=len(seen.pts),
            n_decoded=film.n_decoded,
            clips=tuple(row for row in rows if isinstance(row, Clip)),
            dropped=tuple(row for row in rows if isinstance(row, Dropped)),
            dead=tuple(row for row in rows if isinstance(row, Dead)),
            tracks=tracks,
            seen=seen.observers.findings(tracks, watch.transitions.scores()),
            lost=seen.lost,
            joints=(*joints, cut(len(seen.pts), "end")),
        )

    def _shot(self, probed: Probed, seen: _Seen, piece: Piece, shots: _Counted, side: Writing) -> Clip | Dropped | Dead:
        """Take one piece's pictures and decide what becomes of it. Every picture is consumed, whatever happens."""
        made: Encoded | None = None
        failure = ""
        segment = seen.segments[piece.start_frame]
        if not piece.short:
            try:
                made = self._encoded(shots, segment, probed.stream)
            except Exception as error:  # an encoder may fail in its own ways; the shot is dead, the source goes on
                if shots.broke:
                    raise
                failure = f"{type(error).__name__}: {error}"
        n_frames = shots.drain()
        span = seen.span(piece.start_frame, n_frames)
        if piece.is_joint:
            return Dropped(span, f"of a {piece.joint.kind}: {n_frames} frame{'s' * (n_frames > 1)} of both shots")
        if seen.lost and span.end_frame == len(seen.pts):
            return Dropped(span, "cut off: the source breaks in this shot")
        if n_damaged := seen.n_damaged(span):
            return Dropped(span, f"damaged: the decoder made up {n_damaged} of {n_frames} frames")
        if piece.short or (span.end_pts - span.start_pts) * probed.stream.time_base < self.min_shot_s:
            return Dropped(span, f"shorter than {self.min_shot_s:g} s")
        if failure or made is None:
            return Dead("encode", failure, span)
        offset, length = side.write(made.data)
        key = self.encode.key(probed.source.sha256, span.start_pts, span.end_pts)
        return Clip(key, span, *shots.size_px, made.rate, segment.state, offset, length, digest(made.data))

    def _encoded(self, shots: _Counted, segment: Segment, stream: Stream) -> Encoded:
        """Film made of fields or repeats has its cadence's rate; anything else the rate of its own time stamps."""
        if not segment.undone:
            return self.encode.timed(shots, stream.time_base, segment.rate)
        data = self.encode((picture for picture, _ in shots), segment.rate)
        return Encoded(data, shots.n_frames, segment.rate)


class _Film:
    """The film frames of a source, as its cadence gives them; the first is looked at ahead, for its rate."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.n_decoded = stream, 0
        self.failure: VideoError | None = None
        self._given = restored(self._decoded(), stream)
        self._first = self._next()

    @property
    def rate(self) -> Fraction:
        """That of the first film frame's segment: film in video has fewer frames than its stream declares."""
        return self._first.segment.rate if self._first else self.stream.rate

    def __iter__(self) -> Iterator[Restored]:
        """Every film frame. What stops the decoder ends it, and is the `failure`."""
        given = self._first
        while given is not None:
            yield given
            given = self._next()

    def _next(self) -> Restored | None:
        try:
            return next(self._given, None)
        except VideoError as error:
            self.failure = error
            return None

    def _decoded(self) -> Iterator[Frame]:
        for frame in frames(self.stream.source):
            self.n_decoded += 1
            yield frame


class _Seen:
    """Iterates over ((clip picture, pts), joints reported with it), while everything looks at each frame."""

    def __init__(self, film: _Film, watch: Watch, cuts: Cuts, rows_px: int, tell: Tell, observers: Observers) -> None:
        self.pts = array("q")
        self.damaged = array("q")
        self.segments = _Segments()
        self.observers = observers
        self.n_shots = 0
        self.lost: Lost | None = None
        self._film, self._stream = film, film.stream
        self._watch, self._cuts, self._rows_px, self._tell = watch, cuts, rows_px, tell

    def __iter__(self) -> Iterator[tuple[tuple[ClipPicture, int], Sequence[Joint]]]:
        small_px = min(WATCH_ROWS_PX, self._stream.shown_height_px)
        waiting: tuple[ClipPicture, int] | None = None
        reported: list[Joint] = []
        for given in self._film:
            if waiting is not None:
                yield waiting, reported
            frame = given.frame
            small = frame.rgb(small_px, self._stream.pixel_aspect)
            self._watch.see(small, frame.rgb)
            reported = self._cuts.see(frame, small)
            self.observers.see(frame, small)
            if self.segments.add(given.segment):
                reported = [*reported, cut(len(self.pts), "rate")]
            if frame.damaged:
                self.damaged.append(len(self.pts))
            self.pts.append(frame.pts)
            waiting = frame.clip_picture(self._rows_px, self._stream), frame.pts
            self._tell(len(self.pts), self.n_shots)
        self.lost = self._what_is_lost()
        if waiting is not None:
            yield waiting, [*reported, *self._cuts.end()]

    def _what_is_lost(self) -> Lost | None:
        """What the container announced and the decoder did not give: by its count of frames, else by its seconds."""
        stream, n_decoded, expected = self._stream, self._film.n_decoded, self._stream.n_frames
        if expected is None and stream.duration_s is not None:
            expected = round(stream.duration_s * stream.rate)
        if self._film.failure is not None:
            return Lost(n_decoded, expected, self._film.failure.words)
        if not self.pts:
            return None
        if stream.n_frames is not None:
            missing_s = float((stream.n_frames - n_decoded) / stream.rate)
        elif stream.duration_s is not None:
            shown = (self.pts[-1] - self.pts[0]) * stream.time_base + 1 / self.segments[len(self.pts) - 1].rate
            missing_s = stream.duration_s - float(shown)
        else:
            return None
        if missing_s <= SLACK_S:
            return None
        return Lost(n_decoded, expected, f"the file ends {missing_s:.1f} s early")

    def n_damaged(self, span: Span) -> int:
        return sum(span.start_frame <= index < span.end_frame for index in self.damaged)

    def span(self, start_frame: int, n_frames: int) -> Span:
        """The span of frames in frames and pts; after the last frame, pts goes on at its segment's rate."""
        end = start_frame + n_frames
        step = round(1 / (self.segments[end - 1].rate * self._stream.time_base))
        end_pts = self.pts[end] if end < len(self.pts) else self.pts[-1] + step
        return Span(start_frame, end, self.pts[start_frame], end_pts)


class _Segments:
    """Which cadence every frame has, as runs."""

    def __init__(self) -> None:
        self._n_frames = 0
        self._runs: list[tuple[int, Segment]] = []

    def add(self, segment: Segment) -> bool:
        """The next frame's segment. True where its rate is another than the last frame's: no clip has two rates."""
        before = self._runs[-1][1] if self._runs else None
        if before != segment:
            self._runs.append((self._n_frames, segment))
        self._n_frames += 1
        return before is not None and (before.rate, before.undone) != (segment.rate, segment.undone)

    def __getitem__(self, frame: int) -> Segment:
        at = bisect_right(self._runs, frame, key=lambda run: run[0])
        return self._runs[at - 1][1]


class _Counted:
    """Passes (picture, pts) pairs on, counting them; remembers whether an error came from where they come from."""

    def __init__(self, shots: Iterator[tuple[ClipPicture, int]]) -> None:
        self._shots = shots
        self.n_frames = 0
        self.size_px = (0, 0)
        self.broke = False

    def __iter__(self) -> Iterator[tuple[ClipPicture, int]]:
        return self

    def __next__(self) -> tuple[ClipPicture, int]:
        try:
            picture, pts = next(self._shots)
        except StopIteration:
            raise
        except Exception:
            self.broke = True
            raise
        self.n_frames += 1
        self.size_px = (picture.width_px, picture.height_px)
        return picture, pts

    def drain(self) -> int:
        """Consume what is left; returns how many pictures there were in all."""
        for _ in self:
            pass
        return self.n_frames
