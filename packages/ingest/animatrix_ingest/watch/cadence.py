"""Cadence, undone while frames stream by: film frames out of telecined or repeated ones, with their segment.

    restored(frames(path), probe(path))

A constant-rate source of 24 or 25 whole frames a second passes straight through, but for a look at one frame in 23.
Elsewhere frames are held back for at most LOOK_S; a cadence is decided from luma of the fields (cadence_evidence.py),
by decide/telecine.py, and undone by cadence_film.py. Time stamps stay those of the source: a film frame has the pts of
the frame that held its first field.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import ceil

from anicaption.frames import Frame, Stream, deinterlaced

from animatrix_ingest.decide.telecine import Choice, Decider
from animatrix_ingest.decide.telecine_pace import LOOK_STEPS, Pace, pace, standard
from animatrix_ingest.decide.telecine_patterns import patterns
from animatrix_ingest.watch.cadence_evidence import SAMPLE_FRAMES, SAMPLE_FRAMES_HELD, CombWatch, Eyes, nothing
from animatrix_ingest.watch.cadence_film import Film, Restored, Segment, Segments

__all__ = ["LOOK_S", "Restored", "Segment", "restored"]

LOOK_S = 1.5
"""Frames are held back for so long before their cadence is decided."""
STEP_FRAMES = 8
HELD_MIB, LEAST_HELD_FRAMES = 512, 36
"""Of large pictures fewer are held, down to what the shortest cadence needs."""


def restored(frames: Iterator[Frame], stream: Stream) -> Iterator[Restored]:
    """The film frames of a source, each with its segment and source frames, in order.

    Interlaced video is deinterlaced, a whole frame for every frame. An error of `frames` is raised after everything
    before it was given on.
    """
    for fields, run in itertools.groupby(_restored(frames, stream), lambda item: item.segment.state == "interlaced"):
        if fields:
            yield from _deinterlaced(run)
        else:
            yield from run


def _deinterlaced(run: Iterator[Restored]) -> Iterator[Restored]:
    waiting: deque[Restored] = deque()

    def fed() -> Iterator[Frame]:
        for item in run:
            waiting.append(item)
            yield item.frame

    for frame in deinterlaced(fed()):
        yield replace(waiting.popleft(), frame=frame)


def _restored(frames: Iterator[Frame], stream: Stream) -> Iterator[Restored]:
    declared = standard(stream.rate)
    segments, eyes = Segments(), Eyes(stream.bit_depth)
    frame_bytes = stream.width_px * stream.height_px * 3 // 2 * (2 if stream.bit_depth > 8 else 1)
    room_frames = max(LEAST_HELD_FRAMES, (HELD_MIB << 20) // frame_bytes)
    part: _Part | None = None
    failure: list[Exception] = []
    for frame, its_pace in _paced(_until_error(frames, failure), declared):
        if part is None or part.pace != its_pace:
            yield from part.end() if part else ()
            part = _Part(its_pace, segments, eyes, room_frames)
        yield from part.take(frame)
    yield from part.end() if part else ()
    if failure:
        raise failure[0]


def _until_error(frames: Iterator[Frame], failure: list[Exception]) -> Iterator[Frame]:
    """Whatever stops the decoder stops us too, but only when what is held has been given on."""
    try:
        yield from frames
    except Exception as error:
        failure.append(error)


def _paced(frames: Iterator[Frame], declared: Fraction) -> Iterator[tuple[Frame, Pace]]:
    """Each frame with the pace of the time stamps around it."""
    held: deque[Frame] = deque()
    now: Pace | None = None
    for frame in frames:
        held.append(frame)
        if len(held) > LOOK_STEPS:
            if now is None or not _goes_on(held, now):
                now = pace([f.pts for f in held], frame.time_base, declared)
            yield held.popleft(), now
    if held and now is None:
        now = pace([f.pts for f in held], held[0].time_base, declared)
    for frame in held:
        assert now is not None
        yield frame, now


def _goes_on(held: deque[Frame], now: Pace) -> bool:
    """Whether the oldest frame lasts as a constant pace has it, so that nothing has to be counted again."""
    step = 1 / (now.rate * held[0].time_base)
    return now.kind == "constant" and abs(held[1].pts - held[0].pts - step) <= max(1, step / 8)


class _Part:
    """A run of frames at one pace."""

    def __init__(self, its_pace: Pace, segments: Segments, eyes: Eyes, room_frames: int) -> None:
        self.pace = its_pace
        self._segments, self._eyes = segments, eyes
        self._held_frames = min(ceil(LOOK_S * its_pace.rate), room_frames)
        self._last: Frame | None = None  # the frame before the one at hand
        self._before: Frame | None = None  # the frame before the held ones
        self._fields = False  # whether the fields of frames are looked at
        self._held: deque[Frame] = deque()  # frames not yet decided
        self._decider: Decider | None = None
        self._film = Film(its_pace.rate, segments, eyes)
        self._watched = its_pace.kind == "constant" and len(patterns(its_pace.rate)) > 1
        # Whole frames of this rate have one cadence only: nothing to decide unless there are fields.
        self._plain = all(p.woven or p.plain for p in patterns(its_pace.rate))
        self._combs = CombWatch(eyes, SAMPLE_FRAMES if self._plain else SAMPLE_FRAMES_HELD)

    def take(self, frame: Frame) -> Iterator[Restored]:
        last, self._last = self._last, frame
        if not self._watched:
            state = {"soft": "soft_telecine", "variable": "variable"}.get(self.pace.kind, "progressive")
            yield Restored(frame, self._segments.of(state, self.pace.rate), (frame.index, frame.index))
            return
        if not self._fields and (frame.interlaced or self._combs.see(frame, last)):
            yield from self._look_at_fields()
        if self._plain and not self._fields:
            yield Restored(frame, self._segments.of("progressive", self.pace.rate), (frame.index, frame.index))
            return
        yield from self._decide(frame, last)

    def end(self) -> Iterator[Restored]:
        """Everything that is still held."""
        if self._decider is not None:
            yield from self._given(self._decider.end())
            yield from self._film.end()

    def _look_at_fields(self) -> Iterator[Restored]:
        """From here on fields count; what is held is looked at again."""
        self._fields = True
        if self._decider is None:
            return
        yield from self._film.end()
        self._film = Film(self.pace.rate, self._segments, self._eyes)
        again, self._held, self._decider = self._held, deque(), None
        last = self._before
        for frame in again:
            yield from self._decide(frame, last)
            last = frame

    def _decide(self, frame: Frame, last: Frame | None) -> Iterator[Restored]:
        if self._decider is None:
            lag_frames = max(STEP_FRAMES, self._held_frames - 2 * STEP_FRAMES)
            self._decider = Decider(self.pace.rate, lag_frames, STEP_FRAMES, woven=self._fields)
        look = self._eyes.both_fields if self._fields else self._eyes.whole
        self._held.append(frame)
        yield from self._given(self._decider.add(look(frame, last) if last is not None else nothing()))

    def _given(self, choices: list[Choice]) -> Iterator[Restored]:
        for choice in choices:
            self._before = self._held.popleft()
            yield from self._film.take(self._before, choice)
