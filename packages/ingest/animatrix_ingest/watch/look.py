"""The one decode of a source: every frame is measured, judged for cuts, encoded, and then forgotten.

Frames flow through three generators and are never decoded twice or gathered:

    _Seen     decodes; each frame goes to the measuring pass and to the shot detector
    pieces    holds back as many pictures as the detector's delay and the length rules need (decide/pieces.py)
    groupby   hands one piece at a time to the encoder, which takes its pictures one by one

So memory is bounded by the pictures held back (at clip size), one encoded clip, and a few floats per frame, however
long the source is.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from anicaption.captioner import WATCH_ROWS_PX
from anicaption.frames import Stream, VideoError, even, frames, probe
from anicaption.measure.onepass import Watch

from animatrix_ingest.decide.pieces import Piece, Rule, pieces
from animatrix_ingest.decide.rate import uneven
from animatrix_ingest.keep.encode import Encode
from animatrix_ingest.keep.store import Writing, digest
from animatrix_ingest.recipes import Detector
from animatrix_ingest.rows import Clip, Dead, Dropped, Lost, Probed, Source, Span, Watched
from animatrix_ingest.watch.detectors import Cuts

Tell = Callable[[int, int], None]
"""Called with (frames decoded so far, shots finished so far)."""

SLACK_S = 0.5
"""A source that ends this much before its container says has lost something; sound often outlasts pictures."""


def open_source(source: Source) -> Probed | Dead:
    """Probe: is it a video? What is not becomes a dead letter in the decoder's words."""
    try:
        return Probed(source, probe(source.name))
    except VideoError as error:
        return Dead(error.stage, error.words)


@dataclass(frozen=True)
class Look:
    """Watches one source: its shots found, its frames measured, its clips encoded into the side file."""

    detector: Detector
    min_shot_s: float
    max_shot_s: float
    encode: Encode

    def __call__(self, probed: Probed, side: Writing, tell: Tell) -> Watched | Dead:
        """Decode once. Dead where no frame decodes; a source that breaks off yields the shots before the break."""
        stream = probed.stream
        watch = Watch(stream.rate, stream.width_px, stream.height_px)
        cuts = Cuts(self.detector, stream, watch.transitions)
        rule = Rule.of(self.min_shot_s, self.max_shot_s, cuts.delay_frames, stream.rate)
        seen = _Seen(stream, watch, cuts, even(min(self.encode.height_px, stream.height_px)), tell)
        rows: list[Clip | Dropped | Dead] = []
        for piece, group in itertools.groupby(pieces(seen, rule), key=lambda pair: pair[0]):
            rows.append(self._shot(probed, seen, piece, _Counted(picture for _, picture in group), rule, side))
            seen.n_shots = len(rows)
        if not seen.pts:
            return Dead("decode", seen.lost.reason if seen.lost else "no frame in the video stream")
        return Watched(
            probed=probed,
            n_frames=len(seen.pts),
            clips=tuple(row for row in rows if isinstance(row, Clip)),
            dropped=tuple(row for row in rows if isinstance(row, Dropped)),
            dead=tuple(row for row in rows if isinstance(row, Dead)),
            tracks=watch.tracks(),
            lost=seen.lost,
        )

    def _shot(
        self, probed: Probed, seen: _Seen, piece: Piece, pictures: _Counted, rule: Rule, side: Writing
    ) -> Clip | Dropped | Dead:
        """Take one piece's pictures and decide what becomes of it. Every picture is consumed, whatever happens."""
        data, failure = b"", ""
        if not piece.short:
            try:
                data = self.encode(pictures, probed.stream.rate)
            except Exception as error:  # an encoder may fail in its own ways; the shot is dead, the source goes on
                if pictures.broke:
                    raise
                failure = f"{type(error).__name__}: {error}"
        n_frames = pictures.drain()
        span = seen.span(piece.start_frame, n_frames)
        if seen.lost and span.end_frame == len(seen.pts):
            return Dropped(span, "cut off: the source breaks in this shot")
        if n_frames < rule.min_frames:
            return Dropped(span, f"shorter than {self.min_shot_s:g} s")
        if failure:
            return Dead("encode", failure, span)
        if wrong := uneven(seen.pts[span.start_frame : span.end_frame], probed.stream.time_base, probed.stream.rate):
            return Dropped(span, wrong)
        offset, length = side.write(data)
        key = self.encode.key(probed.source.sha256, span.start_pts, span.end_pts)
        return Clip(key, span, *pictures.size_px, offset, length, digest(data))


class _Seen:
    """Iterates over (picture at clip size, cuts reported with it), while everything looks at each frame."""

    def __init__(self, stream: Stream, watch: Watch, cuts: Cuts, rows_px: int, tell: Tell) -> None:
        self.pts = array("q")
        self.n_shots = 0
        self.lost: Lost | None = None
        self._stream, self._watch, self._cuts, self._rows_px, self._tell = stream, watch, cuts, rows_px, tell

    def __iter__(self) -> Iterator[tuple[np.ndarray, Sequence[int]]]:
        small_px = min(WATCH_ROWS_PX, self._stream.height_px)
        waiting: np.ndarray | None = None
        reported: list[int] = []
        try:
            for frame in frames(self._stream.source):
                if waiting is not None:
                    yield waiting, reported
                small = frame.rgb(small_px)
                self._watch.see(small, frame.rgb)
                reported = self._cuts.see(frame, small)
                self.pts.append(frame.pts)
                picture = frame.rgb(self._rows_px)
                waiting = picture[:, : picture.shape[1] // 2 * 2]
                self._tell(len(self.pts), self.n_shots)
        except VideoError as error:
            self.lost = Lost(len(self.pts), self._expected(), error.words)
        if self.lost is None and (expected := self._expected()) is not None:
            missing = expected - len(self.pts)
            if missing > SLACK_S * self._stream.rate:
                self.lost = Lost(len(self.pts), expected, f"the file ends {missing} frames early")
        if waiting is not None:
            yield waiting, [*reported, *self._cuts.end()]

    def _expected(self) -> int | None:
        stream = self._stream
        if stream.n_frames is not None or stream.duration_s is None:
            return stream.n_frames
        return round(stream.duration_s * stream.rate)

    def span(self, start_frame: int, n_frames: int) -> Span:
        """The span of frames in frames and pts; after the last frame, pts goes on at the declared rate."""
        end = start_frame + n_frames
        step = round(1 / (self._stream.rate * self._stream.time_base))
        end_pts = self.pts[end] if end < len(self.pts) else self.pts[-1] + step
        return Span(start_frame, end, self.pts[start_frame], end_pts)


class _Counted:
    """Passes pictures on, counting them; remembers whether an error came from where they come from."""

    def __init__(self, pictures: Iterator[np.ndarray]) -> None:
        self._pictures = pictures
        self.n_frames = 0
        self.size_px = (0, 0)
        self.broke = False

    def __iter__(self) -> Iterator[np.ndarray]:
        return self

    def __next__(self) -> np.ndarray:
        try:
            picture = next(self._pictures)
        except StopIteration:
            raise
        except Exception:
            self.broke = True
            raise
        self.n_frames += 1
        self.size_px = (picture.shape[1], picture.shape[0])
        return picture

    def drain(self) -> int:
        """Consume what is left; returns how many pictures there were in all."""
        for _ in self:
            pass
        return self.n_frames
